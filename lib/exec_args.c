/*
 * How a call becomes argv, environment and standard input of a program, or the
 * line of a filter.
 * Nothing that a caller sends is ever part of shell text or of a variable's
 * name that does not begin with AMAS_KW_.
 */
#include "exec.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base64.h"
#include "codec.h"
#include "environ.h"
#include "err.h"
#include "request.h"
#include "value.h"

#define ARG_TEXT_MAX ((size_t)131071)	/* of one, as Linux has it */
#define ARGS_SPARE 8192		/* for the kernel, and "#!" lines */
#define ARGS_MAX ((size_t)131072)	/* if the system names no bound */
#define KW_MAX 100		/* more keywords are on stdin alone */

/* ---- Values as text ---- */

static int
put_json(struct amas__buf *b, const struct amas_value *v,
    struct amas_error *err)
{
	struct amas_out out = { .buf = b, .lines = true };

	return amas__json_print(&out, v, 0, false, err);
}

/*
 * Puts a value as an argument has it: text as it is, bytes in base64, a typed
 * value as the text that represents it, all else as JSON.
 */
static int
put_plain(struct amas__buf *b, const struct amas_value *v,
    struct amas_error *err)
{
	int rc;

	if (amas_value_type(v) == AMAS_TYPED)
		v = amas_value_at(v, 0);
	switch (amas_value_type(v)) {
	case AMAS_STRING:
		rc = amas__buf_put(b, amas_value_text(v), amas_value_len(v));
		break;
	case AMAS_BYTES:
		rc = amas__base64_put(b, amas_value_text(v),
		    amas_value_len(v));
		break;
	default:
		return put_json(b, v, err);
	}
	return rc == 0 ? 0 : amas__error_nomem(err);
}

/* Whether a proxy is somewhere inside; no recursion, since depth is theirs. */
static bool
holds_proxy(const struct amas_value *v)
{
	struct {
		const struct amas_value *v;
		size_t i, n;
	} at[AMAS__DEPTH_MAX + 1];
	size_t depth = 0;

	at[0].v = v;
	for (;;) {
		v = at[depth].v;
		at[depth].i = at[depth].n = 0;
		if (v->type == AMAS_PROXY)
			return true;
		if (v->type == AMAS_LIST || v->type == AMAS_TYPED)
			at[depth].n = v->len;
		else if (v->type == AMAS_MAP)
			at[depth].n = 2 * (size_t)v->len;
		while (at[depth].i == at[depth].n)
			if (depth-- == 0)
				return false;
		if (depth == AMAS__DEPTH_MAX)
			return true; /* no decoder gives that */
		at[depth + 1].v = &at[depth].v->u.item[at[depth].i++];
		depth++;
	}
}

/* Ends a text that was begun at offset from; NULs and long ones are refused. */
static int
end_text(struct amas__buf *b, size_t from, struct amas_error *err)
{
	const char *p = amas__buf_head(b) + from, *nul;
	size_t len = amas__buf_len(b) - from;

	if (len > 0 && (nul = memchr(p, '\0', len)) != NULL)
		return amas_error_set(err, AMAS_ETOOBIG,
		    "has a NUL at offset %zu", (size_t)(nul - p));
	if (len > ARG_TEXT_MAX)
		return amas_error_set(err, AMAS_ETOOBIG,
		    "has %zu bytes, the system's limit is %zu", len,
		    ARG_TEXT_MAX);
	return amas__buf_putc(b, '\0') == 0 ? 0 : amas__error_nomem(err);
}

/* ---- Arguments ---- */

static int
add_argument(struct amas__texts *t, const struct amas_value *v, size_t number,
    struct amas_error *err)
{
	size_t from = amas__buf_len(&t->text);
	struct amas_error cause;
	int rc;

	if (amas__texts_begin(t) != 0)
		return amas__error_nomem(err);
	if ((rc = put_plain(&t->text, v, &cause)) == 0)
		rc = end_text(&t->text, from, &cause);
	if (rc == AMAS_ENOMEM)
		return amas__error_nomem(err);
	if (rc != 0)
		return amas_error_set(err, rc, "argument %zu %s", number,
		    cause.text);
	return 0;
}

/* Programs cannot take proxies yet, wherever they are. */
static int
refuse_proxies(struct amas_request *req, struct amas_error *err)
{
	const struct amas_value *args = amas_request_args(req);
	const struct amas_value *kw = amas_request_kwargs(req);
	const struct amas_value *v;
	size_t i;

	for (i = 0; (v = amas_value_at(args, i)) != NULL; i++)
		if (holds_proxy(v))
			return amas_error_set(err, AMAS_ETYPE, "argument %zu "
			    "%s a proxy, which programs cannot take yet",
			    i + 1, v->type == AMAS_PROXY ? "is" : "holds");
	for (i = 0; (v = amas_value_at(kw, i)) != NULL; i++)
		if (holds_proxy(v))
			return amas_error_set(err, AMAS_ETYPE, "argument "
			    "\"%.100s\" %s a proxy, which programs cannot take "
			    "yet", amas_value_text(amas_value_key(kw, i)),
			    v->type == AMAS_PROXY ? "is" : "holds");
	return 0;
}

static int
add_arguments(struct amas__texts *t, const struct amas__exec_target *target,
    struct amas_request *req, const char *name, struct amas_error *err)
{
	const struct amas_value *args = amas_request_args(req);
	size_t i;
	int rc = 0;

	if (target->command == NULL)
		rc = amas__texts_add(t, target->file);
	else if ((rc = amas__texts_add(t, "sh")) == 0 &&
	    (rc = amas__texts_add(t, "-c")) == 0 &&
	    (rc = amas__texts_add(t, target->command)) == 0)
		rc = amas__texts_add(t, name);
	if (rc != 0)
		return amas__error_nomem(err);
	if (target->form == AMAS__EXEC_JSON)
		return 0;
	for (i = 0; i < amas_value_len(args) && rc == 0; i++)
		rc = add_argument(t, amas_value_at(args, i), i + 1, err);
	return rc;
}

/* What the system allows for arguments and environment together. */
static size_t
args_max(void)
{
	long max = sysconf(_SC_ARG_MAX);

	return max > 2 * ARGS_SPARE ? (size_t)max - ARGS_SPARE : ARGS_MAX;
}

/* ---- Environment ---- */

static bool
keyword_ok(const struct amas_value *key)
{
	const char *p = amas_value_text(key);
	size_t i, len = amas_value_len(key);

	if (amas_value_type(key) != AMAS_STRING)
		return false;
	for (i = 0; i < len; i++)
		if (!((p[i] >= 'a' && p[i] <= 'z') || p[i] == '_' ||
		    (p[i] >= 'A' && p[i] <= 'Z') ||
		    (p[i] >= '0' && p[i] <= '9')))
			return false;
	return len > 0;
}

/* Adds one keyword; what cannot be a variable is left out: stdin has it. */
static int
add_keyword(struct amas__texts *t, const struct amas_value *key,
    const struct amas_value *v, size_t room)
{
	size_t from = amas__buf_len(&t->text);
	struct amas_error err;
	int rc;

	if (!keyword_ok(key))
		return 0;
	if ((rc = amas__texts_begin(t)) != 0 ||
	    (rc = amas__buf_puts(&t->text, "AMAS_KW_")) != 0 ||
	    (rc = amas__buf_puts(&t->text, amas_value_text(key))) != 0 ||
	    (rc = amas__buf_putc(&t->text, '=')) != 0)
		return rc;
	if ((rc = put_plain(&t->text, v, &err)) == 0)
		rc = end_text(&t->text, from, &err);
	if (rc == AMAS_ENOMEM)
		return rc;
	if (rc != 0 || amas__texts_size(t) > room)
		amas__texts_drop(t);
	return 0;
}

static int
add_environment(struct amas__texts *t, const struct amas__exec_target *target,
    struct amas_request *req, size_t room)
{
	const struct amas_value *kw = amas_request_kwargs(req);
	size_t i, n = amas_value_len(kw);
	int rc = amas__environ_inherit(t, target->dir != -1);

	if (rc == 0)
		rc = amas__texts_set(t, "AMAS_PATH", amas_request_path(req));
	if (rc == 0)
		rc = amas__texts_set(t, "AMAS_PEER_ADDR",
		    amas__request_peer(req));
	if (n > KW_MAX)
		n = 0;
	for (i = 0; i < n && rc == 0; i++)
		rc = add_keyword(t, amas_value_key(kw, i),
		    amas_value_at(kw, i), room);
	return rc;
}

/* ---- Input, and all together ---- */

static int
put_input(struct amas__buf *b, struct amas_request *req,
    struct amas_error *err)
{
	const struct amas_value *kw = amas_request_kwargs(req);
	int rc;

	if (amas__buf_putc(b, '[') != 0)
		return amas__error_nomem(err);
	if ((rc = put_json(b, amas_request_args(req), err)) != 0)
		return rc;
	if (amas__buf_puts(b, ", ") != 0)
		return amas__error_nomem(err);
	if (amas_value_len(kw) == 0 ? amas__buf_puts(b, "{}") != 0 :
	    (rc = put_json(b, kw, err)) != 0)
		return rc != 0 ? rc : amas__error_nomem(err);
	return amas__buf_puts(b, "]\n") == 0 ? 0 : amas__error_nomem(err);
}

int
amas__exec_args_init(struct amas__exec_args *a,
    const struct amas__exec_target *t, struct amas_request *req,
    const char *name, struct amas_error *err)
{
	struct amas__texts argv = { .n = 0 }, envp = { .n = 0 };
	size_t max = args_max(), size;
	int rc;

	memset(a, 0, sizeof *a);
	if ((rc = refuse_proxies(req, err)) != 0 ||
	    (rc = add_arguments(&argv, t, req, name, err)) != 0)
		goto out;
	size = amas__texts_size(&argv);
	rc = add_environment(&envp, t, req, size < max ? max - size : 0);
	if (rc != 0) {
		rc = amas__error_nomem(err);
		goto out;
	}
	if (size > max || amas__texts_size(&envp) > max - size) {
		rc = amas_error_set(err, AMAS_ETOOBIG, "arguments have %zu "
		    "bytes, the system's limit is %zu", size, max);
		goto out;
	}
	if ((rc = put_input(&a->input, req, err)) != 0)
		goto out;
	a->argv = amas__texts_vector(&argv);
	a->envp = amas__texts_vector(&envp);
	if (a->argv == NULL || a->envp == NULL)
		rc = amas__error_nomem(err);
out:
	amas__texts_fini(&argv);
	amas__texts_fini(&envp);
	if (rc != 0)
		amas__exec_args_fini(a);
	return rc;
}

void
amas__exec_args_fini(struct amas__exec_args *a)
{
	free(a->argv);
	free(a->envp);
	amas__buf_fini(&a->input);
	a->argv = a->envp = NULL;
}

/* ---- The line of a filter ---- */

/* Whether a value is said by its text alone. */
static bool
is_scalar(const struct amas_value *v)
{
	enum amas_type type = amas_value_type(v);

	if (type == AMAS_TYPED)
		type = amas_value_type(amas_value_at(v, 0));
	return type != AMAS_LIST && type != AMAS_MAP && type != AMAS_TYPED;
}

static int
check_line(const struct amas__buf *b, struct amas_error *err)
{
	const char *line = amas__buf_head(b), *p;
	size_t len = amas__buf_len(b);

	if (len > 0 && (p = memchr(line, '\0', len)) != NULL)
		return amas_error_set(err, AMAS_ETYPE, "argument has a NUL at "
		    "offset %zu, which no line can have", (size_t)(p - line));
	if (len > 0 && (p = memchr(line, '\n', len)) != NULL)
		return amas_error_set(err, AMAS_ETYPE, "argument has a newline "
		    "at offset %zu, and a call is one line",
		    (size_t)(p - line));
	return 0;
}

int
amas__exec_put_line(struct amas__buf *b, struct amas_request *req,
    struct amas_error *err)
{
	const struct amas_value *args = amas_request_args(req);
	const struct amas_value *v = amas_value_at(args, 0);
	int rc;

	if (amas_value_len(amas_request_kwargs(req)) > 0)
		return amas_error_set(err, AMAS_ETYPE,
		    "a filter takes no keyword arguments");
	if ((rc = refuse_proxies(req, err)) != 0)
		return rc;
	if (amas_value_len(args) == 1 && is_scalar(v))
		rc = put_plain(b, v, err);
	else
		rc = put_json(b, args, err);
	if (rc != 0 || (rc = check_line(b, err)) != 0)
		return rc;
	return amas__buf_putc(b, '\n') == 0 ? 0 : amas__error_nomem(err);
}
