/*
 * Steps: the time is set, agents are told what comes in, who sleeps until now
 * wakes up, and when all is at rest again it is known when the next step is.
 *
 * Who wakes up in a step knows what came in with it: sleepers are held until the
 * inputs have been taken, so that this does not depend on who is faster.
 */
#include <inttypes.h>
#include <math.h>

#include "clock.h"
#include "err.h"
#include "mosaik_agents_int.h"
#include "request.h"
#include "value.h"

#define STEP_MAX 9007199254740992.0	/* 2^53: of the times of sleepers */

static struct amas__entity *
find(const struct amas__mosaik_agents *m, const struct amas_value *eid)
{
	return amas_value_type(eid) != AMAS_STRING ? NULL :
	    amas__map_get(&m->by_eid, amas_value_text(eid),
	    amas_value_len(eid));
}

/* ---- Inputs ---- */

/* Gives each entity what is for it.  False: it has failed. */
static bool
set_inputs(struct amas__mosaik_agents *m, const struct amas_value *inputs)
{
	const struct amas_value *eid;
	struct amas__entity *e;
	size_t i;

	for (i = 0; i < amas_value_len(inputs); i++) {
		eid = amas_value_key(inputs, i);
		if ((e = find(m, eid)) == NULL) {
			amas__mosaik_fail(m, "KeyError: step: inputs of \"%.100s\", "
			    "which was not created", amas_value_text(eid));
			return false;
		}
		e->inputs = amas_value_at(inputs, i);
	}
	return true;
}

/* One that has no step is asked in vain, if nothing is lost. */
static void
tell(struct amas__mosaik_agents *m, struct amas__entity *e)
{
	bool needed = amas_value_len(e->inputs) > 0;
	struct amas_value *args;

	if (m->c->slot[e->id] == NULL && !needed)
		return; /* it has ended */
	args = e->inputs != NULL ? amas_value_pack("[Iv]", m->now, e->inputs) :
	    amas_value_pack("[I{}]", m->now);
	amas__mosaik_call(m, e, "step", args, needed);
	amas_value_free(args);
}

/* Sets the clock; a step may come again at the same time. */
static bool
set_time(struct amas__mosaik_agents *m)
{
	double t_s = (double)m->now * m->resolution_s;
	struct amas_error err;

	if (t_s <= amas_clock_time(m->c->clock) &&
	    t_s >= amas_clock_time(m->c->clock))
		return true;
	if (amas_clock_set(m->c->clock, t_s, &err) == 0)
		return true;
	amas__mosaik_fail(m, "ValueError: step: %s", err.text);
	return false;
}

void
amas__mosaik_step(struct amas__mosaik_agents *m)
{
	const struct amas_value *args = amas_request_args(m->req), *inputs;
	const struct amas_value *max;
	struct amas_error err;
	int64_t now;

	if (amas_value_unpack(args, &err, "[Iv|v]", &now, &inputs, &max) != 0 ||
	    amas_value_type(inputs) != AMAS_MAP || now < 0) {
		amas__mosaik_fail(m, "TypeError: step takes a time and the "
		    "inputs");
		return;
	}
	if (now > (int64_t)STEP_MAX - 1) { /* there is one after it */
		amas__mosaik_fail(m, "ValueError: step: the time is above "
		    "2^53 - 1");
		return;
	}
	m->now = now;
	m->next = INT64_MAX;
	m->phase = AMAS__MOSAIK_SETTLE;
	if (set_inputs(m, inputs))
		amas__rest_look(m->loop);
}

/* All is at rest: it is the time of the step now. */
static void
tell_all(struct amas__mosaik_agents *m)
{
	size_t i;

	m->phase = AMAS__MOSAIK_INPUTS;
	amas__clock_hold(m->c->clock, true);
	if (!set_time(m))
		return;
	for (i = 0; i < m->n && !m->failed; i++)
		tell(m, m->entity[i]);
	amas__rest_look(m->loop);
}

/* ---- The next step ---- */

void
amas__mosaik_stepped(struct amas__mosaik_agents *m,
    const struct amas__entity *e, const struct amas_value *v)
{
	int64_t t = amas_value_int(v);

	if (amas_value_type(v) == AMAS_NULL ||
	    amas_value_type(v) == AMAS_BIGINT)
		return; /* none, or one that never comes */
	if (amas_value_type(v) != AMAS_INT)
		amas__mosaik_fail(m, "ValueError: %s: step: the time of the "
		    "next step is a whole number, or null, not %s", e->eid,
		    amas__type_name(amas_value_type(v)));
	else if (t > m->now && t < m->next)
		m->next = t;
}

/* When the first sleeper wakes: the first step that is not before that. */
static int64_t
next_sleeper(const struct amas__mosaik_agents *m)
{
	double due_s = amas_clock_next(m->c->clock);
	double k = floor(due_s / m->resolution_s) - 1;

	if (isinf(due_s))
		return INT64_MAX;
	if (!(k < STEP_MAX))
		return (int64_t)STEP_MAX;
	while (k * m->resolution_s < due_s)
		k++;
	return k > (double)m->now ? (int64_t)k : m->now + 1;
}

static void
end_step(struct amas__mosaik_agents *m)
{
	int64_t next = next_sleeper(m);
	struct amas_value v;

	if (m->next < next)
		next = m->next;
	if (m->step_size > 0 && m->step_size < next - m->now)
		next = m->now + m->step_size;
	if (next == INT64_MAX) {
		amas__mosaik_reply(m, NULL);
	} else {
		amas__value_int(&v, NULL, next);
		amas__mosaik_reply(m, &v);
	}
}

/* ---- Outputs ---- */

/*
 * The attributes that are asked for, each once, into *out.  Returns 0, AMAS_ETYPE
 * (they are no list of texts) or AMAS_ENOMEM.
 */
static int
each_once(struct amas_value **out, const struct amas_value *attrs)
{
	struct amas_value *list = amas_value_pack("[]");
	const struct amas_value *v;
	struct amas__map seen;
	size_t i;
	int rc = list == NULL ? AMAS_ENOMEM :
	    amas_value_type(attrs) != AMAS_LIST ? AMAS_ETYPE : 0;

	amas__map_init(&seen);
	for (i = 0; i < amas_value_len(attrs) && rc == 0; i++) {
		v = amas_value_at(attrs, i);
		if (amas_value_type(v) != AMAS_STRING)
			rc = AMAS_ETYPE;
		else if (amas__map_get(&seen, amas_value_text(v),
		    amas_value_len(v)) != NULL)
			continue;
		else if (amas_value_add(list, "v", v) != 0 ||
		    amas__map_set(&seen, amas_value_text(v),
		    amas_value_len(v), list) != 0)
			rc = AMAS_ENOMEM;
	}
	amas__map_fini(&seen);
	if (rc == 0)
		*out = list;
	else
		amas_value_free(list);
	return rc;
}

static void
ask(struct amas__mosaik_agents *m, const struct amas_value *eid,
    const struct amas_value *attrs)
{
	struct amas__entity *e = find(m, eid);
	struct amas_value *list, *args;
	int rc;

	if (e == NULL) {
		amas__mosaik_fail(m, "KeyError: get_data: \"%.100s\" was not "
		    "created", amas_value_text(eid));
		return;
	}
	rc = each_once(&list, attrs);
	if (rc == AMAS_ETYPE)
		amas__mosaik_fail(m, "TypeError: get_data: what is asked of "
		    "\"%.100s\" is a list of names", e->eid);
	else if (rc != 0)
		amas__mosaik_fail_nomem(m);
	if (rc != 0)
		return;
	args = amas_value_pack("[v]", list);
	amas__mosaik_call(m, e, "get_data", args, true);
	amas_value_free(args);
	amas_value_free(list);
}

void
amas__mosaik_get_data(struct amas__mosaik_agents *m)
{
	const struct amas_value *outputs;
	struct amas_error err;
	size_t i;

	m->phase = AMAS__MOSAIK_DATA;
	if (amas_value_unpack(amas_request_args(m->req), &err, "[v]",
	    &outputs) != 0 || amas_value_type(outputs) != AMAS_MAP) {
		amas__mosaik_fail(m, "TypeError: get_data takes a map of "
		    "entities");
		return;
	}
	for (i = 0; i < amas_value_len(outputs) && !m->failed; i++)
		ask(m, amas_value_key(outputs, i), amas_value_at(outputs, i));
	amas__task_run(m->loop, &m->look);
}

/* Nothing is what an agent gives that has nothing new. */
void
amas__mosaik_gave(struct amas__mosaik_agents *m, struct amas__entity *e,
    const struct amas_value *v)
{
	if (amas_value_type(v) == AMAS_NULL)
		return;
	if (amas_value_type(v) != AMAS_MAP)
		amas__mosaik_fail(m, "ValueError: %s: get_data: what it gives "
		    "is a map of attributes, not %s", e->eid,
		    amas__type_name(amas_value_type(v)));
	else if ((e->gave = amas_value_keep(v)) == NULL)
		amas__mosaik_fail_nomem(m);
}

/* In the order in which they were asked for. */
static int
collect(struct amas_value *data, struct amas__area *area,
    const struct amas__mosaik_agents *m, const struct amas_value *outputs)
{
	size_t n = amas_value_len(outputs), i;
	struct amas_value *item = amas__area_values(area, 2 * n + 1);
	const struct amas_value *eid;
	const struct amas__entity *e;
	int rc = item != NULL ? 0 : AMAS_ENOMEM;

	for (i = 0; i < n && rc == 0; i++) {
		eid = amas_value_key(outputs, i);
		e = find(m, eid);
		if ((rc = amas__value_share(&item[2 * i], area, eid)) != 0)
			break;
		rc = e->gave == NULL ?
		    amas__value_map(&item[2 * i + 1], area, NULL, 0) :
		    amas__value_share(&item[2 * i + 1], area, e->gave);
	}
	return rc == 0 ? amas__value_map(data, area, item, n) : rc;
}

void
amas__mosaik_end_data(struct amas__mosaik_agents *m)
{
	struct amas__area *area = amas__area_new(amas__loop_pool(m->loop));
	struct amas_value data;

	if (area == NULL || collect(&data, area, m,
	    amas_value_at(amas_request_args(m->req), 0)) != 0)
		amas__mosaik_fail_nomem(m);
	else
		amas__mosaik_reply(m, &data);
	amas__area_unref(area);
}

/* ---- At rest ---- */

void
amas__mosaik_rest(struct amas__mosaik_agents *m)
{
	if (m->failed)
		return; /* about to be answered */
	switch (m->phase) {
	case AMAS__MOSAIK_SETTLE:
		tell_all(m);
		break;
	case AMAS__MOSAIK_INPUTS:
		m->phase = AMAS__MOSAIK_RUN;
		amas__clock_hold(m->c->clock, false);
		amas__rest_look(m->loop);
		break;
	case AMAS__MOSAIK_RUN:
		end_step(m);
		break;
	case AMAS__MOSAIK_DATA:
		if (m->n_calls > 0)
			amas__mosaik_fail(m, "RuntimeError: %s: get_data: "
			    "sleeps, and time stands until it has answered",
			    amas__mosaik_unanswered(m));
		break;
	case AMAS__MOSAIK_CREATE:
	case AMAS__MOSAIK_NONE:
	default:
		break;
	}
}
