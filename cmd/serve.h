/*
 * The life of a server program: its loop, its signals, the command of --run,
 * and the end.  See serve_end.c.
 */
#ifndef SERVE_H
#define SERVE_H

#include <stdbool.h>

#include <ev.h>

#include "amas.h"
#include "proc.h"

#define SERVE_GRACE_S 10.0	/* for running calls, after SIGTERM */
#define SERVE_SIGNALS 4

struct serve {
	struct ev_loop *ev;
	struct amas_loop *loop;
	ev_signal signals[SERVE_SIGNALS];
	ev_timer grace;		/* ends the command; the loop ends calls */
	struct amas__proc *run;	/* command of --run while it lives, or NULL */
	bool draining;		/* it ends in order: a signal, or run ended */
	bool at_once;		/* a signal came after that */
	int status;		/* what to end with */
};

/*
 * Makes the loop.  From here on no signal is lost: one that comes before the
 * loop runs ends it in order as soon as it does.  Returns CMD_OK or a status
 * (has been said); serve_fini() is allowed in both cases.
 */
int serve_init(struct serve *s);

/*
 * Starts the command of --run with AMAS_ADDR set; when it ends, everything
 * does, with its status.  Returns CMD_OK or a status (has been said).
 */
int serve_run(struct serve *s, const char *command, const char *addr);

/* Runs the loop until the end; returns the exit status. */
int serve_loop(struct serve *s);

/* Ends all children and frees all. */
void serve_fini(struct serve *s);

#endif
