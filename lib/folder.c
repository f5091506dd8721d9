/*
 * Walking in folders.  Every step is one openat() of one component without
 * following links, so no string can lead out of a folder; links are read and
 * walked by the same steps, each judged by who made it.
 *
 * What was judged may be swapped before it is used, but only by who may write
 * to the folder that it is in: root or us.
 */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

#define LINKS_MAX 40		/* followed for one name, as the kernel does */

#if defined O_PATH && !defined AMAS_PORTABLE
#define LOOK (O_PATH | O_DIRECTORY | O_CLOEXEC)
#else
#define LOOK (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#endif

static const char by_stranger[] = "belongs to another user";
static const char writable[] = "others can write it";

static bool
trusted(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

/* Why a folder that is served, or a file in it, is no good; NULL: it is. */
static const char *
judge(const struct stat *st, bool any)
{
	if (any)
		return NULL;
	if (!trusted(st->st_uid))
		return by_stranger;
	if ((st->st_mode & S_IWOTH) != 0)
		return writable;
	return NULL;
}

/* The same for a folder on the way there: sticky will do. */
static const char *
judge_parent(const struct stat *st, bool any)
{
	if (!any && trusted(st->st_uid) && (st->st_mode & S_ISVTX) != 0)
		return NULL;
	return judge(st, any);
}

/* ---- Opening ---- */

static int
refuse(struct amas_error *err, const char *path, const char *why)
{
	return amas_error_set(err, AMAS_ESYS, "%s: %s", path, why);
}

/* Judges all folders on the way to path, which is absolute and resolved. */
static int
check_parents(char *path, struct amas_error *err)
{
	const char *why;
	struct stat st;
	char *slash;
	int rc = 0;

	for (slash = strrchr(path, '/'); slash != NULL && path[1] != '\0';
	    slash = strrchr(path, '/')) {
		slash[slash == path ? 1 : 0] = '\0';
		if (stat(path, &st) == -1)
			return amas__error_sys(err, AMAS_ESYS, errno, NULL);
		if ((why = judge_parent(&st, false)) != NULL)
			rc = refuse(err, path, why);
		if (rc != 0)
			break;
	}
	return rc;
}

int
amas__folder_open(const char *path, bool any, struct amas_error *err)
{
	const char *why;
	struct stat st;
	char *real;
	int fd, rc;

	if ((real = realpath(path, NULL)) == NULL)
		return amas__error_sys(err, errno == ENOENT ? AMAS_ENOENT :
		    AMAS_ESYS, errno, NULL);
	if ((fd = open(real, LOOK)) == -1 || fstat(fd, &st) == -1) {
		rc = amas__error_sys(err, AMAS_ESYS, errno, NULL);
		goto fail;
	}
	rc = 0;
	if ((why = judge(&st, any)) != NULL)
		rc = refuse(err, real, why);
	else if (!any)
		rc = check_parents(real, err);
	if (rc != 0)
		goto fail;
	free(real);
	return fd;
fail:
	if (fd != -1)
		close(fd);
	free(real);
	return rc;
}

/* ---- Links ---- */

static bool
is_busy(int e)
{
	return e == EMFILE || e == ENFILE || e == ENOMEM;
}

/*
 * A walk along a link: the folder where it stands now, and the names that are
 * still to go.
 */
struct walk {
	int dir;		/* owned */
	struct stat in;		/* of dir */
	int links;
	bool busy;		/* that was why it failed */
	char rest[PATH_MAX];
};

static const char *
go_to(struct walk *w, int from, const char *name)
{
	int fd = openat(from, name, LOOK |
	    (strcmp(name, "/") == 0 ? 0 : O_NOFOLLOW));

	if (fd == -1) {
		w->busy = is_busy(errno);
		return errno == ENOENT ? "its link leads nowhere" :
		    strerror(errno);
	}
	if (w->dir != -1)
		close(w->dir);
	w->dir = fd;
	if (fstat(fd, &w->in) == -1)
		return strerror(errno);
	return NULL;
}

/* Puts the text of a link before what is still to go. */
static const char *
read_link(struct walk *w, const char *name, const struct stat *st, bool any)
{
	char text[PATH_MAX];
	size_t len, have = strlen(w->rest);
	ssize_t n;

	if (!any && st->st_uid != 0 && st->st_uid != w->in.st_uid)
		return "its link was made by another user";
	if (++w->links > LINKS_MAX)
		return "its links go in a circle";
	if ((n = readlinkat(w->dir, name, text, sizeof text)) == -1)
		return strerror(errno);
	len = (size_t)n;
	if (len + 1 + have >= sizeof w->rest)
		return strerror(ENAMETOOLONG);
	memmove(w->rest + len + 1, w->rest, have + 1);
	memcpy(w->rest, text, len);
	w->rest[len] = '/';
	return len > 0 && text[0] == '/' ? go_to(w, w->dir, "/") : NULL;
}

/* Takes the next name from the rest; false: there is none. */
static bool
next_name(struct walk *w, char name[AMAS__NAME_MAX + 1])
{
	const char *p = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(p, "/");

	if (len == 0 || len > AMAS__NAME_MAX)
		return false;
	memcpy(name, p, len);
	name[len] = '\0';
	p += len;
	p += strspn(p, "/");
	memmove(w->rest, p, strlen(p) + 1);
	return true;
}

/*
 * Goes to the end of a link.  *st is then what it leads to, and w->dir is that
 * if it is a folder.  Returns NULL or why not.
 */
static const char *
follow(struct walk *w, const char *link, struct stat *st, bool any)
{
	char name[AMAS__NAME_MAX + 1];
	const char *why = read_link(w, link, st, any);

	while (why == NULL && next_name(w, name)) {
		if ((why = judge_parent(&w->in, any)) != NULL)
			return "its link leads through a folder that others "
			    "own or can write";
		if (fstatat(w->dir, name, st, AT_SYMLINK_NOFOLLOW) == -1)
			return errno == ENOENT ? "its link leads nowhere" :
			    strerror(errno);
		if (S_ISLNK(st->st_mode))
			why = read_link(w, name, st, any);
		else if (S_ISDIR(st->st_mode))
			why = go_to(w, w->dir, name);
		else if (w->rest[0] != '\0')
			why = strerror(ENOTDIR);
		else
			return NULL;
	}
	if (why == NULL && w->rest[strspn(w->rest, "/")] != '\0')
		why = strerror(ENAMETOOLONG);
	if (why == NULL)
		*st = w->in; /* it ended in a folder */
	return why;
}

/* ---- Looking up ---- */

static enum amas__found
judge_file(int dir, const char *name, const struct stat *st, bool any,
    const char **why)
{
	if (!S_ISREG(st->st_mode)) {
		*why = "is no file or folder";
	} else if ((st->st_mode & (S_ISUID | S_ISGID)) != 0) {
		*why = "is setuid or setgid";
	} else if ((*why = judge(st, any)) == NULL) {
		if ((st->st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0 &&
		    faccessat(dir, name, X_OK, AT_EACCESS) == 0)
			return AMAS__PROGRAM;
		*why = "is not executable";
		return AMAS__SHUT;
	}
	return AMAS__REFUSED;
}

static enum amas__found
take_folder(int fd, const struct stat *st, bool any, int *sub,
    const char **why)
{
	if (fd == -1) {
		*why = strerror(errno);
		return is_busy(errno) ? AMAS__BUSY : AMAS__REFUSED;
	}
	if ((*why = judge(st, any)) != NULL || sub == NULL)
		close(fd);
	else
		*sub = fd;
	return *why != NULL ? AMAS__REFUSED : AMAS__FOLDER;
}

static enum amas__found
look_along(int dir, const char *name, bool any, struct stat *st, int *sub,
    const char **why)
{
	struct walk w = { .dir = -1 };
	enum amas__found found = AMAS__REFUSED;

	if ((*why = go_to(&w, dir, ".")) == NULL)
		*why = follow(&w, name, st, any);
	if (*why == NULL && S_ISDIR(st->st_mode))
		return take_folder(w.dir, st, any, sub, why);
	if (*why == NULL)
		found = judge_file(dir, name, st, any, why);
	if (w.dir != -1)
		close(w.dir);
	return w.busy ? AMAS__BUSY : found;
}

enum amas__found
amas__folder_look(int dir, const char *name, bool any, int *sub,
    const char **why)
{
	struct stat st;
	int fd;

	*why = NULL;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
		if (errno == ENOENT || errno == ENAMETOOLONG)
			return AMAS__NOTHING;
		*why = strerror(errno);
		return AMAS__REFUSED;
	}
	if (S_ISLNK(st.st_mode))
		return look_along(dir, name, any, &st, sub, why);
	if (S_ISDIR(st.st_mode)) {
		/* A folder that took its place is judged, not the old one. */
		fd = openat(dir, name, LOOK | O_NOFOLLOW);
		if (fd != -1 && fstat(fd, &st) == -1) {
			*why = strerror(errno);
			close(fd);
			return AMAS__REFUSED;
		}
		return take_folder(fd, &st, any, sub, why);
	}
	return judge_file(dir, name, &st, any, why);
}

/* ---- Identity ---- */

bool
amas__folder_identity(int dir, const char *name, struct amas__identity *id)
{
	struct stat st;

	if (fstatat(dir, name, &st, 0) == -1)
		return false;
	id->dev = st.st_dev;
	id->ino = st.st_ino;
	id->size = st.st_size;
	id->modified = st.st_mtim;
	id->changed = st.st_ctim;
	return true;
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool
amas__identity_same(const struct amas__identity *a,
    const struct amas__identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    same_time(a->modified, b->modified) &&
	    same_time(a->changed, b->changed);
}
