/*
 * Calls per function: how many, how many failed, how long they took.  Times go
 * into a histogram whose steps are 3 % apart, so that a long view stays small.
 */
#include "dump.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump_conn.h"
#include "map.h"
#include "mem.h"

#define STEPS 24		/* of the histogram, until a time has doubled */
#define SHORTEST_S 1e-7
#define BUCKETS (STEPS * 40)	/* to 30 hours */
#define ROWS_MAX 10000		/* functions; the others are one */

struct row {
	uint64_t calls, failures, bytes, timed;
	uint64_t open;		/* that got no reply */
	uint64_t waiting;	/* for one, now */
	double max;
	uint32_t count[BUCKETS];
};

struct table {
	struct dump_view view;
	bool to_stdout;
	struct amas__map rows;	/* by function */
};

/* ---- Counting ----------------------------------------------------------- */

static size_t
bucket(double s)
{
	double at = s <= SHORTEST_S ? 0 : log2(s / SHORTEST_S) * STEPS;

	return at >= BUCKETS - 1 ? BUCKETS - 1 : (size_t)at;
}

/* The upper end of a bucket. */
static double
bucket_s(size_t i)
{
	return SHORTEST_S * exp2((double)(i + 1) / STEPS);
}

/* What share of the calls took no longer than that. */
static double
percentile(const struct row *r, double share)
{
	uint64_t want = (uint64_t)ceil((double)r->timed * share), have = 0;
	size_t i;

	for (i = 0; i < BUCKETS; i++)
		if ((have += r->count[i]) >= want)
			break;
	return i == BUCKETS || bucket_s(i) > r->max ? r->max : bucket_s(i);
}

/*
 * The function of a path.  One of an agent is that of all agents.  name holds
 * len bytes.
 */
static size_t
function_name(char *name, size_t size, const struct dump_call *k)
{
	const char *path = k->path != NULL ? k->path : k->n > 0 ? "-" : "?";
	size_t len = k->path != NULL ? k->path_len : 1, digits;
	const char *id = dump_agent(path, len, &digits);
	int n = 0;

	if (id != NULL && digits > 0 && strspn(id, "0123456789") == digits &&
	    id + digits < path + len) {
		n = snprintf(name, size, "agents/*");
		len -= (size_t)(id + digits - path);
		path = id + digits;
	}
	if (len > size - (size_t)n)
		len = size - (size_t)n;
	memcpy(name + n, path, len);
	return (size_t)n + len;
}

static struct row *
row_of(struct table *t, const struct dump_call *k)
{
	char name[256];
	size_t len = function_name(name, sizeof name, k);
	struct row *r = amas__map_get(&t->rows, name, len);

	if (r != NULL)
		return r;
	if (t->rows.n >= ROWS_MAX) {
		len = strlen("...");
		memcpy(name, "...", len);
		if ((r = amas__map_get(&t->rows, name, len)) != NULL)
			return r;
	}
	if ((r = amas__zalloc(sizeof *r)) == NULL ||
	    amas__map_set(&t->rows, name, len, r) != 0) {
		free(r);
		dump_nomem(t->view.d);
		return NULL;
	}
	return r;
}

static void
on_event(struct dump_view *v, const struct dump_event *e)
{
	struct table *t = (struct table *)(void *)v;
	double took = e->call != NULL ? e->t - e->call->t : 0;
	struct row *r;

	if ((e->kind != DUMP_REPLY && e->kind != DUMP_FAILURE) ||
	    e->pass != DUMP_YES || (r = row_of(t, e->call)) == NULL)
		return;
	r->calls++;
	r->failures += e->kind == DUMP_FAILURE;
	r->bytes += e->size + e->call->size;
	if (e->call->n == 0)
		return; /* its request was not seen */
	r->timed++;
	r->count[bucket(took)]++;
	if (took > r->max)
		r->max = took;
}

static void
on_unanswered(struct dump_view *v, struct dump_call *k, double now)
{
	struct row *r;

	(void)now;
	if (k->pass == DUMP_NO ||
	    (r = row_of((struct table *)(void *)v, k)) == NULL)
		return;
	r->calls++;
	r->open++;
	r->bytes += k->size;
}

/* ---- Printing ----------------------------------------------------------- */

struct named {
	const char *name;
	size_t len;
	const struct row *row;
};

/* Most calls first, then by name. */
static int
compare(const void *pa, const void *pb)
{
	const struct named *a = pa, *b = pb;
	size_t len = a->len < b->len ? a->len : b->len;
	int order = memcmp(a->name, b->name, len);

	if (a->row->calls != b->row->calls)
		return a->row->calls < b->row->calls ? 1 : -1;
	return order != 0 ? order : a->len < b->len ? -1 : a->len > b->len;
}

/* A time in at most 8 characters. */
static const char *
time_text(char out[16], double s)
{
	if (s < 1e-3)
		(void)snprintf(out, 16, "%.0fus", s * 1e6);
	else if (s < 1)
		(void)snprintf(out, 16, "%.1fms", s * 1e3);
	else if (s < 1e6)
		(void)snprintf(out, 16, "%.2fs", s);
	else
		(void)snprintf(out, 16, "%.0es", s);
	return out;
}

/* What a share of its replies took at most; 1: all. */
static const char *
share_text(char out[16], const struct row *r, double share)
{
	if (r->timed == 0)
		return "-";
	return time_text(out, share < 1 ? percentile(r, share) : r->max);
}

static void
print_row(const struct named *n, FILE *to)
{
	const struct row *r = n->row;
	struct amas__buf name = { NULL, 0, 0, 0, 0 };
	char p50[16], p90[16], p99[16], max[16];

	if (amas__buf_put_escaped(&name, n->name, n->len, SIZE_MAX) == 0)
		(void)fprintf(to, "%9llu %8llu %8llu %8s %8s %8s %8s %12llu "
		    "%.*s\n", (unsigned long long)(r->calls + r->waiting),
		    (unsigned long long)r->failures,
		    (unsigned long long)(r->open + r->waiting),
		    share_text(p50, r, .5), share_text(p90, r, .9),
		    share_text(p99, r, .99), share_text(max, r, 1),
		    (unsigned long long)r->bytes,
		    (int)amas__buf_len(&name), amas__buf_head(&name));
	amas__buf_fini(&name);
}

/* Counts the calls that wait now. */
static void
count_waiting(struct table *t)
{
	struct amas__link *i, *j, *conns = &t->view.d->conns;
	struct dump_call *k;
	size_t at = 0;
	struct row *r;

	while ((r = amas__map_next(&t->rows, &at, NULL, NULL)) != NULL)
		r->waiting = 0;
	for (i = conns->next; i != conns; i = i->next) {
		struct dump_conn *c = AMAS__OF(i, struct dump_conn, link);

		for (j = c->calls.next; j != &c->calls; j = j->next) {
			k = AMAS__OF(j, struct dump_call, link);
			if (k->pass == DUMP_YES && (r = row_of(t, k)) != NULL)
				r->waiting++;
		}
	}
}

static void
on_end(struct dump_view *v)
{
	struct table *t = (struct table *)(void *)v;
	FILE *to = t->to_stdout ? stdout : stderr;
	struct named *all;
	size_t i = 0, n = 0;
	const struct row *r;

	count_waiting(t);
	all = amas__reallocarray(NULL, t->rows.n + 1, sizeof *all);
	if (all == NULL) {
		dump_nomem(v->d);
		return;
	}
	while ((r = amas__map_next(&t->rows, &i, &all[n].name, &all[n].len)) !=
	    NULL)
		all[n++].row = r;
	qsort(all, n, sizeof *all, compare);
	(void)fprintf(to, "%9s %8s %8s %8s %8s %8s %8s %12s %s\n", "calls",
	    "failed", "open", "p50", "p90", "p99", "max", "bytes", "function");
	for (i = 0; i < n; i++)
		print_row(&all[i], to);
	if (fflush(to) != 0 && t->to_stdout)
		dump_output_failed(v->d);
	free(all);
}

static void
on_free(struct dump_view *v)
{
	struct table *t = (struct table *)(void *)v;
	size_t i = 0;
	void *r;

	while ((r = amas__map_next(&t->rows, &i, NULL, NULL)) != NULL)
		free(r);
	amas__map_fini(&t->rows);
	free(t);
}

static const struct dump_view_ops ops = { on_event, on_unanswered, on_end,
	on_end, on_free };

int
dump_table_new(struct dump *d, bool to_stdout)
{
	struct table *t = amas__zalloc(sizeof *t);

	if (t == NULL)
		return cmd_nomem();
	t->to_stdout = to_stdout;
	amas__map_init(&t->rows);
	dump_view_add(d, &t->view, &ops);
	return CMD_OK;
}
