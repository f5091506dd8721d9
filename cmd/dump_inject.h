/*
 * Faults that the tap makes: --inject.  Between the two ends of a connection
 * whole messages are held back, left out, or answered by us.
 *
 *	dump_rules.c	what is said, and what that means for a message
 *	dump_inject.c	the messages that wait, and what passes
 */
#ifndef DUMP_INJECT_H
#define DUMP_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "dump.h"

/* ---- dump_rules.c ---- */

enum dump_action { DUMP_DELAY, DUMP_DROP, DUMP_CUT, DUMP_FAIL };

/* One --inject, "FILTER: ACTION". */
struct dump_rule {
	enum dump_action action;
	struct dump_filter *filter;	/* NULL: all messages */
	double chance;		/* 0 to 1 */
	double delay;		/* DELAY: seconds */
	char *text;		/* FAIL: the failure */
};

struct dump_rules {
	uint64_t seed;
	size_t n;
	struct dump_rule rule[DUMP_INJECT_MAX];
};

/* Reads them.  Returns CMD_OK, CMD_USAGE (has been said) or CMD_SYS. */
int dump_rules_new(struct dump_rules **out, const struct dump_opts *o);
void dump_rules_free(struct dump_rules *r);

/* What decides: a sequence of numbers for each rule and direction. */
struct dump_dice {
	uint64_t state[2][DUMP_INJECT_MAX];
};

void dump_dice_init(struct dump_dice *dice, const struct dump_rules *r,
    unsigned conn);

/* What becomes of a message. */
struct dump_fate {
	double delay;		/* seconds, of all rules together */
	const struct dump_rule *rule;	/* of what else, or NULL */
};

void dump_rules_ask(const struct dump_rules *r, struct dump_dice *dice,
    const struct dump_event *e, struct dump_fate *out);

/* ---- dump_inject.c ---- */

struct dump_inject;

/*
 * What it does to the ends.  back: towards the one that dialled.
 *
 * put  bytes pass.
 * end  no more pass that way.
 * cut  it is over: frees the injector.
 */
struct dump_inject_ops {
	void (*put)(void *arg, bool back, const void *data, size_t len);
	void (*end)(void *arg, bool back);
	void (*cut)(void *arg);
};

/* For a watched connection, whose bytes come through here.  NULL: no memory. */
struct dump_inject *dump_inject_new(struct dump_conn *c,
    const struct dump_rules *rules, const struct dump_inject_ops *ops,
    void *arg);
void dump_inject_free(struct dump_inject *x);

/*
 * Bytes came, or no more come.  The first returns false if the injector is gone
 * by that; after the second it may be.
 */
bool dump_inject_bytes(struct dump_inject *x, bool back, const char *data,
    size_t len, double t);
void dump_inject_end(struct dump_inject *x, bool back, double t);

/* Bytes that it holds back; all that it would let go. */
size_t dump_inject_held(const struct dump_inject *x, bool back);
size_t dump_inject_size(const struct dump_inject *x);

/* Lets all pass that it has, as it came.  After that it may be gone. */
void dump_inject_let_go(struct dump_inject *x, double t);

/* Decides on a message that is told; e->injected says what. */
void dump_inject_decide(struct dump_inject *x, struct dump_event *e);

#endif
