/*
 * Asking the system's resolver without blocking the loop: getaddrinfo() knows
 * no other way than a thread.
 */
#ifndef AMAS__RESOLVE_H
#define AMAS__RESOLVE_H

#include "addr.h"
#include "amas.h"
#include "loop.h"
#include "sock.h"

struct amas__resolve;

/* Reports what was found, from the loop; the resolve is freed already. */
typedef void amas__resolve_fn(const struct amas__sockaddr *sa, size_t n,
    const struct amas_error *why, void *arg);

/* Starts.  Returns 0, AMAS_ENOMEM or AMAS_ESYS. */
int amas__resolve_new(struct amas__resolve **out, struct amas_loop *l,
    const struct amas__addr *addr, amas__resolve_fn *fn, void *arg,
    struct amas_error *err);

/* Gives up; fn does not run.  The thread ends by itself. */
void amas__resolve_free(struct amas__resolve *r);

#endif
