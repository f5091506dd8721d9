/*
 * The answers of simulators; see mosaik.h.
 *
 * What a script cannot know to be wrong, because mosaik says it late or not at
 * all, is said here in its terms: which function, what it gave, what is wanted.
 */
#include "mosaik.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "log.h"
#include "value.h"

#define SHOWN 60		/* bytes of a value in messages */
#define NAME_SHOWN 100		/* of a function */
#define LEVELS 200		/* Python reads 980, and copies 300 */
#define DIGITS 4300		/* of a whole number; Python reads no more */

void
amas__mosaik_init(struct amas__mosaik *m)
{
	memset(m, 0, sizeof *m);
	amas__map_init(&m->models);
	amas__map_init(&m->entities);
}

void
amas__mosaik_fini(struct amas__mosaik *m)
{
	amas__map_fini(&m->models);
	amas__map_fini(&m->entities);
}

/* ---- Names ---- */

/* What it asks a simulator for; "finalize" is its own name for stop. */
static const char *const needed[] = { "init", "create", "step", "get_data",
	NULL };
static const char *const others[] = { "setup_done", "stop", NULL };
static const char *const asked[] = { "get_progress", "get_related_entities",
	"get_data", "set_data", "set_event", NULL };

static bool
has(const char *const *names, const char *name)
{
	while (*names != NULL)
		if (strcmp(*names++, name) == 0)
			return true;
	return false;
}

const char *const *
amas__mosaik_needed(void)
{
	return needed;
}

const char *const *
amas__mosaik_asked(void)
{
	return asked;
}

bool
amas__mosaik_may_lack(const char *function)
{
	return has(others, function);
}

/* ---- Saying it ---- */

/* How a value begins, as JSON. */
static const char *
show(const struct amas_value *v, char *buf, size_t size)
{
	void *text = NULL;
	size_t len = 0;

	if (amas_value_encode(v, NULL, NULL, &text, &len, NULL) != 0)
		return amas__type_name(amas_value_type(v));
	(void)amas__log_text(buf, size, text, len);
	free(text);
	return buf;
}

static int
wrong(struct amas_error *err, const struct amas_value *v, const char *what)
{
	char buf[SHOWN + 4];

	return amas_error_set(err, AMAS_ETYPE, "%s: %s",
	    show(v, buf, sizeof buf), what);
}

static bool
is(const struct amas_value *v, enum amas_type type)
{
	return amas_value_type(v) == type;
}

static bool
is_texts(const struct amas_value *v)
{
	size_t i;

	if (!is(v, AMAS_LIST))
		return false;
	for (i = 0; i < amas_value_len(v); i++)
		if (!is(amas_value_at(v, i), AMAS_STRING))
			return false;
	return true;
}

/* ---- What Python reads ---- */

static int
check_digits(const struct amas_value *v, struct amas_error *err)
{
	size_t n = amas_value_len(v) - (amas_value_text(v)[0] == '-');

	return n > DIGITS ? amas_error_set(err, AMAS_ETYPE, "a number of %zu "
	    "digits: mosaik reads %d", n, DIGITS) : 0;
}

static int
check_level(const struct amas_value *v, int level, struct amas_error *err)
{
	size_t i, n = amas_value_len(v);
	int rc = 0;

	if (is(v, AMAS_BIGINT))
		return check_digits(v, err);
	if (!is(v, AMAS_LIST) && !is(v, AMAS_MAP))
		return 0;
	if (level == LEVELS)
		return amas_error_set(err, AMAS_ETYPE, "more than %d levels of "
		    "nesting: mosaik reads no more", LEVELS);
	for (i = 0; i < n && rc == 0; i++)
		rc = check_level(amas_value_at(v, i), level + 1, err);
	return rc;
}

/* Makes what err says of a function the text of its failure; returns rc. */
static int
failure(struct amas_error *err, int rc, const char *function)
{
	if (rc == 0 || err == NULL)
		return rc;
	return amas_error_set(err, rc, "%s: %.*s: %s", rc == AMAS_ENOMEM ?
	    "MemoryError" : "ValueError", NAME_SHOWN, function, err->text);
}

int
amas__mosaik_check_value(const char *function, const struct amas_value *v,
    struct amas_error *err)
{
	return failure(err, check_level(v, 0, err), function);
}

/* ---- init ---- */

/* Its first number, or the largest; 0: it is no version. */
static long
major(const char *text)
{
	const char *p = text;
	long n = strtol(text, NULL, 10);

	for (;;) {
		if (*p < '0' || *p > '9')
			return 0;
		p += strspn(p, "0123456789");
		if (*p == '\0')
			return n;
		if (*p++ != '.')
			return 0;
	}
}

static int
take_version(long *out, const struct amas_value *meta, struct amas_error *err)
{
	const struct amas_value *v = amas_value_get(meta, "api_version");

	*out = 1;
	if (v == NULL)
		return 0;
	if (!is(v, AMAS_STRING) || (*out = major(amas_value_text(v))) == 0)
		return wrong(err, v, "\"api_version\" is a text, as \"3.0\"");
	return 0;
}

static int
take_kind(struct amas__mosaik *m, const struct amas_value *meta, long version,
    struct amas_error *err)
{
	static const char *const kinds[] = {
		[AMAS__MOSAIK_TIME] = "time-based",
		[AMAS__MOSAIK_EVENT] = "event-based",
		[AMAS__MOSAIK_HYBRID] = "hybrid" };
	const struct amas_value *v = amas_value_get(meta, "type");
	size_t i;

	m->kind = AMAS__MOSAIK_TIME;
	if (v == NULL && version < 3)
		return 0;
	for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (amas__value_is(v, kinds[i])) {
			m->kind = (enum amas__mosaik_kind)i;
			return 0;
		}
	return wrong(err, v, "\"type\" is one of time-based, event-based and "
	    "hybrid");
}

/* The lists that a model may have are of texts, its switches true or false. */
static int
check_model(const struct amas_value *model, struct amas_error *err)
{
	static const char *const lists[] = { "params", "attrs", "trigger",
		"non-trigger", "persistent", "non-persistent" };
	static const char *const switches[] = { "public", "any_inputs" };
	const struct amas_value *v;
	size_t i;

	if (!is(model, AMAS_MAP))
		return wrong(err, model, "a model is a map");
	for (i = 0; i < sizeof lists / sizeof *lists; i++) {
		v = amas_value_get(model, lists[i]);
		if (v != NULL && !is_texts(v))
			return amas_error_set(err, AMAS_ETYPE, "\"%s\" of a "
			    "model is a list of texts", lists[i]);
	}
	for (i = 0; i < sizeof switches / sizeof *switches; i++) {
		v = amas_value_get(model, switches[i]);
		if (v != NULL && !is(v, AMAS_BOOL))
			return amas_error_set(err, AMAS_ETYPE, "\"%s\" of a "
			    "model is true or false", switches[i]);
	}
	return 0;
}

static int
take_models(struct amas__mosaik *m, const struct amas_value *meta,
    struct amas_error *err)
{
	const struct amas_value *models = amas_value_get(meta, "models"), *name;
	size_t i;
	int rc;

	if (models == NULL)
		return wrong(err, meta, "has no \"models\", a map of names and "
		    "models");
	if (!is(models, AMAS_MAP))
		return wrong(err, models, "\"models\" is a map of names and "
		    "models");
	for (i = 0; i < amas_value_len(models); i++) {
		name = amas_value_key(models, i);
		if (!is(name, AMAS_STRING))
			return wrong(err, name, "the name of a model is text");
		if ((rc = check_model(amas_value_at(models, i), err)) != 0)
			return rc;
		if (amas__map_set(&m->models, amas_value_text(name),
		    amas_value_len(name), m) != 0)
			return amas__error_nomem(err);
	}
	return 0;
}

static bool
is_own(const char *name)
{
	return has(needed, name) || has(others, name) ||
	    strcmp(name, "finalize") == 0;
}

static int
check_methods(const struct amas__mosaik *m, const struct amas_value *meta,
    struct amas_error *err)
{
	const struct amas_value *v = amas_value_get(meta, "extra_methods");
	const struct amas_value *name;
	size_t i;

	if (v != NULL && !is_texts(v))
		return wrong(err, v, "\"extra_methods\" is a list of texts");
	for (i = 0; i < amas_value_len(v); i++) {
		name = amas_value_at(v, i);
		if (is_own(amas_value_text(name)) ||
		    amas__map_get(&m->models, amas_value_text(name),
		    amas_value_len(name)) != NULL)
			return wrong(err, name, "no name for an extra method");
	}
	return 0;
}

static int
check_init(struct amas__mosaik *m, const struct amas_value *args,
    const struct amas_value *meta, struct amas_error *err)
{
	long version;
	int rc;

	(void)args;
	if (!is(meta, AMAS_MAP))
		return wrong(err, meta, "not the map that describes a "
		    "simulator");
	if ((rc = take_version(&version, meta, err)) != 0 ||
	    (rc = take_kind(m, meta, version, err)) != 0 ||
	    (rc = take_models(m, meta, err)) != 0 ||
	    (rc = check_methods(m, meta, err)) != 0)
		return rc;
	m->begun = true;
	return 0;
}

/* ---- create ---- */

struct making {
	struct amas__mosaik *m;
	struct amas__map ids;	/* of this call */
	struct amas_error *err;
};

static int make_all(struct making *k, const struct amas_value *list,
    const struct amas_value *model);

static int
take_id(struct making *k, const struct amas_value *id)
{
	const char *text = amas_value_text(id);
	size_t len = amas_value_len(id);

	if (!is(id, AMAS_STRING))
		return wrong(k->err, id, "the \"eid\" of an entity is text");
	if (amas__map_get(&k->m->entities, text, len) != NULL ||
	    amas__map_get(&k->ids, text, len) != NULL)
		return wrong(k->err, id, "two entities have that id");
	if (amas__map_set(&k->ids, text, len, k) != 0)
		return amas__error_nomem(k->err);
	return 0;
}

/* The same text?  Without memory: that one may be short is no answer. */
static bool
same(const struct amas_value *a, const struct amas_value *b)
{
	return is(a, AMAS_STRING) && is(b, AMAS_STRING) &&
	    amas_value_len(a) == amas_value_len(b) &&
	    memcmp(amas_value_text(a), amas_value_text(b),
	    amas_value_len(a)) == 0;
}

/* model NULL: it is a child, of any of the models. */
static int
make_one(struct making *k, const struct amas_value *entity,
    const struct amas_value *model)
{
	const struct amas_value *type = amas_value_get(entity, "type");
	const struct amas_value *v;
	int rc;

	if (!is(entity, AMAS_MAP))
		return wrong(k->err, entity, "an entity is a map, {\"eid\": "
		    "..., \"type\": ...}");
	if ((rc = take_id(k, amas_value_get(entity, "eid"))) != 0)
		return rc;
	if (model != NULL ? !same(type, model) :
	    !is(type, AMAS_STRING) || amas__map_get(&k->m->models,
	    amas_value_text(type), amas_value_len(type)) == NULL)
		return wrong(k->err, type, model != NULL ? "the \"type\" of an "
		    "entity is the model that was asked for" :
		    "the \"type\" of a child is a model");
	v = amas_value_get(entity, "rel");
	if (v != NULL && !is_texts(v))
		return wrong(k->err, v, "\"rel\" is a list of ids");
	v = amas_value_get(entity, "children");
	return v == NULL || is(v, AMAS_NULL) ? 0 : make_all(k, v, NULL);
}

static int
make_all(struct making *k, const struct amas_value *list,
    const struct amas_value *model)
{
	size_t i;
	int rc = 0;

	if (!is(list, AMAS_LIST))
		return wrong(k->err, list, "not a list of entities");
	for (i = 0; i < amas_value_len(list) && rc == 0; i++)
		rc = make_one(k, amas_value_at(list, i), model);
	return rc;
}

static int
keep_ids(struct making *k)
{
	const char *id;
	size_t i = 0, len;

	while (amas__map_next(&k->ids, &i, &id, &len) != NULL)
		if (amas__map_set(&k->m->entities, id, len, k->m) != 0)
			return amas__error_nomem(k->err);
	return 0;
}

static int
check_create(struct amas__mosaik *m, const struct amas_value *args,
    const struct amas_value *list, struct amas_error *err)
{
	struct making k = { .m = m, .err = err };
	int64_t n = amas_value_int(amas_value_at(args, 0));
	int rc;

	amas__map_init(&k.ids);
	rc = make_all(&k, list, amas_value_at(args, 1));
	if (rc == 0 && (int64_t)amas_value_len(list) != n)
		rc = amas_error_set(err, AMAS_ETYPE, "%zu entities, not %lld",
		    amas_value_len(list), (long long)n);
	if (rc == 0)
		rc = keep_ids(&k);
	amas__map_fini(&k.ids);
	return rc;
}

/* ---- step, get_data ---- */

/* Whether a whole number is at least a time; of one with many digits the sign. */
static bool
is_from(const struct amas_value *v, int64_t t)
{
	return is(v, AMAS_INT) ? amas_value_int(v) >= t :
	    amas_value_text(v)[0] != '-';
}

static bool
is_whole(const struct amas_value *v)
{
	return is(v, AMAS_INT) || is(v, AMAS_BIGINT);
}

static int
check_step(struct amas__mosaik *m, const struct amas_value *args,
    const struct amas_value *next, struct amas_error *err)
{
	int64_t now = amas_value_int(amas_value_at(args, 0));

	if (is(next, AMAS_NULL) && m->kind == AMAS__MOSAIK_TIME)
		return amas_error_set(err, AMAS_ETYPE, "gave nothing, not the "
		    "time of the next step");
	if (!is(next, AMAS_NULL) && !is_whole(next))
		return wrong(err, next, "the time of the next step is a whole "
		    "number");
	if (!is(next, AMAS_NULL) && (now == INT64_MAX ||
	    !is_from(next, now + 1)))
		return wrong(err, next, "the next step is no later than this "
		    "one");
	m->now = now;
	m->stepped = true;
	return 0;
}

static int
check_data(struct amas__mosaik *m, const struct amas_value *args,
    const struct amas_value *data, struct amas_error *err)
{
	const struct amas_value *id, *v;
	size_t i;

	(void)args;
	if (!is(data, AMAS_MAP))
		return wrong(err, data, "not the map of entities and what they "
		    "give; {} is an empty one");
	for (i = 0; i < amas_value_len(data); i++) {
		id = amas_value_key(data, i);
		v = amas_value_at(data, i);
		if (!amas__value_is(id, "time")) {
			if (!is(v, AMAS_MAP))
				return wrong(err, v, "what an entity gives is "
				    "a map");
		} else if (!is_whole(v) || (m->stepped && !is_from(v, m->now)))
			return wrong(err, v, "\"time\" is a whole number, no "
			    "earlier than the step");
	}
	return 0;
}

/* ---- All of them ---- */

static const struct {
	const char *name;
	int (*check)(struct amas__mosaik *m, const struct amas_value *args,
	    const struct amas_value *answer, struct amas_error *err);
} checks[] = {
	{ "init", check_init },
	{ "create", check_create },
	{ "step", check_step },
	{ "get_data", check_data },
};

static int
check(struct amas__mosaik *m, const char *function,
    const struct amas_value *args, const struct amas_value *answer,
    struct amas_error *err)
{
	size_t i;
	int rc = check_level(answer, 0, err);

	for (i = 0; i < sizeof checks / sizeof *checks && rc == 0; i++)
		if (strcmp(checks[i].name, function) == 0)
			return checks[i].check(m, args, answer, err);
	return rc;
}

int
amas__mosaik_check(struct amas__mosaik *m, const char *function,
    const struct amas_value *args, const struct amas_value *answer,
    struct amas_error *err)
{
	return failure(err, check(m, function, args, answer, err), function);
}

int
amas__mosaik_check_meta(struct amas__mosaik *m, const struct amas_value *meta,
    struct amas_error *err)
{
	return check(m, "init", NULL, meta, err);
}
