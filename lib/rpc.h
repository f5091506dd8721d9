/*
 * Remote calls on channels: what requests mean to a service, and proxies.
 */
#ifndef AMAS__RPC_H
#define AMAS__RPC_H

#include "amas.h"
#include "buf.h"
#include "channel.h"
#include "value.h"

/*
 * Makes what is sent for a call: [path, args, kwargs], where path is object and
 * function with a slash between them, if both are there.  args is a list, kwargs
 * a map; NULL: empty.  Returns 0 or AMAS_ENOMEM.
 */
int amas__rpc_content(struct amas__area *a, struct amas_value *out,
    const char *object, const char *function, const struct amas_value *args,
    const struct amas_value *kwargs);

/* Has a request answered by a service, NULL: by nobody; see channel.h. */
void amas__rpc_request(struct amas_channel *ch, struct amas_service *svc,
    struct amas_request *req);

/* The path of a service of ours below the root of the connection, or NULL. */
int amas__rpc_path(struct amas_channel *ch, struct amas_service *root,
    struct amas__held *own, struct amas__buf *path, struct amas_error *err);

/*
 * The same for a proxy that is a path: one that this program named, of what is
 * below the root; what a peer sent cannot be sent on.
 */
int amas__rpc_foreign(struct amas_service *root, const struct amas_value *proxy,
    struct amas__buf *path, struct amas_error *err);

/* A proxy of the peer that lives as long as the area. */
struct amas_proxy *amas__rpc_proxy(struct amas_channel *ch,
    struct amas__area *area, const char *path, size_t len);

/*
 * amas_channel_open() on two descriptors, which it takes, on failure too: a
 * child's pipes.  peer is what the other end is called.
 */
int amas__rpc_open_pair(struct amas_channel **out, struct amas_loop *l, int in,
    int out_fd, const char *peer, const struct amas_opts *opts,
    struct amas_error *err);

/*
 * amas_channel_open() of the object that a URL stands for, by way of a host
 * (host.h): parent is what it gave us as AMAS_PARENT, whose codec it speaks.
 * Calls of the root go to that object; proxies in results are URLs for the
 * host.
 */
int amas__rpc_open_via(struct amas_channel **out, struct amas_loop *l,
    const char *parent, const char *url, const struct amas_opts *opts,
    struct amas_error *err);

/*
 * A proxy of the agent at a URL, of a C program: it ends with its owner, a list,
 * if it is not freed before.  connect_s: keep trying.  Returns 0, AMAS_EINVAL or
 * AMAS_ENOMEM.
 */
struct amas__links;
int amas__rpc_agent(struct amas_proxy **out, struct amas__links *ls,
    const char *url, double connect_s, struct amas__link *owner,
    struct amas_error *err);
/* Ends all calls of those with this owner, and they make none; frees these. */
void amas__rpc_end_owned(struct amas__link *owner);
void amas__rpc_free_owned(struct amas__link *owner);

/*
 * Asks whether an agent is there, of the root of the peer; reported as by
 * amas_proxy_call(): its class, or null.
 */
int amas__rpc_validate(struct amas_channel *ch, const char *id,
    amas_reply_fn *fn, void *arg);

/*
 * Calls a function of the root of the peer; fmt as in amas_proxy_call(), NULL: no
 * arguments.
 */
int amas__rpc_call(struct amas_channel *ch, const char *function,
    amas_reply_fn *fn, void *arg, const char *fmt, ...);

/* Frees what amas_channel_remote() made. */
void amas__rpc_forget(struct amas_channel *ch);

#endif
