/* Certificates for tests; see certs.h. */
#include "certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY_S 86400L

struct certs {
	char *dir;
	EVP_PKEY *key;
	X509 *cert;
	long serial;
};

static void
need(int ok)
{
	if (!ok)
		abort();
}

static FILE *
file(const struct certs *c, const char *name, const char *suffix)
{
	char path[512];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s.%s", c->dir, name, suffix);
	f = fopen(path, "we");
	need(f != NULL);
	(void)chmod(path, 0600);
	return f;
}

static EVP_PKEY *
new_key(int rsa)
{
	EVP_PKEY *key = rsa != 0 ?
	    EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)rsa) :
	    EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

	need(key != NULL);
	return key;
}

static void
extend(X509 *cert, X509 *issuer, int nid, const char *text)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
	need(e != NULL && X509_add_ext(cert, e, -1));
	X509_EXTENSION_free(e);
}

static X509 *
new_cert(struct certs *c, const char *name, EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *subject;

	need(cert != NULL && X509_set_version(cert, 2));
	need(ASN1_INTEGER_set(X509_get_serialNumber(cert), ++c->serial));
	need(X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S) != NULL);
	need(X509_gmtime_adj(X509_getm_notAfter(cert), DAY_S) != NULL);
	need(X509_set_pubkey(cert, key));
	subject = X509_get_subject_name(cert);
	need(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
	    (const unsigned char *)name, -1, -1, 0));
	need(X509_set_issuer_name(cert, c->cert != NULL ?
	    X509_get_subject_name(c->cert) : subject));
	return cert;
}

struct certs *
certs_new(const char *dir)
{
	struct certs *c = calloc(1, sizeof *c);
	FILE *f;
	X509 *cert;

	need(c != NULL && (c->dir = strdup(dir)) != NULL);
	c->key = new_key(0);
	cert = new_cert(c, "Test CA", c->key);
	extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
	extend(cert, cert, NID_subject_key_identifier, "hash");
	need(X509_sign(cert, c->key, EVP_sha256()) > 0);
	c->cert = cert;
	f = file(c, "ca", "pem");
	need(PEM_write_X509(f, cert));
	fclose(f);
	return c;
}

void
certs_sign(struct certs *c, const struct certs_how *how)
{
	EVP_PKEY *key = new_key(how->rsa);
	X509 *cert = new_cert(c, how->name, key);
	FILE *f;

	if (how->alt != NULL)
		extend(cert, c->cert, NID_subject_alt_name, how->alt);
	need(X509_sign(cert, c->key, EVP_sha256()) > 0);
	f = file(c, how->name, "pem");
	need(PEM_write_X509(f, cert));
	fclose(f);
	f = file(c, how->name, "key");
	need(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
	fclose(f);
	X509_free(cert);
	EVP_PKEY_free(key);
}

void
certs_free(struct certs *c)
{
	X509_free(c->cert);
	EVP_PKEY_free(c->key);
	free(c->dir);
	free(c);
}
