/*
 * A program that stays, instead of one per call: what filters and workers have
 * in common.  Lies in its owner; one process at a time.
 */
#ifndef AMAS__RESIDENT_H
#define AMAS__RESIDENT_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"
#include "errout.h"
#include "host.h"
#include "proc.h"
#include "program.h"

#define AMAS__RESIDENT_NAME 204

struct amas__resident;

/*
 * What it reports, from the loop; each may end it.
 *
 * output  bytes of its standard output; len 0: it closed that.
 * room    all input that was queued has been written.  NULL: not wanted.
 * hand    in the place of both: gets the pipes of its standard input and
 *         output, the owner's from then on.  NULL: they stay inside.
 * ended   it is not running any more: why is "killed by SIGKILL", "exit status
 *         3", "No such file or directory".  err has what it said until it is
 *         started again, as it may be.
 */
struct amas__resident_ops {
	void (*output)(struct amas__resident *r, const char *data, size_t len);
	void (*room)(struct amas__resident *r);
	void (*hand)(struct amas__resident *r, int in, int out);
	void (*ended)(struct amas__resident *r, const char *why);
};

struct amas__resident {
	const struct amas__resident_ops *ops;
	struct amas_loop *loop;
	const struct amas__program *program;	/* its owner's */
	struct amas__proc *proc;		/* NULL: not running */
	struct amas__guest guest;		/* what it is to the host */
	struct amas__errout err;
	size_t index;				/* AMAS_INDEX of a service */
	bool will;				/* no caller is told what it says:
						 * its lines are warnings */
	bool is_agent;				/* gets what guest.home, if any,
						 * was made with */
	char name[AMAS__RESIDENT_NAME];		/* for messages and the log */
};

/* Sets it up; name is made safe to print.  fini() it in any case. */
void amas__resident_init(struct amas__resident *r, struct amas_loop *l,
    const struct amas__resident_ops *ops, const struct amas__program *program,
    const char *name, size_t index);

/*
 * Starts it.  Returns 0, AMAS_ENOMEM, AMAS_ESYS (no host, no AMAS_STATE), or as
 * amas__args_add_home(); all else comes by ended.
 */
int amas__resident_start(struct amas__resident *r, struct amas_error *err);

/* Ends its process; ended() follows. */
void amas__resident_stop(struct amas__resident *r);

/* Gives it up: its process is ended, and nothing is reported any more. */
void amas__resident_fini(struct amas__resident *r);

#endif
