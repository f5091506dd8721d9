/* Sockets: lookup and names.  Nothing here waits but the system's resolver. */
#include "sock.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "err.h"

#define KEEP_IDLE_S 15		/* a vanished peer is seen within 30 s */
#define KEEP_STEP_S 5
#define KEEP_TRIES 3

static void
set_in(struct amas__sockaddr *out, uint32_t host, uint16_t port)
{
	memset(out, 0, sizeof *out);
	out->u.in.sin_family = AF_INET;
	out->u.in.sin_addr.s_addr = htonl(host);
	out->u.in.sin_port = htons(port);
	out->len = sizeof out->u.in;
}

static void
set_in6(struct amas__sockaddr *out, const struct in6_addr *host, uint16_t port)
{
	memset(out, 0, sizeof *out);
	out->u.in6.sin6_family = AF_INET6;
	out->u.in6.sin6_addr = *host;
	out->u.in6.sin6_port = htons(port);
	out->len = sizeof out->u.in6;
}

static bool
is_loopback_name(const char *host)
{
	return host[0] == '\0' || strcmp(host, "localhost") == 0;
}

static bool
literal(const char *host, uint16_t port, struct amas__sockaddr *out)
{
	struct in_addr in;
	struct in6_addr in6;

	if (inet_pton(AF_INET, host, &in) == 1) {
		set_in(out, ntohl(in.s_addr), port);
		return true;
	}
	if (inet_pton(AF_INET6, host, &in6) == 1) {
		set_in6(out, &in6, port);
		return true;
	}
	return false;
}

bool
amas__sock_needs_resolver(const struct amas__addr *a)
{
	struct amas__sockaddr sa;

	return a->kind == AMAS__ADDR_TCP && !is_loopback_name(a->host) &&
	    strcmp(a->host, "*") != 0 && !literal(a->host, a->port, &sa);
}

static int
resolve(const struct amas__addr *a, bool passive, struct amas__sockaddr *out,
    size_t *n, struct amas_error *err)
{
	struct addrinfo hints, *list = NULL, *i;
	char port[8];
	int rc, sys;

	memset(&hints, 0, sizeof hints);
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
	(void)snprintf(port, sizeof port, "%u", (unsigned)a->port);
	if ((rc = getaddrinfo(a->host, port, &hints, &list)) != 0) {
		sys = errno;
		amas_error_set(err, AMAS_ECONNECT, "cannot resolve: %s",
		    rc == EAI_SYSTEM ? strerror(sys) : gai_strerror(rc));
		if (err != NULL)
			err->sys = rc;
		return AMAS_ECONNECT;
	}
	*n = 0;
	for (i = list; i != NULL && *n < AMAS__SOCK_TRIES; i = i->ai_next) {
		if (i->ai_addrlen > sizeof out->u)
			continue;
		memset(&out[*n], 0, sizeof *out);
		memcpy(&out[*n].u, i->ai_addr, i->ai_addrlen);
		out[(*n)++].len = i->ai_addrlen;
	}
	freeaddrinfo(list);
	return *n > 0 ? 0 : amas_error_set(err, AMAS_ECONNECT,
	    "cannot resolve: no address");
}

int
amas__sock_lookup(const struct amas__addr *a, bool passive,
    struct amas__sockaddr *out, size_t *n, struct amas_error *err)
{
	struct sockaddr_un *un = &out->u.un;

	if (a->kind == AMAS__ADDR_UNIX) {
		if (strlen(a->name) >= sizeof un->sun_path)
			return amas_error_set(err, AMAS_ECONNECT,
			    "socket path of %zu bytes, at most %zu",
			    strlen(a->name), sizeof un->sun_path - 1);
		memset(out, 0, sizeof *out);
		un->sun_family = AF_UNIX;
		strcpy(un->sun_path, a->name);
		out->len = sizeof *un;
		*n = 1;
		return 0;
	}
	if (a->kind != AMAS__ADDR_TCP)
		return amas_error_set(err, AMAS_EINVAL,
		    "local:// lives inside one process");
	if (strcmp(a->host, "*") == 0 && passive) {
		set_in6(&out[0], &in6addr_any, a->port);
		set_in(&out[1], INADDR_ANY, a->port);
		*n = 2;
		return 0;
	}
	if (is_loopback_name(a->host) || strcmp(a->host, "*") == 0) {
		set_in(&out[0], INADDR_LOOPBACK, a->port);
		set_in6(&out[1], &in6addr_loopback, a->port);
		*n = 2;
		return 0;
	}
	if (literal(a->host, a->port, out)) {
		*n = 1;
		return 0;
	}
	return resolve(a, passive, out, n, err);
}

int
amas__sock_open(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static void
set_int(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof value); /* comfort */
}

void
amas__sock_tune(int fd)
{
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_STEP_S);
	set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_TRIES);
#ifdef TCP_USER_TIMEOUT
	/* Where something waits to be taken, there is no keep-alive. */
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1000 *
	    (KEEP_IDLE_S + KEEP_STEP_S * KEEP_TRIES));
#endif
}

/* The host of an address: "127.0.0.1", "[::1]"; a guest of our dual stack that
 * speaks IPv4 is shown so. */
static void
host_of(const struct amas__sockaddr *sa, char *out, size_t size)
{
	const struct in6_addr *in6 = &sa->u.in6.sin6_addr;
	char text[INET6_ADDRSTRLEN] = "?";

	if (sa->u.sa.sa_family == AF_INET)
		(void)inet_ntop(AF_INET, &sa->u.in.sin_addr, text, sizeof text);
	else if (IN6_IS_ADDR_V4MAPPED(in6))
		(void)inet_ntop(AF_INET, in6->s6_addr + 12, text, sizeof text);
	else
		(void)inet_ntop(AF_INET6, in6, text, sizeof text);
	(void)snprintf(out, size, strchr(text, ':') != NULL ? "[%s]" : "%s",
	    text);
}

char *
amas__sock_name(const struct amas__sockaddr *sa, char *out, size_t size)
{
	char host[INET6_ADDRSTRLEN + 2];

	switch (sa->u.sa.sa_family) {
	case AF_INET:
	case AF_INET6:
		host_of(sa, host, sizeof host);
		(void)snprintf(out, size, "tcp://%s:%u", host,
		    (unsigned)ntohs(sa->u.in.sin_port)); /* in6 has it there */
		break;
	case AF_UNIX:
		(void)snprintf(out, size, "ipc://%s", sa->len >
		    offsetof(struct sockaddr_un, sun_path) ?
		    sa->u.un.sun_path : "");
		break;
	default:
		(void)snprintf(out, size, "?");
		break;
	}
	return out;
}

static bool
peer_of(int fd, struct amas__sockaddr *sa)
{
	memset(sa, 0, sizeof *sa);
	sa->len = sizeof sa->u;
	return getpeername(fd, &sa->u.sa, &sa->len) == 0;
}

static void
credentials(int fd, long *pid, long *uid)
{
#ifdef SO_PEERCRED
	struct ucred c;
	socklen_t len = sizeof c;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len) == 0) {
		*pid = (long)c.pid;
		*uid = (long)c.uid;
	}
#else
	(void)fd;
	(void)pid;
	(void)uid;
#endif
}

char *
amas__sock_peer(int fd, char *out, size_t size)
{
	struct amas__sockaddr sa;
	long pid = 0, uid = 0;

	if (!peer_of(fd, &sa)) {
		(void)snprintf(out, size, "?");
	} else if (sa.u.sa.sa_family == AF_UNIX &&
	    sa.u.un.sun_path[0] == '\0') {
		credentials(fd, &pid, &uid);
		(void)snprintf(out, size, "ipc://pid:%ld", pid);
	} else {
		amas__sock_name(&sa, out, size);
	}
	return out;
}

char *
amas__sock_local(int fd, char *out, size_t size)
{
	struct amas__sockaddr sa;

	memset(&sa, 0, sizeof sa);
	sa.len = sizeof sa.u;
	out[0] = '\0';
	if (getsockname(fd, &sa.u.sa, &sa.len) == 0 &&
	    (sa.u.sa.sa_family != AF_UNIX || sa.u.un.sun_path[0] != '\0'))
		amas__sock_name(&sa, out, size);
	return out;
}

char *
amas__sock_peer_host(int fd, char *out, size_t size)
{
	struct amas__sockaddr sa;
	long pid = 0, uid = -1;

	out[0] = '\0';
	if (!peer_of(fd, &sa))
		return out;
	if (sa.u.sa.sa_family == AF_UNIX) {
		credentials(fd, &pid, &uid);
		(void)snprintf(out, size, "uid:%ld", uid);
	} else {
		host_of(&sa, out, size);
	}
	return out;
}
