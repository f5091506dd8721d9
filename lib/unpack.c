/*
 * Taking values apart by formats: amas_value_unpack().  The format is the
 * program's, so recursion over its brackets is bounded; the value is not
 * trusted in any way.  Where something has the wrong shape, the text says at
 * which place.
 */
#include "pack.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "err.h"

#define FORMAT_DEPTH 16		/* brackets inside brackets, in one format */
#define WHERE_SIZE 98		/* of a place as text */

/* One on the way into the value: an index, or a key. */
struct place {
	const char *key;	/* NULL: an index */
	size_t i;
};

struct scan {
	const char *fmt;
	va_list ap;
	struct amas_error *err;
	struct place place[FORMAT_DEPTH + 1];	/* lists and maps, outer first */
	size_t n_places;
	size_t depth;
};

static int unpack(struct scan *s, char c, const struct amas_value *v);

/* The place as text: "[1].size: "; it is made only where something is wrong. */
static const char *
where(const struct scan *s, char *out, size_t size)
{
	size_t i, used = 0, room = size - 2; /* for what comes last */
	const struct place *p;

	out[0] = '\0';
	for (i = 0; i < s->n_places; i++) {
		p = &s->place[i];
		if (p->key == NULL)
			(void)snprintf(out + used, room - used, "[%zu]", p->i);
		else
			(void)snprintf(out + used, room - used, "%s%s",
			    i > 0 ? "." : "", p->key);
		used += strlen(out + used);
	}
	if (i > 0)
		(void)snprintf(out + used, size - used, ": ");
	return out;
}

static int
wrong(struct scan *s, const struct amas_value *v, const char *want)
{
	char place[WHERE_SIZE];

	return amas_error_set(s->err, AMAS_ETYPE, "%s%s, not %s",
	    where(s, place, sizeof place),
	    amas__type_name(amas_value_type(v)), want);
}

static int
complain(struct scan *s, const char *what)
{
	char place[WHERE_SIZE];

	return amas_error_set(s->err, AMAS_ETYPE, "%s%s",
	    where(s, place, sizeof place), what);
}

static int
bad_format(struct scan *s)
{
	return amas_error_set(s->err, AMAS_EINVAL, "bad format");
}

/* Goes down one step; undone where that went well. */
static void
enter(struct scan *s, const char *key, size_t i)
{
	assert(s->n_places <= FORMAT_DEPTH);
	s->place[s->n_places++] = (struct place){ key, i };
}

static int skip_to(struct scan *s, char close);

/* Runs over the letters of one value, storing nothing. */
static int
skip(struct scan *s, char c)
{
	switch (c) {
	case '\0':
		return bad_format(s);
	case '[':
		return skip_to(s, ']');
	case '{':
		return skip_to(s, '}');
	case '<':
		(void)va_arg(s->ap, const char *);
		return skip_to(s, '>');
	case '|':
	case '*':
	case 'n':
		return 0;
	default:
		(void)va_arg(s->ap, void *);
		if (amas__format_has(&s->fmt, '%'))
			(void)va_arg(s->ap, void *);
		else
			(void)amas__format_has(&s->fmt, '?');
		return 0;
	}
}

/* The same up to the closing bracket. */
static int
skip_to(struct scan *s, char close)
{
	char c;
	int rc;

	while ((c = amas__format_next(&s->fmt)) != close)
		if ((rc = skip(s, c)) != 0)
			return rc;
	return 0;
}

static int
unpack_list(struct scan *s, const struct amas_value *v)
{
	bool optional = false;
	size_t i = 0, n = amas_value_len(v);
	char c;
	int rc;

	if (amas_value_type(v) != AMAS_LIST)
		return wrong(s, v, "a list");
	while ((c = amas__format_next(&s->fmt)) != ']') {
		if (c == '\0')
			return bad_format(s);
		if (c == '*') {
			i = n;
			continue;
		}
		if (c == '|') {
			optional = true;
			continue;
		}
		if (i == n && optional) {
			s->fmt--; /* c is skipped with the rest */
			return skip_to(s, ']');
		}
		if (i == n)
			return complain(s, "too few elements");
		enter(s, NULL, i);
		if ((rc = unpack(s, c, amas_value_at(v, i++))) != 0)
			return rc;
		s->n_places--;
	}
	return i < n ? complain(s, "too many elements") : 0;
}

static int
unpack_pair(struct scan *s, const struct amas_value *map, const char *key,
    bool optional, size_t *seen)
{
	const struct amas_value *v = amas_value_get(map, key);
	char c = amas__format_next(&s->fmt);
	int rc;

	if (v == NULL && optional)
		return skip(s, c);
	enter(s, key, 0);
	if (v == NULL)
		return complain(s, "missing");
	(*seen)++;
	if ((rc = unpack(s, c, v)) == 0)
		s->n_places--;
	return rc;
}

static int
unpack_map(struct scan *s, const struct amas_value *v)
{
	bool optional = false, more = false;
	size_t seen = 0;
	const char *key;
	char c;
	int rc;

	if (amas_value_type(v) != AMAS_MAP)
		return wrong(s, v, "a map");
	while ((c = amas__format_next(&s->fmt)) != '}') {
		if (c == '*') {
			more = true;
		} else if (c == '|') {
			optional = true;
		} else if (c == 's') {
			key = va_arg(s->ap, const char *);
			rc = unpack_pair(s, v, key, optional, &seen);
			if (rc != 0)
				return rc;
		} else {
			return bad_format(s);
		}
	}
	/* A key named twice in the format would count twice: a bug there. */
	return seen < amas_value_len(v) && !more ?
	    complain(s, "too many keys") : 0;
}

static int
unpack_typed(struct scan *s, const struct amas_value *v)
{
	const char *name = va_arg(s->ap, const char *);
	int rc;

	if (amas_value_type(v) != AMAS_TYPED ||
	    strcmp(amas_value_text(v), name) != 0)
		return wrong(s, v, name);
	if ((rc = unpack(s, amas__format_next(&s->fmt),
	    amas_value_at(v, 0))) != 0)
		return rc;
	return amas__format_next(&s->fmt) == '>' ? 0 : bad_format(s);
}

static int
unpack_text(struct scan *s, const struct amas_value *v, char c)
{
	const char **out = va_arg(s->ap, const char **);
	bool len = amas__format_has(&s->fmt, '%');
	size_t *out_len = len ? va_arg(s->ap, size_t *) : NULL;

	if (c == 's' && amas__format_has(&s->fmt, '?') &&
	    amas_value_type(v) == AMAS_NULL) {
		*out = NULL;
		return 0;
	}
	if (amas_value_type(v) != (c == 's' ? AMAS_STRING : AMAS_BYTES))
		return wrong(s, v, c == 's' ? "text" : "bytes");
	if (!len && strlen(amas_value_text(v)) != amas_value_len(v))
		return complain(s, "text with a NUL in it");
	*out = amas_value_text(v);
	if (len)
		*out_len = amas_value_len(v);
	return 0;
}

static int
unpack_int(struct scan *s, const struct amas_value *v, char c)
{
	int64_t n = amas_value_int(v);

	if (amas_value_type(v) == AMAS_BIGINT)
		return complain(s, "integer out of range");
	if (amas_value_type(v) != AMAS_INT)
		return wrong(s, v, "an integer");
	if (c == 'I')
		*va_arg(s->ap, int64_t *) = n;
	else if (n < INT_MIN || n > INT_MAX)
		return complain(s, "integer out of range");
	else
		*va_arg(s->ap, int *) = (int)n;
	return 0;
}

static int
unpack_proxy(struct scan *s, const struct amas_value *v)
{
	struct amas_proxy **out = va_arg(s->ap, struct amas_proxy **), *p;
	struct amas__sender *sender;
	const struct amas_value *path;

	if (amas_value_type(v) != AMAS_PROXY || (v->flags & AMAS__V_OWN) != 0)
		return wrong(s, v, "a proxy");
	if ((sender = amas__area_sender(v->area)) == NULL)
		return complain(s, "proxy without a connection");
	path = &v->u.item[0];
	p = sender->proxy(sender, v->area, path->u.text, path->len);
	if (p == NULL)
		return amas__error_nomem(s->err);
	*out = p;
	return 0;
}

static int
unpack(struct scan *s, char c, const struct amas_value *v)
{
	enum amas_type type = amas_value_type(v);
	int rc;

	switch (c) {
	case '[':
	case '{':
		if (s->depth == FORMAT_DEPTH)
			return bad_format(s);
		s->depth++;
		rc = c == '[' ? unpack_list(s, v) : unpack_map(s, v);
		s->depth--;
		return rc;
	case '<':
		return unpack_typed(s, v);
	case 'n':
		return type == AMAS_NULL ? 0 : wrong(s, v, "null");
	case 'b':
		if (type != AMAS_BOOL)
			return wrong(s, v, "a bool");
		*va_arg(s->ap, int *) = v->u.i != 0;
		return 0;
	case 'i':
	case 'I':
		return unpack_int(s, v, c);
	case 'f':
		if (type != AMAS_REAL && type != AMAS_INT &&
		    type != AMAS_BIGINT)
			return wrong(s, v, "a number");
		*va_arg(s->ap, double *) = amas_value_real(v);
		return 0;
	case 's':
	case 'y':
		return unpack_text(s, v, c);
	case 'v':
		*va_arg(s->ap, const struct amas_value **) = v;
		return 0;
	case 'p':
		return unpack_proxy(s, v);
	default:
		return bad_format(s);
	}
}

int
amas_value_vunpack(const struct amas_value *v, struct amas_error *err,
    const char *fmt, va_list ap)
{
	struct scan s = { .fmt = fmt, .err = err };
	int rc;

	if (v != NULL && (v->flags & AMAS__V_SPOILED) != 0)
		return amas_error_set(err, AMAS_EINVAL, "spoiled value");
	va_copy(s.ap, ap);
	rc = unpack(&s, amas__format_next(&s.fmt), v);
	if (rc == 0 && amas__format_next(&s.fmt) != '\0')
		rc = bad_format(&s);
	va_end(s.ap);
	return rc;
}

int
amas_value_unpack(const struct amas_value *v, struct amas_error *err,
    const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = amas_value_vunpack(v, err, fmt, ap);
	va_end(ap);
	return rc;
}

int
amas__vunpack_call(const struct amas_value *args,
    const struct amas_value *kwargs, struct amas_error *err, const char *fmt,
    va_list ap)
{
	struct scan s = { .fmt = fmt, .err = err };
	bool positional = false, keywords = false;
	char c;
	int rc = 0;

	va_copy(s.ap, ap);
	while (rc == 0 && (c = amas__format_next(&s.fmt)) != '\0') {
		if (c == '[' && !positional && !keywords) {
			positional = true;
			rc = unpack_list(&s, args);
		} else if (c == '{' && !keywords) {
			keywords = true;
			rc = unpack_map(&s, kwargs);
		} else {
			rc = bad_format(&s);
		}
	}
	va_end(s.ap);
	if (rc == 0 && !positional && amas_value_len(args) > 0)
		rc = complain(&s, "takes no positional arguments");
	if (rc == 0 && !keywords && amas_value_len(kwargs) > 0)
		rc = complain(&s, "takes no keyword arguments");
	return rc;
}
