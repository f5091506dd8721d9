/*
 * The tree of names.  Nodes hang in the table of their service; a service knows
 * its parent, so that the path of a proxy can be told.
 */
#include "service.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "jobs.h"
#include "map.h"
#include "loop.h"
#include "mem.h"
#include "request.h"
#include "service_list.h"
#include "utf8.h"

enum node_kind { NODE_FUNCTION, NODE_SERVICE, NODE_SOURCE };

struct node {
	enum node_kind kind;
	amas_request_fn *fn;		/* FUNCTION */
	void *self;
	struct amas_service *sub;	/* SERVICE */
	struct amas__source *source;	/* SOURCE */
};

struct amas_service {
	struct amas__held held;
	struct amas__map nodes;
	struct node *rest;	/* "*", or a source at "": what has no node */
	struct amas_service *parent;	/* not held: the parent holds us */
	char *name;		/* under which the parent has it */
	struct amas__jobs *turns;	/* one call at a time; NULL: any number */
};

/* A call that waits for its turn, or has it. */
struct turn {
	struct amas__job job;
	struct amas_service *svc;
	struct amas_request *req;
};

static struct amas_service *
ref(struct amas_service *svc)
{
	(void)amas__held_ref(&svc->held);
	return svc;
}

static void
node_free(struct node *n)
{
	if (n == NULL)
		return;
	if (n->kind == NODE_SERVICE) {
		n->sub->parent = NULL;
		free(n->sub->name);
		n->sub->name = NULL;
		amas__held_unref(&n->sub->held);
	} else if (n->kind == NODE_SOURCE) {
		n->source->ops->free(n->source);
	}
	free(n);
}

static void
destroy(struct amas__held *h)
{
	struct amas_service *svc = (struct amas_service *)(void *)h;
	struct node *n;
	size_t i = 0;

	while ((n = amas__map_next(&svc->nodes, &i, NULL, NULL)) != NULL)
		node_free(n);
	node_free(svc->rest);
	amas__map_fini(&svc->nodes);
	amas__jobs_free(svc->turns);
	free(svc->name);
	free(svc);
}

int
amas_service_new(struct amas_service **out, struct amas_error *err)
{
	struct amas_service *svc = amas__zalloc(sizeof *svc);

	if (svc == NULL)
		return amas__error_nomem(err);
	svc->held.refs = 1;
	svc->held.free = destroy;
	amas__map_init(&svc->nodes);
	*out = svc;
	return 0;
}

void
amas_service_free(struct amas_service *svc)
{
	if (svc != NULL)
		amas__held_unref(&svc->held);
}

struct amas__held *
amas__service_held(struct amas_service *svc)
{
	return &svc->held;
}

bool
amas__name_ok(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') ||
		    (name[i] >= 'A' && name[i] <= 'Z') ||
		    (name[i] >= '0' && name[i] <= '9') ||
		    name[i] == '_' || name[i] == '-'))
			return false;
	return len > 0;
}

/* ---- Building ---- */

/*
 * A part of a name that a C program gives: any printable text, since peers are
 * given it in lists, and people in messages.
 */
static bool
part_ok(const char *part, size_t len)
{
	size_t i, n;
	uint32_t c;

	for (i = 0; i < len; i += n)
		if ((n = amas__utf8_decode(part + i, len - i, &c)) == 0 ||
		    amas__unsafe_char(c))
			return false;
	return len > 0;
}

static int
set_node(struct amas_service *svc, const char *name, size_t len,
    struct node *n, struct amas_error *err)
{
	if (amas__map_get(&svc->nodes, name, len) != NULL) {
		free(n);
		return amas_error_set(err, AMAS_EEXIST, "name \"%.*s\" is "
		    "taken", (int)len, name);
	}
	if (amas__map_set(&svc->nodes, name, len, n) != 0) {
		free(n);
		return amas__error_nomem(err);
	}
	return 0;
}

static struct node *
node_new(enum node_kind kind)
{
	struct node *n = amas__zalloc(sizeof *n);

	if (n != NULL)
		n->kind = kind;
	return n;
}

static int
attach(struct amas_service *svc, const char *name, size_t len,
    struct amas_service *sub, struct amas_error *err)
{
	struct node *n = node_new(NODE_SERVICE);
	char *copy = amas__strndup(name, len);
	int rc;

	if (n == NULL || copy == NULL) {
		free(n);
		free(copy);
		return amas__error_nomem(err);
	}
	n->sub = sub;
	if ((rc = set_node(svc, name, len, n, err)) != 0) {
		free(copy);
		return rc;
	}
	sub->name = copy;
	sub->parent = svc;
	(void)ref(sub);
	return 0;
}

/*
 * Goes down all parts of a name but the last, and makes the services that are
 * missing.  Leaves the last part in *name, *len.
 */
static int
descend(struct amas_service **svc, const char **name, size_t *len,
    struct amas_error *err)
{
	struct amas_service *sub;
	const char *slash;
	struct node *n;
	int rc;

	if ((*svc)->parent == NULL && strncmp(*name, "amas", 4) == 0 &&
	    ((*name)[4] == '\0' || (*name)[4] == '/'))
		return amas_error_set(err, AMAS_EINVAL,
		    "name \"amas\" is reserved");
	while ((slash = strchr(*name, '/')) != NULL) {
		*len = (size_t)(slash - *name);
		if (!part_ok(*name, *len))
			return amas_error_set(err, AMAS_EINVAL, "bad name");
		n = amas__map_get(&(*svc)->nodes, *name, *len);
		if (n == NULL) {
			if ((rc = amas_service_new(&sub, err)) != 0)
				return rc;
			rc = attach(*svc, *name, *len, sub, err);
			amas_service_free(sub); /* the node has it now */
			if (rc != 0)
				return rc;
		} else if (n->kind == NODE_SERVICE) {
			sub = n->sub;
		} else {
			return amas_error_set(err, AMAS_EEXIST,
			    "name \"%.*s\" is taken", (int)*len, *name);
		}
		*svc = sub;
		*name = slash + 1;
	}
	*len = strlen(*name);
	return part_ok(*name, *len) ? 0 :
	    amas_error_set(err, AMAS_EINVAL, "bad name");
}

static int
set_rest(struct amas_service *svc, struct node *n, struct amas_error *err)
{
	if (svc->rest != NULL) {
		free(n);
		return amas_error_set(err, AMAS_EEXIST,
		    "two sources for one place");
	}
	svc->rest = n;
	return 0;
}

static int
add_function(struct amas_service *svc, const struct amas_function *f,
    void *self, struct amas_error *err)
{
	const char *name = f->name;
	struct node *n;
	size_t len;
	int rc;

	if ((rc = descend(&svc, &name, &len, err)) != 0)
		return rc;
	if ((n = node_new(NODE_FUNCTION)) == NULL)
		return amas__error_nomem(err);
	n->fn = f->fn;
	n->self = self;
	return strcmp(name, "*") == 0 ? set_rest(svc, n, err) :
	    set_node(svc, name, len, n, err);
}

int
amas_service_add(struct amas_service *svc, const struct amas_function *table,
    void *self, struct amas_error *err)
{
	const struct amas_function *f;
	int rc;

	for (f = table; f->name != NULL; f++)
		if ((rc = add_function(svc, f, self, err)) != 0)
			return rc;
	return 0;
}

int
amas_service_mount(struct amas_service *svc, const char *name,
    struct amas_service *sub, struct amas_error *err)
{
	struct amas_service *up;
	size_t len;
	int rc;

	for (up = svc; up != NULL; up = up->parent)
		if (up == sub)
			return amas_error_set(err, AMAS_EINVAL,
			    "service would hold itself");
	if (sub->parent != NULL)
		return amas_error_set(err, AMAS_EINVAL,
		    "service is mounted already");
	if ((rc = descend(&svc, &name, &len, err)) != 0)
		return rc;
	return attach(svc, name, len, sub, err);
}

int
amas__service_mount_amas(struct amas_service *svc, struct amas_service *sub,
    struct amas_error *err)
{
	return attach(svc, "amas", 4, sub, err);
}

/* ---- A service as a source ---- */

struct service_source {
	struct amas__source source;
	struct amas_service *svc;
};

static struct amas_service *
service_of(struct amas__source *s)
{
	return AMAS__OF(s, struct service_source, source)->svc;
}

static void
source_call(struct amas__source *s, struct amas_request *req,
    const char *walked, size_t walked_len, const char *rest, size_t rest_len)
{
	(void)walked;
	(void)walked_len;
	amas__service_call_below(service_of(s), req, rest, rest_len);
}

static void
source_free(struct amas__source *s)
{
	amas_service_free(service_of(s));
	free(AMAS__OF(s, struct service_source, source));
}

static int
source_list(struct amas__source *s, const char *base,
    struct amas__paths *paths, struct amas_error *err)
{
	return amas__service_list(service_of(s), base, paths, err);
}

static const struct amas__source_ops source_ops = { source_call, source_free,
	source_list };

struct amas__source *
amas__service_source(struct amas_service *svc)
{
	struct service_source *s = amas__zalloc(sizeof *s);

	if (s == NULL)
		return NULL;
	s->source.ops = &source_ops;
	s->svc = ref(svc);
	return &s->source;
}

int
amas__service_take_source(struct amas_service *svc, const char *name,
    struct amas__source *s, struct amas_error *err)
{
	struct node *n = node_new(NODE_SOURCE);
	size_t len;
	int rc;

	if (n == NULL) {
		s->ops->free(s);
		return amas__error_nomem(err);
	}
	n->source = s;
	if (name[0] == '\0') {
		rc = set_rest(svc, n, err);
	} else if ((rc = descend(&svc, &name, &len, err)) != 0) {
		free(n);
	} else {
		rc = set_node(svc, name, len, n, err);
	}
	if (rc != 0)
		s->ops->free(s);
	return rc;
}

void
amas_service_remove(struct amas_service *svc, const char *name)
{
	const char *slash;
	struct node *n;

	if (name[0] == '\0' || strcmp(name, "*") == 0) {
		n = svc->rest;
		svc->rest = NULL;
		node_free(n);
		return;
	}
	while ((slash = strchr(name, '/')) != NULL) {
		n = amas__map_get(&svc->nodes, name, (size_t)(slash - name));
		if (n == NULL || n->kind != NODE_SERVICE)
			return;
		svc = n->sub;
		name = slash + 1;
	}
	if (strcmp(name, "*") == 0)
		amas_service_remove(svc, name);
	else
		node_free(amas__map_take(&svc->nodes, name, strlen(name)));
}

/* ---- Calling ---- */

static void
call_node(struct node *n, struct amas_request *req, const char *path,
    size_t walked, const char *rest, size_t rest_len)
{
	if (n->kind == NODE_SOURCE)
		n->source->ops->call(n->source, req, path, walked, rest,
		    rest_len);
	else
		n->fn(req, n->self);
}

/*
 * Walks the path part by part, from at on.  at is the offset of the part, end
 * that of what follows it.
 */
static void
walk(struct amas_service *svc, struct amas_request *req, const char *path,
    size_t at, size_t len)
{
	size_t end, walked = at > 0 ? at - 1 : 0;
	const char *slash;
	struct node *n;

	for (;;) {
		slash = memchr(path + at, '/', len - at);
		end = slash != NULL ? (size_t)(slash - path) : len;
		n = amas__map_get(&svc->nodes, path + at, end - at);
		if (n == NULL && svc->rest != NULL) {
			call_node(svc->rest, req, path, walked, path + at,
			    len - at);
			return;
		}
		if (n == NULL)
			break;
		if (n->kind == NODE_SOURCE) {
			at = end < len ? end + 1 : len;
			call_node(n, req, path, end, path + at, len - at);
			return;
		}
		if (n->kind == NODE_FUNCTION && end == len) {
			n->fn(req, n->self);
			return;
		}
		walked = end;
		if (end == len) {
			amas_request_fail(req, "TypeError: '%.200s' is a "
			    "service, not a function", path);
			return;
		}
		at = end + 1;
		if (n->kind == NODE_FUNCTION) { /* nothing is below it */
			slash = memchr(path + at, '/', len - at);
			end = slash != NULL ? (size_t)(slash - path) : len;
			break;
		}
		svc = n->sub;
	}
	amas__request_not_found(req, path + at, end - at, path, walked);
}

static void
call_now(struct amas_request *req, void *arg)
{
	walk(arg, req, amas_request_path(req), 0, amas__request_path_len(req));
}

/* ---- One call at a time ---- */

static void
turn_free(struct turn *t)
{
	amas__job_done(&t->job);
	amas_service_free(t->svc);
	free(t);
}

static void
on_turn_done(void *arg)
{
	turn_free(arg);
}

/* The caller went away before its turn came. */
static void
on_turn_gone(void *arg)
{
	struct turn *t = arg;

	amas__job_done(&t->job); /* before the counter of its connection goes */
	amas__request_fail_text(t->req, "", 0);
}

static void
on_turn(struct amas__job *job)
{
	struct turn *t = AMAS__OF(job, struct turn, job);
	struct amas_service *svc = ref(t->svc);

	amas_request_on_gone(t->req, NULL, NULL);
	amas__request_handle(t->req, call_now, svc); /* t may be gone */
	amas_service_free(svc);
}

static void
take_turn(struct amas_service *svc, struct amas_request *req)
{
	struct turn *t = amas__zalloc(sizeof *t);
	struct amas_error err;

	if (t == NULL) {
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return;
	}
	t->svc = ref(svc);
	t->req = amas_request_keep(req);
	amas__job_init(&t->job, amas__request_loop(req), on_turn);
	t->job.jobs = svc->turns;
	amas__jobs_set(svc->turns, 1,
	    amas__jobs_queue(amas__loop_jobs(t->job.loop)));
	amas__request_on_done(req, on_turn_done, t);
	amas_request_on_gone(req, on_turn_gone, t);
	if (amas__job_ask(&t->job, amas__request_waiting(req), &err) != 0)
		amas_request_fail(req, "%s", err.text);
}

int
amas_service_set_serial(struct amas_service *svc, struct amas_error *err)
{
	if (svc->turns == NULL && (svc->turns = amas__jobs_new()) == NULL)
		return amas__error_nomem(err);
	return 0;
}

/*
 * What peers may ask of every server, beside the list; a container, which has
 * functions of its own there, tells the time of its clock.
 */
static bool
answer_time(const struct amas_service *svc, struct amas_request *req)
{
	if (strcmp(amas_request_path(req), "amas/time") != 0 ||
	    amas__map_get(&svc->nodes, "amas", strlen("amas")) != NULL)
		return false;
	if (amas_request_unpack(req, "[]") == 0)
		amas_request_reply(req, "f",
		    amas__loop_now(amas__request_loop(req)));
	return true;
}

void
amas__service_call(struct amas_service *svc, struct amas_request *req)
{
	if (amas__service_answer_list(svc, req) || answer_time(svc, req))
		return;
	if (svc->turns != NULL) {
		take_turn(svc, req);
		return;
	}
	(void)ref(svc); /* the handler may take it away */
	call_now(req, svc);
	amas_service_free(svc);
}

void
amas__service_call_below(struct amas_service *svc, struct amas_request *req,
    const char *rest, size_t rest_len)
{
	const char *path = amas_request_path(req);
	size_t at = (size_t)(rest - path);

	(void)ref(svc);
	if (rest_len == 0 && svc->rest == NULL)
		amas_request_fail(req, "TypeError: '%.200s' is a service, not "
		    "a function", path);
	else
		walk(svc, req, path, at, at + rest_len);
	amas_service_free(svc);
}

static int
list_node(const struct node *n, const char *base, struct amas__paths *paths,
    struct amas_error *err)
{
	switch (n->kind) {
	case NODE_SERVICE:
		return amas__service_list(n->sub, base, paths, err);
	case NODE_SOURCE:
		return n->source->ops->list == NULL ?
		    amas__paths_add_all(paths, base, err) :
		    n->source->ops->list(n->source, base, paths, err);
	case NODE_FUNCTION:
		break;
	}
	return amas__paths_add(paths, base, "", 0, err);
}

int
amas__service_list(struct amas_service *svc, const char *base,
    struct amas__paths *paths, struct amas_error *err)
{
	const struct node *n;
	const char *name;
	char *path;
	size_t len, i = 0;
	int rc = 0;

	if (svc->rest != NULL && svc->rest->kind == NODE_FUNCTION)
		rc = amas__paths_add_all(paths, base, err);
	else if (svc->rest != NULL)
		rc = list_node(svc->rest, base, paths, err);
	while (rc == 0 &&
	    (n = amas__map_next(&svc->nodes, &i, &name, &len)) != NULL) {
		if ((path = amas__paths_join(base, name, len)) == NULL)
			return amas__error_nomem(err);
		rc = list_node(n, path, paths, err);
		free(path);
	}
	return rc;
}

int
amas__service_path(struct amas_service *root, struct amas_service *sub,
    struct amas__buf *path, struct amas_error *err)
{
	const struct amas_service *names[64], *s = sub;
	size_t n = 0;
	int rc = 0;

	while (s != root && s->parent != NULL &&
	    n < sizeof names / sizeof *names) {
		names[n++] = s;
		s = s->parent;
	}
	if (s != root)
		return amas_error_set(err, AMAS_ETYPE,
		    "RPC service is not exposed for this connection");
	while (n > 0 && rc == 0) {
		rc = amas__buf_puts(path, names[--n]->name);
		if (rc == 0 && n > 0)
			rc = amas__buf_putc(path, '/');
	}
	return rc != 0 ? amas__error_nomem(err) : 0;
}

bool
amas__service_knows(const struct amas_service *svc, const char *path,
    size_t len)
{
	const struct node *n;
	const char *slash;
	size_t part;

	while (len > 0) {
		slash = memchr(path, '/', len);
		part = slash != NULL ? (size_t)(slash - path) : len;
		n = amas__map_get(&svc->nodes, path, part);
		if (n == NULL)
			return svc->rest != NULL;
		if (n->kind != NODE_SERVICE)
			return n->kind == NODE_SOURCE || part == len;
		svc = n->sub;
		path += part + (slash != NULL);
		len -= part + (slash != NULL);
	}
	return true;
}
