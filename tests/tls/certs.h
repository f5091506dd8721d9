/* Certificates for tests: a CA and those that it has signed, made on the spot. */
#ifndef CERTS_H
#define CERTS_H

/* How to make one.  What is NULL or 0 is the usual. */
struct certs_how {
	const char *name;	/* common name, and of the files NAME.pem, .key */
	const char *alt;	/* "DNS:localhost,IP:127.0.0.1"; NULL: none */
	int rsa;		/* bits of an RSA key; 0: P-256 */
};

/* Makes DIR/ca.pem; then DIR/NAME.pem and DIR/NAME.key.  Abort on failure. */
struct certs *certs_new(const char *dir);
void certs_sign(struct certs *c, const struct certs_how *how);
void certs_free(struct certs *c);

#endif
