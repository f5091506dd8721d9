/*
 * Connections to containers: one to each, made by the first call and shared by
 * all who call from here; after its end the next call makes it anew, later and
 * later if that fails.  An agent is asked for before it is called first, as
 * Container.connect() of aiomas does.
 */
#ifndef AMAS__LINKS_H
#define AMAS__LINKS_H

#include <stddef.h>

#include "addr.h"
#include "amas.h"
#include "list.h"
#include "loop.h"
#include "map.h"

#define AMAS__LINKS_MAX 10000	/* addresses whose failures are remembered */
#define AMAS__KNOWN_MAX 10000	/* agents of one container that are */

/* Lies in its owner.  Set up by _init(); to be set: opts, before a call. */
struct amas__links {
	struct amas_loop *loop;
	/*
	 * codec, types, max_message, tls, allow (and its arg), service: of the
	 * connections; referenced but service, which is held.  connect_timeout_s: of calls that name
	 * none.
	 */
	struct amas_opts opts;
	const char *self;	/* our address, in their place; or NULL */
	struct amas__map by_addr;
	struct amas__link replaced;	/* by another there: they end */
};

void amas__links_init(struct amas__links *ls, struct amas_loop *l);

/* What is offered on them, held; NULL: nothing any more. */
void amas__links_offer(struct amas__links *ls, struct amas_service *svc);

/* They are stepped for the first time: amas__channel_stepped() for each. */
void amas__links_stepped(struct amas__links *ls);

/* How many calls on them have no answer yet, but for those in this process. */
size_t amas__links_abroad(const struct amas__links *ls);

/* Closes them: what is pending ends with AMAS_ECANCELED, inside. */
void amas__links_fini(struct amas__links *ls);

/*
 * Calls a function of an agent, as amas__channel_request() does.  That there is
 * no such agent is a failure with aiomas's text.
 *
 * url        of an agent.
 * function   NULL: only asks whether it is there; the result is its class.
 * args       a list, kwargs: a map; NULL: empty.
 * connect_s  keep trying to connect; negative: as opts has it.
 *
 * Returns 0, AMAS_EINVAL (no agent's URL), AMAS_ECONNECT (no socket can have
 * that path) or AMAS_ENOMEM.
 */
int amas__links_call(struct amas__links *ls, const char *url,
    const char *function, const struct amas_value *args,
    const struct amas_value *kwargs, double connect_s, double timeout_s,
    amas_reply_fn *fn, void *arg, struct amas__link *owner,
    struct amas_error *err);

/*
 * Reads the URL of an agent; a is to be given back by amas__addr_fini() if that
 * went well.  Returns 0, AMAS_EINVAL, AMAS_ECONNECT or AMAS_ENOMEM.
 */
int amas__links_parse(struct amas__addr *a, const char *url,
    struct amas_error *err);

#endif
