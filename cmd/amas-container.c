/*
 * amas-container: hosts agents.
 *
 * The wiring: sources become classes and agents, the container serves them, and
 * the loop runs until a signal, its manager's stop, or the end of what it was
 * told to wait for.  Standard output has the base URL, and then what the runs
 * of agents say, whole lines.
 */
#include "hosting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


struct hosting {
	struct serve s;
	const struct container_opts *o;
	struct amas_container *c;
	struct call_output out;
	bool lost_lines;		/* has been said */
};

/* ---- Standard output ---- */

static void
on_written(struct call_output *out)
{
	struct hosting *h = AMAS__OF(out, struct hosting, out);

	if (out->error != 0 && !h->s.draining) /* nobody reads what they say */
		serve_end(&h->s, out->error == EPIPE ? CMD_OK :
		    cmd_error(CMD_SYS, "standard output", "%s",
		    strerror(out->error)));
}

static void
put_line(struct hosting *h, const char *tag, const char *line, size_t len)
{
	struct amas__buf *b = &h->out.buf;

	if (h->out.error != 0)
		return;
	if (amas__buf_reserve(b, strlen(tag) + len + 1) != 0) {
		if (!h->lost_lines)
			(void)cmd_error(CMD_OK, "standard output", "is not "
			    "read: lines of agents are lost");
		h->lost_lines = true;
		return;
	}
	(void)amas__buf_puts(b, tag);
	if (len > 0)
		(void)amas__buf_put(b, line, len);
	(void)amas__buf_putc(b, '\n');
	call_output_start(&h->out);
}

/* ---- From the container ---- */

static void
on_line(void *arg, const struct amas_agent *a, const char *line, size_t len)
{
	struct hosting *h = arg;
	char tag[24] = "";

	if (h->o->tag)
		(void)snprintf(tag, sizeof tag, "%lu: ", (unsigned long)a->id);
	put_line(h, tag, line, len);
}

static void
on_ready(void *arg)
{
	struct hosting *h = arg;
	const struct serve_opts *o = &h->o->serve;
	const char *url = amas_container_url(h->c);
	int status = CMD_OK;

	if (o->ready_fd >= 0 && (status = serve_print(o->ready_fd,
	    "--ready-fd", url)) == CMD_OK)
		status = serve_give_up(o->ready_fd, "--ready-fd");
	serve_notify(&h->s, "READY=1");
	if (status == CMD_OK && o->run != NULL)
		status = serve_run(&h->s, o->run, url);
	else if (status == CMD_OK && o->ready_fd != STDOUT_FILENO)
		put_line(h, "", url, strlen(url));
	if (status != CMD_OK)
		serve_end(&h->s, status);
}

static void
on_failed(void *arg, const char *who, const char *why)
{
	struct hosting *h = arg;

	serve_end(&h->s, cmd_error(CMD_FAILED, who, "%s", why));
}

static void
on_lost(void *arg, const char *who, const char *why)
{
	struct hosting *h = arg;

	serve_end(&h->s, cmd_error(CMD_FAILED, who, "%s (--on-exit fail)",
	    why));
}

static void
on_idle(void *arg, bool failed)
{
	struct hosting *h = arg;

	if (h->o->until_done)
		serve_end(&h->s, failed ? CMD_FAILED : CMD_OK);
}

static void
on_stop(void *arg)
{
	struct hosting *h = arg;

	serve_end(&h->s, CMD_OK);
}

static const struct amas__container_ops ops = { on_ready, on_failed, on_line,
	on_idle, on_lost, on_stop };

/* ---- Agents ---- */

static int
failed(const char *subject, const struct amas_error *err, int rc)
{
	/* two sources for one name; more agents than --max-agents */
	if (rc == AMAS_EEXIST || rc == AMAS_ETOOBIG)
		return cmd_error(CMD_USAGE, subject, "%s", err->text);
	return cmd_fail(subject, err);
}

static int
make_lines(struct hosting *h, FILE *f)
{
	const char *name = h->o->file;
	struct amas_error err;
	char *line = NULL, subject[512];
	size_t size = 0, n = 0;
	int status = CMD_OK, rc;
	ssize_t len;

	while (status == CMD_OK && (len = getline(&line, &size, f)) != -1) {
		n++;
		if (line[strspn(line, " \t\r\n")] == '\0')
			continue;
		rc = amas__container_make_line(h->c, line, (size_t)len, &err);
		(void)snprintf(subject, sizeof subject, "%.400s:%zu", name, n);
		if (rc == AMAS_EPROTO || rc == AMAS_ENOENT)
			status = cmd_error(CMD_INPUT, subject, "%s", err.text);
		else if (rc != 0)
			status = failed(subject, &err, rc);
	}
	if (status == CMD_OK && ferror(f))
		status = cmd_error(CMD_SYS, name, "%s", strerror(errno));
	free(line);
	return status;
}

static int
make_file(struct hosting *h)
{
	const char *name = h->o->file;
	FILE *f;
	int status;

	if (name == NULL)
		return CMD_OK;
	f = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	if (f == NULL)
		return cmd_error(CMD_SYS, name, "%s", strerror(errno));
	status = make_lines(h, f);
	if (f != stdin)
		(void)fclose(f);
	return status;
}

static int
make_agents(struct hosting *h)
{
	const struct container_opts *o = h->o;
	struct amas__class *cls;
	struct amas_error err;
	size_t i, count;
	char **source;
	int rc, status;

	for (i = 0; i < o->n_paths; i++)
		if (amas__container_add_path(h->c, o->paths[i], &err) != 0)
			return cmd_fail(o->paths[i], &err);
	for (i = 0; i < o->n_classes; i++) {
		rc = amas__class_load(&cls, &count, h->c, o->classes[i], &err);
		if (rc == 0 && count != 0)
			rc = amas_error_set(&err, AMAS_EINVAL,
			    "a class takes no count");
		if (rc != 0)
			return failed(o->classes[i], &err, rc);
	}
	for (source = o->serve.sources; *source != NULL; source++)
		if ((rc = amas_container_load(h->c, *source, &err)) != 0)
			return failed(*source, &err, rc);
	if ((status = make_file(h)) == CMD_OK)
		amas__container_loaded(h->c);
	return status;
}

/* ---- The container ---- */

static int
host(struct hosting *h)
{
	const struct container_opts *o = h->o;
	const struct amas__container_settings set = {
		.source = o->serve.source, .parallel = o->parallel,
		.on_exit = o->on_exit, .max_agents = o->max_agents };
	struct amas_error err;
	int status;

	if ((status = cmd_loop_set(h->s.loop, &o->serve.args)) != CMD_OK)
		return status;
	amas_loop_set_jobs(h->s.loop, o->serve.jobs, o->serve.queue);
	call_output_init(&h->out, h->s.loop, on_written);
	h->out.buf.max = CONTAINER_OUTPUT_MAX;
	if (amas_container_open(&h->c, h->s.loop, o->serve.addr,
	    &o->serve.server, &err) != 0)
		return cmd_fail(o->serve.addr, &err);
	amas__container_set(h->c, &set, &ops, h);
	status = make_agents(h);
	return status == CMD_OK ? serve_loop(&h->s) : status;
}

int
main(int argc, char *argv[])
{
	struct container_opts o = { 0 };
	struct hosting h = { .o = &o };
	int status;

	cmd_init("amas-container");
	if (container_opts_parse(&o, argc, argv) != CMD_OK)
		return cmd_finish(o.serve.args.status);
	if ((status = serve_init(&h.s, &o.serve)) == CMD_OK) {
		status = host(&h);
		call_output_fini(&h.out);
	}
	serve_fini(&h.s);
	return cmd_finish(status);
}
