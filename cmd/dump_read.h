/* What is read: files and standard input, each in one of several forms. */
#ifndef DUMP_READ_H
#define DUMP_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "dump.h"
#include "dump_conn.h"
#include "loop.h"
#include "map.h"

struct dump_reader;

enum { DUMP_READ_NEXT, DUMP_READ_AGAIN, DUMP_READ_END };

/*
 * A form.
 *
 * peek  looks whether there is a next thing, and when it was: NEXT, AGAIN (more
 *       bytes have to come into buf) or END.
 * step  tells that thing.
 */
struct dump_reader_ops {
	int (*peek)(struct dump_reader *r, double *t);
	void (*step)(struct dump_reader *r);
	void (*free)(struct dump_reader *r);
};

extern const struct dump_reader_ops dump_frames_ops;
extern const struct dump_reader_ops dump_lines_form;
extern const struct dump_reader_ops dump_capture_form;

/* A line that was read and not told yet. */
struct dump_line {
	struct amas__area *area;	/* NULL: there is none */
	struct amas__msg msg;
	const char *from, *to;
	const char *codec;	/* "": not told */
	const char *injected;	/* the same */
	size_t size;
	long long conn;
	double t;
};

struct dump_reads;

struct dump_reader {
	struct amas__link link;
	struct dump_reads *reads;
	struct dump *d;
	const char *name;
	const struct dump_reader_ops *ops;	/* NULL: not known yet */
	struct amas__io io;
	struct amas__buf buf;
	size_t looked;		/* lines: bytes of it that have no newline */
	bool eof;
	uint64_t lines;
	struct dump_conn *conn;	/* frames */
	struct dump_line line;
	struct dump_capture *capture;
};

/* All that is read together. */
struct dump_reads {
	struct dump *d;
	struct amas__link readers;
	struct amas__map conns;	/* those of lines, by names and number */
	bool has_conns;
	double t;		/* of the last line */
};

int dump_reads_open(struct dump_reads **out, struct dump *d);
void dump_reads_free(struct dump_reads *s);

/* ---- dump_trace.c ---- */

/* Ends the connections of lines. */
void dump_trace_free(struct dump_reads *s);

#endif
