/*
 * Calls are kept in a pool; one that comes takes the place of any other, which
 * is answered.  When none comes for a while, all are.
 */
#include "shuffle.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "mix.h"

#define POOL 256
#define CALLS_MAX (1 << 24)	/* numbers of calls */
#define REST_S 0.001
#define SPINS 40000		/* some 100 us */

struct kept {
	struct amas_request *req;	/* NULL: a free place */
	int64_t n;
	const struct amas_value *v;	/* of req */
};

struct shuffle {
	struct amas_clock *clock;
	struct amas_timer rest;
	struct kept pool[POOL];
	unsigned seed;
	int log;			/* -1: none */
	int64_t calls, doubled;
	unsigned char seen[CALLS_MAX / 8];	/* a bit for each number */
};

static void
answer(struct kept *k)
{
	struct amas_request *req = k->req;

	k->req = NULL;
	if (req != NULL)
		amas_request_reply(req, "[Iv]", k->n, k->v);
}

static void
answer_all(void *arg)
{
	struct shuffle *s = arg;
	size_t i;

	for (i = 0; i < POOL; i++)
		answer(&s->pool[i]);
}

static struct kept *
any(struct shuffle *s)
{
	s->seed = s->seed * 1103515245 + 12345;
	return &s->pool[(s->seed >> 16) % POOL];
}

static void
note(struct shuffle *s, int64_t n)
{
	unsigned char bit = (unsigned char)(1 << n % 8);

	s->calls++;
	if (s->seen[n / 8] & bit)
		s->doubled++;
	s->seen[n / 8] |= bit;
	if (s->log >= 0 && write(s->log, &n, sizeof n) != sizeof n)
		abort();
}

/* Takes a call apart, and notes it; -1 if it is answered by that. */
static int
take(struct shuffle *s, struct amas_request *req, int64_t *n,
    const struct amas_value **v)
{
	if (amas_request_unpack(req, "[Iv]", n, v) != 0)
		return -1;
	if (*n < 0 || *n >= CALLS_MAX) {
		amas_request_fail(req, "ValueError: number %lld",
		    (long long)*n);
		return -1;
	}
	note(s, *n);
	return 0;
}

static void
shuffle(struct amas_request *req, void *self)
{
	struct shuffle *s = self;
	struct kept *k;
	const struct amas_value *v;
	int64_t n;

	if (take(s, req, &n, &v) != 0)
		return;
	k = any(s);
	answer(k);
	k->req = amas_request_keep(req);
	k->n = n;
	k->v = v;
	amas_timer_call_in(&s->rest, s->clock, REST_S, answer_all, s);
}

static void
spin(struct amas_request *req, void *self)
{
	const struct amas_value *v;
	uint64_t x = 1;
	int64_t n;
	int i;

	if (take(self, req, &n, &v) != 0)
		return;
	for (i = 0; i < SPINS; i++)
		x = mix(x);
	if (x == 0) /* it never is, but then the loop is needed */
		abort();
	amas_request_reply(req, "[Iv]", n, v);
}

static void
echo(struct amas_request *req, void *self)
{
	const struct amas_value *v;

	(void)self;
	if (amas_request_unpack(req, "[v]", &v) == 0)
		amas_request_reply(req, "v", v);
}

static void
report(struct amas_request *req, void *self)
{
	struct shuffle *s = self;

	amas_request_reply(req, "[II]", s->calls, s->doubled);
}

static void
die(struct amas_request *req, void *self)
{
	(void)req;
	(void)self;
	(void)raise(SIGKILL);
}

const struct amas_function shuffle_functions[] = {
	{ "echo", echo },
	{ "shuffle", shuffle },
	{ "spin", spin },
	{ "report", report },
	{ "die", die },
	{ NULL, NULL }
};

struct shuffle *
shuffle_new(struct amas_loop *loop)
{
	const char *path = getenv("SHUFFLE_LOG");
	struct shuffle *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->clock = amas_loop_clock(loop);
	s->log = path == NULL ? -1 : open(path, O_WRONLY | O_APPEND | O_CREAT |
	    O_CLOEXEC, 0600);
	return s;
}

void
shuffle_free(struct shuffle *s)
{
	if (s == NULL)
		return;
	amas_timer_cancel(&s->rest);
	answer_all(s);
	if (s->log >= 0)
		close(s->log);
	free(s);
}
