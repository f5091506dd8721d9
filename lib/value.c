/*
 * Values: making them in an area, sharing them with others, looking at them.
 * What is looked at may be NULL, which is null, so that look-ups nest.
 */
#include "value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"
#include "mem.h"

#define SHARE_TEXT_MIN 256	/* shorter text is copied, not referenced */
#define SMALL_MAP 16		/* pairs up to which all are compared */

static const struct amas_value null_value;

static void
set(struct amas_value *v, struct amas__area *a, enum amas_type type, size_t len)
{
	v->type = (uint8_t)type;
	v->flags = 0;
	v->len = (uint32_t)len;
	v->area = a;
}

void
amas__value_null(struct amas_value *v, struct amas__area *a)
{
	set(v, a, AMAS_NULL, 0);
	v->u.i = 0;
}

void
amas__value_bool(struct amas_value *v, struct amas__area *a, bool b)
{
	set(v, a, AMAS_BOOL, 0);
	v->u.i = b;
}

void
amas__value_int(struct amas_value *v, struct amas__area *a, int64_t i)
{
	set(v, a, AMAS_INT, 0);
	v->u.i = i;
}

void
amas__value_real(struct amas_value *v, struct amas__area *a, double d)
{
	set(v, a, AMAS_REAL, 0);
	v->u.d = d;
}

void
amas__value_text(struct amas_value *v, struct amas__area *a,
    enum amas_type type, const char *text, size_t len)
{
	set(v, a, type, len);
	v->u.text = text;
}

void
amas__value_list(struct amas_value *v, struct amas__area *a,
    struct amas_value *item, size_t n)
{
	set(v, a, AMAS_LIST, n);
	v->u.item = item;
}

int
amas__value_uint(struct amas_value *v, struct amas__area *a, uint64_t n)
{
	char digits[24], *text;
	int len;

	if (n <= INT64_MAX) {
		amas__value_int(v, a, (int64_t)n);
		return 0;
	}
	len = snprintf(digits, sizeof digits, "%" PRIu64, n);
	if ((text = amas__area_text(a, digits, (size_t)len)) == NULL)
		return AMAS_ENOMEM;
	amas__value_text(v, a, AMAS_BIGINT, text, (size_t)len);
	return 0;
}

static int
tagged(struct amas_value *v, struct amas__area *a, enum amas_type type,
    const char *text, size_t len, const struct amas_value *rep)
{
	struct amas_value *item = amas__area_values(a, rep != NULL ? 2 : 1);
	char *copy;

	if (item == NULL || (copy = amas__area_text(a, text, len)) == NULL)
		return AMAS_ENOMEM;
	amas__value_text(&item[0], a, AMAS_STRING, copy, len);
	if (rep != NULL && amas__value_share(&item[1], a, rep) != 0)
		return AMAS_ENOMEM;
	set(v, a, type, rep != NULL ? 2 : 1);
	v->u.item = item;
	return 0;
}

int
amas__value_typed(struct amas_value *v, struct amas__area *a, const char *name,
    const struct amas_value *rep)
{
	return tagged(v, a, AMAS_TYPED, name, strlen(name),
	    rep != NULL ? rep : &null_value);
}

int
amas__value_proxy(struct amas_value *v, struct amas__area *a, const char *path,
    size_t len)
{
	return tagged(v, a, AMAS_PROXY, path, len, NULL);
}

/* ---- Maps with equal keys ---- */

static bool
key_equal(const struct amas_value *a, const struct amas_value *b)
{
	if (a->type != b->type || a->len != b->len)
		return false;
	switch ((enum amas_type)a->type) {
	case AMAS_STRING:
	case AMAS_BYTES:
	case AMAS_BIGINT:
		return a->len == 0 || memcmp(a->u.text, b->u.text,
		    a->len) == 0;
	case AMAS_NULL:
		return true;
	case AMAS_BOOL:
	case AMAS_INT:
		return a->u.i == b->u.i;
	case AMAS_REAL:
		return memcmp(&a->u.d, &b->u.d, sizeof a->u.d) == 0;
	case AMAS_LIST:
	case AMAS_MAP:
	case AMAS_TYPED:
	case AMAS_PROXY:
		break;
	}
	return amas__value_equal(a, b);
}

/* Keys of one hash are looked at closer; all lists may have the same. */
static uint64_t
key_hash(const uint64_t seed[2], const struct amas_value *k)
{
	switch ((enum amas_type)k->type) {
	case AMAS_STRING:
	case AMAS_BYTES:
	case AMAS_BIGINT:
		return amas__hash(seed, k->u.text, k->len) + k->type;
	case AMAS_BOOL:
	case AMAS_INT:
	case AMAS_REAL:
		return amas__hash(seed, &k->u, sizeof k->u) + k->type;
	default:
		return k->type;
	}
}

/* Drops pairs whose key came before, in a table of hashes.  Pairs are moved
 * down: item[2 * i] with i < kept are final. */
static int
dedupe_large(struct amas_value *item, size_t *n)
{
	size_t cap = 32, i, k, h, kept = 0;
	uint64_t seed[2];
	uint32_t *slots;

	while (cap < *n * 2)
		cap *= 2;
	if ((slots = calloc(cap, sizeof *slots)) == NULL)
		return AMAS_ENOMEM;
	amas__hash_seed(seed);
	for (i = 0; i < *n; i++) {
		h = (size_t)key_hash(seed, &item[2 * i]) & (cap - 1);
		while ((k = slots[h]) != 0 &&
		    !key_equal(&item[2 * (k - 1)], &item[2 * i]))
			h = (h + 1) & (cap - 1);
		if (k != 0) {
			item[2 * (k - 1) + 1] = item[2 * i + 1];
			continue;
		}
		item[2 * kept] = item[2 * i];
		item[2 * kept + 1] = item[2 * i + 1];
		slots[h] = (uint32_t)++kept;
	}
	free(slots);
	*n = kept;
	return 0;
}

static void
dedupe_small(struct amas_value *item, size_t *n)
{
	size_t i, k, kept = 0;

	for (i = 0; i < *n; i++) {
		for (k = 0; k < kept; k++)
			if (key_equal(&item[2 * k], &item[2 * i]))
				break;
		if (k == i) {
			kept++;
			continue;
		}
		item[2 * k + 1] = item[2 * i + 1];
		if (k == kept)
			item[2 * kept++] = item[2 * i];
	}
	*n = kept;
}

int
amas__value_map(struct amas_value *v, struct amas__area *a,
    struct amas_value *item, size_t n)
{
	int rc;

	if (n <= SMALL_MAP)
		dedupe_small(item, &n);
	else if ((rc = dedupe_large(item, &n)) != 0)
		return rc;
	set(v, a, AMAS_MAP, n);
	v->u.item = item;
	return 0;
}

/* ---- Sharing ---- */

static void
area_unref(void *a)
{
	amas__area_unref(a);
}

static void
held_unref(void *h)
{
	amas__held_unref(h);
}

static int
hold_area(struct amas__area *a, struct amas__area *other)
{
	int rc;

	if (other == NULL || other == a)
		return 0;
	if ((rc = amas__area_cleanup(a, area_unref, other)) == 0)
		(void)amas__area_ref(other);
	return rc;
}

int
amas__value_share(struct amas_value *out, struct amas__area *a,
    const struct amas_value *v)
{
	char *text;
	int rc;

	if (v == NULL)
		v = &null_value;
	switch ((enum amas_type)v->type) {
	case AMAS_STRING:
	case AMAS_BYTES:
	case AMAS_BIGINT:
		if (v->area == a || v->len >= SHARE_TEXT_MIN)
			break;
		if ((text = amas__area_text(a, v->u.text, v->len)) == NULL)
			return AMAS_ENOMEM;
		amas__value_text(out, a, (enum amas_type)v->type, text, v->len);
		return 0;
	case AMAS_NULL:
	case AMAS_BOOL:
	case AMAS_INT:
	case AMAS_REAL:
		*out = *v;
		out->area = a;
		return 0;
	case AMAS_LIST:
	case AMAS_MAP:
	case AMAS_TYPED:
	case AMAS_PROXY:
		break;
	}
	if ((rc = hold_area(a, v->area)) != 0)
		return rc;
	if ((v->flags & AMAS__V_OWN) != 0) {
		if (amas__area_cleanup(a, held_unref, v->u.own) != 0)
			return AMAS_ENOMEM;
		(void)amas__held_ref(v->u.own);
	}
	*out = *v;
	out->area = a;
	out->flags |= AMAS__V_SHARED;
	return 0;
}

struct amas_value *
amas_value_keep(const struct amas_value *v)
{
	struct amas__area *a;
	struct amas_value *out;

	if (v == NULL || (a = amas__area_new(NULL)) == NULL)
		return NULL;
	if (v->area != NULL)
		amas__area_set_sender(a, amas__area_sender(v->area));
	if ((out = amas__area_values(a, 1)) == NULL ||
	    amas__value_share(out, a, v) != 0) {
		amas__area_unref(a);
		return NULL;
	}
	return out;
}

void
amas_value_free(struct amas_value *v)
{
	if (v != NULL)
		amas__area_unref(v->area);
}

/* ---- Looking ---- */

enum amas_type
amas_value_type(const struct amas_value *v)
{
	return v != NULL ? (enum amas_type)v->type : AMAS_NULL;
}

size_t
amas_value_len(const struct amas_value *v)
{
	switch (amas_value_type(v)) {
	case AMAS_STRING:
	case AMAS_BYTES:
	case AMAS_BIGINT:
	case AMAS_LIST:
	case AMAS_MAP:
		return v->len;
	case AMAS_TYPED:
		return v->u.item[0].len;
	case AMAS_NULL:
	case AMAS_BOOL:
	case AMAS_INT:
	case AMAS_REAL:
	case AMAS_PROXY:
		break;
	}
	return 0;
}

const struct amas_value *
amas_value_at(const struct amas_value *v, size_t i)
{
	switch (amas_value_type(v)) {
	case AMAS_LIST:
		return i < v->len ? &v->u.item[i] : NULL;
	case AMAS_MAP:
		return i < v->len ? &v->u.item[2 * i + 1] : NULL;
	case AMAS_TYPED:
		return i == 0 ? &v->u.item[1] : NULL;
	default:
		return NULL;
	}
}

const struct amas_value *
amas_value_key(const struct amas_value *v, size_t i)
{
	if (amas_value_type(v) != AMAS_MAP || i >= v->len)
		return NULL;
	return &v->u.item[2 * i];
}

const struct amas_value *
amas_value_get(const struct amas_value *v, const char *key)
{
	size_t i;

	if (amas_value_type(v) != AMAS_MAP)
		return NULL;
	for (i = 0; i < v->len; i++)
		if (amas__value_is(&v->u.item[2 * i], key))
			return &v->u.item[2 * i + 1];
	return NULL;
}

int64_t
amas_value_int(const struct amas_value *v)
{
	enum amas_type t = amas_value_type(v);

	return t == AMAS_INT || t == AMAS_BOOL ? v->u.i : 0;
}

double
amas_value_real(const struct amas_value *v)
{
	switch (amas_value_type(v)) {
	case AMAS_INT:
	case AMAS_BOOL:
		return (double)v->u.i;
	case AMAS_REAL:
		return v->u.d;
	case AMAS_BIGINT:
		return strtod(v->u.text, NULL);
	default:
		return 0;
	}
}

const char *
amas_value_text(const struct amas_value *v)
{
	switch (amas_value_type(v)) {
	case AMAS_STRING:
	case AMAS_BYTES:
	case AMAS_BIGINT:
		return v->u.text;
	case AMAS_TYPED:
		return v->u.item[0].u.text;
	default:
		return NULL;
	}
}

bool
amas__value_is(const struct amas_value *v, const char *text)
{
	size_t len = strlen(text);

	return amas_value_type(v) == AMAS_STRING && v->len == len &&
	    memcmp(v->u.text, text, len) == 0;
}

const char *
amas__type_name(enum amas_type type)
{
	static const char *const names[] = {
		[AMAS_NULL] = "null",
		[AMAS_BOOL] = "bool",
		[AMAS_INT] = "integer",
		[AMAS_BIGINT] = "big integer",
		[AMAS_REAL] = "real",
		[AMAS_STRING] = "text",
		[AMAS_BYTES] = "bytes",
		[AMAS_LIST] = "list",
		[AMAS_MAP] = "map",
		[AMAS_TYPED] = "typed value",
		[AMAS_PROXY] = "proxy",
	};

	if ((size_t)type >= sizeof names / sizeof *names)
		return "unknown";
	return names[type];
}

bool
amas__is_digits(const char *text, size_t len)
{
	size_t i = len > 0 && text[0] == '-';

	if (i == len || (text[i] == '0' && len > i + 1))
		return false;
	for (; i < len; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return true;
}

/*
 * Compares level by level with a work list on the heap: values may be deep.
 * Maps are compared by looking each key up, which is quadratic for large maps
 * in different order; tests are all that needs it.
 */
bool
amas__value_equal(const struct amas_value *a, const struct amas_value *b)
{
	const struct amas_value **work = NULL, **p;
	size_t n = 0, cap = 0, i, k, need;
	bool equal = true;

	for (;;) {
		if (a == NULL)
			a = &null_value;
		if (b == NULL)
			b = &null_value;
		equal = a->type == b->type && a->len == b->len;
		need = 0;
		switch ((enum amas_type)a->type) {
		case AMAS_LIST:
		case AMAS_TYPED:
		case AMAS_MAP:
			need = a->len;
			break;
		case AMAS_PROXY:
			equal = equal &&
			    ((a->flags ^ b->flags) & AMAS__V_OWN) == 0 &&
			    ((a->flags & AMAS__V_OWN) != 0 ?
			    a->u.own == b->u.own :
			    key_equal(a->u.item, b->u.item));
			break;
		default:
			equal = equal && key_equal(a, b);
			break;
		}
		if (!equal)
			break;
		if (n + 2 * need + 2 > cap) {
			cap = 2 * (n + 2 * need + 2);
			p = amas__reallocarray(work, cap, sizeof *work);
			if (p == NULL) {
				equal = false;
				break;
			}
			work = p;
		}
		for (i = 0; i < need && equal; i++) {
			if (a->type == AMAS_MAP) {
				for (k = 0; k < need; k++)
					if (key_equal(&a->u.item[2 * i],
					    &b->u.item[2 * ((i + k) % need)]))
						break;
				equal = k < need;
				k = (i + k) % need;
				work[n++] = &a->u.item[2 * i + 1];
				work[n++] = &b->u.item[2 * k + 1];
			} else {
				work[n++] = &a->u.item[i];
				work[n++] = &b->u.item[i];
			}
		}
		if (!equal || n == 0)
			break;
		b = work[--n];
		a = work[--n];
	}
	free(work);
	return equal;
}
