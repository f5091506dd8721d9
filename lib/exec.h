/*
 * Programs per call: a process for each call, in its place among all (jobs.h).
 * The base of the sources that run programs; they say which.
 */
#ifndef AMAS__EXEC_H
#define AMAS__EXEC_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"
#include "buf.h"
#include "folder.h"
#include "home.h"
#include "service.h"

#define AMAS__RESULT_MAX ((size_t)64 << 20)	/* bytes, by default */

/* The three contracts between a caller and a program, amas-serve(1). */
enum amas__exec_form {
	AMAS__EXEC_GUESS,	/* argv in; out what the text looks like */
	AMAS__EXEC_TEXT,	/* argv in; out always text */
	AMAS__EXEC_JSON		/* JSON in and out */
};

/*
 * What is run for one call.
 *
 * dir      open folder of file, where it runs, now yours; -1: none.
 * file     "./NAME" in dir, if command is NULL.
 * command  for sh -c; lives as long as its source.
 * again    it is asked again, so only a program will do.
 */
struct amas__exec_target {
	int dir;
	char file[AMAS__NAME_MAX + 3];
	const char *command;
	enum amas__exec_form form;
	bool again;
};

/*
 * What is called: walked and rest as in struct amas__source_ops; both lie in
 * the path of the request.
 */
struct amas__where {
	const char *walked, *rest;
	size_t walked_len, rest_len;
};

struct amas__exec;

/*
 * find  fills in *t, which is zero but for dir == -1 and again; or answers req itself and
 *       returns false.  It is asked when the call comes, and again when its
 *       turn has come, so that nothing is held open by those that wait.
 * free  frees x.
 * list  as of struct amas__source_ops; NULL: it is one function.
 */
struct amas__exec_ops {
	bool (*find)(struct amas__exec *x, struct amas_request *req,
	    const struct amas__where *w, struct amas__exec_target *t);
	void (*free)(struct amas__exec *x);
	int (*list)(struct amas__exec *x, const char *base,
	    struct amas__paths *paths, struct amas_error *err);
};

/* First member of such a source. */
struct amas__exec {
	struct amas__source source;
	const struct amas__exec_ops *ops;
	size_t refs;		/* its service, and calls under way */
	struct amas_loop *loop;
	struct amas__home *home;	/* whose functions; NULL: a service's */
	struct amas_source_opts opts;
};

/* Sets it up with one reference, which the service drops. */
void amas__exec_init(struct amas__exec *x, const struct amas__exec_ops *ops,
    struct amas_loop *l, struct amas__home *home,
    const struct amas_source_opts *opts);

/*
 * For find.  not_found: answers that the part of rest that begins at offset at
 * does not exist.  use: puts the file name of the open folder dir into t, which
 * gets a descriptor of its own; false: it has answered.
 */
void amas__exec_not_found(struct amas_request *req,
    const struct amas__where *w, size_t at);
bool amas__exec_use(struct amas__exec_target *t, struct amas_request *req,
    int dir, const char *name);

/* Answers that there is no descriptor or memory for it now. */
void amas__exec_busy(struct amas_request *req);

/* ---- exec_args.c ---- */

struct amas__guest;

/* What a process is given. */
struct amas__exec_args {
	char **argv, **envp;
	struct amas__buf input;	/* [args, kwargs] as a message line */
};

/*
 * Maps a call to the arguments, environment and input of a program, called name
 * in messages; g is what its process will be to the host, and open.
 *
 * Returns 0, AMAS_ETYPE (cannot be said to any program), AMAS_ETOOBIG (cannot
 * be an argument, but served as JSON it could be said), AMAS_ESYS (AMAS_STATE
 * cannot be made) or AMAS_ENOMEM.
 */
int amas__exec_args_init(struct amas__exec_args *a,
    const struct amas__exec_target *t, struct amas_request *req,
    const char *name, const struct amas__guest *g, struct amas_error *err);
void amas__exec_args_fini(struct amas__exec_args *a);

/*
 * Puts a call as one line: a single scalar as an argument would be, else the
 * argument list as JSON.  Returns 0, AMAS_ETYPE (cannot be said so: keyword
 * arguments, a newline or NUL) or AMAS_ENOMEM.
 */
int amas__exec_put_line(struct amas__buf *b, struct amas_request *req,
    struct amas_error *err);

#endif
