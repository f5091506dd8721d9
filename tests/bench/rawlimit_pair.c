/*
 * Two processes, or one and some, with sockets between them and nothing else.
 */
#include "rawlimit.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SMALL_MAX 65536
#define WARM_UP 200
#define AT_ONCE 32		/* round trips between two looks at the clock */
#define FAN_MAX 1000

/* ---- One message each way at a time ---- */

static void
echo(struct end *e, char *buf, size_t bytes)
{
	end_watch(e);
	while (end_get(e, buf, bytes) && end_put(e, buf, bytes))
		continue;
	_exit(0);
}

static void
rounds(struct end *e, char *buf, size_t bytes, int n)
{
	int i;

	for (i = 0; i < n; i++)
		must(end_put(e, buf, bytes) && end_get(e, buf, bytes),
		    "round trip");
}

int
do_pingpong(char *argv[])
{
	size_t bytes = (size_t)number(argv[1], 1, SMALL_MAX);
	double seconds = number(argv[2], 0, 60), begin, took;
	char *buf = calloc(1, bytes);
	struct end mine, theirs;
	long n = 0;
	int pid;

	must(buf != NULL, "memory");
	end_pair(argv[0], &mine, &theirs);
	if ((pid = fork_peer()) == 0) {
		end_close(&mine);
		echo(&theirs, buf, bytes);
	}
	end_close(&theirs);
	end_watch(&mine);
	rounds(&mine, buf, bytes, WARM_UP);
	begin = now();
	do {
		rounds(&mine, buf, bytes, AT_ONCE);
		n += AT_ONCE;
	} while ((took = now() - begin) < seconds);
	end_close(&mine);
	reap(pid);
	free(buf);
	printf("%.0f\n", (double)n / took);
	return 0;
}

/* ---- One asks many, as a clock does ---- */

struct fan {
	struct end *ends;
	int *pids;
	uint32_t n;
	int ep;
};

static void
fan_open(struct fan *f, const char *kind)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct end theirs;
	char buf[64];
	uint32_t i, j;

	must((f->ep = epoll_create1(EPOLL_CLOEXEC)) >= 0, "epoll_create1");
	for (i = 0; i < f->n; i++) {
		end_pair(kind, &f->ends[i], &theirs);
		if ((f->pids[i] = fork_peer()) == 0) {
			for (j = 0; j <= i; j++)
				end_close(&f->ends[j]);
			echo(&theirs, buf, sizeof buf);
		}
		end_close(&theirs);
		ev.data.u32 = i;
		must(epoll_ctl(f->ep, EPOLL_CTL_ADD, f->ends[i].fd, &ev) == 0,
		    "epoll_ctl");
	}
}

static void
fan_round(struct fan *f)
{
	struct epoll_event ready[128];
	char buf[64] = "";
	uint32_t i, open;
	int n, k;

	for (i = 0; i < f->n; i++)
		must(end_put(&f->ends[i], buf, sizeof buf), "write");
	for (open = f->n; open > 0; open -= (uint32_t)n) {
		must((n = epoll_wait(f->ep, ready, 128, -1)) > 0,
		    "epoll_wait");
		for (k = 0; k < n; k++)
			must(read(f->ends[ready[k].data.u32].fd, buf,
			    sizeof buf) == sizeof buf, "read");
	}
}

int
do_fanout(char *argv[])
{
	struct fan f = { .n = (uint32_t)number(argv[1], 1, FAN_MAX) };
	double seconds = number(argv[2], 0, 60), begin, took;
	uint32_t i;
	long n = 0;

	f.ends = calloc(f.n, sizeof *f.ends);
	f.pids = calloc(f.n, sizeof *f.pids);
	must(f.ends != NULL && f.pids != NULL, "memory");
	fan_open(&f, argv[0]);
	fan_round(&f);
	begin = now();
	do {
		fan_round(&f);
		n++;
	} while ((took = now() - begin) < seconds);
	for (i = 0; i < f.n; i++)
		end_close(&f.ends[i]);
	for (i = 0; i < f.n; i++)
		reap(f.pids[i]);
	(void)close(f.ep);
	free(f.ends);
	free(f.pids);
	printf("%.1f\n", (double)n / took);
	return 0;
}

/* ---- A large message there and back ---- */

static bool
get_frame(struct end *e, char *buf, size_t *len)
{
	if (!end_get(e, buf, 4))
		return false;
	*len = frame_size(buf);
	return end_get(e, buf + 4, *len - 4);
}

static void
bulk_peer(struct end *e, char *buf)
{
	size_t len;

	end_watch(e);
	while (get_frame(e, buf, &len) && end_put(e, buf, len))
		continue;
	_exit(0);
}

int
do_bulk(char *argv[])
{
	size_t bytes = (size_t)number(argv[1], 1, (double)(64 * MIB)), len;
	double seconds = number(argv[2], 0, 60), begin = 0, took;
	uint32_t head = htonl((uint32_t)bytes);
	char *buf = malloc(bytes + 4);
	struct end mine, theirs;
	int pid, n = -1;	/* the first is to warm up */

	must(buf != NULL, "memory");
	memset(buf, 'x', bytes + 4);
	end_pair(argv[0], &mine, &theirs);
	if ((pid = fork_peer()) == 0) {
		end_close(&mine);
		bulk_peer(&theirs, buf);
	}
	end_close(&theirs);
	end_watch(&mine);
	memcpy(buf, &head, 4);
	do {
		must(end_put(&mine, buf, bytes + 4) &&
		    get_frame(&mine, buf, &len) && len == bytes + 4, "bulk");
		if (++n == 0)
			begin = now();
		took = now() - begin;
	} while (n < 2 || took < seconds);
	end_close(&mine);
	reap(pid);
	free(buf);
	printf("%.1f\n", (double)n * (double)bytes / took / 1e6);
	return 0;
}
