/*
 * A container: agents by their numbers, the classes that they are made of, the
 * server by which others call them.
 *
 *	container.c	life, addresses, what its root service offers
 *	agent.c		making and ending agents
 *	class.c		classes by name: sources, --class, --class-path
 *	class_*.c	the kinds of classes
 *	manager.c	agent 0 of those that are remote-controlled
 *	agent_home.c	what the processes of agents find around them
 */
#ifndef AMAS__CONTAINER_H
#define AMAS__CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amas.h"
#include "links.h"
#include "list.h"
#include "loop.h"
#include "map.h"
#include "rest.h"
#include "service.h"
#include "steps.h"
#include "tls_setup.h"

#define AMAS__AGENTS_MAX 1000000	/* in a container, by default */
#define AMAS__STOP_GRACE_S 10.0	/* for open calls, when it is told to stop */

struct amas__class;
struct amas__source_spec;
struct amas__spawn;

/* ---- Agents ---- */

/* What all agents have; the kind of its class puts more behind it. */
struct amas_agent {
	struct amas_container *c;
	struct amas__class *cls;
	struct amas__spawn *spawn;	/* who waits for it to be made, or NULL */
	struct amas__link *proxies;	/* of its own; NULL: none yet */
	uint32_t id;
	uint32_t index;			/* in its group */
	bool ended;
};

/* Who waits for an agent: lies in its owner, until fn has run. */
struct amas__spawn {
	/* Made, or failure says why not, and a is gone. */
	void (*fn)(struct amas__spawn *s, struct amas_agent *a,
	    const char *failure);
};

/*
 * Makes an agent, with the next id.  args (a list) and kwargs (a map), NULL:
 * none, are for its constructor and borrowed.
 *
 * Returns 0: it is made, 1: s->fn will tell, from the loop; or AMAS_ETOOBIG (too
 * many), AMAS_ECANCELED (the container ends), AMAS_EREMOTE (its constructor
 * failed), AMAS_ENOMEM, AMAS_ESYS.  *out is set even when it is only begun.
 */
int amas__agent_make(struct amas_agent **out, struct amas_container *c,
    struct amas__class *cls, size_t index, const struct amas_value *args,
    const struct amas_value *kwargs, struct amas__spawn *s,
    struct amas_error *err);

/* For the kinds: one that was begun is made, or (failure) cannot be. */
void amas__agent_made(struct amas_agent *a, const char *failure);

/*
 * For the kinds, as their last action: the process of an agent is lost; that of
 * all agents of a class is.
 */
void amas__agent_lost(struct amas_agent *a, const char *why);
void amas__class_lost(struct amas__class *cls, struct amas_container *c,
    const char *why);

/* Its memory goes: for the kinds, whose end() has come to nothing more. */
void amas__agent_destroy(struct amas_agent *a);

/* The agent of an id as the wire has it, NULL: there is none. */
struct amas_agent *amas__agent_find(const struct amas_container *c,
    const char *id, size_t len);

/* "house/3", for messages. */
char *amas__agent_name(const struct amas_agent *a, char *buf, size_t size);

/* ---- Classes ---- */

/*
 * A kind of class.
 *
 * size   bytes of an agent, its head among them.
 * begin  makes an agent of memory that is zero behind the head; as
 *        amas__agent_make(), which undoes it when it fails.
 * call   has a call of it answered; as struct amas__source_ops.
 * list   as there.
 * end    gives it up, for good: it is in no table any more.  Calls
 *        amas__agent_destroy(), now or when its last process has ended.
 * stop   the container goes, all agents have ended: nothing is waited for.
 *        NULL: there is nothing.
 * close  the last agent and the container are gone: frees the class.
 */
struct amas__class_ops {
	size_t size;
	int (*begin)(struct amas_agent *a, const struct amas_value *args,
	    const struct amas_value *kwargs, struct amas_error *err);
	void (*call)(struct amas_agent *a, struct amas_request *req,
	    const char *walked, size_t walked_len, const char *rest,
	    size_t rest_len);
	int (*list)(struct amas_agent *a, const char *base,
	    struct amas__paths *paths, struct amas_error *err);
	void (*end)(struct amas_agent *a);
	void (*stop)(struct amas__class *cls);
	void (*close)(struct amas__class *cls);
};

/* First member of the class of a kind.  Referenced by its agents. */
struct amas__class {
	const struct amas__class_ops *ops;
	size_t refs;
	char *name;			/* as validate_aid says it */
};

void amas__class_unref(struct amas__class *cls);

/*
 * Puts a new class into the container's table; its module is no part of the
 * name that validate_aid says.  The class is taken, on failure too.
 */
int amas__class_add(struct amas_container *c, const char *name,
    struct amas__class *cls, struct amas_error *err);
void amas__classes_fini(struct amas_container *c);

/* Makes a class of a source as on the command line; count 0: none was given. */
int amas__class_load(struct amas__class **out, size_t *count,
    struct amas_container *c, const char *source, struct amas_error *err);

/*
 * Finds a class by the name that a caller gives: one of the container's own, or
 * "module:Class" in its class path.  Returns 0 or AMAS_ENOENT, with aiomas's
 * (Python's) text in err; AMAS_ESYS, AMAS_ENOMEM.
 */
int amas__class_find(struct amas__class **out, struct amas_container *c,
    const char *name, struct amas_error *err);

/*
 * Makes a class of a source that was read, to be had by its name.  Returns as
 * amas_service_load().
 */
int amas__class_new(struct amas__class **out, struct amas_container *c,
    const char *name, const struct amas__source_spec *spec,
    struct amas_error *err);

/* What a class is made of: a source, kept to make its agents. */
struct amas__class_source {
	const struct amas__source_kind *kind;
	char *text;
	bool is_command;
};

/* Returns 0 or AMAS_ENOMEM. */
int amas__class_source_init(struct amas__class_source *is,
    const struct amas__source_spec *spec);
void amas__class_source_fini(struct amas__class_source *is);

/* The source again, with a name for messages; all is borrowed. */
struct amas__home;
void amas__class_spec(struct amas__source_spec *spec,
    const struct amas__class_source *is, const char *name,
    struct amas__home *home);

/* The kinds: each makes a class, to be given to amas__class_add(). */
int amas__class_plugin(struct amas__class **out, struct amas_container *c,
    const char *name, const struct amas__source_spec *spec,
    struct amas_error *err);
int amas__class_folder(struct amas__class **out, struct amas_container *c,
    const char *name, const struct amas__source_spec *spec,
    struct amas_error *err);
int amas__class_worker(struct amas__class **out, struct amas_container *c,
    const char *name, const struct amas__source_spec *spec,
    struct amas_error *err);
int amas__class_shared(struct amas__class **out, struct amas_container *c,
    const char *name, const struct amas__source_spec *spec,
    struct amas_error *err);

/*
 * The class of a C program.  c: in no table; with one reference, the caller's.
 */
int amas__class_c(struct amas__class **out, const struct amas_class *is,
    struct amas_error *err);
int amas__class_of(struct amas__class **out, struct amas_container *c,
    const struct amas_class *cls, struct amas_error *err);

/* ---- Containers ---- */

enum amas__on_exit { AMAS__EXIT_IGNORE, AMAS__EXIT_RESTART, AMAS__EXIT_FAIL };

/*
 * What the program is told, from the loop; all may be NULL.
 *
 * ready   all that was loaded is made, and their runs start; once.
 * failed  who was loaded cannot be made.
 * line    a line of the standard output of an agent's run, without its end.
 * idle    the last run has ended; failed: any of them ended with a failure.
 * lost    an agent's process has ended, under AMAS__EXIT_FAIL.
 * stop    its manager was asked to stop it.
 */
struct amas__container_ops {
	void (*ready)(void *arg);
	void (*failed)(void *arg, const char *who, const char *why);
	void (*line)(void *arg, const struct amas_agent *a, const char *line,
	    size_t len);
	void (*idle)(void *arg, bool failed);
	void (*lost)(void *arg, const char *who, const char *why);
	void (*stop)(void *arg);
};

struct amas__container_settings {
	struct amas_source_opts source;	/* of all its classes */
	bool parallel;			/* handlers of one agent, too */
	enum amas__on_exit on_exit;
	size_t max_agents;		/* 0: the default */
};

struct amas_container {
	size_t refs;			/* its owner's, its agents' */
	struct amas_loop *loop;
	struct amas__open open;
	struct amas_server *server;
	struct amas_clock *clock;	/* of all its agents */
	struct amas__stepped steps;
	struct amas__awake awake;	/* while agents are being made */
	struct amas_service *root;
	struct amas__links links;	/* of its agents to those of others */
	char *types;			/* of these connections */
	struct amas__tls_setup *dial_tls;	/* theirs; NULL: plain */
	struct amas__link proxies;	/* of the program, by these links */
	struct amas__source agents;	/* in root */
	char *url;			/* its agents' begin so */
	char *addr;			/* the same, as addr.h prints it */
	struct amas_agent **slot;	/* by id; NULL: ended */
	size_t n, cap;
	size_t live;
	struct amas__map classes;
	char **class_path;
	size_t n_class_path;
	struct amas__container_settings set;
	bool ending;			/* no agent is made any more */
	struct amas__link groups;	/* being made */
	struct amas__event make;	/* the next, one by one */
	size_t making;			/* agents that are begun, not made */
	bool loading;			/* ready() is owed */
	struct amas__task ready;
	struct amas__task starts;	/* of runs */
	struct amas__event turn;	/* the same, one by one */
	bool runs_started;
	size_t runs;			/* that live, or will */
	bool run_failed;
	struct amas__link folder_agents;	/* that have a run to start */
	const struct amas__container_ops *ops;	/* NULL: nobody is told */
	void *arg;
	/* of struct amas_opts */
	void (*on_stop)(struct amas_container *c, void *arg);
	void *on_stop_arg;
};

/* Before anything is loaded. */
void amas__container_set(struct amas_container *c,
    const struct amas__container_settings *set,
    const struct amas__container_ops *ops, void *arg);

/* Lets spawn find classes in a folder; in order.  Returns 0 or a code. */
int amas__container_add_path(struct amas_container *c, const char *dir,
    struct amas_error *err);

/*
 * Makes count agents of a class, as amas_container_load() does: what cannot be
 * made is told by ops->failed, and the rest of its group is ended.
 */
int amas__container_make(struct amas_container *c, struct amas__class *cls,
    size_t count, const struct amas_value *args,
    const struct amas_value *kwargs, struct amas_error *err);

/*
 * The same as a line of JSON tells, {"class": NAME, "count": N, "args": [...],
 * "kwargs": {...}}.  Returns also AMAS_EPROTO (it is none), AMAS_ENOENT.
 */
int amas__container_make_line(struct amas_container *c, const char *line,
    size_t len, struct amas_error *err);

/*
 * What is to be made has been named: ready() comes when all of it is.
 */
void amas__container_loaded(struct amas_container *c);

void amas__container_unref(struct amas_container *c);

/* What is to be made one by one, and was not begun, will not be. */
void amas__groups_drop(struct amas_container *c);

/* Agents are being made, or runs are to be started, or not any more. */
void amas__container_update(struct amas_container *c);

/* Tells that it is ready, if it is. */
void amas__container_look_ready(struct amas_container *c);

/* ---- container_calls.c ---- */

/* Puts what peers may ask into its root. */
int amas__container_calls(struct amas_container *c, struct amas_error *err);

/*
 * Answers spawn(NAME, args...), when the agent is made: proxy: with [proxy, URL],
 * as aiomas's manager; else with the URL.
 */
void amas__container_spawn(struct amas_container *c, struct amas_request *req,
    bool proxy);

/* It was told to stop: asks whoever runs it to. */
void amas__container_stop(struct amas_container *c);

/* What its own agents may ask; as struct amas__home_ops. */
bool amas__container_serve(struct amas_container *c, struct amas_request *req);

/* ---- class_folder.c ---- */

/* Starts the runs of all that have one; ends them, for good. */
void amas__folders_start(struct amas_container *c);
void amas__folder_call(struct amas_agent *a, struct amas_request *req,
    const char *walked, size_t walked_len, const char *rest, size_t rest_len);
void amas__folders_stop(struct amas_container *c);

/* manager.c: makes agent 0 a manager. */
int amas__manager_make(struct amas_container *c, struct amas_error *err);

#endif
