/* A relay that takes its time; see slow.h. */
#include "slow.h"

#include <ev.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "beside.h"
#include "load.h"

#define TICK_S 0.002
#define BUFFER 65536

/* One way through it. */
struct way {
	int from, to;
	size_t at, len;		/* of what is read and not yet written */
	char buf[BUFFER];
};

struct relay {
	int outer;		/* whoever calls has this end */
	int near, far;
	struct way up, down;
};

struct slow {
	struct ev_loop *ev;
	ev_timer tick;
	double bytes_per_s, last_s;
	size_t n;
	struct relay relay[];
};

/* Moves at most so many bytes; what is over closes the other end. */
static void
move(struct way *w, size_t most)
{
	ssize_t n = 1;

	while (n > 0 && most > 0) {
		if (w->len == 0) {
			w->at = 0;
			n = read(w->from, w->buf, most < BUFFER ? most :
			    BUFFER);
			if (n == 0 || (n < 0 && errno != EAGAIN))
				(void)shutdown(w->to, SHUT_WR);
			w->len = n > 0 ? (size_t)n : 0;
			most -= w->len;
		}
		if (w->len > 0) {
			n = send(w->to, w->buf + w->at, w->len, MSG_NOSIGNAL);
			if (n > 0) {
				w->at += (size_t)n;
				w->len -= (size_t)n;
			}
		}
	}
}

static void
on_tick(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct slow *s = w->data;
	double now_s = load_now();
	size_t i, most = (size_t)((now_s - s->last_s) * s->bytes_per_s);

	(void)ev;
	(void)revents;
	s->last_s = now_s;
	for (i = 0; i < s->n; i++) {
		move(&s->relay[i].up, SIZE_MAX);
		move(&s->relay[i].down, most);
	}
}

static void
relay_open(struct relay *r, const char *addr)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0 ||
	    fcntl(fds[1], F_SETFL, O_NONBLOCK) != 0) {
		fprintf(stderr, "slow: %s\n", strerror(errno));
		exit(1);
	}
	r->outer = fds[0];
	r->near = r->up.from = r->down.to = fds[1];
	r->far = r->up.to = r->down.from = beside_connect(addr);
}

struct slow *
slow_start(struct ev_loop *ev, const char *addr, size_t n, double bytes_per_s)
{
	struct slow *s = calloc(1, sizeof *s + n * sizeof *s->relay);

	if (s == NULL)
		abort();
	s->ev = ev;
	s->n = n;
	s->bytes_per_s = bytes_per_s;
	s->last_s = load_now();
	for (n = 0; n < s->n; n++)
		relay_open(&s->relay[n], addr);
	ev_timer_init(&s->tick, on_tick, TICK_S, TICK_S);
	s->tick.data = s;
	ev_timer_start(ev, &s->tick);
	ev_unref(ev);
	return s;
}

void
slow_stop(struct slow *s)
{
	size_t i;

	if (s == NULL)
		return;
	ev_ref(s->ev);
	ev_timer_stop(s->ev, &s->tick);
	for (i = 0; i < s->n; i++) {
		close(s->relay[i].outer);
		close(s->relay[i].near);
		close(s->relay[i].far);
	}
	free(s);
}

int
slow_fd(const struct slow *s, size_t i)
{
	return s->relay[i].outer;
}
