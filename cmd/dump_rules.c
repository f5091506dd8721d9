/*
 * Rules of --inject, "FILTER: ACTION" or "ACTION".  Chance comes from a
 * generator for each rule, connection and direction, so that what one of them
 * draws is no matter of how the others are timed: with a seed a run can be had
 * again.
 */
#include "dump_inject.h"

#include <stdlib.h>
#include <string.h>

#include "dump_conn.h"
#include "mem.h"

static const char blanks[] = " \t\n";

static const struct {
	const char *word;
	enum dump_action action;
} actions[] = { { "delay", DUMP_DELAY }, { "drop", DUMP_DROP },
	{ "cut", DUMP_CUT }, { "fail", DUMP_FAIL } };

#define ACTIONS (sizeof actions / sizeof actions[0])

/* ---- Reading ------------------------------------------------------------ */

static int
wrong(const char *text, const char *why)
{
	return cmd_error(CMD_USAGE, "--inject", "\"%s\": %s", text, why);
}

/* The action that a text begins with, and where its word ends. */
static const char *
action_of(const char *text, enum dump_action *out)
{
	size_t i, len;

	text += strspn(text, blanks);
	len = strcspn(text, blanks);
	for (i = 0; i < ACTIONS; i++)
		if (strlen(actions[i].word) == len &&
		    memcmp(text, actions[i].word, len) == 0) {
			*out = actions[i].action;
			return text + len;
		}
	return NULL;
}

/*
 * The end of the filter: the colon before the action; one in a filter has none
 * behind it.
 */
static const char *
find_colon(const char *text, enum dump_action *action, const char **rest)
{
	const char *colon = text;

	if ((*rest = action_of(text, action)) != NULL)
		return text; /* all messages; no condition is called so */
	for (; (colon = strchr(colon, ':')) != NULL; colon++)
		if ((*rest = action_of(colon + 1, action)) != NULL)
			return colon;
	return NULL;
}

/* "5%", the rest of the text; all is certain without it. */
static int
read_chance(struct dump_rule *r, const char *text, const char *word)
{
	size_t len = strlen(word);
	char number[32];
	double percent;

	if (len == 0)
		return CMD_OK;
	if (word[len - 1] != '%' || len >= sizeof number)
		return wrong(text, "a chance is N%");
	memcpy(number, word, len - 1);
	number[len - 1] = '\0';
	if (cmd_seconds(&percent, number) != CMD_OK ||
	    !(percent >= 0 && percent <= 100))
		return wrong(text, "a chance is 0% to 100%");
	r->chance = percent / 100;
	return CMD_OK;
}

/* The first of the words goes to a copy, in out. */
static const char *
cut_word(const char *words, char *out, size_t size)
{
	size_t len = strcspn(words, blanks);

	if (len >= size)
		len = size - 1;
	memcpy(out, words, len);
	out[len] = '\0';
	words += len;
	return words + strspn(words, blanks);
}

static int
read_values(struct dump_rule *r, const char *text, const char *words)
{
	char word[32];
	int status;

	words += strspn(words, blanks);
	if (r->action == DUMP_FAIL) {
		if (*words == '\0')
			return wrong(text, "fail needs a text");
		r->text = amas__strdup(words);
		return r->text != NULL ? CMD_OK : cmd_nomem();
	}
	if (r->action == DUMP_DELAY) {
		if (*words == '\0')
			return wrong(text, "delay needs a duration");
		words = cut_word(words, word, sizeof word);
		if ((status = cmd_duration(&r->delay, "--inject", word,
		    false)) != CMD_OK)
			return status;
	}
	words = cut_word(words, word, sizeof word);
	if (*words != '\0')
		return wrong(text, "too many words");
	return read_chance(r, text, word);
}

static int
read_rule(struct dump_rule *r, const char *text)
{
	const char *colon, *rest;
	char *filter;
	int status = CMD_OK;

	r->chance = 1;
	if ((colon = find_colon(text, &r->action, &rest)) == NULL)
		return wrong(text, "is not FILTER: "
		    "delay DUR | drop N% | cut | fail TEXT");
	if ((filter = amas__strndup(text, (size_t)(colon - text))) == NULL)
		return cmd_nomem();
	if (filter[strspn(filter, blanks)] != '\0')
		status = dump_filter_new(&r->filter, filter, false);
	free(filter);
	return status == CMD_OK ? read_values(r, text, rest) : status;
}

int
dump_rules_new(struct dump_rules **out, const struct dump_opts *o)
{
	struct dump_rules *r = amas__zalloc(sizeof *r);
	int status = CMD_OK;

	if (r == NULL)
		return cmd_nomem();
	*out = r;
	r->seed = (uint64_t)o->seed;
	for (; r->n < o->n_injects && status == CMD_OK; r->n++)
		status = read_rule(&r->rule[r->n], o->injects[r->n]);
	return status;
}

void
dump_rules_free(struct dump_rules *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->n; i++) {
		dump_filter_free(r->rule[i].filter);
		free(r->rule[i].text);
	}
	free(r);
}

/* ---- Chance ------------------------------------------------------------- */

/* SplitMix64: any state will do as a begin. */
static uint64_t
draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void
dump_dice_init(struct dump_dice *dice, const struct dump_rules *r,
    unsigned conn)
{
	uint64_t of_seed = r->seed, of_conn;
	size_t i;

	of_conn = draw(&of_seed) + conn;
	for (i = 0; i < r->n; i++) {
		dice->state[0][i] = draw(&of_conn);
		dice->state[1][i] = draw(&of_conn);
	}
}

/* ---- Asking ------------------------------------------------------------- */

static bool
is_meant(const struct dump_rule *r, const struct dump_event *e)
{
	if (e->kind == DUMP_GAP || (r->action == DUMP_FAIL &&
	    e->kind != DUMP_REQUEST))
		return false;
	return r->filter == NULL ||
	    dump_filter_event(r->filter, e) == DUMP_YES;
}

void
dump_rules_ask(const struct dump_rules *r, struct dump_dice *dice,
    const struct dump_event *e, struct dump_fate *out)
{
	const struct dump_rule *rule;
	double at;
	size_t i;

	out->delay = 0;
	out->rule = NULL;
	for (i = 0; i < r->n && out->rule == NULL; i++) {
		rule = &r->rule[i];
		if (!is_meant(rule, e))
			continue;
		at = (double)(draw(&dice->state[e->back][i]) >> 11) * 0x1p-53;
		if (at >= rule->chance)
			continue;
		if (rule->action == DUMP_DELAY)
			out->delay += rule->delay;
		else
			out->rule = rule;
	}
}
