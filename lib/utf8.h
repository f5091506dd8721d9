/* UTF-8: strict decoding, encoding, and what may reach a terminal. */
#ifndef AMAS__UTF8_H
#define AMAS__UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes one character of at most len bytes.  Returns the bytes it takes, or 0
 * for what is no UTF-8: overlong, surrogate, beyond U+10FFFF, cut.
 */
size_t amas__utf8_decode(const char *p, size_t len, uint32_t *out);

/* Tells where valid UTF-8 ends; len if all of it is. */
size_t amas__utf8_valid(const char *p, size_t len);

/*
 * Writes a character, a lone surrogate too (as its three bytes, the form in
 * which values keep one), to p, which holds 4 bytes.  Returns the bytes written.
 */
size_t amas__utf8_encode(char *p, uint32_t c);

/*
 * Decodes like amas__utf8_decode(), but takes encoded lone surrogates too: the
 * form of text inside values.
 */
size_t amas__wtf8_decode(const char *p, size_t len, uint32_t *out);

/*
 * Tells how much of text that was cut to len bytes to keep, so that it does not
 * end inside a character: len, or up to 3 less.
 */
size_t amas__utf8_trim(const char *p, size_t len);

/* Tells whether a terminal would act on it: C0, DEL, C1, bidi controls. */
bool amas__unsafe_char(uint32_t c);

#define AMAS__ESCAPE_MAX 8

/*
 * Makes the first character of text from a stranger harmless: writes it to out
 * as it is or as \n, \t, \xNN (a byte), \uNNNN (a character, a lone surrogate
 * too).  Returns the bytes written, *used how many of len, at least 1, it took.
 * What is escaped comes through unchanged the next time.
 */
size_t amas__escape(char out[AMAS__ESCAPE_MAX], const char *p, size_t len,
    size_t *used);

#endif
