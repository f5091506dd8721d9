/*
 * The byte buffer.  Growth doubles, stays below max, and compares with what is
 * left instead of adding untrusted numbers.
 */
#include "buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "utf8.h"

#define BUF_FIRST 64	/* bytes of the first allocation */
#define BUF_MOST (SIZE_MAX / 4)	/* where no maximum is set */

void
amas__buf_init(struct amas__buf *b, size_t max)
{
	memset(b, 0, sizeof *b);
	b->max = max;
}

void
amas__buf_fini(struct amas__buf *b)
{
	free(b->data);
	b->data = NULL;
	b->start = b->end = b->cap = 0;
}

/* Moves the content to the front. */
static void
compact(struct amas__buf *b)
{
	if (b->start == 0)
		return;
	memmove(b->data, b->data + b->start, b->end - b->start);
	b->end -= b->start;
	b->start = 0;
}

/* Room for len bytes, and for spare ones that max does not count. */
static int
make_room(struct amas__buf *b, size_t len, size_t spare)
{
	size_t have = b->end - b->start, cap = b->cap, need;
	size_t max = b->max == 0 || b->max > BUF_MOST ? BUF_MOST : b->max;
	char *p;

	if (have > max || len > max - have)
		return AMAS_ETOOBIG;
	if (len + spare <= cap - b->end)
		return 0;
	need = have + len + spare;
	if (need <= cap && b->start >= have) { /* amortized: half is free */
		compact(b);
		return 0;
	}
	if (cap < BUF_FIRST)
		cap = BUF_FIRST;
	while (cap < need)
		cap *= 2;
	if (cap > max + spare)
		cap = max + spare;
	compact(b);
	if (cap <= b->cap)
		return 0; /* full, but for what compacting gave */
	if ((p = realloc(b->data, cap)) == NULL)
		return AMAS_ENOMEM;
	amas__mem_filled(p, cap);
	b->data = p;
	b->cap = cap;
	return 0;
}

int
amas__buf_reserve(struct amas__buf *b, size_t len)
{
	return make_room(b, len, 0);
}

int
amas__buf_put(struct amas__buf *b, const void *data, size_t len)
{
	int rc;

	if (len == 0)
		return 0;
	if ((rc = amas__buf_reserve(b, len)) != 0)
		return rc;
	memcpy(b->data + b->end, data, len);
	b->end += len;
	return 0;
}

int
amas__buf_puts(struct amas__buf *b, const char *text)
{
	return amas__buf_put(b, text, strlen(text));
}

int
amas__buf_putc(struct amas__buf *b, char c)
{
	return amas__buf_put(b, &c, 1);
}

int
amas__buf_put16(struct amas__buf *b, uint16_t n)
{
	unsigned char p[2] = { (unsigned char)(n >> 8), (unsigned char)n };

	return amas__buf_put(b, p, sizeof p);
}

void
amas__set32(void *p, uint32_t n)
{
	unsigned char *u = p;
	int i;

	for (i = 0; i < 4; i++)
		u[i] = (unsigned char)(n >> (24 - 8 * i));
}

int
amas__buf_put32(struct amas__buf *b, uint32_t n)
{
	unsigned char p[4];

	amas__set32(p, n);
	return amas__buf_put(b, p, sizeof p);
}

int
amas__buf_put64(struct amas__buf *b, uint64_t n)
{
	unsigned char p[8];
	int i;

	for (i = 0; i < 8; i++)
		p[i] = (unsigned char)(n >> (56 - 8 * i));
	return amas__buf_put(b, p, sizeof p);
}

int
amas__buf_printf(struct amas__buf *b, const char *fmt, ...)
{
	va_list ap;
	int len, rc;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		return AMAS_EINVAL;
	if ((rc = make_room(b, (size_t)len, 1)) != 0)
		return rc;
	va_start(ap, fmt);
	(void)vsnprintf(b->data + b->end, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->end += (size_t)len;
	return 0;
}

void
amas__buf_consume(struct amas__buf *b, size_t len)
{
	if (len >= b->end - b->start)
		b->start = b->end = 0;
	else
		b->start += len;
}

void
amas__buf_truncate(struct amas__buf *b, size_t len)
{
	if (len < b->end - b->start)
		b->end = b->start + len;
}

char *
amas__buf_take(struct amas__buf *b, size_t *len)
{
	size_t max = b->max;
	char *p;
	int rc;

	b->max = 0; /* the NUL does not count */
	rc = make_room(b, 1, 0);
	b->max = max;
	if (rc != 0)
		return NULL;
	compact(b);
	p = b->data;
	p[b->end] = '\0';
	if (len != NULL)
		*len = b->end;
	amas__buf_init(b, max);
	return p;
}

uint16_t
amas__get16(const void *p)
{
	const unsigned char *u = p;

	return (uint16_t)(u[0] << 8 | u[1]);
}

uint32_t
amas__get32(const void *p)
{
	const unsigned char *u = p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 |
	    (uint32_t)u[2] << 8 | u[3];
}

uint64_t
amas__get64(const void *p)
{
	const unsigned char *u = p;

	return (uint64_t)amas__get32(u) << 32 | amas__get32(u + 4);
}

int
amas__buf_put_escaped(struct amas__buf *b, const char *text, size_t len,
    size_t max)
{
	char out[AMAS__ESCAPE_MAX];
	bool cut = len > max;
	size_t i, n, used;
	int rc = 0;

	if (cut)
		len = amas__utf8_trim(text, max);
	for (i = 0; i < len && rc == 0; i += used) {
		n = amas__escape(out, text + i, len - i, &used);
		rc = amas__buf_put(b, out, n);
	}
	return rc == 0 && cut ? amas__buf_puts(b, "...") : rc;
}

int
amas__buf_put_valid(struct amas__buf *b, const char *p, size_t len)
{
	size_t valid;
	int rc = 0;

	while (len > 0 && rc == 0) {
		valid = amas__utf8_valid(p, len);
		rc = amas__buf_put(b, p, valid);
		p += valid;
		len -= valid;
		if (len > 0 && rc == 0) {
			rc = amas__buf_puts(b, "\xef\xbf\xbd");
			p++;
			len--;
		}
	}
	return rc;
}
