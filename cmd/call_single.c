/*
 * One call, or the same call again and again: connect, call, print, end.
 *
 * A failure of the function is an outcome like any other, and the next call
 * follows; without an answer (connection lost, deadline) it is over.
 */
#include "call.h"

#include <assert.h>
#include <math.h>

#include "channel.h"
#include "loop.h"

struct single {
	const struct call_opts *o;
	struct amas_loop *loop;
	struct amas_channel *ch;
	struct call_args args;
	struct amas__timer deadline;
	struct amas__timer next;	/* runs until the next call is due */
	double due;		/* when that is, by call_now() */
	long long left;		/* calls to be made */
	int status;
	bool over;
};

static void
end(struct single *s, int status)
{
	if (s->over)
		return;
	s->over = true;
	if (status != CMD_OK)
		s->status = status;
	amas__timer_stop(&s->deadline);
	amas__timer_stop(&s->next);
	amas_channel_close(s->ch);
	s->ch = NULL;
}

static void
on_deadline(struct amas__timer *t)
{
	struct single *s = AMAS__OF(t, struct single, deadline);

	end(s, cmd_error(CMD_TIMEOUT, s->o->addr,
	    "deadline of %g s passed while %s", s->o->timeout_s,
	    amas__timer_active(&s->next) ? "waiting for the next call" :
	    amas__channel_phase(s->ch)));
}

/* Prints a result, or with --json a failure; one line, at once. */
static int
print(struct single *s, const struct amas_reply *rep)
{
	struct amas_error err;
	struct amas__buf b;
	int rc, status = CMD_OK;

	amas__buf_init(&b, 0);
	if (rep->kind == AMAS_RESULT)
		rc = call_put_result(&b, s->o, rep->value, &err);
	else
		rc = call_put_failure_json(&b, s->o, rep, &err);
	if (rc != 0)
		status = cmd_fail(s->o->addr, &err);
	else
		status = call_print(&b);
	amas__buf_fini(&b);
	return status;
}

static int
print_failure(struct single *s, const struct amas_reply *rep)
{
	struct amas__buf b;
	int status;

	s->status = CMD_FAILED;
	if (s->o->json)
		return print(s, rep);
	amas__buf_init(&b, 0);
	status = call_put_failure(&b, rep) == 0 ? CMD_OK : cmd_nomem();
	if (status == CMD_OK)
		call_say(&b);
	amas__buf_fini(&b);
	return status;
}

static void start(struct single *s);

static void
on_next(struct amas__timer *t)
{
	start(AMAS__OF(t, struct single, next));
}

/* The next call, or the end. */
static void
go_on(struct single *s)
{
	double wait, now = call_now();

	if (s->left == 0) {
		end(s, CMD_OK);
		return;
	}
	if (s->o->interval_s > 0) {
		s->due += s->o->interval_s;
		if (s->due < now)
			s->due = now; /* late: do not make up for it */
	}
	wait = s->o->interval_s > 0 ? s->due - now : 0;
	amas__timer_start(&s->next, wait);
}

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct single *s = arg;
	int status = CMD_OK;

	if (s->over)
		return;
	if (rep->kind == AMAS_ERROR)
		status = cmd_error(amas_exit_status(rep->code), s->o->addr,
		    "%s", rep->text);
	else if (rep->kind == AMAS_FAILURE)
		status = print_failure(s, rep);
	else if (s->o->function != NULL)
		status = print(s, rep);
	if (status != CMD_OK)
		end(s, status);
	else
		go_on(s);
}

static void
start(struct single *s)
{
	struct amas_proxy *remote = amas_channel_remote(s->ch);
	int rc;

	s->left--;
	if (s->o->function != NULL)
		rc = amas_proxy_call(remote, s->o->function, 0, on_reply, s,
		    "vv", s->args.list, s->args.map);
	else
		rc = amas_proxy_call(remote, NULL, 0, on_reply, s, NULL);
	if (rc != 0)
		end(s, cmd_error(amas_exit_status(rc), s->o->function, "%s",
		    amas_strerror(rc)));
}

static int
run(struct single *s)
{
	struct amas_opts opts;
	struct amas_error err;
	double left;

	call_channel_opts(&opts, s->o);
	if (amas_channel_open(&s->ch, s->loop, s->o->addr, &opts, &err) != 0)
		return cmd_fail(s->o->addr, &err);
	amas__timer_init(&s->deadline, s->loop, on_deadline);
	amas__timer_init(&s->next, s->loop, on_next);
	left = s->o->deadline - call_now();
	if (!isinf(left))
		amas__timer_start(&s->deadline, left > 0 ? left : 0);
	s->left = s->o->count;
	s->due = call_now();
	start(s);
	(void)amas_loop_run(s->loop, INFINITY);
	assert(s->over);
	return s->status;
}

int
call_single_run(const struct call_opts *o)
{
	struct single s = { .o = o };
	int status;

	if ((status = call_args_read(&s.args, o)) == CMD_OK &&
	    (status = cmd_loop_new(&s.loop, &o->args)) == CMD_OK)
		status = run(&s);
	amas_loop_free(s.loop);
	call_args_free(&s.args);
	return status;
}
