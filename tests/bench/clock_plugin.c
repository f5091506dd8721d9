/*
 * Agents in C for the bench of time: each sleeps for so many seconds, by the
 * clock of its container, again and again, and may call an agent of another
 * container whenever it wakes.  One container of them in a process.
 */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amas.h>

struct sleeper {
	struct sleeper *next;
	struct amas_agent *agent;
	struct amas_timer timer;
	double period_s;
	struct amas_proxy *peer;	/* NULL: it calls nobody */
	int64_t value, left;		/* sent last; of a run, still to come */
};

/* All of this process; a run's request, and how many are still at it. */
static struct sleeper *sleepers;
static int64_t woken, right, wrong, busy;
static struct amas_request *run_request;

/* ---- Calls ---- */

static void call(struct sleeper *s);

static void
end_run(void)
{
	struct amas_request *req = run_request;

	if (--busy > 0)
		return;
	run_request = NULL;
	amas_request_reply(req, NULL);
}

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct sleeper *s = arg;
	int64_t value;

	if (rep->kind == AMAS_RESULT && amas_value_unpack(rep->value, NULL,
	    "I", &value) == 0 && value == s->value)
		right++;
	else if (wrong++ == 0)
		fprintf(stderr, "clock_plugin: %s\n", rep->kind ==
		    AMAS_RESULT ? "another value than was sent" : rep->text);
	if (s->left == 0)
		return;
	if (--s->left > 0)
		call(s);
	else
		end_run();
}

static void
call(struct sleeper *s)
{
	if (amas_proxy_call(s->peer, "service", 0, on_reply, s, "[I]",
	    ++s->value) != 0)
		wrong++;
}

/* ---- Sleep ---- */

static void
wake(void *arg)
{
	struct sleeper *s = arg;

	woken++;
	amas_timer_call_in(&s->timer, amas_agent_clock(s->agent), s->period_s,
	    wake, s);
	if (s->peer != NULL)
		call(s);
}

/* Whom it calls: who has its number in the container at base. */
static int
connect_peer(struct sleeper *s, const char *base, struct amas_error *err)
{
	char own[AMAS_URL_SIZE], url[AMAS_URL_SIZE + 32];
	const char *id;

	id = strrchr(amas_agent_url(s->agent, own, sizeof own), '/');
	(void)snprintf(url, sizeof url, "%s%s", base, id + 1);
	return amas_agent_connect(&s->peer, s->agent, url, INFINITY, err);
}

/* init(period[, base]): a period of 0 is no sleep. */
static void
init(struct amas_request *req, void *self)
{
	struct sleeper *s = self;
	struct amas_error err;
	const char *base = NULL;

	s->agent = amas_request_agent(req);
	if (amas_request_unpack(req, "[f|s]", &s->period_s, &base) != 0)
		return;
	if (base != NULL && connect_peer(s, base, &err) != 0) {
		amas_request_fail(req, "%s", err.text);
		return;
	}
	s->next = sleepers;
	sleepers = s;
	if (s->period_s > 0)
		amas_timer_call_in(&s->timer, amas_agent_clock(s->agent),
		    s->period_s, wake, s);
	amas_request_reply(req, NULL);
}

/* Its proxy, and calls with it, have ended before. */
static void
fini(void *self)
{
	struct sleeper *s = self, **i = &sleepers;

	while (*i != NULL && *i != s)
		i = &(*i)->next;
	if (*i == s)
		*i = s->next;
	amas_timer_cancel(&s->timer);
	if (s->left > 0 && run_request != NULL)
		end_run();
}

/* ---- Functions ---- */

static void
service(struct amas_request *req, void *self)
{
	const struct amas_value *v;

	(void)self;
	if (amas_request_unpack(req, "[v]", &v) == 0)
		amas_request_reply(req, "v", v);
}

/* A round trip of the form of a step, which wakes nobody. */
static void
tick(struct amas_request *req, void *self)
{
	double t_s;

	(void)self;
	if (amas_request_unpack(req, "[f]", &t_s) == 0)
		amas_request_reply(req, "[If]", (int64_t)1, t_s + 1);
}

/* How often agents of this container woke; how many calls went well, or not. */
static void
counts(struct amas_request *req, void *self)
{
	(void)self;
	if (amas_request_unpack(req, "[]") == 0)
		amas_request_reply(req, "[III]", woken, right, wrong);
}

/* run(n): has each agent make n calls, one after the other, without sleep. */
static void
run(struct amas_request *req, void *self)
{
	struct sleeper *s;
	int64_t n;

	(void)self;
	if (amas_request_unpack(req, "[I]", &n) != 0)
		return;
	if (n < 1 || run_request != NULL) {
		amas_request_fail(req, "ValueError: %" PRId64 " calls", n);
		return;
	}
	run_request = amas_request_keep(req);
	busy = 1; /* this loop */
	for (s = sleepers; s != NULL; s = s->next) {
		if (s->peer == NULL)
			continue;
		busy++;
		s->left = n;
		call(s);
	}
	end_run();
}

/* A container whose time is over cannot be asked: it leaves a file. */
static void
on_close(void *self)
{
	const char *name = getenv("CLOCK_COUNTS");
	FILE *f = name != NULL ? fopen(name, "we") : NULL;

	(void)self;
	if (f == NULL)
		return;
	fprintf(f, "%" PRId64 " %" PRId64 " %" PRId64 "\n", woken, right,
	    wrong);
	(void)fclose(f);
}

static const struct amas_function functions[] = {
	{ "service", service },
	{ "tick", tick },
	{ "counts", counts },
	{ "run", run },
	{ NULL, NULL }
};

static const struct amas_class sleeper = { .name = "sleeper",
	.size = sizeof(struct sleeper), .functions = functions, .init = init,
	.fini = fini };

static const struct amas_class *const classes[] = { &sleeper, NULL };

const struct amas_plugin amas_plugin = { .abi = AMAS_ABI,
	.classes = classes, .close = on_close };
