/*
 * Capture files and packets: every format and link type, cut at every byte, fed
 * in pieces, and with lengths that cannot be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture_file.h"
#include "packets.h"
#include "tap.h"

#define NG_TYPE_IFACE 1
#define NG_TYPE_OLD 2
#define NG_TYPE_SIMPLE 3
#define NG_TYPE_STATISTICS 5
#define NG_TYPE_PACKET 6

/* Numbers of a file in one order of bytes or the other. */
static void
num16(struct amas__buf *b, bool little, unsigned n)
{
	if (little)
		le16(b, n);
	else
		put16(b, n);
}

static void
num32(struct amas__buf *b, bool little, uint32_t n)
{
	if (little)
		le32(b, n);
	else
		put32(b, n);
}

/*
 * Reads a file in pieces of step bytes, and writes what was in it as text:
 * "link@time:data/wire " for each packet, and the error or "end".
 */
static const char *
read_all(struct amas__buf *out, const void *data, size_t len, size_t step)
{
	struct amas__capture_file r;
	struct amas_error err;
	struct amas__packet p;
	const char *in = data;
	size_t i, n;
	int rc = 0;

	amas__buf_truncate(out, 0);
	amas__capture_file_init(&r);
	for (i = 0; i < len && rc == 0; i += n) {
		n = step < len - i ? step : len - i;
		if (amas__capture_file_put(&r, in + i, n, &err) != 0)
			abort();
		while ((rc = amas__capture_file_next(&r, &p, &err)) == 1)
			if (amas__buf_printf(out, "%u@%.9g:%.*s/%zu ", p.link,
			    p.time_s, (int)p.len, (const char *)p.data,
			    p.wire) != 0)
				abort();
	}
	if (rc == 0)
		rc = amas__capture_file_eof(&r, &err);
	else if (amas__capture_file_next(&r, &p, NULL) != rc)
		abort(); /* for ever */
	put(out, rc == 0 ? "end" : err.text, rc == 0 ? 4 :
	    strlen(err.text) + 1);
	amas__capture_file_fini(&r);
	return amas__buf_head(out);
}

/* Whole, and byte by byte. */
static void
reads(const struct amas__buf *file, const char *want, const char *what)
{
	struct amas__buf out;

	amas__buf_init(&out, 0);
	tap_str(read_all(&out, amas__buf_head(file), amas__buf_len(file),
	    amas__buf_len(file)), want, "%s", what);
	tap_str(read_all(&out, amas__buf_head(file), amas__buf_len(file), 1),
	    want, "%s, byte by byte", what);
	amas__buf_fini(&out);
}

/* Cut anywhere it says so, unless it is between two packets. */
static void
cuts(const struct amas__buf *file, const char *what)
{
	size_t n, ends = 0, cut = 0, len = amas__buf_len(file);
	struct amas__buf out;
	const char *got;
	char *exact;

	amas__buf_init(&out, 0);
	for (n = 0; n < len; n++) {
		if ((exact = malloc(n + 1)) == NULL)
			abort();
		memcpy(exact, amas__buf_head(file), n);
		got = read_all(&out, exact, n, 7);
		free(exact);
		if (strcmp(got + strlen(got) - 3, "end") == 0)
			ends++;
		else if (strstr(got, "cut") != NULL ||
		    strcmp(got, "empty") == 0 ||
		    strcmp(got, "neither pcap nor pcapng") == 0)
			cut++;
		else
			tap_diag("%zu: %s", n, got);
	}
	tap_ok(ends >= 2 && ends < 8 && ends + cut == len,
	    "%s, cut at each byte: %zu are ends", what, ends);
	amas__buf_fini(&out);
}

/* ---- pcap ---- */

static void
pcap_header(struct amas__buf *b, bool little, uint32_t magic, uint32_t link)
{
	num32(b, little, magic);
	num16(b, little, 2);
	num16(b, little, 4);
	num32(b, little, 0);
	num32(b, little, 0);
	num32(b, little, 65535);
	num32(b, little, link);
}

static void
pcap_packet(struct amas__buf *b, bool little, const char *data, uint32_t wire)
{
	num32(b, little, 1000);
	num32(b, little, 250000);
	num32(b, little, (uint32_t)strlen(data));
	num32(b, little, wire);
	put(b, data, strlen(data));
}

static void
test_pcap(void)
{
	static const uint32_t magic[] = { 0xa1b2c3d4u, 0xa1b23c4du };
	struct amas__buf b;
	int i;

	for (i = 0; i < 4; i++) {
		amas__buf_init(&b, 0);
		pcap_header(&b, i & 1, magic[i >> 1], 0xf0000001u);
		pcap_packet(&b, i & 1, "abc", 3);
		pcap_packet(&b, i & 1, "", 9);
		pcap_packet(&b, i & 1, "defg", 2);
		reads(&b, i < 2 ? "1@1000.25:abc/3 1@1000.25:/9 "
		    "1@1000.25:defg/4 end" : "1@1000.00025:abc/3 "
		    "1@1000.00025:/9 1@1000.00025:defg/4 end",
		    "pcap of one kind");
		cuts(&b, "pcap");
		amas__buf_fini(&b);
	}
}

static void
wrong(const char *file, size_t len, const char *want, const char *what)
{
	struct amas__buf b;

	amas__buf_init(&b, 0);
	put(&b, file, len);
	reads(&b, want, what);
	amas__buf_fini(&b);
}

static void
test_wrong_pcap(void)
{
	struct amas__buf b;

	wrong("", 0, "empty", "an empty file");
	wrong("\xd4\xc3", 2, "neither pcap nor pcapng", "two bytes");
	wrong("GET / HTTP/1.0\r\n", 16, "neither pcap nor pcapng", "a text");
	wrong("\x1f\x8b\x08\0", 4, "compressed; zcat FILE | ... -r - reads it",
	    "gzip");
	wrong("\xa1\xb2\xc3\xd4\0\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	    24, "pcap of version 3.1, not 2", "another version");

	amas__buf_init(&b, 0);
	pcap_header(&b, true, 0xa1b2c3d4u, 1);
	pcap_packet(&b, true, "abc", 3);
	le32(&b, 0);
	le32(&b, 0);
	le32(&b, 0xffffffffu);
	le32(&b, 60);
	reads(&b, "1@1000.25:abc/3 packet 2: packet of 4294967295 bytes, "
	    "limit 262144", "a length of 4 GiB");
	amas__buf_fini(&b);
}

/* ---- pcapng ---- */

static void
ng_block(struct amas__buf *b, bool little, uint32_t type,
    const struct amas__buf *body)
{
	uint32_t len = (uint32_t)(amas__buf_len(body) + 3) & ~3u;

	num32(b, little, type);
	num32(b, little, len + 12);
	put(b, amas__buf_head(body), amas__buf_len(body));
	put(b, "\0\0\0", len - amas__buf_len(body));
	num32(b, little, len + 12);
}

static void
ng_section(struct amas__buf *b, bool little)
{
	struct amas__buf body;

	amas__buf_init(&body, 0);
	num32(&body, little, 0x1a2b3c4du);
	num16(&body, little, 1);
	num16(&body, little, 0);
	put(&body, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	ng_block(b, little, 0x0a0d0d0au, &body);
	amas__buf_fini(&body);
}

/* resolution: an option, 0 for none; offset_s, too. */
static void
ng_iface(struct amas__buf *b, bool little, unsigned link, uint32_t snap,
    unsigned resolution, uint32_t offset_s)
{
	struct amas__buf body;

	amas__buf_init(&body, 0);
	num16(&body, little, link);
	num16(&body, little, 0);
	num32(&body, little, snap);
	num16(&body, little, 2); /* its name */
	num16(&body, little, 3);
	put(&body, "eth\0", 4);
	if (resolution != 0) {
		num16(&body, little, 9);
		num16(&body, little, 1);
		put8(&body, resolution);
		put(&body, "\0\0\0", 3);
	}
	if (offset_s != 0) {
		num16(&body, little, 14);
		num16(&body, little, 8);
		num32(&body, little, little ? offset_s : 0);
		num32(&body, little, little ? 0 : offset_s);
	}
	num32(&body, little, 0);
	ng_block(b, little, NG_TYPE_IFACE, &body);
	amas__buf_fini(&body);
}

static void
ng_packet(struct amas__buf *b, bool little, uint32_t type, unsigned iface,
    uint32_t stamp, const char *data)
{
	struct amas__buf body;
	uint32_t len = (uint32_t)strlen(data);

	amas__buf_init(&body, 0);
	if (type == NG_TYPE_OLD) {
		num16(&body, little, iface);
		num16(&body, little, 7);
	} else if (type == NG_TYPE_PACKET) {
		num32(&body, little, iface);
	}
	if (type != NG_TYPE_SIMPLE) {
		num32(&body, little, 0);
		num32(&body, little, stamp);
		num32(&body, little, len);
	}
	num32(&body, little, len);
	put(&body, data, len);
	ng_block(b, little, type, &body);
	amas__buf_fini(&body);
}

static void
test_pcapng(void)
{
	struct amas__buf b, body;
	int little;

	for (little = 0; little < 2; little++) {
		amas__buf_init(&b, 0);
		amas__buf_init(&body, 0);
		ng_section(&b, little);
		ng_iface(&b, little, 1, 0, 0, 0);
		ng_iface(&b, little, 113, 3, 3, 500);
		put(&body, "0123456789abcdef", 16);
		ng_block(&b, little, NG_TYPE_STATISTICS, &body);
		ng_packet(&b, little, NG_TYPE_PACKET, 0, 2500000, "abc");
		ng_packet(&b, little, NG_TYPE_OLD, 1, 2500, "defgh");
		ng_packet(&b, little, NG_TYPE_SIMPLE, 0, 0, "ij");
		reads(&b, "1@2.5:abc/3 113@502.5:defgh/5 1@0:ij/2 end",
		    "pcapng");
		ng_section(&b, !little);
		ng_iface(&b, !little, 276, 1, 0x81, 0);
		ng_packet(&b, !little, NG_TYPE_SIMPLE, 0, 0, "klm");
		ng_packet(&b, !little, NG_TYPE_PACKET, 0, 7, "no");
		reads(&b, "1@2.5:abc/3 113@502.5:defgh/5 1@0:ij/2 "
		    "276@0:k/3 276@3.5:no/2 end", "pcapng, two sections");
		amas__buf_fini(&body);
		amas__buf_fini(&b);
	}
}

static void
test_cut_pcapng(void)
{
	struct amas__buf b;

	amas__buf_init(&b, 0);
	ng_section(&b, true);
	ng_iface(&b, true, 1, 0, 0, 0);
	ng_packet(&b, true, NG_TYPE_PACKET, 0, 0, "abc");
	cuts(&b, "pcapng");
	amas__buf_fini(&b);
}

/* A good beginning, then a block with these words of 32 bits. */
static void
wrong_block(const char *want, size_t n, const uint32_t *words,
    const char *what)
{
	struct amas__buf b;
	size_t i;

	amas__buf_init(&b, 0);
	ng_section(&b, true);
	ng_iface(&b, true, 1, 0, 0, 0);
	for (i = 0; i < n; i++)
		le32(&b, words[i]);
	reads(&b, want, what);
	amas__buf_fini(&b);
}

#define WRONG(want, what, ...) do {					\
	const uint32_t words[] = { __VA_ARGS__ };			\
	wrong_block(want, sizeof words / sizeof *words, words, what);	\
} while (0)

static void
test_wrong_pcapng(void)
{
	struct amas__buf b;
	int i;

	WRONG("packet 1: block of wrong length", "a block of 0", 6, 0);
	WRONG("packet 1: block of wrong length", "a block of 33", 6, 33);
	WRONG("packet 1: block of 4294967292 bytes, limit 1048576",
	    "a packet's block of 4 GiB", 6, 0xfffffffcu);
	WRONG("packet 1: cut", "another block of 4 GiB is waited for", 99,
	    0xfffffffcu, 1, 2, 3);
	WRONG("packet 1: block of wrong length", "no room for the fields", 6,
	    16, 0, 16);
	WRONG("packet 1: longer than its block", "a length beyond the block", 6,
	    36, 0, 0, 0, 5, 5, 0, 36);
	WRONG("packet 1: interface that was not announced",
	    "an unknown interface", 6, 32, 1, 0, 0, 0, 0, 32);
	WRONG("packet 1: block with two lengths", "two lengths", 6, 32, 0, 0,
	    0, 0, 0, 36);
	WRONG("packet 1: interface of wrong length", "a short interface", 1,
	    16, 0, 16);
	WRONG("packet 1: section without order of bytes", "a wrong magic",
	    0x0a0d0d0au, 28, 1, 1, 0, 0, 28);
	WRONG("packet 1: section of wrong length", "a short section",
	    0x0a0d0d0au, 24, 0x1a2b3c4du, 1, 0, 0, 24);
	WRONG("pcapng of version 2.0, not 1", "another version",
	    0x0a0d0d0au, 28, 0x1a2b3c4du, 2, 0, 0, 28);

	amas__buf_init(&b, 0);
	ng_section(&b, false);
	for (i = 0; i <= AMAS__CAPTURE_IFACES_MAX; i++)
		ng_iface(&b, false, 1, 0, 0, 0);
	reads(&b, "more than 1024 interfaces", "too many interfaces");
	amas__buf_fini(&b);
}

/* ---- Packets ---- */

/*
 * What is in a packet, in exactly so much memory: "1000>5555 data/len", or the
 * kind of it.
 */
static const char *
look(char out[80], const struct amas__buf *b, unsigned link, size_t len)
{
	static const char *const kinds[] = {
		[AMAS__PACKET_OTHER] = "other",
		[AMAS__PACKET_FRAGMENT] = "fragment",
		[AMAS__PACKET_MALFORMED] = "malformed",
		[AMAS__PACKET_UNKNOWN] = "unknown",
	};
	unsigned char *exact = malloc(len != 0 ? len : 1);
	struct amas__packet p = { .link = link };
	struct amas__segment s;
	enum amas__packet_kind kind;

	if (exact == NULL)
		abort();
	if (len != 0)
		memcpy(exact, amas__buf_head(b), len);
	p.data = exact;
	p.len = len;
	p.wire = amas__buf_len(b);
	kind = amas__capture_packet(&p, &s);
	if (kind == AMAS__PACKET_TCP)
		snprintf(out, 80, "%u.%u>%u.%u %.*s/%zu", s.addr[0][s.v6 ? 15 :
		    3], s.port[0], s.addr[1][s.v6 ? 15 : 3], s.port[1],
		    (int)s.got, s.data, s.len);
	else
		snprintf(out, 80, "%s", kinds[kind]);
	free(exact);
	return out;
}

/* A packet, and what is seen of it cut at every byte. */
static void
holds(struct amas__buf *b, unsigned link, const char *want, const char *what)
{
	size_t n, len = amas__buf_len(b);
	char out[80];
	bool ok = true;

	tap_str(look(out, b, link, len), want, "%s", what);
	for (n = 0; n < len; n++) {
		look(out, b, link, n);
		/* the same segment with less of its data, or none */
		ok &= strcmp(out, "malformed") == 0 ||
		    strcmp(out, "other") == 0 || strcmp(out, want) == 0 ||
		    strncmp(out, want, strcspn(want, " ")) == 0;
	}
	tap_ok(ok, "%s, cut at each byte", what);
	amas__buf_truncate(b, 0);
}

/* The same TCP segment under each header. */
static void
test_links(void)
{
	static const char want[] = "1.1000>2.5555 hello/5";
	static const struct {
		const char *what, *head;
		size_t len;
		unsigned link;
	} links[] = {
		{ "Ethernet", "\0\0\0\0\0\0\0\0\0\0\0\0\x08\0", 14, 1 },
		{ "VLAN", "\0\0\0\0\0\0\0\0\0\0\0\0\x81\0\0\x05\x08\0", 18,
		    1 },
		{ "VLAN in VLAN", "\0\0\0\0\0\0\0\0\0\0\0\0\x88\xa8\0\x05"
		    "\x81\0\0\x06\x08\0", 22, 1 },
		{ "cooked", "\0\0\0\x01\0\x06\0\0\0\0\0\0\0\0\x08\0", 16,
		    113 },
		{ "cooked, version 2", "\x08\0\0\0\0\0\0\x01\0\x01\0\x06"
		    "\0\0\0\0\0\0\0\0", 20, 276 },
		{ "loopback, big", "\0\0\0\x02", 4, 0 },
		{ "loopback, little", "\x02\0\0\0", 4, 0 },
		{ "loopback of OpenBSD", "\0\0\0\x02", 4, 108 },
		{ "raw", "", 0, 101 },
		{ "raw IPv4", "", 0, 228 },
	};
	struct amas__buf b;
	size_t i;

	amas__buf_init(&b, 0);
	for (i = 0; i < sizeof links / sizeof *links; i++) {
		put(&b, links[i].head, links[i].len);
		put_ip4(&b, 0, 25, 0);
		put_tcp(&b, 0, 1, 0, 0, "hello", 5);
		holds(&b, links[i].link, want, links[i].what);
	}
	put(&b, "\0\0\0\x1e", 4);
	put_ip6(&b, 1, 21, 6);
	put_tcp(&b, 1, 1, 0, 0, "x", 1);
	holds(&b, 0, "2.5555>1.1000 x/1", "loopback, IPv6 of macOS");
	put_ethernet(&b, 0x0806);
	holds(&b, 1, "other", "ARP");
	put(&b, "\0\0\0\x07", 4);
	holds(&b, 0, "other", "another family");
	put_frame(&b, 0, 1, 0, 0, "a");
	tap_str(look((char[80]){ 0 }, &b, 147, amas__buf_len(&b)), "unknown",
	    "an unknown link type");
	amas__buf_fini(&b);
}

/* An IPv4 packet with one byte changed. */
static void
changed(size_t at, unsigned value, const char *want, const char *what)
{
	struct amas__buf b;

	amas__buf_init(&b, 0);
	put_ip4(&b, 0, 25, 0);
	put_tcp(&b, 0, 1, 0, 0, "hello", 5);
	amas__buf_head(&b)[at] = (char)value;
	holds(&b, 101, want, what);
	amas__buf_fini(&b);
}

static void
test_ip4(void)
{
	struct amas__buf b;

	changed(0, 0x44, "malformed", "an IPv4 header of 16 bytes");
	changed(0, 0x55, "malformed", "IP of version 5");
	changed(3, 200, "malformed", "an IPv4 length beyond the packet");
	changed(3, 19, "malformed", "an IPv4 length within its header");
	changed(3, 43, "1.1000>2.5555 hel/3", "padding is no data");
	changed(3, 0, "1.1000>2.5555 hello/5", "a length that the card writes");
	changed(6, 0x20, "fragment", "a first fragment");
	changed(7, 1, "fragment", "a later fragment");
	changed(6, 0x40, "1.1000>2.5555 hello/5", "not to be fragmented");
	changed(9, 17, "other", "UDP");
	changed(32, 0x40, "malformed", "a TCP header of 16 bytes");
	changed(32, 0x60, "1.1000>2.5555 o/1", "a TCP option");
	changed(32, 0xf0, "malformed", "TCP options beyond the packet");
	amas__buf_init(&b, 0);
	put_ip4(&b, 0, 29, 0);
	amas__buf_head(&b)[0] = 0x46;
	put(&b, "opts", 4);
	put_tcp(&b, 0, 1, 0, 0, "hello", 5);
	holds(&b, 228, "1.1000>2.5555 hello/5", "an option of IPv4");
	amas__buf_fini(&b);
}

static void
test_ip6(void)
{
	struct amas__buf b;

	amas__buf_init(&b, 0);
	put_ip6(&b, 0, 25 + 8 + 16 + 24 + 8, 0);
	put(&b, "\x2b\0......", 8);		/* hop by hop */
	put(&b, "\x33\x01..............", 16);	/* routing */
	put(&b, "\x2c\x04......................", 24); /* authentication */
	put(&b, "\x06.\0\0....", 8);		/* a whole fragment */
	put_tcp(&b, 0, 1, 0, 0, "hello", 5);
	holds(&b, 229, "1.1000>2.5555 hello/5", "extension headers");
	put_ip6(&b, 0, 8, 44);
	put(&b, "\x06.\0\x01....", 8);
	tap_str(look((char[80]){ 0 }, &b, 101, 48), "fragment",
	    "a fragment of IPv6");
	amas__buf_truncate(&b, 0);
	put_ip6(&b, 0, 65535, 0);
	while (amas__buf_len(&b) < 65535 + 40)
		put(&b, "\0\0......", 8);
	amas__buf_truncate(&b, 65535 + 40);
	tap_str(look((char[80]){ 0 }, &b, 101, 65535 + 40), "other",
	    "extension headers to the end");
	amas__buf_truncate(&b, 0);
	put_ip6(&b, 0, 16, 60);
	put(&b, "\x06\xff..............", 16);
	holds(&b, 101, "malformed", "an extension header beyond the packet");
	put_ip6(&b, 0, 500, 6);
	put_tcp(&b, 0, 1, 0, 0, "hello", 5);
	holds(&b, 101, "malformed", "an IPv6 length beyond the packet");
	put_ip6(&b, 0, 0, 6);
	put_tcp(&b, 0, 1, 0, 0, "hello", 5);
	holds(&b, 101, "1.1000>2.5555 hello/5", "a jumbo packet");
	put_ip6(&b, 0, 8, 50);
	put(&b, "........", 8);
	holds(&b, 101, "other", "encrypted");
	amas__buf_fini(&b);
}

/* Most of a packet is not captured: its length still counts. */
static void
test_snap(void)
{
	struct amas__buf b;
	char out[80];

	amas__buf_init(&b, 0);
	put_frame(&b, 0, 1, 0, 0, "hello");
	tap_str(look(out, &b, 1, amas__buf_len(&b) - 3),
	    "1.1000>2.5555 he/5", "two of five bytes");
	tap_str(look(out, &b, 1, 54), "1.1000>2.5555 /5", "none of them");
	tap_str(look(out, &b, 1, 53), "malformed", "no whole header");
	amas__buf_fini(&b);
}

int
main(void)
{
	test_pcap();
	test_wrong_pcap();
	test_pcapng();
	test_cut_pcapng();
	test_wrong_pcapng();
	test_links();
	test_ip4();
	test_ip6();
	test_snap();
	return tap_done();
}
