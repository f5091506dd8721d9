/* Clocks: the order of timers, what callbacks may do, the end of the loop. */
#include "clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "tap.h"

#define START "2016-02-29T12:00:00+01:00"	/* 11:00 UTC */

static struct amas_loop *loop;
static struct amas_clock *clk;

/* A timer that writes its name when it runs, and may do more. */
struct item {
	struct amas_timer timer;
	char name;
	void (*then)(struct item *it);
	struct item *other;
	double again_s;
};

static char ran[64];		/* names of those that ran */
static size_t n_ran;

static void
on_item(void *arg)
{
	struct item *it = arg;

	if (n_ran + 1 < sizeof ran)
		ran[n_ran++] = it->name;
	ran[n_ran] = '\0';
	if (it->then != NULL)
		it->then(it);
}

static void
at(struct item *it, char name, double t_s)
{
	it->name = name;
	amas_timer_call_at(&it->timer, clk, t_s, on_item, it);
}

static void
forget(void)
{
	n_ran = 0;
	*ran = '\0';
}

static void
setup(enum amas_clock_kind kind)
{
	forget();
	if (amas_loop_new(&loop, NULL, NULL) != 0 ||
	    amas_clock_new(&clk, loop, kind, START, 0, NULL) != 0)
		abort();
}

static void
teardown(void)
{
	amas_clock_free(clk);
	amas_loop_free(loop);
}

static void
turn(void)
{
	(void)amas_loop_run(loop, 0);
}

static void
move(double t_s)
{
	struct amas_error err;

	if (amas_clock_set(clk, t_s, &err) != 0)
		tap_ok(false, "set %g: %s", t_s, err.text);
}

/* ---- Order ---- */

static void
test_order(void)
{
	struct item it[8] = { 0 };

	setup(AMAS_CLOCK_EXTERNAL);
	tap_ok(isinf(amas_clock_next(clk)), "no timer, no next");
	at(&it[0], 'd', 4);
	at(&it[1], 'a', 1);
	at(&it[2], 'e', 4);
	amas_timer_call_in(&it[3].timer, clk, 2.5, on_item, &it[3]);
	it[3].name = 'b';
	at(&it[4], 'f', 4.5);
	at(&it[5], 'x', 3);
	at(&it[6], 'y', 1);
	at(&it[5], 'c', 3.5);		/* anew */
	amas_timer_cancel(&it[6].timer);
	amas_timer_cancel(&it[6].timer);
	amas_timer_cancel(&it[7].timer);
	tap_ok(amas_clock_next(clk) == 1, "the next one");
	turn();
	tap_str(ran, "", "none runs before its time");
	move(0.5);
	turn();
	tap_str(ran, "", "nor shortly before it");
	move(4);
	tap_str(ran, "", "none runs inside amas_clock_set()");
	tap_ok(amas_clock_next(clk) == 1, "until then the next one is that");
	turn();
	tap_str(ran, "abcde", "by due time, then order of call");
	tap_ok(amas_clock_next(clk) == 4.5, "the rest waits");
	move(100);
	turn();
	tap_str(ran, "abcdef", "all have run");
	tap_ok(amas_clock_time(clk) == 100, "the time");
	teardown();
}

/* What has passed, or is no number, is due at once. */
static void
test_past(void)
{
	struct item it[6] = { 0 };

	setup(AMAS_CLOCK_EXTERNAL);
	move(10);
	at(&it[0], 'a', 10);
	at(&it[1], 'b', 9);
	at(&it[2], 'c', (double)NAN);
	amas_timer_call_in(&it[3].timer, clk, -1, on_item, &it[3]);
	it[3].name = 'd';
	at(&it[4], 'e', -(double)INFINITY);
	at(&it[5], 'f', (double)INFINITY);
	tap_str(ran, "", "none runs inside amas_timer_call_at()");
	turn();
	tap_str(ran, "abcde", "what has passed runs in the next turn");
	tap_ok(isinf(amas_clock_next(clk)), "the end of time is far");
	move(9007199254740992);
	turn();
	tap_str(ran, "abcde", "and never comes");
	teardown();
}

/* ---- Callbacks ---- */

static void
cancel_other(struct item *it)
{
	amas_timer_cancel(&it->other->timer);
}

static void
again(struct item *it)
{
	at(it, (char)(it->name + 1), it->again_s);
}

static void
free_memory(struct item *it)
{
	free(it);
}

static void
free_clock(struct item *it)
{
	(void)it;
	amas_clock_free(clk);
	clk = NULL;
}

static void
test_callbacks(void)
{
	struct item it[4] = { 0 }, *own = calloc(1, sizeof *own);

	setup(AMAS_CLOCK_EXTERNAL);
	if (own == NULL)
		abort();
	it[0].then = cancel_other;
	it[0].other = &it[1];
	own->then = free_memory;
	at(&it[0], 'a', 1);
	at(&it[1], 'x', 1);
	at(own, 'b', 1);
	at(&it[2], 'c', 2);
	move(2);
	turn();
	tap_str(ran, "abc", "a callback cancels another timer, or frees its own");

	forget();
	it[0].then = it[1].then = again;
	it[0].again_s = 3; /* has come */
	it[1].again_s = 1000;
	at(&it[0], 'a', 3);
	at(&it[1], 'p', 4);
	at(&it[2], 'z', 5);
	move(5);
	turn();
	tap_str(ran, "apz", "what a callback sets waits for the next turn");
	it[0].again_s = 1000;
	turn();
	tap_str(ran, "apzb", "which it then has");
	turn();
	turn();
	tap_str(ran, "apzb", "once");
	teardown();
}

static void
test_free(void)
{
	struct item it[3] = { 0 };

	setup(AMAS_CLOCK_EXTERNAL);
	it[0].then = free_clock;
	at(&it[0], 'a', 1);
	at(&it[1], 'b', 1);
	at(&it[2], 'c', 20);
	move(1);
	turn();
	turn();
	tap_str(ran, "a", "a callback frees the clock, and no other runs");
	amas_timer_cancel(&it[1].timer);
	amas_timer_cancel(&it[2].timer);
	if (amas_clock_new(&clk, loop, AMAS_CLOCK_EXTERNAL, NULL, 0, NULL) != 0)
		abort();
	at(&it[1], 'b', 1);
	move(1);
	turn();
	tap_str(ran, "ab", "its timers serve another clock");
	at(&it[1], 'c', 1);
	amas_clock_free(clk);
	clk = NULL;
	turn();
	tap_str(ran, "ab", "freed while some are due");
	amas_clock_free(NULL);
	amas_clock_free(amas_loop_clock(loop)); /* the loop's, which stays */
	tap_ok(amas_clock_time(amas_loop_clock(loop)) > 0, "the loop's stays");
	teardown();
}

/* The loop goes, its clocks with it, and nothing runs any more. */
static void
test_loop_free(void)
{
	struct item it[3] = { 0 };

	setup(AMAS_CLOCK_EXTERNAL);
	at(&it[0], 'a', 0);
	at(&it[1], 'b', 1);
	it[2].name = 'c';
	amas_timer_call_in(&it[2].timer, amas_loop_clock(loop), 0, on_item,
	    &it[2]);
	amas_loop_free(loop);
	tap_str(ran, "", "none runs when the loop is freed");
	amas_timer_cancel(&it[0].timer);
	amas_timer_cancel(&it[1].timer);
	amas_timer_cancel(&it[2].timer);
}

/* ---- Many ---- */

#define MANY 100000
#define PER_TURN 1024

struct many {
	struct amas_timer timer;
	double due_s;
	size_t seq;
};

static struct many *last;	/* that ran */
static size_t n_many, n_bad;

static void
on_many(void *arg)
{
	struct many *m = arg;

	if (last != NULL && (m->due_s < last->due_s ||
	    (!(m->due_s > last->due_s) && m->seq <= last->seq)))
		n_bad++;
	last = m;
	n_many++;
}

/* Ends once over: seen are the most that ran in a turn. */
static size_t
run_many(void)
{
	size_t most = 0, before;

	do {
		before = n_many;
		turn();
		if (n_many - before > most)
			most = n_many - before;
	} while (n_many > before);
	return most;
}

static void
test_many(void)
{
	struct many *m = calloc(MANY, sizeof *m);
	size_t i, round;

	if (m == NULL)
		abort();
	for (round = 0; round < 2; round++) {
		setup(AMAS_CLOCK_EXTERNAL);
		last = NULL;
		n_many = n_bad = 0;
		for (i = 0; i < MANY; i++) {
			m[i].seq = i;
			m[i].due_s = round == 0 ? 1 :
			    1 + (double)(i * 7919 % 1009);
			amas_timer_call_at(&m[i].timer, clk, m[i].due_s,
			    on_many, &m[i]);
		}
		move(2000);
		tap_int((long long)run_many(), PER_TURN, "so many a turn");
		tap_int((long long)n_many, MANY, "faults 72: all have run");
		tap_int((long long)n_bad, 0, "faults 72: in their order");
		teardown();
	}
	free(m);
}

/* ---- At random, beside a list that is searched ---- */

#define SOME 300

static struct many some[SOME];
static bool is_set[SOME];

static void
on_some(void *arg)
{
	struct many *m = arg, *first = NULL;
	size_t i;

	for (i = 0; i < SOME; i++)
		if (is_set[i] && (first == NULL || some[i].due_s < first->due_s ||
		    (!(some[i].due_s > first->due_s) &&
		    some[i].seq < first->seq)))
			first = &some[i];
	n_bad += first != m;
	is_set[m - some] = false;
	n_many++;
}

static size_t
dice(size_t n)
{
	static uint64_t x = 1;

	x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (size_t)(x >> 33) % n;
}

static void
test_random(void)
{
	size_t i, k, seq = 0, n_wrong = 0;
	double next_s;

	setup(AMAS_CLOCK_EXTERNAL);
	n_many = n_bad = 0;
	for (k = 0; k < 100000; k++) {
		i = dice(SOME);
		if (dice(3) == 0) {
			amas_timer_cancel(&some[i].timer);
			is_set[i] = false;
		} else {
			some[i].due_s = amas_clock_time(clk) + 1 +
			    (double)dice(40);
			some[i].seq = seq++;
			is_set[i] = true;
			amas_timer_call_at(&some[i].timer, clk, some[i].due_s,
			    on_some, &some[i]);
		}
		if (dice(50) != 0)
			continue;
		next_s = (double)INFINITY;
		for (i = 0; i < SOME; i++)
			if (is_set[i] && some[i].due_s < next_s)
				next_s = some[i].due_s;
		n_wrong += amas_clock_next(clk) < next_s ||
		    amas_clock_next(clk) > next_s;
		move(amas_clock_time(clk) + 1 + (double)dice(15));
		turn();
	}
	tap_int((long long)n_bad, 0, "set and cancelled at random: the order");
	tap_int((long long)n_wrong, 0, "and the next one");
	tap_ok(n_many > 10000, "%zu timers", n_many);
	teardown();
}

/* ---- Kinds ---- */

static void
test_waiting(void)
{
	struct item it = { 0 };

	setup(AMAS_CLOCK_EXTERNAL);
	at(&it, 'a', 1);
	tap_int(amas_loop_run(loop, (double)INFINITY), 0,
	    "an external clock keeps no loop waiting");
	move(1);
	tap_int(amas_loop_run(loop, (double)INFINITY), 0, "but what is due");
	tap_str(ran, "a", "runs before");
	teardown();
}

static void
test_sim(void)
{
	struct item it[4] = { 0 };
	struct amas_error err;

	setup(AMAS_CLOCK_SIM);
	tap_int(amas__clock_kind(clk), AMAS_CLOCK_SIM, "its kind");
	tap_ok(!amas__clock_jump(clk), "no timer, no jump");
	at(&it[0], 'a', 60);
	at(&it[1], 'c', 3600);
	at(&it[2], 'b', 60);
	at(&it[3], 'z', (double)INFINITY);
	turn();
	tap_str(ran, "", "it does not move by itself");
	tap_ok(amas__clock_jump(clk), "it jumps");
	tap_ok(amas_clock_time(clk) == 60, "to the next timer");
	tap_str(ran, "", "which does not run inside");
	turn();
	tap_str(ran, "ab", "with all that are due then");
	tap_int(amas_clock_set(clk, 61, &err), AMAS_EINVAL, "nobody sets it");
	tap_str(err.text, "the clock is not external", "why");
	at(&it[0], 'd', 5);
	turn();
	tap_str(ran, "abd", "what is due runs without a jump");
	tap_ok(amas__clock_jump(clk) && amas_clock_time(clk) == 3600, "again");
	turn();
	tap_str(ran, "abdc", "and so on");
	tap_ok(!amas__clock_jump(clk), "not to the end of time");
	amas_clock_free(clk);
	if (amas_clock_new(&clk, loop, AMAS_CLOCK_EXTERNAL, NULL, -1, NULL) != 0)
		abort();
	at(&it[0], 'a', 5);
	tap_ok(!amas__clock_jump(clk), "an external clock does not jump");
	teardown();
}

static void
test_real(void)
{
	struct amas_clock *real;
	struct item it[5] = { 0 };
	struct amas_error err;
	double start_s, took_s;
	int i;

	setup(AMAS_CLOCK_EXTERNAL);
	amas_clock_free(clk);
	clk = real = amas_loop_clock(loop);
	start_s = amas_clock_time(real);
	for (i = 0; i < 4; i++) {
		it[i].name = (char)('a' + i);
		amas_timer_call_in(&it[i].timer, real,
		    0.02 - 0.005 * i, on_item, &it[i]);
	}
	at(&it[4], 'x', start_s - 1);
	amas_timer_cancel(&it[3].timer);
	tap_str(ran, "", "none runs inside");
	tap_int(amas_loop_run(loop, (double)INFINITY), 0, "the loop waits");
	took_s = amas_clock_time(real) - start_s;
	tap_str(ran, "xcba", "for all, in their order");
	tap_ok(took_s >= 0.02, "for %g s", took_s);
	tap_ok(isinf(amas_clock_next(real)), "then none is left");
	tap_int(amas_clock_set(real, start_s + 1e6, &err), AMAS_EINVAL,
	    "nobody sets it");
	tap_str(err.text, "the clock is not external", "why");
	tap_int(amas_clock_new(&clk, loop, AMAS_CLOCK_REAL, NULL, 0, &err),
	    AMAS_EINVAL, "there is one");
	tap_str(err.text, "the real clock is the loop's", "why");

	forget();
	clk = real;
	for (i = 0; i < 3; i++)
		at(&it[i], (char)('a' + i), 0);
	it[0].then = cancel_other;
	it[0].other = &it[1];
	it[2].then = again;
	turn();
	tap_str(ran, "ac", "a callback of the real one cancels another");
	turn();
	tap_str(ran, "acd", "what it sets waits for the next turn");
	amas_loop_free(loop);
}

/* Two or more at once: a bounded number a turn, here too. */
static void
test_real_many(void)
{
	struct many *m = calloc(MANY, sizeof *m);
	size_t i;

	if (m == NULL)
		abort();
	setup(AMAS_CLOCK_EXTERNAL);
	last = NULL;
	n_many = n_bad = 0;
	for (i = 0; i < MANY; i++) {
		m[i].seq = i;
		amas_timer_call_at(&m[i].timer, amas_loop_clock(loop), 0,
		    on_many, &m[i]);
	}
	tap_int((long long)run_many(), PER_TURN, "of the real one, so many a "
	    "turn");
	tap_int((long long)n_many, MANY, "all have run");
	tap_int((long long)n_bad, 0, "in their order");
	free(m);
	teardown();
}

/* ---- The end of the loop ---- */

static struct item drained;

static void
on_alarm(struct amas__timer *t)
{
	(void)t;
	amas_timer_cancel(&drained.timer);
}

static void
on_last(struct amas__timer *t)
{
	(void)t;
}

/*
 * Both are over in one turn of libev, in whatever order: it has stopped the
 * timer that the other callback cancels.
 */
static void
cancel_pending(bool first)
{
	struct amas__timer alarm;
	double until_s;
	int i;

	amas__timer_init(&alarm, loop, on_alarm);
	for (i = 0; i < 2; i++) {
		if ((i == 0) == first)
			amas__timer_start(&alarm, 0.001);
		else
			amas_timer_call_in(&drained.timer,
			    amas_loop_clock(loop), 0.001, on_item, &drained);
	}
	until_s = amas__loop_now(loop) + 0.005;
	while (amas__loop_now(loop) < until_s)
		continue; /* the loop does not run meanwhile */
	tap_int(amas_loop_run(loop, 10), 0, "a drained loop ends");
	/* had it lost count, it would end before this */
	forget();
	amas_timer_call_in(&drained.timer, amas_loop_clock(loop), 0.001,
	    on_item, &drained);
	amas__timer_init(&alarm, loop, on_last);
	amas__timer_start(&alarm, 0.05);
	tap_int(amas_loop_run(loop, 10), 0, "and again");
	tap_str(ran, "d", "when a timer that is not the clock's has run");
}

static void
test_drain(void)
{
	struct item it[2] = { 0 };

	setup(AMAS_CLOCK_EXTERNAL);
	amas_clock_free(clk);
	clk = amas_loop_clock(loop);
	drained.name = 'd';
	at(&it[0], 'a', (double)INFINITY);
	at(&it[1], 'b', amas_clock_time(clk) + 1e6);
	tap_int(amas_loop_run(loop, 0.001), 1, "the real clock is waited for");
	amas_timer_cancel(&it[0].timer);
	amas_timer_cancel(&it[1].timer);
	tap_int(amas_loop_run(loop, 0.001), 0, "not when all is cancelled");
	at(&it[0], 'a', (double)INFINITY);
	at(&it[1], 'b', amas_clock_time(clk) + 1e6);
	amas_loop_drain(loop, 1e6);
	tap_int(amas_loop_run(loop, 10), 0, "not when the loop drains");
	amas_timer_call_in(&it[0].timer, clk, 1e6, on_item, &it[0]);
	tap_int(amas_loop_run(loop, 10), 0, "nor what is set then");
	amas_timer_cancel(&it[0].timer);
	amas_timer_cancel(&it[1].timer);
	cancel_pending(true);
	cancel_pending(false);
	amas_loop_free(loop);
}

/* ---- Watching ---- */

struct watcher {
	struct amas__clock_watch watch;
	int n;
	struct watcher *other;	/* to be unwatched */
	bool frees;		/* the clock */
};

static void
on_watch(struct amas__clock_watch *w)
{
	struct watcher *me = AMAS__OF(w, struct watcher, watch);

	me->n++;
	if (n_ran + 1 < sizeof ran)
		ran[n_ran++] = '.';
	ran[n_ran] = '\0';
	if (me->other != NULL)
		amas__clock_unwatch(&me->other->watch);
	if (me->frees)
		free_clock(NULL);
}

static void
test_watch(void)
{
	struct watcher w[3] = { 0 };
	struct item it[3] = { 0 };
	int i;

	setup(AMAS_CLOCK_EXTERNAL);
	amas__clock_unwatch(&w[0].watch);
	amas__clock_watch(clk, &w[0].watch, on_watch);
	at(&it[0], 'a', 1);
	at(&it[1], 'b', 1);
	move(0.5);
	turn();
	tap_str(ran, "", "no timer, nothing to tell");
	move(1);
	turn();
	tap_str(ran, "ab.", "told when all have run");
	at(&it[0], 'a', 2);
	move(2);
	amas_timer_cancel(&it[0].timer);
	turn();
	tap_str(ran, "ab..", "or were cancelled meanwhile");

	for (i = 1; i < 3; i++)
		amas__clock_watch(clk, &w[i].watch, on_watch);
	w[0].n = 0;
	w[0].other = &w[1];
	at(&it[0], 'a', 3);
	move(3);
	turn();
	tap_ok(w[0].n == 1 && w[1].n == 0 && w[2].n == 1,
	    "one takes another away");
	amas__clock_watch(clk, &w[1].watch, on_watch);
	w[0].other = NULL;
	w[2].frees = true;
	at(&it[0], 'a', 4);
	at(&it[1], 'b', 5);
	move(4);
	turn();
	tap_ok(w[0].n == 2 && w[1].n == 0 && w[2].n == 2,
	    "one frees the clock, and no other is told");
	amas__clock_unwatch(&w[0].watch);
	amas__clock_unwatch(&w[1].watch);
	teardown();
}

/* More are due than run in a turn: told once, at the end. */
static void
test_watch_many(void)
{
	struct many *m = calloc(3000, sizeof *m);
	struct watcher w = { 0 };
	size_t i;

	if (m == NULL)
		abort();
	setup(AMAS_CLOCK_EXTERNAL);
	last = NULL;
	amas__clock_watch(clk, &w.watch, on_watch);
	for (i = 0; i < 3000; i++)
		amas_timer_call_at(&m[i].timer, clk, 1, on_many, &m[i]);
	move(1);
	n_many = 0;
	turn();
	tap_ok(n_many == PER_TURN && w.n == 0, "not told half-way");
	(void)run_many();
	tap_ok(n_many == 3000 && w.n == 1, "told at the end");
	free(m);
	teardown();
}

/* ---- Making ---- */

static void
test_new(void)
{
	struct amas_clock *c = NULL;
	struct amas_error err;

	setup(AMAS_CLOCK_EXTERNAL);
	tap_int(amas_clock_new(&c, loop, AMAS_CLOCK_SIM, "2015-02-29", 0, &err),
	    AMAS_EINVAL, "no date");
	tap_str(err.text, "date \"2015-02-29\": the month has no such day",
	    "why");
	tap_int(amas_clock_new(&c, loop, AMAS_CLOCK_SIM, NULL, (double)NAN,
	    &err), AMAS_EINVAL, "no time");
	tap_str(err.text, "no clock shows nan", "why");
	tap_ok(c == NULL, "nothing is stored");
	tap_int(amas_clock_new(&c, loop, AMAS_CLOCK_EXTERNAL, NULL, -1, &err),
	    0, "without a start, before 0");
	tap_ok(fabs(amas_clock_utcnow(c) + 1) < 1e-9, "in 1969");
	/* the loop frees it */
	teardown();
}

/* Each allocation fails once. */
static void
test_memory(void)
{
	struct amas_clock *c;
	struct amas_error err;
	unsigned long n;
	int rc, bad = 0;

	for (n = 1, rc = AMAS_ENOMEM; rc != 0 && n < 100; n++) {
		tap_fail_alloc(n);
		rc = amas_loop_new(&loop, NULL, &err);
		tap_fail_alloc(0);
		bad += rc != 0 && rc != AMAS_ENOMEM;
	}
	tap_ok(rc == 0 && n > 4 && bad == 0, "no memory for a loop");
	for (n = 1, rc = AMAS_ENOMEM; rc != 0 && n < 100; n++) {
		tap_fail_alloc(n);
		rc = amas_clock_new(&c, loop, AMAS_CLOCK_SIM, START, 0, &err);
		tap_fail_alloc(0);
		bad += rc != 0 && rc != AMAS_ENOMEM;
	}
	tap_ok(rc == 0 && n > 2 && bad == 0, "nor for a clock");
	amas_loop_free(loop);
}

int
main(void)
{
	test_order();
	test_past();
	test_callbacks();
	test_free();
	test_loop_free();
	test_many();
	test_random();
	test_waiting();
	test_sim();
	test_real();
	test_real_many();
	test_drain();
	test_watch();
	test_watch_many();
	test_new();
	test_memory();
	return tap_done();
}
