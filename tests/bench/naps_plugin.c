/* Agents that sleep again and again, for the bench of clocks: nap SECONDS. */
#include <amas.h>

struct napper {
	struct amas_timer timer;
	struct amas_clock *clock;
	double dt_s;
};

static void
woke(void *self)
{
	struct napper *n = self;

	amas_timer_call_in(&n->timer, n->clock, n->dt_s, woke, n);
}

/* Sleeps 900 s, as long as a step of 15 minutes, unless it is told. */
static void
init(struct amas_request *req, void *self)
{
	struct napper *n = self;

	n->dt_s = 900;
	if (amas_request_unpack(req, "[|f]", &n->dt_s) != 0)
		return;
	n->clock = amas_agent_clock(amas_request_agent(req));
	woke(n);
}

static void
fini(void *self)
{
	struct napper *n = self;

	amas_timer_cancel(&n->timer);
}

static const struct amas_class napper = { .name = "napper",
	.size = sizeof(struct napper), .init = init, .fini = fini };

static const struct amas_class *const classes[] = { &napper, NULL };

const struct amas_plugin amas_plugin = { .abi = AMAS_ABI,
	.classes = classes };
