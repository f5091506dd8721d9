/*
 * What children may ask of the host about time: of the clock of their home, or
 * that of the loop.  The failures are aiomas's.
 */
#include "host_int.h"

#include "clock.h"
#include "home.h"
#include "request.h"
#include "times.h"

static struct amas_clock *
clock_of(const struct amas__visitor *v)
{
	const struct amas__home *home = v->guest->home;

	return home != NULL ? home->clock : amas_loop_clock(v->host->loop);
}

void
amas__host_time(struct amas__visitor *v, struct amas_request *req)
{
	amas__times_reply(clock_of(v), req);
}

void
amas__host_utcnow(struct amas__visitor *v, struct amas_request *req)
{
	amas__times_reply_utcnow(clock_of(v), req);
}

/* Whether there is one argument; else it has answered. */
static bool
is_one(struct amas_request *req)
{
	const struct amas_value *v;

	return amas_request_unpack(req, "[v]", &v) == 0;
}

static void
on_time(void *arg)
{
	amas__host_answer(arg, NULL, NULL);
}

void
amas__host_sleep(struct amas__visitor *v, struct amas_request *req)
{
	struct amas__wait *w;
	double dt_s;

	if (is_one(req) &&
	    amas__times_unpack_dt(clock_of(v), req, &dt_s) == 0 &&
	    (w = amas__host_wait(v, req)) != NULL)
		amas_timer_call_in(&w->timer, clock_of(v), dt_s, on_time, w);
}

void
amas__host_sleep_until(struct amas__visitor *v, struct amas_request *req)
{
	struct amas__wait *w;
	double t_s;

	if (is_one(req) &&
	    amas__times_unpack_at(clock_of(v), req, &t_s) == 0 &&
	    (w = amas__host_wait(v, req)) != NULL)
		amas_timer_call_at(&w->timer, clock_of(v), t_s, on_time, w);
}
