/*
 * The connections of -B -, one for each address that a line names.  One without
 * a call stays for the next, as long as they are not too many.
 */
#ifndef CALL_URLS_H
#define CALL_URLS_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"
#include "call_agent.h"
#include "call_peer.h"
#include "list.h"

#define CALL_URLS_IDLE 64	/* connections that may stand without a call */

struct call_urls {
	struct call_peer *peer;
	struct amas__link list;
	size_t idle;		/* of them, those without a call */
	bool over;
};

struct call_url;

void call_urls_init(struct call_urls *all, struct call_peer *peer);

/* Closes all of them; calls end inside. */
void call_urls_fini(struct call_urls *all);

/* What a line's URL stands for. */
struct call_target {
	struct call_url *url;
	struct amas_channel *ch;
	char *path;		/* of the function on it */
	struct call_agent *agent;	/* whose function it is; NULL: of none */
	char *object;		/* the agent's URL */
};

/*
 * Finds or opens the connection for a function's URL, "ADDR/FUNCTION", where
 * ADDR is what amas-call takes.  It counts as one that has a call until
 * call_url_done().  Returns 0, AMAS_EINVAL (no such URL), AMAS_ECONNECT or
 * AMAS_ENOMEM; only after 0 there is something to be freed.
 */
int call_url_open(struct call_target *t, struct call_urls *all,
    const char *text, struct amas_error *err);
void call_target_free(struct call_target *t);

/*
 * The same where a host calls for us: cuts the URL of what it knows off the path
 * behind it, which is not copied.  Returns 0, AMAS_EINVAL (no such URL) or
 * AMAS_ENOMEM; *object is for free(3).
 */
int call_url_cut(char **object, const char **path, const char *text,
    struct amas_error *err);

/* Its call has ended; may close it. */
void call_url_done(struct call_url *u);

#endif
