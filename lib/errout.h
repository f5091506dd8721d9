/*
 * What a child says on standard error: line by line to the log, and the last
 * part of it kept for the text of a failure.
 */
#ifndef AMAS__ERROUT_H
#define AMAS__ERROUT_H

#include <stddef.h>

#include "buf.h"
#include "log.h"

#define AMAS__ERROUT_TAIL 8192	/* bytes kept */
#define AMAS__ERROUT_LINES 1000	/* logged of one child */
#define AMAS__ERROUT_LINE 512	/* longer ones are logged in pieces */

struct amas__errout {
	const struct amas__log *log;
	const char *name;	/* whose it is; referenced, safe to print */
	int level;		/* of its lines in the log: AMAS_LOG_INFO, unless
				 * changed */
	struct amas__buf tail;
	size_t total;
	size_t lines;
	char line[AMAS__ERROUT_LINE];
	size_t line_len;
};

void amas__errout_init(struct amas__errout *e, const struct amas__log *log,
    const char *name);
void amas__errout_fini(struct amas__errout *e);

/* Takes bytes.  If memory is short, the log gets them alone. */
void amas__errout_put(struct amas__errout *e, const char *data, size_t len);

/* Logs a last line that has no end. */
void amas__errout_end(struct amas__errout *e);

/*
 * Adds a line end and the last part of all that came, made valid UTF-8, without
 * line ends behind it; nothing if that is empty.  Returns 0 or AMAS_ENOMEM.
 */
int amas__errout_tail(const struct amas__errout *e, struct amas__buf *out);

#endif
