/* Numbers that look like chance, and are the same in each run. */
#ifndef STRESS_MIX_H
#define STRESS_MIX_H

#include <stdint.h>

static inline uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 31) * UINT64_C(0x7fb5d329728ea185);
	x = (x ^ x >> 27) * UINT64_C(0x81dadef4bc2dd44d);
	return x ^ x >> 33;
}

#endif
