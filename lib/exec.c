/*
 * One call of a program: asks for a place, starts the process when it has one,
 * collects what it says, and answers.
 *
 * A call answers its request exactly once (req is NULL then) and gives its
 * place back exactly once, when its process has ended; the answer may come
 * first: at the deadline, or when the result is over its limit.
 */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "child.h"
#include "codec.h"
#include "err.h"
#include "errout.h"
#include "host.h"
#include "jobs.h"
#include "mem.h"
#include "proc.h"
#include "request.h"
#include "service_list.h"
#include "utf8.h"
#include "value.h"

#define NAME_SHOWN 200		/* bytes of a path in messages */
#define SHELL "/bin/sh"

struct call {
	struct amas__job job;
	struct amas__guest guest;	/* its process, while it lives */
	struct amas__exec *x;
	struct amas_request *req;	/* NULL: answered */
	struct amas__where where;
	struct amas__proc *proc;
	struct amas__timer deadline;
	struct amas__room room;		/* waits until its caller reads */
	struct amas__buf out;
	struct amas__errout err;
	enum amas__exec_form form;
	bool command;			/* through the shell */
	char name[NAME_SHOWN + 4];	/* its path, for messages */
};

static void
exec_unref(struct amas__exec *x)
{
	struct amas__home *home = x->home;
	struct amas_channel *peer = x->opts.peer;

	if (--x->refs > 0)
		return;
	x->ops->free(x);
	amas__home_unref(home);
	if (peer != NULL)
		amas__channel_unref(peer);
}

static void
call_free(struct call *c)
{
	amas__guest_close(&c->guest);
	amas__list_remove(&c->room.link);
	amas__job_done(&c->job);
	amas__timer_stop(&c->deadline);
	amas__buf_fini(&c->out);
	amas__errout_fini(&c->err);
	exec_unref(c->x);
	free(c);
}

/* ---- Answers ---- */

static void
answer_text(struct call *c, const char *text, size_t len)
{
	struct amas_request *req = c->req;

	c->req = NULL;
	if (req != NULL)
		amas__request_fail_text(req, text, len);
}

static void
answer_nomem(struct call *c)
{
	const char *text = amas_strerror(AMAS_ENOMEM);

	answer_text(c, text, strlen(text));
}

/* Answers a printf text, cut to fit. */
static void AMAS_PRINTF(2, 3)
answer_text_of(struct call *c, const char *fmt, ...)
{
	char text[NAME_SHOWN + 100];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	answer_text(c, text, strlen(text));
}

/* Answers "NAME: cause" and, if tail is set, what it said. */
static void AMAS_PRINTF(3, 4)
answer_failure(struct call *c, bool tail, const char *fmt, ...)
{
	char cause[sizeof(struct amas_error) + 100];
	struct amas__buf b;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(cause, sizeof cause, fmt, ap);
	va_end(ap);
	amas__buf_init(&b, 0);
	if (amas__buf_printf(&b, "%s: %s", c->name, cause) != 0 ||
	    (tail && amas__errout_tail(&c->err, &b) != 0))
		answer_nomem(c);
	else
		answer_text(c, amas__buf_head(&b), amas__buf_len(&b));
	amas__buf_fini(&b);
}

static void
answer_value(struct call *c, const struct amas_value *v)
{
	struct amas_request *req = c->req;

	c->req = NULL;
	amas__request_reply_value(req, v);
}

/* ---- Results ---- */

/* Output as text, whatever it looks like. */
static int
read_text(struct amas__area *a, struct call *c, const struct amas_value **out,
    struct amas_error *err)
{
	size_t len, valid;
	struct amas_value *v = amas__area_values(a, 1);
	char *text = amas__buf_take(&c->out, &len);

	if (v == NULL || text == NULL) {
		free(text);
		return amas__error_nomem(err);
	}
	if (amas__area_take_memory(a, text) != 0)
		return amas__error_nomem(err);
	if ((valid = amas__utf8_valid(text, len)) < len)
		return amas_error_set(err, AMAS_EPROTO,
		    "invalid UTF-8 at offset %zu", valid);
	amas__value_text(v, a, AMAS_STRING, text, len);
	*out = v;
	return 0;
}

static int
read_json(struct amas__area *a, struct call *c, const struct amas_value **out,
    struct amas_error *err)
{
	bool typed = false;
	size_t len;
	char *text = amas__buf_take(&c->out, &len);
	int rc;

	if (text == NULL || amas__area_take_memory(a, text) != 0)
		return amas__error_nomem(err);
	rc = amas__codec_decode(NULL, a, text, len, NULL, out, &typed, err);
	if (rc == 0 && typed)
		rc = amas__types_lift(a, out, NULL, true, err);
	return rc;
}

/* Makes a value of all that the program wrote. */
static int
read_result(struct amas__area *a, struct call *c,
    const struct amas_value **out, struct amas_error *err)
{
	size_t len = amas__buf_len(&c->out);

	*out = NULL;
	if (len == 0 && c->form != AMAS__EXEC_TEXT)
		return 0; /* nothing at all is null */
	if (len > 0 && amas__buf_head(&c->out)[len - 1] == '\n')
		amas__buf_truncate(&c->out, --len);
	switch (c->form) {
	case AMAS__EXEC_TEXT:
		return read_text(a, c, out, err);
	case AMAS__EXEC_JSON:
		return read_json(a, c, out, err);
	case AMAS__EXEC_GUESS:
	default:
		return amas__value_guess(a, amas__buf_head(&c->out), len, out,
		    err);
	}
}

static void
answer_result(struct call *c)
{
	struct amas__area *a = amas__area_new(amas__loop_pool(c->x->loop));
	const struct amas_value *v;
	struct amas_error err;
	int rc;

	if (a == NULL) {
		answer_nomem(c);
		return;
	}
	if ((rc = read_result(a, c, &v, &err)) == 0)
		answer_value(c, v);
	else if (rc == AMAS_ENOMEM)
		answer_nomem(c);
	else
		answer_failure(c, false, "result: %s", err.text);
	amas__area_unref(a);
}

/* ---- The process ---- */

/* Why it could not be started, with what a user may do about it. */
static void
answer_no_start(struct call *c, const struct amas_error *err)
{
	const char *hint = "";

	if (!c->command && err->sys == ENOENT)
		hint = " (its \"#!\" interpreter?)";
	else if (err->sys == ENOEXEC)
		hint = " (no \"#!\" line?)";
	else if (err->sys == E2BIG)
		hint = "; serve it as JSON";
	amas__log(amas__loop_log(c->x->loop), AMAS_LOG_WARN, "%s: %s%s",
	    c->name, err->text, hint);
	answer_failure(c, false, "%s%s", err->text, hint);
}

static void
on_output(struct amas__proc *p, int which, const char *data, size_t len)
{
	struct call *c = amas__proc_arg(p);

	if (which == 2) {
		amas__errout_put(&c->err, data, len);
		return;
	}
	if (c->req == NULL)
		return;
	switch (amas__buf_put(&c->out, data, len)) {
	case 0:
		return;
	case AMAS_ETOOBIG:
		answer_failure(c, false, "result is over %zu bytes",
		    c->out.max);
		break;
	default:
		answer_nomem(c);
		break;
	}
	amas__buf_fini(&c->out);
	amas__proc_stop(p);
}

static void
on_exit_(struct amas__proc *p, const struct amas__exit *how)
{
	struct call *c = amas__proc_arg(p);
	char buf[AMAS__SIGNAL_SIZE];

	amas__proc_free(p);
	amas__guest_close(&c->guest);
	amas__errout_end(&c->err);
	if (c->req == NULL)
		; /* the deadline, the limit or the caller's end came first */
	else if (how->code != 0)
		answer_no_start(c, &how->err);
	else if (how->sig != 0)
		answer_failure(c, true, "killed by %s",
		    amas__signal_name(how->sig, buf));
	else if (how->status != 0)
		answer_failure(c, true, "exit status %d", how->status);
	else if (how->output_sys != 0)
		answer_failure(c, false, "its output: %s",
		    strerror(how->output_sys));
	else
		answer_result(c);
	call_free(c);
}

static const struct amas__proc_ops proc_ops = { on_output, NULL, on_exit_ };

static void
on_deadline(struct amas__timer *t)
{
	struct call *c = AMAS__OF(t, struct call, deadline);

	answer_text_of(c, "timed out after %gs in %s", c->x->opts.timeout_s,
	    c->name);
	amas__proc_stop(c->proc);
}

/* The caller went away: nobody wants the result. */
static void
on_gone(void *arg)
{
	struct call *c = arg;

	if (c->req == NULL)
		return; /* it ends just because the answer could not go out */
	if (c->proc == NULL)
		amas__job_done(&c->job); /* before the counter goes */
	answer_text(c, "", 0);
	if (c->proc != NULL)
		amas__proc_stop(c->proc);
	else
		call_free(c);
}

/* ---- The start ---- */

static int
start_proc(struct call *c, const struct amas__exec_target *t,
    struct amas__exec_args *a)
{
	struct amas__proc_opts o = {
		.file = t->command != NULL ? SHELL : t->file,
		.argv = a->argv, .envp = a->envp, .dir = t->dir,
		.ops = &proc_ops, .arg = c,
	};
	int rc = amas__proc_start(&c->proc, c->x->loop, &o, NULL);

	if (rc != 0)
		return rc;
	amas__guest_proc(&c->guest, c->proc);
	if (c->x->opts.timeout_s > 0)
		amas__timer_start(&c->deadline, c->x->opts.timeout_s);
	if (amas__proc_write(c->proc, amas__buf_head(&a->input),
	    amas__buf_len(&a->input)) != 0) {
		answer_nomem(c);
		amas__proc_stop(c->proc);
	}
	amas__proc_end_input(c->proc);
	return 0;
}

/* What it is given cannot be made: by its caller's fault, or ours. */
static void
answer_not_given(struct call *c, const struct amas_error *err)
{
	if (err->code == AMAS_ESYS)
		amas__log(amas__loop_log(c->x->loop), AMAS_LOG_WARN, "%s: %s",
		    c->name, err->text);
	if (err->code == AMAS_ENOMEM)
		answer_nomem(c);
	else if (err->code != AMAS_ETOOBIG)
		answer_failure(c, false, "%s", err->text);
	else if (c->command)
		answer_failure(c, false, "%s; serve it as json:COMMAND",
		    err->text);
	else
		answer_failure(c, false, "%s; serve it as %s.json", err->text,
		    c->name);
}

/* The caller reads its answers again. */
static void
on_room(struct amas__room *r)
{
	struct call *c = AMAS__OF(r, struct call, room);

	(void)amas__job_ask(&c->job, amas__request_waiting(c->req), NULL);
}

/*
 * Puts off a call whose caller does not read what it was answered: its result
 * would only lie in memory.  Says whether it has.
 */
static bool
put_off(struct call *c)
{
	struct amas_channel *ch = amas_request_channel(c->req);
	struct amas_error err;

	if (ch == NULL || !amas__channel_full(ch))
		return false;
	amas__job_done(&c->job);
	if (amas__job_hold(&c->job, amas__request_waiting(c->req),
	    &err) == 0) {
		amas__channel_on_room(ch, &c->room);
	} else {
		answer_text(c, err.text, strlen(err.text));
		call_free(c);
	}
	return true;
}

static void
on_start(struct amas__job *job)
{
	struct call *c = AMAS__OF(job, struct call, job);
	struct amas__exec_target t = { .dir = -1, .again = true };
	struct amas_request *req = c->req;
	struct amas__exec_args a;
	struct amas_error err;

	if (job->refused) {
		answer_text_of(c, "busy: %zu programs are asleep, and none "
		    "ends", amas__jobs_asleep(job->jobs));
		call_free(c);
		return;
	}
	if (put_off(c))
		return;
	c->req = NULL; /* find may answer */
	if (!c->x->ops->find(c->x, req, &c->where, &t)) {
		call_free(c);
		return;
	}
	c->req = req;
	c->form = t.form;
	c->command = t.command != NULL;
	if (amas__guest_open(&c->guest, false, &err) != 0 ||
	    amas__exec_args_init(&a, &t, c->req, c->name, &c->guest,
	    &err) != 0) {
		answer_not_given(c, &err);
	} else {
		if (start_proc(c, &t, &a) != 0)
			answer_nomem(c);
		amas__exec_args_fini(&a);
	}
	if (t.dir != -1)
		close(t.dir);
	if (c->proc == NULL)
		call_free(c);
}

/* It slept while the host had something to wait for, and has a place again. */
static void
on_back(struct amas__job *job)
{
	amas__guest_back(&AMAS__OF(job, struct call, job)->guest);
}

/* Whose call this is. */
static struct amas_channel *
caller(struct amas__guest *g, int64_t id)
{
	const struct call *c = AMAS__OF(g, struct call, guest);

	(void)id; /* there is one */
	return c->req != NULL ? amas_request_channel(c->req) : NULL;
}

static struct call *
call_new(struct amas__exec *x, struct amas_request *req,
    const struct amas__where *w)
{
	struct call *c = amas__zalloc(sizeof *c);

	if (c == NULL)
		return NULL;
	c->x = x;
	x->refs++;
	c->req = amas_request_keep(req);
	c->where = *w;
	amas__job_init(&c->job, x->loop, on_start);
	c->job.back = on_back;
	if (x->home != NULL && x->home->turns != NULL)
		c->job.jobs = x->home->turns;
	amas__guest_init(&c->guest, x->loop, &c->job, c->name);
	c->guest.peer = caller;
	c->guest.state = x->opts.state;
	c->guest.home = x->home;
	amas__timer_init(&c->deadline, x->loop, on_deadline);
	amas__list_init(&c->room.link);
	c->room.fn = on_room;
	amas__buf_init(&c->out, x->opts.max_result);
	(void)amas__log_text(c->name, sizeof c->name, amas_request_path(req),
	    amas__request_path_len(req));
	amas__errout_init(&c->err, amas__loop_log(x->loop), c->name);
	amas__job_tell(&c->job, c->name);
	return c;
}

static void
exec_call(struct amas__source *s, struct amas_request *req,
    const char *walked, size_t walked_len, const char *rest, size_t rest_len)
{
	struct amas__exec *x = AMAS__OF(s, struct amas__exec, source);
	struct amas__where w = { walked, rest, walked_len, rest_len };
	struct amas__exec_target t = { .dir = -1 };
	struct amas_error err;
	struct call *c;

	if (!x->ops->find(x, req, &w, &t))
		return; /* at once, not when its turn comes */
	if (t.dir != -1)
		close(t.dir);
	if ((c = call_new(x, req, &w)) == NULL) {
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return;
	}
	if (amas__job_ask(&c->job, amas__request_waiting(req), &err) != 0) {
		answer_text(c, err.text, strlen(err.text));
		call_free(c);
		return;
	}
	amas_request_on_gone(req, on_gone, c);
}

static void
exec_source_free(struct amas__source *s)
{
	exec_unref(AMAS__OF(s, struct amas__exec, source));
}

static int
exec_list(struct amas__source *s, const char *base, struct amas__paths *paths,
    struct amas_error *err)
{
	struct amas__exec *x = AMAS__OF(s, struct amas__exec, source);

	return x->ops->list != NULL ? x->ops->list(x, base, paths, err) :
	    amas__paths_add(paths, base, "", 0, err);
}

static const struct amas__source_ops source_ops = { exec_call,
	exec_source_free, exec_list };

void
amas__exec_init(struct amas__exec *x, const struct amas__exec_ops *ops,
    struct amas_loop *l, struct amas__home *home,
    const struct amas_source_opts *opts)
{
	x->source.ops = &source_ops;
	x->ops = ops;
	x->refs = 1;
	x->loop = l;
	x->home = amas__home_ref(home);
	if (opts != NULL)
		x->opts = *opts;
	if (x->opts.peer != NULL) /* what a folder has may be loaded late */
		(void)amas__channel_ref(x->opts.peer);
	if (x->opts.max_result == 0)
		x->opts.max_result = AMAS__RESULT_MAX;
}

void
amas__exec_not_found(struct amas_request *req, const struct amas__where *w,
    size_t at)
{
	const char *part = w->rest + at, *slash = NULL;
	size_t len = w->rest_len - at, walked;

	if (len > 0)
		slash = memchr(part, '/', len);
	walked = (size_t)(part - w->walked);
	amas__request_not_found(req, part,
	    slash != NULL ? (size_t)(slash - part) : len, w->walked,
	    walked > 0 ? walked - 1 : 0);
}

void
amas__exec_busy(struct amas_request *req)
{
	amas_request_fail(req, "busy: too many open files");
}

bool
amas__exec_use(struct amas__exec_target *t, struct amas_request *req, int dir,
    const char *name)
{
	(void)snprintf(t->file, sizeof t->file, "./%s", name);
	if ((t->dir = fcntl(dir, F_DUPFD_CLOEXEC, 3)) == -1)
		amas__exec_busy(req);
	return t->dir != -1;
}
