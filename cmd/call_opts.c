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
	OPT_HALT,
	OPT_JSON
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
	{ 'i', "interval", "DUR",
	    "call again every DUR, without end or -n times" },
	{ 'n', "count", "N", "call N times (1)" },
	{ OPT_JSON, "json", NULL,
	    "print {\"result\":...} or {\"failure\":...}" },
	{ 'p', "pretty", NULL, "indent results (default on a terminal)" },
	{ 'r', "raw", NULL, "print texts bare, bytes raw, null not at all" },
	{ 's', "strings", NULL, "each ARG is text as it stands" },
	{ 't', "timeout", "DUR", "deadline of everything (none)" },
	{ 'w', "wait", "DUR", "keep trying to connect (0), or \"inf\"" },
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

void
call_channel_opts(struct amas_opts *out, const struct call_opts *o)
{
	memset(out, 0, sizeof *out);
	out->codec = o->args.codec;
	out->max_message = o->args.max_message;
	out->connect_timeout_s = o->wait_s > 0 ? o->wait_s : 0;
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

/* Refuses options that would silently do nothing. */
static int
check_together(const struct call_opts *o)
{
	bool many = o->batch || o->each;
	const char *bad = NULL;

	if (!many) {
		bad = o->parallel != 0 ? "-P" : o->unordered ? "--unordered" :
		    o->halt ? "--halt" : NULL;
		return bad == NULL ? CMD_OK : cmd_error(CMD_USAGE, bad,
		    "needs -B or -L");
	}
	bad = o->count != 0 ? "-n" : o->interval_s >= 0 ? "-i" : NULL;
	if (bad == NULL && o->batch)
		bad = o->raw ? "-r" : o->pretty ? "-p" :
		    o->json ? "--json" : NULL;
	return bad == NULL ? CMD_OK : cmd_error(CMD_USAGE, bad,
	    "does not go with -%c", o->batch ? 'B' : 'L');
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
take_operands(struct call_opts *o, int argc, char *argv[])
{
	int left = argc - o->args.first;

	argv += o->args.first;
	if (left < 1 || (o->each && left < 2))
		return cmd_usage(&o->args);
	if (o->batch && !o->each && left > 1)
		return cmd_error(CMD_USAGE, argv[1],
		    "-B reads functions from standard input");
	o->addr = argv[0];
	if (left == 1)
		return CMD_OK;
	if ((o->function = clean_path(argv[1])) == NULL)
		return cmd_nomem();
	if (*o->function == '\0')
		return cmd_error(CMD_USAGE, argv[1], "is no function");
	o->argv = argv + 2;
	o->argc = left - 2;
	return CMD_OK;
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

int
call_opts_parse(struct call_opts *o, int argc, char *argv[])
{
	int id, status;

	o->args.synopsis = synopsis;
	o->args.options = options;
	o->args.no_warnings = true;
	o->interval_s = o->wait_s = o->timeout_s = -1;
	while ((id = cmd_getopt(&o->args, argc, argv)) >= 0)
		if ((status = take_option(o, id)) != CMD_OK)
			return status;
	if (id == CMD_STOP)
		return o->args.status; /* 0 after --help: addr is NULL then */
	if ((status = check_together(o)) != CMD_OK ||
	    (status = take_operands(o, argc, argv)) != CMD_OK)
		return status;
	return set_defaults(o);
}

void
call_opts_free(struct call_opts *o)
{
	free(o->function);
}
