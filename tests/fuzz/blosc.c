/*
 * MsgPackBlosc: what is checked can be unpacked without harm, what is read can be
 * written, and what was written is read as the same value.
 *
 * A fuzzer finds no header by itself: the sizes in it are made to fit what
 * there is, unless the first byte is odd.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "blosc_check.h"
#include "codec.h"
#include "value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX ((size_t)1 << 20)

static void
check(int ok)
{
	if (!ok)
		abort();
}

static const struct amas_value *
decode(const struct amas_codec *codec, struct amas__area *a, const void *data,
    size_t size)
{
	const struct amas__limits limits = { .max_values = 100000,
		.max_bytes = MAX };
	struct amas__blosc_info info;
	const struct amas_value *v;
	struct amas_error err;
	char *copy = malloc(size + 1);
	bool typed = false;
	int rc, looked;

	check(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	check(amas__area_take_memory(a, copy) == 0);
	looked = amas__blosc_check(&info, copy, size, MAX, &err);
	rc = amas__codec_decode(codec, a, copy, size, &limits, &v, &typed,
	    &err);
	check(rc == 0 || (rc == err.code && err.text[0] != '\0' &&
	    (rc == AMAS_EPROTO || rc == AMAS_ETOOBIG)));
	check(rc != 0 || looked == 0);
	if (looked == 0)
		check(amas__area_size(a) <= AMAS__DECODED_MAX(info.nbytes) +
		    size);
	return rc == 0 ? v : NULL;
}

static void
round_trip(const struct amas_codec *codec, const struct amas_value *v)
{
	struct amas__area *a = amas__area_new(NULL);
	struct amas__buf buf;
	struct amas_out out = { .buf = &buf };
	const struct amas_value *again;

	check(a != NULL);
	amas__buf_init(&buf, 0);
	check(amas__codec_encode(codec, &out, v, NULL) == 0);
	again = decode(codec, a, amas__buf_head(&buf), amas__buf_len(&buf));
	check(again != NULL);
	check(amas__value_equal(v, again));
	amas__buf_fini(&buf);
	amas__area_unref(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct amas__area *a = amas__area_new(NULL);
	const struct amas_codec *codec;
	const struct amas_value *v;
	uint8_t *own = malloc(size + 1);
	struct amas_error err;

	check(a != NULL && own != NULL);
	memcpy(own, data, size);
	if (amas_codec_find(&codec, "msgpack-blosc", &err) != 0)
		size = 0; /* made without it */
	if (size > AMAS__BLOSC_HEADER && own[0] % 2 == 0) {
		own[0] = 2;
		own[12] = (uint8_t)size;
		own[13] = (uint8_t)(size >> 8);
		own[14] = (uint8_t)(size >> 16);
		own[15] = 0;
	}
	if (size > 0) {
		(void)amas__codec_guess((const char *)own, size);
		(void)amas__codec_peek(codec, (const char *)own, size);
		if ((v = decode(codec, a, own, size)) != NULL)
			round_trip(codec, v);
	}
	amas__area_unref(a);
	free(own);
	return 0;
}
