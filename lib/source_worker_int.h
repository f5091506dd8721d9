/* The inside of workers as sources: source_worker.c, source_worker_sleep.c. */
#ifndef AMAS__SOURCE_WORKER_INT_H
#define AMAS__SOURCE_WORKER_INT_H

#include <stdbool.h>
#include <stddef.h>

#include "jobs.h"
#include "program.h"
#include "rest.h"
#include "source.h"
#include "source_worker.h"
#include "worker.h"

/* One process, and what was sent to it. */
struct amas__slot {
	struct amas__worker worker;
	struct amas__group *g;
	struct amas__job job;
	size_t asking;		/* jobs.h counts here */
	struct amas__link calls;
	size_t n;		/* of them */
	bool greeted;		/* who watches knows that it runs */
	/* Whether it is asleep; see "Being asleep". */
	struct amas__unsure unsure;
	bool syncing;		/* it was asked, and has not answered */
	bool stale;		/* and was sent something since */
	bool async;		/* it works on while it waits itself */
	bool fresh;		/* its process has not been heard of yet */
};

/* All processes behind one name. */
struct amas__group {
	struct amas__source source;
	struct amas__open open;
	struct amas_loop *loop;
	struct amas_source_opts opts;
	struct amas__program is;
	struct amas__home *home;	/* NULL: it runs for a service */
	struct amas__worker_watch *watch;	/* NULL: nobody does */
	size_t refs;		/* its service, its calls, who works on it */
	size_t n_calls;
	struct amas__link waiting;
	size_t waiting_bytes;
	struct amas__awake awake;	/* while some wait that could be sent */
	bool closed;		/* the loop goes */
	char name[AMAS__RESIDENT_NAME];
	size_t n;
	struct amas__slot slot[];
};

/* ---- source_worker_sleep.c ---- */

/* Sets up what it has of that. */
void amas__slot_sleep_init(struct amas__slot *s);

/* Whether it waits for an answer of its own, and does nothing meanwhile. */
bool amas__slot_waits(const struct amas__slot *s);

/* Its process runs, and may have begun with something. */
void amas__slot_greet(struct amas__slot *s);

/* It was sent something, or waits no more. */
void amas__slot_stir(struct amas__slot *s);

/* It spoke while it waits itself: it does not sleep then. */
void amas__slot_spoke(struct amas__slot *s);

/* Its process is lost, and what it was asked with it. */
void amas__slot_forget(struct amas__slot *s);

/* Whether a call may be sent to it: not one that waits, if that matters. */
bool amas__slot_listens(const struct amas__slot *s);

/* Calls have come, gone, or could go on now. */
void amas__group_update(struct amas__group *g);

#endif
