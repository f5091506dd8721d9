/*
 * Checking UTF-8 in long runs.  ASCII goes by words; other characters by the
 * table of well-formed sequences, second byte first, since that alone has
 * narrower bounds after some first bytes.
 */
#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define HIGH_BITS 0x8080808080808080u

static inline bool
is_ascii8(const unsigned char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	return (w & HIGH_BITS) == 0;
}

static inline bool
is_ascii64(const unsigned char *p)
{
	uint64_t w[8];

	memcpy(w, p, sizeof w);
	return ((w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7]) &
	    HIGH_BITS) == 0;
}

static inline bool
is_ascii4(const unsigned char *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof w);
	return (w & (uint32_t)HIGH_BITS) == 0;
}

/* Skips ASCII, as much of it as whole words show, else byte by byte. */
static const unsigned char *
skip_ascii(const unsigned char *p, const unsigned char *end)
{
	size_t len = (size_t)(end - p);

	if (len >= 8) {
		while (end - p >= 64 && is_ascii64(p))
			p += 64;
		while (end - p >= 16 && is_ascii8(p) && is_ascii8(p + 8))
			p += 16;
		if (end - p >= 8 && is_ascii8(p))
			p += 8;
		/* the last word overlaps what was seen */
		if (end - p < 8 && is_ascii8(end - 8))
			return end;
	} else if (len >= 4 && is_ascii4(p) && is_ascii4(end - 4)) {
		return end;
	}
	while (p < end && *p < 0x80)
		p++;
	return p;
}

static inline bool
follows(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* The bytes of a character beyond ASCII; 0 if it is none. */
static size_t
char_len(const unsigned char *p, size_t len)
{
	unsigned char c = p[0];

	if (len < 2 || c < 0xc2 || c > 0xf4 || !follows(p[1]))
		return 0;
	if (c < 0xe0)
		return 2;
	if (len < 3 || !follows(p[2]))
		return 0;
	if (c == 0xe0 && p[1] < 0xa0) /* overlong */
		return 0;
	if (c == 0xed && p[1] >= 0xa0) /* surrogate */
		return 0;
	if (c < 0xf0)
		return 3;
	if (len < 4 || !follows(p[3]))
		return 0;
	if (c == 0xf0 && p[1] < 0x90) /* overlong */
		return 0;
	if (c == 0xf4 && p[1] >= 0x90) /* beyond U+10FFFF */
		return 0;
	return 4;
}

size_t
amas__text_valid(const char *text, size_t len)
{
	const unsigned char *start = (const unsigned char *)text;
	const unsigned char *p = start, *end = start + len;
	size_t n;

	while ((p = skip_ascii(p, end)) < end)
		do {
			n = char_len(p, (size_t)(end - p));
			if (n == 0)
				return (size_t)(p - start);
			p += n;
		} while (p < end && *p >= 0x80);
	return len;
}

void
amas__last_line(const char **text, size_t *len)
{
	const char *nl;

	while (*len > 0 && (*text)[*len - 1] == '\n')
		--*len;
	nl = *len > 0 ? memrchr(*text, '\n', *len) : NULL;
	if (nl == NULL)
		return;
	*len -= (size_t)(nl + 1 - *text);
	*text = nl + 1;
}
