/*
 * A channel client: sends 'ohai', prints the answer.  Opening returns at once;
 * the request waits for the connection, and a refusal is its outcome.
 * Usage: channel_client ADDR
 */
#include <ev.h>
#include <stdio.h>

#include <amas.h>

static void
answered(const struct amas_reply *rep, void *arg)
{
	struct amas_channel **ch = arg;
	const char *text;

	if (rep->kind != AMAS_RESULT)
		fprintf(stderr, "channel_client: %s\n", rep->text);
	else if (amas_value_unpack(rep->value, NULL, "s", &text) == 0)
		printf("%s\n", text);
	amas_channel_close(*ch); /* nothing is left: ev_run() returns */
	*ch = NULL;
}

int
main(int argc, char *argv[])
{
	struct ev_loop *ev = ev_loop_new(EVFLAG_NOENV);
	struct amas_loop *loop = NULL;
	struct amas_channel *ch = NULL;
	struct amas_error err;
	int rc;

	if (argc < 2)
		return 2;
	if ((rc = amas_loop_new(&loop, ev, &err)) != 0 ||
	    (rc = amas_channel_open(&ch, loop, argv[1], NULL,
	    &err)) != 0)
		fprintf(stderr, "channel_client: %s\n", err.text);
	else if ((rc = amas_channel_send(ch, 5, answered, &ch, "s",
	    "ohai")) != 0)
		fprintf(stderr, "channel_client: %s\n", amas_strerror(rc));
	else
		ev_run(ev, 0);
	amas_channel_close(ch);
	amas_loop_free(loop);
	ev_loop_destroy(ev);
	return amas_exit_status(rc);
}
