/*
 * The layout of a Blosc-1 buffer, all little-endian:
 *
 *	byte	version 2, version of the format, flags, size of an item
 *	uint32	bytes unpacked, bytes of a block, bytes of all this
 *
 * then, if flags say so, the bytes as they are; else the offset of each block,
 * and the blocks: one stream, or one for each byte of an item, with its length
 * before it.  Nothing may lie outside of it; what is in between does not matter.
 */
#include "blosc_check.h"

#include <stdint.h>

#define SHUFFLED 1
#define COPIED 2
#define BITSHUFFLED 4
#define RESERVED 8
#define WHOLE 16		/* blocks are not split into streams */
#define SPLITS_MAX 16		/* bytes of an item that can be split by */
#define SPLIT_MIN 128		/* bytes of a stream, at least */
#define BLOCK_MAX ((INT32_MAX - 256 * 4) / 3)	/* c-blosc's own limit */

struct header {
	unsigned version, format_version, flags, typesize;
	size_t nbytes, blocksize, cbytes;
};

static uint32_t
get32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

static void
read_header(struct header *h, const unsigned char *p)
{
	h->version = p[0];
	h->format_version = p[1];
	h->flags = p[2];
	h->typesize = p[3];
	h->nbytes = get32(p + 4);
	h->blocksize = get32(p + 8);
	h->cbytes = get32(p + 12);
}

static int
bad(struct amas_error *err, const char *what)
{
	return amas_error_set(err, AMAS_EPROTO, "Blosc: %s", what);
}

static int
check_header(const struct header *h, size_t len, size_t max,
    struct amas_error *err)
{
	if (h->version != 2)
		return amas_error_set(err, AMAS_EPROTO, "Blosc: version %u, "
		    "not 2", h->version);
	if (h->cbytes != len)
		return amas_error_set(err, AMAS_EPROTO, "Blosc: header says "
		    "%zu bytes, message has %zu", h->cbytes, len);
	if (h->nbytes > max)
		return amas_error_set(err, AMAS_ETOOBIG, "Blosc: unpacks to "
		    "%zu bytes, limit %zu", h->nbytes, max);
	if ((h->flags & RESERVED) != 0)
		return bad(err, "unknown flag");
	if (h->nbytes == 0)
		return bad(err, "empty");
	if (h->typesize == 0)
		return bad(err, "items of no size");
	if (h->blocksize == 0 || h->blocksize > h->nbytes ||
	    h->blocksize > BLOCK_MAX)
		return amas_error_set(err, AMAS_EPROTO, "Blosc: blocks of %zu "
		    "bytes in %zu", h->blocksize, h->nbytes);
	return 0;
}

/* One block, size bytes unpacked, in n streams, from offset at on. */
static int
check_block(const struct header *h, const unsigned char *p, size_t at,
    size_t size, size_t n, bool lz, struct amas_error *err)
{
	size_t stream, each = size / n;

	for (; n > 0; n--) {
		if (at > h->cbytes || h->cbytes - at < 4)
			return bad(err, "block outside");
		stream = get32(p + at);
		at += 4;
		if (stream > h->cbytes - at)
			return bad(err, "stream outside");
		if (stream >= AMAS__BLOSC_STREAM && stream != each)
			return amas_error_set(err, AMAS_EPROTO, "Blosc: stream "
			    "of %zu bytes, limit %zu", stream,
			    AMAS__BLOSC_STREAM - 1);
		if (lz && stream > each)
			return bad(err, "stream longer than its block");
		at += stream;
	}
	return 0;
}

static int
check_blocks(const struct header *h, const unsigned char *p, bool lz,
    struct amas_error *err)
{
	size_t n = (h->nbytes - 1) / h->blocksize + 1, i, size, splits;
	bool split = (h->flags & WHOLE) == 0 && h->typesize <= SPLITS_MAX &&
	    h->blocksize / h->typesize >= SPLIT_MIN;
	int rc;

	if (n > (h->cbytes - AMAS__BLOSC_HEADER) / 4)
		return bad(err, "table of blocks outside");
	for (i = 0; i < n; i++) {
		size = i < n - 1 || h->nbytes % h->blocksize == 0 ?
		    h->blocksize : h->nbytes % h->blocksize;
		splits = split && size == h->blocksize ? h->typesize : 1;
		rc = check_block(h, p, get32(p + AMAS__BLOSC_HEADER + 4 * i),
		    size, splits, lz, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int
amas__blosc_check(struct amas__blosc_info *info, const void *data, size_t len,
    size_t max, struct amas_error *err)
{
	struct header h;
	int rc;

	if (len < AMAS__BLOSC_HEADER)
		return amas_error_set(err, AMAS_EPROTO, "Blosc: %zu bytes, "
		    "shorter than a header", len);
	read_header(&h, data);
	if ((rc = check_header(&h, len, max, err)) != 0)
		return rc;
	info->nbytes = h.nbytes;
	info->copied = (h.flags & COPIED) != 0;
	info->format = (int)(h.flags >> 5);
	if (info->copied)
		return h.cbytes - AMAS__BLOSC_HEADER == h.nbytes ? 0 :
		    bad(err, "sizes disagree");
	if (amas__blosc_format(info->format) == NULL || h.format_version != 1)
		return amas_error_set(err, AMAS_EPROTO, "Blosc: format %d, "
		    "version %u is unknown", info->format, h.format_version);
	if ((h.flags & SHUFFLED) != 0 && (h.flags & BITSHUFFLED) != 0)
		return bad(err, "shuffled both ways");
	if (info->format == 0 && h.blocksize > AMAS__BLOSCLZ_BLOCK)
		return amas_error_set(err, AMAS_EPROTO, "Blosc: blosclz block "
		    "of %zu bytes, limit %zu", h.blocksize,
		    AMAS__BLOSCLZ_BLOCK);
	return check_blocks(&h, data, info->format == 0, err);
}

const char *
amas__blosc_format(int format)
{
	static const char *const names[] = { "blosclz", "lz4", "snappy", "zlib",
		"zstd" };

	return format >= 0 && format < 5 ? names[format] : NULL;
}

bool
amas__blosc_looks_like(const void *data, size_t len)
{
	struct header h;

	if (len < AMAS__BLOSC_HEADER)
		return false;
	read_header(&h, data);
	return h.version == 2 && h.format_version <= 2 && h.cbytes >= 16 &&
	    h.typesize != 0 && (h.flags & RESERVED) == 0 &&
	    (h.cbytes == len || (h.cbytes > len && h.nbytes >= 16));
}
