/*
 * Messages: taken apart, written with both codecs and framings, and every way
 * to be wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "msg.h"
#include "tap.h"

#define CODECS 2
static const struct amas_codec *const codecs[CODECS] = { &amas__codec_json,
	&amas__codec_msgpack };

static struct amas_value *
json(const char *text)
{
	struct amas_value *v = NULL;
	struct amas_error err;

	if (amas_value_decode(&v, NULL, NULL, text, strlen(text), &err) != 0)
		tap_diag("%s: %s", text, err.text);
	return v;
}

static void
test_parse(void)
{
	static const struct {
		const char *text, *why;
	} t[] = {
		{ "null", "message is no list of three" },
		{ "{}", "message is no list of three" },
		{ "[]", "message is no list of three" },
		{ "[0,1]", "message is no list of three" },
		{ "[0,1,2,3]", "message is no list of three" },
		{ "[3,1,2]", "message type 3" },
		{ "[-1,1,2]", "message type -1" },
		{ "[4294967296,1,2]", "message type 4294967296" },
		{ "[1e0,1,2]", "message type is real" },
		{ "[true,1,2]", "message type is bool" },
		{ "[\"0\",1,2]", "message type is text" },
		{ "[18446744073709551616,1,2]", "message type is big integer" },
		{ "[0,\"a\",2]", "message id is text" },
		{ "[0,null,2]", "message id is null" },
		{ "[0,1.0,2]", "message id is real" },
		{ "[0,true,2]", "message id is bool" },
	};
	struct amas__msg m;
	struct amas_error err;
	struct amas_value *v;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		v = json(t[i].text);
		tap_int(amas__msg_parse(&m, v, &err), AMAS_EPROTO, "15: %s",
		    t[i].text);
		tap_str(err.text, t[i].why, "its text");
		amas_value_free(v);
	}
	tap_int(amas__msg_parse(&m, NULL, &err), AMAS_EPROTO, "15: no value");
	for (i = 0; i < 3; i++) {
		char text[32];

		snprintf(text, sizeof text, "[%zu,-7,\"x\"]", i);
		v = json(text);
		tap_ok(amas__msg_parse(&m, v, &err) == 0 && m.type == i &&
		    amas_value_int(m.id) == -7 &&
		    amas__value_is(m.content, "x"), "%s", text);
		amas_value_free(v);
	}
}

static void
test_call(void)
{
	static const struct {
		const char *text, *why;
	} t[] = {
		{ "7", "TypeError: call is integer, not [path, args, kwargs]" },
		{ "[]", "TypeError: call is a list of 0, not [path, args, "
		    "kwargs]" },
		{ "[\"a\",[],{},1]", "TypeError: call is a list of 4, not "
		    "[path, args, kwargs]" },
		{ "[1,[],{}]", "TypeError: path is integer, not text" },
		{ "[\"a\",{},{}]", "TypeError: args is map, not a list" },
		{ "[\"a\",[],null]", "TypeError: kwargs is null, not a map" },
	};
	struct amas__call c;
	struct amas_error err;
	struct amas_value *v;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		v = json(t[i].text);
		tap_int(amas__call_parse(&c, v, &err), AMAS_EPROTO, "27: %s",
		    t[i].text);
		tap_str(err.text, t[i].why, "its text");
		amas_value_free(v);
	}
	v = amas_value_pack("[s[]{i:i}]", "a", 1, 2);
	tap_int(amas__call_parse(&c, v, &err), AMAS_EPROTO, "27: key 1");
	tap_str(err.text, "TypeError: name of a keyword argument is integer, "
	    "not text", "its text");
	amas_value_free(v);
	v = json("[\"a\\u0000b\",[1,2],{\"k\":3}]");
	tap_ok(amas__call_parse(&c, v, &err) == 0 && c.path_len == 3 &&
	    memcmp(c.path, "a\0b", 4) == 0 && amas_value_len(c.args) == 2 &&
	    amas_value_int(amas_value_get(c.kwargs, "k")) == 3,
	    "a call, its path with a NUL");
	amas_value_free(v);
}

static void
out_init(struct amas_out *out, struct amas__buf *b, bool lines)
{
	memset(out, 0, sizeof *out);
	amas__buf_init(b, 0);
	out->buf = b;
	out->lines = lines;
}

static void
test_write(void)
{
	struct amas__buf b;
	struct amas_out out;
	struct amas_error err;
	struct amas_value *v = json("[[\"add\",[3,4],{}],"
	    "-123456789012345678901234567890]");

	out_init(&out, &b, false);
	amas__buf_puts(&b, "<");
	tap_int(amas__msg_write(&out, NULL, AMAS__REQUEST, NULL, 5,
	    amas_value_at(v, 0), 99, &err), 0, "JSON");
	tap_mem(amas__buf_head(&b), amas__buf_len(&b),
	    "<\0\0\0\x1b[0, 5, [\"add\", [3, 4], {}]]", 32, "as Python's");
	amas__buf_fini(&b);
	tap_int(amas__msg_write(&out, &amas__codec_json, AMAS__FAILURE,
	    amas_value_at(v, 1), 0, NULL, 99, &err), 0, "any id");
	tap_mem(amas__buf_head(&b), amas__buf_len(&b),
	    "\0\0\0\x2a[2, -123456789012345678901234567890, null]", 46,
	    "is echoed unchanged");
	amas__buf_fini(&b);
	tap_int(amas__msg_write(&out, &amas__codec_msgpack, AMAS__REPLY, NULL,
	    300, amas_value_at(v, 0), 99, &err), 0, "MsgPack");
	tap_mem(amas__buf_head(&b), amas__buf_len(&b), "\0\0\0\x0e\x93\x01\xcd"
	    "\x01\x2c\x93\xa3" "add\x92\x03\x04\x80", 18, "as Python's");
	amas__buf_fini(&b);
	tap_int(amas__msg_write(&out, &amas__codec_msgpack, AMAS__REPLY,
	    amas_value_at(v, 1), 0, NULL, 99, &err), AMAS_ETYPE,
	    "22: what the codec cannot have");
	tap_int((long long)amas__buf_len(&b), 0, "nothing is written");
	amas__buf_fini(&b);
	out_init(&out, &b, true);
	tap_int(amas__msg_write(&out, NULL, AMAS__REPLY, NULL, 1, NULL, 99,
	    &err), 0, "a line");
	tap_mem(amas__buf_head(&b), amas__buf_len(&b), "[1, 1, null]\n", 13,
	    "ends in a newline");
	amas__buf_fini(&b);
	amas_value_free(v);
}

/* 13: a message over its limit is refused whole. */
static void
test_limit(void)
{
	struct amas__buf b;
	struct amas_out out;
	struct amas_error err;
	struct amas_value *v, *big;
	char want[64], *text;
	size_t i, max;
	int rc;

	v = json("\"abcdefghij\"");	/* [1, 1, "abcdefghij"]: 20 bytes */
	out_init(&out, &b, false);
	amas__buf_puts(&b, "<");
	for (max = 19; max <= 21; max++) {
		rc = amas__msg_write(&out, NULL, AMAS__REPLY, NULL, 1, v, max,
		    &err);
		tap_int(rc, max < 20 ? AMAS_ETOOBIG : 0, "limit %zu", max);
	}
	tap_str(err.text, "20 bytes, limit 19", "13: says both");
	tap_int((long long)amas__buf_len(&b), 1 + 2 * 24, "only what fits");
	tap_int((long long)b.max, 0, "the buffer's own maximum stays");
	text = malloc((size_t)3 << 20);
	memset(text, 'x', (size_t)3 << 20);
	big = amas_value_pack("s%", text, (size_t)3 << 20);
	for (i = 0; i < CODECS; i++) {
		tap_int(amas__msg_write(&out, codecs[i], AMAS__REPLY, NULL, 1,
		    big, 100, &err), AMAS_ETOOBIG, "13: far too big");
		snprintf(want, sizeof want,
		    "far more bytes than the limit of %d", 100);
		tap_str(err.text, want, "says the limit");
		tap_int(amas__msg_write(&out, codecs[i], AMAS__REPLY, NULL, 1,
		    big, (size_t)2 << 20, &err), AMAS_ETOOBIG, "13: too big");
		tap_str(err.text, i == 0 ? "3145738 bytes, limit 2097152" :
		    "3145736 bytes, limit 2097152", "says both");
	}
	tap_int((long long)amas__buf_len(&b), 1 + 2 * 24, "nothing written");
	amas__buf_fini(&b);
	free(text);
	amas_value_free(big);
	amas_value_free(v);
}

/* A codec of the program's own. */
static int
own_encode(const struct amas_codec *codec, const struct amas_value *v,
    struct amas_out *out, struct amas_error *err)
{
	struct amas_value **kept = codec->arg;

	(void)err;
	*kept = amas_value_keep(v);
	return amas_out_write(out, "OWN", 3);
}

static int
own_silent(const struct amas_codec *codec, const struct amas_value *v,
    struct amas_out *out, struct amas_error *err)
{
	(void)codec, (void)v, (void)out, (void)err;
	return 0;
}

static void
test_own_codec(void)
{
	struct amas_value *kept = NULL, *v = json("[1,\"abc\"]");
	struct amas_codec own = { .name = "own", .encode = own_encode,
		.arg = &kept };
	struct amas__buf b;
	struct amas_out out;
	struct amas_error err;

	out_init(&out, &b, false);
	tap_int(amas__msg_write(&out, &own, AMAS__REPLY, NULL, 9, v, 99, &err),
	    0, "own codec");
	tap_mem(amas__buf_head(&b), amas__buf_len(&b), "\0\0\0\3OWN", 7,
	    "its bytes");
	amas_value_free(v);
	tap_ok(amas_value_len(kept) == 3 &&
	    amas__value_is(amas_value_at(amas_value_at(kept, 2), 1), "abc"),
	    "it may keep the message");
	amas_value_free(kept);
	own.encode = own_silent;
	tap_int(amas__msg_write(&out, &own, AMAS__REPLY, NULL, 9, NULL, 99,
	    &err), AMAS_EINVAL, "a codec that writes nothing");
	amas__buf_fini(&b);
}

static void
test_memory(void)
{
	struct amas_value *v = json("[\"add\",[3,4,\"0123456789012345678901\"],"
	    "{}]");
	struct amas__buf b;
	struct amas_out out;
	struct amas_error err;
	unsigned long n;
	size_t i, bad = 0;
	int rc;

	for (i = 0; i < CODECS; i++) {
		for (n = 1, rc = -1; rc != 0 && n < 50; n++) {
			out_init(&out, &b, i != 0);
			amas__buf_puts(&b, "0123456789012345678901234567890123"
			    "4567890123456789012345678901");
			tap_fail_alloc(n);
			rc = amas__msg_write(&out, codecs[i], AMAS__REQUEST,
			    NULL, 1, v, 999, &err);
			tap_fail_alloc(0);
			bad += rc != 0 && (rc != AMAS_ENOMEM ||
			    amas__buf_len(&b) != 62);
			amas__buf_fini(&b);
		}
		bad += rc != 0 || n < 2;
	}
	tap_int((long long)bad, 0, "each allocation failing once");
	amas_value_free(v);
}

int
main(void)
{
	test_parse();
	test_call();
	test_write();
	test_limit();
	test_own_codec();
	test_memory();
	return tap_done();
}
