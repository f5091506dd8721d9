/*
 * Drives servers: of the framing of amas, so many requests in flight on one
 * connection, of which each must be answered in order and at full length; and
 * redis.  It decodes nothing, so what it measures is the server.
 */
#include "rawlimit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define FIRST_ID 1000000U	/* seven digits; four bytes of MsgPack */
#define ID_AT 7			/* in a frame of a request */
#define READ_MIN (4 * MIB)
#define PATIENCE_MS 10000
#define WINDOW_MAX 10000
#define FUNCTION_MAX 60

struct load {
	struct end e;
	struct request req;
	char *out;		/* requests to be written */
	size_t out_len, out_done;
	char *in;
	size_t in_len, in_max;
	uint32_t window;
	uint64_t sent, got;
	bool armed;		/* waits for room to write, too */
};

/* ---- Requests ---- */

static char *
read_file(const char *name, size_t *len)
{
	FILE *f = fopen(name, "re");
	char *data = malloc(64 * MIB);

	must(f != NULL && data != NULL, name);
	*len = fread(data, 1, 64 * MIB, f);
	must(ferror(f) == 0 && *len > 0, name);
	(void)fclose(f);
	return data;
}

/* [0, FIRST_ID, [FUNCTION, [ARG], {}]], in the two parts around ARG. */
static size_t
json_head(char *out, const char *function, const char *quote)
{
	return (size_t)sprintf(out, "[0,%u,[\"%s\",[%s", FIRST_ID, function,
	    quote);
}

static size_t
msgpack_head(char *out, const char *function, int type, size_t len)
{
	uint32_t id = htonl(FIRST_ID), be = htonl((uint32_t)len);
	size_t n = strlen(function);
	char *p = out;

	memcpy(p, "\x93\x00\xce", 3);
	memcpy(p + 3, &id, 4);
	p[7] = (char)0x93;
	p[8] = (char)0xd9; /* a text of at most 255 bytes */
	p[9] = (char)n;
	memcpy(p + 10, function, n);
	p += 10 + n;
	*p++ = (char)(type == 0 ? 0x90 : 0x91);
	if (type == 0)
		return (size_t)(p - out);
	*p++ = (char)type;
	if (type != 0xdb && type != 0xc6)
		*p++ = (char)len;
	else
		p = (char *)memcpy(p, &be, 4) + 4;
	return (size_t)(p - out);
}

/* The type byte of a text or of bytes. */
static int
msgpack_type(bool bytes, size_t len)
{
	if (len <= UINT8_MAX)
		return bytes ? 0xc4 : 0xd9;
	return bytes ? 0xc6 : 0xdb;
}

static void
request_join(struct request *r, const char *head, size_t head_len,
    const char *arg, const char *tail, size_t tail_len)
{
	size_t len = head_len + r->arg_len + tail_len;
	uint32_t be = htonl((uint32_t)len);
	char *p;

	must((p = r->data = malloc(len + 4)) != NULL, "memory");
	p = mempcpy(p, &be, 4);
	p = mempcpy(p, head, head_len);
	if (arg != NULL)
		memcpy(p, arg, r->arg_len);
	else
		memset(p, 'x', r->arg_len);
	memcpy(p + r->arg_len, tail, tail_len);
	r->len = len + 4;
}

static void
request_json(struct request *r, const char *function, const char *file,
    size_t bytes)
{
	const char *quote = file == NULL && bytes > 0 ? "\"" : "";
	char head[128], tail[16];
	size_t head_len = json_head(head, function, quote), tail_len;

	tail_len = (size_t)sprintf(tail, "%s],{}]]", quote);
	if (file == NULL)
		r->arg_len = bytes > head_len + tail_len ?
		    bytes - head_len - tail_len : bytes > 0;
	request_join(r, head, head_len, file, tail, tail_len);
}

static void
request_msgpack(struct request *r, const char *function, bool as_bytes,
    size_t bytes)
{
	char head[128];
	size_t head_len;
	int type = msgpack_type(as_bytes, bytes);

	head_len = msgpack_head(head, function, type, 0) + 1;
	r->arg_len = bytes > head_len ? bytes - head_len : bytes > 0;
	if (r->arg_len == 0)
		type = 0;
	head_len = msgpack_head(head, function, type, r->arg_len);
	request_join(r, head, head_len, NULL, "\x80", 1);
}

/* ARG is how many bytes the whole message has, 0 for no argument; or @FILE. */
void
request_make(struct request *r, const char *codec, const char *function,
    const char *arg)
{
	char *file = NULL;
	size_t bytes = 0;

	errno = 0;
	must(strlen(function) < FUNCTION_MAX, function);
	r->msgpack = strcmp(codec, "json") != 0;
	if (arg[0] == '@')
		file = read_file(arg + 1, &r->arg_len);
	else
		bytes = (size_t)number(arg, 0, (double)(64 * MIB));
	if (!r->msgpack)
		request_json(r, function, file, bytes);
	else
		request_msgpack(r, function, strcmp(codec, "bytes") == 0,
		    bytes);
	free(file);
}

void
request_free(struct request *r)
{
	free(r->data);
}

static uint32_t
id_of(uint64_t n)
{
	return FIRST_ID + (uint32_t)(n % FIRST_ID);
}

static void
stamp(char *frame, const struct request *r, uint64_t n)
{
	uint32_t id = id_of(n), be = htonl(id);
	int i;

	if (r->msgpack) {
		memcpy(frame + ID_AT, &be, 4);
		return;
	}
	for (i = 6; i >= 0; i--, id /= 10)
		frame[ID_AT + i] = (char)('0' + id % 10);
}

/* ---- Replies ---- */

/* [1, ID, ..., Python has blanks there. */
static bool
right(const char *frame, const struct request *r, uint64_t n)
{
	const char *p = frame + 4;
	uint32_t be;

	if (frame_size(frame) - 4 < r->arg_len)
		return false;
	if (r->msgpack) {
		memcpy(&be, p + 3, 4);
		return memcmp(p, "\x93\x01\xce", 3) == 0 &&
		    ntohl(be) == id_of(n);
	}
	return memcmp(p, "[1,", 3) == 0 &&
	    strtoul(p + 3, NULL, 10) == id_of(n);
}

static void
take(struct load *l)
{
	size_t at = 0, size;

	while (l->in_len - at >= 4 &&
	    l->in_len - at >= (size = frame_size(l->in + at))) {
		errno = 0;
		if (!right(l->in + at, &l->req, l->got)) {
			fprintf(stderr, "%.*s\n", size < 200 ? (int)size - 4 :
			    200, l->in + at + 4);
			must(false, "another reply than that");
		}
		l->got++;
		at += size;
	}
	memmove(l->in, l->in + at, l->in_len - at);
	l->in_len -= at;
}

/* ---- Load ---- */

/* All that may be in flight, into one buffer. */
static void
refill(struct load *l)
{
	l->out_len = l->out_done = 0;
	for (; l->sent - l->got < l->window; l->sent++) {
		if (l->out != l->req.data)
			memcpy(l->out + l->out_len, l->req.data, l->req.len);
		stamp(l->out + l->out_len, &l->req, l->sent);
		l->out_len += l->req.len;
	}
}

static void
put(struct load *l)
{
	struct epoll_event ev = { .events = EPOLLIN };
	ssize_t n;
	bool want;

	if (l->out_done < l->out_len) {
		n = write(l->e.fd, l->out + l->out_done,
		    l->out_len - l->out_done);
		must(n > 0 || errno == EAGAIN, "write");
		if (n > 0)
			l->out_done += (size_t)n;
	}
	want = l->out_done < l->out_len;
	if (want == l->armed)
		return;
	if (want)
		ev.events |= EPOLLOUT;
	must(epoll_ctl(l->e.ep, EPOLL_CTL_MOD, l->e.fd, &ev) == 0,
	    "epoll_ctl");
	l->armed = want;
}

static void
get(struct load *l)
{
	struct epoll_event ev;
	ssize_t n;

	errno = 0;
	must(epoll_wait(l->e.ep, &ev, 1, PATIENCE_MS) > 0, "no reply");
	if ((ev.events & EPOLLIN) == 0)
		return;
	errno = 0;
	n = read(l->e.fd, l->in + l->in_len, l->in_max - l->in_len);
	must(n > 0, "read");
	l->in_len += (size_t)n;
	take(l);
}

/*
 * Replies a second, from the first one on, which is to warm up, until the last
 * one: of large messages there are few.
 */
static double
drive(struct load *l, double seconds)
{
	double begin = 0, took = 0;
	uint64_t first = 0, got;
	size_t n = 0;

	while (took < seconds || n == 0) {
		if (l->out_done == l->out_len)
			refill(l);
		put(l);
		got = l->got;
		get(l);
		if (l->got == got)
			continue;
		if (first == 0) {
			first = l->got;
			begin = now();
			continue;
		}
		took = now() - begin;
		n = l->got - first;
	}
	while (l->got < l->sent) { /* nobody has to write into nothing */
		put(l);
		get(l);
	}
	return (double)n / took;
}

int
do_load(char *argv[])
{
	struct load l = { .window = (uint32_t)number(argv[4], 1,
	    WINDOW_MAX) };
	double seconds = number(argv[5], 0, 60), rate;

	request_make(&l.req, argv[0], argv[2], argv[3]);
	l.in_max = 2 * l.req.len + READ_MIN;
	l.in = malloc(l.in_max);
	/* one alone is sent from where it stands, however large */
	l.out = l.window == 1 ? l.req.data : malloc(l.window * l.req.len);
	must(l.in != NULL && l.out != NULL, "memory");
	l.e.fd = connect_to(argv[1]);
	end_watch(&l.e);
	rate = drive(&l, seconds);
	end_close(&l.e);
	if (l.out != l.req.data)
		free(l.out);
	request_free(&l.req);
	free(l.in);
	printf("%.2f\n", rate);
	return 0;
}

/* ---- redis ---- */

/*
 * Three system calls a batch, where redis-benchmark makes nine.  Replies are
 * counted by their bytes.
 */
int
do_resp(char *argv[])
{
	int bytes = (int)number(argv[1], 1, 2 * (double)MIB), n;
	uint32_t window = (uint32_t)number(argv[2], 1, WINDOW_MAX), i, room;
	double seconds = number(argv[3], 0, 60), begin, took;
	size_t len, size, part = 0;
	struct end e = { .fd = connect_to(argv[0]) };
	struct epoll_event ev;
	char *out, *in = malloc(READ_MIN);
	uint64_t sent = 0, got = 0;

	len = (size_t)snprintf(NULL, 0, "*2\r\n$4\r\nECHO\r\n$%d\r\n%0*d\r\n",
	    bytes, bytes, 0);
	size = (size_t)snprintf(NULL, 0, "$%d\r\n%0*d\r\n", bytes, bytes, 0);
	must((out = malloc(window * len + 1)) != NULL && in != NULL, "memory");
	for (i = 0; i < window; i++)
		(void)sprintf(out + i * len,
		    "*2\r\n$4\r\nECHO\r\n$%d\r\n%0*d\r\n", bytes, bytes, 0);
	end_watch(&e);
	begin = now();
	do {
		room = window - (uint32_t)(sent - got);
		must(end_put(&e, out, room * len), "write");
		sent += room;
		errno = 0;
		must(epoll_wait(e.ep, &ev, 1, PATIENCE_MS) > 0, "no reply");
		n = (int)read(e.fd, in, READ_MIN);
		must(n > 0 && (part > 0 || in[0] == '$'), "reply");
		got += (part + (size_t)n) / size;
		part = (part + (size_t)n) % size;
	} while ((took = now() - begin) < seconds || got == 0);
	end_close(&e);
	free(out);
	free(in);
	printf("%.2f\n", (double)got / took);
	return 0;
}

/* ---- Connections ---- */

static void
call_once(int fd, const struct request *r)
{
	char reply[256];
	ssize_t n;

	n = write(fd, r->data, r->len);
	must(n == (ssize_t)r->len, "write");
	n = read(fd, reply, sizeof reply - 1);
	must(n > 4, "read");
	errno = 0;
	reply[n] = '\0';
	must(right(reply, r, 0), "another reply than that");
}

int
do_accept(char *argv[])
{
	double seconds = number(argv[1], 0, 60), begin = now(), took;
	struct request r;
	int fd, n = 0;

	request_make(&r, "json", "echo", "64");
	do {
		fd = connect_to(argv[0]);
		call_once(fd, &r);
		(void)close(fd);
		n++;
		took = now() - begin;
	} while (took < seconds && n < 8000); /* each leaves a port behind */
	request_free(&r);
	printf("%.1f\n", n / took);
	return 0;
}

/* Each must answer at the end, too. */
int
do_hold(char *argv[])
{
	int i, n = (int)number(argv[1], 1, 100000);
	int *fds = calloc((size_t)n, sizeof *fds);
	double begin = now();
	struct request r;

	must(fds != NULL, "memory");
	request_make(&r, "json", "echo", "64");
	for (i = 0; i < n; i++) {
		fds[i] = connect_to(argv[0]);
		call_once(fds[i], &r);
	}
	printf("%.1f\n", n / (now() - begin));
	(void)fflush(stdout);
	while (getchar() != EOF)
		continue;
	for (i = 0; i < n; i++) {
		call_once(fds[i], &r);
		(void)close(fds[i]);
	}
	request_free(&r);
	free(fds);
	return 0;
}
