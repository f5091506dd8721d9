/*
 * Views that are lines.  What a request looks like is kept until its reply has
 * come, if both are one line or if a filter cannot tell before.
 */
#include "dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump_conn.h"
#include "mem.h"

#define WAIT_S 1.0		/* then a request is shown without its reply */

static struct dump_lines *
of(struct dump_view *v)
{
	return (struct dump_lines *)(void *)v;
}

/*
 * A line to standard output; who reads a live view sees it at once, but what
 * passed at a time is written at a time.
 */
static void
write_stdout(struct dump_lines *l, const char *line, size_t len)
{
	struct dump *d = l->view.d;

	if (fwrite_unlocked(line, 1, len, stdout) != len ||
	    putc_unlocked('\n', stdout) == EOF)
		dump_output_failed(d);
	else if (d->live)
		amas__task_run(d->loop, &d->flush);
}

static void
write_line(struct dump_lines *l, const char *line, size_t len)
{
	struct dump *d = l->view.d;

	if (d->done || d->enough)
		return;
	l->write(l, line, len);
	if (l->left > 0 && --l->left == 0)
		dump_enough(d);
}

static void
write_buf(struct dump_lines *l)
{
	write_line(l, amas__buf_head(&l->buf), amas__buf_len(&l->buf));
}

/* Whether a request is kept, and begins the line then. */
static bool
put_held(struct dump_lines *l, const struct dump_call *k)
{
	const char *held = k->held[l->slot];

	return held != NULL &&
	    amas__buf_put(&l->buf, held, k->held_len[l->slot]) == 0;
}

static void
keep(struct dump_lines *l, struct dump_call *k)
{
	k->held[l->slot] = amas__strndup(amas__buf_head(&l->buf),
	    amas__buf_len(&l->buf));
	k->held_len[l->slot] = amas__buf_len(&l->buf);
	if (k->held[l->slot] == NULL)
		dump_nomem(l->view.d);
}

/* Puts an event, behind what is in the buffer. */
static bool
put(struct dump_lines *l, const struct dump_event *e, bool joined)
{
	if (l->ops->put(&l->view, &l->buf, e, joined) == 0)
		return true;
	dump_nomem(l->view.d);
	return false;
}

static void
on_answer(struct dump_lines *l, const struct dump_event *e)
{
	struct dump_call *k = e->call;
	bool joined = l->joined && !k->shown && put_held(l, k);

	if (!l->joined && put_held(l, k)) { /* the filter can tell now */
		write_buf(l);
		amas__buf_truncate(&l->buf, 0);
	}
	if (put(l, e, joined))
		write_buf(l);
}

static void
on_event(struct dump_view *v, const struct dump_event *e)
{
	struct dump_lines *l = of(v);

	if (e->pass == DUMP_NO)
		return;
	amas__buf_truncate(&l->buf, 0);
	if (e->kind == DUMP_REPLY || e->kind == DUMP_FAILURE)
		on_answer(l, e);
	else if (!put(l, e, false))
		return;
	else if (e->kind == DUMP_REQUEST && (l->joined ||
	    e->pass == DUMP_MAYBE))
		keep(l, e->call);
	else
		write_buf(l);
}

static void
on_unanswered(struct dump_view *v, struct dump_call *k, double t)
{
	struct dump_lines *l = of(v);

	(void)t;
	amas__buf_truncate(&l->buf, 0);
	if (k->pass == DUMP_NO || !put_held(l, k))
		return;
	if (l->joined && l->ops->put_open(v, &l->buf, true) != 0)
		dump_nomem(v->d);
	else
		write_buf(l);
}

/* Also for now: what was gathered is written. */
static void
on_end(struct dump_view *v)
{
	struct dump_lines *l = of(v);

	if (l->end != NULL)
		l->end(l);
}

static void
on_free(struct dump_view *v)
{
	struct dump_lines *l = of(v);

	if (l->close != NULL)
		l->close(l);
	amas__buf_fini(&l->buf);
	free(l);
}

static const struct dump_view_ops view_ops = { on_event, on_unanswered, on_end,
	on_end, on_free };

void
dump_lines_init(struct dump_lines *l, struct dump *d,
    const struct dump_lines_ops *ops, unsigned slot)
{
	l->ops = ops;
	l->slot = slot;
	l->write = write_stdout;
	amas__buf_init(&l->buf, 0);
	dump_view_add(d, &l->view, &view_ops);
}

/* ---- What takes long ---- */

static void
show_waiting(struct dump_lines *l, struct dump_call *k)
{
	amas__buf_truncate(&l->buf, 0);
	if (k->shown || k->pass != DUMP_YES || !put_held(l, k) ||
	    l->ops->put_open(&l->view, &l->buf, false) != 0)
		return;
	write_buf(l);
	k->shown = true;
}

static void
look_at(struct dump_lines *l, struct dump_conn *c, double now)
{
	struct amas__link *i;
	struct dump_call *k;

	for (i = c->calls.next; i != &c->calls; i = i->next) {
		k = AMAS__OF(i, struct dump_call, link);
		if (k->t > now - WAIT_S)
			return;
		show_waiting(l, k);
	}
}

void
dump_lines_wait(struct dump *d, double now)
{
	struct amas__link *i, *j;
	struct dump_view *v;

	for (i = d->views.next; i != &d->views; i = i->next) {
		v = AMAS__OF(i, struct dump_view, link);
		if (v->ops != &view_ops || !of(v)->joined)
			continue;
		for (j = d->conns.next; j != &d->conns; j = j->next)
			look_at(of(v), AMAS__OF(j, struct dump_conn, link),
			    now);
	}
}
