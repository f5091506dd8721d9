/*
 * A tree of names that a peer may call.  A node is a function, a service, or a
 * source, which answers for all below its name.
 */
#ifndef AMAS__SERVICE_H
#define AMAS__SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"
#include "buf.h"
#include "value.h"

struct amas__paths;
struct amas__source;

/*
 * What a source can do.
 *
 * call  answers req, or keeps it and answers later.  rest is what is left of
 *       the path below the name under which the source stands, rest_len bytes,
 *       without slashes at its ends: "" is the source itself; the path up to
 *       there is walked.  It lies inside the request's path.
 * free  the service gives it up; calls under way go on.
 * list  adds the paths of all functions that it has, base being its own, to
 *       those of a list (service_list.h); NULL: it answers for all below base.
 *       Returns 0 or a code.
 */
struct amas__source_ops {
	void (*call)(struct amas__source *s, struct amas_request *req,
	    const char *walked, size_t walked_len, const char *rest,
	    size_t rest_len);
	void (*free)(struct amas__source *s);
	int (*list)(struct amas__source *s, const char *base,
	    struct amas__paths *paths, struct amas_error *err);
};

struct amas__source {
	const struct amas__source_ops *ops;
};

/*
 * Puts a source under a name, "a/b" makes the services between; "" is the
 * root: it answers what the service itself does not know.  Taken, on failure
 * too.  Returns as amas_service_add().
 */
int amas__service_take_source(struct amas_service *svc, const char *name,
    struct amas__source *s, struct amas_error *err);

/* A source that is a service, which it holds; NULL if memory is short. */
struct amas__source *amas__service_source(struct amas_service *svc);

/*
 * Puts a service under the name "amas", which is reserved; for containers.
 * Returns as amas_service_add().
 */
int amas__service_mount_amas(struct amas_service *svc,
    struct amas_service *sub, struct amas_error *err);

/* Resolves the path of req and has it answered. */
void amas__service_call(struct amas_service *svc, struct amas_request *req);

/*
 * The same for a source that is a service: resolves what is left of the path,
 * as a source is given it.
 */
void amas__service_call_below(struct amas_service *svc,
    struct amas_request *req, const char *rest, size_t rest_len);

/* Adds the paths of what it has, base being its own, to a list. */
int amas__service_list(struct amas_service *svc, const char *base,
    struct amas__paths *paths, struct amas_error *err);

/*
 * Writes the path of sub below root: "" if they are the same.  Returns 0 or
 * AMAS_ETYPE (it is not below).
 */
int amas__service_path(struct amas_service *root, struct amas_service *sub,
    struct amas__buf *path, struct amas_error *err);

/*
 * Whether a path can stand for something of the service: a function, a service,
 * or a name below a source, which alone knows what it has.
 */
bool amas__service_knows(const struct amas_service *svc, const char *path,
    size_t len);

/* [A-Za-z0-9_-]+: a name that can be served; the suffix is not part of it. */
bool amas__name_ok(const char *name, size_t len);

struct amas__held *amas__service_held(struct amas_service *svc);

#endif
