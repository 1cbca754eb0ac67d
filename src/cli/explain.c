/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/paths.h"
#include "core/ranges.h"
#include "spec/decode.h"
#include "spec/names.h"

#define BLOCKS_SHOWN 64u /* ranges of a payload */

bool sl_question_foreign(const struct sl_question *q)
{
	return sl_sets[q->cmd.set].protocol != q->contract->protocol;
}

int sl_question_judge(const struct sl_question *q, const struct sl_image *img,
		      struct sl_command *cmd, struct sl_verdict *ret)
{
	struct sl_bind bind;
	int r;

	/* The gate's own check, before a policy is asked. */
	if (sl_question_foreign(q)) {
		*ret = (struct sl_verdict){.reason = SL_REASON_PROTOCOL,
					   .facts.row = sl_row_find(cmd->set, cmd->req)};
		return 0;
	}
	r = sl_image_bind(img, q->who, q->contract, q->device, sl_sets[q->cmd.set].protocol, &bind);
	if (r < 0)
		return r;
	sl_judge(img, &bind, q->contract, cmd, q->data, (uint64_t)time(NULL), ret);
	return 0;
}

/* Fields */

struct fields {
	struct sl_emit *e;
	const struct sl_command *final;
	uint16_t row;
};

static void field(void *arg, const struct sl_decoded *d)
{
	const struct fields *f = arg;
	uint64_t after = sl_field_get(&d->field, f->final->req);
	const char *meaning;

	sl_emit_cell(f->e, "%s", d->name);
	sl_emit_cell(f->e, d->value > 9 ? "%" PRIu64 " (0x%" PRIx64 ")" : "%" PRIu64, d->value,
		     d->value);
	if (after != d->value)
		sl_emit_cell(f->e, "%" PRIu64, after);
	else
		sl_emit_cell(f->e, "%s", "");
	meaning = d->meaning;
	sl_emit_cell(f->e, "%s", meaning ? meaning : "");
}

void sl_explain_fields(struct sl_emit *e, const struct sl_command *asked,
		       const struct sl_command *final)
{
	static const char *const columns[][2] = {{"field", "FIELD"},
						 {"value", "VALUE"},
						 {"normalised_to", "SENT AS"},
						 {"meaning", "MEANING"},
						 {NULL, NULL}};
	struct fields f = {.e = e, .final = final};

	sl_emit_table(e, "fields", columns);
	(void)sl_decode_fields(asked->set, asked->req, field, &f);
	sl_emit_end(e);
}

/* Payload */

struct payload {
	struct sl_emit *e;
	const uint8_t *data;
	size_t len;
	unsigned n;
};

static void count_field(void *arg, const struct sl_decoded *d)
{
	(void)d;
	((struct payload *)arg)->n++;
}

static void payload_field(void *arg, const struct sl_decoded *d)
{
	const struct payload *p = arg;
	char uuid[37] = "";
	size_t used = 0;

	/* One number to the specification and two to the tables. */
	if (strcmp(d->name, "uuid-rest") == 0)
		return;
	sl_emit_cell(p->e, "%s", d->name);
	if (strcmp(d->name, "uuid") == 0 && (size_t)d->field.off + 16 <= p->len) {
		for (unsigned i = 0; i < 16; i++)
			used += (size_t)snprintf(uuid + used, sizeof(uuid) - used, "%s%02x",
						 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
						 p->data[d->field.off + i]);
		sl_emit_cell(p->e, "%s", uuid);
	} else {
		sl_emit_cell(p->e, d->value > 9 ? "%" PRIu64 " (0x%" PRIx64 ")" : "%" PRIu64,
			     d->value, d->value);
	}
	sl_emit_cell(p->e, "%s", d->meaning ? d->meaning : "");
}

void sl_explain_payload(struct sl_emit *e, const struct sl_command *asked, const uint8_t *data,
			size_t len)
{
	static const char *const columns[][2] = {
		{"field", "PAYLOAD"}, {"value", "VALUE"}, {"meaning", "MEANING"}, {NULL, NULL}};
	struct payload p = {.e = e, .data = data, .len = len};

	if (!data)
		return;
	(void)sl_decode_payload(asked->set, asked->req, data, len, count_field, &p);
	if (!p.n)
		return;
	sl_emit_table(e, "payload", columns);
	(void)sl_decode_payload(asked->set, asked->req, data, len, payload_field, &p);
	sl_emit_end(e);
}

void sl_explain_blocks(const struct sl_question *q, struct sl_emit *e,
		       const struct sl_command *final, const struct sl_facts *f)
{
	static const char *const columns[][2] = {{"namespace", "NAMESPACE"},
						 {"first", "FIRST BLOCK"},
						 {"blocks", "BLOCKS"},
						 {"use", "USE"},
						 {NULL, NULL}};
	uint8_t kind = sl_rows[f->row].ranges;
	struct sl_ranges it;
	struct sl_range r;
	unsigned n = 0;

	if (!q->data || kind < SL_RANGES_DSM)
		return;
	sl_ranges_init(&it, q->contract, final, f, q->data);
	while (n < BLOCKS_SHOWN && sl_ranges_next(&it, &r)) {
		if (!n++)
			sl_emit_table(e, "blocks", columns);
		sl_emit_cell_u64(e, r.nsid);
		sl_emit_cell_u64(e, r.lba);
		sl_emit_cell_u64(e, r.count);
		sl_emit_cell(e, "%s", r.source ? "read from" : "");
	}
	if (n)
		sl_emit_end(e);
}

/* Effects */

void sl_explain_effects(struct sl_emit *e, const struct sl_facts *f)
{
	sl_emit_object(e, "effects", "Effects");
	sl_emit_bits(e, "effective", "judged by", f->effective, sl_effect_name);
	sl_emit_bits(e, "floor", "floor (our table)", f->floor, sl_effect_name);
	sl_emit_bool(e, "listed", NULL, f->declared_known);
	if (f->entry && (f->entry->flags & SL_ENTRY_NO_EFFECTS) && !sl_emit_is_json(e))
		sl_emit_str(e, NULL, "declared (the device)",
			    "nothing: its log lists the command and has no word for effects");
	else if (f->declared_known || sl_emit_is_json(e))
		sl_emit_bits(e, "declared", "declared (the device)", f->declared, sl_effect_name);
	else
		sl_emit_str(e, NULL, "declared (the device)",
			    "nothing: it does not list the command");
	if (f->observed)
		sl_emit_bits(e, "observed", "observed (a verifier)", f->observed, sl_effect_name);
	sl_emit_bits(e, "scope", "scope", f->scope, sl_scope_name);
	sl_emit_str(e, "exclusivity", "runs beside", "%s",
		    f->excl == SL_EXCL_NONE ? "anything" : sl_exclusivity_name(f->excl));
	sl_emit_str(e, "trust", "trust", "%s%s", sl_trust_name(f->trust),
		    f->caught ? ", and the device was caught lying" : "");
	if (f->length_known)
		sl_emit_u64(e, "length", "data bytes", f->length);
	else
		sl_emit_str(e, "length", "data bytes", "not computable");
	sl_emit_end(e);
}

/* The rule */

void sl_explain_rule(struct sl_emit *e, const char *file, unsigned line)
{
	char text[256], all[1024] = "", path[4096];
	unsigned n = 0, kept = 0;
	size_t used = 0;
	FILE *f = fopen(file, "re");

	if (!f && !strchr(file, '/') && sl_path_data("policies", file, path, sizeof(path)) == 0)
		f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(text, sizeof(text), f)) {
		size_t len = strcspn(text, "\n");

		if (++n < line)
			continue;
		text[len] = '\0';
		for (char *t = text; (t = strchr(t, '\t'));)
			*t = ' ';
		/* A statement goes on as long as its lines are indented. */
		if (n > line && text[0] != ' ')
			break;
		if (used + len + 2 > sizeof(all) || kept == 8)
			break;
		if (kept++)
			all[used++] = '\n';
		memcpy(all + used, text, len + 1);
		used += len;
	}
	(void)fclose(f);
	if (kept)
		sl_emit_str(e, "rule_text", "which says", "%s", all);
}

static void decision(struct sl_emit *e, const struct sl_image *img, const struct sl_verdict *v)
{
	sl_emit_object(e, "decision", "Decision");
	sl_emit_bool(e, "allowed", NULL, v->allow);
	sl_emit_str(e, "verdict", "verdict", "%s%s", v->allow ? "allowed" : "denied",
		    v->flags & SL_VERDICT_OBSERVED ? ", because the policy only observes for now"
						   : "");
	sl_emit_str(e, "reason", "because", "%s", sl_reason_text(v->reason));
	sl_emit_str(e, "policy", "policy", "%s", sl_image_str(img, img->name));
	if (v->rule) {
		const struct sl_rule *rule =
			(const struct sl_rule *)sl_image_at(img, img->rules) + v->rule - 1;
		const char *file = sl_image_str(img, rule->file);

		sl_emit_str(e, "rule", "rule", "%s:%u", file, rule->line);
		sl_explain_rule(e, file, rule->line);
	} else {
		sl_emit_str(e, "rule", "rule", "none matched");
	}
	if (v->allow && (v->flags & SL_VERDICT_ALONE))
		sl_emit_str(e, "alone", "runs", "alone on the device");
	if (v->allow && (v->flags & SL_VERDICT_DURABLE))
		sl_emit_str(e, "durable", "ledger", "its intent is made durable first");
	sl_emit_end(e);
}

static void who(struct sl_emit *e, const struct sl_question *q)
{
	char groups[512] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < q->who->n_gids && used < sizeof(groups) - 16; i++)
		used += (size_t)snprintf(groups + used, sizeof(groups) - used, "%s%u", i ? "," : "",
					 q->who->gids[i]);
	sl_emit_str(e, "who", "asked by", "uid %u%s%s%s%s", q->who->uid, groups[0] ? ", gid " : "",
		    groups, q->who->label[0] ? ", label " : "", q->who->label);
}

int sl_question_answer(const struct sl_question *q, struct sl_emit *e,
		       struct sl_verdict *ret_verdict)
{
	const struct sl_image *img = q->policy->image;
	struct sl_command asked = q->cmd, final = q->cmd;
	const struct sl_row *row;
	int r;

	if (!sl_question_foreign(q))
		sl_command_resolve(q->contract, &asked);
	r = sl_question_judge(q, img, &final, ret_verdict);
	if (r < 0)
		return r;
	row = &sl_rows[ret_verdict->facts.row];
	sl_emit_str(e, "command", "command", "%s", row->name);
	sl_emit_str(e, "specification", "specified in", "%s", row->spec);
	if (ret_verdict->facts.carried)
		sl_emit_str(e, "carries", "carries", "%s, which is judged as well",
			    sl_rows[ret_verdict->facts.carried].name);
	sl_emit_str(e, "device", "device", "%s", q->device);
	who(e, q);
	if (q->assumed)
		sl_emit_str(e, "assumed", "assumed", "%s", q->assumed);
	sl_explain_fields(e, &asked, &final);
	sl_explain_payload(e, &asked, q->data, ret_verdict->facts.payload);
	sl_explain_blocks(q, e, &final, &ret_verdict->facts);
	/* Sent to that device it would be another command, whose effects nobody has asked for. */
	if (ret_verdict->reason != SL_REASON_PROTOCOL)
		sl_explain_effects(e, &ret_verdict->facts);
	decision(e, img, ret_verdict);
	if (!ret_verdict->allow)
		sl_explain_remedies(q, e, &final, ret_verdict);
	return 0;
}
