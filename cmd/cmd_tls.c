/*
 * What the options and the environment say about TLS.  Half of it would be a
 * connection that is less protected than was meant, so it is wrong use.
 */
#include "cmd.h"

#include <string.h>

#include "addr.h"

static const char *
given(const struct amas_tls *t)
{
	return t->cacert != NULL ? "--cacert" : t->cert != NULL ? "--cert" :
	    t->key != NULL ? "--key" : t->servername != NULL ? "--servername" :
	    t->keylog != NULL ? "--keylog" : NULL;
}

/* Each option has its own default; files that are no pair will be refused. */
static void
take_environment(struct amas_tls *t)
{
	if (t->cacert == NULL)
		t->cacert = cmd_env("AMAS_CACERT");
	if (t->cert == NULL)
		t->cert = cmd_env("AMAS_CERT");
	if (t->key == NULL)
		t->key = cmd_env("AMAS_KEY");
}

static int
needs(const char *subject, const char *what)
{
	return cmd_error(CMD_USAGE, subject, "needs %s", what);
}

static int
check(const struct amas_tls *t, const char *option, bool server)
{
	const char *subject = option != NULL ? option : "AMAS_CACERT";

	if (t->cert != NULL && t->key == NULL)
		return needs(option != NULL ? "--cert" : "AMAS_CERT",
		    "--key or AMAS_KEY");
	if (t->key != NULL && t->cert == NULL)
		return needs(option != NULL ? "--key" : "AMAS_KEY",
		    "--cert or AMAS_CERT");
	if (t->cacert == NULL)
		return needs(option != NULL ? option : "AMAS_CERT",
		    "--cacert or AMAS_CACERT");
	if (server && t->cert == NULL)
		return needs(subject, "--cert and --key, to serve");
	return CMD_OK;
}

int
cmd_tls(struct cmd_args *a, bool tcp, bool server)
{
	const char *option = given(&a->tls_files);
	int status;

	if (a->plain && option != NULL)
		return cmd_error(CMD_USAGE, option,
		    "does not go with --plain");
	if (option != NULL && !tcp)
		return cmd_error(CMD_USAGE, option, "TLS is for tcp alone");
	if (a->plain || !tcp) /* what is no TCP takes no defaults, either */
		return CMD_OK;
	take_environment(&a->tls_files);
	if (given(&a->tls_files) == NULL)
		return CMD_OK;
	if ((status = check(&a->tls_files, option, server)) == CMD_OK)
		a->tls = &a->tls_files;
	return status;
}

bool
cmd_is_tcp(const char *addr)
{
	struct amas__addr a;
	bool tcp;

	if (strcmp(addr, "stdio") == 0)
		return false;
	if (strncmp(addr, "fd:", 3) == 0 || strcmp(addr, "systemd") == 0 ||
	    amas__addr_parse(&a, addr, NULL) != 0)
		return true; /* it may be; or what is wrong will be said */
	tcp = a.kind == AMAS__ADDR_TCP;
	amas__addr_fini(&a);
	return tcp;
}
