/*
 * Options of amas-serve.  What would silently do nothing, or need standard
 * output twice, is wrong use.
 */
#include "serve.h"

#include <string.h>

enum {
	OPT_ALLOW = 256,
	OPT_ALLOW_WRITABLE,
	OPT_ASK_TIMEOUT,
	OPT_CHANNEL,
	OPT_CONNECT,
	OPT_FAILURE,
	OPT_LISTEN,
	OPT_MOSAIK,
	OPT_ON_CONNECT,
	OPT_ON_DISCONNECT,
	OPT_PER_CONNECTION,
	OPT_QUEUE,
	OPT_READY_FD,
	OPT_RUN,
	OPT_SERIAL,
	OPT_SOCKET_MODE,
	OPT_STATE
};

static const struct cmd_option options[] = {
	{ 'C', "per-peer", "N", "connections from one address (no bound)" },
	{ 'c', "connections", "N", "connections (no bound)" },
	{ 'j', "jobs", "N", "programs that run at a time (64)" },
	{ 't', "timeout", "DUR", "end programs that take longer (no limit)" },
	{ 'w', "wait", "DUR", "keep trying to --connect (0), or \"inf\"" },
	{ OPT_ALLOW, "allow", "FILE",
	    "who may call what: lines of NAME GLOB" },
	{ OPT_ALLOW_WRITABLE, "allow-writable", NULL,
	    "serve also what others can write" },
	{ OPT_ASK_TIMEOUT, "ask-timeout", "DUR",
	    "what mosaik may take to answer (60)" },
	{ OPT_CHANNEL, "channel", NULL,
	    "plain requests: to one source, or as lines" },
	{ OPT_CONNECT, "connect", NULL, "dial ADDR and serve there" },
	{ OPT_FAILURE, "failure", "FORM", "text (default) or list" },
	{ OPT_LISTEN, "listen", "ADDR", "serve there too" },
	{ OPT_MOSAIK, "mosaik", NULL, "be simulators of mosaik's" },
	{ OPT_ON_CONNECT, "on-connect", "COMMAND",
	    "run it first; its failure refuses" },
	{ OPT_ON_DISCONNECT, "on-disconnect", "COMMAND",
	    "run it when a connection has ended" },
	{ OPT_PER_CONNECTION, "per-connection", NULL,
	    "each connection has its own processes" },
	{ OPT_QUEUE, "queue", "N", "waiting calls of a connection (1024)" },
	{ OPT_READY_FD, "ready-fd", "FD", "print the address there too" },
	{ OPT_RUN, "run", "COMMAND", "run it when ready, end with its status" },
	{ OPT_SERIAL, "serial", NULL, "one call at a time" },
	{ OPT_SOCKET_MODE, "socket-mode", "MODE",
	    "of a unix socket, octal (0600)" },
	{ OPT_STATE, "state", "DIR", "AMAS_STATE of programs (a new folder)" },
	CMD_OPTIONS
};

static int
take_failure(struct serve_opts *o)
{
	const struct cmd_args *a = &o->args;

	o->server.failure_list = strcmp(a->value, "list") == 0;
	o->failure_text = strcmp(a->value, "text") == 0;
	if (!o->server.failure_list && !o->failure_text)
		return cmd_error(CMD_USAGE, a->name,
		    "\"%s\" is neither text nor list", a->value);
	return CMD_OK;
}

static int
take_listen(struct serve_opts *o)
{
	if (o->n_listen == SERVE_LISTEN_MAX)
		return cmd_error(CMD_USAGE, o->args.name,
		    "more than %d addresses", SERVE_LISTEN_MAX);
	o->listen[o->n_listen++] = o->args.value;
	return CMD_OK;
}

static int
take_wait(struct serve_opts *o)
{
	o->waits = true;
	return cmd_duration(&o->server.connect_timeout_s, o->args.name,
	    o->args.value, true);
}

static int
take_option(struct serve_opts *o, int id)
{
	const struct cmd_args *a = &o->args;

	switch (id) {
	case 'C':
		return serve_take_count(&o->server.max_per_peer, a);
	case 'c':
		return serve_take_count(&o->server.max_connections, a);
	case 'j':
		return serve_take_count(&o->jobs, a);
	case 't':
		return cmd_duration(&o->source.timeout_s, a->name, a->value,
		    false);
	case 'w':
		return take_wait(o);
	case OPT_ALLOW:
		o->allow = a->value;
		return CMD_OK;
	case OPT_ALLOW_WRITABLE:
		o->source.allow_writable = 1;
		return CMD_OK;
	case OPT_ASK_TIMEOUT:
		return cmd_duration(&o->ask_s, a->name, a->value, false);
	case OPT_CHANNEL:
		o->channel = true;
		return CMD_OK;
	case OPT_CONNECT:
		o->connect = true;
		return CMD_OK;
	case OPT_FAILURE:
		return take_failure(o);
	case OPT_LISTEN:
		return take_listen(o);
	case OPT_MOSAIK:
		o->mosaik = true;
		return CMD_OK;
	case OPT_ON_CONNECT:
		o->on_connect = a->value;
		return CMD_OK;
	case OPT_ON_DISCONNECT:
		o->on_disconnect = a->value;
		return CMD_OK;
	case OPT_PER_CONNECTION:
		o->per_connection = true;
		return CMD_OK;
	case OPT_QUEUE:
		return serve_take_count(&o->queue, a);
	case OPT_READY_FD:
		return serve_take_ready_fd(&o->ready_fd, a);
	case OPT_RUN:
		o->run = a->value;
		return CMD_OK;
	case OPT_SERIAL:
		o->serial = true;
		return CMD_OK;
	case OPT_SOCKET_MODE:
		return serve_take_mode(&o->server.socket_mode, a);
	case OPT_STATE:
		o->state = a->value;
		return CMD_OK;
	}
	return CMD_USAGE;
}

/* Who uses standard input and output as a connection; NULL: nobody. */
static const char *
user_of_stdio(const struct serve_opts *o, int *n)
{
	const char *user = NULL;
	size_t i;

	*n = 0;
	if (o->channel && o->sources[0] == NULL) {
		user = "--channel";
		++*n;
	}
	if (strcmp(o->addr, "stdio") == 0) {
		user = "stdio";
		++*n;
	}
	for (i = 0; i < o->n_listen; i++)
		if (strcmp(o->listen[i], "stdio") == 0) {
			user = "stdio";
			++*n;
		}
	return user;
}

/* Mosaik speaks JSON, of plain values, and has a service for each. */
static int
check_mosaik(struct serve_opts *o)
{
	const char *other = o->channel ? "--channel" :
	    o->allow != NULL ? "--allow" :
	    o->failure_text ? "--failure" :
	    o->args.types != NULL ? "--types" : NULL;

	if (!o->mosaik)
		return o->ask_s > 0 ? cmd_error(CMD_USAGE, "--ask-timeout",
		    "needs --mosaik") : CMD_OK;
	if (other != NULL)
		return cmd_error(CMD_USAGE, other, "does not go with --mosaik");
	if (o->args.codec != NULL && strcmp(o->args.codec->name, "json") != 0)
		return cmd_error(CMD_USAGE, "--codec", "mosaik speaks json");
	o->per_connection = true;
	o->server.failure_list = 1;
	if (o->ask_s <= 0)
		o->ask_s = SERVE_ASK_S;
	return CMD_OK;
}

static int
check_together(const struct serve_opts *o)
{
	const char *user;
	int n;

	if (o->waits && !o->connect)
		return cmd_error(CMD_USAGE, "-w", "needs --connect");
	if (o->connect && (strcmp(o->addr, "stdio") == 0 ||
	    strcmp(o->addr, "systemd") == 0 ||
	    strncmp(o->addr, "fd:", 3) == 0))
		return cmd_error(CMD_USAGE, "--connect",
		    "\"%s\" is no address to dial", o->addr);
	if (o->channel && (o->serial || o->per_connection))
		return cmd_error(CMD_USAGE, o->serial ? "--serial" :
		    "--per-connection", "does not go with --channel");
	if (o->serial && o->jobs > 1)
		return cmd_error(CMD_USAGE, "-j", "does not go with --serial");
	user = user_of_stdio(o, &n);
	if (n > 1)
		return cmd_error(CMD_USAGE, user,
		    "standard input and output are taken already");
	if (n > 0 && o->run != NULL)
		return cmd_error(CMD_USAGE, "--run",
		    "does not go with %s: both have standard output", user);
	return CMD_OK;
}

static int
set_tls(struct serve_opts *o)
{
	bool tcp = cmd_is_tcp(o->addr), listens = tcp && !o->connect;
	size_t i;

	if (o->channel && o->allow != NULL)
		return cmd_error(CMD_USAGE, "--allow", "does not go with "
		    "--channel: there are no paths");
	for (i = 0; i < o->n_listen; i++)
		if (cmd_is_tcp(o->listen[i]))
			tcp = listens = true;
	return cmd_tls(&o->args, tcp, listens);
}

static int
check_count(const struct serve_opts *o, int n)
{
	if (n < 1)
		return cmd_missing(&o->args, "no ADDR");
	if (n < 2 && !o->channel)
		return cmd_missing(&o->args, "no SOURCE behind \"%.200s\", which "
		    "is ADDR", o->addr);
	if (n > 2 && o->channel)
		return cmd_error(CMD_USAGE, o->sources[1], "--channel takes one "
		    "SOURCE");
	return CMD_OK;
}

int
serve_opts_parse(struct serve_opts *o, int argc, char *argv[])
{
	int id, left;

	o->ready_fd = -1;
	o->args.synopsis = "[options] ADDR [NAME=]SOURCE...";
	o->args.options = options;
	while ((id = cmd_getopt(&o->args, argc, argv)) >= 0)
		if ((o->args.status = take_option(o, id)) != CMD_OK)
			return CMD_STOP;
	if (id == CMD_STOP)
		return CMD_STOP;
	left = argc - o->args.first;
	o->addr = argv[o->args.first];
	o->sources = argv + o->args.first + 1;
	if ((o->args.status = check_count(o, left)) != CMD_OK ||
	    (o->args.status = check_together(o)) != CMD_OK ||
	    (o->args.status = check_mosaik(o)) != CMD_OK ||
	    (o->args.status = set_tls(o)) != CMD_OK)
		return CMD_STOP;
	o->server.tls = o->args.tls;
	o->server.codec = o->args.codec;
	o->server.types = o->args.types;
	o->server.max_message = o->args.max_message;
	o->source.max_result = o->args.max_message;
	return CMD_OK;
}
