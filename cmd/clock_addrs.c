/*
 * Addresses of containers: operands, and lines of the files that "@FILE" names,
 * which whoever starts the containers may still be writing.
 */
#include "clock_opts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "addr.h"
#include "mem.h"

/* Where an address stands, for messages. */
struct place {
	const char *file;	/* NULL: on the command line */
	size_t line;
};

static int
wrong(const struct place *at, int status, const char *name, const char *why)
{
	char subject[512];

	if (at->file == NULL)
		return cmd_error(status, name, "%s", why);
	(void)snprintf(subject, sizeof subject, "%.400s:%zu", at->file,
	    at->line);
	return cmd_error(status == CMD_USAGE ? CMD_INPUT : status, subject,
	    "%s: %s", name, why);
}

/* Makes what is connected to, "BASE/": types are those of a container. */
static int
make_url(char **url, const char *name, const struct place *at)
{
	struct amas__addr a;
	struct amas_error err;
	char *base;
	bool behind;
	int rc = amas__addr_parse(&a, name, &err);

	if (rc != 0)
		return wrong(at, amas_exit_status(rc), name, err.text);
	behind = a.agent != NULL || a.path[0] != '\0';
	base = amas__addr_print(&a);
	amas__addr_fini(&a);
	*url = base != NULL ? amas__asprintf("%s/", base) : NULL;
	free(base);
	if (*url == NULL)
		return cmd_nomem();
	if (!behind)
		return CMD_OK;
	free(*url);
	return wrong(at, CMD_USAGE, name, "is no container, but something in "
	    "one");
}

static int
add(struct clock_addrs *all, const char *name, const struct place *at)
{
	struct clock_addr *more, *new;
	size_t i;
	int status;

	more = amas__reallocarray(all->list, all->n + 1, sizeof *more);
	if (more == NULL)
		return cmd_nomem();
	all->list = more;
	new = &all->list[all->n];
	if ((status = make_url(&new->url, name, at)) != CMD_OK)
		return status;
	if ((new->name = amas__strdup(name)) == NULL) {
		free(new->url);
		return cmd_nomem();
	}
	all->n++;
	for (i = 0; i + 1 < all->n; i++)
		if (strcmp(all->list[i].url, new->url) == 0)
			return wrong(at, CMD_USAGE, name, "is given twice");
	return CMD_OK;
}

/* The line without blanks around it. */
static char *
trim(char *line)
{
	size_t len;

	line += strspn(line, " \t\r\n");
	len = strlen(line);
	while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
		len--;
	line[len] = '\0';
	return line;
}

/* A last line without a newline is still being written, if more may come. */
static int
add_lines(struct clock_addrs *all, FILE *f, const char *file, bool waits)
{
	struct place at = { file, 0 };
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int status = CMD_OK;

	while (status == CMD_OK && (len = getline(&line, &size, f)) != -1) {
		at.line++;
		if (waits && line[len - 1] != '\n')
			break;
		if (*trim(line) != '\0')
			status = add(all, trim(line), &at);
	}
	if (status == CMD_OK && ferror(f))
		status = cmd_error(CMD_SYS, file, "%s", strerror(errno));
	free(line);
	return status;
}

static int
add_file(struct clock_addrs *all, const char *file, bool waits)
{
	struct stat st;
	FILE *f;
	int status;

	f = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	if (f == NULL && errno == ENOENT && waits) {
		all->later = true;
		return CMD_OK;
	}
	if (f == NULL)
		return cmd_error(CMD_SYS, file, "%s", strerror(errno));
	waits = waits && fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode);
	status = add_lines(all, f, file, waits);
	if (waits)
		all->later = true;
	if (f != stdin)
		(void)fclose(f);
	return status;
}

int
clock_addrs_read(struct clock_addrs *all, const struct clock_opts *o)
{
	const struct place here = { NULL, 0 };
	bool waits = o->wait_s > 0 && o->expect > 0;
	int i, status = CMD_OK;

	clock_addrs_free(all);
	for (i = o->command == CLOCK_SET; i < o->argc && status == CMD_OK; i++) {
		if (o->argv[i][0] != '@')
			status = add(all, o->argv[i], &here);
		else if (o->command == CLOCK_FEED &&
		    strcmp(o->argv[i], "@-") == 0)
			status = cmd_error(CMD_USAGE, "@-",
			    "standard input has the times");
		else
			status = add_file(all, o->argv[i] + 1, waits);
	}
	return status;
}

void
clock_addrs_free(struct clock_addrs *all)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		free(all->list[i].name);
		free(all->list[i].url);
	}
	free(all->list);
	memset(all, 0, sizeof *all);
}
