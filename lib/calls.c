/*
 * Our requests on a channel, from sending to their one report.  A call is in
 * the table of ids while it waits for its answer, or in a list: waiting for the
 * connection alone, held back by whoever has that list, or settled and about to
 * be reported.
 */
#include "channel_int.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "failure.h"
#include "mem.h"

struct call {
	struct amas_channel *ch;
	uint64_t id;
	uint64_t sent;		/* of the channel, up to this call */
	bool in_table;
	amas_reply_fn *fn;
	void *arg;
	struct amas__timer deadline;
	double timeout_s;
	struct amas__link link;		/* waiting, held, sent, settled */
	struct amas_value *content;	/* held: what is to be sent */
	struct amas__link owned;	/* of who may cancel it */
	struct amas_error err;		/* settled: how; code 0: connected */
};

static void
leave_table(struct call *c)
{
	if (!c->in_table)
		return;
	(void)amas__map_take_id(&c->ch->calls->pending, c->id);
	c->in_table = false;
	amas__gate_answered(c->ch);
}

static void
unlink_call(struct call *c)
{
	leave_table(c);
	amas__list_remove(&c->link);
	amas__list_remove(&c->owned);
	amas__timer_stop(&c->deadline);
}

/* Unlinks first, then calls, and touches nothing after. */
static void
report(struct call *c, const struct amas_reply *rep)
{
	amas_reply_fn *fn = c->fn;
	void *arg = c->arg;

	unlink_call(c);
	amas_value_free(c->content);
	free(c);
	if (fn != NULL)
		fn(rep, arg);
}

static void
report_error(struct call *c, const struct amas_error *err)
{
	struct amas_error copy = *err;
	struct amas_channel *ch = amas__channel_ref(c->ch);
	struct amas_reply rep = { .kind = AMAS_ERROR, .code = copy.code,
		.text = copy.text, .origin = ch->peer };

	if (copy.code == 0) {
		rep.kind = AMAS_RESULT;
		rep.text = "";
	}
	report(c, &rep);
	amas__channel_unref(ch);
}

/* Has a call reported by a task: never inside the function that started it. */
static void
settle(struct call *c, const struct amas_error *err)
{
	leave_table(c);
	amas__list_remove(&c->link);
	amas__list_add(&c->ch->calls->settled, &c->link);
	if (err != NULL)
		c->err = *err;
	amas__task_run(c->ch->loop, &c->ch->calls->report);
}

static void
on_report(struct amas__task *t)
{
	struct calls *calls = AMAS__OF(t, struct calls, report);
	struct amas_channel *ch = calls->ch;
	struct amas__link *last = calls->settled.prev;
	struct call *c;
	bool more = true;

	amas__channel_ref(ch);
	/* What is settled meanwhile waits for the next turn. */
	while (more && !amas__list_empty(&calls->settled)) {
		c = AMAS__OF(calls->settled.next, struct call, link);
		more = &c->link != last;
		report_error(c, &c->err);
	}
	if (!amas__list_empty(&calls->settled))
		amas__task_run(ch->loop, t);
	if (ch->state == OPEN)
		amas__channel_check_done(ch);
	amas__channel_unref(ch);
}

/* Nobody waits for the answer any more, but the peer works on it. */
static void
abandon(struct call *c)
{
	if (c->in_table && c->ch->state == OPEN)
		c->ch->calls->abandoned++;
}

static void
on_deadline(struct amas__timer *t)
{
	struct call *c = AMAS__OF(t, struct call, deadline);
	struct amas_error err;

	amas_error_set(&err, AMAS_ETIMEDOUT, "timed out after %gs, %s",
	    c->timeout_s, amas__channel_phase(c->ch));
	abandon(c);
	report_error(c, &err);
}

/* An id that no open call has; sets it in the table. */
static int
enter_table(struct call *c)
{
	struct calls *calls = c->ch->calls;

	do {
		c->id = calls->next_id;
		calls->next_id = (calls->next_id + 1) % AMAS__SYNC_ID;
	} while (amas__map_get_id(&calls->pending, c->id) != NULL);
	if (amas__map_set_id(&calls->pending, c->id, c) != 0)
		return AMAS_ENOMEM;
	c->in_table = true;
	return 0;
}

static int
make_calls(struct amas_channel *ch)
{
	struct calls *calls = amas__zalloc(sizeof *calls);

	if (calls == NULL)
		return AMAS_ENOMEM;
	calls->ch = ch;
	amas__map_init_counted(&calls->pending);
	amas__list_init(&calls->waiting);
	amas__list_init(&calls->under_way);
	amas__list_init(&calls->settled);
	amas__task_init(&calls->report, on_report);
	ch->calls = calls;
	return 0;
}

static struct call *
call_new(struct amas_channel *ch, double timeout_s, amas_reply_fn *fn,
    void *arg)
{
	struct call *c;

	if (ch->calls == NULL && make_calls(ch) != 0)
		return NULL;
	if ((c = amas__zalloc(sizeof *c)) == NULL)
		return NULL;
	c->ch = ch;
	c->fn = fn;
	c->arg = arg;
	c->timeout_s = timeout_s;
	amas__list_init(&c->link);
	amas__list_init(&c->owned);
	amas__timer_init(&c->deadline, ch->loop, on_deadline);
	return c;
}

/* It begins: it can be cancelled, and its time runs. */
static void
begin(struct call *c, struct amas__link *owner)
{
	if (owner != NULL)
		amas__list_add(owner, &c->owned);
	if (c->timeout_s > 0)
		amas__timer_start(&c->deadline, c->timeout_s);
}

/* Sends it; what it is to wait for, or how it ended, is then known. */
static void
send_call(struct call *c, const struct amas_value *content)
{
	struct amas_channel *ch = c->ch;
	struct amas_error err;

	if (ch->state == ENDED || ch->peer_done) {
		settle(c, amas__channel_why(ch));
	} else if (content == NULL && ch->state == OPEN) {
		settle(c, NULL);
	} else if (content == NULL) {
		amas__list_add(&ch->calls->waiting, &c->link);
	} else if (amas__flow_write(ch, AMAS__REQUEST, NULL, (int64_t)c->id,
	    content, &err) != 0) {
		settle(c, &err);
	} else {
		c->sent = amas__gate_n_sent(ch);
		amas__list_add(&ch->calls->under_way, &c->link);
	}
}

int
amas__channel_request(struct amas_channel *ch, double timeout_s,
    amas_reply_fn *fn, void *arg, const struct amas_value *content,
    struct amas__link *owner)
{
	struct call *c = call_new(ch, timeout_s, fn, arg);

	if (c == NULL)
		return AMAS_ENOMEM;
	if (content != NULL && ch->state != ENDED && enter_table(c) != 0) {
		free(c);
		return AMAS_ENOMEM;
	}
	begin(c, owner);
	send_call(c, content);
	return 0;
}

/*
 * It has an id of its own, so that those of other requests are the same on every
 * run, however often it has to be asked.
 */
int
amas__channel_sync(struct amas_channel *ch, amas_reply_fn *fn, void *arg)
{
	struct amas_value item[3], content;
	struct call *c;

	if (ch->calls != NULL &&
	    amas__map_get_id(&ch->calls->pending, AMAS__SYNC_ID) != NULL)
		return AMAS_EEXIST;
	if ((c = call_new(ch, 0, fn, arg)) == NULL)
		return AMAS_ENOMEM;
	c->id = AMAS__SYNC_ID;
	if (amas__map_set_id(&ch->calls->pending, c->id, c) != 0) {
		free(c);
		return AMAS_ENOMEM;
	}
	c->in_table = true;
	amas__value_text(&item[0], NULL, AMAS_STRING, AMAS__SYNC,
	    strlen(AMAS__SYNC));
	amas__value_list(&item[1], NULL, NULL, 0);
	item[2] = (struct amas_value){ .type = AMAS_MAP };
	amas__value_list(&content, NULL, item, 3);
	send_call(c, &content);
	return 0;
}

int
amas__channel_hold_request(struct amas_channel *ch, double timeout_s,
    amas_reply_fn *fn, void *arg, const struct amas_value *content,
    struct amas__link *owner, struct amas__link *held)
{
	struct call *c = call_new(ch, timeout_s, fn, arg);

	if (c == NULL)
		return AMAS_ENOMEM;
	if (content != NULL &&
	    (c->content = amas_value_keep(content)) == NULL) {
		free(c);
		return AMAS_ENOMEM;
	}
	begin(c, owner);
	amas__list_add(held, &c->link);
	return 0;
}

void
amas__channel_send_held(struct amas__link *held)
{
	struct amas_value *content;
	struct amas_error err;
	struct call *c;

	while (!amas__list_empty(held)) {
		c = AMAS__OF(held->next, struct call, link);
		amas__list_remove(&c->link);
		content = c->content;
		c->content = NULL;
		if (content != NULL && c->ch->state != ENDED &&
		    enter_table(c) != 0) {
			amas__error_nomem(&err);
			settle(c, &err);
		} else {
			send_call(c, content);
		}
		amas_value_free(content);
	}
}

void
amas__channel_report_held(struct amas__link *held,
    const struct amas_reply *rep)
{
	while (!amas__list_empty(held))
		report(AMAS__OF(held->next, struct call, link), rep);
}

void
amas__channel_cancel(struct amas__link *owner)
{
	struct amas_error err;
	struct call *c;

	amas_error_set(&err, AMAS_ECANCELED, "%s",
	    amas_strerror(AMAS_ECANCELED));
	while (!amas__list_empty(owner)) {
		c = AMAS__OF(owner->next, struct call, owned);
		abandon(c);
		if (c->ch->draining) /* it may have been the last */
			amas__task_run(c->ch->loop, &c->ch->calls->report);
		report_error(c, &err);
	}
}

void
amas__calls_connected(struct amas_channel *ch)
{
	struct calls *calls = ch->calls;

	while (calls != NULL && !amas__list_empty(&calls->waiting))
		settle(AMAS__OF(calls->waiting.next, struct call, link), NULL);
}

static struct call *
find(struct amas_channel *ch, const struct amas_value *id)
{
	int64_t n = amas_value_int(id);

	if (ch->calls == NULL || amas_value_type(id) != AMAS_INT || n < 0)
		return NULL;
	return amas__map_get_id(&ch->calls->pending, (uint64_t)n);
}

bool
amas__calls_reply(struct amas_channel *ch, const struct amas__msg *m,
    struct amas__area *area, bool typed)
{
	struct amas_reply rep = { .kind = AMAS_RESULT, .text = "",
		.origin = ch->peer, .value = m->content };
	struct call *c = find(ch, m->id);
	struct amas_error err;

	if (c == NULL && ch->calls != NULL && ch->calls->abandoned > 0) {
		ch->calls->abandoned--;
		return true; /* it timed out, likely */
	}
	if (c == NULL)
		return false;
	ch->stray = 0;
	amas__gate_acked(ch, c->sent);
	if (typed && amas__types_lift(area, &rep.value, &ch->types, ch->lines,
	    &err) != 0) {
		err.code = AMAS_EPROTO; /* the peer's fault, not the caller's */
		report_error(c, &err);
		return true;
	}
	if (m->type == AMAS__FAILURE) {
		rep.kind = AMAS_FAILURE;
		rep.code = AMAS_EREMOTE;
		rep.text = amas__failure_text(area, rep.value);
		if (rep.text == NULL)
			rep.text = "remote failure";
	}
	report(c, &rep);
	amas__channel_check_done(ch); /* it may have waited for this */
	return true;
}

void
amas__calls_fail(struct amas_channel *ch, const struct amas_error *why)
{
	struct calls *calls = ch->calls;
	struct amas_error copy = *why;
	struct call *c;

	if (calls == NULL)
		return;
	while (!amas__list_empty(&calls->waiting))
		report_error(AMAS__OF(calls->waiting.next, struct call, link),
		    &copy);
	while (!amas__list_empty(&calls->settled)) {
		c = AMAS__OF(calls->settled.next, struct call, link);
		report_error(c, &c->err);
	}
	/* Ending one may end others; nothing is sent any more. */
	while (!amas__list_empty(&calls->under_way))
		report_error(AMAS__OF(calls->under_way.next, struct call, link),
		    &copy);
}

bool
amas__calls_unanswered(const struct amas_channel *ch)
{
	return ch->calls != NULL &&
	    ch->calls->pending.n + ch->calls->abandoned > 0;
}

bool
amas__calls_done(const struct amas_channel *ch)
{
	return ch->calls == NULL || (ch->calls->pending.n == 0 &&
	    amas__list_empty(&ch->calls->settled));
}

void
amas__calls_fini(struct amas_channel *ch)
{
	if (ch->calls == NULL)
		return;
	amas__task_cancel(ch->loop, &ch->calls->report);
	amas__map_fini(&ch->calls->pending);
	free(ch->calls);
}

void *
amas__channel_call_arg(const struct amas_channel *ch, int64_t id)
{
	const struct call *c = ch->calls == NULL || id < 0 ? NULL :
	    amas__map_get_id(&ch->calls->pending, (uint64_t)id);

	return c != NULL ? c->arg : NULL;
}

size_t
amas__channel_pending(const struct amas_channel *ch)
{
	return ch->calls != NULL ? ch->calls->pending.n : 0;
}
