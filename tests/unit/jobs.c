/* Places and their queue. */
#include <string.h>

#include "jobs.h"
#include "loop.h"
#include "tap.h"

#define N 20

static struct amas_loop *loop;

struct work {
	struct amas__job job;
	int at;			/* when it started, from 1; 0: not yet */
	bool at_once;		/* is done in its start */
	int back;		/* how often it was given a place again */
	bool sleeps;		/* falls asleep in its start */
};

static struct work work[N];
static size_t waiting[2];
static int started;

static void
on_start(struct amas__job *job)
{
	struct work *w = AMAS__OF(job, struct work, job);

	w->at = ++started;
	if (w->at_once)
		amas__job_done(job);
	if (w->sleeps)
		amas__job_sleep(job);
}

static void
on_back(struct amas__job *job)
{
	AMAS__OF(job, struct work, job)->back++;
}

static void
setup(size_t max, size_t queue)
{
	int i;

	amas_loop_set_jobs(loop, max, queue);
	memset(work, 0, sizeof work);
	memset(waiting, 0, sizeof waiting);
	started = 0;
	for (i = 0; i < N; i++)
		amas__job_init(&work[i].job, loop, on_start);
	for (i = 0; i < N; i++)
		work[i].job.back = on_back;
}

static int
ask(int i, int connection, struct amas_error *err)
{
	return amas__job_ask(&work[i].job, &waiting[connection], err);
}

static void
turn(void)
{
	int i;

	for (i = 0; i < 5; i++)
		(void)amas_loop_run(loop, 0);
}

static void
done_all(void)
{
	int i;

	for (i = 0; i < N; i++)
		amas__job_done(&work[i].job);
	tap_int((long long)amas__jobs_running(amas__loop_jobs(loop)), 0,
	    "all places are back");
	tap_int((long long)amas__jobs_waiting(amas__loop_jobs(loop)), 0,
	    "nobody waits");
	tap_ok(waiting[0] == 0 && waiting[1] == 0, "counters are 0");
}

static void
test_order(void)
{
	int i;

	setup(2, 100);
	for (i = 0; i < 5; i++)
		tap_int(ask(i, i & 1, NULL), 0, "ask %d", i);
	tap_int(started, 0, "no start inside");
	turn();
	tap_int(started, 2, "as many start as there are places");
	tap_ok(work[0].at == 1 && work[1].at == 2, "the first two");
	tap_int((long long)waiting[0], 2, "waiting of one connection");
	tap_int((long long)waiting[1], 1, "waiting of the other");
	amas__job_done(&work[1].job);
	amas__job_done(&work[1].job);
	turn();
	tap_int(started, 3, "a place given back twice is one place");
	tap_int(work[2].at, 3, "for the next in order");
	amas__job_done(&work[3].job);
	amas__job_done(&work[0].job);
	turn();
	tap_int(work[3].at, 0, "one that left the queue does not start");
	tap_int(work[4].at, 4, "the one behind it does");
	done_all();
}

static void
test_bound(void)
{
	struct amas_error err;
	int i;

	setup(2, 3);
	for (i = 0; i < 4; i++)
		tap_int(ask(i, 0, NULL), 0, "before the turn: %d", i);
	turn();
	tap_int(ask(4, 0, NULL), 0, "max waiting");
	tap_int(ask(5, 0, &err), AMAS_ETOOBIG, "max + 1");
	tap_str(err.text, "busy: 2 running, 3 waiting (-j, --queue)", "text");
	tap_int(ask(6, 1, NULL), 0, "another connection has its own bound");
	done_all();

	setup(2, 3);
	for (i = 0; i < 5; i++)
		tap_int(ask(i, 0, NULL), 0, "all in one turn: %d", i);
	tap_int(ask(5, 0, &err), AMAS_ETOOBIG, "one more");
	tap_str(err.text, "busy: 2 running, 3 waiting (-j, --queue)", "text");
	done_all();
}

static int
hold(int i, int connection, struct amas_error *err)
{
	return amas__job_hold(&work[i].job, &waiting[connection], err);
}

/* Those that wait for something else first. */
static void
test_hold(void)
{
	struct amas_error err;
	int i;

	setup(2, 3);
	tap_int(ask(0, 0, NULL), 0, "one asks");
	for (i = 1; i < 4; i++)
		tap_int(hold(i, 0, NULL), 0, "%d holds", i);
	tap_int(hold(4, 0, &err), AMAS_ETOOBIG, "max + 1 hold");
	tap_str(err.text, "busy: 1 running, 3 waiting (-j, --queue)", "text");
	turn();
	tap_int(started, 1, "those that hold do not start");
	tap_int((long long)waiting[0], 3, "they count for their connection");
	tap_int((long long)amas__jobs_waiting(amas__loop_jobs(loop)), 3,
	    "and all together");
	tap_int(hold(6, 1, NULL), 0, "another connection has its own bound");
	tap_int(amas__job_ask(&work[2].job, NULL, NULL), 0,
	    "then one asks, and is not refused");
	tap_int((long long)waiting[0], 3, "nor counted twice");
	turn();
	tap_int(work[2].at, 2, "it starts");
	tap_int((long long)waiting[0], 2, "and counts no more");
	amas__job_done(&work[3].job);
	tap_int((long long)waiting[0], 1, "one that held is done");
	done_all();
}

static void
test_at_once(void)
{
	int i;

	setup(1, 0);
	for (i = 0; i < N; i++) {
		work[i].at_once = true;
		(void)ask(i, 0, NULL);
	}
	(void)amas_loop_run(loop, 1);
	tap_int(started, N, "places that are given back in the start");
	for (i = 0; i < N && work[i].at == i + 1; i++)
		;
	tap_int(i, N, "in order");
	done_all();
}

static void
test_change(void)
{
	int i;

	setup(4, 0);
	for (i = 0; i < 8; i++)
		(void)ask(i, 0, NULL);
	turn();
	tap_int(started, 4, "four places");
	amas_loop_set_jobs(loop, 2, 0);
	amas__job_done(&work[0].job);
	turn();
	tap_int(started, 4, "fewer places: none starts");
	amas_loop_set_jobs(loop, 6, 0);
	turn();
	tap_int(started, 7, "more places: they do");
	done_all();
}

static void
test_sleep(void)
{
	int i;

	setup(2, 100);
	for (i = 0; i < 4; i++)
		(void)ask(i, 0, NULL);
	turn();
	tap_ok(amas__job_wake(&work[0].job), "one that is awake has a place");
	amas__job_sleep(&work[0].job);
	amas__job_sleep(&work[0].job);
	amas__job_sleep(&work[3].job);
	turn();
	tap_int(started, 3, "a sleeper's place is taken");
	tap_int((long long)amas__jobs_asleep(amas__loop_jobs(loop)), 1,
	    "one sleeps");
	tap_ok(!amas__job_wake(&work[0].job), "then it has to wait");
	tap_ok(!amas__job_wake(&work[0].job), "however often it asks");
	turn();
	tap_int(work[0].back, 0, "and waits");
	amas__job_done(&work[1].job);
	turn();
	tap_int(work[0].back, 1, "it goes first");
	tap_int(started, 3, "before all starts");
	amas__job_sleep(&work[0].job);
	amas__job_sleep(&work[2].job);
	tap_ok(amas__job_wake(&work[0].job), "a place is free: at once");
	amas__job_done(&work[2].job);
	turn();
	tap_int(started, 4, "one that slept is done");
	amas__job_sleep(&work[3].job);
	(void)ask(4, 0, NULL);
	turn();
	(void)amas__job_wake(&work[3].job);
	done_all();
	tap_int((long long)amas__jobs_asleep(amas__loop_jobs(loop)), 0,
	    "nobody sleeps");
}

/* What runs already takes its place at once, if nobody waits for it. */
static void
test_take(void)
{
	setup(2, 100);
	tap_ok(amas__job_take(&work[0].job), "take: a place is free");
	(void)ask(1, 0, NULL);
	tap_ok(!amas__job_take(&work[2].job), "take: not before one that waits");
	turn();
	tap_int(started, 1, "take: that one starts, the other did not");
	tap_ok(!amas__job_take(&work[2].job), "take: no place is free");
	amas__job_done(&work[0].job);
	tap_ok(amas__job_take(&work[2].job), "take: one is again");
	done_all();
	tap_int((long long)amas__jobs_queue(amas__loop_jobs(loop)), 100,
	    "the bound of what waits");
}

/* More than live at a time. */
static void
test_live(void)
{
	static struct work many[AMAS__JOBS_LIVE];
	int i;

	setup(1, AMAS__JOBS_LIVE + N);
	for (i = 0; i < AMAS__JOBS_LIVE; i++) {
		amas__job_init(&many[i].job, loop, on_start);
		many[i].job.back = on_back;
		many[i].sleeps = i < AMAS__JOBS_LIVE - 1;
		(void)amas__job_ask(&many[i].job, &waiting[0], NULL);
	}
	(void)ask(0, 0, NULL);
	(void)amas_loop_run(loop, 1);
	tap_int(started, AMAS__JOBS_LIVE, "as many start, and sleep");
	amas__job_sleep(&many[AMAS__JOBS_LIVE - 1].job);
	(void)amas__job_wake(&many[0].job);
	turn();
	tap_int(work[0].at, 0, "one more waits while any is awake");
	amas__job_sleep(&many[0].job);
	turn();
	tap_ok(work[0].at != 0 && work[0].job.refused,
	    "and is refused when none is");
	(void)ask(1, 0, NULL);
	amas__job_done(&many[1].job);
	turn();
	tap_ok(work[1].at != 0 && !work[1].job.refused,
	    "when one has gone there is a start");
	for (i = 0; i < AMAS__JOBS_LIVE; i++)
		amas__job_done(&many[i].job);
	done_all();
}

int
main(void)
{
	if (amas_loop_new(&loop, NULL, NULL) != 0)
		return 1;
	test_order();
	test_bound();
	test_hold();
	test_at_once();
	test_change();
	test_sleep();
	test_take();
	test_live();
	setup(1, 0);
	(void)ask(0, 0, NULL);
	(void)ask(1, 0, NULL);
	amas_loop_free(loop);
	return tap_done();
}
