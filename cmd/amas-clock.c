/* amas-clock: tells, waits for and drives time; see amas-clock(1). */
#include "clock_opts.h"

int
main(int argc, char *argv[])
{
	struct clock_opts o = { 0 };
	int status;

	cmd_init("amas-clock");
	status = clock_opts_parse(&o, argc, argv);
	if (status == CMD_OK && o.given)
		status = o.command >= CLOCK_SET ? clock_run(&o) :
		    clock_alone_run(&o);
	return cmd_finish(status);
}
