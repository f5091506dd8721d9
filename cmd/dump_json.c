/*
 * Messages for programs: one JSON object for each, in the form of a trace with
 * more members.  Their names are promised in amas-dump(1).
 */
#include "dump.h"

#include <string.h>

#include "dump_conn.h"
#include "mem.h"

static int
put_string(struct amas__buf *b, const char *text, size_t len)
{
	struct amas_out out = { .buf = b, .lines = true };
	struct amas_value v;

	amas__value_text(&v, NULL, AMAS_STRING, text, len);
	return amas__json_print(&out, &v, 0, true, NULL);
}

/* The path of a socket may be any bytes. */
static int
put_no_utf8(struct amas__buf *b, const char *text, size_t len)
{
	struct amas__buf escaped = { NULL, 0, 0, 0, 0 };
	int rc = amas__buf_put_escaped(&escaped, text, len, SIZE_MAX);

	if (rc == 0)
		rc = put_string(b, amas__buf_head(&escaped),
		    amas__buf_len(&escaped));
	amas__buf_fini(&escaped);
	return rc;
}

static int
put_text(struct amas__buf *b, const char *key, const char *text, size_t len)
{
	int rc = amas__buf_printf(b, ", \"%s\": ", key);

	if (rc != 0 || put_string(b, text, len) == 0)
		return rc;
	return put_no_utf8(b, text, len);
}

static int
put_triple(struct amas__buf *b, const struct amas__msg *m)
{
	struct amas_out out = { .buf = b, .lines = true };
	struct amas_value item[3], triple;

	amas__value_int(&item[0], NULL, m->type);
	item[1] = *m->id;
	item[2] = *m->content;
	amas__value_list(&triple, NULL, item, 3);
	if (amas__json_print(&out, &triple, 0, true, NULL) == 0)
		return 0;
	return amas__buf_puts(b, "null"); /* nested too deep, as lines have it */
}

static int
put_odd(struct amas__buf *b, const struct dump_event *e)
{
	size_t i;
	int rc;

	rc = put_text(b, "odd", e->why, strlen(e->why));
	if (rc == 0)
		rc = amas__buf_puts(b, ", \"hex\": \"");
	for (i = 0; i < e->data_len && rc == 0; i++)
		rc = amas__buf_printf(b, "%02x", (unsigned char)e->data[i]);
	return rc == 0 ? amas__buf_putc(b, '"') : rc;
}

static int
put_injected(struct amas__buf *b, const struct dump_event *e)
{
	return e->injected == NULL ? 0 : put_text(b, "injected", e->injected,
	    strlen(e->injected));
}

/* What belongs to messages alone. */
static int
put_message(struct amas__buf *b, const struct dump_event *e)
{
	const struct dump_call *k = e->call;
	int rc = 0;

	if (e->codec != NULL)
		rc = put_text(b, "codec", e->codec, strlen(e->codec));
	if (rc == 0 && k->path != NULL)
		rc = put_text(b, "path", k->path, k->path_len);
	if (rc == 0 && e->kind != DUMP_REQUEST && k->n > 0)
		rc = amas__buf_printf(b, ", \"took\": %.6f", e->t - k->t);
	if (rc == 0)
		rc = put_injected(b, e);
	if (rc == 0)
		rc = amas__buf_puts(b, ", \"m\": ");
	return rc == 0 ? put_triple(b, e->msg) : rc;
}

static int
put(struct dump_view *v, struct amas__buf *b, const struct dump_event *e,
    bool joined)
{
	bool message = e->kind <= DUMP_FAILURE;
	int rc = 0;

	(void)v;
	(void)joined;
	rc = amas__buf_putc(b, '{');
	if (rc == 0 && message)
		rc = amas__buf_printf(b, "\"n\": %llu, ",
		    (unsigned long long)e->n);
	if (rc == 0)
		rc = amas__buf_printf(b, "\"t\": %.6f", e->t);
	if (rc == 0)
		rc = put_text(b, "from", dump_from(e), strlen(dump_from(e)));
	if (rc == 0)
		rc = put_text(b, "to", dump_to(e), strlen(dump_to(e)));
	if (rc == 0)
		rc = amas__buf_printf(b, ", \"conn\": %u", e->conn->n);
	if (rc == 0 && e->size > 0)
		rc = amas__buf_printf(b, ", \"%s\": %zu", e->kind == DUMP_GAP ?
		    e->why : "size", e->size);
	if (rc == 0 && e->kind == DUMP_ODD)
		rc = put_odd(b, e);
	if (rc == 0 && e->kind == DUMP_ODD)
		rc = put_injected(b, e);
	else if (rc == 0 && message)
		rc = put_message(b, e);
	return rc == 0 ? amas__buf_putc(b, '}') : rc;
}

static int
put_open(struct dump_view *v, struct amas__buf *b, bool over)
{
	(void)v;
	(void)b;
	(void)over;
	return 0;
}

const struct dump_lines_ops dump_json_ops = { put, put_open };

int
dump_json_new(struct dump *d)
{
	struct dump_lines *l = amas__zalloc(sizeof *l);

	if (l == NULL)
		return cmd_nomem();
	dump_lines_init(l, d, &dump_json_ops, 0);
	l->left = d->o->count;
	return CMD_OK;
}
