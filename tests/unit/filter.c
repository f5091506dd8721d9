/*
 * Line filters, through a server and a client on one loop: callers that go,
 * sources that are removed, a loop that ends, memory that is short.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amas.h"
#include "jobs.h"
#include "loop.h"
#include "proc.h"
#include "tap.h"

static struct amas_loop *loop;
static struct amas_service *svc;
static struct amas_server *server;
static struct amas_channel *ch;
static struct amas_opts opts;

/* What became of calls. */
static struct {
	int n;
	int code;
	char text[512];
} got;

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	const char *text = rep->text;

	(void)arg;
	got.n++;
	got.code = rep->code;
	if (rep->kind == AMAS_RESULT && amas_value_text(rep->value) != NULL)
		text = amas_value_text(rep->value);
	(void)snprintf(got.text, sizeof got.text, "%s", text);
}

static void
wait_replies(int n)
{
	int i;

	for (i = 0; i < 500 && got.n < n; i++)
		(void)amas_loop_run(loop, 0.02);
}

static void
begin(const char *function, const char *line)
{
	if (amas_proxy_call(amas_channel_remote(ch), function, 0, on_reply,
	    NULL, "[s]", line) != 0)
		got.n++;
}

static void
gives(const char *function, const char *line, int code, const char *text)
{
	got.n = 0;
	begin(function, line);
	wait_replies(1);
	tap_int(got.n, 1, "%s %s: one answer", function, line);
	tap_int(got.code, code, "%s %s: its kind", function, line);
	tap_str(got.text, text, "%s %s: its text", function, line);
}

static void
load(const char *source)
{
	const struct amas_source_opts o = { .max_result = 100,
		.timeout_s = 0.5 };
	struct amas_error err;

	if (amas_service_load(svc, loop, source, &o, &err) != 0) {
		tap_ok(false, "%s: %s", source, err.text);
		exit(1);
	}
}

static bool
all_quiet(void)
{
	struct amas__jobs *jobs = amas__loop_jobs(loop);
	int i;

	for (i = 0; i < 500 && (amas__jobs_running(jobs) > 0 ||
	    amas__jobs_waiting(jobs) > 0); i++)
		(void)amas_loop_run(loop, 0.02);
	return i < 500;
}

static void
open_channel(void)
{
	if (amas_channel_open(&ch, loop, amas_server_addr(server), &opts,
	    NULL) != 0)
		abort();
}

static void
test_limit(void)
{
	char line[102];

	memset(line, 'x', sizeof line);
	line[100] = '\0';
	gives("same", line, 0, line);
	line[100] = 'x';
	line[101] = '\0';
	gives("same", line, AMAS_EREMOTE, "same: result is over 100 bytes");
	gives("same", "next", 0, "next");
}

/* The callers of a filter's running call, and of those behind it, go. */
static void
test_gone(void)
{
	int i;

	for (i = 0; i < 5; i++)
		begin("hang", "x");
	for (i = 0; i < 100 && amas__jobs_running(amas__loop_jobs(loop)) == 0;
	    i++)
		(void)amas_loop_run(loop, 0.02);
	tap_int((long long)amas__jobs_waiting(amas__loop_jobs(loop)), 4,
	    "calls wait for it");
	amas_channel_close(ch);
	for (i = 0; i < 20 && amas__jobs_waiting(amas__loop_jobs(loop)) > 0;
	    i++)
		(void)amas_loop_run(loop, 0.005);
	tap_int((long long)amas__jobs_waiting(amas__loop_jobs(loop)), 0,
	    "with their callers they go");
	tap_int((long long)amas__jobs_running(amas__loop_jobs(loop)), 1,
	    "the one that runs stays");
	open_channel();
	tap_ok(all_quiet(), "up to its deadline");
}

/* A source that is removed: the calls that it has go on, in order. */
static void
test_removed(void)
{
	got.n = 0;
	begin("slow", "a");
	begin("slow", "b");
	(void)amas_loop_run(loop, 0.05);
	amas_service_remove(svc, "slow");
	wait_replies(2);
	tap_int(got.n, 2, "calls of a source that was removed are answered");
	tap_str(got.text, "b", "the last one too");
	tap_ok(all_quiet(), "and it ends");
}

static void
test_alloc(void)
{
	bool missing = false, wrong = false;
	unsigned long n;
	int i;

	for (n = 1; n < 400; n++) {
		got.n = got.code = 0;
		tap_fail_alloc(n);
		begin("fresh", "x");
		wait_replies(1);
		if (tap_allocs() < n)
			break;
		tap_fail_alloc(0);
		missing |= got.n != 1;
		wrong |= !all_quiet();
		for (i = 0; i < 2; i++) { /* the connection may be lost */
			got.n = 0;
			begin("fresh", "y");
			wait_replies(1);
			if (got.code == 0 && strcmp(got.text, "y") == 0)
				break;
			amas_channel_close(ch);
			open_channel();
		}
		wrong |= i == 2;
	}
	tap_fail_alloc(0);
	tap_ok(n > 10 && n < 400, "%lu allocations failed once each", n - 1);
	tap_ok(!missing, "one outcome each");
	tap_ok(!wrong, "the next call works");
}

int
main(void)
{
	char tmp[] = "/tmp/amas-filter-XXXXXX", path[64];

	if (mkdtemp(tmp) == NULL || amas_loop_new(&loop, NULL, NULL) != 0 ||
	    amas_service_new(&svc, NULL) != 0)
		return 1;
	(void)snprintf(path, sizeof path, "%s/s", tmp);
	load("same=filter:exec cat");
	load("hang=filter:exec sleep 1000");
	load("slow=filter:while read x; do sleep 0.2; echo $x; done");
	load("fresh=filter:read x; echo $x"); /* ends after each */
	opts.service = svc;
	if (amas_server_open(&server, loop, path, &opts, NULL) != 0)
		return 1;
	open_channel();
	test_limit();
	test_gone();
	test_removed();
	test_alloc();
	got.n = 0;
	begin("hang", "x");
	begin("hang", "y");
	(void)amas_loop_run(loop, 0.1);
	tap_int((long long)amas__jobs_running(amas__loop_jobs(loop)), 1,
	    "one runs when the loop ends");
	/* The service, and with it the filters, outlive their loop. */
	amas_loop_free(loop);
	tap_int(got.n, 2, "its callers learn of it");
	amas_service_free(svc);
	(void)unlink(path);
	(void)rmdir(tmp);
	return tap_done();
}
