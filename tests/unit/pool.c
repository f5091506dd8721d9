/* Pools: pieces are apart, come again, and go back to the system. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "pool.h"
#include "tap.h"

#define MANY 1000
#define KEPT_MAX 288		/* pieces of the slabs that a pool may keep */

/* Whether the memory is still ours. */
static bool
is_there(const void *p)
{
	unsigned char there;
	void *page = (void *)((uintptr_t)p & ~(uintptr_t)4095);

	return mincore(page, 1, &there) == 0;
}

static int
count_there(void *const piece[MANY])
{
	int i, n = 0;

	for (i = 0; i < MANY; i++)
		n += is_there(piece[i]);
	return n;
}

static void
test_pieces(void)
{
	struct amas__pool *p = amas__pool_new();
	static void *piece[MANY];
	void *last;
	int i, k, good = 0;

	for (i = 0; i < MANY; i++) {
		if ((piece[i] = amas__pool_take(p)) == NULL)
			break;
		memset(piece[i], i % 251, AMAS__POOL_PIECE);
	}
	tap_int(i, MANY, "a thousand pieces");
	for (i = 0; i < MANY; i++) {
		for (k = 0; k < (int)AMAS__POOL_PIECE; k++)
			if (((unsigned char *)piece[i])[k] != i % 251)
				break;
		good += k == (int)AMAS__POOL_PIECE &&
		    (uintptr_t)piece[i] % 8 == 0;
	}
	tap_int(good, MANY, "none lies in another");

	last = piece[MANY - 1];
	amas__pool_give(p, last);
	tap_ok(amas__pool_take(p) == last, "given back last, taken first");

	for (i = 0; i < MANY; i += 2)
		amas__pool_give(p, piece[i]);
	for (i = 1; i < MANY; i += 2)
		amas__pool_give(p, piece[i]);
	tap_ok(count_there(piece) <= KEPT_MAX, "a burst goes back");
	tap_ok(count_there(piece) > 0, "a few are kept");
	for (i = 0; i < MANY; i++)
		if ((piece[i] = amas__pool_take(p)) == NULL)
			break;
	tap_int(i, MANY, "a thousand again");
	amas__pool_give(p, piece[0]);

	amas__pool_free(p);
	tap_ok(is_there(piece[1]), "a pool that was given up has its pieces");
	for (i = 1; i < MANY; i++)
		amas__pool_give(p, piece[i]);
	tap_int(count_there(piece), 0, "until all are given back");
}

int
main(void)
{
	struct amas__pool *p = amas__pool_new();

	test_pieces();
	amas__pool_free(p);
	amas__pool_free(NULL);
	return tap_done();
}
