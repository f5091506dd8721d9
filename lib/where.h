/*
 * Where in a value a walk over it stands, for error texts: " (at [1].key)".
 * Walks over values are loops with a stack of steps, never recursions.
 */
#ifndef AMAS__WHERE_H
#define AMAS__WHERE_H

#include <stddef.h>

#include "value.h"

#define AMAS__WHERE_SIZE 96

/* A list, map or typed value on the way, and how many of its items were begun;
 * a map's keys and values count each. */
struct amas__step {
	const struct amas_value *v;
	size_t i;
};

/*
 * Prints the place of the item begun last, outermost step first, cut to fit;
 * nothing for n == 0.  Keys are escaped.  Returns out.
 */
const char *amas__where(char out[AMAS__WHERE_SIZE],
    const struct amas__step *step, size_t n);

#endif
