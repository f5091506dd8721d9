/*
 * What a guest's process started, and what that did.
 *
 * A guest whose visitors all wait may have a job in the background, or another
 * stage of a pipe, that has not come to ask yet: time must not go on before it
 * has.  So once all else is at rest the system is asked whether anything of it
 * runs, again and again until nothing does.  What such a one wrote before it slept
 * is there by then, but may not have been read: the answer counts when nobody
 * came, asked or left for two turns of the loop, the one that accepts a connection
 * and the one that reads from it, and the same processes sleep after that: the
 * first look may have missed one that woke while it was taken (child.h).
 *
 * What sleeps is not asked what it waits for: one that waits for real time, or for
 * input, is passed over.
 */
#include "host_int.h"

#include "proc.h"

#define TURNS 2
#define EAGER 20		/* looks in turns that follow each other */
#define PAUSE_S 0.001		/* then; doubles up to */
#define PAUSE_MAX_S 0.032

/* Something runs: when to look again. */
static double
pause_s(unsigned tries)
{
	double s = PAUSE_S;

	if (tries <= EAGER)
		return 0;
	while (tries-- > EAGER + 1 && s < PAUSE_MAX_S)
		s *= 2;
	return s;
}

static void
look(struct amas__guest *g)
{
	bool again = g->seen == g->host->happened && g->quiet;
	enum amas__doing doing;
	uint64_t who = 0;
	double s = 0;

	doing = amas__proc_doing(g->proc, &who);
	if (doing == AMAS__UNTOLD)
		who = 0; /* then that nothing happens has to do */
	g->quiet = doing != AMAS__RUNS;
	if (!g->quiet)
		s = pause_s(++g->tries);
	else if (again && who == g->who) {
		amas__unsure_sure(&g->unsure);
		return;
	}
	g->who = who;
	g->seen = g->host->happened;
	g->turns = g->quiet ? TURNS : 1;
	amas__timer_start(&g->again, s);
}

static void
on_again(struct amas__timer *t)
{
	struct amas__guest *g = AMAS__OF(t, struct amas__guest, again);

	if (--g->turns > 0 && g->seen == g->host->happened)
		amas__timer_start(&g->again, 0);
	else
		look(g);
}

static void
ask(struct amas__unsure *u)
{
	struct amas__guest *g = AMAS__OF(u, struct amas__guest, unsure);

	g->tries = 0;
	g->quiet = false;
	look(g);
}

void
amas__host_tree_init(struct amas__guest *g)
{
	amas__unsure_init(&g->unsure, g->loop, AMAS__UNSURE_CHILD, g->name,
	    ask);
	g->unsure.what = "has started something that runs";
	amas__timer_init(&g->again, g->loop, on_again);
}

static void
forget(struct amas__guest *g)
{
	amas__timer_stop(&g->again);
	if (!amas__list_empty(&g->unsure.link))
		amas__unsure_sure(&g->unsure);
}

void
amas__host_tree_update(struct amas__guest *g, bool waits)
{
	if (g->proc == NULL)
		return;
	if (!waits) {
		forget(g);
		return;
	}
	amas__timer_stop(&g->again);
	amas__unsure_set(&g->unsure);
}

void
amas__host_tree_close(struct amas__guest *g)
{
	g->proc = NULL;
	forget(g);
}

void
amas__guest_proc(struct amas__guest *g, const struct amas__proc *p)
{
	g->proc = p;
}
