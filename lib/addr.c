/*
 * Addresses.  The text is cut into the address proper and what stands behind
 * it; both are then read the same way for every kind.
 *
 *	tcp://HOST:PORT[behind]		HOST:PORT[behind]
 *	ipc://[SOCKET][behind]		ipc:///SOCKET[/], ipc:///SOCKET//ID
 *	local://NAME[behind]		/SOCKET[/], ./SOCKET[/]
 *
 * behind is a run of slashes (a container), /DIGITS or //ID (an agent of one),
 * or the path of a service.
 */
#include "addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "err.h"
#include "log.h"
#include "mem.h"

#define SOCKET_MAX (sizeof ((struct sockaddr_un *)0)->sun_path - 1)
#define HOST_MAX 253		/* of DNS */
#define QUOTE_MAX 64		/* what an error text shows of a bad part */

/* Sets AMAS_EINVAL and a text that quotes a part of the address. */
static int
bad(struct amas_error *err, const char *part, size_t len, const char *what)
{
	char quote[QUOTE_MAX];

	return amas_error_set(err, AMAS_EINVAL, "\"%s\" %s",
	    amas__log_text(quote, sizeof quote, part, len), what);
}

/* What follows prefix in text, or NULL. */
static const char *
after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

/* Tells whether all of a part are digits, of which there is one at least. */
static bool
is_number(const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return len > 0;
}

static bool
is_name(const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!(p[i] >= '0' && p[i] <= '9') &&
		    !(p[i] >= 'A' && p[i] <= 'Z') &&
		    !(p[i] >= 'a' && p[i] <= 'z') && p[i] != '.' &&
		    p[i] != '_' && p[i] != '-')
			return false;
	return len > 0 && p[0] != '-';
}

/* An IPv6 address, perhaps with a scope: "fe80::1%eth0". */
static bool
is_ipv6(const char *p, size_t len)
{
	const char *scope = memchr(p, '%', len);
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ip;
	size_t n = scope != NULL ? (size_t)(scope - p) : len;

	if (n >= sizeof text ||
	    (scope != NULL && !is_name(scope + 1, len - n - 1)))
		return false;
	memcpy(text, p, n);
	text[n] = '\0';
	return inet_pton(AF_INET6, text, &ip) == 1;
}

/* Tells where a text ends without the slashes at its end. */
static size_t
without_slashes(const char *p, size_t len)
{
	while (len > 0 && p[len - 1] == '/')
		len--;
	return len;
}

/* Copies a path with one slash in the place of many.  NULL: short of memory. */
static char *
copy_path(const char *p, size_t len)
{
	char *out = amas__strndup(p, len);
	size_t i, n = 0;

	if (out == NULL)
		return NULL;
	for (i = 0; i < len; i++)
		if (p[i] != '/' || n == 0 || out[n - 1] != '/')
			out[n++] = p[i];
	out[n] = '\0';
	return out;
}

/* Reads what stands behind the address: nothing, or from its first slash. */
static int
parse_behind(struct amas__addr *a, const char *p, struct amas_error *err)
{
	size_t slashes = strspn(p, "/"), all = strlen(p += slashes);
	size_t len = without_slashes(p, all);

	a->container = len < all || (len == 0 && slashes > 0);
	if (len > 0 && memchr(p, '/', len) == NULL &&
	    (slashes > 1 || is_number(p, len))) {
		a->container = true;
		if ((a->agent = amas__strndup(p, len)) == NULL)
			return amas__error_nomem(err);
		len = 0;
	}
	if ((a->path = copy_path(p, len)) == NULL)
		return amas__error_nomem(err);
	return 0;
}

static int
parse_port(uint16_t *out, const char *p, size_t len, struct amas_error *err)
{
	unsigned n = 0;
	size_t i;

	if (len == 0)
		return amas_error_set(err, AMAS_EINVAL,
		    "no port behind the colon");
	if (!is_number(p, len))
		return bad(err, p, len, "is no port");
	for (i = 0; i < len && n <= UINT16_MAX; i++)
		n = n * 10 + (unsigned)(p[i] - '0');
	if (n > UINT16_MAX)
		return amas_error_set(err, AMAS_EINVAL,
		    "port %.*s, at most %u", len < 20 ? (int)len : 20, p,
		    (unsigned)UINT16_MAX);
	*out = (uint16_t)n;
	return 0;
}

/* Whose host is it: "" loopback, "*", a name, IPv4, IPv6 with or without []. */
static int
parse_host(struct amas__addr *a, const char *p, size_t len,
    struct amas_error *err)
{
	bool brackets = len >= 2 && p[0] == '[' && p[len - 1] == ']';

	if (brackets || memchr(p, ':', len) != NULL) {
		p += brackets;
		len -= brackets ? 2 : 0;
		if (!is_ipv6(p, len))
			return bad(err, p, len, "is no IPv6 address");
	} else if (len > HOST_MAX || !(len == 0 || is_name(p, len) ||
	    (len == 1 && *p == '*'))) {
		return bad(err, p, len, "is no host name");
	}
	if ((a->host = amas__strndup(p, len)) == NULL)
		return amas__error_nomem(err);
	return 0;
}

/* HOST:PORT and what is behind it; the last colon separates them. */
static int
parse_tcp(struct amas__addr *a, const char *p, struct amas_error *err)
{
	size_t len = strcspn(p, "/");
	const char *colon = memrchr(p, ':', len);
	size_t host_len;
	int rc;

	a->kind = AMAS__ADDR_TCP;
	if (len == 0)
		return amas_error_set(err, AMAS_EINVAL, "no host and port");
	if (colon == NULL)
		return bad(err, p, len, "has no port; the path of a socket "
		    "begins with / or ./");
	host_len = (size_t)(colon - p);
	if (p[len - 1] == ']' || (*p != '[' && is_ipv6(p, len) &&
	    (host_len == 0 || !is_ipv6(p, host_len))))
		return bad(err, p, len, "has no port; [ADDRESS]:PORT has one");
	if ((rc = parse_host(a, p, host_len, err)) != 0 ||
	    (rc = parse_port(&a->port, colon + 1, len - host_len - 1,
	    err)) != 0)
		return rc;
	return parse_behind(a, p + len, err);
}

static int
set_socket(struct amas__addr *a, const char *p, size_t len,
    struct amas_error *err)
{
	a->kind = AMAS__ADDR_UNIX;
	if ((len = without_slashes(p, len)) == 0)
		return amas_error_set(err, AMAS_EINVAL, "no path of a socket");
	if ((a->name = copy_path(p, len)) == NULL)
		return amas__error_nomem(err);
	if ((len = strlen(a->name)) > SOCKET_MAX)
		return amas_error_set(err, AMAS_ECONNECT,
		    "socket path of %zu bytes, at most %zu", len, SOCKET_MAX);
	return 0;
}

/*
 * The path of a socket without brackets.  It goes to the end, but for slashes
 * there and, in the long form, an agent behind two slashes.
 */
static int
parse_socket(struct amas__addr *a, const char *p, bool agents,
    struct amas_error *err)
{
	size_t len = without_slashes(p, strlen(p));
	const char *last = memrchr(p, '/', len), *behind = p + len;
	size_t front;
	int rc;

	if (agents && last != NULL) {
		front = without_slashes(p, (size_t)(last - p));
		if (front > 0 && front < (size_t)(last - p))
			behind = p + front;
	}
	if ((rc = set_socket(a, p, (size_t)(behind - p), err)) != 0)
		return rc;
	return parse_behind(a, behind, err);
}

static bool
is_path(const char *p)
{
	return *p == '/' || after(p, "./") != NULL || after(p, "../") != NULL;
}

static int
parse_ipc(struct amas__addr *a, const char *p, struct amas_error *err)
{
	const char *end;
	int rc;

	if (*p != '[') {
		if (!is_path(p))
			return bad(err, p, strlen(p), "is no path of a "
			    "socket, which begins with / or ./");
		return parse_socket(a, p, true, err);
	}
	for (end = strchr(p, ']'); end != NULL; end = strchr(end + 1, ']'))
		if (end[1] == '/' || end[1] == '\0')
			break;
	if (end == NULL)
		return bad(err, p, strlen(p), "has no ] behind the path");
	if ((rc = set_socket(a, p + 1, (size_t)(end - p - 1), err)) != 0)
		return rc;
	return parse_behind(a, end + 1, err);
}

static int
parse_local(struct amas__addr *a, const char *p, struct amas_error *err)
{
	size_t len = strcspn(p, "/");

	a->kind = AMAS__ADDR_LOCAL;
	if (len == 0)
		return amas_error_set(err, AMAS_EINVAL,
		    "no name behind local://");
	if ((a->name = amas__strndup(p, len)) == NULL)
		return amas__error_nomem(err);
	return parse_behind(a, p + len, err);
}

static int
parse(struct amas__addr *a, const char *text, struct amas_error *err)
{
	const char *rest;
	size_t len = strcspn(text, ":/");

	if ((rest = after(text, "tcp://")) != NULL)
		return parse_tcp(a, rest, err);
	if ((rest = after(text, "ipc://")) != NULL)
		return parse_ipc(a, rest, err);
	if ((rest = after(text, "local://")) != NULL)
		return parse_local(a, rest, err);
	if (is_path(text))
		return parse_socket(a, text, false, err);
	if (len > 0 && after(text + len, "://") != NULL)
		return bad(err, text, len,
		    "is no scheme; there are tcp, ipc and local");
	return parse_tcp(a, text, err);
}

int
amas__addr_parse(struct amas__addr *a, const char *text, struct amas_error *err)
{
	int rc;

	memset(a, 0, sizeof *a);
	if ((rc = parse(a, text, err)) != 0)
		amas__addr_fini(a);
	return rc;
}

void
amas__addr_fini(struct amas__addr *a)
{
	free(a->host);
	free(a->name);
	free(a->path);
	free(a->agent);
	memset(a, 0, sizeof *a);
}

char *
amas__addr_print(const struct amas__addr *a)
{
	bool ipv6;

	switch (a->kind) {
	case AMAS__ADDR_UNIX:
		return amas__asprintf(is_path(a->name) ? "ipc://%s" :
		    "ipc://[%s]", a->name);
	case AMAS__ADDR_LOCAL:
		return amas__asprintf("local://%s", a->name);
	case AMAS__ADDR_TCP:
		break;
	}
	ipv6 = strchr(a->host, ':') != NULL;
	return amas__asprintf("tcp://%s%s%s:%u", ipv6 ? "[" : "",
	    *a->host != '\0' ? a->host : "localhost", ipv6 ? "]" : "",
	    (unsigned)a->port);
}

char *
amas__addr_no_agent(const struct amas__addr *a, char *buf, size_t size)
{
	const char *id = a->agent != NULL ? a->agent : "";

	if (a->kind == AMAS__ADDR_TCP)
		(void)snprintf(buf, size, "ConnectionError: Agent \"%.100s\" "
		    "does not exist in Container(('%.200s', %u))", id,
		    a->host, (unsigned)a->port);
	else
		(void)snprintf(buf, size, "ConnectionError: Agent \"%.100s\" "
		    "does not exist in Container('%.200s')", id, a->name);
	return buf;
}

bool
amas__addr_is_loopback(const char *host)
{
	return *host == '\0' || strcmp(host, "localhost") == 0 ||
	    strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}
