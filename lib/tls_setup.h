/*
 * Settings of TLS with what was read from their files.  Those who have the same
 * settings on one loop share them, so that a hundred connections read no file a
 * hundred times, and all files of a program can be read anew at once.
 */
#ifndef AMAS__TLS_SETUP_H
#define AMAS__TLS_SETUP_H

#include <stdbool.h>

#include "amas.h"
#include "loop.h"
#include "tls.h"

struct amas__tls_setup;

/*
 * Gives a reference to what settings stand for, of a server or of a client.  The
 * files are read, if nobody has these settings yet.  Returns 0, AMAS_EINVAL (a
 * file that is needed is not named), AMAS_ETLS (what a file has; no module) or
 * AMAS_ENOMEM.
 */
int amas__tls_use(struct amas__tls_setup **out, struct amas_loop *l,
    const struct amas_tls *set, bool server, struct amas_error *err);

struct amas__tls_setup *amas__tls_ref(struct amas__tls_setup *s);
void amas__tls_unref(struct amas__tls_setup *s);

/* The settings, copied; they live as long as it. */
const struct amas_tls *amas__tls_settings(const struct amas__tls_setup *s);

/* The functions, and what was read last: good until the loop has its turn. */
const struct amas__tls_ops *amas__tls_ops_of(const struct amas__tls_setup *s);
struct amas__tls_ctx *amas__tls_ctx_of(const struct amas__tls_setup *s);

#endif
