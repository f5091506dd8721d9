/*
 * The process of --exec.  It stays in our process group, and so has our
 * terminal: ssh may ask for a password, and an interrupt reaches both.
 */
#include "call_exec.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call.h"
#include "child.h"
#include "err.h"

#define END_S 2.0		/* to end by itself, and after SIGTERM */
#define POLL_MS 10		/* where there is no pidfd */

extern char **environ;

/* We ignore SIGXFSZ, and may ignore SIGPIPE; it must not. */
static int
spawn_with(pid_t *pid, char *const *argv,
    const posix_spawn_file_actions_t *fa)
{
	posix_spawnattr_t attr;
	sigset_t back;
	int rc;

	sigemptyset(&back);
	sigaddset(&back, SIGPIPE);
	sigaddset(&back, SIGXFSZ);
	if ((rc = posix_spawnattr_init(&attr)) != 0)
		return rc;
	if ((rc = posix_spawnattr_setsigdefault(&attr, &back)) == 0 &&
	    (rc = posix_spawnattr_setflags(&attr,
	    POSIX_SPAWN_SETSIGDEF)) == 0)
		rc = posix_spawn(pid, "/bin/sh", fa, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	return rc;
}

static int
spawn(pid_t *pid, const char *command, int in, int out)
{
	char sh[] = "sh", c[] = "-c", *copy = strdup(command);
	char *argv[] = { sh, c, copy, NULL };
	posix_spawn_file_actions_t fa;
	int rc;

	if (copy == NULL)
		return ENOMEM;
	if ((rc = posix_spawn_file_actions_init(&fa)) == 0) {
		rc = posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
		if (rc == 0)
			rc = posix_spawn_file_actions_adddup2(&fa, out,
			    STDOUT_FILENO);
		if (rc == 0)
			rc = spawn_with(pid, argv, &fa);
		posix_spawn_file_actions_destroy(&fa);
	}
	free(copy);
	return rc;
}

int
call_exec_start(pid_t *pid, const char *command, int *in, int *out,
    struct amas_error *err)
{
	int to[2], from[2], rc;

	if ((rc = amas__pipe(to, 1)) != 0)
		return amas__error_sys(err, AMAS_ESYS, rc, NULL);
	if ((rc = amas__pipe(from, 0)) != 0) {
		close(to[0]);
		close(to[1]);
		return amas__error_sys(err, AMAS_ESYS, rc, NULL);
	}
	rc = spawn(pid, command, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	if (rc != 0) {
		close(to[1]);
		close(from[0]);
		return amas__error_sys(err, AMAS_ESYS, rc, "sh");
	}
	*in = from[0];
	*out = to[1];
	return 0;
}

bool
call_exec_wait(pid_t pid, double wait_s, int *how)
{
	double end = call_now() + wait_s, left;
	struct pollfd p = { .fd = amas__pidfd(pid), .events = POLLIN };
	pid_t n;

	for (;;) {
		n = waitpid(pid, how, WNOHANG);
		if (n == -1 && errno != EINTR)
			*how = -1;
		left = end - call_now();
		if (n == pid || (n == -1 && errno != EINTR) || left <= 0)
			break;
		(void)poll(&p, p.fd >= 0, p.fd >= 0 ?
		    (int)(left * 1000) + 1 : POLL_MS);
	}
	if (p.fd >= 0)
		close(p.fd);
	return n != 0;
}

void
call_exec_end(pid_t pid)
{
	static const int signals[] = { SIGTERM, SIGKILL };
	size_t i;
	int how;

	for (i = 0; i < sizeof signals / sizeof *signals; i++) {
		if (call_exec_wait(pid, END_S, &how))
			return;
		(void)kill(pid, signals[i]);
	}
	(void)call_exec_wait(pid, END_S, &how);
}
