/*
 * The processes of a loop: their table, orphans that come to this program, and
 * the end of them all.
 */
#include "proc.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "child.h"
#include "mem.h"
#include "proc_impl.h"

#define SWEEP_MAX 64		/* orphans reaped in one turn */
#define END_S 0.5		/* for what was killed to go */
#define END_TICK_NS 2000000

/* ---- The table ---- */

static struct amas__proc *
find(struct amas__procs *t, pid_t pid)
{
	struct amas__link *i;
	struct amas__proc *p;

	for (i = t->all.next; i != &t->all; i = i->next) {
		p = AMAS__OF(i, struct amas__proc, link);
		if (p->pid == pid)
			return p;
	}
	return NULL;
}

/* Whether a child was there before us: started by who then became us. */
static bool
was_before(const struct amas__procs *t, pid_t pid)
{
	size_t i;

	for (i = 0; i < t->n_before; i++)
		if (t->before[i] == pid)
			return true;
	return false;
}

/* It has ended: its number may become another's. */
static void
forget_before(struct amas__procs *t, pid_t pid)
{
	size_t i;

	for (i = 0; i < t->n_before; i++)
		if (t->before[i] == pid)
			t->before[i--] = t->before[--t->n_before];
}

/*
 * Reaps orphans that came to us.  A status of an own process is never taken
 * away here: that is only looked at, and then treated as its own watcher would.
 */
static void
reap_orphans(struct amas__procs *t)
{
	struct amas__proc *p;
	siginfo_t si;
	int n;

	for (n = 0; n < SWEEP_MAX; n++) {
		si.si_pid = 0;
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == -1 ||
		    si.si_pid == 0)
			return;
		if ((p = find(t, si.si_pid)) != NULL)
			amas__proc_ended(p);
		else if (waitpid(si.si_pid, NULL, WNOHANG) > 0)
			forget_before(t, si.si_pid);
	}
}

static void
on_sweep(struct amas__task *task)
{
	reap_orphans(AMAS__OF(task, struct amas__procs, sweep));
}

struct amas__procs *
amas__procs_table(struct amas_loop *l)
{
	struct amas__procs **t = amas__loop_procs(l);

	if (*t != NULL || (*t = amas__zalloc(sizeof **t)) == NULL)
		return *t;
	(*t)->loop = l;
	amas__list_init(&(*t)->all);
	amas__task_init(&(*t)->sweep, on_sweep);
	amas__way_open(&(*t)->way);
	return *t;
}

static void
note_before(pid_t pid, void *arg)
{
	struct amas__procs *t = arg;
	pid_t *more = amas__reallocarray(t->before, t->n_before + 1,
	    sizeof *more);

	if (more == NULL)
		return; /* it will be ended with us */
	t->before = more;
	t->before[t->n_before++] = pid;
}

void
amas__procs_adopt(struct amas_loop *l)
{
	struct amas__procs *t = amas__procs_table(l);
	struct sigaction sa;

	/* With SIGCHLD ignored, as some parents leave it, no status is kept. */
	if (sigaction(SIGCHLD, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN) {
		sa.sa_handler = SIG_DFL;
		(void)sigaction(SIGCHLD, &sa, NULL);
	}
	if (t == NULL || t->adopt)
		return;
	if ((t->adopt = amas__subreaper()))
		amas__each_child(note_before, t);
}

size_t
amas__procs_count(struct amas_loop *l)
{
	struct amas__procs *t = *amas__loop_procs(l);

	return t != NULL ? t->n : 0;
}

/* ---- The end of all ---- */

struct children {
	const struct amas__procs *t;
	int sig;		/* to send; 0: none */
	bool some;		/* there are some that are ours to end */
};

static void
visit_child(pid_t pid, void *arg)
{
	struct children *c = arg;

	if (was_before(c->t, pid))
		return;
	c->some = true;
	if (c->sig != 0)
		(void)kill(pid, c->sig);
}

static void
signal_table(struct amas__procs *t, int sig)
{
	struct children children = { .t = t, .sig = sig };
	struct amas__link *i;
	struct amas__proc *p;

	for (i = t->all.next; i != &t->all; i = i->next) {
		p = AMAS__OF(i, struct amas__proc, link);
		p->stopping = true;
		if (p->pid != 0) {
			amas__proc_signal(p, sig);
			amas__proc_signal(p, SIGCONT);
		}
	}
	if (t->adopt)
		amas__each_child(visit_child, &children);
}

static void
reap_table(struct amas__procs *t)
{
	struct amas__link *i, *next;
	struct amas__proc *p;

	for (i = t->all.next; i != &t->all; i = next) {
		next = i->next;
		p = AMAS__OF(i, struct amas__proc, link);
		if (p->pid != 0 && !amas__proc_has_ended(p))
			continue;
		amas__proc_ended(p);
		next = t->all.next; /* on_exit may have ended others */
	}
	if (t->adopt)
		reap_orphans(t);
}

/* Whether children are left, as far as can be told. */
static bool
some_left(struct amas__procs *t)
{
	struct children children = { .t = t };
	siginfo_t si;

	if (!amas__list_empty(&t->all))
		return true;
	if (t->adopt && t->n_before > 0) {
		amas__each_child(visit_child, &children);
		return children.some;
	}
	return t->adopt && waitid(P_ALL, 0, &si,
	    WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Signals all, again and again for children that come to us, until they go. */
static void
end_with(struct amas__procs *t, int sig, double wait_s)
{
	const struct timespec tick = { 0, END_TICK_NS };
	long ticks = (long)(wait_s * 1e9 / END_TICK_NS);

	signal_table(t, sig);
	for (reap_table(t); some_left(t) && ticks > 0; ticks--) {
		(void)nanosleep(&tick, NULL);
		reap_table(t);
		if (sig == SIGKILL)
			signal_table(t, sig);
	}
}

void
amas__procs_end(struct amas_loop *l, double grace_s)
{
	struct amas__procs *t = *amas__loop_procs(l);

	if (t == NULL)
		return;
	t->ending = true;
	amas__task_cancel(l, &t->sweep);
	if (grace_s > 0 && some_left(t))
		end_with(t, SIGTERM, grace_s);
	if (some_left(t))
		end_with(t, SIGKILL, END_S);
	while (!amas__list_empty(&t->all)) /* in the kernel, beyond our reach */
		amas__proc_ended(AMAS__OF(t->all.next, struct amas__proc, link));
	*amas__loop_procs(l) = NULL;
	amas__way_close(&t->way);
	free(t->before);
	free(t);
}
