/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice dump-metadata`: the tables that everything is made from, for the generators of manual and
 * completions and for other programs. `metadata_version` rises when a key changes its meaning.
 */
#include <stdio.h>
#include <string.h>

#include "cli/parse.h"
#include "core/facts.h"
#include "core/image.h"
#include "core/table.h"
#include "sluice-paths.h" /* SL_VERSION, by meson */
#include "spec/names.h"

#define METADATA_VERSION 1

static void options(struct sl_emit *e, const struct sl_option *list, const struct sl_cli_verb *v)
{
	for (const struct sl_option *o = list; o && o->name; o++) {
		if (v && !sl_option_applies(v, o))
			continue;
		sl_emit_object(e, NULL, o->name);
		sl_emit_str(e, "name", "name", "--%s", o->name);
		if (o->arg)
			sl_emit_str(e, "arg", "argument", "%s", o->arg);
		sl_emit_str(e, "help", "help", "%s", o->text);
		if (o->dflt)
			sl_emit_str(e, "default", "default", "%s", o->dflt);
		sl_emit_bool(e, "repeat", "may be repeated", o->repeat);
		sl_emit_end(e);
	}
}

static void verbs(struct sl_emit *e, const struct sl_cli_verb *list)
{
	for (const struct sl_cli_verb *v = list; v && v->name; v++) {
		sl_emit_object(e, NULL, v->name);
		sl_emit_str(e, "name", "name", "%s", v->name);
		sl_emit_str(e, "args", "arguments", "%s", v->args ? v->args : "");
		sl_emit_str(e, "help", "help", "%s", v->help);
		sl_emit_str(e, "text", NULL, "%s", v->text ? v->text : "");
		sl_emit_array(e, "options", "options");
		options(e, v->options, v);
		if (!v->subs)
			options(e, sl_common_options, v);
		sl_emit_end(e);
		if (v->subs) {
			sl_emit_array(e, "forms", "forms");
			verbs(e, v->subs);
			sl_emit_end(e);
		}
		sl_emit_end(e);
	}
}

static void words(struct sl_emit *e, const char *key, const char *(*name)(unsigned),
		  const char *(*text)(unsigned), unsigned n)
{
	static const char *const columns[][2] = {
		{"name", "NAME"}, {"text", "MEANING"}, {NULL, NULL}};

	sl_emit_table(e, key, columns);
	for (unsigned i = 0; i < n; i++) {
		sl_emit_cell(e, "%s", name(i));
		sl_emit_cell(e, "%s", text(i));
	}
	sl_emit_end(e);
}

static const char *scope_text(unsigned bit)
{
	static const char *const text[] = {
#define SCOPE(id, name, text) text,
#include "spec/effects.def"
	};

	return text[bit];
}

static const char *trust_text(unsigned trust)
{
	static const char *const text[] = {
#define TRUST(id, name, text) text,
#include "spec/effects.def"
	};

	return text[trust];
}

static const char *reason_name(unsigned reason)
{
	static const char *const names[] = {
#define REASON(id, text) #id,
#include "spec/reasons.def"
	};

	return names[reason];
}

static void rows(struct sl_emit *e)
{
	sl_emit_array(e, "rows", "commands");
	for (uint32_t i = 0; i < sl_row_count; i++) {
		const struct sl_row *r = &sl_rows[i];

		sl_emit_object(e, NULL, r->name);
		sl_emit_str(e, "name", "name", "%s", r->name);
		sl_emit_str(e, "spec", "specification", "%s", r->spec);
		sl_emit_u64(e, "opcode_first", NULL, r->op_lo);
		sl_emit_u64(e, "opcode_last", NULL, r->op_hi);
		sl_emit_bits(e, "floor", "floor", r->floor, sl_effect_name);
		sl_emit_bits(e, "scope", "scope", r->scope, sl_scope_name);
		sl_emit_str(e, "exclusivity", "exclusivity", "%s", sl_exclusivity_name(r->excl));
		sl_emit_u64(e, "timeout_s", "timeout, s", r->timeout_s);
		sl_emit_bool(e, "kernel_owned", "kernel-owned", r->flags & SL_ROW_KERNEL);
		sl_emit_end(e);
	}
	sl_emit_end(e);
}

int sl_verb_dump_metadata(struct sl_cli *cli)
{
	static const char *const exit_columns[][2] = {
		{"status", "STATUS"}, {"text", "MEANING"}, {NULL, NULL}};
	struct sl_emit *e = sl_cli_emit(cli);

	sl_emit_u64(e, "metadata_version", "metadata version", METADATA_VERSION);
	sl_emit_str(e, "version", "sluice", "%s", SL_VERSION);
	sl_emit_u64(e, "table_hash", NULL, sl_table_hash());
	sl_emit_array(e, "verbs", "verbs");
	verbs(e, sl_verbs);
	sl_emit_end(e);
	sl_emit_table(e, "exits", exit_columns);
#define EXIT(id, code, text)                                                                       \
	do {                                                                                       \
		sl_emit_cell_u64(e, code);                                                         \
		sl_emit_cell(e, "%s", text);                                                       \
	} while (0);
	SL_EXITS(EXIT)
#undef EXIT
	sl_emit_end(e);
	words(e, "effects", sl_effect_name, sl_effect_text, _SL_EFFECT_N);
	words(e, "scopes", sl_scope_name, scope_text, _SL_SCOPE_N);
	words(e, "trust", sl_trust_name, trust_text, _SL_TRUST_N);
	words(e, "reasons", reason_name, sl_reason_text, _SL_REASON_N);
	rows(e);
	return sl_cli_finish(e, SL_EXIT_OK);
}
