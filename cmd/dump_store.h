/*
 * What is done with a recording: its calls are kept, and then sent again, or
 * answered from.
 *
 *	dump_store.c	the calls, and which reply belongs to a request
 *	dump_replay.c	--replay: sends the requests again
 *	dump_stub.c	--stub: answers from it
 */
#ifndef DUMP_STORE_H
#define DUMP_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dump.h"
#include "list.h"
#include "map.h"
#include "msg.h"

/* A connection of the recording. */
struct dump_past {
	struct amas__link link;
	char *name;		/* of who dialled */
	size_t left;		/* its requests that are not over yet */
	void *now;		/* what it became; NULL: nothing yet */
};

/* A call of it that is wanted. */
struct dump_entry {
	uint64_t n;		/* number of the request */
	struct dump_past *past;
	bool back;		/* made by the end that was called */
	bool wanted;
	double t, took;
	const struct amas_value *content;
	enum dump_kind kind;	/* of the answer */
	const struct amas_value *answer;	/* NULL: none was seen */
	size_t before;		/* answers that had come when it was sent */
	size_t place;		/* of its own among them */
	bool over;		/* it was sent again and answered */
	/* Those that can be answered from, by what they ask. */
	struct dump_entry *other;	/* the next that asks something else,
					 * with the same hash */
	struct dump_entry *again;	/* the next that asks the same */
	struct dump_entry *last;	/* of the first of those: the last */
	struct dump_entry *use;	/* of the first: whose answer is next */
};

struct dump_store {
	struct dump_view view;
	struct amas__area *area;	/* of all values */
	struct dump_entry *entry;	/* in the order of their requests */
	size_t n, cap;
	size_t n_answers;
	struct amas__link pasts;
	struct amas__map past_of;	/* by number of the connection */
	struct amas__map asked;	/* by hash, when all is read */
	uint64_t seed[2];	/* of that */
	const struct amas_codec *codec;	/* NULL: not told */
	bool container;		/* calls of agents are among them */
};

/* Begins one, which takes what d reads as a view. */
int dump_store_new(struct dump_store **out, struct dump *d);

/* All is read: what is not wanted goes.  Returns CMD_OK or CMD_SYS (was said). */
int dump_store_finish(struct dump_store *s);
void dump_store_free(struct dump_store *s);

/* The codec of options, or that of the recording. */
const struct amas_codec *dump_store_codec(const struct dump_store *s);

/*
 * The call that answers a request: equal in path and arguments.  Of several
 * each is given once, in their order, the last again and again.  An agent that
 * was called is there, also if nobody asked for it.  NULL: none.
 */
const struct dump_entry *dump_store_find(struct dump_store *s, bool back,
    const struct amas_value *content);

/* Tells the views of a message of ours or to us. */
void dump_store_tell(struct dump_store *s, struct dump_conn *c, bool back,
    enum amas__msg_type type, int64_t id, const struct amas_value *content);

/*
 * Answers a request as the recording does, or that it does not have it: k is
 * NULL.  Tells the views; back: to the end that dialled.
 */
void dump_store_answer(struct dump_store *s, struct dump_conn *c, bool back,
    struct amas_request *req, int64_t id, const struct dump_entry *k);

/* For channels: a proxy is passed on as the path that it is. */
int dump_store_proxy(void *arg, const struct amas_value *proxy,
    struct amas__buf *path, struct amas_error *err);

/* ---- dump_replay.c ---- */

struct dump_replay;

int dump_replay_new(struct dump_replay **out, struct dump *d,
    struct dump_store *s);
void dump_replay_free(struct dump_replay *r);

/* ---- dump_stub.c ---- */

struct dump_stub;

/* Listens.  Returns CMD_OK or a status (has been said). */
int dump_stub_new(struct dump_stub **out, struct dump *d,
    struct dump_store *s);
void dump_stub_drain(struct dump_stub *s);	/* no more connections */
void dump_stub_close(struct dump_stub *s);	/* nor those that are there */
void dump_stub_free(struct dump_stub *s);
const char *dump_stub_addr(const struct dump_stub *s);

#endif
