/*
 * Plugins on loops: opened once for each, closed last first, refusing, and each
 * allocation failing once.  Their files are tested by tests/plugins.bats.
 */
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "plugin.h"
#include "tap.h"

static int opened, closed;	/* how often */
static char order[8];		/* names of those that were closed */

static int
open_a(struct amas_loop *loop, void **self, struct amas_error *err)
{
	static char name[] = "a";

	(void)loop;
	(void)err;
	opened++;
	*self = name;
	return 0;
}

static int
open_b(struct amas_loop *loop, void **self, struct amas_error *err)
{
	static char name[] = "b";

	(void)loop;
	(void)err;
	opened++;
	*self = name;
	return 0;
}

static void
close_any(void *self)
{
	order[closed++] = *(const char *)self;
}

static int
refuse(struct amas_loop *loop, void **self, struct amas_error *err)
{
	(void)loop;
	(void)self;
	return amas_error_set(err, AMAS_EINVAL, "no licence");
}

static int
refuse_silently(struct amas_loop *loop, void **self, struct amas_error *err)
{
	(void)loop;
	(void)self;
	(void)err;
	return AMAS_ETIMEDOUT;
}

static const struct amas_plugin a = { .open = open_a, .close = close_any };
static const struct amas_plugin b = { .open = open_b, .close = close_any };
static const struct amas_plugin bare = { .abi = 0 };
static const struct amas_plugin no = { .open = refuse, .close = close_any };
static const struct amas_plugin mute = { .open = refuse_silently };

static struct amas_loop *
loop_new(void)
{
	struct amas_loop *l;

	if (amas_loop_new(&l, NULL, NULL) != 0)
		abort();
	return l;
}

static void
reset(void)
{
	opened = closed = 0;
	memset(order, 0, sizeof order);
}

static void
test_open(void)
{
	struct amas_loop *l = loop_new(), *other = loop_new();
	void *self = NULL, *again = NULL;

	reset();
	tap_int(amas__plugin_open(&self, &a, l, NULL), 0, "opened");
	tap_str(self, "a", "its own self");
	tap_int(amas__plugin_open(&self, &b, l, NULL), 0, "another opened");
	tap_int(amas__plugin_open(&again, &a, l, NULL), 0, "the first again");
	tap_str(again, "a", "the same self");
	tap_int(opened, 2, "each was opened once");
	tap_int(amas__plugin_open(&self, &a, other, NULL), 0, "on a loop more");
	tap_int(opened, 3, "there it is opened anew");
	amas_loop_free(other);
	tap_str(order, "a", "it is closed with its loop");
	amas_loop_free(l);
	tap_str(order, "aba", "the last is closed first");
}

static void
test_bare(void)
{
	struct amas_loop *l = loop_new();
	char here;
	void *self = &here;

	reset();
	tap_int(amas__plugin_open(&self, &bare, l, NULL), 0,
	    "one without open and close");
	tap_ok(self == NULL, "has no self");
	amas_loop_free(l);
}

static void
test_refusal(void)
{
	struct amas_loop *l = loop_new();
	struct amas_error err = { 0 };
	char here;
	void *self = &here;

	reset();
	tap_int(amas__plugin_open(&self, &no, l, &err), AMAS_ESYS, "refused");
	tap_str(err.text, "no licence", "its own cause");
	tap_ok(self == &here, "self stays as it was");
	tap_int(amas__plugin_open(&self, &no, l, NULL), AMAS_ESYS,
	    "refused again, without an error to fill");
	tap_int(amas__plugin_open(&self, &mute, l, &err), AMAS_ESYS,
	    "refused without a word");
	tap_str(err.text, amas_strerror(AMAS_ETIMEDOUT), "its code's text");
	amas_loop_free(l);
	tap_int(closed, 0, "what was not opened is not closed");
}

static void
test_memory(void)
{
	struct amas_loop *l = loop_new();
	struct amas_error err = { 0 };
	void *self = NULL;

	reset();
	tap_fail_alloc(1);
	tap_int(amas__plugin_open(&self, &a, l, &err), AMAS_ENOMEM,
	    "memory is short");
	tap_fail_alloc(0);
	tap_int(opened, 0, "then it is not opened");
	tap_int(amas__plugin_open(&self, &a, l, &err), 0, "later it is");
	amas_loop_free(l);
	tap_int(closed, 1, "and closed once");
}

int
main(void)
{
	test_open();
	test_bare();
	test_refusal();
	test_memory();
	return tap_done();
}
