/*
 * The same agents as a worker, one or all of them in a process: message lines
 * on standard input and output, and calls of other agents through the host.
 */
#include <ev.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <amas.h>

#include "flood.h"

static void
flood(struct amas_request *req, const struct amas_value *args)
{
	struct amas_error err;
	const char *url;
	int64_t n, depth;

	if (amas_value_unpack(args, &err, "[sII]", &url, &n, &depth) != 0)
		amas_request_fail(req, "TypeError: %s", err.text);
	else
		flood_start(req, amas_request_channel(req), url, n, depth);
}

/* [PATH, ARGS, KWARGS]; of a shared worker PATH begins with the agent's id. */
static void
on_request(struct amas_request *req, void *arg)
{
	const struct amas_value *args, *kwargs, *v;
	const char *path, *name;

	(void)arg;
	if (amas_request_unpack(req, "[svv]", &path, &args, &kwargs) != 0)
		return;
	name = strrchr(path, '/');
	name = name != NULL ? name + 1 : path;
	if (strcmp(name, "flood") == 0)
		flood(req, args);
	else if (strcmp(name, "service") == 0 &&
	    (v = amas_value_at(args, 0)) != NULL)
		amas_request_reply(req, "v", v);
	else
		amas_request_reply(req, NULL); /* amas/new, amas/end */
}

int
main(void)
{
	struct amas_opts opts = { .lines = 1, .on_request = on_request };
	struct ev_loop *ev = ev_loop_new(EVFLAG_NOENV);
	struct amas_channel *ch = NULL;
	struct amas_loop *loop = NULL;
	struct amas_error err;
	int rc;

	if ((rc = amas_loop_new(&loop, ev, &err)) != 0 ||
	    (rc = amas_channel_open(&ch, loop, "stdio", &opts, &err)) != 0)
		fprintf(stderr, "agents_worker: %s\n", err.text);
	else
		ev_run(ev, 0); /* until end of file */
	amas_channel_close(ch);
	amas_loop_free(loop);
	ev_loop_destroy(ev);
	return amas_exit_status(rc);
}
