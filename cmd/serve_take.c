/* Values of options that all servers have. */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT_MAX 1000000	/* of connections, programs, calls */

int
serve_take_count(size_t *out, const struct cmd_args *a)
{
	long long n;
	int status = cmd_number(&n, a->name, a->value, 1, COUNT_MAX);

	if (status == CMD_OK)
		*out = (size_t)n;
	return status;
}

int
serve_take_mode(unsigned *out, const struct cmd_args *a)
{
	size_t len = strspn(a->value, "01234567");
	unsigned long mode = strtoul(a->value, NULL, 8);

	if (len == 0 || len > 4 || a->value[len] != '\0' || mode == 0 ||
	    mode > 0777)
		return cmd_error(CMD_USAGE, a->name,
		    "\"%s\" is no mode from 1 to 0777", a->value);
	*out = (unsigned)mode;
	return CMD_OK;
}

int
serve_take_ready_fd(int *out, const struct cmd_args *a)
{
	long long fd;
	int status;

	status = cmd_number(&fd, a->name, a->value, 0, 1 << 20);
	if (status != CMD_OK)
		return status;
	if (fcntl((int)fd, F_GETFD) == -1)
		return cmd_error(CMD_USAGE, a->name, "%lld: %s", fd,
		    strerror(errno));
	if (fd > STDERR_FILENO)
		(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	*out = (int)fd;
	return CMD_OK;
}
