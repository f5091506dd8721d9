/*
 * What may be asked of a container beside its agents.  Peers get what only
 * reads; its manager, and its own agents through the host, can change it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "err.h"
#include "mem.h"
#include "request.h"
#include "service_list.h"
#include "times.h"
#include "value.h"

/* ---- What only reads ---- */

static void
list_agents(struct amas_request *req, void *self)
{
	const struct amas_container *c = self;
	struct amas_value *list;
	char id[24], url[AMAS_URL_SIZE];
	size_t i;

	if (amas_request_unpack(req, "[]") != 0)
		return;
	list = amas_value_pack("[]");
	for (i = 0; i < c->n; i++) {
		if (c->slot[i] == NULL)
			continue;
		(void)snprintf(id, sizeof id, "%zu", i);
		(void)amas_value_add(list, "{s:s, s:s, s:s}", "id", id,
		    "class", c->slot[i]->cls->name, "url",
		    amas_agent_url(c->slot[i], url, sizeof url));
	}
	amas_request_reply(req, "v", list);
	amas_value_free(list);
}

static void
stats(struct amas_request *req, void *self)
{
	const struct amas_container *c = self;
	const struct amas__counters *n = amas__loop_counters(c->loop);

	if (amas_request_unpack(req, "[]") != 0)
		return;
	amas_request_reply(req, "{s:I, s:I, s:I, s:I, s:I, s:I}",
	    "agents", (int64_t)c->live,
	    "connections", (int64_t)n->connections,
	    "calls", (int64_t)n->calls, "failures", (int64_t)n->failures,
	    "bytes_in", (int64_t)n->bytes_in,
	    "bytes_out", (int64_t)n->bytes_out);
}

static void
awake(struct amas_request *req, void *self)
{
	(void)self;
	amas__steps_awake(req);
}

static void
now(struct amas_request *req, void *self)
{
	const struct amas_container *c = self;

	amas__times_reply(c->clock, req);
}

static void
utcnow(struct amas_request *req, void *self)
{
	const struct amas_container *c = self;

	amas__times_reply_utcnow(c->clock, req);
}

static const struct amas_function functions[] = {
	{ "agents", list_agents },
	{ "awake", awake },
	{ "time", now },
	{ "utcnow", utcnow },
	{ "stats", stats },
	{ NULL, NULL }
};

int
amas__container_calls(struct amas_container *c, struct amas_error *err)
{
	struct amas_service *own;
	int rc = amas_service_new(&own, err);

	if (rc != 0)
		return rc;
	if ((rc = amas_service_add(own, functions, c, err)) == 0)
		rc = amas__service_mount_amas(c->root, own, err);
	amas_service_free(own);
	return rc;
}

/* ---- Spawning ---- */

/* Who asked for an agent. */
struct asked {
	struct amas__spawn spawn;
	struct amas_request *req;
	bool proxy;		/* aiomas's answer; else the URL alone */
};

/* A proxy of it, for a value's format: "v". */
struct amas_value *
amas_agent_proxy(const struct amas_agent *a)
{
	struct amas__area *area = amas__area_new(NULL);
	struct amas_value *v = NULL;
	char path[32];
	int len;

	if (area == NULL)
		return NULL;
	len = snprintf(path, sizeof path, "agents/%lu", (unsigned long)a->id);
	v = amas__area_values(area, 1);
	if (v != NULL && amas__value_proxy(v, area, path, (size_t)len) == 0)
		return v;
	amas__area_unref(area);
	return NULL;
}

static void
answer(struct amas_request *req, const struct amas_agent *a, bool proxy)
{
	struct amas_value *v;
	char url[AMAS_URL_SIZE];

	(void)amas_agent_url(a, url, sizeof url);
	if (!proxy) {
		amas_request_reply(req, "s", url);
		return;
	}
	if ((v = amas_agent_proxy(a)) == NULL)
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
	else
		amas_request_reply(req, "[vs]", v, url);
	amas_value_free(v);
}

static void
on_made(struct amas__spawn *s, struct amas_agent *a, const char *failure)
{
	struct asked *k = AMAS__OF(s, struct asked, spawn);
	struct amas_request *req = k->req;
	bool proxy = k->proxy;

	free(k);
	if (failure != NULL)
		amas__request_fail_text(req, failure, strlen(failure));
	else
		answer(req, a, proxy);
}

void
amas__container_spawn(struct amas_container *c, struct amas_request *req,
    bool proxy)
{
	const struct amas_value *name, *all = amas_request_args(req);
	struct amas_value args;
	struct amas__class *cls;
	struct amas_agent *a;
	struct amas_error err;
	struct asked *k;
	int rc;

	name = amas_value_at(all, 0);
	if (amas_value_type(name) != AMAS_STRING) {
		amas_request_fail(req, "TypeError: spawn() needs a qualname: "
		    "\"module:Class\"");
		return;
	}
	if ((k = amas__zalloc(sizeof *k)) == NULL) {
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return;
	}
	k->spawn.fn = on_made;
	k->proxy = proxy;
	amas__value_list(&args, all->area, all->u.item + 1, all->len - 1);
	if ((rc = amas__class_find(&cls, c, amas_value_text(name), &err)) == 0)
		rc = amas__agent_make(&a, c, cls, 0, &args,
		    amas_request_kwargs(req), &k->spawn, &err);
	if (rc > 0) {
		k->req = amas_request_keep(req);
		return;
	}
	free(k);
	if (rc == 0)
		answer(req, a, proxy);
	else
		amas_request_fail(req, "%s", err.text);
}

/* ---- Ending ---- */

void
amas__container_stop(struct amas_container *c)
{
	if (c->on_stop != NULL)
		c->on_stop(c, c->on_stop_arg);
	else if (c->ops != NULL && c->ops->stop != NULL)
		c->ops->stop(c->arg);
	else
		amas_loop_drain(c->loop, AMAS__STOP_GRACE_S);
}

/* The agent that a URL of ours names, or NULL. */
static struct amas_agent *
by_url(const struct amas_container *c, const char *url)
{
	size_t len = strlen(c->url);

	return strncmp(url, c->url, len) != 0 ? NULL :
	    amas__agent_find(c, url + len, strlen(url + len));
}

/* amas/stop [URL]: ends an agent; without one, the container. */
static void
stop(struct amas_container *c, struct amas_request *req)
{
	const char *url = NULL;
	struct amas_agent *a;

	if (amas_request_unpack(req, "[|s]", &url) != 0)
		return;
	a = url != NULL ? by_url(c, url) : NULL;
	if (url != NULL && a == NULL) {
		amas_request_fail(req, "LookupError: \"%.200s\" is no agent "
		    "of this container", url);
		return;
	}
	amas_request_reply(req, NULL);
	if (a != NULL)
		amas_agent_free(a);
	else
		amas__container_stop(c);
}

/* ---- For its own agents ---- */

bool
amas__container_serve(struct amas_container *c, struct amas_request *req)
{
	const char *path = amas_request_path(req);

	if (strcmp(path, "amas/list") == 0)
		(void)amas__service_answer_list(c->root, req);
	else if (strcmp(path, "amas/agents") == 0)
		list_agents(req, c);
	else if (strcmp(path, "amas/stats") == 0)
		stats(req, c);
	else if (strcmp(path, "amas/spawn") == 0)
		amas__container_spawn(c, req, false);
	else if (strcmp(path, "amas/stop") == 0)
		stop(c, req);
	else
		return false;
	return true;
}
