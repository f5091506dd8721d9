/*
 * TLS: whoever has no certificate gets no further than the filter.  The bytes are
 * what a server or a client is sent by a stranger; or they change what a client
 * without a certificate says in a real handshake: one that would go well but for
 * that.  The handshake is never over for a server, and never a byte comes out.
 *
 *	0 ...	to a server; 1 ... to a client, cut where the second byte says
 *	2 ...	triples: offset of two bytes in what the client says, xor
 *	3 ...	the same in what the server says to a client that checks it
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../tls/certs.h"
#include "stream.h"
#include "tls_setup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TURNS 20
#define OUT_MAX ((size_t)1 << 20)

struct side {
	struct amas__tls *t;
	struct amas__buf out;
	size_t said;		/* bytes of it that went over */
	int done;
};

static const struct amas__tls_ops *ops;
static struct amas__tls_setup *server_setup, *client_setup;

static void
check(int ok)
{
	if (!ok)
		abort();
}

/* The files are there only while they are read. */
static void
set_up(void)
{
	static const struct certs_how server = { .name = "server",
		.alt = "DNS:localhost" };
	static const char *const names[] = { "ca.pem", "server.pem",
		"server.key" };
	char dir[] = "/tmp/amas.XXXXXX", path[3][64];
	struct amas_tls set = { .cacert = path[0] }, full;
	struct amas_loop *l;
	struct certs *c;
	size_t i;

	check(mkdtemp(dir) != NULL);
	for (i = 0; i < 3; i++)
		(void)snprintf(path[i], sizeof path[i], "%s/%s", dir,
		    names[i]);
	c = certs_new(dir);
	certs_sign(c, &server);
	certs_free(c);
	full = (struct amas_tls){ .cacert = path[0], .cert = path[1],
		.key = path[2] };
	check(amas_loop_new(&l, NULL, NULL) == 0);
	check(amas__tls_use(&server_setup, l, &full, true, NULL) == 0);
	check(amas__tls_use(&client_setup, l, &set, false, NULL) == 0);
	ops = amas__tls_ops_of(server_setup);
	for (i = 0; i < 3; i++)
		(void)unlink(path[i]);
	(void)rmdir(dir);
}

static void
start(struct side *s, bool server)
{
	memset(s, 0, sizeof *s);
	amas__buf_init(&s->out, OUT_MAX);
	check(ops->start(&s->t, amas__tls_ctx_of(server ? server_setup :
	    client_setup), server ? NULL : "localhost", NULL) == 0);
}

static void
fini(struct side *s)
{
	ops->free(s->t);
	amas__buf_fini(&s->out);
}

/* Takes bytes, and what follows from them. */
static void
take(struct side *s, const void *data, size_t len)
{
	struct amas_error err;
	char plain[64];

	if (s->done < 0)
		return;
	check(ops->put(s->t, data, len) == 0);
	err.text[0] = '\0';
	if (s->done == 0 && (s->done = ops->handshake(s->t, &s->out,
	    &err)) < 0) {
		check(s->done == AMAS_ETLS && err.text[0] != '\0');
		return;
	}
	if (s->done == 1) /* a client: its server says nothing */
		check(ops->read(s->t, plain, sizeof plain, &s->out,
		    &err) <= 0);
}

static void
strange(const uint8_t *data, size_t size, bool server)
{
	size_t cut = size > 0 ? data[0] * (size - 1) / 255 : 0;
	struct amas_error err;
	struct side s;

	start(&s, server);
	(void)ops->handshake(s.t, &s.out, &err);
	if (size > 1) {
		take(&s, data + 1, cut);
		take(&s, data + 1 + cut, size - 1 - cut);
	}
	check(s.done != 1);
	fini(&s);
}

/* Carries what one has said to the other, changed where the triples say. */
static void
carry(struct side *from, struct side *to, const uint8_t *edit, size_t size)
{
	size_t len = amas__buf_len(&from->out), i, at;
	uint8_t *copy = malloc(len + 1);

	check(copy != NULL);
	if (len > 0)
		memcpy(copy, amas__buf_head(&from->out), len);
	for (i = 0; i + 3 <= size; i += 3) {
		at = (size_t)edit[i] << 8 | edit[i + 1];
		if (at >= from->said && at - from->said < len)
			copy[at - from->said] ^= edit[i + 2];
	}
	amas__buf_consume(&from->out, len);
	from->said += len;
	take(to, copy, len);
	free(copy);
}

static void
real(const uint8_t *data, size_t size, bool edit_server)
{
	struct side client, server;
	struct amas_error err;
	int i;

	start(&client, false);
	start(&server, true);
	check(ops->handshake(client.t, &client.out, &err) == 0);
	for (i = 0; i < TURNS; i++) {
		carry(&client, &server, data, edit_server ? 0 : size);
		check(server.done != 1); /* it has no certificate */
		carry(&server, &client, data, edit_server ? size : 0);
	}
	fini(&client);
	fini(&server);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (ops == NULL)
		set_up();
	if (size == 0)
		return 0;
	if (data[0] % 4 < 2)
		strange(data + 1, size - 1, data[0] % 4 == 0);
	else
		real(data + 1, size - 1, data[0] % 4 == 3);
	return 0;
}
