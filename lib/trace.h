/*
 * Recording messages: one line for each, the form that amas-dump reads,
 * amas-wire(5).
 */
#ifndef AMAS__TRACE_H
#define AMAS__TRACE_H

#include "amas.h"
#include "codec.h"
#include "msg.h"

#define AMAS__TRACE_STALL_S 10.0	/* a pipe that takes nothing */
#define AMAS__TRACE_QUEUE ((size_t)8 << 20)	/* bytes for such a one */

struct amas__trace;

/*
 * Opens a file, which it empties.  self stands for an end without an address;
 * both are copied.  A pipe must have a reader.  Returns 0, AMAS_ESYS or
 * AMAS_ENOMEM.
 */
int amas__trace_open(struct amas__trace **out, struct amas_loop *l,
    const char *path, const char *self, struct amas_error *err);

/*
 * Tells the time of a clock, "t"; wall: and, as "wall", how long it has run.
 * Without this "t" is that.
 */
void amas__trace_set_clock(struct amas__trace *t, const struct amas_clock *c);
void amas__trace_set_wall(struct amas__trace *t);

/* Writes what is left, to a pipe for at most a second; NULL is allowed. */
void amas__trace_free(struct amas__trace *t);

/*
 * Records a message.  from, to: addresses, NULL: self.  how tells the encoder
 * about types and proxies.  It never blocks and never fails: if the file cannot
 * be written, the log says so once, and that was the end of the trace.
 */
void amas__trace_put(struct amas__trace *t, const char *from, const char *to,
    const struct amas_out *how, const struct amas__msg *m);

#endif
