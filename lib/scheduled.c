/*
 * Scheduled calls; see scheduled.h.  The function is called as if a peer had
 * called it; its result is nobody's, and its failure goes to the log.
 *
 * One that was called lives until it is answered, without its home.
 */
#include "scheduled.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "log.h"
#include "mem.h"
#include "request.h"
#include "times.h"
#include "value.h"

struct scheduled {
	struct amas__link link;		/* of its home; none: called */
	struct amas__agent_home *home;
	struct amas_loop *loop;
	struct amas_timer timer;
	int64_t id;
	struct amas_agent *agent;	/* while it is called */
	char *path;			/* "agents/3/offer" */
	size_t walked;			/* bytes of "agents/3" */
	struct amas_value *args, *kwargs;
};

static void
destroy(struct scheduled *s)
{
	amas_timer_cancel(&s->timer);
	if (!amas__list_empty(&s->link))
		s->home->n_scheduled--;
	amas__list_remove(&s->link);
	amas_value_free(s->args);
	amas_value_free(s->kwargs);
	free(s->path);
	free(s);
}

/* ---- Calling ---- */

static void
on_answer(void *arg, const struct amas_value *v, const char *failure,
    size_t len)
{
	struct scheduled *s = arg;
	char text[400];

	(void)v;
	if (failure != NULL)
		amas__log(amas__loop_log(s->loop), AMAS_LOG_WARN, "%s: as it "
		    "was scheduled: %s", s->path, amas__log_text(text,
		    sizeof text, failure, len));
	destroy(s);
}

static void
handle(struct amas_request *req, void *self)
{
	const struct scheduled *s = self;
	const char *rest = s->path + s->walked + 1;

	s->agent->cls->ops->call(s->agent, req, s->path, s->walked, rest,
	    strlen(rest));
}

/* The agent that its path names, if it is still there. */
static struct amas_agent *
find(const struct scheduled *s)
{
	const char *id = s->path + strlen("agents/");

	return amas__agent_find(s->home->c, id,
	    s->walked - strlen("agents/"));
}

static void
on_time(void *arg)
{
	struct scheduled *s = arg;

	if ((s->agent = find(s)) == NULL) {
		destroy(s);
		return;
	}
	s->home->n_scheduled--;
	amas__list_remove(&s->link);
	if (amas__request_here(s->loop, s->path, s->args, s->kwargs, handle, s,
	    s->agent, on_answer, s) != 0)
		on_answer(s, NULL, amas_strerror(AMAS_ENOMEM),
		    strlen(amas_strerror(AMAS_ENOMEM)));
}

/* ---- Scheduling ---- */

/*
 * Makes "agents/ID/function": of many agents the function names one.  NULL: it
 * has answered.
 */
static char *
make_path(const struct amas__agent_home *h, struct amas_request *req,
    const char *function, size_t *walked)
{
	const char *slash = strchr(function, '/');
	size_t id = slash != NULL ? (size_t)(slash - function) : 0;
	char *path;

	if (function[0] == '\0' || (h->a == NULL && (slash == NULL ||
	    slash[1] == '\0' || amas__agent_find(h->c, function, id) ==
	    NULL))) {
		amas_request_fail(req, "LookupError: \"%.200s\" is no function "
		    "of %s", function, h->a == NULL ? "an agent, as \"3/step\"" :
		    "this agent");
		return NULL;
	}
	path = h->a == NULL ? amas__asprintf("agents/%s", function) :
	    amas__asprintf("agents/%lu/%s", (unsigned long)h->a->id, function);
	if (path == NULL)
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
	else
		*walked = (size_t)(strchr(path + strlen("agents/"), '/') -
		    path);
	return path;
}

/* The arguments behind the time and the function, and the keywords. */
static int
keep_args(struct scheduled *s, const struct amas_request *req)
{
	const struct amas_value *all = amas_request_args(req);
	struct amas_value rest;

	amas__value_list(&rest, all->area, all->u.item + 2, all->len - 2);
	return (s->args = amas_value_keep(&rest)) == NULL ||
	    (s->kwargs = amas_value_keep(amas_request_kwargs(req))) == NULL ?
	    AMAS_ENOMEM : 0;
}

/* Makes one; NULL: it has answered. */
static struct scheduled *
scheduled_new(struct amas__agent_home *h, struct amas_request *req)
{
	const struct amas_value *function = amas_value_at(
	    amas_request_args(req), 1);
	struct scheduled *s;
	size_t walked;
	char *path;

	if (amas_value_type(function) != AMAS_STRING) {
		amas_request_fail(req, "TypeError: %s: takes a time, a "
		    "function and its arguments", amas_request_path(req));
		return NULL;
	}
	if (h->n_scheduled >= AMAS__SCHEDULED_MAX) {
		amas_request_fail(req, "busy: %zu calls are scheduled",
		    h->n_scheduled);
		return NULL;
	}
	path = make_path(h, req, amas_value_text(function), &walked);
	if (path == NULL)
		return NULL;
	if ((s = amas__zalloc(sizeof *s)) == NULL) {
		free(path);
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return NULL;
	}
	amas__list_init(&s->link);
	s->home = h;
	s->loop = h->home.loop;
	s->path = path;
	s->walked = walked;
	s->id = ++h->last_scheduled;
	if (keep_args(s, req) != 0) {
		destroy(s);
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return NULL;
	}
	amas__list_add(&h->scheduled, &s->link);
	h->n_scheduled++;
	return s;
}

void
amas__scheduled_call_in(struct amas__agent_home *h, struct amas_request *req)
{
	struct scheduled *s;
	double dt_s;

	if (amas__times_unpack_dt(h->c->clock, req, &dt_s) != 0 ||
	    (s = scheduled_new(h, req)) == NULL)
		return;
	amas_timer_call_in(&s->timer, h->c->clock, dt_s, on_time, s);
	amas_request_reply(req, "I", s->id);
}

void
amas__scheduled_call_at(struct amas__agent_home *h, struct amas_request *req)
{
	struct scheduled *s;
	double t_s;

	if (amas__times_unpack_at(h->c->clock, req, &t_s) != 0 ||
	    (s = scheduled_new(h, req)) == NULL)
		return;
	amas_timer_call_at(&s->timer, h->c->clock, t_s, on_time, s);
	amas_request_reply(req, "I", s->id);
}

void
amas__scheduled_cancel(struct amas__agent_home *h, struct amas_request *req)
{
	struct amas__link *i;
	struct scheduled *s;
	int64_t id;

	if (amas_request_unpack(req, "[I]", &id) != 0)
		return;
	for (i = h->scheduled.next; i != &h->scheduled; i = i->next) {
		s = AMAS__OF(i, struct scheduled, link);
		if (s->id == id) {
			destroy(s);
			amas_request_reply(req, "b", 1);
			return;
		}
	}
	amas_request_reply(req, "b", 0);
}

void
amas__scheduled_drop(struct amas__agent_home *h)
{
	if (h->scheduled.next == NULL)
		return; /* it was never set up */
	while (!amas__list_empty(&h->scheduled))
		destroy(AMAS__OF(h->scheduled.next, struct scheduled, link));
}
