/*
 * What a program is given as arguments, keyword arguments and input, whether a
 * call is for it or the making of an agent.  Nothing of it is ever part of shell
 * text or of a variable's name that does not begin with AMAS_KW_.
 */
#ifndef AMAS__ARGS_H
#define AMAS__ARGS_H

#include <stddef.h>

#include "amas.h"
#include "buf.h"

#define AMAS__ARG_MAX ((size_t)131071)	/* bytes of one, as Linux has it */

struct amas__home;
struct amas__texts;

/*
 * json   puts a value as message lines have it; proxies, wherever they are,
 *        become URLs that the host calls for a child.
 * plain  puts it as an argument has it: text as it is, bytes in base64, a typed
 *        value as the text that represents it, a proxy as its URL, all else as
 *        JSON.
 *
 * Return 0, AMAS_ETYPE (cannot be said to any program) or AMAS_ENOMEM.
 */
int amas__args_put_json(struct amas__buf *b, struct amas_loop *l,
    const struct amas_value *v, struct amas_error *err);
int amas__args_put_plain(struct amas__buf *b, struct amas_loop *l,
    const struct amas_value *v, struct amas_error *err);

/*
 * Adds the values of a list (NULL: none) to argv, each as plain text.  Returns
 * 0, AMAS_ETYPE, AMAS_ETOOBIG (one cannot be an argument, though it can be said
 * as JSON) or AMAS_ENOMEM; the text begins with "argument 1".
 */
int amas__args_add(struct amas__texts *t, struct amas_loop *l,
    const struct amas_value *args, struct amas_error *err);

/* What the system allows for arguments and environment together. */
size_t amas__args_max(void);

/* Says that arguments of size bytes are more; returns AMAS_ETOOBIG. */
int amas__args_too_long(struct amas_error *err, size_t size);

/*
 * Adds the values of a map (NULL: none) as variables AMAS_KW_name.  Those that
 * cannot be one, or would let the environment have more than room bytes, are
 * left out.  Returns 0 or AMAS_ENOMEM.
 */
int amas__args_add_keywords(struct amas__texts *t, struct amas_loop *l,
    const struct amas_value *kwargs, size_t room);

/* Puts "[args, kwargs]" and a line end; NULL: none.  Returns as json. */
int amas__args_put_line(struct amas__buf *b, struct amas_loop *l,
    const struct amas_value *args, const struct amas_value *kwargs,
    struct amas_error *err);

/*
 * What an agent was made with: adds its arguments to argv, or only finds out
 * whether they can be.  Return as amas__args_add().
 */
int amas__args_add_home(struct amas__texts *t, const struct amas__home *h,
    struct amas_error *err);
int amas__args_check_home(const struct amas__home *h, struct amas_error *err);

#endif
