/*
 * The loop: libev behind a few words of our own, and what the objects of one
 * loop share.  The one invariant: a callback runs from ev_run() and never
 * inside the function that registered it.
 *
 * Tasks run in a prepare watcher, which libev calls before it sleeps: so what a
 * turn of the loop has queued is written once, at its end, without a system
 * call of its own.
 */
#include "loop.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ev.h>

#include "buf.h"
#include "clock.h"
#include "err.h"
#include "jobs.h"
#include "mem.h"
#include "plugin.h"
#include "proc.h"
#include "rest.h"
#include "trace.h"

#define SCRATCH_SIZE ((size_t)64 << 10)
#define SPARE_MAX ((size_t)1 << 20)
#define MEMORY_MAX ((size_t)512 << 20)	/* default bound of all accounts */

struct amas_loop {
	struct ev_loop *ev;
	bool own_ev;
	struct amas__log log;
	struct amas__pool *pool;
	struct amas_clock *clock;	/* the real one */
	struct amas__jobs *jobs;
	struct amas__procs *procs;
	struct amas__plugins plugins;
	struct amas__map locals;
	struct amas__link tls;
	struct amas__host *host;
	struct amas__rest *rest;
	char *scratch;
	struct amas__buf spare;	/* memory of an output queue, for the next */

	ev_prepare prepare;	/* runs the tasks */
	ev_idle idle;		/* keeps the loop awake while there are some */
	struct amas__link tasks;
	size_t n_tasks;		/* those of this turn, too */

	struct amas__link opens;
	bool draining;
	ev_timer grace;

	struct amas__link accounts;
	size_t memory, memory_max;
	size_t kept;		/* part of memory: requests without an answer */
	struct amas__task over;

	struct amas__counters counters;
	struct amas__trace *trace;
};

/* ---- Tasks ---- */

static void
idle_noop(struct ev_loop *ev, ev_idle *w, int revents)
{
	(void)ev;
	(void)w;
	(void)revents;
}

/*
 * Runs the tasks that are there now; those that they add wait for the next
 * turn, so that nobody can keep the loop from its descriptors.
 */
static void
run_tasks(struct amas_loop *l)
{
	struct amas__link now;
	struct amas__task *t;

	amas__list_init(&now);
	amas__list_move(&now, &l->tasks);
	while (!amas__list_empty(&now)) {
		t = AMAS__OF(now.next, struct amas__task, link);
		amas__list_remove(&t->link);
		l->n_tasks--;
		t->fn(t);
	}
}

static void
on_prepare(struct ev_loop *ev, ev_prepare *w, int revents)
{
	struct amas_loop *l = w->data;

	(void)revents;
	run_tasks(l);
	if (amas__list_empty(&l->tasks))
		ev_idle_stop(ev, &l->idle);
}

void
amas__task_init(struct amas__task *t, amas__task_fn *fn)
{
	amas__list_init(&t->link);
	t->fn = fn;
}

void
amas__task_run(struct amas_loop *l, struct amas__task *t)
{
	if (!amas__list_empty(&t->link))
		return;
	amas__list_add(&l->tasks, &t->link);
	l->n_tasks++;
	ev_idle_start(l->ev, &l->idle); /* no harm if it is active */
}

void
amas__task_cancel(struct amas_loop *l, struct amas__task *t)
{
	if (amas__list_empty(&t->link))
		return;
	amas__list_remove(&t->link);
	l->n_tasks--;
}

bool
amas__loop_has_tasks(const struct amas_loop *l)
{
	return l->n_tasks > 0;
}

/* ---- Descriptors and timers ---- */

_Static_assert(sizeof(ev_io) <= sizeof((struct amas__io *)0)->ev, "ev_io fits");
_Static_assert(sizeof(ev_timer) <= sizeof((struct amas__timer *)0)->ev,
    "ev_timer fits");

static ev_io *
io_of(struct amas__io *io)
{
	return (ev_io *)(void *)io->ev.space;
}

static void
on_io(struct ev_loop *ev, ev_io *w, int revents)
{
	struct amas__io *io = w->data;
	int events = 0;

	(void)ev;
	if (revents & EV_READ)
		events |= AMAS__READ;
	if (revents & EV_WRITE)
		events |= AMAS__WRITE;
	if (revents & EV_ERROR)
		events |= AMAS__READ | AMAS__WRITE;
	io->fn(io, events);
}

void
amas__io_init(struct amas__io *io, struct amas_loop *l, int fd,
    amas__io_fn *fn)
{
	memset(io, 0, sizeof *io);
	io->fn = fn;
	io->loop = l;
	io->fd = fd;
	ev_io_init(io_of(io), on_io, fd, 0);
	io_of(io)->data = io;
}

void
amas__io_set(struct amas__io *io, int events)
{
	ev_io *w = io_of(io);

	if (events == io->events)
		return;
	if (io->background && io->events != 0)
		ev_ref(io->loop->ev);
	io->events = (unsigned char)events;
	ev_io_stop(io->loop->ev, w);
	if (events == 0)
		return;
	ev_io_set(w, io->fd, ((events & AMAS__READ) ? EV_READ : 0) |
	    ((events & AMAS__WRITE) ? EV_WRITE : 0));
	ev_io_start(io->loop->ev, w);
	if (io->background)
		ev_unref(io->loop->ev);
}

static ev_timer *
timer_of(const struct amas__timer *t)
{
	return (ev_timer *)(uintptr_t)t->ev.space;
}

static void
on_timer(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct amas__timer *t = w->data;

	(void)revents;
	if (t->background)
		ev_ref(ev); /* libev stopped it and took a reference */
	t->fn(t);
}

void
amas__timer_init(struct amas__timer *t, struct amas_loop *l,
    amas__timer_fn *fn)
{
	memset(t, 0, sizeof *t);
	t->fn = fn;
	t->loop = l;
	ev_timer_init(timer_of(t), on_timer, 0., 0.);
	timer_of(t)->data = t;
}

void
amas__timer_stop(struct amas__timer *t)
{
	ev_timer *w = timer_of(t);

	if (t->background && (ev_is_active(w) || ev_is_pending(w)))
		ev_ref(t->loop->ev);
	ev_timer_stop(t->loop->ev, w);
}

void
amas__timer_start(struct amas__timer *t, double after_s)
{
	ev_timer *w = timer_of(t);

	amas__timer_stop(t);
	/* libev counts from the start of this turn, which may be long ago. */
	ev_now_update(t->loop->ev);
	ev_timer_set(w, after_s, 0.);
	ev_timer_start(t->loop->ev, w);
	if (t->background)
		ev_unref(t->loop->ev);
}

bool
amas__timer_active(const struct amas__timer *t)
{
	return ev_is_active(timer_of(t));
}

/* ---- What is open ---- */

void
amas__open_add(struct amas_loop *l, struct amas__open *o,
    const struct amas__open_ops *ops)
{
	o->loop = l;
	o->ops = ops;
	amas__list_add(&l->opens, &o->link);
}

void
amas__open_remove(struct amas__open *o)
{
	amas__list_remove(&o->link);
}

struct amas__link *
amas__loop_opens(struct amas_loop *l)
{
	return &l->opens;
}

bool
amas__loop_draining(const struct amas_loop *l)
{
	return l->draining;
}

enum ending { DRAIN, CLOSE, RELEASE };

/* Goes once over all that is open, which may end in any order meanwhile. */
static void
each_open(struct amas_loop *l, enum ending how)
{
	struct amas__link todo;
	struct amas__open *o;

	amas__list_init(&todo);
	amas__list_move(&todo, &l->opens);
	while (!amas__list_empty(&todo)) {
		o = AMAS__OF(todo.next, struct amas__open, link);
		amas__list_remove(&o->link);
		amas__list_add(&l->opens, &o->link);
		if (how == RELEASE && o->ops->release != NULL)
			o->ops->release(o);
		else if (how != DRAIN)
			o->ops->close(o);
		else if (o->ops->drain != NULL)
			o->ops->drain(o);
	}
}

static void
on_grace(struct ev_loop *ev, ev_timer *w, int revents)
{
	(void)revents;
	ev_ref(ev);
	each_open(w->data, CLOSE);
}

void
amas_loop_drain(struct amas_loop *l, double grace_s)
{
	if (l->draining) {
		each_open(l, CLOSE);
		return;
	}
	l->draining = true;
	ev_timer_set(&l->grace, grace_s > 0 ? grace_s : 0, 0.);
	ev_timer_start(l->ev, &l->grace);
	ev_unref(l->ev); /* keeps nobody waiting */
	amas__clocks_drain(l->clock);
	each_open(l, DRAIN);
}

/* ---- Memory ---- */

static void
on_over(struct amas__task *t)
{
	struct amas_loop *l = AMAS__OF(t, struct amas_loop, over);
	struct amas__account *a, *most = NULL;
	struct amas__link *i;

	if (l->memory <= l->memory_max)
		return;
	for (i = l->accounts.next; i != &l->accounts; i = i->next) {
		a = AMAS__OF(i, struct amas__account, link);
		if (most == NULL || a->bytes > most->bytes)
			most = a;
	}
	if (most == NULL || most->bytes == 0)
		return;
	amas__task_run(l, t); /* look again when that one is gone */
	most->over(most);
}

void
amas__account_init(struct amas__account *a, struct amas_loop *l,
    amas__account_fn *over)
{
	a->loop = l;
	a->bytes = 0;
	a->over = over;
	amas__list_add(&l->accounts, &a->link);
}

void
amas__account_set(struct amas__account *a, size_t bytes)
{
	struct amas_loop *l = a->loop;

	l->memory = l->memory - a->bytes + bytes;
	if (bytes > a->bytes && l->memory > l->memory_max)
		amas__task_run(l, &l->over);
	a->bytes = bytes;
}

void
amas__loop_keep(struct amas_loop *l, size_t bytes)
{
	l->kept += bytes;
}

void
amas__loop_let_go(struct amas_loop *l, size_t bytes)
{
	l->kept -= bytes;
}

bool
amas__loop_keeps_most(const struct amas_loop *l)
{
	return l->kept > l->memory_max / 2;
}

void
amas__account_fini(struct amas__account *a)
{
	amas__account_set(a, 0);
	amas__list_remove(&a->link);
}

/* ---- The loop itself ---- */

static void
start_watchers(struct amas_loop *l)
{
	ev_prepare_init(&l->prepare, on_prepare);
	l->prepare.data = l;
	ev_prepare_start(l->ev, &l->prepare);
	ev_unref(l->ev);
	ev_idle_init(&l->idle, idle_noop);
	ev_set_priority(&l->idle, EV_MAXPRI); /* even while others are busy */
	ev_timer_init(&l->grace, on_grace, 0., 0.);
	l->grace.data = l;
}

/* Frees the loop and what it was made with, but libev's. */
static void
free_parts(struct amas_loop *l)
{
	amas__clocks_free(l->clock);
	amas__jobs_free(l->jobs);
	amas__pool_free(l->pool);
	free(l);
}

int
amas_loop_new(struct amas_loop **out, struct ev_loop *ev,
    struct amas_error *err)
{
	struct amas_loop *l = amas__zalloc(sizeof *l);
	int rc;

	if (l == NULL)
		return amas__error_nomem(err);
	amas__list_init(&l->tasks);
	amas__list_init(&l->opens);
	amas__list_init(&l->accounts);
	amas__list_init(&l->tls);
	amas__plugins_init(&l->plugins);
	amas__map_init(&l->locals);
	amas__task_init(&l->over, on_over);
	l->memory_max = MEMORY_MAX;
	l->pool = amas__pool_new();
	l->jobs = amas__jobs_new();
	l->clock = amas__clock_new_real(l);
	if (l->pool == NULL || l->jobs == NULL || l->clock == NULL) {
		free_parts(l);
		return amas__error_nomem(err);
	}
	l->own_ev = ev == NULL;
	if ((l->ev = ev != NULL ? ev : ev_loop_new(EVFLAG_NOENV)) == NULL) {
		rc = amas__error_sys(err, AMAS_ESYS, errno, "event loop");
		free_parts(l);
		return rc;
	}
	start_watchers(l);
	*out = l;
	return 0;
}

void
amas_loop_free(struct amas_loop *l)
{
	if (l == NULL)
		return;
	l->draining = true;
	amas__clocks_end(l->clock);
	each_open(l, RELEASE);
	while (!amas__list_empty(&l->tasks))
		run_tasks(l);
	each_open(l, RELEASE); /* what ended in order and is still being written */
	amas__procs_end(l, 0);
	amas__plugins_fini(&l->plugins);
	while (!amas__list_empty(&l->tasks))
		run_tasks(l);
	amas__rest_free(l->rest);
	amas__trace_free(l->trace);
	if (ev_is_active(&l->grace)) {
		ev_ref(l->ev);
		ev_timer_stop(l->ev, &l->grace);
	}
	ev_idle_stop(l->ev, &l->idle);
	ev_ref(l->ev);
	ev_prepare_stop(l->ev, &l->prepare);
	if (l->own_ev)
		ev_loop_destroy(l->ev);
	amas__map_fini(&l->locals);
	amas__buf_fini(&l->spare);
	free(l->scratch);
	free_parts(l);
}

static void
on_run_timeout(struct ev_loop *ev, ev_timer *w, int revents)
{
	(void)revents;
	ev_ref(ev); /* libev stopped it and took a reference */
	*(bool *)w->data = true;
	ev_break(ev, EVBREAK_ONE);
}

int
amas_loop_run(struct amas_loop *l, double wait_s)
{
	bool over = false;
	ev_timer t;
	int left;

	if (!(wait_s > 0)) /* NaN is no reason to wait */
		return ev_run(l->ev, EVRUN_NOWAIT) != 0;
	if (isinf(wait_s))
		return ev_run(l->ev, 0) != 0;
	ev_timer_init(&t, on_run_timeout, wait_s, 0.);
	t.data = &over;
	ev_now_update(l->ev);
	ev_timer_start(l->ev, &t);
	ev_unref(l->ev);
	left = ev_run(l->ev, 0);
	if (!over) {
		ev_ref(l->ev);
		ev_timer_stop(l->ev, &t);
	}
	return over && left != 0;
}

void
amas__loop_break(struct amas_loop *l)
{
	ev_break(l->ev, EVBREAK_ONE);
}

void
amas_loop_set_log(struct amas_loop *l, int level, amas_log_fn *fn, void *arg)
{
	l->log.level = level;
	l->log.fn = fn;
	l->log.arg = arg;
}

void
amas_loop_set_memory(struct amas_loop *l, size_t max)
{
	l->memory_max = max != 0 ? max : MEMORY_MAX;
}

int
amas_loop_set_trace(struct amas_loop *l, const char *path, const char *self,
    struct amas_error *err)
{
	struct amas__trace *t;
	int rc = amas__trace_open(&t, l, path, self, err);

	if (rc == 0) {
		amas__trace_free(l->trace);
		l->trace = t;
	}
	return rc;
}

struct amas__trace *
amas__loop_trace(const struct amas_loop *l)
{
	return l->trace;
}

const struct amas__log *
amas__loop_log(const struct amas_loop *l)
{
	return &l->log;
}

struct amas__pool *
amas__loop_pool(struct amas_loop *l)
{
	return l->pool;
}

double
amas__loop_now(const struct amas_loop *l)
{
	struct timespec t;

	(void)l;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

char *
amas__loop_scratch(struct amas_loop *l, size_t *size)
{
	if (l->scratch == NULL &&
	    (l->scratch = malloc(SCRATCH_SIZE + 1)) == NULL)
		return NULL;
	*size = SCRATCH_SIZE;
	return l->scratch;
}

void
amas__loop_take_spare(struct amas_loop *l, struct amas__buf *b)
{
	size_t max = b->max;

	if (b->data != NULL || l->spare.data == NULL)
		return;
	*b = l->spare;
	b->max = max;
	amas__buf_init(&l->spare, 0);
}

void
amas__loop_give_spare(struct amas_loop *l, struct amas__buf *b)
{
	size_t max = b->max;

	if (l->spare.data != NULL || b->cap > SPARE_MAX) {
		amas__buf_fini(b);
		return;
	}
	amas__buf_consume(b, amas__buf_len(b));
	l->spare = *b;
	amas__buf_init(b, max);
}

struct amas_clock *
amas_loop_clock(struct amas_loop *l)
{
	return l->clock;
}

struct amas__counters *
amas__loop_counters(struct amas_loop *l)
{
	return &l->counters;
}

struct amas__jobs *
amas__loop_jobs(struct amas_loop *l)
{
	return l->jobs;
}

struct amas__procs **
amas__loop_procs(struct amas_loop *l)
{
	return &l->procs;
}

struct amas__plugins *
amas__loop_plugins(struct amas_loop *l)
{
	return &l->plugins;
}

struct amas__link *
amas__loop_tls(struct amas_loop *l)
{
	return &l->tls;
}

struct amas__map *
amas__loop_locals(struct amas_loop *l)
{
	return &l->locals;
}

struct amas__rest **
amas__loop_rest(struct amas_loop *l)
{
	return &l->rest;
}

struct amas__host **
amas__loop_host(struct amas_loop *l)
{
	return &l->host;
}
