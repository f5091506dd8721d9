/*
 * A stub: takes connections, and answers each request as a recording does.
 * Requests that it does not have fail.
 */
#include "dump_store.h"

#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "dump_conn.h"
#include "dump_listen.h"
#include "mem.h"

struct dump_stub {
	struct dump *d;
	struct dump_store *s;
	struct amas__listener *listener;	/* NULL: no more come */
	struct amas_opts opts;
	char *types;
	struct amas__link peers;
};

struct peer {
	struct amas__link link;
	struct dump_stub *stub;
	struct amas_channel *ch;
	struct dump_conn *conn;
	int64_t asked;		/* requests until now */
	struct amas__link late;	/* answers that wait for their time */
};

/* An answer that comes after as long as it took. */
struct late {
	struct amas__link link;
	struct peer *peer;
	struct amas_request *req;
	const struct dump_entry *k;
	int64_t id;
	struct amas_timer timer;
};

/* ---- Answers ------------------------------------------------------------ */

static void
on_late(void *arg)
{
	struct late *l = arg;

	amas__list_remove(&l->link);
	dump_store_answer(l->peer->stub->s, l->peer->conn, true, l->req, l->id,
	    l->k);
	free(l);
}

static void
answer_late(struct peer *p, struct amas_request *req,
    const struct dump_entry *k, int64_t id)
{
	struct dump *d = p->stub->d;
	struct late *l = amas__zalloc(sizeof *l);

	if (l == NULL) {
		dump_nomem(d);
		return;
	}
	l->peer = p;
	l->req = amas_request_keep(req);
	l->k = k;
	l->id = id;
	amas__list_add(&p->late, &l->link);
	amas_timer_call_in(&l->timer, amas_loop_clock(d->loop), k->took /
	    d->o->speed, on_late, l);
}

static void
on_request(struct amas_channel *ch, struct amas_request *req, void *arg)
{
	const struct amas_value *content = amas_request_args(req);
	struct peer *p = arg;
	struct dump_stub *stub = p->stub;
	const struct dump_entry *k = dump_store_find(stub->s, false, content);
	int64_t id = p->asked++;

	(void)ch;
	dump_store_tell(stub->s, p->conn, false, AMAS__REQUEST, id, content);
	if (k != NULL && stub->d->o->speed > 0)
		answer_late(p, req, k, id);
	else
		dump_store_answer(stub->s, p->conn, true, req, id, k);
}

/* ---- Connections -------------------------------------------------------- */

static void
peer_free(struct peer *p)
{
	struct amas_request *req;
	struct late *l;

	amas__list_remove(&p->link);
	while (!amas__list_empty(&p->late)) {
		l = AMAS__OF(p->late.next, struct late, link);
		amas__list_remove(&l->link);
		amas_timer_cancel(&l->timer);
		req = l->req;
		free(l);
		amas_request_fail(req, "connection is over");
	}
	dump_conn_free(p->conn, dump_now());
	free(p);
}

static void
on_ended(struct amas_channel *ch, void *arg)
{
	peer_free(arg);
	amas__channel_unref(ch);
}

static const struct amas__channel_ops channel_ops = {
	.request = on_request,
	.foreign = dump_store_proxy,
	.ended = on_ended,
};

static void
on_accept(struct amas__stream *stream, void *arg)
{
	struct dump_stub *s = arg;
	struct peer *p = amas__zalloc(sizeof *p);
	char name[AMAS__STREAM_NAME];
	struct amas_error err;

	(void)amas__stream_name(stream, AMAS__PEER, name, sizeof name);
	if (p == NULL || (p->conn = dump_conn_new(s->d, name,
	    dump_stub_addr(s))) == NULL) {
		free(p);
		amas__stream_abort(stream);
		dump_nomem(s->d);
		return;
	}
	p->stub = s;
	amas__list_init(&p->late);
	amas__list_add(&s->peers, &p->link);
	if (amas__channel_accept(&p->ch, s->d->loop, stream, &s->opts,
	    &channel_ops, p, &err) == 0) {
		amas__channel_start(p->ch);
		return;
	}
	(void)cmd_fail(name, &err);
	peer_free(p);
}

/* ---- Begin and end ------------------------------------------------------ */

static int
set_opts(struct dump_stub *s, bool container)
{
	const struct cmd_args *a = &s->d->o->args;

	s->types = amas__types_join(container || s->s->container, a->types);
	s->opts.types = s->types;
	s->opts.codec = dump_store_codec(s->s);
	s->opts.max_message = a->max_message;
	return s->types != NULL ? CMD_OK : cmd_nomem();
}

int
dump_stub_new(struct dump_stub **out, struct dump *d, struct dump_store *store)
{
	struct dump_stub *s = amas__zalloc(sizeof *s);
	struct amas__addr a;
	struct amas_error err;
	int status;

	if (s == NULL)
		return cmd_nomem();
	*out = s;
	s->d = d;
	s->s = store;
	amas__list_init(&s->peers);
	if (amas__addr_parse(&a, d->o->stub, &err) != 0)
		return cmd_error(CMD_USAGE, d->o->stub, "%s", err.text);
	if ((status = set_opts(s, a.container)) == CMD_OK)
		status = dump_listen(&s->listener, d, d->o->stub, &a,
		    on_accept, s);
	amas__addr_fini(&a);
	return status;
}

const char *
dump_stub_addr(const struct dump_stub *s)
{
	return amas__listener_addr(s->listener);
}

void
dump_stub_drain(struct dump_stub *s)
{
	amas__listener_free(s->listener);
	s->listener = NULL;
}

void
dump_stub_close(struct dump_stub *s)
{
	dump_stub_drain(s);
	while (!amas__list_empty(&s->peers))
		amas_channel_close(AMAS__OF(s->peers.next, struct peer,
		    link)->ch);
}

void
dump_stub_free(struct dump_stub *s)
{
	if (s == NULL)
		return;
	dump_stub_close(s);
	free(s->types);
	free(s);
}
