/*
 * An agent's function flood(url, n, depth): calls service(0) to service(n - 1)
 * of the agent at url, depth of them at a time, and looks whether each gave its
 * argument back.  What the plugin and the worker of the bench share.
 */
#ifndef BENCH_FLOOD_H
#define BENCH_FLOOD_H

#include <amas.h>

/*
 * Does it, and answers [right, wrong], how many replies were so.
 *
 * ch   the connection to the agent, closed at the end; or, if there is a url,
 *      a worker's message lines, by which its host is asked to call.
 */
void flood_start(struct amas_request *req, struct amas_channel *ch,
    const char *url, int64_t n, int64_t depth);

#endif
