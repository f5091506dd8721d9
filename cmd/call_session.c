/*
 * Lines in, a connection, lines out; see call_session.h.
 *
 * A line is given to the connection only when that stands: what was given and
 * has no answer when the connection is lost may have been done, or not, and is
 * never sent again.  Lines that were not given wait for the next connection.
 * Asking for an agent is a part of connecting, put off until there is a line.
 * Input is read no further than there is room, so memory is bounded.
 */
#include "call_session.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_agent.h"
#include "channel.h"
#include "frame.h"
#include "mem.h"

#define RETRY_MIN_S 0.1		/* until a new connection is tried */
#define RETRY_MAX_S 1.0
#define LAST_WORDS_S 1.0	/* to write output after the deadline */

/* ---- The end ---- */

static void
drop_channel(struct call_session *s)
{
	struct amas_channel *ch = s->ch;

	s->ch = NULL;
	call_quiet_drop(&s->quiet);
	amas_channel_close(ch); /* answers of all calls come in here */
}

/* Whether output can no longer be written; says so once. */
static bool
output_failed(struct call_session *s)
{
	if (s->out.error == 0)
		return false;
	if (s->deaf == 0)
		s->deaf = call_output_failed(s->out.error);
	return true;
}

/* Nothing is left to write: lets the loop end. */
static void
finish_if_written(struct call_session *s)
{
	if (output_failed(s) && s->status == CMD_OK)
		s->status = s->deaf;
	if (!s->over || amas__buf_len(&s->out.buf) > 0)
		return;
	amas__timer_stop(&s->deadline);
	call_output_fini(&s->out);
}

void
call_session_end(struct call_session *s, int status)
{
	if (s->over)
		return;
	s->over = true;
	s->status = status;
	call_input_fini(&s->in);
	amas__timer_stop(&s->retry);
	amas__timer_stop(&s->stay);
	drop_channel(s);
	if (s->ops->drop != NULL)
		s->ops->drop(s);
	finish_if_written(s);
}

static const char *
phase(const struct call_session *s)
{
	if (s->ch != NULL && s->state == CALL_CONNECTING)
		return amas__channel_phase(s->ch);
	if (s->staying)
		return "serving";
	if (s->ops->busy(s) > 0 || s->state == CALL_ASKING)
		return "waiting for answers";
	if (amas__timer_active(&s->retry))
		return "waiting to connect again";
	if (amas__buf_len(&s->out.buf) > 0)
		return "writing results";
	return "waiting for input";
}

static void
on_deadline(struct amas__timer *t)
{
	struct call_session *s = AMAS__OF(t, struct call_session, deadline);

	if (s->over && s->status == CMD_TIMEOUT) { /* nobody reads them */
		call_output_fini(&s->out);
		return;
	}
	(void)cmd_error(CMD_TIMEOUT, s->o->addr,
	    "deadline of %g s passed while %s", s->o->timeout_s, phase(s));
	s->why = "deadline passed, outcome unknown";
	amas__timer_start(&s->deadline, LAST_WORDS_S);
	if (s->over)
		s->status = CMD_TIMEOUT;
	call_session_end(s, CMD_TIMEOUT);
}

static void
on_stay(struct amas__timer *t)
{
	call_session_end(AMAS__OF(t, struct call_session, stay), CMD_OK);
}

/* ---- Lines ---- */

void
call_session_bad(struct call_session *s, uint64_t n, const char *cause)
{
	char subject[48];

	(void)snprintf(subject, sizeof subject, "standard input: line %" PRIu64,
	    n);
	(void)cmd_error(CMD_INPUT, subject, "%s", cause);
	s->bad = true;
}

/* Whether a call has no answer because the connection is about to end. */
static bool
is_lost(const struct call_session *s, const struct amas_reply *rep)
{
	const struct amas_error *ended;

	if (rep->code == AMAS_ECLOSED || rep->code == AMAS_ECANCELED)
		return true;
	ended = s->ch != NULL ? amas__channel_ended(s->ch) : NULL;
	return ended != NULL && ended->code == rep->code;
}

bool
call_session_sent(struct call_session *s, const struct amas_reply *rep,
    const char **text)
{
	*text = rep->text;
	if (!is_lost(s, rep))
		return false;
	s->state = CALL_CLOSING;
	if (rep->code != AMAS_ETLS) /* else it was not even read */
		*text = s->why;
	return true;
}

static void
take_line(struct call_session *s, const char *line, size_t len)
{
	struct amas_error err;
	int rc = s->ops->line(s, line, len, &err);

	if (rc == AMAS_ENOMEM)
		call_session_end(s, cmd_nomem());
	else if (rc != 0)
		call_session_bad(s, s->in.n + 1, err.text);
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

static bool
halted(const struct call_session *s)
{
	return s->o->halt && (s->failed || s->bad);
}

/* There is nothing more to do. */
static void
all_done(struct call_session *s)
{
	int status = CMD_OK;

	if (s->in.error != 0)
		status = cmd_error(CMD_SYS, "standard input", "%s",
		    strerror(s->in.error));
	if (status != CMD_OK || s->o->stay_s <= 0 || s->state != CALL_OPEN) {
		call_session_end(s, status);
		return;
	}
	s->staying = true;
	if (!isinf(s->o->stay_s))
		amas__timer_start(&s->stay, s->o->stay_s);
}

/* No line will be taken any more. */
static void
no_more_lines(struct call_session *s)
{
	if (s->ended)
		return;
	s->ended = true;
	call_quiet_end(&s->quiet);
	if (s->ops->ended != NULL)
		s->ops->ended(s);
}

static void
input_over(struct call_session *s)
{
	no_more_lines(s);
	if (!s->over && s->ops->busy(s) == 0)
		all_done(s);
}

/* A line waits, or somebody may call us, and there is no connection. */
static void
want_connection(struct call_session *s)
{
	if (amas__timer_active(&s->retry))
		return;
	if (s->o->wait_s < 0) {
		call_session_end(s, call_peer_fail(s->peer, &s->lost));
		return;
	}
	amas__timer_start(&s->retry, s->retry_s);
	s->retry_s *= 2;
	if (s->retry_s < RETRY_MIN_S)
		s->retry_s = RETRY_MIN_S;
	else if (s->retry_s > RETRY_MAX_S)
		s->retry_s = RETRY_MAX_S;
}

/* ---- The agent ---- */

static void
on_valid(const struct amas_reply *rep, void *arg)
{
	struct call_session *s = arg;
	struct amas_error err;

	if (s->over || (rep->kind == AMAS_ERROR && is_lost(s, rep)))
		return; /* on_close() follows */
	s->asked_by = s->retry_s = 0;
	s->state = CALL_OPEN;
	if (rep->kind == AMAS_ERROR) {
		(void)amas_error_set(&err, rep->code, "%s", rep->text);
		call_session_end(s, call_peer_fail(s->peer, &err));
	} else if (rep->kind == AMAS_FAILURE &&
	    (s->missing = amas__strdup(rep->text)) == NULL) {
		call_session_end(s, cmd_nomem());
	}
	call_session_pump(s);
}

/* A peer that takes the question and ends is asked again while -w lasts. */
static void
ask(struct call_session *s)
{
	int rc;

	free(s->missing);
	s->missing = NULL;
	s->ask = false;
	s->state = CALL_ASKING;
	if (s->asked_by <= 0)
		s->asked_by = call_now() + (s->o->wait_s > 0 ? s->o->wait_s :
		    0);
	if ((rc = call_agent_ask(s->ch, s->o->addr, on_valid, s)) != 0)
		call_session_end(s, cmd_error(amas_exit_status(rc),
		    s->o->addr, "%s", amas_strerror(rc)));
}

/* ---- All lines ---- */

/* Takes one line, or finds that it has to wait; returns whether to go on. */
static bool
step(struct call_session *s)
{
	enum call_line kind;
	const char *line;
	size_t len;

	kind = call_input_peek(&s->in, &line, &len);
	if (kind == CALL_LINE_END)
		input_over(s);
	if (kind == CALL_LINE_END || kind == CALL_LINE_NONE)
		return false;
	if (s->state != CALL_OPEN) {
		want_connection(s);
		return false;
	}
	if (kind == CALL_LINE_LONG) {
		call_session_bad(s, s->in.n + 1, "line is too long (--max-message)");
	} else if (s->blank || !is_blank(line, len)) {
		if (s->ask) {
			ask(s);
			return false;
		}
		take_line(s, line, len);
	}
	if (!s->over)
		call_input_next(&s->in);
	return true;
}

/* The host asks whether a line may come, now that all were taken that can be. */
static void
answer_host(struct call_session *s)
{
	if (s->ops->full(s))
		call_quiet_answer(&s->quiet, "full");
	else if (s->state == CALL_OPEN && s->ops->room(s) &&
	    !call_input_waits(&s->in))
		call_quiet_answer(&s->quiet, NULL);
}

void
call_session_pump(struct call_session *s)
{
	bool more = true;

	if (output_failed(s))
		call_session_end(s, s->deaf);
	while (more && !s->over && !s->staying && !halted(s) &&
	    (s->state == CALL_OPEN || s->state == CALL_LOST) &&
	    s->ops->room(s))
		more = step(s);
	if (!s->over && !s->staying && halted(s)) {
		call_quiet_end(&s->quiet);
		if (s->ops->busy(s) == 0)
			all_done(s);
	}
	answer_host(s);
}

/* ---- The connection ---- */

static void
on_open(struct amas_channel *ch, void *arg)
{
	struct call_session *s = arg;

	s->state = CALL_OPEN;
	s->ask = s->agent;
	if (!s->ended && !halted(s))
		call_quiet_begin(&s->quiet, ch);
	call_session_pump(s);
}

/*
 * The end of a connection that leaves nothing without answer is no failure
 * until a line wants it.
 */
static void
on_close(struct amas_channel *ch, const struct amas_error *why, void *arg)
{
	struct call_session *s = arg;
	enum call_state was = s->state;

	(void)ch;
	if (s->over)
		return;
	s->state = CALL_LOST;
	s->lost = *why;
	drop_channel(s);
	if (s->staying)
		call_session_end(s, CMD_OK);
	else if (was == CALL_CONNECTING || why->code == AMAS_ETLS ||
	    (was == CALL_ASKING && call_now() >= s->asked_by) ||
	    (was == CALL_CLOSING && s->o->wait_s < 0))
		call_session_end(s, call_peer_fail(s->peer, why));
	else if (was == CALL_CLOSING)
		(void)cmd_fail(s->o->addr, why);
	if (!s->over && s->keeps)
		want_connection(s);
	if (!s->over)
		call_session_pump(s);
}

static int
open_channel(struct call_session *s, struct amas_error *err)
{
	struct amas_opts opts;

	call_peer_opts(&opts, s->peer);
	opts.on_open = on_open;
	opts.on_close = on_close;
	opts.arg = s;
	s->state = CALL_CONNECTING;
	return call_peer_open(&s->ch, s->peer, s->o->addr, &opts, err);
}

static void
on_retry(struct amas__timer *t)
{
	struct call_session *s = AMAS__OF(t, struct call_session, retry);
	struct amas_error err;

	if (open_channel(s, &err) != 0)
		call_session_end(s, call_peer_fail(s->peer, &err));
}

/* ---- All of it ---- */

static void
on_input(struct call_input *in)
{
	call_session_pump(AMAS__OF(in, struct call_session, in));
}

static void
on_asked(struct call_quiet *q)
{
	call_session_pump(AMAS__OF(q, struct call_session, quiet));
}

static void
on_written(struct call_output *out)
{
	struct call_session *s = AMAS__OF(out, struct call_session, out);

	finish_if_written(s);
	if (!s->over && s->ops->wrote != NULL)
		s->ops->wrote(s);
	call_session_pump(s);
}

static int
start(struct call_session *s, struct amas_error *err)
{
	if (!s->many)
		return open_channel(s, err);
	s->state = CALL_OPEN;
	call_session_pump(s);
	return 0;
}

int
call_session_run(struct call_session *s)
{
	struct amas_loop *l = s->peer->loop;
	size_t max = s->o->args.max_message;
	double left = s->o->deadline - call_now();
	struct amas_error err;
	int status;

	s->why = "connection lost, outcome unknown";
	if ((status = call_quiet_init(&s->quiet, s->peer, on_asked)) != CMD_OK)
		return status;
	call_input_init(&s->in, l, max != 0 ? max : AMAS__FRAME_MAX, on_input);
	call_output_init(&s->out, l, on_written);
	amas__timer_init(&s->deadline, l, on_deadline);
	amas__timer_init(&s->retry, l, on_retry);
	amas__timer_init(&s->stay, l, on_stay);
	if (!isinf(left))
		amas__timer_start(&s->deadline, left > 0 ? left : 0);
	if (start(s, &err) != 0) {
		amas__timer_stop(&s->deadline);
		call_quiet_fini(&s->quiet);
		return call_peer_fail(s->peer, &err);
	}
	status = call_peer_run(s->peer);
	if (status != CMD_OK) /* a signal */
		call_session_end(s, status);
	assert(s->over);
	call_quiet_fini(&s->quiet);
	free(s->missing);
	if (s->status != CMD_OK)
		return s->status;
	return s->failed ? CMD_FAILED : s->bad ? CMD_INPUT : CMD_OK;
}
