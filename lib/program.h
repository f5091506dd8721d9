/* What a source runs: a file in its folder, or a command for the shell. */
#ifndef AMAS__PROGRAM_H
#define AMAS__PROGRAM_H

#include <stdbool.h>

#include "amas.h"

struct amas__source_spec;

/* command or file is set, the other NULL; dir is the folder of file, else -1. */
struct amas__program {
	char *command;
	int dir;
	char *file;
};

/*
 * Makes it of a source that was read; a file is looked at, and refused unless
 * it can be served (any: even if others can write it).  Returns 0, AMAS_ENOENT,
 * AMAS_ESYS or AMAS_ENOMEM; close() it in any case.
 */
int amas__program_open(struct amas__program *p,
    const struct amas__source_spec *spec, bool any, struct amas_error *err);
void amas__program_close(struct amas__program *p);

#endif
