/*
 * The other end of amas-call: a connection to ADDR, or to a process of --exec;
 * and what we serve to it (-x).
 */
#ifndef CALL_PEER_H
#define CALL_PEER_H

#include <ev.h>
#include <sys/types.h>

#include "amas.h"
#include "call.h"

#define CALL_SIGNALS 3
#define CALL_NO_DIAL "an address is not called from here without --dial: " \
	"AMAS_PARENT is set"

struct call_peer {
	const struct call_opts *o;
	struct amas_loop *loop;		/* of the program */
	struct amas_service *service;	/* of -x; NULL: none */
	pid_t child;			/* of --exec; 0: none */
	struct ev_loop *ev;		/* NULL: the loop has one of its own */
	ev_signal signals[CALL_SIGNALS];	/* with ev: that end us */
	int sig;			/* the one that came; 0: none */
	const char *parent;		/* AMAS_PARENT, if that is what was
					 * opened last; else NULL */
	amas_request_fn *on_request;	/* answers on a plain channel */
};

/*
 * Makes the loop and loads what -x names.  Returns CMD_OK or a status (has been
 * said); fini is called after both.
 */
int call_peer_init(struct call_peer *p, const struct call_opts *o);

/* Closes all, and waits, not for long, until the process has ended. */
void call_peer_fini(struct call_peer *p);

/*
 * Settings of the connection as the options say, with what is served; the rest
 * is zero.
 */
void call_peer_opts(struct amas_opts *out, const struct call_peer *p);

/*
 * Opens a connection to addr, or to a new process of --exec; as
 * amas_channel_open().  Nothing else in amas-call opens one.
 */
int call_peer_open(struct amas_channel **out, struct call_peer *p,
    const char *addr, const struct amas_opts *opts, struct amas_error *err);

/*
 * Runs the loop until nothing is left to wait for.  Where there are processes
 * to be ended before us, SIGHUP, SIGINT and SIGTERM stop it: returns 128 and
 * the number of the signal, else CMD_OK.
 */
int call_peer_run(struct call_peer *p);

/*
 * Says why the connection ended, or could not be made, and returns the status.
 * How a process of --exec ended says more than that its pipe is closed, and a
 * host that is not there is not ADDR.
 */
int call_peer_fail(struct call_peer *p, const struct amas_error *err);

/* Whether a text is the URL of an agent, or of what a host calls for us. */
bool call_addr_is_agent(const char *addr);

/* Whether ADDR is that of an agent in a container that we dial ourselves. */
bool call_peer_is_agent(const struct call_peer *p);

#endif
