/*
 * The parts of amas-call: options, arguments, results, one call (again and
 * again), a batch of calls.  Functions that return int give an exit status,
 * and have said what was wrong.
 */
#ifndef CALL_H
#define CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amas.h"
#include "buf.h"
#include "cmd.h"

#define CALL_PARALLEL 64	/* default of -P */

/* What the command line says. */
struct call_opts {
	struct cmd_args args;	/* options of all programs */
	const char *addr;	/* as typed, or the command; NULL: only --help
				 * was wanted */
	const char *command;	/* --exec; NULL: none */
	const char **sources;	/* -x, n_sources of them */
	int n_sources;
	char *function;		/* path; NULL: connect only */
	char **argv;		/* the ARGs, argc of them */
	int argc;
	bool batch;		/* -B: message lines out; without -L also in */
	bool each;		/* -L: once for each line of input */
	bool pipe;		/* --pipe */
	bool list;		/* -l */
	bool dial;		/* --dial: AMAS_PARENT does not matter */
	bool channel;		/* --channel: content, not calls */
	bool unordered, halt;
	bool text;		/* -s: ARGs are text as they stand */
	bool raw, pretty, json;
	bool terminal;		/* standard output is one */
	long long parallel;	/* -P; 0: not given */
	long long count;	/* -n; 0: not given */
	double interval_s;	/* -i; < 0: not given */
	double wait_s;		/* -w; < 0: not given */
	double stay_s;		/* --stay; < 0: not given */
	double timeout_s;	/* -t; < 0: not given, 0: none */
	double deadline;	/* by call_now(); INFINITY: none */
};

int call_opts_parse(struct call_opts *o, int argc, char *argv[]);
void call_opts_free(struct call_opts *o);

/* Seconds of a monotonic clock. */
double call_now(void);

/* What is wrong with an address of somebody else's queue. */
#define CALL_LOCAL_ONLY "local:// is reached only from inside its own process"

/* ---- Arguments (call_args.c) ---- */

struct call_args {
	struct amas_value *list;	/* positional */
	struct amas_value *map;		/* keywords */
};

/* Reads the ARGs.  What it wrote is the caller's, also on failure. */
int call_args_read(struct call_args *out, const struct call_opts *o);

/*
 * Writes why a call could not be sent, with the argument in the place of where
 * it is in the message: "argument 1: JSON cannot carry bytes".
 */
void call_args_explain(char *out, size_t size, const struct call_opts *o,
    const char *text);
void call_args_free(struct call_args *args);

/*
 * Appends all of a file, "-" is standard input, at most max bytes; until the
 * deadline, where reading can be waited for.
 */
int call_file_read(struct amas__buf *b, const char *path, size_t max,
    double deadline);

/* ---- Results (call_print.c) ---- */

/*
 * Appends a result as the options say; or a value as on message lines, without
 * a newline.  Return 0, AMAS_ENOMEM or what the encoder says.
 */
int call_put_result(struct amas__buf *b, const struct call_opts *o,
    const struct amas_value *v, struct amas_error *err);
int call_put_value(struct amas__buf *b, const struct amas_value *v,
    unsigned indent, struct amas_error *err);

/* Appends {"failure":TEXT,"origin":ADDR} and a newline; returns as these. */
int call_put_failure_json(struct amas__buf *b, const struct call_opts *o,
    const struct amas_reply *rep, struct amas_error *err);

/* Appends a failure for people: "Origin: ADDR", and its text. */
int call_put_failure(struct amas__buf *b, const struct amas_reply *rep);

/*
 * Says why standard output cannot be written, an errno value, and returns the
 * status; of a reader that is gone nothing, as the signal would.
 */
int call_output_failed(int sys);

/* Writes results to standard output; failures to standard error, if wanted. */
int call_print(const struct amas__buf *b);
void call_say(const struct amas__buf *b);

/* ---- The ways to run ---- */

/* Whether there is a call, or content, for each line of input. */
bool call_is_batch(const struct call_opts *o);

/* Whether each line of input says where to: -B -. */
bool call_is_many(const struct call_opts *o);

int call_single_run(const struct call_opts *o);
int call_batch_run(const struct call_opts *o);
int call_pipe_run(const struct call_opts *o);

#endif
