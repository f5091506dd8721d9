/* Places and their queue. */
#include <stdlib.h>
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

/* What has never asked, only taken, comes back all the same. */
static void
test_take_alone(void)
{
	struct amas_loop *other = loop;

	if (amas_loop_new(&loop, NULL, NULL) != 0)
		abort();
	setup(1, 100);
	tap_ok(amas__job_take(&work[0].job), "alone: take");
	amas__job_sleep(&work[0].job);
	tap_ok(amas__job_take(&work[1].job), "alone: its place is free");
	tap_ok(!amas__job_wake(&work[0].job), "alone: then it is not");
	amas__job_done(&work[1].job);
	turn();
	tap_int(work[0].back, 1, "alone: it comes back");
	done_all();
	amas_loop_free(loop);
	loop = other;
}

/* ---- Turns ---- */

#define TURNS 4
#define GROUPS (TURNS + 1)	/* the last has none */

static struct amas__jobs *turns[TURNS];

/* Gives jobs i, i + step, ... the turns t. */
static void
give_turns(int i, int step, struct amas__jobs *t)
{
	for (; i < N; i += step)
		work[i].job.jobs = t;
}

static void
test_turns(void)
{
	struct amas__jobs *all = amas__loop_jobs(loop);
	struct amas_error err;
	int i;

	setup(2, 100);
	give_turns(0, 2, turns[0]); /* the even ones */
	for (i = 0; i < 6; i++)
		(void)ask(i, 0, NULL);
	tap_int((long long)amas__jobs_waiting(all), 6, "turns: all wait");
	turn();
	tap_ok(work[0].at == 1 && work[1].at == 2 && started == 2,
	    "turns: one has its turn, one needs none");
	tap_int((long long)amas__jobs_waiting(all), 4, "turns: four wait");
	tap_int((long long)amas__jobs_waiting(turns[0]), 2,
	    "turns: two of them for their turn");
	amas__job_done(&work[1].job);
	turn();
	tap_int(work[3].at, 3, "turns: a free place is for others");
	amas__job_sleep(&work[0].job);
	turn();
	tap_ok(work[5].at == 4 && work[2].at == 0,
	    "turns: a turn that has come waits behind those that did before");
	tap_ok(!amas__job_wake(&work[0].job), "turns: no place to come back");
	amas__job_done(&work[3].job);
	turn();
	tap_ok(work[0].back == 1 && work[2].at == 0,
	    "turns: one that comes back goes before a start");
	amas__job_sleep(&work[0].job);
	turn();
	tap_int(work[2].at, 5, "turns: one that sleeps lets the next in");
	amas__job_done(&work[5].job);
	tap_ok(!amas__job_wake(&work[0].job),
	    "turns: no turn to come back, though there is a place");
	amas__job_sleep(&work[2].job);
	tap_int((long long)amas__jobs_asleep(turns[0]), 2, "turns: two sleep");
	turn();
	tap_ok(work[0].back == 2 && work[4].at == 0,
	    "turns: it is before the next start");
	amas__job_done(&work[0].job);
	tap_ok(amas__job_wake(&work[2].job), "turns: at once, if both are free");
	turn();
	tap_int(work[4].at, 0, "turns: before one whose turn waits");
	tap_ok(!amas__job_take(&work[6].job), "turns: take: not its turn");
	amas__job_done(&work[4].job);
	amas__job_done(&work[2].job);
	tap_ok(amas__job_take(&work[6].job), "turns: take");
	done_all();

	setup(4, 3);
	give_turns(0, 1, turns[1]);
	for (i = 0; i < 4; i++)
		tap_int(ask(i, 0, NULL), 0, "turns: before the turn: %d", i);
	tap_int(ask(4, 0, &err), AMAS_ETOOBIG, "turns: max + 1");
	tap_str(err.text, "busy: 1 running, 3 waiting (--queue)", "text");
	turn();
	tap_int(hold(4, 0, &err), AMAS_ETOOBIG, "turns: hold, max + 1");
	amas__job_done(&work[3].job);
	tap_int(hold(4, 0, &err), 0, "turns: hold, max");
	done_all();
}

/* Turns of whom all sleep count for the bound of what lives. */
static void
test_turns_live(void)
{
	static struct work many[AMAS__JOBS_LIVE];
	int i;

	setup(1, AMAS__JOBS_LIVE + N);
	for (i = 0; i < AMAS__JOBS_LIVE; i++) {
		amas__job_init(&many[i].job, loop, on_start);
		many[i].job.jobs = turns[i % TURNS];
		many[i].sleeps = true;
		(void)amas__job_ask(&many[i].job, &waiting[0], NULL);
	}
	give_turns(0, 1, turns[0]);
	(void)ask(0, 0, NULL);
	(void)ask(1, 0, NULL);
	(void)amas_loop_run(loop, 1);
	tap_int(started, AMAS__JOBS_LIVE + 2, "turns: all start");
	tap_ok(!many[AMAS__JOBS_LIVE - 1].job.refused,
	    "turns: as many as may live");
	tap_ok(work[0].job.refused && work[1].job.refused,
	    "turns: more are refused, each");
	for (i = 0; i < AMAS__JOBS_LIVE; i++)
		amas__job_done(&many[i].job);
	done_all();
}

/* ---- Turns against a model: states as told by what was called ---- */

enum state { IDLE, HELD, WAITING, AWAKE, ASLEEP, BACK };

static struct model {
	struct work w;
	enum state state;
	unsigned long seq;	/* order of asking, of wanting back */
	int group, connection;
} model[N];

static unsigned long seq;
static int places, wrong;
static const char *wrong_at;

static int
count_of(int group, enum state state)
{
	int i, n = 0;

	for (i = 0; i < N; i++)
		if ((group < 0 || model[i].group == group) &&
		    model[i].state == state)
			n++;
	return n;
}

static void
expect(bool ok, const char *what)
{
	if (!ok && wrong++ == 0)
		wrong_at = what;
}

/* Whether nothing of its group in the same state is older. */
static bool
is_first(const struct model *m)
{
	int i;

	for (i = 0; i < N; i++)
		if (model[i].group == m->group && model[i].state == m->state &&
		    model[i].seq < m->seq)
			return false;
	return true;
}

/* Groups of which one in a state could go on if there was a place. */
static int
ready(enum state state)
{
	int g, n = 0;

	for (g = 0; g < GROUPS; g++)
		n += count_of(g, state) > 0 &&
		    (g == TURNS || count_of(g, AWAKE) == 0);
	return n;
}

static void
may_go(const struct model *m)
{
	expect(count_of(-1, AWAKE) < places, "more than there are places");
	expect(m->group == TURNS || count_of(m->group, AWAKE) == 0,
	    "two have their turn");
	expect(is_first(m), "order");
}

static void
model_start(struct amas__job *job)
{
	struct model *m = AMAS__OF(job, struct model, w.job);

	expect(m->state == WAITING, "start of what does not wait");
	expect(ready(BACK) == 0, "start before one that comes back");
	may_go(m);
	m->state = AWAKE;
	if (rand() % 4 == 0) {
		m->state = ASLEEP;
		amas__job_sleep(job);
	} else if (rand() % 4 == 0) {
		m->state = IDLE;
		amas__job_done(job);
	}
}

static void
model_back(struct amas__job *job)
{
	struct model *m = AMAS__OF(job, struct model, w.job);

	expect(m->state == BACK, "back of what does not sleep");
	may_go(m);
	m->state = AWAKE;
	if (rand() % 4 == 0) {
		m->state = IDLE;
		amas__job_done(job);
	}
}

static void
model_wake(struct model *m)
{
	bool at_once = count_of(-1, AWAKE) < places && ready(BACK) == 0 &&
	    (m->group == TURNS || (count_of(m->group, AWAKE) == 0 &&
	    count_of(m->group, BACK) == 0));

	m->seq = ++seq;
	m->state = at_once ? AWAKE : BACK;
	expect(amas__job_wake(&m->w.job) == at_once, "wake");
}

static void
model_take(struct model *m)
{
	bool can = count_of(-1, AWAKE) < places && ready(BACK) == 0 &&
	    ready(WAITING) == 0 && (m->group == TURNS ||
	    (count_of(m->group, AWAKE) == 0 &&
	    count_of(m->group, WAITING) == 0 &&
	    count_of(m->group, BACK) == 0));

	expect(amas__job_take(&m->w.job) == can, "take");
	if (can)
		m->state = AWAKE;
}

static void
model_ask(struct model *m)
{
	m->seq = ++seq;
	m->state = WAITING;
	expect(amas__job_ask(&m->w.job, &waiting[m->connection], NULL) == 0,
	    "ask");
}

/* Does one thing that can be done with a job. */
static void
model_step(struct model *m)
{
	if (m->state != IDLE && rand() % 5 == 0) {
		m->state = IDLE;
		amas__job_done(&m->w.job);
	} else if (m->state == IDLE && rand() % 4 == 0) {
		m->state = HELD;
		expect(amas__job_hold(&m->w.job, &waiting[m->connection],
		    NULL) == 0, "hold");
	} else if (m->state == IDLE && rand() % 4 == 0) {
		model_take(m);
	} else if (m->state == IDLE || m->state == HELD) {
		model_ask(m);
	} else if (m->state == AWAKE) {
		m->state = ASLEEP;
		amas__job_sleep(&m->w.job);
	} else if (m->state == ASLEEP) {
		model_wake(m);
	}
}

static void
model_counts(void)
{
	const struct amas__jobs *all = amas__loop_jobs(loop);
	int waits = count_of(-1, WAITING) + count_of(-1, HELD);

	expect((int)amas__jobs_running(all) == count_of(-1, AWAKE), "running");
	expect((int)amas__jobs_asleep(all) ==
	    count_of(-1, ASLEEP) + count_of(-1, BACK), "asleep");
	expect((int)amas__jobs_waiting(all) == waits, "waiting");
	expect((int)(waiting[0] + waiting[1]) == waits, "counters");
}

static void
model_quiet(void)
{
	turn();
	if (count_of(-1, AWAKE) < places)
		expect(ready(BACK) == 0 && ready(WAITING) == 0,
		    "a place stays free");
}

static void
test_model(void)
{
	int i;

	srand(5);
	places = 3;
	setup(3, 100);
	for (i = 0; i < N; i++) {
		model[i].group = i % GROUPS;
		model[i].connection = i & 1;
		amas__job_init(&model[i].w.job, loop, model_start);
		model[i].w.job.back = model_back;
		if (model[i].group < TURNS)
			model[i].w.job.jobs = turns[model[i].group];
	}
	for (i = 0; i < 10000; i++) {
		model_step(&model[rand() % N]);
		model_counts();
		if (rand() % 3 == 0)
			model_quiet();
		if (rand() % 100 == 0 && count_of(-1, AWAKE) == 0) {
			places = 1 + rand() % 4;
			amas_loop_set_jobs(loop, (size_t)places, 100);
		}
		model_counts();
	}
	tap_ok(wrong == 0, "10,000 steps as in the model");
	if (wrong > 0)
		tap_diag("%d wrong, the first: %s", wrong, wrong_at);
	for (i = 0; i < N; i++)
		amas__job_done(&model[i].w.job);
	done_all();
}

static void
test_alloc(void)
{
	tap_fail_alloc(1);
	tap_ok(amas__jobs_new_turns(amas__loop_jobs(loop)) == NULL,
	    "turns: memory is short");
	tap_fail_alloc(0);
}

int
main(void)
{
	int i;

	if (amas_loop_new(&loop, NULL, NULL) != 0)
		return 1;
	for (i = 0; i < TURNS; i++)
		turns[i] = amas__jobs_new_turns(amas__loop_jobs(loop));
	test_order();
	test_bound();
	test_hold();
	test_at_once();
	test_change();
	test_sleep();
	test_take();
	test_live();
	test_take_alone();
	test_turns();
	test_turns_live();
	test_model();
	test_alloc();
	for (i = 1; i < TURNS; i++)
		amas__jobs_free(turns[i]);
	setup(1, 0);
	work[2].job.jobs = turns[0];
	(void)ask(2, 0, NULL);
	amas__jobs_free(turns[0]); /* with what waits in it */
	(void)ask(0, 0, NULL);
	(void)ask(1, 0, NULL);
	amas_loop_free(loop);
	return tap_done();
}
