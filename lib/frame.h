/*
 * The two framings: a length before each payload (sockets), or one line for
 * each (pipes).  The reader takes bytes as they come and gives whole payloads;
 * it knows no socket and no codec.
 */
#ifndef AMAS__FRAME_H
#define AMAS__FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"
#include "buf.h"

#define AMAS__FRAME_MAX ((size_t)64 << 20)	/* default limit of a payload */
#define AMAS__FRAME_HEADER 4

struct amas__frame_reader {
	bool lines;
	unsigned char head[AMAS__FRAME_HEADER];
	unsigned head_len;	/* bytes of the header that came */
	int failed;		/* code of the error that it gives for ever */
	size_t max;		/* largest payload */
	size_t want;		/* length of the payload under way; 0: none */
	struct amas__buf body;	/* what came of it */
};

void amas__frame_reader_init(struct amas__frame_reader *r, bool lines,
    size_t max);
void amas__frame_reader_fini(struct amas__frame_reader *r);

/*
 * One payload.  data may be changed by who gets it and has one spare byte
 * behind its end that may be written too (frames: only where owned is set;
 * else it holds the next header and must be kept).
 *
 * owned  malloc'ed memory, now yours to free; NULL: data lies in the bytes that
 *        were fed and lasts as long as they.
 */
struct amas__frame {
	char *data;
	size_t len;
	char *owned;
};

/*
 * Takes bytes, *len of them, and gives the next whole payload.  Advances *data
 * and *len by what it took.  Returns 1 (*out is one), 0 (all bytes are taken,
 * none is whole), AMAS_EPROTO ("empty message"; what looks like HTTP or TLS is
 * named), AMAS_ETOOBIG ("message of N bytes, limit M"; at the header, before
 * anything is allocated) or AMAS_ENOMEM.  After an error the reader gives the
 * same error for ever.  Lines: an empty line is skipped, CR LF ends a line too,
 * and a line over the limit is AMAS_ETOOBIG ("line of more than M bytes").
 * What is unfinished is kept by copy; it grows with what came, never with what
 * was promised.
 */
int amas__frame_next(struct amas__frame_reader *r, char **data, size_t *len,
    struct amas__frame *out, struct amas_error *err);

/*
 * The place for the next bytes of a large unfinished payload, to read into
 * directly: NULL if there is none (less than 16 KiB is missing).  Then _fill()
 * tells how many came; as next(), it returns 1 with a payload, 0 or an error.
 */
void *amas__frame_space(struct amas__frame_reader *r, size_t *len);
int amas__frame_fill(struct amas__frame_reader *r, size_t len,
    struct amas__frame *out, struct amas_error *err);

/*
 * End of input.  Returns 0 between payloads; else AMAS_EPROTO: "closed inside a
 * header", "closed inside a message (N of M bytes)".  Lines: a last line
 * without newline is a payload: returns 1.
 */
int amas__frame_eof(struct amas__frame_reader *r, struct amas__frame *out,
    struct amas_error *err);

/* Bytes that wait in it for the rest of their payload. */
size_t amas__frame_pending(const struct amas__frame_reader *r);

/*
 * Write a payload by its encoder: begin leaves room in b for what comes before
 * it, end fills that in.  *mark is between them yours to keep; what stands
 * before it must stay.  begin returns as amas__buf_put() does.  end returns 0,
 * or takes back what was written and returns AMAS_ETOOBIG ("message of N bytes,
 * limit M"), AMAS_EINVAL ("empty message") or, where the newline finds no room,
 * AMAS_ENOMEM.  cancel takes it back too.
 */
int amas__frame_begin(struct amas__buf *b, bool lines, size_t *mark);
int amas__frame_end(struct amas__buf *b, bool lines, size_t mark, size_t max,
    struct amas_error *err);
void amas__frame_cancel(struct amas__buf *b, size_t mark);

#endif
