/*
 * Lists the functions of a served folder, and of those in it.
 *
 * A name is judged as a call would: what is listed can be called, unless it
 * changes.  The log says nothing, since nobody has asked for a name.
 */
#include "source.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "folder.h"
#include "service_list.h"

#define LIST_DEPTH_MAX 64	/* folders in one another to be looked into */
#define STEM_MAX (AMAS__NAME_MAX - 7)	/* leaves room for any suffix */

struct listing {
	bool any;		/* also what others can write */
	bool agent;		/* but not what is its own */
	struct amas__paths *paths;
};

/* What the files of one name come to. */
struct entry {
	const struct amas__source_kind *kind;	/* NULL: none can be served */
	bool folder, busy;
};

/* A folder that is being listed, below those that hold it. */
struct level {
	const struct level *up;
	const char *base;	/* the path under which it is served */
	int dir;
	dev_t dev;
	ino_t ino;
	unsigned depth;
};

/* Whether a link has led back to a folder that holds it. */
static bool
is_loop(const struct level *l)
{
	const struct level *up;

	for (up = l->up; up != NULL; up = up->up)
		if (up->dev == l->dev && up->ino == l->ino)
			return true;
	return false;
}

/* As look_up() of source_dir.c; stem has room for any suffix. */
static struct entry
served(int dir, bool any, char *stem, size_t len)
{
	struct entry e = { NULL, false, false };
	const struct amas__source_kind *kind;
	const char *why;
	size_t i;

	for (i = 0; i < amas__n_source_kinds && e.kind == NULL; i++) {
		kind = &amas__source_kinds[i];
		(void)strcpy(stem + len, kind->suffix);
		switch (amas__folder_look(dir, stem, any, NULL, &why)) {
		case AMAS__PROGRAM:
			if (amas__source_in_folder(kind))
				e.kind = kind;
			break;
		case AMAS__FOLDER:
			e.folder = e.folder || i == 0;
			break;
		case AMAS__BUSY:
			e.busy = true;
			break;
		default:
			break;
		}
	}
	stem[len] = '\0';
	return e;
}

static int list_folder(struct listing *t, struct level *l,
    struct amas_error *err);

static int
list_below(struct listing *t, const struct level *up, const char *name,
    struct amas_error *err)
{
	char *base = amas__paths_join(up->base, name, strlen(name));
	struct level l = { .up = up, .base = base, .dir = -1,
		.depth = up->depth + 1 };
	const char *why;
	int rc = 0;

	if (base == NULL)
		return amas__error_nomem(err);
	if (amas__folder_look(up->dir, name, t->any, &l.dir, &why) ==
	    AMAS__FOLDER)
		rc = list_folder(t, &l, err);
	if (l.dir != -1)
		close(l.dir);
	free(base);
	return rc;
}

static int
add(struct listing *t, const struct level *l,
    const struct amas__source_kind *kind, const char *stem,
    struct amas_error *err)
{
	size_t len = strlen(stem);
	char *base;
	int rc;

	if (!kind->alone)
		return amas__paths_add(t->paths, l->base, stem, len, err);
	/* It answers for all below its name. */
	if ((base = amas__paths_join(l->base, stem, len)) == NULL)
		return amas__error_nomem(err);
	rc = amas__paths_add_all(t->paths, base, err);
	free(base);
	return rc;
}

/* One name of a folder: a file that is served by its name, or a folder. */
static int
list_name(struct listing *t, const struct level *l, const char *name,
    struct amas_error *err)
{
	char stem[AMAS__NAME_MAX + 1];
	const struct amas__source_kind *kind;
	struct entry e;
	size_t len;
	int rc;

	if ((rc = amas__paths_look(t->paths, err)) != 0)
		return rc;
	kind = amas__source_by_suffix(name, &len);
	if (len > STEM_MAX || !amas__name_ok(name, len))
		return 0;
	memcpy(stem, name, len);
	stem[len] = '\0';
	if (t->agent && l->depth == 0 && amas__source_is_own(stem))
		return 0;
	e = served(l->dir, t->any, stem, len);
	if (e.busy)
		return amas_error_set(err, AMAS_ESYS, "busy: no descriptor or "
		    "memory for a list");
	if (e.kind == kind)
		return add(t, l, kind, stem, err);
	if (e.kind == NULL && e.folder && name[len] == '\0')
		return list_below(t, l, stem, err);
	return 0;
}

/* What cannot be listed, or leads round, may be served all the same. */
static int
list_folder(struct listing *t, struct level *l, struct amas_error *err)
{
	int fd = openat(l->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;
	DIR *names = fd != -1 ? fdopendir(fd) : NULL;
	struct dirent *d;
	struct stat st;

	if (names == NULL) {
		if (fd != -1)
			close(fd);
		return amas__paths_add_all(t->paths, l->base, err);
	}
	rc = fstat(fd, &st) == -1 ? AMAS_ESYS : 0;
	l->dev = rc == 0 ? st.st_dev : 0;
	l->ino = rc == 0 ? st.st_ino : 0;
	if (rc != 0 || l->depth > LIST_DEPTH_MAX || is_loop(l)) {
		rc = amas__paths_add_all(t->paths, l->base, err);
	} else {
		while (rc == 0 && (d = readdir(names)) != NULL)
			if (strcmp(d->d_name, ".") != 0 &&
			    strcmp(d->d_name, "..") != 0)
				rc = list_name(t, l, d->d_name, err);
	}
	(void)closedir(names);
	return rc;
}

bool
amas__source_is_own(const char *name)
{
	return strcmp(name, "init") == 0 || strcmp(name, "run") == 0;
}

int
amas__source_list_folder(int dir, bool any, bool agent, const char *base,
    struct amas__paths *paths, struct amas_error *err)
{
	struct listing t = { any, agent, paths };
	struct level l = { .base = base, .dir = dir };

	return list_folder(&t, &l, err);
}
