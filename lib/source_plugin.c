/* Plugins as sources: the functions of a shared object, below its name. */
#include "source.h"

#include "err.h"
#include "mem.h"
#include "plugin.h"

int
amas__source_plugin_find(const struct amas_plugin **out,
    const struct amas__source_spec *spec, bool any, struct amas_error *err)
{
	if (spec->dir == -1)
		return amas__plugin_load(out, spec->text, any, true, err);
	return amas__plugin_load_at(out, spec->dir, spec->text, spec->path,
	    any, err);
}

/* Makes a service of it.  What is wrong in a plugin is not the user's fault. */
static int
make_service(struct amas_service **out, const struct amas_plugin *plugin,
    void *self, struct amas_error *err)
{
	struct amas_error told = { 0, 0, "" };
	int rc = amas_service_new(out, err);

	if (rc != 0 || (rc = amas_service_add(*out, plugin->functions, self,
	    &told)) == 0)
		return rc;
	amas_service_free(*out);
	return amas_error_set(err, rc == AMAS_ENOMEM ? rc : AMAS_ESYS,
	    "its functions: %s", told.text);
}

int
amas__source_plugin_load(struct amas__source **out,
    const struct amas__source_spec *spec, struct amas_loop *l,
    const struct amas_source_opts *opts, struct amas_error *err)
{
	bool any = opts != NULL && opts->allow_writable != 0;
	const struct amas_plugin *plugin;
	struct amas_service *svc;
	void *self;
	int rc;

	if ((rc = amas__source_plugin_find(&plugin, spec, any, err)) != 0)
		return rc;
	if (plugin->functions == NULL)
		return amas_error_set(err, AMAS_ESYS, "has no functions");
	if ((rc = amas__plugin_open(&self, plugin, l, err)) != 0 ||
	    (rc = make_service(&svc, plugin, self, err)) != 0)
		return rc;
	*out = amas__service_source(svc);
	amas_service_free(svc);
	return *out != NULL ? 0 : amas__error_nomem(err);
}
