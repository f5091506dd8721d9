/*
 * MsgPackBlosc: MsgPack inside one Blosc buffer.  A module of its own, loaded
 * when somebody asks for the codec: the library's pages cost every start.
 *
 * Written as python-blosc does by default: level 9, bytes shuffled, blosclz,
 * items of 8 bytes.  Any Blosc-1 buffer is read; no call of the library sees one
 * that amas__blosc_check() has not.  Only the calls with a context of their own
 * are used: the others obey BLOSC_... in the environment, and lock.
 */
#include <blosc.h>
#include <stdlib.h>
#include <string.h>

#include "blosc_check.h"
#include "codec.h"
#include "err.h"
#include "mem.h"
#include "module.h"

#define LEVEL 9
#define ITEM 8
#define COPIED_FLAGS (BLOSC_DOSHUFFLE | BLOSC_MEMCPYED | 0x10)

/* ---- Reading ---- */

/* Whether this build of the library reads a format. */
static bool
has_format(int format)
{
	const char *name;

	return blosc_compcode_to_compname(format == BLOSC_LZ4_FORMAT ?
	    BLOSC_LZ4 : format == BLOSC_SNAPPY_FORMAT ? BLOSC_SNAPPY :
	    format == BLOSC_ZLIB_FORMAT ? BLOSC_ZLIB :
	    format == BLOSC_ZSTD_FORMAT ? BLOSC_ZSTD : BLOSC_BLOSCLZ,
	    &name) >= 0;
}

/* Unpacks to where there is room for nbytes. */
static int
unpack(char *to, const struct amas__blosc_info *info, const char *data,
    struct amas_error *err)
{
	if (info->copied) {
		memcpy(to, data + AMAS__BLOSC_HEADER, info->nbytes);
		return 0;
	}
	if (!has_format(info->format))
		return amas_error_set(err, AMAS_EPROTO, "Blosc: %s is not in "
		    "this machine's c-blosc", amas__blosc_format(info->format));
	if (blosc_decompress_ctx(data, to, info->nbytes, 1) !=
	    (int)info->nbytes)
		return amas_error_set(err, AMAS_EPROTO,
		    "Blosc: its %s data are damaged",
		    amas__blosc_format(info->format));
	return 0;
}

static int
decode(struct amas__area *a, char *data, size_t len,
    const struct amas__limits *limits, const struct amas_value **out,
    bool *typed, struct amas_error *err)
{
	size_t max = limits != NULL && limits->max_bytes != 0 ?
	    limits->max_bytes : AMAS__BYTES_MAX;
	struct amas__blosc_info info;
	char *text;
	int rc;

	if ((rc = amas__blosc_check(&info, data, len, max, err)) != 0)
		return rc;
	if (info.copied) /* it stays where it is */
		return amas__codec_msgpack.builtin->decode(a,
		    data + AMAS__BLOSC_HEADER, info.nbytes, limits, out, typed,
		    err);
	if ((text = malloc(info.nbytes + 1)) == NULL ||
	    amas__area_take_memory(a, text) != 0)
		return amas__error_nomem(err);
	if ((rc = unpack(text, &info, data, err)) != 0)
		return rc;
	return amas__codec_msgpack.builtin->decode(a, text, info.nbytes,
	    limits, out, typed, err);
}

/*
 * Only the first bytes are wanted, but they may be anywhere in the first block:
 * all of it is unpacked.  This is asked of a peer that does not read, alone.
 */
static int
peek(const char *data, size_t len)
{
	struct amas__blosc_info info;
	struct amas_error err;
	char *text;
	int type = -1;

	if (amas__blosc_check(&info, data, len, AMAS__BYTES_MAX, &err) != 0 ||
	    (text = malloc(info.nbytes)) == NULL)
		return -1;
	if (unpack(text, &info, data, &err) == 0)
		type = amas__codec_msgpack.builtin->peek(text, info.nbytes);
	free(text);
	return type;
}

/* ---- Writing ---- */

static void
set32(unsigned char *p, size_t n)
{
	p[0] = (unsigned char)n;
	p[1] = (unsigned char)(n >> 8);
	p[2] = (unsigned char)(n >> 16);
	p[3] = (unsigned char)(n >> 24);
}

/* What the library makes of so few bytes; it would take twice as long. */
static int
put_copied(struct amas__buf *b, const void *data, size_t len)
{
	unsigned char head[AMAS__BLOSC_HEADER] = { BLOSC_VERSION_FORMAT,
		BLOSC_BLOSCLZ_VERSION_FORMAT, COPIED_FLAGS, ITEM };
	int rc;

	set32(head + 4, len);
	set32(head + 8, len < ITEM ? 1 : len / ITEM * ITEM);
	set32(head + 12, len + sizeof head);
	if ((rc = amas__buf_reserve(b, len + sizeof head)) != 0)
		return rc;
	(void)amas__buf_put(b, head, sizeof head);
	return amas__buf_put(b, data, len);
}

static int
put_packed(struct amas__buf *b, const void *data, size_t len)
{
	size_t room = len + BLOSC_MAX_OVERHEAD, max = b->max;
	int n, rc;

	b->max = 0; /* what it comes to is known afterwards */
	rc = amas__buf_reserve(b, room);
	b->max = max;
	if (rc != 0)
		return rc;
	n = blosc_compress_ctx(LEVEL, BLOSC_SHUFFLE, ITEM, len, data,
	    b->data + b->end, room, BLOSC_BLOSCLZ_COMPNAME, 0, 1);
	if (n <= 0)
		return AMAS_EINVAL;
	if (max != 0 && amas__buf_len(b) + (size_t)n > max)
		return AMAS_ETOOBIG;
	b->end += (size_t)n;
	return 0;
}

static int
encode(struct amas_out *out, const struct amas_value *v, struct amas_error *err)
{
	struct amas_out inner = *out;
	struct amas__buf b;
	size_t len;
	int rc;

	amas__buf_init(&b, out->buf->max != 0 ? out->buf->max :
	    BLOSC_MAX_BUFFERSIZE);
	inner.buf = &b;
	rc = amas__codec_msgpack.builtin->encode(&inner, v, err);
	len = amas__buf_len(&b);
	if (rc == 0) {
		rc = len < AMAS__BLOSC_COPIED ?
		    put_copied(out->buf, amas__buf_head(&b), len) :
		    put_packed(out->buf, amas__buf_head(&b), len);
		if (rc != 0)
			rc = amas__out_error(out, rc, err);
	}
	amas__buf_fini(&b);
	return rc;
}

static const struct amas__codec_ops ops = {
	.decode = decode,
	.encode = encode,
	.peek = peek,
};

static const struct amas_codec codec = {
	.name = "msgpack-blosc",
	.builtin = &ops,
};

__attribute__((visibility("default")))
const struct amas__module amas__module = { AMAS_VERSION, &codec, NULL };
