/*
 * What a child is given: vectors of texts, for argv and envp, and what it
 * inherits of our environment.
 */
#ifndef AMAS__ENVIRON_H
#define AMAS__ENVIRON_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/*
 * Texts one behind the other, each with a NUL, and where each begins.  All zero
 * is empty.
 */
struct amas__texts {
	struct amas__buf text;
	struct amas__buf at;	/* size_t each */
	size_t n;
};

void amas__texts_fini(struct amas__texts *t);

/* What the kernel counts for them. */
size_t amas__texts_size(const struct amas__texts *t);

/*
 * begin: a text begins here; its bytes and a NUL are put behind t->text.
 * drop: takes back the one that was begun last.  add: a whole one.  set:
 * "NAME=VALUE".  Return 0 or AMAS_ENOMEM.
 */
int amas__texts_begin(struct amas__texts *t);
void amas__texts_drop(struct amas__texts *t);
int amas__texts_add(struct amas__texts *t, const char *text);
int amas__texts_set(struct amas__texts *t, const char *name,
    const char *value);

/*
 * Makes one piece of memory of them for free(3): pointers, a NULL, the texts.
 * NULL if memory is short.
 */
char **amas__texts_vector(const struct amas__texts *t);

/*
 * Adds our environment, but for what is ours alone: AMAS_..., which may name
 * keys, and the sockets of the service manager.  moves: it runs in another
 * folder, so PWD would be wrong.  Returns 0 or AMAS_ENOMEM.
 */
int amas__environ_inherit(struct amas__texts *t, bool moves);

#endif
