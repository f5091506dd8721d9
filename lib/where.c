/* The place of a value inside another, as text for humans. */
#include "where.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

#define KEY_SIZE 40	/* more of a key is not shown */

/* Whether a key reads well behind a dot. */
static bool
is_word(const struct amas_value *key)
{
	size_t i;

	if (key->len == 0 || key->len >= KEY_SIZE)
		return false;
	for (i = 0; i < key->len; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "abcdefghijklmnopqrstuvwxyz0123456789_-",
		    key->u.text[i]) == NULL || key->u.text[i] == '\0')
			return false;
	return true;
}

static void
print_key(char *out, size_t size, const struct amas_value *key)
{
	char text[KEY_SIZE];

	if (key->type == AMAS_INT)
		(void)snprintf(out, size, "[%" PRId64 "]", key->u.i);
	else if (key->type != AMAS_STRING)
		(void)snprintf(out, size, "[%s]",
		    amas__type_name((enum amas_type)key->type));
	else if (is_word(key))
		(void)snprintf(out, size, ".%.*s", (int)key->len, key->u.text);
	else
		(void)snprintf(out, size, "[\"%s\"]", amas__log_text(text,
		    sizeof text, key->u.text, key->len));
}

static void
print_step(char *out, size_t size, const struct amas__step *s)
{
	size_t i = s->i > 0 ? s->i - 1 : 0;

	out[0] = '\0';
	if (s->v->type == AMAS_LIST)
		(void)snprintf(out, size, "[%zu]", i);
	else if (s->v->type == AMAS_MAP)
		print_key(out, size, &s->v->u.item[i & ~(size_t)1]);
}

const char *
amas__where(char out[AMAS__WHERE_SIZE], const struct amas__step *step, size_t n)
{
	static const char head[] = " (at ", more[] = "...";
	char one[KEY_SIZE + 8];
	size_t i, len, used = sizeof head - 1;

	out[0] = '\0';
	if (n == 0)
		return out;
	memcpy(out, head, used);
	for (i = 0; i < n; i++) {
		print_step(one, sizeof one, &step[i]);
		len = strlen(one);
		if (used + len + sizeof more + 1 > AMAS__WHERE_SIZE) {
			memcpy(out + used, more, sizeof more - 1);
			used += sizeof more - 1;
			break;
		}
		memcpy(out + used, one, len);
		used += len;
	}
	if (used == sizeof head - 1) { /* only typed values on the way */
		out[0] = '\0';
		return out;
	}
	out[used++] = ')';
	out[used] = '\0';
	return out;
}
