/* Failures as lists: what becomes of every kind of text, and of values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amas.h"
#include "failure.h"
#include "tap.h"

/* The list of a value, of a text, as JSON; to be freed. */
static char *
list_of_value(const struct amas_value *v)
{
	struct amas__area *a = amas__area_new(NULL);
	struct amas_value list;
	void *data = NULL;
	size_t size = 0;
	char *out;

	if (amas__failure_list(&list, a, v) != 0 ||
	    amas_value_encode(&list, NULL, NULL, &data, &size, NULL) != 0)
		size = 0;
	out = calloc(1, size + 1);
	if (out != NULL && size > 0)
		memcpy(out, data, size);
	free(data);
	amas__area_unref(a);
	return out;
}

static char *
list_of(const char *text, size_t len)
{
	struct amas_value v;

	amas__value_text(&v, NULL, AMAS_STRING, text, len);
	return list_of_value(&v);
}

static void
test_texts(void)
{
	static const struct {
		const char *text, *list;
	} t[] = {
		{ "ValueError: no", "[\"ValueError\", \"no\"]" },
		{ "ValueError: no\n\n", "[\"ValueError\", \"no\"]" },
		{ "a.b_1: x: y", "[\"a.b_1\", \"x: y\"]" },
		{ "KeyError:", "[\"KeyError\", \"\"]" },
		{ "no kind", "[\"Failure\", \"no kind\"]" },
		{ "tcp://x: no", "[\"Failure\", \"tcp://x: no\"]" },
		{ "1st: no", "[\"Failure\", \"1st: no\"]" },
		{ ": no", "[\"Failure\", \": no\"]" },
		{ "", "[\"Failure\", \"\"]" },
		{ "\n", "[\"Failure\", \"\"]" },
		{ "Trace\n  at x\nE: no\n",
		    "[\"E\", \"no\", \"Trace\", \"  at x\", \"E: no\"]" },
		{ "\nE: no", "[\"E\", \"no\", \"\", \"E: no\"]" },
	};
	size_t i;
	char *got;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		got = list_of(t[i].text, strlen(t[i].text));
		tap_str(got, t[i].list, "failure: text %zu", i);
		free(got);
	}
}

/* How many elements the list of a text of n lines has, and its third. */
static void
lines(size_t n, size_t want, const char *third)
{
	struct amas__area *a = amas__area_new(NULL);
	struct amas_value v, list;
	char *text = malloc(8 * n + 1), *p = text;
	size_t i;

	for (i = 1; i <= n; i++)
		p += sprintf(p, "%zu\n", i);
	amas__value_text(&v, NULL, AMAS_STRING, text, (size_t)(p - text));
	tap_int(amas__failure_list(&list, a, &v), 0, "failure: %zu lines", n);
	tap_int((long long)list.len, (long long)want, "failure: of them");
	tap_mem(list.u.item[2].u.text, list.u.item[2].len, third,
	    strlen(third), "failure: the first of them");
	amas__area_unref(a);
	free(text);
}

/* What becomes of any other value, as JSON. */
static void
test_values(void)
{
	static const struct {
		const char *content, *list;
	} t[] = {
		{ "[\"a\", \"b\"]", "[\"a\", \"b\"]" },
		{ "[\"a\"]", "[\"Failure\", \"[\\\"a\\\"]\"]" },
		{ "[\"a\", 1]", "[\"Failure\", \"[\\\"a\\\", 1]\"]" },
		{ "[\"a\", \"b\", null]",
		    "[\"Failure\", \"[\\\"a\\\", \\\"b\\\", null]\"]" },
		{ "null", "[\"Failure\", \"null\"]" },
		{ "{\"a\": NaN}", "[\"Failure\", \"{\\\"a\\\": NaN}\"]" },
	};
	struct amas_value *v;
	size_t i;
	char *got;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		v = NULL;
		tap_int(amas_value_decode(&v, NULL, NULL, t[i].content,
		    strlen(t[i].content), NULL), 0, "failure: value %zu", i);
		got = list_of_value(v);
		tap_str(got, t[i].list, "failure: its list %zu", i);
		free(got);
		amas_value_free(v);
	}
	got = list_of_value(NULL);
	tap_str(got, "[\"Failure\", \"null\"]", "failure: no value");
	free(got);
}

/* What a peer sends, and the text of it. */
static void
test_back(void)
{
	static const struct {
		const char *content, *text;
	} t[] = {
		{ "\"E: no\"", "E: no" },
		{ "[\"E\", \"no\"]", "E: no" },
		{ "[\"E\", \"\"]", "E" },
		{ "[\"Failure\", \"no kind\"]", "no kind" },
		{ "[\"E\", \"no\", \"Trace\\n\", \"  at x\\n\", "
		    "\"E: no\\n\"]", "Trace\n  at x\nE: no" },
		{ "[\"E\", \"no\", \"a\", \"b\"]", "a\nb\nE: no" },
		{ "[\"E\", \"1\\n2\", \"\", \"E: 1\\n2\"]", "\nE: 1\n2" },
		{ "[\"E\", \"no\", \"xE: no\"]", "xE: no\nE: no" },
		{ "[\"E\", \"no\", \"\"]", "\nE: no" },
		{ "[\"E\"]", NULL },
		{ "[]", NULL },
		{ "[\"E\", 1]", NULL },
		{ "null", NULL },
	};
	struct amas__area *a = amas__area_new(NULL);
	struct amas_value *v;
	const char *got;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		v = NULL;
		tap_int(amas_value_decode(&v, NULL, NULL, t[i].content,
		    strlen(t[i].content), NULL), 0, "failure: content %zu", i);
		got = amas__failure_text(a, v);
		tap_str(got != NULL ? got : "(none)",
		    t[i].text != NULL ? t[i].text : "(none)",
		    "failure: its text %zu", i);
		amas_value_free(v);
	}
	amas__area_unref(a);
}

int
main(void)
{
	test_texts();
	test_back();
	lines(AMAS__FAILURE_LINES - 1, AMAS__FAILURE_LINES + 1, "1");
	lines(AMAS__FAILURE_LINES, AMAS__FAILURE_LINES + 2, "1");
	lines(AMAS__FAILURE_LINES + 1, AMAS__FAILURE_LINES + 2, "2");
	test_values();
	return tap_done();
}
