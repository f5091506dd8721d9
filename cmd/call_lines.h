/*
 * Lines in and out of a batch, both driven by the loop: standard input is read
 * when lines are wanted, standard output written when its reader has room.  So
 * that deadlines and connections go on meanwhile, neither is made non-blocking:
 * that would change it for every program that shares it.
 */
#ifndef CALL_LINES_H
#define CALL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "loop.h"

/* ---- In ---- */

enum call_line {
	CALL_LINE,		/* there is one */
	CALL_LINE_LONG,		/* there was one of more than max bytes */
	CALL_LINE_NONE,		/* none yet: ready() will be called */
	CALL_LINE_END		/* no more; error tells why */
};

/* start <= scanned <= end: what lies before scanned holds no newline. */
struct call_input {
	struct amas__io io;
	struct amas__buf buf;
	size_t max;		/* bytes of a line */
	size_t scanned;		/* bytes in buf that were looked at */
	size_t used;		/* bytes of the line that was given */
	uint64_t n;		/* lines gone by */
	bool skipping;		/* inside a line that was too long */
	bool eof;
	int error;		/* AMAS_ENOMEM, or errno of what ended it */
	void (*ready)(struct call_input *in);
};

void call_input_init(struct call_input *in, struct amas_loop *l, size_t max,
    void (*ready)(struct call_input *in));
void call_input_fini(struct call_input *in);	/* stops it */

/*
 * Looks at the next line, without its newline; borrowed until call_input_next()
 * goes on.  Asked twice it is the same line.
 */
enum call_line call_input_peek(struct call_input *in, const char **line,
    size_t *len);
void call_input_next(struct call_input *in);

/* Whether there is something to be read now, its end too; of no more lines. */
bool call_input_waits(const struct call_input *in);

/* ---- Out ---- */

struct call_output {
	struct amas__io io;
	struct amas__buf buf;
	size_t chunk;		/* bytes that may be written without blocking */
	int error;		/* errno of a failed write: all is dropped */
	void (*written)(struct call_output *out);
};

void call_output_init(struct call_output *out, struct amas_loop *l,
    void (*written)(struct call_output *out));
void call_output_fini(struct call_output *out);	/* drops what is in it */

/* Lets what was put into buf be written, from the loop; written() tells. */
void call_output_start(struct call_output *out);

/* Writes now what can be written now. */
void call_output_flush(struct call_output *out);

#endif
