/* Hash tables: against a plain array, and with failing memory; and lists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "amas.h"
#include "list.h"
#include "map.h"
#include "tap.h"

#define N 500

static int cells[N];

static void
test_hash(void)
{
	/* SipHash-1-3 of 0, 1, 8 and 15 bytes 00 01 ..., key of zeros */
	static const struct {
		size_t len;
		uint64_t hash;
	} t[] = { { 0, 0xd1fba762150c532c }, { 1, 0x68a914128e01e473 },
		{ 8, 0xead411e67ebe2eea }, { 15, 0xf30eb725bb91c9ea } };
	static const uint64_t zero[2], seed[2] = { 1, 0 };
	unsigned char in[15];
	size_t i;

	for (i = 0; i < sizeof in; i++)
		in[i] = (unsigned char)i;
	for (i = 0; i < sizeof t / sizeof *t; i++)
		tap_ok(amas__hash(zero, in, t[i].len) == t[i].hash,
		    "hash of %zu bytes", t[i].len);
	tap_ok(amas__hash(seed, in, 8) != amas__hash(zero, in, 8),
	    "the seed counts");
}

/* Random sets and takes, by text or by number, compared with an array. */
static void
churn(bool text, bool counted)
{
	struct amas__map m;
	bool in[N] = { false }, ok = true;
	unsigned r = 1, k;
	size_t i, n = 0, seen = 0, len;
	const char *key;
	char name[16];
	void *v;

	if (counted)
		amas__map_init_counted(&m);
	else
		amas__map_init(&m);
	for (i = 0; i < 20000 && ok; i++) {
		r = r * 1103515245 + 12345;
		k = (r >> 16) % N;
		snprintf(name, sizeof name, "%u", k);
		len = strlen(name);
		if ((r >> 8 & 3) != 0) {
			ok = (text ? amas__map_set(&m, name, len, &cells[k]) :
			    amas__map_set_id(&m, k, &cells[k])) == 0;
			n += !in[k];
			in[k] = true;
		} else {
			v = text ? amas__map_take(&m, name, len) :
			    amas__map_take_id(&m, k);
			ok = v == (in[k] ? &cells[k] : NULL);
			n -= in[k];
			in[k] = false;
		}
		v = text ? amas__map_get(&m, name, len) :
		    amas__map_get_id(&m, k);
		ok = ok && v == (in[k] ? &cells[k] : NULL) && m.n == n;
	}
	tap_ok(ok, "%s: sets, gets and takes", text ? "text" : "numbers");
	for (i = 0; (v = amas__map_next(&m, &i, &key, &len)) != NULL; seen++)
		ok = ok && (!text || (size_t)((int *)v - cells) ==
		    strtoul(key, NULL, 10));
	tap_ok(ok && seen == n, "%s: a walk sees all", text ? "text" :
	    "numbers");
	tap_ok(m.cap <= 2048, "and tombstones do not pile up");
	amas__map_fini(&m);
	amas__map_fini(&m);
}

/* Numbers one after the other, of which a few are open at a time: fast for ever. */
static void
test_window(void)
{
	struct amas__map m;
	uint64_t i;
	bool ok = true;

	amas__map_init_counted(&m);
	for (i = 0; i < 1000000 && ok; i++) {
		ok = amas__map_get_id(&m, i) == NULL &&
		    amas__map_set_id(&m, i, &cells[i % N]) == 0;
		if (i >= 100)
			ok = ok && amas__map_take_id(&m, i - 100) ==
			    &cells[(i - 100) % N];
	}
	tap_ok(ok && m.n == 100, "a window of numbers");
	tap_ok(m.cap <= 512, "in a small table");
	amas__map_fini(&m);
}

static void
test_edges(void)
{
	struct amas__map m;
	size_t i = 0;

	amas__map_init(&m);
	tap_ok(amas__map_get(&m, "x", 1) == NULL, "get of an empty one");
	tap_ok(amas__map_take_id(&m, 1) == NULL, "take of an empty one");
	tap_ok(amas__map_next(&m, &i, NULL, NULL) == NULL, "walk of none");
	amas__map_set(&m, "", 0, &cells[1]);
	amas__map_set(&m, "\0", 1, &cells[2]);
	amas__map_set(&m, "\0\0", 2, &cells[3]);
	tap_ok(amas__map_get(&m, "", 0) == &cells[1] &&
	    amas__map_get(&m, NULL, 0) == &cells[1] &&
	    amas__map_get(&m, "\0", 1) == &cells[2] &&
	    amas__map_get(&m, "\0\0", 2) == &cells[3], "empty key and NULs");
	amas__map_set(&m, "", 0, &cells[4]);
	tap_ok(amas__map_take(&m, "", 0) == &cells[4], "set replaces");
	tap_int((long long)m.n, 2, "two are left");
	amas__map_fini(&m);
	amas__map_set_id(&m, 0, &cells[1]);
	amas__map_set_id(&m, UINT64_MAX, &cells[2]);
	tap_ok(amas__map_get_id(&m, 0) == &cells[1] &&
	    amas__map_get_id(&m, UINT64_MAX) == &cells[2], "first and last id");
	amas__map_fini(&m);
}

/* Entries are taken while the table is walked, the last one too. */
static void
test_walk_and_take(void)
{
	struct amas__map m;
	size_t i, seen = 0;
	int *v;

	amas__map_init(&m);
	for (i = 0; i < N; i++)
		amas__map_set_id(&m, i, &cells[i]);
	for (i = 0; (v = amas__map_next(&m, &i, NULL, NULL)) != NULL; seen++)
		amas__map_take_id(&m, (uint64_t)(v - cells));
	tap_ok(seen == N && m.n == 0, "all taken in one walk");
	amas__map_fini(&m);
}

static void
test_memory(void)
{
	struct amas__map m;
	unsigned long n;
	char key[16];
	bool ok = true;
	int i, rc;

	for (n = 1; n < 200; n++) {
		amas__map_init(&m);
		tap_fail_alloc(n);
		for (i = 0, rc = 0; i < 50 && rc == 0; i++) {
			snprintf(key, sizeof key, "%d", i);
			rc = amas__map_set(&m, key, strlen(key), &cells[i]);
		}
		tap_fail_alloc(0);
		if (rc == 0)
			break;
		ok = ok && rc == AMAS_ENOMEM && m.n == (size_t)i - 1 &&
		    amas__map_get(&m, key, strlen(key)) == NULL &&
		    (i == 1 || amas__map_get(&m, "0", 1) == &cells[0]) &&
		    amas__map_set(&m, key, strlen(key), &cells[i]) == 0;
		amas__map_fini(&m);
	}
	tap_ok(ok && n > 50, "each allocation failing once (%lu)", n);
	amas__map_fini(&m);
}

struct node {
	int n;
	struct amas__link link;
};

static void
test_list(void)
{
	struct amas__link a, b, *l;
	struct node x[4];
	int i, sum = 0;

	amas__list_init(&a);
	amas__list_init(&b);
	tap_ok(amas__list_empty(&a), "list: empty");
	for (i = 0; i < 4; i++) {
		x[i].n = i;
		amas__list_add(i < 2 ? &a : &b, &x[i].link);
	}
	amas__list_move(&a, &b);
	for (l = a.next; l != &a; l = l->next)
		sum = sum * 10 + AMAS__OF(l, struct node, link)->n;
	tap_int(sum, 123, "list: add and move keep the order");
	tap_ok(amas__list_empty(&b), "list: moved from is empty");
	amas__list_move(&a, &b);
	tap_ok(a.prev == &x[3].link, "list: move of an empty one");
	for (i = 0; i < 4; i++) {
		amas__list_remove(&x[i].link);
		amas__list_remove(&x[i].link);
	}
	tap_ok(amas__list_empty(&a), "list: removing twice is harmless");
}

int
main(void)
{
	test_hash();
	churn(true, false);
	churn(false, false);
	churn(false, true);
	test_window();
	test_edges();
	test_walk_and_take();
	test_memory();
	test_list();
	return tap_done();
}
