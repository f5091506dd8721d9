/*
 * The list of what a service offers.  It is made anew for each request, since
 * what is in a folder changes; how much is looked at has a bound.
 */
#include "service_list.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "mem.h"
#include "request.h"
#include "service.h"

#define PATHS_MIN 64

static int
too_many(struct amas_error *err)
{
	return amas_error_set(err, AMAS_ETOOBIG,
	    "more than %d names, too many for a list", AMAS__LIST_MAX);
}

int
amas__paths_look(struct amas__paths *p, struct amas_error *err)
{
	return ++p->looked > AMAS__LIST_MAX ? too_many(err) : 0;
}

char *
amas__paths_join(const char *base, const char *name, size_t len)
{
	return amas__asprintf("%s%s%.*s", base,
	    base[0] != '\0' && len > 0 ? "/" : "", (int)len, name);
}

int
amas__paths_add(struct amas__paths *p, const char *base, const char *name,
    size_t len, struct amas_error *err)
{
	size_t cap = p->cap != 0 ? p->cap * 2 : PATHS_MIN;
	char **more;

	if (p->n == AMAS__LIST_MAX)
		return too_many(err);
	if (p->n == p->cap) {
		more = amas__reallocarray(p->path, cap, sizeof *more);
		if (more == NULL)
			return amas__error_nomem(err);
		p->path = more;
		p->cap = cap;
	}
	if ((p->path[p->n] = amas__paths_join(base, name, len)) == NULL)
		return amas__error_nomem(err);
	p->n++;
	return 0;
}

int
amas__paths_add_all(struct amas__paths *p, const char *base,
    struct amas_error *err)
{
	return amas__paths_add(p, base, "*", 1, err);
}

void
amas__paths_fini(struct amas__paths *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		free(p->path[i]);
	free(p->path);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In order, and each once. */
static void
reply(struct amas_request *req, const struct amas__paths *p)
{
	struct amas_value *list = amas_value_pack("[]");
	size_t i;

	if (p->n > 0)
		qsort(p->path, p->n, sizeof *p->path, compare);
	for (i = 0; i < p->n; i++)
		if (i == 0 || strcmp(p->path[i], p->path[i - 1]) != 0)
			(void)amas_value_add(list, "s", p->path[i]);
	amas_request_reply(req, "v", list); /* a failure, if it is spoiled */
	amas_value_free(list);
}

bool
amas__service_answer_list(struct amas_service *svc, struct amas_request *req)
{
	struct amas__paths p = { NULL, 0, 0, 0 };
	struct amas_error err;

	if (amas__request_path_len(req) != strlen(AMAS__LIST_FUNCTION) ||
	    strcmp(amas_request_path(req), AMAS__LIST_FUNCTION) != 0)
		return false;
	if (amas_request_unpack(req, "[]") != 0)
		return true; /* it is answered */
	if (amas__service_list(svc, "", &p, &err) == 0)
		reply(req, &p);
	else
		amas_request_fail(req, "%s", err.text);
	amas__paths_fini(&p);
	return true;
}
