/*
 * --allow: which name may call what.  Lines of a file, "NAME GLOB": the name in
 * the certificate of a peer, or "*" for anybody, and a pattern of sh for paths,
 * where "*" also stands for slashes.  What no line allows is refused.
 */
#include "serve.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rule {
	struct amas__link link;
	char *glob;		/* lies in name */
	char name[];
};

static void
rules_free(struct amas__link *rules)
{
	struct rule *r;

	while (!amas__list_empty(rules)) {
		r = AMAS__OF(rules->next, struct rule, link);
		amas__list_remove(&r->link);
		free(r);
	}
}

/* Adds a line; false: it is none.  Names may have blanks, patterns have none. */
static bool
add_rule(struct amas__link *rules, const char *line, size_t len, bool *nomem)
{
	struct rule *r = calloc(1, sizeof *r + len + 1);
	size_t at;

	if ((*nomem = r == NULL))
		return false;
	memcpy(r->name, line, len);
	for (at = len; at > 0 && strchr(" \t", line[at - 1]) == NULL; at--)
		;
	r->glob = r->name + at;
	for (; at > 0 && strchr(" \t", line[at - 1]) != NULL; at--)
		r->name[at - 1] = '\0';
	if (at == 0 || *r->glob == '\0') {
		free(r);
		return false;
	}
	amas__list_add(rules, &r->link);
	return true;
}

static int
read_rules(struct amas__link *rules, FILE *f, const char *path)
{
	char *line = NULL, *p, subject[512];
	size_t size = 0, n = 0, len;
	bool nomem = false;
	int status = CMD_OK;

	while (status == CMD_OK && getline(&line, &size, f) != -1) {
		n++;
		p = line + strspn(line, " \t");
		for (len = strlen(p); len > 0 && strchr(" \t\r\n",
		    p[len - 1]) != NULL; len--)
			;
		if (len == 0 || *p == '#' || add_rule(rules, p, len, &nomem))
			continue;
		(void)snprintf(subject, sizeof subject, "%.400s:%zu", path, n);
		status = nomem ? cmd_nomem() : cmd_error(CMD_INPUT, subject,
		    "is no NAME GLOB");
	}
	if (status == CMD_OK && ferror(f))
		status = cmd_error(CMD_SYS, path, "%s", strerror(errno));
	free(line);
	return status;
}

int
serve_allow_read(struct serve *s)
{
	const char *path = s->o->allow;
	struct amas__link rules;
	FILE *f;
	int status;

	if (path == NULL)
		return CMD_OK;
	if ((f = fopen(path, "re")) == NULL)
		return cmd_error(CMD_SYS, path, "%s", strerror(errno));
	amas__list_init(&rules);
	status = read_rules(&rules, f, path);
	(void)fclose(f);
	if (status == CMD_OK) {
		rules_free(&s->rules);
		amas__list_move(&s->rules, &rules);
	}
	rules_free(&rules);
	return status;
}

bool
serve_allows(const struct serve *s, struct amas_channel *ch, const char *path)
{
	const char *name = amas_channel_peer_name(ch);
	const struct rule *r;
	struct amas__link *i;

	if (s->o->allow == NULL)
		return true;
	for (i = s->rules.next; i != &s->rules; i = i->next) {
		r = AMAS__OF(i, struct rule, link);
		if ((strcmp(r->name, "*") == 0 || (*name != '\0' &&
		    strcmp(r->name, name) == 0)) &&
		    fnmatch(r->glob, path, 0) == 0)
			return true;
	}
	return false;
}

void
serve_allow_free(struct serve *s)
{
	rules_free(&s->rules);
}
