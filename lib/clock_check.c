/*
 * What aiomas's clocks refuse, in its words; dates and times of a clock.
 *
 * Python's numbers are integers or floats, ours floats alone: a whole number is
 * shown as if it had been an integer, which is what people write.
 */
#include "clock.h"

#include <math.h>
#include <string.h>

#include "log.h"
#include "number.h"

#define TIME_MAX 9007199254740992.0	/* 2^53: above, seconds do not count */
#define DATE_MAX 1e12		/* s from any date: beyond all others */
#define MICROSECONDS 1000000

#define SHOWN_SIZE (AMAS__NUMBER_SIZE + 1)

/* Python's str() of a float. */
static const char *
show_real(char out[SHOWN_SIZE], double d)
{
	size_t len;

	if (isnan(d))
		return "nan";
	if (isinf(d))
		return d < 0 ? "-inf" : "inf";
	len = amas__number_put_real(out, d);
	out[len] = '\0';
	return out;
}

/* The same, but of an int if it may have been one. */
static const char *
show(char out[SHOWN_SIZE], double d)
{
	if (d >= -TIME_MAX && d <= TIME_MAX && d == (double)(int64_t)d) {
		out[amas__number_put_int(out, (int64_t)d)] = '\0';
		return out;
	}
	return show_real(out, d);
}

static bool
is_time(double t_s)
{
	return t_s >= -TIME_MAX && t_s <= TIME_MAX;
}

int
amas__clock_date(const struct amas_clock *c, const char *text, size_t len,
    double *t_s, struct amas_error *err)
{
	int64_t us;
	double then_s;
	int rc;

	if ((rc = amas__date_read(&us, text, len, err)) != 0)
		return rc;
	us -= amas__clock_epoch(c, &then_s);
	*t_s = (double)us / MICROSECONDS + then_s;
	return 0;
}

size_t
amas__clock_print_date(const struct amas_clock *c, double t_s,
    char out[AMAS__DATE_SIZE])
{
	double then_s;
	int64_t us = amas__clock_epoch(c, &then_s);

	t_s -= then_s;
	if (!(t_s >= -DATE_MAX && t_s <= DATE_MAX))
		return 0;
	return amas__date_print(out, us + amas__date_us(t_s));
}

/* ---- What aiomas's clocks refuse ---- */

static int
refuse_past(const char *date, struct amas_error *err)
{
	return amas_error_set(err, AMAS_EINVAL, "Date \"%s\" is in the past",
	    date);
}

int
amas__clock_check_new(int64_t *start_us, const char *start, double time_s,
    struct amas_error *err)
{
	char text[SHOWN_SIZE];

	if (!is_time(time_s))
		return amas_error_set(err, AMAS_EINVAL, "no clock shows %s",
		    show(text, time_s));
	if (start != NULL)
		return amas__date_read(start_us, start, strlen(start), err);
	*start_us = 0;
	return 0;
}

int
amas__clock_check_set(const struct amas_clock *c, double t_s,
    struct amas_error *err)
{
	double now_s = amas_clock_time(c);
	char now[SHOWN_SIZE], then[SHOWN_SIZE];

	if (amas__clock_kind(c) != AMAS_CLOCK_EXTERNAL)
		return amas_error_set(err, AMAS_EINVAL,
		    "the clock is not external");
	if (is_time(t_s) && t_s > now_s)
		return 0;
	return amas_error_set(err, AMAS_EINVAL, "Time must be > %s but is %s",
	    show(now, now_s), show(then, t_s));
}

int
amas__clock_check_sleep(const struct amas_clock *c, double dt_s,
    struct amas_error *err)
{
	double now_s = amas_clock_time(c);
	char text[SHOWN_SIZE];

	if (!is_time(dt_s) || !is_time(now_s + dt_s) ||
	    (dt_s <= 0 && amas__clock_kind(c) != AMAS_CLOCK_REAL))
		return amas_error_set(err, AMAS_EINVAL,
		    "dt must be > 0 but is %s", show(text, dt_s));
	/* aiomas looks at the sum, which may be the same: a float then */
	if (now_s + dt_s == now_s && amas__clock_kind(c) != AMAS_CLOCK_REAL)
		return refuse_past(show_real(text, now_s), err);
	return 0;
}

int
amas__clock_check_until(const struct amas_clock *c, double t_s,
    struct amas_error *err)
{
	char text[SHOWN_SIZE];

	if (is_time(t_s) && t_s > amas_clock_time(c))
		return 0;
	return refuse_past(show(text, t_s), err);
}

int
amas__clock_check_date(const struct amas_clock *c, const char *text,
    size_t len, double *t_s, struct amas_error *err)
{
	char whole[AMAS__DATE_SIZE];
	const char *why;
	double due_s;
	int rc;

	if ((rc = amas__clock_date(c, text, len, &due_s, err)) != 0)
		return rc;
	if (due_s <= amas_clock_time(c)) {
		(void)amas__date_complete(whole, text, len, &why); /* it is one */
		return refuse_past(whole, err);
	}
	*t_s = due_s;
	return 0;
}
