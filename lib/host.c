/*
 * The life of the host: its folder and socket, the processes that it knows, the
 * connections that they make.  What they may ask is in host_calls.c, whether they
 * are asleep in host_quiet.c.
 *
 * A connection serves nothing until it has shown the token of a guest, as the
 * agent that each path names; from then on it is that guest's, and ends with it.
 */
#include "host_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "addr.h"
#include "codec.h"
#include "err.h"
#include "folder.h"
#include "home.h"
#include "log.h"
#include "mem.h"
#include "msg.h"
#include "request.h"
#include "service.h"

#define AGENTS "agents/"
#define DIR_MAX 80		/* bytes of the folder; its socket must fit */

/* ---- Visitors ---- */

static void
enter(struct amas__visitor *v, struct amas__guest *g)
{
	amas__list_remove(&v->link);
	amas__list_add(&g->visitors, &v->link);
	v->guest = g;
	g->n_visitors++;
	amas__host_update(g);
}

static void
leave(struct amas__visitor *v)
{
	struct amas__guest *g = v->guest;

	amas__list_remove(&v->link);
	if (g == NULL)
		return;
	amas__host_quiet_leave(v);
	v->guest = NULL;
	amas__host_drop_waits(g, v);
	g->n_visitors--;
	amas__host_update(g);
}

/* The guest whose token a request shows; its path is then what follows that. */
static struct amas__guest *
who(struct amas__host *h, struct amas_request *req)
{
	const char *path = amas_request_path(req);
	size_t len = strlen(AGENTS);
	struct amas__guest *g;

	if (strncmp(path, AGENTS, len) != 0 ||
	    strlen(path + len) < AMAS__TOKEN)
		return NULL;
	path += len;
	g = amas__map_get(&h->guests, path, AMAS__TOKEN);
	path += AMAS__TOKEN;
	if (g == NULL || (*path != '\0' && *path != '/'))
		return NULL;
	amas__request_enter(req, len + AMAS__TOKEN);
	return g;
}

/* One that knows no token, or speaks for somebody who has ended. */
static void
turn_away(struct amas__visitor *v, struct amas_request *req)
{
	amas__log(amas__loop_log(v->host->loop), AMAS_LOG_WARN, "refused: a "
	    "request without a token of a process that runs: a job that one "
	    "left behind?");
	amas_request_fail(req, "LookupError: no such token; the process that "
	    "it was given to has ended");
}

static void
on_request(struct amas_channel *ch, struct amas_request *req, void *arg)
{
	struct amas__visitor *v = arg;
	struct amas__guest *g;

	(void)ch;
	v->host->happened++;
	if (amas__request_parse_call(req) != 0)
		return;
	g = who(v->host, req);
	if (g == NULL || (v->guest != NULL && v->guest != g)) {
		turn_away(v, req);
		return;
	}
	if (v->guest == NULL)
		enter(v, g);
	else
		amas__host_update(g);
	amas__host_serve(v, req);
}

static void
on_ended(struct amas_channel *ch, void *arg)
{
	struct amas__visitor *v = arg;

	v->host->happened++;
	leave(v);
	amas__channel_unref(ch);
	free(v);
}

/* What the host says has proxies of others in it. */
static int
foreign(void *arg, const struct amas_value *proxy, struct amas__buf *path,
    struct amas_error *err)
{
	const struct amas__visitor *v = arg;

	return amas__host_proxy_url(v->host->loop, proxy, path, err);
}

/* A trace tells of it without its token, pid and folder. */
static void
traced(struct amas_channel *ch, void *arg, const struct amas__msg *m,
    struct amas__traced *t)
{
	const struct amas__visitor *v = arg;
	const struct amas_value *path = amas_value_at(m->content, 0);
	const struct amas__guest *g = v->guest;
	const char *text = amas_value_text(path);
	size_t len = strlen(AGENTS);

	(void)ch;
	if (m->type == AMAS__REQUEST && amas_value_len(m->content) == 3 &&
	    amas_value_type(path) == AMAS_STRING &&
	    path->len > len + AMAS__TOKEN &&
	    strncmp(text, AGENTS, len) == 0) {
		if (g == NULL)
			g = amas__map_get(&v->host->guests, text + len,
			    AMAS__TOKEN);
		t->skip = len + AMAS__TOKEN +
		    (text[len + AMAS__TOKEN] == '/');
	}
	amas__guest_traced(g, t);
}

static const struct amas__channel_ops visitor_ops = {
	.traced = traced,
	.request = on_request,
	.foreign = foreign,
	.ended = on_ended,
	.any_types = true,
	.inner = true,
};

static void
on_accept(struct amas__stream *s, void *arg)
{
	static const struct amas_opts opts = { .codec = &amas__codec_msgpack,
		.types = "date" };
	struct amas__host *h = arg;
	struct amas__visitor *v = amas__zalloc(sizeof *v);
	struct amas_error err;

	if (v == NULL) {
		amas__stream_close(s);
		return;
	}
	h->happened++;
	v->host = h;
	if (amas__channel_accept(&v->ch, h->loop, s, &opts, &visitor_ops, v,
	    &err) != 0) {
		free(v);
		return;
	}
	amas__list_add(&h->strangers, &v->link);
	amas__channel_be_child(v->ch);
	amas__channel_start(v->ch);
}

/* Ends what a guest's process left open. */
static void
close_visitors(struct amas__link *visitors)
{
	struct amas__visitor *v;

	while (!amas__list_empty(visitors)) {
		v = AMAS__OF(visitors->next, struct amas__visitor, link);
		if (v->ch != NULL)
			amas_channel_close(v->ch); /* frees v */
		else
			leave(v);
	}
}

/* ---- The host ---- */

static void
host_unlisten(struct amas__host *h)
{
	amas__listener_free(h->listener);
	h->listener = NULL;
	if (h->dir != NULL)
		amas__folder_remove(h->dir);
	free(h->dir);
	free(h->base);
	h->dir = h->base = NULL;
}

static void
host_free(struct amas__host *h)
{
	struct amas__guest *g;
	size_t i;

	*amas__loop_host(h->loop) = NULL;
	amas__open_remove(&h->open);
	while (h->guests.n > 0)
		for (i = 0; (g = amas__map_next(&h->guests, &i, NULL,
		    NULL)) != NULL; )
			amas__guest_close(g);
	close_visitors(&h->strangers);
	amas__links_fini(&h->links);
	amas__host_peers_free(h);
	amas__task_cancel(h->loop, &h->look);
	amas__map_fini(&h->guests);
	host_unlisten(h);
	amas_service_free(h->service);
	free(h);
}

static void
host_release(struct amas__open *o)
{
	host_free(AMAS__OF(o, struct amas__host, open));
}

/* At the end of the grace its guests are ended by their owners. */
static void
host_close(struct amas__open *o)
{
	(void)o;
}

static const struct amas__open_ops open_ops = { .close = host_close,
	.release = host_release };

/* Makes the folder, in $TMPDIR unless that is too long for a socket. */
static char *
make_dir(struct amas_error *err)
{
	const char *tmp = getenv("TMPDIR");
	char *dir;

	if (tmp == NULL || *tmp != '/' || strlen(tmp) > DIR_MAX)
		tmp = "/tmp";
	if ((dir = amas__asprintf("%s/amas-XXXXXX", tmp)) == NULL) {
		(void)amas__error_nomem(err);
		return NULL;
	}
	if (mkdtemp(dir) == NULL) {
		(void)amas_error_set(err, AMAS_ESYS, "TMPDIR %s: %s", tmp,
		    strerror(errno));
		free(dir);
		return NULL;
	}
	return dir;
}

static int
host_listen(struct amas__host *h, struct amas_error *err)
{
	struct amas__addr a = { .kind = AMAS__ADDR_UNIX };
	int rc;

	if ((h->dir = make_dir(err)) == NULL)
		return AMAS_ESYS;
	h->base = amas__asprintf("ipc://%s/h//", h->dir);
	a.name = amas__asprintf("%s/h", h->dir);
	if (h->base == NULL || a.name == NULL) {
		free(a.name);
		return amas__error_nomem(err);
	}
	h->base_len = strlen(h->base);
	rc = amas__listener_new(&h->listener, h->loop, &a, 0, on_accept, h,
	    err);
	free(a.name);
	if (rc == 0)
		amas__listener_background(h->listener);
	return rc;
}

struct amas__host *
amas__host_made(struct amas_loop *l)
{
	struct amas__host *h = *amas__loop_host(l);

	if (h != NULL || (h = amas__zalloc(sizeof *h)) == NULL)
		return h;
	h->loop = l;
	amas__map_init(&h->guests);
	amas__map_init(&h->peers);
	amas__links_init(&h->links, l);
	amas__list_init(&h->strangers);
	amas__list_init(&h->rooms);
	amas__host_quiet_init(h);
	amas__open_add(l, &h->open, &open_ops);
	*amas__loop_host(l) = h;
	return h;
}

struct amas__host *
amas__host_get(struct amas_loop *l, struct amas_error *err)
{
	struct amas__host *h = amas__host_made(l);

	if (h == NULL) {
		(void)amas__error_nomem(err);
		return NULL;
	}
	if (h->listener != NULL || host_listen(h, err) == 0)
		return h;
	host_unlisten(h);
	return NULL;
}

char *
amas__host_new_state(struct amas_loop *l, struct amas_error *err)
{
	struct amas__host *h = amas__host_get(l, err);
	char *path;

	if (h == NULL)
		return NULL;
	path = amas__asprintf("%s/s%llu", h->dir,
	    (unsigned long long)++h->last_state);
	if (path == NULL)
		(void)amas__error_nomem(err);
	return path;
}

void
amas__host_set_dial(struct amas_loop *l, const struct amas_opts *opts)
{
	struct amas__host *h = amas__host_made(l);

	if (h == NULL)
		return;
	h->links.opts.codec = opts->codec;
	h->links.opts.types = opts->types;
	h->links.opts.max_message = opts->max_message;
	h->links.opts.tls = opts->tls;
	h->links.opts.connect_timeout_s = opts->connect_timeout_s;
}

void
amas__host_set_service(struct amas_loop *l, struct amas_service *svc)
{
	struct amas__host *h = amas__host_made(l);

	if (h == NULL || h->service != NULL)
		return;
	(void)amas__held_ref(amas__service_held(svc));
	h->service = svc;
}

/* ---- Guests ---- */

void
amas__guest_init(struct amas__guest *g, struct amas_loop *l,
    struct amas__job *job, const char *name)
{
	memset(g, 0, sizeof *g);
	g->loop = l;
	g->job = job;
	g->name = name;
	amas__list_init(&g->visitors);
	amas__list_init(&g->waits);
	amas__list_init(&g->held);
	amas__list_init(&g->own.link);
	amas__list_init(&g->stirred);
	amas__awake_init(&g->awake, l, name);
	amas__host_tree_init(g);
}

void
amas__guest_traced(const struct amas__guest *g, struct amas__traced *t)
{
	t->local = "host";
	if (g == NULL)
		t->peer = "?";
	else if (g->home != NULL && !g->home->many)
		t->peer = g->home->self;
	else
		t->peer = g->name;
}

void
amas__guest_lives(struct amas__guest *g, bool lives)
{
	g->lives = lives;
	amas__host_update(g);
}

static int
make_token(char *token)
{
	unsigned char bits[AMAS__TOKEN / 2];
	size_t i;

	if (getentropy(bits, sizeof bits) != 0)
		return AMAS_ESYS;
	for (i = 0; i < sizeof bits; i++)
		(void)snprintf(token + 2 * i, 3, "%02x", bits[i]);
	return 0;
}

int
amas__guest_open(struct amas__guest *g, bool lines, struct amas_error *err)
{
	struct amas_error why;
	struct amas__host *h = amas__host_get(g->loop, &why);

	if (h == NULL)
		return amas__error_copy(err, &why);
	if (make_token(g->token) != 0)
		return amas__error_sys(err, AMAS_ESYS, errno, "getentropy");
	if (amas__map_set(&h->guests, g->token, AMAS__TOKEN, g) != 0)
		return amas__error_nomem(err);
	g->host = h;
	g->lines = lines;
	if (lines) {
		g->own.host = h;
		enter(&g->own, g);
	}
	return 0;
}

static int
set_text(struct amas__texts *t, const char *name, const char *value,
    struct amas_error *err)
{
	return amas__texts_set(t, name, value) == 0 ? 0 :
	    amas__error_nomem(err);
}

/* AMAS_STATE of a service: its own, or that of the host. */
static int
state_of_service(const struct amas__guest *g, struct amas__texts *t,
    struct amas_error *err)
{
	char own[DIR_MAX + 32];
	const char *state = g->state;

	if (state == NULL) {
		(void)snprintf(own, sizeof own, "%s/state", g->host->dir);
		state = own;
	}
	if (mkdir(state, 0700) != 0 && errno != EEXIST)
		return amas_error_set(err, AMAS_ESYS, "AMAS_STATE %s: %s",
		    state, strerror(errno));
	return set_text(t, "AMAS_STATE", state, err);
}

static int
environ_of_agent(struct amas__home *home, struct amas__texts *t,
    struct amas_error *err)
{
	struct amas_error why;
	const char *state = home->ops->state(home, &why);
	char index[24];
	int rc;

	if (state == NULL)
		return amas__error_copy(err, &why);
	(void)snprintf(index, sizeof index, "%zu", home->index);
	rc = set_text(t, "AMAS_INDEX", index, err);
	if (rc == 0 && home->self != NULL)
		rc = set_text(t, "AMAS_SELF", home->self, err);
	return rc == 0 ? set_text(t, "AMAS_STATE", state, err) : rc;
}

int
amas__guest_environ(const struct amas__guest *g, struct amas__texts *t,
    struct amas_error *err)
{
	char parent[AMAS_URL_SIZE];
	int rc;

	rc = g->home != NULL ? environ_of_agent(g->home, t, err) :
	    state_of_service(g, t, err);
	if (rc != 0)
		return rc;
	(void)snprintf(parent, sizeof parent, "%s%s", g->host->base, g->token);
	return set_text(t, "AMAS_PARENT", parent, err);
}

void
amas__guest_close(struct amas__guest *g)
{
	struct amas__host *h = g->host;

	amas__host_tree_close(g);
	if (h == NULL)
		return;
	g->host = NULL;
	amas__list_remove(&g->stirred);
	(void)amas__map_take(&h->guests, g->token, AMAS__TOKEN);
	close_visitors(&g->visitors);
	amas__host_drop_waits(g, NULL);
}

void
amas__guest_request(struct amas__guest *g, struct amas_request *req)
{
	if (g->host == NULL) {
		amas__request_not_found(req, amas_request_path(req),
		    amas__request_path_len(req), "", 0);
	} else {
		amas__host_update(g);
		amas__host_serve(&g->own, req);
	}
}
