/*
 * A framed echo server on one thread: reads once, and answers all complete
 * frames of that by one write.  No program that looks into messages is faster.
 */
#include "rawlimit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_MAX MIB
#define READY_MAX 256

struct conn {
	struct end e;
	char *rest;		/* of an incomplete frame; NULL: none */
	size_t rest_len;
};

struct serving {
	int listener, ep;
	char *buf;		/* READ_MAX, and what an empty frame lacks */
};

/* What stands in buf; false: a frame that has no room there. */
static bool
answer(struct conn *c, char *buf, size_t len)
{
	size_t at = 0;

	while (len - at >= 4 && len - at >= frame_size(buf + at)) {
		buf[at + 5] |= 1; /* [0, a request, becomes [1, a result */
		at += frame_size(buf + at);
	}
	if (len - at >= 4 && frame_size(buf + at) > READ_MAX)
		return false;
	if (at > 0 && !end_put(&c->e, buf, at))
		return false;
	free(c->rest);
	c->rest = NULL;
	c->rest_len = len - at;
	if (c->rest_len > 0) {
		must((c->rest = malloc(c->rest_len)) != NULL, "memory");
		memcpy(c->rest, buf + at, c->rest_len);
	}
	return true;
}

static void
on_input(struct serving *s, struct conn *c)
{
	ssize_t n;

	if (c->rest_len > 0)
		memcpy(s->buf, c->rest, c->rest_len);
	n = read(c->e.fd, s->buf + c->rest_len, READ_MAX - c->rest_len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && answer(c, s->buf, c->rest_len + (size_t)n))
		return;
	(void)close(c->e.fd);
	free(c->rest);
	free(c);
}

static void
on_connections(struct serving *s)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct conn *c;
	int fd;

	while ((fd = accept4(s->listener, NULL, NULL,
	    SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		nodelay(fd);
		must((c = calloc(1, sizeof *c)) != NULL, "memory");
		c->e = (struct end){ .fd = fd, .ep = -1 };
		ev.data.ptr = c;
		must(epoll_ctl(s->ep, EPOLL_CTL_ADD, fd, &ev) == 0,
		    "epoll_ctl");
	}
}

/* An end in order, as that of amas programs. */
static int
term_fd(void)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	must((fd = signalfd(-1, &set, SFD_CLOEXEC)) >= 0, "signalfd");
	return fd;
}

static void
watch(struct serving *s, int fd, void *what)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = what };

	must(epoll_ctl(s->ep, EPOLL_CTL_ADD, fd, &ev) == 0, "epoll_ctl");
}

int
do_serve(char *argv[])
{
	struct epoll_event ready[READY_MAX];
	char addr[ADDR_SIZE];
	struct serving s;
	int n, i;

	(void)snprintf(addr, sizeof addr, "%s", argv[0]);
	s.listener = listen_at(addr, sizeof addr);
	must(fcntl(s.listener, F_SETFL, O_NONBLOCK) == 0, "fcntl");
	s.ep = epoll_create1(EPOLL_CLOEXEC);
	must((s.buf = malloc(READ_MAX + 2)) != NULL, "memory");
	watch(&s, s.listener, &s.listener);
	watch(&s, term_fd(), NULL);
	puts(addr);
	(void)fclose(stdout);
	for (;;) {
		n = epoll_wait(s.ep, ready, READY_MAX, -1);
		for (i = 0; i < n; i++) {
			if (ready[i].data.ptr == NULL)
				_exit(0); /* connections are open still */
			if (ready[i].data.ptr == &s.listener)
				on_connections(&s);
			else
				on_input(&s, ready[i].data.ptr);
		}
	}
}
