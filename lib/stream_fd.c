/*
 * Streams over sockets and pairs of descriptors.  Output is gathered in one
 * buffer and written at the end of the turn; only when the kernel takes less is
 * the descriptor watched for writing.  After close() the stream lives on by
 * itself until its output is written or its time is over.
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
#define PIECES_MAX ((size_t)64 << 10)	/* in pieces; as much as is read */

/* A stream without an owner, until its output is written. */
struct lingering {
	struct amas__open open;
	struct amas__timer end;
	struct fd_stream *f;
};

struct fd_stream {
	struct amas__stream s;
	struct amas__io io;	/* input; of a socket, output too */
	size_t write_max;	/* bytes of one write */
	struct amas__task flush;
	struct lingering *lingering;	/* NULL: it has an owner */
	bool pair;
	bool socket;		/* output is one: MSG_NOSIGNAL */
	bool blocked;		/* the kernel took less than was there */
	bool failed;
	bool ending;		/* output ends with what is queued */
	bool hard;		/* is reset if we do not close it */
	struct amas__io out_io[];	/* output of a pair; a socket has none */
};

static void
update(struct fd_stream *f)
{
	int write = f->blocked ? AMAS__WRITE : 0;

	amas__io_set(&f->io, (f->s.reading ? AMAS__READ : 0) |
	    (f->pair ? 0 : write));
	if (f->pair)
		amas__io_set(f->out_io, write);
}

static void
destroy(struct fd_stream *f)
{
	amas__io_set(&f->io, 0);
	amas__task_cancel(f->s.loop, &f->flush);
	if (f->lingering != NULL) {
		amas__timer_stop(&f->lingering->end);
		amas__open_remove(&f->lingering->open);
		free(f->lingering);
	}
	close(f->io.fd);
	if (f->pair) {
		amas__io_set(f->out_io, 0);
		if (f->out_io->fd != f->io.fd)
			close(f->out_io->fd);
	}
	amas__buf_fini(&f->s.out);
	free(f);
}

static void
write_failed(struct fd_stream *f, int sys)
{
	struct amas_error err;

	f->failed = true;
	f->blocked = false;
	amas__buf_fini(&f->s.out);
	update(f);
	if (f->lingering != NULL) {
		destroy(f);
		return;
	}
	amas__error_sys(&err, AMAS_ECLOSED, sys, NULL);
	if (f->s.events != NULL)
		f->s.events->failed(f->s.arg, &err);
}

static int
out_fd(const struct fd_stream *f)
{
	return f->pair ? f->out_io->fd : f->io.fd;
}

static ssize_t
put(struct fd_stream *f, const void *data, size_t len)
{
	if (len > f->write_max)
		len = f->write_max;
	if (f->socket)
		return send(out_fd(f), data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	return amas__pipe_write(out_fd(f), data, len);
}

static bool
is_writable(const struct fd_stream *f)
{
	struct pollfd p = { .fd = out_fd(f), .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
}

/*
 * What may block takes a small piece at a time.  If that were all of a turn,
 * who reads requests by 64 KiB would get ever more of them than it answers.
 */
static ssize_t
put_pieces(struct fd_stream *f, const char *data, size_t len)
{
	size_t done = 0;
	ssize_t n;

	do {
		n = put(f, data + done, len - done);
		if (n > 0)
			done += (size_t)n;
	} while (n > 0 && done < len && done < PIECES_MAX &&
	    f->write_max == PIPE_BUF && is_writable(f));
	return done > 0 ? (ssize_t)done : n;
}

/* Tells the peer that no more comes, when all is written. */
static void
end_output(struct fd_stream *f)
{
	if (f->ending && !f->failed)
		(void)shutdown(f->io.fd, SHUT_WR);
	f->ending = false;
}

static void
write_some(struct fd_stream *f)
{
	size_t len = amas__buf_len(&f->s.out);
	ssize_t n;

	if (f->failed || len == 0)
		return;
	n = put_pieces(f, amas__buf_head(&f->s.out), len);
	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		n = 0;
	} else if (n == -1) {
		write_failed(f, errno);
		return;
	}
	amas__buf_consume(&f->s.out, (size_t)n);
	len -= (size_t)n;
	f->blocked = len > 0;
	if (len == 0) {
		amas__loop_give_spare(f->s.loop, &f->s.out);
		end_output(f);
	}
	update(f);
	if (f->lingering != NULL && len == 0)
		destroy(f);
	else if (n > 0 && f->s.events != NULL)
		f->s.events->written(f->s.arg, (size_t)n, len);
}

static void
on_flush(struct amas__task *t)
{
	struct fd_stream *f = AMAS__OF(t, struct fd_stream, flush);

	if (!f->blocked)
		write_some(f);
}

static void
on_io(struct amas__io *io, int events)
{
	struct fd_stream *f = AMAS__OF(io, struct fd_stream, io);

	/*
	 * One of the two a wake-up: the owner may free the stream in either,
	 * and the loop comes back.
	 */
	if ((events & AMAS__WRITE) != 0 && f->blocked)
		write_some(f);
	else if (f->s.events != NULL && f->s.reading)
		f->s.events->readable(f->s.arg);
}

static void
on_out_io(struct amas__io *io, int events)
{
	(void)events;
	write_some(AMAS__OF(io, struct fd_stream, out_io[0]));
}

static void
on_linger(struct amas__timer *t)
{
	destroy(AMAS__OF(t, struct lingering, end)->f);
}

static struct fd_stream *
of(struct amas__stream *s)
{
	return AMAS__OF(s, struct fd_stream, s);
}

static void
fd_watch(struct amas__stream *s)
{
	update(of(s));
}

static ssize_t
fd_read(struct amas__stream *s, void *data, size_t len, struct amas_error *err)
{
	struct fd_stream *f = of(s);
	ssize_t n;

	do
		n = read(f->io.fd, data, len);
	while (n == -1 && errno == EINTR);
	if (n >= 0)
		return n;
	if (errno == EAGAIN)
		return AMAS__AGAIN;
	return amas__error_sys(err, AMAS_ECLOSED, errno, NULL);
}

static void
fd_flush(struct amas__stream *s)
{
	struct fd_stream *f = of(s);

	if (f->blocked || f->failed)
		return;
	if (f->write_max == PIPE_BUF) { /* may block: only when it is ready */
		f->blocked = true;
		update(f);
	} else {
		amas__task_run(s->loop, &f->flush);
	}
}

static void
linger_close(struct amas__open *o)
{
	destroy(AMAS__OF(o, struct lingering, open)->f);
}

static const struct amas__open_ops linger_ops = { .close = linger_close };

/* Whether closing is a reset; unix sockets and pipes need none. */
static void
set_reset(struct fd_stream *f, bool on)
{
	const struct linger reset = { .l_onoff = on, .l_linger = 0 };

	(void)setsockopt(f->io.fd, SOL_SOCKET, SO_LINGER, &reset,
	    sizeof reset);
}

/* Without the memory for it, what is queued is lost. */
static void
fd_close(struct amas__stream *s)
{
	struct fd_stream *f = of(s);
	struct lingering *g;

	if (f->hard)
		set_reset(f, false);
	if (f->failed || amas__buf_len(&s->out) == 0 ||
	    (g = amas__zalloc(sizeof *g)) == NULL) {
		destroy(f);
		return;
	}
	update(f);
	g->f = f;
	f->lingering = g;
	amas__open_add(s->loop, &g->open, &linger_ops);
	amas__timer_init(&g->end, s->loop, on_linger);
	amas__timer_start(&g->end, LINGER_S);
	fd_flush(s);
}

static void
fd_abort(struct amas__stream *s)
{
	struct fd_stream *f = of(s);

	set_reset(f, true);
	destroy(f);
}

static void
fd_hard(struct amas__stream *s)
{
	struct fd_stream *f = of(s);

	f->hard = true;
	set_reset(f, true);
}

static bool
fd_end(struct amas__stream *s)
{
	struct fd_stream *f = of(s);

	if (f->pair) /* others may have that descriptor, too */
		return false;
	f->ending = true;
	if (amas__buf_len(&s->out) == 0)
		end_output(f);
	else
		fd_flush(s);
	return true;
}

static bool
fd_gone(const struct amas__stream *s)
{
	const struct fd_stream *f = (const struct fd_stream *)(const void *)s;
	struct pollfd p = { .fd = f->pair ? f->out_io->fd : f->io.fd };

	return f->failed || (poll(&p, 1, 0) == 1 &&
	    (p.revents & (POLLHUP | POLLERR)) != 0);
}

static void
fd_name(const struct amas__stream *s, enum amas__stream_name which, char *out,
    size_t size)
{
	const struct fd_stream *f = (const struct fd_stream *)(const void *)s;

	if (which == AMAS__PEER)
		(void)amas__sock_peer(f->io.fd, out, size);
	else if (which == AMAS__PEER_HOST)
		(void)amas__sock_peer_host(f->io.fd, out, size);
	else if (which == AMAS__LOCAL)
		(void)amas__sock_local(f->io.fd, out, size);
	else
		*out = '\0';
}

static const struct amas__stream_ops fd_ops = {
	.watch = fd_watch,
	.read = fd_read,
	.flush = fd_flush,
	.close = fd_close,
	.abort = fd_abort,
	.hard = fd_hard,
	.gone = fd_gone,
	.end = fd_end,
	.name = fd_name,
};

static struct fd_stream *
stream_new(struct amas_loop *l, int fd, bool pair, struct amas_error *err)
{
	struct fd_stream *f = amas__zalloc(sizeof *f +
	    (pair ? sizeof f->out_io[0] : 0));

	if (f == NULL) {
		(void)amas__error_nomem(err);
		return NULL;
	}
	f->s.ops = &fd_ops;
	f->s.loop = l;
	f->pair = pair;
	f->write_max = WRITE_MAX;
	amas__io_init(&f->io, l, fd, on_io);
	amas__task_init(&f->flush, on_flush);
	amas__buf_init(&f->s.out, 0);
	return f;
}

int
amas__stream_new(struct amas__stream **out, struct amas_loop *l, int fd,
    struct amas_error *err)
{
	struct fd_stream *f = stream_new(l, fd, false, err);

	if (f == NULL)
		return AMAS_ENOMEM;
	f->socket = true;
	*out = &f->s;
	return 0;
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
    int out_fd, struct amas_error *err)
{
	struct fd_stream *f = stream_new(l, in, true, err);

	if (f == NULL)
		return AMAS_ENOMEM;
	f->socket = is_socket(out_fd);
	if (!f->socket && (fcntl(out_fd, F_GETFL) & O_NONBLOCK) == 0)
		f->write_max = PIPE_BUF;
	amas__io_init(f->out_io, l, out_fd, on_out_io);
	*out = &f->s;
	return 0;
}
