/*
 * Served folders: names are looked up one by one from an open folder, and what
 * a stranger could have put there or could change is refused.
 *
 * Trusted are root and the user that this process runs as.
 */
#ifndef AMAS__FOLDER_H
#define AMAS__FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "amas.h"

#define AMAS__NAME_MAX 255	/* bytes of a file's name */

/*
 * Opens a folder to serve from, or to find a file in.  Unless any is set, it
 * and its parents must belong to root or us, and others may write only to parents
 * that are sticky, as /tmp is.
 *
 * Returns a descriptor that is good for looking up names alone, or
 * AMAS_ENOENT or AMAS_ESYS; the text names the folder that is at fault.
 */
int amas__folder_open(const char *path, bool any, struct amas_error *err);

enum amas__found {
	AMAS__NOTHING,		/* no such name */
	AMAS__FOLDER,
	AMAS__PROGRAM,
	AMAS__SHUT,		/* a file that is not executable */
	AMAS__REFUSED,		/* there, but not to be served */
	AMAS__BUSY		/* no descriptor or memory to find out */
};

/*
 * Looks up one name, which has no slash, in an open folder.  Links are followed
 * if root or the owner of the folder that they are in made them, wherever they
 * lead.  Refused are also what is no file or folder, setuid, owned by a
 * stranger or writable by others (unless any is set).
 *
 * sub  gets a folder's descriptor; NULL: not wanted.
 * why  gets the reason why something that is there is not served; constant.
 *
 * A program is to be executed by its name inside the folder.
 */
enum amas__found amas__folder_look(int dir, const char *name, bool any,
    int *sub, const char **why);

/* What tells a file from another, and from itself after a change. */
struct amas__identity {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec modified, changed;
};

/* Looks at what a name in an open folder leads to; false: nothing. */
bool amas__folder_identity(int dir, const char *name,
    struct amas__identity *id);
bool amas__identity_same(const struct amas__identity *a,
    const struct amas__identity *b);

#endif
