/*
 * The manager: agent 0 of a container that others may control.  aiomas's
 * subproc.Manager, whose names, arguments and texts these are; step, idle and next
 * are amas's own.
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

static void
set_time(struct amas_request *req, void *self)
{
	(void)self;
	amas__steps_set_time(container_of(req), req);
}

static void
step(struct amas_request *req, void *self)
{
	(void)self;
	amas__steps_step(container_of(req), req);
}

static void
idle(struct amas_request *req, void *self)
{
	(void)self;
	amas__steps_idle(container_of(req), req);
}

static void
next(struct amas_request *req, void *self)
{
	(void)self;
	amas__steps_next(container_of(req), req);
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
	{ "step", step },
	{ "idle", idle },
	{ "next", next },
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
