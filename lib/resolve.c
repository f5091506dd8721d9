/*
 * The resolver's thread.  The job is shared by the thread and the loop; who
 * lets go of it second frees it.  The thread touches nothing else of ours.
 */
#include "resolve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>

#include "err.h"
#include "mem.h"

struct job {
	atomic_int holders;
	int wake;		/* the thread closes it: that wakes the loop */
	struct amas__addr addr;	/* host and port alone */
	struct amas__sockaddr sa[AMAS__SOCK_TRIES];
	size_t n;
	int rc;
	struct amas_error err;
};

struct amas__resolve {
	struct job *job;
	struct amas__io io;
	amas__resolve_fn *fn;
	void *arg;
};

static void
job_unref(struct job *j)
{
	if (atomic_fetch_sub(&j->holders, 1) > 1)
		return;
	free(j->addr.host);
	free(j);
}

static void *
run(void *arg)
{
	struct job *j = arg;
	int wake = j->wake;

	j->rc = amas__sock_lookup(&j->addr, false, j->sa, &j->n, &j->err);
	job_unref(j);
	close(wake);
	return NULL;
}

static void
resolve_end(struct amas__resolve *r)
{
	amas__io_set(&r->io, 0);
	close(r->io.fd);
	free(r);
}

static void
on_done(struct amas__io *io, int events)
{
	struct amas__resolve *r = AMAS__OF(io, struct amas__resolve, io);
	struct job *j = r->job;
	amas__resolve_fn *fn = r->fn;
	void *arg = r->arg;

	(void)events;
	resolve_end(r);
	fn(j->sa, j->n, j->rc != 0 ? &j->err : NULL, arg);
	job_unref(j);
}

/* Signals are the program's: the thread takes none. */
static int
start_thread(struct job *j)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t t;
	int rc;

	if ((rc = pthread_attr_init(&attr)) != 0)
		return rc;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&t, &attr, run, j);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attr);
	return rc;
}

int
amas__resolve_new(struct amas__resolve **out, struct amas_loop *l,
    const struct amas__addr *addr, amas__resolve_fn *fn, void *arg,
    struct amas_error *err)
{
	struct amas__resolve *r = amas__zalloc(sizeof *r);
	struct job *j = amas__zalloc(sizeof *j);
	int fds[2], rc;

	if (r == NULL || j == NULL ||
	    (j->addr.host = amas__strdup(addr->host)) == NULL) {
		rc = amas__error_nomem(err);
		goto fail;
	}
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == -1) {
		rc = amas__error_sys(err, AMAS_ESYS, errno, "resolver");
		goto fail;
	}
	atomic_init(&j->holders, 2);
	j->addr.kind = addr->kind;
	j->addr.port = addr->port;
	j->wake = fds[1];
	if ((rc = start_thread(j)) != 0) {
		close(fds[0]);
		close(fds[1]);
		rc = amas__error_sys(err, AMAS_ESYS, rc, "resolver");
		goto fail;
	}
	r->job = j;
	r->fn = fn;
	r->arg = arg;
	amas__io_init(&r->io, l, fds[0], on_done);
	amas__io_set(&r->io, AMAS__READ);
	*out = r;
	return 0;
fail:
	if (j != NULL)
		free(j->addr.host);
	free(j);
	free(r);
	return rc;
}

void
amas__resolve_free(struct amas__resolve *r)
{
	if (r == NULL)
		return;
	job_unref(r->job);
	resolve_end(r);
}
