/*
 * Looks at a Blosc buffer before any library does.  c-blosc trusts what a
 * stranger writes into the tables of a buffer further than it should
 * (Blosc/c-blosc#405: a BloscLZ stream of 8 MiB writes where it likes).
 */
#ifndef AMAS__BLOSC_CHECK_H
#define AMAS__BLOSC_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"

#define AMAS__BLOSC_HEADER 16
#define AMAS__BLOSC_COPIED 128		/* bytes below which it only copies */
#define AMAS__BLOSCLZ_BLOCK ((size_t)4 << 20)	/* the largest block */
#define AMAS__BLOSC_STREAM ((size_t)8 << 20)	/* streams are shorter */

/* What a buffer holds. */
struct amas__blosc_info {
	size_t nbytes;		/* when it is unpacked */
	bool copied;		/* as it is, behind the header */
	int format;		/* 0 blosclz, 1 lz4, 2 snappy, 3 zlib, 4 zstd */
};

/*
 * Checks all of data, len bytes: header, table of blocks, length of each stream.
 * max bounds nbytes.  Returns 0, AMAS_EPROTO or AMAS_ETOOBIG.
 */
int amas__blosc_check(struct amas__blosc_info *info, const void *data,
    size_t len, size_t max, struct amas_error *err);

/* The name of a format; NULL: there is no such. */
const char *amas__blosc_format(int format);

/* Whether data begins as such a buffer of len bytes does: for guesses. */
bool amas__blosc_looks_like(const void *data, size_t len);

#endif
