/*
 * The input of a channel: reading frames, decoding them, handing messages on.
 */
#include "channel_int.h"

#include <stdlib.h>
#include <string.h>

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

/* ---- Who sent it ---- */

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

struct amas_channel *
amas__channel_sender(const struct amas_value *proxy)
{
	struct amas__sender *s = amas__area_sender(proxy->area);

	if (s == NULL || s->proxy != sender_proxy)
		return NULL;
	return ((struct peer_sender *)(void *)s)->ch;
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
	if (amas__gate_keeps(ch, &m, area, typed))
		return;
	amas__channel_trace_received(ch, &m, area, typed);
	if (m.type == AMAS__REQUEST)
		amas__request_take(ch, &m, area, typed);
	else if (!amas__calls_reply(ch, &m, area, typed))
		stray(ch, &head);
}

/* What was put off has its turn. */
void
amas__channel_take(struct amas_channel *ch, struct amas__msg *m,
    struct amas__area *area, bool typed)
{
	static const struct head none;

	amas__channel_ref(ch);
	amas__channel_trace_received(ch, m, area, typed);
	if (m->type == AMAS__REQUEST)
		amas__request_take(ch, m, area, typed);
	else if (!amas__calls_reply(ch, m, area, typed))
		stray(ch, &none);
	if (ch->state == OPEN) {
		amas__flow_update(ch);
		amas__channel_check_done(ch);
	}
	amas__channel_unref(ch);
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
	amas__channel_set_why(ch, &err);
	if (!amas__gate_keeps_end(ch))
		amas__channel_over(ch);
}

/* The end of what came has its turn. */
void
amas__channel_over(struct amas_channel *ch)
{
	struct amas_error err = *amas__channel_why(ch);
	struct amas__ending *e;

	if (amas__stream_gone(ch->stream) || (ch->n_requests == 0 &&
	    ch->n_kept == 0 && amas__list_empty(&ch->parked))) {
		amas__channel_end(ch, &err);
		return;
	}
	/* It still reads, maybe: requests are answered, calls will not be. */
	amas__calls_fail(ch, &err);
	if (ch->state == OPEN && (e = ch->input_end) != NULL) {
		ch->input_end = NULL;
		e->fn(e);
	}
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
	ch->taking = true;
	if (n > 0 && ch->counters != NULL)
		ch->counters->bytes_in += (uint64_t)n;
	if (n < 0) {
		amas__channel_set_why(ch, &err);
		ch->peer_done = amas__gate_keeps_end(ch);
		if (!ch->peer_done)
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
	ch->taking = false;
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

const struct amas__stream_events amas__channel_events = {
	.readable = on_readable,
	.written = on_written,
	.failed = on_failed,
};
