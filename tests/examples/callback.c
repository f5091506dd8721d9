/*
 * Both directions: the client passes its own service, and the server calls
 * get_client_name on it before it replies.  Usage: callback ADDR [serve]
 */
#include <ev.h>
#include <stdio.h>
#include <string.h>

#include <amas.h>

/* The server. */

static void
got_name(const struct amas_reply *rep, void *arg)
{
	struct amas_request *req = arg;
	const char *name;
	char text[128];

	if (rep->kind != AMAS_RESULT) {
		amas_request_fail(req, "no client name: %s", rep->text);
	} else if (amas_value_unpack(rep->value, NULL, "s", &name) != 0) {
		amas_request_fail(req, "TypeError: a name is text");
	} else {
		snprintf(text, sizeof text, "Client name is \"%s\"", name);
		amas_request_reply(req, "s", text);
	}
}

static void
server_method(struct amas_request *req, void *self)
{
	struct amas_proxy *client;

	(void)self;
	if (amas_request_unpack(req, "[p]", &client) != 0)
		return;
	amas_request_keep(req);
	if (amas_proxy_call(client, "get_client_name", 5, got_name, req,
	    NULL) != 0)
		amas_request_fail(req, "MemoryError");
}

static const struct amas_function server_functions[] = {
	{ "server_method", server_method },
	{ NULL, NULL }
};

static int
serve(struct amas_loop *loop, const char *addr, struct amas_opts *opts,
    struct amas_error *err)
{
	struct amas_server *server;
	int rc = amas_server_open(&server, loop, addr, opts, err);

	if (rc == 0) {
		printf("%s\n", amas_server_addr(server));
		fflush(stdout);
	}
	return rc; /* the server ends with the loop */
}

/* The client. */

static void
get_client_name(struct amas_request *req, void *self)
{
	if (amas_request_unpack(req, "[]") == 0)
		amas_request_reply(req, "s", (const char *)self);
}

static const struct amas_function client_functions[] = {
	{ "get_client_name", get_client_name },
	{ NULL, NULL }
};

static void
answered(const struct amas_reply *rep, void *arg)
{
	const char *text;

	if (rep->kind != AMAS_RESULT)
		fprintf(stderr, "callback: %s\n", rep->text);
	else if (amas_value_unpack(rep->value, NULL, "s", &text) == 0)
		printf("Server reply: %s\n", text);
	amas_channel_close(arg);
}

static int
call(struct amas_loop *loop, const char *addr, struct amas_opts *opts,
    struct amas_error *err)
{
	struct amas_channel *ch;
	int rc;

	if ((rc = amas_channel_open(&ch, loop, addr, opts, err)) != 0)
		return rc;
	return amas_proxy_call(amas_channel_remote(ch), "server_method", 5,
	    answered, ch, "[p]", opts->service); /* waits to be connected */
}

int
main(int argc, char *argv[])
{
	static char name[] = "Monty";
	int serving = argc > 2 && strcmp(argv[2], "serve") == 0;
	struct ev_loop *ev = ev_loop_new(EVFLAG_NOENV);
	struct amas_loop *loop = NULL;
	struct amas_opts opts = { 0 };
	struct amas_error err;
	int rc;

	if (argc < 2)
		return 2;
	if ((rc = amas_loop_new(&loop, ev, &err)) != 0 ||
	    (rc = amas_service_new(&opts.service, &err)) != 0 ||
	    (rc = amas_service_add(opts.service,
	    serving ? server_functions : client_functions, name, &err)) != 0 ||
	    (rc = (serving ? serve : call)(loop, argv[1], &opts, &err)) != 0)
		fprintf(stderr, "callback: %s\n", amas_strerror(rc));
	else
		ev_run(ev, 0);
	amas_service_free(opts.service);
	amas_loop_free(loop); /* closes what is still open */
	ev_loop_destroy(ev);
	return amas_exit_status(rc);
}
