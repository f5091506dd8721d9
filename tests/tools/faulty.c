/*
 * Loaded before a program (LD_PRELOAD), lets one call of the system, or one
 * allocation, fail.
 *
 *	FAULT=CALL:N[:HOW]	the Nth call of this name; how: a name of errno
 *				(default ENOMEM), or "short": one byte at most
 *	FAULT_IN=NAME		only in programs of this name, not in children
 *	FAULT_HIT=FILE		made when it has happened
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

static struct {
	char call[24];
	long n;			/* until it fails; 0: never */
	int how;		/* errno; 0: short */
	const char *hit;
} fault;

static const struct {
	const char *name;
	int value;
} errors[] = { { "EAGAIN", EAGAIN }, { "ECONNABORTED", ECONNABORTED },
	{ "EINTR", EINTR }, { "EIO", EIO }, { "EMFILE", EMFILE },
	{ "ENFILE", ENFILE }, { "ENOMEM", ENOMEM }, { "ENOSPC", ENOSPC },
	{ "EPIPE", EPIPE }, { "ECONNRESET", ECONNRESET }, { "short", 0 } };

__attribute__((constructor)) static void
init(void)
{
	const char *text = getenv("FAULT"), *in = getenv("FAULT_IN"), *how;
	char name[24] = "ENOMEM";
	size_t i;

	if (text == NULL || (in != NULL && strcmp(in,
	    program_invocation_short_name) != 0) ||
	    sscanf(text, "%23[a-z0-9_]:%ld:%23s", fault.call, &fault.n, name) < 2)
		return;
	how = name;
	fault.how = ENOMEM;
	for (i = 0; i < sizeof errors / sizeof errors[0]; i++)
		if (strcmp(how, errors[i].name) == 0)
			fault.how = errors[i].value;
	fault.hit = getenv("FAULT_HIT");
}

static void
note(void)
{
	int (*real)(const char *, int, ...) =
	    (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	int fd = fault.hit != NULL ? real(fault.hit, O_WRONLY | O_CREAT, 0600) :
	    -1;

	if (fd != -1)
		close(fd);
}

/* Whether this call is the one. */
static bool
fails(const char *call)
{
	if (fault.n == 0 || strcmp(call, fault.call) != 0 || --fault.n > 0)
		return false;
	note();
	errno = fault.how;
	return true;
}

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

#ifndef NO_MALLOC
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

/* The same for allocations, which know no errno and come before all else. */
static bool
no_memory(const char *call)
{
	if (fault.n == 0 || strcmp(call, fault.call) != 0 || --fault.n > 0)
		return false;
	note();
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t size)
{
	return no_memory("malloc") ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	return no_memory("calloc") ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	return no_memory("realloc") ? NULL : __libc_realloc(p, size);
}
#endif

/* What wakes an event loop up: to write there cannot fail, nor be cut. */
static bool
is_eventfd(int fd)
{
	char path[32], target[32];
	ssize_t n;

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof target - 1);
	if (n == -1)
		return false;
	target[n] = '\0';
	return strstr(target, "[eventfd]") != NULL;
}

/* Where fewer bytes may pass, at most one does. */
#define BYTES(name, args, call)						\
	ssize_t name args						\
	{								\
		if (!is_eventfd(fd) && fails(#name)) {			\
			if (fault.how != 0)				\
				return -1;				\
			len = len > 0 ? 1 : 0;				\
		}							\
		return REAL(name) call;					\
	}

BYTES(read, (int fd, void *data, size_t len), (fd, data, len))
BYTES(write, (int fd, const void *data, size_t len), (fd, data, len))
BYTES(send, (int fd, const void *data, size_t len, int flags),
    (fd, data, len, flags))

#define CALL(name, args, call)						\
	int name args							\
	{								\
		return fails(#name) ? -1 : REAL(name) call;		\
	}

CALL(socket, (int a, int b, int c), (a, b, c))
CALL(bind, (int fd, const struct sockaddr *sa, socklen_t len), (fd, sa, len))
CALL(listen, (int fd, int n), (fd, n))
CALL(connect, (int fd, const struct sockaddr *sa, socklen_t len), (fd, sa, len))
CALL(accept4, (int fd, struct sockaddr *sa, socklen_t *len, int flags),
    (fd, sa, len, flags))
CALL(pipe2, (int fd[2], int flags), (fd, flags))
CALL(getsockname, (int fd, struct sockaddr *sa, socklen_t *len), (fd, sa, len))
CALL(getpeername, (int fd, struct sockaddr *sa, socklen_t *len), (fd, sa, len))
CALL(getsockopt, (int fd, int a, int b, void *v, socklen_t *len),
    (fd, a, b, v, len))
CALL(epoll_wait, (int fd, struct epoll_event *e, int n, int ms), (fd, e, n, ms))
CALL(poll, (struct pollfd *p, nfds_t n, int ms), (p, n, ms))

/* This one returns its error. */
int
posix_spawn(pid_t *pid, const char *path,
    const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr,
    char *const argv[], char *const envp[])
{
	if (fails("posix_spawn"))
		return fault.how;
	return REAL(posix_spawn)(pid, path, actions, attr, argv, envp);
}
