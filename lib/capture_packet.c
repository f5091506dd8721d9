/*
 * Headers of packets.  What is left is one pair, captured and sent bytes, that
 * only ever gets smaller, by lengths that were compared with it; each header
 * takes some bytes, so no chain of them is endless.
 */
#include "capture_packet.h"

#include <string.h>

#include "buf.h"

#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_IPV6 0x86ddu
#define ETHERTYPE_VLAN 0x8100u
#define ETHERTYPE_QINQ 0x88a8u
#define ETHERTYPE_OLD_QINQ 0x9100u

#define PROTO_HOP 0
#define PROTO_TCP 6
#define PROTO_ROUTING 43
#define PROTO_FRAGMENT 44
#define PROTO_AH 51
#define PROTO_OPTIONS 60
#define PROTO_MOBILITY 135
#define PROTO_HIP 139
#define PROTO_SHIM6 140

/* What is left of a packet: len captured bytes, wire that were sent. */
struct rest {
	const unsigned char *p;
	size_t len, wire;
};

/* Takes a header of n bytes; NULL if not all of it was captured. */
static const unsigned char *
take(struct rest *r, size_t n)
{
	const unsigned char *p = r->p;

	if (n > r->len)
		return NULL;
	r->p += n;
	r->len -= n;
	r->wire -= n;
	return p;
}

/* What is behind the first n bytes is no part of it: padding. */
static void
bound(struct rest *r, size_t n)
{
	r->wire = n;
	if (r->len > n)
		r->len = n;
}

static enum amas__packet_kind
tcp(struct rest *r, struct amas__segment *s)
{
	const unsigned char *p = r->p;
	size_t head;

	if (r->len < 20 || (head = (size_t)(p[12] >> 4) * 4) < 20 ||
	    head > r->wire)
		return AMAS__PACKET_MALFORMED;
	s->port[0] = amas__get16(p);
	s->port[1] = amas__get16(p + 2);
	s->seq = amas__get32(p + 4);
	s->ack = amas__get32(p + 8);
	s->flags = p[13];
	s->len = r->wire - head;
	s->got = head < r->len ? r->len - head : 0;
	s->data = (const char *)p + (r->len - s->got);
	return AMAS__PACKET_TCP;
}

/*
 * A length of 0 is that of a segment larger than 64 KiB, which the network card
 * was to cut; it reaches to the end.  A length that is larger than what was sent
 * is a lie.
 */
static enum amas__packet_kind
ipv4(struct rest *r, struct amas__segment *s)
{
	const unsigned char *p = r->p;
	size_t head, total;

	if (r->len < 20 || p[0] >> 4 != 4 ||
	    (head = (size_t)(p[0] & 15) * 4) < 20)
		return AMAS__PACKET_MALFORMED;
	if ((total = amas__get16(p + 2)) == 0)
		total = r->wire;
	if (total < head || total > r->wire)
		return AMAS__PACKET_MALFORMED;
	bound(r, total);
	if (p[9] != PROTO_TCP)
		return AMAS__PACKET_OTHER;
	if ((amas__get16(p + 6) & 0x3fff) != 0) /* more of it, or not first */
		return AMAS__PACKET_FRAGMENT;
	if (take(r, head) == NULL)
		return AMAS__PACKET_MALFORMED;
	memset(s->addr, 0, sizeof s->addr);
	memcpy(s->addr[0], p + 12, 4);
	memcpy(s->addr[1], p + 16, 4);
	s->v6 = false;
	return tcp(r, s);
}

/* Bytes of an extension header that begins at p; 0: it is none. */
static size_t
extension(unsigned proto, const unsigned char *p)
{
	switch (proto) {
	case PROTO_HOP:
	case PROTO_ROUTING:
	case PROTO_OPTIONS:
	case PROTO_MOBILITY:
	case PROTO_HIP:
	case PROTO_SHIM6:
		return (size_t)p[1] * 8 + 8;
	case PROTO_FRAGMENT:
		return 8;
	case PROTO_AH:
		return (size_t)p[1] * 4 + 8;
	default:
		return 0;
	}
}

static enum amas__packet_kind
ipv6(struct rest *r, struct amas__segment *s)
{
	const unsigned char *p = take(r, 40);
	unsigned proto;
	size_t n, len;

	if (p == NULL || p[0] >> 4 != 6)
		return AMAS__PACKET_MALFORMED;
	if ((len = amas__get16(p + 4)) == 0)
		len = r->wire;
	if (len > r->wire)
		return AMAS__PACKET_MALFORMED;
	bound(r, len);
	memcpy(s->addr[0], p + 8, 16);
	memcpy(s->addr[1], p + 24, 16);
	s->v6 = true;
	for (proto = p[6]; proto != PROTO_TCP; proto = p[0]) {
		if (r->len < 8)
			return AMAS__PACKET_OTHER;
		if ((n = extension(proto, r->p)) == 0)
			return AMAS__PACKET_OTHER;
		if ((p = take(r, n)) == NULL)
			return AMAS__PACKET_MALFORMED;
		/* An offset and "more": one that is whole has neither. */
		if (proto == PROTO_FRAGMENT && (amas__get16(p + 2) & ~6u) != 0)
			return p[0] == PROTO_TCP ? AMAS__PACKET_FRAGMENT :
			    AMAS__PACKET_OTHER;
	}
	return tcp(r, s);
}

static enum amas__packet_kind
raw(struct rest *r, struct amas__segment *s)
{
	if (r->len == 0)
		return AMAS__PACKET_MALFORMED;
	return r->p[0] >> 4 == 6 ? ipv6(r, s) : ipv4(r, s);
}

static enum amas__packet_kind
ethertype(struct rest *r, struct amas__segment *s, unsigned type)
{
	const unsigned char *p;

	while (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ ||
	    type == ETHERTYPE_OLD_QINQ) {
		if ((p = take(r, 4)) == NULL)
			return AMAS__PACKET_MALFORMED;
		type = amas__get16(p + 2);
	}
	if (type == ETHERTYPE_IPV4)
		return ipv4(r, s);
	if (type == ETHERTYPE_IPV6)
		return ipv6(r, s);
	return AMAS__PACKET_OTHER;
}

/*
 * The family is a number of the machine that captured, in its order of bytes:
 * IPv4 is 2 everywhere, IPv6 one of four, others are no IP.
 */
static enum amas__packet_kind
loopback(struct rest *r, struct amas__segment *s)
{
	const unsigned char *p = take(r, 4);
	uint32_t family;

	if (p == NULL)
		return AMAS__PACKET_MALFORMED;
	family = amas__get32(p);
	if (family > 0xffff)
		family = (uint32_t)p[1] << 8 | p[0];
	switch (family) {
	case 2:
		return ipv4(r, s);
	case 10:
	case 24:
	case 28:
	case 30:
		return ipv6(r, s);
	default:
		return AMAS__PACKET_OTHER;
	}
}

/* A header of n bytes that has an Ethernet type at an offset. */
static enum amas__packet_kind
typed(struct rest *r, struct amas__segment *s, size_t n, size_t at)
{
	const unsigned char *p = take(r, n);

	return p == NULL ? AMAS__PACKET_MALFORMED :
	    ethertype(r, s, amas__get16(p + at));
}

enum amas__packet_kind
amas__capture_packet(const struct amas__packet *p, struct amas__segment *s)
{
	struct rest r = { p->data, p->len, p->wire };

	s->time_s = p->time_s;
	switch (p->link) {
	case AMAS__LINK_ETHERNET:
		return typed(&r, s, 14, 12);
	case AMAS__LINK_SLL:
		return typed(&r, s, 16, 14);
	case AMAS__LINK_SLL2:
		return typed(&r, s, 20, 0);
	case AMAS__LINK_NULL:
	case AMAS__LINK_LOOP:
		return loopback(&r, s);
	case AMAS__LINK_RAW:
	case AMAS__LINK_IPV4:
	case AMAS__LINK_IPV6:
		return raw(&r, s);
	default:
		return AMAS__PACKET_UNKNOWN;
	}
}
