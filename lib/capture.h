/*
 * Captures: packets of a file, of a pipe or of a network interface, and what the
 * TCP connections in them carried.  amas-dump's alone: it is in libcapture.a,
 * not in the library, which so needs no libpcap.
 *
 * Files are read by capture_file.c, packets by capture_packet.c, put in order by
 * capture_tcp.c; libpcap, in capture_live.c, is for interfaces and for filters.
 * Checksums are not looked at: of what a machine sends itself, its network card
 * writes them, behind the capture.
 */
#ifndef AMAS__CAPTURE_H
#define AMAS__CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amas.h"

#define AMAS__CAPTURE_NAME 56	/* "[" IPv6 "]:" port, and a NUL */
#define AMAS__CAPTURE_HOLD ((size_t)1 << 20)	/* bytes behind a hole, each
						 * way: far below 64 MiB */
#define AMAS__CAPTURE_REORDER 8	/* packets to wait for what was acknowledged */
#define AMAS__CAPTURE_MEMORY ((size_t)256 << 20)	/* of all connections */
#define AMAS__CAPTURE_FLOWS ((size_t)65536)	/* connections at once */

/*
 * One TCP connection.  Direction 0 is what the side sends that began it, or
 * whose data were seen first; name[0] is that side.
 */
struct amas__flow {
	char name[2][AMAS__CAPTURE_NAME];	/* "127.0.0.1:5555",
						 * "[::1]:5555" */
	bool start[2];		/* what comes first in this direction is the
				 * first that was sent; else the capture began
				 * later, perhaps inside a message.  True from
				 * the first bytes() or gap() on */
	void *user;		/* yours */
};

/*
 * What is told; any may be NULL.  data last as long as the call.  time_s: seconds
 * since 1970, of the packet that brought it about; it may step back.  Each
 * callback may free the capture.
 *
 * open   a connection was seen; its first data come next, or nothing.
 * bytes  the next bytes of a direction.
 * gap    the next n bytes of it are not in the capture.
 * close  nothing more comes of it: it ended, the capture did, another one with
 *        the same addresses began, or there are too many.  Once for each open.
 * end    of the capture, with NULL or why it cannot go on or was not whole:
 *        AMAS_EPROTO or AMAS_ETOOBIG (the file is not right, and what can be
 *        read was told; the text begins with "packet N: " where one is to
 *        blame, the first), AMAS_EINVAL (the filter cannot be for its
 *        packets), AMAS_ESYS, AMAS_ENOMEM.  The last call, once; not after
 *        amas__capture_free().
 */
struct amas__capture_ops {
	void (*open)(void *arg, struct amas__flow *f);
	void (*bytes)(void *arg, struct amas__flow *f, int dir,
	    const char *data, size_t len, double time_s);
	void (*gap)(void *arg, struct amas__flow *f, int dir, size_t n,
	    double time_s);
	void (*close)(void *arg, struct amas__flow *f, double time_s);
	void (*end)(void *arg, const struct amas_error *err);
};

/* All may be 0. */
struct amas__capture_opts {
	const char *iface;	/* as in pcap(3): "lo", "any"; NULL: a file, of
				 * which you put the bytes */
	const char *filter;	/* which packets, pcap-filter(7); NULL: all */
	uint16_t port;		/* of either side; 0: any */
	size_t memory;		/* 0: AMAS__CAPTURE_MEMORY */
	size_t flows;		/* 0: AMAS__CAPTURE_FLOWS */
};

struct amas__capture_stats {
	uint64_t packets;	/* that were read and the filter let through */
	uint64_t segments;	/* of TCP, of the port */
	uint64_t ignored;	/* packets that are not TCP */
	uint64_t fragments;	/* of IP: skipped */
	uint64_t malformed;	/* packets with lengths that cannot be */
	uint64_t unknown;	/* packets of unknown link types */
	uint64_t shortened;	/* that were captured in part: of TCP, or not
				 * to be told */
	uint64_t flows;		/* connections */
	uint64_t evicted;	/* of these closed early: there were too many */
	uint64_t differing;	/* segments that say other bytes than the one
				 * before; only those that wait behind a hole
				 * are compared */
	uint64_t gaps, gap_bytes;
	uint64_t bytes;		/* that were told */
	uint64_t dropped;	/* packets that the system had no room for */
};

struct amas__capture;

/*
 * Begins a capture.  Of an interface all is told from the loop, until it ends;
 * draining or closing the loop ends it.  The strings of o are copied; ops must
 * last.
 *
 * Returns 0, AMAS_ESYS (the interface cannot be opened; built without libpcap),
 * AMAS_EINVAL (no such filter) or AMAS_ENOMEM.
 */
int amas__capture_open(struct amas__capture **out, struct amas_loop *l,
    const struct amas__capture_opts *o, const struct amas__capture_ops *ops,
    void *arg, struct amas_error *err);

/* The next bytes of a file, when next has returned 0.  Tells nothing. */
int amas__capture_put(struct amas__capture *c, const void *data, size_t len,
    struct amas_error *err);

/*
 * Of a file: looks at its next packet.  Returns 1 (*time_s is set: 0 if it has
 * none), 0 (more bytes are needed) or less: it cannot go on, end says why.
 */
int amas__capture_next(struct amas__capture *c, double *time_s);

/* Takes the packet that next has seen, and tells what it brings about. */
void amas__capture_step(struct amas__capture *c);

/*
 * Nothing more comes, or is wanted: tells what is held, and the end.  eof: it
 * was the end of the file, which should be whole.  Of an interface, what is
 * there is read first.  Not for callbacks; harmless after the end.
 */
void amas__capture_end(struct amas__capture *c, bool eof);

/*
 * Frees it; connections that are open are closed before it returns, and nothing
 * else is told.  NULL is allowed.
 */
void amas__capture_free(struct amas__capture *c);

const struct amas__capture_stats *amas__capture_stats(
    const struct amas__capture *c);

#endif
