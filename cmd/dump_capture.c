/*
 * Captures: TCP connections, put together from packets, are watched.  A file is
 * stepped by its reader, so that several are merged by time; an interface tells
 * by itself.
 */
#include "dump_read.h"

#include <stdio.h>
#include <stdlib.h>

#include "capture.h"
#include "mem.h"

struct dump_capture {
	struct dump *d;
	const char *name;	/* for messages */
	struct amas__capture *c;
	struct amas__buf buf;	/* bytes that may be changed */
	double t;		/* of the last packet */
	bool over;
	int status;		/* an interface: of its end */
};

/* A connection of it. */
struct tcp {
	struct dump_conn *conn;
	bool begun[2];		/* something was told of this direction */
};

/* ---- What it tells ------------------------------------------------------ */

static void
on_open(void *arg, struct amas__flow *f)
{
	struct dump_capture *k = arg;
	struct tcp *tcp = amas__zalloc(sizeof *tcp);
	char name[2][AMAS__CAPTURE_NAME + 8];
	int i;

	for (i = 0; i < 2; i++)
		snprintf(name[i], sizeof name[i], "tcp://%s", f->name[i]);
	if (tcp != NULL)
		tcp->conn = dump_conn_new(k->d, name[0], name[1]);
	if (tcp == NULL || tcp->conn == NULL) {
		free(tcp);
		dump_nomem(k->d);
		return;
	}
	f->user = tcp;
}

/* Where the capture began later than the connection, so may its messages. */
static bool
begin(const struct amas__flow *f, int dir, double t)
{
	struct tcp *tcp = f->user;

	if (tcp == NULL) /* memory was short */
		return false;
	if (!tcp->begun[dir] && !f->start[dir])
		dump_conn_gap(tcp->conn, dir == 1, 0, t);
	tcp->begun[dir] = true;
	return true;
}

static void
on_bytes(void *arg, struct amas__flow *f, int dir, const char *data,
    size_t len, double time_s)
{
	struct dump_capture *k = arg;
	struct tcp *tcp = f->user;

	if (k->d->done || !begin(f, dir, time_s))
		return;
	amas__buf_truncate(&k->buf, 0);
	if (amas__buf_put(&k->buf, data, len) != 0 ||
	    amas__buf_reserve(&k->buf, 1) != 0)
		dump_nomem(k->d);
	else
		dump_conn_bytes(tcp->conn, dir == 1, amas__buf_head(&k->buf),
		    len, time_s);
}

static void
on_gap(void *arg, struct amas__flow *f, int dir, size_t n, double time_s)
{
	struct tcp *tcp = f->user;

	(void)arg;
	if (begin(f, dir, time_s))
		dump_conn_gap(tcp->conn, dir == 1, n, time_s);
}

static void
on_close(void *arg, struct amas__flow *f, double time_s)
{
	struct tcp *tcp = f->user;

	(void)arg;
	if (tcp == NULL)
		return;
	dump_conn_free(tcp->conn, time_s);
	free(tcp);
	f->user = NULL;
}

static void
on_end(void *arg, const struct amas_error *err)
{
	struct dump_capture *k = arg;
	const struct amas__capture_stats *s = amas__capture_stats(k->c);

	k->over = true;
	if (cmd_verbose(AMAS_LOG_INFO))
		(void)cmd_error(CMD_OK, k->name, "%llu packets, %llu of TCP in "
		    "%llu connections; %llu gaps of %llu bytes",
		    (unsigned long long)s->packets,
		    (unsigned long long)s->segments,
		    (unsigned long long)s->flows,
		    (unsigned long long)s->gaps,
		    (unsigned long long)s->gap_bytes);
	if (s->shortened > 0 && k->d->o->iface == NULL &&
	    cmd_verbose(AMAS_LOG_WARN))
		(void)cmd_error(CMD_OK, k->name,
		    "packets are shortened: tcpdump -s 0");
	if (err == NULL)
		return;
	k->status = err->code == AMAS_EPROTO || err->code == AMAS_ETOOBIG ?
	    cmd_error(CMD_INPUT, k->name, "%s", err->text) :
	    cmd_fail(k->name, err);
	if (k->d->status == CMD_OK)
		k->d->status = k->status;
}

static const struct amas__capture_ops ops = { on_open, on_bytes, on_gap,
	on_close, on_end };

/* The interface is gone. */
static void
on_live_end(void *arg, const struct amas_error *err)
{
	struct dump_capture *k = arg;

	on_end(arg, err);
	dump_end(k->d, k->status);
}

static const struct amas__capture_ops live_ops = { on_open, on_bytes, on_gap,
	on_close, on_live_end };

/* ---- Begin and end ------------------------------------------------------ */

/* iface NULL: a file.  Returns CMD_OK or a status (has been said). */
static int
capture_new(struct dump_capture **out, struct dump *d, const char *name,
    const char *iface)
{
	const struct amas__capture_opts o = { .iface = iface,
		.filter = d->o->bpf, .port = (uint16_t)d->o->port };
	struct dump_capture *k = amas__zalloc(sizeof *k);
	struct amas_error err;

	if (k == NULL)
		return cmd_nomem();
	k->d = d;
	k->name = name;
	amas__buf_init(&k->buf, 0);
	if (amas__capture_open(&k->c, d->loop, &o, iface != NULL ? &live_ops :
	    &ops, k, &err) != 0) {
		free(k);
		if (err.code == AMAS_EINVAL)
			return cmd_error(CMD_USAGE, "--bpf", "\"%s\": %s",
			    d->o->bpf, err.text);
		return cmd_fail(name, &err);
	}
	*out = k;
	return CMD_OK;
}

int
dump_capture_open(struct dump_capture **out, struct dump *d)
{
	return capture_new(out, d, d->o->iface, d->o->iface);
}

void
dump_capture_free(struct dump_capture *k)
{
	if (k == NULL)
		return;
	if (!k->over && (!k->d->done || k->d->o->iface != NULL))
		amas__capture_end(k->c, false); /* tells what was lost, too */
	amas__capture_free(k->c);
	amas__buf_fini(&k->buf);
	free(k);
}

/* ---- As a form of files ------------------------------------------------- */

static int
peek(struct dump_reader *r, double *t)
{
	struct dump_capture *k;
	struct amas_error err;
	int rc;

	if (r->capture == NULL && (rc = capture_new(&r->capture, r->d, r->name,
	    NULL)) != CMD_OK) {
		dump_end(r->d, rc);
		return DUMP_READ_END;
	}
	k = r->capture;
	if (k->over)
		return DUMP_READ_END;
	if (amas__buf_len(&r->buf) > 0 && amas__capture_put(k->c,
	    amas__buf_head(&r->buf), amas__buf_len(&r->buf), &err) != 0)
		dump_nomem(r->d);
	amas__buf_truncate(&r->buf, 0);
	rc = amas__capture_next(k->c, t);
	if (rc == 0 && !r->eof)
		return DUMP_READ_AGAIN;
	if (rc == 1)
		k->t = *t;
	*t = k->t; /* what is left is told at the last time */
	return DUMP_READ_NEXT;
}

static void
step(struct dump_reader *r)
{
	struct dump_capture *k = r->capture;
	double t;

	if (amas__capture_next(k->c, &t) == 1)
		amas__capture_step(k->c);
	else
		amas__capture_end(k->c, true);
}

static void
capture_free(struct dump_reader *r)
{
	dump_capture_free(r->capture);
}

const struct dump_reader_ops dump_capture_form = { peek, step, capture_free };
