/*
 * The function that calls.sh calls, as a plugin: echo(value) gives it back.
 */
#include <amas.h>

static void
echo(struct amas_request *req, void *self)
{
	const struct amas_value *v;

	(void)self;
	if (amas_request_unpack(req, "[v]", &v) == 0)
		amas_request_reply(req, "v", v);
}

static const struct amas_function functions[] = {
	{ "echo", echo },
	{ NULL, NULL }
};

const struct amas_plugin amas_plugin = { .abi = AMAS_ABI,
	.functions = functions };
