/*
 * Traces.  Lines are gathered until the end of the loop's turn and leave the
 * buffer as the file takes them; only a pipe can make them wait.  A trace that
 * has failed takes nothing more (fd is -1); a file that had no room for a whole
 * line keeps none of it.
 */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "child.h"
#include "err.h"
#include "loop.h"
#include "mem.h"
#include "value.h"

#define RETRY_S 0.05		/* between looks at a pipe that is full */
#define LAST_MS 1000		/* for it at the end */
#define FLUSH_SIZE ((size_t)256 << 10)	/* not gathered any longer */

struct amas__trace {
	struct amas_loop *loop;
	int fd;			/* -1: it failed */
	char *path, *self;
	const struct amas_clock *clock;	/* NULL: the time since start */
	bool wall;
	double start;
	double moved;		/* when it last took a byte */
	uint64_t n;		/* messages */
	off_t lines_end;	/* in a file: behind its last whole line */
	off_t written;
	struct amas__buf buf;
	struct amas__task flush;
	struct amas__timer retry;
};

static void
give_up(struct amas__trace *t, const char *why)
{
	struct stat st;

	amas__log(amas__loop_log(t->loop), AMAS_LOG_WARN,
	    "%s: %s; no more is traced", t->path, why);
	if (fstat(t->fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    ftruncate(t->fd, t->lines_end) == -1)
		errno = 0; /* then its last line is cut */
	close(t->fd);
	t->fd = -1;
	amas__buf_fini(&t->buf);
	amas__timer_stop(&t->retry);
}

/* Notes what the file has taken, and how far its whole lines go. */
static void
took(struct amas__trace *t, size_t n)
{
	const char *head = amas__buf_head(&t->buf);
	const char *end = n > 0 ? memrchr(head, '\n', n) : NULL;

	if (end != NULL)
		t->lines_end = t->written + (end - head) + 1;
	t->written += (off_t)n;
	amas__buf_consume(&t->buf, n);
	t->moved = amas__loop_now(t->loop);
}

/* Writes until all is written or the file takes no more now. */
static void
write_some(struct amas__trace *t)
{
	ssize_t n;

	while (t->fd != -1 && amas__buf_len(&t->buf) > 0) {
		n = amas__pipe_write(t->fd, amas__buf_head(&t->buf),
		    amas__buf_len(&t->buf));
		if (n >= 0)
			took(t, (size_t)n);
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR)
			give_up(t, strerror(errno));
	}
}

static void
flush(struct amas__trace *t)
{
	size_t before = amas__buf_len(&t->buf);

	write_some(t);
	if (t->fd == -1 || amas__buf_len(&t->buf) == 0)
		return;
	if (amas__buf_len(&t->buf) > AMAS__TRACE_QUEUE ||
	    (amas__buf_len(&t->buf) == before && amas__loop_now(t->loop) -
	    t->moved > AMAS__TRACE_STALL_S))
		give_up(t, "its reader is too slow");
	else if (!amas__timer_active(&t->retry) &&
	    !amas__loop_draining(t->loop)) /* the end does not wait for it */
		amas__timer_start(&t->retry, RETRY_S);
}

static void
on_flush(struct amas__task *task)
{
	flush(AMAS__OF(task, struct amas__trace, flush));
}

static void
on_retry(struct amas__timer *timer)
{
	flush(AMAS__OF(timer, struct amas__trace, retry));
}

int
amas__trace_open(struct amas__trace **out, struct amas_loop *l,
    const char *path, const char *self, struct amas_error *err)
{
	struct amas__trace *t = amas__zalloc(sizeof *t);

	if (t == NULL || (t->path = amas__strdup(path)) == NULL ||
	    (t->self = amas__strdup(self)) == NULL) {
		if (t != NULL)
			free(t->path);
		free(t);
		return amas__error_nomem(err);
	}
	/* Without O_NONBLOCK a pipe could hold everything up. */
	t->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK |
	    O_NOCTTY | O_CLOEXEC, 0600);
	if (t->fd == -1) {
		(void)amas__error_sys(err, AMAS_ESYS, errno, NULL);
		free(t->path);
		free(t->self);
		free(t);
		return AMAS_ESYS;
	}
	t->loop = l;
	t->start = t->moved = amas__loop_now(l);
	amas__buf_init(&t->buf, 0);
	amas__task_init(&t->flush, on_flush);
	amas__timer_init(&t->retry, l, on_retry);
	*out = t;
	return 0;
}

void
amas__trace_set_clock(struct amas__trace *t, const struct amas_clock *c)
{
	t->clock = c;
}

void
amas__trace_set_wall(struct amas__trace *t)
{
	t->wall = true;
}

void
amas__trace_free(struct amas__trace *t)
{
	struct pollfd p;

	if (t == NULL)
		return;
	write_some(t);
	p.fd = t->fd;
	p.events = POLLOUT;
	while (t->fd != -1 && amas__buf_len(&t->buf) > 0) {
		if (poll(&p, 1, LAST_MS) != 1)
			give_up(t, "its reader is too slow");
		else
			write_some(t);
	}
	amas__task_cancel(t->loop, &t->flush);
	amas__timer_stop(&t->retry);
	if (t->fd != -1)
		close(t->fd);
	amas__buf_fini(&t->buf);
	free(t->path);
	free(t->self);
	free(t);
}

/* ---- Lines ---- */

static int
put_text(struct amas_out *out, const char *text)
{
	struct amas_value v;

	amas__value_text(&v, NULL, AMAS_STRING, text, strlen(text));
	return amas__json_print(out, &v, 0, true, NULL);
}

static int
put_head(struct amas__trace *t, struct amas_out *out, const char *from,
    const char *to)
{
	double ran_s = amas__loop_now(t->loop) - t->start;
	int rc;

	rc = amas__buf_printf(out->buf, "{\"n\": %llu, \"t\": %.6f, ",
	    (unsigned long long)++t->n, t->clock != NULL ?
	    amas_clock_time(t->clock) : ran_s);
	if (rc == 0 && t->wall)
		rc = amas__buf_printf(out->buf, "\"wall\": %.6f, ", ran_s);
	if (rc == 0)
		rc = amas__buf_puts(out->buf, "\"from\": ");
	if (rc == 0)
		rc = put_text(out, from != NULL ? from : t->self);
	if (rc == 0)
		rc = amas__buf_puts(out->buf, ", \"to\": ");
	if (rc == 0)
		rc = put_text(out, to != NULL ? to : t->self);
	if (rc == 0)
		rc = amas__buf_puts(out->buf, ", \"m\": ");
	return rc;
}

static int
put_message(struct amas_out *out, const struct amas__msg *m,
    const struct amas_value *content)
{
	struct amas_value item[3], triple;

	amas__value_int(&item[0], NULL, m->type);
	item[1] = *m->id;
	if (content != NULL)
		item[2] = *content;
	else
		amas__value_null(&item[2], NULL);
	amas__value_list(&triple, NULL, item, 3);
	return amas__json_print(out, &triple, 0, true, NULL);
}

void
amas__trace_put(struct amas__trace *t, const char *from, const char *to,
    const struct amas_out *how, const struct amas__msg *m)
{
	struct amas_out out = *how;
	size_t before = amas__buf_len(&t->buf), at;
	int rc;

	if (t->fd == -1)
		return;
	out.buf = &t->buf;
	out.lines = true;
	rc = put_head(t, &out, from, to);
	at = amas__buf_len(&t->buf);
	if (rc == 0 && (rc = put_message(&out, m, m->content)) != 0 &&
	    rc != AMAS_ENOMEM) { /* a type that has no name here */
		amas__buf_truncate(&t->buf, at);
		rc = put_message(&out, m, NULL);
	}
	if (rc == 0)
		rc = amas__buf_puts(&t->buf, "}\n");
	if (rc != 0) {
		amas__buf_truncate(&t->buf, before);
		give_up(t, amas_strerror(rc));
	} else if (amas__buf_len(&t->buf) > FLUSH_SIZE) {
		flush(t);
	} else {
		amas__task_run(t->loop, &t->flush);
	}
}
