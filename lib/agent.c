/*
 * Agents: how they are made, one or many of a class, and how they end.
 *
 * An agent has its number from the moment it is begun, so that it can be called
 * while its constructor runs, as in Python; if that fails the number is used up.
 */
#include "container.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "mem.h"
#include "pack.h"
#include "rpc.h"
#include "value.h"

/* ---- The table ---- */

/* An id is a number as Python's str() writes it. */
struct amas_agent *
amas__agent_find(const struct amas_container *c, const char *id, size_t len)
{
	size_t n = 0, i;

	if (len == 0 || len > 10 || (id[0] == '0' && len > 1))
		return NULL;
	for (i = 0; i < len; i++) {
		if (id[i] < '0' || id[i] > '9')
			return NULL;
		n = n * 10 + (size_t)(id[i] - '0');
	}
	return n < c->n ? c->slot[n] : NULL;
}

static int
grow(struct amas_container *c)
{
	size_t cap = c->cap != 0 ? c->cap * 2 : 16;
	struct amas_agent **more;

	if (c->n < c->cap)
		return 0;
	more = amas__reallocarray(c->slot, cap, sizeof *more);
	if (more == NULL)
		return AMAS_ENOMEM;
	c->slot = more;
	c->cap = cap;
	return 0;
}

char *
amas__agent_name(const struct amas_agent *a, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%.200s/%lu", a->cls->name,
	    (unsigned long)a->id);
	return buf;
}

/* ---- One ---- */

/* Whether there may not be so many more; then *err says why. */
static int
refuse(const struct amas_container *c, size_t more, struct amas_error *err)
{
	size_t max = c->set.max_agents != 0 ? c->set.max_agents :
	    AMAS__AGENTS_MAX;

	if (c->ending)
		return amas_error_set(err, AMAS_ECANCELED, "shutting down");
	if (c->live < max && more <= max - c->live &&
	    c->n < UINT32_MAX && more <= UINT32_MAX - c->n)
		return 0;
	if (more == 1)
		return amas_error_set(err, AMAS_ETOOBIG, "there are %zu agents "
		    "already (--max-agents)", c->live);
	return amas_error_set(err, AMAS_ETOOBIG, "%zu agents are too many: "
	    "there are %zu, and at most %zu (--max-agents)", more, c->live,
	    max);
}

/* Gives it its number. */
static struct amas_agent *
agent_new(struct amas_container *c, struct amas__class *cls, size_t index)
{
	struct amas_agent *a = amas__zalloc(cls->ops->size);

	if (a == NULL || grow(c) != 0) {
		free(a);
		return NULL;
	}
	a->c = c;
	a->cls = cls;
	a->id = (uint32_t)c->n;
	a->index = (uint32_t)index;
	c->slot[c->n++] = a;
	c->live++;
	c->refs++;
	cls->refs++;
	return a;
}

void
amas__agent_destroy(struct amas_agent *a)
{
	struct amas_container *c = a->c;

	amas__class_unref(a->cls);
	free(a);
	amas__container_unref(c);
}

/*
 * Takes it out of the table, and has its kind give it up.  Its calls end before
 * that, while it can be told; its proxies after, since its fini may free them.
 */
static void
end(struct amas_agent *a)
{
	struct amas__link *proxies = a->proxies;

	a->ended = true;
	if (proxies != NULL)
		amas__rpc_end_owned(proxies);
	a->proxies = NULL;
	a->c->slot[a->id] = NULL;
	a->c->live--;
	a->cls->ops->end(a); /* a may be gone */
	if (proxies != NULL)
		amas__rpc_free_owned(proxies);
	free(proxies);
}

/* It is not being made any more. */
static void
made(struct amas_agent *a)
{
	a->spawn = NULL;
	a->c->making--;
	amas__container_update(a->c);
}

void
amas_agent_free(struct amas_agent *a)
{
	struct amas__spawn *s;

	if (a == NULL || a->ended)
		return;
	s = a->spawn;
	if (s != NULL)
		made(a);
	end(a);
	if (s != NULL)
		s->fn(s, NULL, "ended while it started");
}

int
amas__agent_make(struct amas_agent **out, struct amas_container *c,
    struct amas__class *cls, size_t index, const struct amas_value *args,
    const struct amas_value *kwargs, struct amas__spawn *s,
    struct amas_error *err)
{
	struct amas_agent *a;
	int rc;

	if ((rc = refuse(c, 1, err)) != 0)
		return rc;
	if ((a = agent_new(c, cls, index)) == NULL)
		return amas__error_nomem(err);
	if ((rc = cls->ops->begin(a, args, kwargs, err)) < 0) {
		end(a);
		return rc;
	}
	if (rc > 0) {
		a->spawn = s;
		c->making++;
		amas__container_update(c);
	}
	*out = a;
	return rc;
}

void
amas__agent_made(struct amas_agent *a, const char *failure)
{
	struct amas__spawn *s = a->spawn;

	if (s != NULL)
		made(a);
	if (failure != NULL)
		end(a); /* its memory may go */
	if (s != NULL)
		s->fn(s, failure != NULL ? NULL : a, failure);
}

static void
lost(struct amas_container *c, const char *who, const char *why)
{
	if (c->set.on_exit == AMAS__EXIT_FAIL && !c->ending && c->ops != NULL &&
	    c->ops->lost != NULL)
		c->ops->lost(c->arg, who, why);
}

void
amas__agent_lost(struct amas_agent *a, const char *why)
{
	char name[256];

	lost(a->c, amas__agent_name(a, name, sizeof name), why);
}

void
amas__class_lost(struct amas__class *cls, struct amas_container *c,
    const char *why)
{
	lost(c, cls->name, why);
}

/* ---- Many ---- */

/* Agents that are made together: all of them, or none. */
struct group {
	struct amas__spawn spawn;
	struct amas__link link;		/* in the container */
	struct amas_container *c;
	struct amas__class *cls;
	size_t count;			/* that are begun */
	uint32_t *id;			/* theirs: others may come in between */
	size_t room;			/* for ids */
	size_t left;			/* that are not made yet */
	bool failed;
	/* Of those that are made one by one: */
	size_t wanted;
	struct amas_value *args, *kwargs;
};

static void
group_free(struct group *g)
{
	struct amas_container *c = g->c;

	amas__list_remove(&g->link);
	amas_value_free(g->args);
	amas_value_free(g->kwargs);
	amas__class_unref(g->cls);
	free(g->id);
	free(g);
	amas__container_update(c);
	if (c->loading && amas__list_empty(&c->groups) && !c->ending)
		amas__task_run(c->loop, &c->ready);
}

/* Ends what was made of it. */
static void
undo(struct group *g)
{
	size_t i;

	g->failed = true;
	for (i = g->count; i > 0; i--)
		amas_agent_free(g->c->slot[g->id[i - 1]]);
}

/* One cannot be made: none is. */
static void
fail(struct group *g, const char *why)
{
	struct amas_container *c = g->c;
	char name[256];

	(void)snprintf(name, sizeof name, "%s", g->cls->name);
	undo(g);
	if (c->ops != NULL && c->ops->failed != NULL && !c->ending)
		c->ops->failed(c->arg, name, why);
}

static void
on_made(struct amas__spawn *s, struct amas_agent *a, const char *failure)
{
	struct group *g = AMAS__OF(s, struct group, spawn);
	struct amas_container *c = g->c;

	(void)a;
	(void)c;
	g->left--;
	if (failure != NULL && !g->failed) {
		g->left++; /* it stays while the others end */
		fail(g, failure);
		g->left--;
	}
	if (g->left == 0)
		group_free(g);
}

static struct group *
group_new(struct amas_container *c, struct amas__class *cls)
{
	struct group *g = amas__zalloc(sizeof *g);

	if (g == NULL)
		return NULL;
	g->spawn.fn = on_made;
	g->c = c;
	g->cls = cls;
	cls->refs++;
	g->left = 1;
	amas__list_add(&c->groups, &g->link);
	amas__container_update(c);
	return g;
}

static int
make_room(struct group *g)
{
	size_t room = g->room != 0 ? 2 * g->room : 16;
	uint32_t *id = amas__reallocarray(g->id, room, sizeof *id);

	if (id == NULL)
		return AMAS_ENOMEM;
	g->id = id;
	g->room = room;
	return 0;
}

/* Begins the next of a group; as amas__agent_make(). */
static int
make_next(struct group *g, const struct amas_value *args,
    const struct amas_value *kwargs, struct amas_error *err)
{
	struct amas_agent *a;
	int rc;

	if (g->count == g->room && make_room(g) != 0)
		return amas__error_nomem(err);
	rc = amas__agent_make(&a, g->c, g->cls, g->count, args, kwargs,
	    &g->spawn, err);
	if (rc > 0)
		g->left++;
	if (rc >= 0)
		g->id[g->count++] = a->id;
	return rc;
}

/* The group that has agents to begin, first come first; or NULL. */
static struct group *
next_group(const struct amas_container *c)
{
	struct amas__link *i;
	struct group *g;

	for (i = c->groups.next; i != &c->groups; i = i->next) {
		g = AMAS__OF(i, struct group, link);
		if (g->count < g->wanted && !g->failed)
			return g;
	}
	return NULL;
}

/* All else is at rest: one by one, until one takes its time. */
static void
on_make(struct amas__event *e)
{
	struct amas_container *c = AMAS__OF(e, struct amas_container, make);
	struct group *g = next_group(c);
	struct amas_error err;
	int rc = 0;

	if (g == NULL)
		return;
	while (rc == 0 && g->count < g->wanted)
		rc = make_next(g, g->args, g->kwargs, &err);
	if (rc < 0)
		fail(g, err.text);
	if ((rc < 0 || g->count == g->wanted) && --g->left == 0)
		group_free(g);
	if (next_group(c) != NULL)
		amas__rest_put_off(c->loop, &c->make);
}

/* Has a group made one by one. */
static int
make_later(struct group *g, size_t count, const struct amas_value *args,
    const struct amas_value *kwargs, struct amas_error *err)
{
	struct amas_container *c = g->c;

	if ((args != NULL && (g->args = amas_value_keep(args)) == NULL) ||
	    (kwargs != NULL && (g->kwargs = amas_value_keep(kwargs)) == NULL)) {
		group_free(g);
		return amas__error_nomem(err);
	}
	g->wanted = count;
	c->make.fn = on_make;
	if (amas__list_empty(&c->make.link))
		amas__rest_put_off(c->loop, &c->make);
	return 0;
}

void
amas__groups_drop(struct amas_container *c)
{
	struct group *g;

	amas__event_drop(&c->make);
	while ((g = next_group(c)) != NULL) {
		g->wanted = g->count;
		if (--g->left == 0)
			group_free(g);
	}
}

int
amas__container_make(struct amas_container *c, struct amas__class *cls,
    size_t count, const struct amas_value *args,
    const struct amas_value *kwargs, struct amas_error *err)
{
	struct group *g;
	size_t i;
	int rc;

	if ((rc = refuse(c, count, err)) != 0)
		return rc;
	if ((g = group_new(c, cls)) == NULL)
		return amas__error_nomem(err);
	if (amas__rest_is_serial(c->loop))
		return make_later(g, count, args, kwargs, err);
	for (i = 0; i < count && rc >= 0; i++)
		rc = make_next(g, args, kwargs, err);
	if (rc < 0)
		undo(g);
	if (--g->left == 0)
		group_free(g);
	return rc < 0 ? rc : 0;
}

static int
make_told(struct amas_container *c, const struct amas_value *v,
    struct amas_error *err)
{
	const struct amas_value *args = NULL, *kwargs = NULL;
	struct amas__class *cls;
	const char *name;
	int count = 1, rc;

	if (amas_value_unpack(v, err, "{s:s | s:i s:v s:v}", "class", &name,
	    "count", &count, "args", &args, "kwargs", &kwargs) != 0)
		return amas_error_set(err, AMAS_EPROTO, "is not {\"class\": "
		    "NAME, \"count\": N, \"args\": [...], \"kwargs\": {...}}");
	if ((args != NULL && amas_value_type(args) != AMAS_LIST) ||
	    (kwargs != NULL && amas_value_type(kwargs) != AMAS_MAP) ||
	    count < 1)
		return amas_error_set(err, AMAS_EPROTO, "\"args\" is a list, "
		    "\"kwargs\" a map, \"count\" at least 1");
	if ((rc = amas__class_find(&cls, c, name, err)) == AMAS_ENOENT &&
	    strchr(name, ':') == NULL) /* it was not meant as Python's */
		return amas_error_set(err, rc, "there is no class \"%.100s\"",
		    name);
	if (rc != 0)
		return rc;
	return amas__container_make(c, cls, (size_t)count, args, kwargs, err);
}

int
amas__container_make_line(struct amas_container *c, const char *line,
    size_t len, struct amas_error *err)
{
	struct amas_value *v;
	int rc = amas_value_decode(&v, NULL, NULL, line, len, err);

	if (rc == 0) {
		rc = make_told(c, v, err);
		amas_value_free(v);
	}
	return rc;
}

void
amas__container_update(struct amas_container *c)
{
	bool more = c->loading || !amas__list_empty(&c->groups) ||
	    (c->runs_started && !amas__list_empty(&c->folder_agents));

	if (amas__rest_is_serial(c->loop)) /* then they are put off */
		more = false;
	amas__awake_set(&c->awake, !c->ending && (more || c->making > 0));
}

void
amas__container_loaded(struct amas_container *c)
{
	c->loading = true;
	amas__container_update(c);
	if (amas__list_empty(&c->groups))
		amas__task_run(c->loop, &c->ready);
}

void
amas__container_look_ready(struct amas_container *c)
{
	if (!c->loading || c->ending || !amas__list_empty(&c->groups))
		return;
	c->loading = false;
	c->runs_started = true;
	amas__container_update(c);
	if (c->ops != NULL && c->ops->ready != NULL)
		c->ops->ready(c->arg);
	amas__folders_start(c);
}

/* ---- For C programs ---- */

static int
make_of(struct amas_agent **out, struct amas_container *c,
    struct amas__class *cls, struct amas_error *err, const char *fmt,
    va_list ap)
{
	struct amas__area *area = amas__area_new(amas__loop_pool(c->loop));
	struct amas_value args, kwargs;
	struct amas_agent *a;
	int rc;

	if (area == NULL)
		return amas__error_nomem(err);
	if ((rc = amas__vpack_call(area, &args, &kwargs, fmt, ap)) != 0)
		(void)amas_error_set(err, rc, "%s", rc == AMAS_EINVAL ?
		    "bad format" : amas_strerror(rc));
	else
		rc = amas__agent_make(&a, c, cls, 0, &args, &kwargs, NULL,
		    err);
	amas__area_unref(area);
	if (rc == 0 && out != NULL)
		*out = a;
	return rc;
}

int
amas_agent_new(struct amas_agent **out, struct amas_container *c,
    const struct amas_class *cls, struct amas_error *err, const char *fmt, ...)
{
	struct amas__class *known;
	va_list ap;
	int rc;

	if ((rc = amas__class_of(&known, c, cls, err)) != 0)
		return rc;
	va_start(ap, fmt);
	rc = make_of(out, c, known, err, fmt, ap);
	va_end(ap);
	return rc;
}

int
amas_agent_connect(struct amas_proxy **out, struct amas_agent *a,
    const char *url, double timeout_s, struct amas_error *err)
{
	if (a->ended)
		return amas_error_set(err, AMAS_ECANCELED, "%s",
		    amas_strerror(AMAS_ECANCELED));
	if (a->proxies == NULL) {
		if ((a->proxies = malloc(sizeof *a->proxies)) == NULL)
			return amas__error_nomem(err);
		amas__list_init(a->proxies);
	}
	return amas__rpc_agent(out, &a->c->links, url, timeout_s, a->proxies,
	    err);
}

const char *
amas_agent_url(const struct amas_agent *a, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s%lu", a->c->url, (unsigned long)a->id);
	return buf;
}

struct amas_clock *
amas_agent_clock(const struct amas_agent *a)
{
	return a->c->clock;
}

struct amas_container *
amas_agent_container(const struct amas_agent *a)
{
	return a->c;
}
