/*
 * Sockets of the addresses that we know: lookup, bind, connect, names.  No
 * loop: what takes time is done by dial.c and listener.c.
 */
#ifndef AMAS__SOCK_H
#define AMAS__SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>

#include "addr.h"
#include "amas.h"

struct amas__sockaddr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage ss;
	} u;
	socklen_t len;
};

#define AMAS__SOCK_TRIES 16	/* addresses of one name that are tried */

/*
 * Finds the addresses of a TCP or unix address, at most AMAS__SOCK_TRIES;
 * passive: to listen.  Loopback and literals need no resolver; else this asks
 * one, and blocks.  Returns 0, AMAS_ECONNECT or AMAS_EINVAL.
 */
int amas__sock_lookup(const struct amas__addr *a, bool passive,
    struct amas__sockaddr *out, size_t *n, struct amas_error *err);

/* Whether amas__sock_lookup() needs the resolver for it. */
bool amas__sock_needs_resolver(const struct amas__addr *a);

/* Makes a non-blocking, close-on-exec stream socket; -1 and errno. */
int amas__sock_open(int family);

/*
 * Sets what all our TCP connections have, before they connect: no delay, and a
 * peer that does not answer or has vanished is noticed within 30 s.
 */
void amas__sock_tune(int fd);

/*
 * Writes an address for people: "tcp://127.0.0.1:5555", "tcp://[::1]:5555",
 * "ipc:///path".  Returns out.
 */
char *amas__sock_name(const struct amas__sockaddr *sa, char *out, size_t size);

/*
 * The same for the peer of a connection; one on a unix socket has no address:
 * its process stands for it, "ipc://pid:4711".
 */
#define AMAS__SOCK_NAME 160
char *amas__sock_peer(int fd, char *out, size_t size);

/* The address of our end; "" if it has none. */
char *amas__sock_local(int fd, char *out, size_t size);

/* Who counts as one peer for limits: the host of a connection, or a user. */
char *amas__sock_peer_host(int fd, char *out, size_t size);

#endif
