/*
 * amas-serve: serves executables as remote functions.
 *
 * The wiring: sources fill a service, doors let callers in to it, and the loop
 * runs until a signal, the end of the one connection, or that of the command of
 * --run.  serve.h says what is where.
 */
#include "serve.h"

#include "host.h"

/* Serves until the end.  *s has its loop. */
static int
serve(struct serve *s)
{
	const struct serve_opts *o = s->o;
	const struct amas_opts dial = { .codec = o->args.codec,
		.types = o->args.types, .max_message = o->args.max_message,
		.tls = o->args.tls };
	struct amas_error err;
	int status;

	if ((status = cmd_loop_set(s->loop, &o->args)) != CMD_OK ||
	    (status = serve_allow_read(s)) != CMD_OK)
		return status;
	amas_loop_set_jobs(s->loop, o->serial ? 1 : o->jobs, o->queue);
	amas__host_set_dial(s->loop, &dial);
	if (amas_service_new(&s->service, &err) != 0)
		return cmd_fail(NULL, &err);
	amas__host_set_service(s->loop, s->service);
	status = o->channel ? serve_relay_open(s) : serve_service_open(s);
	if (status == CMD_OK)
		status = serve_doors_open(s);
	if (!o->channel) { /* those who serve it hold it now */
		amas_service_free(s->service);
		s->service = NULL;
	}
	if (status == CMD_OK && !s->dialling)
		status = serve_ready(s);
	return status == CMD_OK ? serve_loop(s) : status;
}

int
main(int argc, char *argv[])
{
	struct serve_opts o = { 0 };
	struct serve s;
	int status;

	cmd_init("amas-serve");
	if (serve_opts_parse(&o, argc, argv) != CMD_OK)
		return cmd_finish(o.args.status);
	if ((status = serve_init(&s, &o)) == CMD_OK)
		status = serve(&s);
	serve_fini(&s);
	return cmd_finish(status);
}
