/*
 * Whether an agent is there that is about to be called: its container is asked
 * once before, as aiomas does.  Single calls and batches of one agent ask by
 * call_agent_ask(); where lines name agents, a table for each connection knows
 * who was asked for, and calls wait in it.
 */
#ifndef CALL_AGENT_H
#define CALL_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"
#include "list.h"
#include "map.h"

#define CALL_AGENTS_MAX 65536	/* agents that a table remembers; others are
				 * asked for at each call */

/*
 * Asks for the agent of a URL.  Reported as a call of it would be: by any
 * result if it is there, else by what calls of it fail with.  Returns 0,
 * AMAS_EINVAL (no such URL) or AMAS_ENOMEM; then fn does not run.
 */
int call_agent_ask(struct amas_channel *ch, const char *url,
    amas_reply_fn *fn, void *arg);

/* ---- Agents of one connection ---- */

struct call_agents {
	struct amas__map map;	/* by id */
};

struct call_agent {
	struct amas__link waiting;	/* calls, until it has been answered */
	bool there;
	char *missing;		/* it is not: what calls of it fail with */
	bool asked;		/* the answer is not yet in */
	bool loose;		/* in no table: goes after the answer */
};

/* A call that waits: go() runs once, from fini if from nowhere else. */
struct call_wait {
	struct amas__link link;
	void (*go)(struct call_wait *w, const struct amas_reply *rep);
};

void call_agents_init(struct call_agents *all);

/* When the connection is closed; calls that still wait are canceled inside. */
void call_agents_fini(struct call_agents *all);

/* The agent of that id; NULL if memory is short. */
struct call_agent *call_agents_get(struct call_agents *all, const char *id,
    size_t len);

/*
 * Lets a call wait for the answer, behind those that do, of an agent which is
 * neither there nor missing.  Returns as call_agent_ask(), then w does not wait;
 * the agent may be gone after that.
 */
int call_agent_wait(struct call_agent *a, struct amas_channel *ch,
    const char *url, struct call_wait *w);

#endif
