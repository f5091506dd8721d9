/*
 * One blocking call, every way that it can end.  The server is a process of its
 * own, for the call has a loop of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "amas.h"
#include "tap.h"

static struct amas_request *kept;

static void
add(struct amas_request *req, void *self)
{
	int a, b;

	(void)self;
	if (amas_request_unpack(req, "[ii]", &a, &b) == 0)
		amas_request_reply(req, "i", a + b);
}

static void
stay_silent(struct amas_request *req, void *self)
{
	(void)req;
	(void)self;
}

static void
fail(struct amas_request *req, void *self)
{
	(void)self;
	amas_request_fail(req, "Traceback:\n  line 1\nValueError: no\n");
}

static void
gone(void *arg)
{
	amas_request_reply(kept, NULL);
	*(int *)arg += 1;
}

static void
hang(struct amas_request *req, void *self)
{
	kept = amas_request_keep(req);
	amas_request_on_gone(req, gone, self);
}

/* scale(x, *, by=2) */
static void
scale(struct amas_request *req, void *self)
{
	int x, by = 2;

	(void)self;
	if (amas_request_unpack(req, "[i]{|s:i}", &x, "by", &by) == 0)
		amas_request_reply(req, "i", x * by);
}

static void
how_many(struct amas_request *req, void *self)
{
	amas_request_reply(req, "i", *(int *)self);
}

static void
bye(struct amas_request *req, void *self)
{
	(void)self;
	amas_channel_close(amas_request_channel(req));
}

static void
stop(struct amas_request *req, void *self)
{
	(void)self;
	amas_request_reply(req, "b", 1);
	exit(0);
}

static const struct amas_function functions[] = {
	{ "add", add },
	{ "scale", scale },
	{ "null", stay_silent },
	{ "fail", fail },
	{ "hang", hang },
	{ "gone", how_many },
	{ "bye", bye },
	{ "stop", stop },
	{ NULL, NULL }
};

/* Never returns. */
static void
serve(int out)
{
	struct amas_opts opts = { 0 };
	struct amas_server *server;
	struct amas_loop *loop;
	const char *addr;
	int n_gone = 0;

	if (amas_loop_new(&loop, NULL, NULL) != 0 ||
	    amas_service_new(&opts.service, NULL) != 0 ||
	    amas_service_add(opts.service, functions, &n_gone, NULL) != 0 ||
	    amas_server_open(&server, loop, "tcp://127.0.0.1:0", &opts,
	    NULL) != 0)
		_exit(1);
	addr = amas_server_addr(server);
	if (write(out, addr, strlen(addr) + 1) == -1)
		_exit(1);
	close(out);
	(void)amas_loop_run(loop, 60);
	_exit(1);
}

static void
ends(const char *addr, const char *function, double timeout_s, int code,
    const char *text)
{
	struct amas_value *v = NULL;
	struct amas_error err = { 0 };

	tap_int(amas_call_once(&v, addr, NULL, function, timeout_s, &err,
	    NULL), code, "%s ends with \"%s\"", function, amas_strerror(code));
	tap_str(err.text, text, "its text");
	tap_int(err.code, code, "its code");
	tap_ok(v == NULL, "and without a value");
}

static void
test_results(const char *addr)
{
	struct amas_value *v = NULL;
	struct amas_error err;

	tap_int(amas_call_once(&v, addr, NULL, "add", 5, &err, "[ii]", 3, 4),
	    0, "a result");
	tap_int(amas_value_int(v), 7, "is the caller's");
	amas_value_free(v);
	tap_int(amas_call_once(NULL, addr, NULL, "add", 0, NULL, "[ii]", 3, 4),
	    0, "or is not wanted");
	tap_int(amas_call_once(&v, addr, NULL, "scale", 5, &err, "[i]{s:i}",
	    3, "by", 5), 0, "keyword arguments");
	tap_int(amas_value_int(v), 15, "arrive");
	amas_value_free(v);
	tap_int(amas_call_once(&v, addr, NULL, "null", 5, NULL, NULL), 0,
	    "null");
	tap_int(amas_value_type(v), AMAS_NULL, "is written, too");
	amas_value_free(v);
	v = (void *)&err; /* anything but NULL */
	tap_int(amas_call_once(&v, addr, NULL, NULL, 5, NULL, NULL), 0,
	    "no function: connects");
	tap_ok(v == NULL, "which gives nothing");
}

static void
test_errors(const char *addr)
{
	struct amas_error err = { 0 };
	char none[64];
	int n = 0, i, rc;

	ends(addr, "fail", 5, AMAS_EREMOTE, "ValueError: no");
	ends(addr, "nope", 5, AMAS_EREMOTE,
	    "LookupError: Name \"nope\" not found in \"\"");
	ends(addr, "bye", 5, AMAS_ECLOSED, "connection closed by peer");
	ends(addr, "hang", 0.05, AMAS_ETIMEDOUT,
	    "timed out after 0.05s, waiting for the answer");
	for (i = 0; i < 1000 && n == 0; i++) {
		struct amas_value *v = NULL;

		if (amas_call_once(&v, addr, NULL, "gone", 5, NULL,
		    NULL) != 0)
			break;
		n = (int)amas_value_int(v);
		amas_value_free(v);
	}
	tap_int(n, 1, "its server knows that nobody waits");
	(void)snprintf(none, sizeof none, "/tmp/amas-unit.%ld/none",
	    (long)getpid());
	ends(none, "add", 5, AMAS_ECONNECT, "No such file or directory");
	rc = amas_call_once(NULL, "tcp://x:99999", NULL, "add", 5, &err, NULL);
	tap_int(rc, AMAS_EINVAL, "a bad address");
	rc = amas_call_once(NULL, addr, NULL, "add", 5, &err, "[i");
	tap_int(rc, AMAS_EINVAL, "a bad format");
}

/* Each allocation failing once: an error, and nothing is lost. */
static void
test_memory(const char *addr)
{
	struct amas_value *v;
	unsigned long n, bad = 0;
	int rc = -1;

	for (n = 1; n < 1000 && rc != 0; n++) {
		v = NULL;
		tap_fail_alloc(n);
		rc = amas_call_once(&v, addr, NULL, "add", 5, NULL, "[ii]", 3,
		    4);
		if (rc == 0 && amas_value_int(v) != 7)
			bad++;
		amas_value_free(v);
		if (rc == 0 && tap_allocs() >= n)
			rc = -1; /* done without what it did not get */
	}
	tap_fail_alloc(0);
	tap_ok(rc == 0 && n > 10, "each of %lu allocations fails once", n - 1);
	tap_int((long long)bad, 0, "never with a wrong result");
}

int
main(void)
{
	char addr[64];
	int fds[2], status = -1;
	pid_t pid;

	if (pipe(fds) == -1 || (pid = fork()) == -1)
		return 1;
	if (pid == 0) {
		close(fds[0]);
		serve(fds[1]);
	}
	close(fds[1]);
	if (read(fds[0], addr, sizeof addr) <= 0)
		return 1;
	close(fds[0]);
	test_results(addr);
	test_errors(addr);
	test_memory(addr);
	tap_int(amas_call_once(NULL, addr, NULL, "stop", 5, NULL, NULL),
	    AMAS_ECLOSED, "the server is gone");
	if (waitpid(pid, &status, 0) != pid)
		return 1;
	tap_int(status, 0, "in order");
	return tap_done();
}
