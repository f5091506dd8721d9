/*
 * Reads MsgPack in place, without trust and without recursion.
 *
 * Nothing is allocated before the bytes for it are there: every element takes
 * at least a byte, so the elements still owed by all open containers together
 * (owed) can never be more than the bytes left.  A check for each container
 * alone would not do: a chain of headers passes that.
 *
 * Text stays in the frame.  Its NUL goes where the next header stands, so it is
 * written only when that has been read: nul points to the place, or to a byte
 * nobody reads.
 */
#include "msgpack_decode.h"

#include <endian.h>
#include <string.h>

#include "err.h"
#include "text.h"

/* A list or map that is being filled: its next item, and the end of them. */
struct frame {
	struct amas_value *v;
	struct amas_value *at, *stop;
};

struct decoder {
	struct amas__area *a;
	char *data, *p, *end;
	char *start;		/* of the value that is being read */
	char *nul;
	char spare;
	bool typed;
	size_t owed;
	size_t max_values, values;	/* allowed; so far */
	struct frame *f;	/* innermost; the first holds the root alone */
	struct amas_error *err;
	struct frame stack[AMAS__DEPTH_MAX + 1];
};

/* ---- Errors ---- */

static size_t
offset(const struct decoder *d)
{
	return (size_t)(d->start - d->data);
}

static int
cut(const struct decoder *d)
{
	size_t len = (size_t)(d->end - d->data);

	if (d->start == d->end)
		return amas_error_set(d->err, AMAS_EPROTO,
		    "MsgPack ends at offset %zu, a value is missing", len);
	return amas_error_set(d->err, AMAS_EPROTO,
	    "MsgPack ends inside the value at offset %zu", offset(d));
}

static int
wrong(const struct decoder *d, const char *what)
{
	return amas_error_set(d->err, AMAS_EPROTO, "%s at offset %zu", what,
	    offset(d));
}

/* ---- Scalars ---- */

static inline size_t
left(const struct decoder *d)
{
	return (size_t)(d->end - d->p);
}

static inline void
fill(struct decoder *d, struct amas_value *v, enum amas_type type, size_t len)
{
	v->type = (uint8_t)type;
	v->flags = 0;
	v->len = (uint32_t)len;
	v->area = d->a;
}

static inline int
integer(struct decoder *d, struct amas_value *v, int64_t i)
{
	fill(d, v, AMAS_INT, 0);
	v->u.i = i;
	return 0;
}

static int
boolean(struct decoder *d, struct amas_value *v, bool b)
{
	fill(d, v, AMAS_BOOL, 0);
	v->u.i = b;
	return 0;
}

/* Reads a big-endian number of n bytes; false if it is cut. */
static inline bool
number(struct decoder *d, size_t n, uint64_t *out)
{
	uint16_t n16;
	uint32_t n32;
	uint64_t n64;

	if (left(d) < n)
		return false;
	switch (n) {
	case 1:
		*out = (unsigned char)*d->p;
		break;
	case 2:
		memcpy(&n16, d->p, 2);
		*out = be16toh(n16);
		break;
	case 4:
		memcpy(&n32, d->p, 4);
		*out = be32toh(n32);
		break;
	default:
		memcpy(&n64, d->p, 8);
		*out = be64toh(n64);
	}
	d->p += n;
	return true;
}

static inline int
read_uint(struct decoder *d, struct amas_value *v, size_t size)
{
	uint64_t n;

	if (!number(d, size, &n))
		return cut(d);
	if (n <= INT64_MAX)
		return integer(d, v, (int64_t)n);
	if (amas__value_uint(v, d->a, n) != 0)
		return amas__error_nomem(d->err);
	return 0;
}

static inline int
read_int(struct decoder *d, struct amas_value *v, size_t size)
{
	uint64_t n, sign = (uint64_t)1 << (8 * size - 1);

	if (!number(d, size, &n))
		return cut(d);
	n = (n ^ sign) - sign; /* the sign into the upper bits */
	return integer(d, v, (int64_t)n);
}

static inline int
read_real(struct decoder *d, struct amas_value *v, size_t size)
{
	uint64_t n;
	uint32_t n32;
	float f;

	if (!number(d, size, &n))
		return cut(d);
	fill(d, v, AMAS_REAL, 0);
	if (size == sizeof f) {
		n32 = (uint32_t)n;
		memcpy(&f, &n32, sizeof f);
		v->u.d = (double)f;
	} else {
		memcpy(&v->u.d, &n, sizeof v->u.d);
	}
	return 0;
}

/* ---- Text and bytes ---- */

static int
text(struct decoder *d, struct amas_value *v, enum amas_type type, size_t len)
{
	size_t valid;

	if (left(d) < len)
		return cut(d);
	if (type == AMAS_STRING &&
	    (valid = amas__text_valid(d->p, len)) < len)
		return amas_error_set(d->err, AMAS_EPROTO,
		    "text is no UTF-8 at offset %zu",
		    (size_t)(d->p - d->data) + valid);
	fill(d, v, type, len);
	v->u.text = d->p;
	d->p += len;
	d->nul = d->p;
	return 0;
}

static int
read_text(struct decoder *d, struct amas_value *v, enum amas_type type,
    size_t size)
{
	uint64_t len;

	if (!number(d, size, &len))
		return cut(d);
	return text(d, v, type, (size_t)len);
}

/* An extension; size is that of its length, 0: its length is fixed. */
static int
read_ext(struct decoder *d, size_t size)
{
	uint64_t len, code;

	if ((size > 0 && !number(d, size, &len)) || !number(d, 1, &code))
		return cut(d);
	return amas_error_set(d->err, AMAS_EPROTO,
	    "MsgPack extension type %d at offset %zu is not known",
	    (int)(int8_t)code, offset(d));
}

/* ---- Lists and maps ---- */

/* Whether what is being read is the key of a pair. */
static bool
is_key(const struct decoder *d)
{
	const struct frame *f = d->f;

	return f->v != NULL && f->v->type == AMAS_MAP &&
	    ((f->stop - f->at) & 1) != 0; /* at is past it already */
}

/* Begins a list or map of n elements, keys and values counted each. */
static int
open_container(struct decoder *d, struct amas_value *v, enum amas_type type,
    uint64_t n)
{
	struct frame *f = d->f;
	size_t count;

	if (left(d) < d->owed || n > left(d) - d->owed)
		return amas_error_set(d->err, AMAS_EPROTO,
		    "%llu elements at offset %zu, but %zu bytes left",
		    (unsigned long long)n, offset(d), left(d));
	if (n > d->max_values - d->values)
		return amas_error_set(d->err, AMAS_ETOOBIG,
		    "more than %zu values at offset %zu", d->max_values,
		    offset(d));
	if (f - d->stack >= AMAS__DEPTH_MAX)
		return amas_error_set(d->err, AMAS_ETOOBIG,
		    "nested deeper than %d levels at offset %zu",
		    AMAS__DEPTH_MAX, offset(d));
	if (is_key(d))
		return wrong(d, type == AMAS_LIST ?
		    "list as the key of a map" : "map as the key of a map");
	count = (size_t)n; /* it is no more than the bytes left */
	fill(d, v, type, type == AMAS_MAP ? count / 2 : count);
	v->u.item = NULL;
	if (count == 0)
		return 0;
	if ((v->u.item = amas__area_values(d->a, count)) == NULL)
		return amas__error_nomem(d->err);
	d->owed += count;
	d->values += count;
	d->f = ++f;
	f->v = v;
	f->at = v->u.item;
	f->stop = v->u.item + n;
	return 0;
}

static int
read_container(struct decoder *d, struct amas_value *v, enum amas_type type,
    size_t size)
{
	uint64_t n;

	if (!number(d, size, &n))
		return cut(d);
	return open_container(d, v, type, type == AMAS_MAP ? n * 2 : n);
}

/*
 * Whether no two keys can be equal, seen at a glance: text keys that differ in
 * one bit of 64 that stands for their length and ends.  Most small maps pass,
 * and are spared the comparison of all keys.
 */
static bool
keys_differ(const struct amas_value *item, size_t n)
{
	uint64_t seen = 0, bit;
	const char *t;
	size_t i, len;

	for (i = 0; i < n; i++) {
		if (item[2 * i].type != AMAS_STRING)
			return n == 1;
		len = item[2 * i].len;
		t = item[2 * i].u.text;
		bit = len == 0 ? 1 : (uint64_t)1 << ((len * 11 +
		    (unsigned char)t[0] * 5u + (unsigned char)t[len - 1] +
		    (unsigned char)t[len / 2] * 3u) & 63);
		if ((seen & bit) != 0)
			return false;
		seen |= bit;
	}
	return true;
}

/* Ends the innermost list or map. */
static int
close_container(struct decoder *d)
{
	struct amas_value *v = d->f->v;

	d->f--;
	if (v->type != AMAS_MAP)
		return 0;
	if (!keys_differ(v->u.item, v->len) &&
	    amas__value_map(v, d->a, v->u.item, v->len) != 0)
		return amas__error_nomem(d->err);
	if (v->len == 1 && amas__value_is(&v->u.item[0], "__type__"))
		d->typed = true;
	return 0;
}

/* ---- All of it ---- */

/* Reads what a header of 0xc0 to 0xdf begins. */
static int
read_long(struct decoder *d, struct amas_value *v, unsigned char c)
{
	switch (c) {
	case 0xc0:
		fill(d, v, AMAS_NULL, 0);
		v->u.i = 0;
		return 0;
	case 0xc2: case 0xc3:
		return boolean(d, v, c == 0xc3);
	case 0xc4: case 0xc5: case 0xc6:
		return read_text(d, v, AMAS_BYTES, (size_t)1 << (c - 0xc4));
	case 0xc7: case 0xc8: case 0xc9:
		return read_ext(d, (size_t)1 << (c - 0xc7));
	case 0xca:
		return read_real(d, v, 4);
	case 0xcb:
		return read_real(d, v, 8);
	case 0xcc:
		return read_uint(d, v, 1);
	case 0xcd:
		return read_uint(d, v, 2);
	case 0xce:
		return read_uint(d, v, 4);
	case 0xcf:
		return read_uint(d, v, 8);
	case 0xd0:
		return read_int(d, v, 1);
	case 0xd1:
		return read_int(d, v, 2);
	case 0xd2:
		return read_int(d, v, 4);
	case 0xd3:
		return read_int(d, v, 8);
	case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8:
		return read_ext(d, 0);
	case 0xd9:
		return read_text(d, v, AMAS_STRING, 1);
	case 0xda: case 0xdb:
		return read_text(d, v, AMAS_STRING, c == 0xda ? 2 : 4);
	case 0xdc: case 0xdd:
		return read_container(d, v, AMAS_LIST, c == 0xdc ? 2 : 4);
	case 0xde: case 0xdf:
		return read_container(d, v, AMAS_MAP, c == 0xde ? 2 : 4);
	default:
		return wrong(d, "byte 0xc1, which MsgPack never uses,");
	}
}

static int
read_value(struct decoder *d, struct amas_value *v)
{
	unsigned char c;

	d->start = d->p;
	if (d->p == d->end)
		return cut(d);
	c = (unsigned char)*d->p++;
	*d->nul = '\0';
	d->nul = &d->spare;
	if (c < 0x80)
		return integer(d, v, c);
	if (c >= 0xe0)
		return integer(d, v, (int8_t)c);
	if (c >= 0xc0)
		return read_long(d, v, c);
	if (c >= 0xa0)
		return text(d, v, AMAS_STRING, c & 0x1f);
	if (c >= 0x90)
		return open_container(d, v, AMAS_LIST, c & 0x0f);
	return open_container(d, v, AMAS_MAP, (uint64_t)(c & 0x0f) * 2);
}

static int
read_all(struct decoder *d)
{
	int rc;

	for (;;) {
		while (d->f->at == d->f->stop) {
			if (d->f == d->stack)
				return 0;
			if ((rc = close_container(d)) != 0)
				return rc;
		}
		d->owed--;
		if ((rc = read_value(d, d->f->at++)) != 0)
			return rc;
	}
}

int
amas__msgpack_decode(struct amas__area *a, char *data, size_t len,
    const struct amas__limits *limits, const struct amas_value **out,
    bool *typed, struct amas_error *err)
{
	struct amas_value *root = amas__area_values(a, 1);
	struct decoder d;
	int rc;

	if (root == NULL)
		return amas__error_nomem(err);
	d.a = a;
	d.data = d.p = d.start = data;
	d.end = data + len;
	d.nul = &d.spare;
	d.typed = false;
	d.owed = d.values = 1;
	d.max_values = limits != NULL && limits->max_values != 0 ?
	    limits->max_values : AMAS__VALUES_MAX;
	d.err = err;
	d.f = d.stack;
	d.f->v = NULL;
	d.f->at = root;
	d.f->stop = root + 1;
	if ((rc = read_all(&d)) != 0)
		return rc;
	if (d.p != d.end)
		return amas_error_set(err, AMAS_EPROTO,
		    "%zu bytes after the value, at offset %zu", left(&d),
		    (size_t)(d.p - d.data));
	*d.nul = '\0'; /* the spare byte behind the data */
	if (d.typed && typed != NULL)
		*typed = true;
	*out = root;
	return 0;
}
