/*
 * A simulator of mosaik's in C, for the bench: one link of a chain; one in a
 * process.  cosim.py says what it computes.
 */
#include <stdint.h>

#include <amas.h>

/* What the last step has given. */
static int64_t out;

static void
do_init(struct amas_request *req, void *self)
{
	(void)self;
	amas_request_reply(req, "{s:s, s:s, s:{s:{s:b, s:[], s:[ss]}}}",
	    "api_version", "3.0", "type", "time-based", "models", "Link",
	    "public", 1, "params", "attrs", "in", "out");
}

static void
do_create(struct amas_request *req, void *self)
{
	(void)self;
	amas_request_reply(req, "[{s:s, s:s}]", "eid", "e", "type", "Link");
}

static void
do_step(struct amas_request *req, void *self)
{
	const struct amas_value *inputs, *got;
	int64_t now, value;
	size_t i;

	(void)self;
	if (amas_request_unpack(req, "[Iv*]", &now, &inputs) != 0)
		return;
	out = now + 1;
	got = amas_value_get(amas_value_get(inputs, "e"), "in");
	for (i = 0; i < amas_value_len(got); i++)
		if (amas_value_unpack(amas_value_at(got, i), NULL, "I",
		    &value) == 0)
			out += value;
	amas_request_reply(req, "I", now + 1);
}

static void
do_get_data(struct amas_request *req, void *self)
{
	(void)self;
	amas_request_reply(req, "{s:{s:I}}", "e", "out", out);
}

static const struct amas_function functions[] = {
	{ "init", do_init },
	{ "create", do_create },
	{ "step", do_step },
	{ "get_data", do_get_data },
	{ NULL, NULL }
};

const struct amas_plugin amas_plugin = { .abi = AMAS_ABI,
	.functions = functions };
