/* The grammar of sources. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop.h"
#include "service.h"
#include "source.h"
#include "tap.h"

static void
parses(const char *text, const char *name, size_t count, const char *suffix,
    const char *rest)
{
	struct amas__source_spec s;
	struct amas_error err;

	if (amas__source_parse(&s, text, &err) != 0) {
		tap_ok(false, "%s", text);
		tap_diag("%s", err.text);
		return;
	}
	tap_str(s.name, name, "%s: name", text);
	tap_int((long long)s.count, (long long)count, "%s: count", text);
	tap_str(s.kind->suffix, suffix, "%s: kind", text);
	tap_str(s.text, rest, "%s: rest", text);
	amas__source_fini(&s);
}

static void
fails(const char *text, int code, const char *cause)
{
	struct amas__source_spec s;
	struct amas_error err = { 0 };

	tap_int(amas__source_parse(&s, text, &err), code, "\"%s\" fails",
	    text);
	tap_str(err.text, cause, "\"%s\": cause", text);
}

static void
test_commands(void)
{
	parses("up=exec:tr a-z A-Z", "up", 0, "", "tr a-z A-Z");
	parses("a/b_2/c-d=text:x=y", "a/b_2/c-d", 0, ".text", "x=y");
	parses("n=json:jq .", "n", 0, ".json", "jq .");
	parses("calc=filter:BC_LINE_LENGTH=0 bc -lq", "calc", 0, ".filter",
	    "BC_LINE_LENGTH=0 bc -lq");
	parses("worker:A=1 ./w", "", 0, ".worker", "A=1 ./w");
	parses("w:3=worker:x", "w", 3, ".worker", "x");
	parses("w:1000000=worker:x", "w", 1000000, ".worker", "x");
	parses("x.y=shared:z", "x.y", 0, ".shared", "z");
	fails("w:0=worker:x", AMAS_EINVAL,
	    "count is not between 1 and 1000000");
	fails("w:1000001=worker:x", AMAS_EINVAL,
	    "count is not between 1 and 1000000");
	fails("w:99999999999999999999999=worker:x", AMAS_EINVAL,
	    "count is not between 1 and 1000000");
	fails("exec:x", AMAS_EINVAL,
	    "a command needs a name: NAME=exec:COMMAND");
	fails("exec:A=1 x", AMAS_EINVAL,
	    "a command needs a name: NAME=exec:COMMAND");
	fails("filter:x", AMAS_EINVAL,
	    "a command needs a name: NAME=filter:COMMAND");
	fails("x=exec:", AMAS_EINVAL, "\"exec:\" has no command");
	fails("x=exec: ", AMAS_EINVAL, "\"exec:\" has no command");
	fails("x=", AMAS_EINVAL, "source is empty");
	fails("", AMAS_EINVAL, "source is empty");
}

static void
make(const char *path, mode_t mode)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		abort();
	fputs("#!/bin/sh\n", f);
	fclose(f);
	chmod(path, mode);
}

static void
test_paths(void)
{
	if (mkdir("dir", 0755) == -1 || mkdir("a=b", 0755) == -1)
		abort();
	make("add", 0755);
	make("mean.json", 0755);
	make("dot.x", 0755);
	make("raw.text", 0755);
	make("plug.so", 0755);
	make(".json", 0755);
	make("math.worker", 0755);
	parses("./add", "add", 0, "", "./add");
	parses("add", "add", 0, "", "add");
	parses("./mean.json", "mean", 0, ".json", "./mean.json");
	parses("m=raw.text", "m", 0, ".text", "raw.text");
	parses("./plug.so", "", 0, ".so", "./plug.so");
	parses("math.worker", "", 0, ".worker", "math.worker");
	parses("m:2=math.worker", "m", 2, ".worker", "math.worker");
	parses("dir", "", 0, NULL, "dir");
	parses("d=./dir", "d", 0, NULL, "./dir");
	parses("./a=b", "", 0, NULL, "./a=b");
	parses("d=a=b", "d", 0, NULL, "a=b");
	fails("./dot.x", AMAS_EINVAL,
	    "\"dot.x\" cannot be a name; give it one: NAME=./dot.x");
	parses("dot=./dot.x", "dot", 0, "", "./dot.x");
	fails("./.json", AMAS_EINVAL,
	    "\".json\" cannot be a name; give it one: NAME=./.json");
	fails("./nope", AMAS_ENOENT, "No such file or directory");
	fails("add/x", AMAS_ESYS, "Not a directory");
	fails("-x=add", AMAS_ENOENT, "No such file or directory");
}

static void
loads(struct amas_service *svc, struct amas_loop *l, const char *source,
    int code, const char *cause)
{
	struct amas_error err = { 0 };

	tap_int(amas_service_load(svc, l, source, NULL, &err), code,
	    "load %s", source);
	tap_str(err.text, cause, "%s: cause", source);
}

static void
test_load(void)
{
	struct amas_service *svc;
	struct amas_loop *l;
	unsigned long n;
	int rc;

	if (amas_loop_new(&l, NULL, NULL) != 0 ||
	    amas_service_new(&svc, NULL) != 0)
		abort();
	loads(svc, l, "dir", 0, "");
	loads(svc, l, "d=dir", 0, "");
	loads(svc, l, "./add", 0, "");
	loads(svc, l, "up=exec:tr a-z A-Z", 0, "");
	loads(svc, l, "m/mean=./mean.json", 0, "");
	loads(svc, l, "add=exec:true", AMAS_EEXIST, "name \"add\" is taken");
	loads(svc, l, "./dir/", AMAS_EEXIST, "two sources for one place");
	loads(svc, l, "f=filter:sed -u p", 0, "");
	loads(svc, l, "s=shared:cat", AMAS_EINVAL,
	    "shared sources are for agents: amas-container(1)");
	loads(svc, l, "e:2=exec:x", AMAS_EINVAL, "takes no count");
	loads(svc, l, "./plug.so", AMAS_ESYS, "file too short");
	loads(svc, l, "a.b=exec:true", AMAS_EINVAL, "\"a.b\" cannot be a name "
	    "here: letters, digits, _ and -");
	if (chmod("mean.json", 0644) == -1)
		abort();
	loads(svc, l, "x=mean.json", AMAS_ESYS, "is not executable");
	if (chmod("dir", 0777) == -1)
		abort();
	tap_int(amas_service_load(svc, l, "y=dir", NULL, NULL), AMAS_ESYS,
	    "a folder that others can write is refused");
	for (n = 1; n < 100; n++) {
		tap_fail_alloc(n);
		rc = amas_service_load(svc, l, "p/q=add", NULL, NULL);
		if (rc == 0)
			break;
		if (rc != AMAS_ENOMEM)
			tap_int(rc, AMAS_ENOMEM, "allocation %lu", n);
	}
	tap_fail_alloc(0);
	tap_ok(n > 3 && n < 100, "each allocation failing once");
	amas_service_free(svc);
	amas_loop_free(l);
}

int
main(void)
{
	char tmp[] = "/tmp/amas-source-XXXXXX", cmd[64];

	if (mkdtemp(tmp) == NULL || chdir(tmp) == -1)
		return 1;
	test_commands();
	test_paths();
	test_load();
	(void)snprintf(cmd, sizeof cmd, "rm -rf %s", tmp);
	return system(cmd) != 0 || tap_done();
}
