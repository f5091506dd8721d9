/*
 * Finds the TCP segment in a packet: Ethernet (with VLAN tags), Linux cooked of
 * both versions, loopback, raw IP; IPv4, IPv6 and its extension headers.
 */
#ifndef AMAS__CAPTURE_PACKET_H
#define AMAS__CAPTURE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"
#include "capture_file.h"

#define AMAS__LINK_NULL 0u	/* LINKTYPE_..., as files have them */
#define AMAS__LINK_ETHERNET 1u
#define AMAS__LINK_RAW 101u
#define AMAS__LINK_LOOP 108u
#define AMAS__LINK_SLL 113u
#define AMAS__LINK_IPV4 228u
#define AMAS__LINK_IPV6 229u
#define AMAS__LINK_SLL2 276u

#define AMAS__TCP_FIN 1u
#define AMAS__TCP_SYN 2u
#define AMAS__TCP_RST 4u
#define AMAS__TCP_ACK 16u

/* Index 0: where it comes from, 1: where it goes. */
struct amas__segment {
	bool v6;
	unsigned char addr[2][16];	/* IPv4: the first four, others 0 */
	uint16_t port[2];
	uint32_t seq, ack;
	unsigned flags;		/* AMAS__TCP_... */
	const char *data;
	size_t len;		/* bytes that it had */
	size_t got;		/* of these in the capture, the first ones */
	double time_s;
};

enum amas__packet_kind {
	AMAS__PACKET_TCP,
	AMAS__PACKET_OTHER,
	AMAS__PACKET_FRAGMENT,
	AMAS__PACKET_MALFORMED,	/* or too little of it was captured */
	AMAS__PACKET_UNKNOWN	/* link type */
};

/* Sets *s only for TCP; its data lie in the packet. */
enum amas__packet_kind amas__capture_packet(const struct amas__packet *p,
    struct amas__segment *s);

#endif
