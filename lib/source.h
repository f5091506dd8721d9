/*
 * Sources: what fills a service with functions, DESIGN's one grammar for all
 * programs.
 *
 *	[NAME[:COUNT]=]SOURCE
 *
 * SOURCE is a kind with its command ("exec:COMMAND"), else a path, whose kind
 * is what it would be in a served folder: by its suffix.
 */
#ifndef AMAS__SOURCE_H
#define AMAS__SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"
#include "exec.h"
#include "service.h"

#define AMAS__COUNT_MAX 1000000
#define AMAS__FILTER_TIMEOUT_S 10.0	/* of a filter's call, by default */

struct amas__source_spec;

/*
 * A kind of source.
 *
 * word    before a command: "exec"; NULL: there is no such form.
 * suffix  of a file: ".text"; NULL: files are never that.
 * form    of programs per call.
 * alone   answers for all below its name, so without a NAME it is the root.
 * counts  takes a COUNT.
 * load    makes the source; NULL: not in this version.
 */
struct amas__source_kind {
	const char *word;
	const char *suffix;
	enum amas__exec_form form;
	bool alone;
	bool counts;
	int (*load)(struct amas__source **out,
	    const struct amas__source_spec *spec, struct amas_loop *l,
	    const struct amas_source_opts *opts, struct amas_error *err);
};

/* The kinds; a file is of the first whose suffix fits, by find_suffix(). */
extern const struct amas__source_kind amas__source_kinds[];
extern const size_t amas__n_source_kinds;

/* The kind of a folder, which has neither word nor suffix. */
extern const struct amas__source_kind amas__source_folder;

/*
 * Finds the kind of a file by its name, and where its suffix begins.  A name
 * without a suffix that is known is a program per call.
 */
const struct amas__source_kind *amas__source_by_suffix(const char *name,
    size_t *stem_len);

/* Whether files of a kind are served in folders. */
bool amas__source_in_folder(const struct amas__source_kind *kind);

/*
 * Adds the paths of what an open folder serves, base being its own, to a list;
 * as struct amas__source_ops has it.  agent: not what is an agent's own.
 */
int amas__source_list_folder(int dir, bool any, bool agent, const char *base,
    struct amas__paths *paths, struct amas_error *err);

/*
 * Whether a name at the top of an agent's folder is its own, whatever suffix
 * follows: "init", "run".  It is never served.
 */
bool amas__source_is_own(const char *name);

/* One source, read. */
struct amas__source_spec {
	char *name;		/* "": the root */
	size_t count;		/* 0: none was given */
	const struct amas__source_kind *kind;
	char *text;		/* the command, or the path */
	bool is_command;
	int dir;		/* open folder in which text is the name of a
				 * file; borrowed; -1: none */
	const char *path;	/* if dir is set: where that file is; borrowed */
	struct amas__home *home;	/* whose it will be, longer lived than
					 * it; NULL: a service's */
};

/*
 * Reads a source; paths are looked at.  A COUNT is read whatever the kind.
 * Returns 0, AMAS_EINVAL (grammar, a command without a name), AMAS_ENOENT or
 * AMAS_ESYS (path), AMAS_ENOMEM.
 */
int amas__source_parse(struct amas__source_spec *spec, const char *text,
    struct amas_error *err);
void amas__source_fini(struct amas__source_spec *spec);

/* Whether it is a command that was given no name: "exec:tr a-z A-Z". */
bool amas__source_is_bare(const char *text);

/* source_dir.c: a folder. */
int amas__source_dir_load(struct amas__source **out,
    const struct amas__source_spec *spec, struct amas_loop *l,
    const struct amas_source_opts *opts, struct amas_error *err);

/*
 * The same folder for another agent: no file is looked at, no descriptor taken,
 * and some 150 bytes of memory.  first is such a source, and may go before it.
 */
int amas__source_dir_again(struct amas__source **out,
    struct amas__source *first, struct amas__home *home,
    struct amas_error *err);

/* Its descriptor, for names alone; borrowed.  It follows the folder's path. */
int amas__source_dir_fd(struct amas__source *s);

/* source_plugin.c: a shared object. */
int amas__source_plugin_load(struct amas__source **out,
    const struct amas__source_spec *spec, struct amas_loop *l,
    const struct amas_source_opts *opts, struct amas_error *err);

/* The plugin that such a source names; returns as amas__plugin_load(). */
struct amas_plugin;
int amas__source_plugin_find(const struct amas_plugin **out,
    const struct amas__source_spec *spec, bool any, struct amas_error *err);

/* source_worker.c: processes that stay, on message lines. */
int amas__source_worker_load(struct amas__source **out,
    const struct amas__source_spec *spec, struct amas_loop *l,
    const struct amas_source_opts *opts, struct amas_error *err);

/* source_filter.c: a program that answers a line with a line. */
int amas__source_filter_load(struct amas__source **out,
    const struct amas__source_spec *spec, struct amas_loop *l,
    const struct amas_source_opts *opts, struct amas_error *err);

/* source_exec.c: a program per call, file or command. */
int amas__source_exec_load(struct amas__source **out,
    const struct amas__source_spec *spec, struct amas_loop *l,
    const struct amas_source_opts *opts, struct amas_error *err);

#endif
