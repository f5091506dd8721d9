/*
 * The bridge between amas values and jansson's, for plugins and programs that
 * have JSON at hand.  Needs jansson's own header; nothing else of amas does.
 */
#ifndef AMAS_JANSSON_H
#define AMAS_JANSSON_H

#include <jansson.h>

#include "amas.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Makes a new reference to JSON of the same content.  What JSON lacks gets the
 * names of message lines, amas-wire(5): {"__type__": ["bytes", BASE64]}; so do
 * maps with keys that jansson cannot have, such as integers.
 *
 * v  borrowed; NULL is null.
 *
 * Returns NULL, and *err says why: AMAS_ETYPE (what jansson has not: NaN,
 * infinity, an integer over 64 bits, a lone surrogate; a proxy of an own
 * object), AMAS_ETOOBIG (nested deeper than 1,000 levels, since jansson frees
 * by recursion), AMAS_EINVAL (an addition to v failed) or AMAS_ENOMEM.
 */
AMAS_API AMAS_MUST_CHECK json_t *amas_value_to_json(const struct amas_value *v,
    struct amas_error *err);

/*
 * Makes a value of the same content, for amas_value_free().  The names of
 * message lines are understood; every other name is that of a typed value.
 *
 * json  stays the caller's, and is not referenced by the value.
 *
 * Returns 0, AMAS_EINVAL (json is NULL), AMAS_ETYPE (a "__type__" that stands
 * for nothing), AMAS_ETOOBIG (nested deeper than 1,000 levels) or AMAS_ENOMEM.
 */
AMAS_API AMAS_MUST_CHECK int amas_value_from_json(struct amas_value **out,
    const json_t *json, struct amas_error *err);

#ifdef __cplusplus
}
#endif

#endif
