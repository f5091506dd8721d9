/* The log: formats one line and hands it to the sink. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

#define LOG_LINE_MAX 1024	/* longer lines are cut */

bool
amas__log_on(const struct amas__log *log, int level)
{
	return log != NULL && log->fn != NULL && level <= log->level;
}

/*
 * The whole line is made harmless once more: escapes pass unchanged, and what a
 * caller forgot to escape still cannot forge a line or reach a terminal.
 */
void
amas__log(const struct amas__log *log, int level, const char *fmt, ...)
{
	char raw[LOG_LINE_MAX], line[LOG_LINE_MAX];
	va_list ap;
	int len;

	if (!amas__log_on(log, level))
		return;
	va_start(ap, fmt);
	len = vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof raw)
		len = (int)amas__utf8_trim(raw, sizeof raw - 1);
	log->fn(level, amas__log_text(line, sizeof line, raw, (size_t)len),
	    log->arg);
}

const char *
amas__log_text(char *out, size_t size, const char *text, size_t len)
{
	char piece[AMAS__ESCAPE_MAX];
	size_t i, n, used, end = 0;

	for (i = 0; i < len; i += used) {
		n = amas__escape(piece, text + i, len - i, &used);
		if (n >= size - end)
			break;
		memcpy(out + end, piece, n);
		end += n;
	}
	out[end] = '\0';
	return out;
}
