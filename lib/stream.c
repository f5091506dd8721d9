/*
 * Streams over sockets and pairs of descriptors.  Output is gathered in one
 * buffer and written at the end of the turn; only when the kernel takes less is
 * the descriptor watched for writing.  After close() the stream lives on by itself until its output
 * is written or its time is over.
 */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "err.h"
#include "mem.h"
#include "sock.h"

#define LINGER_S 10.0		/* time to write what is left after close */
#define WRITE_MAX ((size_t)1 << 20)	/* bytes of one write */

struct amas__stream {
	struct amas_loop *loop;
	struct amas__open open;	/* while it lingers */
	struct amas__io io;	/* input; of a socket, output too */
	struct amas__io out_io;	/* output of a pair */
	bool pair;
	bool socket;		/* output is one: MSG_NOSIGNAL */
	size_t write_max;	/* bytes of one write */
	struct amas__task flush;
	struct amas__timer linger;
	struct amas__buf out;
	const struct amas__stream_events *events;	/* NULL: lingers */
	void *arg;
	char *peer;
	bool reading;
	bool blocked;		/* the kernel took less than was there */
	bool failed;
	bool lingering;
};

static void
update(struct amas__stream *s)
{
	int write = s->blocked ? AMAS__WRITE : 0;

	amas__io_set(&s->io, (s->reading ? AMAS__READ : 0) |
	    (s->pair ? 0 : write));
	if (s->pair)
		amas__io_set(&s->out_io, write);
}

static void
destroy(struct amas__stream *s)
{
	amas__io_set(&s->io, 0);
	amas__task_cancel(s->loop, &s->flush);
	amas__timer_stop(&s->linger);
	if (s->lingering)
		amas__open_remove(&s->open);
	close(s->io.fd);
	if (s->pair) {
		amas__io_set(&s->out_io, 0);
		if (s->out_io.fd != s->io.fd)
			close(s->out_io.fd);
	}
	amas__buf_fini(&s->out);
	free(s->peer);
	free(s);
}

static void
write_failed(struct amas__stream *s, int sys)
{
	struct amas_error err;

	s->failed = true;
	s->blocked = false;
	amas__buf_fini(&s->out);
	update(s);
	if (s->lingering) {
		destroy(s);
		return;
	}
	amas__error_sys(&err, AMAS_ECLOSED, sys, NULL);
	if (s->events != NULL)
		s->events->failed(s->arg, &err);
}

static ssize_t
put(struct amas__stream *s, const void *data, size_t len)
{
	int fd = s->pair ? s->out_io.fd : s->io.fd;

	if (len > s->write_max)
		len = s->write_max;
	if (s->socket)
		return send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	return amas__pipe_write(fd, data, len);
}

static void
write_some(struct amas__stream *s)
{
	size_t len = amas__buf_len(&s->out);
	ssize_t n;

	if (s->failed || len == 0)
		return;
	n = put(s, amas__buf_head(&s->out), len);
	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		n = 0;
	} else if (n == -1) {
		write_failed(s, errno);
		return;
	}
	amas__buf_consume(&s->out, (size_t)n);
	len -= (size_t)n;
	s->blocked = len > 0;
	if (len == 0)
		amas__loop_give_spare(s->loop, &s->out);
	update(s);
	if (s->lingering && len == 0)
		destroy(s);
	else if (s->events != NULL)
		s->events->written(s->arg, (size_t)n, len);
}

static void
on_flush(struct amas__task *t)
{
	struct amas__stream *s = AMAS__OF(t, struct amas__stream, flush);

	if (!s->blocked)
		write_some(s);
}

static void
on_io(struct amas__io *io, int events)
{
	struct amas__stream *s = AMAS__OF(io, struct amas__stream, io);

	/*
	 * One of the two a wake-up: the owner may free the stream in either,
	 * and the loop comes back.
	 */
	if ((events & AMAS__WRITE) != 0 && s->blocked)
		write_some(s);
	else if (s->events != NULL && s->reading)
		s->events->readable(s->arg);
}

static void
on_out_io(struct amas__io *io, int events)
{
	(void)events;
	write_some(AMAS__OF(io, struct amas__stream, out_io));
}

static void
on_linger(struct amas__timer *t)
{
	destroy(AMAS__OF(t, struct amas__stream, linger));
}

static int
stream_new(struct amas__stream **out, struct amas_loop *l, int fd,
    const char *peer, struct amas_error *err)
{
	struct amas__stream *s = amas__zalloc(sizeof *s);

	if (s == NULL || (s->peer = amas__strdup(peer)) == NULL) {
		free(s);
		return amas__error_nomem(err);
	}
	s->loop = l;
	s->write_max = WRITE_MAX;
	amas__io_init(&s->io, l, fd, on_io);
	amas__task_init(&s->flush, on_flush);
	amas__timer_init(&s->linger, l, on_linger);
	amas__buf_init(&s->out, 0);
	*out = s;
	return 0;
}

int
amas__stream_new(struct amas__stream **out, struct amas_loop *l, int fd,
    struct amas_error *err)
{
	char name[AMAS__SOCK_NAME];
	int rc;

	amas__sock_peer(fd, name, sizeof name);
	if ((rc = stream_new(out, l, fd, name, err)) == 0)
		(*out)->socket = true;
	return rc;
}

static bool
is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/*
 * A pipe that is ready to be written takes PIPE_BUF bytes without blocking, and
 * so does what is no pipe; that much at a time is safe on any descriptor.
 */
int
amas__stream_new_pair(struct amas__stream **out, struct amas_loop *l, int in,
    int out_fd, const char *peer, struct amas_error *err)
{
	struct amas__stream *s;
	int rc;

	if ((rc = stream_new(&s, l, in, peer, err)) != 0)
		return rc;
	s->pair = true;
	s->socket = is_socket(out_fd);
	if (!s->socket && (fcntl(out_fd, F_GETFL) & O_NONBLOCK) == 0)
		s->write_max = PIPE_BUF;
	amas__io_init(&s->out_io, l, out_fd, on_out_io);
	*out = s;
	return 0;
}

void
amas__stream_set_owner(struct amas__stream *s,
    const struct amas__stream_events *events, void *arg)
{
	s->events = events;
	s->arg = arg;
}

void
amas__stream_set_reading(struct amas__stream *s, bool on)
{
	s->reading = on;
	update(s);
}

ssize_t
amas__stream_read(struct amas__stream *s, void *data, size_t len,
    struct amas_error *err)
{
	ssize_t n;

	do
		n = read(s->io.fd, data, len);
	while (n == -1 && errno == EINTR);
	if (n >= 0)
		return n;
	if (errno == EAGAIN)
		return AMAS__AGAIN;
	return amas__error_sys(err, AMAS_ECLOSED, errno, NULL);
}

struct amas__buf *
amas__stream_out(struct amas__stream *s)
{
	amas__loop_take_spare(s->loop, &s->out);
	return &s->out;
}

void
amas__stream_flush(struct amas__stream *s)
{
	if (s->blocked || s->failed)
		return;
	if (s->write_max == PIPE_BUF) { /* may block: only when it is ready */
		s->blocked = true;
		update(s);
	} else {
		amas__task_run(s->loop, &s->flush);
	}
}

static void
linger_close(struct amas__open *o)
{
	struct amas__stream *s = AMAS__OF(o, struct amas__stream, open);

	s->lingering = false;
	amas__open_remove(o);
	destroy(s);
}

static const struct amas__open_ops linger_ops = { .close = linger_close };

void
amas__stream_close(struct amas__stream *s)
{
	if (s == NULL)
		return;
	s->events = NULL;
	s->reading = false;
	if (s->failed || amas__buf_len(&s->out) == 0) {
		destroy(s);
		return;
	}
	update(s);
	s->lingering = true;
	amas__open_add(s->loop, &s->open, &linger_ops);
	amas__timer_start(&s->linger, LINGER_S);
	amas__stream_flush(s);
}

void
amas__stream_abort(struct amas__stream *s)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	if (s == NULL)
		return;
	(void)setsockopt(s->io.fd, SOL_SOCKET, SO_LINGER, &reset,
	    sizeof reset); /* unix sockets: closing says enough */
	destroy(s);
}

bool
amas__stream_gone(const struct amas__stream *s)
{
	struct pollfd p = { .fd = s->pair ? s->out_io.fd : s->io.fd };

	return s->failed || (poll(&p, 1, 0) == 1 &&
	    (p.revents & (POLLHUP | POLLERR)) != 0);
}

const char *
amas__stream_peer(const struct amas__stream *s)
{
	return s->peer;
}
