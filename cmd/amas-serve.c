/*
 * amas-serve: serves executables as remote functions.
 *
 * Options and wiring: sources fill a service, a server offers it, the loop
 * runs until a signal or the command of --run ends it.  What happens at the end
 * is in serve_end.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amas.h"
#include "cmd.h"
#include "serve.h"

#define COUNT_MAX 1000000	/* of connections, programs, calls */

enum {
	OPT_ALLOW_WRITABLE = 256,
	OPT_QUEUE,
	OPT_READY_FD,
	OPT_RUN,
	OPT_SOCKET_MODE
};

static const struct cmd_option options[] = {
	{ 'C', "per-peer", "N", "connections from one address (no bound)" },
	{ 'c', "connections", "N", "connections (no bound)" },
	{ 'j', "jobs", "N", "programs that run at a time (64)" },
	{ 't', "timeout", "DUR", "end programs that take longer (no limit)" },
	{ OPT_ALLOW_WRITABLE, "allow-writable", NULL,
	    "serve also what others can write" },
	{ OPT_QUEUE, "queue", "N", "waiting calls of a connection (1024)" },
	{ OPT_READY_FD, "ready-fd", "FD", "print the address there too" },
	{ OPT_RUN, "run", "COMMAND", "run it when ready, end with its status" },
	{ OPT_SOCKET_MODE, "socket-mode", "MODE",
	    "of a unix socket, octal (0600)" },
	CMD_OPTIONS
};

struct serve_opts {
	struct cmd_args args;
	struct amas_opts server;
	struct amas_source_opts source;
	size_t jobs, queue;	/* 0: the library's default */
	int ready_fd;		/* -1: none */
	const char *run;	/* NULL: nothing */
	const char *addr;
	char **sources;		/* ends with NULL */
};

/* ---- Options ------------------------------------------------------------ */

static int
take_count(size_t *out, const struct cmd_args *a)
{
	long long n;
	int status = cmd_number(&n, a->name, a->value, 1, COUNT_MAX);

	if (status == CMD_OK)
		*out = (size_t)n;
	return status;
}

static int
take_mode(unsigned *out, const struct cmd_args *a)
{
	size_t len = strspn(a->value, "01234567");
	unsigned long mode = strtoul(a->value, NULL, 8);

	if (len == 0 || len > 4 || a->value[len] != '\0' || mode == 0 ||
	    mode > 0777)
		return cmd_error(CMD_USAGE, a->name,
		    "\"%s\" is no mode from 1 to 0777", a->value);
	*out = (unsigned)mode;
	return CMD_OK;
}

static int
take_ready_fd(int *out, const struct cmd_args *a)
{
	long long fd;
	int status;

	status = cmd_number(&fd, a->name, a->value, 0, 1 << 20);
	if (status != CMD_OK)
		return status;
	if (fcntl((int)fd, F_GETFD) == -1)
		return cmd_error(CMD_USAGE, a->name, "%lld: %s", fd,
		    strerror(errno));
	if (fd > STDERR_FILENO)
		(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	*out = (int)fd;
	return CMD_OK;
}

static int
take_option(struct serve_opts *o, int id)
{
	const struct cmd_args *a = &o->args;

	switch (id) {
	case 'C':
		return take_count(&o->server.max_per_peer, a);
	case 'c':
		return take_count(&o->server.max_connections, a);
	case 'j':
		return take_count(&o->jobs, a);
	case 't':
		return cmd_duration(&o->source.timeout_s, a->name, a->value,
		    false);
	case OPT_ALLOW_WRITABLE:
		o->source.allow_writable = 1;
		return CMD_OK;
	case OPT_QUEUE:
		return take_count(&o->queue, a);
	case OPT_READY_FD:
		return take_ready_fd(&o->ready_fd, a);
	case OPT_RUN:
		o->run = a->value;
		return CMD_OK;
	case OPT_SOCKET_MODE:
		return take_mode(&o->server.socket_mode, a);
	}
	return CMD_USAGE;
}

/* Returns CMD_OK, or CMD_STOP if o->args.status is what to end with. */
static int
opts_parse(struct serve_opts *o, int argc, char *argv[])
{
	int id;

	o->ready_fd = -1;
	o->args.synopsis = "[options] ADDR [NAME=]SOURCE...";
	o->args.options = options;
	while ((id = cmd_getopt(&o->args, argc, argv)) >= 0)
		if ((o->args.status = take_option(o, id)) != CMD_OK)
			return CMD_STOP;
	if (id == CMD_STOP)
		return CMD_STOP;
	if (argc - o->args.first < 2) {
		o->args.status = cmd_usage(&o->args);
		return CMD_STOP;
	}
	o->addr = argv[o->args.first];
	o->sources = argv + o->args.first + 1;
	o->server.codec = o->args.codec;
	o->server.max_message = o->args.max_message;
	o->source.max_result = o->args.max_message;
	return CMD_OK;
}

/* ---- Serving ------------------------------------------------------------ */

/* Writes the address; a descriptor that was closed at the start is nobody's. */
static int
print_addr(int fd, const char *subject, const char *addr)
{
	char line[AMAS_URL_SIZE + 1];
	size_t len = strlen(addr), done = 0;
	ssize_t n;

	if (len >= sizeof line)
		return cmd_error(CMD_SYS, subject, "address is too long");
	memcpy(line, addr, len);
	line[len++] = '\n';
	while (done < len) {
		n = write(fd, line + done, len - done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EBADF)
			break;
		if (n == -1)
			return cmd_error(CMD_SYS, subject, "%s",
			    strerror(errno));
		done += (size_t)n;
	}
	return CMD_OK;
}

/*
 * Closes a descriptor for whoever reads it.  A standard one is then /dev/null,
 * so that no socket gets its number.
 */
static int
give_up(int fd, const char *subject)
{
	int null;

	if (fd > STDERR_FILENO) {
		(void)close(fd);
		return CMD_OK;
	}
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null == -1 || dup2(null, fd) == -1)
		return cmd_error(CMD_SYS, subject, "%s", strerror(errno));
	(void)close(null);
	return CMD_OK;
}

/* Says that connections are accepted.  With --run, stdout is the command's. */
static int
announce(const struct serve_opts *o, const char *addr)
{
	int status = CMD_OK;

	if (o->ready_fd >= 0 &&
	    (status = print_addr(o->ready_fd, "--ready-fd", addr)) == CMD_OK)
		status = give_up(o->ready_fd, "--ready-fd");
	if (status != CMD_OK || o->run != NULL || o->ready_fd == STDOUT_FILENO)
		return status;
	status = print_addr(STDOUT_FILENO, "standard output", addr);
	if (status == CMD_OK)
		status = give_up(STDOUT_FILENO, "standard output");
	return status;
}

static int
load_sources(struct amas_service *service, struct amas_loop *loop,
    const struct serve_opts *o)
{
	struct amas_error err;
	char **source;
	int rc;

	for (source = o->sources; *source != NULL; source++) {
		rc = amas_service_load(service, loop, *source, &o->source,
		    &err);
		if (rc == AMAS_EEXIST) /* two sources for one name */
			return cmd_error(CMD_USAGE, *source, "%s", err.text);
		if (rc != 0)
			return cmd_fail(*source, &err);
	}
	return CMD_OK;
}

static int
open_server(struct amas_server **out, struct amas_loop *loop,
    const struct serve_opts *o)
{
	struct amas_error err;
	int rc;

	rc = amas_server_open(out, loop, o->addr, &o->server, &err);
	if (rc == AMAS_EEXIST) /* in use: cannot listen */
		return cmd_error(CMD_CONNECT, o->addr, "%s", err.text);
	return rc != 0 ? cmd_fail(o->addr, &err) : CMD_OK;
}

/* Serves until the end.  *s has its loop. */
static int
serve(struct serve *s, struct serve_opts *o)
{
	struct amas_server *server;
	struct amas_error err;
	int status;

	if ((status = cmd_loop_set(s->loop, &o->args)) != CMD_OK)
		return status;
	amas_loop_set_jobs(s->loop, o->jobs, o->queue);
	if (amas_service_new(&o->server.service, &err) != 0)
		return cmd_fail(NULL, &err);
	status = load_sources(o->server.service, s->loop, o);
	if (status == CMD_OK)
		status = open_server(&server, s->loop, o);
	amas_service_free(o->server.service);
	if (status != CMD_OK)
		return status;
	if ((status = announce(o, amas_server_addr(server))) != CMD_OK)
		return status;
	if (o->run != NULL &&
	    (status = serve_run(s, o->run, amas_server_addr(server))) != CMD_OK)
		return status;
	return serve_loop(s);
}

int
main(int argc, char *argv[])
{
	struct serve_opts o = { 0 };
	struct serve s;
	int status;

	cmd_init("amas-serve");
	if (opts_parse(&o, argc, argv) != CMD_OK)
		return cmd_finish(o.args.status);
	if ((status = serve_init(&s)) == CMD_OK)
		status = serve(&s, &o);
	serve_fini(&s);
	return cmd_finish(status);
}
