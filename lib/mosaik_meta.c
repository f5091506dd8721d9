/*
 * What a simulator of agents says of itself, and init.  Who gives no description
 * of a model gets one that any input can be connected to, and that gives
 * nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "log.h"
#include "mem.h"
#include "mosaik_agents_int.h"
#include "request.h"
#include "value.h"

int
amas__mosaik_agents_add(struct amas__mosaik_agents *m, const char *model,
    struct amas_error *err)
{
	if (amas__map_set(&m->models, model, strlen(model), m) != 0)
		return amas__error_nomem(err);
	return 0;
}

/* Adds what a map has, which may be no map. */
static void
add_all(struct amas_value *to, const struct amas_value *from)
{
	size_t i;

	for (i = 0; from != NULL && amas_value_type(from) == AMAS_MAP &&
	    i < amas_value_len(from); i++)
		if (amas_value_type(amas_value_key(from, i)) == AMAS_STRING)
			(void)amas_value_add(to, "s:v",
			    amas_value_text(amas_value_key(from, i)),
			    amas_value_at(from, i));
}

/* ---- Models ---- */

static void
add_model(struct amas_value *models, const char *name,
    const struct amas_value *given)
{
	struct amas_value *model = amas_value_pack("{s:b, s:[], s:[]}",
	    "public", 1, "params", "attrs");

	if (given == NULL)
		(void)amas_value_add(model, "s:b", "any_inputs", 1);
	add_all(model, given);
	(void)amas_value_add(models, "s:v", name, model);
	amas_value_free(model);
}

/* Those that have a class: told of, or not. */
static struct amas_value *
make_models(const struct amas__mosaik_agents *m,
    const struct amas_value *given)
{
	struct amas_value *models = amas_value_pack("{}");
	const char *name;
	size_t i = 0;

	while (amas__map_next(&m->models, &i, &name, NULL) != NULL)
		add_model(models, name, amas_value_get(given, name));
	return models;
}

/* Each model that is told of has to have a class, and to be a map. */
static int
check_given(const struct amas__mosaik_agents *m,
    const struct amas_value *meta, struct amas_error *err)
{
	const struct amas_value *models = amas_value_get(meta, "models");
	const struct amas_value *name;
	size_t i;

	if (meta != NULL && amas_value_type(meta) != AMAS_MAP)
		return amas_error_set(err, AMAS_ETYPE, "is not the map that "
		    "describes a simulator");
	if (models != NULL && amas_value_type(models) != AMAS_MAP)
		return amas_error_set(err, AMAS_ETYPE, "\"models\" is a map of "
		    "names and models");
	if (amas_value_get(meta, "extra_methods") != NULL)
		return amas_error_set(err, AMAS_ETYPE, "agents have no "
		    "\"extra_methods\"");
	for (i = 0; i < amas_value_len(models); i++) {
		name = amas_value_key(models, i);
		if (amas_value_type(amas_value_at(models, i)) != AMAS_MAP)
			return amas_error_set(err, AMAS_ETYPE, "model "
			    "\"%.100s\" is no map, as {\"attrs\": [...]}",
			    amas_value_type(name) == AMAS_STRING ?
			    amas_value_text(name) : "?");
		if (amas_value_type(name) != AMAS_STRING ||
		    amas__map_get(&m->models, amas_value_text(name),
		    amas_value_len(name)) == NULL)
			return amas_error_set(err, AMAS_ETYPE, "model "
			    "\"%.100s\" has no class: %.100s=SOURCE",
			    amas_value_text(name), amas_value_text(name));
	}
	return 0;
}

int
amas__mosaik_agents_set_meta(struct amas__mosaik_agents *m,
    const struct amas_value *given, struct amas_error *err)
{
	struct amas_value *meta, *models;
	int rc = check_given(m, given, err);

	if (rc != 0)
		return rc;
	meta = amas_value_pack("{s:s, s:s}", "api_version", "3.0", "type",
	    "time-based");
	add_all(meta, given);
	models = make_models(m, amas_value_get(given, "models"));
	(void)amas_value_add(meta, "s:v", "models", models);
	amas_value_free(models);
	/* not kept: this fails if one of the adds did */
	if ((m->meta = amas_value_pack("v", meta)) == NULL)
		rc = amas__error_nomem(err);
	else
		rc = amas__mosaik_check_meta(&m->is, meta, err);
	amas_value_free(meta);
	return rc;
}

/* ---- init ---- */

/* Returns whether v is a whole number above 0. */
static bool
take_size(int64_t *out, const struct amas_value *v)
{
	*out = amas_value_int(v);
	return amas_value_type(v) == AMAS_INT && *out > 0;
}

static bool
take_resolution(double *out, const struct amas_value *v)
{
	*out = amas_value_type(v) == AMAS_INT ? (double)amas_value_int(v) :
	    amas_value_real(v);
	return (amas_value_type(v) == AMAS_INT ||
	    amas_value_type(v) == AMAS_REAL) && *out > 0 && *out < 1e9;
}

static void
say_unknown(const struct amas__mosaik_agents *m, const struct amas_value *key)
{
	char text[200];

	amas__log(amas__loop_log(m->loop), AMAS_LOG_WARN, "init: \"%s\" is "
	    "nothing that agents know", amas__log_text(text, sizeof text,
	    amas_value_text(key), amas_value_len(key)));
}

void
amas__mosaik_init_run(struct amas__mosaik_agents *m)
{
	const struct amas_value *kwargs = amas_request_kwargs(m->req);
	const struct amas_value *key, *v;
	size_t i;

	m->resolution_s = 1;
	for (i = 0; i < amas_value_len(kwargs); i++) {
		key = amas_value_key(kwargs, i);
		v = amas_value_at(kwargs, i);
		if (amas__value_is(key, "time_resolution")) {
			if (!take_resolution(&m->resolution_s, v))
				amas__mosaik_fail(m, "ValueError: init: "
				    "time_resolution is a number of seconds "
				    "above 0");
		} else if (!amas__value_is(key, "step_size")) {
			say_unknown(m, key);
		} else if (!take_size(&m->step_size, v)) {
			amas__mosaik_fail(m, "ValueError: init: step_size is a "
			    "whole number above 0");
		}
	}
	if (m->step_size == 0 && m->is.kind == AMAS__MOSAIK_TIME)
		m->step_size = 1;
	if (!m->failed)
		amas__mosaik_reply(m, m->meta);
}
