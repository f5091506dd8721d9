/* Options of amas-call, and what of them belongs together. */
#include "call.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mem.h"

#define PARALLEL_MAX 65536	/* requests that a peer lets be open */

enum {
	OPT_UNORDERED = 256,
	OPT_CHANNEL,
	OPT_DIAL,
	OPT_EXEC,
	OPT_HALT,
	OPT_JSON,
	OPT_PIPE,
	OPT_STAY
};

static const char synopsis[] = "[options] ADDR [FUNCTION [ARG...]]";

static const struct cmd_option options[] = {
	{ 'B', "batch", NULL,
	    "call [path, args, kwargs] of each input line" },
	{ 'L', "lines", NULL,
	    "call FUNCTION for each input line, the last argument" },
	{ 'P', "parallel", "N", "calls in flight with -B and -L (64)" },
	{ OPT_UNORDERED, "unordered", NULL, "results as they come" },
	{ OPT_HALT, "halt", NULL, "no further line after a failure" },
	{ OPT_CHANNEL, "channel", NULL,
	    "send content as it is: one ARG, or each input line" },
	{ OPT_DIAL, "dial", NULL, "call addresses from a served program, too" },
	{ OPT_EXEC, "exec", "COMMAND", "speak with COMMAND, in place of ADDR" },
	{ 'i', "interval", "DUR",
	    "call again every DUR, without end or -n times" },
	{ 'l', "list", NULL, "list the functions, a path a line" },
	{ 'n', "count", "N", "call N times (1)" },
	{ OPT_JSON, "json", NULL,
	    "print {\"result\":...} or {\"failure\":...}" },
	{ 'p', "pretty", NULL, "indent results (default on a terminal)" },
	{ OPT_PIPE, "pipe", NULL, "message lines both ways" },
	{ 'r', "raw", NULL, "print texts bare, bytes raw, null not at all" },
	{ 's', "strings", NULL, "each ARG is text as it stands" },
	{ OPT_STAY, "stay", "[DUR]",
	    "go on serving -x after the answer (inf)" },
	{ 't', "timeout", "DUR", "deadline of everything (none)" },
	{ 'w', "wait", "DUR", "keep trying to connect (0), or \"inf\"" },
	{ 'x', "serve", "SOURCE", "serve [NAME=]SOURCE to the other end" },
	CMD_OPTIONS
};

double
call_now(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		return 0;
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool
call_is_batch(const struct call_opts *o)
{
	return o->batch || o->each || (o->channel && o->argc == 0);
}

bool
call_is_many(const struct call_opts *o)
{
	return o->batch && !o->each && !o->channel && o->command == NULL &&
	    strcmp(o->addr, "-") == 0;
}

static int
add_source(struct call_opts *o, const char *source)
{
	size_t n = (size_t)o->n_sources;
	const char **more;

	more = amas__reallocarray(o->sources, n + 1, sizeof *more);
	if (more == NULL)
		return cmd_nomem();
	more[n] = source;
	o->sources = more;
	o->n_sources++;
	return CMD_OK;
}

static int
take_option(struct call_opts *o, int id)
{
	const char *name = o->args.name, *value = o->args.value;

	switch (id) {
	case 'B':
		o->batch = true;
		break;
	case 'L':
		o->each = true;
		break;
	case 'P':
		return cmd_number(&o->parallel, name, value, 1, PARALLEL_MAX);
	case OPT_UNORDERED:
		o->unordered = true;
		break;
	case OPT_CHANNEL:
		o->channel = true;
		break;
	case OPT_DIAL:
		o->dial = true;
		break;
	case OPT_EXEC:
		o->command = value;
		break;
	case OPT_PIPE:
		o->pipe = true;
		break;
	case OPT_STAY:
		if (value == NULL)
			o->stay_s = INFINITY;
		else
			return cmd_duration(&o->stay_s, name, value, true);
		break;
	case 'l':
		o->list = true;
		break;
	case 'x':
		return add_source(o, value);
	case OPT_HALT:
		o->halt = true;
		break;
	case 'i':
		return cmd_duration(&o->interval_s, name, value, false);
	case 'n':
		return cmd_number(&o->count, name, value, 1, INT64_MAX);
	case OPT_JSON:
		o->json = true;
		break;
	case 'p':
		o->pretty = true;
		break;
	case 'r':
		o->raw = true;
		break;
	case 's':
		o->text = true;
		break;
	case 't':
		return cmd_duration(&o->timeout_s, name, value, true);
	case 'w':
		return cmd_duration(&o->wait_s, name, value, true);
	}
	return CMD_OK;
}

/* The first of these options that was given; NULL: none was. */
struct given {
	bool is;
	const char *name;
};

static const char *
first_given(const struct given *g)
{
	for (; g->name != NULL; g++)
		if (g->is)
			return g->name;
	return NULL;
}

/* Options that mean nothing with what a mode prints itself. */
static const char *
of_results(const struct call_opts *o)
{
	const struct given g[] = { { o->raw, "-r" }, { o->pretty, "-p" },
		{ o->json, "--json" }, { false, NULL } };

	return first_given(g);
}

static const char *
of_repeating(const struct call_opts *o)
{
	const struct given g[] = { { o->count != 0, "-n" },
		{ o->interval_s >= 0, "-i" }, { false, NULL } };

	return first_given(g);
}

static const char *
of_batches(const struct call_opts *o)
{
	const struct given g[] = { { o->parallel != 0, "-P" },
		{ o->unordered, "--unordered" }, { o->halt, "--halt" },
		{ false, NULL } };

	return first_given(g);
}

static const char *
of_modes(const struct call_opts *o)
{
	const struct given g[] = { { o->batch, "-B" }, { o->each, "-L" },
		{ o->pipe && o->list, "-l" }, { o->text, "-s" },
		{ o->list && o->channel, "--channel" },
		{ o->stay_s >= 0, "--stay" }, { false, NULL } };

	return first_given(g);
}

static int
clash(const char *bad, const char *with)
{
	return bad == NULL ? CMD_OK : cmd_error(CMD_USAGE, bad,
	    "does not go with %s", with);
}

/* What goes with --pipe and -l, which stand for themselves. */
static int
check_alone(const struct call_opts *o)
{
	const char *with = o->pipe ? "--pipe" : "-l", *bad;

	if ((bad = of_modes(o)) == NULL && (bad = of_batches(o)) == NULL &&
	    (bad = of_repeating(o)) == NULL)
		bad = of_results(o);
	return clash(bad, with);
}

/* Refuses options that would silently do nothing. */
static int
check_together(const struct call_opts *o)
{
	const char *bad;

	if (o->channel && (o->n_sources > 0 || o->each))
		return clash(o->each ? "-L" : "-x", "--channel");
	if (o->stay_s >= 0 && o->n_sources == 0)
		return cmd_error(CMD_USAGE, "--stay", "needs -x");
	if (o->command != NULL && cmd_env("AMAS_PARENT") != NULL)
		return cmd_error(CMD_USAGE, "--exec", "is not for programs "
		    "that are served: AMAS_PARENT is set");
	if (o->pipe || o->list)
		return check_alone(o);
	if (!call_is_batch(o)) {
		bad = of_batches(o);
		return bad == NULL ? CMD_OK : cmd_error(CMD_USAGE, bad,
		    "needs -B or -L");
	}
	if ((bad = of_repeating(o)) == NULL && o->batch)
		bad = of_results(o);
	return clash(bad, o->batch ? "-B" : o->each ? "-L" : "--channel");
}

/* The path of a function with exactly one slash between names. */
static char *
clean_path(const char *text)
{
	char *path = amas__strdup(text), *to = path;
	const char *p;

	if (path == NULL)
		return NULL;
	for (p = text + strspn(text, "/"); *p != '\0'; p++)
		if (p[0] != '/' || (p[1] != '/' && p[1] != '\0'))
			*to++ = *p;
	*to = '\0';
	return path;
}

static int
take_function(struct call_opts *o, const char *text)
{
	if ((o->function = clean_path(text)) == NULL)
		return cmd_nomem();
	if (*o->function == '\0')
		return cmd_error(CMD_USAGE, text, "is no function");
	return CMD_OK;
}

/* Makes a call of what follows ADDR, if the mode takes one. */
static int
take_call(struct call_opts *o)
{
	char **argv = o->argv;
	int n = o->argc;

	if (o->stay_s >= 0 && call_is_many(o))
		return clash("--stay", "-B -");
	if (o->command == NULL && strcmp(o->addr, "-") == 0 && !call_is_many(o))
		return cmd_error(CMD_USAGE, "-", "as ADDR needs -B");
	if (n > 0 && (o->pipe || o->list))
		return cmd_error(CMD_USAGE, argv[0], "%s takes no function",
		    o->pipe ? "--pipe" : "-l");
	if (n > 0 && o->batch && !o->each)
		return cmd_error(CMD_USAGE, argv[0],
		    "-B reads functions from standard input");
	if (n > 1 && o->channel)
		return cmd_error(CMD_USAGE, argv[1],
		    "--channel takes one argument");
	if (n < 1)
		return o->each ? cmd_missing(&o->args, "-L: no FUNCTION") :
		    CMD_OK;
	if (o->channel)
		return CMD_OK;
	o->argv = argv + 1;
	o->argc = n - 1;
	return take_function(o, argv[0]);
}

/* ADDR, unless --exec stands for it, and what follows. */
static void
take_operands(struct call_opts *o, int argc, char *argv[])
{
	o->argc = argc - o->args.first;
	o->argv = argv + o->args.first;
	o->addr = o->command;
	if (o->command == NULL && o->argc > 0) {
		o->addr = *o->argv++;
		o->argc--;
	}
}

/* Defaults that depend on the environment or on other options. */
static int
set_defaults(struct call_opts *o)
{
	const char *value = cmd_env("AMAS_TIMEOUT");
	int status;

	if (o->timeout_s < 0 && value != NULL && (status = cmd_duration(
	    &o->timeout_s, "AMAS_TIMEOUT", value, true)) != CMD_OK)
		return status;
	if (o->parallel == 0)
		o->parallel = CALL_PARALLEL;
	if (o->count == 0)
		o->count = o->interval_s < 0 ? 1 : INT64_MAX;
	o->terminal = isatty(STDOUT_FILENO) == 1;
	if (o->terminal && !o->json)
		o->pretty = true;
	o->deadline = o->timeout_s > 0 ? call_now() + o->timeout_s : INFINITY;
	return CMD_OK;
}

static int
set_tls(struct call_opts *o)
{
	bool tcp = call_is_many(o) ||
	    (o->command == NULL && cmd_is_tcp(o->addr));

	return cmd_tls(&o->args, tcp, false);
}

int
call_opts_parse(struct call_opts *o, int argc, char *argv[])
{
	int id, status;

	o->args.synopsis = synopsis;
	o->args.options = options;
	o->args.no_warnings = true;
	o->interval_s = o->wait_s = o->timeout_s = o->stay_s = -1;
	while ((id = cmd_getopt(&o->args, argc, argv)) >= 0)
		if ((status = take_option(o, id)) != CMD_OK)
			return status;
	if (id == CMD_STOP)
		return o->args.status; /* 0 after --help: addr is NULL then */
	take_operands(o, argc, argv);
	if ((status = check_together(o)) != CMD_OK)
		return status;
	if (o->addr == NULL)
		return cmd_missing(&o->args, "no ADDR");
	if ((status = take_call(o)) != CMD_OK || (status = set_tls(o)) !=
	    CMD_OK)
		return status;
	return set_defaults(o);
}

void
call_opts_free(struct call_opts *o)
{
	free(o->sources);
	free(o->function);
}
