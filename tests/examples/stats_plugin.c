/*
 * A plugin: values as jansson's, answers that come later, calls of the caller.
 *
 *	cc -shared -fPIC $(pkg-config --cflags amas-plugin) stats_plugin.c \
 *	    -o stats.so
 *	amas-serve :5555 stats=./stats.so
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include <amas.h>
#include <amas_jansson.h>

#define WAITING_MAX 8

/* What the functions share: requests that wait for news; NULL: a free place. */
struct stats {
	struct amas_request *waiting[WAITING_MAX];
};

/* mean(list): by jansson. */
static void
mean(struct amas_request *req, void *self)
{
	struct amas_value *result = NULL;
	struct amas_error err;
	json_error_t jerr;
	json_t *args, *series, *number, *out = NULL;
	double sum = 0;
	size_t i;

	(void)self;
	if ((args = amas_value_to_json(amas_request_args(req), &err)) == NULL) {
		amas_request_fail(req, "TypeError: %s", err.text);
		return;
	}
	if (json_unpack_ex(args, &jerr, JSON_STRICT, "[o]", &series) != 0) {
		amas_request_fail(req, "TypeError: %s", jerr.text);
		goto out;
	}
	json_array_foreach(series, i, number)
		sum += json_number_value(number);
	out = json_pack("{s:I, s:f}", "n", (json_int_t)i, "mean",
	    i > 0 ? sum / (double)i : 0.0);
	if (amas_value_from_json(&result, out, &err) == 0)
		amas_request_reply(req, "v", result);
	else
		amas_request_fail(req, "%s", err.text);
	amas_value_free(result);
out:
	json_decref(out);
	json_decref(args);
}

/* add(a, b): integers. */
static void
add(struct amas_request *req, void *self)
{
	int64_t a, b, sum;

	(void)self;
	if (amas_request_unpack(req, "[II]", &a, &b) != 0)
		return;
	if (__builtin_add_overflow(a, b, &sum))
		amas_request_fail(req, "OverflowError: over 64 bits");
	else
		amas_request_reply(req, "I", sum);
}

/* util/pairs(map): the same pairs as a list of lists, by amas values. */
static void
pairs(struct amas_request *req, void *self)
{
	const struct amas_value *map;
	struct amas_value *list;
	size_t i;

	(void)self;
	if (amas_request_unpack(req, "[v]", &map) != 0)
		return;
	list = amas_value_pack("[]");
	for (i = 0; i < amas_value_len(map); i++)
		amas_value_add(list, "[vv]", amas_value_key(map, i),
		    amas_value_at(map, i));
	amas_request_reply(req, "v", list); /* short memory: a failure */
	amas_value_free(list);
}

/* Takes a request out of its place, to be answered. */
static struct amas_request *
take(struct amas_request **place)
{
	struct amas_request *req = *place;

	*place = NULL;
	return req;
}

static void
gone(void *arg)
{
	amas_request_reply(take(arg), NULL); /* nobody will read it */
}

/* news(): answers when somebody tells some. */
static void
news(struct amas_request *req, void *self)
{
	struct stats *s = self;
	size_t i;

	if (amas_request_unpack(req, "[]") != 0)
		return;
	for (i = 0; i < WAITING_MAX && s->waiting[i] != NULL; i++)
		;
	if (i == WAITING_MAX) {
		amas_request_fail(req, "RuntimeError: too many wait");
		return;
	}
	s->waiting[i] = amas_request_keep(req);
	amas_request_on_gone(req, gone, &s->waiting[i]);
}

/* tell(text): answers all that wait with it; gives how many. */
static void
tell(struct amas_request *req, void *self)
{
	struct stats *s = self;
	const char *text;
	int n = 0;
	size_t i;

	if (amas_request_unpack(req, "[s]", &text) != 0)
		return;
	for (i = 0; i < WAITING_MAX; i++)
		if (s->waiting[i] != NULL) {
			amas_request_reply(take(&s->waiting[i]), "s", text);
			n++;
		}
	amas_request_reply(req, "i", n);
}

static void
got_name(const struct amas_reply *rep, void *arg)
{
	struct amas_request *req = arg;
	const char *name;
	char text[128];

	if (rep->kind != AMAS_RESULT) {
		amas_request_fail(req, "RuntimeError: no client name: %s",
		    rep->text);
	} else if (amas_value_unpack(rep->value, NULL, "s", &name) != 0) {
		amas_request_fail(req, "TypeError: a name is text");
	} else {
		snprintf(text, sizeof text, "Client name is \"%s\"", name);
		amas_request_reply(req, "s", text);
	}
}

/* server_method(client): asks the caller for its name before it answers. */
static void
server_method(struct amas_request *req, void *self)
{
	struct amas_proxy *client;

	(void)self;
	if (amas_request_unpack(req, "[p]", &client) != 0)
		return;
	amas_request_keep(req);
	if (amas_proxy_call(client, "get_client_name", 5, got_name, req,
	    NULL) != 0)
		amas_request_fail(req, "MemoryError");
}

static int
stats_open(struct amas_loop *loop, void **self, struct amas_error *err)
{
	struct stats *s = calloc(1, sizeof *s);

	(void)loop;
	if (s == NULL)
		return amas_error_set(err, AMAS_ENOMEM, "out of memory");
	*self = s;
	return 0;
}

static void
stats_close(void *self)
{
	free(self); /* connections have ended, so all places are free */
}

static const struct amas_function functions[] = {
	{ "add", add },
	{ "mean", mean },
	{ "util/pairs", pairs }, /* in a sub-service */
	{ "news", news },
	{ "tell", tell },
	{ "server_method", server_method },
	{ NULL, NULL }
};

const struct amas_plugin amas_plugin = {
	.abi = AMAS_ABI,
	.functions = functions,
	.open = stats_open,
	.close = stats_close,
};
