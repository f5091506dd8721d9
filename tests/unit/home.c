/*
 * What is an agent's: its folder, the environment of its processes, its turns,
 * what its home answers.  Through a server and a client on one loop; handlers
 * that ask the host are workers and programs that call amas-call.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "amas.h"
#include "home.h"
#include "jobs.h"
#include "loop.h"
#include "proc.h"
#include "request.h"
#include "service.h"
#include "source.h"
#include "tap.h"

#define N 20		/* calls at a time */

static char tmp[] = "/tmp/amas-home-XXXXXX";
static char state[64], addr[64], tool[400];
static struct amas_loop *loop;
static struct amas_service *svc;
static struct amas_server *server;
static struct amas_channel *ch;
static struct amas_opts opts;
static struct amas_source_opts source_opts;
static struct amas_request *kept;	/* what home has not answered yet */
static int n_gone;

/* How call i ended. */
static struct got {
	int n;
	int order;		/* among all, from 1 */
	int code;
	char text[2048];
} got[N];
static int n_got;

/* ---- A home ---- */

static const char *
on_state(struct amas__home *h, struct amas_error *err)
{
	(void)h;
	(void)err;
	(void)mkdir(state, 0700);
	return state;
}

static void
on_gone(void *arg)
{
	(void)arg;
	n_gone++;
}

static bool
on_serve(struct amas__home *h, struct amas_request *req)
{
	const char *path = amas_request_path(req);

	(void)h;
	if (strcmp(path, "amas/now") == 0) {
		amas_request_reply(req, "s", "at once");
	} else if (strcmp(path, "amas/never") == 0) {
		/* neither kept nor answered: null */
	} else if (strcmp(path, "amas/later") == 0) {
		kept = amas_request_keep(req);
		amas_request_on_gone(req, on_gone, NULL);
	} else {
		return false;
	}
	return true;
}

static void
on_home_gone(struct amas__home *h)
{
	(void)h; /* it is ours to the end */
}

static const struct amas__home_ops home_ops = { on_state, on_serve,
	on_home_gone };
static struct amas__home home;

/* ---- Files, calls ---- */

static void
file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/c/%s", tmp, name);
	if ((f = fopen(path, "w")) == NULL)
		abort();
	(void)fprintf(f, "#!/bin/sh\n%s\n", text);
	(void)fclose(f);
	(void)chmod(path, 0755);
}

static void
on_reply(const struct amas_reply *rep, void *arg)
{
	struct got *g = arg;
	const char *text = rep->text;

	g->n++;
	g->order = ++n_got;
	g->code = rep->code;
	if (rep->kind == AMAS_RESULT && amas_value_text(rep->value) != NULL)
		text = amas_value_text(rep->value);
	(void)snprintf(g->text, sizeof g->text, "%s", text);
}

static void
begin(int i, const char *function, const char *arg)
{
	memset(&got[i], 0, sizeof got[i]);
	if (amas_proxy_call(amas_channel_remote(ch), function, 0, on_reply,
	    &got[i], "[s]", arg) != 0)
		abort();
}

static void
wait_for(int i)
{
	int n;

	for (n = 0; n < 500 && got[i].n == 0; n++)
		(void)amas_loop_run(loop, 0.02);
}

static void
gives(const char *function, int code, const char *text)
{
	begin(0, function, "x");
	wait_for(0);
	tap_int(got[0].n, 1, "%s: one answer", function);
	tap_int(got[0].code, code, "%s: its kind", function);
	tap_str(got[0].text, text, "%s: its text", function);
}

static struct amas__source *
load(const char *text, struct amas__home *h)
{
	struct amas__source_spec spec;
	struct amas__source *s;
	struct amas_error err;

	if (amas__source_parse(&spec, text, &err) != 0)
		abort();
	spec.home = h;
	if (spec.kind->load(&s, &spec, loop, &source_opts, &err) != 0) {
		tap_ok(false, "%s: %s", text, err.text);
		exit(1);
	}
	amas__source_fini(&spec);
	return s;
}

static void
mount(const char *name, struct amas__source *s)
{
	if (amas__service_take_source(svc, name, s, NULL) != 0)
		abort();
}

static void
world_open(void)
{
	if (amas_loop_new(&loop, NULL, NULL) != 0 ||
	    amas_service_new(&svc, NULL) != 0)
		abort();
	opts.service = svc;
	if (amas_server_open(&server, loop, addr, &opts, NULL) != 0 ||
	    amas_channel_open(&ch, loop, addr, &opts, NULL) != 0)
		abort();
	n_got = n_gone = 0;
	kept = NULL;
	memset(&home, 0, sizeof home);
	home.ops = &home_ops;
	home.refs = 1;
	home.loop = loop;
	home.self = "tcp://h:1/7";
	home.index = 3;
	home.turns = amas__jobs_new_turns(amas__loop_jobs(loop));
}

static void
world_close(void)
{
	int i;

	for (i = 0; i < 500 && amas__procs_count(loop) > 0; i++)
		(void)amas_loop_run(loop, 0.02);
	tap_int((long long)amas__jobs_running(amas__loop_jobs(loop)), 0,
	    "all places are back");
	tap_int((long long)amas__jobs_asleep(amas__loop_jobs(loop)), 0,
	    "nobody sleeps");
	tap_int((long long)amas__jobs_waiting(amas__loop_jobs(loop)), 0,
	    "nobody waits");
	amas_channel_close(ch);
	amas_server_close(server);
	amas_service_free(svc);
	amas__jobs_free(home.turns);
	amas_loop_free(loop);
}

/* ---- The environment ---- */

#define SHOW "echo \"$AMAS_SELF $AMAS_INDEX $AMAS_STATE\""

static void
test_environment(void)
{
	char want[256];

	world_open();
	(void)snprintf(want, sizeof want, "tcp://h:1/7 3 %s", state);
	mount("e", load("e=exec:" SHOW, &home));
	mount("f", load("f=filter:read x; " SHOW, &home));
	gives("e", 0, want);
	gives("f", 0, want);
	home.self = NULL;
	(void)snprintf(want, sizeof want, "none 3 %s", state);
	mount("n", load("n=exec:echo ${AMAS_SELF-none} $AMAS_INDEX "
	    "$AMAS_STATE", &home));
	gives("n", 0, want);
	mount("s", load("s=exec:echo ${AMAS_SELF-none} ${AMAS_INDEX-none}",
	    NULL));
	gives("s", 0, "none none");
	amas_service_remove(svc, "f");
	world_close();
}

/* A worker is made with arguments, a filter beside it is not. */
#define TELL "printf '[1, %s, \"%s\"]\\n' \"$id\" \"$*/$AMAS_KW_k/$AMAS_SELF\""

static void
test_arguments(void)
{
	struct amas_value *args = amas_value_pack("[si<s>]", "a b", 5, "date",
	    "2016-01-01T00:00:00+00:00"), *kwargs = amas_value_pack("{s:s}",
	    "k", "v");
	struct amas__source_spec spec;
	struct amas__source *s;
	struct amas_error err;

	world_open();
	home.args = args;
	home.kwargs = kwargs;
	file("w.worker", "while IFS='[, ' read -r a b id c; do " TELL
	    "; done");
	mount("w", load("w=worker:while IFS='[, ' read -r a b id c; do " TELL
	    "; done", &home));
	mount("c", load("c", &home));
	gives("w", 0, "a b 5 2016-01-01T00:00:00+00:00/v/tcp://h:1/7");
	gives("c/w", 0, "a b 5 2016-01-01T00:00:00+00:00/v/tcp://h:1/7");
	mount("f", load("f=filter:read x; echo \"$#/$AMAS_KW_k\"", &home));
	gives("f", 0, "0/");
	amas_value_free(args);
	home.args = args = amas_value_pack("[s%]", "a\0b", (size_t)3);
	if (amas__source_parse(&spec, "w=worker:cat", NULL) != 0)
		abort();
	spec.home = &home;
	tap_int(spec.kind->load(&s, &spec, loop, NULL, &err), AMAS_ETOOBIG,
	    "arguments: one that cannot be");
	tap_str(err.text, "argument 1 has a NUL at offset 1; given by its "
	    "name it can be read from AMAS_STATE/args", "arguments: why");
	amas__source_fini(&spec);
	amas_service_remove(svc, "w");
	amas_service_remove(svc, "c");
	amas_service_remove(svc, "f");
	world_close();
	amas_value_free(args);
	amas_value_free(kwargs);
}

/* ---- The folder ---- */

static int n_told;

static void
on_log(int level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	n_told += strcmp(line, "c/run is not served: it is the agent's own") ==
	    0;
}

static void
test_own(void)
{
	world_open();
	amas_loop_set_log(loop, AMAS_LOG_WARN, on_log, NULL);
	file("run", "echo run");
	file("init", "echo init");
	file("init.json", "echo 1");
	file("run-it", "echo it");
	file("sub/run", "echo sub");
	mount("a", load("c", &home));
	mount("s", load("c", NULL));
	gives("a/run", AMAS_EREMOTE,
	    "LookupError: Name \"run\" not found in \"a\"");
	gives("a/init", AMAS_EREMOTE,
	    "LookupError: Name \"init\" not found in \"a\"");
	gives("a/run/x", AMAS_EREMOTE,
	    "LookupError: Name \"run\" not found in \"a\"");
	gives("a/sub/run", 0, "sub");
	gives("a/run-it", 0, "it");
	gives("s/run", 0, "run");
	tap_int(n_told, 1, "the log says why, once");
	world_close();
}

static size_t
n_listed;

static void
on_list(const struct amas_reply *rep, void *arg)
{
	size_t i;

	(void)arg;
	for (i = 0; i < amas_value_len(rep->value); i++) {
		const char *name = amas_value_text(amas_value_at(rep->value,
		    i));

		if (name != NULL && (strcmp(name, "a/run") == 0 ||
		    strcmp(name, "a/init") == 0))
			tap_ok(false, "list: %s", name);
		if (name != NULL && (strcmp(name, "a/sub/run") == 0 ||
		    strcmp(name, "s/run") == 0 || strcmp(name, "s/init") == 0))
			n_listed++;
	}
	got[0].n++;
}

static void
test_list(void)
{
	world_open();
	mount("a", load("c", &home));
	mount("s", load("c", NULL));
	got[0].n = 0;
	if (amas_proxy_call(amas_channel_remote(ch), "amas/list", 0, on_list,
	    NULL, "[]") != 0)
		abort();
	wait_for(0);
	tap_int((long long)n_listed, 3, "list: what is served, alone");
	world_close();
}

static size_t
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		closedir(d);
	return n;
}

#define AGENTS 1000

static void
test_again(void)
{
	static struct amas__source *s[AGENTS];
	struct amas__home other;
	size_t before, heap, i;
	bool same = true;

	world_open();
	other = home;
	other.self = "tcp://h:1/8";
	other.turns = NULL;
	file("self", "echo $AMAS_SELF");
	file("pid.worker", "while IFS='[, ' read -r a b id c; do "
	    "printf '[1, %s, \"%s\"]\\n' \"$id\" $$; done");
	s[0] = load("c", &home);
	before = descriptors();
	tap_heap_start();
	for (i = 1; i < AGENTS; i++)
		if (amas__source_dir_again(&s[i], s[0], &other, NULL) != 0)
			abort();
	heap = tap_heap_peak();
	tap_int((long long)descriptors(), (long long)before,
	    "again: agents of a class take no descriptors");
	tap_ok(heap < AGENTS * (size_t)200, "again: nor much memory: %zu",
	    heap / AGENTS);
	for (i = 2; i < AGENTS; i++) {
		same = same && amas__source_dir_fd(s[i]) ==
		    amas__source_dir_fd(s[0]);
		s[i]->ops->free(s[i]);
	}
	tap_ok(same, "again: one descriptor for all");
	mount("a", s[0]);
	mount("b", s[1]);
	gives("a/self", 0, "tcp://h:1/7");
	gives("b/self", 0, "tcp://h:1/8");
	begin(1, "a/pid", "x");
	wait_for(1);
	begin(2, "b/pid", "x");
	wait_for(2);
	tap_ok(got[1].code == 0 && got[2].code == 0 &&
	    strcmp(got[1].text, got[2].text) != 0,
	    "again: what stays, stays for each");
	amas_service_remove(svc, "a");
	gives("b/self", 0, "tcp://h:1/8");
	amas_service_remove(svc, "b");
	tap_ok(descriptors() < before + 10, "again: all is closed");
	world_close();
}

static void
test_again_alloc(void)
{
	struct amas__source *first, *s;

	world_open();
	first = load("c", &home);
	tap_fail_alloc(1);
	tap_int(amas__source_dir_again(&s, first, &home, NULL), AMAS_ENOMEM,
	    "again: memory is short");
	tap_fail_alloc(0);
	first->ops->free(first);
	world_close();
}

/* ---- Turns ---- */

#define ALONE "mkdir lock || exit 1; sleep 0.01; rmdir lock; echo \"$1\""

/* Handlers of all kinds, one at a time, in order of arrival. */
static void
test_turns(void)
{
	static const char *const names[] = { "e", "f", "g", "e", "f" };
	int i, good = 0, ordered = 0;

	world_open();
	mount("e", load("e=exec:" ALONE, &home));
	mount("f", load("f=filter:while read x; do mkdir lock; sleep 0.01; "
	    "rmdir lock && echo $x; done", &home));
	mount("g", load("g=filter:while read x; do mkdir lock; sleep 0.01; "
	    "rmdir lock && echo $x; done", &home));
	for (i = 0; i < N; i++)
		begin(i, names[i % 5], "x");
	for (i = 0; i < N; i++) {
		wait_for(i);
		good += got[i].n == 1 && got[i].code == 0;
		ordered += got[i].order == i + 1;
	}
	tap_int(good, N, "turns: one at a time, of all kinds");
	tap_int(ordered, N, "turns: in order of arrival");
	/* Its callers go: those that wait, and the one that runs. */
	for (i = 0; i < N; i++)
		begin(i, names[i % 5], "x");
	(void)amas_loop_run(loop, 0.05);
	amas_channel_close(ch);
	ch = NULL;
	for (i = 0; i < 200 && amas__jobs_running(home.turns) > 0; i++)
		(void)amas_loop_run(loop, 0.02);
	tap_int((long long)amas__jobs_running(home.turns), 0,
	    "turns: callers that go leave no turn behind");
	if (amas_channel_open(&ch, loop, addr, &opts, NULL) != 0)
		abort();
	(void)system("rm -rf lock");
	gives("f", 0, "x");
	gives("e", 0, "x");
	amas_service_remove(svc, "f");
	amas_service_remove(svc, "g");
	world_close();
}

/* The loop goes, with calls of a filter that have no turn yet. */
static void
test_turns_end(void)
{
	int i, n = 0;

	world_open();
	mount("f", load("f=filter:sleep 1000", &home));
	for (i = 0; i < 5; i++)
		begin(i, "f", "x");
	(void)amas_loop_run(loop, 0.05);
	amas_loop_free(loop);
	for (i = 0; i < 5; i++)
		n += got[i].n;
	tap_int(n, 5, "turns: each call ends with the loop");
	amas_service_free(svc);
	amas__jobs_free(home.turns);
}

/* ---- What the home answers ---- */

static void
wait_kept(void)
{
	int i;

	for (i = 0; i < 500 && kept == NULL; i++)
		(void)amas_loop_run(loop, 0.02);
	tap_ok(kept != NULL, "serve: the home was asked");
}

/* Waits until a handler has its turn. */
static void
wait_turn(void)
{
	int i;

	for (i = 0; i < 500 && amas__jobs_running(home.turns) == 0; i++)
		(void)amas_loop_run(loop, 0.02);
}

static void
answer_kept(const char *text)
{
	struct amas_request *req = kept;

	kept = NULL;
	amas_request_reply(req, "s", text);
}

static void
fail_kept(const char *text)
{
	struct amas_request *req = kept;

	kept = NULL;
	amas_request_fail(req, "%s", text);
}

static void
test_serve(void)
{
	char ask[1024];

	world_open();
	(void)snprintf(ask, sizeof ask, "ask=exec:exec %s -r $AMAS_PARENT "
	    "\"$1\"", tool);
	mount("ask", load(ask, &home));
	mount("up", load("up=exec:echo up", &home));
	begin(0, "ask", "amas/now");
	wait_for(0);
	tap_str(got[0].text, "at once", "serve: answered at once");
	begin(0, "ask", "amas/never");
	wait_for(0);
	tap_ok(got[0].code == 0 && got[0].text[0] == '\0',
	    "serve: not answered: null");
	begin(0, "ask", "amas/other");
	wait_for(0);
	tap_ok(strstr(got[0].text, "LookupError: Name \"amas\" not found in "
	    "\"\"") != NULL, "serve: not known: %s", got[0].code == 0 ?
	    "answered" : "LookupError");
	begin(0, "ask", "amas/later");
	wait_kept();
	tap_int((long long)amas__jobs_asleep(home.turns), 1,
	    "serve: who waits for it sleeps");
	begin(1, "up", "x");
	wait_for(1);
	tap_str(got[1].text, "up", "serve: and lets the next in");
	tap_int(got[0].n, 0, "serve: before its answer");
	answer_kept("done");
	wait_for(0);
	tap_str(got[0].text, "done", "serve: then it has that");
	begin(0, "ask", "amas/later");
	wait_kept();
	fail_kept("ValueError: no");
	wait_for(0);
	tap_ok(strstr(got[0].text, "\nValueError: no") != NULL ||
	    strstr(got[0].text, ": ValueError: no") != NULL,
	    "serve: a failure is one");
	world_close();
}

/* The answer waits until there is a turn again. */
static void
test_serve_held(void)
{
	char ask[1024];

	world_open();
	(void)snprintf(ask, sizeof ask, "ask=exec:exec %s -r $AMAS_PARENT "
	    "\"$1\"", tool);
	mount("ask", load(ask, &home));
	mount("slow", load("slow=exec:sleep 0.2; echo slow", &home));
	mount("up", load("up=exec:echo up", &home));
	begin(0, "ask", "amas/later");
	wait_kept();
	begin(1, "slow", "x");
	begin(2, "up", "x");
	wait_turn();
	answer_kept("late");
	wait_for(0);
	wait_for(2);
	tap_str(got[0].text, "late", "held: it comes");
	tap_ok(got[1].order == 1 && got[0].order == 2 && got[2].order == 3,
	    "held: when there is a turn, and before a start");
	world_close();
}

/* Who asked goes away, before the home answers, and while that is held. */
static void
test_serve_gone(void)
{
	char ask[1024];
	int i;

	world_open();
	(void)snprintf(ask, sizeof ask, "ask=exec:exec %s -r $AMAS_PARENT "
	    "\"$1\"", tool);
	source_opts.timeout_s = 0.3;
	mount("ask", load(ask, &home));
	source_opts.timeout_s = 0;
	mount("slow", load("slow=exec:sleep 0.6; echo slow", &home));
	begin(0, "ask", "amas/later");
	wait_kept();
	wait_for(0);
	tap_str(got[0].text, "timed out after 0.3s in ask", "gone: it is ended");
	for (i = 0; i < 500 && n_gone == 0; i++)
		(void)amas_loop_run(loop, 0.02);
	tap_int(n_gone, 1, "gone: the home is told");
	answer_kept("in vain");
	begin(0, "ask", "amas/later");
	wait_kept();
	begin(1, "slow", "x");
	wait_turn();
	answer_kept("held");
	wait_for(0);
	tap_str(got[0].text, "timed out after 0.3s in ask",
	    "gone: while its answer is held");
	wait_for(1);
	tap_str(got[1].text, "slow", "gone: the others go on");
	tap_int(n_gone, 1, "gone: the home was answered");
	world_close();
}

/* A worker asks: its lines are open, whatever it waits for. */
static void
test_serve_worker(void)
{
	world_open();
	mount("w", load("w=worker:read -r a; "
	    "echo '[0, 1, [\"amas/later\", [], {}]]'; read -r b; "
	    "echo \"[1, 0, $b]\"; cat >/dev/null", &home));
	begin(0, "w", "x");
	wait_kept();
	answer_kept("lines");
	wait_for(0);
	tap_int(got[0].code, 0, "worker: has its answer");
	amas_service_remove(svc, "w");
	world_close();
	world_open();
	mount("w", load("w=worker:read -r a; "
	    "echo '[0, 1, [\"amas/later\", [], {}]]'; sleep 0.1", &home));
	begin(0, "w", "x");
	wait_kept();
	wait_for(0);
	tap_str(got[0].text, "worker w: exit status 0", "worker: ends");
	tap_int(n_gone, 1, "worker: the home is told");
	answer_kept("in vain");
	amas_service_remove(svc, "w");
	world_close();
}

int
main(void)
{
	char cmd[64];
	ssize_t len = readlink("/proc/self/exe", tool, sizeof tool - 1);
	int i;

	if (len <= 0)
		return 1;
	tool[len] = '\0';
	for (i = 0; i < 3; i++) /* build/tests/unit/home */
		*strrchr(tool, '/') = '\0';
	(void)strcat(tool, "/amas-call");
	if (mkdtemp(tmp) == NULL || chdir(tmp) != 0 || mkdir("c", 0755) != 0 ||
	    mkdir("c/sub", 0755) != 0)
		return 1;
	(void)snprintf(state, sizeof state, "%s/state", tmp);
	(void)snprintf(addr, sizeof addr, "%s/s", tmp);
	test_environment();
	test_arguments();
	test_own();
	test_list();
	test_again();
	test_again_alloc();
	test_turns();
	test_turns_end();
	test_serve();
	test_serve_held();
	test_serve_gone();
	test_serve_worker();
	(void)snprintf(cmd, sizeof cmd, "rm -rf %s", tmp);
	return system(cmd) != 0 || tap_done();
}
