/*
 * Values of options: numbers, sizes, durations.  What is no value, or does not
 * fit, is one line that names the option, and status 2.
 */
#include "cmd.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#define DURATION_MAX 1e9	/* seconds: 31 years, far below any overflow */

int
cmd_number(long long *out, const char *name, const char *text, long long min,
    long long max)
{
	const char *digits = text + (min < 0 && *text == '-');
	long long n;
	char *end;

	if (!isdigit((unsigned char)*digits))
		return cmd_error(CMD_USAGE, name, "\"%s\" is no number", text);
	errno = 0;
	n = strtoll(text, &end, 10);
	if (*end != '\0')
		return cmd_error(CMD_USAGE, name, "\"%s\" is no number", text);
	if (errno != 0 || n < min || n > max)
		return cmd_error(CMD_USAGE, name,
		    "%s is not between %lld and %lld", text, min, max);
	*out = n;
	return CMD_OK;
}

/* Bytes of a unit of sizes; 0 if there is none of that name. */
static size_t
size_unit(const char *text)
{
	static const char units[] = "KMGT";
	const char *u;

	if (*text == '\0')
		return 1;
	u = strchr(units, toupper((unsigned char)*text));
	if (u == NULL || text[1] != '\0' || (u - units + 1) * 10 >=
	    (int)(sizeof(size_t) * 8))
		return 0;
	return (size_t)1 << ((u - units + 1) * 10);
}

int
cmd_size(size_t *out, const char *name, const char *text, size_t min)
{
	unsigned long long n;
	size_t size, unit;
	char *end;

	if (!isdigit((unsigned char)*text))
		return cmd_error(CMD_USAGE, name, "\"%s\" is no size", text);
	errno = 0;
	n = strtoull(text, &end, 10);
	if ((unit = size_unit(end)) == 0)
		return cmd_error(CMD_USAGE, name, "\"%s\" is no size", text);
	if (errno != 0 || n > SIZE_MAX || !amas__mul(&size, (size_t)n, unit))
		return cmd_error(CMD_USAGE, name, "%s is too large", text);
	if (size < min)
		return cmd_error(CMD_USAGE, name, "%s is less than %zu", text,
		    min);
	*out = size;
	return CMD_OK;
}

/* Seconds of a unit of durations; 0 if there is none of that name. */
static double
duration_unit(const char *text)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = { { "", 1 }, { "ms", 1e-3 }, { "s", 1 }, { "m", 60 },
		{ "h", 3600 }, { "d", 86400 } };
	size_t i;

	for (i = 0; i < sizeof units / sizeof *units; i++)
		if (strcmp(text, units[i].name) == 0)
			return units[i].seconds;
	return 0;
}

/* Whether strtod would read a decimal number, not hexadecimal, nan or inf. */
static bool
is_decimal(const char *text)
{
	if (text[0] == '.')
		return isdigit((unsigned char)text[1]) != 0;
	return isdigit((unsigned char)text[0]) &&
	    !(text[0] == '0' && (text[1] == 'x' || text[1] == 'X'));
}

int
cmd_duration(double *out, const char *name, const char *text, bool inf)
{
	double s, unit;
	char *end;

	if (inf && strcmp(text, "inf") == 0) {
		*out = INFINITY;
		return CMD_OK;
	}
	if (!is_decimal(text))
		return cmd_error(CMD_USAGE, name, "\"%s\" is no duration",
		    text);
	s = strtod(text, &end);
	if ((unit = duration_unit(end)) == 0)
		return cmd_error(CMD_USAGE, name, "\"%s\" is no duration",
		    text);
	s *= unit;
	if (!(s <= DURATION_MAX))
		return cmd_error(CMD_USAGE, name, "%s is too long", text);
	*out = s;
	return CMD_OK;
}

int
cmd_seconds(double *out, const char *text)
{
	const char *digits = *text == '-' ? text + 1 : text;
	char *end;

	if (!is_decimal(digits))
		return CMD_USAGE;
	*out = strtod(text, &end);
	return *end == '\0' ? CMD_OK : CMD_USAGE;
}
