/*
 * Codecs beside the libraries one would take instead: JSON beside jansson's
 * json_loadb() and json_dumps(), MsgPack beside msgpack-c's unpacker, packer.
 *
 * usage: codec [PASSES]	(default 7, make bench-codec)
 *
 * Both do the same work in turns within each pass, so that a machine that is
 * busy for a while slows both: trust the ratio.  Ours includes a copy of each
 * document, since it is decoded in place, and looks whether text is UTF-8, both
 * ways; msgpack-c does neither, which shows where a document is one long text.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <msgpack.h>
#ifdef HAS_BLOSC
#include <blosc.h>
#endif

#include "codec.h"

#define PASSES_MAX 101
#define TURN_S 0.03		/* what one of the two does in a pass */

enum work { DECODE, ENCODE, BOTH };

static const char *const work_names[] = {
	[DECODE] = "decode",
	[ENCODE] = "encode",
	[BOTH] = "both",
};

struct document {
	const char *name;
	char *data;
	size_t len;
};

/* One way to do the work; state is what ENCODE encodes. */
struct way {
	const char *name;
	const struct amas_codec *codec;	/* NULL: a library's own */
	void *(*decode)(const struct way *w, const struct document *d);
	void (*encode)(const struct way *w, const void *state);
	void (*release)(void *state);
};

static struct amas__pool *pool;

static void
must(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "codec: %s failed\n", what);
		exit(1);
	}
}

/* ---- Ours ---- */

struct ours {
	struct amas__area *area;
	const struct amas_value *v;
};

static void *
ours_decode(const struct way *w, const struct document *d)
{
	struct amas__area *a = amas__area_new(pool);
	bool typed = false;
	struct ours *o;
	char *copy;

	must(a != NULL, "memory");
	o = amas__area_alloc(a, sizeof *o);
	copy = amas__area_text(a, d->data, d->len);
	must(o != NULL && copy != NULL, "memory");
	o->area = a;
	must(amas__codec_decode(w->codec, a, copy, d->len, NULL, &o->v, &typed,
	    NULL) == 0, "decode");
	return o;
}

static void
ours_encode(const struct way *w, const void *state)
{
	const struct ours *o = state;
	struct amas__buf buf;
	struct amas_out out = { .buf = &buf };

	amas__buf_init(&buf, 0);
	must(amas__codec_encode(w->codec, &out, o->v, NULL) == 0, "encode");
	amas__buf_fini(&buf);
}

static void
ours_release(void *state)
{
	amas__area_unref(((struct ours *)state)->area);
}

/* ---- jansson ---- */

static void *
jansson_decode(const struct way *w, const struct document *d)
{
	json_t *v = json_loadb(d->data, d->len, JSON_DECODE_ANY, NULL);

	(void)w;
	must(v != NULL, "json_loadb");
	return v;
}

static void
jansson_encode(const struct way *w, const void *state)
{
	char *text = json_dumps(state, JSON_ENCODE_ANY);

	(void)w;
	must(text != NULL, "json_dumps");
	free(text);
}

static void
jansson_release(void *state)
{
	json_decref(state);
}

/* ---- msgpack-c ---- */

static void *
msgpackc_decode(const struct way *w, const struct document *d)
{
	msgpack_unpacked *u = malloc(sizeof *u);

	(void)w;
	must(u != NULL, "memory");
	msgpack_unpacked_init(u);
	must(msgpack_unpack_next(u, d->data, d->len, NULL) ==
	    MSGPACK_UNPACK_SUCCESS, "msgpack_unpack_next");
	return u;
}

static void
msgpackc_encode(const struct way *w, const void *state)
{
	const msgpack_unpacked *u = state;
	msgpack_sbuffer buf;
	msgpack_packer pk;

	(void)w;
	msgpack_sbuffer_init(&buf);
	msgpack_packer_init(&pk, &buf, msgpack_sbuffer_write);
	must(msgpack_pack_object(&pk, u->data) == 0, "msgpack_pack_object");
	msgpack_sbuffer_destroy(&buf);
}

static void
msgpackc_release(void *state)
{
	msgpack_unpacked_destroy(state);
	free(state);
}

/* ---- msgpack-c and c-blosc ---- */

#ifdef HAS_BLOSC
struct blosc_state {
	char *text;
	void *unpacked;
};

static void *
blosc_decode(const struct way *w, const struct document *d)
{
	struct blosc_state *s = malloc(sizeof *s);
	struct document plain = { d->name, NULL, 0 };
	size_t nbytes, cbytes, blocksize;

	must(s != NULL, "memory");
	blosc_cbuffer_sizes(d->data, &nbytes, &cbytes, &blocksize);
	must((s->text = malloc(nbytes)) != NULL, "memory");
	must(blosc_decompress_ctx(d->data, s->text, nbytes, 1) ==
	    (int)nbytes, "blosc_decompress_ctx");
	plain.data = s->text;
	plain.len = nbytes;
	s->unpacked = msgpackc_decode(w, &plain);
	return s;
}

static void
blosc_encode(const struct way *w, const void *state)
{
	const struct blosc_state *s = state;
	const msgpack_unpacked *u = s->unpacked;
	msgpack_sbuffer buf;
	msgpack_packer pk;
	void *out;

	(void)w;
	msgpack_sbuffer_init(&buf);
	msgpack_packer_init(&pk, &buf, msgpack_sbuffer_write);
	must(msgpack_pack_object(&pk, u->data) == 0, "msgpack_pack_object");
	must((out = malloc(buf.size + BLOSC_MAX_OVERHEAD)) != NULL, "memory");
	must(blosc_compress_ctx(9, BLOSC_SHUFFLE, 8, buf.size, buf.data, out,
	    buf.size + BLOSC_MAX_OVERHEAD, BLOSC_BLOSCLZ_COMPNAME, 0, 1) > 0,
	    "blosc_compress_ctx");
	free(out);
	msgpack_sbuffer_destroy(&buf);
}

static void
blosc_release(void *state)
{
	struct blosc_state *s = state;

	msgpackc_release(s->unpacked);
	free(s->text);
	free(s);
}
#endif

static struct way ways[][2] = {
	{
		{ "json", &amas__codec_json, ours_decode, ours_encode,
		    ours_release },
		{ "jansson", NULL, jansson_decode, jansson_encode,
		    jansson_release },
	}, {
		{ "msgpack", &amas__codec_msgpack, ours_decode, ours_encode,
		    ours_release },
		{ "msgpack-c", NULL, msgpackc_decode, msgpackc_encode,
		    msgpackc_release },
	},
#ifdef HAS_BLOSC
	{
		{ "blosc", NULL, ours_decode, ours_encode, ours_release },
		{ "c-blosc", NULL, blosc_decode, blosc_encode, blosc_release },
	},
#endif
};

/* ---- Documents ---- */

static uint64_t
random_bits(void)
{
	static uint64_t x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static char *
repeat(size_t n, char *(*put)(char *p, size_t i))
{
	char *text = malloc(n * 64 + 3), *p = text;
	size_t i;

	must(text != NULL, "memory");
	*p++ = '[';
	for (i = 0; i < n; i++) {
		if (i > 0)
			*p++ = ',';
		p = put(p, i);
	}
	memcpy(p, "]", 2);
	return text;
}

static char *
put_int(char *p, size_t i)
{
	int64_t n = (int64_t)random_bits() >> random_bits() % 60;

	(void)i;
	return p + sprintf(p, "%lld", (long long)n);
}

static char *
put_real(char *p, size_t i)
{
	double d = (double)(random_bits() >> 11) * 0x1p-53;

	return p + sprintf(p, "%.17g", i % 2 != 0 ? d * 1e6 : d);
}

static char *
put_object(char *p, size_t i)
{
	return p + sprintf(p, "{\"id\":%zu,\"at\":[%zu,2],"
	    "\"in\":{\"name\":\"n%zu\",\"on\":true}}", i, i % 7, i);
}

/* A text of 1 MiB with an escape now and then. */
static char *
long_text(void)
{
	size_t n = (size_t)1 << 20, i;
	char *text = malloc(n + 3);

	must(text != NULL, "memory");
	for (i = 1; i <= n; i++)
		text[i] = (char)('a' + random_bits() % 26);
	for (i = 100; i < n; i += 100)
		memcpy(text + i, "\\n", 2);
	text[0] = text[n + 1] = '"';
	text[n + 2] = '\0';
	return text;
}

/* Takes text, and gives it in the form of codec. */
static struct document
document(const char *name, char *text, const struct amas_codec *codec)
{
	struct document d = { name, NULL, 0 };
	struct amas_value *v = NULL;
	void *data = NULL;

	must(amas_value_decode(&v, NULL, NULL, text, strlen(text), NULL) == 0,
	    name);
	must(amas_value_encode(v, codec, NULL, &data, &d.len, NULL) == 0, name);
	d.data = data;
	amas_value_free(v);
	free(text);
	return d;
}

/* ---- Measuring ---- */

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds that n rounds take. */
static double
turn(const struct way *w, const struct document *d, enum work work, size_t n)
{
	void *state = NULL;
	double t;

	if (work == ENCODE)
		state = w->decode(w, d);
	t = now();
	for (; n > 0; n--) {
		if (work != ENCODE)
			state = w->decode(w, d);
		if (work != DECODE)
			w->encode(w, state);
		if (work != ENCODE)
			w->release(state);
	}
	t = now() - t;
	if (work == ENCODE)
		w->release(state);
	return t;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Prints the median of n figures, the least and the most. */
static void
print_figures(double *x, int n, int decimals)
{
	qsort(x, (size_t)n, sizeof *x, compare);
	printf(" %*.*f (%.*f-%.*f)", 8, decimals, x[n / 2], decimals, x[0],
	    decimals, x[n - 1]);
}

static void
measure(const struct way w[2], const struct document *d, enum work work,
    int passes)
{
	double us[2][PASSES_MAX], ratio[PASSES_MAX];
	size_t n[2];
	int i, k;

	for (k = 0; k < 2; k++)
		for (n[k] = 1; turn(&w[k], d, work, n[k]) < TURN_S; )
			n[k] *= 2;
	for (i = 0; i < passes; i++) {
		for (k = 0; k < 2; k++)
			us[k][i] = turn(&w[k], d, work, n[k]) * 1e6 /
			    (double)n[k];
		ratio[i] = us[1][i] / us[0][i];
	}
	printf("%-8s %-14s %-6s", w[0].name, d->name, work_names[work]);
	print_figures(us[0], passes, 3);
	print_figures(us[1], passes, 3);
	print_figures(ratio, passes, 2);
	printf("\n");
	(void)fflush(stdout);
}

int
main(int argc, char *argv[])
{
	int passes = argc > 1 ? atoi(argv[1]) : 7;
	struct document d[5];
	size_t c, i, k;

	if (passes < 1 || passes > PASSES_MAX) {
		fprintf(stderr, "usage: codec [PASSES]\n");
		return 2;
	}
	must((pool = amas__pool_new()) != NULL, "memory");
#ifdef HAS_BLOSC
	must(amas_codec_find(&ways[2][0].codec, "msgpack-blosc", NULL) == 0,
	    "codec_blosc.so");
#endif
	printf("codec    document       work   us a document: median (range) "
	    "of ours, the other's; their ratio\n");
	for (c = 0; c < sizeof ways / sizeof *ways; c++) {
		const struct amas_codec *codec = ways[c][0].codec;

		d[0] = document("small message", strdup(
		    "[0, 17, [\"add\", [3, 4], {}]]"), codec);
		d[1] = document("100,000 ints", repeat(100000, put_int), codec);
		d[2] = document("100,000 reals", repeat(100000, put_real),
		    codec);
		d[3] = document("5,000 objects", repeat(5000, put_object),
		    codec);
		d[4] = document("1 MiB of text", long_text(), codec);
		for (i = 0; i < sizeof d / sizeof *d; i++) {
			for (k = DECODE; k <= BOTH; k++)
				measure(ways[c], &d[i], (enum work)k, passes);
			free(d[i].data);
		}
	}
	amas__pool_free(pool);
	return 0;
}
