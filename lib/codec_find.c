/* Codecs by name: the library's, and those of plugins by their path. */
#include <string.h>

#include "codec.h"
#include "err.h"
#include "module.h"
#include "plugin.h"

static int
of_plugin(const struct amas_codec **out, const char *path,
    struct amas_error *err)
{
	const struct amas_plugin *p;
	int rc = amas__plugin_load(&p, path, false, false, err);

	if (rc != 0)
		return rc;
	if (p->codec == NULL)
		return amas_error_set(err, AMAS_ENOENT, "has no codec");
	*out = p->codec;
	return 0;
}

static int
of_module(const struct amas_codec **out, const char *name,
    struct amas_error *err)
{
	const struct amas__module *m;
	int rc = amas__module_load(&m, name, err);

	if (rc == 0)
		*out = m->codec;
	return rc;
}

int
amas_codec_find(const struct amas_codec **out, const char *name,
    struct amas_error *err)
{
	static const struct amas_codec *const codecs[] = {
		&amas__codec_json,
		&amas__codec_msgpack,
	};
	size_t i;

	if (name != NULL && strchr(name, '/') != NULL)
		return of_plugin(out, name, err);
	if (name != NULL && strcmp(name, "msgpack-blosc") == 0)
		return of_module(out, "codec_blosc", err);
	for (i = 0; name != NULL && i < sizeof codecs / sizeof *codecs; i++)
		if (strcmp(codecs[i]->name, name) == 0) {
			*out = codecs[i];
			return 0;
		}
	return amas_error_set(err, AMAS_ENOENT, "no codec of that name; there "
	    "are json, msgpack, msgpack-blosc and ./NAME.so");
}
