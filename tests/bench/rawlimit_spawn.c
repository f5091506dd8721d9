/*
 * Programs: one for each request, as a handler is run or a command by a script;
 * and one that stays, with lines to it and back.
 */
#include "rawlimit.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE 64

struct program {
	pid_t pid;
	int in, out;
};

static struct program
start(char *argv[])
{
	struct program p;
	posix_spawn_file_actions_t fa;
	int in[2], out[2];

	must(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "pipe");
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_adddup2(&fa, in[0], STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&fa, out[1], STDOUT_FILENO);
	errno = posix_spawnp(&p.pid, argv[0], &fa, NULL, argv, environ);
	must(errno == 0, argv[0]);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)close(in[0]);
	(void)close(out[1]);
	p.in = in[1];
	p.out = out[0];
	return p;
}

static void
finish(struct program *p, char *buf, size_t size)
{
	(void)close(p->in);
	while (read(p->out, buf, size) > 0)
		continue;
	(void)close(p->out);
	reap(p->pid);
}

static void
make_line(char *line)
{
	memset(line, 'x', LINE - 1);
	line[LINE - 1] = '\n';
}

/* The mean, as that of a rate is. */
int
do_exec(char *argv[])
{
	double seconds = number(argv[0], 0, 60), begin = now(), took;
	char line[LINE], buf[4096];
	struct program p;
	int n = 0;

	make_line(line);
	do {
		p = start(argv + 1);
		must(write(p.in, line, LINE) == LINE || errno == EPIPE,
		    "write");
		finish(&p, buf, sizeof buf);
		n++;
		took = now() - begin;
	} while (took < seconds);
	printf("%.4f\n", took / n * 1000);
	return 0;
}

int
do_lines(char *argv[])
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	(void)argv;
	while ((n = getline(&line, &size, stdin)) > 0) {
		(void)fwrite(line, 1, (size_t)n, stdout);
		(void)fflush(stdout);
	}
	free(line);
	return 0;
}

static int
count_lines(const char *buf, size_t len)
{
	const char *p = buf, *end = buf + len;
	int n = 0;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p++;
		n++;
	}
	return n;
}

int
do_coprocess(char *argv[])
{
	char self[] = "/proc/self/exe", lines[] = "lines";
	char *helper[] = { self, lines, NULL };
	int window = (int)number(argv[0], 1, 512), open = 0, n;
	double seconds = number(argv[1], 0, 60), begin = 0, took;
	struct program p = start(helper);
	char line[LINE], buf[65536];
	ssize_t len;
	long got = -1;		/* the first reply is to warm up */

	make_line(line);
	do {
		for (; open < window; open++)
			must(write(p.in, line, LINE) == LINE, "write");
		must((len = read(p.out, buf, sizeof buf)) > 0, "read");
		n = count_lines(buf, (size_t)len);
		open -= n;
		if (got < 0) {
			begin = now();
			got = -n;
		}
		got += n;
		took = now() - begin;
	} while (took < seconds || got <= 0);
	finish(&p, buf, sizeof buf);
	printf("%.1f\n", (double)got / took);
	return 0;
}
