/*
 * Line filter: a program that stays, and answers each line with one line.
 *
 * One call at a time has the process, and is in step with it: the next line is
 * sent only when the last answer was one line and nothing stands behind it.
 * What is out of step is ended, and the next call starts a new one, so that
 * nobody gets a neighbour's answer.  A call keeps its place until its process,
 * if it is to end, has ended.
 *
 * A caller that goes away while its call runs changes nothing for the process:
 * its line is waited for and thrown away, since ending the process would lose
 * what others made it remember.
 */
#include "source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "err.h"
#include "home.h"
#include "jobs.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "proc.h"
#include "program.h"
#include "request.h"
#include "service_list.h"
#include "resident.h"
#include "value.h"

#define NAME_SHOWN 200		/* bytes of a path in messages */
#define SLOW_S 1.0		/* without a line: buffered? */
#define CLOSED_S 0.1		/* to end, for one that closed its output */
#define LOOK_S 0.001		/* between looks whether it goes on */
#define UNTOLD_S 0.02		/* for one of which that cannot be told */
#define AWAKE_S 0.1		/* for one that does not go to sleep */

/* What is expected of the process. */
enum step {
	REST,			/* nothing; there may be none */
	SENT,			/* a line */
	DONE,			/* the line is there, and no more may come */
	ENDING			/* that it ends */
};

struct filter {
	struct amas__source source;
	struct amas__open open;
	size_t refs;			/* its service, and its calls */
	struct amas_loop *loop;		/* NULL: it went */
	struct amas_source_opts opts;
	struct amas__program is;
	struct amas__identity id;	/* of the file that runs */
	bool look;			/* at the file, for each call */
	struct amas__resident r;
	enum step step;
	struct amas__jobs *turns;	/* of its agent; NULL: none */
	struct call *now;		/* has the process, or asks for a
					 * place for that */
	struct amas__link wait;		/* calls behind it */
	struct amas__buf in;		/* line of now, until it is sent */
	struct amas__buf out;		/* what came of its answer */
	double done_s;			/* when its line was there */
	struct amas__timer deadline, slow, again;
	struct amas__task look_task;	/* as again, in the next turn */
	bool said_slow;
	bool closed;			/* its output is */
};

struct call {
	struct amas__job job;
	struct amas__link link;
	struct filter *f;
	struct amas_request *req;	/* NULL: answered */
	bool started;			/* it has a place */
	bool sent;
};

/* ---- Ends ---- */

static void
forget_process(struct filter *f)
{
	amas__timer_stop(&f->deadline);
	amas__timer_stop(&f->slow);
	amas__timer_stop(&f->again);
	amas__task_cancel(f->loop, &f->look_task);
	amas__buf_fini(&f->out);
	f->step = REST;
}

static void
filter_unref(struct filter *f)
{
	struct amas__home *home = f->r.guest.home;

	if (--f->refs > 0)
		return;
	if (f->loop != NULL) {
		amas__open_remove(&f->open);
		forget_process(f);
		amas__resident_fini(&f->r);
	}
	amas__program_close(&f->is);
	amas__buf_fini(&f->in);
	free(f);
	amas__home_unref(home);
}

static void
call_free(struct call *c)
{
	struct filter *f = c->f;

	amas__job_done(&c->job);
	amas__list_remove(&c->link);
	if (f->now == c)
		f->now = NULL;
	free(c);
	filter_unref(f);
}

static void
end_process(struct filter *f)
{
	if (f->r.proc == NULL)
		return;
	forget_process(f);
	f->step = ENDING;
	amas__resident_stop(&f->r);
}

/* Lets the next call have the process. */
static void
next(struct filter *f)
{
	if (f->loop == NULL || f->now != NULL || f->step == ENDING)
		return;
	if (!amas__list_empty(&f->wait)) {
		if (f->turns != NULL)
			return; /* each has asked for its own */
		f->now = AMAS__OF(f->wait.next, struct call, link);
		amas__list_remove(&f->now->link);
		(void)amas__job_ask(&f->now->job, NULL, NULL); /* it held */
	} else if (amas__loop_draining(f->loop)) {
		end_process(f);
	}
}

/* A call is over, and answered. */
static void
drop(struct call *c)
{
	struct filter *f = c->f;

	f->refs++;
	call_free(c);
	next(f);
	filter_unref(f);
}

/* ---- Answers ---- */

/* Fails with "NAME: cause". */
static void AMAS_PRINTF(2, 3)
fail(struct call *c, const char *fmt, ...)
{
	char cause[sizeof(struct amas_error) + 100], name[NAME_SHOWN + 4];
	struct amas_request *req = c->req;
	va_list ap;

	c->req = NULL;
	if (req == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(cause, sizeof cause, fmt, ap);
	va_end(ap);
	amas_request_fail(req, "%s: %s", amas__log_text(name, sizeof name,
	    amas_request_path(req), amas__request_path_len(req)), cause);
}

static void
fail_nomem(struct call *c)
{
	struct amas_request *req = c->req;

	c->req = NULL;
	if (req != NULL)
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
}

static void
answer(struct call *c)
{
	struct filter *f = c->f;
	struct amas_request *req = c->req;
	const struct amas_value *v;
	struct amas__area *a;
	struct amas_error err;
	int rc;

	if (req == NULL)
		return; /* nobody wants to know */
	if ((a = amas__area_new(amas__loop_pool(f->loop))) == NULL) {
		fail_nomem(c);
		return;
	}
	rc = amas__value_guess(a, amas__buf_head(&f->out),
	    amas__buf_len(&f->out), &v, &err);
	if (rc == AMAS_ENOMEM) {
		fail_nomem(c);
	} else if (rc != 0) {
		fail(c, "result: %s", err.text);
	} else {
		c->req = NULL;
		amas__request_reply_value(req, v);
	}
	amas__area_unref(a);
}

/* ---- The process ---- */

/*
 * Sees whether the line was all that the process had to say: it sleeps, or the
 * system cannot tell, and it has had time to go on.
 */
static void
settle(struct filter *f)
{
	enum amas__doing doing = amas__proc_doing(f->r.proc, NULL);
	double waited_s = amas__loop_now(f->loop) - f->done_s;
	struct call *c = f->now;

	if (!amas__proc_look(f->r.proc) || f->step != DONE)
		return; /* on_ended() comes; it had more */
	if (doing == AMAS__SLEEPS || waited_s >= AWAKE_S ||
	    (doing == AMAS__UNTOLD && waited_s >= UNTOLD_S)) {
		answer(c);
		forget_process(f);
		drop(c);
	} else if (doing == AMAS__UNTOLD) {
		amas__timer_start(&f->again, UNTOLD_S);
	} else if (waited_s < LOOK_S) {
		amas__task_run(f->loop, &f->look_task);
	} else {
		amas__timer_start(&f->again, LOOK_S);
	}
}

static void
on_again(struct amas__timer *t)
{
	struct filter *f = AMAS__OF(t, struct filter, again);

	if (f->step == SENT) {
		fail(f->now, "closed its output");
		end_process(f);
	} else {
		settle(f);
	}
}

static void
on_look(struct amas__task *t)
{
	settle(AMAS__OF(t, struct filter, look_task));
}

static void
too_much(struct filter *f)
{
	fail(f->now, "more than one line for one call");
	end_process(f);
}

static void
take_output(struct filter *f, const char *data, size_t len)
{
	const char *end = memchr(data, '\n', len);
	size_t n = end != NULL ? (size_t)(end - data) : len;
	int rc = amas__buf_put(&f->out, data, n);

	if (rc == AMAS_ETOOBIG) {
		fail(f->now, "result is over %zu bytes", f->out.max);
		end_process(f);
	} else if (rc != 0) {
		fail_nomem(f->now);
		end_process(f);
	} else if (end != NULL && n + 1 < len) {
		too_much(f);
	} else if (end != NULL) {
		amas__timer_stop(&f->deadline);
		amas__timer_stop(&f->slow);
		f->step = DONE;
		f->done_s = amas__loop_now(f->loop);
		settle(f);
	}
}

static void
on_output(struct amas__resident *r, const char *data, size_t len)
{
	struct filter *f = AMAS__OF(r, struct filter, r);

	if (len == 0) {
		f->closed = true;
		if (f->step == SENT) /* it may end, and say more so */
			amas__timer_start(&f->again, CLOSED_S);
		return;
	}
	switch (f->step) {
	case REST:
		amas__log(amas__loop_log(f->loop), AMAS_LOG_WARN,
		    "%s: output that no call asked for; it is ended", r->name);
		end_process(f);
		break;
	case SENT:
		take_output(f, data, len);
		break;
	case DONE:
		too_much(f);
		break;
	case ENDING:
		break;
	}
}

static void
on_deadline(struct amas__timer *t)
{
	struct filter *f = AMAS__OF(t, struct filter, deadline);
	struct amas_request *req = f->now->req;
	char name[NAME_SHOWN + 4];

	f->now->req = NULL;
	if (req != NULL)
		amas_request_fail(req, "timed out after %gs in %s",
		    f->opts.timeout_s, amas__log_text(name, sizeof name,
		    amas_request_path(req), amas__request_path_len(req)));
	end_process(f);
}

static void
on_slow(struct amas__timer *t)
{
	struct filter *f = AMAS__OF(t, struct filter, slow);

	f->said_slow = true;
	amas__log(amas__loop_log(f->loop), AMAS_LOG_WARN, "%s: no line yet; is "
	    "its output buffered? (sed -u, fflush, --unbuffered)", f->r.name);
}

/* Whether the file is not the one that runs. */
static bool
is_replaced(const struct filter *f)
{
	struct amas__identity id;

	return f->look &&
	    !(amas__folder_identity(f->is.dir, f->is.file, &id) &&
	    amas__identity_same(&id, &f->id));
}

/* Whether the process that runs can be sent a line; else it ends. */
static bool
is_ready(struct filter *f)
{
	if (f->closed || is_replaced(f) || !amas__proc_look(f->r.proc))
		end_process(f);
	return f->step == REST; /* looking may have found output */
}

static int
start_process(struct filter *f, struct amas_error *err)
{
	f->closed = false;
	if (f->look)
		(void)amas__folder_identity(f->is.dir, f->is.file, &f->id);
	return amas__resident_start(&f->r, err);
}

/* Answers one for which there is no process. */
static void
fail_start(struct call *c, const struct amas_error *err)
{
	if (err->code == AMAS_ENOMEM) {
		fail_nomem(c);
		return;
	}
	amas__log(amas__loop_log(c->f->loop), AMAS_LOG_WARN, "%s: %s",
	    c->f->r.name, err->text);
	fail(c, "%s", err->text);
}

/* Sends the line of now, which has a place. */
static void
run(struct filter *f)
{
	struct call *c = f->now;
	struct amas_error err;

	if (c->req == NULL) {
		drop(c); /* its caller went */
		return;
	}
	if (f->step == ENDING || (f->r.proc != NULL && !is_ready(f)))
		return; /* ended() runs it */
	if (f->r.proc == NULL && start_process(f, &err) != 0) {
		fail_start(c, &err);
		drop(c);
		return;
	}
	if (amas__proc_write(f->r.proc, amas__buf_head(&f->in),
	    amas__buf_len(&f->in)) != 0) {
		fail_nomem(c);
		drop(c);
		return;
	}
	amas__buf_fini(&f->in);
	c->sent = true;
	f->step = SENT;
	amas__timer_start(&f->deadline, f->opts.timeout_s);
	if (!f->said_slow)
		amas__timer_start(&f->slow, SLOW_S);
}

static void
on_ended(struct amas__resident *r, const char *why)
{
	struct filter *f = AMAS__OF(r, struct filter, r);
	struct call *c = f->now;
	enum step step = f->step;

	if (step != ENDING)
		amas__log(amas__loop_log(f->loop), AMAS_LOG_WARN, "%s: %s",
		    r->name, why);
	if (c != NULL && c->sent) {
		if (step == DONE)
			answer(c);
		else
			fail(c, "%s", why);
		forget_process(f);
		drop(c);
		return;
	}
	forget_process(f);
	if (c != NULL && c->started)
		run(f);
	else
		next(f);
}

static const struct amas__resident_ops resident_ops = { on_output, NULL, NULL,
	on_ended };

/* ---- Calls ---- */

static void
on_start(struct amas__job *job)
{
	struct call *c = AMAS__OF(job, struct call, job);
	struct filter *f = c->f;
	struct amas_error err;
	int rc;

	if (job->refused) {
		fail(c, "busy: too many programs live");
		drop(c);
		return;
	}
	c->started = true;
	amas__list_remove(&c->link);
	f->now = c;
	amas__buf_fini(&f->in);
	if ((rc = amas__exec_put_line(&f->in, c->req, &err)) == 0) {
		run(f);
		return;
	}
	if (rc == AMAS_ENOMEM)
		fail_nomem(c);
	else
		fail(c, "%s", err.text);
	drop(c);
}

static void
on_gone(void *arg)
{
	struct call *c = arg;
	struct amas_request *req = c->req;

	if (!c->started)
		amas__job_done(&c->job); /* before the counter goes */
	c->req = NULL;
	if (req != NULL)
		amas__request_fail_text(req, "", 0);
	if (!c->started)
		drop(c);
}

/*
 * Puts a call in line; the first asks for a place.  Where turns keep them apart
 * all do, in the order of all that wait for a turn.
 */
static int
queue(struct filter *f, struct call *c, struct amas_error *err)
{
	size_t *waiting = amas__request_waiting(c->req);
	int rc;

	if (f->turns != NULL) {
		c->job.jobs = f->turns;
		if ((rc = amas__job_ask(&c->job, waiting, err)) == 0)
			amas__list_add(&f->wait, &c->link);
	} else if (f->now != NULL || f->step == ENDING) {
		if ((rc = amas__job_hold(&c->job, waiting, err)) == 0)
			amas__list_add(&f->wait, &c->link);
	} else if ((rc = amas__job_ask(&c->job, waiting, err)) == 0) {
		f->now = c;
	}
	return rc;
}

static void
add_call(struct filter *f, struct amas_request *req)
{
	struct call *c = amas__zalloc(sizeof *c);
	struct amas_error err;

	if (c == NULL) {
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return;
	}
	c->f = f;
	f->refs++;
	c->req = amas_request_keep(req);
	amas__list_init(&c->link);
	amas__job_init(&c->job, f->loop, on_start);
	amas__job_tell(&c->job, f->r.name);
	if (queue(f, c, &err) != 0) {
		c->req = NULL;
		amas_request_fail(req, "%s", err.text);
		call_free(c);
		return;
	}
	amas_request_on_gone(req, on_gone, c);
}

static void
filter_call(struct amas__source *s, struct amas_request *req,
    const char *walked, size_t walked_len, const char *rest, size_t rest_len)
{
	struct filter *f = AMAS__OF(s, struct filter, source);
	struct amas__where w = { walked, rest, walked_len, rest_len };

	if (f->loop == NULL) {
		amas_request_fail(req, "shutting down");
		return;
	}
	if (rest_len > 0) {
		amas__exec_not_found(req, &w, 0);
		return;
	}
	if (f->look && !amas__program_find(&f->is,
	    f->opts.allow_writable != 0, amas__loop_log(f->loop), req, &w)) {
		if (f->now == NULL)
			end_process(f);
		return;
	}
	add_call(f, req);
}

/* ---- Its life ---- */

static void
filter_free(struct amas__source *s)
{
	filter_unref(AMAS__OF(s, struct filter, source));
}

/* A function, with nothing below it. */
static int
filter_list(struct amas__source *s, const char *base,
    struct amas__paths *paths, struct amas_error *err)
{
	(void)s;
	return amas__paths_add(paths, base, "", 0, err);
}

static const struct amas__source_ops filter_ops = { filter_call, filter_free,
	filter_list };

static void
filter_drain(struct amas__open *o)
{
	next(AMAS__OF(o, struct filter, open));
}

/* The loop lets no more time. */
static void
filter_close(struct amas__open *o)
{
	struct filter *f = AMAS__OF(o, struct filter, open);
	struct call *c;

	f->refs++;
	amas__open_remove(o);
	forget_process(f);
	amas__resident_fini(&f->r);
	f->loop = NULL;
	while ((c = f->now) != NULL || !amas__list_empty(&f->wait)) {
		if (c == NULL)
			c = AMAS__OF(f->wait.next, struct call, link);
		amas__job_done(&c->job);
		fail(c, "shutting down");
		call_free(c);
	}
	filter_unref(f);
}

static const struct amas__open_ops open_ops = { filter_close, filter_drain,
	NULL };

static void
filter_init(struct filter *f, const struct amas__source_spec *spec,
    struct amas_loop *l)
{
	f->source.ops = &filter_ops;
	f->refs = 1;
	f->loop = l;
	f->look = !spec->is_command && spec->dir == -1;
	if (f->opts.max_result == 0)
		f->opts.max_result = AMAS__RESULT_MAX;
	if (f->opts.timeout_s <= 0)
		f->opts.timeout_s = AMAS__FILTER_TIMEOUT_S;
	amas__list_init(&f->wait);
	amas__buf_init(&f->in, 0);
	amas__buf_init(&f->out, f->opts.max_result);
	amas__timer_init(&f->deadline, l, on_deadline);
	amas__timer_init(&f->slow, l, on_slow);
	amas__timer_init(&f->again, l, on_again);
	amas__task_init(&f->look_task, on_look);
	amas__resident_init(&f->r, l, &resident_ops, &f->is,
	    spec->name[0] != '\0' ? spec->name : spec->text, 0);
	f->r.guest.state = f->opts.state;
	f->r.guest.home = amas__home_ref(spec->home);
	f->turns = spec->home != NULL ? spec->home->turns : NULL;
	amas__open_add(l, &f->open, &open_ops);
}

int
amas__source_filter_load(struct amas__source **out,
    const struct amas__source_spec *spec, struct amas_loop *l,
    const struct amas_source_opts *opts, struct amas_error *err)
{
	struct filter *f = amas__zalloc(sizeof *f);
	int rc;

	if (f == NULL)
		return amas__error_nomem(err);
	if (opts != NULL)
		f->opts = *opts;
	rc = amas__program_open(&f->is, spec, f->opts.allow_writable != 0,
	    err);
	if (rc != 0) {
		amas__program_close(&f->is);
		free(f);
		return rc;
	}
	filter_init(f, spec, l);
	*out = &f->source;
	return 0;
}
