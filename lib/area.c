/*
 * Areas: memory of values that die together, in chunks, with a reference count
 * and things to do at the end.  Chunks of the usual size go back to the pool.
 * Under AddressSanitizer every piece is a chunk of its own, so that it sees
 * each object's bounds.
 */
#include "value.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

#define CHUNK_SIZE AMAS__POOL_PIECE	/* usual chunk, all included */
#define CHUNK_MAX ((size_t)1 << 20)	/* growth of chunks ends here */

#if defined(__SANITIZE_ADDRESS__)
#define ONE_BY_ONE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_BY_ONE 1
#endif
#endif
#ifndef ONE_BY_ONE
#define ONE_BY_ONE 0
#endif

struct chunk {
	struct chunk *next;
	size_t size;
};

struct cleanup {
	struct cleanup *next;
	void (*fn)(void *);
	void *arg;
};

/* An area lies at the start of its first chunk. */
struct amas__area {
	size_t refs;
	struct amas__pool *pool;
	struct chunk *chunks;	/* latest first; the last one holds this */
	char *at, *end;		/* what is free of the usual chunk */
	size_t size;		/* of all chunks and memory taken */
	struct cleanup *cleanups;
	struct amas__sender *sender;
};

struct amas__held *
amas__held_ref(struct amas__held *h)
{
	if (h != NULL)
		h->refs++;
	return h;
}

void
amas__held_unref(struct amas__held *h)
{
	if (h != NULL && --h->refs == 0)
		h->free(h);
}

static bool
pooled(const struct amas__pool *pool, size_t size)
{
	return !ONE_BY_ONE && pool != NULL && size == CHUNK_SIZE;
}

static struct chunk *
chunk_new(struct amas__pool *pool, size_t size)
{
	struct chunk *c;

	c = pooled(pool, size) ? amas__pool_take(pool) : malloc(size);
	if (c != NULL)
		c->size = size;
	return c;
}

static void
chunk_free(struct amas__pool *pool, struct chunk *c)
{
	if (pooled(pool, c->size))
		amas__pool_give(pool, c);
	else
		free(c);
}

struct amas__area *
amas__area_new(struct amas__pool *pool)
{
	size_t size = ONE_BY_ONE ?
	    sizeof(struct chunk) + sizeof(struct amas__area) : CHUNK_SIZE;
	struct chunk *c = chunk_new(pool, size);
	struct amas__area *a;

	if (c == NULL)
		return NULL;
	c->next = NULL;
	a = (struct amas__area *)(void *)(c + 1);
	memset(a, 0, sizeof *a);
	a->refs = 1;
	a->chunks = c;
	a->at = (char *)(a + 1);
	a->end = (char *)c + size;
	a->size = size;
	a->pool = pool;
	return a;
}

struct amas__area *
amas__area_ref(struct amas__area *a)
{
	a->refs++;
	return a;
}

void
amas__area_unref(struct amas__area *a)
{
	struct amas__pool *pool;
	struct chunk *c, *next;

	if (a == NULL || --a->refs > 0)
		return;
	for (; a->cleanups != NULL; a->cleanups = a->cleanups->next)
		a->cleanups->fn(a->cleanups->arg);
	if (a->sender != NULL)
		amas__held_unref(&a->sender->held);
	pool = a->pool;
	for (c = a->chunks; c != NULL; c = next) {
		next = c->next;
		chunk_free(pool, c); /* the last one may end the pool, too */
	}
}

/* Adds a chunk, of size bytes with its head; gives what is behind that. */
static void *
add_chunk(struct amas__area *a, size_t size)
{
	struct chunk *c = chunk_new(a->pool, size);

	if (c == NULL)
		return NULL;
	c->next = a->chunks;
	a->chunks = c;
	a->size += size;
	return c + 1;
}

/*
 * The size of the next usual chunk: an eighth of the area, so that little is
 * free at its end however the pieces come.
 */
static size_t
usual_size(const struct amas__area *a)
{
	size_t size = a->size / 8;

	if (size < CHUNK_SIZE)
		return CHUNK_SIZE;
	return size < CHUNK_MAX ? size : CHUNK_MAX;
}

/* Room that the latest chunk does not have. */
static void *
alloc_more(struct amas__area *a, size_t room)
{
	size_t usual = usual_size(a);
	char *p;

	/* for a large piece the rest of the latest is not given up */
	if (room > usual / 8)
		return add_chunk(a, sizeof(struct chunk) + room);
	if ((p = add_chunk(a, usual)) == NULL)
		return NULL;
	a->at = p + room;
	a->end = p + usual - sizeof(struct chunk);
	return p;
}

void *
amas__area_alloc(struct amas__area *a, size_t size)
{
	size_t room;
	char *p = a->at;

	if (size > SIZE_MAX - sizeof(struct chunk) - 8)
		return NULL;
	if (ONE_BY_ONE) /* exactly size, and never a chunk's rest */
		return add_chunk(a, sizeof(struct chunk) +
		    (size != 0 ? size : 1));
	room = (size + 7) & ~(size_t)7;
	if (room > (size_t)(a->end - p))
		return alloc_more(a, room);
	a->at = p + room;
	return p;
}

struct amas_value *
amas__area_values(struct amas__area *a, size_t n)
{
	size_t size;

	if (!amas__mul(&size, n, sizeof(struct amas_value)))
		return NULL;
	return amas__area_alloc(a, size);
}

char *
amas__area_text(struct amas__area *a, const char *text, size_t len)
{
	char *p;

	if (len == SIZE_MAX || (p = amas__area_alloc(a, len + 1)) == NULL)
		return NULL;
	if (len > 0)
		memcpy(p, text, len);
	p[len] = '\0';
	return p;
}

int
amas__area_cleanup(struct amas__area *a, void (*fn)(void *), void *arg)
{
	struct cleanup *c = amas__area_alloc(a, sizeof *c);

	if (c == NULL)
		return AMAS_ENOMEM;
	c->next = a->cleanups;
	c->fn = fn;
	c->arg = arg;
	a->cleanups = c;
	return 0;
}

int
amas__area_take_memory(struct amas__area *a, void *p)
{
	int rc = amas__area_cleanup(a, free, p);

	if (rc != 0)
		free(p);
	return rc;
}

void
amas__area_set_sender(struct amas__area *a, struct amas__sender *s)
{
	if (s != NULL)
		(void)amas__held_ref(&s->held);
	if (a->sender != NULL)
		amas__held_unref(&a->sender->held);
	a->sender = s;
}

struct amas__sender *
amas__area_sender(const struct amas__area *a)
{
	return a->sender;
}

bool
amas__area_shared(const struct amas__area *a)
{
	return a->refs > 1;
}

size_t
amas__area_size(const struct amas__area *a)
{
	return a->size;
}
