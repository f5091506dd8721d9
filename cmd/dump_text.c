/*
 * Messages for people: a line for each call, as strace shows system calls.
 *
 *	12:30:01.000210 127.0.0.1:40312 > 127.0.0.1:5555: [0] add(3, 4) = 7 <0.000812>
 *
 * All that comes from the network is escaped.
 */
#include "dump.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dump_conn.h"
#include "mem.h"
#include "text.h"
#include "utf8.h"

#define SIMULATED 1e8		/* smaller times are no time of the day */
#define PATH_MAX_SHOWN 200	/* bytes of a path */

static const char bold[] = "\033[1m", red[] = "\033[31m", dim[] = "\033[2m",
    plain[] = "\033[0m";

struct text_view {
	struct dump_lines lines;
	double first, last;	/* times of lines; NAN: none */
	time_t second;		/* that clock holds */
	char clock[32];
};

/* ---- Time --------------------------------------------------------------- */

/* The second as date and time of the day; asked for it mostly again. */
static const char *
clock_text(struct text_view *v, time_t second)
{
	bool date = v->lines.view.d->o->time_form == 4;
	struct tm tm;

	if (second == v->second && v->clock[0] != '\0')
		return v->clock;
	v->second = second;
	if (localtime_r(&second, &tm) == NULL || strftime(v->clock,
	    sizeof v->clock, date ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &tm) == 0)
		v->clock[0] = '\0';
	return v->clock;
}

static int
put_time(struct text_view *v, struct amas__buf *b, double t)
{
	unsigned form = v->lines.view.d->o->time_form;
	double whole = floor(t), from = 0;
	long micro = lround((t - whole) * 1e6);

	if (micro == 1000000) { /* rounded up to the next second */
		whole++;
		micro = 0;
	}
	if (isnan(v->first))
		v->first = v->last = t;
	if (form == 3)
		from = v->last;
	else if (form == 5)
		from = v->first;
	v->last = t;
	if (form == 1)
		return 0;
	if (form == 3 || form == 5 || form == 2 || t < SIMULATED)
		return amas__buf_printf(b, "%.6f ", t - from);
	return amas__buf_printf(b, "%s.%06ld ", clock_text(v, (time_t)whole),
	    micro);
}

/* ---- Parts of a line ---------------------------------------------------- */

static const char *
color(const struct dump_view *v, const char *code)
{
	return v->d->o->color ? code : "";
}

/* Cuts what was put since at to what is shown of a value. */
static int
cut(const struct dump_view *v, struct amas__buf *b, size_t at)
{
	size_t len = amas__buf_len(b) - at, max = v->d->o->show;

	if (max == 0 || len <= max)
		return 0;
	max = amas__utf8_trim(amas__buf_head(b) + at, max);
	amas__buf_truncate(b, at + max);
	return amas__buf_puts(b, "...");
}

static int
put_value(struct amas__buf *b, const struct amas_value *v)
{
	struct amas_out out = { .buf = b, .lines = true };

	if (amas__json_print(&out, v, 0, false, NULL) == 0)
		return 0;
	return amas__buf_puts(b, "?");
}

static int
put_args(const struct dump_view *v, struct amas__buf *b,
    const struct amas__call *call)
{
	size_t at = amas__buf_len(b), i, n = amas_value_len(call->args);
	const struct amas_value *key;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++) {
		if (i > 0)
			rc = amas__buf_puts(b, ", ");
		if (rc == 0)
			rc = put_value(b, amas_value_at(call->args, i));
	}
	for (i = 0; i < amas_value_len(call->kwargs) && rc == 0; i++) {
		key = amas_value_key(call->kwargs, i);
		if (n + i > 0)
			rc = amas__buf_puts(b, ", ");
		if (rc == 0)
			rc = amas__buf_put_escaped(b, amas_value_text(key),
			    amas_value_len(key), PATH_MAX_SHOWN);
		if (rc == 0)
			rc = amas__buf_putc(b, '=');
		if (rc == 0)
			rc = put_value(b, amas_value_at(call->kwargs, i));
	}
	return rc == 0 ? cut(v, b, at) : rc;
}

static int
put_peers(struct amas__buf *b, const char *from, const char *to)
{
	int rc;

	if (*from == '\0' && *to == '\0')
		return 0;
	rc = dump_put_name(b, from);
	if (rc == 0)
		rc = amas__buf_puts(b, " > ");
	if (rc == 0)
		rc = dump_put_name(b, to);
	return rc == 0 ? amas__buf_puts(b, ": ") : rc;
}

static int
put_begin(struct text_view *v, struct amas__buf *b, const struct dump_event *e)
{
	const struct dump_view *view = &v->lines.view;
	int rc = amas__buf_puts(b, color(view, dim));

	if (rc == 0)
		rc = put_time(v, b, e->t);
	if (rc == 0)
		rc = put_peers(b, dump_from(e), dump_to(e));
	return rc == 0 ? amas__buf_puts(b, color(view, plain)) : rc;
}

/* ---- Messages ----------------------------------------------------------- */

static int
put_path(const struct dump_view *v, struct amas__buf *b, const char *path,
    size_t len)
{
	int rc = amas__buf_puts(b, color(v, bold));

	if (rc == 0)
		rc = amas__buf_put_escaped(b, path, len, PATH_MAX_SHOWN);
	return rc == 0 ? amas__buf_puts(b, color(v, plain)) : rc;
}

int
dump_text_call(const struct dump_view *v, struct amas__buf *b,
    const struct amas_value *content)
{
	size_t at = amas__buf_len(b);
	struct amas__call rpc;
	int rc;

	if (amas__call_parse(&rpc, content, NULL) != 0) {
		rc = put_value(b, content);
		return rc == 0 ? cut(v, b, at) : rc;
	}
	rc = put_path(v, b, rpc.path, rpc.path_len);
	if (rc == 0)
		rc = amas__buf_putc(b, '(');
	if (rc == 0)
		rc = put_args(v, b, &rpc);
	return rc == 0 ? amas__buf_putc(b, ')') : rc;
}

/* Of a traceback the last line says what happened. */
static int
put_failure_text(struct amas__buf *b, const struct amas_value *v, bool all)
{
	const char *text = amas_value_text(v);
	size_t len = amas_value_len(v);

	while (len > 0 && text[len - 1] == '\n')
		len--;
	if (!all)
		amas__last_line(&text, &len);
	return amas__buf_put_escaped(b, text, len, SIZE_MAX);
}

/* An answer behind what says that it is one, or a failure. */
static int
put_answer(const struct dump_view *v, struct amas__buf *b, const char *sign,
    enum dump_kind kind, const struct amas_value *content)
{
	bool failed = kind == DUMP_FAILURE;
	size_t at;
	int rc;

	rc = amas__buf_printf(b, "%s%s", failed ? color(v, red) : "", sign);
	at = amas__buf_len(b);
	if (rc == 0 && failed && amas_value_type(content) == AMAS_STRING)
		rc = put_failure_text(b, content, cmd_verbose(AMAS_LOG_INFO));
	else if (rc == 0)
		rc = put_value(b, content);
	if (rc == 0)
		rc = cut(v, b, at);
	return rc == 0 && failed ? amas__buf_puts(b, color(v, plain)) : rc;
}

int
dump_text_answer(const struct dump_view *v, struct amas__buf *b,
    enum dump_kind kind, const struct amas_value *content)
{
	return put_answer(v, b, kind == DUMP_FAILURE ? "! " : "", kind,
	    content);
}

static int
put_result(const struct dump_view *v, struct amas__buf *b,
    const struct dump_event *e)
{
	int rc = put_answer(v, b, e->kind == DUMP_FAILURE ? " ! " : " = ",
	    e->kind, e->msg->content);

	if (rc == 0 && e->call->n > 0)
		rc = amas__buf_printf(b, " <%.6f>", e->t - e->call->t);
	return rc;
}

/* What we did to the message. */
static int
put_injected(struct amas__buf *b, const struct dump_event *e)
{
	int rc;

	if (e->injected == NULL)
		return 0;
	if ((rc = amas__buf_puts(b, " {")) == 0)
		rc = amas__buf_put_escaped(b, e->injected, strlen(e->injected),
		    PATH_MAX_SHOWN);
	return rc == 0 ? amas__buf_putc(b, '}') : rc;
}

static int
put_odd(struct amas__buf *b, const struct dump_event *e)
{
	const unsigned char *p = (const unsigned char *)e->data;
	size_t i;
	int rc;

	rc = amas__buf_printf(b, "?? %zu bytes: ", e->size);
	if (rc == 0)
		rc = amas__buf_put_escaped(b, e->why, strlen(e->why), SIZE_MAX);
	for (i = 0; i < e->data_len && rc == 0; i++)
		rc = amas__buf_printf(b, "%s%02x", i == 0 ? ": " :
		    i % 2 == 0 ? " " : "", p[i]);
	return rc == 0 && e->cut ? amas__buf_puts(b, "...") : rc;
}

static int
put_message(const struct dump_view *v, struct amas__buf *b,
    const struct dump_event *e)
{
	const struct dump_call *k = e->call;
	int rc;

	rc = amas__buf_putc(b, '[');
	if (rc == 0)
		rc = put_value(b, e->msg->id);
	if (rc == 0)
		rc = amas__buf_puts(b, "] ");
	if (rc != 0)
		return rc;
	if (e->kind == DUMP_REQUEST)
		return dump_text_call(v, b, e->msg->content);
	rc = k->path != NULL ? put_path(v, b, k->path, k->path_len) :
	    amas__buf_puts(b, k->n > 0 ? "" : "?");
	return rc == 0 ? put_result(v, b, e) : rc;
}

static int
put(struct dump_view *view, struct amas__buf *b, const struct dump_event *e,
    bool joined)
{
	struct text_view *v = (struct text_view *)(void *)view;
	int rc;

	if (joined)
		rc = put_result(view, b, e);
	else if ((rc = put_begin(v, b, e)) != 0)
		return rc;
	else if (e->kind == DUMP_ODD)
		rc = put_odd(b, e);
	else if (e->kind == DUMP_GAP)
		rc = amas__buf_printf(b, "** %zu bytes %s", e->size, e->why);
	else
		rc = put_message(view, b, e);
	return rc == 0 ? put_injected(b, e) : rc;
}

static int
put_open(struct dump_view *view, struct amas__buf *b, bool over)
{
	(void)view;
	return amas__buf_puts(b, over ? " = ?" : " ...");
}

static const struct dump_lines_ops ops = { put, put_open };

int
dump_text_new(struct dump *d)
{
	struct text_view *v = amas__zalloc(sizeof *v);

	if (v == NULL)
		return cmd_nomem();
	dump_lines_init(&v->lines, d, &ops, 0);
	v->lines.joined = !d->o->split;
	v->lines.left = d->o->count;
	v->first = NAN;
	return CMD_OK;
}
