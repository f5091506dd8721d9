/*
 * Framing: a stream gives the same payloads and the same end whole and in
 * pieces, and payloads that are written again read as themselves.
 *
 * Byte 0: 1 lines, the rest the length of pieces; byte 1: the limit of a
 * payload, in units of 3; then the stream.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond) do { if (!(cond)) abort(); } while (0)

/* What came out: payloads, framed again, and how it ended. */
struct result {
	struct amas__buf frames;
	struct amas_error err;
	int rc;
};

static void
collect(struct result *res, struct amas__frame *f, bool lines)
{
	size_t mark, len = f->len;

	CHECK(len > 0);
	/* A line can end in CR, but not be written so. */
	while (lines && len > 0 && f->data[len - 1] == '\r')
		len--;
	if (len > 0) {
		CHECK(amas__frame_begin(&res->frames, lines, &mark) == 0);
		CHECK(amas__buf_put(&res->frames, f->data, len) == 0);
		CHECK(amas__frame_end(&res->frames, lines, mark, len,
		    NULL) == 0);
	}
	if (f->owned != NULL)
		f->data[f->len] = 0;
	free(f->owned);
}

/* Puts the next bytes where the reader wants them.  Returns how many. */
static size_t
fill(struct result *res, struct amas__frame_reader *r, const uint8_t *in,
    size_t n)
{
	struct amas__frame f;
	size_t room;
	void *p = amas__frame_space(r, &room);

	if (p == NULL)
		return 0;
	n = n < room ? n : room;
	memcpy(p, in, n);
	if ((res->rc = amas__frame_fill(r, n, &f, &res->err)) == 1)
		collect(res, &f, r->lines);
	return n;
}

static void
feed(struct result *res, struct amas__frame_reader *r, const uint8_t *in,
    size_t n)
{
	char *copy = malloc(n), *p = copy;
	struct amas__frame f;

	CHECK(copy != NULL);
	memcpy(copy, in, n);
	while ((res->rc = amas__frame_next(r, &p, &n, &f, &res->err)) == 1)
		collect(res, &f, r->lines);
	CHECK(res->rc != 0 || n == 0);
	free(copy);
}

static void
run(struct result *res, bool lines, size_t max, const uint8_t *in, size_t len,
    size_t step)
{
	struct amas__frame_reader r;
	struct amas__frame f;
	size_t i, n;

	memset(res, 0, sizeof *res);
	amas__frame_reader_init(&r, lines, max);
	for (i = 0; i < len && res->rc >= 0; i += n) {
		n = step < len - i ? step : len - i;
		if (step < len && (n = fill(res, &r, in + i, n)) > 0)
			continue;
		n = step < len - i ? step : len - i;
		feed(res, &r, in + i, n);
		CHECK(amas__frame_pending(&r) <= i + n);
	}
	if (res->rc >= 0)
		res->rc = amas__frame_eof(&r, &f, &res->err);
	if (res->rc == 1) {
		collect(res, &f, lines);
		res->rc = amas__frame_eof(&r, &f, &res->err);
	}
	amas__frame_reader_fini(&r);
}

static void
same(const struct result *a, const struct result *b)
{
	size_t len = amas__buf_len(&a->frames);

	CHECK(amas__buf_len(&b->frames) == len);
	CHECK(len == 0 || memcmp(amas__buf_head(&a->frames),
	    amas__buf_head(&b->frames), len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result whole, cut, again;
	size_t max, step;
	bool lines;

	if (size < 2)
		return 0;
	lines = (data[0] & 1) != 0;
	step = 1 + ((size_t)data[0] >> 1) * ((size_t)data[0] >> 1);
	max = data[1] == 255 ? (size_t)1 << 20 : (size_t)data[1] * 3 + 1;
	data += 2;
	size -= 2;
	run(&whole, lines, max, data, size, size != 0 ? size : 1);
	run(&cut, lines, max, data, size, step);
	same(&whole, &cut);
	CHECK(whole.rc == cut.rc);
	CHECK(whole.rc == 0 || strcmp(whole.err.text, cut.err.text) == 0);
	run(&again, lines, max, (uint8_t *)amas__buf_head(&whole.frames),
	    amas__buf_len(&whole.frames), 7);
	CHECK(again.rc == 0);
	same(&whole, &again);
	amas__buf_fini(&whole.frames);
	amas__buf_fini(&cut.frames);
	amas__buf_fini(&again.frames);
	return 0;
}
