/*
 * MsgPack as Python's msgpack writes it with use_bin_type: shortest integers,
 * reals as float64, text as str, bytes as bin.  Writing is msgpack-c's packer;
 * reading is our own, msgpack_decode.c, since msgpack-c's trusts lengths.
 */
#include "codec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msgpack/pack.h>

#include "err.h"
#include "msgpack_decode.h"
#include "text.h"
#include "utf8.h"
#include "where.h"

static const char type_key[] = "__type__";

struct encoder {
	struct amas_out *out;
	struct amas_error *err;
	size_t levels;		/* of containers on the wire around the value */
	size_t n;		/* steps */
	struct amas__step step[AMAS__DEPTH_MAX];
};

static int
make_room(struct encoder *e, size_t len)
{
	int rc = amas__buf_reserve(e->out->buf, len);

	return rc != 0 ? amas__out_error(e->out, rc, e->err) : 0;
}

/*
 * Takes what the packer writes.  Inlined into it, since most of it is a few
 * bytes: called by pointer, encoding takes half as long again.
 */
static inline __attribute__((always_inline)) int
put(void *arg, const char *data, size_t len)
{
	struct encoder *e = arg;
	struct amas__buf *b = e->out->buf;
	int rc;

	if ((len > b->cap - b->end ||
	    (b->max != 0 && len > b->max - (b->end - b->start))) &&
	    (rc = make_room(e, len)) != 0)
		return rc;
	memcpy(b->data + b->end, data, len);
	b->end += len;
	return 0;
}

/* A packer that the compiler sees through. */
#define PK(e) (&(msgpack_packer){ (e), put })

/* Refuses what MsgPack has no form for. */
static int
cannot(const struct encoder *e, const char *what)
{
	char where[AMAS__WHERE_SIZE];

	return amas_error_set(e->err, AMAS_ETYPE, "MsgPack cannot carry %s%s",
	    what, amas__where(where, e->step, e->n));
}

/* ---- Scalars ---- */

static int
put_bigint(struct encoder *e, const struct amas_value *v)
{
	char what[64];
	char *end;

	if (v->len <= 20) { /* digits of 2^64 - 1 */
		errno = 0;
		if (v->u.text[0] == '-') {
			long long i = strtoll(v->u.text, &end, 10);

			if (errno == 0)
				return msgpack_pack_int64(PK(e), i);
		} else {
			unsigned long long u = strtoull(v->u.text, &end, 10);

			if (errno == 0)
				return msgpack_pack_uint64(PK(e), u);
		}
	}
	(void)snprintf(what, sizeof what, "an integer of %u digits",
	    v->len - (v->u.text[0] == '-'));
	return cannot(e, what);
}

static int
put_text(struct encoder *e, const char *text, size_t len)
{
	int rc;

	if ((rc = msgpack_pack_str(PK(e), len)) != 0 || len == 0)
		return rc;
	return msgpack_pack_str_body(PK(e), text, len);
}

static int
put_string(struct encoder *e, const struct amas_value *v)
{
	uint32_t c;
	size_t valid = amas__text_valid(v->u.text, v->len);

	if (valid == v->len)
		return put_text(e, v->u.text, v->len);
	if (amas__wtf8_decode(v->u.text + valid, v->len - valid, &c) > 0)
		return cannot(e, "a lone surrogate");
	return cannot(e, "text that is no UTF-8");
}

static int
put_bytes(struct encoder *e, const struct amas_value *v)
{
	int rc;

	if ((rc = msgpack_pack_bin(PK(e), v->len)) != 0 || v->len == 0)
		return rc;
	return msgpack_pack_bin_body(PK(e), v->u.text, v->len);
}

/* ---- Typed values ---- */

/* Writes {"__type__": [ without what stands in the pair. */
static int
open_type(struct encoder *e)
{
	int rc;

	if ((rc = msgpack_pack_map(PK(e), 1)) != 0 ||
	    (rc = put_text(e, type_key, sizeof type_key - 1)) != 0)
		return rc;
	return msgpack_pack_array(PK(e), 2);
}

/* The same with the id, without what the id stands for. */
static int
put_type(struct encoder *e, int64_t id)
{
	int rc;

	if ((rc = open_type(e)) != 0)
		return rc;
	return msgpack_pack_int64(PK(e), id);
}

static int
put_typed(struct encoder *e, const struct amas_value *v)
{
	const struct amas_value *name = &v->u.item[0];
	char where[AMAS__WHERE_SIZE];
	int id = -1, rc;

	if (e->out->types != NULL)
		id = amas__types_id(e->out->types, name->u.text, name->len);
	if (id == -1 && (e->out->types == NULL || !e->out->types->any))
		return amas_error_set(e->err, AMAS_ETYPE,
		    "type \"%.80s\" is not known on this connection%s",
		    name->u.text, amas__where(where, e->step, e->n));
	if ((rc = amas__types_check(v, e->step, e->n, e->err)) != 0)
		return rc;
	if (id != -1)
		return put_type(e, id);
	if ((rc = open_type(e)) != 0)
		return rc;
	return put_text(e, name->u.text, name->len);
}

static int
put_proxy(struct encoder *e, const struct amas_value *v)
{
	struct amas__buf path;
	int rc;

	if ((rc = amas__out_path(e->out, v, &path, e->err)) != 0)
		return rc;
	if ((rc = put_type(e, (int64_t)e->out->types->n)) == 0)
		rc = put_text(e, amas__buf_head(&path), amas__buf_len(&path));
	amas__buf_fini(&path);
	return rc;
}

/* ---- Containers ---- */

static bool
is_key(const struct encoder *e)
{
	const struct amas__step *s;

	if (e->n == 0)
		return false;
	s = &e->step[e->n - 1];
	return s->v->type == AMAS_MAP && (s->i & 1) != 0;
}

/* The levels of containers that a value is on the wire. */
static size_t
levels(const struct amas_value *v)
{
	return v->type == AMAS_TYPED || v->type == AMAS_PROXY ? 2 : 1;
}

/* Looks whether a container may stand here. */
static int
check_container(const struct encoder *e, const struct amas_value *v)
{
	char what[48];

	if ((v->flags & AMAS__V_SPOILED) != 0)
		return amas_error_set(e->err, AMAS_EINVAL,
		    "value is spoilt: adding to it failed");
	if (e->levels + levels(v) > AMAS__DEPTH_MAX)
		return amas_error_set(e->err, AMAS_ETOOBIG,
		    "nested deeper than %d levels", AMAS__DEPTH_MAX);
	if (is_key(e)) {
		(void)snprintf(what, sizeof what, "a %s as a key",
		    amas__type_name((enum amas_type)v->type));
		return cannot(e, what);
	}
	/* {"__type__": x} would come back as something else */
	if (v->type == AMAS_MAP && v->len == 1 && e->out->types != NULL &&
	    amas__value_is(&v->u.item[0], type_key))
		return cannot(e, "a map with \"__type__\" as its only key");
	return 0;
}

static int
put_container(struct encoder *e, const struct amas_value *v)
{
	struct amas__step *s;
	int rc;

	if ((rc = check_container(e, v)) != 0)
		return rc;
	if (v->type == AMAS_PROXY)
		return put_proxy(e, v);
	if (v->type == AMAS_LIST)
		rc = msgpack_pack_array(PK(e), v->len);
	else if (v->type == AMAS_MAP)
		rc = msgpack_pack_map(PK(e), v->len);
	else
		rc = put_typed(e, v);
	s = &e->step[e->n++];
	s->v = v;
	s->i = v->type == AMAS_TYPED; /* its name is written */
	e->levels += levels(v);
	return rc;
}

static size_t
items(const struct amas_value *v)
{
	return v->type == AMAS_MAP ? (size_t)v->len * 2 : v->len;
}

static int
put_value(struct encoder *e, const struct amas_value *v)
{
	switch ((enum amas_type)v->type) {
	case AMAS_NULL:
		return msgpack_pack_nil(PK(e));
	case AMAS_BOOL:
		return v->u.i != 0 ? msgpack_pack_true(PK(e)) :
		    msgpack_pack_false(PK(e));
	case AMAS_INT:
		return msgpack_pack_int64(PK(e), v->u.i);
	case AMAS_BIGINT:
		return put_bigint(e, v);
	case AMAS_REAL:
		return msgpack_pack_double(PK(e), v->u.d);
	case AMAS_STRING:
		return put_string(e, v);
	case AMAS_BYTES:
		return put_bytes(e, v);
	case AMAS_LIST:
	case AMAS_MAP:
	case AMAS_TYPED:
	case AMAS_PROXY:
		break;
	}
	return put_container(e, v);
}

static int
encode(struct amas_out *out, const struct amas_value *v, struct amas_error *err)
{
	static const struct amas_value null_value;
	struct amas__step *s;
	struct encoder e;
	int rc;

	e.out = out;
	e.err = err;
	e.n = e.levels = 0;
	rc = put_value(&e, v != NULL ? v : &null_value);
	while (rc == 0 && e.n > 0) {
		s = &e.step[e.n - 1];
		if (s->i < items(s->v)) {
			rc = put_value(&e, &s->v->u.item[s->i++]);
		} else {
			e.levels -= levels(s->v);
			e.n--;
		}
	}
	return rc;
}

/* ---- A look at the first bytes ---- */

static int
peek(const char *data, size_t len)
{
	static const char list16[] = "\xdc\0\3", list32[] = "\xdd\0\0\0\3";
	size_t at;

	if (len > 1 && data[0] == '\x93')
		at = 1;
	else if (len > 3 && memcmp(data, list16, 3) == 0)
		at = 3;
	else if (len > 5 && memcmp(data, list32, 5) == 0)
		at = 5;
	else
		return -1;
	return data[at] >= 0 && data[at] <= 2 ? data[at] : -1;
}

static const struct amas__codec_ops ops = {
	.decode = amas__msgpack_decode,
	.encode = encode,
	.peek = peek,
};

const struct amas_codec amas__codec_msgpack = {
	.name = "msgpack",
	.builtin = &ops,
};
