/* The command of --run: a shell's, with our standard streams. */
#ifndef CMD_RUN_H
#define CMD_RUN_H

#include "amas.h"
#include "proc.h"

/*
 * Starts it with AMAS_ADDR set.  ops: of it only on_exit runs.  Returns CMD_OK or
 * a status (has been said).
 */
int cmd_run_start(struct amas__proc **out, struct amas_loop *l,
    const char *command, const char *addr, const struct amas__proc_ops *ops,
    void *arg);

/* What to exit with when it has ended so (what is wrong has been said). */
int cmd_run_status(const struct amas__exit *how);

#endif
