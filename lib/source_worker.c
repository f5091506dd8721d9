/*
 * Workers as sources: all calls below a name go to one process, or to the least
 * busy of several.
 *
 * A call is in one list: that of the worker it was sent to, or that of those
 * that wait, in order of arrival, until a worker runs, has room in its pipe,
 * and has a place among what is awake (jobs.h): it holds one while calls of it
 * are open, but not while it waits for an answer itself.  Each call answers
 * its request once, when it leaves its list.
 */
#include "source_worker_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "codec.h"
#include "err.h"
#include "jobs.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "program.h"
#include "request.h"
#include "source.h"
#include "value.h"
#include "worker.h"

#define NAME_SHOWN 200		/* bytes of a path in messages */
#define WAITING_MAX ((size_t)64 << 20)	/* bytes of calls that wait */

struct call {
	struct amas__link link;
	struct amas__group *g;
	struct amas__slot *slot;	/* NULL: waits */
	struct amas_request *req;
	const char *walked, *rest;	/* in the path of the request */
	size_t walked_len, rest_len;
	size_t bytes;		/* what it holds */
	struct amas__timer deadline;
	struct amas__link sent;		/* its request to the worker */
	bool done;
};

/* ---- The group ---- */

static void
group_close(struct amas__group *g)
{
	size_t i;

	g->closed = true;
	for (i = 0; i < g->n; i++) {
		amas__worker_fini(&g->slot[i].worker);
		amas__job_done(&g->slot[i].job);
		amas__unsure_sure(&g->slot[i].unsure);
	}
	amas__awake_set(&g->awake, false);
	amas__open_remove(&g->open);
}

static void
group_unref(struct amas__group *g)
{
	struct amas__home *home = g->home;
	struct amas_channel *peer = g->opts.peer;

	if (--g->refs > 0)
		return;
	if (!g->closed)
		group_close(g);
	amas__program_close(&g->is);
	free(g);
	amas__home_unref(home);
	if (peer != NULL)
		amas__channel_unref(peer);
}

/* In a drain they end when there is nothing more to do. */
static void
finish_if_idle(struct amas__group *g)
{
	size_t i;

	if (g->n_calls > 0 || g->closed || !amas__loop_draining(g->loop))
		return;
	for (i = 0; i < g->n; i++)
		amas__worker_finish(&g->slot[i].worker);
}

/* ---- Places ---- */

static bool
has_place(const struct amas__slot *s)
{
	return s->job.state >= AMAS__JOB_RUNS; /* or sleeps */
}

/* Holds a place while it works for somebody, and is not waiting itself. */
static void
update_place(struct amas__slot *s)
{
	if (s->n == 0)
		amas__job_done(&s->job);
	else if (amas__worker_asks(&s->worker))
		amas__job_sleep(&s->job);
	else
		(void)amas__job_wake(&s->job);
}

/* ---- Calls and their answers ---- */

/*
 * Takes a call out of everything and frees it.  Gives its request, which must
 * be answered, and then its reference to the group dropped, by left().
 */
static struct amas_request *
call_end(struct call *c)
{
	struct amas_request *req = c->req;
	struct amas__group *g = c->g;
	struct amas__slot *s = c->slot;

	c->done = true;
	amas_request_on_gone(req, NULL, NULL);
	amas__timer_stop(&c->deadline);
	amas__list_remove(&c->link);
	amas__channel_cancel(&c->sent);
	if (s == NULL) {
		(*amas__request_waiting(req))--;
		g->waiting_bytes -= c->bytes;
		amas__group_update(g);
	} else {
		s->n--;
		update_place(s);
	}
	g->n_calls--;
	free(c);
	return req;
}

static void
left(struct amas__group *g)
{
	finish_if_idle(g);
	group_unref(g);
}

static void AMAS_PRINTF(2, 3)
call_fail(struct call *c, const char *fmt, ...)
{
	char text[sizeof c->g->name + sizeof c->slot->worker.why + 100];
	struct amas__group *g = c->g;
	struct amas_request *req;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	req = call_end(c);
	amas__request_fail_text(req, text, strlen(text));
	left(g);
}

/* A failure as the worker says it; what is no text, as JSON. */
static void
call_failed(struct call *c, const struct amas_value *v)
{
	struct amas__group *g = c->g;
	struct amas_request *req;
	struct amas_out out = { .lines = true };
	struct amas__buf b;
	struct amas_error err;

	if (amas_value_type(v) == AMAS_STRING) {
		req = call_end(c);
		amas__request_fail_text(req, amas_value_text(v),
		    amas_value_len(v));
		left(g);
		return;
	}
	amas__buf_init(&b, 0);
	out.buf = &b;
	if (amas__json_print(&out, v, 0, true, &err) != 0) {
		call_fail(c, "worker %s: its failure: %s", g->name, err.text);
	} else {
		req = call_end(c);
		amas__request_fail_text(req, amas__buf_head(&b),
		    amas__buf_len(&b));
		left(g);
	}
	amas__buf_fini(&b);
}

/*
 * A result.  A proxy of the worker becomes one of the path here, which is
 * looked for only where the channel has seen a typed value.
 */
static void
call_result(struct call *c, const struct amas_value *v)
{
	struct amas__area *a = NULL;
	struct amas__group *g = c->g;
	struct amas_request *req;
	struct amas_error err;
	int rc = 0;

	if (amas__area_sender(v->area) != NULL) {
		a = amas__area_new(amas__loop_pool(g->loop));
		rc = a == NULL ? amas__error_nomem(&err) :
		    amas__types_mount(a, &v, c->walked, c->walked_len, &err);
	}
	if (rc != 0) {
		call_fail(c, "worker %s: its result: %s", g->name, err.text);
	} else {
		req = call_end(c);
		amas__request_reply_value(req, v);
		left(g);
	}
	amas__area_unref(a);
}

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct call *c = arg;

	if (c->done || amas__worker_lost(&c->slot->worker, rep))
		return; /* answered, or will be, with the reason */
	if (amas__slot_waits(c->slot))
		amas__slot_spoke(c->slot);
	if (rep->kind == AMAS_RESULT)
		call_result(c, rep->value);
	else if (rep->kind == AMAS_FAILURE)
		call_failed(c, rep->value);
	else
		call_fail(c, "worker %s: %s", c->g->name, rep->text);
}

static void
on_deadline(struct amas__timer *t)
{
	struct call *c = AMAS__OF(t, struct call, deadline);
	char name[NAME_SHOWN + 4];

	(void)amas__log_text(name, sizeof name, amas_request_path(c->req),
	    amas__request_path_len(c->req));
	call_fail(c, "timed out after %gs in %s", c->g->opts.timeout_s, name);
}

/* The caller went away: nobody wants the result. */
static void
on_gone(void *arg)
{
	call_fail(arg, "peer is gone");
}

/* ---- Sending ---- */

static void
call_send(struct call *c, struct amas__slot *s)
{
	struct amas_value item[3], content;

	c->slot = s;
	amas__list_add(&s->calls, &c->link);
	s->n++;
	update_place(s);
	amas__slot_stir(s);
	amas__value_text(&item[0], NULL, AMAS_STRING, c->rest, c->rest_len);
	item[1] = *amas_request_args(c->req);
	item[2] = *amas_request_kwargs(c->req);
	amas__value_list(&content, NULL, item, 3);
	if (amas__worker_send(&s->worker, &content, on_reply, c,
	    &c->sent) != 0)
		call_fail(c, "%s", amas_strerror(AMAS_ENOMEM));
}

/*
 * The least busy worker that takes a call and has a place; if none has, one is
 * asked for.  NULL: none now.
 */
static struct amas__slot *
pick(struct amas__group *g)
{
	struct amas__slot *s, *least = NULL, *placed = NULL;
	size_t i;

	for (i = 0; i < g->n; i++) {
		s = &g->slot[i];
		if (!amas__slot_listens(s))
			continue;
		if (least == NULL || s->n < least->n)
			least = s;
		if (has_place(s) && (placed == NULL || s->n < placed->n))
			placed = s;
	}
	if (least == NULL || has_place(least))
		return least;
	if (least->job.state == AMAS__JOB_IDLE) {
		if (amas__job_take(&least->job))
			return least;
		if (placed == NULL) /* its own counter: is never refused */
			(void)amas__job_ask(&least->job, &least->asking, NULL);
	}
	return placed;
}

/* Whether its process knows all that it must, for the next call. */
static bool
told(struct amas__group *g)
{
	struct amas__slot *s = &g->slot[0];

	if (g->watch != NULL && !s->greeted && amas__worker_takes(&s->worker)) {
		s->greeted = true;
		g->watch->ops->runs(g->watch);
	}
	if (g->closed)
		return false;
	return g->watch == NULL || (amas__worker_takes(&s->worker) &&
	    g->watch->ops->room(g->watch));
}

/* Sends what can be sent of those that wait. */
static void
dispatch(struct amas__group *g)
{
	struct amas__slot *s;
	struct call *c;

	g->refs++;
	while (told(g) && !amas__list_empty(&g->waiting) &&
	    (s = pick(g)) != NULL) {
		c = AMAS__OF(g->waiting.next, struct call, link);
		amas__list_remove(&c->link);
		(*amas__request_waiting(c->req))--;
		g->waiting_bytes -= c->bytes;
		call_send(c, s);
	}
	if (!g->closed)
		amas__group_update(g);
	group_unref(g);
}

static void
fail_list(struct amas__group *g, struct amas__link *calls, const char *why)
{
	while (!amas__list_empty(calls))
		call_fail(AMAS__OF(calls->next, struct call, link),
		    "worker %s: %s", g->name, why);
}

static void
on_place(struct amas__job *job)
{
	struct amas__slot *s = AMAS__OF(job, struct amas__slot, job);
	struct amas__group *g = s->g;

	g->refs++;
	if (job->refused)
		fail_list(g, &g->waiting, "busy: too many programs are asleep");
	dispatch(g);
	if (s->n == 0)
		amas__job_done(job);
	group_unref(g);
}

/* It need not wait with what it has been told; see jobs.h. */
static void
on_back(struct amas__job *job)
{
	(void)job;
}

/* ---- From the workers ---- */

static void
on_room(struct amas__worker *w)
{
	struct amas__slot *s = AMAS__OF(w, struct amas__slot, worker);

	if (s->fresh) {
		s->fresh = false;
		amas__slot_greet(s);
	}
	dispatch(s->g);
}

static void
on_asked(struct amas__worker *w)
{
	struct amas__slot *s = AMAS__OF(w, struct amas__slot, worker);

	update_place(s);
	if (!amas__slot_waits(s))
		amas__slot_stir(s); /* an answer was sent to it */
	else if (amas__channel_open_requests(w->ch) > 1)
		amas__slot_spoke(s);
	else
		amas__unsure_sure(&s->unsure);
	if (amas__rest_ordered(s->g->loop))
		dispatch(s->g); /* as its last action */
}

/* Why no worker can be started; NULL: one runs, or will. */
static const char *
hopeless(const struct amas__group *g)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (g->slot[i].worker.state != AMAS__WORKER_DELAYED ||
		    !g->slot[i].worker.hopeless)
			return NULL;
	return g->slot[0].worker.why;
}

static void
on_over(struct amas__worker *w, const char *why)
{
	struct amas__slot *s = AMAS__OF(w, struct amas__slot, worker);
	struct amas__group *g = s->g;

	g->refs++;
	s->greeted = false;
	amas__program_follow(&g->is, g->opts.allow_writable != 0,
	    amas__loop_log(g->loop));
	amas__slot_forget(s);
	fail_list(g, &s->calls, why);
	if (hopeless(g) != NULL)
		fail_list(g, &g->waiting, why);
	if (g->watch != NULL)
		g->watch->ops->over(g->watch, why, hopeless(g) != NULL);
	dispatch(g);
	finish_if_idle(g);
	group_unref(g);
}

static struct amas_channel *
caller(void *arg)
{
	const struct call *c = arg;

	return amas_request_channel(c->req);
}

static const struct amas__worker_ops worker_ops = { on_room, on_asked, caller,
	on_over };

/* ---- Being called ---- */

static struct call *
call_new(struct amas__group *g, struct amas_request *req)
{
	struct call *c = amas__zalloc(sizeof *c);

	if (c == NULL)
		return NULL;
	c->g = g;
	g->refs++;
	g->n_calls++;
	c->req = amas_request_keep(req);
	c->bytes = amas__area_size(amas_request_args(req)->area);
	amas__list_init(&c->link);
	amas__list_init(&c->sent);
	amas__timer_init(&c->deadline, g->loop, on_deadline);
	if (g->opts.timeout_s > 0)
		amas__timer_start(&c->deadline, g->opts.timeout_s);
	amas_request_on_gone(req, on_gone, c);
	return c;
}

static size_t
in_flight(const struct amas__group *g)
{
	size_t i, n = 0;

	for (i = 0; i < g->n; i++)
		n += g->slot[i].n;
	return n;
}

/* Puts a call to those that wait, or refuses it; for one that is not sent. */
static void
call_wait(struct call *c)
{
	struct amas__group *g = c->g;
	size_t *waiting = amas__request_waiting(c->req), before = *waiting;
	bool full = before >= amas__jobs_queue(amas__loop_jobs(g->loop)) ||
	    (g->waiting_bytes > 0 && g->waiting_bytes + c->bytes > WAITING_MAX);

	amas__list_add(&g->waiting, &c->link);
	g->waiting_bytes += c->bytes;
	(*waiting)++;
	amas__group_update(g);
	if (full)
		call_fail(c, "worker %s: busy: %zu running, %zu waiting "
		    "(--queue)", g->name, in_flight(g), before);
}

/* Starts what has waited for its first call. */
static int
start_new(struct amas__group *g, struct amas_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < g->n && rc == 0; i++)
		if (g->slot[i].worker.state == AMAS__WORKER_NEW)
			rc = amas__worker_start(&g->slot[i].worker, err);
	return rc;
}

/* Answers what has no worker, and will find one tried again. */
static void
fail_start(const struct amas__group *g, struct amas_request *req,
    const struct amas_error *err)
{
	if (err->code == AMAS_ESYS)
		amas__log(amas__loop_log(g->loop), AMAS_LOG_WARN, "%s: %s",
		    g->name, err->text);
	amas_request_fail(req, "worker %s: %s", g->name, err->text);
}

static void
worker_call(struct amas__source *source, struct amas_request *req,
    const char *walked, size_t walked_len, const char *rest, size_t rest_len)
{
	struct amas__group *g = AMAS__OF(source, struct amas__group, source);
	struct amas_error err;
	const char *why;
	struct amas__slot *s;
	struct call *c;

	if (g->closed) {
		amas_request_fail(req, "shutting down");
	} else if ((why = hopeless(g)) != NULL) {
		amas_request_fail(req, "worker %s: %s", g->name, why);
	} else if (start_new(g, &err) != 0) {
		fail_start(g, req, &err);
	} else if ((c = call_new(g, req)) == NULL) {
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
	} else {
		c->walked = walked;
		c->walked_len = walked_len;
		c->rest = rest;
		c->rest_len = rest_len;
		if (amas__list_empty(&g->waiting) && told(g) &&
		    (s = pick(g)) != NULL)
			call_send(c, s);
		else
			call_wait(c);
	}
}

/* ---- The source ---- */

static void
fail_all(struct amas__group *g, const char *text)
{
	size_t i;

	while (!amas__list_empty(&g->waiting))
		call_fail(AMAS__OF(g->waiting.next, struct call, link), "%s",
		    text);
	for (i = 0; i < g->n; i++)
		while (!amas__list_empty(&g->slot[i].calls))
			call_fail(AMAS__OF(g->slot[i].calls.next, struct call,
			    link), "%s", text);
}

static void
open_close(struct amas__open *o)
{
	struct amas__group *g = AMAS__OF(o, struct amas__group, open);

	g->refs++;
	group_close(g);
	fail_all(g, "shutting down");
	group_unref(g);
}

static void
open_drain(struct amas__open *o)
{
	finish_if_idle(AMAS__OF(o, struct amas__group, open));
}

static const struct amas__open_ops open_ops = { .close = open_close,
	.drain = open_drain };

static void
worker_free(struct amas__source *source)
{
	group_unref(AMAS__OF(source, struct amas__group, source));
}

static const struct amas__source_ops source_ops = { .call = worker_call,
	.free = worker_free };

/* ---- For a container ---- */

void
amas__source_worker_watch(struct amas__source *s, struct amas__worker_watch *w)
{
	AMAS__OF(s, struct amas__group, source)->watch = w;
}

bool
amas__source_worker_takes(struct amas__source *s)
{
	struct amas__group *g = AMAS__OF(s, struct amas__group, source);

	return !g->closed && amas__worker_takes(&g->slot[0].worker);
}

int
amas__source_worker_tell(struct amas__source *s,
    const struct amas_value *content, amas_reply_fn *fn, void *arg)
{
	struct amas__group *g = AMAS__OF(s, struct amas__group, source);

	amas__slot_stir(&g->slot[0]);
	return amas__worker_send(&g->slot[0].worker, content, fn, arg, NULL);
}

bool
amas__source_worker_lost(struct amas__source *s, const struct amas_reply *rep)
{
	struct amas__group *g = AMAS__OF(s, struct amas__group, source);

	return amas__worker_lost(&g->slot[0].worker, rep);
}

void
amas__source_worker_look(struct amas__source *s)
{
	dispatch(AMAS__OF(s, struct amas__group, source));
}

/* What it is called in messages: its name, or, at the root, what it runs. */
static void
set_name(struct amas__group *g, const struct amas__source_spec *spec)
{
	const char *name = spec->name[0] != '\0' ? spec->name : spec->text;
	size_t len = strlen(name);

	(void)amas__log_text(g->name, sizeof g->name, name,
	    len < NAME_SHOWN ? len : NAME_SHOWN);
}

static void
slot_init(struct amas__group *g, size_t i, struct amas__home *home)
{
	struct amas__slot *s = &g->slot[i];
	char name[sizeof g->name + 24];

	(void)snprintf(name, sizeof name, g->n > 1 ? "%s:%zu" : "%s", g->name,
	    i);
	s->g = g;
	amas__list_init(&s->calls);
	amas__job_init(&s->job, g->loop, on_place);
	amas__slot_sleep_init(s);
	s->job.back = on_back;
	amas__worker_init(&s->worker, g->loop, &worker_ops, &g->is, name, i,
	    g->opts.max_result);
	s->worker.resident.guest.state = g->opts.state;
	s->worker.resident.guest.asked = g->opts.peer;
	s->worker.resident.guest.home = home;
	s->worker.resident.is_agent = true;
}

int
amas__source_worker_load(struct amas__source **out,
    const struct amas__source_spec *spec, struct amas_loop *l,
    const struct amas_source_opts *opts, struct amas_error *err)
{
	size_t n = spec->count > 0 ? spec->count : 1, size, i;
	struct amas__group *g = NULL;
	int rc;

	if (amas__mul(&size, n, sizeof g->slot[0]) &&
	    amas__add(&size, size, sizeof *g))
		g = amas__zalloc(size);
	if (g == NULL)
		return amas__error_nomem(err);
	g->source.ops = &source_ops;
	g->loop = l;
	g->refs = 1;
	g->n = n;
	g->home = amas__home_ref(spec->home);
	amas__list_init(&g->waiting);
	amas__awake_init(&g->awake, l, g->name);
	g->awake.what = "calls wait for it";
	if (opts != NULL)
		g->opts = *opts;
	if (g->opts.peer != NULL)
		(void)amas__channel_ref(g->opts.peer);
	set_name(g, spec);
	for (i = 0; i < n; i++)
		slot_init(g, i, spec->home);
	amas__open_add(l, &g->open, &open_ops);
	rc = amas__program_open(&g->is, spec, g->opts.allow_writable != 0, err);
	if (rc == 0 && spec->home != NULL)
		rc = amas__args_check_home(spec->home, err);
	if (rc == 0 && spec->dir == -1)
		rc = start_new(g, err);
	if (rc != 0)
		group_unref(g);
	else
		*out = &g->source;
	return rc;
}
