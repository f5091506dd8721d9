/*
 * Addresses: tcp://host:port, ipc:///path, ipc://[/path], local://name, their
 * short forms, and what may stand behind them; DESIGN.md, section 5, "ADDR".
 */
#ifndef AMAS__ADDR_H
#define AMAS__ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amas.h"

enum amas__addr_kind {
	AMAS__ADDR_TCP,
	AMAS__ADDR_UNIX,
	AMAS__ADDR_LOCAL
};

struct amas__addr {
	enum amas__addr_kind kind;
	char *host;		/* TCP: "" loopback, "*" every interface */
	uint16_t port;		/* TCP */
	char *name;		/* UNIX: path of the socket; LOCAL: name */
	char *path;		/* service path behind it, no slashes at its
				 * ends: "", "math/sub" */
	char *agent;		/* agent's id, NULL if it names none; then path
				 * is "" */
	bool container;		/* it ended in "/" or names an agent */
};

/*
 * Reads an address.  In "ipc:///path" a last part behind two slashes is an
 * agent ("ipc:///run/h//3"); the short form "/path" is a path to its end, but for
 * slashes there.  Returns 0, AMAS_EINVAL (err says what is wrong and, where
 * it can, what was meant), AMAS_ECONNECT (socket path too long for the system)
 * or AMAS_ENOMEM.
 */
int amas__addr_parse(struct amas__addr *a, const char *text,
    struct amas_error *err);
void amas__addr_fini(struct amas__addr *a);

/*
 * Prints the address proper, without what stands behind it, in its canonical
 * form: "tcp://localhost:5555", "tcp://[::1]:5555", "ipc:///tmp/x".  Returns
 * memory for free(3), NULL if that is short.
 */
char *amas__addr_print(const struct amas__addr *a);

/* Whether what listens at a host can be reached from this machine alone. */
bool amas__addr_is_loopback(const char *host);

/*
 * Writes that there is no such agent at its address, as aiomas says it: "Agent
 * \"7\" does not exist in Container(('127.0.0.1', 5555))".  Returns buf.
 */
char *amas__addr_no_agent(const struct amas__addr *a, char *buf, size_t size);

#endif
