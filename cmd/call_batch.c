/*
 * Many calls, one for each line of input: over one connection, or (-B -) each
 * over that of its URL; where a host calls for us, all over the one to the host.
 *
 * There are at most -P slots (call_slots.h), and input is read no further than
 * slots are free: so memory is bounded by -P outcomes, whatever their order.
 */
#include "call.h"

#include <stdlib.h>
#include <string.h>

#include "call_agent.h"
#include "call_request.h"
#include "call_session.h"
#include "call_slots.h"
#include "call_urls.h"
#include "channel.h"
#include "err.h"
#include "mem.h"

struct batch {
	struct call_session s;
	struct call_peer peer;
	struct call_urls urls;	/* -B - */
	const char *parent;	/* -B - : the host that calls for us; or NULL */
	struct call_args fixed;	/* -L: what stands before the line */
	struct call_slots slots;
};

static struct batch *
batch_of(struct call_session *s)
{
	return AMAS__OF(s, struct batch, s);
}

static bool
full(const struct call_session *s)
{
	return ((const struct batch *)(const void *)s)->slots.n >=
	    (size_t)s->o->parallel;
}

static bool
room(const struct call_session *s)
{
	const struct batch *b = (const struct batch *)(const void *)s;

	return !full(s) &&
	    b->slots.held + amas__buf_len(&s->out.buf) < CALL_HELD_MAX;
}

static size_t
busy(const struct call_session *s)
{
	return ((const struct batch *)(const void *)s)->slots.n;
}

/* ---- Outcomes ---- */

/* Whether the call itself, by its arguments, is what could not be sent. */
static bool
unsendable(int code)
{
	return code == AMAS_ETYPE || code == AMAS_ETOOBIG ||
	    code == AMAS_EINVAL;
}

/* If it was sent, nobody knows what has become of it: that is its failure. */
static int
no_answer(struct batch *b, struct call_slot *slot,
    const struct amas_reply *rep, struct amas_error *err)
{
	const char *text;
	char cause[512];

	if (b->s.deaf != 0)
		return call_slot_nothing(slot, err);
	if (rep->code == AMAS_ENOMEM)
		return amas__error_nomem(err);
	if (b->s.many && rep->code == AMAS_ECANCELED)
		text = b->s.why; /* the deadline */
	else if (b->s.many && !unsendable(rep->code))
		text = rep->text;
	else if (b->s.many || !call_session_sent(&b->s, rep, &text)) {
		call_args_explain(cause, sizeof cause, b->s.o, rep->text);
		call_session_bad(&b->s, slot->n, cause);
		return call_slot_nothing(slot, err);
	}
	b->s.failed = true;
	return call_slot_failure(slot, text, b->s.many ? rep->origin :
	    b->s.o->addr, err);
}

/*
 * Fails a call of an agent that is known not to be there.  The connection, if
 * not the session's own, is let go last: text may go with it.
 */
static void
fail(struct batch *b, struct call_slot *slot, const char *text,
    const struct amas_channel *ch)
{
	struct call_url *via = slot->via;
	struct amas_error err;
	int rc;

	slot->via = NULL;
	b->s.failed = true;
	rc = call_slot_failure(slot, text, amas_channel_peer(ch), &err);
	if (via != NULL)
		call_url_done(via);
	if (rc != 0)
		call_session_end(&b->s, cmd_fail(b->s.o->addr, &err));
}

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct call_slot *slot = arg;
	struct batch *b = slot->all->owner;
	struct amas_error err;
	int rc;

	if (slot->via != NULL)
		call_url_done(slot->via);
	slot->via = NULL;
	if (rep->kind == AMAS_ERROR) {
		rc = no_answer(b, slot, rep, &err);
	} else {
		b->s.retry_s = 0;
		b->s.failed = b->s.failed || rep->kind == AMAS_FAILURE;
		rc = call_slot_reply(slot, rep, &err);
	}
	if (rc != 0)
		call_session_end(&b->s, cmd_fail(b->s.o->addr, &err));
	call_session_pump(&b->s);
}

/* ---- Calls ---- */

static int
read_request(struct batch *b, struct call_request *r, const char *line,
    size_t len, struct amas_error *err)
{
	const struct call_opts *o = b->s.o;
	struct amas__pool *pool = amas__loop_pool(b->peer.loop);

	if (o->each)
		return call_request_line(r, o->function, &b->fixed, line, len,
		    err);
	if (o->channel)
		return call_request_content(r, pool, line, len, err);
	return call_request_parse(r, pool, line, len, err);
}

static int
send_path(struct amas_channel *ch, const char *path, struct call_slot *slot,
    const struct call_request *r)
{
	const char *fmt = r->kwargs != NULL ? "vv" :
	    r->args != NULL ? "v" : NULL;

	return amas_proxy_call(amas_channel_remote(ch), path, 0, on_reply,
	    slot, fmt, r->args, r->kwargs);
}

/* A call whose agent is being asked for: what it will be sent with. */
struct waiting {
	struct call_wait w;
	struct call_slot *slot;
	struct amas_channel *ch;
	struct call_request r;
	char *path;
};

static void
waiting_free(struct waiting *wait)
{
	call_request_free(&wait->r);
	free(wait->path);
	free(wait);
}

/* The agent is there, or that is the outcome. */
static void
go(struct call_wait *w, const struct amas_reply *rep)
{
	struct waiting *wait = AMAS__OF(w, struct waiting, w);
	struct call_slot *slot = wait->slot;
	struct amas_reply none = *rep;
	int rc = 0;

	if (rep->kind == AMAS_RESULT)
		rc = send_path(wait->ch, wait->path, slot, &wait->r);
	waiting_free(wait);
	if (rc != 0) {
		none.kind = AMAS_ERROR;
		none.code = rc;
		none.text = amas_strerror(rc);
	}
	if (none.kind != AMAS_RESULT)
		on_reply(&none, slot);
}

/* Takes the request and the path, unless it fails. */
static int
wait_for_agent(struct call_target *t, struct call_slot *slot,
    struct call_request *r)
{
	struct waiting *wait = amas__zalloc(sizeof *wait);
	int rc;

	if (wait == NULL)
		return AMAS_ENOMEM;
	wait->w.go = go;
	wait->slot = slot;
	wait->ch = t->ch;
	if ((rc = call_agent_wait(t->agent, t->ch, t->object, &wait->w)) != 0) {
		free(wait);
		return rc;
	}
	wait->r = *r;
	memset(r, 0, sizeof *r);
	wait->path = t->path;
	t->path = NULL;
	return 0;
}

static int
send_target(struct batch *b, struct call_target *t, struct call_slot *slot,
    struct call_request *r)
{
	if (t->agent == NULL || t->agent->there)
		return send_path(t->ch, t->path, slot, r);
	if (t->agent->missing == NULL)
		return wait_for_agent(t, slot, r);
	fail(b, slot, t->agent->missing, t->ch);
	return 0;
}

static int
send_url(struct batch *b, struct call_slot *slot, struct call_request *r,
    struct amas_error *err)
{
	struct call_target t;
	int rc;

	if ((rc = call_url_open(&t, &b->urls, r->path, err)) != 0)
		return rc;
	slot->via = t.url;
	if ((rc = send_target(b, &t, slot, r)) != 0) {
		call_url_done(t.url);
		(void)amas_error_set(err, rc, "%s", amas_strerror(rc));
	}
	call_target_free(&t);
	return rc;
}

/* Of amas/call.  NULL: short of memory. */
static struct amas_value *
via_args(const char *object, const struct call_request *r)
{
	if (r->args == NULL)
		return amas_value_pack("[ss]", object, r->path);
	if (r->kwargs == NULL)
		return amas_value_pack("[ssv]", object, r->path, r->args);
	return amas_value_pack("[ssvv]", object, r->path, r->args, r->kwargs);
}

/* Has the host call what a line names, or calls the host itself. */
static int
send_via(struct batch *b, struct call_slot *slot,
    const struct call_request *r, struct amas_error *err)
{
	struct call_request to = *r;
	struct amas_value *args = NULL;
	char *object;
	int rc;

	if ((rc = call_url_cut(&object, &to.path, r->path, err)) != 0)
		return rc;
	if (strcmp(object, b->parent) == 0) {
		rc = send_path(b->s.ch, to.path, slot, &to);
	} else if ((args = via_args(object, &to)) == NULL) {
		rc = AMAS_ENOMEM;
	} else {
		to = (struct call_request){ .args = args };
		rc = send_path(b->s.ch, "amas/call", slot, &to);
	}
	amas_value_free(args);
	free(object);
	return rc == 0 ? 0 : amas_error_set(err, rc, "%s", amas_strerror(rc));
}

static int
send_call(struct batch *b, struct call_slot *slot, struct call_request *r,
    struct amas_error *err)
{
	int rc = 0;

	if (b->s.many)
		return send_url(b, slot, r, err);
	if (b->parent != NULL)
		return send_via(b, slot, r, err);
	if (b->s.missing != NULL)
		fail(b, slot, b->s.missing, b->s.ch);
	else if (b->s.o->channel)
		rc = amas__channel_request(b->s.ch, 0, on_reply, slot,
		    r->content, NULL);
	else
		rc = send_path(b->s.ch, r->path, slot, r);
	return rc == 0 ? 0 : amas_error_set(err, rc, "%s", amas_strerror(rc));
}

static int
take_line(struct call_session *s, const char *line, size_t len,
    struct amas_error *err)
{
	struct batch *b = batch_of(s);
	struct call_slot *slot;
	struct call_request r;
	int rc;

	if ((rc = read_request(b, &r, line, len, err)) != 0)
		return rc;
	if ((slot = call_slot_new(&b->slots, s->in.n + 1)) == NULL)
		rc = amas__error_nomem(err);
	else if ((rc = send_call(b, slot, &r, err)) != 0)
		call_slot_free(slot);
	call_request_free(&r);
	return rc;
}

/* Answers of all calls come in here. */
static void
drop(struct call_session *s)
{
	call_urls_fini(&batch_of(s)->urls);
}

static const struct call_session_ops batch_ops = {
	.line = take_line,
	.room = room,
	.full = full,
	.busy = busy,
	.drop = drop,
};

int
call_batch_run(const struct call_opts *o)
{
	struct batch b = { .s = { .o = o, .ops = &batch_ops } };
	int status = CMD_OK;

	b.s.peer = &b.peer;
	if (call_is_many(o) && !o->dial)
		b.parent = cmd_env("AMAS_PARENT");
	b.s.many = call_is_many(o) && b.parent == NULL;
	b.s.blank = o->each;
	if (o->each)
		status = call_args_read(&b.fixed, o);
	call_slots_init(&b.slots, o, &b.s.out, &b);
	if (status == CMD_OK &&
	    (status = call_peer_init(&b.peer, o)) == CMD_OK) {
		call_urls_init(&b.urls, &b.peer);
		b.s.agent = !call_is_many(o) && call_peer_is_agent(&b.peer);
		status = call_session_run(&b.s);
	}
	call_slots_fini(&b.slots); /* some, if memory was short */
	call_peer_fini(&b.peer);
	call_args_free(&b.fixed);
	return status;
}
