/* Size arithmetic that cannot wrap, and allocation on top of it. */
#ifndef AMAS__MEM_H
#define AMAS__MEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Store a + b or a * b and return true; false, *out untouched, on overflow. */
static inline bool
amas__add(size_t *out, size_t a, size_t b)
{
	if (b > SIZE_MAX - a)
		return false;
	*out = a + b;
	return true;
}

static inline bool
amas__mul(size_t *out, size_t a, size_t b)
{
	if (b != 0 && a > SIZE_MAX / b)
		return false;
	*out = a * b;
	return true;
}

/* realloc of n elements of size bytes; NULL on overflow too. */
void *amas__reallocarray(void *p, size_t n, size_t size);

/*
 * Says of memory of any size that all of it will be filled soon: what is large
 * then comes in large pages.
 */
void amas__mem_filled(void *p, size_t size);

/* Zeroed memory for one object. */
void *amas__zalloc(size_t size);

/*
 * Copies of text; NULL if memory is short, and for NULL.  strndup copies len
 * bytes, NULs too, and puts a NUL behind them.
 */
char *amas__strdup(const char *s);
char *amas__strndup(const char *s, size_t len);

/* printf into fresh memory; NULL if memory is short. */
char *amas__asprintf(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
char *amas__vasprintf(const char *fmt, va_list ap)
    __attribute__((format(printf, 1, 0)));

#endif
