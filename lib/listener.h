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

/* Stops; a unix socket that is still ours is removed. */
void amas__listener_free(struct amas__listener *ln);

/* The address with its real port; borrowed. */
const char *amas__listener_addr(const struct amas__listener *ln);

/* Whether others than this machine can connect. */
bool amas__listener_open_to_all(const struct amas__listener *ln);

#endif
