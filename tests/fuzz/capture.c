/*
 * Captures: a file gives the same whole and in pieces; each connection that is
 * opened is closed once and told nothing after that; memory stays in its bounds
 * and is none at the end.
 *
 * Byte 0: its low half the length of pieces, its high half the bounds of
 * connections and memory; then the file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capture_file.h"
#include "capture_packet.h"
#include "capture_tcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond) do { if (!(cond)) abort(); } while (0)

struct result {
	struct amas__tcp tcp;
	struct amas__capture_stats stats;
	uint64_t seed[2];
	uint64_t sum;		/* of all that was told, in its order */
	size_t open;
	uint64_t told, missed;
	int rc;
};

static void
mix(struct result *r, int what, const void *data, size_t len)
{
	uint64_t all[3] = { r->sum, (uint64_t)what, 0 };

	all[2] = amas__hash(r->seed, data, len);
	r->sum = amas__hash(r->seed, all, sizeof all);
}

static void
on_open(void *arg, struct amas__flow *f)
{
	struct result *r = arg;

	CHECK(f->user == NULL && strlen(f->name[0]) >= 6 &&
	    strlen(f->name[1]) < sizeof f->name[1]);
	f->user = r;
	r->open++;
	mix(r, 1, f->name, strlen(f->name[0]));
}

static void
on_bytes(void *arg, struct amas__flow *f, int dir, const char *data,
    size_t len, double time_s)
{
	struct result *r = arg;

	CHECK(f->user == r && len > 0 && (dir == 0 || dir == 1));
	r->told += len;
	mix(r, 2 + dir, data, len);
	mix(r, 4, &time_s, sizeof time_s);
}

static void
on_gap(void *arg, struct amas__flow *f, int dir, size_t n, double time_s)
{
	struct result *r = arg;

	CHECK(f->user == r && n > 0 && (dir == 0 || dir == 1));
	r->missed += n;
	mix(r, 5 + dir, &n, sizeof n);
	mix(r, 7, &time_s, sizeof time_s);
}

static void
on_close(void *arg, struct amas__flow *f, double time_s)
{
	struct result *r = arg;

	CHECK(f->user == r && r->open > 0);
	f->user = NULL;
	r->open--;
	mix(r, 8, &time_s, sizeof time_s);
}

static const struct amas__capture_ops ops = {
	.open = on_open, .bytes = on_bytes, .gap = on_gap, .close = on_close,
};

static void
packet(struct result *r, const struct amas__packet *p)
{
	struct amas__segment s;

	CHECK(p->len <= AMAS__CAPTURE_PACKET_MAX && p->wire >= p->len);
	if (amas__capture_packet(p, &s) != AMAS__PACKET_TCP)
		return;
	CHECK(s.got <= s.len && s.got <= p->len);
	CHECK(amas__tcp_add(&r->tcp, &s, NULL) == 0);
	CHECK(r->tcp.memory <= r->tcp.memory_max &&
	    r->tcp.n <= r->tcp.flows_max);
}

static void
run(struct result *res, const uint8_t *in, size_t len, size_t step,
    unsigned bounds)
{
	struct amas__capture_file r;
	struct amas__packet p;
	size_t i, n;

	memset(res, 0, sizeof *res);
	amas__capture_file_init(&r);
	amas__tcp_init(&res->tcp, &ops, res, &res->stats);
	res->tcp.flows_max = 1 + bounds % 4;
	res->tcp.memory_max = bounds < 8 ? 4096 : AMAS__CAPTURE_MEMORY;
	for (i = 0; i < len && res->rc == 0; i += n) {
		n = step < len - i ? step : len - i;
		CHECK(amas__capture_file_put(&r, in + i, n, NULL) == 0);
		while ((res->rc = amas__capture_file_next(&r, &p, NULL)) == 1)
			packet(res, &p);
	}
	if (res->rc == 0)
		res->rc = amas__capture_file_eof(&r, NULL);
	amas__tcp_end(&res->tcp);
	CHECK(res->open == 0 && res->tcp.memory == 0);
	CHECK(res->told == res->stats.bytes &&
	    res->missed == res->stats.gap_bytes);
	amas__tcp_fini(&res->tcp);
	amas__capture_file_fini(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result whole, cut;
	size_t step;

	if (size < 1)
		return 0;
	step = 1 + ((size_t)data[0] & 15) * ((size_t)data[0] & 15);
	run(&whole, data + 1, size - 1, size, data[0] >> 4);
	run(&cut, data + 1, size - 1, step, data[0] >> 4);
	CHECK(whole.rc == cut.rc && whole.sum == cut.sum);
	return 0;
}
