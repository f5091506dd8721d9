/*
 * Clocks and their timers, which lie in a pairing heap: the caller's memory is
 * all that they need, so that setting one cannot fail.  A timer is due when it
 * was asked for or, if that has passed, at once: so the order of the heap, due
 * time and then order of call, lets none that sets itself again pass the others.
 *
 * Timers run from a task, or from the one timer that the real clock has in the
 * loop; a bounded number a turn.  A callback may free the clock: run_due() holds it.
 */
#include "clock.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "err.h"
#include "loop.h"
#include "mem.h"
#include "rest.h"

#define RUN_MAX 1024		/* timers a turn of the loop */
#define MICROSECONDS 1000000

struct amas_clock {
	enum amas_clock_kind kind;
	struct amas_loop *loop;
	struct amas__link link;		/* the real one is the head of others */
	unsigned refs;
	bool ended;			/* runs no timers any more */
	bool by_hand;			/* amas__clock_run_one() runs them */
	bool held;			/* what is due waits */
	double now_s;			/* of all but the real one */
	int64_t start_us;		/* its date at 0, since 1970 */
	struct amas_timer *first;	/* root of the heap */
	uint64_t seq;
	struct amas__task task;		/* runs what is due */
	struct amas__timer timer;	/* of the real one: the same, */
	double timer_s;			/* at this time */
	struct amas__link watches;
};

/* ---- The heap ---- */

/*
 * Children of a node are a list, first to last, by next_; prev_ of the first is
 * its parent.  A root has neither.
 */
static bool
is_before(const struct amas_timer *a, const struct amas_timer *b)
{
	if (a->due_s_ != b->due_s_)
		return a->due_s_ < b->due_s_;
	return a->seq_ < b->seq_;
}

/* Makes one heap of two; either may be empty. */
static struct amas_timer *
join(struct amas_timer *a, struct amas_timer *b)
{
	struct amas_timer *below;

	if (a == NULL || b == NULL)
		return a != NULL ? a : b;
	below = b;
	if (is_before(b, a)) {
		below = a;
		a = b;
	}
	below->prev_ = a;
	below->next_ = a->child_;
	if (a->child_ != NULL)
		a->child_->prev_ = below;
	a->child_ = below;
	return a;
}

/* Makes a root of the first of some children; returns the others. */
static struct amas_timer *
cut_first(struct amas_timer *t)
{
	struct amas_timer *others = t->next_;

	t->next_ = t->prev_ = NULL;
	return others;
}

/* Makes one heap of children: by pairs, then from the last pair to the first. */
static struct amas_timer *
join_children(struct amas_timer *children)
{
	struct amas_timer *pairs = NULL, *root = NULL, *a, *b;

	while ((a = children) != NULL) {
		b = cut_first(a);
		children = b != NULL ? cut_first(b) : NULL;
		a = join(a, b);
		a->next_ = pairs;
		pairs = a;
	}
	while ((a = pairs) != NULL) {
		pairs = cut_first(a);
		root = join(root, a);
	}
	return root;
}

static void
heap_remove(struct amas_clock *c, struct amas_timer *t)
{
	struct amas_timer *rest = join_children(t->child_);

	if (t == c->first) {
		c->first = rest;
	} else {
		if (t->prev_->child_ == t)
			t->prev_->child_ = t->next_;
		else
			t->prev_->next_ = t->next_;
		if (t->next_ != NULL)
			t->next_->prev_ = t->prev_;
		c->first = join(c->first, rest);
	}
	t->child_ = t->next_ = t->prev_ = NULL;
	t->clock_ = NULL;
}

/* Takes the heap apart, without recursion: todo is a list of trees. */
static void
cancel_all(struct amas_clock *c)
{
	struct amas_timer *todo = c->first, *t, *child, *next;

	c->first = NULL;
	while ((t = todo) != NULL) {
		todo = t->next_;
		for (child = t->child_; child != NULL; child = next) {
			next = child->next_;
			child->next_ = todo;
			todo = child;
		}
		t->child_ = t->next_ = t->prev_ = NULL;
		t->clock_ = NULL;
	}
}

/* ---- Running ---- */

static bool
is_due(const struct amas_clock *c, double now_s)
{
	return c->first != NULL && c->first->due_s_ <= now_s;
}

/*
 * Sees to it that what is due, or will be, runs.  If that of the loop is set too
 * early, since a timer was cancelled, it is set anew when it has run.
 */
static void
arm(struct amas_clock *c)
{
	double now_s = amas_clock_time(c);

	if (c->ended || c->held)
		return;
	if (is_due(c, now_s) && c->by_hand) {
		amas__rest_look(c->loop);
	} else if (is_due(c, now_s)) {
		amas__task_run(c->loop, &c->task);
	} else if (c->kind == AMAS_CLOCK_SIM) {
		amas__rest_look(c->loop); /* it may jump there */
	} else if (c->kind != AMAS_CLOCK_REAL) {
		return;
	} else if (c->first == NULL) {
		amas__timer_stop(&c->timer);
	} else if (!amas__timer_active(&c->timer) ||
	    c->first->due_s_ < c->timer_s) {
		amas__timer_stop(&c->timer);
		c->timer.background = amas__loop_draining(c->loop);
		c->timer_s = c->first->due_s_;
		amas__timer_start(&c->timer, c->timer_s - now_s);
	}
}

/* Goes once over all watches, which may end in any order meanwhile. */
static void
tell_watches(struct amas_clock *c)
{
	struct amas__link todo, *i;
	struct amas__clock_watch *w;

	amas__list_init(&todo);
	amas__list_move(&todo, &c->watches);
	while (!amas__list_empty(&todo)) {
		i = todo.next;
		amas__list_remove(i);
		if (c->ended)
			continue;
		amas__list_add(&c->watches, i);
		w = AMAS__OF(i, struct amas__clock_watch, link);
		w->fn(w);
	}
}

static void
unref(struct amas_clock *c)
{
	if (--c->refs == 0)
		free(c);
}

/* Those that callbacks set, which are the last of all, wait for another turn. */
static void
run_due(struct amas_clock *c)
{
	double now_s = amas_clock_time(c);
	uint64_t end = c->seq;
	struct amas_timer *t;
	amas_timer_fn *fn;
	size_t n;

	c->refs++;
	for (n = 0; n < RUN_MAX && is_due(c, now_s); n++) {
		t = c->first;
		if (t->seq_ >= end)
			break;
		fn = t->fn_;
		heap_remove(c, t);
		fn(t->arg_); /* t may be no more */
	}
	arm(c);
	if (!is_due(c, now_s))
		tell_watches(c);
	unref(c);
}

static void
on_task(struct amas__task *task)
{
	run_due(AMAS__OF(task, struct amas_clock, task));
}

static void
on_timer(struct amas__timer *timer)
{
	struct amas_clock *c = AMAS__OF(timer, struct amas_clock, timer);

	if (c->by_hand)
		arm(c);
	else
		run_due(c);
}

void
amas__clock_set_by_hand(struct amas_clock *c)
{
	c->by_hand = true;
	amas__task_cancel(c->loop, &c->task);
	arm(c);
}

void
amas__clock_hold(struct amas_clock *c, bool hold)
{
	c->held = hold;
	if (hold)
		amas__task_cancel(c->loop, &c->task);
	else
		arm(c);
}

bool
amas__clock_is_due(const struct amas_clock *c)
{
	return !c->held && is_due(c, amas_clock_time(c));
}

bool
amas__clock_run_one(struct amas_clock *c)
{
	struct amas_timer *t = c->first;
	amas_timer_fn *fn;

	if (!amas__clock_is_due(c))
		return false;
	fn = t->fn_;
	heap_remove(c, t);
	if (c->kind == AMAS_CLOCK_REAL)
		arm(c);
	fn(t->arg_); /* t, and the clock, may be no more */
	return true;
}

/* ---- Clocks ---- */

static struct amas_clock *
clock_alloc(struct amas_loop *l, enum amas_clock_kind kind)
{
	struct amas_clock *c = amas__zalloc(sizeof *c);

	if (c == NULL)
		return NULL;
	c->kind = kind;
	c->loop = l;
	c->refs = 1;
	amas__list_init(&c->link);
	amas__list_init(&c->watches);
	amas__task_init(&c->task, on_task);
	amas__timer_init(&c->timer, l, on_timer);
	return c;
}

/* Takes all from it that could still run. */
static void
end(struct amas_clock *c)
{
	c->ended = true;
	cancel_all(c);
	amas__timer_stop(&c->timer);
	amas__task_cancel(c->loop, &c->task);
	while (!amas__list_empty(&c->watches))
		amas__list_remove(c->watches.next);
}

static void
clock_free(struct amas_clock *c)
{
	end(c);
	amas__list_remove(&c->link);
	unref(c);
}

struct amas_clock *
amas__clock_new_real(struct amas_loop *l)
{
	return clock_alloc(l, AMAS_CLOCK_REAL);
}

void
amas__clocks_drain(struct amas_clock *real)
{
	amas__timer_stop(&real->timer);
	arm(real);
}

void
amas__clocks_end(struct amas_clock *real)
{
	struct amas__link *i;

	end(real);
	for (i = real->link.next; i != &real->link; i = i->next)
		end(AMAS__OF(i, struct amas_clock, link));
}

void
amas__clocks_free(struct amas_clock *real)
{
	if (real == NULL)
		return;
	while (!amas__list_empty(&real->link))
		clock_free(AMAS__OF(real->link.next, struct amas_clock, link));
	clock_free(real);
}

enum amas_clock_kind
amas__clock_kind(const struct amas_clock *c)
{
	return c->kind;
}

static double
since_1970(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double
amas_clock_time(const struct amas_clock *c)
{
	return c->kind == AMAS_CLOCK_REAL ? amas__loop_now(c->loop) : c->now_s;
}

double
amas_clock_utcnow(const struct amas_clock *c)
{
	if (c->kind == AMAS_CLOCK_REAL)
		return since_1970();
	return (double)c->start_us / MICROSECONDS + c->now_s;
}

double
amas_clock_next(const struct amas_clock *c)
{
	return c->first != NULL ? c->first->due_s_ : INFINITY;
}

int64_t
amas__clock_epoch(const struct amas_clock *c, double *t_s)
{
	if (c->kind != AMAS_CLOCK_REAL) {
		*t_s = 0;
		return c->start_us;
	}
	*t_s = amas_clock_time(c);
	return amas__date_us(since_1970());
}

/* ---- Making and moving ---- */

int
amas_clock_new(struct amas_clock **out, struct amas_loop *loop,
    enum amas_clock_kind kind, const char *start, double time_s,
    struct amas_error *err)
{
	struct amas_clock *real = amas_loop_clock(loop), *c;
	int64_t start_us;
	int rc;

	if (kind != AMAS_CLOCK_EXTERNAL && kind != AMAS_CLOCK_SIM)
		return amas_error_set(err, AMAS_EINVAL,
		    "the real clock is the loop's");
	if ((rc = amas__clock_check_new(&start_us, start, time_s, err)) != 0)
		return rc;
	if ((c = clock_alloc(loop, kind)) == NULL)
		return amas__error_nomem(err);
	c->start_us = start_us;
	c->now_s = time_s;
	c->ended = real->ended;
	amas__list_add(&real->link, &c->link);
	*out = c;
	return 0;
}

void
amas_clock_free(struct amas_clock *c)
{
	if (c != NULL && c->kind != AMAS_CLOCK_REAL)
		clock_free(c);
}

int
amas_clock_set(struct amas_clock *c, double t_s, struct amas_error *err)
{
	int rc = amas__clock_check_set(c, t_s, err);

	if (rc != 0)
		return rc;
	c->now_s = t_s;
	arm(c);
	return 0;
}

bool
amas__clock_jump(struct amas_clock *c)
{
	double next_s = amas_clock_next(c);

	if (c->kind != AMAS_CLOCK_SIM || isinf(next_s))
		return false;
	if (next_s > c->now_s)
		c->now_s = next_s;
	arm(c);
	return true;
}

void
amas__clock_reach(struct amas_clock *c, double t_s)
{
	if (c->kind == AMAS_CLOCK_SIM && t_s > c->now_s)
		c->now_s = t_s;
	arm(c);
}

void
amas__clock_watch(struct amas_clock *c, struct amas__clock_watch *w,
    amas__clock_fn *fn)
{
	amas__list_init(&w->link);
	w->fn = fn;
	if (!c->ended)
		amas__list_add(&c->watches, &w->link);
}

void
amas__clock_unwatch(struct amas__clock_watch *w)
{
	if (w->link.next != NULL)
		amas__list_remove(&w->link);
}

/* ---- Timers ---- */

void
amas_timer_call_at(struct amas_timer *t, struct amas_clock *c, double t_s,
    amas_timer_fn *fn, void *arg)
{
	double now_s = amas_clock_time(c);

	amas_timer_cancel(t);
	if (c->ended)
		return;
	t->clock_ = c;
	t->fn_ = fn;
	t->arg_ = arg;
	t->due_s_ = t_s > now_s ? t_s : now_s; /* NaN is no reason to wait */
	t->seq_ = c->seq++;
	c->first = join(c->first, t);
	if (c->first == t)
		arm(c);
}

void
amas_timer_call_in(struct amas_timer *t, struct amas_clock *c, double dt_s,
    amas_timer_fn *fn, void *arg)
{
	amas_timer_call_at(t, c, amas_clock_time(c) + dt_s, fn, arg);
}

void
amas_timer_cancel(struct amas_timer *t)
{
	struct amas_clock *c = t->clock_;

	if (c == NULL)
		return;
	heap_remove(c, t);
	if (c->first == NULL)
		arm(c);
}
