/* The one rule for text that becomes a value. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "tap.h"

/* What becomes of text, as "TYPE JSON" or the error, for free(3). */
static char *
guess(const char *text, size_t len)
{
	struct amas__area *a = amas__area_new(NULL);
	char *exact = malloc(len != 0 ? len : 1), *out = NULL;
	const struct amas_value *v;
	struct amas_error err;
	struct amas__buf buf;
	struct amas_out how = { .buf = &buf, .lines = true };
	size_t n;

	if (a == NULL || exact == NULL)
		exit(1);
	memcpy(exact, text, len);
	amas__buf_init(&buf, 0);
	if (amas__value_guess(a, exact, len, &v, &err) != 0) {
		out = strdup(err.text);
	} else {
		(void)amas__buf_puts(&buf, amas__type_name(amas_value_type(v)));
		(void)amas__buf_putc(&buf, ' ');
		if (amas__codec_encode(NULL, &how, v, &err) == 0)
			out = amas__buf_take(&buf, &n);
	}
	amas__buf_fini(&buf);
	amas__area_unref(a);
	free(exact);
	return out;
}

static void
check(const char *text, size_t len, const char *want)
{
	char *got = guess(text, len);

	tap_str(got, want, "becomes %s", want);
	free(got);
}

static const char *const table[][2] = {
	{ "", "text \"\"" }, { "true", "bool true" }, { "false", "bool false" },
	{ "null", "null null" }, { "True", "text \"True\"" },
	{ " true", "text \" true\"" }, { "nullx", "text \"nullx\"" },
	{ "5", "integer 5" }, { "-3", "integer -3" }, { "-0", "integer 0" },
	{ "0", "integer 0" }, { "-1.5e3", "real -1500.0" },
	{ "1E5", "real 100000.0" }, { ".5", "real 0.5" },
	{ "-.5", "real -0.5" }, { ".5e1", "real 5.0" },
	{ "99999999999999999999", "big integer 99999999999999999999" },
	{ "-99999999999999999999", "big integer -99999999999999999999" },
	{ "007", "text \"007\"" }, { "+5", "text \"+5\"" },
	{ "0x10", "text \"0x10\"" }, { "NaN", "text \"NaN\"" },
	{ "Infinity", "text \"Infinity\"" }, { "1e999", "text \"1e999\"" },
	{ "5.", "text \"5.\"" }, { ".", "text \".\"" }, { "-", "text \"-\"" },
	{ "-.", "text \"-.\"" }, { "..5", "text \"..5\"" },
	{ "--5", "text \"--5\"" }, { "-.5x", "text \"-.5x\"" },
	{ ".5.", "text \".5.\"" }, { "5 ", "text \"5 \"" },
	{ "5\n", "text \"5\\n\"" }, { "1,5", "text \"1,5\"" },
	{ "2016-01-01", "text \"2016-01-01\"" },
	{ "\"5\"", "text \"5\"" }, { "\"\"", "text \"\"" },
	{ "\"a\\u0041\"", "text \"aA\"" }, { "\"", "text \"\\\"\"" },
	{ "\"a\" and \"b\"", "text \"\\\"a\\\" and \\\"b\\\"\"" },
	{ "\"a\\u0041\\x\"", "text \"\\\"a\\\\u0041\\\\x\\\"\"" },
	{ "\"a\" ", "text \"\\\"a\\\" \"" },
	{ "hello", "text \"hello\"" }, { "h\xc3\xa9", "text \"h\xc3\xa9\"" },
	{ "\xff", "invalid UTF-8 at offset 0" },
	{ "ab\xed\xa0\x80", "invalid UTF-8 at offset 2" },
	{ "[1, 2]", "list [1, 2]" }, { "[]\n", "list []" },
	{ "{\"a\": NaN}", "map {\"a\": NaN}" },
	{ " [1]", "text \" [1]\"" },
	{ "[1", "expected ',' or ']' at offset 2, where it ends" },
	{ "[1] x", "more than one value at offset 4" },
	{ "{a}", "expected a key in quotes at offset 1" },
	{ "{\"__type__\": [\"bytes\", \"QQ==\"]}",
	    "bytes {\"__type__\": [\"bytes\", \"QQ==\"]}" },
	{ "[{\"__type__\": [\"age\", \"x\"]}]",
	    "list [{\"__type__\": [\"age\", \"x\"]}]" },
	{ "[{\"__type__\": [\"date\", \"x\"]}]", "date \"x\": "
	    "not as in 2016-01-31T10:30:00+01:00 (at [0])" },
	{ "{\"__type__\": 5}", "__type__ is no pair" },
};

static void
test_no_memory(void)
{
	static const char *const text[] = { "x", "5", "\"ab\"", "[1, [2]]",
		"99999999999999999999" };
	const struct amas_value *v;
	struct amas_error err;
	struct amas__area *a;
	unsigned long n;
	size_t i;
	int rc;

	for (i = 0; i < sizeof text / sizeof *text; i++) {
		rc = AMAS_ENOMEM;
		for (n = 1; rc == AMAS_ENOMEM && n < 100; n++) {
			tap_fail_alloc(n);
			if ((a = amas__area_new(NULL)) == NULL)
				continue;
			rc = amas__value_guess(a, text[i], strlen(text[i]), &v,
			    &err);
			amas__area_unref(a);
		}
		tap_fail_alloc(0);
		tap_int(rc, 0, "memory short at each place of %s", text[i]);
	}
}

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof table / sizeof *table; i++)
		check(table[i][0], strlen(table[i][0]), table[i][1]);
	check("5\0", 2, "text \"5\\u0000\"");
	check("true\0", 5, "text \"true\\u0000\"");
	test_no_memory();
	return tap_done();
}
