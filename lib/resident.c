/*
 * Programs that stay; see resident.h.  What they say on standard error goes to
 * the log line by line.
 */
#include "resident.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "child.h"
#include "environ.h"
#include "err.h"
#include "home.h"
#include "log.h"
#include "loop.h"
#include "mem.h"

#define SHELL "/bin/sh"
#define SHELL_SIGNAL 128	/* added to a signal in its exit status */

/* ---- The process ---- */

static void
on_output(struct amas__proc *p, int which, const char *data, size_t len)
{
	struct amas__resident *r = amas__proc_arg(p);

	if (which == 2)
		amas__errout_put(&r->err, data, len);
	else
		r->ops->output(r, data, len);
}

static void
on_room(struct amas__proc *p)
{
	struct amas__resident *r = amas__proc_arg(p);

	if (r->ops->room != NULL)
		r->ops->room(r);
}

static void
on_hand(struct amas__proc *p, int in, int out)
{
	struct amas__resident *r = amas__proc_arg(p);

	r->ops->hand(r, in, out);
}

/* Why it could not be started, with what a user may do about it. */
static void
say_no_start(char *why, size_t size, const struct amas__resident *r,
    const struct amas_error *err)
{
	const char *hint = "";

	if (r->program->command == NULL && err->sys == ENOENT)
		hint = " (its \"#!\" interpreter?)";
	else if (err->sys == ENOEXEC)
		hint = " (no \"#!\" line?)";
	(void)snprintf(why, size, "%s%s", err->text, hint);
}

/* The signal that ended it, 0 if none; a shell tells that of its command. */
static int
signal_of(const struct amas__resident *r, const struct amas__exit *how)
{
	if (how->sig == 0 && r->program->command != NULL &&
	    how->status > SHELL_SIGNAL && how->status < SHELL_SIGNAL + NSIG)
		return how->status - SHELL_SIGNAL;
	return how->sig;
}

static void
on_exit_(struct amas__proc *p, const struct amas__exit *how)
{
	struct amas__resident *r = amas__proc_arg(p);
	char why[sizeof how->err.text + 32], name[AMAS__SIGNAL_SIZE];
	int sig = signal_of(r, how);

	amas__guest_close(&r->guest); /* may end its channel: it is not over */
	amas__proc_free(p);
	r->proc = NULL;
	amas__errout_end(&r->err);
	if (how->code != 0)
		say_no_start(why, sizeof why, r, &how->err);
	else if (sig != 0)
		(void)snprintf(why, sizeof why, "killed by %s",
		    amas__signal_name(sig, name));
	else
		(void)snprintf(why, sizeof why, "exit status %d", how->status);
	r->ops->ended(r, why);
}

static const struct amas__proc_ops proc_ops = { on_output, on_room, on_exit_ };

/* ---- The start ---- */

static int
put_program(struct amas__texts *t, const struct amas__resident *r)
{
	const struct amas__program *is = r->program;
	int rc = amas__texts_begin(t);

	if (rc == 0 && is->command == NULL) {
		if ((rc = amas__buf_puts(&t->text, "./")) == 0)
			rc = amas__buf_put(&t->text, is->file,
			    strlen(is->file) + 1);
		return rc;
	}
	if (rc == 0)
		rc = amas__buf_put(&t->text, "sh", sizeof "sh");
	if (rc == 0)
		rc = amas__texts_add(t, "-c");
	if (rc == 0)
		rc = amas__texts_add(t, is->command);
	return rc == 0 ? amas__texts_add(t, r->name) : rc;
}

/* What an agent was made with; NULL: this is none. */
static const struct amas__home *
made_with(const struct amas__resident *r)
{
	return r->is_agent ? r->guest.home : NULL;
}

static int
make_argv(struct amas__texts *t, const struct amas__resident *r,
    struct amas_error *err)
{
	const struct amas__home *home = made_with(r);

	if (put_program(t, r) != 0)
		return amas__error_nomem(err);
	return home != NULL ? amas__args_add_home(t, home, err) : 0;
}

static int
make_envp(struct amas__texts *t, const struct amas__resident *r, size_t used,
    struct amas_error *err)
{
	const struct amas__home *home = made_with(r);
	size_t max = amas__args_max();
	char index[24];
	int rc = amas__environ_inherit(t, r->program->dir != -1);

	(void)snprintf(index, sizeof index, "%zu", r->index);
	if (rc == 0 && r->guest.home == NULL)
		rc = amas__texts_set(t, "AMAS_INDEX", index);
	if (rc == 0)
		rc = amas__guest_environ(&r->guest, t, err);
	if (rc == 0 && home != NULL)
		rc = amas__args_add_keywords(t, r->loop, home->kwargs,
		    used < max ? max - used : 0);
	return rc == 0 || rc == AMAS_ESYS ? rc : amas__error_nomem(err);
}

static int
start_proc(struct amas__resident *r, const struct amas__texts *argv,
    const struct amas__texts *envp, struct amas_error *err)
{
	struct amas__proc_opts o = { .file = SHELL, .dir = r->program->dir,
		.ops = &proc_ops, .arg = r };
	char **args = amas__texts_vector(argv);
	char **env = amas__texts_vector(envp);
	int rc = args == NULL || env == NULL ? AMAS_ENOMEM : 0;

	if (rc == 0) {
		o.argv = args;
		o.envp = env;
		if (r->program->command == NULL)
			o.file = args[0];
		if (r->ops->hand != NULL)
			o.start = on_hand;
		rc = amas__proc_start(&r->proc, r->loop, &o, NULL);
	}
	free(args);
	free(env);
	return rc == 0 ? 0 : amas__error_nomem(err);
}

int
amas__resident_start(struct amas__resident *r, struct amas_error *err)
{
	struct amas__texts argv = { .n = 0 }, envp = { .n = 0 };
	int rc;

	amas__errout_fini(&r->err);
	amas__errout_init(&r->err, amas__loop_log(r->loop), r->name);
	if (r->will)
		r->err.level = AMAS_LOG_WARN;
	if ((rc = make_argv(&argv, r, err)) != 0)
		goto out;
	rc = amas__guest_open(&r->guest, r->ops->hand != NULL, err);
	if (rc == 0)
		rc = make_envp(&envp, r, amas__texts_size(&argv), err);
	if (rc == 0)
		rc = start_proc(r, &argv, &envp, err);
	if (rc != 0)
		amas__guest_close(&r->guest);
	else if (r->ops->hand == NULL)
		amas__guest_proc(&r->guest, r->proc);
out:
	amas__texts_fini(&argv);
	amas__texts_fini(&envp);
	return rc;
}

void
amas__resident_init(struct amas__resident *r, struct amas_loop *l,
    const struct amas__resident_ops *ops, const struct amas__program *program,
    const char *name, size_t index)
{
	memset(r, 0, sizeof *r);
	r->ops = ops;
	r->loop = l;
	r->program = program;
	r->index = index;
	(void)amas__log_text(r->name, sizeof r->name, name, strlen(name));
	amas__guest_init(&r->guest, l, NULL, r->name);
	amas__errout_init(&r->err, amas__loop_log(l), r->name);
}

void
amas__resident_stop(struct amas__resident *r)
{
	if (r->proc != NULL)
		amas__proc_stop(r->proc);
}

void
amas__resident_fini(struct amas__resident *r)
{
	amas__errout_fini(&r->err);
	if (r->proc == NULL)
		return;
	amas__proc_free(r->proc);
	r->proc = NULL;
	amas__guest_close(&r->guest);
}
