/* Folders that follow their paths; see hold.h. */
#include "hold.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "folder.h"
#include "log.h"
#include "mem.h"

/* While it is open its number is of no other folder, removed or not. */
static bool
identify(struct amas__hold *h, int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return false;
	h->dev = st.st_dev;
	h->ino = st.st_ino;
	return true;
}

int
amas__hold_open(struct amas__hold *h, const char *path, bool any,
    struct amas_error *err)
{
	*h = (struct amas__hold){ .fd = -1 };
	if ((h->path = amas__strdup(path)) == NULL)
		return amas__error_nomem(err);
	h->fd = amas__folder_open(path, any, err);
	if (h->fd >= 0 && identify(h, h->fd))
		return 0;
	if (h->fd >= 0) {
		close(h->fd);
		h->fd = amas_error_set(err, AMAS_ESYS, "cannot be looked at");
	}
	free(h->path);
	return h->fd;
}

void
amas__hold_close(struct amas__hold *h)
{
	close(h->fd);
	free(h->path);
}

/* Puts another folder behind the number. */
static bool
become(struct amas__hold *h, int fd)
{
	return dup2(fd, h->fd) != -1 &&
	    fcntl(h->fd, F_SETFD, FD_CLOEXEC) != -1 && identify(h, h->fd);
}

bool
amas__hold_follow(struct amas__hold *h, bool any, const struct amas__log *log)
{
	struct amas_error err;
	struct stat st;
	bool other;
	int fd;

	if (stat(h->path, &st) == 0 && st.st_dev == h->dev &&
	    st.st_ino == h->ino) {
		h->said = false;
		return false;
	}
	if ((fd = amas__folder_open(h->path, any, &err)) < 0) {
		if (!h->said)
			amas__log(log, AMAS_LOG_WARN, "%s: %s; the folder that "
			    "it was is still served", h->path, err.text);
		h->said = true;
		return false;
	}
	if ((other = become(h, fd)))
		amas__log(log, AMAS_LOG_INFO, "%s: is another folder now",
		    h->path);
	close(fd);
	h->said = false;
	return other;
}
