/* Results and failures as text: for people, for programs, as they are. */
#include "call.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "codec.h"
#include "err.h"

#define INDENT 2

int
call_put_value(struct amas__buf *b, const struct amas_value *v,
    unsigned indent, struct amas_error *err)
{
	struct amas_out out = { .buf = b, .lines = true };

	return amas__json_print(&out, v, indent, false, err);
}

/*
 * Text from a stranger for a terminal: lines and tabs stay, anything else that
 * a terminal would act on is escaped.
 */
static int
put_lines_escaped(struct amas__buf *b, const char *text, size_t len)
{
	size_t i, n;
	int rc = 0;

	for (i = 0; i < len && rc == 0; i += n) {
		for (n = 0; i + n < len && text[i + n] != '\n' &&
		    text[i + n] != '\t'; n++)
			;
		rc = amas__buf_put_escaped(b, text + i, n, n);
		if (rc == 0 && i + n < len)
			rc = amas__buf_putc(b, text[i + n++]);
	}
	return rc;
}

/* Text, bytes and dates bare; returns whether v is such a value. */
static bool
put_bare(struct amas__buf *b, const struct call_opts *o,
    const struct amas_value *v, int *rc)
{
	bool bytes = amas_value_type(v) == AMAS_BYTES;

	if (amas_value_type(v) == AMAS_TYPED)
		v = amas_value_at(v, 0);
	if (!bytes && amas_value_type(v) != AMAS_STRING)
		return false;
	if (o->terminal)
		*rc = put_lines_escaped(b, amas_value_text(v),
		    amas_value_len(v));
	else
		*rc = amas__buf_put(b, amas_value_text(v), amas_value_len(v));
	if (*rc == 0 && !bytes)
		*rc = amas__buf_putc(b, '\n');
	return true;
}

/* The URL of a proxy, good as long as the connection. */
static bool
put_proxy(struct amas__buf *b, const struct amas_value *v, int *rc)
{
	struct amas_proxy *p;
	char url[AMAS_URL_SIZE];

	if (amas_value_type(v) != AMAS_PROXY ||
	    amas_value_unpack(v, NULL, "p", &p) != 0)
		return false;
	*rc = amas__buf_printf(b, "%s\n", amas_proxy_url(p, url, sizeof url));
	return true;
}

int
call_put_result(struct amas__buf *b, const struct call_opts *o,
    const struct amas_value *v, struct amas_error *err)
{
	unsigned indent = o->pretty ? INDENT : 0;
	struct amas_value *whole;
	int rc = 0;

	if (o->json) {
		if ((whole = amas_value_pack("{s:v}", "result", v)) == NULL)
			return amas__error_nomem(err);
		rc = call_put_value(b, whole, indent, err);
		amas_value_free(whole);
	} else if (o->raw && amas_value_type(v) == AMAS_NULL) {
		return 0;
	} else if (o->raw && (put_bare(b, o, v, &rc) ||
	    put_proxy(b, v, &rc))) {
		return rc == 0 ? 0 : amas__error_nomem(err);
	} else {
		rc = call_put_value(b, v, indent, err);
	}
	if (rc == 0 && amas__buf_putc(b, '\n') != 0)
		rc = amas__error_nomem(err);
	return rc;
}

int
call_put_failure_json(struct amas__buf *b, const struct call_opts *o,
    const struct amas_reply *rep, struct amas_error *err)
{
	struct amas_value *v = amas_value_pack("{s:s s:s}", "failure",
	    rep->text, "origin", rep->origin);
	int rc;

	if (v == NULL)
		return amas__error_nomem(err);
	rc = call_put_value(b, v, o->pretty ? INDENT : 0, err);
	amas_value_free(v);
	if (rc == 0 && amas__buf_putc(b, '\n') != 0)
		rc = amas__error_nomem(err);
	return rc;
}

int
call_put_failure(struct amas__buf *b, const struct amas_reply *rep)
{
	size_t len = strlen(rep->text);
	int rc;

	rc = amas__buf_puts(b, "Origin: ");
	if (rc == 0)
		rc = amas__buf_put_escaped(b, rep->origin,
		    strlen(rep->origin), AMAS_URL_SIZE);
	if (rc == 0)
		rc = amas__buf_putc(b, '\n');
	if (rc == 0)
		rc = put_lines_escaped(b, rep->text, len);
	if (rc == 0 && (len == 0 || rep->text[len - 1] != '\n'))
		rc = amas__buf_putc(b, '\n');
	return rc;
}

/* Writes all of it.  Returns 0 or errno. */
static int
write_all(int fd, const struct amas__buf *b)
{
	const char *p = amas__buf_head(b);
	size_t len = amas__buf_len(b);
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int
call_output_failed(int sys)
{
	return sys == EPIPE ? 128 + SIGPIPE :
	    cmd_error(CMD_SYS, "standard output", "%s", strerror(sys));
}

int
call_print(const struct amas__buf *b)
{
	int sys = write_all(STDOUT_FILENO, b);

	return sys == 0 ? CMD_OK : call_output_failed(sys);
}

void
call_say(const struct amas__buf *b)
{
	if (cmd_verbose(AMAS_LOG_ERROR))
		(void)write_all(STDERR_FILENO, b); /* nowhere to complain */
}
