/*
 * Listening: binding, accepting, turning away; and who listens inside of this
 * process, where no socket is needed.
 */
#ifndef AMAS__LISTENER_H
#define AMAS__LISTENER_H

#include "addr.h"
#include "amas.h"
#include "loop.h"
#include "stream.h"
#include "tls_setup.h"

struct amas__listener;

/* Gives an accepted connection, the callee's from then on. */
typedef void amas__accept_fn(struct amas__stream *s, void *arg);

/*
 * Listens.  A unix socket is made with mode before it can be seen (0: 0600); a
 * dead one is replaced.  At "local://name" it listens inside of this process
 * alone.  Returns 0, AMAS_ECONNECT, AMAS_EEXIST (served already; another kind of
 * file) or AMAS_ENOMEM.
 */
int amas__listener_new(struct amas__listener **out, struct amas_loop *l,
    const struct amas__addr *addr, unsigned mode, amas__accept_fn *fn,
    void *arg, struct amas_error *err);

/*
 * Listens on a socket that does so already, which it takes, on failure too; it
 * is called by the address that it is bound to.  Returns 0, AMAS_ECONNECT or
 * AMAS_ENOMEM.  is_one: whether a descriptor is such a socket.
 */
int amas__listener_new_fd(struct amas__listener **out, struct amas_loop *l,
    int fd, amas__accept_fn *fn, void *arg, struct amas_error *err);
bool amas__listener_is_one(int fd);

/*
 * Has TLS spoken on the connections that it accepts, if it is TCP: they are
 * given out when their peers have shown who they are.  setup is referenced.
 * is_tcp: whether that matters.
 */
void amas__listener_set_tls(struct amas__listener *ln,
    struct amas__tls_setup *setup);
bool amas__listener_is_tcp(const struct amas__listener *ln);

/*
 * Lets whoever is on this loop connect to it by a queue, at this address (as
 * amas__addr_print() has it, without a slash at its end).  Returns 0, AMAS_EEXIST
 * or AMAS_ENOMEM.
 */
int amas__listener_be_local(struct amas__listener *ln, const char *addr,
    struct amas_error *err);

/* Who can be reached so at an address, or NULL. */
struct amas__listener *amas__listener_local(struct amas_loop *l,
    const char *addr);

/* Gives it the end of a queue, which its accept function takes inside. */
void amas__listener_connect(struct amas__listener *ln, struct amas__stream *s);

/* From now on the loop does not go on for it. */
void amas__listener_background(struct amas__listener *ln);

/* Stops; a unix socket that is still ours is removed. */
void amas__listener_free(struct amas__listener *ln);

/* The address with its real port; borrowed. */
const char *amas__listener_addr(const struct amas__listener *ln);

/* Whether others than this machine can connect. */
bool amas__listener_open_to_all(const struct amas__listener *ln);

#endif
