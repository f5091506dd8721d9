/* Stands in for capture_live.c where there is no libpcap. */
#include "capture_live.h"

#include <stddef.h>

static int
refuse(struct amas_error *err, const char *what)
{
	return amas_error_set(err, AMAS_ESYS,
	    "built without libpcap, which %s needs", what);
}

int
amas__capture_filter_new(struct amas__capture_filter **out, unsigned link,
    const char *text, struct amas_error *err)
{
	(void)out;
	(void)link;
	(void)text;
	return refuse(err, "a filter");
}

void
amas__capture_filter_free(struct amas__capture_filter *f)
{
	(void)f;
}

bool
amas__capture_filter_match(const struct amas__capture_filter *f,
    const struct amas__packet *p)
{
	(void)f;
	(void)p;
	return true;
}

int
amas__capture_live_open(struct amas__capture_live **out, const char *iface,
    const char *filter, uint16_t port, struct amas_error *err)
{
	(void)out;
	(void)iface;
	(void)filter;
	(void)port;
	return refuse(err, "an interface");
}

void
amas__capture_live_free(struct amas__capture_live *v)
{
	(void)v;
}

int
amas__capture_live_fd(const struct amas__capture_live *v)
{
	(void)v;
	return -1;
}

int
amas__capture_live_read(struct amas__capture_live *v, int max,
    amas__capture_live_fn *fn, void *arg, struct amas_error *err)
{
	(void)v;
	(void)max;
	(void)fn;
	(void)arg;
	return refuse(err, "an interface");
}

void
amas__capture_live_break(struct amas__capture_live *v)
{
	(void)v;
}

uint64_t
amas__capture_live_dropped(struct amas__capture_live *v)
{
	(void)v;
	return 0;
}
