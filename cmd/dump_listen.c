/* Where amas-dump is called: by the tap, by a stub. */
#include "dump_listen.h"

#include "tls_setup.h"

static int
set_tls(struct amas__listener *ln, struct dump *d)
{
	struct amas__tls_setup *tls;
	struct amas_error err;

	if (d->o->listen_tls.cacert == NULL)
		return CMD_OK;
	if (amas__tls_use(&tls, d->loop, &d->o->listen_tls, true, &err) != 0)
		return cmd_fail(NULL, &err);
	amas__listener_set_tls(ln, tls);
	amas__tls_unref(tls);
	return CMD_OK;
}

int
dump_listen(struct amas__listener **out, struct dump *d, const char *subject,
    const struct amas__addr *a, amas__accept_fn *fn, void *arg)
{
	struct amas_error err;

	if (amas__listener_new(out, d->loop, a, d->o->socket_mode, fn, arg,
	    &err) != 0)
		return cmd_fail_listen(subject, &err);
	return set_tls(*out, d);
}
