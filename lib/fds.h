/* Addresses that are words for descriptors we have: "stdio", "fd:N". */
#ifndef AMAS__FDS_H
#define AMAS__FDS_H

#include "amas.h"

/*
 * Opens such an address: copies of the descriptors, close-on-exec and above 2,
 * yours; both are the same number for one that is read and written.  Returns 1,
 * 0 if addr is no such word, AMAS_EINVAL or AMAS_ECONNECT (no such descriptor).
 */
int amas__fds_open(const char *addr, int *in, int *out,
    struct amas_error *err);

/*
 * What is there already is not wrapped in TLS.  Returns 0, or AMAS_EINVAL when it
 * has closed them: settings of TLS ask for it, and it is a TCP connection.
 */
int amas__fds_plain(int in, int out, const struct amas_tls *tls,
    struct amas_error *err);

#endif
