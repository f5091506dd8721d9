/*
 * The host: what programs that a loop started may ask of it, over a socket of
 * their own (AMAS_PARENT) or on a worker's lines; and how they reach those who
 * call.
 *
 * The socket lies in a new folder that nobody else may enter.  Each process has
 * a token of its own, which ends with it, and without which nothing is served.
 * There is one host for a loop, made when the first process starts.
 *
 *	ipc:///tmp/amas-XXXXXX/h//TOKEN		AMAS_PARENT
 *	ipc:///tmp/amas-XXXXXX/h//CONN		a peer: its root service
 *	ipc:///tmp/amas-XXXXXX/h//CONN.N	a proxy that it sent
 */
#ifndef AMAS__HOST_H
#define AMAS__HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amas.h"
#include "buf.h"
#include "environ.h"
#include "jobs.h"
#include "list.h"
#include "rest.h"

#define AMAS__TOKEN 32		/* hexadecimal digits */
#define AMAS__PROXIES_MAX 10000	/* of one peer that children were told of */

struct amas__guest;

/*
 * One that speaks for a guest: a connection to the socket, or a worker's lines.
 * It waits while a request of its own is open that the host cannot answer at
 * once.
 */
struct amas__visitor {
	struct amas__link link;
	struct amas__guest *guest;	/* NULL: has shown no token yet */
	struct amas_channel *ch;	/* NULL: a worker's lines */
	struct amas__host *host;
	size_t waits;
	/* host_quiet.c, of one that speaks when it likes (amas/batch) */
	bool streams;
	bool syncing;			/* it was asked, and has not answered */
	bool stale;			/* something happened since it was */
	bool full;			/* what it said then */
};

/*
 * A process that the host knows.  Lies in its owner.
 *
 * A guest that waits gives its place back: it sleeps while each of its visitors
 * waits, and its answers come when it has a place again.
 */
struct amas__guest {
	struct amas_loop *loop;
	struct amas__host *host;	/* NULL: not known, or no host */
	struct amas__job *job;		/* its place; NULL: it holds none */
	const char *name;		/* for the log; referenced */
	const char *state;		/* AMAS_STATE; NULL: the host's own */
	struct amas__home *home;	/* whom it works for; NULL: a service */
	/* Whom it asks what is no function of the host, held; NULL: nobody. */
	struct amas_channel *asked;
	/*
	 * Tells who made the open request id (-1: none was named), or NULL;
	 * NULL: it has none.
	 */
	struct amas_channel *(*peer)(struct amas__guest *g, int64_t id);
	char token[AMAS__TOKEN + 1];
	struct amas__link visitors;
	size_t n_visitors, n_waiting;
	size_t n_minded;		/* that stream, or were asked */
	struct amas__link stirred;	/* some of these may have to be asked */
	struct amas__link waits;	/* its requests that are not answered */
	struct amas__link held;		/* of them those that wait for a place */
	struct amas__visitor own;	/* a worker's lines */
	bool lines;			/* it has them */
	/* host_tree.c; the process is its owner's, from start to close. */
	const struct amas__proc *proc;	/* NULL: not running, or a worker */
	struct amas__unsure unsure;	/* while what it started may run */
	struct amas__timer again;
	unsigned tries, turns;
	bool quiet;			/* when it was looked at last */
	uint64_t seen, who;		/* of what happened; its processes */
	/* Without a place of its own: whether it is awake. */
	struct amas__awake awake;
	bool lives;
	bool said;		/* that it speaks twice at a time */
};

/* Sets it up, unknown to any host; job and name are referenced. */
void amas__guest_init(struct amas__guest *g, struct amas_loop *l,
    struct amas__job *job, const char *name);

/*
 * Makes it known, for a process that is about to start; lines: it will ask on
 * its standard output, too.
 *
 * Returns 0, AMAS_ESYS or AMAS_ENOMEM: there is no host.  Then it must not start:
 * without AMAS_PARENT nothing would keep it from calling whom a caller names.
 */
int amas__guest_open(struct amas__guest *g, bool lines,
    struct amas_error *err);

/*
 * Adds AMAS_PARENT and AMAS_STATE, whose folder it makes, and of an agent
 * AMAS_SELF and AMAS_INDEX; for one that is open.  Returns 0, AMAS_ESYS (the
 * folder cannot be made) or AMAS_ENOMEM.
 */
int amas__guest_environ(const struct amas__guest *g, struct amas__texts *t,
    struct amas_error *err);

/*
 * Its process has been started: the guest sleeps only while all that this started
 * does, too, as far as the system tells.  Not for a worker, which is asked.
 */
void amas__guest_proc(struct amas__guest *g, const struct amas__proc *p);

/*
 * For one without a job: its process lives, or not any more; it tells whether it
 * is awake.
 */
void amas__guest_lives(struct amas__guest *g, bool lives);

/* What a trace tells of it: the agent's URL, or its name. */
struct amas__traced;
void amas__guest_traced(const struct amas__guest *g, struct amas__traced *t);

/* Its job has its place back (jobs.h, back). */
void amas__guest_back(struct amas__guest *g);

/*
 * Its process has ended: its token is worth nothing, its connections are closed,
 * its requests come to nothing.  It may be opened again.
 */
void amas__guest_close(struct amas__guest *g);

/*
 * A path for a folder that is not there yet, for whoever makes it; it goes with
 * the host's.  For free(3); NULL: no host (*err).
 */
char *amas__host_new_state(struct amas_loop *l, struct amas_error *err);

/* Answers a request of a worker, on its lines. */
void amas__guest_request(struct amas__guest *g, struct amas_request *req);

/*
 * Things go on in an order from now on (rest.h): it matters who is asleep that
 * reads lines.
 */
void amas__host_ordered(struct amas_loop *l);

/* Who waits for an answer now, to a call or a name: one of them, or NULL. */
const char *amas__host_waiting(struct amas_loop *l);

/* ---- Peers (host_peers.c) ---- */

/*
 * Write the URL by which children call a peer, or a proxy that one sent.
 * Return 0, AMAS_ETYPE (it came from no connection; too many; no host) or
 * AMAS_ENOMEM.
 */
int amas__host_peer_url(struct amas_loop *l, struct amas_channel *ch,
    struct amas__buf *url, struct amas_error *err);
int amas__host_proxy_url(struct amas_loop *l, const struct amas_value *proxy,
    struct amas__buf *url, struct amas_error *err);

/*
 * Settings of the connections that the host makes to agents for those who have
 * no home: codec, types and tls (referenced), max_message, connect_timeout_s.
 */
void amas__host_set_dial(struct amas_loop *l, const struct amas_opts *opts);

/* What amas/list tells of; held. */
void amas__host_set_service(struct amas_loop *l, struct amas_service *svc);

#endif
