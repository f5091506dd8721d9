/*
 * The two framings.  However the bytes are cut, the same payloads and the same
 * error come out: what is decided is decided by the bytes so far, never by
 * where a feed ends.
 *
 * A payload that lies whole in what was fed is handed out where it lies; one
 * that is cut is gathered in body, whose maximum is what its header promised
 * and whose size follows what came.
 */
#include "frame.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define SPACE_LEAST ((size_t)16 << 10)	/* less is not read directly */

struct guess {
	const char *head;
	size_t len;
	const char *text;
};

/* What a stranger's first four bytes are, when they are no likely length. */
static const struct guess guesses[] = {
	{ "GET ", 4, "looks like HTTP" },
	{ "HEAD", 4, "looks like HTTP" },
	{ "POST", 4, "looks like HTTP" },
	{ "PUT ", 4, "looks like HTTP" },
	{ "OPTI", 4, "looks like HTTP" },
	{ "PRI ", 4, "looks like HTTP" },
	{ "HTTP", 4, "looks like HTTP" },
	{ "\x16\x03", 2, "looks like TLS, which is not spoken here "
	    "(--cacert)" },
	{ "\x15\x03", 2, "looks like TLS; we spoke plain (--cacert)" },
	{ "SSH-", 4, "looks like SSH" },
	{ "PROX", 4, "looks like a PROXY header" },
	{ "\r\n\r\n", 4, "looks like a PROXY header" },
};

void
amas__frame_reader_init(struct amas__frame_reader *r, bool lines, size_t max)
{
	memset(r, 0, sizeof *r);
	r->lines = lines;
	r->max = max;
	if (!lines && r->max > UINT32_MAX)
		r->max = UINT32_MAX;
	if (r->max > SIZE_MAX / 4)	/* so that adding a byte is safe */
		r->max = SIZE_MAX / 4;
	amas__buf_init(&r->body, 0);
}

void
amas__frame_reader_fini(struct amas__frame_reader *r)
{
	amas__buf_fini(&r->body);
}

static int
too_big(const struct amas__frame_reader *r, struct amas_error *err)
{
	size_t i;

	if (r->lines)
		return amas_error_set(err, AMAS_ETOOBIG,
		    "line of more than %zu bytes", r->max);
	for (i = 0; i < sizeof guesses / sizeof *guesses; i++)
		if (memcmp(r->head, guesses[i].head, guesses[i].len) == 0)
			return amas_error_set(err, AMAS_EPROTO, "%s",
			    guesses[i].text);
	return amas_error_set(err, AMAS_ETOOBIG,
	    "message of %zu bytes, limit %zu", r->want, r->max);
}

/* Says what is wrong, now and whenever asked again; frees what has come. */
static int
fail(struct amas__frame_reader *r, int code, struct amas_error *err)
{
	r->failed = code;
	amas__buf_fini(&r->body);
	switch (code) {
	case AMAS_ETOOBIG:
		return too_big(r, err);
	case AMAS_EPROTO:
		return amas_error_set(err, code, "empty message");
	default:
		return amas__error_nomem(err);
	}
}

/* Gives the gathered body away; the next payload starts anew. */
static int
finish(struct amas__frame_reader *r, struct amas__frame *out,
    struct amas_error *err)
{
	if ((out->owned = amas__buf_take(&r->body, &out->len)) == NULL)
		return fail(r, AMAS_ENOMEM, err);
	out->data = out->owned;
	r->want = r->head_len = 0;
	return 1;
}

static void
advance(char **data, size_t *len, size_t n)
{
	*data += n;
	*len -= n;
}

/* Completes the header.  Returns 1 if it is whole, 0 or an error. */
static int
take_header(struct amas__frame_reader *r, char **data, size_t *len,
    struct amas_error *err)
{
	size_t n = AMAS__FRAME_HEADER - r->head_len;

	if (n == 0)
		return 1;
	if (n > *len)
		n = *len;
	if (n > 0)
		memcpy(r->head + r->head_len, *data, n);
	advance(data, len, n);
	r->head_len += (unsigned)n;
	if (r->head_len < AMAS__FRAME_HEADER)
		return 0;
	r->want = amas__get32(r->head);
	if (r->want == 0)
		return fail(r, AMAS_EPROTO, err);
	if (r->want > r->max)
		return fail(r, AMAS_ETOOBIG, err);
	r->body.max = r->want + 1;	/* the NUL too: see take() */
	return 1;
}

static int
next_frame(struct amas__frame_reader *r, char **data, size_t *len,
    struct amas__frame *out, struct amas_error *err)
{
	size_t n;
	int rc;

	if ((rc = take_header(r, data, len, err)) != 1)
		return rc;
	n = r->want - amas__buf_len(&r->body);
	if (n == r->want && n <= *len) {
		out->data = *data;
		out->len = n;
		out->owned = NULL;
		advance(data, len, n);
		r->want = r->head_len = 0;
		return 1;
	}
	if (n > *len)
		n = *len;
	if (amas__buf_put(&r->body, *data, n) != 0)
		return fail(r, AMAS_ENOMEM, err);
	advance(data, len, n);
	return amas__buf_len(&r->body) == r->want ? finish(r, out, err) : 0;
}

/* Takes the next line.  Returns 1, 0 or an error; an empty line is 1 too. */
static int
take_line(struct amas__frame_reader *r, char **data, size_t *len,
    struct amas__frame *out, struct amas_error *err)
{
	char *line = *data, *nl = memchr(line, '\n', *len);
	size_t n = nl != NULL ? (size_t)(nl - line) : *len;
	size_t have = amas__buf_len(&r->body);
	char last = n > 0 ? line[n - 1] :
	    have > 0 ? amas__buf_head(&r->body)[have - 1] : '\0';
	size_t cr = last == '\r';
	int rc;

	if (have + n - cr > r->max)
		return fail(r, AMAS_ETOOBIG, err);
	advance(data, len, nl != NULL ? n + 1 : n);
	if (nl != NULL && have == 0) {
		out->data = line;
		out->len = n;
		out->owned = NULL;
	} else {
		if (amas__buf_put(&r->body, line, n) != 0)
			return fail(r, AMAS_ENOMEM, err);
		if (nl == NULL)
			return 0;
		if ((rc = finish(r, out, err)) != 1)
			return rc;
	}
	out->len -= cr;
	return 1;
}

static int
next_line(struct amas__frame_reader *r, char **data, size_t *len,
    struct amas__frame *out, struct amas_error *err)
{
	int rc;

	while (*len > 0) {
		rc = take_line(r, data, len, out, err);
		if (rc != 1 || out->len > 0)
			return rc;
		free(out->owned); /* an empty line */
	}
	return 0;
}

int
amas__frame_next(struct amas__frame_reader *r, char **data, size_t *len,
    struct amas__frame *out, struct amas_error *err)
{
	if (r->failed != 0)
		return fail(r, r->failed, err);
	if (*len == 0)
		return 0;
	return r->lines ? next_line(r, data, len, out, err) :
	    next_frame(r, data, len, out, err);
}

void *
amas__frame_space(struct amas__frame_reader *r, size_t *len)
{
	size_t have = amas__buf_len(&r->body), missing = r->want - have;
	size_t room = have > SPACE_LEAST ? have : SPACE_LEAST;

	/* want is 0 in lines and inside a header */
	if (r->failed != 0 || r->want == 0 || missing < SPACE_LEAST)
		return NULL;
	if (room > missing)
		room = missing;
	if (amas__buf_reserve(&r->body, room) != 0)
		return NULL; /* next() finds out and says so */
	room = r->body.cap - r->body.end;
	*len = room < missing ? room : missing;
	return r->body.data + r->body.end;
}

int
amas__frame_fill(struct amas__frame_reader *r, size_t len,
    struct amas__frame *out, struct amas_error *err)
{
	if (r->failed != 0)
		return fail(r, r->failed, err);
	assert(len <= r->want - amas__buf_len(&r->body));
	assert(len <= r->body.cap - r->body.end);
	r->body.end += len;
	return len > 0 && amas__buf_len(&r->body) == r->want ?
	    finish(r, out, err) : 0;
}

static int
last_line(struct amas__frame_reader *r, struct amas__frame *out,
    struct amas_error *err)
{
	int rc;

	if (amas__buf_len(&r->body) == 0)
		return 0;
	if ((rc = finish(r, out, err)) != 1)
		return rc;
	if (out->data[out->len - 1] == '\r')
		out->len--;
	if (out->len > 0)
		return 1;
	free(out->owned);
	return 0;
}

int
amas__frame_eof(struct amas__frame_reader *r, struct amas__frame *out,
    struct amas_error *err)
{
	if (r->failed != 0)
		return fail(r, r->failed, err);
	if (r->lines)
		return last_line(r, out, err);
	if (r->head_len == 0)
		return 0;
	if (r->head_len < AMAS__FRAME_HEADER)
		return amas_error_set(err, AMAS_EPROTO,
		    "closed inside a header");
	return amas_error_set(err, AMAS_EPROTO,
	    "closed inside a message (%zu of %zu bytes)",
	    amas__buf_len(&r->body), r->want);
}

size_t
amas__frame_pending(const struct amas__frame_reader *r)
{
	return r->head_len + amas__buf_len(&r->body);
}

int
amas__frame_begin(struct amas__buf *b, bool lines, size_t *mark)
{
	*mark = amas__buf_len(b);
	return lines ? 0 : amas__buf_put32(b, 0);
}

void
amas__frame_cancel(struct amas__buf *b, size_t mark)
{
	amas__buf_truncate(b, mark);
}

int
amas__frame_end(struct amas__buf *b, bool lines, size_t mark, size_t max,
    struct amas_error *err)
{
	size_t len = amas__buf_len(b) - mark - (lines ? 0 : AMAS__FRAME_HEADER);
	int rc = 0;

	if (len == 0)	/* a codec of the program's may do that */
		rc = amas_error_set(err, AMAS_EINVAL, "empty message");
	else if (len > max || (!lines && len > UINT32_MAX))
		rc = amas_error_set(err, AMAS_ETOOBIG,
		    "message of %zu bytes, limit %zu", len, max);
	else if (!lines)
		amas__set32(amas__buf_head(b) + mark, (uint32_t)len);
	else if ((rc = amas__buf_putc(b, '\n')) != 0)
		(void)amas_error_set(err, rc, "%s", amas_strerror(rc));
	if (rc != 0)
		amas__frame_cancel(b, mark);
	return rc;
}
