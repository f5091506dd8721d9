/*
 * Agents as a simulator of mosaik: the entities of its models are agents of a
 * container, whose time is that of the simulation.
 *
 *	mosaik_agents.c	the connection, init, the end
 *	mosaik_meta.c	what it says of its models
 *	mosaik_create.c	making agents
 *	mosaik_step.c	steps and what comes out of them
 *	mosaik_call.c	calls of agents
 *
 * A process has one time, so it takes part in one run: the connection that says
 * init first has it, until that ends.
 */
#ifndef AMAS__MOSAIK_AGENTS_H
#define AMAS__MOSAIK_AGENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"

struct amas__mosaik_agents;

/*
 * over  the run has ended: in order (why NULL), or as why says; or it never
 *       began, since nobody could be dialled.  From the loop.
 */
struct amas__mosaik_agents_ops {
	void (*over)(void *arg, const struct amas_error *why);
};

/*
 * Makes one of a container with an external clock; ops and arg are for it.  It
 * goes with the loop.  Returns 0 or AMAS_ENOMEM.
 */
int amas__mosaik_agents_new(struct amas__mosaik_agents **out,
    struct amas_container *c, const struct amas__mosaik_agents_ops *ops,
    void *arg, struct amas_error *err);

/* A class of the container is a model.  Returns 0 or AMAS_ENOMEM. */
int amas__mosaik_agents_add(struct amas__mosaik_agents *m, const char *model,
    struct amas_error *err);

/*
 * Sets what init answers: meta, as mosaik wants it, where what is missing has
 * defaults; NULL: all of it.  After all models.  Returns 0, AMAS_ETYPE (mosaik
 * could not take it) or AMAS_ENOMEM.
 */
int amas__mosaik_agents_set_meta(struct amas__mosaik_agents *m,
    const struct amas_value *meta, struct amas_error *err);

/*
 * Listens, or dials.
 *
 * ask_s  what agents elsewhere may take to answer, once all else is at rest.
 *
 * Returns as amas_server_open() and amas_channel_open().
 */
int amas__mosaik_agents_open(struct amas__mosaik_agents *m, const char *addr,
    bool dial, double ask_s, size_t max_message, struct amas_error *err);

/* Where it listens, until it ends; NULL: it dials. */
const char *amas__mosaik_agents_addr(const struct amas__mosaik_agents *m);

#endif
