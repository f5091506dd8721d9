/*
 * Classes of workers: each agent is a process of its own on message lines.  It
 * is made when its process runs, and one that is lost is started again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_home.h"
#include "err.h"
#include "log.h"
#include "mem.h"
#include "service_list.h"
#include "source.h"
#include "source_worker.h"

struct worker_class {
	struct amas__class cls;
	struct amas__class_source is;
};

struct worker_agent {
	struct amas_agent agent;
	struct amas__agent_home home;
	struct amas__worker_watch watch;
	struct amas__source *source;
};

static struct worker_agent *
of(struct amas_agent *a)
{
	return AMAS__OF(a, struct worker_agent, agent);
}

/* ---- Its process ---- */

static void
on_runs(struct amas__worker_watch *watch)
{
	struct worker_agent *w = AMAS__OF(watch, struct worker_agent, watch);

	if (w->agent.spawn != NULL)
		amas__agent_made(&w->agent, NULL);
}

static bool
on_room(struct amas__worker_watch *watch)
{
	(void)watch;
	return true;
}

static void
on_over(struct amas__worker_watch *watch, const char *why, bool hopeless)
{
	struct worker_agent *w = AMAS__OF(watch, struct worker_agent, watch);

	(void)hopeless;
	if (w->agent.spawn != NULL)
		amas__agent_made(&w->agent, why);
	else
		amas__agent_lost(&w->agent, why);
}

static const struct amas__worker_watch_ops watch_ops = { on_runs, on_room,
	on_over };

/* ---- The kind ---- */

/* The last who ran something for it has gone. */
static void
on_gone(struct amas__agent_home *h)
{
	struct worker_agent *w = AMAS__OF(h, struct worker_agent, home);

	amas__agent_home_fini(h);
	amas__agent_destroy(&w->agent);
}

static int
worker_begin(struct amas_agent *a, const struct amas_value *args,
    const struct amas_value *kwargs, struct amas_error *err)
{
	struct worker_class *cls = AMAS__OF(a->cls, struct worker_class, cls);
	struct worker_agent *w = of(a);
	struct amas__source_spec spec;
	char name[256];
	int rc;

	w->watch.ops = &watch_ops;
	if (amas__agent_home_init(&w->home, a->c, a, args, kwargs,
	    on_gone) != 0)
		return amas__error_nomem(err);
	amas__class_spec(&spec, &cls->is, amas__agent_name(a, name,
	    sizeof name), &w->home.home);
	rc = amas__source_worker_load(&w->source, &spec, a->c->loop,
	    &a->c->set.source, err);
	if (rc != 0)
		return rc;
	amas__source_worker_watch(w->source, &w->watch);
	return 1;
}

static void
worker_call(struct amas_agent *a, struct amas_request *req, const char *walked,
    size_t walked_len, const char *rest, size_t rest_len)
{
	struct amas__source *s = of(a)->source;

	s->ops->call(s, req, walked, walked_len, rest, rest_len);
}

static int
worker_list(struct amas_agent *a, const char *base, struct amas__paths *paths,
    struct amas_error *err)
{
	(void)a;
	return amas__paths_add_all(paths, base, err);
}

static void
worker_end(struct amas_agent *a)
{
	struct worker_agent *w = of(a);
	struct amas__source *s = w->source;

	amas__agent_home_end(&w->home);
	if (s != NULL) {
		w->source = NULL;
		amas__source_worker_watch(s, NULL);
		s->ops->free(s);
	}
	amas__home_unref(&w->home.home); /* a may be gone */
}

static void
worker_close(struct amas__class *cls)
{
	struct worker_class *w = AMAS__OF(cls, struct worker_class, cls);

	amas__class_source_fini(&w->is);
	free(w);
}

static const struct amas__class_ops worker_ops = { sizeof(struct worker_agent),
	worker_begin, worker_call, worker_list, worker_end, NULL, worker_close };

int
amas__class_worker(struct amas__class **out, struct amas_container *c,
    const char *name, const struct amas__source_spec *spec,
    struct amas_error *err)
{
	struct worker_class *w = amas__zalloc(sizeof *w);

	(void)c;
	(void)name;
	if (w == NULL)
		return amas__error_nomem(err);
	w->cls.ops = &worker_ops;
	if (amas__class_source_init(&w->is, spec) != 0) {
		worker_close(&w->cls);
		return amas__error_nomem(err);
	}
	*out = &w->cls;
	return 0;
}
