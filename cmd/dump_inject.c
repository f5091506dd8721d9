/*
 * Faults in the tap: what comes from an end is cut into messages, and each is
 * told before it passes, so that its fate is known.  What has to wait keeps its
 * place: all that comes behind it the same way waits as long.  What is no
 * message passes as it comes.
 */
#include "dump_inject.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump_conn.h"
#include "frame.h"
#include "mem.h"

enum what { PASS, END, CUT };

/* Something that waits for its time. */
struct mark {
	enum what what;
	size_t len;		/* PASS: bytes of it, in held */
	double due;
};

/* One direction. */
struct way {
	struct dump_inject *x;
	bool back;
	bool ended;		/* nothing more is added */
	bool other;		/* no messages come: it passes */
	bool hurry;		/* nothing waits for its time */
	struct amas__buf in;	/* of a message that is not whole yet */
	size_t passing;		/* bytes of one to come that pass as they do */
	struct amas__buf held;	/* the bytes of what waits */
	struct amas__buf marks;	/* struct mark, in their order */
	double last;		/* when the last of them is due */
	struct amas_timer timer;
};

struct dump_inject {
	struct dump_conn *conn;
	const struct dump_inject_ops *ops;
	void *arg;
	const struct dump_rules *rules;
	struct dump_dice dice;
	struct way way[2];
	/* Of the message that is told now. */
	bool asking;		/* it is one that came */
	struct dump_fate fate;
	struct amas__buf answer;	/* FAIL: the frame */
	char note[64];
};

struct dump_inject *
dump_inject_new(struct dump_conn *c, const struct dump_rules *rules,
    const struct dump_inject_ops *ops, void *arg)
{
	struct dump_inject *x = amas__zalloc(sizeof *x);
	int i;

	if (x == NULL)
		return NULL;
	x->conn = c;
	x->ops = ops;
	x->arg = arg;
	x->rules = rules;
	dump_dice_init(&x->dice, rules, c->n);
	for (i = 0; i < 2; i++) {
		x->way[i].x = x;
		x->way[i].back = i == 1;
	}
	return x;
}

void
dump_inject_free(struct dump_inject *x)
{
	int i;

	if (x == NULL)
		return;
	for (i = 0; i < 2; i++) {
		amas_timer_cancel(&x->way[i].timer);
		amas__buf_fini(&x->way[i].in);
		amas__buf_fini(&x->way[i].held);
		amas__buf_fini(&x->way[i].marks);
	}
	amas__buf_fini(&x->answer);
	free(x);
}

size_t
dump_inject_held(const struct dump_inject *x, bool back)
{
	return amas__buf_len(&x->way[back].held);
}

/* Of a message whose header is there, its bytes. */
static size_t
under_way(const struct way *w)
{
	size_t have = amas__buf_len(&w->in);

	return w->ended || have < AMAS__FRAME_HEADER ? 0 : have;
}

size_t
dump_inject_size(const struct dump_inject *x)
{
	size_t n = 0;
	int i;

	for (i = 0; i < 2; i++)
		n += under_way(&x->way[i]) + amas__buf_len(&x->way[i].held);
	return n;
}

/* ---- What waits --------------------------------------------------------- */

static struct amas_clock *
clock_of(const struct dump_inject *x)
{
	return amas_loop_clock(x->conn->d->loop);
}

static void
add(struct way *w, enum what what, size_t len, double delay)
{
	struct mark m = { .what = what, .len = len };

	m.due = delay > 0 ? amas_clock_time(clock_of(w->x)) + delay : 0;
	if (m.due < w->last)
		m.due = w->last;
	w->last = m.due;
	if (amas__buf_put(&w->marks, &m, sizeof m) != 0)
		dump_nomem(w->x->conn->d);
}

static void on_due(void *arg);

/* Lets pass what is due.  Returns false if that was the end of it all. */
static bool
release(struct way *w)
{
	struct dump_inject *x = w->x;
	struct mark m;

	while (amas__buf_len(&w->marks) > 0) {
		memcpy(&m, amas__buf_head(&w->marks), sizeof m);
		if (!w->hurry && m.due > 0 &&
		    m.due > amas_clock_time(clock_of(x))) {
			amas_timer_call_at(&w->timer, clock_of(x), m.due,
			    on_due, w);
			return true;
		}
		amas__buf_consume(&w->marks, sizeof m);
		if (m.what != PASS) {
			if (m.what == CUT)
				x->ops->cut(x->arg);
			else
				x->ops->end(x->arg, w->back);
			return false; /* nothing comes behind it */
		}
		x->ops->put(x->arg, w->back, amas__buf_head(&w->held), m.len);
		amas__buf_consume(&w->held, m.len);
	}
	return true;
}

static void
on_due(void *arg)
{
	struct way *w = arg;
	struct dump_inject *x = w->x;
	bool back = w->back;

	if (!release(w))
		return;
	dump_conn_account(x->conn);
	x->ops->put(x->arg, back, "", 0); /* there is room again */
}

/* ---- What is decided ---------------------------------------------------- */

static void
write_failure(struct dump_inject *x, const struct dump_event *e)
{
	struct amas_out out = { .buf = &x->answer };
	const char *text = x->fate.rule->text;
	struct amas_error err;
	struct amas_value v;

	amas__value_text(&v, NULL, AMAS_STRING, text, strlen(text));
	if (amas__msg_write(&out, x->conn->codec, AMAS__FAILURE, e->msg->id, 0,
	    &v, AMAS__FRAME_MAX, &err) == 0)
		return;
	x->fate.rule = NULL;
	if (err.code == AMAS_ENOMEM)
		dump_nomem(x->conn->d);
	else
		(void)cmd_error(CMD_OK, "--inject", "%s", err.text);
}

static void
write_note(struct dump_inject *x)
{
	static const char *const words[] = { "", "drop", "cut", "fail" };
	const struct dump_fate *f = &x->fate;
	double ms = f->delay * 1e3;
	int n = 0;

	if (ms > 0)
		n = snprintf(x->note, sizeof x->note, "delay %g%s%s", ms < 1000 ?
		    ms : f->delay, ms < 1000 ? "ms" : "s",
		    f->rule != NULL ? ", " : "");
	if (f->rule != NULL && n >= 0 && (size_t)n < sizeof x->note)
		(void)snprintf(x->note + n, sizeof x->note - (size_t)n, "%s",
		    words[f->rule->action]);
}

void
dump_inject_decide(struct dump_inject *x, struct dump_event *e)
{
	if (!x->asking || e->kind == DUMP_GAP)
		return; /* a gap is in front of the message */
	x->asking = false;
	dump_rules_ask(x->rules, &x->dice, e, &x->fate);
	if (x->fate.rule != NULL && x->fate.rule->action == DUMP_FAIL)
		write_failure(x, e);
	if (x->fate.delay <= 0 && x->fate.rule == NULL)
		return;
	write_note(x);
	e->injected = x->note;
}

/* ---- Messages ----------------------------------------------------------- */

/* Answers in the place of the end that is called. */
static bool
answer(struct way *w, double t)
{
	struct dump_inject *x = w->x;
	struct way *o = &x->way[!w->back];
	size_t len = amas__buf_len(&x->answer);

	if (o->ended || o->other)
		return true; /* nobody would understand it */
	if (amas__buf_put(&o->held, amas__buf_head(&x->answer), len) != 0 ||
	    amas__buf_reserve(&x->answer, 1) != 0) {
		dump_nomem(x->conn->d);
		return true;
	}
	add(o, PASS, len, x->fate.delay);
	dump_conn_bytes(x->conn, o->back, amas__buf_head(&x->answer), len, t);
	return release(o);
}

/* Does what was decided on the len bytes behind what is held. */
static bool
dispatch(struct way *w, size_t len, double t)
{
	struct dump_inject *x = w->x;
	const struct dump_rule *rule = x->fate.rule;

	if (rule == NULL) {
		add(w, PASS, len, x->fate.delay);
		return release(w);
	}
	amas__buf_truncate(&w->held, amas__buf_len(&w->held) - len);
	if (rule->action == DUMP_FAIL)
		return answer(w, t);
	if (rule->action == DUMP_DROP)
		return true;
	w->ended = true;
	add(w, CUT, 0, x->fate.delay);
	return release(w);
}

/* Bytes at the head of what came, told and passed: a message, or some. */
static bool
take(struct way *w, size_t len, bool message, double t)
{
	struct dump_inject *x = w->x;
	char *head = amas__buf_head(&w->in);
	struct dump *d = x->conn->d;

	if (amas__buf_put(&w->held, head, len) != 0) {
		dump_nomem(d);
		return true;
	}
	x->fate.delay = 0;
	x->fate.rule = NULL;
	amas__buf_truncate(&x->answer, 0);
	x->asking = message;
	dump_conn_bytes(x->conn, w->back, head, len, t);
	x->asking = false;
	amas__buf_consume(&w->in, len);
	return dispatch(w, len, t);
}

/* Bytes at the head of what came pass, and nobody is told. */
static bool
let_pass(struct way *w, size_t len)
{
	if (amas__buf_put(&w->held, amas__buf_head(&w->in), len) != 0) {
		dump_nomem(w->x->conn->d);
		return true;
	}
	amas__buf_consume(&w->in, len);
	add(w, PASS, len, 0);
	return release(w);
}

/* Of a message that is known by its header, and is too much to keep. */
static bool
let_go(struct way *w, double t)
{
	size_t have = under_way(w), whole;

	if (have > 0) {
		whole = (size_t)amas__get32(amas__buf_head(&w->in)) +
		    AMAS__FRAME_HEADER;
		dump_conn_gap(w->x->conn, w->back, whole, t);
		w->passing = whole - have;
		if (!let_pass(w, have))
			return false;
	}
	w->hurry = true;
	w->last = 0;
	if (!release(w))
		return false;
	w->hurry = false;
	return true;
}

void
dump_inject_let_go(struct dump_inject *x, double t)
{
	if (!let_go(&x->way[0], t) || !let_go(&x->way[1], t))
		return;
	dump_conn_account(x->conn);
	x->ops->put(x->arg, false, "", 0); /* there is room again */
}

/* Takes what is whole of what came. */
static bool
take_all(struct way *w, double t)
{
	size_t have = amas__buf_len(&w->in), want;

	if (w->passing > 0) {
		want = w->passing < have ? w->passing : have;
		w->passing -= want;
		if (!let_pass(w, want))
			return false;
	}
	while (!w->ended && !w->other &&
	    (have = amas__buf_len(&w->in)) >= AMAS__FRAME_HEADER) {
		want = amas__get32(amas__buf_head(&w->in));
		w->other = want == 0 || want >
		    dump_max_message(w->x->conn->d);
		if (w->other || have - AMAS__FRAME_HEADER < want)
			break;
		if (!take(w, want + AMAS__FRAME_HEADER, true, t))
			return false;
	}
	if (w->other && amas__buf_len(&w->in) > 0)
		return take(w, amas__buf_len(&w->in), false, t);
	return true;
}

bool
dump_inject_bytes(struct dump_inject *x, bool back, const char *data,
    size_t len, double t)
{
	struct way *w = &x->way[back];

	if (w->ended)
		return true;
	if (amas__buf_put(&w->in, data, len) != 0 ||
	    amas__buf_reserve(&w->in, 1) != 0) {
		dump_nomem(x->conn->d);
		return true;
	}
	if (!take_all(w, t))
		return false;
	dump_conn_account(x->conn);
	return true;
}

void
dump_inject_end(struct dump_inject *x, bool back, double t)
{
	struct way *w = &x->way[back];

	if (w->ended)
		return;
	if (amas__buf_len(&w->in) > 0 &&
	    !take(w, amas__buf_len(&w->in), false, t))
		return;
	dump_conn_eof(x->conn, back, t);
	w->ended = true;
	add(w, END, 0, 0);
	(void)release(w);
}
