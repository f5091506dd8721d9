/*
 * What messages are made of: values, how they are encoded, and what can go wrong.
 * A part of amas.h, whose rules hold here, and which includes it.
 */
#ifndef AMAS_VALUE_H
#define AMAS_VALUE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AMAS_DATE_SIZE 40	/* holds any printed date */

#define AMAS_API __attribute__((visibility("default")))
#define AMAS_MUST_CHECK __attribute__((warn_unused_result))
#define AMAS_PRINTF(fmt, rest) __attribute__((format(printf, fmt, rest)))

struct amas__codec_ops;		/* private */
struct amas_out;		/* bytes being encoded */
struct amas_proxy;		/* object at the other end, to be called */
struct amas_service;		/* tree of names that a peer may call */
struct amas_value;		/* datum: JSON's, MsgPack's, and typed ones */

/* ---- Errors ------------------------------------------------------------- */

enum amas_code {
	AMAS_OK = 0,
	AMAS_ENOMEM = -1,	/* out of memory */
	AMAS_EINVAL = -2,	/* wrong use: format, name, address, order */
	AMAS_ETYPE = -3,	/* value has not the shape asked for */
	AMAS_ETOOBIG = -4,	/* over a limit: bytes, depth, elements */
	AMAS_EREMOTE = -5,	/* the peer's function failed */
	AMAS_ETIMEDOUT = -6,	/* deadline passed */
	AMAS_ECANCELED = -7,	/* this side closed or freed it */
	AMAS_ECLOSED = -8,	/* the peer closed it */
	AMAS_ECONNECT = -9,	/* cannot resolve, connect or listen */
	AMAS_ETLS = -10,	/* no agreement on TLS; certificate refused */
	AMAS_EPROTO = -11,	/* bytes that are no message */
	AMAS_ENOENT = -12,	/* no such codec, class, source or file */
	AMAS_EEXIST = -13,	/* name or address is taken */
	AMAS_ESYS = -14		/* other system call; see sys */
};

/* A cause of failure.  Lives on the caller's stack; needs no initialisation. */
struct amas_error {
	int code;		/* enum amas_code */
	int sys;		/* errno, resolver's or TLS's code; 0: none */
	char text[248];		/* one line: the cause alone, no subject */
};

/* Names a code: "deadline passed".  Takes any int.  The text is constant. */
AMAS_API const char *amas_strerror(int code);

/*
 * Gives the exit status that amas's programs have for a code: 0, 1 (EREMOTE), 2
 * (EINVAL), 3, 4, 5, 6 or 124, as the table in every page says.
 */
AMAS_API int amas_exit_status(int code);

/*
 * Sets *err (NULL allowed) to code and a printf text, cut to fit; for codecs.
 *  Returns code, so that setting and returning are one statement.
 */
AMAS_API int amas_error_set(struct amas_error *err, int code, const char *fmt,
    ...) AMAS_PRINTF(3, 4);

/* ---- Values -------------------------------------------------------------
 *
 * A value is packed and unpacked by a format, in jansson's manner and with its
 * letters.  Blanks, ',' and ':' are decoration.
 *
 *   letter   pack takes                        unpack takes
 *   n        -                                 -
 *   b        int                               int *
 *   i  I     int, int64_t                      int *, int64_t *
 *   N        const char *, digits, any size    - (see amas_value_text)
 *   f        double                            double *; integers fit too
 *   s  s%    const char *; and size_t len      const char **; and size_t *
 *   s?       as s, NULL is null                as s, null gives NULL
 *   y%       bytes: const void *, size_t len   const void **, size_t *
 *   v        const struct amas_value *         const struct amas_value **
 *   p        struct amas_service *             struct amas_proxy **
 *   [...]    list of what stands inside
 *   {k:v}    map: pairs of a key (mostly s) and a value.  Unpack is given the
 *            text key to look for: "{s:i}", "times", &times
 *   <...>    typed value: const char *, the name of its type, given both ways;
 *            then what stands inside, its representation: "<[ff]>",
 *            "point", x, y.  "<s>", "date" takes short dates and makes them
 *            whole
 *   |        unpack only: the rest of this list or map may be missing; its
 *            variables are then left alone
 *   *        unpack only, last in a list or map: more in it is ignored
 *
 * A type of your own needs no more: a name in the types of a connection, and a
 * format each way.  Values carry the name, so there are no functions to
 * register; aiomas's add_serializer() is this pair of formats.
 *
 * Unpack is exact: without '*', one element or key more is AMAS_ETYPE.  p
 * sends a proxy of an own object: the service of that connection or one mounted
 * below it.
 */
enum amas_type {
	AMAS_NULL, AMAS_BOOL, AMAS_INT, AMAS_BIGINT, AMAS_REAL, AMAS_STRING,
	AMAS_BYTES, AMAS_LIST, AMAS_MAP, AMAS_TYPED, AMAS_PROXY
};

/*
 * Makes a value by a format; NULL stands for null.  What it was made of may be
 * freed at once.  Returns NULL if memory is short or the call wrong: bad
 * format, NULL for s or v.
 */
AMAS_API struct amas_value *amas_value_pack(const char *fmt, ...);
AMAS_API struct amas_value *amas_value_vpack(const char *fmt, va_list ap);

/*
 * Adds elements to a list, or pairs to a map, where a known key gets the new
 * value: amas_value_add(map, "s:i s:s", "id", 3, "name", "x").
 *
 * v  one of yours; NULL: only the error happens.
 *
 * Returns 0, AMAS_EINVAL or AMAS_ENOMEM.  A failure spoils v: packing, encoding
 * or sending it then fails too, so that looking once, at the end, will do.
 */
AMAS_API int amas_value_add(struct amas_value *v, const char *fmt, ...);

/*
 * Takes a value apart by a format.  The pointers that it stores are borrowed
 * from v.  NULL for v is null.  Returns 0, AMAS_ETYPE (err says where: "[1]:
 * text, not an integer"; some variables may be set) or AMAS_EINVAL.
 */
AMAS_API AMAS_MUST_CHECK int amas_value_unpack(const struct amas_value *v,
    struct amas_error *err, const char *fmt, ...);
AMAS_API AMAS_MUST_CHECK int amas_value_vunpack(const struct amas_value *v,
    struct amas_error *err, const char *fmt, va_list ap);

/*
 * Makes a borrowed value yours, to outlive its message.  May share the
 * message's memory: to keep one word of a large document, pack it anew. Returns
 * NULL if memory is short or v is NULL.
 */
AMAS_API struct amas_value *amas_value_keep(const struct amas_value *v);

/* Frees a value of yours; what others took from it stays good for them. */
AMAS_API void amas_value_free(struct amas_value *v);

/*
 * Look at a value; pointers are borrowed from it.  NULL is null: look-ups nest.
 *
 * type  its kind.
 * len   bytes of text, bytes or digits; elements; pairs; else 0.
 * at    i-th element; value of the i-th pair; 0th: representation of a typed
 *       value.  NULL beyond the end.  Pairs keep their order.
 * key   key of the i-th pair; NULL beyond the end.
 * get   value under a text key; NULL if there is none.
 * int   integer or bool; 0 for anything else.
 * real  any number, the nearest double; 0 for anything else.
 * text  text, bytes, digits of a big integer, name of a typed value's type; all
 *       len bytes and a NUL after them.  NULL for anything else.
 */
AMAS_API enum amas_type amas_value_type(const struct amas_value *v);
AMAS_API size_t amas_value_len(const struct amas_value *v);
AMAS_API const struct amas_value *amas_value_at(const struct amas_value *v,
    size_t i);
AMAS_API const struct amas_value *amas_value_key(const struct amas_value *v,
    size_t i);
AMAS_API const struct amas_value *amas_value_get(const struct amas_value *v,
    const char *key);
AMAS_API int64_t amas_value_int(const struct amas_value *v);
AMAS_API double amas_value_real(const struct amas_value *v);
AMAS_API const char *amas_value_text(const struct amas_value *v);

/*
 * Reads an ISO 8601 date, UTC where it names no offset, as seconds since 1970.
 * Returns 0 or AMAS_EINVAL.  Source: arrow.get().
 */
AMAS_API AMAS_MUST_CHECK int amas_date_parse(const char *text, double *unix_s,
    struct amas_error *err);

/*
 * Writes seconds since 1970 as "2016-01-01T00:00:00+00:00", with microseconds
 * if there are any; nothing, if that is not in the years 0001 to 9999.  buf holds
 * AMAS_DATE_SIZE bytes.  Returns buf.
 */
AMAS_API const char *amas_date_print(double unix_s, char *buf, size_t size);

/* ---- Codecs ------------------------------------------------------------- */

/*
 * A codec: the library's, from amas_codec_find(), or one that the program fills
 * in; referenced.  Typed values and proxies come to it as plain maps,
 * {"__type__": [id, representation]}.
 *
 * encode  writes v by amas_out_write().  Returns 0 or a code.
 * decode  makes one value of all len bytes, which come from a stranger.
 *         Returns 0, AMAS_EPROTO or another code.
 */
struct amas_codec {
	const char *name;
	int (*encode)(const struct amas_codec *codec,
	    const struct amas_value *v, struct amas_out *out,
	    struct amas_error *err);
	int (*decode)(const struct amas_codec *codec, struct amas_value **out,
	    const void *data, size_t len, struct amas_error *err);
	void *arg;		/* for you */
	const struct amas__codec_ops *builtin;	/* the library's own: NULL */
};

/*
 * Finds a codec: "json", "msgpack", "msgpack-blosc", or "./x.so", a path: that
 * of a plugin.  It lasts as long as the process.  Returns 0, AMAS_ENOENT or
 * AMAS_ESYS (a plugin that cannot be loaded; others can write it).
 */
AMAS_API AMAS_MUST_CHECK int amas_codec_find(const struct amas_codec **out,
    const char *name, struct amas_error *err);

/* Adds bytes to what is being encoded.  Returns 0, AMAS_ETOOBIG or ENOMEM. */
AMAS_API int amas_out_write(struct amas_out *out, const void *data, size_t len);

/*
 * Encode and decode one value, outside any connection.
 *
 * codec  NULL: JSON.
 * types  as in struct amas_opts; NULL: none, and maps {"__type__": ...} pass as
 *        they are, for codecs that are built on another.
 * data   encode: gets memory for free(3).  decode: borrowed for the call.
 *
 * Returns 0; encode: AMAS_ETYPE (nothing the codec can say, type unknown);
 * decode: AMAS_EPROTO, AMAS_ETOOBIG.  Source: aiomas.codecs.Codec.
 */
AMAS_API AMAS_MUST_CHECK int amas_value_encode(const struct amas_value *v,
    const struct amas_codec *codec, const char *types, void **data,
    size_t *len, struct amas_error *err);
AMAS_API AMAS_MUST_CHECK int amas_value_decode(struct amas_value **out,
    const struct amas_codec *codec, const char *types, const void *data,
    size_t len, struct amas_error *err);

#ifdef __cplusplus
}
#endif

#endif
