/* Formats of pack and unpack; the letters stand in amas.h. */
#ifndef AMAS__PACK_H
#define AMAS__PACK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "amas.h"
#include "value.h"

/* The next letter that is no decoration, '\0' at the end; advances fmt. */
char amas__format_next(const char **fmt);

/* Whether the modifier c stands next in fmt; then skips it. */
bool amas__format_has(const char **fmt, char c);

/*
 * Packs all values of a format, side by side, into area a: "[ii]{s:f}" gives
 * two.  Returns 0, AMAS_EINVAL, AMAS_ETOOBIG or AMAS_ENOMEM.
 */
int amas__vpack_into(struct amas__area *a, struct amas_value **out, size_t *n,
    const char *fmt, va_list ap);

/* As amas_value_vpack(), in an area of a pool. */
struct amas_value *amas__vpack(struct amas__pool *pool, const char *fmt,
    va_list ap);

/*
 * As amas__vpack_into(), for the arguments of a call, "[positional]{keywords}",
 * each of which may be missing, as may fmt: a list and a map, written in place.
 */
int amas__vpack_call(struct amas__area *a, struct amas_value *args,
    struct amas_value *kwargs, const char *fmt, va_list ap);

/*
 * Takes arguments apart by "[positional]{keywords}"; without a part for
 * keywords there may be none.  Returns as amas_value_unpack().
 */
int amas__vunpack_call(const struct amas_value *args,
    const struct amas_value *kwargs, struct amas_error *err, const char *fmt,
    va_list ap);

#endif
