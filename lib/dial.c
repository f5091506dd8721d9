/*
 * Connecting.  One attempt looks the address up and tries what it finds in
 * order; the first cause of failure is the one told.  Attempts are repeated
 * with growing pauses while there is time.
 */
#include "dial.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "listener.h"
#include "mem.h"
#include "resolve.h"
#include "sock.h"
#include "stream_tls.h"

#define PAUSE_FIRST_S 0.02
#define PAUSE_MAX_S 1.0
#define BACKLOG_PAUSE_S 0.01	/* a unix listener's queue is full */
#define BACKLOG_TRIES 500

struct amas__dial {
	struct amas_loop *loop;
	struct amas__addr addr;
	double until;		/* end of trying again, by the loop's clock */
	double pause_s;
	amas__dial_fn *fn;
	void *arg;
	const char *self;	/* NULL: as the address */
	struct amas__resolve *resolve;
	struct amas__sockaddr sa[AMAS__SOCK_TRIES];
	size_t n, next;
	unsigned full;		/* tries at a full queue */
	struct amas__io io;	/* of the socket under way */
	int fd;			/* that socket, -1: none */
	struct amas__tls_setup *tls;	/* NULL: plain */
	struct amas__stream *shaking;	/* agrees on TLS; NULL: none does */
	struct amas__timer timer;
	struct amas_error first;	/* cause of this attempt's failure */
};

static void try_next(struct amas__dial *d);
static void attempt(struct amas__dial *d);

static void
drop_socket(struct amas__dial *d)
{
	if (d->fd == -1)
		return;
	amas__io_set(&d->io, 0);
	close(d->fd);
	d->fd = -1;
}

void
amas__dial_free(struct amas__dial *d)
{
	if (d == NULL)
		return;
	drop_socket(d);
	amas__stream_abort(d->shaking);
	amas__tls_unref(d->tls);
	amas__resolve_free(d->resolve);
	amas__timer_stop(&d->timer);
	amas__addr_fini(&d->addr);
	free(d);
}

static void
finish(struct amas__dial *d, struct amas__stream *s,
    const struct amas_error *why)
{
	struct amas_error copy;
	amas__dial_fn *fn = d->fn;
	void *arg = d->arg;

	if (why != NULL)
		copy = *why;
	amas__dial_free(d);
	fn(s, why != NULL ? &copy : NULL, arg);
}

static void
log_attempt(const struct amas__dial *d)
{
	const struct amas__log *log = amas__loop_log(d->loop);
	char *addr;

	if (!amas__log_on(log, AMAS_LOG_INFO))
		return;
	addr = amas__addr_print(&d->addr);
	amas__log(log, AMAS_LOG_INFO, "%s: %s; trying again",
	    addr != NULL ? addr : "", d->first.text);
	free(addr);
}

/* All addresses failed: again later, or the end. */
static void
attempt_failed(struct amas__dial *d)
{
	double left = d->until - amas__loop_now(d->loop);

	if (left <= 0 || d->first.code == AMAS_EINVAL) {
		finish(d, NULL, &d->first);
		return;
	}
	log_attempt(d);
	amas__timer_start(&d->timer, d->pause_s < left ? d->pause_s : left);
	d->pause_s = d->pause_s * 2 < PAUSE_MAX_S ? d->pause_s * 2 :
	    PAUSE_MAX_S;
}

static void
on_timer(struct amas__timer *t)
{
	struct amas__dial *d = AMAS__OF(t, struct amas__dial, timer);

	if (d->next < d->n)
		try_next(d);
	else
		attempt(d);
}

/*
 * They agreed, or not.  Whoever was refused would be so again, wherever the name
 * leads; a connection that went may have met a server that just ended.
 */
static void
on_agreed(struct amas__stream *s, const struct amas_error *why, void *arg)
{
	struct amas__dial *d = arg;

	d->shaking = NULL;
	if (why == NULL || why->code != AMAS_ECLOSED) {
		finish(d, s, why);
		return;
	}
	d->first = *why;
	d->first.code = AMAS_ETLS;
	d->next = d->n;
	attempt_failed(d);
}

/* The name that the server's certificate must have. */
static const char *
wanted_name(const struct amas__dial *d)
{
	const char *name = amas__tls_settings(d->tls)->servername;

	if (name != NULL)
		return name;
	return d->addr.host[0] != '\0' ? d->addr.host : "127.0.0.1";
}

static void
agree(struct amas__dial *d, struct amas__stream *s)
{
	struct amas_error err;

	if (amas__stream_new_tls(&d->shaking, s, d->tls, wanted_name(d),
	    on_agreed, d, &err) != 0) {
		amas__stream_close(s);
		finish(d, NULL, &err);
	}
}

static void
connected(struct amas__dial *d)
{
	struct amas__stream *s;
	struct amas_error err;

	amas__io_set(&d->io, 0);
	if (amas__stream_new(&s, d->loop, d->fd, &err) != 0) {
		finish(d, NULL, &err);
		return;
	}
	d->fd = -1;
	if (d->tls != NULL && d->addr.kind == AMAS__ADDR_TCP)
		agree(d, s);
	else
		finish(d, s, NULL);
}

static void
socket_failed(struct amas__dial *d, int sys)
{
	drop_socket(d);
	if (d->first.code == 0)
		amas__error_sys(&d->first, AMAS_ECONNECT, sys, NULL);
	try_next(d);
}

static void
on_connect(struct amas__io *io, int events)
{
	struct amas__dial *d = AMAS__OF(io, struct amas__dial, io);
	int sys = 0;
	socklen_t len = sizeof sys;

	(void)events;
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &sys, &len) == -1)
		sys = errno;
	if (sys != 0)
		socket_failed(d, sys);
	else
		connected(d);
}

/* A file that is no socket refuses, too. */
static void
refused(struct amas__dial *d, int sys)
{
	struct stat st;

	amas__error_sys(&d->first, AMAS_ECONNECT, sys, NULL);
	if (sys == ECONNREFUSED && d->addr.kind == AMAS__ADDR_UNIX &&
	    stat(d->addr.name, &st) == 0 && !S_ISSOCK(st.st_mode))
		amas_error_set(&d->first, AMAS_ECONNECT, "is no socket");
}

/* Starts on the next address; the result comes from the loop in any case. */
static void
try_next(struct amas__dial *d)
{
	const struct amas__sockaddr *sa;

	while (d->next < d->n) {
		sa = &d->sa[d->next++];
		if ((d->fd = amas__sock_open(sa->u.sa.sa_family)) == -1) {
			if (d->first.code == 0)
				amas__error_sys(&d->first, AMAS_ECONNECT,
				    errno, "socket");
			continue;
		}
		if (d->addr.kind == AMAS__ADDR_TCP)
			amas__sock_tune(d->fd); /* bounds connecting, too */
		amas__io_init(&d->io, d->loop, d->fd, on_connect);
		if (connect(d->fd, &sa->u.sa, sa->len) == 0 ||
		    errno == EINPROGRESS) {
			amas__io_set(&d->io, AMAS__WRITE);
			return;
		}
		if (errno == EAGAIN && d->full++ < BACKLOG_TRIES) {
			drop_socket(d);
			d->next--;
			amas__timer_start(&d->timer, BACKLOG_PAUSE_S);
			return;
		}
		if (d->first.code == 0)
			refused(d, errno);
		drop_socket(d);
	}
	attempt_failed(d);
}

static void
resolved(const struct amas__sockaddr *sa, size_t n,
    const struct amas_error *why, void *arg)
{
	struct amas__dial *d = arg;

	d->resolve = NULL;
	d->next = 0;
	d->n = why == NULL ? n : 0;
	if (why != NULL)
		d->first = *why;
	else
		memcpy(d->sa, sa, n * sizeof *sa);
	try_next(d);
}

/*
 * Connects inside of this process, where name listens.  Whoever dialled may do
 * anything when it hears of it: then the listener may be gone.
 */
static void
by_queue(struct amas__dial *d, const char *name)
{
	struct amas_loop *l = d->loop;
	struct amas__stream *ends[2];
	struct amas__listener *ln;

	if (amas__stream_new_queue(ends, l, name, d->self != NULL ? d->self :
	    name, &d->first) != 0) {
		attempt_failed(d);
		return;
	}
	finish(d, ends[0], NULL);
	if ((ln = amas__listener_local(l, name)) != NULL)
		amas__listener_connect(ln, ends[1]);
	else
		amas__stream_close(ends[1]);
}

/* Looks whether it listens inside of this process; false: it does not. */
static bool
try_inside(struct amas__dial *d)
{
	bool only = d->addr.kind == AMAS__ADDR_LOCAL;
	char *name = amas__addr_print(&d->addr);

	if (name != NULL && amas__listener_local(d->loop, name) != NULL) {
		only = true;
		by_queue(d, name);
	} else if (only) {
		amas_error_set(&d->first, AMAS_ECONNECT, "No server started "
		    "for this local queue instance.");
		attempt_failed(d);
	}
	free(name);
	return only;
}

static void
attempt(struct amas__dial *d)
{
	int rc;

	memset(&d->first, 0, sizeof d->first);
	d->full = 0;
	d->n = d->next = 0;
	if (try_inside(d))
		return;
	if (!amas__sock_needs_resolver(&d->addr)) {
		rc = amas__sock_lookup(&d->addr, false, d->sa, &d->n,
		    &d->first);
		if (rc != 0)
			d->n = 0;
		try_next(d);
	} else if (amas__resolve_new(&d->resolve, d->loop, &d->addr, resolved,
	    d, &d->first) != 0) {
		attempt_failed(d);
	}
}

static int
copy_addr(struct amas__addr *to, const struct amas__addr *from)
{
	memset(to, 0, sizeof *to);
	to->kind = from->kind;
	to->port = from->port;
	to->host = amas__strdup(from->host);
	to->name = amas__strdup(from->name);
	return (from->host != NULL && to->host == NULL) ||
	    (from->name != NULL && to->name == NULL) ? AMAS_ENOMEM : 0;
}

int
amas__dial_new(struct amas__dial **out, struct amas_loop *l,
    const struct amas__addr *addr, double retry_s, amas__dial_fn *fn,
    void *arg, struct amas_error *err)
{
	struct amas__dial *d = amas__zalloc(sizeof *d);

	if (d == NULL)
		return amas__error_nomem(err);
	d->fd = -1;
	if (copy_addr(&d->addr, addr) != 0) {
		amas__addr_fini(&d->addr);
		free(d);
		return amas__error_nomem(err);
	}
	d->loop = l;
	d->fn = fn;
	d->arg = arg;
	d->pause_s = PAUSE_FIRST_S;
	d->until = retry_s > 0 ? amas__loop_now(l) + retry_s : -INFINITY;
	amas__timer_init(&d->timer, l, on_timer);
	amas__timer_start(&d->timer, 0); /* never inside this function */
	*out = d;
	return 0;
}

void
amas__dial_set_self(struct amas__dial *d, const char *self)
{
	d->self = self;
}

void
amas__dial_set_tls(struct amas__dial *d, struct amas__tls_setup *setup)
{
	d->tls = amas__tls_ref(setup);
}

void
amas__dial_extend(struct amas__dial *d, double retry_s)
{
	double until = amas__loop_now(d->loop) + retry_s;

	if (retry_s > 0 && until > d->until)
		d->until = until;
}

void
amas__dial_put_off(struct amas__dial *d, double pause_s)
{
	amas__timer_start(&d->timer, pause_s);
}

const char *
amas__dial_phase(const struct amas__dial *d)
{
	if (d->shaking != NULL)
		return "agreeing on TLS";
	return d->resolve != NULL ? "resolving" : "connecting";
}

bool
amas__dial_is_local(struct amas_loop *l, const struct amas__addr *addr,
    const char *name)
{
	return addr->kind == AMAS__ADDR_LOCAL ||
	    amas__listener_local(l, name) != NULL;
}
