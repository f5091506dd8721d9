/*
 * A codec as a plugin: JSON behind a checksum.  Nothing but errors, values and
 * codecs is used here, which every program has.
 *
 *	cc -shared -fPIC $(pkg-config --cflags amas-plugin) codec_plugin.c \
 *	    -o fnv.so
 *	amas-serve --codec ./fnv.so :5555 s
 *	amas-call --codec ./fnv.so :5555 add 3 4
 */
#include <stdint.h>
#include <stdlib.h>

#include <amas.h>

#define SUM_SIZE 4

static void
checksum(unsigned char sum[SUM_SIZE], const void *data, size_t len)
{
	const unsigned char *p = data;
	uint32_t h = 2166136261u;
	int i;

	while (len-- > 0)
		h = (h ^ *p++) * 16777619u;
	for (i = 0; i < SUM_SIZE; i++)
		sum[i] = (unsigned char)(h >> (24 - 8 * i) & 0xff);
}

static int
fnv_encode(const struct amas_codec *codec, const struct amas_value *v,
    struct amas_out *out, struct amas_error *err)
{
	unsigned char sum[SUM_SIZE];
	void *text;
	size_t len;
	int rc;

	(void)codec;
	if ((rc = amas_value_encode(v, NULL, NULL, &text, &len, err)) != 0)
		return rc;
	checksum(sum, text, len);
	if ((rc = amas_out_write(out, sum, sizeof sum)) == 0)
		rc = amas_out_write(out, text, len);
	free(text);
	return rc;
}

static int
fnv_decode(const struct amas_codec *codec, struct amas_value **out,
    const void *data, size_t len, struct amas_error *err)
{
	const unsigned char *p = data;
	unsigned char sum[SUM_SIZE];
	int i;

	(void)codec;
	if (len < SUM_SIZE)
		return amas_error_set(err, AMAS_EPROTO, "no checksum");
	checksum(sum, p + SUM_SIZE, len - SUM_SIZE);
	for (i = 0; i < SUM_SIZE; i++)
		if (p[i] != sum[i])
			return amas_error_set(err, AMAS_EPROTO,
			    "wrong checksum");
	return amas_value_decode(out, NULL, NULL, p + SUM_SIZE, len - SUM_SIZE,
	    err);
}

static const struct amas_codec fnv = {
	.name = "json-fnv",
	.encode = fnv_encode,
	.decode = fnv_decode,
};

const struct amas_plugin amas_plugin = {
	.abi = AMAS_ABI,
	.codec = &fnv,
};
