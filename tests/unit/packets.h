/*
 * Packets by hand, for the tests of captures: each function adds to a buffer
 * what its name says.  Between 10.0.0.1:1000, side 0, and 10.0.0.2:5555.
 */
#ifndef PACKETS_H
#define PACKETS_H

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "capture_packet.h"

#define SYN AMAS__TCP_SYN
#define FIN AMAS__TCP_FIN
#define RST AMAS__TCP_RST
#define ACK AMAS__TCP_ACK

static inline void
put(struct amas__buf *b, const void *data, size_t len)
{
	if (amas__buf_put(b, data, len) != 0)
		abort();
}

static inline void
put8(struct amas__buf *b, unsigned n)
{
	unsigned char c = (unsigned char)n;

	put(b, &c, 1);
}

static inline void
put16(struct amas__buf *b, unsigned n)
{
	put8(b, n >> 8);
	put8(b, n);
}

static inline void
put32(struct amas__buf *b, uint32_t n)
{
	put16(b, n >> 16);
	put16(b, n);
}

/* In the other order of bytes. */
static inline void
le16(struct amas__buf *b, unsigned n)
{
	put8(b, n);
	put8(b, n >> 8);
}

static inline void
le32(struct amas__buf *b, uint32_t n)
{
	le16(b, n);
	le16(b, n >> 16);
}

static inline void
put_tcp(struct amas__buf *b, int dir, uint32_t seq, uint32_t ack,
    unsigned flags, const char *data, size_t len)
{
	put16(b, dir == 0 ? 1000 : 5555);
	put16(b, dir == 0 ? 5555 : 1000);
	put32(b, seq);
	put32(b, ack);
	put8(b, 5 << 4);
	put8(b, flags);
	put(b, "\xff\xff\0\0\0\0", 6);
	put(b, data, len);
}

static inline void
put_ip4(struct amas__buf *b, int dir, size_t len, unsigned fragment)
{
	put(b, "\x45\0", 2);
	put16(b, (unsigned)len + 20);
	put16(b, 7);
	put16(b, fragment);
	put(b, "\x40\x06\0\0", 4);
	put(b, dir == 0 ? "\x0a\0\0\x01\x0a\0\0\x02" :
	    "\x0a\0\0\x02\x0a\0\0\x01", 8);
}

static inline void
put_ip6(struct amas__buf *b, int dir, size_t len, unsigned next)
{
	static const char zeros[15];

	put(b, "\x60\0\0\0", 4);
	put16(b, (unsigned)len);
	put8(b, next);
	put8(b, 64);
	put(b, zeros, 15);
	put8(b, dir == 0 ? 1 : 2);
	put(b, zeros, 15);
	put8(b, dir == 0 ? 2 : 1);
}

static inline void
put_ethernet(struct amas__buf *b, unsigned type)
{
	put(b, "\1\2\3\4\5\6\1\2\3\4\5\7", 12);
	put16(b, type);
}

/* A whole frame of Ethernet. */
static inline void
put_frame(struct amas__buf *b, int dir, uint32_t seq, uint32_t ack,
    unsigned flags, const char *data)
{
	put_ethernet(b, 0x0800);
	put_ip4(b, dir, 20 + strlen(data), 0);
	put_tcp(b, dir, seq, ack, flags, data, strlen(data));
}

/* Of a file of pcap. */
static inline void
put_pcap_header(struct amas__buf *b, unsigned link)
{
	put32(b, 0xa1b2c3d4u);
	put16(b, 2);
	put16(b, 4);
	put32(b, 0);
	put32(b, 0);
	put32(b, 262144);
	put32(b, link);
}

static inline void
put_pcap_packet(struct amas__buf *b, const struct amas__buf *packet)
{
	put32(b, 1000);
	put32(b, 500000);
	put32(b, (uint32_t)amas__buf_len(packet));
	put32(b, (uint32_t)amas__buf_len(packet));
	put(b, amas__buf_head(packet), amas__buf_len(packet));
}

static inline void
put_pcap_frame(struct amas__buf *b, int dir, uint32_t seq, uint32_t ack,
    unsigned flags, const char *data)
{
	struct amas__buf packet;

	amas__buf_init(&packet, 0);
	put_frame(&packet, dir, seq, ack, flags, data);
	put_pcap_packet(b, &packet);
	amas__buf_fini(&packet);
}

#endif
