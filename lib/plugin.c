/*
 * Loading plugins.  A plugin is trusted code: what it can be is judged by who
 * could have put it there, before the linker sees it.
 */
#include "plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "folder.h"
#include "loop.h"
#include "mem.h"
#include "module.h"

/* A plugin that runs on a loop. */
struct opened {
	struct amas__link link;
	const struct amas_plugin *plugin;
	void *self;
};

/* ---- Loading ---- */

/* Sees whether a file may be loaded, by who owns and can write it. */
static int
judge_at(int dir, const char *name, bool any, bool served,
    struct amas_error *err)
{
	const char *why;
	enum amas__found found = amas__folder_look(dir, name, any, NULL, &why);

	if (found == AMAS__PROGRAM || (found == AMAS__SHUT && !served))
		return 0;
	if (found == AMAS__NOTHING)
		return amas__error_sys(err, AMAS_ENOENT, ENOENT, NULL);
	return amas_error_set(err, AMAS_ESYS, "%s", found == AMAS__FOLDER ?
	    "is a folder" : why);
}

static int
judge(const char *path, bool any, bool served, struct amas_error *err)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? amas__strdup(".") :
	    amas__strndup(path, (size_t)(slash - path) + 1);
	int fd, rc;

	if (folder == NULL)
		return amas__error_nomem(err);
	fd = amas__folder_open(folder, any, err);
	free(folder);
	if (fd < 0)
		return fd;
	rc = judge_at(fd, slash != NULL ? slash + 1 : path, any, served, err);
	(void)close(fd);
	return rc;
}

static int
linker_error(struct amas_error *err, const char *path)
{
	return amas_error_set(err, AMAS_ESYS, "%s", amas__linker_cause(path));
}

static int
check(const struct amas_plugin *p, struct amas_error *err)
{
	if (p->abi != AMAS_ABI)
		return amas_error_set(err, AMAS_ESYS, "made for ABI %u; this "
		    "is amas %s with ABI %u", p->abi, amas_version(),
		    (unsigned)AMAS_ABI);
	if (p->codec != NULL &&
	    (p->codec->encode == NULL || p->codec->decode == NULL))
		return amas_error_set(err, AMAS_ESYS,
		    "its codec lacks encode or decode");
	return 0;
}

/* Takes the plugin out of a file, whose path is absolute. */
static int
take(const struct amas_plugin **out, const char *path, struct amas_error *err)
{
	const struct amas_plugin *p;
	void *handle;
	int rc;

	if ((handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)) == NULL)
		return linker_error(err, path);
	if ((p = dlsym(handle, "amas_plugin")) == NULL)
		rc = linker_error(err, path);
	else
		rc = check(p, err);
	if (rc != 0)
		(void)dlclose(handle); /* nothing of it was used */
	else
		*out = p;
	return rc;
}

/* Gives the absolute path of a file, for free(3). */
static int
resolve(char **real, const char *path, struct amas_error *err)
{
	if ((*real = realpath(path, NULL)) != NULL)
		return 0;
	return amas__error_sys(err, errno == ENOENT ? AMAS_ENOENT : AMAS_ESYS,
	    errno, NULL);
}

int
amas__plugin_load(const struct amas_plugin **out, const char *path, bool any,
    bool served, struct amas_error *err)
{
	char *real;
	int rc;

	if ((rc = judge(path, any, served, err)) != 0 ||
	    (rc = resolve(&real, path, err)) != 0)
		return rc;
	rc = take(out, real, err);
	free(real);
	return rc;
}

int
amas__plugin_load_at(const struct amas_plugin **out, int dir,
    const char *name, const char *path, bool any, struct amas_error *err)
{
	struct amas__identity here, there;
	char *real;
	int rc;

	if ((rc = judge_at(dir, name, any, true, err)) != 0 ||
	    (rc = resolve(&real, path, err)) != 0)
		return rc;
	/* The folder may have been moved, and another be in its place. */
	if (!amas__folder_identity(dir, name, &here) ||
	    !amas__folder_identity(dir, real, &there) ||
	    !amas__identity_same(&here, &there))
		rc = amas_error_set(err, AMAS_ESYS,
		    "its folder was moved, so it cannot be loaded");
	else
		rc = take(out, real, err);
	free(real);
	return rc;
}

/* ---- On a loop ---- */

void
amas__plugins_init(struct amas__plugins *ps)
{
	amas__list_init(&ps->opened);
}

void
amas__plugins_fini(struct amas__plugins *ps)
{
	struct opened *o;

	while (!amas__list_empty(&ps->opened)) {
		o = AMAS__OF(ps->opened.prev, struct opened, link);
		amas__list_remove(&o->link);
		if (o->plugin->close != NULL)
			o->plugin->close(o->self);
		free(o);
	}
}

int
amas__plugin_open(void **self, const struct amas_plugin *plugin,
    struct amas_loop *l, struct amas_error *err)
{
	struct amas__link *all = &amas__loop_plugins(l)->opened, *i;
	struct amas_error told = { 0, 0, "" };
	struct opened *o;
	int rc;

	for (i = all->next; i != all; i = i->next) {
		o = AMAS__OF(i, struct opened, link);
		if (o->plugin == plugin) {
			*self = o->self;
			return 0;
		}
	}
	if ((o = amas__zalloc(sizeof *o)) == NULL)
		return amas__error_nomem(err);
	o->plugin = plugin;
	rc = plugin->open != NULL ? plugin->open(l, &o->self, &told) : 0;
	if (rc != 0) {
		free(o);
		return amas_error_set(err, AMAS_ESYS, "%s",
		    told.code != 0 ? told.text : amas_strerror(rc));
	}
	amas__list_add(all, &o->link);
	*self = o->self;
	return 0;
}
