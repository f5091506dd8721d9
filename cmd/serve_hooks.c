/*
 * Commands for connections: --on-connect before the first request is read,
 * while the connection is on hold; --on-disconnect when it has ended, after
 * its --on-connect has.  One that was refused had none of the second kind.
 *
 * What is known of the peer stands in the environment, never in shell text.  A
 * connection has one struct hook, from its beginning until nothing of it runs
 * or waits.
 */
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "channel.h"
#include "child.h"
#include "errout.h"
#include "loop.h"
#include "mem.h"
#include "text.h"

#define REASON_MAX 200		/* bytes of AMAS_REASON and of what was said */

extern char **environ;

struct hook {
	struct amas__link link;		/* while it waits for its turn */
	struct serve *s;
	struct amas_channel *ch;	/* NULL: it has ended */
	char *peer;
	char *name;			/* in its certificate, or "" */
	char *reason;			/* why it ended */
	bool leaving;			/* the command is --on-disconnect's */
	bool waiting;
	bool late;			/* its time is over */
	struct amas__proc *proc;	/* while it runs */
	struct amas__timer limit;
	struct amas__errout err;
};

static void next(struct serve *s);

static void
hook_free(struct hook *h)
{
	struct serve_hooks *hooks = &h->s->hooks;

	if (h->waiting) {
		amas__list_remove(&h->link);
		hooks->n_waiting--;
	}
	if (h->proc != NULL) {
		hooks->n_running--;
		amas__proc_free(h->proc);
	}
	if (h->ch != NULL)
		amas_channel_set_arg(h->ch, NULL);
	amas__timer_stop(&h->limit);
	amas__errout_fini(&h->err);
	free(h->peer);
	free(h->name);
	free(h->reason);
	free(h);
}

static const char *
option(const struct hook *h)
{
	return h->leaving ? "--on-disconnect" : "--on-connect";
}

/* ---- Environment ---- */

/* What children never inherit; other words to us have left our environment. */
static bool
is_ours(const char *variable)
{
	return strncmp(variable, "AMAS_", 5) == 0;
}

/* The environment of a command; NULL if memory is short. */
static char **
make_env(char **own, size_t n_own)
{
	size_t n = 0, i;
	char **env;

	while (environ[n] != NULL)
		n++;
	if ((env = amas__reallocarray(NULL, n + n_own + 1, sizeof *env)) ==
	    NULL)
		return NULL;
	for (n = i = 0; environ[i] != NULL; i++)
		if (!is_ours(environ[i]))
			env[n++] = environ[i];
	for (i = 0; i < n_own; i++)
		env[n++] = own[i];
	env[n] = NULL;
	return env;
}

/* ---- The command ---- */

/* ": " and the last line of what it wrote to standard error, if it did. */
static void
last_words(const struct hook *h, char *out, size_t size)
{
	struct amas__buf b;
	const char *text;
	size_t len;

	out[0] = '\0';
	amas__buf_init(&b, 0);
	if (amas__errout_tail(&h->err, &b) == 0 &&
	    (len = amas__buf_len(&b)) > 0) {
		text = amas__buf_head(&b);
		amas__last_line(&text, &len);
		(void)snprintf(out, size, ": %.*s",
		    (int)(len < REASON_MAX ? len : REASON_MAX), text);
	}
	amas__buf_fini(&b);
}

/* What it ended with, as a text; NULL: all is well. */
static const char *
complaint(const struct hook *h, const struct amas__exit *how, char *out,
    size_t size)
{
	char words[REASON_MAX + 8], name[AMAS__SIGNAL_SIZE];

	last_words(h, words, sizeof words);
	if (how->code != 0)
		(void)snprintf(out, size, "%s", how->err.text);
	else if (h->late)
		(void)snprintf(out, size, "timed out after %gs", SERVE_HOOK_S);
	else if (how->sig != 0)
		(void)snprintf(out, size, "killed by %s%s",
		    amas__signal_name(how->sig, name), words);
	else if (how->status != 0)
		(void)snprintf(out, size, "exit status %d%s", how->status,
		    words);
	else
		return NULL;
	return out;
}

static void
log_line(const struct hook *h, const char *what, const char *why)
{
	char line[1024];

	(void)snprintf(line, sizeof line, "%s: %s%s: %s", h->peer, what,
	    option(h), why);
	cmd_log(AMAS_LOG_WARN, line, NULL);
}

static void
enqueue(struct hook *h)
{
	struct serve_hooks *hooks = &h->s->hooks;

	h->waiting = true;
	hooks->n_waiting++;
	amas__list_add(&hooks->waiting, &h->link);
	next(h->s);
}

/* The connection has ended, and nothing runs for it. */
static void
leave(struct hook *h)
{
	struct serve_hooks *hooks = &h->s->hooks;

	h->leaving = true;
	h->late = false;
	if (h->s->o->on_disconnect == NULL || hooks->ended) {
		hook_free(h);
	} else if (hooks->n_waiting >= SERVE_HOOKS_QUEUE) {
		log_line(h, "", "not run: too many wait");
		hook_free(h);
	} else {
		enqueue(h);
	}
}

static void
on_exit_(struct amas__proc *p, const struct amas__exit *how)
{
	struct hook *h = amas__proc_arg(p);
	struct serve *s = h->s;
	struct amas_channel *ch = h->ch;
	char text[REASON_MAX + sizeof how->err.text];
	const char *why;

	amas__errout_end(&h->err);
	why = complaint(h, how, text, sizeof text);
	amas__timer_stop(&h->limit);
	amas__proc_free(p);
	h->proc = NULL;
	s->hooks.n_running--;
	if (why != NULL && !s->hooks.ended)
		log_line(h, !h->leaving ? "refused: " : "", why);
	if (h->leaving || why != NULL) {
		hook_free(h);
		if (ch != NULL)
			amas_channel_close(ch);
	} else if (ch == NULL) {
		leave(h);
	} else {
		amas__channel_hold(ch, false);
	}
	next(s);
}

static void
on_output(struct amas__proc *p, int which, const char *data, size_t len)
{
	struct hook *h = amas__proc_arg(p);

	if (which == 2)
		amas__errout_put(&h->err, data, len);
}

static const struct amas__proc_ops ops = { on_output, NULL, on_exit_ };

static void
on_limit(struct amas__timer *t)
{
	struct hook *h = AMAS__OF(t, struct hook, limit);

	h->late = true;
	amas__proc_stop(h->proc);
}

static int
start(struct hook *h, char *command, char *peer, char *name, char *reason)
{
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, command, NULL };
	char *own[3] = { peer };
	size_t n = 1;
	struct amas__proc_opts opts = { .file = "/bin/sh", .argv = argv,
		.dir = -1, .ops = &ops, .arg = h };
	int rc;

	if (command == NULL || peer == NULL || name == NULL || reason == NULL)
		return AMAS_ENOMEM;
	if (*h->name != '\0')
		own[n++] = name;
	if (h->leaving)
		own[n++] = reason;
	if ((opts.envp = make_env(own, n)) == NULL)
		return AMAS_ENOMEM;
	rc = amas__proc_start(&h->proc, h->s->loop, &opts, NULL);
	free((void *)(uintptr_t)opts.envp);
	return rc;
}

/* Begins the command of a connection whose turn has come. */
static void
begin(struct hook *h)
{
	const struct serve_opts *o = h->s->o;
	struct amas_channel *ch = h->ch;
	char *command, *peer, *name, *reason;
	int rc;

	command = amas__strdup(h->leaving ? o->on_disconnect : o->on_connect);
	peer = amas__asprintf("AMAS_PEER_ADDR=%s", h->peer);
	name = amas__asprintf("AMAS_PEER_NAME=%s", h->name);
	reason = amas__asprintf("AMAS_REASON=%s",
	    h->reason != NULL ? h->reason : "");
	rc = start(h, command, peer, name, reason);
	free(command);
	free(peer);
	free(name);
	free(reason);
	if (rc != 0) {
		log_line(h, !h->leaving ? "refused: " : "",
		    amas_strerror(rc));
		hook_free(h);
		if (ch != NULL)
			amas_channel_close(ch);
		return;
	}
	h->s->hooks.n_running++;
	amas__errout_fini(&h->err);
	amas__errout_init(&h->err, amas__loop_log(h->s->loop), option(h));
	amas__timer_start(&h->limit, SERVE_HOOK_S);
	amas__proc_end_input(h->proc);
}

static void
next(struct serve *s)
{
	struct serve_hooks *hooks = &s->hooks;
	struct hook *h;

	while (!hooks->ended && hooks->n_running < SERVE_HOOKS_MAX &&
	    !amas__list_empty(&hooks->waiting)) {
		h = AMAS__OF(hooks->waiting.next, struct hook, link);
		amas__list_remove(&h->link);
		hooks->n_waiting--;
		h->waiting = false;
		begin(h);
	}
}

/* ---- Connections ---- */

void
serve_hooks_init(struct serve *s)
{
	amas__list_init(&s->hooks.waiting);
}

void
serve_hooks_open(struct serve *s, struct amas_channel *ch)
{
	struct hook *h;

	if (s->o->on_connect == NULL && s->o->on_disconnect == NULL)
		return;
	h = amas__zalloc(sizeof *h);
	if (h != NULL) {
		h->peer = amas__strdup(amas_channel_peer(ch));
		h->name = amas__strdup(amas_channel_peer_name(ch));
	}
	if (h == NULL || h->peer == NULL || h->name == NULL) {
		if (h != NULL) {
			free(h->peer);
			free(h->name);
		}
		free(h);
		(void)cmd_nomem();
		amas_channel_close(ch);
		return;
	}
	h->s = s;
	h->ch = ch;
	amas__list_init(&h->link);
	amas__timer_init(&h->limit, s->loop, on_limit);
	amas__errout_init(&h->err, amas__loop_log(s->loop), option(h));
	amas_channel_set_arg(ch, h);
	if (s->o->on_connect == NULL)
		return;
	amas__channel_hold(ch, true);
	enqueue(h);
}

void
serve_hooks_close(struct serve *s, struct amas_channel *ch,
    const struct amas_error *why)
{
	struct hook *h = amas_channel_arg(ch);
	struct amas__buf b;

	(void)s;
	if (h == NULL)
		return;
	amas_channel_set_arg(ch, NULL);
	h->ch = NULL;
	if (h->waiting) { /* it was never told of */
		hook_free(h);
		return;
	}
	amas__buf_init(&b, 0);
	if (amas__buf_put_escaped(&b, why->text, strlen(why->text),
	    REASON_MAX) == 0)
		h->reason = amas__strndup(amas__buf_head(&b),
		    amas__buf_len(&b));
	amas__buf_fini(&b);
	if (h->proc == NULL)
		leave(h);
}

void
serve_hooks_fini(struct serve *s)
{
	struct serve_hooks *hooks = &s->hooks;

	hooks->ended = true;
	while (!amas__list_empty(&hooks->waiting))
		hook_free(AMAS__OF(hooks->waiting.next, struct hook, link));
}
