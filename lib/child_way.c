/*
 * Starting programs without a copy of all our descriptors.  posix_spawn() copies
 * them for the child, which closes them again: with thousands of connections that
 * takes longer than the program.  Here the child begins with our own table,
 * leaves it for one of the lowest descriptors only, and gets its streams, whose
 * numbers are high, through a pair of sockets whose numbers are low.
 */
#include "child_way.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

#if defined __linux__ && !defined AMAS_PORTABLE
#include <sys/syscall.h>
#if defined SYS_close_range && defined CLONE_FILES
#define HAVE_WAY 1
#endif
#endif
#ifndef HAVE_WAY
#define HAVE_WAY 0
#endif

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif

#define PASSED_MAX 4		/* three streams and a folder */
#define STACK_SIZE 16384
#define MANY 256		/* descriptors that are copied as fast */

#if defined __GNUC__
#define PLAIN __attribute__((no_sanitize("address", "undefined")))
#else
#define PLAIN
#endif

#if HAVE_WAY

/* What parent and child tell each other: they share all memory until exec. */
struct start {
	const struct amas__way *way;
	const char *file;
	char *const *argv, *const *envp;
	int n;			/* descriptors that are passed */
	bool received;		/* the child has them */
	int error;		/* errno of what failed after that */
};

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(PASSED_MAX * sizeof(int))];
};

static void
set_message(struct msghdr *m, struct iovec *iov, char *byte,
    union control *control, size_t size)
{
	memset(m, 0, sizeof *m);
	iov->iov_base = byte;
	iov->iov_len = 1;
	m->msg_iov = iov;
	m->msg_iovlen = 1;
	m->msg_control = control;
	m->msg_controllen = size;
}

static bool
send_descriptors(int fd, const int *fds, int n)
{
	const size_t size = (size_t)n * sizeof *fds;
	union control control;
	struct msghdr m;
	struct iovec iov;
	struct cmsghdr *c;
	char byte = 0;

	memset(&control, 0, sizeof control);
	set_message(&m, &iov, &byte, &control, CMSG_SPACE(size));
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), fds, size);
	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

PLAIN static bool
receive_descriptors(int fd, int *fds, int n)
{
	const size_t size = (size_t)n * sizeof *fds;
	union control control;
	struct msghdr m;
	struct iovec iov;
	struct cmsghdr *c;
	char byte;

	set_message(&m, &iov, &byte, &control, sizeof control);
	if (recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1 ||
	    (c = CMSG_FIRSTHDR(&m)) == NULL || c->cmsg_len != CMSG_LEN(size))
		return false;
	memcpy(fds, CMSG_DATA(c), size);
	return true;
}

/* The child takes what it was passed; false, with errno, if it cannot. */
PLAIN static bool
take_descriptors(int *fds, int n)
{
	int i;

	for (i = 0; i < n; i++) /* one of ours may have been closed */
		if ((fds[i] = amas__fd_above(fds[i])) == -1)
			return false;
	for (i = 0; i < 3; i++)
		if (dup2(fds[i], i) == -1)
			return false;
	return n == 3 || fchdir(fds[3]) == 0;
}

/* As posix_spawn() with all that child.c asks it for. */
PLAIN static int
in_child(void *arg)
{
	struct start *s = arg;
	struct sigaction sa;
	int fds[PASSED_MAX], sig;
	sigset_t none;

	if (syscall(SYS_close_range, (unsigned)s->way->below, ~0U,
	    CLOSE_RANGE_UNSHARE) == -1 ||
	    !receive_descriptors(s->way->fds[1], fds, s->n))
		_exit(1);
	s->received = true;
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = SIG_DFL;
	for (sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &sa, NULL);
	sigemptyset(&none);
	if (take_descriptors(fds, s->n) && setpgid(0, 0) == 0 &&
	    syscall(SYS_close_range, 3, ~0U, 0) == 0 &&
	    sigprocmask(SIG_SETMASK, &none, NULL) == 0)
		(void)execve(s->file, s->argv, s->envp);
	s->error = errno;
	_exit(1);
}

/* Runs the child until its exec, or its end, which is waited for. */
static int
run_child(struct start *s, pid_t *pid)
{
	_Alignas(16) char stack[STACK_SIZE];
	sigset_t all, before;
	int e;

	sigfillset(&all); /* no handler of ours may run in the child */
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	*pid = clone(in_child, stack + sizeof stack,
	    CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, s);
	e = *pid == -1 ? errno : s->error;
	if (*pid != -1 && (!s->received || e != 0))
		while (waitpid(*pid, NULL, 0) == -1 && errno == EINTR)
			;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return e;
}

void
amas__way_open(struct amas__way *w)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    w->fds) == -1) {
		w->fds[0] = w->fds[1] = -1;
		return;
	}
	w->below = (w->fds[0] > w->fds[1] ? w->fds[0] : w->fds[1]) + 1;
}

bool
amas__way_spawn(struct amas__way *w, int *error, pid_t *pid, const char *file,
    char *const *argv, char *const *envp, int dir, const int *fds)
{
	struct start s = { .way = w, .file = file, .argv = argv, .envp = envp,
		.n = dir >= 0 ? 4 : 3 };
	int passed[PASSED_MAX] = { fds[0], fds[1], fds[2], dir };

	if (w->fds[0] == -1 || fds[2] < MANY ||
	    !send_descriptors(w->fds[0], passed, s.n))
		return false;
	*error = run_child(&s, pid);
	if (s.received)
		return true;
	if (*pid == -1) { /* processes are short: no child took them */
		(void)recv(w->fds[1], passed, sizeof passed, MSG_DONTWAIT);
		return true;
	}
	amas__way_close(w); /* the system cannot */
	return false;
}

#else

void
amas__way_open(struct amas__way *w)
{
	w->fds[0] = w->fds[1] = -1;
}

bool
amas__way_spawn(struct amas__way *w, int *error, pid_t *pid, const char *file,
    char *const *argv, char *const *envp, int dir, const int *fds)
{
	(void)w;
	(void)error;
	(void)pid;
	(void)file;
	(void)argv;
	(void)envp;
	(void)dir;
	(void)fds;
	return false;
}

#endif

void
amas__way_close(struct amas__way *w)
{
	if (w->fds[0] == -1)
		return;
	close(w->fds[0]);
	close(w->fds[1]);
	w->fds[0] = w->fds[1] = -1;
}
