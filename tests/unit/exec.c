/* Calls of programs, through a server and a client on one loop. */
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
static struct amas_opts opts = { .types = "date,point" };

/* How the last call ended. */
static struct {
	int n;
	int code;
	char text[2048];
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
wait_reply(void)
{
	int i;

	for (i = 0; i < 500 && got.n == 0; i++)
		(void)amas_loop_run(loop, 0.02);
}

/* Waits until no process is left, and says whether all places are back. */
static bool
all_quiet(void)
{
	int i;

	for (i = 0; i < 500 && amas__procs_count(loop) > 0; i++)
		(void)amas_loop_run(loop, 0.02);
	(void)amas_loop_run(loop, 0);
	return amas__procs_count(loop) == 0 &&
	    amas__jobs_running(amas__loop_jobs(loop)) == 0 &&
	    amas__jobs_waiting(amas__loop_jobs(loop)) == 0;
}

static void
open_channel(void)
{
	if (amas_channel_open(&ch, loop, amas_server_addr(server), &opts,
	    NULL) != 0)
		abort();
}

/* Calls with one argument: v is borrowed. */
static void
call(const char *function, const struct amas_value *v)
{
	got.n = 0;
	if (amas_proxy_call(amas_channel_remote(ch), function, 0, on_reply,
	    NULL, "[v]", v) != 0)
		abort();
	wait_reply();
}

static void
gives(const char *function, struct amas_value *v, int code, const char *text)
{
	call(function, v);
	amas_value_free(v);
	tap_int(got.n, 1, "%s: one answer", function);
	tap_int(got.code, code, "%s: its kind", function);
	tap_str(got.text, text, "%s: its text", function);
}

static void
load(const char *source)
{
	const struct amas_source_opts o = { .max_result = 1000 };
	struct amas_error err;

	if (amas_service_load(svc, loop, source, &o, &err) != 0) {
		tap_ok(false, "%s: %s", source, err.text);
		exit(1);
	}
}

static void
test_types(void)
{
	gives("args", amas_value_pack("<s>", "date", "2016-01-01"), 0,
	    "<2016-01-01T00:00:00+00:00>");
	gives("args", amas_value_pack("<[ii]>", "point", 1, 2), 0, "<[1, 2]>");
	gives("args", amas_value_pack("[<s>]", "point", "x"), 0,
	    "<[{\"__type__\": [\"point\", \"x\"]}]>");
	gives("args", amas_value_pack("<s%>", "point", "a\0b", (size_t)3),
	    AMAS_EREMOTE, "args: argument 1 has a NUL at offset 1; serve it "
	    "as json:COMMAND");
	gives("args", amas_value_pack("s", "x"), 0, "<x>");
}

static void
test_limit(void)
{
	char text[1001];	/* "<x...x>", of which x...x is sent */

	memset(text, 'x', sizeof text);
	text[0] = '<';
	text[999] = '>';
	text[1000] = '\0';
	gives("args", amas_value_pack("s%", text + 1, (size_t)998), 0, text);
	gives("args", amas_value_pack("s%", text + 1, (size_t)999),
	    AMAS_EREMOTE, "args: result is over 1000 bytes");
}

/* Whether text has the URL of a peer or a proxy between two others. */
static bool
holds_url(const char *text, const char *before, const char *after)
{
	const char *url = text + strlen(before);
	size_t len = strlen(text), end = strlen(after);

	return strncmp(text, before, strlen(before)) == 0 && len > end &&
	    strncmp(url, "ipc:///", 7) == 0 && strstr(url, "/h//") != NULL &&
	    strcmp(text + len - end, after) == 0;
}

/* A proxy of ours: a program gets a URL, in whatever it stands. */
static void
test_proxy(void)
{
	got.n = 0;
	if (amas_proxy_call(amas_channel_remote(ch), "args", 0, on_reply,
	    NULL, "[p]", svc) == 0)
		wait_reply();
	tap_ok(holds_url(got.text, "<", ">"), "a proxy as argument: %s",
	    got.text);
	got.n = 0;
	if (amas_proxy_call(amas_channel_remote(ch), "args", 0, on_reply,
	    NULL, "[[p]]", svc) == 0)
		wait_reply();
	tap_ok(holds_url(got.text, "<[{\"__type__\": [\"proxy\", \"",
	    "\"]}]>"), "a proxy inside an argument: %s", got.text);
}

static void
test_gone(void)
{
	int i;

	for (i = 0; i < 5; i++)
		(void)amas_proxy_call(amas_channel_remote(ch), "hang", 0, NULL,
		    NULL, NULL);
	amas_loop_set_jobs(loop, 2, 0);
	for (i = 0; i < 100 && amas__procs_count(loop) < 2; i++)
		(void)amas_loop_run(loop, 0.02);
	tap_int((long long)amas__jobs_waiting(amas__loop_jobs(loop)), 3,
	    "calls wait");
	amas_channel_close(ch);
	tap_ok(all_quiet(), "a caller that goes takes its calls with it");
	open_channel();
}

/* A source that is removed while it is called: calls go on. */
static void
test_removed(void)
{
	got.n = 0;
	(void)amas_proxy_call(amas_channel_remote(ch), "slow", 0, on_reply,
	    NULL, NULL);
	while (amas__procs_count(loop) == 0)
		(void)amas_loop_run(loop, 0.01);
	amas_service_remove(svc, "slow");
	wait_reply();
	tap_str(got.text, "done", "a source that is removed under a call");
}

static void
test_alloc(void)
{
	struct amas_value *v = amas_value_pack("s", "x");
	unsigned long n;
	bool missing = false, wrong = false;
	int i;

	for (n = 1; n < 400; n++) {
		got.n = got.code = 0;
		tap_fail_alloc(n);
		if (amas_proxy_call(amas_channel_remote(ch), "args", 0,
		    on_reply, NULL, "[v]", v) == 0)
			wait_reply();
		else
			got.n = 1;
		if (tap_allocs() < n)
			break;
		tap_fail_alloc(0);
		missing |= got.n != 1;
		wrong |= !all_quiet();
		for (i = 0; i < 2; i++) { /* the connection may be lost */
			call("args", v);
			if (got.code == 0 && strcmp(got.text, "<x>") == 0)
				break;
			amas_channel_close(ch);
			open_channel();
		}
		wrong |= i == 2;
	}
	tap_fail_alloc(0);
	amas_value_free(v);
	tap_ok(n > 10 && n < 400, "%lu allocations failed once each", n - 1);
	tap_ok(!missing, "one outcome each");
	tap_ok(!wrong, "places are given back, the next call works");
}

int
main(void)
{
	char tmp[] = "/tmp/amas-exec-XXXXXX", path[64];

	if (mkdtemp(tmp) == NULL || amas_loop_new(&loop, NULL, NULL) != 0 ||
	    amas_service_new(&svc, NULL) != 0)
		return 1;
	(void)snprintf(path, sizeof path, "%s/s", tmp);
	load("args=exec:printf '<%s>' \"$@\"");
	load("hang=exec:sleep 1000");
	load("slow=exec:sleep 0.2; echo done");
	opts.service = svc;
	if (amas_server_open(&server, loop, path, &opts, NULL) != 0)
		return 1;
	open_channel();
	test_types();
	test_limit();
	test_proxy();
	test_gone();
	test_removed();
	test_alloc();
	(void)amas_proxy_call(amas_channel_remote(ch), "hang", 0, NULL, NULL,
	    NULL);
	while (amas__procs_count(loop) == 0)
		(void)amas_loop_run(loop, 0.01);
	amas_channel_close(ch);
	amas_server_close(server);
	amas_service_free(svc);
	amas_loop_free(loop); /* with a process that runs */
	(void)unlink(path);
	(void)rmdir(tmp);
	return tap_done();
}
