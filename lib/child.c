/*
 * Starting programs by posix_spawn(), or as child_way.c does.  Never by fork(): a
 * server that holds a GiB would copy its page tables for each call, ten times
 * slower.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined __linux__ && !defined AMAS_PORTABLE
#include <dirent.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#define HAVE_LINUX 1
#else
#define HAVE_LINUX 0
#endif

#if defined __GLIBC__ && !defined AMAS_PORTABLE
#define HAVE_FCHDIR __GLIBC_PREREQ(2, 29)
#define HAVE_CLOSEFROM __GLIBC_PREREQ(2, 34)
#else
#define HAVE_FCHDIR 0
#define HAVE_CLOSEFROM 0
#endif

#define CLOSED_MAX 1024		/* descriptors that others can have left open */

#define HASH_PRIME 0x100000001b3	/* FNV's */
#define DOING_MAX 16		/* processes looked at, to see what one does */
#define STATE_FIELD 3		/* of /proc/PID/stat, see proc(5) */
#define THREADS_FIELD 20

extern char **environ;

/* ---- Spawn ---- */

static int
set_attributes(posix_spawnattr_t *a, bool own_group)
{
	sigset_t set;
	short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
	int rc;

	sigemptyset(&set);
	if ((rc = posix_spawnattr_setsigmask(a, &set)) != 0)
		return rc;
	if (own_group) {
		flags |= POSIX_SPAWN_SETPGROUP;
		sigfillset(&set);
		sigdelset(&set, SIGKILL);
		sigdelset(&set, SIGSTOP);
		if ((rc = posix_spawnattr_setpgroup(a, 0)) != 0)
			return rc;
	} else {
		/* nohup's SIGHUP stays ignored; these we may have changed. */
		sigaddset(&set, SIGPIPE);
		sigaddset(&set, SIGXFSZ);
	}
	if ((rc = posix_spawnattr_setsigdefault(a, &set)) != 0)
		return rc;
	return posix_spawnattr_setflags(a, flags);
}

/*
 * Closes in the child what it shall not have, from 3 on.  The second form does so
 * for what others have left open: all of ours is closed by itself.
 */
static int
close_rest(posix_spawn_file_actions_t *fa)
{
#if HAVE_CLOSEFROM
	return posix_spawn_file_actions_addclosefrom_np(fa, 3);
#else
	long fd, max = sysconf(_SC_OPEN_MAX);
	int flags, rc = 0;

	if (max < 0 || max > CLOSED_MAX)
		max = CLOSED_MAX;
	for (fd = 3; fd < max && rc == 0; fd++) {
		flags = fcntl((int)fd, F_GETFD);
		if (flags != -1 && (flags & FD_CLOEXEC) == 0)
			rc = posix_spawn_file_actions_addclose(fa, (int)fd);
	}
	return rc;
#endif
}

static int
set_actions(posix_spawn_file_actions_t *fa, int dir, const int *fds)
{
	int i, rc = 0;

	for (i = 0; i < 3 && fds != NULL && rc == 0; i++)
		rc = posix_spawn_file_actions_adddup2(fa, fds[i], i);
#if HAVE_FCHDIR
	if (rc == 0 && dir >= 0)
		rc = posix_spawn_file_actions_addfchdir_np(fa, dir);
#else
	(void)dir;
#endif
	return rc == 0 && fds != NULL ? close_rest(fa) : rc;
}

/*
 * Spawns inside a folder.  The second form goes there and back again, which
 * other threads of the program would notice.
 */
static int
spawn_in(pid_t *pid, const char *file, const posix_spawn_file_actions_t *fa,
    const posix_spawnattr_t *a, char *const *argv, char *const *envp, int dir)
{
#if HAVE_FCHDIR
	(void)dir;
	return posix_spawn(pid, file, fa, a, argv, envp);
#else
	int here, rc;

	if (dir < 0)
		return posix_spawn(pid, file, fa, a, argv, envp);
	if ((here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return errno;
	rc = fchdir(dir) == -1 ? errno :
	    posix_spawn(pid, file, fa, a, argv, envp);
	if (fchdir(here) == -1 && rc == 0)
		rc = 0; /* it runs; the folder we were in has gone */
	close(here);
	return rc;
#endif
}

int
amas__spawn(struct amas__way *way, pid_t *pid, const char *file,
    char *const *argv, char *const *envp, int dir, const int *fds)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t a;
	int rc;

	if (envp == NULL)
		envp = environ;
	if (fds != NULL && amas__way_spawn(way, &rc, pid, file, argv, envp, dir,
	    fds))
		return rc;
	if ((rc = posix_spawn_file_actions_init(&fa)) != 0)
		return rc;
	if ((rc = posix_spawnattr_init(&a)) != 0)
		goto out_actions;
	if ((rc = set_attributes(&a, fds != NULL)) == 0 &&
	    (rc = set_actions(&fa, dir, fds)) == 0)
		rc = spawn_in(pid, file, &fa, &a, argv, envp, dir);
	posix_spawnattr_destroy(&a);
out_actions:
	posix_spawn_file_actions_destroy(&fa);
	return rc;
}

/* ---- Pipes ---- */

int
amas__fd_above(int fd)
{
	int up, e;

	if (fd > 2)
		return fd;
	up = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	e = errno;
	close(fd);
	errno = e;
	return up;
}

static int
pipe_cloexec(int fds[2])
{
#if HAVE_LINUX
	return pipe2(fds, O_CLOEXEC);
#else
	if (pipe(fds) == -1)
		return -1;
	(void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	return 0;
#endif
}

int
amas__pipe(int fds[2], int stays)
{
	int e;

	if (pipe_cloexec(fds) == -1)
		return errno;
	if ((fds[0] = amas__fd_above(fds[0])) == -1 ||
	    (fds[1] = amas__fd_above(fds[1])) == -1 ||
	    fcntl(fds[stays], F_SETFL,
	    (stays == 1 ? O_WRONLY : O_RDONLY) | O_NONBLOCK) == -1) {
		e = errno;
		if (fds[0] != -1)
			close(fds[0]);
		if (fds[1] != -1)
			close(fds[1]);
		return e;
	}
	return 0;
}

static bool
pending(int sig)
{
	sigset_t set;

	return sigpending(&set) == 0 && sigismember(&set, sig) == 1;
}

ssize_t
amas__pipe_write(int fd, const void *data, size_t len)
{
	sigset_t pipe_set, old;
	bool before;
	ssize_t n;
	int e, sig;

	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	if ((e = pthread_sigmask(SIG_BLOCK, &pipe_set, &old)) != 0) {
		errno = e;
		return -1;
	}
	before = sigismember(&old, SIGPIPE) == 1 && pending(SIGPIPE);
	n = write(fd, data, len);
	e = errno;
	if (n == -1 && e == EPIPE && !before && pending(SIGPIPE))
		(void)sigwait(&pipe_set, &sig); /* ours: take it away */
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = e;
	return n;
}

/* ---- Children ---- */

int
amas__pidfd(pid_t pid)
{
#if HAVE_LINUX && defined SYS_pidfd_open
	return (int)syscall(SYS_pidfd_open, pid, 0); /* is close-on-exec */
#else
	(void)pid;
	return -1;
#endif
}

bool
amas__subreaper(void)
{
#if HAVE_LINUX && defined PR_SET_CHILD_SUBREAPER
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
#else
	return false;
#endif
}

#if HAVE_LINUX
/* Reads the beginning of a file; false if there is none. */
static bool
read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n >= 0;
}

/*
 * What a file of /proc says of a process or thread, "PID (NAME, with any bytes)
 * STATE PPID ...", from STATE on; NULL: nothing.
 */
static const char *
read_stat(const char *path, char *text, size_t size)
{
	const char *p;

	if (!read_text(path, text, size) ||
	    (p = strrchr(text, ')')) == NULL || strlen(p) < 5)
		return NULL;
	return p + 2;
}

static long
parent_of(const char *pid)
{
	char path[64], text[512];
	const char *p;

	if (snprintf(path, sizeof path, "/proc/%s/stat", pid) >=
	    (int)sizeof path ||
	    (p = read_stat(path, text, sizeof text)) == NULL)
		return -1;
	return strtol(p + 2, NULL, 10);
}

/* Processes to be looked at. */
struct tree {
	pid_t pid[DOING_MAX];
	size_t n;
};

/* Of what is not there: a part of the tree has just gone, so it does something. */
static enum amas__doing
gone(const struct tree *t, pid_t pid)
{
	return pid != t->pid[0] ? AMAS__RUNS : AMAS__UNTOLD;
}

/* Adds the children of a thread, which sleeps, unless there are too many. */
static enum amas__doing
add_children(struct tree *t, pid_t pid, const char *path)
{
	char text[512], *p = text, *end;
	long child;

	if (!read_text(path, text, sizeof text))
		return gone(t, pid);
	if (strlen(text) == sizeof text - 1)
		return AMAS__UNTOLD;
	while ((child = strtol(p, &end, 10)) > 0) {
		if (t->n == DOING_MAX)
			return AMAS__UNTOLD;
		t->pid[t->n++] = (pid_t)child;
		p = end;
	}
	return AMAS__SLEEPS;
}

/* How many threads its process has, of what read_stat() gave; 0: not told. */
static long
count_threads(const char *stat)
{
	int i;

	for (i = STATE_FIELD; i < THREADS_FIELD; i++)
		if ((stat = strchr(stat, ' ')) == NULL || *++stat == '\0')
			return 0;
	return strtol(stat, NULL, 10);
}

/* alone: whether it is the only thread of its process. */
static enum amas__doing
look_at_thread(struct tree *t, pid_t pid, long tid, bool *alone)
{
	char path[80], text[512];
	const char *p;

	(void)snprintf(path, sizeof path, "/proc/%ld/task/%ld/stat",
	    (long)pid, tid);
	if ((p = read_stat(path, text, sizeof text)) == NULL)
		return gone(t, pid);
	*alone = count_threads(p) == 1;
	if (*p == 'Z' && pid != t->pid[0])
		return AMAS__SLEEPS; /* its parent may never ask for it */
	if (*p != 'S')
		return AMAS__RUNS;
	(void)snprintf(path, sizeof path, "/proc/%ld/task/%ld/children",
	    (long)pid, tid);
	return add_children(t, pid, path);
}

/* Nearly all have one thread, so that none of them has to be looked for. */
static enum amas__doing
look_at_process(struct tree *t, pid_t pid)
{
	bool alone = false;
	enum amas__doing doing = look_at_thread(t, pid, (long)pid, &alone);
	struct dirent *e;
	char path[64];
	long tid;
	DIR *d;

	if (alone || doing != AMAS__SLEEPS)
		return doing;
	(void)snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
	if ((d = opendir(path)) == NULL)
		return AMAS__UNTOLD;
	while (doing == AMAS__SLEEPS && (e = readdir(d)) != NULL) {
		tid = strtol(e->d_name, NULL, 10);
		if (tid > 0 && tid != (long)pid)
			doing = look_at_thread(t, pid, tid, &alone);
	}
	closedir(d);
	return doing;
}
#endif

enum amas__doing
amas__child_doing(pid_t pid, uint64_t *who)
{
#if HAVE_LINUX
	enum amas__doing doing = AMAS__SLEEPS;
	struct tree t = { .pid = { pid }, .n = 1 };
	size_t i;

	for (i = 0; i < t.n && doing == AMAS__SLEEPS; i++) {
		if (who != NULL)
			*who = (*who ^ (uint64_t)t.pid[i]) * HASH_PRIME;
		doing = look_at_process(&t, t.pid[i]);
	}
	return doing;
#else
	(void)pid;
	(void)who;
	return AMAS__UNTOLD;
#endif
}

void
amas__each_child(void (*fn)(pid_t pid, void *arg), void *arg)
{
#if HAVE_LINUX
	long self = (long)getpid();
	struct dirent *e;
	DIR *d;

	if ((d = opendir("/proc")) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' &&
		    parent_of(e->d_name) == self)
			fn((pid_t)strtol(e->d_name, NULL, 10), arg);
	}
	closedir(d);
#else
	(void)fn;
	(void)arg;
#endif
}

/* ---- Names ---- */

const char *
amas__signal_name(int sig, char *buf)
{
	static const struct {
		int sig;
		const char *name;
	} names[] = {
		{ SIGHUP, "SIGHUP" }, { SIGINT, "SIGINT" },
		{ SIGQUIT, "SIGQUIT" }, { SIGILL, "SIGILL" },
		{ SIGTRAP, "SIGTRAP" }, { SIGABRT, "SIGABRT" },
		{ SIGBUS, "SIGBUS" }, { SIGFPE, "SIGFPE" },
		{ SIGKILL, "SIGKILL" }, { SIGSEGV, "SIGSEGV" },
		{ SIGPIPE, "SIGPIPE" }, { SIGALRM, "SIGALRM" },
		{ SIGTERM, "SIGTERM" }, { SIGUSR1, "SIGUSR1" },
		{ SIGUSR2, "SIGUSR2" }, { SIGXCPU, "SIGXCPU" },
		{ SIGXFSZ, "SIGXFSZ" }, { SIGSYS, "SIGSYS" },
	};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].sig == sig)
			return names[i].name;
	(void)snprintf(buf, AMAS__SIGNAL_SIZE, "signal %d", sig);
	return buf;
}
