/*
 * Filters: words that say which messages are wanted.  Before its reply much of
 * a call is not known, so a filter may answer "maybe".
 *
 *	filter = and { "or" and }
 *	and    = not { "and" not }
 *	not    = "not" not | "(" filter ")" | condition
 */
#include "dump.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump_conn.h"
#include "mem.h"

#define NODES_MAX 256		/* words of a filter */
#define HALF_US 5e-7		/* times are rounded to microseconds */

enum what { OR, AND, NOT, PATH, PEER, AGENT, KIND, ID, SLOWER, LARGER, FAILED,
	UNANSWERED };

struct node {
	enum what what;
	const struct node *left, *right;
	const char *text;	/* PATH, PEER, AGENT, ID */
	double number;		/* SLOWER: seconds, LARGER: bytes */
	enum dump_kind kind;
};

struct dump_filter {
	bool joined;
	char *text;		/* the words, each with a NUL behind it */
	char *word[NODES_MAX];
	size_t n_words, at;
	struct node node[NODES_MAX];
	size_t n_nodes;
	const struct node *top;
};

/* ---- Reading ------------------------------------------------------------ */

static int
wrong(const char *what, const char *word)
{
	if (word != NULL && word[0] == '-' && word[1] != '\0')
		return cmd_error(CMD_USAGE, word,
		    "options go before operands");
	return cmd_error(CMD_USAGE, "filter", word != NULL ?
	    "%s \"%s\"" : "%s at the end", what, word);
}

/*
 * Cuts text into words, in its place: by blanks, parentheses are words, and what
 * stands in quotes is one.  The text has room for as many bytes again.
 */
static int
cut_words(struct dump_filter *f, const char *from)
{
	char *to = f->text, quote;

	while (*(from += strspn(from, " \t\n")) != '\0') {
		if (f->n_words == NODES_MAX)
			return cmd_error(CMD_USAGE, "filter",
			    "more than %d words", NODES_MAX);
		f->word[f->n_words++] = to;
		if (*from == '(' || *from == ')') {
			*to++ = *from++;
		} else if (*from == '\'' || *from == '"') {
			for (quote = *from++; *from != quote; *to++ = *from++)
				if (*from == '\0')
					return wrong("no end of the quote", NULL);
			from++;
		} else {
			while (*from != '\0' && strchr(" \t\n()", *from) == NULL)
				*to++ = *from++;
		}
		*to++ = '\0';
	}
	return CMD_OK;
}

static bool
next_is(struct dump_filter *f, const char *word)
{
	if (f->at == f->n_words || strcmp(f->word[f->at], word) != 0)
		return false;
	f->at++;
	return true;
}

static struct node *
node_new(struct dump_filter *f, enum what what)
{
	struct node *n = &f->node[f->n_nodes++];

	n->what = what;
	return n;
}

static int
read_kind(struct node *n, const char *word)
{
	static const char *const names[] = { "request", "reply", "failure" };
	size_t i;

	for (i = 0; i < 3; i++)
		if (strcmp(word, names[i]) == 0) {
			n->kind = (enum dump_kind)i;
			return CMD_OK;
		}
	return wrong("kind is request, reply or failure, not", word);
}

/* Kept as it is: an id may be larger than any integer of ours. */
static int
read_id(struct node *n, const char *word)
{
	const char *digits = word + (*word == '-');

	n->text = word;
	if (*digits != '\0' && digits[strspn(digits, "0123456789")] == '\0')
		return CMD_OK;
	return cmd_error(CMD_USAGE, "id", "\"%s\" is no number", word);
}

static int
read_value(struct node *n, const char *name, const char *word)
{
	size_t size;
	int status;

	switch (n->what) {
	case KIND:
		return read_kind(n, word);
	case SLOWER:
		return cmd_duration(&n->number, name, word, false);
	case LARGER:
		status = cmd_size(&size, name, word, 0);
		n->number = status == CMD_OK ? (double)size : 0;
		return status;
	case ID:
		return read_id(n, word);
	default:
		n->text = word;
		return CMD_OK;
	}
}

static int
read_condition(struct dump_filter *f, const struct node **out)
{
	static const struct {
		const char *word;
		enum what what;
	} known[] = { { "path", PATH }, { "peer", PEER }, { "agent", AGENT },
		{ "kind", KIND }, { "id", ID }, { "slower", SLOWER },
		{ "larger", LARGER }, { "failed", FAILED },
		{ "unanswered", UNANSWERED } };
	const char *word = f->at < f->n_words ? f->word[f->at] : NULL;
	struct node *n;
	size_t i;

	for (i = 0; i < sizeof known / sizeof known[0]; i++)
		if (word != NULL && strcmp(word, known[i].word) == 0)
			break;
	if (i == sizeof known / sizeof known[0])
		return wrong(word != NULL ? "no condition:" :
		    "a condition is missing", word);
	f->at++;
	*out = n = node_new(f, known[i].what);
	if (n->what == FAILED || n->what == UNANSWERED)
		return CMD_OK;
	if (f->at == f->n_words)
		return wrong("a value is missing behind", word);
	return read_value(n, word, f->word[f->at++]);
}

static int read_or(struct dump_filter *f, const struct node **out);

static int
read_not(struct dump_filter *f, const struct node **out)
{
	struct node *n;
	int status;

	if (next_is(f, "not")) {
		*out = n = node_new(f, NOT);
		return read_not(f, &n->left);
	}
	if (!next_is(f, "("))
		return read_condition(f, out);
	status = read_or(f, out);
	if (status == CMD_OK && !next_is(f, ")"))
		return wrong("\")\" is missing", f->at < f->n_words ?
		    f->word[f->at] : NULL);
	return status;
}

/* A chain of what all are joined by one word. */
static int
read_chain(struct dump_filter *f, const struct node **out, const char *word,
    enum what what, int (*read)(struct dump_filter *, const struct node **))
{
	struct node *n;
	int status = read(f, out);

	while (status == CMD_OK && next_is(f, word)) {
		n = node_new(f, what);
		n->left = *out;
		*out = n;
		status = read(f, &n->right);
	}
	return status;
}

static int
read_and(struct dump_filter *f, const struct node **out)
{
	return read_chain(f, out, "and", AND, read_not);
}

static int
read_or(struct dump_filter *f, const struct node **out)
{
	return read_chain(f, out, "or", OR, read_and);
}

int
dump_filter_new(struct dump_filter **out, const char *text, bool joined)
{
	struct dump_filter *f = amas__zalloc(sizeof *f);
	int status;

	if (f == NULL || (f->text = malloc(2 * strlen(text) + 1)) == NULL) {
		free(f);
		return cmd_nomem();
	}
	f->joined = joined;
	if ((status = cut_words(f, text)) == CMD_OK &&
	    (status = read_or(f, &f->top)) == CMD_OK && f->at < f->n_words)
		status = wrong("\"and\" or \"or\" is missing before",
		    f->word[f->at]);
	if (status != CMD_OK)
		dump_filter_free(f);
	else
		*out = f;
	return status;
}

void
dump_filter_free(struct dump_filter *f)
{
	if (f == NULL)
		return;
	free(f->text);
	free(f);
}

/* ---- Asking ------------------------------------------------------------- */

/* What is asked about: an event, or the end of a call without reply. */
struct question {
	const struct dump_filter *f;
	const struct dump_event *e;	/* NULL: it is over */
	const struct dump_call *call;	/* NULL: it belongs to none */
	const struct dump_conn *conn;
	double t;
};

static enum dump_pass
yes_if(bool is)
{
	return is ? DUMP_YES : DUMP_NO;
}

/* Whether more is to be seen of the call. */
static bool
open_yet(const struct question *q)
{
	return q->e != NULL && q->e->kind == DUMP_REQUEST;
}

/* Names have brackets themselves, [::1]: what is the same fits, too. */
static bool
fits(const char *glob, const char *name)
{
	return strcmp(glob, name) == 0 || fnmatch(glob, name, 0) == 0;
}

static bool
name_is(const char *glob, const char *name)
{
	const char *bare = strstr(name, "://"), *port = strrchr(name, ':');

	bare = bare != NULL ? bare + 3 : name;
	return fits(glob, name) || fits(glob, bare) ||
	    (port != NULL && (fits(glob, port) ||
	    (strlen(glob) == (size_t)(port - bare) &&
	    strncmp(glob, bare, strlen(glob)) == 0)));
}

static enum dump_pass
ask_path(const struct question *q, const char *glob)
{
	if (q->call == NULL || q->call->n == 0)
		return DUMP_MAYBE;
	return yes_if(q->call->path != NULL &&
	    fits(glob, q->call->path));
}

/* The agents of a unix socket have it in brackets. */
static bool
url_is(const char *glob, const char *name, const char *id)
{
	char url[AMAS_URL_SIZE];

	(void)snprintf(url, sizeof url, "%s/%s", name, id);
	if (name_is(glob, url))
		return true;
	if (strncmp(name, "ipc:///", 7) != 0)
		return false;
	(void)snprintf(url, sizeof url, "ipc://[%s]/%s", name + 6, id);
	return name_is(glob, url);
}

/* An agent is called by its id, or by its URL. */
static enum dump_pass
ask_agent(const struct question *q, const char *glob)
{
	char id[64];
	const char *begin;
	size_t len;

	if (q->call == NULL || q->call->n == 0)
		return DUMP_MAYBE;
	if (q->call->path == NULL || (begin = dump_agent(q->call->path,
	    q->call->path_len, &len)) == NULL)
		return DUMP_NO;
	(void)snprintf(id, sizeof id, "%.*s", (int)(len < 63 ? len : 63),
	    begin);
	return yes_if(fits(glob, id) ||
	    url_is(glob, q->conn->name[!q->call->back], id));
}

static enum dump_pass
ask_kind(const struct question *q, enum dump_kind kind)
{
	if (q->e == NULL)
		return yes_if(kind == DUMP_REQUEST);
	if (q->e->kind > DUMP_FAILURE)
		return DUMP_MAYBE;
	if (q->e->kind == kind || (q->f->joined && kind == DUMP_REQUEST))
		return DUMP_YES;
	return q->f->joined && q->e->kind == DUMP_REQUEST ? DUMP_MAYBE :
	    DUMP_NO;
}

static enum dump_pass
ask_id(const struct question *q, const char *text)
{
	const struct amas_value *id;
	char digits[32];

	if (q->e == NULL)
		return yes_if(dump_call_has_id(q->call, text));
	if (q->e->msg == NULL)
		return DUMP_MAYBE;
	id = q->e->msg->id;
	if (amas_value_type(id) == AMAS_BIGINT)
		return yes_if(strcmp(text, amas_value_text(id)) == 0);
	(void)snprintf(digits, sizeof digits, "%lld",
	    (long long)amas_value_int(id));
	return yes_if(strcmp(text, digits) == 0);
}

static enum dump_pass
ask_slower(const struct question *q, double s)
{
	if (q->call == NULL || q->call->n == 0 || open_yet(q))
		return DUMP_MAYBE;
	return yes_if(q->t - q->call->t >= s - HALF_US);
}

static enum dump_pass
ask_larger(const struct question *q, double bytes)
{
	size_t size = q->e != NULL ? q->e->size : 0;

	if (q->call != NULL && (q->f->joined || q->e == NULL) &&
	    q->call->size > size)
		size = q->call->size;
	if ((double)size >= bytes)
		return DUMP_YES;
	return q->f->joined && open_yet(q) ? DUMP_MAYBE : DUMP_NO;
}

/* What only the end of a call tells. */
static enum dump_pass
ask_end(const struct question *q, bool is)
{
	if (q->call == NULL || open_yet(q))
		return DUMP_MAYBE;
	return yes_if(is);
}

static enum dump_pass
ask_condition(const struct question *q, const struct node *n)
{
	const char *const *name = (const char *const *)q->conn->name;

	switch (n->what) {
	case PATH:
		return ask_path(q, n->text);
	case PEER:
		return yes_if(name_is(n->text, name[0]) ||
		    name_is(n->text, name[1]));
	case AGENT:
		return ask_agent(q, n->text);
	case KIND:
		return ask_kind(q, n->kind);
	case ID:
		return ask_id(q, n->text);
	case SLOWER:
		return ask_slower(q, n->number);
	case LARGER:
		return ask_larger(q, n->number);
	case FAILED:
		return ask_end(q, q->e != NULL && q->e->kind == DUMP_FAILURE);
	default:
		return ask_end(q, q->e == NULL);
	}
}

/* Its depth is bounded by the number of words. */
static enum dump_pass
ask(const struct question *q, const struct node *n)
{
	enum dump_pass a, b;

	if (n->what == NOT)
		return (enum dump_pass)(DUMP_YES - ask(q, n->left));
	if (n->what != AND && n->what != OR)
		return ask_condition(q, n);
	a = ask(q, n->left);
	b = ask(q, n->right);
	if (n->what == AND)
		return a < b ? a : b;
	return a > b ? a : b;
}

enum dump_pass
dump_filter_event(const struct dump_filter *f, const struct dump_event *e)
{
	const struct question q = { f, e, e->call, e->conn, e->t };
	enum dump_pass pass = ask(&q, f->top);

	if (pass == DUMP_MAYBE && (e->kind == DUMP_REPLY ||
	    e->kind == DUMP_FAILURE))
		return DUMP_NO; /* nobody will ever know */
	return pass;
}

bool
dump_filter_unanswered(const struct dump_filter *f, const struct dump_call *c,
    double t)
{
	const struct question q = { f, NULL, c, c->conn, t };

	return c->pass == DUMP_YES || (c->pass == DUMP_MAYBE &&
	    ask(&q, f->top) == DUMP_YES);
}
