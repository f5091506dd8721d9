/*
 * Lines of standard input over a connection, and what comes of them to standard
 * output: what -B, -L, --channel and --pipe have in common.  What a line means
 * is the business of whoever has the session, which gives a table.
 */
#ifndef CALL_SESSION_H
#define CALL_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amas.h"
#include "call.h"
#include "call_lines.h"
#include "call_peer.h"
#include "call_quiet.h"
#include "loop.h"

#define CALL_HELD_MAX ((size_t)8 << 20)	/* bytes of output not yet written */

struct call_session;

/*
 * line   takes a line, when there is a connection, and the agent was asked for
 *        (see missing).  Returns 0, or a code: err says what is wrong with the
 *        line; AMAS_ENOMEM ends the session.
 * room   whether another line could be taken.
 * full   whether none is before a call has its outcome.
 * busy   how many calls have no outcome yet.
 * ended  there are no more lines; runs once.  NULL: does not matter.
 * drop   the session ends: closes what it has open.  NULL: nothing is.
 * wrote  some output has been written.  NULL: does not matter.
 */
struct call_session_ops {
	int (*line)(struct call_session *s, const char *line, size_t len,
	    struct amas_error *err);
	bool (*room)(const struct call_session *s);
	bool (*full)(const struct call_session *s);
	size_t (*busy)(const struct call_session *s);
	void (*ended)(struct call_session *s);
	void (*drop)(struct call_session *s);
	void (*wrote)(struct call_session *s);
};

enum call_state {
	CALL_CONNECTING,
	CALL_ASKING,		/* whether the agent is there; a line waits */
	CALL_OPEN,
	CALL_CLOSING,		/* without answers: its end follows */
	CALL_LOST		/* connects again when there is a line */
};

/* Lies first in its owner, which sets what stands first; the rest is zero. */
struct call_session {
	const struct call_opts *o;
	const struct call_session_ops *ops;
	struct call_peer *peer;
	bool many;		/* each line says where to: no connection of the
				 * session's own */
	bool keeps;		/* wants the connection also without a line */
	bool blank;		/* a blank line is one, too */
	bool agent;		/* ADDR is an agent, which is asked for on each
				 * connection before its first line */

	struct amas_channel *ch;	/* NULL: none */
	enum call_state state;
	bool ask;		/* the agent has not been asked for yet */
	char *missing;		/* it is not there: what its calls fail with */
	double asked_by;	/* when an answer is given up, by call_now(); 0:
				 * none is due */
	struct call_input in;
	struct call_output out;
	struct call_quiet quiet;
	struct amas__timer deadline;
	struct amas__timer retry;	/* runs until the next attempt */
	struct amas__timer stay;
	double retry_s;
	struct amas_error lost;	/* why the last connection ended */
	const char *why;	/* no answer: what its failure says */
	bool failed, bad;	/* a call did; a line was */
	int deaf;		/* writing failed, as has been said: the status */
	bool ended;		/* no more lines, as all have been told */
	bool staying;		/* all is done, but --stay */
	bool over;		/* only output is still to be written */
	int status;		/* what it ended with, if not by itself */
};

/* Runs it until all is done and written.  Returns the status. */
int call_session_run(struct call_session *s);

/* Ends all but the writing of output.  status CMD_OK: in order. */
void call_session_end(struct call_session *s, int status);

/* Something may have changed: takes lines while there is room. */
void call_session_pump(struct call_session *s);

/* Says that line n is bad; the rest goes on. */
void call_session_bad(struct call_session *s, uint64_t n, const char *cause);

/*
 * Whether a call without answer was sent, so that nobody knows what has become
 * of it: then the connection is about to end, and text is what its failure
 * says.  Else the cause in rep is about the call alone.
 */
bool call_session_sent(struct call_session *s, const struct amas_reply *rep,
    const char **text);

#endif
