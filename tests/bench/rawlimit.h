/*
 * What the parts of rawlimit share, and zmq some of it.  One process does one
 * piece of work and prints one figure; what fails ends it, and says why.
 */
#ifndef RAWLIMIT_H
#define RAWLIMIT_H

#include <stdbool.h>
#include <stddef.h>

#define ADDR_SIZE 128
#define MIB ((size_t)1 << 20)

/* One end of a connection, and the epoll set that waits for its input. */
struct end {
	int fd;
	int ep;
};

/* ---- rawlimit_sock.c ---- */

void must(bool ok, const char *what);
double now(void);
double number(const char *text, double min, double max);

/*
 * Addresses are those that amas programs print: tcp://127.0.0.1:PORT,
 * ipc://PATH and ipc://[PATH].  What listen_at() got is written back.
 */
int listen_at(char *addr, size_t size);
int connect_to(const char *addr);
void nodelay(int fd);

void end_watch(struct end *e);
void end_close(struct end *e);
void end_pair(const char *kind, struct end *a, struct end *b);
bool end_get(struct end *e, char *buf, size_t want);
bool end_put(struct end *e, const char *buf, size_t want);

size_t frame_size(const char *p);
int fork_peer(void);		/* 0 in the child, which dies with us */
void reap(int pid);

/* ---- rawlimit_load.c ---- */

/*
 * A request of one argument, framed.  Where its number stands is known, so that
 * it can be stamped with another.
 */
struct request {
	char *data;
	size_t len;
	size_t arg_len;		/* a reply is no shorter */
	bool msgpack;
};

void request_make(struct request *r, const char *codec, const char *function,
    const char *arg);
void request_free(struct request *r);

/* ---- What the command line names ---- */

int do_accept(char *argv[]);
int do_bulk(char *argv[]);
int do_coprocess(char *argv[]);
int do_exec(char *argv[]);
int do_fanout(char *argv[]);
int do_hold(char *argv[]);
int do_lines(char *argv[]);
int do_load(char *argv[]);
int do_pingpong(char *argv[]);
int do_resp(char *argv[]);
int do_serve(char *argv[]);

#endif
