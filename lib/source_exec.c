/* Program per call: one file, or a command for the shell. */
#include "source.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "program.h"
#include "request.h"

struct program {
	struct amas__exec exec;
	enum amas__exec_form form;
	struct amas__program is;
	bool said;		/* why it is not served */
};

static void
program_free(struct amas__exec *x)
{
	struct program *p = AMAS__OF(x, struct program, exec);

	amas__program_close(&p->is);
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
		    "%s is not served: %s", p->is.file, why != NULL ? why :
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
	t->command = p->is.command;
	if (p->is.command != NULL)
		return true;
	found = amas__folder_look(p->is.dir, p->is.file, x->opts.allow_writable != 0,
	    NULL, &why);
	if (found != AMAS__PROGRAM)
		return program_lost(p, req, w, found, why);
	return amas__exec_use(t, req, p->is.dir, p->is.file);
}

static const struct amas__exec_ops program_ops = { program_find,
	program_free };

int
amas__source_exec_load(struct amas__source **out,
    const struct amas__source_spec *spec, struct amas_loop *l,
    const struct amas_source_opts *opts, struct amas_error *err)
{
	struct program *p = amas__zalloc(sizeof *p);
	int rc;

	if (p == NULL)
		return amas__error_nomem(err);
	amas__exec_init(&p->exec, &program_ops, l, opts);
	p->form = spec->kind->form;
	rc = amas__program_open(&p->is, spec,
	    p->exec.opts.allow_writable != 0, err);
	if (rc != 0) {
		program_free(&p->exec);
		return rc;
	}
	*out = &p->exec.source;
	return 0;
}
