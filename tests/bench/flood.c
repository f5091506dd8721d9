/*
 * Pipelined calls: each slot has one call open, and its reply sends the next.
 * A slot knows what it sent, so a reply to another call would show.
 */
#include "flood.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH_MAX 10000

struct slot {
	struct flood *flood;
	int64_t value;
};

struct flood {
	struct amas_request *req;
	struct amas_channel *ch;
	bool through_host;
	char url[AMAS_URL_SIZE];
	int64_t n, sent, right, wrong;
	size_t busy;			/* slots with a call open */
	struct slot slot[];
};

static void
finish(struct flood *f)
{
	if (!f->through_host)
		amas_channel_close(f->ch);
	amas_request_reply(f->req, "[II]", f->right, f->wrong);
	free(f);
}

/* Counts a value that did not come back, and says why, once. */
static void
wrong(struct flood *f, const char *why)
{
	if (f->wrong++ == 0)
		fprintf(stderr, "flood: %s\n", why);
}

static void next(struct slot *s);

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct slot *s = arg;
	int64_t value = -1;

	if (rep->kind != AMAS_RESULT)
		wrong(s->flood, rep->text);
	else if (amas_value_unpack(rep->value, NULL, "I", &value) != 0 ||
	    value != s->value)
		wrong(s->flood, "another value than was sent");
	else
		s->flood->right++;
	next(s);
}

static int
send_value(struct flood *f, struct slot *s)
{
	if (f->through_host)
		return amas_channel_send(f->ch, 0, on_reply, s,
		    "[s [s s [I] {}] {}]", "amas/call", f->url, "service",
		    s->value);
	return amas_proxy_call(amas_channel_remote(f->ch), "service", 0,
	    on_reply, s, "[I]", s->value);
}

/* The slot sends the next value, or has nothing to do any more. */
static void
next(struct slot *s)
{
	struct flood *f = s->flood;

	while (f->sent < f->n) {
		s->value = f->sent++;
		if (send_value(f, s) == 0)
			return;
		wrong(f, "cannot be sent");
	}
	if (--f->busy == 0)
		finish(f);
}

void
flood_start(struct amas_request *req, struct amas_channel *ch,
    const char *url, int64_t n, int64_t depth)
{
	struct flood *f = NULL;
	size_t i, slots;

	if (depth >= 1 && depth <= DEPTH_MAX)
		f = calloc(1, sizeof *f + (size_t)depth * sizeof *f->slot);
	if (f == NULL) {
		amas_request_fail(req, "ValueError: depth %lld",
		    (long long)depth);
		if (url == NULL)
			amas_channel_close(ch);
		return;
	}
	f->req = amas_request_keep(req);
	f->ch = ch;
	f->through_host = url != NULL;
	if (url != NULL)
		(void)snprintf(f->url, sizeof f->url, "%s", url);
	f->n = n;
	f->busy = slots = (size_t)depth;
	for (i = 0; i < slots; i++)
		f->slot[i].flood = f;
	for (i = slots; i > 0; i--) /* the last one may free f */
		next(&f->slot[i - 1]);
}
