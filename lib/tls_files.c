/* Files of TLS; see tls_files.h. */
#include "tls_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "err.h"

#define CHAIN_MAX 10		/* certificates that are added to our own */

const char *
amas__tls_reason(void)
{
	unsigned long e = ERR_peek_error();
	const char *text = ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) :
	    ERR_reason_error_string(e);

	return text != NULL ? text : "no cause known";
}

static int
bad_file(struct amas_error *err, const char *path, const char *why)
{
	return amas_error_set(err, AMAS_ETLS, "%.140s: %.90s", path, why);
}

static FILE *
open_file(const char *path, struct amas_error *err)
{
	FILE *f = fopen(path, "re");

	if (f == NULL)
		(void)bad_file(err, path, strerror(errno));
	return f;
}

/* Nobody is asked for a passphrase: that might be a terminal, or nobody. */
static int
no_passphrase(char *buf, int size, int writing, void *asked)
{
	(void)buf;
	(void)size;
	(void)writing;
	if (asked != NULL)
		*(bool *)asked = true;
	return -1;
}

/* Whom we trust, and what they have revoked, if that is in the file, too. */
static int
add_trusted(SSL_CTX *ssl, STACK_OF(X509_INFO) *all, bool server)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ssl);
	X509_INFO *info;
	int i, n = 0;

	for (i = 0; i < sk_X509_INFO_num(all); i++) {
		info = sk_X509_INFO_value(all, i);
		if (info->x509 != NULL) {
			if (!X509_STORE_add_cert(store, info->x509) ||
			    (server && !SSL_CTX_add_client_CA(ssl,
			    info->x509)))
				return -1;
			n++;
		}
		if (info->crl != NULL &&
		    (!X509_STORE_add_crl(store, info->crl) ||
		    !X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK)))
			return -1;
	}
	return n;
}

static int
load_trusted(SSL_CTX *ssl, const char *path, bool server,
    struct amas_error *err)
{
	STACK_OF(X509_INFO) *all = NULL;
	FILE *f = open_file(path, err);
	int n, rc = 0;

	if (f == NULL)
		return AMAS_ETLS;
	if (!ferror(f))
		all = PEM_X509_INFO_read(f, NULL, no_passphrase, NULL);
	if (all == NULL || (n = add_trusted(ssl, all, server)) < 0)
		rc = bad_file(err, path, amas__tls_reason());
	else if (n == 0)
		rc = bad_file(err, path, "has no certificate in it");
	sk_X509_INFO_pop_free(all, X509_INFO_free);
	(void)fclose(f);
	return rc;
}

/*
 * A key of the type that the certificate has: where OpenSSL must find that out
 * by itself, it takes three times as long.  Others are read to tell about them.
 */
static EVP_PKEY *
decode_key(const unsigned char *der, long len, int type)
{
	const unsigned char *at = der;
	EVP_PKEY *key = d2i_PrivateKey(type, NULL, &at, len);

	at = der;
	return key != NULL ? key : d2i_AutoPrivateKey(NULL, &at, len);
}

static EVP_PKEY *
read_key(FILE *f, int type, bool *encrypted)
{
	BIO *b = BIO_new_fp(f, BIO_NOCLOSE);
	unsigned char *der = NULL;
	EVP_PKEY *key = NULL;
	char *what = NULL;
	long len;

	if (b != NULL && PEM_bytes_read_bio(&der, &len, &what,
	    PEM_STRING_EVP_PKEY, b, no_passphrase, encrypted) == 1) {
		if (strcmp(what, PEM_STRING_PKCS8) == 0)
			*encrypted = true;
		else
			key = decode_key(der, len, type);
		OPENSSL_clear_free(der, (size_t)len);
	}
	OPENSSL_free(what);
	BIO_free(b);
	return key;
}

static int
load_key(SSL_CTX *ssl, const char *path, const char *cert,
    struct amas_error *err)
{
	const EVP_PKEY *own = X509_get0_pubkey(SSL_CTX_get0_certificate(ssl));
	FILE *f = open_file(path, err);
	bool encrypted = false;
	EVP_PKEY *key;
	int rc = 0;

	if (f == NULL)
		return AMAS_ETLS;
	key = read_key(f, EVP_PKEY_get_base_id(own), &encrypted);
	(void)fclose(f);
	if (key == NULL)
		return bad_file(err, path, encrypted ? "is encrypted, and "
		    "nobody is asked for its passphrase" :
		    "has no private key in it that can be read");
	/* this fails if it is not the certificate's, too */
	if (!SSL_CTX_use_PrivateKey(ssl, key) ||
	    !SSL_CTX_check_private_key(ssl))
		rc = amas_error_set(err, AMAS_ETLS, "%.110s: is not the key "
		    "of %.100s", path, cert);
	EVP_PKEY_free(key);
	return rc;
}

/* Adds those between us and a root, which all have who trust it. */
static bool
add_issuers(SSL_CTX *ssl, X509_STORE_CTX *store)
{
	X509 *cert = SSL_CTX_get0_certificate(ssl), *issuer;
	bool ok = true, root = false;
	int n;

	for (n = 0; ok && !root && n < CHAIN_MAX &&
	    X509_STORE_CTX_get1_issuer(&issuer, store, cert) == 1; n++) {
		root = X509_self_signed(issuer, 0) != 0;
		if (root)
			X509_free(issuer);
		else
			ok = SSL_CTX_add0_chain_cert(ssl, issuer) == 1;
		cert = issuer;
	}
	return ok;
}

/*
 * OpenSSL would look for the others of a chain in each handshake, check our own
 * certificate for that, and send the root, too, which the peer must decode.
 */
static bool
complete_chain(SSL_CTX *ssl)
{
	X509_STORE_CTX *store;
	STACK_OF(X509) *chain;
	bool ok;

	(void)SSL_CTX_set_mode(ssl, SSL_MODE_NO_AUTO_CHAIN);
	if (SSL_CTX_get0_chain_certs(ssl, &chain) == 1 && chain != NULL)
		return true;
	store = X509_STORE_CTX_new();
	ok = store != NULL && X509_STORE_CTX_init(store,
	    SSL_CTX_get_cert_store(ssl), NULL, NULL) == 1 &&
	    add_issuers(ssl, store);
	X509_STORE_CTX_free(store);
	return ok;
}

/* A set-up of the program's own may replace it, so has what OpenSSL does. */
static int
load_own(SSL_CTX *ssl, const struct amas_tls *set, struct amas_error *err)
{
	FILE *f = open_file(set->cert, err);

	if (f == NULL)
		return AMAS_ETLS;
	(void)fclose(f);
	if (!SSL_CTX_use_certificate_chain_file(ssl, set->cert))
		return bad_file(err, set->cert, ERR_GET_REASON(
		    ERR_peek_error()) == PEM_R_NO_START_LINE ?
		    "has no certificate in it" : amas__tls_reason());
	if (set->setup == NULL && !complete_chain(ssl))
		return bad_file(err, set->cert, amas__tls_reason());
	return load_key(ssl, set->key != NULL ? set->key : set->cert,
	    set->cert, err);
}

int
amas__tls_load_files(SSL_CTX *ssl, const struct amas_tls *set, bool server,
    struct amas_error *err)
{
	int rc = 0;

	SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
	if (set->cacert != NULL)
		rc = load_trusted(ssl, set->cacert, server, err);
	if (rc == 0 && set->cert != NULL)
		rc = load_own(ssl, set, err);
	return rc;
}
