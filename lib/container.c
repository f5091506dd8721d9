/*
 * Containers: the server that agents share, the address that they have, and the
 * way from a path to an agent.
 *
 * To peers a container is a service with the function validate_aid and the
 * service agents, as aiomas has it; what opts->service has stands beside them.
 */
#include "container.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "err.h"
#include "mem.h"
#include "request.h"
#include "rpc.h"
#include "server.h"
#include "service_list.h"

#define HOST_MAX 256

/* ---- What a peer can ask for ---- */

/* Goes from "agents" on: rest is "ID/function". */
static void
agents_call(struct amas__source *s, struct amas_request *req,
    const char *walked, size_t walked_len, const char *rest, size_t rest_len)
{
	struct amas_container *c = AMAS__OF(s, struct amas_container, agents);
	const char *slash = rest_len > 0 ? memchr(rest, '/', rest_len) : NULL;
	size_t id = slash != NULL ? (size_t)(slash - rest) : rest_len;
	struct amas_agent *a = amas__agent_find(c, rest, id);

	if (rest_len == 0)
		amas_request_fail(req, "TypeError: 'agents' is a service, not "
		    "a function");
	else if (a == NULL)
		amas__request_not_found(req, rest, id, walked, walked_len);
	else
		a->cls->ops->call(a, req, walked, walked_len + 1 + id,
		    slash != NULL ? slash + 1 : rest + id,
		    slash != NULL ? rest_len - id - 1 : 0);
}

static int
agents_list(struct amas__source *s, const char *base,
    struct amas__paths *paths, struct amas_error *err)
{
	struct amas_container *c = AMAS__OF(s, struct amas_container, agents);
	struct amas_agent *a;
	char id[24], *path;
	size_t i;
	int rc = 0;

	for (i = 0; i < c->n && rc == 0; i++) {
		if ((a = c->slot[i]) == NULL)
			continue;
		(void)snprintf(id, sizeof id, "%zu", i);
		if ((path = amas__paths_join(base, id, strlen(id))) == NULL)
			return amas__error_nomem(err);
		rc = a->cls->ops->list(a, path, paths, err);
		free(path);
	}
	return rc;
}

static void
agents_free(struct amas__source *s)
{
	(void)s; /* it lies in its container */
}

static const struct amas__source_ops agents_ops = { agents_call, agents_free,
	agents_list };

/* The class of an agent, or null: what is no id names none. */
static void
validate_aid(struct amas_request *req, void *self)
{
	struct amas_container *c = self;
	const struct amas_value *id;
	struct amas_agent *a = NULL;

	id = amas_value_get(amas_request_kwargs(req), "aid");
	if (id == NULL && amas_request_unpack(req, "[v]", &id) != 0)
		return;
	if (amas_value_type(id) == AMAS_STRING)
		a = amas__agent_find(c, amas_value_text(id),
		    amas_value_len(id));
	amas_request_reply(req, "s?", a != NULL ? a->cls->name : NULL);
}

static const struct amas_function functions[] = {
	{ "validate_aid", validate_aid },
	{ NULL, NULL }
};

static int
make_root(struct amas_container *c, const struct amas_opts *opts,
    struct amas_error *err)
{
	struct amas__source *beside;
	int rc = amas_service_new(&c->root, err);

	c->agents.ops = &agents_ops;
	if (rc == 0)
		rc = amas_service_add(c->root, functions, c, err);
	if (rc == 0)
		rc = amas__service_take_source(c->root, "agents", &c->agents,
		    err);
	if (rc == 0)
		rc = amas__container_calls(c, err);
	if (rc != 0 || opts == NULL || opts->service == NULL)
		return rc;
	/* What the root has no name for is the program's. */
	if ((beside = amas__service_source(opts->service)) == NULL)
		return amas__error_nomem(err);
	return amas__service_take_source(c->root, "", beside, err);
}

/* ---- Addresses ---- */

/* The name by which other machines may know this one; as socket.getfqdn(). */
static void
own_name(char *name, size_t size)
{
	const struct addrinfo hints = { .ai_flags = AI_CANONNAME };
	struct addrinfo *ai;

	if (gethostname(name, size) == -1)
		(void)snprintf(name, size, "localhost");
	name[size - 1] = '\0';
	if (getaddrinfo(name, NULL, &hints, &ai) != 0)
		return;
	if (ai->ai_canonname != NULL && strlen(ai->ai_canonname) < size)
		(void)strcpy(name, ai->ai_canonname);
	freeaddrinfo(ai);
}

static bool
is_everywhere(const char *host)
{
	return strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 ||
	    strcmp(host, "::") == 0;
}

static char *
tcp_url(const struct amas__addr *a, const char *advertise)
{
	char own[HOST_MAX];
	const char *host = a->host;
	bool bare;

	if (advertise != NULL)
		return amas__asprintf("tcp://%s/", advertise);
	if (is_everywhere(host)) {
		own_name(own, sizeof own);
		host = own;
	}
	bare = strchr(host, ':') != NULL;
	return amas__asprintf(bare ? "tcp://[%s]:%u/" : "tcp://%s:%u/",
	    *host != '\0' ? host : "localhost", (unsigned)a->port);
}

/* The URL that agents' ids are put behind. */
static int
set_url(struct amas_container *c, const char *advertise,
    struct amas_error *err)
{
	struct amas__addr a;
	int rc = amas__addr_parse(&a, amas_server_addr(c->server), err);

	if (rc != 0)
		return rc;
	if (a.kind == AMAS__ADDR_TCP)
		c->url = tcp_url(&a, advertise);
	else
		c->url = amas__asprintf(a.kind == AMAS__ADDR_LOCAL ?
		    "local://%s/" : "ipc://[%s]/", a.name);
	amas__addr_fini(&a);
	return c->url != NULL ? 0 : amas__error_nomem(err);
}

/* Its own agents need no socket to reach each other. */
static int
be_local(struct amas_container *c, struct amas_error *err)
{
	struct amas__addr a;
	bool local;
	int rc = amas__addr_parse(&a, c->url, err);

	if (rc != 0)
		return rc;
	local = a.kind == AMAS__ADDR_LOCAL; /* it is one already */
	c->addr = amas__addr_print(&a);
	amas__addr_fini(&a);
	if (c->addr == NULL)
		return amas__error_nomem(err);
	c->links.self = c->addr;
	return local ? 0 : amas__server_be_local(c->server, c->addr, err);
}

const char *
amas_container_url(const struct amas_container *c)
{
	return c->url;
}

/* ---- Life ---- */

void
amas__container_unref(struct amas_container *c)
{
	size_t i;

	if (--c->refs > 0)
		return;
	amas_service_free(c->root);
	for (i = 0; i < c->n_class_path; i++)
		free(c->class_path[i]);
	free(c->class_path);
	free(c->slot);
	free(c->types);
	free(c->url);
	free(c->addr);
	free(c);
}

void
amas_container_close(struct amas_container *c)
{
	size_t i;

	if (c == NULL)
		return;
	c->ending = true;
	c->ops = NULL;
	amas__open_remove(&c->open);
	for (i = c->n; i > 0; i--)
		amas_agent_free(c->slot[i - 1]);
	amas_server_close(c->server);
	c->server = NULL;
	amas__rpc_free_owned(&c->proxies);
	amas__links_fini(&c->links);
	amas__tls_unref(c->dial_tls);
	c->dial_tls = NULL;
	amas__steps_remove(c);
	amas__awake_set(&c->awake, false);
	amas__classes_fini(c);
	amas__task_cancel(c->loop, &c->ready);
	amas__task_cancel(c->loop, &c->starts);
	amas__event_drop(&c->turn);
	amas__groups_drop(c);
	amas__container_unref(c);
}

static void
open_release(struct amas__open *o)
{
	amas_container_close(AMAS__OF(o, struct amas_container, open));
}

/* The server drains by itself; what agents do ends, the last made first. */
static void
open_drain(struct amas__open *o)
{
	struct amas_container *c = AMAS__OF(o, struct amas_container, open);

	c->ending = true;
	amas__rest_drain(amas__rest_of(c->loop));
	amas__folders_stop(c);
}

static void
open_close(struct amas__open *o)
{
	open_drain(o);
}

static const struct amas__open_ops open_ops = { .close = open_close,
	.drain = open_drain, .release = open_release };

/* The address with the slash behind it that says that it is a container's. */
static int
open_server(struct amas_container *c, const char *addr,
    const struct amas_opts *opts, struct amas_error *err)
{
	struct amas_opts o = { 0 };
	struct amas__addr a;
	char *slashed;
	int rc;

	if ((rc = amas__addr_parse(&a, addr, err)) != 0)
		return rc;
	slashed = amas__asprintf("%s%s", addr, a.container ? "" : "/");
	amas__addr_fini(&a);
	if (slashed == NULL)
		return amas__error_nomem(err);
	if (opts != NULL)
		o = *opts;
	o.service = c->root;
	rc = amas_server_open(&c->server, c->loop, slashed, &o, err);
	if (rc == 0)
		amas__server_be_link(c->server);
	free(slashed);
	return rc;
}

static bool
is_local(const char *addr)
{
	struct amas__addr a;
	bool local;

	if (amas__addr_parse(&a, addr, NULL) != 0)
		return false;
	local = a.kind == AMAS__ADDR_LOCAL;
	amas__addr_fini(&a);
	return local;
}

/* The connections that its agents make offer its root, as those of Python do. */
static int
set_links(struct amas_container *c, const struct amas_opts *opts,
    struct amas_error *err)
{
	const struct amas_tls *tls;
	int rc;

	amas__links_offer(&c->links, c->root);
	if (opts == NULL)
		return 0;
	if (!(opts->connect_timeout_s >= 0))
		return amas_error_set(err, AMAS_EINVAL, "timeout of %g s",
		    opts->connect_timeout_s);
	tls = opts->dial_tls != NULL ? opts->dial_tls : opts->tls;
	c->links.opts.codec = opts->codec;
	c->links.opts.max_message = opts->max_message;
	c->links.opts.connect_timeout_s = opts->connect_timeout_s;
	c->links.opts.allow = opts->allow;
	c->links.opts.arg = opts->arg;
	if (tls != NULL) {
		if ((rc = amas__tls_use(&c->dial_tls, c->loop, tls, false,
		    err)) != 0)
			return rc;
		c->links.opts.tls = amas__tls_settings(c->dial_tls);
	}
	if (opts->types != NULL &&
	    (c->types = amas__strdup(opts->types)) == NULL)
		return amas__error_nomem(err);
	c->links.opts.types = c->types;
	return 0;
}

static void
on_ready(struct amas__task *t)
{
	amas__container_look_ready(AMAS__OF(t, struct amas_container, ready));
}

static void
on_starts(struct amas__task *t)
{
	amas__folders_start(AMAS__OF(t, struct amas_container, starts));
}

int
amas_container_open(struct amas_container **out, struct amas_loop *loop,
    const char *addr, const struct amas_opts *opts, struct amas_error *err)
{
	struct amas_container *c = amas__zalloc(sizeof *c);
	int rc;

	if (c == NULL)
		return amas__error_nomem(err);
	c->refs = 1;
	c->loop = loop;
	c->clock = opts != NULL && opts->clock != NULL ? opts->clock :
	    amas_loop_clock(loop);
	amas__awake_init(&c->awake, loop, "its agents");
	c->awake.what = "are being made";
	amas__map_init(&c->classes);
	amas__links_init(&c->links, loop);
	amas__list_init(&c->proxies);
	amas__list_init(&c->groups);
	amas__list_init(&c->folder_agents);
	amas__task_init(&c->ready, on_ready);
	amas__task_init(&c->starts, on_starts);
	amas__list_init(&c->turn.link);
	amas__list_init(&c->make.link);
	amas__open_add(loop, &c->open, &open_ops);
	if ((rc = amas__steps_add(c, is_local(addr), err)) == 0 &&
	    (rc = make_root(c, opts, err)) == 0 &&
	    (rc = open_server(c, addr, opts, err)) == 0 &&
	    (rc = set_url(c, opts != NULL ? opts->advertise : NULL,
	    err)) == 0 && (rc = be_local(c, err)) == 0)
		rc = set_links(c, opts, err);
	if (rc == 0 && opts != NULL && opts->manager)
		rc = amas__manager_make(c, err);
	if (rc != 0) {
		amas_container_close(c);
		return rc;
	}
	if (opts != NULL) {
		c->on_stop = opts->on_stop;
		c->on_stop_arg = opts->arg;
	}
	*out = c;
	return 0;
}

int
amas_container_connect(struct amas_proxy **out, struct amas_container *c,
    const char *url, double timeout_s, struct amas_error *err)
{
	return amas__rpc_agent(out, &c->links, url, timeout_s, &c->proxies,
	    err);
}

void
amas__container_set(struct amas_container *c,
    const struct amas__container_settings *set,
    const struct amas__container_ops *ops, void *arg)
{
	c->set = *set;
	c->ops = ops;
	c->arg = arg;
}
