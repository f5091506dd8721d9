/* The functions of shuffle.h, as a worker. */
#include <ev.h>
#include <stdio.h>

#include "shuffle.h"

int
main(void)
{
	struct amas_opts opts = { .lines = 1 };
	struct ev_loop *ev = ev_loop_new(EVFLAG_NOENV);
	struct amas_channel *ch = NULL;
	struct amas_loop *loop = NULL;
	struct shuffle *s = NULL;
	struct amas_error err;
	int rc;

	if ((rc = amas_loop_new(&loop, ev, &err)) != 0 ||
	    (rc = amas_service_new(&opts.service, &err)) != 0 ||
	    (s = shuffle_new(loop)) == NULL ||
	    (rc = amas_service_add(opts.service, shuffle_functions, s,
	    &err)) != 0 ||
	    (rc = amas_channel_open(&ch, loop, "stdio", &opts, &err)) != 0)
		fprintf(stderr, "shuffle_worker: cannot start\n");
	else
		ev_run(ev, 0); /* until end of file */
	shuffle_free(s);
	amas_channel_close(ch);
	amas_service_free(opts.service);
	amas_loop_free(loop);
	ev_loop_destroy(ev);
	return amas_exit_status(rc);
}
