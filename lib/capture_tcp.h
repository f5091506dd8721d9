/*
 * Puts TCP segments in order: from packets as they were captured to the bytes
 * of each direction of each connection.  It knows no file and no loop.
 *
 * Of bytes that come twice the first win.  A hole is waited for until what is
 * behind it was acknowledged and AMAS__CAPTURE_REORDER more packets of the
 * connection did not bring it, until AMAS__CAPTURE_HOLD bytes are held, or until
 * the connection ends; then it is a gap.
 */
#ifndef AMAS__CAPTURE_TCP_H
#define AMAS__CAPTURE_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture.h"
#include "capture_packet.h"
#include "list.h"
#include "map.h"

struct amas__tcp {
	const struct amas__capture_ops *ops;
	void *arg;
	struct amas__capture_stats *stats;
	size_t memory_max, flows_max;
	size_t memory;		/* held, of all connections */
	size_t n;		/* connections, the ended ones too */
	bool aborted;		/* nothing is told any more */
	struct amas__map map;	/* by addresses and ports */
	struct amas__link active;	/* the one longest silent first */
	struct amas__link ended;	/* kept to know their last packets */
	struct amas__link holders;	/* those that hold data, by since when */
};

/* stats: counters, from flows on, that it adds to. */
void amas__tcp_init(struct amas__tcp *t, const struct amas__capture_ops *ops,
    void *arg, struct amas__capture_stats *stats);

/* Takes a segment.  Returns 0 or AMAS_ENOMEM. */
int amas__tcp_add(struct amas__tcp *t, const struct amas__segment *s,
    struct amas_error *err);

/* The capture has ended: tells what is held, and closes all. */
void amas__tcp_end(struct amas__tcp *t);

/*
 * Closes all without telling what is held; nothing is told from then on.  For
 * any callback.
 */
void amas__tcp_abort(struct amas__tcp *t);

/* Gives back the memory, after end or abort; not for callbacks. */
void amas__tcp_fini(struct amas__tcp *t);

#endif
