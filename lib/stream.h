/*
 * Byte streams that never block.  A stream is what carries a channel's bytes.
 * It queues what is written, gathers it until the end of the loop's turn, and
 * says when there is something to read.
 *
 *	stream_fd.c	sockets; pairs of pipes or files
 *	stream_queue.c	two ends in one process
 *	stream_tls.c	TLS over another stream
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
 * written   n bytes left the queue, queued are still in it; with n 0, some left
 *           what is below it (see amas__stream_held).
 * failed    a write failed; nothing will be written any more.
 */
struct amas__stream_events {
	void (*readable)(void *arg);
	void (*written)(void *arg, size_t n, size_t queued);
	void (*failed)(void *arg, const struct amas_error *why);
};

enum amas__stream_name { AMAS__PEER, AMAS__PEER_HOST, AMAS__LOCAL,
	AMAS__PEER_NAME, AMAS__ABOUT };
#define AMAS__STREAM_NAME 256	/* holds any of them */

/*
 * A kind of stream; each function but name is what the one below of that name
 * does.
 *
 * watch  whether it is read has changed.
 * held   bytes that have left the queue and are not written yet; NULL: none.
 * name   writes what an end is called; "" if there is no name.
 */
struct amas__stream_ops {
	void (*watch)(struct amas__stream *s);
	ssize_t (*read)(struct amas__stream *s, void *data, size_t len,
	    struct amas_error *err);
	void (*flush)(struct amas__stream *s);
	void (*close)(struct amas__stream *s);
	void (*abort)(struct amas__stream *s);
	void (*hard)(struct amas__stream *s);	/* NULL: needs no care */
	bool (*gone)(const struct amas__stream *s);
	bool (*end)(struct amas__stream *s);	/* NULL: false */
	size_t (*held)(const struct amas__stream *s);
	void (*name)(const struct amas__stream *s, enum amas__stream_name which,
	    char *out, size_t size);
};

/* First member of the stream of a kind. */
struct amas__stream {
	const struct amas__stream_ops *ops;
	struct amas_loop *loop;
	const struct amas__stream_events *events;	/* NULL: no owner */
	void *arg;
	struct amas__buf out;
	bool reading;
	bool queue;		/* both ends are in this process */
};

/*
 * Wraps a connected, non-blocking socket, which it owns from then on, on
 * failure not.
 */
int amas__stream_new(struct amas__stream **out, struct amas_loop *l, int fd,
    struct amas_error *err);

/*
 * Wraps two descriptors, pipes or files, or one that is both: a worker's pipes,
 * our standard input and output.  Owned: closed with the stream.  They need not
 * be non-blocking: what others share (a terminal, the shell's pipe) must not
 * become so.
 */
int amas__stream_new_pair(struct amas__stream **out, struct amas_loop *l,
    int in, int out_fd, struct amas_error *err);

/*
 * Makes two ends that are connected with each other.  name is what ends[1] is
 * called, self what ends[0] is.
 */
int amas__stream_new_queue(struct amas__stream *ends[2], struct amas_loop *l,
    const char *name, const char *self, struct amas_error *err);

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

/* All bytes of output that it holds, the queue and what is below. */
size_t amas__stream_held(const struct amas__stream *s);

/*
 * Ends the output alone: what is queued is still written, then the peer sees
 * the end of its input; ours goes on.  Nothing may be put after it.  Returns
 * false if streams of its kind cannot do that.
 */
bool amas__stream_end(struct amas__stream *s);

/*
 * Closes.  What is queued is still written, for at most 10 s, by the stream
 * alone; abort drops it and resets the connection, so that the peer knows at
 * once.
 */
void amas__stream_close(struct amas__stream *s);
void amas__stream_abort(struct amas__stream *s);

/*
 * From now on the connection is reset if the program ends without closing it: the
 * peer would take that for the end of our requests alone (half-close), and go on
 * working for us.
 */
void amas__stream_set_hard(struct amas__stream *s);

/*
 * Whether the peer is gone both ways.  After the end of its input it may still
 * read our answers: over TCP that cannot be told from its end until something
 * comes back.
 */
bool amas__stream_gone(const struct amas__stream *s);

/*
 * Writes the address of the peer ("tcp://127.0.0.1:5555"), who counts as one peer
 * for limits (a host, or a user), our own address, the name in the peer's
 * certificate, or what protects the bytes ("TLSv1.3, ..."); "" if it has none.
 * Returns out.
 */
char *amas__stream_name(const struct amas__stream *s,
    enum amas__stream_name which, char *out, size_t size);

#endif
