/*
 * Messages: the triple between a channel and its codec, and the content of a
 * call.  Reading looks at a decoded value and copies nothing; writing encodes
 * straight behind what waits in the buffer already.
 */
#include "msg.h"

#include <stdint.h>
#include <string.h>

#include "err.h"
#include "frame.h"

/*
 * How far a message may run over its limit before encoding stops, if the limit
 * is small: its size is for the error text.  Else it may get twice the limit.
 */
#define MEASURE ((size_t)1 << 20)

static int
bad_type(const struct amas_value *v, struct amas_error *err)
{
	if (v->type == AMAS_INT)
		return amas_error_set(err, AMAS_EPROTO, "message type %lld",
		    (long long)v->u.i);
	return amas_error_set(err, AMAS_EPROTO, "message type is %s",
	    amas__type_name((enum amas_type)v->type));
}

int
amas__msg_parse(struct amas__msg *m, const struct amas_value *v,
    struct amas_error *err)
{
	const struct amas_value *item;

	if (amas_value_type(v) != AMAS_LIST || v->len != 3)
		return amas_error_set(err, AMAS_EPROTO,
		    "message is no list of three");
	item = v->u.item;
	if (item[0].type != AMAS_INT || item[0].u.i < AMAS__REQUEST ||
	    item[0].u.i > AMAS__FAILURE)
		return bad_type(&item[0], err);
	if (item[1].type != AMAS_INT && item[1].type != AMAS_BIGINT)
		return amas_error_set(err, AMAS_EPROTO, "message id is %s",
		    amas__type_name((enum amas_type)item[1].type));
	m->type = (enum amas__msg_type)item[0].u.i;
	m->id = &item[1];
	m->content = &item[2];
	return 0;
}

/*
 * Encodes the triple.  For a codec of ours it is made on the stack, around what
 * is borrowed; one of the program's may keep it, so it gets a real one.
 */
static int
encode(struct amas_out *out, const struct amas_codec *codec,
    const struct amas_value part[3], struct amas_error *err)
{
	struct amas_value item[3], triple, *own;
	struct amas__area *a;
	int i, rc = 0;

	if (codec == NULL || codec->builtin != NULL) {
		for (i = 0; i < 3; i++)
			item[i] = part[i];
		amas__value_list(&triple, NULL, item, 3);
		return amas__codec_encode(codec, out, &triple, err);
	}
	if ((a = amas__area_new(NULL)) == NULL)
		return AMAS_ENOMEM;
	if ((own = amas__area_values(a, 4)) == NULL)
		rc = AMAS_ENOMEM;
	for (i = 0; i < 3 && rc == 0; i++)
		rc = amas__value_share(&own[i + 1], a, &part[i]);
	if (rc == 0) {
		amas__value_list(own, a, own + 1, 3);
		rc = amas__codec_encode(codec, out, own, err);
	}
	amas__area_unref(a);
	return rc;
}

/* What the buffer's maximum is while a message is encoded. */
static size_t
bound(const struct amas_out *out, size_t mark, size_t max)
{
	size_t over = max > MEASURE ? max : MEASURE, most = out->buf->max;
	size_t n = max > SIZE_MAX / 4 ? SIZE_MAX / 2 : max + over;

	n += mark + AMAS__FRAME_HEADER;
	return most != 0 && most < n ? most : n;
}

/*
 * Encodes behind mark and says in err what the size has to do with a failure:
 * the encoder knows only the bound of the buffer, not the limit.
 */
static int
encode_bounded(struct amas_out *out, const struct amas_codec *codec,
    const struct amas_value part[3], size_t mark, size_t max,
    struct amas_error *err)
{
	size_t len, most = out->buf->max;
	struct amas_error cause, full;
	int rc;

	cause.code = cause.sys = 0;
	cause.text[0] = '\0';
	out->buf->max = bound(out, mark, max);
	rc = encode(out, codec, part, &cause);
	if (rc == AMAS_ETOOBIG)
		(void)amas__out_error(out, rc, &full);
	out->buf->max = most;
	if (rc == AMAS_ETOOBIG && (*cause.text == '\0' ||
	    strcmp(cause.text, full.text) == 0))
		return amas_error_set(err, rc,
		    "far more bytes than the limit of %zu", max);
	if (rc != 0 && *cause.text == '\0') /* of memory, or a codec's */
		return amas_error_set(err, rc, "%s", amas_strerror(rc));
	if (rc != 0) {
		cause.code = rc;
		return amas__error_copy(err, &cause);
	}
	len = amas__buf_len(out->buf) - mark;
	len -= out->lines ? 0 : AMAS__FRAME_HEADER;
	if (len > max)
		return amas_error_set(err, AMAS_ETOOBIG,
		    "%zu bytes, limit %zu", len, max);
	return 0;
}

int
amas__msg_write(struct amas_out *out, const struct amas_codec *codec,
    enum amas__msg_type type, const struct amas_value *id, int64_t number,
    const struct amas_value *content, size_t max, struct amas_error *err)
{
	struct amas_value part[3];
	size_t mark;
	int rc;

	amas__value_int(&part[0], NULL, type);
	if (id != NULL)
		part[1] = *id;
	else
		amas__value_int(&part[1], NULL, number);
	if (content != NULL)
		part[2] = *content;
	else
		amas__value_null(&part[2], NULL);
	if ((rc = amas__frame_begin(out->buf, out->lines, &mark)) != 0)
		return amas__out_error(out, rc, err);
	rc = encode_bounded(out, codec, part, mark, max, err);
	if (rc != 0) {
		amas__frame_cancel(out->buf, mark);
		return rc;
	}
	return amas__frame_end(out->buf, out->lines, mark, max, err);
}

static int
bad_call(const char *what, const struct amas_value *v, const char *want,
    struct amas_error *err)
{
	return amas_error_set(err, AMAS_EPROTO, "TypeError: %s is %s, not %s",
	    what, amas__type_name(amas_value_type(v)), want);
}

int
amas__call_parse(struct amas__call *c, const struct amas_value *content,
    struct amas_error *err)
{
	const struct amas_value *item;
	size_t i;

	if (amas_value_type(content) != AMAS_LIST)
		return bad_call("call", content, "[path, args, kwargs]", err);
	if (content->len != 3)
		return amas_error_set(err, AMAS_EPROTO, "TypeError: call is a "
		    "list of %u, not [path, args, kwargs]",
		    (unsigned)content->len);
	item = content->u.item;
	if (item[0].type != AMAS_STRING)
		return bad_call("path", &item[0], "text", err);
	if (item[1].type != AMAS_LIST)
		return bad_call("args", &item[1], "a list", err);
	if (item[2].type != AMAS_MAP)
		return bad_call("kwargs", &item[2], "a map", err);
	for (i = 0; i < item[2].len; i++)
		if (item[2].u.item[2 * i].type != AMAS_STRING)
			return bad_call("name of a keyword argument",
			    &item[2].u.item[2 * i], "text", err);
	c->path = item[0].u.text;
	c->path_len = item[0].len;
	c->args = &item[1];
	c->kwargs = &item[2];
	return 0;
}
