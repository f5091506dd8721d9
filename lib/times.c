/* Requests about time; see times.h. */
#include "times.h"

#include "clock.h"
#include "err.h"
#include "request.h"
#include "value.h"

void
amas__times_reply(const struct amas_clock *c, struct amas_request *req)
{
	if (amas_request_unpack(req, "[]") == 0)
		amas_request_reply(req, "f", amas_clock_time(c));
}

void
amas__times_reply_utcnow(const struct amas_clock *c, struct amas_request *req)
{
	char date[AMAS__DATE_SIZE];

	if (amas_request_unpack(req, "[]") != 0)
		return;
	if (amas__clock_print_date(c, amas_clock_time(c), date) == 0)
		amas_request_fail(req, "ValueError: year is out of range");
	else
		amas_request_reply(req, "s", date);
}

/* The first argument, or NULL when it has answered. */
static const struct amas_value *
first(struct amas_request *req, const char *what)
{
	const struct amas_value *args = amas_request_args(req);

	if (amas_value_len(args) > 0)
		return amas_value_at(args, 0);
	amas_request_fail(req, "TypeError: %s: takes %s",
	    amas_request_path(req), what);
	return NULL;
}

static bool
is_number(const struct amas_value *v)
{
	enum amas_type type = amas_value_type(v);

	return type == AMAS_INT || type == AMAS_REAL;
}

static int
refuse(struct amas_request *req, const struct amas_error *err)
{
	amas_request_fail(req, "ValueError: %s", err->text);
	return AMAS_EINVAL;
}

int
amas__times_unpack_dt(const struct amas_clock *c, struct amas_request *req,
    double *dt_s)
{
	const struct amas_value *v = first(req, "seconds");
	struct amas_error err;

	if (v == NULL)
		return AMAS_EINVAL;
	if (!is_number(v)) {
		amas_request_fail(req, "TypeError: %s: seconds are a number",
		    amas_request_path(req));
		return AMAS_EINVAL;
	}
	*dt_s = amas_value_real(v);
	return amas__clock_check_sleep(c, *dt_s, &err) == 0 ? 0 :
	    refuse(req, &err);
}

int
amas__times_unpack_at(const struct amas_clock *c, struct amas_request *req,
    double *t_s)
{
	const struct amas_value *v = first(req, "a time");
	struct amas_error err;
	int rc;

	if (v == NULL)
		return AMAS_EINVAL;
	if (amas_value_type(v) == AMAS_TYPED)
		v = amas_value_at(v, 0);
	if (amas_value_type(v) == AMAS_STRING) {
		rc = amas__clock_check_date(c, amas_value_text(v),
		    amas_value_len(v), t_s, &err);
	} else if (is_number(v)) {
		*t_s = amas_value_real(v);
		rc = amas__clock_check_until(c, *t_s, &err);
	} else {
		amas_request_fail(req, "TypeError: %s: a time is a number or a "
		    "date", amas_request_path(req));
		return AMAS_EINVAL;
	}
	return rc == 0 ? 0 : refuse(req, &err);
}
