/* What a child is given; see environ.h. */
#include "environ.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

/* ---- Vectors of texts ---- */

void
amas__texts_fini(struct amas__texts *t)
{
	amas__buf_fini(&t->text);
	amas__buf_fini(&t->at);
}

size_t
amas__texts_size(const struct amas__texts *t)
{
	return amas__buf_len(&t->text) + (t->n + 1) * sizeof(char *);
}

int
amas__texts_begin(struct amas__texts *t)
{
	size_t at = amas__buf_len(&t->text);
	int rc = amas__buf_put(&t->at, &at, sizeof at);

	if (rc == 0)
		t->n++;
	return rc;
}

void
amas__texts_drop(struct amas__texts *t)
{
	size_t at, keep = amas__buf_len(&t->at) - sizeof at;

	memcpy(&at, amas__buf_head(&t->at) + keep, sizeof at);
	amas__buf_truncate(&t->text, at);
	amas__buf_truncate(&t->at, keep);
	t->n--;
}

int
amas__texts_add(struct amas__texts *t, const char *text)
{
	int rc = amas__texts_begin(t);

	return rc == 0 ? amas__buf_put(&t->text, text, strlen(text) + 1) : rc;
}

char **
amas__texts_vector(const struct amas__texts *t)
{
	size_t len = amas__buf_len(&t->text), i, at;
	char **v = malloc((t->n + 1) * sizeof *v + len);
	char *text;

	if (v == NULL)
		return NULL;
	text = (char *)(v + t->n + 1);
	if (len > 0)
		memcpy(text, amas__buf_head(&t->text), len);
	for (i = 0; i < t->n; i++) {
		memcpy(&at, amas__buf_head(&t->at) + i * sizeof at, sizeof at);
		v[i] = text + at;
	}
	v[t->n] = NULL;
	return v;
}

int
amas__texts_set(struct amas__texts *t, const char *name, const char *value)
{
	int rc = amas__texts_begin(t);

	if (rc == 0)
		rc = amas__buf_puts(&t->text, name);
	if (rc == 0)
		rc = amas__buf_putc(&t->text, '=');
	return rc == 0 ? amas__buf_put(&t->text, value, strlen(value) + 1) : rc;
}

/* ---- Environment ---- */

/* What children do not inherit: our defaults, which may name keys; sockets. */
static bool
is_private(const char *var)
{
	static const char *const prefixes[] = { "AMAS_", "NOTIFY_SOCKET=",
		"LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=" };
	size_t i;

	for (i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (strncmp(var, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* Where it runs is not where we do: these would be wrong. */
static bool
is_place(const char *var)
{
	return strncmp(var, "PWD=", 4) == 0 || strncmp(var, "OLDPWD=", 7) == 0;
}

int
amas__environ_inherit(struct amas__texts *t, bool moves)
{
	char **e;
	int rc = 0;

	for (e = environ; e != NULL && *e != NULL && rc == 0; e++)
		if (!is_private(*e) && !(moves && is_place(*e)))
			rc = amas__texts_add(t, *e);
	return rc;
}
