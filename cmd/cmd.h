/*
 * What all programs share: messages, exit statuses, options, standard streams.
 * The one table of exit statuses stands here and in every page.
 *
 * A main is
 *
 *	cmd_init("amas-x");
 *	if ((status = opts_parse(&o, argc, argv)) == CMD_OK)
 *		status = run(&o);
 *	opts_free(&o);
 *	return cmd_finish(status);
 */
#ifndef CMD_H
#define CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"

enum cmd_status {
	CMD_OK = 0,
	CMD_FAILED = 1,		/* the remote side failed the call */
	CMD_USAGE = 2,
	CMD_CONNECT = 3,	/* cannot resolve, connect, listen, agree */
	CMD_INPUT = 4,		/* bad input data */
	CMD_PEER = 5,		/* broke the protocol, or closed too early */
	CMD_SYS = 6,		/* local system, memory, output */
	CMD_TIMEOUT = 124,
	CMD_NOEXEC = 126,	/* child not runnable */
	CMD_NOTFOUND = 127	/* child not found */
};

/* ---- Begin and end ------------------------------------------------------ */

/*
 * Begins a program: takes its name for messages and fills standard descriptors
 * that are closed, so that no socket becomes one of them; reading or writing
 * such a one still fails with EBADF.  A file over its limit fails with EFBIG,
 * not with SIGXFSZ.  Other signals stay as they are: SIGPIPE ends a program whose
 * reader has gone, as the shell expects.  A program that writes to pipes of
 * children must ignore it itself.
 */
void cmd_init(const char *name);

/*
 * Ends it: closes standard output.  Data that could not be written turn status
 * 0 into CMD_SYS, with a message.  Returns the exit status.
 */
int cmd_finish(int status);

/* ---- Messages ----------------------------------------------------------- */

/*
 * Writes "NAME: SUBJECT: CAUSE" to standard error, one line, escaped for a
 * terminal.  subject as the user typed it, or NULL.  Silent after -qq, but for
 * CMD_USAGE.  Returns status, so that saying and returning are one statement.
 */
int cmd_error(int status, const char *subject, const char *fmt, ...)
    AMAS_PRINTF(3, 4);

/* The same for a cause from the library; returns its exit status. */
int cmd_fail(const char *subject, const struct amas_error *err);

/* The same for an address to be called at: one that is in use cannot be. */
int cmd_fail_listen(const char *subject, const struct amas_error *err);

/* Out of memory: says so, returns CMD_SYS. */
int cmd_nomem(void);

/* Whether messages of a level (enum amas_log) are wanted, by -v and -q. */
bool cmd_verbose(int level);

/* A sink for amas_loop_set_log(): "NAME: LINE" on standard error. */
void cmd_log(int level, const char *line, void *arg);

/* ---- Options ------------------------------------------------------------ */

/* One option.  A table ends with CMD_OPTIONS, which is the last thing in it. */
struct cmd_option {
	int id;			/* its letter; 256 and up: it has none */
	const char *name;	/* the long name, without "--" */
	const char *arg;	/* what its value is called; NULL: takes none;
				 * "[DUR]": it may be missing, a long name */
	const char *help;	/* for --help, with the default; NULL: it is
				 * not told of */
};

#define CMD_OPT_CODEC 0x1001
#define CMD_OPT_MAX_MESSAGE 0x1002
#define CMD_OPT_MEMORY 0x1003
#define CMD_OPT_TRACE 0x1004
#define CMD_OPT_TYPES 0x1005
#define CMD_OPT_CACERT 0x1006
#define CMD_OPT_CERT 0x1007
#define CMD_OPT_KEY 0x1008
#define CMD_OPT_KEYLOG 0x1009
#define CMD_OPT_PLAIN 0x100a
#define CMD_OPT_SERVERNAME 0x100b

/*
 * The options of all programs, handled by cmd_getopt(), and the table's end.
 * CMD_OPTIONS_TRACE: what --help says of --trace.
 */
#define CMD_OPTIONS CMD_OPTIONS_TRACE("record each message there")
#define CMD_OPTIONS_TRACE(trace_help)					\
	{ CMD_OPT_CODEC, "codec", "NAME", "json (default), msgpack, msgpack-blosc" }, \
	{ CMD_OPT_TYPES, "types", "NAMES",				\
	    "extra types in their order: date,money (none)" },		\
	{ CMD_OPT_MAX_MESSAGE, "max-message", "SIZE",			\
	    "largest message (64M)" },					\
	{ CMD_OPT_MEMORY, "memory", "SIZE",				\
	    "bound of all queues together (512M)" },			\
	{ CMD_OPT_TRACE, "trace", "FILE", trace_help },			\
	{ CMD_OPT_CACERT, "cacert", "FILE", "TLS: who is trusted" },	\
	{ CMD_OPT_CERT, "cert", "FILE", "TLS: our certificate" },	\
	{ CMD_OPT_KEY, "key", "FILE", "TLS: its key" },			\
	{ CMD_OPT_SERVERNAME, "servername", "NAME",			\
	    "TLS: the name of the server (as in ADDR)" },		\
	{ CMD_OPT_PLAIN, "plain", NULL, "no TLS, whatever AMAS_CACERT says" }, \
	{ CMD_OPT_KEYLOG, "keylog", "FILE",				\
	    "TLS: add there what decrypts a capture" },			\
	{ 'v', "verbose", NULL, "say what is done; twice: each message" }, \
	{ 'q', "quiet", NULL, "errors only; twice: say nothing" },	\
	{ 'h', "help", NULL, "print this" },				\
	{ 'V', "version", NULL, "print the version" },			\
	{ 0, NULL, NULL, NULL }

/*
 * The options under way.  Fill in what stands first, the rest is zero.
 * Environment defaults AMAS_CODEC, AMAS_TYPES and AMAS_MAX_MESSAGE are taken at
 * CMD_END.
 */
struct cmd_args {
	const char *synopsis;	/* "[options] ADDR [FUNCTION [ARG...]]" */
	const struct cmd_option *options;
	bool no_warnings;	/* the log begins with -v: what ends this
				 * program it says itself */
	/* Of the option that cmd_getopt() gave. */
	char name[40];		/* as typed, for messages: "-t", "--timeout" */
	const char *value;	/* NULL: takes none */
	/* When it has given CMD_END or CMD_STOP. */
	int first;		/* CMD_END: index of the first operand */
	int status;		/* CMD_STOP: what to exit with */
	/* Set by the common options; 0 or NULL: the library's default. */
	const struct amas_codec *codec;
	const char *types;	/* as struct amas_opts has them */
	size_t max_message;
	size_t memory;
	const char *trace;
	bool plain;
	struct amas_tls tls_files;
	const struct amas_tls *tls;	/* by cmd_tls(); NULL: plain */
};

#define CMD_END (-1)	/* no more options */
#define CMD_STOP (-2)	/* wrong option (has been said), or --help was given */

/*
 * Gives the next option's id; options end at the first operand.  What all
 * programs have is handled inside.  Returns an id, CMD_END or CMD_STOP.
 */
int cmd_getopt(struct cmd_args *a, int argc, char *argv[]);

/* Writes the usage line to standard error.  Returns CMD_USAGE. */
int cmd_usage(const struct cmd_args *a);

/* The same after a line that says what is missing: "no ADDR". */
int cmd_missing(const struct cmd_args *a, const char *fmt, ...)
    AMAS_PRINTF(2, 3);

/*
 * Puts together what options and environment (AMAS_CACERT, AMAS_CERT, AMAS_KEY)
 * say about TLS, in a->tls.
 *
 * tcp     some address may be TCP's: else the options have nothing to do.
 * server  it listens there.
 *
 * Returns CMD_OK or CMD_USAGE (has been said).
 */
int cmd_tls(struct cmd_args *a, bool tcp, bool server);

/* Whether an address, or a word for one, may be TCP's. */
bool cmd_is_tcp(const char *addr);

/*
 * Sets what the options say about a loop: the bound of memory, the trace.
 * Returns CMD_OK or a status (has been said).
 */
int cmd_loop_set(struct amas_loop *loop, const struct cmd_args *a);

/*
 * Makes the loop of a program: on ev, NULL: one of its own, with log, trace and
 * bound of memory as the options say.  Returns CMD_OK or a status (has been said).
 */
int cmd_loop_new(struct amas_loop **out, struct ev_loop *ev,
    const struct cmd_args *a);

/* ---- Values of options -------------------------------------------------- */

/*
 * Read a value of an option or variable; name is for the message: a->name, or
 * "AMAS_TIMEOUT".  Return CMD_OK or CMD_USAGE (has been said); *out is written
 * on CMD_OK only.
 *
 * number    decimal digits, with "-" before them if min is negative.
 * size      bytes, with K M G or T: 1024, its square, ...; min <= it.
 * duration  seconds: "250ms" "10s" "2m" "3h" "1d", a bare number is seconds;
 *           "inf" gives INFINITY where inf is allowed.
 */
int cmd_number(long long *out, const char *name, const char *text,
    long long min, long long max);
int cmd_size(size_t *out, const char *name, const char *text, size_t min);
int cmd_duration(double *out, const char *name, const char *text, bool inf);

/* The value of a variable of the environment; NULL if unset or empty. */
const char *cmd_env(const char *name);

/* Reads decimal seconds, which may be negative; CMD_USAGE: it is none. */
int cmd_seconds(double *out, const char *text);

#endif
