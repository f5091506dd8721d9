/*
 * Those who call, as children see them: a number for each connection that a
 * child was told of, and one for each proxy that came on it.  A URL is good
 * until the connection ends; numbers are never used again.
 *
 * What a URL of ours stands for is looked up here and nowhere else.  A text that
 * is none is at most the address of an agent; anything else is refused, so that
 * no text of a stranger becomes a connection.
 */
#include "host_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "err.h"
#include "mem.h"
#include "service.h"
#include "value.h"

/* A connection that children were told of. */
struct amas__peer {
	struct amas__ending ending;
	struct amas__host *host;
	struct amas_channel *ch;
	uint64_t number;
	struct amas__map by_path;	/* path -> number of a proxy */
	char **paths;			/* of proxies 1..n, at i - 1 */
	size_t n_paths, cap;
};

static void
peer_free(struct amas__peer *p)
{
	size_t i;

	for (i = 0; i < p->n_paths; i++)
		free(p->paths[i]);
	free(p->paths);
	amas__map_fini(&p->by_path);
	free(p);
}

/* Takes it out of the host's tables. */
static void
forget(struct amas__peer *p)
{
	amas__list_remove(&p->ending.link);
	(void)amas__map_take_id(&p->host->peers, p->number);
	*amas__channel_peer_slot(p->ch) = NULL;
}

static void
on_end(struct amas__ending *e)
{
	struct amas__peer *p = AMAS__OF(e, struct amas__peer, ending);

	forget(p);
	peer_free(p);
}

static struct amas__peer *
peer_of(struct amas__host *h, struct amas_channel *ch)
{
	struct amas__peer *p = *amas__channel_peer_slot(ch);

	if (p != NULL || (p = amas__zalloc(sizeof *p)) == NULL)
		return p;
	p->host = h;
	p->ch = ch;
	p->number = h->last_peer + 1;
	p->ending.fn = on_end;
	amas__map_init(&p->by_path);
	if (amas__map_set_id(&h->peers, p->number, p) != 0) {
		peer_free(p);
		return NULL;
	}
	h->last_peer++;
	*amas__channel_peer_slot(ch) = p;
	amas__channel_on_end(ch, &p->ending);
	return p;
}

void
amas__host_peers_free(struct amas__host *h)
{
	struct amas__peer *p;
	size_t i;

	while (h->peers.n > 0)
		for (i = 0; (p = amas__map_next(&h->peers, &i, NULL,
		    NULL)) != NULL; ) {
			forget(p);
			peer_free(p);
		}
	amas__map_fini(&h->peers);
}

/* ---- URLs ---- */

/* The number of a proxy's path, 0: none could be given. */
static size_t
number_of(struct amas__peer *p, const char *path, size_t len)
{
	uintptr_t n = (uintptr_t)amas__map_get(&p->by_path, path, len);
	char **more;
	size_t cap;

	if (n != 0 || p->n_paths == AMAS__PROXIES_MAX)
		return n;
	if (p->n_paths == p->cap) {
		cap = p->cap != 0 ? 2 * p->cap : 4;
		more = amas__reallocarray(p->paths, cap, sizeof *more);
		if (more == NULL)
			return 0;
		p->paths = more;
		p->cap = cap;
	}
	if ((p->paths[p->n_paths] = amas__strndup(path, len)) == NULL)
		return 0;
	n = p->n_paths + 1;
	if (amas__map_set(&p->by_path, path, len, (void *)n) != 0) {
		free(p->paths[p->n_paths]);
		return 0;
	}
	p->n_paths++;
	return n;
}

int
amas__host_peer_url(struct amas_loop *l, struct amas_channel *ch,
    struct amas__buf *url, struct amas_error *err)
{
	struct amas__host *h = amas__host_get(l, err);
	struct amas__peer *p;

	if (h == NULL)
		return AMAS_ETYPE;
	if (amas__channel_ended(ch) != NULL)
		return amas_error_set(err, AMAS_ETYPE, "peer is gone");
	if ((p = peer_of(h, ch)) == NULL || amas__buf_printf(url,
	    "%s%" PRIu64, h->base, p->number) != 0)
		return amas__error_nomem(err);
	return 0;
}

int
amas__host_proxy_url(struct amas_loop *l, const struct amas_value *proxy,
    struct amas__buf *url, struct amas_error *err)
{
	struct amas_channel *ch = amas__channel_sender(proxy);
	const struct amas_value *path;
	struct amas__peer *p;
	size_t n;
	int rc;

	if ((proxy->flags & AMAS__V_OWN) != 0 || ch == NULL)
		return amas_error_set(err, AMAS_ETYPE,
		    "a proxy that came from no connection");
	path = &proxy->u.item[0];
	if ((rc = amas__host_peer_url(l, ch, url, err)) != 0 ||
	    path->len == 0)
		return rc;
	p = *amas__channel_peer_slot(ch);
	if ((n = number_of(p, path->u.text, path->len)) == 0)
		return amas_error_set(err, AMAS_ETYPE, "%s",
		    p->n_paths == AMAS__PROXIES_MAX ?
		    "too many proxies of one peer" :
		    amas_strerror(AMAS_ENOMEM));
	return amas__buf_printf(url, ".%zu", n) == 0 ? 0 :
	    amas__error_nomem(err);
}

/* ---- What a URL stands for ---- */

/* Reads digits; 0 is no number of ours. */
static uint64_t
read_number(const char **text)
{
	uint64_t n = 0;

	for (; **text >= '0' && **text <= '9'; (*text)++)
		n = n < UINT64_MAX / 16 ? n * 10 + (uint64_t)(**text - '0') :
		    0;
	return n;
}

bool
amas__host_is_own(const struct amas__host *h, const char *url)
{
	return strncmp(url, h->base, h->base_len) == 0;
}

int
amas__host_resolve(struct amas__host *h, const char *url,
    struct amas__target *t, struct amas_error *err)
{
	const char *rest = url + h->base_len, *object = "";
	struct amas__peer *p;
	uint64_t n;

	p = amas__map_get_id(&h->peers, read_number(&rest));
	if (p != NULL && *rest == '.') {
		rest++;
		n = read_number(&rest);
		if (n == 0 || n > p->n_paths)
			p = NULL;
		else
			object = p->paths[n - 1];
	}
	if (p == NULL || (*rest != '\0' && *rest != '/'))
		return amas_error_set(err, AMAS_ECLOSED, "peer is gone");
	rest += strspn(rest, "/");
	t->ch = p->ch;
	t->path = amas__asprintf("%s%s%s", object,
	    *object != '\0' && *rest != '\0' ? "/" : "", rest);
	return t->path != NULL ? 0 : amas__error_nomem(err);
}

struct listing {
	struct amas_loop *loop;
	struct amas_value *list;
	struct amas__buf url;
	int rc;
};

static void
list_one(struct amas_channel *ch, void *arg)
{
	struct listing *l = arg;

	amas__buf_truncate(&l->url, 0);
	if (l->rc == 0)
		l->rc = amas__host_peer_url(l->loop, ch, &l->url, NULL);
	if (l->rc == 0)
		l->rc = amas__buf_putc(&l->url, '\0');
	if (l->rc == 0 && *amas_channel_peer_name(ch) != '\0')
		l->rc = amas_value_add(l->list, "{s:s, s:s, s:s}", "url",
		    amas__buf_head(&l->url), "addr", amas_channel_peer(ch),
		    "name", amas_channel_peer_name(ch));
	else if (l->rc == 0)
		l->rc = amas_value_add(l->list, "{s:s, s:s}", "url",
		    amas__buf_head(&l->url), "addr", amas_channel_peer(ch));
}

int
amas__host_list_peers(struct amas__host *h, struct amas_value *list)
{
	struct listing l = { h->loop, list, { NULL, 0, 0, 0, 0 }, 0 };

	amas__channel_each(h->loop, list_one, &l);
	amas__buf_fini(&l.url);
	return l.rc;
}
