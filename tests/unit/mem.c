/* Checked arithmetic, and allocations that fail. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "tap.h"

#define LARGE ((size_t)40 << 20)

static void
test_arithmetic(void)
{
	size_t n = 5;

	tap_ok(amas__add(&n, SIZE_MAX - 1, 1) && n == SIZE_MAX,
	    "add up to SIZE_MAX");
	n = 5;
	tap_ok(!amas__add(&n, SIZE_MAX, 1) && n == 5, "add beyond it");
	tap_ok(amas__add(&n, 0, SIZE_MAX) && n == SIZE_MAX, "add to 0");
	tap_ok(amas__mul(&n, SIZE_MAX / 2, 2) && n == SIZE_MAX - 1,
	    "multiply up to SIZE_MAX");
	n = 5;
	tap_ok(!amas__mul(&n, SIZE_MAX / 2 + 1, 2) && n == 5,
	    "multiply beyond it");
	tap_ok(amas__mul(&n, 0, SIZE_MAX) && n == 0, "multiply by 0");
	tap_ok(amas__mul(&n, SIZE_MAX, 0) && n == 0, "multiply 0");
}

static void
test_alloc(void)
{
	char *p, *q;

	tap_ok(amas__reallocarray(NULL, SIZE_MAX, 2) == NULL,
	    "an array that overflows");
	p = amas__reallocarray(NULL, 0, 8);
	tap_ok(p != NULL, "an array of none is no failure");
	q = amas__reallocarray(p, 3, 4);
	tap_ok(q != NULL, "it grows");
	tap_fail_alloc(1);
	tap_ok(amas__reallocarray(q, 1000, 4) == NULL, "or fails");
	tap_fail_alloc(0);
	free(q);
	p = amas__zalloc(64);
	tap_ok(p != NULL && p[0] == 0 && memcmp(p, p + 1, 63) == 0, "zalloc");
	free(p);
	p = amas__strdup("abc");
	tap_str(p, "abc", "strdup");
	free(p);
	tap_ok(amas__strdup(NULL) == NULL, "strdup of NULL");
	p = amas__strndup("a\0b", 3);
	tap_mem(p, 4, "a\0b", 4, "strndup takes NULs and adds one");
	free(p);
	p = amas__strndup("abc", 0);
	tap_str(p, "", "strndup of nothing");
	free(p);
	tap_ok(amas__strndup("x", SIZE_MAX) == NULL, "strndup of SIZE_MAX");
	p = malloc(LARGE);
	memset(p, 'x', LARGE);
	errno = EINTR;
	amas__mem_filled(p + 1, LARGE - 1);
	amas__mem_filled(p, 0);
	tap_ok(p[0] == 'x' && memcmp(p, p + 1, LARGE - 1) == 0 &&
	    errno == EINTR, "large memory is as it was, errno too");
	free(p);
	p = amas__asprintf("%s-%d", "x", 42);
	tap_str(p, "x-42", "asprintf");
	free(p);
	tap_fail_alloc(1);
	tap_ok(amas__strdup("x") == NULL, "strdup without memory");
	tap_fail_alloc(1);
	tap_ok(amas__zalloc(1) == NULL, "zalloc without memory");
	tap_fail_alloc(1);
	tap_ok(amas__asprintf("%d", 1) == NULL, "asprintf without memory");
	tap_fail_alloc(0);
}

int
main(void)
{
	test_arithmetic();
	test_alloc();
	return tap_done();
}
