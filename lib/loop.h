/*
 * What all objects of one event loop share, and the only door to libev:
 * watchers, timers, things to run once the current callback is over, buffers,
 * memory accounts, the log.
 */
#ifndef AMAS__LOOP_H
#define AMAS__LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amas.h"
#include "buf.h"
#include "list.h"
#include "log.h"
#include "map.h"
#include "value.h"

const struct amas__log *amas__loop_log(const struct amas_loop *l);
struct amas__pool *amas__loop_pool(struct amas_loop *l);

/* Lets the running amas_loop_run() return, with 1, after this turn. */
void amas__loop_break(struct amas_loop *l);

/* Seconds of a monotonic clock, as of the current turn of the loop. */
double amas__loop_now(const struct amas_loop *l);

/*
 * A buffer to read into, one for all, good until the callback returns; *size
 * bytes and one spare.
 */
char *amas__loop_scratch(struct amas_loop *l, size_t *size);

/*
 * The memory of an empty output queue goes back and forth here, so that idle
 * connections hold none and busy ones do not allocate.  take: if the loop has
 * some and b has none; give: b is empty afterwards.
 */
void amas__loop_take_spare(struct amas_loop *l, struct amas__buf *b);
void amas__loop_give_spare(struct amas_loop *l, struct amas__buf *b);

/* ---- Descriptors ---- */

#define AMAS__READ 1
#define AMAS__WRITE 2

struct amas__io;
typedef void amas__io_fn(struct amas__io *io, int events);

/*
 * Watches a descriptor.  Lies in its owner; stop it before closing the
 * descriptor and before its memory goes.
 */
struct amas__io {
	amas__io_fn *fn;
	struct amas_loop *loop;
	int fd;
	unsigned char events;	/* what is watched now */
	bool background;	/* the loop does not go on for it; set it
				 * before it is watched */
	union {
		void *align;
		char space[48];
	} ev;
};

void amas__io_init(struct amas__io *io, struct amas_loop *l, int fd,
    amas__io_fn *fn);
void amas__io_set(struct amas__io *io, int events);	/* 0: stops */

/* ---- Timers ---- */

struct amas__timer;
typedef void amas__timer_fn(struct amas__timer *t);

/* Runs fn once, after_s seconds after start; started again it starts anew. */
struct amas__timer {
	amas__timer_fn *fn;
	struct amas_loop *loop;
	bool background;	/* as of descriptors; set it while stopped */
	union {
		double align;
		char space[48];
	} ev;
};

void amas__timer_init(struct amas__timer *t, struct amas_loop *l,
    amas__timer_fn *fn);
void amas__timer_start(struct amas__timer *t, double after_s);
void amas__timer_stop(struct amas__timer *t);
bool amas__timer_active(const struct amas__timer *t);

/* ---- Tasks ---- */

struct amas__task;
typedef void amas__task_fn(struct amas__task *t);

/*
 * Runs fn once at the end of the current turn of the loop, before it sleeps;
 * in order of scheduling.  Scheduling twice is once.
 */
struct amas__task {
	struct amas__link link;
	amas__task_fn *fn;
};

void amas__task_init(struct amas__task *t, amas__task_fn *fn);
void amas__task_run(struct amas_loop *l, struct amas__task *t);
void amas__task_cancel(struct amas_loop *l, struct amas__task *t);

/* Whether others wait to run, in this turn or the next: something goes on. */
bool amas__loop_has_tasks(const struct amas_loop *l);

/* ---- What is open ---- */

struct amas__open;

/*
 * close    ends the object at once.
 * drain    ends it in order: nothing new is taken.  NULL: does not matter.
 * release  the loop goes: frees it, as if the program had.  NULL: as close.
 */
struct amas__open_ops {
	void (*close)(struct amas__open *o);
	void (*drain)(struct amas__open *o);
	void (*release)(struct amas__open *o);
};

/* An object that lives on the loop, from add to remove. */
struct amas__open {
	struct amas__link link;
	struct amas_loop *loop;
	const struct amas__open_ops *ops;
};

void amas__open_add(struct amas_loop *l, struct amas__open *o,
    const struct amas__open_ops *ops);
void amas__open_remove(struct amas__open *o);

/* All that is open: the links of struct amas__open. */
struct amas__link *amas__loop_opens(struct amas_loop *l);

/* Whether amas_loop_drain() was called. */
bool amas__loop_draining(const struct amas_loop *l);

/* ---- Memory ---- */

struct amas__account;
typedef void amas__account_fn(struct amas__account *a);

/*
 * What a connection holds in unfinished messages, queues, and requests without an
 * answer.  If the sum of all goes over the bound of the loop, over() of the largest
 * runs as a task: it closes that.
 */
struct amas__account {
	struct amas__link link;
	struct amas_loop *loop;
	size_t bytes;
	amas__account_fn *over;
};

void amas__account_init(struct amas__account *a, struct amas_loop *l,
    amas__account_fn *over);
void amas__account_set(struct amas__account *a, size_t bytes);
void amas__account_fini(struct amas__account *a);

/*
 * What requests without an answer take of all that, and whether that is half of
 * the bound: then further ones are refused, which is better than over().
 */
void amas__loop_keep(struct amas_loop *l, size_t bytes);
void amas__loop_let_go(struct amas_loop *l, size_t bytes);
bool amas__loop_keeps_most(const struct amas_loop *l);

/* ---- Counters ---- */

/*
 * What the connections of a loop did since it began.  Channels on message lines
 * are pipes inside a program and not counted.
 */
struct amas__counters {
	uint64_t connections;	/* that began */
	uint64_t refused;	/* turned away by a limit */
	uint64_t calls;		/* requests of peers, all */
	uint64_t failures;	/* answers to them that were one */
	uint64_t open;		/* requests not answered yet */
	uint64_t bytes_in, bytes_out;
};

struct amas__counters *amas__loop_counters(struct amas_loop *l);

/* Where messages are recorded (trace.h); NULL: nowhere. */
struct amas__trace *amas__loop_trace(const struct amas_loop *l);

/* ---- Places of processes (jobs.h) ---- */

struct amas__jobs *amas__loop_jobs(struct amas_loop *l);

/* Children that the loop watches (proc.c keeps its table here). */
struct amas__procs **amas__loop_procs(struct amas_loop *l);

/* Plugins that were opened on the loop (plugin.h). */
struct amas__plugins *amas__loop_plugins(struct amas_loop *l);

/* Settings of TLS that are in use (tls_setup.h). */
struct amas__link *amas__loop_tls(struct amas_loop *l);

/* Who can be reached without a socket, by address (listener.h). */
struct amas__map *amas__loop_locals(struct amas_loop *l);

/* Whether anything goes on (rest.h keeps itself here); NULL: nobody asks. */
struct amas__rest **amas__loop_rest(struct amas_loop *l);

/* What children may ask for (host.h keeps itself here). */
struct amas__host **amas__loop_host(struct amas_loop *l);

#endif
