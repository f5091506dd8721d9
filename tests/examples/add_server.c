/* The least server: one function, on a loop of the library's own. */
#include <math.h>
#include <stdio.h>

#include <amas.h>

static void
add(struct amas_request *req, void *self)
{
	double a, b;

	(void)self;
	if (amas_request_unpack(req, "[ff]", &a, &b) == 0)
		amas_request_reply(req, "f", a + b);
}

static const struct amas_function functions[] = {
	{ "add", add },
	{ NULL, NULL }
};

int
main(int argc, char *argv[])
{
	struct amas_server *server = NULL;
	struct amas_loop *loop = NULL;
	struct amas_opts opts = { 0 };
	struct amas_error err;
	int rc;

	if (argc < 2)
		return 2;
	if ((rc = amas_loop_new(&loop, NULL, &err)) != 0 ||
	    (rc = amas_service_new(&opts.service, &err)) != 0 ||
	    (rc = amas_service_add(opts.service, functions, NULL,
	    &err)) != 0 ||
	    (rc = amas_server_open(&server, loop, argv[1], &opts, &err)) != 0) {
		fprintf(stderr, "add_server: %s\n", err.text);
	} else {
		printf("%s\n", amas_server_addr(server));
		fclose(stdout); /* who reads the address waits for the end */
		amas_loop_run(loop, INFINITY);
	}
	amas_server_close(server);
	amas_service_free(opts.service);
	amas_loop_free(loop);
	return amas_exit_status(rc);
}
