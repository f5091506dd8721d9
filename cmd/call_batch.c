/*
 * Many calls over one connection, one for each line of input.
 *
 * There are at most -P slots (call_slots.h), and input is read no further than
 * slots are free: so memory is bounded by -P outcomes, whatever their order.
 *
 * A line is given to the connection only when that stands: what was given and
 * has no answer when the connection is lost may have been done, or not, and is
 * never sent again.  Lines that were not given wait for the next connection.
 */
#include "call.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "call_lines.h"
#include "call_request.h"
#include "call_slots.h"
#include "channel.h"
#include "err.h"
#include "frame.h"
#include "loop.h"

#define HELD_MAX ((size_t)8 << 20)	/* bytes of outcomes not yet written */
#define RETRY_MIN_S 0.1			/* until a new connection is tried */
#define RETRY_MAX_S 1.0
#define LAST_WORDS_S 1.0	/* to write outcomes after the deadline */

enum state {
	CONNECTING,
	OPEN,
	CLOSING,		/* without answers: on_close() follows */
	LOST			/* connects again when there is a line */
};

struct batch {
	const struct call_opts *o;
	struct amas_loop *loop;
	struct amas_channel *ch;	/* NULL: none */
	enum state state;
	struct call_input in;
	struct call_output out;
	struct call_args fixed;	/* -L: what stands before the line */
	struct call_slots slots;
	size_t in_flight;	/* of them, those without answer */
	struct amas__timer deadline;
	struct amas__timer retry;	/* runs until the next attempt */
	double retry_s;
	struct amas_error lost;	/* why the last connection ended */
	const char *why;	/* no answer: what its failure says */
	bool failed, bad;	/* a call did; a line was */
	bool deaf;		/* writing outcomes failed, as has been said */
	bool over;		/* only outcomes are still to be written */
	int status;		/* what it ended with, if not by itself */
};

/* ---- The end ---- */

static void
drop_channel(struct batch *b)
{
	struct amas_channel *ch = b->ch;

	b->ch = NULL;
	amas_channel_close(ch); /* answers of all calls come in here */
}

/* Whether outcomes can no longer be written; says so once. */
static bool
output_failed(struct batch *b)
{
	if (b->out.error == 0)
		return false;
	if (!b->deaf)
		(void)cmd_error(CMD_SYS, "standard output", "%s",
		    strerror(b->out.error));
	b->deaf = true;
	return true;
}

/* Nothing is left to write: lets the loop end. */
static void
finish_if_written(struct batch *b)
{
	if (output_failed(b) && b->status == CMD_OK)
		b->status = CMD_SYS;
	if (!b->over || amas__buf_len(&b->out.buf) > 0)
		return;
	amas__timer_stop(&b->deadline);
	call_output_fini(&b->out);
}

/* Ends all but the writing of outcomes.  status CMD_OK: in order. */
static void
end(struct batch *b, int status)
{
	if (b->over)
		return;
	b->over = true;
	b->status = status;
	call_input_fini(&b->in);
	amas__timer_stop(&b->retry);
	drop_channel(b);
	finish_if_written(b);
}

static const char *
phase(const struct batch *b)
{
	if (b->ch != NULL && b->state == CONNECTING)
		return amas__channel_phase(b->ch);
	if (b->in_flight > 0)
		return "waiting for answers";
	if (amas__timer_active(&b->retry))
		return "waiting to connect again";
	if (amas__buf_len(&b->out.buf) > 0)
		return "writing results";
	return "waiting for input";
}

static void
on_deadline(struct amas__timer *t)
{
	struct batch *b = AMAS__OF(t, struct batch, deadline);

	if (b->over && b->status == CMD_TIMEOUT) { /* nobody reads them */
		call_output_fini(&b->out);
		return;
	}
	(void)cmd_error(CMD_TIMEOUT, b->o->addr,
	    "deadline of %g s passed while %s", b->o->timeout_s, phase(b));
	b->why = "deadline passed, outcome unknown";
	amas__timer_start(&b->deadline, LAST_WORDS_S);
	if (b->over)
		b->status = CMD_TIMEOUT;
	end(b, CMD_TIMEOUT);
}

/* ---- Outcomes ---- */

static void pump(struct batch *b);

/* Says that a line is no call; the rest goes on. */
static void
bad_line(struct batch *b, uint64_t n, const char *cause)
{
	char subject[48];

	(void)snprintf(subject, sizeof subject, "standard input: line %" PRIu64,
	    n);
	(void)cmd_error(CMD_INPUT, subject, "%s", cause);
	b->bad = true;
}

/* Whether the line is to blame that there is no answer: it was never sent. */
static bool
not_sent(const struct batch *b, const struct amas_reply *rep)
{
	const struct amas_error *ended;

	if (rep->code == AMAS_ECLOSED || rep->code == AMAS_ECANCELED)
		return false;
	ended = b->ch != NULL ? amas__channel_ended(b->ch) : NULL;
	return ended == NULL || ended->code != rep->code;
}

/* If it was sent, nobody knows what has become of it: that is its failure. */
static int
no_answer(struct batch *b, struct call_slot *s, const struct amas_reply *rep,
    struct amas_error *err)
{
	if (b->deaf)
		return call_slot_nothing(s, err);
	if (!not_sent(b, rep)) {
		b->state = CLOSING;
		b->failed = true;
		return call_slot_failure(s, b->why, err);
	}
	if (rep->code == AMAS_ENOMEM)
		return amas__error_nomem(err);
	bad_line(b, s->n, rep->text);
	return call_slot_nothing(s, err);
}

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct call_slot *s = arg;
	struct batch *b = s->all->owner;
	struct amas_error err;
	int rc;

	b->in_flight--;
	if (rep->kind == AMAS_ERROR) {
		rc = no_answer(b, s, rep, &err);
	} else {
		b->retry_s = 0;
		b->failed = b->failed || rep->kind == AMAS_FAILURE;
		rc = call_slot_reply(s, rep, &err);
	}
	if (rc != 0)
		end(b, cmd_fail(b->o->addr, &err));
	pump(b);
}

/* ---- Calls ---- */

static int
read_request(struct batch *b, struct call_request *r, const char *line,
    size_t len, struct amas_error *err)
{
	if (b->o->each)
		return call_request_line(r, b->o->function, &b->fixed, line,
		    len, err);
	return call_request_parse(r, amas__loop_pool(b->loop), line, len, err);
}

static int
start_call(struct batch *b, const struct call_request *r,
    struct amas_error *err)
{
	struct call_slot *s = call_slot_new(&b->slots, b->in.n + 1);
	const char *fmt = r->kwargs != NULL ? "vv" :
	    r->args != NULL ? "v" : NULL;
	int rc;

	if (s == NULL)
		return amas__error_nomem(err);
	rc = amas_proxy_call(amas_channel_remote(b->ch), r->path, 0, on_reply,
	    s, fmt, r->args, r->kwargs);
	if (rc != 0) {
		call_slot_free(s);
		return amas_error_set(err, rc, "%s", amas_strerror(rc));
	}
	b->in_flight++;
	return 0;
}

static void
take_line(struct batch *b, const char *line, size_t len)
{
	struct call_request r;
	struct amas_error err;
	int rc;

	if ((rc = read_request(b, &r, line, len, &err)) == 0) {
		rc = start_call(b, &r, &err);
		call_request_free(&r);
	}
	if (rc == AMAS_ENOMEM)
		end(b, cmd_nomem());
	else if (rc != 0)
		bad_line(b, b->in.n + 1, err.text);
}

static bool
is_blank(const char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

/* Whether there is room for another call. */
static bool
may_start(const struct batch *b)
{
	if (b->over || (b->o->halt && (b->failed || b->bad)))
		return false;
	return b->slots.n < (size_t)b->o->parallel &&
	    b->slots.held + amas__buf_len(&b->out.buf) < HELD_MAX;
}

static void
input_over(struct batch *b)
{
	if (b->slots.n > 0)
		return;
	end(b, b->in.error == 0 ? CMD_OK : cmd_error(CMD_SYS,
	    "standard input", "%s", strerror(b->in.error)));
}

/* A line waits and there is no connection. */
static void
want_connection(struct batch *b)
{
	if (amas__timer_active(&b->retry))
		return;
	if (b->o->wait_s < 0) {
		end(b, cmd_fail(b->o->addr, &b->lost));
		return;
	}
	amas__timer_start(&b->retry, b->retry_s);
	b->retry_s *= 2;
	if (b->retry_s < RETRY_MIN_S)
		b->retry_s = RETRY_MIN_S;
	else if (b->retry_s > RETRY_MAX_S)
		b->retry_s = RETRY_MAX_S;
}

/* Takes lines while there is room, and sees whether all is done. */
static void
pump(struct batch *b)
{
	enum call_line kind;
	const char *line;
	size_t len;

	if (output_failed(b))
		end(b, CMD_SYS);
	while (may_start(b) && (b->state == OPEN || b->state == LOST)) {
		kind = call_input_peek(&b->in, &line, &len);
		if (kind == CALL_LINE_NONE)
			return;
		if (kind == CALL_LINE_END) {
			input_over(b);
			return;
		}
		if (b->state != OPEN) {
			want_connection(b);
			return;
		}
		if (kind == CALL_LINE_LONG)
			bad_line(b, b->in.n + 1, "line is too long");
		else if (b->o->each || !is_blank(line, len))
			take_line(b, line, len);
		if (!b->over)
			call_input_next(&b->in);
	}
	if (b->o->halt && (b->failed || b->bad) && b->slots.n == 0)
		end(b, CMD_OK);
}

/* ---- The connection ---- */

static void
on_open(struct amas_channel *ch, void *arg)
{
	struct batch *b = arg;

	(void)ch;
	b->state = OPEN;
	pump(b);
}

/*
 * The end of a connection that leaves nothing without answer is no failure
 * until a line wants it.
 */
static void
on_close(struct amas_channel *ch, const struct amas_error *why, void *arg)
{
	struct batch *b = arg;
	enum state was = b->state;

	(void)ch;
	if (b->over)
		return;
	b->state = LOST;
	b->lost = *why;
	drop_channel(b);
	if (was == CONNECTING || (was == CLOSING && b->o->wait_s < 0)) {
		end(b, cmd_fail(b->o->addr, why));
		return;
	}
	if (was == CLOSING)
		(void)cmd_fail(b->o->addr, why);
	pump(b);
}

static int
open_channel(struct batch *b, struct amas_error *err)
{
	struct amas_opts opts;

	call_channel_opts(&opts, b->o);
	opts.on_open = on_open;
	opts.on_close = on_close;
	opts.arg = b;
	b->state = CONNECTING;
	return amas_channel_open(&b->ch, b->loop, b->o->addr, &opts, err);
}

static void
on_retry(struct amas__timer *t)
{
	struct batch *b = AMAS__OF(t, struct batch, retry);
	struct amas_error err;

	if (open_channel(b, &err) != 0)
		end(b, cmd_fail(b->o->addr, &err));
}

/* ---- All of it ---- */

static void
on_input(struct call_input *in)
{
	pump(AMAS__OF(in, struct batch, in));
}

static void
on_written(struct call_output *out)
{
	struct batch *b = AMAS__OF(out, struct batch, out);

	finish_if_written(b);
	pump(b);
}

static int
run(struct batch *b)
{
	size_t max = b->o->args.max_message;
	double left = b->o->deadline - call_now();
	struct amas_error err;

	b->why = "connection lost, outcome unknown";
	call_slots_init(&b->slots, b->o, &b->out, b);
	call_input_init(&b->in, b->loop, max != 0 ? max : AMAS__FRAME_MAX,
	    on_input);
	call_output_init(&b->out, b->loop, on_written);
	amas__timer_init(&b->deadline, b->loop, on_deadline);
	amas__timer_init(&b->retry, b->loop, on_retry);
	if (open_channel(b, &err) != 0)
		return cmd_fail(b->o->addr, &err);
	if (!isinf(left))
		amas__timer_start(&b->deadline, left > 0 ? left : 0);
	(void)amas_loop_run(b->loop, INFINITY);
	assert(b->over);
	call_slots_fini(&b->slots); /* some, if memory was short */
	if (b->status != CMD_OK)
		return b->status;
	return b->failed ? CMD_FAILED : b->bad ? CMD_INPUT : CMD_OK;
}

int
call_batch_run(const struct call_opts *o)
{
	struct batch b = { .o = o };
	int status = CMD_OK;

	if (o->each)
		status = call_args_read(&b.fixed, o);
	if (status == CMD_OK &&
	    (status = cmd_loop_new(&b.loop, &o->args)) == CMD_OK)
		status = run(&b);
	amas_loop_free(b.loop);
	call_args_free(&b.fixed);
	return status;
}
