/* Values by formats: pack, add, unpack, and what is shared among them. */
#include <stdlib.h>
#include <string.h>

#include "amas.h"
#include "pack.h"
#include "tap.h"
#include "value.h"

static char *
json(const struct amas_value *v)
{
	void *data = NULL;
	size_t len;
	char *text;

	if (amas_value_encode(v, NULL, NULL, &data, &len, NULL) != 0)
		return NULL;
	if ((text = malloc(len + 1)) != NULL) {
		memcpy(text, data, len);
		text[len] = '\0';
	}
	free(data);
	return text;
}

static void
is(const struct amas_value *v, const char *want, const char *what)
{
	char *text = json(v);

	tap_str(text, want, "%s", what);
	free(text);
}

static void
test_pack(void)
{
	struct amas_value *v = amas_value_pack("[nb, iI N f s s% s? s?]", 1, -3,
	    INT64_C(1) << 40, "123456789012345678901234567890", 0.5, "x",
	    "abc", (size_t)2, NULL, "y"), *w;

	is(v, "[null, true, -3, 1099511627776, 123456789012345678901234567890, "
	    "0.5, \"x\", \"ab\", null, \"y\"]", "pack: every letter");
	w = amas_value_pack("{s:i, s:[], s:{}, s:v}", "a", 1, "b", "c", "d", v);
	amas_value_free(v);
	is(w, "{\"a\": 1, \"b\": [], \"c\": {}, \"d\": [null, true, -3, "
	    "1099511627776, 123456789012345678901234567890, 0.5, \"x\", "
	    "\"ab\", null, \"y\"]}", "pack: a value outlives its maker's hold");
	amas_value_free(w);
	v = amas_value_pack("N", "9223372036854775807");
	tap_int(amas_value_type(v), AMAS_INT, "pack: N in 64 bits is INT");
	amas_value_free(v);
	v = amas_value_pack("N", "9223372036854775808");
	tap_int(amas_value_type(v), AMAS_BIGINT, "pack: N beyond is BIGINT");
	amas_value_free(v);
	v = amas_value_pack("N", "-9223372036854775808");
	tap_int(amas_value_type(v), AMAS_INT, "pack: N least is INT");
	amas_value_free(v);
	tap_ok(amas_value_pack("N", "007") == NULL, "pack: N is digits");
	tap_ok(amas_value_pack("[i", 1) == NULL, "pack: open bracket");
	tap_ok(amas_value_pack("i]", 1) == NULL, "pack: stray bracket");
	tap_ok(amas_value_pack("[i}", 1) == NULL, "pack: wrong bracket");
	tap_ok(amas_value_pack("{si s}", "a", 1, "b") == NULL,
	    "pack: key without value");
	tap_ok(amas_value_pack("ii", 1, 2) == NULL, "pack: two values");
	tap_ok(amas_value_pack("") == NULL, "pack: no value");
	tap_ok(amas_value_pack("s", NULL) == NULL, "pack: NULL for text");
	tap_ok(amas_value_pack("v", NULL) == NULL, "pack: NULL for value");
	tap_ok(amas_value_pack("?") == NULL, "pack: unknown letter");
	tap_ok(amas_value_pack("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]") == NULL,
	    "pack: too many brackets");
	v = amas_value_pack("{s:i s:i s:i}", "a", 1, "b", 2, "a", 3);
	is(v, "{\"a\": 3, \"b\": 2}", "pack: the last of equal keys wins");
	amas_value_free(v);
}

static void
test_add(void)
{
	struct amas_value *v = amas_value_pack("[i]", 1), *kept, *w;
	int i;

	tap_int(amas_value_add(v, "i [s]", 2, "x"), 0, "add: two at once");
	is(v, "[1, 2, [\"x\"]]", "add: to a list");
	kept = amas_value_keep(v);
	w = amas_value_pack("[v]", v);
	tap_int(amas_value_add(v, "i", 4), 0, "add: to what is shared");
	is(kept, "[1, 2, [\"x\"]]", "add: a kept one does not change");
	is(w, "[[1, 2, [\"x\"]]]", "add: one inside another does not change");
	tap_int(amas_value_add(kept, "i", 5), 0, "add: to the kept one");
	is(v, "[1, 2, [\"x\"], 4]", "add: its origin does not change");
	is(kept, "[1, 2, [\"x\"], 5]", "add: the kept one does");
	amas_value_free(kept);
	amas_value_free(w);
	for (i = 0; i < 1000; i++)
		if (amas_value_add(v, "i", i) != 0)
			break;
	tap_int((long long)amas_value_len(v), 1004, "add: a thousand");
	tap_int(amas_value_int(amas_value_at(v, 1003)), 999, "add: the last");
	tap_int(amas_value_add(v, "["), AMAS_EINVAL, "add: bad format");
	tap_ok(amas_value_pack("v", v) == NULL, "add: a failure spoils");
	amas_value_free(v);

	v = amas_value_pack("{}");
	tap_int(amas_value_add(v, "s:i s:i", "a", 1, "b", 2), 0, "add: pairs");
	kept = amas_value_keep(v);
	tap_int(amas_value_add(v, "s:i s:i", "a", 7, "c", 3), 0,
	    "add: a known key");
	is(v, "{\"a\": 7, \"b\": 2, \"c\": 3}", "add: gets the new value");
	is(kept, "{\"a\": 1, \"b\": 2}", "add: not in what was kept");
	tap_int(amas_value_add(v, "s", "x"), AMAS_EINVAL, "add: half a pair");
	amas_value_free(kept);
	amas_value_free(v);
	tap_int(amas_value_add(NULL, "i", 1), AMAS_EINVAL, "add: to NULL");
	v = amas_value_pack("i", 1);
	tap_int(amas_value_add(v, "i", 1), AMAS_EINVAL, "add: to a number");
	amas_value_free(v);
}

static void
test_unpack(void)
{
	struct amas_value *v = amas_value_pack("[i f s {s:i s:b}]", 3, 1.5,
	    "text", "a", 5, "b", 1);
	struct amas_error err;
	const char *s = NULL;
	double d = 0;
	int i = 0, a = 0, b = 0, x = 42;
	int64_t n;

	tap_int(amas_value_unpack(v, &err, "[ifs{s:i s:b}]", &i, &d, &s, "a",
	    &a, "b", &b), 0, "unpack: all of it");
	tap_ok(i == 3 && d == 1.5 && strcmp(s, "text") == 0 && a == 5 &&
	    b == 1, "unpack: what was packed");
	tap_int(amas_value_unpack(v, &err, "[fI*]", &d, &n), AMAS_ETYPE,
	    "unpack: a real is no integer");
	tap_str(err.text, "[1]: real, not an integer", "unpack: says where");
	tap_int(amas_value_unpack(v, &err, "[i*]", &i), 0, "unpack: '*'");
	tap_int(amas_value_unpack(v, &err, "[i]", &i), AMAS_ETYPE,
	    "unpack: is exact");
	tap_str(err.text, "too many elements", "unpack: too many");
	tap_int(amas_value_unpack(v, &err, "[vvvv|ii]", &s, &s, &s, &s, &x,
	    &x), 0, "unpack: '|' leaves the rest alone");
	tap_int(x, 42, "unpack: untouched");
	tap_int(amas_value_unpack(v, &err, "[vvvvi]", &s, &s, &s, &s, &x),
	    AMAS_ETYPE, "unpack: too few");
	tap_int(amas_value_unpack(v, &err, "[vvv{s:i s:i}]", &s, &s, &s, "a",
	    &a, "c", &x), AMAS_ETYPE, "unpack: missing key");
	tap_str(err.text, "[3].c: missing", "unpack: says which");
	tap_int(amas_value_unpack(v, &err, "[vvv{s:i}]", &s, &s, &s, "a", &a),
	    AMAS_ETYPE, "unpack: one key more");
	tap_int(amas_value_unpack(v, &err, "[vvv{s:i *}]", &s, &s, &s, "a",
	    &a), 0, "unpack: '*' in a map");
	tap_int(amas_value_unpack(v, &err, "[vvv{s:i s:b | s:[ii] s:i}]", &s,
	    &s, &s, "a", &a, "b", &b, "no", &x, &x, "nor", &x), 0,
	    "unpack: optional keys");
	tap_int(amas_value_unpack(NULL, &err, "n"), 0, "unpack: NULL is null");
	tap_int(amas_value_unpack(v, &err, "[i", &i), AMAS_EINVAL,
	    "unpack: bad format");
	amas_value_free(v);
	v = amas_value_pack("[s%]", "a\0b", (size_t)3);
	tap_int(amas_value_unpack(v, &err, "[s]", &s), AMAS_ETYPE,
	    "unpack: a NUL in plain text");
	amas_value_free(v);
	v = amas_value_pack("<[ff]>", "point", 1., 2.);
	tap_int(amas_value_unpack(v, &err, "<[ff]>", "point", &d, &d), 0,
	    "unpack: typed");
	tap_int(amas_value_unpack(v, &err, "<[ff]>", "line", &d, &d),
	    AMAS_ETYPE, "unpack: another type");
	tap_str(amas_value_text(v), "point", "typed: its name is its text");
	amas_value_free(v);
	v = amas_value_pack("I", INT64_C(1) << 40);
	tap_int(amas_value_unpack(v, &err, "i", &i), AMAS_ETYPE,
	    "unpack: int is no int64_t");
	amas_value_free(v);
}

static void
test_memory(void)
{
	struct amas_value *v, *w;
	unsigned long n;
	int rc;

	for (n = 1; n < 200; n++) {
		tap_fail_alloc(n);
		v = amas_value_pack("{s:[iis] s:<{s:f}>}", "a", 1, 2, "x", "b",
		    "t", "r", 1.5);
		w = amas_value_keep(v);
		rc = v != NULL ? amas_value_add(v, "s:v", "more", v) : -1;
		amas_value_free(w);
		amas_value_free(v);
		/* the 17th of open values is an empty list */
		v = amas_value_pack("[iiiiiiiiiiiiiiii[]]", 1, 2, 3, 4, 5, 6,
		    7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
		rc = v != NULL && rc == 0 ? 0 : -1;
		amas_value_free(v);
		if (tap_allocs() < n)
			break;
	}
	tap_fail_alloc(0);
	tap_ok(rc == 0 && n > 3 && n < 200, "memory: each of %lu allocations "
	    "fails once", n - 1);
}

int
main(void)
{
	test_pack();
	test_add();
	test_unpack();
	test_memory();
	return tap_done();
}
