/* Loading of modules; see module.h. */
#include "module.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "mem.h"

const char *
amas__linker_cause(const char *path)
{
	const char *text = dlerror();
	size_t len = strlen(path);

	if (text == NULL)
		return "cannot be loaded";
	if (strncmp(text, path, len) == 0 && strncmp(text + len, ": ", 2) == 0)
		text += len + 2;
	return text;
}

int
amas__module_load(const struct amas__module **out, const char *name,
    struct amas_error *err)
{
	char *path = amas__asprintf("%s/%s.so", amas__libdir, name);
	const struct amas__module *m = NULL;
	void *handle;
	int rc = 0;

	if (path == NULL)
		return amas__error_nomem(err);
	if ((handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)) == NULL ||
	    (m = dlsym(handle, "amas__module")) == NULL)
		rc = amas_error_set(err, AMAS_ENOENT, "%.120s: %.100s", path,
		    amas__linker_cause(path));
	else if (strcmp(m->version, amas_version()) != 0)
		rc = amas_error_set(err, AMAS_ENOENT, "%.150s: is of amas "
		    "%.20s, this is %s", path, m->version, amas_version());
	if (rc != 0 && handle != NULL)
		(void)dlclose(handle);
	if (rc == 0)
		*out = m;
	free(path);
	return rc;
}
