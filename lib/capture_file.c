/*
 * The reader of capture files.  Each step looks whether what it needs is in the
 * buffer, and takes it whole or not at all; so the buffer holds at most one
 * packet and what was put last.  Lengths are compared with limits before
 * anything waits for that many bytes.
 */
#include "capture_file.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "mem.h"

#define PCAP_HEADER 24
#define PCAP_RECORD 16
#define PCAP_MICRO 0xa1b2c3d4u
#define PCAP_NANO 0xa1b23c4du
#define PCAP_LINK 0x0fffffffu	/* above: how long the checksum of a frame is */

#define NG_SECTION 0x0a0d0d0au	/* the same in both orders of bytes */
#define NG_MAGIC 0x1a2b3c4du
#define NG_IFACE 1u
#define NG_OLD_PACKET 2u
#define NG_SIMPLE 3u
#define NG_PACKET 6u
#define NG_OPT_END 0
#define NG_OPT_RESOLUTION 9
#define NG_OPT_OFFSET 14

#define GZIP 0x1f8bu

enum { UNKNOWN, PCAP, PCAPNG };

void
amas__capture_file_init(struct amas__capture_file *r)
{
	memset(r, 0, sizeof *r);
	amas__buf_init(&r->in, 0);
}

void
amas__capture_file_fini(struct amas__capture_file *r)
{
	amas__buf_fini(&r->in);
	free(r->ifaces);
	r->ifaces = NULL;
	r->n = r->cap = 0;
}

/* Numbers in the order of bytes of the file. */
static uint16_t
get16(const struct amas__capture_file *r, const unsigned char *p)
{
	unsigned little = (unsigned)p[1] << 8 | p[0];

	return r->swapped ? (uint16_t)little : amas__get16(p);
}

static uint32_t
get32(const struct amas__capture_file *r, const unsigned char *p)
{
	return r->swapped ? (uint32_t)get16(r, p + 2) << 16 | get16(r, p) :
	    amas__get32(p);
}

static uint64_t
get64(const struct amas__capture_file *r, const unsigned char *p)
{
	return r->swapped ? (uint64_t)get32(r, p + 4) << 32 | get32(r, p) :
	    amas__get64(p);
}

/* The next len bytes, or NULL if they are not there yet. */
static const unsigned char *
peek(const struct amas__capture_file *r, size_t len)
{
	return amas__buf_len(&r->in) >= len ?
	    (const unsigned char *)amas__buf_head(&r->in) : NULL;
}

/* Drops len bytes, of which some may be still to come. */
static void
skip(struct amas__capture_file *r, uint64_t len)
{
	size_t have = amas__buf_len(&r->in);

	if (len < have)
		have = (size_t)len;
	amas__buf_consume(&r->in, have);
	r->skip = len - have;
}

static int
add_iface(struct amas__capture_file *r, const struct amas__capture_iface *i)
{
	size_t cap = r->cap != 0 ? r->cap * 2 : 1;
	struct amas__capture_iface *p;

	if (r->n >= AMAS__CAPTURE_IFACES_MAX)
		return amas_error_set(&r->err, AMAS_ETOOBIG,
		    "more than %d interfaces", AMAS__CAPTURE_IFACES_MAX);
	if (r->n == r->cap) {
		if ((p = amas__reallocarray(r->ifaces, cap,
		    sizeof *p)) == NULL)
			return amas__error_nomem(&r->err);
		r->ifaces = p;
		r->cap = cap;
	}
	r->ifaces[r->n++] = *i;
	return 0;
}

/* An error of the packet that comes next, so that it can be found. */
static int
too_long(struct amas__capture_file *r, const char *what, size_t len, size_t max)
{
	return amas_error_set(&r->err, AMAS_ETOOBIG,
	    "packet %llu: %s of %zu bytes, limit %zu",
	    (unsigned long long)r->number + 1, what, len, max);
}

static int
broken(struct amas__capture_file *r, const char *why)
{
	return amas_error_set(&r->err, AMAS_EPROTO, "packet %llu: %s",
	    (unsigned long long)r->number + 1, why);
}

/* Gives len bytes at data; what is before and behind them goes with them. */
static int
give(struct amas__capture_file *r, struct amas__packet *out,
    const unsigned char *data, size_t len, size_t wire, size_t used)
{
	out->number = ++r->number;
	out->data = data;
	out->len = len;
	out->wire = wire > len ? wire : len;
	r->used = used;
	return 1;
}

/* ---- pcap ---- */

static int
pcap_header(struct amas__capture_file *r)
{
	const unsigned char *p = peek(r, PCAP_HEADER);
	struct amas__capture_iface i = { 0 };

	if (p == NULL)
		return 0;
	if (get16(r, p + 4) != 2)
		return amas_error_set(&r->err, AMAS_EPROTO,
		    "pcap of version %u.%u, not 2", get16(r, p + 4),
		    get16(r, p + 6));
	i.unit_s = get32(r, p) == PCAP_NANO ? 1e-9 : 1e-6;
	i.link = get32(r, p + 20) & PCAP_LINK;
	r->format = PCAP;
	amas__buf_consume(&r->in, PCAP_HEADER);
	return add_iface(r, &i);
}

static int
pcap_next(struct amas__capture_file *r, struct amas__packet *out)
{
	const unsigned char *p = peek(r, PCAP_RECORD);
	uint32_t len;

	if (p == NULL)
		return 0;
	if ((len = get32(r, p + 8)) > AMAS__CAPTURE_PACKET_MAX)
		return too_long(r, "packet", len, AMAS__CAPTURE_PACKET_MAX);
	if (peek(r, PCAP_RECORD + len) == NULL)
		return 0;
	out->time_s = get32(r, p) + get32(r, p + 4) * r->ifaces[0].unit_s;
	out->link = r->ifaces[0].link;
	return give(r, out, p + PCAP_RECORD, len, get32(r, p + 12),
	    PCAP_RECORD + len);
}

/* ---- pcapng ---- */

/* A new section: nothing of the one before holds for it. */
static int
ng_section(struct amas__capture_file *r)
{
	const unsigned char *p = peek(r, 16);
	uint32_t len;

	if (p == NULL)
		return 0;
	if (amas__get32(p + 8) != NG_MAGIC) {
		r->swapped = true;
		if (get32(r, p + 8) != NG_MAGIC)
			return broken(r, "section without order of bytes");
	} else {
		r->swapped = false;
	}
	len = get32(r, p + 4);
	if (len < 28 || len % 4 != 0)
		return broken(r, "section of wrong length");
	if (get16(r, p + 12) != 1)
		return amas_error_set(&r->err, AMAS_EPROTO,
		    "pcapng of version %u.%u, not 1", get16(r, p + 12),
		    get16(r, p + 14));
	r->format = PCAPNG;
	r->n = 0;
	skip(r, len);
	return 1;
}

static double
power(double base, unsigned n)
{
	double x = 1;

	while (n-- > 0)
		x *= base;
	return x;
}

/* The options of an interface, len bytes, that change its time. */
static void
ng_options(const struct amas__capture_file *r, struct amas__capture_iface *i,
    const unsigned char *p, size_t len)
{
	unsigned code;
	size_t n, padded;

	while (len >= 4) {
		code = get16(r, p);
		n = get16(r, p + 2);
		padded = (n + 3) & ~(size_t)3;
		p += 4;
		len -= 4;
		if (code == NG_OPT_END || padded > len)
			return;
		if (code == NG_OPT_RESOLUTION && n == 1)
			i->unit_s = 1 / power((p[0] & 0x80) ? 2 : 10,
			    p[0] & 0x7f);
		else if (code == NG_OPT_OFFSET && n == 8)
			i->offset_s = (double)(int64_t)get64(r, p);
		p += padded;
		len -= padded;
	}
}

static int
ng_iface(struct amas__capture_file *r, const unsigned char *p, size_t len)
{
	struct amas__capture_iface i = { .unit_s = 1e-6 };
	int rc;

	if (len < 20)
		return broken(r, "interface of wrong length");
	i.link = get16(r, p + 8);
	i.snap = get32(r, p + 12);
	ng_options(r, &i, p + 16, len - 20);
	if ((rc = add_iface(r, &i)) != 0)
		return rc;
	amas__buf_consume(&r->in, len);
	return 1;
}

/* Where a block of a packet has what; head: bytes before the data. */
struct ng_fields {
	size_t head;
	uint32_t iface, len, wire;
	uint64_t stamp;
};

static int
ng_fields(struct amas__capture_file *r, struct ng_fields *f, uint32_t type,
    const unsigned char *p, size_t len)
{
	f->head = type == NG_SIMPLE ? 12 : 28;
	if (len < f->head + 4)
		return broken(r, "block of wrong length");
	if (type == NG_SIMPLE) {
		f->iface = 0;
		f->wire = get32(r, p + 8);
		f->stamp = 0;
	} else {
		f->iface = type == NG_PACKET ? get32(r, p + 8) :
		    get16(r, p + 8);
		f->stamp = (uint64_t)get32(r, p + 12) << 32 | get32(r, p + 16);
		f->len = get32(r, p + 20);
		f->wire = get32(r, p + 24);
	}
	if (f->iface >= r->n)
		return broken(r, "interface that was not announced");
	if (type == NG_SIMPLE) { /* its length is told by what bounds it */
		f->len = r->ifaces[f->iface].snap;
		if (f->len == 0 || f->len > f->wire)
			f->len = f->wire;
		if (f->len > len - f->head - 4)
			f->len = (uint32_t)(len - f->head - 4);
	}
	if (f->len > len - f->head - 4)
		return broken(r, "longer than its block");
	if (f->len > AMAS__CAPTURE_PACKET_MAX)
		return too_long(r, "packet", f->len, AMAS__CAPTURE_PACKET_MAX);
	return 0;
}

static int
ng_packet(struct amas__capture_file *r, struct amas__packet *out,
    uint32_t type, const unsigned char *p, size_t len)
{
	const struct amas__capture_iface *i;
	struct ng_fields f = { 0 };
	int rc;

	if ((rc = ng_fields(r, &f, type, p, len)) != 0)
		return rc;
	i = &r->ifaces[f.iface];
	out->link = i->link;
	out->time_s = type == NG_SIMPLE ? 0 :
	    (double)f.stamp * i->unit_s + i->offset_s;
	return give(r, out, p + f.head, f.len, f.wire, len);
}

/* Takes one block.  Returns 1 if the next can be looked at, 2 with a packet. */
static int
ng_block(struct amas__capture_file *r, struct amas__packet *out)
{
	const unsigned char *p = peek(r, 8);
	uint32_t type, len;
	int rc;

	if (p == NULL)
		return 0;
	if ((type = get32(r, p)) == NG_SECTION)
		return ng_section(r);
	len = get32(r, p + 4);
	if (len < 12 || len % 4 != 0)
		return broken(r, "block of wrong length");
	if (type != NG_IFACE && type != NG_PACKET && type != NG_SIMPLE &&
	    type != NG_OLD_PACKET) {
		skip(r, len);
		return 1;
	}
	if (len > AMAS__CAPTURE_BLOCK_MAX)
		return too_long(r, "block", len, AMAS__CAPTURE_BLOCK_MAX);
	if ((p = peek(r, len)) == NULL)
		return 0;
	if (get32(r, p + len - 4) != len)
		return broken(r, "block with two lengths");
	if (type == NG_IFACE)
		return ng_iface(r, p, len);
	rc = ng_packet(r, out, type, p, len);
	return rc == 1 ? 2 : rc;
}

/* ---- Both ---- */

/* Looks which format it is; what is none is named if it is a likely mistake. */
static int
begin(struct amas__capture_file *r)
{
	const unsigned char *p = peek(r, 4);
	uint32_t magic;

	if (p == NULL)
		return 0;
	magic = amas__get32(p);
	if (magic == NG_SECTION)
		return ng_section(r);
	if (magic != PCAP_MICRO && magic != PCAP_NANO) {
		r->swapped = true;
		magic = get32(r, p);
	}
	if (magic == PCAP_MICRO || magic == PCAP_NANO)
		return pcap_header(r);
	if (amas__get16(p) == GZIP)
		return amas_error_set(&r->err, AMAS_EPROTO,
		    "compressed; zcat FILE | ... -r - reads it");
	return amas_error_set(&r->err, AMAS_EPROTO,
	    "neither pcap nor pcapng");
}

bool
amas__capture_file_is(const void *head)
{
	struct amas__capture_file little = { .swapped = true };
	uint32_t big = amas__get32(head), other = get32(&little, head);

	return big == NG_SECTION || big == PCAP_MICRO || big == PCAP_NANO ||
	    other == PCAP_MICRO || other == PCAP_NANO || big >> 16 == GZIP;
}

int
amas__capture_file_put(struct amas__capture_file *r, const void *data,
    size_t len, struct amas_error *err)
{
	const char *p = data;
	size_t n = r->skip < len ? (size_t)r->skip : len;

	r->skip -= n;
	amas__buf_consume(&r->in, r->used);
	r->used = 0;
	if (amas__buf_put(&r->in, p + n, len - n) != 0)
		return amas__error_nomem(err);
	return 0;
}

int
amas__capture_file_next(struct amas__capture_file *r,
    struct amas__packet *out, struct amas_error *err)
{
	int rc = r->failed;

	amas__buf_consume(&r->in, r->used);
	r->used = 0;
	if (rc == 0 && r->format == UNKNOWN) {
		r->swapped = false;
		if ((rc = begin(r)) > 0)
			rc = 0;
	}
	if (rc >= 0 && r->format == PCAP)
		rc = pcap_next(r, out);
	else if (rc >= 0 && r->format == PCAPNG)
		while (r->skip == 0 && (rc = ng_block(r, out)) == 1)
			rc = 0;
	if (rc > 0)
		return 1;
	if (rc < 0 && r->failed == 0)
		r->failed = rc;
	return rc < 0 ? amas__error_copy(err, &r->err) : 0;
}

int
amas__capture_file_eof(struct amas__capture_file *r, struct amas_error *err)
{
	size_t left = amas__buf_len(&r->in) - r->used;

	if (r->failed != 0)
		return amas__error_copy(err, &r->err);
	if (left == 0 && r->skip == 0 && r->format != UNKNOWN)
		return 0;
	if (left == 0 && r->format == UNKNOWN)
		return amas_error_set(err, AMAS_EPROTO, "empty");
	if (r->format == UNKNOWN)
		return amas_error_set(err, AMAS_EPROTO, left < 4 ?
		    "neither pcap nor pcapng" : "cut in its header");
	return amas_error_set(err, AMAS_EPROTO, "packet %llu: cut",
	    (unsigned long long)r->number + 1);
}
