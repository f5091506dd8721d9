/*
 * The one rule for text that becomes a value: a program's output, a filter's
 * line, a bare argument.  What is neither a word, a number nor JSON is text.
 */
#include "codec.h"

#include <math.h>
#include <string.h>

#include "err.h"
#include "json.h"
#include "number.h"
#include "utf8.h"

/* The text, and a copy with a NUL behind it and a spare byte before. */
struct guess {
	struct amas__area *area;
	const char *text;
	char *copy;
	size_t len;
	struct amas_value *v;	/* what becomes of it */
};

static bool
is(const struct guess *g, const char *word)
{
	return g->len == strlen(word) && memcmp(g->copy, word, g->len) == 0;
}

static bool
guess_word(const struct guess *g)
{
	if (is(g, "null"))
		amas__value_null(g->v, g->area);
	else if (is(g, "true"))
		amas__value_bool(g->v, g->area, true);
	else if (is(g, "false"))
		amas__value_bool(g->v, g->area, false);
	else
		return false;
	return true;
}

/* Reads a finite number, ".5" and "-.5" too: bc(1) writes them so. */
static bool
guess_number(const struct guess *g)
{
	char *begin = g->copy, first = begin[0];
	struct amas__number n;
	const char *end;

	if (first == '.') {
		*--begin = '0';
	} else if (first == '-' && begin[1] == '.') {
		*begin = '0';
		*--begin = '-';
	}
	end = amas__number_read(&n, begin);
	g->copy[0] = first;
	if (end != g->copy + g->len || (n.type == AMAS_REAL &&
	    !isfinite(n.u.d)))
		return false;
	if (n.type == AMAS_INT)
		amas__value_int(g->v, g->area, n.u.i);
	else if (n.type == AMAS_REAL)
		amas__value_real(g->v, g->area, n.u.d);
	else
		amas__value_text(g->v, g->area, AMAS_BIGINT, g->copy, g->len);
	return true;
}

/* Reads a text in quotes; false, *rc still 0, if the quotes are text too. */
static bool
guess_quoted(const struct guess *g, int *rc)
{
	const struct amas_value *v;

	if (g->len < 2 || g->copy[0] != '"' || g->copy[g->len - 1] != '"')
		return false;
	*rc = amas__json_read(g->area, g->copy, g->len, NULL, &v, NULL, NULL);
	if (*rc == 0) {
		*g->v = *v;
		return true;
	}
	memcpy(g->copy, g->text, g->len); /* reading has changed it */
	if (*rc != AMAS_ENOMEM)
		*rc = 0;
	return *rc != 0;
}

static int
guess_json(const struct guess *g, const struct amas_value **out,
    struct amas_error *err)
{
	const struct amas_value *v;
	bool typed = false;
	int rc;

	rc = amas__json_read(g->area, g->copy, g->len, NULL, &v, &typed, err);
	if (rc == 0 && typed)
		rc = amas__types_lift(g->area, &v, NULL, true, err);
	if (rc == 0)
		*out = v;
	return rc;
}

static int
guess_text(const struct guess *g, struct amas_error *err)
{
	size_t valid = amas__utf8_valid(g->copy, g->len);

	if ((uint64_t)g->len > UINT32_MAX)
		return amas_error_set(err, AMAS_ETOOBIG, "%zu bytes of text",
		    g->len);
	if (valid < g->len)
		return amas_error_set(err, AMAS_EPROTO,
		    "invalid UTF-8 at offset %zu", valid);
	amas__value_text(g->v, g->area, AMAS_STRING, g->copy, g->len);
	return 0;
}

int
amas__value_guess(struct amas__area *a, const char *text, size_t len,
    const struct amas_value **out, struct amas_error *err)
{
	struct guess g = { .area = a, .text = text, .len = len };
	int rc = 0;

	if (len > SIZE_MAX - 2 ||
	    (g.copy = amas__area_alloc(a, len + 2)) == NULL ||
	    (g.v = amas__area_values(a, 1)) == NULL)
		return amas__error_nomem(err);
	g.copy++;
	if (len > 0)
		memcpy(g.copy, text, len);
	g.copy[len] = '\0';
	if (g.copy[0] == '[' || g.copy[0] == '{')
		return guess_json(&g, out, err);
	if (!guess_word(&g) && !guess_number(&g) && !guess_quoted(&g, &rc))
		rc = guess_text(&g, err);
	if (rc == 0)
		*out = g.v;
	else if (rc == AMAS_ENOMEM)
		return amas__error_nomem(err);
	return rc;
}
