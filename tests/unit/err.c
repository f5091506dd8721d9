/* Errors: texts, exit statuses, cutting, and the first cause passed up. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "err.h"
#include "tap.h"

static void
test_tables(void)
{
	static const int status[] = { 0, 6, 2, 4, 4, 1, 124, 6, 5, 3, 3, 5, 6,
		6, 6 };
	int code;

	for (code = 0; code >= AMAS_ESYS; code--) {
		tap_ok(strcmp(amas_strerror(code), "unknown error") != 0,
		    "code %d has a name", code);
		tap_int(amas_exit_status(code), status[-code],
		    "exit status of code %d", code);
	}
	tap_str(amas_strerror(AMAS_ESYS - 1), "unknown error", "code too low");
	tap_str(amas_strerror(1), "unknown error", "code too high");
	tap_str(amas_strerror(INT_MIN), "unknown error", "INT_MIN");
	tap_str(amas_strerror(INT_MAX), "unknown error", "INT_MAX");
	tap_int(amas_exit_status(INT_MIN), 6, "exit status of INT_MIN");
	tap_str(amas_version(), AMAS_VERSION, "version");
}

static void
test_set(void)
{
	struct amas_error err, copy;
	char text[400];
	size_t i;

	tap_int(amas_error_set(NULL, AMAS_EPROTO, "x"), AMAS_EPROTO,
	    "err may be NULL");
	err.sys = 7;
	tap_int(amas_error_set(&err, AMAS_EINVAL, "bad %d", 3), AMAS_EINVAL,
	    "set returns the code");
	tap_int(err.code, AMAS_EINVAL, "set stores it");
	tap_int(err.sys, 0, "set clears sys");
	tap_str(err.text, "bad 3", "set stores the text");
	amas_error_set(&err, err.code, "[1]: %s", err.text);
	tap_str(err.text, "[1]: bad 3", "the old text may be an argument");
	for (i = sizeof err.text - 2; i <= sizeof err.text; i++) {
		memset(text, 'a', i);
		text[i] = '\0';
		amas_error_set(&err, AMAS_EINVAL, "%s", text);
		tap_int((long long)strlen(err.text), (long long)
		    (i < sizeof err.text ? i : sizeof err.text - 1),
		    "text of %zu bytes", i);
	}
	strcpy(text + sizeof err.text - 3, "\xe2\x82\xac");
	amas_error_set(&err, AMAS_EINVAL, "%s", text);
	tap_int((long long)strlen(err.text), (long long)sizeof err.text - 3,
	    "a text is not cut inside a character");
	tap_int(amas__error_nomem(&err), AMAS_ENOMEM, "nomem");
	tap_str(err.text, "out of memory", "its text");
	tap_int(amas__error_sys(&err, AMAS_ECONNECT, ECONNREFUSED, NULL),
	    AMAS_ECONNECT, "sys");
	tap_str(err.text, "Connection refused", "text of errno");
	tap_int(err.sys, ECONNREFUSED, "errno kept");
	tap_int(amas__error_sys(&err, AMAS_ESYS, ENOMEM, "open"), AMAS_ENOMEM,
	    "ENOMEM is out of memory");
	tap_str(err.text, "open: Cannot allocate memory", "with what it was");
	tap_int(amas__error_copy(&copy, &err), AMAS_ENOMEM, "copy");
	tap_str(copy.text, err.text, "copy has the text");
	tap_int(amas__error_copy(NULL, &err), AMAS_ENOMEM, "copy to NULL");
	tap_int(amas__error_sys(NULL, AMAS_ESYS, EIO, NULL), AMAS_ESYS,
	    "sys to NULL");
}

int
main(void)
{
	test_tables();
	test_set();
	return tap_done();
}
