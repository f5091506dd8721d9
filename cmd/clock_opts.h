/*
 * amas-clock: what it was told, and what it consists of while it runs.
 *
 *	clock_opts.c	options, the command, its operands
 *	clock_times.c	times: read, printed, their multiples
 *	clock_alone.c	commands without a container
 *	clock_host.c	what of them the host of an agent answers
 *	clock_addrs.c	the addresses, from files too
 *	clock_fleet.c	all containers: what they are; one step of all
 *	clock_lag.c	who holds a step up, and for how long it may
 *	clock_run.c	set, run and feed: which step is next; the end
 *	clock_pace.c	run: the times of steps, the rate, the command after each
 *
 * Functions that return int give an exit status, and have said what was wrong.
 */
#ifndef CLOCK_OPTS_H
#define CLOCK_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amas.h"
#include "cmd.h"

#define CLOCK_LAG_S 5.0		/* default of --lag */
#define CLOCK_STEP_S 1.0	/* default of --step */

enum clock_command {
	CLOCK_TIME,
	CLOCK_DATE,
	CLOCK_SLEEP,
	CLOCK_UNTIL,
	CLOCK_IN,
	CLOCK_AT,
	CLOCK_CANCEL,
	CLOCK_SET,		/* from here on: with containers */
	CLOCK_RUN,
	CLOCK_FEED
};

/* ---- Times (clock_times.c) ---- */

#define CLOCK_TEXT_SIZE 40	/* holds any time as text, and a NUL */

/* As typed: seconds, or a date, whose seconds depend on the clock. */
struct clock_time {
	bool is_date;
	double s;		/* no date */
	int64_t us;		/* a date: since 1970 */
};

/* Reads one.  Returns false, and why: "is no time". */
bool clock_time_read(struct clock_time *out, const char *text, size_t len,
    const char **why);

/* Writes seconds, whole ones without a fraction.  Returns out. */
const char *clock_time_print(char out[CLOCK_TEXT_SIZE], double t_s);

/* The seconds as a number to be sent, an integer if they are whole; yours. */
struct amas_value *clock_time_value(double t_s);

/* The first multiple of step_s after t_s; INFINITY: none that can be told. */
double clock_time_after(double t_s, double step_s);

/* ---- Options (clock_opts.c) ---- */

struct clock_opts {
	struct cmd_args args;
	bool given;		/* a command was; else only --help was wanted */
	enum clock_command command;
	const char *word;	/* the command as typed */
	char **argv;		/* what it gets, argc of them */
	int argc;
	double timeout_s;	/* -t; 0: none */
	double wait_s;		/* -w; 0: none */
	double lag_s;		/* --lag */
	double step_s;		/* --step; 0: not given */
	double rate;		/* --rate; 0: not given */
	long long expect;	/* --expect; 0: not given */
	bool next, strict, stop;
	bool has_until;
	struct clock_time until;	/* --until */
	bool has_from;
	struct clock_time from;		/* --from */
	struct clock_time set;	/* set: TIME */
	const char *hook;	/* --do; NULL: none */
};

int clock_opts_parse(struct clock_opts *o, int argc, char *argv[]);

/* ---- Addresses (clock_addrs.c) ---- */

struct clock_addr {
	char *name;		/* as typed */
	char *url;		/* to connect to */
};

struct clock_addrs {
	struct clock_addr *list;
	size_t n;
	bool later;		/* more may come: a file is not there yet, or
				 * names too few */
};

/* Reads all that the command line names; anew when called again. */
int clock_addrs_read(struct clock_addrs *all, const struct clock_opts *o);
void clock_addrs_free(struct clock_addrs *all);

/* ---- The ways to run ---- */

int clock_alone_run(const struct clock_opts *o);
int clock_run(const struct clock_opts *o);

/* In an agent: has the host at parent answer (clock_host.c). */
int clock_host_run(const struct clock_opts *o, const char *parent);

/* Prints a date, microseconds since 1970, in the form of +FMT (clock_alone.c). */
int clock_date_format(const char *format, int64_t us);

/* Writes a line to standard output. */
int clock_print(const char *text);

#endif
