/*
 * Child processes.  A process has two references: its owner's, and one for its
 * life, from the start until it was reaped; so one that was given up still gets
 * its KILL and leaves no zombie.
 *
 * pid is that of a child that nobody has waited for: so it, and its group, can
 * be signalled without hitting a stranger.
 */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "child.h"
#include "err.h"
#include "mem.h"
#include "proc_impl.h"

#define BUSY_TRIES 6		/* of a file that is being written */
#define BUSY_FIRST_S 0.01	/* before the second; doubles */
#define POLL_FIRST_S 0.001	/* without pidfd: doubles up to */
#define POLL_LAST_S 0.1

/* ---- Pipes ---- */

static void
close_io(struct amas__io *io)
{
	if (io->fd == -1)
		return;
	amas__io_set(io, 0);
	close(io->fd);
	io->fd = -1;
}

static void
close_input(struct amas__proc *p)
{
	close_io(&p->in);
	amas__buf_fini(&p->queue);
}

static void
unref(struct amas__proc *p)
{
	if (--p->refs > 0)
		return;
	free(p);
}

/* Writes what is queued, until it is all written or the pipe is full. */
static void
flush_input(struct amas__proc *p)
{
	size_t len;
	ssize_t n;

	if (p->in.fd == -1)
		return;
	while ((len = amas__buf_len(&p->queue)) > 0) {
		n = amas__pipe_write(p->in.fd, amas__buf_head(&p->queue), len);
		if (n >= 0) {
			amas__buf_consume(&p->queue, (size_t)n);
		} else if (errno == EAGAIN) {
			amas__io_set(&p->in, AMAS__WRITE);
			return;
		} else if (errno != EINTR) {
			close_input(p); /* it reads no more: its own business */
			return;
		}
	}
	amas__io_set(&p->in, 0);
	if (p->end_input)
		close_input(p);
}

static void
on_writable(struct amas__io *io, int events)
{
	struct amas__proc *p = AMAS__OF(io, struct amas__proc, in);

	(void)events;
	flush_input(p);
	if (amas__buf_len(&p->queue) == 0 && p->ops != NULL &&
	    p->ops->on_room != NULL)
		p->ops->on_room(p);
}

/*
 * Reads once, at most max bytes, and reports them.  Returns the bytes read, 0
 * at the end of file, -1 if nothing stands there now.
 */
static ssize_t
read_output(struct amas__proc *p, int i, size_t max)
{
	char small[512];
	size_t size;
	char *data = amas__loop_scratch(p->loop, &size);
	ssize_t n;

	if (data == NULL) {
		data = small;
		size = sizeof small;
	}
	do {
		n = read(p->out[i].io.fd, data, size < max ? size : max);
	} while (n == -1 && errno == EINTR);
	if (n > 0 && p->ops != NULL)
		p->ops->on_output(p, i + 1, data, (size_t)n);
	if (n == -1 && errno != EAGAIN) { /* it cannot be read any more */
		if (i == 0)
			p->how.output_sys = errno;
		n = 0;
	}
	return n;
}

static void
output_ready(struct amas__proc *p, int i)
{
	p->refs++; /* on_output may free it */
	if (read_output(p, i, SIZE_MAX) == 0) {
		close_io(&p->out[i].io);
		if (amas__timer_active(&p->poll)) { /* likely to end soon */
			p->poll_s = POLL_FIRST_S;
			amas__timer_start(&p->poll, p->poll_s);
		}
		if (i == 0 && p->ops != NULL)
			p->ops->on_output(p, 1, "", 0);
	}
	unref(p);
}

static void
on_stdout(struct amas__io *io, int events)
{
	(void)events;
	output_ready(AMAS__OF(io, struct amas__proc, out[0].io), 0);
}

static void
on_stderr(struct amas__io *io, int events)
{
	(void)events;
	output_ready(AMAS__OF(io, struct amas__proc, out[1].io), 1);
}

/*
 * Takes what stands in a pipe and closes it.  No more than is there now, since
 * a grandchild may go on writing for ever.
 */
static void
drain_output(struct amas__proc *p, int i)
{
	int left = 0;
	ssize_t n;

	if (p->out[i].io.fd != -1 &&
	    ioctl(p->out[i].io.fd, FIONREAD, &left) == -1)
		left = 0;
	while (left > 0 && p->ops != NULL && p->out[i].io.fd != -1) {
		if ((n = read_output(p, i, (size_t)left)) <= 0)
			break;
		left -= (int)n;
	}
	close_io(&p->out[i].io);
}

static void
close_pipes(struct amas__proc *p)
{
	close_input(p);
	close_io(&p->out[0].io);
	close_io(&p->out[1].io);
}

/* Gives input and output to who wants to have them, once. */
static void
hand_over(struct amas__proc *p)
{
	void (*start)(struct amas__proc *, int, int) = p->start;
	int in = p->in.fd, out = p->out[0].io.fd;

	p->start = NULL;
	if (start == NULL || p->ops == NULL || in == -1)
		return;
	p->in.fd = p->out[0].io.fd = -1;
	start(p, in, out);
}

static void
on_hand(struct amas__task *task)
{
	hand_over(AMAS__OF(task, struct amas__proc, hand));
}

/* ---- The end ---- */

/*
 * The group, and the process itself if it has left that: once each, since a trap
 * that is run is disturbed by a second signal.
 */
void
amas__proc_signal(struct amas__proc *p, int sig)
{
	const bool group = (p->flags & AMAS__PROC_INHERIT) == 0;

	if (group)
		(void)kill(-p->pid, sig);
	if (!group || getpgid(p->pid) != p->pid)
		(void)kill(p->pid, sig);
}

/* Whether it has ended; it stays a zombie, so that its pid stays its own. */
bool
amas__proc_has_ended(const struct amas__proc *p)
{
	siginfo_t si;

	si.si_pid = 0;
	if (waitid(P_PID, (id_t)p->pid, &si, WEXITED | WNOHANG | WNOWAIT) == -1)
		return errno != EINTR;
	return si.si_pid != 0;
}

static void
reap(struct amas__proc *p)
{
	int status;
	pid_t pid;

	do {
		pid = waitpid(p->pid, &status, WNOHANG);
	} while (pid == -1 && errno == EINTR);
	if (pid == -1)
		p->how.code = amas__error_sys(&p->how.err, AMAS_ESYS, errno,
		    "its status");
	else if (pid == 0) /* only when the loop goes and it will not */
		p->how.sig = SIGKILL;
	else if (WIFSIGNALED(status))
		p->how.sig = WTERMSIG(status);
	else
		p->how.status = WEXITSTATUS(status);
	p->pid = 0;
}

static void
free_again(struct amas__again *a)
{
	if (a == NULL)
		return;
	if (a->dir != -1)
		close(a->dir);
	free(a->file);
	free(a->argv); /* the texts lie behind the pointers */
	free(a->envp);
	free(a);
}

static void
set_failure(struct amas__proc *p, int e)
{
	bool busy = e == EMFILE || e == ENFILE || e == EAGAIN || e == ENOMEM;

	if (busy) {
		(void)amas__error_sys(&p->how.err, AMAS_ETOOBIG, e, "busy");
		p->how.err.code = AMAS_ETOOBIG;
	} else {
		(void)amas__error_sys(&p->how.err, AMAS_ESYS, e, NULL);
	}
	p->how.code = p->how.err.code;
}

void
amas__proc_ended(struct amas__proc *p)
{
	struct amas__procs *t = *amas__loop_procs(p->loop);

	close_io(&p->end);
	amas__task_cancel(p->loop, &p->hand);
	hand_over(p);
	drain_output(p, 0); /* who gets it may stop us, which sets the timer */
	drain_output(p, 1);
	amas__timer_stop(&p->timer);
	amas__timer_stop(&p->poll);
	amas__task_cancel(p->loop, &p->report);
	free_again(p->again);
	p->again = NULL;
	if (p->pid != 0) {
		if (p->stopping)
			amas__proc_signal(p, SIGKILL);
		reap(p);
	} else if (p->how.code == 0) {
		set_failure(p, ECANCELED);
	}
	close_pipes(p);
	amas__list_remove(&p->link);
	t->n--;
	if (t->adopt && !t->ending)
		amas__task_run(p->loop, &t->sweep);
	if (p->ops != NULL)
		p->ops->on_exit(p, &p->how);
	unref(p);
}

static void
on_end(struct amas__io *io, int events)
{
	struct amas__proc *p = AMAS__OF(io, struct amas__proc, end);

	(void)events;
	if (amas__proc_has_ended(p))
		amas__proc_ended(p);
}

static void
on_poll(struct amas__timer *timer)
{
	struct amas__proc *p = AMAS__OF(timer, struct amas__proc, poll);

	if (amas__proc_has_ended(p)) {
		amas__proc_ended(p);
		return;
	}
	p->poll_s = p->poll_s * 2 < POLL_LAST_S ? p->poll_s * 2 : POLL_LAST_S;
	amas__timer_start(timer, p->poll_s);
}

static void
watch_end(struct amas__proc *p)
{
	int fd = amas__pidfd(p->pid);

	if (fd != -1) {
		amas__io_init(&p->end, p->loop, fd, on_end);
		amas__io_set(&p->end, AMAS__READ);
		return;
	}
	p->poll_s = POLL_FIRST_S;
	amas__timer_start(&p->poll, p->poll_s);
}

/* ---- The start ---- */

/* Copies a vector of texts into one piece of memory. */
static char **
copy_vector(char *const *from)
{
	size_t n, i, size = 0;
	char **to, *text;

	for (n = 0; from[n] != NULL; n++)
		size += strlen(from[n]) + 1;
	if ((to = malloc((n + 1) * sizeof *to + size)) == NULL)
		return NULL;
	text = (char *)(to + n + 1);
	for (i = 0; i < n; i++) {
		to[i] = text;
		text = stpcpy(text, from[i]) + 1;
	}
	to[n] = NULL;
	return to;
}

static struct amas__again *
keep_opts(const struct amas__proc_opts *o)
{
	struct amas__again *a = amas__zalloc(sizeof *a);

	if (a == NULL)
		return NULL;
	a->dir = -1;
	a->file = amas__strdup(o->file);
	a->argv = copy_vector(o->argv);
	a->envp = o->envp != NULL ? copy_vector(o->envp) : NULL;
	if (o->dir >= 0)
		a->dir = fcntl(o->dir, F_DUPFD_CLOEXEC, 3);
	if (a->file == NULL || a->argv == NULL ||
	    (o->envp != NULL && a->envp == NULL) ||
	    (o->dir >= 0 && a->dir == -1)) {
		free_again(a);
		return NULL;
	}
	return a;
}

static void
close_pair(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

/* Makes the three pipes; ours[i] stays here, theirs[i] becomes its stream i. */
static int
make_pipes(int ours[3], int theirs[3])
{
	int fds[2], i, e;

	for (i = 0; i < 3; i++) {
		if ((e = amas__pipe(fds, i == 0 ? 1 : 0)) != 0)
			goto fail;
		ours[i] = fds[i == 0 ? 1 : 0];
		theirs[i] = fds[i == 0 ? 0 : 1];
	}
	return 0;
fail:
	while (i-- > 0) {
		fds[0] = ours[i];
		fds[1] = theirs[i];
		close_pair(fds);
	}
	return e;
}

static void
take_pipes(struct amas__proc *p, const int ours[3])
{
	int i;

	amas__io_init(&p->in, p->loop, ours[0], on_writable);
	amas__io_init(&p->out[0].io, p->loop, ours[1], on_stdout);
	amas__io_init(&p->out[1].io, p->loop, ours[2], on_stderr);
	for (i = 0; i < 2; i++)
		if (!p->out[i].paused && (i == 1 || p->start == NULL))
			amas__io_set(&p->out[i].io, AMAS__READ);
	if (p->start != NULL)
		amas__task_run(p->loop, &p->hand);
	else
		flush_input(p);
}

/* Tries once.  Returns 0 or an errno value. */
static int
try_start(struct amas__proc *p, const char *file, char *const *argv,
    char *const *envp, int dir)
{
	bool pipes = (p->flags & AMAS__PROC_INHERIT) == 0;
	int ours[3], theirs[3], i, e;
	pid_t pid;

	if (pipes && (e = make_pipes(ours, theirs)) != 0)
		return e;
	e = amas__spawn(&amas__procs_table(p->loop)->way, &pid, file, argv,
	    envp, dir, pipes ? theirs : NULL);
	for (i = 0; i < 3 && pipes; i++) {
		close(theirs[i]);
		if (e != 0)
			close(ours[i]);
	}
	if (e != 0)
		return e;
	p->pid = pid;
	if (pipes)
		take_pipes(p, ours);
	watch_end(p);
	return 0;
}

static void
on_report(struct amas__task *task)
{
	amas__proc_ended(AMAS__OF(task, struct amas__proc, report));
}

static void
fail_start(struct amas__proc *p, int e)
{
	free_again(p->again);
	p->again = NULL;
	set_failure(p, e);
	amas__task_run(p->loop, &p->report);
}

static void
on_timer(struct amas__timer *timer)
{
	struct amas__proc *p = AMAS__OF(timer, struct amas__proc, timer);
	struct amas__again *a = p->again;
	int e;

	if (a == NULL) { /* the grace is over */
		amas__proc_signal(p, SIGKILL);
		return;
	}
	e = try_start(p, a->file, a->argv, a->envp, a->dir);
	if (e == ETXTBSY && ++a->tries < BUSY_TRIES) {
		amas__timer_start(timer, BUSY_FIRST_S * (1 << a->tries));
	} else if (e != 0) {
		fail_start(p, e);
	} else {
		free_again(a);
		p->again = NULL;
	}
}

static void
first_start(struct amas__proc *p, const struct amas__proc_opts *o)
{
	int e = try_start(p, o->file, o->argv, o->envp, o->dir);

	if (e == ETXTBSY && (p->again = keep_opts(o)) != NULL)
		amas__timer_start(&p->timer, BUSY_FIRST_S);
	else if (e != 0)
		fail_start(p, e);
}

/* ---- A process ---- */

int
amas__proc_start(struct amas__proc **out, struct amas_loop *l,
    const struct amas__proc_opts *o, struct amas_error *err)
{
	struct amas__procs *t = amas__procs_table(l);
	struct amas__proc *p;

	if (t == NULL || (p = amas__zalloc(sizeof *p)) == NULL)
		return amas__error_nomem(err);
	p->loop = l;
	p->ops = o->ops;
	p->arg = o->arg;
	p->flags = o->flags;
	p->start = o->start;
	p->refs = 2;
	p->in.fd = p->end.fd = p->out[0].io.fd = p->out[1].io.fd = -1;
	amas__buf_init(&p->queue, 0);
	amas__task_init(&p->report, on_report);
	amas__task_init(&p->hand, on_hand);
	amas__timer_init(&p->timer, l, on_timer);
	amas__timer_init(&p->poll, l, on_poll);
	amas__list_add(&t->all, &p->link);
	t->n++;
	if (t->ending)
		fail_start(p, ECANCELED);
	else
		first_start(p, o);
	*out = p;
	return 0;
}

void *
amas__proc_arg(const struct amas__proc *p)
{
	return p->arg;
}

pid_t
amas__proc_pid(const struct amas__proc *p)
{
	return p->pid;
}

/* Whether its input can still reach it, or will when it has started. */
static bool
takes_input(const struct amas__proc *p)
{
	return !p->end_input && (p->in.fd != -1 || p->again != NULL);
}

int
amas__proc_write(struct amas__proc *p, const void *data, size_t len)
{
	int rc;

	if (!takes_input(p))
		return 0;
	if ((rc = amas__buf_put(&p->queue, data, len)) != 0)
		return rc;
	flush_input(p);
	return 0;
}

void
amas__proc_end_input(struct amas__proc *p)
{
	p->end_input = true;
	flush_input(p);
}

size_t
amas__proc_queued(const struct amas__proc *p)
{
	return amas__buf_len(&p->queue);
}

bool
amas__proc_look(struct amas__proc *p)
{
	int left;

	if (p->pid == 0)
		return p->again != NULL;
	if (amas__proc_has_ended(p))
		return false;
	if (p->out[0].io.fd != -1 &&
	    ioctl(p->out[0].io.fd, FIONREAD, &left) == 0 && left > 0)
		(void)read_output(p, 0, (size_t)left);
	return true;
}

enum amas__doing
amas__proc_doing(const struct amas__proc *p, uint64_t *who)
{
	return p->pid != 0 ? amas__child_doing(p->pid, who) : AMAS__UNTOLD;
}

void
amas__proc_pause(struct amas__proc *p, int which, bool pause)
{
	struct amas__output *o = &p->out[which - 1];

	o->paused = pause;
	if (o->io.fd != -1)
		amas__io_set(&o->io, pause ? 0 : AMAS__READ);
}

void
amas__proc_stop(struct amas__proc *p)
{
	if (p->stopping)
		return;
	p->stopping = true;
	if (p->again != NULL) {
		amas__timer_stop(&p->timer);
		fail_start(p, ECANCELED);
	} else if (p->pid != 0) {
		amas__proc_signal(p, SIGTERM);
		amas__proc_signal(p, SIGCONT); /* a stopped one would not hear it */
		amas__timer_start(&p->timer, AMAS__PROC_GRACE_S);
	}
}

void
amas__proc_free(struct amas__proc *p)
{
	if (p == NULL)
		return;
	p->ops = NULL;
	amas__task_cancel(p->loop, &p->hand);
	close_pipes(p);
	amas__proc_stop(p);
	unref(p);
}
