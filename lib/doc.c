/*
 * Documents: values as jansson's and back.  The one file that knows jansson.
 *
 * jansson frees and prints by recursion, so no deeper tree than ours may be is
 * built; both directions are loops with a stack.  A json_t that holds itself
 * ends at the same limit.
 */
#include "amas_jansson.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base64.h"
#include "codec.h"
#include "err.h"
#include "text.h"
#include "value.h"
#include "where.h"

static const char type_key[] = "__type__";

/* ---- Value to JSON ---- */

/* How many levels a list or map takes in JSON. */
enum form {
	FORM_PLAIN = 1,		/* [...] or {...} */
	FORM_TYPED = 2,		/* {"__type__": [name, ...]} */
	FORM_PAIRS = 4		/* {"__type__": ["map", [[key, ...]]]} */
};

struct to {
	struct amas_error *err;
	size_t levels;
	size_t n;		/* steps */
	struct amas__step step[AMAS__DEPTH_MAX];
	json_t *in[AMAS__DEPTH_MAX];	/* gets the items; borrowed */
	uint8_t form[AMAS__DEPTH_MAX];
};

static json_t *
cannot(const struct to *t, const char *what)
{
	char where[AMAS__WHERE_SIZE];

	(void)amas_error_set(t->err, AMAS_ETYPE, "jansson cannot hold %s%s",
	    what, amas__where(where, t->step, t->n));
	return NULL;
}

static json_t *
no_memory(const struct to *t)
{
	(void)amas__error_nomem(t->err);
	return NULL;
}

static json_t *
to_text(const struct to *t, const char *text, size_t len)
{
	json_t *j;

	if (amas__text_valid(text, len) < len)
		return cannot(t, "a lone surrogate");
	j = json_stringn_nocheck(text, len);
	return j != NULL ? j : no_memory(t);
}

/* Makes {"__type__": [name]}; *list, borrowed, gets what is to follow. */
static json_t *
to_type(const struct to *t, const char *name, size_t len, json_t **list)
{
	json_t *map = json_object();

	*list = json_array();
	if (map == NULL || *list == NULL ||
	    json_array_append_new(*list, json_stringn(name, len)) != 0) {
		json_decref(map);
		json_decref(*list);
		return no_memory(t);
	}
	if (json_object_set_new(map, type_key, *list) != 0) {
		json_decref(map);
		return no_memory(t);
	}
	return map;
}

static json_t *
to_bytes(const struct to *t, const struct amas_value *v)
{
	struct amas__buf text;
	json_t *map, *list;

	if ((map = to_type(t, "bytes", 5, &list)) == NULL)
		return NULL;
	amas__buf_init(&text, 0);
	if (amas__base64_put(&text, v->u.text, v->len) != 0 ||
	    json_array_append_new(list, json_stringn(
	    v->len > 0 ? amas__buf_head(&text) : "",
	    amas__buf_len(&text))) != 0) {
		json_decref(map);
		map = no_memory(t);
	}
	amas__buf_fini(&text);
	return map;
}

static json_t *
to_proxy(const struct to *t, const struct amas_value *v)
{
	json_t *map, *list, *path;

	if ((v->flags & AMAS__V_OWN) != 0)
		return cannot(t, "a proxy of an own object");
	path = to_text(t, v->u.item[0].u.text, v->u.item[0].len);
	if (path == NULL)
		return NULL;
	if ((map = to_type(t, "proxy", 5, &list)) == NULL) {
		json_decref(path);
		return NULL;
	}
	if (json_array_append_new(list, path) != 0) {
		json_decref(map);
		return no_memory(t);
	}
	return map;
}

static json_t *
to_real(const struct to *t, double d)
{
	json_t *j;

	if (isnan(d))
		return cannot(t, "NaN");
	if (isinf(d))
		return cannot(t, "infinity");
	j = json_real(d);
	return j != NULL ? j : no_memory(t);
}

static json_t *
to_scalar(const struct to *t, const struct amas_value *v)
{
	json_t *j = NULL;

	switch ((enum amas_type)v->type) {
	case AMAS_NULL:
		return json_null();
	case AMAS_BOOL:
		return json_boolean(v->u.i != 0);
	case AMAS_INT:
		j = json_integer(v->u.i);
		return j != NULL ? j : no_memory(t);
	case AMAS_BIGINT:
		return cannot(t, "an integer of over 64 bits");
	case AMAS_REAL:
		return to_real(t, v->u.d);
	case AMAS_STRING:
		return to_text(t, v->u.text, v->len);
	case AMAS_BYTES:
		return to_bytes(t, v);
	case AMAS_PROXY:
		return to_proxy(t, v);
	case AMAS_LIST:
	case AMAS_MAP:
	case AMAS_TYPED:
		break;
	}
	return cannot(t, "a list or map as a key");
}

/* Whether the keys are text that jansson can have, none of them "__type__". */
static bool
keys_are_plain(const struct amas_value *map)
{
	const struct amas_value *key;
	size_t i;

	for (i = 0; i < map->len; i++) {
		key = &map->u.item[2 * i];
		if (key->type != AMAS_STRING ||
		    memchr(key->u.text, '\0', key->len) != NULL ||
		    amas__value_is(key, type_key))
			return false;
	}
	return true;
}

static size_t
items(const struct amas_value *v)
{
	return v->type == AMAS_MAP ? (size_t)v->len * 2 : v->len;
}

/* Makes the JSON of a list, map or typed value, empty; *in gets its items. */
static json_t *
to_container(const struct to *t, const struct amas_value *v, enum form form,
    json_t **in)
{
	json_t *j, *list;

	if (form == FORM_TYPED)
		return to_type(t, v->u.item[0].u.text, v->u.item[0].len, in);
	if (form == FORM_PLAIN) {
		*in = v->type == AMAS_LIST ? json_array() : json_object();
		return *in != NULL ? *in : no_memory(t);
	}
	if ((j = to_type(t, "map", 3, &list)) == NULL)
		return NULL;
	if ((*in = json_array()) == NULL ||
	    json_array_append_new(list, *in) != 0) {
		json_decref(j);
		return no_memory(t);
	}
	return j;
}

/* Begins a list, map or typed value. */
static json_t *
to_enter(struct to *t, const struct amas_value *v)
{
	enum form form = FORM_PLAIN;
	json_t *j;

	if ((v->flags & AMAS__V_SPOILED) != 0) {
		(void)amas_error_set(t->err, AMAS_EINVAL,
		    "value is spoilt: adding to it failed");
		return NULL;
	}
	if (v->type == AMAS_TYPED)
		form = FORM_TYPED;
	else if (v->type == AMAS_MAP && !keys_are_plain(v))
		form = FORM_PAIRS;
	if (t->levels + form > AMAS__DEPTH_MAX) {
		(void)amas_error_set(t->err, AMAS_ETOOBIG,
		    "nested deeper than %d levels", AMAS__DEPTH_MAX);
		return NULL;
	}
	if ((j = to_container(t, v, form, &t->in[t->n])) == NULL)
		return NULL;
	t->levels += form;
	t->form[t->n] = (uint8_t)form;
	t->step[t->n].v = v;
	t->step[t->n].i = v->type == AMAS_TYPED; /* its name is there */
	t->n++;
	return j;
}

static bool
is_container(const struct amas_value *v)
{
	return v->type == AMAS_LIST || v->type == AMAS_MAP ||
	    v->type == AMAS_TYPED;
}

/* Makes a pair [key]; the value will follow. */
static json_t *
to_pair(const struct to *t, const struct amas_value *key)
{
	json_t *pair, *j = to_scalar(t, key);

	if (j == NULL)
		return NULL;
	if ((pair = json_array()) == NULL) {
		json_decref(j);
		return no_memory(t);
	}
	if (json_array_append_new(pair, j) != 0) {
		json_decref(pair);
		return no_memory(t);
	}
	return pair;
}

/*
 * Puts the next item of the innermost step into its JSON.  The item's own JSON
 * is put in place empty and then filled, so that there is one tree to free.
 */
static int
to_item(struct to *t)
{
	struct amas__step *s = &t->step[t->n - 1];
	enum form form = (enum form)t->form[t->n - 1];
	json_t *in = t->in[t->n - 1], *pair = NULL, *j;
	const struct amas_value *key = NULL, *v;
	int rc;

	if (s->v->type == AMAS_MAP)
		key = &s->v->u.item[s->i++];
	if (form == FORM_PAIRS) {
		if ((pair = to_pair(t, key)) == NULL)
			return -1;
		if (json_array_append_new(in, pair) != 0) {
			(void)no_memory(t);
			return -1;
		}
		in = pair;
	} else if (key != NULL && amas__text_valid(key->u.text, key->len) <
	    key->len) {
		(void)cannot(t, "a lone surrogate in a key");
		return -1;
	}
	v = &s->v->u.item[s->i++];
	if ((j = is_container(v) ? to_enter(t, v) : to_scalar(t, v)) == NULL)
		return -1;
	if (key != NULL && pair == NULL)
		rc = json_object_set_new_nocheck(in, key->u.text, j);
	else
		rc = json_array_append_new(in, j);
	if (rc != 0)
		(void)no_memory(t);
	return rc;
}

json_t *
amas_value_to_json(const struct amas_value *v, struct amas_error *err)
{
	json_t *root;
	struct to t;

	if (v == NULL)
		return json_null();
	t.err = err;
	t.levels = t.n = 0;
	root = is_container(v) ? to_enter(&t, v) : to_scalar(&t, v);
	while (root != NULL && t.n > 0) {
		if (t.step[t.n - 1].i == items(t.step[t.n - 1].v)) {
			t.levels -= t.form[--t.n];
		} else if (to_item(&t) != 0) {
			json_decref(root);
			root = NULL;
		}
	}
	return root;
}

/* ---- JSON to value ---- */

/* A list or map that is being filled. */
struct fill {
	json_t *j;
	void *iter;		/* of a map: the pair that is next */
	struct amas_value *v;
	size_t i, n;		/* elements or pairs so far, and all */
};

struct from {
	struct amas__area *a;
	struct amas_error *err;
	bool typed;
	size_t n;
	struct fill fill[AMAS__DEPTH_MAX];
};

static int
from_text(struct from *f, struct amas_value *v, const char *text, size_t len)
{
	char *copy = amas__area_text(f->a, text, len);

	if (copy == NULL)
		return amas__error_nomem(f->err);
	amas__value_text(v, f->a, AMAS_STRING, copy, len);
	return 0;
}

static int
from_enter(struct from *f, struct amas_value *v, json_t *j)
{
	size_t n = json_is_array(j) ? json_array_size(j) : json_object_size(j);
	struct fill *top = &f->fill[f->n];
	struct amas_value *item;

	if (f->n == AMAS__DEPTH_MAX)
		return amas_error_set(f->err, AMAS_ETOOBIG,
		    "nested deeper than %d levels", AMAS__DEPTH_MAX);
	if (n > UINT32_MAX / 2)
		return amas_error_set(f->err, AMAS_ETOOBIG,
		    "%zu elements are too many", n);
	item = amas__area_values(f->a, json_is_array(j) ? n : 2 * n);
	if (item == NULL)
		return amas__error_nomem(f->err);
	amas__value_list(v, f->a, item, n);
	top->j = j;
	top->iter = json_is_object(j) ? json_object_iter(j) : NULL;
	top->v = v;
	top->i = 0;
	top->n = n;
	f->n++;
	return 0;
}

static int
from_any(struct from *f, struct amas_value *v, json_t *j)
{
	switch (json_typeof(j)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		return from_enter(f, v, j);
	case JSON_STRING:
		return from_text(f, v, json_string_value(j),
		    json_string_length(j));
	case JSON_INTEGER:
		amas__value_int(v, f->a, json_integer_value(j));
		return 0;
	case JSON_REAL:
		amas__value_real(v, f->a, json_real_value(j));
		return 0;
	case JSON_TRUE:
	case JSON_FALSE:
		amas__value_bool(v, f->a, json_is_true(j));
		return 0;
	case JSON_NULL:
		break;
	}
	amas__value_null(v, f->a);
	return 0;
}

static size_t
key_len(void *iter)
{
#if JANSSON_VERSION_HEX >= 0x020e00
	return json_object_iter_key_len(iter);
#else
	return strlen(json_object_iter_key(iter));
#endif
}

static int
from_item(struct from *f)
{
	struct fill *top = &f->fill[f->n - 1];
	struct amas_value *item = top->v->u.item;
	size_t i = top->i++;
	json_t *j;
	int rc;

	if (json_is_array(top->j))
		return from_any(f, &item[i], json_array_get(top->j, i));
	rc = from_text(f, &item[2 * i], json_object_iter_key(top->iter),
	    key_len(top->iter));
	if (rc != 0)
		return rc;
	j = json_object_iter_value(top->iter);
	top->iter = json_object_iter_next(top->j, top->iter);
	return from_any(f, &item[2 * i + 1], j);
}

static int
from_leave(struct from *f)
{
	struct fill *top = &f->fill[--f->n];
	struct amas_value *item = top->v->u.item;

	if (json_is_array(top->j))
		return 0;
	if (amas__value_map(top->v, f->a, item, top->n) != 0)
		return amas__error_nomem(f->err);
	if (top->n == 1 && amas__value_is(&item[0], type_key))
		f->typed = true;
	return 0;
}

static int
from_json(struct amas__area *a, struct amas_value **out, json_t *json,
    struct amas_error *err)
{
	const struct amas_value *v;
	struct amas_value *root;
	struct from f;
	int rc;

	f.a = a;
	f.err = err;
	f.typed = false;
	f.n = 0;
	root = amas__area_values(a, 1);
	*out = amas__area_values(a, 1);
	if (root == NULL || *out == NULL)
		return amas__error_nomem(err);
	rc = from_any(&f, root, json);
	while (rc == 0 && f.n > 0)
		rc = f.fill[f.n - 1].i < f.fill[f.n - 1].n ? from_item(&f) :
		    from_leave(&f);
	v = root;
	if (rc == 0 && f.typed)
		rc = amas__types_lift(a, &v, NULL, true, err);
	if (rc == 0 && amas__value_share(*out, a, v) != 0)
		rc = amas__error_nomem(err);
	return rc;
}

int
amas_value_from_json(struct amas_value **out, const json_t *json,
    struct amas_error *err)
{
	struct amas_value *v = NULL;
	struct amas__area *a;
	int rc;

	if (json == NULL)
		return amas_error_set(err, AMAS_EINVAL, "no JSON");
	if ((a = amas__area_new(NULL)) == NULL)
		return amas__error_nomem(err);
	/* jansson's iterators want no const, though nothing is changed */
	rc = from_json(a, &v, (json_t *)(uintptr_t)json, err);
	if (rc == 0)
		*out = v;
	else
		amas__area_unref(a);
	return rc;
}
