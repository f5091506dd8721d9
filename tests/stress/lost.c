/*
 * Is a call ever lost, answered twice, or with another's answer?  Calls
 * shuffle() (shuffle.h) through many connections, and compares every byte that
 * comes back.
 *
 *	lost [OPTION...] ADDR CALLS
 *
 *	-c N		connections (100)
 *	-w N		calls open on each (64, which is the most)
 *	-r N		each is closed, and opened anew, after N calls
 *	-k N		one call in N is die(): calls may fail, and are counted
 *	-p PID -h N	SIGHUP to PID with one call in N
 *	-s N -d N	readers beside that are slow, or dead; ADDR is ipc://
 *
 * Certificates are those of $AMAS_CACERT and $AMAS_CERT, in which the key is.
 * The last line says what was counted; status 0: nothing was wrong.
 */
#include <ev.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beside.h"
#include "mix.h"

#define WINDOW 64
#define BODY_MAX ((size_t)1 << 20)
#define SHIFTS 4093		/* bodies begin at so many places of one text */
#define LATE_S 120.0		/* then a call is lost */

struct slot {
	struct conn *c;
	int64_t n;
	bool open, dies;
};

struct conn {
	struct lost *l;
	struct amas_channel *ch;
	int64_t left;		/* calls until it is closed */
	int busy;		/* slots with a call open */
	struct slot slot[WINDOW];
};

struct lost {
	struct amas_loop *loop;
	struct amas_opts opts;
	struct amas_tls tls;
	const char *addr;
	char *text;		/* what all bodies are parts of */
	int64_t calls, begun, deaths;
	int64_t connections, window, renew, kill_every, hup_every, slow, dead;
	pid_t hup;
	int64_t right, failed, wrong, late, twice, renewed;
	int64_t server_calls, server_twice;
	struct conn *conn;
};

/* ---- Bodies ---- */

/* Mostly small; empty ones and the largest are among them. */
static size_t
size_of(int64_t n)
{
	uint64_t h = mix((uint64_t)n + 1);

	if (n % 16 == 7)
		return 0;
	if (n % 5000 == 2501)
		return BODY_MAX;
	if (h % 1000 == 0)
		return mix(h) % (BODY_MAX + 1);
	return mix(h) % (h % 50 == 1 ? 65536 : 256);
}

static const char *
body_of(const struct lost *l, int64_t n)
{
	return l->text + mix((uint64_t)n) % SHIFTS;
}

static char *
text_new(void)
{
	size_t i, len = BODY_MAX + SHIFTS;
	char *text = malloc(len);

	for (i = 0; text != NULL && i < len; i++)
		text[i] = (char)(' ' + mix(i) % 95);
	return text;
}

/* ---- Calls ---- */

static void
wrong(struct lost *l, const char *what, int64_t n, const char *text)
{
	if (l->wrong++ < 10)
		fprintf(stderr, "lost: call %lld: %s: %.200s\n", (long long)n,
		    what, text);
}

static void
compare(const struct slot *s, const struct amas_value *v)
{
	struct lost *l = s->c->l;
	const char *body;
	size_t len;
	int64_t n;

	if (amas_value_unpack(v, NULL, "[Is%]", &n, &body, &len) != 0)
		wrong(l, "odd answer", s->n, "");
	else if (n != s->n || len != size_of(n) ||
	    memcmp(body, body_of(l, n), len) != 0)
		wrong(l, "another's answer", s->n, "");
	else
		l->right++;
}

static void next(struct slot *s);

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct slot *s = arg;
	struct lost *l = s->c->l;

	if (!s->open) {
		l->twice++;
		return;
	}
	s->open = false;
	if (s->dies)
		;
	else if (rep->kind == AMAS_RESULT)
		compare(s, rep->value);
	else if (rep->code == AMAS_ETIMEDOUT)
		l->late++;
	else if (rep->kind == AMAS_FAILURE && l->kill_every > 0)
		l->failed++;
	else
		wrong(l, "failed", s->n, rep->text);
	next(s);
}

/* Sends the slot's next call. */
static int
begin(struct slot *s)
{
	struct lost *l = s->c->l;
	struct amas_proxy *remote = amas_channel_remote(s->c->ch);

	s->open = true;
	s->dies = l->kill_every > 0 && l->begun / l->kill_every > l->deaths;
	l->deaths += s->dies;
	if (s->dies)
		return amas_proxy_call(remote, "s/die", LATE_S, on_reply, s,
		    NULL);
	s->n = l->begun++;
	if (l->hup_every > 0 && s->n % l->hup_every == l->hup_every - 1 &&
	    kill(l->hup, SIGHUP) != 0)
		wrong(l, "no server to tell", s->n, "");
	return amas_proxy_call(remote, "s/shuffle", LATE_S, on_reply, s,
	    "[Is%]", s->n, body_of(l, s->n), size_of(s->n));
}

static void conn_open(struct conn *c);

static void
on_report(const struct amas_reply *rep, void *arg)
{
	struct lost *l = arg;

	if (rep->kind != AMAS_RESULT || amas_value_unpack(rep->value, NULL,
	    "[II]", &l->server_calls, &l->server_twice) != 0)
		wrong(l, "report", -1, rep->text);
	amas_loop_drain(l->loop, 0);
}

/* The connection has nothing open any more. */
static void
conn_idle(struct conn *c)
{
	struct lost *l = c->l;
	int64_t i;

	if (l->begun < l->calls) {
		l->renewed++;
		conn_open(c);
		return;
	}
	for (i = 0; i < l->connections; i++)
		if (l->conn[i].busy > 0)
			return;
	(void)amas_proxy_call(amas_channel_remote(c->ch), "s/report", LATE_S,
	    on_report, l, NULL);
}

static void
next(struct slot *s)
{
	struct conn *c = s->c;

	if (c->l->begun < c->l->calls && c->left != 0) {
		c->left--;
		if (begin(s) != 0) {
			fprintf(stderr, "lost: cannot be sent\n");
			exit(1);
		}
	} else if (--c->busy == 0) {
		conn_idle(c);
	}
}

static void
conn_open(struct conn *c)
{
	struct lost *l = c->l;
	struct amas_error err;
	int i;

	amas_channel_close(c->ch);
	c->ch = NULL;
	if (amas_channel_open(&c->ch, l->loop, l->addr, &l->opts, &err) != 0) {
		fprintf(stderr, "lost: %s\n", err.text);
		exit(1);
	}
	c->left = l->renew > 0 ? l->renew : -1;
	c->busy = (int)l->window;
	for (i = 0; i < l->window; i++)
		next(&c->slot[i]);
}

/* ---- All of it ---- */

static int
options(struct lost *l, int argc, char *argv[])
{
	static const char letters[] = "cwrkhsd";
	int64_t *const where[] = { &l->connections, &l->window, &l->renew,
		&l->kill_every, &l->hup_every, &l->slow, &l->dead };
	const char *at;
	int c;

	while ((c = getopt(argc, argv, "c:w:r:k:p:h:s:d:")) != -1) {
		at = strchr(letters, c);
		if (c == 'p')
			l->hup = (pid_t)atol(optarg);
		else if (at == NULL)
			return -1;
		else
			*where[at - letters] = atoll(optarg);
	}
	if (argc - optind != 2 || l->connections < 1 || l->window < 1 ||
	    l->window > WINDOW)
		return -1;
	l->addr = argv[optind];
	l->calls = atoll(argv[optind + 1]);
	l->tls.cacert = getenv("AMAS_CACERT");
	l->tls.cert = getenv("AMAS_CERT");
	if (l->tls.cacert != NULL)
		l->opts.tls = &l->tls;
	return 0;
}

static void
all_open(struct lost *l)
{
	struct conn *c;
	int64_t i;
	int k;

	for (i = 0; i < l->connections; i++) {
		c = &l->conn[i];
		c->l = l;
		c->busy = 1; /* not idle before it has begun */
		for (k = 0; k < WINDOW; k++)
			c->slot[k].c = c;
	}
	for (i = 0; i < l->connections; i++)
		conn_open(&l->conn[i]);
}

static int
print(const struct lost *l)
{
	int64_t lost = l->calls - l->right - l->failed - l->wrong;

	printf("%lld calls: %lld right, %lld failed, %lld wrong, %lld lost, "
	    "%lld twice; %lld deaths, %lld connections anew; the server had "
	    "%lld, %lld twice\n", (long long)l->calls, (long long)l->right,
	    (long long)l->failed, (long long)l->wrong, (long long)lost,
	    (long long)l->twice, (long long)l->deaths, (long long)l->renewed,
	    (long long)l->server_calls, (long long)l->server_twice);
	return l->wrong + lost + l->twice + l->server_twice == 0 ? 0 : 1;
}

int
main(int argc, char *argv[])
{
	struct lost l = { .connections = 100, .window = WINDOW };
	struct ev_loop *ev = ev_loop_new(EVFLAG_NOENV);
	struct beside *b;
	int64_t i;
	int status;

	if (options(&l, argc, argv) != 0)
		return 2;
	l.text = text_new();
	l.conn = calloc((size_t)l.connections, sizeof *l.conn);
	if (l.text == NULL || l.conn == NULL ||
	    amas_loop_new(&l.loop, ev, NULL) != 0)
		abort();
	b = beside_start(ev, l.addr, (size_t)l.slow, (size_t)l.dead);
	all_open(&l);
	ev_run(ev, 0);
	beside_stop(b);
	status = print(&l);
	for (i = 0; i < l.connections; i++)
		amas_channel_close(l.conn[i].ch);
	amas_loop_free(l.loop);
	ev_loop_destroy(ev);
	free(l.conn);
	free(l.text);
	return status;
}
