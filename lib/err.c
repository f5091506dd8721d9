/*
 * Errors: one struct that carries code, errno and one line of text from where
 * a thing failed to whoever tells a human.  Nothing here allocates.
 */
#include "err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "amas.h"
#include "utf8.h"

struct code_info {
	const char *text;
	int status; /* exit status of programs, DESIGN's one table */
};

static const struct code_info infos[] = {
	[-AMAS_OK] = { "no error", 0 },
	[-AMAS_ENOMEM] = { "out of memory", 6 },
	[-AMAS_EINVAL] = { "invalid argument", 2 },
	[-AMAS_ETYPE] = { "wrong type of value", 4 },
	[-AMAS_ETOOBIG] = { "over a limit", 4 },
	[-AMAS_EREMOTE] = { "remote function failed", 1 },
	[-AMAS_ETIMEDOUT] = { "deadline passed", 124 },
	[-AMAS_ECANCELED] = { "canceled", 6 },
	[-AMAS_ECLOSED] = { "connection closed by peer", 5 },
	[-AMAS_ECONNECT] = { "cannot connect", 3 },
	[-AMAS_ETLS] = { "no agreement on TLS", 3 },
	[-AMAS_EPROTO] = { "protocol error", 5 },
	[-AMAS_ENOENT] = { "not found", 6 },
	[-AMAS_EEXIST] = { "exists already", 6 },
	[-AMAS_ESYS] = { "system error", 6 },
};

static const struct code_info *
info(int code)
{
	if (code > 0 || code <= -(int)(sizeof infos / sizeof *infos))
		return NULL;
	return &infos[-code];
}

const char *
amas_strerror(int code)
{
	const struct code_info *i = info(code);

	return i != NULL ? i->text : "unknown error";
}

int
amas_exit_status(int code)
{
	const struct code_info *i = info(code);

	return i != NULL ? i->status : 6;
}

const char *
amas_version(void)
{
	return AMAS_VERSION;
}

int
amas_error_set(struct amas_error *err, int code, const char *fmt, ...)
{
	char text[sizeof err->text]; /* an argument may be err->text itself */
	va_list ap;
	int len;

	if (err == NULL)
		return code;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (len < 0)
		len = 0;
	if ((size_t)len >= sizeof text)
		len = (int)amas__utf8_trim(text, sizeof text - 1);
	text[len] = '\0';
	err->code = code;
	err->sys = 0;
	memcpy(err->text, text, (size_t)len + 1);
	return code;
}

int
amas__error_nomem(struct amas_error *err)
{
	return amas_error_set(err, AMAS_ENOMEM, "%s",
	    amas_strerror(AMAS_ENOMEM));
}

int
amas__error_sys(struct amas_error *err, int code, int sys, const char *what)
{
	if (sys == ENOMEM)
		code = AMAS_ENOMEM;
	amas_error_set(err, code, "%s%s%s", what != NULL ? what : "",
	    what != NULL ? ": " : "", strerror(sys));
	if (err != NULL)
		err->sys = sys;
	return code;
}

int
amas__error_copy(struct amas_error *err, const struct amas_error *from)
{
	if (err != NULL)
		*err = *from;
	return from->code;
}
