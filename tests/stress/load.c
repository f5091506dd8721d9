/*
 * Calls with numbers.  Each has a place that stays to the end, so that an
 * answer that comes again is seen.
 */
#include "load.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mix.h"

#define BLOCK 65536		/* calls whose places are made at once */
#define BLOCKS 256		/* as many as shuffle.c knows */
#define COMPLAINTS 10

struct call {
	struct load *l;
	int64_t n;
	void *arg;
	double begun_s;
	bool open;
};

struct load {
	const char *function;
	size_t len;
	int64_t first;
	load_fn *over;
	bool ending;
	struct tally tally;
	struct call *block[BLOCKS];
	char *text;		/* of the call that is looked at */
};

double
load_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

long
load_memory(long pid, const char *field)
{
	char path[64], line[256];
	size_t len = strlen(field);
	long kib = 0;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%ld/status", pid);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, field, len) == 0 && line[len] == ':')
			kib = atol(line + len + 1);
	fclose(f);
	return kib;
}

struct load *
load_new(const char *function, size_t len, int64_t first, load_fn *over)
{
	struct load *l = calloc(1, sizeof *l);

	if (l == NULL || (l->text = malloc(len + 17)) == NULL)
		abort();
	l->function = function;
	l->len = len;
	l->first = first;
	l->over = over;
	return l;
}

void
load_free(struct load *l)
{
	size_t i;

	for (i = 0; i < BLOCKS; i++)
		free(l->block[i]);
	free(l->text);
	free(l);
}

void
load_ending(struct load *l)
{
	l->ending = true;
}

const struct tally *
load_tally(const struct load *l)
{
	return &l->tally;
}

/* Digits, which need no quotes anywhere. */
static const char *
text_of(struct load *l, int64_t n)
{
	size_t at;

	for (at = 0; at < l->len; at += 16)
		(void)sprintf(l->text + at, "%016llx",
		    (unsigned long long)mix((uint64_t)n + at));
	return l->text;
}

static void
wrong(struct call *c, const char *what, const char *text)
{
	struct load *l = c->l;

	if (l->tally.wrong++ < COMPLAINTS)
		fprintf(stderr, "load: call %lld: %s: %.200s\n",
		    (long long)c->n, what, text);
}

static void
compare(struct call *c, const struct amas_value *v)
{
	struct tally *t = &c->l->tally;
	double took_s = load_now() - c->begun_s;
	const char *text;
	size_t len;
	int64_t n;

	if (amas_value_unpack(v, NULL, "[Is%]", &n, &text, &len) != 0) {
		wrong(c, "odd answer", "");
	} else if (n != c->n || len != c->l->len ||
	    memcmp(text, text_of(c->l, n), len) != 0) {
		wrong(c, "another's answer", "");
	} else {
		t->right++;
		if (took_s > t->longest_s)
			t->longest_s = took_s;
	}
}

static void
judge(struct call *c, const struct amas_reply *rep)
{
	struct load *l = c->l;

	if (rep->kind == AMAS_RESULT)
		compare(c, rep->value);
	else if (rep->kind == AMAS_FAILURE && strstr(rep->text, "busy: "))
		l->tally.busy++;
	else if (rep->code == AMAS_ETIMEDOUT)
		l->tally.lost++;
	else if (rep->kind == AMAS_FAILURE && l->ending &&
	    strstr(rep->text, "shutting down"))
		l->tally.refused++;
	else if (rep->kind == AMAS_ERROR && l->ending &&
	    rep->code == AMAS_ECLOSED)
		l->tally.closed++;
	else
		wrong(c, "failed", rep->text);
}

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct call *c = arg;

	if (!c->open) {
		c->l->tally.twice++;
		return;
	}
	c->open = false;
	judge(c, rep);
	c->l->over(c->arg);
}

static struct call *
call_new(struct load *l, void *arg)
{
	int64_t i = l->tally.sent++;
	struct call **block = &l->block[i / BLOCK];
	struct call *c;

	if (i >= (int64_t)BLOCK * BLOCKS)
		abort();
	if (*block == NULL && (*block = calloc(BLOCK, sizeof **block)) == NULL)
		abort();
	c = &(*block)[i % BLOCK];
	*c = (struct call){ l, l->first + i, arg, load_now(), true };
	return c;
}

void
load_call(struct load *l, struct amas_proxy *to, void *arg)
{
	struct call *c = call_new(l, arg);

	if (amas_proxy_call(to, l->function, LOAD_LATE_S, on_reply, c, "[Is%]",
	    c->n, text_of(l, c->n), l->len) != 0) {
		fprintf(stderr, "load: cannot be sent\n");
		exit(1);
	}
}

int
load_is_good(const struct load *l)
{
	const struct tally *t = &l->tally;

	return t->wrong + t->lost + t->twice == 0 && t->sent == t->right +
	    t->busy + t->refused + t->closed;
}
