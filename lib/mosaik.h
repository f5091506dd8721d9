/*
 * What mosaik takes of a simulator.  It hangs, or dies with words that name no
 * simulator, when an answer has not the shape that it expects: so the answers of
 * one simulator are looked at before they are sent.
 */
#ifndef AMAS__MOSAIK_H
#define AMAS__MOSAIK_H

#include <stdbool.h>
#include <stdint.h>

#include "amas.h"
#include "map.h"

enum amas__mosaik_kind {
	AMAS__MOSAIK_TIME, AMAS__MOSAIK_EVENT, AMAS__MOSAIK_HYBRID
};

/* One simulator, as far as what it may answer depends on what it did. */
struct amas__mosaik {
	enum amas__mosaik_kind kind;
	bool begun;		/* init has been answered */
	bool stepped;
	int64_t now;		/* of the last step that was answered */
	struct amas__map models;	/* by name */
	struct amas__map entities;	/* by id */
};

/* The functions that a simulator has to have; the list ends with NULL. */
const char *const *amas__mosaik_needed(void);

/* Whether mosaik calls a function that a simulator need not have. */
bool amas__mosaik_may_lack(const char *function);

/*
 * What mosaik answers when it is asked, up to NULL; anything else has it hang, or
 * go.
 */
const char *const *amas__mosaik_asked(void);

/*
 * Whether a value, of an answer or of the arguments of what mosaik is asked, can
 * be read by Python: mosaik hangs if it cannot.  Returns 0, or AMAS_ETYPE (err
 * is the text of the function's failure).
 */
int amas__mosaik_check_value(const char *function, const struct amas_value *v,
    struct amas_error *err);

void amas__mosaik_init(struct amas__mosaik *m);
void amas__mosaik_fini(struct amas__mosaik *m);

/*
 * Looks at the answer to a request of mosaik's, and takes note of it.  Any value
 * will do for a function that is none of mosaik's own.  Returns 0, AMAS_ETYPE
 * (mosaik cannot take it) or AMAS_ENOMEM; err is the text of the failure that is
 * answered instead, "ValueError: FUNCTION: CAUSE".
 */
int amas__mosaik_check(struct amas__mosaik *m, const char *function,
    const struct amas_value *args, const struct amas_value *answer,
    struct amas_error *err);

/* As that, of what init will answer; err is the cause alone. */
int amas__mosaik_check_meta(struct amas__mosaik *m,
    const struct amas_value *meta, struct amas_error *err);

#endif
