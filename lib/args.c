/* What programs are given as arguments; see args.h. */
#include "args.h"

#include <string.h>
#include <unistd.h>

#include "base64.h"
#include "codec.h"
#include "environ.h"
#include "err.h"
#include "home.h"
#include "host.h"
#include "value.h"

#define ARGS_SPARE 8192		/* for the kernel, and "#!" lines */
#define ARGS_MAX ((size_t)131072)	/* if the system names no bound */
#define KW_MAX 100		/* more keywords are in the JSON alone */

/* ---- Values as text ---- */

/* Proxies, wherever they are, become URLs that the host calls for a child. */
static int
proxy_url(void *arg, const struct amas_value *proxy, struct amas__buf *url,
    struct amas_error *err)
{
	return amas__host_proxy_url(arg, proxy, url, err);
}

int
amas__args_put_json(struct amas__buf *b, struct amas_loop *l,
    const struct amas_value *v, struct amas_error *err)
{
	struct amas_out out = { .buf = b, .lines = true, .foreign = proxy_url,
		.path_arg = l };

	return amas__json_print(&out, v, 0, false, err);
}

int
amas__args_put_plain(struct amas__buf *b, struct amas_loop *l,
    const struct amas_value *v, struct amas_error *err)
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
	case AMAS_PROXY:
		return amas__host_proxy_url(l, v, b, err);
	default:
		return amas__args_put_json(b, l, v, err);
	}
	return rc == 0 ? 0 : amas__error_nomem(err);
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
	if (len > AMAS__ARG_MAX)
		return amas_error_set(err, AMAS_ETOOBIG,
		    "has %zu bytes, the system's limit is %zu", len,
		    AMAS__ARG_MAX);
	return amas__buf_putc(b, '\0') == 0 ? 0 : amas__error_nomem(err);
}

/* ---- Arguments ---- */

static int
add_argument(struct amas__texts *t, struct amas_loop *l,
    const struct amas_value *v, size_t number, struct amas_error *err)
{
	size_t from = amas__buf_len(&t->text);
	struct amas_error cause;
	int rc;

	if (amas__texts_begin(t) != 0)
		return amas__error_nomem(err);
	rc = amas__args_put_plain(&t->text, l, v, &cause);
	if (rc == 0)
		rc = end_text(&t->text, from, &cause);
	if (rc == AMAS_ENOMEM)
		return amas__error_nomem(err);
	if (rc != 0)
		return amas_error_set(err, rc, "argument %zu %s", number,
		    cause.text);
	return 0;
}

int
amas__args_add(struct amas__texts *t, struct amas_loop *l,
    const struct amas_value *args, struct amas_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < amas_value_len(args) && rc == 0; i++)
		rc = add_argument(t, l, amas_value_at(args, i), i + 1, err);
	return rc;
}

size_t
amas__args_max(void)
{
	long max = sysconf(_SC_ARG_MAX);

	return max > 2 * ARGS_SPARE ? (size_t)max - ARGS_SPARE : ARGS_MAX;
}

int
amas__args_too_long(struct amas_error *err, size_t size)
{
	return amas_error_set(err, AMAS_ETOOBIG, "arguments have %zu bytes, "
	    "the system's limit is %zu", size, amas__args_max());
}

/* ---- Keywords ---- */

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

/* Adds one keyword; what cannot be a variable is left out. */
static int
add_keyword(struct amas__texts *t, struct amas_loop *l,
    const struct amas_value *key, const struct amas_value *v, size_t room)
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
	rc = amas__args_put_plain(&t->text, l, v, &err);
	if (rc == 0)
		rc = end_text(&t->text, from, &err);
	if (rc == AMAS_ENOMEM)
		return rc;
	if (rc != 0 || amas__texts_size(t) > room)
		amas__texts_drop(t);
	return 0;
}

int
amas__args_add_keywords(struct amas__texts *t, struct amas_loop *l,
    const struct amas_value *kwargs, size_t room)
{
	size_t i, n = amas_value_len(kwargs);
	int rc = 0;

	if (n > KW_MAX)
		n = 0;
	for (i = 0; i < n && rc == 0; i++)
		rc = add_keyword(t, l, amas_value_key(kwargs, i),
		    amas_value_at(kwargs, i), room);
	return rc;
}

/* ---- All of it as JSON ---- */

int
amas__args_put_line(struct amas__buf *b, struct amas_loop *l,
    const struct amas_value *args, const struct amas_value *kwargs,
    struct amas_error *err)
{
	int rc = 0;

	if (amas__buf_putc(b, '[') != 0)
		return amas__error_nomem(err);
	if (args == NULL ? amas__buf_puts(b, "[]") != 0 :
	    (rc = amas__args_put_json(b, l, args, err)) != 0)
		return rc != 0 ? rc : amas__error_nomem(err);
	if (amas__buf_puts(b, ", ") != 0)
		return amas__error_nomem(err);
	if (amas_value_len(kwargs) == 0 ? amas__buf_puts(b, "{}") != 0 :
	    (rc = amas__args_put_json(b, l, kwargs, err)) != 0)
		return rc != 0 ? rc : amas__error_nomem(err);
	return amas__buf_puts(b, "]\n") == 0 ? 0 : amas__error_nomem(err);
}

/* ---- Of an agent ---- */

/* Adds what a user may do about it. */
static int
hint(struct amas_error *err, int rc, const struct amas_error *cause)
{
	if (rc != AMAS_ETOOBIG)
		return amas_error_set(err, rc, "%s", cause->text);
	return amas_error_set(err, rc, "%s; given by its name it can be read "
	    "from AMAS_STATE/args", cause->text);
}

int
amas__args_add_home(struct amas__texts *t, const struct amas__home *h,
    struct amas_error *err)
{
	struct amas_error cause;
	int rc = amas__args_add(t, h->loop, h->args, &cause);

	if (rc == 0 && amas__texts_size(t) > amas__args_max())
		rc = amas__args_too_long(&cause, amas__texts_size(t));
	if (rc == AMAS_ENOMEM)
		return amas__error_nomem(err);
	return rc != 0 ? hint(err, rc, &cause) : 0;
}

int
amas__args_check_home(const struct amas__home *h, struct amas_error *err)
{
	struct amas__texts t = { .n = 0 };
	int rc = amas__args_add_home(&t, h, err);

	amas__texts_fini(&t);
	return rc;
}
