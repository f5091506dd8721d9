/*
 * A folder that is held open and follows its path: if the path leads to another
 * folder, because that took its place or a link was set anew, it is that one
 * from the next look on.
 */
#ifndef AMAS__HOLD_H
#define AMAS__HOLD_H

#include <stdbool.h>
#include <sys/types.h>

#include "amas.h"

struct amas__log;

/* fd is the same number as long as it is open, whatever folder it is. */
struct amas__hold {
	int fd;
	char *path;
	dev_t dev;
	ino_t ino;
	bool said;	/* the log has told why it is still the old one */
};

/* As amas__folder_open(); close() it after 0 alone. */
int amas__hold_open(struct amas__hold *h, const char *path, bool any,
    struct amas_error *err);
void amas__hold_close(struct amas__hold *h);

/*
 * Looks where its path leads; true: it is another folder now.  One that cannot
 * be opened, or is none, is reported once, and the old one stays.
 */
bool amas__hold_follow(struct amas__hold *h, bool any,
    const struct amas__log *log);

#endif
