/*
 * Agents in C for the bench: service(value) gives it back, flood() calls that
 * of another agent, by a connection to its container that lasts so long.
 */
#include <stdint.h>

#include <amas.h>

#include "flood.h"

struct agent {
	int64_t calls;
};

/* Functions of agents are not given what open() made, so it is kept here. */
static struct amas_loop *the_loop;

static void
service(struct amas_request *req, void *self)
{
	const struct amas_value *v;

	if (amas_request_unpack(req, "[v]", &v) != 0)
		return;
	((struct agent *)self)->calls++;
	amas_request_reply(req, "v", v);
}

static void
flood(struct amas_request *req, void *self)
{
	struct amas_channel *ch;
	struct amas_error err;
	const char *url;
	int64_t n, depth;

	(void)self;
	if (amas_request_unpack(req, "[sII]", &url, &n, &depth) != 0)
		return;
	if (amas_channel_open(&ch, the_loop, url, NULL, &err) != 0)
		amas_request_fail(req, "%s", err.text);
	else
		flood_start(req, ch, NULL, n, depth);
}

static int
on_open(struct amas_loop *loop, void **self, struct amas_error *err)
{
	(void)self;
	(void)err;
	the_loop = loop;
	return 0;
}

static const struct amas_function functions[] = {
	{ "service", service },
	{ "flood", flood },
	{ NULL, NULL }
};

static const struct amas_class bench = { .name = "bench",
	.size = sizeof(struct agent), .functions = functions };

static const struct amas_class *const classes[] = { &bench, NULL };

const struct amas_plugin amas_plugin = { .abi = AMAS_ABI,
	.classes = classes, .open = on_open };
