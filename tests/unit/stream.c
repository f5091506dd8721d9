/*
 * Output to a pipe that may block: a turn of the loop writes as much as it
 * reads, and never more than the pipe takes.
 */
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "amas.h"
#include "loop.h"
#include "stream.h"
#include "tap.h"

#define LEN ((size_t)200000)
#define TURNS 3			/* for one write: asked for, ready, written */
#define PIPE_SIZE 65536		/* of Linux, if nobody says otherwise */

struct world {
	struct ev_loop *ev;
	struct amas_loop *loop;
	struct amas__stream *s;
	int reader;
	char text[LEN], got[LEN];
};

static int
held(const struct world *w)
{
	int n = 0;

	(void)ioctl(w->reader, FIONREAD, &n);
	return n;
}

static void
turns(struct world *w, int n)
{
	while (n-- > 0)
		(void)ev_run(w->ev, EVRUN_NOWAIT);
}

static void
make(struct world *w)
{
	int in[2], out[2];
	size_t i;

	w->ev = ev_loop_new(EVFLAG_NOENV);
	if (pipe(in) != 0 || pipe(out) != 0 ||
	    amas_loop_new(&w->loop, w->ev, NULL) != 0 ||
	    amas__stream_new_pair(&w->s, w->loop, in[0], out[1], NULL) != 0)
		abort();
	close(in[1]);
	w->reader = out[0];
	for (i = 0; i < LEN; i++)
		w->text[i] = (char)(i * 7 / 5);
}

static void
test_much(struct world *w)
{
	size_t len = 0;
	ssize_t n;

	if (amas__buf_put(amas__stream_out(w->s), w->text, LEN) != 0)
		abort();
	amas__stream_flush(w->s);
	turns(w, TURNS);
	tap_int(held(w), PIPE_SIZE, "a turn fills the pipe");
	turns(w, 2 * TURNS);
	tap_int(held(w), PIPE_SIZE, "one that is full is left alone");
	while (len < LEN && held(w) > 0 &&
	    (n = read(w->reader, w->got + len, LEN - len)) > 0) {
		len += (size_t)n;
		turns(w, TURNS);
	}
	tap_mem(w->got, len, w->text, LEN, "all comes, in its order");
}

int
main(void)
{
	struct world *w = calloc(1, sizeof *w);

	if (w == NULL)
		abort();
	(void)alarm(60); /* what blocks must not do so for ever */
	make(w);
	test_much(w);
	amas__stream_close(w->s);
	amas_loop_free(w->loop);
	ev_loop_destroy(w->ev);
	close(w->reader);
	free(w);
	return tap_done();
}
