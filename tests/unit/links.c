/*
 * Proxies of agents in other containers: one connection, one question for each
 * agent, calls in their order, and who ends what.  The other end is a server
 * that says what a container would, and counts.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "amas.h"
#include "tap.h"

struct world {
	struct amas_loop *loop;
	struct amas_server *server;
	struct amas_service *service;
	struct amas_container *c;
	char url[AMAS_URL_SIZE];	/* of the agent at the server */
	char none[AMAS_URL_SIZE];	/* of one that is not there */
	int connections, asked, called;
	int64_t last;
	bool in_order;
	struct amas_request *kept;
	struct amas_channel *accepted;
	int answers, code;
	enum amas_kind kind;
	int64_t value;
	char text[200];
};

static void
validate_aid(struct amas_request *req, void *self)
{
	struct world *w = self;
	const char *id;

	w->asked++;
	if (amas_request_unpack(req, "[s]", &id) == 0)
		amas_request_reply(req, "s?", strcmp(id, "0") == 0 ?
		    "Peer" : NULL);
}

static void
count(struct amas_request *req, void *self)
{
	struct world *w = self;
	int64_t n;

	if (amas_request_unpack(req, "[I]", &n) != 0)
		return;
	w->in_order = w->in_order && n == w->last + 1;
	w->last = n;
	w->called++;
	amas_request_reply(req, "I", n);
}

static void
later(struct amas_request *req, void *self)
{
	struct world *w = self;

	if (w->kept != NULL)
		amas_request_reply(w->kept, NULL);
	w->kept = amas_request_keep(req);
}

static const struct amas_function functions[] = {
	{ "validate_aid", validate_aid },
	{ "agents/0/count", count },
	{ "agents/0/later", later },
	{ NULL, NULL }
};

static void
on_open(struct amas_channel *ch, void *arg)
{
	struct world *w = arg;

	w->connections++;
	w->accepted = ch;
}

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct world *w = arg;

	w->answers++;
	w->kind = rep->kind;
	w->code = rep->code;
	w->value = amas_value_int(rep->value);
	(void)strncpy(w->text, rep->text, sizeof w->text - 1);
}

static void
serve(struct world *w, const char *addr)
{
	struct amas_opts opts = { .service = w->service, .on_open = on_open,
		.arg = w };

	if (amas_server_open(&w->server, w->loop, addr, &opts, NULL) != 0)
		abort();
	(void)strcpy(w->url, amas_server_addr(w->server));
	(void)strcat(strcpy(w->none, w->url), "/7");
	(void)strcat(w->url, "/0");
}

static void
make(struct world *w, const char *addr)
{
	memset(w, 0, sizeof *w);
	w->in_order = true;
	if (amas_loop_new(&w->loop, NULL, NULL) != 0 ||
	    amas_service_new(&w->service, NULL) != 0 ||
	    amas_service_add(w->service, functions, w, NULL) != 0 ||
	    amas_container_open(&w->c, w->loop, "local://here", NULL,
	    NULL) != 0)
		abort();
	serve(w, addr);
}

static void
end(struct world *w)
{
	amas_container_close(w->c);
	if (w->kept != NULL)
		amas_request_reply(w->kept, NULL);
	amas_server_close(w->server);
	amas_service_free(w->service);
	amas_loop_free(w->loop);
}

/* Runs until n answers have come; there is an end to patience. */
static bool
until(struct world *w, int n)
{
	int turns = 0;

	while (w->answers < n && turns++ < 10000)
		(void)amas_loop_run(w->loop, 0.001);
	return w->answers == n;
}

static struct amas_proxy *
connect_to(struct world *w, const char *url, double timeout_s)
{
	struct amas_proxy *p;

	if (amas_container_connect(&p, w->c, url, timeout_s, NULL) != 0)
		abort();
	return p;
}

static void
call(struct world *w, struct amas_proxy *p, const char *function, int64_t n)
{
	if (amas_proxy_call(p, function, 0, on_reply, w, "[I]", n) != 0)
		abort();
}

static void
test_shared(struct world *w)
{
	struct amas_proxy *p = connect_to(w, w->url, 0);
	struct amas_proxy *q = connect_to(w, w->url, 0);
	char url[AMAS_URL_SIZE];
	int i;

	for (i = 1; i <= 100; i++) {
		call(w, i % 2 != 0 ? p : q, "count", i);
		if (i == 50) /* some go out while it is asked for */
			(void)until(w, 1);
	}
	tap_ok(until(w, 100) && w->code == 0, "a hundred calls are answered");
	tap_int(w->connections, 1, "over one connection");
	tap_int(w->asked, 1, "after one question");
	tap_ok(w->in_order, "in their order");
	tap_str(amas_proxy_url(p, url, sizeof url), w->url, "its URL");
	(void)amas_proxy_call(p, NULL, 0, on_reply, w, NULL);
	tap_ok(until(w, 101) && w->kind == AMAS_RESULT, "connect only");
	amas_proxy_free(p);
	call(w, q, "count", 101);
	tap_ok(until(w, 102) && w->code == 0, "freed, the other goes on");
	amas_proxy_free(q);
}

static void
test_nobody(struct world *w)
{
	struct amas_proxy *p = connect_to(w, w->none, 0);
	struct amas_error err = { 0 };
	int asked = w->asked;

	call(w, p, "count", 1);
	call(w, p, "count", 2);
	tap_ok(until(w, 2) && w->kind == AMAS_FAILURE, "no such agent");
	tap_ok(strncmp(w->text, "ConnectionError: Agent \"7\" does not exist in "
	    "Container(", 55) == 0, "%s", w->text);
	call(w, p, "count", 3);
	tap_ok(until(w, 3) && w->kind == AMAS_FAILURE, "nor later");
	tap_int(w->asked, asked + 2, "asked for anew");
	tap_int(w->called, 0, "and never called");
	tap_int(amas_container_connect(&p, w->c, "tcp://localhost:1", 0, &err),
	    AMAS_EINVAL, "an address is no agent");
	tap_str(err.text, "is an address, not the URL of a proxy or an agent",
	    "as it says");
	tap_int(amas_container_connect(&p, w->c, "?", 0, &err), AMAS_EINVAL,
	    "nor is anything else");
}

static void
test_lost(struct world *w)
{
	struct amas_proxy *p = connect_to(w, w->url, 0);
	char addr[AMAS_URL_SIZE];

	(void)strcpy(addr, amas_server_addr(w->server));
	call(w, p, "later", 1);
	while (w->kept == NULL)
		(void)amas_loop_run(w->loop, 0.001);
	amas_channel_close(w->accepted);
	tap_ok(until(w, 1) && w->code == AMAS_ECLOSED, "a loss ends its calls");
	call(w, p, "count", 1);
	tap_ok(until(w, 2) && w->value == 1, "the next connects anew");
	tap_int(w->connections, 2, "once");
	amas_server_close(w->server);
	(void)amas_loop_run(w->loop, 0.05);
	call(w, p, "count", 1);
	tap_ok(until(w, 3) && w->code == AMAS_ECONNECT, "refused");
	call(w, p, "count", 1);
	tap_ok(until(w, 4) && w->code == AMAS_ECONNECT, "and again");
	amas_proxy_free(p);
	p = connect_to(w, w->url, 10);
	call(w, p, "count", 2);
	(void)amas_loop_run(w->loop, 0);
	serve(w, addr);
	tap_ok(until(w, 5) && w->value == 2, "one that waits gets through");
}

/* An agent that has a proxy, as most keep theirs. */
struct owner {
	struct world *w;
	struct amas_proxy *p;
	int answers;		/* in time for fini */
	int again;		/* what a call of one that ends gives */
};

static void
on_owned(const struct amas_reply *rep, void *arg)
{
	struct owner *o = arg;

	o->answers += rep->code == AMAS_ECANCELED;
}

static void
owner_fini(void *self)
{
	struct owner *o = self;

	o->w->answers = o->answers;
	o->w->code = amas_proxy_call(o->p, "count", 0, on_owned, o, "[i]", 1);
	amas_proxy_free(o->p);
}

static void
test_fini_frees(struct world *w)
{
	static const struct amas_class cls = { .name = "Owner",
		.size = sizeof(struct owner), .fini = owner_fini };
	struct amas_proxy *kept;
	struct amas_agent *a;
	struct owner *o;

	if (amas_agent_new(&a, w->c, &cls, NULL, NULL) != 0)
		abort();
	o = amas_agent_self(a);
	o->w = w;
	if (amas_agent_connect(&o->p, a, w->url, 0, NULL) != 0 ||
	    (kept = amas_proxy_keep(o->p)) == NULL ||
	    amas_proxy_call(o->p, "later", 0, on_owned, o, NULL) != 0 ||
	    amas_proxy_call(kept, "later", 0, on_owned, o, NULL) != 0)
		abort();
	amas_agent_free(a);
	tap_int(w->answers, 2, "its calls end before its fini");
	tap_int(w->code, AMAS_ECANCELED, "which can make none, and free them");
}

static void
test_ends(struct world *w)
{
	static const struct amas_class cls = { .name = "Caller" };
	struct amas_agent *a;
	struct amas_proxy *p, *kept;

	if (amas_agent_new(&a, w->c, &cls, NULL, NULL) != 0 ||
	    amas_agent_connect(&p, a, w->url, 0, NULL) != 0 ||
	    (kept = amas_proxy_keep(p)) == NULL)
		abort();
	call(w, p, "later", 1);
	call(w, kept, "count", 1);
	tap_ok(until(w, 1), "two calls, one is answered");
	amas_agent_free(a);
	tap_int(w->answers, 2, "the agent ends, and its calls with it");
	tap_int(w->code, AMAS_ECANCELED, "canceled");
	p = connect_to(w, w->none, 0);
	call(w, p, "count", 1); /* while it is asked for */
	amas_proxy_free(p);
	tap_int(w->answers, 3, "a freed proxy ends what was not sent");
	p = connect_to(w, w->url, 0);
	if (amas_proxy_call(p, "later", 0.01, on_reply, w, NULL) != 0)
		abort();
	tap_ok(until(w, 4) && w->code == AMAS_ETIMEDOUT, "a deadline");
	call(w, p, "later", 1);
	amas_container_close(w->c);
	w->c = NULL;
	tap_int(w->answers, 5, "the container closes, and its calls with it");
	tap_int(w->code, AMAS_ECANCELED, "canceled");
}

/* An agent of the own container: the queue. */
static void
test_own(struct world *w)
{
	static const struct amas_function own[] = {
		{ "count", count },
		{ NULL, NULL }
	};
	static const struct amas_class cls = { .name = "Own",
		.functions = own, .size = sizeof(struct world) };
	struct amas_agent *a;
	struct amas_proxy *p;
	char url[AMAS_URL_SIZE];

	if (amas_agent_new(&a, w->c, &cls, NULL, NULL) != 0)
		abort();
	p = connect_to(w, amas_agent_url(a, url, sizeof url), 0);
	tap_str(url, "local://here/0", "its URL");
	call(w, p, "count", 1);
	tap_ok(until(w, 1) && w->value == 1, "an agent of one's own is called");
	amas_agent_free(a);
	call(w, p, "count", 1);
	tap_ok(until(w, 2) && w->kind == AMAS_FAILURE, "until it ends");
}

/* One call, the n-th allocation failing. */
static bool
short_of_memory(unsigned long n)
{
	struct amas_proxy *p = NULL;
	unsigned long used;
	struct world w;
	bool sent = false;

	make(&w, "local://there");
	tap_fail_alloc(n);
	if (amas_container_connect(&p, w.c, w.url, 0, NULL) == 0)
		sent = amas_proxy_call(p, "count", 0, on_reply, &w, "[i]",
		    1) == 0;
	if (sent && !until(&w, 1))
		tap_ok(false, "allocation %lu failed: %d answers", n,
		    w.answers);
	used = tap_allocs();
	tap_fail_alloc(0);
	end(&w);
	return used >= n;
}

int
main(void)
{
	static void (*const tests[])(struct world *) = { test_shared,
		test_nobody, test_lost, test_fini_frees, test_ends,
		test_own };
	static const char *const addrs[] = { "tcp://127.0.0.1:0",
		"local://there" };
	unsigned long n = 1;
	struct world w;
	size_t i, j;

	for (i = 0; i < sizeof addrs / sizeof *addrs; i++)
		for (j = 0; j < sizeof tests / sizeof *tests; j++) {
			make(&w, addrs[i]);
			tests[j](&w);
			end(&w);
		}
	while (n < 1000 && short_of_memory(n))
		n++;
	tap_ok(n > 10 && n < 1000, "each allocation may fail");
	return tap_done();
}
