/* Reads whole files and standard input, no longer than the deadline. */
#include "call.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define FILE_CHUNK 65536

/* Waits until fd can be read; CMD_TIMEOUT if the deadline comes first. */
static int
wait_readable(int fd, const char *path, double deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	double left;
	int n;

	if (isinf(deadline))
		return CMD_OK;
	do {
		left = deadline - call_now();
		if (left > 3600)
			left = 3600; /* and again: poll counts in int */
		n = left <= 0 ? 0 : poll(&p, 1, (int)ceil(left * 1000));
	} while ((n == 0 && call_now() < deadline) ||
	    (n == -1 && errno == EINTR));
	return n != 0 ? CMD_OK : cmd_error(CMD_TIMEOUT, path,
	    "deadline passed while reading it");
}

static int
read_all(struct amas__buf *b, int fd, const char *path, size_t max,
    double deadline)
{
	size_t start = amas__buf_len(b);
	ssize_t n;
	int status;

	for (;;) {
		if ((status = wait_readable(fd, path, deadline)) != CMD_OK)
			return status;
		if (amas__buf_reserve(b, FILE_CHUNK) != 0)
			return cmd_nomem();
		n = read(fd, b->data + b->end, FILE_CHUNK);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return cmd_error(CMD_SYS, path, "%s", strerror(errno));
		if (n == 0)
			return CMD_OK;
		b->end += (size_t)n;
		if (amas__buf_len(b) - start > max)
			return cmd_error(CMD_INPUT, path,
			    "more than %zu bytes", max);
	}
}

int
call_file_read(struct amas__buf *b, const char *path, size_t max,
    double deadline)
{
	int fd, status;

	if (strcmp(path, "-") == 0)
		return read_all(b, STDIN_FILENO, "standard input", max,
		    deadline);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return cmd_error(CMD_SYS, path, "%s", strerror(errno));
	status = read_all(b, fd, path, max, deadline);
	close(fd);
	return status;
}
