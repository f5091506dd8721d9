/*
 * Pools: slabs of pieces.  A slab's pages are touched as its pieces are first
 * taken; taken is what was given back last.  Of slabs that are not in use a few are
 * kept.
 */
#include "pool.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "list.h"
#include "mem.h"

#define PAGE ((size_t)4096)
#define PIECES 32		/* of a slab */
#define HOT_MAX 4		/* pieces for small calls, at hand */
#define EMPTY_MAX 8		/* slabs without a piece in use that are kept */

/* A page: the slab it belongs to, and the piece. */
struct page {
	struct slab *slab;
	_Alignas(8) struct page *next;	/* of those given back: in the piece */
};

struct slab {
	struct amas__link link;	/* among those that have free pieces */
	char *memory;
	struct page *free;
	size_t fresh;		/* pieces that were never taken begin here */
	size_t used;
};

struct amas__pool {
	size_t n_hot;		/* pieces given back that still count as used */
	void *hot[HOT_MAX];
	struct amas__link some;	/* slabs with free pieces */
	size_t n_empty;
	size_t used;		/* pieces */
	bool closed;
};

struct amas__pool *
amas__pool_new(void)
{
	struct amas__pool *p = amas__zalloc(sizeof *p);

	if (p != NULL)
		amas__list_init(&p->some);
	return p;
}

static void
slab_free(struct slab *s)
{
	amas__list_remove(&s->link);
	(void)munmap(s->memory, PIECES * PAGE);
	free(s);
}

static struct slab *
slab_new(struct amas__pool *p)
{
	struct slab *s = amas__zalloc(sizeof *s);

	if (s == NULL)
		return NULL;
	s->memory = mmap(NULL, PIECES * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->memory == MAP_FAILED) {
		free(s);
		return NULL;
	}
	amas__list_add(&p->some, &s->link);
	p->n_empty++;
	return s;
}

static void
give_back(struct amas__pool *p, void *piece)
{
	struct page *page = AMAS__OF(piece, struct page, next);
	struct slab *s = page->slab;

	page->next = s->free;
	s->free = page;
	if (s->used-- == PIECES) /* the first: it is warm */
		amas__list_add(p->some.next, &s->link);
	p->used--;
	if (s->used == 0) {
		if (p->n_empty >= EMPTY_MAX)
			slab_free(s);
		else
			p->n_empty++;
	}
}

void
amas__pool_free(struct amas__pool *p)
{
	struct amas__link *i, *next;
	struct slab *s;

	if (p == NULL)
		return;
	while (p->n_hot > 0)
		give_back(p, p->hot[--p->n_hot]);
	for (i = p->some.next; i != &p->some; i = next) {
		next = i->next;
		s = AMAS__OF(i, struct slab, link);
		if (s->used == 0)
			slab_free(s);
	}
	p->n_empty = EMPTY_MAX; /* no more are kept */
	p->closed = true;
	if (p->used == 0)
		free(p);
}

static void *
take_out(struct amas__pool *p)
{
	struct slab *s = NULL;
	struct page *page;

	if (!amas__list_empty(&p->some))
		s = AMAS__OF(p->some.next, struct slab, link);
	else if ((s = slab_new(p)) == NULL)
		return NULL;
	if ((page = s->free) != NULL) {
		s->free = page->next;
	} else {
		page = (struct page *)(void *)(s->memory + s->fresh++ * PAGE);
		page->slab = s;
	}
	if (s->used++ == 0)
		p->n_empty--;
	if (s->used == PIECES)
		amas__list_remove(&s->link);
	p->used++;
	return &page->next;
}

void *
amas__pool_take(struct amas__pool *p)
{
	return p->n_hot > 0 ? p->hot[--p->n_hot] : take_out(p);
}

void
amas__pool_give(struct amas__pool *p, void *piece)
{
	if (p->n_hot < HOT_MAX && !p->closed) {
		p->hot[p->n_hot++] = piece;
		return;
	}
	give_back(p, piece);
	if (p->closed && p->used == 0)
		free(p);
}
