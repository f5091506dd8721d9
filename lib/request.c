/*
 * Requests of the peer.  A request holds its message's area and a reference to
 * its channel, so that a kept one stays valid whatever becomes of the
 * connection, until it is answered.
 */
#include "request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel_int.h"
#include "err.h"
#include "failure.h"
#include "mem.h"
#include "pack.h"
#include "utf8.h"

#define PATH_SHOWN 200		/* bytes of a long path in a failure */
#define NOT_FOUND_SIZE (2 * PATH_SHOWN + 48)

struct amas_request {
	struct amas__link link;	/* among the open ones of its channel */
	struct amas_channel *ch;	/* NULL: it was made here */
	struct amas_loop *loop;
	struct amas_agent *agent;	/* who handles it, or NULL */
	size_t n_queued;		/* made here: as that of a channel */
	struct amas__area *area;
	const struct amas_value *id;
	const struct amas_value *content;
	struct amas__call call;	/* RPC: path, arguments */
	struct amas_value args, kwargs;	/* of what was made a call */
	size_t bytes;		/* what counts for it in its channel */
	bool rpc;
	bool handling;		/* its handler runs */
	bool kept;
	bool answered;
	bool gone;		/* the connection ended before the answer */
	amas_gone_fn *gone_fn;
	void *gone_arg;
	void (*done_fn)(void *arg);
	void *done_arg;
	amas__answer_fn *divert_fn;	/* gets the answer; NULL: it is sent */
	void *divert_arg;
};

/* It lies in its area, of which it takes a reference. */
static struct amas_request *
request_new(struct amas__area *area, struct amas_loop *l)
{
	struct amas_request *req = amas__area_alloc(area, sizeof *req);

	if (req == NULL)
		return NULL;
	memset(req, 0, sizeof *req);
	req->area = amas__area_ref(area);
	req->loop = l;
	return req;
}

static void
request_free(struct amas_request *req)
{
	struct amas_channel *ch = req->ch;

	amas__area_unref(req->area); /* in which it lies */
	if (ch != NULL)
		amas__channel_unref(ch);
}

/* Counts a request as open, or as open no more. */
static void
count_open(struct amas_channel *ch, int by)
{
	ch->n_requests += (size_t)by;
	if (ch->counters != NULL)
		ch->counters->open += (uint64_t)(int64_t)by;
}

/* From now on it counts as what its connection holds, until it is answered. */
static void
count_kept(struct amas_request *req)
{
	if (req->bytes != 0 || req->gone)
		return;
	req->bytes = amas__area_size(req->area);
	req->ch->kept_bytes += req->bytes;
	amas__loop_keep(req->loop, req->bytes);
	amas__flow_account(req->ch);
}

static void
count_not_kept(struct amas_request *req)
{
	if (req->bytes == 0)
		return;
	req->ch->kept_bytes -= req->bytes;
	amas__loop_let_go(req->loop, req->bytes);
	req->bytes = 0;
	amas__flow_account(req->ch);
}

/* Ends it as an open request; the handler may still look at it. */
static void
settled(struct amas_request *req)
{
	struct amas_channel *ch = req->ch;
	void (*fn)(void *arg) = req->done_fn;

	req->answered = true;
	req->gone_fn = NULL;
	req->done_fn = NULL;
	amas__list_remove(&req->link);
	if (!req->gone && ch != NULL) {
		count_open(ch, -1);
		count_not_kept(req);
	}
	if (fn != NULL)
		fn(req->done_arg);
	if (ch == NULL) {
		if (!req->handling)
			request_free(req);
	} else if (!req->handling) {
		amas__channel_ref(ch);
		request_free(req);
		if (ch->state == OPEN)
			amas__channel_check_done(ch);
		amas__channel_unref(ch);
	}
}

/* Sends the content of a failure, in the form of its connection. */
static int
send_failure(struct amas_request *req, const struct amas_value *v,
    struct amas_error *err)
{
	struct amas_value list;
	struct amas__area *a;
	int rc;

	if (!req->ch->failure_list)
		return amas__flow_write(req->ch, AMAS__FAILURE, req->id, 0, v,
		    err);
	if ((a = amas__area_new(amas__loop_pool(req->ch->loop))) == NULL)
		return amas__error_nomem(err);
	if (amas__failure_list(&list, a, v) != 0)
		rc = amas__error_nomem(err);
	else
		rc = amas__flow_write(req->ch, AMAS__FAILURE, req->id, 0,
		    &list, err);
	amas__area_unref(a);
	return rc;
}

/* Nobody reads the answer: the connection has ended, or is about to. */
static bool
in_vain(const struct amas_request *req)
{
	return req->gone || req->ch == NULL || req->ch->state == ENDED;
}

/* Whether the answer was for somebody here, who has it then. */
static bool
diverted(struct amas_request *req, const struct amas_value *v,
    const char *failure, size_t len)
{
	amas__answer_fn *fn = req->divert_fn;
	bool here = req->ch == NULL;

	if (fn == NULL || req->answered)
		return false;
	req->divert_fn = NULL;
	req->gone_fn = NULL;
	fn(req->divert_arg, v, failure, len); /* may answer, and so free it */
	if (here) /* there is nobody else to answer */
		settled(req);
	return true;
}

/* Sends a text, or the beginning of one that is too long. */
static int
send_text(struct amas_request *req, const char *text, size_t len,
    struct amas_error *err)
{
	struct amas_value v;
	int rc;

	amas__value_text(&v, NULL, AMAS_STRING, text, len);
	rc = send_failure(req, &v, err);
	if (rc == AMAS_ETOOBIG && len > PATH_SHOWN) {
		v.len = (uint32_t)amas__utf8_trim(text, PATH_SHOWN);
		rc = send_failure(req, &v, err);
	}
	return rc;
}

/* The same with what a codec can carry of it. */
static int
send_valid(struct amas_request *req, const char *text, size_t len,
    struct amas_error *err)
{
	struct amas__buf b;
	int rc;

	amas__buf_init(&b, 0);
	if ((rc = amas__buf_put_valid(&b, text, len)) != 0)
		(void)amas__error_nomem(err);
	else
		rc = send_text(req, amas__buf_head(&b), amas__buf_len(&b), err);
	amas__buf_fini(&b);
	return rc;
}

static void
write_failure(struct amas_request *req, const char *text, size_t len)
{
	struct amas_error err;
	int rc;

	if (req->ch->counters != NULL)
		req->ch->counters->failures++;
	rc = send_text(req, text, len, &err);
	if (rc != 0 && amas__utf8_valid(text, len) < len)
		rc = send_valid(req, text, len, &err);
	if (rc != 0) /* an answer must go out: without one, nothing may */
		amas__channel_end(req->ch, &err);
}

void
amas__request_fail_text(struct amas_request *req, const char *text, size_t len)
{
	if (req->answered || diverted(req, NULL, text, len))
		return;
	if (!in_vain(req))
		write_failure(req, text, len);
	settled(req);
}

void
amas__request_fail_value(struct amas_request *req, const struct amas_value *v)
{
	struct amas_error err;

	if (amas_value_type(v) == AMAS_STRING) {
		amas__request_fail_text(req, v->u.text, v->len);
		return;
	}
	if (req->answered)
		return;
	if (!in_vain(req) && send_failure(req, v, &err) != 0)
		write_failure(req, err.text, strlen(err.text));
	else if (!in_vain(req) && req->ch->counters != NULL)
		req->ch->counters->failures++;
	settled(req);
}

void
amas__request_reply_value(struct amas_request *req, const struct amas_value *v)
{
	struct amas_error err;
	char text[sizeof err.text + 64];
	int len;

	if (req->answered || diverted(req, v, NULL, 0))
		return;
	if (!in_vain(req) && amas__flow_write(req->ch, AMAS__REPLY, req->id, 0,
	    v, &err) != 0) {
		len = snprintf(text, sizeof text, "%s: %s",
		    err.code == AMAS_ETOOBIG ? "result too large" :
		    "result cannot be sent", err.text);
		write_failure(req, text, (size_t)len);
	}
	settled(req);
}

void
amas_request_reply(struct amas_request *req, const char *fmt, ...)
{
	struct amas_value *v = NULL;
	va_list ap;

	if (req->answered)
		return;
	va_start(ap, fmt);
	if (fmt != NULL) /* of what is in vain the loop may be gone, too */
		v = amas__vpack(in_vain(req) ? NULL :
		    amas__loop_pool(req->loop), fmt, ap);
	va_end(ap);
	if (fmt != NULL && v == NULL)
		amas_request_fail(req, "result cannot be made: out of memory "
		    "or a bad format");
	else
		amas__request_reply_value(req, v);
	amas_value_free(v);
}

void
amas_request_fail(struct amas_request *req, const char *fmt, ...)
{
	struct amas__buf b;
	va_list ap, again;
	char small[256], *text = small;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	amas__buf_init(&b, 0);
	len = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	if (len < 0)
		len = 0;
	if ((size_t)len >= sizeof small) {
		if (amas__buf_reserve(&b, (size_t)len + 1) == 0) {
			text = b.data;
			(void)vsnprintf(text, (size_t)len + 1, fmt, again);
		} else {
			len = (int)sizeof small - 1;
		}
	}
	va_end(again);
	amas__request_fail_text(req, text, (size_t)len);
	amas__buf_fini(&b);
}

struct amas_request *
amas_request_keep(struct amas_request *req)
{
	req->kept = true;
	return req;
}

void
amas_request_on_gone(struct amas_request *req, amas_gone_fn *fn, void *arg)
{
	req->gone_fn = fn;
	req->gone_arg = arg;
}

/* ---- From the channel ---- */

void
amas__request_handle(struct amas_request *req,
    void (*fn)(struct amas_request *req, void *arg), void *arg)
{
	struct amas_channel *ch = req->ch;

	if (ch != NULL)
		amas__channel_ref(ch);
	req->handling = true;
	req->kept = false;
	fn(req, arg);
	req->handling = false;
	if (req->answered)
		request_free(req);
	else if (!req->kept)
		amas__request_reply_value(req, NULL);
	else if (ch != NULL)
		count_kept(req);
	if (ch == NULL)
		return;
	if (ch->state == OPEN)
		amas__channel_check_done(ch);
	amas__channel_unref(ch);
}

static void
handle(struct amas_request *req, void *arg)
{
	(void)arg;
	req->ch->ops->request(req->ch, req, req->ch->ops_arg);
}

/* What can be said before its handler is asked. */
static bool
refused(struct amas_request *req, bool typed)
{
	struct amas_channel *ch = req->ch;
	struct amas_error err;

	if (typed && amas__types_lift(req->area, &req->content, &ch->types,
	    ch->lines, &err) != 0)
		amas_request_fail(req, "%s", err.text);
	else if (ch->draining ||
	    (amas__loop_draining(ch->loop) && !ch->ops->inner))
		amas_request_fail(req, "shutting down");
	else if (amas__loop_keeps_most(ch->loop) && !ch->ops->inner)
		amas_request_fail(req, "busy: requests without an answer "
		    "hold half of --memory");
	else if (ch->n_requests > ch->max_requests)
		amas_request_fail(req, "busy: %zu requests open",
		    ch->n_requests - 1);
	else if (ch->n_requests > AMAS__NESTING_MAX &&
	    amas__channel_pending(ch) >= AMAS__NESTING_MAX)
		/* Each end waits for the other: one calls the other in turns. */
		amas_request_fail(req, "call depth: %d calls are open both "
		    "ways", AMAS__NESTING_MAX);
	else
		return false;
	return true;
}

/* A request that no peer made: who handles it. */
struct here {
	amas_request_fn *fn;
	void *self;
};

static void
handle_here(struct amas_request *req, void *arg)
{
	struct here *h = arg;

	h->fn(req, h->self);
}

/* Makes it a call; what is NULL is empty. */
static int
set_call(struct amas_request *req, const char *path,
    const struct amas_value *args, const struct amas_value *kwargs)
{
	int rc = 0;

	if (args != NULL)
		rc = amas__value_share(&req->args, req->area, args);
	else
		amas__value_list(&req->args, req->area, NULL, 0);
	if (rc == 0 && kwargs != NULL)
		rc = amas__value_share(&req->kwargs, req->area, kwargs);
	else if (rc == 0)
		rc = amas__value_map(&req->kwargs, req->area, NULL, 0);
	req->call.path = path;
	req->call.path_len = strlen(path);
	req->call.args = &req->args;
	req->call.kwargs = &req->kwargs;
	req->rpc = true;
	return rc;
}

void
amas__request_take(struct amas_channel *ch, struct amas__msg *m,
    struct amas__area *area, bool typed)
{
	struct amas_request *req = request_new(area, ch->loop);
	struct amas_error err;

	if (req == NULL) {
		amas__error_nomem(&err);
		amas__channel_end(ch, &err);
		return;
	}
	req->ch = amas__channel_ref(ch);
	req->id = m->id;
	req->content = m->content;
	amas__list_add(&ch->requests, &req->link);
	count_open(ch, 1);
	if (ch->counters != NULL)
		ch->counters->calls++;
	if (!refused(req, typed))
		amas__request_handle(req, handle, NULL);
}

int
amas__request_here(struct amas_loop *l, const char *path,
    const struct amas_value *args, const struct amas_value *kwargs,
    amas_request_fn *fn, void *self, struct amas_agent *a,
    amas__answer_fn *answer, void *answer_arg)
{
	struct amas__area *area = amas__area_new(amas__loop_pool(l));
	struct amas_request *req;
	struct here h = { fn, self };
	int rc;

	if (area == NULL)
		return AMAS_ENOMEM;
	req = request_new(area, l);
	amas__area_unref(area);
	if (req == NULL)
		return AMAS_ENOMEM;
	req->divert_fn = answer;
	req->divert_arg = answer_arg;
	req->agent = a;
	amas__list_init(&req->link);
	if ((rc = set_call(req, path, args, kwargs)) != 0) {
		request_free(req);
		return rc;
	}
	amas__request_handle(req, handle_here, &h);
	return 0;
}

void
amas__request_drop(struct amas_request *req)
{
	amas_gone_fn *fn = req->gone_fn;

	req->gone_fn = NULL;
	if (fn != NULL)
		fn(req->gone_arg);
}

/* The connection ended: tells those that want to know, keeps the memory. */
void
amas__requests_gone(struct amas_channel *ch)
{
	struct amas_request *req;
	amas_gone_fn *fn;

	while (!amas__list_empty(&ch->requests)) {
		req = AMAS__OF(ch->requests.next, struct amas_request, link);
		amas__list_remove(&req->link);
		req->gone = true;
		count_open(ch, -1);
		count_not_kept(req);
		fn = req->gone_fn;
		req->gone_fn = NULL;
		if (fn != NULL)
			fn(req->gone_arg); /* may answer and so free req */
	}
}

void
amas__requests_fail(struct amas_channel *ch, const char *text)
{
	struct amas__link *i, *next;
	struct amas_request *req;

	for (i = ch->requests.next; i != &ch->requests; i = next) {
		next = i->next;
		req = AMAS__OF(i, struct amas_request, link);
		/* Its owner still has it, and may answer in vain. */
		if (!req->gone)
			write_failure(req, text, strlen(text));
	}
	amas__requests_gone(ch);
}

/* ---- Looking ---- */

int
amas__request_parse_call(struct amas_request *req)
{
	struct amas_error err;

	if (amas__call_parse(&req->call, req->content, &err) != 0) {
		amas_request_fail(req, "%s", err.text);
		return AMAS_EPROTO;
	}
	req->rpc = true;
	return 0;
}

int
amas__request_make_call(struct amas_request *req, const char *path)
{
	struct amas_value *item = amas__area_values(req->area, 1);

	if (item == NULL ||
	    amas__value_map(&req->kwargs, req->area, NULL, 0) != 0) {
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return AMAS_ENOMEM;
	}
	if (req->content != NULL)
		*item = *req->content;
	else
		amas__value_null(item, req->area);
	amas__value_list(&req->args, req->area, item, 1);
	req->call.path = path;
	req->call.path_len = strlen(path);
	req->call.args = &req->args;
	req->call.kwargs = &req->kwargs;
	req->rpc = true;
	return 0;
}

int
amas_request_unpack(struct amas_request *req, const char *fmt, ...)
{
	struct amas_error err;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	if (req->rpc)
		rc = amas__vunpack_call(req->call.args, req->call.kwargs, &err,
		    fmt, ap);
	else
		rc = amas_value_vunpack(req->content, &err, fmt, ap);
	va_end(ap);
	if (rc != 0)
		amas_request_fail(req, "TypeError: %s%s%s",
		    req->rpc ? req->call.path : "", req->rpc ? ": " : "",
		    err.text);
	return rc != 0 ? AMAS_ETYPE : 0;
}

const struct amas_value *
amas_request_args(const struct amas_request *req)
{
	return req->rpc ? req->call.args : req->content;
}

const struct amas_value *
amas_request_kwargs(const struct amas_request *req)
{
	return req->rpc ? req->call.kwargs : NULL;
}

const char *
amas_request_path(const struct amas_request *req)
{
	return req->rpc ? req->call.path : "";
}

void
amas__request_enter(struct amas_request *req, size_t n)
{
	n += strspn(req->call.path + n, "/");
	req->call.path += n;
	req->call.path_len -= n;
}

void
amas__request_on_done(struct amas_request *req, void (*fn)(void *arg),
    void *arg)
{
	req->done_fn = fn;
	req->done_arg = arg;
}

void
amas__request_divert(struct amas_request *req, amas__answer_fn *fn, void *arg)
{
	req->divert_fn = fn;
	req->divert_arg = arg;
}

size_t
amas__request_path_len(const struct amas_request *req)
{
	return req->rpc ? req->call.path_len : 0;
}

struct amas_channel *
amas_request_channel(const struct amas_request *req)
{
	return req->gone ? NULL : req->ch;
}

struct amas_loop *
amas__request_loop(const struct amas_request *req)
{
	return req->loop;
}

const char *
amas__request_peer(const struct amas_request *req)
{
	return req->ch != NULL ? req->ch->peer : "";
}

void
amas__request_set_agent(struct amas_request *req, struct amas_agent *a)
{
	req->agent = a;
}

struct amas_agent *
amas_request_agent(const struct amas_request *req)
{
	return req->agent;
}

size_t *
amas__request_waiting(struct amas_request *req)
{
	return req->ch != NULL ? &req->ch->n_queued : &req->n_queued;
}

bool
amas__request_answered(const struct amas_request *req)
{
	return req->answered;
}

/* ---- aiomas's failures ---- */

static size_t
shown(size_t len)
{
	return len < PATH_SHOWN ? len : PATH_SHOWN;
}

/* Returns the length of the text, which buf has room for. */
static size_t
print_not_found(char buf[NOT_FOUND_SIZE], const char *name, size_t name_len,
    const char *walked, size_t walked_len)
{
	int len = snprintf(buf, NOT_FOUND_SIZE, "LookupError: Name \"%.*s\" "
	    "not found in \"%.*s\"", (int)shown(name_len), name,
	    (int)shown(walked_len), walked);

	return len > 0 ? (size_t)len : 0;
}

void
amas__request_not_found(struct amas_request *req, const char *name,
    size_t name_len, const char *walked, size_t walked_len)
{
	char text[NOT_FOUND_SIZE];

	amas__request_fail_text(req, text, print_not_found(text, name,
	    name_len, walked, walked_len));
}

bool
amas__request_is_not_found(const char *failure, size_t len, const char *name,
    const char *walked, size_t walked_len)
{
	char text[NOT_FOUND_SIZE];

	return print_not_found(text, name, strlen(name), walked,
	    walked_len) == len && memcmp(text, failure, len) == 0;
}

void
amas__request_not_exposed(struct amas_request *req, const char *what)
{
	amas_request_fail(req, "LookupError: \"%s\" is not exposed", what);
}
