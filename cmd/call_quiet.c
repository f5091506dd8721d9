/* Lines that pause; see call_quiet.h. */
#include "call_quiet.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "rpc.h"
#include "service.h"

/*
 * Where the host is told, for free(3); NULL: it is not what we speak to.  A pipe
 * is a connection of its own: there the path has the token.
 */
static char *
host_path(const struct call_opts *o)
{
	const char *parent = cmd_env("AMAS_PARENT");
	const char *token = parent != NULL ? strrchr(parent, '/') : NULL;
	size_t len = strlen(o->addr);

	if (token == NULL || o->command != NULL || o->dial)
		return NULL;
	if (o->pipe && (strncmp(parent, o->addr, len) != 0 ||
	    strncmp(parent + len, "//", 2) != 0))
		return NULL;
	return amas__asprintf("agents/%s/amas/batch", token + 1);
}

/* ---- Being asked ---- */

/* Nobody waits for the answer any more. */
static void
on_gone(void *arg)
{
	struct call_quiet *q = arg;
	struct amas_request *req = q->sync;

	q->sync = NULL;
	amas_request_fail(req, "peer is gone");
}

static void
on_sync(struct amas_request *req, void *self)
{
	struct call_quiet *q = self;

	if (q->ch == NULL || q->sync != NULL)
		return; /* not the host, which asks once at a time: null */
	q->sync = amas_request_keep(req);
	amas_request_on_gone(req, on_gone, q);
	q->asked(q);
}

void
call_quiet_answer(struct call_quiet *q, const char *how)
{
	struct amas_request *req = q->sync;

	if (req == NULL)
		return;
	q->sync = NULL;
	if (how != NULL)
		amas_request_reply(req, "s", how);
	else
		amas_request_reply(req, NULL);
}

/* Has amas/sync come to us, whatever else is served. */
static int
serve_sync(struct call_quiet *q, struct call_peer *p)
{
	static const struct amas_function functions[] = { { "sync", on_sync },
		{ NULL, NULL } };
	struct amas_service *own = NULL;
	struct amas_error err;
	int rc = 0;

	if (p->service == NULL)
		rc = amas_service_new(&p->service, &err);
	if (rc == 0)
		rc = amas_service_new(&own, &err);
	if (rc == 0)
		rc = amas_service_add(own, functions, q, &err);
	if (rc == 0)
		rc = amas__service_mount_amas(p->service, own, &err);
	amas_service_free(own);
	return rc == 0 ? CMD_OK : cmd_fail(NULL, &err);
}

/* ---- Telling ---- */

static void
on_told(const struct amas_reply *rep, void *arg)
{
	(void)rep; /* a host that does not know it goes by what waits */
	(void)arg;
}

static void
tell(const struct call_quiet *q, bool streams)
{
	(void)amas__rpc_call(q->ch, q->path, on_told, NULL, "[b]",
	    (int)streams);
}

void
call_quiet_begin(struct call_quiet *q, struct amas_channel *ch)
{
	if (q->path == NULL)
		return;
	q->ch = ch;
	tell(q, true);
}

void
call_quiet_end(struct call_quiet *q)
{
	if (q->ch == NULL)
		return;
	tell(q, false); /* before the answer: that is the last word */
	call_quiet_answer(q, NULL);
	q->ch = NULL;
}

void
call_quiet_drop(struct call_quiet *q)
{
	q->ch = NULL;
}

/* ---- The whole ---- */

int
call_quiet_init(struct call_quiet *q, struct call_peer *p,
    void (*asked)(struct call_quiet *q))
{
	memset(q, 0, sizeof *q);
	q->asked = asked;
	if ((q->path = host_path(p->o)) == NULL)
		return CMD_OK;
	return serve_sync(q, p);
}

void
call_quiet_fini(struct call_quiet *q)
{
	free(q->path);
	q->path = NULL;
}
