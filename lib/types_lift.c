/*
 * The change between typed values and the maps {"__type__": [id, rep]} in which
 * they travel.
 *
 * Both directions walk a value with one loop, children first, and copy a list
 * or map only when something in it changes.
 */
#include "codec.h"

#include <string.h>

#include "base64.h"
#include "date.h"
#include "err.h"
#include "log.h"
#include "where.h"

static const char type_key[] = "__type__";

/* ---- The walk ---- */

struct walk {
	struct amas__area *a;	/* of what is made */
	const struct amas__types *types;
	bool lines;
	const struct amas_out *out;	/* lower */
	const char *mount;	/* mount: the path, mount_len bytes */
	size_t mount_len;
	struct amas_error *err;
	/* Replaces *v by something made in a, or leaves it. */
	int (*change)(struct walk *w, const struct amas_value **v);
	size_t n;		/* steps */
	struct amas__step step[AMAS__DEPTH_MAX];
	struct amas_value *copy[AMAS__DEPTH_MAX]; /* changed items, or NULL */
};

/* How many values lie in v; for a proxy none that concern us. */
static size_t
items(const struct amas_value *v)
{
	switch ((enum amas_type)v->type) {
	case AMAS_LIST:
	case AMAS_TYPED:
		return v->len;
	case AMAS_MAP:
		return (size_t)v->len * 2;
	default:
		return 0;
	}
}

static int
enter(struct walk *w, const struct amas_value *v)
{
	if ((v->flags & AMAS__V_SPOILED) != 0)
		return amas_error_set(w->err, AMAS_EINVAL,
		    "value is spoilt: adding to it failed");
	if (w->n == AMAS__DEPTH_MAX)
		return amas_error_set(w->err, AMAS_ETOOBIG,
		    "nested deeper than %d levels", AMAS__DEPTH_MAX);
	w->step[w->n].v = v;
	w->step[w->n].i = 0;
	w->copy[w->n++] = NULL;
	return 0;
}

/* Puts a changed item where the innermost step stands. */
static int
replace(struct walk *w, const struct amas_value *item)
{
	struct amas__step *s = &w->step[w->n - 1];
	struct amas_value **copy = &w->copy[w->n - 1];
	size_t n = items(s->v);

	if (*copy == NULL) {
		if ((*copy = amas__area_values(w->a, n)) == NULL)
			return amas__error_nomem(w->err);
		memcpy(*copy, s->v->u.item, n * sizeof **copy);
	}
	(*copy)[s->i - 1] = *item;
	return 0;
}

/* Ends the innermost step; gives what has become of its value. */
static int
leave(struct walk *w, const struct amas_value **v)
{
	struct amas_value *new;

	w->n--;
	*v = w->step[w->n].v;
	if (w->copy[w->n] != NULL) {
		if ((new = amas__area_values(w->a, 1)) == NULL)
			return amas__error_nomem(w->err);
		*new = **v;
		new->area = w->a;
		new->flags = 0;
		new->u.item = w->copy[w->n];
		*v = new;
	}
	return w->change(w, v);
}

static int
walk(struct walk *w, const struct amas_value **v)
{
	const struct amas_value *old, *now;
	struct amas__step *s;
	int rc;

	if (items(*v) == 0)
		return w->change(w, v);
	if ((rc = enter(w, *v)) != 0)
		return rc;
	for (;;) {
		s = &w->step[w->n - 1];
		if (s->i < items(s->v)) {
			old = now = &s->v->u.item[s->i++];
			if (items(now) > 0)
				rc = enter(w, now);
			else if ((rc = w->change(w, &now)) == 0 && now != old)
				rc = replace(w, now);
		} else {
			old = s->v;
			if ((rc = leave(w, &now)) == 0 && w->n == 0) {
				*v = now;
				return 0;
			}
			if (rc == 0 && now != old)
				rc = replace(w, now);
		}
		if (rc != 0)
			return rc;
	}
}

/* ---- Lifting: maps become what they stand for ---- */

static bool
is_text(const struct amas_value *v)
{
	return v->type == AMAS_STRING;
}

/* An id that stands for nothing here. */
static int
unknown_id(struct walk *w, const struct amas_value *id)
{
	if (id->type == AMAS_INT)
		return amas_error_set(w->err, AMAS_ETYPE,
		    "unknown type id %lld", (long long)id->u.i);
	if (id->type == AMAS_BIGINT)
		return amas_error_set(w->err, AMAS_ETYPE,
		    "unknown type id %.40s%s", id->u.text,
		    id->len > 40 ? "..." : "");
	return amas_error_set(w->err, AMAS_ETYPE, "__type__ is no pair");
}

/* Makes the text of a date, which is one, whole. */
static int
complete_date(struct walk *w, struct amas_value *v)
{
	struct amas_value *rep = &v->u.item[1];
	char whole[AMAS__DATE_SIZE], *text;
	const char *why;
	size_t len = amas__date_complete(whole, rep->u.text, rep->len, &why);

	if (len == rep->len && memcmp(whole, rep->u.text, len) == 0)
		return 0;
	if ((text = amas__area_text(w->a, whole, len)) == NULL)
		return amas__error_nomem(w->err);
	amas__value_text(rep, w->a, AMAS_STRING, text, len);
	return 0;
}

static int
make_typed(struct walk *w, const struct amas_value **v, const char *name,
    const struct amas_value *rep)
{
	struct amas_value *new = amas__area_values(w->a, 1);
	int rc;

	if (new == NULL || amas__value_typed(new, w->a, name, rep) != 0)
		return amas__error_nomem(w->err);
	if ((rc = amas__types_check(new, w->step, w->n, w->err)) != 0)
		return rc;
	*v = new;
	return strcmp(name, "date") == 0 ? complete_date(w, new) : 0;
}

static int
make_proxy(struct walk *w, const struct amas_value **v,
    const struct amas_value *path)
{
	struct amas_value *new;

	if (!is_text(path))
		return amas_error_set(w->err, AMAS_ETYPE,
		    "path of a proxy is no text");
	new = amas__area_values(w->a, 1);
	if (new == NULL || amas__value_proxy(new, w->a, path->u.text,
	    path->len) != 0)
		return amas__error_nomem(w->err);
	*v = new;
	return 0;
}

static int
make_bytes(struct walk *w, const struct amas_value **v,
    const struct amas_value *text)
{
	struct amas_value *new;
	char *data;
	size_t n;

	if (!is_text(text))
		return amas_error_set(w->err, AMAS_ETYPE,
		    "bytes are no text in base64");
	new = amas__area_values(w->a, 1);
	data = amas__area_alloc(w->a, AMAS__BASE64_BYTES(text->len) + 1);
	if (new == NULL || data == NULL)
		return amas__error_nomem(w->err);
	if (amas__base64_decode(data, &n, text->u.text, text->len) != 0)
		return amas_error_set(w->err, AMAS_ETYPE,
		    "base64 of bytes is wrong at offset %zu", n);
	data[n] = '\0';
	amas__value_text(new, w->a, AMAS_BYTES, data, n);
	*v = new;
	return 0;
}

static int
make_map(struct walk *w, const struct amas_value **v,
    const struct amas_value *list)
{
	struct amas_value *new, *item;
	const struct amas_value *pair;
	size_t i;

	if (list->type != AMAS_LIST)
		goto shape;
	new = amas__area_values(w->a, 1);
	item = amas__area_values(w->a, (size_t)list->len * 2);
	if (new == NULL || item == NULL)
		return amas__error_nomem(w->err);
	for (i = 0; i < list->len; i++) {
		pair = &list->u.item[i];
		if (pair->type != AMAS_LIST || pair->len != 2)
			goto shape;
		/* few codecs can have them, and they hash badly */
		if (pair->u.item[0].type >= AMAS_LIST)
			return amas_error_set(w->err, AMAS_ETYPE,
			    "key of a map is a %s", amas__type_name(
			    (enum amas_type)pair->u.item[0].type));
		item[2 * i] = pair->u.item[0];
		item[2 * i + 1] = pair->u.item[1];
	}
	if (amas__value_map(new, w->a, item, list->len) != 0)
		return amas__error_nomem(w->err);
	*v = new;
	return 0;
shape:
	return amas_error_set(w->err, AMAS_ETYPE, "map is no list of pairs");
}

static int
lift_name(struct walk *w, const struct amas_value **v,
    const struct amas_value *name, const struct amas_value *rep)
{
	char shown[64];

	if (!is_text(name))
		return amas_error_set(w->err, AMAS_ETYPE,
		    "__type__ is no pair");
	if (amas__value_is(name, "proxy"))
		return make_proxy(w, v, rep);
	if (amas__value_is(name, "bytes"))
		return make_bytes(w, v, rep);
	if (amas__value_is(name, "map"))
		return make_map(w, v, rep);
	if (w->types != NULL && !w->types->any ?
	    amas__types_id(w->types, name->u.text, name->len) == -1 :
	    !amas__types_is_name(name->u.text, name->len))
		return amas_error_set(w->err, AMAS_ETYPE,
		    "unknown type \"%s\"", amas__log_text(shown, sizeof shown,
		    name->u.text, name->len));
	return make_typed(w, v, name->u.text, rep);
}

/* Between a host and its children, what has no id goes by its name. */
static bool
is_free_name(const struct amas_value *name)
{
	return amas__types_is_name(name->u.text, name->len) &&
	    !amas__types_is_word(name->u.text, name->len);
}

static int
lift_id(struct walk *w, const struct amas_value **v,
    const struct amas_value *id, const struct amas_value *rep)
{
	const struct amas__types *t = w->types;

	if (t != NULL && t->any && is_text(id) && is_free_name(id))
		return make_typed(w, v, id->u.text, rep);
	if (t == NULL || id->type != AMAS_INT || id->u.i < 0)
		return unknown_id(w, id);
	if ((uint64_t)id->u.i < t->n)
		return make_typed(w, v, t->names[id->u.i], rep);
	if ((uint64_t)id->u.i == t->n && t->proxies)
		return make_proxy(w, v, rep);
	return unknown_id(w, id);
}

static bool
is_type_map(const struct amas_value *v)
{
	return v->type == AMAS_MAP && v->len == 1 &&
	    amas__value_is(&v->u.item[0], type_key);
}

static int
lift(struct walk *w, const struct amas_value **v)
{
	const struct amas_value *pair;

	if (!is_type_map(*v))
		return 0;
	pair = &(*v)->u.item[1];
	if (pair->type != AMAS_LIST || pair->len != 2)
		return amas_error_set(w->err, AMAS_ETYPE,
		    "__type__ is no pair");
	return (w->lines ? lift_name : lift_id)(w, v, &pair->u.item[0],
	    &pair->u.item[1]);
}

/* Lets a hold what v is made of, since what is made may hold parts of v. */
static int
hold(struct amas__area *a, const struct amas_value *v, struct amas_error *err)
{
	struct amas_value ignored;

	if (v->area != a && amas__value_share(&ignored, a, v) != 0)
		return amas__error_nomem(err);
	return 0;
}

int
amas__types_lift(struct amas__area *a, const struct amas_value **v,
    const struct amas__types *types, bool lines, struct amas_error *err)
{
	struct walk w;
	int rc;

	if (*v == NULL)
		return 0;
	if ((rc = hold(a, *v, err)) != 0)
		return rc;
	w.a = a;
	w.types = types;
	w.lines = lines;
	w.out = NULL;
	w.err = err;
	w.change = lift;
	w.n = 0;
	return walk(&w, v);
}

/* ---- Proxies of a peer that stands below a name of ours ---- */

static int
mount(struct walk *w, const struct amas_value **v)
{
	const struct amas_value *path = &(*v)->u.item[0];
	struct amas_value *new;
	size_t len = w->mount_len;
	char *text;

	if ((*v)->type != AMAS_PROXY || ((*v)->flags & AMAS__V_OWN) != 0)
		return 0;
	text = amas__area_alloc(w->a, len + 1 + path->len + 1);
	new = amas__area_values(w->a, 1);
	if (text == NULL || new == NULL)
		return amas__error_nomem(w->err);
	memcpy(text, w->mount, len);
	if (len > 0 && path->len > 0)
		text[len++] = '/';
	memcpy(text + len, path->u.text, path->len);
	if (amas__value_proxy(new, w->a, text, len + path->len) != 0)
		return amas__error_nomem(w->err);
	*v = new;
	return 0;
}

int
amas__types_mount(struct amas__area *a, const struct amas_value **v,
    const char *path, size_t len, struct amas_error *err)
{
	struct walk w;
	int rc;

	if ((rc = hold(a, *v, err)) != 0)
		return rc;
	w.a = a;
	w.types = NULL;
	w.mount = path;
	w.mount_len = len;
	w.err = err;
	w.change = mount;
	w.n = 0;
	return walk(&w, v);
}

/* ---- Lowering: typed values become maps ---- */

/* Makes {"__type__": [id, rep]}; gives the place of rep. */
static struct amas_value *
make_type_map(struct walk *w, const struct amas_value **v, int64_t id)
{
	struct amas_value *map = amas__area_values(w->a, 5);

	if (map == NULL)
		return NULL;
	amas__value_text(&map[1], w->a, AMAS_STRING, type_key,
	    sizeof type_key - 1);
	amas__value_list(&map[2], w->a, &map[3], 2);
	amas__value_int(&map[3], w->a, id);
	if (amas__value_map(&map[0], w->a, &map[1], 1) != 0)
		return NULL;
	*v = map;
	return &map[4];
}

static int
lower_typed(struct walk *w, const struct amas_value **v)
{
	const struct amas_value *name = &(*v)->u.item[0];
	const struct amas_value *rep = &(*v)->u.item[1];
	char shown[64], where[AMAS__WHERE_SIZE];
	struct amas_value *place;
	int id = -1, rc;

	if (w->types != NULL)
		id = amas__types_id(w->types, name->u.text, name->len);
	if (id == -1)
		return amas_error_set(w->err, AMAS_ETYPE,
		    "type \"%s\" is not known on this connection%s",
		    amas__log_text(shown, sizeof shown, name->u.text,
		    name->len), amas__where(where, w->step, w->n));
	if ((rc = amas__types_check(*v, w->step, w->n, w->err)) != 0)
		return rc;
	if ((place = make_type_map(w, v, id)) == NULL)
		return amas__error_nomem(w->err);
	*place = *rep;
	return 0;
}

static int
lower_proxy(struct walk *w, const struct amas_value **v)
{
	struct amas_value *place;
	struct amas__buf path;
	char *text;
	size_t len;
	int rc;

	if ((rc = amas__out_path(w->out, *v, &path, w->err)) != 0)
		return rc;
	len = amas__buf_len(&path);
	text = amas__area_text(w->a, amas__buf_head(&path), len);
	amas__buf_fini(&path);
	if (text == NULL ||
	    (place = make_type_map(w, v, (int64_t)w->types->n)) == NULL)
		return amas__error_nomem(w->err);
	amas__value_text(place, w->a, AMAS_STRING, text, len);
	return 0;
}

static int
lower(struct walk *w, const struct amas_value **v)
{
	char where[AMAS__WHERE_SIZE];

	if ((*v)->type == AMAS_TYPED)
		return lower_typed(w, v);
	if ((*v)->type == AMAS_PROXY)
		return lower_proxy(w, v);
	if (w->types != NULL && is_type_map(*v))
		return amas_error_set(w->err, AMAS_ETYPE,
		    "a map with \"%s\" as its only key cannot be sent%s",
		    type_key, amas__where(where, w->step, w->n));
	return 0;
}

int
amas__types_lower(struct amas__area *a, const struct amas_value **v,
    const struct amas_out *out, struct amas_error *err)
{
	struct walk w;

	if (*v == NULL)
		return 0;
	w.a = a;
	w.types = out->types;
	w.lines = false;
	w.out = out;
	w.err = err;
	w.change = lower;
	w.n = 0;
	return walk(&w, v);
}
