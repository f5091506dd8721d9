/*
 * Plugins that cannot be served, one for each name that it is compiled for.
 */
#include <amas.h>

#if defined ODD_symbol
void amas_no_such_function(void);
#elif defined ODD_crash
#include <stdlib.h>

__attribute__((constructor)) static void
crash(void)
{
	abort();
}
#endif

static void
nothing(struct amas_request *req, void *self)
{
	(void)req;
	(void)self;
#if defined ODD_symbol
	amas_no_such_function();
#endif
}

static int
opened(struct amas_loop *loop, void **self, struct amas_error *err)
{
	(void)loop;
	(void)self;
#if defined ODD_open
	return amas_error_set(err, AMAS_EINVAL, "no licence found");
#elif defined ODD_silent
	(void)err;
	return AMAS_EPROTO;
#else
	(void)err;
	return 0;
#endif
}

static const struct amas_function functions[] = {
#if defined ODD_names
	{ "", nothing },
#elif defined ODD_twice
	{ "nothing", nothing },
#endif
	{ "nothing", nothing },
	{ NULL, NULL }
};

#if defined ODD_codec
static const struct amas_codec half = { .name = "half" };
#endif

#if defined ODD_other
extern const struct amas_plugin amas_plugin_of_other_name;
const struct amas_plugin amas_plugin_of_other_name = {
#else
const struct amas_plugin amas_plugin = {
#endif
#if defined ODD_abi
	.abi = AMAS_ABI + 1,
#else
	.abi = AMAS_ABI,
#endif
#if defined ODD_codec
	.codec = &half,
#endif
#if defined ODD_empty
	.functions = sizeof functions > 0 ? NULL : functions,
#else
	.functions = functions,
#endif
	.open = opened,
};
