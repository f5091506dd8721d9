/*
 * Channels, servers and services in one process: who may free what in which
 * callback, how calls end, and each allocation failing once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amas.h"
#include "channel.h"
#include "channel_int.h"
#include "tap.h"

struct world {
	struct amas_loop *loop;
	struct amas_server *server;
	struct amas_channel *client;
	struct amas_service *service;
	struct amas_request *kept;
	char addr[64];
	int calls;		/* that reached a handler */
	int replies, failures, errors;	/* that were reported */
	int last_code;
	char last_text[128];
	int opened, closed, gone;
	int close_code;
	struct amas_channel *accepted;
	int what;		/* for a handler or a callback to do */
};

enum { NOTHING, CLOSE_CLIENT, CLOSE_SERVER, CLOSE_IN_OPEN, HOLD_IN_OPEN };

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct world *w = arg;

	if (rep->kind == AMAS_RESULT)
		w->replies++;
	else if (rep->kind == AMAS_FAILURE)
		w->failures++;
	else
		w->errors++;
	w->last_code = rep->code;
	(void)snprintf(w->last_text, sizeof w->last_text, "%s", rep->text);
	if (w->what == CLOSE_CLIENT) {
		amas_channel_close(w->client);
		w->client = NULL;
		w->what = NOTHING;
	}
}

static void
add(struct amas_request *req, void *self)
{
	struct world *w = self;
	int a, b;

	w->calls++;
	if (w->what == CLOSE_SERVER) {
		amas_server_close(w->server);
		w->server = NULL;
	}
	if (amas_request_unpack(req, "[ii]", &a, &b) == 0)
		amas_request_reply(req, "i", a + b);
}

static void
on_gone(void *arg)
{
	struct world *w = arg;

	w->gone++;
}

static void
later(struct amas_request *req, void *self)
{
	struct world *w = self;

	w->calls++;
	w->kept = amas_request_keep(req);
	amas_request_on_gone(req, on_gone, w);
}

static void
quiet(struct amas_request *req, void *self)
{
	(void)req;
	((struct world *)self)->calls++;
}

/* A text that was cut inside a character. */
static void
broken(struct amas_request *req, void *self)
{
	(void)self;
	amas_request_fail(req, "no such caf\xc3");
}

static const struct amas_function functions[] = {
	{ "add", add },
	{ "broken", broken },
	{ "later", later },
	{ "sub/quiet", quiet },
	{ NULL, NULL }
};

static void
on_open(struct amas_channel *ch, void *arg)
{
	struct world *w = arg;

	w->opened++;
	w->accepted = ch;
	if (w->what == CLOSE_IN_OPEN)
		amas_channel_close(ch);
	else if (w->what == HOLD_IN_OPEN)
		amas__channel_hold(ch, true);
}

static void
on_close(struct amas_channel *ch, const struct amas_error *why, void *arg)
{
	struct world *w = arg;

	(void)ch;
	w->closed++;
	w->close_code = why->code;
}

/* A server and a client that is about to connect to it. */
static int
world_open(struct world *w)
{
	struct amas_opts opts = { .on_open = on_open, .on_close = on_close,
		.arg = w };
	struct amas_error err = { 0 };
	int rc;

	memset(w, 0, sizeof *w);
	(void)snprintf(w->addr, sizeof w->addr, "/tmp/amas-unit.%ld",
	    (long)getpid());
	if ((rc = amas_loop_new(&w->loop, NULL, &err)) != 0 ||
	    (rc = amas_service_new(&w->service, &err)) != 0 ||
	    (rc = amas_service_add(w->service, functions, w, &err)) != 0)
		return rc;
	opts.service = w->service;
	if ((rc = amas_server_open(&w->server, w->loop, w->addr, &opts,
	    &err)) != 0)
		return rc;
	return amas_channel_open(&w->client, w->loop, w->addr, NULL, &err);
}

static void
world_close(struct world *w)
{
	if (w->kept != NULL)
		amas_request_reply(w->kept, NULL);
	amas_channel_close(w->client);
	amas_server_close(w->server);
	amas_service_free(w->service);
	amas_loop_free(w->loop);
}

static int
call(struct world *w, const char *function, double timeout_s)
{
	return amas_proxy_call(amas_channel_remote(w->client), function,
	    timeout_s, on_reply, w, "[ii]", 3, 4);
}

/* Turns the loop, at most two seconds, until *count is at least n. */
static bool
until(struct world *w, const int *count, int n)
{
	int i;

	for (i = 0; i < 2000 && *count < n; i++)
		if (amas_loop_run(w->loop, 0.001) == 0 && *count < n)
			return false;
	return *count >= n;
}

static void
test_calls(void)
{
	struct world w;

	tap_int(world_open(&w), 0, "channel: opens");
	tap_int(call(&w, "add", 2), 0, "channel: call before connected");
	tap_int(w.replies, 0, "channel: no callback inside the call");
	tap_ok(until(&w, &w.replies, 1), "channel: result");
	call(&w, "nope", 2);
	tap_ok(until(&w, &w.failures, 1), "channel: failure");
	tap_str(w.last_text, "LookupError: Name \"nope\" not found in \"\"",
	    "channel: aiomas's text");
	call(&w, "sub/nope", 2);
	until(&w, &w.failures, 2);
	tap_str(w.last_text, "LookupError: Name \"nope\" not found in \"sub\"",
	    "service: what was walked");
	call(&w, "sub/quiet", 2);
	tap_ok(until(&w, &w.replies, 2), "request: no answer is null");
	call(&w, "later", 0.01);
	tap_ok(until(&w, &w.errors, 1), "channel: deadline");
	tap_int(w.last_code, AMAS_ETIMEDOUT, "channel: its code");
	amas_request_reply(w.kept, "i", 1);
	w.kept = NULL;
	call(&w, "add", 2);
	tap_ok(until(&w, &w.replies, 3), "channel: late answer is harmless");
	call(&w, "broken", 2);
	tap_ok(until(&w, &w.failures, 3), "request: a text that is no UTF-8");
	tap_str(w.last_text, "no such caf\xef\xbf\xbd",
	    "request: is made to be");
	world_close(&w);
	tap_int(w.closed, 1, "channel: on_close once");
}

static void
test_free(void)
{
	struct world w;

	world_open(&w);
	w.what = CLOSE_CLIENT;
	call(&w, "add", 2);
	call(&w, "add", 2);
	tap_ok(until(&w, &w.closed, 1), "free: client in its callback");
	tap_int(w.replies + w.errors, 2, "free: each call ended once");
	tap_int(w.last_code, AMAS_ECANCELED, "free: the other was canceled");
	world_close(&w);

	world_open(&w);
	w.what = CLOSE_SERVER;
	call(&w, "add", 2);
	tap_ok(until(&w, &w.errors, 1), "free: server in a handler");
	tap_int(w.closed, 1, "free: its channel closed");
	world_close(&w);

	world_open(&w);
	w.what = CLOSE_IN_OPEN;
	call(&w, "add", 2);
	tap_ok(until(&w, &w.errors, 1), "free: refused in on_open");
	tap_int(w.calls, 0, "free: no request got through");
	world_close(&w);

	world_open(&w);
	call(&w, "later", 0);
	until(&w, &w.calls, 1);
	amas_channel_close(w.client);
	w.client = NULL;
	tap_int(w.errors, 1, "free: what is pending ends inside close");
	tap_ok(until(&w, &w.gone, 1), "request: told that its caller is gone");
	amas_request_reply(w.kept, "s", "to nobody");
	w.kept = NULL;
	world_close(&w);

	world_open(&w);
	call(&w, "later", 0);
	until(&w, &w.calls, 1);
	amas_server_close(w.server);
	w.server = NULL;
	tap_ok(until(&w, &w.errors, 1), "free: server with an open request");
	tap_int(w.last_code, AMAS_ECLOSED, "free: the caller knows");
	call(&w, "add", 0);
	tap_int(w.errors, 1, "channel: ended, still no callback inside");
	tap_ok(until(&w, &w.errors, 2), "channel: a call after the end");
	world_close(&w);

	world_open(&w);
	call(&w, "add", 0);
	amas_channel_close(w.client);
	tap_int(w.errors, 1, "free: a call that was never sent");
	w.client = NULL;
	world_close(&w);

	world_open(&w);
	call(&w, "later", 0);
	until(&w, &w.calls, 1);
	w.client = NULL; /* the loop ends them */
	w.server = NULL;
	world_close(&w);
	tap_int(w.errors, 1, "free: the loop ends what is open");
}

static void
test_drain(void)
{
	struct world w;

	world_open(&w);
	call(&w, "later", 0);
	until(&w, &w.calls, 1);
	amas_loop_drain(w.loop, 5);
	call(&w, "add", 0);
	tap_ok(until(&w, &w.failures, 1), "drain: new calls are refused");
	tap_str(w.last_text, "shutting down", "drain: says so");
	amas_request_reply(w.kept, "i", 1);
	w.kept = NULL;
	tap_ok(until(&w, &w.replies, 1), "drain: open ones are answered");
	tap_int(amas_loop_run(w.loop, 2), 0, "drain: then nothing is left");
	world_close(&w);

	world_open(&w);
	call(&w, "later", 0);
	until(&w, &w.calls, 1);
	amas_loop_drain(w.loop, 0.01);
	tap_int(amas_loop_run(w.loop, 2), 0, "drain: grace ends");
	tap_int(w.failures + w.errors, 1, "drain: the call failed once");
	world_close(&w);
}

/* faults.md, 30: our ids */
static void
test_ids(void)
{
	struct world w;

	world_open(&w);
	call(&w, "later", 0); /* 0, open all the time */
	until(&w, &w.calls, 1);
	w.client->calls->next_id = ((uint64_t)1 << 53) - 1;
	call(&w, "add", 2);
	call(&w, "add", 2);
	tap_ok(until(&w, &w.replies, 2), "30: ids before and after the wrap");
	tap_int((long long)w.client->calls->next_id, 2,
	    "30: an open id is not used again");
	amas_request_reply(w.kept, NULL);
	w.kept = NULL;
	tap_ok(until(&w, &w.replies, 3), "30: the open one is answered");
	world_close(&w);
}

static void
test_hold(void)
{
	struct world w;
	int i;

	world_open(&w);
	w.what = HOLD_IN_OPEN;
	call(&w, "add", 0);
	tap_ok(until(&w, &w.opened, 1), "hold: on_open");
	for (i = 0; i < 20; i++)
		(void)amas_loop_run(w.loop, 0.001);
	tap_int(w.calls, 0, "hold: no request is read");
	amas__channel_hold(w.accepted, false);
	tap_ok(until(&w, &w.replies, 1), "hold: it is over");
	world_close(&w);

	world_open(&w);
	w.what = HOLD_IN_OPEN;
	call(&w, "add", 0);
	until(&w, &w.opened, 1);
	amas_channel_close(w.accepted);
	tap_ok(until(&w, &w.errors, 1), "hold: closed meanwhile");
	tap_int(w.calls, 0, "hold: and no request was read");
	world_close(&w);
}

static void
test_refused(void)
{
	struct amas_opts opts = { .on_close = on_close };
	struct amas_error err;
	struct world w = { 0 };

	opts.arg = &w;
	tap_int(amas_loop_new(&w.loop, NULL, NULL), 0, "loop: of its own");
	tap_int(amas_channel_open(&w.client, w.loop, "/tmp/amas-unit.none",
	    &opts, &err), 0, "refused: open returns at once");
	call(&w, "add", 0);
	amas_proxy_call(amas_channel_remote(w.client), NULL, 0, on_reply, &w,
	    NULL);
	tap_ok(until(&w, &w.errors, 2), "refused: is the outcome of calls");
	tap_int(w.last_code, AMAS_ECONNECT, "refused: its code");
	tap_str(w.last_text, "No such file or directory", "refused: why");
	tap_int(w.closed, 1, "refused: on_close");
	world_close(&w);
	tap_int(amas_channel_open(&w.client, NULL, "tcp://x:99999", NULL, &err),
	    AMAS_EINVAL, "refused: bad address");
}

/* Everything again and again, with one allocation less each time. */
static void
test_memory(void)
{
	struct world w;
	unsigned long n, bad = 0;
	bool done = false;

	for (n = 1; n < 3000 && !done; n++) {
		tap_fail_alloc(n);
		if (world_open(&w) == 0 && call(&w, "add", 0.5) == 0 &&
		    call(&w, "later", 0.02) == 0) {
			until(&w, &w.errors, 1);
			done = tap_allocs() < n;
			if (w.replies + w.failures + w.errors != 2 &&
			    w.calls == 2)
				bad++;
		}
		tap_fail_alloc(0);
		world_close(&w);
	}
	tap_ok(done && n > 20, "memory: each of %lu allocations fails once",
	    n - 1);
	tap_int((long long)bad, 0, "memory: no call without its report");
}

/* ---- Calls that call back, and so on ---- */

static struct amas_service *both;
static int deepest;

static void
answer_as(const struct amas_reply *rep, void *arg)
{
	struct amas_request *req = arg;

	if (rep->kind == AMAS_RESULT)
		amas_request_reply(req, "v", rep->value);
	else
		amas_request_fail(req, "%s", rep->text);
}

/* Asks whoever asks, one deeper. */
static void
ping(struct amas_request *req, void *self)
{
	struct amas_proxy *caller;
	int n;

	(void)self;
	if (amas_request_unpack(req, "[i]", &n) != 0)
		return;
	deepest = n > deepest ? n : deepest;
	caller = amas_channel_remote(amas_request_channel(req));
	if (amas_proxy_call(caller, "ping", 0, answer_as,
	    amas_request_keep(req), "[i]", n + 1) != 0)
		abort();
}

static void
test_depth(void)
{
	static const struct amas_function table[] = { { "ping", ping },
		{ NULL, NULL } };
	struct amas_opts opts = { 0 };
	struct world w;
	int i;

	if (world_open(&w) != 0 || amas_service_new(&both, NULL) != 0 ||
	    amas_service_add(both, table, NULL, NULL) != 0 ||
	    amas_service_add(w.service, table, NULL, NULL) != 0)
		abort();
	amas_channel_close(w.client);
	opts.service = both;
	if (amas_channel_open(&w.client, w.loop, w.addr, &opts, NULL) != 0 ||
	    amas_proxy_call(amas_channel_remote(w.client), "ping", 0, on_reply,
	    &w, "[i]", 0) != 0)
		abort();
	for (i = 0; i < 60000 && w.failures == 0; i++)
		(void)amas_loop_run(w.loop, 0.001);
	tap_str(w.last_text, "call depth: 10000 calls are open both ways",
	    "channel: 33: calls that nest without end");
	tap_ok(deepest >= 19998 && deepest <= 20002, "channel: 33: so deep: %d",
	    deepest);
	call(&w, "add", 2);
	tap_ok(until(&w, &w.replies, 1), "channel: 33: the next call works");
	amas_service_free(both);
	world_close(&w);
}

int
main(void)
{
	test_calls();
	test_depth();
	test_free();
	test_drain();
	test_ids();
	test_hold();
	test_refused();
	test_memory();
	return tap_done();
}
