/* Views are told what passes, if the filter wants it. */
#include "dump.h"

#include "dump_conn.h"
#include "dump_inject.h"

void
dump_view_add(struct dump *d, struct dump_view *v,
    const struct dump_view_ops *ops)
{
	v->d = d;
	v->ops = ops;
	amas__list_add(&d->views, &v->link);
}

int
dump_view_new(struct dump *d)
{
	if (d->o->summary)
		return dump_table_new(d, true);
	if (d->o->diff)
		return CMD_OK; /* it says itself what differs */
	switch (d->o->form) {
	case DUMP_JSON:
		return dump_json_new(d);
	case DUMP_MERMAID:
		return dump_mermaid_new(d);
	case DUMP_DOT:
		return dump_graph_new(d);
	case DUMP_NONE:
		return CMD_OK;
	case DUMP_TEXT:
	default:
		return dump_text_new(d);
	}
}

const char *
dump_from(const struct dump_event *e)
{
	return e->conn->name[e->back];
}

const char *
dump_to(const struct dump_event *e)
{
	return e->conn->name[!e->back];
}

void
dump_tell(struct dump *d, struct dump_event *e)
{
	struct amas__link *i;
	struct dump_view *v;

	if (d->done)
		return;
	d->seen = e->t;
	d->idle_s = 0;
	if (e->conn->inject != NULL)
		dump_inject_decide(e->conn->inject, e);
	if (d->enough)
		return;
	e->pass = d->filter == NULL ? DUMP_YES :
	    dump_filter_event(d->filter, e);
	if (e->kind == DUMP_REQUEST)
		e->call->pass = e->pass;
	for (i = d->views.next; i != &d->views; i = i->next) {
		v = AMAS__OF(i, struct dump_view, link);
		v->ops->event(v, e);
	}
}

void
dump_tell_unanswered(struct dump *d, struct dump_call *c, double t)
{
	struct amas__link *i;
	struct dump_view *v;

	if (d->done || d->enough)
		return;
	c->pass = d->filter == NULL || dump_filter_unanswered(d->filter, c, t) ?
	    DUMP_YES : DUMP_NO;
	for (i = d->views.next; i != &d->views; i = i->next) {
		v = AMAS__OF(i, struct dump_view, link);
		v->ops->unanswered(v, c, t);
	}
}

void
dump_ask_views(struct dump *d)
{
	struct amas__link *i;
	struct dump_view *v;

	for (i = d->views.next; i != &d->views; i = i->next) {
		v = AMAS__OF(i, struct dump_view, link);
		if (v->ops->so_far != NULL)
			v->ops->so_far(v);
	}
}

void
dump_end_views(struct dump *d)
{
	struct amas__link *i;
	struct dump_view *v;

	for (i = d->views.next; i != &d->views; i = i->next) {
		v = AMAS__OF(i, struct dump_view, link);
		v->ops->end(v);
	}
}

void
dump_free_views(struct dump *d)
{
	struct dump_view *v;

	while (!amas__list_empty(&d->views)) {
		v = AMAS__OF(d->views.next, struct dump_view, link);
		amas__list_remove(&v->link);
		v->ops->free(v);
	}
}
