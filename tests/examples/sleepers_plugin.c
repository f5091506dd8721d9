/*
 * Agents that sleep, and one that looks in which order they wake: by due time,
 * then by who fell asleep first.
 *
 * amas-container --clock sim local://a Order=./sleepers_plugin.so \
 *     Sleeper:100000=./sleepers_plugin.so
 */
#include <stdlib.h>
#include <string.h>

#include <amas.h>

#define GROUPS 7	/* that wake one second apart */

/* ---- Who looks ---- */

struct order {
	double due_s;
	int id, n, wrong;
};

static void
order_woke(struct amas_request *req, void *self)
{
	struct order *o = self;
	double due_s;
	int id;

	if (amas_request_unpack(req, "[fi]", &due_s, &id) != 0)
		return;
	if (due_s < o->due_s || (due_s <= o->due_s && id < o->id))
		o->wrong++;
	o->due_s = due_s;
	o->id = id;
	o->n++;
	amas_request_reply(req, NULL);
}

static void
order_told(struct amas_request *req, void *self)
{
	struct order *o = self;

	amas_request_reply(req, "{s:i, s:i}", "woke", o->n, "wrong", o->wrong);
}

static const struct amas_function order_functions[] = {
	{ "woke", order_woke },
	{ "told", order_told },
	{ NULL, NULL }
};

static const struct amas_class order = { .name = "Order",
	.size = sizeof(struct order), .functions = order_functions };

/* ---- Who sleeps ---- */

struct sleeper {
	struct amas_proxy *order;
	struct amas_timer timer;
	double due_s;
	int id;
};

static void
answered(const struct amas_reply *rep, void *self)
{
	(void)rep;
	(void)self;
}

static void
sleeper_wake(void *self)
{
	struct sleeper *s = self;

	(void)amas_proxy_call(s->order, "woke", 0, answered, s, "[fi]",
	    s->due_s, s->id);
}

/* Sleeper(WHO, SECONDS): WHO is the id of who looks. */
static void
sleeper_init(struct amas_request *req, void *self)
{
	struct amas_agent *agent = amas_request_agent(req);
	struct amas_clock *clock = amas_agent_clock(agent);
	struct sleeper *s = self;
	struct amas_error err;
	char url[AMAS_URL_SIZE], *id;
	int order_id = 1;
	double dt_s = 1;

	if (amas_request_unpack(req, "[|if]", &order_id, &dt_s) != 0)
		return;
	(void)amas_agent_url(agent, url, sizeof url);
	id = strrchr(url, '/') + 1;
	s->id = atoi(id);
	s->due_s = amas_clock_time(clock) + dt_s + s->id % GROUPS;
	(void)strcpy(id, order_id == 0 ? "0" : "1");
	if (amas_agent_connect(&s->order, agent, url, 0, &err) != 0)
		amas_request_fail(req, "%s", err.text);
	else
		amas_timer_call_at(&s->timer, clock, s->due_s, sleeper_wake, s);
}

static const struct amas_class sleeper = { .name = "Sleeper",
	.size = sizeof(struct sleeper), .init = sleeper_init };

static const struct amas_class *const classes[] = { &order, &sleeper, NULL };

const struct amas_plugin amas_plugin = { .abi = AMAS_ABI,
	.classes = classes };
