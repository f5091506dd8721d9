/*
 * TAP for unit programs: tap_ok(condition, "what holds") a line a test, and
 * tap_done() as the result of main.  Assertions print both values.
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stddef.h>

#define TAP_AT __FILE__, __LINE__

/* ASan pads each piece of memory, and the library gives it more to look at. */
#if defined(__SANITIZE_ADDRESS__)
#define TAP_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TAP_ASAN 1
#endif
#endif
#ifndef TAP_ASAN
#define TAP_ASAN 0
#endif

/* Each prints one test line and returns whether it held. */
bool tap_ok_at(const char *file, int line, bool ok, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
bool tap_int_at(const char *file, int line, long long got, long long want,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
bool tap_str_at(const char *file, int line, const char *got, const char *want,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
bool tap_mem_at(const char *file, int line, const void *got, size_t got_len,
    const void *want, size_t want_len, const char *fmt, ...)
    __attribute__((format(printf, 7, 8)));

#define tap_ok(...) tap_ok_at(TAP_AT, __VA_ARGS__)
#define tap_int(...) tap_int_at(TAP_AT, __VA_ARGS__)
#define tap_str(...) tap_str_at(TAP_AT, __VA_ARGS__)
#define tap_mem(...) tap_mem_at(TAP_AT, __VA_ARGS__)

/* Prints a diagnostic line. */
void tap_diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Prints the plan; returns the exit status. */
int tap_done(void);

/*
 * Lets the n-th allocation from now (1: the next) fail once; 0: none.  The
 * count of allocations since, to know when n was beyond the last.
 */
void tap_fail_alloc(unsigned long n);
unsigned long tap_allocs(void);

/*
 * The most bytes of heap held at once since the start, of what our objects ask
 * for: blocks as large as malloc made them, two during a realloc.
 */
void tap_heap_start(void);
size_t tap_heap_peak(void);

#endif
