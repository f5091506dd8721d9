/*
 * One call, or the same call again and again: connect, call, print, end; with
 * --stay not yet.  What is called may also be the list of functions (-l), and
 * on a plain channel there is content in place of a call.
 *
 * A failure of the function is an outcome like any other, and the next call
 * follows; without an answer (connection lost, deadline) it is over.
 */
#include "call.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "call_agent.h"
#include "call_list.h"
#include "call_peer.h"
#include "channel.h"
#include "loop.h"

#define SOON_S 2.0	/* within which who cannot read us has closed */

struct single {
	const struct call_opts *o;
	struct call_peer peer;
	struct amas_channel *ch;
	struct call_args args;
	struct amas__timer deadline;
	struct amas__timer next;	/* runs until the next call is due */
	struct amas__timer stay;	/* runs until --stay is over */
	double due;		/* when that is, by call_now() */
	long long left;		/* calls to be made */
	double asked;		/* when the last was sent */
	bool ask;		/* the agent has not been asked for yet */
	bool staying;
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
	amas__timer_stop(&s->stay);
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
	    s->staying ? "serving" : amas__channel_phase(s->ch)));
}

/* Prints a result, or with --json a failure; one line, at once. */
static int
print(struct single *s, const struct amas_reply *rep)
{
	struct amas_error err;
	struct amas__buf b;
	int rc, status = CMD_OK;

	amas__buf_init(&b, 0);
	if (rep->kind == AMAS_RESULT && s->o->list)
		rc = call_put_list(&b, s->o, s->peer.parent != NULL,
		    rep->value, &err);
	else if (rep->kind == AMAS_RESULT)
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
	if (s->o->list && call_list_is_missing(rep))
		return cmd_error(CMD_FAILED, s->o->addr,
		    "has no list of its functions");
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

static void
on_stay(struct amas__timer *t)
{
	end(AMAS__OF(t, struct single, stay), CMD_OK);
}

/* Serves on: until --stay or the connection is over. */
static void
stay(struct single *s)
{
	s->staying = true;
	if (!isinf(s->o->stay_s))
		amas__timer_start(&s->stay, s->o->stay_s);
}

static void
on_close(struct amas_channel *ch, const struct amas_error *why, void *arg)
{
	struct single *s = arg;

	(void)ch;
	(void)why;
	if (s->staying)
		end(s, CMD_OK);
}

/* The next call, or the end. */
static void
go_on(struct single *s)
{
	double wait, now = call_now();

	if (s->left == 0) {
		if (s->o->stay_s > 0)
			stay(s);
		else
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

/*
 * What may be behind a connection that ended without a byte for us.  Who cannot
 * read what we say closes at once, and in order.
 */
static const char *
doubt(const struct single *s, const struct amas_reply *rep)
{
	if (rep->code != AMAS_ECLOSED || s->o->command != NULL ||
	    amas__channel_heard(s->ch))
		return "";
	if (strcmp(rep->text, strerror(EPIPE)) == 0 ||
	    strcmp(rep->text, strerror(ECONNRESET)) == 0)
		return "; the peer ended the connection while we were sending, "
		    "its log may say why";
	if (call_now() - s->asked > SOON_S ||
	    strncmp(rep->text, "connection cut", 14) == 0)
		return "";
	return "; is --codec right?";
}

static int
no_answer(struct single *s, const struct amas_reply *rep)
{
	struct amas_error err = { .code = rep->code };
	char text[512];

	call_args_explain(text, sizeof text, s->o, rep->text);
	(void)amas_error_set(&err, rep->code, "%s%s", text, doubt(s, rep));
	return call_peer_fail(&s->peer, &err);
}

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct single *s = arg;
	int status = CMD_OK;

	if (s->over)
		return;
	if (rep->kind == AMAS_ERROR)
		status = no_answer(s, rep);
	else if (rep->kind == AMAS_FAILURE)
		status = print_failure(s, rep);
	else if (rep->value != NULL)
		status = print(s, rep);
	if (status != CMD_OK)
		end(s, status);
	else
		go_on(s);
}

static int
call(struct single *s)
{
	struct amas_proxy *remote = amas_channel_remote(s->ch);

	if (s->o->list)
		return call_list_ask(s->ch, s->peer.parent != NULL, on_reply,
		    s);
	if (s->o->channel)
		return amas_channel_send(s->ch, 0, on_reply, s, "v",
		    amas_value_at(s->args.list, 0));
	if (s->o->function == NULL)
		return amas_proxy_call(remote, NULL, 0, on_reply, s, NULL);
	return amas_proxy_call(remote, s->o->function, 0, on_reply, s, "vv",
	    s->args.list, s->args.map);
}

/* Only an agent that is there is called; asking again would not help. */
static void
on_valid(const struct amas_reply *rep, void *arg)
{
	struct single *s = arg;
	int rc;

	s->ask = false;
	if (s->over)
		return;
	if (rep->kind == AMAS_ERROR)
		end(s, no_answer(s, rep));
	else if (rep->kind == AMAS_FAILURE)
		end(s, (rc = print_failure(s, rep)) != CMD_OK ? rc :
		    CMD_FAILED);
	else if ((rc = call(s)) != 0)
		end(s, cmd_error(amas_exit_status(rc), s->o->function, "%s",
		    amas_strerror(rc)));
}

static void
start(struct single *s)
{
	int rc;

	s->left--;
	s->asked = call_now();
	rc = s->ask ? call_agent_ask(s->ch, s->o->addr, on_valid, s) :
	    call(s);
	if (rc != 0)
		end(s, cmd_error(amas_exit_status(rc), s->o->function, "%s",
		    amas_strerror(rc)));
}

static int
run(struct single *s)
{
	struct amas_loop *l = s->peer.loop;
	struct amas_opts opts;
	struct amas_error err;
	double left;
	int status;

	call_peer_opts(&opts, &s->peer);
	opts.on_close = on_close;
	opts.arg = s;
	if (call_peer_open(&s->ch, &s->peer, s->o->addr, &opts, &err) != 0)
		return call_peer_fail(&s->peer, &err);
	s->ask = call_peer_is_agent(&s->peer);
	amas__timer_init(&s->deadline, l, on_deadline);
	amas__timer_init(&s->next, l, on_next);
	amas__timer_init(&s->stay, l, on_stay);
	left = s->o->deadline - call_now();
	if (!isinf(left))
		amas__timer_start(&s->deadline, left > 0 ? left : 0);
	s->left = s->o->count;
	s->due = call_now();
	start(s);
	if ((status = call_peer_run(&s->peer)) != CMD_OK)
		end(s, status); /* a signal */
	assert(s->over);
	return s->status;
}

int
call_single_run(const struct call_opts *o)
{
	struct single s = { .o = o };
	int status;

	if ((status = call_args_read(&s.args, o)) == CMD_OK &&
	    (status = call_peer_init(&s.peer, o)) == CMD_OK)
		status = run(&s);
	call_peer_fini(&s.peer);
	call_args_free(&s.args);
	return status;
}
