/*
 * Lines: traces and recordings, an object for each message, and bare messages.
 * A line that is neither is named, and the rest goes on.
 */
#include "dump_read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "frame.h"
#include "mem.h"

#define LINE_BYTES_MAX ((size_t)512 << 20)	/* escapes make text longer */
#define TIME_MAX 1e11		/* seconds: until the year 5138 */

/* ---- Reading a line ----------------------------------------------------- */

static int
bad_line(struct dump_reader *r, const char *why)
{
	r->d->status = cmd_error(CMD_INPUT, r->name, "line %llu: %s",
	    (unsigned long long)r->lines, why);
	return 0;
}

static const char *
text_of(const struct amas_value *map, const char *key)
{
	const struct amas_value *v = amas_value_get(map, key);

	return v != NULL && amas_value_type(v) == AMAS_STRING ?
	    amas_value_text(v) : "";
}

static long long
int_of(const struct amas_value *map, const char *key)
{
	const struct amas_value *v = amas_value_get(map, key);

	return v != NULL && amas_value_type(v) == AMAS_INT ?
	    amas_value_int(v) : 0;
}

static double
real_of(const struct amas_value *map, const char *key)
{
	const struct amas_value *v = amas_value_get(map, key);

	return v != NULL && (amas_value_type(v) == AMAS_INT ||
	    amas_value_type(v) == AMAS_REAL) ? amas_value_real(v) : 0;
}

/* What no message is in a recording is passed over: bytes, gaps. */
static bool
is_other(const struct amas_value *map)
{
	return amas_value_get(map, "odd") != NULL ||
	    amas_value_get(map, "missing") != NULL ||
	    amas_value_get(map, "skipped") != NULL ||
	    amas_value_get(map, "unread") != NULL;
}

/* A recording tells the size of a message, else it is that of its line. */
static int
check_size(struct dump_reader *r, size_t size)
{
	size_t max = dump_max_message(r->d);
	char why[80];

	if (size <= max)
		return 1;
	(void)snprintf(why, sizeof why, "message of %zu bytes, limit %zu",
	    size, max);
	return bad_line(r, why);
}

/* Returns 1 if the line is a message, 0 if not; *line is set. */
static int
take_value(struct dump_reader *r, struct dump_line *line,
    const struct amas_value *v, size_t len)
{
	const struct amas_value *m = v;
	struct amas_error err;

	line->from = line->to = line->codec = line->injected = "";
	line->t = r->d->live ? dump_now() : 0;
	if (amas_value_type(v) == AMAS_MAP) {
		if ((m = amas_value_get(v, "m")) == NULL && is_other(v))
			return 0;
		if (m == NULL)
			return bad_line(r, "it has no message \"m\"");
		line->from = text_of(v, "from");
		line->to = text_of(v, "to");
		line->codec = text_of(v, "codec");
		line->injected = text_of(v, "injected");
		line->conn = int_of(v, "conn");
		line->size = int_of(v, "size") > 0 ?
		    (size_t)int_of(v, "size") : 0;
		if (amas_value_get(v, "t") != NULL)
			line->t = real_of(v, "t");
		if (!(fabs(line->t) <= TIME_MAX))
			return bad_line(r, "its time \"t\" is out of range");
	}
	if (amas__msg_parse(&line->msg, m, &err) != 0)
		return bad_line(r, err.text);
	return check_size(r, line->size > 0 ? line->size : len);
}

static int
take_line(struct dump_reader *r, const char *text, size_t len)
{
	struct dump_line *line = &r->line;
	const struct amas__limits limits = { .max_values = 0 };
	const struct amas_value *v;
	struct amas_error err;
	bool typed = false;
	char *data;
	int is = 0;

	memset(line, 0, sizeof *line);
	line->area = amas__area_new(r->d->pool);
	if (line->area == NULL ||
	    (data = amas__area_text(line->area, text, len)) == NULL)
		dump_nomem(r->d);
	else if (amas__codec_decode(NULL, line->area, data, len, &limits, &v,
	    &typed, &err) != 0 || (typed && amas__types_lift(line->area, &v,
	    NULL, true, &err) != 0))
		(void)bad_line(r, err.text);
	else
		is = take_value(r, line, v, len);
	if (is == 0) {
		amas__area_unref(line->area);
		line->area = NULL;
	}
	return is;
}

static bool
is_blank(const char *p, size_t len)
{
	while (len > 0 && (*p == ' ' || *p == '\t' || *p == '\r')) {
		p++;
		len--;
	}
	return len == 0;
}

/* The next line that is not empty; NULL: there is none, or not all of it. */
static const char *
next_line(struct dump_reader *r, size_t *len)
{
	const char *head, *nl;
	size_t have;

	for (;;) {
		head = amas__buf_head(&r->buf);
		have = amas__buf_len(&r->buf);
		nl = have > r->looked ? memchr(head + r->looked, '\n',
		    have - r->looked) : NULL;
		r->looked = nl == NULL ? have : 0;
		if (nl == NULL && have > LINE_BYTES_MAX) {
			(void)bad_line(r, "too long");
			r->eof = true;
			amas__buf_truncate(&r->buf, 0);
			return NULL;
		}
		if (nl == NULL && (!r->eof || have == 0))
			return NULL;
		*len = nl != NULL ? (size_t)(nl - head) : have;
		r->lines++;
		if (!is_blank(head, *len))
			return head;
		amas__buf_consume(&r->buf, *len + (nl != NULL));
	}
}

static int
lines_peek(struct dump_reader *r, double *t)
{
	const char *line;
	size_t len;

	while (r->line.area == NULL) {
		if ((line = next_line(r, &len)) == NULL)
			return r->eof ? DUMP_READ_END : DUMP_READ_AGAIN;
		(void)take_line(r, line, len);
		amas__buf_consume(&r->buf, len + 1);
	}
	*t = r->line.t;
	return DUMP_READ_NEXT;
}

/* ---- Telling it --------------------------------------------------------- */

/* The connection between two names; the same for both directions. */
static struct dump_conn *
conn_of(struct dump_reads *s, const struct dump_line *line)
{
	bool turned = strcmp(line->from, line->to) > 0;
	char key[2 * AMAS_URL_SIZE + 32];
	struct dump_conn *c;
	bool back;
	int n;

	n = snprintf(key, sizeof key, "%lld %.400s %.400s", line->conn,
	    turned ? line->to : line->from, turned ? line->from : line->to);
	if (!s->has_conns)
		amas__map_init(&s->conns);
	s->has_conns = true;
	if ((c = amas__map_get(&s->conns, key, (size_t)n)) != NULL)
		return c;
	back = line->msg.type != AMAS__REQUEST; /* its request is not here */
	c = dump_conn_new(s->d, back ? line->to : line->from,
	    back ? line->from : line->to);
	if (c == NULL || amas__map_set(&s->conns, key, (size_t)n, c) != 0) {
		dump_conn_free(c, 0);
		dump_nomem(s->d);
		return NULL;
	}
	c->one_way = strcmp(line->from, line->to) == 0;
	return c;
}

static void
lines_step(struct dump_reader *r)
{
	struct dump_line line = r->line;
	struct dump_conn *c = conn_of(r->reads, &line);

	r->line.area = NULL;
	r->reads->t = line.t;
	if (c != NULL) {
		c->injected = *line.injected != '\0' ? line.injected : NULL;
		dump_conn_message(c, strcmp(line.from, c->name[0]) != 0,
		    &line.msg, line.size, *line.codec != '\0' ?
		    line.codec : NULL, line.t);
		c->injected = NULL;
	}
	amas__area_unref(line.area);
}

static void
lines_free(struct dump_reader *r)
{
	if (r->line.area != NULL)
		amas__area_unref(r->line.area);
}

const struct dump_reader_ops dump_lines_form = { lines_peek, lines_step,
	lines_free };

void
dump_trace_free(struct dump_reads *s)
{
	struct dump_conn *c;
	size_t i = 0;

	if (!s->has_conns)
		return;
	while ((c = amas__map_next(&s->conns, &i, NULL, NULL)) != NULL)
		dump_conn_free(c, s->t);
	amas__map_fini(&s->conns);
	s->has_conns = false;
}
