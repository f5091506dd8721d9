/*
 * Inside of processes: what proc.c (one process) and procs.c (all of a loop)
 * share.
 */
#ifndef AMAS__PROC_IMPL_H
#define AMAS__PROC_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "buf.h"
#include "list.h"
#include "loop.h"
#include "proc.h"

/* Copies of what start was given, for another try. */
struct amas__again {
	char *file;
	char **argv, **envp;
	int dir;
	int tries;
};

struct amas__output {
	struct amas__io io;
	bool paused;
};

struct amas__proc {
	struct amas__link link;		/* in the table while it lives */
	struct amas_loop *loop;
	const struct amas__proc_ops *ops;	/* NULL: given up */
	void *arg;
	unsigned refs;
	int flags;
	pid_t pid;			/* 0: not started yet, or reaped */
	bool stopping;
	struct amas__exit how;
	struct amas__again *again;	/* NULL: no further try */
	struct amas__task report;	/* of a start that failed */
	void (*start)(struct amas__proc *p, int in, int out);
	struct amas__task hand;		/* runs start */
	struct amas__timer timer;	/* next try; then the grace */

	struct amas__io end;		/* its pidfd; fd -1: polled */
	struct amas__timer poll;
	double poll_s;

	struct amas__io in;		/* fd -1 where there is none */
	struct amas__buf queue;		/* input not yet written */
	bool end_input;
	struct amas__output out[2];
};

/* All processes of a loop. */
struct amas__procs {
	struct amas_loop *loop;
	struct amas__link all;
	size_t n;
	bool adopt;
	bool ending;
	struct amas__task sweep;
	struct amas__way way;
	pid_t *before;		/* children that were there at adoption, and
				 * are nobody's to end; n_before of them */
	size_t n_before;
};

/* The table of a loop, made on first use; NULL if memory is short. */
struct amas__procs *amas__procs_table(struct amas_loop *l);

/* Signals the group of a process that lives, and the process itself. */
void amas__proc_signal(struct amas__proc *p, int sig);

/* Whether it has ended; it stays a zombie, so that its pid stays its own. */
bool amas__proc_has_ended(const struct amas__proc *p);

/*
 * Takes leave of a process that was seen to be dead, or never lived: reports
 * that and drops the reference of its life.
 */
void amas__proc_ended(struct amas__proc *p);

#endif
