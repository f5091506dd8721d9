/*
 * An intrusive list.  Links live inside the objects; the head is a link too.
 * A link that is in no list points to itself.
 */
#ifndef AMAS__LIST_H
#define AMAS__LIST_H

#include <stdbool.h>
#include <stddef.h>

struct amas__link {
	struct amas__link *next, *prev;
};

/* The object that holds a link as its member. */
#define AMAS__OF(link, type, member) \
	((type *)(void *)((char *)(link) - offsetof(type, member)))

static inline void
amas__list_init(struct amas__link *l)
{
	l->next = l->prev = l;
}

static inline bool
amas__list_empty(const struct amas__link *l)
{
	return l->next == l;
}

/* Adds a link at the end of the list. */
static inline void
amas__list_add(struct amas__link *head, struct amas__link *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

/* Takes a link out of whatever list it is in; harmless if in none. */
static inline void
amas__list_remove(struct amas__link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	amas__list_init(l);
}

/* Moves all links of from to the end of to. */
static inline void
amas__list_move(struct amas__link *to, struct amas__link *from)
{
	if (amas__list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	amas__list_init(from);
}

#endif
