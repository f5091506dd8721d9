/* Files of whole lines: what stays when there is no more room. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "linefile.h"
#include "tap.h"

/* A file that has taken n bytes of text, and then no more. */
static void
check(const char *text, size_t n, const char *want)
{
	FILE *tmp = tmpfile();
	struct amas__linefile f;
	char got[64] = "";

	if (tmp == NULL)
		abort();
	amas__linefile_init(&f);
	amas__linefile_begin(&f, fileno(tmp));
	if (amas__buf_puts(&f.buf, text) != 0 ||
	    write(f.fd, text, n) != (ssize_t)n)
		abort();
	amas__linefile_took(&f, n / 2);
	amas__linefile_took(&f, n - n / 2);
	tap_int((long long)amas__buf_len(&f.buf), (long long)(strlen(text) - n),
	    "%zu bytes taken: the others wait", n);
	amas__linefile_cut(&f);
	if (pread(f.fd, got, sizeof got - 1, 0) < 0)
		abort();
	tap_str(got, want, "%zu bytes taken: whole lines stay", n);
	tap_int((long long)amas__buf_len(&f.buf), 0, "nothing waits");
	fclose(tmp);
}

int
main(void)
{
	check("one\ntwo\n", 0, "");
	check("one\ntwo\n", 3, "");
	check("one\ntwo\n", 4, "one\n");
	check("one\ntwo\n", 7, "one\n");
	check("one\ntwo\n", 8, "one\ntwo\n");
	return tap_done();
}
