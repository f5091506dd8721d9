/*
 * Child processes: streams, ends, limits of time, what is left behind; of a
 * process with few descriptors and of one with many.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "child.h"
#include "loop.h"
#include "proc.h"
#include "proc_impl.h"
#include "tap.h"

#define BIG ((size_t)10 << 20)
#define MANY_FDS 300

/* What came of one process. */
struct run {
	struct amas__proc *p;
	struct amas__buf out[2];
	struct amas__exit how;
	int exits;
	size_t stop_at;		/* bytes of output after which it is stopped */
	bool free_early;	/* in its first output */
	int rooms;
};

static struct amas_loop *loop;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
on_output(struct amas__proc *p, int which, const char *data, size_t len)
{
	struct run *r = amas__proc_arg(p);

	(void)amas__buf_put(&r->out[which - 1], data, len);
	if (r->stop_at != 0 && amas__buf_len(&r->out[0]) >= r->stop_at)
		amas__proc_stop(p);
	if (r->free_early) {
		amas__proc_free(p);
		r->p = NULL;
	}
}

static void
on_room(struct amas__proc *p)
{
	((struct run *)amas__proc_arg(p))->rooms++;
}

static void
on_exit_(struct amas__proc *p, const struct amas__exit *how)
{
	struct run *r = amas__proc_arg(p);

	r->how = *how;
	r->exits++;
	amas__proc_free(p);
	r->p = NULL;
}

static const struct amas__proc_ops ops = { on_output, on_room, on_exit_ };

static void
start(struct run *r, const char *file, const char *const *argv, int dir)
{
	struct amas__proc_opts o = { .file = file, .dir = dir, .ops = &ops,
		.arg = r };
	char *copy[8] = { NULL };
	int i;

	memset(r, 0, sizeof *r);
	for (i = 0; argv[i] != NULL; i++)
		copy[i] = strdup(argv[i]);
	o.argv = copy;
	if (amas__proc_start(&r->p, loop, &o, NULL) != 0)
		tap_ok(false, "start");
	for (i = 0; copy[i] != NULL; i++)
		free(copy[i]);
}

static void
sh(struct run *r, const char *script)
{
	const char *argv[] = { "sh", "-c", script, NULL };

	start(r, "/bin/sh", argv, -1);
}

static void
finish(struct run *r)
{
	(void)amas_loop_run(loop, 10);
	tap_int(r->exits, 1, "one on_exit");
}

static void
fini(struct run *r)
{
	amas__buf_fini(&r->out[0]);
	amas__buf_fini(&r->out[1]);
}

static void
is_text(struct amas__buf *b, const char *want, const char *what)
{
	tap_mem(amas__buf_head(b), amas__buf_len(b), want, strlen(want), "%s",
	    what);
}

static void
test_streams(void)
{
	struct run r;

	sh(&r, "read -r l; echo \"<$l>\"; echo problem >&2; exit 3");
	tap_int(amas__proc_write(r.p, "hello\n", 6), 0, "write");
	amas__proc_end_input(r.p);
	tap_int(r.exits, 0, "nothing is reported inside start");
	finish(&r);
	tap_int(r.how.code, 0, "it ran");
	tap_int(r.how.status, 3, "exit status");
	tap_int(r.how.sig, 0, "no signal");
	is_text(&r.out[0], "<hello>\n", "standard output");
	is_text(&r.out[1], "problem\n", "standard error");
	fini(&r);
}

/* Waits until it does something, or long enough. */
static enum amas__doing
wait_for(const struct run *r, enum amas__doing what)
{
	enum amas__doing doing = amas__proc_doing(r->p, NULL);
	int i;

	for (i = 0; i < 5000 && doing != what; i++) {
		(void)usleep(1000);
		doing = amas__proc_doing(r->p, NULL);
	}
	return doing;
}

static void
test_look(void)
{
	enum amas__doing sleeps = AMAS__SLEEPS, runs = AMAS__RUNS;
	struct run r;
	int i;

#if !defined __linux__ || defined AMAS_PORTABLE
	sleeps = runs = AMAS__UNTOLD;
#endif
	sh(&r, "cat; while :; do :; done");
	tap_int(wait_for(&r, sleeps), sleeps, "its child waits for input");
	(void)amas__proc_write(r.p, "text", 4);
	for (i = 0; i < 5000 && amas__buf_len(&r.out[0]) == 0; i++) {
		(void)usleep(1000);
		(void)amas__proc_look(r.p);
	}
	is_text(&r.out[0], "text", "its output, by looking");
	amas__proc_end_input(r.p);
	tap_int(wait_for(&r, runs), runs, "it runs");
	(void)kill(amas__proc_pid(r.p), SIGKILL);
	for (i = 0; i < 5000 && amas__proc_look(r.p); i++)
		(void)usleep(1000);
	tap_ok(!amas__proc_look(r.p), "it has ended");
	finish(&r);
	tap_int(r.how.sig, SIGKILL, "and that is reported");
	fini(&r);
}

static void
test_signal(void)
{
	char buf[AMAS__SIGNAL_SIZE];
	struct run r;

	sh(&r, "echo before; kill -SEGV $$");
	finish(&r);
	tap_str(amas__signal_name(r.how.sig, buf), "SIGSEGV", "killed by");
	is_text(&r.out[0], "before\n", "output before the signal");
	fini(&r);
	tap_str(amas__signal_name(40, buf), "signal 40", "signal without name");
}

static void
test_clean_start(void)
{
	struct run r;
	int fd = open("/dev/null", O_RDONLY); /* no close-on-exec */
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
#ifndef AMAS_PORTABLE
	sh(&r, "exec ls /proc/self/fd"); /* opens 3 itself */
	finish(&r);
	is_text(&r.out[0], "0\n1\n2\n3\n", "no descriptors but 0 to 2");
	fini(&r);
#endif
	/* Above 31 are glibc's own two, which it ignores. */
	sh(&r, "exec sed -n 's/Sig\\(...\\):.*\\(.\\{7\\}\\)$/\\1 \\2/p' "
	    "/proc/self/status");
	finish(&r);
	is_text(&r.out[0], "Pnd 0000000\nBlk 0000000\nIgn 0000000\n"
	    "Cgt 0000000\n", "nothing blocked or ignored");
	fini(&r);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	close(fd);
	sh(&r, "test \"$(ps -o pgid= -p $$ | tr -d ' ')\" = $$ || "
	    "test \"$(cut -d' ' -f5 /proc/$$/stat)\" = $$");
	finish(&r);
	tap_int(r.how.status, 0, "leads a process group");
	fini(&r);
}

static void
test_big(void)
{
	char *big = malloc(BIG);
	struct run r;

	memset(big, 'x', BIG);
	sh(&r, "exit 0"); /* never reads */
	(void)amas__proc_write(r.p, big, BIG);
	amas__proc_end_input(r.p);
	finish(&r);
	tap_int(r.how.status, 0, "10 MiB of input that nobody reads");
	fini(&r);

	sh(&r, "head -c 10485760 /dev/zero; wc -c >&2");
	(void)amas__proc_write(r.p, big, BIG);
	amas__proc_end_input(r.p);
	finish(&r);
	tap_int((long long)amas__buf_len(&r.out[0]), (long long)BIG,
	    "10 MiB written before any is read");
	is_text(&r.out[1], "10485760\n", "10 MiB read afterwards");
	tap_ok(r.rooms > 0, "room was reported");
	fini(&r);

	sh(&r, "exec <&-; sleep 0.1; exit 5");
	usleep(50000);
	(void)amas__proc_write(r.p, "x", 1);
	(void)amas__proc_write(r.p, "y", 1);
	finish(&r);
	tap_int(r.how.status, 5, "no SIGPIPE from a closed input");
	fini(&r);
	free(big);
}

static void
test_limits(void)
{
	struct run r;
	double t = now();

	sh(&r, "yes");
	r.stop_at = 100000;
	finish(&r);
	tap_int(r.how.sig, SIGTERM, "stopped in endless output");
	fini(&r);

	sh(&r, "trap '' TERM; echo ready; while :; do sleep 0.05; done");
	r.stop_at = 1;
	finish(&r);
	tap_int(r.how.sig, SIGKILL, "TERM ignored: KILL after the grace");
	tap_ok(now() - t >= AMAS__PROC_GRACE_S, "not before");
	fini(&r);

	t = now();
	sh(&r, "echo ready; kill -STOP $$; exit 9");
	r.stop_at = 1;
	finish(&r);
	tap_int(r.how.sig, SIGTERM, "a stopped process ends on TERM");
	tap_ok(now() - t < 1, "at once");
	fini(&r);
}

/* Whether it is gone, soon; a zombie that init has not seen counts. */
static bool
is_dead(int pid)
{
	char path[64], text[256];
	ssize_t n;
	int fd, i;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
	for (i = 0; i < 100; i++) {
		if ((fd = open(path, O_RDONLY)) == -1)
			return true;
		n = read(fd, text, sizeof text - 1);
		close(fd);
		text[n > 0 ? n : 0] = '\0';
		if (strstr(text, ") Z") != NULL)
			return true;
		usleep(10000);
	}
	return false;
}

static void
test_grandchild(void)
{
	struct run r;
	double t = now();

	sh(&r, "echo result; sleep 30 & echo $! >&2");
	finish(&r);
	tap_ok(now() - t < 1, "a grandchild that holds the pipe: not waited for");
	is_text(&r.out[0], "result\n", "the result is what stands there");
	tap_int(kill((pid_t)atoi(amas__buf_head(&r.out[1])), SIGKILL), 0,
	    "it lives on");
	fini(&r);

	t = now();
	sh(&r, "yes & echo $! >&2; sleep 0.1");
	finish(&r);
	tap_ok(now() - t < 2, "one that writes for ever: neither");
	fini(&r);

	sh(&r, "sleep 30 & echo $!; wait");
	r.stop_at = 1;
	finish(&r);
	tap_ok(is_dead(atoi(amas__buf_head(&r.out[0]))),
	    "the whole group is stopped");
	fini(&r);
}

/* What is read when it has ended already can still make its owner stop it. */
static void
test_stop_late(void)
{
	struct run r;

	sh(&r, "echo late");
	r.stop_at = 1;
	usleep(100000);
	finish(&r);
	tap_int(r.how.status, 0, "stopped in its last output");
	(void)amas_loop_run(loop, AMAS__PROC_GRACE_S + 0.2);
	fini(&r);
}

static void
test_freed(void)
{
	struct run r;

	sh(&r, "echo one; sleep 30; echo two");
	r.free_early = true;
	(void)amas_loop_run(loop, 10);
	tap_int(r.exits, 0, "freed in its output: no more callbacks");
	tap_int((long long)amas__procs_count(loop), 0, "and it is gone");
	fini(&r);
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || write(fd, text, strlen(text)) == -1)
		abort();
	close(fd);
	chmod(path, mode);
}

static void
fails(const char *file, int dir, const char *text)
{
	const char *argv[] = { "x", NULL };
	struct run r;

	start(&r, file, argv, dir);
	tap_int(r.exits, 0, "not inside");
	finish(&r);
	tap_int(r.how.code, AMAS_ESYS, "%s cannot be started", file);
	tap_str(r.how.err.text, text, "%s: cause", file);
	fini(&r);
}

struct closer {
	struct amas__timer timer;
	int fd;
};

static void
on_close(struct amas__timer *t)
{
	close(AMAS__OF(t, struct closer, timer)->fd);
}

/* Copies a program: a script is never "busy". */
static void
copy_program(const char *from, const char *to)
{
	char cmd[512];

	(void)snprintf(cmd, sizeof cmd, "cp %s %s", from, to);
	if (system(cmd) != 0)
		abort();
	chmod(to, 0755);
}

static void
test_dir(void)
{
	char tmp[] = "/tmp/amas-proc-XXXXXX", cmd[64];
	const char *argv[] = { "./here", NULL };
	struct closer c;
	struct run r;
	int dir;

	if (mkdtemp(tmp) == NULL || chdir(tmp) == -1)
		abort();
	dir = open(tmp, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (chdir("/") == -1)
		abort();
	(void)snprintf(cmd, sizeof cmd, "rm -rf %s", tmp);

	if (fchdir(dir) == -1)
		abort();
	write_file("here", "#!/bin/sh\npwd; echo $0\n", 0755);
	write_file("plain", "echo x\n", 0755);
	write_file("lost", "#!/no/such/interpreter\n", 0755);
	write_file("shut", "#!/bin/sh\n", 0644);
	copy_program("/bin/true", "busy");
	if (chdir("/") == -1)
		abort();
	start(&r, "./here", argv, dir);
	finish(&r);
	tap_ok(strncmp(amas__buf_head(&r.out[0]), tmp, strlen(tmp)) == 0 &&
	    strstr(amas__buf_head(&r.out[0]), "\n./here\n") != NULL,
	    "runs in its folder, by name");
	fini(&r);
	fails("./plain", dir, "Exec format error");
	fails("./lost", dir, "No such file or directory");
	fails("./none", dir, "No such file or directory");
	fails("./shut", dir, "Permission denied");

	if (fchdir(dir) == -1)
		abort();
	c.fd = open("busy", O_WRONLY | O_APPEND | O_CLOEXEC);
	if (chdir("/") == -1)
		abort();
	amas__timer_init(&c.timer, loop, on_close);
	amas__timer_start(&c.timer, 0.05);
	start(&r, "./busy", argv, dir);
	finish(&r);
	tap_int(r.how.code, 0, "a file that is being written: tried again");
	fini(&r);

	if (fchdir(dir) == -1)
		abort();
	c.fd = open("busy", O_WRONLY | O_APPEND | O_CLOEXEC);
	if (chdir("/") == -1)
		abort();
	start(&r, "./busy", argv, dir);
	finish(&r);
	tap_str(r.how.err.text, "Text file busy", "for ever: fails");
	fini(&r);
	start(&r, "./busy", argv, dir);
	amas__proc_stop(r.p);
	finish(&r);
	tap_int(r.how.code, AMAS_ESYS, "stopped before it was started");
	start(&r, "./busy", argv, dir);
	(void)amas__proc_write(r.p, "x", 1);
	amas__proc_free(r.p);
	(void)amas_loop_run(loop, 10);
	tap_int((long long)amas__procs_count(loop), 0, "freed before it was");
	close(c.fd);
	close(dir);
	if (system(cmd) != 0)
		abort();
}

static void
test_busy(void)
{
	struct rlimit old, low;
	struct run r;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	getrlimit(RLIMIT_NOFILE, &old);
	low = old;
	low.rlim_cur = (rlim_t)fd + 4;
	setrlimit(RLIMIT_NOFILE, &low);
	sh(&r, "exit 0");
	(void)amas_loop_run(loop, 10);
	setrlimit(RLIMIT_NOFILE, &old);
	tap_int(r.how.code, AMAS_ETOOBIG, "no descriptors: busy");
	tap_str(r.how.err.text, "busy: Too many open files", "its cause");
	tap_int(dup(fd), fd + 1, "none is lost");
	close(fd + 1);
	close(fd);
	fini(&r);
}

static void
test_many(void)
{
	static struct run r[100];
	int i, good = 0;

	for (i = 0; i < 100; i++) {
		char script[64];

		(void)snprintf(script, sizeof script, "exit %d", i);
		sh(&r[i], script);
	}
	(void)amas_loop_run(loop, 30);
	for (i = 0; i < 100; i++)
		good += r[i].exits == 1 && r[i].how.status == i;
	tap_int(good, 100, "a hundred at once, each its own status");
	errno = 0;
	tap_ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
	    "no zombie is left");
}

/*
 * With so many descriptors open that programs are started the other way, and
 * once more where the system does not have that.
 */
static void
test_full_table(void)
{
	struct amas__way *way = &amas__procs_table(loop)->way;
	int open_fds[MANY_FDS], i;
	struct run r;

	for (i = 0; i < MANY_FDS; i++)
		if ((open_fds[i] = open("/dev/null", O_RDONLY)) == -1)
			abort();
	test_streams();
	test_clean_start();
	test_big();
	test_dir();
#if !defined AMAS_PORTABLE && defined SYS_close_range
	if (syscall(SYS_close_range, ~0U, ~0U, 2) == 0)
		tap_ok(way->fds[0] != -1, "started through the way");
#endif
	if (way->fds[0] != -1) /* somebody else's message is not its own */
		(void)send(way->fds[0], "x", 1, 0);
	sh(&r, "echo other way");
	finish(&r);
	is_text(&r.out[0], "other way\n", "without it");
	tap_int(way->fds[0], -1, "which is given up");
	fini(&r);
	for (i = 0; i < MANY_FDS; i++)
		close(open_fds[i]);
}

static void
test_alloc(void)
{
	struct run r = { 0 };
	unsigned long n;
	struct amas__proc_opts o = { .file = "/bin/true", .dir = -1,
		.ops = &ops, .arg = &r };
	char name[] = "true";
	char *argv[] = { name, NULL };
	int rc;

	o.argv = argv;
	for (n = 1; n < 50; n++) {
		memset(&r, 0, sizeof r);
		tap_fail_alloc(n);
		rc = amas__proc_start(&r.p, loop, &o, NULL);
		if (rc == 0)
			rc = amas__proc_write(r.p, "hello", 5);
		if (r.p != NULL)
			amas__proc_end_input(r.p);
		(void)amas_loop_run(loop, 10);
		if (r.exits != 1 && rc != AMAS_ENOMEM)
			break;
		if (tap_allocs() < n)
			break;
	}
	tap_fail_alloc(0);
	tap_ok(n > 2 && n < 50 && r.exits == 1, "each allocation failing once");
}

static void
test_adopt_and_end(void)
{
	struct run r, s;
	pid_t orphan, away;
	double t;

	amas__procs_adopt(loop);
	sh(&r, "sleep 30 >/dev/null 2>&1 & echo $!");
	finish(&r);
	orphan = (pid_t)atoi(amas__buf_head(&r.out[0]));
	fini(&r);
	sh(&r, "setsid sh -c 'echo $$; exec sleep 30 >/dev/null' &"
	    " sleep 0.2");
	finish(&r);
	away = (pid_t)atoi(amas__buf_head(&r.out[0]));
	fini(&r);
	tap_ok(kill(orphan, 0) == 0 && kill(away, 0) == 0,
	    "what was left behind lives");
	sh(&s, "trap '' TERM; echo x; while :; do sleep 1; done");
	while (amas__buf_len(&s.out[0]) == 0)
		(void)amas_loop_run(loop, 0.05);
	t = now();
	amas__procs_end(loop, 0.1);
	tap_ok(now() - t < 0.7, "ended in bounded time");
	tap_int(s.exits, 1, "on_exit ran");
	tap_int(s.how.sig, SIGKILL, "by KILL");
	fini(&s);
#ifndef AMAS_PORTABLE
	tap_ok(kill(orphan, 0) == -1 && errno == ESRCH, "the orphan is gone");
	tap_ok(kill(away, 0) == -1 && errno == ESRCH,
	    "and the one that had left the group");
	tap_ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
	    "no child is left");
#else
	(void)kill(orphan, SIGKILL);
	(void)kill(away, SIGKILL);
#endif
}

int
main(void)
{
	if (amas_loop_new(&loop, NULL, NULL) != 0)
		return 1;
	test_streams();
	test_look();
	test_signal();
	test_clean_start();
	test_big();
	test_limits();
	test_grandchild();
	test_stop_late();
	test_freed();
	test_dir();
	test_busy();
	test_many();
	test_full_table();
	test_alloc();
	test_adopt_and_end();
	amas_loop_free(loop);
	return tap_done();
}
