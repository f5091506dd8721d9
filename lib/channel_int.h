/*
 * The inside of a channel, for channel.c (life, input), calls.c (our requests),
 * flow.c (output, back-pressure, deadlines of bytes) and request.c (theirs).
 */
#ifndef AMAS__CHANNEL_INT_H
#define AMAS__CHANNEL_INT_H

#include "channel.h"
#include "codec.h"
#include "dial.h"
#include "frame.h"
#include "map.h"
#include "msg.h"
#include "rest.h"
#include "stream.h"

#define AMAS__REPLIES_MAX ((size_t)1 << 20)	/* queued; then requests park */
#define AMAS__REQUESTS_MAX 65536	/* open at a time, by default */
#define AMAS__NESTING_MAX 10000	/* calls open both ways at a time */
#define AMAS__STRAY_MAX 1000	/* replies to nothing, in a row */
#define AMAS__STALL_S 30	/* blocked without a byte either way */
#define AMAS__UNFINISHED_S 60	/* for a message, and 1 s per 64 KiB of it */
#define AMAS__TICK_S 1.0
#define AMAS__SYNC "amas/sync"
#define AMAS__SYNC_ID (((uint64_t)1 << 53) - 1)	/* of a child's; others are
						 * below: exact in every JSON */

enum channel_state { DIALING, OPEN, ENDED };

/* Bytes of the output queue, in order: replies, or requests of our own. */
struct segment {
	size_t len;
	bool reply;
};

/* A request that came while the peer took no replies: not yet decoded. */
struct parked {
	struct amas__link link;
	size_t len;
	char *data;		/* len bytes and a spare one */
};

/* Our requests: calls.c.  Most served connections never make one. */
struct calls {
	struct amas_channel *ch;
	uint64_t next_id;
	size_t abandoned;	/* sent, not waited for any more, unanswered */
	struct amas__map pending;
	struct amas__link under_way;	/* sent, in that order */
	struct amas__link waiting;	/* for the connection alone */
	struct amas__link settled;	/* to be reported by a task */
	struct amas__task report;
};

/* What a link between containers knows of the other end: gate.c. */
struct link_gate {
	struct amas_channel *ch;
	bool clock;		/* the peer is the clock */
	bool answers_syncs;	/* it sent one, or must answer: we connected */
	bool syncing;		/* ours has not been answered */
	bool end_kept;		/* the end of what came was put off */
	struct amas__event over;
	uint64_t sent, acked;	/* messages; of them those known to have come */
	struct amas__unsure unsure;
	struct amas__awake opening;	/* it is not open yet */
};

struct amas_channel {
	size_t refs;
	struct amas_loop *loop;
	struct amas__open open;
	const struct amas__channel_ops *ops;
	void *ops_arg;
	enum channel_state state;
	bool held;		/* by the program, until it closes it */
	bool started;		/* on_open ran */
	bool draining;		/* ends when nothing is open any more */
	bool on_hold;		/* nothing is read */
	bool queue;		/* the other end is in this process */
	bool hard;		/* amas__stream_set_hard() its stream */
	bool peer_done;		/* its end of input came */
	bool child;		/* see amas__channel_be_child() */
	bool lines;		/* messages are lines */
	bool failure_list;	/* how failures are sent: failure.h */
	bool heard;		/* something came from the peer */
	bool taking;		/* it is taken now; amas__flow_update() follows */
	bool drop_output;	/* at the end: nobody reads it */
	bool moved, finished;	/* bytes moved, a message ended: since a tick */
	unsigned stray;		/* replies to nothing since the last good one */
	struct amas_error *why;	/* ENDED, or the peer is done: the cause; see
				 * amas__channel_why() */

	/* settings */
	const struct amas_codec *codec;
	struct amas__types types;
	size_t max_message, max_requests;
	amas_open_fn *on_open;
	amas_close_fn *on_close;
	amas_request_fn *on_request;
	amas_allow_fn *allow;
	void *arg;		/* of these callbacks */
	void *user;		/* amas_channel_set_arg() */

	/* the connection */
	struct amas__dial *dial;
	struct amas__stream *stream;
	char *peer;
	char *peer_host;	/* NULL: nobody counts its connections */
	char *peer_name;	/* in its certificate; NULL: none */
	char *local;		/* for traces: our own address; NULL: none */
	struct amas__link link;	/* of its server */
	struct amas__link endings;
	struct amas__ending *input_end;	/* who wants to know, or NULL */
	struct amas__peer *told;	/* what children know of the peer */
	const struct amas__asks *asks;	/* what they may ask; NULL: all */
	struct amas_proxy *remote;
	struct amas_service *own;	/* offered here alone */

	/* input */
	struct amas__task start;	/* of a pair */
	struct amas__frame_reader reader;
	struct amas__link parked;
	size_t parked_bytes;
	size_t kept_bytes;	/* of requests that wait for their answer */
	struct amas__task unpark;

	/* output */
	struct amas__buf *early;	/* written while it connects; NULL after */
	struct segment *segments;	/* from seg_at, seg_n of them */
	struct segment one;	/* where they are, as long as that is enough */
	size_t seg_at, seg_n, seg_cap;
	size_t replies;		/* bytes of replies in the queue */
	struct amas__link rooms;	/* who waits until they are fewer */
	struct amas__account account;
	struct amas__counters *counters;	/* NULL: it is not counted */

	/* time limits of bytes: ticks while there is something to watch */
	struct amas__timer tick;
	unsigned idle_ticks;	/* since a byte moved */
	unsigned frame_ticks;	/* since the unfinished message began */

	struct calls *calls;	/* our requests; NULL: there was none yet */

	/* theirs: request.c */
	struct amas__link requests;
	size_t n_requests;
	size_t n_queued;	/* of them that wait for a place */

	/* what is put off and acknowledged: gate.c */
	struct link_gate *gate;	/* of a link between containers, or NULL */
	size_t n_kept;		/* messages that were put off */
};

/*
 * channel.c; set_why keeps a copy, if memory allows, of what why then gives:
 * else that is a cause, too.
 */
void amas__channel_set_why(struct amas_channel *ch,
    const struct amas_error *why);
const struct amas_error *amas__channel_why(const struct amas_channel *ch);
void amas__channel_end(struct amas_channel *ch, const struct amas_error *why);
void amas__channel_check_done(struct amas_channel *ch);
/* channel_trace.c */
bool amas__channel_traced(const struct amas_channel *ch);
void amas__channel_trace(struct amas_channel *ch, bool sent,
    const struct amas__msg *m);
void amas__channel_trace_received(struct amas_channel *ch,
    const struct amas__msg *m, struct amas__area *area, bool typed);

/* calls.c */
void amas__calls_connected(struct amas_channel *ch);
bool amas__calls_reply(struct amas_channel *ch, const struct amas__msg *m,
    struct amas__area *area, bool typed);	/* false: to nothing */
void amas__calls_fail(struct amas_channel *ch, const struct amas_error *why);
bool amas__calls_unanswered(const struct amas_channel *ch);
bool amas__calls_done(const struct amas_channel *ch);	/* and reported */
void amas__calls_fini(struct amas_channel *ch);

/* flow.c */
int amas__flow_write(struct amas_channel *ch, enum amas__msg_type type,
    const struct amas_value *id, int64_t number,
    const struct amas_value *content, struct amas_error *err);
int amas__flow_own_path(void *ch, struct amas__held *own,
    struct amas__buf *path, struct amas_error *err);
void amas__flow_written(struct amas_channel *ch, size_t n);
bool amas__flow_blocked(const struct amas_channel *ch);
int amas__flow_park(struct amas_channel *ch, char *data, size_t len,
    char *owned);
void amas__flow_update(struct amas_channel *ch);
void amas__flow_account(struct amas_channel *ch);	/* memory alone */
void amas__flow_init(struct amas_channel *ch);
int amas__flow_begin_early(struct amas_channel *ch);
int amas__flow_send_early(struct amas_channel *ch);
void amas__flow_stop(struct amas_channel *ch);

/* gate.c */
bool amas__gate_keeps_end(struct amas_channel *ch);
bool amas__gate_keeps(struct amas_channel *ch, const struct amas__msg *m,
    struct amas__area *area, bool typed);
void amas__gate_sent(struct amas_channel *ch, enum amas__msg_type type,
    const struct amas_value *content);
uint64_t amas__gate_n_sent(const struct amas_channel *ch);
void amas__gate_acked(struct amas_channel *ch, uint64_t sent);
void amas__gate_answered(struct amas_channel *ch);
void amas__gate_opened(struct amas_channel *ch);
bool amas__gate_kept_end(const struct amas_channel *ch);
void amas__gate_stop(struct amas_channel *ch);

/* channel_input.c */
extern const struct amas__stream_events amas__channel_events;
void amas__channel_handle(struct amas_channel *ch, char *data, size_t len,
    char *owned);
void amas__channel_over(struct amas_channel *ch);
void amas__channel_take(struct amas_channel *ch, struct amas__msg *m,
    struct amas__area *area, bool typed);

/* request.c */
void amas__request_take(struct amas_channel *ch, struct amas__msg *m,
    struct amas__area *area, bool typed);
void amas__requests_gone(struct amas_channel *ch);
void amas__requests_fail(struct amas_channel *ch, const char *text);

#endif
