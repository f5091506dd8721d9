/*
 * Classes in C: of a plugin, or of the program itself.  An agent is its state,
 * right behind its head; one table of functions serves them all.
 */
#include "container.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "mem.h"
#include "plugin.h"
#include "request.h"
#include "service_list.h"
#include "source.h"

struct c_class {
	struct amas__class cls;
	struct amas__class_ops ops;	/* the size is its own */
	const struct amas_class *is;
	struct amas__map functions;	/* by path: struct amas_function */
	const struct amas_function *rest;	/* "*"; NULL: none */
};

struct c_agent {
	struct amas_agent agent;
	max_align_t state[];
};

static struct c_class *
class_of(const struct amas_agent *a)
{
	return AMAS__OF(a->cls, struct c_class, cls);
}

void *
amas_agent_self(struct amas_agent *a)
{
	return AMAS__OF(a, struct c_agent, agent)->state;
}

/* ---- Being called ---- */

static void
c_call(struct amas_agent *a, struct amas_request *req, const char *walked,
    size_t walked_len, const char *rest, size_t rest_len)
{
	struct c_class *cls = class_of(a);
	const struct amas_function *f = rest_len == 0 ? NULL :
	    amas__map_get(&cls->functions, rest, rest_len);
	const char *slash;

	if (f == NULL && rest_len > 0)
		f = cls->rest;
	if (f != NULL) {
		amas__request_set_agent(req, a);
		f->fn(req, amas_agent_self(a));
		return;
	}
	slash = rest_len > 0 ? memchr(rest, '/', rest_len) : NULL;
	if (rest_len == 0)
		amas_request_fail(req, "TypeError: '%.200s' is an agent, not "
		    "a function", amas_request_path(req));
	else
		amas__request_not_found(req, rest, slash != NULL ?
		    (size_t)(slash - rest) : rest_len, walked, walked_len);
}

static int
c_list(struct amas_agent *a, const char *base, struct amas__paths *paths,
    struct amas_error *err)
{
	const struct amas_function *f = class_of(a)->is->functions;
	int rc = 0;

	for (; f != NULL && f->name != NULL && rc == 0; f++)
		rc = amas__paths_add(paths, base, f->name, strlen(f->name),
		    err);
	return rc;
}

/* ---- Beginning and end ---- */

struct made {
	struct amas_error *err;
	bool failed;
};

static void
on_init(void *arg, const struct amas_value *v, const char *failure, size_t len)
{
	struct made *m = arg;

	(void)v;
	m->failed = failure != NULL;
	if (m->failed)
		amas_error_set(m->err, AMAS_EREMOTE, "%.*s", (int)len, failure);
}

static int
c_begin(struct amas_agent *a, const struct amas_value *args,
    const struct amas_value *kwargs, struct amas_error *err)
{
	const struct amas_class *is = class_of(a)->is;
	struct made m = { err, false };

	if (is->init == NULL && (amas_value_len(args) > 0 ||
	    amas_value_len(kwargs) > 0))
		return amas_error_set(err, AMAS_EREMOTE, "TypeError: %.100s "
		    "takes no arguments", a->cls->name);
	if (is->init == NULL)
		return 0;
	if (amas__request_here(a->c->loop, a->cls->name, args, kwargs,
	    is->init, amas_agent_self(a), a, on_init, &m) != 0)
		return amas__error_nomem(err);
	return m.failed ? AMAS_EREMOTE : 0;
}

static void
c_end(struct amas_agent *a)
{
	const struct amas_class *is = class_of(a)->is;

	if (is->fini != NULL)
		is->fini(amas_agent_self(a));
	amas__agent_destroy(a);
}

static void
c_close(struct amas__class *cls)
{
	struct c_class *p = AMAS__OF(cls, struct c_class, cls);

	amas__map_fini(&p->functions);
	free(p);
}

static const struct amas__class_ops c_ops = { 0, c_begin, c_call, c_list,
	c_end, NULL, c_close };

/* ---- Loading ---- */

static int
add_functions(struct c_class *p, struct amas_error *err)
{
	const struct amas_function *f = p->is->functions;

	for (; f != NULL && f->name != NULL; f++) {
		if (strcmp(f->name, "*") == 0)
			p->rest = f;
		else if (f->name[0] == '\0' || amas__map_get(&p->functions,
		    f->name, strlen(f->name)) != NULL)
			return amas_error_set(err, AMAS_ESYS, "class %.80s: "
			    "function \"%.80s\": %s", p->is->name, f->name,
			    f->name[0] == '\0' ? "bad name" : "named twice");
		else if (amas__map_set(&p->functions, f->name,
		    strlen(f->name), (void *)(uintptr_t)f) != 0)
			return amas__error_nomem(err);
	}
	return 0;
}

static int
class_new(struct amas__class **out, const struct amas_class *is,
    struct amas_error *err)
{
	struct c_class *p = amas__zalloc(sizeof *p);
	int rc;

	if (p == NULL)
		return amas__error_nomem(err);
	p->is = is;
	p->ops = c_ops;
	p->cls.ops = &p->ops;
	amas__map_init(&p->functions);
	if (!amas__add(&p->ops.size, sizeof(struct c_agent), is->size))
		rc = amas__error_nomem(err);
	else
		rc = add_functions(p, err);
	if (rc != 0)
		c_close(&p->cls);
	else
		*out = &p->cls;
	return rc;
}

/* The class of a plugin that has the name; if there is one alone, that. */
static const struct amas_class *
choose(const struct amas_plugin *plugin, const char *name)
{
	size_t i;

	for (i = 0; plugin->classes[i] != NULL; i++)
		if (strcmp(plugin->classes[i]->name, name) == 0)
			return plugin->classes[i];
	return i == 1 ? plugin->classes[0] : NULL;
}

int
amas__class_plugin(struct amas__class **out, struct amas_container *c,
    const char *name, const struct amas__source_spec *spec,
    struct amas_error *err)
{
	bool any = c->set.source.allow_writable != 0;
	const char *colon = strrchr(name, ':');
	const struct amas_plugin *plugin;
	const struct amas_class *is;
	void *self;
	int rc;

	if ((rc = amas__source_plugin_find(&plugin, spec, any, err)) != 0)
		return rc;
	if (plugin->classes == NULL || plugin->classes[0] == NULL)
		return amas_error_set(err, AMAS_ESYS, "has no classes");
	if ((is = choose(plugin, colon != NULL ? colon + 1 : name)) == NULL)
		return amas_error_set(err, AMAS_ESYS, "has several classes, "
		    "and none is called \"%.100s\"", name);
	if ((rc = amas__plugin_open(&self, plugin, c->loop, err)) != 0)
		return rc;
	return class_new(out, is, err);
}

int
amas__class_c(struct amas__class **out, const struct amas_class *is,
    struct amas_error *err)
{
	int rc = class_new(out, is, err);

	if (rc != 0)
		return rc;
	(*out)->refs = 1;
	if (((*out)->name = amas__strdup(is->name)) != NULL)
		return 0;
	amas__class_unref(*out);
	return amas__error_nomem(err);
}

int
amas__class_of(struct amas__class **out, struct amas_container *c,
    const struct amas_class *is, struct amas_error *err)
{
	struct amas__class *cls;
	size_t len = strlen(is->name);
	int rc;

	cls = amas__map_get(&c->classes, is->name, len);
	if (cls == NULL) {
		if ((rc = class_new(&cls, is, err)) != 0 ||
		    (rc = amas__class_add(c, is->name, cls, err)) != 0)
			return rc;
	} else if (cls->ops->begin != c_begin ||
	    AMAS__OF(cls, struct c_class, cls)->is != is) {
		return amas_error_set(err, AMAS_EEXIST, "another class is "
		    "called %.100s", is->name);
	}
	*out = cls;
	return 0;
}

int
amas_container_add_class(struct amas_container *c,
    const struct amas_class *is, struct amas_error *err)
{
	struct amas__class *cls;

	return amas__class_of(&cls, c, is, err);
}
