/* Codecs by name, codecs of a program, typed values lifted and lowered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "tap.h"
#include "value.h"

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

static void
test_find(void)
{
	const struct amas_codec *c;
	struct amas_error err;

	tap_int(amas_codec_find(&c, "json", &err), 0, "json is found");
	tap_ok(c == &amas__codec_json, "it is that");
	tap_int(amas_codec_find(&c, "msgpack", &err), 0, "msgpack is found");
	tap_ok(c == &amas__codec_msgpack, "it is that");
	tap_int(amas_codec_find(&c, "yaml", &err), AMAS_ENOENT,
	    "yaml is not found");
	tap_str(err.text, "no codec of that name; there are json, "
	    "msgpack, msgpack-blosc and ./NAME.so", "why");
	tap_int(amas_codec_find(&c, NULL, NULL), AMAS_ENOENT, "nor NULL");
}

/* ---- Names of types ---- */

static void
test_types(void)
{
	static const struct {
		const char *names;
		int rc;
		const char *text;
	} t[] = {
		{ NULL, 0, NULL },
		{ "", 0, NULL },
		{ "date", 0, NULL },
		{ "_a.b-c9,Z", 0, NULL },
		{ "a,", AMAS_EINVAL, "names of types end in a comma" },
		{ ",a", AMAS_EINVAL, "\"\" is no name of a type" },
		{ "a,,b", AMAS_EINVAL, "\"\" is no name of a type" },
		{ "9a", AMAS_EINVAL, "\"9a\" is no name of a type" },
		{ "a b", AMAS_EINVAL, "\"a b\" is no name of a type" },
		{ "a\n", AMAS_EINVAL, "\"a\\n\" is no name of a type" },
		{ "a,bytes", AMAS_EINVAL, "type name \"bytes\" is reserved" },
		{ "map", AMAS_EINVAL, "type name \"map\" is reserved" },
		{ "proxy", AMAS_EINVAL, "type name \"proxy\" is reserved" },
		{ "a,b,a", AMAS_EINVAL, "type \"a\" stands there twice" },
	};
	struct amas__types types;
	struct amas_error err;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		memset(&err, 0, sizeof err);
		tap_int(amas__types_init(&types, t[i].names, true, &err),
		    t[i].rc, "types %zu", i);
		if (t[i].rc != 0)
			tap_str(err.text, t[i].text, "types %zu: why", i);
		else
			amas__types_fini(&types);
	}
	if (amas__types_init(&types, "date,point", false, NULL) != 0)
		abort();
	tap_int(amas__types_id(&types, "point", 5), 1, "id of the second");
	tap_int(amas__types_id(&types, "poin", 4), -1, "no id of its part");
	amas__types_fini(&types);
}

/* ---- Lifting ---- */

struct lift {
	const char *json;
	bool lines;
	int rc;
	const char *text;	/* what it is as a line, or why not */
};

/* types: a, b; id 2 is a proxy */
static const struct lift lifts[] = {
	{ "[{\"__type__\":[0,1]}]", false, 0, "[{\"__type__\": [\"a\", 1]}]" },
	{ "{\"__type__\":[1,[{\"__type__\":[0,null]}]]}", false, 0,
	    "{\"__type__\": [\"b\", [{\"__type__\": [\"a\", null]}]]}" },
	{ "{\"x\":[1,{\"__type__\":[2,\"sub/in\"]}],\"y\":[2]}", false, 0,
	    "{\"x\": [1, {\"__type__\": [\"proxy\", \"sub/in\"]}], "
	    "\"y\": [2]}" },
	{ "[{},[],{\"a\":{}}]", false, 0, "[{}, [], {\"a\": {}}]" },
	{ "{\"__type__\":[3,1]}", false, AMAS_ETYPE, "unknown type id 3" },
	{ "{\"__type__\":[99,1]}", false, AMAS_ETYPE, "unknown type id 99" },
	{ "[{\"__type__\":[-1,1]}]", false, AMAS_ETYPE,
	    "unknown type id -1" },
	{ "{\"__type__\":[99999999999999999999,1]}", false, AMAS_ETYPE,
	    "unknown type id 99999999999999999999" },
	{ "{\"__type__\":[0.0,1]}", false, AMAS_ETYPE,
	    "__type__ is no pair" },
	{ "{\"__type__\":[\"a\",1]}", false, AMAS_ETYPE,
	    "__type__ is no pair" },
	{ "{\"__type__\":[true,1]}", false, AMAS_ETYPE,
	    "__type__ is no pair" },
	{ "{\"__type__\":[0]}", false, AMAS_ETYPE, "__type__ is no pair" },
	{ "{\"__type__\":[0,1,2]}", false, AMAS_ETYPE,
	    "__type__ is no pair" },
	{ "{\"__type__\":0}", false, AMAS_ETYPE, "__type__ is no pair" },
	{ "{\"__type__\":{}}", false, AMAS_ETYPE, "__type__ is no pair" },
	{ "{\"__type__\":[2,5]}", false, AMAS_ETYPE,
	    "path of a proxy is no text" },
	/* by name */
	{ "[{\"__type__\":[\"a\",1]}]", true, 0,
	    "[{\"__type__\": [\"a\", 1]}]" },
	{ "{\"__type__\":[\"c\",1]}", true, AMAS_ETYPE,
	    "unknown type \"c\"" },
	{ "{\"__type__\":[\"\\n\",1]}", true, AMAS_ETYPE,
	    "unknown type \"\\n\"" },
	{ "{\"__type__\":[0,1]}", true, AMAS_ETYPE, "__type__ is no pair" },
	{ "{\"__type__\":[\"proxy\",\"p\"]}", true, 0,
	    "{\"__type__\": [\"proxy\", \"p\"]}" },
	{ "{\"__type__\":[\"bytes\",\"AAE=\"]}", true, 0,
	    "{\"__type__\": [\"bytes\", \"AAE=\"]}" },
	{ "{\"__type__\":[\"bytes\",\"AAE\"]}", true, AMAS_ETYPE,
	    "base64 of bytes is wrong at offset 3" },
	{ "{\"__type__\":[\"bytes\",5]}", true, AMAS_ETYPE,
	    "bytes are no text in base64" },
	{ "{\"__type__\":[\"map\",[[1,{\"__type__\":[\"a\",5]}],"
	    "[\"1\",2],[1,3]]]}", true, 0,
	    "{\"__type__\": [\"map\", [[1, 3], [\"1\", 2]]]}" },
	{ "{\"__type__\":[\"map\",[[\"__type__\",[0,0]]]]}", true, 0,
	    "{\"__type__\": [\"map\", [[\"__type__\", [0, 0]]]]}" },
	{ "{\"__type__\":[\"map\",[]]}", true, 0, "{}" },
	{ "{\"__type__\":[\"map\",[[1]]]}", true, AMAS_ETYPE,
	    "map is no list of pairs" },
	{ "{\"__type__\":[\"map\",5]}", true, AMAS_ETYPE,
	    "map is no list of pairs" },
	{ "{\"__type__\":[\"map\",[[[],1]]]}", true, AMAS_ETYPE,
	    "key of a map is a list" },
};

/* Decodes JSON text into a; the frame is the area's. */
static const struct amas_value *
parse(struct amas__area *a, const char *json)
{
	const struct amas_value *v;
	bool typed = false;
	char *copy = amas__area_text(a, json, strlen(json));

	if (copy == NULL || amas__codec_decode(NULL, a, copy, strlen(json),
	    NULL, &v, &typed, NULL) != 0)
		abort();
	return v;
}

static void
test_lift(void)
{
	struct amas__types types;
	const struct amas_value *v, *before;
	struct amas_error err;
	struct amas__area *a;
	size_t i;

	if (amas__types_init(&types, "a,b", true, NULL) != 0)
		abort();
	for (i = 0; i < sizeof lifts / sizeof *lifts; i++) {
		a = amas__area_new(NULL);
		before = v = parse(a, lifts[i].json);
		tap_int(amas__types_lift(a, &v, &types, lifts[i].lines, &err),
		    lifts[i].rc, "faults 26: lift %s%s", lifts[i].json,
		    lifts[i].lines ? " of a line" : "");
		tap_str(lifts[i].rc == 0 ? show(v) : err.text, lifts[i].text,
		    "faults 26: gives %s", lifts[i].text);
		if (strstr(lifts[i].json, "__type__") == NULL)
			tap_ok(v == before, "nothing to do, nothing copied");
		amas__area_unref(a);
	}
	a = amas__area_new(NULL);
	v = parse(a, "{\"__type__\":[0,1]}");
	tap_int(amas__types_lift(a, &v, NULL, false, &err), AMAS_ETYPE,
	    "without types no id is known");
	v = parse(a, "{\"__type__\":[\"any.name\",1]}");
	tap_int(amas__types_lift(a, &v, NULL, true, &err), 0,
	    "but on lines any name");
	v = parse(a, "{\"__type__\":[\"no name\",1]}");
	tap_int(amas__types_lift(a, &v, NULL, true, &err), AMAS_ETYPE,
	    "that is one");
	amas__area_unref(a);
	amas__types_fini(&types);
}

static void
test_lift_deep(void)
{
	struct amas__types types;
	const struct amas_value *v;
	struct amas__area *a = amas__area_new(NULL);
	struct amas__buf b;
	size_t i;

	if (a == NULL || amas__types_init(&types, "a", false, NULL) != 0)
		abort();
	amas__buf_init(&b, 0);
	for (i = 0; i < 500; i++)
		(void)amas__buf_puts(&b, "{\"__type__\": [0, ");
	(void)amas__buf_puts(&b, "1");
	for (i = 0; i < 500; i++)
		(void)amas__buf_puts(&b, "]}");
	(void)amas__buf_putc(&b, '\0');
	v = parse(a, amas__buf_head(&b));
	amas__buf_fini(&b);
	tap_int(amas__types_lift(a, &v, &types, false, NULL), 0,
	    "faults 26: nested 500 times, 1000 levels");
	for (i = 0; v != NULL && v->type == AMAS_TYPED; i++)
		v = amas_value_at(v, 0);
	tap_int((long long)i, 500, "faults 26: all are lifted");
	amas__types_fini(&types);
	amas__area_unref(a);
}

/* Proxies of a peer that stands below a name. */
static void
test_mount(void)
{
	static const struct {
		const char *json, *path, *text;
	} t[] = {
		{ "{\"__type__\":[\"proxy\",\"a/b\"]}", "m",
		    "{\"__type__\": [\"proxy\", \"m/a/b\"]}" },
		{ "[1,{\"k\":{\"__type__\":[\"proxy\",\"\"]}}]", "m/n",
		    "[1, {\"k\": {\"__type__\": [\"proxy\", \"m/n\"]}}]" },
		{ "{\"__type__\":[\"x\",{\"__type__\":[\"proxy\",\"a\"]}]}",
		    "", "{\"__type__\": [\"x\", {\"__type__\": [\"proxy\", "
		    "\"a\"]}]}" },
		{ "[1,\"proxy\"]", "m", "[1, \"proxy\"]" },
	};
	const struct amas_value *v, *before;
	struct amas_out out = { .lines = true };
	struct amas__area *a, *b;
	struct amas__buf text;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		a = amas__area_new(NULL);
		b = amas__area_new(NULL);
		amas__buf_init(&text, 0);
		out.buf = &text;
		v = parse(a, t[i].json);
		if (amas__types_lift(a, &v, NULL, true, NULL) != 0)
			abort();
		before = v;
		tap_int(amas__types_mount(b, &v, t[i].path, strlen(t[i].path),
		    NULL), 0, "mount %s", t[i].json);
		amas__area_unref(a);
		if (amas__json_print(&out, v, 0, true, NULL) != 0 ||
		    amas__buf_putc(&text, '\0') != 0)
			abort();
		tap_str(amas__buf_head(&text), t[i].text, "mount: gives");
		if (strstr(t[i].json, "__type__") == NULL)
			tap_ok(v == before, "mount: nothing to do");
		amas__buf_fini(&text);
		amas__area_unref(b);
	}
}

/* ---- A codec of the program: msgpack, each byte xor 0x55 ---- */

static int
xor_encode(const struct amas_codec *codec, const struct amas_value *v,
    struct amas_out *out, struct amas_error *err)
{
	char c;
	void *data;
	size_t i, len;
	int rc;

	if (codec->arg != NULL)
		return *(int *)codec->arg;
	rc = amas_value_encode(v, &amas__codec_msgpack, NULL, &data, &len, err);
	if (rc != 0)
		return rc;
	for (i = 0; i < len && rc == 0; i++) {
		c = (char)(((char *)data)[i] ^ 0x55);
		rc = amas_out_write(out, &c, 1);
	}
	free(data);
	return rc;
}

static int
xor_decode(const struct amas_codec *codec, struct amas_value **out,
    const void *data, size_t len, struct amas_error *err)
{
	char *copy;
	size_t i;
	int rc;

	if (codec->arg != NULL)
		return *(int *)codec->arg;
	if ((copy = malloc(len + 1)) == NULL)
		return AMAS_ENOMEM;
	for (i = 0; i < len; i++)
		copy[i] = (char)(((const char *)data)[i] ^ 0x55);
	rc = amas_value_decode(out, &amas__codec_msgpack, NULL, copy, len,
	    err);
	free(copy);
	return rc;
}

static struct amas_codec xor_codec = { "xor", xor_encode, xor_decode, NULL,
	NULL };

static void
test_foreign(void)
{
	struct amas_value *v = amas_value_pack("[{s:<[ff]>}y%i]", "p", "point",
	    1.5, -2.0, "\0\1", (size_t)2, 7), *w = NULL, *t;
	struct amas_error err;
	void *data;
	size_t len;
	int rc;

	tap_int(amas_value_encode(v, &xor_codec, "date,point", &data, &len,
	    &err), 0, "a codec of the program writes typed values");
	tap_int(amas_value_decode(&w, &xor_codec, "date,point", data, len,
	    &err), 0, "and reads them");
	tap_ok(amas__value_equal(v, w), "they come back equal");
	tap_str(show(w), "[{\"p\": {\"__type__\": [\"point\", [1.5, -2.0]]}}, "
	    "{\"__type__\": [\"bytes\", \"AAE=\"]}, 7]", "as they are");
	amas_value_free(w);
	tap_int(amas_value_decode(&w, &xor_codec, "date", data, len, &err),
	    AMAS_ETYPE, "an id that it has not");
	tap_str(err.text, "unknown type id 1", "why");
	tap_int(amas_value_decode(&w, &xor_codec, NULL, data, len, &err), 0,
	    "without types maps stay maps");
	t = w;
	tap_str(show(amas_value_at(amas_value_get(amas_value_at(t, 0), "p"),
	    0)), "[1, [1.5, -2.0]]", "as they were");
	amas_value_free(w);
	tap_int(amas_value_encode(v, &xor_codec, "date", &data, &len, &err),
	    AMAS_ETYPE, "a type that it has not");
	tap_str(err.text,
	    "type \"point\" is not known on this connection (at [0].p)",
	    "why");
	free(data);

	xor_codec.arg = &rc;
	rc = AMAS_EPROTO;
	tap_int(amas_value_decode(&w, &xor_codec, NULL, "x", 1, &err), rc,
	    "its failure is passed on");
	tap_str(err.text, "codec xor: protocol error",
	    "with a text, though it gave none");
	rc = 0;
	tap_int(amas_value_decode(&w, &xor_codec, NULL, "x", 1, &err),
	    AMAS_EINVAL, "no value is a failure");
	rc = 5;
	tap_int(amas_value_encode(v, &xor_codec, "point", &data, &len, &err),
	    AMAS_EINVAL, "a positive result too");
	xor_codec.arg = NULL;
	amas_value_free(v);
}

static int
find_path(void *arg, struct amas__held *own, struct amas__buf *path,
    struct amas_error *err)
{
	(void)own;
	(void)err;
	return amas__buf_puts(path, arg);
}

static void
test_lower(void)
{
	struct amas__area *a = amas__area_new(NULL);
	struct amas__types types;
	struct amas__held own = { 1, NULL };
	static char name[] = "sub";
	struct amas_out out = { .types = &types, .path = find_path,
		.path_arg = name };
	struct amas_value item[2], list;
	const struct amas_value *v;
	struct amas_error err;

	if (a == NULL || amas__types_init(&types, "a", true, NULL) != 0)
		abort();
	memset(item, 0, sizeof item);
	amas__value_int(&item[0], a, 1);
	item[1].type = AMAS_PROXY;
	item[1].flags = AMAS__V_OWN;
	item[1].area = a;
	item[1].u.own = &own;
	amas__value_list(&list, a, item, 2);
	v = &list;
	tap_int(amas__types_lower(a, &v, &out, &err), 0, "lower a proxy");
	tap_str(show(amas_value_get(amas_value_at(v, 1), "__type__")),
	    "[1, \"sub\"]", "to its id and path");
	v = parse(a, "[{\"__type__\":[0,1]}]");
	tap_int(amas__types_lower(a, &v, &out, &err), AMAS_ETYPE,
	    "a map that would come back as something else");
	tap_str(err.text, "a map with \"__type__\" as its only key cannot be "
	    "sent (at [0])", "why");
	v = parse(a, "[{\"a\":[0,1]},5]");
	tap_int(amas__types_lower(a, &v, &out, &err), 0,
	    "what needs no change");
	amas__types_fini(&types);
	amas__area_unref(a);
}

/* ---- Public functions ---- */

static void
test_public(void)
{
	struct amas_value *v = NULL;
	struct amas_error err;
	void *data;
	size_t len;

	tap_int(amas_value_encode(NULL, NULL, NULL, &data, &len, NULL), 0,
	    "NULL is null");
	tap_mem(data, len, "null", 4, "in JSON");
	free(data);
	tap_int(amas_value_decode(&v, NULL, NULL, "[1, 2]", 6, NULL), 0,
	    "decode JSON");
	tap_int(amas_value_add(v, "i", 3), 0, "what comes is ours to change");
	tap_str(show(v), "[1, 2, 3]", "and is changed");
	amas_value_free(v);
	tap_int(amas_value_decode(&v, NULL, "a b", "1", 1, &err), AMAS_EINVAL,
	    "bad names of types");
	tap_int(amas_value_decode(&v, &amas__codec_msgpack, NULL, "\xc1", 1,
	    &err), AMAS_EPROTO, "bytes that are no value");
	tap_int(amas_value_decode(&v, &amas__codec_msgpack, NULL, "", 0, &err),
	    AMAS_EPROTO, "no bytes");
}

/* ---- Dates ---- */

static void
test_dates(void)
{
	static const struct amas_codec *const codecs[] = { NULL,
		&amas__codec_msgpack, &xor_codec };
	struct amas_value *good = amas_value_pack("[<s>]", "date", "2016");
	struct amas_value *bad = amas_value_pack("[<s>]", "date", "2016-13");
	struct amas_value *odd = amas_value_pack("[<i>]", "date", 5);
	struct amas_value *other = amas_value_pack("<s>", "dates", "2016");
	struct amas_value *v;
	struct amas_error err;
	const char *text;
	void *data;
	size_t i, len;

	tap_int(amas_value_unpack(good, NULL, "[<s>]", "date", &text), 0,
	    "a date is packed");
	tap_str(text, "2016-01-01T00:00:00+00:00", "and made whole");
	tap_str(amas_value_text(amas_value_at(other, 0)), "2016",
	    "other types are left alone");
	for (i = 0; i < sizeof codecs / sizeof *codecs; i++) {
		tap_int(amas_value_encode(bad, codecs[i], "date", &data, &len,
		    &err), AMAS_ETYPE, "codec %zu: no date is sent", i);
		tap_str(err.text, "date \"2016-13\": month is not 1 to 12 "
		    "(at [0])", "why");
		tap_int(amas_value_encode(odd, codecs[i], "date", &data, &len,
		    &err), AMAS_ETYPE, "codec %zu: nor a number", i);
		tap_str(err.text, "a date is no integer, but a text (at [0])",
		    "why");
		tap_int(amas_value_encode(good, codecs[i], "date", &data, &len,
		    &err), 0, "codec %zu: a date is", i);
		tap_int(amas_value_decode(&v, codecs[i], "date", data, len,
		    &err), 0, "and comes back");
		tap_str(show(v), show(good), "the same");
		amas_value_free(v);
		free(data);
	}
	amas_value_free(other);
	amas_value_free(odd);
	amas_value_free(bad);
	amas_value_free(good);
}

static void
test_join(void)
{
	static const struct {
		bool container;
		const char *extra, *all;
	} joins[] = {
		{ false, NULL, "" }, { false, "a,date", "a,date" },
		{ true, NULL, "date" }, { true, "", "date" },
		{ true, "a", "date,a" }, { true, "date", "date" },
		{ true, "date,a", "date,a" }, { true, "dates", "date,dates" },
		{ true, "a,date", "date,a,date" },
	};
	char *all;
	size_t i;

	for (i = 0; i < sizeof joins / sizeof *joins; i++) {
		all = amas__types_join(joins[i].container, joins[i].extra);
		tap_str(all, joins[i].all, "types of a connection: %s",
		    joins[i].all);
		free(all);
	}
}

static void
test_memory(void)
{
	static const char types[] = "a,b";
	static const char json[] =
	    "[1,{\"__type__\":[0,[2,{\"__type__\":[1,\"text\"]}]]},\"x\"]";
	const struct amas_codec *const codecs[] = { NULL,
		&amas__codec_msgpack, &xor_codec };
	struct amas_value *v = NULL, *w;
	struct amas_error err;
	unsigned long n;
	void *data;
	size_t i, len;
	int rc;

	if (amas_value_decode(&v, NULL, types, json, strlen(json), NULL) != 0)
		abort();
	for (i = 0; i < 3; i++) {
		for (n = 1, rc = -1; rc != 0; n++) {
			w = NULL;
			data = NULL;
			tap_fail_alloc(n);
			rc = amas_value_encode(v, codecs[i], types, &data,
			    &len, &err);
			if (rc == 0)
				rc = amas_value_decode(&w, codecs[i], types,
				    data, len, &err);
			tap_fail_alloc(0);
			if (rc == 0 && !amas__value_equal(v, w))
				rc = -100;
			free(data);
			amas_value_free(w);
			if (rc != 0 && rc != AMAS_ENOMEM)
				break;
		}
		tap_int(rc, 0, "faults 85: codec %zu, each of %lu allocations "
		    "fails once", i, n - 2);
	}
	amas_value_free(v);
}

static void
test_guess(void)
{
	static const struct {
		const char *data;
		size_t len;
		const char *want;
	} t[] = {
		{ "[0, 1, 2]", 9, "json" },
		{ " \n{\"a\"", 5, "json" },
		{ "\x93\0\0", 3, "msgpack" },
		{ "\xdc\0\3", 3, "msgpack" },
		{ "GET / HTTP/1.1", 14, "http" },
		{ "HTTP/1.1 400", 12, "http" },
		{ "POST", 4, "http" },
		{ "PRI * HTTP/2.0", 14, "http" },
		{ "\x16\3\1\2\0", 5, "tls" },
		{ "\x16\3", 2, "tls" },
		{ "SSH-2.0-x", 9, "ssh" },
		{ "PROXY TCP4", 10, "proxy" },
		{ "\r\n\r\n\0\r\nQUIT\n!", 13, "proxy" },
		{ "\r\n\r\n", 4, "proxy" },
		{ "", 0, NULL },
		{ "GE", 2, NULL },
		{ "\0\0\0\5", 4, NULL },
		{ "hello", 5, NULL },
	};
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++)
		tap_str(amas__codec_guess(t[i].data, t[i].len), t[i].want,
		    "faults 9: guess %zu", i);
}

int
main(void)
{
	test_find();
	test_types();
	test_lift();
	test_lift_deep();
	test_mount();
	test_foreign();
	test_lower();
	test_public();
	test_dates();
	test_join();
	test_memory();
	test_guess();
	return tap_done();
}
