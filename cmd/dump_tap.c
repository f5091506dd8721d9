/*
 * The tap: each connection to LISTEN becomes one to TARGET.  Bytes pass both
 * ways unchanged, as the ends take them: an end that is slow slows the other
 * down, and what one end closes is closed for the other.
 */
#include "dump.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "dial.h"
#include "dump_conn.h"
#include "dump_inject.h"
#include "dump_listen.h"
#include "mem.h"
#include "stream.h"
#include "tls_setup.h"

#define DUMP_QUEUE_MAX ((size_t)1 << 20)	/* bytes that wait for a slow end */
#define QUEUE_LOW ((size_t)256 << 10)	/* then it is read again */
#define READ_MAX ((size_t)256 << 10)

struct pair;

/* One end: who dialled us, or whom we dialled. */
struct end {
	struct pair *pair;
	struct amas__stream *s;	/* NULL: not connected yet */
	bool ended;		/* no more comes from it */
	bool passed;		/* the other end knows that */
	bool full;		/* it does not take what is there */
};

struct pair {
	struct amas__link link;
	struct dump_tap *tap;
	struct dump_conn *conn;
	struct dump_inject *inject;	/* what passes goes through it; NULL */
	struct amas__dial *dial;	/* while it lasts */
	struct end end[2];	/* [0] dialled us, [1] is the target */
};

struct dump_tap {
	struct dump *d;
	struct amas__addr target;
	char *target_name;
	struct amas__listener *listener;
	struct amas__tls_setup *tls;	/* of the target; NULL: plain */
	struct dump_rules *rules;	/* of --inject, or NULL */
	struct amas__link pairs;
	bool closing;		/* nothing more is read */
};

/* ---- The end of a connection -------------------------------------------- */

/* abort: an end that is left sees a reset, as we saw one. */
static void
pair_free(struct pair *p, bool abort)
{
	int i;

	amas__list_remove(&p->link);
	amas__dial_free(p->dial);
	for (i = 0; i < 2; i++)
		if (abort)
			amas__stream_abort(p->end[i].s);
		else
			amas__stream_close(p->end[i].s);
	p->conn->inject = NULL;
	dump_inject_free(p->inject);
	dump_conn_free(p->conn, dump_now());
	free(p);
}

/* All that came from an end has passed: the other is told. */
static void
pass_end(struct pair *p, bool back)
{
	struct end *to = &p->end[!back];

	p->end[back].passed = true;
	if (to->passed || !amas__stream_end(to->s))
		pair_free(p, false);
}

/* Ends are reset and closed all day, but TLS is ours. */
static void
on_failed(void *arg, const struct amas_error *why)
{
	struct end *e = arg;
	struct pair *p = e->pair;

	if (why->code == AMAS_ETLS)
		(void)cmd_fail(p->conn->name[e == &p->end[1]], why);
	pair_free(p, true);
}

/* No more comes from an end. */
static void
take_end(struct end *from)
{
	struct pair *p = from->pair;
	bool back = from == &p->end[1];

	from->ended = true;
	amas__stream_set_reading(from->s, false);
	if (p->inject != NULL) {
		dump_inject_end(p->inject, back, dump_now());
		return;
	}
	dump_conn_eof(p->conn, back, dump_now());
	pass_end(p, back);
}

/* ---- Bytes -------------------------------------------------------------- */

/*
 * What comes from an end goes to the other one; where faults are made, an answer
 * may come back as well.
 */
static bool
has_room(const struct pair *p, bool back)
{
	if (p->end[!back].full)
		return false;
	return p->inject == NULL || (!p->end[back].full &&
	    dump_inject_held(p->inject, false) <= DUMP_QUEUE_MAX &&
	    dump_inject_held(p->inject, true) <= DUMP_QUEUE_MAX);
}

/* Reads both ends, or no more. */
static void
update(struct pair *p)
{
	bool connected = p->end[1].s != NULL;
	int i;

	for (i = 0; i < 1 + connected; i++)
		amas__stream_set_reading(p->end[i].s, connected &&
		    !p->end[i].ended && !p->tap->closing && has_room(p, i == 1));
}

/* Bytes for an end, which come from the other. */
static void
pass(struct pair *p, bool back, const void *data, size_t len)
{
	struct end *to = &p->end[!back];

	if (amas__buf_put(amas__stream_out(to->s), data, len) != 0) {
		dump_nomem(p->tap->d);
		return;
	}
	amas__stream_flush(to->s);
	to->full = amas__stream_held(to->s) > DUMP_QUEUE_MAX;
	update(p);
}

static bool
holds_back(const struct pair *p)
{
	return p->inject != NULL && (dump_inject_held(p->inject, false) > 0 ||
	    dump_inject_held(p->inject, true) > 0);
}

static void
inject_put(void *arg, bool back, const void *data, size_t len)
{
	struct pair *p = arg;

	pass(p, back, data, len);
	if (p->tap->closing && len == 0 && !holds_back(p))
		pair_free(p, false);
}

static void
inject_end(void *arg, bool back)
{
	pass_end(arg, back);
}

static void
inject_cut(void *arg)
{
	pair_free(arg, false);
}

static const struct dump_inject_ops inject_ops = { inject_put, inject_end,
	inject_cut };

static void
on_readable(void *arg)
{
	struct end *from = arg;
	struct pair *p = from->pair;
	struct dump *d = p->tap->d;
	bool back = from == &p->end[1];
	size_t size;
	char *data = amas__loop_scratch(d->loop, &size);
	struct amas_error err;
	ssize_t n;

	if (data == NULL) {
		dump_nomem(d);
		return;
	}
	n = amas__stream_read(from->s, data, size < READ_MAX ? size : READ_MAX,
	    &err);
	if (n == AMAS__AGAIN)
		return;
	if (n < 0) {
		on_failed(from, &err);
	} else if (n == 0) {
		take_end(from);
	} else if (p->inject != NULL) {
		if (dump_inject_bytes(p->inject, back, data, (size_t)n, dump_now()))
			update(p);
	} else {
		pass(p, back, data, (size_t)n);
		dump_conn_bytes(p->conn, back, data, (size_t)n, dump_now());
	}
}

static void
on_written(void *arg, size_t n, size_t queued)
{
	struct end *to = arg;
	struct pair *p = to->pair;

	(void)n;
	if (!to->full || queued > QUEUE_LOW)
		return;
	to->full = false;
	update(p);
}

static const struct amas__stream_events events = { on_readable, on_written,
	on_failed };

static void
set_end(struct pair *p, int i, struct amas__stream *s)
{
	p->end[i].s = s;
	amas__stream_set_owner(s, &events, &p->end[i]);
}

/* ---- Begin -------------------------------------------------------------- */

static void
on_dialled(struct amas__stream *s, const struct amas_error *why, void *arg)
{
	struct pair *p = arg;
	char name[AMAS__STREAM_NAME];

	p->dial = NULL;
	if (s == NULL) {
		(void)cmd_fail(p->tap->target_name, why);
		pair_free(p, true);
		return;
	}
	set_end(p, 1, s);
	amas__stream_name(s, AMAS__PEER, name, sizeof name);
	if (*name != '\0' && dump_conn_set_name(p->conn, true, name) != 0) {
		dump_nomem(p->tap->d);
		return;
	}
	update(p);
}

static int
dial(struct pair *p)
{
	struct dump_tap *t = p->tap;
	struct amas_error err;

	if (amas__dial_new(&p->dial, t->d->loop, &t->target, t->d->o->wait_s,
	    on_dialled, p, &err) != 0)
		return AMAS_ENOMEM;
	if (t->tls != NULL)
		amas__dial_set_tls(p->dial, t->tls);
	return 0;
}

static void
on_accept(struct amas__stream *s, void *arg)
{
	struct dump_tap *t = arg;
	struct pair *p = amas__zalloc(sizeof *p);
	char name[AMAS__STREAM_NAME];

	amas__stream_name(s, AMAS__PEER, name, sizeof name);
	if (p == NULL || (p->conn = dump_conn_new(t->d, name,
	    t->target_name)) == NULL) {
		free(p);
		amas__stream_abort(s);
		dump_nomem(t->d);
		return;
	}
	if (t->rules != NULL)
		p->conn->inject = p->inject = dump_inject_new(p->conn,
		    t->rules, &inject_ops, p);
	p->tap = t;
	p->end[0].pair = p->end[1].pair = p;
	amas__list_add(&t->pairs, &p->link);
	set_end(p, 0, s);
	if ((t->rules != NULL && p->inject == NULL) || dial(p) != 0) {
		dump_nomem(t->d);
		pair_free(p, true);
	}
}

/* Whether who listens at a would call itself at b. */
static bool
same_place(const struct amas__addr *a, const struct amas__addr *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind != AMAS__ADDR_TCP)
		return strcmp(a->name, b->name) == 0;
	return a->port == b->port && a->port != 0 &&
	    (strcmp(a->host, b->host) == 0 ||
	    (amas__addr_is_loopback(b->host) &&
	    (amas__addr_is_loopback(a->host) || strcmp(a->host, "*") == 0)));
}

static int
open_listener(struct dump_tap *t)
{
	const struct dump_opts *o = t->d->o;
	struct amas__addr a;
	struct amas_error err;
	int status;

	if (amas__addr_parse(&a, o->listen, &err) != 0)
		return cmd_error(CMD_USAGE, o->listen, "%s", err.text);
	if (same_place(&a, &t->target))
		status = cmd_error(CMD_USAGE, o->target,
		    "is LISTEN: it would call itself");
	else
		status = dump_listen(&t->listener, t->d, o->listen, &a,
		    on_accept, t);
	amas__addr_fini(&a);
	return status;
}

int
dump_tap_open(struct dump_tap **out, struct dump *d)
{
	const struct dump_opts *o = d->o;
	struct dump_tap *t = amas__zalloc(sizeof *t);
	struct amas_error err;
	int status = CMD_OK;

	if (t == NULL)
		return cmd_nomem();
	t->d = d;
	amas__list_init(&t->pairs);
	*out = t;
	if (amas__addr_parse(&t->target, o->target, &err) != 0)
		return cmd_error(CMD_USAGE, o->target, "%s", err.text);
	if ((t->target_name = amas__addr_print(&t->target)) == NULL)
		return cmd_nomem();
	if (o->args.tls != NULL && amas__tls_use(&t->tls, d->loop,
	    o->args.tls, false, &err) != 0)
		return cmd_fail(NULL, &err);
	if (o->n_injects > 0)
		status = dump_rules_new(&t->rules, o);
	return status == CMD_OK ? open_listener(t) : status;
}

const char *
dump_tap_addr(const struct dump_tap *t)
{
	return amas__listener_addr(t->listener);
}

void
dump_tap_drain(struct dump_tap *t)
{
	amas__listener_free(t->listener);
	t->listener = NULL;
}

void
dump_tap_close(struct dump_tap *t)
{
	struct amas__link *i, *next;
	struct pair *p;

	dump_tap_drain(t);
	t->closing = true;
	for (i = t->pairs.next; i != &t->pairs; i = next) {
		next = i->next;
		p = AMAS__OF(i, struct pair, link);
		if (holds_back(p))
			update(p);
		else
			pair_free(p, false);
	}
}

void
dump_tap_free(struct dump_tap *t)
{
	if (t == NULL)
		return;
	dump_tap_drain(t);
	while (!amas__list_empty(&t->pairs))
		pair_free(AMAS__OF(t->pairs.next, struct pair, link), false);
	amas__tls_unref(t->tls);
	dump_rules_free(t->rules);
	amas__addr_fini(&t->target);
	free(t->target_name);
	free(t);
}
