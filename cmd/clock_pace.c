/*
 * When steps are: their times, the rate at which they follow each other, the
 * command after each.
 */
#include "clock_run.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"

static double
next_sleeper(const struct clock_run *r)
{
	double t = INFINITY;
	size_t i;

	for (i = 0; i < r->fleet.n; i++)
		if (r->fleet.peers[i].next_s < t)
			t = r->fleet.peers[i].next_s;
	/* one that is due is woken by a step to where all are */
	return t < r->time_s ? r->time_s : t;
}

double
clock_pace_next(const struct clock_run *r)
{
	double t;

	if (r->o->next)
		t = next_sleeper(r);
	else
		t = clock_time_after(r->time_s, r->o->step_s);
	return t <= r->until_s ? t : INFINITY;
}

/* ---- The rate ---- */

static void
on_pace(struct amas__timer *t)
{
	struct clock_run *r = AMAS__OF(t, struct clock_run, pace);

	r->waited = true;
	clock_run_go(r);
}

static bool
say_behind(struct clock_run *r, double t_s, double late_s)
{
	char t[CLOCK_TEXT_SIZE], line[128];

	(void)clock_time_print(t, t_s);
	if (r->o->strict) {
		clock_run_finish(r, cmd_error(CMD_FAILED, "--rate",
		    "step %s is %.3f s late (--strict)", t, late_s));
		return false;
	}
	if (!r->behind) {
		(void)snprintf(line, sizeof line,
		    "--rate: step %s is %.3f s late", t, late_s);
		cmd_log(AMAS_LOG_WARN, line, NULL);
	}
	r->behind = true;
	return true;
}

bool
clock_pace_due(struct clock_run *r, double t_s)
{
	bool waited = r->waited;
	double wait_s;

	r->waited = false;
	if (r->o->rate <= 0 || r->once)
		return true;
	if (!r->paced) { /* from here on, or from where it was paused */
		r->from_s = r->time_s;
		r->real_s = call_now();
		r->paced = waited = true;
	}
	wait_s = r->real_s + (t_s - r->from_s) / r->o->rate - call_now();
	if (wait_s > 0) {
		amas__timer_start(&r->pace, wait_s);
		return false;
	}
	return waited || say_behind(r, t_s, -wait_s);
}

/* ---- The command of --do ---- */

static void
on_exit_hook(struct amas__proc *p, const struct amas__exit *how)
{
	struct clock_run *r = amas__proc_arg(p);

	amas__proc_free(p);
	r->proc = NULL;
	if (how->code != 0)
		clock_run_finish(r, cmd_error(how->err.sys == ENOENT ?
		    CMD_NOTFOUND : CMD_NOEXEC, "--do", "%s", how->err.text));
	else if (how->sig != 0)
		clock_run_finish(r, cmd_error(CMD_FAILED, "--do",
		    "killed by signal %d", how->sig));
	else if (how->status != 0)
		clock_run_finish(r, cmd_error(CMD_FAILED, "--do",
		    "exit status %d", how->status));
	else
		clock_run_go(r);
}

static void
on_output(struct amas__proc *p, int which, const char *data, size_t len)
{
	(void)p; /* it has our streams */
	(void)which;
	(void)data;
	(void)len;
}

static const struct amas__proc_ops ops = { on_output, NULL, on_exit_hook };

void
clock_pace_hook(struct clock_run *r)
{
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, NULL, NULL };
	const struct amas__proc_opts opts = { .file = "/bin/sh", .argv = argv,
		.dir = -1, .flags = AMAS__PROC_INHERIT, .ops = &ops,
		.arg = r };
	char t[CLOCK_TEXT_SIZE];
	struct amas_error err;
	int rc;

	r->hook_due = false;
	if ((argv[2] = strdup(r->o->hook)) == NULL || setenv("AMAS_TIME",
	    clock_time_print(t, r->time_s), 1) != 0) {
		free(argv[2]);
		clock_run_finish(r, cmd_nomem());
		return;
	}
	rc = amas__proc_start(&r->proc, r->loop, &opts, &err);
	free(argv[2]);
	if (rc != 0)
		clock_run_finish(r, cmd_fail("--do", &err));
}

void
clock_pace_init(struct clock_run *r)
{
	amas__timer_init(&r->pace, r->loop, on_pace);
}

void
clock_pace_fini(struct clock_run *r)
{
	amas__timer_stop(&r->pace);
	amas__proc_free(r->proc);
	r->proc = NULL;
}
