/*
 * Connections to containers: one for each address, for all who call from here.
 * The first call makes it, those that come meanwhile wait for the same attempt,
 * and after a loss the next call makes it anew.
 *
 * An agent is asked for by validate_aid before its first call on a connection.
 */
#ifndef AMAS__LINKS_H
#define AMAS__LINKS_H

#include "addr.h"
#include "amas.h"
#include "list.h"

struct amas__links;

/*
 * opts  of the connections: codec, types, limits, and the service that they
 *       offer, held.  copied.
 * self  an address at which connections lead back to the service itself: they
 *       are queues in memory then, no sockets; NULL: there is none.
 */
int amas__links_new(struct amas__links **out, struct amas_loop *l,
    const struct amas__addr *self, const struct amas_opts *opts,
    struct amas_error *err);

/* Closes all; their calls end with AMAS_ECANCELED, inside. */
void amas__links_free(struct amas__links *ls);

/*
 * Calls a function of the agent that a names: content is the whole request,
 * ["agents/ID/FUNCTION", args, kwargs]; NULL: the agent is only asked for.  It
 * is reported as by amas__channel_request(); an agent that is not there is a
 * failure, aiomas's ConnectionError.
 *
 * connect_s  keep trying to connect; 0: one attempt.  Who makes the attempt
 *            decides.
 *
 * Returns 0, AMAS_EINVAL (a names no agent, or cannot be dialled) or
 * AMAS_ENOMEM.
 */
int amas__links_call(struct amas__links *ls, const struct amas__addr *a,
    double connect_s, double timeout_s, amas_reply_fn *fn, void *arg,
    const struct amas_value *content, struct amas__link *owner,
    struct amas_error *err);

#endif
