/*
 * Classes by name.  What the command line names is there from the start; what a
 * manager is asked for as "module:Class" is looked for in the class path, once,
 * as DIR/module/Class.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container.h"
#include "err.h"
#include "folder.h"
#include "mem.h"
#include "source.h"

void
amas__class_unref(struct amas__class *cls)
{
	if (--cls->refs > 0)
		return;
	free(cls->name);
	cls->ops->close(cls);
}

void
amas__classes_fini(struct amas_container *c)
{
	struct amas__class *cls;
	size_t i = 0;

	while ((cls = amas__map_next(&c->classes, &i, NULL, NULL)) != NULL) {
		if (cls->ops->stop != NULL)
			cls->ops->stop(cls);
		amas__class_unref(cls);
	}
	amas__map_fini(&c->classes);
}

int
amas__class_add(struct amas_container *c, const char *name,
    struct amas__class *cls, struct amas_error *err)
{
	const char *colon = strrchr(name, ':');

	cls->refs = 1;
	cls->name = amas__strdup(colon != NULL ? colon + 1 : name);
	if (cls->name == NULL || amas__map_set(&c->classes, name, strlen(name),
	    cls) != 0) {
		amas__class_unref(cls);
		return amas__error_nomem(err);
	}
	return 0;
}

int
amas__class_source_init(struct amas__class_source *is,
    const struct amas__source_spec *spec)
{
	is->kind = spec->kind;
	is->is_command = spec->is_command;
	is->text = amas__strdup(spec->text);
	return is->text != NULL ? 0 : AMAS_ENOMEM;
}

void
amas__class_source_fini(struct amas__class_source *is)
{
	free(is->text);
}

void
amas__class_spec(struct amas__source_spec *spec,
    const struct amas__class_source *is, const char *name,
    struct amas__home *home)
{
	*spec = (struct amas__source_spec){ .kind = is->kind,
		.text = is->text, .is_command = is->is_command, .dir = -1,
		.name = (char *)(uintptr_t)name, .home = home };
}

/* The kind of class that a source is. */
static int
make(struct amas__class **out, struct amas_container *c, const char *name,
    const struct amas__source_spec *spec, struct amas_error *err)
{
	const struct amas__source_kind *kind = spec->kind;

	if (kind->load == amas__source_dir_load)
		return amas__class_folder(out, c, name, spec, err);
	if (kind->load == amas__source_worker_load)
		return amas__class_worker(out, c, name, spec, err);
	if (kind->load == amas__source_plugin_load)
		return amas__class_plugin(out, c, name, spec, err);
	if (kind->suffix != NULL && strcmp(kind->suffix, ".shared") == 0)
		return amas__class_shared(out, c, name, spec, err);
	return amas_error_set(err, AMAS_EINVAL, "is no class of agents: those "
	    "are folders, workers, shared workers and plugins");
}

int
amas__class_new(struct amas__class **out, struct amas_container *c,
    const char *name, const struct amas__source_spec *spec,
    struct amas_error *err)
{
	struct amas__class *cls;
	int rc;

	if (amas__map_get(&c->classes, name, strlen(name)) != NULL)
		return amas_error_set(err, AMAS_EEXIST, "name \"%.100s\" is "
		    "taken", name);
	if ((rc = make(&cls, c, name, spec, err)) != 0 ||
	    (rc = amas__class_add(c, name, cls, err)) != 0)
		return rc;
	*out = cls;
	return 0;
}

/* ---- From the command line ---- */

/* The name that a path gives: its last part, less the suffix. */
static int
set_name(struct amas__source_spec *spec, struct amas_error *err)
{
	size_t len = strlen(spec->text), stem;
	const char *base;
	char *path;

	if (spec->name[0] != '\0')
		return 0;
	if (spec->is_command)
		return amas_error_set(err, AMAS_EINVAL, "a command needs a "
		    "name: NAME=%s:COMMAND", spec->kind->word);
	while (len > 1 && spec->text[len - 1] == '/')
		len--;
	if ((path = amas__strndup(spec->text, len)) == NULL)
		return amas__error_nomem(err);
	base = strrchr(path, '/');
	base = base != NULL ? base + 1 : path;
	(void)amas__source_by_suffix(base, &stem);
	if (!amas__name_ok(base, stem)) {
		(void)amas_error_set(err, AMAS_EINVAL, "\"%.100s\" cannot be "
		    "a name; give it one: NAME=%.100s", base, spec->text);
		free(path);
		return AMAS_EINVAL;
	}
	free(spec->name);
	spec->name = amas__strndup(base, stem);
	free(path);
	return spec->name != NULL ? 0 : amas__error_nomem(err);
}

int
amas__class_load(struct amas__class **out, size_t *count,
    struct amas_container *c, const char *source, struct amas_error *err)
{
	struct amas__source_spec spec;
	int rc;

	if ((rc = amas__source_parse(&spec, source, err)) != 0)
		return rc;
	if ((rc = set_name(&spec, err)) == 0)
		rc = amas__class_new(out, c, spec.name, &spec, err);
	*count = spec.count;
	amas__source_fini(&spec);
	return rc;
}

int
amas_container_load(struct amas_container *c, const char *source,
    struct amas_error *err)
{
	struct amas__class *cls;
	size_t count;
	int rc = amas__class_load(&cls, &count, c, source, err);

	return rc != 0 ? rc : amas__container_make(c, cls,
	    count > 0 ? count : 1, NULL, NULL, err);
}

/* ---- From the class path ---- */

int
amas__container_add_path(struct amas_container *c, const char *dir,
    struct amas_error *err)
{
	char **more;
	int fd = amas__folder_open(dir, c->set.source.allow_writable != 0, err);

	if (fd < 0)
		return fd;
	close(fd);
	more = amas__reallocarray(c->class_path, c->n_class_path + 1,
	    sizeof *more);
	if (more == NULL)
		return amas__error_nomem(err);
	c->class_path = more;
	more[c->n_class_path] = realpath(dir, NULL);
	if (more[c->n_class_path] == NULL)
		return amas__error_nomem(err);
	c->n_class_path++;
	return 0;
}

/* A qualname, taken apart: "pack.module:Class" or "...:Class.function". */
struct qualname {
	char *module;		/* "pack/module" */
	const char *text;	/* "pack.module", for messages */
	int text_len;
	const char *cls;
	size_t cls_len;
};

/* Python's texts for what is wrong with it. */
static int
malformed(const char *name, struct amas_error *err)
{
	return amas_error_set(err, AMAS_ENOENT, "ValueError: Malformed object "
	    "name \"%.100s\": Expected \"module:object\"", name);
}

static int
read_qualname(struct qualname *q, const char *name, struct amas_error *err)
{
	const char *colon = strchr(name, ':');
	char *p;

	if (colon == NULL || strchr(colon + 1, ':') != NULL)
		return malformed(name, err);
	q->text = name;
	q->text_len = (int)(colon - name);
	q->cls = colon + 1;
	q->cls_len = strcspn(q->cls, ".");
	q->module = amas__strndup(name, (size_t)(colon - name));
	if (q->module == NULL)
		return amas__error_nomem(err);
	for (p = q->module; *p != '\0'; p++)
		if (*p == '.')
			*p = '/';
	return 0;
}

/* Whether each part of a module can be the name of a folder. */
static bool
module_ok(const char *module)
{
	size_t len;

	for (;; module += len + 1) {
		len = strcspn(module, "/");
		if (!amas__name_ok(module, len))
			return false;
		if (module[len] == '\0')
			return true;
	}
}

/* The file of a class in the open folder of its module. */
static int
find_file(struct amas__source_spec *spec, char *file, int dir, bool any,
    const struct qualname *q, struct amas_error *err)
{
	const char *why = NULL, *reason;
	enum amas__found found;
	size_t i;

	for (i = 0; i < amas__n_source_kinds; i++) {
		spec->kind = &amas__source_kinds[i];
		(void)sprintf(file, "%.*s%s", (int)q->cls_len, q->cls,
		    spec->kind->suffix);
		found = amas__folder_look(dir, file, any, NULL, &reason);
		if (found == AMAS__FOLDER && spec->kind->suffix[0] == '\0') {
			spec->kind = &amas__source_folder;
			return 0;
		}
		if (found == AMAS__PROGRAM && spec->kind->suffix[0] != '\0')
			return 0;
		if (found == AMAS__SHUT || found == AMAS__REFUSED)
			why = reason != NULL ? reason : "is not executable";
	}
	if (why != NULL)
		return amas_error_set(err, AMAS_ESYS, "%.*s: %s",
		    (int)q->cls_len, q->cls, why);
	return amas_error_set(err, AMAS_ENOENT, "AttributeError: module "
	    "'%.*s' has no attribute '%.*s'", q->text_len, q->text,
	    (int)q->cls_len, q->cls);
}

/* Makes the class of a file; module is its folder, whose path is given. */
static int
take_file(struct amas__class **out, struct amas_container *c,
    const char *name, int dir, const char *path, const struct qualname *q,
    struct amas_error *err)
{
	struct amas__source_spec spec = { .dir = -1 };
	char file[AMAS__NAME_MAX + 1], *full;
	int rc;

	if (!amas__name_ok(q->cls, q->cls_len) ||
	    q->cls_len > AMAS__NAME_MAX - 8)
		return amas_error_set(err, AMAS_ENOENT, "AttributeError: "
		    "module '%.*s' has no attribute '%.*s'", q->text_len,
		    q->text, (int)(q->cls_len < 80 ? q->cls_len : 80), q->cls);
	rc = find_file(&spec, file, dir, c->set.source.allow_writable != 0, q,
	    err);
	if (rc != 0)
		return rc;
	if ((full = amas__asprintf("%s/%s", path, file)) == NULL)
		return amas__error_nomem(err);
	spec.name = amas__strdup(name);
	spec.text = full;
	rc = spec.name == NULL ? amas__error_nomem(err) :
	    amas__class_new(out, c, name, &spec, err);
	free(spec.name);
	free(full);
	return rc;
}

static int
find_in_path(struct amas__class **out, struct amas_container *c,
    const char *name, const struct qualname *q, struct amas_error *err)
{
	char *path;
	size_t i;
	int fd, rc;

	for (i = 0; i < c->n_class_path && module_ok(q->module); i++) {
		path = amas__asprintf("%s/%s", c->class_path[i], q->module);
		if (path == NULL)
			return amas__error_nomem(err);
		fd = amas__folder_open(path, c->set.source.allow_writable != 0,
		    err);
		rc = fd >= 0 ? take_file(out, c, name, fd, path, q, err) : fd;
		if (fd >= 0)
			close(fd);
		free(path);
		if (rc != AMAS_ENOENT || fd >= 0)
			return rc;
	}
	return amas_error_set(err, AMAS_ENOENT, "ModuleNotFoundError: No module "
	    "named '%.*s'", q->text_len < 100 ? q->text_len : 100, q->text);
}

int
amas__class_find(struct amas__class **out, struct amas_container *c,
    const char *name, struct amas_error *err)
{
	struct qualname q = { .module = NULL };
	char *plain;
	int rc;

	if ((*out = amas__map_get(&c->classes, name, strlen(name))) != NULL)
		return 0;
	if ((rc = read_qualname(&q, name, err)) != 0)
		return rc;
	/* "module:Class.function" makes one of the same class. */
	plain = amas__strndup(name, (size_t)(q.cls - name) + q.cls_len);
	if (plain == NULL)
		rc = amas__error_nomem(err);
	else if ((*out = amas__map_get(&c->classes, plain,
	    strlen(plain))) == NULL)
		rc = find_in_path(out, c, plain, &q, err);
	free(plain);
	free(q.module);
	return rc;
}
