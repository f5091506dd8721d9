/*
 * What a service offers, as a list of paths: the reserved function amas/list,
 * amas-wire(5).
 */
#ifndef AMAS__SERVICE_LIST_H
#define AMAS__SERVICE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"

#define AMAS__LIST_FUNCTION "amas/list"
#define AMAS__LIST_MAX 100000	/* paths of a list, names looked at for it */

struct amas__paths {
	char **path;
	size_t n, cap;
	size_t looked;		/* names looked at */
};

/*
 * Adds the path of name below base; "" for base is the root, and for name base
 * itself.  len bytes of name.  Returns 0, AMAS_ETOOBIG or AMAS_ENOMEM.
 */
int amas__paths_add(struct amas__paths *p, const char *base, const char *name,
    size_t len, struct amas_error *err);

/* The same for "*": all that is below base. */
int amas__paths_add_all(struct amas__paths *p, const char *base,
    struct amas_error *err);

/* Counts a name that was looked at.  Returns 0 or AMAS_ETOOBIG. */
int amas__paths_look(struct amas__paths *p, struct amas_error *err);

/* "base/name", or name if base is "": for free(3); NULL if memory is short. */
char *amas__paths_join(const char *base, const char *name, size_t len);

void amas__paths_fini(struct amas__paths *p);

/* Answers a request for the list; false: it is for something else. */
bool amas__service_answer_list(struct amas_service *svc,
    struct amas_request *req);

#endif
