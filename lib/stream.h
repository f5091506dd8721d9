/*
 * Byte streams that never block.  A stream is what carries a channel's bytes:
 * a connected socket today, with other transports behind the same table.  It
 * queues what is written, gathers it until the end of the loop's turn, and says
 * when there is something to read.
 */
#ifndef AMAS__STREAM_H
#define AMAS__STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "amas.h"
#include "buf.h"
#include "loop.h"

struct amas__stream;

/*
 * Calls to its owner, all from the loop.
 *
 * readable  there may be bytes: read some.
 * written   n bytes left the queue, *queued are still in it.
 * failed    a write failed; nothing will be written any more.
 */
struct amas__stream_events {
	void (*readable)(void *arg);
	void (*written)(void *arg, size_t n, size_t queued);
	void (*failed)(void *arg, const struct amas_error *why);
};

/*
 * Wraps a connected, non-blocking socket, which it owns from then on, on
 * failure not.
 */
int amas__stream_new(struct amas__stream **out, struct amas_loop *l, int fd,
    struct amas_error *err);

/*
 * Wraps two descriptors, pipes or files, or one that is both: a worker's pipes,
 * our standard input and output.  peer is what it is called.  Owned: closed
 * with the stream.  They need not be non-blocking: what others share (a
 * terminal, the shell's pipe) must not become so.
 */
int amas__stream_new_pair(struct amas__stream **out, struct amas_loop *l,
    int in, int out_fd, const char *peer, struct amas_error *err);

/* Sets who is called. */
void amas__stream_set_owner(struct amas__stream *s,
    const struct amas__stream_events *events, void *arg);

/* Starts or stops to watch for input. */
void amas__stream_set_reading(struct amas__stream *s, bool on);

/*
 * Reads at most len bytes.  Returns their number, 0 at the end of input,
 * AMAS__AGAIN if there are none now, or a negative code.
 */
#define AMAS__AGAIN (-1000)
ssize_t amas__stream_read(struct amas__stream *s, void *data, size_t len,
    struct amas_error *err);

/*
 * The queue of output: add bytes at its end, then say that there are some.
 * They are written at the end of the turn.
 */
struct amas__buf *amas__stream_out(struct amas__stream *s);
void amas__stream_flush(struct amas__stream *s);

/*
 * Closes.  What is queued is still written, for at most 10 s, by the stream
 * alone; abort drops it and resets the connection, so that the peer knows at
 * once.
 */
void amas__stream_close(struct amas__stream *s);
void amas__stream_abort(struct amas__stream *s);

/*
 * Whether the peer is gone both ways.  After the end of its input it may still
 * read our answers: over TCP that cannot be told from its end until something
 * comes back.
 */
bool amas__stream_gone(const struct amas__stream *s);

/* The address of the peer, "tcp://127.0.0.1:5555"; borrowed. */
const char *amas__stream_peer(const struct amas__stream *s);

#endif
