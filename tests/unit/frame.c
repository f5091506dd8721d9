/*
 * Framing.  Numbers in names are those of the list of faults: the same payloads
 * and the same error have to come out however the bytes are cut.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "tap.h"

#define MAX 40		/* limit of a payload in most tests */

/* What came out of a stream, as text: payloads in [], then the end. */
struct trace {
	char text[4096];
	size_t len;
};

static void
note(struct trace *t, const char *fmt, const char *data, size_t len)
{
	t->len += (size_t)snprintf(t->text + t->len, sizeof t->text - t->len,
	    *fmt == '[' ? "[%.*s]" : "%.*s", (int)len, data);
}

static void
note_frame(struct trace *t, struct amas__frame *f)
{
	note(t, "[", f->data, f->len);
	if (f->owned != NULL)
		f->data[f->len] = 'x'; /* the spare byte */
	free(f->owned);
}

/* Feeds a piece from memory of its own size.  Returns the reader's result. */
static int
feed(struct amas__frame_reader *r, const char *piece, size_t n,
    struct trace *t, struct amas_error *err)
{
	char *copy = malloc(n != 0 ? n : 1), *p = copy;
	struct amas__frame f;
	int rc;

	memcpy(copy, piece, n);
	while ((rc = amas__frame_next(r, &p, &n, &f, err)) == 1)
		note_frame(t, &f);
	if (rc == 0 && n != 0)
		note(t, "", "bytes left!", 11);
	free(copy);
	return rc;
}

static void
end(struct amas__frame_reader *r, int rc, struct trace *t,
    struct amas_error *err)
{
	struct amas_error again;
	struct amas__frame f;

	if (rc == 0 && (rc = amas__frame_eof(r, &f, err)) == 1) {
		note_frame(t, &f);
		rc = amas__frame_eof(r, &f, err);
	}
	if (rc == 0)
		note(t, "", "end", 3);
	else
		note(t, "", err->text, strlen(err->text));
	if (rc != 0 && (amas__frame_eof(r, &f, &again) != rc ||
	    strcmp(again.text, err->text) != 0))
		note(t, "", " not for ever!", 14);
}

/* A stream in pieces of step bytes after a first one of cut bytes. */
static void
run(struct trace *t, bool lines, const char *in, size_t len, size_t cut,
    size_t step)
{
	struct amas__frame_reader r;
	struct amas_error err;
	size_t i, n;
	int rc = 0;

	t->len = 0;
	amas__frame_reader_init(&r, lines, MAX);
	for (i = 0; i < len && rc == 0; i += n) {
		n = i == 0 && cut != 0 ? cut : step;
		if (n > len - i)
			n = len - i;
		rc = feed(&r, in + i, n, t, &err);
	}
	end(&r, rc, t, &err);
	amas__frame_reader_fini(&r);
}

static void
stream(bool lines, const char *in, size_t len, const char *want,
    const char *name)
{
	struct trace t;
	size_t cut, step, bad = 0;

	run(&t, lines, in, len, 0, len != 0 ? len : 1);
	tap_str(t.text, want, "%s: whole", name);
	for (step = 1; step <= len; step++) {
		run(&t, lines, in, len, 0, step);
		bad += strcmp(t.text, want) != 0;
	}
	for (cut = 1; cut < len; cut++) {
		run(&t, lines, in, len, cut, len);
		bad += strcmp(t.text, want) != 0;
	}
	tap_int((long long)bad, 0, "%s: cut anywhere", name);
}

#define FRAMES(in, want, name) stream(false, in, sizeof in - 1, want, name)
#define LINES(in, want, name) stream(true, in, sizeof in - 1, want, name)

#define T38 "abcdefghijklmnopqrstuvwxyzabcdefghijkl"	/* 38 bytes */

static void
test_frames(void)
{
	FRAMES("", "end", "3: nothing");
	FRAMES("\0\0\0\1a\0\0\0\3bcd\0\0\0\2ef", "[a][bcd][ef]end",
	    "3: three");
	FRAMES("\0\0\0\1a\0", "[a]closed inside a header", "1: one byte");
	FRAMES("\0\0\0\1a\0\0", "[a]closed inside a header", "1: two");
	FRAMES("\0\0\0\1a\0\0\0", "[a]closed inside a header", "1: three");
	FRAMES("\0\0\0\5", "closed inside a message (0 of 5 bytes)", "2");
	FRAMES("\0\0\0\1x\0\0\0\5abcd",
	    "[x]closed inside a message (4 of 5 bytes)", "2: one missing");
	FRAMES("\0\0\0\1a\0\0\0\0\0\0\0\1b", "[a]empty message", "5");
	FRAMES("\0\0\0\x27" T38 "1", "[" T38 "1]end", "6: limit-1");
	FRAMES("\0\0\0\x28" T38 "12\0\0\0\1a", "[" T38 "12][a]end",
	    "6: limit");
	FRAMES("\0\0\0\1a\0\0\0\x29" T38 "123",
	    "[a]message of 41 bytes, limit 40", "6: limit+1");
	FRAMES("\x7f\xff\xff\xff", "message of 2147483647 bytes, limit 40",
	    "6: 0x7fffffff");
	FRAMES("\x80\0\0\0", "message of 2147483648 bytes, limit 40",
	    "6: 0x80000000");
	FRAMES("\xff\xff\xff\xff", "message of 4294967295 bytes, limit 40",
	    "6: 0xffffffff");
	FRAMES("GET / HTTP/1.1\r\n", "looks like HTTP", "9: GET");
	FRAMES("POST /", "looks like HTTP", "9: POST");
	FRAMES("HTTP/1.1 400", "looks like HTTP", "9: HTTP");
	FRAMES("\x16\x03\x01\x02\x00\x01",
	    "looks like TLS, which is not spoken here (--cacert)", "9: TLS");
	FRAMES("SSH-2.0-x", "looks like SSH", "9: SSH");
	FRAMES("PROXY TCP4", "looks like a PROXY header", "9: PROXY");
	FRAMES("\r\n\r\n\0\r\nQUIT\n", "looks like a PROXY header",
	    "9: PROXY, binary");
}

static void
test_lines(void)
{
	LINES("", "end", "lines: nothing");
	LINES("[1]\n[2]\r\n\n\r\n[3]\n", "[[1]][[2]][[3]]end",
	    "lines: LF, CR LF, empty ones");
	LINES("a\nb", "[a][b]end", "lines: the last without newline");
	LINES("a\nb\r", "[a][b]end", "lines: the last with CR alone");
	LINES("a\n\r", "[a]end", "lines: CR alone at the end");
	LINES("\n\n\n", "end", "lines: empty ones");
	LINES("a\rb\n\rc\n", "[a\rb][\rc]end", "lines: CR inside");
	LINES(T38 "1\n", "[" T38 "1]end", "lines: limit-1");
	LINES(T38 "12\nx\n", "[" T38 "12][x]end", "lines: limit");
	LINES(T38 "12\r\nx\n", "[" T38 "12][x]end", "lines: limit, CR LF");
	LINES("y\n" T38 "123\nx\n", "[y]line of more than 40 bytes",
	    "lines: limit+1");
	LINES(T38 "123", "line of more than 40 bytes",
	    "lines: limit+1, no end");
	LINES(T38 "12\rx\n", "line of more than 40 bytes",
	    "lines: limit, CR, more");
	LINES(T38 "12\r", "[" T38 "12]end", "lines: limit, CR, no end");
	LINES(T38 T38 T38 "\n", "line of more than 40 bytes",
	    "lines: far over the limit");
}

/* A big message, read partly by next(), partly into space(). */
static void
test_space(void)
{
	enum { LEN = 300000 };
	struct amas__frame_reader r;
	struct amas__frame f;
	struct amas_error err;
	char head[5] = { 0, 0x04, (char)0x93, (char)0xe0, 0 }, *p = head;
	char *space;
	size_t n = 4, got = 0, steps = 0, room;
	bool ok = true;
	int rc;

	amas__frame_reader_init(&r, false, LEN);
	tap_ok(amas__frame_space(&r, &room) == NULL, "no space before");
	tap_int(amas__frame_next(&r, &p, &n, &f, &err), 0, "header");
	tap_int((long long)amas__frame_pending(&r), 4, "pending");
	do {
		rc = 0;
		if ((space = amas__frame_space(&r, &room)) == NULL)
			break;
		ok = ok && room <= LEN - got && r.body.cap <= 2 * got + 32768;
		memset(space, (int)(steps & 0x7f), room);
		got += room;
		steps++;
		rc = amas__frame_fill(&r, room, &f, &err);
	} while (rc == 0);
	tap_ok(ok, "7: memory follows what came (%zu reads)", steps);
	if (rc == 0) {
		char *rest = calloc(1, LEN - got), *q = rest;

		n = LEN - got;
		tap_ok(n < 16384, "the last 16 KiB come by next");
		rc = amas__frame_next(&r, &q, &n, &f, &err);
		free(rest);
	}
	tap_ok(rc == 1 && f.len == LEN && f.owned == f.data, "whole");
	f.data[f.len] = 'x';
	free(f.owned);
	tap_ok(amas__frame_space(&r, &room) == NULL, "no space behind");
	tap_int((long long)amas__frame_pending(&r), 0, "nothing pending");
	amas__frame_reader_fini(&r);
}

/* What was promised costs nothing: faults 6 and 7. */
static void
test_promise(void)
{
	struct amas__frame_reader r;
	struct amas__frame f;
	char in[] = "\x03\xff\xff\xff" "abc", *p = in;
	size_t n = 7;

	amas__frame_reader_init(&r, false, AMAS__FRAME_MAX);
	tap_int(amas__frame_next(&r, &p, &n, &f, NULL), 0, "64 MiB promised");
	tap_ok(r.body.cap <= 64, "7: %zu bytes held for 3", r.body.cap);
	amas__frame_reader_fini(&r);
}

/* In place: a frame that came whole is not copied. */
static void
test_in_place(void)
{
	struct amas__frame_reader r;
	struct amas__frame f;
	char in[] = "\0\0\0\2ab\0\0\0\1", *p = in;
	size_t n = 10;

	amas__frame_reader_init(&r, false, MAX);
	tap_fail_alloc(1);
	tap_ok(amas__frame_next(&r, &p, &n, &f, NULL) == 1 &&
	    f.data == in + 4 && f.owned == NULL && p == in + 6 && n == 4,
	    "in place");
	tap_fail_alloc(0);
	amas__frame_reader_fini(&r);
}

static void
test_write(void)
{
	struct amas__buf b;
	struct amas_error err;
	size_t mark, n;
	int lines;

	amas__buf_init(&b, 0);
	amas__buf_puts(&b, "<");
	tap_int(amas__frame_begin(&b, false, &mark), 0, "begin");
	amas__buf_puts(&b, "abc");
	tap_int(amas__frame_end(&b, false, mark, 3, &err), 0, "end");
	tap_int(amas__frame_begin(&b, true, &mark), 0, "begin a line");
	amas__buf_puts(&b, "[1]");
	tap_int(amas__frame_end(&b, true, mark, 3, &err), 0, "end a line");
	tap_mem(amas__buf_head(&b), amas__buf_len(&b), "<\0\0\0\3abc[1]\n", 12,
	    "what was written");
	for (lines = 0; lines < 2; lines++) {
		amas__frame_begin(&b, lines != 0, &mark);
		amas__buf_puts(&b, "abcd");
		tap_int(amas__frame_end(&b, lines != 0, mark, 3, &err),
		    AMAS_ETOOBIG, "too big");
		tap_str(err.text, "message of 4 bytes, limit 3", "says both");
		amas__frame_begin(&b, lines != 0, &mark);
		tap_int(amas__frame_end(&b, lines != 0, mark, 3, &err),
		    AMAS_EINVAL, "empty");
		amas__frame_begin(&b, lines != 0, &mark);
		amas__buf_puts(&b, "x");
		amas__frame_cancel(&b, mark);
	}
	n = amas__buf_len(&b);
	tap_int((long long)n, 12, "failures leave nothing");
	amas__buf_consume(&b, 8);
	amas__frame_begin(&b, false, &mark);
	amas__buf_printf(&b, "%0300d", 7); /* moves the content */
	tap_ok(amas__frame_end(&b, false, mark, 300, &err) == 0 &&
	    amas__get32(amas__buf_head(&b) + mark) == 300,
	    "the content may move meanwhile");
	amas__buf_fini(&b);
}

/* Each allocation fails once: out of memory for ever, nothing lost. */
static void
test_memory(bool lines)
{
	static const char frames[] = "\0\0\0\6abcdef\0\0\0\2gh";
	static const char text[] = "abcdef\ngh\n";
	struct amas__frame_reader r;
	struct amas_error err;
	struct trace t;
	const char *in = lines ? text : frames;
	size_t len = (lines ? sizeof text : sizeof frames) - 1, i;
	unsigned long n, bad = 0;
	int rc = AMAS_ENOMEM;

	for (n = 1; rc != 0 && n < 100; n++) {
		t.len = 0;
		amas__frame_reader_init(&r, lines, MAX);
		rc = 0;
		for (i = 0; i < len && rc == 0; i++) {
			/* one of ours is a piece's memory */
			char piece[1], *p = piece;
			size_t left = 1;
			struct amas__frame f;

			piece[0] = in[i];
			if (i == 0)
				tap_fail_alloc(n);
			rc = amas__frame_next(&r, &p, &left, &f, &err);
			if (rc == 1) {
				note_frame(&t, &f);
				rc = 0;
			}
		}
		tap_fail_alloc(0);
		if (rc != 0)
			bad += rc != AMAS_ENOMEM || feed(&r, in, 1, &t, &err)
			    != AMAS_ENOMEM;
		amas__frame_reader_fini(&r);
	}
	tap_ok(bad == 0 && n > 2 && rc == 0, "%s: each allocation failing "
	    "once (%lu)", lines ? "lines" : "frames", n - 1);
	tap_str(t.text, "[abcdef][gh]", "and the last run has all");
}

/* Pieces that end inside one message and hold many: no copy gets lost. */
static void
test_many(void)
{
	struct amas__frame_reader r;
	struct amas__buf b;
	struct amas__frame f;
	size_t mark, i, step, n, seen, bad = 0;
	char *p;

	amas__buf_init(&b, 0);
	for (i = 0; i < 1000; i++) {
		amas__frame_begin(&b, false, &mark);
		amas__buf_printf(&b, "%zu", i);
		(void)amas__frame_end(&b, false, mark, MAX, NULL);
	}
	for (step = 1; step < 5000; step += 1 + step / 3) {
		amas__frame_reader_init(&r, false, MAX);
		for (i = seen = 0; i < amas__buf_len(&b); ) {
			p = amas__buf_head(&b) + i;
			n = amas__buf_len(&b) - i;
			n = n < step ? n : step;
			i += n;
			while (amas__frame_next(&r, &p, &n, &f, NULL) == 1) {
				bad += strtoul(strndupa(f.data, f.len), NULL,
				    10) != seen++;
				free(f.owned);
			}
		}
		bad += seen != 1000;
		amas__frame_reader_fini(&r);
	}
	tap_int((long long)bad, 0, "4: a thousand in pieces of any size");
	amas__buf_fini(&b);
}

int
main(void)
{
	test_frames();
	test_lines();
	test_space();
	test_promise();
	test_in_place();
	test_write();
	test_memory(false);
	test_memory(true);
	test_many();
	return tap_done();
}
