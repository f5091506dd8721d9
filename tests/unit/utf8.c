/* UTF-8: every character there and back, and what is none. */
#include <string.h>

#include "tap.h"
#include "utf8.h"

static void
test_round_trip(void)
{
	uint32_t c, out, bad = 0;
	char p[4];
	size_t n, m;

	for (c = 0; c <= 0x10ffff; c++) {
		n = amas__utf8_encode(p, c);
		m = amas__utf8_decode(p, n, &out);
		if (c >= 0xd800 && c < 0xe000) {
			bad += m != 0 ||
			    amas__wtf8_decode(p, n, &out) != n || out != c;
			continue;
		}
		bad += m != n || out != c;
		bad += n > 1 && amas__utf8_decode(p, n - 1, &out) != 0;
	}
	tap_int(bad, 0, "every character, whole and cut");
}

static void
test_invalid(void)
{
	static const char *const t[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
		"\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff",
		"\xc3(", "\xe2\x28\xa1", "\xe2\x82(", "\xf0\x9f\x98(",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xc3", "\xe2\x82",
	};
	uint32_t c;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++)
		tap_int((long long)amas__utf8_decode(t[i], strlen(t[i]), &c),
		    0, "invalid %zu", i);
	tap_int((long long)amas__utf8_decode("x", 0, &c), 0, "nothing");
	tap_int((long long)amas__utf8_valid("ab\xc3\xa9\xff", 5), 4,
	    "where valid text ends");
	tap_int((long long)amas__utf8_valid("ab\xc3\xa9", 4), 4, "all valid");
}

static void
test_trim(void)
{
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
	static const size_t want[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10 };
	size_t i;

	for (i = 0; i < sizeof want / sizeof *want; i++)
		tap_int((long long)amas__utf8_trim(text, i),
		    (long long)want[i], "cut to %zu", i);
	tap_int((long long)amas__utf8_trim("\x80\x80\x80\x80", 4), 4,
	    "what was no text stays");
}

static void
test_unsafe(void)
{
	static const uint32_t yes[] = { 0, 7, 0x1b, 0x1f, 0x7f, 0x80, 0x9b,
		0x9f, 0x61c, 0x200e, 0x200f, 0x2028, 0x202e, 0x2066, 0x2069,
		0xfeff };
	static const uint32_t no[] = { ' ', '~', 0xa0, 0xe9, 0x61b, 0x200d,
		0x2010, 0x2027, 0x202f, 0x2065, 0x206a, 0x1f600 };
	size_t i;

	for (i = 0; i < sizeof yes / sizeof *yes; i++)
		tap_ok(amas__unsafe_char(yes[i]), "U+%04X acts", yes[i]);
	for (i = 0; i < sizeof no / sizeof *no; i++)
		tap_ok(!amas__unsafe_char(no[i]), "U+%04X does not", no[i]);
}

/* No byte sequence comes through with anything that acts; twice is once. */
static void
test_escape(void)
{
	char in[4], out[AMAS__ESCAPE_MAX], again[AMAS__ESCAPE_MAX];
	unsigned long bad = 0, i;
	size_t n, used, j, m;
	uint32_t c;

	for (i = 0; i < 0x1000000; i += 37) {
		in[0] = (char)(i >> 16);
		in[1] = (char)(i >> 8);
		in[2] = (char)i;
		in[3] = (char)0x80;
		n = amas__escape(out, in, sizeof in, &used);
		bad += used < 1 || used > 4 || n > sizeof out;
		for (j = 0; j < n; j += m) {
			if ((m = amas__utf8_decode(out + j, n - j, &c)) == 0)
				break;
			bad += amas__unsafe_char(c);
		}
		bad += j != n;
		bad += n > 1 && out[0] == '\\' && (amas__escape(again,
		    out + 1, n - 1, &used) != 1 || again[0] != out[1]);
	}
	tap_int((long long)bad, 0, "escapes are plain text");
}

int
main(void)
{
	test_round_trip();
	test_invalid();
	test_trim();
	test_unsafe();
	test_escape();
	return tap_done();
}
