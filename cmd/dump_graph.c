/*
 * Who calls whom, as a graph for dot(1): a node for each end and each agent, an
 * edge for all calls from one to the other.  It is written at the end.
 *
 * The port of an end that only ever dialled tells nothing: such ends are one
 * for each host.
 */
#include "dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump_conn.h"
#include "map.h"
#include "mem.h"

#define EDGES_MAX 100000	/* the others are one */

/* Calls from one to another. */
struct edge {
	char *from, *to;
	uint64_t calls, failures, open, timed;
	double sum;		/* of their times */
};

struct graph {
	struct dump_view view;
	struct amas__map edges;	/* by both names */
	struct amas__map called;	/* ends that were called, by name */
};

/* ---- Names -------------------------------------------------------------- */

/* The end of a connection, as people call it. */
int
dump_party_end(struct amas__buf *b, const struct dump_conn *c, bool called)
{
	if (*dump_bare(c->name[called]) == '\0') /* more may follow it */
		return amas__buf_puts(b, called ? "called" : "caller");
	return dump_put_name(b, c->name[called]);
}

int
dump_party_caller(struct amas__buf *b, const struct dump_call *k)
{
	return dump_party_end(b, k->conn, k->back);
}

int
dump_party_callee(struct amas__buf *b, const struct dump_call *k)
{
	int rc = dump_party_end(b, k->conn, !k->back);
	const char *id;
	size_t len;

	if (rc != 0 || k->path == NULL ||
	    (id = dump_agent(k->path, k->path_len, &len)) == NULL)
		return rc;
	if (amas__buf_head(b)[amas__buf_len(b) - 1] != '/')
		rc = amas__buf_putc(b, '/');
	return rc == 0 ? amas__buf_put_escaped(b, id, len, 64) : rc;
}

/* ---- Counting ----------------------------------------------------------- */

static struct graph *
of(struct dump_view *v)
{
	return (struct graph *)(void *)v;
}

static struct edge *
edge_new(struct amas__map *edges, const char *key, size_t len)
{
	struct edge *e = amas__zalloc(sizeof *e);

	if (e == NULL)
		return NULL;
	e->from = amas__strdup(key);
	e->to = amas__strdup(key + strlen(key) + 1);
	if (e->from != NULL && e->to != NULL &&
	    amas__map_set(edges, key, len, e) == 0)
		return e;
	free(e->from);
	free(e->to);
	free(e);
	return NULL;
}

/* The edge between two names that stand in b, with a NUL behind each. */
static struct edge *
edge_at(struct amas__map *edges, const struct amas__buf *b)
{
	static const char rest[] = "...\0...";
	const char *key = amas__buf_head(b);
	size_t len = amas__buf_len(b);
	struct edge *e = amas__map_get(edges, key, len);

	if (e != NULL)
		return e;
	if (edges->n < EDGES_MAX)
		return edge_new(edges, key, len);
	e = amas__map_get(edges, rest, sizeof rest);
	return e != NULL ? e : edge_new(edges, rest, sizeof rest);
}

/* The edge of a call; notes that its end was called. */
static struct edge *
edge_of(struct graph *g, const struct dump_call *k)
{
	struct amas__buf b = { NULL, 0, 0, 0, 0 }, end = b;
	struct edge *e = NULL;

	if (dump_party_caller(&b, k) == 0 && amas__buf_putc(&b, '\0') == 0 &&
	    dump_party_callee(&b, k) == 0 && amas__buf_putc(&b, '\0') == 0 &&
	    dump_party_end(&end, k->conn, !k->back) == 0 &&
	    amas__map_set(&g->called, amas__buf_head(&end),
	    amas__buf_len(&end), g) == 0)
		e = edge_at(&g->edges, &b);
	amas__buf_fini(&b);
	amas__buf_fini(&end);
	if (e == NULL)
		dump_nomem(g->view.d);
	return e;
}

static void
on_event(struct dump_view *v, const struct dump_event *e)
{
	struct edge *edge;

	if ((e->kind != DUMP_REPLY && e->kind != DUMP_FAILURE) ||
	    e->pass != DUMP_YES || (edge = edge_of(of(v), e->call)) == NULL)
		return;
	edge->calls++;
	edge->failures += e->kind == DUMP_FAILURE;
	if (e->call->n == 0)
		return; /* its request was not seen */
	edge->timed++;
	edge->sum += e->t - e->call->t;
}

static void
on_unanswered(struct dump_view *v, struct dump_call *k, double t)
{
	struct edge *edge;

	(void)t;
	if (k->pass == DUMP_NO || (edge = edge_of(of(v), k)) == NULL)
		return;
	edge->calls++;
	edge->open++;
}

/* ---- Writing ------------------------------------------------------------ */

/* Text between quotes: dot knows backslashes and entities. */
static void
put_quoted(const char *text)
{
	putc_unlocked('"', stdout);
	for (; *text != '\0'; text++) {
		if (*text == '&') {
			(void)fputs("&amp;", stdout);
			continue;
		}
		if (*text == '"' || *text == '\\')
			putc_unlocked('\\', stdout);
		putc_unlocked(*text, stdout);
	}
	putc_unlocked('"', stdout);
}

static void
put_edge(const struct edge *e)
{
	double mean = e->timed > 0 ? e->sum / (double)e->timed : 0;

	(void)fputs("\t", stdout);
	put_quoted(e->from);
	(void)fputs(" -> ", stdout);
	put_quoted(e->to);
	(void)printf(" [label=\"%llu", (unsigned long long)e->calls);
	if (e->failures > 0)
		(void)printf(", %llu failed", (unsigned long long)e->failures);
	if (e->open > 0)
		(void)printf(", %llu open", (unsigned long long)e->open);
	if (e->timed > 0)
		(void)printf("\\n%.3g %s", mean < 1 ? mean * 1e3 : mean,
		    mean < 1 ? "ms" : "s");
	(void)printf("\"%s];\n", e->failures > 0 ?
	    ", color=red, fontcolor=red" : "");
}

/* Where the port of an end stands that was never called; else its end. */
static size_t
shown_len(const struct graph *g, const char *name)
{
	const char *port = strrchr(name, ':');
	size_t len = strlen(name);

	if (port == NULL || port == name || port[1] == '\0' ||
	    strspn(port + 1, "0123456789") != strlen(port + 1) ||
	    amas__map_get(&g->called, name, len) != NULL)
		return len;
	return (size_t)(port - name);
}

static void
edges_free(struct amas__map *edges)
{
	struct edge *e;
	size_t i = 0;

	while ((e = amas__map_next(edges, &i, NULL, NULL)) != NULL) {
		free(e->from);
		free(e->to);
		free(e);
	}
	amas__map_fini(edges);
}

/* Adds an edge to those that are shown. */
static int
add_shown(const struct graph *g, struct amas__map *shown, const struct edge *e)
{
	struct amas__buf b = { NULL, 0, 0, 0, 0 };
	struct edge *to = NULL;

	if (amas__buf_put(&b, e->from, shown_len(g, e->from)) == 0 &&
	    amas__buf_putc(&b, '\0') == 0 &&
	    amas__buf_put(&b, e->to, strlen(e->to) + 1) == 0)
		to = edge_at(shown, &b);
	amas__buf_fini(&b);
	if (to == NULL)
		return AMAS_ENOMEM;
	to->calls += e->calls;
	to->failures += e->failures;
	to->open += e->open;
	to->timed += e->timed;
	to->sum += e->sum;
	return 0;
}

static int
compare(const void *pa, const void *pb)
{
	const struct edge *a = *(struct edge *const *)pa;
	const struct edge *b = *(struct edge *const *)pb;
	int order = strcmp(a->from, b->from);

	return order != 0 ? order : strcmp(a->to, b->to);
}

/* In the order of their names, so that a graph can be compared with another. */
static int
put_all(const struct amas__map *shown)
{
	struct edge **all = amas__reallocarray(NULL, shown->n + 1,
	    sizeof *all);
	size_t i = 0, n = 0;

	if (all == NULL)
		return AMAS_ENOMEM;
	while ((all[n] = amas__map_next(shown, &i, NULL, NULL)) != NULL)
		n++;
	qsort(all, n, sizeof *all, compare);
	(void)fputs("digraph amas {\n\trankdir=LR;\n\tnode [shape=box];\n",
	    stdout);
	for (i = 0; i < n; i++)
		put_edge(all[i]);
	(void)fputs("}\n", stdout);
	free(all);
	return 0;
}

static void
on_end(struct dump_view *v)
{
	struct graph *g = of(v);
	struct amas__map shown;
	const struct edge *e;
	size_t i = 0;
	int rc = 0;

	amas__map_init(&shown);
	while (rc == 0 &&
	    (e = amas__map_next(&g->edges, &i, NULL, NULL)) != NULL)
		rc = add_shown(g, &shown, e);
	if (rc == 0)
		rc = put_all(&shown);
	edges_free(&shown);
	if (rc != 0)
		dump_nomem(v->d);
	else if (fflush(stdout) != 0)
		dump_output_failed(v->d);
}

static void
on_free(struct dump_view *v)
{
	struct graph *g = of(v);

	edges_free(&g->edges);
	amas__map_fini(&g->called);
	free(g);
}

static const struct dump_view_ops ops = { on_event, on_unanswered, NULL,
	on_end, on_free };

int
dump_graph_new(struct dump *d)
{
	struct graph *g = amas__zalloc(sizeof *g);

	if (g == NULL)
		return cmd_nomem();
	amas__map_init(&g->edges);
	amas__map_init(&g->called);
	dump_view_add(d, &g->view, &ops);
	return CMD_OK;
}
