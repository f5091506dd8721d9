/*
 * A call by the peer, from its decoding to its one answer.
 */
#ifndef AMAS__REQUEST_H
#define AMAS__REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "amas.h"
#include "list.h"
#include "loop.h"
#include "value.h"

/*
 * Answer with a value as it is, which is borrowed; with any text; with a value
 * as the content of a failure.
 */
void amas__request_reply_value(struct amas_request *req,
    const struct amas_value *v);
void amas__request_fail_text(struct amas_request *req, const char *text,
    size_t len);
void amas__request_fail_value(struct amas_request *req,
    const struct amas_value *v);

/*
 * The failures of looking up a name, aiomas's texts:
 * 'LookupError: Name "NAME" not found in "WALKED"'.  Where the path is long,
 * its first 200 bytes stand for it.
 */
void amas__request_not_found(struct amas_request *req, const char *name,
    size_t name_len, const char *walked, size_t walked_len);

/*
 * Whether a failure says exactly that: one that only mentions such a name, or has
 * it from somebody else, does not.
 */
bool amas__request_is_not_found(const char *failure, size_t len,
    const char *name, const char *walked, size_t walked_len);

/* 'LookupError: "WHAT" is not exposed' */
void amas__request_not_exposed(struct amas_request *req, const char *what);

/*
 * Reads the content as a call of RPC.  Returns 0, or AMAS_EPROTO when it has
 * been answered with a failure.
 */
int amas__request_parse_call(struct amas_request *req);

/*
 * Makes a call of path of a request on a plain channel, whose content is the
 * one argument.  path is referenced until it is answered.  Returns 0, or
 * AMAS_ENOMEM when it has been answered.
 */
int amas__request_make_call(struct amas_request *req, const char *path);

/* Notes which agent handles it. */
void amas__request_set_agent(struct amas_request *req, struct amas_agent *a);

/* Tell: the loop; the address of the caller ("": it was made here). */
struct amas_loop *amas__request_loop(const struct amas_request *req);
const char *amas__request_peer(const struct amas_request *req);

/*
 * Has a kept request handled as if it came now: fn is its handler.  What is
 * neither answered nor kept then is answered null.
 */
void amas__request_handle(struct amas_request *req,
    void (*fn)(struct amas_request *req, void *arg), void *arg);

/* Runs fn once when the request is answered, in vain or not. */
void amas__request_on_done(struct amas_request *req, void (*fn)(void *arg),
    void *arg);

/*
 * From now on the answer is not sent: fn gets it, once, a value or (value NULL)
 * the text of a failure, if that is not NULL; and what it was to tell if the
 * caller goes is forgotten.  The request is as before, and fn's to answer.  A
 * failure that is no text is sent all the same.  fn NULL: the answer is sent.
 */
typedef void amas__answer_fn(void *arg, const struct amas_value *value,
    const char *failure, size_t failure_len);
void amas__request_divert(struct amas_request *req, amas__answer_fn *fn,
    void *arg);

/*
 * Has fn(req, self) handle a call that no peer made: path, which must live until
 * it is answered, a list and a map (NULL: empty).  answer gets the answer, inside
 * if fn does not keep the request; a failure is text.  Returns 0 or AMAS_ENOMEM.
 */
int amas__request_here(struct amas_loop *l, const char *path,
    const struct amas_value *args, const struct amas_value *kwargs,
    amas_request_fn *fn, void *self, struct amas_agent *a,
    amas__answer_fn *answer, void *answer_arg);

/*
 * Nobody wants the answer to one of these any more: its handler is told, as when
 * a connection ends.  req may be no more then.
 */
void amas__request_drop(struct amas_request *req);

/* Takes n bytes and the slashes behind them off the front of the path. */
void amas__request_enter(struct amas_request *req, size_t n);

/* The length of the path, which may hold NULs. */
size_t amas__request_path_len(const struct amas_request *req);

/*
 * How many calls of this request's connection wait for a place: a counter for
 * jobs.h, good until the request is answered.
 */
size_t *amas__request_waiting(struct amas_request *req);

/* Whether it was answered already. */
bool amas__request_answered(const struct amas_request *req);

#endif
