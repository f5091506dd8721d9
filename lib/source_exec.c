/* Program per call: one file, or a command for the shell. */
#include "source.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "loop.h"
#include "mem.h"
#include "program.h"

struct program {
	struct amas__exec exec;
	enum amas__exec_form form;
	struct amas__program is;
};

static void
program_free(struct amas__exec *x)
{
	struct program *p = AMAS__OF(x, struct program, exec);

	amas__program_close(&p->is);
	free(p);
}

static bool
program_find(struct amas__exec *x, struct amas_request *req,
    const struct amas__where *w, struct amas__exec_target *t)
{
	struct program *p = AMAS__OF(x, struct program, exec);

	if (w->rest_len > 0) {
		amas__exec_not_found(req, w, 0);
		return false;
	}
	t->form = p->form;
	t->command = p->is.command;
	if (!amas__program_find(&p->is, x->opts.allow_writable != 0,
	    amas__loop_log(x->loop), req, w))
		return false;
	return p->is.command != NULL ||
	    amas__exec_use(t, req, p->is.dir, p->is.file);
}

static const struct amas__exec_ops program_ops = { program_find,
	program_free, NULL };

int
amas__source_exec_load(struct amas__source **out,
    const struct amas__source_spec *spec, struct amas_loop *l,
    const struct amas_source_opts *opts, struct amas_error *err)
{
	struct program *p = amas__zalloc(sizeof *p);
	int rc;

	if (p == NULL)
		return amas__error_nomem(err);
	amas__exec_init(&p->exec, &program_ops, l, spec->home, opts);
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
