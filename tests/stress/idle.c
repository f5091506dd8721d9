/*
 * Do thousands of connections that say nothing stay, and harm nobody?  Opens
 * them, calls on new ones and on any of the idle ones, and at the end once on
 * each.
 *
 *	idle [OPTION...] ADDR FUNCTION CONNECTIONS
 *
 *	-n N	calls on new connections, and on idle ones (100)
 *	-p PID	of the server: its memory is told
 *
 * FUNCTION answers N and TEXT with [N, TEXT].  The last line says what was
 * counted; status 0: nothing was wrong.
 */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "load.h"
#include "mix.h"

#define AT_ONCE 100		/* that connect, or call, at the same time */
#define TEXT_LEN 64

/* What is done, one after the other. */
enum phase { OPEN, NEW, ANY, EACH, END };

struct idle {
	struct ev_loop *ev;
	struct amas_loop *loop;
	struct amas_opts opts;
	struct load *load;
	const char *addr;
	long pid, base_kib, held_kib;
	int64_t n, calls;
	struct amas_channel **ch;	/* n, and those that are new */

	enum phase phase;
	double phase_s, took_s[END];
	int64_t begun, ended, failed;	/* of this phase */
	int64_t gone;		/* connections that we did not close */
};

static void
on_close(struct amas_channel *ch, const struct amas_error *why, void *arg)
{
	struct idle *d = arg;

	(void)ch;
	if (why->code != AMAS_ECANCELED && d->gone++ < 10)
		fprintf(stderr, "idle: closed: %s\n", why->text);
}

static struct amas_channel *
open_one(struct idle *d)
{
	struct amas_channel *ch;
	struct amas_error err;

	if (amas_channel_open(&ch, d->loop, d->addr, &d->opts, &err) != 0) {
		fprintf(stderr, "idle: %s\n", err.text);
		exit(1);
	}
	return ch;
}

static void on_over(void *arg);

static void
on_open(const struct amas_reply *rep, void *arg)
{
	struct idle *d = arg;

	d->failed += rep->kind != AMAS_RESULT;
	on_over(d);
}

/* Begins with number i of a phase. */
static void
begin(struct idle *d, int64_t i)
{
	int64_t at = i;

	if (d->phase == OPEN) {
		d->ch[i] = open_one(d);
		if (amas_proxy_call(amas_channel_remote(d->ch[i]), NULL,
		    LOAD_LATE_S, on_open, d, NULL) != 0)
			exit(1);
		return;
	}
	if (d->phase == NEW) {
		at = d->n + i;
		d->ch[at] = open_one(d);
	} else if (d->phase == ANY) {
		at = (int64_t)(mix((uint64_t)i + 1) % (uint64_t)d->n);
	}
	load_call(d->load, amas_channel_remote(d->ch[at]), d);
}

static int64_t
count(const struct idle *d)
{
	return d->phase == OPEN || d->phase == EACH ? d->n : d->calls;
}

static void
begin_phase(struct idle *d, enum phase phase)
{
	d->phase = phase;
	d->phase_s = load_now();
	d->begun = d->ended = 0;
	while (d->begun < count(d) && d->begun < AT_ONCE)
		begin(d, d->begun++);
}

static void
on_over(void *arg)
{
	struct idle *d = arg;

	d->ended++;
	if (d->begun < count(d)) {
		begin(d, d->begun++);
	} else if (d->ended == count(d)) {
		d->took_s[d->phase] = load_now() - d->phase_s;
		if (d->phase == OPEN)
			d->held_kib = load_memory(d->pid, "VmRSS");
		if (d->phase == EACH)
			ev_break(d->ev, EVBREAK_ALL);
		else
			begin_phase(d, d->phase + 1);
	}
}

static int
options(struct idle *d, int argc, char *argv[])
{
	int c;

	while ((c = getopt(argc, argv, "n:p:")) != -1)
		if (c == 'n')
			d->calls = atoll(optarg);
		else if (c == 'p')
			d->pid = atol(optarg);
		else
			return -1;
	if (argc - optind != 3)
		return -1;
	d->addr = argv[optind];
	d->load = load_new(argv[optind + 1], TEXT_LEN, 0, on_over);
	d->n = atoll(argv[optind + 2]);
	return d->n > 0 && d->calls > 0 ? 0 : -1;
}

static int
print(const struct idle *d)
{
	const struct tally *t = load_tally(d->load);

	printf("%lld connections in %.2f s, %ld bytes each; ", (long long)d->n,
	    d->took_s[OPEN], (d->held_kib - d->base_kib) * 1024 / (long)d->n);
	printf("%lld calls: %lld right, %lld wrong, %lld lost, %lld twice; ",
	    (long long)t->sent, (long long)t->right, (long long)t->wrong,
	    (long long)t->lost, (long long)t->twice);
	printf("%lld not opened, %lld gone; ", (long long)d->failed,
	    (long long)d->gone);
	printf("calls on new ones %.0f ms, on any %.0f ms, on each %.2f s, the "
	    "longest %.0f ms\n", d->took_s[NEW] * 1000, d->took_s[ANY] * 1000,
	    d->took_s[EACH], t->longest_s * 1000);
	return t->sent == t->right && t->sent == d->n + 2 * d->calls &&
	    load_is_good(d->load) && d->failed + d->gone == 0 ? 0 : 1;
}

int
main(int argc, char *argv[])
{
	struct idle d = { .calls = 100, .opts.on_close = on_close };
	int64_t i;
	int status;

	d.opts.arg = &d;
	if (options(&d, argc, argv) != 0)
		return 2;
	d.ev = ev_loop_new(EVFLAG_NOENV);
	d.ch = calloc((size_t)(d.n + d.calls), sizeof(struct amas_channel *));
	if (d.ch == NULL || amas_loop_new(&d.loop, d.ev, NULL) != 0)
		abort();
	d.base_kib = load_memory(d.pid, "VmRSS");
	begin_phase(&d, OPEN);
	ev_run(d.ev, 0);
	status = print(&d);
	for (i = 0; i < d.n + d.calls; i++)
		amas_channel_close(d.ch[i]);
	amas_loop_free(d.loop);
	ev_loop_destroy(d.ev);
	load_free(d.load);
	free(d.ch);
	return status;
}
