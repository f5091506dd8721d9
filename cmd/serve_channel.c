/*
 * Plain requests (--channel): content of any kind, which is the one argument of
 * a call of the one source; or, without a source, a message line on standard
 * output, answered by one on standard input.
 *
 * Standard input and output are a channel on message lines, so the ids on them
 * are its own, whatever the callers chose.
 */
#include "serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "jobs.h"
#include "mem.h"
#include "request.h"
#include "service.h"
#include "source.h"

#define OUTPUT_MAX ((size_t)64 << 20)	/* bytes that wait to be read there */

struct serve_relay {
	char *path;			/* of the one source */
	struct amas_channel *lines;	/* without one */
	bool over;			/* nobody answers on lines any more */
	size_t queue;			/* requests of one connection */
};

/* One request that stands on standard output. */
struct forward {
	struct amas_request *req;
	struct amas__link calls;	/* the one call; empty: answered */
	bool gone;			/* whoever runs now frees it */
};

/* ---- To standard output ---- */

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct forward *f = arg;
	struct amas_request *req = f->req;

	--*amas__request_waiting(req);
	if (!f->gone)
		free(f);
	if (rep->kind == AMAS_RESULT)
		amas__request_reply_value(req, rep->value);
	else if (rep->kind == AMAS_FAILURE)
		amas__request_fail_value(req, rep->value);
	else if (rep->code == AMAS_ECLOSED)
		amas_request_fail(req, "standard input has ended");
	else
		amas_request_fail(req, "%s", rep->text);
}

/* The caller went away: an answer that comes yet is dropped. */
static void
on_gone(void *arg)
{
	struct forward *f = arg;

	f->gone = true;
	amas__channel_cancel(&f->calls);
	free(f);
}

static void
forward(struct serve_relay *r, struct amas_request *req)
{
	struct forward *f = amas__zalloc(sizeof *f);

	if (f == NULL) {
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return;
	}
	f->req = amas_request_keep(req);
	amas__list_init(&f->calls);
	++*amas__request_waiting(req);
	if (amas__channel_request(r->lines, 0, on_reply, f,
	    amas_request_args(req), &f->calls) != 0) {
		--*amas__request_waiting(req);
		free(f);
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return;
	}
	amas_request_on_gone(req, on_gone, f);
}

void
serve_relay_request(struct amas_request *req, void *self)
{
	const struct serve_door *door = self;
	struct serve_relay *r = door->s->relay;

	if (r->path != NULL && door->s->service == NULL) {
		amas_request_fail(req, "shutting down");
	} else if (r->path != NULL) {
		if (amas__request_make_call(req, r->path) == 0)
			amas__service_call(door->s->service, req);
	} else if (r->over) {
		amas_request_fail(req, "standard input has ended");
	} else if (*amas__request_waiting(req) >= r->queue) {
		amas_request_fail(req, "busy: %zu waiting (--queue)",
		    r->queue);
	} else if (amas__channel_queued(r->lines) > OUTPUT_MAX) {
		amas_request_fail(req, "busy: standard output is not read");
	} else {
		forward(r, req);
	}
}

/* A request on standard input: from whom to whom? */
static void
on_request(struct amas_request *req, void *self)
{
	(void)self;
	amas_request_fail(req, "only replies are taken here");
}

static void
on_close(struct amas_channel *ch, const struct amas_error *why, void *arg)
{
	struct serve *s = arg;
	int status = CMD_OK;

	(void)ch;
	s->relay->over = true;
	if (s->draining)
		return;
	if (why->code == AMAS_EPROTO || why->code == AMAS_ETOOBIG)
		status = CMD_INPUT; /* the log has it */
	else if (why->sys != 0 && why->sys != EPIPE)
		status = cmd_error(CMD_SYS, "standard output", "%s",
		    why->text);
	serve_end(s, status);
}

static int
open_lines(struct serve *s)
{
	struct amas_opts opts = { .lines = 1, .on_request = on_request,
		.on_close = on_close, .arg = s,
		.max_message = s->o->server.max_message };
	struct amas_error err;
	int status;

	if (amas_channel_open(&s->relay->lines, s->loop, "stdio", &opts,
	    &err) != 0)
		return cmd_fail("--channel", &err);
	s->stdout_taken = true;
	if ((status = serve_give_up(STDIN_FILENO, "--channel")) != CMD_OK)
		return status;
	return serve_give_up(STDOUT_FILENO, "--channel");
}

/* ---- To a source ---- */

/* Reads what the source is, and gives it a name if it has none. */
static int
read_source(struct serve_relay *r, const char *source, char **named)
{
	struct amas__source_spec spec;
	struct amas_error err;
	bool takes;

	*named = amas__asprintf("%s%s",
	    amas__source_is_bare(source) ? "channel=" : "", source);
	if (*named == NULL)
		return cmd_nomem();
	if (amas__source_parse(&spec, *named, &err) != 0)
		return cmd_fail(source, &err);
	takes = spec.kind->word != NULL;
	r->path = amas__strdup(spec.name);
	amas__source_fini(&spec);
	if (!takes)
		return cmd_error(CMD_USAGE, source, "--channel takes a "
		    "program, a filter or a worker");
	return r->path != NULL ? CMD_OK : cmd_nomem();
}

static int
load_source(struct serve *s, const char *source)
{
	struct amas_error err;
	char *named = NULL;
	int status = read_source(s->relay, source, &named);

	if (status == CMD_OK && amas_service_load(s->service, s->loop, named,
	    &s->o->source, &err) != 0)
		status = cmd_fail(source, &err);
	free(named);
	return status;
}

int
serve_relay_open(struct serve *s)
{
	if ((s->relay = amas__zalloc(sizeof *s->relay)) == NULL)
		return cmd_nomem();
	s->relay->queue = s->o->queue != 0 ? s->o->queue : AMAS__JOBS_QUEUE;
	return s->o->sources[0] != NULL ? load_source(s, s->o->sources[0]) :
	    open_lines(s);
}

void
serve_relay_free(struct serve *s)
{
	if (s->relay != NULL)
		free(s->relay->path);
	free(s->relay);
}
