/*
 * On whose behalf a process runs: an agent.  It is what the host and the sources
 * know of an agent, and all that they know; a container fills it in.  NULL in
 * its place: it runs for a service.
 */
#ifndef AMAS__HOME_H
#define AMAS__HOME_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"

struct amas__home;
struct amas__jobs;
struct amas__links;

/*
 * state  its folder, made now if it is not there, with the file args in it;
 *        NULL: it cannot be made (*err says why).
 * serve  has a request for the host answered that only agents may make, as
 *        "amas/spawn"; false: there is no such function.  The request's path
 *        is the function's.  One that is kept, as any handler may, lets its
 *        process wait until it is answered: that gives its place back.
 * gone   the last reference was given back.
 */
struct amas__home_ops {
	const char *(*state)(struct amas__home *h, struct amas_error *err);
	bool (*serve)(struct amas__home *h, struct amas_request *req);
	void (*gone)(struct amas__home *h);
};

struct amas__home {
	const struct amas__home_ops *ops;
	size_t refs;			/* its agent's, its sources' */
	struct amas_loop *loop;
	const char *self;		/* its URL: AMAS_SELF; of many agents
					 * how theirs begin; NULL: none */
	struct amas__links *links;	/* to the agents that it calls */
	struct amas_clock *clock;
	bool many;			/* it is that of many agents */
	size_t index;			/* AMAS_INDEX: its number in its group */
	struct amas__jobs *turns;	/* one handler awake at a time; NULL:
					 * any number */
	/* What its constructor got, borrowed; NULL: nothing. */
	const struct amas_value *args, *kwargs;
};

/* For NULL, too; ref returns h. */
static inline struct amas__home *
amas__home_ref(struct amas__home *h)
{
	if (h != NULL)
		h->refs++;
	return h;
}

static inline void
amas__home_unref(struct amas__home *h)
{
	if (h != NULL && --h->refs == 0)
		h->ops->gone(h);
}

#endif
