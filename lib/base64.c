/*
 * Base64.  The decoder takes exactly what the encoder writes, so that bytes
 * which pass through a line and back give the same line again.
 */
#include "base64.h"

#include <stdint.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789+/";

static char
digit(uint32_t bits)
{
	return digits[bits & 63];
}

int
amas__base64_put(struct amas__buf *b, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t groups = len / 3 + (len % 3 != 0);
	uint32_t bits;
	char *q;
	int rc;

	if (len == 0)
		return 0;
	if (groups > SIZE_MAX / 8)
		return AMAS_ETOOBIG;
	if ((rc = amas__buf_reserve(b, groups * 4)) != 0)
		return rc;
	q = b->data + b->end;
	for (; len >= 3; len -= 3, p += 3, q += 4) {
		bits = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
		q[0] = digit(bits >> 18);
		q[1] = digit(bits >> 12);
		q[2] = digit(bits >> 6);
		q[3] = digit(bits);
	}
	if (len > 0) {
		bits = (uint32_t)p[0] << 16 |
		    (len > 1 ? (uint32_t)p[1] << 8 : 0);
		q[0] = digit(bits >> 18);
		q[1] = digit(bits >> 12);
		q[2] = len > 1 ? digit(bits >> 6) : '=';
		q[3] = '=';
	}
	b->end += groups * 4;
	return 0;
}

/* The value of a digit, 64 for anything else. */
static uint32_t
value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/*
 * Decodes one group of four, of which the last pad characters are "=".  Returns
 * 4, or the place of the first wrong character.
 */
static size_t
decode_group(unsigned char *out, const char *text, size_t pad)
{
	uint32_t bits = 0, v;
	size_t i;

	for (i = 0; i < 4 - pad; i++) {
		if ((v = value(text[i])) > 63)
			return i;
		bits |= v << (18 - 6 * i);
	}
	if (pad > 0 && (bits & (pad == 1 ? 0xffu : 0xffffu)) != 0)
		return 3 - pad; /* bits that would be lost */
	out[0] = (unsigned char)(bits >> 16);
	if (pad < 2)
		out[1] = (unsigned char)(bits >> 8);
	if (pad < 1)
		out[2] = (unsigned char)bits;
	return 4;
}

int
amas__base64_decode(void *out, size_t *n, const char *text, size_t len)
{
	unsigned char *p = out;
	size_t i, at, pad = 0;

	if (len >= 4 && text[len - 1] == '=')
		pad = text[len - 2] == '=' ? 2 : 1;
	for (i = 0; i + 4 <= len; i += 4, p += 3) {
		at = decode_group(p, text + i, i + 4 == len ? pad : 0);
		if (at < 4) {
			*n = i + at;
			return AMAS_ETYPE;
		}
	}
	if (i < len) {
		*n = len; /* a group is cut */
		return AMAS_ETYPE;
	}
	*n = len / 4 * 3 - pad;
	return 0;
}
