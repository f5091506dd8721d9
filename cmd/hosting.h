/*
 * amas-container: what it was told, and what it consists of while it runs.  The
 * loop, its signals, the command of --run and the end are those of amas-serve,
 * serve.h.
 *
 *	hosting_opts.c	options
 *	hosting_clock.c	the clock that they tell of
 *	amas-container.c	agents, their lines, the end
 */
#ifndef HOSTING_H
#define HOSTING_H

#include "call_lines.h"
#include "container.h"
#include "serve.h"

#define CONTAINER_CLASSES_MAX 1000	/* --class, --class-path */
#define CONTAINER_OUTPUT_MAX ((size_t)64 << 20)	/* lines that nobody reads */

struct container_opts {
	struct serve_opts serve;	/* what amas-serve has, too */
	const char *classes[CONTAINER_CLASSES_MAX];
	size_t n_classes;
	const char *paths[CONTAINER_CLASSES_MAX];
	size_t n_paths;
	const char *file;		/* -f; NULL: none */
	bool insecure, until_done, parallel, tag;
	enum amas__on_exit on_exit;
	size_t max_agents;		/* 0: the library's default */
	const char *clock;		/* --clock; NULL: as the address */
	const char *start, *init_time, *until;	/* NULL: not given */
	bool wall, strict;
};

/* Returns CMD_OK, or CMD_STOP if o->serve.args.status is what to end with. */
int container_opts_parse(struct container_opts *o, int argc, char *argv[]);

/*
 * Makes the clock that the options tell of, NULL: the loop's; until: when a
 * simulated one ends, INFINITY: with its last sleeper.  Returns CMD_OK or a
 * status (has been said).
 */
int container_clock(struct amas_clock **out, double *until,
    const struct container_opts *o, struct amas_loop *l);

/* The next of the addresses behind one, with its sources; NULL: none. */
char **container_next(char **sources);

#endif
