/*
 * What the files of TLS hold, for a context of OpenSSL: whom we trust, and who we
 * are.  A part of the module tls.so.
 */
#ifndef AMAS__TLS_FILES_H
#define AMAS__TLS_FILES_H

#include <stdbool.h>

#include "amas.h"

struct ssl_ctx_st;		/* SSL_CTX */

/*
 * Reads those that are named.  Returns 0, or AMAS_ETLS: err begins with the path
 * of the file that is wrong.
 */
int amas__tls_load_files(struct ssl_ctx_st *ssl, const struct amas_tls *set,
    bool server, struct amas_error *err);

/* What OpenSSL says first of what it did: the cause.  Good for a while. */
const char *amas__tls_reason(void);

#endif
