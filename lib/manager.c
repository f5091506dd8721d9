/*
 * The manager: agent 0 of a container that others may control.  aiomas's
 * subproc.Manager, whose names, arguments and texts these are.
 */
#include "container.h"
#include "request.h"

static struct amas_container *
container_of(const struct amas_request *req)
{
	return amas_agent_container(amas_request_agent(req));
}

static void
spawn(struct amas_request *req, void *self)
{
	(void)self;
	amas__container_spawn(container_of(req), req, true);
}

/* There is one clock, and nobody can set it. */
static void
set_time(struct amas_request *req, void *self)
{
	double t;

	(void)self;
	if (amas_request_unpack(req, "[f]", &t) == 0)
		amas_request_fail(req, "AttributeError: 'AsyncioClock' object "
		    "has no attribute 'set_time'");
}

static void
stop(struct amas_request *req, void *self)
{
	struct amas_container *c = container_of(req);

	(void)self;
	if (amas_request_unpack(req, "[]") != 0)
		return;
	amas_request_reply(req, NULL);
	amas__container_stop(c);
}

static const struct amas_function functions[] = {
	{ "spawn", spawn },
	{ "set_time", set_time },
	{ "stop", stop },
	{ NULL, NULL }
};

static const struct amas_class manager_class = { .name = "Manager",
	.functions = functions };

int
amas__manager_make(struct amas_container *c, struct amas_error *err)
{
	struct amas__class *cls;
	struct amas_agent *a;
	int rc;

	if ((rc = amas__class_c(&cls, &manager_class, err)) != 0)
		return rc;
	rc = amas__agent_make(&a, c, cls, 0, NULL, NULL, NULL, err);
	amas__class_unref(cls);
	return rc;
}
