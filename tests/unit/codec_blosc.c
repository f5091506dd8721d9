/*
 * Blosc buffers: what is read, what is refused before the library sees it
 * (faults.md, 19 and 20), what is written.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blosc_check.h"
#include "codec.h"
#include "tap.h"
#include "value.h"

static void
set32(unsigned char *p, uint32_t n)
{
	p[0] = (unsigned char)n;
	p[1] = (unsigned char)(n >> 8);
	p[2] = (unsigned char)(n >> 16);
	p[3] = (unsigned char)(n >> 24);
}

/* A header: format is in the upper bits of flags. */
static void
header(unsigned char *p, unsigned flags, unsigned typesize, uint32_t nbytes,
    uint32_t blocksize, uint32_t cbytes)
{
	p[0] = 2;
	p[1] = 1;
	p[2] = (unsigned char)flags;
	p[3] = (unsigned char)typesize;
	set32(p + 4, nbytes);
	set32(p + 8, blocksize);
	set32(p + 12, cbytes);
}

#define MAX ((size_t)1 << 20)

static void
refused(const void *data, size_t len, const char *why, const char *what)
{
	struct amas__blosc_info info;
	struct amas_error err = { 0, 0, "" };
	int rc = amas__blosc_check(&info, data, len, MAX, &err);

	tap_ok(rc == AMAS_EPROTO || rc == AMAS_ETOOBIG, "faults 19: %s: "
	    "refused", what);
	tap_str(err.text, why, "faults 19: %s: says why", what);
}

static void
check_headers(void)
{
	unsigned char b[64] = { 0 };

	refused(b, 15, "Blosc: 15 bytes, shorter than a header", "short");
	header(b, 2, 8, 8, 8, 24);
	b[0] = 3;
	refused(b, 24, "Blosc: version 3, not 2", "wrong version");
	header(b, 2, 8, 8, 8, 24);
	refused(b, 23, "Blosc: header says 24 bytes, message has 23", "cut");
	refused(b, 25, "Blosc: header says 24 bytes, message has 25",
	    "more behind it");
	header(b, 2, 8, 9, 8, 24);
	refused(b, 24, "Blosc: sizes disagree", "copied, other size");
	header(b, 2 | 8, 8, 8, 8, 24);
	refused(b, 24, "Blosc: unknown flag", "reserved flag");
	header(b, 2, 0, 8, 8, 24);
	refused(b, 24, "Blosc: items of no size", "no items");
	header(b, 2, 8, 0, 8, 16);
	refused(b, 16, "Blosc: empty", "nothing in it");
	header(b, 2, 8, 8, 0, 24);
	refused(b, 24, "Blosc: blocks of 0 bytes in 8", "no block");
	header(b, 0, 8, 8, 9, 24);
	refused(b, 24, "Blosc: blocks of 9 bytes in 8", "block too large");
	header(b, 0, 8, (1 << 20) + 1, 8, 24);
	refused(b, 24, "Blosc: unpacks to 1048577 bytes, limit 1048576",
	    "over the limit");
	header(b, 0x20, 1, 0x7fffffff, 0x2aaaaa00, 24);
	refused(b, 24, "Blosc: unpacks to 2147483647 bytes, limit 1048576",
	    "2 GiB in 24 bytes");
	header(b, 5, 8, 8, 8, 24);
	refused(b, 24, "Blosc: shuffled both ways", "two shuffles");
	header(b, 0xa0, 8, 8, 8, 24);
	refused(b, 24, "Blosc: format 5, version 1 is unknown",
	    "unknown format");
	header(b, 0, 8, 8, 8, 24);
	b[1] = 2;
	refused(b, 24, "Blosc: format 0, version 2 is unknown",
	    "unknown version of a format");
}

static void
check_tables(void)
{
	unsigned char b[64] = { 0 };

	header(b, 0x30, 1, 32, 8, 28);
	refused(b, 28, "Blosc: table of blocks outside", "table too long");
	header(b, 0x30, 1, 8, 8, 24);
	set32(b + 16, 21);
	refused(b, 24, "Blosc: block outside", "block at the end");
	set32(b + 16, 0xffffffff);
	refused(b, 24, "Blosc: block outside", "block far away");
	set32(b + 16, 20);
	set32(b + 20, 1);
	refused(b, 24, "Blosc: stream outside", "stream too long");
	set32(b + 20, 0xffffffff);
	refused(b, 24, "Blosc: stream outside", "negative stream");
	header(b, 0x10, 1, 8, 8, 33);
	set32(b + 20, 9);
	refused(b, 33, "Blosc: stream longer than its block", "long stream");
}

/* Large ones, within another limit. */
static void
refused_large(size_t len, size_t blocksize, unsigned flags, const char *why,
    const char *what)
{
	unsigned char *b = calloc(1, len);
	struct amas__blosc_info info;
	struct amas_error err = { 0, 0, "" };

	if (b == NULL)
		abort();
	header(b, flags, 1, (uint32_t)blocksize, (uint32_t)blocksize,
	    (uint32_t)len);
	set32(b + 16, 20);
	set32(b + 20, (uint32_t)(len - 24));
	tap_int(amas__blosc_check(&info, b, len, (size_t)64 << 20, &err),
	    AMAS_EPROTO, "faults 19: %s: refused", what);
	tap_str(err.text, why, "faults 19: %s: says why", what);
	free(b);
}

static void
check_large(void)
{
	unsigned char *b = calloc(1, 9 << 20);
	struct amas__blosc_info info;
	struct amas_error err = { 0, 0, "" };

	refused_large(24, (4 << 20) + 1, 0x10, "Blosc: blosclz block of 4194305 "
	    "bytes, limit 4194304", "block of blosclz");
	/* The wrap of c-blosc 405 needs a stream of this size. */
	refused_large(24 + (8 << 20), 32 << 20, 0x30, "Blosc: stream of 8388608 "
	    "bytes, limit 8388607", "stream of 8 MiB");
	if (b == NULL)
		abort();
	header(b, 0x30, 1, 32 << 20, 32 << 20, (8 << 20) - 1 + 24);
	set32(b + 16, 20);
	set32(b + 20, (8 << 20) - 1);
	tap_int(amas__blosc_check(&info, b, (8 << 20) - 1 + 24,
	    (size_t)64 << 20, &err), 0, "a stream one byte shorter is looked "
	    "at");
	header(b, 0x10, 1, 4 << 20, 4 << 20, 28);
	set32(b + 20, 4);
	tap_int(amas__blosc_check(&info, b, 28, (size_t)64 << 20, &err), 0,
	    "a blosclz block of 4 MiB is looked at");
	free(b);
}

/* ---- With the module ---- */

static void
decoded(const struct amas_codec *codec, const void *data, size_t len,
    const char *want, const char *what)
{
	struct amas_error err = { 0, 0, "" };
	struct amas_value *v = NULL;
	const char *text = err.text;

	if (amas_value_decode(&v, codec, NULL, data, len, &err) == 0)
		text = amas_value_text(v);
	tap_str(text != NULL ? text : "no text", want, "%s", what);
	amas_value_free(v);
}

static void
round_trip(const struct amas_codec *codec, size_t len, bool random)
{
	struct amas_error err = { 0, 0, "" };
	struct amas_value *v, *again = NULL;
	char *text = malloc(len + 1);
	void *data = NULL;
	size_t n = 0, i;
	unsigned r = 1;

	if (text == NULL)
		abort();
	for (i = 0; i < len; i++) {
		r = r * 1103515245 + 12345;
		text[i] = random ? (char)('a' + (r >> 16) % 26) : 'x';
	}
	v = amas_value_pack("s%", text, len);
	tap_int(amas_value_encode(v, codec, NULL, &data, &n, &err), 0,
	    "%zu bytes%s: written", len, random ? " at random" : "");
	tap_ok(n <= len + 5 + AMAS__BLOSC_HEADER, "%zu bytes: header and "
	    "MsgPack at most", len);
	tap_int(amas_value_decode(&again, codec, NULL, data, n, &err), 0,
	    "%zu bytes: read: %s", len, err.text);
	tap_ok(amas__value_equal(v, again), "%zu bytes: the same", len);
	amas_value_free(v);
	amas_value_free(again);
	free(text);
	free(data);
}

static void
check_module(const struct amas_codec *codec)
{
	static const size_t sizes[] = { 0, 1, 6, 7, 8, 100, 125, 126, 127, 128,
		1000, 65535, 1 << 20, 5 << 20 };
	unsigned char b[64] = { 0 };
	size_t i;

	header(b, 2, 8, 3, 1, 19);
	memcpy(b + 16, "\xa2hi", 3);
	decoded(codec, b, 19, "hi", "copied bytes are read");
	header(b, 0x11, 1, 8, 8, 26);
	set32(b + 16, 20);
	set32(b + 20, 2);
	memcpy(b + 24, "\xff\xff", 2);
	decoded(codec, b, 26, "Blosc: its blosclz data are damaged",
	    "faults 19: damaged data");
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		round_trip(codec, sizes[i], false);
		round_trip(codec, sizes[i], true);
	}
}

int
main(void)
{
	const struct amas_codec *codec;
	struct amas_error err;

	check_headers();
	check_tables();
	check_large();
	tap_str(amas__blosc_format(2), "snappy", "faults 20: formats have "
	    "names");
	if (amas_codec_find(&codec, "msgpack-blosc", &err) == 0)
		check_module(codec);
	else
		tap_ok(true, "the module # SKIP %s", err.text);
	return tap_done();
}
