/*
 * The programs of an agent's own; see agent_run.h.
 *
 * From start to ended() it is busy: it waits for its place (INIT) or has a
 * process.  It has a reference for its owner, and one while it reports, since
 * the owner may free it then: ops is NULL from that on.
 */
#include "agent_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "err.h"
#include "folder.h"
#include "home.h"
#include "jobs.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "resident.h"

static const char *const names[] = {
	[AMAS__AGENT_INIT] = "init",
	[AMAS__AGENT_RUN] = "run",
};

struct amas__agent_run {
	const struct amas__agent_run_ops *ops;	/* NULL: given up */
	void *arg;
	size_t refs;
	enum amas__agent_program which;
	struct amas__home *home;
	bool any;
	bool busy;
	struct amas__resident r;
	struct amas__program is;	/* dir is borrowed */
	char file[sizeof "init"];
	struct amas__job job;		/* INIT */
	size_t waiting;			/* jobs.h counts here */
	struct amas__task canceled;	/* stopped before it had a place */
	struct amas__timer deadline;
	double timeout_s;		/* 0: none */
	bool late;			/* stopped since it has passed */
	struct amas__buf out;		/* of its output: what was not told */
	size_t looked;			/* bytes of that without a line end */
};

static void
unref(struct amas__agent_run *r)
{
	if (--r->refs > 0)
		return;
	amas__resident_fini(&r->r);
	amas__buf_fini(&r->out);
	free(r);
}

static const struct amas__log *
log_of(const struct amas__agent_run *r)
{
	return amas__loop_log(r->home->loop);
}

/* ---- Output ---- */

static void
tell_line(struct amas__agent_run *r, const char *line, size_t len)
{
	char text[512];

	if (r->which == AMAS__AGENT_RUN)
		r->ops->line(r, line, len, r->arg);
	else if (amas__log_on(log_of(r), AMAS_LOG_DEBUG))
		amas__log(log_of(r), AMAS_LOG_DEBUG, "%s: %s", r->r.name,
		    amas__log_text(text, sizeof text, line, len));
}

/*
 * Takes the next line, or a piece of a long one, from the front of what came.
 * False: there is none yet.
 */
static bool
take_line(struct amas__agent_run *r)
{
	const char *line = amas__buf_head(&r->out), *end = NULL;
	size_t len = amas__buf_len(&r->out);

	if (len > r->looked)
		end = memchr(line + r->looked, '\n', len - r->looked);
	if (end != NULL)
		len = (size_t)(end - line);
	r->looked = len;
	if (len > AMAS__RUN_LINE) {
		len = AMAS__RUN_LINE;
		end = NULL;
	} else if (end == NULL) {
		return false;
	}
	r->looked = 0;
	tell_line(r, line, len);
	amas__buf_consume(&r->out, len + (end != NULL));
	return true;
}

/* No more will come: a line without an end is one, too. */
static void
flush(struct amas__agent_run *r)
{
	if (r->ops != NULL && amas__buf_len(&r->out) > 0)
		tell_line(r, amas__buf_head(&r->out), amas__buf_len(&r->out));
	amas__buf_fini(&r->out);
	r->looked = 0;
}

static void
on_output(struct amas__resident *resident, const char *data, size_t len)
{
	struct amas__agent_run *r = AMAS__OF(resident, struct amas__agent_run,
	    r);

	r->refs++;
	if (amas__buf_put(&r->out, data, len) != 0)
		amas__log(log_of(r), AMAS_LOG_WARN, "%s: lost %zu bytes of its "
		    "output: %s", r->r.name, len, amas_strerror(AMAS_ENOMEM));
	while (r->ops != NULL && take_line(r))
		;
	if (len == 0)
		flush(r);
	else if (amas__buf_len(&r->out) == 0)
		amas__buf_fini(&r->out); /* many are silent most of the time */
	unref(r);
}

/* ---- The end ---- */

static void
tell_ended(struct amas__agent_run *r, bool ok, const char *why)
{
	amas__job_done(&r->job);
	amas__guest_lives(&r->r.guest, false);
	amas__timer_stop(&r->deadline);
	r->busy = r->late = false;
	if (r->ops != NULL)
		r->ops->ended(r, ok, why, r->arg);
}

/* Tells the text of a failure as a program's call has it, tail: what it said. */
static void
tell_failed(struct amas__agent_run *r, const char *why, bool tail)
{
	struct amas__buf b;
	const char *text;

	amas__buf_init(&b, 0);
	if (amas__buf_printf(&b, "%s: %s", r->file, why) != 0 ||
	    (tail && amas__errout_tail(&r->r.err, &b) != 0) ||
	    amas__buf_putc(&b, '\0') != 0)
		text = amas_strerror(AMAS_ENOMEM);
	else
		text = amas__buf_head(&b);
	tell_ended(r, false, text);
	amas__buf_fini(&b);
}

static void
on_ended(struct amas__resident *resident, const char *why)
{
	struct amas__agent_run *r = AMAS__OF(resident, struct amas__agent_run,
	    r);
	bool ok = strcmp(why, "exit status 0") == 0;
	char late[64];

	r->refs++;
	flush(r);
	if (r->late) { /* the last line is what most show alone: no tail */
		(void)snprintf(late, sizeof late, "timed out after %gs",
		    r->timeout_s);
		tell_failed(r, late, false);
	} else if (ok || r->which == AMAS__AGENT_RUN) {
		tell_ended(r, ok, why);
	} else {
		tell_failed(r, why, true);
	}
	unref(r);
}

/* on_ended() follows, also when it says that all is well after all. */
static void
on_deadline(struct amas__timer *t)
{
	struct amas__agent_run *r = AMAS__OF(t, struct amas__agent_run,
	    deadline);

	r->late = true;
	amas__resident_stop(&r->r);
}

static const struct amas__resident_ops resident_ops = {
	.output = on_output,
	.ended = on_ended,
};

/* ---- The start ---- */

static int
start(struct amas__agent_run *r, struct amas_error *err)
{
	int rc = amas__resident_start(&r->r, err);

	if (rc != 0)
		return rc;
	amas__proc_end_input(r->r.proc);
	amas__guest_lives(&r->r.guest, true);
	if (r->timeout_s > 0)
		amas__timer_start(&r->deadline, r->timeout_s);
	return 0;
}

/* An INIT has its place. */
static void
on_place(struct amas__job *job)
{
	struct amas__agent_run *r = AMAS__OF(job, struct amas__agent_run, job);
	struct amas_error err;

	r->refs++;
	if (job->refused)
		tell_failed(r, "busy: too many programs are asleep", false);
	else if (start(r, &err) != 0)
		tell_failed(r, err.text, false);
	unref(r);
}

static void
on_canceled(struct amas__task *t)
{
	struct amas__agent_run *r = AMAS__OF(t, struct amas__agent_run,
	    canceled);

	r->refs++;
	tell_failed(r, amas_strerror(AMAS_ECANCELED), false);
	unref(r);
}

/* It slept while the host had something to wait for. */
static void
on_back(struct amas__job *job)
{
	struct amas__agent_run *r = AMAS__OF(job, struct amas__agent_run, job);

	amas__guest_back(&r->r.guest);
}

/* Whether there is such a program, and it can be run; else *err says why. */
static int
look(const struct amas__agent_run *r, struct amas_error *err)
{
	const char *why;

	switch (amas__folder_look(r->is.dir, r->file, r->any, NULL, &why)) {
	case AMAS__PROGRAM:
		return 0;
	case AMAS__NOTHING:
		return amas_error_set(err, AMAS_ENOENT, "%s: No such file or "
		    "directory", r->file);
	case AMAS__FOLDER:
		why = "is a folder";
		break;
	default:
		break;
	}
	return amas_error_set(err, AMAS_ESYS, "%s: %s", r->file, why);
}

int
amas__agent_run_prepare(struct amas__agent_run *r, struct amas_error *err)
{
	if (look(r, NULL) != 0)
		return 0; /* start() will say */
	return r->home->ops->state(r->home, err) != NULL ? 0 : err->code;
}

int
amas__agent_run_start(struct amas__agent_run *r, struct amas_error *err)
{
	int rc;

	if (r->busy)
		return 0;
	if ((rc = look(r, err)) != 0 ||
	    (rc = amas__args_check_home(r->home, err)) != 0)
		return rc;
	rc = r->which == AMAS__AGENT_RUN ? start(r, err) :
	    amas__job_ask(&r->job, &r->waiting, err);
	r->busy = rc == 0;
	return rc;
}

int
amas__agent_run_new(struct amas__agent_run **out,
    enum amas__agent_program which, struct amas__home *home, int dir, bool any,
    const char *name, const struct amas__agent_run_ops *ops, void *arg,
    struct amas_error *err)
{
	struct amas__agent_run *r = amas__zalloc(sizeof *r);
	char *full = amas__asprintf("%s/%s", name, names[which]);

	if (r == NULL || full == NULL) {
		free(r);
		free(full);
		return amas__error_nomem(err);
	}
	r->ops = ops;
	r->arg = arg;
	r->refs = 1;
	r->which = which;
	r->home = home;
	r->any = any;
	(void)strcpy(r->file, names[which]);
	r->is.file = r->file;
	r->is.dir = dir;
	amas__buf_init(&r->out, 0);
	amas__resident_init(&r->r, home->loop, &resident_ops, &r->is, full, 0);
	free(full);
	r->r.guest.home = home;
	r->r.is_agent = true;
	r->r.will = which == AMAS__AGENT_RUN;
	amas__job_init(&r->job, home->loop, on_place);
	r->job.back = on_back;
	amas__task_init(&r->canceled, on_canceled);
	amas__timer_init(&r->deadline, home->loop, on_deadline);
	amas__job_tell(&r->job, r->r.name);
	if (which == AMAS__AGENT_INIT)
		r->r.guest.job = &r->job;
	*out = r;
	return 0;
}

void
amas__agent_run_limit(struct amas__agent_run *r, double timeout_s)
{
	r->timeout_s = timeout_s;
}

void
amas__agent_run_stop(struct amas__agent_run *r)
{
	if (r->busy && r->r.proc == NULL) {
		amas__job_done(&r->job);
		amas__task_run(r->home->loop, &r->canceled);
	}
	amas__resident_stop(&r->r);
}

void
amas__agent_run_free(struct amas__agent_run *r)
{
	if (r == NULL)
		return;
	r->ops = NULL;
	amas__job_done(&r->job);
	amas__guest_lives(&r->r.guest, false);
	amas__task_cancel(r->home->loop, &r->canceled);
	amas__timer_stop(&r->deadline);
	amas__resident_fini(&r->r);
	unref(r);
}
