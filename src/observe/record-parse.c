/* SPDX-License-Identifier: Apache-2.0 */
/* Findings out of JSON. Nothing of it is believed: names, lengths and numbers are held to their
 * bounds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/table.h"
#include "observe/breach.h"
#include "observe/recipe.h"
#include "observe/record.h"
#include "spec/names.h"

/* What is wrong first, and nothing after it. */
struct parse {
	struct sl_diag *diag;
	int error;
};

static void wrong(struct parse *p, const char *key)
{
	if (!p->error)
		p->error = sl_diag_set(p->diag, -EINVAL, NULL, 0, 0,
				       "\"%s\" is missing, or not what it can be", key);
}

static uint64_t number(struct parse *p, const json_t *o, const char *key, uint64_t max)
{
	const json_t *j = json_object_get(o, key);
	uint64_t v = (uint64_t)json_integer_value(j);

	if (!json_is_integer(j) || v > max)
		wrong(p, key);
	return v > max ? 0 : v;
}

static bool truth(struct parse *p, const json_t *o, const char *key)
{
	const json_t *j = json_object_get(o, key);

	if (!json_is_boolean(j))
		wrong(p, key);
	return json_is_true(j);
}

static void text(struct parse *p, const json_t *o, const char *key, char *ret, size_t size)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (!s || strlen(s) >= size)
		wrong(p, key);
	else
		memcpy(ret, s, strlen(s) + 1);
}

static void hex(struct parse *p, const json_t *o, const char *key, void *ret, size_t n)
{
	if (sl_record_parse_hex(json_object_get(o, key), ret, n))
		wrong(p, key);
}

static sl_effects effects(struct parse *p, const json_t *o, const char *key)
{
	const json_t *a = json_object_get(o, key);
	sl_effects e = SL_E_NONE;

	if (!json_is_array(a))
		wrong(p, key);
	for (size_t i = 0; i < json_array_size(a); i++) {
		const char *s = json_string_value(json_array_get(a, i));
		unsigned bit = 0;

		while (bit < _SL_EFFECT_N && s && strcmp(s, sl_effect_name(bit)) != 0)
			bit++;
		if (!s || bit == _SL_EFFECT_N)
			wrong(p, key);
		else
			e |= 1u << bit;
	}
	return e;
}

/* The index of a name among n; 0 and an error where it is none of them. */
static unsigned one_of(struct parse *p, const json_t *o, const char *key, unsigned n,
		       const char *(*name)(unsigned i))
{
	const char *s = json_string_value(json_object_get(o, key));

	for (unsigned i = 0; s && i < n; i++)
		if (name(i) && strcmp(name(i), s) == 0)
			return i;
	wrong(p, key);
	return 0;
}

static const char *dir_name(unsigned i)
{
	static const char *const names[] = {"none", "out", "in", "both"};

	return names[i];
}

static const char *facet_name(unsigned i)
{
	return sl_facets[i].name;
}

static const char *breach_name(unsigned i)
{
	return sl_breach_kinds[i].name;
}

static const char *row_name(unsigned i)
{
	return sl_rows[i].name;
}

static const char *kind_name(unsigned i)
{
	return i ? "stored" : "looks";
}

static void command(struct parse *p, const json_t *o, const char *key, struct sl_command *ret)
{
	const json_t *j = json_object_get(o, key);

	*ret = (struct sl_command){.req_len = SL_REQ_MAX};
	if (!json_is_object(j)) {
		wrong(p, key);
		return;
	}
	ret->set = (uint8_t)one_of(p, j, "set", _SL_SET_N, sl_set_name);
	ret->dir = (uint8_t)one_of(p, j, "direction", 4, dir_name);
	ret->data_len = (uint32_t)number(p, j, "bytes", SL_RIG_DATA_MAX);
	ret->meta_len = (uint32_t)number(p, j, "metadata", SL_RIG_DATA_MAX);
	hex(p, j, "request", ret->req, SL_REQ_MAX);
}

static struct sl_exhibit *exhibit(struct parse *p, const json_t *o)
{
	struct sl_exhibit *x = calloc(1, sizeof(*x));
	const json_t *was = json_object_get(o, "before");

	if (!x)
		return NULL;
	text(p, o, "item", x->name, sizeof(x->name));
	x->facet = (uint8_t)one_of(p, o, "facet", _SL_FACET_N, facet_name);
	x->kind = (uint8_t)one_of(p, o, "kind", 2, kind_name);
	x->nsid = (uint32_t)number(p, o, "nsid", UINT32_MAX);
	x->from = (uint32_t)number(p, o, "from", SL_RIG_DATA_MAX);
	x->of = (uint32_t)number(p, o, "of", SL_RIG_DATA_MAX);
	x->block = (uint32_t)number(p, o, "block_bytes", SL_RIG_DATA_MAX);
	x->lba = number(p, o, "lba", UINT64_MAX);
	x->old_status = (uint16_t)number(p, o, "status_before", UINT16_MAX);
	x->new_status = (uint16_t)number(p, o, "status_after", UINT16_MAX);
	x->old_valid = truth(p, o, "answered_before");
	x->new_valid = truth(p, o, "answered_after");
	x->old_result = number(p, o, "result_before", UINT64_MAX);
	x->new_result = number(p, o, "result_after", UINT64_MAX);
	command(p, o, "command", &x->cmd);
	if (json_string_length(was) / 2 > SL_EXHIBIT_MAX)
		wrong(p, "before");
	else
		x->len = (uint32_t)(json_string_length(was) / 2);
	hex(p, o, "before", x->was, x->len);
	hex(p, o, "after", x->is, x->len);
	return x;
}

static void evidence(struct parse *p, const json_t *o, struct sl_evidence *ret)
{
	const json_t *bytes = json_object_get(o, "bytes");

	text(p, o, "where", ret->where, sizeof(ret->where));
	text(p, o, "what", ret->what, sizeof(ret->what));
	ret->at = (uint32_t)number(p, o, "offset", UINT32_MAX);
	ret->len = (uint32_t)number(p, o, "length", UINT32_MAX);
	ret->effects = effects(p, o, "effects");
	if (!bytes)
		return;
	ret->exhibit = exhibit(p, bytes);
	if (!ret->exhibit && !p->error)
		p->error = -ENOMEM;
}

static void step(struct parse *p, const json_t *o, struct sl_recipe_step *ret, size_t *payloads)
{
	const json_t *payload = json_object_get(o, "payload");

	ret->keep = !truth(p, o, "stand_in");
	ret->times = (uint32_t)number(p, o, "times", SL_RECIPE_TIMES_MAX);
	if (!ret->keep)
		return;
	text(p, o, "name", ret->name, sizeof(ret->name));
	ret->row = (uint16_t)one_of(p, o, "row", sl_row_count, row_name);
	ret->kind = (uint8_t)number(p, o, "kind", SL_CASE_OPCODE);
	ret->nsid = (uint32_t)number(p, o, "nsid", UINT32_MAX);
	ret->floor = effects(p, o, "floor");
	command(p, o, "command", &ret->cmd);
	*payloads += payload ? ret->cmd.data_len : 0;
	if (!payload || p->error)
		return;
	if (!ret->cmd.data_len || *payloads > SL_RECIPE_PAYLOAD_MAX) {
		wrong(p, "payload");
		return;
	}
	ret->payload = malloc(ret->cmd.data_len);
	if (!ret->payload)
		p->error = -ENOMEM;
	else
		hex(p, o, "payload", ret->payload, ret->cmd.data_len);
}

static struct sl_recipe *recipe(struct parse *p, const json_t *o)
{
	const json_t *steps = json_object_get(o, "steps");
	struct sl_recipe *r = calloc(1, sizeof(*r));
	size_t payloads = 0, n = json_array_size(steps);

	if (n < 1 || n > SL_RECIPE_STEPS_MAX)
		wrong(p, "steps");
	if (r && !p->error)
		r->step = calloc(n, sizeof(*r->step));
	if (!r || (!r->step && !p->error))
		p->error = -ENOMEM;
	if (p->error)
		return r;
	r->n = (unsigned)n;
	r->flags = (unsigned)number(p, o, "flags", 31);
	r->stages = (unsigned)number(p, o, "stages", (1u << _SL_STAGE_N) - 1);
	r->prefix = (unsigned)number(p, o, "prefix", SL_RECIPE_TIMES_MAX);
	r->elapsed = number(p, o, "elapsed_ms", 1000000000);
	for (size_t i = 0; i < n && !p->error; i++)
		step(p, json_array_get(steps, i), &r->step[i], &payloads);
	return r;
}

static void lists(struct parse *p, const json_t *o, struct sl_breach *b)
{
	const json_t *before = json_object_get(o, "before"), *seen = json_object_get(o, "evidence");

	if (json_array_size(before) > SL_CULPRITS_MAX)
		wrong(p, "before");
	if (json_array_size(seen) > SL_EVIDENCE_MAX)
		wrong(p, "evidence");
	for (size_t i = 0; i < json_array_size(before) && !p->error; i++) {
		const char *s = json_string_value(json_array_get(before, i));

		if (!s || strlen(s) >= sizeof(b->before[0]))
			wrong(p, "before");
		else
			memcpy(b->before[i], s, strlen(s) + 1);
	}
	for (size_t i = 0; i < json_array_size(seen) && !p->error; i++)
		evidence(p, json_array_get(seen, i), &b->evidence[b->n_evidence++]);
}

int sl_record_parse(json_t *json, struct sl_breach *ret, const char **ret_phase,
		    struct sl_diag *reterr)
{
	struct parse p = {.diag = reterr};
	const json_t *how = json_object_get(json, "recipe");

	*ret = (struct sl_breach){0};
	*ret_phase = json_string_value(json_object_get(json, "phase"));
	if (!*ret_phase)
		wrong(&p, "phase");
	ret->id = (uint8_t)one_of(&p, json, "finding", _SL_BREACH_N, breach_name);
	ret->stage = (uint8_t)number(&p, json, "stage", _SL_STAGE_N - 1);
	text(&p, json, "name", ret->command, sizeof(ret->command));
	text(&p, json, "remark", ret->note, sizeof(ret->note));
	ret->declared = effects(&p, json, "declared");
	ret->floor = effects(&p, json, "floor");
	ret->observed = effects(&p, json, "observed");
	ret->at = (double)number(&p, json, "at_us", UINT64_C(1) << 60) / 1e6;
	ret->at_command = number(&p, json, "at_command", UINT64_MAX);
	ret->rank = (unsigned)number(&p, json, "rank", UINT8_MAX);
	ret->times = (unsigned)number(&p, json, "times", UINT32_MAX);
	ret->more = (unsigned)number(&p, json, "more", UINT32_MAX);
	ret->n_before = (unsigned)number(&p, json, "n_before", UINT32_MAX);
	lists(&p, json, ret);
	if (ret->n_before < json_array_size(json_object_get(json, "before")))
		wrong(&p, "n_before");
	ret->has_cmd = json_object_get(json, "command");
	if (ret->has_cmd)
		command(&p, json, "command", &ret->cmd);
	if (how)
		ret->recipe = recipe(&p, how);
	if (p.error)
		sl_breach_done(ret);
	return p.error;
}
