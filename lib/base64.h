/* Base64 with the alphabet of RFC 4648, section 4: bytes on message lines. */
#ifndef AMAS__BASE64_H
#define AMAS__BASE64_H

#include <stddef.h>

#include "buf.h"

/* Most bytes that len characters of base64 stand for. */
#define AMAS__BASE64_BYTES(len) ((len) / 4 * 3)

/*
 * Adds bytes to b as base64, padded, without line ends.  Returns 0,
 * AMAS_ETOOBIG or AMAS_ENOMEM; on failure nothing was added.
 */
int amas__base64_put(struct amas__buf *b, const void *data, size_t len);

/*
 * Decodes text of len characters to out, which holds AMAS__BASE64_BYTES(len),
 * and tells the number of bytes in *n.  Strict, so that bytes have one text
 * only: whole groups of four, "=" at the end alone, unused bits zero, no blank.
 * Returns 0, or AMAS_ETYPE with the offset of the first wrong character in *n.
 */
int amas__base64_decode(void *out, size_t *n, const char *text, size_t len);

#endif
