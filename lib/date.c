/*
 * Dates as text: a reader of ISO 8601 without a calendar of the system, which
 * knows neither years before 1900 everywhere nor offsets.
 *
 * A reader consumes what it understands; what stands behind that is wrong.
 */
#include "date.h"

#include <stdio.h>
#include <string.h>

#include "amas.h"
#include "log.h"

#define YEAR_MAX 9999
#define SECONDS_MAX 1e12	/* beyond all dates */
#define MICROSECONDS 1000000

struct date {
	int year, month, day;
	int hour, minute, second, micro;
	int offset;		/* minutes east of UTC */
};

/* Text that is read, and the first cause why it is no date. */
struct reader {
	const char *p, *end;
	const char *why;
};

static bool
fail(struct reader *r, const char *why)
{
	r->why = why;
	return false;
}

/* ---- Characters ---- */

static size_t
digits(const struct reader *r)
{
	size_t n = 0;

	while (r->p + n < r->end && r->p[n] >= '0' && r->p[n] <= '9')
		n++;
	return n;
}

/* Takes n digits that are there. */
static int
number(struct reader *r, size_t n)
{
	int v = 0;

	while (n-- > 0)
		v = v * 10 + (*r->p++ - '0');
	return v;
}

static bool
next_is(const struct reader *r, char c)
{
	return r->p < r->end && *r->p == c;
}

static bool
take(struct reader *r, char c)
{
	if (!next_is(r, c))
		return false;
	r->p++;
	return true;
}

/* Takes two digits. */
static bool
take_pair(struct reader *r, int *out)
{
	if (digits(r) < 2)
		return fail(r, "not as in 2016-01-31T10:30:00+01:00");
	*out = number(r, 2);
	return true;
}

/* ---- Calendar ---- */

static bool
is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int
days_of_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

static int
days_of_year(int year)
{
	return is_leap(year) ? 366 : 365;
}

/* Days from 0001-01-01, a Monday, to 1 January. */
static int
days_before(int year)
{
	int y = year - 1;

	return y * 365 + y / 4 - y / 100 + y / 400;
}

/* The weekday of 1 January, Monday is 0. */
static int
first_weekday(int year)
{
	return days_before(year) % 7;
}

static int
weeks_of_year(int year)
{
	int first = first_weekday(year);

	/* a year has as many as it has Thursdays */
	return first == 3 || (first == 2 && is_leap(year)) ? 53 : 52;
}

/* Sets a date by the day of a year, from 1; below and above are its
 * neighbours'. */
static void
set_day_of_year(struct date *d, int year, int day)
{
	if (day < 1)
		day += days_of_year(--year);
	else if (day > days_of_year(year))
		day -= days_of_year(year++);
	d->year = year;
	for (d->month = 1; day > days_of_month(year, d->month); d->month++)
		day -= days_of_month(year, d->month);
	d->day = day;
}

static void
next_day(struct date *d)
{
	if (++d->day <= days_of_month(d->year, d->month))
		return;
	d->day = 1;
	if (++d->month <= 12)
		return;
	d->month = 1;
	d->year++;
}

static void
next_second(struct date *d)
{
	if (++d->second < 60)
		return;
	d->second = 0;
	if (++d->minute < 60)
		return;
	d->minute = 0;
	if (++d->hour < 24)
		return;
	d->hour = 0;
	next_day(d);
}

/* ---- Date ---- */

/* W09, W09-1, W091: the Monday, or day, of a week. */
static bool
read_week(struct reader *r, struct date *d, bool dashes)
{
	int week, day = 1, monday;

	if (!take_pair(r, &week))
		return false;
	if (week < 1 || week > weeks_of_year(d->year))
		return fail(r, "the year has no such week");
	if (dashes ? take(r, '-') : digits(r) > 0) {
		if (digits(r) != 1)
			return fail(r, "day of a week is not 1 to 7");
		day = number(r, 1);
	}
	if (day < 1 || day > 7)
		return fail(r, "day of a week is not 1 to 7");
	/* day of the year: week 1 is that with the first Thursday */
	monday = 1 - first_weekday(d->year);
	if (first_weekday(d->year) > 3)
		monday += 7;
	set_day_of_year(d, d->year, monday + (week - 1) * 7 + day - 1);
	return true;
}

static bool
read_ordinal(struct reader *r, struct date *d)
{
	int day = number(r, 3);

	if (day < 1 || day > days_of_year(d->year))
		return fail(r, "the year has no such day");
	set_day_of_year(d, d->year, day);
	return true;
}

/* 02, 02-29, 0229 */
static bool
read_month(struct reader *r, struct date *d, bool dashes)
{
	if (!take_pair(r, &d->month))
		return false;
	if (d->month < 1 || d->month > 12)
		return fail(r, "month is not 1 to 12");
	if (dashes && !take(r, '-'))
		return true;
	if (!take_pair(r, &d->day))
		return false;
	if (d->day < 1 || d->day > days_of_month(d->year, d->month))
		return fail(r, "the month has no such day");
	return true;
}

static bool
read_date(struct reader *r, struct date *d)
{
	bool dashes;

	if (digits(r) < 4)
		return fail(r, "not as in 2016-01-31T10:30:00+01:00");
	d->year = number(r, 4);
	if (d->year < 1)
		return fail(r, "year is not 0001 to 9999");
	if (r->p == r->end || next_is(r, 'T') || next_is(r, ' '))
		return true;
	dashes = take(r, '-');
	if (take(r, 'W'))
		return read_week(r, d, dashes);
	if (digits(r) == 3)
		return read_ordinal(r, d);
	return read_month(r, d, dashes);
}

/* ---- Time and offset ---- */

/* Digits behind the point; as arrow rounds them. */
static bool
read_fraction(struct reader *r, struct date *d)
{
	size_t n = digits(r), i;
	int seventh;

	if (n == 0)
		return fail(r, "fraction of seconds without digits");
	for (i = 0; i < 6; i++)
		d->micro = d->micro * 10 + (i < n ? number(r, 1) : 0);
	if (n <= 6)
		return true;
	seventh = number(r, 1);
	if (seventh > 5 || (seventh == 5 && d->micro % 2 != 0))
		d->micro++;
	r->p += n - 7;
	return true;
}

/* Minute and second, if they are there, and a fraction. */
static bool
read_rest_of_time(struct reader *r, struct date *d)
{
	bool colons = take(r, ':');

	if (!colons && digits(r) == 0)
		return true;
	if (!take_pair(r, &d->minute))
		return false;
	if (colons ? !take(r, ':') : digits(r) == 0)
		return true;
	if (!take_pair(r, &d->second))
		return false;
	return take(r, '.') || take(r, ',') ? read_fraction(r, d) : true;
}

static bool
read_time(struct reader *r, struct date *d)
{
	if (!take_pair(r, &d->hour) || !read_rest_of_time(r, d))
		return false;
	if (d->hour > 24 || d->minute > 59 || d->second > 59)
		return fail(r, "time is not 00:00:00 to 24:00:00");
	if (d->hour == 24) {
		if (d->minute > 0 || d->second > 0 || d->micro > 0)
			return fail(r, "time is after 24:00:00");
		d->hour = 0;
		next_day(d);
	}
	if (d->micro == MICROSECONDS) {
		d->micro = 0;
		next_second(d);
	}
	return d->year <= YEAR_MAX || fail(r, "year is not 0001 to 9999");
}

static bool
read_offset(struct reader *r, struct date *d)
{
	bool west = next_is(r, '-');
	int hours, minutes = 0;

	if (r->p == r->end || take(r, 'Z'))
		return true;
	if (!west && !next_is(r, '+'))
		return fail(r, "not as in 2016-01-31T10:30:00+01:00");
	r->p++;
	if (!take_pair(r, &hours))
		return false;
	if ((take(r, ':') || digits(r) > 0) && !take_pair(r, &minutes))
		return false;
	if (hours > 23 || minutes > 59)
		return fail(r, "UTC offset is not -23:59 to +23:59");
	d->offset = hours * 60 + minutes;
	if (west)
		d->offset = -d->offset;
	return true;
}

/* ---- All of it ---- */

static bool
read_all(struct reader *r, struct date *d)
{
	if (!read_date(r, d))
		return false;
	if ((take(r, 'T') || take(r, ' ')) &&
	    (!read_time(r, d) || !read_offset(r, d)))
		return false;
	return r->p == r->end ||
	    fail(r, "not as in 2016-01-31T10:30:00+01:00");
}

static bool
read_date_text(struct date *d, const char *text, size_t len, const char **why)
{
	struct reader r = { .p = text, .end = text + len };

	memset(d, 0, sizeof *d);
	d->month = d->day = 1;
	if (read_all(&r, d))
		return true;
	*why = r.why;
	return false;
}

static size_t
print(char out[AMAS__DATE_SIZE], const struct date *d)
{
	int n, east;

	n = snprintf(out, AMAS__DATE_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d",
	    d->year, d->month, d->day, d->hour, d->minute, d->second);
	if (d->micro > 0)
		n += snprintf(out + n, AMAS__DATE_SIZE - (size_t)n, ".%06d",
		    d->micro);
	east = d->offset < 0 ? -d->offset : d->offset;
	n += snprintf(out + n, AMAS__DATE_SIZE - (size_t)n, "%c%02d:%02d",
	    d->offset < 0 ? '-' : '+', east / 60, east % 60);
	return (size_t)n;
}

size_t
amas__date_complete(char out[AMAS__DATE_SIZE], const char *text, size_t len,
    const char **why)
{
	struct date d;

	return read_date_text(&d, text, len, why) ? print(out, &d) : 0;
}

bool
amas__date_parse(int64_t *us, const char *text, size_t len, const char **why)
{
	struct date d;
	int64_t s;
	int month;

	if (!read_date_text(&d, text, len, why))
		return false;
	s = days_before(d.year) - days_before(1970) + d.day - 1;
	for (month = 1; month < d.month; month++)
		s += days_of_month(d.year, month);
	s = ((s * 24 + d.hour) * 60 + d.minute - d.offset) * 60 + d.second;
	*us = s * MICROSECONDS + d.micro;
	return true;
}

size_t
amas__date_print(char out[AMAS__DATE_SIZE], int64_t us)
{
	const int64_t per_day = INT64_C(86400) * MICROSECONDS;
	int64_t first = -days_before(1970) * per_day;
	int64_t end = (days_before(YEAR_MAX + 1) - days_before(1970)) * per_day;
	struct date d = { 0 };
	int64_t in_day, seconds;
	int days;

	if (us < first || us >= end)
		return 0;
	days = (int)((us - first) / per_day);
	in_day = (us - first) % per_day;
	/* 400 years have 146,097 days: this is off by one at most */
	d.year = (int)((int64_t)days * 400 / 146097) + 1;
	while (days_before(d.year) > days)
		d.year--;
	while (days_before(d.year + 1) <= days)
		d.year++;
	set_day_of_year(&d, d.year, days - days_before(d.year) + 1);
	seconds = in_day / MICROSECONDS;
	d.hour = (int)(seconds / 3600);
	d.minute = (int)(seconds / 60 % 60);
	d.second = (int)(seconds % 60);
	d.micro = (int)(in_day % MICROSECONDS);
	return print(out, &d);
}

int64_t
amas__date_us(double s)
{
	int64_t whole = (int64_t)s, n;
	double us = (s - (double)whole) * MICROSECONDS, rest;

	n = (int64_t)us;
	rest = us - (double)n;
	if (rest > 0.5 || (rest == 0.5 && n % 2 != 0))
		n++;
	else if (rest < -0.5 || (rest == -0.5 && n % 2 != 0))
		n--;
	return whole * MICROSECONDS + n;
}

int
amas__date_read(int64_t *us, const char *text, size_t len,
    struct amas_error *err)
{
	const char *why;
	char shown[64];

	if (amas__date_parse(us, text, len, &why))
		return 0;
	return amas_error_set(err, AMAS_EINVAL, "date \"%s\": %s",
	    amas__log_text(shown, sizeof shown, text, len), why);
}

/* ---- For programs ---- */

int
amas_date_parse(const char *text, double *unix_s, struct amas_error *err)
{
	int64_t us;
	int rc = amas__date_read(&us, text, strlen(text), err);

	if (rc == 0)
		*unix_s = (double)us / MICROSECONDS;
	return rc;
}

const char *
amas_date_print(double unix_s, char *buf, size_t size)
{
	char out[AMAS__DATE_SIZE] = "";

	if (unix_s >= -SECONDS_MAX && unix_s <= SECONDS_MAX)
		(void)amas__date_print(out, amas__date_us(unix_s));
	(void)snprintf(buf, size, "%s", out);
	return buf;
}
