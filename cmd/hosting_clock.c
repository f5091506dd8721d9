/* The clock that the options of amas-container tell of. */
#include "hosting.h"

#include <math.h>
#include <string.h>

#include "addr.h"
#include "clock.h"

static int
no_clock(const struct container_opts *o, const char *kind)
{
	const char *given = o->start != NULL ? "--start" :
	    o->init_time != NULL ? "--init-time" : NULL;

	if (given != NULL)
		return cmd_error(CMD_USAGE, given, "the clock is %s, not "
		    "external or sim", kind);
	return CMD_OK;
}

/* Whether an address is one of this process alone. */
static bool
is_local(const char *addr)
{
	struct amas__addr a;
	bool local;

	if (amas__addr_parse(&a, addr, NULL) != 0)
		return false;
	local = a.kind == AMAS__ADDR_LOCAL;
	amas__addr_fini(&a);
	return local;
}

static int
take_kind(enum amas_clock_kind *out, const struct container_opts *o)
{
	static const char *const words[] = { [AMAS_CLOCK_REAL] = "real",
		[AMAS_CLOCK_EXTERNAL] = "external", [AMAS_CLOCK_SIM] = "sim" };
	size_t i;

	*out = is_local(o->serve.addr) ? AMAS_CLOCK_SIM : AMAS_CLOCK_REAL;
	if (o->clock == NULL)
		return CMD_OK;
	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(o->clock, words[i]) == 0) {
			*out = (enum amas_clock_kind)i;
			return CMD_OK;
		}
	return cmd_error(CMD_USAGE, "--clock", "\"%s\" is none of real, "
	    "external and sim", o->clock);
}

/* A number of seconds, or a date by the clock. */
static int
take_time(double *out, const char *name, const char *text,
    const struct amas_clock *c)
{
	struct amas_error err;

	if (cmd_seconds(out, text) == CMD_OK)
		return CMD_OK;
	if (c != NULL &&
	    amas__clock_date(c, text, strlen(text), out, &err) == 0)
		return CMD_OK;
	return cmd_error(CMD_USAGE, name, "\"%s\" is no %s", text,
	    c != NULL ? "time: seconds, or a date in ISO 8601" :
	    "number of seconds");
}

static int
check(const struct container_opts *o, enum amas_clock_kind kind)
{
	if (kind == AMAS_CLOCK_EXTERNAL && !o->serve.server.manager &&
	    o->mosaik == NULL)
		return cmd_error(CMD_USAGE, "--clock external", "needs "
		    "--manager: nothing else could set it");
	if (kind != AMAS_CLOCK_SIM && o->until != NULL)
		return cmd_error(CMD_USAGE, "--until", "the clock is not sim: "
		    "it does not go on by itself");
	return kind == AMAS_CLOCK_REAL ? no_clock(o, "real") : CMD_OK;
}

int
container_clock(struct amas_clock **out, double *until,
    const struct container_opts *o, struct amas_loop *l)
{
	enum amas_clock_kind kind;
	struct amas_error err;
	double first = 0;
	int64_t start_us;
	int status;

	*out = NULL;
	*until = INFINITY;
	if ((status = take_kind(&kind, o)) != CMD_OK ||
	    (status = check(o, kind)) != CMD_OK || kind == AMAS_CLOCK_REAL)
		return status;
	if (o->init_time != NULL && (status = take_time(&first, "--init-time",
	    o->init_time, NULL)) != CMD_OK)
		return status;
	if (amas__clock_check_new(&start_us, NULL, first, &err) != 0)
		return cmd_fail("--init-time", &err);
	if (amas_clock_new(out, l, kind, o->start, first, &err) != 0)
		return cmd_fail("--start", &err);
	if (o->until != NULL)
		status = take_time(until, "--until", o->until, *out);
	if (status == CMD_OK && *until < first)
		status = cmd_error(CMD_USAGE, "--until", "\"%s\" is before the "
		    "clock begins (--start, --init-time)", o->until);
	return status;
}
