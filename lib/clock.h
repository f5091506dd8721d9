/*
 * Clocks, behind what amas.h says of them: when a simulated one jumps, how a
 * container learns that timers have run, and the rules that aiomas's clocks
 * have for what they are asked, in its words.
 */
#ifndef AMAS__CLOCK_H
#define AMAS__CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amas.h"
#include "date.h"
#include "list.h"

/* ---- For the loop, which has one real clock ---- */

struct amas_clock *amas__clock_new_real(struct amas_loop *l);	/* or NULL */

/*
 * Of all clocks of the loop whose real one it is:
 *
 * drain  timers go on, but keep nobody waiting.
 * end    timers are cancelled, and none runs any more; time is still told.
 * free   frees them.
 */
void amas__clocks_drain(struct amas_clock *real);
void amas__clocks_end(struct amas_clock *real);
void amas__clocks_free(struct amas_clock *real);

/* ---- For containers ---- */

enum amas_clock_kind amas__clock_kind(const struct amas_clock *c);

/*
 * Moves a simulated clock to its next timer, which runs from the loop with all
 * others that are due then.  Returns false if there is none.
 */
bool amas__clock_jump(struct amas_clock *c);

/*
 * From now on what is due does not run by itself, but one at a time when it is
 * asked to: says whether there was one.  rest.h is told to look when one is due.
 */
void amas__clock_set_by_hand(struct amas_clock *c);
bool amas__clock_run_one(struct amas_clock *c);

/*
 * Of one that is set from outside: while it is held, no timer runs, and none is
 * due.  Then those run that are.
 */
void amas__clock_hold(struct amas_clock *c, bool hold);

/* Whether a timer is due now. */
bool amas__clock_is_due(const struct amas_clock *c);

/* Moves a simulated clock to a time, unless that is past. */
void amas__clock_reach(struct amas_clock *c, double t_s);

struct amas__clock_watch;
typedef void amas__clock_fn(struct amas__clock_watch *w);

/* Lies in its owner. */
struct amas__clock_watch {
	struct amas__link link;
	amas__clock_fn *fn;
};

/*
 * Runs fn, from the loop, when all timers that were due have run; that of the
 * real clock now and then without any.  So after the clock was moved it runs if
 * amas_clock_next() is not above amas_clock_time(), and else it does not.  fn may
 * free the clock, with which watching ends, too.  unwatch does no harm to what
 * does not watch, all zero at first.
 */
void amas__clock_watch(struct amas_clock *c, struct amas__clock_watch *w,
    amas__clock_fn *fn);
void amas__clock_unwatch(struct amas__clock_watch *w);

/* ---- What aiomas's clocks refuse ---- */

/*
 * Refuse what the set_time, the sleep and call_in, the sleep_until and call_at
 * of this clock refuse; NaN, and seconds beyond 2^53, too.  Timers of C take all
 * of it: what is due already runs in the next turn.
 *
 * check_set	a time that does not grow: "Time must be > 10 but is 10"; any of
 *		another clock than an external one.
 * check_sleep	a time that is not above 0, except of the real clock: "dt must be
 *		> 0 but is 0".
 * check_until	one that is not above that of the clock: 'Date "10" is in the
 *		past'.
 * check_date	a date, as date(), below; and one that is not above the clock's.
 *
 * Return 0 or AMAS_EINVAL, aiomas's ValueError.
 */
int amas__clock_check_set(const struct amas_clock *c, double t_s,
    struct amas_error *err);
int amas__clock_check_sleep(const struct amas_clock *c, double dt_s,
    struct amas_error *err);
int amas__clock_check_until(const struct amas_clock *c, double t_s,
    struct amas_error *err);
int amas__clock_check_date(const struct amas_clock *c, const char *text,
    size_t len, double *t_s, struct amas_error *err);

/*
 * Tells the seconds of this clock at a date, in the past too, of any form of
 * date.h.  Returns 0 or AMAS_EINVAL.
 */
int amas__clock_date(const struct amas_clock *c, const char *text, size_t len,
    double *t_s, struct amas_error *err);

/*
 * Writes the date, in UTC, at a time of this clock to out.  Returns the length;
 * 0: not in the years 0001 to 9999.
 */
size_t amas__clock_print_date(const struct amas_clock *c, double t_s,
    char out[AMAS__DATE_SIZE]);

/* ---- Inside ---- */

/* Checks what amas_clock_new() is given; *start_us is start, since 1970. */
int amas__clock_check_new(int64_t *start_us, const char *start, double time_s,
    struct amas_error *err);

/*
 * A date of the clock, in microseconds since 1970, and the time that it shows
 * then.
 */
int64_t amas__clock_epoch(const struct amas_clock *c, double *t_s);

#endif
