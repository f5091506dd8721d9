/*
 * Agents as a simulator; see mosaik_agents.h.  Requests are answered one by one,
 * in their order, but for stop, which has nothing to wait for.  One that failed
 * is answered at once; what it began goes on, and is nobody's.
 */
#include "mosaik_agents_int.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "clock.h"
#include "err.h"
#include "host.h"
#include "mem.h"
#include "request.h"

/* One that waits for its turn. */
struct waiting {
	struct amas__link link;
	struct amas_request *req;
};

/* ---- Answers ---- */

/* What came in, and what agents gave, is of the request that is over. */
static void
forget_values(struct amas__mosaik_agents *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		m->entity[i]->inputs = NULL;
		amas_value_free(m->entity[i]->gave);
		m->entity[i]->gave = NULL;
	}
}

/* The open request is over; hands it out. */
static struct amas_request *
end_turn(struct amas__mosaik_agents *m)
{
	struct amas_request *req = m->req;

	if (m->phase == AMAS__MOSAIK_INPUTS)
		amas__clock_hold(m->c->clock, false);
	if (m->phase >= AMAS__MOSAIK_SETTLE) /* others leave none */
		forget_values(m);
	amas__timer_stop(&m->deadline);
	m->req = NULL;
	m->turn++;
	m->n_calls = 0;
	m->phase = AMAS__MOSAIK_NONE;
	amas_request_on_gone(req, NULL, NULL);
	amas__task_run(m->loop, &m->look);
	return req;
}

void
amas__mosaik_reply(struct amas__mosaik_agents *m, const struct amas_value *v)
{
	struct amas_error err;

	if (amas__mosaik_check(&m->is, amas_request_path(m->req),
	    amas_request_args(m->req), v, &err) != 0)
		amas__mosaik_fail(m, "%s", err.text);
	else
		amas__request_reply_value(end_turn(m), v);
}

/* Whether it is the first; it is answered from the loop. */
static bool
set_failed(struct amas__mosaik_agents *m)
{
	bool first = !m->failed;

	amas__task_run(m->loop, &m->look);
	m->failed = true;
	return first;
}

void
amas__mosaik_fail(struct amas__mosaik_agents *m, const char *fmt, ...)
{
	va_list ap;

	if (!set_failed(m))
		return;
	va_start(ap, fmt);
	m->failure = amas__vasprintf(fmt, ap);
	va_end(ap);
}

void
amas__mosaik_fail_nomem(struct amas__mosaik_agents *m)
{
	(void)set_failed(m);
}

/* What it has failed by, if it has. */
static bool
answer_failure(struct amas__mosaik_agents *m)
{
	char *failure = m->failure;

	if (!m->failed || m->req == NULL ||
	    (m->phase == AMAS__MOSAIK_CREATE && m->making != NULL))
		return false; /* what it makes ends first */
	m->failed = false;
	m->failure = NULL;
	amas_request_fail(end_turn(m), "%s", failure != NULL ? failure :
	    amas_strerror(AMAS_ENOMEM));
	free(failure);
	return true;
}

/* ---- The end ---- */

/* Fails what is open, and what waits. */
static void
fail_all(struct amas__mosaik_agents *m, const char *why)
{
	struct amas_request *req;
	struct waiting *w;

	if (m->req != NULL)
		amas_request_fail(end_turn(m), "%s", why);
	while (!amas__list_empty(&m->waiting)) {
		w = AMAS__OF(m->waiting.next, struct waiting, link);
		amas__list_remove(&w->link);
		req = w->req;
		free(w);
		amas_request_fail(req, "%s", why);
	}
}

/* It takes no part any more. */
static void
leave(struct amas__mosaik_agents *m, const char *why)
{
	if (m->ending)
		return;
	m->ending = true;
	(void)amas__steps_lead(m->loop, NULL, NULL);
	amas__mosaik_create_undo(m);
	fail_all(m, why);
	amas__mosaik_calls_forget(m);
}

/* Tells, but when all ends anyway. */
static void
over(struct amas__mosaik_agents *m, const struct amas_error *why)
{
	bool told = m->ending;

	leave(m, "the run is over");
	if (!told)
		m->ops->over(m->arg, why);
}

static void
stop(struct amas__mosaik_agents *m, struct amas_request *req)
{
	const struct amas_channel *ch = amas_request_channel(req);
	bool ours = ch == m->ch || ch == m->dialled;

	amas_request_reply(req, NULL);
	if (ours)
		over(m, NULL);
}

/* Mosaik waits for nothing at its end: what comes late is reset. */
static void
on_close(struct amas_channel *ch, const struct amas_error *why, void *arg)
{
	struct amas__mosaik_agents *m = arg;
	bool ordered = why->code == AMAS_ECLOSED ||
	    why->code == AMAS_ECANCELED || why->code == AMAS_ESYS;

	if (ch == m->dialled)
		over(m, ordered && m->stood ? NULL : why);
	else if (ch == m->ch)
		over(m, ordered ? NULL : why);
	if (ch == m->ch)
		m->ch = NULL;
}

/* It has gone in the middle of a request: mosaik never sends less and reads. */
static void
on_input_end(struct amas__ending *e)
{
	over(AMAS__OF(e, struct amas__mosaik_agents, gone), NULL);
}

static void
on_open(struct amas_channel *ch, void *arg)
{
	struct amas__mosaik_agents *m = arg;

	if (ch == m->dialled)
		m->stood = true;
}

/* ---- Requests ---- */

/* The open one was given up with its connection. */
static void
on_gone(void *arg)
{
	struct amas__mosaik_agents *m = arg;

	amas_request_fail(end_turn(m), "ended before the answer came");
}

static const struct {
	const char *name;
	void (*fn)(struct amas__mosaik_agents *m);
} functions[] = {
	{ "init", amas__mosaik_init_run },
	{ "create", amas__mosaik_create },
	{ "step", amas__mosaik_step },
	{ "get_data", amas__mosaik_get_data },
};

static void
begin(struct amas__mosaik_agents *m)
{
	const char *path = amas_request_path(m->req);
	size_t i;

	for (i = 0; i < sizeof functions / sizeof *functions; i++)
		if (strcmp(functions[i].name, path) == 0) {
			functions[i].fn(m);
			return;
		}
	if (strcmp(path, "setup_done") == 0)
		amas__mosaik_reply(m, NULL);
	else
		amas__mosaik_fail(m, "LookupError: Name \"%.200s\" not found",
		    path);
}

/* An earlier failure that was nobody's is that of the first which comes. */
static void
begin_next(struct amas__mosaik_agents *m)
{
	struct waiting *w;

	if (m->req != NULL || m->ending || amas__list_empty(&m->waiting))
		return;
	w = AMAS__OF(m->waiting.next, struct waiting, link);
	amas__list_remove(&w->link);
	m->req = w->req;
	free(w);
	amas_request_on_gone(m->req, on_gone, m);
	if (!answer_failure(m))
		begin(m);
}

static void
on_look(struct amas__task *t)
{
	struct amas__mosaik_agents *m = AMAS__OF(t, struct amas__mosaik_agents,
	    look);

	if (m->ending)
		return;
	if (!answer_failure(m) && m->phase == AMAS__MOSAIK_DATA &&
	    m->n_calls == 0)
		amas__mosaik_end_data(m);
	begin_next(m);
	amas__rest_look(m->loop);
}

/* Whether it is of the run, or may begin it; else it has been answered. */
static bool
is_of_run(struct amas__mosaik_agents *m, struct amas_request *req)
{
	bool first = strcmp(amas_request_path(req), "init") == 0;

	if (m->ending)
		amas_request_fail(req, "shutting down");
	else if (m->ch != NULL && (first ||
	    m->ch != amas_request_channel(req)))
		amas_request_fail(req, "RuntimeError: these agents take part "
		    "in a run already");
	else if (m->ch == NULL && !first)
		amas_request_fail(req, "RuntimeError: init has not come yet");
	else
		return true;
	return false;
}

static void
on_request(struct amas_request *req, void *arg)
{
	struct amas__mosaik_agents *m = arg;
	struct waiting *w;

	if (amas__request_parse_call(req) != 0)
		return;
	if (strcmp(amas_request_path(req), "stop") == 0) {
		stop(m, req);
		return;
	}
	if (!is_of_run(m, req))
		return;
	if ((w = amas__zalloc(sizeof *w)) == NULL) {
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return;
	}
	if (m->ch == NULL) {
		m->ch = amas_request_channel(req);
		m->gone.fn = on_input_end;
		amas__channel_on_input_end(m->ch, &m->gone);
	}
	w->req = amas_request_keep(req);
	amas__list_add(&m->waiting, &w->link);
	amas__task_run(m->loop, &m->look);
}

/* ---- Life ---- */

static void
open_drain(struct amas__open *o)
{
	leave(AMAS__OF(o, struct amas__mosaik_agents, open), "shutting down");
}

static void
open_release(struct amas__open *o)
{
	struct amas__mosaik_agents *m = AMAS__OF(o, struct amas__mosaik_agents,
	    open);

	leave(m, "shutting down");
	if (m->ch != NULL)
		amas__channel_on_input_end(m->ch, NULL);
	amas__open_remove(&m->open);
	amas_server_close(m->server);
	amas_channel_close(m->dialled);
	amas__mosaik_calls_forget(m);
	amas__mosaik_entities_fini(m);
	amas__map_fini(&m->models);
	amas__mosaik_fini(&m->is);
	amas__task_cancel(m->loop, &m->look);
	amas__timer_stop(&m->deadline);
	amas_value_free(m->meta);
	free(m->failure);
	amas__container_unref(m->c);
	free(m);
}

static const struct amas__open_ops open_ops = { .close = open_drain,
	.drain = open_drain, .release = open_release };

static void
count_one(const char *name, const char *what, double since, void *arg)
{
	(void)name;
	(void)what;
	(void)since;
	++*(size_t *)arg;
}

/* Agents of others may never answer; mosaik would wait as long. */
static void
on_deadline(struct amas__timer *t)
{
	struct amas__mosaik_agents *m = AMAS__OF(t, struct amas__mosaik_agents,
	    deadline);
	const char *who = amas__host_waiting(m->loop);
	size_t n = 0;

	amas__rest_each(m->loop, count_one, &n);
	if (n > 0 || amas__steps_abroad(m->loop) == 0)
		return; /* not that: it goes on */
	amas__mosaik_fail(m, "TimeoutError: %s: no answer from an agent "
	    "elsewhere within %gs", who != NULL ? who : "the container",
	    m->ask_s);
}

static void
on_rest(uint64_t activity, void *arg)
{
	struct amas__mosaik_agents *m = arg;

	if (m->req == NULL)
		return;
	if (amas__steps_abroad(m->loop) == 0) {
		amas__timer_stop(&m->deadline);
		amas__mosaik_rest(m);
	} else if (activity > 0 || !amas__timer_active(&m->deadline)) {
		amas__timer_start(&m->deadline, m->ask_s);
	}
}

int
amas__mosaik_agents_new(struct amas__mosaik_agents **out,
    struct amas_container *c, const struct amas__mosaik_agents_ops *ops,
    void *arg, struct amas_error *err)
{
	struct amas__mosaik_agents *m = amas__zalloc(sizeof *m);

	if (m == NULL || amas__steps_lead(c->loop, on_rest, m) != 0) {
		free(m);
		return amas__error_nomem(err);
	}
	m->loop = c->loop;
	m->c = c;
	c->refs++;
	m->ops = ops;
	m->arg = arg;
	m->turn = 1;
	amas__mosaik_init(&m->is);
	amas__map_init(&m->models);
	amas__map_init(&m->by_eid);
	amas__list_init(&m->waiting);
	amas__list_init(&m->calls);
	amas__task_init(&m->look, on_look);
	amas__timer_init(&m->deadline, m->loop, on_deadline);
	amas__open_add(m->loop, &m->open, &open_ops);
	*out = m;
	return 0;
}

int
amas__mosaik_agents_open(struct amas__mosaik_agents *m, const char *addr,
    bool dial, double ask_s, size_t max_message, struct amas_error *err)
{
	const struct amas_opts opts = { .failure_list = 1,
		.max_message = max_message, .on_request = on_request,
		.on_open = on_open, .on_close = on_close, .arg = m };

	m->ask_s = ask_s;
	return dial ?
	    amas_channel_open(&m->dialled, m->loop, addr, &opts, err) :
	    amas_server_open(&m->server, m->loop, addr, &opts, err);
}

const char *
amas__mosaik_agents_addr(const struct amas__mosaik_agents *m)
{
	return m->server != NULL ? amas_server_addr(m->server) : NULL;
}
