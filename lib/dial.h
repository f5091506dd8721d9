/*
 * Connecting: look up, try each address, try again until a time is over.
 */
#ifndef AMAS__DIAL_H
#define AMAS__DIAL_H

#include "addr.h"
#include "amas.h"
#include "loop.h"
#include "stream.h"
#include "tls_setup.h"

struct amas__dial;

/*
 * Reports the end, from the loop: a connection, the callee's from then on, or
 * NULL and the cause.  The dial is freed already.
 */
typedef void amas__dial_fn(struct amas__stream *s,
    const struct amas_error *why, void *arg);

/*
 * Starts.  An address of this process, of a container or "local://name", is
 * connected to by a queue.  retry_s: how long to try again; 0: one attempt; INFINITY: for ever.
 * Returns 0 or AMAS_ENOMEM.
 */
int amas__dial_new(struct amas__dial **out, struct amas_loop *l,
    const struct amas__addr *addr, double retry_s, amas__dial_fn *fn,
    void *arg, struct amas_error *err);

/* What our end is called by the other in this process; referenced. */
void amas__dial_set_self(struct amas__dial *d, const char *self);

/* Has TLS spoken, if the address is TCP's; referenced. */
void amas__dial_set_tls(struct amas__dial *d, struct amas__tls_setup *setup);

/*
 * Tries again for at least so many seconds from now; waits so many before the
 * first attempt, which has not begun.
 */
void amas__dial_extend(struct amas__dial *d, double retry_s);
void amas__dial_put_off(struct amas__dial *d, double pause_s);

/* Whether an address, printed as name, is one of this process now. */
bool amas__dial_is_local(struct amas_loop *l, const struct amas__addr *addr,
    const char *name);

/* Gives up; fn does not run. */
void amas__dial_free(struct amas__dial *d);

/* "resolving", "connecting" or "agreeing on TLS". */
const char *amas__dial_phase(const struct amas__dial *d);

#endif
