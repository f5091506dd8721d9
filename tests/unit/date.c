/* Dates: what arrow.get() makes of the same text, and what is refused. */
#include <math.h>
#include <string.h>

#include "amas.h"
#include "date.h"
#include "tap.h"

static const struct {
	const char *text, *whole;
} taken[] = {
	{ "2016-01-01T00:00:00+00:00", "2016-01-01T00:00:00+00:00" },
	{ "2016-01-01T10:00:00.123456-09:30",
	    "2016-01-01T10:00:00.123456-09:30" },
	/* dates */
	{ "2016", "2016-01-01T00:00:00+00:00" },
	{ "2016-02", "2016-02-01T00:00:00+00:00" },
	{ "2016-02-29", "2016-02-29T00:00:00+00:00" },
	{ "20160229", "2016-02-29T00:00:00+00:00" },
	{ "2000-02-29", "2000-02-29T00:00:00+00:00" },
	{ "0001-01-01", "0001-01-01T00:00:00+00:00" },
	{ "9999-12-31", "9999-12-31T00:00:00+00:00" },
	/* day of the year */
	{ "2016-001", "2016-01-01T00:00:00+00:00" },
	{ "2016-060", "2016-02-29T00:00:00+00:00" },
	{ "2016-366", "2016-12-31T00:00:00+00:00" },
	{ "2015365", "2015-12-31T00:00:00+00:00" },
	/* weeks */
	{ "2016-W01", "2016-01-04T00:00:00+00:00" },
	{ "2016-W01-7", "2016-01-10T00:00:00+00:00" },
	{ "2016W011", "2016-01-04T00:00:00+00:00" },
	{ "2015-W01-1", "2014-12-29T00:00:00+00:00" },
	{ "2015-W53-7", "2016-01-03T00:00:00+00:00" },
	{ "2020-W53-5", "2021-01-01T00:00:00+00:00" },
	{ "2004-W53-6", "2005-01-01T00:00:00+00:00" },
	{ "0001-W01-1", "0001-01-01T00:00:00+00:00" },
	/* times */
	{ "2016-01-01T10", "2016-01-01T10:00:00+00:00" },
	{ "2016-01-01T10Z", "2016-01-01T10:00:00+00:00" },
	{ "2016-01-01T10:30Z", "2016-01-01T10:30:00+00:00" },
	{ "2016-01-01 10:30", "2016-01-01T10:30:00+00:00" },
	{ "20160101T103015", "2016-01-01T10:30:15+00:00" },
	{ "2016-01-01T1030+0130", "2016-01-01T10:30:00+01:30" },
	{ "2016T10", "2016-01-01T10:00:00+00:00" },
	{ "2016-W01T10", "2016-01-04T10:00:00+00:00" },
	/* midnight */
	{ "2016-02-28T24:00", "2016-02-29T00:00:00+00:00" },
	{ "2015-12-31T24:00:00", "2016-01-01T00:00:00+00:00" },
	{ "2015-12-31T24", "2016-01-01T00:00:00+00:00" },
	{ "2015-12-31T24:00:00.0000001", "2016-01-01T00:00:00+00:00" },
	/* fractions */
	{ "2016-01-01T10:00:00.5", "2016-01-01T10:00:00.500000+00:00" },
	{ "2016-01-01T10:00:00,25Z", "2016-01-01T10:00:00.250000+00:00" },
	{ "2016-01-01T10:00:00.000", "2016-01-01T10:00:00+00:00" },
	{ "2016-01-01T10:00:00.1234564999", "2016-01-01T10:00:00.123456+00:00" },
	{ "2016-01-01T10:00:00.1234565", "2016-01-01T10:00:00.123456+00:00" },
	{ "2016-01-01T10:00:00.1234575", "2016-01-01T10:00:00.123458+00:00" },
	{ "2016-01-01T10:00:00.12345650000001",
	    "2016-01-01T10:00:00.123456+00:00" },
	{ "2016-12-31T23:59:59.9999995", "2017-01-01T00:00:00+00:00" },
	/* offsets */
	{ "2016-01-01T10:00+01", "2016-01-01T10:00:00+01:00" },
	{ "2016-01-01T10:00-00:00", "2016-01-01T10:00:00+00:00" },
	{ "2016-01-01T10:00-00:30", "2016-01-01T10:00:00-00:30" },
	{ "0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00+23:59" },
	{ "9999-12-31T23:59:59.999999-23:59",
	    "9999-12-31T23:59:59.999999-23:59" },
};

#define SHAPE "not as in 2016-01-31T10:30:00+01:00"
#define YEAR "year is not 0001 to 9999"
#define TIME "time is not 00:00:00 to 24:00:00"
#define OFFSET "UTC offset is not -23:59 to +23:59"
#define NO_DAY "the month has no such day"

static const struct {
	const char *text, *why;
} refused[] = {
	{ "", SHAPE },
	{ "now", SHAPE },
	{ "201", SHAPE },
	{ " 2016-01-01", SHAPE },
	{ "2016-01-01 ", SHAPE },
	{ "2016-01-01Z", SHAPE },
	{ "2016-01-01+01:00", SHAPE },
	{ "2016-1-1", SHAPE },
	{ "2016/01/01", SHAPE },
	{ "201601", SHAPE },
	{ "10000-01-01", SHAPE },
	{ "1451606400", "month is not 1 to 12" },
	{ "2016-01-01T", SHAPE },
	{ "2016-01-01T1", SHAPE },
	{ "2016-01-01T10:", SHAPE },
	{ "2016-01-01T10:0", SHAPE },
	{ "2016-01-01T10:00:", SHAPE },
	{ "2016-01-01T10:00.5", SHAPE },
	{ "2016-01-01t10:00", SHAPE },
	{ "2016-01-01T10:00z", SHAPE },
	{ "2016-01-01T10:00 Z", SHAPE },
	{ "2016-01-01T10:00+1", SHAPE },
	{ "2016-01-01T10:00+01:00:30", SHAPE },
	{ "2016-01-01T10:00+01:", SHAPE },
	{ "2016-01-01T10:00Zx", SHAPE },
	{ "0000-01-01", YEAR },
	{ "9999-12-31T24:00", YEAR },
	{ "9999-12-31T23:59:59.9999999", YEAR },
	{ "2016-13-01", "month is not 1 to 12" },
	{ "2016-00-01", "month is not 1 to 12" },
	{ "2016-01-00", NO_DAY },
	{ "2016-01-32", NO_DAY },
	{ "2015-02-29", NO_DAY },
	{ "1900-02-29", NO_DAY },
	{ "2016-000", "the year has no such day" },
	{ "2015-366", "the year has no such day" },
	{ "2016-W00", "the year has no such week" },
	{ "2016-W53", "the year has no such week" },
	{ "2016-W01-8", "day of a week is not 1 to 7" },
	{ "2016-W01-", "day of a week is not 1 to 7" },
	{ "2016-01-01T25:00", TIME },
	{ "2016-01-01T23:60", TIME },
	{ "2016-12-31T23:59:60", TIME },
	{ "2016-01-01T24:01", "time is after 24:00:00" },
	{ "2016-01-01T24:00:00.1", "time is after 24:00:00" },
	{ "2016-01-01T10:00:00.", "fraction of seconds without digits" },
	{ "2016-01-01T10:00+24:00", OFFSET },
	{ "2016-01-01T10:00+01:60", OFFSET },
};

/* From Python: (arrow.get(TEXT) - arrow.get(0)).total_seconds() */
static const struct {
	const char *text;
	int64_t us;
	const char *utc;
} times[] = {
	{ "1970-01-01", 0, "1970-01-01T00:00:00+00:00" },
	{ "1969-12-31T23:59:59.999999", -1,
	    "1969-12-31T23:59:59.999999+00:00" },
	{ "2016-01-01", 1451606400000000, "2016-01-01T00:00:00+00:00" },
	{ "2016-01-01T01:30:00+01:30", 1451606400000000,
	    "2016-01-01T00:00:00+00:00" },
	{ "2015-12-31T14:30:00-09:30", 1451606400000000,
	    "2016-01-01T00:00:00+00:00" },
	{ "2016-02-29T12:00:00.000001", 1456747200000001,
	    "2016-02-29T12:00:00.000001+00:00" },
	{ "2016-03-01", 1456790400000000, "2016-03-01T00:00:00+00:00" },
	{ "2000-02-29", 951782400000000, "2000-02-29T00:00:00+00:00" },
	{ "1900-03-01", -2203891200000000, "1900-03-01T00:00:00+00:00" },
	{ "2016-12-31T24:00", 1483228800000000, "2017-01-01T00:00:00+00:00" },
	{ "0001-01-01", -62135596800000000, "0001-01-01T00:00:00+00:00" },
	{ "9999-12-31T23:59:59.999999", 253402300799999999,
	    "9999-12-31T23:59:59.999999+00:00" },
};

static void
test_times(void)
{
	char out[AMAS__DATE_SIZE];
	const char *why;
	int64_t us;
	size_t i;

	for (i = 0; i < sizeof times / sizeof *times; i++) {
		us = INT64_MIN;
		(void)amas__date_parse(&us, times[i].text,
		    strlen(times[i].text), &why);
		tap_int(us, times[i].us, "%s as a number", times[i].text);
		*out = '\0';
		(void)amas__date_print(out, times[i].us);
		tap_str(out, times[i].utc, "%s as a date", times[i].text);
	}
	why = NULL;
	tap_ok(!amas__date_parse(&us, "2015-02-29", 10, &why), "no date");
	tap_str(why, NO_DAY, "and why");
	tap_int((long long)amas__date_print(out, -62135596800000001), 0,
	    "before the year 1");
	tap_int((long long)amas__date_print(out, 253402300800000000), 0,
	    "after the year 9999");
	(void)amas__date_parse(&us, "0001-01-01T00:00+00:01", 22, &why);
	tap_int((long long)amas__date_print(out, us), 0,
	    "before the year 1, in UTC alone");
	tap_int((long long)amas__date_print(out, INT64_MIN) +
	    (long long)amas__date_print(out, INT64_MAX), 0, "far off");
}

/* Each day of 801 years follows the one before it, and comes back. */
static void
test_days(void)
{
	char out[AMAS__DATE_SIZE], before[AMAS__DATE_SIZE] = "";
	int64_t us = 0, again, bad = 0;
	const char *why = "";
	size_t len;
	int i;

	(void)amas__date_parse(&us, "1600-01-01", 10, &why);
	for (i = 0; i < 292560; i++, us += 86400000000) {
		len = amas__date_print(out, us);
		if (len != 25 || strcmp(before, out) >= 0 ||
		    !amas__date_parse(&again, out, len, &why) || again != us)
			bad++;
		memcpy(before, out, len + 1);
	}
	tap_int(bad, 0, "each day");
	(void)amas__date_print(out, us);
	tap_str(out, "2401-01-01T00:00:00+00:00", "801 years of days");
}

static void
test_public(void)
{
	struct amas_error err = { 0 };
	char out[AMAS_DATE_SIZE];
	double s = 0;

	tap_int(amas_date_parse("2016-02-29T01:00:00.25+01:00", &s, &err), 0,
	    "a date is read");
	tap_ok(s == 1456704000.25, "as seconds");
	tap_str(amas_date_print(s, out, sizeof out),
	    "2016-02-29T00:00:00.250000+00:00", "and written");
	tap_int(amas_date_parse("soon\n", &s, &err), AMAS_EINVAL, "no date");
	tap_str(err.text, "date \"soon\\n\": " SHAPE, "why");
	tap_ok(s == 1456704000.25, "which leaves the number alone");
	tap_str(amas_date_print(-0.5, out, sizeof out),
	    "1969-12-31T23:59:59.500000+00:00", "before 1970");
	tap_str(amas_date_print(0.0000005, out, sizeof out),
	    "1970-01-01T00:00:00+00:00", "half a microsecond is even");
	tap_str(amas_date_print(0.0000015, out, sizeof out),
	    "1970-01-01T00:00:00.000002+00:00", "one and a half are two");
	tap_str(amas_date_print(-0.0000015, out, sizeof out),
	    "1969-12-31T23:59:59.999998+00:00", "also before 1970");
	tap_str(amas_date_print(0.0000028, out, sizeof out),
	    "1970-01-01T00:00:00.000003+00:00", "else the nearest");
	tap_str(amas_date_print(253402300799.5, out, sizeof out),
	    "9999-12-31T23:59:59.500000+00:00", "the last one");
	tap_str(amas_date_print(253402300800, out, sizeof out), "",
	    "and none behind it");
	tap_str(amas_date_print(1e300, out, sizeof out), "", "far off");
	tap_str(amas_date_print(NAN, out, sizeof out), "", "NaN");
	tap_str(amas_date_print(0, out, 5), "1970", "not more than its size");
}

int
main(void)
{
	char out[AMAS__DATE_SIZE];
	const char *why;
	size_t i;

	for (i = 0; i < sizeof taken / sizeof *taken; i++) {
		why = NULL;
		if (amas__date_complete(out, taken[i].text,
		    strlen(taken[i].text), &why) == 0)
			tap_str(why, taken[i].whole, "%s", taken[i].text);
		else
			tap_str(out, taken[i].whole, "%s", taken[i].text);
	}
	for (i = 0; i < sizeof refused / sizeof *refused; i++) {
		why = "taken";
		(void)amas__date_complete(out, refused[i].text,
		    strlen(refused[i].text), &why);
		tap_str(why, refused[i].why, "\"%s\"", refused[i].text);
	}
	/* A NUL is no end, nor is what stands behind the length a part. */
	tap_int((long long)amas__date_complete(out, "2016\0", 5, &why), 0,
	    "NUL");
	tap_int((long long)amas__date_complete(out, "2016-01-01T10", 10,
	    &why), 25, "by its length");
	test_times();
	test_days();
	test_public();
	return tap_done();
}
