/* Lines in and out of a batch; see call_lines.h. */
#include "call_lines.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_CHUNK ((size_t)65536)

/* ---- In ---- */

/* Drops what came of a line that is too long, but for its newline. */
static void
drop_long(struct call_input *in)
{
	amas__buf_consume(&in->buf, in->scanned);
	in->scanned = 0;
	in->skipping = true;
}

static void
on_readable(struct amas__io *io, int events)
{
	struct call_input *in = AMAS__OF(io, struct call_input, io);
	ssize_t n;

	(void)events;
	if (amas__buf_reserve(&in->buf, READ_CHUNK) != 0) {
		in->error = ENOMEM;
		n = 0;
	} else {
		n = read(io->fd, in->buf.data + in->buf.end, READ_CHUNK);
	}
	if (n == -1 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n == -1)
		in->error = errno;
	if (n > 0)
		in->buf.end += (size_t)n;
	else
		in->eof = true;
	amas__io_set(io, 0);
	in->ready(in);
}

void
call_input_init(struct call_input *in, struct amas_loop *l, size_t max,
    void (*ready)(struct call_input *in))
{
	memset(in, 0, sizeof *in);
	amas__buf_init(&in->buf, 0);
	amas__io_init(&in->io, l, STDIN_FILENO, on_readable);
	in->max = max;
	in->ready = ready;
}

void
call_input_fini(struct call_input *in)
{
	amas__io_set(&in->io, 0);
	amas__buf_fini(&in->buf);
	in->scanned = in->used = 0;
	in->eof = true;
}

/* No newline in what there is. */
static enum call_line
without_newline(struct call_input *in, const char **line, size_t *len)
{
	size_t have = amas__buf_len(&in->buf);

	in->scanned = have;
	if (have > in->max)
		drop_long(in);
	if (!in->eof) {
		amas__io_set(&in->io, AMAS__READ);
		return CALL_LINE_NONE;
	}
	if (in->error != 0 || (have == 0 && !in->skipping))
		return CALL_LINE_END;
	in->used = in->scanned;
	*line = amas__buf_head(&in->buf);
	*len = in->used;
	return in->skipping ? CALL_LINE_LONG : CALL_LINE;
}

enum call_line
call_input_peek(struct call_input *in, const char **line, size_t *len)
{
	const char *head = amas__buf_head(&in->buf), *nl = NULL;
	size_t have = amas__buf_len(&in->buf);

	if (have > in->scanned)
		nl = memchr(head + in->scanned, '\n', have - in->scanned);
	if (nl == NULL)
		return without_newline(in, line, len);
	*line = head;
	*len = (size_t)(nl - head);
	in->scanned = *len;
	in->used = *len + 1;
	return in->skipping || *len > in->max ? CALL_LINE_LONG : CALL_LINE;
}

void
call_input_next(struct call_input *in)
{
	amas__buf_consume(&in->buf, in->used);
	in->scanned = in->used = 0;
	in->skipping = false;
	in->n++;
}

bool
call_input_waits(const struct call_input *in)
{
	struct pollfd p = { .fd = in->io.fd, .events = POLLIN };

	return !in->eof && poll(&p, 1, 0) != 0;
}

/* ---- Out ---- */

/* Writes one chunk, of what polls as writable. */
static void
write_chunk(struct call_output *out)
{
	size_t len = amas__buf_len(&out->buf);
	ssize_t n;

	n = write(out->io.fd, amas__buf_head(&out->buf),
	    len < out->chunk ? len : out->chunk);
	if (n >= 0) {
		amas__buf_consume(&out->buf, (size_t)n);
	} else if (errno != EINTR && errno != EAGAIN) {
		out->error = errno;
		amas__buf_truncate(&out->buf, 0);
	}
	if (amas__buf_len(&out->buf) == 0)
		amas__io_set(&out->io, 0);
}

static void
on_writable(struct amas__io *io, int events)
{
	struct call_output *out = AMAS__OF(io, struct call_output, io);

	(void)events;
	write_chunk(out);
	out->written(out);
}

/*
 * A pipe that polls as writable takes PIPE_BUF bytes without blocking, no more
 * is promised; others are written as they were files.
 */
static size_t
safe_chunk(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 &&
	    (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return PIPE_BUF;
	return READ_CHUNK;
}

void
call_output_init(struct call_output *out, struct amas_loop *l,
    void (*written)(struct call_output *out))
{
	memset(out, 0, sizeof *out);
	amas__buf_init(&out->buf, 0);
	amas__io_init(&out->io, l, STDOUT_FILENO, on_writable);
	out->chunk = safe_chunk(STDOUT_FILENO);
	out->written = written;
}

void
call_output_fini(struct call_output *out)
{
	amas__io_set(&out->io, 0);
	amas__buf_fini(&out->buf);
}

void
call_output_start(struct call_output *out)
{
	if (out->error == 0 && amas__buf_len(&out->buf) > 0)
		amas__io_set(&out->io, AMAS__WRITE);
	else
		amas__buf_truncate(&out->buf, 0);
}

void
call_output_flush(struct call_output *out)
{
	struct pollfd p = { .fd = out->io.fd, .events = POLLOUT };

	while (amas__buf_len(&out->buf) > 0 && poll(&p, 1, 0) == 1)
		write_chunk(out);
}
