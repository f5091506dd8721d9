/*
 * Calls that agents have scheduled: of functions of their own, at a time of
 * their container's clock.  amas/call_in, amas/call_at, amas/cancel.
 */
#ifndef AMAS__SCHEDULED_H
#define AMAS__SCHEDULED_H

#include "agent_home.h"

#define AMAS__SCHEDULED_MAX 100000	/* of one home */

/* Answer a request of a home's process. */
void amas__scheduled_call_in(struct amas__agent_home *h,
    struct amas_request *req);
void amas__scheduled_call_at(struct amas__agent_home *h,
    struct amas_request *req);
void amas__scheduled_cancel(struct amas__agent_home *h,
    struct amas_request *req);

/* The home goes: what is scheduled will not be called. */
void amas__scheduled_drop(struct amas__agent_home *h);

#endif
