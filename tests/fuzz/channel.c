/*
 * A server, all that a stranger can say to it: whatever comes, what it answers
 * are whole messages, at most one for each request, and it ends when its input
 * does.
 *
 * Byte 0: 0 frames of JSON, 1 of MsgPack, 2 message lines, as of a worker; then
 * the stream.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frame.h"
#include "msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond) do { if (!(cond)) abort(); } while (0)
#define SIZE_MAX_ 50000		/* what a socket takes at once */
#define MAX ((size_t)1 << 20)

static void
add(struct amas_request *req, void *self)
{
	double a, b;

	(void)self;
	if (amas_request_unpack(req, "[f|f]{|s:f *}", &a, &b, "c", &b) == 0)
		amas_request_reply(req, "v", amas_request_args(req));
}

static const struct amas_function functions[] = {
	{ "add", add },
	{ "sub/a", add },
	{ "all/*", add },
	{ NULL, NULL }
};

static void
serve(struct amas_loop *loop, int fd, uint8_t form)
{
	struct amas_opts opts = { .lines = form == 2, .max_message = MAX };
	struct amas_server *server;
	char addr[32];

	CHECK(amas_codec_find(&opts.codec, form == 1 ? "msgpack" : "json",
	    NULL) == 0);
	CHECK(amas_service_new(&opts.service, NULL) == 0);
	CHECK(amas_service_add(opts.service, functions, NULL, NULL) == 0);
	(void)snprintf(addr, sizeof addr, "fd:%d", fd);
	CHECK(amas_server_open(&server, loop, addr, &opts, NULL) == 0);
	amas_service_free(opts.service);
	(void)amas_loop_run(loop, 10);
	amas_server_close(server);
}

/* All that was answered are messages. */
static void
check_answers(int fd, uint8_t form)
{
	char buf[65536], *p;
	struct amas__frame_reader r;
	struct amas__frame f;
	ssize_t n;
	size_t len;
	int rc;

	amas__frame_reader_init(&r, form == 2, 2 * MAX);
	while ((n = read(fd, buf, sizeof buf)) > 0) {
		p = buf;
		len = (size_t)n;
		while ((rc = amas__frame_next(&r, &p, &len, &f, NULL)) == 1)
			free(f.owned);
		CHECK(rc == 0);
	}
	CHECK(amas__frame_pending(&r) == 0);
	amas__frame_reader_fini(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct amas_loop *loop;
	int fd[2];

	if (size < 1 || size > SIZE_MAX_)
		return 0;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
	CHECK(amas_loop_new(&loop, NULL, NULL) == 0);
	CHECK(send(fd[0], data + 1, size - 1, 0) == (ssize_t)(size - 1));
	CHECK(shutdown(fd[0], SHUT_WR) == 0);
	serve(loop, fd[1], data[0] % 3);
	amas_loop_free(loop);
	close(fd[1]);
	check_answers(fd[0], data[0] % 3);
	close(fd[0]);
	return 0;
}
