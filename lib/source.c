/* The grammar of sources and the table of their kinds. */
#include "source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "mem.h"

/* What has no word and no suffix comes first: a plain program, a folder. */
const struct amas__source_kind amas__source_kinds[] = {
	{ "exec", "", AMAS__EXEC_GUESS, false, false, amas__source_exec_load },
	{ "text", ".text", AMAS__EXEC_TEXT, false, false,
	    amas__source_exec_load },
	{ "json", ".json", AMAS__EXEC_JSON, false, false,
	    amas__source_exec_load },
	{ "filter", ".filter", AMAS__EXEC_GUESS, false, false,
	    amas__source_filter_load },
	{ "worker", ".worker", AMAS__EXEC_GUESS, true, true,
	    amas__source_worker_load },
	{ "shared", ".shared", AMAS__EXEC_GUESS, false, false, NULL },
	{ NULL, ".so", AMAS__EXEC_GUESS, true, false,
	    amas__source_plugin_load },
};
const size_t amas__n_source_kinds =
    sizeof amas__source_kinds / sizeof *amas__source_kinds;

const struct amas__source_kind amas__source_folder = { NULL, NULL, AMAS__EXEC_GUESS,
	true, false, amas__source_dir_load };

/* ---- Kinds ---- */

const struct amas__source_kind *
amas__source_by_suffix(const char *name, size_t *stem_len)
{
	size_t len = strlen(name), n, i;
	const char *suffix;

	for (i = 1; i < amas__n_source_kinds; i++) {
		suffix = amas__source_kinds[i].suffix;
		n = strlen(suffix);
		if (len > n && strcmp(name + len - n, suffix) == 0) {
			*stem_len = len - n;
			return &amas__source_kinds[i];
		}
	}
	*stem_len = len;
	return &amas__source_kinds[0];
}

bool
amas__source_in_folder(const struct amas__source_kind *kind)
{
	return kind->load != NULL;
}

/* The kind that text begins with, and where its command begins. */
static const struct amas__source_kind *
by_word(const char *text, const char **command)
{
	const char *word;
	size_t i, n;

	for (i = 0; i < amas__n_source_kinds; i++) {
		if ((word = amas__source_kinds[i].word) == NULL)
			continue;
		n = strlen(word);
		if (strncmp(text, word, n) == 0 && text[n] == ':') {
			*command = text + n + 1;
			return &amas__source_kinds[i];
		}
	}
	return NULL;
}

/* ---- Grammar ---- */

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Where a part of a name ends that begins at p; p if there is none. */
static const char *
skip_part(const char *p)
{
	if (!is_letter(*p))
		return p;
	while (is_letter(*p) || is_digit(*p) || *p == '.' || *p == '-')
		p++;
	return p;
}

/*
 * Reads NAME[:COUNT]=.  Gives what is behind it and the length of the name, or
 * text itself if it does not begin so.
 */
static const char *
read_name(const char *text, size_t *len, const char **count)
{
	const char *p = text, *end;

	*count = NULL;
	for (;;) {
		if ((end = skip_part(p)) == p)
			return text;
		if (*end != '/')
			break;
		p = end + 1;
	}
	*len = (size_t)(end - text);
	if (*end == ':') {
		*count = ++end;
		while (is_digit(*end))
			end++;
		if (end == *count)
			return text;
	}
	return *end == '=' ? end + 1 : text;
}

static int
read_count(size_t *out, const char *digits, struct amas_error *err)
{
	size_t n = 0;

	for (; is_digit(*digits) && n <= AMAS__COUNT_MAX; digits++)
		n = n * 10 + (size_t)(*digits - '0');
	if (n == 0 || n > AMAS__COUNT_MAX)
		return amas_error_set(err, AMAS_EINVAL,
		    "count is not between 1 and %d", AMAS__COUNT_MAX);
	*out = n;
	return 0;
}

/* Nothing stands at a path: what was meant may be a command, or have a name. */
static int
no_file(const char *text, struct amas_error *err)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz");
	const char *eq = strchr(text, '='), *command;

	if (len > 0 && text[len] == ':')
		return amas_error_set(err, AMAS_EINVAL, "no file, and "
		    "\"%.*s:\" is none of exec:, text:, json:, filter:, "
		    "worker: and shared:", (int)len, text);
	if (eq != NULL && by_word(eq + 1, &command) != NULL)
		return amas_error_set(err, AMAS_EINVAL, "\"%.*s\" is no NAME: "
		    "it begins with a letter or _, and goes on with these, "
		    "digits, - and .", (int)(eq - text), text);
	return amas__error_sys(err, AMAS_ENOENT, ENOENT, NULL);
}

/* The kind of a path, and the name that it has unless another was given. */
static int
read_path(struct amas__source_spec *spec, struct amas_error *err)
{
	struct stat st;
	const char *base;
	size_t len;

	if (stat(spec->text, &st) == -1)
		return errno == ENOENT ? no_file(spec->text, err) :
		    amas__error_sys(err, AMAS_ESYS, errno, NULL);
	if (S_ISDIR(st.st_mode)) {
		spec->kind = &amas__source_folder;
		return 0;
	}
	base = strrchr(spec->text, '/');
	base = base != NULL ? base + 1 : spec->text;
	spec->kind = amas__source_by_suffix(base, &len);
	if (spec->name != NULL || spec->kind->alone)
		return 0;
	if (!amas__name_ok(base, len))
		return amas_error_set(err, AMAS_EINVAL, "\"%.*s\" cannot be a "
		    "name; give it one: NAME=%s", (int)len, base, spec->text);
	if ((spec->name = amas__strndup(base, len)) == NULL)
		return amas__error_nomem(err);
	return 0;
}

static int
read_source(struct amas__source_spec *spec, const char *text,
    struct amas_error *err)
{
	const char *command;

	if ((spec->kind = by_word(text, &command)) != NULL) {
		spec->is_command = true;
		text = command;
		if (command[strspn(command, " \t\n")] == '\0')
			return amas_error_set(err, AMAS_EINVAL,
			    "\"%s:\" has no command", spec->kind->word);
		if (spec->name == NULL && !spec->kind->alone)
			return amas_error_set(err, AMAS_EINVAL, "a command "
			    "needs a name: NAME=%s:COMMAND",
			    spec->kind->word);
	}
	if (text[0] == '\0')
		return amas_error_set(err, AMAS_EINVAL, "source is empty");
	if ((spec->text = amas__strdup(text)) == NULL)
		return amas__error_nomem(err);
	return spec->is_command ? 0 : read_path(spec, err);
}

int
amas__source_parse(struct amas__source_spec *spec, const char *text,
    struct amas_error *err)
{
	const char *source, *count;
	size_t len;
	int rc = 0;

	memset(spec, 0, sizeof *spec);
	spec->dir = -1;
	source = read_name(text, &len, &count);
	if (source != text) {
		if ((spec->name = amas__strndup(text, len)) == NULL)
			rc = amas__error_nomem(err);
		else if (count != NULL)
			rc = read_count(&spec->count, count, err);
	}
	if (rc == 0)
		rc = read_source(spec, source, err);
	if (rc == 0 && spec->name == NULL &&
	    (spec->name = amas__strdup("")) == NULL)
		rc = amas__error_nomem(err);
	if (rc != 0)
		amas__source_fini(spec);
	return rc;
}

bool
amas__source_is_bare(const char *text)
{
	const char *count, *command;
	size_t len;

	return read_name(text, &len, &count) == text &&
	    by_word(text, &command) != NULL;
}

void
amas__source_fini(struct amas__source_spec *spec)
{
	free(spec->name);
	free(spec->text);
	spec->name = spec->text = NULL;
}

/* ---- Loading ---- */

/* Callers can reach a part of a name only if it could be one in a folder. */
static int
check_name(const char *name, struct amas_error *err)
{
	size_t len;

	for (; *name != '\0'; name += len + (name[len] == '/')) {
		len = strcspn(name, "/");
		if (!amas__name_ok(name, len))
			return amas_error_set(err, AMAS_EINVAL, "\"%.*s\" "
			    "cannot be a name here: letters, digits, _ and -",
			    (int)len, name);
	}
	return 0;
}

static int
load(struct amas_service *svc, const struct amas__source_spec *spec,
    struct amas_loop *loop, const struct amas_source_opts *opts,
    struct amas_error *err)
{
	struct amas__source *s;
	int rc;

	if ((rc = check_name(spec->name, err)) != 0)
		return rc;
	if (spec->kind->load == NULL)
		return amas_error_set(err, AMAS_EINVAL, "%s sources are for "
		    "agents: amas-container(1)", spec->kind->suffix + 1);
	if (spec->count != 0 && !spec->kind->counts)
		return amas_error_set(err, AMAS_EINVAL, "takes no count");
	if ((rc = spec->kind->load(&s, spec, loop, opts, err)) != 0)
		return rc;
	return amas__service_take_source(svc, spec->name, s, err);
}

int
amas_service_load(struct amas_service *svc, struct amas_loop *loop,
    const char *source, const struct amas_source_opts *opts,
    struct amas_error *err)
{
	struct amas__source_spec spec;
	int rc;

	if (opts != NULL && !(opts->timeout_s >= 0))
		return amas_error_set(err, AMAS_EINVAL, "timeout of %g s",
		    opts->timeout_s);
	if ((rc = amas__source_parse(&spec, source, err)) != 0)
		return rc;
	rc = load(svc, &spec, loop, opts, err);
	amas__source_fini(&spec);
	return rc;
}
