/*
 * Messages as a sequence diagram for Mermaid.  An agent is a participant of its
 * own.  Participants have short names, and are declared with their real ones
 * where they are first needed, so that a live view has no end to wait for.
 *
 * All that comes from others is made harmless: what Mermaid could take for
 * syntax is written as an entity.
 */
#include "dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump_conn.h"
#include "map.h"
#include "mem.h"

#define MARGIN "    "
#define PATH_SHOWN 200		/* bytes of a path, as in text */

/* One that has been declared. */
struct party {
	size_t n;
};

struct mermaid {
	struct dump_view view;
	struct amas__map parties;	/* by name */
	struct amas__buf text, line;
	long long left;	/* messages until the end; 0: no end */
	bool begun;		/* its first line is written */
};

static struct mermaid *
of(struct dump_view *v)
{
	return (struct mermaid *)(void *)v;
}

/* ---- Text --------------------------------------------------------------- */

/*
 * Whether a colon means something: Mermaid looks for styles in all lines, before
 * it looks at what these are, and behind it for "wrap:".
 */
static bool
takes_colon(const char *text, size_t len)
{
	return memmem(text, len, "style", 5) == NULL &&
	    memmem(text, len, "classDef", 8) == NULL &&
	    memmem(text, len, "wrap", 4) == NULL;
}

/* Puts text without what has a meaning in a diagram. */
static int
put_text(struct amas__buf *b, const char *text, size_t len)
{
	const char *plain = takes_colon(text, len) ?
	    " !'()*+,-./=?@[]^_{|}~:" : " !'()*+,-./=?@[]^_{|}~";
	size_t i;
	int rc = 0;

	for (i = 0; i < len && rc == 0; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x80 || (c >= '0' && c <= '9') ||
		    (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    (c != '\0' && strchr(plain, c) != NULL))
			rc = amas__buf_putc(b, text[i]);
		else
			rc = amas__buf_printf(b, "#%u;", c);
	}
	return rc;
}

static void
write_line(struct mermaid *m)
{
	struct dump *d = m->view.d;
	size_t len = amas__buf_len(&m->line);

	if (!m->begun)
		(void)fputs("sequenceDiagram\n", stdout);
	m->begun = true;
	if (fwrite_unlocked(amas__buf_head(&m->line), 1, len, stdout) != len)
		dump_output_failed(d);
	else if (d->live)
		amas__task_run(d->loop, &d->flush);
	amas__buf_truncate(&m->line, 0);
}

/* ---- Participants ------------------------------------------------------- */

/* The one whose name is in text; its declaration, if need be, in line. */
static int
use_party(struct mermaid *m, size_t *n)
{
	const char *name = amas__buf_head(&m->text);
	size_t len = amas__buf_len(&m->text);
	struct party *p = amas__map_get(&m->parties, name, len);
	int rc;

	if (p == NULL) {
		if ((p = amas__zalloc(sizeof *p)) == NULL)
			return AMAS_ENOMEM;
		p->n = m->parties.n + 1;
		if ((rc = amas__map_set(&m->parties, name, len, p)) != 0) {
			free(p);
			return rc;
		}
		rc = amas__buf_printf(&m->line, MARGIN "participant p%zu as ",
		    p->n);
		if (rc == 0)
			rc = put_text(&m->line, name, len);
		if (rc != 0 || (rc = amas__buf_putc(&m->line, '\n')) != 0)
			return rc;
	}
	*n = p->n;
	return 0;
}

/* The two of a call. */
static int
use_parties(struct mermaid *m, const struct dump_call *k, size_t *caller,
    size_t *callee)
{
	int rc;

	amas__buf_truncate(&m->text, 0);
	if ((rc = dump_party_caller(&m->text, k)) != 0 ||
	    (rc = use_party(m, caller)) != 0)
		return rc;
	amas__buf_truncate(&m->text, 0);
	if ((rc = dump_party_callee(&m->text, k)) != 0)
		return rc;
	return use_party(m, callee);
}

/* ---- Messages ----------------------------------------------------------- */

/* Without the agent, whose line it is; a slash may be of the arguments, too. */
static int
put_call(struct mermaid *m, const char *text, size_t len)
{
	const char *open = memchr(text, '(', len), *id;
	size_t path = open != NULL ? (size_t)(open - text) : len, n;

	if ((id = dump_agent(text, path, &n)) != NULL && id + n < text + path) {
		len -= (size_t)(id + n + 1 - text);
		text = id + n + 1;
	}
	return put_text(&m->line, text, len);
}

static int
put_request(struct mermaid *m, const struct dump_call *k, const char *text,
    size_t len)
{
	size_t from, to;
	int rc = use_parties(m, k, &from, &to);

	if (rc == 0)
		rc = amas__buf_printf(&m->line, MARGIN "p%zu->>p%zu: ", from,
		    to);
	if (rc == 0)
		rc = put_call(m, text, len);
	return rc == 0 ? amas__buf_putc(&m->line, '\n') : rc;
}

/* What was kept of a request until a filter could tell. */
static int
put_held(struct mermaid *m, const struct dump_call *k)
{
	return k->held[0] == NULL ? 0 : put_request(m, k, k->held[0],
	    k->held_len[0]);
}

static int
put_answer(struct mermaid *m, const struct dump_event *e)
{
	bool failed = e->kind == DUMP_FAILURE;
	size_t from, to;
	int rc;

	if ((rc = put_held(m, e->call)) != 0 ||
	    (rc = use_parties(m, e->call, &to, &from)) != 0)
		return rc;
	rc = amas__buf_printf(&m->line, MARGIN "p%zu%sp%zu: ", from, failed ?
	    "--x" : "-->>", to);
	amas__buf_truncate(&m->text, 0);
	if (rc == 0)
		rc = dump_text_answer(&m->view, &m->text, e->kind,
		    e->msg->content);
	if (rc == 0)
		rc = put_text(&m->line, amas__buf_head(&m->text),
		    amas__buf_len(&m->text));
	return rc == 0 ? amas__buf_putc(&m->line, '\n') : rc;
}

/* A word about something between the two ends of a connection. */
static int
put_note(struct mermaid *m, const struct dump_event *e)
{
	size_t end[2];
	int i, rc = 0;

	for (i = 0; i < 2 && rc == 0; i++) {
		amas__buf_truncate(&m->text, 0);
		rc = dump_party_end(&m->text, e->conn, i == 1);
		if (rc == 0)
			rc = use_party(m, &end[i]);
	}
	if (rc == 0)
		rc = amas__buf_printf(&m->line, MARGIN "Note over p%zu,p%zu: "
		    "%zu bytes ", end[0], end[1], e->size);
	amas__buf_truncate(&m->text, 0);
	if (rc == 0)
		rc = amas__buf_put_escaped(&m->text, e->why, strlen(e->why),
		    SIZE_MAX);
	if (rc == 0)
		rc = put_text(&m->line, amas__buf_head(&m->text),
		    amas__buf_len(&m->text));
	return rc == 0 ? amas__buf_putc(&m->line, '\n') : rc;
}

/* Keeps the text of a request of which a filter cannot tell yet. */
static int
keep(struct mermaid *m, struct dump_call *k)
{
	k->held[0] = amas__strndup(amas__buf_head(&m->text),
	    amas__buf_len(&m->text));
	k->held_len[0] = amas__buf_len(&m->text);
	return k->held[0] != NULL ? 0 : AMAS_ENOMEM;
}

static int
take_request(struct mermaid *m, const struct dump_event *e)
{
	char *text;
	size_t len;
	int rc;

	amas__buf_truncate(&m->text, 0);
	rc = dump_text_call(&m->view, &m->text, e->msg->content);
	if (rc != 0 || e->pass == DUMP_MAYBE)
		return rc == 0 ? keep(m, e->call) : rc;
	if ((text = amas__buf_take(&m->text, &len)) == NULL)
		return AMAS_ENOMEM;
	rc = put_request(m, e->call, text, len);
	free(text);
	return rc;
}

static void
finish_line(struct mermaid *m, int rc)
{
	struct dump *d = m->view.d;

	if (rc != 0)
		dump_nomem(d);
	else if (amas__buf_len(&m->line) > 0 && !d->done) {
		write_line(m);
		if (m->left > 0 && --m->left == 0)
			dump_enough(d);
	}
	amas__buf_truncate(&m->line, 0);
}

static void
on_event(struct dump_view *v, const struct dump_event *e)
{
	struct mermaid *m = of(v);
	int rc;

	if (e->pass == DUMP_NO)
		return;
	if (e->kind == DUMP_REQUEST)
		rc = take_request(m, e);
	else if (e->kind == DUMP_REPLY || e->kind == DUMP_FAILURE)
		rc = put_answer(m, e);
	else
		rc = put_note(m, e);
	finish_line(m, rc);
}

static void
on_unanswered(struct dump_view *v, struct dump_call *k, double t)
{
	struct mermaid *m = of(v);
	size_t from, to;
	int rc;

	(void)t;
	if (k->pass == DUMP_NO)
		return;
	rc = put_held(m, k);
	if (rc == 0)
		rc = use_parties(m, k, &from, &to);
	if (rc == 0)
		rc = amas__buf_printf(&m->line, MARGIN "Note over p%zu,p%zu: "
		    "no reply to ", from, to);
	amas__buf_truncate(&m->text, 0);
	if (rc == 0)
		rc = k->path == NULL ? amas__buf_puts(&m->text, "it") :
		    amas__buf_put_escaped(&m->text, k->path, k->path_len,
		    PATH_SHOWN);
	if (rc == 0)
		rc = put_call(m, amas__buf_head(&m->text),
		    amas__buf_len(&m->text));
	if (rc == 0)
		rc = amas__buf_putc(&m->line, '\n');
	finish_line(m, rc);
}

static void
on_end(struct dump_view *v)
{
	struct mermaid *m = of(v);

	if (!m->begun)
		write_line(m); /* a diagram of nothing */
}

static void
on_free(struct dump_view *v)
{
	struct mermaid *m = of(v);
	size_t i = 0;
	void *p;

	while ((p = amas__map_next(&m->parties, &i, NULL, NULL)) != NULL)
		free(p);
	amas__map_fini(&m->parties);
	amas__buf_fini(&m->text);
	amas__buf_fini(&m->line);
	free(m);
}

static const struct dump_view_ops ops = { on_event, on_unanswered, NULL,
	on_end, on_free };

int
dump_mermaid_new(struct dump *d)
{
	struct mermaid *m = amas__zalloc(sizeof *m);

	if (m == NULL)
		return cmd_nomem();
	amas__map_init(&m->parties);
	m->left = d->o->count;
	dump_view_add(d, &m->view, &ops);
	return CMD_OK;
}
