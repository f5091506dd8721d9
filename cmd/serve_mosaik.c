/*
 * --mosaik: each connection is a simulator of mosaik's.  Its requests are calls
 * of the functions init, create, setup_done, step, get_data, stop and of extra
 * methods; what mosaik cannot take as an answer becomes a failure that says so.
 *
 * stop is called once, whether mosaik asks for it or just goes, when nothing
 * else is open; it goes on to its end though nobody waits for it, and the
 * simulator's own programs and folder go after it.
 */
#include "serve.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "mosaik.h"
#include "request.h"
#include "service.h"
#include "service_list.h"

#define NAME_SHOWN 200

/* One simulator. */
struct sim {
	struct amas__ending ending;
	struct serve *s;
	struct amas_channel *ch;	/* its memory */
	struct amas_service *service;
	char *state;			/* its folder */
	struct amas__mosaik is;
	size_t refs;			/* the connection's, that of calls */
	size_t open;			/* calls */
	enum { GOES_ON, TO_STOP, STOPPED } end;
	struct amas_request *stop;	/* mosaik's, or NULL */
};

/* A call of mosaik's. */
struct call {
	struct sim *sim;
	struct amas_request *req;
};

static uint64_t
key(const struct amas_channel *ch)
{
	return (uint64_t)(uintptr_t)ch;
}

static void
sim_unref(struct sim *sim)
{
	if (--sim->refs > 0)
		return;
	amas_service_free(sim->service);
	serve_state_free(sim->state);
	amas__mosaik_fini(&sim->is);
	amas__channel_unref(sim->ch);
	free(sim);
}

/* Whether a failure only says that what need not be there is not. */
static bool
is_lacking(const char *function, const char *failure, size_t len)
{
	return amas__mosaik_may_lack(function) &&
	    amas__request_is_not_found(failure, len, function, "", 0);
}

/* ---- The end ---- */

/* Mosaik waits a moment for this answer, which is never a failure: it knows no
 * such thing here. */
static void
on_stopped(void *arg, const struct amas_value *value, const char *failure,
    size_t len)
{
	struct sim *sim = arg;
	struct amas_request *req = sim->stop;

	(void)value;
	if (failure != NULL && !is_lacking("stop", failure, len))
		amas__log(amas__loop_log(sim->s->loop), AMAS_LOG_WARN, "%.*s",
		    (int)(len < NAME_SHOWN ? len : NAME_SHOWN), failure);
	sim->stop = NULL;
	if (req != NULL)
		amas_request_reply(req, NULL);
	sim_unref(sim);
}

static void
call_stop(struct amas_request *req, void *self)
{
	struct sim *sim = self;

	amas__service_call(sim->service, req);
}

/* Has it stop, if it is to and nothing is open. */
static void
look(struct sim *sim)
{
	if (sim->end != TO_STOP || sim->open > 0)
		return;
	sim->end = STOPPED;
	sim->refs++;
	if (amas__request_here(sim->s->loop, "stop", NULL, NULL, call_stop,
	    sim, NULL, on_stopped, sim) != 0)
		on_stopped(sim, NULL, NULL, 0);
}

static void
stop(struct sim *sim, struct amas_request *req)
{
	if (sim->end != GOES_ON) {
		amas_request_reply(req, NULL);
		return;
	}
	sim->stop = amas_request_keep(req);
	sim->end = TO_STOP;
	look(sim);
}

/* Nobody will ask for it. */
static void
stop_unasked(struct sim *sim)
{
	if (sim->end != GOES_ON || !sim->is.begun)
		return;
	sim->end = TO_STOP;
	look(sim);
}

/* If it was ended from here, its stop has begun, or its time is over. */
static void
on_end(struct amas__ending *e)
{
	struct sim *sim = AMAS__OF(e, struct sim, ending);
	struct amas_request *req = sim->stop;

	(void)amas__map_take_id(&sim->s->sims, key(sim->ch));
	if (amas__channel_ended(sim->ch)->code != AMAS_ECANCELED)
		stop_unasked(sim);
	else if (sim->end == TO_STOP) {
		sim->end = STOPPED;
		sim->stop = NULL;
		if (req != NULL)
			amas_request_reply(req, NULL);
	}
	sim_unref(sim);
}

void
serve_mosaik_drain(struct serve *s)
{
	struct sim *sim;
	size_t i = 0;

	while ((sim = amas__map_next(&s->sims, &i, NULL, NULL)) != NULL)
		stop_unasked(sim);
}

/* ---- Calls ---- */

static void
on_answer(void *arg, const struct amas_value *value, const char *failure,
    size_t len)
{
	struct call *c = arg;
	struct sim *sim = c->sim;
	struct amas_request *req = c->req;
	struct amas_error err;

	free(c);
	sim->open--;
	look(sim); /* first: with the answer the connection may end */
	if (failure != NULL && is_lacking(amas_request_path(req), failure,
	    len))
		amas_request_reply(req, NULL);
	else if (failure != NULL)
		amas__request_fail_text(req, failure, len);
	else if (amas__mosaik_check(&sim->is, amas_request_path(req),
	    amas_request_args(req), value, &err) != 0)
		amas_request_fail(req, "%s", err.text);
	else
		amas__request_reply_value(req, value);
	sim_unref(sim);
}

static void
call(struct sim *sim, struct amas_request *req)
{
	struct call *c = amas__zalloc(sizeof *c);

	if (c == NULL) {
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return;
	}
	c->sim = sim;
	c->req = req;
	sim->refs++;
	sim->open++;
	amas__request_divert(req, on_answer, c);
	amas__service_call(sim->service, req);
}

void
serve_mosaik_request(struct amas_request *req, void *self)
{
	struct serve_door *door = self;
	struct sim *sim;

	sim = amas__map_get_id(&door->s->sims, key(amas_request_channel(req)));
	if (amas__request_parse_call(req) != 0)
		return;
	if (sim == NULL)
		amas_request_fail(req, "%s", amas_strerror(AMAS_ECANCELED));
	else if (strcmp(amas_request_path(req), "stop") == 0)
		stop(sim, req);
	else
		call(sim, req);
}

/* ---- The beginning ---- */

/* Whether a list has a name, or what may answer to any. */
static bool
has(const struct amas__paths *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (strcmp(p->path[i], name) == 0 ||
		    strcmp(p->path[i], "*") == 0)
			return true;
	return false;
}

/* A list that cannot be had says nothing. */
static void
say_missing(const struct serve *s, struct amas_service *service)
{
	const char *const *needed = amas__mosaik_needed();
	struct amas__paths p = { NULL, 0, 0, 0 };
	char missing[64] = "";
	size_t len;
	bool known = amas__service_list(service, "", &p, NULL) == 0;

	for (; known && *needed != NULL; needed++) {
		len = strlen(missing);
		if (!has(&p, *needed))
			(void)snprintf(missing + len, sizeof missing - len,
			    "%s%s", len > 0 ? ", " : "", *needed);
	}
	amas__paths_fini(&p);
	if (missing[0] != '\0')
		amas__log(amas__loop_log(s->loop), AMAS_LOG_WARN, "--mosaik: "
		    "nothing is there for %s", missing);
}

void
serve_mosaik_open(struct serve *s, struct amas_service *service)
{
	s->asks.names = amas__mosaik_asked();
	s->asks.timeout_s = s->o->ask_s;
	s->asks.check = amas__mosaik_check_value;
	say_missing(s, service);
}

static int
sim_open(struct sim *sim, struct serve *s, struct amas_channel *ch)
{
	struct amas_error err;
	int status;

	if ((sim->state = serve_state_make(s)) == NULL)
		return CMD_SYS;
	if (amas_service_new(&sim->service, &err) != 0)
		return cmd_fail(NULL, &err);
	if ((status = serve_service_load(s, sim->service, sim->state,
	    ch)) != CMD_OK)
		return status;
	return amas__map_set_id(&s->sims, key(ch), sim) == 0 ? CMD_OK :
	    cmd_nomem();
}

void
serve_mosaik_connect(struct serve *s, struct amas_channel *ch)
{
	struct sim *sim = amas__zalloc(sizeof *sim);

	if (sim == NULL) {
		(void)cmd_nomem();
		amas_channel_close(ch);
		return;
	}
	sim->s = s;
	sim->refs = 1;
	sim->ch = amas__channel_ref(ch);
	sim->ending.fn = on_end;
	amas__mosaik_init(&sim->is);
	if (sim_open(sim, s, ch) != CMD_OK) {
		sim_unref(sim);
		amas_channel_close(ch);
		return;
	}
	amas__channel_set_asks(ch, &s->asks);
	amas__channel_on_end(ch, &sim->ending);
}
