/*
 * The slots of a batch.  A call has one from when its line is taken until its
 * outcome is written; in input order one that has ended waits for those before
 * it.
 */
#ifndef CALL_SLOTS_H
#define CALL_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "call.h"
#include "call_lines.h"
#include "list.h"

struct call_slots {
	const struct call_opts *o;
	struct call_output *out;
	void *owner;		/* for whoever has them */
	struct amas__link list;	/* in order of input */
	size_t n;
	size_t held;		/* bytes of outcomes that wait */
};

struct call_url;

struct call_slot {
	struct amas__link link;
	struct call_slots *all;
	uint64_t n;		/* line of input */
	bool done;
	struct call_url *via;	/* -B -: the connection of its call, until it
				 * has ended; NULL: none */
	bool to_stderr;		/* the outcome is for people */
	struct amas__buf outcome;
};

void call_slots_init(struct call_slots *all, const struct call_opts *o,
    struct call_output *out, void *owner);
void call_slots_fini(struct call_slots *all);

/* Makes the slot of line n behind the others; NULL if memory is short. */
struct call_slot *call_slot_new(struct call_slots *all, uint64_t n);
void call_slot_free(struct call_slot *s);

/*
 * Give a call its outcome: the answer; a failure that we make up, as there is
 * none; nothing.  Then all is written that can be.  Return 0 or a code; the
 * slot may be gone after either.
 */
int call_slot_reply(struct call_slot *s, const struct amas_reply *rep,
    struct amas_error *err);
int call_slot_failure(struct call_slot *s, const char *text,
    const char *origin, struct amas_error *err);
int call_slot_nothing(struct call_slot *s, struct amas_error *err);

#endif
