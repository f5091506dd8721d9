/* Programs of sources; see program.h. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "exec.h"
#include "folder.h"
#include "log.h"
#include "mem.h"
#include "request.h"
#include "source.h"

/* Opens the folder that a path leads into. */
static int
open_folder(struct amas__program *p, const char *path, const char *slash,
    bool any, struct amas_error *err)
{
	char *folder = slash == NULL ? amas__strdup(".") :
	    amas__strndup(path, (size_t)(slash - path) + 1);
	int rc;

	if (folder == NULL)
		return amas__error_nomem(err);
	rc = amas__hold_open(&p->held, folder, any, err);
	p->follows = rc == 0;
	free(folder);
	return rc == 0 ? p->held.fd : rc;
}

static int
open_file(struct amas__program *p, const struct amas__source_spec *spec,
    bool any, struct amas_error *err)
{
	const char *slash = strrchr(spec->text, '/'), *why;
	int fd;

	p->file = amas__strdup(slash != NULL ? slash + 1 : spec->text);
	if (p->file == NULL)
		return amas__error_nomem(err);
	if (spec->dir == -1) {
		fd = open_folder(p, spec->text, slash, any, err);
		if (fd < 0)
			return fd;
	} else if ((fd = fcntl(spec->dir, F_DUPFD_CLOEXEC, 3)) == -1) {
		return amas__error_sys(err, AMAS_ESYS, errno, NULL);
	}
	p->dir = fd;
	if (amas__folder_look(fd, p->file, any, NULL, &why) != AMAS__PROGRAM)
		return amas_error_set(err, AMAS_ESYS, "%s", why != NULL ? why :
		    "is gone");
	return 0;
}

int
amas__program_open(struct amas__program *p,
    const struct amas__source_spec *spec, bool any, struct amas_error *err)
{
	p->command = p->file = NULL;
	p->dir = -1;
	p->said = p->follows = false;
	if (!spec->is_command)
		return open_file(p, spec, any, err);
	p->command = amas__strdup(spec->text);
	return p->command != NULL ? 0 : amas__error_nomem(err);
}

void
amas__program_close(struct amas__program *p)
{
	if (p->follows)
		amas__hold_close(&p->held);
	else if (p->dir != -1)
		close(p->dir);
	free(p->command);
	free(p->file);
}

static void
say_lost(struct amas__program *p, const struct amas__log *log,
    enum amas__found found, const char *why)
{
	if (p->said)
		return;
	p->said = true;
	amas__log(log, AMAS_LOG_WARN, "%s is not served: %s", p->file,
	    why != NULL ? why : found == AMAS__NOTHING ? "it is gone" :
	    "is a folder");
}

void
amas__program_follow(struct amas__program *p, bool any,
    const struct amas__log *log)
{
	if (p->follows && amas__hold_follow(&p->held, any, log))
		p->said = false;
}

bool
amas__program_find(struct amas__program *p, bool any,
    const struct amas__log *log, struct amas_request *req,
    const struct amas__where *w)
{
	const char *name = w->walked + w->walked_len, *why;
	enum amas__found found;

	if (p->command != NULL)
		return true;
	amas__program_follow(p, any, log);
	found = amas__folder_look(p->dir, p->file, any, NULL, &why);
	if (found == AMAS__PROGRAM)
		return true;
	if (found == AMAS__BUSY) {
		amas__exec_busy(req);
		return false;
	}
	say_lost(p, log, found, why);
	while (name > w->walked && name[-1] != '/')
		name--;
	if (found == AMAS__SHUT)
		amas__request_not_exposed(req, amas_request_path(req));
	else
		amas__request_not_found(req, name,
		    (size_t)(w->walked + w->walked_len - name), w->walked,
		    name > w->walked ? (size_t)(name - w->walked - 1) : 0);
	return false;
}
