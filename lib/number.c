/*
 * Numbers as text.
 *
 * Reading takes up to 19 digits into an integer and multiplies it by a power of
 * ten of 128 bits; where these cannot decide how to round, and for more digits,
 * strtod(3) gets a text that has no decimal point, so that LC_NUMERIC of the
 * program cannot disturb it.
 *
 * Writing finds the shortest digits by Raffaello Giulietti's method ("The
 * Schubfach way to render doubles", 2021): of the decimals with one place more
 * than can matter at most two lie between the real's neighbours.
 */
#include "number.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pow5.h"

#define EXP_MAX 1000000000000000	/* digits beyond change nothing */
#define SLOW_DIGITS 800		/* more than the 767 that can decide */

/* ---- Reading ---- */

static bool
is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

static double
real_of_bits(uint64_t bits)
{
	double d;

	memcpy(&d, &bits, sizeof d);
	return d;
}

/* Rounds w * 10^exp to a real; false if it takes more than 128 bits to know. */
static bool
scale(double *out, uint64_t w, int exp)
{
	bool exact = exp >= 0 && exp <= AMAS__POW5_EXACT_MAX;
	uint64_t hi, lo, p2, p1, p0, up, m, tail;
	int zeros = __builtin_clzll(w), e;

	amas__pow5(exp, &hi, &lo);
	w <<= zeros;
	up = amas__mul64(w, lo, &p0);
	p2 = amas__mul64(w, hi, &p1);
	p1 += up;
	p2 += p1 < up;
	if (!exact && p1 == UINT64_MAX)
		return false; /* what the power lacks might carry into p2 */
	e = 64 + amas__log2_pow10(exp) - zeros;
	if (p2 >> 63 == 0) {
		p2 = p2 << 1 | p1 >> 63;
		p1 <<= 1;
		e--;
	}
	m = p2 >> 11;
	tail = p2 & 0x7ff;
	if (tail > 0x400 || (tail == 0x400 &&
	    (!exact || (p1 | p0) != 0 || (m & 1) != 0)))
		m++;
	if (m >> 53 != 0) {
		m >>= 1;
		e++;
	}
	if (e < DBL_MIN_EXP - 1 || e > DBL_MAX_EXP - 1)
		return false; /* subnormal or too large */
	*out = real_of_bits((uint64_t)(e + DBL_MAX_EXP - 1) << 52 |
	    (m & 0xfffffffffffff));
	return true;
}

/* Both fast ways for w * 10^exp. */
static bool
fast_real(double *out, uint64_t w, int64_t exp)
{
#if FLT_EVAL_METHOD == 0 /* else the result is rounded twice */
	static const double tens[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
		1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
		1e19, 1e20, 1e21, 1e22 };

	/* both are exact reals: one operation rounds once */
	if (w >> 53 == 0 && exp >= -22 && exp <= 22) {
		*out = exp < 0 ? (double)w / tens[-exp] :
		    (double)w * tens[exp];
		return true;
	}
#endif
	if (w == 0) {
		*out = 0;
		return true;
	}
	return exp >= AMAS__POW5_MIN && exp <= AMAS__POW5_MAX &&
	    scale(out, w, (int)exp);
}

/*
 * Any real: the digits that can matter without their point, then the exponent.
 * Whatever else is not zero shows as one more digit.
 */
static double
slow_real(const char *p, const char *end, int64_t exp)
{
	char text[SLOW_DIGITS + 1 + AMAS__NUMBER_SIZE];
	bool point = false, more = false;
	size_t n = 0;

	for (; p < end && (is_digit(*p) || *p == '.'); p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		exp -= point;
		if (n == 0 && *p == '0')
			continue;
		if (n < SLOW_DIGITS) {
			text[n++] = *p;
			continue;
		}
		exp++;
		more = more || *p != '0';
	}
	if (n == 0)
		return 0;
	if (more) {
		text[n++] = '1';
		exp--;
	}
	text[n++] = 'e';
	n += amas__number_put_int(text + n, exp);
	text[n] = '\0';
	return strtod(text, NULL);
}

/* Takes digits into w, which wraps when there are more than 19. */
static const char *
read_digits(const char *p, uint64_t *w)
{
	for (; is_digit(*p); p++)
		*w = *w * 10 + (uint64_t)(*p - '0');
	return p;
}

/* Reads "e+12"; gives p itself if it is none. */
static const char *
read_exponent(const char *p, int64_t *exp)
{
	const char *q = p + 1;
	bool negative = *q == '-';
	int64_t e = 0;

	if (*q == '-' || *q == '+')
		q++;
	if (!is_digit(*q))
		return p;
	for (; is_digit(*q); q++)
		if (e < EXP_MAX)
			e = e * 10 + (*q - '0');
	*exp = negative ? -e : e;
	return q;
}

static void
set_int(struct amas__number *n, uint64_t w, size_t digits, bool negative)
{
	n->type = AMAS_INT;
	if (digits > 19 || w > (uint64_t)INT64_MAX + negative)
		n->type = AMAS_BIGINT;
	else
		n->u.i = (int64_t)(negative ? 0 - w : w);
}

const char *
amas__number_read(struct amas__number *n, const char *text)
{
	bool negative = *text == '-';
	const char *start = text + negative, *p = start, *point = NULL, *end;
	int64_t exp = 0;
	uint64_t w = 0;
	size_t digits;

	if (!is_digit(*p))
		return NULL;
	p = *p == '0' ? p + 1 : read_digits(p, &w);
	digits = (size_t)(p - start);
	if (*p == '.' && is_digit(p[1])) {
		point = p;
		p = read_digits(p + 1, &w);
		digits = (size_t)(p - start) - 1;
	}
	end = (*p | 0x20) == 'e' ? read_exponent(p, &exp) : p;
	if (point == NULL && end == p) {
		set_int(n, w, digits, negative);
		return end;
	}
	/* "0.000" are no digits */
	if (digits > 19 && *start == '0' && point != NULL)
		digits -= strspn(point, ".0");
	n->type = AMAS_REAL;
	if (digits > 19 || !fast_real(&n->u.d, w,
	    point != NULL ? exp - (p - point - 1) : exp))
		n->u.d = slow_real(start, p, exp);
	if (negative)
		n->u.d = -n->u.d;
	return end;
}

/* ---- Writing ---- */

/* Writes digits so that they end before end; returns where they begin. */
static char *
put_digits(char *end, uint64_t w)
{
	static const char pairs[] =
	    "00010203040506070809101112131415161718192021222324252627282930"
	    "31323334353637383940414243444546474849505152535455565758596061"
	    "62636465666768697071727374757677787980818283848586878889909192"
	    "93949596979899";

	for (; w >= 100; w /= 100)
		memcpy(end -= 2, pairs + w % 100 * 2, 2);
	if (w >= 10)
		memcpy(end -= 2, pairs + w * 2, 2);
	else
		*--end = (char)('0' + w);
	return end;
}

size_t
amas__number_put_int(char *out, int64_t i)
{
	char text[AMAS__NUMBER_SIZE], *end = text + sizeof text, *p;

	p = put_digits(end, i < 0 ? 0 - (uint64_t)i : (uint64_t)i);
	if (i < 0)
		*--p = '-';
	memcpy(out, p, (size_t)(end - p));
	return (size_t)(end - p);
}

/* The upper 64 bits of g * w, the last one set if what is cut matters. */
static uint64_t
mul_to_odd(uint64_t hi, uint64_t lo, uint64_t w)
{
	uint64_t p1, p0, up, q = amas__mul64(hi, w, &p1);

	up = amas__mul64(lo, w, &p0);
	p1 += up;
	q += p1 < up;
	return q | (p1 > 1);
}

/*
 * The shortest decimal digits * 10^exp that reads as the positive real of these
 * bits, the closest one if there are several.
 */
static uint64_t
shortest(uint64_t bits, int *exp)
{
	uint64_t c = bits & 0xfffffffffffff, hi, lo, mid, low, high, s, t;
	int q = (int)(bits >> 52), k, h;
	bool even, down, up, narrow;

	/* the real is c * 2^q */
	narrow = c == 0 && q > 1; /* half as far to the neighbour below */
	if (q > 0)
		c |= (uint64_t)1 << 52;
	else
		q = 1;
	q -= DBL_MAX_EXP + 51;
	even = (c & 1) == 0;	/* its bounds themselves read as it */

	/* 10^k is just below the gap: k = floor(log10(2^q [* 3/4])) */
	k = (q * 1262611 - (narrow ? 524031 : 0)) >> 22;
	amas__pow5(-k, &hi, &lo);
	hi += ++lo == 0;	/* the method wants it above the power */
	h = q + amas__log2_pow10(-k) + 1;
	mid = mul_to_odd(hi, lo, c << (h + 2));
	low = mul_to_odd(hi, lo, ((c << 2) - (narrow ? 1 : 2)) << h) + !even;
	high = mul_to_odd(hi, lo, ((c << 2) + 2) << h) - !even;

	/* in quarters of 10^k: s <= mid < s + 1, the same for tens */
	s = mid >> 2;
	*exp = k;
	if (s >= 10) {
		t = s / 10 * 10;
		down = low <= t << 2;
		up = (t + 10) << 2 <= high;
		if (down != up)
			return down ? t : t + 10;
	}
	down = low <= s << 2;
	up = (s + 1) << 2 <= high;
	if (down != up)
		return down ? s : s + 1;
	t = (s << 2) + 2;	/* half-way */
	return mid < t || (mid == t && (s & 1) == 0) ? s : s + 1;
}

/* Writes n digits whose point stands after the first `point` of them. */
static char *
put_fixed(char *out, const char *digits, int n, int point)
{
	if (point <= 0) {
		memcpy(out, "0.000", 5);
		out += 2 - point;
		memcpy(out, digits, (size_t)n);
		return out + n;
	}
	if (point >= n) {
		memcpy(out, digits, (size_t)n);
		memset(out + n, '0', (size_t)(point - n));
		memcpy(out + point, ".0", 2);
		return out + point + 2;
	}
	memcpy(out, digits, (size_t)point);
	out[point] = '.';
	memcpy(out + point + 1, digits + point, (size_t)(n - point));
	return out + n + 1;
}

static char *
put_exponent(char *out, const char *digits, int n, int exp)
{
	*out++ = digits[0];
	if (n > 1) {
		*out++ = '.';
		memcpy(out, digits + 1, (size_t)(n - 1));
		out += n - 1;
	}
	*out++ = 'e';
	*out++ = exp < 0 ? '-' : '+';
	exp = abs(exp);
	if (exp < 10)
		*out++ = '0';
	return out + amas__number_put_int(out, exp);
}

size_t
amas__number_put_real(char *out, double d)
{
	char text[AMAS__NUMBER_SIZE], *end = text + sizeof text, *p, *o = out;
	uint64_t bits, w;
	int exp = 0, n;

	if (isnan(d)) {
		memcpy(out, "NaN", 3);
		return 3;
	}
	memcpy(&bits, &d, sizeof bits);
	if (bits >> 63 != 0)
		*o++ = '-';
	d = fabs(d);
	if (isinf(d)) {
		memcpy(o, "Infinity", 8);
		return (size_t)(o + 8 - out);
	}
	if (d < 9007199254740992.0 && d == (double)(int64_t)d)
		w = (uint64_t)d; /* integers are their own digits */
	else
		for (w = shortest(bits & INT64_MAX, &exp); w % 10 == 0;
		    w /= 10)
			exp++;
	p = put_digits(end, w);
	n = (int)(end - p);
	exp += n;		/* value is 0.DIGITS * 10^exp */
	if (exp > -4 && exp <= 16)
		o = put_fixed(o, p, n, exp);
	else
		o = put_exponent(o, p, n, exp - 1);
	return (size_t)(o - out);
}
