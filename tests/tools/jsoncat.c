/*
 * Reads documents, each a line of hexadecimal digits, and answers each with a
 * line: "ok " and the document written anew, or "no " and the error.  Beside
 * the reader and writer of JSON it serves amas__value_guess().
 *
 * usage: jsoncat wire|lines|guess|INDENT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"

static int
digit(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* Turns digits into the bytes they name, in place. */
static size_t
unhex(char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len / 2; i++)
		line[i] = (char)(digit(line[2 * i]) << 4 |
		    digit(line[2 * i + 1]));
	return len / 2;
}

static int
answer(const char *mode, struct amas__buf *buf, char *data, size_t len)
{
	const struct amas__codec_ops *json = amas__codec_json.builtin;
	struct amas__area *area = amas__area_new(NULL);
	struct amas_out out = { .buf = buf };
	const struct amas_value *v;
	struct amas_error err;
	bool typed = false;
	int rc;

	out.lines = strcmp(mode, "lines") == 0;
	if (area == NULL)
		return -1;
	if (strcmp(mode, "guess") == 0)
		rc = amas__value_guess(area, data, len, &v, &err);
	else
		rc = json->decode(area, data, len, NULL, &v, &typed, &err);
	if (rc == 0 && out.lines && typed)
		rc = amas__types_lift(area, &v, NULL, true, &err);
	if (rc == 0 && strspn(mode, "0123456789") > 0)
		rc = amas__json_print(&out, v, (unsigned)atoi(mode), true,
		    &err);
	else if (rc == 0)
		rc = json->encode(&out, v, &err);
	if (rc == 0)
		printf("ok %.*s\n", (int)amas__buf_len(buf),
		    amas__buf_head(buf));
	else
		printf("no %s\n", err.text);
	amas__buf_truncate(buf, 0);
	amas__area_unref(area);
	return 0;
}

int
main(int argc, char *argv[])
{
	struct amas__buf buf;
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int rc = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: jsoncat wire|lines|guess|INDENT\n");
		return 2;
	}
	amas__buf_init(&buf, 0);
	while (rc == 0 && (len = getline(&line, &cap, stdin)) > 0)
		rc = answer(argv[1], &buf, line, unhex(line, (size_t)len - 1));
	free(line);
	amas__buf_fini(&buf);
	return rc == 0 && fflush(stdout) == 0 ? 0 : 1;
}
