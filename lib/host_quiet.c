/*
 * When a guest is asleep.
 *
 * It is while each of its visitors waits for an answer.  Where things go on in
 * an order (rest.h), there are besides visitors that stream: they read lines of
 * their own, and may speak at any time, whether they wait or not.  Their lines
 * are written by somebody whom nobody can see, so they are never enough: a guest
 * with such is asleep while
 *
 *	a visitor that does not stream waits, and all others of that kind do, or
 *	one that streams is full: it waits, and takes no line before an answer;
 *
 *	and each that streams is quiet: it has answered an amas/sync that was sent
 *	after the last that happened to any of them: one came or went, asked, or
 *	got an answer.
 *
 * So a line counts that was written before whoever wrote it began to wait, and
 * one that is written before it waits does not come late.  Which of the two it
 * is, full or quiet, is the answer to the sync.  One is asked as soon as the rest
 * can be so, once at a time; the guest is awake until it has answered, and keeps
 * its place.
 *
 * What a program started, and nobody waits for, may run on meanwhile and speak
 * later: host_tree.c looks at that.
 */
#include "host_int.h"

#include <string.h>

#include "request.h"
#include "value.h"

static struct amas__visitor *
visitor(struct amas__link *i)
{
	return AMAS__OF(i, struct amas__visitor, link);
}

/* Whether all wait that do not stream, and there is something to wait for. */
static bool
could_sleep(const struct amas__guest *g)
{
	struct amas__link *i;

	for (i = g->visitors.next; i != &g->visitors; i = i->next)
		if (!visitor(i)->streams && visitor(i)->waits == 0)
			return false;
	return g->n_waiting > 0;
}

/* The same where some stream. */
static bool
streams_sleep(const struct amas__guest *g)
{
	const struct amas__visitor *v;
	struct amas__link *i;
	bool enough = false;

	for (i = g->visitors.next; i != &g->visitors; i = i->next) {
		v = visitor(i);
		/* Its answer would come from one who counts as asleep. */
		if (v->syncing || (v->streams && v->stale))
			return false;
		if (v->waits > 0 && (!v->streams || v->full))
			enough = true;
	}
	return enough && could_sleep(g);
}

bool
amas__host_asleep(const struct amas__guest *g)
{
	if (g->n_minded > 0 && amas__rest_ordered(g->loop))
		return streams_sleep(g);
	return g->n_visitors > 0 && g->n_waiting == g->n_visitors;
}

/* One without a place tells itself; else its job does. */
static void
update_awake(struct amas__guest *g)
{
	bool asleep = amas__host_asleep(g);

	if (g->job == NULL)
		amas__awake_set(&g->awake, g->lives && !asleep);
	amas__host_tree_update(g, asleep);
}

static void
settle(struct amas__guest *g)
{
	update_awake(g);
	if (g->job == NULL || g->host == NULL)
		return;
	if (amas__host_asleep(g))
		amas__job_sleep(g->job);
	else
		(void)amas__job_wake(g->job); /* now, or when there is one */
}

/* ---- Asking ---- */

/*
 * The only place where these change: the guest counts whom it minds, and one that
 * is asked is minded until it has answered, too.
 */
static void
mind(struct amas__visitor *v, bool streams, bool syncing)
{
	bool was = v->streams || v->syncing, is = streams || syncing;

	v->streams = streams;
	v->syncing = syncing;
	if (is && !was)
		v->guest->n_minded++;
	else if (was && !is)
		v->guest->n_minded--;
}

/* Has those asked that may have to be, from the loop. */
static void
look_at(struct amas__guest *g)
{
	amas__list_remove(&g->stirred);
	amas__list_add(&g->host->stirred, &g->stirred);
	amas__task_run(g->loop, &g->host->look);
}

static void
on_sync(const struct amas_reply *rep, void *arg)
{
	struct amas__visitor *v = arg;

	/* After an error it speaks no more. */
	mind(v, v->streams && rep->kind != AMAS_ERROR, false);
	v->full = amas__value_is(rep->value, "full");
	if (v->streams && v->stale)
		look_at(v->guest);
	settle(v->guest);
}

static void
ask(struct amas__visitor *v)
{
	mind(v, true, true);
	v->stale = false;
	if (amas__channel_sync(v->ch, on_sync, v) != 0)
		v->stale = true; /* memory is short: it is awake to its end */
}

static void
ask_all(struct amas__guest *g)
{
	struct amas__link *i, *next;
	struct amas__visitor *v;

	if (!could_sleep(g) || !amas__rest_ordered(g->loop))
		return;
	for (i = g->visitors.next; i != &g->visitors; i = next) {
		next = i->next;
		v = visitor(i);
		if (v->streams && v->stale && !v->syncing)
			ask(v);
	}
}

static void
on_look(struct amas__task *t)
{
	struct amas__host *h = AMAS__OF(t, struct amas__host, look);
	struct amas__guest *g;

	while (!amas__list_empty(&h->stirred)) {
		g = AMAS__OF(h->stirred.next, struct amas__guest, stirred);
		amas__list_remove(&g->stirred);
		ask_all(g);
	}
}

void
amas__host_quiet_init(struct amas__host *h)
{
	amas__list_init(&h->stirred);
	amas__task_init(&h->look, on_look);
}

/* ---- What happens ---- */

void
amas__host_stir(struct amas__guest *g)
{
	struct amas__link *i;

	if (g->n_minded > 0 && g->host != NULL) {
		for (i = g->visitors.next; i != &g->visitors; i = i->next)
			visitor(i)->stale = true;
		look_at(g);
	}
	update_awake(g);
}

void
amas__host_update(struct amas__guest *g)
{
	amas__host_stir(g);
	settle(g);
}

static void
set_streams(struct amas__visitor *v, bool streams)
{
	if (v->streams == streams)
		return;
	mind(v, streams, v->syncing);
	amas__host_update(v->guest);
}

void
amas__host_quiet_leave(struct amas__visitor *v)
{
	mind(v, false, false);
}

void
amas__host_batch(struct amas__visitor *v, struct amas_request *req)
{
	int streams;

	if (amas_request_unpack(req, "[b]", &streams) != 0)
		return;
	if (v->ch != NULL) /* a worker has a sleep of its own */
		set_streams(v, streams != 0);
	amas_request_reply(req, NULL);
}

void
amas__host_ordered(struct amas_loop *l)
{
	struct amas__host *h = *amas__loop_host(l);
	struct amas__guest *g;
	size_t i = 0;

	while (h != NULL && (g = amas__map_next(&h->guests, &i, NULL,
	    NULL)) != NULL)
		if (g->n_minded > 0)
			amas__host_update(g);
}
