/* MsgPack: every form, every limit at its edges, hostile bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "codec.h"
#include "mem.h"
#include "tap.h"
#include "value.h"

/* What a test decodes into; memory has exactly the one spare byte. */
struct subject {
	struct amas__area *a;
	const struct amas_value *v;
	bool typed;
	int rc;
	struct amas_error err;
};

static void
decode(struct subject *s, const void *data, size_t len, size_t max_values)
{
	struct amas__limits limits = { .max_values = max_values };
	char *copy = malloc(len + 1);

	memset(s, 0, sizeof *s);
	s->a = amas__area_new(NULL);
	if (copy == NULL || s->a == NULL)
		abort();
	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = 'x';
	if (amas__area_take_memory(s->a, copy) != 0)
		abort();
	s->rc = amas__codec_decode(&amas__codec_msgpack, s->a, copy, len,
	    max_values != 0 ? &limits : NULL, &s->v, &s->typed, &s->err);
}

static void
done(struct subject *s)
{
	amas__area_unref(s->a);
}

static size_t
unhex(char *out, size_t size, const char *hex)
{
	size_t n = 0;
	unsigned c;

	for (; *hex != '\0'; hex += 2) {
		while (*hex == ' ')
			hex++;
		if (n == size || sscanf(hex, "%2x", &c) != 1)
			abort();
		out[n++] = (char)c;
	}
	return n;
}

static char *
hex(const struct amas__buf *b)
{
	static char out[512];
	size_t i;

	out[0] = '\0';
	for (i = 0; i < amas__buf_len(b) && i < 255; i++)
		sprintf(out + 2 * i, "%02x",
		    (unsigned char)amas__buf_head(b)[i]);
	return out;
}

/* The value as a message line. */
static char *
show(const struct amas_value *v)
{
	static char out[512];
	struct amas__buf b;
	struct amas_out o = { .buf = &b, .lines = true };

	amas__buf_init(&b, 0);
	if (amas__json_print(&o, v, 0, true, NULL) != 0)
		return strcpy(out, "(cannot be shown)");
	snprintf(out, sizeof out, "%.*s", (int)amas__buf_len(&b),
	    amas__buf_head(&b));
	amas__buf_fini(&b);
	return out;
}

/* ---- Forms ---- */

struct form {
	const char *hex, *text;
	const char *canonical;	/* how it is written; NULL: as it was */
};

static const struct form forms[] = {
	{ "c0", "null", NULL },
	{ "c2", "false", NULL },
	{ "c3", "true", NULL },
	{ "00", "0", NULL },
	{ "7f", "127", NULL },
	{ "ff", "-1", NULL },
	{ "e0", "-32", NULL },
	{ "cc80", "128", NULL },
	{ "ccff", "255", NULL },
	{ "cd0100", "256", NULL },
	{ "cdffff", "65535", NULL },
	{ "ce00010000", "65536", NULL },
	{ "ceffffffff", "4294967295", NULL },
	{ "cf0000000100000000", "4294967296", NULL },
	{ "cf7fffffffffffffff", "9223372036854775807", NULL },
	{ "cf8000000000000000", "9223372036854775808", NULL },
	{ "cfffffffffffffffff", "18446744073709551615", NULL },
	{ "d0df", "-33", NULL },
	{ "d080", "-128", NULL },
	{ "d1ff7f", "-129", NULL },
	{ "d18000", "-32768", NULL },
	{ "d2ffff7fff", "-32769", NULL },
	{ "d280000000", "-2147483648", NULL },
	{ "d3ffffffff7fffffff", "-2147483649", NULL },
	{ "d38000000000000000", "-9223372036854775808", NULL },
	/* longer than need be */
	{ "cc00", "0", "00" },
	{ "cf0000000000000001", "1", "01" },
	{ "d3ffffffffffffffff", "-1", "ff" },
	{ "d07f", "127", "7f" },
	{ "d300000000ffffffff", "4294967295", "ceffffffff" },
	{ "cb3ff8000000000000", "1.5", NULL },
	{ "cb8000000000000000", "-0.0", NULL },
	{ "cb00000000000007e8", "1e-320", NULL },
	{ "cb7ff8000000000000", "NaN", NULL },
	{ "cbfff0000000000000", "-Infinity", NULL },
	{ "ca3fc00000", "1.5", "cb3ff8000000000000" },
	{ "caff800000", "-Infinity", "cbfff0000000000000" },
	{ "a0", "\"\"", NULL },
	{ "a161", "\"a\"", NULL },
	{ "a3610062", "\"a\\u0000b\"", NULL },
	{ "a4f09f9880", "\"\\ud83d\\ude00\"", NULL },
	{ "d90161", "\"a\"", "a161" },
	{ "da000161", "\"a\"", "a161" },
	{ "db0000000161", "\"a\"", "a161" },
	{ "c400", "{\"__type__\": [\"bytes\", \"\"]}", NULL },
	{ "c403ff00c1", "{\"__type__\": [\"bytes\", \"/wDB\"]}", NULL },
	{ "c5000161", "{\"__type__\": [\"bytes\", \"YQ==\"]}", "c40161" },
	{ "c60000000161", "{\"__type__\": [\"bytes\", \"YQ==\"]}", "c40161" },
	{ "90", "[]", NULL },
	{ "93000193a3616464920304 80", "[0, 1, [\"add\", [3, 4], {}]]", NULL },
	{ "dc000101", "[1]", "9101" },
	{ "dd0000000101", "[1]", "9101" },
	{ "80", "{}", NULL },
	{ "82a16101a16202", "{\"a\": 1, \"b\": 2}", NULL },
	{ "de0001a16101", "{\"a\": 1}", "81a16101" },
	{ "df00000001a16101", "{\"a\": 1}", "81a16101" },
	{ "820102a13103",
	    "{\"__type__\": [\"map\", [[1, 2], [\"1\", 3]]]}", NULL },
	{ "83c001c3024003",
	    "{\"__type__\": [\"map\", [[null, 1], [true, 2], [64, 3]]]}",
	    NULL },
	{ "81c4016101",
	    "{\"__type__\": [\"map\", [[{\"__type__\": [\"bytes\", "
	    "\"YQ==\"]}, 1]]]}", NULL },
	/* of equal keys the last one wins */
	{ "83a16101a16202a16103", "{\"a\": 3, \"b\": 2}", "82a16103a16202" },
	{ "8201010102", "{\"__type__\": [\"map\", [[1, 2]]]}", "810102" },
};

static void
test_forms(void)
{
	struct amas__buf b;
	struct amas_out out = { .buf = &b };
	struct amas_error err;
	struct subject s;
	char data[256];
	size_t i;

	for (i = 0; i < sizeof forms / sizeof *forms; i++) {
		decode(&s, data, unhex(data, sizeof data, forms[i].hex), 0);
		if (!tap_int(s.rc, 0, "%s is read", forms[i].hex)) {
			tap_diag("%s", s.err.text);
			done(&s);
			continue;
		}
		tap_str(show(s.v), forms[i].text, "%s is %s", forms[i].hex,
		    forms[i].text);
		amas__buf_init(&b, 0);
		(void)unhex(data, sizeof data, forms[i].hex);
		tap_int(amas__codec_encode(&amas__codec_msgpack, &out, s.v,
		    &err), 0, "%s is written", forms[i].text);
		if (forms[i].canonical != NULL) {
			tap_str(hex(&b), forms[i].canonical,
			    "%s is written in the shortest form",
			    forms[i].text);
		} else {
			tap_mem(amas__buf_head(&b), amas__buf_len(&b), data,
			    unhex(data, sizeof data, forms[i].hex),
			    "%s is written as it was", forms[i].text);
		}
		amas__buf_fini(&b);
		done(&s);
	}
}

/* ---- Refusals ---- */

struct refusal {
	const char *hex;
	int code;
	const char *text;
};

static const struct refusal refusals[] = {
	{ "", AMAS_EPROTO, "MsgPack ends at offset 0, a value is missing" },
	{ "c1", AMAS_EPROTO,
	    "byte 0xc1, which MsgPack never uses, at offset 0" },
	{ "92c0c1", AMAS_EPROTO,
	    "byte 0xc1, which MsgPack never uses, at offset 2" },
	{ "c0c0", AMAS_EPROTO, "1 bytes after the value, at offset 1" },
	{ "9201", AMAS_EPROTO, "2 elements at offset 0, but 1 bytes left" },
	{ "92a101", AMAS_EPROTO,
	    "MsgPack ends at offset 3, a value is missing" },
	{ "cc", AMAS_EPROTO, "MsgPack ends inside the value at offset 0" },
	{ "91cd00", AMAS_EPROTO,
	    "MsgPack ends inside the value at offset 1" },
	{ "a26f", AMAS_EPROTO, "MsgPack ends inside the value at offset 0" },
	{ "dbffffffff", AMAS_EPROTO,
	    "MsgPack ends inside the value at offset 0" },
	{ "c6ffffffff61", AMAS_EPROTO,
	    "MsgPack ends inside the value at offset 0" },
	{ "ddffffffff", AMAS_EPROTO,
	    "4294967295 elements at offset 0, but 0 bytes left" },
	{ "dfffffffff", AMAS_EPROTO,
	    "8589934590 elements at offset 0, but 0 bytes left" },
	/* each header alone would do, all together owe too much */
	{ "dc0003dc0003dc000300", AMAS_EPROTO,
	    "3 elements at offset 3, but 4 bytes left" },
	{ "a180", AMAS_EPROTO, "text is no UTF-8 at offset 1" },
	{ "91a3 61c0af", AMAS_EPROTO, "text is no UTF-8 at offset 3" },
	{ "a3eda080", AMAS_EPROTO, "text is no UTF-8 at offset 1" },
	{ "a4f4908080", AMAS_EPROTO, "text is no UTF-8 at offset 1" },
	{ "a9 6162636465666768 c3", AMAS_EPROTO,
	    "text is no UTF-8 at offset 9" },
	{ "d4ff00", AMAS_EPROTO,
	    "MsgPack extension type -1 at offset 0 is not known" },
	{ "91c70105aa", AMAS_EPROTO,
	    "MsgPack extension type 5 at offset 1 is not known" },
	{ "c9ffffffff2a", AMAS_EPROTO,
	    "MsgPack extension type 42 at offset 0 is not known" },
	{ "c9ffff", AMAS_EPROTO,
	    "MsgPack ends inside the value at offset 0" },
	{ "819001", AMAS_EPROTO, "list as the key of a map at offset 1" },
	{ "82010280 03", AMAS_EPROTO, "map as the key of a map at offset 3" },
};

static void
test_refusals(void)
{
	struct subject s;
	char data[256];
	size_t i;

	for (i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		decode(&s, data, unhex(data, sizeof data, refusals[i].hex), 0);
		tap_int(s.rc, refusals[i].code, "faults 14: %s is refused",
		    refusals[i].hex);
		tap_str(s.err.text, refusals[i].text, "faults 14: %s: why",
		    refusals[i].hex);
		done(&s);
	}
}

static const char rich[] =
    "950011 93a3616464 920304 82a16101a162cb3ff8000000000000"
    "c403010203 8301c0c2c3d90161cf8000000000000000";

static void
test_cuts(void)
{
	struct subject s;
	char data[256];
	size_t i, len = unhex(data, sizeof data, rich), wrong = 0;

	for (i = 0; i < len; i++) {
		decode(&s, data, i, 0);
		wrong += s.rc != AMAS_EPROTO;
		done(&s);
	}
	tap_int((long long)wrong, 0, "faults 14: cut at every byte is refused");
	decode(&s, data, len, 0);
	tap_int(s.rc, 0, "whole it is read");
	done(&s);
}

static void
test_nul(void)
{
	static const char data[] = "\x92\xa3""abc\xc4\2xy";
	struct subject s;

	decode(&s, data, sizeof data - 1, 0);
	tap_str(amas_value_text(amas_value_at(s.v, 0)), "abc",
	    "text ends in NUL where the next header stood");
	tap_str(amas_value_text(amas_value_at(s.v, 1)), "xy",
	    "text at the end ends in NUL in the spare byte");
	tap_int(amas_value_type(amas_value_at(s.v, 1)), AMAS_BYTES,
	    "what came behind the text is as it was");
	done(&s);
}

/* ---- Limits ---- */

/* n levels of lists, or of maps. */
static char *
nested(size_t n, bool maps, size_t *len)
{
	char *p = malloc(2 * n + 1);
	size_t i;

	if (p == NULL)
		abort();
	*len = 0;
	for (i = 0; i < n; i++) {
		p[(*len)++] = i + 1 == n ? (maps ? '\x80' : '\x90') :
		    maps ? '\x81' : '\x91';
		if (maps && i + 1 < n)
			p[(*len)++] = '\1';
	}
	return p;
}

static void
test_depth(void)
{
	static const size_t levels[] = { 999, 1000, 1001, 1000000 };
	struct amas__buf b;
	struct amas_out out = { .buf = &b };
	struct subject s;
	size_t i, len;
	char *p;

	for (i = 0; i < 8; i++) {
		p = nested(levels[i / 2], i % 2 != 0, &len);
		decode(&s, p, len, 0);
		tap_int(s.rc, levels[i / 2] <= 1000 ? 0 : AMAS_ETOOBIG,
		    "faults 16: %zu levels of %s", levels[i / 2],
		    i % 2 != 0 ? "maps" : "lists");
		if (s.rc == 0) {
			amas__buf_init(&b, 0);
			tap_int(amas__codec_encode(&amas__codec_msgpack, &out,
			    s.v, NULL), 0, "faults 16: and written");
			tap_mem(amas__buf_head(&b), amas__buf_len(&b), p, len,
			    "faults 16: to the same bytes");
			amas__buf_fini(&b);
		}
		done(&s);
		free(p);
	}
	p = nested(1001, false, &len);
	decode(&s, p, len, 0);
	tap_str(s.err.text, "nested deeper than 1000 levels at offset 1000",
	    "faults 16: why");
	done(&s);
	free(p);
}

static void
test_encode_depth(void)
{
	struct amas_value *v = calloc(1002, sizeof *v);
	struct amas_value tv[2], typed;
	struct amas__types types;
	struct amas__buf b;
	struct amas_out out = { .buf = &b, .types = &types };
	size_t i;

	if (v == NULL || amas__types_init(&types, "t", false, NULL) != 0)
		abort();
	amas__buf_init(&b, 0);
	for (i = 0; i < 1001; i++)
		amas__value_list(&v[i], NULL, &v[i + 1], 1);
	tap_int(amas__codec_encode(&amas__codec_msgpack, &out, &v[1], NULL), 0,
	    "faults 16: 1000 levels are written");
	tap_int(amas__codec_encode(&amas__codec_msgpack, &out, &v[0], NULL),
	    AMAS_ETOOBIG, "faults 16: 1001 levels are not");
	/* a typed value is two levels on the wire */
	amas__value_text(&tv[0], NULL, AMAS_STRING, "t", 1);
	amas__value_null(&tv[1], NULL);
	typed = v[0];
	typed.type = AMAS_TYPED;
	typed.len = 2;
	typed.u.item = tv;
	v[1001] = typed;
	tap_int(amas__codec_encode(&amas__codec_msgpack, &out, &v[2], NULL),
	    AMAS_ETOOBIG, "faults 16: 999 levels and a typed value are not");
	tap_int(amas__codec_encode(&amas__codec_msgpack, &out, &v[3], NULL), 0,
	    "faults 16: 998 levels and a typed value are written");
	amas__buf_fini(&b);
	amas__types_fini(&types);
	free(v);
}

static void
test_budget(void)
{
	static const char five[] = "\xdd\xff\xff\xff\xff";
	static const char map1[] = "\x95\1\2\x81\3\4\5\x90";
	struct subject s;
	size_t i, len = 72 * 1024;
	char *p;

	decode(&s, five, 5, 0);
	tap_ok(amas__area_size(s.a) < 8192,
	    "faults 17: five bytes reserve nothing");
	done(&s);
	/* headers of 65535 elements in a chain: in 72 KB all would fit */
	p = calloc(1, len);
	if (p == NULL)
		abort();
	for (i = 0; i + 3 <= len; i += 3)
		memcpy(p + i, "\xdc\xff\xff", 3);
	decode(&s, p, len, 0);
	tap_int(s.rc, AMAS_EPROTO, "faults 17: a chain of headers is refused");
	tap_ok(amas__area_size(s.a) < 4 * 1024 * 1024,
	    "faults 17: before it reserves much");
	done(&s);
	/* the worst that one byte can become */
	memset(p, '\x90', len);
	memcpy(p, "\xdd\0\1\x1f\xfb", 5);
	decode(&s, p, len, 0);
	tap_int(s.rc, 0, "faults 18: many tiny values");
	tap_ok(amas__area_size(s.a) < 64 * len,
	    "faults 18: take at most 64 times the frame");
	done(&s);
	free(p);
	for (i = 7; i <= 9; i++) {
		decode(&s, map1, sizeof map1 - 1, i);
		tap_int(s.rc, i < 8 ? AMAS_ETOOBIG : 0,
		    "faults 18: 8 values of at most %zu", i);
		done(&s);
	}
	decode(&s, map1, sizeof map1 - 1, 7);
	tap_str(s.err.text, "more than 7 values at offset 3",
	    "faults 18: why");
	done(&s);
}

static void
test_default_budget(void)
{
	size_t i, n[] = { AMAS__VALUES_MAX - 1, AMAS__VALUES_MAX };
	struct subject s;
	char *p;

	for (i = 0; i < 2; i++) {
		p = calloc(1, n[i] + 5);
		if (p == NULL)
			abort();
		p[0] = '\xdd';
		p[1] = (char)(n[i] >> 24);
		p[2] = (char)(n[i] >> 16);
		p[3] = (char)(n[i] >> 8);
		p[4] = (char)n[i];
		decode(&s, p, n[i] + 5, 0);
		tap_int(s.rc, i == 0 ? 0 : AMAS_ETOOBIG,
		    "faults 18: %zu values by default", n[i] + 1);
		done(&s);
		free(p);
	}
}

static void
test_keys(void)
{
	const size_t n = 200000;
	struct amas__buf b;
	struct subject s;
	size_t i, k;

	for (k = 0; k < 3; k++) {
		amas__buf_init(&b, 0);
		(void)amas__buf_putc(&b, '\xdf');
		(void)amas__buf_put32(&b, (uint32_t)n);
		for (i = 0; i < n; i++) {
			if (k < 2) { /* all different; two different */
				(void)amas__buf_putc(&b, '\xa6');
				(void)amas__buf_printf(&b, "%06zu",
				    k == 0 ? i : i % 2);
			} else {
				(void)amas__buf_putc(&b, '\xce');
				(void)amas__buf_put32(&b, (uint32_t)i);
			}
			(void)amas__buf_putc(&b, (char)(i % 100));
		}
		decode(&s, amas__buf_head(&b), amas__buf_len(&b), 0);
		tap_int((long long)amas_value_len(s.v), k == 1 ? 2 : (int)n,
		    "faults 25: keys of a large map");
		if (k == 1)
			tap_int(amas_value_int(amas_value_at(s.v, 1)), 99,
			    "faults 25: the last one wins");
		done(&s);
		amas__buf_fini(&b);
	}
}

/* ---- Writing ---- */

static void
test_cannot(void)
{
	struct amas_value *v = amas_value_pack("[n{s:N}]", "key",
	    "18446744073709551616");
	struct amas_value *w;
	struct amas__buf b;
	struct amas__types types;
	struct amas_out out = { .buf = &b };
	struct amas_error err;

	amas__buf_init(&b, 0);
	tap_int(amas__codec_encode(&amas__codec_msgpack, &out, v, &err),
	    AMAS_ETYPE, "faults 22: 2^64 is refused");
	tap_str(err.text,
	    "MsgPack cannot carry an integer of 20 digits (at [1].key)",
	    "faults 22: why and where");
	tap_int((long long)amas__buf_len(&b), 0, "and nothing is written");
	amas_value_free(v);
	v = amas_value_pack("N", "-9223372036854775809");
	tap_int(amas__codec_encode(&amas__codec_msgpack, &out, v, &err),
	    AMAS_ETYPE, "faults 22: -2^63 - 1 is refused");
	tap_str(err.text, "MsgPack cannot carry an integer of 19 digits",
	    "faults 22: why");
	amas_value_free(v);

	v = amas_value_pack("{s:s%}", "a b", "x\xed\xa0\x80", (size_t)4);
	if (v != NULL) {
		tap_int(amas__codec_encode(&amas__codec_msgpack, &out, v,
		    &err), AMAS_ETYPE, "faults 22: a lone surrogate");
		tap_str(err.text,
		    "MsgPack cannot carry a lone surrogate (at [\"a b\"])",
		    "faults 22: why");
	}
	amas_value_free(v);

	v = amas_value_pack("[<n>]", "point");
	tap_int(amas__codec_encode(&amas__codec_msgpack, &out, v, &err),
	    AMAS_ETYPE, "a typed value without types");
	tap_str(err.text,
	    "type \"point\" is not known on this connection (at [0])",
	    "why");
	if (amas__types_init(&types, "a,point", false, NULL) != 0)
		abort();
	out.types = &types;
	tap_int(amas__codec_encode(&amas__codec_msgpack, &out, v, &err), 0,
	    "a typed value with its type");
	tap_str(hex(&b), "9181a85f5f747970655f5f9201c0", "as aiomas does");
	amas__buf_truncate(&b, 0);
	amas_value_free(v);

	w = amas_value_pack("[{s:[in]}]", "__type__", 0);
	tap_int(amas__codec_encode(&amas__codec_msgpack, &out, w, &err),
	    AMAS_ETYPE, "a map that would come back as something else");
	tap_str(err.text, "MsgPack cannot carry a map with \"__type__\" as its "
	    "only key (at [0])", "why");
	out.types = NULL;
	tap_int(amas__codec_encode(&amas__codec_msgpack, &out, w, &err), 0,
	    "passes where types are not known");
	amas_value_free(w);
	amas__types_fini(&types);
	amas__buf_fini(&b);
}

static int
find_path(void *arg, struct amas__held *own, struct amas__buf *path,
    struct amas_error *err)
{
	if (own != arg)
		return amas_error_set(err, AMAS_ETYPE, "not ours");
	return amas__buf_puts(path, "agents/3");
}

static void
test_proxies(void)
{
	struct amas__area *a = amas__area_new(NULL);
	struct amas__held own = { 1, NULL }, other = { 1, NULL };
	struct amas__types types;
	struct amas__buf b;
	struct amas_out out = { .buf = &b, .types = &types,
		.path = find_path, .path_arg = &own };
	struct amas_value v = { .type = AMAS_PROXY, .flags = AMAS__V_OWN };
	struct amas_error err;

	amas__buf_init(&b, 0);
	if (a == NULL || amas__types_init(&types, "date", true, NULL) != 0)
		abort();
	v.u.own = &own;
	tap_int(amas__codec_encode(&amas__codec_msgpack, &out, &v, &err), 0,
	    "a proxy of ours is written");
	tap_str(hex(&b), "81a85f5f747970655f5f9201a86167656e74732f33",
	    "as its id and path");
	v.u.own = &other;
	tap_int(amas__codec_encode(&amas__codec_msgpack, &out, &v, &err),
	    AMAS_ETYPE, "faults 31: one outside the root is not");
	tap_str(err.text, "not ours", "faults 31: why");
	out.path = NULL;
	tap_int(amas__codec_encode(&amas__codec_msgpack, &out, &v, &err),
	    AMAS_ETYPE, "faults 31: nor where none may be sent");
	if (amas__value_proxy(&v, a, "x", 1) != 0)
		abort();
	tap_int(amas__codec_encode(&amas__codec_msgpack, &out, &v, &err),
	    AMAS_ETYPE, "a proxy of the peer is not sent back");
	tap_str(err.text, "a proxy of the peer cannot be sent back", "why");
	amas__types_fini(&types);
	amas__buf_fini(&b);
	amas__area_unref(a);
}

static void
test_max(void)
{
	struct amas_value *v = amas_value_pack("[iss]", 300, "abc", "");
	struct amas__buf b;
	struct amas_out out = { .buf = &b };
	struct amas_error err;
	size_t max;

	for (max = 1; max <= 10; max++) {
		amas__buf_init(&b, max);
		tap_int(amas__codec_encode(&amas__codec_msgpack, &out, v,
		    &err), max < 9 ? AMAS_ETOOBIG : 0,
		    "9 bytes where %zu may be written", max);
		tap_int((long long)amas__buf_len(&b), max < 9 ? 0 : 9,
		    "all or nothing");
		amas__buf_fini(&b);
	}
	amas_value_free(v);
}

/* ---- The rest ---- */

static void
test_peek(void)
{
	static const struct {
		const char *hex;
		int want;
	} t[] = { { "930001c0", 0 }, { "9301", 1 }, { "9302", 2 },
		{ "9303", -1 }, { "93", -1 }, { "", -1 }, { "9200", -1 },
		{ "dc000301", 1 }, { "dc0003", -1 }, { "dd0000000302", 2 },
		{ "93ff", -1 }, { "93c0", -1 }, { "5b30", -1 } };
	char data[16];
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++)
		tap_int(amas__codec_peek(&amas__codec_msgpack, data,
		    unhex(data, sizeof data, t[i].hex)), t[i].want,
		    "peek at \"%s\"", t[i].hex);
}

static void
test_typed_flag(void)
{
	char data[64];
	struct subject s;

	decode(&s, data, unhex(data, sizeof data,
	    "9181a85f5f747970655f5f01"), 0);
	tap_ok(s.rc == 0 && s.typed, "a map with __type__ alone is told");
	done(&s);
	decode(&s, data, unhex(data, sizeof data,
	    "82a85f5f747970655f5f01a16101"), 0);
	tap_ok(s.rc == 0 && !s.typed, "one with another key is none");
	done(&s);
	decode(&s, data, unhex(data, sizeof data,
	    "82a85f5f747970655f5f01a85f5f747970655f5f02"), 0);
	tap_ok(s.rc == 0 && s.typed, "one with it twice is one");
	done(&s);
}

static void
test_memory(void)
{
	struct amas__buf b;
	struct amas_out out = { .buf = &b };
	struct amas_error err;
	struct amas__area *a;
	const struct amas_value *v;
	char data[256], *copy;
	size_t len;
	unsigned long n;
	bool typed = false;
	int rc;

	for (n = 1, rc = -1; rc != 0; n++) {
		len = unhex(data, sizeof data, rich);
		a = amas__area_new(NULL);
		copy = malloc(len + 1);
		if (a == NULL || copy == NULL)
			abort();
		memcpy(copy, data, len);
		tap_fail_alloc(n);
		rc = amas__codec_decode(&amas__codec_msgpack, a, copy, len,
		    NULL, &v, &typed, &err);
		if (rc == 0) { /* some make none */
			amas__buf_init(&b, 0);
			rc = amas__codec_encode(&amas__codec_msgpack, &out, v,
			    &err);
			amas__buf_fini(&b);
		}
		tap_fail_alloc(0);
		if (rc != 0 && rc != AMAS_ENOMEM)
			break;
		amas__area_unref(a);
		free(copy);
	}
	tap_int(rc, 0, "faults 85: each of %lu allocations fails once", n - 2);
}

int
main(void)
{
	struct rlimit stack = { 256 * 1024, 256 * 1024 };

	/* faults 16: the stack stays flat, whatever comes */
	(void)setrlimit(RLIMIT_STACK, &stack);
	test_forms();
	test_refusals();
	test_cuts();
	test_nul();
	test_depth();
	test_encode_depth();
	test_budget();
	test_default_budget();
	test_keys();
	test_cannot();
	test_proxies();
	test_max();
	test_peek();
	test_typed_flag();
	test_memory();
	return tap_done();
}
