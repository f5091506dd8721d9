/* Program per call: one file, or a command for the shell. */
#include "source.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "request.h"

struct program {
	struct amas__exec exec;
	enum amas__exec_form form;
	char *command;		/* NULL: a file */
	int dir;		/* its folder; -1: none */
	char *file;		/* its name in dir */
	bool said;		/* why it is not served */
};

static void
program_free(struct amas__exec *x)
{
	struct program *p = AMAS__OF(x, struct program, exec);

	if (p->dir != -1)
		close(p->dir);
	free(p->command);
	free(p->file);
	free(p);
}

/* Answers for a file that is not there, or not to be served, any more. */
static bool
program_lost(struct program *p, struct amas_request *req,
    const struct amas__where *w, enum amas__found found, const char *why)
{
	const char *name = w->walked + w->walked_len;

	if (found == AMAS__BUSY) {
		amas__exec_busy(req);
		return false;
	}
	if (!p->said) {
		p->said = true;
		amas__log(amas__loop_log(p->exec.loop), AMAS_LOG_WARN,
		    "%s is not served: %s", p->file, why != NULL ? why :
		    found == AMAS__NOTHING ? "it is gone" : "is a folder");
	}
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

static bool
program_find(struct amas__exec *x, struct amas_request *req,
    const struct amas__where *w, struct amas__exec_target *t)
{
	struct program *p = AMAS__OF(x, struct program, exec);
	enum amas__found found;
	const char *why;

	if (w->rest_len > 0) {
		amas__exec_not_found(req, w, 0);
		return false;
	}
	t->form = p->form;
	t->command = p->command;
	if (p->command != NULL)
		return true;
	found = amas__folder_look(p->dir, p->file, x->opts.allow_writable != 0,
	    NULL, &why);
	if (found != AMAS__PROGRAM)
		return program_lost(p, req, w, found, why);
	return amas__exec_use(t, req, p->dir, p->file);
}

static const struct amas__exec_ops program_ops = { program_find,
	program_free, NULL };

/* Opens the folder of a file and sees whether it can be served at all. */
static int
open_file(struct program *p, const char *path, bool any,
    struct amas_error *err)
{
	const char *slash = strrchr(path, '/'), *why;
	char *folder = slash == NULL ? amas__strdup(".") :
	    amas__strndup(path, (size_t)(slash - path) + 1);
	int fd;

	p->file = amas__strdup(slash != NULL ? slash + 1 : path);
	if (folder == NULL || p->file == NULL) {
		free(folder);
		return amas__error_nomem(err);
	}
	fd = amas__folder_open(folder, any, err);
	free(folder);
	if (fd < 0)
		return fd;
	p->dir = fd;
	if (amas__folder_look(fd, p->file, any, NULL, &why) != AMAS__PROGRAM)
		return amas_error_set(err, AMAS_ESYS, "%s", why != NULL ? why :
		    "is gone");
	return 0;
}

int
amas__source_exec_load(struct amas__source **out,
    const struct amas__source_spec *spec, struct amas_loop *l,
    const struct amas_source_opts *opts, struct amas_error *err)
{
	struct program *p = amas__zalloc(sizeof *p);
	int rc = 0;

	if (p == NULL)
		return amas__error_nomem(err);
	amas__exec_init(&p->exec, &program_ops, l, opts);
	p->dir = -1;
	p->form = spec->kind->form;
	if (!spec->is_command)
		rc = open_file(p, spec->text,
		    p->exec.opts.allow_writable != 0, err);
	else if ((p->command = amas__strdup(spec->text)) == NULL)
		rc = amas__error_nomem(err);
	if (rc != 0) {
		program_free(&p->exec);
		return rc;
	}
	*out = &p->exec.source;
	return 0;
}
