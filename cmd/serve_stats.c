/*
 * Counters, for SIGUSR1.  Their names are promised in amas-serve(1).  The line
 * bears no name of a program, so that jq reads it.
 */
#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "jobs.h"
#include "loop.h"

static unsigned long long
n(uint64_t count)
{
	return (unsigned long long)count;
}

void
serve_stats(const struct serve *s)
{
	const struct amas__counters *c = amas__loop_counters(s->loop);
	const struct amas__jobs *jobs = amas__loop_jobs(s->loop);
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[512];
	int len;

	if (poll(&p, 1, 0) != 1)
		return; /* nobody reads, and we must not wait */
	len = snprintf(line, sizeof line, "{\"connections\": %zu, "
	    "\"accepted\": %llu, \"refused\": %llu, \"requests\": %llu, "
	    "\"calls\": %llu, \"failures\": %llu, \"bytes_in\": %llu, "
	    "\"bytes_out\": %llu, \"running\": %zu, \"asleep\": %zu, "
	    "\"waiting\": %zu, \"processes\": %zu}\n", s->connections,
	    n(c->connections), n(c->refused), n(c->open), n(c->calls),
	    n(c->failures), n(c->bytes_in), n(c->bytes_out),
	    amas__jobs_running(jobs), amas__jobs_asleep(jobs),
	    amas__jobs_waiting(jobs), amas__procs_count(s->loop));
	if (write(STDERR_FILENO, line, (size_t)len) == -1)
		errno = 0; /* there is nowhere to complain */
}
