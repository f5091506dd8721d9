/*
 * Hash tables with open addressing and linear probing.  A slot is free
 * (v == NULL), gone (v == GONE, a tombstone) or taken.
 */
#include "map.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "amas.h"
#include "mem.h"

struct amas__map_slot {
	void *v;
	char *key;		/* NULL in tables keyed by number */
	uint64_t id;		/* number, or hash of the text */
	size_t len;
};

static const char gone_mark = 0;
#define GONE ((void *)(uintptr_t)&gone_mark)

#define LEAST 8			/* slots of the smallest table */

#define ROTL(x, b) ((x) << (b) | (x) >> (64 - (b)))

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ROTL(v[1], 13) ^ v[0];
	v[0] = ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = ROTL(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTL(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTL(v[1], 17) ^ v[2];
	v[2] = ROTL(v[2], 32);
}

uint64_t
amas__hash(const uint64_t seed[2], const void *data, size_t len)
{
	uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575u,
		seed[1] ^ 0x646f72616e646f6du, seed[0] ^ 0x6c7967656e657261u,
		seed[1] ^ 0x7465646279746573u };
	const char *p = data;
	uint64_t m;
	size_t left = len;
	int i;

	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&m, p, 8);
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	m = 0;
	if (left > 0)
		memcpy(&m, p, left);
	m ^= (uint64_t)len << 56;
	v[3] ^= m;
	sip_round(v);
	v[0] ^= m;
	v[2] ^= 0xff;
	for (i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void
amas__hash_seed(uint64_t seed[2])
{
	struct timespec t;

	if (getrandom(seed, 16, GRND_NONBLOCK) == 16)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* early at boot: enough */
	seed[0] = (uint64_t)t.tv_nsec * 0x9e3779b97f4a7c15u;
	seed[1] = (uint64_t)(uintptr_t)seed ^ (uint64_t)t.tv_sec;
}

/*
 * Where the search for a key begins.  Numbers are hashed too: a peer may have
 * chosen them.
 */
static size_t
home(const struct amas__map *m, uint64_t id, const char *key)
{
	uint64_t h = key != NULL || m->counted ? id :
	    amas__hash(m->seed, &id, sizeof id);

	return (size_t)h & (m->cap - 1);
}

void
amas__map_init(struct amas__map *m)
{
	memset(m, 0, sizeof *m);
}

void
amas__map_init_counted(struct amas__map *m)
{
	amas__map_init(m);
	m->counted = true;
}

void
amas__map_fini(struct amas__map *m)
{
	size_t i;

	for (i = 0; i < m->cap; i++)
		free(m->slots[i].key);
	free(m->slots);
	m->slots = NULL;
	m->n = m->cap = m->used = 0;
}

static bool
slot_is(const struct amas__map_slot *s, uint64_t id, const char *key,
    size_t len)
{
	if (s->v == GONE || s->id != id)
		return false;
	return key == NULL ||
	    (s->len == len && memcmp(s->key, key, len) == 0);
}

/* The slot of a key, or NULL. */
static struct amas__map_slot *
find(const struct amas__map *m, uint64_t id, const char *key, size_t len)
{
	size_t i;

	if (m->cap == 0)
		return NULL;
	for (i = home(m, id, key); m->slots[i].v != NULL;
	    i = (i + 1) & (m->cap - 1))
		if (slot_is(&m->slots[i], id, key, len))
			return &m->slots[i];
	return NULL;
}

static void
place(struct amas__map *m, struct amas__map_slot s)
{
	size_t i = home(m, s.id, s.key);

	while (m->slots[i].v != NULL)
		i = (i + 1) & (m->cap - 1);
	m->slots[i] = s;
}

static int
grow(struct amas__map *m)
{
	struct amas__map old = *m;
	size_t i, cap = LEAST;

	while (cap / 2 <= m->n)
		cap *= 2;
	if ((m->slots = calloc(cap, sizeof *m->slots)) == NULL) {
		m->slots = old.slots;
		return AMAS_ENOMEM;
	}
	m->cap = cap;
	m->used = m->n;
	for (i = 0; i < old.cap; i++)
		if (old.slots[i].v != NULL && old.slots[i].v != GONE)
			place(m, old.slots[i]);
	free(old.slots);
	return 0;
}

static int
set(struct amas__map *m, uint64_t id, const char *key, size_t len, void *v)
{
	struct amas__map_slot *s = find(m, id, key, len);
	struct amas__map_slot new = { v, NULL, id, len };

	if (s != NULL) {
		s->v = v;
		return 0;
	}
	if (m->used >= m->cap - m->cap / 4 && grow(m) != 0)
		return AMAS_ENOMEM;
	if (key != NULL && (new.key = amas__strndup(key, len)) == NULL)
		return AMAS_ENOMEM;
	place(m, new);
	m->n++;
	m->used++;
	return 0;
}

static void *
take(struct amas__map *m, struct amas__map_slot *s)
{
	void *v;

	if (s == NULL)
		return NULL;
	v = s->v;
	free(s->key);
	s->key = NULL;
	s->v = GONE;
	if (--m->n == 0 && m->used > m->cap / 2) { /* sweep tombstones */
		memset(m->slots, 0, m->cap * sizeof *m->slots);
		m->used = 0;
	}
	return v;
}

/*
 * The slot of a text in a table of the least size, or NULL.  To look at each slot
 * is faster than to hash the key, for the few names that a service has.
 */
static const struct amas__map_slot *
find_small(const struct amas__map *m, const char *key, size_t len)
{
	const struct amas__map_slot *s;

	for (s = m->slots; s < m->slots + LEAST; s++)
		if (s->len == len && s->key != NULL &&
		    memcmp(s->key, key, len) == 0)
			return s;
	return NULL;
}

/* A key of no bytes may come as NULL, which set() and find() read otherwise. */
static const char *
text_key(const char *key)
{
	return key != NULL ? key : "";
}

static uint64_t
text_id(const struct amas__map *m, const char *key, size_t len)
{
	return amas__hash(m->seed, key, len);
}

int
amas__map_set(struct amas__map *m, const char *key, size_t len, void *v)
{
	if (m->cap == 0)
		amas__hash_seed(m->seed);
	return set(m, text_id(m, key, len), text_key(key), len, v);
}

void *
amas__map_get(const struct amas__map *m, const char *key, size_t len)
{
	const struct amas__map_slot *s;

	if (m->cap == 0)
		return NULL;
	if (m->cap == LEAST)
		s = find_small(m, text_key(key), len);
	else
		s = find(m, text_id(m, key, len), text_key(key), len);
	return s != NULL ? s->v : NULL;
}

void *
amas__map_take(struct amas__map *m, const char *key, size_t len)
{
	return take(m, find(m, text_id(m, key, len), text_key(key), len));
}

int
amas__map_set_id(struct amas__map *m, uint64_t id, void *v)
{
	if (m->cap == 0)
		amas__hash_seed(m->seed);
	return set(m, id, NULL, 0, v);
}

void *
amas__map_get_id(const struct amas__map *m, uint64_t id)
{
	const struct amas__map_slot *s = find(m, id, NULL, 0);

	return s != NULL ? s->v : NULL;
}

void *
amas__map_take_id(struct amas__map *m, uint64_t id)
{
	return take(m, find(m, id, NULL, 0));
}

void *
amas__map_next(const struct amas__map *m, size_t *i, const char **key,
    size_t *len)
{
	const struct amas__map_slot *s;

	while (*i < m->cap) {
		s = &m->slots[(*i)++];
		if (s->v == NULL || s->v == GONE)
			continue;
		if (key != NULL)
			*key = s->key;
		if (len != NULL)
			*len = s->len;
		return s->v;
	}
	return NULL;
}
