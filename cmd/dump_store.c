/*
 * The calls of a recording, in memory.  Each request is kept with its answer,
 * and can be found by what it asks: the path, the arguments, and which end it
 * comes from.
 */
#include "dump_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump_conn.h"
#include "err.h"
#include "mem.h"
#include "request.h"
#include "utf8.h"

#define VALIDATE "validate_aid" /* what containers ask of agents */

static const struct dump_view_ops ops;

/* ---- Values ------------------------------------------------------------- */

static int copy(struct amas_value *out, struct amas__area *a,
    const struct amas_value *v);

static struct amas_value *
copy_items(struct amas__area *a, const struct amas_value *item, size_t n)
{
	struct amas_value *to = amas__area_values(a, n);
	size_t i;

	for (i = 0; to != NULL && i < n; i++)
		if (copy(&to[i], a, &item[i]) != 0)
			return NULL;
	return to;
}

static int
copy_text(struct amas_value *out, struct amas__area *a,
    const struct amas_value *v)
{
	char *text = amas__area_text(a, v->u.text, v->len);

	if (text == NULL)
		return AMAS_ENOMEM;
	amas__value_text(out, a, amas_value_type(v), text, v->len);
	return 0;
}

static int
copy_map(struct amas_value *out, struct amas__area *a,
    const struct amas_value *v)
{
	struct amas_value *item = copy_items(a, v->u.item,
	    2 * (size_t)v->len);

	return item == NULL ? AMAS_ENOMEM :
	    amas__value_map(out, a, item, v->len);
}

/*
 * Copies all of a value into an area.  To keep it would hold the chunk of its
 * message, ten times as much.  Its depth is bounded by who decoded it.
 */
static int
copy(struct amas_value *out, struct amas__area *a, const struct amas_value *v)
{
	struct amas_value *item;

	switch (amas_value_type(v)) {
	case AMAS_STRING:
	case AMAS_BYTES:
	case AMAS_BIGINT:
		return copy_text(out, a, v);
	case AMAS_LIST:
		if ((item = copy_items(a, v->u.item, v->len)) == NULL)
			return AMAS_ENOMEM;
		amas__value_list(out, a, item, v->len);
		return 0;
	case AMAS_MAP:
		return copy_map(out, a, v);
	case AMAS_TYPED:
		if ((item = copy_items(a, &v->u.item[1], 1)) == NULL)
			return AMAS_ENOMEM;
		return amas__value_typed(out, a, v->u.item[0].u.text, item);
	case AMAS_PROXY:
		return amas__value_proxy(out, a, v->u.item[0].u.text,
		    v->u.item[0].len);
	default:
		*out = *v;
		out->area = a;
		return 0;
	}
}

/* ---- Taking them -------------------------------------------------------- */

static struct dump_store *
of(struct dump_view *v)
{
	return (struct dump_store *)(void *)v;
}

static struct dump_past *
past_of(struct dump_store *s, const struct dump_conn *c)
{
	struct dump_past *p = amas__map_get_id(&s->past_of, c->n);

	if (p != NULL)
		return p;
	if ((p = amas__zalloc(sizeof *p)) == NULL ||
	    (p->name = amas__strdup(c->name[0])) == NULL ||
	    amas__map_set_id(&s->past_of, c->n, p) != 0) {
		if (p != NULL)
			free(p->name);
		free(p);
		return NULL;
	}
	amas__list_add(&s->pasts, &p->link);
	return p;
}

/* Where the next one goes; NULL: memory is short. */
static struct dump_entry *
next_entry(struct dump_store *s)
{
	size_t cap = s->cap == 0 ? 64 : 2 * s->cap;
	struct dump_entry *more;

	if (s->n == s->cap) {
		more = amas__reallocarray(s->entry, cap, sizeof *more);
		if (more == NULL)
			return NULL;
		s->entry = more;
		s->cap = cap;
	}
	memset(&s->entry[s->n], 0, sizeof *s->entry);
	return &s->entry[s->n];
}

static void
take_request(struct dump_store *s, const struct dump_event *e)
{
	struct dump_entry *k = next_entry(s);

	if (k == NULL || (k->past = past_of(s, e->conn)) == NULL ||
	    (k->content = copy_items(s->area, e->msg->content, 1)) == NULL) {
		dump_nomem(s->view.d);
		return;
	}
	k->n = e->n;
	k->back = e->back;
	k->t = e->t;
	k->before = s->n_answers;
	if (e->rpc != NULL && dump_is_agents(e->rpc->path, e->rpc->path_len))
		s->container = true;
	s->n++;
}

static int
compare(const void *key, const void *entry)
{
	uint64_t n = *(const uint64_t *)key;
	const struct dump_entry *k = entry;

	return n < k->n ? -1 : n > k->n;
}

static struct dump_entry *
entry_of(struct dump_store *s, const struct dump_call *c)
{
	return c->n == 0 || s->n == 0 ? NULL : bsearch(&c->n, s->entry, s->n,
	    sizeof *s->entry, compare);
}

static void
take_answer(struct dump_store *s, const struct dump_event *e)
{
	struct dump_entry *k = entry_of(s, e->call);

	if (k == NULL)
		return; /* its request is not there */
	k->wanted = e->pass == DUMP_YES;
	k->kind = e->kind;
	k->took = e->t - k->t;
	k->place = s->n_answers++;
	k->answer = copy_items(s->area, e->msg->content, 1);
	if (k->answer == NULL)
		dump_nomem(s->view.d);
}

static void
on_event(struct dump_view *v, const struct dump_event *e)
{
	struct dump_store *s = of(v);

	if (e->kind > DUMP_FAILURE)
		return;
	if (s->codec == NULL && e->codec != NULL &&
	    amas_codec_find(&s->codec, e->codec, NULL) != 0)
		s->codec = NULL; /* not known here */
	if (e->kind == DUMP_REQUEST && e->pass != DUMP_NO)
		take_request(s, e);
	else if (e->kind != DUMP_REQUEST)
		take_answer(s, e);
}

static void
on_unanswered(struct dump_view *v, struct dump_call *c, double t)
{
	struct dump_entry *k = entry_of(of(v), c);

	(void)t;
	if (k != NULL)
		k->wanted = c->pass == DUMP_YES;
}

static void
on_end(struct dump_view *v)
{
	(void)v;
}

/* It outlives the views. */
static void
on_free(struct dump_view *v)
{
	(void)v;
}

static const struct dump_view_ops ops = { on_event, on_unanswered, NULL,
	on_end, on_free };

int
dump_store_new(struct dump_store **out, struct dump *d)
{
	struct dump_store *s = amas__zalloc(sizeof *s);

	if (s == NULL || (s->area = amas__area_new(NULL)) == NULL) {
		free(s);
		return cmd_nomem();
	}
	amas__list_init(&s->pasts);
	amas__map_init(&s->past_of);
	amas__map_init(&s->asked);
	amas__hash_seed(s->seed);
	dump_view_add(d, &s->view, &ops);
	*out = s;
	return CMD_OK;
}

void
dump_store_free(struct dump_store *s)
{
	struct dump_past *p;

	if (s == NULL)
		return;
	amas__list_remove(&s->view.link);
	while (!amas__list_empty(&s->pasts)) {
		p = AMAS__OF(s->pasts.next, struct dump_past, link);
		amas__list_remove(&p->link);
		free(p->name);
		free(p);
	}
	amas__map_fini(&s->past_of);
	amas__map_fini(&s->asked);
	amas__area_unref(s->area);
	free(s->entry);
	free(s);
}

const struct amas_codec *
dump_store_codec(const struct dump_store *s)
{
	const struct amas_codec *given = s->view.d->o->args.codec;

	if (given != NULL)
		return given;
	return s->codec != NULL ? s->codec : &amas__codec_json;
}

/* ---- What they ask ------------------------------------------------------ */

static uint64_t
mix(uint64_t a, uint64_t b)
{
	return (a ^ (b + UINT64_C(0x9e3779b97f4a7c15) + (a << 6) + (a >> 2))) *
	    UINT64_C(0xff51afd7ed558ccd);
}

/*
 * Of equal values it is the same: the order of a map's pairs is no matter.  What
 * lies deep is left out.
 */
static uint64_t
hash_value(const uint64_t seed[2], const struct amas_value *v, unsigned depth)
{
	enum amas_type type = amas_value_type(v);
	uint64_t h = mix(type, amas_value_len(v)), sum = 0;
	const char *text = amas_value_text(v);
	size_t i;

	if (text != NULL)
		h = mix(h, amas__hash(seed, text, amas_value_len(v)));
	if (type == AMAS_INT || type == AMAS_BOOL)
		h = mix(h, (uint64_t)amas_value_int(v));
	if (depth == 0)
		return h;
	if (type == AMAS_LIST || type == AMAS_TYPED)
		for (i = 0; amas_value_at(v, i) != NULL; i++)
			h = mix(h, hash_value(seed, amas_value_at(v, i),
			    depth - 1));
	if (type != AMAS_MAP)
		return h;
	for (i = 0; i < amas_value_len(v); i++)
		sum += mix(hash_value(seed, amas_value_key(v, i), 0),
		    hash_value(seed, amas_value_at(v, i), depth - 1));
	return mix(h, sum);
}

static uint64_t
hash_of(const struct dump_store *s, bool back, const struct amas_value *content)
{
	return mix(hash_value(s->seed, content, 8), back);
}

/* The first call that asks this, of those with its hash. */
static struct dump_entry *
find(const struct dump_store *s, uint64_t hash, bool back,
    const struct amas_value *content)
{
	struct dump_entry *k = amas__map_get_id(&s->asked, hash);

	while (k != NULL && (k->back != back ||
	    !amas__value_equal(k->content, content)))
		k = k->other;
	return k;
}

static int
add_asked(struct dump_store *s, struct dump_entry *k)
{
	uint64_t hash = hash_of(s, k->back, k->content);
	struct dump_entry *first = find(s, hash, k->back, k->content);

	if (first != NULL) {
		first->last->again = k;
		first->last = k;
		return 0;
	}
	k->use = k->last = k;
	k->other = amas__map_get_id(&s->asked, hash);
	return amas__map_set_id(&s->asked, hash, k);
}

/*
 * Containers ask for an agent once on a connection, maybe before the recording
 * began.  Who was called is there; of which class is not known.
 */
static int
add_agent(struct dump_store *s, const char *id, size_t len)
{
	struct amas_value content, item[3], aid, class;
	struct dump_entry *k;

	amas__value_text(&aid, NULL, AMAS_STRING, id, len);
	amas__value_text(&item[0], NULL, AMAS_STRING, VALIDATE,
	    strlen(VALIDATE));
	amas__value_list(&item[1], NULL, &aid, 1);
	(void)amas__value_map(&item[2], NULL, NULL, 0);
	amas__value_list(&content, NULL, item, 3);
	if (find(s, hash_of(s, false, &content), false, &content) != NULL)
		return 0;
	amas__value_text(&class, NULL, AMAS_STRING, "Agent", 5);
	if ((k = amas__area_alloc(s->area, sizeof *k)) == NULL)
		return AMAS_ENOMEM;
	memset(k, 0, sizeof *k);
	k->kind = DUMP_REPLY;
	k->content = copy_items(s->area, &content, 1);
	k->answer = copy_items(s->area, &class, 1);
	return k->content == NULL || k->answer == NULL ? AMAS_ENOMEM :
	    add_asked(s, k);
}

static int
add_agent_of(struct dump_store *s, const struct dump_entry *k)
{
	struct amas__call rpc;
	const char *id;
	size_t len;

	if (k->back || amas__call_parse(&rpc, k->content, NULL) != 0 ||
	    (id = dump_agent(rpc.path, rpc.path_len, &len)) == NULL)
		return 0;
	return add_agent(s, id, len);
}

int
dump_store_finish(struct dump_store *s)
{
	size_t i, n = 0;

	amas__list_remove(&s->view.link);
	for (i = 0; i < s->n; i++)
		if (s->entry[i].wanted)
			s->entry[n++] = s->entry[i];
	s->n = n;
	for (i = 0; i < s->n; i++)
		if (s->entry[i].answer != NULL &&
		    add_asked(s, &s->entry[i]) != 0)
			return cmd_nomem();
	for (i = 0; i < s->n; i++)
		if (add_agent_of(s, &s->entry[i]) != 0)
			return cmd_nomem();
	return CMD_OK;
}

const struct dump_entry *
dump_store_find(struct dump_store *s, bool back,
    const struct amas_value *content)
{
	struct dump_entry *first = find(s, hash_of(s, back, content), back,
	    content), *k;

	if (first == NULL)
		return NULL;
	k = first->use;
	if (k->again != NULL)
		first->use = k->again;
	return k;
}

/* The failure where there is no answer; out has size bytes.  Returns out. */
static const char *
missing(char *out, size_t size, const struct amas_value *content)
{
	struct amas__call rpc;
	size_t len;

	if (amas__call_parse(&rpc, content, NULL) != 0) {
		(void)snprintf(out, size, "no recorded reply");
		return out;
	}
	len = amas__utf8_trim(rpc.path, rpc.path_len < 200 ? rpc.path_len :
	    200);
	(void)snprintf(out, size, "no recorded reply to %.*s%s", (int)len,
	    rpc.path, strcmp(rpc.path, VALIDATE) == 0 ?
	    ", nor a call of that agent" : "");
	return out;
}

/* ---- On channels -------------------------------------------------------- */

void
dump_store_tell(struct dump_store *s, struct dump_conn *c, bool back,
    enum amas__msg_type type, int64_t id, const struct amas_value *content)
{
	struct amas__msg m = { .type = type, .content = content };
	struct amas_value number;

	amas__value_int(&number, NULL, id);
	m.id = &number;
	dump_conn_message(c, back, &m, 0, dump_store_codec(s)->name,
	    dump_now());
}

void
dump_store_answer(struct dump_store *s, struct dump_conn *c, bool back,
    struct amas_request *req, int64_t id, const struct dump_entry *k)
{
	bool reply = k != NULL && k->kind == DUMP_REPLY;
	const struct amas_value *answer;
	struct amas_value none;
	char text[256];

	if (k == NULL) {
		(void)missing(text, sizeof text, amas_request_args(req));
		amas__value_text(&none, NULL, AMAS_STRING, text, strlen(text));
	}
	answer = k != NULL ? k->answer : &none;
	dump_store_tell(s, c, back, reply ? AMAS__REPLY : AMAS__FAILURE, id,
	    answer);
	if (reply)
		amas__request_reply_value(req, answer);
	else
		amas__request_fail_value(req, answer);
}

int
dump_store_proxy(void *arg, const struct amas_value *proxy,
    struct amas__buf *path, struct amas_error *err)
{
	(void)arg;
	return amas__buf_put(path, proxy->u.item[0].u.text,
	    proxy->u.item[0].len) == 0 ? 0 : amas__error_nomem(err);
}
