/*
 * A run: what drives a fleet, for set, run and feed.  There is one question, what
 * comes next, which is asked whenever something has ended: a step, what it
 * woke, a line of output, the command of --do, a wait.
 */
#ifndef CLOCK_RUN_H
#define CLOCK_RUN_H

#include <ev.h>
#include <stdbool.h>

#include "call_lines.h"
#include "clock_fleet.h"
#include "proc.h"

#define CLOCK_SIGNALS 4

struct clock_run {
	struct clock_fleet fleet;	/* first */
	const struct clock_opts *o;
	struct ev_loop *ev;
	struct amas_loop *loop;
	ev_signal signals[CLOCK_SIGNALS];
	struct clock_addrs addrs;
	struct amas__timer retry;	/* until files are read again */
	double give_up_s;	/* when that ends, by call_now() */
	struct call_output out;
	struct call_input in;	/* feed */

	bool has_time;		/* time_s is that of all */
	double time_s;		/* if none tells its time: what is taken for it */
	bool stepping;		/* a step is under way, or what it says is not
				 * yet written */
	bool begun;		/* all were at rest, once */
	bool settling;		/* one that is not reported */
	bool set;		/* there was a step */
	double until_s;		/* INFINITY: no end */

	/* clock_pace.c */
	bool paced;		/* from_s and real_s belong together */
	bool waited;		/* for the time of the next step */
	bool behind;		/* has been said */
	double from_s, real_s;
	struct amas__timer pace;
	struct amas__proc *proc;	/* of --do; NULL: none runs */
	bool hook_due;

	bool paused, once;	/* SIGUSR1; SIGUSR2: one step all the same */
	bool quit;		/* SIGTERM */
	bool over;
	int status;
};

/* ---- clock_run.c ---- */

/* Asks what comes next. */
void clock_run_go(struct clock_run *r);

/* Ends when it can: with --stop, when the containers have. */
void clock_run_finish(struct clock_run *r, int status);

/* ---- clock_pace.c ---- */

void clock_pace_init(struct clock_run *r);

/* The time of the next step; INFINITY: there is none. */
double clock_pace_next(const struct clock_run *r);

/*
 * Whether it is time for a step; else waits until it is, or with --strict ends
 * the run.
 */
bool clock_pace_due(struct clock_run *r, double t_s);

/* Starts the command of --do. */
void clock_pace_hook(struct clock_run *r);
void clock_pace_fini(struct clock_run *r);

#endif
