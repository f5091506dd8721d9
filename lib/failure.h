/* The content of failures as a list, which mosaik needs. */
#ifndef AMAS__FAILURE_H
#define AMAS__FAILURE_H

#include "amas.h"
#include "value.h"

#define AMAS__FAILURE_LINES 1000	/* of a text, in its list; the last */

/*
 * Makes of a failure's text the list [kind, message, line...]: kind and message
 * from its last line, "ValueError: not a number", where kind is "Failure" if
 * that line names none; then all lines, if they are more than one.  A list of
 * two texts or more stays what it is; of any other value the JSON is the message,
 * since all that is there must be text.  Borrows from v.  Returns 0 or
 * AMAS_ENOMEM.
 */
int amas__failure_list(struct amas_value *out, struct amas__area *a,
    const struct amas_value *v);

/*
 * The other way, for what a peer sends: the text of a failure whose content is
 * text, or such a list; all lines, the last of them "KIND: MESSAGE".  Borrowed from
 * v or a.  NULL: it is anything else, or memory is short.
 */
const char *amas__failure_text(struct amas__area *a,
    const struct amas_value *v);

#endif
