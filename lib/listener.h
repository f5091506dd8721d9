/*
 * Listening sockets: binding, accepting, turning away.
 */
#ifndef AMAS__LISTENER_H
#define AMAS__LISTENER_H

#include "addr.h"
#include "amas.h"
#include "loop.h"

struct amas__listener;

/* Gives an accepted, non-blocking socket, the callee's from then on. */
typedef void amas__accept_fn(int fd, void *arg);

/*
 * Listens.  A unix socket is made with mode before it can be seen (0: 0600); a
 * dead one is replaced.  Returns 0, AMAS_ECONNECT, AMAS_EEXIST (served already;
 * another kind of file) or AMAS_ENOMEM.
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

/* From now on the loop does not go on for it. */
void amas__listener_background(struct amas__listener *ln);

/* Stops; a unix socket that is still ours is removed. */
void amas__listener_free(struct amas__listener *ln);

/* The address with its real port; borrowed. */
const char *amas__listener_addr(const struct amas__listener *ln);

/* Whether others than this machine can connect. */
bool amas__listener_open_to_all(const struct amas__listener *ln);

#endif
