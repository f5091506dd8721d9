/*
 * Shared classes: one worker process for all agents of the class, made for
 * thousands of them.  An agent is a name in that process, announced by
 * amas/new [ID, args, kwargs] before its first call and taken back by
 * amas/end [ID].  A process that is lost is told all of them again.
 *
 * An agent is in one list of its class: todo (to be announced), known (it was,
 * to this process), ends (to be taken back; it has left the container).
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
#include "value.h"

struct shared_class {
	struct amas__class cls;
	struct amas__agent_home home;
	struct amas__worker_watch watch;
	struct amas__source *source;	/* NULL: the class ends */
	struct amas__class_source is;
	struct amas__task look;		/* there is something to tell */
	struct amas__link todo, known, ends;
};

struct shared_agent {
	struct amas_agent agent;
	struct amas__link link;
	struct amas_value *args, *kwargs;	/* NULL: none */
	bool told;		/* this process knows of it */
	bool asked;		/* its announcement is not answered yet */
	bool made;		/* it was, once */
};

static struct shared_agent *
of(struct amas_agent *a)
{
	return AMAS__OF(a, struct shared_agent, agent);
}

static struct shared_class *
class_of(const struct shared_agent *s)
{
	return AMAS__OF(s->agent.cls, struct shared_class, cls);
}

static struct shared_agent *
first(struct amas__link *list)
{
	return AMAS__OF(list->next, struct shared_agent, link);
}

/* Frees one that has left the container, when nothing is open for it. */
static void
destroy(struct shared_agent *s)
{
	amas__list_remove(&s->link);
	amas_value_free(s->args);
	amas_value_free(s->kwargs);
	amas__agent_destroy(&s->agent);
}

/* ---- Telling the process ---- */

static void
move(struct shared_agent *s, struct amas__link *list)
{
	amas__list_remove(&s->link);
	amas__list_add(list, &s->link);
}

/* Its constructor has failed. */
static void
refused(struct shared_agent *s, const char *why)
{
	char name[256];

	if (!s->made) {
		amas__agent_made(&s->agent, why);
		return;
	}
	amas__log(amas__loop_log(s->agent.c->loop), AMAS_LOG_WARN, "%s: ended: "
	    "its new process refuses it: %s", amas__agent_name(&s->agent, name,
	    sizeof name), why);
	amas_agent_free(&s->agent);
}

/* The answer for one that has ended meanwhile. */
static void
new_in_vain(struct shared_agent *s, bool known)
{
	struct shared_class *cls = class_of(s);

	if (!known) {
		destroy(s);
		return;
	}
	move(s, &cls->ends);
	amas__task_run(cls->home.c->loop, &cls->look);
}

/* The answer to amas/new. */
static void
on_new(const struct amas_reply *rep, void *arg)
{
	struct shared_agent *s = arg;
	struct shared_class *cls = class_of(s);

	s->asked = false;
	if (s->agent.ended) {
		new_in_vain(s, rep->kind == AMAS_RESULT);
	} else if (rep->kind == AMAS_FAILURE) {
		s->told = false; /* it has no such agent */
		refused(s, rep->text);
	} else if (rep->kind == AMAS_RESULT && !s->made) {
		s->made = true;
		amas__agent_made(&s->agent, NULL);
	} else if (rep->kind == AMAS_ERROR && cls->source != NULL &&
	    !amas__source_worker_lost(cls->source, rep)) {
		refused(s, rep->text);
	} /* else over() will tell */
}

static int
tell(struct shared_class *cls, const struct shared_agent *s,
    const char *function, amas_reply_fn *fn, void *arg)
{
	struct amas_value content[1], call[3], args[3];
	char id[24];
	int len = snprintf(id, sizeof id, "%lu", (unsigned long)s->agent.id);
	size_t n = 1;

	amas__value_text(&args[0], NULL, AMAS_STRING, id, (size_t)len);
	if (fn != NULL) {
		amas__value_list(&args[1], NULL, NULL, 0);
		args[2] = (struct amas_value){ .type = AMAS_MAP };
		if (s->args != NULL)
			args[1] = *s->args;
		if (s->kwargs != NULL)
			args[2] = *s->kwargs;
		n = 3;
	}
	amas__value_text(&call[0], NULL, AMAS_STRING, function,
	    strlen(function));
	amas__value_list(&call[1], NULL, args, n);
	call[2] = (struct amas_value){ .type = AMAS_MAP };
	amas__value_list(content, NULL, call, 3);
	return amas__source_worker_tell(cls->source, content, fn, arg);
}

/* Tells the process who is new and who has ended, while it takes more. */
static bool
on_room(struct amas__worker_watch *watch)
{
	struct shared_class *cls = AMAS__OF(watch, struct shared_class, watch);
	struct shared_agent *s;

	while (!amas__list_empty(&cls->todo) &&
	    amas__source_worker_takes(cls->source)) {
		s = first(&cls->todo);
		move(s, &cls->known);
		s->told = s->asked = true;
		if (tell(cls, s, "amas/new", on_new, s) != 0) {
			s->asked = false;
			refused(s, amas_strerror(AMAS_ENOMEM));
		}
	}
	while (!amas__list_empty(&cls->ends) &&
	    amas__source_worker_takes(cls->source)) {
		s = first(&cls->ends);
		(void)tell(cls, s, "amas/end", NULL, NULL);
		destroy(s);
	}
	return amas__list_empty(&cls->todo);
}

static void
on_runs(struct amas__worker_watch *watch)
{
	(void)watch; /* room() tells it all */
}

/* What was made is announced to the next process; what was not, fails. */
static void
on_over(struct amas__worker_watch *watch, const char *why, bool hopeless)
{
	struct shared_class *cls = AMAS__OF(watch, struct shared_class, watch);
	struct amas__link lost;
	struct shared_agent *s;
	char text[512];

	(void)hopeless;
	(void)snprintf(text, sizeof text, "worker %s: %s", cls->cls.name, why);
	cls->cls.refs++;
	while (!amas__list_empty(&cls->ends))
		destroy(first(&cls->ends));
	amas__list_init(&lost);
	amas__list_move(&lost, &cls->todo);
	amas__list_move(&lost, &cls->known);
	while (!amas__list_empty(&lost)) {
		s = first(&lost);
		s->told = s->asked = false;
		amas__list_remove(&s->link);
		if (s->made)
			amas__list_add(&cls->todo, &s->link);
		else
			amas__agent_made(&s->agent, text);
	}
	amas__class_lost(&cls->cls, cls->home.c, why);
	amas__class_unref(&cls->cls);
}

static const struct amas__worker_watch_ops watch_ops = { on_runs, on_room,
	on_over };

/* ---- The kind ---- */

static int
shared_begin(struct amas_agent *a, const struct amas_value *args,
    const struct amas_value *kwargs, struct amas_error *err)
{
	struct shared_agent *s = of(a);
	struct shared_class *cls = class_of(s);

	amas__list_init(&s->link);
	if (amas__agent_keep(&s->args, args) != 0 ||
	    amas__agent_keep(&s->kwargs, kwargs) != 0)
		return amas__error_nomem(err);
	amas__list_add(&cls->todo, &s->link);
	if (amas__source_worker_takes(cls->source))
		amas__task_run(a->c->loop, &cls->look);
	return 1;
}

static void
shared_call(struct amas_agent *a, struct amas_request *req, const char *walked,
    size_t walked_len, const char *rest, size_t rest_len)
{
	struct amas__source *source = class_of(of(a))->source;
	const char *id = walked + walked_len;

	while (id[-1] != '/') /* the process answers for agents/, all of it */
		id--;
	source->ops->call(source, req, walked, (size_t)(id - 1 - walked), id,
	    (size_t)(rest + rest_len - id));
}

static int
shared_list(struct amas_agent *a, const char *base, struct amas__paths *paths,
    struct amas_error *err)
{
	(void)a;
	return amas__paths_add_all(paths, base, err);
}

static void
shared_end(struct amas_agent *a)
{
	struct shared_agent *s = of(a);
	struct shared_class *cls = class_of(s);

	if (s->asked)
		return; /* on_new() destroys it */
	if (!s->told || cls->source == NULL || a->c->ending) {
		destroy(s);
		return;
	}
	move(s, &cls->ends);
	amas__task_run(a->c->loop, &cls->look);
}

/* ---- The class ---- */

static void
on_look(struct amas__task *t)
{
	struct shared_class *cls = AMAS__OF(t, struct shared_class, look);

	if (cls->source != NULL)
		amas__source_worker_look(cls->source);
}

/* The container goes: what is not answered yet will not be. */
static void
shared_stop(struct amas__class *p)
{
	struct shared_class *cls = AMAS__OF(p, struct shared_class, cls);
	struct amas__source *s = cls->source;

	cls->source = NULL;
	amas__agent_home_end(&cls->home);
	amas__task_cancel(cls->home.c->loop, &cls->look);
	if (s != NULL) {
		amas__source_worker_watch(s, NULL);
		s->ops->free(s);
	}
	while (!amas__list_empty(&cls->ends)) /* nobody is told of them */
		destroy(first(&cls->ends));
}

/* The last who ran something for it has gone. */
static void
on_gone(struct amas__agent_home *h)
{
	struct shared_class *cls = AMAS__OF(h, struct shared_class, home);

	amas__agent_home_fini(h);
	amas__class_source_fini(&cls->is);
	free(cls);
}

static void
shared_close(struct amas__class *p)
{
	struct shared_class *cls = AMAS__OF(p, struct shared_class, cls);

	shared_stop(p);
	amas__home_unref(&cls->home.home);
}

static const struct amas__class_ops shared_ops = { sizeof(struct shared_agent),
	shared_begin, shared_call, shared_list, shared_end, shared_stop,
	shared_close };

int
amas__class_shared(struct amas__class **out, struct amas_container *c,
    const char *name, const struct amas__source_spec *spec,
    struct amas_error *err)
{
	struct shared_class *cls = amas__zalloc(sizeof *cls);
	struct amas__source_spec own;
	int rc;

	if (cls == NULL)
		return amas__error_nomem(err);
	cls->cls.ops = &shared_ops;
	cls->watch.ops = &watch_ops;
	amas__list_init(&cls->todo);
	amas__list_init(&cls->known);
	amas__list_init(&cls->ends);
	amas__task_init(&cls->look, on_look);
	rc = amas__agent_home_init(&cls->home, c, NULL, NULL, NULL, on_gone);
	if (rc == 0 && (rc = amas__class_source_init(&cls->is, spec)) == 0) {
		amas__class_spec(&own, &cls->is, name, &cls->home.home);
		rc = amas__source_worker_load(&cls->source, &own, c->loop,
		    &c->set.source, err);
	} else {
		rc = amas__error_nomem(err);
	}
	if (rc != 0) {
		shared_close(&cls->cls);
		return rc;
	}
	amas__source_worker_watch(cls->source, &cls->watch);
	*out = &cls->cls;
	return 0;
}
