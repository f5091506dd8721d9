/*
 * Remote calls: proxies and channels that speak RPC.  A proxy is a channel and
 * a path; it holds the channel's memory, not its connection.  Or it is the URL
 * of an agent, which is reached by its container's links.
 */
#include "rpc.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "err.h"
#include "fds.h"
#include "links.h"
#include "mem.h"
#include "pack.h"
#include "request.h"
#include "service.h"
#include "text.h"

struct amas_proxy {
	struct amas_channel *ch;	/* NULL: it has links */
	struct amas__links *links;
	double connect_s;	/* of these: keep trying */
	struct amas__link owned;	/* with links: ends with its owner */
	char *path;		/* with links: the URL */
	char *via;		/* what the host is to call; NULL: no host */
	struct amas__link calls;	/* kept: those that end with it */
	bool kept;
	bool over;		/* its owner ends */
};

/* ---- Proxies ---- */

static struct amas_proxy *
proxy_new(struct amas_channel *ch, const char *path, size_t len)
{
	struct amas_proxy *p = amas__zalloc(sizeof *p);

	if (p == NULL || (p->path = amas__strndup(path, len)) == NULL) {
		free(p);
		return NULL;
	}
	if (ch != NULL)
		p->ch = amas__channel_ref(ch);
	amas__list_init(&p->calls);
	amas__list_init(&p->owned);
	return p;
}

static void
proxy_destroy(void *arg)
{
	struct amas_proxy *p = arg;

	amas__list_remove(&p->owned);
	amas__channel_cancel(&p->calls);
	if (p->ch != NULL)
		amas__channel_unref(p->ch);
	free(p->path);
	free(p->via);
	free(p);
}

struct amas_proxy *
amas__rpc_proxy(struct amas_channel *ch, struct amas__area *area,
    const char *path, size_t len)
{
	struct amas_proxy *p = proxy_new(ch, path, len);

	if (p != NULL && amas__area_cleanup(area, proxy_destroy, p) != 0) {
		proxy_destroy(p);
		p = NULL;
	}
	return p;
}

struct amas_proxy *
amas_proxy_keep(struct amas_proxy *p)
{
	struct amas_proxy *kept = proxy_new(p->ch, p->path, strlen(p->path));

	if (kept == NULL)
		return NULL;
	kept->kept = true;
	kept->over = p->over;
	kept->links = p->links;
	kept->connect_s = p->connect_s;
	if (p->links != NULL)
		amas__list_add(&p->owned, &kept->owned);
	if (p->via != NULL && (kept->via = amas__strdup(p->via)) == NULL) {
		proxy_destroy(kept);
		return NULL;
	}
	return kept;
}

void
amas_proxy_free(struct amas_proxy *p)
{
	if (p != NULL && p->kept)
		proxy_destroy(p);
}

const char *
amas_proxy_url(const struct amas_proxy *p, char *buf, size_t size)
{
	const struct amas_proxy *root;
	const char *peer;
	bool path;

	if (p->links != NULL) {
		(void)snprintf(buf, size, "%s", p->path);
		return buf;
	}
	root = *amas__channel_remote_slot(p->ch);
	peer = amas_channel_peer(p->ch);
	path = strncmp(peer, "ipc://", 6) == 0 && peer[6] != '[';
	if (root != NULL && root->via != NULL) /* of a host: paths are URLs */
		(void)snprintf(buf, size, "%s", p == root ? p->via : p->path);
	else if (p->path[0] == '\0')
		(void)snprintf(buf, size, "%s", peer);
	else if (path) /* something follows: brackets tell where it begins */
		(void)snprintf(buf, size, "ipc://[%s]/%s", peer + 6, p->path);
	else
		(void)snprintf(buf, size, "%s/%s", peer, p->path);
	return buf;
}

struct amas_proxy *
amas_channel_remote(struct amas_channel *ch)
{
	struct amas_proxy **slot = amas__channel_remote_slot(ch);

	if (*slot == NULL)
		*slot = proxy_new(ch, "", 0);
	return *slot;
}

void
amas__rpc_forget(struct amas_channel *ch)
{
	struct amas_proxy **slot = amas__channel_remote_slot(ch), *p = *slot;

	*slot = NULL;
	if (p != NULL)
		proxy_destroy(p);
}

/* ---- Calling ---- */

/* A deadline that was computed and is over would else be none. */
static bool
is_time(double s)
{
	return s >= 0; /* NaN is none, either */
}

static int
check_time(double s, struct amas_error *err)
{
	return is_time(s) ? 0 : amas_error_set(err, AMAS_EINVAL,
	    "timeout of %g s", s);
}

/* Makes text of a and b with a slash between them, if both are there. */
static int
join(struct amas__area *area, struct amas_value *out, const char *a,
    const char *b)
{
	size_t len = strlen(a) + strlen(b) + 1;
	char *text = amas__area_alloc(area, len + 1), *end;

	if (text == NULL)
		return AMAS_ENOMEM;
	end = stpcpy(text, a);
	if (*a != '\0' && *b != '\0')
		*end++ = '/';
	end = stpcpy(end, b);
	amas__value_text(out, area, AMAS_STRING, text, (size_t)(end - text));
	return 0;
}

int
amas__rpc_content(struct amas__area *a, struct amas_value *out,
    const char *object, const char *function, const struct amas_value *args,
    const struct amas_value *kwargs)
{
	struct amas_value *item = amas__area_values(a, 3);
	int rc;

	if (item == NULL || (rc = join(a, &item[0], object, function)) != 0)
		return AMAS_ENOMEM;
	if (args != NULL)
		rc = amas__value_share(&item[1], a, args);
	else
		amas__value_list(&item[1], a, NULL, 0);
	if (rc == 0 && kwargs != NULL)
		rc = amas__value_share(&item[2], a, kwargs);
	else if (rc == 0)
		rc = amas__value_map(&item[2], a, NULL, 0);
	amas__value_list(out, a, item, 3);
	return rc;
}

/* Makes amas/call [URL, FUNCTION, ARGS, KWARGS] of [FUNCTION, ARGS, KWARGS]. */
static int
make_via(struct amas__area *a, struct amas_value *content,
    const struct amas_proxy *p, const struct amas_value *call)
{
	struct amas_value *item = amas__area_values(a, 3);
	struct amas_value *arg = amas__area_values(a, 4);
	int rc;

	if (item == NULL || arg == NULL)
		return AMAS_ENOMEM;
	if ((rc = join(a, &item[0], p->path, "amas/call")) != 0 ||
	    (rc = join(a, &arg[0], p->via, "")) != 0)
		return rc;
	memcpy(&arg[1], call, 3 * sizeof *arg);
	amas__value_list(&item[1], a, arg, 4);
	amas__value_list(content, a, item, 3);
	return amas__value_map(&item[2], a, NULL, 0);
}

static int
make_call(struct amas__area *a, struct amas_value *content,
    const struct amas_proxy *p, const char *function, const char *fmt,
    va_list ap)
{
	struct amas_value *item = amas__area_values(a, 3);
	int rc;

	if (item == NULL)
		return AMAS_ENOMEM;
	if ((rc = join(a, &item[0], p->via != NULL ? "" : p->path,
	    function)) != 0 ||
	    (rc = amas__vpack_call(a, &item[1], &item[2], fmt, ap)) != 0)
		return rc;
	if (p->via != NULL)
		return make_via(a, content, p, item);
	amas__value_list(content, a, item, 3);
	return 0;
}

/* Calls an agent by its links. */
static int
call_agent(struct amas_proxy *p, const char *function, double timeout_s,
    amas_reply_fn *fn, void *arg, const char *fmt, va_list ap)
{
	struct amas_value args, kwargs;
	struct amas__area *a;
	int rc;

	a = amas__area_new(amas__loop_pool(p->links->loop));
	if (a == NULL)
		return AMAS_ENOMEM;
	if ((rc = amas__vpack_call(a, &args, &kwargs, fmt, ap)) == 0)
		rc = amas__links_call(p->links, p->path, function, &args,
		    &kwargs, p->connect_s, timeout_s, fn, arg, &p->calls,
		    NULL);
	amas__area_unref(a);
	return rc;
}

static int
vcall(struct amas_proxy *p, const char *function, double timeout_s,
    amas_reply_fn *fn, void *arg, const char *fmt, va_list ap)
{
	struct amas__link *owner;
	struct amas_value content;
	struct amas__area *a;
	int rc;

	if (p == NULL)
		return AMAS_ENOMEM;
	if (p->over)
		return AMAS_ECANCELED;
	if (p->links != NULL)
		return call_agent(p, function, timeout_s, fn, arg, fmt, ap);
	owner = p->kept ? &p->calls : NULL;
	if (function == NULL)
		return amas__channel_request(p->ch, timeout_s, fn, arg, NULL,
		    owner);
	if (p->path[0] == '\0' && function[0] == '\0')
		return AMAS_EINVAL;
	a = amas__area_new(amas__loop_pool(amas__channel_loop(p->ch)));
	if (a == NULL)
		return AMAS_ENOMEM;
	if ((rc = make_call(a, &content, p, function, fmt, ap)) == 0)
		rc = amas__channel_request(p->ch, timeout_s, fn, arg, &content,
		    owner);
	amas__area_unref(a);
	return rc;
}

int
amas_proxy_call(struct amas_proxy *p, const char *function, double timeout_s,
    amas_reply_fn *fn, void *arg, const char *fmt, ...)
{
	va_list ap;
	int rc;

	if (!is_time(timeout_s))
		return AMAS_EINVAL;
	va_start(ap, fmt);
	rc = vcall(p, function, timeout_s, fn, arg, fmt, ap);
	va_end(ap);
	return rc;
}

int
amas__rpc_agent(struct amas_proxy **out, struct amas__links *ls,
    const char *url, double connect_s, struct amas__link *owner,
    struct amas_error *err)
{
	struct amas_proxy *p;
	struct amas__addr a;
	int rc;

	if ((rc = check_time(connect_s, err)) != 0 ||
	    (rc = amas__links_parse(&a, url, err)) != 0)
		return rc;
	amas__addr_fini(&a);
	if ((p = proxy_new(NULL, url, strlen(url))) == NULL)
		return amas__error_nomem(err);
	p->kept = true;
	p->links = ls;
	p->connect_s = connect_s;
	amas__list_add(owner, &p->owned);
	*out = p;
	return 0;
}

void
amas__rpc_end_owned(struct amas__link *owner)
{
	struct amas__link calls, *i;
	struct amas_proxy *p;

	amas__list_init(&calls); /* who is told may free the proxy */
	for (i = owner->next; i != owner; i = i->next) {
		p = AMAS__OF(i, struct amas_proxy, owned);
		p->over = true;
		amas__list_move(&calls, &p->calls);
	}
	amas__channel_cancel(&calls);
}

void
amas__rpc_free_owned(struct amas__link *owner)
{
	amas__rpc_end_owned(owner);
	while (!amas__list_empty(owner))
		proxy_destroy(AMAS__OF(owner->next, struct amas_proxy, owned));
}

int
amas__rpc_validate(struct amas_channel *ch, const char *id, amas_reply_fn *fn,
    void *arg)
{
	struct amas_proxy *root = proxy_new(ch, "", 0);
	int rc;

	if (root == NULL)
		return AMAS_ENOMEM;
	rc = amas_proxy_call(root, "validate_aid", 0, fn, arg, "[s]", id);
	proxy_destroy(root);
	return rc;
}

int
amas__rpc_call(struct amas_channel *ch, const char *function,
    amas_reply_fn *fn, void *arg, const char *fmt, ...)
{
	struct amas_value args, kwargs, content;
	struct amas__area *a;
	int rc = AMAS_ENOMEM;
	va_list ap;

	a = amas__area_new(amas__loop_pool(amas__channel_loop(ch)));
	if (a == NULL)
		return rc;
	va_start(ap, fmt);
	if ((rc = amas__vpack_call(a, &args, &kwargs, fmt, ap)) == 0 &&
	    (rc = amas__rpc_content(a, &content, "", function, &args,
	    &kwargs)) == 0)
		rc = amas__channel_request(ch, 0, fn, arg, &content, NULL);
	va_end(ap);
	amas__area_unref(a);
	return rc;
}

int
amas_channel_send(struct amas_channel *ch, double timeout_s, amas_reply_fn *fn,
    void *arg, const char *fmt, ...)
{
	struct amas_value *v = NULL, null = { .type = AMAS_NULL };
	struct amas__area *a;
	size_t n = 0;
	va_list ap;
	int rc = 0;

	if (!is_time(timeout_s))
		return AMAS_EINVAL;
	a = amas__area_new(amas__loop_pool(amas__channel_loop(ch)));
	if (a == NULL)
		return AMAS_ENOMEM;
	va_start(ap, fmt);
	if (fmt != NULL && (rc = amas__vpack_into(a, &v, &n, fmt, ap)) == 0 &&
	    n != 1)
		rc = AMAS_EINVAL;
	va_end(ap);
	if (rc == 0)
		rc = amas__channel_request(ch, timeout_s, fn, arg,
		    v != NULL ? v : &null, NULL);
	amas__area_unref(a);
	return rc;
}

/* ---- Being called ---- */

/* What is offered on a connection: its own service, or that of its settings. */
static struct amas_service *
offered(struct amas_channel *ch, struct amas_service *svc)
{
	struct amas_service *own = *amas__channel_service_slot(ch);

	return own != NULL ? own : svc;
}

void
amas_channel_set_service(struct amas_channel *ch, struct amas_service *svc)
{
	struct amas_service **slot = amas__channel_service_slot(ch);
	struct amas_service *old = *slot;

	if (svc != NULL)
		(void)amas__held_ref(amas__service_held(svc));
	*slot = amas__channel_ended(ch) == NULL ? svc : NULL;
	if (*slot == NULL)
		amas_service_free(svc);
	amas_service_free(old);
}

static void
refuse(struct amas_channel *ch, struct amas_request *req)
{
	const char *peer = amas_channel_peer_name(ch);
	char name[256], path[512];

	(void)amas__log_text(name, sizeof name, peer, strlen(peer));
	(void)amas__log_text(path, sizeof path, amas_request_path(req),
	    amas__request_path_len(req));
	if (name[0] == '\0') /* not on TLS */
		amas_request_fail(req, "PermissionError: who shows no "
		    "certificate may not call \"%s\"", path);
	else
		amas_request_fail(req, "PermissionError: \"%s\" may not call "
		    "\"%s\"", name, path);
}

void
amas__rpc_request(struct amas_channel *ch, struct amas_service *svc,
    struct amas_request *req)
{
	amas_request_fn *fn;
	void *arg;

	if ((fn = amas__channel_on_request(ch, &arg)) != NULL) {
		fn(req, arg);
		return;
	}
	if (amas__request_parse_call(req) != 0)
		return;
	if (!amas__channel_allows(ch, amas_request_path(req)))
		refuse(ch, req);
	else if ((svc = offered(ch, svc)) != NULL)
		amas__service_call(svc, req);
	else
		amas__request_not_found(req, amas_request_path(req),
		    amas__request_path_len(req), "", 0);
}

/* The failures of sending a proxy are aiomas's texts. */
static int
no_service(struct amas_error *err)
{
	return amas_error_set(err, AMAS_ETYPE, "No RPC service running for "
	    "this side of the connection.  Cannot send service proxy.");
}

int
amas__rpc_foreign(struct amas_service *root, const struct amas_value *proxy,
    struct amas__buf *path, struct amas_error *err)
{
	const struct amas_value *own = &proxy->u.item[0];

	if (amas__area_sender(proxy->area) != NULL)
		return amas_error_set(err, AMAS_ETYPE,
		    "a proxy of the peer cannot be sent back");
	if (root == NULL)
		return no_service(err);
	if (!amas__service_knows(root, own->u.text, own->len))
		return amas_error_set(err, AMAS_ETYPE, "RPC service \"%.150s\" "
		    "is not exposed for this connection", own->u.text);
	return amas__buf_put(path, own->u.text, own->len) == 0 ? 0 :
	    amas__error_nomem(err);
}

int
amas__rpc_path(struct amas_channel *ch, struct amas_service *root,
    struct amas__held *own, struct amas__buf *path, struct amas_error *err)
{
	root = offered(ch, root);
	if (root == NULL)
		return no_service(err);
	return amas__service_path(root, (struct amas_service *)(void *)own,
	    path, err);
}

/* ---- Connecting ---- */

static void
client_request(struct amas_channel *ch, struct amas_request *req, void *arg)
{
	amas__rpc_request(ch, arg, req);
}

static int
client_path(struct amas_channel *ch, void *arg, struct amas__held *own,
    struct amas__buf *path, struct amas_error *err)
{
	return amas__rpc_path(ch, arg, own, path, err);
}

static int
client_foreign(void *arg, const struct amas_value *proxy,
    struct amas__buf *path, struct amas_error *err)
{
	return amas__rpc_foreign(arg, proxy, path, err);
}

static void
client_ended(struct amas_channel *ch, void *arg)
{
	amas_channel_set_service(ch, NULL);
	amas_service_free(arg);
}

static const struct amas__channel_ops client_ops = {
	.request = client_request,
	.path = client_path,
	.foreign = client_foreign,
	.proxy = amas__rpc_proxy,
	.ended = client_ended,
	.closed = amas__rpc_forget,
};

/* The path of the object that an address names. */
static char *
object_path(const struct amas__addr *addr)
{
	return addr->agent != NULL ? amas__asprintf("agents/%s", addr->agent) :
	    amas__strdup(addr->path != NULL ? addr->path : "");
}

/* Gives a new channel its service and the object that it stands for. */
static int
finish_open(struct amas_channel **out, struct amas_channel *ch,
    struct amas_service *svc, const char *path, struct amas_error *err)
{
	struct amas_proxy *p = proxy_new(ch, path, strlen(path));

	if (svc != NULL)
		(void)amas__held_ref(amas__service_held(svc));
	if (p == NULL) {
		amas_channel_close(ch);
		return amas__error_nomem(err);
	}
	*amas__channel_remote_slot(ch) = p;
	*out = ch;
	return 0;
}

int
amas__rpc_open_pair(struct amas_channel **out, struct amas_loop *l, int in,
    int out_fd, const char *peer, const struct amas_opts *opts,
    struct amas_error *err)
{
	struct amas_channel *ch;
	int rc = amas__channel_pair(&ch, l, in, out_fd, peer, true, opts,
	    &client_ops, opts->service, err);

	return rc != 0 ? rc : finish_open(out, ch, opts->service, "", err);
}

int
amas__rpc_open_via(struct amas_channel **out, struct amas_loop *l,
    const char *parent, const char *url, const struct amas_opts *opts,
    struct amas_error *err)
{
	struct amas_opts o = *opts;
	char *via = amas__strdup(url);
	int rc = via == NULL ? amas__error_nomem(err) : 0;

	o.codec = &amas__codec_msgpack;
	o.types = NULL;
	if (rc == 0)
		rc = amas_channel_open(out, l, parent, &o, err);
	if (rc != 0)
		free(via);
	else
		(*amas__channel_remote_slot(*out))->via = via;
	if (rc == 0)
		amas__channel_any_types(*out);
	return rc;
}

static int
open_addr(struct amas_channel **out, struct amas_loop *l, const char *addr,
    const struct amas_opts *opts, struct amas_error *err)
{
	struct amas__addr a;
	struct amas_channel *ch;
	char *path;
	int rc;

	if ((rc = amas__addr_parse(&a, addr, err)) != 0)
		return rc;
	path = object_path(&a);
	rc = path == NULL ? amas__error_nomem(err) : amas__channel_dial(&ch, l,
	    &a, opts, &client_ops, opts->service, err);
	amas__addr_fini(&a);
	if (rc == 0)
		rc = finish_open(out, ch, opts->service, path, err);
	free(path);
	return rc;
}

int
amas_channel_open(struct amas_channel **out, struct amas_loop *l,
    const char *addr, const struct amas_opts *opts, struct amas_error *err)
{
	static const struct amas_opts none;
	int rc, in, out_fd;

	if (opts == NULL)
		opts = &none;
	if ((rc = check_time(opts->connect_timeout_s, err)) != 0 ||
	    (rc = amas__fds_open(addr, &in, &out_fd, err)) < 0)
		return rc;
	if (rc == 0)
		return open_addr(out, l, addr, opts, err);
	if ((rc = amas__fds_plain(in, out_fd, opts->tls, err)) != 0)
		return rc;
	return amas__rpc_open_pair(out, l, in, out_fd, addr, opts, err);
}

/* ---- One call, waiting ---- */

struct once {
	struct amas_loop *loop;
	struct amas_value **out;
	struct amas_error err;
	bool done;
};

static void
once_done(const struct amas_reply *rep, void *arg)
{
	struct once *o = arg;
	struct amas_value *v;
	const char *last;
	size_t len;

	o->done = true;
	amas__loop_break(o->loop);
	o->err.code = rep->code;
	if (rep->kind == AMAS_RESULT) {
		v = rep->value != NULL ? amas_value_keep(rep->value) : NULL;
		if (v == NULL && rep->value != NULL)
			amas__error_nomem(&o->err);
		else if (o->out != NULL)
			*o->out = v;
		else
			amas_value_free(v);
		return;
	}
	last = rep->text;
	len = strlen(last);
	amas__last_line(&last, &len);
	amas_error_set(&o->err, rep->code, "%.*s", (int)len, last);
}

int
amas_call_once(struct amas_value **out, const char *addr,
    const struct amas_opts *opts, const char *function, double timeout_s,
    struct amas_error *err, const char *fmt, ...)
{
	struct once o = { .out = out };
	struct amas_channel *ch = NULL;
	va_list ap;
	int rc;

	if ((rc = check_time(timeout_s, err)) != 0 ||
	    (rc = amas_loop_new(&o.loop, NULL, err)) != 0)
		return rc;
	rc = amas_channel_open(&ch, o.loop, addr, opts, err);
	if (rc == 0) {
		va_start(ap, fmt);
		rc = vcall(amas_channel_remote(ch), function, timeout_s,
		    once_done, &o, fmt, ap);
		va_end(ap);
		if (rc != 0)
			(void)amas_error_set(err, rc, "%s", rc == AMAS_EINVAL ?
			    "bad format or function" : amas_strerror(rc));
	}
	while (rc == 0 && !o.done)
		(void)amas_loop_run(o.loop, INFINITY);
	if (rc == 0 && (rc = o.err.code) != 0)
		(void)amas__error_copy(err, &o.err);
	amas_channel_close(ch);
	amas_loop_free(o.loop);
	return rc;
}
