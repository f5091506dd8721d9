/*
 * The life of a channel and its input: connecting, reading frames, handing
 * messages on, ending.
 *
 * Who may free what in which callback: everything in every one.  A function
 * that calls out holds a reference and looks at the state afterwards.  The
 * memory goes with the last reference: the program's or the server's, and one
 * of each request that is still open.
 */
#include "channel_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "mem.h"
#include "request.h"

#define READ_MAX ((size_t)1 << 20)	/* bytes of one read into a message */
#define ODD_SHOWN 200		/* bytes of a line that is no message */

/* Who sent the values of an area: the channel, through one more reference. */
struct peer_sender {
	struct amas__sender sender;
	struct amas_channel *ch;
};

/* ---- Memory ---- */

struct amas_channel *
amas__channel_ref(struct amas_channel *ch)
{
	ch->refs++;
	return ch;
}

void
amas__channel_unref(struct amas_channel *ch)
{
	if (--ch->refs > 0)
		return;
	amas__calls_fini(ch);
	amas__frame_reader_fini(&ch->reader);
	amas__types_fini(&ch->types);
	free(ch->peer);
	free(ch->peer_host);
	free(ch->local);
	free(ch);
}

static void
sender_free(struct amas__held *h)
{
	struct peer_sender *s = (struct peer_sender *)(void *)h;

	if (s->ch != NULL)
		amas__channel_unref(s->ch);
	free(s);
}

static struct amas_proxy *
sender_proxy(struct amas__sender *sender, struct amas__area *area,
    const char *path, size_t len)
{
	struct peer_sender *s = (struct peer_sender *)(void *)sender;

	return s->ch->ops->proxy(s->ch, area, path, len);
}

/* A fresh one per message: it holds the channel while values of it live. */
static int
set_sender(struct amas_channel *ch, struct amas__area *area)
{
	struct peer_sender *s = amas__zalloc(sizeof *s);

	if (s == NULL)
		return AMAS_ENOMEM;
	s->sender.held.refs = 1;
	s->sender.held.free = sender_free;
	s->sender.proxy = sender_proxy;
	s->ch = amas__channel_ref(ch);
	amas__area_set_sender(area, &s->sender);
	amas__held_unref(&s->sender.held);
	return 0;
}

/* ---- The end ---- */

static void
close_stream(struct amas_channel *ch, bool reset)
{
	amas__dial_free(ch->dial);
	ch->dial = NULL;
	if (ch->stream == NULL)
		return;
	if (reset)
		amas__stream_abort(ch->stream);
	else
		amas__stream_close(ch->stream);
	ch->stream = NULL;
}

static void
run_endings(struct amas_channel *ch)
{
	struct amas__ending *e;

	while (!amas__list_empty(&ch->endings)) {
		e = AMAS__OF(ch->endings.next, struct amas__ending, link);
		amas__list_remove(&e->link);
		e->fn(e);
	}
}

/*
 * Ends what hangs on it: the calls, the requests, then on_close.  A callback may
 * close it meanwhile; then that does what is left to do.
 */
static void
let_go(struct amas_channel *ch)
{
	amas_close_fn *on_close;

	amas__calls_fail(ch, &ch->why);
	amas__requests_gone(ch);
	run_endings(ch);
	on_close = ch->on_close;
	ch->on_close = NULL;
	if (on_close != NULL && (ch->started || ch->held))
		on_close(ch, &ch->why, ch->arg);
}

/*
 * Ends the connection, whoever did it: what hangs on it, then what the layer
 * above keeps.  Open calls at our own close: the peer is told at once, by a
 * reset, that nobody waits for its work any more.
 */
void
amas__channel_end(struct amas_channel *ch, const struct amas_error *why)
{
	const struct amas__log *log = amas__loop_log(ch->loop);
	bool given_up = why->code == AMAS_ECANCELED && ch->replies == 0 &&
	    ch->pending.n + ch->abandoned > 0;

	if (ch->state == ENDED)
		return;
	amas__channel_ref(ch);
	ch->state = ENDED;
	ch->why = *why;
	if (why->code == AMAS_ECLOSED || why->code == AMAS_ECANCELED)
		amas__log(log, AMAS_LOG_INFO, "%s: closed: %s", ch->peer,
		    why->text);
	else if (ch->started)
		amas__log(log, AMAS_LOG_WARN, "%s: %s", ch->peer, why->text);
	amas__task_cancel(ch->loop, &ch->start);
	close_stream(ch, given_up || ch->drop_output);
	amas__flow_stop(ch);
	if (!ch->held)
		amas__open_remove(&ch->open);
	let_go(ch);
	if (ch->ops->ended != NULL)
		ch->ops->ended(ch, ch->ops_arg);
	amas__channel_unref(ch);
}

void
amas_channel_close(struct amas_channel *ch)
{
	struct amas_error why;
	bool held;

	if (ch == NULL)
		return;
	held = ch->held;
	ch->held = false;
	amas_error_set(&why, AMAS_ECANCELED, "closed by us");
	amas__channel_ref(ch);
	if (held)
		ch->started = true; /* on_close is owed */
	amas__channel_end(ch, &why);
	let_go(ch); /* it was ending: no callback comes after this */
	if (held) {
		amas__open_remove(&ch->open);
		if (ch->ops->closed != NULL)
			ch->ops->closed(ch);
		amas__channel_unref(ch);
	}
	amas__channel_unref(ch);
}

/*
 * Ends it in order if nothing is left to do: the peer sends no more, or we
 * drain.
 */
void
amas__channel_check_done(struct amas_channel *ch)
{
	struct amas_error why;

	if (ch->state != OPEN || !(ch->peer_done || ch->draining))
		return;
	if (ch->n_requests > 0 || ch->pending.n > 0 ||
	    !amas__list_empty(&ch->parked) ||
	    !amas__list_empty(&ch->settled))
		return;
	if (ch->peer_done)
		why = ch->why;
	else
		amas_error_set(&why, AMAS_ECANCELED, "shutting down");
	amas__channel_end(ch, &why);
}

/* ---- Input ---- */

/* How a message begins, kept while it is decoded in its place. */
struct head {
	size_t len;
	char data[ODD_SHOWN];
};

static void
head_init(struct head *h, const struct amas_channel *ch, const char *data,
    size_t len)
{
	h->len = 0;
	if (ch->ops->odd == NULL)
		return;
	h->len = len < sizeof h->data ? len : sizeof h->data;
	memcpy(h->data, data, h->len);
}

/* Whether what is wrong is only told, and skipped. */
static bool
skipped(struct amas_channel *ch, const struct head *h,
    const struct amas_error *why)
{
	if (ch->ops->odd == NULL || why->code == AMAS_ENOMEM)
		return false;
	ch->ops->odd(ch, h->data, h->len, why, ch->ops_arg);
	return true;
}

/* A reply to nothing: the peer is confused. */
static void
stray(struct amas_channel *ch, const struct head *h)
{
	struct amas_error err;

	amas_error_set(&err, AMAS_EPROTO, "reply to no request");
	if (skipped(ch, h, &err) || ++ch->stray < AMAS__STRAY_MAX)
		return;
	amas_error_set(&err, AMAS_EPROTO, "%u replies in a row to no request",
	    ch->stray);
	amas__channel_end(ch, &err);
}

static void
protocol_error(struct amas_channel *ch, const char *data, size_t len,
    const struct amas_error *why)
{
	const char *guess = amas__codec_guess(data, len);
	const char *ours = ch->codec != NULL ? ch->codec->name : "json";
	struct amas_error err;

	if (guess != NULL && strcmp(guess, ours) != 0)
		amas_error_set(&err, why->code, "no %s: %.120s; the peer seems "
		    "to speak %s", ours, why->text, guess);
	else
		amas_error_set(&err, why->code, "no %s: %.200s", ours,
		    why->text);
	amas__channel_end(ch, &err);
}

static void
deliver(struct amas_channel *ch, struct amas__area *area, char *data,
    size_t len)
{
	const struct amas_value *v;
	struct amas_error err;
	struct amas__msg m;
	const struct amas__limits limits = { .max_bytes = ch->max_message };
	struct head head;
	bool typed = false;
	int rc;

	head_init(&head, ch, data, len);
	rc = amas__codec_decode(ch->codec, area, data, len, &limits, &v, &typed,
	    &err);
	if (rc != 0) {
		err.code = rc;
		if (!skipped(ch, &head, &err))
			protocol_error(ch, data, len, &err);
		return;
	}
	if (amas__msg_parse(&m, v, &err) != 0 || (typed &&
	    set_sender(ch, area) != 0 && amas__error_nomem(&err) != 0)) {
		if (!skipped(ch, &head, &err))
			amas__channel_end(ch, &err);
		return;
	}
	amas__channel_trace_received(ch, &m, area, typed);
	if (m.type == AMAS__REQUEST)
		amas__request_take(ch, &m, area, typed);
	else if (!amas__calls_reply(ch, &m, area, typed))
		stray(ch, &head);
}

/*
 * Takes a payload: len bytes with a spare one.  owned: its memory, taken; NULL:
 * it is copied.
 */
void
amas__channel_handle(struct amas_channel *ch, char *data, size_t len,
    char *owned)
{
	struct amas__area *area = amas__area_new(amas__loop_pool(ch->loop));
	struct amas_error err;

	if (area == NULL) {
		free(owned);
	} else if (owned != NULL) {
		if (amas__area_take_memory(area, owned) == 0) {
			deliver(ch, area, data, len);
			amas__area_unref(area);
			return;
		}
	} else if ((data = amas__area_text(area, data, len)) != NULL) {
		deliver(ch, area, data, len);
		amas__area_unref(area);
		return;
	}
	amas__area_unref(area);
	amas__error_nomem(&err);
	amas__channel_end(ch, &err);
}

static void
take_frame(struct amas_channel *ch, const struct amas__frame *f)
{
	struct amas_error err;
	bool hold = amas__flow_blocked(ch) || !amas__list_empty(&ch->parked);

	ch->finished = true;
	if (hold && amas__codec_peek(ch->codec, f->data, f->len) ==
	    AMAS__REQUEST) {
		if (amas__flow_park(ch, f->data, f->len, f->owned) != 0) {
			amas__error_nomem(&err);
			amas__channel_end(ch, &err);
		}
		return;
	}
	amas__channel_handle(ch, f->data, f->len, f->owned);
}

/* What cannot be a message of this connection is the peer's fault. */
static void
bad_frame(struct amas_channel *ch, struct amas_error *err)
{
	if (err->code == AMAS_ETOOBIG)
		err->code = AMAS_EPROTO;
	amas__channel_end(ch, err);
}

/* Goes over bytes that were read. */
static void
take_bytes(struct amas_channel *ch, char *data, size_t len)
{
	struct amas__frame f;
	struct amas_error err;
	int rc = 1;

	while (rc == 1 && ch->state == OPEN) {
		rc = amas__frame_next(&ch->reader, &data, &len, &f, &err);
		if (rc == 1)
			take_frame(ch, &f);
	}
	if (rc < 0)
		bad_frame(ch, &err);
}

static void
take_end(struct amas_channel *ch)
{
	struct amas__frame f;
	struct amas_error err;
	int rc = amas__frame_eof(&ch->reader, &f, &err);

	if (rc == 1)
		take_frame(ch, &f);
	if (ch->state != OPEN)
		return;
	if (rc >= 0)
		amas_error_set(&err, AMAS_ECLOSED, "connection closed by peer");
	ch->peer_done = true;
	ch->why = err;
	if (amas__stream_gone(ch->stream) || (ch->n_requests == 0 &&
	    amas__list_empty(&ch->parked))) {
		amas__channel_end(ch, &err);
		return;
	}
	/* It still reads, maybe: requests are answered, calls will not be. */
	amas__calls_fail(ch, &err);
	if (ch->state == OPEN) {
		amas__flow_update(ch);
		amas__channel_check_done(ch);
	}
}

static void
on_readable(void *arg)
{
	struct amas_channel *ch = arg;
	struct amas__frame f;
	struct amas_error err;
	size_t size;
	char *place = amas__frame_space(&ch->reader, &size);
	bool direct = place != NULL;
	ssize_t n;
	int rc;

	if (!direct &&
	    (place = amas__loop_scratch(ch->loop, &size)) == NULL) {
		amas__error_nomem(&err);
		amas__channel_end(ch, &err);
		return;
	}
	n = amas__stream_read(ch->stream, place,
	    size < READ_MAX ? size : READ_MAX, &err);
	if (n == AMAS__AGAIN)
		return;
	amas__channel_ref(ch);
	ch->moved = true;
	ch->heard = ch->heard || n > 0;
	if (n > 0 && ch->counters != NULL)
		ch->counters->bytes_in += (uint64_t)n;
	if (n < 0) {
		amas__channel_end(ch, &err);
	} else if (n == 0) {
		take_end(ch);
	} else if (!direct) {
		take_bytes(ch, place, (size_t)n);
	} else if ((rc = amas__frame_fill(&ch->reader, (size_t)n, &f,
	    &err)) == 1) {
		take_frame(ch, &f);
	} else if (rc < 0) {
		bad_frame(ch, &err);
	}
	if (ch->state == OPEN)
		amas__flow_update(ch);
	amas__channel_unref(ch);
}

static void
on_written(void *arg, size_t n, size_t queued)
{
	struct amas_channel *ch = arg;

	(void)queued;
	amas__flow_written(ch, n);
	if (ch->state == OPEN && ch->ops->room != NULL)
		ch->ops->room(ch, ch->ops_arg);
}

static void
on_failed(void *arg, const struct amas_error *why)
{
	struct amas_channel *ch = arg;

	if (ch->ops->broken != NULL)
		ch->ops->broken(ch, ch->ops_arg);
	else
		amas__channel_end(ch, why);
}

static const struct amas__stream_events stream_events = {
	.readable = on_readable,
	.written = on_written,
	.failed = on_failed,
};

/* ---- The beginning ---- */

static void
channel_close(struct amas__open *o)
{
	struct amas_channel *ch = AMAS__OF(o, struct amas_channel, open);
	struct amas_error why;

	amas__channel_ref(ch);
	if (ch->state == OPEN && ch->n_requests > 0)
		amas__requests_fail(ch, "shutting down");
	amas_error_set(&why, AMAS_ECANCELED, "shutting down");
	amas__channel_end(ch, &why);
	amas__channel_unref(ch);
}

static void
channel_drain(struct amas__open *o)
{
	struct amas_channel *ch = AMAS__OF(o, struct amas_channel, open);

	if (ch->ops->inner)
		return;
	ch->draining = true;
	if (ch->state != OPEN)
		channel_close(o);
	else
		amas__channel_check_done(ch);
}

static void
channel_release(struct amas__open *o)
{
	amas_channel_close(AMAS__OF(o, struct amas_channel, open));
}

static const struct amas__open_ops open_ops = {
	.close = channel_close,
	.drain = channel_drain,
	.release = channel_release,
};

static void
on_start(struct amas__task *t)
{
	amas__channel_start(AMAS__OF(t, struct amas_channel, start));
}

static int
channel_new(struct amas_channel **out, struct amas_loop *l,
    const struct amas_opts *opts, const char *types,
    const struct amas__channel_ops *ops, void *arg, struct amas_error *err)
{
	struct amas_channel *ch = amas__zalloc(sizeof *ch);
	int rc;

	if (ch == NULL)
		return amas__error_nomem(err);
	ch->refs = 1;
	ch->loop = l;
	ch->ops = ops;
	ch->ops_arg = arg;
	ch->codec = opts->codec;
	ch->lines = opts->lines;
	ch->failure_list = opts->failure_list != 0;
	if (!ch->lines)
		ch->counters = amas__loop_counters(l);
	ch->max_message = opts->max_message != 0 ? opts->max_message :
	    AMAS__FRAME_MAX;
	ch->max_requests = opts->max_requests != 0 ? opts->max_requests :
	    AMAS__REQUESTS_MAX;
	ch->on_open = opts->on_open;
	ch->on_close = opts->on_close;
	ch->on_request = opts->on_request;
	ch->arg = opts->arg;
	amas__list_init(&ch->link);
	amas__list_init(&ch->endings);
	amas__list_init(&ch->rooms);
	amas__list_init(&ch->requests);
	amas__task_init(&ch->start, on_start);
	amas__calls_init(ch);
	amas__frame_reader_init(&ch->reader, ch->lines, ch->max_message);
	if ((rc = amas__types_init(&ch->types, types,
	    opts->on_request == NULL, err)) != 0) {
		amas__channel_unref(ch);
		return rc;
	}
	ch->types.any = ops->any_types;
	amas__flow_init(ch);
	amas__open_add(l, &ch->open, &open_ops);
	*out = ch;
	return 0;
}

/* Gives it up before anybody knew of it. */
static void
channel_discard(struct amas_channel *ch)
{
	ch->state = ENDED;
	close_stream(ch, false);
	amas__flow_stop(ch);
	amas__open_remove(&ch->open);
	amas__channel_unref(ch);
}

static void
set_stream(struct amas_channel *ch, struct amas__stream *s)
{
	ch->stream = s;
	ch->queue = s->queue;
	amas__stream_set_owner(s, &stream_events, ch);
	ch->state = OPEN;
}

void
amas__channel_start(struct amas_channel *ch)
{
	amas__channel_ref(ch);
	amas__log(amas__loop_log(ch->loop), AMAS_LOG_INFO, "%s: connected",
	    ch->peer);
	ch->started = true;
	if (ch->counters != NULL)
		ch->counters->connections++;
	if (ch->on_open != NULL)
		ch->on_open(ch, ch->arg);
	if (ch->state == OPEN)
		amas__flow_update(ch);
	amas__channel_unref(ch);
}

/* A name of the stream, for free(3); NULL: memory is short. */
static char *
name_of(const struct amas_channel *ch, enum amas__stream_name which)
{
	char name[AMAS__STREAM_NAME];

	return amas__strdup(amas__stream_name(ch->stream, which, name,
	    sizeof name));
}

int
amas__channel_accept(struct amas_channel **out, struct amas_loop *l,
    struct amas__stream *s, const struct amas_opts *opts,
    const struct amas__channel_ops *ops, void *arg, struct amas_error *err)
{
	struct amas_channel *ch;
	int rc;

	if ((rc = channel_new(&ch, l, opts, opts->types, ops, arg, err)) != 0) {
		amas__stream_close(s);
		return rc;
	}
	set_stream(ch, s);
	if ((ch->peer = name_of(ch, AMAS__PEER)) == NULL ||
	    (ch->peer_host = name_of(ch, AMAS__PEER_HOST)) == NULL ||
	    (amas__loop_trace(l) != NULL &&
	    (ch->local = name_of(ch, AMAS__LOCAL)) == NULL)) {
		channel_discard(ch);
		return amas__error_nomem(err);
	}
	*out = ch;
	return 0;
}

int
amas__channel_pair(struct amas_channel **out, struct amas_loop *l, int in,
    int out_fd, const char *peer, bool held, const struct amas_opts *opts,
    const struct amas__channel_ops *ops, void *arg, struct amas_error *err)
{
	struct amas_channel *ch;
	int rc;

	if ((rc = channel_new(&ch, l, opts, opts->types, ops, arg, err)) == 0) {
		if ((ch->peer = amas__strdup(peer)) == NULL)
			rc = amas__error_nomem(err);
		else
			rc = amas__stream_new_pair(&ch->stream, l, in, out_fd,
			    err);
		if (rc != 0)
			channel_discard(ch);
	}
	if (rc != 0) {
		close(in);
		if (out_fd != in)
			close(out_fd);
		return rc;
	}
	amas__stream_set_owner(ch->stream, &stream_events, ch);
	ch->state = OPEN;
	ch->held = held;
	amas__task_run(l, &ch->start);
	*out = ch;
	return 0;
}

static void
on_dialed(struct amas__stream *s, const struct amas_error *why, void *arg)
{
	struct amas_channel *ch = arg;
	struct amas_error err;
	struct amas__buf *out;

	ch->dial = NULL;
	if (why != NULL) {
		amas__channel_end(ch, why);
		return;
	}
	set_stream(ch, s);
	amas__channel_ref(ch);
	out = amas__stream_out(ch->stream);
	if (amas__buf_put(out, amas__buf_head(&ch->early),
	    amas__buf_len(&ch->early)) != 0) {
		amas__error_nomem(&err);
		amas__channel_end(ch, &err);
	} else {
		amas__buf_fini(&ch->early);
		if (amas__buf_len(out) > 0)
			amas__stream_flush(ch->stream);
		amas__calls_connected(ch);
		amas__channel_start(ch);
	}
	amas__channel_unref(ch);
}

int
amas__channel_dial(struct amas_channel **out, struct amas_loop *l,
    const struct amas__addr *addr, const struct amas_opts *opts,
    const struct amas__channel_ops *ops, void *arg, struct amas_error *err)
{
	struct amas_channel *ch = NULL;
	char *types = amas__types_join(addr->container, opts->types);
	int rc;

	if (types == NULL)
		return amas__error_nomem(err);
	rc = channel_new(&ch, l, opts, types, ops, arg, err);
	free(types);
	if (rc != 0)
		return rc;
	if ((ch->peer = amas__addr_print(addr)) != NULL)
		ch->queue = amas__dial_is_local(l, addr, ch->peer);
	if (ch->peer == NULL)
		rc = amas__error_nomem(err);
	else
		rc = amas__dial_new(&ch->dial, l, addr,
		    opts->connect_timeout_s, on_dialed, ch, err);
	if (rc != 0) {
		channel_discard(ch);
		return rc;
	}
	ch->held = true;
	*out = ch;
	return 0;
}

void
amas__channel_keep_trying(struct amas_channel *ch, double retry_s)
{
	if (ch->dial != NULL)
		amas__dial_extend(ch->dial, retry_s);
}

void
amas__channel_put_off(struct amas_channel *ch, double pause_s)
{
	if (ch->dial != NULL)
		amas__dial_put_off(ch->dial, pause_s);
}

void
amas__channel_hold(struct amas_channel *ch, bool hold)
{
	ch->on_hold = hold;
	amas__flow_update(ch);
}

/* ---- Looking ---- */

void
amas__channel_each(struct amas_loop *l,
    void (*fn)(struct amas_channel *ch, void *arg), void *arg)
{
	struct amas__link *all = amas__loop_opens(l), *i;
	struct amas_channel *ch;
	struct amas__open *o;

	for (i = all->next; i != all; i = i->next) {
		o = AMAS__OF(i, struct amas__open, link);
		ch = AMAS__OF(o, struct amas_channel, open);
		if (o->ops == &open_ops && ch->state == OPEN && !ch->held &&
		    !ch->ops->inner)
			fn(ch, arg);
	}
}

struct amas_channel *
amas__channel_sender(const struct amas_value *proxy)
{
	struct amas__sender *s = amas__area_sender(proxy->area);

	if (s == NULL || s->proxy != sender_proxy)
		return NULL;
	return ((struct peer_sender *)(void *)s)->ch;
}
