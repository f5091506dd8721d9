/* Options of amas-dump. */
#include "dump.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "serve.h"

enum {
	OPT_BPF = 256,
	OPT_DIFF,
	OPT_INJECT,
	OPT_LISTEN_CACERT,
	OPT_LISTEN_CERT,
	OPT_LISTEN_KEY,
	OPT_PORT,
	OPT_READY_FD,
	OPT_REPLAY,
	OPT_RUN,
	OPT_SEED,
	OPT_SOCKET_MODE,
	OPT_SPEED,
	OPT_SPLIT,
	OPT_STUB,
	OPT_SUMMARY,
	OPT_TIMEOUT,
	OPT_WAIT
};

#define TIME_FORMS 5		/* -ttttt */
#define SHOW_UNSET SIZE_MAX
#define SHOW_DEFAULT 400	/* bytes of arguments, of a result */
#define SHOW_DIAGRAM 60		/* the same in a diagram */

static const struct cmd_option options[] = {
	{ 'c', "count", "N", "end after N lines (no end)" },
	{ 'i', "interface", "NAME", "capture there; \"any\" is all" },
	{ 'n', "numeric", NULL, "accepted: names are not looked up" },
	{ 'o', "output", "FORM", "text (default), json, mermaid, dot" },
	{ 'r', "read", "FILE", "read that, - is standard input; again: merge" },
	{ 's', "show", "SIZE",
	    "bytes of arguments and of a result (400), 0: all" },
	{ 't', "time", NULL, "no time; twice: seconds; 3: since the line "
	    "before; 4: date; 5: since the first" },
	{ 'w', "write", "FILE", "record there, - is standard output; show "
	    "nothing without -o" },
	{ 'C', "file-size", "SIZE", "-w: begin the next file before that" },
	{ 'W', "files", "N", "-w -C: so many files, then the first again" },
	{ OPT_BPF, "bpf", "EXPR",
	    "of a capture, packets that this filter of libpcap takes" },
	{ OPT_DIFF, "diff", NULL, "--replay: show replies that differ, 1 if "
	    "any does" },
	{ OPT_INJECT, "inject", "RULE", "tap: do to messages: "
	    "'FILTER: delay DUR | drop N% | cut | fail TEXT'" },
	{ OPT_LISTEN_CACERT, "listen-cacert", "FILE",
	    "TLS at LISTEN: who is trusted (--cacert)" },
	{ OPT_LISTEN_CERT, "listen-cert", "FILE",
	    "TLS at LISTEN: our certificate" },
	{ OPT_LISTEN_KEY, "listen-key", "FILE", "TLS at LISTEN: its key" },
	{ OPT_PORT, "port", "N", "of a capture, connections with that port" },
	{ OPT_READY_FD, "ready-fd", "N", "write the address there when ready" },
	{ OPT_REPLAY, "replay", "ADDR",
	    "-r: send the requests again, to there" },
	{ OPT_RUN, "run", "COMMAND",
	    "run it with AMAS_ADDR set, end with it" },
	{ OPT_SEED, "seed", "N", "of the chances of --inject (0)" },
	{ OPT_SOCKET_MODE, "socket-mode", "MODE",
	    "mode of a unix socket (0600)" },
	{ OPT_SPEED, "speed", "X",
	    "--replay, --stub: X times as fast as it was" },
	{ OPT_SPLIT, "split", NULL, "requests and replies each on their line" },
	{ OPT_STUB, "stub", "LISTEN", "-r: answer there as recorded" },
	{ OPT_SUMMARY, "summary", NULL, "calls per function, nothing else" },
	{ OPT_TIMEOUT, "timeout", "DUR",
	    "--replay: end if none of its replies comes for so long (30s)" },
	{ OPT_WAIT, "wait", "DUR", "keep trying to connect (0), or \"inf\"" },
	CMD_OPTIONS_TRACE(NULL) /* it is refused, with a hint */
};

static int
take_form(struct dump_opts *o)
{
	const char *name = o->args.value;

	if (strcmp(name, "text") == 0)
		o->form = DUMP_TEXT;
	else if (strcmp(name, "json") == 0)
		o->form = DUMP_JSON;
	else if (strcmp(name, "mermaid") == 0)
		o->form = DUMP_MERMAID;
	else if (strcmp(name, "dot") == 0)
		o->form = DUMP_DOT;
	else
		return cmd_error(CMD_USAGE, o->args.name,
		    "\"%s\" is not text, json, mermaid or dot", name);
	o->form_given = true;
	return CMD_OK;
}

static int
take_read(struct dump_opts *o)
{
	size_t i;

	if (o->n_reads == DUMP_READ_MAX)
		return cmd_error(CMD_USAGE, o->args.name,
		    "more than %d files", DUMP_READ_MAX);
	for (i = 0; i < o->n_reads; i++)
		if (strcmp(o->args.value, "-") == 0 &&
		    strcmp(o->reads[i], "-") == 0)
			return cmd_error(CMD_USAGE, o->args.name,
			    "standard input is read already");
	o->reads[o->n_reads++] = o->args.value;
	return CMD_OK;
}

static int
take_capture(struct dump_opts *o, int id)
{
	const struct cmd_args *a = &o->args;
	long long port = 0;
	int status = CMD_OK;

	switch (id) {
	case 'i':
		o->iface = a->value;
		return CMD_OK;
	case OPT_BPF:
		o->bpf = a->value;
		return CMD_OK;
	case OPT_PORT:
		status = cmd_number(&port, a->name, a->value, 1, UINT16_MAX);
		o->port = (size_t)port;
		return status;
	}
	return CMD_USAGE;
}

static int
take_inject(struct dump_opts *o)
{
	if (o->n_injects == DUMP_INJECT_MAX)
		return cmd_error(CMD_USAGE, o->args.name,
		    "more than %d rules", DUMP_INJECT_MAX);
	o->injects[o->n_injects++] = o->args.value;
	return CMD_OK;
}

static int
take_speed(struct dump_opts *o)
{
	if (cmd_seconds(&o->speed, o->args.value) == CMD_OK && o->speed > 0)
		return CMD_OK;
	return cmd_error(CMD_USAGE, o->args.name, "\"%s\" is no number "
	    "above 0", o->args.value);
}

static int
take_timeout(struct dump_opts *o)
{
	int status = cmd_duration(&o->timeout_s, o->args.name, o->args.value,
	    true);

	if (status == CMD_OK && o->timeout_s <= 0)
		return cmd_error(CMD_USAGE, o->args.name,
		    "has to be above 0");
	return status;
}

static int
take_more(struct dump_opts *o, int id)
{
	const struct cmd_args *a = &o->args;

	switch (id) {
	case 'w':
		o->write = a->value;
		return CMD_OK;
	case 'C':
		return cmd_size(&o->file_max, a->name, a->value, 1);
	case 'W':
		return serve_take_count(&o->files, a);
	case OPT_DIFF:
		o->diff = true;
		return CMD_OK;
	case OPT_REPLAY:
		o->replay = a->value;
		return CMD_OK;
	case OPT_STUB:
		o->stub = a->value;
		return CMD_OK;
	case OPT_SPEED:
		return take_speed(o);
	case OPT_TIMEOUT:
		return take_timeout(o);
	case OPT_INJECT:
		return take_inject(o);
	case OPT_SEED:
		o->seed_given = true;
		return cmd_number(&o->seed, a->name, a->value, 0, LLONG_MAX);
	}
	return take_capture(o, id);
}

static int
take_time(struct dump_opts *o)
{
	if (o->time_form == TIME_FORMS)
		return cmd_error(CMD_USAGE, o->args.name,
		    "more than %d times", TIME_FORMS);
	o->time_form++;
	return CMD_OK;
}

static int
take_option(struct dump_opts *o, int id)
{
	const struct cmd_args *a = &o->args;

	switch (id) {
	case 'c':
		return cmd_number(&o->count, a->name, a->value, 1, LLONG_MAX);
	case 'n':
		return CMD_OK;
	case 'o':
		return take_form(o);
	case 'r':
		return take_read(o);
	case 's':
		return cmd_size(&o->show, a->name, a->value, 0);
	case 't':
		return take_time(o);
	case OPT_LISTEN_CACERT:
		o->listen_tls.cacert = a->value;
		return CMD_OK;
	case OPT_LISTEN_CERT:
		o->listen_tls.cert = a->value;
		return CMD_OK;
	case OPT_LISTEN_KEY:
		o->listen_tls.key = a->value;
		return CMD_OK;
	case OPT_READY_FD:
		return serve_take_ready_fd(&o->ready_fd, a);
	case OPT_RUN:
		o->run = a->value;
		return CMD_OK;
	case OPT_SOCKET_MODE:
		return serve_take_mode(&o->socket_mode, a);
	case OPT_SPLIT:
		o->split = true;
		return CMD_OK;
	case OPT_SUMMARY:
		o->summary = true;
		return CMD_OK;
	case OPT_WAIT:
		o->wait_given = true;
		return cmd_duration(&o->wait_s, a->name, a->value, true);
	}
	return take_more(o, id);
}

/* The other operands are a filter, in one word or in many. */
static int
join_filter(struct dump_opts *o, char **words)
{
	struct amas__buf b = { NULL, 0, 0, 0, 0 };
	int rc = 0;

	if (*words == NULL)
		return CMD_OK;
	for (; *words != NULL && rc == 0; words++) {
		rc = amas__buf_puts(&b, *words);
		if (rc == 0 && words[1] != NULL)
			rc = amas__buf_putc(&b, ' ');
	}
	o->filter = rc == 0 ? amas__buf_take(&b, NULL) : NULL;
	amas__buf_fini(&b);
	return o->filter != NULL ? CMD_OK : cmd_nomem();
}

static int
take_operands(struct dump_opts *o, int n, char **operand)
{
	static const char in[] = "-";

	if (o->n_reads > 0 || o->iface != NULL)
		return join_filter(o, operand);
	if (n == 0 && !isatty(STDIN_FILENO)) {
		o->reads[o->n_reads++] = in;
		return CMD_OK;
	}
	if (n == 0)
		return cmd_missing(&o->args, "no LISTEN and TARGET, and "
		    "standard input is a terminal");
	if (n < 2)
		return cmd_missing(&o->args, "no TARGET behind \"%.200s\", "
		    "which is LISTEN", operand[0]);
	if (operand[1][0] == '-')
		return cmd_error(CMD_USAGE, operand[1],
		    "options go before operands");
	o->listen = operand[0];
	o->target = operand[1];
	return join_filter(o, operand + 2);
}

static int
check_record(struct dump_opts *o)
{
	bool out = o->write != NULL && strcmp(o->write, "-") == 0;

	if (o->file_max > 0 && (o->write == NULL || out))
		return cmd_error(CMD_USAGE, "-C", "needs -w FILE");
	if (o->files > 0 && o->file_max == 0)
		return cmd_error(CMD_USAGE, "-W", "needs -C");
	if (out && (o->form_given || o->summary))
		return cmd_error(CMD_USAGE, "-w",
		    "standard output is for one thing");
	if (o->write != NULL && !o->form_given)
		o->form = DUMP_NONE;
	if (o->ready_fd == STDOUT_FILENO && (out || o->summary ||
	    o->form != DUMP_NONE))
		return cmd_error(CMD_USAGE, "--ready-fd",
		    "standard output is for one thing");
	return CMD_OK;
}

/* What is for the tap alone is no option of files. */
static int
check_together(const struct dump_opts *o)
{
	const char *name = o->n_injects > 0 ? "--inject" :
	    o->wait_given && o->replay == NULL ? "--wait" :
	    o->stub != NULL ? NULL : o->run != NULL ? "--run" :
	    o->ready_fd >= 0 && o->iface == NULL ? "--ready-fd" :
	    o->listen_tls.cert != NULL ? "--listen-cert" :
	    o->listen_tls.key != NULL ? "--listen-key" :
	    o->listen_tls.cacert != NULL ? "--listen-cacert" : NULL;

	if (o->iface != NULL && o->n_reads > 0)
		return cmd_error(CMD_USAGE, "-i", "not together with -r");
	if (o->listen != NULL && (o->bpf != NULL || o->port != 0))
		return cmd_error(CMD_USAGE, o->bpf != NULL ? "--bpf" :
		    "--port", "needs -i or -r");
	if (o->args.trace != NULL)
		return cmd_error(CMD_USAGE, "--trace",
		    "-w records here");
	if (o->listen == NULL && name != NULL)
		return cmd_error(CMD_USAGE, name, "needs LISTEN and TARGET");
	if (o->seed_given && o->n_injects == 0)
		return cmd_error(CMD_USAGE, "--seed", "needs --inject");
	return CMD_OK;
}

/* What is for recordings that are used is no option of others. */
static int
check_again(const struct dump_opts *o)
{
	const char *name = o->replay != NULL ? "--replay" : "--stub";

	if (o->diff && o->replay == NULL)
		return cmd_error(CMD_USAGE, "--diff", "needs --replay");
	if (o->diff && (o->form_given || o->summary))
		return cmd_error(CMD_USAGE, "--diff", "does not go with %s",
		    o->form_given ? "-o" : "--summary");
	if (o->timeout_s > 0 && o->replay == NULL)
		return cmd_error(CMD_USAGE, "--timeout", "needs --replay");
	if (o->replay == NULL && o->stub == NULL)
		return o->speed <= 0 ? CMD_OK : cmd_error(CMD_USAGE,
		    "--speed", "needs --replay or --stub");
	if (o->replay != NULL && o->stub != NULL)
		return cmd_error(CMD_USAGE, "--stub",
		    "does not go with --replay");
	if (o->n_reads == 0)
		return cmd_error(CMD_USAGE, name, "needs -r FILE");
	return CMD_OK;
}

static int
set_tls(struct dump_opts *o)
{
	const char *to = o->replay != NULL ? o->replay : o->target;
	struct amas_tls *t = &o->listen_tls;
	int status;

	if ((status = cmd_tls(&o->args, to != NULL && cmd_is_tcp(to),
	    false)) != CMD_OK)
		return status;
	if (t->cert == NULL && t->key == NULL && t->cacert == NULL)
		return CMD_OK;
	if (!cmd_is_tcp(o->stub != NULL ? o->stub : o->listen))
		return cmd_error(CMD_USAGE, "--listen-cert",
		    "TLS is for tcp alone");
	if (t->cacert == NULL && o->args.tls != NULL)
		t->cacert = o->args.tls->cacert;
	if (t->cert == NULL || t->key == NULL || t->cacert == NULL)
		return cmd_error(CMD_USAGE, t->cert == NULL ? "--listen-key" :
		    "--listen-cert", "needs %s", t->cert == NULL ?
		    "--listen-cert" : t->key == NULL ? "--listen-key" :
		    "--listen-cacert or --cacert");
	return CMD_OK;
}

static bool
wants_color(const struct dump_opts *o)
{
	const char *term = cmd_env("TERM");

	return o->form == DUMP_TEXT && isatty(STDOUT_FILENO) &&
	    cmd_env("NO_COLOR") == NULL && term != NULL &&
	    strcmp(term, "dumb") != 0;
}

int
dump_opts_parse(struct dump_opts *o, int argc, char *argv[])
{
	int id;

	o->ready_fd = -1;
	o->show = SHOW_UNSET;
	o->args.synopsis =
	    "[options] LISTEN TARGET | -r FILE... | -i NAME [FILTER...]";
	o->args.options = options;
	while ((id = cmd_getopt(&o->args, argc, argv)) >= 0)
		if ((o->args.status = take_option(o, id)) != CMD_OK)
			return CMD_STOP;
	if (id == CMD_STOP)
		return CMD_STOP;
	if (o->show == SHOW_UNSET)
		o->show = o->form == DUMP_MERMAID ? SHOW_DIAGRAM :
		    SHOW_DEFAULT;
	if ((o->args.status = take_operands(o, argc - o->args.first,
	    argv + o->args.first)) != CMD_OK ||
	    (o->args.status = check_together(o)) != CMD_OK ||
	    (o->args.status = check_record(o)) != CMD_OK ||
	    (o->args.status = check_again(o)) != CMD_OK ||
	    (o->args.status = set_tls(o)) != CMD_OK)
		return CMD_STOP;
	o->color = wants_color(o);
	return CMD_OK;
}

void
dump_opts_free(struct dump_opts *o)
{
	free(o->filter);
}
