/* The byte buffer: limits, growth, consuming, escaping, failing memory. */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "tap.h"

static void
is(const struct amas__buf *b, const char *want, const char *what)
{
	tap_mem(amas__buf_head(b), amas__buf_len(b), want, strlen(want), "%s",
	    what);
}

static void
test_put(void)
{
	struct amas__buf b;
	char *p;
	size_t len;

	amas__buf_init(&b, 0);
	tap_ok(amas__buf_head(&b) == NULL && amas__buf_len(&b) == 0, "empty");
	tap_int(amas__buf_reserve(&b, 0), 0, "reserve nothing");
	tap_int(amas__buf_put(&b, NULL, 0), 0, "put nothing");
	amas__buf_puts(&b, "ab");
	amas__buf_putc(&b, 'c');
	amas__buf_printf(&b, "%d", 12);
	is(&b, "abc12", "text, byte, printf");
	amas__buf_consume(&b, 2);
	is(&b, "c12", "consume at the front");
	amas__buf_truncate(&b, 2);
	is(&b, "c1", "truncate");
	amas__buf_truncate(&b, 5);
	is(&b, "c1", "truncate to more does nothing");
	p = amas__buf_take(&b, &len);
	tap_mem(p, len + 1, "c1", 3, "take, with a NUL");
	free(p);
	tap_ok(amas__buf_len(&b) == 0 && b.data == NULL, "empty after take");
	p = amas__buf_take(&b, NULL);
	tap_str(p, "", "take of an empty one");
	free(p);
	amas__buf_puts(&b, "xyz");
	amas__buf_consume(&b, 100);
	tap_int((long long)amas__buf_len(&b), 0, "consume more than all");
	amas__buf_fini(&b);
	amas__buf_fini(&b);
}

static void
test_numbers(void)
{
	struct amas__buf b;
	char *p;

	amas__buf_init(&b, 0);
	amas__buf_put16(&b, 0x0102);
	amas__buf_put32(&b, 0xfffefdfc);
	amas__buf_put64(&b, 0x8081828384858687);
	p = amas__buf_head(&b);
	tap_mem(p, amas__buf_len(&b), "\x01\x02\xff\xfe\xfd\xfc"
	    "\x80\x81\x82\x83\x84\x85\x86\x87", 14, "big-endian");
	tap_ok(amas__get16(p) == 0x0102, "get16");
	tap_ok(amas__get32(p + 2) == 0xfffefdfc, "get32");
	tap_ok(amas__get64(p + 6) == 0x8081828384858687, "get64");
	amas__set32(p, 0xa1b2c3d4);
	tap_ok(amas__get32(p) == 0xa1b2c3d4, "set32");
	amas__buf_fini(&b);
}

static void
test_max(void)
{
	struct amas__buf b;
	char text[200], *p;
	size_t n;

	memset(text, 'x', sizeof text);
	for (n = 99; n <= 101; n++) {
		amas__buf_init(&b, 100);
		tap_int(amas__buf_put(&b, text, n), n <= 100 ? 0 :
		    AMAS_ETOOBIG, "put %zu of at most 100", n);
		amas__buf_fini(&b);
		tap_int(amas__buf_printf(&b, "%.*s", (int)n, text), n <= 100 ?
		    0 : AMAS_ETOOBIG, "printf %zu of at most 100", n);
		tap_ok(b.cap <= 101, "memory stays below it");
		amas__buf_fini(&b);
	}
	amas__buf_put(&b, text, 100);
	tap_int(amas__buf_putc(&b, 'y'), AMAS_ETOOBIG, "full");
	tap_int((long long)amas__buf_len(&b), 100, "content stays");
	amas__buf_consume(&b, 1);
	tap_int(amas__buf_putc(&b, 'y'), 0, "room again");
	tap_int(amas__buf_putc(&b, 'y'), AMAS_ETOOBIG, "full again");
	b.max = 10;
	tap_int(amas__buf_reserve(&b, 1), AMAS_ETOOBIG,
	    "a maximum below the content");
	tap_int(amas__buf_reserve(&b, (size_t)-1), AMAS_ETOOBIG,
	    "reserve of SIZE_MAX");
	p = amas__buf_take(&b, &n);
	tap_ok(p != NULL && n == 100 && p[99] == 'y' && p[100] == '\0',
	    "take of a full one");
	free(p);
	b.max = 0;
	tap_int(amas__buf_reserve(&b, (size_t)-1), AMAS_ETOOBIG,
	    "reserve of SIZE_MAX without a maximum");
	b.max = (size_t)-1;
	tap_int(amas__buf_reserve(&b, (size_t)-1), AMAS_ETOOBIG,
	    "a maximum of SIZE_MAX cannot wrap");
	amas__buf_fini(&b);
}

/* A queue that is filled and emptied for ever stays small and in order. */
static void
test_queue(void)
{
	struct amas__buf b;
	unsigned in = 0, out = 0;
	size_t i, j;
	bool ok = true;

	amas__buf_init(&b, 0);
	for (i = 0; i < 10000; i++) {
		for (j = 0; j < i % 7; j++)
			ok = amas__buf_put32(&b, in++) == 0 && ok;
		for (j = 0; j < i % 5 && amas__buf_len(&b) > 0; j++) {
			ok = amas__get32(amas__buf_head(&b)) == out++ && ok;
			amas__buf_consume(&b, 4);
		}
		while (amas__buf_len(&b) > 400) {
			ok = amas__get32(amas__buf_head(&b)) == out++ && ok;
			amas__buf_consume(&b, 4);
		}
	}
	tap_ok(ok, "a queue keeps its order");
	tap_ok(b.cap <= 2048, "and its size (%zu)", b.cap);
	amas__buf_fini(&b);
}

static void
test_escaped(void)
{
	static const struct {
		const char *text;
		size_t len, max;
		const char *want;
	} t[] = {
		{ "plain \xc3\xa9", 8, 99, "plain \xc3\xa9" },
		{ "a\nb\tc\rd", 7, 99, "a\\nb\\tc\\x0dd" },
		{ "\x1b[31m\x7f\0", 7, 99, "\\x1b[31m\\x7f\\x00" },
		{ "\xc2\x9b", 2, 99, "\\u009b" },
		{ "\xe2\x80\xae", 3, 99, "\\u202e" },
		{ "\xff\xc3", 2, 99, "\\xff\\xc3" },
		{ "\xed\xa0\x80", 3, 99, "\\ud800" },
		{ "abcdef", 6, 6, "abcdef" },
		{ "abcdef", 6, 5, "abcde..." },
		{ "abc\xe2\x82\xac", 6, 5, "abc..." },
		{ "abc\xe2\x82\xac", 6, 4, "abc..." },
		{ "abc\xe2\x82\xac", 6, 3, "abc..." },
		{ "", 0, 0, "" },
		{ "x", 1, 0, "..." },
	};
	struct amas__buf b;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		amas__buf_init(&b, 0);
		amas__buf_put_escaped(&b, t[i].text, t[i].len, t[i].max);
		is(&b, t[i].want, t[i].want);
		amas__buf_fini(&b);
	}
}

static void
test_memory(void)
{
	struct amas__buf b;
	char big[500] = "";

	amas__buf_init(&b, 0);
	amas__buf_puts(&b, "keep");
	tap_fail_alloc(1);
	tap_int(amas__buf_put(&b, big, sizeof big), AMAS_ENOMEM, "put");
	is(&b, "keep", "content stays");
	tap_fail_alloc(1);
	tap_int(amas__buf_printf(&b, "%400d", 1), AMAS_ENOMEM, "printf");
	is(&b, "keep", "content stays");
	tap_fail_alloc(0);
	amas__buf_fini(&b);
	tap_fail_alloc(1);
	tap_ok(amas__buf_take(&b, NULL) == NULL, "take");
	tap_fail_alloc(1);
	tap_int(amas__buf_put_escaped(&b, "\n", 1, 9), AMAS_ENOMEM, "escaped");
	tap_fail_alloc(0);
	amas__buf_fini(&b);
}

int
main(void)
{
	test_put();
	test_numbers();
	test_max();
	test_queue();
	test_escaped();
	test_memory();
	return tap_done();
}
