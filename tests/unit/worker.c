/*
 * Workers, through a server and a client on one loop.  The worker is sed: it
 * answers a call with the call.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "amas.h"
#include "jobs.h"
#include "loop.h"
#include "proc.h"
#include "service.h"
#include "source.h"
#include "tap.h"
#include "worker.h"

#define ECHO "exec sed -u 's/^.0/[1/'"

static struct amas_loop *loop;
static struct amas_service *svc;
static struct amas_server *server;
static struct amas_channel *ch;
static struct amas_opts opts = { .types = "date,point" };
static char tmp[] = "/tmp/amas-worker-XXXXXX";
static char addr[64];

/* How the last call ended, and how many did. */
static struct {
	int n;
	int code;
	char text[512];
	struct amas_value *value;
} got;

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	(void)arg;
	got.n++;
	got.code = rep->code;
	(void)snprintf(got.text, sizeof got.text, "%s", rep->text);
	amas_value_free(got.value);
	got.value = amas_value_keep(rep->value);
}

static bool
wait_replies(int n)
{
	int i;

	for (i = 0; i < 500 && got.n < n; i++)
		(void)amas_loop_run(loop, 0.02);
	return got.n == n;
}

static bool
wait_procs(size_t n)
{
	int i;

	for (i = 0; i < 500 && amas__procs_count(loop) != n; i++)
		(void)amas_loop_run(loop, 0.02);
	return amas__procs_count(loop) == n;
}

static void
load(const char *source)
{
	struct amas_error err;

	if (amas_service_load(svc, loop, source, NULL, &err) != 0) {
		tap_ok(false, "%s: %s", source, err.text);
		exit(1);
	}
}

static void
world_open(void)
{
	if (amas_loop_new(&loop, NULL, NULL) != 0 ||
	    amas_service_new(&svc, NULL) != 0)
		abort();
	(void)snprintf(addr, sizeof addr, "%s/s", tmp);
	opts.service = svc;
	if (amas_server_open(&server, loop, addr, &opts, NULL) != 0 ||
	    amas_channel_open(&ch, loop, addr, &opts, NULL) != 0)
		abort();
	got.n = 0;
}

static void
world_close(void)
{
	amas_channel_close(ch);
	amas_server_close(server);
	amas_service_free(svc);
	amas_loop_free(loop);
	amas_value_free(got.value);
	got.value = NULL;
}

static int
start_call(const char *function, const struct amas_value *v)
{
	return amas_proxy_call(amas_channel_remote(ch), function, 0, on_reply,
	    NULL, "[v]", v);
}

/* Calls with one argument, which comes back. */
static void
echoes(struct amas_value *v, const char *what)
{
	const struct amas_value *args;

	got.n = 0;
	if (start_call("w/f", v) != 0)
		abort();
	tap_ok(wait_replies(1), "%s: one answer", what);
	tap_int(got.code, 0, "%s: a result", what);
	tap_str(amas_value_text(amas_value_at(got.value, 0)), "f",
	    "%s: path below the name", what);
	args = amas_value_at(got.value, 1);
	tap_ok(amas__value_equal(amas_value_at(args, 0), v),
	    "%s: comes back unchanged", what);
	amas_value_free(v);
}

static void
test_values(void)
{
	const struct amas_value *v;

	world_open();
	load("w=worker:" ECHO);
	echoes(amas_value_pack("<s>", "date", "2016-01-01T00:00:00+00:00"),
	    "date");
	echoes(amas_value_pack("[<[ii]>]", "point", 1, 2), "typed, inside");
	echoes(amas_value_pack("N", "123456789012345678901234567890"),
	    "big integer");
	got.n = 0;
	if (amas_proxy_call(amas_channel_remote(ch), "w/f", 0, on_reply, NULL,
	    "[[p]]", svc) != 0)
		abort();
	tap_ok(wait_replies(1), "proxy: one answer");
	tap_int(got.code, 0, "proxy: a result");
	v = amas_value_at(amas_value_at(got.value, 1), 0);
	tap_int(amas_value_type(amas_value_at(v, 0)), AMAS_PROXY,
	    "proxy: comes back as one of the worker's");
	world_close();
}

/* A worker in a folder: it is started by its first call. */
static void
test_lazy(void)
{
	struct amas__source_spec spec = { .name = NULL };
	struct amas__source *s;
	char path[64], name[] = "w", text[] = "e.worker";
	size_t stem;
	FILE *f;

	world_open();
	(void)snprintf(path, sizeof path, "%s/e.worker", tmp);
	if ((f = fopen(path, "w")) == NULL)
		abort();
	(void)fprintf(f, "#!/bin/sh\n" ECHO "\n");
	(void)fclose(f);
	(void)chmod(path, 0755);
	spec.name = name;
	spec.text = text;
	spec.kind = amas__source_by_suffix(text, &stem);
	spec.dir = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spec.kind->load(&s, &spec, loop, NULL, NULL) != 0 ||
	    amas__service_take_source(svc, "w", s, NULL) != 0)
		abort();
	close(spec.dir);
	(void)amas_loop_run(loop, 0.05);
	tap_int((long long)amas__procs_count(loop), 0, "lazy: not started");
	echoes(amas_value_pack("i", 5), "lazy");
	tap_int((long long)amas__procs_count(loop), 1, "lazy: started");
	world_close();
	(void)unlink(path);
}

/* The service gives it up: open calls go on, then the process ends. */
static void
test_removed(void)
{
	struct amas_value *v = amas_value_pack("i", 1);

	world_open();
	load("w:2=worker:sleep 0.2; " ECHO);
	load("idle=worker:" ECHO);
	(void)start_call("w/f", v);
	(void)start_call("w/g", v);
	(void)amas_loop_run(loop, 0.05);
	amas_service_remove(svc, "w");
	amas_service_remove(svc, "idle");
	tap_ok(wait_replies(2), "removed: open calls are answered");
	tap_int(got.code, 0, "removed: by a result");
	tap_ok(wait_procs(0), "removed: processes end");
	world_close();
	amas_value_free(v);
}

static void
test_gone(void)
{
	struct amas_value *v = amas_value_pack("i", 1);
	struct amas__jobs *jobs;
	int i;

	world_open();
	jobs = amas__loop_jobs(loop);
	load("w:3=worker:exec sleep 1000");
	for (i = 0; i < 10; i++)
		(void)start_call("w", v);
	for (i = 0; i < 500 && amas__jobs_running(jobs) < 3; i++)
		(void)amas_loop_run(loop, 0.02);
	tap_int((long long)amas__jobs_running(jobs), 3,
	    "gone: as many places as processes");
	amas_channel_close(ch);
	ch = NULL;
	for (i = 0; i < 500 && amas__jobs_running(jobs) > 0; i++)
		(void)amas_loop_run(loop, 0.02);
	tap_int((long long)amas__jobs_running(jobs), 0,
	    "gone: places are given back");
	tap_int((long long)amas__procs_count(loop), 3,
	    "gone: the processes stay");
	world_close();
	amas_value_free(v);
}

/* Everything ends while calls are open, in several orders. */
static void
test_ends(void)
{
	struct amas_value *v = amas_value_pack("i", 1);
	int i, order;

	for (order = 0; order < 4; order++) {
		world_open();
		load(order % 2 == 0 ? "w=worker:exec sleep 1000" :
		    "w=worker:/no/such/file");
		for (i = 0; i < 5; i++)
			(void)start_call("w", v);
		(void)amas_loop_run(loop, 0.02);
		if (order < 2) {
			amas_service_free(svc);
			amas_loop_free(loop);
		} else {
			amas_loop_free(loop);
			amas_service_free(svc);
		}
		tap_int(got.n, 5, "end %d: each call ended once", order);
		amas_value_free(got.value);
		got.value = NULL;
	}
	amas_value_free(v);
}

static void
test_drain(void)
{
	struct amas_value *v = amas_value_pack("i", 1);

	world_open();
	load("w=worker:sleep 0.2; " ECHO);
	load("idle=worker:" ECHO);
	load("down=worker:exit 1");
	(void)start_call("w", v);
	(void)amas_loop_run(loop, 0.05);
	amas_loop_drain(loop, 5);
	tap_ok(wait_replies(1), "drain: an open call is answered");
	tap_int(got.code, 0, "drain: by a result");
	tap_int(amas_loop_run(loop, 5), 0, "drain: then nothing is left");
	world_close();
	amas_value_free(v);
}

/* A limit at its edge: the queue of one that does not read. */
static void
test_queue(void)
{
	struct amas_value *v;
	char *text = malloc(AMAS__WORKER_QUEUED / 8);
	int i;

	if (text == NULL)
		abort();
	memset(text, 'x', AMAS__WORKER_QUEUED / 8);
	v = amas_value_pack("s%", text, AMAS__WORKER_QUEUED / 8 - 100);
	world_open();
	amas_loop_set_jobs(loop, 0, 3);
	load("w=worker:exec sleep 1000");
	/* 8 fill the queue nearly, 1 runs over it, 3 wait */
	for (i = 0; i < 12; i++)
		(void)start_call("w", v);
	(void)amas_loop_run(loop, 0.5);
	tap_int(got.n, 0, "queue: calls up to its limit wait");
	for (i = 0; i < 3; i++)
		(void)start_call("w", v);
	tap_ok(wait_replies(2) || wait_replies(3), "queue: further ones fail");
	tap_ok(strstr(got.text, "worker w: busy: ") == got.text &&
	    strstr(got.text, " running, 3 waiting (--queue)") != NULL,
	    "queue: %s", got.text);
	world_close();
	amas_value_free(v);
	free(text);
}

/* A source is made and called, with each allocation failing once. */
static void
test_alloc(void)
{
	struct amas_value *v = amas_value_pack("s", "x");
	unsigned long n;
	bool done = false, missing = false, wrong = false;

	for (n = 1; n < 1000 && !done; n++) {
		world_open();
		tap_fail_alloc(n);
		if (amas_service_load(svc, loop, "w=worker:" ECHO, NULL,
		    NULL) == 0 && start_call("w", v) == 0)
			missing |= !wait_replies(1);
		done = tap_allocs() < n;
		tap_fail_alloc(0);
		if (amas__jobs_running(amas__loop_jobs(loop)) != 0)
			wrong = true;
		amas_service_remove(svc, "w");
		wrong |= !wait_procs(0);
		world_close();
	}
	amas_value_free(v);
	tap_ok(done && n > 20, "%lu allocations failed once each", n - 1);
	tap_ok(!missing, "alloc: one outcome each");
	tap_ok(!wrong, "alloc: places are given back, processes end");
}

int
main(void)
{
	if (mkdtemp(tmp) == NULL)
		return 1;
	test_values();
	test_lazy();
	test_removed();
	test_gone();
	test_ends();
	test_drain();
	test_queue();
	test_alloc();
	(void)unlink(addr);
	(void)rmdir(tmp);
	return tap_done();
}
