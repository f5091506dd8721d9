/* An agent in C: adds to what it was made with.  For amas-container(1). */
#include <amas.h>

struct adder {
	int base;
};

static void
adder_init(struct amas_request *req, void *self)
{
	struct adder *a = self;

	if (amas_request_unpack(req, "[i]", &a->base) != 0)
		return; /* has failed the making of this agent */
}

static void
adder_add(struct amas_request *req, void *self)
{
	struct adder *a = self;
	int n;

	if (amas_request_unpack(req, "[i]", &n) == 0)
		amas_request_reply(req, "i", a->base + n);
}

static const struct amas_function functions[] = {
	{ "add", adder_add },
	{ NULL, NULL }
};

static const struct amas_class adder = { .name = "adder",
	.size = sizeof(struct adder), .functions = functions,
	.init = adder_init };

static const struct amas_class *const classes[] = { &adder, NULL };

const struct amas_plugin amas_plugin = { .abi = AMAS_ABI,
	.classes = classes };
