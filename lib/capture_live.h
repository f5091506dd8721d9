/*
 * What needs libpcap: filters, and packets of an interface.  Without libpcap
 * capture_nolive.c stands in for it, and both are refused.
 */
#ifndef AMAS__CAPTURE_LIVE_H
#define AMAS__CAPTURE_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "amas.h"
#include "capture_file.h"

/* ---- Filters ---- */

struct amas__capture_filter;

/*
 * Compiles a filter, pcap-filter(7), for packets of a link type.  Returns 0,
 * AMAS_EINVAL ("syntax error", or a filter that cannot be for that type),
 * AMAS_ESYS (built without libpcap) or AMAS_ENOMEM.
 */
int amas__capture_filter_new(struct amas__capture_filter **out, unsigned link,
    const char *text, struct amas_error *err);
void amas__capture_filter_free(struct amas__capture_filter *f);

bool amas__capture_filter_match(const struct amas__capture_filter *f,
    const struct amas__packet *p);

/* ---- Interfaces ---- */

struct amas__capture_live;

typedef void amas__capture_live_fn(void *arg, const struct amas__packet *p);

/*
 * Opens an interface.  filter may be NULL; with a port and no filter the system
 * gives little else than packets of that port.  Returns 0, AMAS_ESYS (no such
 * interface, not permitted), AMAS_EINVAL (the filter) or AMAS_ENOMEM.
 */
int amas__capture_live_open(struct amas__capture_live **out, const char *iface,
    const char *filter, uint16_t port, struct amas_error *err);
void amas__capture_live_free(struct amas__capture_live *v);

/* Readable when packets are there. */
int amas__capture_live_fd(const struct amas__capture_live *v);

/*
 * Gives at most max packets that are there, without waiting, to fn; break ends
 * that early, for fn.  Returns how many there were, or AMAS_ESYS.
 */
int amas__capture_live_read(struct amas__capture_live *v, int max,
    amas__capture_live_fn *fn, void *arg, struct amas_error *err);
void amas__capture_live_break(struct amas__capture_live *v);

/* Packets that were lost for want of room. */
uint64_t amas__capture_live_dropped(struct amas__capture_live *v);

#endif
