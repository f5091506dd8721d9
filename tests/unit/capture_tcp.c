/*
 * Reassembly: every order, loss, overlap and end, against the text that was
 * sent or a model of it.
 *
 * What was told is written as text: "<" and ">" for open and close, "0abc" or
 * "1abc" for bytes of a direction, "0!5!" for a gap of 5.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture_tcp.h"
#include "packets.h"
#include "tap.h"

struct rec {
	struct amas__tcp tcp;
	struct amas__capture_stats stats;
	struct amas__buf text;
	int dir;		/* of the bytes that came last; -1: others */
	int abort_at;		/* the callback that aborts; 0: none */
	int calls;
	char name[2][AMAS__CAPTURE_NAME];
	bool start[2];
};

static void
called(struct rec *r)
{
	if (++r->calls == r->abort_at)
		amas__tcp_abort(&r->tcp);
}

static void
on_open(void *arg, struct amas__flow *f)
{
	struct rec *r = arg;

	memcpy(r->name, f->name, sizeof r->name);
	f->user = r;
	put(&r->text, "<", 1);
	r->dir = -1;
	called(r);
}

static void
on_bytes(void *arg, struct amas__flow *f, int dir, const char *data,
    size_t len, double time_s)
{
	struct rec *r = arg;

	if (f->user != r || len == 0 || time_s < 0)
		abort();
	r->start[dir] = f->start[dir];
	if (r->dir != dir)
		put8(&r->text, (unsigned)('0' + dir));
	r->dir = dir;
	put(&r->text, data, len);
	called(r);
}

static void
on_gap(void *arg, struct amas__flow *f, int dir, size_t n, double time_s)
{
	struct rec *r = arg;

	if (f->user != r || n == 0 || time_s < 0 ||
	    amas__buf_printf(&r->text, "%d!%zu!", dir, n) != 0)
		abort();
	r->dir = -1;
	called(r);
}

static void
on_close(void *arg, struct amas__flow *f, double time_s)
{
	struct rec *r = arg;

	if (f->user != r || time_s < 0)
		abort();
	put(&r->text, ">", 1);
	r->dir = -1;
	called(r);
}

static const struct amas__capture_ops ops = {
	.open = on_open, .bytes = on_bytes, .gap = on_gap, .close = on_close,
};

static void
begin(struct rec *r)
{
	memset(r, 0, sizeof *r);
	r->dir = -1;
	amas__buf_init(&r->text, 0);
	amas__tcp_init(&r->tcp, &ops, r, &r->stats);
}

static void
finish(struct rec *r)
{
	amas__tcp_fini(&r->tcp);
	amas__buf_fini(&r->text);
}

static const char *
text(struct rec *r)
{
	if (amas__buf_putc(&r->text, '\0') != 0)
		abort();
	amas__buf_truncate(&r->text, amas__buf_len(&r->text) - 1);
	return amas__buf_head(&r->text);
}

static struct amas__segment
segment(int dir, uint32_t seq, uint32_t ack, unsigned flags, const char *data,
    size_t len)
{
	struct amas__segment s = { 0 };

	s.addr[dir][0] = s.addr[!dir][0] = 10;
	s.addr[dir][3] = 1;
	s.addr[!dir][3] = 2;
	s.port[dir] = 1000;
	s.port[!dir] = 5555;
	s.seq = seq;
	s.ack = ack;
	s.flags = flags;
	s.data = data;
	s.len = s.got = len;
	return s;
}

static int
add(struct rec *r, int dir, uint32_t seq, uint32_t ack, unsigned flags,
    const char *data)
{
	struct amas__segment s = segment(dir, seq, ack, flags, data,
	    strlen(data));

	return amas__tcp_add(&r->tcp, &s, NULL);
}

static void
handshake(struct rec *r, uint32_t a, uint32_t b)
{
	add(r, 0, a, 0, SYN, "");
	add(r, 1, b, a + 1, SYN | ACK, "");
	add(r, 0, a + 1, b + 1, ACK, "");
}

/* Ends the capture and compares all that was told. */
static void
tells(struct rec *r, const char *want, const char *what)
{
	amas__tcp_end(&r->tcp);
	tap_str(text(r), want, "%s", what);
	tap_ok(r->tcp.memory == 0, "%s: nothing is held", what);
	finish(r);
}

static void
test_whole(void)
{
	struct rec r;

	begin(&r);
	handshake(&r, 100, 200);
	add(&r, 0, 101, 201, ACK, "abc");
	add(&r, 1, 201, 104, ACK, "xy");
	add(&r, 0, 104, 203, ACK | FIN, "d");
	add(&r, 1, 203, 106, ACK | FIN, "z");
	tap_str(text(&r), "<0abc1xy0d1z>", "a connection and its end");
	tap_str(r.name[0], "10.0.0.1:1000", "who began it");
	tap_str(r.name[1], "10.0.0.2:5555", "who was called");
	tap_ok(r.start[0] && r.start[1], "both are known from their start");
	add(&r, 0, 106, 204, ACK, "");
	add(&r, 1, 203, 106, ACK | FIN, "z");
	tells(&r, "<0abc1xy0d1z>", "what comes after the end is of it");
}

static void
permute(int *order, int n, bool *bad)
{
	static const char *const parts[] = { "abc", "d", "efghi", "jk", "lmn" };
	static const uint32_t at[] = { 0, 3, 4, 9, 11 };
	struct rec r;
	int i, j, tmp;

	if (n == 5) {
		begin(&r);
		add(&r, 0, 0xfffffff8u, 0, SYN, "");
		for (i = 0; i < 5; i++)
			add(&r, 0, 0xfffffff9u + at[order[i]], 0, 0,
			    parts[order[i]]);
		*bad |= strcmp(text(&r), "<0abcdefghijklmn") != 0 ||
		    r.tcp.memory != 0 || r.stats.gaps != 0 ||
		    r.stats.differing != 0;
		finish(&r);
		return;
	}
	for (j = n; j < 5; j++) {
		tmp = order[n], order[n] = order[j], order[j] = tmp;
		permute(order, n + 1, bad);
		tmp = order[n], order[n] = order[j], order[j] = tmp;
	}
}

static void
test_permutations(void)
{
	int order[] = { 0, 1, 2, 3, 4 };
	bool bad = false;

	permute(order, 0, &bad);
	tap_ok(!bad, "77: 5 segments in every order, over the wrap of numbers");
}

/* ---- Random orders, overlaps and losses, against a model ---- */

#define LEN 60

static unsigned
random_below(uint64_t *state, unsigned n)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*state >> 33) % n;
}

/* What has to be told of the bytes that came; all: up to the end. */
static void
model(struct amas__buf *b, const char *sent, const bool *came, bool all)
{
	size_t i, n, end = LEN;

	while (!all && end > 0 && !came[end - 1])
		end--;
	put(b, "<", 1);
	for (i = 0; i < end; i += n) {
		for (n = 1; i + n < end && came[i + n] == came[i]; n++)
			;
		if (!came[i] && amas__buf_printf(b, "0!%zu!", n) != 0)
			abort();
		if (came[i]) {
			put(b, "0", 1);
			put(b, sent + i, n);
		}
	}
	put(b, ">", 2);
}

static bool
try_random(uint64_t *state)
{
	uint32_t isn = (uint32_t)random_below(state, 100) - 50;
	unsigned i, from, len, n = 1 + random_below(state, 40);
	bool came[LEN] = { false }, fin = random_below(state, 2) != 0, ok;
	struct amas__segment s;
	struct amas__buf want;
	char sent[LEN];
	struct rec r;

	for (i = 0; i < LEN; i++)
		sent[i] = (char)('a' + random_below(state, 26));
	begin(&r);
	add(&r, 0, isn, 0, SYN, "");
	for (i = 0; i < n; i++) {
		from = random_below(state, LEN);
		len = 1 + random_below(state, 12);
		if (len > LEN - from)
			len = LEN - from;
		s = segment(0, isn + 1 + from, 0, 0, sent + from, len);
		if (i == n / 2 && fin)
			add(&r, 0, isn + 1 + LEN, 0, FIN, "");
		if (amas__tcp_add(&r.tcp, &s, NULL) != 0)
			abort();
		memset(came + from, true, len);
	}
	amas__tcp_end(&r.tcp);
	amas__buf_init(&want, 0);
	model(&want, sent, came, fin);
	ok = strcmp(text(&r), amas__buf_head(&want)) == 0 &&
	    r.stats.differing == 0 && r.tcp.memory == 0;
	if (!ok)
		tap_diag("got %s, want %s", text(&r), amas__buf_head(&want));
	amas__buf_fini(&want);
	finish(&r);
	return ok;
}

static void
test_random(void)
{
	uint64_t state = 1;
	int i, bad = 0;

	for (i = 0; i < 20000 && bad < 5; i++)
		bad += !try_random(&state);
	tap_int(bad, 0, "random order, overlap and loss, as a model has it");
}

/* ---- Overlaps ---- */

static void
test_overlap(void)
{
	struct rec r;

	begin(&r);
	add(&r, 0, 0, 0, SYN, "");
	add(&r, 0, 1, 0, 0, "abc");
	add(&r, 0, 1, 0, 0, "abc");
	add(&r, 0, 2, 0, 0, "XXde");
	add(&r, 0, 0, 0, 0, "Y");
	tap_int((long long)r.stats.differing, 0, "told bytes are not compared");
	tells(&r, "<0abcde>", "what was told stays, of a repeat the new is told");

	begin(&r);
	add(&r, 0, 0, 0, SYN, "");
	add(&r, 0, 4, 0, 0, "de");
	add(&r, 0, 8, 0, 0, "hi");
	add(&r, 0, 3, 0, 0, "cXXfgYij");
	add(&r, 0, 4, 0, 0, "de");
	tap_int((long long)r.stats.differing, 1, "other bytes are counted");
	add(&r, 0, 1, 0, 0, "ab");
	tells(&r, "<0abcdefghij>", "the first bytes win");

	begin(&r);
	add(&r, 0, 0, 0, SYN, "");
	add(&r, 0, 4, 0, 0, "d");
	add(&r, 0, 1, 0, 0, "abcXe");
	tap_int((long long)r.stats.differing, 1, "also at the front");
	tells(&r, "<0abcde>", "first held, then told");
}

/* ---- Holes ---- */

static void
test_acked(void)
{
	struct rec r;
	int i;

	begin(&r);
	handshake(&r, 0, 0);
	add(&r, 0, 4, 1, ACK, "de");
	for (i = 0; i < 20; i++)
		add(&r, 1, 1, 1, ACK, "");
	tap_str(text(&r), "<", "an acknowledgement before the hole is none");
	for (i = 0; i < AMAS__CAPTURE_REORDER; i++)
		add(&r, 1, 1, 6, ACK, "");
	tap_str(text(&r), "<", "some packets are waited for");
	add(&r, 1, 1, 6, ACK, "");
	tells(&r, "<0!3!0de>", "a hole that was acknowledged is a gap");

	begin(&r);
	handshake(&r, 0, 0);
	add(&r, 0, 4, 1, ACK, "de");
	add(&r, 1, 1, 6, ACK, "");
	add(&r, 0, 1, 1, ACK, "abc");
	add(&r, 0, 7, 1, ACK, "g");
	for (i = 0; i < AMAS__CAPTURE_REORDER; i++)
		add(&r, 1, 1, 6, ACK, "");
	tells(&r, "<0abcde0!1!0g>", "unless it comes in time");

	begin(&r);
	handshake(&r, 0, 0);
	add(&r, 0, 4, 1, ACK | FIN, "");
	for (i = 0; i <= AMAS__CAPTURE_REORDER; i++)
		add(&r, 1, 1, 5, ACK, "");
	tap_str(text(&r), "<0!3!", "a hole before the end, too");
	add(&r, 1, 1, 5, ACK | FIN, "");
	tells(&r, "<0!3!>", "and then it is closed");

	begin(&r);
	handshake(&r, 0, 0);
	add(&r, 0, 1, 1, ACK, "ab");
	add(&r, 1, 1, 9, ACK, "x");
	tells(&r, "<0ab1x0!6!>", "what was acknowledged and never came");

	begin(&r);
	handshake(&r, 0, 0);
	add(&r, 1, 1, 2, ACK, "x");
	tells(&r, "<1x>", "but for one, which may be an end");
}

/* One hole at the front, then segments until it is given up. */
static void
test_hold(void)
{
	static char data[1000];
	struct amas__segment s;
	struct rec r;
	uint32_t n;

	memset(data, 'x', sizeof data);
	begin(&r);
	add(&r, 0, 0, 0, SYN, "");
	tap_heap_start();
	for (n = 0; r.stats.gaps == 0 && n < 5000; n++) {
		s = segment(0, 11 + n * 1000, 0, 0, data, sizeof data);
		if (amas__tcp_add(&r.tcp, &s, NULL) != 0)
			abort();
	}
	tap_ok(n > 900 && n <= 1050, "a hole is given up after 1 MiB: %u", n);
	tap_int((long long)r.stats.gap_bytes, 10, "and no more than that");
	tap_int((long long)r.stats.bytes, n * 1000, "the rest is told");
	finish(&r);

	begin(&r);
	add(&r, 0, 0, 0, SYN, "");
	tap_heap_start();
	for (n = 0; n < 100000; n++)
		add(&r, 0, 0x7fffffffu - 2 * n, 0, 0, "y");
	tap_ok(tap_heap_peak() < (size_t)8 << 20,
	    "single bytes, backwards, take no more: %zu", tap_heap_peak());
	finish(&r);
}

static void
test_truncated(void)
{
	struct amas__segment s;
	struct rec r;

	begin(&r);
	add(&r, 0, 0, 0, SYN, "");
	s = segment(0, 1, 0, 0, "ab", 5);
	s.got = 2;
	if (amas__tcp_add(&r.tcp, &s, NULL) != 0)
		abort();
	s = segment(0, 10, 0, 0, "jk", 5);
	s.got = 2;
	if (amas__tcp_add(&r.tcp, &s, NULL) != 0)
		abort();
	add(&r, 0, 6, 0, 0, "fghi");
	add(&r, 0, 15, 0, 0, "o");
	tells(&r, "<0ab0!3!0fghijk0!3!0o>", "what was cut off is a gap");
}

/* ---- Begin and end ---- */

static void
test_middle(void)
{
	struct rec r;

	begin(&r);
	add(&r, 1, 50, 70, ACK, "");
	add(&r, 1, 50, 70, ACK | FIN, "");
	add(&r, 1, 50, 70, RST, "x");
	tap_int((long long)r.stats.flows, 0, "an end is no beginning");
	add(&r, 1, 50, 70, ACK, "xy");
	tap_ok(!r.start[1], "a capture begun later says so");
	tap_str(r.name[0], "10.0.0.2:5555", "who is seen first is first");
	add(&r, 1, 45, 70, ACK, "abcde");
	add(&r, 0, 70, 52, ACK, "q");
	add(&r, 1, 52, 71, ACK, "z");
	tells(&r, "<0xy1q0z>", "what was before is not told");

	begin(&r);
	add(&r, 1, 50, 70, SYN | ACK, "");
	add(&r, 1, 51, 70, ACK, "xy");
	add(&r, 0, 70, 53, ACK, "q");
	tap_str(r.name[0], "10.0.0.1:1000", "without the first SYN, too");
	tap_ok(r.start[0] && r.start[1], "both are known from their start");
	tells(&r, "<1xy0q>", "the second packet tells of the first");

	begin(&r);
	add(&r, 0, 5, 0, SYN, "");
	add(&r, 0, 6, 51, ACK, "q");
	add(&r, 1, 53, 7, ACK, "c");
	tap_ok(r.start[0], "of a lost answer the number is known");
	tells(&r, "<0q1!2!1c>", "so is what was lost");

	begin(&r);
	add(&r, 0, 5, 0, SYN, "early");
	add(&r, 0, 5, 0, SYN, "");
	add(&r, 0, 11, 0, ACK, "x");
	tells(&r, "<0earlyx>", "data with the first packet; it comes twice");
}

static void
test_reset(void)
{
	struct rec r;

	begin(&r);
	handshake(&r, 0, 0);
	add(&r, 0, 3, 1, ACK, "c");
	add(&r, 1, 1, 1, RST | ACK, "");
	tap_str(text(&r), "<0!2!0c>", "a reset ends it");
	add(&r, 0, 4, 1, ACK, "d");
	tap_str(text(&r), "<0!2!0c>", "what comes then is of it");
	add(&r, 0, 77, 0, SYN, "");
	add(&r, 0, 78, 0, ACK, "n");
	tells(&r, "<0!2!0c><0n>", "another begins");

	begin(&r);
	handshake(&r, 0, 0);
	add(&r, 1, 0xd0000000u, 1, RST, "");
	add(&r, 0, 1, 1, ACK, "a");
	tells(&r, "<0a>", "a reset of a wrong number is none");

	begin(&r);
	add(&r, 0, 5, 0, SYN, "");
	add(&r, 1, 0, 6, RST | ACK, "");
	tap_str(text(&r), "<>", "a connection that is refused");
	add(&r, 1, 90, 0, SYN, "");
	add(&r, 1, 91, 0, ACK, "a");
	tells(&r, "<><0a>", "and one the other way round");
}

static void
test_reuse(void)
{
	struct rec r;

	begin(&r);
	handshake(&r, 0, 0);
	add(&r, 0, 1, 1, ACK, "a");
	add(&r, 0, 3, 1, ACK, "c");
	handshake(&r, 5000, 6000);
	add(&r, 0, 5001, 6001, ACK, "n");
	add(&r, 1, 6001, 5002, ACK, "m");
	tap_int((long long)r.stats.flows, 2, "the same ends, again");
	tells(&r, "<0a0!1!0c><0n1m>", "the first is closed with what it held");

	begin(&r);
	handshake(&r, 0, 0);
	add(&r, 0, 1, 1, ACK, "abc");
	add(&r, 0, 2, 1, ACK | FIN, "");
	add(&r, 0, 4, 1, ACK, "d");
	add(&r, 0, 7, 1, ACK, "g");
	add(&r, 0, 6, 1, ACK | FIN, "");
	tells(&r, "<0abcd0!2!0g>", "an end before data is none");
}

static void
test_v6(void)
{
	struct amas__segment s = segment(0, 1, 0, 0, "a", 1);
	struct rec r;

	begin(&r);
	s.v6 = true;
	memset(s.addr, 0, sizeof s.addr);
	s.addr[0][15] = 1;
	memset(s.addr[1], 0xff, 16);
	if (amas__tcp_add(&r.tcp, &s, NULL) != 0)
		abort();
	tap_str(r.name[0], "[::1]:1000", "a name of IPv6");
	tap_str(r.name[1], "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:5555",
	    "the longest one");
	tells(&r, "<0a>", "IPv6");
}

/* ---- Bounds of all ---- */

static int
add_from(struct rec *r, unsigned port, uint32_t seq, unsigned flags,
    const char *data)
{
	struct amas__segment s = segment(0, seq, 0, flags, data, strlen(data));

	s.port[0] = (uint16_t)port;
	return amas__tcp_add(&r->tcp, &s, NULL);
}

static void
test_bounds(void)
{
	struct rec r;
	unsigned i;

	begin(&r);
	r.tcp.flows_max = 2;
	add_from(&r, 1, 0, SYN, "a");
	add_from(&r, 2, 0, SYN, "b");
	add_from(&r, 1, 2, 0, "c");
	add_from(&r, 3, 0, SYN, "d");
	tap_int((long long)r.stats.evicted, 1, "one too many is counted");
	add_from(&r, 1, 3, 0, "e");
	tells(&r, "<0a<0bc><0de>>", "the one longest silent is closed");

	begin(&r);
	r.tcp.flows_max = 2;
	add_from(&r, 1, 0, SYN, "a");
	add_from(&r, 2, 0, SYN, "b");
	add_from(&r, 2, 2, RST, "");
	add_from(&r, 3, 0, SYN, "d");
	tap_int((long long)r.stats.evicted, 0, "first go those that ended");
	tells(&r, "<0a<0b><0d>>", "the others stay");

	begin(&r);
	r.tcp.memory_max = 10000;
	for (i = 0; i < 1000; i++) {
		add_from(&r, 1 + i, 0, SYN, "");
		add_from(&r, 1 + i, 3, 0, "held");
		if (r.tcp.memory > r.tcp.memory_max)
			abort();
	}
	tap_ok(r.stats.gaps > 700, "over the bound the oldest wait no longer");
	finish(&r);
}

/* ---- Faults ---- */

/* A bit of everything. */
static int
scenario(struct rec *r)
{
	int rc = 0;

	r->tcp.flows_max = 3;
	handshake(r, 0, 0);
	rc |= add(r, 0, 4, 1, ACK, "def");
	rc |= add(r, 1, 1, 7, ACK, "x");
	rc |= add(r, 0, 2, 1, ACK, "bcXefghi");
	rc |= add(r, 1, 3, 7, ACK, "z");
	rc |= add(r, 0, 1, 1, ACK, "a");
	rc |= add(r, 0, 77, 0, SYN, "");
	rc |= add(r, 0, 80, 0, ACK, "n");
	rc |= add_from(r, 2, 0, SYN, "b");
	rc |= add_from(r, 3, 0, SYN, "c");
	rc |= add_from(r, 4, 0, SYN, "d");
	rc |= add_from(r, 4, 3, RST, "");
	amas__tcp_end(&r->tcp);
	return rc;
}

static void
test_alloc(void)
{
	unsigned long n = 0, calls;
	bool told = true;
	struct rec r;
	int rc;

	do {
		n++;
		begin(&r);
		/* so that what fails is not the record of the test */
		if (amas__buf_reserve(&r.text, 4096) != 0)
			abort();
		tap_fail_alloc(n);
		rc = scenario(&r);
		calls = tap_allocs();
		tap_fail_alloc(0);
		told &= calls < n ? rc == 0 : true;
		finish(&r);
	} while (calls >= n);
	tap_ok(told && n > 8, "each of %lu allocations fails once", n - 1);
}

static void
test_abort(void)
{
	const char *p;
	bool ok = true;
	struct rec r;
	int n, opens, closes, calls = 1;

	for (n = 1; n <= calls; n++) {
		begin(&r);
		r.abort_at = n;
		(void)scenario(&r);
		opens = closes = 0;
		for (p = text(&r); *p != '\0'; p++) {
			opens += *p == '<';
			closes += *p == '>';
		}
		calls = r.calls >= n ? n + 1 : n - 1;
		ok &= opens == closes && r.tcp.memory == 0;
		finish(&r);
	}
	tap_ok(ok && n > 15, "freed in each of %d callbacks", n - 2);
}

int
main(void)
{
	test_whole();
	test_permutations();
	test_random();
	test_overlap();
	test_acked();
	test_hold();
	test_truncated();
	test_middle();
	test_reset();
	test_reuse();
	test_v6();
	test_bounds();
	test_alloc();
	test_abort();
	return tap_done();
}
