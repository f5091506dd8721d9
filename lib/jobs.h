/*
 * Places of processes: how much runs at once (-j), and the queue of what waits
 * for a place, in order of arrival.
 *
 * What runs may fall asleep: it gives its place back while it waits for an
 * answer, and takes one again before all that wait for their start.  So a chain
 * of nested calls that is longer than there are places comes to its end.
 */
#ifndef AMAS__JOBS_H
#define AMAS__JOBS_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"
#include "list.h"
#include "rest.h"

#define AMAS__JOBS_MAX 64	/* places, by default */
#define AMAS__JOBS_QUEUE 1024	/* waiting for one connection, by default */
#define AMAS__JOBS_LIVE 1024	/* that run or sleep */

struct amas__jobs;
struct amas__jobs *amas__jobs_new(void);	/* NULL if memory is short */
void amas__jobs_set(struct amas__jobs *jobs, size_t max, size_t queue);
size_t amas__jobs_queue(const struct amas__jobs *jobs);
void amas__jobs_free(struct amas__jobs *jobs);

/*
 * Turns: one place, for one job at a time, which needs a place of the parent's,
 * too, as long as it is awake.  So of all that have the same turns one is awake
 * at a time, in order of arrival; one that falls asleep lets the next in.
 *
 * The parent has no parent, and stays while they are asked for anything.  NULL
 * if memory is short.
 */
struct amas__jobs *amas__jobs_new_turns(struct amas__jobs *parent);

enum amas__job_state {
	AMAS__JOB_IDLE,		/* asks for nothing */
	AMAS__JOB_HOLDS,	/* waits for something else first */
	AMAS__JOB_WAITS,	/* in the queue */
	AMAS__JOB_RUNS,		/* has a place */
	AMAS__JOB_SLEEPS,	/* gave it back */
	AMAS__JOB_RETURNS	/* asleep, and waits for a place again */
};

struct amas__job;
typedef void amas__job_fn(struct amas__job *job);

/* Something that needs a place to run.  Lies in its owner. */
struct amas__job {
	struct amas__link link;		/* in the queue while it waits */
	struct amas_loop *loop;
	struct amas__jobs *jobs;	/* the loop's, unless changed */
	amas__job_fn *start;
	amas__job_fn *back;		/* one that slept has a place again */
	bool refused;			/* start: there is none for it */
	enum amas__job_state state;
	size_t *waiting;		/* its connection's counter */
	struct amas__awake awake;	/* of one that tells (rest.h) */
};

void amas__job_init(struct amas__job *job, struct amas_loop *l,
    amas__job_fn *start);

/* From now on it tells whether it is awake: from asking to its end. */
void amas__job_tell(struct amas__job *job, const char *name);

/*
 * Asks for a place: start runs once from the loop, never inside, when there is
 * one.  waiting counts what waits for the same connection; it is referenced
 * until start runs or the job is done.  Beyond AMAS__JOBS_LIVE that live it goes
 * on waiting while any of them is awake; if none is, start runs with refused
 * set, and the job idle.
 *
 * Returns 0 or AMAS_ETOOBIG: "busy: 64 running, 1024 waiting (-j, --queue)"; of
 * turns "busy: 1 running, 1024 waiting (--queue)".
 */
int amas__job_ask(struct amas__job *job, size_t *waiting,
    struct amas_error *err);

/*
 * Takes a place at once, for what runs already, if one is free and nobody waits
 * for it; says whether it did.  start does not run.
 */
bool amas__job_take(struct amas__job *job);

/*
 * Waits for something else than a place, and counts as waiting even so.  Asking
 * then never fails.  Returns as amas__job_ask().
 */
int amas__job_hold(struct amas__job *job, size_t *waiting,
    struct amas_error *err);

/*
 * sleep: a job that runs gives its place back; harmless on any other.
 * wake: one that sleeps wants a place again.  True: it has one, at once, or had
 * one; else back runs from the loop when it has.
 */
void amas__job_sleep(struct amas__job *job);
bool amas__job_wake(struct amas__job *job);

/*
 * Gives back the place, or leaves the queue; harmless on one that asks for
 * nothing.  The job may ask again.
 */
void amas__job_done(struct amas__job *job);

/*
 * How many have a place; how many sleep (turns tell of the parent); how many
 * wait, of all connections and turns.
 */
size_t amas__jobs_running(const struct amas__jobs *jobs);
size_t amas__jobs_asleep(const struct amas__jobs *jobs);
size_t amas__jobs_waiting(const struct amas__jobs *jobs);

#endif
