/*
 * One blocking call, for scripts in C: no loop, no callback.
 * Usage: call_once ADDR
 */
#include <stdio.h>

#include <amas.h>

int
main(int argc, char *argv[])
{
	struct amas_value *sum = NULL;
	struct amas_error err;
	double n;
	int rc;

	if (argc < 2)
		return 2;
	rc = amas_call_once(&sum, argv[1], NULL, "add", 5, &err, "[ii]", 3, 4);
	if (rc == 0 && (rc = amas_value_unpack(sum, &err, "f", &n)) == 0)
		printf("%g\n", n);
	else /* remote, transport, deadline or a sum that is no number */
		fprintf(stderr, "call_once: %s\n", err.text);
	amas_value_free(sum);
	return amas_exit_status(rc);
}
