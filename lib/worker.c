/*
 * One worker: its process, the channel on its pipes, and what becomes of both.
 *
 * The process and its channel end apart, in any order: a dead process may have
 * left answers in the pipe, and a pipe may end before the system says what
 * killed its writer.  So the first of the two makes it LOST, and the other has
 * LAST_S to follow by itself before it is made to.
 */
#include "worker.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "log.h"
#include "request.h"
#include "rpc.h"

#define LAST_S 0.1		/* between the end of the one and the other */

static const struct amas__log *
log_of(const struct amas__worker *w)
{
	return amas__loop_log(w->resident.loop);
}

/* The first cause wins. */
static void
set_why(struct amas__worker *w, const char *why)
{
	if (w->why[0] == '\0')
		(void)snprintf(w->why, sizeof w->why, "%s", why);
}

/* ---- The end ---- */

/*
 * Whether there was no worker at all: the system or the shell found none.  What
 * calls it then need not wait for the next try.
 */
static bool
is_hopeless(const struct amas__worker *w, bool started)
{
	return !started || (!w->spoke && (strcmp(w->why,
	    "exit status 127") == 0 || strcmp(w->why,
	    "exit status 126") == 0));
}

/* Says what was lost, and when it comes back. */
static void
say_over(const struct amas__worker *w, double delay_s)
{
	char when[32] = "at once";

	if (delay_s > 0)
		(void)snprintf(when, sizeof when, "in %gs", delay_s);
	if (!w->finished)
		amas__log(log_of(w), AMAS_LOG_WARN, "%s: %s; starts again %s",
		    w->resident.name, w->why, when);
}

/* Process and channel have ended. */
static void
over(struct amas__worker *w, bool started)
{
	double delay_s;
	bool told = w->told;

	if (amas__loop_now(w->resident.loop) - w->since >=
	    AMAS__WORKER_HEALTHY_S)
		w->delay_s = AMAS__WORKER_DELAY_S;
	delay_s = w->delay_s;
	w->delay_s = delay_s * 2 < AMAS__WORKER_DELAY_MAX_S ? delay_s * 2 :
	    AMAS__WORKER_DELAY_MAX_S;
	if (amas__rest_ordered(w->resident.loop) &&
	    delay_s <= AMAS__WORKER_DELAY_S)
		delay_s = 0; /* no time goes by while it is awaited */
	w->state = AMAS__WORKER_DELAYED;
	w->hopeless = is_hopeless(w, started);
	if (w->finished)
		amas__timer_stop(&w->timer);
	else
		amas__timer_start(&w->timer, delay_s);
	say_over(w, delay_s);
	w->told = true;
	if (!told)
		w->ops->over(w, w->why);
}

static void
set_lost(struct amas__worker *w)
{
	w->state = AMAS__WORKER_LOST;
	amas__timer_start(&w->timer, LAST_S);
}

static void
close_channel(struct amas__worker *w)
{
	struct amas_channel *ch = w->ch;

	w->ch = NULL;
	amas_channel_close(ch);
}

/* Ends what is left of it, and tells; for one that is LOST. */
static void
end_it(struct amas__worker *w)
{
	close_channel(w);
	if (w->resident.proc == NULL) {
		over(w, true);
		return;
	}
	amas__timer_stop(&w->timer);
	amas__resident_stop(&w->resident);
	if (w->told)
		return;
	w->told = true;
	w->ops->over(w, w->why);
}

static void
process_ended(struct amas__resident *r, const char *why)
{
	struct amas__worker *w = AMAS__OF(r, struct amas__worker, resident);
	bool started = w->state != AMAS__WORKER_STARTS;

	set_why(w, why);
	if (w->ch == NULL)
		over(w, started);
	else
		set_lost(w);
}

/* ---- The channel ---- */

static void
channel_ended(struct amas_channel *ch, void *arg)
{
	struct amas__worker *w = arg;
	const struct amas_error *why = amas__channel_ended(ch);

	if (w->ch == NULL)
		return; /* we did it */
	set_lost(w);
	if (why->code != AMAS_ECLOSED && why->code != AMAS_ECANCELED) {
		set_why(w, why->text);
		end_it(w);
		return;
	}
	close_channel(w);
	if (w->resident.proc == NULL)
		over(w, true);
}

/* It reads no more: likely it is dying, and its answers are in the pipe. */
static void
channel_broken(struct amas_channel *ch, void *arg)
{
	struct amas__worker *w = arg;

	(void)ch;
	if (w->state == AMAS__WORKER_RUNS)
		set_lost(w);
}

static void
channel_room(struct amas_channel *ch, void *arg)
{
	struct amas__worker *w = arg;

	(void)ch;
	if (amas__worker_takes(w))
		w->ops->room(w);
}

static void
channel_odd(struct amas_channel *ch, const char *data, size_t len,
    const struct amas_error *why, void *arg)
{
	struct amas__worker *w = arg;
	char text[400];

	(void)ch;
	if (++w->odd <= AMAS__WORKER_ODD)
		amas__log(log_of(w), AMAS_LOG_WARN, "%s: skipped, %s: %s",
		    w->resident.name, why->text,
		    amas__log_text(text, sizeof text, data, len));
	if (w->odd == AMAS__WORKER_ODD)
		amas__log(log_of(w), AMAS_LOG_WARN, "%s: further such lines "
		    "are not logged", w->resident.name);
}

/* One of its own requests has been answered, or has come to nothing. */
static void
on_answered(void *arg)
{
	struct amas__worker *w = arg;

	if (w->state == AMAS__WORKER_RUNS)
		w->ops->asked(w);
}

static void
channel_request(struct amas_channel *ch, struct amas_request *req, void *arg)
{
	struct amas__worker *w = arg;

	w->spoke = true;
	amas__request_on_done(req, on_answered, w);
	if (amas__request_parse_call(req) == 0)
		amas__guest_request(&w->resident.guest, req);
	if (amas__channel_ended(ch) == NULL) /* else w may be gone */
		w->ops->asked(w);
}

/* A proxy of a caller, in what is sent to the worker: a URL for the host. */
static int
foreign(void *arg, const struct amas_value *proxy, struct amas__buf *path,
    struct amas_error *err)
{
	struct amas__worker *w = arg;

	return amas__host_proxy_url(w->resident.loop, proxy, path, err);
}

static void
traced(struct amas_channel *ch, void *arg, const struct amas__msg *m,
    struct amas__traced *t)
{
	const struct amas__worker *w = arg;

	(void)ch;
	(void)m;
	amas__guest_traced(&w->resident.guest, t);
}

static const struct amas__channel_ops channel_ops = {
	.traced = traced,
	.request = channel_request,
	.foreign = foreign,
	.proxy = amas__rpc_proxy,
	.ended = channel_ended,
	.odd = channel_odd,
	.broken = channel_broken,
	.room = channel_room,
	.any_types = true,
	.inner = true,
};

/* ---- The beginning ---- */

static void
process_hand(struct amas__resident *r, int in, int out)
{
	struct amas__worker *w = AMAS__OF(r, struct amas__worker, resident);
	const struct amas_opts opts = { .lines = 1,
		.max_message = w->max_message };
	struct amas_error err;

	if (amas__channel_pair(&w->ch, r->loop, out, in, r->name, true, &opts,
	    &channel_ops, w, &err) != 0) {
		w->ch = NULL;
		set_why(w, err.text);
		w->state = AMAS__WORKER_LOST;
		end_it(w);
		return;
	}
	amas__channel_be_child(w->ch);
	w->state = AMAS__WORKER_RUNS;
	w->ops->room(w);
}

/* Whose call the worker knows by this id. */
static struct amas_channel *
caller(struct amas__guest *g, int64_t id)
{
	struct amas__worker *w = AMAS__OF(g, struct amas__worker,
	    resident.guest);
	void *arg = w->ch == NULL ? NULL : amas__channel_call_arg(w->ch, id);

	return arg != NULL ? w->ops->caller(arg) : NULL;
}

static const struct amas__resident_ops resident_ops = {
	.hand = process_hand,
	.ended = process_ended,
};

static void
on_timer(struct amas__timer *t)
{
	struct amas__worker *w = AMAS__OF(t, struct amas__worker, timer);
	struct amas_error err;

	if (w->state == AMAS__WORKER_LOST) {
		if (w->resident.proc != NULL)
			set_why(w, "closed its standard input or output");
		end_it(w);
		return;
	}
	w->state = AMAS__WORKER_NEW;
	if (amas__worker_start(w, &err) != 0) {
		w->state = AMAS__WORKER_STARTS;
		set_why(w, err.text);
		over(w, false);
	}
}

void
amas__worker_init(struct amas__worker *w, struct amas_loop *l,
    const struct amas__worker_ops *ops, const struct amas__program *program,
    const char *name, size_t index, size_t max_message)
{
	memset(w, 0, sizeof *w);
	w->ops = ops;
	w->max_message = max_message;
	w->delay_s = AMAS__WORKER_DELAY_S;
	amas__timer_init(&w->timer, l, on_timer);
	amas__resident_init(&w->resident, l, &resident_ops, program, name,
	    index);
	w->resident.guest.peer = caller;
}

int
amas__worker_start(struct amas__worker *w, struct amas_error *err)
{
	int rc = amas__resident_start(&w->resident, err);

	if (rc != 0)
		return rc;
	w->state = AMAS__WORKER_STARTS;
	w->since = amas__loop_now(w->resident.loop);
	w->told = w->spoke = w->hopeless = false;
	w->odd = 0;
	w->why[0] = '\0';
	return 0;
}

/* ---- Calls ---- */

bool
amas__worker_takes(const struct amas__worker *w)
{
	return w->state == AMAS__WORKER_RUNS &&
	    amas__channel_queued(w->ch) <= AMAS__WORKER_QUEUED;
}

int
amas__worker_send(struct amas__worker *w, const struct amas_value *content,
    amas_reply_fn *fn, void *arg, struct amas__link *owner)
{
	return amas__channel_request(w->ch, 0, fn, arg, content, owner);
}

bool
amas__worker_lost(struct amas__worker *w, const struct amas_reply *rep)
{
	if (rep->kind != AMAS_ERROR) {
		w->spoke = true;
		return false;
	}
	if (rep->code == AMAS_ECLOSED) { /* its output has ended */
		if (w->state == AMAS__WORKER_RUNS)
			set_lost(w);
		return true;
	}
	return w->ch == NULL || amas__channel_ended(w->ch) != NULL;
}

bool
amas__worker_asks(const struct amas__worker *w)
{
	return w->ch != NULL && amas__channel_open_requests(w->ch) > 0;
}

void
amas__worker_finish(struct amas__worker *w)
{
	w->finished = true;
	if (w->state == AMAS__WORKER_DELAYED) {
		amas__timer_stop(&w->timer);
	} else if (w->state == AMAS__WORKER_STARTS) {
		amas__resident_stop(&w->resident);
	} else if (w->state == AMAS__WORKER_RUNS) {
		set_lost(w);
		close_channel(w);
	}
}

void
amas__worker_fini(struct amas__worker *w)
{
	amas__timer_stop(&w->timer);
	close_channel(w);
	amas__resident_fini(&w->resident);
	w->finished = true;
	w->state = AMAS__WORKER_DELAYED;
}
