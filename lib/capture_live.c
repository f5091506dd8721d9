/*
 * libpcap, of which nothing is seen elsewhere.  Its handles know link types by
 * the system's numbers, DLT_..., files by others; they differ for raw IP alone
 * of those that capture_packet.c reads.
 */
#include "capture_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "capture_packet.h"
#include "err.h"
#include "mem.h"

#define SNAP ((int)AMAS__CAPTURE_PACKET_MAX)
#define RING (32 << 20)	/* bytes: at once, packets of loopback may be 64 KiB */

/*
 * For a port: what the words of pcap-filter(7) for it let through, and what
 * they cannot look into: fragments, extension headers, VLAN tags.
 */
#define PORT_FILTER "tcp port %u or (ip and ip[6:2] & 0x3fff != 0)" \
	" or (ip6 and ip6[6] != 6)"
#define VLAN_FILTER " or vlan"

struct amas__capture_filter {
	struct bpf_program prog;
};

struct amas__capture_live {
	pcap_t *p;
	unsigned link;
	double unit_s;
	uint64_t number;
	amas__capture_live_fn *fn;	/* of the read under way */
	void *arg;
};

static int
dlt_of(unsigned link)
{
	return link == AMAS__LINK_RAW || link == AMAS__LINK_IPV4 ||
	    link == AMAS__LINK_IPV6 ? DLT_RAW : (int)link;
}

static unsigned
link_of(int dlt)
{
	return dlt == DLT_RAW ? AMAS__LINK_RAW : (unsigned)dlt;
}

/* ---- Filters ---- */

static int
compile(pcap_t *p, struct bpf_program *prog, const char *text,
    struct amas_error *err)
{
	if (pcap_compile(p, prog, text, 1, PCAP_NETMASK_UNKNOWN) == 0)
		return 0;
	return amas_error_set(err, AMAS_EINVAL, "filter: %s", pcap_geterr(p));
}

int
amas__capture_filter_new(struct amas__capture_filter **out, unsigned link,
    const char *text, struct amas_error *err)
{
	struct amas__capture_filter *f = amas__zalloc(sizeof *f);
	pcap_t *p = pcap_open_dead(dlt_of(link), SNAP);
	int rc;

	if (f == NULL || p == NULL)
		rc = amas__error_nomem(err);
	else
		rc = compile(p, &f->prog, text, err);
	if (p != NULL)
		pcap_close(p);
	if (rc == 0)
		*out = f;
	else
		free(f);
	return rc;
}

void
amas__capture_filter_free(struct amas__capture_filter *f)
{
	if (f == NULL)
		return;
	pcap_freecode(&f->prog);
	free(f);
}

bool
amas__capture_filter_match(const struct amas__capture_filter *f,
    const struct amas__packet *p)
{
	struct pcap_pkthdr h = { 0 };

	h.caplen = (bpf_u_int32)p->len;
	h.len = (bpf_u_int32)p->wire;
	return pcap_offline_filter(&f->prog, &h, p->data) != 0;
}

/* ---- Interfaces ---- */

/* Says why with libpcap's words, which are shorter than its messages. */
static int
fail(struct amas__capture_live *v, int status, struct amas_error *err)
{
	const char *more = pcap_geterr(v->p);

	if (status == PCAP_ERROR_PERM_DENIED)
		return amas_error_set(err, AMAS_ESYS, "not permitted: it takes "
		    "root, or \"setcap cap_net_raw=ep\" for the program");
	if (*more != '\0' && (status == PCAP_ERROR ||
	    status == PCAP_ERROR_NO_SUCH_DEVICE))
		return amas_error_set(err, AMAS_ESYS, "%s", more);
	return amas_error_set(err, AMAS_ESYS, "%s", pcap_statustostr(status));
}

/* Of none of its packets could be told what is in it. */
static int
check_link(const struct amas__capture_live *v, struct amas_error *err)
{
	const struct amas__packet none = { .link = v->link };
	struct amas__segment s;

	if (amas__capture_packet(&none, &s) != AMAS__PACKET_UNKNOWN)
		return 0;
	return amas_error_set(err, AMAS_ESYS, "link type %u is not known",
	    v->link);
}

static int
activate(struct amas__capture_live *v, struct amas_error *err)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	int status;

	/* None of these fails before the handle is active. */
	(void)pcap_set_snaplen(v->p, SNAP);
	(void)pcap_set_promisc(v->p, 1);
	(void)pcap_set_immediate_mode(v->p, 1);
	(void)pcap_set_buffer_size(v->p, RING);
	(void)pcap_set_tstamp_precision(v->p, PCAP_TSTAMP_PRECISION_NANO);
	if ((status = pcap_activate(v->p)) < 0)
		return fail(v, status, err);
	if (pcap_setnonblock(v->p, 1, why) != 0)
		return amas_error_set(err, AMAS_ESYS, "%s", why);
	if (pcap_get_selectable_fd(v->p) == -1)
		return amas_error_set(err, AMAS_ESYS,
		    "cannot be waited for");
	v->link = link_of(pcap_datalink(v->p));
	v->unit_s = pcap_get_tstamp_precision(v->p) ==
	    PCAP_TSTAMP_PRECISION_NANO ? 1e-9 : 1e-6;
	return check_link(v, err);
}

static int
set_filter(struct amas__capture_live *v, const char *filter, uint16_t port,
    struct amas_error *err)
{
	struct bpf_program prog;
	char text[256];
	int rc;

	if (filter == NULL && port == 0)
		return 0;
	if (filter == NULL) {
		snprintf(text, sizeof text, PORT_FILTER "%s", (unsigned)port,
		    v->link == AMAS__LINK_ETHERNET ? VLAN_FILTER : "");
		filter = text;
	}
	if ((rc = compile(v->p, &prog, filter, err)) != 0)
		return rc;
	if (pcap_setfilter(v->p, &prog) != 0)
		rc = fail(v, PCAP_ERROR, err);
	pcap_freecode(&prog);
	return rc;
}

int
amas__capture_live_open(struct amas__capture_live **out, const char *iface,
    const char *filter, uint16_t port, struct amas_error *err)
{
	struct amas__capture_live *v = amas__zalloc(sizeof *v);
	char why[PCAP_ERRBUF_SIZE] = "";
	int rc;

	if (v == NULL)
		return amas__error_nomem(err);
	if ((v->p = pcap_create(iface, why)) == NULL) {
		free(v);
		return amas_error_set(err, AMAS_ESYS, "%s", why);
	}
	if ((rc = activate(v, err)) != 0 ||
	    (rc = set_filter(v, filter, port, err)) != 0) {
		amas__capture_live_free(v);
		return rc;
	}
	*out = v;
	return 0;
}

void
amas__capture_live_free(struct amas__capture_live *v)
{
	if (v == NULL)
		return;
	pcap_close(v->p);
	free(v);
}

int
amas__capture_live_fd(const struct amas__capture_live *v)
{
	return pcap_get_selectable_fd(v->p);
}

static void
on_packet(u_char *arg, const struct pcap_pkthdr *h, const u_char *data)
{
	struct amas__capture_live *v = (void *)arg;
	struct amas__packet p = { 0 };

	p.number = ++v->number;
	p.link = v->link;
	p.data = data;
	p.len = h->caplen;
	p.wire = h->len > h->caplen ? h->len : h->caplen;
	p.time_s = (double)h->ts.tv_sec + (double)h->ts.tv_usec * v->unit_s;
	v->fn(v->arg, &p);
}

int
amas__capture_live_read(struct amas__capture_live *v, int max,
    amas__capture_live_fn *fn, void *arg, struct amas_error *err)
{
	int n;

	v->fn = fn;
	v->arg = arg;
	n = pcap_dispatch(v->p, max, on_packet, (u_char *)(void *)v);
	if (n == PCAP_ERROR_BREAK)
		return 0;
	return n < 0 ? fail(v, n, err) : n;
}

void
amas__capture_live_break(struct amas__capture_live *v)
{
	pcap_breakloop(v->p);
}

uint64_t
amas__capture_live_dropped(struct amas__capture_live *v)
{
	struct pcap_stat s;

	return pcap_stats(v->p, &s) == 0 ? (uint64_t)s.ps_drop + s.ps_ifdrop :
	    0;
}
