/* The list of functions that the peer has, -l. */
#ifndef CALL_LIST_H
#define CALL_LIST_H

#include <stdbool.h>

#include "amas.h"
#include "buf.h"
#include "call.h"

/*
 * Asks for it; as amas_proxy_call().
 *
 * hosted  the address is a URL that a server gave us, who has the list given.
 */
int call_list_ask(struct amas_channel *ch, bool hosted, amas_reply_fn *fn,
    void *arg);

/* Whether a failure says that there is no such function. */
bool call_list_is_missing(const struct amas_reply *rep);

/*
 * Appends those below the path of the address, a line each.  Returns 0,
 * AMAS_EPROTO (that is no list of paths) or AMAS_ENOMEM.
 */
int call_put_list(struct amas__buf *b, const struct call_opts *o, bool hosted,
    const struct amas_value *v, struct amas_error *err);

#endif
