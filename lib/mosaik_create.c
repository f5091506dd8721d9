/*
 * create: agents that are made together, all of them or none, and the entities
 * that they are.  Where things go on one by one, each is made when the one before
 * is; else all are begun at once.
 */
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "mem.h"
#include "mosaik_agents_int.h"
#include "request.h"
#include "value.h"

struct amas__mosaik_making {
	struct amas__spawn spawn;
	struct amas__mosaik_agents *m;
	struct amas__class *cls;
	char *model;
	struct amas_value *kwargs;
	uint32_t *id;			/* of those that are begun */
	size_t wanted, begun, left;	/* left: begun, not settled */
	bool beginning;			/* make_more() runs */
	bool undone;
};

static void
making_free(struct amas__mosaik_making *k)
{
	if (k == NULL)
		return;
	amas_value_free(k->kwargs);
	free(k->model);
	free(k->id);
	free(k);
}

/* ---- Entities ---- */

static void
entity_free(struct amas__entity *e)
{
	amas_value_free(e->gave);
	free(e->eid);
	free(e);
}

/* Makes one of an agent; returns 0 or AMAS_ENOMEM. */
static int
entity_new(struct amas__mosaik_agents *m, const char *model, uint32_t id)
{
	size_t cap = m->cap != 0 ? m->cap * 2 : 16;
	struct amas__entity **more, *e;

	if (m->n == m->cap) {
		more = amas__reallocarray(m->entity, cap, sizeof *more);
		if (more == NULL)
			return AMAS_ENOMEM;
		m->entity = more;
		m->cap = cap;
	}
	if ((e = amas__zalloc(sizeof *e)) == NULL)
		return AMAS_ENOMEM;
	e->id = id;
	e->eid = amas__asprintf("%s-%lu", model, (unsigned long)id);
	if (e->eid == NULL || amas__map_set(&m->by_eid, e->eid,
	    strlen(e->eid), e) != 0) {
		entity_free(e);
		return AMAS_ENOMEM;
	}
	m->entity[m->n++] = e;
	return 0;
}

void
amas__mosaik_entities_fini(struct amas__mosaik_agents *m)
{
	amas__map_fini(&m->by_eid);
	while (m->n > 0)
		entity_free(m->entity[--m->n]);
	free(m->entity);
}

/* ---- The end of it ---- */

/* What create answers of one: its id, and where its agent is. */
static void
describe(struct amas_value *list, const struct amas__mosaik_agents *m,
    const struct amas__entity *e, const char *model)
{
	char url[AMAS_URL_SIZE];

	(void)amas_value_add(list, "{s:s, s:s, s:{s:s}}", "eid", e->eid,
	    "type", model, "extra_info", "agent",
	    amas_agent_url(m->c->slot[e->id], url, sizeof url));
}

static struct amas_value *
enter(struct amas__mosaik_making *k)
{
	struct amas__mosaik_agents *m = k->m;
	struct amas_value *list = amas_value_pack("[]");
	size_t i;

	for (i = 0; i < k->wanted; i++) {
		if (m->c->slot[k->id[i]] == NULL) {
			amas__mosaik_fail(m, "RuntimeError: create: %s-%lu "
			    "has ended already", k->model,
			    (unsigned long)k->id[i]);
			break;
		}
		if (entity_new(m, k->model, k->id[i]) != 0) {
			amas__mosaik_fail_nomem(m);
			break;
		}
		describe(list, m, m->entity[m->n - 1], k->model);
	}
	return list;
}

/* All are settled: made, or one of them could not be. */
static void
finish(struct amas__mosaik_making *k)
{
	struct amas__mosaik_agents *m = k->m;
	struct amas_value *list;

	m->making = NULL;
	if (!k->undone && !m->failed && m->phase == AMAS__MOSAIK_CREATE) {
		list = enter(k);
		if (!m->failed)
			amas__mosaik_reply(m, list);
		amas_value_free(list);
	}
	amas__task_run(m->loop, &m->look);
	making_free(k);
}

void
amas__mosaik_create_undo(struct amas__mosaik_agents *m)
{
	struct amas__mosaik_making *k = m->making;
	size_t i;

	if (k == NULL || k->undone)
		return;
	k->undone = true;
	k->left++; /* it stays while they end */
	k->wanted = k->begun;
	for (i = k->begun; i > 0; i--)
		amas_agent_free(m->c->slot[k->id[i - 1]]);
	if (--k->left == 0 && !k->beginning)
		finish(k);
}

/* ---- Making ---- */

static void
fail(struct amas__mosaik_making *k, const char *why)
{
	const char *last = strrchr(why, '\n'); /* is what mosaik shows */

	amas__mosaik_fail(k->m, "%s%sRuntimeError: %s: create: %s",
	    last != NULL ? why : "", last != NULL ? "\n" : "", k->model,
	    last != NULL ? last + 1 : why);
	amas__mosaik_create_undo(k->m);
}

/* Begins those that can be; then *k may be no more. */
static void
make_more(struct amas__mosaik_making *k)
{
	struct amas__mosaik_agents *m = k->m;
	size_t at_once = amas__rest_is_serial(m->loop) ? 1 : SIZE_MAX;
	struct amas_agent *a;
	struct amas_error err;
	int rc;

	k->beginning = true;
	while (k->begun < k->wanted && k->left < at_once) {
		rc = amas__agent_make(&a, m->c, k->cls, k->begun, NULL,
		    k->kwargs, &k->spawn, &err);
		if (rc < 0) {
			fail(k, err.text);
			break;
		}
		k->id[k->begun++] = a->id;
		k->left += rc > 0 ? 1 : 0;
	}
	k->beginning = false;
	if (k->left == 0)
		finish(k);
}

static void
on_made(struct amas__spawn *s, struct amas_agent *a, const char *failure)
{
	struct amas__mosaik_making *k = AMAS__OF(s, struct amas__mosaik_making,
	    spawn);

	(void)a;
	if (failure != NULL && !k->undone)
		fail(k, failure); /* this one is still left */
	k->left--;
	if (!k->beginning && (k->left == 0 || !k->undone))
		make_more(k);
}

/* Reads what is asked for; NULL: it has failed. */
static struct amas__mosaik_making *
making_new(struct amas__mosaik_agents *m)
{
	struct amas__mosaik_making *k;
	struct amas__class *cls;
	struct amas_error err;
	const char *model;
	int64_t n;

	if (amas_value_unpack(amas_request_args(m->req), &err, "[Is]", &n,
	    &model) != 0 || n < 0 || n > AMAS__AGENTS_MAX) {
		amas__mosaik_fail(m, "TypeError: create takes a number and a "
		    "model");
		return NULL;
	}
	if (amas__map_get(&m->models, model, strlen(model)) == NULL ||
	    amas__class_find(&cls, m->c, model, &err) != 0) {
		amas__mosaik_fail(m, "ValueError: create: there is no model "
		    "\"%.100s\"", model);
		return NULL;
	}
	if ((k = amas__zalloc(sizeof *k)) != NULL) {
		k->spawn.fn = on_made;
		k->m = m;
		k->cls = cls;
		k->wanted = (size_t)n;
		k->model = amas__strdup(model);
		k->kwargs = amas_value_keep(amas_request_kwargs(m->req));
		k->id = amas__reallocarray(NULL, k->wanted + 1, sizeof *k->id);
	}
	if (k == NULL || k->model == NULL || k->kwargs == NULL ||
	    k->id == NULL) {
		making_free(k);
		amas__mosaik_fail_nomem(m);
		return NULL;
	}
	return k;
}

void
amas__mosaik_create(struct amas__mosaik_agents *m)
{
	struct amas__mosaik_making *k = making_new(m);

	m->phase = AMAS__MOSAIK_CREATE;
	if (k == NULL)
		return;
	m->making = k;
	make_more(k);
}
