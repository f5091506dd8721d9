/* Addresses: read, printed, refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "tap.h"

/* An address as one line: canonical form, path, agent, container. */
static char *
show(const char *text)
{
	static const char *const flag[] = { "", " container" };
	struct amas__addr a;
	struct amas_error err;
	char *print, *out = malloc(512);

	if (amas__addr_parse(&a, text, &err) != 0) {
		snprintf(out, 512, "%s", err.text);
		return out;
	}
	if ((print = amas__addr_print(&a)) == NULL) {
		snprintf(out, 512, "no memory");
	} else {
		snprintf(out, 512, "%s%s%s%s%s%s", print,
		    *a.path != '\0' ? " path=" : "", a.path,
		    a.agent != NULL ? " agent=" : "",
		    a.agent != NULL ? a.agent : "", flag[a.container]);
	}
	free(print);
	amas__addr_fini(&a);
	return out;
}

static void
check(const char *text, const char *want)
{
	char *got = show(text);

	tap_str(got, want, "\"%.60s\"", text);
	free(got);
}

static const char *const good[][2] = {
	{ "tcp://localhost:5555", "tcp://localhost:5555" },
	{ "localhost:5555", "tcp://localhost:5555" },
	{ "a-b.c_d:1", "tcp://a-b.c_d:1" },
	{ "127.0.0.1:0", "tcp://127.0.0.1:0" },
	{ ":5555", "tcp://localhost:5555" },
	{ "tcp://:5555", "tcp://localhost:5555" },
	{ "*:5555", "tcp://*:5555" },
	{ "tcp://*:5555", "tcp://*:5555" },
	{ "h:65535", "tcp://h:65535" },
	{ "h:00080", "tcp://h:80" },
	{ "tcp://::1:5555/0", "tcp://[::1]:5555 agent=0 container" },
	{ "[::1]:5555", "tcp://[::1]:5555" },
	{ "tcp://[::]:0", "tcp://[::]:0" },
	{ "fe80::1%eth0:5", "tcp://[fe80::1%eth0]:5" },
	{ "[fe80::1%eth0]:5", "tcp://[fe80::1%eth0]:5" },
	{ "1:2:3:4:5:6:7:8:9", "tcp://[1:2:3:4:5:6:7:8]:9" },
	{ "::ffff:1.2.3.4:5", "tcp://[::ffff:1.2.3.4]:5" },
	{ "h:1/", "tcp://h:1 container" },
	{ "h:1///", "tcp://h:1 container" },
	{ "h:1/0", "tcp://h:1 agent=0 container" },
	{ "h:1/00012/", "tcp://h:1 agent=00012 container" },
	{ "h:1//12", "tcp://h:1 agent=12 container" },
	{ "h:1//ab.2", "tcp://h:1 agent=ab.2 container" },
	{ "h:1//-1", "tcp://h:1 agent=-1 container" },
	{ "h:1/math", "tcp://h:1 path=math" },
	{ "h:1/0x", "tcp://h:1 path=0x" },
	{ "h:1/-1", "tcp://h:1 path=-1" },
	{ "h:1/agents/3", "tcp://h:1 path=agents/3" },
	{ "h:1//math///sub", "tcp://h:1 path=math/sub" },
	{ "h:1/math/sub/", "tcp://h:1 path=math/sub container" },
	{ "ipc:///tmp/x", "ipc:///tmp/x" },
	{ "ipc://[/tmp/x]", "ipc:///tmp/x" },
	{ "/tmp/x", "ipc:///tmp/x" },
	{ "./x", "ipc://./x" },
	{ "../x:1", "ipc://../x:1" },
	{ "ipc://./x", "ipc://./x" },
	{ "ipc://[x]", "ipc://[x]" },
	{ "ipc:///tmp/x/", "ipc:///tmp/x container" },
	{ "/tmp/x//", "ipc:///tmp/x container" },
	{ "./x/", "ipc://./x container" },
	{ "/tmp//y/x", "ipc:///tmp/y/x" },
	{ "//x", "ipc:///x" },
	{ "/run//x", "ipc:///run/x" },
	{ "/run/5", "ipc:///run/5" },
	{ "ipc:///run/5", "ipc:///run/5" },
	{ "ipc:///run/h//Tok-1", "ipc:///run/h agent=Tok-1 container" },
	{ "ipc:///run//h/x", "ipc:///run/h/x" },
	{ "ipc:////x", "ipc:///x" },
	{ "ipc://[/tmp/c.sock]/", "ipc:///tmp/c.sock container" },
	{ "ipc://[/tmp/c.sock]/12", "ipc:///tmp/c.sock agent=12 container" },
	{ "ipc://[/tmp/c.sock]/math/a", "ipc:///tmp/c.sock path=math/a" },
	{ "ipc://[/tmp/c.sock/]/a", "ipc:///tmp/c.sock path=a" },
	{ "ipc://[/a]b]", "ipc:///a]b" },
	{ "ipc:///a]/b", "ipc:///a]/b" },
	{ "local://a", "local://a" },
	{ "local://a/", "local://a container" },
	{ "local://a/7", "local://a agent=7 container" },
	{ "local://a/f", "local://a path=f" },
};

static const char *const refused[][2] = {
	{ "", "no host and port" },
	{ "tcp://", "no host and port" },
	{ "tcp:///x", "no host and port" },
	{ "localhost", "\"localhost\" has no port; the path of a socket begins "
	    "with / or ./" },
	{ "dir/x", "\"dir\" has no port; the path of a socket begins with / or "
	    "./" },
	{ ":", "no port behind the colon" },
	{ "h:", "no port behind the colon" },
	{ "tcp://h:/0", "no port behind the colon" },
	{ "h:80x", "\"80x\" is no port" },
	{ "h:-1", "\"-1\" is no port" },
	{ "h: 1", "\" 1\" is no port" },
	{ "h:65536", "port 65536, at most 65535" },
	{ "h:4294967377", "port 4294967377, at most 65535" },
	{ "h:99999999999999999999999",
	    "port 99999999999999999999, at most 65535" },
	{ "a b:1", "\"a b\" is no host name" },
	{ "a\x1b[2J:1", "\"a\\x1b[2J\" is no host name" },
	{ "me@h:1", "\"me@h\" is no host name" },
	{ "-w:1", "\"-w\" is no host name" },
	{ "**:1", "\"**\" is no host name" },
	{ "::1", "\"::1\" has no port; [ADDRESS]:PORT has one" },
	{ "[::1]", "\"[::1]\" has no port; [ADDRESS]:PORT has one" },
	{ "1:2:3:4:5:6:7:8",
	    "\"1:2:3:4:5:6:7:8\" has no port; [ADDRESS]:PORT has one" },
	{ "[]:1", "\"\" is no IPv6 address" },
	{ "[h]:1", "\"h\" is no IPv6 address" },
	{ "[::1]x:1", "\"[::1]x\" is no IPv6 address" },
	{ "a:b:1", "\"a:b\" is no IPv6 address" },
	{ "fe80::1%:1", "\"fe80::1%\" is no IPv6 address" },
	{ "http://h:1", "\"http\" is no scheme; there are tcp, ipc and local" },
	{ "/", "no path of a socket" },
	{ "ipc:///", "no path of a socket" },
	{ "ipc://[]", "no path of a socket" },
	{ "ipc://", "\"\" is no path of a socket, which begins with / or ./" },
	{ "ipc://x", "\"x\" is no path of a socket, which begins with / or "
	    "./" },
	{ "ipc://[/x", "\"[/x\" has no ] behind the path" },
	{ "ipc://[/x]y", "\"[/x]y\" has no ] behind the path" },
	{ "local://", "no name behind local://" },
	{ "local:///7", "no name behind local://" },
};

static void
test_lengths(void)
{
	char text[400], want[420];
	size_t n;

	for (n = 106; n <= 108; n++) {
		memset(text, 'a', sizeof text);
		text[0] = '/';
		text[n] = '\0';
		if (n <= 107)
			snprintf(want, sizeof want, "ipc://%s", text);
		else
			snprintf(want, sizeof want,
			    "socket path of %zu bytes, at most 107", n);
		check(text, want);
		text[n] = '/'; /* does not count */
		text[n + 1] = '\0';
		if (n <= 107)
			strcat(want, " container");
		check(text, want);
	}
	for (n = 253; n <= 254; n++) {
		memset(text, 'a', n);
		strcpy(text + n, ":1");
		snprintf(want, sizeof want, "tcp://%s", text);
		if (n > 253)
			snprintf(want, sizeof want, "\"%.63s\" is no host name",
			    text);
		check(text, want);
	}
}

static void
test_memory(void)
{
	struct amas__addr a;
	struct amas_error err;
	unsigned long n;
	size_t i, bad = 0;
	char *p;
	int rc;

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		for (n = 1; n < 20; n++) {
			tap_fail_alloc(n);
			rc = amas__addr_parse(&a, good[i][0], &err);
			p = rc == 0 ? amas__addr_print(&a) : NULL;
			tap_fail_alloc(0);
			bad += rc != 0 && rc != AMAS_ENOMEM;
			amas__addr_fini(&a);
			if (p != NULL)
				break;
		}
		free(p);
		bad += n < 4; /* host or name, path, print */
	}
	tap_int((long long)bad, 0, "each allocation failing once");
}

/* What is printed reads as itself. */
static void
test_print(void)
{
	struct amas__addr a;
	size_t i;
	char *p, *q;

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		if (amas__addr_parse(&a, good[i][0], NULL) != 0)
			continue;
		p = amas__addr_print(&a);
		amas__addr_fini(&a);
		q = show(p);
		tap_str(q, p, "printed form of \"%s\"", good[i][0]);
		free(q);
		free(p);
	}
}

static void
test_loopback(void)
{
	static const char *const is[] = { "", "localhost", "127.0.0.1",
		"127.1.2.3", "::1" };
	static const char *const is_not[] = { "*", "0.0.0.0", "::", "10.0.0.1",
		"128.0.0.1", "localhost.example" };
	size_t i;

	for (i = 0; i < sizeof is / sizeof *is; i++)
		tap_int(amas__addr_is_loopback(is[i]), 1, "loopback: \"%s\"",
		    is[i]);
	for (i = 0; i < sizeof is_not / sizeof *is_not; i++)
		tap_int(amas__addr_is_loopback(is_not[i]), 0,
		    "no loopback: \"%s\"", is_not[i]);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++)
		check(good[i][0], good[i][1]);
	for (i = 0; i < sizeof refused / sizeof *refused; i++)
		check(refused[i][0], refused[i][1]);
	test_lengths();
	test_print();
	test_loopback();
	test_memory();
	return tap_done();
}
