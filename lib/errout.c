/* Standard error of children: see errout.h. */
#include "errout.h"

#include <string.h>

#include "utf8.h"

void
amas__errout_init(struct amas__errout *e, const struct amas__log *log,
    const char *name)
{
	e->log = log;
	e->level = AMAS_LOG_INFO;
	e->name = name;
	e->total = e->lines = e->line_len = 0;
	amas__buf_init(&e->tail, 0);
}

void
amas__errout_fini(struct amas__errout *e)
{
	amas__buf_fini(&e->tail);
}

static void
log_line(struct amas__errout *e)
{
	char text[4 * AMAS__ERROUT_LINE + 8];

	if (++e->lines <= AMAS__ERROUT_LINES)
		amas__log(e->log, e->level, "%s: %s", e->name,
		    amas__log_text(text, sizeof text, e->line, e->line_len));
	else if (e->lines == AMAS__ERROUT_LINES + 1)
		amas__log(e->log, e->level,
		    "%s: more on standard error is not logged", e->name);
	e->line_len = 0;
}

static void
log_bytes(struct amas__errout *e, const char *data, size_t len)
{
	const char *end;
	size_t n;

	while (len > 0 && e->lines <= AMAS__ERROUT_LINES) {
		end = memchr(data, '\n', len);
		n = end != NULL ? (size_t)(end - data) : len;
		if (n > sizeof e->line - e->line_len) {
			n = sizeof e->line - e->line_len;
			end = NULL;
		}
		memcpy(e->line + e->line_len, data, n);
		e->line_len += n;
		if (end != NULL || e->line_len == sizeof e->line)
			log_line(e);
		data += n + (end != NULL);
		len -= n + (end != NULL);
	}
}

void
amas__errout_put(struct amas__errout *e, const char *data, size_t len)
{
	size_t have;

	if (amas__log_on(e->log, e->level))
		log_bytes(e, data, len);
	e->total += len;
	if (len > AMAS__ERROUT_TAIL) {
		data += len - AMAS__ERROUT_TAIL;
		len = AMAS__ERROUT_TAIL;
	}
	if (amas__buf_put(&e->tail, data, len) != 0)
		return;
	have = amas__buf_len(&e->tail);
	if (have > AMAS__ERROUT_TAIL)
		amas__buf_consume(&e->tail, have - AMAS__ERROUT_TAIL);
}

void
amas__errout_end(struct amas__errout *e)
{
	if (e->line_len > 0)
		log_line(e);
}

int
amas__errout_tail(const struct amas__errout *e, struct amas__buf *out)
{
	const char *p = amas__buf_head(&e->tail), *end;
	size_t len = amas__buf_len(&e->tail);
	int rc;

	while (len > 0 && (p[len - 1] == '\n' || p[len - 1] == '\r'))
		len--;
	if (len == 0)
		return 0;
	rc = amas__buf_putc(out, '\n');
	if (e->total > AMAS__ERROUT_TAIL && rc == 0) {
		/* The first line is a piece of one: begin behind it. */
		if ((end = memchr(p, '\n', len)) != NULL) {
			len -= (size_t)(end + 1 - p);
			p = end + 1;
		}
		rc = amas__buf_puts(out, "...\n");
	}
	return rc == 0 ? amas__buf_put_valid(out, p, len) : rc;
}
