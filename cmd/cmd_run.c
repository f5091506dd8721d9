/* The command of --run; see cmd_run.h. */
#include "cmd_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

int
cmd_run_start(struct amas__proc **out, struct amas_loop *l,
    const char *command, const char *addr, const struct amas__proc_ops *ops,
    void *arg)
{
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, NULL, NULL };
	struct amas__proc_opts opts = { .file = "/bin/sh", .argv = argv,
		.dir = -1, .flags = AMAS__PROC_INHERIT, .ops = ops,
		.arg = arg };
	struct amas_error err;
	int rc;

	if ((argv[2] = strdup(command)) == NULL ||
	    setenv("AMAS_ADDR", addr, 1) != 0) {
		free(argv[2]);
		return cmd_nomem();
	}
	rc = amas__proc_start(out, l, &opts, &err);
	(void)unsetenv("AMAS_ADDR"); /* it is for the command alone */
	free(argv[2]);
	return rc != 0 ? cmd_fail("--run", &err) : CMD_OK;
}

int
cmd_run_status(const struct amas__exit *how)
{
	if (how->code != 0)
		return cmd_error(how->err.sys == ENOENT ? CMD_NOTFOUND
							: CMD_NOEXEC,
		    "--run", "%s", how->err.text);
	return how->sig != 0 ? 128 + how->sig : how->status;
}
