/*
 * Paths of services: what is put under a path is known there and listed once,
 * what is not put there is not known, and what is removed is gone.
 *
 * Paths, a line each: '+' adds a function, '@'
 * mounts a service, '-' removes; anything else only asks.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "service.h"
#include "service_list.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond) do { if (!(cond)) abort(); } while (0)
#define PATHS_MAX 64	/* of one input */

struct entry {
	char *path;
	struct amas_function table[2];
};

struct tree {
	struct amas_service *svc, *sub;
	struct entry entry[PATHS_MAX];
	size_t n;
};

static void
nothing(struct amas_request *req, void *self)
{
	(void)req;
	(void)self;
}

static void
check_text(const struct amas_error *err)
{
	size_t len = strlen(err->text), n;
	const char *p = err->text;
	uint32_t c;

	CHECK(len > 0);
	for (; len > 0; p += n, len -= n) {
		CHECK((n = amas__utf8_decode(p, len, &c)) != 0);
		CHECK(!amas__unsafe_char(c));
	}
}

/* How often a path is in the list of all. */
static size_t
listed(const struct tree *t, const char *path)
{
	struct amas__paths paths = { NULL, 0, 0, 0 };
	size_t i, n = 0;

	CHECK(amas__service_list(t->svc, "", &paths, NULL) == 0);
	for (i = 0; i < paths.n; i++) {
		n += strcmp(paths.path[i], path) == 0;
		free(paths.path[i]);
	}
	free(paths.path);
	return n;
}

static void
add(struct tree *t, const char *path)
{
	struct entry *e = &t->entry[t->n];
	struct amas_error err;
	int rc;

	e->table[0].name = path;
	e->table[0].fn = nothing;
	rc = amas_service_add(t->svc, e->table, NULL, &err);
	CHECK(rc == 0 || rc == AMAS_EINVAL || rc == AMAS_EEXIST);
	if (rc != 0) {
		check_text(&err);
		return;
	}
	CHECK(*path != '\0' && *path != '/');
	CHECK(amas__service_knows(t->svc, path, strlen(path)));
	if (strchr(path, '*') == NULL)
		CHECK(listed(t, path) == 1);
}

static void
one(struct tree *t, char what, const char *path)
{
	struct amas_error err;
	int rc;

	switch (what) {
	case '+':
		add(t, path);
		break;
	case '@':
		rc = amas_service_mount(t->svc, path, t->sub, &err);
		CHECK(rc == 0 || rc == AMAS_EINVAL || rc == AMAS_EEXIST);
		if (rc != 0)
			check_text(&err);
		else
			CHECK(amas__service_knows(t->svc, path, strlen(path)));
		break;
	case '-':
		amas_service_remove(t->svc, path);
		if (strchr(path, '*') == NULL)
			CHECK(listed(t, path) == 0);
		break;
	default:
		(void)amas__service_knows(t->svc, path, strlen(path));
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tree t = { NULL, NULL, { { NULL, { { NULL, NULL } } } }, 0 };
	const uint8_t *nl;
	size_t len, i;
	char *path;

	CHECK(amas_service_new(&t.svc, NULL) == 0);
	CHECK(amas_service_new(&t.sub, NULL) == 0);
	while (size > 0 && t.n < PATHS_MAX) {
		nl = memchr(data, '\n', size);
		len = nl != NULL ? (size_t)(nl - data) : size;
		CHECK((path = malloc(len + 1)) != NULL);
		memcpy(path, data, len);
		path[len] = '\0';
		t.entry[t.n].path = path;
		if (len > 0)
			one(&t, *path, path + 1);
		t.n++;
		data += len;
		size -= len;
		if (size > 0)
			data++, size--;
	}
	amas_service_free(t.svc);
	amas_service_free(t.sub);
	for (i = 0; i < t.n; i++)
		free(t.entry[i].path);
	return 0;
}
