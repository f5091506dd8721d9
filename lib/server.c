/*
 * A server: a listening socket and the channels that it accepted.  It owns
 * those until they have ended.
 */
#include "server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amas.h"
#include "channel.h"
#include "codec.h"
#include "err.h"
#include "fds.h"
#include "listener.h"
#include "map.h"
#include "mem.h"
#include "rpc.h"
#include "service.h"
#include "sock.h"
#include "tls_setup.h"

struct amas_server {
	struct amas_loop *loop;
	struct amas__open open;
	struct amas_opts opts;	/* service held, types copied */
	char *types, *addr;
	struct amas__listener *listener;	/* NULL: draining */
	struct amas__link channels;
	size_t n;		/* of them; they keep the server's memory */
	bool closed;
	bool tls;
	bool is_link;		/* a container's: see amas__channel_be_link() */
	struct amas__map peers;	/* host -> number of its connections */
};

static void *
as_pointer(uintptr_t n)
{
	return (void *)n;
}

/* Counts a connection of a host up or down; down to 0 forgets it. */
static int
count_peer(struct amas_server *srv, const char *host, int by)
{
	uintptr_t n = (uintptr_t)amas__map_get(&srv->peers, host,
	    strlen(host));

	if (by < 0 && n <= 1) {
		(void)amas__map_take(&srv->peers, host, strlen(host));
		return 0;
	}
	return amas__map_set(&srv->peers, host, strlen(host),
	    as_pointer(by < 0 ? n - 1 : n + 1));
}

/* ---- Channels ---- */

static void
server_request(struct amas_channel *ch, struct amas_request *req, void *arg)
{
	const struct amas_server *srv = arg;

	amas__rpc_request(ch, srv->opts.service, req);
}

static int
server_path(struct amas_channel *ch, void *arg, struct amas__held *own,
    struct amas__buf *path, struct amas_error *err)
{
	const struct amas_server *srv = arg;

	return amas__rpc_path(ch, srv->opts.service, own, path, err);
}

static int
server_foreign(void *arg, const struct amas_value *proxy,
    struct amas__buf *path, struct amas_error *err)
{
	const struct amas_server *srv = arg;

	return amas__rpc_foreign(srv->opts.service, proxy, path, err);
}

static void
destroy(struct amas_server *srv)
{
	amas_service_free(srv->opts.service);
	amas__map_fini(&srv->peers);
	free(srv->types);
	free(srv->addr);
	free(srv);
}

static void
drop_one(struct amas_server *srv)
{
	if (--srv->n == 0 && srv->closed)
		destroy(srv);
}

static void
server_ended(struct amas_channel *ch, void *arg)
{
	struct amas_server *srv = arg;

	amas__list_remove(amas__channel_link(ch));
	if (srv->opts.max_per_peer != 0 && *amas__channel_peer_host(ch) != '\0')
		(void)count_peer(srv, amas__channel_peer_host(ch), -1);
	amas_channel_set_service(ch, NULL);
	amas__rpc_forget(ch);
	amas__channel_unref(ch);
	drop_one(srv);
}

static const struct amas__channel_ops server_ops = {
	.request = server_request,
	.path = server_path,
	.foreign = server_foreign,
	.proxy = amas__rpc_proxy,
	.ended = server_ended,
};

static bool
refused(struct amas_server *srv, const struct amas__stream *s,
    const char *host)
{
	const struct amas__log *log = amas__loop_log(srv->loop);
	char peer[AMAS__STREAM_NAME];

	if (srv->opts.max_connections != 0 &&
	    srv->n >= srv->opts.max_connections) {
		amas__log(log, AMAS_LOG_WARN, "%s: refused: %zu connections "
		    "(-c)", amas__stream_name(s, AMAS__PEER, peer,
		    sizeof peer), srv->n);
		return true;
	}
	if (srv->opts.max_per_peer != 0 && (size_t)(uintptr_t)amas__map_get(
	    &srv->peers, host, strlen(host)) >= srv->opts.max_per_peer) {
		amas__log(log, AMAS_LOG_WARN, "%s: refused: %zu connections "
		    "of this peer (-C)", amas__stream_name(s, AMAS__PEER,
		    peer, sizeof peer), srv->opts.max_per_peer);
		return true;
	}
	return false;
}

static void
on_accept(struct amas__stream *s, void *arg)
{
	struct amas_server *srv = arg;
	char host[AMAS__STREAM_NAME];
	struct amas_channel *ch;
	struct amas_error err;

	(void)amas__stream_name(s, AMAS__PEER_HOST, host, sizeof host);
	if (refused(srv, s, host) || (srv->opts.max_per_peer != 0 &&
	    count_peer(srv, host, 1) != 0)) {
		amas__loop_counters(srv->loop)->refused++;
		amas__stream_close(s);
		return;
	}
	if (amas__channel_accept(&ch, srv->loop, s, &srv->opts, &server_ops,
	    srv, &err) != 0) {
		amas__log(amas__loop_log(srv->loop), AMAS_LOG_ERROR,
		    "%s: %s", srv->addr, err.text);
		if (srv->opts.max_per_peer != 0)
			(void)count_peer(srv, host, -1);
		return;
	}
	amas__list_add(&srv->channels, amas__channel_link(ch));
	srv->n++;
	if (srv->is_link && amas__channel_be_link(ch) != 0)
		amas_channel_close(ch);
	else
		amas__channel_start(ch);
}

/* ---- The server ---- */

static void
server_stop(struct amas__open *o)
{
	struct amas_server *srv = AMAS__OF(o, struct amas_server, open);

	amas__listener_free(srv->listener);
	srv->listener = NULL;
}

static void
server_release(struct amas__open *o)
{
	amas_server_close(AMAS__OF(o, struct amas_server, open));
}

static const struct amas__open_ops open_ops = {
	.close = server_stop,
	.drain = server_stop,
	.release = server_release,
};

static int
copy_opts(struct amas_server *srv, const struct amas__addr *a,
    const struct amas_opts *opts)
{
	if (opts != NULL)
		srv->opts = *opts;
	srv->opts.tls = srv->opts.dial_tls = NULL; /* as the listener has it */
	if (srv->opts.service != NULL)
		(void)amas__held_ref(amas__service_held(srv->opts.service));
	srv->types = amas__types_join(a->container, srv->opts.types);
	srv->opts.types = srv->types;
	return srv->types != NULL ? 0 : AMAS_ENOMEM;
}

/* What a connection that is there already is called: by its peer, if it can. */
static char *
name_of(int fd, const char *word)
{
	char name[AMAS__SOCK_NAME];

	(void)amas__sock_peer(fd, name, sizeof name);
	return amas__strdup(strncmp(name, "tcp:", 4) == 0 ? name : word);
}

/* One connection on two descriptors: no listening socket. */
static int
serve_pair(struct amas_server *srv, int in, int out_fd, struct amas_error *err)
{
	struct amas_channel *ch;
	char *peer = name_of(in, srv->addr);
	int rc;

	if (peer == NULL) {
		close(in);
		if (out_fd != in)
			close(out_fd);
		return amas__error_nomem(err);
	}
	rc = amas__channel_pair(&ch, srv->loop, in, out_fd, peer, false,
	    &srv->opts, &server_ops, srv, err);
	free(peer);
	if (rc != 0)
		return rc;
	amas__list_add(&srv->channels, amas__channel_link(ch));
	srv->n = 1;
	return 0;
}

/* Serves on descriptors that came by a word; takes them. */
static int
open_fds(struct amas_server *srv, const char *word,
    const struct amas_opts *opts, int in, int out_fd, struct amas_error *err)
{
	const struct amas__addr none = { 0 };
	int rc;

	if (copy_opts(srv, &none, opts) != 0 ||
	    (srv->addr = amas__strdup(word)) == NULL) {
		close(in);
		if (out_fd != in)
			close(out_fd);
		return amas__error_nomem(err);
	}
	if (in != out_fd || !amas__listener_is_one(in)) {
		rc = amas__fds_plain(in, out_fd, opts != NULL ? opts->tls :
		    NULL, err);
		return rc != 0 ? rc : serve_pair(srv, in, out_fd, err);
	}
	rc = amas__listener_new_fd(&srv->listener, srv->loop, in, on_accept,
	    srv, err);
	free(srv->addr);
	srv->addr = NULL;
	return rc;
}

/* Has the listener speak TLS, if that is TCP's. */
static int
set_tls(struct amas_server *srv, const struct amas_tls *tls,
    struct amas_error *err)
{
	struct amas__tls_setup *setup;
	int rc;

	if (tls == NULL || srv->listener == NULL ||
	    !amas__listener_is_tcp(srv->listener))
		return 0;
	if ((rc = amas__tls_use(&setup, srv->loop, tls, true, err)) != 0)
		return rc;
	amas__listener_set_tls(srv->listener, setup);
	amas__tls_unref(setup);
	srv->tls = true;
	return 0;
}

static int
open_addr(struct amas_server *srv, const char *addr,
    const struct amas_opts *opts, struct amas_error *err)
{
	struct amas__addr a;
	int rc = amas__addr_parse(&a, addr, err);

	if (rc != 0)
		return rc;
	if (a.kind == AMAS__ADDR_LOCAL &&
	    (a.agent != NULL || a.path[0] != '\0'))
		rc = amas_error_set(err, AMAS_EINVAL, "\"/\" not allowed in "
		    "queue ID ('%.200s/%.200s')", a.name, a.agent != NULL ?
		    a.agent : a.path);
	else if (a.agent != NULL || a.path[0] != '\0')
		rc = amas_error_set(err, AMAS_EINVAL, "a server's address has "
		    "no path behind it");
	else if (copy_opts(srv, &a, opts) != 0)
		rc = amas__error_nomem(err);
	else
		rc = amas__listener_new(&srv->listener, srv->loop, &a,
		    srv->opts.socket_mode, on_accept, srv, err);
	amas__addr_fini(&a);
	return rc;
}

int
amas_server_open(struct amas_server **out, struct amas_loop *l,
    const char *addr, const struct amas_opts *opts, struct amas_error *err)
{
	struct amas_server *srv = amas__zalloc(sizeof *srv);
	int rc, in, out_fd;

	if (srv == NULL)
		return amas__error_nomem(err);
	srv->loop = l;
	amas__list_init(&srv->channels);
	amas__map_init(&srv->peers);
	if ((rc = amas__fds_open(addr, &in, &out_fd, err)) > 0)
		rc = open_fds(srv, addr, opts, in, out_fd, err);
	else if (rc == 0)
		rc = open_addr(srv, addr, opts, err);
	if (rc == 0)
		rc = set_tls(srv, opts != NULL ? opts->tls : NULL, err);
	if (rc == 0 && srv->listener != NULL && (srv->addr = amas__strdup(
	    amas__listener_addr(srv->listener))) == NULL)
		rc = amas__error_nomem(err);
	if (rc != 0) {
		amas__listener_free(srv->listener);
		destroy(srv);
		return rc;
	}
	if (srv->listener != NULL && !srv->tls && amas__listener_open_to_all(srv->listener))
		amas__log(amas__loop_log(l), AMAS_LOG_WARN, "%s: anyone who "
		    "reaches this address can call: no TLS", srv->addr);
	amas__open_add(l, &srv->open, &open_ops);
	*out = srv;
	return 0;
}

void
amas_server_close(struct amas_server *srv)
{
	struct amas__link todo, *link;

	if (srv == NULL)
		return;
	amas__listener_free(srv->listener);
	srv->listener = NULL;
	amas__open_remove(&srv->open);
	amas__list_init(&todo);
	amas__list_move(&todo, &srv->channels);
	srv->closed = true;
	srv->n++; /* stay until they are closed; one may be ending above us */
	while (!amas__list_empty(&todo)) {
		link = todo.next;
		amas__list_remove(link);
		amas_channel_close(amas__channel_of(link));
	}
	drop_one(srv);
}

void
amas__server_be_link(struct amas_server *srv)
{
	srv->is_link = true;
}

int
amas__server_be_local(struct amas_server *srv, const char *addr,
    struct amas_error *err)
{
	return amas__listener_be_local(srv->listener, addr, err);
}

const char *
amas_server_addr(const struct amas_server *srv)
{
	return srv->addr;
}
