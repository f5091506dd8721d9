/*
 * What a session tells the host of the program that it runs in, if it speaks to
 * that: its lines come from somebody whom the host does not see, so it must not
 * take the program for asleep while one may be on its way.
 *
 * The host is told that there are lines (amas/batch), and asks (amas/sync) when
 * it wants to know whether they pause.  The answer waits until they do.
 */
#ifndef CALL_QUIET_H
#define CALL_QUIET_H

#include "amas.h"
#include "call_peer.h"

/* Lies in its owner. */
struct call_quiet {
	char *path;		/* of amas/batch; NULL: we speak to no host */
	struct amas_channel *ch;	/* on which it was told; NULL: not yet */
	struct amas_request *sync;	/* that waits for its answer */
	void (*asked)(struct call_quiet *q);
};

/*
 * Before there is a connection; asked runs when the host wants to know.  Returns
 * CMD_OK or a status (has been said).
 */
int call_quiet_init(struct call_quiet *q, struct call_peer *p,
    void (*asked)(struct call_quiet *q));
void call_quiet_fini(struct call_quiet *q);

/* A connection stands, before its first line. */
void call_quiet_begin(struct call_quiet *q, struct amas_channel *ch);

/* No line follows: it waits like any other from now on. */
void call_quiet_end(struct call_quiet *q);

/* The connection is gone, or goes. */
void call_quiet_drop(struct call_quiet *q);

/*
 * All is sent that was read, and nothing more is there (NULL); or none is taken
 * before a call has its outcome ("full").  Answers, if it was asked.
 */
void call_quiet_answer(struct call_quiet *q, const char *how);

#endif
