/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "core/table.h"
#include "observe/breach.h"
#include "observe/recipe.h"
#include "spec/names.h"

json_t *sl_record_text(const char *s)
{
	size_t n = strlen(s), at = 0, len = 0;
	char *buf = malloc(3 * n + 1);
	json_t *json;

	if (!buf)
		return NULL;
	while (at < n) {
		uint32_t c;

		at += sl_utf8_get(s + at, n - at, &c);
		len += sl_utf8_put(buf + len, c);
	}
	json = json_stringn(buf, len);
	free(buf);
	return json;
}

json_t *sl_record_hex(const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = bytes;
	char *s = malloc(2 * n + 1);
	json_t *json;

	if (!s)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		s[2 * i] = digits[p[i] >> 4];
		s[2 * i + 1] = digits[p[i] & 15];
	}
	json = json_stringn(s, 2 * n);
	free(s);
	return json;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int sl_record_parse_hex(const json_t *json, void *ret, size_t n)
{
	const char *s = json_string_value(json);
	uint8_t *p = ret;

	if (!s || json_string_length(json) != 2 * n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		int high = nibble(s[2 * i]), low = nibble(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		p[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static json_t *effects(sl_effects e)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < _SL_EFFECT_N; i++)
		if (e >> i & 1)
			(void)json_array_append_new(a, json_string(sl_effect_name(i)));
	return a;
}

static json_t *command(const struct sl_command *cmd)
{
	static const char *const dirs[] = {"none", "out", "in", "both"};

	return json_pack("{s:s, s:s, s:I, s:I, s:o}", "set", sl_set_name(cmd->set), "direction",
			 dirs[cmd->dir & 3], "bytes", (json_int_t)cmd->data_len, "metadata",
			 (json_int_t)cmd->meta_len, "request", sl_record_hex(cmd->req, SL_REQ_MAX));
}

static json_t *exhibit(const struct sl_exhibit *x)
{
	return json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:b, s:b, s:I, s:I, "
		"s:I, s:o, s:o, s:o}",
		"item", x->name, "facet", sl_facets[x->facet].name, "kind",
		x->kind == SL_EXHIBIT_STORED ? "stored" : "looks", "nsid", (json_int_t)x->nsid,
		"from", (json_int_t)x->from, "of", (json_int_t)x->of, "block_bytes",
		(json_int_t)x->block, "note",
		x->kind == SL_EXHIBIT_STORED ? "before: written; after: read"
					     : "before: without the command; after: with it",
		"lba", (json_int_t)x->lba, "status_before", (json_int_t)x->old_status,
		"answered_before", x->old_valid, "answered_after", x->new_valid, "status_after",
		(json_int_t)x->new_status, "result_before", (json_int_t)x->old_result,
		"result_after", (json_int_t)x->new_result, "command", command(&x->cmd), "before",
		sl_record_hex(x->was, x->len), "after", sl_record_hex(x->is, x->len));
}

static json_t *evidence(const struct sl_evidence *e)
{
	json_t *json = json_pack("{s:s, s:s, s:I, s:I, s:o}", "where", e->where, "what", e->what,
				 "offset", (json_int_t)e->at, "length", (json_int_t)e->len,
				 "effects", effects(e->effects));

	if (json && e->exhibit)
		(void)json_object_set_new(json, "bytes", exhibit(e->exhibit));
	return json;
}

static json_t *recipe(const struct sl_recipe *r)
{
	json_t *steps = json_array();

	for (unsigned i = 0; i < r->n; i++) {
		const struct sl_recipe_step *s = &r->step[i];
		json_t *step = json_pack("{s:b, s:I}", "stand_in", !s->keep, "times",
					 (json_int_t)s->times);

		if (s->keep)
			(void)json_object_update_new(
				step,
				json_pack("{s:s, s:s, s:I, s:I, s:o, s:o}", "name", s->name, "row",
					  sl_rows[s->row].name, "kind", (json_int_t)s->kind, "nsid",
					  (json_int_t)s->nsid, "floor", effects(s->floor),
					  "command", command(&s->cmd)));
		if (s->payload)
			(void)json_object_set_new(step, "payload",
						  sl_record_hex(s->payload, s->cmd.data_len));
		(void)json_array_append_new(steps, step);
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "flags", (json_int_t)r->flags, "stages",
			 (json_int_t)r->stages, "prefix", (json_int_t)r->prefix, "elapsed_ms",
			 (json_int_t)r->elapsed, "steps", steps);
}

json_t *sl_record_breach(const struct sl_verdicts *v, const struct sl_breach *b)
{
	const char *phase = v->n_phases ? v->phase[b->phase].name : "";
	json_t *before = json_array(), *seen = json_array();
	json_t *json;

	for (unsigned i = 0; i < b->n_before && i < SL_CULPRITS_MAX; i++)
		(void)json_array_append_new(before, json_string(b->before[i]));
	for (unsigned i = 0; i < b->n_evidence; i++)
		(void)json_array_append_new(seen, evidence(&b->evidence[i]));
	json = json_pack("{s:s, s:s, s:s, s:I, s:s, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:I, s:I, "
			 "s:s, s:o, s:o}",
			 "finding", sl_breach_kinds[b->id].name, "text",
			 sl_breach_kinds[b->id].text, "name", b->command, "stage",
			 (json_int_t)b->stage, "phase", phase, "at_us", (json_int_t)(b->at * 1e6),
			 "at_command", (json_int_t)b->at_command, "declared", effects(b->declared),
			 "floor", effects(b->floor), "observed", effects(b->observed), "rank",
			 (json_int_t)b->rank, "times", (json_int_t)b->times, "more",
			 (json_int_t)b->more, "n_before", (json_int_t)b->n_before, "remark",
			 b->note, "before", before, "evidence", seen);
	if (json && b->has_cmd)
		(void)json_object_set_new(json, "command", command(&b->cmd));
	if (json && b->recipe)
		(void)json_object_set_new(json, "recipe", recipe(b->recipe));
	return json;
}
