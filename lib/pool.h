/*
 * Pieces of memory of one size, which are used and given back all the time.  They
 * lie in slabs beside the heap, so that none that is kept holds up what lies before
 * it there: after a burst nearly all goes back to the system.
 */
#ifndef AMAS__POOL_H
#define AMAS__POOL_H

#include <stddef.h>

#define AMAS__POOL_PIECE ((size_t)4088)	/* bytes of a piece, 8-byte aligned */

struct amas__pool;

/* NULL if memory is short. */
struct amas__pool *amas__pool_new(void);

/* Gives up the pool, which goes when the last piece is given back. */
void amas__pool_free(struct amas__pool *p);

/* A piece, uncleared; NULL if memory is short. */
void *amas__pool_take(struct amas__pool *p);
void amas__pool_give(struct amas__pool *p, void *piece);

#endif
