/*
 * A file that lines are appended to: what had no room for a whole line keeps
 * none of it.  How and when it is written is its owner's.
 */
#ifndef AMAS__LINEFILE_H
#define AMAS__LINEFILE_H

#include <stddef.h>
#include <sys/types.h>

#include "buf.h"

struct amas__linefile {
	int fd;			/* -1: none */
	off_t lines_end;	/* behind its last whole line */
	off_t written;
	struct amas__buf buf;	/* what it has not taken yet */
};

/* None, and nothing that waits. */
void amas__linefile_init(struct amas__linefile *f);

/* From here on it is this one, which is empty; -1: none. */
void amas__linefile_begin(struct amas__linefile *f, int fd);

/* It has taken the first n bytes of buf. */
void amas__linefile_took(struct amas__linefile *f, size_t n);

/* It takes no more: its last line becomes a whole one, what waits is gone. */
void amas__linefile_cut(struct amas__linefile *f);

#endif
