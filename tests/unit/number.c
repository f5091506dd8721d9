/* Numbers as text; the powers of five behind them. */
#include "number.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pow5.h"
#include "tap.h"

/* ---- Powers, beside plain long arithmetic ---- */

#define WORDS 30	/* 5^335 has 778 bits */

struct big {
	uint32_t w[WORDS];	/* lowest first */
};

static void
big_times(struct big *b, uint32_t f)
{
	uint64_t carry = 0;
	int i;

	for (i = 0; i < WORDS; i++) {
		carry += (uint64_t)b->w[i] * f;
		b->w[i] = (uint32_t)carry;
		carry >>= 32;
	}
}

/* Takes d from b if it is not larger. */
static bool
big_take(struct big *b, const struct big *d)
{
	struct big rest;
	int64_t diff = 0;
	int i;

	for (i = 0; i < WORDS; i++) {
		diff += (int64_t)b->w[i] - d->w[i];
		rest.w[i] = (uint32_t)diff;
		diff >>= 32;
	}
	if (diff < 0)
		return false;
	*b = rest;
	return true;
}

static void
add_bit(uint64_t *hi, uint64_t *lo, bool bit)
{
	*hi = *hi << 1 | *lo >> 63;
	*lo = *lo << 1 | bit;
}

/* The 128 highest bits of 5^n, by the school's method. */
static void
plain_pow5(int n, uint64_t *hi, uint64_t *lo)
{
	struct big d = { { 1 } }, r = { { 1 } };
	int i, bit = WORDS * 32 - 1;

	for (i = 0; i < abs(n); i++)
		big_times(&d, 5);
	*hi = *lo = 0;
	if (n >= 0) {
		while ((d.w[bit / 32] >> bit % 32 & 1) == 0)
			bit--;
		for (i = 0; i < 128; i++, bit--)
			add_bit(hi, lo, bit >= 0 &&
			    (d.w[bit / 32] >> bit % 32 & 1) != 0);
		return;
	}
	while (*hi >> 63 == 0) {
		big_times(&r, 2);
		add_bit(hi, lo, big_take(&r, &d));
	}
}

static void
test_powers(void)
{
	uint64_t hi, lo, want_hi, want_lo;
	int n, bad = 0;

	for (n = AMAS__POW5_MIN; n <= AMAS__POW5_MAX; n++) {
		amas__pow5(n, &hi, &lo);
		plain_pow5(n, &want_hi, &want_lo);
		if (hi != want_hi || lo != want_lo) {
			tap_diag("5^%d is wrong", n);
			bad++;
		}
	}
	tap_int(bad, 0, "powers of five are exact to the last bit");
}

/* ---- Reading ---- */

static struct amas__number
read_all(const char *text)
{
	struct amas__number n = { AMAS_NULL, { 0 } };
	const char *end = amas__number_read(&n, text);

	tap_ok(end != NULL && *end == '\0', "%.40s is a number", text);
	return n;
}

static void
test_integers(void)
{
	static const struct {
		const char *text;
		int64_t i;
	} good[] = {
		{ "0", 0 }, { "-0", 0 }, { "7", 7 }, { "-12", -12 },
		{ "999999999999999999", 999999999999999999 },
		{ "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN },
	};
	static const char *const big[] = { "9223372036854775808",
		"-9223372036854775809", "18446744073709551616",
		"99999999999999999999", "36893488147419103232" };
	char text[AMAS__NUMBER_SIZE];
	struct amas__number n;
	size_t i, len;

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		n = read_all(good[i].text);
		tap_ok(n.type == AMAS_INT && n.u.i == good[i].i,
		    "%s is an INT", good[i].text);
		len = amas__number_put_int(text, good[i].i);
		if (strcmp(good[i].text, "-0") != 0)
			tap_mem(text, len, good[i].text, strlen(good[i].text),
			    "%s is written", good[i].text);
	}
	for (i = 0; i < sizeof big / sizeof *big; i++)
		tap_int(read_all(big[i]).type, AMAS_BIGINT, "%s is a BIGINT",
		    big[i]);
}

static void
test_reals(void)
{
	static const struct {
		const char *text;
		double d;
	} good[] = {
		{ "0.0", 0.0 }, { "-0.0", -0.0 }, { "-0e5", -0.0 },
		{ "1.5", 1.5 }, { "1E5", 1e5 }, { "1e+16", 1e16 },
		{ "5e-324", 5e-324 }, { "2.5e-324", 5e-324 },
		{ "2.4703282292062327e-324", 0 },
		{ "2.4703282292062328e-324", 5e-324 },
		{ "2.2250738585072014e-308", DBL_MIN },
		{ "2.2250738585072011e-308", 0x0.fffffffffffffp-1022 },
		{ "1.7976931348623157e308", DBL_MAX },
		{ "1.7976931348623158e308", DBL_MAX },
		{ "1.7976931348623159e308", INFINITY },
		{ "1e400", INFINITY }, { "-1e400", -INFINITY },
		{ "1e-400", 0 }, { "1e99999999999999999999", INFINITY },
		{ "1e-99999999999999999999", 0 },
		{ "0e99999999999999999999", 0 },
		{ "9007199254740993.0", 9007199254740992.0 },
		{ "9007199254740993.0000000000000000001", 9007199254740994.0 },
		{ "9007199254740995.0", 9007199254740996.0 },
		{ "1e23", 1e23 }, { "8.41e21", 8.41e21 },
		{ "123456789012345678901234567890.5", 1.2345678901234568e29 },
	};
	struct amas__number n;
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		n = read_all(good[i].text);
		tap_ok(n.type == AMAS_REAL && memcmp(&n.u.d, &good[i].d,
		    sizeof n.u.d) == 0, "%s is exact", good[i].text);
	}
}

/* Reads "1" + zeros + tail with n zeros, or "0." + zeros + tail. */
static double
read_long(const char *head, size_t n, const char *tail)
{
	size_t len = strlen(head);
	char *text = malloc(len + n + strlen(tail) + 1);
	struct amas__number num = { AMAS_NULL, { 0 } };

	if (text == NULL)
		return NAN;
	memcpy(text, head, len);
	memset(text + len, '0', n);
	strcpy(text + len + n, tail);
	(void)amas__number_read(&num, text);
	free(text);
	return num.type == AMAS_REAL ? num.u.d : NAN;
}

static void
test_long(void)
{
	tap_ok(read_long("1", 1000000, "e-1000000") == 1.0,
	    "a million zeros and an exponent that takes them back");
	tap_ok(read_long("0.", 1000000, "1e1000001") == 1.0,
	    "a million zeros behind the point");
	tap_ok(read_long("9007199254740993.", 900, "1") == 9007199254740994.0,
	    "the 900th digit decides a tie");
	tap_ok(read_long("9007199254740993.", 900, "") == 9007199254740992.0,
	    "a tie goes to even");
}

static void
test_ends(void)
{
	static const struct {
		const char *text;
		int end;	/* -1: no number */
	} t[] = {
		{ "", -1 }, { "-", -1 }, { "+1", -1 }, { ".5", -1 },
		{ "-.5", -1 }, { "e1", -1 }, { "NaN", -1 }, { "01", 1 },
		{ "1.", 1 }, { "1.e5", 1 }, { "1e", 1 }, { "1e+", 1 },
		{ "1.5e-", 3 }, { "1.5.5", 3 }, { "1,5", 1 }, { "0x10", 1 },
		{ "-0]", 2 }, { "12 ", 2 },
	};
	struct amas__number n;
	const char *end;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		end = amas__number_read(&n, t[i].text);
		tap_int(end != NULL ? end - t[i].text : -1, t[i].end,
		    "\"%s\" ends there", t[i].text);
	}
}

/* ---- Writing ---- */

static void
test_repr(void)
{
	static const struct {
		double d;
		const char *text;
	} t[] = {
		{ 0.0, "0.0" }, { -0.0, "-0.0" }, { 1, "1.0" },
		{ -1.5, "-1.5" }, { 0.1, "0.1" }, { 1e15, "1000000000000000.0" },
		{ 1e16, "1e+16" }, { 9999999999999998.0, "9999999999999998.0" },
		{ 123456789012345.0, "123456789012345.0" },
		{ 1e-4, "0.0001" }, { 1e-5, "1e-05" }, { 1.5e-5, "1.5e-05" },
		{ 1e22, "1e+22" }, { 1e23, "1e+23" }, { 1e100, "1e+100" },
		{ 5e-324, "5e-324" }, { DBL_MIN, "2.2250738585072014e-308" },
		{ DBL_MAX, "1.7976931348623157e+308" },
		{ -DBL_MAX, "-1.7976931348623157e+308" },
		{ 9007199254740992.0, "9007199254740992.0" },
		{ 9007199254740994.0, "9007199254740994.0" },
		{ 0.30000000000000004, "0.30000000000000004" },
		{ 2e-323, "2e-323" }, { 4.35, "4.35" },
		{ -0.00012345678901234567, "-0.00012345678901234567" },
		{ INFINITY, "Infinity" }, { -INFINITY, "-Infinity" },
		{ NAN, "NaN" }, { -NAN, "NaN" },
	};
	char text[AMAS__NUMBER_SIZE];
	size_t i, len;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		len = amas__number_put_real(text, t[i].d);
		tap_mem(text, len, t[i].text, strlen(t[i].text), "%s",
		    t[i].text);
	}
}

int
main(void)
{
	test_powers();
	test_integers();
	test_reals();
	test_long();
	test_ends();
	test_repr();
	return tap_done();
}
