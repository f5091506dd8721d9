/*
 * All containers of a run: one connection to each, what each of them is, and
 * steps of all of them.
 *
 * A container steps, if it is one of amas: it confirms a step when it is at
 * rest, is parked then, and says when something wakes it.  Others, Python's,
 * have set_time alone.  See amas-wire(5).
 */
#ifndef CLOCK_FLEET_H
#define CLOCK_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amas.h"
#include "clock_opts.h"
#include "loop.h"

enum clock_kind {
	CLOCK_UNKNOWN,
	CLOCK_SETS,		/* set_time alone */
	CLOCK_STEPS
};

enum clock_phase {
	CLOCK_CLOSED,
	CLOCK_OPENING,		/* what they are is asked */
	CLOCK_RESTING,		/* nothing is under way */
	CLOCK_SETTING,		/* a step: those that set the time */
	CLOCK_STEPPING,		/* a step: all others */
	CLOCK_WOKEN,		/* between steps: some that were parked */
	CLOCK_STOPPING
};

struct clock_fleet;

struct clock_peer {
	struct clock_fleet *fleet;
	const char *name;	/* as typed */
	struct amas_channel *ch;
	enum clock_kind kind;
	bool open;		/* connected */
	unsigned busy;		/* calls of ours without answer: it is active */
	bool parks;		/* was stepped */
	double next_s;		/* its earliest sleeper; INFINITY: none */
	bool knows_time, knows_date;
	double time_s;		/* when it was asked */
	int64_t date_us;	/* its date then, since 1970 */
	struct amas_request *wake;	/* is answered when the step was sent */
};

/*
 * opened  all are there, and what they are is known.
 * rested  none is active any more.
 * ended   the fleet is closed: it was stopped, CMD_OK, or one has failed, as
 *         has been said.
 */
struct clock_fleet_ops {
	void (*opened)(struct clock_fleet *f);
	void (*rested)(struct clock_fleet *f);
	void (*ended)(struct clock_fleet *f, int status);
};

/* Set what stands first; the rest is zero. */
struct clock_fleet {
	const struct clock_opts *o;
	const struct clock_fleet_ops *ops;
	struct amas_loop *loop;

	struct amas_service *service;	/* amas/wake */
	struct clock_peer *peers;
	size_t n;
	size_t n_open;
	size_t n_busy;		/* those that are active */
	enum clock_phase phase;
	double time_s;		/* of the step */
	double begun_s;		/* when the phase began, by call_now(); a step
				 * is one */
	const char *slowest;	/* of the step: who confirmed it last */
	/* clock_lag.c */
	struct amas__timer lag, limit;
	size_t n_asked;		/* who were asked what keeps them */
	bool named;		/* who holds it up has been said */
	bool late;		/* the deadline has passed */
};

/* Connects to all of them, names being borrowed.  Returns CMD_OK or a status. */
int clock_fleet_open(struct clock_fleet *f, const struct clock_addrs *all);

/*
 * Lets those that step come to rest at the time that they have, so that who has
 * just begun is not passed by the first step; rested() follows.
 */
void clock_fleet_settle(struct clock_fleet *f);

/* Begins a step, of a fleet that rests. */
void clock_fleet_step(struct clock_fleet *f, double t_s);

/* Has all containers end, and ends. */
void clock_fleet_stop(struct clock_fleet *f);

/* Closes all connections: those that are parked run free. */
void clock_fleet_close(struct clock_fleet *f);

/* Closes it because of this, and reports the end. */
void clock_fleet_fail(struct clock_fleet *f, int status);

/* What is under way, for messages: "step 60". */
#define CLOCK_DOING_SIZE (CLOCK_TEXT_SIZE + 16)
const char *clock_fleet_doing(const struct clock_fleet *f,
    char out[CLOCK_DOING_SIZE]);

/* ---- clock_lag.c ---- */

void clock_lag_init(struct clock_fleet *f);

/* A phase begins, whose time is limited; it is over. */
void clock_lag_start(struct clock_fleet *f);
void clock_lag_stop(struct clock_fleet *f);

#endif
