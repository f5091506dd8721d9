/*
 * Classes that are folders: an agent's functions are the programs in it.  Two of
 * them are its own: init runs before it is made, and run is its will.
 *
 * init holds the agent's turn, so that calls which come meanwhile wait for it.
 * A run starts when all that was loaded is made, and for those that are spawned
 * later at once; a few a turn of the loop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_home.h"
#include "agent_run.h"
#include "err.h"
#include "jobs.h"
#include "log.h"
#include "mem.h"
#include "service_list.h"
#include "source.h"

#define STARTS_PER_TURN 8
#define DELAY_S 0.1		/* before a run starts again; doubles */
#define DELAY_MAX_S 30.0

struct folder_class {
	struct amas__class cls;
	struct amas__source *first;
};

struct folder_agent {
	struct amas_agent agent;
	struct amas__agent_home home;
	struct amas__source *source;	/* NULL: not begun, or ended */
	struct amas__agent_run *init, *run;
	struct amas__link link;		/* among those whose run is to start */
	struct amas__timer again;
	double delay_s;
	bool runs;			/* its run counts as one that lives */
};

static struct folder_agent *
of(struct amas_agent *a)
{
	return AMAS__OF(a, struct folder_agent, agent);
}

static struct folder_class *
class_of(struct folder_agent *f)
{
	return AMAS__OF(f->agent.cls, struct folder_class, cls);
}

/* ---- Its will ---- */

static void
on_line(struct amas__agent_run *r, const char *line, size_t len, void *arg)
{
	struct folder_agent *f = arg;
	struct amas_container *c = f->agent.c;

	(void)r;
	if (c->ops != NULL && c->ops->line != NULL)
		c->ops->line(c->arg, &f->agent, line, len);
}

/* Its run will not go on. */
static void
over(struct folder_agent *f, bool ok)
{
	struct amas_container *c = f->agent.c;

	if (!f->runs)
		return;
	f->runs = false;
	c->run_failed = c->run_failed || !ok;
	if (--c->runs == 0 && c->ops != NULL && c->ops->idle != NULL &&
	    c->runs_started && amas__list_empty(&c->folder_agents))
		c->ops->idle(c->arg, c->run_failed);
}

static void
say(const struct folder_agent *f, const char *why, const char *then)
{
	char name[256];

	amas__log(amas__loop_log(f->agent.c->loop), AMAS_LOG_WARN,
	    "%s/run: %s%s", amas__agent_name(&f->agent, name, sizeof name),
	    why, then);
}

static void
on_ended(struct amas__agent_run *r, bool ok, const char *why, void *arg)
{
	struct folder_agent *f = arg;
	struct amas_container *c = f->agent.c;
	char then[64] = "";

	(void)r;
	if (c->set.on_exit == AMAS__EXIT_RESTART && !ok && !c->ending) {
		(void)snprintf(then, sizeof then, "; starts again in %gs",
		    f->delay_s);
		amas__timer_start(&f->again, f->delay_s);
		f->delay_s = f->delay_s * 2 < DELAY_MAX_S ? f->delay_s * 2 :
		    DELAY_MAX_S;
		say(f, why, then);
		return;
	}
	if (!ok && !c->ending)
		say(f, why, then);
	if (!ok)
		amas__agent_lost(&f->agent, why);
	over(f, ok || c->ending);
}

static const struct amas__agent_run_ops run_ops = { on_line, on_ended };

/* Starts it, if the class has one. */
static void
start_run(struct folder_agent *f)
{
	struct amas_error err;
	int rc;

	if (f->source == NULL)
		return;
	rc = amas__agent_run_start(f->run, &err);
	if (rc == 0 && !f->runs) {
		f->runs = true;
		f->agent.c->runs++;
	} else if (rc == AMAS_ENOENT && !f->runs) {
		amas__agent_run_free(f->run);
		f->run = NULL;
	} else if (rc != 0) {
		say(f, err.text, "");
		f->agent.c->run_failed = true;
		over(f, false);
	}
}

static void
on_again(struct amas__timer *t)
{
	start_run(AMAS__OF(t, struct folder_agent, again));
}

/* Starts the next; n of them. */
static void
start_some(struct amas_container *c, int n)
{
	struct folder_agent *f;

	while (!amas__list_empty(&c->folder_agents) && n-- > 0) {
		f = AMAS__OF(c->folder_agents.next, struct folder_agent, link);
		amas__list_remove(&f->link);
		start_run(f);
	}
}

/* One by one, each when all else is at rest. */
static void
on_turn(struct amas__event *e)
{
	struct amas_container *c = AMAS__OF(e, struct amas_container, turn);

	start_some(c, 1);
	amas__folders_start(c);
}

void
amas__folders_start(struct amas_container *c)
{
	bool serial = amas__rest_is_serial(c->loop);

	if (!serial)
		start_some(c, STARTS_PER_TURN);
	amas__container_update(c);
	if (!amas__list_empty(&c->folder_agents) && serial) {
		amas__event_drop(&c->turn);
		c->turn.fn = on_turn;
		amas__rest_put_off(c->loop, &c->turn);
	} else if (!amas__list_empty(&c->folder_agents)) {
		amas__task_run(c->loop, &c->starts);
	} else if (c->runs == 0 && c->ops != NULL && c->ops->idle != NULL) {
		c->ops->idle(c->arg, c->run_failed);
	}
}

void
amas__folders_stop(struct amas_container *c)
{
	struct folder_agent *f;
	struct amas_agent *a;
	size_t i;

	for (i = c->n; i > 0; i--) {
		a = c->slot[i - 1];
		if (a == NULL || a->cls->ops->call != amas__folder_call)
			continue;
		f = of(a);
		amas__timer_stop(&f->again);
		amas__list_remove(&f->link);
		if (f->init != NULL)
			amas__agent_run_stop(f->init);
		if (f->run != NULL)
			amas__agent_run_stop(f->run);
	}
}

/* ---- Being made ---- */

static void
made(struct folder_agent *f)
{
	struct amas_container *c = f->agent.c;

	amas__list_add(&c->folder_agents, &f->link);
	amas__container_update(c);
	if (c->runs_started)
		amas__task_run(c->loop, &c->starts);
}

static void
on_init_ended(struct amas__agent_run *r, bool ok, const char *why, void *arg)
{
	struct folder_agent *f = arg;
	char *text = ok ? NULL : amas__strdup(why); /* r has it */

	f->init = NULL;
	amas__agent_run_free(r); /* before its home goes */
	if (ok)
		made(f);
	else
		why = text != NULL ? text : amas_strerror(AMAS_ENOMEM);
	amas__agent_made(&f->agent, ok ? NULL : why);
	free(text);
}

static const struct amas__agent_run_ops init_ops = { NULL, on_init_ended };

/* Starts init.  Returns 1, or 0 if there is none. */
static int
start_init(struct folder_agent *f, const char *name, struct amas_error *err)
{
	struct amas_container *c = f->agent.c;
	bool any = c->set.source.allow_writable != 0;
	int dir = amas__source_dir_fd(class_of(f)->first), rc;

	rc = amas__agent_run_new(&f->run, AMAS__AGENT_RUN, &f->home.home, dir,
	    any, name, &run_ops, f, err);
	if (rc == 0)
		rc = amas__agent_run_new(&f->init, AMAS__AGENT_INIT,
		    &f->home.home, dir, any, name, &init_ops, f, err);
	if (rc != 0)
		return rc;
	if ((rc = amas__agent_run_prepare(f->run, err)) != 0)
		return rc;
	amas__agent_run_limit(f->init, c->set.source.timeout_s);
	if ((rc = amas__agent_run_start(f->init, err)) == 0)
		return 1;
	if (rc != AMAS_ENOENT)
		return rc;
	amas__agent_run_free(f->init);
	f->init = NULL;
	return 0;
}

static void
on_gone(struct amas__agent_home *h)
{
	struct folder_agent *f = AMAS__OF(h, struct folder_agent, home);

	amas__agent_home_fini(h);
	amas__agent_destroy(&f->agent);
}

static int
folder_begin(struct amas_agent *a, const struct amas_value *args,
    const struct amas_value *kwargs, struct amas_error *err)
{
	struct folder_agent *f = of(a);
	struct amas_container *c = a->c;
	char name[256];
	int rc;

	f->delay_s = DELAY_S;
	amas__list_init(&f->link);
	amas__timer_init(&f->again, c->loop, on_again);
	if (amas__agent_home_init(&f->home, c, a, args, kwargs, on_gone) != 0)
		return amas__error_nomem(err);
	if (!c->set.parallel && (f->home.turns = amas__jobs_new_turns(
	    amas__loop_jobs(c->loop))) == NULL)
		return amas__error_nomem(err);
	f->home.home.turns = f->home.turns;
	rc = amas__source_dir_again(&f->source, class_of(f)->first,
	    &f->home.home, err);
	if (rc == 0)
		rc = start_init(f, amas__agent_name(a, name, sizeof name),
		    err);
	if (rc == 0)
		made(f);
	return rc;
}

/* ---- The kind ---- */

void
amas__folder_call(struct amas_agent *a, struct amas_request *req,
    const char *walked, size_t walked_len, const char *rest, size_t rest_len)
{
	struct amas__source *s = of(a)->source;

	s->ops->call(s, req, walked, walked_len, rest, rest_len);
}

static int
folder_list(struct amas_agent *a, const char *base, struct amas__paths *paths,
    struct amas_error *err)
{
	struct amas__source *s = of(a)->source;

	return s->ops->list(s, base, paths, err);
}

static void
folder_end(struct amas_agent *a)
{
	struct folder_agent *f = of(a);
	struct amas__source *s = f->source;

	f->source = NULL;
	amas__agent_home_end(&f->home);
	amas__timer_stop(&f->again);
	amas__list_remove(&f->link);
	amas__agent_run_free(f->init);
	amas__agent_run_free(f->run);
	f->init = f->run = NULL;
	over(f, true);
	if (s != NULL)
		s->ops->free(s);
	amas__home_unref(&f->home.home); /* it may be gone */
}

static void
folder_close(struct amas__class *cls)
{
	struct folder_class *f = AMAS__OF(cls, struct folder_class, cls);

	if (f->first != NULL)
		f->first->ops->free(f->first);
	free(f);
}

static const struct amas__class_ops folder_ops = { sizeof(struct folder_agent),
	folder_begin, amas__folder_call, folder_list, folder_end, NULL,
	folder_close };

int
amas__class_folder(struct amas__class **out, struct amas_container *c,
    const char *name, const struct amas__source_spec *spec,
    struct amas_error *err)
{
	struct folder_class *f = amas__zalloc(sizeof *f);
	struct amas__source_spec own = *spec;
	int rc;

	if (f == NULL)
		return amas__error_nomem(err);
	f->cls.ops = &folder_ops;
	own.name = (char *)(uintptr_t)name;
	own.home = NULL;
	rc = amas__source_dir_load(&f->first, &own, c->loop, &c->set.source, err);
	if (rc != 0)
		folder_close(&f->cls);
	else
		*out = &f->cls;
	return rc;
}
