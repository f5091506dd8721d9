/* What the files of mosaik_agents.h share. */
#ifndef AMAS__MOSAIK_AGENTS_INT_H
#define AMAS__MOSAIK_AGENTS_INT_H

#include <stdint.h>

#include "container.h"
#include "list.h"
#include "loop.h"
#include "map.h"
#include "mosaik.h"
#include "mosaik_agents.h"

/* An agent that create made. */
struct amas__entity {
	char *eid;			/* "MODEL-ID", ID its agent's */
	uint32_t id;
	const struct amas_value *inputs;	/* of this step, or NULL */
	struct amas_value *gave;	/* get_data: what it gave, or NULL */
};

/*
 * What is done about the open request.
 *
 * SETTLE  what goes on yet comes to rest, at the time that was.
 * INPUTS  agents have been told that the time is another, and what comes in;
 *         who sleeps until now still does.
 * RUN     these have been woken.
 *
 * From SETTLE on entities may have values of the request.
 */
enum amas__mosaik_phase { AMAS__MOSAIK_NONE, AMAS__MOSAIK_CREATE,
	AMAS__MOSAIK_SETTLE, AMAS__MOSAIK_INPUTS, AMAS__MOSAIK_RUN,
	AMAS__MOSAIK_DATA };

struct amas__mosaik_agents {
	struct amas__open open;
	struct amas_loop *loop;
	struct amas_container *c;
	const struct amas__mosaik_agents_ops *ops;
	void *arg;
	struct amas_server *server;	/* NULL: it dials, or ends */
	struct amas_channel *ch;	/* who has the run; or NULL */
	struct amas__ending gone;	/* it sends no more */
	struct amas_channel *dialled;	/* NULL: none, any more */
	bool stood;			/* that one did */
	bool ending;
	double ask_s;
	struct amas__mosaik is;		/* what may be answered */
	struct amas__map models;	/* by name */
	struct amas_value *meta;
	double resolution_s;
	int64_t step_size;		/* 0: none */
	int64_t now;
	struct amas__entity **entity;	/* in the order of their making */
	size_t n, cap;
	struct amas__map by_eid;

	/* Requests are answered one by one. */
	struct amas__link waiting;	/* behind the open one */
	struct amas_request *req;	/* the open one, or NULL */
	uint64_t turn;			/* its number; 0 of none */
	enum amas__mosaik_phase phase;
	struct amas__task look;		/* at what has changed */
	struct amas__timer deadline;	/* of agents elsewhere */
	struct amas__link calls;	/* of agents, all that are open */
	size_t n_calls;			/* of them those of this request */
	int64_t next;			/* step, INT64_MAX: nobody wants one */
	struct amas__mosaik_making *making;	/* create */
	bool failed;			/* the request, or the next one, has */
	char *failure;			/* by that; NULL: memory is short */
};

/* ---- mosaik_agents.c ---- */

/* Answers the open request; the next one is begun from the loop. */
void amas__mosaik_reply(struct amas__mosaik_agents *m,
    const struct amas_value *v);

/*
 * Notes that it fails, by the first text, which names who: it is answered from
 * the loop.  Without an open request the next one fails.
 */
void amas__mosaik_fail(struct amas__mosaik_agents *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void amas__mosaik_fail_nomem(struct amas__mosaik_agents *m);

/* ---- mosaik_meta.c ---- */

/* Answers init. */
void amas__mosaik_init_run(struct amas__mosaik_agents *m);

/* ---- mosaik_create.c ---- */

void amas__mosaik_create(struct amas__mosaik_agents *m);

/* It has failed: what was made is ended. */
void amas__mosaik_create_undo(struct amas__mosaik_agents *m);

void amas__mosaik_entities_fini(struct amas__mosaik_agents *m);

/* ---- mosaik_step.c ---- */

void amas__mosaik_step(struct amas__mosaik_agents *m);
void amas__mosaik_get_data(struct amas__mosaik_agents *m);

/* All agents have been asked and have answered. */
void amas__mosaik_end_data(struct amas__mosaik_agents *m);

/* All is at rest. */
void amas__mosaik_rest(struct amas__mosaik_agents *m);

/* An agent has answered, one of its last step or of a step before. */
void amas__mosaik_stepped(struct amas__mosaik_agents *m,
    const struct amas__entity *e, const struct amas_value *v);
void amas__mosaik_gave(struct amas__mosaik_agents *m, struct amas__entity *e,
    const struct amas_value *v);

/* ---- mosaik_call.c ---- */

/*
 * Calls step or get_data of an entity's agent, with args; its answer goes to
 * one of the two above, its failure to amas__mosaik_fail().  needed: that it has
 * no such function is one.
 */
void amas__mosaik_call(struct amas__mosaik_agents *m, struct amas__entity *e,
    const char *function, const struct amas_value *args, bool needed);

/* The first entity that has not answered the open request; one there is. */
const char *amas__mosaik_unanswered(const struct amas__mosaik_agents *m);

/* Gives up those that are open: nobody waits for them. */
void amas__mosaik_calls_forget(struct amas__mosaik_agents *m);

#endif
