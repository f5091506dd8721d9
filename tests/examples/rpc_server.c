/*
 * An RPC server: a nested service, a function that answers later, one that
 * fails, and the list of who is connected.  SIGTERM and SIGINT drain it.
 * Usage: rpc_server ADDR
 */
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <amas.h>

struct app {
	struct ev_loop *ev;
	struct amas_loop *loop;
	int clients;
};

struct later {
	ev_timer timer;
	struct ev_loop *ev;
	struct amas_request *req;
};

static void
add(struct amas_request *req, void *self)
{
	double a, b;

	(void)self;
	if (amas_request_unpack(req, "[ff]", &a, &b) == 0)
		amas_request_reply(req, "f", a + b);
}

/* scale(x, *, factor=2.0) */
static void
scale(struct amas_request *req, void *self)
{
	double x, factor = 2;

	(void)self;
	if (amas_request_unpack(req, "[f]{|s:f}", &x, "factor", &factor) == 0)
		amas_request_reply(req, "f", x * factor);
}

static void
fail(struct amas_request *req, void *self)
{
	(void)self;
	amas_request_fail(req, "ValueError: %s", "this one always fails");
}

static void
slow_done(struct ev_loop *ev, ev_timer *timer, int revents)
{
	struct later *l = timer->data;

	(void)ev;
	(void)revents;
	amas_request_reply(l->req, "s", "at last");
	free(l);
}

static void
slow_gone(void *arg)
{
	struct later *l = arg;

	ev_timer_stop(l->ev, &l->timer); /* nobody waits any more */
	amas_request_reply(l->req, NULL);
	free(l);
}

/* slow(dt): answers after dt seconds, unless its caller goes before. */
static void
slow(struct amas_request *req, void *self)
{
	struct app *app = self;
	struct later *l;
	double dt;

	if (amas_request_unpack(req, "[f]", &dt) != 0)
		return;
	if ((l = calloc(1, sizeof *l)) == NULL) {
		amas_request_fail(req, "MemoryError");
		return;
	}
	l->ev = app->ev;
	l->req = amas_request_keep(req);
	amas_request_on_gone(req, slow_gone, l);
	ev_timer_init(&l->timer, slow_done, dt, 0);
	l->timer.data = l;
	ev_timer_start(app->ev, &l->timer);
}

static void
clients(struct amas_request *req, void *self)
{
	const struct app *app = self;

	amas_request_reply(req, "i", app->clients);
}

static const struct amas_function root[] = {
	{ "add", add },
	{ "fail", fail },
	{ "slow", slow },
	{ "clients", clients },
	{ NULL, NULL }
};

static const struct amas_function math[] = {
	{ "scale", scale },
	{ NULL, NULL }
};

static void
connected(struct amas_channel *ch, void *arg)
{
	struct app *app = arg;

	printf("%s connected (%d)\n", amas_channel_peer(ch), ++app->clients);
}

static void
lost(struct amas_channel *ch, const struct amas_error *why, void *arg)
{
	struct app *app = arg;

	printf("%s lost: %s (%d)\n", amas_channel_peer(ch), why->text,
	    --app->clients);
}

static void
on_signal(struct ev_loop *ev, ev_signal *w, int revents)
{
	struct app *app = w->data;

	(void)ev;
	(void)revents;
	amas_loop_drain(app->loop, 10); /* then ev_run() returns */
}

static int
make_services(struct amas_service **out, struct app *app,
    struct amas_error *err)
{
	struct amas_service *svc = NULL, *sub = NULL;
	int rc;

	if ((rc = amas_service_new(&svc, err)) == 0 &&
	    (rc = amas_service_new(&sub, err)) == 0 &&
	    (rc = amas_service_add(svc, root, app, err)) == 0 &&
	    (rc = amas_service_add(sub, math, NULL, err)) == 0 &&
	    (rc = amas_service_mount(svc, "math", sub, err)) == 0) {
		*out = svc;
		svc = NULL;
	}
	amas_service_free(sub); /* svc holds it now */
	amas_service_free(svc);
	return rc;
}

int
main(int argc, char *argv[])
{
	struct amas_opts opts = { .on_open = connected, .on_close = lost };
	struct ev_loop *ev = ev_loop_new(EVFLAG_NOENV);
	struct app app = { ev, NULL, 0 };
	struct amas_server *server = NULL;
	struct amas_error err;
	ev_signal term, intr;
	int rc;

	if (argc < 2)
		return 2;
	opts.arg = &app;
	if ((rc = make_services(&opts.service, &app, &err)) != 0 ||
	    (rc = amas_loop_new(&app.loop, ev, &err)) != 0 ||
	    (rc = amas_server_open(&server, app.loop, argv[1],
	    &opts, &err)) != 0) {
		fprintf(stderr, "rpc_server: %s\n", err.text);
		goto out;
	}
	printf("%s\n", amas_server_addr(server));
	fflush(stdout);
	ev_signal_init(&term, on_signal, SIGTERM);
	ev_signal_init(&intr, on_signal, SIGINT);
	term.data = intr.data = &app;
	ev_signal_start(ev, &term);
	ev_signal_start(ev, &intr);
	ev_unref(ev); /* signals alone keep nobody running */
	ev_unref(ev);
	ev_run(ev, 0);
	ev_ref(ev);
	ev_ref(ev);
out:
	amas_server_close(server);
	amas_service_free(opts.service);
	amas_loop_free(app.loop);
	ev_loop_destroy(ev);
	return amas_exit_status(rc);
}
