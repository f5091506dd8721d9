/*
 * MsgPack beside msgpack-c: what we read it reads, too, as the same value.  It is
 * asked only then, since it takes memory for what a header promises.
 */
#include <math.h>
#include <msgpack.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amas.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond) do { if (!(cond)) abort(); } while (0)

static bool
same_bytes(const struct amas_value *v, const void *data, size_t len)
{
	return amas_value_len(v) == len &&
	    (len == 0 || memcmp(amas_value_text(v), data, len) == 0);
}

static bool
same_real(double a, double b)
{
	return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

/* What has 64 bits is an integer, or digits. */
static void
compare_unsigned(const struct amas_value *v, uint64_t n)
{
	char digits[24];

	if (n <= INT64_MAX) {
		CHECK(amas_value_type(v) == AMAS_INT);
		CHECK(amas_value_int(v) == (int64_t)n);
		return;
	}
	snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
	CHECK(amas_value_type(v) == AMAS_BIGINT);
	CHECK(strcmp(amas_value_text(v), digits) == 0);
}

/* One that holds nothing else. */
static void
compare_one(const struct amas_value *v, const msgpack_object *o)
{
	enum amas_type type = amas_value_type(v);

	switch (o->type) {
	case MSGPACK_OBJECT_NIL:
		CHECK(type == AMAS_NULL);
		break;
	case MSGPACK_OBJECT_BOOLEAN:
		CHECK(type == AMAS_BOOL);
		CHECK(amas_value_int(v) == (o->via.boolean ? 1 : 0));
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		compare_unsigned(v, o->via.u64);
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		CHECK(type == AMAS_INT && amas_value_int(v) == o->via.i64);
		break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		CHECK(type == AMAS_REAL);
		CHECK(same_real(amas_value_real(v), o->via.f64));
		break;
	case MSGPACK_OBJECT_STR:
		CHECK(type == AMAS_STRING);
		CHECK(same_bytes(v, o->via.str.ptr, o->via.str.size));
		break;
	case MSGPACK_OBJECT_BIN:
		CHECK(type == AMAS_BYTES);
		CHECK(same_bytes(v, o->via.bin.ptr, o->via.bin.size));
		break;
	default:
		abort(); /* an extension, which we do not read */
	}
}

/* Recursion is as deep as msgpack-c reads, which is not deep. */
static void
compare(const struct amas_value *v, const msgpack_object *o)
{
	uint32_t i;

	if (o->type == MSGPACK_OBJECT_ARRAY) {
		CHECK(amas_value_type(v) == AMAS_LIST);
		CHECK(amas_value_len(v) == o->via.array.size);
		for (i = 0; i < o->via.array.size; i++)
			compare(amas_value_at(v, i), &o->via.array.ptr[i]);
	} else if (o->type == MSGPACK_OBJECT_MAP) {
		CHECK(amas_value_type(v) == AMAS_MAP);
		CHECK(amas_value_len(v) <= o->via.map.size);
		if (amas_value_len(v) < o->via.map.size)
			return; /* a key twice: the last one counts */
		for (i = 0; i < o->via.map.size; i++) {
			compare(amas_value_key(v, i), &o->via.map.ptr[i].key);
			compare(amas_value_at(v, i), &o->via.map.ptr[i].val);
		}
	} else {
		compare_one(v, o);
	}
}

static void
beside(const struct amas_value *v, const void *data, size_t size)
{
	msgpack_unpacked theirs;
	size_t off = 0;
	int rc;

	msgpack_unpacked_init(&theirs);
	rc = msgpack_unpack_next(&theirs, data, size, &off);
	if (rc != MSGPACK_UNPACK_NOMEM_ERROR) { /* too deep for it */
		CHECK(rc == MSGPACK_UNPACK_SUCCESS && off == size);
		compare(v, &theirs.data);
	}
	msgpack_unpacked_destroy(&theirs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct amas_codec *codec;
	struct amas_value *v = NULL;
	struct amas_error err;
	int rc;

	CHECK(amas_codec_find(&codec, "msgpack", NULL) == 0);
	rc = amas_value_decode(&v, codec, NULL, data, size, &err);
	CHECK(rc == 0 || rc == AMAS_EPROTO || rc == AMAS_ETOOBIG);
	if (rc == 0)
		beside(v, data, size);
	amas_value_free(v);
	return 0;
}
