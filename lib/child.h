/*
 * Starting programs: what proc.c needs of the system, with a second form for
 * what only some have.  Compiled with AMAS_PORTABLE the second forms are used
 * everywhere, so that they can be tested.
 */
#ifndef AMAS__CHILD_H
#define AMAS__CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "child_way.h"

/*
 * Starts a program.  fds are its standard streams, all above 2; NULL: it has
 * ours, and our process group; else it leads a group of its own, sees no other
 * descriptors, default signal actions and an empty signal mask.
 *
 * way    faster with many descriptors, for who has fds; one that the system
 *        cannot do is closed.
 * file   absolute, or "./NAME" in the folder dir, where it runs; dir -1: here.
 * envp   NULL: our environment.
 *
 * Returns 0 or an errno value, that of the program's exec too.
 */
int amas__spawn(struct amas__way *way, pid_t *pid, const char *file,
    char *const *argv, char *const *envp, int dir, const int *fds);

/* Moves a descriptor above the standard ones.  Returns it or -1, with errno. */
int amas__fd_above(int fd);

/*
 * Makes a pipe, both ends close-on-exec and above 2, the end that stays here
 * (end 0 or 1) non-blocking.  Returns 0 or an errno value.
 */
int amas__pipe(int fds[2], int stays);

/*
 * Writes to a pipe without a SIGPIPE, and without changing what that signal
 * does in this program.  Returns as write(2).
 */
ssize_t amas__pipe_write(int fd, const void *data, size_t len);

/* A descriptor that is readable when the child has ended; -1: there is none. */
int amas__pidfd(pid_t pid);

/* Whether orphans below this process come to it from now on. */
bool amas__subreaper(void);

/*
 * Runs fn for each child of this process, as far as the system tells; they may
 * be ended already.
 */
void amas__each_child(void (*fn)(pid_t pid, void *arg), void *arg);

/*
 * What a process does, with its threads and children: one of them runs, or all
 * sleep, as far as the system tells.
 *
 * They are looked at one after the other, so one that has been may wake, by the
 * end of another, before that is: it surely slept in between if all sleep twice
 * and *who, to which a number for these processes is added, is the same; NULL is
 * allowed.
 */
enum amas__doing { AMAS__RUNS, AMAS__SLEEPS, AMAS__UNTOLD };
enum amas__doing amas__child_doing(pid_t pid, uint64_t *who);

/*
 * The name of a signal: "SIGSEGV"; "signal 40" if it has none.  buf holds
 * AMAS__SIGNAL_SIZE bytes; returns it or a constant.
 */
#define AMAS__SIGNAL_SIZE 32
const char *amas__signal_name(int sig, char *buf);

#endif
