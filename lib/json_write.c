/*
 * The writer of JSON: byte for byte what CPython's json.dumps() makes of the
 * same value, ASCII alone if that is asked for, with separators ", " and ": ".
 *
 * On the wire typed values go by their ids, and what JSON has no form for is
 * refused.  On message lines everything has a form, {"__type__": [NAME, ...]}.
 *
 * The walk is a loop with a stack of steps, which ends at the first failure of
 * what puts the bytes, json_put.h.
 */
#include "codec.h"

#include <stdio.h>

#include "base64.h"
#include "err.h"
#include "json_put.h"
#include "log.h"
#include "number.h"
#include "where.h"

/* How a container is written, and the levels of lists and maps this takes. */
enum form { LIST, MAP, TYPED, PAIRS };
static const unsigned char form_levels[] = {
	[LIST] = 1,
	[MAP] = 1,
	[TYPED] = 2,	/* {"__type__": [ID, REP]} */
	[PAIRS] = 4,	/* {"__type__": ["map", [[KEY, VALUE], ...]]} */
};

struct writer {
	struct amas__json_out o;
	size_t n;		/* steps */
	struct amas__step step[AMAS__DEPTH_MAX];
	unsigned char form[AMAS__DEPTH_MAX];
};

static const char type_key[] = "__type__";

/* ---- Failures ---- */

static void
cannot(struct writer *w, const char *what)
{
	char where[AMAS__WHERE_SIZE];

	amas__json_fail(&w->o, amas_error_set(w->o.err, AMAS_ETYPE,
	    "JSON cannot carry %s%s", what,
	    amas__where(where, w->step, w->n)));
}

/* Looks whether so many levels more may stand here. */
static bool
may_nest(struct writer *w, enum form form)
{
	if (w->o.levels + form_levels[form] <= AMAS__DEPTH_MAX)
		return true;
	amas__json_fail(&w->o, amas_error_set(w->o.err, AMAS_ETOOBIG,
	    "nested deeper than %d levels", AMAS__DEPTH_MAX));
	return false;
}

/* ---- Text and typed values ---- */

static void
put_text(struct writer *w, const char *s, size_t len)
{
	if (!amas__json_put_text(&w->o, s, len))
		cannot(w, "text that is no UTF-8");
}

/* Puts {"__type__": ["NAME", as on message lines. */
static void
open_name(struct writer *w, const char *name, size_t len)
{
	amas__json_put_open(&w->o, '{');
	put_text(w, type_key, sizeof type_key - 1);
	amas__json_put(&w->o, ": ", 2);
	amas__json_put_open(&w->o, '[');
	put_text(w, name, len);
	amas__json_put_comma(&w->o);
}

/* Puts {"__type__": [ID, as on the wire. */
static void
open_id(struct writer *w, size_t id)
{
	char text[AMAS__NUMBER_SIZE];

	amas__json_put_open(&w->o, '{');
	put_text(w, type_key, sizeof type_key - 1);
	amas__json_put(&w->o, ": ", 2);
	amas__json_put_open(&w->o, '[');
	amas__json_put(&w->o, text, amas__number_put_int(text, (int64_t)id));
	amas__json_put_comma(&w->o);
}

static void
close_type(struct writer *w)
{
	amas__json_put_close(&w->o, ']');
	amas__json_put_close(&w->o, '}');
}

/* Whether a type may have that name on message lines without set types. */
static bool
is_free_name(const struct amas_value *name)
{
	return amas__types_is_name(name->u.text, name->len) &&
	    !amas__types_is_word(name->u.text, name->len);
}

static bool
open_typed(struct writer *w, const struct amas_value *v)
{
	const struct amas_value *name = &v->u.item[0];
	char shown[64], where[AMAS__WHERE_SIZE];
	const struct amas_out *out = w->o.out;
	int id = -1, rc;

	if (out->types != NULL)
		id = amas__types_id(out->types, name->u.text, name->len);
	if (id == -1 && !(out->lines && (out->types == NULL ||
	    out->types->any) && is_free_name(name))) {
		amas__json_fail(&w->o, amas_error_set(w->o.err, AMAS_ETYPE,
		    "type \"%s\" is not known on this connection%s",
		    amas__log_text(shown, sizeof shown, name->u.text,
		    name->len), amas__where(where, w->step, w->n)));
		return false;
	}
	if ((rc = amas__types_check(v, w->step, w->n, w->o.err)) != 0) {
		amas__json_fail(&w->o, rc);
		return false;
	}
	if (out->lines)
		open_name(w, name->u.text, name->len);
	else
		open_id(w, (size_t)id);
	return true;
}

static void
put_proxy(struct writer *w, const struct amas_value *v)
{
	const struct amas_value *theirs;
	struct amas__buf own;
	const char *path;
	size_t len;
	int rc;

	amas__buf_init(&own, 0);
	if (w->o.out->lines && w->o.out->foreign == NULL &&
	    (v->flags & AMAS__V_OWN) == 0) {
		theirs = &v->u.item[0];
		path = theirs->u.text;
		len = theirs->len;
	} else if ((rc = amas__out_path(w->o.out, v, &own, w->o.err)) == 0) {
		len = amas__buf_len(&own);
		path = len > 0 ? amas__buf_head(&own) : "";
	} else {
		amas__json_fail(&w->o, rc);
		return;
	}
	if (w->o.out->lines)
		open_name(w, "proxy", 5);
	else
		open_id(w, w->o.out->types->n);
	put_text(w, path, len);
	close_type(w);
	amas__buf_fini(&own);
}

static void
put_bytes(struct writer *w, const struct amas_value *v)
{
	int rc;

	if (!w->o.out->lines) {
		cannot(w, "bytes");
		return;
	}
	if (!may_nest(w, TYPED))
		return;
	open_name(w, "bytes", 5);
	amas__json_put(&w->o, "\"", 1);
	if (w->o.rc != 0)
		return;
	amas__json_room_give(&w->o);
	rc = amas__base64_put(w->o.out->buf, v->u.text, v->len);
	if (rc != 0) {
		amas__json_fail(&w->o, amas__out_error(w->o.out, rc, w->o.err));
		return;
	}
	amas__json_room_take(&w->o);
	amas__json_put(&w->o, "\"", 1);
	close_type(w);
}

/* ---- Lists and maps ---- */

/* Whether a map needs the form that takes any keys. */
static bool
needs_pairs(const struct amas_value *v)
{
	const struct amas_value *key;
	size_t i;

	for (i = 0; i < v->len; i++) {
		key = &v->u.item[2 * i];
		if (key->type != AMAS_STRING || amas__value_is(key, type_key))
			return true;
	}
	return false;
}

static enum form
form_of(const struct writer *w, const struct amas_value *v)
{
	if (v->type == AMAS_LIST)
		return LIST;
	if (v->type == AMAS_TYPED)
		return TYPED;
	return w->o.out->lines && needs_pairs(v) ? PAIRS : MAP;
}

/* Looks at a value that stands where a key does. */
static bool
check_key(struct writer *w, enum form form, const struct amas_value *v)
{
	char what[48];

	if (v->type == AMAS_STRING || (form == PAIRS && v->type < AMAS_LIST))
		return true;
	(void)snprintf(what, sizeof what, "a key of type %s",
	    amas__type_name((enum amas_type)v->type));
	cannot(w, what);
	return false;
}

static void
put_container(struct writer *w, const struct amas_value *v)
{
	enum form form = form_of(w, v);

	if (!may_nest(w, form))
		return;
	if (v->len == 0) {
		amas__json_put(&w->o, form == LIST ? "[]" : "{}", 2);
		return;
	}
	/* the peer would take it for a typed value */
	if (form == MAP && v->len == 1 && w->o.out->types != NULL &&
	    amas__value_is(&v->u.item[0], type_key)) {
		cannot(w, "a map with \"__type__\" as its only key");
		return;
	}
	if (form == TYPED && !open_typed(w, v))
		return;
	if (form == PAIRS)
		open_name(w, "map", 3);
	if (form == PAIRS || form == LIST)
		amas__json_put_open(&w->o, '[');
	if (form == MAP)
		amas__json_put_open(&w->o, '{');
	w->form[w->n] = (unsigned char)form;
	w->step[w->n].v = v;
	w->step[w->n++].i = form == TYPED; /* its name is written */
}

static void
close_container(struct writer *w)
{
	enum form form = (enum form)w->form[--w->n];

	if (form == MAP) {
		amas__json_put_close(&w->o, '}');
		return;
	}
	if (form == PAIRS)
		amas__json_put_close(&w->o, ']');
	if (form != TYPED)
		amas__json_put_close(&w->o, ']');
	if (form != LIST)
		close_type(w);
}

/* Puts what stands before item i of the innermost container. */
static void
put_between(struct writer *w, enum form form, size_t i)
{
	bool key = (i & 1) == 0;

	if (form == PAIRS && key && i > 0)
		amas__json_put_close(&w->o, ']');
	if (form == MAP && !key)
		amas__json_put(&w->o, ": ", 2);
	else if (form == PAIRS ? i > 0 : form != TYPED && i > 0)
		amas__json_put_comma(&w->o);
	if (form == PAIRS && key)
		amas__json_put_open(&w->o, '[');
}

/* ---- Values ---- */

static void
put_value(struct writer *w, const struct amas_value *v)
{
	char text[AMAS__NUMBER_SIZE];

	if ((v->flags & AMAS__V_SPOILED) != 0) {
		amas__json_fail(&w->o, amas_error_set(w->o.err, AMAS_EINVAL,
		    "value is spoilt: adding to it failed"));
		return;
	}
	switch ((enum amas_type)v->type) {
	case AMAS_NULL:
		amas__json_put(&w->o, "null", 4);
		break;
	case AMAS_BOOL:
		if (v->u.i != 0)
			amas__json_put(&w->o, "true", 4);
		else
			amas__json_put(&w->o, "false", 5);
		break;
	case AMAS_INT:
		amas__json_put_number(&w->o, text,
		    amas__number_put_int(text, v->u.i));
		break;
	case AMAS_REAL:
		amas__json_put_number(&w->o, text,
		    amas__number_put_real(text, v->u.d));
		break;
	case AMAS_BIGINT:
		amas__json_put(&w->o, v->u.text, v->len);
		break;
	case AMAS_STRING:
		put_text(w, v->u.text, v->len);
		break;
	case AMAS_BYTES:
		put_bytes(w, v);
		break;
	case AMAS_LIST:
	case AMAS_MAP:
	case AMAS_TYPED:
		put_container(w, v);
		break;
	case AMAS_PROXY:
		if (may_nest(w, TYPED))
			put_proxy(w, v);
		break;
	}
}

static size_t
items(const struct amas_value *v)
{
	return v->type == AMAS_MAP ? (size_t)v->len * 2 : v->len;
}

static void
put_item(struct writer *w, struct amas__step *s, enum form form)
{
	const struct amas_value *v = &s->v->u.item[s->i];
	bool key = (form == MAP || form == PAIRS) && (s->i & 1) == 0;

	put_between(w, form, s->i++);
	if (!key || check_key(w, form, v))
		put_value(w, v);
}

int
amas__json_print(struct amas_out *out, const struct amas_value *v,
    unsigned indent, bool ascii, struct amas_error *err)
{
	static const struct amas_value null_value;
	size_t before = amas__buf_len(out->buf);
	struct amas__step *s;
	struct writer w;

	amas__json_put_init(&w.o, out, indent, ascii, err);
	w.n = 0;
	put_value(&w, v != NULL ? v : &null_value);
	while (w.o.rc == 0 && w.n > 0) {
		s = &w.step[w.n - 1];
		if (s->i < items(s->v))
			put_item(&w, s, (enum form)w.form[w.n - 1]);
		else
			close_container(&w);
	}
	amas__json_room_give(&w.o);
	if (w.o.rc != 0)
		amas__buf_truncate(out->buf, before);
	return w.o.rc;
}
