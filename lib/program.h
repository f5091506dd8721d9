/* What a source runs: a file in its folder, or a command for the shell. */
#ifndef AMAS__PROGRAM_H
#define AMAS__PROGRAM_H

#include <stdbool.h>

#include "amas.h"
#include "hold.h"

struct amas__log;
struct amas__source_spec;
struct amas__where;

/*
 * command or file is set, the other NULL; dir is the folder of file, else -1.
 * One that was named by a path follows that (hold.h).
 */
struct amas__program {
	char *command;
	int dir;
	char *file;
	bool follows;
	struct amas__hold held;	/* if it follows: of dir */
	bool said;	/* the log has told why it is not served */
};

/*
 * Makes it of a source that was read; a file is looked at, and refused unless
 * it can be served (any: even if others can write it).  Returns 0, AMAS_ENOENT,
 * AMAS_ESYS or AMAS_ENOMEM; close() it in any case.
 */
int amas__program_open(struct amas__program *p,
    const struct amas__source_spec *spec, bool any, struct amas_error *err);
void amas__program_close(struct amas__program *p);

/* Goes to where its path leads now; what runs is not touched. */
void amas__program_follow(struct amas__program *p, bool any,
    const struct amas__log *log);

/*
 * Looks at it again for a call of it.  False: its file is not there, or not to
 * be served, any more, and req is answered.
 */
bool amas__program_find(struct amas__program *p, bool any,
    const struct amas__log *log, struct amas_request *req,
    const struct amas__where *w);

#endif
