/*
 * What streams of all kinds have: an owner, a queue of output, a table of
 * functions.
 */
#include "stream.h"

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
	s->ops->watch(s);
}

ssize_t
amas__stream_read(struct amas__stream *s, void *data, size_t len,
    struct amas_error *err)
{
	return s->ops->read(s, data, len, err);
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
	s->ops->flush(s);
}

bool
amas__stream_end(struct amas__stream *s)
{
	return s->ops->end != NULL && s->ops->end(s);
}

void
amas__stream_close(struct amas__stream *s)
{
	if (s == NULL)
		return;
	s->events = NULL;
	s->reading = false;
	s->ops->close(s);
}

void
amas__stream_abort(struct amas__stream *s)
{
	if (s == NULL)
		return;
	s->events = NULL;
	s->reading = false;
	s->ops->abort(s);
}

void
amas__stream_set_hard(struct amas__stream *s)
{
	if (s->ops->hard != NULL)
		s->ops->hard(s);
}

bool
amas__stream_gone(const struct amas__stream *s)
{
	return s->ops->gone(s);
}

size_t
amas__stream_held(const struct amas__stream *s)
{
	return amas__buf_len(&s->out) +
	    (s->ops->held != NULL ? s->ops->held(s) : 0);
}

char *
amas__stream_name(const struct amas__stream *s, enum amas__stream_name which,
    char *out, size_t size)
{
	s->ops->name(s, which, out, size);
	return out;
}
