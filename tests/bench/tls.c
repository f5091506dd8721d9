/*
 * What TLS costs: handshakes beside OpenSSL alone, with the same rules; calls and
 * much data beside the same over a plain connection, both ends in this process
 * on one loop; memory of a connection that says nothing, both of its ends.
 *
 * usage: tls [PASSES [DIVISOR]]	(default 7 1, make bench-tls)
 *
 * The two do their work in turns within each pass, so that a machine that is
 * busy for a while slows both: trust the ratio.
 */
#include <malloc.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "../tls/certs.h"
#include "stream.h"
#include "tls_setup.h"

#define PASSES_MAX 101
#define HANDSHAKES 200
#define CALLS 20000
#define IN_FLIGHT 64
#define BIG ((size_t)1 << 20)
#define BIGS 64
#define IDLE 1000

static char dir[] = "/tmp/amas.XXXXXX";
static int divisor = 1;

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "tls: %s failed\n", what);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t
part(size_t n)
{
	n /= (size_t)divisor;
	return n > 0 ? n : 1;
}

/* ---- Files ---- */

static const char *const kinds[] = { "p256", "rsa2048" };

struct files {
	char ca[64], cert[64], key[64];
	struct amas_tls set;
};

static struct files files[2];

static void
make_files(void)
{
	struct certs_how how = { .alt = "IP:127.0.0.1" };
	struct certs *c;
	int i;

	must(mkdtemp(dir) != NULL, "mkdtemp");
	c = certs_new(dir);
	for (i = 0; i < 2; i++) {
		how.name = kinds[i];
		how.rsa = i == 0 ? 0 : 2048;
		certs_sign(c, &how);
		(void)snprintf(files[i].ca, 64, "%s/ca.pem", dir);
		(void)snprintf(files[i].cert, 64, "%s/%s.pem", dir, kinds[i]);
		(void)snprintf(files[i].key, 64, "%s/%s.key", dir, kinds[i]);
		files[i].set.cacert = files[i].ca;
		files[i].set.cert = files[i].cert;
		files[i].set.key = files[i].key;
	}
	certs_free(c);
}

static void
remove_files(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		(void)unlink(files[i].cert);
		(void)unlink(files[i].key);
	}
	(void)unlink(files[0].ca);
	(void)rmdir(dir);
}

/* ---- Handshakes ---- */

static struct amas_loop *
new_loop(void)
{
	struct amas_loop *l;

	must(amas_loop_new(&l, NULL, NULL) == 0, "loop");
	return l;
}

/* Carries what one says to the other and goes on there. */
static int
carry(const struct amas__tls_ops *ops, struct amas__buf *from,
    struct amas__tls *to, struct amas__buf *out)
{
	if (amas__buf_len(from) > 0) {
		must(ops->put(to, amas__buf_head(from),
		    amas__buf_len(from)) == 0, "memory");
		amas__buf_consume(from, amas__buf_len(from));
	}
	return ops->handshake(to, out, NULL);
}

static double
ours(const struct files *f, size_t n)
{
	struct amas_loop *l = new_loop();
	struct amas__tls_setup *cs, *ss;
	const struct amas__tls_ops *ops;
	struct amas__tls *c, *s;
	struct amas__buf co, so;
	double begin;
	size_t i;
	int a, b;

	must(amas__tls_use(&cs, l, &f->set, false, NULL) == 0 &&
	    amas__tls_use(&ss, l, &f->set, true, NULL) == 0, "files");
	ops = amas__tls_ops_of(cs);
	amas__buf_init(&co, 0);
	amas__buf_init(&so, 0);
	begin = now();
	for (i = 0; i < n; i++) {
		must(ops->start(&c, amas__tls_ctx_of(cs), "127.0.0.1",
		    NULL) == 0 && ops->start(&s, amas__tls_ctx_of(ss), NULL,
		    NULL) == 0, "start");
		for (a = b = 0; a == 0 || b == 0; ) {
			a = carry(ops, &so, c, &co);
			b = carry(ops, &co, s, &so);
		}
		must(a == 1 && b == 1, "handshake");
		ops->free(c);
		ops->free(s);
	}
	begin = now() - begin;
	amas__buf_fini(&co);
	amas__buf_fini(&so);
	amas__tls_unref(cs);
	amas__tls_unref(ss);
	amas_loop_free(l);
	return (double)n / begin;
}

static SSL_CTX *
openssl_ctx(const struct files *f, const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	must(ctx != NULL && SSL_CTX_load_verify_locations(ctx, f->ca, NULL) &&
	    SSL_CTX_use_certificate_chain_file(ctx, f->cert) &&
	    SSL_CTX_use_PrivateKey_file(ctx, f->key, SSL_FILETYPE_PEM) &&
	    SSL_CTX_set_num_tickets(ctx, 0), "OpenSSL's files");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
	    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

static double
openssl(const struct files *f, size_t n)
{
	SSL_CTX *cc = openssl_ctx(f, TLS_client_method());
	SSL_CTX *sc = openssl_ctx(f, TLS_server_method());
	BIO *cb, *sb;
	SSL *c, *s;
	double begin = now();
	size_t i;
	int a, b;

	for (i = 0; i < n; i++) {
		c = SSL_new(cc);
		s = SSL_new(sc);
		must(c != NULL && s != NULL && BIO_new_bio_pair(&cb, 0, &sb,
		    0), "SSL_new");
		SSL_set_bio(c, cb, cb);
		SSL_set_bio(s, sb, sb);
		SSL_set_connect_state(c);
		SSL_set_accept_state(s);
		must(SSL_set1_host(c, "127.0.0.1"), "memory");
		for (a = b = 0; a != 1 || b != 1; ) {
			a = SSL_do_handshake(c);
			b = SSL_do_handshake(s);
		}
		SSL_free(c);
		SSL_free(s);
	}
	begin = now() - begin;
	SSL_CTX_free(cc);
	SSL_CTX_free(sc);
	return (double)n / begin;
}

/* ---- Calls ---- */

struct flood {
	struct amas_loop *loop;
	struct amas_channel *ch;
	struct amas_server *srv;
	size_t left, open;
	const char *text;
};

static void
echo(struct amas_request *req, void *arg)
{
	(void)arg;
	amas_request_reply(req, "v", amas_request_args(req));
}

static void send_some(struct flood *f, size_t most);

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct flood *f = arg;

	must(rep->kind == AMAS_RESULT, rep->text);
	f->open--;
	send_some(f, f->open + 1);
	if (f->open == 0)
		amas__loop_break(f->loop);
}

static void
send_some(struct flood *f, size_t most)
{
	for (; f->left > 0 && f->open < most; f->left--, f->open++)
		must(amas_channel_send(f->ch, 0, on_reply, f, "s", f->text) ==
		    0, "send");
}

static void
flood_open(struct flood *f, const struct amas_tls *tls)
{
	const struct amas_opts opts = { .on_request = echo, .tls = tls };
	struct amas_error err;

	f->loop = new_loop();
	f->left = f->open = 0;
	if (amas_server_open(&f->srv, f->loop, "tcp://127.0.0.1:0", &opts,
	    &err) != 0 || amas_channel_open(&f->ch, f->loop,
	    amas_server_addr(f->srv), &opts, &err) != 0)
		must(false, err.text);
}

static void
flood_close(struct flood *f)
{
	amas_channel_close(f->ch);
	amas_server_close(f->srv);
	amas_loop_free(f->loop);
}

/* Requests a second, so many in flight. */
static double
flood(const struct amas_tls *tls, const char *text, size_t n, size_t most)
{
	struct flood f = { .text = text };
	double begin;

	flood_open(&f, tls);
	f.left = 1; /* it stands, then */
	send_some(&f, 1);
	while (f.open > 0)
		(void)amas_loop_run(f.loop, INFINITY);
	begin = now();
	f.left = n;
	send_some(&f, most);
	while (f.open > 0)
		(void)amas_loop_run(f.loop, INFINITY);
	begin = now() - begin;
	flood_close(&f);
	return (double)n / begin;
}

static double
calls(const struct amas_tls *tls)
{
	return flood(tls, "x", part(CALLS), IN_FLIGHT);
}

/* MB/s of what goes there and comes back. */
static double
bulk(const struct amas_tls *tls)
{
	char *text = malloc(BIG + 1);
	double rate;

	must(text != NULL, "memory");
	memset(text, 'x', BIG);
	text[BIG] = '\0';
	rate = flood(tls, text, part(BIGS), 4) * 2 * (double)BIG / 1e6;
	free(text);
	return rate;
}

/* ---- Memory ---- */

/* Bytes of the heap that are in use, OpenSSL's too. */
static double
in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)m.uordblks + (double)m.hblkhd;
}

/* Bytes of a connection, both ends, that has said something once. */
static double
idle(const struct amas_tls *tls)
{
	const struct amas_opts opts = { .on_request = echo, .tls = tls };
	size_t n = part(IDLE), i;
	struct amas_channel **all = calloc(n, sizeof(struct amas_channel *));
	struct flood f = { .text = "x" };
	double before, bytes;

	must(all != NULL, "memory");
	flood_open(&f, tls);
	f.left = 1;
	send_some(&f, 1);
	while (f.open > 0)
		(void)amas_loop_run(f.loop, INFINITY);
	before = in_use();
	for (i = 0; i < n; i++) {
		must(amas_channel_open(&all[i], f.loop,
		    amas_server_addr(f.srv), &opts, NULL) == 0, "open");
		must(amas_channel_send(all[i], 0, on_reply, &f, "s", "x") == 0,
		    "send");
		f.open++;
		while (f.open > 0)
			(void)amas_loop_run(f.loop, INFINITY);
	}
	bytes = (in_use() - before) / (double)n;
	for (i = 0; i < n; i++)
		amas_channel_close(all[i]);
	free(all);
	flood_close(&f);
	return bytes;
}

/* ---- Figures ---- */

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
print_figures(double *x, int n, int decimals)
{
	char text[64];

	qsort(x, (size_t)n, sizeof *x, by_size);
	(void)snprintf(text, sizeof text, "%.*f (%.*f-%.*f)", decimals,
	    x[n / 2], decimals, x[0], decimals, x[n - 1]);
	printf(" %26s", text);
}

static double a[PASSES_MAX], b[PASSES_MAX], ratio[PASSES_MAX];

static void
report(const char *name, int passes, const char *what)
{
	int i;

	for (i = 0; i < passes; i++)
		ratio[i] = a[i] / b[i];
	printf("%-17s", name);
	print_figures(a, passes, 0);
	print_figures(b, passes, 0);
	print_figures(ratio, passes, 2);
	printf("  %s\n", what);
	(void)fflush(stdout);
}

static void
beside_plain(const char *name, int passes, const char *what,
    double (*measure)(const struct amas_tls *tls))
{
	int i;

	for (i = 0; i < passes; i++) {
		a[i] = measure(&files[0].set);
		b[i] = measure(NULL);
	}
	report(name, passes, what);
}

int
main(int argc, char *argv[])
{
	int passes = argc > 1 ? atoi(argv[1]) : 7, i, k;
	char name[32];

	divisor = argc > 2 ? atoi(argv[2]) : 1;
	if (passes < 1 || passes > PASSES_MAX || divisor < 1) {
		fprintf(stderr, "usage: tls [PASSES [DIVISOR]]\n");
		return 2;
	}
	make_files();
	printf("%-17s %26s %26s %26s\n", "figure: median", "ours (range)",
	    "reference (range)", "ratio (range)");
	for (k = 0; k < 2; k++) {
		for (i = 0; i < passes; i++) {
			a[i] = ours(&files[k], part(HANDSHAKES));
			b[i] = openssl(&files[k], part(HANDSHAKES));
		}
		(void)snprintf(name, sizeof name, "shake-%s", kinds[k]);
		report(name, passes, "handshakes/s, both ends; OpenSSL alone");
	}
	beside_plain("calls", passes, "calls/s, 64 in flight; plain", calls);
	beside_plain("bulk", passes, "MB/s there and back; plain", bulk);
	beside_plain("idle", passes < 3 ? passes : 3,
	    "bytes of a connection, both ends; plain", idle);
	remove_files();
	return 0;
}
