/*
 * --mosaik: the agents of the first container are the entities of a simulation,
 * which sets the time of all.  The end of its run is that of the program, but
 * where --run has a command, whose end is.
 */
#include "hosting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

#define META_MAX ((size_t)1 << 20)

/* ---- What it tells ---- */

static void
on_over(void *arg, const struct amas_error *why)
{
	struct hosting_mosaik *m = arg;

	if (why != NULL)
		serve_end(m->s, cmd_fail(m->o->mosaik, why));
	else if (m->o->serve.run == NULL)
		serve_end(m->s, CMD_OK);
}

static const struct amas__mosaik_agents_ops ops = { on_over };

/* ---- --meta ---- */

static int
read_all(struct amas__buf *b, const char *file)
{
	char data[4096];
	FILE *f = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	int status = CMD_OK;
	size_t n;

	if (f == NULL)
		return cmd_error(CMD_SYS, file, "%s", strerror(errno));
	while (status == CMD_OK && (n = fread(data, 1, sizeof data, f)) > 0)
		if (amas__buf_put(b, data, n) != 0)
			status = cmd_error(CMD_INPUT, file, "is larger than "
			    "1 MiB");
	if (status == CMD_OK && ferror(f))
		status = cmd_error(CMD_SYS, file, "%s", strerror(errno));
	if (f != stdin)
		(void)fclose(f);
	return status;
}

static int
read_meta(struct amas_value **out, const char *file)
{
	struct amas__buf b;
	struct amas_error err;
	int status;

	amas__buf_init(&b, META_MAX);
	if ((status = read_all(&b, file)) == CMD_OK &&
	    amas_value_decode(out, NULL, NULL, amas__buf_head(&b),
	    amas__buf_len(&b), &err) != 0)
		status = cmd_error(CMD_INPUT, file, "%s", err.text);
	amas__buf_fini(&b);
	return status;
}

static int
set_meta(struct hosting_mosaik *m)
{
	const char *file = m->o->meta;
	struct amas_value *meta = NULL;
	struct amas_error err;
	int rc, status = CMD_OK;

	if (file != NULL && (status = read_meta(&meta, file)) != CMD_OK)
		return status;
	rc = amas__mosaik_agents_set_meta(m->agents, meta, &err);
	amas_value_free(meta);
	if (rc == AMAS_ETYPE)
		return cmd_error(CMD_INPUT, file, "%s", err.text);
	return rc != 0 ? cmd_fail(file, &err) : CMD_OK;
}

/* ---- Beginning ---- */

int
hosting_mosaik_new(struct hosting_mosaik *m, struct amas_container *c)
{
	struct amas_error err;

	return amas__mosaik_agents_new(&m->agents, c, &ops, m, &err) != 0 ?
	    cmd_fail("--mosaik", &err) : CMD_OK;
}

int
hosting_mosaik_load(struct hosting_mosaik *m, struct amas_container *c,
    const char *source)
{
	struct amas__class *cls;
	struct amas_error err;
	size_t count;
	int rc = amas__class_load(&cls, &count, c, source, &err);

	if (rc == 0 && count == 0)
		rc = amas__mosaik_agents_add(m->agents, cls->name, &err);
	else if (rc == 0)
		rc = amas__container_make(c, cls, count, NULL, NULL, &err);
	return rc != 0 ? hosting_failed(source, &err, rc) : CMD_OK;
}

int
hosting_mosaik_run(const struct hosting_mosaik *m, const char *url)
{
	const char *addr = hosting_mosaik_addr(m);
	int status;

	if (addr != NULL && strncmp(addr, "tcp://", 6) == 0)
		addr += 6; /* mosaik wants it bare */
	if (addr != NULL && setenv("AMAS_MOSAIK", addr, 1) != 0)
		return cmd_nomem();
	status = serve_run(m->s, m->o->serve.run, url);
	(void)unsetenv("AMAS_MOSAIK"); /* it is for the command alone */
	return status;
}

int
hosting_mosaik_open(struct hosting_mosaik *m)
{
	const struct container_opts *o = m->o;
	struct amas_error err;
	int rc, status = set_meta(m);

	if (status != CMD_OK)
		return status;
	rc = amas__mosaik_agents_open(m->agents, o->mosaik, o->connect,
	    o->ask_s, o->serve.server.max_message, &err);
	if (rc == AMAS_EEXIST) /* in use: cannot listen */
		return cmd_error(CMD_CONNECT, o->mosaik, "%s", err.text);
	return rc != 0 ? cmd_fail(o->mosaik, &err) : CMD_OK;
}

const char *
hosting_mosaik_addr(const struct hosting_mosaik *m)
{
	return m->agents != NULL ? amas__mosaik_agents_addr(m->agents) : NULL;
}
