/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/print.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "contract/gaps.h"
#include "core/reader.h"
#include "spec/names.h"
#include "wire/wire.h"

/* "a, b" of the set bits; "none". */
static const char *bits_text(uint32_t bits, const char *(*name)(unsigned), char buf[512])
{
	size_t at = 0;

	buf[0] = 0;
	for (unsigned i = 0; i < 32 && name(i); i++)
		if (bits >> i & 1)
			at += (size_t)snprintf(buf + at, 512 - at, "%s%s", at ? ", " : "", name(i));
	return at ? buf : "none";
}

static const char *effects_text(sl_effects e, char buf[512])
{
	return bits_text(e, sl_effect_name, buf);
}

static void identity(struct sl_emit *e, const struct sl_doc *d)
{
	const struct sl_contract *c = &d->contract;
	char hex[65] = "";

	sl_emit_str(e, "name", "contract", "%s", d->name);
	sl_emit_str(e, "format", "form", "%s%s", d->format, d->partial ? ", an excerpt" : "");
	sl_emit_bool(e, "partial", NULL, d->partial);
	sl_emit_str(e, "source", d->source[0] ? "source" : NULL, "%s", d->source);
	sl_emit_str(e, "vendor", c->vendor[0] ? "vendor" : NULL, "%s", c->vendor);
	sl_emit_str(e, "model", c->model[0] ? "model" : NULL, "%s", c->model);
	sl_emit_str(e, "serial", c->serial[0] ? "serial" : NULL, "%s", c->serial);
	sl_emit_str(e, "firmware", c->firmware[0] ? "firmware" : NULL, "%s", c->firmware);
	if (c->max_transfer && c->max_transfer != UINT32_MAX)
		sl_emit_u64(e, "max_transfer", "largest transfer", c->max_transfer);
	for (unsigned i = 0; i < 32; i++)
		(void)snprintf(hex + (size_t)2 * i, 3, "%02x", c->hash[i]);
	sl_emit_str(e, "state", "state", "%s",
		    c->state == SL_CONTRACT_PRESENT ? "present" : "none: every command is unknown");
	if (c->caught)
		sl_emit_bool(e, "caught", "caught lying", true);
	sl_emit_str(e, "hash", c->state == SL_CONTRACT_PRESENT ? "pinned by" : NULL, "%s",
		    c->state == SL_CONTRACT_PRESENT ? hex : "");
}

static const char *flaw_name(unsigned bit)
{
	static const char *const names[] = {
#define FLAW(id, voids, text) #id,
#include "spec/flaws.def"
	};

	return bit < SL_COUNT(names) ? names[bit] : NULL;
}

static void flaws(struct sl_emit *e, const struct sl_doc *d)
{
	sl_emit_bits(e, "flaws", NULL, d->flaws, flaw_name);
	for (unsigned i = 0; i < _SL_FLAW_N; i++)
		if (d->flaws >> i & 1)
			sl_emit_str(e, NULL, "flaw", "%s", sl_flaw_text(i));
	if (d->live)
		sl_emit_bits(e, "flawed", d->flawed_in ? "found in" : NULL, d->flawed_in,
			     sl_raw_name);
}

/* The command set of a namespace, or of the one unit that there is. */
static const char *set_of(const struct sl_contract *c, const struct sl_ns *n)
{
	static const uint8_t asked[] = {[SL_WIRE_SCSI] = SL_SET_SCSI,
					[SL_WIRE_CXL] = SL_SET_CXL,
					[SL_WIRE_FWCTL] = SL_SET_FWCTL};

	if (c->protocol > SL_WIRE_NVME && c->protocol < SL_COUNT(asked))
		return sl_set_name(sl_set_of_type(asked[c->protocol], c->type));
	return sl_nvme_set(n->csi) ? sl_set_name(sl_nvme_set(n->csi)) : "unknown";
}

static void namespaces(struct sl_emit *e, const struct sl_contract *c)
{
	static const char *const columns[][2] = {{"nsid", "NAMESPACE"}, {"csi", "SET"},
						 {"blocks", "BLOCKS"},	{"block_size", "BLOCK"},
						 {"metadata", "META"},	{"zone", "ZONE"},
						 {"guid", "GUID"},	{NULL, NULL}};

	if (!c->n_ns)
		return;
	sl_emit_table(e, "namespaces", columns);
	for (uint32_t i = 0; i < c->n_ns; i++) {
		const struct sl_ns *n = &c->ns[i];
		char hex[33];

		for (unsigned k = 0; k < 16; k++)
			(void)snprintf(hex + (size_t)2 * k, 3, "%02x", n->guid[k]);
		sl_emit_cell_u64(e, n->nsid);
		sl_emit_cell(e, "%s", set_of(c, n));
		sl_emit_cell_u64(e, n->blocks);
		sl_emit_cell_u64(e, n->lba_shift ? UINT64_C(1) << n->lba_shift : 0);
		sl_emit_cell_u64(e, n->meta);
		sl_emit_cell_u64(e, n->zone);
		sl_emit_cell(e, "%s", hex);
	}
	sl_emit_end(e);
}

/* The floor of everything that the key stands for; false: the tables do not know it. */
static bool floor_of(uint64_t key, sl_effects *ret)
{
	uint16_t at = 0, row;
	bool any = false;

	*ret = SL_E_NONE;
	while (sl_key_form(key, &at, &row)) {
		*ret |= sl_row_full_floor(row);
		any = true;
	}
	return any;
}

static const char *trust_text(const struct sl_entry *entry, sl_effects floor)
{
	if (entry->flags & SL_ENTRY_CAUGHT)
		return "caught";
	return sl_trust_name(sl_contract_trust(entry, floor));
}

static void command_row(struct sl_emit *e, const struct sl_entry *entry)
{
	char name[SL_KEY_NAME_MAX], word[96], selector[8] = "";
	sl_effects floor;
	uint16_t sel, code = sl_key_code(entry->key, &sel);

	if (!floor_of(entry->key, &floor))
		floor = SL_E_UNKNOWN;
	if (sel != SL_SEL_ANY)
		(void)snprintf(selector, sizeof(selector), "%02x", sel);
	sl_emit_cell(e, "%s", sl_key_name(entry->key, name));
	sl_emit_cell(e, "%s", sl_set_name(sl_key_set(entry->key)));
	sl_emit_cell_u64(e, code);
	sl_emit_cell(e, "%s", selector);
	sl_emit_cell(e, "%s", sl_source_name(entry->source));
	sl_emit_cell(e, "%08x", entry->raw);
	sl_emit_cell(e, "%s%s", sl_word_text(entry->raw, entry->source, word),
		     entry->usage ? ", usage" : "");
	sl_emit_cell(e, "%s", trust_text(entry, floor));
	sl_emit_cell(e, "%s", sl_exclusivity_name(entry->excl));
	/* To a person, no word about effects is not the same as a word that says none. */
	if ((entry->flags & SL_ENTRY_NO_EFFECTS) && !sl_emit_is_json(e))
		sl_emit_cell(e, "not said");
	else
		sl_emit_cell_bits(e, entry->declared, sl_effect_name);
	sl_emit_cell_bits(e, floor, sl_effect_name);
	sl_emit_cell_bits(e, entry->scope, sl_scope_name);
	sl_emit_cell(e, "%s%s", entry->flags & SL_ENTRY_LOCKED ? "prohibited" : "",
		     !(entry->flags & SL_ENTRY_LOCKED) && (entry->flags & SL_ENTRY_LOCKABLE)
			     ? "can be locked"
			     : "");
}

/* Features of a CXL device, each with an effect word of its own. */
static void features(struct sl_emit *e, const struct sl_contract *c)
{
	static const char *const columns[][2] = {{"feature", "FEATURE"},
						 {"set_size", "SET SIZE"},
						 {"changeable", "CHANGEABLE"},
						 {"word", "WORD"},
						 {"bits", "SAYS"},
						 {"declared", "DECLARED"},
						 {NULL, NULL}};

	if (!c->n_features)
		return;
	sl_emit_table(e, "features", columns);
	for (uint32_t i = 0; i < c->n_features; i++) {
		const struct sl_feature *f = &c->features[i];
		char uuid[37] = "", word[96];
		size_t at = 0;

		for (unsigned k = 0; k < 16; k++)
			at += (size_t)snprintf(uuid + at, sizeof(uuid) - at, "%s%02x",
					       k == 4 || k == 6 || k == 8 || k == 10 ? "-" : "",
					       f->uuid[k]);
		sl_emit_cell(e, "%s", uuid);
		sl_emit_cell_u64(e, f->set_size);
		sl_emit_cell(e, "%s", f->flags & 1 ? "yes" : "no");
		sl_emit_cell(e, "%04x", f->raw);
		sl_emit_cell(e, "%s", sl_word_text(f->raw, SL_SOURCE_FEATURES, word));
		sl_emit_cell_bits(e, f->declared, sl_effect_name);
	}
	sl_emit_end(e);
}

void sl_print_show(struct sl_emit *e, const struct sl_doc *d)
{
	const bool nvme = d->contract.protocol <= SL_WIRE_NVME;
	const char *const columns[][2] = {{"command", "COMMAND"},
					  {"set", NULL},
					  {"opcode", NULL},
					  {"selector", NULL},
					  {"source", "LOG"},
					  {"word", "WORD"},
					  {"bits", nvme ? NULL : "SAYS"},
					  {"trust", "TRUST"},
					  {"exclusive", "ALONE IN"},
					  {"declared", "DECLARED"},
					  {"floor", "FLOOR"},
					  {"scope", NULL},
					  {"lockdown", "LOCKDOWN"},
					  {NULL, NULL}};
	uint64_t keys[SL_CONTRACT_MAX];
	size_t n = sl_contract_keys(&d->contract, keys);

	sl_emit_object(e, NULL, NULL);
	identity(e, d);
	flaws(e, d);
	namespaces(e, &d->contract);
	if (n || sl_emit_is_json(e)) {
		sl_emit_table(e, "commands", columns);
		for (size_t i = 0; i < n; i++)
			command_row(e, sl_contract_find(&d->contract, keys[i]));
		sl_emit_end(e);
	}
	features(e, &d->contract);
	sl_emit_end(e);
}

/* Lint */

static void finding_text(struct sl_emit *e, const struct sl_finding *f)
{
	const struct sl_lint_rule *r = &sl_lint_rules[f->id];
	char name[SL_KEY_NAME_MAX], word[96], buf[512];

	sl_emit_note(e, "%s: %s: %s", sl_lint_severity_name(r->severity),
		     f->has_key ? sl_key_name(f->key, name) : "the contract", r->text);
	if (f->detail[0])
		sl_emit_note(e, "    %s", f->detail);
	if (f->raw)
		sl_emit_note(e, "    declared: %08x %s", f->raw,
			     sl_word_text(f->raw, f->source, word));
	if (f->floor)
		sl_emit_note(e, "    floor: %s", effects_text(f->floor, buf));
	sl_emit_note(e, "    why it matters: %s", r->why);
	sl_emit_note(e, "    %s [%s]", f->spec, r->id);
}

static void finding_json(struct sl_emit *e, const struct sl_finding *f)
{
	const struct sl_lint_rule *r = &sl_lint_rules[f->id];
	char name[SL_KEY_NAME_MAX];

	sl_emit_object(e, NULL, NULL);
	sl_emit_str(e, "rule", NULL, "%s", r->id);
	sl_emit_str(e, "severity", NULL, "%s", sl_lint_severity_name(r->severity));
	sl_emit_str(e, "command", NULL, "%s", f->has_key ? sl_key_name(f->key, name) : "");
	sl_emit_str(e, "text", NULL, "%s", r->text);
	sl_emit_str(e, "detail", NULL, "%s", f->detail);
	sl_emit_str(e, "why", NULL, "%s", r->why);
	sl_emit_str(e, "word", NULL, "%08x", f->raw);
	sl_emit_bits(e, "declared", NULL, f->declared, sl_effect_name);
	sl_emit_bits(e, "floor", NULL, f->floor, sl_effect_name);
	sl_emit_str(e, "bits", NULL, "%08x", f->bits);
	sl_emit_str(e, "spec", NULL, "%s", f->spec);
	sl_emit_end(e);
}

void sl_print_lint(struct sl_emit *e, const struct sl_doc *d, const struct sl_findings *f)
{
	sl_emit_object(e, NULL, NULL);
	identity(e, d);
	sl_emit_u64(e, "errors", NULL, f->count[SL_LINT_ERROR]);
	sl_emit_u64(e, "warnings", NULL, f->count[SL_LINT_WARNING]);
	sl_emit_u64(e, "notes", NULL, f->count[SL_LINT_NOTE]);
	if (sl_emit_is_json(e))
		sl_emit_array(e, "findings", NULL);
	for (size_t i = 0; i < f->n; i++) {
		sl_emit_note(e, "%s", "");
		if (sl_emit_is_json(e))
			finding_json(e, &f->v[i]);
		else
			finding_text(e, &f->v[i]);
	}
	if (sl_emit_is_json(e))
		sl_emit_end(e);
	sl_emit_note(e, "\nerrors: %zu, warnings: %zu, notes: %zu", f->count[SL_LINT_ERROR],
		     f->count[SL_LINT_WARNING], f->count[SL_LINT_NOTE]);
	sl_emit_end(e);
}

void sl_print_rules(struct sl_emit *e)
{
	static const char *const columns[][2] = {
		{"rule", "RULE"}, {"severity", "SEVERITY"}, {"text", "WHAT"}, {NULL, NULL}};

	sl_emit_table(e, "rules", columns);
	for (unsigned i = 0; i < _SL_LINT_ID_N; i++) {
		sl_emit_cell(e, "%s", sl_lint_rules[i].id);
		sl_emit_cell(e, "%s", sl_lint_severity_name(sl_lint_rules[i].severity));
		sl_emit_cell(e, "%s", sl_lint_rules[i].text);
	}
	sl_emit_end(e);
}

/* Diff */

static void diff_cell(struct sl_emit *e, const struct sl_doc *d, const struct sl_entry *entry)
{
	char word[96];

	if (entry)
		sl_emit_cell(e, "%08x %s", entry->raw,
			     sl_word_text(entry->raw, entry->source, word));
	else
		sl_emit_cell(e, "%s", d->partial ? "not in the excerpt" : "not listed");
}

static size_t diff_keys(struct sl_emit *e, const struct sl_doc *a, const struct sl_doc *b)
{
	uint64_t keys[2][SL_CONTRACT_MAX];
	size_t n[2] = {sl_contract_keys(&a->contract, keys[0]),
		       sl_contract_keys(&b->contract, keys[1])};
	size_t found = 0;

	/* First what a lists, then what only b does. */
	for (unsigned side = 0; side < 2; side++) {
		for (size_t i = 0; i < n[side]; i++) {
			const struct sl_entry *x = sl_contract_find(&a->contract, keys[side][i]);
			const struct sl_entry *y = sl_contract_find(&b->contract, keys[side][i]);
			sl_effects p = x ? x->declared : 0, q = y ? y->declared : 0;
			char name[SL_KEY_NAME_MAX];

			if ((side && x) || (x && y && x->raw == y->raw && p == q))
				continue;
			found++;
			sl_emit_cell(e, "%s", sl_key_name(keys[side][i], name));
			diff_cell(e, a, x);
			diff_cell(e, b, y);
			sl_emit_cell_bits(e, q & ~p, sl_effect_name);
			sl_emit_cell_bits(e, p & ~q, sl_effect_name);
		}
	}
	return found;
}

size_t sl_print_diff(struct sl_emit *e, const struct sl_doc *a, const struct sl_doc *b)
{
	static const char *const columns[][2] = {{"command", "COMMAND"}, {"old", "OLD"},
						 {"new", "NEW"},	 {"gained", "GAINED"},
						 {"lost", "LOST"},	 {NULL, NULL}};
	const struct sl_contract *x = &a->contract, *y = &b->contract;
	bool product = !strcmp(x->vendor, y->vendor) && !strcmp(x->model, y->model) &&
		       !strcmp(x->firmware, y->firmware);
	size_t n;

	sl_emit_object(e, NULL, NULL);
	sl_emit_object(e, "old", "old");
	identity(e, a);
	sl_emit_end(e);
	sl_emit_object(e, "new", "new");
	identity(e, b);
	sl_emit_end(e);
	sl_emit_table(e, "differences", columns);
	n = diff_keys(e, a, b);
	sl_emit_end(e);
	sl_emit_bool(e, "same_product", NULL, product);
	if (!n)
		sl_emit_note(e, "no difference");
	if (product && x->firmware[0] && n && !a->partial && !b->partial)
		sl_emit_note(e, "\nThe same firmware declared something else before: a finding.");
	sl_emit_end(e);
	return n;
}

/* Gaps */

static const char *gap_text(const struct sl_gap *g, char buf[640])
{
	char list[512], extra[512] = "";

	if (g->when)
		(void)snprintf(extra, sizeof(extra), " (%s: by its fields)",
			       effects_text(g->when, list));
	if (g->missing)
		(void)snprintf(buf, 640, "no bit for %s%s%s", effects_text(g->missing, list), extra,
			       g->shared ? "; one word for all its forms" : "");
	else
		(void)snprintf(buf, 640, "one word for all its forms, which differ");
	return buf;
}

void sl_print_gaps(struct sl_emit *e, const struct sl_doc *d)
{
	static const char *const columns[][2] = {{"command", "COMMAND"},
						 {"log", "LOG"},
						 {"floor", NULL},
						 {"missing", NULL},
						 {"gap", "WHAT IT CANNOT SAY"},
						 {"spec", "SPECIFICATION"},
						 {NULL, NULL}};
	const struct sl_contract *c = d ? &d->contract : NULL;
	struct sl_gap g;
	uint16_t at = 0;
	unsigned n = 0;

	sl_emit_object(e, NULL, NULL);
	sl_emit_bits(e, "expressible", "NVMe's logs have bits for",
		     sl_contract_expressible(SL_SOURCE_LID05), sl_effect_name);
	sl_emit_bits(e, "expressible_scsi", "SCSI's list has bits for",
		     sl_contract_expressible(SL_SOURCE_RSOC), sl_effect_name);
	sl_emit_bits(e, "expressible_cxl", "CXL's log has bits for",
		     sl_contract_expressible(SL_SOURCE_CEL), sl_effect_name);
	if (d)
		identity(e, d);
	sl_emit_table(e, "gaps", columns);
	while (sl_gap_next(c, &at, &g)) {
		char buf[640];

		n++;
		sl_emit_cell(e, "%s", sl_rows[g.row].name);
		sl_emit_cell(e, "%s", sl_source_name(g.source));
		sl_emit_cell_bits(e, g.floor, sl_effect_name);
		sl_emit_cell_bits(e, g.missing, sl_effect_name);
		sl_emit_cell(e, "%s", gap_text(&g, buf));
		sl_emit_cell(e, "%s", sl_rows[g.row].spec);
	}
	sl_emit_end(e);
	sl_emit_u64(e, "count", NULL, n);
	sl_emit_note(e, "%u commands and selectors do what no log of theirs can declare", n);
	sl_emit_end(e);
}
