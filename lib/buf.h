/*
 * A growable byte buffer with a hard maximum.  Bytes are added at the end and
 * consumed at the front.  start <= end <= cap; data is NULL until first used.
 */
#ifndef AMAS__BUF_H
#define AMAS__BUF_H

#include <stddef.h>
#include <stdint.h>

#include "amas.h"

struct amas__buf {
	char *data;
	size_t start, end;	/* what is in it: data[start .. end) */
	size_t cap;
	size_t max;		/* most bytes that it may hold; 0: no bound.  May be
				 * changed at any time */
};

/* Sets up an empty buffer; gives back its memory (the buffer stays usable). */
void amas__buf_init(struct amas__buf *b, size_t max);
void amas__buf_fini(struct amas__buf *b);

/* Tell the number of bytes in it and where they are. */
static inline size_t
amas__buf_len(const struct amas__buf *b)
{
	return b->end - b->start;
}

static inline char *
amas__buf_head(const struct amas__buf *b)
{
	return b->data != NULL ? b->data + b->start : NULL;
}

/*
 * Makes room for len more bytes behind the end.  Returns 0, AMAS_ETOOBIG (over
 * max) or AMAS_ENOMEM; the content stays.
 */
int amas__buf_reserve(struct amas__buf *b, size_t len);

/*
 * Add bytes, text, one byte, big-endian numbers, a printf text.  Return as
 * reserve does, and on failure add nothing.  data must not lie in the buffer.
 */
int amas__buf_put(struct amas__buf *b, const void *data, size_t len);
int amas__buf_puts(struct amas__buf *b, const char *text);
int amas__buf_putc(struct amas__buf *b, char c);
int amas__buf_put16(struct amas__buf *b, uint16_t n);
int amas__buf_put32(struct amas__buf *b, uint32_t n);
int amas__buf_put64(struct amas__buf *b, uint64_t n);
int amas__buf_printf(struct amas__buf *b, const char *fmt, ...)
    AMAS_PRINTF(2, 3);

/* Drops len bytes, at most all, at the front; drops all but the first len. */
void amas__buf_consume(struct amas__buf *b, size_t len);
void amas__buf_truncate(struct amas__buf *b, size_t len);

/*
 * Moves the content out as memory for free(3), with a NUL behind it; the
 * buffer is empty then.  Returns NULL if memory is short; it stays as it was.
 */
char *amas__buf_take(struct amas__buf *b, size_t *len);

/* Read big-endian numbers from bytes; write one. */
uint16_t amas__get16(const void *p);
uint32_t amas__get32(const void *p);
uint64_t amas__get64(const void *p);
void amas__set32(void *p, uint32_t n);

/*
 * Adds text with U+FFFD in the place of bytes that are no UTF-8.  Returns as
 * reserve does; then the buffer may hold a part of it.
 */
int amas__buf_put_valid(struct amas__buf *b, const char *p, size_t len);

/*
 * Adds text from a stranger, at most max bytes of it, with control characters,
 * bidi controls and invalid UTF-8 escaped, so that a terminal takes no harm.
 * "..." follows if that was not all.  Returns as reserve does; then the buffer
 * may hold a part of it.
 */
int amas__buf_put_escaped(struct amas__buf *b, const char *text, size_t len,
    size_t max);

#endif
