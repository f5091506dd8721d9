/* The programs of an agent's own, in a folder that is its class. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent_run.h"
#include "folder.h"
#include "home.h"
#include "jobs.h"
#include "loop.h"
#include "proc.h"
#include "tap.h"

static char tmp[] = "/tmp/amas-run-XXXXXX";
static char state[64], logged[8192];
static struct amas_loop *loop;
static struct amas__home home;
static struct amas__agent_run *r;
static int dir, free_at_line;

/* What was reported. */
static struct {
	int lines;
	size_t longest, bytes;
	char text[512];		/* the lines, each with "|" behind it */
	int ended;
	bool ok;
	char why[16384];
} got;

static const char *
on_state(struct amas__home *h, struct amas_error *err)
{
	(void)h;
	(void)err;
	return state;
}

static bool
on_serve(struct amas__home *h, struct amas_request *req)
{
	(void)h;
	(void)req;
	return false;
}

static void
on_home_gone(struct amas__home *h)
{
	(void)h; /* it is ours to the end */
}

static const struct amas__home_ops home_ops = { on_state, on_serve,
	on_home_gone };

static void
on_line(struct amas__agent_run *run, const char *line, size_t len, void *arg)
{
	size_t at = strlen(got.text);

	got.lines++;
	got.bytes += len;
	if (len > got.longest)
		got.longest = len;
	if (len + 1 < sizeof got.text - at)
		(void)snprintf(got.text + at, sizeof got.text - at, "%.*s|",
		    (int)len, line);
	tap_ok(run == r && arg == &got, "line: of this one");
	if (got.lines == free_at_line) {
		amas__agent_run_free(r);
		r = NULL;
	}
}

static void
on_ended(struct amas__agent_run *run, bool ok, const char *why, void *arg)
{
	tap_ok(run == r && arg == &got, "ended: this one");
	got.ended++;
	got.ok = ok;
	(void)snprintf(got.why, sizeof got.why, "%s", why);
	if (free_at_line < 0) {
		amas__agent_run_free(r);
		r = NULL;
	}
}

static const struct amas__agent_run_ops ops = { on_line, on_ended };

static void
on_log(int level, const char *line, void *arg)
{
	size_t at = strlen(logged);

	(void)arg;
	(void)snprintf(logged + at, sizeof logged - at, "%d %s\n", level, line);
}

static void
file(const char *name, mode_t mode, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", tmp, name);
	(void)unlink(path);
	if ((f = fopen(path, "w")) == NULL)
		abort();
	(void)fprintf(f, "#!/bin/sh\n%s\n", text);
	(void)fclose(f);
	(void)chmod(path, mode);
}

static void
make(enum amas__agent_program which)
{
	amas__agent_run_free(r);
	memset(&got, 0, sizeof got);
	logged[0] = '\0';
	free_at_line = 0;
	if (amas__agent_run_new(&r, which, &home, dir, false, "a:0", &ops,
	    &got, NULL) != 0)
		abort();
}

static void
wait_ended(int n)
{
	int i;

	for (i = 0; i < 1000 && got.ended < n; i++)
		(void)amas_loop_run(loop, 0.02);
	tap_int(got.ended, n, "ended: once");
}

static void
wait_lines(int n)
{
	int i;

	for (i = 0; i < 1000 && got.lines < n; i++)
		(void)amas_loop_run(loop, 0.02);
}

static void
wait_quiet(void)
{
	int i;

	for (i = 0; i < 1000 && amas__procs_count(loop) > 0; i++)
		(void)amas_loop_run(loop, 0.02);
	tap_int((long long)amas__procs_count(loop), 0, "no process is left");
	tap_int((long long)amas__jobs_running(amas__loop_jobs(loop)), 0,
	    "all places are back");
}

static void
starts(enum amas__agent_program which, const char *text)
{
	struct amas_error err = { 0 };

	file(which == AMAS__AGENT_RUN ? "run" : "init", 0755, text);
	make(which);
	tap_int(amas__agent_run_start(r, &err), 0, "starts");
	tap_int(got.ended, 0, "nothing inside");
}

static void
refuses(int code, const char *text)
{
	struct amas_error err = { 0 };

	make(AMAS__AGENT_RUN);
	tap_int(amas__agent_run_start(r, &err), code, "start: %s", text);
	tap_str(err.text, text, "start: its text");
	(void)amas_loop_run(loop, 0);
	tap_int(got.ended, 0, "start: nothing follows");
}

static void
test_start(void)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/run", tmp);
	refuses(AMAS_ENOENT, "run: No such file or directory");
	file("run", 0644, "");
	refuses(AMAS_ESYS, "run: is not executable");
	file("run", 0777, "");
	refuses(AMAS_ESYS, "run: others can write it");
	file("run", 04755, "");
	refuses(AMAS_ESYS, "run: is setuid or setgid");
	(void)unlink(path);
	(void)mkdir(path, 0755);
	refuses(AMAS_ESYS, "run: is a folder");
	(void)rmdir(path);
	(void)symlink("nowhere", path);
	refuses(AMAS_ESYS, "run: its link leads nowhere");
	(void)unlink(path);
}

static void
test_lines(void)
{
	starts(AMAS__AGENT_RUN, "printf 'a\\n\\nb'; sleep 0.1; printf 'c\\nd'");
	wait_ended(1);
	tap_str(got.text, "a||bc|d|", "lines: the last without an end, too");
	tap_ok(got.ok, "lines: ended well");
	tap_str(got.why, "exit status 0", "lines: how");
	starts(AMAS__AGENT_RUN, "echo a; exec >&-; echo err >&2; exit 3");
	wait_ended(1);
	tap_str(got.text, "a|", "lines: output that is closed");
	tap_ok(!got.ok, "lines: not well");
	tap_str(got.why, "exit status 3", "lines: its status");
	tap_str(logged, "1 a:0/run: err\n", "lines: errors are logged, as warnings");
	starts(AMAS__AGENT_RUN, "read x || echo none; kill -9 $$");
	wait_ended(1);
	tap_str(got.text, "none|", "lines: nothing stands on its input");
	tap_str(got.why, "killed by SIGKILL", "lines: a signal");
}

static void
test_long_lines(void)
{
	starts(AMAS__AGENT_RUN, "head -c 1048576 /dev/zero; echo; echo x");
	wait_ended(1);
	tap_int(got.lines, 2, "long: a line of 1 MiB is one");
	tap_int((long long)got.longest, 1 << 20, "long: as it is");
	starts(AMAS__AGENT_RUN, "head -c 1048577 /dev/zero; echo; echo x");
	wait_ended(1);
	tap_int(got.lines, 3, "long: a longer one comes in pieces");
	tap_int((long long)got.longest, 1 << 20, "long: of 1 MiB");
	tap_int((long long)got.bytes, (1 << 20) + 2, "long: with all of it");
	starts(AMAS__AGENT_RUN, "head -c 3000000 /dev/zero");
	wait_ended(1);
	tap_int(got.lines, 3, "long: without an end");
	tap_int((long long)got.bytes, 3000000, "long: with all of it");
}

static void
test_world(void)
{
	struct amas_value *args = amas_value_pack("[si[b]<s>]", "a b", 5, 1,
	    "date", "2016-01-01T00:00:00+00:00");
	struct amas_value *kwargs = amas_value_pack("{s:s,s:i}", "name", "Bo",
	    "bad-name", 1);
	char want[512];

	home.args = args;
	home.kwargs = kwargs;
	starts(AMAS__AGENT_RUN, "echo $#; for i; do echo \"$i\"; done\n"
	    "echo \"$AMAS_KW_name $AMAS_SELF $AMAS_INDEX $AMAS_STATE\"\n"
	    "pwd; echo ${AMAS_PARENT%%//*}; env | grep -c AMAS_");
	wait_ended(1);
	(void)snprintf(want, sizeof want, "4|a b|5|[true]|"
	    "2016-01-01T00:00:00+00:00|Bo tcp://h:1/7 3 %s|%s|ipc:|5|", state,
	    tmp);
	tap_str(got.text, want, "world: arguments and environment");
	amas_value_free(args);
	amas_value_free(kwargs);
	home.args = args = amas_value_pack("[ss%]", "x", "a\0b", (size_t)3);
	home.kwargs = NULL;
	refuses(AMAS_ETOOBIG, "argument 2 has a NUL at offset 1; given by its "
	    "name it can be read from AMAS_STATE/args");
	home.args = NULL;
	amas_value_free(args);
}

static void
test_init(void)
{
	starts(AMAS__AGENT_INIT, "echo hello; echo err >&2");
	tap_int(amas__agent_run_start(r, NULL), 0, "init: start again: is");
	wait_ended(1);
	tap_ok(got.ok && got.lines == 0, "init: ended well, and told no lines");
	tap_ok(strstr(logged, "a:0/init: hello\n") != NULL &&
	    strstr(logged, "a:0/init: err\n") != NULL, "init: both are logged");
	starts(AMAS__AGENT_INIT, "echo one >&2; echo two >&2; exit 3");
	wait_ended(1);
	tap_ok(!got.ok, "init: not well");
	tap_str(got.why, "init: exit status 3\none\ntwo", "init: its failure");
	tap_int(amas__agent_run_start(r, NULL), 0, "init: again");
	wait_ended(2);
	tap_str(got.why, "init: exit status 3\none\ntwo", "init: the same");
	file("init", 0755, "");
	starts(AMAS__AGENT_INIT, "kill -9 $$");
	wait_ended(1);
	tap_str(got.why, "init: killed by SIGKILL", "init: a signal");
	(void)unlink("init");
}

/* Places of -j: init needs one, run does not. */
static void
test_places(void)
{
	struct amas__jobs *jobs = amas__loop_jobs(loop);
	struct amas__job job;

	amas__job_init(&job, loop, NULL);
	amas_loop_set_jobs(loop, 1, 0);
	tap_ok(amas__job_take(&job), "places: none is free");
	starts(AMAS__AGENT_INIT, "exit 0");
	(void)amas_loop_run(loop, 0.1);
	tap_int((long long)amas__jobs_waiting(jobs), 1, "places: init waits");
	tap_int((long long)amas__procs_count(loop), 0, "places: unstarted");
	amas__job_done(&job);
	wait_ended(1);
	tap_ok(got.ok, "places: then it runs");
	(void)amas__job_take(&job);
	starts(AMAS__AGENT_INIT, "exit 0");
	amas__agent_run_stop(r);
	tap_int(got.ended, 0, "places: stopped while it waits: not inside");
	wait_ended(1);
	tap_str(got.why, "init: canceled", "places: so it ends");
	starts(AMAS__AGENT_INIT, "exit 0");
	amas__agent_run_free(r);
	r = NULL;
	tap_int((long long)amas__jobs_waiting(jobs), 0, "places: given up");
	starts(AMAS__AGENT_RUN, "echo x");
	wait_ended(1);
	tap_str(got.text, "x|", "places: run needs none");
	amas__job_done(&job);
	amas_loop_set_jobs(loop, 0, 0);
	wait_quiet();
}

static void
test_stop(void)
{
	starts(AMAS__AGENT_RUN, "trap 'echo bye; exit 0' TERM; echo up\n"
	    "while :; do sleep 0.01; done");
	wait_lines(1);
	amas__agent_run_stop(r);
	amas__agent_run_stop(r);
	wait_ended(1);
	tap_str(got.text, "up|bye|", "stop: in order");
	tap_ok(got.ok, "stop: its own status");
	tap_int(amas__agent_run_start(r, NULL), 0, "stop: started again");
	wait_lines(3);
	amas__agent_run_stop(r);
	wait_ended(2);
	tap_str(got.text, "up|bye|up|bye|", "stop: as before");
	starts(AMAS__AGENT_RUN, "trap '' TERM; echo up; while :; do sleep 1; "
	    "done");
	wait_lines(1);
	amas__agent_run_stop(r);
	wait_ended(1);
	tap_str(got.why, "killed by SIGKILL", "stop: one that will not");
	wait_quiet();
}

/* It is given up in each of its reports, and outside of them. */
static void
test_free(void)
{
	starts(AMAS__AGENT_RUN, "echo a; echo b; echo c; sleep 1000");
	free_at_line = 2;
	wait_lines(2);
	tap_str(got.text, "a|b|", "free: in a line");
	wait_quiet();
	starts(AMAS__AGENT_RUN, "printf a");
	free_at_line = 1;
	wait_lines(1);
	wait_quiet();
	tap_int(got.ended, 0, "free: in the last line: nothing follows");
	starts(AMAS__AGENT_RUN, "exit 0");
	free_at_line = -1;
	wait_ended(1);
	starts(AMAS__AGENT_INIT, "exit 1");
	free_at_line = -1;
	wait_ended(1);
	wait_quiet();
	starts(AMAS__AGENT_RUN, "sleep 1000");
	(void)amas_loop_run(loop, 0.05);
	amas__agent_run_free(r);
	r = NULL;
	wait_quiet();
	amas__agent_run_free(NULL);
}

/* Each allocation fails once; whatever comes, it ends, and all is back. */
static void
test_alloc(void)
{
	unsigned long n;
	bool done = false, lost = false;
	int rc, i;

	file("init", 0755, "echo err >&2; exit 1");
	for (n = 1; n < 500 && !done; n++) {
		amas__agent_run_free(r);
		r = NULL;
		memset(&got, 0, sizeof got);
		tap_fail_alloc(n);
		rc = amas__agent_run_new(&r, AMAS__AGENT_INIT, &home, dir,
		    false, "a:0", &ops, &got, NULL);
		if (rc == 0)
			rc = amas__agent_run_start(r, NULL);
		for (i = 0; i < 500 && rc == 0 && got.ended == 0; i++)
			(void)amas_loop_run(loop, 0.02);
		done = tap_allocs() < n;
		tap_fail_alloc(0);
		lost |= rc == 0 && got.ended != 1;
	}
	tap_ok(done && n > 8, "%lu allocations failed once each", n - 1);
	tap_ok(!lost, "alloc: each start has its end");
	wait_quiet();
}

int
main(void)
{
	char cmd[64];

	if (mkdtemp(tmp) == NULL || chdir(tmp) != 0 ||
	    (dir = amas__folder_open(tmp, false, NULL)) < 0 ||
	    amas_loop_new(&loop, NULL, NULL) != 0)
		return 1;
	amas_loop_set_log(loop, AMAS_LOG_DEBUG, on_log, NULL);
	(void)snprintf(state, sizeof state, "%s/state", tmp);
	home.ops = &home_ops;
	home.refs = 1;
	home.loop = loop;
	home.self = "tcp://h:1/7";
	home.index = 3;
	test_start();
	test_lines();
	test_long_lines();
	test_world();
	test_init();
	test_places();
	test_stop();
	test_free();
	test_alloc();
	amas__agent_run_free(r);
	amas_loop_free(loop);
	close(dir);
	(void)snprintf(cmd, sizeof cmd, "rm -rf %s", tmp);
	return system(cmd) != 0 || tap_done();
}
