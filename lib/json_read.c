/*
 * The reader of JSON: what CPython's json.loads() takes and nothing else: the
 * standard's JSON in UTF-8, and NaN, Infinity, -Infinity, integers of any
 * length (CPython itself stops at 4,300 digits; here they are kept as text, in
 * linear time), lone surrogates as escapes, equal keys, of which the last wins.
 *
 * It works in place: text stays where it is and is ended by a NUL over its
 * quote; what escapes stand for is written over them, since it is never longer.
 * A NUL behind the document ends every scan, so that most bytes are looked at
 * once and compared with nothing else.
 *
 * Values of open lists and maps wait on one stack, which holds a placeholder
 * where each of them began; a closed one is copied to the area as a whole.
 * There is no recursion, and memory grows with what came.
 */
#include "json.h"

#include <math.h>
#include <stdlib.h>

#include "err.h"
#include "mem.h"
#include "number.h"
#include "utf8.h"

#define STACK_FIRST 64		/* values before the heap is asked */

enum { NEXT, VALUE, DONE };	/* what comes, or was read */

struct reader {
	char *p;		/* next byte; *end is NUL */
	char *start, *end;
	struct amas__area *area;
	struct amas_value *stack;
	size_t n, cap;
	size_t open;		/* placeholder of the innermost container, whose
				 * u.i is the next outer one */
	unsigned depth;
	size_t max, left;	/* values that may come */
	bool typed;
	struct amas_error *err;
	struct amas_value first[STACK_FIRST];
};

static int
fail_at(const struct reader *r, const char *p, const char *what)
{
	return amas_error_set(r->err, AMAS_EPROTO, "%s at offset %zu%s", what,
	    (size_t)(p - r->start), p == r->end ? ", where it ends" : "");
}

static int
stack_grow(struct reader *r)
{
	bool heap = r->stack != r->first;
	struct amas_value *p;

	p = amas__reallocarray(heap ? r->stack : NULL, r->cap * 2, sizeof *p);
	if (p == NULL)
		return amas__error_nomem(r->err);
	if (!heap)
		memcpy(p, r->first, sizeof r->first);
	r->stack = p;
	r->cap *= 2;
	return 0;
}

/* Adds a value to the stack, to be filled in; NULL: no room, err is set. */
static inline struct amas_value *
push(struct reader *r, int *rc)
{
	struct amas_value *v;

	if (r->left == 0) {
		*rc = amas_error_set(r->err, AMAS_ETOOBIG,
		    "more than %zu values at offset %zu", r->max,
		    (size_t)(r->p - r->start));
		return NULL;
	}
	if (r->n == r->cap && (*rc = stack_grow(r)) != 0)
		return NULL;
	r->left--;
	v = &r->stack[r->n++];
	v->flags = 0;
	v->len = 0;
	v->area = r->area;
	return v;
}

static inline char *
skip_space(char *p)
{
	while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
		p++;
	return p;
}

/* ---- Text ---- */

/* Skips to the first byte that is not plain. */
static inline char *
skip_plain(char *p, const char *end)
{
	uint64_t x;
	size_t n;

	for (; end - p >= 8; p += 8) {
		memcpy(&x, p, 8);
		if ((x = amas__json_special(x)) == 0)
			continue;
		if ((n = amas__json_first(x)) < 8)
			return p + n;
		break;
	}
	while ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 &&
	    *p != '"' && *p != '\\')
		p++;
	return p;
}

/* Reads four hexadecimal digits; -1 if that is not what they are. */
static int
hex4(const char *p)
{
	int i, c, n = 0;

	for (i = 0; i < 4; i++) {
		c = p[i];
		if (c >= '0' && c <= '9')
			c -= '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			c = (c | 0x20) - 'a' + 10;
		else
			return -1;
		n = n << 4 | c;
	}
	return n;
}

/*
 * Reads the escape at p and writes to *w what it stands for.  Returns the byte
 * behind it, or NULL if it is none.  A high surrogate takes the low one that
 * follows with it; any other surrogate stays alone, as in Python.
 */
static char *
unescape(char *p, char **w)
{
	static const char simple[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	const char *s;
	int c, low;

	if (p[1] != 'u') {
		for (s = simple; *s != '\0' && *s != p[1]; s += 2)
			;
		if (*s == '\0')
			return NULL;
		*(*w)++ = s[1];
		return p + 2;
	}
	if ((c = hex4(p + 2)) == -1)
		return NULL;
	p += 6;
	if (c >= 0xd800 && c < 0xdc00 && p[0] == '\\' && p[1] == 'u' &&
	    (low = hex4(p + 2)) >= 0xdc00 && low < 0xe000) {
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		p += 6;
	}
	*w += amas__utf8_encode(*w, (uint32_t)c);
	return p;
}

/*
 * Reads on in a text whose byte at p is not plain; moves what it holds down
 * over its escapes.  Returns the end of the text, NULL after an error.
 */
static char *
read_special(struct reader *r, char *p)
{
	char *begin = r->p, *w = p, *q;
	uint32_t c;
	size_t n;

	for (;;) {
		if (*p == '"') {
			r->p = p + 1;
			return w;
		}
		if (*p == '\\') {
			if ((q = unescape(p, &w)) == NULL) {
				fail_at(r, p, "invalid escape");
				return NULL;
			}
			p = q;
		} else if ((unsigned char)*p >= 0x80) {
			n = amas__utf8_decode(p, (size_t)(r->end - p), &c);
			if (n == 0) {
				fail_at(r, p, "invalid UTF-8");
				return NULL;
			}
			memmove(w, p, n);
			w += n;
			p += n;
		} else if (p == r->end) {
			fail_at(r, begin, "text without an end");
			return NULL;
		} else {
			fail_at(r, p, "control character in text");
			return NULL;
		}
		if (*p == '\\' || (unsigned char)*p >= 0x80)
			continue; /* it seldom comes alone */
		q = skip_plain(p, r->end);
		if (w != p)
			memmove(w, p, (size_t)(q - p));
		w += q - p;
		p = q;
	}
}

/* Reads the text whose quote is at r->p. */
static int
read_text(struct reader *r)
{
	struct amas_value *v;
	char *begin = r->p + 1, *end;
	int rc;

	if ((v = push(r, &rc)) == NULL)
		return rc;
	end = skip_plain(begin, r->end);
	if (*end == '"')
		r->p = end + 1;
	else if ((end = read_special(r, end)) == NULL)
		return AMAS_EPROTO;
	*end = '\0';
	v->type = AMAS_STRING;
	v->len = (uint32_t)(end - begin);
	v->u.text = begin;
	return VALUE;
}

/* ---- Numbers and words ---- */

static int
read_number(struct reader *r)
{
	struct amas__number n;
	struct amas_value *v;
	const char *end;
	size_t len;
	int rc;

	if ((end = amas__number_read(&n, r->p)) == NULL)
		return fail_at(r, r->p + 1, "expected a digit");
	if ((v = push(r, &rc)) == NULL)
		return rc;
	len = (size_t)(end - r->p);
	v->type = (uint8_t)n.type;
	if (n.type == AMAS_BIGINT) {
		v->len = (uint32_t)len;
		v->u.text = amas__area_text(r->area, r->p, len);
		if (v->u.text == NULL)
			return amas__error_nomem(r->err);
	} else if (n.type == AMAS_INT) {
		v->u.i = n.u.i;
	} else {
		v->u.d = n.u.d;
	}
	r->p += len;
	return VALUE;
}

static int
read_word(struct reader *r)
{
	static const struct {
		const char *word;
		size_t len;
		enum amas_type type;
		int64_t i;
		double d;
	} words[] = {
		{ "null", 4, AMAS_NULL, 0, 0 },
		{ "true", 4, AMAS_BOOL, 1, 0 },
		{ "false", 5, AMAS_BOOL, 0, 0 },
		{ "NaN", 3, AMAS_REAL, 0, NAN },
		{ "Infinity", 8, AMAS_REAL, 0, INFINITY },
		{ "-Infinity", 9, AMAS_REAL, 0, -INFINITY },
	};
	struct amas_value *v;
	size_t i;
	int rc;

	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (*r->p == *words[i].word &&
		    strncmp(r->p, words[i].word, words[i].len) == 0)
			break;
	if (i == sizeof words / sizeof *words)
		return fail_at(r, r->p, "expected a value");
	if ((v = push(r, &rc)) == NULL)
		return rc;
	v->type = (uint8_t)words[i].type;
	if (words[i].type == AMAS_REAL)
		v->u.d = words[i].d;
	else
		v->u.i = words[i].i;
	r->p += words[i].len;
	return VALUE;
}

/* ---- Lists and maps ---- */

static int
read_key(struct reader *r)
{
	int rc;

	r->p = skip_space(r->p);
	if (*r->p != '"')
		return fail_at(r, r->p, "expected a key in quotes");
	if ((rc = read_text(r)) != VALUE)
		return rc;
	r->p = skip_space(r->p);
	if (*r->p != ':')
		return fail_at(r, r->p, "expected ':'");
	r->p++;
	return NEXT;
}

/* Makes the innermost list or map of what stands above its placeholder. */
static int
close_container(struct reader *r)
{
	struct amas_value *v = &r->stack[r->open], *item = NULL;
	size_t n = r->n - r->open - 1;

	r->p++;
	r->n = r->open + 1;
	r->open = (size_t)v->u.i;
	r->depth--;
	if (n > 0) {
		if ((item = amas__area_values(r->area, n)) == NULL)
			return amas__error_nomem(r->err);
		memcpy(item, v + 1, n * sizeof *item);
	}
	if (v->type == AMAS_LIST) {
		v->len = (uint32_t)n;
		v->u.item = item;
		return VALUE;
	}
	if (amas__value_map(v, r->area, item, n / 2) != 0)
		return amas__error_nomem(r->err);
	if (v->len == 1 && amas__value_is(&item[0], "__type__"))
		r->typed = true;
	return VALUE;
}

static int
open_container(struct reader *r, enum amas_type type)
{
	struct amas_value *v;
	int rc;

	if (r->depth == AMAS__DEPTH_MAX)
		return amas_error_set(r->err, AMAS_ETOOBIG,
		    "nested over %d levels at offset %zu", AMAS__DEPTH_MAX,
		    (size_t)(r->p - r->start));
	if ((v = push(r, &rc)) == NULL)
		return rc;
	v->type = (uint8_t)type;
	v->u.i = (int64_t)r->open;
	r->open = r->n - 1;
	r->depth++;
	r->p = skip_space(r->p + 1);
	if (*r->p == (type == AMAS_LIST ? ']' : '}'))
		return close_container(r);
	return type == AMAS_LIST ? NEXT : read_key(r);
}

/* Goes on behind an element of the innermost list or map. */
static int
after_value(struct reader *r)
{
	bool map = r->stack[r->open].type == AMAS_MAP;

	r->p = skip_space(r->p);
	if (*r->p == ',') {
		r->p++;
		return map ? read_key(r) : NEXT;
	}
	if (*r->p == (map ? '}' : ']'))
		return close_container(r);
	return fail_at(r, r->p, map ? "expected ',' or '}'" :
	    "expected ',' or ']'");
}

static int
read_value(struct reader *r)
{
	r->p = skip_space(r->p);
	switch (*r->p) {
	case '"':
		return read_text(r);
	case '[':
		return open_container(r, AMAS_LIST);
	case '{':
		return open_container(r, AMAS_MAP);
	case '-':
		if (r->p[1] == 'I')
			return read_word(r);
		return read_number(r);
	case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		return read_number(r);
	default:
		return read_word(r);
	}
}

static int
read_document(struct reader *r)
{
	int rc;

	if (strncmp(r->p, "\xef\xbb\xbf", 3) == 0)
		return fail_at(r, r->p, "byte order mark");
	do {
		rc = read_value(r);
		while (rc == VALUE)
			rc = r->depth > 0 ? after_value(r) : DONE;
	} while (rc == NEXT);
	if (rc != DONE)
		return rc;
	r->p = skip_space(r->p);
	if (r->p != r->end)
		return fail_at(r, r->p, "more than one value");
	return 0;
}

int
amas__json_read(struct amas__area *a, char *data, size_t len,
    const struct amas__limits *limits, const struct amas_value **out,
    bool *typed, struct amas_error *err)
{
	struct amas_value *v;
	struct reader r;
	char spare = data[len];
	int rc;

	if ((uint64_t)len > UINT32_MAX)
		return amas_error_set(err, AMAS_ETOOBIG, "%zu bytes of JSON",
		    len);
	r.p = r.start = data;
	r.end = data + len;
	r.area = a;
	r.stack = r.first;
	r.n = r.open = r.depth = 0;
	r.cap = STACK_FIRST;
	r.max = limits != NULL && limits->max_values != 0 ?
	    limits->max_values : AMAS__VALUES_MAX;
	r.left = r.max;
	r.typed = false;
	r.err = err;
	*r.end = '\0';
	rc = read_document(&r);
	*r.end = spare;
	if (rc == 0) {
		if ((v = amas__area_values(a, 1)) == NULL) {
			rc = amas__error_nomem(err);
		} else {
			*v = r.stack[0];
			*out = v;
			if (r.typed && typed != NULL)
				*typed = true;
		}
	}
	if (r.stack != r.first)
		free(r.stack);
	return rc;
}
