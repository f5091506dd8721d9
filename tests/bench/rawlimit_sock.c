/*
 * Sockets, processes and time, for all parts of rawlimit, and zmq.
 */
#include "rawlimit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIFE_S 600		/* whoever should end a peer may be gone */
#define BACKLOG 4096

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_un un;
};

void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
	    errno != 0 ? strerror(errno) : "failed");
	exit(1);
}

double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double
number(const char *text, double min, double max)
{
	char *end;
	double x = strtod(text, &end);

	errno = 0;
	must(*end == '\0' && end != text && x >= min && x <= max, text);
	return x;
}

/* ---- Addresses ---- */

static socklen_t
parse(const char *text, union address *a)
{
	const char *p = text;
	size_t len;

	memset(a, 0, sizeof *a);
	if (strncmp(p, "tcp://", 6) == 0 && (p = strrchr(p, ':')) != NULL) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons((uint16_t)strtoul(p + 1, NULL, 10));
		a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof a->in;
	}
	if (strncmp(text, "ipc://", 6) == 0)
		text += text[6] == '[' ? 7 : 6;
	len = strcspn(text, "]");
	errno = 0;
	must(text[0] == '/' && len < sizeof a->un.sun_path, text);
	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path, text, len);
	return sizeof a->un;
}

int
listen_at(char *addr, size_t size)
{
	union address a;
	socklen_t len = parse(addr, &a);
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0 && bind(fd, &a.any, len) == 0 &&
	    listen(fd, BACKLOG) == 0, addr);
	must(getsockname(fd, &a.any, &len) == 0, addr);
	if (a.any.sa_family == AF_INET)
		(void)snprintf(addr, size, "tcp://127.0.0.1:%d",
		    ntohs(a.in.sin_port));
	else
		(void)snprintf(addr, size, "ipc://%s", a.un.sun_path);
	return fd;
}

int
connect_to(const char *addr)
{
	union address a;
	socklen_t len = parse(addr, &a);
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0 && connect(fd, &a.any, len) == 0, addr);
	nodelay(fd);
	return fd;
}

/* On a unix socket this fails, which does no harm. */
void
nodelay(int fd)
{
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* ---- Ends ---- */

/* From now on the end waits as an event loop does. */
void
end_watch(struct end *e)
{
	struct epoll_event ev = { .events = EPOLLIN };

	must(fcntl(e->fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
	e->ep = epoll_create1(EPOLL_CLOEXEC);
	must(epoll_ctl(e->ep, EPOLL_CTL_ADD, e->fd, &ev) == 0, "epoll_ctl");
}

void
end_close(struct end *e)
{
	(void)close(e->fd);
	if (e->ep >= 0)
		(void)close(e->ep);
}

void
end_pair(const char *kind, struct end *a, struct end *b)
{
	char addr[ADDR_SIZE] = "tcp://:0";
	int s[2], listener;

	if (strcmp(kind, "unix") == 0) {
		must(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0,
		    "socketpair");
	} else {
		errno = 0;
		must(strcmp(kind, "tcp") == 0, kind);
		listener = listen_at(addr, sizeof addr);
		s[0] = connect_to(addr);
		must((s[1] = accept(listener, NULL, NULL)) >= 0, "accept");
		nodelay(s[1]);
		(void)close(listener);
	}
	*a = (struct end){ .fd = s[0], .ep = -1 };
	*b = (struct end){ .fd = s[1], .ep = -1 };
}

bool
end_get(struct end *e, char *buf, size_t want)
{
	struct epoll_event ev;
	size_t have = 0;
	ssize_t n;

	while (have < want) {
		must(epoll_wait(e->ep, &ev, 1, -1) >= 0 || errno == EINTR,
		    "epoll_wait");
		n = read(e->fd, buf + have, want - have);
		if (n > 0)
			have += (size_t)n;
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return false;
	}
	return true;
}

/* Waits for room only where there is none, as it should be. */
static void
await_room(int fd)
{
	struct epoll_event ev = { .events = EPOLLOUT };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	must(ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0 &&
	    epoll_wait(ep, &ev, 1, -1) >= 0, "epoll");
	(void)close(ep);
}

bool
end_put(struct end *e, const char *buf, size_t want)
{
	size_t done = 0;
	ssize_t n;

	while (done < want) {
		n = write(e->fd, buf + done, want - done);
		if (n > 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			await_room(e->fd);
		else if (errno != EINTR)
			return false;
	}
	return true;
}

/* Of the frame that begins at p, with its length. */
size_t
frame_size(const char *p)
{
	uint32_t len;

	memcpy(&len, p, sizeof len);
	return sizeof len + ntohl(len);
}

/* ---- Processes ---- */

int
fork_peer(void)
{
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)alarm(LIFE_S);
	}
	return pid;
}

void
reap(int pid)
{
	int status;

	must(waitpid(pid, &status, 0) == pid, "waitpid");
	errno = 0;
	must(status == 0, "the program");
}
