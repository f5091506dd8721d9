/*
 * A channel server: prints each request and answers 'cya'.  One handler type
 * serves channels, RPC functions and constructors alike.
 * Usage: channel_server ADDR
 */
#include <ev.h>
#include <stdio.h>

#include <amas.h>

static void
greet(struct amas_request *req, void *arg)
{
	const char *text;

	(void)arg;
	if (amas_request_unpack(req, "s", &text) != 0)
		return; /* no text: the peer has its TypeError already */
	printf("%s\n", text);
	amas_request_reply(req, "s", "cya");
}

int
main(int argc, char *argv[])
{
	struct amas_opts opts = { .on_request = greet };
	struct ev_loop *ev = ev_loop_new(EVFLAG_NOENV);
	struct amas_loop *loop = NULL;
	struct amas_server *server = NULL;
	struct amas_error err;
	int rc;

	if (argc < 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if ((rc = amas_loop_new(&loop, ev, &err)) != 0 ||
	    (rc = amas_server_open(&server, loop, argv[1],
	    &opts, &err)) != 0) {
		fprintf(stderr, "channel_server: %s\n", err.text);
	} else {
		printf("%s\n", amas_server_addr(server));
		ev_run(ev, 0);
	}
	amas_server_close(server);
	amas_loop_free(loop);
	ev_loop_destroy(ev);
	return amas_exit_status(rc);
}
