/*
 * JSON as a codec: the reader of json_read.c, the writer of json_write.c, and a
 * look at the first bytes of a message.  On the wire it is ASCII, as aiomas
 * sends it; on message lines text stays readable.
 */
#include "json.h"

static int
encode(struct amas_out *out, const struct amas_value *v, struct amas_error *err)
{
	return amas__json_print(out, v, 0, !out->lines, err);
}

static size_t
skip_space(const char *data, size_t len, size_t at)
{
	while (at < len && (data[at] == ' ' || data[at] == '\t' ||
	    data[at] == '\r' || data[at] == '\n'))
		at++;
	return at;
}

/* Takes "[1," apart, blanks allowed. */
static int
peek(const char *data, size_t len)
{
	size_t at = skip_space(data, len, 0), comma;

	if (at == len || data[at] != '[')
		return -1;
	at = skip_space(data, len, at + 1);
	if (at == len || data[at] < '0' || data[at] > '2')
		return -1;
	comma = skip_space(data, len, at + 1);
	if (comma == len || data[comma] != ',')
		return -1;
	return data[at] - '0';
}

static const struct amas__codec_ops ops = {
	.decode = amas__json_read,
	.encode = encode,
	.peek = peek,
};

const struct amas_codec amas__codec_json = {
	.name = "json",
	.builtin = &ops,
};
