/*
 * A class of agents that count their calls, from where their maker said.
 * amas-container :5556 Counter=./counter_plugin.so
 */
#include <amas.h>

struct counter {
	int n;
};

static void
counter_init(struct amas_request *req, void *self)
{
	struct counter *c = self;

	if (amas_request_unpack(req, "[|i]", &c->n) == 0 && c->n < 0)
		amas_request_fail(req, "ValueError: counts from %d", c->n);
}

static void
counter_count(struct amas_request *req, void *self)
{
	struct counter *c = self;

	amas_request_reply(req, "i", ++c->n);
}

static const struct amas_function functions[] = {
	{ "count", counter_count },
	{ NULL, NULL }
};

static const struct amas_class counter = {
	.name = "Counter",
	.size = sizeof(struct counter),
	.functions = functions,
	.init = counter_init,
};

static const struct amas_class *const classes[] = { &counter, NULL };

const struct amas_plugin amas_plugin = {
	.abi = AMAS_ABI,
	.classes = classes,
};
