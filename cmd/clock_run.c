/*
 * set, run and feed: which step comes next, what is said of it, and the end; see
 * clock_run.h.
 *
 * A signal ends a run when the step under way has ended, a second one at once.
 * The watchers of signals keep nobody waiting.
 */
#include "clock_run.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "frame.h"

#define RETRY_S 0.05	/* until a file of addresses is read again */
#define US 1e6

static const int signals[CLOCK_SIGNALS] = { SIGTERM, SIGINT, SIGUSR1,
	SIGUSR2 };

/* ---- The end ---- */

/* What is not written by now is not: whoever reads is slower than the end. */
static void
end(struct clock_run *r, int status)
{
	if (r->over)
		return;
	r->over = true;
	r->status = status;
	amas__timer_stop(&r->retry);
	clock_fleet_close(&r->fleet);
	clock_pace_fini(r);
	call_input_fini(&r->in);
	call_output_flush(&r->out);
	call_output_fini(&r->out);
}

void
clock_run_finish(struct clock_run *r, int status)
{
	if (r->over)
		return;
	r->status = status;
	amas__timer_stop(&r->pace);
	call_input_fini(&r->in);
	if (r->o->stop && r->fleet.phase >= CLOCK_RESTING)
		clock_fleet_stop(&r->fleet);
	else
		end(r, status);
}

/* ---- What is said ---- */

static int
put_step(struct clock_run *r)
{
	double wall_s = call_now() - r->fleet.begun_s;
	struct amas_value *t = clock_time_value(r->time_s), *v;
	struct amas_error err = { .code = AMAS_ENOMEM };
	int rc = AMAS_ENOMEM;

	wall_s = (double)(int64_t)(wall_s * US + 0.5) / US;
	v = t == NULL ? NULL : amas_value_pack("{s:v s:f s:s}", "time", t,
	    "wall", wall_s, "slowest", r->fleet.slowest);
	if (v != NULL)
		rc = call_put_value(&r->out.buf, v, 0, &err);
	amas_value_free(v);
	amas_value_free(t);
	return rc;
}

/* A step is over, and all that it has set going. */
static void
report(struct clock_run *r)
{
	char t[CLOCK_TEXT_SIZE];
	int rc = 0;

	r->time_s = r->fleet.time_s;
	r->has_time = true;
	r->stepping = false;
	r->set = true;
	if (r->settling || r->o->command == CLOCK_SET) {
		r->settling = false;
		return;
	}
	if (r->o->command == CLOCK_FEED)
		rc = amas__buf_puts(&r->out.buf, clock_time_print(t,
		    r->time_s));
	else
		rc = put_step(r);
	if (rc == 0)
		rc = amas__buf_putc(&r->out.buf, '\n');
	if (rc != 0)
		clock_run_finish(r, cmd_nomem());
	r->hook_due = r->o->hook != NULL;
	call_output_start(&r->out);
	call_output_flush(&r->out);
}

static void
on_written(struct call_output *out)
{
	struct clock_run *r = AMAS__OF(out, struct clock_run, out);

	if (r->over)
		return;
	if (out->error != 0)
		clock_run_finish(r, call_output_failed(out->error));
	else
		clock_run_go(r);
}

/* ---- Times ---- */

/* What a time means to the containers: of a date, one has to tell its own. */
static bool
resolve(const struct clock_run *r, const struct clock_time *t, double *out)
{
	const struct clock_peer *p = r->fleet.peers, *last = p + r->fleet.n;

	*out = t->s;
	if (!t->is_date)
		return true;
	while (p < last && !(p->knows_time && p->knows_date))
		p++;
	if (p == last)
		return false;
	*out = (double)(t->us - p->date_us) / US + p->time_s;
	/* both are whole microseconds, their sum should be, too */
	if (*out < 9e9 && *out > -9e9)
		*out = (double)(int64_t)(*out * US + (*out < 0 ? -0.5 : 0.5)) /
		    US;
	return true;
}

static const char no_date[] = "a date means nothing here: no container tells "
			      "its own";

/* The latest time of all that tell theirs; returns who has it, or NULL. */
static const struct clock_peer *
find_time(const struct clock_run *r)
{
	const struct clock_peer *p = r->fleet.peers, *found = NULL;
	size_t i;

	for (i = 0; i < r->fleet.n; i++, p++)
		if (p->knows_time && (found == NULL ||
		    p->time_s > found->time_s))
			found = p;
	return found;
}

static void
step(struct clock_run *r, double t_s)
{
	r->stepping = true;
	r->once = false;
	clock_fleet_step(&r->fleet, t_s);
}

/* ---- set ---- */

static void
go_set(struct clock_run *r)
{
	const struct clock_peer *last = find_time(r);
	char now[CLOCK_TEXT_SIZE], then[CLOCK_TEXT_SIZE];
	double t;

	if (r->set) {
		clock_run_finish(r, CMD_OK);
	} else if (!resolve(r, &r->o->set, &t)) {
		clock_run_finish(r, cmd_error(CMD_USAGE, "set", no_date));
	} else if (last != NULL && t <= last->time_s) {
		clock_run_finish(r, cmd_error(CMD_FAILED, last->name,
		    "ValueError: Time must be > %s but is %s",
		    clock_time_print(now, last->time_s),
		    clock_time_print(then, t)));
	} else {
		step(r, t);
	}
}

/* ---- run ---- */

static void
go_run(struct clock_run *r)
{
	double t = clock_pace_next(r);

	if (isinf(t))
		clock_run_finish(r, CMD_OK);
	else if (clock_pace_due(r, t))
		step(r, t);
}

/* All must tell their sleepers, and do, when all are parked at one time. */
static void
settle(struct clock_run *r)
{
	size_t i;

	for (i = 0; i < r->fleet.n; i++) {
		if (r->fleet.peers[i].kind == CLOCK_STEPS)
			continue;
		clock_run_finish(r, cmd_error(CMD_FAILED,
		    r->fleet.peers[i].name, "cannot tell who sleeps there: "
		    "--next is for containers of amas"));
		return;
	}
	if (!r->has_time) {
		clock_run_finish(r, cmd_error(CMD_FAILED,
		    r->fleet.peers[0].name, "does not tell its time"));
		return;
	}
	r->settling = true;
	step(r, r->time_s);
}

/* ---- feed ---- */

static void
bad_line(struct clock_run *r, const char *why)
{
	char subject[48];

	(void)snprintf(subject, sizeof subject, "standard input: line %llu",
	    (unsigned long long)r->in.n + 1);
	clock_run_finish(r, cmd_error(CMD_INPUT, subject, "%s", why));
}

static void
take_line(struct clock_run *r, const char *line, size_t len)
{
	char now[CLOCK_TEXT_SIZE], then[CLOCK_TEXT_SIZE], text[128];
	struct clock_time t;
	const char *why;
	double t_s;

	while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
		len--;
	for (; len > 0 && strchr(" \t", *line) != NULL; len--)
		line++;
	if (!clock_time_read(&t, len > 0 ? line : "", len, &why)) {
		bad_line(r, why);
	} else if (!resolve(r, &t, &t_s)) {
		bad_line(r, no_date);
	} else if (r->has_time && t_s <= r->time_s) {
		(void)snprintf(text, sizeof text, "Time must be > %s but is "
		    "%s", clock_time_print(now, r->time_s),
		    clock_time_print(then, t_s));
		bad_line(r, text);
	} else {
		call_input_next(&r->in);
		step(r, t_s);
	}
}

static void
go_feed(struct clock_run *r)
{
	const char *line;
	size_t len;

	switch (call_input_peek(&r->in, &line, &len)) {
	case CALL_LINE:
		take_line(r, line, len);
		break;
	case CALL_LINE_LONG:
		bad_line(r, "is too long");
		break;
	case CALL_LINE_END:
		clock_run_finish(r, r->in.error == 0 ? CMD_OK : cmd_error(
		    CMD_SYS, "standard input", "%s", strerror(r->in.error)));
		break;
	case CALL_LINE_NONE:
		break; /* on_input() follows */
	}
}

static void
on_input(struct call_input *in)
{
	clock_run_go(AMAS__OF(in, struct clock_run, in));
}

/* ---- All of it ---- */

void
clock_run_go(struct clock_run *r)
{
	if (r->over || r->fleet.phase != CLOCK_RESTING || r->proc != NULL ||
	    amas__buf_len(&r->out.buf) > 0)
		return;
	amas__timer_stop(&r->pace);
	if (r->out.error != 0)
		clock_run_finish(r, call_output_failed(r->out.error));
	else if (r->hook_due)
		clock_pace_hook(r);
	else if (r->quit)
		clock_run_finish(r, CMD_OK);
	else if (r->paused && !r->once)
		return;
	else if (r->o->command == CLOCK_SET)
		go_set(r);
	else if (r->o->command == CLOCK_RUN)
		go_run(r);
	else
		go_feed(r);
}

/* Where the steps of a run begin and end. */
static int
take_bounds(struct clock_run *r)
{
	char now[CLOCK_TEXT_SIZE], then[CLOCK_TEXT_SIZE];
	double from_s;

	r->until_s = INFINITY;
	if (r->o->has_until && !resolve(r, &r->o->until, &r->until_s))
		return cmd_error(CMD_USAGE, "--until", no_date);
	if (r->o->has_from && !resolve(r, &r->o->from, &from_s))
		return cmd_error(CMD_USAGE, "--from", no_date);
	if (r->o->has_from && (!r->has_time || from_s > r->time_s))
		r->time_s = from_s;
	if (r->until_s < r->time_s)
		return cmd_error(CMD_FAILED, "--until", "%s is over: it is %s",
		    clock_time_print(then, r->until_s),
		    clock_time_print(now, r->time_s));
	return CMD_OK;
}

static void
on_opened(struct clock_fleet *f)
{
	struct clock_run *r = AMAS__OF(f, struct clock_run, fleet);
	const struct clock_peer *last = find_time(r);
	int status;

	if (last != NULL)
		r->time_s = last->time_s;
	r->has_time = last != NULL;
	r->fleet.time_s = r->time_s;
	if ((status = take_bounds(r)) != CMD_OK)
		clock_run_finish(r, status);
	else
		clock_fleet_settle(f);
}

static void
on_rested(struct clock_fleet *f)
{
	struct clock_run *r = AMAS__OF(f, struct clock_run, fleet);

	bool begins = !r->begun;

	r->begun = true;
	if (r->stepping)
		report(r);
	if (begins && r->o->next)
		settle(r);
	else
		clock_run_go(r);
}

static void
on_ended(struct clock_fleet *f, int status)
{
	struct clock_run *r = AMAS__OF(f, struct clock_run, fleet);

	end(r, status != CMD_OK ? status : r->status);
}

static const struct clock_fleet_ops ops = { on_opened, on_rested, on_ended };

/* ---- Addresses ---- */

static void
open_fleet(struct clock_run *r)
{
	int status = clock_fleet_open(&r->fleet, &r->addrs);

	if (status != CMD_OK)
		end(r, status);
}

/* Reads the files until they name as many as are expected. */
static void
gather(struct clock_run *r)
{
	size_t expected = (size_t)r->o->expect;
	int status = clock_addrs_read(&r->addrs, r->o);

	if (status != CMD_OK)
		end(r, status);
	else if (r->addrs.n > expected && expected > 0)
		end(r, cmd_error(CMD_USAGE, "--expect",
		    "there are %zu addresses, not %zu", r->addrs.n, expected));
	else if (r->addrs.n == 0 && expected == 0)
		end(r, cmd_error(CMD_INPUT, r->o->argv[r->o->command ==
		    CLOCK_SET], "names no container"));
	else if (r->addrs.n == expected || expected == 0)
		open_fleet(r);
	else if (r->addrs.later && call_now() < r->give_up_s)
		amas__timer_start(&r->retry, RETRY_S);
	else
		end(r, cmd_error(CMD_CONNECT, "--expect",
		    "there are %zu of %zu addresses", r->addrs.n, expected));
}

static void
on_retry(struct amas__timer *t)
{
	gather(AMAS__OF(t, struct clock_run, retry));
}

/* ---- Signals ---- */

static void
pause_or_go(struct clock_run *r)
{
	char t[CLOCK_TEXT_SIZE], line[80];

	r->paused = !r->paused;
	r->paced = false;
	(void)snprintf(line, sizeof line, "%s at %s", r->paused ? "paused" :
	    "resumed", r->has_time ? clock_time_print(t, r->time_s) : "?");
	cmd_log(AMAS_LOG_INFO, line, NULL);
}

static void
on_signal(struct ev_loop *ev, ev_signal *w, int revents)
{
	struct clock_run *r = w->data;

	(void)revents;
	if (w->signum == SIGUSR1) {
		pause_or_go(r);
	} else if (w->signum == SIGUSR2) {
		r->once = r->paused;
	} else if (r->quit) {
		end(r, 128 + w->signum);
		ev_break(ev, EVBREAK_ALL);
		return;
	} else {
		r->quit = true;
		if (r->fleet.phase <= CLOCK_OPENING)
			end(r, CMD_OK);
	}
	clock_run_go(r);
}

static int
watch_signals(struct clock_run *r)
{
	size_t i;

	if ((r->ev = ev_loop_new(EVFLAG_NOENV)) == NULL)
		return cmd_error(CMD_SYS, NULL, "event loop: %s",
		    strerror(errno));
	for (i = 0; i < CLOCK_SIGNALS; i++) {
		ev_signal_init(&r->signals[i], on_signal, signals[i]);
		r->signals[i].data = r;
		ev_signal_start(r->ev, &r->signals[i]);
		ev_unref(r->ev);
	}
	return CMD_OK;
}

static void
unwatch_signals(struct clock_run *r)
{
	size_t i;

	for (i = 0; i < CLOCK_SIGNALS; i++) {
		ev_ref(r->ev);
		ev_signal_stop(r->ev, &r->signals[i]);
	}
	ev_loop_destroy(r->ev);
}

/* ---- Begin and end ---- */

static void
drive(struct clock_run *r)
{
	size_t max = r->o->args.max_message;

	r->fleet.o = r->o;
	r->fleet.ops = &ops;
	r->fleet.loop = r->loop;
	r->give_up_s = call_now() + r->o->wait_s;
	clock_lag_init(&r->fleet);
	clock_pace_init(r);
	amas__timer_init(&r->retry, r->loop, on_retry);
	call_output_init(&r->out, r->loop, on_written);
	call_input_init(&r->in, r->loop, max != 0 ? max : AMAS__FRAME_MAX,
	    on_input);
	gather(r);
	(void)amas_loop_run(r->loop, INFINITY);
}

int
clock_run(const struct clock_opts *o)
{
	struct clock_run r = { .o = o };
	int status;

	if ((status = watch_signals(&r)) != CMD_OK)
		return status;
	if ((status = cmd_loop_new(&r.loop, r.ev, &o->args)) == CMD_OK) {
		drive(&r);
		status = r.status;
	}
	amas_service_free(r.fleet.service);
	amas_loop_free(r.loop);
	free(r.fleet.peers);
	clock_addrs_free(&r.addrs);
	unwatch_signals(&r);
	return status;
}
