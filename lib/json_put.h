/*
 * What the writer of JSON puts: bytes, punctuation and text, straight into the
 * buffer.  The first failure sticks, and nothing is put after it.
 */
#ifndef AMAS__JSON_PUT_H
#define AMAS__JSON_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "amas.h"
#include "codec.h"
#include "number.h"

struct amas__json_out {
	struct amas_out *out;
	struct amas_error *err;
	char *p, *end;		/* room left in the buffer */
	int rc;			/* first failure */
	unsigned indent;	/* blanks a level; 0: all on one line */
	bool ascii;
	size_t levels;		/* lists and maps around the next byte */
};

/* Begins to write to out, whose buffer learns of it by room_give(). */
void amas__json_put_init(struct amas__json_out *o, struct amas_out *out,
    unsigned indent, bool ascii, struct amas_error *err);

/* Tell the buffer what was put; take what room it has (again). */
void amas__json_room_give(struct amas__json_out *o);
void amas__json_room_take(struct amas__json_out *o);

/* Makes room for len bytes more; false after any failure. */
bool amas__json_room_more(struct amas__json_out *o, size_t len);

/* Ends the writing with rc, for which err is set, if nothing did before. */
void amas__json_fail(struct amas__json_out *o, int rc);

/* Brackets and what stands between elements, with new lines if indented. */
void amas__json_put_open(struct amas__json_out *o, char bracket);
void amas__json_put_close(struct amas__json_out *o, char bracket);
void amas__json_put_comma(struct amas__json_out *o);

/* Puts text in quotes, escaped; false if it is no UTF-8, err not set. */
bool amas__json_put_text(struct amas__json_out *o, const char *s, size_t len);

static inline void
amas__json_put(struct amas__json_out *o, const char *data, size_t len)
{
	if ((size_t)(o->end - o->p) < len && !amas__json_room_more(o, len))
		return;
	memcpy(o->p, data, len);
	o->p += len;
}

/* Puts len bytes of a number's; copying all is quicker where there is room. */
static inline void
amas__json_put_number(struct amas__json_out *o,
    const char data[AMAS__NUMBER_SIZE], size_t len)
{
	if (o->end - o->p < AMAS__NUMBER_SIZE) {
		amas__json_put(o, data, len);
		return;
	}
	memcpy(o->p, data, AMAS__NUMBER_SIZE);
	o->p += len;
}

#endif
