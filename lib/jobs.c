/*
 * Places and their queue.  A job that asks always goes through the queue, even
 * if a place is free, and is started from a task: so no start runs inside the
 * function that asked, order of arrival holds, and a burst of requests starts
 * its processes a few a turn of the loop, with descriptors served in between.
 *
 * running <= max, unless max was lowered meanwhile.  Those asleep are counted
 * apart; of them those that want a place again stand in a queue of their own,
 * which goes first.
 */
#include "jobs.h"

#include <stdlib.h>

#include "err.h"
#include "loop.h"
#include "mem.h"

#define STARTS_PER_TURN 8

struct amas__jobs {
	size_t max, queue;
	size_t running, waiting;
	size_t held;			/* waiting, but not for a place yet */
	size_t asleep;			/* sleeping or returning */
	struct amas__link wait;		/* jobs, first come first */
	struct amas__link returning;
	struct amas__task task;		/* starts what can start */
	struct amas_loop *loop;		/* NULL until the first job asks */
};

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
	uncount(job);
}

static void
take_place(struct amas__jobs *jobs, struct amas__job *job)
{
	job->state = AMAS__JOB_RUNS;
	jobs->running++;
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
		job->state = AMAS__JOB_IDLE;
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
look_again(struct amas__jobs *jobs, struct amas_loop *l)
{
	if (!amas__list_empty(&jobs->returning) ||
	    !amas__list_empty(&jobs->wait))
		amas__task_run(l, &jobs->task);
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

void
amas__jobs_free(struct amas__jobs *jobs)
{
	if (jobs == NULL)
		return;
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
	job->start = start;
	job->back = NULL;
	job->refused = false;
	job->state = AMAS__JOB_IDLE;
	job->waiting = NULL;
}

static size_t
places_free(const struct amas__jobs *jobs)
{
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
	if (*waiting >= jobs->queue && *waiting - jobs->queue >= soon)
		return amas_error_set(err, AMAS_ETOOBIG,
		    "busy: %zu running, %zu waiting (-j, --queue)",
		    jobs->running + soon, *waiting - soon);
	job->waiting = waiting;
	(*waiting)++;
	return 0;
}

int
amas__job_ask(struct amas__job *job, size_t *waiting, struct amas_error *err)
{
	struct amas__jobs *jobs = amas__loop_jobs(job->loop);
	int rc;

	if (job->state == AMAS__JOB_HOLDS)
		jobs->held--;
	else if ((rc = count(jobs, job, waiting, places_free(jobs), err)) != 0)
		return rc;
	job->state = AMAS__JOB_WAITS;
	jobs->waiting++;
	jobs->loop = job->loop;
	amas__list_add(&jobs->wait, &job->link);
	if (is_free(jobs))
		amas__task_run(job->loop, &jobs->task);
	return 0;
}

int
amas__job_hold(struct amas__job *job, size_t *waiting, struct amas_error *err)
{
	struct amas__jobs *jobs = amas__loop_jobs(job->loop);
	size_t soon = places_free(jobs);
	int rc;

	if (soon > jobs->waiting)
		soon = jobs->waiting;
	if ((rc = count(jobs, job, waiting, soon, err)) != 0)
		return rc;
	job->state = AMAS__JOB_HOLDS;
	jobs->held++;
	return 0;
}

void
amas__job_done(struct amas__job *job)
{
	struct amas__jobs *jobs = amas__loop_jobs(job->loop);

	if (job->state == AMAS__JOB_WAITS) {
		leave_queue(jobs, job);
	} else if (job->state == AMAS__JOB_HOLDS) {
		jobs->held--;
		uncount(job);
	} else if (job->state == AMAS__JOB_RUNS) {
		jobs->running--;
		look_again(jobs, job->loop);
	} else if (job->state != AMAS__JOB_IDLE) {
		amas__list_remove(&job->link);
		jobs->asleep--;
		look_again(jobs, job->loop);
	}
	job->state = AMAS__JOB_IDLE;
}

void
amas__job_sleep(struct amas__job *job)
{
	struct amas__jobs *jobs = amas__loop_jobs(job->loop);

	if (job->state != AMAS__JOB_RUNS)
		return;
	job->state = AMAS__JOB_SLEEPS;
	jobs->running--;
	jobs->asleep++;
	look_again(jobs, job->loop);
}

bool
amas__job_wake(struct amas__job *job)
{
	struct amas__jobs *jobs = amas__loop_jobs(job->loop);

	if (job->state == AMAS__JOB_RETURNS)
		return false;
	if (job->state != AMAS__JOB_SLEEPS)
		return true;
	if (is_free(jobs) && amas__list_empty(&jobs->returning)) {
		jobs->asleep--;
		take_place(jobs, job);
		return true;
	}
	job->state = AMAS__JOB_RETURNS;
	amas__list_add(&jobs->returning, &job->link);
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
	return jobs->asleep;
}

size_t
amas__jobs_waiting(const struct amas__jobs *jobs)
{
	return jobs->waiting + jobs->held;
}

void
amas_loop_set_jobs(struct amas_loop *loop, size_t max, size_t queue)
{
	struct amas__jobs *jobs = amas__loop_jobs(loop);

	jobs->max = max != 0 ? max : AMAS__JOBS_MAX;
	jobs->queue = queue != 0 ? queue : AMAS__JOBS_QUEUE;
	look_again(jobs, loop);
}
