/*
 * amas-dump: whatever passes, what is shown of it is lines of printable text,
 * or of JSON that is printable, too; and nothing is left at the end.
 *
 * Byte 0: bit 0 JSON, 1 split, 2 a table, 3 lines (a trace), 4 tracebacks, 5 to
 * 7 the form of times, or Mermaid, or dot.  Byte 1: its low half a filter, its high half how much is
 * shown.  Then the trace; or what passes on a connection: a byte what it is, of
 * which way, and in how long pieces, two its length, and that.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_private.h"
#include "dump_read.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond) do { if (!(cond)) abort(); } while (0)
#define MESSAGE_MAX 65536

/* No terminal would like to be called that. */
static const char evil[] = "tcp://\033[2J\302\233\342\200\256\n:1";

static const char *const filters[16] = { NULL, "path a*", "peer :1", "agent *",
	"kind request", "kind reply or id 1", "id 0", "slower 1ms",
	"larger 100", "failed", "unanswered", "not failed", "not unanswered",
	"not (path a or id 1) and slower 1", "failed or unanswered",
	"not larger 20 and not agent 1" };

/* ---- In the place of amas-dump.c ---------------------------------------- */

void
dump_end(struct dump *d, int status)
{
	(void)d;
	(void)status;
	abort();
}

void
dump_enough(struct dump *d)
{
	(void)d;
	abort();
}

void
dump_output_failed(struct dump *d)
{
	(void)d;
	abort();
}

void
dump_nomem(struct dump *d)
{
	(void)d;
	abort();
}

/* ---- What is shown ------------------------------------------------------ */

/* our: characters of ours that are not printable. */
static void
check_text(const char *p, size_t len, const char *our)
{
	uint32_t c;
	size_t n;

	for (; len > 0; p += n, len -= n) {
		n = amas__utf8_decode(p, len, &c);
		CHECK(n > 0);
		CHECK(!amas__unsafe_char(c) || (c > 0 && c < 32 &&
		    strchr(our, (int)c) != NULL));
	}
}

static void
check_object(const char *p, size_t len)
{
	struct amas__limits limits = { .max_values = 0 };
	struct amas__area *a = amas__area_new(NULL);
	const struct amas_value *v;
	bool typed = false;
	char *copy;

	CHECK(a != NULL && (copy = amas__area_text(a, p, len)) != NULL);
	CHECK(amas__codec_decode(NULL, a, copy, len, &limits, &v, &typed,
	    NULL) == 0);
	CHECK(amas_value_type(v) == AMAS_MAP && amas_value_get(v, "t") != NULL);
	amas__area_unref(a);
}

static void
write_line(struct dump_lines *l, const char *line, size_t len)
{
	check_text(line, len, "");
	if (l->ops == &dump_json_ops)
		check_object(line, len);
}

/* ---- What passes -------------------------------------------------------- */

static void
feed(struct dump_conn *c, bool back, const uint8_t *p, size_t len, size_t step,
    double t)
{
	char *copy;
	size_t n;

	for (; len > 0; p += n, len -= n) {
		n = step < len ? step : len;
		CHECK((copy = malloc(n + 1)) != NULL);
		memcpy(copy, p, n);
		dump_conn_bytes(c, back, copy, n, t);
		free(copy);
	}
}

/* One thing; returns its length. */
static size_t
pass(struct dump_conn *c, const uint8_t *p, size_t size, double *t)
{
	size_t len = p[1] | (size_t)p[2] << 8, step = 1 + 9 * (size_t)(p[0] >> 3);
	uint8_t head[4] = { 0, 0, 0, 0 };
	bool back = p[0] & 1;

	if (len > size - 3)
		len = size - 3;
	*t += (double)p[1] / 1000 - .05;
	switch (p[0] >> 1 & 3) {
	case 0: /* bytes */
		feed(c, back, p + 3, len, step, *t);
		return 3 + len;
	case 1: /* a frame */
		head[2] = (uint8_t)(len >> 8);
		head[3] = (uint8_t)len;
		feed(c, back, head, 4, step, *t);
		feed(c, back, p + 3, len, step, *t);
		return 3 + len;
	case 2:
		dump_conn_gap(c, back, len, *t);
		return 3;
	default:
		if (len % 16 == 0)
			dump_conn_eof(c, back, *t);
		else
			dump_lines_wait(c->d, *t);
		return 3;
	}
}

static void
run_bytes(struct dump *d, const uint8_t *p, size_t size)
{
	struct dump_conn *c = dump_conn_new(d, evil, "tcp://b:1");
	double t = 1.5e9;

	CHECK(c != NULL);
	c->one_way = size % 7 == 0;
	for (size_t i = 0; size - i >= 3;)
		i += pass(c, p + i, size - i, &t);
	dump_conn_free(c, t);
}

static void
run_lines(struct dump *d, const uint8_t *p, size_t size)
{
	struct dump_reads s = { .d = d };
	struct dump_reader r = { .reads = &s, .d = d, .name = "trace",
		.ops = &dump_lines_form, .eof = true };
	double t;

	amas__list_init(&s.readers);
	amas__buf_init(&r.buf, 0);
	CHECK(amas__buf_put(&r.buf, p, size) == 0);
	while (r.ops->peek(&r, &t) == DUMP_READ_NEXT)
		r.ops->step(&r);
	dump_trace_free(&s);
	r.ops->free(&r);
	amas__buf_fini(&r.buf);
}

/* ---- One conversation --------------------------------------------------- */

static void
run(const struct dump_opts *o, const char *filter, const uint8_t *p,
    size_t size, bool lines)
{
	struct dump d = { .o = o };
	struct dump_view *v;

	amas__list_init(&d.conns);
	amas__list_init(&d.views);
	if (filter != NULL)
		CHECK(dump_filter_new(&d.filter, filter, o->form == DUMP_DOT ||
		    (o->form == DUMP_TEXT && !o->split)) == CMD_OK);
	CHECK(dump_view_new(&d) == CMD_OK);
	v = AMAS__OF(d.views.next, struct dump_view, link);
	if (!o->summary && (o->form == DUMP_TEXT || o->form == DUMP_JSON))
		((struct dump_lines *)(void *)v)->write = write_line;
	(lines ? run_lines : run_bytes)(&d, p, size);
	CHECK(amas__list_empty(&d.conns));
	dump_end_views(&d);
	dump_free_views(&d);
	dump_filter_free(d.filter);
}

/* What a view writes to standard output by itself is looked at, too. */
static void
run_and_look(const struct dump_opts *o, const char *filter, const uint8_t *p,
    size_t size, bool lines)
{
	FILE *out = stdout;
	char *text = NULL;
	size_t len = 0;

	CHECK((stdout = open_memstream(&text, &len)) != NULL);
	run(o, filter, p, size, lines);
	fclose(stdout);
	stdout = out;
	check_text(text, len, "\n\t");
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t show[] = { 0, 1, 5, 400 };
	struct dump_opts o = { .ready_fd = -1 };

	if (size < 2)
		return 0;
	cmd__louder(((data[0] & 24) == 16 ? AMAS_LOG_INFO : -9) -
	    cmd__level()); /* what is wrong with lines is not to be said */
	o.args.max_message = MESSAGE_MAX;
	o.form = data[0] >> 5 == 6 ? DUMP_MERMAID : data[0] >> 5 == 7 ?
	    DUMP_DOT : data[0] & 1 ? DUMP_JSON : DUMP_TEXT;
	o.split = data[0] & 2;
	o.summary = data[0] & 4;
	o.time_form = data[0] >> 5;
	o.show = show[data[1] >> 4 & 3];
	run_and_look(&o, filters[data[1] & 15], data + 2, size - 2,
	    data[0] & 8);
	return 0;
}
