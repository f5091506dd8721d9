/*
 * TLS at both ends: each has a certificate of the one CA, and the client checks
 * the server's name.  The files, of amas-pki(1), lie in the working directory.
 * Usage: tls serve|call ADDR
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <amas.h>

static const struct amas_tls server_tls = {
	.cacert = "ca.pem",
	.cert = "device.pem",
	.key = "device.key",
};

static const struct amas_tls client_tls = {
	.cacert = "ca.pem",
	.cert = "client.pem",
	.key = "client.key",
	.servername = "device.example", /* else ADDR's host is checked */
};

static void
whoami(struct amas_request *req, void *self)
{
	(void)self;
	amas_request_reply(req, "s",
	    amas_channel_peer_name(amas_request_channel(req)));
}

static const struct amas_function functions[] = {
	{ "whoami", whoami },
	{ NULL, NULL }
};

static int
serve(struct amas_loop *loop, const char *addr, struct amas_error *err)
{
	struct amas_opts opts = { .tls = &server_tls };
	struct amas_server *server;
	int rc;

	if ((rc = amas_service_new(&opts.service, err)) == 0 &&
	    (rc = amas_service_add(opts.service, functions, NULL, err)) == 0 &&
	    (rc = amas_server_open(&server, loop, addr, &opts, err)) == 0) {
		puts(amas_server_addr(server));
		fflush(stdout);
	}
	amas_service_free(opts.service); /* the server holds it */
	return rc;
}

static void
answered(const struct amas_reply *rep, void *arg)
{
	struct amas_channel *ch = arg;
	const char *name;

	if (rep->kind != AMAS_RESULT) /* AMAS_ETLS: what the handshake said */
		fprintf(stderr, "tls: %s\n", rep->text);
	else if (amas_value_unpack(rep->value, NULL, "s", &name) == 0)
		printf("I am %s, the server is %s\n", name,
		    amas_channel_peer_name(ch));
	amas_channel_close(ch);
}

static int
call(struct amas_loop *loop, const char *addr, struct amas_error *err)
{
	struct amas_opts opts = { .tls = &client_tls };
	struct amas_channel *ch;
	int rc;

	if ((rc = amas_channel_open(&ch, loop, addr, &opts, err)) != 0)
		return rc;
	if ((rc = amas_proxy_call(amas_channel_remote(ch), "whoami", 5,
	    answered, ch, NULL)) != 0)
		return amas_error_set(err, rc, "%s", amas_strerror(rc));
	return 0;
}

int
main(int argc, char *argv[])
{
	struct amas_loop *loop;
	struct amas_error err;
	int rc;

	if (argc != 3)
		return 2;
	if ((rc = amas_loop_new(&loop, NULL, &err)) != 0 ||
	    (rc = (strcmp(argv[1], "serve") == 0 ? serve : call)(loop,
	    argv[2], &err)) != 0)
		fprintf(stderr, "tls: %s\n", err.text);
	else
		(void)amas_loop_run(loop, INFINITY);
	amas_loop_free(loop); /* closes what is still open */
	return amas_exit_status(rc);
}
