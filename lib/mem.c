/* Checked arithmetic and allocation.  Out of memory is an ordinary result. */
#include "mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
amas__add(size_t *out, size_t a, size_t b)
{
	if (b > SIZE_MAX - a)
		return false;
	*out = a + b;
	return true;
}

bool
amas__mul(size_t *out, size_t a, size_t b)
{
	if (b != 0 && a > SIZE_MAX / b)
		return false;
	*out = a * b;
	return true;
}

void *
amas__reallocarray(void *p, size_t n, size_t size)
{
	size_t total;

	if (!amas__mul(&total, n, size))
		return NULL;
	return realloc(p, total != 0 ? total : 1);
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
amas__asprintf(const char *fmt, ...)
{
	va_list ap;
	char *p = NULL;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0 || (p = malloc((size_t)len + 1)) == NULL)
		return NULL;
	va_start(ap, fmt);
	(void)vsnprintf(p, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return p;
}
