/*
 * Where callers come in: addresses to listen on, descriptors that are there
 * already, and a connection that we dial.
 *
 * A door that is one connection is over when that is; when none is open any
 * more, the program ends in order.
 */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listener.h"
#include "mem.h"

#define LISTEN_FDS_FIRST 3	/* of systemd's */
#define LISTEN_FDS_MAX 1024

/* ---- Connections ---- */

static void
on_open(struct amas_channel *ch, void *arg)
{
	struct serve_door *door = arg;
	struct serve *s = door->s;
	int status;

	s->connections++;
	door->opened = true;
	serve_service_connect(s, ch);
	serve_hooks_open(s, ch);
	if (!door->dialled)
		return;
	s->dialling = false;
	if ((status = serve_ready(s)) != CMD_OK)
		serve_end(s, status);
}

/* What to end with when a connection was all there was. */
static int
end_status(const struct serve_door *door, const struct amas_error *why)
{
	if (!door->opened)
		return cmd_fail(door->word, why);
	if (why->code == AMAS_ECLOSED || why->code == AMAS_ECANCELED)
		return CMD_OK;
	/* Mosaik waits for nothing at its end: what comes late is reset. */
	if (door->s->o->mosaik && why->code == AMAS_ESYS)
		return CMD_OK;
	return amas_exit_status(why->code); /* the log has it */
}

static void
on_close(struct amas_channel *ch, const struct amas_error *why, void *arg)
{
	struct serve_door *door = arg;
	struct serve *s = door->s;

	if (door->opened || !door->one) {
		s->connections--;
		serve_hooks_close(s, ch, why);
	}
	if (!door->one || s->draining)
		return;
	s->open_doors--;
	if (s->open_doors == 0 || !door->opened)
		serve_end(s, end_status(door, why));
}

/* ---- Descriptors ---- */

int
serve_give_up(int fd, const char *subject)
{
	int null;

	if (fd > STDERR_FILENO) {
		(void)close(fd);
		return CMD_OK;
	}
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null == -1 || dup2(null, fd) == -1)
		return cmd_error(CMD_SYS, subject, "%s", strerror(errno));
	(void)close(null);
	return CMD_OK;
}

/*
 * Gives up what the library has a copy of: else the peer would not see the end
 * of its connection.  Where a standard stream is the same socket, as under
 * inetd, words for people must not become bytes for the peer.
 */
static int
give_up_fd(struct serve *s, int fd)
{
	struct stat st, other;
	int i, status = CMD_OK;
	bool known = fstat(fd, &st) == 0;

	for (i = 0; i <= STDERR_FILENO && status == CMD_OK; i++) {
		if (!known || i == fd || fstat(i, &other) == -1 ||
		    other.st_dev != st.st_dev || other.st_ino != st.st_ino)
			continue;
		s->stdout_taken = s->stdout_taken || i == STDOUT_FILENO;
		status = serve_give_up(i, NULL);
	}
	s->stdout_taken = s->stdout_taken || fd == STDOUT_FILENO;
	return status == CMD_OK ? serve_give_up(fd, NULL) : status;
}

static int
give_up_word(struct serve *s, const char *word)
{
	int status = CMD_OK;

	if (strncmp(word, "fd:", 3) == 0)
		return give_up_fd(s, atoi(word + 3)); /* it has been one */
	if (strcmp(word, "stdio") == 0) {
		s->stdout_taken = true;
		if ((status = serve_give_up(STDIN_FILENO, word)) == CMD_OK)
			status = serve_give_up(STDOUT_FILENO, word);
	}
	return status;
}

/* Whether a word stands for one connection. */
static bool
is_one(const char *word)
{
	return strcmp(word, "stdio") == 0 || (strncmp(word, "fd:", 3) == 0 &&
	    !amas__listener_is_one(atoi(word + 3)));
}

/* ---- Opening ---- */

static struct serve_door *
door_new(struct serve *s, const char *word)
{
	struct serve_door *door = amas__zalloc(sizeof *door);

	if (door == NULL)
		return NULL;
	door->s = s;
	door->word = word;
	amas__list_add(&s->doors, &door->link);
	s->open_doors++;
	return door;
}

static int
allow(struct amas_channel *ch, const char *path, void *arg)
{
	const struct serve_door *door = arg;

	return serve_allows(door->s, ch, path);
}

/* The settings of what comes in by a door. */
static struct amas_opts
door_opts(const struct serve_door *door)
{
	struct amas_opts opts = door->s->o->server;

	opts.on_open = on_open;
	opts.on_close = on_close;
	opts.arg = (void *)(uintptr_t)door;
	opts.allow = door->s->o->allow != NULL ? allow : NULL;
	if (door->s->o->channel)
		opts.on_request = serve_relay_request;
	else if (door->s->o->mosaik)
		opts.on_request = serve_mosaik_request;
	else
		opts.service = door->s->service;
	return opts;
}

/* subject: what the user typed, if that is not the address itself. */
static int
open_server(struct serve *s, const char *subject, const char *addr)
{
	struct serve_door *door = door_new(s, subject);
	struct amas_server *server;
	struct amas_opts opts;
	struct amas_error err;

	if (door == NULL)
		return cmd_nomem();
	door->one = is_one(addr);
	opts = door_opts(door);
	if (amas_server_open(&server, s->loop, addr, &opts, &err) != 0)
		return cmd_fail_listen(subject, &err);
	door->addr = amas_server_addr(server);
	return give_up_word(s, addr);
}

/* The sockets that a service manager has opened for us. */
static int
open_systemd(struct serve *s, const char *word)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	char addr[32];
	int i, n, status = CMD_OK;

	n = fds != NULL ? atoi(fds) : 0;
	if (pid == NULL || atol(pid) != (long)getpid() || n < 1 ||
	    n > LISTEN_FDS_MAX)
		return cmd_error(CMD_CONNECT, word,
		    "no sockets were passed (LISTEN_PID, LISTEN_FDS)");
	for (i = 0; i < n; i++)
		(void)fcntl(LISTEN_FDS_FIRST + i, F_SETFD, FD_CLOEXEC);
	for (i = 0; i < n && status == CMD_OK; i++) {
		(void)snprintf(addr, sizeof addr, "fd:%d",
		    LISTEN_FDS_FIRST + i);
		status = open_server(s, word, addr);
	}
	return status;
}

static int
open_word(struct serve *s, const char *word)
{
	return strcmp(word, "systemd") == 0 ? open_systemd(s, word) :
	    open_server(s, word, word);
}

static int
dial(struct serve *s)
{
	struct serve_door *door = door_new(s, s->o->addr);
	struct amas_channel *ch;
	struct amas_opts opts;
	struct amas_error err;

	if (door == NULL)
		return cmd_nomem();
	door->one = door->dialled = true;
	opts = door_opts(door);
	if (amas_channel_open(&ch, s->loop, s->o->addr, &opts, &err) != 0)
		return cmd_fail(s->o->addr, &err);
	s->dialling = true;
	door->addr = amas_channel_peer(ch);
	return CMD_OK;
}

int
serve_doors_open(struct serve *s)
{
	const struct serve_opts *o = s->o;
	int status = o->connect ? dial(s) : open_word(s, o->addr);
	size_t i;

	for (i = 0; i < o->n_listen && status == CMD_OK; i++)
		status = open_word(s, o->listen[i]);
	(void)unsetenv("LISTEN_PID"); /* none of them is for a child */
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	return status;
}

void
serve_doors_free(struct serve *s)
{
	struct serve_door *door;

	while (!amas__list_empty(&s->doors)) {
		door = AMAS__OF(s->doors.next, struct serve_door, link);
		amas__list_remove(&door->link);
		free(door);
	}
}
