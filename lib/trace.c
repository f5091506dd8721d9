/*
 * Traces.  Lines are gathered until the end of the loop's turn and leave the
 * buffer as the file takes them; only a pipe can make them wait.  A trace that
 * has failed takes nothing more (fd is -1).
 */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "err.h"
#include "linefile.h"
#include "loop.h"
#include "mem.h"
#include "value.h"

#define RETRY_S 0.05		/* between looks at a pipe that is full */
#define LAST_MS 1000		/* for it at the end */
#define FLUSH_SIZE ((size_t)256 << 10)	/* not gathered any longer */

struct amas__trace {
	struct amas_loop *loop;
	struct amas__linefile file;	/* none: it failed */
	char *path, *self;
	const struct amas_clock *clock;	/* NULL: the time since start */
	bool wall;
	double start;
	double moved;		/* when it last took a byte */
	uint64_t n;		/* messages */
	struct amas__task flush;
	struct amas__timer retry;
};

static void
give_up(struct amas__trace *t, const char *why)
{
	amas__log(amas__loop_log(t->loop), AMAS_LOG_WARN,
	    "%s: %s; no more is traced", t->path, why);
	amas__linefile_cut(&t->file);
	close(t->file.fd);
	t->file.fd = -1;
	amas__timer_stop(&t->retry);
}

/* Writes until all is written or the file takes no more now. */
static void
write_some(struct amas__trace *t)
{
	ssize_t n;

	while (t->file.fd != -1 && amas__buf_len(&t->file.buf) > 0) {
		n = amas__pipe_write(t->file.fd, amas__buf_head(&t->file.buf),
		    amas__buf_len(&t->file.buf));
		if (n >= 0) {
			amas__linefile_took(&t->file, (size_t)n);
			t->moved = amas__loop_now(t->loop);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR) {
			give_up(t, strerror(errno));
		}
	}
}

static void
flush(struct amas__trace *t)
{
	size_t before = amas__buf_len(&t->file.buf);

	write_some(t);
	if (t->file.fd == -1 || amas__buf_len(&t->file.buf) == 0)
		return;
	if (amas__buf_len(&t->file.buf) > AMAS__TRACE_QUEUE ||
	    (amas__buf_len(&t->file.buf) == before && amas__loop_now(t->loop) -
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
	amas__linefile_init(&t->file);
	amas__linefile_begin(&t->file, open(path, O_WRONLY | O_CREAT |
	    O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600));
	if (t->file.fd == -1) {
		(void)amas__error_sys(err, AMAS_ESYS, errno, NULL);
		free(t->path);
		free(t->self);
		free(t);
		return AMAS_ESYS;
	}
	t->loop = l;
	t->start = t->moved = amas__loop_now(l);
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
	p.fd = t->file.fd;
	p.events = POLLOUT;
	while (t->file.fd != -1 && amas__buf_len(&t->file.buf) > 0) {
		if (poll(&p, 1, LAST_MS) != 1)
			give_up(t, "its reader is too slow");
		else
			write_some(t);
	}
	amas__task_cancel(t->loop, &t->flush);
	amas__timer_stop(&t->retry);
	if (t->file.fd != -1)
		close(t->file.fd);
	amas__buf_fini(&t->file.buf);
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
	size_t before = amas__buf_len(&t->file.buf), at;
	int rc;

	if (t->file.fd == -1)
		return;
	out.buf = &t->file.buf;
	out.lines = true;
	rc = put_head(t, &out, from, to);
	at = amas__buf_len(&t->file.buf);
	if (rc == 0 && (rc = put_message(&out, m, m->content)) != 0 &&
	    rc != AMAS_ENOMEM) { /* a type that has no name here */
		amas__buf_truncate(&t->file.buf, at);
		rc = put_message(&out, m, NULL);
	}
	if (rc == 0)
		rc = amas__buf_puts(&t->file.buf, "}\n");
	if (rc != 0) {
		amas__buf_truncate(&t->file.buf, before);
		give_up(t, amas_strerror(rc));
	} else if (amas__buf_len(&t->file.buf) > FLUSH_SIZE) {
		flush(t);
	} else {
		amas__task_run(t->loop, &t->flush);
	}
}
