/*
 * A served folder: folders in it are services, executable files functions or,
 * by their suffix, sources of their own.  Each call looks at the files, so that
 * one that was added, changed or removed is seen by the next; a source that
 * stays is kept with the identity of its file, and given up if that is another.
 * It looks where its own path leads, too (hold.h).
 *
 * Of NAME, NAME.text, NAME.json (the order of amas__source_kinds) the first
 * that can be served is; a folder NAME only if there is no such file.
 */
#include "source.h"

#include <errno.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "hold.h"
#include "log.h"
#include "loop.h"
#include "map.h"
#include "mem.h"
#include "request.h"

#define ODD_MAX 20		/* names that it says are none, at the start */
#define SAID_MAX 1000		/* names that the log has explained */
#define STEM_MAX (AMAS__NAME_MAX - 7)	/* leaves room for any suffix */

/* What all agents of a class have in common. */
struct place {
	size_t refs;
	struct amas__hold at;
	bool held;
	uint64_t turn;		/* how often it has become another folder */
	char *path;		/* as given, for the log */
	char *real;		/* where it really is */
	struct amas__map said;	/* names of which the log has said why not */
};

struct folder {
	struct amas__exec exec;
	struct place *is;
	struct amas__map kept;	/* by their paths, less the suffix */
	uint64_t turn;		/* of the folder that they are from */
};

/* A source that stays. */
struct kept {
	const struct amas__source_kind *kind;
	struct amas__identity id;
	struct amas__source *source;
};

static void
kept_free(struct kept *k)
{
	if (k == NULL)
		return;
	if (k->source != NULL)
		k->source->ops->free(k->source);
	free(k);
}

static void
place_unref(struct place *p)
{
	if (p == NULL || --p->refs > 0)
		return;
	if (p->held)
		amas__hold_close(&p->at);
	amas__map_fini(&p->said);
	free(p->path);
	free(p->real);
	free(p);
}

static void
forget_all(struct folder *f)
{
	struct kept *k;
	size_t i = 0;

	while ((k = amas__map_next(&f->kept, &i, NULL, NULL)) != NULL)
		kept_free(k);
	amas__map_fini(&f->kept);
}

static void
folder_free(struct amas__exec *x)
{
	struct folder *f = AMAS__OF(x, struct folder, exec);

	forget_all(f);
	place_unref(f->is);
	free(f);
}

static bool
allows_any(const struct folder *f)
{
	return f->exec.opts.allow_writable != 0;
}

/* Goes to where its path leads now; what stays of another folder is given up. */
static void
follow(struct folder *f)
{
	struct place *p = f->is;
	char *real;

	if (amas__hold_follow(&p->at, allows_any(f),
	    amas__loop_log(f->exec.loop))) {
		p->turn++;
		if ((real = realpath(p->at.path, NULL)) != NULL) {
			free(p->real);
			p->real = real;
		}
		amas__map_fini(&p->said);
		amas__map_init(&p->said);
	}
	if (f->turn == p->turn)
		return;
	f->turn = p->turn;
	forget_all(f);
	amas__map_init(&f->kept);
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
	if (f->is->said.n < SAID_MAX &&
	    amas__map_get(&f->is->said, name, len) == NULL &&
	    amas__map_set(&f->is->said, name, len, f->is) == 0)
		amas__log(amas__loop_log(f->exec.loop), AMAS_LOG_WARN,
		    "%s/%s is not served: %s", f->is->path, name, why);
	free(name);
}

/* ---- One part ---- */

/* The part of a path that is being looked up: rest[at .. end). */
struct part {
	size_t at, end;
	char name[AMAS__NAME_MAX + 1];
	size_t len;
};

/* What the files of one name come to. */
struct entry {
	const struct amas__source_kind *kind;	/* NULL: none can be served */
	int sub;		/* the folder, opened; -1: there is none */
	bool shut, busy;
};

static void
judge(struct folder *f, const struct amas__where *w, const struct part *p,
    const struct amas__source_kind *kind, enum amas__found found,
    const char *why, struct entry *e)
{
	switch (found) {
	case AMAS__NOTHING:
		return;
	case AMAS__BUSY:
		e->busy = true;
		return;
	case AMAS__FOLDER:
		return; /* e->sub */
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

/* Looks at all files of a name; close e->sub. */
static void
look_up(struct folder *f, int dir, const struct amas__where *w,
    struct part *p, struct entry *e)
{
	bool any = allows_any(f);
	const struct amas__source_kind *kind;
	enum amas__found found;
	const char *why;
	size_t i;

	*e = (struct entry){ .sub = -1 };
	for (i = 0; i < amas__n_source_kinds; i++) {
		kind = &amas__source_kinds[i];
		(void)strcpy(p->name + p->len, kind->suffix);
		/* A folder with a suffix: nobody can ask for such a name. */
		found = amas__folder_look(dir, p->name, any,
		    kind->suffix[0] == '\0' ? &e->sub : NULL, &why);
		judge(f, w, p, kind, found, why, e);
	}
	p->name[p->len] = '\0';
}

/* ---- What stays ---- */

static bool
stays(const struct amas__source_kind *kind)
{
	return kind != NULL && kind->load != amas__source_exec_load;
}

/* Gives up what is kept below a path. */
static void
forget_below(struct folder *f, const char *path, size_t len)
{
	const char *key;
	size_t i = 0, key_len;
	struct kept *k;

	while ((k = amas__map_next(&f->kept, &i, &key, &key_len)) != NULL)
		if (key_len > len && key[len] == '/' &&
		    memcmp(key, path, len) == 0) {
			(void)amas__map_take(&f->kept, key, key_len);
			kept_free(k);
			i = 0;
		}
}

/* Gives up what the files of a part show to be gone. */
static void
forget_gone(struct folder *f, const struct amas__where *w,
    const struct part *p, const struct entry *e)
{
	if (f->kept.n == 0 || e->busy)
		return;
	if (!stays(e->kind))
		kept_free(amas__map_take(&f->kept, w->rest, p->end));
	if (e->sub == -1 || (e->kind != NULL && e->kind->alone))
		forget_below(f, w->rest, p->end);
}

/* Loads a source that is to stay; file is its name in dir. */
static int
load(struct folder *f, int dir, char *file, const struct amas__where *w,
    const struct part *p, struct kept *k, struct amas_error *err)
{
	struct amas__source_spec spec = { .kind = k->kind, .text = file,
		.dir = dir, .home = f->exec.home };
	size_t name_len = (size_t)(w->rest + p->end - w->walked);
	char *path;
	int rc;

	spec.name = amas__strndup(w->walked, name_len);
	spec.path = path = amas__asprintf("%s/%.*s%s", f->is->real, (int)p->end,
	    w->rest, k->kind->suffix);
	if (spec.name == NULL || path == NULL)
		rc = amas__error_nomem(err);
	else if (!amas__folder_identity(dir, file, &k->id))
		rc = amas__error_sys(err, AMAS_ENOENT, ENOENT, NULL);
	else
		rc = k->kind->load(&k->source, &spec, f->exec.loop,
		    &f->exec.opts, err);
	free(spec.name);
	free(path);
	return rc;
}

static int
keep(struct folder *f, int dir, const struct amas__where *w, struct part *p,
    struct kept *k, struct amas_error *err)
{
	int rc;

	(void)strcpy(p->name + p->len, k->kind->suffix);
	rc = load(f, dir, p->name, w, p, k, err);
	p->name[p->len] = '\0';
	if (rc == 0 && amas__map_set(&f->kept, w->rest, p->end, k) != 0)
		rc = amas__error_nomem(err);
	return rc;
}

/* Whether the file of what is kept is still the same. */
static bool
is_same(const struct kept *k, int dir, struct part *p)
{
	struct amas__identity id;
	bool same;

	(void)strcpy(p->name + p->len, k->kind->suffix);
	same = amas__folder_identity(dir, p->name, &id) &&
	    amas__identity_same(&id, &k->id);
	p->name[p->len] = '\0';
	return same;
}

/* Gives the source of a part, loaded if need be; NULL: it has answered. */
static struct amas__source *
find_kept(struct folder *f, int dir, struct amas_request *req,
    const struct amas__where *w, struct part *p,
    const struct amas__source_kind *kind)
{
	struct kept *k = amas__map_get(&f->kept, w->rest, p->end);
	struct amas_error err;

	/* A plugin is loaded once. */
	if (k != NULL && k->kind == kind &&
	    (kind->load == amas__source_plugin_load || is_same(k, dir, p)))
		return k->source;
	kept_free(amas__map_take(&f->kept, w->rest, p->end));
	if ((k = amas__zalloc(sizeof *k)) == NULL) {
		amas_request_fail(req, "%s", amas_strerror(AMAS_ENOMEM));
		return NULL;
	}
	k->kind = kind;
	if (keep(f, dir, w, p, k, &err) != 0) {
		kept_free(k);
		say_why(f, w, p->end, kind->suffix, err.text);
		amas_request_fail(req, "%.200s: %s", amas_request_path(req),
		    err.text);
		return NULL;
	}
	return k->source;
}

/* ---- Answers ---- */

static const char *
base_name(const struct folder *f)
{
	const char *slash = strrchr(f->is->real, '/');

	return slash != NULL ? slash + 1 : f->is->real;
}

/* 'LookupError: "FOLDER.SUB.NAME" is not exposed', as Python's dotted name. */
static void
not_exposed(struct folder *f, struct amas_request *req,
    const struct amas__where *w)
{
	char *what = amas__asprintf("%s.%.*s", base_name(f),
	    (int)w->rest_len, w->rest);
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

/* Answers for a name that is no function. */
static void
no_function(struct folder *f, struct amas_request *req,
    const struct amas__where *w, const struct part *p, const struct entry *e)
{
	if (e->busy)
		amas__exec_busy(req);
	else if (e->sub != -1)
		amas_request_fail(req, "TypeError: '%.200s' is a service, not "
		    "a function", amas_request_path(req));
	else if (e->shut)
		not_exposed(f, req, w);
	else
		amas__exec_not_found(req, w, p->at);
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
 * Where a walk stands: in the folder dir, which is its own unless it is the
 * first.  source: it has come to one that stays, which answers from part.end on.
 */
struct walk {
	struct folder *f;
	int dir;
	struct part part;
	struct amas__source *source;
};

static void
walk_to(struct walk *k, int dir)
{
	if (k->dir != k->f->is->at.fd)
		close(k->dir);
	k->dir = dir;
}

/* Answers for a path that goes on behind what is no service. */
static void
no_service(struct amas_request *req, const struct amas__where *w,
    const struct part *p, const struct entry *e)
{
	/* Nothing is below a function; it is itself there, though. */
	if (e->busy)
		amas__exec_busy(req);
	else
		amas__exec_not_found(req, w, e->kind != NULL ? p->end + 1 :
		    p->at);
}

/* Whether the part is a program of an agent's own, which nobody may call. */
static bool
is_own(struct folder *f, const struct amas__where *w, const struct part *p)
{
	const char *why;

	if (f->exec.home == NULL || p->at > 0 || !amas__source_is_own(p->name))
		return false;
	if (amas__folder_look(f->is->at.fd, p->name,
	    allows_any(f), NULL, &why) != AMAS__NOTHING)
		say_why(f, w, p->end, "", "it is the agent's own");
	return true;
}

/*
 * Takes one step.  True: it came into a folder, and there is more to go; else
 * it has found *t, a source, or has answered.
 */
static bool
step(struct walk *k, struct amas_request *req, const struct amas__where *w,
    struct amas__exec_target *t)
{
	struct part *p = &k->part;
	bool last, into = false;
	struct entry e;

	if (!next_part(p, w) || is_own(k->f, w, p)) {
		amas__exec_not_found(req, w, p->at);
		return false;
	}
	last = p->end == w->rest_len;
	look_up(k->f, k->dir, w, p, &e);
	forget_gone(k->f, w, p, &e);
	if (stays(e.kind) && (last || e.kind->alone)) {
		if (t->again) /* what it was asked for is gone */
			amas__exec_not_found(req, w, p->at);
		else
			k->source = find_kept(k->f, k->dir, req, w, p, e.kind);
	} else if (last && e.kind != NULL) {
		t->form = e.kind->form;
		(void)strcpy(p->name + p->len, e.kind->suffix);
		(void)amas__exec_use(t, req, k->dir, p->name);
	} else if (last) {
		no_function(k->f, req, w, p, &e);
	} else if (e.sub != -1) {
		walk_to(k, e.sub);
		into = true;
	} else {
		no_service(req, w, p, &e);
	}
	if (e.sub != -1 && !into)
		close(e.sub);
	return into;
}

static bool
folder_find(struct amas__exec *x, struct amas_request *req,
    const struct amas__where *w, struct amas__exec_target *t)
{
	struct folder *f = AMAS__OF(x, struct folder, exec);
	struct walk k = { .f = f, .dir = f->is->at.fd };
	size_t end;

	follow(f);
	if (w->rest_len == 0) {
		amas_request_fail(req, "TypeError: '%.200s' is a service, not "
		    "a function", amas_request_path(req));
		return false;
	}
	while (step(&k, req, w, t))
		k.part.at = k.part.end + 1;
	walk_to(&k, f->is->at.fd);
	if (k.source == NULL)
		return t->dir != -1;
	end = k.part.end;
	if (end < w->rest_len)
		end++;
	/* Last: what it calls may take this folder away. */
	k.source->ops->call(k.source, req, w->walked,
	    (size_t)(w->rest - w->walked) + k.part.end, w->rest + end,
	    w->rest_len - end);
	return false;
}

static int
folder_list(struct amas__exec *x, const char *base, struct amas__paths *paths,
    struct amas_error *err)
{
	struct folder *f = AMAS__OF(x, struct folder, exec);

	follow(f);
	return amas__source_list_folder(f->is->at.fd, allows_any(f),
	    f->exec.home != NULL, base, paths, err);
}

static const struct amas__exec_ops folder_ops = { folder_find, folder_free,
	folder_list };

/* ---- Loading ---- */

/* Says of programs whose names nobody can ask for that this is so. */
static void
say_odd_names(struct folder *f)
{
	DIR *d = opendir(f->is->path);
	struct dirent *e;
	char name[4 * AMAS__NAME_MAX + 8];
	struct stat st;
	size_t len, said = 0;

	while (d != NULL && said < ODD_MAX && (e = readdir(d)) != NULL) {
		(void)amas__source_by_suffix(e->d_name, &len);
		if (e->d_name[0] == '.' || amas__name_ok(e->d_name, len) ||
		    fstatat(dirfd(d), e->d_name, &st, 0) == -1 ||
		    !S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
			continue;
		said++;
		amas__log(amas__loop_log(f->exec.loop), AMAS_LOG_WARN,
		    "%s/%s is not served: a name is letters, digits, _ and "
		    "-; suffixes are .text .json .filter .worker .so",
		    f->is->path, amas__log_text(name, sizeof name, e->d_name,
		    strlen(e->d_name)));
	}
	if (d != NULL)
		closedir(d);
}

static int
place_new(struct place **out, const char *path, bool any,
    struct amas_error *err)
{
	struct place *p = amas__zalloc(sizeof *p);
	size_t len = strlen(path);
	int rc;

	if (p == NULL)
		return amas__error_nomem(err);
	p->refs = 1;
	amas__map_init(&p->said);
	while (len > 1 && path[len - 1] == '/')
		len--;
	p->path = amas__strndup(path, len);
	rc = amas__hold_open(&p->at, path, any, err);
	p->held = rc == 0;
	if (rc == 0 && ((p->real = realpath(path, NULL)) == NULL ||
	    p->path == NULL))
		rc = amas__error_nomem(err);
	if (rc != 0)
		place_unref(p);
	else
		*out = p;
	return rc;
}

/* Takes the reference to the place, on failure too. */
static int
folder_new(struct folder **out, struct place *take_place, struct amas_loop *l,
    struct amas__home *home, const struct amas_source_opts *opts,
    struct amas_error *err)
{
	struct folder *f = amas__zalloc(sizeof *f);

	if (f == NULL) {
		place_unref(take_place);
		return amas__error_nomem(err);
	}
	amas__exec_init(&f->exec, &folder_ops, l, home, opts);
	amas__map_init(&f->kept);
	f->is = take_place;
	f->turn = take_place->turn;
	*out = f;
	return 0;
}

int
amas__source_dir_load(struct amas__source **out,
    const struct amas__source_spec *spec, struct amas_loop *l,
    const struct amas_source_opts *opts, struct amas_error *err)
{
	bool any = opts != NULL && opts->allow_writable != 0;
	struct folder *f = NULL;
	struct place *p = NULL;
	int rc;

	if ((rc = place_new(&p, spec->text, any, err)) != 0 ||
	    (rc = folder_new(&f, p, l, spec->home, opts, err)) != 0)
		return rc;
	say_odd_names(f);
	*out = &f->exec.source;
	return 0;
}

static struct folder *
folder_of(struct amas__source *s)
{
	return AMAS__OF(s, struct folder, exec.source);
}

int
amas__source_dir_again(struct amas__source **out, struct amas__source *first,
    struct amas__home *home, struct amas_error *err)
{
	struct folder *of = folder_of(first), *f = NULL;
	int rc;

	of->is->refs++;
	rc = folder_new(&f, of->is, of->exec.loop, home, &of->exec.opts, err);
	if (rc == 0)
		*out = &f->exec.source;
	return rc;
}

int
amas__source_dir_fd(struct amas__source *s)
{
	follow(folder_of(s));
	return folder_of(s)->is->at.fd;
}
