/*
 * UTF-8.  Text inside values is UTF-8 in which a lone surrogate, legal in
 * Python and in JSON's escapes, stands as the three bytes that UTF-8 would give
 * it; only codecs make and accept those.
 */
#include "utf8.h"

#include <string.h>

size_t
amas__wtf8_decode(const char *p, size_t len, uint32_t *out)
{
	const unsigned char *u = (const unsigned char *)p;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c;
	size_t i, n;

	if (len == 0)
		return 0;
	if (u[0] < 0x80) {
		*out = u[0];
		return 1;
	}
	if (u[0] >= 0xc2 && u[0] < 0xe0)
		n = 2;
	else if ((u[0] & 0xf0) == 0xe0)
		n = 3;
	else if (u[0] >= 0xf0 && u[0] < 0xf5)
		n = 4;
	else
		return 0;
	if (len < n)
		return 0;
	c = u[0] & (0xffu >> (n + 1)); /* the lead's own bits */
	for (i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff)
		return 0;
	*out = c;
	return n;
}

size_t
amas__utf8_decode(const char *p, size_t len, uint32_t *out)
{
	uint32_t c;
	size_t n = amas__wtf8_decode(p, len, &c);

	if (n == 0 || (c >= 0xd800 && c < 0xe000))
		return 0;
	*out = c;
	return n;
}

size_t
amas__utf8_valid(const char *p, size_t len)
{
	uint32_t c;
	size_t i, n;

	for (i = 0; i < len; i += n) {
		if ((unsigned char)p[i] < 0x80)
			n = 1;
		else if ((n = amas__utf8_decode(p + i, len - i, &c)) == 0)
			break;
	}
	return i;
}

size_t
amas__utf8_encode(char *p, uint32_t c)
{
	if (c < 0x80) {
		p[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		p[0] = (char)(0xc0 | c >> 6);
		p[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		p[0] = (char)(0xe0 | c >> 12);
		p[1] = (char)(0x80 | (c >> 6 & 0x3f));
		p[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	p[0] = (char)(0xf0 | c >> 18);
	p[1] = (char)(0x80 | (c >> 12 & 0x3f));
	p[2] = (char)(0x80 | (c >> 6 & 0x3f));
	p[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

size_t
amas__utf8_trim(const char *p, size_t len)
{
	size_t back;
	unsigned char c;

	for (back = 1; back <= 3 && back <= len; back++) {
		c = (unsigned char)p[len - back];
		if ((c & 0xc0) == 0x80)
			continue;
		if ((c >= 0xc0 && back < 2) || (c >= 0xe0 && back < 3) ||
		    (c >= 0xf0 && back < 4))
			return len - back;
		break;
	}
	return len;
}

bool
amas__unsafe_char(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c ||
	    c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static size_t
put_hex(char *out, char letter, uint32_t c, unsigned digits)
{
	unsigned i;

	out[0] = '\\';
	out[1] = letter;
	for (i = 0; i < digits; i++)
		out[2 + i] = "0123456789abcdef"[c >> 4 * (digits - 1 - i) &
		    0xf];
	return 2 + digits;
}

size_t
amas__escape(char out[AMAS__ESCAPE_MAX], const char *p, size_t len,
    size_t *used)
{
	uint32_t c;

	if ((*used = amas__wtf8_decode(p, len, &c)) == 0) {
		*used = 1;
		return put_hex(out, 'x', (unsigned char)*p, 2);
	}
	if (c == '\n' || c == '\t') {
		out[0] = '\\';
		out[1] = c == '\n' ? 'n' : 't';
		return 2;
	}
	if (amas__unsafe_char(c) || (c >= 0xd800 && c < 0xe000))
		return c < 0x80 ? put_hex(out, 'x', c, 2) :
		    put_hex(out, 'u', c, 4); /* none of them is over U+FFFF */
	memcpy(out, p, *used);
	return *used;
}
