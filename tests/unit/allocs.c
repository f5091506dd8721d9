/*
 * How often a small call allocates, once warm, at either end: at most twice,
 * which is its area and, at the end that calls, what waits for the reply.  The
 * two ends have a loop each, so that each is counted for itself.
 */
#include <stdlib.h>
#include <unistd.h>

#include "amas.h"
#include "tap.h"

#define CALLS 1000
#define ALLOCS_MAX 2


struct world {
	struct amas_loop *here, *there;
	struct amas_server *server;
	struct amas_channel *client;
	unsigned long allocs_here, allocs_there;
	int right;
};

static void
add(struct amas_request *req, void *self)
{
	int a, b;

	(void)self;
	if (amas_request_unpack(req, "[ii]", &a, &b) == 0)
		amas_request_reply(req, "i", a + b);
}

static const struct amas_function functions[] = {
	{ "add", add },
	{ NULL, NULL }
};

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct world *w = arg;
	int n;

	if (rep->kind == AMAS_RESULT &&
	    amas_value_unpack(rep->value, NULL, "i", &n) == 0 && n == 7)
		w->right++;
}

/* A turn of a loop; adds what it allocates to *n. */
static void
turn(struct amas_loop *loop, unsigned long *n)
{
	tap_fail_alloc(0);
	(void)amas_loop_run(loop, 0);
	*n += tap_allocs();
}

static void
call(struct world *w, int n)
{
	int i, right;

	for (i = 0; i < n; i++) {
		right = w->right;
		tap_fail_alloc(0);
		if (amas_proxy_call(amas_channel_remote(w->client), "add", 0,
		    on_reply, w, "[ii]", 3, 4) != 0)
			abort();
		w->allocs_here += tap_allocs();
		while (w->right == right) {
			turn(w->here, &w->allocs_here);
			turn(w->there, &w->allocs_there);
		}
	}
}

static void
open_both(struct world *w, const char *codec)
{
	char addr[] = "/tmp/amas.XXXXXX";
	struct amas_opts opts = { .lines = 0 };

	if (mkdtemp(addr) == NULL ||
	    amas_codec_find(&opts.codec, codec, NULL) != 0)
		abort();
	(void)rmdir(addr); /* its name is free, for the socket */
	if (amas_loop_new(&w->here, NULL, NULL) != 0 ||
	    amas_loop_new(&w->there, NULL, NULL) != 0 ||
	    amas_channel_open(&w->client, w->here, addr, &opts, NULL) != 0)
		abort();
	if (amas_service_new(&opts.service, NULL) != 0 ||
	    amas_service_add(opts.service, functions, NULL, NULL) != 0 ||
	    amas_server_open(&w->server, w->there, addr, &opts, NULL) != 0)
		abort();
	amas_service_free(opts.service);
}

static void
test_codec(const char *codec)
{
	struct world w = { .right = 0 };

	open_both(&w, codec);
	call(&w, CALLS);
	w.allocs_here = w.allocs_there = 0;
	call(&w, CALLS);
	tap_int(w.right, 2 * CALLS, "%s: the sums are right", codec);
	tap_ok(TAP_ASAN || w.allocs_there <= ALLOCS_MAX * CALLS,
	    "%s: a call that comes allocates at most twice", codec);
	tap_ok(TAP_ASAN || w.allocs_here <= ALLOCS_MAX * CALLS,
	    "%s: a call that is made allocates at most twice", codec);
	tap_diag("%lu and %lu allocations for %d calls", w.allocs_there,
	    w.allocs_here, CALLS);
	amas_channel_close(w.client);
	amas_server_close(w.server);
	amas_loop_free(w.here);
	amas_loop_free(w.there);
}

int
main(void)
{
	test_codec("json");
	test_codec("msgpack");
	return tap_done();
}
