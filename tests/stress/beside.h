/*
 * Connections beside those of a stress: some read slowly, some send requests
 * and never read, some stop in the middle of a frame.  They are nobody's calls;
 * the others must not feel them.
 */
#ifndef STRESS_BESIDE_H
#define STRESS_BESIDE_H

#include <stddef.h>

#include <amas.h>

struct beside;

/*
 * Opens connections to addr, "ipc://PATH", that do not keep ev running.  Ends
 * the program if it cannot.  NULL: there are none.
 */
struct beside *beside_start(struct ev_loop *ev, const char *addr, size_t slow,
    size_t dead);
void beside_stop(struct beside *b);

/* Gives a socket that is connected to addr, and does not block. */
int beside_connect(const char *addr);

#endif
