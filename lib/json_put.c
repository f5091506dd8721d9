/*
 * Bytes, punctuation and text of JSON, as CPython's json.dumps() puts them:
 * separators ", " and ": ", escapes with short names where they have some, else
 * in lower case.  See json_put.h.
 */
#include "json_put.h"

#include "json.h"
#include "utf8.h"

/* ---- Bytes ---- */

void
amas__json_put_init(struct amas__json_out *o, struct amas_out *out,
    unsigned indent, bool ascii, struct amas_error *err)
{
	o->out = out;
	o->err = err;
	o->rc = 0;
	o->indent = indent;
	o->ascii = ascii;
	o->levels = 0;
	amas__json_room_take(o);
}

void
amas__json_room_take(struct amas__json_out *o)
{
	struct amas__buf *b = o->out->buf;
	size_t room = b->cap - b->end, len = b->end - b->start;

	if (b->max != 0 && room > b->max - len)
		room = b->max - len;
	o->p = b->data != NULL ? b->data + b->end : NULL;
	o->end = room > 0 ? o->p + room : o->p;
}

void
amas__json_room_give(struct amas__json_out *o)
{
	struct amas__buf *b = o->out->buf;

	if (b->data != NULL)
		b->end = (size_t)(o->p - b->data);
}

void
amas__json_fail(struct amas__json_out *o, int rc)
{
	if (o->rc == 0)
		o->rc = rc;
	o->end = o->p;
}

bool
amas__json_room_more(struct amas__json_out *o, size_t len)
{
	int rc;

	if (o->rc != 0)
		return false;
	amas__json_room_give(o);
	if ((rc = amas__buf_reserve(o->out->buf, len)) != 0) {
		amas__json_fail(o, amas__out_error(o->out, rc, o->err));
		return false;
	}
	amas__json_room_take(o);
	return true;
}

/* ---- Punctuation ---- */

static void
put_line(struct amas__json_out *o)
{
	static const char blanks[] = "                                ";
	size_t n = o->levels * o->indent, k;

	amas__json_put(o, "\n", 1);
	for (; n > 0 && o->rc == 0; n -= k) {
		k = n < sizeof blanks - 1 ? n : sizeof blanks - 1;
		amas__json_put(o, blanks, k);
	}
}

void
amas__json_put_comma(struct amas__json_out *o)
{
	if (o->indent == 0) {
		amas__json_put(o, ", ", 2);
		return;
	}
	amas__json_put(o, ",", 1);
	put_line(o);
}

void
amas__json_put_open(struct amas__json_out *o, char bracket)
{
	amas__json_put(o, &bracket, 1);
	o->levels++;
	if (o->indent > 0)
		put_line(o);
}

void
amas__json_put_close(struct amas__json_out *o, char bracket)
{
	o->levels--;
	if (o->indent > 0)
		put_line(o);
	amas__json_put(o, &bracket, 1);
}

/* ---- Text ---- */

static bool
is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Counts the bytes at s that are plain ASCII. */
static size_t
count_ascii(const char *s, size_t len)
{
	const uint64_t ones = UINT64_MAX / 255;
	uint64_t x, marks;
	size_t i = 0, n;

	for (; len - i >= 8; i += 8) {
		memcpy(&x, s + i, 8);
		/* DEL carries into the highest bit */
		marks = amas__json_special(x) | ((x + ones) & ones * 0x80);
		if (marks == 0)
			continue;
		if ((n = amas__json_first(marks)) < 8)
			return i + n;
		break;
	}
	while (i < len && is_plain(s[i]))
		i++;
	return i;
}

/* Counts the bytes at s that may be put as they are. */
static size_t
count_plain(const struct amas__json_out *o, const char *s, size_t len)
{
	size_t i = count_ascii(s, len), n;
	uint32_t c;

	while (!o->ascii && i < len) {
		n = amas__utf8_decode(s + i, len - i, &c);
		if (n < 2 || amas__unsafe_char(c))
			break;
		i += n;
		i += count_ascii(s + i, len - i);
	}
	return i;
}

static void
put_unit(struct amas__json_out *o, uint32_t c)
{
	static const char hex[] = "0123456789abcdef";
	char text[6] = { '\\', 'u', hex[c >> 12], hex[c >> 8 & 15],
		hex[c >> 4 & 15], hex[c & 15] };

	amas__json_put(o, text, sizeof text);
}

static void
put_escape(struct amas__json_out *o, uint32_t c)
{
	static const char simple[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	char text[2] = "\\";
	const char *s;

	for (s = simple; *s != '\0' && (uint32_t)*s != c; s += 2)
		;
	if (*s != '\0') {
		text[1] = s[1];
		amas__json_put(o, text, sizeof text);
	} else if (c >= 0x10000) {
		put_unit(o, 0xd800 + ((c - 0x10000) >> 10));
		put_unit(o, 0xdc00 + (c & 0x3ff));
	} else {
		put_unit(o, c);
	}
}

bool
amas__json_put_text(struct amas__json_out *o, const char *s, size_t len)
{
	uint32_t c;
	size_t n;

	amas__json_put(o, "\"", 1);
	while (o->rc == 0) {
		n = count_plain(o, s, len);
		amas__json_put(o, s, n);
		s += n;
		len -= n;
		if (len == 0)
			break;
		if ((n = amas__wtf8_decode(s, len, &c)) == 0)
			return false;
		put_escape(o, c);
		s += n;
		len -= n;
	}
	amas__json_put(o, "\"", 1);
	return true;
}
