/*
 * What decoding costs.  Memory: never more than AMAS__DECODED_MAX() says, for
 * whatever takes the most of it in each codec, typed values lifted too
 * (faults.md, 17 and 18).  Time: linear in the number of keys (25).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec.h"
#include "tap.h"

static struct amas__types types;

/* Decodes buf, lifts it, and looks at the most that this took. */
static void
measure(const struct amas_codec *codec, struct amas__buf *buf,
    const char *name)
{
	size_t len = amas__buf_len(buf), peak;
	struct amas_error err = { 0, 0, "" };
	const struct amas_value *v;
	struct amas__area *a;
	bool typed = false;
	char *copy;
	int rc;

	tap_heap_start();
	a = amas__area_new(NULL);
	copy = malloc(len + 1);
	if (a == NULL || copy == NULL)
		abort();
	memcpy(copy, amas__buf_head(buf), len);
	if (amas__area_take_memory(a, copy) != 0)
		abort();
	rc = amas__codec_decode(codec, a, copy, len, NULL, &v, &typed, &err);
	if (rc == 0 && typed)
		rc = amas__types_lift(a, &v, &types, false, &err);
	peak = tap_heap_peak();
	if (rc != 0)
		tap_ok(false, "%s: %s: %s", codec->name, name, err.text);
	tap_ok(TAP_ASAN || peak <= AMAS__DECODED_MAX(len),
	    "faults 18: %s: %zu bytes of %s hold %zu.%zu times as much",
	    codec->name, len, name, peak / len, peak * 10 / len % 10);
	amas__area_unref(a);
	amas__buf_fini(buf);
}

/* ---- JSON ---- */

static void
put_times(struct amas__buf *buf, const char *piece, size_t n)
{
	for (; n > 0; n--)
		if (amas__buf_puts(buf, piece) != 0)
			abort();
}

/* [PIECE PIECE PIECE 0] */
static void
json_list(const char *piece, size_t n)
{
	struct amas__buf buf;

	amas__buf_init(&buf, 0);
	put_times(&buf, "[", 1);
	put_times(&buf, piece, n);
	put_times(&buf, "0]", 1);
	measure(&amas__codec_json, &buf, piece);
}

/* Lists within lists, each beside n numbers, around a typed value. */
static void
json_chain(size_t levels, size_t n)
{
	struct amas__buf buf;
	size_t i;

	amas__buf_init(&buf, 0);
	for (i = 0; i < levels; i++) {
		put_times(&buf, "[", 1);
		put_times(&buf, "0,", n);
	}
	put_times(&buf, "{\"__type__\":[0,0]}", 1);
	put_times(&buf, "]", levels);
	measure(&amas__codec_json, &buf, "chain around a type");
}

static void
test_json(void)
{
	static const char *const piece[] = { "0,", "[],", "{},", "\"\",",
		"\"a\",", "[0],", "[[]],", "{\"\":0},", "{\"\":{}},", "1e5,",
		"99999999999999999999,", "{\"__type__\":[0,0]}," };
	/* just over what stacks and chunks hold; many */
	static const size_t n[] = { 1, 100, 511, 512, 4095, 4096, 65535,
		65536, 131072 };
	struct amas__buf buf;
	size_t i, k;

	for (i = 0; i < sizeof piece / sizeof *piece; i++)
		for (k = 0; k < sizeof n / sizeof *n; k++)
			json_list(piece[i], n[k]);
	json_chain(998, 0);
	json_chain(998, 1);
	json_chain(998, 100);
	json_chain(10, 20000);
	/* a map's keys are compared in a table */
	for (k = 0; k < sizeof n / sizeof *n; k++) {
		amas__buf_init(&buf, 0);
		put_times(&buf, "{\"\":0", 1);
		for (i = 0; i < n[k]; i++)
			(void)amas__buf_printf(&buf, ",\"%zx\":0", i);
		put_times(&buf, "}", 1);
		measure(&amas__codec_json, &buf, "keys");
	}
}

/* ---- MsgPack ---- */

static void
put_list(struct amas__buf *buf, size_t n)
{
	(void)amas__buf_putc(buf, '\xdd');
	(void)amas__buf_put32(buf, (uint32_t)n);
}

static void
msgpack_list(char piece, size_t n)
{
	struct amas__buf buf;
	char name[16];

	amas__buf_init(&buf, 0);
	put_list(&buf, n);
	while (n-- > 0)
		(void)amas__buf_putc(&buf, piece);
	(void)snprintf(name, sizeof name, "0x%02x", (unsigned char)piece);
	measure(&amas__codec_msgpack, &buf, name);
}

/* Lists of one element in each other, as many chains as there is room for. */
static void
msgpack_chains(size_t n, size_t levels)
{
	struct amas__buf buf;
	size_t i;

	amas__buf_init(&buf, 0);
	put_list(&buf, n);
	for (; n > 0; n--) {
		for (i = 1; i < levels; i++)
			(void)amas__buf_putc(&buf, '\x91');
		(void)amas__buf_putc(&buf, '\0');
	}
	measure(&amas__codec_msgpack, &buf, "chains");
}

/*
 * Lists whose sizes grow by num/den, so that one after the other just does not
 * fit into the rest of a chunk; a typed value in each, so that each is copied.
 */
static void
msgpack_steps(size_t first, size_t num, size_t den, bool typed)
{
	static const char type[] = "\x81\xa8__type__\x92";
	const size_t n = 60, max = 100000;
	struct amas__buf buf;
	size_t i, k, size = first;

	amas__buf_init(&buf, 0);
	put_list(&buf, n);
	for (i = 0; i < n; i++) {
		put_list(&buf, size + typed);
		for (k = 0; k < size; k++)
			(void)amas__buf_putc(&buf, '\0');
		if (typed) {
			(void)amas__buf_put(&buf, type, sizeof type - 1);
			(void)amas__buf_put(&buf, "\0\0", 2);
		}
		if ((size = size * num / den + 1) > max)
			size = first;
	}
	measure(&amas__codec_msgpack, &buf, typed ? "steps around types" :
	    "steps");
}

static void
test_msgpack(void)
{
	static const char piece[] = { '\0', '\x90', '\x80', '\xa0', '\xc0',
		'\xff' };
	static const size_t n[] = { 1, 100, 168, 169, 4096, 65535, 65536,
		1000000 };
	size_t i, k;

	for (i = 0; i < sizeof piece; i++)
		for (k = 0; k < sizeof n / sizeof *n; k++)
			msgpack_list(piece[i], n[k]);
	msgpack_chains(1, 999);
	msgpack_chains(1000, 999);
	msgpack_chains(100000, 3);
	for (i = 1; i < 400; i += 40)
		for (k = 5; k <= 20; k += 3) {
			msgpack_steps(i, k, 5, false);
			msgpack_steps(i, k, 5, true);
		}
}

/* ---- Promises ---- */

/* Headers that promise 4 GiB, alone and in a chain, make nothing of it. */
static void
test_promises(void)
{
	static const char header[] = "\xc6\xc9\xdb\xdd\xdf";
	struct amas_error err;
	const struct amas_value *v;
	struct amas__area *a;
	size_t i, k, n, len;
	char data[5 * 1000 + 1];
	bool typed;

	for (i = 0; i < sizeof header - 1; i++)
		for (n = 1; n <= 1000; n += 999) {
			for (k = 0; k < n; k++) {
				memset(data + 5 * k, '\xff', 5);
				data[5 * k] = header[i];
			}
			len = 5 * n;
			tap_heap_start();
			if ((a = amas__area_new(NULL)) == NULL)
				abort();
			tap_int(amas__codec_decode(&amas__codec_msgpack, a,
			    data, len, NULL, &v, &typed, &err), AMAS_EPROTO,
			    "faults 17: 0x%02x promises 4 GiB %zu times",
			    (unsigned char)header[i], n);
			tap_ok(tap_heap_peak() <= AMAS__DECODED_MAX(len),
			    "faults 17: and %zu bytes are held",
			    tap_heap_peak());
			amas__area_unref(a);
		}
}

/* ---- Keys ---- */

enum keys { TEXT, EQUAL, INTEGERS };

static void
json_keys(struct amas__buf *buf, enum keys keys, size_t n)
{
	size_t i;

	put_times(buf, keys == INTEGERS ? "{\"__type__\":[\"map\",[" : "{", 1);
	for (i = 0; i < n; i++)
		if (keys == INTEGERS)
			(void)amas__buf_printf(buf, "[%zu,0],", i);
		else
			(void)amas__buf_printf(buf, "\"%zu\":0,",
			    keys == EQUAL ? 7 : i);
	amas__buf_truncate(buf, amas__buf_len(buf) - 1);
	put_times(buf, keys == INTEGERS ? "]]}" : "}", 1);
}

static void
msgpack_keys(struct amas__buf *buf, enum keys keys, size_t n)
{
	size_t i;

	(void)amas__buf_putc(buf, '\xdf');
	(void)amas__buf_put32(buf, (uint32_t)n);
	for (i = 0; i < n; i++) {
		if (keys == INTEGERS) {
			(void)amas__buf_putc(buf, '\xce');
			(void)amas__buf_put32(buf, (uint32_t)i);
		} else {
			(void)amas__buf_putc(buf, '\xa6');
			(void)amas__buf_printf(buf, "%06zu",
			    keys == EQUAL ? 7 : i);
		}
		(void)amas__buf_putc(buf, '\0');
	}
}

/* Seconds of the processor to read n keys, the least of some runs. */
static double
time_keys(const struct amas_codec *codec, enum keys keys, size_t n)
{
	const struct amas_value *v;
	double t, least = 1e9;
	struct amas__area *a;
	struct amas__buf buf;
	bool typed = false;
	clock_t start;
	char *copy;
	size_t i;

	amas__buf_init(&buf, 0);
	(codec == &amas__codec_json ? json_keys : msgpack_keys)(&buf, keys, n);
	for (i = 0; i < 5; i++) {
		if ((a = amas__area_new(NULL)) == NULL)
			abort();
		copy = amas__area_text(a, amas__buf_head(&buf),
		    amas__buf_len(&buf));
		start = clock();
		if (copy == NULL || amas__codec_decode(codec, a, copy,
		    amas__buf_len(&buf), NULL, &v, &typed, NULL) != 0 ||
		    (typed && amas__types_lift(a, &v, NULL, true, NULL) != 0))
			abort();
		t = (double)(clock() - start) / CLOCKS_PER_SEC;
		if (t < least)
			least = t;
		if (i == 0 && amas_value_len(v) != (keys == EQUAL ? 1 : n))
			tap_ok(false, "%zu keys", amas_value_len(v));
		amas__area_unref(a);
	}
	amas__buf_fini(&buf);
	return least;
}

/*
 * Eight times the keys take 8 times as long; 64 times if it were quadratic, each
 * time that it is tried.
 */
static void
test_keys(const struct amas_codec *codec)
{
	static const char *const name[] = { "keys", "equal keys",
		"integers as keys" };
	double few = 0, many = 0;
	enum keys k;
	int i;

	for (k = TEXT; k <= INTEGERS; k++) {
		for (i = 0; i < 5; i++) {
			few = time_keys(codec, k, 25000);
			many = time_keys(codec, k, 200000);
			if (many < few * 32 + 0.001)
				break;
		}
		tap_ok(i < 5,
		    "faults 25: %s: 200,000 %s in linear time", codec->name,
		    name[k]);
		tap_diag("%.4f s, 25,000: %.4f s", many, few);
	}
}

int
main(void)
{
	if (amas__types_init(&types, "a", false, NULL) != 0)
		abort();
	test_json();
	test_msgpack();
	test_promises();
	test_keys(&amas__codec_json);
	test_keys(&amas__codec_msgpack);
	amas__types_fini(&types);
	return tap_done();
}
