/*
 * What a channel tells a trace: each message that came, and each that went into
 * the queue of output, between its own address and its peer's.  Types have
 * names, as on message lines, and proxies are paths.
 */
#include "channel_int.h"

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

/* Records a message, if that is wanted. */
void
amas__channel_trace(struct amas_channel *ch, bool sent,
    const struct amas__msg *m)
{
	struct amas__trace *t = amas__loop_trace(ch->loop);
	struct amas_out how = { .types = &ch->types, .lines = true,
		.path = ch->ops->path != NULL ? amas__flow_own_path : NULL,
		.foreign = raw_path, .path_arg = ch };

	if (t != NULL)
		amas__trace_put(t, sent ? ch->local : ch->peer,
		    sent ? ch->peer : ch->local, &how, m);
}

/* What came, with the names of its types in the place of their ids. */
void
amas__channel_trace_received(struct amas_channel *ch, const struct amas__msg *m,
    struct amas__area *area, bool typed)
{
	struct amas__msg named = *m;

	if (amas__loop_trace(ch->loop) == NULL)
		return;
	if (typed && amas__types_lift(area, &named.content, &ch->types,
	    ch->lines, NULL) != 0)
		named.content = m->content;
	amas__channel_trace(ch, false, &named);
}
