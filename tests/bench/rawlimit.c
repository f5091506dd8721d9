/*
 * What the machine can do at best: the bare operations that a message toolkit
 * is made of, each with as little around it as there can be, so that a goal can
 * be a ratio to a limit that is measured in the same minute.
 *
 * usage: rawlimit COMMAND ARG...	(see the table below)
 *
 * A command prints one figure.  All is bounded by time or by count, and
 * children die with their parent.  The framing is that of amas, and so are the
 * requests: load drives any server of it.  KIND is tcp (loopback) or unix; ADDR
 * is what amas programs print.  To put both ends on one core (taskset -c 0) is
 * steadiest.
 */
#include "rawlimit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct command {
	const char *name;
	int args;		/* at least */
	int (*fn)(char *argv[]);
	const char *usage;
};

static const struct command commands[] = {
	{ "accept", 2, do_accept,
	    "ADDR SECONDS: connect, call, close; 1/s" },
	{ "bulk", 3, do_bulk,
	    "KIND BYTES SECONDS: a large message there and back; MB/s" },
	{ "coprocess", 2, do_coprocess,
	    "WINDOW SECONDS: lines to a helper and back; 1/s" },
	{ "exec", 2, do_exec,
	    "SECONDS COMMAND [ARG...]: input, output, status; ms" },
	{ "fanout", 3, do_fanout,
	    "KIND N SECONDS: asks N processes at once, awaits all; 1/s" },
	{ "hold", 2, do_hold,
	    "ADDR N: connections, until end of input; connects/s" },
	{ "lines", 0, do_lines, ": the helper of coprocess" },
	{ "load", 6, do_load,
	    "json|msgpack|bytes ADDR FUNCTION BYTES|@FILE WINDOW SECONDS; "
	    "1/s" },
	{ "pingpong", 3, do_pingpong,
	    "KIND BYTES SECONDS: one message each way at a time; 1/s" },
	{ "resp", 4, do_resp,
	    "ADDR BYTES WINDOW SECONDS: ECHO of a redis; 1/s" },
	{ "serve", 1, do_serve,
	    "ADDR: echoes frames, all that one read gave in one write" },
};

static int
usage(void)
{
	size_t i;

	fprintf(stderr, "usage: rawlimit COMMAND ARG...\n");
	for (i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(stderr, "  %s %s\n", commands[i].name,
		    commands[i].usage);
	return 2;
}

int
main(int argc, char *argv[])
{
	size_t i;

	(void)signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < sizeof commands / sizeof *commands; i++)
		if (argc > 1 && strcmp(argv[1], commands[i].name) == 0 &&
		    argc - 2 >= commands[i].args)
			return commands[i].fn(argv + 2);
	return usage();
}
