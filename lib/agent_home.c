/*
 * Homes of agents.  The folder is made when the first process of the agent asks
 * for it; the constructor's arguments lie in it as "args", for programs that
 * want them whole.
 */
#include "agent_home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "err.h"
#include "folder.h"
#include "host.h"
#include "jobs.h"
#include "log.h"
#include "mem.h"
#include "scheduled.h"
#include "value.h"

/* A full disk takes a part, and says so when it is given the rest. */
static int
write_all(int fd, const struct amas__buf *b)
{
	const char *p = amas__buf_head(b);
	size_t left = amas__buf_len(b);
	ssize_t n;

	while (left > 0) {
		if ((n = write(fd, p, left)) == -1)
			return -1;
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

static int
write_args(const struct amas__agent_home *h, struct amas_error *err)
{
	char *path = amas__asprintf("%s/args", h->state);
	struct amas__buf b;
	int fd = -1, rc;

	amas__buf_init(&b, 0);
	if (path == NULL)
		rc = amas__error_nomem(err);
	else
		rc = amas__args_put_line(&b, h->c->loop, h->args, h->kwargs,
		    err);
	if (rc == 0 && ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL |
	    O_CLOEXEC, 0600)) == -1 || write_all(fd, &b) != 0))
		rc = amas_error_set(err, AMAS_ESYS, "AMAS_STATE %s: %s", path,
		    strerror(errno));
	if (fd != -1)
		close(fd);
	amas__buf_fini(&b);
	free(path);
	return rc;
}

static int
make_state(struct amas__agent_home *h, struct amas_error *err)
{
	if ((h->state = amas__host_new_state(h->c->loop, err)) == NULL)
		return AMAS_ESYS;
	if (mkdir(h->state, 0700) == -1)
		return amas_error_set(err, AMAS_ESYS, "AMAS_STATE %s: %s",
		    h->state, strerror(errno));
	return write_args(h, err);
}

static void
drop_state(struct amas__agent_home *h)
{
	if (h->state != NULL)
		amas__folder_remove(h->state);
	free(h->state);
	h->state = NULL;
}

/* All of it, or nothing: the next who asks finds it tried again. */
static const char *
home_state(struct amas__home *home, struct amas_error *err)
{
	struct amas__agent_home *h = AMAS__OF(home, struct amas__agent_home,
	    home);

	if (h->state == NULL && make_state(h, err) != 0)
		drop_state(h);
	return h->state;
}

static bool
home_serve(struct amas__home *home, struct amas_request *req)
{
	struct amas__agent_home *h = AMAS__OF(home, struct amas__agent_home,
	    home);
	const char *path = amas_request_path(req);

	if (strcmp(path, "amas/call_in") == 0)
		amas__scheduled_call_in(h, req);
	else if (strcmp(path, "amas/call_at") == 0)
		amas__scheduled_call_at(h, req);
	else if (strcmp(path, "amas/cancel") == 0)
		amas__scheduled_cancel(h, req);
	else
		return amas__container_serve(h->c, req);
	return true;
}

static void
home_gone(struct amas__home *home)
{
	struct amas__agent_home *h = AMAS__OF(home, struct amas__agent_home,
	    home);

	h->gone(h);
}

static const struct amas__home_ops home_ops = { home_state, home_serve,
	home_gone };

int
amas__agent_keep(struct amas_value **out, const struct amas_value *v)
{
	if (v != NULL && amas_value_len(v) > 0 &&
	    (*out = amas_value_keep(v)) == NULL)
		return AMAS_ENOMEM;
	return 0;
}

int
amas__agent_home_init(struct amas__agent_home *h, struct amas_container *c,
    struct amas_agent *a, const struct amas_value *args,
    const struct amas_value *kwargs, void (*gone)(struct amas__agent_home *h))
{
	char url[AMAS_URL_SIZE];

	memset(h, 0, sizeof *h);
	h->home.ops = &home_ops;
	h->home.refs = 1;
	h->home.loop = c->loop;
	h->home.links = &c->links;
	h->home.clock = c->clock;
	h->c = c;
	h->a = a;
	amas__list_init(&h->scheduled);
	h->gone = gone;
	h->home.many = a == NULL;
	if (a != NULL)
		h->home.index = a->index;
	h->self = amas__strdup(a != NULL ? amas_agent_url(a, url,
	    sizeof url) : c->url);
	if (h->self == NULL)
		return AMAS_ENOMEM;
	h->home.self = h->self;
	if (amas__agent_keep(&h->args, args) != 0 ||
	    amas__agent_keep(&h->kwargs, kwargs) != 0)
		return AMAS_ENOMEM;
	h->home.args = h->args;
	h->home.kwargs = h->kwargs;
	return 0;
}

void
amas__agent_home_end(struct amas__agent_home *h)
{
	amas__scheduled_drop(h);
}

void
amas__agent_home_fini(struct amas__agent_home *h)
{
	amas__scheduled_drop(h);
	drop_state(h);
	amas__jobs_free(h->turns);
	free(h->self);
	amas_value_free(h->args);
	amas_value_free(h->kwargs);
}
