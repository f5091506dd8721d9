/* Names in folders: what is served, and what a stranger had a hand in. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "folder.h"
#include "tap.h"

static int top;

static void
file(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || fchmod(fd, mode) == -1)
		abort();
	close(fd);
}

static void
link_to(const char *to, const char *name)
{
	if (symlink(to, name) == -1)
		abort();
}

/* What a name is taken for; why: a part of the reason, or NULL: none. */
static void
is(const char *name, enum amas__found found, const char *why)
{
	const char *said;
	int sub = -1;

	tap_int(amas__folder_look(top, name, false, &sub, &said), found,
	    "%.40s", name);
	if (why == NULL)
		tap_ok(said == NULL, "%.40s: no reason", name);
	else
		tap_str(said, why, "%.40s: reason", name);
	if (found == AMAS__FOLDER)
		tap_ok(sub != -1, "%.40s: open", name);
	if (sub != -1)
		close(sub);
}

static void
test_kinds(void)
{
	char path[sizeof ((struct sockaddr_un *)0)->sun_path] = "sock";
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char longer[301];
	int fd;

	file("good", 0755);
	file("shut", 0644);
	file("suid", 04755);
	file("sgid", 02755);
	file("open", 0757);
	if (mkdir("sub", 0755) == -1 || mkdir("loose", 0755) == -1 ||
	    chmod("loose", 0777) == -1 || mkfifo("fifo", 0755) == -1)
		abort();
	memcpy(sa.sun_path, path, sizeof path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(fd, (struct sockaddr *)&sa, sizeof sa) == -1)
		abort();
	close(fd);
	is("good", AMAS__PROGRAM, NULL);
	is("none", AMAS__NOTHING, NULL);
	is("shut", AMAS__SHUT, "is not executable");
	is("suid", AMAS__REFUSED, "is setuid or setgid");
	is("sgid", AMAS__REFUSED, "is setuid or setgid");
	is("open", AMAS__REFUSED, "others can write it");
	is("sub", AMAS__FOLDER, NULL);
	is("loose", AMAS__REFUSED, "others can write it");
	is("fifo", AMAS__REFUSED, "is no file or folder");
	is("sock", AMAS__REFUSED, "is no file or folder");
	memset(longer, 'x', 300);
	longer[300] = '\0';
	is(longer, AMAS__NOTHING, NULL);
	longer[256] = '\0';
	is(longer, AMAS__NOTHING, NULL);
}

static void
test_links(void)
{
	char text[16];
	int i;

	link_to("good", "l-good");
	link_to("/bin/sh", "l-away");
	link_to("sub", "l-sub");
	link_to("..", "l-up");
	link_to("/", "l-root");
	link_to("nowhere", "l-none");
	link_to("l-loop", "l-loop");
	link_to("good/x", "l-through");
	link_to("suid", "l-suid");
	link_to("loose", "l-loose");
	link_to("sub/../good", "l-dots");
	link_to("l-sub/../l-good", "l-links");
	is("l-good", AMAS__PROGRAM, NULL);
	is("l-away", AMAS__PROGRAM, NULL);
	is("l-sub", AMAS__FOLDER, NULL);
	is("l-up", AMAS__REFUSED, "others can write it"); /* /tmp itself */
	is("l-root", AMAS__FOLDER, NULL);
	is("l-none", AMAS__REFUSED, "its link leads nowhere");
	is("l-loop", AMAS__REFUSED, "its links go in a circle");
	is("l-through", AMAS__REFUSED, "Not a directory");
	is("l-suid", AMAS__REFUSED, "is setuid or setgid");
	is("l-loose", AMAS__REFUSED, "others can write it");
	is("l-dots", AMAS__PROGRAM, NULL);
	is("l-links", AMAS__PROGRAM, NULL);
	link_to("good", "c0");
	for (i = 1; i < 41; i++) {
		char to[16];

		(void)snprintf(to, sizeof to, "c%d", i - 1);
		(void)snprintf(text, sizeof text, "c%d", i);
		link_to(to, text);
	}
	is("c39", AMAS__PROGRAM, NULL);
	is("c40", AMAS__REFUSED, "its links go in a circle");
	if (mkdir("loose/in", 0755) == -1)
		abort();
	file("loose/in/f", 0755);
	link_to("loose/in/f", "l-over");
	is("l-over", AMAS__REFUSED,
	    "its link leads through a folder that others own or can write");
}

/* As root only: what other users made. */
static void
test_strangers(void)
{
	if (geteuid() != 0) {
		tap_ok(true, "strangers # SKIP not root");
		return;
	}
	file("theirs", 0755);
	if (chown("theirs", 12345, 12345) == -1 ||
	    mkdir("their-sub", 0755) == -1 ||
	    chown("their-sub", 12345, 12345) == -1)
		abort();
	link_to("good", "l-theirs");
	link_to("theirs", "l-to-theirs");
	link_to("their-sub/back", "l-via-theirs");
	link_to("../good", "their-sub/back");
	if (lchown("l-theirs", 12345, 12345) == -1)
		abort();
	is("theirs", AMAS__REFUSED, "belongs to another user");
	is("their-sub", AMAS__REFUSED, "belongs to another user");
	is("l-theirs", AMAS__REFUSED, "its link was made by another user");
	is("l-to-theirs", AMAS__REFUSED, "belongs to another user");
	is("l-via-theirs", AMAS__REFUSED,
	    "its link leads through a folder that others own or can write");
}

static void
opens(const char *path, bool any, int code, const char *cause)
{
	struct amas_error err = { 0 };
	int fd = amas__folder_open(path, any, &err);

	tap_int(fd < 0 ? fd : 0, code, "open %s", path);
	if (cause != NULL)
		tap_ok(strstr(err.text, cause) != NULL, "%s: \"%s\" has %s",
		    path, err.text, cause);
	if (fd >= 0)
		close(fd);
}

static void
test_open(void)
{
	opens(".", false, 0, NULL);
	opens("sub", false, 0, NULL);
	opens("l-sub", false, 0, NULL);
	opens("none", false, AMAS_ENOENT, "No such file");
	opens("good", false, AMAS_ESYS, "Not a directory");
	opens("loose", false, AMAS_ESYS, "/loose: others can write it");
	opens("loose", true, 0, NULL);
	opens("loose/in", false, AMAS_ESYS, "/loose: others can write it");
	opens("loose/in", true, 0, NULL);
	if (chmod("loose", 01777) == -1)
		abort();
	opens("loose/in", false, 0, NULL);
	opens("loose", false, AMAS_ESYS, "others can write it");
	opens("/", false, 0, NULL);
}

static void
test_busy(void)
{
	struct rlimit old, low;
	const char *why;
	int fd = dup(top), sub = -1;

	getrlimit(RLIMIT_NOFILE, &old);
	low = old;
	low.rlim_cur = (rlim_t)fd + 1;
	setrlimit(RLIMIT_NOFILE, &low);
	tap_int(amas__folder_look(top, "sub", false, &sub, &why), AMAS__BUSY,
	    "no descriptor for a folder");
	tap_int(amas__folder_look(top, "l-good", false, NULL, &why),
	    AMAS__BUSY, "nor for a link");
	tap_int(amas__folder_look(top, "good", false, NULL, &why),
	    AMAS__PROGRAM, "a file needs none");
	setrlimit(RLIMIT_NOFILE, &old);
	close(fd);
}

int
main(void)
{
	char tmp[] = "/tmp/amas-folder-XXXXXX", cmd[64];

	umask(022);
	if (mkdtemp(tmp) == NULL || chdir(tmp) == -1)
		return 1;
	if ((top = amas__folder_open(".", false, NULL)) < 0)
		return 1;
	test_kinds();
	test_links();
	test_strangers();
	test_open();
	test_busy();
	close(top);
	(void)snprintf(cmd, sizeof cmd, "rm -rf %s", tmp);
	return system(cmd) != 0 || tap_done();
}
