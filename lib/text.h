/* Fast checks of whole texts. */
#ifndef AMAS__TEXT_H
#define AMAS__TEXT_H

#include <stddef.h>

/*
 * Tells where valid UTF-8 ends, as amas__utf8_valid() does, but looks at eight
 * bytes at a time where they are ASCII: checking text is most of what decoding
 * MsgPack costs.
 */
size_t amas__text_valid(const char *p, size_t len);

#endif
