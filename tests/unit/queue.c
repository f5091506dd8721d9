/*
 * Connections inside of one process: names, refusals, much at once both ways,
 * and an end that closes with output that was not read yet.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "amas.h"
#include "tap.h"

#define BIG ((size_t)3 << 20)

struct world {
	struct amas_loop *loop;
	struct amas_channel *accepted;
	int answers, code;
	size_t len;
	char text[128];
};

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct world *w = arg;

	w->answers++;
	w->code = rep->code;
	w->len = amas_value_len(rep->value);
	strncpy(w->text, rep->text, sizeof w->text - 1);
}

static void
on_open(struct amas_channel *ch, void *arg)
{
	struct world *w = arg;

	w->accepted = ch;
}

static void
echo(struct amas_request *req, void *arg)
{
	(void)arg;
	amas_request_reply(req, "v", amas_request_args(req));
}

/* Answers, and closes in the same breath. */
static void
last_word(struct amas_request *req, void *arg)
{
	struct world *w = arg;

	echo(req, arg);
	amas_channel_close(w->accepted);
}

static void
make(struct world *w)
{
	memset(w, 0, sizeof *w);
	if (amas_loop_new(&w->loop, NULL, NULL) != 0)
		abort();
}

/* Runs until n answers have come; there is an end to patience. */
static bool
until(struct world *w, int n)
{
	int turns = 0;

	while (w->answers < n && turns++ < 100000)
		(void)amas_loop_run(w->loop, 0.001);
	return w->answers == n;
}

static struct amas_channel *
client(struct world *w, const char *addr)
{
	struct amas_channel *ch;

	if (amas_channel_open(&ch, w->loop, addr, NULL, NULL) != 0)
		abort();
	return ch;
}

static struct amas_server *
server(struct world *w, amas_request_fn *fn)
{
	struct amas_opts opts = { .on_request = fn, .on_open = on_open,
		.arg = w };
	struct amas_server *srv;

	if (amas_server_open(&srv, w->loop, "local://a", &opts, NULL) != 0)
		abort();
	return srv;
}

static void
test_names(void)
{
	struct amas_opts wait = { .connect_timeout_s = 10 };
	struct amas_error err = { 0 };
	struct amas_server *srv, *other;
	struct amas_channel *ch;
	struct world w, v;

	make(&w);
	make(&v);
	ch = client(&w, "local://a");
	(void)amas_channel_send(ch, 0, on_reply, &w, "s", "x");
	tap_ok(until(&w, 1), "a call of nobody is answered");
	tap_int(w.code, AMAS_ECONNECT, "it cannot connect");
	tap_str(w.text, "No server started for this local queue instance.",
	    "in aiomas's words");
	amas_channel_close(ch);
	if (amas_channel_open(&ch, w.loop, "local://a", &wait, NULL) != 0)
		abort();
	(void)amas_channel_send(ch, 0, on_reply, &w, "s", "xy");
	(void)amas_loop_run(w.loop, 0);
	srv = server(&w, echo);
	tap_str(amas_server_addr(srv), "local://a", "its address");
	tap_int(amas_server_open(&other, w.loop, "local://a", NULL, &err),
	    AMAS_EEXIST, "a name is used once");
	tap_str(err.text, "Server is already set.", "in aiomas's words");
	tap_int(amas_server_open(&other, w.loop, "local://a/b", NULL, &err),
	    AMAS_EINVAL, "a slash is no part of one");
	tap_str(err.text, "\"/\" not allowed in queue ID ('a/b')",
	    "in aiomas's words");
	tap_ok(until(&w, 2) && w.len == 2, "one that waits for it connects");
	tap_str(amas_channel_peer(ch), "local://a", "the peer");
	tap_str(amas_channel_peer(w.accepted), "local://a", "its peer");
	amas_channel_close(ch);
	ch = client(&v, "local://a");
	(void)amas_channel_send(ch, 0, on_reply, &v, "s", "x");
	tap_ok(until(&v, 1) && v.code == AMAS_ECONNECT,
	    "another loop does not know it");
	amas_channel_close(ch);
	amas_server_close(srv);
	srv = server(&w, echo);
	tap_ok(srv != NULL, "free again, it is used again");
	amas_server_close(srv);
	amas_loop_free(w.loop);
	amas_loop_free(v.loop);
}

static void
test_much(void)
{
	char *big = malloc(BIG + 1);
	struct amas_server *srv;
	struct amas_channel *ch;
	struct world w;
	int i;

	if (big == NULL)
		abort();
	memset(big, 'x', BIG);
	big[BIG] = '\0';
	make(&w);
	srv = server(&w, echo);
	ch = client(&w, "local://a");
	for (i = 0; i < 8; i++)
		(void)amas_channel_send(ch, 0, on_reply, &w, "s", big);
	tap_ok(until(&w, 8) && w.len == BIG, "24 MiB there and back");
	(void)amas_channel_send(w.accepted, 0, on_reply, &w, "s", "no");
	tap_ok(until(&w, 9) && w.code == AMAS_EREMOTE,
	    "and a request the other way");
	for (i = 0; i < 1000; i++)
		(void)amas_channel_send(ch, 0, on_reply, &w, "s", "x");
	tap_ok(until(&w, 1009) && w.code == 0, "a thousand at once");
	(void)amas_channel_send(ch, 0, on_reply, &w, "s", big);
	amas_server_close(srv); /* with all that was not read */
	amas_loop_free(w.loop);
	tap_int(w.answers, 1010, "the loop goes, and all is answered");
	free(big);
}

static void
test_ends(void)
{
	struct amas_server *srv;
	struct amas_channel *ch;
	struct world w;

	make(&w);
	srv = server(&w, last_word);
	ch = client(&w, "local://a");
	(void)amas_channel_send(ch, 0, on_reply, &w, "s", "xyz");
	tap_ok(until(&w, 1) && w.len == 3, "what was said before the end comes");
	(void)amas_channel_send(ch, 0, on_reply, &w, "s", "x");
	tap_ok(until(&w, 2), "a call after it is answered");
	tap_int(w.code, AMAS_ECLOSED, "as closed");
	amas_channel_close(ch);
	ch = client(&w, "local://a");
	(void)amas_channel_send(ch, 0, on_reply, &w, "s", "x");
	amas_loop_drain(w.loop, 5);
	tap_int(amas_loop_run(w.loop, INFINITY), 0, "drained, nothing is left");
	tap_int(w.answers, 3, "and it was answered");
	amas_channel_close(ch);
	amas_server_close(srv);
	amas_loop_free(w.loop);
}

/* One call over a new connection, the n-th allocation failing. */
static bool
short_of_memory(unsigned long n)
{
	struct amas_opts opts = { .on_request = echo };
	struct amas_server *srv = NULL;
	struct amas_channel *ch = NULL;
	struct world w;
	unsigned long used;
	int turns = 0;
	bool sent = false;

	make(&w);
	tap_fail_alloc(n);
	if (amas_server_open(&srv, w.loop, "local://a", &opts, NULL) == 0 &&
	    amas_channel_open(&ch, w.loop, "local://a", NULL, NULL) == 0)
		sent = amas_channel_send(ch, 0, on_reply, &w, "s", "x") == 0;
	while (sent && w.answers == 0 && turns++ < 1000)
		(void)amas_loop_run(w.loop, 0.001);
	used = tap_allocs();
	tap_fail_alloc(0);
	if (sent && w.answers != 1)
		tap_ok(false, "allocation %lu failed: %d answers", n,
		    w.answers);
	amas_channel_close(ch);
	amas_server_close(srv);
	amas_loop_free(w.loop);
	return used >= n;
}

int
main(void)
{
	unsigned long n = 1;

	test_names();
	test_much();
	test_ends();
	while (n < 1000 && short_of_memory(n))
		n++;
	tap_ok(n > 10 && n < 1000, "each allocation may fail");
	return tap_done();
}
