/*
 * How a call becomes argv, environment and standard input of a program, or the
 * line of a filter; args.c has how its values do.
 */
#include "exec.h"

#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "environ.h"
#include "err.h"
#include "host.h"
#include "request.h"
#include "value.h"

/* ---- Arguments ---- */

static int
add_arguments(struct amas__texts *t, const struct amas__exec_target *target,
    struct amas_request *req, const char *name, struct amas_error *err)
{
	int rc;

	if (target->command == NULL)
		rc = amas__texts_add(t, target->file);
	else if ((rc = amas__texts_add(t, "sh")) == 0 &&
	    (rc = amas__texts_add(t, "-c")) == 0 &&
	    (rc = amas__texts_add(t, target->command)) == 0)
		rc = amas__texts_add(t, name);
	if (rc != 0)
		return amas__error_nomem(err);
	return target->form == AMAS__EXEC_JSON ? 0 :
	    amas__args_add(t, amas__request_loop(req), amas_request_args(req),
		err);
}

/* ---- Environment ---- */

/* AMAS_PEER: how to call the caller, if it can be. */
static int
add_peer(struct amas__texts *t, struct amas_request *req)
{
	struct amas_channel *ch = amas_request_channel(req);
	struct amas__buf url = { NULL, 0, 0, 0, 0 };
	int rc = 0;

	if (ch != NULL && amas__host_peer_url(amas__request_loop(req), ch,
	    &url, NULL) == 0 && (rc = amas__buf_putc(&url, '\0')) == 0)
		rc = amas__texts_set(t, "AMAS_PEER", amas__buf_head(&url));
	amas__buf_fini(&url);
	return rc;
}

static int
add_environment(struct amas__texts *t, const struct amas__exec_target *target,
    struct amas_request *req, const struct amas__guest *g, size_t room,
    struct amas_error *err)
{
	struct amas_channel *ch = amas_request_channel(req);
	int rc = amas__environ_inherit(t, target->dir != -1);

	if (rc == 0)
		rc = amas__texts_set(t, "AMAS_PATH", amas_request_path(req));
	if (rc == 0)
		rc = amas__texts_set(t, "AMAS_PEER_ADDR",
		    amas__request_peer(req));
	if (rc == 0 && ch != NULL && *amas_channel_peer_name(ch) != '\0')
		rc = amas__texts_set(t, "AMAS_PEER_NAME",
		    amas_channel_peer_name(ch));
	if (rc == 0)
		rc = amas__guest_environ(g, t, err);
	if (rc == 0)
		rc = add_peer(t, req);
	if (rc == 0)
		rc = amas__args_add_keywords(t, amas__request_loop(req),
		    amas_request_kwargs(req), room);
	return rc == 0 || rc == AMAS_ESYS ? rc : amas__error_nomem(err);
}

/* ---- All together ---- */

int
amas__exec_args_init(struct amas__exec_args *a,
    const struct amas__exec_target *t, struct amas_request *req,
    const char *name, const struct amas__guest *g, struct amas_error *err)
{
	struct amas__texts argv = { .n = 0 }, envp = { .n = 0 };
	size_t max = amas__args_max(), size;
	int rc;

	memset(a, 0, sizeof *a);
	if ((rc = add_arguments(&argv, t, req, name, err)) != 0)
		goto out;
	size = amas__texts_size(&argv);
	rc = add_environment(&envp, t, req, g, size < max ? max - size : 0,
	    err);
	if (rc != 0)
		goto out;
	if (size > max || amas__texts_size(&envp) > max - size) {
		rc = amas__args_too_long(err, size);
		goto out;
	}
	rc = amas__args_put_line(&a->input, amas__request_loop(req),
	    amas_request_args(req), amas_request_kwargs(req), err);
	if (rc != 0)
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

	if (line == NULL)
		return 0;
	if ((p = memchr(line, '\0', len)) != NULL)
		return amas_error_set(err, AMAS_ETYPE, "argument has a NUL at "
		    "offset %zu, which no line can have", (size_t)(p - line));
	if ((p = memchr(line, '\n', len)) != NULL)
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
	struct amas_loop *l = amas__request_loop(req);
	int rc;

	if (amas_value_len(amas_request_kwargs(req)) > 0)
		return amas_error_set(err, AMAS_ETYPE,
		    "a filter takes no keyword arguments");
	if (amas_value_len(args) == 1 && is_scalar(v))
		rc = amas__args_put_plain(b, l, v, err);
	else
		rc = amas__args_put_json(b, l, args, err);
	if (rc != 0 || (rc = check_line(b, err)) != 0)
		return rc;
	return amas__buf_putc(b, '\n') == 0 ? 0 : amas__error_nomem(err);
}
