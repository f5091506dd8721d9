/*
 * Plugins: shared objects that offer functions or a codec, amas.h, "Plugins".
 * A file is loaded once, however often it is named, and never unloaded: calls,
 * kept requests and codecs may point into it until the process ends.
 */
#ifndef AMAS__PLUGIN_H
#define AMAS__PLUGIN_H

#include <stdbool.h>

#include "amas.h"
#include "list.h"

/* The plugins that were opened on a loop, which has this as a member. */
struct amas__plugins {
	struct amas__link opened;
};

void amas__plugins_init(struct amas__plugins *ps);

/* Closes them, the last first. */
void amas__plugins_fini(struct amas__plugins *ps);

/*
 * Loads a plugin.  path is judged like a served folder (folder.h), unless any
 * is set.
 *
 * served  it must be executable, as all that is served; of no account to a
 *         codec, which a user named himself.
 *
 * Returns 0, AMAS_ENOENT (no such file), AMAS_ESYS (cannot be loaded, not to be
 * trusted, other ABI) or AMAS_ENOMEM.
 */
int amas__plugin_load(const struct amas_plugin **out, const char *path,
    bool any, bool served, struct amas_error *err);

/*
 * The same for a file that is served, name in an open folder.  path leads there
 * too: the linker takes no other.
 */
int amas__plugin_load_at(const struct amas_plugin **out, int dir,
    const char *name, const char *path, bool any, struct amas_error *err);

/*
 * Opens a plugin on a loop; the second time it is there already.  *self is then
 * what its functions get, until amas__plugins_fini().  Returns 0, AMAS_ESYS (it
 * refuses; its own cause) or AMAS_ENOMEM.
 */
int amas__plugin_open(void **self, const struct amas_plugin *plugin,
    struct amas_loop *l, struct amas_error *err);

#endif
