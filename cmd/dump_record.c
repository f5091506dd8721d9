/*
 * Recordings: the lines of -o json in a file, or in several that follow each
 * other.  A file that had no room for a whole line keeps none of it.
 */
#include "dump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linefile.h"
#include "loop.h"
#include "mem.h"

#define GATHER ((size_t)64 << 10)	/* bytes; then they are written */

struct record {
	struct dump_lines lines;
	char *path;		/* of the file that is written now */
	struct amas__linefile file;	/* none: it failed, too */
	size_t at;		/* its number, from 0 */
	size_t size;		/* its bytes, with those that wait */
	struct amas__task flush;
};

static struct record *
of(struct dump_lines *l)
{
	return (struct record *)(void *)l;
}

/* ---- A file ------------------------------------------------------------- */

/* Named as tcpdump names them, so that they sort in their order. */
static char *
path_of(const struct dump_opts *o, size_t at)
{
	int digits = 0;
	size_t n;

	if (at == 0 && o->files <= 1)
		return amas__strdup(o->write);
	for (n = o->files > 0 ? o->files - 1 : 0; n > 0; n /= 10)
		digits++;
	return amas__asprintf("%s%0*zu", o->write, digits, at);
}

/* Whether a file is one of those that are read: it would be emptied. */
static bool
is_read(const struct dump_opts *o, const char *path)
{
	struct stat st, in;
	size_t i;
	int rc;

	if (stat(path, &st) == -1 || !S_ISREG(st.st_mode))
		return false;
	for (i = 0; i < o->n_reads; i++) {
		rc = strcmp(o->reads[i], "-") == 0 ?
		    fstat(STDIN_FILENO, &in) : stat(o->reads[i], &in);
		if (rc == 0 && in.st_dev == st.st_dev && in.st_ino == st.st_ino)
			return true;
	}
	return false;
}

static int
open_file(struct record *r)
{
	const struct dump_opts *o = r->lines.view.d->o;
	bool out = strcmp(o->write, "-") == 0;

	free(r->path);
	r->path = out ? amas__strdup("standard output") : path_of(o, r->at);
	if (r->path == NULL)
		return cmd_nomem();
	if (!out && is_read(o, r->path))
		return cmd_error(CMD_USAGE, r->path,
		    "is read: it would be emptied");
	r->size = 0;
	amas__linefile_begin(&r->file, out ? STDOUT_FILENO : open(r->path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0600));
	if (r->file.fd == -1)
		return cmd_error(CMD_SYS, r->path, "%s", strerror(errno));
	return CMD_OK;
}

static int
close_file(struct record *r)
{
	int fd = r->file.fd;

	r->file.fd = -1;
	if (fd > STDERR_FILENO && close(fd) == -1 && errno != EINTR)
		return cmd_error(CMD_SYS, r->path, "%s", strerror(errno));
	return CMD_OK;
}

static int
give_up(struct record *r)
{
	(void)cmd_error(CMD_SYS, r->path, "%s", strerror(errno));
	amas__linefile_cut(&r->file);
	if (r->file.fd != STDOUT_FILENO)
		close(r->file.fd);
	r->file.fd = -1;
	return CMD_SYS;
}

static int
flush(struct record *r)
{
	ssize_t n;

	while (r->file.fd != -1 && amas__buf_len(&r->file.buf) > 0) {
		n = write(r->file.fd, amas__buf_head(&r->file.buf),
		    amas__buf_len(&r->file.buf));
		if (n >= 0)
			amas__linefile_took(&r->file, (size_t)n);
		else if (errno != EINTR)
			return give_up(r);
	}
	return CMD_OK;
}

/* The next file, or the first again. */
static int
rotate(struct record *r)
{
	size_t files = r->lines.view.d->o->files;

	if (flush(r) != CMD_OK || close_file(r) != CMD_OK)
		return CMD_SYS;
	if (++r->at == files)
		r->at = 0;
	return open_file(r);
}

/* ---- Lines -------------------------------------------------------------- */

/* Ends the program, also if it was at its end already. */
static void
failed(struct record *r)
{
	struct dump *d = r->lines.view.d;

	dump_end(d, CMD_SYS);
	d->status = CMD_SYS;
}

static int
gather(struct record *r, const char *line, size_t len)
{
	size_t max = r->lines.view.d->o->file_max;

	if (max > 0 && r->size > 0 && (len >= max || r->size > max - len - 1) &&
	    rotate(r) != CMD_OK)
		return CMD_SYS;
	r->size += len + 1;
	if (amas__buf_put(&r->file.buf, line, len) != 0 ||
	    amas__buf_putc(&r->file.buf, '\n') != 0)
		return cmd_nomem();
	return amas__buf_len(&r->file.buf) >= GATHER ? flush(r) : CMD_OK;
}

static void
write_line(struct dump_lines *l, const char *line, size_t len)
{
	struct record *r = of(l);

	if (r->file.fd == -1)
		return;
	if (gather(r, line, len) != CMD_OK)
		failed(r);
	else
		amas__task_run(l->view.d->loop, &r->flush);
}

static void
flush_or_end(struct record *r)
{
	if (flush(r) != CMD_OK)
		failed(r);
}

static void
on_flush(struct amas__task *task)
{
	flush_or_end(AMAS__OF(task, struct record, flush));
}

static void
on_end(struct dump_lines *l)
{
	flush_or_end(of(l));
}

static void
on_close(struct dump_lines *l)
{
	struct record *r = of(l);
	struct dump *d = l->view.d;

	amas__task_cancel(d->loop, &r->flush);
	if (close_file(r) != CMD_OK)
		d->status = CMD_SYS;
	amas__buf_fini(&r->file.buf);
	free(r->path);
}

int
dump_record_new(struct dump *d)
{
	struct record *r = amas__zalloc(sizeof *r);

	if (r == NULL)
		return cmd_nomem();
	amas__linefile_init(&r->file);
	amas__task_init(&r->flush, on_flush);
	dump_lines_init(&r->lines, d, &dump_json_ops, 1);
	r->lines.write = write_line;
	r->lines.end = on_end;
	r->lines.close = on_close;
	if (d->o->form == DUMP_NONE)
		r->lines.left = d->o->count;
	return open_file(r);
}
