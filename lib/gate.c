/*
 * What a channel puts off, and how it learns that what it sent has come; rest.h
 * has the whole.
 *
 * A message that is put off is kept decoded.  It goes on in its turn, before all
 * that comes after it on its connection.
 */
#include "channel_int.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "mem.h"

struct kept {
	struct amas__event event;
	struct amas_channel *ch;
	struct amas__area *area;
	struct amas__msg m;
	bool typed;
};

/* ---- What wakes nobody ---- */

/* The path of a request, or NULL. */
static const struct amas_value *
path_of(const struct amas_value *content)
{
	const struct amas_value *path = amas_value_at(content, 0);

	return amas_value_type(path) == AMAS_STRING ? path : NULL;
}

static bool
is_sync(enum amas__msg_type type, const struct amas_value *content)
{
	const struct amas_value *path = type == AMAS__REQUEST ?
	    path_of(content) : NULL;

	return path != NULL && amas__value_is(path, AMAS__SYNC);
}

/* What may be asked at any time: it changes nothing. */
static bool
is_harmless(const struct amas__msg *m)
{
	static const char *const paths[] = { AMAS__SYNC, "validate_aid",
		"amas/agents", "amas/awake", "amas/list", "amas/stats",
		"amas/time", "amas/utcnow", "agents/0/idle", "agents/0/next",
		"agents/0/set_time", "agents/0/step", "agents/0/stop" };
	const struct amas_value *path = path_of(m->content);
	size_t i;

	if (m->type != AMAS__REQUEST || path == NULL)
		return false;
	for (i = 0; i < sizeof paths / sizeof *paths; i++)
		if (amas__value_is(path, paths[i]))
			return true;
	return false;
}

/* What has it go on, or tells why it does not: never behind what was put off. */
static bool
is_of_clock(const struct amas__msg *m)
{
	const struct amas_value *path = path_of(m->content);

	return m->type == AMAS__REQUEST && path != NULL &&
	    (amas__value_is(path, "agents/0/idle") ||
	    amas__value_is(path, "agents/0/step") ||
	    amas__value_is(path, "amas/awake"));
}

/* ---- Acknowledging ---- */

/* Whether what is sent has to be known to have come. */
static bool
is_minded(const struct amas_channel *ch)
{
	return ch->gate == AMAS__GATE_LINK && !ch->queue && !ch->clock &&
	    amas__rest_stepped(ch->loop);
}

/* A sync that is open holds it up, even one that only says that we answer. */
static void
update(struct amas_channel *ch)
{
	bool open = ch->syncing || (ch->acked < ch->sent && ch->answers_syncs);

	if (ch->syncing && ch->unsure.asked)
		return; /* the answer tells more */
	if (open && is_minded(ch))
		amas__unsure_set(&ch->unsure);
	else
		amas__unsure_sure(&ch->unsure);
}

/* ---- Putting off ---- */

static void
kept_free(struct kept *k)
{
	struct amas_channel *ch = k->ch;

	ch->n_kept--;
	amas__area_unref(k->area);
	free(k);
	amas__channel_unref(ch);
}

/*
 * Answers a sync; the answer is none of what has to be acknowledged.  Nor is any
 * more what stands before it: whoever asked is not at rest before the answer has
 * come, and has all of that by then.
 */
static void
answer_sync(struct amas_channel *ch, const struct amas__msg *m)
{
	uint64_t sent = ch->sent;
	struct amas_error err;

	ch->answers_syncs = true;
	if (amas__flow_write(ch, AMAS__REPLY, m->id, 0, NULL, &err) != 0) {
		amas__channel_end(ch, &err);
		return;
	}
	ch->sent = ch->acked = sent;
	update(ch);
}

static void
on_turn(struct amas__event *e)
{
	struct kept *k = AMAS__OF(e, struct kept, event);
	struct amas_channel *ch = k->ch;

	if (ch->state == OPEN && ch->gate == AMAS__GATE_LINK &&
	    is_sync(k->m.type, k->m.content))
		answer_sync(ch, &k->m);
	else if (ch->state == OPEN)
		amas__channel_take(ch, &k->m, k->area, k->typed);
	kept_free(k);
}

static bool
is_put_off(const struct amas_channel *ch, const struct amas__msg *m)
{
	switch (ch->gate) {
	case AMAS__GATE_LINK:
		if (!amas__rest_puts_off(ch->loop))
			return false;
		if (ch->clock && (m->type != AMAS__REQUEST || is_of_clock(m)))
			return false;
		if (ch->queue && !amas__rest_parked(ch->loop))
			return true; /* else when it comes depends on speed */
		return ch->n_kept > 0 || !is_harmless(m);
	case AMAS__GATE_CHILD:
		return ch->n_kept > 0 || amas__rest_parked(ch->loop);
	case AMAS__GATE_NONE:
	default:
		return false;
	}
}

/* A child that counts as asleep speaks: somebody should know. */
static void
say_stray(const struct amas_channel *ch)
{
	amas__rest_count_stray(ch->loop);
	amas__log(amas__loop_log(ch->loop), AMAS_LOG_WARN, "%s: speaks while "
	    "it counts as asleep (a job in the background?): kept for the next "
	    "step", ch->peer);
}

bool
amas__gate_keeps(struct amas_channel *ch, const struct amas__msg *m,
    struct amas__area *area, bool typed)
{
	struct amas_error err;
	struct kept *k;

	if (ch->gate == AMAS__GATE_NONE)
		return false;
	if (!is_put_off(ch, m)) {
		if (ch->gate != AMAS__GATE_LINK ||
		    !is_sync(m->type, m->content))
			return false;
		amas__channel_trace_received(ch, m, area, typed);
		answer_sync(ch, m);
		return true;
	}
	if ((k = amas__zalloc(sizeof *k)) == NULL) {
		amas__error_nomem(&err);
		amas__channel_end(ch, &err);
		return true;
	}
	k->event.fn = on_turn;
	k->ch = amas__channel_ref(ch);
	k->area = amas__area_ref(area);
	k->m = *m;
	k->typed = typed;
	ch->n_kept++;
	if (ch->gate == AMAS__GATE_CHILD && amas__rest_parked(ch->loop))
		say_stray(ch);
	amas__rest_put_off(ch->loop, &k->event);
	return true;
}

static void
on_over(struct amas__event *e)
{
	struct amas_channel *ch = AMAS__OF(e, struct amas_channel, over);

	amas__channel_ref(ch);
	ch->end_kept = false;
	amas__channel_over(ch);
	amas__channel_unref(ch);
}

/* Puts the end off, behind what came before it, if calls fail with it. */
bool
amas__gate_keeps_end(struct amas_channel *ch)
{
	bool behind = ch->n_kept > 0 || amas__rest_parked(ch->loop);

	if (ch->gate != AMAS__GATE_LINK || ch->clock || !behind ||
	    amas__channel_pending(ch) == 0)
		return false;
	ch->end_kept = true;
	ch->over.fn = on_over;
	amas__rest_put_off(ch->loop, &ch->over);
	return true;
}

/* ---- What was sent ---- */

void
amas__gate_sent(struct amas_channel *ch, enum amas__msg_type type,
    const struct amas_value *content)
{
	if (ch->gate != AMAS__GATE_LINK || is_sync(type, content))
		return;
	ch->sent++;
	if (amas__rest_parked(ch->loop)) /* harmless: nobody minds it */
		ch->acked = ch->sent;
	if (is_minded(ch))
		update(ch);
}

void
amas__gate_acked(struct amas_channel *ch, uint64_t sent)
{
	if (sent > ch->acked)
		ch->acked = sent;
	if (is_minded(ch))
		update(ch);
}

size_t
amas__channel_abroad(const struct amas_channel *ch)
{
	return ch->gate == AMAS__GATE_LINK && !ch->queue ? ch->pending.n : 0;
}

/* A call of ours is over; whoever leads (steps.h) waits for the last. */
void
amas__gate_answered(struct amas_channel *ch)
{
	if (ch->gate == AMAS__GATE_LINK && !ch->queue && ch->pending.n == 0 &&
	    amas__rest_ordered(ch->loop))
		amas__rest_look(ch->loop);
}

static void
on_synced(const struct amas_reply *rep, void *arg)
{
	struct amas_channel *ch = arg;

	if (rep->kind == AMAS_ERROR)
		return; /* the connection has ended */
	ch->syncing = false;
	update(ch); /* amas__gate_acked() ran before */
}

static void
sync(struct amas_channel *ch)
{
	struct amas_value item[3], content;

	if (ch->syncing || ch->state == ENDED)
		return; /* one at a time */
	amas__value_text(&item[0], NULL, AMAS_STRING, AMAS__SYNC,
	    strlen(AMAS__SYNC));
	amas__value_list(&item[1], NULL, NULL, 0);
	item[2] = (struct amas_value){ .type = AMAS_MAP };
	amas__value_list(&content, NULL, item, 3);
	ch->syncing = true;
	if (amas__channel_request(ch, 0, on_synced, ch, &content, NULL) != 0)
		ch->syncing = false; /* nothing goes on: it stays unsure */
}

static void
ask(struct amas__unsure *u)
{
	sync(AMAS__OF(u, struct amas_channel, unsure));
}

/* ---- Setting it up ---- */

void
amas__channel_set_gate(struct amas_channel *ch, enum amas__gate gate)
{
	ch->gate = gate;
	ch->unsure.name = ch->opening.name = ch->peer;
	if (gate == AMAS__GATE_LINK && ch->held) { /* we connect */
		ch->answers_syncs = true;
		amas__awake_set(&ch->opening, ch->state == DIALING);
		if (amas__rest_stepped(ch->loop))
			amas__channel_stepped(ch);
	}
}

void
amas__channel_stepped(struct amas_channel *ch)
{
	if (ch->gate != AMAS__GATE_LINK || !ch->held || ch->queue)
		return;
	sync(ch);
	update(ch);
}

void
amas__channel_set_clock(struct amas_channel *ch, bool clock)
{
	ch->clock = clock;
	amas__unsure_sure(&ch->unsure);
}

void
amas__gate_init(struct amas_channel *ch)
{
	amas__unsure_init(&ch->unsure, ch->loop, AMAS__UNSURE_LINK, NULL, ask);
	amas__list_init(&ch->over.link);
	amas__awake_init(&ch->opening, ch->loop, NULL);
	ch->opening.what = "is being connected to";
}

void
amas__gate_opened(struct amas_channel *ch)
{
	amas__awake_set(&ch->opening, false);
}

/* What it sent counts as come: nobody will say. */
void
amas__gate_stop(struct amas_channel *ch)
{
	ch->acked = ch->sent;
	amas__unsure_sure(&ch->unsure);
	amas__awake_set(&ch->opening, false);
	amas__event_drop(&ch->over);
	ch->end_kept = false;
}
