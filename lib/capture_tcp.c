/*
 * Reassembly.  All that is known of a direction is relative to next, the number
 * of the byte to be told next: a segment is ahead of it by up to 3 GiB, or
 * behind it by up to 1 GiB, the largest window there is.  So numbers wrap without
 * further ado, and held pieces, none of which overlap, stay in order.
 *
 * next moves before a callback runs, and a piece is unlinked before it is told.
 */
#include "capture_tcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "err.h"
#include "mem.h"

#define OLD (3u << 30)	/* from this distance on it is behind */
#define RST_BEHIND (1u << 20)	/* how old the number of a reset may be */
#define KEY_SIZE 37	/* version of IP, twice an address and a port */

/* Bytes that wait behind a hole. */
struct piece {
	struct amas__link link;
	uint32_t seq;
	bool missing;		/* cut off by the length of captured packets */
	size_t len;
	char data[];
};

struct half {
	bool known;		/* next is */
	uint32_t base;		/* what next was first */
	uint32_t next;
	bool fin;		/* its end was seen: at fin_seq */
	uint32_t fin_seq;
	bool acked;		/* the other side has seen all before ack_seq */
	uint32_t ack_seq;
	unsigned waited;	/* packets since what is behind was acked */
	struct amas__link pieces;
	size_t held;		/* their memory */
};

struct flow {
	struct amas__flow f;
	struct amas__tcp *tcp;
	struct half half[2];
	bool ended;
	double time_s;		/* of the packet under way */
	struct amas__link link;		/* in active or ended */
	struct amas__link holder;
	unsigned char side0[18];	/* address and port, to tell directions */
	char key[KEY_SIZE];
};

/* ---- Telling ---- */

static void
tell_bytes(struct flow *f, int dir, const char *data, size_t len)
{
	struct amas__tcp *t = f->tcp;

	if (len == 0 || t->aborted)
		return;
	t->stats->bytes += len;
	if (t->ops->bytes != NULL)
		t->ops->bytes(t->arg, &f->f, dir, data, len, f->time_s);
}

static void
tell_gap(struct flow *f, int dir, size_t n)
{
	struct amas__tcp *t = f->tcp;

	if (n == 0 || t->aborted)
		return;
	t->stats->gaps++;
	t->stats->gap_bytes += n;
	if (t->ops->gap != NULL)
		t->ops->gap(t->arg, &f->f, dir, n, f->time_s);
}

/* ---- Pieces ---- */

static void
account(struct flow *f, struct half *h, size_t more, size_t less)
{
	struct amas__tcp *t = f->tcp;

	h->held = h->held + more - less;
	t->memory = t->memory + more - less;
	if (f->half[0].held + f->half[1].held == 0)
		amas__list_remove(&f->holder);
	else if (amas__list_empty(&f->holder))
		amas__list_add(&t->holders, &f->holder);
}

static size_t
piece_size(const struct piece *p)
{
	return sizeof *p + (p->missing ? 0 : p->len);
}

static void
piece_free(struct flow *f, struct half *h, struct piece *p)
{
	amas__list_remove(&p->link);
	account(f, h, 0, piece_size(p));
	free(p);
}

static void
drop_pieces(struct flow *f, struct half *h)
{
	while (!amas__list_empty(&h->pieces))
		piece_free(f, h, AMAS__OF(h->pieces.next, struct piece, link));
}

/* Holds len bytes, NULL for missing ones, before a link. */
static int
insert(struct flow *f, struct half *h, struct amas__link *before, uint32_t seq,
    const char *data, size_t len)
{
	struct piece *p;

	if (len == 0)
		return 0;
	if ((p = malloc(sizeof *p + (data != NULL ? len : 0))) == NULL)
		return AMAS_ENOMEM;
	p->seq = seq;
	p->len = len;
	p->missing = data == NULL;
	if (data != NULL)
		memcpy(p->data, data, len);
	amas__list_add(before, &p->link);
	account(f, h, piece_size(p), 0);
	return 0;
}

/* Bytes that came: those of numbers from to to, of which got were captured. */
struct span {
	uint32_t seq;
	const char *data;
	size_t len, got;
};

static void
span_skip(struct span *s, size_t n)
{
	s->seq += (uint32_t)n;
	s->len -= n;
	s->data += n < s->got ? n : s->got;
	s->got -= n < s->got ? n : s->got;
}

/* Holds the first n bytes of what came. */
static int
insert_span(struct flow *f, struct half *h, struct amas__link *before,
    const struct span *s, size_t n)
{
	size_t got = n < s->got ? n : s->got;
	int rc;

	if ((rc = insert(f, h, before, s->seq, s->data, got)) != 0)
		return rc;
	return insert(f, h, before, s->seq + (uint32_t)got, NULL, n - got);
}

/* Whether the first n bytes of what came are others than those held at off. */
static bool
differs(const struct piece *p, size_t off, const struct span *s, size_t n)
{
	if (n > s->got)
		n = s->got;
	return !p->missing && n > 0 && memcmp(p->data + off, s->data, n) != 0;
}

/* The first piece that does not end before seq, or the head of the list. */
static struct amas__link *
find(struct half *h, uint32_t seq)
{
	struct amas__link *i = &h->pieces;
	struct piece *p;

	while (i->prev != &h->pieces) {
		p = AMAS__OF(i->prev, struct piece, link);
		if (p->seq - h->next + p->len <= seq - h->next)
			break;
		i = i->prev;
	}
	return i;
}

/* Holds of what came what is not held yet. */
static int
hold(struct flow *f, struct half *h, struct span s)
{
	struct amas__link *i = find(h, s.seq);
	bool other = false;
	struct piece *p;
	size_t n, off;
	int rc;

	while (s.len > 0) {
		p = i != &h->pieces ? AMAS__OF(i, struct piece, link) : NULL;
		n = s.len;
		if (p != NULL && s.seq - h->next >= p->seq - h->next) {
			off = s.seq - p->seq;
			if (n > p->len - off)
				n = p->len - off;
			other |= differs(p, off, &s, n);
			i = i->next;
		} else {
			if (p != NULL && n > p->seq - s.seq)
				n = p->seq - s.seq;
			if ((rc = insert_span(f, h, i, &s, n)) != 0)
				return rc;
		}
		span_skip(&s, n);
	}
	f->tcp->stats->differing += other;
	return 0;
}

/* ---- Holes ---- */

/* How far it is to what is known next behind a hole; OLD: there is none. */
static uint32_t
hole(const struct half *h)
{
	uint32_t n = OLD;

	if (!h->known)
		return OLD;
	if (!amas__list_empty(&h->pieces))
		n = AMAS__OF(h->pieces.next, struct piece, link)->seq - h->next;
	if (h->fin && h->fin_seq - h->next < n)
		n = h->fin_seq - h->next;
	return n > 0 ? n : OLD;
}

/* Tells the pieces that are next. */
static void
drain(struct flow *f, int dir)
{
	struct half *h = &f->half[dir];
	struct piece *p;

	while (!amas__list_empty(&h->pieces)) {
		p = AMAS__OF(h->pieces.next, struct piece, link);
		if (p->seq != h->next)
			return;
		amas__list_remove(&p->link);
		account(f, h, 0, piece_size(p));
		h->next += (uint32_t)p->len;
		if (p->missing)
			tell_gap(f, dir, p->len);
		else
			tell_bytes(f, dir, p->data, p->len);
		free(p);
	}
}

/* Waits for a hole no longer. */
static void
give_up(struct flow *f, int dir)
{
	struct half *h = &f->half[dir];
	uint32_t n = hole(h);

	if (n == OLD)
		return;
	h->next += n;
	tell_gap(f, dir, n);
	drain(f, dir);
}

static void
give_up_all(struct flow *f, int dir)
{
	while (hole(&f->half[dir]) != OLD)
		give_up(f, dir);
	f->half[dir].waited = 0;
}

/* Whether the other side has seen bytes behind the hole. */
static bool
is_acked(const struct half *h)
{
	uint32_t ack = h->ack_seq - h->next, n = hole(h);

	return h->acked && n != OLD && ack < OLD && ack > n;
}

/* A packet more came: decides about the holes of both directions. */
static void
look(struct flow *f)
{
	struct half *h;
	int dir;

	for (dir = 0; dir < 2; dir++) {
		h = &f->half[dir];
		while (h->held > AMAS__CAPTURE_HOLD)
			give_up(f, dir);
		if (!is_acked(h)) {
			h->waited = 0;
		} else if (++h->waited > AMAS__CAPTURE_REORDER) {
			while (is_acked(h))
				give_up(f, dir);
			h->waited = 0;
		}
	}
}

/* ---- One direction ---- */

static void
learn(struct flow *f, int dir, uint32_t seq, bool start)
{
	struct half *h = &f->half[dir];

	h->known = true;
	h->base = h->next = seq;
	f->f.start[dir] = start;
}

/* Takes what is not behind and not beyond the end.  False: nothing is left. */
static bool
trim(const struct half *h, struct span *s)
{
	uint32_t at = s->seq - h->next;
	size_t most = OLD;

	if (at >= OLD) {
		if (s->len <= h->next - s->seq)
			return false;
		span_skip(s, h->next - s->seq);
		at = 0;
	}
	if (h->fin)
		most = h->fin_seq - h->next;
	if (at >= most)
		return false;
	if (s->len > most - at)
		s->len = most - at;
	if (s->got > s->len)
		s->got = s->len;
	return s->len > 0;
}

static int
take_data(struct flow *f, int dir, struct span s)
{
	struct half *h = &f->half[dir];
	struct amas__link *first = h->pieces.next;
	int rc = 0;

	if (!trim(h, &s))
		return 0;
	if (s.seq == h->next && (first == &h->pieces || s.len <=
	    AMAS__OF(first, struct piece, link)->seq - h->next)) {
		h->next += (uint32_t)s.len;
		tell_bytes(f, dir, s.data, s.got);
		tell_gap(f, dir, s.len - s.got);
	} else {
		rc = hold(f, h, s);
	}
	drain(f, dir);
	return rc;
}

/*
 * What the other side has seen.  The farthest counts; whether that is a hole is
 * seen later.
 */
static void
take_ack(struct flow *f, int dir, uint32_t ack)
{
	struct half *h = &f->half[dir];

	if (!h->known && f->f.start[!dir])
		learn(f, dir, ack, false);
	if (!h->known || ack - h->next >= OLD)
		return;
	if (!h->acked || h->ack_seq - h->next >= OLD ||
	    ack - h->next > h->ack_seq - h->next)
		h->ack_seq = ack;
	h->acked = true;
}

/* ---- Connections ---- */

/* Ends both directions: what is held is told, what was acknowledged missed. */
static void
flush(struct flow *f)
{
	struct half *h;
	uint32_t n;
	int dir;

	for (dir = 0; dir < 2; dir++) {
		h = &f->half[dir];
		give_up_all(f, dir);
		n = h->ack_seq - h->next;
		/* One byte more may be an end that was not captured. */
		if (h->known && h->acked && !h->fin && n > 1 && n < OLD) {
			h->next += n;
			tell_gap(f, dir, n);
		}
	}
}

static void
tell_close(struct flow *f)
{
	struct amas__tcp *t = f->tcp;

	if (f->ended)
		return;
	f->ended = true;
	drop_pieces(f, &f->half[0]);
	drop_pieces(f, &f->half[1]);
	amas__list_remove(&f->link);
	amas__list_add(&t->ended, &f->link);
	if (t->ops->close != NULL)
		t->ops->close(t->arg, &f->f, f->time_s);
}

static void
end_flow(struct flow *f)
{
	if (f->ended)
		return;
	flush(f);
	tell_close(f);
}

static void
forget(struct flow *f)
{
	struct amas__tcp *t = f->tcp;

	if (amas__map_get(&t->map, f->key, sizeof f->key) == f)
		amas__map_take(&t->map, f->key, sizeof f->key);
	amas__list_remove(&f->link);
	amas__list_remove(&f->holder);
	t->n--;
	free(f);
}

static void
put_side(unsigned char *p, const struct amas__segment *s, int i)
{
	memcpy(p, s->addr[i], 16);
	p[16] = (unsigned char)(s->port[i] >> 8);
	p[17] = (unsigned char)s->port[i];
}

/* The same for both directions: the smaller side first. */
static void
make_key(char key[KEY_SIZE], const struct amas__segment *s)
{
	unsigned char side[2][18];
	int low;

	put_side(side[0], s, 0);
	put_side(side[1], s, 1);
	low = memcmp(side[0], side[1], sizeof side[0]) > 0;
	key[0] = s->v6 ? 6 : 4;
	memcpy(key + 1, side[low], sizeof side[0]);
	memcpy(key + 19, side[!low], sizeof side[0]);
}

static void
print_name(char name[AMAS__CAPTURE_NAME], const struct amas__segment *s, int i)
{
	char addr[INET6_ADDRSTRLEN] = "?";

	(void)inet_ntop(s->v6 ? AF_INET6 : AF_INET, s->addr[i], addr,
	    sizeof addr); /* both are large enough */
	snprintf(name, AMAS__CAPTURE_NAME, s->v6 ? "[%s]:%u" : "%s:%u", addr,
	    (unsigned)s->port[i]);
}

/* Makes room for one more: of those that ended, else the longest silent. */
static void
evict(struct amas__tcp *t)
{
	struct flow *f;

	while (t->n >= t->flows_max && !t->aborted) {
		if (amas__list_empty(&t->ended)) {
			f = AMAS__OF(t->active.next, struct flow, link);
			t->stats->evicted++;
			end_flow(f);
		}
		if (!t->aborted)
			forget(AMAS__OF(t->ended.next, struct flow, link));
	}
}

/* first: the index in s of the side that is direction 0. */
static int
add_flow(struct amas__tcp *t, struct flow **out, const char *key,
    const struct amas__segment *s, int first)
{
	struct flow *f;
	int i;

	evict(t);
	if (t->aborted)
		return 0;
	if ((f = amas__zalloc(sizeof *f)) == NULL)
		return AMAS_ENOMEM;
	memcpy(f->key, key, sizeof f->key);
	if (amas__map_set(&t->map, key, KEY_SIZE, f) != 0) {
		free(f);
		return AMAS_ENOMEM;
	}
	f->tcp = t;
	f->time_s = s->time_s;
	for (i = 0; i < 2; i++) {
		print_name(f->f.name[i], s, i ^ first);
		amas__list_init(&f->half[i].pieces);
	}
	put_side(f->side0, s, first);
	amas__list_init(&f->holder);
	amas__list_add(&t->active, &f->link);
	t->n++;
	t->stats->flows++;
	if (t->ops->open != NULL)
		t->ops->open(t->arg, &f->f);
	*out = f;
	return 0;
}

/* Which direction a segment is of. */
static int
direction(const struct flow *f, const struct amas__segment *s)
{
	unsigned char side[18];

	put_side(side, s, 0);
	return memcmp(side, f->side0, sizeof side) != 0;
}

/* Whether a segment begins another connection between the same ends. */
static bool
is_another(const struct flow *f, const struct amas__segment *s)
{
	const struct half *h = &f->half[direction(f, s)];

	if ((s->flags & AMAS__TCP_SYN) == 0)
		return false;
	return h->known ? h->base != s->seq + 1 : f->ended;
}

/* Finds the connection of a segment, or begins it; NULL: it has none. */
static int
find_flow(struct amas__tcp *t, struct flow **out,
    const struct amas__segment *s)
{
	const unsigned syn_ack = AMAS__TCP_SYN | AMAS__TCP_ACK;
	char key[KEY_SIZE];
	struct flow *f;

	make_key(key, s);
	*out = f = amas__map_get(&t->map, key, sizeof key);
	if (f != NULL && is_another(f, s)) {
		end_flow(f);
		if (t->aborted)
			return 0;
		forget(f);
		*out = f = NULL;
	}
	if (f != NULL || (s->flags & AMAS__TCP_RST) != 0)
		return 0;
	/* What acknowledges or ends something unknown begins nothing. */
	if ((s->flags & AMAS__TCP_SYN) == 0 && s->len == 0)
		return 0;
	return add_flow(t, out, key, s, (s->flags & syn_ack) == syn_ack);
}

static bool
is_over(const struct half *h)
{
	return h->fin && h->next == h->fin_seq;
}

/* A reset counts if its number is about what is expected. */
static bool
is_reset(const struct half *h, const struct amas__segment *s)
{
	return (s->flags & AMAS__TCP_RST) != 0 && (!h->known ||
	    s->seq - h->next < OLD || h->next - s->seq <= RST_BEHIND);
}

/* What the flags say of both directions, before the data. */
static void
take_flags(struct flow *f, int dir, const struct amas__segment *s,
    uint32_t seq)
{
	bool syn = (s->flags & AMAS__TCP_SYN) != 0;
	bool ack = (s->flags & AMAS__TCP_ACK) != 0;
	bool reset = (s->flags & AMAS__TCP_RST) != 0;
	struct half *h = &f->half[dir];

	if (syn && !h->known)
		learn(f, dir, seq, true);
	else if (syn && h->base == h->next) /* came after the first data */
		f->f.start[dir] = true;
	if (syn && ack && !f->half[!dir].known)
		learn(f, !dir, s->ack, true);
	if (!h->known && !reset && (s->len > 0 ||
	    (s->flags & AMAS__TCP_FIN) != 0))
		learn(f, dir, seq, false);
	if (ack && !reset)
		take_ack(f, !dir, s->ack);
}

/* An end before what is held cannot be one. */
static void
take_fin(struct half *h, uint32_t fin_seq)
{
	struct piece *last = AMAS__OF(h->pieces.prev, struct piece, link);

	if (h->fin || fin_seq - h->next >= OLD)
		return;
	if (!amas__list_empty(&h->pieces) && last->seq - h->next + last->len >
	    fin_seq - h->next)
		return;
	h->fin = true;
	h->fin_seq = fin_seq;
}

/* Over the bound of all: who holds data for longest waits no longer. */
static void
relieve(struct amas__tcp *t)
{
	struct flow *f;

	while (t->memory > t->memory_max && !t->aborted) {
		f = AMAS__OF(t->holders.next, struct flow, holder);
		give_up_all(f, 0);
		give_up_all(f, 1);
	}
}

void
amas__tcp_init(struct amas__tcp *t, const struct amas__capture_ops *ops,
    void *arg, struct amas__capture_stats *stats)
{
	memset(t, 0, sizeof *t);
	t->ops = ops;
	t->arg = arg;
	t->stats = stats;
	t->memory_max = AMAS__CAPTURE_MEMORY;
	t->flows_max = AMAS__CAPTURE_FLOWS;
	amas__map_init(&t->map);
	amas__list_init(&t->active);
	amas__list_init(&t->ended);
	amas__list_init(&t->holders);
}

int
amas__tcp_add(struct amas__tcp *t, const struct amas__segment *s,
    struct amas_error *err)
{
	uint32_t seq = s->seq + ((s->flags & AMAS__TCP_SYN) != 0);
	struct span span = { seq, s->data, s->len, s->got };
	struct flow *f = NULL;
	int dir;

	if (t->aborted)
		return 0;
	if (find_flow(t, &f, s) != 0)
		return amas__error_nomem(err);
	if (f == NULL || f->ended || t->aborted)
		return 0;
	amas__list_remove(&f->link);
	amas__list_add(&t->active, &f->link);
	f->time_s = s->time_s;
	dir = direction(f, s);
	take_flags(f, dir, s, seq);
	if (f->half[dir].known && (s->flags & AMAS__TCP_RST) == 0) {
		if ((s->flags & AMAS__TCP_FIN) != 0)
			take_fin(&f->half[dir], seq + (uint32_t)s->len);
		if (take_data(f, dir, span) != 0)
			return amas__error_nomem(err);
	}
	look(f);
	if ((is_over(&f->half[0]) && is_over(&f->half[1])) ||
	    is_reset(&f->half[dir], s))
		end_flow(f);
	relieve(t);
	return 0;
}

void
amas__tcp_end(struct amas__tcp *t)
{
	while (!amas__list_empty(&t->active) && !t->aborted)
		end_flow(AMAS__OF(t->active.next, struct flow, link));
}

void
amas__tcp_abort(struct amas__tcp *t)
{
	t->aborted = true;
	while (!amas__list_empty(&t->active))
		tell_close(AMAS__OF(t->active.next, struct flow, link));
}

void
amas__tcp_fini(struct amas__tcp *t)
{
	amas__tcp_abort(t);
	while (!amas__list_empty(&t->ended))
		forget(AMAS__OF(t->ended.next, struct flow, link));
	amas__map_fini(&t->map);
}
