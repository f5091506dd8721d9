/*
 * Rest.  All that changes anything schedules a look, at the end of the turn: so
 * one is cheap, and what is only between two callbacks is never seen.
 */
#include "rest.h"

#include <stdlib.h>

#include "mem.h"

enum mode { FREE, RUNNING, PARKED };

struct amas__rest {
	struct amas_loop *loop;
	const struct amas__rest_ops *ops;	/* NULL: nobody is told */
	void *arg;
	enum mode mode;
	bool stepped;		/* ever */
	bool serial;
	bool asks;		/* children, even if it was never stepped */
	bool greets;		/* and as they begin */
	bool told;		/* kept() was, since it was parked */
	uint64_t activity;	/* since rest() */
	uint64_t strays;
	struct amas__link awake;
	struct amas__link unsure[AMAS__UNSURES], asked;
	struct amas__link events;
	struct amas__task look;
	struct amas__task events_task;	/* not serial: lets them go on */
};

static struct amas__rest *
rest(struct amas_loop *l)
{
	return *amas__loop_rest(l);
}

/* ---- Awake, unsure ---- */

void
amas__awake_init(struct amas__awake *a, struct amas_loop *l, const char *name)
{
	amas__list_init(&a->link);
	a->loop = l;
	a->name = name;
	a->what = NULL;
	a->since = 0;
}

void
amas__awake_set(struct amas__awake *a, bool awake)
{
	struct amas__rest *r = rest(a->loop);

	if (r == NULL || awake != amas__list_empty(&a->link))
		return;
	if (awake) {
		a->since = amas__loop_now(a->loop);
		amas__list_add(&r->awake, &a->link);
		r->activity++;
	} else {
		amas__list_remove(&a->link);
		amas__rest_look(a->loop);
	}
}

void
amas__unsure_init(struct amas__unsure *u, struct amas_loop *l,
    enum amas__unsure_kind kind, const char *name,
    void (*ask)(struct amas__unsure *u))
{
	amas__list_init(&u->link);
	u->loop = l;
	u->kind = kind;
	u->asked = false;
	u->ask = ask;
	u->name = name;
	u->what = "has not answered amas/sync";
	u->since = 0;
}

void
amas__unsure_set(struct amas__unsure *u)
{
	struct amas__rest *r = rest(u->loop);

	if (r == NULL || (!amas__list_empty(&u->link) && !u->asked))
		return;
	amas__list_remove(&u->link);
	u->asked = false;
	amas__list_add(&r->unsure[u->kind], &u->link);
	amas__rest_look(u->loop);
}

void
amas__unsure_sure(struct amas__unsure *u)
{
	amas__list_remove(&u->link);
	u->asked = false;
	amas__rest_look(u->loop);
}

/* Asks all of a kind, or the first; says whether there was one. */
static bool
ask(struct amas__rest *r, enum amas__unsure_kind kind)
{
	struct amas__link *list = &r->unsure[kind];
	struct amas__unsure *u;

	if (amas__list_empty(list))
		return false;
	while (!amas__list_empty(list)) {
		u = AMAS__OF(list->next, struct amas__unsure, link);
		amas__list_remove(&u->link);
		amas__list_add(&r->asked, &u->link);
		u->asked = true;
		u->since = amas__loop_now(r->loop);
		u->ask(u);
		if (r->serial)
			break;
	}
	return true;
}

/* ---- Events ---- */

bool
amas__rest_parked(struct amas_loop *l)
{
	const struct amas__rest *r = rest(l);

	return r != NULL && r->mode == PARKED;
}

bool
amas__rest_puts_off(struct amas_loop *l)
{
	const struct amas__rest *r = rest(l);

	/* What was put off goes first. */
	return r != NULL && (r->mode == PARKED || r->serial ||
	    !amas__list_empty(&r->events));
}

void
amas__rest_put_off(struct amas_loop *l, struct amas__event *e)
{
	struct amas__rest *r = rest(l);

	amas__list_add(&r->events, &e->link);
	if (r->mode != PARKED) {
		amas__rest_look(l);
	} else if (!r->told) {
		r->told = true;
		if (r->ops != NULL)
			r->ops->kept(r->arg);
	}
}

void
amas__event_drop(struct amas__event *e)
{
	amas__list_remove(&e->link);
}

static void
next_event(struct amas__rest *r)
{
	struct amas__event *e = AMAS__OF(r->events.next, struct amas__event,
	    link);

	amas__list_remove(&e->link);
	r->activity++;
	e->fn(e);
}

/* Those that are there now: what they add waits behind them. */
static void
on_events(struct amas__task *t)
{
	struct amas__rest *r = AMAS__OF(t, struct amas__rest, events_task);
	struct amas__link *last = r->events.prev;
	bool more = !amas__list_empty(&r->events);

	while (more && r->mode != PARKED && !amas__list_empty(&r->events)) {
		more = r->events.next != last;
		next_event(r);
	}
	amas__rest_look(r->loop);
}

/* ---- Looking ---- */

/* Whether all is asleep, and surely; else something is under way. */
static bool
is_asleep(struct amas__rest *r)
{
	int kind;

	if (!amas__list_empty(&r->awake) || !amas__list_empty(&r->asked))
		return false;
	if (!r->asks)
		return true; /* nobody is asked before the first step */
	for (kind = 0; kind < AMAS__UNSURES; kind++)
		if (ask(r, (enum amas__unsure_kind)kind))
			return false;
	return true;
}

static void
on_look(struct amas__task *t)
{
	struct amas__rest *r = AMAS__OF(t, struct amas__rest, look);
	uint64_t activity;

	if (r->mode == PARKED || r->ops == NULL ||
	    amas__loop_draining(r->loop))
		return;
	if (amas__loop_has_tasks(r->loop)) { /* what is in a queue, say */
		amas__rest_look(r->loop);
		return;
	}
	if (!is_asleep(r))
		return;
	if (r->ops->more(r->arg)) {
		r->activity++;
		amas__rest_look(r->loop);
	} else if (!amas__list_empty(&r->events)) {
		if (r->serial)
			next_event(r);
		else
			amas__task_run(r->loop, &r->events_task);
		amas__rest_look(r->loop);
	} else {
		activity = r->activity;
		r->activity = 0;
		r->ops->rest(r->arg, activity);
	}
}

void
amas__rest_count_stray(struct amas_loop *l)
{
	struct amas__rest *r = rest(l);

	if (r != NULL)
		r->strays++;
}

uint64_t
amas__rest_strays(struct amas_loop *l)
{
	return rest(l) != NULL ? rest(l)->strays : 0;
}

void
amas__rest_look(struct amas_loop *l)
{
	struct amas__rest *r = rest(l);

	if (r != NULL)
		amas__task_run(l, &r->look);
}

/* ---- The whole ---- */

struct amas__rest *
amas__rest_of(struct amas_loop *l)
{
	struct amas__rest **slot = amas__loop_rest(l), *r = *slot;
	int kind;

	if (r != NULL || (r = amas__zalloc(sizeof *r)) == NULL)
		return r;
	r->loop = l;
	amas__list_init(&r->awake);
	for (kind = 0; kind < AMAS__UNSURES; kind++)
		amas__list_init(&r->unsure[kind]);
	amas__list_init(&r->asked);
	amas__list_init(&r->events);
	amas__task_init(&r->look, on_look);
	amas__task_init(&r->events_task, on_events);
	*slot = r;
	return r;
}

void
amas__rest_free(struct amas__rest *r)
{
	if (r == NULL)
		return;
	*amas__loop_rest(r->loop) = NULL;
	amas__task_cancel(r->loop, &r->look);
	amas__task_cancel(r->loop, &r->events_task);
	free(r);
}

void
amas__rest_set_serial(struct amas__rest *r)
{
	r->serial = r->asks = true;
}

void
amas__rest_set_asks(struct amas__rest *r)
{
	r->asks = true;
}

void
amas__rest_set_greets(struct amas__rest *r)
{
	r->greets = true;
}

/* Serial they are asked in their turn; parked, nothing is sent. */
bool
amas__rest_greets(struct amas_loop *l)
{
	const struct amas__rest *r = rest(l);

	return r != NULL && r->greets && !r->serial && r->mode != PARKED;
}

bool
amas__rest_is_serial(struct amas_loop *l)
{
	return rest(l) != NULL && rest(l)->serial;
}

bool
amas__rest_ordered(struct amas_loop *l)
{
	return rest(l) != NULL && rest(l)->asks;
}

bool
amas__rest_stepped(struct amas_loop *l)
{
	return rest(l) != NULL && rest(l)->stepped;
}

void
amas__rest_run(struct amas__rest *r)
{
	r->mode = RUNNING;
	r->stepped = r->asks = true;
	r->told = false;
	if (!r->serial && !amas__list_empty(&r->events))
		amas__task_run(r->loop, &r->events_task);
	amas__rest_look(r->loop);
}

void
amas__rest_park(struct amas__rest *r)
{
	r->mode = PARKED;
	r->told = false;
}

void
amas__rest_release(struct amas__rest *r)
{
	r->mode = FREE;
	if (!r->serial && !amas__list_empty(&r->events))
		amas__task_run(r->loop, &r->events_task);
	amas__rest_look(r->loop);
}

void
amas__rest_drain(struct amas__rest *r)
{
	r->serial = false;
	amas__rest_release(r);
}

void
amas__rest_set_ops(struct amas__rest *r, const struct amas__rest_ops *ops,
    void *arg)
{
	r->ops = ops;
	r->arg = arg;
	if (ops == NULL)
		amas__rest_release(r);
}

void *
amas__rest_arg(const struct amas__rest *r)
{
	return r->arg;
}

void
amas__rest_each(struct amas_loop *l, void (*fn)(const char *name,
    const char *what, double since, void *arg), void *arg)
{
	struct amas__rest *r = rest(l);
	struct amas__awake *a;
	struct amas__unsure *u;
	struct amas__link *i;

	if (r == NULL)
		return;
	for (i = r->awake.next; i != &r->awake; i = i->next) {
		a = AMAS__OF(i, struct amas__awake, link);
		fn(a->name, a->what, a->since, arg);
	}
	for (i = r->asked.next; i != &r->asked; i = i->next) {
		u = AMAS__OF(i, struct amas__unsure, link);
		fn(u->name, u->what, u->since, arg);
	}
}
