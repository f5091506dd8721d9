/*
 * Options of the programs: one table gives getopt_long what it wants, --help
 * its text, and messages the name that the user typed.
 */
#include "cmd.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cmd_private.h"
#include "codec.h"

#define OPTIONS_MAX 64	/* of one program */

/* Writes the usage line, cut by nothing. */
static void
print_usage(const struct cmd_args *a, FILE *to)
{
	fprintf(to, "usage: %s %s\n", cmd__name(), a->synopsis);
}

int
cmd_usage(const struct cmd_args *a)
{
	print_usage(a, stderr);
	return CMD_USAGE;
}

int
cmd_missing(const struct cmd_args *a, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)cmd_error(CMD_USAGE, NULL, "%s", text);
	return cmd_usage(a);
}

/* As struct option has it. */
static int
takes_value(const struct cmd_option *o)
{
	if (o->arg == NULL)
		return no_argument;
	return *o->arg == '[' ? optional_argument : required_argument;
}

static int
print_help(const struct cmd_args *a)
{
	const struct cmd_option *o;
	char left[64];

	print_usage(a, stdout);
	for (o = a->options; o->name != NULL; o++) {
		if (o->help == NULL)
			continue;
		(void)snprintf(left, sizeof left, "%c%c%s --%s%s%s",
		    o->id < 256 ? '-' : ' ', o->id < 256 ? o->id : ' ',
		    o->id < 256 ? "," : " ", o->name, takes_value(o) ==
		    optional_argument ? "[=" : o->arg != NULL ? "=" : "",
		    o->arg == NULL ? "" : o->arg + (*o->arg == '['));
		printf("  %-24s  %s\n", left, o->help);
	}
	return CMD_OK;
}

/*
 * Makes getopt's two tables.  '+' ends the options at the first operand; ':'
 * leaves the messages to us.
 */
static void
make_tables(const struct cmd_option *o, char *shorts, struct option *longs)
{
	size_t i;

	*shorts++ = '+';
	*shorts++ = ':';
	for (i = 0; o[i].name != NULL; i++) {
		assert(i < OPTIONS_MAX);
		longs[i].name = o[i].name;
		longs[i].has_arg = takes_value(&o[i]);
		longs[i].flag = NULL;
		longs[i].val = o[i].id;
		if (o[i].id >= 256)
			continue;
		*shorts++ = (char)o[i].id;
		if (o[i].arg != NULL)
			*shorts++ = ':';
	}
	*shorts = '\0';
	memset(&longs[i], 0, sizeof longs[i]);
}

/* What getopt could not take: c is '?' or ':'. */
static int
wrong_option(struct cmd_args *a, int c, char *argv[])
{
	const char *word = argv[optind - 1];
	char letter[3] = { '-', (char)optopt, '\0' };
	size_t len = strcspn(word, "=");
	char name[64];

	a->status = CMD_USAGE;
	(void)snprintf(name, sizeof name, "%.*s", (int)(len < 60 ? len : 60),
	    word);
	if (strncmp(word, "--", 2) != 0 && optopt != 0 && optopt < 256)
		memcpy(name, letter, sizeof letter);
	if (c == ':')
		cmd_error(CMD_USAGE, name, "needs a value");
	else if (optopt != 0 && name[1] == '-')
		cmd_error(CMD_USAGE, name, "takes no value");
	else
		cmd_error(CMD_USAGE, name, "no such option");
	return CMD_STOP;
}

static void
set_name(struct cmd_args *a, int c, const struct option *from)
{
	if (from != NULL)
		(void)snprintf(a->name, sizeof a->name, "--%s", from->name);
	else
		(void)snprintf(a->name, sizeof a->name, "-%c", c);
	a->value = optarg;
}

static int
set_codec(struct cmd_args *a, const char *name, const char *value)
{
	struct amas_error err;

	if (amas_codec_find(&a->codec, value, &err) == 0)
		return CMD_OK;
	return cmd_error(CMD_USAGE, name, "%s: %s", value, err.text);
}

static int
set_types(struct cmd_args *a, const char *name, const char *value)
{
	struct amas__types t;
	struct amas_error err;
	int rc = amas__types_init(&t, value, true, &err);

	if (rc == AMAS_ENOMEM)
		return cmd_nomem();
	if (rc != 0)
		return cmd_error(CMD_USAGE, name, "%s", err.text);
	amas__types_fini(&t);
	a->types = value;
	return CMD_OK;
}

/* Takes a file or a name that TLS needs.  Returns whether it was one. */
static bool
tls_option(struct cmd_args *a, int c)
{
	struct amas_tls *t = &a->tls_files;

	switch (c) {
	case CMD_OPT_CACERT:
		t->cacert = a->value;
		return true;
	case CMD_OPT_CERT:
		t->cert = a->value;
		return true;
	case CMD_OPT_KEY:
		t->key = a->value;
		return true;
	case CMD_OPT_KEYLOG:
		t->keylog = a->value;
		return true;
	case CMD_OPT_SERVERNAME:
		t->servername = a->value;
		return true;
	}
	return false;
}

/* Takes an option of all programs.  Returns whether it was one. */
static bool
common_option(struct cmd_args *a, int c, bool *stop)
{
	int status = CMD_OK;

	switch (c) {
	case CMD_OPT_CODEC:
		status = set_codec(a, a->name, a->value);
		break;
	case CMD_OPT_TYPES:
		status = set_types(a, a->name, a->value);
		break;
	case CMD_OPT_MAX_MESSAGE:
		status = cmd_size(&a->max_message, a->name, a->value, 1);
		break;
	case CMD_OPT_MEMORY:
		status = cmd_size(&a->memory, a->name, a->value, 1);
		break;
	case CMD_OPT_TRACE:
		a->trace = a->value;
		break;
	case CMD_OPT_PLAIN:
		a->plain = true;
		break;
	case 'v':
	case 'q':
		cmd__louder(c == 'v' ? 1 : -1);
		break;
	case 'h':
		*stop = true;
		status = print_help(a);
		break;
	case 'V':
		*stop = true;
		printf("%s %s\n", cmd__name(), amas_version());
		break;
	default:
		if (!tls_option(a, c))
			return false;
	}
	if (status != CMD_OK)
		*stop = true;
	a->status = status;
	return true;
}

/* What the environment says where no option did. */
static int
take_environment(struct cmd_args *a)
{
	const char *value;
	int status = CMD_OK;

	if (a->codec == NULL && (value = cmd_env("AMAS_CODEC")) != NULL)
		status = set_codec(a, "AMAS_CODEC", value);
	if (status == CMD_OK && a->types == NULL &&
	    (value = cmd_env("AMAS_TYPES")) != NULL)
		status = set_types(a, "AMAS_TYPES", value);
	if (status == CMD_OK && a->max_message == 0 &&
	    (value = cmd_env("AMAS_MAX_MESSAGE")) != NULL)
		status = cmd_size(&a->max_message, "AMAS_MAX_MESSAGE", value,
		    1);
	a->status = status;
	return status == CMD_OK ? CMD_END : CMD_STOP;
}

int
cmd_getopt(struct cmd_args *a, int argc, char *argv[])
{
	struct option longs[OPTIONS_MAX + 1];
	char shorts[2 * OPTIONS_MAX + 3];
	bool stop = false;
	int c, at;

	make_tables(a->options, shorts, longs);
	opterr = 0;
	do {
		at = -1;
		c = getopt_long(argc, argv, shorts, longs, &at);
		if (c == -1) {
			a->first = optind;
			return take_environment(a);
		}
		if (c == '?' || c == ':')
			return wrong_option(a, c, argv);
		set_name(a, c, at >= 0 ? &longs[at] : NULL);
	} while (common_option(a, c, &stop) && !stop);
	return stop ? CMD_STOP : c;
}

int
cmd_loop_set(struct amas_loop *loop, const struct cmd_args *a)
{
	struct amas_error err;

	amas_loop_set_memory(loop, a->memory);
	if (a->trace != NULL && amas_loop_set_trace(loop, a->trace,
	    cmd__name(), &err) != 0)
		return cmd_fail(a->trace, &err);
	return CMD_OK;
}

int
cmd_loop_new(struct amas_loop **out, struct ev_loop *ev,
    const struct cmd_args *a)
{
	struct amas_error err;
	int level = cmd__level(), status;

	/* Its own it makes with EVFLAG_NOENV, and frees it too. */
	if (amas_loop_new(out, ev, &err) != 0)
		return cmd_fail(NULL, &err);
	if (a->no_warnings && level == AMAS_LOG_WARN)
		level = AMAS_LOG_ERROR;
	amas_loop_set_log(*out, level, cmd_log, NULL);
	if ((status = cmd_loop_set(*out, a)) != CMD_OK) {
		amas_loop_free(*out);
		*out = NULL;
	}
	return status;
}
