/*
 * Failures for mosaik: of the one text that aiomas sends, whose last line is
 * "KIND: MESSAGE", a list of texts.  There are always two of them at least:
 * mosaik waits for ever for anything less.  And the text of such a list.
 */
#include "failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char no_kind[] = "Failure";

static bool
is_name(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	    (!first && ((c >= '0' && c <= '9') || c == '.'));
}

/* The length of the kind that a line begins with; 0: it names none. */
static size_t
kind_len(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && is_name(line[n], n == 0))
		n++;
	if (n == len || line[n] != ':')
		return 0;
	return n + 1 == len || line[n + 1] == ' ' ? n : 0;
}

/* Where the line begins that ends at len. */
static size_t
line_start(const char *text, size_t len)
{
	while (len > 0 && text[len - 1] != '\n')
		len--;
	return len;
}

/* Makes kind and message of the last line. */
static void
split(struct amas_value item[2], const char *line, size_t len)
{
	size_t kind = kind_len(line, len), skip;

	if (kind == 0) {
		amas__value_text(&item[0], NULL, AMAS_STRING, no_kind,
		    sizeof no_kind - 1);
		amas__value_text(&item[1], NULL, AMAS_STRING, line, len);
		return;
	}
	skip = kind + 1 < len ? kind + 2 : kind + 1;
	amas__value_text(&item[0], NULL, AMAS_STRING, line, kind);
	amas__value_text(&item[1], NULL, AMAS_STRING, line + skip, len - skip);
}

static int
list_of_text(struct amas_value *out, struct amas__area *a, const char *text,
    size_t len)
{
	struct amas_value *item;
	size_t at, n = 1, i;

	while (len > 0 && text[len - 1] == '\n')
		len--;
	for (at = line_start(text, len); at > 0 && n < AMAS__FAILURE_LINES; n++)
		at = line_start(text, at - 1);
	if ((item = amas__area_values(a, n + 2)) == NULL)
		return AMAS_ENOMEM;
	at = line_start(text, len);
	split(item, text + at, len - at);
	for (i = n; i > 0; i--) {
		at = line_start(text, len);
		amas__value_text(&item[i + 1], NULL, AMAS_STRING, text + at,
		    len - at);
		len = at > 0 ? at - 1 : 0;
	}
	amas__value_list(out, NULL, item, n == 1 ? 2 : n + 2);
	return 0;
}

static bool
is_list(const struct amas_value *v)
{
	size_t i;

	if (amas_value_type(v) != AMAS_LIST || v->len < 2)
		return false;
	for (i = 0; i < v->len; i++)
		if (amas_value_type(&v->u.item[i]) != AMAS_STRING)
			return false;
	return true;
}

/* Any other value: its JSON is the message. */
static int
list_of_other(struct amas_value *out, struct amas__area *a,
    const struct amas_value *v)
{
	struct amas_value *item = amas__area_values(a, 2);
	const char *text = amas__type_name(amas_value_type(v));
	size_t len = strlen(text);
	void *json = NULL;

	if (amas_value_encode(v, NULL, NULL, &json, &len, NULL) == 0) {
		if (amas__area_take_memory(a, json) != 0)
			return AMAS_ENOMEM;
		text = json;
	}
	if (item == NULL)
		return AMAS_ENOMEM;
	amas__value_text(&item[0], NULL, AMAS_STRING, no_kind,
	    sizeof no_kind - 1);
	amas__value_text(&item[1], NULL, AMAS_STRING, text, len);
	amas__value_list(out, NULL, item, 2);
	return 0;
}

int
amas__failure_list(struct amas_value *out, struct amas__area *a,
    const struct amas_value *v)
{
	if (amas_value_type(v) == AMAS_STRING)
		return list_of_text(out, a, v->u.text, v->len);
	if (!is_list(v))
		return list_of_other(out, a, v);
	*out = *v;
	return 0;
}

/* ---- The text of a list ---- */

static char *
put(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

/* Puts a text and the newline behind it, which it may have brought. */
static char *
put_line(char *to, const struct amas_value *v)
{
	to = put(to, v->u.text, v->len);
	if (v->len == 0 || v->u.text[v->len - 1] != '\n')
		*to++ = '\n';
	return to;
}

/* "KIND: MESSAGE", as far as there is something of both. */
static char *
put_last(char *to, const struct amas_value *kind,
    const struct amas_value *message)
{
	if (amas__value_is(kind, no_kind))
		return put(to, message->u.text, message->len);
	to = put(to, kind->u.text, kind->len);
	if (message->len == 0)
		return to;
	to = put(to, ": ", 2);
	return put(to, message->u.text, message->len);
}

/* Whether the text up to end has the one behind it as its last lines. */
static bool
ends_so(const char *start, const char *end, const char *last, size_t len)
{
	if ((size_t)(end - start) < len || memcmp(end - len, last, len) != 0)
		return false;
	return end - len == start || end[-(ptrdiff_t)len - 1] == '\n';
}

const char *
amas__failure_text(struct amas__area *a, const struct amas_value *v)
{
	const struct amas_value *item;
	size_t size = 4, i;
	char *text, *end, *last;

	if (amas_value_type(v) == AMAS_STRING)
		return v->u.text;
	if (!is_list(v))
		return NULL;
	item = v->u.item;
	for (i = 0; i < v->len; i++)
		size += item[i].len + 1;
	/* Once more for the last lines, which may stand there already. */
	size += item[0].len + item[1].len + 4;
	if ((text = end = amas__area_alloc(a, size)) == NULL)
		return NULL;
	for (i = 2; i < v->len; i++)
		end = put_line(end, &item[i]);
	last = put_last(end, &item[0], &item[1]);
	if (end > text && ends_so(text, end - 1, end, (size_t)(last - end)))
		last = end - 1;
	*last = '\0';
	return text;
}
