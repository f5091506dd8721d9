/* amas-call: calls functions of a remote service; see amas-call(1). */
#include "call.h"

int
main(int argc, char *argv[])
{
	struct call_opts o = { 0 };
	int status;

	cmd_init("amas-call");
	status = call_opts_parse(&o, argc, argv);
	if (status == CMD_OK && o.addr != NULL)
		status = o.pipe ? call_pipe_run(&o) :
		    call_is_batch(&o) ? call_batch_run(&o) :
		    call_single_run(&o);
	call_opts_free(&o);
	return cmd_finish(status);
}
