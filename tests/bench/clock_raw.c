/*
 * What steps would be at best: round trips of the form of a step with any number
 * of containers at once, that wake nobody and wait for nothing but the answers.
 *
 * usage: clock_raw ROUNDS URL...	(base URLs, with a sleeper as agent 1)
 */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>

#include <amas.h>

struct raw {
	struct amas_channel **ch;
	int n, busy;
	long rounds, done;
	int status;
};

static void next_round(struct raw *r);

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct raw *r = arg;
	int64_t activity;
	double t_s;

	if (rep->kind != AMAS_RESULT || amas_value_unpack(rep->value, NULL,
	    "[If]", &activity, &t_s) != 0 || t_s != (double)(r->done + 2)) {
		if (r->status == 0)
			fprintf(stderr, "clock_raw: %s\n", rep->text);
		r->status = 1;
	}
	if (--r->busy > 0)
		return;
	r->done++;
	next_round(r);
}

static void
next_round(struct raw *r)
{
	int i;

	if (r->done == r->rounds || r->status != 0) {
		for (i = 0; i < r->n; i++)
			amas_channel_close(r->ch[i]);
		return;
	}
	r->busy = r->n;
	for (i = 0; i < r->n; i++)
		if (amas_proxy_call(amas_channel_remote(r->ch[i]),
		    "agents/1/tick", 0, on_reply, r, "[f]",
		    (double)(r->done + 1)) != 0)
			abort(); /* memory alone */
}

static int
measure(struct raw *r, struct amas_loop *loop, char *urls[])
{
	struct amas_error err;
	int i;

	for (i = 0; i < r->n; i++) {
		if (amas_channel_open(&r->ch[i], loop, urls[i], NULL,
		    &err) != 0) {
			fprintf(stderr, "clock_raw: %s\n", err.text);
			return 1;
		}
	}
	next_round(r);
	(void)amas_loop_run(loop, 1e9);
	return r->status != 0 || r->done < r->rounds;
}

int
main(int argc, char *argv[])
{
	struct raw r = { .n = argc - 2, .rounds = argc > 2 ? atol(argv[1]) :
	    0 };
	struct ev_loop *ev = ev_loop_new(EVFLAG_NOENV);
	struct amas_loop *loop = NULL;
	struct amas_error err;
	int status = 1;

	if (r.rounds < 1) {
		fprintf(stderr, "usage: clock_raw ROUNDS URL...\n");
		return 2;
	}
	r.ch = calloc((size_t)r.n, sizeof(struct amas_channel *));
	if (r.ch == NULL || amas_loop_new(&loop, ev, &err) != 0)
		fprintf(stderr, "clock_raw: no memory\n");
	else
		status = measure(&r, loop, argv + 2);
	amas_loop_free(loop);
	ev_loop_destroy(ev);
	free(r.ch);
	return status;
}
