/* Options of amas-container. */
#include "hosting.h"

#include <string.h>

#include "addr.h"

enum {
	OPT_ADVERTISE = 256,
	OPT_ALLOW,
	OPT_ALLOW_WRITABLE,
	OPT_ASK_TIMEOUT,
	OPT_CLASS,
	OPT_CLASS_PATH,
	OPT_CLOCK,
	OPT_CONNECT,
	OPT_INIT_TIME,
	OPT_INSECURE,
	OPT_MANAGER,
	OPT_MAX_AGENTS,
	OPT_META,
	OPT_MOSAIK,
	OPT_ON_EXIT,
	OPT_PARALLEL,
	OPT_QUEUE,
	OPT_READY_FD,
	OPT_RUN,
	OPT_SOCKET_MODE,
	OPT_START,
	OPT_STRICT,
	OPT_TAG,
	OPT_UNTIL,
	OPT_UNTIL_DONE,
	OPT_WALL
};

static const struct cmd_option options[] = {
	{ 'C', "per-peer", "N", "connections from one address (no bound)" },
	{ 'c', "connections", "N", "connections (no bound)" },
	{ 'f', "file", "FILE", "make the agents that its lines tell" },
	{ 'j', "jobs", "N", "programs that run at a time (64)" },
	{ 't', "timeout", "DUR",
	    "end calls, and init, that take longer (no limit)" },
	{ 'w', "wait", "DUR", "keep trying to reach others (0), or \"inf\"" },
	{ OPT_ADVERTISE, "advertise", "HOST:PORT",
	    "what stands in URLs (the address)" },
	{ OPT_ALLOW, "allow", "FILE",
	    "who may call what: lines of NAME GLOB" },
	{ OPT_ALLOW_WRITABLE, "allow-writable", NULL,
	    "use also what others can write" },
	{ OPT_ASK_TIMEOUT, "ask-timeout", "DUR",
	    "with --mosaik, for answers of others (60)" },
	{ OPT_CLASS, "class", "NAME=SOURCE", "a class that can be spawned" },
	{ OPT_CLASS_PATH, "class-path", "DIR",
	    "spawn DIR/module/Class as module:Class" },
	{ OPT_CLOCK, "clock", "KIND",
	    "real (default), external or sim (default on local://)" },
	{ OPT_CONNECT, "connect", NULL,
	    "mosaik listens there: connect to it" },
	{ OPT_INIT_TIME, "init-time", "T",
	    "what that clock shows first, seconds (0)" },
	{ OPT_INSECURE, "insecure", NULL,
	    "--manager for whoever reaches ADDR" },
	{ OPT_MANAGER, "manager", NULL, "agent 0 spawns and stops" },
	{ OPT_MAX_AGENTS, "max-agents", "N", "agents (1000000)" },
	{ OPT_META, "meta", "FILE",
	    "with --mosaik, what its models are, in JSON" },
	{ OPT_MOSAIK, "mosaik", "MADDR",
	    "be a simulator of mosaik's: sources are models" },
	{ OPT_ON_EXIT, "on-exit", "POLICY",
	    "ignore (default), restart or fail" },
	{ OPT_PARALLEL, "parallel", NULL,
	    "programs of one agent run side by side" },
	{ OPT_QUEUE, "queue", "N", "waiting calls of a connection (1024)" },
	{ OPT_READY_FD, "ready-fd", "FD", "print the address there too" },
	{ OPT_RUN, "run", "COMMAND", "run it when ready, end with its status" },
	{ OPT_SOCKET_MODE, "socket-mode", "MODE",
	    "of a unix socket, octal (0600)" },
	{ OPT_START, "start", "DATE", "date of that clock at 0 (1970)" },
	{ OPT_STRICT, "strict", NULL,
	    "end with 1 if somebody spoke who was asleep" },
	{ OPT_TAG, "tag", NULL, "put ids before the lines of agents" },
	{ OPT_UNTIL, "until", "TIME",
	    "when a simulation ends (with the last sleeper)" },
	{ OPT_UNTIL_DONE, "until-done", NULL, "end when no run is left" },
	{ OPT_WALL, "wall", NULL, "the time by the wall, too, in --trace" },
	CMD_OPTIONS
};

static int
take_text(const char **list, size_t *n, const struct cmd_args *a)
{
	if (*n == CONTAINER_CLASSES_MAX)
		return cmd_error(CMD_USAGE, a->name, "given more than %d times",
		    CONTAINER_CLASSES_MAX);
	list[(*n)++] = a->value;
	return CMD_OK;
}

static int
take_on_exit(enum amas__on_exit *out, const struct cmd_args *a)
{
	static const char *const words[] = { "ignore", "restart", "fail" };
	size_t i;

	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(a->value, words[i]) == 0) {
			*out = (enum amas__on_exit)i;
			return CMD_OK;
		}
	return cmd_error(CMD_USAGE, a->name, "\"%s\" is none of ignore, "
	    "restart and fail", a->value);
}

/* It stands in URLs, in the place of the address. */
static int
take_advertise(struct serve_opts *s, const struct cmd_args *a)
{
	struct amas__addr addr;
	bool ok = strchr(a->value, '/') == NULL &&
	    amas__addr_parse(&addr, a->value, NULL) == 0;

	if (ok) {
		ok = addr.kind == AMAS__ADDR_TCP && addr.host[0] != '\0';
		amas__addr_fini(&addr);
	}
	if (!ok)
		return cmd_error(CMD_USAGE, a->name, "\"%s\" is no HOST:PORT",
		    a->value);
	s->server.advertise = a->value;
	return CMD_OK;
}

static int
take_option(struct container_opts *o, int id)
{
	struct serve_opts *s = &o->serve;
	const struct cmd_args *a = &s->args;

	switch (id) {
	case 'C':
		return serve_take_count(&s->server.max_per_peer, a);
	case 'c':
		return serve_take_count(&s->server.max_connections, a);
	case 'f':
		o->file = a->value;
		return CMD_OK;
	case 'j':
		return serve_take_count(&s->jobs, a);
	case 't':
		return cmd_duration(&s->source.timeout_s, a->name, a->value,
		    false);
	case 'w':
		return cmd_duration(&s->server.connect_timeout_s, a->name,
		    a->value, true);
	case OPT_ADVERTISE:
		return take_advertise(s, a);
	case OPT_ALLOW:
		s->allow = a->value;
		return CMD_OK;
	case OPT_ALLOW_WRITABLE:
		s->source.allow_writable = 1;
		return CMD_OK;
	case OPT_ASK_TIMEOUT:
		return cmd_duration(&o->ask_s, a->name, a->value, false);
	case OPT_CLASS:
		return take_text(o->classes, &o->n_classes, a);
	case OPT_CLASS_PATH:
		return take_text(o->paths, &o->n_paths, a);
	case OPT_CLOCK:
		o->clock = a->value;
		return CMD_OK;
	case OPT_CONNECT:
		o->connect = true;
		return CMD_OK;
	case OPT_INIT_TIME:
		o->init_time = a->value;
		return CMD_OK;
	case OPT_INSECURE:
		o->insecure = true;
		return CMD_OK;
	case OPT_MANAGER:
		s->server.manager = 1;
		return CMD_OK;
	case OPT_MAX_AGENTS:
		return serve_take_count(&o->max_agents, a);
	case OPT_META:
		o->meta = a->value;
		return CMD_OK;
	case OPT_MOSAIK:
		o->mosaik = a->value;
		return CMD_OK;
	case OPT_ON_EXIT:
		return take_on_exit(&o->on_exit, a);
	case OPT_PARALLEL:
		o->parallel = true;
		return CMD_OK;
	case OPT_QUEUE:
		return serve_take_count(&s->queue, a);
	case OPT_READY_FD:
		return serve_take_ready_fd(&s->ready_fd, a);
	case OPT_RUN:
		s->run = a->value;
		return CMD_OK;
	case OPT_SOCKET_MODE:
		return serve_take_mode(&s->server.socket_mode, a);
	case OPT_START:
		o->start = a->value;
		return CMD_OK;
	case OPT_TAG:
		o->tag = true;
		return CMD_OK;
	case OPT_UNTIL:
		o->until = a->value;
		return CMD_OK;
	case OPT_STRICT:
		o->strict = true;
		return CMD_OK;
	case OPT_WALL:
		o->wall = true;
		return CMD_OK;
	case OPT_UNTIL_DONE:
		o->until_done = true;
		return CMD_OK;
	}
	return CMD_USAGE;
}

/* Whether a manager at addr would run what anybody tells it. */
static int
check_reached(const char *addr)
{
	struct amas__addr a;
	struct amas_error err;
	bool reached;

	if (amas__addr_parse(&a, addr, &err) != 0)
		return cmd_fail(addr, &err);
	reached = a.kind == AMAS__ADDR_TCP && !amas__addr_is_loopback(a.host);
	amas__addr_fini(&a);
	return reached ? cmd_error(CMD_USAGE, "--manager", "whoever reaches "
	    "%s could start programs here; TLS, or --insecure if that is meant",
	    addr) : CMD_OK;
}

/* A manager runs what it is told: not for whoever comes along. */
static int
check_manager(const struct container_opts *o)
{
	char **next = o->serve.sources;
	int status;

	if (!o->serve.server.manager)
		return o->insecure || o->n_classes > 0 || o->n_paths > 0 ?
		    cmd_error(CMD_USAGE, o->insecure ? "--insecure" :
		    o->n_classes > 0 ? "--class" : "--class-path",
		    "needs --manager") : CMD_OK;
	if (o->insecure || o->serve.args.tls != NULL)
		return CMD_OK;
	status = check_reached(o->serve.addr);
	while (status == CMD_OK && (next = container_next(next)) != NULL)
		status = check_reached(*next++);
	return status;
}

char **
container_next(char **sources)
{
	while (*sources != NULL && strcmp(*sources, "+") != 0)
		sources++;
	return *sources == NULL ? NULL : sources + 1;
}

/* Mosaik sets the time, and is answered by agents. */
static int
check_mosaik(struct container_opts *o)
{
	const char *only = o->connect ? "--connect" : o->meta != NULL ?
	    "--meta" : o->ask_s > 0 ? "--ask-timeout" : NULL;

	if (o->mosaik == NULL)
		return only != NULL ? cmd_error(CMD_USAGE, only,
		    "needs --mosaik") : CMD_OK;
	if (o->clock != NULL && strcmp(o->clock, "external") != 0)
		return cmd_error(CMD_USAGE, "--clock", "mosaik sets the clock: "
		    "it is external");
	if (o->init_time != NULL)
		return cmd_error(CMD_USAGE, "--init-time", "a run of mosaik "
		    "begins at 0");
	o->clock = "external";
	if (o->ask_s <= 0)
		o->ask_s = SERVE_ASK_S;
	return CMD_OK;
}

static int
check_trace(const struct container_opts *o)
{
	return o->wall && o->serve.args.trace == NULL ?
	    cmd_error(CMD_USAGE, "--wall", "needs --trace") : CMD_OK;
}

/* Each + has an address behind it. */
static int
check_addresses(char **next)
{
	while ((next = container_next(next)) != NULL)
		if (*next == NULL || strcmp(*next, "+") == 0)
			return cmd_error(CMD_USAGE, "+", "no address behind it");
	return CMD_OK;
}

/* Its agents may call others by TCP, wherever it listens itself. */
static int
set_tls(struct serve_opts *s)
{
	char **next = s->sources;
	bool listens = cmd_is_tcp(s->addr);

	while ((next = container_next(next)) != NULL)
		listens = cmd_is_tcp(*next++) || listens;
	return cmd_tls(&s->args, true, listens);
}

int
container_opts_parse(struct container_opts *o, int argc, char *argv[])
{
	struct serve_opts *s = &o->serve;
	int id, left;

	s->ready_fd = -1;
	s->args.synopsis = "[options] ADDR [NAME[:COUNT]=]SOURCE... [+ ADDR ...]";
	s->args.options = options;
	while ((id = cmd_getopt(&s->args, argc, argv)) >= 0)
		if ((s->args.status = take_option(o, id)) != CMD_OK)
			return CMD_STOP;
	if (id == CMD_STOP)
		return CMD_STOP;
	left = argc - s->args.first;
	if (left < 1 || (left < 2 && o->file == NULL && !s->server.manager)) {
		s->args.status = left < 1 ? cmd_missing(&s->args, "no ADDR") :
		    cmd_missing(&s->args, "no SOURCE behind \"%.200s\", which "
		    "is ADDR", argv[s->args.first]);
		return CMD_STOP;
	}
	s->addr = argv[s->args.first];
	s->sources = argv + s->args.first + 1;
	if ((s->args.status = check_trace(o)) != CMD_OK ||
	    (s->args.status = check_mosaik(o)) != CMD_OK ||
	    (s->args.status = check_addresses(s->sources)) != CMD_OK ||
	    (s->args.status = set_tls(s)) != CMD_OK ||
	    (s->args.status = check_manager(o)) != CMD_OK)
		return CMD_STOP;
	s->server.tls = s->args.tls;
	s->server.codec = s->args.codec;
	s->server.types = s->args.types;
	s->server.max_message = s->args.max_message;
	s->source.max_result = s->args.max_message;
	return CMD_OK;
}
