/* Whole texts: a fast check; the last line. */
#ifndef AMAS__TEXT_H
#define AMAS__TEXT_H

#include <stddef.h>

/*
 * Tells where valid UTF-8 ends, as amas__utf8_valid() does, but looks at eight
 * bytes at a time where they are ASCII: checking text is most of what decoding
 * MsgPack costs.
 */
size_t amas__text_valid(const char *p, size_t len);

/*
 * Makes *text and *len its last line, without a newline; those at the end do not
 * count.  Of a traceback, or of what a program complains, that says the most.
 */
void amas__last_line(const char **text, size_t *len);

#endif
