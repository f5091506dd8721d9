/*
 * libamas: request-reply channels and remote calls, compatible on the wire
 * with aiomas 2.  The header to include; see libamas(3).
 *
 * Rules that hold everywhere and are not repeated below:
 *
 * Owning.  What arrives by "struct amas_x **out" or by a plain pointer from a
 *	_pack() or _keep() is yours: give it back by the matching _free() or
 *	_close().  Any other pointer is borrowed: what a callback or an unpack
 *	hands you until the callback returns or, in a request that you keep,
 *	until you answer it.  keep() makes the borrowed yours.  Arguments are
 *	copied, if not called referenced.  Out-arguments are written on success.
 * Freeing.  _free() and _close() take NULL, cannot fail, and may be called in
 *	any callback, the object's own too.  What is pending ends with
 *	AMAS_ECANCELED before they return; then nothing of the object calls you.
 * Callbacks run from the loop, never inside the function that got them, and
 *	what is started ends in exactly one.  (A codec, the TLS set-up, what
 *	allows calls and the log do run inside.)
 * Results.  int: 0 or a negative enum amas_code.  err, NULL allowed, gets the
 *	cause of a failure, else stays as it is.  Out of memory is AMAS_ENOMEM
 *	everywhere.  A function without err fails for that or for a bug in the
 *	call, AMAS_EINVAL, and for nothing else.
 * Text is UTF-8 and ends in NUL.  Times are doubles in seconds, sizes bytes.
 * One loop, one thread.  No global state: two loops share nothing.
 */
#ifndef AMAS_H
#define AMAS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "amas_value.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AMAS_VERSION "0.1.0"
#define AMAS_ABI 1		/* of the structs below; plugins name it */
#define AMAS_URL_SIZE 384	/* holds the URL of any proxy */

struct ev_loop;			/* of libev */
struct amas_agent;		/* object with an id, living in a container */
struct amas_channel;		/* one connection, either end of it */
struct amas_clock;		/* source of time; runs timers */
struct amas_container;		/* agents, their address and connections */
struct amas_loop;		/* what all objects of one event loop share */
struct amas_request;		/* call by the peer, to be answered */
struct amas_server;		/* listening socket and its connections */

/* Gives the version of the library that runs, in the form of AMAS_VERSION. */
AMAS_API const char *amas_version(void);

/* ---- Loop --------------------------------------------------------------- */

enum amas_log { AMAS_LOG_ERROR, AMAS_LOG_WARN, AMAS_LOG_INFO, AMAS_LOG_DEBUG };

typedef void amas_log_fn(int level, const char *line, void *arg);

/*
 * Makes what the objects of one event loop share: buffers, the log,
 * the bounds.
 *
 * ev  the program's loop, best from ev_loop_new(EVFLAG_NOENV); referenced.
 *     NULL: one of its own.
 *
 * Returns 0 or AMAS_ESYS.
 */
AMAS_API AMAS_MUST_CHECK int amas_loop_new(struct amas_loop **out,
    struct ev_loop *ev, struct amas_error *err);

/* Closes all that is open on the loop, and frees it; not for callbacks. */
AMAS_API void amas_loop_free(struct amas_loop *loop);

/*
 * Runs the loop, as ev_run() does, until nothing is left to wait for, at most
 * wait_s; INFINITY: no bound; 0 or less: what is ready now.  Returns 0 if
 * nothing is left, 1 if the time is over.
 */
AMAS_API int amas_loop_run(struct amas_loop *loop, double wait_s);

/*
 * Ends in order: nothing new is accepted; open requests have grace_s seconds to
 * be answered, then fail; what was answered is written; connections close; so
 * nothing is left, and the run returns.  A second call ends at once.
 */
AMAS_API void amas_loop_drain(struct amas_loop *loop, double grace_s);

/*
 * Sends log lines up to a level (enum amas_log) to fn; NULL, the default:
 * nowhere.  fn may run inside any function and must not call the library.
 */
AMAS_API void amas_loop_set_log(struct amas_loop *loop, int level,
    amas_log_fn *fn, void *arg);

/*
 * Records each message of all connections in a file, one JSON line {"n": 1,
 * "t": SECONDS, "from": ADDRESS, "to": ADDRESS, "m": [type, id, content]}.
 * When it cannot be written any more, the log says so once and all else goes
 * on.
 *
 * path  the file, emptied, or made for its owner alone.
 * self  what stands for this end where it has no address.
 *
 * Returns 0 or AMAS_ESYS.
 */
AMAS_API AMAS_MUST_CHECK int amas_loop_set_trace(struct amas_loop *loop,
    const char *path, const char *self, struct amas_error *err);

/*
 * Bounds what all connections together hold in unfinished messages, queues, and
 * requests without an answer; 0: 512 MiB.  Requests that would take more than half
 * of it fail as "busy"; above it the largest connection is closed.
 */
AMAS_API void amas_loop_set_memory(struct amas_loop *loop, size_t max);

/*
 * Bounds the processes that sources run at a time; 0: 64.  Further calls wait in
 * order of arrival, at most queue of them (0: 1,024) for one connection; beyond
 * that they fail as "busy".
 */
AMAS_API void amas_loop_set_jobs(struct amas_loop *loop, size_t jobs,
    size_t queue);

/*
 * Reads the files of all TLS settings on the loop anew, for connections to come.
 * If one is wrong, all stay as they were.  Returns 0 or AMAS_ETLS.
 */
AMAS_API AMAS_MUST_CHECK int amas_loop_reload_tls(struct amas_loop *loop,
    struct amas_error *err);

/* ---- Requests: being called --------------------------------------------- */

/*
 * Handles a call: of a function of a service or of an agent, of the constructor
 * of an agent, or a request on a plain channel.
 *
 * req   borrowed.  A handler that returns without an answer has answered null,
 *       unless it kept the request.
 * self  what was registered with the function; the agent's state; opts->arg.
 */
typedef void amas_request_fn(struct amas_request *req, void *self);
typedef void amas_gone_fn(void *arg);

/*
 * Takes the arguments apart by a format: "[positional]{keywords}", the keywords
 * only if there may be some; on a plain channel the content, in any form.
 * Returns 0, or AMAS_ETYPE when it has answered, with a TypeError that says
 * where: then just return.
 */
AMAS_API AMAS_MUST_CHECK int amas_request_unpack(struct amas_request *req,
    const char *fmt, ...);

/*
 * Gives the arguments as values, borrowed: the list of positional ones (on a
 * plain channel: the content), the map of keywords.
 */
AMAS_API const struct amas_value *amas_request_args(
    const struct amas_request *req);
AMAS_API const struct amas_value *amas_request_kwargs(
    const struct amas_request *req);

/*
 * Answers with a result, and thereby gives back a kept request.  What cannot be
 * sent (spoiled, too big, not in the codec) becomes a failure.  The first
 * answer counts; without a caller it is thrown away.  Source: Request.reply.
 */
AMAS_API void amas_request_reply(struct amas_request *req, const char *fmt,
    ...);

/*
 * Answers with a failure, else as amas_request_reply().  For Python's sake the
 * last line of the printf text reads "ValueError: ...".  Bytes that are no UTF-8
 * become U+FFFD.  Source: Request.fail.
 */
AMAS_API void amas_request_fail(struct amas_request *req, const char *fmt, ...)
    AMAS_PRINTF(2, 3);

/*
 * Makes the request yours, and returns it, to answer after the handler is over.
 * It stays valid, whatever the connection does, until you answer: you must.
 */
AMAS_API struct amas_request *amas_request_keep(struct amas_request *req);

/*
 * Calls fn once if the caller goes away before a kept request is answered, so
 * that work can be dropped.  It must be answered even so.
 */
AMAS_API void amas_request_on_gone(struct amas_request *req, amas_gone_fn *fn,
    void *arg);

/*
 * Tell, borrowed, the path asked for ("" on a plain channel); the connection
 * (NULL: it has ended, or there was none: the request of a constructor); the
 * agent that handles it (NULL: a service does; good as long as the agent is).
 */
AMAS_API const char *amas_request_path(const struct amas_request *req);
AMAS_API struct amas_channel *amas_request_channel(
    const struct amas_request *req);
AMAS_API struct amas_agent *amas_request_agent(const struct amas_request *req);

/* ---- Services ----------------------------------------------------------- */

/* One entry of a table of functions; the table ends with { NULL, NULL }. */
struct amas_function {
	const char *name;	/* "add"; "math/add": in a sub-service; "*":
				 * all that has no entry of its own */
	amas_request_fn *fn;
};

/*
 * Makes an empty service; frees the program's hold on it.  Connections, servers
 * and mounts have holds of their own: free it once it is given to them.
 * Source: aiomas.rpc.Service, ServiceDict, Router.
 */
AMAS_API AMAS_MUST_CHECK int amas_service_new(struct amas_service **out,
    struct amas_error *err);
AMAS_API void amas_service_free(struct amas_service *svc);

/*
 * Exposes the functions of a table, to open connections at once.  The table is
 * referenced; so is self, handed to the functions, while they can be called.
 * Returns 0, AMAS_EEXIST or AMAS_EINVAL (bad name; "amas" at the root).
 */
AMAS_API AMAS_MUST_CHECK int amas_service_add(struct amas_service *svc,
    const struct amas_function *table, void *self, struct amas_error *err);

/*
 * Mounts a service under a name of another.  Returns as amas_service_add(), and
 * AMAS_EINVAL for a ring.  Source: Router.add, Router.set_sub_router.
 */
AMAS_API AMAS_MUST_CHECK int amas_service_mount(struct amas_service *svc,
    const char *name, struct amas_service *sub, struct amas_error *err);

/*
 * From now on one call of the service at a time is under way, from whomever;
 * the others wait in order of arrival, at most the queue of
 * amas_loop_set_jobs() for one connection.  What is mounted elsewhere, too, is
 * reached there in its own way.  Returns 0 or AMAS_ENOMEM.
 */
AMAS_API int amas_service_set_serial(struct amas_service *svc,
    struct amas_error *err);

/* Settings of sources; all zero is the default, and so is NULL in its place. */
struct amas_source_opts {
	double timeout_s;	/* of each call; 0: none, 10 s for filters */
	size_t max_result;	/* bytes of a program's output; 0: 64 MiB */
	const char *state;	/* folder for AMAS_STATE, made on first use;
				 * referenced while the service lives; NULL:
				 * one of the loop, which goes with it */
	int allow_writable;	/* also folders that others can write */
	struct amas_channel *peer;	/* of a service for one connection: its
				 * workers call functions of that peer by
				 * plain paths; held; NULL: of nobody */
};

/*
 * Fills a service from a source as on the command line, "[NAME=]SOURCE": a
 * folder ("./services"), a program ("./add"), a plugin ("./stats.so"), a command
 * for each call ("up=exec:tr a-z A-Z"), one that stays ("calc=filter:bc -lq",
 * "math:2=worker:./math.py").
 * Its processes run on loop, in the places of amas_loop_set_jobs().
 *
 * Returns 0, AMAS_EINVAL (grammar, bad name), AMAS_EEXIST, AMAS_ENOENT (no such
 * file) or AMAS_ESYS (not readable; others can write it).  See amas-serve(1).
 */
AMAS_API AMAS_MUST_CHECK int amas_service_load(struct amas_service *svc,
    struct amas_loop *loop, const char *source,
    const struct amas_source_opts *opts, struct amas_error *err);

/* Removes a function, mount or source, if it is there; open calls go on. */
AMAS_API void amas_service_remove(struct amas_service *svc, const char *name);

/* ---- Channels and servers ----------------------------------------------- */

/*
 * Runs when a connection is usable (connected, TLS agreed), before its first
 * request.  May close ch, and so refuse it.
 */
typedef void amas_open_fn(struct amas_channel *ch, void *arg);

/*
 * Runs when a connection has ended, whoever did it, after its calls have:
 * once for each amas_channel_open() and for each accepted one that on_open saw.
 *
 * why  AMAS_ECLOSED: the peer, in order; AMAS_ECANCELED: you; else the cause.
 */
typedef void amas_close_fn(struct amas_channel *ch,
    const struct amas_error *why, void *arg);

/*
 * Says whether the peer of a connection may call a path: 0 refuses this call.
 * Runs before each call of a service or an agent, however it came.
 */
typedef int amas_allow_fn(struct amas_channel *ch, const char *path, void *arg);

/*
 * Settings of TLS; files are PEM.  Both ends show a certificate that one of
 * cacert has signed; revocation lists may stand in that file, too.  A server
 * needs all three files, a client that takes any server none.  TLS 1.2 (ECDHE,
 * AES-GCM) and 1.3.  Source: aiomas.SSLCerts, aiomas.util.
 */
struct amas_tls {
	const char *cacert;	/* who is trusted */
	const char *cert, *key;	/* who we are, with the chain; key NULL: it is
				 * in cert */
	const char *servername;	/* client: name to check; NULL: the address's */
	int insecure;		/* client: the server is not checked */
	const char *keylog;	/* what decrypts a capture is added there; NULL:
				 * nowhere */
	int (*setup)(void *ssl_ctx, void *arg);	/* the last word on the
						 * SSL_CTX *, but for its app
						 * data; not 0: give up */
	void *setup_arg;
};

/*
 * Settings of channels, servers, containers; copied, with all strings and TLS
 * settings.  All zero is the default, and so is NULL in its place.
 */
struct amas_opts {
	/* The wire. */
	const struct amas_codec *codec;	/* NULL: JSON; referenced */
	const char *types;	/* extra types in the order of their ids, which
				 * both ends share: "point,matrix"; "date" is
				 * the date of aiomas, first by itself at
				 * addresses of containers; proxies have the
				 * id after the last by themselves */
	const struct amas_tls *tls;	/* NULL: plain; for tcp:// alone */
	int lines;		/* message lines instead of frames */
	int failure_list;	/* a failure's content is a list [kind, message,
				 * line...], as mosaik wants it; 0: one text */
	double connect_timeout_s;	/* keep trying; 0: one attempt,
				 * INFINITY: for ever */
	size_t max_message;	/* 0: 64 MiB */
	size_t max_requests;	/* open at a time, per connection; 0: 65,536 */
	size_t max_connections;	/* of a server; 0: no bound */
	size_t max_per_peer;	/* of them from one address; 0: no bound */
	unsigned socket_mode;	/* of a unix socket; 0: 0600 */
	/* What the peer may ask for: one of the two, or nothing. */
	struct amas_service *service;	/* RPC; held */
	amas_request_fn *on_request;	/* plain channel: any content */
	amas_allow_fn *allow;	/* NULL: all of it */
	/* What happens. */
	amas_open_fn *on_open;
	amas_close_fn *on_close;
	void *arg;		/* of these callbacks */
	/* Containers alone. */
	struct amas_clock *clock;	/* NULL: the loop's; referenced */
	const struct amas_tls *dial_tls;	/* outgoing; NULL: as tls */
	const char *advertise;	/* "host:port" in URLs; NULL: as bound */
	int manager;		/* agent 0 is a manager */
	void (*on_stop)(struct amas_container *c, void *arg);	/* manager's
				 * stop; NULL: drains the loop */
};

/*
 * Opens a connection.  Returns before it stands: what is sent waits for it, and
 * a refusal is the outcome of that.
 *
 * addr  "tcp://host:port", "ipc:///path", their short forms "host:port",
 *       "/path"; "local://name", a server of the same loop; "stdio" and
 *       "fd:N" (descriptors, copied).  A path behind tcp
 *       ("tcp://host:port/math"), behind "local://name" or behind a bracketed
 *       one ("ipc://[/path]/math") is the object that amas_channel_remote()
 *       stands for.
 *
 * Returns 0, AMAS_EINVAL (address, options), AMAS_ECONNECT (no socket can have
 * that path) or AMAS_ETLS (files).  Yours until you close it, also when the
 * connection has ended.
 * Source: open_connection of aiomas.channel and aiomas.rpc.
 */
AMAS_API AMAS_MUST_CHECK int amas_channel_open(struct amas_channel **out,
    struct amas_loop *loop, const char *addr, const struct amas_opts *opts,
    struct amas_error *err);

/*
 * Closes a connection, also one that a server accepted: its calls end, on_close
 * runs, both inside.  Answers that were given are still written afterwards.
 */
AMAS_API void amas_channel_close(struct amas_channel *ch);

/*
 * Offers a service on this connection, held while it lasts, in the place of the
 * one that its settings name; in on_open: from its first request on.
 */
AMAS_API void amas_channel_set_service(struct amas_channel *ch,
    struct amas_service *svc);

/* Gives the object at the other end, its root service.  Borrowed from ch. */
AMAS_API struct amas_proxy *amas_channel_remote(struct amas_channel *ch);

/*
 * Tell who is there, borrowed from ch: the peer's address; the subject's name in
 * its certificate, "" for none.  Source: Channel.get_extra_info.
 */
AMAS_API const char *amas_channel_peer(const struct amas_channel *ch);
AMAS_API const char *amas_channel_peer_name(const struct amas_channel *ch);

/* A pointer of the program's own, NULL at first; the library ignores it. */
AMAS_API void amas_channel_set_arg(struct amas_channel *ch, void *arg);
AMAS_API void *amas_channel_arg(const struct amas_channel *ch);

/*
 * Listens.  It owns the channels that it accepts, each until on_close is over.
 *
 * addr  as above; port 0 takes a free one, ":port" is loopback, "*:port" every
 *       interface.  A dead unix socket is replaced, a live one is not.
 *       "stdio" and "fd:N" are one connection that is there already; "fd:N"
 *       may also be a listening socket.
 *
 * Returns 0, AMAS_EINVAL, AMAS_ECONNECT, AMAS_EEXIST (in use) or AMAS_ETLS.
 * Source: start_server of aiomas.channel and aiomas.rpc.
 */
AMAS_API AMAS_MUST_CHECK int amas_server_open(struct amas_server **out,
    struct amas_loop *loop, const char *addr, const struct amas_opts *opts,
    struct amas_error *err);

/* Stops listening and closes its connections.  In order: amas_loop_drain(). */
AMAS_API void amas_server_close(struct amas_server *srv);

/* Gives the address bound, with the real port.  Borrowed from srv. */
AMAS_API const char *amas_server_addr(const struct amas_server *srv);

/* ---- Calls: calling ----------------------------------------------------- */

enum amas_kind {
	AMAS_RESULT,		/* value is the result */
	AMAS_FAILURE,		/* the peer's function failed: text, origin */
	AMAS_ERROR		/* no answer: code, text */
};

/* How a call ended.  Made by the library alone; fields may be added. */
struct amas_reply {
	enum amas_kind kind;
	int code;		/* AMAS_OK, AMAS_EREMOTE, or why there's none */
	const struct amas_value *value;	/* result, failure; or NULL */
	const char *text;	/* traceback or cause; "" for a result */
	const char *origin;	/* peer's address */
};

/* Reports how a call ended; rep, and all in it, is borrowed. */
typedef void amas_reply_fn(const struct amas_reply *rep, void *arg);

/*
 * Calls a function of a remote object.
 *
 * function   name, or path below the object; NULL: call nothing, report when it
 *            is connected.
 * timeout_s  deadline, connecting included; 0: none; negative or NaN, here and
 *            wherever a timeout is given: AMAS_EINVAL.
 * fn         reports how it ended; NULL: nobody cares.
 * fmt        "[positional]{keywords}", each may be missing; NULL: neither.  A
 *            list v and a map v may stand in their place.
 *
 * Returns 0, AMAS_EINVAL or AMAS_ENOMEM; then fn does not run.
 * Wire: amas-wire(5), "Calls".  Source: aiomas.rpc.Proxy.
 */
AMAS_API int amas_proxy_call(struct amas_proxy *p, const char *function,
    double timeout_s, amas_reply_fn *fn, void *arg, const char *fmt, ...);

/*
 * Sends a request of any content on a plain channel; else as amas_proxy_call().
 * Source: aiomas.channel.Channel.send.
 */
AMAS_API int amas_channel_send(struct amas_channel *ch, double timeout_s,
    amas_reply_fn *fn, void *arg, const char *fmt, ...);

/*
 * Calls a function and waits, on a loop of its own, for programs without one.
 *
 * out  gets the result, which may be NULL, null; NULL: not wanted.
 *
 * The rest is as in amas_channel_open() and amas_proxy_call().  Returns 0 or
 * what they give: AMAS_EREMOTE (err has the failure's last line), ETIMEDOUT,
 * ECONNECT, ETLS, ECLOSED, EPROTO, ETYPE, ETOOBIG, EINVAL.
 */
AMAS_API AMAS_MUST_CHECK int amas_call_once(struct amas_value **out,
    const char *addr, const struct amas_opts *opts, const char *function,
    double timeout_s, struct amas_error *err, const char *fmt, ...);

/*
 * Makes a borrowed proxy yours: a handle of its own, NULL if memory is short.
 * It does not hold the connection; after its end calls are AMAS_ECLOSED.  To
 * free it ends the calls made through it, no others: that is how to cancel.
 */
AMAS_API struct amas_proxy *amas_proxy_keep(struct amas_proxy *p);
AMAS_API void amas_proxy_free(struct amas_proxy *p);

/* Writes the object's URL.  buf holds AMAS_URL_SIZE bytes.  Returns buf. */
AMAS_API const char *amas_proxy_url(const struct amas_proxy *p, char *buf,
    size_t size);

/* ---- Clocks ------------------------------------------------------------- */

enum amas_clock_kind {
	AMAS_CLOCK_REAL,	/* monotonic; the loop has one */
	AMAS_CLOCK_EXTERNAL,	/* moves by amas_clock_set() or a manager */
	AMAS_CLOCK_SIM		/* jumps to its next timer when all is idle, in
				 * a container */
};

typedef void amas_timer_fn(void *arg);

/*
 * Memory of one scheduled call: yours, best inside what it is for; its fields
 * are private.  All zero does not run.  While it is set it must not move or go.
 */
struct amas_timer {
	struct amas_timer *child_, *next_, *prev_;
	struct amas_clock *clock_;
	amas_timer_fn *fn_;
	void *arg_;
	double due_s_;
	uint64_t seq_;
};

/* Gives the real clock of a loop, borrowed: its timers alone keep it running. */
AMAS_API struct amas_clock *amas_loop_clock(struct amas_loop *loop);

/*
 * Makes an external or simulated clock.  Freeing it cancels its timers.
 *
 * start   ISO 8601 date at time 0; NULL: 1970.
 * time_s  the time that it shows first.
 *
 * Returns 0 or AMAS_EINVAL.  Source: aiomas.clocks.ExternalClock.
 */
AMAS_API AMAS_MUST_CHECK int amas_clock_new(struct amas_clock **out,
    struct amas_loop *loop, enum amas_clock_kind kind, const char *start,
    double time_s, struct amas_error *err);
AMAS_API void amas_clock_free(struct amas_clock *clock);

/*
 * Tell the time, which never falls; the same as seconds since 1970 UTC; when
 * the next timer is due, INFINITY if there is none.  Source: BaseClock.
 */
AMAS_API double amas_clock_time(const struct amas_clock *clock);
AMAS_API double amas_clock_utcnow(const struct amas_clock *clock);
AMAS_API double amas_clock_next(const struct amas_clock *clock);

/*
 * Moves an external clock.  Timers due at or before t_s run from the loop, by
 * due time, then by order of call.  Returns 0 or AMAS_EINVAL (another clock;
 * time must grow, with aiomas's text).  Source: ExternalClock.set_time.
 */
AMAS_API AMAS_MUST_CHECK int amas_clock_set(struct amas_clock *clock,
    double t_s, struct amas_error *err);

/*
 * Call fn(arg) in dt_s seconds, or at t_s, of a clock; what is due already, in
 * the loop's next turn.  A timer that is set is set anew.  Needs no memory,
 * cannot fail.  Source: BaseClock.call_in, call_at, sleep, sleep_until.
 */
AMAS_API void amas_timer_call_in(struct amas_timer *t, struct amas_clock *clock,
    double dt_s, amas_timer_fn *fn, void *arg);
AMAS_API void amas_timer_call_at(struct amas_timer *t, struct amas_clock *clock,
    double t_s, amas_timer_fn *fn, void *arg);

/* Cancels a timer; no harm if it is not set. */
AMAS_API void amas_timer_cancel(struct amas_timer *t);

/* ---- Containers and agents ---------------------------------------------- */

/*
 * A class of agents; referenced by all containers that know it.
 *
 * init  constructor: unpacks its arguments like any function, self all zero.
 *       To answer with a failure is to fail.  Must not keep the request.
 * fini  frees what init and functions allocated; requests that it still keeps
 *       are to be answered.  Calls by the agent's proxies have ended before,
 *       with AMAS_ECANCELED, and more fail so; what proxies it does not free end
 *       after it.  It runs after an init that failed, too.
 */
struct amas_class {
	const char *name;	/* "House" */
	size_t size;		/* bytes of an agent's state */
	const struct amas_function *functions;	/* NULL: none */
	amas_request_fn *init;	/* NULL: takes no arguments */
	void (*fini)(void *self);	/* NULL: nothing to do */
};

/*
 * Makes a container and listens; opts->service stands beside its own functions.
 *
 * addr  as for servers, but for "stdio" and "fd:N".  At "*:port" the machine's
 *       own full name, which is looked up, stands in URLs.
 *
 * Returns as amas_server_open().
 * Source: aiomas.Container.create; aiomas.subproc.start is opts->manager.
 */
AMAS_API AMAS_MUST_CHECK int amas_container_open(struct amas_container **out,
    struct amas_loop *loop, const char *addr, const struct amas_opts *opts,
    struct amas_error *err);

/* Ends all agents, then all connections.  Source: Container.shutdown. */
AMAS_API void amas_container_close(struct amas_container *c);

/* Gives the base URL, "tcp://localhost:5555/".  Borrowed from c. */
AMAS_API const char *amas_container_url(const struct amas_container *c);

/*
 * Give a proxy of the agent at url, at once.  Its calls wait for the container's
 * one connection to there, ask whether the agent is there, and fail as that
 * fails; after a loss the next call connects anew.  It ends with the container,
 * or the agent, if not freed before.
 *
 * timeout_s  keep trying to connect; 0: one attempt; INFINITY: for ever.
 *
 * Returns 0, AMAS_EINVAL (no agent's URL) or AMAS_ECANCELED (the agent ends).
 * Source: Container.connect.
 */
AMAS_API AMAS_MUST_CHECK int amas_container_connect(struct amas_proxy **out,
    struct amas_container *c, const char *url, double timeout_s,
    struct amas_error *err);
AMAS_API AMAS_MUST_CHECK int amas_agent_connect(struct amas_proxy **out,
    struct amas_agent *agent, const char *url, double timeout_s,
    struct amas_error *err);

/* Lets a manager spawn a class by its name.  Returns 0 or AMAS_EEXIST. */
AMAS_API AMAS_MUST_CHECK int amas_container_add_class(struct amas_container *c,
    const struct amas_class *cls, struct amas_error *err);

/*
 * Makes agents from a source as on the command line, "[NAME[:COUNT]=]SOURCE":
 * a folder, "worker:COMMAND", "shared:COMMAND" or a file of one of the suffixes
 * .worker, .shared and .so.  All of them or none; what fails later, as their
 * programs start, the log says.
 *
 * Returns as amas_service_load(), and AMAS_EREMOTE (a constructor failed).  See
 * amas-container(1).
 */
AMAS_API AMAS_MUST_CHECK int amas_container_load(struct amas_container *c,
    const char *source, struct amas_error *err);

/*
 * Makes an agent, whose id is the next number; init runs inside, on fmt, as in
 * amas_proxy_call().  out, NULL allowed, is borrowed from the container till it
 * ends.  Returns 0 or AMAS_EREMOTE (init failed; err has the cause),
 * AMAS_ETOOBIG (a million agents), AMAS_EEXIST (another class has the name).
 * Source: aiomas.Agent.
 */
AMAS_API AMAS_MUST_CHECK int amas_agent_new(struct amas_agent **out,
    struct amas_container *c, const struct amas_class *cls,
    struct amas_error *err, const char *fmt, ...);

/* Ends an agent, in the order that struct amas_class tells; not in its init. */
AMAS_API void amas_agent_free(struct amas_agent *agent);

/* Writes the agent's URL.  buf holds AMAS_URL_SIZE bytes.  Returns buf. */
AMAS_API const char *amas_agent_url(const struct amas_agent *agent, char *buf,
    size_t size);

/*
 * Makes a proxy of the agent, to be sent as "v" on a connection of its
 * container; yours.  NULL if memory is short.
 */
AMAS_API struct amas_value *amas_agent_proxy(const struct amas_agent *agent);

/*
 * Give its state (of a class in C), its container, the clock of that.  Borrowed
 * from it.
 */
AMAS_API void *amas_agent_self(struct amas_agent *agent);
AMAS_API struct amas_container *amas_agent_container(
    const struct amas_agent *agent);
AMAS_API struct amas_clock *amas_agent_clock(const struct amas_agent *agent);

/* ---- Plugins ------------------------------------------------------------ */

/*
 * What a plugin, NAME.so, offers: it defines one object, amas_plugin, and links
 * nothing of amas, since the program that loads it exports the library.  It is
 * loaded once, and stays.
 *
 * open   runs before the functions are served, once for each loop; NULL:
 *        nothing to do.  Gives the functions' self.  Returns 0, or a code that
 *        refuses the plugin, whose cause is *err.  A codec must do without.
 * close  runs when the loop is freed, after all connections have ended; NULL:
 *        nothing to do.  Answers what is still kept.
 */
struct amas_plugin {
	unsigned abi;		/* AMAS_ABI; any other is refused */
	const struct amas_function *functions;	/* NULL: none */
	const struct amas_class *const *classes;	/* of agents, ends with
				 * NULL; NULL: none */
	const struct amas_codec *codec;	/* NULL: none */
	int (*open)(struct amas_loop *loop, void **self,
	    struct amas_error *err);
	void (*close)(void *self);
};

__attribute__((visibility("default")))
extern const struct amas_plugin amas_plugin;

#ifdef __cplusplus
}
#endif

#endif
