/*
 * Captures: files as their bytes come, with filters, freed and ended in the
 * middle.
 *
 * What was told is written as text, as in capture_tcp.c; "." is the end.
 */
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "packets.h"
#include "tap.h"

struct rec {
	struct amas_loop *loop;
	struct amas__capture *c;
	struct amas__capture_stats stats;
	struct amas__buf text;
	struct amas_error err;	/* of the end */
	int logs;		/* lines */
	int free_at;		/* the callback that does so; 0: none */
	int calls;
};

static void
called(struct rec *r)
{
	r->calls++;
	if (r->calls == r->free_at) {
		amas__capture_free(r->c);
		r->c = NULL;
	}
}

static void
on_open(void *arg, struct amas__flow *f)
{
	struct rec *r = arg;

	(void)f;
	put(&r->text, "<", 1);
	called(r);
}

static void
on_bytes(void *arg, struct amas__flow *f, int dir, const char *data,
    size_t len, double time_s)
{
	struct rec *r = arg;

	(void)f;
	if (time_s < 1000.49 || time_s > 1000.51)
		abort();
	put8(&r->text, (unsigned)('0' + dir));
	put(&r->text, data, len);
	called(r);
}

static void
on_gap(void *arg, struct amas__flow *f, int dir, size_t n, double time_s)
{
	struct rec *r = arg;

	(void)f;
	(void)time_s;
	if (amas__buf_printf(&r->text, "%d!%zu!", dir, n) != 0)
		abort();
	called(r);
}

static void
on_close(void *arg, struct amas__flow *f, double time_s)
{
	struct rec *r = arg;

	(void)f;
	(void)time_s;
	put(&r->text, ">", 1);
	called(r);
}

static void
on_end(void *arg, const struct amas_error *err)
{
	struct rec *r = arg;

	if (err != NULL)
		r->err = *err;
	put(&r->text, ".", 1);
	r->stats = *amas__capture_stats(r->c);
	called(r);
}

static const struct amas__capture_ops ops = {
	on_open, on_bytes, on_gap, on_close, on_end
};

static void
on_log(int level, const char *line, void *arg)
{
	struct rec *r = arg;

	(void)level;
	(void)line;
	r->logs++;
}

static void
begin(struct rec *r)
{
	memset(r, 0, sizeof *r);
	amas__buf_init(&r->text, 0);
	if (amas_loop_new(&r->loop, NULL, NULL) != 0)
		abort();
	amas_loop_set_log(r->loop, AMAS_LOG_WARN, on_log, r);
}

static void
finish(struct rec *r)
{
	amas__capture_free(r->c);
	amas_loop_free(r->loop);
	amas__buf_fini(&r->text);
}

static const char *
text(struct rec *r)
{
	put(&r->text, "", 1);
	amas__buf_truncate(&r->text, amas__buf_len(&r->text) - 1);
	return amas__buf_head(&r->text);
}

static int
open_file(struct rec *r, const char *filter, uint16_t port)
{
	struct amas__capture_opts o = { .filter = filter, .port = port };

	return amas__capture_open(&r->c, r->loop, &o, &ops, r, &r->err);
}

/* Puts the next bytes and takes the packets that are whole then. */
static bool
feed(struct rec *r, const char *data, size_t len)
{
	double t = 0;

	if (r->c == NULL || amas__capture_put(r->c, data, len, &r->err) != 0)
		return false;
	while (r->c != NULL && amas__capture_next(r->c, &t) == 1) {
		if (t < 1000.49 || t > 1000.51)
			abort();
		amas__capture_step(r->c);
	}
	return true;
}

/* Reads all of it, step bytes at a time. */
static void
read_all(struct rec *r, const struct amas__buf *b, size_t step)
{
	const char *p = amas__buf_head(b);
	size_t left = amas__buf_len(b), n;

	for (; left > 0; p += n, left -= n) {
		n = step < left ? step : left;
		if (!feed(r, p, n))
			return;
	}
	if (r->c != NULL)
		amas__capture_end(r->c, true);
}

static void
run(struct rec *r, const struct amas__buf *b, const char *filter,
    uint16_t port)
{
	begin(r);
	if (open_file(r, filter, port) == 0)
		read_all(r, b, SIZE_MAX);
}

/* A connection of some packets. */
static void
conversation(struct amas__buf *b)
{
	put_pcap_header(b, 1);
	put_pcap_frame(b, 0, 0, 0, SYN, "");
	put_pcap_frame(b, 1, 0, 1, SYN | ACK, "");
	put_pcap_frame(b, 0, 1, 1, ACK, "abc");
	put_pcap_frame(b, 1, 1, 4, ACK, "x");
	put_pcap_frame(b, 0, 6, 2, ACK, "f");
}

#define TOLD "<0abc1x0!2!0f>."

static void
test_file(void)
{
	struct amas__buf b;
	struct rec r;

	amas__buf_init(&b, 0);
	conversation(&b);
	run(&r, &b, NULL, 0);
	tap_str(text(&r), TOLD, "a file");
	tap_int(r.err.code, 0, "it is whole");
	tap_int((long long)r.stats.packets, 5, "its packets are counted");
	tap_int((long long)r.stats.segments, 5, "its segments are counted");
	finish(&r);

	put(&b, "12345", 5);
	run(&r, &b, NULL, 0);
	tap_str(text(&r), TOLD, "what was before a cut is told");
	tap_str(r.err.text, "packet 6: cut", "and then what is wrong");
	tap_int(r.err.code, AMAS_EPROTO, "with its code");
	finish(&r);
	amas__buf_fini(&b);
}

static void
test_port(void)
{
	struct amas__buf b;
	struct rec r;

	amas__buf_init(&b, 0);
	conversation(&b);
	run(&r, &b, NULL, 1000);
	tap_str(text(&r), TOLD, "the port of one side");
	finish(&r);
	run(&r, &b, NULL, 5555);
	tap_str(text(&r), TOLD, "the port of the other side");
	finish(&r);
	run(&r, &b, NULL, 5556);
	tap_str(text(&r), ".", "another port");
	tap_int((long long)r.stats.segments, 0, "no segment is of it");
	finish(&r);
	amas__buf_fini(&b);
}

static bool
has_filters(void)
{
	struct rec r;
	struct amas__buf b;
	bool has;

	amas__buf_init(&b, 0);
	put_pcap_header(&b, 1);
	run(&r, &b, "tcp", 0);
	has = strstr(r.err.text, "without libpcap") == NULL;
	finish(&r);
	amas__buf_fini(&b);
	return has;
}

static void
test_filter(void)
{
	struct amas__buf b;
	struct rec r;

	if (!has_filters()) {
		tap_ok(true, "filters # SKIP built without libpcap");
		return;
	}
	amas__buf_init(&b, 0);
	conversation(&b);
	run(&r, &b, "src port 1000", 0);
	tap_str(text(&r), "<0abc0!2!0f>.", "a filter");
	tap_int((long long)r.stats.packets, 3, "what it lets through counts");
	finish(&r);
	run(&r, &b, "src port", 0);
	tap_int(r.err.code, AMAS_EINVAL, "a wrong filter is refused");
	tap_ok(strncmp(r.err.text, "filter: ", 8) == 0, "saying so: %s",
	    r.err.text);
	finish(&r);
	amas__buf_fini(&b);
}

static void
test_odd_packets(void)
{
	struct amas__buf b, p;
	struct rec r;
	int i;

	amas__buf_init(&b, 0);
	amas__buf_init(&p, 0);
	conversation(&b);
	put_ethernet(&p, 0x0800);
	put_ip4(&p, 0, 20, 0x2000);
	put_tcp(&p, 0, 7, 0, 0, "", 0);
	for (i = 0; i < 3; i++)
		put_pcap_packet(&b, &p);
	amas__buf_truncate(&p, 20);
	put_pcap_packet(&b, &p);
	amas__buf_head(&p)[13] = 6;
	put_pcap_packet(&b, &p);
	run(&r, &b, NULL, 0);
	tap_str(text(&r), TOLD, "others among them");
	tap_int((long long)r.stats.fragments, 3, "fragments");
	tap_int((long long)r.stats.malformed, 1, "one that is too short");
	tap_int((long long)r.stats.ignored, 1, "ARP");
	tap_str(r.err.text, "packet 6: a fragment of IP, skipped",
	    "the first of them is told, at the end");
	tap_int(r.logs, 0, "and not before");
	finish(&r);

	amas__buf_truncate(&b, 0);
	put_pcap_header(&b, 147);
	put_pcap_packet(&b, &p);
	put_pcap_packet(&b, &p);
	run(&r, &b, NULL, 0);
	tap_str(text(&r), ".", "an unknown link type tells nothing");
	tap_int(r.err.code, AMAS_EPROTO, "and is no success");
	tap_str(r.err.text, "packet 1: link type 147 is not known, skipped",
	    "so it is");
	tap_int((long long)r.stats.unknown, 2, "such packets are counted");
	finish(&r);
	amas__buf_fini(&p);
	amas__buf_fini(&b);
}

static void
refused(const char *data, size_t len, const char *want)
{
	struct amas__buf b;
	struct rec r;

	amas__buf_init(&b, 0);
	put(&b, data, len);
	run(&r, &b, NULL, 0);
	tap_int(r.err.code, AMAS_EPROTO, "%s: refused", want);
	tap_str(r.err.text, want, "%s: why", want);
	tap_str(text(&r), ".", "%s: that is told", want);
	finish(&r);
	amas__buf_fini(&b);
}

/* Byte by byte: each packet is told when its last byte comes. */
static void
test_pieces(void)
{
	struct amas__buf b;
	struct rec r;
	size_t i;

	amas__buf_init(&b, 0);
	conversation(&b);
	begin(&r);
	if (open_file(&r, NULL, 0) != 0)
		abort();
	for (i = 0; i < amas__buf_len(&b); i++)
		(void)feed(&r, amas__buf_head(&b) + i, 1);
	tap_str(text(&r), "<0abc1x", "what is known is told");
	amas__capture_end(r.c, true);
	tap_str(text(&r), TOLD, "the rest at the end");
	amas__capture_end(r.c, true);
	tap_str(text(&r), TOLD, "which is told once");
	finish(&r);
	amas__buf_fini(&b);
}

/* Freed in each callback: all that was opened is closed, and no more. */
static void
test_free(void)
{
	struct amas__buf b;
	struct rec r;
	const char *t;
	int n, calls = 1;
	bool ok = true;

	amas__buf_init(&b, 0);
	conversation(&b);
	for (n = 1; n <= calls; n++) {
		begin(&r);
		r.free_at = n;
		if (open_file(&r, NULL, 0) != 0)
			abort();
		read_all(&r, &b, SIZE_MAX);
		t = text(&r);
		ok &= strchr(t, '>') != NULL && r.calls <= n + 1;
		calls = r.calls >= n ? n + 1 : n - 1;
		finish(&r);
	}
	tap_ok(ok && n > 6, "freed in each of its callbacks");
	begin(&r);
	if (open_file(&r, NULL, 0) != 0)
		abort();
	amas_loop_free(r.loop);
	tap_str(text(&r), "", "the loop frees what is open");
	amas__buf_fini(&r.text);
	amas__buf_fini(&b);
}

/* Ended in the middle of a packet, which then is no fault. */
static void
test_end(void)
{
	struct amas__buf b;
	struct rec r;
	double t;

	amas__buf_init(&b, 0);
	conversation(&b);
	begin(&r);
	if (open_file(&r, NULL, 0) != 0)
		abort();
	(void)feed(&r, amas__buf_head(&b), amas__buf_len(&b) - 5);
	amas__capture_end(r.c, false);
	tap_str(text(&r), "<0abc1x>.", "ended in the middle");
	tap_int(r.err.code, 0, "as was asked for");
	tap_ok(amas__capture_next(r.c, &t) < 0, "nothing comes then");
	finish(&r);
	begin(&r);
	if (open_file(&r, NULL, 0) != 0)
		abort();
	amas_loop_drain(r.loop, 1);
	(void)amas_loop_run(r.loop, 30);
	tap_str(text(&r), ".", "a loop that drains ends it");
	finish(&r);
	amas__buf_fini(&b);
}

static void
test_alloc(void)
{
	unsigned long n = 0, calls;
	struct amas__buf b;
	bool ok = true;
	struct rec r;

	amas__buf_init(&b, 0);
	conversation(&b);
	do {
		n++;
		begin(&r);
		if (amas__buf_reserve(&r.text, 4096) != 0)
			abort();
		tap_fail_alloc(n);
		if (open_file(&r, NULL, 0) == 0)
			read_all(&r, &b, SIZE_MAX);
		calls = tap_allocs();
		tap_fail_alloc(0);
		ok &= calls < n ? strcmp(text(&r), TOLD) == 0 :
		    r.err.code == AMAS_ENOMEM;
		finish(&r);
	} while (calls >= n);
	tap_ok(ok && n > 6, "each of %lu allocations fails once", n - 1);
	amas__buf_fini(&b);
}

int
main(void)
{
	test_file();
	test_port();
	test_filter();
	test_odd_packets();
	refused("", 0, "empty");
	refused("abcd", 4, "neither pcap nor pcapng");
	refused("\x1f\x8b\x08\0", 4,
	    "compressed; zcat FILE | ... -r - reads it");
	refused("\xd4\xc3\xb2\xa1\2", 5, "cut in its header");
	test_pieces();
	test_free();
	test_end();
	test_alloc();
	return tap_done();
}
