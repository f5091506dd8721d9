/*
 * Containers, and steps of all of them; see clock_fleet.h.
 *
 * A step is one wave.  Those that only set the time come first, and all of them
 * have it before any other steps, so that what their agents send is handled at
 * the new time.  Then all others are marked active before the first of them is
 * told, and the step is over when none is active: whoever sent something to one
 * that is parked already was active until it was acknowledged, and by then that
 * one has said that it was woken.
 */
#include "clock_fleet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "addr.h"
#include "call.h"
#include "channel.h"
#include "date.h"
#include "mem.h"
#include "service.h"
#include "text.h"

static int
failed(const struct clock_peer *p, int status, const char *why)
{
	char doing[CLOCK_DOING_SIZE];

	return cmd_error(status, p->name, "%s: %s",
	    clock_fleet_doing(p->fleet, doing), why);
}

static void
fail(struct clock_peer *p, int status, const char *why)
{
	clock_fleet_fail(p->fleet, failed(p, status, why));
}

/* The last line of a failure, which in a traceback says what it is. */
static void
fail_remote(struct clock_peer *p, const char *text)
{
	size_t len = strlen(text);

	amas__last_line(&text, &len);
	clock_fleet_fail(p->fleet, cmd_error(CMD_FAILED, p->name, "%.*s",
	    (int)(len < 4000 ? len : 4000), text));
}

/* ---- Who is active ---- */

static void
mark(struct clock_peer *p)
{
	if (p->busy++ == 0)
		p->fleet->n_busy++;
}

static void
unmark(struct clock_peer *p)
{
	if (--p->busy == 0)
		p->fleet->n_busy--;
}

static void
send(struct clock_peer *p, const char *path, amas_reply_fn *fn,
    const struct amas_value *arg)
{
	struct amas_proxy *remote = amas_channel_remote(p->ch);
	int rc;

	rc = arg != NULL ? amas_proxy_call(remote, path, 0, fn, p, "[v]", arg) :
	    amas_proxy_call(remote, path, 0, fn, p, NULL);
	if (rc != 0)
		fail(p, amas_exit_status(rc), amas_strerror(rc));
}

/*
 * Takes what came of a call.  Returns whether it is a result; else all is over.
 */
static bool
is_result(struct clock_peer *p, const struct amas_reply *rep)
{
	if (p->fleet->phase == CLOCK_CLOSED)
		return false;
	unmark(p);
	if (rep->kind == AMAS_RESULT)
		return true;
	if (rep->kind == AMAS_FAILURE)
		fail_remote(p, rep->text);
	else
		fail(p, amas_exit_status(rep->code), rep->text);
	return false;
}

static void
look_stopped(struct clock_fleet *f)
{
	if (f->n_busy == 0)
		clock_fleet_fail(f, CMD_OK);
}

/* ---- Steps ---- */

static void
rest(struct clock_fleet *f)
{
	clock_lag_stop(f);
	f->phase = CLOCK_RESTING;
	f->ops->rested(f);
}

/* Takes the earliest sleeper of a container: seconds, or null for none. */
static bool
take_next(struct clock_peer *p, const struct amas_value *v)
{
	double t = INFINITY;

	if (amas_value_type(v) != AMAS_NULL &&
	    amas_value_unpack(v, NULL, "f", &t) != 0)
		return false;
	p->next_s = t;
	return true;
}

static void
on_rest(const struct amas_reply *rep, void *arg)
{
	struct clock_peer *p = arg;
	struct clock_fleet *f = p->fleet;
	const struct amas_value *next;
	int64_t activity;

	if (!is_result(p, rep))
		return;
	if (f->phase == CLOCK_STOPPING) {
		look_stopped(f);
		return;
	}
	if (amas_value_unpack(rep->value, NULL, "[Iv]", &activity, &next) !=
	    0 || !take_next(p, next)) {
		fail(p, CMD_PEER, "the answer is not [activity, next]");
		return;
	}
	if (f->phase == CLOCK_STEPPING)
		f->slowest = p->name;
	if (f->n_busy == 0)
		rest(f);
}

static void
answer_wake(struct clock_peer *p)
{
	struct amas_request *req = p->wake;

	p->wake = NULL;
	if (req != NULL)
		amas_request_reply(req, NULL);
}

/* It was parked, and something has come for it. */
static void
on_wake(struct amas_request *req, void *self)
{
	struct clock_fleet *f = self;
	struct amas_channel *ch = amas_request_channel(req);
	struct clock_peer *p = ch != NULL ? amas_channel_arg(ch) : NULL;

	if (p == NULL || amas_request_unpack(req, "[]") != 0)
		return;
	if (f->phase == CLOCK_SETTING && p->wake == NULL) {
		p->wake = amas_request_keep(req);
		return;
	}
	amas_request_reply(req, NULL);
	if (!p->parks || p->busy > 0 || f->phase < CLOCK_RESTING ||
	    f->phase == CLOCK_SETTING || f->phase == CLOCK_STOPPING)
		return;
	mark(p);
	if (f->phase == CLOCK_RESTING) {
		f->phase = CLOCK_WOKEN;
		clock_lag_start(f);
	}
	send(p, "agents/0/idle", on_rest, NULL);
}

/* Has all that step go on: to a time, NULL: as it is. */
static void
begin_steps(struct clock_fleet *f, const char *function,
    struct amas_value *t)
{
	size_t i;

	f->phase = CLOCK_STEPPING;
	for (i = 0; i < f->n; i++)
		if (f->peers[i].kind == CLOCK_STEPS)
			mark(&f->peers[i]);
	for (i = 0; i < f->n && f->phase == CLOCK_STEPPING; i++) {
		if (f->peers[i].kind != CLOCK_STEPS)
			continue;
		f->peers[i].parks = true;
		send(&f->peers[i], function, on_rest, t);
		answer_wake(&f->peers[i]);
	}
	if (f->phase == CLOCK_STEPPING && f->n_busy == 0)
		rest(f);
}

static void
begin_others(struct clock_fleet *f)
{
	struct amas_value *t = clock_time_value(f->time_s);

	begin_steps(f, "agents/0/step", t);
	amas_value_free(t);
}

void
clock_fleet_settle(struct clock_fleet *f)
{
	f->slowest = NULL;
	clock_lag_start(f);
	begin_steps(f, "agents/0/idle", NULL);
}

static void
on_set(const struct amas_reply *rep, void *arg)
{
	struct clock_peer *p = arg;
	struct clock_fleet *f = p->fleet;

	if (!is_result(p, rep))
		return;
	f->slowest = p->name;
	if (f->n_busy == 0)
		begin_others(f);
}

/* NULL for t: memory is short, as sending says. */
void
clock_fleet_step(struct clock_fleet *f, double t_s)
{
	struct amas_value *t = clock_time_value(t_s);
	size_t i;

	f->phase = CLOCK_SETTING;
	f->time_s = t_s;
	f->slowest = NULL;
	clock_lag_start(f);
	for (i = 0; i < f->n; i++)
		if (f->peers[i].kind == CLOCK_SETS)
			mark(&f->peers[i]);
	for (i = 0; i < f->n && f->phase == CLOCK_SETTING; i++)
		if (f->peers[i].kind == CLOCK_SETS)
			send(&f->peers[i], "agents/0/set_time", on_set, t);
	amas_value_free(t);
	if (f->phase == CLOCK_SETTING && f->n_busy == 0)
		begin_others(f);
}

/* ---- What they are ---- */

static bool
same_socket(const char *a, const char *b)
{
	struct stat sa, sb;

	return strncmp(a, "ipc://", 6) == 0 && strncmp(b, "ipc://", 6) == 0 &&
	    stat(a + 6, &sa) == 0 && stat(b + 6, &sb) == 0 &&
	    sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* The same container twice, by other names, would be stepped twice. */
static bool
check_doubles(struct clock_fleet *f)
{
	const char *a, *b;
	size_t i, k;

	for (i = 1; i < f->n; i++) {
		for (k = 0; k < i; k++) {
			a = amas_channel_peer(f->peers[i].ch);
			b = amas_channel_peer(f->peers[k].ch);
			if (strcmp(a, b) != 0 && !same_socket(a, b))
				continue;
			clock_fleet_fail(f, cmd_error(CMD_USAGE,
			    f->peers[i].name, "is the same container as %s",
			    f->peers[k].name));
			return false;
		}
	}
	return true;
}

/* All have answered that are asked now. */
static void
look_opened(struct clock_fleet *f)
{
	if (f->n_open < f->n || f->n_busy > 0 || !check_doubles(f))
		return;
	clock_lag_stop(f);
	f->phase = CLOCK_RESTING;
	f->ops->opened(f);
}

/* What it does not tell is not known, and that is no failure. */
static void
on_time(const struct amas_reply *rep, void *arg)
{
	struct clock_peer *p = arg;
	double t;

	if (rep->kind != AMAS_FAILURE && !is_result(p, rep))
		return;
	if (rep->kind == AMAS_FAILURE)
		unmark(p);
	else if (amas_value_unpack(rep->value, NULL, "f", &t) == 0) {
		p->time_s = t;
		p->knows_time = true;
	}
	look_opened(p->fleet);
}

static void
on_date(const struct amas_reply *rep, void *arg)
{
	struct clock_peer *p = arg;
	const struct amas_value *v = rep->value;
	const char *why;

	if (rep->kind != AMAS_FAILURE && !is_result(p, rep))
		return;
	if (rep->kind == AMAS_FAILURE)
		unmark(p);
	if (amas_value_type(v) == AMAS_TYPED)
		v = amas_value_at(v, 0);
	p->knows_date = rep->kind == AMAS_RESULT &&
	    amas_value_type(v) == AMAS_STRING && amas__date_parse(&p->date_us,
	    amas_value_text(v), amas_value_len(v), &why);
	look_opened(p->fleet);
}

/* Agent 0 knows no next(): it is Python's manager, or there is none. */
static void
take_failure(struct clock_peer *p, const char *text)
{
	unmark(p);
	if (strstr(text, "\"next\" not found in \"agents/0\"") != NULL) {
		p->kind = CLOCK_SETS;
		look_opened(p->fleet);
	} else if (strstr(text, "\"0\" not found in \"agents\"") != NULL) {
		fail(p, CMD_FAILED, "there is no agent 0, no manager");
	} else if (strstr(text, "\"agents\" not found in \"\"") != NULL) {
		fail(p, CMD_FAILED, "that is no container");
	} else {
		fail_remote(p, text);
	}
}

static void
on_next(const struct amas_reply *rep, void *arg)
{
	struct clock_peer *p = arg;

	if (p->fleet->phase == CLOCK_CLOSED)
		return;
	if (rep->kind == AMAS_FAILURE) {
		take_failure(p, rep->text);
		return;
	}
	if (!is_result(p, rep))
		return;
	if (!take_next(p, rep->value)) {
		fail(p, CMD_FAILED, "agent 0 is no manager");
		return;
	}
	p->kind = CLOCK_STEPS;
	mark(p);
	mark(p);
	send(p, "amas/time", on_time, NULL);
	if (p->fleet->phase != CLOCK_CLOSED)
		send(p, "amas/utcnow", on_date, NULL);
}

/* Connecting has its own time, -w; asking begins when all are there. */
static void
on_open(struct amas_channel *ch, void *arg)
{
	struct clock_fleet *f = arg;
	struct clock_peer *p = amas_channel_arg(ch);

	p->open = true;
	if (++f->n_open == f->n)
		clock_lag_start(f);
	mark(p);
	send(p, "agents/0/next", on_next, NULL);
}

static void
on_close(struct amas_channel *ch, const struct amas_error *why, void *arg)
{
	struct clock_fleet *f = arg;
	struct clock_peer *p = amas_channel_arg(ch);

	answer_wake(p);
	if (f->phase == CLOCK_CLOSED)
		return;
	if (!p->open)
		clock_fleet_fail(f, cmd_fail(p->name, why));
	else if (f->phase != CLOCK_STOPPING)
		fail(p, amas_exit_status(why->code), why->text);
}

/* ---- The end ---- */

/* One that is gone already has stopped, too. */
static void
on_stop(const struct amas_reply *rep, void *arg)
{
	struct clock_peer *p = arg;
	struct clock_fleet *f = p->fleet;

	if (f->phase == CLOCK_CLOSED)
		return;
	if (rep->code == AMAS_ECLOSED)
		unmark(p);
	else if (!is_result(p, rep))
		return;
	look_stopped(f);
}

void
clock_fleet_stop(struct clock_fleet *f)
{
	size_t i;

	f->phase = CLOCK_STOPPING;
	clock_lag_start(f);
	for (i = 0; i < f->n; i++)
		mark(&f->peers[i]);
	for (i = 0; i < f->n && f->phase == CLOCK_STOPPING; i++)
		send(&f->peers[i], "agents/0/stop", on_stop, NULL);
}

void
clock_fleet_fail(struct clock_fleet *f, int status)
{
	if (f->phase == CLOCK_CLOSED)
		return;
	clock_fleet_close(f);
	f->ops->ended(f, status);
}

void
clock_fleet_close(struct clock_fleet *f)
{
	size_t i;

	f->phase = CLOCK_CLOSED;
	clock_lag_stop(f);
	for (i = 0; i < f->n; i++) {
		struct amas_channel *ch = f->peers[i].ch;

		f->peers[i].ch = NULL;
		amas_channel_close(ch);
	}
}

/* ---- The beginning ---- */

static const struct amas_function functions[] = { { "wake", on_wake },
	{ NULL, NULL } };

static int
make_service(struct clock_fleet *f, struct amas_error *err)
{
	struct amas_service *sub;
	int rc;

	if ((rc = amas_service_new(&f->service, err)) != 0 ||
	    (rc = amas_service_new(&sub, err)) != 0)
		return rc;
	if ((rc = amas_service_add(sub, functions, f, err)) == 0)
		rc = amas__service_mount_amas(f->service, sub, err);
	amas_service_free(sub);
	return rc;
}

static int
open_peer(struct clock_peer *p, const struct clock_addr *addr)
{
	const struct clock_fleet *f = p->fleet;
	const struct cmd_args *a = &f->o->args;
	const struct amas_opts opts = { .codec = a->codec, .types = a->types,
		.max_message = a->max_message,
		.connect_timeout_s = f->o->wait_s, .service = f->service,
		.tls = cmd_is_tcp(addr->url) ? a->tls : NULL,
		.on_open = on_open, .on_close = on_close, .arg = p->fleet };
	struct amas_error err;

	p->name = addr->name;
	if (strncmp(addr->url, "local://", 8) == 0)
		return cmd_error(CMD_CONNECT, p->name, "%s", CALL_LOCAL_ONLY);
	p->next_s = INFINITY;
	if (amas_channel_open(&p->ch, f->loop, addr->url, &opts, &err) != 0)
		return cmd_fail(p->name, &err);
	amas_channel_set_arg(p->ch, p);
	return CMD_OK;
}

int
clock_fleet_open(struct clock_fleet *f, const struct clock_addrs *all)
{
	struct amas_error err;
	size_t i;
	int status = CMD_OK;

	clock_lag_init(f);
	if (make_service(f, &err) != 0)
		return cmd_fail(NULL, &err);
	if ((f->peers = calloc(all->n, sizeof *f->peers)) == NULL)
		return cmd_nomem();
	f->n = all->n;
	f->phase = CLOCK_OPENING;
	for (i = 0; i < f->n && status == CMD_OK; i++) {
		f->peers[i].fleet = f;
		status = open_peer(&f->peers[i], &all->list[i]);
	}
	return status;
}

const char *
clock_fleet_doing(const struct clock_fleet *f, char out[CLOCK_DOING_SIZE])
{
	char t[CLOCK_TEXT_SIZE];
	bool step = f->phase == CLOCK_SETTING || f->phase == CLOCK_STEPPING;

	(void)snprintf(out, CLOCK_DOING_SIZE, "%s%s",
	    step ? "step " : f->phase == CLOCK_OPENING ? "first question" :
	    f->phase == CLOCK_STOPPING ? "stop" :
	    f->phase == CLOCK_WOKEN ? "after a step" : "between steps",
	    step ? clock_time_print(t, f->time_s) : "");
	return out;
}
