/*
 * Functions that answer out of order, and know which calls came twice.  What
 * the plugin and the worker of the stress share.
 */
#ifndef STRESS_SHUFFLE_H
#define STRESS_SHUFFLE_H

#include <amas.h>

struct shuffle;

/*
 *	echo(V)		answers with V, at once
 *	shuffle(N, V)	with [N, V], when any of the next calls has come
 *	spin(N, V)	with [N, V], after some work
 *	report()	with [calls, calls of an N that had come before]
 *	die()		not at all
 */
extern const struct amas_function shuffle_functions[];

/*
 * Makes the state of the functions, on a loop; NULL if memory is short.  The
 * number of each call is added to the file $SHUFFLE_LOG, as 8 bytes, for those
 * that die.
 */
struct shuffle *shuffle_new(struct amas_loop *loop);

/* Answers what is kept, and frees it. */
void shuffle_free(struct shuffle *s);

#endif
