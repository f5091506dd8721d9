/* What ends are called, and agents, which paths name: "agents/7/add". */
#include "dump.h"

#include <string.h>

static const char agents[] = "agents/";

const char *
dump_bare(const char *name)
{
	return strncmp(name, "tcp://", 6) == 0 ? name + 6 : name;
}

int
dump_put_name(struct amas__buf *b, const char *name)
{
	const char *bare = dump_bare(name);

	return amas__buf_put_escaped(b, bare, strlen(bare), AMAS_URL_SIZE);
}

const char *
dump_agent(const char *path, size_t path_len, size_t *len)
{
	const size_t begin = strlen(agents);
	const char *id, *slash;

	if (path_len < begin || memcmp(path, agents, begin) != 0)
		return NULL;
	id = path + begin;
	slash = memchr(id, '/', path_len - begin);
	*len = slash != NULL ? (size_t)(slash - id) : path_len - begin;
	return id;
}

bool
dump_is_agents(const char *path, size_t path_len)
{
	size_t len;

	return dump_agent(path, path_len, &len) != NULL ||
	    strcmp(path, "validate_aid") == 0;
}
