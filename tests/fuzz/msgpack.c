/*
 * MsgPack: what is read can be written, and what was written is read as the
 * same value and written as the same bytes; memory stays in bounds; typed
 * values too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(int ok)
{
	if (!ok)
		abort();
}

/* Decodes a copy; the area owns it. */
static const struct amas_value *
decode(struct amas__area *a, const void *data, size_t size, bool *typed)
{
	const struct amas_value *v;
	struct amas_error err;
	char *copy = malloc(size + 1);
	int rc;

	check(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	check(amas__area_take_memory(a, copy) == 0);
	rc = amas__codec_decode(&amas__codec_msgpack, a, copy, size, NULL, &v,
	    typed, &err);
	check(amas__area_size(a) <= AMAS__DECODED_MAX(size));
	check(rc == 0 || (rc == err.code && err.text[0] != '\0' &&
	    (rc == AMAS_EPROTO || rc == AMAS_ETOOBIG)));
	return rc == 0 ? v : NULL;
}

/* Writes v and reads it back. */
static void
round_trip(const struct amas_value *v, const struct amas__types *types)
{
	struct amas__area *a = amas__area_new(NULL);
	struct amas__buf first, second;
	struct amas_out out = { .buf = &first, .types = types };
	const struct amas_value *again;
	struct amas_error err;
	bool typed = false;

	check(a != NULL);
	amas__buf_init(&first, 0);
	amas__buf_init(&second, 0);
	check(amas__codec_encode(&amas__codec_msgpack, &out, v, &err) == 0);
	again = decode(a, amas__buf_head(&first), amas__buf_len(&first),
	    &typed);
	check(again != NULL);
	if (typed && types != NULL)
		check(amas__types_lift(a, &again, types, false, &err) == 0);
	check(amas__value_equal(v, again));
	out.buf = &second;
	check(amas__codec_encode(&amas__codec_msgpack, &out, again, &err) == 0);
	check(amas__buf_len(&first) == amas__buf_len(&second));
	check(memcmp(amas__buf_head(&first), amas__buf_head(&second),
	    amas__buf_len(&first)) == 0);
	amas__buf_fini(&first);
	amas__buf_fini(&second);
	amas__area_unref(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct amas__area *a = amas__area_new(NULL);
	const struct amas_value *v, *lifted;
	struct amas__types types;
	bool typed = false;

	check(a != NULL);
	(void)amas__codec_peek(&amas__codec_msgpack, (const char *)data, size);
	(void)amas__codec_guess((const char *)data, size);
	if ((v = decode(a, data, size, &typed)) != NULL) {
		round_trip(v, NULL);
		check(amas__types_init(&types, "a,b", false, NULL) == 0);
		lifted = v;
		if (amas__types_lift(a, &lifted, &types, false, NULL) == 0) {
			check(typed || lifted == v);
			round_trip(lifted, &types);
		}
		amas__types_fini(&types);
		lifted = v;
		(void)amas__types_lift(a, &lifted, NULL, true, NULL);
	}
	amas__area_unref(a);
	return 0;
}
