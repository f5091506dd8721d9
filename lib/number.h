/*
 * Numbers as text, the way CPython reads and writes them: integers of any size,
 * and reals as the shortest digits that give the same real again.  Exact in
 * both directions, and never asks the locale.
 */
#ifndef AMAS__NUMBER_H
#define AMAS__NUMBER_H

#include <stddef.h>
#include <stdint.h>

#include "amas.h"

#define AMAS__NUMBER_SIZE 32	/* holds any INT or REAL as text */

struct amas__number {
	enum amas_type type;	/* INT, REAL; BIGINT: fits neither */
	union {
		int64_t i;
		double d;
	} u;
};

/*
 * Reads a number of JSON, -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?, from
 * the beginning of text; a byte that is no part of one must follow.  "-0" is
 * the integer 0.  Linear time.  Returns where it ends; NULL if there is none.
 */
const char *amas__number_read(struct amas__number *n, const char *text);

/*
 * Write a number to out, AMAS__NUMBER_SIZE bytes, without a NUL; return its
 * length.  Reals look like Python's repr: "0.1", "1e+16", "5e-324", "-0.0", but
 * JSON's "NaN", "Infinity" and "-Infinity".
 */
size_t amas__number_put_int(char *out, int64_t i);
size_t amas__number_put_real(char *out, double d);

#endif
