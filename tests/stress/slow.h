/*
 * Connections whose other end is read slowly: what is sent goes on at once,
 * what comes at so many bytes a second.
 */
#ifndef STRESS_SLOW_H
#define STRESS_SLOW_H

#include <stddef.h>

struct ev_loop;
struct slow;

/*
 * Opens n connections to addr, "ipc://PATH", that do not keep ev running.  Ends
 * the program if it cannot.
 */
struct slow *slow_start(struct ev_loop *ev, const char *addr, size_t n,
    double bytes_per_s);
void slow_stop(struct slow *s);

/* Gives the near end of one, which stays open until the stop. */
int slow_fd(const struct slow *s, size_t i);

#endif
