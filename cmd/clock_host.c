/*
 * Commands in an agent: one call of the host, whose answer is printed.  The
 * clock is the host's, and while this waits the agent sleeps.
 */
#include "clock_opts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "channel.h"
#include "codec.h"
#include "date.h"

struct ask {
	const struct clock_opts *o;
	const char *parent;
	struct amas_channel *ch;
	int status;
};

static const char *
function_of(const struct clock_opts *o)
{
	switch (o->command) {
	case CLOCK_TIME:
		return "amas/time";
	case CLOCK_DATE:
		return "amas/utcnow";
	case CLOCK_SLEEP:
		return "amas/sleep";
	case CLOCK_UNTIL:
		return "amas/sleep_until";
	case CLOCK_IN:
		return "amas/call_in";
	case CLOCK_AT:
		return "amas/call_at";
	default:
		return "amas/cancel";
	}
}

/* ---- The answer ---- */

static int
odd(const struct ask *q)
{
	return cmd_error(CMD_PEER, q->o->word, "the host's answer is odd");
}

static int
print_time(const struct ask *q, const struct amas_value *v)
{
	char text[CLOCK_TEXT_SIZE];
	double t;

	if (amas_value_unpack(v, NULL, "f", &t) != 0)
		return odd(q);
	return clock_print(clock_time_print(text, t));
}

static int
print_date(const struct ask *q, const struct amas_value *v)
{
	const char *why;
	int64_t us;

	if (amas_value_type(v) == AMAS_TYPED)
		v = amas_value_at(v, 0);
	if (amas_value_type(v) != AMAS_STRING || !amas__date_parse(&us,
	    amas_value_text(v), amas_value_len(v), &why))
		return odd(q);
	return q->o->argc == 0 ? clock_print(amas_value_text(v)) :
	    clock_date_format(q->o->argv[0] + 1, us);
}

static int
print_value(const struct ask *q, const struct amas_value *v)
{
	const struct call_opts as = { .raw = true };
	struct amas_error err;
	struct amas__buf b;
	int status;

	amas__buf_init(&b, 0);
	status = call_put_result(&b, &as, v, &err) == 0 ? call_print(&b) :
	    cmd_fail(q->o->word, &err);
	amas__buf_fini(&b);
	return status;
}

/* It is not there, or has gone. */
static int
no_host(const struct ask *q, int code, const char *why)
{
	char subject[512];

	(void)snprintf(subject, sizeof subject, "AMAS_PARENT=%s", q->parent);
	return cmd_error(amas_exit_status(code), subject, "%s", why);
}

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct ask *q = arg;

	if (rep->kind == AMAS_FAILURE)
		q->status = cmd_error(CMD_FAILED, q->o->word, "%s", rep->text);
	else if (rep->code == AMAS_ETIMEDOUT)
		q->status = cmd_error(CMD_TIMEOUT, q->o->word,
		    "deadline of %g s passed while waiting", q->o->timeout_s);
	else if (rep->kind == AMAS_ERROR)
		q->status = no_host(q, rep->code, rep->text);
	else if (q->o->command == CLOCK_TIME)
		q->status = print_time(q, rep->value);
	else if (q->o->command == CLOCK_DATE)
		q->status = print_date(q, rep->value);
	else if (q->o->command >= CLOCK_IN)
		q->status = print_value(q, rep->value);
	amas_channel_close(q->ch);
}

/* ---- The call ---- */

/* Adds a time as the host takes it: seconds, or the text of a date. */
static int
add_time(struct amas_value *list, const struct clock_opts *o)
{
	const char *text = o->argv[0], *why;
	struct amas_value *v = NULL;
	struct clock_time t;
	int status = CMD_OK;
	double dt;

	if (o->command == CLOCK_SLEEP || o->command == CLOCK_IN) {
		if ((status = cmd_duration(&dt, o->word, text, false)) ==
		    CMD_OK)
			v = clock_time_value(dt);
	} else if (!clock_time_read(&t, text, strlen(text), &why)) {
		status = cmd_error(CMD_USAGE, o->word, "\"%s\" %s", text, why);
	} else {
		v = t.is_date ? amas_value_pack("s", text) :
		    clock_time_value(t.s);
	}
	if (status == CMD_OK && (v == NULL || amas_value_add(list, "v", v) !=
	    0))
		status = cmd_nomem();
	amas_value_free(v);
	return status;
}

/* What is called gets: a time, a function, and what follows as amas-call has it. */
static int
make_args(struct amas_value *list, struct call_args *rest,
    const struct clock_opts *o)
{
	struct call_opts as = { .args = o->args, .deadline = INFINITY };
	bool timed = o->command >= CLOCK_SLEEP && o->command <= CLOCK_AT;
	bool calls = o->command == CLOCK_IN || o->command == CLOCK_AT;
	int status = CMD_OK, used = calls ? 2 : timed ? 1 : 0;
	size_t i;

	if (timed)
		status = add_time(list, o);
	if (status == CMD_OK && calls &&
	    amas_value_add(list, "s", o->argv[1]) != 0)
		status = cmd_error(CMD_INPUT, o->argv[1], "is no text");
	as.argv = o->argv + used;
	as.argc = timed || o->command == CLOCK_CANCEL ? o->argc - used : 0;
	if (status == CMD_OK)
		status = call_args_read(rest, &as);
	for (i = 0; status == CMD_OK && i < amas_value_len(rest->list); i++)
		if (amas_value_add(list, "v", amas_value_at(rest->list, i)) !=
		    0)
			status = cmd_nomem();
	return status;
}

static int
call(struct ask *q, struct amas_loop *loop, const struct amas_value *list,
    const struct amas_value *map)
{
	const struct amas_opts opts = { .codec = &amas__codec_msgpack,
		.max_message = q->o->args.max_message };
	struct amas_error err;
	int rc;

	if (amas_channel_open(&q->ch, loop, q->parent, &opts, &err) != 0)
		return no_host(q, err.code, err.text);
	amas__channel_any_types(q->ch); /* as its other children speak */
	rc = amas_proxy_call(amas_channel_remote(q->ch), function_of(q->o),
	    q->o->timeout_s, on_reply, q, "vv", list, map);
	if (rc != 0) {
		amas_channel_close(q->ch);
		return cmd_error(amas_exit_status(rc), q->o->word, "%s",
		    amas_strerror(rc));
	}
	(void)amas_loop_run(loop, INFINITY);
	return q->status;
}

int
clock_host_run(const struct clock_opts *o, const char *parent)
{
	struct amas_value *list = amas_value_pack("[]");
	struct call_args rest = { NULL, NULL };
	struct amas_loop *loop = NULL;
	struct ask q = { .o = o, .parent = parent };
	int status;

	if (list == NULL)
		return cmd_nomem();
	if ((status = make_args(list, &rest, o)) == CMD_OK &&
	    (status = cmd_loop_new(&loop, NULL, &o->args)) == CMD_OK)
		status = call(&q, loop, list, rest.map);
	amas_loop_free(loop);
	call_args_free(&rest);
	amas_value_free(list);
	return status;
}
