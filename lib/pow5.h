/*
 * Powers of five as normalised fractions, for the exact conversion of numbers
 * between decimal and binary: 10^n is 5^n moved by n binary places.
 */
#ifndef AMAS__POW5_H
#define AMAS__POW5_H

#include <stdint.h>

/* The powers that amas__pow5() has. */
#define AMAS__POW5_MIN (-308)
#define AMAS__POW5_MAX 335

/* From 5^0 to this one the 128 bits hold all of the power. */
#define AMAS__POW5_EXACT_MAX 55

/*
 * Gives the highest 128 bits of 5^n, cut and not rounded, with the highest bit
 * set: 5^n = (hi * 2^64 + lo) * 2^x, or less than one in lo above that.
 */
void amas__pow5(int n, uint64_t *hi, uint64_t *lo);

/* floor(log2(10^n)), for |n| up to 1,233. */
static inline int
amas__log2_pow10(int n)
{
	return n * 1741647 >> 19;
}

/* a * b: returns the upper half, *lo gets the lower one. */
static inline uint64_t
amas__mul64(uint64_t a, uint64_t b, uint64_t *lo)
{
#if defined __SIZEOF_INT128__ && !defined AMAS_PORTABLE
	__extension__ unsigned __int128 p =
	    (__extension__ (unsigned __int128)a) * b;

	*lo = (uint64_t)p;
	return (uint64_t)(p >> 64);
#else
	uint64_t ah = a >> 32, al = (uint32_t)a, bh = b >> 32, bl = (uint32_t)b;
	uint64_t low = al * bl, mid = ah * bl + (low >> 32);
	uint64_t cross = al * bh + (uint32_t)mid;

	*lo = cross << 32 | (uint32_t)low;
	return ah * bh + (mid >> 32) + (cross >> 32);
#endif
}

#endif
