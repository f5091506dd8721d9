/*
 * Requests about time: what the host and a container answer alike.
 */
#ifndef AMAS__TIMES_H
#define AMAS__TIMES_H

#include <stddef.h>

#include "amas.h"

/* Answer with the seconds of a clock; with its date as text, ISO 8601 in UTC. */
void amas__times_reply(const struct amas_clock *c, struct amas_request *req);
void amas__times_reply_utcnow(const struct amas_clock *c,
    struct amas_request *req);

/*
 * Take a time out of the first of a request's arguments: seconds from now, or a
 * time (a number or a date).  Others may stand behind it.  Return 0, or AMAS_EINVAL when it has answered, in aiomas's words.
 */
int amas__times_unpack_dt(const struct amas_clock *c, struct amas_request *req,
    double *dt_s);
int amas__times_unpack_at(const struct amas_clock *c, struct amas_request *req,
    double *t_s);

#endif
