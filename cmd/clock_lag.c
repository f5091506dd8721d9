/*
 * Who holds a step up: after --lag those are named that have not confirmed it,
 * each asked before what keeps it, and after -t it is over.  A container answers
 * that at once, even when it has no rest; one that does not, or Python's, is
 * named alone.
 */
#include "clock_fleet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "call.h"

#define ASK_S 1.0		/* for the answer to what keeps it */
#define ITEMS_MAX 10		/* of them that are named */

/* What a container has to do in this phase, for messages. */
static const char *
verb(const struct clock_peer *p)
{
	switch (p->fleet->phase) {
	case CLOCK_SETTING:
		return "has not answered set_time";
	case CLOCK_STEPPING:
	case CLOCK_WOKEN:
		return "is not at rest";
	default:
		return "has not answered";
	}
}

/* At the deadline it is why the run ends, else a warning. */
static void
say(const struct clock_peer *p, const char *what, double since_s)
{
	const struct clock_fleet *f = p->fleet;
	char doing[CLOCK_DOING_SIZE], line[1024];

	(void)clock_fleet_doing(f, doing);
	if (f->late) {
		(void)cmd_error(CMD_TIMEOUT, p->name, "%s: %s for %.1f s",
		    doing, what, since_s);
		return;
	}
	(void)snprintf(line, sizeof line, "%.300s: %s: %.500s for %.1f s",
	    p->name, doing, what, since_s);
	cmd_log(AMAS_LOG_WARN, line, NULL);
}

static void
say_alone(const struct clock_peer *p)
{
	say(p, verb(p), call_now() - p->fleet->begun_s);
}

/* One thing that keeps a container from rest; false: it is not said so. */
static bool
say_item(const struct clock_peer *p, const struct amas_value *item)
{
	const struct amas_value *agent = amas_value_get(item, "agent");
	const struct amas_value *what = amas_value_get(item, "what");
	const struct amas_value *since = amas_value_get(item, "since");
	char text[500];

	if (amas_value_text(agent) == NULL || amas_value_text(what) == NULL)
		return false;
	(void)snprintf(text, sizeof text, "agent %.200s: %.250s",
	    amas_value_text(agent), amas_value_text(what));
	say(p, text, amas_value_real(since));
	return true;
}

static void
say_items(const struct clock_peer *p, const struct amas_value *list)
{
	size_t i, n = amas_value_len(list), said = 0;

	if (amas_value_type(list) != AMAS_LIST)
		n = 0;
	for (i = 0; i < n && said < ITEMS_MAX; i++)
		said += say_item(p, amas_value_at(list, i));
	if (said == 0)
		say_alone(p);
}

/* All that were asked have answered, or will not. */
static void
look_named(struct clock_fleet *f)
{
	if (f->n_asked == 0 && f->late)
		clock_fleet_fail(f, CMD_TIMEOUT);
}

static void
on_awake(const struct amas_reply *rep, void *arg)
{
	struct clock_peer *p = arg;
	struct clock_fleet *f = p->fleet;

	if (f->phase == CLOCK_CLOSED)
		return;
	f->n_asked--;
	if (p->busy > 0) /* it may have come to rest meanwhile */
		say_items(p, rep->value);
	look_named(f);
}

/*
 * Names all that are active.  One that steps is asked first: a peer that has
 * not yet said what it is, or sets the time, has nothing to tell.
 */
static void
name_all(struct clock_fleet *f)
{
	struct clock_peer *p;
	size_t i;

	f->named = true;
	for (i = 0; i < f->n; i++) {
		p = &f->peers[i];
		if (p->busy == 0)
			continue;
		if (p->kind != CLOCK_STEPS || f->phase == CLOCK_OPENING ||
		    amas_proxy_call(amas_channel_remote(p->ch), "amas/awake",
		    ASK_S, on_awake, p, NULL) != 0)
			say_alone(p);
		else
			f->n_asked++;
	}
}

static void
on_lag(struct amas__timer *t)
{
	name_all(AMAS__OF(t, struct clock_fleet, lag));
}

/* Says that it is over for those that were named already: one, and how many. */
static void
say_over(const struct clock_fleet *f)
{
	const char *name = "";
	char doing[CLOCK_DOING_SIZE], more[48] = "";
	size_t i, n = 0;

	for (i = 0; i < f->n; i++)
		if (f->peers[i].busy > 0 && n++ == 0)
			name = f->peers[i].name;
	if (n > 1)
		(void)snprintf(more, sizeof more, "; so for %zu more", n - 1);
	(void)clock_fleet_doing(f, doing);
	(void)cmd_error(CMD_TIMEOUT, name, f->phase == CLOCK_OPENING ?
	    "%s: no answer within %g s%s" : "%s: deadline of %g s passed%s",
	    doing, f->o->timeout_s, more);
}

static void
on_limit(struct amas__timer *t)
{
	struct clock_fleet *f = AMAS__OF(t, struct clock_fleet, limit);

	f->late = true;
	if (!f->named)
		name_all(f);
	else if (f->n_asked == 0)
		say_over(f);
	look_named(f);
}

void
clock_lag_init(struct clock_fleet *f)
{
	amas__timer_init(&f->lag, f->loop, on_lag);
	amas__timer_init(&f->limit, f->loop, on_limit);
}

void
clock_lag_start(struct clock_fleet *f)
{
	f->begun_s = call_now();
	f->named = f->late = false;
	if (!isinf(f->o->lag_s))
		amas__timer_start(&f->lag, f->o->lag_s);
	if (f->o->timeout_s > 0)
		amas__timer_start(&f->limit, f->o->timeout_s);
}

void
clock_lag_stop(struct clock_fleet *f)
{
	amas__timer_stop(&f->lag);
	amas__timer_stop(&f->limit);
}
