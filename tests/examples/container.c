/*
 * One market and 100,000 houses in a container, or as many as it is told.  A
 * house gets the market's URL and its price when it is made, sleeps in the
 * container's clock, offers, and sleeps again.  Time is simulated: nothing is
 * left for the loop when no sleeper is.
 */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>

#include <amas.h>

/* A market: state, and one function that others may call. */

struct market {
	double best;
	long n_offers;
};

static void
market_init(struct amas_request *req, void *self)
{
	struct market *m = self;

	if (amas_request_unpack(req, "[]{s:f}", "limit", &m->best) != 0)
		return; /* has failed the making of this agent */
}

static void
market_offer(struct amas_request *req, void *self)
{
	struct market *m = self;
	double price;

	if (amas_request_unpack(req, "[f]", &price) != 0)
		return;
	m->n_offers++;
	if (price < m->best)
		m->best = price;
	amas_request_reply(req, "b", price == m->best);
}

static const struct amas_function market_functions[] = {
	{ "offer", market_offer },
	{ NULL, NULL }
};

static const struct amas_class market_class = {
	.name = "Market",
	.size = sizeof(struct market),
	.functions = market_functions,
	.init = market_init,
};

/*
 * A house: no function, but a will of its own.  What it opened and the timers
 * in its state end with it, so that it needs no fini.
 */

struct house {
	struct amas_agent *agent;
	struct amas_proxy *market;
	struct amas_timer wake;
	double price;
};

static void house_wake(void *self);

static void
house_answered(const struct amas_reply *rep, void *self)
{
	struct house *h = self;
	int best;

	if (rep->kind != AMAS_RESULT ||
	    amas_value_unpack(rep->value, NULL, "b", &best) != 0 || best)
		return; /* sold, or the market is gone: this house rests */
	h->price *= 0.9;
	if (h->price > 0.01)
		amas_timer_call_in(&h->wake, amas_agent_clock(h->agent), 60,
		    house_wake, h);
}

static void
house_wake(void *self)
{
	struct house *h = self;

	amas_proxy_call(h->market, "offer", 10, house_answered, h, "[f]",
	    h->price);
}

static void
house_init(struct amas_request *req, void *self)
{
	struct house *h = self;
	const char *url;
	struct amas_error err;

	if (amas_request_unpack(req, "[sf]", &url, &h->price) != 0)
		return;
	h->agent = amas_request_agent(req);
	if (amas_agent_connect(&h->market, h->agent, url, 0, &err) != 0)
		amas_request_fail(req, "%s", err.text);
	else
		amas_timer_call_in(&h->wake, amas_agent_clock(h->agent), 60,
		    house_wake, h);
}

static const struct amas_class house_class = {
	.name = "House",
	.size = sizeof(struct house),
	.init = house_init,
};

static int
populate(struct amas_container *c, struct amas_agent **market, int n,
    struct amas_error *err)
{
	char url[AMAS_URL_SIZE];
	int i, rc;

	if ((rc = amas_agent_new(market, c, &market_class, err, "[]{s:f}",
	    "limit", 50.0)) != 0)
		return rc;
	amas_agent_url(*market, url, sizeof url);
	for (i = 0; i < n; i++)
		if ((rc = amas_agent_new(NULL, c, &house_class, err, "[sf]",
		    url, 10.0 + i % 90)) != 0)
			return rc;
	return 0;
}

static void
tell(struct amas_agent *market)
{
	const struct market *m = amas_agent_self(market);
	char url[AMAS_URL_SIZE];

	printf("%s: %ld offers in %g s, the best %g\n",
	    amas_agent_url(market, url, sizeof url), m->n_offers,
	    amas_clock_time(amas_agent_clock(market)), m->best);
}

int
main(int argc, char *argv[])
{
	struct ev_loop *ev = ev_loop_new(EVFLAG_NOENV);
	struct amas_container *c = NULL;
	struct amas_agent *market;
	struct amas_loop *loop = NULL;
	struct amas_opts opts = { 0 };
	struct amas_error err;
	int rc;

	if ((rc = amas_loop_new(&loop, ev, &err)) != 0 ||
	    (rc = amas_clock_new(&opts.clock, loop, AMAS_CLOCK_SIM,
	    "2016-01-01T00:00:00+00:00", 0, &err)) != 0 ||
	    (rc = amas_container_open(&c, loop, "local://town", &opts,
	    &err)) != 0 ||
	    (rc = populate(c, &market, argc > 1 ? atoi(argv[1]) : 100000,
	    &err)) != 0) {
		fprintf(stderr, "container: %s\n", err.text);
	} else {
		ev_run(ev, 0);
		tell(market);
	}
	amas_container_close(c);
	amas_clock_free(opts.clock);
	amas_loop_free(loop);
	ev_loop_destroy(ev);
	return amas_exit_status(rc);
}
