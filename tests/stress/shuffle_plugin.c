/* The functions of shuffle.h, as a plugin. */
#include "shuffle.h"

static int
opened(struct amas_loop *loop, void **self, struct amas_error *err)
{
	if ((*self = shuffle_new(loop)) == NULL)
		return amas_error_set(err, AMAS_ENOMEM, "out of memory");
	return 0;
}

static void
closed(void *self)
{
	shuffle_free(self);
}

const struct amas_plugin amas_plugin = { .abi = AMAS_ABI,
	.functions = shuffle_functions, .open = opened, .close = closed };
