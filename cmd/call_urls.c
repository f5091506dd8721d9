/* The connections of -B -; see call_urls.h. */
#include "call_urls.h"

#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "channel.h"
#include "err.h"
#include "mem.h"

#define NO_URL "is no URL with a function behind it"

struct call_url {
	struct amas__link link;
	struct call_urls *all;
	char *addr;		/* "tcp://host:port", "/" behind a container */
	struct amas_channel *ch;
	struct call_agents agents;
	size_t calls;		/* that have not ended */
};

static struct call_url *
url_of(struct amas__link *link)
{
	return AMAS__OF(link, struct call_url, link);
}

void
call_urls_init(struct call_urls *all, struct call_peer *peer)
{
	all->peer = peer;
	all->idle = 0;
	all->over = false;
	amas__list_init(&all->list);
}

/* Closes one, without calls or with: they end inside. */
static void
url_free(struct call_url *u)
{
	struct amas_channel *ch = u->ch;

	if (u->calls == 0)
		u->all->idle--;
	amas__list_remove(&u->link);
	u->calls++; /* the last that ends must not come here again */
	amas_channel_close(ch);
	call_agents_fini(&u->agents);
	free(u->addr);
	free(u);
}

void
call_urls_fini(struct call_urls *all)
{
	all->over = true;
	while (all->peer != NULL && !amas__list_empty(&all->list))
		url_free(url_of(all->list.next));
}

void
call_url_done(struct call_url *u)
{
	if (--u->calls > 0)
		return;
	u->all->idle++;
	if (!u->all->over && (amas__channel_ended(u->ch) != NULL ||
	    u->all->idle > CALL_URLS_IDLE))
		url_free(u);
}

/* One that still stands. */
static struct call_url *
find(struct call_urls *all, const char *addr)
{
	struct amas__link *i;
	struct call_url *u;

	for (i = all->list.next; i != &all->list; i = i->next) {
		u = url_of(i);
		if (amas__channel_ended(u->ch) == NULL &&
		    strcmp(u->addr, addr) == 0)
			return u;
	}
	return NULL;
}

/* Takes addr, on failure too. */
static int
url_new(struct call_url **out, struct call_urls *all, char *addr,
    struct amas_error *err)
{
	struct call_url *u = amas__zalloc(sizeof *u);
	struct amas_opts opts;
	int rc;

	call_peer_opts(&opts, all->peer);
	if (u == NULL)
		rc = amas__error_nomem(err);
	else
		rc = call_peer_open(&u->ch, all->peer, addr, &opts, err);
	if (rc != 0) {
		free(addr);
		free(u);
		return rc;
	}
	u->all = all;
	u->addr = addr;
	call_agents_init(&u->agents);
	amas__list_add(&all->list, &u->link);
	all->idle++;
	*out = u;
	return 0;
}

/* What the address proper is, and the path of the function below it. */
static int
take_apart(char **addr, char **path, bool *agent, const char *front,
    const char *function, struct amas_error *err)
{
	struct amas__addr a;
	char *base;
	int rc;

	if ((rc = amas__addr_parse(&a, front, err)) != 0)
		return rc;
	base = amas__addr_print(&a);
	*addr = base == NULL ? NULL :
	    amas__asprintf("%s%s", base, a.container ? "/" : "");
	*path = amas__asprintf("%s%s%s%s", a.agent != NULL ? "agents/" : "",
	    a.agent != NULL ? a.agent : a.path,
	    a.agent != NULL || a.path[0] != '\0' ? "/" : "", function);
	*agent = a.agent != NULL;
	free(base);
	amas__addr_fini(&a);
	if (*addr != NULL && *path != NULL)
		return 0;
	free(*addr);
	free(*path);
	return amas__error_nomem(err);
}

/* Cuts the function off the address, which is kept if it is an agent's. */
static int
parse(struct call_target *t, char **addr, const char *text,
    struct amas_error *err)
{
	const char *slash = strrchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : 0;
	bool agent;
	int rc;

	if (len == 0 || slash[1] == '\0' || text[len - 1] == ':' ||
	    (len > 1 && strncmp(text + len - 2, ":/", 2) == 0))
		return amas_error_set(err, AMAS_EINVAL, NO_URL);
	if ((t->object = amas__strndup(text, len)) == NULL)
		return amas__error_nomem(err);
	rc = take_apart(addr, &t->path, &agent, t->object, slash + 1, err);
	if (rc != 0 || !agent) {
		free(t->object);
		t->object = NULL;
	}
	return rc;
}

int
call_url_cut(char **object, const char **path, const char *text,
    struct amas_error *err)
{
	char *url = amas__strdup(text), *slash;

	if (url == NULL)
		return amas__error_nomem(err);
	if ((slash = strrchr(url, '/')) == NULL || slash[1] == '\0') {
		free(url);
		return amas_error_set(err, AMAS_EINVAL, NO_URL);
	}
	for (; slash != NULL; slash = strrchr(url, '/')) {
		*slash = '\0';
		if (!call_addr_is_agent(url))
			continue;
		*object = url;
		*path = text + (slash - url) + 1;
		return 0;
	}
	free(url);
	return amas_error_set(err, AMAS_EINVAL, CALL_NO_DIAL);
}

/* Of "agents/ID/FUNCTION". */
static struct call_agent *
find_agent(struct call_url *u, const char *path)
{
	const char *id = path + strlen("agents/");

	return call_agents_get(&u->agents, id,
	    (size_t)(strrchr(id, '/') - id));
}

static int
open_url(struct call_target *t, struct call_urls *all, char *addr,
    struct amas_error *err)
{
	struct call_url *u;
	int rc;

	if ((u = find(all, addr)) != NULL)
		free(addr);
	else if ((rc = url_new(&u, all, addr, err)) != 0)
		return rc;
	if (t->object != NULL &&
	    (t->agent = find_agent(u, t->path)) == NULL)
		return amas__error_nomem(err);
	if (u->calls++ == 0)
		all->idle--;
	t->url = u;
	t->ch = u->ch;
	return 0;
}

int
call_url_open(struct call_target *t, struct call_urls *all, const char *text,
    struct amas_error *err)
{
	char *addr = NULL;
	int rc;

	memset(t, 0, sizeof *t);
	if ((rc = parse(t, &addr, text, err)) == 0 &&
	    (rc = open_url(t, all, addr, err)) != 0)
		call_target_free(t);
	return rc;
}

void
call_target_free(struct call_target *t)
{
	free(t->path);
	free(t->object);
}
