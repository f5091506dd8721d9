/*
 * The list of functions, -l: amas/list of the peer, printed so that each line
 * can be FUNCTION behind the same ADDR.
 */
#include "call_list.h"

#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "channel.h"
#include "err.h"
#include "loop.h"
#include "mem.h"
#include "rpc.h"
#include "value.h"

int
call_list_ask(struct amas_channel *ch, bool hosted, amas_reply_fn *fn,
    void *arg)
{
	struct amas__area *a;
	int rc = AMAS_ENOMEM;

	if (hosted) /* the root is the host's, which asks whom we mean */
		return amas_proxy_call(amas_channel_remote(ch), "amas/list", 0,
		    fn, arg, NULL);
	/* It belongs to the root, whatever the address names. */
	a = amas__area_new(amas__loop_pool(amas__channel_loop(ch)));
	if (a != NULL)
		rc = amas_proxy_call(amas__rpc_proxy(ch, a, "", 0),
		    "amas/list", 0, fn, arg, NULL);
	amas__area_unref(a);
	return rc;
}

/*
 * aiomas's failure ends so; amas's is this line alone.  The whole path is the
 * name to an amas-call that offers nothing.
 */
bool
call_list_is_missing(const struct amas_reply *rep)
{
	return strstr(rep->text, "Name \"amas\" not found") != NULL ||
	    strstr(rep->text, "Name \"amas/list\" not found") != NULL;
}

/* The path of what the address names, "" or with a slash at its end. */
static char *
base_path(const struct call_opts *o, bool hosted)
{
	struct amas__addr a;
	char *path;

	if (o->command != NULL || hosted || amas__addr_parse(&a, o->addr, NULL) != 0)
		return amas__strdup("");
	if (a.agent != NULL)
		path = amas__asprintf("agents/%s/", a.agent);
	else
		path = amas__asprintf("%s%s", a.path,
		    a.path[0] != '\0' ? "/" : "");
	amas__addr_fini(&a);
	return path;
}

/*
 * What a path is to somebody at base: what follows it, or "*" if it stands for
 * all below base or more; NULL: it is elsewhere.
 */
static const char *
below(const char *path, const char *base)
{
	size_t len = strlen(path), n = strlen(base);

	if (strncmp(path, base, n) == 0)
		return path + n;
	if (len > 0 && path[len - 1] == '*' &&
	    strncmp(path, base, len - 1) == 0)
		return "*";
	return NULL;
}

static int
put_path(struct amas__buf *b, const struct amas_value *v, const char *base)
{
	const char *path = below(amas_value_text(v), base);
	int rc;

	if (path == NULL)
		return 0;
	rc = amas__buf_put_escaped(b, path, strlen(path), strlen(path));
	return rc != 0 ? rc : amas__buf_putc(b, '\n');
}

int
call_put_list(struct amas__buf *b, const struct call_opts *o, bool hosted,
    const struct amas_value *v, struct amas_error *err)
{
	char *base = base_path(o, hosted);
	size_t i;
	int rc = base == NULL ? AMAS_ENOMEM : 0;

	if (amas_value_type(v) != AMAS_LIST)
		rc = AMAS_EPROTO;
	for (i = 0; i < amas_value_len(v) && rc == 0; i++)
		rc = amas_value_type(amas_value_at(v, i)) != AMAS_STRING ?
		    AMAS_EPROTO : put_path(b, amas_value_at(v, i), base);
	free(base);
	if (rc == AMAS_EPROTO)
		return amas_error_set(err, rc, "its list is no list of paths");
	return rc != 0 ? amas__error_nomem(err) : 0;
}
