/*
 * Dates as text: the forms of ISO 8601 that arrow.get() reads, made into the
 * one form that str(arrow) gives, which keeps the UTC offset; and dates as
 * numbers, both ways.
 */
#ifndef AMAS__DATE_H
#define AMAS__DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amas.h"

#define AMAS__DATE_SIZE 48	/* holds any date as text, and a NUL */

/*
 * Completes a date: writes "2016-01-01T00:00:00+00:00", with microseconds only
 * if there are any, and a NUL to out.  It takes
 *
 *	date	2016-02-29 20160229 2016-02 2016, day 60 of the year 2016-060
 *		2016060, day of a week 2016-W09-1 2016W091, its Monday 2016-W09
 *	time	behind T or a blank: 10 10:30 10:30:15 1030 103015, a fraction
 *		of seconds behind a point or comma, rounded to microseconds
 *		(half to even, by the seventh digit); 24:00 is the next day
 *	offset	behind a time: Z +01 +0130 +01:30, less than a day; none is UTC
 *
 * Years are 0001 to 9999.  What else arrow takes (other separators, months of
 * one digit, day 366 of any year, week 0) is refused.
 *
 * Returns the length; 0 and a cause in *why, if text is no date.
 */
size_t amas__date_complete(char out[AMAS__DATE_SIZE], const char *text,
    size_t len, const char **why);

/*
 * Tells a date as microseconds since 1970 UTC, whole ones, so that differences
 * of dates are exact, as Python's are.  It takes what complete() takes.  Returns
 * false and a cause in *why, if text is no date.
 */
bool amas__date_parse(int64_t *us, const char *text, size_t len,
    const char **why);

/*
 * Writes the date of microseconds since 1970, in UTC and the form of
 * complete(), to out.  Returns the length; 0: not in the years 0001 to 9999.
 */
size_t amas__date_print(char out[AMAS__DATE_SIZE], int64_t us);

/* amas__date_parse(), with the whole cause: "date \"x\": ...". */
int amas__date_read(int64_t *us, const char *text, size_t len,
    struct amas_error *err);

/* Seconds as microseconds, half to even. */
int64_t amas__date_us(double s);

#endif
