/*
 * The message: the triple [type, id, content] of aiomas, amas-wire(5).
 */
#ifndef AMAS__MSG_H
#define AMAS__MSG_H

#include "amas.h"
#include "codec.h"
#include "value.h"

enum amas__msg_type {
	AMAS__REQUEST = 0,
	AMAS__REPLY = 1,
	AMAS__FAILURE = 2
};

struct amas__msg {
	enum amas__msg_type type;
	const struct amas_value *id;	/* INT or BIGINT, echoed unchanged */
	const struct amas_value *content;
};

/*
 * Takes a decoded value apart.  Returns 0 or AMAS_EPROTO, err says what:
 * "message is no list of three", "message type 3", "message id is text".
 */
int amas__msg_parse(struct amas__msg *m, const struct amas_value *v,
    struct amas_error *err);

/*
 * Writes one framed message with its codec (frame.h), to the end of out->buf.
 * On failure nothing is written: AMAS_ETYPE (the codec or target cannot have
 * it), AMAS_ETOOBIG ("N bytes, limit M"; far beyond it "far more bytes than the
 * limit of M"), AMAS_EINVAL (a codec of the program's wrote nothing) or
 * AMAS_ENOMEM.  The maximum of out->buf holds too.
 * id NULL: number is the id.
 */
int amas__msg_write(struct amas_out *out, const struct amas_codec *codec,
    enum amas__msg_type type, const struct amas_value *id, int64_t number,
    const struct amas_value *content, size_t max, struct amas_error *err);

/*
 * The content of a request on the RPC layer, [path, args, kwargs].  Returns 0
 * or AMAS_EPROTO, whose text is what the peer gets as a failure.
 */
struct amas__call {
	const char *path;	/* NUL behind it; may hold NULs: see len */
	size_t path_len;
	const struct amas_value *args;	/* LIST */
	const struct amas_value *kwargs;	/* MAP with text keys */
};
int amas__call_parse(struct amas__call *c, const struct amas_value *content,
    struct amas_error *err);

#endif
