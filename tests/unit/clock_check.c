/* Clocks: dates of their times, and what they refuse, in aiomas's words. */
#include "clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define START "2016-02-29T12:00:00+01:00"	/* 11:00 UTC */

static struct amas_loop *loop;
static struct amas_clock *clk;

static void
setup(void)
{
	if (amas_loop_new(&loop, NULL, NULL) != 0 ||
	    amas_clock_new(&clk, loop, AMAS_CLOCK_EXTERNAL, START, 0,
	    NULL) != 0)
		abort();
}

static void
teardown(void)
{
	amas_clock_free(clk);
	amas_loop_free(loop);
}

static void
move(double t_s)
{
	struct amas_error err;

	if (amas_clock_set(clk, t_s, &err) != 0)
		tap_ok(false, "set %g: %s", t_s, err.text);
}

/* ---- Texts ---- */

static void
test_set(void)
{
	static const struct {
		double t_s;
		const char *text;
	} bad[] = {
		{ 0, "Time must be > 0 but is 0" },
		{ -1, "Time must be > 0 but is -1" },
		{ -0.5, "Time must be > 0 but is -0.5" },
		{ (double)NAN, "Time must be > 0 but is nan" },
		{ (double)INFINITY, "Time must be > 0 but is inf" },
		{ -(double)INFINITY, "Time must be > 0 but is -inf" },
		{ 1e308, "Time must be > 0 but is 1e+308" },
		{ 9007199254740994, "Time must be > 0 but is "
		    "9007199254740994.0" },
		{ -1e16, "Time must be > 0 but is -1e+16" },
	};
	struct amas_error err;
	size_t i;

	setup();
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		*err.text = '\0';
		tap_int(amas_clock_set(clk, bad[i].t_s, &err), AMAS_EINVAL,
		    "faults 71: %g", bad[i].t_s);
		tap_str(err.text, bad[i].text, "faults 71: its text");
		tap_ok(!(amas_clock_time(clk) > 0 || amas_clock_time(clk) < 0),
		    "faults 71: time unchanged");
	}
	move(0.1);
	tap_int(amas_clock_set(clk, 0.05, &err), AMAS_EINVAL, "backwards");
	tap_str(err.text, "Time must be > 0.1 but is 0.05", "its text");
	tap_int(amas_clock_set(clk, 0.1, NULL), AMAS_EINVAL, "no place for it");
	move(9007199254740992);
	teardown();
}

static void
sleeps(const struct amas_clock *c, double dt_s, const char *want)
{
	struct amas_error err = { 0, 0, "" };
	int rc = amas__clock_check_sleep(c, dt_s, &err);

	tap_str(err.text, want, "sleep(%g)", dt_s);
	tap_int(rc, *want != '\0' ? AMAS_EINVAL : 0, "its code");
}

static void
until(const struct amas_clock *c, double t_s, const char *want)
{
	struct amas_error err = { 0, 0, "" };
	int rc = amas__clock_check_until(c, t_s, &err);

	tap_str(err.text, want, "sleep_until(%g)", t_s);
	tap_int(rc, *want != '\0' ? AMAS_EINVAL : 0, "its code");
}

static void
test_checks(void)
{
	struct amas_clock *real;

	setup();
	move(10);
	real = amas_loop_clock(loop);
	sleeps(clk, 1, "");
	sleeps(clk, 1e-9, "");
	sleeps(clk, 0, "dt must be > 0 but is 0");
	sleeps(clk, -1, "dt must be > 0 but is -1");
	sleeps(clk, -0.25, "dt must be > 0 but is -0.25");
	sleeps(clk, (double)NAN, "dt must be > 0 but is nan");
	sleeps(clk, (double)INFINITY, "dt must be > 0 but is inf");
	sleeps(clk, 1e308, "dt must be > 0 but is 1e+308");
	sleeps(clk, 1e-30, "Date \"10.0\" is in the past");
	until(clk, 10.5, "");
	until(clk, 10, "Date \"10\" is in the past");
	until(clk, 9.5, "Date \"9.5\" is in the past");
	until(clk, (double)NAN, "Date \"nan\" is in the past");
	until(clk, (double)INFINITY, "Date \"inf\" is in the past");
	until(clk, 1e308, "Date \"1e+308\" is in the past");
	sleeps(real, 1, "");
	sleeps(real, 0, "");
	sleeps(real, -1, "");
	sleeps(real, (double)NAN, "dt must be > 0 but is nan");
	until(real, amas_clock_time(real) + 10, "");
	until(real, 0, "Date \"0\" is in the past");
	teardown();
}

/* ---- Dates ---- */

static void
test_dates(void)
{
	static const struct {
		const char *text;
		double t_s;
		const char *utc;
	} dates[] = {
		{ "2016-02-29T11:00Z", 0, "2016-02-29T11:00:00+00:00" },
		{ "2016-02-29T11:00:00.1", 0.1,
		    "2016-02-29T11:00:00.100000+00:00" },
		{ "2016-02-29T10:59:59.999999", -0.000001,
		    "2016-02-29T10:59:59.999999+00:00" },
		{ "2016-03-01T00:00+02:00", 39600,
		    "2016-02-29T22:00:00+00:00" },
		{ "2017-02-28T11:00", 31536000, "2017-02-28T11:00:00+00:00" },
		{ "1970", -1456743600, "1970-01-01T00:00:00+00:00" },
		{ "9999-12-31T23:59:59.5", 251945557199.5,
		    "9999-12-31T23:59:59.500000+00:00" },
	};
	char out[AMAS__DATE_SIZE];
	double t_s;
	size_t i;

	setup();
	move(7); /* matters to none */
	for (i = 0; i < sizeof dates / sizeof *dates; i++) {
		t_s = (double)NAN;
		(void)amas__clock_date(clk, dates[i].text,
		    strlen(dates[i].text), &t_s, NULL);
		tap_ok(t_s >= dates[i].t_s && t_s <= dates[i].t_s, "%s is %.7f",
		    dates[i].text, t_s);
		*out = '\0';
		tap_int((long long)amas__clock_print_date(clk, dates[i].t_s,
		    out), (long long)strlen(dates[i].utc), "%.7f as a date",
		    dates[i].t_s);
		tap_str(out, dates[i].utc, "which is");
	}
	tap_ok(fabs(amas_clock_utcnow(clk) - 1456743607) < 1e-6, "now");
	/* half to even, as timedelta(): microseconds */
	(void)amas__clock_print_date(clk, 1.5 / 1048576 - 1e-6, out);
	tap_str(out, "2016-02-29T11:00:00+00:00", "less than a half");
	(void)amas__clock_print_date(clk, 0.0000005, out);
	tap_str(out, "2016-02-29T11:00:00+00:00", "half of one");
	(void)amas__clock_print_date(clk, -0.0000015, out);
	tap_str(out, "2016-02-29T10:59:59.999998+00:00", "half of three");
	tap_int((long long)amas__clock_print_date(clk, 251945557200, out) +
	    (long long)amas__clock_print_date(clk, -1e12, out) +
	    (long long)amas__clock_print_date(clk, 1e308, out) +
	    (long long)amas__clock_print_date(clk, (double)NAN, out), 0,
	    "no dates");
	teardown();
}

static void
test_check_date(void)
{
	struct amas_clock *real;
	struct amas_error err;
	char out[AMAS__DATE_SIZE] = "";
	double t_s = 0;

	setup();
	move(7);
	tap_int(amas__clock_check_date(clk, "2016-02-29T11:00:08", 19, &t_s,
	    &err), 0, "a date to come");
	tap_ok(t_s >= 8 && t_s <= 8, "its seconds");
	tap_int(amas__clock_check_date(clk, "20160229T110007", 15, &t_s, &err),
	    AMAS_EINVAL, "one that is now");
	tap_str(err.text, "Date \"2016-02-29T11:00:07+00:00\" is in the past",
	    "its text");
	tap_int(amas__clock_check_date(clk, "2015-01-01T10+01", 16, &t_s,
	    &err), AMAS_EINVAL, "one in the past");
	tap_str(err.text, "Date \"2015-01-01T10:00:00+01:00\" is in the past",
	    "its text");
	tap_int(amas__clock_check_date(clk, "soon\x1b", 5, &t_s, &err),
	    AMAS_EINVAL, "none at all");
	tap_str(err.text, "date \"soon\\x1b\": not as in "
	    "2016-01-31T10:30:00+01:00", "its text");
	tap_ok(t_s >= 8 && t_s <= 8, "nothing is stored then");

	real = amas_loop_clock(loop);
	tap_ok(amas_clock_utcnow(real) > 1456743600, "the real one: now");
	t_s = amas_clock_time(real) + 946684800 - amas_clock_utcnow(real);
	(void)amas__clock_print_date(real, t_s + 0.5, out);
	tap_ok(strncmp(out, "2000-01-01T00:00:00.", 20) == 0,
	    "the real one: %s", out);
	(void)amas__clock_date(real, "9999", 4, &t_s, &err);
	t_s += amas_clock_utcnow(real) - amas_clock_time(real);
	tap_ok(fabs(t_s - 253370764800) < 1, "the real one: 9999");
	tap_int(amas__clock_check_date(real, "2000", 4, &t_s, &err),
	    AMAS_EINVAL, "the real one: past");
	teardown();
}

int
main(void)
{
	test_set();
	test_checks();
	test_dates();
	test_check_date();
	return tap_done();
}
