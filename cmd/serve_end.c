/*
 * When a server program ends: on SIGTERM or SIGINT in order, with status 0; on
 * the second one at once, with 128 and its number; when the command of --run
 * has ended in order, with its status.
 *
 * The watchers of signals keep nobody waiting: the loop ends when nothing is
 * left that serves or runs.
 */
#include "serve.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_run.h"
#include "mem.h"

static const int signals[SERVE_SIGNALS] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

/* Ends in order.  The command has SIGINT from its terminal, as we have. */
static void
drain(struct serve *s, int sig)
{
	s->draining = true;
	serve_notify(s, "STOPPING=1");
	serve_mosaik_drain(s);
	amas_loop_drain(s->loop, SERVE_GRACE_S);
	if (s->run == NULL)
		return;
	if (sig == SIGTERM && amas__proc_pid(s->run) > 0)
		(void)kill(amas__proc_pid(s->run), SIGTERM);
	ev_timer_start(s->ev, &s->grace);
}

void
serve_end(struct serve *s, int status)
{
	if (s->draining)
		return;
	s->status = status;
	drain(s, SIGTERM);
}

/* Reads files anew; what is wrong with them leaves all as it was. */
static void
reload(struct serve *s)
{
	struct amas_error err;

	(void)serve_allow_read(s);
	if (amas_loop_reload_tls(s->loop, &err) != 0)
		(void)cmd_fail(NULL, &err);
}

static void
on_signal(struct ev_loop *ev, ev_signal *w, int revents)
{
	struct serve *s = w->data;

	(void)revents;
	if (w->signum == SIGUSR1)
		serve_stats(s);
	if (w->signum == SIGHUP)
		reload(s);
	if (w->signum != SIGTERM && w->signum != SIGINT)
		return;
	if (s->signalled) {
		s->at_once = true;
		s->status = 128 + w->signum;
		ev_break(ev, EVBREAK_ALL);
	} else if (!s->draining) {
		s->status = CMD_OK;
		drain(s, w->signum);
	}
	s->signalled = true;
}

/* The command did not end with the rest. */
static void
on_grace(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct serve *s = w->data;

	(void)ev;
	(void)revents;
	if (s->run != NULL)
		amas__proc_stop(s->run);
}

/* ---- The command of --run ----------------------------------------------- */

static void
on_run_exit(struct amas__proc *p, const struct amas__exit *how)
{
	struct serve *s = amas__proc_arg(p);

	ev_timer_stop(s->ev, &s->grace);
	amas__proc_free(p);
	s->run = NULL;
	if (s->draining)
		return;
	s->status = cmd_run_status(how);
	drain(s, 0);
}

static void
on_run_output(struct amas__proc *p, int which, const char *data, size_t len)
{
	(void)p; /* it has our streams */
	(void)which;
	(void)data;
	(void)len;
}

static const struct amas__proc_ops run_ops = { on_run_output, NULL,
	on_run_exit };

int
serve_run(struct serve *s, const char *command, const char *addr)
{
	return cmd_run_start(&s->run, s->loop, command, addr, &run_ops, s);
}

/* ---- Begin and end ------------------------------------------------------ */

static void
watch_signals(struct serve *s)
{
	size_t i;

	/* Programs that do not read their input must not end us. */
	(void)signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < SERVE_SIGNALS; i++) {
		ev_signal_init(&s->signals[i], on_signal, signals[i]);
		s->signals[i].data = s;
		ev_signal_start(s->ev, &s->signals[i]);
		ev_unref(s->ev);
	}
}

/* The highest level that is wanted, so that no line is made for nobody. */
static int
log_level(void)
{
	int level = AMAS_LOG_DEBUG;

	while (level > AMAS_LOG_ERROR && !cmd_verbose(level))
		level--;
	return level;
}

int
serve_init(struct serve *s, const struct serve_opts *o)
{
	struct amas_error err;
	const char *notify = cmd_env("NOTIFY_SOCKET");

	memset(s, 0, sizeof *s);
	s->o = o;
	amas__list_init(&s->doors);
	amas__list_init(&s->rules);
	amas__map_init(&s->sims);
	serve_hooks_init(s);
	if ((s->ev = ev_loop_new(EVFLAG_NOENV)) == NULL)
		return cmd_error(CMD_SYS, NULL, "event loop: %s",
		    strerror(errno));
	watch_signals(s);
	ev_timer_init(&s->grace, on_grace, SERVE_GRACE_S, 0.);
	s->grace.data = s;
	if (amas_loop_new(&s->loop, s->ev, &err) != 0)
		return cmd_fail(NULL, &err);
	amas_loop_set_log(s->loop, log_level(), cmd_log, NULL);
	amas__procs_adopt(s->loop);
	if (notify != NULL && (s->notify = amas__strdup(notify)) == NULL)
		return cmd_nomem();
	(void)unsetenv("NOTIFY_SOCKET"); /* it is not for children */
	return CMD_OK;
}

int
serve_loop(struct serve *s)
{
	(void)amas_loop_run(s->loop, INFINITY);
	return s->status;
}

/* It is over, with its status: a signal that comes so late changes nothing. */
static void
unwatch_signals(struct serve *s)
{
	sigset_t late;
	size_t i;

	sigemptyset(&late);
	sigaddset(&late, SIGTERM);
	sigaddset(&late, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &late, NULL);
	for (i = 0; i < SERVE_SIGNALS; i++) {
		ev_ref(s->ev);
		ev_signal_stop(s->ev, &s->signals[i]);
	}
}

void
serve_fini(struct serve *s)
{
	if (s->ev == NULL)
		return;
	s->draining = true;
	serve_hooks_fini(s);
	amas__proc_free(s->run);
	if (s->at_once)
		amas__procs_end(s->loop, 0);
	amas_service_free(s->service);
	s->service = NULL;
	amas_loop_free(s->loop);
	serve_relay_free(s);
	serve_doors_free(s);
	serve_allow_free(s);
	amas__map_fini(&s->sims);
	free(s->state);
	free(s->notify);
	ev_timer_stop(s->ev, &s->grace);
	unwatch_signals(s);
	ev_loop_destroy(s->ev);
}
