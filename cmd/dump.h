/*
 * amas-dump: what it sees, and what it makes of it.
 *
 * Where messages come from tells a watched connection what passed (dump_conn.h):
 * bytes, gaps, or whole messages.  That cuts bytes into frames, decodes, finds
 * the request that a reply answers, and tells each view.
 *
 *	dump_opts.c	options
 *	dump_tap.c	between LISTEN and TARGET
 *	dump_listen.c	called there, or as a stub (dump_listen.h)
 *	dump_read.c	files and standard input: which form, in which order
 *	dump_trace.c	lines: traces, recordings, messages
 *	dump_capture.c	packets: of files and of an interface
 *	dump_inject.c	faults that the tap makes (dump_inject.h)
 *	dump_conn.c	a watched connection: bytes become messages
 *	dump_calls.c	messages become calls
 *	dump_filter.c	which of them are wanted
 *	dump_names.c	what ends and agents are called
 *	dump_views.c	views are told what passed
 *	dump_lines.c	views that are lines: what waits for its reply, -c
 *	dump_text.c	for people
 *	dump_json.c	for programs
 *	dump_mermaid.c	for eyes: a sequence diagram
 *	dump_graph.c	who calls whom, for dot
 *	dump_record.c	those for programs, in files: -w, -C, -W
 *	dump_store.c	a recording, to be sent again or answered from
 *			(dump_store.h)
 *	dump_table.c	calls per function: --summary
 */
#ifndef DUMP_H
#define DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "amas.h"
#include "buf.h"
#include "cmd.h"
#include "codec.h"
#include "list.h"
#include "loop.h"
#include "map.h"
#include "msg.h"

struct dump;
struct dump_conn;
struct dump_view;
struct dump_filter;
struct dump_reads;
struct dump_tap;
struct dump_capture;
struct dump_store;
struct dump_replay;
struct dump_stub;

/* ---- What is seen ------------------------------------------------------- */

/* What a filter says; before its reply a request may be wanted for that. */
enum dump_pass { DUMP_NO, DUMP_MAYBE, DUMP_YES };

#define DUMP_SLOTS 2		/* views that keep something of a request */

/* A request, from when it is seen until its reply is. */
struct dump_call {
	struct amas__link link;	/* of its connection, oldest first */
	struct dump_call *same;	/* the next one with the same id */
	struct dump_call *last;	/* of the first of those: the last one */
	uint64_t key;		/* its id, in the table of those that wait */
	struct dump_conn *conn;
	uint64_t n;		/* number of the message; 0: it was not seen */
	double t;
	bool back;		/* made by the end that was called */
	size_t size;
	char *path;		/* NULL: none, or not seen */
	size_t path_len;
	enum dump_pass pass;
	bool shown;		/* while it was waiting for its reply */
	char *held[DUMP_SLOTS];	/* what a view keeps of it */
	size_t held_len[DUMP_SLOTS];
};

enum dump_kind {
	DUMP_REQUEST = AMAS__REQUEST,
	DUMP_REPLY = AMAS__REPLY,
	DUMP_FAILURE = AMAS__FAILURE,
	DUMP_ODD,		/* bytes that are no message */
	DUMP_GAP		/* bytes that are missing */
};

/* Something that passed.  All of it is borrowed for the call. */
struct dump_event {
	enum dump_kind kind;
	uint64_t n;		/* messages until now, with this */
	double t;		/* seconds since 1970, or of a simulation */
	struct dump_conn *conn;
	bool back;		/* to the end that dialled */
	enum dump_pass pass;
	size_t size;		/* bytes, with the header; GAP: missing; 0: not
				 * known */
	const char *codec;	/* NULL: not known */
	const struct amas__msg *msg;
	const struct amas__call *rpc;	/* of a request: path and arguments */
	struct dump_call *call;	/* that it begins or ends */
	const char *data;	/* ODD: its first bytes */
	size_t data_len;
	bool cut;		/* there were more */
	const char *why;	/* ODD: what is wrong */
	const char *injected;	/* what we did to it; NULL: nothing */
};

/* What the ends of a connection are called; from is who sent the event. */
const char *dump_from(const struct dump_event *e);
const char *dump_to(const struct dump_event *e);

/* ---- Views -------------------------------------------------------------- */

/*
 * event       something passed.
 * unanswered  a call is over that got no reply.
 * so_far      is to say what was gathered until now; NULL: it does not.
 * end         nothing more comes: says what was gathered.
 */
struct dump_view_ops {
	void (*event)(struct dump_view *v, const struct dump_event *e);
	void (*unanswered)(struct dump_view *v, struct dump_call *c, double t);
	void (*so_far)(struct dump_view *v);
	void (*end)(struct dump_view *v);
	void (*free)(struct dump_view *v);
};

/* First member of each view. */
struct dump_view {
	struct amas__link link;
	const struct dump_view_ops *ops;
	struct dump *d;
};

void dump_view_add(struct dump *d, struct dump_view *v,
    const struct dump_view_ops *ops);

/* ---- The program -------------------------------------------------------- */

enum dump_form { DUMP_TEXT, DUMP_JSON, DUMP_MERMAID, DUMP_DOT, DUMP_NONE };

#define DUMP_READ_MAX 64	/* -r */
#define DUMP_INJECT_MAX 32	/* --inject */
#define DUMP_SIGNALS 3

struct dump_opts {
	struct cmd_args args;
	struct amas_tls listen_tls;	/* --listen-cert ... */
	const char *listen, *target;	/* the tap, or NULL */
	const char *reads[DUMP_READ_MAX];
	size_t n_reads;
	const char *iface;	/* -i, or NULL */
	const char *bpf;	/* packets of captures; NULL: all */
	size_t port;		/* the same: of either side; 0: any */
	const char *injects[DUMP_INJECT_MAX];
	size_t n_injects;
	long long seed;		/* of their chances */
	bool seed_given;
	const char *run;	/* NULL: nothing */
	int ready_fd;		/* -1: none */
	unsigned socket_mode;
	double wait_s;		/* --wait, for TARGET */
	bool wait_given;
	enum dump_form form;
	bool form_given;	/* -o; else -w shows nothing */
	const char *replay;	/* --replay: address; NULL: no */
	const char *stub;	/* --stub: address; NULL: no */
	double speed;		/* --speed; 0: as fast as it goes */
	double timeout_s;	/* --timeout, for a reply; 0: not given */
	bool diff;		/* --diff */
	const char *write;	/* -w; NULL: nothing */
	size_t file_max;	/* -C; 0: no end */
	size_t files;		/* -W; 0: no end */
	bool split;		/* --split */
	bool summary;		/* that and nothing else */
	bool color;
	unsigned time_form;	/* how often -t was given */
	long long count;	/* -c; 0: all */
	size_t show;		/* -s; 0: all */
	char *filter;		/* words, joined; NULL: none */
};

struct dump {
	const struct dump_opts *o;
	struct ev_loop *ev;
	struct amas_loop *loop;
	struct amas__pool *pool;
	ev_signal signals[DUMP_SIGNALS];
	struct amas__link conns;	/* watched connections */
	struct amas__link views;
	struct dump_filter *filter;	/* NULL: all is wanted */
	uint64_t n;		/* messages */
	unsigned n_conns;
	double seen;		/* when the last thing passed */
	double idle_s;		/* about so long ago */
	bool live;		/* what comes comes as it passes */
	bool done;		/* no more is wanted */
	bool enough;		/* no more is shown: -c */
	bool stopped;		/* by a signal */
	bool failed;		/* it never began */
	int status;
	struct amas__task flush;	/* of standard output, if it is live */
	struct amas__task over;	/* then connections are closed */
	ev_timer look;		/* at requests that wait */
	ev_timer grace;		/* after the end of the command */
	struct dump_tap *tap;	/* or NULL */
	struct dump_reads *reads;	/* or NULL */
	struct dump_capture *capture;	/* of an interface, or NULL */
	struct dump_store *store;	/* a recording that is used, or NULL */
	struct dump_replay *replay;	/* or NULL */
	struct dump_stub *stub;	/* or NULL */
	struct amas__proc *run;	/* command of --run while it lives, or NULL */
};

/* ---- dump_views.c ---- */

/* The view of standard output that is asked for, if one is. */
int dump_view_new(struct dump *d);

/* Tells the views what passed; and of a call that is over. */
void dump_tell(struct dump *d, struct dump_event *e);
void dump_tell_unanswered(struct dump *d, struct dump_call *c, double t);

/* Has them say what they gathered, until now or at all; frees them. */
void dump_ask_views(struct dump *d);
void dump_end_views(struct dump *d);
void dump_free_views(struct dump *d);

/* ---- amas-dump.c ---- */

/* Ends it, from a callback, with this status. */
void dump_end(struct dump *d, int status);

/*
 * So many lines were shown as -c wants.  It ends, but what was shown still gets
 * to the ends between which it stands; with --run all passes until that is over.
 */
void dump_enough(struct dump *d);

/* Standard output took no more, errno tells why: says so and ends it. */
void dump_output_failed(struct dump *d);

/* Memory is short: says so and ends it. */
void dump_nomem(struct dump *d);

/* ---- dump_opts.c ---- */

/* Returns CMD_OK, or CMD_STOP if o->args.status is what to end with. */
int dump_opts_parse(struct dump_opts *o, int argc, char *argv[]);
void dump_opts_free(struct dump_opts *o);

/* ---- dump_tap.c ---- */

/* Listens.  Returns CMD_OK or a status (has been said). */
int dump_tap_open(struct dump_tap **out, struct dump *d);
void dump_tap_drain(struct dump_tap *t);	/* takes no more connections */
/* Reads no more; connections end when what was read is written. */
void dump_tap_close(struct dump_tap *t);
void dump_tap_free(struct dump_tap *t);
const char *dump_tap_addr(const struct dump_tap *t);

/* ---- dump_capture.c ---- */

/* Opens the interface.  Returns CMD_OK or a status (has been said). */
int dump_capture_open(struct dump_capture **out, struct dump *d);
/* What was captured until now is told first. */
void dump_capture_free(struct dump_capture *k);

/* ---- dump_filter.c ---- */

/*
 * Reads words: "path spam or not failed".  joined: a call is one line, not
 * each message.  Returns CMD_OK or CMD_USAGE (has been said) or CMD_SYS.
 */
int dump_filter_new(struct dump_filter **out, const char *text, bool joined);
void dump_filter_free(struct dump_filter *f);

/* What it says to a message; and to a call that is over without reply. */
enum dump_pass dump_filter_event(const struct dump_filter *f,
    const struct dump_event *e);
bool dump_filter_unanswered(const struct dump_filter *f,
    const struct dump_call *c, double t);

/* ---- dump_names.c ---- */

/* The name of an end without "tcp://", which is the usual; and puts that. */
const char *dump_bare(const char *name);
int dump_put_name(struct amas__buf *b, const char *name);

/* The agent that is called by a path: its id, *len bytes; NULL: none is. */
const char *dump_agent(const char *path, size_t path_len, size_t *len);

/* Whether only containers are asked that. */
bool dump_is_agents(const char *path, size_t path_len);

/* ---- dump_lines.c ---- */

/* How lines look. */
struct dump_lines_ops {
	/*
	 * Writes what an event is, without a newline.  joined: a reply follows
	 * its request on the line; else it is a line of its own.
	 */
	int (*put)(struct dump_view *v, struct amas__buf *b,
	    const struct dump_event *e, bool joined);
	/* What stands behind a request that got no reply, or none yet. */
	int (*put_open)(struct dump_view *v, struct amas__buf *b, bool over);
};

/* Part of each such view. */
struct dump_lines {
	struct dump_view view;
	const struct dump_lines_ops *ops;
	unsigned slot;		/* of what is kept of a request */
	bool joined;
	long long left;		/* lines until the end; 0: no end */
	struct amas__buf buf;
	/* Fails by ending the program. */
	void (*write)(struct dump_lines *l, const char *line, size_t len);
	/* What remains to be done at the end, and then.  NULL: nothing. */
	void (*end)(struct dump_lines *l);
	void (*close)(struct dump_lines *l);
};

/* The view of standard output. */
int dump_text_new(struct dump *d);
int dump_json_new(struct dump *d);

/* Write a call "add(3, 4)", an answer "7" or "! it failed", as text shows them. */
int dump_text_call(const struct dump_view *v, struct amas__buf *b,
    const struct amas_value *content);
int dump_text_answer(const struct dump_view *v, struct amas__buf *b,
    enum dump_kind kind, const struct amas_value *content);

extern const struct dump_lines_ops dump_json_ops;

/* Sets one up and adds it to d. */
void dump_lines_init(struct dump_lines *l, struct dump *d,
    const struct dump_lines_ops *ops, unsigned slot);

/* Shows requests that have waited for a second. */
void dump_lines_wait(struct dump *d, double now);

/* ---- dump_record.c ---- */

/* Opens the file of -w.  Returns CMD_OK or a status (has been said). */
int dump_record_new(struct dump *d);

/* ---- dump_mermaid.c ---- */

int dump_mermaid_new(struct dump *d);

/* ---- dump_graph.c ---- */

int dump_graph_new(struct dump *d);

/*
 * Write who made a call, who was called (an agent, if it was one), an end of a
 * connection; escaped.
 */
int dump_party_caller(struct amas__buf *b, const struct dump_call *k);
int dump_party_callee(struct amas__buf *b, const struct dump_call *k);
int dump_party_end(struct amas__buf *b, const struct dump_conn *c,
    bool called);

/* ---- dump_table.c ---- */

int dump_table_new(struct dump *d, bool to_stdout);

#endif
