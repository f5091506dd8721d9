/* The other end, and what it may call of us; see call_peer.h. */
#include "call_peer.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "addr.h"
#include "call_exec.h"
#include "child.h"
#include "codec.h"
#include "loop.h"
#include "rpc.h"

#define ENDING_S 3.0	/* more than processes have, from TERM to KILL */
#define DYING_S 1.0	/* from closing its pipe to its end */

static int
load(struct call_peer *p, const char *source)
{
	struct amas_error err;
	int rc = amas_service_load(p->service, p->loop, source, NULL, &err);

	if (rc == AMAS_EEXIST)
		return cmd_error(CMD_USAGE, source, "%s", err.text);
	return rc != 0 ? cmd_fail(source, &err) : CMD_OK;
}

static void
on_signal(struct ev_loop *ev, ev_signal *w, int revents)
{
	struct call_peer *p = w->data;

	(void)ev;
	(void)revents;
	p->sig = w->signum;
	amas__loop_break(p->loop);
}

/*
 * Processes that we started do not get our signals, or would not know what has
 * become of us; so we end by a signal only when they have ended.  SIGPIPE is
 * seen when we write.
 */
static int
watch_signals(struct call_peer *p)
{
	static const int signals[CALL_SIGNALS] = { SIGHUP, SIGINT, SIGTERM };
	size_t i;

	if ((p->ev = ev_loop_new(EVFLAG_NOENV)) == NULL)
		return cmd_error(CMD_SYS, NULL, "event loop: %s",
		    strerror(errno));
	(void)signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < CALL_SIGNALS; i++) {
		ev_signal_init(&p->signals[i], on_signal, signals[i]);
		p->signals[i].data = p;
		ev_signal_start(p->ev, &p->signals[i]);
		ev_unref(p->ev);
	}
	return CMD_OK;
}

static void
unwatch_signals(struct call_peer *p)
{
	size_t i;

	for (i = 0; i < CALL_SIGNALS; i++) {
		ev_ref(p->ev);
		ev_signal_stop(p->ev, &p->signals[i]);
	}
	ev_loop_destroy(p->ev);
}

/* What speaks to the connection itself cannot mean an object behind it. */
static int
check_addr(const struct call_opts *o)
{
	struct amas__addr a;
	struct amas_error err;
	bool behind;

	if ((!o->pipe && !o->channel) || o->command != NULL ||
	    amas__addr_parse(&a, o->addr, &err) != 0)
		return CMD_OK; /* what is wrong with it will be said */
	behind = a.agent != NULL || a.path[0] != '\0';
	amas__addr_fini(&a);
	return !behind ? CMD_OK : cmd_error(CMD_USAGE, o->addr,
	    "%s speaks to a connection, not to what is behind it",
	    o->pipe ? "--pipe" : "--channel");
}

int
call_peer_init(struct call_peer *p, const struct call_opts *o)
{
	struct amas_error err;
	int i, status = CMD_OK;

	memset(p, 0, sizeof *p);
	p->o = o;
	if ((status = check_addr(o)) == CMD_OK && o->n_sources > 0)
		status = watch_signals(p);
	if (status != CMD_OK ||
	    (status = cmd_loop_new(&p->loop, p->ev, &o->args)) != CMD_OK)
		return status;
	if (o->n_sources > 0 && amas_service_new(&p->service, &err) != 0)
		return cmd_fail(NULL, &err);
	for (i = 0; i < o->n_sources && status == CMD_OK; i++)
		status = load(p, o->sources[i]);
	return status;
}

void
call_peer_fini(struct call_peer *p)
{
	amas_service_free(p->service);
	if (p->sig != 0) /* what was started ends in order, or at the next */
		(void)amas_loop_run(p->loop, ENDING_S);
	amas_loop_free(p->loop);
	if (p->ev != NULL)
		unwatch_signals(p);
	if (p->child != 0)
		call_exec_end(p->child);
}

/* A channel without RPC: there is nothing to ask of us. */
static void
refuse(struct amas_request *req, void *self)
{
	(void)self;
	amas_request_fail(req, "no request is answered here");
}

void
call_peer_opts(struct amas_opts *out, const struct call_peer *p)
{
	memset(out, 0, sizeof *out);
	out->codec = p->o->args.codec;
	out->types = p->o->args.types;
	out->max_message = p->o->args.max_message;
	out->tls = p->o->args.tls;
	out->connect_timeout_s = p->o->wait_s > 0 ? p->o->wait_s : 0;
	out->service = p->service;
	if (p->o->channel)
		out->on_request = p->on_request != NULL ? p->on_request :
		    refuse;
}

/* -B - : lines say what is called, and the host calls it. */
static bool
is_any(const char *addr)
{
	return strcmp(addr, "-") == 0;
}

/*
 * Opens an address.  In a program that a server started, it is the URL of a
 * proxy, a peer or an agent, which that server calls for us; anything else may
 * be a stranger's text, and needs --dial.  A pipe is a connection by its
 * nature, and goes nowhere else.
 */
static int
open_addr(struct amas_channel **out, struct call_peer *p, const char *addr,
    const struct amas_opts *opts, struct amas_error *err)
{
	const char *parent = p->o->dial || p->o->pipe ? NULL :
	    cmd_env("AMAS_PARENT");
	struct amas_opts own = *opts;
	struct amas__addr a;
	bool agent;
	int rc;

	p->parent = NULL;
	if (parent == NULL && strncmp(addr, "local://", 8) == 0)
		return amas_error_set(err, AMAS_ECONNECT, "%s",
		    CALL_LOCAL_ONLY);
	if (parent == NULL)
		return amas_channel_open(out, p->loop, addr, opts, err);
	if (strcmp(addr, parent) == 0 || is_any(addr)) {
		p->parent = parent;
		own.codec = &amas__codec_msgpack;
		own.types = NULL;
		rc = amas_channel_open(out, p->loop, parent, &own, err);
		if (rc == 0)
			amas__channel_any_types(*out);
		return rc;
	}
	if ((rc = amas__addr_parse(&a, addr, err)) != 0)
		return rc;
	agent = a.agent != NULL;
	amas__addr_fini(&a);
	if (!agent)
		return amas_error_set(err, AMAS_EINVAL, CALL_NO_DIAL);
	p->parent = parent;
	return amas__rpc_open_via(out, p->loop, parent, addr, opts, err);
}

bool
call_addr_is_agent(const char *addr)
{
	struct amas__addr a;
	bool agent;

	if (amas__addr_parse(&a, addr, NULL) != 0)
		return false;
	agent = a.agent != NULL;
	amas__addr_fini(&a);
	return agent;
}

bool
call_peer_is_agent(const struct call_peer *p)
{
	const char *parent = cmd_env("AMAS_PARENT");

	if (p->o->command != NULL || p->o->channel ||
	    (parent != NULL && (!p->o->dial ||
	    strcmp(p->o->addr, parent) == 0)))
		return false; /* the host asks, or is asked */
	return call_addr_is_agent(p->o->addr);
}

int
call_peer_open(struct amas_channel **out, struct call_peer *p,
    const char *addr, const struct amas_opts *opts, struct amas_error *err)
{
	int in, to, rc;

	if (p->o->command == NULL) {
		rc = open_addr(out, p, addr, opts, err);
		if (rc == 0)
			amas__channel_set_hard(*out);
		return rc;
	}
	if (p->child != 0)
		call_exec_end(p->child);
	p->child = 0;
	rc = call_exec_start(&p->child, p->o->command, &in, &to, err);
	return rc != 0 ? rc : amas__rpc_open_pair(out, p->loop, in, to,
	    p->o->command, opts, err);
}

int
call_peer_run(struct call_peer *p)
{
	if (p->sig == 0)
		(void)amas_loop_run(p->loop, INFINITY);
	return p->sig == 0 ? CMD_OK : 128 + p->sig;
}

/* How a process ended that gave no answer. */
static int
died(const char *command, int how)
{
	char name[AMAS__SIGNAL_SIZE];
	int status;

	if (WIFSIGNALED(how))
		return cmd_error(CMD_PEER, command, "killed by %s",
		    amas__signal_name(WTERMSIG(how), name));
	status = WEXITSTATUS(how);
	return cmd_error(status == CMD_NOEXEC || status == CMD_NOTFOUND ?
	    status : CMD_PEER, command, "ended with exit status %d", status);
}

int
call_peer_fail(struct call_peer *p, const struct amas_error *err)
{
	pid_t child = p->child;
	char parent[512];
	int how;

	if (p->parent != NULL && (err->code == AMAS_ECONNECT ||
	    err->code == AMAS_EINVAL || is_any(p->o->addr))) {
		(void)snprintf(parent, sizeof parent, "AMAS_PARENT=%s",
		    p->parent);
		return cmd_fail(parent, err);
	}
	if (child == 0 || err->code != AMAS_ECLOSED ||
	    !call_exec_wait(child, DYING_S, &how))
		return cmd_fail(p->o->addr, err);
	p->child = 0;
	return how != -1 ? died(p->o->addr, how) : cmd_fail(p->o->addr, err);
}
