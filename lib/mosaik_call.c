/*
 * Calls of agents by the simulation; see mosaik_agents.h.  One that sleeps goes
 * on in later steps, so a call lives until it is answered, and belongs to the
 * request that made it only while that is open.
 */
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "failure.h"
#include "log.h"
#include "mem.h"
#include "mosaik_agents_int.h"
#include "request.h"

struct call {
	struct amas__link link;		/* among all of the run; none: forgotten */
	struct amas__event event;	/* its turn, where things go one by one */
	struct amas__mosaik_agents *m;
	struct amas_request *req;	/* the agent's; NULL: not yet */
	uint64_t turn;			/* of the request that made it */
	struct amas__entity *e;
	const char *function;
	bool needed;
	char *path;			/* "agents/3/step" */
	struct amas_value *args;
};

static void
call_free(struct call *k)
{
	amas__event_drop(&k->event);
	amas__list_remove(&k->link);
	amas_value_free(k->args);
	free(k->path);
	free(k);
}

/* ---- Answers ---- */

/* The length of its agent's path. */
static size_t
walked(const struct call *k)
{
	return strlen(k->path) - strlen(k->function) - 1;
}

/* Whether it only says that there is no such function. */
static bool
is_missing(const struct call *k, const char *failure, size_t len)
{
	return amas__request_is_not_found(failure, len, k->function, k->path,
	    walked(k));
}

/* Says whose failure it is in its last line, which is what mosaik shows. */
static void
fail(const struct call *k, const char *failure, size_t len)
{
	struct amas__area *a = amas__area_new(amas__loop_pool(k->m->loop));
	struct amas_value text, list;
	const struct amas_value *kind, *last;
	bool lines = memchr(failure, '\n', len) != NULL;
	size_t path = strlen(k->path);

	if (len > path + 2 && memcmp(failure, k->path, path) == 0 &&
	    memcmp(failure + path, ": ", 2) == 0) { /* who it is, once more */
		failure += path + 2;
		len -= path + 2;
	}
	amas__value_text(&text, NULL, AMAS_STRING, failure, len);
	if (a != NULL && amas__failure_list(&list, a, &text) == 0) {
		kind = &list.u.item[0];
		last = &list.u.item[1];
		amas__mosaik_fail(k->m, "%.*s%s%.*s: %s: %s: %.*s",
		    lines ? (int)len : 0, failure, lines ? "\n" : "",
		    (int)kind->len, kind->u.text, k->e->eid, k->function,
		    (int)last->len, last->u.text);
	} else {
		amas__mosaik_fail_nomem(k->m);
	}
	amas__area_unref(a);
}

static void
on_answer(void *arg, const struct amas_value *v, const char *failure,
    size_t len)
{
	struct call *k = arg;
	struct amas__mosaik_agents *m = k->m;

	if (m == NULL) { /* forgotten */
		call_free(k);
		return;
	}
	if (k->turn == m->turn)
		m->n_calls--;
	if (failure != NULL && (k->needed || !is_missing(k, failure, len)))
		fail(k, failure, len);
	else if (failure == NULL && strcmp(k->function, "step") == 0)
		amas__mosaik_stepped(m, k->e, v);
	else if (failure == NULL && k->turn == m->turn)
		amas__mosaik_gave(m, k->e, v);
	call_free(k);
	amas__task_run(m->loop, &m->look);
}

/* ---- Calling ---- */

static void
handle(struct amas_request *req, void *self)
{
	struct call *k = self;
	struct amas_container *c = k->m->c;
	struct amas_agent *a = c->slot[k->e->id];

	k->req = req;
	if (a == NULL)
		amas_request_fail(req, "LookupError: there is no such agent "
		    "any more");
	else
		a->cls->ops->call(a, req, k->path, walked(k),
		    k->path + walked(k) + 1, strlen(k->function));
}

static void
begin(struct call *k)
{
	struct amas__mosaik_agents *m = k->m;

	if (amas__request_here(m->loop, k->path, k->args, NULL, handle, k,
	    m->c->slot[k->e->id], on_answer, k) != 0)
		on_answer(k, NULL, amas_strerror(AMAS_ENOMEM),
		    strlen(amas_strerror(AMAS_ENOMEM)));
}

static void
on_turn(struct amas__event *event)
{
	begin(AMAS__OF(event, struct call, event));
}

void
amas__mosaik_call(struct amas__mosaik_agents *m, struct amas__entity *e,
    const char *function, const struct amas_value *args, bool needed)
{
	struct call *k = amas__zalloc(sizeof *k);

	if (k == NULL) {
		amas__mosaik_fail_nomem(m);
		return;
	}
	k->m = m;
	k->turn = m->turn;
	k->e = e;
	k->function = function;
	k->needed = needed;
	k->event.fn = on_turn;
	amas__list_init(&k->event.link);
	amas__list_add(&m->calls, &k->link);
	k->path = amas__asprintf("agents/%lu/%s", (unsigned long)e->id,
	    function);
	k->args = args != NULL ? amas_value_keep(args) : NULL;
	if (k->path == NULL || k->args == NULL) {
		call_free(k);
		amas__mosaik_fail_nomem(m);
		return;
	}
	m->n_calls++;
	if (amas__rest_puts_off(m->loop))
		amas__rest_put_off(m->loop, &k->event);
	else
		begin(k);
}

const char *
amas__mosaik_unanswered(const struct amas__mosaik_agents *m)
{
	struct amas__link *i;
	const struct call *k;

	for (i = m->calls.next; i != &m->calls; i = i->next) {
		k = AMAS__OF(i, struct call, link);
		if (k->turn == m->turn)
			return k->e->eid;
	}
	return "";
}

void
amas__mosaik_calls_forget(struct amas__mosaik_agents *m)
{
	struct call *k;

	while (!amas__list_empty(&m->calls)) {
		k = AMAS__OF(m->calls.next, struct call, link);
		amas__list_remove(&k->link);
		k->m = NULL;
		if (k->req != NULL)
			amas__request_drop(k->req); /* its answer frees k */
		else
			call_free(k);
	}
}
