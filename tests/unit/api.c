/*
 * The public interface alone, as a program with both ends would use it: services
 * that change while connections are open, proxies that are kept, answers that
 * come later, and everything freed in every callback.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "amas.h"
#include "tap.h"

/* Where something may happen, and what. */
enum event {
	NEVER, IN_OPEN, IN_HANDLER, IN_CALLBACK, IN_NAMED, IN_REPLY, IN_GONE,
	IN_CLOSE_CLIENT, IN_CLOSE_SERVER, N_EVENTS
};

enum action {
	CLOSE_CLIENT, CLOSE_ACCEPTED, CLOSE_SERVER, FREE_SERVICES, REMOVE,
	FREE_PROXY, ANSWER, EVERYTHING, N_ACTIONS
};

static const char *const event_names[] = {
	[NEVER] = "never", [IN_OPEN] = "on_open", [IN_HANDLER] = "a handler",
	[IN_CALLBACK] = "a callback's handler",
	[IN_NAMED] = "the reply to a callback", [IN_REPLY] = "a reply",
	[IN_GONE] = "on_gone", [IN_CLOSE_CLIENT] = "the client's on_close",
	[IN_CLOSE_SERVER] = "the server's on_close",
};

static const char *const action_names[] = {
	[CLOSE_CLIENT] = "the client closed",
	[CLOSE_ACCEPTED] = "the accepted connection closed",
	[CLOSE_SERVER] = "the server closed",
	[FREE_SERVICES] = "services freed", [REMOVE] = "functions removed",
	[FREE_PROXY] = "the proxy freed", [ANSWER] = "the kept answered",
	[EVERYTHING] = "everything freed",
};

static const char *where;		/* the address of all servers */

struct world {
	struct amas_loop *loop;
	struct amas_server *server;
	struct amas_channel *client, *accepted;
	struct amas_service *service, *own;	/* the server's, the client's */
	struct amas_proxy *proxy;		/* of own, kept by the server */
	struct amas_request *kept, *asking;	/* of "later", of "ask" */
	enum event when;
	enum action what;
	int happened;
	int started, results, failures, errors;	/* calls of the client */
	int callbacks, callback_code;		/* calls of the server */
	int opened, closed, gone, client_closed;
	bool client_over, server_over;		/* closed: no callback comes */
	int noise;				/* that came */
	int code;				/* of the last reply */
	char text[128];
	int64_t value;
	int turns;
};

#define TURNS_MAX 10000		/* of a loop, some seconds */

/* ---- What happens in a callback ---- */

static void
answer_kept(struct world *w)
{
	struct amas_request *kept = w->kept;

	w->kept = NULL;
	if (kept != NULL)
		amas_request_reply(kept, "i", 42);
}

static void
free_proxy(struct world *w)
{
	struct amas_proxy *p = w->proxy;

	w->proxy = NULL;
	amas_proxy_free(p);
}

static void
close_client(struct world *w)
{
	struct amas_channel *ch = w->client;

	w->client = NULL;
	amas_channel_close(ch);
	w->client_over |= ch != NULL;
}

static void
close_server(struct world *w)
{
	struct amas_server *s = w->server;

	w->server = NULL;
	amas_server_close(s);
	w->server_over |= s != NULL;
}

static void
free_services(struct world *w)
{
	struct amas_service *a = w->service, *b = w->own;

	w->service = w->own = NULL;
	amas_service_free(a);
	amas_service_free(b);
}

static void
remove_functions(struct world *w)
{
	static const char *const names[] = { "add", "later", "ask", "*" };
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (w->service != NULL)
			amas_service_remove(w->service, names[i]);
	if (w->own != NULL)
		amas_service_remove(w->own, "name");
}

static void
act(struct world *w, enum action what)
{
	int i;

	switch (what) {
	case CLOSE_CLIENT:
		close_client(w);
		break;
	case CLOSE_ACCEPTED:
		amas_channel_close(w->accepted);
		break;
	case CLOSE_SERVER:
		close_server(w);
		break;
	case FREE_SERVICES:
		free_services(w);
		break;
	case REMOVE:
		remove_functions(w);
		break;
	case FREE_PROXY:
		free_proxy(w);
		break;
	case ANSWER:
		answer_kept(w);
		break;
	case EVERYTHING:
		for (i = 0; i < EVERYTHING; i++)
			act(w, (enum action)i);
		break;
	case N_ACTIONS:
		break;
	}
}

static void
at(struct world *w, enum event here)
{
	bool client = here == IN_CALLBACK || here == IN_REPLY ||
	    here == IN_CLOSE_CLIENT;

	w->noise += client ? w->client_over : w->server_over;
	if (w->when != here || w->happened++ > 0)
		return;
	act(w, w->what);
}

/* ---- The server ---- */

static void
add(struct amas_request *req, void *self)
{
	int a, b;

	at(self, IN_HANDLER);
	if (amas_request_unpack(req, "[ii]", &a, &b) == 0)
		amas_request_reply(req, "i", a + b);
}

static void
on_gone(void *arg)
{
	struct world *w = arg;

	w->gone++;
	at(w, IN_GONE);
}

static void
later(struct amas_request *req, void *self)
{
	struct world *w = self;

	w->kept = amas_request_keep(req);
	amas_request_on_gone(req, on_gone, w);
}

static void
on_named(const struct amas_reply *rep, void *arg)
{
	struct world *w = arg;
	struct amas_request *asking = w->asking;
	const char *name;

	w->asking = NULL;
	w->callbacks++;
	w->callback_code = rep->code;
	at(w, IN_NAMED);
	if (asking == NULL)
		return;
	if (rep->kind == AMAS_RESULT &&
	    amas_value_unpack(rep->value, NULL, "s", &name) == 0)
		amas_request_reply(asking, "i", (int)strlen(name));
	else
		amas_request_fail(asking, "no name: %s", rep->text);
}

/* ask(proxy): the length of the name of the caller. */
static void
ask(struct amas_request *req, void *self)
{
	struct world *w = self;
	struct amas_proxy *p;

	if (amas_request_unpack(req, "[p]", &p) != 0)
		return;
	free_proxy(w);
	if ((w->proxy = amas_proxy_keep(p)) == NULL)
		abort();
	w->asking = amas_request_keep(req);
	if (amas_proxy_call(w->proxy, "name", 0, on_named, w, NULL) != 0)
		abort();
}

static const struct amas_function functions[] = {
	{ "add", add },
	{ "later", later },
	{ "ask", ask },
	{ NULL, NULL }
};

static void
on_open(struct amas_channel *ch, void *arg)
{
	struct world *w = arg;

	w->opened++;
	w->accepted = ch;
	at(w, IN_OPEN);
}

static void
on_server_close(struct amas_channel *ch, const struct amas_error *why,
    void *arg)
{
	struct world *w = arg;

	(void)ch;
	(void)why;
	at(w, IN_CLOSE_SERVER);
	w->accepted = NULL;
	w->closed++;
}

/* ---- The client ---- */

static void
name(struct amas_request *req, void *self)
{
	at(self, IN_CALLBACK);
	amas_request_reply(req, "s", "Monty");
}

static const struct amas_function own_functions[] = {
	{ "name", name },
	{ NULL, NULL }
};

static void
on_client_close(struct amas_channel *ch, const struct amas_error *why,
    void *arg)
{
	struct world *w = arg;

	(void)ch;
	(void)why;
	w->client_closed++;
	at(w, IN_CLOSE_CLIENT);
}

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct world *w = arg;

	if (rep->kind == AMAS_RESULT)
		w->results++;
	else if (rep->kind == AMAS_FAILURE)
		w->failures++;
	else
		w->errors++;
	w->code = rep->code;
	w->value = amas_value_int(rep->value);
	(void)strncpy(w->text, rep->text, sizeof w->text - 1);
	at(w, IN_REPLY);
}

static int
answers(const struct world *w)
{
	return w->results + w->failures + w->errors;
}

/* Calls without arguments. */
static void
call(struct world *w, const char *function)
{
	w->started++;
	if (amas_proxy_call(amas_channel_remote(w->client), function, 5,
	    on_reply, w, NULL) != 0)
		abort();
}

/* ---- The world ---- */

static void
open_world(struct world *w, enum event when, enum action what)
{
	struct amas_opts server = { .on_open = on_open,
		.on_close = on_server_close, .arg = w };
	struct amas_opts client = { .on_close = on_client_close, .arg = w };

	memset(w, 0, sizeof *w);
	w->when = when;
	w->what = what;
	if (amas_loop_new(&w->loop, NULL, NULL) != 0 ||
	    amas_service_new(&w->service, NULL) != 0 ||
	    amas_service_new(&w->own, NULL) != 0 ||
	    amas_service_add(w->service, functions, w, NULL) != 0 ||
	    amas_service_add(w->own, own_functions, w, NULL) != 0)
		abort();
	server.service = w->service;
	client.service = w->own;
	if (amas_server_open(&w->server, w->loop, where,
	    &server, NULL) != 0 ||
	    amas_channel_open(&w->client, w->loop,
	    amas_server_addr(w->server), &client, NULL) != 0)
		abort();
}

static void
close_world(struct world *w)
{
	act(w, EVERYTHING);
	amas_loop_free(w->loop);
	if (w->client_closed != 1 || w->closed != w->opened)
		tap_ok(false, "on_close once: client %d, server %d of %d",
		    w->client_closed, w->closed, w->opened);
	if (w->kept != NULL || w->asking != NULL)
		tap_ok(false, "a request is still kept");
	if (w->noise > 0)
		tap_ok(false, "%d callbacks after the end", w->noise);
}

/* One turn of the loop; there is an end to patience. */
static void
turn(struct world *w)
{
	if (w->turns++ == TURNS_MAX) {
		tap_ok(false, "stuck");
		exit(tap_done());
	}
	(void)amas_loop_run(w->loop, 0.001);
}

static bool
until(struct world *w, const int *count, int n)
{
	while (*count < n)
		turn(w);
	return *count == n;
}

/* The same for the answers to all calls of the client. */
static bool
answered(struct world *w)
{
	while (answers(w) < w->started)
		turn(w);
	return answers(w) == w->started;
}

/* ---- Tests ---- */

static void
test_kinds(void)
{
	struct world w;

	open_world(&w, NEVER, EVERYTHING);
	w.started++;
	tap_int(amas_proxy_call(amas_channel_remote(w.client), "add", 5,
	    on_reply, &w, "[ii]", 3, 4), 0, "a call");
	tap_ok(answered(&w) && w.results == 1, "is a result");
	tap_int(w.code, AMAS_OK, "without a code");
	tap_str(w.text, "", "without a text");
	tap_int(w.value, 7, "with a value");
	call(&w, "add");
	tap_ok(answered(&w) && w.failures == 1, "or a failure");
	tap_int(w.code, AMAS_EREMOTE, "its code");
	tap_str(w.text, "TypeError: add: too few elements", "its text");
	call(&w, "later");
	while (w.kept == NULL)
		turn(&w);
	close_client(&w);
	tap_ok(answered(&w) && w.errors == 1, "or an error");
	tap_int(w.code, AMAS_ECANCELED, "its code");
	tap_ok(w.text[0] != '\0', "its text");
	tap_ok(until(&w, &w.gone, 1), "the other end is told, once");
	close_world(&w);
}

static void
test_later(void)
{
	struct world w;

	open_world(&w, NEVER, EVERYTHING);
	call(&w, "later");
	while (w.kept == NULL)
		turn(&w);
	w.started++;
	if (amas_proxy_call(amas_channel_remote(w.client), "add", 5, on_reply,
	    &w, "[ii]", 1, 2) != 0)
		abort();
	tap_ok(until(&w, &w.results, 1) && w.value == 3,
	    "a later call is answered first");
	answer_kept(&w);
	tap_ok(answered(&w) && w.value == 42, "then the kept one");
	tap_int(w.gone, 0, "nobody is gone");
	call(&w, "later");
	while (w.kept == NULL)
		turn(&w);
	close_client(&w);
	tap_ok(until(&w, &w.closed, 1), "the connection ends");
	tap_int(w.gone, 1, "its caller is gone");
	tap_ok(amas_request_channel(w.kept) == NULL, "it has no connection");
	tap_str(amas_request_path(w.kept), "later", "but still its path");
	answer_kept(&w);
	tap_int(w.gone, 1, "an answer in vain is harmless");
	close_world(&w);
}

static void
lost(struct world *w, const char *function, const char *text)
{
	call(w, function);
	tap_ok(answered(w), "%s is answered", function);
	tap_str(w->text, text, "%s fails", function);
}

static void
test_services(void)
{
	static const struct amas_function more[] = {
		{ "deep/add", add },
		{ NULL, NULL }
	};
	static const struct amas_function rest[] = {
		{ "*", later },
		{ NULL, NULL }
	};
	struct amas_service *sub;
	struct amas_error err = { 0 };
	struct world w;

	open_world(&w, NEVER, EVERYTHING);
	lost(&w, "sub/deep/add", "LookupError: Name \"sub\" not found in \"\"");
	if (amas_service_new(&sub, NULL) != 0)
		abort();
	tap_int(amas_service_add(sub, more, &w, &err), 0, "functions added");
	tap_int(amas_service_mount(w.service, "sub", sub, &err), 0,
	    "mounted while a connection is open");
	lost(&w, "sub/deep/add", "TypeError: sub/deep/add: too few elements");
	lost(&w, "sub/nope",
	    "LookupError: Name \"nope\" not found in \"sub\"");
	lost(&w, "sub", "TypeError: 'sub' is a service, not a function");
	tap_int(amas_service_mount(w.service, "again", sub, &err),
	    AMAS_EINVAL, "mounted twice");
	tap_int(amas_service_mount(sub, "ring", w.service, &err), AMAS_EINVAL,
	    "a ring");
	tap_str(err.text, "service would hold itself", "says so");
	tap_int(amas_service_add(w.service, functions, &w, &err), AMAS_EEXIST,
	    "a name that is taken");
	tap_int(amas_service_load(w.service, w.loop, "sub/deep=exec:true",
	    NULL, &err), AMAS_EEXIST, "a source in its place");
	tap_int(amas_service_load(w.service, w.loop, "sub/two=exec:echo 2",
	    NULL, &err), 0, "a source beside it");
	call(&w, "sub/two");
	tap_ok(answered(&w) && w.value == 2, "is called");
	amas_service_remove(w.service, "sub/two");
	lost(&w, "sub/two", "LookupError: Name \"two\" not found in \"sub\"");
	amas_service_remove(w.service, "sub/nope/nope"); /* is not there */
	amas_service_remove(w.service, "sub");
	lost(&w, "sub/deep/add", "LookupError: Name \"sub\" not found in \"\"");
	tap_int(amas_service_mount(w.service, "x/y", sub, &err), 0,
	    "mounted elsewhere");
	amas_service_free(sub);
	lost(&w, "x/y/deep/add", "TypeError: x/y/deep/add: too few elements");
	tap_int(amas_service_add(w.service, rest, &w, &err), 0,
	    "one for all other names");
	call(&w, "what/ever");
	while (w.kept == NULL)
		turn(&w);
	tap_str(amas_request_path(w.kept), "what/ever", "gets the path");
	amas_service_remove(w.service, "*");
	answer_kept(&w);
	tap_ok(answered(&w) && w.value == 42, "open calls go on");
	lost(&w, "what/ever", "LookupError: Name \"what\" not found in \"\"");
	close_world(&w);
}

static void
ask_name(struct world *w)
{
	w->started++;
	if (amas_proxy_call(amas_channel_remote(w->client), "ask", 5,
	    on_reply, w, "[p]", w->own) != 0)
		abort();
}

static void
test_proxies(void)
{
	struct amas_service *foreign;
	char url[AMAS_URL_SIZE];
	struct amas_proxy *other;
	struct world w;

	open_world(&w, NEVER, EVERYTHING);
	ask_name(&w);
	tap_ok(answered(&w) && w.value == 5, "called back while it waits");
	tap_int(amas_proxy_call(w.proxy, "name", 5, on_named, &w, NULL), 0,
	    "called when the call that brought it is over");
	tap_ok(until(&w, &w.callbacks, 2), "answered");
	tap_int(w.callback_code, AMAS_OK, "with a result");
	tap_str(amas_proxy_url(w.proxy, url, sizeof url),
	    amas_channel_peer(w.accepted), "its URL");
	if ((other = amas_proxy_keep(w.proxy)) == NULL)
		abort();
	if (amas_proxy_call(other, "name", 5, on_named, &w, NULL) != 0 ||
	    amas_proxy_call(w.proxy, "name", 5, on_named, &w, NULL) != 0)
		abort();
	free_proxy(&w);
	tap_int(w.callbacks, 3, "freed, it ends its own call");
	tap_int(w.callback_code, AMAS_ECANCELED, "canceled");
	tap_ok(until(&w, &w.callbacks, 4), "another handle's goes on");
	tap_int(w.callback_code, AMAS_OK, "to its result");
	close_client(&w);
	tap_ok(until(&w, &w.closed, 1), "the connection ends");
	tap_int(amas_proxy_call(other, "name", 5, on_named, &w, NULL), 0,
	    "a call afterwards");
	tap_int(w.callbacks, 4, "ends not inside");
	tap_ok(until(&w, &w.callbacks, 5), "but later");
	tap_int(w.callback_code, AMAS_ECLOSED, "as closed");
	amas_proxy_free(other);
	close_world(&w);

	open_world(&w, NEVER, EVERYTHING);
	if (amas_service_new(&foreign, NULL) != 0)
		abort();
	tap_int(amas_proxy_call(amas_channel_remote(w.client), "ask", 5,
	    on_reply, &w, "[p]", foreign), 0,
	    "a proxy of what the connection does not have");
	w.started++;
	amas_service_free(foreign);
	tap_ok(answered(&w) && w.errors == 1, "is an error");
	tap_str(w.text, "RPC service is not exposed for this connection",
	    "in aiomas's words");
	close_world(&w);
}

/* The calls that a world makes while something happens in it. */
static void
happen(enum event when, enum action what)
{
	struct world w;
	bool all;

	open_world(&w, when, what);
	call(&w, "add");
	if (w.client != NULL)
		call(&w, "later");
	if (w.client != NULL)
		ask_name(&w);
	if (w.client != NULL)
		call(&w, "nope");
	while (w.kept == NULL && answers(&w) < w.started)
		turn(&w);
	if (when == IN_GONE || when == IN_CLOSE_CLIENT ||
	    when == IN_CLOSE_SERVER)
		close_client(&w);
	while (w.client == NULL && w.accepted != NULL)
		turn(&w); /* it has to see that */
	answer_kept(&w);
	all = answered(&w);
	tap_ok(all && w.happened > 0, "%s in %s", action_names[what],
	    event_names[when]);
	if (!all || w.happened == 0)
		tap_diag("%d calls, %d results, %d failures, %d errors; "
		    "happened: %d", w.started, w.results, w.failures,
		    w.errors, w.happened);
	close_world(&w);
}

static void
test_freeing(void)
{
	int when, what;

	for (when = NEVER + 1; when < N_EVENTS; when++)
		for (what = 0; what < N_ACTIONS; what++)
			happen((enum event)when, (enum action)what);
}

static void
test_refused(void)
{
	struct world w;

	open_world(&w, IN_REPLY, CLOSE_CLIENT);
	close_server(&w);
	call(&w, "add");
	tap_ok(answered(&w) && w.errors == 1, "a connection that is refused");
	tap_int(w.code, AMAS_ECONNECT, "is the outcome of its call");
	tap_int(w.client_closed, 1, "closed there, it still has its on_close");
	close_world(&w);
}

/* ---- A plain channel ---- */

static void
echo(struct amas_request *req, void *arg)
{
	(void)arg;
	tap_str(amas_request_path(req), "", "a request without a path");
	tap_ok(amas_request_kwargs(req) == NULL, "and without keywords");
	amas_request_reply(req, "v", amas_request_args(req));
}

static void
test_plain(void)
{
	struct amas_opts opts = { .on_request = echo };
	struct world w = { 0 };
	unsigned long n;
	int rc = AMAS_ENOMEM;

	opts.arg = &w;
	if (amas_loop_new(&w.loop, NULL, NULL) != 0 ||
	    amas_server_open(&w.server, w.loop, where, &opts, NULL) != 0 ||
	    amas_channel_open(&w.client, w.loop,
	    amas_server_addr(w.server), NULL, NULL) != 0)
		abort();
	w.started = 2;
	tap_int(amas_channel_send(w.client, 5, on_reply, &w, "{s:i}", "n", 3),
	    0, "a map is sent");
	tap_int(amas_channel_send(w.client, 5, on_reply, &w, "i", 5), 0,
	    "a number is sent");
	tap_ok(answered(&w) && w.results == 2, "both come back");
	tap_int(w.value, 5, "the last");
	w.started++;
	tap_int(amas_channel_send(w.client, 5, on_reply, &w, NULL), 0,
	    "null is sent");
	tap_ok(answered(&w) && w.results == 3, "and comes back");
	tap_int(amas_channel_send(w.client, 5, on_reply, &w, "ii", 1, 2),
	    AMAS_EINVAL, "two values are refused");
	tap_int(amas_channel_send(w.client, 5, on_reply, &w, "[i"),
	    AMAS_EINVAL, "and a bad format");
	tap_int(amas_channel_send(w.client, -1, on_reply, &w, "i", 1),
	    AMAS_EINVAL, "and a time that is over");
	for (n = 1; n < 100 && rc == AMAS_ENOMEM; n++) {
		tap_fail_alloc(n);
		rc = amas_channel_send(w.client, 5, on_reply, &w, "[s]", "x");
	}
	tap_fail_alloc(0);
	w.started++;
	tap_int(rc, 0, "short memory is no other error");
	tap_ok(answered(&w), "what was sent is answered");
	close_client(&w);
	close_server(&w);
	amas_loop_free(w.loop);
}

static void
test_values(void)
{
	struct amas_value *v = amas_value_pack("[ii]", 3, 4), *w;
	const struct amas_value *second;
	struct amas_error err;
	int a = 0, b = 0;
	void *text;
	size_t len;

	tap_int(amas_value_unpack(v, &err, "[ii]", &a, &b), 0, "[ii]");
	tap_ok(a == 3 && b == 4, "as it was packed");
	tap_int((long long)amas_value_len(v), 2, "two elements");
	second = amas_value_at(v, 1);
	if ((w = amas_value_keep(second)) == NULL)
		abort();
	amas_value_free(v);
	tap_int(amas_value_int(w), 4, "one kept outlives the list");
	v = amas_value_pack("{s:v, s:[fbn]}", "kept", w, "more", 1.5, 1);
	amas_value_free(w);
	if (amas_value_encode(v, NULL, NULL, &text, &len, &err) != 0)
		abort();
	tap_mem(text, len, "{\"kept\": 4, \"more\": [1.5, true, null]}", 38,
	    "in one of its own, too");
	free(text);
	amas_value_free(v);
	tap_ok(amas_value_pack("[i", 1) == NULL, "a bad format is none");
	tap_ok(amas_value_pack("[v]", NULL) == NULL, "nor is NULL for v");
}

/* A time that is none is refused, wherever one is given. */
static void
test_times(void)
{
	static const double bad[] = { -1, -1e-9, -INFINITY, NAN };
	struct amas_source_opts source = { .timeout_s = 0 };
	struct amas_opts opts = { .on_request = echo };
	struct world w = { 0 };
	struct amas_channel *ch;
	struct amas_container *c;
	size_t i;

	if (amas_loop_new(&w.loop, NULL, NULL) != 0 ||
	    amas_service_new(&w.service, NULL) != 0 ||
	    amas_server_open(&w.server, w.loop, where, &opts, NULL) != 0 ||
	    amas_channel_open(&w.client, w.loop,
	    amas_server_addr(w.server), NULL, NULL) != 0)
		abort();
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		tap_diag("%g", bad[i]);
		source.timeout_s = opts.connect_timeout_s = bad[i];
		tap_int(amas_proxy_call(amas_channel_remote(w.client), "add",
		    bad[i], on_reply, &w, "[ii]", 3, 4), AMAS_EINVAL, "a call");
		tap_int(amas_channel_open(&ch, w.loop, "./none", &opts, NULL),
		    AMAS_EINVAL, "connecting");
		tap_int(amas_call_once(NULL, "./none", NULL, "f", bad[i], NULL,
		    NULL), AMAS_EINVAL, "a call that waits");
		tap_int(amas_service_load(w.service, w.loop, "x=exec:true",
		    &source, NULL), AMAS_EINVAL, "a source");
		tap_int(amas_container_open(&c, w.loop, "local://c", &opts,
		    NULL), AMAS_EINVAL, "a container");
		tap_int(amas_loop_run(w.loop, bad[i]), amas_loop_run(w.loop,
		    0), "a run ends at once");
	}
	free_services(&w);
	close_client(&w);
	close_server(&w);
	amas_loop_free(w.loop);
}

int
main(void)
{
	static const char *const addrs[] = { "tcp://127.0.0.1:0", "local://a" };
	size_t i;

	test_values();
	for (i = 0; i < sizeof addrs / sizeof *addrs; i++) {
		where = addrs[i];
		tap_diag("%s", where);
		test_kinds();
		test_later();
		test_services();
		test_proxies();
		test_freeing();
		test_refused();
		test_plain();
	}
	test_times();
	return tap_done();
}
