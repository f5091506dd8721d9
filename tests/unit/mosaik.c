/* What mosaik takes of a simulator, and how that is said which it does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amas.h"
#include "mosaik.h"
#include "tap.h"

static struct amas_value *
value(const char *json)
{
	struct amas_value *v = NULL;

	if (amas_value_decode(&v, NULL, NULL, json, strlen(json), NULL) != 0)
		tap_ok(false, "mosaik: %s is JSON", json);
	return v;
}

/* Has an answer looked at; gives 0 and "", or a code and what is wrong. */
static int
look(struct amas__mosaik *m, const char *function, const char *args,
    const char *answer, struct amas_error *err)
{
	struct amas_value *a = value(args), *v = value(answer);
	int rc;

	memset(err, 0, sizeof *err);
	rc = amas__mosaik_check(m, function, a, v, err);
	amas_value_free(a);
	amas_value_free(v);
	return rc;
}

static void
takes(struct amas__mosaik *m, const char *function, const char *args,
    const char *answer)
{
	struct amas_error err;

	tap_int(look(m, function, args, answer, &err), 0,
	    "mosaik: %s takes %.50s", function, answer);
	tap_str(err.text, "", "mosaik: and says nothing");
}

static void
refuses(struct amas__mosaik *m, const char *function, const char *args,
    const char *answer, const char *why)
{
	struct amas_error err;
	char text[sizeof err.text];

	tap_int(look(m, function, args, answer, &err), AMAS_ETYPE,
	    "mosaik: %s refuses %.50s", function, answer);
	(void)snprintf(text, sizeof text, "ValueError: %s: %s", function, why);
	tap_str(err.text, text, "mosaik: and says why");
}

/* ---- init ---- */

#define META(rest) \
	"{\"api_version\": \"3.0\", \"type\": \"time-based\", " rest "}"
#define MODELS "\"models\": {\"M\": {}}"

static void
init_takes(const char *meta)
{
	struct amas__mosaik m;

	amas__mosaik_init(&m);
	tap_ok(!m.begun, "mosaik: it has not begun");
	takes(&m, "init", "[\"S-0\"]", meta);
	tap_ok(m.begun, "mosaik: it has begun");
	amas__mosaik_fini(&m);
}

static void
test_metas(void)
{
	init_takes(META(MODELS));
	init_takes("{\"models\": {}}"); /* of API 1 */
	init_takes("{\"api_version\": \"2.2\", " MODELS "}");
	init_takes("{\"api_version\": \"3\", \"type\": \"hybrid\", " MODELS "}");
	init_takes("{\"api_version\": \"4294967296\", \"type\": "
	    "\"hybrid\", " MODELS "}");
	init_takes(META("\"models\": {\"M\": {\"public\": true, \"any_inputs\": "
	    "false, \"params\": [\"p\"], \"attrs\": [\"a\"], \"trigger\": [], "
	    "\"persistent\": [], \"other\": 1}}, \"extra_methods\": [\"f\"]"));
}

static void
test_no_metas(void)
{
	static const struct {
		const char *meta, *why;
	} t[] = {
		{ "null", "null: not the map that describes a simulator" },
		{ "\"3.0\"", "\"3.0\": not the map that describes a simulator" },
		{ "{\"api_version\": 3.0, \"type\": \"time-based\", " MODELS "}",
		    "3.0: \"api_version\" is a text, as \"3.0\"" },
		{ "{\"api_version\": \"v3\", " MODELS "}",
		    "\"v3\": \"api_version\" is a text, as \"3.0\"" },
		{ "{\"api_version\": \"3.\", " MODELS "}",
		    "\"3.\": \"api_version\" is a text, as \"3.0\"" },
		{ "{\"api_version\": \"3.0\", " MODELS "}",
		    "null: \"type\" is one of time-based, event-based and "
		    "hybrid" },
		{ "{\"api_version\": \"4294967298.0\", " MODELS "}",
		    "null: \"type\" is one of time-based, event-based and "
		    "hybrid" },
		{ "{\"type\": \"time\", " MODELS "}",
		    "\"time\": \"type\" is one of time-based, event-based and "
		    "hybrid" },
		{ META("\"models\": [\"M\"]"),
		    "[\"M\"]: \"models\" is a map of names and models" },
		{ "{}", "{}: has no \"models\", a map of names and models" },
		{ META("\"models\": {\"M\": 1}"), "1: a model is a map" },
		{ META("\"models\": {\"M\": {\"attrs\": \"a\"}}"),
		    "\"attrs\" of a model is a list of texts" },
		{ META("\"models\": {\"M\": {\"attrs\": true}}"),
		    "\"attrs\" of a model is a list of texts" },
		{ META("\"models\": {\"M\": {\"trigger\": true}}"),
		    "\"trigger\" of a model is a list of texts" },
		{ META("\"models\": {\"M\": {\"params\": [1]}}"),
		    "\"params\" of a model is a list of texts" },
		{ META("\"models\": {\"M\": {\"public\": 1}}"),
		    "\"public\" of a model is true or false" },
		{ META(MODELS ", \"extra_methods\": \"f\""),
		    "\"f\": \"extra_methods\" is a list of texts" },
		{ META(MODELS ", \"extra_methods\": [\"step\"]"),
		    "\"step\": no name for an extra method" },
		{ META(MODELS ", \"extra_methods\": [\"M\"]"),
		    "\"M\": no name for an extra method" },
	};
	struct amas__mosaik m;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		amas__mosaik_init(&m);
		refuses(&m, "init", "[\"S-0\"]", t[i].meta, t[i].why);
		tap_ok(!m.begun, "mosaik: it has not begun");
		amas__mosaik_fini(&m);
	}
}

/* ---- create ---- */

static void
begin(struct amas__mosaik *m, const char *type)
{
	char meta[200];

	amas__mosaik_init(m);
	(void)snprintf(meta, sizeof meta, "{\"api_version\": \"3.0\", "
	    "\"type\": \"%s\", \"models\": {\"M\": {}, \"N\": {}}}", type);
	takes(m, "init", "[\"S-0\"]", meta);
}

static void
test_entities(void)
{
	struct amas__mosaik m;

	begin(&m, "time-based");
	takes(&m, "create", "[2, \"M\"]", "[{\"eid\": \"a\", \"type\": \"M\"}, "
	    "{\"eid\": \"b.c\", \"type\": \"M\", \"rel\": [\"a\"], "
	    "\"extra_info\": 1, \"children\": [{\"eid\": \"d\", \"type\": "
	    "\"N\", \"children\": null}]}]");
	takes(&m, "create", "[0, \"M\"]", "[]");
	refuses(&m, "create", "[1, \"M\"]", "[]", "0 entities, not 1");
	refuses(&m, "create", "[1, \"M\"]", "null",
	    "null: not a list of entities");
	refuses(&m, "create", "[1, \"M\"]", "[\"e\"]",
	    "\"e\": an entity is a map, {\"eid\": ..., \"type\": ...}");
	refuses(&m, "create", "[1, \"M\"]", "[{\"type\": \"M\"}]",
	    "null: the \"eid\" of an entity is text");
	refuses(&m, "create", "[1, \"M\"]", "[{\"eid\": 1, \"type\": \"M\"}]",
	    "1: the \"eid\" of an entity is text");
	refuses(&m, "create", "[1, \"M\"]", "[{\"eid\": \"e\"}]",
	    "null: the \"type\" of an entity is the model that was asked for");
	refuses(&m, "create", "[1, \"M\"]", "[{\"eid\": \"e\", \"type\": \"N\"}]",
	    "\"N\": the \"type\" of an entity is the model that was asked for");
	refuses(&m, "create", "[1, \"M\"]", "[{\"eid\": \"e\", \"type\": \"M\", "
	    "\"children\": [{\"eid\": \"f\", \"type\": \"X\"}]}]",
	    "\"X\": the \"type\" of a child is a model");
	refuses(&m, "create", "[1, \"M\"]", "[{\"eid\": \"e\", \"type\": \"M\", "
	    "\"rel\": \"a\"}]", "\"a\": \"rel\" is a list of ids");
	refuses(&m, "create", "[1, \"M\"]", "[{\"eid\": \"e\", \"type\": \"M\", "
	    "\"children\": 1}]", "1: not a list of entities");
	amas__mosaik_fini(&m);
}

/* Ids are those of all calls that went well, and of no other. */
static void
test_ids(void)
{
	struct amas__mosaik m;

	begin(&m, "time-based");
	refuses(&m, "create", "[2, \"M\"]", "[{\"eid\": \"a\", \"type\": \"M\"}, "
	    "{\"eid\": \"a\", \"type\": \"M\"}]",
	    "\"a\": two entities have that id");
	takes(&m, "create", "[1, \"M\"]", "[{\"eid\": \"a\", \"type\": \"M\", "
	    "\"children\": [{\"eid\": \"b\", \"type\": \"N\"}]}]");
	refuses(&m, "create", "[1, \"M\"]", "[{\"eid\": \"a\", \"type\": \"M\"}]",
	    "\"a\": two entities have that id");
	refuses(&m, "create", "[1, \"M\"]", "[{\"eid\": \"b\", \"type\": \"M\"}]",
	    "\"b\": two entities have that id");
	amas__mosaik_fini(&m);
}

/* ---- step ---- */

static void
test_steps(void)
{
	static const struct {
		const char *next, *why;
	} t[] = {
		{ "null", "gave nothing, not the time of the next step" },
		{ "5", "5: the next step is no later than this one" },
		{ "-1", "-1: the next step is no later than this one" },
		{ "-99999999999999999999", "-99999999999999999999: the next "
		    "step is no later than this one" },
		{ "6.0", "6.0: the time of the next step is a whole number" },
		{ "true", "true: the time of the next step is a whole number" },
		{ "\"6\"", "\"6\": the time of the next step is a whole number" },
	};
	struct amas__mosaik m;
	size_t i;

	begin(&m, "time-based");
	for (i = 0; i < sizeof t / sizeof *t; i++)
		refuses(&m, "step", "[5, {}, 9]", t[i].next, t[i].why);
	takes(&m, "step", "[5, {}, 9]", "6");
	takes(&m, "step", "[6, {}]", "99999999999999999999"); /* of API 2 */
	refuses(&m, "step", "[9223372036854775807, {}]", "9223372036854775807",
	    "9223372036854775807: the next step is no later than this one");
	amas__mosaik_fini(&m);
}

static void
test_events(void)
{
	static const char *const types[] = { "event-based", "hybrid" };
	struct amas__mosaik m;
	size_t i;

	for (i = 0; i < 2; i++) {
		begin(&m, types[i]);
		takes(&m, "step", "[5, {}, 9]", "null");
		refuses(&m, "step", "[5, {}, 9]", "5",
		    "5: the next step is no later than this one");
		takes(&m, "step", "[5, {}, 9]", "6");
		amas__mosaik_fini(&m);
	}
}

/* ---- get_data ---- */

static void
test_data(void)
{
	struct amas__mosaik m;

	begin(&m, "event-based");
	takes(&m, "get_data", "[{}]", "{}");
	takes(&m, "get_data", "[{}]", "{\"time\": -3}"); /* before any step */
	takes(&m, "step", "[5, {}, 9]", "null");
	takes(&m, "get_data", "[{}]", "{\"a\": {\"x\": null}, \"time\": 5}");
	takes(&m, "get_data", "[{}]", "{\"time\": 99999999999999999999}");
	refuses(&m, "get_data", "[{}]", "null", "null: not the map of entities "
	    "and what they give; {} is an empty one");
	refuses(&m, "get_data", "[{}]", "{\"a\": 1}",
	    "1: what an entity gives is a map");
	refuses(&m, "get_data", "[{}]", "{\"time\": 4}",
	    "4: \"time\" is a whole number, no earlier than the step");
	refuses(&m, "get_data", "[{}]", "{\"time\": 5.0}",
	    "5.0: \"time\" is a whole number, no earlier than the step");
	amas__mosaik_fini(&m);
}

/* Anything will do for other functions; what is long is cut in messages. */
static void
test_others(void)
{
	struct amas__mosaik m;

	begin(&m, "time-based");
	takes(&m, "setup_done", "[]", "1.5");
	takes(&m, "extra", "[]", "[null, {\"a\": NaN}]");
	refuses(&m, "step", "[0, {}]",
	    "\"01234567890123456789012345678901234567890123456789012345678901"
	    "2345\"",
	    "\"01234567890123456789012345678901234567890123456789012345678901"
	    ": the time of the next step is a whole number");
	amas__mosaik_fini(&m);
}

/* A value of one character n times, between two others. */
static struct amas_value *
row(const char *before, char c, size_t n, const char *after)
{
	char *text = calloc(1, strlen(before) + n + strlen(after) + 1);
	struct amas_value *v;

	strcpy(text, before);
	memset(text + strlen(text), c, n);
	strcat(text, after);
	v = value(text);
	free(text);
	return v;
}

static void
reads(struct amas_value *v, int rc, const char *what)
{
	struct amas_error err;

	tap_int(amas__mosaik_check_value("f", v, &err), rc, "mosaik: %s",
	    what);
	if (rc != 0)
		tap_ok(strncmp(err.text, "ValueError: f: ", 15) == 0,
		    "mosaik: and says of what");
	amas_value_free(v);
}

/* So many levels of lists. */
static struct amas_value *
nested(size_t n)
{
	char *text = calloc(1, 2 * n + 1);
	struct amas_value *v;

	memset(text, '[', n);
	memset(text + n, ']', n);
	v = value(text);
	free(text);
	return v;
}

static void
test_python(void)
{
	reads(row("", '1', 4300, ""), 0, "4300 digits");
	reads(row("", '1', 4301, ""), AMAS_ETYPE, "4301 digits");
	reads(row("-", '1', 4300, ""), 0, "and a sign");
	reads(row("{\"a\": [-", '1', 4301, "]}"), AMAS_ETYPE, "inside");
	reads(row("\"", '1', 4301, "\""), 0, "as text");
	reads(nested(200), 0, "200 levels");
	reads(nested(201), AMAS_ETYPE, "201 levels");
	reads(NULL, 0, "null");
}

/* Each allocation fails once: it says so, and takes note of nothing. */
static void
test_memory(void)
{
	static const char two[] = "[{\"eid\": \"a\", \"type\": \"M\"}, "
	    "{\"eid\": \"b\", \"type\": \"M\"}]";
	struct amas_value *args = value("[2, \"M\"]"), *list = value(two);
	struct amas__mosaik m;
	struct amas_error err;
	unsigned long n;
	int rc;

	for (n = 1; ; n++) {
		begin(&m, "time-based");
		tap_fail_alloc(n);
		rc = amas__mosaik_check(&m, "create", args, list, &err);
		tap_fail_alloc(0);
		amas__mosaik_fini(&m);
		if (rc == 0)
			break;
		tap_int(rc, AMAS_ENOMEM, "mosaik: allocation %lu fails", n);
		tap_str(err.text, "MemoryError: create: out of memory",
		    "mosaik: and says so");
	}
	tap_ok(n > 1, "mosaik: allocations were made to fail");
	amas_value_free(args);
	amas_value_free(list);
}

int
main(void)
{
	test_metas();
	test_no_metas();
	test_entities();
	test_ids();
	test_steps();
	test_events();
	test_data();
	test_others();
	test_python();
	test_memory();
	return tap_done();
}
