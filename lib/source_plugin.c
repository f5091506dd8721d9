/* Plugins as sources: the functions of a shared object, below its name. */
#include "source.h"

#include <stdlib.h>

#include "err.h"
#include "mem.h"
#include "plugin.h"

struct plugin_source {
	struct amas__source source;
	struct amas_service *service;
};

static void
plugin_call(struct amas__source *s, struct amas_request *req,
    const char *walked, size_t walked_len, const char *rest, size_t rest_len)
{
	struct plugin_source *p = AMAS__OF(s, struct plugin_source, source);

	(void)walked;
	(void)walked_len;
	amas__service_call_below(p->service, req, rest, rest_len);
}

static void
plugin_free(struct amas__source *s)
{
	struct plugin_source *p = AMAS__OF(s, struct plugin_source, source);

	amas_service_free(p->service);
	free(p);
}

static int
plugin_list(struct amas__source *s, const char *base,
    struct amas__paths *paths, struct amas_error *err)
{
	struct plugin_source *p = AMAS__OF(s, struct plugin_source, source);

	return amas__service_list(p->service, base, paths, err);
}

static const struct amas__source_ops plugin_ops = { plugin_call, plugin_free,
	plugin_list };

/* Fills the service.  What is wrong in a plugin is not the user's fault. */
static int
fill(struct plugin_source *p, const struct amas_plugin *plugin, void *self,
    struct amas_error *err)
{
	struct amas_error told = { 0, 0, "" };
	int rc = amas_service_new(&p->service, err);

	if (rc == 0 && (rc = amas_service_add(p->service, plugin->functions,
	    self, &told)) != 0)
		return amas_error_set(err, rc == AMAS_ENOMEM ? rc : AMAS_ESYS,
		    "its functions: %s", told.text);
	return rc;
}

int
amas__source_plugin_load(struct amas__source **out,
    const struct amas__source_spec *spec, struct amas_loop *l,
    const struct amas_source_opts *opts, struct amas_error *err)
{
	bool any = opts != NULL && opts->allow_writable != 0;
	const struct amas_plugin *plugin;
	struct plugin_source *p;
	void *self;
	int rc;

	rc = spec->dir == -1 ?
	    amas__plugin_load(&plugin, spec->text, any, true, err) :
	    amas__plugin_load_at(&plugin, spec->dir, spec->text, spec->path,
		any, err);
	if (rc != 0)
		return rc;
	if (plugin->functions == NULL)
		return amas_error_set(err, AMAS_ESYS, "has no functions");
	if ((rc = amas__plugin_open(&self, plugin, l, err)) != 0)
		return rc;
	if ((p = amas__zalloc(sizeof *p)) == NULL)
		return amas__error_nomem(err);
	p->source.ops = &plugin_ops;
	if ((rc = fill(p, plugin, self, err)) != 0)
		plugin_free(&p->source);
	else
		*out = &p->source;
	return rc;
}
