/*
 * JSON beside jansson: what both read is the same value, and what jansson reads
 * we do, too.  We read more: numbers of any size, NaN, lone surrogates.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "amas.h"
#include "amas_jansson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond) do { if (!(cond)) abort(); } while (0)

/* What looks like a typed value has another form in jansson's (amas-wire(5)). */
static void
compare(const struct amas_value *v, const json_t *json)
{
	char *text = json_dumps(json, JSON_ENCODE_ANY);
	bool typed = text == NULL || strstr(text, "\"__type__\"") != NULL;
	json_t *ours;

	free(text);
	if (typed)
		return;
	CHECK((ours = amas_value_to_json(v, NULL)) != NULL);
	CHECK(json_equal(ours, json));
	json_decref(ours);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct amas_value *v = NULL;
	struct amas_error err;
	json_t *json = NULL;
	int rc;

	/* jansson 2.14 looks no further than that */
	if (size == 0 || memchr(data, '\0', size) == NULL)
		json = json_loadb((const char *)data, size, JSON_DECODE_ANY |
		    JSON_ALLOW_NUL, NULL);
	rc = amas_value_decode(&v, NULL, NULL, data, size, &err);
	CHECK(rc == 0 || rc == AMAS_EPROTO || rc == AMAS_ETOOBIG);
	CHECK(rc == 0 || json == NULL || rc == AMAS_ETOOBIG);
	if (rc == 0 && json != NULL)
		compare(v, json);
	amas_value_free(v);
	json_decref(json);
	return 0;
}
