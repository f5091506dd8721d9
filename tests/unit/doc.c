/* Values as jansson's and back; what jansson has not, and depth. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "amas_jansson.h"
#include "codec.h"
#include "tap.h"
#include "value.h"

/* What the value is as jansson prints it. */
static char *
print(const struct amas_value *v, struct amas_error *err)
{
	json_t *j = amas_value_to_json(v, err);
	char *text;

	if (j == NULL)
		return NULL;
	text = json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);
	json_decref(j);
	return text;
}

/* Makes a value of a message line's JSON, with any names. */
static struct amas_value *
line(const char *json)
{
	struct amas__area *a = amas__area_new(NULL);
	char *copy = amas__area_text(a, json, strlen(json));
	const struct amas_value *v;
	struct amas_value *kept;
	bool typed = false;

	if (amas__codec_decode(NULL, a, copy, strlen(json), NULL, &v, &typed,
	    NULL) != 0 || amas__types_lift(a, &v, NULL, true, NULL) != 0)
		abort();
	kept = amas_value_keep(v);
	amas__area_unref(a);
	return kept;
}

/* ---- There and back ---- */

static const char *const round_trips[] = {
	"null", "true", "false", "0", "-9223372036854775808",
	"9223372036854775807", "1.5", "\"\"", "\"text\"", "\"a\\u0000b\"",
	"[]", "{}", "[1,[2,[]],{}]", "{\"a\":{\"b\":[null]},\"c\":\"d\"}",
	"{\"\":1}",
	"{\"__type__\":[\"point\",[1.5,{\"__type__\":[\"a\",null]}]]}",
	"{\"__type__\":[\"proxy\",\"sub/x\"]}",
	"{\"__type__\":[\"bytes\",\"AAEC\"]}",
	"{\"__type__\":[\"bytes\",\"\"]}",
	"{\"__type__\":[\"map\",[[1,2],[\"1\",[3]],[null,{}]]]}",
	"{\"__type__\":[\"map\",[[\"__type__\",5]]]}",
	"{\"__type__\":[\"map\",[[\"__type__\",5],[\"b\",6]]]}",
	"{\"__type__\":[\"map\",[[{\"__type__\":[\"bytes\",\"AA==\"]},1]]]}",
	"{\"__type__\":[\"map\",[[\"a\\u0000b\",1]]]}",
};

static void
test_round_trips(void)
{
	struct amas_value *v, *w;
	struct amas_error err;
	char *text;
	json_t *j;
	size_t i;

	for (i = 0; i < sizeof round_trips / sizeof *round_trips; i++) {
		v = line(round_trips[i]);
		text = print(v, &err);
		tap_str(text, round_trips[i], "as JSON: %s", round_trips[i]);
		j = amas_value_to_json(v, &err);
		w = NULL;
		tap_int(amas_value_from_json(&w, j, &err), 0, "and back");
		tap_ok(amas__value_equal(v, w), "it is equal");
		json_decref(j);
		amas_value_free(w);
		amas_value_free(v);
		free(text);
	}
}

/* ---- What cannot be ---- */

static void
refuse(struct amas_value *v, int code, const char *why)
{
	struct amas_error err = { 0, 0, "" };
	json_t *j = amas_value_to_json(v, &err);

	tap_ok(j == NULL, "refused: %s", why);
	tap_int(err.code, code, "its code");
	tap_str(err.text, why, "its text");
	json_decref(j);
	amas_value_free(v);
}

static void
test_to_refused(void)
{
	struct amas__held own = { 1, NULL };
	struct amas_value *v;
	struct amas__area *a;

	refuse(amas_value_pack("[f]", (double)NAN), AMAS_ETYPE,
	    "jansson cannot hold NaN (at [0])");
	refuse(amas_value_pack("{s:f}", "x", (double)-INFINITY), AMAS_ETYPE,
	    "jansson cannot hold infinity (at .x)");
	refuse(amas_value_pack("N", "9223372036854775808"), AMAS_ETYPE,
	    "jansson cannot hold an integer of over 64 bits");
	refuse(line("[1,\"\\ud800\"]"), AMAS_ETYPE,
	    "jansson cannot hold a lone surrogate (at [1])");
	a = amas__area_new(NULL);
	if (a == NULL || (v = amas__area_values(a, 1)) == NULL)
		abort();
	memset(v, 0, sizeof *v);
	v->type = AMAS_PROXY;
	v->flags = AMAS__V_OWN;
	v->area = a;
	v->u.own = &own;
	refuse(v, AMAS_ETYPE, "jansson cannot hold a proxy of an own object");
}

static void
test_from_refused(void)
{
	static const struct {
		const char *json;
		const char *why;
	} t[] = {
		{ "{\"__type__\":[\"no name\",1]}",
		    "unknown type \"no name\"" },
		{ "{\"__type__\":[0,1]}", "__type__ is no pair" },
		{ "[{\"__type__\":[\"bytes\",\"A\"]}]",
		    "base64 of bytes is wrong at offset 1" },
	};
	struct amas_error err;
	struct amas_value *v = NULL;
	json_t *j;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		j = json_loads(t[i].json, 0, NULL);
		tap_int(amas_value_from_json(&v, j, &err), AMAS_ETYPE,
		    "refused: %s", t[i].json);
		tap_str(err.text, t[i].why, "why");
		json_decref(j);
	}
	tap_int(amas_value_from_json(&v, NULL, &err), AMAS_EINVAL,
	    "NULL is no JSON");
	j = json_array();
	json_array_append(j, json_true());
	tap_int(amas_value_from_json(&v, j, &err), 0, "a list");
	tap_int(json_array_size(j) == 1, 1, "stays the caller's");
	json_decref(j);
	amas_value_free(v);
}

static void
test_keys(void)
{
	json_t *j = json_object();
	struct amas_value *v = NULL;

	/* as a parser that allows it makes it */
	json_decref(j);
	j = json_loads("{\"a\\u0000b\":1}", JSON_ALLOW_NUL, NULL);
	if (j == NULL) {
		tap_ok(true, "# SKIP this jansson has no NUL in keys");
		return;
	}
	tap_int(amas_value_from_json(&v, j, NULL), 0, "a key with NUL");
	tap_int((long long)amas_value_len(amas_value_key(v, 0)), 3,
	    "is whole");
	amas_value_free(v);
	json_decref(j);
}

/* ---- Depth ---- */

static json_t *
nested(size_t n)
{
	json_t *j = json_array(), *outer;

	while (--n > 0) {
		outer = json_array();
		json_array_append_new(outer, j);
		j = outer;
	}
	return j;
}

static void
test_depth(void)
{
	struct amas_value *v = NULL, *one;
	struct amas_error err;
	json_t *j = nested(1000), *k;

	tap_int(amas_value_from_json(&v, j, &err), 0,
	    "faults 16: 1000 levels");
	k = amas_value_to_json(v, &err);
	tap_ok(json_equal(j, k), "faults 16: and back");
	json_decref(k);
	one = amas_value_pack("[v]", v);
	tap_ok(amas_value_to_json(one, &err) == NULL &&
	    err.code == AMAS_ETOOBIG, "faults 16: 1001 levels are refused");
	amas_value_free(one);
	amas_value_free(v);
	json_decref(j);
	j = nested(1001);
	tap_int(amas_value_from_json(&v, j, &err), AMAS_ETOOBIG,
	    "faults 16: of jansson's too");
	json_decref(j);
	j = nested(997);
	tap_int(amas_value_from_json(&v, j, &err), 0, "997 levels");
	one = amas_value_pack("{i:v}", 1, v);
	k = amas_value_to_json(one, &err);
	tap_ok(k == NULL && err.code == AMAS_ETOOBIG,
	    "faults 16: a map of pairs counts four levels");
	amas_value_free(one);
	amas_value_free(v);
	json_decref(j);
}

static void
test_memory(void)
{
	struct amas_value *v = line("[{\"__type__\":[\"a\",[\"x\"]]},"
	    "{\"__type__\":[\"bytes\",\"AAEC\"]}]"), *w;
	struct amas_error err;
	unsigned long n;
	json_t *j;
	int rc;

	for (n = 1, rc = -1; rc != 0; n++) {
		w = NULL;
		tap_fail_alloc(n);
		j = amas_value_to_json(v, &err);
		rc = j != NULL ? amas_value_from_json(&w, j, &err) : err.code;
		tap_fail_alloc(0);
		if (rc == 0 && !amas__value_equal(v, w))
			rc = -100;
		json_decref(j);
		amas_value_free(w);
		if (rc != 0 && rc != AMAS_ENOMEM)
			break;
	}
	tap_int(rc, 0, "faults 85: each of %lu allocations fails once", n - 2);
	amas_value_free(v);
}

int
main(void)
{
	test_round_trips();
	test_to_refused();
	test_from_refused();
	test_keys();
	test_depth();
	test_memory();
	return tap_done();
}
