/*
 * A connection that is watched: what passes on it becomes messages, requests
 * find their replies, and views are told.  Nothing here knows where the bytes
 * come from.
 */
#ifndef DUMP_CONN_H
#define DUMP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "dump.h"
#include "frame.h"
#include "loop.h"
#include "map.h"

enum dump_flow {
	DUMP_FLOW_OK,
	DUMP_FLOW_LOST,		/* looks for the begin of a message */
	DUMP_FLOW_OTHER		/* speaks something else */
};

/* What passes in one direction. */
struct dump_half {
	struct amas__frame_reader reader;
	enum dump_flow flow;
	bool unsure;		/* what is read may be no message */
	struct amas__buf lost;	/* LOST: the last bytes, maybe of a message */
	size_t tried;		/* bytes that were taken for messages since */
	size_t skipped;		/* LOST, OTHER: bytes that were not told yet */
	uint64_t taken;		/* bytes of frames */
	struct amas__map calls;	/* requests that wait, by id */
};

struct dump_conn {
	struct amas__link link;
	struct dump *d;
	unsigned n;		/* number, from 1 */
	char *name[2];		/* of who dialled, of who was called */
	const struct amas_codec *codec;	/* NULL: not known yet */
	struct dump_inject *inject;	/* decides on messages, or NULL */
	const char *injected;	/* what a recording says that was done to the
				 * message that it tells now, or NULL */
	const char *file;	/* whose bytes these are: they have to be
				 * messages; NULL: foreign ones are usual */
	bool one_way;		/* all comes one way: replies are back */
	bool container;		/* dates have an id */
	bool typed;		/* types is set */
	struct amas__types types;
	struct dump_half half[2];
	struct amas__account account;	/* unfinished messages: --memory */
	double t;		/* when its last bytes came */
	struct amas__link calls;	/* requests that wait, oldest first */
	size_t n_calls;
};

/* The largest message that is read. */
size_t dump_max_message(const struct dump *d);

/* The time, in whole microseconds, as recordings have it. */
double dump_now(void);

/* Begins one; the names are copied, "" is none.  NULL: memory is short. */
struct dump_conn *dump_conn_new(struct dump *d, const char *dialled,
    const char *called);

/* What it dialled to is known now.  Returns 0 or AMAS_ENOMEM. */
int dump_conn_set_name(struct dump_conn *c, bool called, const char *name);

/*
 * What passed: len bytes, which are changed, with a spare one behind them.  back:
 * to the end that dialled.
 */
void dump_conn_bytes(struct dump_conn *c, bool back, char *data, size_t len,
    double t);

/*
 * n bytes are missing, 0: some.  From here on it looks for the begin of a
 * message.
 */
void dump_conn_gap(struct dump_conn *c, bool back, size_t n, double t);

/* What it holds, and what is held back of it, has changed. */
void dump_conn_account(struct dump_conn *c);

/* A whole message.  Its area may be kept.  size 0: not known. */
void dump_conn_message(struct dump_conn *c, bool back,
    const struct amas__msg *m, size_t size, const char *codec, double t);

/* No more comes that way, or at all; it is freed then. */
void dump_conn_eof(struct dump_conn *c, bool back, double t);
void dump_conn_free(struct dump_conn *c, double t);

/* ---- dump_calls.c ---- */

/* Tells of a message, with the call that it begins or ends. */
void dump_calls_message(struct dump_conn *c, struct dump_event *e);

/* Whether its id is the number with these digits. */
bool dump_call_has_id(const struct dump_call *k, const char *digits);

/* All that wait are over. */
void dump_calls_end(struct dump_conn *c, double t);

#endif
