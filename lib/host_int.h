/*
 * The inside of the host: host.c, host_calls.c (functions), host_quiet.c (who is
 * asleep), host_tree.c (what they started), host_peers.c.
 */
#ifndef AMAS__HOST_INT_H
#define AMAS__HOST_INT_H

#include "channel.h"
#include "host.h"
#include "links.h"
#include "listener.h"
#include "loop.h"
#include "map.h"

struct amas__host {
	struct amas_loop *loop;
	struct amas__open open;
	char *dir;			/* its folder */
	uint64_t last_state;		/* number of a folder in it */
	char *base;			/* "ipc:///tmp/amas-XXXXXX/h//" */
	size_t base_len;
	struct amas__listener *listener;
	struct amas__map guests;	/* by token */
	struct amas__link strangers;	/* visitors without a token */
	/* host_quiet.c */
	struct amas__link stirred;	/* guests to be looked at */
	struct amas__task look;
	uint64_t happened;		/* who came, asked, went: host_tree.c */
	/* host_peers.c */
	struct amas__map peers;		/* by number */
	uint64_t last_peer;
	/* host_calls.c */
	struct amas__links links;	/* of those who have no home */
	struct amas_service *service;	/* to be listed; NULL: none */
	struct amas__link rooms;	/* requests in amas/wait */
};

/*
 * A request that cannot be answered at once: its visitor waits.  Beside what is
 * asked of a peer, a timer or a name can have it answered.
 */
struct amas__wait {
	struct amas__link link;		/* of its guest: waits, or held */
	struct amas__guest *guest;
	struct amas__visitor *visitor;
	struct amas_request *req;
	struct amas__link calls;	/* what it asked of a peer */
	struct amas_timer timer;	/* when it sleeps */
	struct amas__link room;		/* among those in amas/wait */
	struct amas_value *name;	/* what it waits for there */
	/* The answer, when it is held. */
	struct amas_value *value;
	char *failure;
	bool dropped;
	bool lent;		/* req is that of its home */
};

/* Begins one; NULL: memory is short, which it has answered. */
struct amas__wait *amas__host_wait(struct amas__visitor *v,
    struct amas_request *req);

/* The answer has come: the guest gets it when it has a place. */
void amas__host_answer(struct amas__wait *w, const struct amas_value *value,
    const char *failure);

/* host_time.c: amas/time, amas/utcnow, amas/sleep, amas/sleep_until */
void amas__host_time(struct amas__visitor *v, struct amas_request *req);
void amas__host_utcnow(struct amas__visitor *v, struct amas_request *req);
void amas__host_sleep(struct amas__visitor *v, struct amas_request *req);
void amas__host_sleep_until(struct amas__visitor *v, struct amas_request *req);

/*
 * The host of a loop, made if need be.  made: it may have no socket yet; NULL
 * if memory is short.  get: it listens; NULL: there is none (*err).
 */
struct amas__host *amas__host_made(struct amas_loop *l);
struct amas__host *amas__host_get(struct amas_loop *l, struct amas_error *err);

/* Has a request answered, whose path is no more than that of the function. */
void amas__host_serve(struct amas__visitor *v, struct amas_request *req);

/* ---- host_quiet.c ---- */

void amas__host_quiet_init(struct amas__host *h);

/*
 * Something happened to one of its visitors: it came or left, asks, begins to
 * wait or has its answer.  update: has its job wake or sleep, too; not while it
 * is in between, as one that leaves is.
 */
void amas__host_stir(struct amas__guest *g);
void amas__host_update(struct amas__guest *g);

/* Whether it is asleep, for what wants to know more than once. */
bool amas__host_asleep(const struct amas__guest *g);

/* amas/batch [true]: it reads lines; [false]: not any more. */
void amas__host_batch(struct amas__visitor *v, struct amas_request *req);

/* It leaves. */
void amas__host_quiet_leave(struct amas__visitor *v);

/* ---- host_tree.c ---- */

void amas__host_tree_init(struct amas__guest *g);

/* It waits, with all its visitors: then what it started has to be looked at. */
void amas__host_tree_update(struct amas__guest *g, bool waits);

/* Its process is no more. */
void amas__host_tree_close(struct amas__guest *g);

/* ---- host_calls.c ---- */

/* Ends a guest's open requests, or those of one visitor (NULL: all). */
void amas__host_drop_waits(struct amas__guest *g, struct amas__visitor *v);

/* ---- host_peers.c ---- */

void amas__host_peers_free(struct amas__host *h);

/* What a URL of ours stands for. */
struct amas__target {
	struct amas_channel *ch;	/* borrowed */
	char *path;			/* of the object; for free(3) */
};

/* Whether it is a URL that we made: of a peer, or of a proxy. */
bool amas__host_is_own(const struct amas__host *h, const char *url);

/*
 * Finds what such a URL stands for.  Returns 0, AMAS_ECLOSED (the peer is gone)
 * or AMAS_ENOMEM.
 */
int amas__host_resolve(struct amas__host *h, const char *url,
    struct amas__target *t, struct amas_error *err);

/* Adds {"url", "addr"} of each peer that is connected.  Returns 0 or a code. */
int amas__host_list_peers(struct amas__host *h, struct amas_value *list);

#endif
