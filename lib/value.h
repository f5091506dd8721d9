/*
 * Values and the areas they live in.
 *
 * An area is one reference-counted lump of memory in which values that die
 * together are made: a decoded message with its frame, or what pack() built.
 * Text without escapes points into the frame.  A value names its area, so
 * keeping any value keeps its area.  Adding a value of another area takes a
 * reference to that area; areas never form rings, since what is shared is never
 * changed afterwards.
 */
#ifndef AMAS__VALUE_H
#define AMAS__VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amas.h"
#include "pool.h"

#define AMAS__DEPTH_MAX 1000	/* levels of nesting, in every codec */
#define AMAS__VALUES_MAX 4000000	/* values of one message */

struct amas__area;

/*
 * One value, 24 bytes.
 *
 * len   bytes of text, bytes, digits and name; elements; pairs.
 * text  STRING, BYTES, BIGINT: len bytes and a NUL.  Text is UTF-8 that may
 *       hold lone surrogates as three bytes each (utf8.h).
 * item  LIST: len values.  MAP: 2 * len values, key and value in turn.
 *       TYPED: item[0] the name as a STRING, item[1] the representation; len
 *       is 2.
 *       PROXY: item[0] the path as a STRING (from the peer), or NULL and own
 *       stands for an object of ours.
 */
struct amas_value {
	uint8_t type;		/* enum amas_type */
	uint8_t flags;		/* AMAS__V_* */
	uint32_t len;
	union {
		int64_t i;	/* BOOL, INT */
		double d;	/* REAL */
		const char *text;
		struct amas_value *item;
		struct amas__held *own;
	} u;
	struct amas__area *area;
};

#define AMAS__V_SHARED 1	/* item belongs to others too: copy to change */
#define AMAS__V_SPOILED 2	/* an add failed: fails when used */
#define AMAS__V_OWN 4		/* PROXY of one of our services, u.own */
#define AMAS__V_ROOM 8		/* item has room up to a power of two */

/*
 * Something that a value can hold: a service that is sent as a proxy.  First
 * member of the object.
 */
struct amas__held {
	size_t refs;
	void (*free)(struct amas__held *);
};

struct amas__held *amas__held_ref(struct amas__held *h);
void amas__held_unref(struct amas__held *h);

/*
 * Who sent the values of an area, so that unpacking a proxy can make an object
 * of it.  First member of whatever the connection keeps for that.
 */
struct amas__sender {
	struct amas__held held;
	struct amas_proxy *(*proxy)(struct amas__sender *s,
	    struct amas__area *area, const char *path, size_t len);
};

/* ---- Areas ---- */

/* Makes an area with one reference; NULL if memory is short.  pool: or NULL. */
struct amas__area *amas__area_new(struct amas__pool *pool);
struct amas__area *amas__area_ref(struct amas__area *a);
void amas__area_unref(struct amas__area *a);

/* Memory for 8-byte aligned things, uncleared, until the area goes; or NULL. */
void *amas__area_alloc(struct amas__area *a, size_t size);

/* The same for n values; NULL also when n * 24 overflows. */
struct amas_value *amas__area_values(struct amas__area *a, size_t n);

/*
 * Copies text into the area with a NUL behind it.  NULL if memory is short.
 */
char *amas__area_text(struct amas__area *a, const char *text, size_t len);

/*
 * Gives malloc'ed memory to the area, which frees it; on failure it is freed at
 * once.  Returns 0 or AMAS_ENOMEM.
 */
int amas__area_take_memory(struct amas__area *a, void *p);

/* Runs fn(arg) when the area goes, last first.  Returns 0 or AMAS_ENOMEM. */
int amas__area_cleanup(struct amas__area *a, void (*fn)(void *), void *arg);

/* The sender of its values, referenced; NULL: none. */
void amas__area_set_sender(struct amas__area *a, struct amas__sender *s);
struct amas__sender *amas__area_sender(const struct amas__area *a);

/* Whether anyone else holds the area. */
bool amas__area_shared(const struct amas__area *a);

/* Bytes that the area holds, for accounts of memory. */
size_t amas__area_size(const struct amas__area *a);

/* ---- Making values in an area: for decoders and the like ---- */

/* Set up a value in place; text and items are borrowed from the area. */
void amas__value_null(struct amas_value *v, struct amas__area *a);
void amas__value_bool(struct amas_value *v, struct amas__area *a, bool b);
void amas__value_int(struct amas_value *v, struct amas__area *a, int64_t i);
void amas__value_real(struct amas_value *v, struct amas__area *a, double d);
void amas__value_text(struct amas_value *v, struct amas__area *a,
    enum amas_type type, const char *text, size_t len);
void amas__value_list(struct amas_value *v, struct amas__area *a,
    struct amas_value *item, size_t n);

/*
 * A map of n pairs, which the function may reorder: of equal keys the last
 * value wins, at the place of the first; linear time.  Returns 0 or
 * AMAS_ENOMEM.
 */
int amas__value_map(struct amas_value *v, struct amas__area *a,
    struct amas_value *item, size_t n);

/* An unsigned number: INT, or BIGINT if it needs to be.  0 or AMAS_ENOMEM. */
int amas__value_uint(struct amas_value *v, struct amas__area *a, uint64_t n);

/* A typed value; name is copied.  0 or AMAS_ENOMEM. */
int amas__value_typed(struct amas_value *v, struct amas__area *a,
    const char *name, const struct amas_value *rep);

/* A proxy from the peer; path is copied. */
int amas__value_proxy(struct amas_value *v, struct amas__area *a,
    const char *path, size_t len);

/*
 * Writes a copy of v, of whatever area, into *out, which lies in a: scalars and
 * text are copied, text over 256 bytes and items shared by reference.
 * Returns 0 or AMAS_ENOMEM.
 */
int amas__value_share(struct amas_value *out, struct amas__area *a,
    const struct amas_value *v);

/* ---- Looking at values ---- */

/* Whether v is text of exactly these bytes. */
bool amas__value_is(const struct amas_value *v, const char *text);

/* What a human calls a type: "text", "list"; bounds-checked. */
const char *amas__type_name(enum amas_type type);

/* Whether two values are equal: type and content; maps in any order. */
bool amas__value_equal(const struct amas_value *a, const struct amas_value *b);

/* Whether text is an integer as JSON writes it: -?(0|[1-9][0-9]*). */
bool amas__is_digits(const char *text, size_t len);

#endif
