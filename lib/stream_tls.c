/*
 * Streams that speak TLS over another stream.  While the two ends agree it has
 * no owner: whoever waits for it gets it when the peer has shown who it is, so
 * that before that no byte reaches anybody but the module.
 *
 * Plain bytes wait in the queue of output and become cipher bytes at the end of
 * the turn, no more than the other stream takes without getting long; what it
 * has is bounded, what waits here is the owner's to bound.
 */
#include "stream_tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "mem.h"

#define LINGER_S 2.0		/* a refused peer has that to read why */
#define QUEUE_MAX ((size_t)256 << 10)	/* cipher bytes that wait below */
#define PIECE ((size_t)64 << 10)	/* plain bytes that go at a time */
#define READ_MIN ((size_t)4 << 10)	/* bytes that are read at least */
#define READ_MAX ((size_t)64 << 10)	/* and at most, for one turn */
#define CONTROL_MAX ((size_t)64 << 10)	/* bytes that only answer records */

enum tls_state { SHAKING, READY, REFUSED };

struct tls_stream {
	struct amas__stream s;
	struct amas__stream *under;
	struct amas__tls_setup *setup;	/* others of its kind share it */
	const struct amas__tls_ops *ops;
	struct amas__tls *tls;
	enum tls_state state;
	bool failed;
	bool looked;		/* the first bytes were TLS */
	bool server;
	bool more;		/* there may be plain bytes, read already */
	bool unread;		/* it said that there are bytes below */
	size_t control;		/* bytes that reading made, and wait */
	struct amas__task flush, wake;
	struct amas__timer limit;	/* of the handshake; of a refused one */
	struct amas__open open;	/* a refused one */
	amas__tls_done_fn *fn;
	void *arg;
};

static struct tls_stream *
of(struct amas__stream *s)
{
	return AMAS__OF(s, struct tls_stream, s);
}

static const struct tls_stream *
of_const(const struct amas__stream *s)
{
	return (const struct tls_stream *)(const void *)s;
}

/* Frees it, but for the stream below. */
static void
destroy(struct tls_stream *t)
{
	amas__task_cancel(t->s.loop, &t->flush);
	amas__task_cancel(t->s.loop, &t->wake);
	amas__timer_stop(&t->limit);
	amas__open_remove(&t->open);
	t->ops->free(t->tls);
	amas__tls_unref(t->setup);
	amas__buf_fini(&t->s.out);
	free(t);
}

/* The queue below; and gives back its memory, if nothing came of it. */
static struct amas__buf *
below(struct tls_stream *t)
{
	return amas__stream_out(t->under);
}

static void
leave(struct tls_stream *t)
{
	if (amas__buf_len(&t->under->out) == 0)
		amas__loop_give_spare(t->s.loop, &t->under->out);
}

static void
update(struct tls_stream *t)
{
	amas__stream_set_reading(t->under, t->state != READY || t->s.reading);
}

/* ---- The handshake ---- */

/* Tells how it came out; then t may be anything. */
static void
tell(struct tls_stream *t, const struct amas_error *why)
{
	amas__tls_done_fn *fn = t->fn;

	t->fn = NULL;
	fn(why == NULL ? &t->s : NULL, why, t->arg);
}

static void
refused_close(struct amas__open *o)
{
	struct tls_stream *t = AMAS__OF(o, struct tls_stream, open);

	amas__stream_close(t->under);
	destroy(t);
}

static const struct amas__open_ops refused_ops = { .close = refused_close };

/*
 * What we said last, the alert that tells why, is still written.  A server reads
 * on, and forgets it, until the client closes: were there bytes that nobody
 * read, the end would be a reset, and the alert lost.
 */
static void
give_up(struct tls_stream *t, const struct amas_error *why)
{
	struct amas__stream *under = t->under;
	struct amas_error copy = *why;
	amas__tls_done_fn *fn = t->fn;
	void *arg = t->arg;

	if (t->server) {
		t->state = REFUSED;
		amas__open_add(t->s.loop, &t->open, &refused_ops);
		amas__timer_start(&t->limit, LINGER_S);
		amas__stream_flush(under);
		update(t);
	} else {
		destroy(t);
		amas__stream_close(under);
	}
	fn(NULL, &copy, arg);
}

/* It ended, or nothing came, before there was an agreement. */
static void
broke_off(struct tls_stream *t, const char *text)
{
	struct amas_error why;

	amas_error_set(&why, AMAS_ECLOSED, "%s", text);
	give_up(t, &why);
}

static void
closed(struct tls_stream *t)
{
	char text[128];

	(void)snprintf(text, sizeof text, "connection closed in the TLS "
	    "handshake%s%s", t->server ? "" : !t->looked ?
	    "; is TLS spoken there? (--plain)" :
	    "; it may refuse our certificate",
	    t->server || !t->looked ? "" : t->ops->doubt(t->tls));
	broke_off(t, text);
}

/* A length that can be, and what begins a payload of JSON, MsgPack, Blosc. */
static bool
is_frame(const unsigned char *data, size_t len)
{
	return len > 4 && data[0] <= 4 &&
	    (data[0] | data[1] | data[2] | data[3]) != 0 &&
	    (data[4] == '[' || data[4] == 0x93 || data[4] == 2);
}

/*
 * What does not begin as TLS does is told so, in a way that both understand: a
 * plain peer sees that TLS is spoken here.
 */
static void
not_tls(struct tls_stream *t, const unsigned char *data, size_t len)
{
	static const unsigned char alert[] = { 21, 3, 3, 0, 2, 2, 10 };
	struct amas_error why;
	const char *looks = "";

	if (is_frame(data, len))
		looks = "; it looks like plain aiomas (a frame)";
	else if (memchr(data, '[', len < 8 ? len : 8) == data)
		looks = "; it looks like message lines";
	else if (len >= 4 && (memcmp(data, "GET ", 4) == 0 ||
	    memcmp(data, "POST", 4) == 0 || memcmp(data, "HTTP", 4) == 0))
		looks = "; it looks like HTTP";
	else if (len >= 4 && memcmp(data, "SSH-", 4) == 0)
		looks = "; it looks like SSH";
	amas_error_set(&why, AMAS_ETLS, "the peer does not speak TLS%s", looks);
	if (t->server)
		(void)amas__buf_put(below(t), alert, sizeof alert);
	give_up(t, &why);
}

/* Goes on with what is there. */
static void
shake(struct tls_stream *t)
{
	struct amas_error why;
	int rc = t->ops->handshake(t->tls, below(t), &why);

	leave(t);
	if (rc < 0) {
		give_up(t, &why);
		return;
	}
	amas__stream_flush(t->under);
	if (rc == 0)
		return;
	amas__timer_stop(&t->limit);
	t->state = READY;
	t->more = t->ops->pending(t->tls);
	update(t);
	tell(t, NULL);
}

static void
shake_readable(struct tls_stream *t)
{
	unsigned char data[READ_MIN];
	struct amas_error why;
	ssize_t n = amas__stream_read(t->under, data, sizeof data, &why);

	if (n == AMAS__AGAIN)
		return;
	if (n < 0)
		give_up(t, &why);
	else if (n == 0)
		closed(t);
	else if (!t->looked && data[0] != 22 && data[0] != 21)
		not_tls(t, data, (size_t)n);
	else if (t->ops->put(t->tls, data, (size_t)n) != 0)
		broke_off(t, amas_strerror(AMAS_ENOMEM));
	else {
		t->looked = true;
		shake(t);
	}
}

/* Reads what nobody wants, until its end. */
static void
drain(struct tls_stream *t)
{
	char data[READ_MIN];
	ssize_t n = amas__stream_read(t->under, data, sizeof data, NULL);

	if (n == 0 || (n < 0 && n != AMAS__AGAIN))
		refused_close(&t->open);
}

static void
on_limit(struct amas__timer *timer)
{
	struct tls_stream *t = AMAS__OF(timer, struct tls_stream, limit);
	char text[64];

	if (t->state == REFUSED) {
		refused_close(&t->open);
		return;
	}
	(void)snprintf(text, sizeof text, "no TLS handshake within %g s",
	    AMAS__TLS_HANDSHAKE_S);
	broke_off(t, text);
}

/* ---- Output ---- */

static void
write_failed(struct tls_stream *t, const struct amas_error *why)
{
	t->failed = true;
	amas__buf_fini(&t->s.out);
	if (t->s.events != NULL)
		t->s.events->failed(t->s.arg, why);
}

/* Makes cipher bytes of what waits, at most so that max of them are below. */
static int
encrypt(struct tls_stream *t, size_t max, size_t *done, struct amas_error *err)
{
	struct amas__buf *from = &t->s.out, *to = below(t);
	size_t len;
	int rc;

	while ((len = amas__buf_len(from)) > 0 && amas__buf_len(to) < max) {
		if (len > PIECE)
			len = PIECE;
		if ((rc = t->ops->write(t->tls, amas__buf_head(from), len, to,
		    err)) != 0)
			return rc;
		amas__buf_consume(from, len);
		*done += len;
	}
	return 0;
}

/* moved: bytes below were written, which the owner wants to know anyway. */
static void
write_some(struct tls_stream *t, bool moved)
{
	struct amas_error err;
	size_t done = 0, left;

	if (t->failed || t->state != READY)
		return;
	if (amas__buf_len(&t->s.out) > 0 &&
	    encrypt(t, QUEUE_MAX, &done, &err) != 0) {
		write_failed(t, &err);
		return;
	}
	if (done == 0 && !moved)
		return;
	if ((left = amas__buf_len(&t->s.out)) == 0)
		amas__loop_give_spare(t->s.loop, &t->s.out);
	if (done > 0)
		amas__stream_flush(t->under);
	if (t->s.events != NULL)
		t->s.events->written(t->s.arg, done, left);
}

static void
on_flush(struct amas__task *task)
{
	write_some(AMAS__OF(task, struct tls_stream, flush), false);
}

/* ---- From the stream below ---- */

static void
on_readable(void *arg)
{
	struct tls_stream *t = arg;

	if (t->state == SHAKING)
		shake_readable(t);
	else if (t->state == REFUSED)
		drain(t);
	else if (t->s.events != NULL && t->s.reading) {
		t->unread = true;
		t->s.events->readable(t->s.arg);
	}
}

static void
on_written(void *arg, size_t n, size_t queued)
{
	struct tls_stream *t = arg;

	(void)n;
	if (queued == 0)
		t->control = 0;
	write_some(t, true);
}

static void
on_failed(void *arg, const struct amas_error *why)
{
	struct tls_stream *t = arg;

	if (t->state == SHAKING)
		give_up(t, why);
	else if (t->state == REFUSED)
		refused_close(&t->open);
	else
		write_failed(t, why);
}

static const struct amas__stream_events events = {
	.readable = on_readable,
	.written = on_written,
	.failed = on_failed,
};

/* There is something to read that came with what was read before. */
static void
on_wake(struct amas__task *task)
{
	struct tls_stream *t = AMAS__OF(task, struct tls_stream, wake);

	if (t->state == SHAKING)
		shake(t); /* the client begins */
	else if (t->more && t->s.reading && t->s.events != NULL)
		t->s.events->readable(t->s.arg);
}

/* ---- What a stream does ---- */

static void
tls_watch(struct amas__stream *s)
{
	struct tls_stream *t = of(s);

	update(t);
	if (s->reading && t->more)
		amas__task_run(s->loop, &t->wake);
}

/*
 * Records that only want an answer, such as for new keys, make output without
 * end for a peer that does not read it.
 */
static int
answered(struct tls_stream *t, size_t before, struct amas_error *err)
{
	size_t after = amas__buf_len(&t->under->out);

	if (after == before)
		return 0;
	amas__stream_flush(t->under);
	t->control += after - before;
	return t->control <= CONTROL_MAX ? 0 : amas_error_set(err, AMAS_EPROTO,
	    "TLS records that want answers, which are not read");
}

/* Gives what the module has; AMAS__AGAIN: it has nothing. */
static ssize_t
decrypt(struct tls_stream *t, void *data, size_t len, struct amas_error *err)
{
	size_t before = amas__buf_len(&t->under->out);
	ssize_t n = t->ops->read(t->tls, data, len, below(t), err);

	leave(t);
	if (answered(t, before, err) != 0)
		return AMAS_EPROTO;
	t->more = n > 0 && (t->unread || t->ops->pending(t->tls));
	if (t->more)
		amas__task_run(t->s.loop, &t->wake);
	return n;
}

static ssize_t
tls_read(struct amas__stream *s, void *data, size_t len,
    struct amas_error *err)
{
	struct tls_stream *t = of(s);
	char small[READ_MIN], *place = data;
	size_t size = len < READ_MAX ? len : READ_MAX;
	ssize_t n = decrypt(t, data, len, err);

	if (n != AMAS__AGAIN)
		return n;
	if (len < sizeof small) {
		place = small;
		size = sizeof small;
	}
	t->unread = false;
	n = amas__stream_read(t->under, place, size, err);
	if (n == 0) /* what is lost, nobody knows */
		return amas_error_set(err, AMAS_ECLOSED,
		    "connection cut: without the end that TLS has");
	if (n < 0)
		return n;
	if (t->ops->put(t->tls, place, (size_t)n) != 0)
		return amas__error_nomem(err);
	return decrypt(t, data, len, err);
}

static void
tls_flush(struct amas__stream *s)
{
	if (!of(s)->failed)
		amas__task_run(s->loop, &of(s)->flush);
}

static void
tls_close(struct amas__stream *s)
{
	struct tls_stream *t = of(s);
	struct amas__stream *under = t->under;
	size_t done = 0;

	if (t->state == READY && !t->failed &&
	    encrypt(t, SIZE_MAX, &done, NULL) == 0)
		t->ops->end(t->tls, below(t));
	destroy(t);
	amas__stream_close(under);
}

static void
tls_abort(struct amas__stream *s)
{
	struct amas__stream *under = of(s)->under;

	destroy(of(s));
	amas__stream_abort(under);
}

static bool
tls_gone(const struct amas__stream *s)
{
	return of_const(s)->failed || amas__stream_gone(of_const(s)->under);
}

static size_t
tls_held(const struct amas__stream *s)
{
	return amas__buf_len(&of_const(s)->under->out);
}

static void
tls_name(const struct amas__stream *s, enum amas__stream_name which, char *out,
    size_t size)
{
	const struct tls_stream *t = of_const(s);

	if (which == AMAS__PEER_NAME)
		(void)snprintf(out, size, "%s", t->ops->peer_name(t->tls));
	else if (which == AMAS__ABOUT)
		(void)snprintf(out, size, "%s", t->ops->about(t->tls));
	else
		(void)amas__stream_name(t->under, which, out, size);
}

static const struct amas__stream_ops tls_ops = {
	.watch = tls_watch,
	.read = tls_read,
	.flush = tls_flush,
	.close = tls_close,
	.abort = tls_abort,
	.gone = tls_gone,
	.held = tls_held,
	.name = tls_name,
};

int
amas__stream_new_tls(struct amas__stream **out, struct amas__stream *under,
    struct amas__tls_setup *setup, const char *name,
    amas__tls_done_fn *fn, void *arg, struct amas_error *err)
{
	struct tls_stream *t = amas__zalloc(sizeof *t);
	int rc;

	if (t == NULL)
		return amas__error_nomem(err);
	t->ops = amas__tls_ops_of(setup);
	if ((rc = t->ops->start(&t->tls, amas__tls_ctx_of(setup), name,
	    err)) != 0) {
		free(t);
		return rc;
	}
	t->setup = amas__tls_ref(setup);
	t->s.ops = &tls_ops;
	t->s.loop = under->loop;
	t->under = under;
	t->server = name == NULL;
	t->fn = fn;
	t->arg = arg;
	amas__buf_init(&t->s.out, 0);
	amas__list_init(&t->open.link);
	amas__task_init(&t->flush, on_flush);
	amas__task_init(&t->wake, on_wake);
	amas__timer_init(&t->limit, t->s.loop, on_limit);
	amas__timer_start(&t->limit, AMAS__TLS_HANDSHAKE_S);
	amas__stream_set_owner(under, &events, t);
	amas__task_run(t->s.loop, &t->wake);
	update(t);
	*out = &t->s;
	return 0;
}
