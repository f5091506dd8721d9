/*
 * Child processes: started without fork, in a process group of their own, with
 * pipes for their standard streams; fed and read from the loop, ended within a
 * bounded time.
 *
 * A process that was started ends in exactly one on_exit, unless it was freed
 * before.  What it leaves running when it ends by itself lives on until the
 * program ends; amas__proc_stop() ends its whole group.
 */
#ifndef AMAS__PROC_H
#define AMAS__PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "amas.h"
#include "child.h"
#include "loop.h"

#define AMAS__PROC_GRACE_S 2.0	/* between TERM and KILL */

struct amas__proc;

/*
 * How a process ended.
 *
 * code    0: it ran.  Else it could not be started: enum amas_code, err says
 *         why; AMAS_ETOOBIG: descriptors, processes or memory are short now.
 * status  its exit status, if sig is 0.
 * sig     the signal that killed it.
 * output_sys  errno, if not all of its standard output could be read; else 0.
 */
struct amas__exit {
	int code;
	int status;
	int sig;
	int output_sys;
	struct amas_error err;
};

/*
 * What a process reports.  All run from the loop; each may free it.
 *
 * on_output  bytes came from its standard output (which 1) or error (2); they
 *            live only during the call; len 0: it lives, but has closed its
 *            standard output.  What stands in the pipes when the
 *            process ends comes before on_exit, even from one that is paused.
 * on_room    all input that was queued has been written.  NULL: not wanted.
 * on_exit    it has ended, or could not be started.
 */
struct amas__proc_ops {
	void (*on_output)(struct amas__proc *p, int which, const char *data,
	    size_t len);
	void (*on_room)(struct amas__proc *p);
	void (*on_exit)(struct amas__proc *p, const struct amas__exit *how);
};

#define AMAS__PROC_INHERIT 1	/* our streams and process group, no pipes */

/*
 * What to start; all is copied.
 *
 * file   what is executed: absolute, or "./NAME" in the folder dir.
 * argv   its arguments, the first is its name; ends with NULL.
 * envp   its environment; NULL: ours.
 * dir    open folder in which it runs; -1: ours.
 * flags  AMAS__PROC_INHERIT or 0.
 * start  gets the pipes of its standard input and output, now yours to write,
 *        read and close, when it has been started: from the loop, before
 *        on_exit.  write() and the like are not for such a process, and of its
 *        output only what it writes to standard error comes by on_output.
 *        NULL: the pipes stay inside.
 */
struct amas__proc_opts {
	const char *file;
	char *const *argv;
	char *const *envp;
	int dir;
	int flags;
	const struct amas__proc_ops *ops;
	void *arg;
	void (*start)(struct amas__proc *p, int in, int out);
};

/*
 * Starts a process.  A file that is just being written (ETXTBSY) is tried again
 * for a while.  Returns 0 or AMAS_ENOMEM; all else that can go wrong comes by
 * on_exit, never inside.
 */
int amas__proc_start(struct amas__proc **out, struct amas_loop *l,
    const struct amas__proc_opts *opts, struct amas_error *err);

void *amas__proc_arg(const struct amas__proc *p);
pid_t amas__proc_pid(const struct amas__proc *p);	/* 0: not running */

/*
 * Queues input for it, written as it reads; data is copied.  A process that
 * reads no more makes all later input vanish.  Returns 0 or AMAS_ENOMEM.
 */
int amas__proc_write(struct amas__proc *p, const void *data, size_t len);
void amas__proc_end_input(struct amas__proc *p);	/* when all is written */
size_t amas__proc_queued(const struct amas__proc *p);

/*
 * Reports by on_output, inside, what its standard output holds now; that must
 * not free it.  False: it has ended, and on_exit comes.
 */
bool amas__proc_look(struct amas__proc *p);

/*
 * Whether a process that lives waits for input, as far as the system tells.
 * If it sleeps, all that it has to say is there to be looked at.  who: as of
 * amas__child_doing().
 */
enum amas__doing amas__proc_doing(const struct amas__proc *p, uint64_t *who);

/* Stops reading its output, or goes on. */
void amas__proc_pause(struct amas__proc *p, int which, bool pause);

/* TERM to its group, KILL after the grace.  on_exit still comes. */
void amas__proc_stop(struct amas__proc *p);

/*
 * Gives it up, in callbacks too: stops it if it runs, no callback comes any
 * more.  NULL is allowed.
 */
void amas__proc_free(struct amas__proc *p);

/*
 * Makes this program the one that inherits what its children leave behind, so
 * that it is found and ended with the loop.  For programs, once: from then on
 * children of this program that are not of this loop are reaped too.  Those that
 * it has by then (of a shell that became this program) are not ended.
 */
void amas__procs_adopt(struct amas_loop *l);

/* Number of processes that live. */
size_t amas__procs_count(struct amas_loop *l);

/*
 * Ends all processes of the loop and what they left behind: TERM, KILL after
 * grace_s (0: at once); blocks for that and half a second at most.  on_exit of
 * those that are not freed runs inside.  Frees the table: for amas_loop_free(),
 * after what is open was closed and before the jobs go.
 */
void amas__procs_end(struct amas_loop *l, double grace_s);

#endif
