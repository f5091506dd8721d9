/* Fast UTF-8 checks against the plain one: all short sequences, all places. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "text.h"
#include "utf8.h"

/* Counts differences for one text, in memory of exactly its size. */
static size_t
differs(const char *text, size_t len)
{
	char *exact = malloc(len != 0 ? len : 1);
	size_t d;

	if (exact == NULL)
		abort();
	memcpy(exact, text, len);
	d = amas__text_valid(exact, len) != amas__utf8_valid(exact, len);
	free(exact);
	return d;
}

static void
test_short(void)
{
	/* the edges of every class of bytes */
	static const unsigned char edge[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f,
		0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1,
		0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff };
	const size_t n = sizeof edge;
	size_t i, wrong = 0;
	char t[4];

	for (i = 0; i < n * n * n * n; i++) {
		t[0] = (char)edge[i % n];
		t[1] = (char)edge[i / n % n];
		t[2] = (char)edge[i / n / n % n];
		t[3] = (char)edge[i / n / n / n];
		wrong += amas__text_valid(t, 4) != amas__utf8_valid(t, 4);
		if (i % n == i / n / n / n)
			wrong += differs(t, 3) + differs(t, 2) + differs(t, 1);
	}
	tap_int((long long)wrong, 0, "sequences of four bytes");
}

static void
test_places(void)
{
	static const char *const bits[] = { "\xc3\xbc", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80", "\xff", "\xed\xa0\x80", "\xc3" };
	size_t len, at, k, n, wrong = 0;
	char t[64];

	for (k = 0; k < sizeof bits / sizeof *bits; k++)
		for (len = 0; len <= 40; len++)
			for (at = 0; at <= len; at++) {
				n = strlen(bits[k]);
				memset(t, 'a', sizeof t);
				memcpy(t + at, bits[k], n);
				wrong += differs(t, at + n > len ? at + n :
				    len);
				wrong += differs(t, len);
			}
	tap_int((long long)wrong, 0, "one character at every place");
}

static void
check_last(const char *text, const char *want)
{
	const char *line = text;
	size_t len = strlen(text);
	char got[32];

	amas__last_line(&line, &len);
	snprintf(got, sizeof got, "%.*s", (int)len, line);
	tap_str(got, want, "last line %s", want);
}

static void
test_last_line(void)
{
	check_last("", "");
	check_last("\n\n", "");
	check_last("a", "a");
	check_last("a\n", "a");
	check_last("a\nb c\n\n", "b c");
	check_last("\nd", "d");
	check_last("a\n\ne", "e");
}

int
main(void)
{
	test_short();
	test_places();
	test_last_line();
	return tap_done();
}
