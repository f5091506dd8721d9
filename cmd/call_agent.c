/*
 * Asking for agents; see call_agent.h.
 *
 * What runs when an answer is in may close the connection, and with it the
 * table: an agent that is just giving the answer to its calls goes when it is
 * done with that.
 */
#include "call_agent.h"

#include <stdlib.h>

#include "addr.h"
#include "mem.h"
#include "rpc.h"

struct ask {
	struct amas__addr addr;
	amas_reply_fn *fn;
	void *arg;
};

/* The container's answer was null: says so as aiomas does. */
static void
report_none(const struct ask *q, const struct amas_reply *rep)
{
	struct amas_reply none = *rep;
	struct amas_value *text;
	char buf[512];

	text = amas_value_pack("s", amas__addr_no_agent(&q->addr, buf,
	    sizeof buf));
	none.kind = text != NULL ? AMAS_FAILURE : AMAS_ERROR;
	none.code = text != NULL ? AMAS_EREMOTE : AMAS_ENOMEM;
	none.value = text;
	none.text = text != NULL ? buf : amas_strerror(AMAS_ENOMEM);
	q->fn(&none, q->arg);
	amas_value_free(text);
}

static void
on_answer(const struct amas_reply *rep, void *arg)
{
	struct ask *q = arg;

	if (rep->kind == AMAS_RESULT &&
	    amas_value_type(rep->value) == AMAS_NULL)
		report_none(q, rep);
	else
		q->fn(rep, q->arg);
	amas__addr_fini(&q->addr);
	free(q);
}

int
call_agent_ask(struct amas_channel *ch, const char *url, amas_reply_fn *fn,
    void *arg)
{
	struct ask *q = amas__zalloc(sizeof *q);
	int rc;

	if (q == NULL)
		return AMAS_ENOMEM;
	q->fn = fn;
	q->arg = arg;
	rc = amas__addr_parse(&q->addr, url, NULL);
	if (rc == 0)
		rc = q->addr.agent == NULL ? AMAS_EINVAL :
		    amas__rpc_validate(ch, q->addr.agent, on_answer, q);
	if (rc != 0) {
		amas__addr_fini(&q->addr);
		free(q);
	}
	return rc;
}

/* ---- Agents of one connection ---- */

static void
agent_free(struct call_agent *a)
{
	free(a->missing);
	free(a);
}

void
call_agents_init(struct call_agents *all)
{
	amas__map_init(&all->map);
}

struct call_agent *
call_agents_get(struct call_agents *all, const char *id, size_t len)
{
	struct call_agent *a = amas__map_get(&all->map, id, len);

	if (a != NULL || (a = amas__zalloc(sizeof *a)) == NULL)
		return a;
	amas__list_init(&a->waiting);
	a->loose = all->map.n >= CALL_AGENTS_MAX;
	if (!a->loose && amas__map_set(&all->map, id, len, a) != 0) {
		agent_free(a);
		return NULL;
	}
	return a;
}

/* Lets the calls go; those that join them meanwhile come after them. */
static void
release(struct call_agent *a, const struct amas_reply *rep)
{
	struct call_wait *w;

	while (!amas__list_empty(&a->waiting)) {
		w = AMAS__OF(a->waiting.next, struct call_wait, link);
		amas__list_remove(&w->link);
		w->go(w, rep);
	}
}

void
call_agents_fini(struct call_agents *all)
{
	struct amas_reply rep = { .kind = AMAS_ERROR, .code = AMAS_ECANCELED,
		.text = amas_strerror(AMAS_ECANCELED), .origin = "" };
	struct call_agent *a;
	size_t i = 0;

	while ((a = amas__map_next(&all->map, &i, NULL, NULL)) != NULL) {
		release(a, &rep);
		if (a->asked)
			a->loose = true; /* release() runs for it below us */
		else
			agent_free(a);
	}
	amas__map_fini(&all->map);
}

/*
 * What is known is set when no call waits any more, so that none overtakes
 * them.  If there is no memory to know it, the next call asks again.
 */
static void
on_known(const struct amas_reply *rep, void *arg)
{
	struct call_agent *a = arg;
	char *missing = rep->kind == AMAS_FAILURE ? amas__strdup(rep->text) :
	    NULL;

	release(a, rep);
	a->asked = false;
	a->there = rep->kind == AMAS_RESULT;
	a->missing = missing;
	if (a->loose)
		agent_free(a);
}

int
call_agent_wait(struct call_agent *a, struct amas_channel *ch,
    const char *url, struct call_wait *w)
{
	int rc;

	if (!a->asked && (rc = call_agent_ask(ch, url, on_known, a)) != 0) {
		if (a->loose)
			agent_free(a);
		return rc;
	}
	a->asked = true;
	amas__list_add(&a->waiting, &w->link);
	return 0;
}
