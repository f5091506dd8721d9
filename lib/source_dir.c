/*
 * A served folder: folders in it are services, executable files functions.
 * Nothing is kept of what was found, so that a file that was added, changed or
 * removed is seen by the next call.
 *
 * Of NAME, NAME.text, NAME.json (the order of amas__source_kinds) the first
 * that can be served is; a folder NAME only if there is no such file.
 */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "log.h"
#include "loop.h"
#include "map.h"
#include "mem.h"
#include "request.h"

#define SAID_MAX 1000		/* names that the log has explained */
#define STEM_MAX (AMAS__NAME_MAX - 7)	/* leaves room for any suffix */

struct folder {
	struct amas__exec exec;
	int fd;
	char *path;		/* as given, for the log */
	char *base;		/* what it is really called */
	struct amas__map said;	/* names of which the log has said why not */
};

static void
folder_free(struct amas__exec *x)
{
	struct folder *f = AMAS__OF(x, struct folder, exec);

	if (f->fd != -1)
		close(f->fd);
	amas__map_fini(&f->said);
	free(f->path);
	free(f->base);
	free(f);
}

/* ---- The log ---- */

/*
 * Says once why a name is not served.  rest up to end is safe to print; so is
 * the suffix behind it.
 */
static void
say_why(struct folder *f, const struct amas__where *w, size_t end,
    const char *suffix, const char *why)
{
	char *name = amas__asprintf("%.*s%s", (int)end, w->rest, suffix);
	size_t len;

	if (name == NULL)
		return;
	len = strlen(name);
	if (f->said.n < SAID_MAX &&
	    amas__map_get(&f->said, name, len) == NULL &&
	    amas__map_set(&f->said, name, len, f) == 0)
		amas__log(amas__loop_log(f->exec.loop), AMAS_LOG_WARN,
		    "%s/%s is not served: %s", f->path, name, why);
	free(name);
}

/* ---- The last part: a function ---- */

/* The part of a path that is being looked up: rest[at .. end). */
struct part {
	size_t at, end;
	char name[AMAS__NAME_MAX + 1];
	size_t len;
};

/* What the files of one name come to. */
struct entry {
	const struct amas__source_kind *kind;	/* NULL: none can be served */
	bool folder, shut, busy;
};

static void
judge(struct folder *f, const struct amas__where *w, const struct part *p,
    const struct amas__source_kind *kind, enum amas__found found,
    const char *why, struct entry *e)
{
	if (found == AMAS__FOLDER && kind->suffix[0] != '\0')
		return; /* not a name that anybody can ask for */
	switch (found) {
	case AMAS__NOTHING:
		return;
	case AMAS__BUSY:
		e->busy = true;
		return;
	case AMAS__FOLDER:
		e->folder = true;
		return;
	case AMAS__PROGRAM:
		if (!amas__source_in_folder(kind))
			why = "this version cannot serve its kind";
		else if (e->kind != NULL)
			why = "another file has the same name";
		else
			e->kind = kind;
		break;
	case AMAS__SHUT:
		e->shut = true;
		break;
	case AMAS__REFUSED:
		break;
	}
	if (why != NULL)
		say_why(f, w, p->end, kind->suffix, why);
}

static struct entry
look_up(struct folder *f, int dir, const struct amas__where *w,
    struct part *p)
{
	bool any = f->exec.opts.allow_writable != 0;
	const struct amas__source_kind *kind;
	struct entry e = { NULL, false, false, false };
	enum amas__found found;
	const char *why;
	size_t i;

	for (i = 0; i < amas__n_source_kinds; i++) {
		kind = &amas__source_kinds[i];
		(void)strcpy(p->name + p->len, kind->suffix);
		found = amas__folder_look(dir, p->name, any, NULL, &why);
		judge(f, w, p, kind, found, why, &e);
	}
	p->name[p->len] = '\0';
	return e;
}

/* 'LookupError: "FOLDER.SUB.NAME" is not exposed', as Python's dotted name. */
static void
not_exposed(struct folder *f, struct amas_request *req,
    const struct amas__where *w)
{
	char *what = amas__asprintf("%s.%.*s", f->base, (int)w->rest_len,
	    w->rest);
	char *p;

	if (what == NULL) {
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return;
	}
	for (p = what; *p != '\0'; p++)
		if (*p == '/')
			*p = '.';
	amas__request_not_exposed(req, what);
	free(what);
}

static bool
find_function(struct folder *f, int dir, struct amas_request *req,
    const struct amas__where *w, struct part *p, struct amas__exec_target *t)
{
	struct entry e = look_up(f, dir, w, p);

	if (e.kind != NULL) {
		t->form = e.kind->form;
		(void)strcpy(p->name + p->len, e.kind->suffix);
		return amas__exec_use(t, req, dir, p->name);
	}
	if (e.busy)
		amas__exec_busy(req);
	else if (e.folder)
		amas_request_fail(req, "TypeError: '%.200s' is a service, not "
		    "a function", amas_request_path(req));
	else if (e.shut)
		not_exposed(f, req, w);
	else
		amas__exec_not_found(req, w, p->at);
	return false;
}

/* ---- The way there ---- */

/* Takes the next part of the path; false: it can be no name. */
static bool
next_part(struct part *p, const struct amas__where *w)
{
	const char *from = w->rest + p->at, *slash;

	slash = memchr(from, '/', w->rest_len - p->at);
	p->end = slash != NULL ? (size_t)(slash - w->rest) : w->rest_len;
	p->len = p->end - p->at;
	if (p->len > STEM_MAX || !amas__name_ok(from, p->len))
		return false;
	memcpy(p->name, from, p->len);
	p->name[p->len] = '\0';
	return true;
}

/*
 * Goes into the folder of a part.  Returns its descriptor, or -1 when it has
 * answered.
 */
static int
enter(struct folder *f, int dir, struct amas_request *req,
    const struct amas__where *w, struct part *p)
{
	const char *why;
	struct entry e;
	int sub = -1;

	switch (amas__folder_look(dir, p->name,
	    f->exec.opts.allow_writable != 0, &sub, &why)) {
	case AMAS__FOLDER:
		return sub;
	case AMAS__BUSY:
		amas__exec_busy(req);
		return -1;
	default:
		/* Nothing is below a function; it is itself there, though. */
		e = look_up(f, dir, w, p);
		amas__exec_not_found(req, w, e.kind != NULL ? p->end + 1 :
		    p->at);
		return -1;
	}
}

static bool
folder_find(struct amas__exec *x, struct amas_request *req,
    const struct amas__where *w, struct amas__exec_target *t)
{
	struct folder *f = AMAS__OF(x, struct folder, exec);
	struct part p = { .at = 0 };
	int dir = f->fd, sub;
	bool found = false;

	if (w->rest_len == 0) {
		amas_request_fail(req, "TypeError: '%.200s' is a service, not "
		    "a function", amas_request_path(req));
		return false;
	}
	for (;;) {
		if (!next_part(&p, w)) {
			amas__exec_not_found(req, w, p.at);
			break;
		}
		if (p.end == w->rest_len) {
			found = find_function(f, dir, req, w, &p, t);
			break;
		}
		if ((sub = enter(f, dir, req, w, &p)) == -1)
			break;
		if (dir != f->fd)
			close(dir);
		dir = sub;
		p.at = p.end + 1;
	}
	if (dir != f->fd)
		close(dir);
	return found;
}

static int
folder_list(struct amas__exec *x, const char *base, struct amas__paths *paths,
    struct amas_error *err)
{
	struct folder *f = AMAS__OF(x, struct folder, exec);

	return amas__source_list_folder(f->fd, f->exec.opts.allow_writable != 0,
	    base, paths, err);
}

static const struct amas__exec_ops folder_ops = { folder_find, folder_free,
	folder_list };

/* ---- Loading ---- */

static char *
base_name(const char *path)
{
	char *real = realpath(path, NULL), *base;
	const char *slash = real != NULL ? strrchr(real, '/') : NULL;

	base = amas__strdup(slash != NULL ? slash + 1 : path);
	free(real);
	return base;
}

int
amas__source_dir_load(struct amas__source **out,
    const struct amas__source_spec *spec, struct amas_loop *l,
    const struct amas_source_opts *opts, struct amas_error *err)
{
	struct folder *f = amas__zalloc(sizeof *f);
	size_t len = strlen(spec->text);
	int rc = 0;

	if (f == NULL)
		return amas__error_nomem(err);
	amas__exec_init(&f->exec, &folder_ops, l, opts);
	amas__map_init(&f->said);
	while (len > 1 && spec->text[len - 1] == '/')
		len--;
	f->path = amas__strndup(spec->text, len);
	f->fd = amas__folder_open(spec->text,
	    f->exec.opts.allow_writable != 0, err);
	if (f->fd < 0) {
		rc = f->fd;
		f->fd = -1;
	} else if ((f->base = base_name(spec->text)) == NULL ||
	    f->path == NULL) {
		rc = amas__error_nomem(err);
	}
	if (rc != 0)
		folder_free(&f->exec);
	else
		*out = &f->exec.source;
	return rc;
}
