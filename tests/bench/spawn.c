/*
 * What the machine can do at best: starts processes as agents are started, with
 * nothing between, and prints the seconds until each has said a line.
 *
 * usage: spawn run|worker N	starts N of itself
 *        spawn [worker]	one of them, and so an agent's own program
 *
 * A run says a line and waits to be ended.  A worker answers each line of its
 * input, and ends with that.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N_MAX 100000
#define STAY_S 600		/* whoever should end it may be gone */

struct started {
	pid_t pid;
	int in;			/* a worker's input; -1: none */
};

static void
must(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "spawn: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- One of them ---- */

static int
answer(void)
{
	char line[4096];
	long long id;

	while (fgets(line, sizeof line, stdin) != NULL) {
		if (sscanf(line, "[0, %lld,", &id) != 1)
			return 1;
		printf("[1, %lld, null]\n", id);
		(void)fflush(stdout);
	}
	return 0;
}

static void
stay(void)
{
	(void)alarm(STAY_S);
	puts("ready");
	(void)fflush(stdout);
	for (;;)
		(void)pause();
}

/* ---- All of them ---- */

static struct started
start(const char *program, bool worker, int out)
{
	char *argv[] = { strdup(program), worker ? strdup("worker") : NULL,
	    NULL };
	struct started s = { .in = -1 };
	posix_spawn_file_actions_t fa;
	int in[2];

	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
	if (worker) {
		must(pipe2(in, O_CLOEXEC) == 0, "pipe");
		(void)posix_spawn_file_actions_adddup2(&fa, in[0],
		    STDIN_FILENO);
		s.in = in[1];
	}
	must((errno = posix_spawn(&s.pid, program, &fa, NULL, argv,
	    environ)) == 0, program);
	(void)posix_spawn_file_actions_destroy(&fa);
	if (worker)
		(void)close(in[0]);
	free(argv[0]);
	free(argv[1]);
	return s;
}

static void
await_lines(int fd, int n)
{
	char buf[65536];
	ssize_t got, i;

	while (n > 0) {
		must((got = read(fd, buf, sizeof buf)) > 0, "read");
		for (i = 0; i < got; i++)
			n -= buf[i] == '\n';
	}
}

static void
stop(const struct started *s)
{
	if (s->in >= 0)
		(void)close(s->in);
	else
		(void)kill(s->pid, SIGTERM);
	must(waitpid(s->pid, NULL, 0) == s->pid, "waitpid");
}

static double
measure(const char *program, bool worker, int n)
{
	static const char call[] = "[0, 1, [\"service\", [1], {}]]\n";
	struct started *all = calloc((size_t)n, sizeof *all);
	double t = now();
	int out[2], i;

	must(all != NULL && pipe2(out, O_CLOEXEC) == 0, "pipe");
	for (i = 0; i < n; i++) {
		all[i] = start(program, worker, out[1]);
		if (worker)
			must(write(all[i].in, call, sizeof call - 1) ==
			    (ssize_t)sizeof call - 1, "write");
	}
	await_lines(out[0], n);
	t = now() - t;
	for (i = 0; i < n; i++)
		stop(&all[i]);
	free(all);
	return t;
}

int
main(int argc, char *argv[])
{
	bool worker = argc > 1 && strcmp(argv[1], "worker") == 0;
	int n;

	if (argc == 1)
		stay();
	if (argc == 2 && worker)
		return answer();
	n = argc == 3 ? atoi(argv[2]) : 0;
	if (n < 1 || n > N_MAX || (!worker && strcmp(argv[1], "run") != 0)) {
		fprintf(stderr, "usage: spawn run|worker N\n");
		return 2;
	}
	printf("%.6f\n", measure("/proc/self/exe", worker, n));
	return 0;
}
