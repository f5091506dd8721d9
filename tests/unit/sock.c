/* Sockets: what all our TCP connections have. */
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "sock.h"
#include "tap.h"

#define SEEN_S 30	/* a vanished peer is seen within */

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof value;

	return getsockopt(fd, level, name, &value, &len) == 0 ? value : -1;
}

static void
check(int fd, const char *which)
{
	tap_ok(option(fd, IPPROTO_TCP, TCP_NODELAY) != 0, "%s: no delay",
	    which);
	tap_ok(option(fd, SOL_SOCKET, SO_KEEPALIVE) != 0, "%s: keep-alive",
	    which);
	tap_int(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) +
	    option(fd, IPPROTO_TCP, TCP_KEEPINTVL) *
	    option(fd, IPPROTO_TCP, TCP_KEEPCNT), SEEN_S,
	    "%s: seconds until silence is noticed", which);
#ifdef TCP_USER_TIMEOUT
	tap_int(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 1000 * SEEN_S,
	    "%s: milliseconds until what is not taken is", which);
#endif
}

/* An accepted connection has what its listener was given. */
static void
test_tune(void)
{
	struct amas__sockaddr sa;
	int listener, ours, theirs;

	memset(&sa, 0, sizeof sa);
	sa.u.in.sin_family = AF_INET;
	sa.u.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sa.len = sizeof sa.u.in;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	ours = socket(AF_INET, SOCK_STREAM, 0);
	amas__sock_tune(listener);
	amas__sock_tune(ours);
	tap_ok(bind(listener, &sa.u.sa, sa.len) == 0 &&
	    listen(listener, 1) == 0 &&
	    getsockname(listener, &sa.u.sa, &sa.len) == 0 &&
	    connect(ours, &sa.u.sa, sa.len) == 0, "connected");
	theirs = accept(listener, NULL, NULL);
	check(ours, "ours");
	check(theirs, "theirs");
	close(ours);
	close(theirs);
	close(listener);
}

int
main(void)
{
	test_tune();
	return tap_done();
}
