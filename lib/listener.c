/*
 * Listening.  When descriptors run out, a spare one is given up to take one
 * caller and turn it away, and accepting pauses: a listener that stays readable
 * must not spin.
 */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "list.h"
#include "map.h"
#include "mem.h"
#include "sock.h"
#include "stream_tls.h"

#define BACKLOG 1024
#define ACCEPT_MAX 16		/* connections taken in one wake-up */
#define FULL_PAUSE_S 0.5
#define FULL_LOG_S 60.0
#define SHAKING_MAX 1024	/* handshakes at a time: the oldest ends */

struct amas__listener {
	struct amas_loop *loop;
	struct amas__io io;
	struct amas__timer pause;
	amas__accept_fn *fn;
	void *arg;
	char *addr;
	char *local;		/* its key among the loop's; NULL: none */
	char *path;		/* of our unix socket */
	dev_t dev;
	ino_t ino;
	int spare;
	bool tcp;
	struct amas__tls_setup *tls;	/* NULL: plain */
	struct amas__link shaking;	/* those that agree on TLS */
	size_t n_shaking;
	bool open_to_all;
	double logged;		/* when running out was last told */
	bool accepting;		/* inside the callback */
	bool freed;		/* there: its memory goes afterwards */
};

static int
dead(const struct amas__sockaddr *sa)
{
	int fd = amas__sock_open(AF_UNIX), rc, sys;

	if (fd == -1)
		return -1;
	rc = connect(fd, &sa->u.sa, sa->len);
	sys = errno;
	close(fd);
	return rc == -1 && sys == ECONNREFUSED;
}

/* Removes the dead socket that is in our way. */
static int
remove_dead(const struct amas__sockaddr *sa, struct amas_error *err)
{
	const char *path = sa->u.un.sun_path;
	struct stat st;

	if (lstat(path, &st) == -1)
		return errno == ENOENT ? 0 :
		    amas__error_sys(err, AMAS_ECONNECT, errno, NULL);
	if (!S_ISSOCK(st.st_mode))
		return amas_error_set(err, AMAS_EEXIST,
		    "file exists and is no socket");
	if (dead(sa) != 1)
		return amas_error_set(err, AMAS_EEXIST, "already served");
	if (unlink(path) == -1 && errno != ENOENT)
		return amas__error_sys(err, AMAS_ECONNECT, errno, NULL);
	return 0;
}

/*
 * Two servers that find the same dead socket would remove each other's new one:
 * a lock on the folder lets one at a time look and bind.
 */
static int
lock_folder(const char *path)
{
	char *copy = amas__strdup(path);
	int fd = -1;

	if (copy != NULL &&
	    (fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) !=
	    -1 && flock(fd, LOCK_EX) == -1) {
		close(fd);
		fd = -1;
	}
	free(copy);
	return fd;
}

static int
bind_unix(struct amas__listener *ln, const struct amas__sockaddr *sa, int fd,
    unsigned mode, struct amas_error *err)
{
	int lock = lock_folder(sa->u.un.sun_path), rc = 0;
	struct stat st;

	(void)fchmod(fd, mode); /* Linux: the mode that bind() gives it */
	if (bind(fd, &sa->u.sa, sa->len) == -1) {
		if (errno != EADDRINUSE)
			rc = amas__error_sys(err, AMAS_ECONNECT, errno, NULL);
		else if ((rc = remove_dead(sa, err)) == 0 &&
		    bind(fd, &sa->u.sa, sa->len) == -1)
			rc = amas__error_sys(err, AMAS_ECONNECT, errno, NULL);
	}
	if (rc == 0 && (chmod(sa->u.un.sun_path, mode) == -1 ||
	    lstat(sa->u.un.sun_path, &st) == -1))
		rc = amas__error_sys(err, AMAS_ECONNECT, errno, NULL);
	if (rc == 0 && listen(fd, BACKLOG) == -1)
		rc = amas__error_sys(err, AMAS_ECONNECT, errno, NULL);
	if (rc == 0) {
		ln->dev = st.st_dev;
		ln->ino = st.st_ino;
		if ((ln->path = amas__strdup(sa->u.un.sun_path)) == NULL) {
			(void)unlink(sa->u.un.sun_path);
			rc = amas__error_nomem(err);
		}
	}
	if (lock != -1)
		close(lock);
	return rc;
}

static int
bind_tcp(const struct amas__sockaddr *sa, int fd, struct amas_error *err)
{
	const int on = 1, off = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (sa->u.sa.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off,
		    sizeof off);
	amas__sock_tune(fd); /* accepted ones inherit it */
	if (bind(fd, &sa->u.sa, sa->len) == -1 || listen(fd, BACKLOG) == -1)
		return amas__error_sys(err, errno == EADDRINUSE ? AMAS_EEXIST :
		    AMAS_ECONNECT, errno, NULL);
	return 0;
}

static int
open_one(struct amas__listener *ln, const struct amas__sockaddr *sa,
    unsigned mode, int *out, struct amas_error *err)
{
	int fd = amas__sock_open(sa->u.sa.sa_family), rc;

	if (fd == -1)
		return amas__error_sys(err, AMAS_ECONNECT, errno, "socket");
	if (sa->u.sa.sa_family == AF_UNIX)
		rc = bind_unix(ln, sa, fd, mode, err);
	else
		rc = bind_tcp(sa, fd, err);
	if (rc != 0)
		close(fd);
	else
		*out = fd;
	return rc;
}

/* Whether an address is one that this machine has not: the next one may do. */
static bool
is_missing(int sys)
{
	return sys == EADDRNOTAVAIL || sys == EAFNOSUPPORT ||
	    sys == EPROTONOSUPPORT;
}

static bool
is_loopback(const struct amas__sockaddr *sa)
{
	if (sa->u.sa.sa_family == AF_INET)
		return ntohl(sa->u.in.sin_addr.s_addr) >> 24 == 127;
	if (sa->u.sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&sa->u.in6.sin6_addr);
	return true;
}

/* A path from the root, so that it is good wherever its reader stands. */
static char *
absolute(const char *path)
{
	char *here, *full;

	while (path[0] == '.' && path[1] == '/')
		for (path += 2; *path == '/'; path++)
			;
	if (*path == '/' || (here = getcwd(NULL, 0)) == NULL)
		return amas__strdup(path);
	full = amas__asprintf("%s%s%s", here,
	    strcmp(here, "/") == 0 ? "" : "/", path);
	free(here);
	return full;
}

/*
 * The address as it was given, with the port that it has really got, or from
 * the root.
 */
static int
name_address(struct amas__listener *ln, const struct amas__addr *addr, int fd)
{
	struct amas__addr real = *addr;
	struct amas__sockaddr sa;
	char loopback[] = "127.0.0.1";
	char *path = NULL;

	if (addr->kind == AMAS__ADDR_TCP) {
		memset(&sa, 0, sizeof sa);
		sa.len = sizeof sa.u;
		if (getsockname(fd, &sa.u.sa, &sa.len) == 0)
			real.port = ntohs(sa.u.in.sin_port);
		if (real.host[0] == '\0')
			real.host = loopback;
	} else if (addr->kind == AMAS__ADDR_UNIX) {
		if ((path = absolute(addr->name)) == NULL)
			return AMAS_ENOMEM;
		real.name = path;
	}
	ln->addr = amas__addr_print(&real);
	free(path);
	return ln->addr != NULL ? 0 : AMAS_ENOMEM;
}

static void
ran_out(struct amas__listener *ln, int sys)
{
	double now = amas__loop_now(ln->loop);
	int fd;

	if (ln->logged == 0 || now - ln->logged > FULL_LOG_S) {
		amas__log(amas__loop_log(ln->loop), AMAS_LOG_WARN,
		    "%s: cannot accept: %s", ln->addr, strerror(sys));
		ln->logged = now;
	}
	if (ln->spare != -1 && (sys == EMFILE || sys == ENFILE)) {
		close(ln->spare);
		if ((fd = accept4(ln->io.fd, NULL, NULL, SOCK_CLOEXEC)) != -1)
			close(fd);
		ln->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	amas__io_set(&ln->io, 0);
	amas__timer_start(&ln->pause, FULL_PAUSE_S);
}

static void
on_pause(struct amas__timer *t)
{
	struct amas__listener *ln = AMAS__OF(t, struct amas__listener, pause);

	amas__io_set(&ln->io, AMAS__READ);
}

static void
destroy(struct amas__listener *ln)
{
	amas__tls_unref(ln->tls);
	free(ln->path);
	free(ln->addr);
	free(ln->local);
	free(ln);
}

/* ---- TLS ---- */

/* A connection whose peer has not shown yet who it is. */
struct shaking {
	struct amas__link link;
	struct amas__listener *ln;
	struct amas__stream *s;
};

static void
forget_shaking(struct shaking *k)
{
	amas__list_remove(&k->link);
	k->ln->n_shaking--;
	free(k);
}

static void
drop_shaking(struct shaking *k)
{
	amas__stream_abort(k->s);
	forget_shaking(k);
}

static void
on_agreed(struct amas__stream *s, const struct amas_error *why, void *arg)
{
	struct shaking *k = arg;
	struct amas__listener *ln = k->ln;
	char peer[AMAS__STREAM_NAME];

	if (why != NULL) {
		(void)amas__stream_name(k->s, AMAS__PEER, peer, sizeof peer);
		amas__log(amas__loop_log(ln->loop), AMAS_LOG_WARN, "%s: %s",
		    peer, why->text);
		amas__loop_counters(ln->loop)->refused++;
	}
	forget_shaking(k);
	if (s != NULL)
		ln->fn(s, ln->arg);
}

/* Those who only hold a place must not keep others out. */
static void
make_room(struct amas__listener *ln)
{
	if (ln->n_shaking < SHAKING_MAX)
		return;
	amas__log(amas__loop_log(ln->loop), AMAS_LOG_INFO, "%s: more than %d "
	    "TLS handshakes: the oldest ends", ln->addr, SHAKING_MAX);
	drop_shaking(AMAS__OF(ln->shaking.next, struct shaking, link));
}

static int
agree(struct amas__listener *ln, struct amas__stream *s,
    struct amas_error *err)
{
	struct shaking *k = amas__zalloc(sizeof *k);
	int rc;

	if (k == NULL)
		return amas__error_nomem(err);
	make_room(ln);
	k->ln = ln;
	if ((rc = amas__stream_new_tls(&k->s, s, ln->tls, NULL, on_agreed, k,
	    err)) != 0) {
		free(k);
		return rc;
	}
	amas__list_add(&ln->shaking, &k->link);
	ln->n_shaking++;
	return 0;
}

void
amas__listener_set_tls(struct amas__listener *ln,
    struct amas__tls_setup *setup)
{
	ln->tls = amas__tls_ref(setup);
}

bool
amas__listener_is_tcp(const struct amas__listener *ln)
{
	return ln->tcp;
}

/* ---- Accepting ---- */

static void
take(struct amas__listener *ln, int fd)
{
	struct amas__stream *s;
	struct amas_error err;

	if (amas__stream_new(&s, ln->loop, fd, &err) != 0) {
		close(fd);
	} else if (ln->tls == NULL || !ln->tcp) {
		ln->fn(s, ln->arg);
		return;
	} else if (agree(ln, s, &err) == 0) {
		return;
	} else {
		amas__stream_close(s);
	}
	amas__log(amas__loop_log(ln->loop), AMAS_LOG_ERROR, "%s: %s", ln->addr,
	    err.text);
}

static void
on_accept(struct amas__io *io, int events)
{
	struct amas__listener *ln = AMAS__OF(io, struct amas__listener, io);
	int i, fd, sys;

	(void)events;
	ln->accepting = true;
	for (i = 0; i < ACCEPT_MAX && !ln->freed; i++) {
		fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1) {
			take(ln, fd);
			continue;
		}
		sys = errno;
		if (sys == EMFILE || sys == ENFILE || sys == ENOBUFS ||
		    sys == ENOMEM)
			ran_out(ln, sys);
		if (sys != EINTR && sys != ECONNABORTED)
			break;
	}
	ln->accepting = false;
	if (ln->freed)
		destroy(ln);
}

/* Begins to accept. */
static void
watch(struct amas__listener *ln, int fd, amas__accept_fn *fn, void *arg)
{
	ln->fn = fn;
	ln->arg = arg;
	ln->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	amas__timer_init(&ln->pause, ln->loop, on_pause);
	amas__io_init(&ln->io, ln->loop, fd, on_accept);
	amas__io_set(&ln->io, AMAS__READ);
}

/* ---- Inside of this process ---- */

int
amas__listener_be_local(struct amas__listener *ln, const char *addr,
    struct amas_error *err)
{
	struct amas__map *locals = amas__loop_locals(ln->loop);
	size_t len = strlen(addr);

	if (amas__map_get(locals, addr, len) != NULL)
		return amas_error_set(err, AMAS_EEXIST,
		    "Server is already set.");
	if ((ln->local = amas__strdup(addr)) == NULL ||
	    amas__map_set(locals, addr, len, ln) != 0) {
		free(ln->local);
		ln->local = NULL;
		return amas__error_nomem(err);
	}
	return 0;
}

struct amas__listener *
amas__listener_local(struct amas_loop *l, const char *addr)
{
	return amas__map_get(amas__loop_locals(l), addr, strlen(addr));
}

void
amas__listener_connect(struct amas__listener *ln, struct amas__stream *s)
{
	ln->fn(s, ln->arg);
}

/* One that has no socket: "local://name". */
static int
new_local(struct amas__listener **out, struct amas_loop *l,
    const struct amas__addr *addr, amas__accept_fn *fn, void *arg,
    struct amas_error *err)
{
	struct amas__listener *ln = amas__zalloc(sizeof *ln);
	int rc;

	if (ln == NULL)
		return amas__error_nomem(err);
	ln->loop = l;
	amas__list_init(&ln->shaking);
	ln->fn = fn;
	ln->arg = arg;
	ln->spare = -1;
	amas__timer_init(&ln->pause, l, on_pause);
	amas__io_init(&ln->io, l, -1, on_accept);
	if ((ln->addr = amas__addr_print(addr)) == NULL)
		rc = amas__error_nomem(err);
	else
		rc = amas__listener_be_local(ln, ln->addr, err);
	if (rc != 0)
		destroy(ln);
	else
		*out = ln;
	return rc;
}

int
amas__listener_new(struct amas__listener **out, struct amas_loop *l,
    const struct amas__addr *addr, unsigned mode, amas__accept_fn *fn,
    void *arg, struct amas_error *err)
{
	struct amas__listener *ln = amas__zalloc(sizeof *ln);
	struct amas__sockaddr sa[AMAS__SOCK_TRIES];
	struct amas_error first = { 0 }, why = { 0 };
	size_t n = 0, i;
	int rc, fd = -1;

	if (addr->kind == AMAS__ADDR_LOCAL) {
		free(ln);
		return new_local(out, l, addr, fn, arg, err);
	}
	if (ln == NULL)
		return amas__error_nomem(err);
	ln->loop = l;
	amas__list_init(&ln->shaking);
	ln->spare = -1;
	if ((rc = amas__sock_lookup(addr, true, sa, &n, err)) != 0)
		goto fail;
	rc = AMAS_ECONNECT;
	for (i = 0; i < n && rc != 0; i++) {
		rc = open_one(ln, &sa[i], mode != 0 ? mode : 0600, &fd, &why);
		if (rc != 0 && (i == 0 || !is_missing(why.sys)))
			first = why;
		if (rc != 0 && !is_missing(why.sys))
			break;
	}
	if (rc != 0) {
		rc = amas__error_copy(err, &first);
		goto fail;
	}
	ln->open_to_all = !is_loopback(&sa[i - 1]);
	ln->tcp = addr->kind == AMAS__ADDR_TCP;
	if (name_address(ln, addr, fd) != 0) {
		close(fd);
		rc = amas__error_nomem(err);
		goto fail;
	}
	watch(ln, fd, fn, arg);
	*out = ln;
	return 0;
fail:
	free(ln->path);
	free(ln);
	return rc;
}

/* Names a socket that was bound by someone else. */
static int
name_socket(struct amas__listener *ln, int fd, struct amas_error *err)
{
	struct amas__sockaddr sa;
	char name[AMAS__SOCK_NAME];

	memset(&sa, 0, sizeof sa);
	sa.len = sizeof sa.u;
	if (getsockname(fd, &sa.u.sa, &sa.len) == -1)
		return amas__error_sys(err, AMAS_ECONNECT, errno, NULL);
	ln->open_to_all = !is_loopback(&sa);
	ln->tcp = sa.u.sa.sa_family != AF_UNIX;
	ln->addr = amas__strdup(amas__sock_name(&sa, name, sizeof name));
	return ln->addr != NULL ? 0 : amas__error_nomem(err);
}

int
amas__listener_new_fd(struct amas__listener **out, struct amas_loop *l, int fd,
    amas__accept_fn *fn, void *arg, struct amas_error *err)
{
	struct amas__listener *ln = amas__zalloc(sizeof *ln);
	int rc, flags = fcntl(fd, F_GETFL);

	if (ln == NULL) {
		close(fd);
		return amas__error_nomem(err);
	}
	ln->loop = l;
	amas__list_init(&ln->shaking);
	ln->spare = -1;
	rc = name_socket(ln, fd, err);
	if (rc == 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		rc = amas__error_sys(err, AMAS_ECONNECT, errno, NULL);
	if (rc != 0) {
		close(fd);
		destroy(ln);
		return rc;
	}
	watch(ln, fd, fn, arg);
	*out = ln;
	return 0;
}

bool
amas__listener_is_one(int fd)
{
	int on = 0;
	socklen_t len = sizeof on;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 &&
	    on != 0;
}

void
amas__listener_free(struct amas__listener *ln)
{
	struct stat st;

	if (ln == NULL)
		return;
	amas__timer_stop(&ln->pause);
	amas__io_set(&ln->io, 0);
	while (!amas__list_empty(&ln->shaking))
		drop_shaking(AMAS__OF(ln->shaking.next, struct shaking, link));
	if (ln->path != NULL && lstat(ln->path, &st) == 0 &&
	    st.st_dev == ln->dev && st.st_ino == ln->ino)
		(void)unlink(ln->path);
	if (ln->local != NULL)
		(void)amas__map_take(amas__loop_locals(ln->loop), ln->local,
		    strlen(ln->local));
	if (ln->io.fd != -1)
		close(ln->io.fd);
	if (ln->spare != -1)
		close(ln->spare);
	ln->freed = true;
	if (!ln->accepting)
		destroy(ln);
}

void
amas__listener_background(struct amas__listener *ln)
{
	amas__io_set(&ln->io, 0);
	ln->io.background = true;
	amas__io_set(&ln->io, AMAS__READ);
}

const char *
amas__listener_addr(const struct amas__listener *ln)
{
	return ln->addr;
}

bool
amas__listener_open_to_all(const struct amas__listener *ln)
{
	return ln->open_to_all;
}
