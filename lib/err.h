/*
 * Setters for struct amas_error; each returns the code it set, so that setting
 * and returning are one statement.  The first cause wins: whoever has an error
 * from below passes it up untouched.
 */
#ifndef AMAS__ERR_H
#define AMAS__ERR_H

#include "amas.h"

/* Sets *err to AMAS_ENOMEM.  err may be NULL here and below. */
int amas__error_nomem(struct amas_error *err);

/*
 * Sets *err to code and the text of errno value sys, after "what: " unless what
 * is NULL.
 */
int amas__error_sys(struct amas_error *err, int code, int sys,
    const char *what);

/* Copies a cause and returns its code. */
int amas__error_copy(struct amas_error *err, const struct amas_error *from);

#endif
