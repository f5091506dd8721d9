/*
 * Message lines both ways: requests that the user writes are sent, under ids of
 * the connection; answers come back under those of the user.  Requests of the
 * peer that -x does not serve are written, numbered from 0, and wait for the
 * user's answer.
 *
 * Every request line with an id gets one answer, whatever happens to it.
 */
#include "call.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "call_request.h"
#include "call_session.h"
#include "channel.h"
#include "err.h"
#include "map.h"
#include "mem.h"
#include "msg.h"
#include "request.h"

#define PIPE_CALLS 65536	/* of the user's, without answer */

struct pipe {
	struct call_session s;
	struct call_peer peer;
	size_t calls;		/* of the user's, without answer */
	struct amas__map asked;	/* requests of the peer, by number */
	uint64_t next;		/* number of the next */
	bool mute;		/* the user answers no more */
};

/* A request of the user's. */
struct pipe_call {
	struct pipe *p;
	struct amas_value *id;
};

/* A request of the peer's. */
struct pipe_ask {
	struct pipe *p;
	uint64_t n;
	struct amas_request *req;
};

static struct pipe *
pipe_of(struct call_session *s)
{
	return AMAS__OF(s, struct pipe, s);
}

/* ---- Lines out ---- */

/*
 * Writes a message line.  What reads them may be slow: above a bound the peer
 * is not read either.
 */
static int
put_line(struct pipe *p, enum amas__msg_type type, const struct amas_value *id,
    const struct amas_value *content, struct amas_error *err)
{
	struct amas__buf *b = &p->s.out.buf;
	size_t before = amas__buf_len(b);
	int rc;

	if (p->s.deaf != 0)
		return 0;
	if (amas__buf_printf(b, "[%d, ", (int)type) != 0)
		return amas__error_nomem(err);
	if ((rc = call_put_value(b, id, 0, err)) == 0) {
		rc = amas__buf_puts(b, ", ");
		if (rc == 0)
			rc = call_put_value(b, content, 0, err);
		if (rc == 0)
			rc = amas__buf_puts(b, "]\n");
	}
	if (rc != 0) {
		amas__buf_truncate(b, before);
		return rc == AMAS_ENOMEM ? amas__error_nomem(err) : rc;
	}
	call_output_start(&p->s.out);
	if (p->s.ch != NULL && amas__buf_len(b) >= CALL_HELD_MAX)
		amas__channel_hold(p->s.ch, true);
	return 0;
}

static void
wrote(struct call_session *s)
{
	if (s->ch != NULL && amas__buf_len(&s->out.buf) < CALL_HELD_MAX)
		amas__channel_hold(s->ch, false);
}

/* Answers a request of the user's with a failure of ours. */
static int
put_failure(struct pipe *p, const struct amas_value *id, const char *text,
    struct amas_error *err)
{
	struct amas_value *v = amas_value_pack("s", text);
	int rc;

	p->s.failed = true;
	rc = v != NULL ? put_line(p, AMAS__FAILURE, id, v, err) :
	    amas__error_nomem(err);
	amas_value_free(v);
	return rc;
}

/* ---- Requests of the user's ---- */

static void
call_free(struct pipe_call *c)
{
	amas_value_free(c->id);
	free(c);
}

static int
put_reply(struct pipe *p, const struct pipe_call *c,
    const struct amas_reply *rep, struct amas_error *err)
{
	const char *text;
	int rc;

	if (rep->kind == AMAS_ERROR) {
		(void)call_session_sent(&p->s, rep, &text);
		return put_failure(p, c->id, text, err);
	}
	p->s.retry_s = 0;
	if (rep->kind == AMAS_FAILURE)
		p->s.failed = true;
	rc = put_line(p, rep->kind == AMAS_RESULT ? AMAS__REPLY :
	    AMAS__FAILURE, c->id, rep->value, err);
	return rc == 0 || rc == AMAS_ENOMEM ? rc :
	    put_failure(p, c->id, err->text, err);
}

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct pipe_call *c = arg;
	struct pipe *p = c->p;
	struct amas_error err;

	p->calls--;
	if (put_reply(p, c, rep, &err) != 0)
		call_session_end(&p->s, cmd_fail(p->s.o->addr, &err));
	call_free(c);
	call_session_pump(&p->s);
}

static int
send_request(struct pipe *p, const struct amas__msg *m, struct amas_error *err)
{
	struct pipe_call *c = amas__zalloc(sizeof *c);
	int rc = AMAS_ENOMEM;

	if (c != NULL) {
		c->p = p;
		if ((c->id = amas_value_keep(m->id)) != NULL)
			rc = amas__channel_request(p->s.ch, 0, on_reply, c,
			    m->content, NULL);
		if (rc != 0)
			call_free(c);
	}
	if (rc != 0)
		return amas__error_nomem(err);
	p->calls++;
	return 0;
}

/* ---- Requests of the peer's ---- */

static void
ask_free(struct pipe_ask *a)
{
	(void)amas__map_take_id(&a->p->asked, a->n);
	free(a);
}

/* Nobody waits for the answer any more. */
static void
on_gone(void *arg)
{
	struct pipe_ask *a = arg;
	struct amas_request *req = a->req;

	ask_free(a);
	amas_request_fail(req, "peer is gone");
}

/* What a request carries: as it came, but for what is no call at all. */
static struct amas_value *
content_of(const struct pipe *p, const struct amas_request *req)
{
	if (p->s.o->channel)
		return amas_value_pack("v", amas_request_args(req));
	return amas_value_pack("[s%vv]", amas_request_path(req),
	    amas__request_path_len(req), amas_request_args(req),
	    amas_request_kwargs(req));
}

static int
put_ask(struct pipe *p, uint64_t n, const struct amas_request *req,
    struct amas_error *err)
{
	struct amas_value *id = amas_value_pack("I", (int64_t)n);
	struct amas_value *content = content_of(p, req);
	int rc;

	if (id == NULL || content == NULL)
		rc = amas__error_nomem(err);
	else
		rc = put_line(p, AMAS__REQUEST, id, content, err);
	amas_value_free(id);
	amas_value_free(content);
	return rc;
}

static void
on_ask(struct amas_request *req, struct pipe *p)
{
	struct pipe_ask *a;
	struct amas_error err;
	int rc;

	if (p->mute || p->s.over) {
		amas_request_fail(req, "nobody answers here any more");
		return;
	}
	if ((a = amas__zalloc(sizeof *a)) == NULL) {
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return;
	}
	a->p = p;
	a->n = p->next;
	if (amas__map_set_id(&p->asked, a->n, a) != 0)
		rc = amas__error_nomem(&err);
	else
		rc = put_ask(p, a->n, req, &err);
	if (rc != 0) {
		ask_free(a);
		amas_request_fail(req, "%s", err.text);
		return;
	}
	p->next++;
	a->req = amas_request_keep(req);
	amas_request_on_gone(req, on_gone, a);
}

static void
on_call(struct amas_request *req, void *self)
{
	on_ask(req, self);
}

static void
on_request(struct amas_request *req, void *self)
{
	on_ask(req, pipe_of(self));
}

/* The user's answer to one. */
static int
take_answer(struct pipe *p, const struct amas__msg *m, struct amas_error *err)
{
	int64_t n = amas_value_int(m->id);
	struct pipe_ask *a = NULL;
	struct amas_request *req;

	if (amas_value_type(m->id) == AMAS_INT && n >= 0)
		a = amas__map_get_id(&p->asked, (uint64_t)n);
	if (a == NULL)
		return amas_error_set(err, AMAS_EINVAL,
		    "answers no request that is open");
	req = a->req;
	ask_free(a);
	if (m->type == AMAS__REPLY)
		amas__request_reply_value(req, m->content);
	else
		amas__request_fail_value(req, m->content);
	return 0;
}

/* The user answers no more. */
static void
ended(struct call_session *s)
{
	struct pipe *p = pipe_of(s);
	struct amas_request *req;
	struct pipe_ask *a;
	size_t i;

	p->mute = true;
	while (p->asked.n > 0) {
		i = 0;
		a = amas__map_next(&p->asked, &i, NULL, NULL);
		req = a->req;
		ask_free(a);
		amas_request_fail(req, "nobody answers here any more");
	}
}

/* ---- Lines in ---- */

static int
take_line(struct call_session *s, const char *line, size_t len,
    struct amas_error *err)
{
	struct pipe *p = pipe_of(s);
	struct call_request r;
	struct amas__msg m;
	int rc;

	rc = call_request_content(&r, amas__loop_pool(p->peer.loop), line, len,
	    err);
	if (rc != 0)
		return rc;
	if ((rc = amas__msg_parse(&m, r.content, err)) == 0)
		rc = m.type == AMAS__REQUEST ? send_request(p, &m, err) :
		    take_answer(p, &m, err);
	call_request_free(&r);
	return rc;
}

static bool
full(const struct call_session *s)
{
	return ((const struct pipe *)(const void *)s)->calls >= PIPE_CALLS;
}

static bool
room(const struct call_session *s)
{
	return !full(s) && amas__buf_len(&s->out.buf) < CALL_HELD_MAX;
}

static size_t
busy(const struct call_session *s)
{
	return ((const struct pipe *)(const void *)s)->calls;
}

static const struct call_session_ops pipe_ops = {
	.line = take_line,
	.room = room,
	.full = full,
	.busy = busy,
	.ended = ended,
	.wrote = wrote,
};

/* ---- All of it ---- */

/* Has what -x does not serve come to us. */
static int
serve_rest(struct pipe *p)
{
	static const struct amas_function all[] = { { "*", on_call },
		{ NULL, NULL } };
	struct amas_error err;
	int rc = 0;

	p->peer.on_request = on_request;
	if (p->peer.service == NULL)
		rc = amas_service_new(&p->peer.service, &err);
	if (rc == 0)
		rc = amas_service_add(p->peer.service, all, p, &err);
	/* A source without a name answers for all. */
	return rc == 0 || rc == AMAS_EEXIST ? CMD_OK : cmd_fail(NULL, &err);
}

int
call_pipe_run(const struct call_opts *o)
{
	struct pipe p = { .s = { .o = o, .ops = &pipe_ops, .keeps = true } };
	int status;

	p.s.peer = &p.peer;
	amas__map_init(&p.asked);
	if ((status = call_peer_init(&p.peer, o)) == CMD_OK &&
	    (status = serve_rest(&p)) == CMD_OK)
		status = call_session_run(&p.s);
	call_peer_fini(&p.peer);
	amas__map_fini(&p.asked);
	return status;
}
