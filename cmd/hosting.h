/*
 * amas-container: what it was told, and what it consists of while it runs.  The
 * loop, its signals, the command of --run and the end are those of amas-serve,
 * serve.h.
 *
 *	hosting_opts.c	options
 *	hosting_clock.c	the clock that they tell of
 *	hosting_mosaik.c	as a simulator of mosaik
 *	amas-container.c	agents, their lines, the end
 */
#ifndef HOSTING_H
#define HOSTING_H

#include "call_lines.h"
#include "container.h"
#include "mosaik_agents.h"
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
	const char *mosaik;		/* where mosaik comes in; NULL: not */
	bool connect;			/* it is dialled there */
	const char *meta;		/* file of --meta; NULL: none */
	double ask_s;			/* --ask-timeout; 0: none was given */
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

/* ---- hosting_mosaik.c ---- */

/* What is known of mosaik. */
struct hosting_mosaik {
	const struct container_opts *o;
	struct serve *s;
	struct amas__mosaik_agents *agents;	/* NULL: nothing */
};

/*
 * Makes a simulator of a container, before its sources are loaded; loads one of
 * them, which is a model if it has no count.  Return CMD_OK or a status (has been
 * said).
 */
int hosting_mosaik_new(struct hosting_mosaik *m, struct amas_container *c);
int hosting_mosaik_load(struct hosting_mosaik *m, struct amas_container *c,
    const char *source);

/* All is loaded: lets mosaik in, or dials it.  Returns the same. */
int hosting_mosaik_open(struct hosting_mosaik *m);

/* As serve_run(), for a command that may be the simulation. */
int hosting_mosaik_run(const struct hosting_mosaik *m, const char *url);

/* Where it listens; NULL: nowhere. */
const char *hosting_mosaik_addr(const struct hosting_mosaik *m);

/* What to say of a source that is none, or makes too many agents. */
int hosting_failed(const char *subject, const struct amas_error *err, int rc);

/* The next of the addresses behind one, with its sources; NULL: none. */
char **container_next(char **sources);

#endif
