/*
 * amas-dump: shows messages that pass; see amas-dump(1).  What is where stands
 * in dump.h.
 */
#include "dump.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_run.h"
#include "dump_conn.h"
#include "dump_inject.h"
#include "dump_read.h"
#include "dump_store.h"
#include "serve.h"

#define LOOK_S 0.25		/* between looks at requests that wait */
#define GRACE_S 2.0		/* for connections when the command has ended */

static const int signals[DUMP_SIGNALS] = { SIGTERM, SIGINT, SIGUSR1 };

/* ---- Views -------------------------------------------------------------- */

static int
add_views(struct dump *d)
{
	const struct dump_opts *o = d->o;
	int status = dump_view_new(d);

	if (status == CMD_OK && (d->tap != NULL || d->capture != NULL) &&
	    o->form == DUMP_TEXT && !o->summary && cmd_verbose(AMAS_LOG_WARN))
		status = dump_table_new(d, false);
	return status;
}

/* ---- The end ------------------------------------------------------------ */

void
dump_end(struct dump *d, int status)
{
	if (d->done)
		return;
	d->done = true;
	if (d->status == CMD_OK)
		d->status = status;
	ev_break(d->ev, EVBREAK_ALL);
}

/* From here on it ends when its connections have ended. */
static void
end_with_connections(struct dump *d)
{
	size_t i;

	for (i = 0; i < DUMP_SIGNALS; i++)
		ev_unref(d->ev);
	if (ev_is_active(&d->look))
		ev_unref(d->ev);
}

/* Not inside the callback that had shown the last line. */
static void
on_over(struct amas__task *t)
{
	struct dump *d = AMAS__OF(t, struct dump, over);

	if (d->stub != NULL)
		dump_stub_close(d->stub);
	else
		dump_tap_close(d->tap);
	end_with_connections(d);
}

void
dump_enough(struct dump *d)
{
	d->enough = true;
	if (d->tap == NULL && d->stub == NULL)
		dump_end(d, CMD_OK);
	else if (d->o->run == NULL)
		amas__task_run(d->loop, &d->over);
}

void
dump_nomem(struct dump *d)
{
	if (!d->done)
		dump_end(d, cmd_nomem());
}

void
dump_output_failed(struct dump *d)
{
	int sys = errno;

	if (!ferror(stdout))
		return;
	d->status = cmd_error(CMD_SYS, "standard output", "%s",
	    strerror(sys));
	__fpurge(stdout); /* it has been said */
	clearerr(stdout);
	dump_end(d, d->status);
}

static void
on_flush(struct amas__task *t)
{
	struct dump *d = AMAS__OF(t, struct dump, flush);

	if (fflush(stdout) != 0)
		dump_output_failed(d);
}

static void
on_signal(struct ev_loop *ev, ev_signal *w, int revents)
{
	struct dump *d = w->data;

	(void)ev;
	(void)revents;
	if (w->signum == SIGUSR1)
		dump_ask_views(d);
	else
		d->stopped = true;
	if (d->stopped)
		ev_break(ev, EVBREAK_ALL);
}

static void
on_grace(struct ev_loop *ev, ev_timer *w, int revents)
{
	(void)w;
	(void)revents;
	ev_break(ev, EVBREAK_ALL);
}

/* From here on it ends with its connections, as soon as they have all closed. */
static void
run_out(struct dump *d)
{
	if (d->stub != NULL)
		dump_stub_drain(d->stub);
	else
		dump_tap_drain(d->tap);
	ev_timer_start(d->ev, &d->grace);
	ev_unref(d->ev);
	end_with_connections(d);
}

static void
on_run_exit(struct amas__proc *p, const struct amas__exit *how)
{
	struct dump *d = amas__proc_arg(p);

	amas__proc_free(p);
	d->run = NULL;
	if (d->status == CMD_OK)
		d->status = cmd_run_status(how);
	run_out(d);
}

static const struct amas__proc_ops run_ops = { .on_exit = on_run_exit };

/* ---- What is shown, from where ------------------------------------------ */

/* By the time of what passes, which may be that of an old recording. */
static void
on_look(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct dump *d = w->data;

	(void)ev;
	(void)revents;
	dump_lines_wait(d, d->seen + d->idle_s);
	d->idle_s += LOOK_S;
}

/* Says where it listens or captures; --run has the address from its environment. */
static int
say_ready(struct dump *d, const char *addr)
{
	const struct dump_opts *o = d->o;
	int status = CMD_OK;

	if (o->ready_fd >= 0 && (status = serve_print(o->ready_fd,
	    "--ready-fd", addr)) == CMD_OK)
		status = serve_give_up(o->ready_fd, "--ready-fd");
	if (status == CMD_OK && o->ready_fd < 0 && o->run == NULL &&
	    cmd_verbose(AMAS_LOG_WARN))
		(void)cmd_error(CMD_OK, addr, "ready");
	if (status == CMD_OK && o->run != NULL)
		status = cmd_run_start(&d->run, d->loop, o->run, addr,
		    &run_ops, d);
	return status;
}

static int
open_source(struct dump *d)
{
	int status;

	if (d->o->n_reads > 0)
		return dump_reads_open(&d->reads, d);
	d->live = true;
	if (d->o->iface != NULL)
		status = dump_capture_open(&d->capture, d);
	else
		status = dump_tap_open(&d->tap, d);
	return status == CMD_OK ? say_ready(d, d->o->iface != NULL ?
	    d->o->iface : dump_tap_addr(d->tap)) : status;
}

/* Reads a recording before it is used; wrong lines in it are no hindrance. */
static int
load(struct dump *d)
{
	int status;

	if ((status = dump_store_new(&d->store, d)) == CMD_OK &&
	    (status = dump_reads_open(&d->reads, d)) == CMD_OK) {
		ev_run(d->ev, 0);
		status = d->stopped ? CMD_STOP : d->status == CMD_INPUT ?
		    CMD_OK : d->status;
	}
	if (status != CMD_OK)
		return status;
	dump_reads_free(d->reads);
	d->reads = NULL;
	dump_filter_free(d->filter); /* it has chosen */
	d->filter = NULL;
	d->done = false;
	d->n = d->n_conns = 0;
	return dump_store_finish(d->store);
}

static int
use(struct dump *d)
{
	int status;

	d->live = true;
	if (d->o->replay != NULL)
		return dump_replay_new(&d->replay, d, d->store);
	status = dump_stub_new(&d->stub, d, d->store);
	return status == CMD_OK ? say_ready(d, dump_stub_addr(d->stub)) :
	    status;
}

static int
run(struct dump *d)
{
	const struct dump_opts *o = d->o;
	bool again = o->replay != NULL || o->stub != NULL;
	int status = CMD_OK;

	if (o->filter != NULL)
		status = dump_filter_new(&d->filter, o->filter, again ||
		    o->form == DUMP_DOT ||
		    (o->form == DUMP_TEXT && !o->split));
	if (status == CMD_OK && again && (status = load(d)) == CMD_STOP)
		return CMD_OK;
	if (status == CMD_OK && o->write != NULL)
		status = dump_record_new(d); /* first: -c may end it all */
	if (status == CMD_OK)
		status = again ? use(d) : open_source(d);
	if (status == CMD_OK)
		status = add_views(d);
	if (status != CMD_OK)
		return status;
	if (d->live && o->form == DUMP_TEXT && !o->split)
		ev_timer_again(d->ev, &d->look);
	ev_run(d->ev, 0);
	return d->status;
}

/* ---- Begin and end ------------------------------------------------------ */

static int
init(struct dump *d, const struct dump_opts *o)
{
	size_t i;
	int status;

	memset(d, 0, sizeof *d);
	d->o = o;
	amas__list_init(&d->conns);
	amas__list_init(&d->views);
	amas__task_init(&d->flush, on_flush);
	amas__task_init(&d->over, on_over);
	if ((d->ev = ev_loop_new(EVFLAG_NOENV)) == NULL)
		return cmd_error(CMD_SYS, NULL, "event loop: %s",
		    strerror(errno));
	for (i = 0; i < DUMP_SIGNALS; i++) {
		ev_signal_init(&d->signals[i], on_signal, signals[i]);
		d->signals[i].data = d;
		ev_signal_start(d->ev, &d->signals[i]);
	}
	ev_timer_init(&d->look, on_look, LOOK_S, LOOK_S);
	d->look.data = d;
	ev_timer_init(&d->grace, on_grace, GRACE_S, 0.);
	if ((status = cmd_loop_new(&d->loop, d->ev, &o->args)) != CMD_OK)
		return status;
	d->pool = amas__loop_pool(d->loop);
	return CMD_OK;
}

static void
fini(struct dump *d)
{
	if (d->ev == NULL)
		return;
	dump_tap_free(d->tap);
	dump_replay_free(d->replay);
	dump_stub_free(d->stub);
	dump_reads_free(d->reads);
	dump_capture_free(d->capture);
	if (!d->failed)
		dump_end_views(d);
	if (fflush(stdout) != 0) /* whatever the status is until now */
		dump_output_failed(d);
	dump_free_views(d);
	dump_store_free(d->store);
	dump_filter_free(d->filter);
	amas__proc_free(d->run);
	if (d->loop != NULL) {
		amas__task_cancel(d->loop, &d->flush);
		amas__task_cancel(d->loop, &d->over);
	}
	amas_loop_free(d->loop);
	ev_loop_destroy(d->ev);
}

int
main(int argc, char *argv[])
{
	struct dump_opts o = { 0 };
	struct dump d = { 0 };
	int status;

	cmd_init("amas-dump");
	if (dump_opts_parse(&o, argc, argv) != CMD_OK) {
		dump_opts_free(&o);
		return cmd_finish(o.args.status);
	}
	if ((status = init(&d, &o)) == CMD_OK)
		status = run(&d);
	d.failed = status != CMD_OK && d.status == CMD_OK;
	fini(&d);
	dump_opts_free(&o);
	return cmd_finish(status == CMD_OK || d.status == CMD_SYS ? d.status :
	    status);
}
