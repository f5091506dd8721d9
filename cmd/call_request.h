/* A call from a line of input. */
#ifndef CALL_REQUEST_H
#define CALL_REQUEST_H

#include <stddef.h>

#include "call.h"
#include "value.h"

struct call_request {
	const char *path;
	const struct amas_value *args;
	const struct amas_value *kwargs;
	const struct amas_value *content;	/* --channel: in their place */
	/* What holds them. */
	struct amas__area *area;
	struct amas_value *list;
};

/*
 * Reads "[path, args, kwargs]", of which kwargs or both may be missing.
 * Returns 0, a code of the decoder's, AMAS_ETYPE or AMAS_ENOMEM.
 */
int call_request_parse(struct call_request *r, struct amas__pool *pool,
    const char *line, size_t len, struct amas_error *err);

/* Reads any value, the content of a request on a plain channel; as above. */
int call_request_content(struct call_request *r, struct amas__pool *pool,
    const char *line, size_t len, struct amas_error *err);

/*
 * The call of a function, borrowed, with these arguments and the line as one
 * more, as text.  Returns 0, AMAS_EPROTO (no UTF-8) or AMAS_ENOMEM.
 */
int call_request_line(struct call_request *r, const char *function,
    const struct call_args *args, const char *line, size_t len,
    struct amas_error *err);

void call_request_free(struct call_request *r);

#endif
