/*
 * What a channel tells a trace, and at level debug the log: each message that came, and each that went into
 * the queue of output, between its own address and its peer's.  Types have
 * names, as on message lines, and proxies are paths.
 */
#include "channel_int.h"

#include <string.h>

#include "err.h"
#include "trace.h"

static int
raw_path(void *arg, const struct amas_value *proxy, struct amas__buf *path,
    struct amas_error *err)
{
	const struct amas_value *own = &proxy->u.item[0];

	(void)arg;
	return amas__buf_put(path, own->u.text, own->len) == 0 ? 0 :
	    amas__error_nomem(err);
}

#define SHOWN 400		/* bytes of a message in the log */

/* Writes a message to the log, at level debug. */
static void
log_message(struct amas_channel *ch, bool sent, const struct amas__msg *m,
    const struct amas_out *how)
{
	const struct amas__log *log = amas__loop_log(ch->loop);
	struct amas__buf b = { NULL, 0, 0, 0, 0 };
	struct amas_value item[3], v;
	struct amas_out out = *how;
	char text[SHOWN + 8];

	out.buf = &b;
	amas__value_int(&item[0], NULL, m->type);
	item[1] = *m->id;
	amas__value_null(&item[2], NULL);
	if (m->content != NULL)
		item[2] = *m->content;
	amas__value_list(&v, NULL, item, 3);
	if (amas__json_print(&out, &v, 0, true, NULL) == 0)
		amas__log(log, AMAS_LOG_DEBUG, "%s: %s %s", ch->peer,
		    sent ? "sent" : "got", amas__log_text(text, sizeof text,
		    amas__buf_head(&b), amas__buf_len(&b)));
	amas__buf_fini(&b);
}

/* Records a message in t, as the layer above tells it. */
static void
record(struct amas_channel *ch, struct amas__trace *t, bool sent,
    const struct amas__msg *m, const struct amas_out *how)
{
	struct amas__traced is = { ch->peer, ch->local, 0 };
	struct amas_value item[3], content;
	struct amas__msg told = *m;

	if (ch->ops->traced != NULL)
		ch->ops->traced(ch, ch->ops_arg, m, &is);
	if (is.skip > 0) {
		memcpy(item, m->content->u.item, sizeof item);
		item[0].u.text += is.skip;
		item[0].len -= (uint32_t)is.skip;
		amas__value_list(&content, NULL, item, 3);
		told.content = &content;
	}
	amas__trace_put(t, sent ? is.local : is.peer,
	    sent ? is.peer : is.local, how, &told);
}

/*
 * Whether a message asks a child if it sleeps, or answers that.  When that comes,
 * and how often, is up to the child's speed: two traces would not be the same.
 */
static bool
is_sync(const struct amas_channel *ch, const struct amas__msg *m)
{
	return ch->child && m->id->type == AMAS_INT &&
	    amas_value_int(m->id) == (int64_t)AMAS__SYNC_ID;
}

/* Records a message, if that is wanted. */
void
amas__channel_trace(struct amas_channel *ch, bool sent,
    const struct amas__msg *m)
{
	struct amas__trace *t = amas__loop_trace(ch->loop);
	struct amas_out how = { .types = &ch->types, .lines = true,
		.path = ch->ops->path != NULL ? amas__flow_own_path : NULL,
		.foreign = raw_path, .path_arg = ch };

	if (amas__log_on(amas__loop_log(ch->loop), AMAS_LOG_DEBUG))
		log_message(ch, sent, m, &how);
	if (t != NULL && !(ch->queue && sent) && /* there it is received */
	    !is_sync(ch, m))
		record(ch, t, sent, m, &how);
}

bool
amas__channel_traced(const struct amas_channel *ch)
{
	return amas__loop_trace(ch->loop) != NULL ||
	    amas__log_on(amas__loop_log(ch->loop), AMAS_LOG_DEBUG);
}

/* What came, with the names of its types in the place of their ids. */
void
amas__channel_trace_received(struct amas_channel *ch, const struct amas__msg *m,
    struct amas__area *area, bool typed)
{
	struct amas__msg named = *m;

	if (!amas__channel_traced(ch))
		return;
	if (typed && amas__types_lift(area, &named.content, &ch->types,
	    ch->lines, NULL) != 0)
		named.content = m->content;
	amas__channel_trace(ch, false, &named);
}
