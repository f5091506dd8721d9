/*
 * What the processes of an agent find around them: the home (home.h) of one, or
 * of all agents of a shared class.  First member of whatever has processes.
 */
#ifndef AMAS__AGENT_HOME_H
#define AMAS__AGENT_HOME_H

#include "container.h"
#include "home.h"

struct amas__agent_home {
	struct amas__home home;
	struct amas_container *c;
	struct amas_agent *a;		/* NULL: it is that of many */
	struct amas__link scheduled;	/* scheduled.h */
	size_t n_scheduled;
	int64_t last_scheduled;
	struct amas__jobs *turns;	/* its handlers', or NULL */
	char *self, *state;
	struct amas_value *args, *kwargs;
	void (*gone)(struct amas__agent_home *h);
};

/*
 * Sets it up with one reference, the caller's: those who run something for it
 * have theirs.  a: whose it is; NULL: that of many, whose URLs begin alike.  gone runs when the last has been
 * given back: finish by amas__agent_home_fini(), which does not run it.
 *
 * Returns 0 or AMAS_ENOMEM, when it is to be finished too.
 */
int amas__agent_home_init(struct amas__agent_home *h, struct amas_container *c,
    struct amas_agent *a, const struct amas_value *args,
    const struct amas_value *kwargs, void (*gone)(struct amas__agent_home *h));

/*
 * Keeps arguments of a constructor; those that are none stay NULL.  Returns 0 or
 * AMAS_ENOMEM.
 */
int amas__agent_keep(struct amas_value **out, const struct amas_value *v);

/* Its agent ends: nothing goes on for it by itself any more. */
void amas__agent_home_end(struct amas__agent_home *h);

/* Frees what it has, and its folder with all that is in it. */
void amas__agent_home_fini(struct amas__agent_home *h);

#endif
