/*
 * Reads payloads of MsgPack, or of the codec that is named, each behind its length in four bytes, and answers
 * each in the same form with a letter in front: "=" and what it is when written
 * again, or "!" and why it was refused.  For the tests named _diff.py.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amas.h"

#define PAYLOAD_MAX ((size_t)64 << 20)

static int
read_payload(unsigned char **data, size_t *len)
{
	unsigned char head[4];

	if (fread(head, 1, sizeof head, stdin) != sizeof head)
		return 0;
	*len = (size_t)head[0] << 24 | (size_t)head[1] << 16 |
	    (size_t)head[2] << 8 | head[3];
	if (*len > PAYLOAD_MAX || (*data = malloc(*len + 1)) == NULL)
		return 0;
	return fread(*data, 1, *len, stdin) == *len;
}

static void
write_answer(char kind, const void *data, size_t len)
{
	unsigned char head[5] = { (unsigned char)kind,
		(unsigned char)(len >> 24), (unsigned char)(len >> 16),
		(unsigned char)(len >> 8), (unsigned char)len };

	(void)fwrite(head, 1, sizeof head, stdout);
	(void)fwrite(data, 1, len, stdout);
}

int
main(int argc, char *argv[])
{
	const struct amas_codec *codec;
	struct amas_value *v;
	struct amas_error err;
	unsigned char *data = NULL;
	void *again;
	size_t len, again_len;

	if (amas_codec_find(&codec, argc > 1 ? argv[1] : "msgpack", &err) != 0)
		return 1;
	while (read_payload(&data, &len)) {
		v = NULL;
		again = NULL;
		if (amas_value_decode(&v, codec, NULL, data, len, &err) != 0 ||
		    amas_value_encode(v, codec, NULL, &again, &again_len,
		    &err) != 0)
			write_answer('!', err.text, strlen(err.text));
		else
			write_answer('=', again, again_len);
		free(again);
		amas_value_free(v);
		free(data);
		data = NULL;
	}
	free(data);
	return fflush(stdout) != 0;
}
