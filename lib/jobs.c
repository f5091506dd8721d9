/*
 * Places and their queue.  A job that asks always goes through the queue, even
 * if a place is free, and is started from a task: so no start runs inside the
 * function that asked, order of arrival holds, and a burst of requests starts
 * its processes a few a turn of the loop, with descriptors served in between.
 *
 * running <= max, unless max was lowered meanwhile.  Those asleep are counted
 * apart; of them those that want a place again stand in a queue of their own,
 * which goes first.
 *
 * Turns below others have one place, and a seat that stands for it there: the
 * seat runs when one of theirs does, and else waits or returns if one of theirs
 * does.  Who gets it is decided when it has come.
 */
#include "jobs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "loop.h"
#include "mem.h"

#define STARTS_PER_TURN 8

struct amas__jobs {
	size_t max, queue;
	size_t running, waiting;
	size_t held;			/* waiting, but not for a place yet */
	size_t asleep;			/* sleeping or returning, below too */
	size_t below;			/* waiting in turns, but for those
					 * for whom a seat waits here */
	struct amas__link wait;		/* jobs, first come first */
	struct amas__link returning;
	struct amas__task task;		/* starts what can start */
	struct amas_loop *loop;		/* NULL until the first job asks */
	/* Turns. */
	struct amas__jobs *parent;	/* NULL: they are none */
	struct amas__job seat;		/* their place there */
	size_t seats_waiting;		/* the seat counts here */
};

/* Those who tell are awake, unless they sleep or ask for nothing. */
static void
set_state(struct amas__job *job, enum amas__job_state state)
{
	job->state = state;
	if (job->awake.loop != NULL)
		amas__awake_set(&job->awake, state != AMAS__JOB_IDLE &&
		    state != AMAS__JOB_SLEEPS);
}

static void
uncount(struct amas__job *job)
{
	(*job->waiting)--;
	job->waiting = NULL;
}

static void
leave_queue(struct amas__jobs *jobs, struct amas__job *job)
{
	amas__list_remove(&job->link);
	jobs->waiting--;
	if (jobs->parent != NULL)
		jobs->parent->below--;
	uncount(job);
}

static void
leave_hold(struct amas__jobs *jobs)
{
	jobs->held--;
	if (jobs->parent != NULL)
		jobs->parent->below--;
}

static void
take_place(struct amas__jobs *jobs, struct amas__job *job)
{
	set_state(job, AMAS__JOB_RUNS);
	jobs->running++;
	jobs->loop = job->loop;
}

static bool
is_free(const struct amas__jobs *jobs)
{
	return jobs->running < jobs->max;
}

/* Whether so many live that no start may make them more. */
static bool
is_full(const struct amas__jobs *jobs)
{
	return jobs->running + jobs->asleep >= AMAS__JOBS_LIVE &&
	    jobs->asleep > 0;
}

/* Whether a start can be decided about: it is possible, or hopeless. */
static bool
can_start(const struct amas__jobs *jobs)
{
	return is_free(jobs) && !amas__list_empty(&jobs->wait) &&
	    (!is_full(jobs) || jobs->running == 0);
}

static void
give_place_back(struct amas__jobs *jobs)
{
	struct amas__job *job = AMAS__OF(jobs->returning.next,
	    struct amas__job, link);

	amas__list_remove(&job->link);
	if (jobs->parent == NULL) /* else it was counted there */
		jobs->asleep--;
	take_place(jobs, job);
	job->back(job); /* may be done, and gone, at once */
}

static void
start_one(struct amas__jobs *jobs)
{
	struct amas__job *job = AMAS__OF(jobs->wait.next, struct amas__job,
	    link);

	leave_queue(jobs, job);
	job->refused = is_full(jobs);
	if (job->refused)
		set_state(job, AMAS__JOB_IDLE);
	else
		take_place(jobs, job);
	job->start(job); /* may be done, and gone, at once */
}

static void
start_some(struct amas__task *t)
{
	struct amas__jobs *jobs = AMAS__OF(t, struct amas__jobs, task);
	int n = 0;

	while (is_free(jobs) && !amas__list_empty(&jobs->returning))
		give_place_back(jobs);
	while (can_start(jobs) && n++ < STARTS_PER_TURN)
		start_one(jobs);
	if (can_start(jobs))
		amas__task_run(jobs->loop, t);
}

/* A place was given back, or more were made. */
static void
look_again(struct amas__jobs *jobs)
{
	if (!amas__list_empty(&jobs->returning) ||
	    !amas__list_empty(&jobs->wait))
		amas__task_run(jobs->loop, &jobs->task);
}

/* ---- Turns ---- */

/* What the seat of turns has to be. */
static enum amas__job_state
seat_state(const struct amas__jobs *t)
{
	if (t->running > 0)
		return AMAS__JOB_RUNS;
	if (!amas__list_empty(&t->returning))
		return AMAS__JOB_RETURNS;
	return amas__list_empty(&t->wait) ? AMAS__JOB_IDLE : AMAS__JOB_WAITS;
}

/* Who returns is counted as asleep there, not the seat for it. */
static void
leave_seat(struct amas__jobs *t)
{
	if (t->seat.state == AMAS__JOB_WAITS) {
		leave_queue(t->parent, &t->seat);
		t->parent->below++;
	} else if (t->seat.state == AMAS__JOB_RUNS) {
		t->parent->running--;
		look_again(t->parent);
	} else {
		amas__list_remove(&t->seat.link);
	}
	t->seat.state = AMAS__JOB_IDLE;
}

/* Makes it so, after something has changed; who runs has it already. */
static void
update_seat(struct amas__jobs *t)
{
	enum amas__job_state state = seat_state(t);

	if (state == t->seat.state)
		return;
	leave_seat(t);
	t->seat.state = state;
	t->seat.loop = t->parent->loop = t->loop;
	if (state == AMAS__JOB_WAITS) {
		t->seat.waiting = &t->seats_waiting;
		t->seats_waiting++;
		t->parent->waiting++;
		t->parent->below--;
		amas__list_add(&t->parent->wait, &t->seat.link);
	} else if (state == AMAS__JOB_RETURNS) {
		amas__list_add(&t->parent->returning, &t->seat.link);
	}
	if (is_free(t->parent))
		look_again(t->parent);
}

/* There is a place for the seat, or none for what waits for it. */
static void
on_seat(struct amas__job *seat)
{
	struct amas__jobs *t = AMAS__OF(seat, struct amas__jobs, seat);
	struct amas__job *job = AMAS__OF(t->wait.next, struct amas__job, link);

	t->parent->below++; /* the seat has left the queue */
	leave_queue(t, job);
	job->refused = seat->refused;
	if (job->refused)
		set_state(job, AMAS__JOB_IDLE);
	else
		take_place(t, job);
	update_seat(t);
	job->start(job); /* may be done, and all gone, at once */
}

static void
on_seat_back(struct amas__job *seat)
{
	give_place_back(AMAS__OF(seat, struct amas__jobs, seat));
}

static bool
take_turn(struct amas__jobs *t, struct amas__job *job)
{
	if (t->running > 0 || !amas__list_empty(&t->wait) ||
	    !amas__list_empty(&t->returning))
		return false;
	t->seat.loop = job->loop;
	if (!amas__job_take(&t->seat))
		return false;
	take_place(t, job);
	return true;
}

/* Whether one that sleeps has its turn, and a place, again. */
static bool
wake_now(struct amas__jobs *t, struct amas__job *job)
{
	if (t->running > 0 || !amas__list_empty(&t->returning) ||
	    !is_free(t->parent) || !amas__list_empty(&t->parent->returning))
		return false;
	leave_seat(t);
	t->parent->asleep--;
	take_place(t, job);
	take_place(t->parent, &t->seat);
	return true;
}

struct amas__jobs *
amas__jobs_new(void)
{
	struct amas__jobs *jobs = amas__zalloc(sizeof *jobs);

	if (jobs == NULL)
		return NULL;
	jobs->max = AMAS__JOBS_MAX;
	jobs->queue = AMAS__JOBS_QUEUE;
	amas__list_init(&jobs->wait);
	amas__list_init(&jobs->returning);
	amas__task_init(&jobs->task, start_some);
	return jobs;
}

struct amas__jobs *
amas__jobs_new_turns(struct amas__jobs *parent)
{
	struct amas__jobs *t = amas__jobs_new();

	if (t == NULL)
		return NULL;
	assert(parent->parent == NULL);
	t->parent = parent;
	t->max = 1;
	amas__list_init(&t->seat.link);
	t->seat.jobs = parent;
	t->seat.start = on_seat;
	t->seat.back = on_seat_back;
	return t;
}

void
amas__jobs_free(struct amas__jobs *jobs)
{
	if (jobs == NULL)
		return;
	if (jobs->parent != NULL && jobs->seat.state != AMAS__JOB_IDLE)
		leave_seat(jobs);
	if (jobs->loop != NULL)
		amas__task_cancel(jobs->loop, &jobs->task);
	amas__list_remove(&jobs->wait);
	amas__list_remove(&jobs->returning);
	free(jobs);
}

void
amas__job_init(struct amas__job *job, struct amas_loop *l, amas__job_fn *start)
{
	amas__list_init(&job->link);
	job->loop = l;
	job->jobs = amas__loop_jobs(l);
	job->start = start;
	job->back = NULL;
	job->refused = false;
	job->state = AMAS__JOB_IDLE;
	job->waiting = NULL;
	memset(&job->awake, 0, sizeof job->awake);
}

void
amas__job_tell(struct amas__job *job, const char *name)
{
	amas__awake_init(&job->awake, job->loop, name);
}

static size_t
places_free(const struct amas__jobs *jobs)
{
	if (jobs->parent != NULL && !is_free(jobs->parent))
		return 0;
	return is_free(jobs) ? jobs->max - jobs->running : 0;
}

/*
 * Counts a job as waiting, unless that are too many; soon of them will start
 * at the end of this turn and do not count.
 */
static int
count(struct amas__jobs *jobs, struct amas__job *job, size_t *waiting,
    size_t soon, struct amas_error *err)
{
	size_t queue = amas__jobs_queue(jobs);

	if (*waiting >= queue && *waiting - queue >= soon)
		return amas_error_set(err, AMAS_ETOOBIG,
		    "busy: %zu running, %zu waiting (%s--queue)",
		    jobs->running + soon, *waiting - soon,
		    jobs->parent == NULL ? "-j, " : "");
	job->waiting = waiting;
	if (jobs->parent != NULL)
		jobs->parent->below++;
	(*waiting)++;
	return 0;
}

int
amas__job_ask(struct amas__job *job, size_t *waiting, struct amas_error *err)
{
	struct amas__jobs *jobs = job->jobs;
	int rc;

	if (job->state == AMAS__JOB_HOLDS)
		jobs->held--;
	else if ((rc = count(jobs, job, waiting, places_free(jobs), err)) != 0)
		return rc;
	set_state(job, AMAS__JOB_WAITS);
	jobs->waiting++;
	jobs->loop = job->loop;
	amas__list_add(&jobs->wait, &job->link);
	if (jobs->parent != NULL)
		update_seat(jobs);
	else if (is_free(jobs))
		amas__task_run(job->loop, &jobs->task);
	return 0;
}

bool
amas__job_take(struct amas__job *job)
{
	struct amas__jobs *jobs = job->jobs;

	if (jobs->parent != NULL)
		return take_turn(jobs, job);
	if (!is_free(jobs) || is_full(jobs) || !amas__list_empty(&jobs->wait) ||
	    !amas__list_empty(&jobs->returning))
		return false;
	take_place(jobs, job);
	return true;
}

int
amas__job_hold(struct amas__job *job, size_t *waiting, struct amas_error *err)
{
	struct amas__jobs *jobs = job->jobs;
	size_t soon = places_free(jobs);
	int rc;

	if (soon > jobs->waiting)
		soon = jobs->waiting;
	if ((rc = count(jobs, job, waiting, soon, err)) != 0)
		return rc;
	set_state(job, AMAS__JOB_HOLDS);
	jobs->held++;
	return 0;
}

/* Where those that sleep are counted. */
static struct amas__jobs *
top(struct amas__jobs *jobs)
{
	return jobs->parent != NULL ? jobs->parent : jobs;
}

/* Who waits is looked for again, after a job has left. */
static void
left(struct amas__jobs *jobs)
{
	if (jobs->parent != NULL)
		update_seat(jobs);
	look_again(top(jobs));
}

void
amas__job_done(struct amas__job *job)
{
	struct amas__jobs *jobs = job->jobs;
	enum amas__job_state state = job->state;

	set_state(job, AMAS__JOB_IDLE);
	if (state == AMAS__JOB_IDLE)
		return;
	if (state == AMAS__JOB_WAITS) {
		leave_queue(jobs, job);
	} else if (state == AMAS__JOB_HOLDS) {
		leave_hold(jobs);
		uncount(job);
	} else if (state == AMAS__JOB_RUNS) {
		jobs->running--;
	} else {
		amas__list_remove(&job->link);
		top(jobs)->asleep--;
	}
	left(jobs);
}

void
amas__job_sleep(struct amas__job *job)
{
	struct amas__jobs *jobs = job->jobs;

	if (job->state != AMAS__JOB_RUNS)
		return;
	set_state(job, AMAS__JOB_SLEEPS);
	jobs->running--;
	top(jobs)->asleep++;
	left(jobs);
}

bool
amas__job_wake(struct amas__job *job)
{
	struct amas__jobs *jobs = job->jobs;

	if (job->state == AMAS__JOB_RETURNS)
		return false;
	if (job->state != AMAS__JOB_SLEEPS)
		return true;
	if (jobs->parent != NULL) {
		if (wake_now(jobs, job))
			return true;
	} else if (is_free(jobs) && amas__list_empty(&jobs->returning)) {
		jobs->asleep--;
		take_place(jobs, job);
		return true;
	}
	set_state(job, AMAS__JOB_RETURNS);
	amas__list_add(&jobs->returning, &job->link);
	if (jobs->parent != NULL)
		update_seat(jobs);
	return false;
}

size_t
amas__jobs_running(const struct amas__jobs *jobs)
{
	return jobs->running;
}

size_t
amas__jobs_asleep(const struct amas__jobs *jobs)
{
	return jobs->parent != NULL ? jobs->parent->asleep : jobs->asleep;
}

size_t
amas__jobs_waiting(const struct amas__jobs *jobs)
{
	return jobs->waiting + jobs->held + jobs->below;
}

void
amas__jobs_set(struct amas__jobs *jobs, size_t max, size_t queue)
{
	assert(jobs->parent == NULL);
	jobs->max = max != 0 ? max : AMAS__JOBS_MAX;
	jobs->queue = queue != 0 ? queue : AMAS__JOBS_QUEUE;
	look_again(jobs);
}

size_t
amas__jobs_queue(const struct amas__jobs *jobs)
{
	return jobs->parent != NULL ? jobs->parent->queue : jobs->queue;
}

void
amas_loop_set_jobs(struct amas_loop *loop, size_t max, size_t queue)
{
	amas__jobs_set(amas__loop_jobs(loop), max, queue);
}
