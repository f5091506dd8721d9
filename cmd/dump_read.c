/*
 * Files and standard input.  What one holds is seen from its first bytes: a
 * capture, lines, or frames.  Of several the message that is earliest comes
 * first; each has to tell its next time before one can go on.
 */
#include "dump_read.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture_file.h"
#include "mem.h"

#define READ_SIZE ((size_t)256 << 10)
#define TEXT_MAX ((size_t)64 << 10)	/* at the head of lines */

/* ---- Frames ------------------------------------------------------------- */

static int
frames_peek(struct dump_reader *r, double *t)
{
	*t = -INFINITY;
	if (amas__buf_len(&r->buf) == 0)
		return r->eof ? DUMP_READ_END : DUMP_READ_AGAIN;
	return DUMP_READ_NEXT;
}

/* Such a file has no times: what comes by a pipe comes now. */
static void
frames_step(struct dump_reader *r)
{
	double t = r->d->live ? dump_now() : 0;

	if (r->conn == NULL) {
		r->conn = dump_conn_new(r->d, "", "");
		if (r->conn == NULL) {
			dump_nomem(r->d);
			return;
		}
		r->conn->one_way = true;
		r->conn->file = r->name;
	}
	if (amas__buf_reserve(&r->buf, 1) != 0) {
		dump_nomem(r->d);
		return;
	}
	dump_conn_bytes(r->conn, false, amas__buf_head(&r->buf),
	    amas__buf_len(&r->buf), t);
	amas__buf_truncate(&r->buf, 0);
}

static void
frames_free(struct dump_reader *r)
{
	dump_conn_free(r->conn, r->d->live ? dump_now() : 0);
}

const struct dump_reader_ops dump_frames_ops = { frames_peek, frames_step,
	frames_free };

/* ---- Forms -------------------------------------------------------------- */

/*
 * What begins as text may be lines all the same, behind what a program has said
 * before its trace; NULL: more bytes are needed.
 */
static const struct dump_reader_ops *
form_of_text(const struct dump_reader *r)
{
	const char *p = amas__buf_head(&r->buf);
	size_t len = amas__buf_len(&r->buf), i;

	for (i = 0; i < len && i < TEXT_MAX; i++) {
		if (p[i] == '\n' && i + 1 < len && (p[i + 1] == '{' ||
		    p[i + 1] == '['))
			return &dump_lines_form;
		if ((unsigned char)p[i] < ' ' && (p[i] == '\0' ||
		    strchr("\t\r\n\033", p[i]) == NULL))
			return &dump_frames_ops;
	}
	return i == TEXT_MAX || r->eof ? &dump_frames_ops : NULL;
}

/* Tells the form by the first bytes; NULL: more are needed. */
static const struct dump_reader_ops *
form_of(const struct dump_reader *r)
{
	const char *p = amas__buf_head(&r->buf);
	size_t len = amas__buf_len(&r->buf), blank = 0;

	if (len >= 4 && amas__capture_file_is(p))
		return &dump_capture_form;
	while (blank < len && strchr(" \t\r\n", p[blank]) != NULL &&
	    p[blank] != '\0')
		blank++;
	if (blank < len && (p[blank] == '{' || p[blank] == '['))
		return &dump_lines_form;
	if (len < 4 && !r->eof)
		return NULL;
	if (blank == len)
		return &dump_lines_form;
	return amas__get32(p) > dump_max_message(r->d) ? form_of_text(r) :
	    &dump_frames_ops;
}

static int
peek(struct dump_reader *r, double *t)
{
	const struct dump_opts *o = r->d->o;

	if (r->ops == NULL && (r->ops = form_of(r)) == NULL)
		return DUMP_READ_AGAIN;
	if (r->ops != &dump_capture_form && (o->bpf != NULL || o->port != 0)) {
		dump_end(r->d, cmd_error(CMD_USAGE, r->name,
		    "no capture, which --bpf and --port are for"));
		return DUMP_READ_END;
	}
	return r->ops->peek(r, t);
}

/* ---- Reading ------------------------------------------------------------ */

static void
reader_free(struct dump_reader *r)
{
	amas__list_remove(&r->link);
	amas__io_set(&r->io, 0);
	if (r->ops != NULL)
		r->ops->free(r);
	if (r->io.fd > STDIN_FILENO)
		close(r->io.fd);
	amas__buf_fini(&r->buf);
	free(r);
}

/* Tells the earliest of all until one has to be read. */
static void
pump(struct dump_reads *s)
{
	struct dump_reader *r, *first;
	struct amas__link *i, *next;
	double t, first_t = 0;
	int rc;

	while (!s->d->done) {
		first = NULL;
		for (i = s->readers.next; i != &s->readers; i = next) {
			next = i->next;
			r = AMAS__OF(i, struct dump_reader, link);
			rc = peek(r, &t);
			if (rc == DUMP_READ_AGAIN) {
				amas__io_set(&r->io, AMAS__READ);
				return;
			}
			if (rc == DUMP_READ_END) {
				reader_free(r);
			} else if (first == NULL || t < first_t) {
				first = r;
				first_t = t;
			}
		}
		if (first == NULL) {
			dump_trace_free(s); /* tells what got no reply */
			dump_end(s->d, CMD_OK);
			return;
		}
		first->ops->step(first);
	}
}

static void
on_readable(struct amas__io *io, int which)
{
	struct dump_reader *r = AMAS__OF(io, struct dump_reader, io);
	struct dump *d = r->d;
	ssize_t n;

	(void)which;
	if (amas__buf_reserve(&r->buf, READ_SIZE + 1) != 0) {
		dump_nomem(d);
		return;
	}
	n = read(io->fd, r->buf.data + r->buf.end, READ_SIZE);
	if (n == -1 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n == -1)
		d->status = cmd_error(CMD_SYS, r->name, "%s", strerror(errno));
	r->eof = n <= 0;
	if (n > 0)
		r->buf.end += (size_t)n;
	amas__io_set(io, 0);
	pump(r->reads);
}

static int
reader_new(struct dump_reads *s, const char *name)
{
	struct dump_reader *r = amas__zalloc(sizeof *r);
	bool in = strcmp(name, "-") == 0;
	struct stat st;
	int fd;

	if (r == NULL)
		return cmd_nomem();
	fd = in ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	r->name = in ? "standard input" : name;
	if (fd == -1 || fstat(fd, &st) == -1 || (S_ISDIR(st.st_mode) &&
	    (errno = EISDIR) != 0)) {
		free(r);
		return cmd_error(CMD_SYS, in ? "standard input" : name, "%s",
		    strerror(errno));
	}
	if (!S_ISREG(st.st_mode))
		s->d->live = true;
	r->reads = s;
	r->d = s->d;
	amas__buf_init(&r->buf, 0);
	amas__io_init(&r->io, s->d->loop, fd, on_readable);
	amas__list_add(&s->readers, &r->link);
	return CMD_OK;
}

int
dump_reads_open(struct dump_reads **out, struct dump *d)
{
	struct dump_reads *s = amas__zalloc(sizeof *s);
	struct dump_reader *first;
	int status = CMD_OK;
	size_t i;

	if (s == NULL)
		return cmd_nomem();
	*out = s;
	s->d = d;
	amas__list_init(&s->readers);
	for (i = 0; i < d->o->n_reads && status == CMD_OK; i++)
		status = reader_new(s, d->o->reads[i]);
	if (status != CMD_OK)
		return status;
	first = AMAS__OF(s->readers.next, struct dump_reader, link);
	amas__io_set(&first->io, AMAS__READ);
	return CMD_OK;
}

void
dump_reads_free(struct dump_reads *s)
{
	if (s == NULL)
		return;
	while (!amas__list_empty(&s->readers))
		reader_free(AMAS__OF(s->readers.next, struct dump_reader,
		    link));
	dump_trace_free(s);
	free(s);
}
