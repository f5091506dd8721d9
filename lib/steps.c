/*
 * Steps; see steps.h.  step() and idle() are answered when all is at rest, and
 * with their answer the container parks.
 */
#include "steps.h"

#include <math.h>
#include <stdlib.h>

#include "clock.h"
#include "container.h"
#include "err.h"
#include "host.h"
#include "mem.h"
#include "request.h"
#include "rest.h"
#include "rpc.h"
#include "trace.h"

/* All containers of a loop. */
struct steps {
	struct amas_loop *loop;
	struct amas__rest *rest;
	struct amas__link containers;
	double until_s;
	amas__steps_over_fn *over;	/* NULL: nobody is told, or it ran */
	void *over_arg;
	amas__steps_rest_fn *lead;	/* NULL: nobody else moves the time */
	void *lead_arg;
};

/* One step() or idle() that is not answered yet. */
struct open {
	struct amas__link link;
	struct amas_request *req;
};

static struct amas_container *
container(struct amas__link *i)
{
	return AMAS__OF(AMAS__OF(i, struct amas__stepped, link),
	    struct amas_container, steps);
}

static struct steps *
steps_of(struct amas_container *c)
{
	return amas__rest_arg(*amas__loop_rest(c->loop));
}

/* ---- At rest ---- */

/* What is due goes on, in order: here one at a time, or by itself. */
static bool
on_more(void *arg)
{
	struct steps *s = arg;
	struct amas__link *i;
	struct amas_clock *clock;

	for (i = s->containers.next; i != &s->containers; i = i->next) {
		clock = container(i)->clock;
		if (!amas__clock_is_due(clock))
			continue;
		if (amas__rest_is_serial(s->loop))
			(void)amas__clock_run_one(clock);
		return true;
	}
	return false;
}

static void
reply(struct amas_request *req, const struct amas_clock *clock,
    uint64_t activity)
{
	double next_s = amas_clock_next(clock);

	if (isinf(next_s))
		amas_request_reply(req, "[In]", (int64_t)activity);
	else
		amas_request_reply(req, "[If]", (int64_t)activity, next_s);
}

/* Answers who waits for rest; says whether there was one. */
static bool
answer_all(struct steps *s, uint64_t activity)
{
	struct amas_container *c;
	struct amas__link *i;
	struct open *o;
	bool any = false;

	for (i = s->containers.next; i != &s->containers; i = i->next)
		any = any || !amas__list_empty(&container(i)->steps.open);
	if (!any)
		return false;
	amas__rest_park(s->rest); /* before the answers: they are no messages */
	for (i = s->containers.next; i != &s->containers; i = i->next) {
		c = container(i);
		while (!amas__list_empty(&c->steps.open)) {
			o = AMAS__OF(c->steps.open.next, struct open, link);
			amas__list_remove(&o->link);
			amas_request_on_gone(o->req, NULL, NULL);
			reply(o->req, c->clock, activity);
			free(o);
			activity = 0;
		}
	}
	return true;
}

/* Simulated time goes on by itself, or is over. */
static void
go_on(struct steps *s)
{
	struct amas_clock *clock;
	amas__steps_over_fn *over = s->over;
	double next_s;

	if (amas__list_empty(&s->containers))
		return;
	clock = container(s->containers.next)->clock;
	if (amas__clock_kind(clock) != AMAS_CLOCK_SIM)
		return;
	next_s = amas_clock_next(clock);
	if (next_s <= s->until_s && amas__clock_jump(clock)) {
		amas__rest_look(s->loop);
		return;
	}
	if (!isinf(s->until_s))
		amas__clock_reach(clock, s->until_s);
	if (over == NULL)
		return;
	s->over = NULL;
	over(isinf(next_s) ? amas__host_waiting(s->loop) : NULL, s->over_arg);
}

static void
on_rest(void *arg, uint64_t activity)
{
	struct steps *s = arg;

	struct amas__link *i;

	for (i = s->containers.next; i != &s->containers; i = i->next)
		if (container(i)->loading)
			return; /* it is not ready */
	if (s->lead != NULL)
		s->lead(activity, s->lead_arg);
	else if (!answer_all(s, activity))
		go_on(s);
}

static void
on_woken(const struct amas_reply *rep, void *arg)
{
	(void)rep; /* whoever steps us knows; idle() will come */
	(void)arg;
}

/* The first was put off: tells whoever steps us. */
static void
on_kept(void *arg)
{
	struct steps *s = arg;
	struct amas_channel *clock = NULL;
	struct amas__link *i;

	for (i = s->containers.next; i != &s->containers && clock == NULL;
	    i = i->next)
		clock = container(i)->steps.clock;
	if (clock == NULL || amas__rpc_call(clock, "amas/wake", on_woken,
	    NULL, NULL) != 0)
		amas__rest_release(s->rest); /* it cannot be told */
}

static const struct amas__rest_ops rest_ops = { on_more, on_rest, on_kept };

/* ---- Who steps it ---- */

/* Whoever stepped it has gone: it runs free at the time that it has. */
static void
forget_clock(struct amas_container *c)
{
	struct steps *s = steps_of(c);
	struct amas__link *i;

	if (c->steps.clock == NULL)
		return;
	amas__list_remove(&c->steps.ending.link);
	amas__channel_set_clock(c->steps.clock, false);
	c->steps.clock = NULL;
	for (i = s->containers.next; i != &s->containers; i = i->next)
		if (container(i)->steps.clock != NULL)
			return;
	amas__rest_release(s->rest);
}

static void
on_clock_end(struct amas__ending *e)
{
	forget_clock(AMAS__OF(AMAS__OF(e, struct amas__stepped, ending),
	    struct amas_container, steps));
}

/* Whether it moves by itself, in a simulation: then it has answered. */
static bool
is_led(struct amas_container *c, struct amas_request *req)
{
	if (steps_of(c)->lead == NULL)
		return false;
	amas_request_fail(req, "RuntimeError: the simulation that this "
	    "container is part of sets its time");
	return true;
}

/* The connection of a request steps from now on; false: another one does. */
static bool
take_clock(struct amas_container *c, struct amas_request *req)
{
	struct amas_channel *ch = amas_request_channel(req);

	if (is_led(c, req))
		return false;
	if (c->steps.clock == ch)
		return true;
	if (ch == NULL || c->steps.clock != NULL) {
		amas_request_fail(req, "RuntimeError: %s steps this container "
		    "already", ch == NULL ? "nobody" :
		    amas_channel_peer(c->steps.clock));
		return false;
	}
	c->steps.clock = ch;
	c->steps.ending.fn = on_clock_end;
	amas__channel_on_end(ch, &c->steps.ending);
	amas__channel_set_clock(ch, true);
	return true;
}

static void
on_gone(void *arg)
{
	struct open *o = arg;
	struct amas_request *req = o->req;

	amas__list_remove(&o->link);
	free(o);
	amas_request_fail(req, "ended before the answer came");
}

/* Runs until all is at rest, and answers then. */
static void
run(struct amas_container *c, struct amas_request *req)
{
	struct steps *s = steps_of(c);
	bool first = !amas__rest_stepped(c->loop);
	struct open *o = amas__zalloc(sizeof *o);
	struct amas__link *i;

	if (o == NULL) {
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return;
	}
	o->req = amas_request_keep(req);
	amas__list_add(&c->steps.open, &o->link);
	amas_request_on_gone(req, on_gone, o);
	amas__rest_run(s->rest);
	for (i = s->containers.next; first && i != &s->containers; i = i->next)
		amas__links_stepped(&container(i)->links);
	if (first)
		amas__host_ordered(c->loop);
}

/* ---- Agent 0 ---- */

/* Whether its clock can be moved by others; else it has answered. */
static bool
is_external(struct amas_container *c, struct amas_request *req,
    const char *function)
{
	static const char *const names[] = { [AMAS_CLOCK_REAL] = "AsyncioClock",
		[AMAS_CLOCK_SIM] = "SimClock" };
	enum amas_clock_kind kind = amas__clock_kind(c->clock);

	if (kind == AMAS_CLOCK_EXTERNAL)
		return true;
	amas_request_fail(req, "AttributeError: '%s' object has no attribute "
	    "'%s'", names[kind], function);
	return false;
}

/* Sets the time; 0, or it has answered. */
static int
set(struct amas_container *c, struct amas_request *req, double t_s)
{
	struct amas_error err;
	int rc = amas_clock_set(c->clock, t_s, &err);

	if (rc != 0)
		amas_request_fail(req, "ValueError: %s", err.text);
	return rc;
}

void
amas__steps_set_time(struct amas_container *c, struct amas_request *req)
{
	double t_s;

	if (amas_request_unpack(req, "[f]", &t_s) != 0 ||
	    !is_external(c, req, "set_time") || is_led(c, req) ||
	    set(c, req, t_s) != 0)
		return;
	amas_request_reply(req, NULL);
}

void
amas__steps_step(struct amas_container *c, struct amas_request *req)
{
	double t_s, now_s = amas_clock_time(c->clock);

	if (amas_request_unpack(req, "[f]", &t_s) != 0 ||
	    !is_external(c, req, "step") || !take_clock(c, req))
		return;
	/* The same time: another container of this process got it first. */
	if ((t_s < now_s || t_s > now_s || isnan(t_s)) &&
	    set(c, req, t_s) != 0)
		return;
	run(c, req);
}

void
amas__steps_idle(struct amas_container *c, struct amas_request *req)
{
	if (amas_request_unpack(req, "[]") == 0 && take_clock(c, req))
		run(c, req);
}

void
amas__steps_next(struct amas_container *c, struct amas_request *req)
{
	double next_s = amas_clock_next(c->clock);

	if (amas_request_unpack(req, "[]") != 0)
		return;
	if (isinf(next_s))
		amas_request_reply(req, NULL);
	else
		amas_request_reply(req, "f", next_s);
}

struct listing {
	struct amas_value *list;
	double now_s;
};

static void
list_one(const char *name, const char *what, double since, void *arg)
{
	struct listing *l = arg;

	(void)amas_value_add(l->list, "{s:s, s:s, s:f}", "agent",
	    name != NULL ? name : "", "what", what != NULL ? what : "runs",
	    "since", l->now_s - since);
}

void
amas__steps_awake(struct amas_request *req)
{
	struct amas_loop *l = amas__request_loop(req);
	struct listing to = { .now_s = amas__loop_now(l) };

	if (amas_request_unpack(req, "[]") != 0)
		return;
	to.list = amas_value_pack("[]");
	amas__rest_each(l, list_one, &to);
	amas_request_reply(req, "v", to.list);
	amas_value_free(to.list);
}

/* ---- All of them ---- */

static struct steps *
steps_get(struct amas_loop *l)
{
	struct amas__rest *r = amas__rest_of(l);
	struct steps *s = r != NULL ? amas__rest_arg(r) : NULL;

	if (r == NULL || s != NULL)
		return s;
	if ((s = amas__zalloc(sizeof *s)) == NULL)
		return NULL;
	s->loop = l;
	s->rest = r;
	s->until_s = INFINITY;
	amas__list_init(&s->containers);
	amas__rest_set_ops(r, &rest_ops, s);
	return s;
}

int
amas__steps_add(struct amas_container *c, bool serial, struct amas_error *err)
{
	struct steps *s = steps_get(c->loop);

	amas__list_init(&c->steps.link);
	amas__list_init(&c->steps.open);
	amas__list_init(&c->steps.ending.link);
	if (s == NULL)
		return amas__error_nomem(err);
	amas__list_add(&s->containers, &c->steps.link);
	if (serial)
		amas__rest_set_serial(s->rest);
	if (amas__rest_is_serial(c->loop))
		amas__clock_set_by_hand(c->clock);
	if (amas__clock_kind(c->clock) != AMAS_CLOCK_REAL &&
	    amas__loop_trace(c->loop) != NULL)
		amas__trace_set_clock(amas__loop_trace(c->loop), c->clock);
	if (amas__clock_kind(c->clock) == AMAS_CLOCK_SIM)
		amas__rest_set_asks(s->rest);
	if (amas__clock_kind(c->clock) != AMAS_CLOCK_REAL)
		amas__rest_set_greets(s->rest);
	return 0;
}

void
amas__steps_remove(struct amas_container *c)
{
	struct steps *s;
	struct open *o;

	if (c->steps.link.next == NULL || amas__list_empty(&c->steps.link))
		return;
	s = steps_of(c);
	while (!amas__list_empty(&c->steps.open)) {
		o = AMAS__OF(c->steps.open.next, struct open, link);
		amas_request_on_gone(o->req, NULL, NULL);
		on_gone(o);
	}
	forget_clock(c);
	amas__list_remove(&c->steps.link);
	if (!amas__list_empty(&s->containers))
		return;
	amas__rest_set_ops(s->rest, NULL, NULL);
	free(s);
}

void
amas__steps_until(struct amas_loop *l, double until_s,
    amas__steps_over_fn *over, void *arg)
{
	struct steps *s = steps_get(l);

	if (s == NULL)
		return;
	s->until_s = until_s;
	s->over = over;
	s->over_arg = arg;
	amas__rest_look(l);
}

int
amas__steps_lead(struct amas_loop *l, amas__steps_rest_fn *rest, void *arg)
{
	struct amas__rest *r = *amas__loop_rest(l);
	struct steps *s;

	if (rest == NULL && (r == NULL || amas__rest_arg(r) == NULL))
		return 0; /* no container is left */
	if ((s = steps_get(l)) == NULL)
		return AMAS_ENOMEM;
	s->lead = rest;
	s->lead_arg = arg;
	if (rest != NULL) {
		amas__rest_set_asks(s->rest);
		amas__host_ordered(l);
	}
	return 0;
}

static void
add_abroad(struct amas_channel *ch, void *arg)
{
	size_t *n = arg;

	*n += amas__channel_abroad(ch);
}

size_t
amas__steps_abroad(struct amas_loop *l)
{
	struct amas__rest *r = *amas__loop_rest(l);
	const struct steps *s = r != NULL ? amas__rest_arg(r) : NULL;
	struct amas__link *i;
	size_t n = 0;

	amas__channel_each(l, add_abroad, &n);
	if (s == NULL)
		return n;
	for (i = s->containers.next; i != &s->containers; i = i->next)
		n += amas__links_abroad(&container(i)->links);
	return n;
}
