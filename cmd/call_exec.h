/* The process of --exec, whose standard streams are the connection. */
#ifndef CALL_EXEC_H
#define CALL_EXEC_H

#include <stdbool.h>
#include <sys/types.h>

#include "amas.h"

/*
 * Starts a command by sh -c.  in and out get the non-blocking ends of its
 * standard output and input.  Returns 0, AMAS_ESYS or AMAS_ENOMEM.
 */
int call_exec_start(pid_t *pid, const char *command, int *in, int *out,
    struct amas_error *err);

/*
 * Waits until it has ended, at most wait_s.  Returns whether; *how is as of
 * waitpid(2), -1 if nobody knows.
 */
bool call_exec_wait(pid_t pid, double wait_s, int *how);

/* The same; one that does not end by itself is ended. */
void call_exec_end(pid_t pid);

#endif
