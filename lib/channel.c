/*
 * The life of a channel: connecting, ending.  Its input is in channel_input.c.
 *
 * Who may free what in which callback: everything in every one.  A function
 * that calls out holds a reference and looks at the state afterwards.  The
 * memory goes with the last reference: the program's or the server's, and one
 * of each request that is still open.
 */
#include "channel_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "mem.h"
#include "request.h"

/* ---- Memory ---- */

struct amas_channel *
amas__channel_ref(struct amas_channel *ch)
{
	ch->refs++;
	return ch;
}

void
amas__channel_unref(struct amas_channel *ch)
{
	if (--ch->refs > 0)
		return;
	amas__calls_fini(ch);
	amas__frame_reader_fini(&ch->reader);
	amas__types_fini(&ch->types);
	free(ch->peer);
	free(ch->peer_host);
	free(ch->peer_name);
	free(ch->local);
	free(ch->why);
	free(ch->gate);
	free(ch);
}

/* ---- The end ---- */

void
amas__channel_set_why(struct amas_channel *ch, const struct amas_error *why)
{
	if (ch->why == NULL && (ch->why = malloc(sizeof *ch->why)) == NULL)
		return;
	*ch->why = *why;
}

/* Most connections have not ended: a cause of each would be a fifth of them. */
const struct amas_error *
amas__channel_why(const struct amas_channel *ch)
{
	static const struct amas_error unknown = { AMAS_ENOMEM, 0,
		"out of memory" };

	return ch->why != NULL ? ch->why : &unknown;
}

static void
close_stream(struct amas_channel *ch, bool reset)
{
	amas__dial_free(ch->dial);
	ch->dial = NULL;
	if (ch->stream == NULL)
		return;
	if (reset)
		amas__stream_abort(ch->stream);
	else
		amas__stream_close(ch->stream);
	ch->stream = NULL;
}

static void
run_endings(struct amas_channel *ch)
{
	struct amas__ending *e;

	while (!amas__list_empty(&ch->endings)) {
		e = AMAS__OF(ch->endings.next, struct amas__ending, link);
		amas__list_remove(&e->link);
		e->fn(e);
	}
}

/*
 * Ends what hangs on it: the calls, the requests, then on_close.  A callback may
 * close it meanwhile; then that does what is left to do.
 */
static void
let_go(struct amas_channel *ch)
{
	amas_close_fn *on_close;

	amas__calls_fail(ch, amas__channel_why(ch));
	amas__requests_gone(ch);
	run_endings(ch);
	on_close = ch->on_close;
	ch->on_close = NULL;
	if (on_close != NULL && (ch->started || ch->held))
		on_close(ch, amas__channel_why(ch), ch->arg);
}

/*
 * Ends the connection, whoever did it: what hangs on it, then what the layer
 * above keeps.  Open calls at our own close: the peer is told at once, by a
 * reset, that nobody waits for its work any more.
 */
void
amas__channel_end(struct amas_channel *ch, const struct amas_error *why)
{
	const struct amas__log *log = amas__loop_log(ch->loop);
	bool given_up = why->code == AMAS_ECANCELED && ch->replies == 0 &&
	    amas__calls_unanswered(ch);

	if (ch->state == ENDED)
		return;
	amas__channel_ref(ch);
	ch->state = ENDED;
	amas__channel_set_why(ch, why);
	if (why->code == AMAS_ECLOSED || why->code == AMAS_ECANCELED)
		amas__log(log, AMAS_LOG_INFO, "%s: closed: %s", ch->peer,
		    why->text);
	else if (ch->started)
		amas__log(log, AMAS_LOG_WARN, "%s: %s", ch->peer, why->text);
	amas__task_cancel(ch->loop, &ch->start);
	close_stream(ch, given_up || ch->drop_output);
	amas__flow_stop(ch);
	amas__gate_stop(ch);
	if (!ch->held)
		amas__open_remove(&ch->open);
	let_go(ch);
	if (ch->ops->ended != NULL)
		ch->ops->ended(ch, ch->ops_arg);
	amas__channel_unref(ch);
}

void
amas_channel_close(struct amas_channel *ch)
{
	struct amas_error why;
	bool held;

	if (ch == NULL)
		return;
	held = ch->held;
	ch->held = false;
	amas_error_set(&why, AMAS_ECANCELED, "closed by us");
	amas__channel_ref(ch);
	if (held)
		ch->started = true; /* on_close is owed */
	amas__channel_end(ch, &why);
	let_go(ch); /* it was ending: no callback comes after this */
	if (held) {
		amas__open_remove(&ch->open);
		if (ch->ops->closed != NULL)
			ch->ops->closed(ch);
		amas__channel_unref(ch);
	}
	amas__channel_unref(ch);
}

/*
 * Ends it in order if nothing is left to do: the peer sends no more, or we
 * drain.
 */
void
amas__channel_check_done(struct amas_channel *ch)
{
	struct amas_error why;

	if (ch->state != OPEN || !(ch->peer_done || ch->draining))
		return;
	if (ch->n_requests > 0 || ch->n_kept > 0 ||
	    !amas__list_empty(&ch->parked) || !amas__calls_done(ch))
		return;
	if (ch->peer_done)
		why = *amas__channel_why(ch);
	else
		amas_error_set(&why, AMAS_ECANCELED, "shutting down");
	amas__channel_end(ch, &why);
}

/* ---- The beginning ---- */

static void
channel_close(struct amas__open *o)
{
	struct amas_channel *ch = AMAS__OF(o, struct amas_channel, open);
	struct amas_error why;

	amas__channel_ref(ch);
	if (ch->state == OPEN && ch->n_requests > 0)
		amas__requests_fail(ch, "shutting down");
	amas_error_set(&why, AMAS_ECANCELED, "shutting down");
	amas__channel_end(ch, &why);
	amas__channel_unref(ch);
}

static void
channel_drain(struct amas__open *o)
{
	struct amas_channel *ch = AMAS__OF(o, struct amas_channel, open);

	if (ch->ops->inner)
		return;
	ch->draining = true;
	if (ch->state != OPEN)
		channel_close(o);
	else
		amas__channel_check_done(ch);
}

static void
channel_release(struct amas__open *o)
{
	amas_channel_close(AMAS__OF(o, struct amas_channel, open));
}

static const struct amas__open_ops open_ops = {
	.close = channel_close,
	.drain = channel_drain,
	.release = channel_release,
};

static void
on_start(struct amas__task *t)
{
	amas__channel_start(AMAS__OF(t, struct amas_channel, start));
}

static int
channel_new(struct amas_channel **out, struct amas_loop *l,
    const struct amas_opts *opts, const char *types,
    const struct amas__channel_ops *ops, void *arg, struct amas_error *err)
{
	struct amas_channel *ch = amas__zalloc(sizeof *ch);
	int rc;

	if (ch == NULL)
		return amas__error_nomem(err);
	ch->refs = 1;
	ch->loop = l;
	ch->ops = ops;
	ch->ops_arg = arg;
	ch->codec = opts->codec;
	ch->lines = opts->lines;
	ch->failure_list = opts->failure_list != 0;
	if (!ch->lines)
		ch->counters = amas__loop_counters(l);
	ch->max_message = opts->max_message != 0 ? opts->max_message :
	    AMAS__FRAME_MAX;
	ch->max_requests = opts->max_requests != 0 ? opts->max_requests :
	    AMAS__REQUESTS_MAX;
	ch->on_open = opts->on_open;
	ch->on_close = opts->on_close;
	ch->on_request = opts->on_request;
	ch->allow = opts->allow;
	ch->arg = opts->arg;
	amas__list_init(&ch->link);
	amas__list_init(&ch->endings);
	amas__list_init(&ch->rooms);
	amas__list_init(&ch->requests);
	amas__task_init(&ch->start, on_start);
	amas__frame_reader_init(&ch->reader, ch->lines, ch->max_message);
	if ((rc = amas__types_init(&ch->types, types,
	    opts->on_request == NULL, err)) != 0) {
		amas__channel_unref(ch);
		return rc;
	}
	ch->types.any = ops->any_types;
	amas__flow_init(ch);
	amas__open_add(l, &ch->open, &open_ops);
	*out = ch;
	return 0;
}

/* Gives it up before anybody knew of it. */
static void
channel_discard(struct amas_channel *ch)
{
	ch->state = ENDED;
	close_stream(ch, false);
	amas__flow_stop(ch);
	amas__open_remove(&ch->open);
	amas__channel_unref(ch);
}

/* A name of the stream, for free(3); NULL: memory is short. */
static char *
name_of(const struct amas_channel *ch, enum amas__stream_name which)
{
	char name[AMAS__STREAM_NAME];

	return amas__strdup(amas__stream_name(ch->stream, which, name,
	    sizeof name));
}

static int
set_stream(struct amas_channel *ch, struct amas__stream *s)
{
	char name[AMAS__STREAM_NAME];

	ch->stream = s;
	ch->queue = s->queue;
	amas__stream_set_owner(s, &amas__channel_events, ch);
	if (ch->hard)
		amas__stream_set_hard(s);
	ch->state = OPEN;
	if (*amas__stream_name(s, AMAS__PEER_NAME, name, sizeof name) != '\0' &&
	    (ch->peer_name = amas__strdup(name)) == NULL)
		return AMAS_ENOMEM;
	return 0;
}

static void
log_start(const struct amas_channel *ch)
{
	const struct amas__log *log = amas__loop_log(ch->loop);
	char about[AMAS__STREAM_NAME];

	if (!amas__log_on(log, AMAS_LOG_INFO))
		return;
	if (ch->stream == NULL || *amas__stream_name(ch->stream, AMAS__ABOUT,
	    about, sizeof about) == '\0')
		amas__log(log, AMAS_LOG_INFO, "%s: connected", ch->peer);
	else
		amas__log(log, AMAS_LOG_INFO, "%s: connected: %s, peer \"%s\"",
		    ch->peer, about, amas_channel_peer_name(ch));
}

void
amas__channel_start(struct amas_channel *ch)
{
	amas__channel_ref(ch);
	log_start(ch);
	ch->started = true;
	if (ch->counters != NULL)
		ch->counters->connections++;
	if (ch->on_open != NULL)
		ch->on_open(ch, ch->arg);
	if (ch->state == OPEN)
		amas__flow_update(ch);
	amas__channel_unref(ch);
}

int
amas__channel_accept(struct amas_channel **out, struct amas_loop *l,
    struct amas__stream *s, const struct amas_opts *opts,
    const struct amas__channel_ops *ops, void *arg, struct amas_error *err)
{
	struct amas_channel *ch;
	int rc;

	if ((rc = channel_new(&ch, l, opts, opts->types, ops, arg, err)) != 0) {
		amas__stream_close(s);
		return rc;
	}
	if (set_stream(ch, s) != 0 ||
	    (ch->peer = name_of(ch, AMAS__PEER)) == NULL ||
	    (opts->max_per_peer != 0 &&
	    (ch->peer_host = name_of(ch, AMAS__PEER_HOST)) == NULL) ||
	    (amas__loop_trace(l) != NULL &&
	    (ch->local = name_of(ch, AMAS__LOCAL)) == NULL)) {
		channel_discard(ch);
		return amas__error_nomem(err);
	}
	*out = ch;
	return 0;
}

int
amas__channel_pair(struct amas_channel **out, struct amas_loop *l, int in,
    int out_fd, const char *peer, bool held, const struct amas_opts *opts,
    const struct amas__channel_ops *ops, void *arg, struct amas_error *err)
{
	struct amas_channel *ch;
	int rc;

	if ((rc = channel_new(&ch, l, opts, opts->types, ops, arg, err)) == 0) {
		if ((ch->peer = amas__strdup(peer)) == NULL)
			rc = amas__error_nomem(err);
		else
			rc = amas__stream_new_pair(&ch->stream, l, in, out_fd,
			    err);
		if (rc != 0)
			channel_discard(ch);
	}
	if (rc != 0) {
		close(in);
		if (out_fd != in)
			close(out_fd);
		return rc;
	}
	amas__stream_set_owner(ch->stream, &amas__channel_events, ch);
	ch->state = OPEN;
	ch->held = held;
	amas__task_run(l, &ch->start);
	*out = ch;
	return 0;
}

static void
on_dialed(struct amas__stream *s, const struct amas_error *why, void *arg)
{
	struct amas_channel *ch = arg;
	struct amas_error err;
	int rc;

	ch->dial = NULL;
	if (why != NULL) {
		amas__channel_end(ch, why);
		return;
	}
	amas__channel_ref(ch);
	rc = set_stream(ch, s);
	amas__gate_opened(ch);
	if (rc != 0 || amas__flow_send_early(ch) != 0) {
		amas__error_nomem(&err);
		amas__channel_end(ch, &err);
	} else {
		amas__calls_connected(ch);
		amas__channel_start(ch);
	}
	amas__channel_unref(ch);
}

/* Has TLS spoken, if the settings and the address want it. */
static int
set_tls(struct amas_channel *ch, const struct amas__addr *addr,
    const struct amas_opts *opts, struct amas_error *err)
{
	struct amas__tls_setup *setup;
	int rc;

	if (opts->tls == NULL || addr->kind != AMAS__ADDR_TCP)
		return 0;
	rc = amas__tls_use(&setup, ch->loop, opts->tls, false, err);
	if (rc == 0) {
		amas__dial_set_tls(ch->dial, setup);
		amas__tls_unref(setup);
	}
	return rc;
}

int
amas__channel_dial(struct amas_channel **out, struct amas_loop *l,
    const struct amas__addr *addr, const struct amas_opts *opts,
    const struct amas__channel_ops *ops, void *arg, struct amas_error *err)
{
	struct amas_channel *ch = NULL;
	char *types = amas__types_join(addr->container, opts->types);
	int rc;

	if (types == NULL)
		return amas__error_nomem(err);
	rc = channel_new(&ch, l, opts, types, ops, arg, err);
	free(types);
	if (rc != 0)
		return rc;
	if ((ch->peer = amas__addr_print(addr)) != NULL)
		ch->queue = amas__dial_is_local(l, addr, ch->peer);
	if (ch->peer == NULL || amas__flow_begin_early(ch) != 0)
		rc = amas__error_nomem(err);
	else
		rc = amas__dial_new(&ch->dial, l, addr,
		    opts->connect_timeout_s, on_dialed, ch, err);
	if (rc == 0)
		rc = set_tls(ch, addr, opts, err);
	if (rc != 0) {
		channel_discard(ch);
		return rc;
	}
	ch->held = true;
	*out = ch;
	return 0;
}

int
amas__channel_set_self(struct amas_channel *ch, const char *self)
{
	free(ch->local);
	if ((ch->local = amas__strdup(self)) == NULL)
		return AMAS_ENOMEM;
	if (ch->dial != NULL)
		amas__dial_set_self(ch->dial, ch->local);
	return 0;
}

void
amas__channel_keep_trying(struct amas_channel *ch, double retry_s)
{
	if (ch->dial != NULL)
		amas__dial_extend(ch->dial, retry_s);
}

void
amas__channel_put_off(struct amas_channel *ch, double pause_s)
{
	if (ch->dial != NULL)
		amas__dial_put_off(ch->dial, pause_s);
}

void
amas__channel_hold(struct amas_channel *ch, bool hold)
{
	ch->on_hold = hold;
	amas__flow_update(ch);
}

/* ---- Looking ---- */

void
amas__channel_each(struct amas_loop *l,
    void (*fn)(struct amas_channel *ch, void *arg), void *arg)
{
	struct amas__link *all = amas__loop_opens(l), *i;
	struct amas_channel *ch;
	struct amas__open *o;

	for (i = all->next; i != all; i = i->next) {
		o = AMAS__OF(i, struct amas__open, link);
		ch = AMAS__OF(o, struct amas_channel, open);
		if (o->ops == &open_ops && ch->state == OPEN && !ch->held &&
		    !ch->ops->inner)
			fn(ch, arg);
	}
}
