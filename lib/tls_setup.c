/* Settings of TLS that are shared on a loop; see tls_setup.h. */
#include "tls_setup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "list.h"
#include "mem.h"
#include "module.h"

struct amas__tls_setup {
	struct amas__link link;	/* among those of the loop */
	size_t refs;
	struct amas_loop *loop;
	bool server;
	struct amas_tls set;	/* the texts are its own */
	const struct amas__tls_ops *ops;
	struct amas__tls_ctx *ctx;
	struct amas__tls_ctx *fresh;	/* read anew, not in use yet */
};

static struct amas__tls_setup *
of(struct amas__link *link)
{
	return AMAS__OF(link, struct amas__tls_setup, link);
}

static void
destroy(struct amas__tls_setup *s)
{
	if (s->ctx != NULL)
		s->ops->ctx_free(s->ctx);
	free((char *)(uintptr_t)s->set.cacert);
	free((char *)(uintptr_t)s->set.cert);
	free((char *)(uintptr_t)s->set.key);
	free((char *)(uintptr_t)s->set.servername);
	free((char *)(uintptr_t)s->set.keylog);
	free(s);
}

/* ---- Settings ---- */

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same(const struct amas_tls *a, const struct amas_tls *b)
{
	return same_text(a->cacert, b->cacert) && same_text(a->cert, b->cert) &&
	    same_text(a->key, b->key) &&
	    same_text(a->servername, b->servername) &&
	    same_text(a->keylog, b->keylog) && a->insecure == b->insecure &&
	    a->setup == b->setup && a->setup_arg == b->setup_arg;
}

static bool
copy_text(const char **out, const char *from)
{
	*out = amas__strdup(from);
	return (*out != NULL) == (from != NULL);
}

static bool
copy(struct amas_tls *to, const struct amas_tls *from)
{
	to->insecure = from->insecure;
	to->setup = from->setup;
	to->setup_arg = from->setup_arg;
	return copy_text(&to->cacert, from->cacert) &&
	    copy_text(&to->cert, from->cert) &&
	    copy_text(&to->key, from->key) &&
	    copy_text(&to->servername, from->servername) &&
	    copy_text(&to->keylog, from->keylog);
}

/* What is not said must not mean that nobody is checked. */
static int
check(const struct amas_tls *set, bool server, struct amas_error *err)
{
	if (set->cacert == NULL && (server || !set->insecure))
		return amas_error_set(err, AMAS_EINVAL, "TLS needs a file of "
		    "those who are trusted (cacert)");
	if (set->cert == NULL && (server || set->key != NULL))
		return amas_error_set(err, AMAS_EINVAL, "TLS needs a "
		    "certificate of our own (cert)");
	return 0;
}

/* ---- Files ---- */

/* A key that all can read is theirs, too. */
static void
look_at_key(const struct amas__tls_setup *s)
{
	const char *path = s->set.key != NULL ? s->set.key : s->set.cert;
	struct stat st;

	if (path != NULL && stat(path, &st) == 0 && (st.st_mode & S_IROTH) != 0)
		amas__log(amas__loop_log(s->loop), AMAS_LOG_WARN,
		    "%s: others can read this key", path);
}

static int
load(struct amas__tls_setup *s, struct amas__tls_ctx **out,
    struct amas_error *err)
{
	const struct amas__module *m;
	struct amas_error why;

	if (s->ops == NULL) {
		if (amas__module_load(&m, "tls", &why) != 0)
			return amas_error_set(err, AMAS_ETLS,
			    "there is no TLS here: %.220s", why.text);
		s->ops = m->tls;
	}
	return s->ops->ctx_new(out, &s->set, s->server, err);
}

int
amas__tls_use(struct amas__tls_setup **out, struct amas_loop *l,
    const struct amas_tls *set, bool server, struct amas_error *err)
{
	struct amas__link *all = amas__loop_tls(l), *i;
	struct amas__tls_setup *s;
	int rc;

	for (i = all->next; i != all; i = i->next)
		if (of(i)->server == server && same(&of(i)->set, set)) {
			*out = amas__tls_ref(of(i));
			return 0;
		}
	if ((rc = check(set, server, err)) != 0)
		return rc;
	if ((s = amas__zalloc(sizeof *s)) == NULL)
		return amas__error_nomem(err);
	s->refs = 1;
	s->loop = l;
	s->server = server;
	amas__list_init(&s->link);
	if (!copy(&s->set, set))
		rc = amas__error_nomem(err);
	else
		rc = load(s, &s->ctx, err);
	if (rc != 0) {
		destroy(s);
		return rc;
	}
	look_at_key(s);
	amas__list_add(all, &s->link);
	*out = s;
	return 0;
}

struct amas__tls_setup *
amas__tls_ref(struct amas__tls_setup *s)
{
	s->refs++;
	return s;
}

void
amas__tls_unref(struct amas__tls_setup *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	amas__list_remove(&s->link);
	destroy(s);
}

const struct amas_tls *
amas__tls_settings(const struct amas__tls_setup *s)
{
	return &s->set;
}

const struct amas__tls_ops *
amas__tls_ops_of(const struct amas__tls_setup *s)
{
	return s->ops;
}

struct amas__tls_ctx *
amas__tls_ctx_of(const struct amas__tls_setup *s)
{
	return s->ctx;
}

/* All of them or none: a certificate goes with those who trust it. */
int
amas_loop_reload_tls(struct amas_loop *l, struct amas_error *err)
{
	struct amas__link *all = amas__loop_tls(l), *i;
	struct amas__tls_ctx *old;
	int rc = 0;

	for (i = all->next; i != all && rc == 0; i = i->next)
		rc = load(of(i), &of(i)->fresh, err);
	for (i = all->next; i != all; i = i->next) {
		if (of(i)->fresh == NULL)
			continue;
		old = of(i)->fresh;
		if (rc == 0) {
			old = of(i)->ctx;
			of(i)->ctx = of(i)->fresh;
			look_at_key(of(i));
		}
		of(i)->ops->ctx_free(old);
		of(i)->fresh = NULL;
	}
	return rc;
}
