/* The slots of a batch; see call_slots.h. */
#include "call_slots.h"

#include <inttypes.h>
#include <stdlib.h>

#include "err.h"
#include "mem.h"
#include "number.h"

#define USUAL 240		/* bytes of an outcome */

void
call_slots_init(struct call_slots *all, const struct call_opts *o,
    struct call_output *out, void *owner)
{
	all->o = o;
	all->out = out;
	all->owner = owner;
	amas__list_init(&all->list);
	all->n = all->held = 0;
}

static struct call_slot *
first(const struct call_slots *all)
{
	if (amas__list_empty(&all->list))
		return NULL;
	return AMAS__OF(all->list.next, struct call_slot, link);
}

void
call_slots_fini(struct call_slots *all)
{
	struct call_slot *s;

	while ((s = first(all)) != NULL)
		call_slot_free(s);
}

struct call_slot *
call_slot_new(struct call_slots *all, uint64_t n)
{
	struct call_slot *s = amas__zalloc(sizeof *s);

	if (s == NULL)
		return NULL;
	s->all = all;
	s->n = n;
	amas__buf_init(&s->outcome, 0);
	amas__list_add(&all->list, &s->link);
	all->n++;
	return s;
}

void
call_slot_free(struct call_slot *s)
{
	amas__list_remove(&s->link);
	s->all->n--;
	if (s->done)
		s->all->held -= amas__buf_len(&s->outcome);
	amas__buf_fini(&s->outcome);
	free(s);
}

/* Writes the outcome of a slot and frees it. */
static int
write_slot(struct call_slot *s)
{
	struct call_output *out = s->all->out;
	int rc = 0;

	if (s->to_stderr) {
		call_output_flush(out); /* in order where both meet */
		call_say(&s->outcome);
	} else {
		rc = amas__buf_put(&out->buf, amas__buf_head(&s->outcome),
		    amas__buf_len(&s->outcome));
		call_output_start(out);
	}
	call_slot_free(s);
	return rc;
}

static int
finish(struct call_slot *s, struct amas_error *err)
{
	struct call_slots *all = s->all;
	int rc = 0;

	s->done = true;
	all->held += amas__buf_len(&s->outcome);
	if (all->o->unordered)
		rc = write_slot(s);
	else
		while (rc == 0 && (s = first(all)) != NULL && s->done)
			rc = write_slot(s);
	return rc == 0 ? 0 : amas__error_nomem(err);
}

/* "[TYPE, N, VALUE]" */
static int
put_message(struct call_slot *s, const struct amas_reply *rep,
    struct amas_error *err)
{
	char n[AMAS__NUMBER_SIZE];
	int rc;

	if ((rc = amas__buf_reserve(&s->outcome, USUAL)) != 0 ||
	    (rc = amas__buf_puts(&s->outcome, rep->kind == AMAS_RESULT ?
	    "[1, " : "[2, ")) != 0 ||
	    (rc = amas__buf_put(&s->outcome, n, amas__number_put_int(n,
	    (int64_t)s->n))) != 0 ||
	    (rc = amas__buf_puts(&s->outcome, ", ")) != 0)
		return amas__error_nomem(err);
	if ((rc = call_put_value(&s->outcome, rep->value, 0, err)) != 0)
		return rc;
	rc = amas__buf_puts(&s->outcome, "]\n");
	return rc == 0 ? 0 : amas__error_nomem(err);
}

/* A failure after the number of its line, for people. */
static int
put_words(struct call_slot *s, const struct amas_reply *rep,
    struct amas_error *err)
{
	s->to_stderr = true;
	if (amas__buf_printf(&s->outcome, "amas-call: line %" PRIu64 ": ",
	    s->n) != 0 || call_put_failure(&s->outcome, rep) != 0)
		return amas__error_nomem(err);
	return 0;
}

int
call_slot_reply(struct call_slot *s, const struct amas_reply *rep,
    struct amas_error *err)
{
	const struct call_opts *o = s->all->o;
	int rc;

	if (o->batch)
		rc = put_message(s, rep, err);
	else if (rep->kind == AMAS_RESULT)
		rc = call_put_result(&s->outcome, o, rep->value, err);
	else if (o->json)
		rc = call_put_failure_json(&s->outcome, o, rep, err);
	else
		rc = put_words(s, rep, err);
	return rc != 0 ? rc : finish(s, err);
}

int
call_slot_failure(struct call_slot *s, const char *text,
    const char *origin, struct amas_error *err)
{
	struct amas_value *v = amas_value_pack("s", text);
	struct amas_reply rep = { .kind = AMAS_FAILURE, .value = v,
		.text = text, .origin = origin };
	int rc;

	rc = v != NULL ? call_slot_reply(s, &rep, err) : amas__error_nomem(err);
	amas_value_free(v);
	return rc;
}

int
call_slot_nothing(struct call_slot *s, struct amas_error *err)
{
	return finish(s, err);
}
