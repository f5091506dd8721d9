/* Where amas-dump is called: by the tap, by a stub. */
#ifndef DUMP_LISTEN_H
#define DUMP_LISTEN_H

#include "addr.h"
#include "dump.h"
#include "listener.h"

/*
 * Listens, with the certificate of --listen-cert if there is one.  subject: the
 * address as it was given.  Returns CMD_OK or a status (has been said); *out is
 * yours to free then, too, or as it was.
 */
int dump_listen(struct amas__listener **out, struct dump *d,
    const char *subject, const struct amas__addr *a, amas__accept_fn *fn,
    void *arg);

#endif
