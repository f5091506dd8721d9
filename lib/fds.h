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

#endif
