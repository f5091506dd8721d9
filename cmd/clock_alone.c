/*
 * Commands that need no container: what the time is, and waiting for it.  In an
 * agent the host answers them, by its clock; elsewhere the machine does.
 */
#include "clock_opts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "date.h"

#define US 1000000
#define FORMATTED_MAX 65536	/* bytes of a date in some form */

int
clock_print(const char *text)
{
	return puts(text) == EOF ? CMD_SYS : CMD_OK; /* cmd_finish() says it */
}

/* ---- Dates ---- */

/*
 * The form is the user's own.  A byte more than he asked for tells an empty
 * result from one that does not fit.
 */
int
clock_date_format(const char *format, int64_t us)
{
	/* by a pointer, or the compiler wants to see what the form is */
	size_t (*const print)(char *, size_t, const char *,
	    const struct tm *) = strftime;
	time_t s = (time_t)(us / US - (us % US < 0));
	char *text = malloc(FORMATTED_MAX), *marked = NULL;
	struct tm tm;
	int status;

	if (text != NULL)
		marked = malloc(strlen(format) + 2);
	if (marked == NULL) {
		free(text);
		return cmd_nomem();
	}
	(void)sprintf(marked, "%s.", format);
	if (gmtime_r(&s, &tm) == NULL ||
	    print(text, FORMATTED_MAX, marked, &tm) == 0) {
		status = cmd_error(CMD_USAGE, "date", "\"%s\" makes too much",
		    format);
	} else {
		text[strlen(text) - 1] = '\0';
		status = clock_print(text);
	}
	free(marked);
	free(text);
	return status;
}

/* ---- The machine ---- */

static int64_t
now_us(void)
{
	struct timespec t = { 0, 0 };

	(void)clock_gettime(CLOCK_REALTIME, &t); /* there is one */
	return (int64_t)t.tv_sec * US + t.tv_nsec / 1000;
}

static int
print_time(void)
{
	char text[CLOCK_TEXT_SIZE];

	return clock_print(clock_time_print(text, (double)(now_us() / US)));
}

static int
print_date(const char *form)
{
	char text[AMAS__DATE_SIZE];

	if (form != NULL)
		return clock_date_format(form + 1, now_us());
	(void)amas__date_print(text, now_us());
	return clock_print(text);
}

/* Not shorter, whatever happens to the date meanwhile. */
static int
nap(const struct clock_opts *o, double s)
{
	bool late = o->timeout_s > 0 && s > o->timeout_s;
	struct timespec t;

	if (late)
		s = o->timeout_s;
	t.tv_sec = (time_t)s;
	t.tv_nsec = (long)((s - (double)t.tv_sec) * 1e9);
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
	return !late ? CMD_OK : cmd_error(CMD_TIMEOUT, o->word,
	    "deadline of %g s passed while waiting", o->timeout_s);
}

static int
sleep_until(const struct clock_opts *o)
{
	struct clock_time t;
	const char *why;
	double s;

	if (!clock_time_read(&t, o->argv[0], strlen(o->argv[0]), &why))
		return cmd_error(CMD_USAGE, o->word, "\"%s\" %s", o->argv[0],
		    why);
	s = (t.is_date ? (double)t.us / US : t.s) - (double)now_us() / US;
	if (s <= 0)
		return cmd_error(CMD_FAILED, o->word, t.is_date ?
		    "Date \"%s\" is in the past" :
		    "%s seconds since 1970 are in the past", o->argv[0]);
	if (s > 1e9)
		return cmd_error(CMD_USAGE, o->word, "%s is too far away",
		    o->argv[0]);
	return nap(o, s);
}

static int
machine_run(const struct clock_opts *o)
{
	double s;
	int status;

	switch (o->command) {
	case CLOCK_TIME:
		return print_time();
	case CLOCK_DATE:
		return print_date(o->argv[0]);
	case CLOCK_SLEEP:
		status = cmd_duration(&s, o->word, o->argv[0], false);
		return status != CMD_OK ? status : nap(o, s);
	case CLOCK_UNTIL:
		return sleep_until(o);
	default:
		return cmd_error(CMD_USAGE, o->word,
		    "is for agents: AMAS_PARENT is not set");
	}
}

int
clock_alone_run(const struct clock_opts *o)
{
	const char *parent = cmd_env("AMAS_PARENT");

	if (o->command == CLOCK_DATE && o->argc > 0 && o->argv[0][0] != '+')
		return cmd_error(CMD_USAGE, o->argv[0], "is no +FMT");
	return parent != NULL ? clock_host_run(o, parent) : machine_run(o);
}
