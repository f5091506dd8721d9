/* Checked arithmetic and allocation.  Out of memory is an ordinary result. */
#include "mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/*
 * From here on the system takes memory back with each free(), and gives it page
 * by page when it is touched again, which costs more than what is done with it.
 */
#define HUGE_LEAST ((size_t)32 << 20)
#define PAGE ((uintptr_t)4096)

void *
amas__reallocarray(void *p, size_t n, size_t size)
{
	size_t total;

	if (!amas__mul(&total, n, size))
		return NULL;
	return realloc(p, total != 0 ? total : 1);
}

/* Only a hint: whatever the system says, the memory is as good as before. */
void
amas__mem_filled(void *p, size_t size)
{
#ifdef MADV_HUGEPAGE
	/* all of its pages: with other ones beside them it could not be moved */
	uintptr_t begin = (uintptr_t)p & ~(PAGE - 1);
	uintptr_t end = ((uintptr_t)p + size + PAGE - 1) & ~(PAGE - 1);
	int saved = errno;

	if (size >= HUGE_LEAST)
		(void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
	errno = saved;
#else
	(void)p;
	(void)size;
#endif
}

void *
amas__zalloc(size_t size)
{
	return calloc(1, size);
}

char *
amas__strdup(const char *s)
{
	return s != NULL ? amas__strndup(s, strlen(s)) : NULL;
}

char *
amas__strndup(const char *s, size_t len)
{
	size_t size;
	char *p;

	if (s == NULL || !amas__add(&size, len, 1) ||
	    (p = malloc(size)) == NULL)
		return NULL;
	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *
amas__vasprintf(const char *fmt, va_list ap)
{
	va_list again;
	char *p = NULL;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0 || (p = malloc((size_t)len + 1)) == NULL)
		return NULL;
	(void)vsnprintf(p, (size_t)len + 1, fmt, ap);
	return p;
}

char *
amas__asprintf(const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = amas__vasprintf(fmt, ap);
	va_end(ap);
	return p;
}
