/*
 * The time of containers: their clock, how it is stepped by an amas-clock, and
 * how a simulated one goes on by itself.  The rules and why they are right are
 * in rest.h.
 *
 * All containers of a loop are stepped together: what one of them does keeps the
 * others from rest, too.
 */
#ifndef AMAS__STEPS_H
#define AMAS__STEPS_H

#include <stdbool.h>

#include "amas.h"
#include "channel.h"
#include "list.h"
#include "loop.h"

/* What a container has of it. */
struct amas__stepped {
	struct amas__link link;		/* among all of the loop */
	struct amas_channel *clock;	/* who steps it; NULL: nobody */
	struct amas__ending ending;	/* of that */
	struct amas__link open;		/* step(), idle(): not answered yet */
};

/*
 * A container begins, and ends.  serial: all of its loop go on one by one.
 * Begins: 0 or AMAS_ENOMEM.
 */
int amas__steps_add(struct amas_container *c, bool serial,
    struct amas_error *err);
void amas__steps_remove(struct amas_container *c);

/* Agent 0's: requests on the connection of whoever steps it. */
void amas__steps_step(struct amas_container *c, struct amas_request *req);
void amas__steps_idle(struct amas_container *c, struct amas_request *req);
void amas__steps_next(struct amas_container *c, struct amas_request *req);
void amas__steps_set_time(struct amas_container *c, struct amas_request *req);

/* Answers amas/awake: who keeps it from rest. */
void amas__steps_awake(struct amas_request *req);

/*
 * What goes on by itself ends at a time, inclusive; INFINITY, the default: when
 * no sleeper is left.  Then, once, over() runs, from the loop: waits names
 * somebody who still waits in a call, or is NULL.
 */
typedef void amas__steps_over_fn(const char *waits, void *arg);
void amas__steps_until(struct amas_loop *l, double until_s,
    amas__steps_over_fn *over, void *arg);

/*
 * From now on somebody else moves the time of all containers of a loop, whom
 * rest() tells, from the loop, whenever all is at rest, and how many things went
 * on since the last time; agent 0 of none of them can.  rest NULL: nobody does
 * any more.  Nothing is parked: what others send at any time goes on at once.
 * Returns 0 or AMAS_ENOMEM.
 */
typedef void amas__steps_rest_fn(uint64_t activity, void *arg);
int amas__steps_lead(struct amas_loop *l, amas__steps_rest_fn *rest, void *arg);

/* How many calls of containers elsewhere are not answered. */
size_t amas__steps_abroad(struct amas_loop *l);

#endif
