/*
 * What becomes of twice the calls that a server can answer?  First finds out
 * how many it can: each connection has so many calls open, for a while.  Then
 * sends twice as many a second, for as long, whether they are answered or not.
 *
 *	overload [OPTION...] ADDR FUNCTION
 *
 *	-c N		connections (8)
 *	-w N		calls open on each while the capacity is measured (32)
 *	-l N		bytes of the text in a call (256)
 *	-n N		of the first call (0)
 *	-s SECONDS	of each of the two (1)
 *	-m NAME		the codec
 *	-r BYTES	of replies, read a second on a connection; ADDR is ipc://
 *	-p PID		of the server: its memory is told
 *	-q FUNCTION	that tells what the server had: report() of shuffle.h
 *	-t		TERM to PID in the middle: all calls have to end
 *
 * FUNCTION answers N and TEXT with [N, TEXT].  It may fail with "busy: ...".
 * The last line says what was counted; status 0: nothing was wrong.
 */
#include <ev.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"
#include "slow.h"

#define TICK_S 0.001
#define TIMES 2			/* the capacity */
#define CONNS_MAX 1000

enum phase { MEASURE, SETTLE, OVERLOAD, DRAIN, AFTER };

/* A part of the time, in which right answers are counted. */
struct span {
	double from_s, to_s;
	int64_t from, to;
};

struct conn {
	struct overload *o;
	struct amas_channel *ch;
	int64_t open;		/* calls */
};

struct overload {
	struct ev_loop *ev;
	ev_timer tick;
	struct amas_loop *loop;
	struct amas_opts opts;
	struct load *load;
	struct slow *slow;
	const char *addr, *function, *report, *codec;
	int64_t conns, window, len, first;
	double span_s, read_rate;
	long pid;
	bool term, told;
	struct conn conn[CONNS_MAX + 1];	/* the last one is for after */

	enum phase phase;
	double phase_s;		/* when it began */
	int64_t open;		/* calls of all connections */
	int64_t begun;		/* calls, when this phase began */
	struct span measured, answered;
	double rate;		/* calls a second that are to be sent */
	double sent_rate;	/* and were */
	double term_s, end_s, after_s;
	long base_kib, after_kib;
	int64_t server_calls, server_twice;
};

static double
rate_of(const struct span *s)
{
	double took_s = s->to_s - s->from_s;

	return took_s > 0 ? (double)(s->to - s->from) / took_s : 0;
}

static void
begin_phase(struct overload *o, enum phase phase)
{
	o->phase = phase;
	o->phase_s = load_now();
	o->begun = load_tally(o->load)->sent;
}

static void
call(struct conn *c)
{
	c->open++;
	c->o->open++;
	load_call(c->o->load, amas_channel_remote(c->ch), c);
}

static void
conn_open(struct overload *o, size_t i, bool slow)
{
	struct conn *c = &o->conn[i];
	struct amas_error err;
	char fd[32];

	c->o = o;
	o->opts.arg = o;
	if (slow)
		(void)snprintf(fd, sizeof fd, "fd:%d", slow_fd(o->slow, i));
	if (amas_channel_open(&c->ch, o->loop, slow ? fd : o->addr, &o->opts,
	    &err) != 0) {
		fprintf(stderr, "overload: %s\n", err.text);
		exit(1);
	}
}

/* ---- After ---- */

static void
on_report(const struct amas_reply *rep, void *arg)
{
	struct overload *o = arg;

	if (rep->kind != AMAS_RESULT || amas_value_unpack(rep->value, NULL,
	    "[II]", &o->server_calls, &o->server_twice) != 0) {
		fprintf(stderr, "overload: report: %s\n", rep->text);
		exit(1);
	}
	ev_break(o->ev, EVBREAK_ALL);
}

static void
after(struct overload *o)
{
	o->after_s = load_now() - o->phase_s;
	o->after_kib = load_memory(o->pid, "VmRSS");
	if (o->report == NULL)
		ev_break(o->ev, EVBREAK_ALL);
	else if (amas_proxy_call(amas_channel_remote(o->conn[o->conns].ch),
	    o->report, LOAD_LATE_S, on_report, o, NULL) != 0)
		exit(1);
}

/* ---- Phases ---- */

/* Right answers count when what is queued has filled up. */
static void
count(struct overload *o, struct span *s)
{
	double now_s = load_now();

	if (now_s - o->phase_s < o->span_s / 4)
		return;
	s->to_s = now_s;
	s->to = load_tally(o->load)->right;
	if (s->from_s <= 0) {
		s->from_s = s->to_s;
		s->from = s->to;
	}
}

/* Makes the calls that are due. */
static void
send_due(struct overload *o)
{
	double past_s = load_now() - o->phase_s;
	const struct tally *t = load_tally(o->load);

	while ((double)(t->sent - o->begun) < o->rate * past_s)
		call(&o->conn[t->sent % o->conns]);
	o->sent_rate = (double)(t->sent - o->begun) / past_s;
	if (o->term && !o->told && past_s > o->span_s / 2) {
		o->told = true;
		load_ending(o->load);
		o->term_s = load_now();
		if (kill((pid_t)o->pid, SIGTERM) != 0)
			perror("overload: kill");
	}
}

static void
drained(struct overload *o)
{
	if (o->term) {
		ev_break(o->ev, EVBREAK_ALL);
		return;
	}
	begin_phase(o, AFTER);
	conn_open(o, (size_t)o->conns, false);
	call(&o->conn[o->conns]);
}

static void
on_tick(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct overload *o = w->data;
	bool over = load_now() - o->phase_s > o->span_s;

	(void)ev;
	(void)revents;
	if (o->phase == MEASURE) {
		count(o, &o->measured);
		if (over)
			begin_phase(o, SETTLE);
	} else if (o->phase == SETTLE && o->open == 0) {
		o->rate = TIMES * rate_of(&o->measured);
		begin_phase(o, OVERLOAD);
	} else if (o->phase == OVERLOAD) {
		send_due(o);
		count(o, &o->answered);
		if (over)
			o->phase = DRAIN; /* begun stays */
	} else if (o->phase == DRAIN && o->open == 0) {
		drained(o);
	}
}

static void
on_over(void *arg)
{
	struct conn *c = arg;
	struct overload *o = c->o;

	c->open--;
	o->open--;
	if (o->phase == MEASURE)
		call(c);
	else if (o->phase == AFTER)
		after(o);
}

static void
on_close(struct amas_channel *ch, const struct amas_error *why, void *arg)
{
	struct overload *o = arg;

	(void)ch;
	if (why->code != AMAS_ECANCELED)
		o->end_s = load_now();
	if (why->code != AMAS_ECANCELED && !o->told)
		fprintf(stderr, "overload: closed: %s\n", why->text);
}

/* ---- All of it ---- */

static int
options(struct overload *o, int argc, char *argv[])
{
	static const char letters[] = "cwln";
	int64_t *const where[] = { &o->conns, &o->window, &o->len, &o->first };
	const char *at;
	int c;

	while ((c = getopt(argc, argv, "c:w:l:n:s:m:r:p:q:t")) != -1) {
		at = strchr(letters, c);
		if (c == 's')
			o->span_s = atof(optarg);
		else if (c == 'm')
			o->codec = optarg;
		else if (c == 'r')
			o->read_rate = atof(optarg);
		else if (c == 'p')
			o->pid = atol(optarg);
		else if (c == 'q')
			o->report = optarg;
		else if (c == 't')
			o->term = true;
		else if (at == NULL)
			return -1;
		else
			*where[at - letters] = atoll(optarg);
	}
	if (argc - optind != 2 || o->conns < 1 || o->conns > CONNS_MAX ||
	    o->window < 1 || o->len < 1 || o->span_s <= 0 ||
	    (o->term && o->pid <= 0))
		return -1;
	o->addr = argv[optind];
	o->function = argv[optind + 1];
	return 0;
}

static int
print(const struct overload *o)
{
	const struct tally *t = load_tally(o->load);
	double capacity = rate_of(&o->measured);

	printf("capacity %.0f/s, sent %.0f/s; ", capacity, o->sent_rate);
	printf("%lld calls: %lld right, %lld busy, %lld refused, %lld closed, "
	    "%lld wrong, %lld lost, %lld twice; ", (long long)t->sent,
	    (long long)t->right, (long long)t->busy, (long long)t->refused,
	    (long long)t->closed, (long long)t->wrong, (long long)t->lost,
	    (long long)t->twice);
	if (o->term)
		printf("ended %.2f s after TERM\n", o->end_s - o->term_s);
	else
		printf("answered %.0f/s, %.2f of capacity, longest %.2f s; "
		    "then %.1f ms; %ld KiB, %ld at most, %ld after; the "
		    "server had %lld, %lld twice\n", rate_of(&o->answered),
		    rate_of(&o->answered) / capacity, t->longest_s,
		    o->after_s * 1000,
		    o->base_kib, load_memory(o->pid, "VmHWM"), o->after_kib,
		    (long long)o->server_calls, (long long)o->server_twice);
	return capacity > 0 && load_is_good(o->load) && o->server_twice == 0 ? 0 : 1;
}

static void
start(struct overload *o)
{
	int64_t i, k;

	ev_timer_init(&o->tick, on_tick, TICK_S, TICK_S);
	o->tick.data = o;
	ev_timer_start(o->ev, &o->tick);
	o->base_kib = load_memory(o->pid, "VmRSS");
	if (o->read_rate > 0)
		o->slow = slow_start(o->ev, o->addr, (size_t)o->conns,
		    o->read_rate);
	for (i = 0; i < o->conns; i++)
		conn_open(o, (size_t)i, o->slow != NULL);
	begin_phase(o, MEASURE);
	for (i = 0; i < o->conns; i++)
		for (k = 0; k < o->window; k++)
			call(&o->conn[i]);
}

int
main(int argc, char *argv[])
{
	static struct overload o = { .conns = 8, .window = 32, .len = 256,
		.span_s = 1, .opts.on_close = on_close };
	int64_t i;
	int status;

	if (options(&o, argc, argv) != 0)
		return 2;
	o.ev = ev_loop_new(EVFLAG_NOENV);
	o.load = load_new(o.function, (size_t)o.len, o.first, on_over);
	if (amas_loop_new(&o.loop, o.ev, NULL) != 0 || (o.codec != NULL &&
	    amas_codec_find(&o.opts.codec, o.codec, NULL) != 0))
		abort();
	start(&o);
	ev_run(o.ev, 0);
	status = print(&o);
	ev_timer_stop(o.ev, &o.tick);
	for (i = 0; i <= o.conns; i++)
		amas_channel_close(o.conn[i].ch);
	slow_stop(o.slow);
	amas_loop_free(o.loop);
	ev_loop_destroy(o.ev);
	load_free(o.load);
	return status;
}
