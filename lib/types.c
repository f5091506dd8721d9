/*
 * The names of typed values on a connection.  On the wire they are numbers, by
 * their order alone; see types_lift.c.
 */
#include "codec.h"

#include <stdlib.h>
#include <string.h>

#include "date.h"
#include "err.h"
#include "log.h"
#include "mem.h"

bool
amas__types_is_name(const char *name, size_t len)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz_";
	size_t i;

	if (len == 0 || memchr(first, name[0], sizeof first - 1) == NULL)
		return false;
	for (i = 1; i < len; i++)
		if (memchr(first, name[i], sizeof first - 1) == NULL &&
		    memchr("0123456789.-", name[i], 12) == NULL)
			return false;
	return true;
}

bool
amas__types_is_word(const char *name, size_t len)
{
	static const char *const words[] = { "proxy", "bytes", "map" };
	size_t i;

	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i]) == len &&
		    memcmp(words[i], name, len) == 0)
			return true;
	return false;
}

static int
add_name(struct amas__types *t, const char *name, size_t len,
    struct amas_error *err)
{
	char shown[64], *copy;
	char **names;

	(void)amas__log_text(shown, sizeof shown, name, len);
	if (!amas__types_is_name(name, len))
		return amas_error_set(err, AMAS_EINVAL,
		    "\"%s\" is no name of a type", shown);
	if (amas__types_is_word(name, len))
		return amas_error_set(err, AMAS_EINVAL,
		    "type name \"%s\" is reserved", shown);
	if (amas__types_id(t, name, len) != -1)
		return amas_error_set(err, AMAS_EINVAL,
		    "type \"%s\" stands there twice", shown);
	names = amas__reallocarray(t->names, t->n + 1, sizeof *names);
	if (names == NULL)
		return amas__error_nomem(err);
	t->names = names;
	if ((copy = amas__strndup(name, len)) == NULL)
		return amas__error_nomem(err);
	t->names[t->n++] = copy;
	return 0;
}

int
amas__types_init(struct amas__types *t, const char *names, bool proxies,
    struct amas_error *err)
{
	size_t len;
	int rc;

	memset(t, 0, sizeof *t);
	t->proxies = proxies;
	while (names != NULL && *names != '\0') {
		len = strcspn(names, ",");
		if ((rc = add_name(t, names, len, err)) != 0) {
			amas__types_fini(t);
			return rc;
		}
		names += len;
		if (*names == ',' && *++names == '\0') {
			amas__types_fini(t);
			return amas_error_set(err, AMAS_EINVAL,
			    "names of types end in a comma");
		}
	}
	return 0;
}

void
amas__types_fini(struct amas__types *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		free(t->names[i]);
	free(t->names);
	t->names = NULL;
	t->n = 0;
}

int
amas__types_id(const struct amas__types *t, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (strlen(t->names[i]) == len &&
		    memcmp(t->names[i], name, len) == 0)
			return (int)i;
	return -1;
}

char *
amas__types_join(bool container, const char *extra)
{
	static const char date[] = "date";
	const size_t len = sizeof date - 1;

	if (extra == NULL)
		extra = "";
	if (!container || (strncmp(extra, date, len) == 0 &&
	    (extra[len] == '\0' || extra[len] == ',')))
		return amas__strdup(extra);
	return amas__asprintf("%s%s%s", date, *extra != '\0' ? "," : "",
	    extra);
}

int
amas__types_check(const struct amas_value *v, const struct amas__step *step,
    size_t n, struct amas_error *err)
{
	const struct amas_value *rep = &v->u.item[1];
	char whole[AMAS__DATE_SIZE], shown[64], where[AMAS__WHERE_SIZE];
	const char *why;

	if (!amas__value_is(&v->u.item[0], "date"))
		return 0;
	if (rep->type != AMAS_STRING)
		return amas_error_set(err, AMAS_ETYPE,
		    "a date is no %s, but a text%s",
		    amas__type_name((enum amas_type)rep->type),
		    amas__where(where, step, n));
	if (amas__date_complete(whole, rep->u.text, rep->len, &why) == 0)
		return amas_error_set(err, AMAS_ETYPE, "date \"%s\": %s%s",
		    amas__log_text(shown, sizeof shown, rep->u.text, rep->len),
		    why, amas__where(where, step, n));
	return 0;
}
