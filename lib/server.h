/*
 * What the library knows of a server beside amas.h.
 */
#ifndef AMAS__SERVER_H
#define AMAS__SERVER_H

#include "amas.h"

/* As amas__listener_be_local(); not for one on descriptors that were there. */
int amas__server_be_local(struct amas_server *srv, const char *addr,
    struct amas_error *err);

/* Its connections are links between containers, amas__channel_be_link(). */
void amas__server_be_link(struct amas_server *srv);

#endif
