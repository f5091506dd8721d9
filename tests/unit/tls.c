/*
 * TLS between two ends in one process: the filter, its stream over a queue, what
 * is not TLS, ends and refusals.  The numbers are those of faults.md.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../tls/certs.h"
#include "loop.h"
#include "stream_tls.h"
#include "tap.h"

#define BIG ((size_t)3 << 20)

/* An end of a connection, and what has happened to it. */
struct end {
	struct amas__stream *s;
	struct amas_error why;
	struct amas__buf got;
	bool told, over, failed;
	bool slow;		/* does not read */
	size_t written;
};

static struct amas_tls server_set, client_set, naked_set;
static char dir[64];

static char *
path(const char *name)
{
	char *text = malloc(128);

	if (text == NULL)
		abort();
	(void)snprintf(text, 128, "%s/%s", dir, name);
	return text;
}

static void
make_files(void)
{
	static const struct certs_how hows[] = {
		{ "server", "DNS:localhost,IP:127.0.0.1", 0 },
		{ "client", "DNS:client.example", 2048 },
	};
	struct certs *c;
	size_t i;

	strcpy(dir, "/tmp/amas.XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
	c = certs_new(dir);
	for (i = 0; i < sizeof hows / sizeof *hows; i++)
		certs_sign(c, &hows[i]);
	certs_free(c);
	server_set = (struct amas_tls){ .cacert = path("ca.pem"),
		.cert = path("server.pem"), .key = path("server.key") };
	client_set = (struct amas_tls){ .cacert = path("ca.pem"),
		.cert = path("client.pem"), .key = path("client.key") };
	naked_set = (struct amas_tls){ .cacert = path("ca.pem") };
}

static void
remove_files(void)
{
	static const char *const names[] = { "ca.pem", "server.pem",
		"server.key", "client.pem", "client.key" };
	size_t i;
	char *p;

	for (i = 0; i < sizeof names / sizeof *names; i++) {
		(void)unlink(p = path(names[i]));
		free(p);
	}
	(void)rmdir(dir);
	free((char *)(uintptr_t)naked_set.cacert);
	free((char *)(uintptr_t)server_set.cacert);
	free((char *)(uintptr_t)server_set.cert);
	free((char *)(uintptr_t)server_set.key);
	free((char *)(uintptr_t)client_set.cacert);
	free((char *)(uintptr_t)client_set.cert);
	free((char *)(uintptr_t)client_set.key);
}

/* ---- Ends ---- */

static void
on_readable(void *arg)
{
	struct end *e = arg;
	char data[50000];
	ssize_t n = amas__stream_read(e->s, data, sizeof data, &e->why);

	if (n == AMAS__AGAIN)
		return;
	if (n > 0 && amas__buf_put(&e->got, data, (size_t)n) != 0)
		abort();
	if (n <= 0) {
		e->over = true;
		e->failed = n < 0;
		amas__stream_set_reading(e->s, false);
	}
}

static void
on_written(void *arg, size_t n, size_t queued)
{
	struct end *e = arg;

	(void)queued;
	e->written += n;
}

static void
on_failed(void *arg, const struct amas_error *why)
{
	struct end *e = arg;

	e->failed = e->over = true;
	e->why = *why;
}

static const struct amas__stream_events events = { on_readable, on_written,
	on_failed };

static void
on_done(struct amas__stream *s, const struct amas_error *why, void *arg)
{
	struct end *e = arg;

	e->told = true;
	e->s = s;
	if (why != NULL)
		e->why = *why;
	if (s == NULL)
		return;
	amas__stream_set_owner(s, &events, e);
	amas__stream_set_reading(s, !e->slow);
}

static void
run(struct amas_loop *l)
{
	int i;

	for (i = 0; i < 3000; i++)
		(void)amas_loop_run(l, 0);
}

/* Two ends that agree, or not. */
static void
pair(struct amas_loop *l, struct end *client, struct end *server,
    const struct amas_tls *cset, const struct amas_tls *sset, const char *name)
{
	struct amas__tls_setup *cs, *ss;
	struct amas__stream *q[2];

	memset(client, 0, sizeof *client);
	memset(server, 0, sizeof *server);
	if (amas__stream_new_queue(q, l, "local://s", "local://c", NULL) != 0 ||
	    amas__tls_use(&cs, l, cset, false, &client->why) != 0 ||
	    amas__tls_use(&ss, l, sset, true, &server->why) != 0 ||
	    amas__stream_new_tls(&client->s, q[0], cs, name, on_done, client,
	    NULL) != 0 ||
	    amas__stream_new_tls(&server->s, q[1], ss, NULL, on_done, server,
	    NULL) != 0)
		abort();
	amas__tls_unref(cs);
	amas__tls_unref(ss);
	run(l);
}

static void
fini(struct end *a, struct end *b)
{
	amas__stream_close(a->s);
	amas__stream_close(b->s);
	amas__buf_fini(&a->got);
	amas__buf_fini(&b->got);
}

static void
say(struct end *e, const void *data, size_t len)
{
	if (amas__buf_put(amas__stream_out(e->s), data, len) != 0)
		abort();
	amas__stream_flush(e->s);
}

static struct amas_loop *
new_loop(void)
{
	struct amas_loop *l;

	if (amas_loop_new(&l, NULL, NULL) != 0)
		abort();
	return l;
}

/* ---- Tests ---- */

static void
test_agree(void)
{
	struct amas_loop *l = new_loop();
	char name[AMAS__STREAM_NAME];
	struct end c, s;

	pair(l, &c, &s, &client_set, &server_set, "localhost");
	tap_ok(c.s != NULL && s.s != NULL, "both ends agree: %s%s",
	    c.why.text, s.why.text);
	tap_str(amas__stream_name(c.s, AMAS__PEER_NAME, name, sizeof name),
	    "server", "the server's name");
	tap_str(amas__stream_name(s.s, AMAS__PEER_NAME, name, sizeof name),
	    "client", "the client's name");
	tap_str(amas__stream_name(c.s, AMAS__PEER, name, sizeof name),
	    "local://s", "the address is that below");
	tap_ok(strncmp(amas__stream_name(c.s, AMAS__ABOUT, name, sizeof name),
	    "TLSv1.3, TLS_", 13) == 0, "what protects it: %s", name);
	say(&c, "hello", 5);
	say(&s, "there", 5);
	run(l);
	tap_mem(amas__buf_head(&s.got), amas__buf_len(&s.got), "hello", 5,
	    "bytes go one way");
	tap_mem(amas__buf_head(&c.got), amas__buf_len(&c.got), "there", 5,
	    "and the other");
	tap_int((long long)c.written, 5, "what was written is told");
	say(&c, "bye", 3);
	amas__stream_close(c.s);
	c.s = NULL;
	run(l);
	tap_ok(s.over && !s.failed && amas__buf_len(&s.got) == 8,
	    "what was said before the end comes, then the end");
	fini(&c, &s);
	amas_loop_free(l);
}

static void
test_much(void)
{
	struct amas_loop *l = new_loop();
	struct end c, s;
	char *big = malloc(BIG);
	size_t i, low;

	if (big == NULL)
		abort();
	for (i = 0; i < BIG; i++)
		big[i] = (char)(i * 2654435761u >> 13);
	pair(l, &c, &s, &client_set, &server_set, "127.0.0.1");
	amas__stream_set_reading(s.s, false);
	say(&c, big, BIG);
	say(&s, big, BIG);
	run(l);
	low = amas__buf_len(amas__stream_out(c.s));
	tap_ok(low > BIG / 2, "who is not read keeps it: %zu", low);
	tap_ok(amas__stream_held(c.s) > low + ((size_t)200 << 10) &&
	    amas__stream_held(c.s) < low + ((size_t)400 << 10),
	    "and what is below is bounded, and counted");
	tap_ok(amas__buf_len(&c.got) == BIG &&
	    memcmp(amas__buf_head(&c.got), big, BIG) == 0,
	    "the other way goes on");
	amas__stream_set_reading(s.s, true);
	run(l);
	tap_ok(amas__buf_len(&s.got) == BIG &&
	    memcmp(amas__buf_head(&s.got), big, BIG) == 0,
	    "read again, all of it comes");
	tap_int((long long)c.written, (long long)BIG, "and is told");
	say(&c, big, BIG);
	amas__stream_close(c.s);
	c.s = NULL;
	run(l);
	tap_ok(s.over && !s.failed && amas__buf_len(&s.got) == 2 * BIG,
	    "closed at once, all of it comes");
	fini(&c, &s);
	amas_loop_free(l);
	free(big);
}

static void
test_refusals(void)
{
	struct amas_loop *l = new_loop();
	struct end c, s;

	pair(l, &c, &s, &client_set, &server_set, "elsewhere.example");
	tap_int(c.why.code, AMAS_ETLS, "faults 38: another name is refused");
	tap_str(c.why.text, "server's certificate is not for "
	    "elsewhere.example; it has DNS:localhost, IP:127.0.0.1",
	    "faults 38: the client says why");
	tap_str(s.why.text, "the client refuses our certificate: bad "
	    "certificate", "faults 38: so does the server");
	fini(&c, &s);
	pair(l, &c, &s, &client_set, &server_set, "127.0.0.2");
	tap_str(c.why.text, "server's certificate has no IP address SAN "
	    "127.0.0.2; it has DNS:localhost, IP:127.0.0.1",
	    "faults 38: another address");
	fini(&c, &s);
	pair(l, &c, &s, &naked_set, &server_set, "localhost");
	tap_ok(c.s != NULL && s.s == NULL, "faults 37: a client without a "
	    "certificate hears later that it is refused");
	tap_str(s.why.text, "the client shows no certificate",
	    "faults 37: the server says why");
	tap_int(s.why.code, AMAS_ETLS, "faults 37: its code");
	tap_ok(c.over && c.failed && c.why.code == AMAS_ETLS,
	    "faults 37: that is a refusal, no broken connection");
	tap_str(c.why.text, "the server wants a certificate (certificate "
	    "required): --cert and --key", "faults 37: so does the client");
	fini(&c, &s);
	amas_loop_free(l);
}

/* What a server makes of these bytes, then of its end. */
static void
feed(struct amas_loop *l, struct end *s, const void *data, size_t len,
    bool close, char *answer, size_t *n)
{
	struct amas__tls_setup *ss;
	struct amas__stream *q[2];
	ssize_t got;

	memset(s, 0, sizeof *s);
	if (amas__stream_new_queue(q, l, "local://s", "local://c", NULL) != 0 ||
	    amas__tls_use(&ss, l, &server_set, true, NULL) != 0 ||
	    amas__stream_new_tls(&s->s, q[1], ss, NULL, on_done, s, NULL) != 0
	    || amas__buf_put(amas__stream_out(q[0]), data, len) != 0)
		abort();
	amas__tls_unref(ss);
	amas__stream_flush(q[0]);
	run(l);
	got = amas__stream_read(q[0], answer, *n, NULL);
	*n = got > 0 ? (size_t)got : 0;
	if (close) {
		amas__stream_close(q[0]);
		run(l);
	} else { /* time is not passing here */
		amas__stream_close(s->s);
		amas__stream_close(q[0]);
		run(l);
	}
}

static void
test_strangers(void)
{
	static const struct {
		const char *data;
		size_t len;
		const char *text;
	} all[] = {
		{ "\0\0\0\033[0, 0, [", 12, "the peer does not speak TLS; it "
		    "looks like plain aiomas (a frame)" },
		{ "GET / HTTP/1.1\r\n\r\n", 18, "the peer does not speak TLS; "
		    "it looks like HTTP" },
		{ "SSH-2.0-OpenSSH", 15, "the peer does not speak TLS; it "
		    "looks like SSH" },
		{ "[0, 1, [\"f\"]]\n", 14, "the peer does not speak TLS; it "
		    "looks like message lines" },
		{ "\0\0\0\010\x93\0\0\x92\xa1" "f\x90\x80", 12, "the peer does "
		    "not speak TLS; it looks like plain aiomas (a frame)" },
		{ "\0\0\0\0[", 5, "the peer does not speak TLS" },
		{ "\003\x91\x15\x07\xee\x20\x93", 7, "the peer does not speak "
		    "TLS" },
		{ "\021\0\0\0[", 5, "the peer does not speak TLS" },
		{ "\x16\x03\x01\x00\x05hello", 10, "no agreement: unexpected "
		    "message" },
		{ "\x16\x03\x01", 3, "connection closed in the TLS "
		    "handshake" },
	};
	static const char alert[] = { 21, 3, 3, 0, 2, 2, 10 };
	struct amas_loop *l = new_loop();
	char answer[64];
	struct end s;
	size_t i, n;

	for (i = 0; i < sizeof all / sizeof *all; i++) {
		n = sizeof answer;
		feed(l, &s, all[i].data, all[i].len, true, answer, &n);
		tap_str(s.why.text, all[i].text, "faults 10: %zu: why", i);
		tap_ok(s.told && s.s == NULL, "faults 10: %zu: nobody gets it",
		    i);
		if (i < 8)
			tap_mem(answer, n, alert, sizeof alert,
			    "faults 10: %zu: an alert says so", i);
	}
	n = sizeof answer;
	feed(l, &s, "\x16\x03\x01", 3, false, answer, &n);
	tap_ok(!s.told, "closed meanwhile, nothing is told");
	amas_loop_free(l);
}

/* ---- The filter, byte by byte ---- */

struct wire {
	const struct amas__tls_ops *ops;
	struct amas__tls *t;
	struct amas__buf out;
};

/* Gives what one has to say to the other, so many bytes at a time. */
static bool
carry(struct wire *from, struct wire *to, size_t piece, int *done,
    char *got, size_t *n)
{
	struct amas_error err;
	size_t len;
	ssize_t r;

	while ((len = amas__buf_len(&from->out)) > 0) {
		if (len > piece)
			len = piece;
		if (to->ops->put(to->t, amas__buf_head(&from->out), len) != 0)
			return false;
		amas__buf_consume(&from->out, len);
		if (*done < 1 && (*done = to->ops->handshake(to->t, &to->out,
		    &err)) < 0)
			return false;
		if (*done < 1)
			continue;
		r = to->ops->read(to->t, got + *n, 64 - *n, &to->out, &err);
		if (r > 0)
			*n += (size_t)r;
		else if (r != AMAS__AGAIN)
			return false;
	}
	return true;
}

static void
test_pieces(void)
{
	struct amas_loop *l = new_loop();
	struct amas__tls_setup *cs, *ss;
	struct wire c = { .t = NULL }, s = { .t = NULL };
	int cdone = 0, sdone = 0, turns = 0;
	char cgot[64], sgot[64];
	size_t cn = 0, sn = 0;
	bool ok;

	if (amas__tls_use(&cs, l, &client_set, false, NULL) != 0 ||
	    amas__tls_use(&ss, l, &server_set, true, NULL) != 0)
		abort();
	c.ops = s.ops = amas__tls_ops_of(cs);
	ok = c.ops->start(&c.t, amas__tls_ctx_of(cs), "localhost", NULL) == 0 &&
	    s.ops->start(&s.t, amas__tls_ctx_of(ss), NULL, NULL) == 0 &&
	    c.ops->handshake(c.t, &c.out, NULL) == 0;
	while (ok && (cdone < 1 || sdone < 1) && turns++ < 20)
		ok = carry(&c, &s, 1, &sdone, sgot, &sn) &&
		    carry(&s, &c, 1, &cdone, cgot, &cn);
	tap_ok(ok && cdone == 1 && sdone == 1,
	    "faults 41: a handshake that comes byte by byte");
	ok = c.ops->write(c.t, "hello", 5, &c.out, NULL) == 0 &&
	    carry(&c, &s, 1, &sdone, sgot, &sn);
	tap_ok(ok, "faults 41: and a record");
	tap_mem(sgot, sn, "hello", 5, "faults 41: is read");
	c.ops->end(c.t, &c.out);
	(void)c.ops->write(c.t, "more", 4, &c.out, NULL);
	(void)carry(&c, &s, 1, &sdone, sgot, &sn);
	tap_int(s.ops->read(s.t, sgot, 64, &s.out, NULL), 0,
	    "faults 41: the end is the end, whatever follows");
	c.ops->free(c.t);
	s.ops->free(s.t);
	amas__buf_fini(&c.out);
	amas__buf_fini(&s.out);
	amas__tls_unref(cs);
	amas__tls_unref(ss);
	amas_loop_free(l);
}

/* A byte that was changed on the way ends a connection, once for all. */
static void
test_spoilt(void)
{
	struct amas_loop *l = new_loop();
	struct amas__stream *q;
	struct end c, s;

	pair(l, &c, &s, &client_set, &server_set, "localhost");
	say(&c, "good", 4);
	run(l);
	/* what an attacker sends in the place of the client */
	q = *(struct amas__stream **)(void *)(c.s + 1);
	if (amas__buf_put(amas__stream_out(q), "\x17\x03\x03\x00\x20"
	    "01234567890123456789012345678901", 37) != 0)
		abort();
	amas__stream_flush(q);
	run(l);
	tap_ok(s.over && s.failed && s.why.code == AMAS_EPROTO,
	    "a forged record ends it");
	tap_int((long long)amas__buf_len(&s.got), 4, "nothing of it is read");
	fini(&c, &s);
	amas_loop_free(l);
}

static void
test_settings(void)
{
	struct amas_tls bad = server_set;
	struct amas_loop *l = new_loop();
	struct amas__tls_setup *a, *b;
	struct amas_error err;

	bad.cacert = NULL;
	tap_int(amas__tls_use(&a, l, &bad, true, &err), AMAS_EINVAL,
	    "a server that would take anybody");
	tap_int(amas__tls_use(&a, l, &naked_set, true, &err), AMAS_EINVAL,
	    "a server without a certificate");
	bad = server_set;
	bad.key = client_set.key;
	tap_int(amas__tls_use(&a, l, &bad, true, &err), AMAS_ETLS,
	    "faults 43: the key of another certificate");
	bad.key = server_set.cacert;
	tap_int(amas__tls_use(&a, l, &bad, true, &err), AMAS_ETLS,
	    "faults 43: a key that is none");
	tap_ok(strstr(err.text, "ca.pem: has no private key in it that") != NULL,
	    "faults 43: it says which: %s", err.text);
	if (amas__tls_use(&a, l, &server_set, true, &err) != 0 ||
	    amas__tls_use(&b, l, &server_set, true, &err) != 0)
		abort();
	tap_ok(a == b, "the same settings are shared");
	amas__tls_unref(b);
	if (amas__tls_use(&b, l, &server_set, false, &err) != 0)
		abort();
	tap_ok(a != b, "but not between server and client");
	tap_int(amas_loop_reload_tls(l, &err), 0, "all are read anew");
	amas__tls_unref(a);
	amas__tls_unref(b);
	amas_loop_free(l);
}

/* ---- The interface ---- */

struct answer {
	struct amas_loop *loop;
	bool done;
	int code;
	char text[200];
};

static void
on_answer(const struct amas_reply *rep, void *arg)
{
	struct answer *a = arg;
	const char *text = amas_value_text(rep->value);
	const char *last = strrchr(rep->text, '\n');

	a->done = true;
	a->code = rep->code;
	(void)snprintf(a->text, sizeof a->text, "%s", rep->kind ==
	    AMAS_RESULT && text != NULL ? text : last != NULL &&
	    last[1] != '\0' ? last + 1 : rep->text);
	amas__loop_break(a->loop);
}

static void
whoami(struct amas_request *req, void *self)
{
	(void)self;
	amas_request_reply(req, "s",
	    amas_channel_peer_name(amas_request_channel(req)));
}

static const struct amas_function functions[] = {
	{ "whoami", whoami },
	{ "other", whoami },
	{ NULL, NULL }
};

static const struct amas_class agent_class = { .name = "Agent",
	.functions = functions };

static int
allow(struct amas_channel *ch, const char *what, void *arg)
{
	(void)ch;
	(void)arg;
	return strstr(what, "other") == NULL;
}

/* Asks an agent of one container by way of another. */
static void
ask(struct answer *a, struct amas_container *c, const char *url,
    const char *function)
{
	struct amas_proxy *p;

	memset(a->text, 0, sizeof a->text);
	a->done = false;
	if (amas_container_connect(&p, c, url, 0, NULL) != 0 ||
	    amas_proxy_call(p, function, 5, on_answer, a, NULL) != 0)
		abort();
	while (!a->done)
		(void)amas_loop_run(a->loop, INFINITY);
	amas_proxy_free(p);
}

static void
test_containers(void)
{
	struct answer a = { .loop = new_loop() };
	struct amas_opts there = { .tls = &server_set, .allow = allow };
	struct amas_opts here = { .tls = &server_set,
		.dial_tls = &client_set };
	struct amas_container *c, *d;
	struct amas_agent *agent;
	char url[AMAS_URL_SIZE];

	if (amas_container_open(&c, a.loop, "tcp://127.0.0.1:0", &there,
	    NULL) != 0 || amas_agent_new(&agent, c, &agent_class, NULL,
	    NULL) != 0)
		abort();
	(void)amas_agent_url(agent, url, sizeof url);
	if (amas_container_open(&d, a.loop, "tcp://127.0.0.1:0", &here,
	    NULL) != 0)
		abort();
	ask(&a, d, url, "whoami");
	tap_str(a.text, "", "a container in the same loop needs no TLS");
	amas_container_close(c);
	amas_container_close(d);
	amas_loop_free(a.loop);
}

/* The container that is called is in another process, or a queue would do. */
static void
test_dial(void)
{
	struct answer a = { .loop = new_loop() };
	struct amas_opts there = { .tls = &server_set, .allow = allow };
	struct amas_opts here = { .tls = &server_set,
		.dial_tls = &client_set };
	struct amas_container *c, *d;
	struct amas_agent *agent;
	char url[AMAS_URL_SIZE] = "";
	struct amas_loop *l;
	int from[2];
	pid_t child;

	if (pipe(from) != 0 || (child = fork()) == -1)
		abort();
	if (child == 0) {
		l = new_loop();
		if (amas_container_open(&c, l, "tcp://127.0.0.1:0", &there,
		    NULL) != 0 || amas_agent_new(&agent, c, &agent_class,
		    NULL, NULL) != 0)
			_exit(1);
		(void)amas_agent_url(agent, url, sizeof url);
		if (write(from[1], url, sizeof url) != sizeof url)
			_exit(1);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)amas_loop_run(l, INFINITY);
	}
	if (read(from[0], url, sizeof url) != sizeof url ||
	    amas_container_open(&d, a.loop, "local://d", &here, NULL) != 0)
		abort();
	ask(&a, d, url, "whoami");
	tap_str(a.text, "client", "dial_tls says who calls");
	ask(&a, d, url, "other");
	tap_str(a.text, "PermissionError: \"client\" may not call "
	    "\"agents/0/other\"", "allow says what");
	amas_container_close(d);
	here.dial_tls = NULL;
	if (amas_container_open(&d, a.loop, "local://d", &here, NULL) != 0)
		abort();
	ask(&a, d, url, "whoami");
	tap_str(a.text, "server", "without it, tls does");
	amas_container_close(d);
	here.tls = NULL;
	if (amas_container_open(&d, a.loop, "local://d", &here, NULL) != 0)
		abort();
	ask(&a, d, url, "whoami");
	tap_str(a.text, "looks like TLS; we spoke plain (--cacert)",
	    "without both, it is refused");
	amas_container_close(d);
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	close(from[0]);
	close(from[1]);
	amas_loop_free(a.loop);
}

static int
set_up(void *ssl_ctx, void *arg)
{
	int *n = arg;

	return ssl_ctx == NULL || ++*n > 1;
}

/* The last word is the program's; a client may take any server. */
static void
test_set_up(void)
{
	struct amas_loop *l = new_loop();
	struct amas_tls blind = client_set, mine = server_set;
	struct amas_error err = { 0 };
	struct end c, s;
	int n = 0;

	blind.cacert = NULL;
	blind.insecure = 1;
	mine.setup = set_up;
	mine.setup_arg = &n;
	pair(l, &c, &s, &blind, &mine, "elsewhere.example");
	tap_ok(c.s != NULL && s.s != NULL, "insecure: any server will do");
	tap_int(n, 1, "the program has had the last word");
	tap_int(amas_loop_reload_tls(l, &err), AMAS_ETLS,
	    "which can be no");
	tap_str(err.text, "the program's own set-up failed", "and is told");
	say(&c, "hello", 5);
	run(l);
	tap_int((long long)amas__buf_len(&s.got), 5, "what stands goes on");
	fini(&c, &s);
	amas_loop_free(l);
}

/* The n-th allocation of ours fails while two ends agree and speak. */
static bool
short_of_memory(unsigned long n)
{
	struct amas_loop *l = new_loop();
	struct amas__tls_setup *cs = NULL, *ss = NULL;
	struct amas__stream *q[2];
	struct end c = { .s = NULL }, s = { .s = NULL };
	unsigned long used;

	if (amas__stream_new_queue(q, l, "s", "c", NULL) != 0)
		abort();
	tap_fail_alloc(n);
	if (amas__tls_use(&cs, l, &client_set, false, NULL) == 0 &&
	    amas__tls_use(&ss, l, &server_set, true, NULL) == 0 &&
	    amas__stream_new_tls(&c.s, q[0], cs, "localhost", on_done, &c,
	    NULL) == 0) {
		q[0] = NULL;
		if (amas__stream_new_tls(&s.s, q[1], ss, NULL, on_done, &s,
		    NULL) == 0)
			q[1] = NULL;
	}
	run(l);
	used = tap_allocs();
	tap_fail_alloc(0);
	amas__tls_unref(cs);
	amas__tls_unref(ss);
	fini(&c, &s);
	amas__stream_close(q[0]);
	amas__stream_close(q[1]);
	amas_loop_free(l);
	return used >= n;
}

int
main(void)
{
	unsigned long n = 1;

	make_files();
	test_agree();
	test_much();
	test_refusals();
	test_strangers();
	test_pieces();
	test_spoilt();
	test_settings();
	test_containers();
	test_dial();
	test_set_up();
	while (n < 1000 && short_of_memory(n))
		n++;
	tap_ok(n > 10 && n < 1000, "each allocation may fail");
	remove_files();
	return tap_done();
}
