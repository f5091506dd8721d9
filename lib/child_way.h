/*
 * A way to start programs from a process with thousands of descriptors: what
 * amas__spawn() takes if there is one.
 */
#ifndef AMAS__CHILD_WAY_H
#define AMAS__CHILD_WAY_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Two sockets, and the first number above both.  Children copy all descriptors
 * below that, so open it early.
 */
struct amas__way {
	int fds[2];		/* -1: there is none */
	int below;
};

void amas__way_open(struct amas__way *w);	/* if there can be one */
void amas__way_close(struct amas__way *w);

/*
 * Starts a program as amas__spawn() with streams, if that is the faster way and
 * the system can; false: it was not tried.  *error: 0 or an errno value.
 */
bool amas__way_spawn(struct amas__way *w, int *error, pid_t *pid,
    const char *file, char *const *argv, char *const *envp, int dir,
    const int *fds);

#endif
