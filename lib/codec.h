/*
 * Codecs: value <-> bytes, and the names of typed values.
 *
 * A codec of the library has more to offer than the public table: it decodes in
 * place, within limits, and can tell the kind of a message without decoding it.
 * One that a program fills in is called through its public functions only.
 */
#ifndef AMAS__CODEC_H
#define AMAS__CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"
#include "buf.h"
#include "value.h"
#include "where.h"

/*
 * The names of the typed values of a connection in the order of their ids.  If
 * proxies can be sent, they have the id after the last.
 */
struct amas__types {
	char **names;
	size_t n;
	bool proxies;		/* id n is a proxy */
	bool any;		/* any other name passes too: on lines, and by
				 * its name between a host and its children */
};

/*
 * Reads "point,matrix" (NULL: none).  Names are [A-Za-z_][A-Za-z0-9_.-]*, not
 * the words of message lines (proxy, bytes, map), no name twice.  Returns 0,
 * AMAS_EINVAL or AMAS_ENOMEM.
 */
int amas__types_init(struct amas__types *t, const char *names, bool proxies,
    struct amas_error *err);
void amas__types_fini(struct amas__types *t);

/* Whether the name of a type may be so. */
bool amas__types_is_name(const char *name, size_t len);

/* Whether it is a word of message lines: proxy, bytes, map. */
bool amas__types_is_word(const char *name, size_t len);

/* The id of a name, -1 if there is none. */
int amas__types_id(const struct amas__types *t, const char *name, size_t len);

/*
 * Makes the names of a connection from the user's: "date" comes first between
 * containers, as if the user had begun with it, who may.  extra as in
 * amas__types_init().  For free(3); NULL: out of memory.
 */
char *amas__types_join(bool container, const char *extra);

/*
 * For encoders: looks whether a typed value is one.  A date has to be a text
 * that is a date; of other types nothing is known.  step, n: where it stands,
 * as for amas__where().  Returns 0 or AMAS_ETYPE.
 */
int amas__types_check(const struct amas_value *v,
    const struct amas__step *step, size_t n, struct amas_error *err);

/*
 * The most that decoding and lifting hold for a frame of len bytes, which is
 * among them, and all that stays after it: amas-wire(5), "Limits".  No code
 * asks; it follows from how values, stacks and areas grow.  Of a Blosc buffer
 * len is what it holds when it is unpacked, and the frame comes to it.
 */
#define AMAS__DECODED_MAX(len) (64 * (len) + 16384)

/* What a decoder may build. */
struct amas__limits {
	size_t max_values;	/* 0: AMAS__VALUES_MAX */
	size_t max_bytes;	/* of what is packed, when it is unpacked; 0:
				 * AMAS__BYTES_MAX */
};

#define AMAS__BYTES_MAX ((size_t)64 << 20)

/*
 * Where encoders write.  Typed values and proxies are written by the encoder
 * itself with the ids of types, or with their names on message lines.
 */
struct amas_out {
	struct amas__buf *buf;	/* its max is the limit */
	const struct amas__types *types;	/* NULL: none can be sent */
	bool lines;		/* JSON of message lines: names, bytes, map */
	/*
	 * Finds the path that stands for an object of ours on this connection;
	 * writes it to path.  Returns 0 or AMAS_ETYPE (may not be sent).
	 * NULL: none may.
	 */
	int (*path)(void *arg, struct amas__held *own, struct amas__buf *path,
	    struct amas_error *err);
	/*
	 * The same for a proxy that is a path: one that came from elsewhere, or
	 * (its area has no sender) that this program named.  NULL: none may;
	 * on lines: it is its path.
	 */
	int (*foreign)(void *arg, const struct amas_value *proxy,
	    struct amas__buf *path, struct amas_error *err);
	void *path_arg;
};

/*
 * For encoders.  error: sets err for what amas__buf_put() returned, and returns
 * it.  path: finds the path of a proxy of ours, into path, which it sets up and
 * which is to be given back on success; AMAS_ETYPE if it, or any, cannot be
 * sent here.
 */
int amas__out_error(const struct amas_out *out, int rc,
    struct amas_error *err);
int amas__out_path(const struct amas_out *out, const struct amas_value *proxy,
    struct amas__buf *path, struct amas_error *err);

struct amas__codec_ops {
	/*
	 * Decodes all of data, len bytes, to *out.  data belongs to area a, is
	 * writable, and has one more writable byte behind its end: text is
	 * left where it is and ended by a NUL.  Maps {"__type__": ...} stay
	 * maps, *typed tells that there was one (it is never reset); lines:
	 * see amas__types_lift().  Returns 0, AMAS_EPROTO (err: what and at
	 * which offset), AMAS_ETOOBIG (depth, number of values) or
	 * AMAS_ENOMEM.
	 */
	int (*decode)(struct amas__area *a, char *data, size_t len,
	    const struct amas__limits *limits, const struct amas_value **out,
	    bool *typed, struct amas_error *err);

	/* Encodes v, typed values too, as struct amas_out says. */
	int (*encode)(struct amas_out *out, const struct amas_value *v,
	    struct amas_error *err);

	/*
	 * Tells from the first bytes of a message whether it is a request (0),
	 * reply (1), failure (2), or -1 if this cannot be seen.
	 */
	int (*peek)(const char *data, size_t len);
};

/*
 * Decode and encode with any codec (NULL: JSON), the program's own too.  They
 * lower and lift typed values for those; take data by copy for those.
 */
int amas__codec_decode(const struct amas_codec *codec, struct amas__area *a,
    char *data, size_t len, const struct amas__limits *limits,
    const struct amas_value **out, bool *typed, struct amas_error *err);
int amas__codec_encode(const struct amas_codec *codec, struct amas_out *out,
    const struct amas_value *v, struct amas_error *err);
int amas__codec_peek(const struct amas_codec *codec, const char *data,
    size_t len);

/*
 * Guesses what a payload is from its first bytes, for error texts: "json",
 * "msgpack", "msgpack-blosc", "http", "tls", "ssh", "proxy"; NULL if nothing fits.
 */
const char *amas__codec_guess(const char *data, size_t len);

/*
 * Turns maps with the one key "__type__" in v into typed values and proxies, by
 * the ids of types, or (lines) by names, where "bytes" and "map" become what
 * they stand for, and dates become whole.  Gives v itself if nothing changes,
 * else a changed copy in a.
 * types NULL: no id is known, but (lines) any name is.
 * Returns 0, AMAS_ETYPE ("unknown type id 99", err says which), AMAS_ETOOBIG
 * (only for what no codec of ours decoded: nested too deep) or AMAS_ENOMEM.
 */
int amas__types_lift(struct amas__area *a, const struct amas_value **v,
    const struct amas__types *types, bool lines, struct amas_error *err);

/*
 * Puts a path before those of the proxies in v that came from a peer; the new
 * ones are as if this program had named them.  Gives v itself if there is none,
 * else a changed copy in a.  Returns 0, AMAS_ETOOBIG or AMAS_ENOMEM.
 */
int amas__types_mount(struct amas__area *a, const struct amas_value **v,
    const char *path, size_t len, struct amas_error *err);

/*
 * The reverse, for codecs of the program: typed values and proxies become plain
 * maps by the ids of out->types.  Returns what an encoder would.
 */
int amas__types_lower(struct amas__area *a, const struct amas_value **v,
    const struct amas_out *out, struct amas_error *err);

/* The codecs of the library. */
extern const struct amas_codec amas__codec_json;
extern const struct amas_codec amas__codec_msgpack;

/*
 * JSON by itself.  parse: one document, as the decoder of the codec; print:
 * indent 0 is one line as CPython's json.dumps writes it, else that many blanks
 * a level.  ascii false leaves printable text beyond ASCII as it is.  lines as
 * in struct amas_out.
 */
int amas__json_print(struct amas_out *out, const struct amas_value *v,
    unsigned indent, bool ascii, struct amas_error *err);

/*
 * DESIGN's one rule for text that becomes a value (section 3, "Values and
 * text"): true false null, a finite decimal number, a text in JSON quotes, what
 * begins with { or [ is JSON, all else is text.  In JSON the names of message
 * lines are understood.  text is copied.  Returns 0, AMAS_EPROTO (err says
 * where in the JSON; text is no UTF-8), AMAS_ETOOBIG, AMAS_ETYPE (what stands
 * behind "__type__") or AMAS_ENOMEM.
 */
int amas__value_guess(struct amas__area *a, const char *text, size_t len,
    const struct amas_value **out, struct amas_error *err);

#endif
