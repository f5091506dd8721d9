/*
 * Links.  Of each address that was called there is a link, with a connection or,
 * after its end, without; and of each agent there that was called, what is known
 * of it while the connection lasts.
 *
 * Calls of an agent that is being asked for wait in its list, so that they go
 * out in their order, and one question is enough.
 */
#include "links.h"

#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "err.h"
#include "mem.h"
#include "rpc.h"
#include "service.h"
#include "value.h"

#define PAUSE_FIRST_S 0.02	/* before the second attempt after a failure */
#define PAUSE_MAX_S 1.0

struct link {
	struct amas__links *ls;
	char *addr;			/* as amas__addr_print() has it */
	struct amas__link replaced;	/* by another, if it is in that list */
	struct amas_channel *ch;	/* NULL: over */
	struct amas__ending ending;
	struct amas__map agents;	/* by id: struct known */
	double pause_s;			/* before the next attempt; 0: none */
	double failed_at;
};

struct known {
	struct link *link;
	char *id, *url;
	bool there;			/* it said so */
	struct amas__link waiting;	/* calls, until it does */
};

/* ---- Agents ---- */

static void
known_free(struct known *k)
{
	free(k->id);
	free(k->url);
	free(k);
}

static void
forget(struct known *k)
{
	(void)amas__map_take(&k->link->agents, k->id, strlen(k->id));
	known_free(k);
}

/* Sets what a call of an agent that is not there is told. */
static void
no_agent(struct amas_reply *rep, const struct known *k, char *text,
    size_t size)
{
	struct amas__addr a;

	rep->kind = AMAS_FAILURE;
	rep->code = AMAS_EREMOTE;
	rep->value = NULL;
	rep->text = text;
	if (amas__addr_parse(&a, k->url, NULL) != 0) {
		rep->text = amas_strerror(AMAS_ENOMEM);
		return;
	}
	(void)amas__addr_no_agent(&a, text, size);
	amas__addr_fini(&a);
}

/* The answer to validate_aid. */
static void
on_valid(const struct amas_reply *rep, void *arg)
{
	struct known *k = arg;
	struct amas_reply told = *rep;
	struct amas__link waiting;
	char text[512];

	amas__list_init(&waiting);
	amas__list_move(&waiting, &k->waiting);
	if (rep->kind == AMAS_RESULT &&
	    amas_value_type(rep->value) != AMAS_NULL) {
		k->there = true;
		if (k->link->agents.n > AMAS__KNOWN_MAX)
			forget(k);
		amas__channel_send_held(&waiting);
		return;
	}
	if (rep->kind == AMAS_RESULT)
		no_agent(&told, k, text, sizeof text);
	forget(k);
	amas__channel_report_held(&waiting, &told);
}

/* Asks for an agent that is not known. */
static struct known *
ask(struct link *link, const char *id, const char *url)
{
	struct known *k = amas__zalloc(sizeof *k);

	if (k == NULL)
		return NULL;
	k->link = link;
	amas__list_init(&k->waiting);
	k->id = amas__strdup(id);
	k->url = amas__strdup(url);
	if (k->id == NULL || k->url == NULL ||
	    amas__map_set(&link->agents, id, strlen(id), k) != 0) {
		known_free(k);
		return NULL;
	}
	if (amas__rpc_validate(link->ch, id, on_valid, k) != 0) {
		forget(k);
		return NULL;
	}
	return k;
}

/* ---- Connections ---- */

static void
link_free(struct link *link)
{
	free(link->addr);
	amas__map_fini(&link->agents);
	free(link);
}

static void
drop(struct link *link)
{
	if (amas__list_empty(&link->replaced))
		(void)amas__map_take(&link->ls->by_addr, link->addr,
		    strlen(link->addr));
	amas__list_remove(&link->replaced);
	link_free(link);
}

/* Those that were asked for have been told already: their call has ended. */
static void
forget_agents(struct link *link)
{
	struct known *k;
	size_t i;

	for (i = 0; (k = amas__map_next(&link->agents, &i, NULL, NULL)) !=
	    NULL; )
		known_free(k);
	amas__map_fini(&link->agents);
	amas__map_init(&link->agents);
}

/* Notes how an attempt or a connection ended, for the next attempt. */
static void
note_end(struct link *link)
{
	const struct amas_error *why = amas__channel_ended(link->ch);

	if (why == NULL ||
	    (why->code != AMAS_ECONNECT && why->code != AMAS_ETLS)) {
		link->pause_s = 0;
		return;
	}
	link->failed_at = amas__loop_now(link->ls->loop);
	link->pause_s = link->pause_s == 0 ? PAUSE_FIRST_S :
	    link->pause_s < PAUSE_MAX_S / 2 ? 2 * link->pause_s : PAUSE_MAX_S;
}

static void
on_end(struct amas__ending *e)
{
	struct link *link = AMAS__OF(e, struct link, ending);
	struct amas_channel *ch = link->ch;

	note_end(link);
	forget_agents(link);
	link->ch = NULL;
	if (link->pause_s == 0 || !amas__list_empty(&link->replaced) ||
	    link->ls->by_addr.n > AMAS__LINKS_MAX)
		drop(link);
	amas_channel_close(ch);
}

/*
 * The link to an address that can be called.  One whose peer only waits for our
 * answers goes on, but makes room.
 */
static struct link *
useful(struct amas__links *ls, const char *addr)
{
	struct link *link = amas__map_get(&ls->by_addr, addr, strlen(addr));

	if (link == NULL || link->ch == NULL || amas__channel_answers(link->ch))
		return link;
	(void)amas__map_take(&ls->by_addr, addr, strlen(addr));
	amas__list_add(&ls->replaced, &link->replaced);
	return NULL;
}

static struct link *
find(struct amas__links *ls, const struct amas__addr *a)
{
	char *addr = amas__addr_print(a);
	struct link *link;

	if (addr == NULL)
		return NULL;
	if ((link = useful(ls, addr)) != NULL) {
		free(addr);
		return link;
	}
	if ((link = amas__zalloc(sizeof *link)) == NULL) {
		free(addr);
		return NULL;
	}
	link->ls = ls;
	link->addr = addr;
	link->ending.fn = on_end;
	amas__list_init(&link->ending.link);
	amas__list_init(&link->replaced);
	amas__map_init(&link->agents);
	if (amas__map_set(&ls->by_addr, addr, strlen(addr), link) != 0) {
		link_free(link);
		return NULL;
	}
	return link;
}

static int
dial(struct link *link, const char *url, double connect_s,
    struct amas_error *err)
{
	struct amas__links *ls = link->ls;
	struct amas_opts opts = ls->opts;
	double left = link->failed_at + link->pause_s -
	    amas__loop_now(ls->loop);
	int rc;

	opts.connect_timeout_s = connect_s;
	if ((rc = amas_channel_open(&link->ch, ls->loop, url, &opts,
	    err)) != 0)
		return rc;
	if (amas__channel_be_link(link->ch) != 0) {
		amas_channel_close(link->ch);
		link->ch = NULL;
		return amas__error_nomem(err);
	}
	if (ls->self != NULL)
		(void)amas__channel_set_self(link->ch, ls->self);
	amas__channel_on_end(link->ch, &link->ending);
	if (link->pause_s > 0 && left > 0)
		amas__channel_put_off(link->ch, left);
	return 0;
}

/* The link to where an agent is, connected or about to be. */
static int
reach(struct link **out, struct amas__links *ls, const struct amas__addr *a,
    const char *url, double connect_s, struct amas_error *err)
{
	struct link *link = find(ls, a);
	int rc = 0;

	if (link == NULL)
		return amas__error_nomem(err);
	if (connect_s < 0)
		connect_s = ls->opts.connect_timeout_s;
	if (link->ch != NULL)
		amas__channel_keep_trying(link->ch, connect_s);
	else if ((rc = dial(link, url, connect_s, err)) != 0 &&
	    link->pause_s == 0)
		drop(link);
	*out = link;
	return rc;
}

/* ---- Calls ---- */

int
amas__links_parse(struct amas__addr *a, const char *url,
    struct amas_error *err)
{
	int rc = amas__addr_parse(a, url, NULL);

	if (rc == AMAS_ENOMEM)
		return amas__error_nomem(err);
	if (rc != 0)
		return amas_error_set(err, AMAS_EINVAL,
		    "is no URL of a proxy or an agent");
	if (a->agent != NULL)
		return 0;
	amas__addr_fini(a);
	return amas_error_set(err, AMAS_EINVAL,
	    "is an address, not the URL of a proxy or an agent");
}

static int
send_call(struct link *link, const struct amas__addr *a, const char *url,
    const struct amas_value *content, double timeout_s, amas_reply_fn *fn,
    void *arg, struct amas__link *owner)
{
	struct known *k = amas__map_get(&link->agents, a->agent,
	    strlen(a->agent));

	if (k == NULL && (k = ask(link, a->agent, url)) == NULL)
		return AMAS_ENOMEM;
	return k->there ?
	    amas__channel_request(link->ch, timeout_s, fn, arg, content,
	    owner) :
	    amas__channel_hold_request(link->ch, timeout_s, fn, arg, content,
	    owner, &k->waiting);
}

int
amas__links_call(struct amas__links *ls, const char *url,
    const char *function, const struct amas_value *args,
    const struct amas_value *kwargs, double connect_s, double timeout_s,
    amas_reply_fn *fn, void *arg, struct amas__link *owner,
    struct amas_error *err)
{
	struct amas__area *area = amas__area_new(amas__loop_pool(ls->loop));
	struct amas_value content;
	struct amas__addr a;
	struct link *link = NULL;
	char *object;
	int rc;

	if (area == NULL)
		return amas__error_nomem(err);
	if ((rc = amas__links_parse(&a, url, err)) != 0)
		goto out;
	object = amas__asprintf("agents/%s", a.agent);
	if (object == NULL || (function != NULL && amas__rpc_content(area,
	    &content, object, function, args, kwargs) != 0))
		rc = amas__error_nomem(err);
	else if ((rc = reach(&link, ls, &a, url, connect_s, err)) == 0 &&
	    send_call(link, &a, url, function != NULL ? &content : NULL,
	    timeout_s, fn, arg, owner) != 0)
		rc = amas__error_nomem(err);
	free(object);
	amas__addr_fini(&a);
out:
	amas__area_unref(area);
	return rc;
}

/* ---- All of them ---- */

void
amas__links_init(struct amas__links *ls, struct amas_loop *l)
{
	memset(ls, 0, sizeof *ls);
	ls->loop = l;
	amas__map_init(&ls->by_addr);
	amas__list_init(&ls->replaced);
}

void
amas__links_offer(struct amas__links *ls, struct amas_service *svc)
{
	if (svc != NULL)
		(void)amas__held_ref(amas__service_held(svc));
	amas_service_free(ls->opts.service);
	ls->opts.service = svc;
}

void
amas__links_stepped(struct amas__links *ls)
{
	struct link *link;
	size_t i;

	for (i = 0; (link = amas__map_next(&ls->by_addr, &i, NULL, NULL)) !=
	    NULL; )
		if (link->ch != NULL)
			amas__channel_stepped(link->ch);
}

size_t
amas__links_abroad(const struct amas__links *ls)
{
	struct amas__link *i;
	struct link *link;
	size_t at, n = 0;

	for (at = 0; (link = amas__map_next(&ls->by_addr, &at, NULL, NULL)) !=
	    NULL; )
		if (link->ch != NULL)
			n += amas__channel_abroad(link->ch);
	for (i = ls->replaced.next; i != &ls->replaced; i = i->next)
		n += amas__channel_abroad(AMAS__OF(i, struct link,
		    replaced)->ch);
	return n;
}

void
amas__links_fini(struct amas__links *ls)
{
	struct link *link;
	size_t i;

	while (ls->by_addr.n > 0) {
		i = 0;
		link = amas__map_next(&ls->by_addr, &i, NULL, NULL);
		if (link->ch != NULL) /* on_end() takes it out */
			amas_channel_close(link->ch);
		else
			drop(link);
	}
	while (!amas__list_empty(&ls->replaced))
		amas_channel_close(AMAS__OF(ls->replaced.next, struct link,
		    replaced)->ch);
	amas__links_offer(ls, NULL);
	amas__map_fini(&ls->by_addr);
}
