/*
 * Streams between two objects of one process, without a descriptor.  Each end
 * reads what lies in the queue of output of the other.
 *
 * What is said to an end is said by a task of its own, so that never one end
 * runs inside the other.  An end that is closed with output that the other has
 * not read yet lives on until that has, or closes too.
 */
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "mem.h"

struct queue_stream {
	struct amas__stream s;
	struct queue_stream *other;	/* NULL: its memory is gone */
	bool closed;
	struct amas__task task;		/* tells what is new: */
	size_t taken;			/* bytes that the other took */
	char *name;			/* of this end */
};

static struct queue_stream *
of(struct amas__stream *s)
{
	return AMAS__OF(s, struct queue_stream, s);
}

static const struct queue_stream *
of_const(const struct amas__stream *s)
{
	return (const struct queue_stream *)(const void *)s;
}

/* Whether a read would give something: bytes or the end. */
static bool
readable(const struct queue_stream *q)
{
	return q->other == NULL || q->other->closed ||
	    amas__buf_len(&q->other->s.out) > 0;
}

static void
destroy(struct queue_stream *q)
{
	amas__task_cancel(q->s.loop, &q->task);
	amas__buf_fini(&q->s.out);
	if (q->other != NULL)
		q->other->other = NULL;
	free(q->name);
	free(q);
}

static void
wake(struct queue_stream *q)
{
	if (!q->closed)
		amas__task_run(q->s.loop, &q->task);
}

/* One of the two at a time: the owner may free the stream in either. */
static void
on_task(struct amas__task *t)
{
	struct queue_stream *q = AMAS__OF(t, struct queue_stream, task);
	bool more = q->s.reading && readable(q);
	size_t n = q->taken;

	if (q->s.events == NULL)
		return;
	if (n > 0) {
		q->taken = 0;
		if (more) /* comes back for it */
			wake(q);
		q->s.events->written(q->s.arg, n, amas__buf_len(&q->s.out));
	} else if (more) {
		q->s.events->readable(q->s.arg);
	}
}

static void
queue_watch(struct amas__stream *s)
{
	if (s->reading && readable(of(s)))
		wake(of(s));
}

static ssize_t
queue_read(struct amas__stream *s, void *data, size_t len,
    struct amas_error *err)
{
	struct queue_stream *q = of(s), *other = q->other;
	struct amas__buf *from;
	size_t n;

	(void)err;
	if (other == NULL)
		return 0;
	from = &other->s.out;
	if ((n = amas__buf_len(from)) == 0)
		return other->closed ? 0 : AMAS__AGAIN;
	if (n > len)
		n = len;
	memcpy(data, amas__buf_head(from), n);
	amas__buf_consume(from, n);
	if (amas__buf_len(from) == 0)
		amas__loop_give_spare(s->loop, from);
	if (!other->closed) {
		other->taken += n;
		wake(other);
	}
	if (readable(q)) /* more, or the end */
		wake(q);
	return (ssize_t)n;
}

static void
queue_flush(struct amas__stream *s)
{
	struct queue_stream *q = of(s);

	if (q->other != NULL && q->other->s.reading)
		wake(q->other);
}

/* Its output goes when nobody can read it any more. */
static void
queue_close(struct amas__stream *s)
{
	struct queue_stream *q = of(s), *other = q->other;

	q->closed = true;
	amas__task_cancel(s->loop, &q->task);
	if (other != NULL && !other->closed) {
		if (other->s.reading)
			wake(other);
		return;
	}
	destroy(q);
	if (other != NULL)
		destroy(other);
}

static void
queue_abort(struct amas__stream *s)
{
	amas__buf_fini(&s->out);
	queue_close(s);
}

static bool
queue_gone(const struct amas__stream *s)
{
	const struct queue_stream *q = of_const(s);

	return q->other == NULL || q->other->closed;
}

static void
queue_name(const struct amas__stream *s, enum amas__stream_name which,
    char *out, size_t size)
{
	const struct queue_stream *q = of_const(s);
	const char *name = "";

	if (which == AMAS__LOCAL)
		name = q->name;
	else if (which == AMAS__PEER && q->other != NULL)
		name = q->other->name;
	(void)snprintf(out, size, "%s", name);
}

static const struct amas__stream_ops queue_ops = {
	.watch = queue_watch,
	.read = queue_read,
	.flush = queue_flush,
	.close = queue_close,
	.abort = queue_abort,
	.gone = queue_gone,
	.name = queue_name,
};

static struct queue_stream *
end_new(struct amas_loop *l, const char *name)
{
	struct queue_stream *q = amas__zalloc(sizeof *q);

	if (q == NULL || (q->name = amas__strdup(name)) == NULL) {
		free(q);
		return NULL;
	}
	q->s.ops = &queue_ops;
	q->s.loop = l;
	q->s.queue = true;
	amas__task_init(&q->task, on_task);
	amas__buf_init(&q->s.out, 0);
	return q;
}

int
amas__stream_new_queue(struct amas__stream *ends[2], struct amas_loop *l,
    const char *name, const char *self, struct amas_error *err)
{
	struct queue_stream *a = end_new(l, self), *b = end_new(l, name);

	if (a == NULL || b == NULL) {
		if (a != NULL)
			destroy(a);
		if (b != NULL)
			destroy(b);
		return amas__error_nomem(err);
	}
	a->other = b;
	b->other = a;
	ends[0] = &a->s;
	ends[1] = &b->s;
	return 0;
}
