/*
 * Saying that callers can come: the addresses, one line each, to standard
 * output and --ready-fd, which are then closed for whoever reads them; READY=1
 * to a service manager; the start of the command of --run.
 */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int
serve_write(int fd, const char *subject, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, text, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return cmd_error(CMD_SYS, subject, "%s",
			    strerror(errno));
		text += n;
		len -= (size_t)n;
	}
	return CMD_OK;
}

int
serve_print(int fd, const char *subject, const char *addr)
{
	char line[AMAS_URL_SIZE + 1];
	size_t len = strlen(addr);

	if (len >= sizeof line)
		return cmd_error(CMD_SYS, subject, "address is too long");
	memcpy(line, addr, len);
	line[len++] = '\n';
	return serve_write(fd, subject, line, len);
}

static int
print_all(const struct serve *s, int fd, const char *subject)
{
	struct amas__link *i;
	int status = CMD_OK;

	for (i = s->doors.next; i != &s->doors && status == CMD_OK;
	    i = i->next)
		status = serve_print(fd, subject, AMAS__OF(i,
		    struct serve_door, link)->addr);
	return status == CMD_OK ? serve_give_up(fd, subject) : status;
}

/* It may be closed if the address is told elsewhere. */
static bool
is_closed(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags == -1 || (flags & O_ACCMODE) == O_RDONLY;
}

/* Standard output is not for people: they get it as a message. */
static void
say_all(const struct serve *s)
{
	const struct serve_door *door;
	struct amas__link *i;

	for (i = s->doors.next; i != &s->doors; i = i->next) {
		door = AMAS__OF(i, struct serve_door, link);
		if (!door->one && cmd_verbose(AMAS_LOG_WARN))
			cmd_error(CMD_OK, door->addr, "ready");
	}
}

/* With --run, stdout is the command's; if mosaik started us, it is mosaik's. */
static int
announce(const struct serve *s)
{
	const struct serve_opts *o = s->o;
	int status = CMD_OK;

	if (o->ready_fd >= 0)
		status = print_all(s, o->ready_fd, "--ready-fd");
	if (status != CMD_OK || o->run != NULL ||
	    o->ready_fd == STDOUT_FILENO || (o->mosaik && o->connect) ||
	    (o->ready_fd >= 0 && is_closed(STDOUT_FILENO)))
		return status;
	if (!s->stdout_taken)
		return print_all(s, STDOUT_FILENO, "standard output");
	if (o->ready_fd < 0)
		say_all(s);
	return CMD_OK;
}

/* "@NAME" is one without a file. */
static socklen_t
notify_address(struct sockaddr_un *un, const char *text)
{
	size_t len = strlen(text);

	if ((*text != '/' && *text != '@') || len >= sizeof un->sun_path)
		return 0;
	memset(un, 0, sizeof *un);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, text, len);
	if (*text == '@')
		un->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
	    (*text == '/'));
}

void
serve_notify(const struct serve *s, const char *state)
{
	const struct timeval limit = { .tv_sec = 1 };
	union {
		struct sockaddr sa;
		struct sockaddr_un un;
	} to;
	socklen_t len;
	int fd = -1;

	if (s->notify == NULL)
		return;
	errno = EINVAL;
	if ((len = notify_address(&to.un, s->notify)) == 0 ||
	    (fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) ==
	    -1 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, &to.sa,
	    len) == -1)
		(void)cmd_error(CMD_SYS, "NOTIFY_SOCKET", "%s",
		    strerror(errno));
	if (fd != -1)
		close(fd);
}

int
serve_ready(struct serve *s)
{
	struct amas__link *first = s->doors.next;
	int status = announce(s);

	if (status != CMD_OK)
		return status;
	serve_notify(s, "READY=1");
	if (s->o->run == NULL)
		return CMD_OK;
	return serve_run(s, s->o->run,
	    AMAS__OF(first, struct serve_door, link)->addr);
}
