/* Streams that speak TLS over another stream. */
#ifndef AMAS__STREAM_TLS_H
#define AMAS__STREAM_TLS_H

#include "amas.h"
#include "stream.h"
#include "tls_setup.h"

#define AMAS__TLS_HANDSHAKE_S 5.0	/* from its beginning to its end */

/*
 * Reports how the two ends agreed, from the loop: s is the callee's from then
 * on; or NULL, and why.  That is AMAS_ETLS where asking again would not help,
 * AMAS_ECLOSED where the connection went or nothing came.
 */
typedef void amas__tls_done_fn(struct amas__stream *s,
    const struct amas_error *why, void *arg);

/*
 * Begins to agree.  under is taken, on failure not.  Until fn runs, the stream
 * can be closed or aborted, then fn does not run; nothing else can be done with
 * it.
 *
 * setup  held, so that those who come later need not read its files.
 * name   what the server's certificate must have; NULL: we are the server.
 *
 * Returns 0 or AMAS_ENOMEM.
 */
int amas__stream_new_tls(struct amas__stream **out, struct amas__stream *under,
    struct amas__tls_setup *setup, const char *name,
    amas__tls_done_fn *fn, void *arg, struct amas_error *err);

#endif
