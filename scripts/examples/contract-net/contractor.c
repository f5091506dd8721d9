/*
 * A contractor in C.  cc -shared -fPIC $(pkg-config --cflags amas-plugin)
 * contractor.c -o contractor.so; CONTRACTOR_PLUGIN=./contractor.so ./run
 */
#include <stdio.h>

#include <amas.h>

static void
bid(struct amas_request *req, void *self)
{
	int task;

	(void)self;
	if (amas_request_unpack(req, "[i]", &task) == 0)
		amas_request_reply(req, "i", task * 2 + 3);
}

static void
award(struct amas_request *req, void *self)
{
	char text[64];
	int task;

	(void)self;
	if (amas_request_unpack(req, "[i]", &task) != 0)
		return;
	(void)snprintf(text, sizeof text, "task %d goes to C", task);
	amas_request_reply(req, "s", text);
}

static const struct amas_function functions[] = {
	{ "bid", bid },
	{ "award", award },
	{ NULL, NULL }
};

static const struct amas_class contractor = { .name = "Contractor",
	.functions = functions };

static const struct amas_class *const classes[] = { &contractor, NULL };

const struct amas_plugin amas_plugin = { .abi = AMAS_ABI,
	.classes = classes };
