/*
 * What is served: the sources, in a service for all connections, or anew for
 * each of them (--per-connection).  In that case they are loaded once at the
 * start, too, so that what is wrong with them is said then.
 */
#include "serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "channel.h"
#include "folder.h"
#include "mem.h"

/* The folder of one connection. */
struct state {
	struct amas__ending ending;
	char *path;
};

/* ---- Loading ---- */

int
serve_service_load(struct serve *s, struct amas_service *service,
    const char *state, struct amas_channel *peer)
{
	struct amas_source_opts opts = s->o->source;
	struct amas_error err;
	char **source;
	int rc;

	opts.state = state;
	opts.peer = peer;
	if (s->o->serial && amas_service_set_serial(service, &err) != 0)
		return cmd_fail(NULL, &err);
	for (source = s->o->sources; *source != NULL; source++) {
		rc = amas_service_load(service, s->loop, *source, &opts, &err);
		if (rc == AMAS_EEXIST) /* two sources for one name */
			return cmd_error(CMD_USAGE, *source, "%s", err.text);
		if (rc != 0)
			return cmd_fail(*source, &err);
	}
	return CMD_OK;
}

/* Makes --state if it is not there; programs run elsewhere, so all of its path. */
static int
open_state(struct serve *s)
{
	const char *path = s->o->state;

	if (path == NULL)
		return CMD_OK;
	if ((mkdir(path, 0700) == -1 && errno != EEXIST) ||
	    (s->state = realpath(path, NULL)) == NULL)
		return cmd_error(CMD_SYS, path, "%s", strerror(errno));
	return CMD_OK;
}

int
serve_service_open(struct serve *s)
{
	struct amas_service *tried;
	struct amas_error err;
	int status;

	if ((status = open_state(s)) != CMD_OK)
		return status;
	if (!s->o->per_connection)
		return serve_service_load(s, s->service, s->state, NULL);
	if (amas_service_new(&tried, &err) != 0)
		return cmd_fail(NULL, &err);
	status = serve_service_load(s, tried, s->state, NULL);
	if (status == CMD_OK && s->o->mosaik)
		serve_mosaik_open(s, tried);
	amas_service_free(tried);
	return status;
}

/* ---- For one connection ---- */

static void
on_end(struct amas__ending *e)
{
	struct state *st = AMAS__OF(e, struct state, ending);

	serve_state_free(st->path);
	free(st);
}

char *
serve_state_make(struct serve *s)
{
	const char *in = s->state != NULL ? s->state : getenv("TMPDIR");
	char *path;

	path = amas__asprintf("%s/amas-XXXXXX", in != NULL && *in == '/' ? in :
	    "/tmp");
	if (path == NULL) {
		(void)cmd_nomem();
	} else if (mkdtemp(path) == NULL) {
		(void)cmd_error(CMD_SYS, path, "%s", strerror(errno));
		free(path);
		path = NULL;
	}
	return path;
}

void
serve_state_free(char *path)
{
	if (path != NULL)
		amas__folder_remove(path);
	free(path);
}

/* Makes a folder that goes with the connection; NULL: it has been said. */
static const char *
make_state(struct serve *s, struct amas_channel *ch)
{
	struct state *st = amas__zalloc(sizeof *st);

	if (st == NULL) {
		(void)cmd_nomem();
	} else if ((st->path = serve_state_make(s)) != NULL) {
		st->ending.fn = on_end;
		amas__channel_on_end(ch, &st->ending);
		return st->path;
	}
	free(st);
	return NULL;
}

void
serve_service_connect(struct serve *s, struct amas_channel *ch)
{
	struct amas_service *service = NULL;
	const char *state;
	struct amas_error err;

	if (s->o->mosaik) {
		serve_mosaik_connect(s, ch);
		return;
	}
	if (!s->o->per_connection)
		return;
	if ((state = make_state(s, ch)) != NULL &&
	    amas_service_new(&service, &err) == 0 &&
	    serve_service_load(s, service, state, NULL) == CMD_OK)
		amas_channel_set_service(ch, service);
	else
		amas_channel_close(ch);
	amas_service_free(service);
}
