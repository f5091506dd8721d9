/*
 * A program that makes one call and ends: what a command can cost at the least.
 *
 * usage: tiny ADDR	calls echo at what rawlimit serve or amas-serve printed
 *
 * Compiled with TLS it makes a context of OpenSSL and ends, which is what there
 * is to pay before a handshake.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifdef TLS
#include <openssl/ssl.h>

int
main(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_free(ctx);
	return ctx == NULL;
}
#else
static int
open_tcp(const char *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return connect(fd, (struct sockaddr *)&in, sizeof in) == 0 ? fd : -1;
}

static int
open_unix(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof un.sun_path)
		return -1;
	memcpy(un.sun_path, path, strlen(path));
	return connect(fd, (struct sockaddr *)&un, sizeof un) == 0 ? fd : -1;
}

int
main(int argc, char *argv[])
{
	static const char body[] = "[0,1000000,[\"echo\",[\"hello\"],{}]]";
	uint32_t len = htonl(sizeof body - 1);
	char frame[4 + sizeof body - 1], reply[256];
	ssize_t n;
	int fd;

	if (argc != 2 || strchr(argv[1], ':') == NULL)
		return 2;
	fd = strncmp(argv[1], "ipc://", 6) == 0 ? open_unix(argv[1] + 6) :
	    open_tcp(strrchr(argv[1], ':') + 1);
	memcpy(frame, &len, 4);
	memcpy(frame + 4, body, sizeof body - 1);
	if (fd < 0 || write(fd, frame, sizeof frame) != (ssize_t)sizeof frame)
		return 1;
	if ((n = read(fd, reply, sizeof reply)) < 5)
		return 1;
	return write(STDOUT_FILENO, reply + 4, (size_t)n - 4) != n - 4;
}
#endif
