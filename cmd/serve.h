/*
 * amas-serve: what it was told, and what it consists of while it runs.
 *
 *	serve_opts.c	options
 *	serve_take.c	values of those that amas-container has, too
 *	serve_service.c	what is served, to all or to each
 *	serve_allow.c	who may call what
 *	serve_doors.c	where callers come in: addresses, descriptors, dialling
 *	serve_ready.c	saying that it is ready
 *	serve_hooks.c	commands for connections that begin and end
 *	serve_channel.c	plain requests: to one source, or to standard output
 *	serve_mosaik.c	simulators of mosaik: a connection is one
 *	serve_stats.c	counters
 *	serve_end.c	the loop, its signals, the command of --run, the end
 */
#ifndef SERVE_H
#define SERVE_H

#include <stdbool.h>
#include <stddef.h>

#include <ev.h>

#include "amas.h"
#include "cmd.h"
#include "channel.h"
#include "list.h"
#include "map.h"
#include "proc.h"

#define SERVE_GRACE_S 10.0	/* for running calls, after SIGTERM */
#define SERVE_SIGNALS 4
#define SERVE_LISTEN_MAX 64	/* --listen */
#define SERVE_HOOK_S 10.0	/* a command of --on-connect may take that */
#define SERVE_HOOKS_MAX 16	/* of them at a time */
#define SERVE_ASK_S 60.0	/* mosaik may take that for an answer */
#define SERVE_HOOKS_QUEUE 10000	/* ends of connections that wait for theirs */

struct serve_opts {
	struct cmd_args args;
	struct amas_opts server;
	struct amas_source_opts source;
	size_t jobs, queue;	/* 0: the library's default */
	int ready_fd;		/* -1: none */
	bool connect;		/* dial addr, do not listen there */
	bool waits;		/* -w was given */
	bool failure_text;	/* --failure text was */
	bool channel;
	bool serial, per_connection;
	bool mosaik;		/* implies the latter, and failures as lists */
	double ask_s;		/* --ask-timeout; 0: none was given */
	const char *allow;	/* --allow; NULL: all may call all */
	const char *state;	/* --state; NULL: the host's own */
	const char *run;	/* NULL: nothing */
	const char *on_connect, *on_disconnect;	/* NULL: nothing */
	const char *addr;
	const char *listen[SERVE_LISTEN_MAX];
	size_t n_listen;
	char **sources;		/* ends with NULL */
};

/* Where callers come in: an address, or one connection. */
struct serve_door {
	struct amas__link link;
	struct serve *s;
	const char *word;	/* as the user typed it */
	const char *addr;	/* as it is announced */
	bool one;		/* a connection, whose end is the door's */
	bool dialled;		/* one that we made */
	bool opened;		/* one: it stood */
};

/* Commands for connections. */
struct serve_hooks {
	struct amas__link waiting;	/* for their command */
	size_t n_waiting, n_running;
	bool ended;		/* no more are begun */
};

struct serve_relay;

struct serve {
	const struct serve_opts *o;
	struct ev_loop *ev;
	struct amas_loop *loop;
	ev_signal signals[SERVE_SIGNALS];
	ev_timer grace;		/* ends the command; the loop ends calls */
	struct amas_service *service;
	char *state;		/* all of the path of --state, or NULL */
	struct amas__link doors;
	size_t open_doors;
	size_t connections;
	bool dialling;		/* --connect: it does not stand yet */
	bool stdout_taken;	/* it carries messages */
	struct amas__link rules;	/* of --allow */
	struct serve_hooks hooks;
	struct serve_relay *relay;	/* --channel, or NULL */
	struct amas__map sims;	/* --mosaik: by channel */
	struct amas__asks asks;	/* what they may ask mosaik */
	char *notify;		/* $NOTIFY_SOCKET, or NULL */
	struct amas__proc *run;	/* command of --run while it lives, or NULL */
	bool draining;		/* it ends in order: a signal, or run ended */
	bool signalled;		/* a signal came that ends it */
	bool at_once;		/* another one did */
	int status;		/* what to end with */
};

/* ---- serve_opts.c ---- */

/* Returns CMD_OK, or CMD_STOP if o->args.status is what to end with. */
int serve_opts_parse(struct serve_opts *o, int argc, char *argv[]);

/* ---- serve_take.c ---- */

/*
 * Take the value of an option: a number of things, the mode of a socket, an open
 * descriptor.  Return CMD_OK or CMD_USAGE (has been said).
 */
int serve_take_count(size_t *out, const struct cmd_args *a);
int serve_take_mode(unsigned *out, const struct cmd_args *a);
int serve_take_ready_fd(int *out, const struct cmd_args *a);

/* ---- serve_service.c ---- */

/* Has s->service filled.  Returns CMD_OK or a status (has been said). */
int serve_service_open(struct serve *s);

/* With --per-connection: gives a new connection a service of its own. */
void serve_service_connect(struct serve *s, struct amas_channel *ch);

/*
 * Fills a service, for one connection (NULL: all).  Returns CMD_OK or a status
 * (has been said).
 */
int serve_service_load(struct serve *s, struct amas_service *service,
    const char *state, struct amas_channel *peer);

/* Makes a folder for one connection, NULL: has been said; removes it. */
char *serve_state_make(struct serve *s);
void serve_state_free(char *path);

/* ---- serve_allow.c ---- */

/*
 * Reads the file of --allow; a second time, too: what is wrong leaves the rules
 * as they were.  Returns CMD_OK or a status (has been said).
 */
int serve_allow_read(struct serve *s);
void serve_allow_free(struct serve *s);

/* Whether the peer of a connection may call a path. */
bool serve_allows(const struct serve *s, struct amas_channel *ch,
    const char *path);

/* ---- serve_doors.c ---- */

/*
 * Opens all: ADDR, those of --listen, or begins to dial.  Returns CMD_OK or a
 * status (has been said).
 */
int serve_doors_open(struct serve *s);
void serve_doors_free(struct serve *s);

/*
 * Closes a descriptor for whoever reads it.  A standard one is then /dev/null,
 * so that no socket gets its number.
 */
int serve_give_up(int fd, const char *subject);

/* ---- serve_ready.c ---- */

/*
 * Says that callers can come: the addresses, the service manager, the command
 * of --run.  Returns CMD_OK or a status (has been said).
 */
int serve_ready(struct serve *s);

/*
 * Writes text to a descriptor; to one that was closed at the start it goes
 * nowhere.  Returns CMD_OK or a status (has been said).
 */
int serve_write(int fd, const char *subject, const char *text, size_t len);

/* Writes an address, one line, in the same way. */
int serve_print(int fd, const char *subject, const char *addr);

/* Tells the service manager, if there is one: "READY=1". */
void serve_notify(const struct serve *s, const char *state);

/* ---- serve_hooks.c ---- */

void serve_hooks_init(struct serve *s);
void serve_hooks_open(struct serve *s, struct amas_channel *ch);
void serve_hooks_close(struct serve *s, struct amas_channel *ch,
    const struct amas_error *why);
void serve_hooks_fini(struct serve *s);

/* ---- serve_channel.c ---- */

/*
 * Has s->service filled by the one source, or opens standard input and output.
 * Returns CMD_OK or a status (has been said).
 */
int serve_relay_open(struct serve *s);
void serve_relay_free(struct serve *s);

/* Answers a request on a plain channel; self is a door. */
void serve_relay_request(struct amas_request *req, void *self);

/* ---- serve_mosaik.c ---- */

/*
 * Before the first connection; says on the log what of a simulator the service,
 * as each will have one, does not have.
 */
void serve_mosaik_open(struct serve *s, struct amas_service *service);

/* Makes a new connection a simulator; has its requests answered. */
void serve_mosaik_connect(struct serve *s, struct amas_channel *ch);
void serve_mosaik_request(struct amas_request *req, void *self);

/* All end in order: has those stop that mosaik did not. */
void serve_mosaik_drain(struct serve *s);

/* ---- serve_stats.c ---- */

/* Writes the counters to standard error, one line of JSON. */
void serve_stats(const struct serve *s);

/* ---- serve_end.c ---- */

/*
 * Makes the loop.  From here on no signal is lost: one that comes before the
 * loop runs ends it in order as soon as it does.  Returns CMD_OK or a status
 * (has been said); serve_fini() is allowed in both cases.
 */
int serve_init(struct serve *s, const struct serve_opts *o);

/*
 * Starts the command of --run with AMAS_ADDR set; when it ends, everything
 * does, with its status.  Returns CMD_OK or a status (has been said).
 */
int serve_run(struct serve *s, const char *command, const char *addr);

/* Ends in order, from a callback, with this status. */
void serve_end(struct serve *s, int status);

/* Runs the loop until the end; returns the exit status. */
int serve_loop(struct serve *s);

/* Ends all children and frees all. */
void serve_fini(struct serve *s);

#endif
