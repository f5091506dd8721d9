/*
 * Places and their queue.  A job that asks always goes through the queue, even
 * if a place is free, and is started from a task: so no start runs inside the
 * function that asked, order of arrival holds, and a burst of requests starts
 * its processes a few a turn of the loop, with descriptors served in between.
 *
 * running <= max, unless max was lowered meanwhile.
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
	struct amas__link wait;		/* jobs, first come first */
	struct amas__task task;		/* starts what can start */
	struct amas_loop *loop;		/* NULL until the first job asks */
};

static void
start_some(struct amas__task *t)
{
	struct amas__jobs *jobs = AMAS__OF(t, struct amas__jobs, task);
	struct amas__job *job;
	int n;

	for (n = 0; n < STARTS_PER_TURN && jobs->running < jobs->max &&
	    !amas__list_empty(&jobs->wait); n++) {
		job = AMAS__OF(jobs->wait.next, struct amas__job, link);
		amas__list_remove(&job->link);
		jobs->waiting--;
		(*job->waiting)--;
		job->waiting = NULL;
		job->state = AMAS__JOB_RUNS;
		jobs->running++;
		job->start(job); /* may be done, and gone, at once */
	}
	if (jobs->running < jobs->max && !amas__list_empty(&jobs->wait))
		amas__task_run(jobs->loop, t);
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
	free(jobs);
}

void
amas__job_init(struct amas__job *job, struct amas_loop *l, amas__job_fn *start)
{
	amas__list_init(&job->link);
	job->loop = l;
	job->start = start;
	job->state = AMAS__JOB_IDLE;
	job->waiting = NULL;
}

int
amas__job_ask(struct amas__job *job, size_t *waiting, struct amas_error *err)
{
	struct amas__jobs *jobs = amas__loop_jobs(job->loop);
	size_t free = jobs->running < jobs->max ? jobs->max - jobs->running : 0;

	/* What will start at the end of this turn does not count as waiting. */
	if (*waiting >= jobs->queue && *waiting - jobs->queue >= free)
		return amas_error_set(err, AMAS_ETOOBIG,
		    "busy: %zu running, %zu waiting (-j, --queue)",
		    jobs->running + free, *waiting - free);
	job->state = AMAS__JOB_WAITS;
	job->waiting = waiting;
	(*waiting)++;
	jobs->waiting++;
	jobs->loop = job->loop;
	amas__list_add(&jobs->wait, &job->link);
	if (jobs->running < jobs->max)
		amas__task_run(job->loop, &jobs->task);
	return 0;
}

void
amas__job_done(struct amas__job *job)
{
	struct amas__jobs *jobs = amas__loop_jobs(job->loop);

	if (job->state == AMAS__JOB_WAITS) {
		amas__list_remove(&job->link);
		jobs->waiting--;
		(*job->waiting)--;
		job->waiting = NULL;
	} else if (job->state == AMAS__JOB_RUNS) {
		jobs->running--;
		if (!amas__list_empty(&jobs->wait))
			amas__task_run(job->loop, &jobs->task);
	}
	job->state = AMAS__JOB_IDLE;
}

size_t
amas__jobs_running(const struct amas__jobs *jobs)
{
	return jobs->running;
}

size_t
amas__jobs_waiting(const struct amas__jobs *jobs)
{
	return jobs->waiting;
}

void
amas_loop_set_jobs(struct amas_loop *loop, size_t max, size_t queue)
{
	struct amas__jobs *jobs = amas__loop_jobs(loop);

	jobs->max = max != 0 ? max : AMAS__JOBS_MAX;
	jobs->queue = queue != 0 ? queue : AMAS__JOBS_QUEUE;
	if (!amas__list_empty(&jobs->wait))
		amas__task_run(loop, &jobs->task);
}
