/* Readers that are slow, or dead; see beside.h. */
#include "beside.h"

#include <ev.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TEXT_LEN 30000		/* of a request, and of its reply */
#define TICK_S 0.01
#define SIP 1000		/* bytes that a slow one reads at a time */

struct reader {
	int fd;
	bool slow;
	size_t at;		/* of the request that is being sent */
};

struct beside {
	struct ev_loop *ev;
	ev_timer tick;
	char frame[TEXT_LEN + 64];
	size_t frame_len;
	size_t n;
	struct reader reader[];
};

int
beside_connect(const char *addr)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strncmp(addr, "ipc://", 6) == 0 &&
	    strlen(addr + 6) < sizeof sun.sun_path)
		memcpy(sun.sun_path, addr + 6, strlen(addr + 6));
	if (fd < 0 || connect(fd, (const struct sockaddr *)&sun,
	    sizeof sun) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
		fprintf(stderr, "beside: %s: %s\n", addr, strerror(errno));
		exit(1);
	}
	return fd;
}

/* Sends requests until the other end takes no more. */
static void
fill(struct beside *b, struct reader *r)
{
	ssize_t n;

	do {
		n = send(r->fd, b->frame + r->at, b->frame_len - r->at,
		    MSG_NOSIGNAL);
		if (n > 0)
			r->at = (r->at + (size_t)n) % b->frame_len;
	} while (n > 0);
}

static void
on_tick(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct beside *b = w->data;
	char sip[SIP];
	size_t i;

	(void)ev;
	(void)revents;
	for (i = 0; i < b->n; i++)
		if (b->reader[i].slow && read(b->reader[i].fd, sip,
		    sizeof sip) > 0)
			fill(b, &b->reader[i]);
}

static void
make_frame(struct beside *b)
{
	char *body = b->frame + 4;
	size_t len;

	len = (size_t)sprintf(body, "[0, 1, [\"s/echo\", [\"%0*d\"], {}]]",
	    TEXT_LEN, 0);
	b->frame[0] = b->frame[1] = 0;
	b->frame[2] = (char)(len >> 8);
	b->frame[3] = (char)len;
	b->frame_len = 4 + len;
}

struct beside *
beside_start(struct ev_loop *ev, const char *addr, size_t slow, size_t dead)
{
	struct beside *b;
	struct reader *r;
	size_t i;

	if (slow + dead == 0)
		return NULL;
	b = calloc(1, sizeof *b + (slow + dead) * sizeof *b->reader);
	if (b == NULL)
		abort();
	b->ev = ev;
	b->n = slow + dead;
	make_frame(b);
	for (i = 0; i < b->n; i++) {
		r = &b->reader[i];
		r->fd = beside_connect(addr);
		r->slow = i < slow;
		if (r->slow || i % 2 == 0)
			fill(b, r);
		else
			(void)send(r->fd, b->frame, 100, MSG_NOSIGNAL);
	}
	ev_timer_init(&b->tick, on_tick, TICK_S, TICK_S);
	b->tick.data = b;
	ev_timer_start(ev, &b->tick);
	ev_unref(ev);
	return b;
}

void
beside_stop(struct beside *b)
{
	size_t i;

	if (b == NULL)
		return;
	ev_ref(b->ev);
	ev_timer_stop(b->ev, &b->tick);
	for (i = 0; i < b->n; i++)
		close(b->reader[i].fd);
	free(b);
}
