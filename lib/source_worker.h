/*
 * What a container wants to know of a worker source: when its process runs, and
 * when it is lost; and to tell that process things that are no calls.  Such a
 * source has one process.
 */
#ifndef AMAS__SOURCE_WORKER_H
#define AMAS__SOURCE_WORKER_H

#include <stdbool.h>

#include "amas.h"
#include "list.h"
#include "service.h"

struct amas__worker_watch;

/*
 * From the loop; each may take the watch away.
 *
 * runs  a new process runs, and knows nothing yet.
 * room  it takes more: time to tell it what it has to know before the next
 *       call.  False: there is more to tell, and calls wait.
 * over  it is lost, and what it was told with it: why.  hopeless: there was
 *       none, it could not be started.  It will be started again.
 */
struct amas__worker_watch_ops {
	void (*runs)(struct amas__worker_watch *w);
	bool (*room)(struct amas__worker_watch *w);
	void (*over)(struct amas__worker_watch *w, const char *why,
	    bool hopeless);
};

struct amas__worker_watch {
	const struct amas__worker_watch_ops *ops;
};

/* NULL: nobody watches any more. */
void amas__source_worker_watch(struct amas__source *s,
    struct amas__worker_watch *w);

/* Whether it can be told something now. */
bool amas__source_worker_takes(struct amas__source *s);

/*
 * Tells it something; as amas__channel_request().  lost: a reply that is an error
 * because the process is lost; over() follows, and has the reason.
 */
int amas__source_worker_tell(struct amas__source *s,
    const struct amas_value *content, amas_reply_fn *fn, void *arg);
bool amas__source_worker_lost(struct amas__source *s,
    const struct amas_reply *rep);

/* Has it look for room again: there is something new to tell. */
void amas__source_worker_look(struct amas__source *s);

#endif
