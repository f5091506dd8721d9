/*
 * TLS: what its module, tls.so, can do.  A filter between plain bytes and cipher
 * bytes that knows no socket: cipher bytes of the peer are put in, those for it
 * come out at the end of a buffer.  stream_tls.c makes a stream of it,
 * tls_setup.c keeps the contexts; only tls.c and tls_files.c know the library
 * behind it.
 */
#ifndef AMAS__TLS_H
#define AMAS__TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "amas.h"
#include "buf.h"

struct amas__tls_ctx;		/* what was read from files */
struct amas__tls;		/* one connection */

/*
 * Both ends speak TLS 1.2 with ECDHE and AES-GCM, or 1.3, and show certificates
 * that the one CA has signed; a server takes nobody without.
 *
 * ctx_new    reads the files.  Returns 0, AMAS_ETLS (err begins with the path of
 *            the file that is wrong) or AMAS_ENOMEM.
 * ctx_free   its connections go on.
 * start      begins a connection; name: the host name or address that the
 *            server's certificate must have; NULL: we are the server.
 * put        adds cipher bytes from the peer.  Returns 0 or AMAS_ENOMEM.
 * handshake  goes on; 1: it is over, 0: wants more bytes, or AMAS_ETLS.
 * read       gives plain bytes: their number, 0: the peer has ended them,
 *            AMAS__AGAIN (stream.h), AMAS_ETLS (the peer refuses us, and has
 *            heard nothing of what was written), AMAS_EPROTO.
 * write      takes all of the plain bytes.  Returns 0 or AMAS_EPROTO.
 * end        says that no more plain bytes follow.
 * pending    whether there may be plain bytes, of what was put in.
 * peer_name  the name in the peer's certificate, "" for none.
 * about      "TLSv1.3, TLS_AES_256_GCM_SHA384".
 * doubt      why a peer that says nothing may refuse us: " (ours has expired)",
 *            or "".
 */
struct amas__tls_ops {
	int (*ctx_new)(struct amas__tls_ctx **out, const struct amas_tls *set,
	    bool server, struct amas_error *err);
	void (*ctx_free)(struct amas__tls_ctx *ctx);
	int (*start)(struct amas__tls **out, struct amas__tls_ctx *ctx,
	    const char *name, struct amas_error *err);
	void (*free)(struct amas__tls *t);
	int (*put)(struct amas__tls *t, const void *data, size_t len);
	int (*handshake)(struct amas__tls *t, struct amas__buf *out,
	    struct amas_error *err);
	ssize_t (*read)(struct amas__tls *t, void *data, size_t len,
	    struct amas__buf *out, struct amas_error *err);
	int (*write)(struct amas__tls *t, const void *data, size_t len,
	    struct amas__buf *out, struct amas_error *err);
	void (*end)(struct amas__tls *t, struct amas__buf *out);
	bool (*pending)(const struct amas__tls *t);
	const char *(*peer_name)(const struct amas__tls *t);
	const char *(*about)(const struct amas__tls *t);
	const char *(*doubt)(const struct amas__tls *t);
};

#endif
