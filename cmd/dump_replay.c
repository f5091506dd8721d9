/*
 * Replay: the requests of a recording are sent again by the end that dialled, on
 * a connection for each of the recorded ones.  What was under way at a time may
 * be so again; but a request that was sent when an answer had come, on whatever
 * connection, waits until that has come again.
 */
#include "dump_store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "addr.h"
#include "channel.h"
#include "dump_conn.h"
#include "mem.h"
#include "text.h"

#define TIMEOUT_S 30.0	/* for a reply that the recording has */
#define HOPE_S 1.0	/* at the end, for what got no answer in the recording */

/* A connection that stands for a recorded one. */
struct live {
	struct amas__link link;
	struct dump_replay *r;
	struct amas_channel *ch;
	struct dump_conn *conn;	/* as the views see it */
	int64_t sent, asked;	/* ids of requests, of ours and of the peer's */
	bool failed;		/* that has been said */
};

struct dump_replay {
	struct dump *d;
	struct dump_store *s;
	struct amas__addr addr;
	struct amas_opts opts;
	struct amas__link lives;
	struct dump_entry **order;	/* in the order of their answers */
	size_t n_order, done;	/* done: so many of these have come */
	size_t next;		/* request to send */
	size_t waiting;		/* for answers that the recording has */
	size_t hoping;		/* for others */
	double begin;		/* --speed: when the first was sent */
	struct amas_timer timer;
	struct amas_timer start;
	struct amas_timer silent;	/* while some are waited for */
	bool heard;		/* some reply has come */
	struct amas__buf buf;	/* --diff */
};

static void pump(struct dump_replay *r);

/* ---- Differences -------------------------------------------------------- */

/* Of a traceback the last line: the others have places that may move. */
static bool
same_failure(const struct amas_value *a, const struct amas_value *b)
{
	const struct amas_value *v[2] = { a, b };
	const char *text[2];
	size_t len[2];
	int i;

	if (amas_value_type(a) != AMAS_STRING ||
	    amas_value_type(b) != AMAS_STRING)
		return amas__value_equal(a, b);
	for (i = 0; i < 2; i++) {
		text[i] = amas_value_text(v[i]);
		len[i] = amas_value_len(v[i]);
		amas__last_line(&text[i], &len[i]);
	}
	return len[0] == len[1] && memcmp(text[0], text[1], len[0]) == 0;
}

static bool
same(const struct dump_entry *k, const struct amas_reply *rep)
{
	bool failed = rep->kind == AMAS_FAILURE;

	if (rep->kind == AMAS_ERROR || failed != (k->kind == DUMP_FAILURE))
		return false;
	return failed ? same_failure(k->answer, rep->value) :
	    amas__value_equal(k->answer, rep->value);
}

static int
put_difference(struct dump_replay *r, const struct dump_entry *k,
    const struct amas_reply *rep)
{
	const struct dump_view *v = &r->s->view;
	struct amas__buf *b = &r->buf;
	int rc = dump_text_call(v, b, k->content);

	if (rc == 0)
		rc = amas__buf_puts(b, "\n- ");
	if (rc == 0)
		rc = dump_text_answer(v, b, k->kind, k->answer);
	if (rc == 0)
		rc = amas__buf_puts(b, "\n+ ");
	if (rc == 0)
		rc = rep->kind == AMAS_ERROR ? amas__buf_puts(b, "?") :
		    dump_text_answer(v, b, rep->kind == AMAS_FAILURE ?
		    DUMP_FAILURE : DUMP_REPLY, rep->value);
	return rc == 0 ? amas__buf_putc(b, '\n') : rc;
}

static void
compare(struct dump_replay *r, const struct dump_entry *k,
    const struct amas_reply *rep)
{
	struct dump *d = r->d;

	if (!d->o->diff || k->answer == NULL || same(k, rep))
		return;
	if (d->status == CMD_OK)
		d->status = CMD_FAILED;
	amas__buf_truncate(&r->buf, 0);
	if (put_difference(r, k, rep) != 0)
		dump_nomem(d);
	else if (fwrite(amas__buf_head(&r->buf), 1, amas__buf_len(&r->buf),
	    stdout) != amas__buf_len(&r->buf))
		dump_output_failed(d);
	else
		amas__task_run(d->loop, &d->flush);
}

/* ---- Connections -------------------------------------------------------- */

/* What the other end asks is answered as it was. */
static void
on_request(struct amas_channel *ch, struct amas_request *req, void *arg)
{
	const struct amas_value *content = amas_request_args(req);
	struct live *l = arg;
	struct dump_store *s = l->r->s;
	const struct dump_entry *k = dump_store_find(s, true, content);
	int64_t id = l->asked++;

	(void)ch;
	dump_store_tell(s, l->conn, true, AMAS__REQUEST, id, content);
	dump_store_answer(s, l->conn, false, req, id, k);
}

static const struct amas__channel_ops channel_ops = {
	.request = on_request,
	.foreign = dump_store_proxy,
};

static void
live_free(struct live *l)
{

	if (l == NULL)
		return;
	amas__list_remove(&l->link);
	amas_channel_close(l->ch);
	dump_conn_free(l->conn, dump_now());
	free(l);
}

/* The connection in the place of a recorded one; NULL: there is none (said). */
static struct live *
live_of(struct dump_replay *r, struct dump_past *past)
{
	struct live *l = past->now;
	struct amas_error err;

	if (l != NULL)
		return l;
	if ((l = amas__zalloc(sizeof *l)) == NULL) {
		dump_nomem(r->d);
		return NULL;
	}
	l->r = r;
	amas__list_add(&r->lives, &l->link);
	l->conn = dump_conn_new(r->d, past->name, r->d->o->replay);
	if (l->conn == NULL) {
		dump_nomem(r->d);
	} else if (amas__channel_dial(&l->ch, r->d->loop, &r->addr, &r->opts,
	    &channel_ops, l, &err) != 0) {
		dump_end(r->d, cmd_fail(r->d->o->replay, &err));
	} else {
		past->now = l;
		return l;
	}
	live_free(l);
	return NULL;
}

/* A request of it is over; after the last it closes. */
static void
drop(struct dump_past *past)
{
	if (--past->left > 0)
		return;
	live_free(past->now);
	past->now = NULL;
}

/* ---- Requests ----------------------------------------------------------- */

static void
on_silent(void *arg)
{
	struct dump_replay *r = arg;
	double s = r->d->o->timeout_s;

	r->d->status = cmd_error(CMD_TIMEOUT, r->d->o->replay,
	    "no reply for %g s, %zu are due", s > 0 ? s : TIMEOUT_S,
	    r->waiting);
	dump_end(r->d, CMD_TIMEOUT);
}

/* Begins to wait, or does so anew. */
static void
set_silent(struct dump_replay *r)
{
	double s = r->d->o->timeout_s;

	amas_timer_cancel(&r->silent);
	if (s <= 0)
		s = TIMEOUT_S;
	if (!r->heard)
		s += r->d->o->wait_s;
	if (r->waiting > 0 && isfinite(s))
		amas_timer_call_in(&r->silent, amas_loop_clock(r->d->loop), s,
		    on_silent, r);
}

/* A request that is sent again, until its answer comes. */
struct sent {
	struct dump_replay *r;
	struct dump_entry *k;
	struct live *live;
	int64_t id;
};

static void
say_error(struct live *l, const struct amas_reply *rep)
{
	struct dump *d = l->r->d;

	if (l->failed)
		return;
	l->failed = true;
	d->status = cmd_error(amas_exit_status(rep->code), d->o->replay, "%s",
	    rep->text);
	if (rep->code == AMAS_ECONNECT || rep->code == AMAS_ETLS)
		dump_end(d, d->status);
}

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct sent *sent = arg;
	struct dump_replay *r = sent->r;
	struct dump_entry *k = sent->k;

	if (r->d->done || rep->code == AMAS_ECANCELED) {
		free(sent);
		return;
	}
	if (rep->kind != AMAS_ERROR)
		dump_store_tell(r->s, sent->live->conn, true, rep->kind ==
		    AMAS_FAILURE ? AMAS__FAILURE : AMAS__REPLY, sent->id,
		    rep->value);
	else if (k->answer != NULL)
		say_error(sent->live, rep);
	free(sent);
	compare(r, k, rep);
	k->over = true;
	if (k->answer != NULL)
		r->waiting--;
	else
		r->hoping--;
	r->heard = true;
	set_silent(r);
	drop(k->past);
	pump(r);
}

static void
send_again(struct dump_replay *r, struct dump_entry *k)
{
	struct live *l = live_of(r, k->past);
	struct sent *sent;

	if (l == NULL)
		return;
	if ((sent = amas__zalloc(sizeof *sent)) == NULL) {
		dump_nomem(r->d);
		return;
	}
	sent->r = r;
	sent->k = k;
	sent->live = l;
	sent->id = l->sent++;
	dump_store_tell(r->s, l->conn, false, AMAS__REQUEST, sent->id,
	    k->content);
	if (amas__channel_request(l->ch, 0, on_reply, sent, k->content, NULL) !=
	    0) {
		free(sent);
		dump_nomem(r->d);
	} else if (k->answer != NULL) {
		if (r->waiting++ == 0)
			set_silent(r);
	} else {
		r->hoping++;
	}
}

static void
on_timer(void *arg)
{
	pump(arg);
}

/* Whether it can be sent now; the timer runs if only its time is to come. */
static bool
is_due(struct dump_replay *r, const struct dump_entry *k)
{
	struct amas_clock *clock = amas_loop_clock(r->d->loop);
	double speed = r->d->o->speed, at;

	while (r->done < r->n_order && r->order[r->done]->over)
		r->done++;
	if (r->done < r->n_order && r->order[r->done]->place < k->before)
		return false;
	if (speed <= 0)
		return true;
	at = r->begin + (k->t - r->s->entry[0].t) / speed;
	if (at <= amas_clock_time(clock))
		return true;
	amas_timer_call_at(&r->timer, clock, at, on_timer, r);
	return false;
}

static void
on_hoped(void *arg)
{
	struct dump_replay *r = arg;

	dump_end(r->d, CMD_OK);
}

static void
pump(struct dump_replay *r)
{
	struct dump_store *s = r->s;

	for (; r->next < s->n && !r->d->done; r->next++) {
		if (s->entry[r->next].back)
			continue;
		if (!is_due(r, &s->entry[r->next]))
			return;
		send_again(r, &s->entry[r->next]);
	}
	if (r->waiting > 0)
		return;
	if (r->hoping == 0)
		dump_end(r->d, CMD_OK);
	else
		amas_timer_call_in(&r->timer, amas_loop_clock(r->d->loop),
		    HOPE_S, on_hoped, r);
}

/* ---- Begin and end ------------------------------------------------------ */

static int
by_place(const void *pa, const void *pb)
{
	const struct dump_entry *a = *(struct dump_entry *const *)pa;
	const struct dump_entry *b = *(struct dump_entry *const *)pb;

	return a->place < b->place ? -1 : a->place > b->place;
}

static int
sort_answers(struct dump_replay *r)
{
	struct dump_entry *k;
	size_t i;

	r->order = amas__reallocarray(NULL, r->s->n + 1, sizeof *r->order);
	if (r->order == NULL)
		return cmd_nomem();
	for (i = 0; i < r->s->n; i++) {
		k = &r->s->entry[i];
		if (k->back)
			continue;
		k->past->left++;
		if (k->answer != NULL)
			r->order[r->n_order++] = k;
	}
	qsort(r->order, r->n_order, sizeof *r->order, by_place);
	return CMD_OK;
}

static void
on_start(void *arg)
{
	struct dump_replay *r = arg;

	r->begin = amas_clock_time(amas_loop_clock(r->d->loop));
	pump(r);
}

/* Whether there is a request of who dialled. */
static bool
wants_any(const struct dump_store *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (!s->entry[i].back)
			return true;
	return false;
}

int
dump_replay_new(struct dump_replay **out, struct dump *d, struct dump_store *s)
{
	struct dump_replay *r = amas__zalloc(sizeof *r);
	const struct dump_opts *o = d->o;
	struct amas_error err;

	if (r == NULL)
		return cmd_nomem();
	*out = r;
	r->d = d;
	r->s = s;
	r->opts = (struct amas_opts){ .codec = dump_store_codec(s),
		.types = o->args.types, .max_message = o->args.max_message,
		.tls = o->args.tls, .connect_timeout_s = o->wait_s };
	amas__list_init(&r->lives);
	if (amas__addr_parse(&r->addr, o->replay, &err) != 0)
		return cmd_error(CMD_USAGE, o->replay, "%s", err.text);
	r->addr.container = r->addr.container || s->container;
	amas_timer_call_in(&r->start, amas_loop_clock(d->loop), 0, on_start,
	    r);
	if (!wants_any(s))
		return cmd_error(CMD_INPUT, NULL, "nothing to replay");
	return sort_answers(r);
}

void
dump_replay_free(struct dump_replay *r)
{
	if (r == NULL)
		return;
	amas_timer_cancel(&r->start);
	amas_timer_cancel(&r->timer);
	amas_timer_cancel(&r->silent);
	while (!amas__list_empty(&r->lives))
		live_free(AMAS__OF(r->lives.next, struct live, link));
	amas__addr_fini(&r->addr);
	amas__buf_fini(&r->buf);
	free(r->order);
	free(r);
}
