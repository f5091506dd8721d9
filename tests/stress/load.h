/*
 * Calls FUNCTION(N, TEXT), each with a number and a text of its own, whose
 * answer has to be [N, TEXT], and what became of them.
 */
#ifndef STRESS_LOAD_H
#define STRESS_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include <amas.h>

#define LOAD_LATE_S 120.0	/* then a call is lost */

struct load;

struct tally {
	int64_t sent;
	int64_t right;
	int64_t busy;		/* refused, with the words for that */
	int64_t refused;	/* the server ends, and says so */
	int64_t closed;		/* it has ended: no answer */
	int64_t wrong;		/* another's answer, or none of these */
	int64_t lost;		/* nothing has come */
	int64_t twice;		/* came again */
	double longest_s;	/* of those that are right */
};

/* Runs when a call is over, and may call again. */
typedef void load_fn(void *arg);

/*
 * Texts have len bytes, and the first call the number first.  Ends the program if
 * memory is short, as do the others.
 */
struct load *load_new(const char *function, size_t len, int64_t first,
    load_fn *over);
void load_free(struct load *l);

/* Makes the next call, then over(arg). */
void load_call(struct load *l, struct amas_proxy *to, void *arg);

/* From now on the server may refuse, and close. */
void load_ending(struct load *l);

const struct tally *load_tally(const struct load *l);

/* Whether all that were sent came back, in one of the ways that are allowed. */
int load_is_good(const struct load *l);

/* Seconds of a clock that only runs forward. */
double load_now(void);

/* KiB of a FIELD of /proc/PID/status, such as VmRSS; 0: there is none. */
long load_memory(long pid, const char *field);

#endif
