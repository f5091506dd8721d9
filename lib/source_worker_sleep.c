/*
 * When a worker is asleep.
 *
 * A worker is asleep while it waits for an answer of its own, unless it works on
 * meanwhile (it is async); and when it has answered an amas/sync, whatever the
 * answer, and was sent nothing after that.  It is asked when all else is at
 * rest, once at a time, and never before anybody wants to know: rest.h.
 */
#include "source_worker_int.h"


#include "log.h"
#include "loop.h"
#include "value.h"

bool
amas__slot_waits(const struct amas__slot *s)
{
	return !s->async && amas__worker_asks(&s->worker);
}

void
amas__slot_stir(struct amas__slot *s)
{
	s->stale = true;
	if (s->worker.state == AMAS__WORKER_RUNS && !amas__slot_waits(s))
		amas__unsure_set(&s->unsure);
}

static void
on_sync(const struct amas_reply *rep, void *arg)
{
	struct amas__slot *s = arg;

	if (rep->kind == AMAS_ERROR)
		return; /* it is lost, or its source goes */
	s->syncing = false;
	if (amas__value_is(rep->value, "async"))
		s->async = true;
	if (s->stale && !amas__slot_waits(s))
		amas__unsure_set(&s->unsure);
	else
		amas__unsure_sure(&s->unsure);
}

static void
ask(struct amas__unsure *u)
{
	struct amas__slot *s = AMAS__OF(u, struct amas__slot, unsure);

	if (s->syncing || s->worker.ch == NULL)
		return; /* its answer comes first; it is lost, as it will say */
	s->syncing = true;
	s->stale = false;
	if (amas__channel_sync(s->worker.ch, on_sync, s) != 0)
		s->syncing = false; /* it stays unsure: nothing goes on */
}

/*
 * The first line that it gets asks, before anybody wants to know: if it begins
 * with a wait it could not say otherwise that it works on meanwhile.  Of one that
 * only waits no answer is awaited.
 */
void
amas__slot_greet(struct amas__slot *s)
{
	amas__slot_stir(s);
	if (amas__rest_greets(s->g->loop))
		ask(&s->unsure);
}

void
amas__slot_forget(struct amas__slot *s)
{
	s->syncing = s->stale = s->async = false;
	s->fresh = true;
	amas__unsure_sure(&s->unsure);
}

bool
amas__slot_listens(const struct amas__slot *s)
{
	return amas__worker_takes(&s->worker) &&
	    (!amas__rest_ordered(s->g->loop) || !amas__slot_waits(s));
}

void
amas__slot_spoke(struct amas__slot *s)
{
	if (s->async || !amas__rest_ordered(s->g->loop))
		return;
	s->async = true;
	amas__log(amas__loop_log(s->g->loop), AMAS_LOG_WARN, "%s: speaks while "
	    "a request of its own is open: it is asked whether it is asleep "
	    "from now on, and should answer \"async\"",
	    s->worker.resident.name);
	amas__slot_stir(s);
}

void
amas__group_update(struct amas__group *g)
{
	bool could = false;
	size_t i;

	for (i = 0; i < g->n && !could; i++)
		could = !amas__rest_ordered(g->loop) || !amas__slot_waits(&g->slot[i]);
	amas__awake_set(&g->awake, could && !amas__list_empty(&g->waiting));
}

void
amas__slot_sleep_init(struct amas__slot *s)
{
	s->fresh = true;
	amas__unsure_init(&s->unsure, s->g->loop, AMAS__UNSURE_CHILD,
	    s->worker.resident.name, ask);
}
