/*
 * Where packets come from, and the way from there to capture_tcp.c: of a file
 * by the user's hands, of an interface by the loop's.
 *
 * The end is never told from within a callback.  A callback may free the
 * capture: what is under way sees that in freed and only unwinds.
 */
#include "capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture_file.h"
#include "capture_live.h"
#include "capture_packet.h"
#include "capture_tcp.h"
#include "err.h"
#include "loop.h"
#include "mem.h"

#define LIVE_MOST 256	/* packets of an interface in one turn */
#define LIVE_LAST 100	/* turns at the end: more may come all the time */
#define LINKS 8		/* link types with a filter of their own, at once */

struct amas__capture {
	struct amas_loop *loop;
	struct amas__open open;
	const struct amas__capture_ops *ops;
	void *arg;
	uint16_t port;
	char *filter;		/* NULL: none, or the system's */
	struct {
		unsigned link;
		struct amas__capture_filter *f;
	} filters[LINKS];
	size_t n_filters;

	struct amas__capture_file file;
	struct amas__packet ahead;	/* that next has seen */
	bool has_ahead;

	struct amas__capture_live *live;	/* NULL: it is a file */
	struct amas__io io;
	struct amas__task more;	/* packets may be left */
	struct amas__task over;	/* tells the end */

	struct amas__tcp tcp;
	struct amas__capture_stats stats;
	struct amas_error err;	/* what is wrong with it; code 0: nothing */
	bool saw_odd;		/* and said so */
	bool ended;		/* nothing is read any more */
	bool told;		/* the end, too */
	bool freed;
	unsigned busy;		/* calls that still use it */
};

static void
destroy(struct amas__capture *c)
{
	size_t i;

	amas__tcp_fini(&c->tcp);
	amas__capture_file_fini(&c->file);
	amas__capture_live_free(c->live);
	for (i = 0; i < c->n_filters; i++)
		amas__capture_filter_free(c->filters[i].f);
	free(c->filter);
	free(c);
}

static void
release(struct amas__capture *c)
{
	if (--c->busy == 0 && c->freed)
		destroy(c);
}

/* Reads no more.  The first error is what the end tells. */
static void
stop(struct amas__capture *c, const struct amas_error *err)
{
	if (!c->ended && err != NULL && c->err.code == 0)
		c->err = *err;
	c->ended = true;
	if (c->live != NULL)
		amas__io_set(&c->io, 0);
	amas__task_cancel(c->loop, &c->more);
}

/* The same of an interface; the end is told soon. */
static void
finish(struct amas__capture *c, const struct amas_error *err)
{
	if (c->ended)
		return;
	stop(c, err);
	amas__task_run(c->loop, &c->over);
}

static void
tell_end(struct amas__capture *c)
{
	c->busy++;
	c->told = true;
	amas__tcp_end(&c->tcp);
	if (c->live != NULL)
		c->stats.dropped = amas__capture_live_dropped(c->live);
	if (c->stats.dropped > 0)
		amas__log(amas__loop_log(c->loop), AMAS_LOG_WARN,
		    "capture: the system had no room for %llu packets",
		    (unsigned long long)c->stats.dropped);
	if (!c->freed)
		amas__open_remove(&c->open);
	if (!c->freed && c->ops->end != NULL)
		c->ops->end(c->arg, c->err.code != 0 ? &c->err : NULL);
	release(c);
}

static void
on_over(struct amas__task *t)
{
	tell_end(AMAS__OF(t, struct amas__capture, over));
}

/* ---- Packets ---- */

/* The filter for a link type: made when a packet of it comes first. */
static int
find_filter(struct amas__capture *c, unsigned link,
    const struct amas__capture_filter **out, struct amas_error *err)
{
	size_t i;
	int rc;

	for (i = 0; i < c->n_filters && c->filters[i].link != link; i++)
		;
	if (i == LINKS)
		return amas_error_set(err, AMAS_ETOOBIG,
		    "more than %d link types with a filter", LINKS);
	if (i == c->n_filters) {
		if ((rc = amas__capture_filter_new(&c->filters[i].f, link,
		    c->filter, err)) != 0)
			return rc;
		c->filters[i].link = link;
		c->n_filters++;
	}
	*out = c->filters[i].f;
	return 0;
}

/*
 * A packet that cannot be read: the others may be of use, but a file with one
 * is not right.  On a network there are such, and it is said at once.
 */
static void
odd(struct amas__capture *c, const struct amas__packet *p, const char *what)
{
	if (c->saw_odd)
		return;
	c->saw_odd = true;
	if (c->live != NULL)
		amas__log(amas__loop_log(c->loop), AMAS_LOG_WARN,
		    "capture: packet %llu: %s, skipped",
		    (unsigned long long)p->number, what);
	else if (c->err.code == 0)
		(void)amas_error_set(&c->err, AMAS_EPROTO,
		    "packet %llu: %s, skipped", (unsigned long long)p->number,
		    what);
}

static void
unknown(struct amas__capture *c, const struct amas__packet *p)
{
	char what[64];

	snprintf(what, sizeof what, "link type %u is not known", p->link);
	odd(c, p, what);
}

static int
take_segment(struct amas__capture *c, const struct amas__segment *s,
    struct amas_error *err)
{
	if (c->port != 0 && s->port[0] != c->port && s->port[1] != c->port)
		return 0;
	c->stats.segments++;
	return amas__tcp_add(&c->tcp, s, err);
}

static int
take_packet(struct amas__capture *c, const struct amas__packet *p,
    struct amas_error *err)
{
	const struct amas__capture_filter *f;
	struct amas__segment s;
	enum amas__packet_kind kind = amas__capture_packet(p, &s);
	int rc;

	/* No filter is for a link type that is not known here. */
	if (c->filter != NULL && kind != AMAS__PACKET_UNKNOWN) {
		if ((rc = find_filter(c, p->link, &f, err)) != 0)
			return rc;
		if (!amas__capture_filter_match(f, p))
			return 0;
	}
	c->stats.packets++;
	if (p->len < p->wire && (kind == AMAS__PACKET_TCP ||
	    kind == AMAS__PACKET_MALFORMED))
		c->stats.shortened++;
	switch (kind) {
	case AMAS__PACKET_TCP:
		return take_segment(c, &s, err);
	case AMAS__PACKET_OTHER:
		c->stats.ignored++;
		break;
	case AMAS__PACKET_FRAGMENT:
		c->stats.fragments++;
		odd(c, p, "a fragment of IP");
		break;
	case AMAS__PACKET_MALFORMED:
		c->stats.malformed++;
		odd(c, p, "headers that are cut or wrong");
		break;
	case AMAS__PACKET_UNKNOWN:
		c->stats.unknown++;
		unknown(c, p);
		break;
	}
	return 0;
}

/* ---- Files ---- */

int
amas__capture_put(struct amas__capture *c, const void *data, size_t len,
    struct amas_error *err)
{
	return amas__capture_file_put(&c->file, data, len, err);
}

int
amas__capture_next(struct amas__capture *c, double *time_s)
{
	struct amas_error err;
	int rc = 1;

	if (c->ended)
		return c->err.code != 0 ? c->err.code : AMAS_ECANCELED;
	if (!c->has_ahead && (rc = amas__capture_file_next(&c->file,
	    &c->ahead, &err)) < 0)
		stop(c, &err);
	c->has_ahead = rc == 1;
	*time_s = c->has_ahead ? c->ahead.time_s : 0;
	return rc;
}

void
amas__capture_step(struct amas__capture *c)
{
	struct amas_error err;

	if (c->ended || !c->has_ahead)
		return;
	c->busy++;
	c->has_ahead = false;
	if (take_packet(c, &c->ahead, &err) != 0 && !c->freed)
		stop(c, &err);
	release(c);
}

/* ---- Interfaces ---- */

static void
on_live_packet(void *arg, const struct amas__packet *p)
{
	struct amas__capture *c = arg;
	struct amas_error err;

	if (!c->ended && !c->freed && take_packet(c, p, &err) != 0)
		finish(c, &err);
	if (c->ended || c->freed)
		amas__capture_live_break(c->live);
}

/* Returns whether more may be there. */
static bool
read_live(struct amas__capture *c)
{
	struct amas_error err;
	bool more;
	int n;

	if (c->ended)
		return false;
	c->busy++;
	n = amas__capture_live_read(c->live, LIVE_MOST, on_live_packet, c,
	    &err);
	if (n < 0 && !c->freed)
		finish(c, &err);
	more = n > 0 && !c->ended && !c->freed;
	release(c);
	return more;
}

/* The descriptor tells only of packets that libpcap has not fetched. */
static void
read_some(struct amas__capture *c)
{
	if (read_live(c))
		amas__task_run(c->loop, &c->more);
}

static void
on_live(struct amas__io *io, int events)
{
	(void)events;
	read_some(AMAS__OF(io, struct amas__capture, io));
}

static void
on_more(struct amas__task *t)
{
	read_some(AMAS__OF(t, struct amas__capture, more));
}

static int
open_live(struct amas__capture *c, const struct amas__capture_opts *o,
    struct amas_error *err)
{
	int rc = amas__capture_live_open(&c->live, o->iface, o->filter,
	    o->port, err);

	if (rc == 0)
		amas__io_init(&c->io, c->loop, amas__capture_live_fd(c->live),
		    on_live);
	return rc;
}

/* ---- The capture ---- */

static void
on_close(struct amas__open *o)
{
	finish(AMAS__OF(o, struct amas__capture, open), NULL);
}

static void
on_release(struct amas__open *o)
{
	amas__capture_free(AMAS__OF(o, struct amas__capture, open));
}

static const struct amas__open_ops open_ops = {
	.close = on_close, .drain = on_close, .release = on_release,
};

static void
set_up(struct amas__capture *c, struct amas_loop *l,
    const struct amas__capture_opts *o, const struct amas__capture_ops *ops,
    void *arg)
{
	c->loop = l;
	c->ops = ops;
	c->arg = arg;
	c->port = o->port;
	amas__task_init(&c->more, on_more);
	amas__task_init(&c->over, on_over);
	amas__capture_file_init(&c->file);
	amas__tcp_init(&c->tcp, ops, arg, &c->stats);
	if (o->memory != 0)
		c->tcp.memory_max = o->memory;
	if (o->flows != 0)
		c->tcp.flows_max = o->flows;
}

/* Of a file its link types are not known yet; a wrong word is said at once. */
static int
set_filter(struct amas__capture *c, const char *text, struct amas_error *err)
{
	const struct amas__capture_filter *f;

	if (text == NULL)
		return 0;
	if ((c->filter = amas__strdup(text)) == NULL)
		return amas__error_nomem(err);
	return find_filter(c, AMAS__LINK_ETHERNET, &f, err);
}

int
amas__capture_open(struct amas__capture **out, struct amas_loop *l,
    const struct amas__capture_opts *o, const struct amas__capture_ops *ops,
    void *arg, struct amas_error *err)
{
	struct amas__capture *c = amas__zalloc(sizeof *c);
	int rc;

	if (c == NULL)
		return amas__error_nomem(err);
	set_up(c, l, o, ops, arg);
	rc = o->iface != NULL ? open_live(c, o, err) :
	    set_filter(c, o->filter, err);
	if (rc != 0) {
		destroy(c);
		return rc;
	}
	amas__open_add(l, &c->open, &open_ops);
	if (c->live != NULL)
		amas__io_set(&c->io, AMAS__READ);
	*out = c;
	return 0;
}

void
amas__capture_end(struct amas__capture *c, bool eof)
{
	struct amas_error err;
	int n;

	if (c->told)
		return;
	c->busy++;
	if (c->live != NULL)
		for (n = 0; n < LIVE_LAST && read_live(c); n++)
			;
	else if (eof && !c->ended && amas__capture_file_eof(&c->file,
	    &err) != 0)
		stop(c, &err);
	if (!c->freed) {
		stop(c, NULL);
		amas__task_cancel(c->loop, &c->over);
		tell_end(c);
	}
	release(c);
}

void
amas__capture_free(struct amas__capture *c)
{
	if (c == NULL || c->freed)
		return;
	c->busy++;
	c->freed = true;
	stop(c, NULL);
	amas__task_cancel(c->loop, &c->over);
	amas__open_remove(&c->open);
	amas__tcp_abort(&c->tcp);
	release(c);
}

const struct amas__capture_stats *
amas__capture_stats(const struct amas__capture *c)
{
	return &c->stats;
}
