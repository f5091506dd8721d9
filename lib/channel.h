/*
 * A channel: one connection, either end of it; requests in flight both ways,
 * over any stream, codec and framing.  Private part; see amas.h.
 */
#ifndef AMAS__CHANNEL_H
#define AMAS__CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "addr.h"
#include "amas.h"
#include "stream.h"

/*
 * Sends a request with this content and reports how it ended; else as
 * amas_channel_send().  Returns 0, AMAS_EINVAL or AMAS_ENOMEM.
 * owner  NULL, or a link head of whoever may cancel its calls together.
 */
int amas__channel_request(struct amas_channel *ch, double timeout_s,
    amas_reply_fn *fn, void *arg, const struct amas_value *content,
    struct amas__link *owner);

/* Ends all calls of an owner with AMAS_ECANCELED, inside. */
void amas__channel_cancel(struct amas_channel *ch, struct amas__link *owner);

/*
 * Makes the channel of a connection that a server accepted.  Takes the stream.
 */
struct amas_server;
int amas__channel_accept(struct amas_channel **out, struct amas_loop *l,
    struct amas__stream *s, const struct amas_opts *opts,
    struct amas_server *server, struct amas_error *err);

/*
 * What it is doing, for messages about deadlines: "resolving", "connecting",
 * "waiting for the answer".
 */
const char *amas__channel_phase(const struct amas_channel *ch);

/* Calls that wait for their answer; requests of the peer that do. */
size_t amas__channel_pending(const struct amas_channel *ch);
size_t amas__channel_open_requests(const struct amas_channel *ch);

struct amas_loop *amas__channel_loop(const struct amas_channel *ch);
struct amas_service *amas__channel_service(const struct amas_channel *ch);

/* References hold the memory alone; the channel may have ended. */
struct amas_channel *amas__channel_ref(struct amas_channel *ch);
void amas__channel_unref(struct amas_channel *ch);

#endif
