/*
 * What a channel tells of itself, and the slots where the layers above keep
 * what is theirs.
 */
#include "channel_int.h"

const char *
amas__channel_phase(const struct amas_channel *ch)
{
	if (ch->dial != NULL)
		return amas__dial_phase(ch->dial);
	return ch->state == ENDED ? "closed" : "waiting for the answer";
}

const struct amas_error *
amas__channel_ended(const struct amas_channel *ch)
{
	return ch->state == ENDED ? amas__channel_why(ch) : NULL;
}

bool
amas__channel_answers(const struct amas_channel *ch)
{
	return ch->state != ENDED && !ch->peer_done;
}

size_t
amas__channel_open_requests(const struct amas_channel *ch)
{
	return ch->n_requests;
}

struct amas_loop *
amas__channel_loop(const struct amas_channel *ch)
{
	return ch->loop;
}

bool
amas__channel_heard(const struct amas_channel *ch)
{
	return ch->heard;
}

void
amas__channel_any_types(struct amas_channel *ch)
{
	ch->types.any = true;
}

void
amas__channel_set_hard(struct amas_channel *ch)
{
	ch->hard = true;
	if (ch->stream != NULL)
		amas__stream_set_hard(ch->stream);
}

struct amas_proxy **
amas__channel_remote_slot(struct amas_channel *ch)
{
	return &ch->remote;
}

void
amas__channel_on_end(struct amas_channel *ch, struct amas__ending *e)
{
	amas__list_init(&e->link);
	if (ch->state == ENDED)
		e->fn(e);
	else
		amas__list_add(&ch->endings, &e->link);
}

void
amas__channel_on_input_end(struct amas_channel *ch, struct amas__ending *e)
{
	ch->input_end = e;
}

void
amas__channel_set_asks(struct amas_channel *ch, const struct amas__asks *asks)
{
	ch->asks = asks;
}

const struct amas__asks *
amas__channel_asks(const struct amas_channel *ch)
{
	return ch->asks;
}

struct amas__peer **
amas__channel_peer_slot(struct amas_channel *ch)
{
	return &ch->told;
}

struct amas_service **
amas__channel_service_slot(struct amas_channel *ch)
{
	return &ch->own;
}

const char *
amas__channel_peer_host(const struct amas_channel *ch)
{
	return ch->peer_host != NULL ? ch->peer_host : "";
}

struct amas__link *
amas__channel_link(struct amas_channel *ch)
{
	return &ch->link;
}

struct amas_channel *
amas__channel_of(struct amas__link *link)
{
	return AMAS__OF(link, struct amas_channel, link);
}

amas_request_fn *
amas__channel_on_request(const struct amas_channel *ch, void **arg)
{
	*arg = ch->arg;
	return ch->on_request;
}

const char *
amas_channel_peer(const struct amas_channel *ch)
{
	return ch->peer;
}

const char *
amas_channel_peer_name(const struct amas_channel *ch)
{
	return ch->peer_name != NULL ? ch->peer_name : "";
}

bool
amas__channel_allows(struct amas_channel *ch, const char *path)
{
	return ch->allow == NULL || ch->allow(ch, path, ch->arg) != 0;
}

void
amas_channel_set_arg(struct amas_channel *ch, void *arg)
{
	ch->user = arg;
}

void *
amas_channel_arg(const struct amas_channel *ch)
{
	return ch->user;
}
