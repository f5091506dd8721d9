/* TAP output and failing allocations for unit programs; see tap.h. */
#include "tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <malloc.h>

static int tests, failures;
static unsigned long fail_at, allocs;
static size_t heap, heap_peak;	/* since tap_heap_start() */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static bool
fails(void)
{
	return ++allocs == fail_at;
}

static void *
got(void *p)
{
	heap += malloc_usable_size(p);
	if (heap > heap_peak)
		heap_peak = heap;
	return p;
}

/* What was there before the start, or came from inside libc, is less. */
static void
gone(size_t size)
{
	heap -= size < heap ? size : heap;
}

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : got(__real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : got(__real_calloc(n, size));
}

void *
__wrap_realloc(void *p, size_t size)
{
	size_t before = malloc_usable_size(p);
	void *q = fails() ? NULL : got(__real_realloc(p, size));

	/* old and new may have been there at once */
	if (q != NULL)
		gone(before);
	return q;
}

void
__wrap_free(void *p)
{
	gone(malloc_usable_size(p));
	__real_free(p);
}

void
tap_heap_start(void)
{
	heap = heap_peak = 0;
}

size_t
tap_heap_peak(void)
{
	return heap_peak;
}

void
tap_fail_alloc(unsigned long n)
{
	allocs = 0;
	fail_at = n;
}

unsigned long
tap_allocs(void)
{
	return allocs;
}

static bool report(bool ok, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static bool
report(bool ok, const char *fmt, va_list ap)
{
	printf("%sok %d - ", ok ? "" : "not ", ++tests);
	vprintf(fmt, ap);
	putchar('\n');
	if (!ok)
		failures++;
	return ok;
}

bool
tap_ok_at(const char *file, int line, bool ok, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(ok, fmt, ap);
	va_end(ap);
	if (!ok)
		tap_diag("%s:%d", file, line);
	return ok;
}

bool
tap_int_at(const char *file, int line, long long got, long long want,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(got == want, fmt, ap);
	va_end(ap);
	if (got != want)
		tap_diag("%s:%d: got %lld, want %lld", file, line, got, want);
	return got == want;
}

bool
tap_str_at(const char *file, int line, const char *got, const char *want,
    const char *fmt, ...)
{
	bool ok = got != NULL && want != NULL ? strcmp(got, want) == 0 :
	    got == want;
	va_list ap;

	va_start(ap, fmt);
	report(ok, fmt, ap);
	va_end(ap);
	if (!ok)
		tap_diag("%s:%d: got \"%s\", want \"%s\"", file, line,
		    got != NULL ? got : "(null)",
		    want != NULL ? want : "(null)");
	return ok;
}

static void
diag_hex(const char *what, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t i;

	printf("# %s", what);
	for (i = 0; i < len && i < 64; i++)
		printf(" %02x", p[i]);
	printf("%s (%zu bytes)\n", len > 64 ? " ..." : "", len);
}

bool
tap_mem_at(const char *file, int line, const void *got, size_t got_len,
    const void *want, size_t want_len, const char *fmt, ...)
{
	bool ok = got_len == want_len &&
	    (got_len == 0 || memcmp(got, want, got_len) == 0);
	va_list ap;

	va_start(ap, fmt);
	report(ok, fmt, ap);
	va_end(ap);
	if (!ok) {
		tap_diag("%s:%d", file, line);
		diag_hex("got ", got, got_len);
		diag_hex("want", want, want_len);
	}
	return ok;
}

void
tap_diag(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

int
tap_done(void)
{
	printf("1..%d\n", tests);
	return failures != 0;
}
