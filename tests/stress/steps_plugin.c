/*
 * Agents in C for the stress of steps: each message says when it was sent, by
 * simulated time, and each agent looks at its clock when it gets one.
 *
 *	go(URLS, UNTIL)		sleeps, calls any of them, and so on
 *	hit(T, DEPTH)		answers with its time, at once, later, or when
 *				another agent has answered
 *	report()		how many messages it got
 *
 * What is wrong goes to $STEPS_BAD, a line each.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amas.h>

#define URLS_MAX 64
#define TICK_S 0.25

struct walker {
	struct amas_agent *agent;
	struct amas_proxy *to[URLS_MAX];
	int n;
	double until_s;
	int64_t messages;
	unsigned seed;
	struct amas_timer next;
	struct hit *hits;
};

/* One call of hit() that is not answered yet. */
struct hit {
	struct hit *next, **from;
	struct walker *w;
	struct amas_request *req;	/* NULL: of its own will */
	struct amas_timer timer;
};

static double
now(const struct walker *w)
{
	return amas_clock_time(amas_agent_clock(w->agent));
}

static int
any(struct walker *w, int n)
{
	w->seed = w->seed * 1103515245 + 12345;
	return (int)(w->seed >> 16) % n;
}

static void
check(struct walker *w, const char *what, double sent_s)
{
	const char *path = getenv("STEPS_BAD");
	double now_s = now(w);
	char url[AMAS_URL_SIZE];
	FILE *f;

	w->messages++;
	if (sent_s >= now_s && sent_s <= now_s)
		return;
	if (path == NULL || (f = fopen(path, "a")) == NULL)
		abort();
	fprintf(f, "%s: %s %s: sent at %g, handled at %g\n",
	    sent_s > now_s ? "early" : "late", amas_agent_url(w->agent, url,
	    sizeof url), what, sent_s, now_s);
	fclose(f);
}

static struct hit *
hit_new(struct walker *w, struct amas_request *req)
{
	struct hit *h = calloc(1, sizeof *h);

	if (h == NULL)
		abort();
	h->w = w;
	h->req = req != NULL ? amas_request_keep(req) : NULL;
	h->from = &w->hits;
	if ((h->next = w->hits) != NULL)
		h->next->from = &h->next;
	return w->hits = h;
}

static void
hit_free(struct hit *h)
{
	if ((*h->from = h->next) != NULL)
		h->next->from = h->from;
	amas_timer_cancel(&h->timer);
	free(h);
}

static void
done(struct hit *h)
{
	if (h->req != NULL)
		amas_request_reply(h->req, "f", now(h->w));
	hit_free(h);
}

/* All ends. */
static void
give_up(struct hit *h)
{
	if (h->req != NULL)
		amas_request_fail(h->req, "ended");
	hit_free(h);
}

static void
on_timer(void *arg)
{
	done(arg);
}

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct hit *h = arg;
	double t_s;

	if (rep->kind == AMAS_RESULT &&
	    amas_value_unpack(rep->value, NULL, "f", &t_s) == 0)
		check(h->w, "reply", t_s);
	if (rep->kind == AMAS_ERROR && rep->code == AMAS_ECANCELED)
		give_up(h);
	else
		done(h);
}

static void
call_any(struct hit *h, int depth)
{
	struct walker *w = h->w;

	if (w->n == 0 || amas_proxy_call(w->to[any(w, w->n)], "hit", 0,
	    on_reply, h, "[fi]", now(w), depth) != 0)
		done(h);
}

static void
hit(struct amas_request *req, void *self)
{
	struct walker *w = self;
	struct hit *h;
	double sent_s;
	int depth;

	if (amas_request_unpack(req, "[fi]", &sent_s, &depth) != 0)
		return;
	check(w, "hit", sent_s);
	h = hit_new(w, req);
	switch (any(w, 3)) {
	case 0:
		amas_timer_call_in(&h->timer, amas_agent_clock(w->agent),
		    TICK_S * any(w, 6), on_timer, h);
		break;
	case 1:
		if (depth > 0) {
			call_any(h, depth - 1);
			break;
		}
		done(h);
		break;
	default:
		done(h);
		break;
	}
}

static void
on_next(void *arg)
{
	struct walker *w = arg;

	if (now(w) > w->until_s)
		return;
	call_any(hit_new(w, NULL), 3);
	amas_timer_call_in(&w->next, amas_agent_clock(w->agent),
	    TICK_S * (1 + any(w, 8)), on_next, w);
}

static void
go(struct amas_request *req, void *self)
{
	struct walker *w = self;
	const struct amas_value *urls;
	size_t i;

	if (amas_request_unpack(req, "[vf]", &urls, &w->until_s) != 0)
		return;
	w->agent = amas_request_agent(req);
	for (i = 0; i < amas_value_len(urls) && w->n < URLS_MAX; i++)
		if (amas_agent_connect(&w->to[w->n], w->agent,
		    amas_value_text(amas_value_at(urls, i)), 10, NULL) == 0)
			w->n++;
	on_next(w);
	amas_request_reply(req, NULL);
}

static void
report(struct amas_request *req, void *self)
{
	amas_request_reply(req, "I", ((struct walker *)self)->messages);
}

static void
walker_init(struct amas_request *req, void *self)
{
	struct walker *w = self;

	w->agent = amas_request_agent(req);
	w->seed = (unsigned)rand();
}

static void
walker_fini(void *self)
{
	struct walker *w = self;

	amas_timer_cancel(&w->next);
	while (w->hits != NULL)
		give_up(w->hits);
}

static const struct amas_function functions[] = {
	{ "go", go },
	{ "hit", hit },
	{ "report", report },
	{ NULL, NULL }
};

static const struct amas_class walker = { .name = "walker",
	.size = sizeof(struct walker), .functions = functions,
	.init = walker_init, .fini = walker_fini };

static const struct amas_class *const classes[] = { &walker, NULL };

const struct amas_plugin amas_plugin = { .abi = AMAS_ABI,
	.classes = classes };
