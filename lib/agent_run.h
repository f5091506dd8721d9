/*
 * The two programs of an agent's own, in the folder that is its class: init,
 * which runs once before the agent is there, and run, which is its will.
 *
 * They run in that folder, with what the agent was made with as arguments and
 * the environment of all its processes.  There is nothing on their standard
 * input; what they say on standard error goes to the log.
 */
#ifndef AMAS__AGENT_RUN_H
#define AMAS__AGENT_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"

#define AMAS__RUN_LINE ((size_t)1 << 20)	/* longer ones come in pieces */

struct amas__agent_run;
struct amas__home;

/*
 * INIT needs a place of -j to run, and gives it back while it waits for the
 * host; its output goes to the log, at debug level.  RUN needs none, since it
 * may never end.
 */
enum amas__agent_program { AMAS__AGENT_INIT, AMAS__AGENT_RUN };

/*
 * What it reports, from the loop; each may free it.
 *
 * line   a line of its standard output, without its end; the last one counts
 *        without one, too.  It lives only during the call.  NULL for INIT.
 * ended  it has ended, or could not be started; it may be started again.  ok: by
 *        itself, with status 0; why says how: "exit status 3", "killed by
 *        SIGKILL", "No such file or directory (its "#!" interpreter?)".  Of an
 *        INIT that was not ok it is the text of a failure: "init: exit status
 *        3", and then, as after a call, the last part of what it said on
 *        standard error.
 */
struct amas__agent_run_ops {
	void (*line)(struct amas__agent_run *r, const char *line, size_t len,
	    void *arg);
	void (*ended)(struct amas__agent_run *r, bool ok, const char *why,
	    void *arg);
};

/*
 * Makes it, without starting it.
 *
 * home  whose it is; it lives longer.
 * dir   the open folder; borrowed while it is there.
 * any   it may be one that others can write, too.
 * name  of the agent, for the log: "NAME/run: ..."; copied.
 *
 * Returns 0 or AMAS_ENOMEM.
 */
int amas__agent_run_new(struct amas__agent_run **out,
    enum amas__agent_program which, struct amas__home *home, int dir, bool any,
    const char *name, const struct amas__agent_run_ops *ops, void *arg,
    struct amas_error *err);

/*
 * Has each start of it end after so long, as amas__agent_run_stop() does; of an
 * INIT the failure is "init: timed out after 1s".  0 is no limit, the default.
 */
void amas__agent_run_limit(struct amas__agent_run *r, double timeout_s);

/*
 * Makes what it will be given, if the folder has such a program: so that an agent
 * is not made whose run could not start.  Returns 0, AMAS_ESYS or AMAS_ENOMEM.
 */
int amas__agent_run_prepare(struct amas__agent_run *r, struct amas_error *err);

/*
 * Starts it, if it does not run.  Returns 0 and ended follows, never inside; or
 * AMAS_ENOENT (the folder has none), AMAS_ESYS (it has, but it is not to be
 * trusted, or not executable: "run: others can write it"; or there is no host,
 * or no AMAS_STATE), AMAS_ETYPE or
 * AMAS_ETOOBIG (an argument that cannot be one) or AMAS_ENOMEM.
 */
int amas__agent_run_start(struct amas__agent_run *r, struct amas_error *err);

/* Ends it in order: TERM to its group, KILL after the grace; ended follows. */
void amas__agent_run_stop(struct amas__agent_run *r);

/* Gives it up; stops it if it runs, and nothing is reported.  NULL is allowed. */
void amas__agent_run_free(struct amas__agent_run *r);

#endif
