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
	return ch->gate != NULL && !ch->queue && !ch->gate->clock &&
	    amas__rest_stepped(ch->loop);
}

/* A sync that is open holds it up, even one that only says that we answer. */
static void
update(struct link_gate *g)
{
	bool open = g->syncing || (g->acked < g->sent && g->answers_syncs);

	if (g->syncing && g->unsure.asked)
		return; /* the answer tells more */
	if (open && is_minded(g->ch))
		amas__unsure_set(&g->unsure);
	else
		amas__unsure_sure(&g->unsure);
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
answer_sync(struct link_gate *g, const struct amas__msg *m)
{
	uint64_t sent = g->sent;
	struct amas_error err;

	g->answers_syncs = true;
	if (amas__flow_write(g->ch, AMAS__REPLY, m->id, 0, NULL, &err) != 0) {
		amas__channel_end(g->ch, &err);
		return;
	}
	g->sent = g->acked = sent;
	update(g);
}

static void
on_turn(struct amas__event *e)
{
	struct kept *k = AMAS__OF(e, struct kept, event);
	struct amas_channel *ch = k->ch;

	if (ch->state == OPEN && ch->gate != NULL &&
	    is_sync(k->m.type, k->m.content))
		answer_sync(ch->gate, &k->m);
	else if (ch->state == OPEN)
		amas__channel_take(ch, &k->m, k->area, k->typed);
	kept_free(k);
}

static bool
is_put_off(const struct amas_channel *ch, const struct amas__msg *m)
{
	if (ch->child)
		return ch->n_kept > 0 || amas__rest_parked(ch->loop);
	if (!amas__rest_puts_off(ch->loop))
		return false;
	if (ch->gate->clock && (m->type != AMAS__REQUEST || is_of_clock(m)))
		return false;
	if (ch->queue && !amas__rest_parked(ch->loop))
		return true; /* else when it comes depends on speed */
	return ch->n_kept > 0 || !is_harmless(m);
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

	if (ch->gate == NULL && !ch->child)
		return false;
	if (!is_put_off(ch, m)) {
		if (ch->gate == NULL || !is_sync(m->type, m->content))
			return false;
		amas__channel_trace_received(ch, m, area, typed);
		answer_sync(ch->gate, m);
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
	if (ch->child && amas__rest_parked(ch->loop))
		say_stray(ch);
	amas__rest_put_off(ch->loop, &k->event);
	return true;
}

static void
on_over(struct amas__event *e)
{
	struct link_gate *g = AMAS__OF(e, struct link_gate, over);
	struct amas_channel *ch = amas__channel_ref(g->ch);

	g->end_kept = false;
	amas__channel_over(ch);
	amas__channel_unref(ch);
}

/* Puts the end off, behind what came before it, if calls fail with it. */
bool
amas__gate_keeps_end(struct amas_channel *ch)
{
	bool behind = ch->n_kept > 0 || amas__rest_parked(ch->loop);

	if (ch->gate == NULL || ch->gate->clock || !behind ||
	    amas__channel_pending(ch) == 0)
		return false;
	ch->gate->end_kept = true;
	amas__rest_put_off(ch->loop, &ch->gate->over);
	return true;
}

bool
amas__gate_kept_end(const struct amas_channel *ch)
{
	return ch->gate != NULL && ch->gate->end_kept;
}

/* ---- What was sent ---- */

void
amas__gate_sent(struct amas_channel *ch, enum amas__msg_type type,
    const struct amas_value *content)
{
	struct link_gate *g = ch->gate;

	if (g == NULL || is_sync(type, content))
		return;
	g->sent++;
	if (amas__rest_parked(ch->loop)) /* harmless: nobody minds it */
		g->acked = g->sent;
	if (is_minded(ch))
		update(g);
}

uint64_t
amas__gate_n_sent(const struct amas_channel *ch)
{
	return ch->gate != NULL ? ch->gate->sent : 0;
}

void
amas__gate_acked(struct amas_channel *ch, uint64_t sent)
{
	struct link_gate *g = ch->gate;

	if (g == NULL)
		return;
	if (sent > g->acked)
		g->acked = sent;
	if (is_minded(ch))
		update(g);
}

size_t
amas__channel_abroad(const struct amas_channel *ch)
{
	return ch->gate != NULL && !ch->queue ? amas__channel_pending(ch) : 0;
}

/* A call of ours is over; whoever leads (steps.h) waits for the last. */
void
amas__gate_answered(struct amas_channel *ch)
{
	if (ch->gate != NULL && !ch->queue && amas__channel_pending(ch) == 0 &&
	    amas__rest_ordered(ch->loop))
		amas__rest_look(ch->loop);
}

static void
on_synced(const struct amas_reply *rep, void *arg)
{
	struct link_gate *g = arg;

	if (rep->kind == AMAS_ERROR)
		return; /* the connection has ended */
	g->syncing = false;
	update(g); /* amas__gate_acked() ran before */
}

static void
sync(struct link_gate *g)
{
	struct amas_value item[3], content;

	if (g->syncing || g->ch->state == ENDED)
		return; /* one at a time */
	amas__value_text(&item[0], NULL, AMAS_STRING, AMAS__SYNC,
	    strlen(AMAS__SYNC));
	amas__value_list(&item[1], NULL, NULL, 0);
	item[2] = (struct amas_value){ .type = AMAS_MAP };
	amas__value_list(&content, NULL, item, 3);
	g->syncing = true;
	if (amas__channel_request(g->ch, 0, on_synced, g, &content, NULL) != 0)
		g->syncing = false; /* nothing goes on: it stays unsure */
}

static void
ask(struct amas__unsure *u)
{
	sync(AMAS__OF(u, struct link_gate, unsure));
}

/* ---- Setting it up ---- */

void
amas__channel_be_child(struct amas_channel *ch)
{
	ch->child = true;
}

int
amas__channel_be_link(struct amas_channel *ch)
{
	struct link_gate *g = amas__zalloc(sizeof *g);

	if (g == NULL)
		return AMAS_ENOMEM;
	g->ch = ch;
	amas__unsure_init(&g->unsure, ch->loop, AMAS__UNSURE_LINK, ch->peer,
	    ask);
	amas__list_init(&g->over.link);
	g->over.fn = on_over;
	amas__awake_init(&g->opening, ch->loop, ch->peer);
	g->opening.what = "is being connected to";
	ch->gate = g;
	if (ch->held) { /* we connect */
		g->answers_syncs = true;
		amas__awake_set(&g->opening, ch->state == DIALING);
		if (amas__rest_stepped(ch->loop))
			amas__channel_stepped(ch);
	}
	return 0;
}

void
amas__channel_stepped(struct amas_channel *ch)
{
	if (ch->gate == NULL || !ch->held || ch->queue)
		return;
	sync(ch->gate);
	update(ch->gate);
}

void
amas__channel_set_clock(struct amas_channel *ch, bool clock)
{
	if (ch->gate == NULL)
		return;
	ch->gate->clock = clock;
	amas__unsure_sure(&ch->gate->unsure);
}

void
amas__gate_opened(struct amas_channel *ch)
{
	if (ch->gate != NULL)
		amas__awake_set(&ch->gate->opening, false);
}

/* What it sent counts as come: nobody will say. */
void
amas__gate_stop(struct amas_channel *ch)
{
	struct link_gate *g = ch->gate;

	amas__rest_look(ch->loop); /* it may have been waited for */
	if (g == NULL)
		return;
	g->acked = g->sent;
	amas__unsure_sure(&g->unsure);
	amas__awake_set(&g->opening, false);
	amas__event_drop(&g->over);
	g->end_kept = false;
}
