/* Calls: a request and the reply with its id that came the other way. */
#include "dump_conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#define DUMP_CALLS_MAX 100000	/* requests of a connection; the oldest goes */

static void
call_free(struct dump_call *k)
{
	int i;

	for (i = 0; i < DUMP_SLOTS; i++)
		free(k->held[i]);
	free(k->path);
	free(k);
}

/* Ids are numbers; of one with more than 64 bits, a number from its digits. */
static uint64_t
key_of_digits(const char *digits, size_t len)
{
	static const uint64_t none[2];

	return amas__hash(none, digits, len);
}

static uint64_t
key_of(const struct amas_value *id)
{
	if (id->type == AMAS_INT)
		return (uint64_t)id->u.i;
	return key_of_digits(id->u.text, id->len);
}

bool
dump_call_has_id(const struct dump_call *k, const char *digits)
{
	char own[32];

	(void)snprintf(own, sizeof own, "%lld", (long long)k->key);
	return strcmp(own, digits) == 0 ||
	    k->key == key_of_digits(digits, strlen(digits));
}

/* Adds it behind those with its id that wait. */
static int
wait_for_reply(struct dump_conn *c, struct dump_call *k,
    const struct amas_value *id)
{
	struct amas__map *m = &c->half[k->back].calls;
	uint64_t key = key_of(id);
	struct dump_call *first = amas__map_get_id(m, key);

	if (first == NULL) {
		if (amas__map_set_id(m, key, k) != 0)
			return AMAS_ENOMEM;
	} else {
		first->last->same = k;
		first->last = k;
	}
	k->last = k;
	k->key = key;
	amas__list_add(&c->calls, &k->link);
	c->n_calls++;
	return 0;
}

/* Takes it out, the first of those with its id. */
static void
unlink_call(struct dump_conn *c, struct dump_call *k)
{
	struct amas__map *m = &c->half[k->back].calls;

	(void)amas__map_take_id(m, k->key);
	if (k->same != NULL) {
		k->same->last = k->last;
		if (amas__map_set_id(m, k->key, k->same) != 0)
			dump_nomem(c->d); /* its reply will find nothing */
	}
	amas__list_remove(&k->link);
	c->n_calls--;
}

static void
give_up(struct dump_conn *c, struct dump_call *k, double t)
{
	unlink_call(c, k);
	dump_tell_unanswered(c->d, k, t);
	call_free(k);
}

static void
take_request(struct dump_conn *c, struct dump_event *e)
{
	struct dump_call *k = amas__zalloc(sizeof *k);
	struct amas__call rpc;

	if (k == NULL) {
		dump_nomem(c->d);
		return;
	}
	k->conn = c;
	k->n = e->n;
	k->t = e->t;
	k->back = e->back;
	k->size = e->size;
	amas__list_init(&k->link);
	if (amas__call_parse(&rpc, e->msg->content, NULL) == 0) {
		e->rpc = &rpc;
		k->path = amas__strndup(rpc.path, rpc.path_len);
		k->path_len = rpc.path_len;
	}
	e->call = k;
	if ((e->rpc != NULL && k->path == NULL) ||
	    wait_for_reply(c, k, e->msg->id) != 0) {
		dump_nomem(c->d);
		call_free(k);
		return;
	}
	dump_tell(c->d, e);
	if (c->n_calls > DUMP_CALLS_MAX)
		give_up(c, AMAS__OF(c->calls.next, struct dump_call, link),
		    e->t);
}

static void
take_reply(struct dump_conn *c, struct dump_event *e)
{
	struct amas__map *m = &c->half[!e->back].calls;
	struct dump_call *k = amas__map_get_id(m, key_of(e->msg->id));
	struct dump_call unseen = { .conn = c, .t = e->t, .back = !e->back,
		.pass = DUMP_MAYBE };
	int i;

	if (k != NULL)
		unlink_call(c, k);
	e->call = k != NULL ? k : &unseen;
	dump_tell(c->d, e);
	if (k != NULL)
		call_free(k);
	for (i = 0; i < DUMP_SLOTS; i++)
		free(unseen.held[i]);
}

void
dump_calls_message(struct dump_conn *c, struct dump_event *e)
{
	if (e->kind == DUMP_REQUEST)
		take_request(c, e);
	else
		take_reply(c, e);
}

void
dump_calls_end(struct dump_conn *c, double t)
{
	while (!amas__list_empty(&c->calls))
		give_up(c, AMAS__OF(c->calls.next, struct dump_call, link), t);
}
