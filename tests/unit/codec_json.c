/* JSON: what is read, what is refused and how it is said, what is written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "log.h"
#include "tap.h"

#define SPARE 'X'	/* stands behind each document */

static const struct amas__codec_ops *ops;

/* A document being read, in memory of exactly its size and the spare byte. */
struct doc {
	struct amas__area *area;
	char *data;
	const struct amas_value *v;
	bool typed;
	int rc;
	struct amas_error err;
};

static void
doc_read(struct doc *d, const char *text, size_t len, size_t max)
{
	struct amas__limits limits = { .max_values = max };

	memset(d, 0, sizeof *d);
	d->area = amas__area_new(NULL);
	d->data = malloc(len + 1);
	if (d->area == NULL || d->data == NULL)
		exit(1);
	memcpy(d->data, text, len);
	d->data[len] = SPARE;
	d->rc = ops->decode(d->area, d->data, len, max != 0 ? &limits : NULL,
	    &d->v, &d->typed, &d->err);
	if (d->data[len] != SPARE)
		tap_ok(false, "the byte behind %.40s is as it was", text);
}

static void
doc_free(struct doc *d)
{
	amas__area_unref(d->area);
	free(d->data);
}

/* Encodes v; gives text or the error as text, for free(3). */
static char *
print(const struct amas_value *v, struct amas_out *how, unsigned indent)
{
	struct amas__buf buf;
	struct amas_error err;
	char *out;
	size_t len;
	int rc;

	amas__buf_init(&buf, 0);
	how->buf = &buf;
	rc = indent > 0 ? amas__json_print(how, v, indent, true, &err) :
	    ops->encode(how, v, &err);
	if (rc == 0)
		out = amas__buf_take(&buf, &len);
	else
		out = strdup(err.text);
	amas__buf_fini(&buf);
	return out;
}

/* Reads and writes again. */
static char *
again(const char *text, size_t len, bool lines, unsigned indent)
{
	struct amas_out how = { .lines = lines };
	struct doc d;
	char *out;

	doc_read(&d, text, len, 0);
	if (d.rc == 0 && lines && d.typed)
		d.rc = amas__types_lift(d.area, &d.v, NULL, true, &d.err);
	out = d.rc == 0 ? print(d.v, &how, indent) : strdup(d.err.text);
	doc_free(&d);
	return out;
}

static void
check(const char *text, const char *want)
{
	char *got = again(text, strlen(text), false, 0), shown[128];

	tap_str(got, want, "%s", amas__log_text(shown, sizeof shown, text,
	    strlen(text)));
	free(got);
}

/* ---- Reading ---- */

static void
test_good(void)
{
	static const char *const t[][2] = {
		{ "null", "null" }, { " true\n", "true" },
		{ "\t\r\nfalse", "false" }, { "-0", "0" }, { "-0.0", "-0.0" },
		{ "[NaN,Infinity,-Infinity]", "[NaN, Infinity, -Infinity]" },
		{ "18446744073709551615", "18446744073709551615" },
		{ "[-123456789012345678901234567890,1]",
		    "[-123456789012345678901234567890, 1]" },
		{ "[]", "[]" }, { "{ }", "{}" }, { "[ [ ] , { } ]", "[[], {}]" },
		{ "{\"a\" : 1 , \"b\" : [ 2 ] }", "{\"a\": 1, \"b\": [2]}" },
		{ "\"\"", "\"\"" }, { "\"\\u0000\"", "\"\\u0000\"" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		    "\"\\\"\\\\/\\b\\f\\n\\r\\t\"" },
		{ "\"\x7f\xc2\x80\xc3\xa9\"", "\"\\u007f\\u0080\\u00e9\"" },
		{ "\"\xf0\x9f\x98\x80\"", "\"\\ud83d\\ude00\"" },
		{ "\"\\uD83D\\uDE00\"", "\"\\ud83d\\ude00\"" },
		{ "\"\\ud83d\"", "\"\\ud83d\"" },
		{ "\"\\ude00\\ud83d\"", "\"\\ude00\\ud83d\"" },
		{ "\"\\ud83d\\ud83d\\ude00\"", "\"\\ud83d\\ud83d\\ude00\"" },
		{ "\"\\ud83dx\\ude00\"", "\"\\ud83dx\\ude00\"" },
		{ "\"1234567\\n12345678\\n123456789\\n\xc3\xa9z\"",
		    "\"1234567\\n12345678\\n123456789\\n\\u00e9z\"" },
		{ "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\": 3, \"b\": 2}" },
		{ "{\"\\u0061\":1,\"a\":2}", "{\"a\": 2}" },
		{ "{\"a\":{\"__type__\":[0,1],\"b\":2}}",
		    "{\"a\": {\"__type__\": [0, 1], \"b\": 2}}" },
	};
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++)
		check(t[i][0], t[i][1]);
}

static void
test_bad(void)
{
	static const char *const t[][2] = {
		{ "", "expected a value at offset 0, where it ends" },
		{ " ", "expected a value at offset 1, where it ends" },
		{ "nul", "expected a value at offset 0" },
		{ "nan", "expected a value at offset 0" },
		{ "-Infinit", "expected a value at offset 0" },
		{ "-", "expected a digit at offset 1, where it ends" },
		{ "+1", "expected a value at offset 0" },
		{ ".5", "expected a value at offset 0" },
		{ "01", "more than one value at offset 1" },
		{ "1.", "more than one value at offset 1" },
		{ "1 2", "more than one value at offset 2" },
		{ "[1, 2, 3, 4, 5, \"x\"", "expected ',' or ']' at offset 19, "
		    "where it ends" },
		{ "[12345678901234 5]", "expected ',' or ']' at offset 16" },
		{ "[1,]", "expected a value at offset 3" },
		{ "[,1]", "expected a value at offset 1" },
		{ "[1}", "expected ',' or ']' at offset 2" },
		{ "{\"a\":1]", "expected ',' or '}' at offset 6" },
		{ "{\"a\":1,}", "expected a key in quotes at offset 7" },
		{ "{1:2}", "expected a key in quotes at offset 1" },
		{ "{\"a\"}", "expected ':' at offset 4" },
		{ "{\"a\":}", "expected a value at offset 5" },
		{ "]", "expected a value at offset 0" },
		{ "\"abc", "text without an end at offset 0" },
		{ "[\"abc\\\"", "text without an end at offset 1" },
		{ "\"a\nb\"", "control character in text at offset 2" },
		{ "\"\\x\"", "invalid escape at offset 1" },
		{ "\"\\u12g4\"", "invalid escape at offset 1" },
		{ "\"\\u123", "invalid escape at offset 1" },
		{ "\"\\ud83d\\u12", "invalid escape at offset 7" },
		{ "\"\\", "invalid escape at offset 1" },
		{ "\"\xff\"", "invalid UTF-8 at offset 1" },
		{ "\"a\xc0\x80\"", "invalid UTF-8 at offset 2" },
		{ "\"\xe0\x80\xaf\"", "invalid UTF-8 at offset 1" },
		{ "\"\xed\xa0\x80\"", "invalid UTF-8 at offset 1" },
		{ "\"\xf4\x90\x80\x80\"", "invalid UTF-8 at offset 1" },
		{ "\"\xc3", "invalid UTF-8 at offset 1" },
		{ "\xef\xbb\xbf[]", "byte order mark at offset 0" },
		{ "\xc2\xa0[]", "expected a value at offset 0" },
		{ "[]\f", "more than one value at offset 2" },
	};
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++)
		check(t[i][0], t[i][1]);
}

static void
test_nul_bytes(void)
{
	char *got;

	got = again("[]\0", 3, false, 0);
	tap_str(got, "more than one value at offset 2", "NUL behind a value");
	free(got);
	got = again("\"a\0b\"", 5, false, 0);
	tap_str(got, "control character in text at offset 2", "NUL in text");
	free(got);
	got = again("\0", 1, false, 0);
	tap_str(got, "expected a value at offset 0", "NUL alone");
	free(got);
}

static void
test_in_place(void)
{
	static const char text[] = "[\"plain\", \"a\\u0000b\", {\"k\": 1}]";
	const struct amas_value *v;
	struct doc d;

	doc_read(&d, text, sizeof text - 1, 0);
	v = d.v;
	tap_ok(amas_value_text(amas_value_at(v, 0)) == d.data + 2,
	    "text stays where it is");
	tap_str(amas_value_text(amas_value_at(v, 0)), "plain",
	    "it is ended by a NUL");
	tap_mem(amas_value_text(amas_value_at(v, 1)),
	    amas_value_len(amas_value_at(v, 1)) + 1, "a\0b", 4,
	    "escapes are written over");
	tap_int(amas_value_int(amas_value_get(amas_value_at(v, 2), "k")), 1,
	    "keys are found");
	tap_ok(!d.typed, "nothing looks typed");
	doc_free(&d);
	doc_read(&d, "[{\"__type__\":1}]", 16, 0);
	tap_ok(d.typed, "a type is told");
	doc_free(&d);
	doc_read(&d, "[{\"__type__\":1,\"a\":2}]", 22, 0);
	tap_ok(!d.typed, "only if it is the one key");
	doc_free(&d);
}

/* Each beginning of a document is refused, without a crash. */
static void
test_cuts(void)
{
	static const char text[] = "[0, -1.5e+3, {\"k\\u00e9\xc3\xa9\": "
	    "\"\\ud83d\\ude00\xf0\x9f\x98\x80 12345678\", \"\": [true, false, "
	    "null, NaN, -Infinity, 123456789012345678901234567890]}]";
	size_t len, taken = 0;
	struct doc d;

	for (len = 0; len < sizeof text; len++) {
		doc_read(&d, text, len, 0);
		taken += d.rc == 0;
		if (d.rc != 0 && d.rc != AMAS_EPROTO)
			tap_ok(false, "cut at %zu: %d", len, d.rc);
		doc_free(&d);
	}
	tap_int((long long)taken, 1, "a document cut at each byte");
}

/* ---- Limits ---- */

static char *
nested(const char *open, const char *inner, const char *end, size_t n)
{
	char *text = malloc(n * (strlen(open) + strlen(end)) +
	    strlen(inner) + 1), *p = text;
	size_t i;

	if (text == NULL)
		exit(1);
	for (i = 0; i < n; i++)
		p = stpcpy(p, open);
	p = stpcpy(p, inner);
	for (i = 0; i < n; i++)
		p = stpcpy(p, end);
	return text;
}

static void
test_depth(void)
{
	static const struct {
		const char *open, *end;
		size_t n;
		int rc;
	} t[] = {
		{ "[", "]", 999, 0 }, { "[", "]", 1000, 0 },
		{ "[", "]", 1001, AMAS_ETOOBIG },
		{ "[", "]", 1000000, AMAS_ETOOBIG },
		{ "{\"a\": ", "}", 1000, 0 },
		{ "{\"a\": ", "}", 1001, AMAS_ETOOBIG },
	};
	struct amas_out how = { .buf = NULL };
	char *text, *got;
	struct doc d;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		text = nested(t[i].open, "0", t[i].end, t[i].n);
		doc_read(&d, text, strlen(text), 0);
		tap_int(d.rc, t[i].rc, "%zu levels of %s", t[i].n, t[i].open);
		if (d.rc == 0) {
			got = print(d.v, &how, 0);
			tap_ok(strcmp(got, text) == 0, "and written again");
			free(got);
		} else {
			tap_ok(strstr(d.err.text, "1000 levels at offset") !=
			    NULL, "it says so: %s", d.err.text);
		}
		doc_free(&d);
		free(text);
	}
}

static void
test_budget(void)
{
	static const struct {
		const char *text;
		size_t values;	/* keys are values too */
	} t[] = {
		{ "0", 1 }, { "[1,2,3]", 4 }, { "{\"a\":1,\"b\":[]}", 5 },
	};
	struct doc d;
	size_t i, max;
	int want;

	for (i = 0; i < sizeof t / sizeof *t; i++)
		for (max = t[i].values - 1; max <= t[i].values + 1; max++) {
			if (max == 0)
				continue; /* is the default */
			doc_read(&d, t[i].text, strlen(t[i].text), max);
			want = max < t[i].values ? AMAS_ETOOBIG : 0;
			tap_int(d.rc, want, "%s in %zu values", t[i].text,
			    max);
			doc_free(&d);
		}
	doc_read(&d, "[1, 2, 3]", 9, 3);
	tap_str(d.err.text, "more than 3 values at offset 7", "it says where");
	doc_free(&d);
}

/* An area must not grow over 64 times the document: faults.md, 18. */
static void
test_growth(void)
{
	static const char *const piece[] = { "0,", "[],", "{},", "\"\",",
		"{\"\":0},", "1e5," };
	size_t i, k, n = 100000, len;
	struct doc d;
	char *text;

	for (i = 0; i < sizeof piece / sizeof *piece; i++) {
		len = strlen(piece[i]);
		if ((text = malloc(len * n + 1)) == NULL)
			exit(1);
		text[0] = '[';
		for (k = 0; k < n; k++)
			memcpy(text + 1 + k * len, piece[i], len);
		text[n * len] = ']';
		doc_read(&d, text, n * len + 1, 0);
		tap_ok(d.rc == 0 && amas__area_size(d.area) < 64 * n * len,
		    "%s grows %zu-fold", piece[i],
		    amas__area_size(d.area) / (n * len));
		doc_free(&d);
		free(text);
	}
}

/* 200,000 keys, each twice: faults.md, 25. */
static void
test_keys(void)
{
	size_t n = 200000, i;
	char *text = malloc(n * 16), *p = text;
	struct doc d;

	if (text == NULL)
		exit(1);
	for (i = 0; i < n; i++)
		p += sprintf(p, "%c\"%zu\":%zu", i > 0 ? ',' : '{',
		    i % (n / 2), i);
	*p++ = '}';
	doc_read(&d, text, (size_t)(p - text), 0);
	tap_int((long long)amas_value_len(d.v), (long long)n / 2,
	    "equal keys are one");
	tap_int(amas_value_int(amas_value_at(d.v, 7)), (long long)n / 2 + 7,
	    "the last one wins at the place of the first");
	doc_free(&d);
	free(text);
}

static void
test_digits(void)
{
	size_t n = 1000000;
	char *text = malloc(n + 1), *got;

	if (text == NULL)
		exit(1);
	memset(text, '7', n);
	text[n] = '\0';
	got = again(text, n, false, 0);
	tap_ok(strcmp(got, text) == 0, "a million digits pass unchanged");
	free(got);
	free(text);
}

/* Each allocation fails once. */
static void
test_no_memory(void)
{
	static const char head[] = "[12345678901234567890, {\"a\": [1]}, \"";
	struct amas_out how = { .buf = NULL };
	struct amas__buf buf;
	struct amas_error err;
	const struct amas_value *v;
	struct amas__area *a;
	char text[3000], data[sizeof text];
	bool typed = false;
	unsigned long n;
	int rc = AMAS_ENOMEM;
	size_t i;

	/* over the first values, keys and chunks */
	memcpy(text, head, sizeof head);
	strcat(text, "x\", {");
	for (i = 0; i < 150; i++)
		sprintf(text + strlen(text), "\"%zu\":0,", i);
	strcat(text, "\"\":0}]");
	how.buf = &buf;
	for (n = 1; rc == AMAS_ENOMEM && n < 1000; n++) {
		strcpy(data, text);
		tap_fail_alloc(n);
		rc = AMAS_ENOMEM;
		if ((a = amas__area_new(NULL)) == NULL)
			continue;
		amas__buf_init(&buf, 0);
		rc = ops->decode(a, data, strlen(text), NULL, &v, &typed,
		    &err);
		if (rc == 0)
			rc = ops->encode(&how, v, &err);
		if (rc != 0 && err.code != AMAS_ENOMEM)
			rc = err.code;
		amas__buf_fini(&buf);
		amas__area_unref(a);
	}
	tap_fail_alloc(0);
	tap_int(rc, 0, "memory short at %lu allocations, then not", n - 2);
}

/* ---- Writing ---- */

static void
check_value(struct amas_value *v, struct amas_out *how, const char *want,
    const char *what)
{
	char *got = print(v, how, 0);

	tap_str(got, want, "%s", what);
	free(got);
	amas_value_free(v);
}

static void
test_refused(void)
{
	struct amas_out how = { .buf = NULL };
	struct amas__types none = { .n = 0 };

	check_value(amas_value_pack("[i{s:y%}]", 1, "key", "ab", (size_t)2),
	    &how, "JSON cannot carry bytes (at [1].key)", "bytes");
	check_value(amas_value_pack("[{i:i}]", 5, 6), &how,
	    "JSON cannot carry a key of type integer (at [0][5])",
	    "keys that are no text");
	check_value(amas_value_pack("[<s>]", "date", "x"), &how,
	    "type \"date\" is not known on this connection (at [0])",
	    "typed values without types");
	check_value(amas_value_pack("{s:i}", "__type__", 1), &how,
	    "{\"__type__\": 1}", "__type__ is a key like others");
	how.types = &none;
	check_value(amas_value_pack("[{s:i}]", "__type__", 1), &how,
	    "JSON cannot carry a map with \"__type__\" as its only key "
	    "(at [0])", "but not where it means a type");
	check_value(amas_value_pack("{s:i s:i}", "__type__", 1, "a", 2), &how,
	    "{\"__type__\": 1, \"a\": 2}", "unless there are more");
	check_value(amas_value_pack("[s%]", "a\xff", (size_t)2), &how,
	    "JSON cannot carry text that is no UTF-8 (at [0])",
	    "text that is no UTF-8");
	check_value(NULL, &how, "null", "NULL is null");
}

static void
test_spoilt(void)
{
	struct amas_value *v = amas_value_pack("[i]", 1);
	struct amas_out how = { .buf = NULL };

	tap_ok(amas_value_add(v, "z") != 0, "a wrong format spoils a value");
	check_value(v, &how, "value is spoilt: adding to it failed",
	    "which cannot be written");
}

static void
test_types(void)
{
	char age[] = "age", money[] = "money", *names[] = { age, money };
	struct amas__types types = { .names = names, .n = 2,
	    .proxies = true };
	struct amas_out how = { .types = &types };
	struct amas_value *v;

	check_value(amas_value_pack("[<[ii]>]", "money", 1, 2), &how,
	    "[{\"__type__\": [1, [1, 2]]}]", "a type by its id");
	v = amas_value_pack("<<s>>", "age", "money", "x");
	check_value(v, &how,
	    "{\"__type__\": [0, {\"__type__\": [1, \"x\"]}]}",
	    "a type in a type");
	how.lines = true;
	check_value(amas_value_pack("[<[ii]>]", "money", 1, 2), &how,
	    "[{\"__type__\": [\"money\", [1, 2]]}]", "a type by its name");
	check_value(amas_value_pack("<i>", "other", 1), &how,
	    "type \"other\" is not known on this connection",
	    "an unknown name");
	how.types = NULL;
	check_value(amas_value_pack("<i>", "other", 1), &how,
	    "{\"__type__\": [\"other\", 1]}", "any name where none is set");
	check_value(amas_value_pack("<i>", "bytes", 1), &how,
	    "type \"bytes\" is not known on this connection",
	    "but none of the lines' own");
}

static int
give_path(void *arg, struct amas__held *own, struct amas__buf *path,
    struct amas_error *err)
{
	if (own != arg)
		return amas_error_set(err, AMAS_ETYPE, "not below the root");
	return amas__buf_puts(path, "sub/inner");
}

static int
give_root(void *arg, struct amas__held *own, struct amas__buf *path,
    struct amas_error *err)
{
	(void)arg;
	(void)own;
	(void)path;
	(void)err;
	return 0;
}

static void
test_proxies(void)
{
	struct amas__types types = { .proxies = true };
	struct amas__held own = { 1, NULL }, other = { 1, NULL };
	struct amas_value path = { .type = AMAS_STRING, .len = 3,
		.u.text = "a/b" };
	struct amas_value theirs = { .type = AMAS_PROXY, .len = 1,
		.u.item = &path };
	struct amas_value ours = { .type = AMAS_PROXY, .flags = AMAS__V_OWN,
		.u.own = &own };
	struct amas_out how = { .types = &types, .path = give_path,
		.path_arg = &own };
	static const char *const want[] = {
		"{\"__type__\": [0, \"sub/inner\"]}",
		"a proxy of the peer cannot be sent back",
		"{\"__type__\": [\"proxy\", \"sub/inner\"]}",
		"{\"__type__\": [\"proxy\", \"a/b\"]}",
	};
	char *got;
	int i;

	for (i = 0; i < 4; i++) {
		how.lines = i >= 2;
		got = print(i % 2 == 0 ? &ours : &theirs, &how, 0);
		tap_str(got, want[i], "proxy %d", i);
		free(got);
	}
	how.lines = false;
	ours.u.own = &other;
	got = print(&ours, &how, 0);
	tap_str(got, "not below the root", "an object that may not be sent");
	free(got);
	how.path = give_root;
	got = print(&ours, &how, 0);
	tap_str(got, "{\"__type__\": [0, \"\"]}", "the root itself");
	free(got);
	types.proxies = false;
	got = print(&ours, &how, 0);
	tap_str(got, "a proxy cannot be sent here", "no proxies here");
	free(got);
}

static void
test_lines(void)
{
	struct amas_out how = { .lines = true };
	static const char *const same[] = {
		"{\"__type__\": [\"bytes\", \"AAEC/w==\"]}",
		"[{\"__type__\": [\"date\", \"2016-01-01T00:00:00+00:00\"]}]",
		"{\"__type__\": [\"map\", [[1, 2], [\"1\", [3]], "
		    "[{\"__type__\": [\"bytes\", \"QQ==\"]}, {}]]]}",
		"{\"__type__\": [\"map\", [[\"__type__\", 1], [\"b\", 2]]]}",
		"{\"__type__\": [\"proxy\", \"sub/inner\"]}",
		"\"\xc3\xa9 \xf0\x9f\x98\x80 \\u001b[1m \\u007f \\u0085 \\u202e "
		    "\\ud800 \\u0000\\n\"",
	};
	char *got;
	size_t i;

	for (i = 0; i < sizeof same / sizeof *same; i++) {
		got = again(same[i], strlen(same[i]), true, 0);
		tap_str(got, same[i], "line %zu is read and written", i);
		free(got);
	}
	check_value(amas_value_pack("{[i]:i}", 1, 2), &how,
	    "JSON cannot carry a key of type list (at [list])",
	    "lists as keys have no form");
}

/* Forms of message lines nest too. */
static void
test_lines_depth(void)
{
	struct amas_out how = { .lines = true };
	struct amas_value inner[1000];
	size_t n, i;
	char *got;

	for (n = 997; n <= 999; n++) {
		for (i = 0; i < n; i++) {
			memset(&inner[i], 0, sizeof inner[i]);
			inner[i].type = AMAS_LIST;
			inner[i].len = 1;
			inner[i].u.item = &inner[i + 1];
		}
		memset(&inner[n], 0, sizeof inner[n]);
		inner[n].type = AMAS_BYTES;
		inner[n].len = 2;
		inner[n].u.text = "ab";
		got = print(&inner[0], &how, 0);
		tap_int(got[0] == '[', n <= 998,
		    "bytes below %zu lists are two levels more", n);
		free(got);
	}
}

static void
test_indent(void)
{
	static const char text[] = "{\"a\": [1, [], {}], \"b\": {\"c\": "
	    "{\"__type__\": [\"map\", [[1, 2]]]}}}";
	char *got = again(text, sizeof text - 1, true, 2);

	tap_str(got, "{\n  \"a\": [\n    1,\n    [],\n    {}\n  ],\n  \"b\": {\n"
	    "    \"c\": {\n      \"__type__\": [\n        \"map\",\n        [\n"
	    "          [\n            1,\n            2\n          ]\n"
	    "        ]\n      ]\n    }\n  }\n}", "indented by two");
	free(got);
}

/* The bound of the buffer is exact; on failure nothing stays in it. */
static void
test_bound(void)
{
	static const char text[] = "before[1, 22.5, \"a\\nb\", {\"k\": null}]";
	size_t len = sizeof text - 1, max;
	struct amas__buf buf;
	struct amas_out how = { .buf = &buf };
	struct amas_error err = { 0, 0, "" };
	struct doc d;
	int rc;

	doc_read(&d, text + 6, len - 6, 0);
	for (max = 7; max <= len + 1; max++) {
		amas__buf_init(&buf, max);
		(void)amas__buf_puts(&buf, "before");
		rc = ops->encode(&how, d.v, &err);
		if (max < len && (rc != AMAS_ETOOBIG ||
		    amas__buf_len(&buf) != 6))
			tap_ok(false, "%zu bytes are too few", max);
		if (max >= len)
			tap_mem(amas__buf_head(&buf), amas__buf_len(&buf),
			    text, len, "%zu bytes are enough", max);
		amas__buf_fini(&buf);
	}
	tap_int(err.code, AMAS_ETOOBIG, "%s", err.text);
	doc_free(&d);
}

/* ---- Peeking ---- */

static void
test_peek(void)
{
	static const struct {
		const char *text;
		int type;
	} t[] = {
		{ "[0, 1, 2]", 0 }, { "[1,", 1 }, { " [ 2\t,", 2 },
		{ "[3,", -1 }, { "[00,", -1 }, { "[0", -1 }, { "[", -1 },
		{ "", -1 }, { "{0,", -1 }, { "[0.5,", -1 }, { "[-1,", -1 },
	};
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++)
		tap_int(ops->peek(t[i].text, strlen(t[i].text)), t[i].type,
		    "peek at \"%s\"", t[i].text);
}

int
main(void)
{
	ops = amas__codec_json.builtin;
	test_good();
	test_bad();
	test_nul_bytes();
	test_in_place();
	test_cuts();
	test_depth();
	test_budget();
	test_growth();
	test_keys();
	test_digits();
	test_no_memory();
	test_refused();
	test_spoilt();
	test_types();
	test_proxies();
	test_lines();
	test_lines_depth();
	test_indent();
	test_bound();
	test_peek();
	return tap_done();
}
