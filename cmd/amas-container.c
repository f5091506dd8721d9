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
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "trace.h"


/* One of the containers. */
struct hosted {
	struct hosting *h;
	struct amas_container *c;
	char **sources;			/* up to a NULL or "+" */
};

struct hosting {
	struct serve s;
	const struct container_opts *o;
	struct hosted *all;
	size_t n, n_ready, n_idle;
	bool failed;			/* a run of any of them */
	struct amas_clock *clock;	/* NULL: the loop's */
	struct hosting_mosaik mosaik;
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
	struct hosting *h = ((struct hosted *)arg)->h;
	char tag[AMAS_URL_SIZE + 4] = "";

	if (h->o->tag && h->n > 1) { /* ids are those of their containers */
		(void)amas_agent_url(a, tag, AMAS_URL_SIZE);
		(void)strcat(tag, ": ");
	} else if (h->o->tag) {
		(void)snprintf(tag, sizeof tag, "%lu: ", (unsigned long)a->id);
	}
	put_line(h, tag, line, len);
}

static int
put_address(struct hosting *h, struct amas__buf *all, const char *url)
{
	const struct serve_opts *o = &h->o->serve;

	/* If mosaik has started us, standard output is its. */
	if (o->run == NULL && o->ready_fd != STDOUT_FILENO && !h->o->connect)
		put_line(h, "", url, strlen(url));
	return amas__buf_printf(all, "%s\n", url) == 0 ? CMD_OK : cmd_nomem();
}

/* Says the addresses, first that where mosaik comes in. */
static int
say_all(struct hosting *h)
{
	const char *addr = hosting_mosaik_addr(&h->mosaik);
	struct amas__buf all;
	int status = CMD_OK;
	size_t i;

	amas__buf_init(&all, 0);
	if (addr != NULL)
		status = put_address(h, &all, addr);
	for (i = 0; i < h->n && status == CMD_OK; i++)
		status = put_address(h, &all, amas_container_url(h->all[i].c));
	if (status == CMD_OK && h->o->serve.ready_fd >= 0)
		/* all at once: who wants only the first may not read more */
		status = serve_write(h->o->serve.ready_fd, "--ready-fd",
		    amas__buf_head(&all), amas__buf_len(&all));
	amas__buf_fini(&all);
	return status;
}

static void
on_ready(void *arg)
{
	struct hosting *h = ((struct hosted *)arg)->h;
	const struct serve_opts *o = &h->o->serve;
	int status;

	if (++h->n_ready < h->n)
		return;
	status = say_all(h);
	if (status == CMD_OK && o->ready_fd >= 0)
		status = serve_give_up(o->ready_fd, "--ready-fd");
	serve_notify(&h->s, "READY=1");
	if (status == CMD_OK && o->run != NULL)
		status = hosting_mosaik_run(&h->mosaik,
		    amas_container_url(h->all[0].c));
	if (status != CMD_OK)
		serve_end(&h->s, status);
}

static void
on_failed(void *arg, const char *who, const char *why)
{
	struct hosting *h = ((struct hosted *)arg)->h;

	serve_end(&h->s, cmd_error(CMD_FAILED, who, "%s", why));
}

static void
on_lost(void *arg, const char *who, const char *why)
{
	struct hosting *h = ((struct hosted *)arg)->h;

	serve_end(&h->s, cmd_error(CMD_FAILED, who, "%s (--on-exit fail)",
	    why));
}

static void
on_idle(void *arg, bool failed)
{
	struct hosting *h = ((struct hosted *)arg)->h;

	h->failed = h->failed || failed;
	if (++h->n_idle >= h->n && h->o->until_done)
		serve_end(&h->s, h->failed ? CMD_FAILED : CMD_OK);
}

static void
on_stop(void *arg)
{
	struct hosting *h = ((struct hosted *)arg)->h;

	serve_end(&h->s, CMD_OK);
}

static const struct amas__container_ops ops = { on_ready, on_failed, on_line,
	on_idle, on_lost, on_stop };

/* Simulated time is over; a command of --run ends when it wants to. */
static void
on_over(const char *waits, void *arg)
{
	struct hosting *h = arg;

	if (h->o->serve.run != NULL)
		return;
	serve_end(&h->s, waits == NULL ? CMD_OK : cmd_error(CMD_FAILED, waits,
	    "still waits for an answer, and nobody sleeps any more"));
	amas_loop_drain(h->s.loop, 0); /* at once: nobody will answer */
}

/* --strict: the status to end with, if it was to be 0. */
static int
look_strict(const struct hosting *h, int status)
{
	uint64_t n = amas__rest_strays(h->s.loop);

	if (!h->o->strict || n == 0 || status != CMD_OK)
		return status;
	return cmd_error(CMD_FAILED, "--strict", "%" PRIu64 " messages of "
	    "somebody who counted as asleep", n);
}

/* ---- Agents ---- */

int
hosting_failed(const char *subject, const struct amas_error *err, int rc)
{
	/* two sources for one name; more agents than --max-agents */
	if (rc == AMAS_EEXIST || rc == AMAS_ETOOBIG)
		return cmd_error(CMD_USAGE, subject, "%s", err->text);
	return cmd_fail(subject, err);
}

static int
make_lines(struct hosted *d, FILE *f)
{
	const char *name = d->h->o->file;
	struct amas_error err;
	char *line = NULL, subject[512];
	size_t size = 0, n = 0;
	int status = CMD_OK, rc;
	ssize_t len;

	while (status == CMD_OK && (len = getline(&line, &size, f)) != -1) {
		n++;
		if (line[strspn(line, " \t\r\n")] == '\0')
			continue;
		rc = amas__container_make_line(d->c, line, (size_t)len, &err);
		(void)snprintf(subject, sizeof subject, "%.400s:%zu", name, n);
		if (rc == AMAS_EPROTO || rc == AMAS_ENOENT)
			status = cmd_error(CMD_INPUT, subject, "%s", err.text);
		else if (rc != 0)
			status = hosting_failed(subject, &err, rc);
	}
	if (status == CMD_OK && ferror(f))
		status = cmd_error(CMD_SYS, name, "%s", strerror(errno));
	free(line);
	return status;
}

static int
make_file(struct hosted *d)
{
	const char *name = d->h->o->file;
	FILE *f;
	int status;

	if (name == NULL || d != &d->h->all[0])
		return CMD_OK;
	f = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	if (f == NULL)
		return cmd_error(CMD_SYS, name, "%s", strerror(errno));
	status = make_lines(d, f);
	if (f != stdin)
		(void)fclose(f);
	return status;
}

static int
make_classes(struct hosted *d)
{
	const struct container_opts *o = d->h->o;
	struct amas__class *cls;
	struct amas_error err;
	size_t i, count;
	int rc;

	for (i = 0; i < o->n_paths; i++)
		if (amas__container_add_path(d->c, o->paths[i], &err) != 0)
			return cmd_fail(o->paths[i], &err);
	for (i = 0; i < o->n_classes; i++) {
		rc = amas__class_load(&cls, &count, d->c, o->classes[i], &err);
		if (rc == 0 && count != 0)
			rc = amas_error_set(&err, AMAS_EINVAL,
			    "a class takes no count");
		if (rc != 0)
			return hosting_failed(o->classes[i], &err, rc);
	}
	return CMD_OK;
}

/* Whether its sources are models: those of the first. */
static bool
of_mosaik(const struct hosted *d)
{
	return d->h->o->mosaik != NULL && d == &d->h->all[0];
}

static int
make_agents(struct hosted *d)
{
	struct amas_error err;
	int rc, status = make_classes(d);
	char **source;

	if (status == CMD_OK && of_mosaik(d))
		status = hosting_mosaik_new(&d->h->mosaik, d->c);

	for (source = d->sources; status == CMD_OK && *source != NULL &&
	    strcmp(*source, "+") != 0; source++)
		if (of_mosaik(d))
			status = hosting_mosaik_load(&d->h->mosaik, d->c,
			    *source);
		else if ((rc = amas_container_load(d->c, *source, &err)) != 0)
			return hosting_failed(*source, &err, rc);
	if (status == CMD_OK && (status = make_file(d)) == CMD_OK)
		amas__container_loaded(d->c);
	return status;
}

/* ---- The containers ---- */

static int
allow(struct amas_channel *ch, const char *path, void *arg)
{
	return serve_allows(arg, ch, path);
}

static int
open_one(struct hosted *d, const char *addr, const struct amas_opts *opts)
{
	const struct container_opts *o = d->h->o;
	const struct amas__container_settings set = {
		.source = o->serve.source, .parallel = o->parallel,
		.on_exit = o->on_exit, .max_agents = o->max_agents };
	struct amas_error err;
	int rc = amas_container_open(&d->c, d->h->s.loop, addr, opts, &err);

	if (rc == AMAS_EEXIST && strncmp(addr, "local://", 8) == 0)
		return cmd_error(CMD_USAGE, addr, "the name is given twice");
	if (rc == AMAS_EEXIST) /* in use: cannot listen */
		return cmd_error(CMD_CONNECT, addr, "%s", err.text);
	if (rc != 0)
		return cmd_fail(addr, &err);
	amas__container_set(d->c, &set, &ops, d);
	return CMD_OK;
}

/* Opens them all, before any agent is made: one may call another. */
static int
open_all(struct hosting *h)
{
	const struct container_opts *o = h->o;
	struct amas_opts opts = o->serve.server;
	char **next = o->serve.sources;
	const char *addr = o->serve.addr;
	int status = CMD_OK;
	size_t n = 1;

	while ((next = container_next(next)) != NULL)
		n++;
	if ((h->all = amas__zalloc(n * sizeof *h->all)) == NULL)
		return cmd_error(CMD_SYS, NULL, "%s",
		    amas_strerror(AMAS_ENOMEM));
	opts.clock = h->clock;
	opts.allow = o->serve.allow != NULL ? allow : NULL;
	opts.arg = &h->s;
	next = o->serve.sources;
	while (status == CMD_OK) {
		h->all[h->n].h = h;
		h->all[h->n].sources = next;
		status = open_one(&h->all[h->n++], addr, &opts);
		if ((next = container_next(next)) == NULL)
			break;
		addr = *next++;
	}
	return status;
}

static int
host(struct hosting *h)
{
	const struct container_opts *o = h->o;
	double until;
	size_t i;
	int status;

	if ((status = cmd_loop_set(h->s.loop, &o->serve.args)) != CMD_OK ||
	    (status = serve_allow_read(&h->s)) != CMD_OK)
		return status;
	if (o->wall)
		amas__trace_set_wall(amas__loop_trace(h->s.loop));
	amas_loop_set_jobs(h->s.loop, o->serve.jobs, o->serve.queue);
	call_output_init(&h->out, h->s.loop, on_written);
	h->out.buf.max = CONTAINER_OUTPUT_MAX;
	if ((status = container_clock(&h->clock, &until, o, h->s.loop)) ==
	    CMD_OK)
		status = open_all(h);
	for (i = 0; i < h->n && status == CMD_OK; i++)
		status = make_agents(&h->all[i]);
	if (status == CMD_OK && o->mosaik != NULL)
		status = hosting_mosaik_open(&h->mosaik);
	if (status == CMD_OK)
		amas__steps_until(h->s.loop, until, on_over, h);
	return status == CMD_OK ? look_strict(h, serve_loop(&h->s)) : status;
}

int
main(int argc, char *argv[])
{
	struct container_opts o = { 0 };
	struct hosting h = { .o = &o, .mosaik = { &o, &h.s, NULL } };
	int status;

	cmd_init("amas-container");
	if (container_opts_parse(&o, argc, argv) != CMD_OK)
		return cmd_finish(o.serve.args.status);
	if ((status = serve_init(&h.s, &o.serve)) == CMD_OK) {
		status = host(&h);
		call_output_fini(&h.out);
	}
	serve_fini(&h.s);
	free(h.all);
	return cmd_finish(status);
}
