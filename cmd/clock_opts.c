/* Options of amas-clock, its command, and what of them belongs together. */
#include "clock_opts.h"

#include <getopt.h>
#include <math.h>
#include <string.h>

#define EXPECT_MAX 1000000
#define STEP_MIN_S 1e-6

enum {
	OPT_DO = 256,
	OPT_EXPECT,
	OPT_FROM,
	OPT_LAG,
	OPT_NEXT,
	OPT_RATE,
	OPT_STEP,
	OPT_STOP,
	OPT_STRICT,
	OPT_UNTIL
};

static const char synopsis[] = "[options] COMMAND [ADDR...]";

static const struct cmd_option options[] = {
	{ OPT_DO, "do", "COMMAND", "run it after each step (run)" },
	{ OPT_EXPECT, "expect", "N", "that many containers (run, feed, set)" },
	{ OPT_FROM, "from", "TIME",
	    "where containers are that do not tell it (0) (run)" },
	{ OPT_LAG, "lag", "DUR",
	    "say who holds a step up for so long (5), or \"inf\"" },
	{ OPT_NEXT, "next", NULL, "step to whatever sleeps least long (run)" },
	{ OPT_RATE, "rate", "X", "seconds of the clock in a real one (run)" },
	{ OPT_STEP, "step", "DUR", "steps are multiples of DUR (1) (run)" },
	{ OPT_STOP, "stop", NULL, "stop the containers at the end (run, feed)" },
	{ OPT_STRICT, "strict", NULL, "end when behind --rate (run)" },
	{ 't', "timeout", "DUR", "deadline of each step (none)" },
	{ OPT_UNTIL, "until", "TIME", "no step after TIME (run)" },
	{ 'w', "wait", "DUR", "keep trying to connect (0), or \"inf\"" },
	CMD_OPTIONS
};

/* least, most: how many operands a command takes; -1: any number. */
static const struct {
	const char *word;
	enum clock_command command;
	int least, most;
	const char *needs;
} commands[] = { { "time", CLOCK_TIME, 0, 0, NULL },
	{ "date", CLOCK_DATE, 0, 1, NULL },
	{ "sleep", CLOCK_SLEEP, 1, 1, "DUR" },
	{ "until", CLOCK_UNTIL, 1, 1, "TIME" },
	{ "in", CLOCK_IN, 2, -1, "DUR and FUNCTION" },
	{ "at", CLOCK_AT, 2, -1, "TIME and FUNCTION" },
	{ "cancel", CLOCK_CANCEL, 1, 1, "ID" },
	{ "set", CLOCK_SET, 2, -1, "TIME and ADDR" },
	{ "run", CLOCK_RUN, 1, -1, "ADDR" },
	{ "feed", CLOCK_FEED, 1, -1, "ADDR" } };

static int
take_time(struct clock_time *out, const char *name, const char *text)
{
	const char *why;

	if (clock_time_read(out, text, strlen(text), &why))
		return CMD_OK;
	return cmd_error(CMD_USAGE, name, "\"%s\" %s", text, why);
}

static int
take_rate(double *out, const char *name, const char *text)
{
	struct clock_time t;
	const char *why;

	if (!clock_time_read(&t, text, strlen(text), &why) || t.is_date ||
	    t.s <= 0)
		return cmd_error(CMD_USAGE, name,
		    "\"%s\" is no number above 0", text);
	*out = t.s;
	return CMD_OK;
}

static int
take_step(double *out, const char *name, const char *text)
{
	int status = cmd_duration(out, name, text, false);

	if (status == CMD_OK && *out < STEP_MIN_S)
		status = cmd_error(CMD_USAGE, name,
		    "%s is less than a microsecond", text);
	return status;
}

static int
take_option(struct clock_opts *o, int id)
{
	const char *name = o->args.name, *value = o->args.value;

	switch (id) {
	case OPT_DO:
		o->hook = value;
		break;
	case OPT_EXPECT:
		return cmd_number(&o->expect, name, value, 1, EXPECT_MAX);
	case OPT_FROM:
		o->has_from = true;
		return take_time(&o->from, name, value);
	case OPT_LAG:
		return cmd_duration(&o->lag_s, name, value, true);
	case OPT_NEXT:
		o->next = true;
		break;
	case OPT_RATE:
		return take_rate(&o->rate, name, value);
	case OPT_STEP:
		return take_step(&o->step_s, name, value);
	case OPT_STOP:
		o->stop = true;
		break;
	case OPT_STRICT:
		o->strict = true;
		break;
	case 't':
		return cmd_duration(&o->timeout_s, name, value, true);
	case OPT_UNTIL:
		o->has_until = true;
		return take_time(&o->until, name, value);
	case 'w':
		return cmd_duration(&o->wait_s, name, value, true);
	}
	return CMD_OK;
}

/* Takes options up to the next operand.  Returns CMD_END or CMD_STOP. */
static int
take_options(struct clock_opts *o, int argc, char *argv[])
{
	int id, status;

	while ((id = cmd_getopt(&o->args, argc, argv)) >= 0) {
		if ((status = take_option(o, id)) != CMD_OK) {
			o->args.status = status;
			return CMD_STOP;
		}
	}
	return id;
}

static int
take_command(struct clock_opts *o, const char *word)
{
	size_t i;

	for (i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (strcmp(commands[i].word, word) == 0) {
			o->command = commands[i].command;
			o->word = word;
			return CMD_OK;
		}
	}
	return cmd_error(CMD_USAGE, word, "is no command");
}

static int
check_count(const struct clock_opts *o)
{
	size_t i = 0;

	while (commands[i].command != o->command)
		i++;
	if (o->argc < commands[i].least)
		return cmd_missing(&o->args, "%s needs %s", o->word,
		    commands[i].needs);
	if (commands[i].most >= 0 && o->argc > commands[i].most)
		return cmd_error(CMD_USAGE, o->argv[commands[i].most],
		    "is one operand too many for %s", o->word);
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

/* Refuses options that would silently do nothing. */
static int
check_together(const struct clock_opts *o)
{
	const struct given of_run[] = { { o->hook != NULL, "--do" },
		{ o->has_from, "--from" }, { o->next, "--next" }, { o->rate > 0, "--rate" },
		{ o->step_s > 0, "--step" }, { o->strict, "--strict" },
		{ o->has_until, "--until" }, { false, NULL } };
	const struct given of_all[] = { { o->expect != 0, "--expect" },
		{ o->lag_s >= 0, "--lag" }, { o->wait_s >= 0, "-w" },
		{ o->stop, "--stop" }, { false, NULL } };
	const char *bad = NULL;

	if (o->command != CLOCK_RUN)
		bad = first_given(of_run);
	if (bad == NULL && o->command < CLOCK_SET)
		bad = first_given(of_all);
	if (bad == NULL && o->command == CLOCK_SET && o->stop)
		bad = "--stop";
	if (bad != NULL)
		return cmd_error(CMD_USAGE, bad, "does not go with %s",
		    o->word);
	if (o->next && o->step_s > 0)
		return cmd_error(CMD_USAGE, "--next",
		    "does not go with --step");
	if (o->next && o->has_from)
		return cmd_error(CMD_USAGE, "--next",
		    "does not go with --from");
	if (o->strict && o->rate <= 0)
		return cmd_error(CMD_USAGE, "--strict", "needs --rate");
	return CMD_OK;
}

static int
set_defaults(struct clock_opts *o)
{
	const char *value = cmd_env("AMAS_TIMEOUT");
	int status;

	if (o->timeout_s < 0 && value != NULL && (status = cmd_duration(
	    &o->timeout_s, "AMAS_TIMEOUT", value, true)) != CMD_OK)
		return status;
	if (o->timeout_s < 0 || isinf(o->timeout_s))
		o->timeout_s = 0;
	if (o->lag_s < 0)
		o->lag_s = CLOCK_LAG_S;
	if (o->wait_s < 0)
		o->wait_s = 0;
	if (o->step_s <= 0)
		o->step_s = CLOCK_STEP_S;
	return CMD_OK;
}

/* Whether a word behind the command is an option, not "-5" or "@FILE". */
static bool
is_option(const char *word)
{
	return word != NULL && word[0] == '-' && word[1] != '\0' &&
	    strchr(".0123456789", word[1]) == NULL;
}

/*
 * The command, and, where containers follow, options behind it: what follows
 * other commands is data.
 */
static int
take_operands(struct clock_opts *o, int argc, char *argv[])
{
	int status;

	if (o->args.first >= argc)
		return cmd_missing(&o->args, "no COMMAND, such as time, set or "
		    "run");
	if ((status = take_command(o, argv[o->args.first])) != CMD_OK)
		return status;
	o->args.first++;
	if (o->command >= CLOCK_SET && is_option(argv[o->args.first])) {
		optind = o->args.first;
		if (take_options(o, argc, argv) == CMD_STOP)
			return o->args.status;
	} else if (o->args.first < argc &&
	    strcmp(argv[o->args.first], "--") == 0) {
		o->args.first++;
	}
	o->argv = argv + o->args.first;
	o->argc = argc - o->args.first;
	return CMD_OK;
}

int
clock_opts_parse(struct clock_opts *o, int argc, char *argv[])
{
	int status;

	o->args.synopsis = synopsis;
	o->args.options = options;
	o->args.no_warnings = true;
	o->timeout_s = o->wait_s = o->lag_s = -1;
	if (take_options(o, argc, argv) == CMD_STOP)
		return o->args.status; /* 0 after --help: nothing is given */
	if ((status = take_operands(o, argc, argv)) != CMD_OK)
		return status;
	if ((status = check_together(o)) != CMD_OK ||
	    (status = check_count(o)) != CMD_OK ||
	    (status = set_defaults(o)) != CMD_OK)
		return status;
	/* Which addresses there are may stand in files. */
	status = cmd_tls(&o->args, o->command >= CLOCK_SET, false);
	if (status != CMD_OK)
		return status;
	if (o->command == CLOCK_SET &&
	    (status = take_time(&o->set, "set", o->argv[0])) != CMD_OK)
		return status;
	o->given = true;
	return CMD_OK;
}
