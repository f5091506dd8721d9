/* A call from a line of input: as JSON, or as the last argument. */
#include "call_request.h"

#include <string.h>

#include "codec.h"
#include "err.h"
#include "utf8.h"

static int
wrong(struct amas_error *err, const char *what)
{
	return amas_error_set(err, AMAS_ETYPE, "%s", what);
}

/* Takes [path, args, kwargs] apart; NULL stands for what is missing. */
static int
take_apart(struct call_request *r, const struct amas_value *v,
    struct amas_error *err)
{
	const struct amas_value *path = amas_value_at(v, 0);
	size_t i, n = amas_value_len(v);

	if (amas_value_type(v) != AMAS_LIST || n < 1 || n > 3)
		return wrong(err, "no list [path, args, kwargs]");
	if (amas_value_type(path) != AMAS_STRING)
		return wrong(err, "path is no text");
	r->path = amas_value_text(path);
	if (strlen(r->path) != amas_value_len(path))
		return wrong(err, "path holds a NUL");
	r->args = amas_value_at(v, 1);
	if (n > 1 && amas_value_type(r->args) != AMAS_LIST)
		return wrong(err, "args are no list");
	r->kwargs = amas_value_at(v, 2);
	if (n > 2 && amas_value_type(r->kwargs) != AMAS_MAP)
		return wrong(err, "kwargs are no map");
	for (i = 0; i < amas_value_len(r->kwargs); i++)
		if (amas_value_type(amas_value_key(r->kwargs, i)) !=
		    AMAS_STRING)
			return wrong(err, "a key of kwargs is no text");
	return 0;
}

static int
decode(struct call_request *r, const struct amas_value **v, const char *line,
    size_t len, struct amas_error *err)
{
	bool typed = false;
	char *copy;
	int rc;

	if ((copy = amas__area_text(r->area, line, len)) == NULL)
		return amas__error_nomem(err);
	rc = amas__codec_decode(NULL, r->area, copy, len, NULL, v, &typed,
	    err);
	if (rc == 0 && typed)
		rc = amas__types_lift(r->area, v, NULL, true, err);
	return rc;
}

int
call_request_content(struct call_request *r, struct amas__pool *pool,
    const char *line, size_t len, struct amas_error *err)
{
	int rc;

	memset(r, 0, sizeof *r);
	if ((r->area = amas__area_new(pool)) == NULL)
		return amas__error_nomem(err);
	if ((rc = decode(r, &r->content, line, len, err)) != 0)
		call_request_free(r);
	return rc;
}

int
call_request_parse(struct call_request *r, struct amas__pool *pool,
    const char *line, size_t len, struct amas_error *err)
{
	int rc = call_request_content(r, pool, line, len, err);

	if (rc == 0 && (rc = take_apart(r, r->content, err)) != 0)
		call_request_free(r);
	return rc;
}

int
call_request_line(struct call_request *r, const char *function,
    const struct call_args *args, const char *line, size_t len,
    struct amas_error *err)
{
	size_t i;

	memset(r, 0, sizeof *r);
	if (amas__utf8_valid(line, len) != len)
		return amas_error_set(err, AMAS_EPROTO, "text is not UTF-8");
	r->list = amas_value_pack("[]");
	for (i = 0; i < amas_value_len(args->list); i++)
		(void)amas_value_add(r->list, "v",
		    amas_value_at(args->list, i));
	if (amas_value_add(r->list, "s%", len > 0 ? line : "", len) != 0) {
		call_request_free(r);
		return amas__error_nomem(err);
	}
	r->path = function;
	r->args = r->list;
	r->kwargs = args->map;
	return 0;
}

void
call_request_free(struct call_request *r)
{
	amas_value_free(r->list);
	amas__area_unref(r->area);
	memset(r, 0, sizeof *r);
}
