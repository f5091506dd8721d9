/*
 * Messages: what is decoded as one is written and read again as the same.
 *
 * Byte 0: 0 JSON, 1 MsgPack, 2 message lines; then the payload.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond) do { if (!(cond)) abort(); } while (0)
#define MAX ((size_t)64 << 20)

struct form {
	const struct amas_codec *codec;
	bool lines;
};

static const struct form forms[] = {
	{ &amas__codec_json, false },
	{ &amas__codec_msgpack, false },
	{ &amas__codec_json, true },
};

/* Decodes a payload and takes it apart; *a is to be given back either way. */
static int
read_msg(const struct form *f, const void *data, size_t len,
    struct amas__area **a, struct amas__msg *m)
{
	struct amas__limits limits = { .max_values = 10000 };
	const struct amas_value *v;
	bool typed = false;
	char *copy;

	CHECK((*a = amas__area_new(NULL)) != NULL);
	CHECK((copy = malloc(len + 1)) != NULL);
	if (len > 0)
		memcpy(copy, data, len);
	CHECK(amas__area_take_memory(*a, copy) == 0);
	if (amas__codec_decode(f->codec, *a, copy, len, &limits, &v, &typed,
	    NULL) != 0)
		return -1;
	if (f->lines && typed && amas__types_lift(*a, &v, NULL, true,
	    NULL) != 0)
		return -1;
	return amas__msg_parse(m, v, NULL);
}

static void
round_trip(const struct form *f, const struct amas__msg *m)
{
	struct amas__buf b;
	struct amas_out out = { .buf = &b, .lines = f->lines };
	struct amas__frame_reader r;
	struct amas__frame frame;
	struct amas__area *a;
	struct amas__msg again;
	struct amas__call call;
	struct amas_error err;
	char *p;
	size_t n;
	int rc;

	if (amas__call_parse(&call, m->content, NULL) == 0)
		CHECK(call.path[call.path_len] == '\0');
	amas__buf_init(&b, 0);
	rc = amas__msg_write(&out, f->codec, m->type, m->id, 0, m->content,
	    MAX, &err);
	if (rc != 0) {
		/* typed values and proxies, which only lines name */
		CHECK(rc == AMAS_ETYPE && err.text[0] != '\0');
		CHECK(amas__buf_len(&b) == 0);
		return;
	}
	amas__frame_reader_init(&r, f->lines, MAX);
	p = amas__buf_head(&b);
	n = amas__buf_len(&b);
	CHECK(amas__frame_next(&r, &p, &n, &frame, NULL) == 1 && n == 0);
	CHECK(read_msg(f, frame.data, frame.len, &a, &again) == 0);
	CHECK(again.type == m->type && amas__value_equal(again.id, m->id) &&
	    amas__value_equal(again.content, m->content));
	amas__area_unref(a);
	free(frame.owned);
	amas__frame_reader_fini(&r);
	amas__buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct amas__area *a;
	struct amas__msg m;
	const struct form *f;

	if (size < 1)
		return 0;
	f = &forms[data[0] % 3];
	if (read_msg(f, data + 1, size - 1, &a, &m) == 0)
		round_trip(f, &m);
	amas__area_unref(a);
	return 0;
}
