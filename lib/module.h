/*
 * Modules: parts of the library that are loaded on first use, from one folder
 * that was set when it was built.  Each has its own copy of what it needs of the
 * library, so that it goes with programs that do not export theirs.
 */
#ifndef AMAS__MODULE_H
#define AMAS__MODULE_H

#include "amas.h"

struct amas__tls_ops;

/* What a module defines under the name amas__module. */
struct amas__module {
	const char *version;	/* AMAS_VERSION; any other is refused */
	const struct amas_codec *codec;	/* NULL: none */
	const struct amas__tls_ops *tls;	/* NULL: none */
};

/*
 * Loads "codec_blosc" or "tls"; it stays.  Returns 0 or AMAS_ENOENT (not there, or not
 * of this version: err says which file).
 */
int amas__module_load(const struct amas__module **out, const char *name,
    struct amas_error *err);

/*
 * Gives the dynamic linker's last cause, without the path that it begins with,
 * for any file.  Good until its next call.
 */
const char *amas__linker_cause(const char *path);

/* Where they are; libdir.c, which differs between build and installation. */
extern const char amas__libdir[];

#endif
