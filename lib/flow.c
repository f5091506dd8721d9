/*
 * The flow of bytes through a channel: the queue of output and what it holds
 * back.
 *
 * Only queued replies count, never requests of our own: two peers that both
 * send large requests must not wait for each other.  Above a bound of replies,
 * further requests of the peer are parked undecoded while its replies are still
 * read; when that is full too, reading stops; and if then no byte moves either
 * way for a while, the connection is closed.
 */
#include "channel_int.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "mem.h"

#define SEGMENTS_MIN 16

/* ---- What the queue holds ---- */

static int
segments_grow(struct amas_channel *ch)
{
	struct segment *s = ch->segments == &ch->one ? NULL : ch->segments;
	size_t cap = s != NULL ? ch->seg_cap * 2 : SEGMENTS_MIN;

	if ((s = amas__reallocarray(s, cap, sizeof *s)) == NULL)
		return AMAS_ENOMEM;
	if (ch->segments == &ch->one)
		*s = ch->one;
	ch->segments = s;
	ch->seg_cap = cap;
	return 0;
}

static void
segments_free(struct amas_channel *ch)
{
	if (ch->segments != &ch->one)
		free(ch->segments);
	ch->segments = &ch->one;
	ch->seg_cap = 1;
	ch->seg_at = ch->seg_n = 0;
}

static int
segment_add(struct amas_channel *ch, size_t len, bool reply)
{
	struct segment *s;

	if (ch->seg_n > 0) {
		s = &ch->segments[ch->seg_at + ch->seg_n - 1];
		if (s->reply == reply) {
			s->len += len;
			return 0;
		}
	}
	if (ch->seg_at + ch->seg_n == ch->seg_cap) {
		if (ch->seg_at > 0 && ch->seg_n > 0)
			memmove(ch->segments, ch->segments + ch->seg_at,
			    ch->seg_n * sizeof *s);
		ch->seg_at = 0;
		if (ch->seg_n > ch->seg_cap / 2 && segments_grow(ch) != 0)
			return AMAS_ENOMEM;
	}
	s = &ch->segments[ch->seg_at + ch->seg_n++];
	s->len = len;
	s->reply = reply;
	return 0;
}

static void
segments_written(struct amas_channel *ch, size_t n)
{
	struct segment *s;
	size_t take;

	while (n > 0 && ch->seg_n > 0) {
		s = &ch->segments[ch->seg_at];
		take = n < s->len ? n : s->len;
		s->len -= take;
		n -= take;
		if (s->reply)
			ch->replies -= take;
		if (s->len == 0) {
			ch->seg_at++;
			ch->seg_n--;
		}
	}
	if (ch->seg_n == 0)
		ch->seg_at = 0;
}

static void
early_free(struct amas_channel *ch)
{
	if (ch->early != NULL)
		amas__buf_fini(ch->early);
	free(ch->early);
	ch->early = NULL;
}

/* NULL: it has ended. */
static struct amas__buf *
queue(const struct amas_channel *ch)
{
	return ch->stream != NULL ? amas__stream_out(ch->stream) : ch->early;
}

int
amas__flow_begin_early(struct amas_channel *ch)
{
	if ((ch->early = malloc(sizeof *ch->early)) == NULL)
		return AMAS_ENOMEM;
	amas__buf_init(ch->early, 0);
	return 0;
}

int
amas__flow_send_early(struct amas_channel *ch)
{
	struct amas__buf *out = amas__stream_out(ch->stream);
	int rc = amas__buf_put(out, amas__buf_head(ch->early),
	    amas__buf_len(ch->early));

	early_free(ch);
	if (rc == 0 && amas__buf_len(out) > 0)
		amas__stream_flush(ch->stream);
	return rc;
}

size_t
amas__channel_queued(const struct amas_channel *ch)
{
	const struct amas__buf *out = queue(ch);

	return out != NULL ? amas__buf_len(out) : 0;
}

int
amas__flow_own_path(void *arg, struct amas__held *own, struct amas__buf *path,
    struct amas_error *err)
{
	struct amas_channel *ch = arg;

	return ch->ops->path(ch, ch->ops_arg, own, path, err);
}

static int
foreign_path(void *arg, const struct amas_value *proxy, struct amas__buf *path,
    struct amas_error *err)
{
	struct amas_channel *ch = arg;

	return ch->ops->foreign(ch->ops_arg, proxy, path, err);
}

int
amas__flow_write(struct amas_channel *ch, enum amas__msg_type type,
    const struct amas_value *id, int64_t number,
    const struct amas_value *content, struct amas_error *err)
{
	struct amas__msg m = { .type = type, .id = id, .content = content };
	struct amas_out out = { .buf = queue(ch), .types = &ch->types,
		.lines = ch->lines,
		.path = ch->ops->path != NULL ? amas__flow_own_path : NULL,
		.foreign = ch->ops->foreign != NULL ? foreign_path : NULL,
		.path_arg = ch };
	size_t before = amas__buf_len(out.buf), n;
	struct amas_value own_id;
	int rc;

	rc = amas__msg_write(&out, ch->codec, type, id, number, content,
	    ch->max_message, err);
	if (rc != 0)
		return rc;
	n = amas__buf_len(out.buf) - before;
	if (segment_add(ch, n, type != AMAS__REQUEST) != 0) {
		amas__buf_truncate(out.buf, before);
		return amas__error_nomem(err);
	}
	if (type != AMAS__REQUEST)
		ch->replies += n;
	amas__gate_sent(ch, type, content);
	if (amas__channel_traced(ch)) {
		if (id == NULL) {
			amas__value_int(&own_id, NULL, number);
			m.id = &own_id;
		}
		amas__channel_trace(ch, true, &m);
	}
	if (ch->stream != NULL)
		amas__stream_flush(ch->stream);
	if (!ch->taking)
		amas__flow_update(ch);
	return 0;
}

void
amas__flow_written(struct amas_channel *ch, size_t n)
{
	segments_written(ch, n);
	if (ch->counters != NULL)
		ch->counters->bytes_out += n;
	ch->moved = true;
	if (!amas__flow_blocked(ch) && (!amas__list_empty(&ch->parked) ||
	    !amas__list_empty(&ch->rooms)))
		amas__task_run(ch->loop, &ch->unpark);
	amas__flow_update(ch);
}

/* ---- Requests that wait undecoded ---- */

bool
amas__flow_blocked(const struct amas_channel *ch)
{
	return ch->replies > AMAS__REPLIES_MAX;
}

int
amas__flow_park(struct amas_channel *ch, char *data, size_t len, char *owned)
{
	struct parked *p = malloc(sizeof *p);

	if (p != NULL && owned == NULL &&
	    (owned = amas__strndup(data, len)) != NULL)
		data = owned;
	if (p == NULL || owned == NULL) {
		free(p);
		free(owned);
		return AMAS_ENOMEM;
	}
	if (data != owned) /* the whole allocation is what is freed */
		memmove(owned, data, len);
	p->data = owned;
	p->len = len;
	amas__list_add(&ch->parked, &p->link);
	ch->parked_bytes += len + sizeof *p;
	return 0;
}

bool
amas__channel_full(const struct amas_channel *ch)
{
	return ch->state == OPEN && amas__flow_blocked(ch);
}

void
amas__channel_on_room(struct amas_channel *ch, struct amas__room *r)
{
	amas__list_add(&ch->rooms, &r->link);
}

static void
tell_rooms(struct amas_channel *ch)
{
	struct amas__room *r;

	while (!amas__list_empty(&ch->rooms) && !amas__flow_blocked(ch)) {
		r = AMAS__OF(ch->rooms.next, struct amas__room, link);
		amas__list_remove(&r->link);
		r->fn(r);
	}
}

static void
on_unpark(struct amas__task *t)
{
	struct amas_channel *ch = AMAS__OF(t, struct amas_channel, unpark);
	struct parked *p;
	size_t done = 0;

	amas__channel_ref(ch);
	tell_rooms(ch);
	while (ch->state == OPEN && !amas__list_empty(&ch->parked) &&
	    !amas__flow_blocked(ch)) {
		if (done > (size_t)64 << 10) { /* others want a turn */
			amas__task_run(ch->loop, t);
			break;
		}
		p = AMAS__OF(ch->parked.next, struct parked, link);
		amas__list_remove(&p->link);
		ch->parked_bytes -= p->len + sizeof *p;
		done += p->len;
		amas__channel_handle(ch, p->data, p->len, p->data);
		free(p);
	}
	if (ch->state == OPEN) {
		amas__flow_update(ch);
		amas__channel_check_done(ch);
	}
	amas__channel_unref(ch);
}

/* ---- What follows from it ---- */

static bool
may_read(const struct amas_channel *ch)
{
	if (ch->peer_done || !ch->started || ch->on_hold)
		return false;
	return ch->parked_bytes <= ch->max_message + AMAS__REPLIES_MAX;
}

static bool
watched(const struct amas_channel *ch)
{
	return ch->peer_done || amas__flow_blocked(ch) || !may_read(ch) ||
	    amas__frame_pending(&ch->reader) > 0;
}

void
amas__flow_account(struct amas_channel *ch)
{
	if (ch->state != OPEN || ch->stream == NULL)
		return;
	amas__account_set(&ch->account, amas__frame_pending(&ch->reader) +
	    ch->parked_bytes + ch->kept_bytes + amas__stream_held(ch->stream));
}

void
amas__flow_update(struct amas_channel *ch)
{
	if (ch->state != OPEN || ch->stream == NULL)
		return;
	amas__stream_set_reading(ch->stream, may_read(ch));
	amas__flow_account(ch);
	if (!watched(ch)) {
		amas__timer_stop(&ch->tick);
	} else if (!amas__timer_active(&ch->tick)) {
		ch->idle_ticks = ch->frame_ticks = 0;
		ch->moved = ch->finished = false;
		amas__timer_start(&ch->tick, AMAS__TICK_S);
	}
}

static void
close_for(struct amas_channel *ch, const char *what, unsigned seconds)
{
	struct amas_error err;

	amas_error_set(&err, AMAS_EPROTO, "%s for %u s", what, seconds);
	ch->drop_output = true;
	amas__channel_end(ch, &err);
}

static void
on_tick(struct amas__timer *t)
{
	struct amas_channel *ch = AMAS__OF(t, struct amas_channel, tick);
	size_t unfinished = amas__frame_pending(&ch->reader);
	size_t limit = AMAS__UNFINISHED_S + unfinished / ((size_t)64 << 10);
	struct amas_error err;

	ch->idle_ticks = ch->moved ? 0 : ch->idle_ticks + 1;
	ch->frame_ticks = ch->finished || unfinished == 0 || ch->on_hold ? 0 :
	    ch->frame_ticks + 1; /* on hold it is we who do not go on */
	ch->moved = ch->finished = false;
	if (ch->peer_done && !amas__gate_kept_end(ch) && amas__stream_gone(ch->stream)) {
		amas_error_set(&err, AMAS_ECLOSED, "peer is gone");
		amas__channel_end(ch, &err);
	} else if ((amas__flow_blocked(ch) || ch->parked_bytes > 0) &&
	    ch->idle_ticks >= AMAS__STALL_S) {
		close_for(ch, "no byte moved either way", AMAS__STALL_S);
	} else if (ch->frame_ticks >= limit) {
		close_for(ch, "message unfinished", ch->frame_ticks);
	} else {
		amas__timer_start(t, AMAS__TICK_S);
	}
}

static void
on_over(struct amas__account *a)
{
	struct amas_channel *ch = AMAS__OF(a, struct amas_channel, account);
	struct amas_error err;

	amas_error_set(&err, AMAS_ENOMEM, "holds %zu bytes, the most of all "
	    "connections, and all hold more than --memory", a->bytes);
	ch->drop_output = true;
	amas__channel_end(ch, &err);
}

void
amas__flow_init(struct amas_channel *ch)
{
	amas__list_init(&ch->parked);
	amas__task_init(&ch->unpark, on_unpark);
	amas__timer_init(&ch->tick, ch->loop, on_tick);
	amas__account_init(&ch->account, ch->loop, on_over);
	segments_free(ch);
}

void
amas__flow_stop(struct amas_channel *ch)
{
	struct parked *p;

	while (!amas__list_empty(&ch->parked)) {
		p = AMAS__OF(ch->parked.next, struct parked, link);
		amas__list_remove(&p->link);
		free(p->data);
		free(p);
	}
	ch->parked_bytes = 0;
	amas__list_remove(&ch->rooms); /* their requests are gone as well */
	amas__task_cancel(ch->loop, &ch->unpark);
	amas__timer_stop(&ch->tick);
	amas__account_fini(&ch->account);
	early_free(ch);
	segments_free(ch);
}
