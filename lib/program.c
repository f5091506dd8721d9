/* Programs of sources; see program.h. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "folder.h"
#include "mem.h"
#include "source.h"

/* Opens the folder that a path leads into. */
static int
open_folder(const char *path, const char *slash, bool any,
    struct amas_error *err)
{
	char *folder = slash == NULL ? amas__strdup(".") :
	    amas__strndup(path, (size_t)(slash - path) + 1);
	int fd;

	if (folder == NULL)
		return amas__error_nomem(err);
	fd = amas__folder_open(folder, any, err);
	free(folder);
	return fd;
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
		fd = open_folder(spec->text, slash, any, err);
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
	if (!spec->is_command)
		return open_file(p, spec, any, err);
	p->command = amas__strdup(spec->text);
	return p->command != NULL ? 0 : amas__error_nomem(err);
}

void
amas__program_close(struct amas__program *p)
{
	if (p->dir != -1)
		close(p->dir);
	free(p->command);
	free(p->file);
}
