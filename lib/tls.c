/*
 * The module tls.so: TLS by OpenSSL 3, between buffers.  See tls.h.
 *
 * The library reads from one buffer and writes to another, by a kind of BIO of
 * our own: two memory BIOs that give back their memory, so that a connection
 * which says nothing holds little.  That of output is the caller's for the time
 * of a call.
 *
 * Its queue of errors belongs to the thread, not to the connection: each call
 * empties it first, and a failure takes its text from there at once.
 */
#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "err.h"
#include "mem.h"
#include "module.h"
#include "stream.h"
#include "tls_files.h"

#define CIPHERS "ECDHE+AESGCM"	/* of TLS 1.2: those of aiomas */
#define SECURITY_LEVEL 2	/* 112 bits: no RSA of 1024, no SHA-1 */
#define NAME_MAX_LEN 200	/* bytes of a peer's name; longer ones: none */
#define SAID_MAX 160		/* bytes of a peer's names in a message */

struct amas__tls_ctx {
	size_t refs;		/* its owner's, and connections */
	SSL_CTX *ssl;
	BIO_METHOD *method;
	int keylog;		/* a descriptor; -1: none */
};

struct amas__tls {
	struct amas__tls_ctx *ctx;
	SSL *ssl;
	struct amas__buf in;	/* cipher bytes that came */
	struct amas__buf *out;	/* during a call */
	bool client, done;
	bool heard;		/* plain bytes came */
	bool over;		/* no more follow: */
	ssize_t end;		/* what read gives from now on */
	struct amas_error why;
	char *wanted;		/* of a client: the server's name */
	X509 *bad;		/* a peer's certificate that we refuse */
	char name[NAME_MAX_LEN + 1];	/* of the peer */
	char about[96];
};

/* ---- The two ends of the library ---- */

static int
bio_read(BIO *b, char *data, int len)
{
	struct amas__tls *t = BIO_get_data(b);
	size_t n = amas__buf_len(&t->in);

	BIO_clear_retry_flags(b);
	if (n == 0) {
		BIO_set_retry_read(b);
		return -1;
	}
	if (n > (size_t)len)
		n = (size_t)len;
	memcpy(data, amas__buf_head(&t->in), n);
	amas__buf_consume(&t->in, n);
	if (amas__buf_len(&t->in) == 0)
		amas__buf_fini(&t->in);
	return (int)n;
}

static int
bio_write(BIO *b, const char *data, int len)
{
	struct amas__tls *t = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	if (t->out == NULL || amas__buf_put(t->out, data, (size_t)len) != 0)
		return -1;
	return len;
}

static long
bio_ctrl(BIO *b, int what, long num, void *ptr)
{
	(void)b;
	(void)num;
	(void)ptr;
	return what == BIO_CTRL_FLUSH;
}

static int
bio_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

static BIO_METHOD *
make_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_MEM, "amas");

	if (m != NULL && BIO_meth_set_read(m, bio_read) &&
	    BIO_meth_set_write(m, bio_write) &&
	    BIO_meth_set_ctrl(m, bio_ctrl) &&
	    BIO_meth_set_create(m, bio_create))
		return m;
	BIO_meth_free(m);
	return NULL;
}

/* ---- Contexts ---- */

/* A line for whoever captures what goes by, and may read it. */
static void
on_keylog(const SSL *ssl, const char *line)
{
	struct amas__tls_ctx *ctx = SSL_CTX_get_app_data(
	    SSL_get_SSL_CTX(ssl));
	char *text = amas__asprintf("%s\n", line);

	if (text != NULL && write(ctx->keylog, text, strlen(text)) == -1)
		errno = 0; /* it is for looking only */
	free(text);
}

static int
open_keylog(struct amas__tls_ctx *ctx, const char *path,
    struct amas_error *err)
{
	ctx->keylog = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
	    0600);
	if (ctx->keylog == -1)
		return amas_error_set(err, AMAS_ETLS, "%.140s: %.90s", path,
		    strerror(errno));
	SSL_CTX_set_app_data(ctx->ssl, ctx);
	SSL_CTX_set_keylog_callback(ctx->ssl, on_keylog);
	return 0;
}

static void
ctx_free(struct amas__tls_ctx *ctx)
{
	if (ctx == NULL || --ctx->refs > 0)
		return;
	SSL_CTX_free(ctx->ssl);
	BIO_meth_free(ctx->method);
	if (ctx->keylog != -1)
		close(ctx->keylog);
	free(ctx);
}

/* Keeps a certificate that is refused, to tell about it. */
static int
on_verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store,
	    SSL_get_ex_data_X509_STORE_CTX_idx());
	struct amas__tls *t = SSL_get_app_data(ssl);
	X509 *cert = X509_STORE_CTX_get0_cert(store);

	if (!ok && t->bad == NULL && cert != NULL && X509_up_ref(cert))
		t->bad = cert;
	return ok;
}

/*
 * Without tickets and sessions: who resumed one would skip the check of his
 * certificate, and one who closes without reading a ticket resets the
 * connection.
 */
static bool
set_rules(SSL_CTX *ssl, bool server, bool check)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ssl);

	SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION |
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
	    SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void)SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(ssl, !check ? SSL_VERIFY_NONE : SSL_VERIFY_PEER |
	    (server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), on_verify);
	/* As Python has it: "*" stands for one whole label only. */
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) &&
	    SSL_CTX_set_cipher_list(ssl, CIPHERS) &&
	    SSL_CTX_set_num_tickets(ssl, 0);
}

static int
ctx_load(struct amas__tls_ctx *ctx, const struct amas_tls *set, bool server,
    struct amas_error *err)
{
	int rc;

	if (!set_rules(ctx->ssl, server, server || !set->insecure))
		return amas_error_set(err, AMAS_ETLS, "%.200s",
		    amas__tls_reason());
	rc = amas__tls_load_files(ctx->ssl, set, server, err);
	if (rc == 0 && set->keylog != NULL)
		rc = open_keylog(ctx, set->keylog, err);
	if (rc == 0 && set->setup != NULL &&
	    set->setup(ctx->ssl, set->setup_arg) != 0)
		rc = amas_error_set(err, AMAS_ETLS,
		    "the program's own set-up failed");
	return rc;
}

static int
ctx_new(struct amas__tls_ctx **out, const struct amas_tls *set, bool server,
    struct amas_error *err)
{
	struct amas__tls_ctx *ctx = amas__zalloc(sizeof *ctx);
	int rc;

	if (ctx == NULL)
		return amas__error_nomem(err);
	/* it ends with the process: to tidy up first takes as long as a file */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
	ERR_clear_error();
	ctx->refs = 1;
	ctx->keylog = -1;
	ctx->method = make_method();
	ctx->ssl = SSL_CTX_new(server ? TLS_server_method() :
	    TLS_client_method());
	if (ctx->method == NULL || ctx->ssl == NULL)
		rc = amas__error_nomem(err);
	else
		rc = ctx_load(ctx, set, server, err);
	ERR_clear_error();
	if (rc != 0)
		ctx_free(ctx);
	else
		*out = ctx;
	return rc;
}

/* ---- Who the peer is ---- */

/* Text of a name without anything that could deceive; false: it has none. */
static bool
name_text(char *out, size_t size, const ASN1_STRING *s)
{
	unsigned char *text = NULL;
	int len = s != NULL ? ASN1_STRING_to_UTF8(&text, s) : -1, i;
	bool ok = len > 0 && (size_t)len < size;

	for (i = 0; ok && i < len; i++)
		ok = text[i] >= 0x20 && text[i] != 0x7f;
	if (ok) {
		memcpy(out, text, (size_t)len);
		out[len] = '\0';
	}
	OPENSSL_free(text);
	return ok;
}

/* The last common name, which is the most specific one. */
static bool
common_name(char *out, size_t size, X509 *cert)
{
	X509_NAME *name = X509_get_subject_name(cert);
	int at = -1, next;

	while ((next = X509_NAME_get_index_by_NID(name, NID_commonName,
	    at)) >= 0)
		at = next;
	return at >= 0 && name_text(out, size, X509_NAME_ENTRY_get_data(
	    X509_NAME_get_entry(name, at)));
}

/* One subject alternative name, "DNS:a" or "IP:1.2.3.4"; others: nothing. */
static void
put_alternative(struct amas__buf *b, const GENERAL_NAME *name)
{
	char text[NAME_MAX_LEN + 1];
	ASN1_OCTET_STRING *ip;
	int len;

	if (name->type == GEN_DNS &&
	    name_text(text, sizeof text, name->d.dNSName)) {
		(void)amas__buf_printf(b, ", DNS:%s", text);
	} else if (name->type == GEN_IPADD) {
		ip = name->d.iPAddress;
		len = ASN1_STRING_length(ip);
		if (len == 4)
			(void)amas__buf_printf(b, ", IP:%d.%d.%d.%d",
			    ip->data[0], ip->data[1], ip->data[2],
			    ip->data[3]);
		else if (len == 16)
			(void)amas__buf_puts(b, ", an IPv6 address");
	}
}

/* What a certificate is good for: "DNS:a, IP:1.2.3.4", or its common name. */
static void
names_of(char *out, size_t size, X509 *cert)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL,
	    NULL);
	char cn[NAME_MAX_LEN + 1];
	struct amas__buf b;
	int i;

	amas__buf_init(&b, 0);
	for (i = 0; i < sk_GENERAL_NAME_num(all); i++)
		put_alternative(&b, sk_GENERAL_NAME_value(all, i));
	if (amas__buf_len(&b) > 2)
		(void)snprintf(out, size, "%.*s",
		    (int)amas__buf_len(&b) - 2, amas__buf_head(&b) + 2);
	else if (common_name(cn, sizeof cn, cert))
		(void)snprintf(out, size, "the common name \"%.100s\" alone",
		    cn);
	else
		(void)snprintf(out, size, "nothing");
	amas__buf_fini(&b);
	GENERAL_NAMES_free(all);
}

static void
note_peer(struct amas__tls *t)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);
	GENERAL_NAMES *all;
	const GENERAL_NAME *first;

	(void)snprintf(t->about, sizeof t->about, "%s, %s",
	    SSL_get_version(t->ssl), SSL_get_cipher_name(t->ssl));
	if (cert == NULL || common_name(t->name, sizeof t->name, cert))
		return;
	all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	first = sk_GENERAL_NAME_num(all) > 0 ? sk_GENERAL_NAME_value(all, 0) :
	    NULL;
	if (first != NULL && first->type == GEN_DNS)
		(void)name_text(t->name, sizeof t->name, first->d.dNSName);
	GENERAL_NAMES_free(all);
}

/* ---- What went wrong ---- */

/* What is wrong with our own certificate, so far as we can see; or "". */
static const char *
own_fault(const struct amas__tls *t)
{
	X509 *cert = SSL_get_certificate(t->ssl);

	if (cert == NULL)
		return t->client ? " (we have none)" : "";
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		return " (ours is not yet valid)";
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		return " (ours has expired)";
	if (X509_check_purpose(cert, t->client ? X509_PURPOSE_SSL_CLIENT :
	    X509_PURPOSE_SSL_SERVER, 0) != 1)
		return t->client ? " (ours is not for clients)" :
		    " (ours is not for servers)";
	return "";
}

static bool
about_certificates(int alert)
{
	return (alert >= SSL_AD_NO_CERTIFICATE &&
	    alert <= SSL_AD_CERTIFICATE_UNKNOWN) || alert == SSL_AD_UNKNOWN_CA
	    || alert == SSL_AD_ACCESS_DENIED ||
	    alert == SSL_AD_CERTIFICATE_REQUIRED;
}

/* The peer told us what it does not like. */
static int
alerted(const struct amas__tls *t, int alert, struct amas_error *err)
{
	const char *peer = t->client ? "server" : "client";
	const char *text = alert == SSL_AD_CERTIFICATE_REQUIRED ?
	    "certificate required" : SSL_alert_desc_string_long(alert);
	bool none = t->client && SSL_get_certificate(t->ssl) == NULL;

	if (alert == SSL_AD_CERTIFICATE_REQUIRED ||
	    (none && alert == SSL_AD_HANDSHAKE_FAILURE))
		return amas_error_set(err, AMAS_ETLS, "the %s wants a "
		    "certificate (%s)%s", peer, text,
		    none ? ": --cert and --key" : "");
	if (about_certificates(alert))
		return amas_error_set(err, AMAS_ETLS, "the %s refuses our "
		    "certificate: %s%s", peer, text, own_fault(t));
	return amas_error_set(err, AMAS_ETLS, "the %s gives up: %s", peer,
	    text);
}

/* The certificate has not the name that we look for. */
static int
wrong_name(struct amas__tls *t, X509 *cert, bool ip, struct amas_error *err)
{
	char has[SAID_MAX];

	names_of(has, sizeof has, cert);
	return amas_error_set(err, AMAS_ETLS, ip ? "server's certificate has "
	    "no IP address SAN %.40s; it has %.140s" : "server's certificate "
	    "is not for %.60s; it has %.120s", t->wanted, has);
}

/* We refuse the certificate of the peer. */
static int
refused(struct amas__tls *t, long why, struct amas_error *err)
{
	X509 *cert = t->bad;
	const char *peer = t->client ? "server" : "client";
	char cn[NAME_MAX_LEN + 1] = "";

	if (cert != NULL && (why == X509_V_ERR_HOSTNAME_MISMATCH ||
	    why == X509_V_ERR_IP_ADDRESS_MISMATCH))
		return wrong_name(t, cert,
		    why == X509_V_ERR_IP_ADDRESS_MISMATCH, err);
	if (cert != NULL)
		(void)common_name(cn, sizeof cn, cert);
	return amas_error_set(err, AMAS_ETLS, "%s's certificate \"%.80s\" "
	    "refused: %.100s", peer, cn, X509_verify_cert_error_string(why));
}

/* Sets *err to why the last call failed. */
static int
failed(struct amas__tls *t, struct amas_error *err)
{
	unsigned long e = ERR_peek_error();
	int why = ERR_GET_REASON(e);
	long verify = SSL_get_verify_result(t->ssl);
	int rc;

	if (ERR_GET_LIB(e) == ERR_LIB_SSL && why >= SSL_AD_REASON_OFFSET)
		rc = alerted(t, why - SSL_AD_REASON_OFFSET, err);
	else if (why == SSL_R_CERTIFICATE_VERIFY_FAILED)
		rc = refused(t, verify, err);
	else if (why == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
		rc = amas_error_set(err, AMAS_ETLS, "the client shows no "
		    "certificate");
	else
		rc = amas_error_set(err, AMAS_ETLS, "no agreement: %.200s",
		    amas__tls_reason());
	ERR_clear_error();
	return rc;
}

/* ---- Connections ---- */

static void
tls_free(struct amas__tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	X509_free(t->bad);
	amas__buf_fini(&t->in);
	free(t->wanted);
	ctx_free(t->ctx);
	free(t);
}

/* Sets what the server's certificate must have. */
static bool
set_name(struct amas__tls *t, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
	bool ip = X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;

	ERR_clear_error();
	if ((t->wanted = amas__strdup(name)) == NULL)
		return false;
	return ip || (X509_VERIFY_PARAM_set1_host(param, name, 0) &&
	    SSL_set_tlsext_host_name(t->ssl, t->wanted));
}

static int
tls_start(struct amas__tls **out, struct amas__tls_ctx *ctx, const char *name,
    struct amas_error *err)
{
	struct amas__tls *t = amas__zalloc(sizeof *t);
	BIO *b = NULL;

	if (t == NULL)
		return amas__error_nomem(err);
	ERR_clear_error();
	amas__buf_init(&t->in, 0);
	t->client = name != NULL;
	t->ctx = ctx;
	ctx->refs++;
	if ((t->ssl = SSL_new(ctx->ssl)) == NULL ||
	    (b = BIO_new(ctx->method)) == NULL || (name != NULL &&
	    !set_name(t, name))) {
		BIO_free(b);
		tls_free(t);
		return amas__error_nomem(err);
	}
	BIO_set_data(b, t);
	SSL_set_bio(t->ssl, b, b);
	SSL_set_app_data(t->ssl, t);
	if (name != NULL)
		SSL_set_connect_state(t->ssl);
	else
		SSL_set_accept_state(t->ssl);
	*out = t;
	return 0;
}

static int
tls_put(struct amas__tls *t, const void *data, size_t len)
{
	return amas__buf_put(&t->in, data, len);
}

static int
tls_handshake(struct amas__tls *t, struct amas__buf *out,
    struct amas_error *err)
{
	int rc, how;

	if (t->done)
		return 1;
	ERR_clear_error();
	t->out = out;
	rc = SSL_do_handshake(t->ssl);
	how = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, rc);
	t->out = NULL;
	if (how == SSL_ERROR_WANT_READ)
		return 0;
	if (how != SSL_ERROR_NONE)
		return failed(t, err);
	t->done = true;
	note_peer(t);
	return 1;
}

/*
 * Notes how it ended, since the library tells only once.  A failure is a refusal
 * only while the peer has said nothing: a client of TLS 1.3 learns that it is
 * not welcome when it reads for the first time.
 */
static void
note_end(struct amas__tls *t, int how)
{
	bool alert = ERR_GET_REASON(ERR_peek_error()) >= SSL_AD_REASON_OFFSET;

	t->over = true;
	if (how == SSL_ERROR_ZERO_RETURN) {
		ERR_clear_error();
		return;
	}
	t->end = failed(t, &t->why);
	if (!t->client || t->heard || !alert)
		t->end = t->why.code = AMAS_EPROTO;
}

static ssize_t
tls_read(struct amas__tls *t, void *data, size_t len, struct amas__buf *out,
    struct amas_error *err)
{
	size_t n, total = 0;
	int how = SSL_ERROR_NONE;

	ERR_clear_error();
	t->out = out;
	while (total < len && how == SSL_ERROR_NONE && !t->over) {
		if (SSL_read_ex(t->ssl, (char *)data + total, len - total,
		    &n) == 1)
			total += n;
		else
			how = SSL_get_error(t->ssl, 0);
	}
	t->out = NULL;
	t->heard = t->heard || total > 0;
	if (how != SSL_ERROR_NONE && how != SSL_ERROR_WANT_READ)
		note_end(t, how);
	if (total > 0)
		return (ssize_t)total;
	if (!t->over)
		return AMAS__AGAIN;
	if (t->end < 0)
		(void)amas__error_copy(err, &t->why);
	return t->end;
}

static int
tls_write(struct amas__tls *t, const void *data, size_t len,
    struct amas__buf *out, struct amas_error *err)
{
	size_t n;
	int rc;

	ERR_clear_error();
	t->out = out;
	rc = SSL_write_ex(t->ssl, data, len, &n);
	t->out = NULL;
	if (rc == 1)
		return 0;
	(void)failed(t, err);
	if (err != NULL)
		err->code = AMAS_EPROTO;
	return AMAS_EPROTO;
}

static void
tls_end(struct amas__tls *t, struct amas__buf *out)
{
	ERR_clear_error();
	t->out = out;
	if (t->done)
		(void)SSL_shutdown(t->ssl);
	t->out = NULL;
	ERR_clear_error();
}

static bool
tls_pending(const struct amas__tls *t)
{
	return amas__buf_len(&t->in) > 0 || SSL_pending(t->ssl) > 0;
}

static const char *
tls_peer_name(const struct amas__tls *t)
{
	return t->name;
}

static const char *
tls_about(const struct amas__tls *t)
{
	return t->about;
}

static const struct amas__tls_ops ops = {
	.ctx_new = ctx_new,
	.ctx_free = ctx_free,
	.start = tls_start,
	.free = tls_free,
	.put = tls_put,
	.handshake = tls_handshake,
	.read = tls_read,
	.write = tls_write,
	.end = tls_end,
	.pending = tls_pending,
	.peer_name = tls_peer_name,
	.about = tls_about,
	.doubt = own_fault,
};

__attribute__((visibility("default")))
const struct amas__module amas__module = { AMAS_VERSION, NULL, &ops };
