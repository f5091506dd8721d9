/* JSON: the reader, and what it shares with the writer. */
#ifndef AMAS__JSON_H
#define AMAS__JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "amas.h"
#include "codec.h"
#include "value.h"

/*
 * Reads one document as struct amas__codec_ops says, but data[len], which may
 * be written, is as it was afterwards.
 */
int amas__json_read(struct amas__area *a, char *data, size_t len,
    const struct amas__limits *limits, const struct amas_value **out,
    bool *typed, struct amas_error *err);

/*
 * Marks the bytes of a word that are not plain text of JSON, control
 * characters, '"', '\\' and all beyond ASCII, in their highest bits.  A byte
 * behind (in the direction of carries) the first may be marked wrongly.
 */
static inline uint64_t
amas__json_special(uint64_t x)
{
	const uint64_t ones = UINT64_MAX / 255;

	/* less than what is subtracted borrows into the highest bit */
	return ((x - ones * 0x20) | ((x ^ ones * '"') - ones) |
	    ((x ^ ones * '\\') - ones) | x) & ones * 0x80;
}

/* Index of the first marked byte in memory, 8 if it cannot be told. */
static inline size_t
amas__json_first(uint64_t marks)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && !defined AMAS_PORTABLE
	return (size_t)__builtin_ctzll(marks) / 8;
#else
	(void)marks; /* wrong marks would come first */
	return 8;
#endif
}

#endif
