/*
 * The log: a level and a sink.  The library prints nothing itself; without a
 * sink it is silent.  One line per event, without newline.  Long bytes from a
 * peer go through amas__log_text() first, so that they leave room for the rest.
 */
#ifndef AMAS__LOG_H
#define AMAS__LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"

struct amas__log {
	int level;		/* enum amas_log; what is above is dropped */
	amas_log_fn *fn;	/* NULL: silent */
	void *arg;
};

/* Tells whether a line of that level would be seen. */
bool amas__log_on(const struct amas__log *log, int level);

/* Writes one line, cut to 1023 bytes.  log may be NULL. */
void amas__log(const struct amas__log *log, int level, const char *fmt, ...)
    AMAS_PRINTF(3, 4);

/*
 * Escapes text into out, cut to fit its size (at least 1), never inside a
 * character or escape; returns out.  For "%s" in log lines.
 */
const char *amas__log_text(char *out, size_t size, const char *text,
    size_t len);

#endif
