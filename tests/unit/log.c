/* The log: levels, cutting, and lines that nobody can forge. */
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "tap.h"

struct seen {
	int n, level;
	char line[2048];
};

static void
sink(int level, const char *line, void *arg)
{
	struct seen *s = arg;

	s->n++;
	s->level = level;
	snprintf(s->line, sizeof s->line, "%s", line);
}

static void
test_levels(void)
{
	struct seen s = { 0 };
	struct amas__log log = { AMAS_LOG_WARN, sink, &s }, off = { 0 };

	amas__log(NULL, AMAS_LOG_ERROR, "x");
	amas__log(&off, AMAS_LOG_ERROR, "x");
	tap_ok(!amas__log_on(NULL, AMAS_LOG_ERROR) &&
	    !amas__log_on(&off, AMAS_LOG_ERROR), "no log, no sink: silent");
	amas__log(&log, AMAS_LOG_INFO, "x");
	tap_int(s.n, 0, "above the level");
	amas__log(&log, AMAS_LOG_WARN, "n=%d", 3);
	tap_int(s.n, 1, "at the level");
	tap_str(s.line, "n=3", "its line");
	tap_int(s.level, AMAS_LOG_WARN, "its level");
	amas__log(&log, AMAS_LOG_ERROR, "a\nforged %s", "\x1b[2Jline");
	tap_str(s.line, "a\\nforged \\x1b[2Jline", "control characters");
}

static void
test_cut(void)
{
	struct seen s = { 0 };
	struct amas__log log = { AMAS_LOG_DEBUG, sink, &s };
	char text[1100];
	size_t n;

	memset(text, 'a', sizeof text);
	for (n = 1022; n <= 1024; n++) {
		amas__log(&log, 0, "%.*s", (int)n, text);
		tap_int((long long)strlen(s.line), n < 1024 ? (long long)n :
		    1023, "line of %zu bytes", n);
	}
	memset(text, '\n', sizeof text);
	amas__log(&log, 0, "%.*s", 1000, text);
	tap_int((long long)strlen(s.line), 1022,
	    "cut between escapes, not inside");
}

static void
test_text(void)
{
	char out[8];

	tap_str(amas__log_text(out, sizeof out, "abcdefgh", 8), "abcdefg",
	    "cut to fit");
	tap_str(amas__log_text(out, sizeof out, "abcd\nef", 7), "abcd\\ne",
	    "escape");
	tap_str(amas__log_text(out, sizeof out, "abcdef\nx", 8), "abcdef",
	    "no half escape");
	tap_str(amas__log_text(out, sizeof out, "abcde\xe2\x82\xac", 8),
	    "abcde", "no half character");
	tap_str(amas__log_text(out, 1, "abc", 3), "", "room for none");
	tap_str(amas__log_text(out, sizeof out, NULL, 0), "", "nothing");
}

int
main(void)
{
	test_levels();
	test_cut();
	test_text();
	return tap_done();
}
