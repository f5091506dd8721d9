/* Addresses: what is read is printed in one form, which reads as itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond) do { if (!(cond)) abort(); } while (0)

/* Error texts are shown to people. */
static void
check_text(const char *p)
{
	size_t len = strlen(p), n;
	uint32_t c;

	CHECK(len > 0);
	for (; len > 0; p += n, len -= n) {
		CHECK((n = amas__utf8_decode(p, len, &c)) != 0);
		CHECK(!amas__unsafe_char(c));
	}
}

static void
check_addr(const struct amas__addr *a)
{
	size_t len = strlen(a->path);

	CHECK(len == 0 || (a->path[0] != '/' && a->path[len - 1] != '/'));
	CHECK(strstr(a->path, "//") == NULL);
	CHECK(a->agent == NULL || (*a->agent != '\0' && a->container &&
	    len == 0 && strchr(a->agent, '/') == NULL));
	switch (a->kind) {
	case AMAS__ADDR_TCP:
		CHECK(a->host != NULL && a->name == NULL);
		break;
	case AMAS__ADDR_UNIX:
		len = strlen(a->name);
		CHECK(len > 0 && len <= 107 && a->name[len - 1] != '/');
		break;
	case AMAS__ADDR_LOCAL:
		CHECK(*a->name != '\0' && strchr(a->name, '/') == NULL);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct amas__addr a, b;
	struct amas_error err;
	char *text, *p, *q;

	CHECK((text = malloc(size + 1)) != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	if (amas__addr_parse(&a, text, &err) != 0) {
		check_text(err.text);
		free(text);
		return 0;
	}
	check_addr(&a);
	CHECK((p = amas__addr_print(&a)) != NULL);
	CHECK(amas__addr_parse(&b, p, &err) == 0);
	CHECK((q = amas__addr_print(&b)) != NULL);
	CHECK(strcmp(p, q) == 0);
	CHECK(a.kind == b.kind && a.port == b.port && b.agent == NULL &&
	    *b.path == '\0' && !b.container);
	CHECK(a.name == NULL || strcmp(a.name, b.name) == 0);
	CHECK(a.host == NULL || *a.host == '\0' ||
	    strcmp(a.host, b.host) == 0);
	free(q);
	free(p);
	amas__addr_fini(&b);
	amas__addr_fini(&a);
	free(text);
	return 0;
}
