/*
 * A channel: one connection, either end of it; requests in flight both ways,
 * over any stream, codec and framing.  What a request means is the business of
 * the layer above, which gives a table.
 */
#ifndef AMAS__CHANNEL_H
#define AMAS__CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "addr.h"
#include "amas.h"
#include "buf.h"
#include "list.h"
#include "loop.h"
#include "stream.h"
#include "value.h"

struct amas__msg;

/* What a trace tells of a message: who the ends are, how much of its path. */
struct amas__traced {
	const char *peer, *local;	/* local NULL: this program */
	size_t skip;			/* bytes of a request's path left out */
};

/*
 * What the layer above does.
 *
 * request  has it answered, or kept; the channel answers null for one that is
 *          neither when this returns.
 * path     the path of an object of ours on this connection, as struct
 *          amas_out has it; NULL: none can be sent.
 * foreign  the same for a proxy that came from elsewhere.
 * proxy    makes an object for a path of the peer, which lives as long as the
 *          area; NULL if memory is short.
 * ended    the connection is over, after on_close.
 * closed   the program has closed it: the last word before its memory goes.
 *
 * For a peer that is a child, so that what it does wrong hurts nobody:
 *
 * odd      what came is no message, or a reply to nothing: skipped; data is how
 *          it begins.  NULL: the first ends the connection, as many of the
 *          second do.
 * broken   it reads no more; what it wrote is still read.  NULL: that ends the
 *          connection.
 * room     some output was written.  NULL: not wanted.
 * any_types  any name of a type passes; without an id it goes by its name.
 * inner    a loop that ends in order serves it on.
 * traced   changes what a trace tells.  NULL: the addresses, all of the path.
 */
struct amas__channel_ops {
	void (*request)(struct amas_channel *ch, struct amas_request *req,
	    void *arg);
	int (*path)(struct amas_channel *ch, void *arg,
	    struct amas__held *own, struct amas__buf *path,
	    struct amas_error *err);
	int (*foreign)(void *arg, const struct amas_value *proxy,
	    struct amas__buf *path, struct amas_error *err);
	struct amas_proxy *(*proxy)(struct amas_channel *ch,
	    struct amas__area *area, const char *path, size_t len);
	void (*ended)(struct amas_channel *ch, void *arg);
	void (*closed)(struct amas_channel *ch);
	void (*odd)(struct amas_channel *ch, const char *data, size_t len,
	    const struct amas_error *why, void *arg);
	void (*broken)(struct amas_channel *ch, void *arg);
	void (*room)(struct amas_channel *ch, void *arg);
	bool any_types;
	bool inner;
	void (*traced)(struct amas_channel *ch, void *arg,
	    const struct amas__msg *m, struct amas__traced *t);
};

/* A channel that connects to addr.  Yours until amas_channel_close(). */
int amas__channel_dial(struct amas_channel **out, struct amas_loop *l,
    const struct amas__addr *addr, const struct amas_opts *opts,
    const struct amas__channel_ops *ops, void *arg, struct amas_error *err);

/*
 * The channel of an accepted stream, which it takes, on failure too.  It
 * belongs to whoever is called by ended.
 */
int amas__channel_accept(struct amas_channel **out, struct amas_loop *l,
    struct amas__stream *s, const struct amas_opts *opts,
    const struct amas__channel_ops *ops, void *arg, struct amas_error *err);

/*
 * A channel on two descriptors, pipes or files, or one that is both (stdio,
 * fd:N, a worker's pipes); it takes them, on failure too.  peer is what it is
 * called.  held: it is yours until amas_channel_close(), else it belongs to
 * whoever is called by ended.  It starts by itself, from the loop.
 */
int amas__channel_pair(struct amas_channel **out, struct amas_loop *l, int in,
    int out_fd, const char *peer, bool held, const struct amas_opts *opts,
    const struct amas__channel_ops *ops, void *arg, struct amas_error *err);

/* Runs on_open and starts to read; on_open may close the channel. */
void amas__channel_start(struct amas_channel *ch);

/*
 * Reads nothing while it is on hold, so that on_open can find out at leisure
 * whether the peer is welcome.  Its end is not seen either until then.
 */
void amas__channel_hold(struct amas_channel *ch, bool hold);

/*
 * Sends a request with this content and reports how it ended; else as
 * amas_channel_send().  Returns 0 or AMAS_ENOMEM.
 * content  NULL: sends nothing, reports when it is connected.
 * owner  NULL, or a list of whoever may cancel its calls together.
 */
int amas__channel_request(struct amas_channel *ch, double timeout_s,
    amas_reply_fn *fn, void *arg, const struct amas_value *content,
    struct amas__link *owner);

/*
 * Sends a child an amas/sync, whose answer is no end of anything; one at a time.
 * Returns 0, AMAS_ENOMEM or AMAS_EEXIST.
 */
int amas__channel_sync(struct amas_channel *ch, amas_reply_fn *fn, void *arg);

/*
 * As amas__channel_request(), but nothing is sent yet: the call waits in a list,
 * with its deadline and its owner, and content is kept.  It is then sent, or
 * reported as rep; all of the list, in order.  Its owner empties the list before
 * the channel is over.
 */
int amas__channel_hold_request(struct amas_channel *ch, double timeout_s,
    amas_reply_fn *fn, void *arg, const struct amas_value *content,
    struct amas__link *owner, struct amas__link *held);
void amas__channel_send_held(struct amas__link *held);
void amas__channel_report_held(struct amas__link *held,
    const struct amas_reply *rep);

/*
 * Names our end of a connection that is not made yet, for traces, and for the
 * other end if that is in this process.  Returns 0 or AMAS_ENOMEM.
 */
int amas__channel_set_self(struct amas_channel *ch, const char *self);

/*
 * For one that is not connected yet: keep trying for at least so many seconds
 * from now; wait so many before the first attempt.
 */
void amas__channel_keep_trying(struct amas_channel *ch, double retry_s);
void amas__channel_put_off(struct amas_channel *ch, double pause_s);

/* The arg of our open request of that id; NULL: there is none. */
void *amas__channel_call_arg(const struct amas_channel *ch, int64_t id);

/* Ends all calls of an owner with AMAS_ECANCELED, inside. */
void amas__channel_cancel(struct amas__link *owner);

/*
 * What it is doing, for messages about deadlines: "resolving", "connecting",
 * "waiting for the answer".
 */
const char *amas__channel_phase(const struct amas_channel *ch);

/* Whether it is over, and why: NULL while it is not. */
const struct amas_error *amas__channel_ended(const struct amas_channel *ch);

/* Whether a call can be answered: not by a peer that sends no more, though it
 * may still wait for our answers. */
bool amas__channel_answers(const struct amas_channel *ch);

/* Calls that wait for their answer; requests of the peer that do. */
size_t amas__channel_pending(const struct amas_channel *ch);
size_t amas__channel_open_requests(const struct amas_channel *ch);

/* Calls of other containers elsewhere that wait for their answer; with the last
 * of them rest.h is told to look. */
size_t amas__channel_abroad(const struct amas_channel *ch);

/* Bytes of output that wait to be written. */
size_t amas__channel_queued(const struct amas_channel *ch);

struct amas_loop *amas__channel_loop(const struct amas_channel *ch);

/* The program's handler of a plain channel, NULL: none, and its argument. */
amas_request_fn *amas__channel_on_request(const struct amas_channel *ch,
    void **arg);

/* A slot for the proxy that stands for the peer's root; rpc.c fills it. */
struct amas_proxy **amas__channel_remote_slot(struct amas_channel *ch);

/* Whether anything has come from the peer. */
bool amas__channel_heard(const struct amas_channel *ch);

/*
 * Lets types without an id go by their names, as any_types does: for a channel
 * to a host, before anything is sent.
 */
void amas__channel_any_types(struct amas_channel *ch);

/* amas__stream_set_hard() for its stream, now or as soon as it is there. */
void amas__channel_set_hard(struct amas_channel *ch);

/*
 * What is put off on a channel (rest.h), when that is done: nothing; on a link,
 * between containers, all that comes, but for what wakes nobody; of a child what
 * comes while all is parked: it speaks when nobody thinks that it is awake.
 *
 * A link also sees to it that what was sent is acknowledged, once it was ever
 * stepped: by its reply, or by that to an amas/sync that was sent after it; or it
 * stands before an answer to one, for which the other end waits.  The end that
 * connected sends one first, which tells the other that it will answer
 * those, too.
 *
 * Before anything is sent or read.  be_link returns 0 or AMAS_ENOMEM.
 */
int amas__channel_be_link(struct amas_channel *ch);
void amas__channel_be_child(struct amas_channel *ch);

/* The peer of a link is the clock: what that answers is never put off. */
void amas__channel_set_clock(struct amas_channel *ch, bool clock);

/* It was stepped for the first time: an end that connected sends its sync. */
void amas__channel_stepped(struct amas_channel *ch);

/* Whether the peer may call a path, as the settings say. */
bool amas__channel_allows(struct amas_channel *ch, const char *path);

/* Who counts as one peer for max_per_peer, a host or a user; "" without it. */
const char *amas__channel_peer_host(const struct amas_channel *ch);

/* Links that a server may use while it owns the channel. */
struct amas__link *amas__channel_link(struct amas_channel *ch);
struct amas_channel *amas__channel_of(struct amas__link *link);

/*
 * Runs fn when the connection ends, before on_close; at once if it has ended.
 * Lies in its owner, who takes it away by amas__list_remove(&e->link).
 */
struct amas__ending {
	struct amas__link link;
	void (*fn)(struct amas__ending *e);
};
void amas__channel_on_end(struct amas_channel *ch, struct amas__ending *e);

/*
 * Runs fn, once, when the peer sends no more but requests of it are open, whose
 * answers it may still read: for one that does not.  One for a channel.
 */
void amas__channel_on_input_end(struct amas_channel *ch,
    struct amas__ending *e);

/*
 * Whether so many replies wait for the peer that no more should be made; then
 * fn runs once from the loop when there is room again.  Lies in its owner, who
 * takes it away by amas__list_remove(&r->link).
 */
struct amas__room {
	struct amas__link link;
	void (*fn)(struct amas__room *r);
};
bool amas__channel_full(const struct amas_channel *ch);
void amas__channel_on_room(struct amas_channel *ch, struct amas__room *r);

/* A slot for what children are told of this peer; host_peers.c fills it. */
struct amas__peer **amas__channel_peer_slot(struct amas_channel *ch);

/*
 * What children may ask of a peer: functions, whose names end with NULL, and how
 * long it has to answer.  For one that answers nothing else, or not at all.
 * check  looks at the arguments of one; returns 0, or a code and the text of its
 *        failure.  NULL: all will do.
 * Referenced while the channel lasts; NULL, the default: all, without end.
 */
struct amas__asks {
	const char *const *names;
	double timeout_s;
	int (*check)(const char *function, const struct amas_value *v,
	    struct amas_error *err);
};
void amas__channel_set_asks(struct amas_channel *ch,
    const struct amas__asks *asks);
const struct amas__asks *amas__channel_asks(const struct amas_channel *ch);

/*
 * Runs fn for each connection to a peer that was accepted and stands: not for
 * those to children, nor those that this program made.
 */
void amas__channel_each(struct amas_loop *l,
    void (*fn)(struct amas_channel *ch, void *arg), void *arg);

/*
 * A slot for what is offered on this connection alone, held; NULL: nothing is.
 * Whoever fills it sees to its end.
 */
struct amas_service **amas__channel_service_slot(struct amas_channel *ch);

/* Who sent a proxy; NULL: it came from no connection. */
struct amas_channel *amas__channel_sender(const struct amas_value *proxy);

/* References hold the memory alone; the channel may have ended. */
struct amas_channel *amas__channel_ref(struct amas_channel *ch);
void amas__channel_unref(struct amas_channel *ch);

#endif
