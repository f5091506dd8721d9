/*
 * JSON: what is read can be written, and what was written is read as the same
 * value and written as the same bytes, on the wire and on message lines; memory
 * stays in bounds.  Guessing takes any bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "value.h"

#define SPARE 'X'

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(int ok)
{
	if (!ok)
		abort();
}

/* Decodes a copy, which the area owns.  NULL if it is refused. */
static const struct amas_value *
decode(struct amas__area *a, const void *data, size_t size, bool lines)
{
	const struct amas_value *v;
	struct amas_error err;
	char *copy = malloc(size + 1);
	bool typed = false;
	int rc;

	check(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = SPARE;
	check(amas__area_take_memory(a, copy) == 0);
	rc = amas__codec_decode(NULL, a, copy, size, NULL, &v, &typed, &err);
	check(copy[size] == SPARE);
	check(rc == 0 || rc == AMAS_EPROTO || rc == AMAS_ETOOBIG);
	if (rc == 0 && lines && typed) {
		rc = amas__types_lift(a, &v, NULL, true, &err);
		check(rc == 0 || rc == AMAS_ETYPE);
	}
	check(amas__area_size(a) <= AMAS__DECODED_MAX(size));
	check(rc == 0 || (rc == err.code && err.text[0] != '\0'));
	return rc == 0 ? v : NULL;
}

static void
encode(struct amas__buf *buf, const struct amas_value *v, bool lines)
{
	struct amas_out out = { .buf = buf, .lines = lines };
	struct amas_error err;

	amas__buf_init(buf, 0);
	check(amas__codec_encode(NULL, &out, v, &err) == 0);
	/* a line is one line, and harmless on a terminal */
	check(memchr(amas__buf_head(buf), '\n', amas__buf_len(buf)) == NULL);
	check(memchr(amas__buf_head(buf), 27, amas__buf_len(buf)) == NULL);
}

static void
round_trip(const void *data, size_t size, bool lines)
{
	struct amas__area *a = amas__area_new(NULL), *b = amas__area_new(NULL);
	const struct amas_value *v, *w;
	struct amas__buf first, second;

	check(a != NULL && b != NULL);
	if ((v = decode(a, data, size, lines)) != NULL) {
		encode(&first, v, lines);
		w = decode(b, amas__buf_head(&first), amas__buf_len(&first),
		    lines);
		check(w != NULL && amas__value_equal(v, w));
		encode(&second, w, lines);
		check(amas__buf_len(&first) == amas__buf_len(&second) &&
		    memcmp(amas__buf_head(&first), amas__buf_head(&second),
		    amas__buf_len(&first)) == 0);
		amas__buf_fini(&first);
		amas__buf_fini(&second);
	}
	amas__area_unref(a);
	amas__area_unref(b);
}

static void
guess(const void *data, size_t size)
{
	struct amas__area *a = amas__area_new(NULL);
	const struct amas_value *v;
	struct amas_error err;
	struct amas__buf buf;
	int rc;

	check(a != NULL);
	rc = amas__value_guess(a, data, size, &v, &err);
	check(rc == 0 || rc == AMAS_EPROTO || rc == AMAS_ETOOBIG ||
	    rc == AMAS_ETYPE);
	if (rc == 0) {
		encode(&buf, v, true);
		amas__buf_fini(&buf);
	}
	amas__area_unref(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct amas_codec *json = &amas__codec_json;
	int type = amas__codec_peek(json, (const char *)data, size);

	check(type >= -1 && type <= 2);
	round_trip(data, size, false);
	round_trip(data, size, true);
	guess(data, size);
	return 0;
}
