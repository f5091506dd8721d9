/*
 * What children may ask of the host.
 *
 * A request that cannot be answered at once is a wait: its visitor waits, and a
 * guest that is asleep by that gives its place back.  An answer that comes
 * for a guest without a place is held until it has one.  So it is with requests
 * that a home answers: they are its own, and lent, until it has.
 */
#include "host_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "err.h"
#include "home.h"
#include "links.h"
#include "mem.h"
#include "request.h"
#include "rpc.h"
#include "service_list.h"
#include "value.h"

/* ---- Waits ---- */

static void
free_wait(struct amas__wait *w)
{
	struct amas__guest *g = w->guest;

	amas__list_remove(&w->link);
	amas__list_remove(&w->room);
	amas_timer_cancel(&w->timer);
	if (--w->visitor->waits == 0)
		g->n_waiting--;
	amas__host_stir(g);
	amas_value_free(w->name);
	amas_value_free(w->value);
	free(w->failure);
	free(w);
}

/* Gives a wait up: nobody wants the answer, or nobody can have it. */
static void
drop(struct amas__wait *w)
{
	struct amas_request *req = w->req;
	bool lent = w->lent;

	w->dropped = true;
	amas__channel_cancel(&w->calls);
	free_wait(w);
	if (lent)
		amas__request_divert(req, NULL, NULL);
	else
		amas_request_fail(req, "ended before the answer came");
}

static void
on_gone(void *arg)
{
	drop(arg);
}

/* Makes a visitor wait for the answer; NULL: memory is short. */
static struct amas__wait *
begin_wait(struct amas__visitor *v, struct amas_request *req)
{
	struct amas__wait *w = amas__zalloc(sizeof *w);
	struct amas__guest *g = v->guest;

	if (w == NULL)
		return NULL;
	w->guest = g;
	w->visitor = v;
	w->req = req;
	amas__list_init(&w->calls);
	amas__list_init(&w->room);
	amas__list_add(&g->waits, &w->link);
	if (v->waits++ == 0)
		g->n_waiting++;
	amas__host_update(g);
	return w;
}

struct amas__wait *
amas__host_wait(struct amas__visitor *v, struct amas_request *req)
{
	struct amas__wait *w = begin_wait(v, req);

	if (w == NULL) {
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return NULL;
	}
	(void)amas_request_keep(req);
	amas_request_on_gone(req, on_gone, w);
	return w;
}

/* Answers, and ends the wait. */
static void
give(struct amas__wait *w, const struct amas_value *value, const char *failure)
{
	struct amas_request *req = w->req;
	struct amas_value *kept = w->value;
	char *text = w->failure;

	w->value = NULL;
	w->failure = NULL;
	free_wait(w);
	if (failure != NULL)
		amas__request_fail_text(req, failure, strlen(failure));
	else
		amas__request_reply_value(req, value);
	amas_value_free(kept);
	free(text);
}

void
amas__host_answer(struct amas__wait *w, const struct amas_value *value, const char *failure)
{
	struct amas__guest *g = w->guest;

	if (g->job == NULL) { /* g may go with it */
		give(w, value, failure);
		return;
	}
	if (amas__job_wake(g->job)) {
		give(w, value, failure);
		if (amas__host_asleep(g)) /* for others, as a batch does */
			amas__job_sleep(g->job);
		return;
	}
	w->value = value != NULL ? amas_value_keep(value) : NULL;
	w->failure = failure != NULL ? amas__strdup(failure) : NULL;
	if ((value != NULL && w->value == NULL) ||
	    (failure != NULL && w->failure == NULL)) {
		give(w, NULL, amas_strerror(AMAS_ENOMEM));
		return;
	}
	amas__list_remove(&w->link);
	amas__list_add(&g->held, &w->link);
}

void
amas__guest_back(struct amas__guest *g)
{
	struct amas__wait *w;

	while (!amas__list_empty(&g->held)) {
		w = AMAS__OF(g->held.next, struct amas__wait, link);
		give(w, w->value, w->failure);
	}
	if (amas__host_asleep(g))
		amas__job_sleep(g->job);
}

const char *
amas__host_waiting(struct amas_loop *l)
{
	struct amas__host *h = *amas__loop_host(l);
	struct amas__guest *g;
	size_t i = 0;

	while (h != NULL && (g = amas__map_next(&h->guests, &i, NULL,
	    NULL)) != NULL)
		if (g->n_waiting > 0)
			return g->name;
	return NULL;
}

/* The first wait of a list that is v's (NULL: anybody's). */
static struct amas__wait *
first_of(struct amas__link *list, const struct amas__visitor *v)
{
	struct amas__link *i;
	struct amas__wait *w;

	for (i = list->next; i != list; i = i->next) {
		w = AMAS__OF(i, struct amas__wait, link);
		if (v == NULL || w->visitor == v)
			return w;
	}
	return NULL;
}

void
amas__host_drop_waits(struct amas__guest *g, struct amas__visitor *v)
{
	struct amas__wait *w;

	while ((w = first_of(&g->waits, v)) != NULL ||
	    (w = first_of(&g->held, v)) != NULL)
		drop(w);
}

/* ---- Calling a peer, a proxy or an agent ---- */

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct amas__wait *w = arg;
	char text[AMAS_URL_SIZE + sizeof(struct amas_error)];

	if (w->dropped)
		return;
	(void)snprintf(text, sizeof text, "%s: %s", rep->origin, rep->text);
	if (rep->kind == AMAS_RESULT)
		amas__host_answer(w, rep->value, NULL);
	else /* without an answer the text is a cause alone */
		amas__host_answer(w, NULL, rep->kind == AMAS_ERROR ? text : rep->text);
}

/* Whether it may be given that; else it has answered. */
static bool
may_give(struct amas_request *req, const struct amas__asks *asks,
    const char *name, const struct amas_value *args,
    const struct amas_value *kwargs)
{
	struct amas_error err;

	if (asks->check == NULL || (asks->check(name, args, &err) == 0 &&
	    asks->check(name, kwargs, &err) == 0))
		return true;
	amas_request_fail(req, "%s", err.text);
	return false;
}

/* Whether a peer may be asked that; else it has answered. */
static bool
may_ask(struct amas_request *req, struct amas_channel *ch, const char *path,
    const char *function, const struct amas_value *args,
    const struct amas_value *kwargs)
{
	const struct amas__asks *asks = amas__channel_asks(ch);
	const char *name = *path != '\0' ? path : function;
	size_t i;

	if (*name == '\0') {
		amas_request_fail(req, "ValueError: no function is named");
		return false;
	}
	if (asks == NULL)
		return true;
	for (i = 0; asks->names[i] != NULL; i++)
		if (strcmp(name, asks->names[i]) == 0 && (*path == '\0' ||
		    *function == '\0'))
			return may_give(req, asks, name, args, kwargs);
	amas_request_fail(req, "LookupError: the peer has no function "
	    "\"%.200s\"", name);
	return false;
}

/* Calls a peer, or a proxy that one sent. */
static int
send_call(struct amas__wait *w, struct amas_channel *ch, const char *path,
    const char *function, const struct amas_value *args,
    const struct amas_value *kwargs)
{
	const struct amas__asks *asks = amas__channel_asks(ch);
	struct amas__area *a;
	struct amas_value content;
	int rc;

	a = amas__area_new(amas__loop_pool(w->guest->loop));
	if (a == NULL)
		return AMAS_ENOMEM;
	if ((rc = amas__rpc_content(a, &content, path, function, args,
	    kwargs)) == 0)
		rc = amas__channel_request(ch, asks != NULL ?
		    asks->timeout_s : 0, on_reply, w, &content, &w->calls);
	amas__area_unref(a);
	return rc;
}

/* Says why a URL stands for nothing that can be called. */
static void
fail_url(struct amas_request *req, const char *url,
    const struct amas_error *err)
{
	if (err->code == AMAS_EINVAL)
		amas_request_fail(req, "ValueError: \"%.200s\" %s", url,
		    err->text);
	else
		amas_request_fail(req, "%s", err->text);
}

/* Has a peer answer, what stands for path there. */
static void
ask(struct amas__visitor *v, struct amas_request *req, struct amas_channel *ch,
    const char *path, const char *function, const struct amas_value *args,
    const struct amas_value *kwargs)
{
	struct amas__wait *w;

	if (may_ask(req, ch, path, function, args, kwargs) &&
	    (w = amas__host_wait(v, req)) != NULL &&
	    send_call(w, ch, path, function, args, kwargs) != 0)
		amas__host_answer(w, NULL, amas_strerror(AMAS_ENOMEM));
}

static void
call_peer(struct amas__visitor *v, struct amas_request *req, const char *url,
    const char *function, const struct amas_value *args,
    const struct amas_value *kwargs)
{
	struct amas__target t;
	struct amas_error err;

	if (amas__host_resolve(v->host, url, &t, &err) != 0) {
		fail_url(req, url, &err);
		return;
	}
	ask(v, req, t.ch, t.path, function, args, kwargs);
	free(t.path);
}

static void
call_agent(struct amas__visitor *v, struct amas_request *req, const char *url,
    const char *function, const struct amas_value *args,
    const struct amas_value *kwargs)
{
	struct amas__home *home = v->guest->home;
	struct amas__links *links = home != NULL ? home->links :
	    &v->host->links;
	struct amas__addr a;
	struct amas_error err;
	struct amas__wait *w;

	if (amas__links_parse(&a, url, &err) != 0) {
		fail_url(req, url, &err);
		return;
	}
	amas__addr_fini(&a);
	if (function[0] == '\0')
		amas_request_fail(req, "ValueError: no function is named");
	else if ((w = amas__host_wait(v, req)) != NULL &&
	    amas__links_call(links, url, function, args, kwargs, -1, 0,
	    on_reply, w, &w->calls, &err) != 0)
		amas__host_answer(w, NULL, err.text);
}

static void
do_call(struct amas__visitor *v, struct amas_request *req)
{
	const struct amas_value *args = NULL, *kwargs = NULL;
	const char *url, *function;

	if (amas_request_unpack(req, "[ss|vv]", &url, &function, &args,
	    &kwargs) != 0)
		return;
	if ((args != NULL && amas_value_type(args) != AMAS_LIST) ||
	    (kwargs != NULL && amas_value_type(kwargs) != AMAS_MAP))
		amas_request_fail(req, "TypeError: amas/call: arguments are "
		    "a list and a map");
	else if (amas__host_is_own(v->host, url))
		call_peer(v, req, url, function, args, kwargs);
	else
		call_agent(v, req, url, function, args, kwargs);
}

/* ---- Peers ---- */

static void
reply_peer(struct amas__visitor *v, struct amas_request *req,
    struct amas_channel *ch)
{
	struct amas__buf url = { NULL, 0, 0, 0, 0 };
	struct amas_error err;

	if (amas__host_peer_url(v->host->loop, ch, &url, &err) == 0)
		amas_request_reply(req, "s%", amas__buf_head(&url),
		    amas__buf_len(&url));
	else
		amas_request_fail(req, "%s", err.text);
	amas__buf_fini(&url);
}

static void
do_peer(struct amas__visitor *v, struct amas_request *req)
{
	struct amas_channel *ch = NULL;
	int64_t id = -1;

	if (amas_request_unpack(req, "[|I]", &id) != 0)
		return;
	if (v->guest->peer != NULL)
		ch = v->guest->peer(v->guest, id);
	if (ch == NULL)
		amas_request_fail(req, "LookupError: no such open request");
	else
		reply_peer(v, req, ch);
}

static void
do_peers(struct amas__visitor *v, struct amas_request *req)
{
	struct amas_value *list;

	if (amas_request_unpack(req, "[]") != 0)
		return;
	list = amas_value_pack("[]");
	if (list != NULL && amas__host_list_peers(v->host, list) == 0)
		amas_request_reply(req, "v", list);
	else
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
	amas_value_free(list);
}

static void
do_close(struct amas__visitor *v, struct amas_request *req)
{
	struct amas__target t;
	struct amas_error err;
	const char *url;

	if (amas_request_unpack(req, "[s]", &url) != 0)
		return;
	if (!amas__host_is_own(v->host, url)) {
		amas_request_fail(req, "ValueError: \"%.200s\" is no URL of a "
		    "peer", url);
	} else if (amas__host_resolve(v->host, url, &t, &err) != 0) {
		fail_url(req, url, &err);
	} else {
		free(t.path);
		amas_request_reply(req, NULL);
		amas_channel_close(t.ch);
	}
}

/* ---- Waiting for each other ---- */

static void
do_wait(struct amas__visitor *v, struct amas_request *req)
{
	const char *name;
	struct amas__wait *w;

	if (amas_request_unpack(req, "[s]", &name) != 0 ||
	    (w = amas__host_wait(v, req)) == NULL)
		return;
	amas__list_add(&v->host->rooms, &w->room);
	if ((w->name = amas_value_pack("s", name)) == NULL)
		amas__host_answer(w, NULL, amas_strerror(AMAS_ENOMEM));
}

static void
do_notify(struct amas__visitor *v, struct amas_request *req)
{
	const struct amas_value *value = NULL;
	struct amas__link now, *all = &v->host->rooms;
	const char *name;
	struct amas__wait *w;
	int n = 0;

	if (amas_request_unpack(req, "[s|v]", &name, &value) != 0)
		return;
	amas__list_init(&now); /* those that wait again wait for the next */
	amas__list_move(&now, all);
	while (!amas__list_empty(&now)) {
		w = AMAS__OF(now.next, struct amas__wait, room);
		amas__list_remove(&w->room);
		if (strcmp(amas_value_text(w->name), name) == 0) {
			n++;
			amas__host_answer(w, value, NULL);
		} else {
			amas__list_add(all, &w->room);
		}
	}
	amas_request_reply(req, "i", n);
}

/* ---- What a home answers ---- */

static void
on_home_answer(void *arg, const struct amas_value *value, const char *failure,
    size_t len)
{
	struct amas__wait *w = arg;
	char *text = failure != NULL ? amas__strndup(failure, len) : NULL;

	w->lent = false;
	if (amas_request_channel(w->req) == NULL) {
		drop(w); /* in vain */
	} else {
		amas_request_on_gone(w->req, on_gone, w);
		amas__host_answer(w, value, failure != NULL && text == NULL ?
		    amas_strerror(AMAS_ENOMEM) : text);
	}
	free(text);
}

/* Has it answered by the guest's home; false: that does not know it either. */
static bool
ask_home(struct amas__visitor *v, struct amas_request *req)
{
	struct amas__home *home = v->guest->home;
	struct amas__wait *w;

	if (home == NULL || !home->ops->serve(home, req))
		return false;
	/* v is there if the request is open: it may have ended us all. */
	if (!amas__request_answered(req) &&
	    amas_request_channel(req) != NULL && v->guest != NULL &&
	    (w = begin_wait(v, req)) != NULL) {
		w->lent = true; /* else it is awake meanwhile */
		amas__request_divert(req, on_home_answer, w);
	}
	return true;
}

/* Has it answered by the one peer that its guest works for. */
static void
ask_peer(struct amas__visitor *v, struct amas_request *req,
    struct amas_channel *ch)
{
	if (amas__channel_ended(ch) != NULL)
		amas_request_fail(req, "peer is gone");
	else
		ask(v, req, ch, "", amas_request_path(req),
		    amas_request_args(req), amas_request_kwargs(req));
}

/* ---- All of it ---- */

static void
do_list(struct amas__visitor *v, struct amas_request *req)
{
	if (ask_home(v, req))
		return;
	if (v->host->service == NULL ||
	    !amas__service_answer_list(v->host->service, req))
		amas_request_reply(req, "[]");
}

static const struct {
	const char *name;
	void (*fn)(struct amas__visitor *v, struct amas_request *req);
} functions[] = {
	{ "amas/batch", amas__host_batch },
	{ "amas/call", do_call },
	{ "amas/close", do_close },
	{ "amas/list", do_list },
	{ "amas/notify", do_notify },
	{ "amas/peer", do_peer },
	{ "amas/peers", do_peers },
	{ "amas/sleep", amas__host_sleep },
	{ "amas/sleep_until", amas__host_sleep_until },
	{ "amas/time", amas__host_time },
	{ "amas/utcnow", amas__host_utcnow },
	{ "amas/wait", do_wait },
};

/*
 * It speaks on one connection while it waits on another: which comes first is
 * not for us to say, so the order of things may differ between runs.
 */
static void
say_two(struct amas__guest *g)
{
	amas__rest_count_stray(g->loop);
	if (!g->said)
		amas__log(amas__loop_log(g->loop), AMAS_LOG_WARN, "%s: speaks "
		    "on two connections at a time: another run may go another "
		    "way", g->name);
	g->said = true;
}

void
amas__host_serve(struct amas__visitor *v, struct amas_request *req)
{
	const char *path = amas_request_path(req);
	size_t i, part = strcspn(path, "/");

	if (v->waits == 0 && v->guest->n_waiting > 0 &&
	    amas__rest_is_serial(v->host->loop))
		say_two(v->guest);

	for (i = 0; i < sizeof functions / sizeof *functions; i++)
		if (strcmp(path, functions[i].name) == 0) {
			functions[i].fn(v, req);
			return;
		}
	/* The URL of a proxy, and a function of it. */
	if (amas__host_is_own(v->host, path))
		call_peer(v, req, path, "", amas_request_args(req),
		    amas_request_kwargs(req));
	else if (v->guest->asked != NULL)
		ask_peer(v, req, v->guest->asked);
	else if (!ask_home(v, req))
		amas__request_not_found(req, path, part, "", 0);
}
