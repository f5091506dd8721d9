/*
 * An RPC client: positional and keyword arguments, the three kinds of reply,
 * and a deadline.  Usage: rpc_client ADDR
 */
#include <ev.h>
#include <stdio.h>

#include <amas.h>

struct client {
	struct amas_channel *ch;
	int open;	/* calls without an answer */
	int rc;		/* of the last call that went wrong */
};

static void
answered(const struct amas_reply *rep, void *arg)
{
	struct client *c = arg;
	double sum;

	switch (rep->kind) {
	case AMAS_RESULT:
		if (amas_value_unpack(rep->value, NULL, "f", &sum) == 0)
			printf("%g\n", sum);
		break;
	case AMAS_FAILURE: /* the function raised: text is its traceback */
		fprintf(stderr, "Origin: %s\n%s\n", rep->origin, rep->text);
		c->rc = rep->code;
		break;
	case AMAS_ERROR: /* no answer: AMAS_ETIMEDOUT, AMAS_ECLOSED, ... */
		fprintf(stderr, "rpc_client: %s\n", rep->text);
		c->rc = rep->code;
		break;
	}
	if (--c->open == 0) {
		amas_channel_close(c->ch);
		c->ch = NULL;
	}
}

static int
call_all(struct client *c)
{
	struct amas_proxy *remote = amas_channel_remote(c->ch);
	int rc;

	if ((rc = amas_proxy_call(remote, "add", 5, answered, c,
	    "[ii]", 3, 4)) != 0)
		return rc;
	c->open++;
	if ((rc = amas_proxy_call(remote, "math/scale", 5, answered, c,
	    "[f]{s:f}", 7.0, "factor", 0.5)) != 0)
		return rc;
	c->open++;
	if ((rc = amas_proxy_call(remote, "fail", 5, answered, c, NULL)) != 0)
		return rc;
	c->open++;
	if ((rc = amas_proxy_call(remote, "slow", 0.2, answered, c,
	    "[f]", 3600.0)) != 0)
		return rc;
	c->open++;
	return 0;
}

int
main(int argc, char *argv[])
{
	struct amas_opts opts = { .connect_timeout_s = 2 }; /* try again */
	struct ev_loop *ev = ev_loop_new(EVFLAG_NOENV);
	struct client c = { NULL, 0, 0 };
	struct amas_loop *loop = NULL;
	struct amas_error err;

	if (argc < 2)
		return 2;
	if ((c.rc = amas_loop_new(&loop, ev, &err)) != 0 ||
	    (c.rc = amas_channel_open(&c.ch, loop,
	    argv[1], &opts, &err)) != 0)
		fprintf(stderr, "rpc_client: %s\n", err.text);
	else if ((c.rc = call_all(&c)) != 0)
		fprintf(stderr, "rpc_client: %s\n", amas_strerror(c.rc));
	else
		ev_run(ev, 0);
	amas_channel_close(c.ch);
	amas_loop_free(loop);
	ev_loop_destroy(ev);
	return amas_exit_status(c.rc);
}
