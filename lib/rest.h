/*
 * Whether anything goes on in a process: what is awake, what has to be asked
 * before it can be said to be asleep, and what is put off meanwhile.
 *
 * There is one for a loop, made by its first container; without it nothing here
 * does anything.  It is at rest when nothing is awake, nobody is unsure and
 * nothing was put off that could go on now.  Then whoever waits for that is told.
 *
 *	free	nobody steps it: things happen as they come
 *	running	it was stepped, and goes on until it is at rest
 *	parked	it was, and what comes now is put off until it runs again
 *
 * Serial, only one thing is awake at a time: all that happens is put off, and
 * goes on one by one, in its order, each when all else is at rest.
 *
 * That what a process has sent counts as its own until the receiver has taken it
 * over, and that the one who watches (here the clock) is the parent of all that
 * goes on, is the way of Dijkstra and Scholten (Termination detection for
 * diffusing computations, IPL 11(1), 1980).  That a message on a connection
 * which keeps its order says that those before it have come is that of Chandy
 * and Lamport (TOCS 3(1), 1985) and Misra (Detecting termination of distributed
 * computations using markers, PODC 1983).
 */
#ifndef AMAS__REST_H
#define AMAS__REST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amas.h"
#include "list.h"
#include "loop.h"

/* ---- Being awake ---- */

/*
 * Something that is awake or asleep.  Lies in its owner, who puts it to sleep
 * before its memory goes.
 *
 * name  what it is called in messages, of its owner.
 * what  what it does, a constant; NULL: it runs.
 */
struct amas__awake {
	struct amas__link link;		/* among those awake */
	struct amas_loop *loop;
	const char *name, *what;
	double since;
};

void amas__awake_init(struct amas__awake *a, struct amas_loop *l,
    const char *name);

/* Says which it is; harmless if it is that already. */
void amas__awake_set(struct amas__awake *a, bool awake);

/* ---- Being unsure ---- */

/* Children are asked first, and when they are asleep, links. */
enum amas__unsure_kind { AMAS__UNSURE_CHILD, AMAS__UNSURE_LINK, AMAS__UNSURES };

/*
 * Somebody who has to be asked whether he is asleep, once all else is at rest.
 * Lies in its owner.
 *
 * ask  from the loop; by the time it is known, amas__unsure_sure() is called,
 *      and until then all wait for it.
 */
struct amas__unsure {
	struct amas__link link;		/* unsure, or being asked */
	struct amas_loop *loop;
	enum amas__unsure_kind kind;
	bool asked;
	void (*ask)(struct amas__unsure *u);
	const char *name, *what;	/* as of struct amas__awake */
	double since;
};

void amas__unsure_init(struct amas__unsure *u, struct amas_loop *l,
    enum amas__unsure_kind kind, const char *name,
    void (*ask)(struct amas__unsure *u));

/* It has to be asked, again; it need not any more. */
void amas__unsure_set(struct amas__unsure *u);
void amas__unsure_sure(struct amas__unsure *u);

/* ---- Being put off ---- */

/* What happens later.  Lies in its owner, who frees it or drops it. */
struct amas__event {
	struct amas__link link;
	void (*fn)(struct amas__event *e);	/* from the loop */
};

/*
 * puts_off  whether what happens now is to be put off: serial, or parked.
 * parked    whether that is because it is parked.
 * put_off   puts it off; in the order of calls.
 * drop      forgets it; harmless on one that was not put off.
 */
bool amas__rest_puts_off(struct amas_loop *l);
bool amas__rest_parked(struct amas_loop *l);
void amas__rest_put_off(struct amas_loop *l, struct amas__event *e);
void amas__event_drop(struct amas__event *e);

/* ---- The whole ---- */

struct amas__rest;

/*
 * What its maker is told, from the loop.
 *
 * more  all is at rest, unless more can go on: has the next go on, a timer that
 *       is due, and says whether there was one.
 * rest  all is at rest.  activity: how many things went on since the last time.
 * kept  the first was put off since it is parked.
 */
struct amas__rest_ops {
	bool (*more)(void *arg);
	void (*rest)(void *arg, uint64_t activity);
	void (*kept)(void *arg);
};

/* Makes it, or gives the one there is.  NULL if memory is short. */
struct amas__rest *amas__rest_of(struct amas_loop *l);
void amas__rest_free(struct amas__rest *r);	/* with the loop */

/* ops NULL: nobody is told any more, and it is free. */
void amas__rest_set_ops(struct amas__rest *r, const struct amas__rest_ops *ops,
    void *arg);
void *amas__rest_arg(const struct amas__rest *r);
void amas__rest_set_serial(struct amas__rest *r);
/* Asks children also before the first step; links it does not. */
void amas__rest_set_asks(struct amas__rest *r);
bool amas__rest_is_serial(struct amas_loop *l);
/*
 * May be stepped, or goes on by itself: children are asked as they begin, too.
 * greets: whether one that begins now is.
 */
void amas__rest_set_greets(struct amas__rest *r);
bool amas__rest_greets(struct amas_loop *l);

/*
 * Whether things go on in an order that is kept: stepped, serial.  Then one who
 * waits for an answer of his own is told nothing else.
 */
bool amas__rest_ordered(struct amas_loop *l);

/* Whether it was ever stepped: then messages are acknowledged. */
bool amas__rest_stepped(struct amas_loop *l);

/* Runs until it is at rest; what was put off goes on. */
void amas__rest_run(struct amas__rest *r);
/* Parks; for rest(). */
void amas__rest_park(struct amas__rest *r);
/* It is free again. */
void amas__rest_release(struct amas__rest *r);
/* The loop ends in order: nothing is put off any more. */
void amas__rest_drain(struct amas__rest *r);

/* Somebody spoke who counts as asleep; how many did. */
void amas__rest_count_stray(struct amas_loop *l);
uint64_t amas__rest_strays(struct amas_loop *l);

/* Has it look whether it is at rest: something has changed. */
void amas__rest_look(struct amas_loop *l);

/* Runs fn for all that keep it from rest: a name, what it does, since when. */
void amas__rest_each(struct amas_loop *l, void (*fn)(const char *name,
    const char *what, double since, void *arg), void *arg);

#endif
