/*
 * What another library of messages makes of the same work: libzmq, with one
 * socket and one thread for input and output at each end, as it comes.  The
 * threads cost it a hop where one message is open, and make room on a second
 * core where there are many.
 *
 * usage: zmq serve ADDR			echoes; prints where
 *        zmq load ADDR BYTES WINDOW SECONDS	asks that; prints calls/s
 *
 * ADDR is as libzmq has it: tcp://127.0.0.1:* for some port, ipc://PATH.  Each
 * message begins with its number, and a reply must have that and its length, as
 * rawlimit load wants it of a frame.
 */
#include "rawlimit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#define PATIENCE_MS 10000
#define WINDOW_MAX 10000

struct load {
	void *socket;
	char *message;
	size_t len;
	uint32_t window;
	uint64_t sent, got;
};

static void
set_option(void *socket, int option, int value)
{
	must(zmq_setsockopt(socket, option, &value, sizeof value) == 0,
	    "zmq_setsockopt");
}

/* No marks: a router drops what is beyond them, and the window is enough. */
static void *
open_socket(void *ctx, int type)
{
	void *socket = zmq_socket(ctx, type);

	must(socket != NULL, "zmq_socket");
	set_option(socket, ZMQ_SNDHWM, 0);
	set_option(socket, ZMQ_RCVHWM, 0);
	set_option(socket, ZMQ_LINGER, 0);
	return socket;
}

/* ---- Serve ---- */

static sigset_t
term_set(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	return set;
}

/* From then on all calls of the socket fail with ETERM. */
static void *
await_term(void *ctx)
{
	sigset_t set = term_set();
	int sig;

	(void)sigwait(&set, &sig);
	(void)zmq_ctx_shutdown(ctx);
	return NULL;
}

/* Each part as it comes, the first of which says to whom. */
static void
echo(void *socket)
{
	zmq_msg_t part;
	int more;

	(void)zmq_msg_init(&part);
	while (zmq_msg_recv(&part, socket, 0) >= 0) {
		more = zmq_msg_more(&part) ? ZMQ_SNDMORE : 0;
		if (zmq_msg_send(&part, socket, more) < 0)
			break;
	}
	must(errno == ETERM, "zmq_msg");
	(void)zmq_msg_close(&part);
}

static int
do_zmq_serve(char *argv[])
{
	void *ctx = zmq_ctx_new(), *socket;
	char addr[ADDR_SIZE];
	size_t size = sizeof addr;
	sigset_t set = term_set();
	pthread_t term;

	must(ctx != NULL, "zmq_ctx_new");
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL); /* of all threads */
	must(pthread_create(&term, NULL, await_term, ctx) == 0, "thread");
	socket = open_socket(ctx, ZMQ_ROUTER);
	must(zmq_bind(socket, argv[0]) == 0, argv[0]);
	must(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, addr, &size) == 0,
	    argv[0]);
	puts(addr);
	(void)fclose(stdout);
	echo(socket);
	(void)pthread_join(term, NULL);
	(void)zmq_close(socket);
	(void)zmq_ctx_term(ctx);
	return 0;
}

/* ---- Load ---- */

/* One alone is sent from where it stands, however large. */
static void
put(struct load *l)
{
	int n;

	memcpy(l->message, &l->sent, sizeof l->sent);
	if (l->window == 1)
		n = zmq_send_const(l->socket, l->message, l->len, 0);
	else
		n = zmq_send(l->socket, l->message, l->len, 0);
	must(n == (int)l->len, "zmq_send");
	l->sent++;
}

/* False: there is none yet, and flags have it not wait. */
static bool
get(struct load *l, int flags)
{
	uint64_t number = 0;
	int n = zmq_recv(l->socket, &number, sizeof number, flags);

	if (n < 0 && errno == EAGAIN && flags != 0)
		return false;
	must(n >= 0, "no reply");
	errno = 0;
	must(n == (int)l->len && number == l->got,
	    "another reply than that");
	l->got++;
	return true;
}

/* Replies a second, as drive() of rawlimit load counts them. */
static double
drive(struct load *l, double seconds)
{
	double begin = 0, took = 0;
	uint64_t first = 0;

	while (took < seconds || l->got == first) {
		while (l->sent - l->got < l->window)
			put(l);
		(void)get(l, 0);
		while (l->got < l->sent && get(l, ZMQ_DONTWAIT))
			continue;
		if (first == 0) { /* to warm up */
			first = l->got;
			begin = now();
		} else {
			took = now() - begin;
		}
	}
	return (double)(l->got - first) / took;
}

static int
do_zmq_load(char *argv[])
{
	struct load l = { .len = (size_t)number(argv[1], sizeof l.sent,
	    (double)(64 * MIB)) };
	double seconds = number(argv[3], 0, 60), rate;
	void *ctx = zmq_ctx_new();

	l.window = (uint32_t)number(argv[2], 1, WINDOW_MAX);
	must(ctx != NULL && (l.message = malloc(l.len)) != NULL, "memory");
	memset(l.message, 'x', l.len);
	l.socket = open_socket(ctx, ZMQ_DEALER);
	set_option(l.socket, ZMQ_RCVTIMEO, PATIENCE_MS);
	must(zmq_connect(l.socket, argv[0]) == 0, argv[0]);
	rate = drive(&l, seconds);
	while (l.got < l.sent) /* nobody has to write into nothing */
		(void)get(&l, 0);
	(void)zmq_close(l.socket);
	(void)zmq_ctx_term(ctx);
	free(l.message);
	printf("%.2f\n", rate);
	return 0;
}

int
main(int argc, char *argv[])
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return do_zmq_serve(argv + 2);
	if (argc == 6 && strcmp(argv[1], "load") == 0)
		return do_zmq_load(argv + 2);
	fprintf(stderr, "usage: zmq serve ADDR\n"
	    "       zmq load ADDR BYTES WINDOW SECONDS\n");
	return 2;
}
