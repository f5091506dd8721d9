/*
 * Times: seconds of a clock, or dates.  What looks like a number is one, so that
 * 2016 is seconds and 2016-01-01 a date.
 */
#include "clock_opts.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "date.h"
#include "number.h"

#define TIME_MAX 9007199254740992.0	/* 2^53: above, seconds do not count */
#define EXACT_MAX 9e12			/* s whose microseconds fit 64 bits */
#define US 1e6

/* -?DIGITS[.DIGITS][e[+-]DIGITS], and .5: what strtod takes, but for names. */
static bool
is_number(const char *text, size_t len)
{
	size_t i = len > 0 && text[0] == '-';

	if (i < len && text[i] == '.')
		i++;
	if (i >= len || !isdigit((unsigned char)text[i]))
		return false;
	for (i = 0; i < len; i++)
		if (text[i] == '\0' || strchr("0123456789.eE+-", text[i]) == NULL)
			return false;
	return true;
}

static bool
read_number(struct clock_time *out, const char *text, size_t len)
{
	char copy[64], *end;
	double s;

	if (len >= sizeof copy)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	s = strtod(copy, &end);
	if (*end != '\0')
		return false;
	out->is_date = false;
	out->s = s;
	return true;
}

bool
clock_time_read(struct clock_time *out, const char *text, size_t len,
    const char **why)
{
	memset(out, 0, sizeof *out);
	if (is_number(text, len) && read_number(out, text, len)) {
		*why = "is too far away";
		return out->s >= -TIME_MAX && out->s <= TIME_MAX;
	}
	if (amas__date_parse(&out->us, text, len, why)) {
		out->is_date = true;
		return true;
	}
	*why = "is no time";
	return false;
}

static bool
is_whole(double t_s)
{
	return t_s >= -TIME_MAX && t_s <= TIME_MAX &&
	    t_s == (double)(int64_t)t_s;
}

const char *
clock_time_print(char out[CLOCK_TEXT_SIZE], double t_s)
{
	size_t len = is_whole(t_s) ? amas__number_put_int(out, (int64_t)t_s) :
	    amas__number_put_real(out, t_s);

	out[len] = '\0';
	return out;
}

struct amas_value *
clock_time_value(double t_s)
{
	return is_whole(t_s) ? amas_value_pack("I", (int64_t)t_s) :
	    amas_value_pack("f", t_s);
}

/*
 * n steps of whole microseconds are divided once, so that 3 times 0.1 is 0.3,
 * and no error grows.
 */
static double
multiple(double n, double step_s)
{
	double step_us = step_s * US, whole = (double)(int64_t)(step_us + 0.5);

	if (step_us - whole > -1e-3 && step_us - whole < 1e-3 &&
	    n * whole < EXACT_MAX * US && n * whole > -EXACT_MAX * US)
		return n * whole / US;
	return n * step_s;
}

double
clock_time_after(double t_s, double step_s)
{
	double n = t_s / step_s, next;

	if (!(n < TIME_MAX && n > -TIME_MAX))
		return INFINITY;
	n = (double)(int64_t)n - 2;
	do
		next = multiple(n++, step_s);
	while (next <= t_s);
	return next;
}
