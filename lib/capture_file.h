/*
 * Reads capture files, pcap and pcapng, from bytes as they come: so a pipe is
 * read like a file, and never waited for in the middle of a packet.
 */
#ifndef AMAS__CAPTURE_FILE_H
#define AMAS__CAPTURE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amas.h"
#include "buf.h"

#define AMAS__CAPTURE_PACKET_MAX ((size_t)256 << 10)	/* as libpcap's */
#define AMAS__CAPTURE_BLOCK_MAX ((size_t)1 << 20)	/* that is looked into */
#define AMAS__CAPTURE_IFACES_MAX 1024

/* One packet, as it was captured. */
struct amas__packet {
	uint64_t number;	/* from 1 */
	unsigned link;		/* LINKTYPE_... */
	const unsigned char *data;
	size_t len;		/* bytes that were captured */
	size_t wire;		/* bytes that it had; at least len */
	double time_s;		/* 0: not known */
};

/* An interface of pcapng. */
struct amas__capture_iface {
	unsigned link;
	uint32_t snap;		/* 0: no limit */
	double unit_s;		/* of time stamps */
	double offset_s;
};

struct amas__capture_file {
	int format;		/* 0: not known yet */
	bool swapped;		/* numbers are little-endian */
	int failed;		/* code of the error that it gives for ever */
	struct amas_error err;
	struct amas__buf in;
	size_t used;		/* at the head of in: what was given last */
	uint64_t skip;		/* bytes to come that are not looked at */
	uint64_t number;	/* of the last packet */
	struct amas__capture_iface *ifaces;	/* pcap has one */
	size_t n, cap;
};

/*
 * Whether a file that begins with these four bytes is a capture, or one that
 * was compressed, which reading it says then.
 */
bool amas__capture_file_is(const void *head);

void amas__capture_file_init(struct amas__capture_file *r);
void amas__capture_file_fini(struct amas__capture_file *r);

/* Takes the next bytes.  Returns 0 or AMAS_ENOMEM. */
int amas__capture_file_put(struct amas__capture_file *r, const void *data,
    size_t len, struct amas_error *err);

/*
 * Gives the next packet; its data last until the next call.  Returns 1, 0 (more
 * bytes are needed), AMAS_EPROTO, AMAS_ETOOBIG or AMAS_ENOMEM, from then on the
 * same.
 */
int amas__capture_file_next(struct amas__capture_file *r,
    struct amas__packet *out, struct amas_error *err);

/* Nothing more comes.  Returns 0, or AMAS_EPROTO ("empty", "packet 3: cut"). */
int amas__capture_file_eof(struct amas__capture_file *r,
    struct amas_error *err);

#endif
