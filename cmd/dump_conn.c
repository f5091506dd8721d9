/*
 * Watched connections: bytes become frames, frames become messages.  The codec
 * is what the first message that can be read is written in; what cannot be read
 * is told with its first bytes, and the next frame has its own chance.
 *
 * Where the begin of a message is not known (a capture that began later, bytes
 * that are missing) it is looked for: a length and the begin of a triple.  Much
 * else looks like that, so what comes is kept until all of the message is there:
 * if it is none, the next one is looked for one byte behind that begin.
 */
#include "dump_conn.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dump_inject.h"
#include "err.h"
#include "mem.h"

#define HEAD_SHOWN 48		/* bytes of what cannot be read */
#define BEGIN_MIN 8		/* bytes in which a begin is seen */
#define BEGIN_BLOSC 20		/* the same, if it may be a Blosc buffer */
#define BEGIN_MAX ((size_t)1 << 20)	/* a message by which one begins again */
#define TRIED_MAX ((size_t)16 << 20)	/* bytes that are tried again, for each
					 * gap: each try copies them */

/* ---- Begin and end ------------------------------------------------------ */

double
dump_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (double)ts.tv_sec + (double)(ts.tv_nsec / 1000) * 1e-6;
}

size_t
dump_max_message(const struct dump *d)
{
	size_t max = d->o->args.max_message;

	return max != 0 ? max : AMAS__FRAME_MAX;
}

static size_t
half_size(const struct dump_half *h)
{
	if (h->flow == DUMP_FLOW_OTHER)
		return 0; /* a header at most, for ever */
	return amas__frame_pending(&h->reader) + amas__buf_len(&h->lost);
}

/* Of all connections this holds most, and they hold too much. */
static void
on_over(struct amas__account *a)
{
	struct dump_conn *c = AMAS__OF(a, struct dump_conn, account);
	bool back = half_size(&c->half[1]) > half_size(&c->half[0]);

	if (half_size(&c->half[back]) > 0) {
		dump_conn_gap(c, back, 0, c->t);
		dump_conn_account(c);
	} else if (c->inject != NULL) {
		dump_inject_let_go(c->inject, c->t);
	}
}

void
dump_conn_account(struct dump_conn *c)
{
	if (c->d->loop != NULL)
		amas__account_set(&c->account, half_size(&c->half[0]) +
		    half_size(&c->half[1]) + (c->inject != NULL ?
		    dump_inject_size(c->inject) : 0));
}

struct dump_conn *
dump_conn_new(struct dump *d, const char *dialled, const char *called)
{
	struct dump_conn *c = amas__zalloc(sizeof *c);
	int i;

	if (c == NULL || (c->name[0] = amas__strdup(dialled)) == NULL ||
	    (c->name[1] = amas__strdup(called)) == NULL) {
		if (c != NULL)
			free(c->name[0]);
		free(c);
		return NULL;
	}
	c->d = d;
	c->n = ++d->n_conns;
	c->codec = d->o->args.codec;
	amas__list_init(&c->calls);
	for (i = 0; i < 2; i++) {
		amas__frame_reader_init(&c->half[i].reader, false,
		    dump_max_message(d));
		amas__buf_init(&c->half[i].lost, 0);
		amas__map_init(&c->half[i].calls);
	}
	if (d->loop != NULL) /* the fuzz target has none */
		amas__account_init(&c->account, d->loop, on_over);
	amas__list_add(&d->conns, &c->link);
	return c;
}

int
dump_conn_set_name(struct dump_conn *c, bool called, const char *name)
{
	char *copy = amas__strdup(name);

	if (copy == NULL)
		return AMAS_ENOMEM;
	free(c->name[called]);
	c->name[called] = copy;
	return 0;
}

void
dump_conn_free(struct dump_conn *c, double t)
{
	int i;

	if (c == NULL)
		return;
	dump_conn_eof(c, false, t);
	dump_conn_eof(c, true, t);
	dump_calls_end(c, t);
	for (i = 0; i < 2; i++) {
		amas__frame_reader_fini(&c->half[i].reader);
		amas__buf_fini(&c->half[i].lost);
		amas__map_fini(&c->half[i].calls);
	}
	if (c->typed)
		amas__types_fini(&c->types);
	if (c->d->loop != NULL)
		amas__account_fini(&c->account);
	amas__list_remove(&c->link);
	free(c->name[0]);
	free(c->name[1]);
	free(c);
}

/* ---- What is no message ------------------------------------------------- */

/* Of a file the first that cannot be read is named. */
static void
bad_bytes(struct dump_conn *c, const struct dump_half *h, const char *why)
{
	struct dump *d = c->d;

	if (c->file == NULL || d->done)
		return;
	(void)cmd_error(CMD_INPUT, c->file, "byte %llu: %s",
	    (unsigned long long)h->taken, why);
	if (d->status == CMD_OK)
		d->status = CMD_INPUT;
	c->file = NULL;
}

static void
odd(struct dump_conn *c, bool back, const char *data, size_t len, size_t size,
    const char *why, double t)
{
	char head[HEAD_SHOWN];
	struct dump_event e = { .kind = DUMP_ODD, .t = t, .conn = c,
		.back = back, .size = size, .data = head, .why = why };

	e.cut = len > sizeof head;
	if (e.cut)
		len = sizeof head;
	memcpy(head, data, len);
	e.data_len = len;
	dump_tell(c->d, &e);
	bad_bytes(c, &c->half[back], why);
}

static void
gap(struct dump_conn *c, bool back, size_t n, const char *why, double t)
{
	struct dump_event e = { .kind = DUMP_GAP, .t = t, .conn = c,
		.back = back, .size = n, .why = why };

	dump_tell(c->d, &e);
}

/* Tells how many bytes were passed over. */
static void
tell_skipped(struct dump_conn *c, bool back, double t)
{
	struct dump_half *h = &c->half[back];

	if (h->skipped > 0)
		gap(c, back, h->skipped, h->flow == DUMP_FLOW_OTHER ?
		    "unread" : "skipped", t);
	h->skipped = 0;
}

static void
set_lost(struct dump_half *h, size_t max)
{
	amas__frame_reader_fini(&h->reader);
	amas__frame_reader_init(&h->reader, false, max);
	h->flow = DUMP_FLOW_LOST;
	h->tried = 0;
}

/* A frame cannot be read: either it is none, or it is odd. */
static void
unreadable(struct dump_conn *c, bool back, const char *data, size_t len,
    size_t size, const char *why, double t)
{
	struct dump_half *h = &c->half[back];

	if (h->unsure)
		h->flow = DUMP_FLOW_LOST;
	else
		odd(c, back, data, len, size, why, t);
}

/* ---- Messages ----------------------------------------------------------- */

/* The names of types as the two ends have them. */
static int
set_types(struct dump_conn *c)
{
	char *names;
	int rc;

	if (c->typed)
		amas__types_fini(&c->types);
	c->typed = false;
	names = amas__types_join(c->container, c->d->o->args.types);
	if (names == NULL)
		return AMAS_ENOMEM;
	rc = amas__types_init(&c->types, names, true, NULL);
	free(names);
	c->typed = rc == 0;
	return rc;
}

/* Whether a request is one that only containers get. */
static bool
is_agents(const struct amas__msg *m)
{
	const struct amas_value *path;

	if (m->type != AMAS__REQUEST || amas_value_type(m->content) !=
	    AMAS_LIST || (path = amas_value_at(m->content, 0)) == NULL ||
	    amas_value_type(path) != AMAS_STRING)
		return false;
	return dump_is_agents(amas_value_text(path), amas_value_len(path));
}

/* Gives types their names, where these are known. */
static void
name_types(struct dump_conn *c, struct amas__area *area, struct amas__msg *m,
    bool typed)
{
	const struct amas_value *content = m->content;

	if (!c->container && is_agents(m)) {
		c->container = true;
		(void)set_types(c);
	} else if (typed && !c->typed) {
		(void)set_types(c);
	}
	if (typed && c->typed && amas__types_lift(area, &content, &c->types,
	    false, NULL) == 0)
		m->content = content;
}

void
dump_conn_message(struct dump_conn *c, bool back, const struct amas__msg *m,
    size_t size, const char *codec, double t)
{
	struct dump_event e = { .kind = (enum dump_kind)m->type, .t = t,
		.conn = c, .back = c->one_way ? m->type != AMAS__REQUEST :
		back, .size = size, .codec = codec, .msg = m,
		.injected = c->injected };

	e.n = ++c->d->n;
	dump_calls_message(c, &e);
}

/* What a payload may be written in; NULL: nothing that we know. */
static const struct amas_codec *
guess_codec(const char *data, size_t len)
{
	const char *name = amas__codec_guess(data, len);
	const struct amas_codec *codec;

	if (name == NULL || amas_codec_find(&codec, name, NULL) != 0)
		return NULL;
	return codec;
}

/* A payload in its area, which it may change. */
static void
decode(struct dump_conn *c, bool back, struct amas__area *area, char *data,
    size_t len, double t)
{
	const struct amas_codec *codec = c->codec != NULL ? c->codec :
	    guess_codec(data, len);
	struct amas__limits limits = { .max_bytes = dump_max_message(c->d) };
	size_t size = len + AMAS__FRAME_HEADER, n;
	const struct amas_value *v;
	struct amas_error err;
	struct amas__msg m;
	char head[HEAD_SHOWN];
	bool typed = false;

	n = len < sizeof head ? len : sizeof head;
	memcpy(head, data, n);
	if (codec == NULL) {
		unreadable(c, back, head, len, size, "unknown codec", t);
		return;
	}
	if (amas__codec_decode(codec, area, data, len, &limits, &v, &typed,
	    &err) != 0 || amas__msg_parse(&m, v, &err) != 0) {
		unreadable(c, back, head, len, size, err.text, t);
		return;
	}
	tell_skipped(c, back, t);
	c->half[back].unsure = false;
	c->codec = codec;
	name_types(c, area, &m, typed);
	dump_conn_message(c, back, &m, size, codec->name, t);
}

static void
take_frame(struct dump_conn *c, bool back, struct amas__frame *f, double t)
{
	struct amas__area *area = amas__area_new(c->d->pool);
	char *data = f->data;

	if (area == NULL) {
		free(f->owned);
		dump_nomem(c->d);
		return;
	}
	if (f->owned != NULL ? amas__area_take_memory(area, f->owned) != 0 :
	    (data = amas__area_text(area, data, f->len)) == NULL)
		dump_nomem(c->d);
	else
		decode(c, back, area, data, f->len, t);
	c->half[back].taken += f->len + AMAS__FRAME_HEADER;
	amas__area_unref(area);
}

/* What often begins like that, and is no frame; NULL: who knows. */
static const char *
other_protocol(const char *p, size_t len)
{
	static const char *const words[] = { "HTTP", "GET ", "POST", "PUT ",
		"SSH-" };
	size_t i;

	if (len < 4)
		return NULL;
	if (p[0] == 0x16 && p[1] == 3 && (unsigned char)p[2] <= 4)
		return "TLS";
	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (memcmp(p, words[i], 4) == 0)
			return i < 4 ? "HTTP" : "SSH";
	return NULL;
}

/* Returns how many bytes it took: not all if they are of no frame. */
static size_t
take_bytes(struct dump_conn *c, bool back, char *data, size_t len, double t)
{
	struct dump_half *h = &c->half[back];
	struct amas__frame f;
	struct amas_error err;
	const char *why;
	char *at = data;
	size_t left = len;
	int rc = 1;

	while (rc == 1 && !c->d->done && h->flow == DUMP_FLOW_OK) {
		rc = amas__frame_next(&h->reader, &at, &left, &f, &err);
		if (rc == 1)
			take_frame(c, back, &f, t);
	}
	if (rc == AMAS_ENOMEM) {
		dump_nomem(c->d);
	} else if (rc < 0) {
		if ((size_t)(at - data) >= h->reader.head_len) {
			at -= h->reader.head_len; /* the header is part of it */
			left += h->reader.head_len;
		}
		why = other_protocol(at, left);
		odd(c, back, at, left, left, why != NULL ? why : err.text, t);
		h->flow = DUMP_FLOW_OTHER;
	}
	return h->flow == DUMP_FLOW_LOST ? len - left : len;
}

/* ---- Looking for the begin of a message --------------------------------- */

enum begin { BEGIN_NO, BEGIN_YES, BEGIN_LATER };

static uint32_t
little32(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

/* LATER: more has to come to tell, or to try it. */
static enum begin
is_begin(const char *at, size_t left, size_t max)
{
	const unsigned char *p = (const unsigned char *)at + AMAS__FRAME_HEADER;
	size_t len = amas__get32(at);
	bool is;

	if (len < 4 || len > max)
		return BEGIN_NO;
	is = (p[0] == '[' && p[1] >= '0' && p[1] <= '2' && p[2] == ',') ||
	    (p[0] == 0x93 && p[1] <= 2 && (p[2] < 0x80 || p[2] >= 0xe0 ||
	    (p[2] >= 0xcc && p[2] <= 0xd3)));
	if (!is && (p[0] != 2 || len < 17))
		return BEGIN_NO;
	if (!is && left >= BEGIN_BLOSC && little32(p + 12) != len)
		return BEGIN_NO;
	return left - AMAS__FRAME_HEADER < len ? BEGIN_LATER : BEGIN_YES;
}

/* Takes what may be a message.  Returns how many bytes are done with. */
static size_t
try_begin(struct dump_conn *c, bool back, char *data, size_t len, double t)
{
	struct dump_half *h = &c->half[back];
	size_t n;

	h->flow = DUMP_FLOW_OK;
	h->unsure = true;
	n = take_bytes(c, back, data, len, t);
	h->unsure = false;
	if (h->flow != DUMP_FLOW_LOST)
		return n;
	h->tried += n;
	if (h->tried <= TRIED_MAX)
		n = 1;
	h->skipped += n;
	return n;
}

/* Looks in what was lost; the bytes from there on are taken.  last: no more of
 * them come. */
static void
find_begin(struct dump_conn *c, bool back, bool last, double t)
{
	struct dump_half *h = &c->half[back];
	char *data = amas__buf_head(&h->lost);
	size_t len = amas__buf_len(&h->lost), i = 0;
	size_t max = dump_max_message(c->d);
	enum begin is;

	if (max > BEGIN_MAX)
		max = BEGIN_MAX;
	while (h->flow == DUMP_FLOW_LOST && len - i >= BEGIN_MIN) {
		is = is_begin(data + i, len - i, max);
		if (is == BEGIN_LATER && !last)
			break;
		if (is == BEGIN_YES) {
			i += try_begin(c, back, data + i, len - i, t);
			continue;
		}
		h->skipped++;
		i++;
	}
	amas__buf_consume(&h->lost, i);
}

/* No more comes of what was looked through: the rest of it is skipped. */
static void
end_search(struct dump_conn *c, bool back, double t)
{
	struct dump_half *h = &c->half[back];

	if (h->flow == DUMP_FLOW_LOST && !c->d->done)
		find_begin(c, back, true, t);
	h->skipped += amas__buf_len(&h->lost);
	amas__buf_truncate(&h->lost, 0);
}

void
dump_conn_bytes(struct dump_conn *c, bool back, char *data, size_t len,
    double t)
{
	struct dump_half *h = &c->half[back];

	if (c->d->done)
		return;
	c->t = t;
	if (h->flow == DUMP_FLOW_OK)
		(void)take_bytes(c, back, data, len, t);
	else if (h->flow == DUMP_FLOW_OTHER)
		h->skipped += len;
	else if (amas__buf_put(&h->lost, data, len) != 0 ||
	    amas__buf_reserve(&h->lost, 1) != 0)
		dump_nomem(c->d);
	else
		find_begin(c, back, false, t);
	dump_conn_account(c);
}

void
dump_conn_gap(struct dump_conn *c, bool back, size_t n, double t)
{
	struct dump_half *h = &c->half[back];

	end_search(c, back, t);
	if (h->flow != DUMP_FLOW_OTHER)
		h->skipped += amas__frame_pending(&h->reader);
	tell_skipped(c, back, t);
	if (n > 0)
		gap(c, back, n, "missing", t);
	if (h->flow != DUMP_FLOW_OTHER)
		set_lost(h, dump_max_message(c->d));
}

void
dump_conn_eof(struct dump_conn *c, bool back, double t)
{
	struct dump_half *h = &c->half[back];
	struct amas__frame f;
	struct amas_error err;

	end_search(c, back, t);
	if (h->flow == DUMP_FLOW_OK &&
	    amas__frame_eof(&h->reader, &f, &err) < 0)
		odd(c, back, "", 0, amas__frame_pending(&h->reader), err.text,
		    t);
	tell_skipped(c, back, t);
	amas__frame_reader_fini(&h->reader);
	amas__frame_reader_init(&h->reader, false, dump_max_message(c->d));
}
