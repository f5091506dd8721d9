/*
 * Descriptors as addresses.  They are copied, so that closing a channel leaves
 * the program's own as they are.
 */
#include "fds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

/*
 * Copies one that can be a connection or a file; what the loop itself has open
 * is none.
 */
static int
copy(int fd, int *out, struct amas_error *err)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && !S_ISSOCK(st.st_mode) &&
	    !S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode) &&
	    !S_ISREG(st.st_mode))
		return amas_error_set(err, AMAS_ECONNECT,
		    "not a socket, pipe, terminal or file");
	*out = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *out != -1 ? 0 : amas__error_sys(err, AMAS_ECONNECT, errno,
	    NULL);
}

static int
number(const char *text, int *fd, struct amas_error *err)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 ||
	    n > INT_MAX)
		return amas_error_set(err, AMAS_EINVAL,
		    "fd: needs the number of a descriptor");
	*fd = (int)n;
	return 0;
}

int
amas__fds_plain(int in, int out, const struct amas_tls *tls,
    struct amas_error *err)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof sa;

	if (tls == NULL || getpeername(in, (struct sockaddr *)&sa, &len) == -1 ||
	    (sa.ss_family != AF_INET && sa.ss_family != AF_INET6))
		return 0;
	close(in);
	if (out != in)
		close(out);
	return amas_error_set(err, AMAS_EINVAL, "TLS begins with a connection, "
	    "and this one is there already (--plain)");
}

int
amas__fds_open(const char *addr, int *in, int *out, struct amas_error *err)
{
	int fd = -1, rc;

	if (strcmp(addr, "stdio") == 0) {
		if ((rc = copy(STDIN_FILENO, in, err)) != 0)
			return rc;
		if ((rc = copy(STDOUT_FILENO, out, err)) != 0) {
			close(*in);
			return rc;
		}
		return 1;
	}
	if (strncmp(addr, "fd:", 3) != 0)
		return 0;
	if ((rc = number(addr + 3, &fd, err)) != 0 ||
	    (rc = copy(fd, in, err)) != 0)
		return rc;
	*out = *in;
	return 1;
}
