/*
 * What all programs share: standard streams, messages and the end of a program.
 * Options are in cmd_options.c, their values in cmd_values.c.
 *
 * The one writable object of the programs is here: the name and how much is
 * said, which a message cannot be handed each time.
 */
#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "cmd_private.h"

#define MESSAGE_MAX 4096	/* bytes of one message; the rest is cut */

static struct {
	const char *name;
	int level;
} program = { "amas", AMAS_LOG_WARN };

/*
 * A closed descriptor is filled in the opposite direction, so that its use
 * still fails: data must not vanish in /dev/null with status 0.
 */
static void
fill_closed(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY
							 : O_RDONLY) == -1)
			_exit(CMD_SYS);
}

void
cmd_init(const char *name)
{
	program.name = name;
	fill_closed();
	(void)signal(SIGXFSZ, SIG_IGN);
}

int
cmd_finish(int status)
{
	bool pending = __fpending(stdout) != 0, failed = ferror(stdout) != 0;

	errno = 0;
	if (fclose(stdout) != 0 && (pending || errno != EBADF))
		failed = true;
	if (!failed)
		return status;
	if (errno != 0)
		cmd_error(CMD_SYS, "standard output", "%s", strerror(errno));
	else
		cmd_error(CMD_SYS, "standard output", "write error");
	return status == CMD_OK ? CMD_SYS : status;
}

/* Writes all of it, or what can be written: there is nowhere to complain. */
static void
say(const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(STDERR_FILENO, text, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

/* One line in one write, so that those of several programs do not mix. */
static void
say_line(const char *subject, const char *text)
{
	struct amas__buf b;
	int rc = 0;

	amas__buf_init(&b, 0);
	rc |= amas__buf_printf(&b, "%s: ", program.name);
	if (subject != NULL) {
		if (*subject == '\0')
			subject = "\"\"";
		rc |= amas__buf_put_escaped(&b, subject, strlen(subject),
		    MESSAGE_MAX);
		rc |= amas__buf_puts(&b, ": ");
	}
	rc |= amas__buf_put_escaped(&b, text, strlen(text), MESSAGE_MAX);
	rc |= amas__buf_putc(&b, '\n');
	if (rc == 0)
		say(amas__buf_head(&b), amas__buf_len(&b));
	else
		say("out of memory\n", 14);
	amas__buf_fini(&b);
}

int
cmd_error(int status, const char *subject, const char *fmt, ...)
{
	char text[MESSAGE_MAX];
	va_list ap;
	int saved = errno;

	if (status == CMD_USAGE || cmd_verbose(AMAS_LOG_ERROR)) {
		va_start(ap, fmt);
		(void)vsnprintf(text, sizeof text, fmt, ap);
		va_end(ap);
		say_line(subject, text);
	}
	errno = saved;
	return status;
}

int
cmd_fail(const char *subject, const struct amas_error *err)
{
	return cmd_error(amas_exit_status(err->code), subject, "%s", err->text);
}

int
cmd_fail_listen(const char *subject, const struct amas_error *err)
{
	if (err->code == AMAS_EEXIST) /* in use */
		return cmd_error(CMD_CONNECT, subject, "%s", err->text);
	return cmd_fail(subject, err);
}

int
cmd_nomem(void)
{
	return cmd_error(CMD_SYS, NULL, "%s", amas_strerror(AMAS_ENOMEM));
}

bool
cmd_verbose(int level)
{
	return level <= program.level;
}

void
cmd__louder(int by)
{
	program.level += by;
}

const char *
cmd__name(void)
{
	return program.name;
}

int
cmd__level(void)
{
	return program.level;
}

void
cmd_log(int level, const char *line, void *arg)
{
	(void)arg;
	if (cmd_verbose(level))
		say_line(NULL, line);
}

const char *
cmd_env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}
