/* Base64: RFC 4648's vectors, every length, and what is refused. */
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "tap.h"

static const struct {
	const char *bytes, *text;
} vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xff\xfe\xfb\xef", "//777w==" },
};

static const struct {
	const char *text;
	size_t at;
} refused[] = {
	{ "Z", 1 },
	{ "Zg", 2 },
	{ "Zg=", 3 },
	{ "Zg==Z", 2 },
	{ "Zh==", 1 },		/* unused bits */
	{ "Zm9=", 2 },
	{ "Z===", 1 },
	{ "====", 0 },
	{ "Zg==Zg==", 2 },
	{ "Zm9v\nZm9", 4 },
	{ "Zm 9", 2 },
	{ "-_-_", 0 },
	{ "Zm9vZ\x80==", 5 },
};

static void
test_vectors(void)
{
	struct amas__buf b;
	char out[16];
	size_t i, n;

	for (i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		amas__buf_init(&b, 0);
		tap_int(amas__base64_put(&b, vectors[i].bytes,
		    strlen(vectors[i].bytes)), 0, "put \"%s\"",
		    vectors[i].text);
		tap_mem(amas__buf_head(&b), amas__buf_len(&b),
		    vectors[i].text, strlen(vectors[i].text), "as \"%s\"",
		    vectors[i].text);
		amas__buf_fini(&b);
		tap_int(amas__base64_decode(out, &n, vectors[i].text,
		    strlen(vectors[i].text)), 0, "decode \"%s\"",
		    vectors[i].text);
		tap_mem(out, n, vectors[i].bytes, strlen(vectors[i].bytes),
		    "to its bytes");
	}
}

static void
test_refused(void)
{
	char out[16];
	size_t i, n;

	for (i = 0; i < sizeof refused / sizeof *refused; i++) {
		tap_int(amas__base64_decode(out, &n, refused[i].text,
		    strlen(refused[i].text)), AMAS_ETYPE, "refused %zu", i);
		tap_int((long long)n, (long long)refused[i].at,
		    "refused %zu: where", i);
	}
}

/* Every length, in memory of exactly the size that is asked for. */
static void
test_lengths(void)
{
	unsigned char bytes[300];
	struct amas__buf b;
	size_t len, i, n, wrong = 0;
	char *out;

	for (i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * 37 + i / 7);
	for (len = 0; len <= sizeof bytes; len++) {
		amas__buf_init(&b, 0);
		if (amas__base64_put(&b, bytes, len) != 0)
			abort();
		n = AMAS__BASE64_BYTES(amas__buf_len(&b));
		if ((out = malloc(n != 0 ? n : 1)) == NULL)
			abort();
		wrong += amas__base64_decode(out, &n, amas__buf_head(&b),
		    amas__buf_len(&b)) != 0 || n != len ||
		    memcmp(out, bytes, n) != 0;
		free(out);
		amas__buf_fini(&b);
	}
	tap_int((long long)wrong, 0, "all lengths come back");
}

static void
test_limits(void)
{
	struct amas__buf b;

	amas__buf_init(&b, 7);
	tap_int(amas__base64_put(&b, "abcd", 4), AMAS_ETOOBIG,
	    "8 characters where 7 fit");
	tap_int((long long)amas__buf_len(&b), 0, "nothing is added");
	amas__buf_fini(&b);
	amas__buf_init(&b, 8);
	tap_int(amas__base64_put(&b, "abcd", 4), 0, "where 8 fit");
	amas__buf_fini(&b);
	amas__buf_init(&b, 0);
	tap_fail_alloc(1);
	tap_int(amas__base64_put(&b, "abcd", 4), AMAS_ENOMEM,
	    "memory is short");
	tap_fail_alloc(0);
	amas__buf_fini(&b);
}

int
main(void)
{
	test_vectors();
	test_refused();
	test_lengths();
	test_limits();
	return tap_done();
}
