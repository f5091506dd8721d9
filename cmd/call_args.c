/*
 * Arguments on the command line.  An ARG is one of
 *
 *	BARE		DESIGN's rule for text that becomes a value; @NAME is
 *			a proxy of what -x serves
 *	NAME=BARE	keyword argument
 *	[NAME]:=JSON	[NAME]==TEXT	[NAME]:TYPE=REP
 *	[NAME]:json@FILE	:text@FILE	:bytes@FILE
 *
 * where NAME is an identifier; what is none of the others is BARE.
 */
#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "err.h"
#include "frame.h"
#include "mem.h"
#include "utf8.h"

/* ---- The forms ---- */

enum form {
	FORM_BARE,
	FORM_TEXT,
	FORM_JSON,
	FORM_TYPED,
	FORM_FILE_JSON,
	FORM_FILE_TEXT,
	FORM_FILE_BYTES
};

/* One ARG taken apart; all of it borrowed from the command line. */
struct arg {
	int n;			/* which one, from 1, for messages */
	enum form form;
	const char *name;	/* of a keyword, name_len bytes */
	size_t name_len;	/* 0: it is positional */
	const char *type;	/* FORM_TYPED */
	size_t type_len;
	const char *rest;	/* what follows the form's sign */
};

static size_t
identifier_len(const char *text)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz_";
	size_t len = strspn(text, first);

	if (len == 0)
		return 0;
	while (text[len] != '\0' && (strchr(first, text[len]) != NULL ||
	    (text[len] >= '0' && text[len] <= '9')))
		len++;
	return len;
}

/* What stands behind a colon: "json@", "=", "TYPE=".  Whether it is a form. */
static bool
parse_colon(struct arg *a, const char *p)
{
	static const struct {
		const char *sign;
		enum form form;
	} signs[] = { { "=", FORM_JSON }, { "json@", FORM_FILE_JSON },
		{ "text@", FORM_FILE_TEXT }, { "bytes@", FORM_FILE_BYTES } };
	size_t i, len;

	for (i = 0; i < sizeof signs / sizeof *signs; i++) {
		len = strlen(signs[i].sign);
		if (strncmp(p, signs[i].sign, len) == 0) {
			a->form = signs[i].form;
			a->rest = p + len;
			return true;
		}
	}
	len = strcspn(p, "=");
	if (p[len] != '=' || !amas__types_is_name(p, len))
		return false;
	a->form = FORM_TYPED;
	a->type = p;
	a->type_len = len;
	a->rest = p + len + 1;
	return true;
}

static void
parse_arg(struct arg *a, int n, const char *text, bool is_text)
{
	size_t len = identifier_len(text);
	const char *p = text + len;

	memset(a, 0, sizeof *a);
	a->n = n;
	a->form = is_text ? FORM_TEXT : FORM_BARE;
	a->rest = a->name = text;
	if (is_text)
		return;
	if (p[0] == ':' && parse_colon(a, p + 1)) {
		a->name_len = len;
	} else if (p[0] == '=' && p[1] == '=') {
		a->form = FORM_TEXT;
		a->rest = p + 2;
		a->name_len = len;
	} else if (p[0] == '=' && len > 0) {
		a->rest = p + 1;
		a->name_len = len;
	}
}

/* ---- Values ---- */

/* Says what is wrong with one ARG. */
static int
bad_arg(const struct arg *a, int status, const char *cause)
{
	char subject[64];

	(void)snprintf(subject, sizeof subject, "argument %d", a->n);
	return cmd_error(status, subject, "%s", cause);
}

static int
bad_value(const struct arg *a, const struct amas_error *err)
{
	return bad_arg(a, err->code == AMAS_ENOMEM ? CMD_SYS : CMD_INPUT,
	    err->text);
}

static int
set_text(struct amas_value **out, const struct arg *a, const char *text,
    size_t len)
{
	if (amas__utf8_valid(text, len) != len)
		return bad_arg(a, CMD_INPUT, "text is not UTF-8");
	*out = amas_value_pack("s%", text, len);
	return *out != NULL ? CMD_OK : cmd_nomem();
}

/*
 * Makes *out of v, whose maps {"__type__": [NAME, REP]} become what they stand
 * for, as on message lines.  area: where v lives; NULL: a new one.
 */
static int
keep_lifted(struct amas_value **out, const struct arg *a,
    struct amas__area *area, const struct amas_value *v)
{
	struct amas_error err;
	int rc;

	area = area != NULL ? amas__area_ref(area) : amas__area_new(NULL);
	if (area == NULL)
		return cmd_nomem();
	rc = amas__types_lift(area, &v, NULL, true, &err);
	if (rc == 0 && (*out = amas_value_keep(v)) == NULL)
		rc = amas__error_nomem(&err);
	amas__area_unref(area);
	return rc == 0 ? CMD_OK : bad_value(a, &err);
}

static int
set_json(struct amas_value **out, const struct arg *a, const char *text,
    size_t len)
{
	struct amas__area *area = amas__area_new(NULL);
	const struct amas_value *v;
	struct amas_error err;
	bool typed = false;
	char *copy = NULL;
	int rc, status;

	if (area != NULL)
		copy = amas__area_text(area, text, len);
	if (copy == NULL)
		rc = amas__error_nomem(&err);
	else
		rc = amas__codec_decode(NULL, area, copy, len, NULL, &v,
		    &typed, &err);
	status = rc == 0 ? keep_lifted(out, a, area, v) : bad_value(a, &err);
	amas__area_unref(area);
	return status;
}

/* "@NAME": a proxy of what -x serves under NAME; "@" of all of it. */
static int
set_proxy(struct amas_value **out, const struct arg *a, const char *path,
    const struct call_opts *o)
{
	struct amas_value *rep = NULL, *pair;
	int status;

	if (o->n_sources == 0)
		return cmd_error(CMD_INPUT, a->rest,
		    "a proxy needs -x (as text: ==%s)", a->rest);
	path += strspn(path, "/");
	if ((status = set_text(&rep, a, path, strlen(path))) != CMD_OK)
		return status;
	pair = amas_value_pack("{s:[sv]}", "__type__", "proxy", rep);
	status = pair != NULL ? keep_lifted(out, a, NULL, pair) : cmd_nomem();
	amas_value_free(pair);
	amas_value_free(rep);
	return status;
}

static int
set_bare(struct amas_value **out, const struct arg *a, const char *text)
{
	struct amas__area *area;
	const struct amas_value *v;
	struct amas_error err;
	size_t len = strlen(text);
	int rc;

	if (amas__utf8_valid(text, len) != len)
		return bad_arg(a, CMD_INPUT, "text is not UTF-8");
	if ((area = amas__area_new(NULL)) == NULL)
		return cmd_nomem();
	rc = amas__value_guess(area, text, len, &v, &err);
	if (rc == 0 && (*out = amas_value_keep(v)) == NULL)
		rc = amas__error_nomem(&err);
	amas__area_unref(area);
	return rc == 0 ? CMD_OK : bad_value(a, &err);
}

/* Whether what follows "TYPE=" is always text: it may look like a number. */
static bool
is_text_type(const struct arg *a)
{
	static const char *const texts[] = { "bytes", "date", "proxy" };
	size_t i;

	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strlen(texts[i]) == a->type_len &&
		    memcmp(texts[i], a->type, a->type_len) == 0)
			return true;
	return false;
}

static int
set_typed(struct amas_value **out, const struct arg *a)
{
	struct amas_value *rep = NULL, *pair = NULL;
	int status;

	if (is_text_type(a))
		status = set_text(&rep, a, a->rest, strlen(a->rest));
	else
		status = set_bare(&rep, a, a->rest);
	if (status != CMD_OK)
		return status;
	pair = amas_value_pack("{s:[s%v]}", "__type__", a->type, a->type_len,
	    rep);
	status = pair != NULL ? keep_lifted(out, a, NULL, pair) : cmd_nomem();
	amas_value_free(pair);
	amas_value_free(rep);
	return status;
}

static int
set_file(struct amas_value **out, const struct arg *a,
    const struct call_opts *o)
{
	size_t max = o->args.max_message, len;
	struct amas__buf b;
	const char *data;
	int status;

	amas__buf_init(&b, 0);
	status = call_file_read(&b, a->rest, max != 0 ? max : AMAS__FRAME_MAX,
	    o->deadline);
	data = amas__buf_len(&b) > 0 ? amas__buf_head(&b) : "";
	len = amas__buf_len(&b);
	if (status != CMD_OK) {
		;
	} else if (a->form == FORM_FILE_JSON) {
		status = set_json(out, a, data, len);
	} else if (a->form == FORM_FILE_TEXT) {
		status = set_text(out, a, data, len);
	} else {
		*out = amas_value_pack("y%", data, len);
		status = *out != NULL ? CMD_OK : cmd_nomem();
	}
	amas__buf_fini(&b);
	return status;
}

static int
set_value(struct amas_value **out, const struct arg *a,
    const struct call_opts *o)
{
	switch (a->form) {
	case FORM_BARE:
		return a->rest[0] == '@' ?
		    set_proxy(out, a, a->rest + 1, o) :
		    set_bare(out, a, a->rest);
	case FORM_TEXT:
		return set_text(out, a, a->rest, strlen(a->rest));
	case FORM_JSON:
		return set_json(out, a, a->rest, strlen(a->rest));
	case FORM_TYPED:
		return set_typed(out, a);
	default:
		return set_file(out, a, o);
	}
}

/* ---- All of them ---- */

static int
add_keyword(struct amas_value *map, const struct arg *a,
    const struct amas_value *v)
{
	char *name = amas__strndup(a->name, a->name_len);
	int status = CMD_OK;

	if (name == NULL)
		return cmd_nomem();
	if (amas_value_get(map, name) != NULL)
		status = cmd_error(CMD_INPUT, name,
		    "keyword argument is given twice");
	else if (amas_value_add(map, "s:v", name, v) != 0)
		status = cmd_nomem();
	free(name);
	return status;
}

static int
add_arg(struct call_args *out, const struct arg *a, const struct call_opts *o)
{
	struct amas_value *v = NULL;
	int status;

	if ((status = set_value(&v, a, o)) != CMD_OK)
		return status;
	if (a->name_len > 0)
		status = add_keyword(out->map, a, v);
	else if (amas_value_add(out->list, "v", v) != 0)
		status = cmd_nomem();
	amas_value_free(v);
	return status;
}

static bool
takes_stdin(const struct arg *a)
{
	return a->form >= FORM_FILE_JSON && strcmp(a->rest, "-") == 0;
}

int
call_args_read(struct call_args *out, const struct call_opts *o)
{
	bool input_taken = o->each;
	struct arg a;
	int i, status;

	out->list = amas_value_pack("[]");
	out->map = amas_value_pack("{}");
	if (out->list == NULL || out->map == NULL)
		return cmd_nomem();
	for (i = 0; i < o->argc; i++) {
		parse_arg(&a, i + 1, o->argv[i], o->text);
		if (takes_stdin(&a) && input_taken)
			return bad_arg(&a, CMD_INPUT,
			    "standard input is taken already");
		input_taken = input_taken || takes_stdin(&a);
		if (o->channel && a.name_len > 0)
			return bad_arg(&a, CMD_USAGE,
			    "--channel has no keyword arguments");
		if ((status = add_arg(out, &a, o)) != CMD_OK)
			return status;
	}
	return CMD_OK;
}

/* ---- What of them could not be sent ---- */

/*
 * The number, from 1, of the argument that where begins with, as "[1][0]" or
 * "[2].name" in [path, args, kwargs]; *rest is what follows.  0: of none.
 */
static int
find_arg(const struct call_opts *o, const char *where, const char **rest)
{
	struct arg a;
	unsigned index;
	bool named = strncmp(where, "[2].", 4) == 0;
	int i, len = 0;

	if (!named && (sscanf(where, "[1][%u]%n", &index, &len) != 1 ||
	    len == 0))
		return 0;
	for (i = 0; i < o->argc; i++) {
		parse_arg(&a, i + 1, o->argv[i], o->text);
		*rest = where + (named ? 4 + a.name_len : (size_t)len);
		if (named && a.name_len > 0 && strncmp(where + 4, a.name,
		    a.name_len) == 0 && strchr(".[)", **rest) != NULL)
			return a.n;
		if (!named && a.name_len == 0 && index-- == 0)
			return a.n;
	}
	return 0;
}

void
call_args_explain(char *out, size_t size, const struct call_opts *o,
    const char *text)
{
	static const char bytes[] = "JSON cannot carry bytes", at[] = " (at [2]";
	const char *where = strstr(text, at), *rest = "", *hint = "";
	int n = where != NULL ? find_arg(o, where + strlen(at), &rest) : 0;

	if (strncmp(text, bytes, strlen(bytes)) == 0)
		hint = "; --codec msgpack can";
	if (n == 0)
		(void)snprintf(out, size, "%s%s", text, hint);
	else
		(void)snprintf(out, size, "argument %d: %.*s%s%s%s", n,
		    (int)(where - text), text, *rest == ')' ? "" : " (at ",
		    *rest == ')' ? "" : rest, hint);
}

void
call_args_free(struct call_args *args)
{
	amas_value_free(args->list);
	amas_value_free(args->map);
}
