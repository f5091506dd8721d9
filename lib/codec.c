/*
 * Codecs: encoding and decoding with any, the library's or one that a program
 * filled in.  Those know nothing of typed values and see plain
 * maps; what they return is not trusted further than the peer is.
 */
#include "codec.h"

#include <stdlib.h>
#include <string.h>

#include "blosc_check.h"
#include "err.h"

/* ---- For encoders ---- */

int
amas_out_write(struct amas_out *out, const void *data, size_t len)
{
	return amas__buf_put(out->buf, data, len);
}

int
amas__out_error(const struct amas_out *out, int rc, struct amas_error *err)
{
	if (rc == AMAS_ETOOBIG)
		return amas_error_set(err, rc, "larger than %zu bytes",
		    out->buf->max);
	return rc == AMAS_ENOMEM ? amas__error_nomem(err) :
	    amas_error_set(err, rc, "%s", amas_strerror(rc));
}

int
amas__out_path(const struct amas_out *out, const struct amas_value *proxy,
    struct amas__buf *path, struct amas_error *err)
{
	bool own = (proxy->flags & AMAS__V_OWN) != 0;
	int rc;

	if (!own && out->foreign == NULL)
		return amas_error_set(err, AMAS_ETYPE,
		    "a proxy of the peer cannot be sent back");
	if ((!out->lines && (out->types == NULL || !out->types->proxies)) ||
	    (own && out->path == NULL))
		return amas_error_set(err, AMAS_ETYPE,
		    "a proxy cannot be sent here");
	amas__buf_init(path, 0);
	rc = own ? out->path(out->path_arg, proxy->u.own, path, err) :
	    out->foreign(out->path_arg, proxy, path, err);
	if (rc != 0)
		amas__buf_fini(path);
	return rc;
}

/* ---- Codecs of the program ---- */

/* The cause of a codec's failure, if it told none. */
static int
foreign_error(const struct amas_codec *codec, int rc,
    const struct amas_error *told, struct amas_error *err)
{
	if (rc > 0)
		rc = AMAS_EINVAL;
	if (told->code != 0) {
		(void)amas__error_copy(err, told);
		return rc;
	}
	return amas_error_set(err, rc, "codec %.40s: %s",
	    codec->name != NULL ? codec->name : "without a name",
	    amas_strerror(rc));
}

static void
free_value(void *v)
{
	amas_value_free(v);
}

static int
foreign_decode(const struct amas_codec *codec, struct amas__area *a,
    const char *data, size_t len, const struct amas_value **out,
    struct amas_error *err)
{
	struct amas_error told = { 0, 0, "" };
	struct amas_value *v = NULL;
	int rc;

	rc = codec->decode(codec, &v, data, len, &told);
	if (rc == 0 && v == NULL)
		rc = AMAS_EINVAL;
	if (rc != 0)
		return foreign_error(codec, rc, &told, err);
	if (amas__area_cleanup(a, free_value, v) != 0) {
		amas_value_free(v);
		return amas__error_nomem(err);
	}
	*out = v;
	return 0;
}

static int
foreign_encode(const struct amas_codec *codec, struct amas_out *out,
    const struct amas_value *v, struct amas_error *err)
{
	static const struct amas_value null_value;
	struct amas_error told = { 0, 0, "" };
	struct amas__area *a = amas__area_new(NULL);
	int rc;

	if (a == NULL)
		return amas__error_nomem(err);
	if (v == NULL)
		v = &null_value;
	if ((rc = amas__types_lower(a, &v, out, err)) == 0 &&
	    (rc = codec->encode(codec, v, out, &told)) != 0)
		rc = foreign_error(codec, rc, &told, err);
	amas__area_unref(a);
	return rc;
}

/* ---- Any codec ---- */

int
amas__codec_decode(const struct amas_codec *codec, struct amas__area *a,
    char *data, size_t len, const struct amas__limits *limits,
    const struct amas_value **out, bool *typed, struct amas_error *err)
{
	int rc;

	if (codec == NULL)
		codec = &amas__codec_json;
	if (codec->builtin != NULL)
		return codec->builtin->decode(a, data, len, limits, out, typed,
		    err);
	rc = foreign_decode(codec, a, data, len, out, err);
	if (rc == 0 && typed != NULL)
		*typed = true; /* there may be some */
	return rc;
}

int
amas__codec_encode(const struct amas_codec *codec, struct amas_out *out,
    const struct amas_value *v, struct amas_error *err)
{
	size_t before = amas__buf_len(out->buf);
	int rc;

	if (codec == NULL)
		codec = &amas__codec_json;
	rc = codec->builtin != NULL ? codec->builtin->encode(out, v, err) :
	    foreign_encode(codec, out, v, err);
	if (rc != 0)
		amas__buf_truncate(out->buf, before);
	return rc;
}

int
amas__codec_peek(const struct amas_codec *codec, const char *data, size_t len)
{
	if (codec == NULL)
		codec = &amas__codec_json;
	return codec->builtin != NULL ? codec->builtin->peek(data, len) : -1;
}

/* ---- What a payload may be ---- */

struct sign {
	const char *text;
	size_t len;
	const char *name;
};

#define SIGN(text, name) { text, sizeof text - 1, name }

/* Four bytes, the header of a frame, are enough of a longer one. */
#define SIGN_ENOUGH 4

static const struct sign signs[] = {
	SIGN("GET ", "http"),
	SIGN("POST ", "http"),
	SIGN("PUT ", "http"),
	SIGN("HEAD ", "http"),
	SIGN("DELETE ", "http"),
	SIGN("OPTIONS ", "http"),
	SIGN("PATCH ", "http"),
	SIGN("CONNECT ", "http"),
	SIGN("PRI * ", "http"),
	SIGN("HTTP/", "http"),
	SIGN("SSH-", "ssh"),
	SIGN("PROXY ", "proxy"),
	SIGN("\r\n\r\n\0\r\nQUIT\n", "proxy"),
	SIGN("\x16\x03", "tls"), /* handshake */
	SIGN("\x15\x03", "tls"), /* alert */
};

const char *
amas__codec_guess(const char *data, size_t len)
{
	const struct sign *s;
	unsigned char c;
	size_t i, n;

	for (i = 0; i < sizeof signs / sizeof *signs; i++) {
		s = &signs[i];
		n = len < s->len ? len : s->len;
		if ((n == s->len || n >= SIGN_ENOUGH) &&
		    memcmp(data, s->text, n) == 0)
			return s->name;
	}
	if (amas__blosc_looks_like(data, len))
		return "msgpack-blosc";
	for (i = 0; i < len && strchr(" \t\r\n", data[i]) != NULL &&
	    data[i] != '\0'; i++)
		continue;
	if (i < len && (data[i] == '[' || data[i] == '{'))
		return "json";
	c = len > 0 ? (unsigned char)data[0] : 0;
	/* what a message can be: a list, or a map by mistake */
	if ((c >= 0x80 && c < 0xa0) || (c >= 0xdc && c <= 0xdf))
		return "msgpack";
	return NULL;
}

/* ---- Public ---- */

int
amas_value_encode(const struct amas_value *v, const struct amas_codec *codec,
    const char *types, void **data, size_t *len, struct amas_error *err)
{
	struct amas__types t;
	struct amas__buf buf;
	struct amas_out out = { .buf = &buf };
	char *taken;
	int rc;

	amas__buf_init(&buf, 0);
	if ((rc = amas__types_init(&t, types, false, err)) != 0)
		return rc;
	if (types != NULL)
		out.types = &t;
	if ((rc = amas__codec_encode(codec, &out, v, err)) != 0)
		goto out;
	if ((taken = amas__buf_take(&buf, len)) == NULL)
		rc = amas__error_nomem(err);
	else
		*data = taken;
out:
	amas__buf_fini(&buf);
	amas__types_fini(&t);
	return rc;
}

/* Decodes a copy of data to a value of area a. */
static int
decode_copy(struct amas__area *a, struct amas_value **out,
    const struct amas_codec *codec, const struct amas__types *types,
    const void *data, size_t len, struct amas_error *err)
{
	const struct amas_value *v;
	bool typed = false;
	char *copy;
	int rc;

	if ((copy = amas__area_text(a, data, len)) == NULL)
		return amas__error_nomem(err);
	rc = amas__codec_decode(codec, a, copy, len, NULL, &v, &typed, err);
	if (rc == 0 && typed && types != NULL)
		rc = amas__types_lift(a, &v, types, false, err);
	if (rc != 0)
		return rc;
	/* v is const, and may be in an area of its own */
	if ((*out = amas__area_values(a, 1)) == NULL ||
	    amas__value_share(*out, a, v) != 0)
		return amas__error_nomem(err);
	return 0;
}

int
amas_value_decode(struct amas_value **out, const struct amas_codec *codec,
    const char *types, const void *data, size_t len, struct amas_error *err)
{
	struct amas_value *v = NULL;
	struct amas__area *a;
	struct amas__types t;
	int rc;

	if ((rc = amas__types_init(&t, types, false, err)) != 0)
		return rc;
	if ((a = amas__area_new(NULL)) == NULL)
		rc = amas__error_nomem(err);
	else
		rc = decode_copy(a, &v, codec, types != NULL ? &t : NULL, data,
		    len, err);
	if (rc == 0)
		*out = v;
	else
		amas__area_unref(a);
	amas__types_fini(&t);
	return rc;
}
