/*
 * A worker: one process that answers calls on message lines, in any order, and
 * may send requests of its own.  What ends is started again, after a delay that
 * grows.  Lies in its owner.
 */
#ifndef AMAS__WORKER_H
#define AMAS__WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"
#include "channel.h"
#include "loop.h"
#include "resident.h"

#define AMAS__WORKER_DELAY_S 0.1	/* before it starts again; doubles */
#define AMAS__WORKER_DELAY_MAX_S 30.0
#define AMAS__WORKER_HEALTHY_S 60.0	/* of life: delay is as at first */
#define AMAS__WORKER_QUEUED ((size_t)1 << 20)	/* bytes; then it takes none */
#define AMAS__WORKER_ODD 1000		/* lines of a process that are logged */

struct amas__worker;

/*
 * What it reports, from the loop, each as its last action: all may be freed.
 *
 * room   it takes calls, again.
 * asked  its own requests have become more, or been answered.
 * caller tells whose call arg, of amas__worker_send(), is.
 * over   the process is lost, and its calls with it: why.  It will be started
 *        again, unless it was finished.
 */
struct amas__worker_ops {
	void (*room)(struct amas__worker *w);
	void (*asked)(struct amas__worker *w);
	struct amas_channel *(*caller)(void *arg);
	void (*over)(struct amas__worker *w, const char *why);
};

enum amas__worker_state {
	AMAS__WORKER_NEW,	/* nobody has started it */
	AMAS__WORKER_STARTS,
	AMAS__WORKER_RUNS,
	AMAS__WORKER_LOST,	/* its process or its channel is still there */
	AMAS__WORKER_DELAYED	/* will start */
};

struct amas__worker {
	const struct amas__worker_ops *ops;
	enum amas__worker_state state;
	struct amas__resident resident;
	struct amas_channel *ch;	/* STARTS: NULL; RUNS: is there */
	size_t max_message;
	struct amas__timer timer;	/* LOST: patience; DELAYED: start */
	double delay_s;			/* the next one */
	double since;			/* when it was started */
	bool told;			/* LOST: over() ran */
	bool spoke;			/* RUNS, LOST: a message came */
	bool hopeless;			/* DELAYED: it could not be started */
	bool finished;			/* will not be started again */
	size_t odd;			/* lines that were no message */
	char why[sizeof(struct amas_error) + 64];	/* "": not known yet */
};

/* name is for messages, program the owner's, max_message bounds a line. */
void amas__worker_init(struct amas__worker *w, struct amas_loop *l,
    const struct amas__worker_ops *ops, const struct amas__program *program,
    const char *name, size_t index, size_t max_message);

/* Starts a NEW one.  Returns as amas__resident_start(); all else by over(). */
int amas__worker_start(struct amas__worker *w, struct amas_error *err);

/* Whether it takes a call now. */
bool amas__worker_takes(const struct amas__worker *w);

/*
 * Sends a call to one that takes it; as amas__channel_request().  An error that
 * is not the call's own but the worker's loss, as lost() tells, will be
 * followed by over(), which has the reason.
 */
int amas__worker_send(struct amas__worker *w, const struct amas_value *content,
    amas_reply_fn *fn, void *arg, struct amas__link *owner);
bool amas__worker_lost(struct amas__worker *w, const struct amas_reply *rep);

/* Whether it waits for answers of its own. */
bool amas__worker_asks(const struct amas__worker *w);

/* Lets it end: closes its input, and soon ends it.  It is not started again. */
void amas__worker_finish(struct amas__worker *w);

/* Gives it up at once; nothing is reported any more. */
void amas__worker_fini(struct amas__worker *w);

#endif
