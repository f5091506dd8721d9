/*
 * Values by formats: amas_value_pack() and _add().  The values of all open
 * brackets are collected on a stack; a closing one makes a value of its share.
 */
#include "pack.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "date.h"
#include "mem.h"
#include "value.h"

#define FORMAT_DEPTH 16		/* brackets inside brackets, in one format */
#define FEW 16			/* values that need no memory of their own */

/* va_list as a parameter decays on some machines: wrapped, it does not. */
struct args {
	va_list ap;
};

char
amas__format_next(const char **fmt)
{
	while (**fmt == ' ' || **fmt == ',' || **fmt == ':' || **fmt == '\t' ||
	    **fmt == '\n')
		++*fmt;
	return **fmt != '\0' ? *(*fmt)++ : '\0';
}

bool
amas__format_has(const char **fmt, char c)
{
	if (**fmt != c)
		return false;
	++*fmt;
	return true;
}

/* ---- Packing ---- */

/* Values of all open brackets; a bracket's begin at its mark. */
struct stack {
	struct amas__area *area;
	struct amas_value *v;		/* few, or of malloc */
	size_t n, cap;
	struct amas_value few[FEW];
};

static struct amas_value *
grow(const struct stack *s, size_t cap)
{
	struct amas_value *p;

	if (s->v != s->few)
		return amas__reallocarray(s->v, cap, sizeof *p);
	if ((p = amas__reallocarray(NULL, cap, sizeof *p)) != NULL)
		memcpy(p, s->few, sizeof s->few);
	return p;
}

static struct amas_value *
push(struct stack *s)
{
	struct amas_value *p;

	if (s->n == s->cap) {
		if ((p = grow(s, s->cap * 2)) == NULL)
			return NULL;
		s->v = p;
		s->cap *= 2;
	}
	p = &s->v[s->n++];
	amas__value_null(p, s->area);
	return p;
}

static int
pack_text(struct amas_value *v, struct amas__area *a, enum amas_type type,
    const char *text, size_t len)
{
	char *copy;

	if (len > UINT32_MAX - 1)
		return AMAS_ETOOBIG;
	if ((copy = amas__area_text(a, text, len)) == NULL)
		return AMAS_ENOMEM;
	amas__value_text(v, a, type, copy, len);
	return 0;
}

static int
pack_string(struct amas_value *v, struct stack *s, const char **fmt,
    struct args *args)
{
	const char *text = va_arg(args->ap, const char *);
	size_t len;

	if (amas__format_has(fmt, '%')) {
		len = va_arg(args->ap, size_t);
		if (text == NULL && len == 0)
			text = "";
	} else if (amas__format_has(fmt, '?') && text == NULL) {
		return 0;
	} else {
		len = text != NULL ? strlen(text) : 0;
	}
	if (text == NULL)
		return AMAS_EINVAL;
	return pack_text(v, s->area, AMAS_STRING, text, len);
}

static int
pack_digits(struct amas_value *v, struct stack *s, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;
	long long n;

	if (!amas__is_digits(text != NULL ? text : "", len))
		return AMAS_EINVAL;
	errno = 0;
	n = strtoll(text, NULL, 10);
	if (errno == 0) {
		amas__value_int(v, s->area, n);
		return 0;
	}
	return pack_text(v, s->area, AMAS_BIGINT, text, len);
}

static void
held_unref(void *h)
{
	amas__held_unref(h);
}

static int
pack_own(struct amas_value *v, struct stack *s, struct amas__held *own)
{
	int rc;

	if (own == NULL)
		return AMAS_EINVAL;
	if ((rc = amas__area_cleanup(s->area, held_unref, own)) != 0)
		return rc;
	v->type = AMAS_PROXY;
	v->flags = AMAS__V_OWN;
	v->u.own = amas__held_ref(own);
	return 0;
}

static int
pack_share(struct amas_value *v, struct stack *s, const struct amas_value *of)
{
	if (of == NULL)
		return AMAS_EINVAL;
	if (of->flags & AMAS__V_SPOILED)
		return AMAS_EINVAL;
	return amas__value_share(v, s->area, of);
}

/* Packs what one letter stands for, other than a bracket. */
static int
pack_scalar(char c, struct stack *s, const char **fmt, struct args *args)
{
	struct amas_value *v = push(s);
	struct amas__area *a = s->area;
	const void *data;
	size_t len;

	if (v == NULL)
		return AMAS_ENOMEM;
	switch (c) {
	case 'n':
		return 0;
	case 'b':
		amas__value_bool(v, a, va_arg(args->ap, int) != 0);
		return 0;
	case 'i':
		amas__value_int(v, a, va_arg(args->ap, int));
		return 0;
	case 'I':
		amas__value_int(v, a, va_arg(args->ap, int64_t));
		return 0;
	case 'f':
		amas__value_real(v, a, va_arg(args->ap, double));
		return 0;
	case 'N':
		return pack_digits(v, s, va_arg(args->ap, const char *));
	case 's':
		return pack_string(v, s, fmt, args);
	case 'y':
		(void)amas__format_has(fmt, '%');
		data = va_arg(args->ap, const void *);
		len = va_arg(args->ap, size_t);
		if (data == NULL && len > 0)
			return AMAS_EINVAL;
		return pack_text(v, a, AMAS_BYTES, data, len);
	case 'v':
		return pack_share(v, s, va_arg(args->ap,
		    const struct amas_value *));
	case 'p':
		return pack_own(v, s, va_arg(args->ap, struct amas__held *));
	default:
		return AMAS_EINVAL;
	}
}

/*
 * A date in a short form becomes whole; what is no date stays, and is refused
 * where it is sent.
 */
static int
complete_date(struct amas__area *a, struct amas_value *item)
{
	char whole[AMAS__DATE_SIZE], *text;
	const char *why;
	size_t len;

	if (!amas__value_is(&item[0], "date") || item[1].type != AMAS_STRING)
		return 0;
	len = amas__date_complete(whole, item[1].u.text, item[1].len, &why);
	if (len == 0)
		return 0;
	if ((text = amas__area_text(a, whole, len)) == NULL)
		return AMAS_ENOMEM;
	amas__value_text(&item[1], a, AMAS_STRING, text, len);
	return 0;
}

/* Turns the values from mark on into one list, map or typed value. */
static int
close_bracket(struct stack *s, char open, size_t mark)
{
	size_t n = s->n - mark;
	struct amas_value *item, v;
	int rc = 0;

	if (n > UINT32_MAX - 1 || (open == '{' && n % 2 != 0) ||
	    (open == '<' && n != 2))
		return AMAS_EINVAL;
	if ((item = amas__area_values(s->area, n)) == NULL)
		return AMAS_ENOMEM;
	if (n > 0)
		memcpy(item, s->v + mark, n * sizeof *item);
	if (open == '{') {
		rc = amas__value_map(&v, s->area, item, n / 2);
	} else {
		amas__value_list(&v, s->area, item, n);
		if (open == '<') {
			v.type = AMAS_TYPED;
			rc = complete_date(s->area, item);
		}
	}
	s->n = mark;
	if (rc == 0)
		*push(s) = v; /* there is room: see pack_all() */
	return rc;
}

/* Packs all of a format: several values if it has no bracket around them. */
static int
pack_all(struct stack *s, const char *fmt, struct args *args)
{
	char open[FORMAT_DEPTH], c;
	size_t mark[FORMAT_DEPTH], depth = 0;
	int rc = 0;

	while (rc == 0 && (c = amas__format_next(&fmt)) != '\0') {
		switch (c) {
		case '[':
		case '{':
		case '<':
			if (depth == FORMAT_DEPTH)
				return AMAS_EINVAL;
			open[depth] = c;
			mark[depth++] = s->n;
			if (c == '<')
				rc = pack_scalar('s', s, &fmt, args);
			break;
		case ']':
		case '}':
		case '>':
			if (depth == 0 || open[depth - 1] !=
			    (c == ']' ? '[' : c == '}' ? '{' : '<'))
				return AMAS_EINVAL;
			depth--;
			if (s->n > mark[depth])
				; /* its values leave room for it */
			else if (push(s) != NULL)
				s->n--;
			else
				return AMAS_ENOMEM;
			rc = close_bracket(s, open[depth], mark[depth]);
			break;
		default:
			rc = pack_scalar(c, s, &fmt, args);
			break;
		}
	}
	return rc == 0 && depth > 0 ? AMAS_EINVAL : rc;
}

int
amas__vpack_into(struct amas__area *a, struct amas_value **out, size_t *n,
    const char *fmt, va_list ap)
{
	struct amas_value *v = NULL;
	struct args args;
	struct stack s;
	int rc;

	s.area = a;
	s.v = s.few;
	s.n = 0;
	s.cap = FEW;
	va_copy(args.ap, ap);
	rc = pack_all(&s, fmt, &args);
	va_end(args.ap);
	if (rc == 0 && (v = amas__area_values(a, s.n + 1)) == NULL)
		rc = AMAS_ENOMEM;
	if (rc == 0) {
		if (s.n > 0)
			memcpy(v, s.v, s.n * sizeof *v);
		*out = v;
		*n = s.n;
	}
	if (s.v != s.few)
		free(s.v);
	return rc;
}

/* Sorts what a format gave into positional and keyword arguments. */
static int
sort_args(const struct amas_value *v, size_t n, struct amas_value *args,
    struct amas_value *kwargs)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (v[i].type == AMAS_LIST && i == 0)
			*args = v[i];
		else if (v[i].type == AMAS_MAP && i == n - 1 && i < 2)
			*kwargs = v[i];
		else
			return AMAS_EINVAL;
	}
	return 0;
}

int
amas__vpack_call(struct amas__area *a, struct amas_value *args,
    struct amas_value *kwargs, const char *fmt, va_list ap)
{
	struct amas_value *v = NULL;
	size_t n = 0;
	int rc;

	amas__value_list(args, a, NULL, 0);
	if ((rc = amas__value_map(kwargs, a, NULL, 0)) == 0 && fmt != NULL)
		rc = amas__vpack_into(a, &v, &n, fmt, ap);
	return rc == 0 ? sort_args(v, n, args, kwargs) : rc;
}

struct amas_value *
amas__vpack(struct amas__pool *pool, const char *fmt, va_list ap)
{
	struct amas__area *a = amas__area_new(pool);
	struct amas_value *v;
	size_t n;

	if (a == NULL)
		return NULL;
	if (amas__vpack_into(a, &v, &n, fmt != NULL ? fmt : "n", ap) == 0 &&
	    n == 1)
		return v;
	amas__area_unref(a);
	return NULL;
}

struct amas_value *
amas_value_vpack(const char *fmt, va_list ap)
{
	return amas__vpack(NULL, fmt, ap);
}

struct amas_value *
amas_value_pack(const char *fmt, ...)
{
	struct amas_value *v;
	va_list ap;

	va_start(ap, fmt);
	v = amas_value_vpack(fmt, ap);
	va_end(ap);
	return v;
}

/* ---- Adding ---- */

/* Items that add() made room for come in powers of two, so that it is known. */
static size_t
room(size_t n)
{
	size_t cap = 4;

	while (cap < n)
		cap *= 2;
	return cap;
}

/*
 * Makes v's items its own, with room for n more: what is shared must not show
 * the change to others.
 */
static int
own_items(struct amas_value *v, size_t n)
{
	size_t have = v->type == AMAS_MAP ? 2 * (size_t)v->len : v->len;
	struct amas_value *item;

	if (n > UINT32_MAX / 2 - have)
		return AMAS_ETOOBIG;
	if ((v->flags & (AMAS__V_ROOM | AMAS__V_SHARED)) == AMAS__V_ROOM &&
	    !amas__area_shared(v->area) && have + n <= room(have))
		return 0;
	if ((item = amas__area_values(v->area, room(have + n))) == NULL)
		return AMAS_ENOMEM;
	if (have > 0)
		memcpy(item, v->u.item, have * sizeof *item);
	v->u.item = item;
	v->flags = (uint8_t)((v->flags & ~AMAS__V_SHARED) | AMAS__V_ROOM);
	return 0;
}

static void
add_pair(struct amas_value *map, const struct amas_value pair[2])
{
	size_t i;

	for (i = 0; i < map->len; i++)
		if (amas__value_equal(&map->u.item[2 * i], &pair[0]))
			break;
	map->u.item[2 * i] = pair[0];
	map->u.item[2 * i + 1] = pair[1];
	if (i == map->len)
		map->len++;
}

static int
append(struct amas_value *v, const struct amas_value *add, size_t n)
{
	size_t i;
	int rc;

	if (v->type == AMAS_MAP ? n % 2 != 0 : v->type != AMAS_LIST)
		return AMAS_EINVAL;
	if ((rc = own_items(v, n)) != 0)
		return rc;
	if (v->type == AMAS_MAP) {
		for (i = 0; i < n; i += 2)
			add_pair(v, add + i);
	} else {
		memcpy(v->u.item + v->len, add, n * sizeof *add);
		v->len += (uint32_t)n;
	}
	return 0;
}

int
amas_value_add(struct amas_value *v, const char *fmt, ...)
{
	struct amas_value *add;
	va_list ap;
	size_t n;
	int rc;

	if (v == NULL)
		return AMAS_EINVAL;
	va_start(ap, fmt);
	rc = amas__vpack_into(v->area, &add, &n, fmt, ap);
	va_end(ap);
	if (rc == 0)
		rc = append(v, add, n);
	if (rc != 0)
		v->flags |= AMAS__V_SPOILED;
	return rc;
}
