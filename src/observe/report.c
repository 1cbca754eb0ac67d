/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "contract/entry.h"
#include "core/table.h"
#include "observe/phase.h"
#include "observe/tally.h"
#include "spec/names.h"

#define JSON_BYTES_MAX 64u /* of each piece of evidence */
/* What a screen holds. */
#define FULL_MAX       3u  /* findings, in full */
#define SHOWN_MAX      10u /* findings, in two lines */
#define REASONS_MAX    4u  /* for what was left out */
#define LINE_MAX_CHARS 72u

static const char *const weights[] = {"note", "unattributed", "caught"};
static const char *const stages[] = {"at once", "later", "after a reset and a power cycle"};

/* The effects of a set in words, for a line of text. */
static const char *effects_text(sl_effects e, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = 0;
	for (unsigned i = 0; i < _SL_EFFECT_N && at < size; i++)
		if (e >> i & 1)
			at += (size_t)snprintf(buf + at, size - at, "%s%s", at ? ", " : "",
					       sl_effect_name(i));
	return e ? buf : "nothing";
}

/* In full, or in two lines where there are many. */
static void breach_text(struct sl_emit *e, const struct sl_breach *b, bool full)
{
	unsigned evidence = full ? 3 : 1;
	char declared[160];

	sl_emit_note(e, "%s: %s: %s", weights[sl_breach_kinds[b->id].weight],
		     b->command[0] ? b->command : "the device", sl_breach_kinds[b->id].text);
	for (unsigned i = 0; full && i < b->n_before && i < SL_CULPRITS_MAX && i < 3; i++)
		sl_emit_note(e, "    only after: %s%s", b->before[i],
			     i == 2 && b->n_before > 3 ? " …" : "");
	for (unsigned i = 0; i < b->n_evidence && i < evidence; i++)
		sl_emit_note(e, "    %s: %s%s%s", b->evidence[i].where, b->evidence[i].what,
			     i == 0 && b->stage ? ", " : "",
			     i == 0 && b->stage ? stages[b->stage] : "");
	if (!full)
		return;
	if (b->n_evidence > evidence || b->more)
		sl_emit_note(e, "    … and %u more",
			     b->n_evidence - (b->n_evidence > evidence ? evidence : b->n_evidence) +
				     b->more);
	if (b->has_cmd && b->observed)
		sl_emit_note(e, "    declared: %s",
			     effects_text(b->declared, declared, sizeof(declared)));
	if (b->note[0])
		sl_emit_note(e, "    %s", b->note);
	if (b->times > 1)
		sl_emit_note(e, "    and %u more variations of the command", b->times - 1);
}

/* The bytes that changed, as far as a report shows them; all of the item is in a bundle. */
static void bytes_json(struct sl_emit *e, const struct sl_evidence *v)
{
	const struct sl_exhibit *x = v->exhibit;
	char hex[2][2 * JSON_BYTES_MAX + 1];
	uint32_t n = v->len < JSON_BYTES_MAX ? v->len : JSON_BYTES_MAX;

	if (!x || !x->old_valid || !x->new_valid || v->at < x->from || v->at - x->from + n > x->len)
		return;
	for (uint32_t i = 0; i < n; i++) {
		(void)snprintf(hex[0] + 2 * i, 3, "%02x", x->was[v->at - x->from + i]);
		(void)snprintf(hex[1] + 2 * i, 3, "%02x", x->is[v->at - x->from + i]);
	}
	if (n) {
		sl_emit_str(e, "before", NULL, "%s", hex[0]);
		sl_emit_str(e, "after", NULL, "%s", hex[1]);
	}
}

static void breach_json(struct sl_emit *e, const struct sl_breach *b)
{
	char hex[2 * SL_REQ_MAX + 1] = "";

	sl_emit_object(e, NULL, NULL);
	sl_emit_str(e, "finding", NULL, "%s", sl_breach_kinds[b->id].name);
	sl_emit_str(e, "weight", NULL, "%s", weights[sl_breach_kinds[b->id].weight]);
	sl_emit_str(e, "text", NULL, "%s", sl_breach_kinds[b->id].text);
	if (b->has_cmd) {
		for (unsigned i = 0; i < SL_REQ_MAX; i++)
			(void)snprintf(hex + 2 * i, 3, "%02x", b->cmd.req[i]);
		sl_emit_str(e, "command", NULL, "%s", b->command);
		sl_emit_str(e, "row", NULL, "%s",
			    sl_rows[sl_row_find(b->cmd.set, b->cmd.req)].name);
		sl_emit_str(e, "queue", NULL, "%s",
			    b->cmd.set == SL_SET_NVME_ADMIN ? "admin" : "io");
		sl_emit_u64(e, "opcode", NULL, b->cmd.req[0]);
		sl_emit_str(e, "hex", NULL, "%s", hex);
		sl_emit_bits(e, "declared", NULL, b->declared, sl_effect_name);
		sl_emit_bits(e, "floor", NULL, b->floor, sl_effect_name);
	}
	sl_emit_bits(e, "observed", NULL, b->observed, sl_effect_name);
	sl_emit_str(e, "seen", NULL, "%s", stages[b->stage]);
	sl_emit_u64(e, "variations", NULL, b->times);
	sl_emit_array(e, "before", NULL);
	for (unsigned i = 0; i < b->n_before && i < SL_CULPRITS_MAX; i++)
		sl_emit_str(e, NULL, NULL, "%s", b->before[i]);
	sl_emit_end(e);
	sl_emit_array(e, "evidence", NULL);
	for (unsigned i = 0; i < b->n_evidence; i++) {
		sl_emit_object(e, NULL, NULL);
		sl_emit_str(e, "where", NULL, "%s", b->evidence[i].where);
		sl_emit_str(e, "what", NULL, "%s", b->evidence[i].what);
		sl_emit_u64(e, "offset", NULL, b->evidence[i].at);
		sl_emit_u64(e, "length", NULL, b->evidence[i].len);
		sl_emit_bits(e, "effects", NULL, b->evidence[i].effects, sl_effect_name);
		bytes_json(e, &b->evidence[i]);
		sl_emit_end(e);
	}
	sl_emit_end(e);
	sl_emit_u64(e, "more", NULL, b->more);
	if (b->note[0])
		sl_emit_str(e, "note", NULL, "%s", b->note);
	sl_emit_end(e);
}

static void matrix_json(struct sl_emit *e, const struct sl_verdicts *v)
{
	sl_emit_array(e, "commands_seen", NULL);
	for (size_t i = 0; i < v->n_tallies; i++) {
		const struct sl_tally *t = &v->tally[i];

		sl_emit_object(e, NULL, NULL);
		sl_emit_str(e, "command", NULL, "%s", t->name);
		sl_emit_bool(e, "listed", NULL, t->listed);
		sl_emit_bits(e, "declared", NULL, t->declared, sl_effect_name);
		sl_emit_bits(e, "floor", NULL, t->floor, sl_effect_name);
		sl_emit_bits(e, "observed", NULL, t->seen, sl_effect_name);
		sl_emit_bits(e, "against", NULL, t->against, sl_effect_name);
		sl_emit_bits(e, "never_seen", NULL, sl_tally_unseen(v, t), sl_effect_name);
		sl_emit_u64(e, "forms", NULL, t->forms);
		sl_emit_u64(e, "carried_out", NULL, t->done);
		sl_emit_u64(e, "sent", NULL, t->sent);
		sl_emit_u64(e, "slowest_ms", NULL, t->ms_max);
		sl_emit_bool(e, "slow_once", NULL, sl_tally_stalls(t));
		sl_emit_end(e);
	}
	sl_emit_end(e);
}

static void gaps_json(struct sl_emit *e, const struct sl_verdicts *v)
{
	static const char *const columns[][2] = {{"what", "WHAT"}, {"why", "WHY"}, {NULL, NULL}};
	static const char *const phases[][2] = {{"phase", "PHASE"}, {"why", "WHY"}, {NULL, NULL}};
	struct sl_field_count f;

	sl_tally_fields(v, &f);
	sl_emit_object(e, "coverage", NULL);
	sl_emit_u64(e, "entries", NULL, v->entries);
	sl_emit_u64(e, "entries_carried_out", NULL, v->covered);
	sl_emit_u64(e, "fields", NULL, f.all);
	sl_emit_u64(e, "fields_turned", NULL, f.turned);
	sl_emit_u64(e, "fields_fixed", NULL, f.fixed);
	sl_emit_u64(e, "fields_refused", NULL, f.refused);
	sl_emit_u64(e, "fields_caught_before", NULL, f.caught);
	sl_emit_u64(e, "fields_not_tried", NULL, f.waiting);
	sl_emit_u64(e, "blocks_tried", NULL, v->blocks_tried);
	sl_emit_u64(e, "blocks", NULL, v->blocks_of);
	sl_emit_u64(e, "beside", NULL, v->beside);
	sl_emit_u64(e, "to_run_alone", NULL, v->alone);
	sl_emit_u64(e, "to_run_alone_disturbed_nothing", NULL, v->alone_calm);
	sl_emit_table(e, "left_out", columns);
	for (size_t i = 0; i < v->n_gaps; i++) {
		sl_emit_cell(e, "%s", v->gap[i].what);
		sl_emit_cell(e, "%s", v->gap[i].why);
	}
	sl_emit_end(e);
	sl_emit_table(e, "not_done", phases);
	for (unsigned i = 0; i < v->n_undone; i++) {
		sl_emit_cell(e, "%s", v->undone[i].what);
		sl_emit_cell(e, "%s", v->undone[i].why);
	}
	sl_emit_end(e);
	sl_emit_end(e);
}

static void coverage(struct sl_emit *e, const struct sl_verdicts *v)
{
	static const char *const columns[][2] = {{"phase", "phase"},
						 {"commands", "commands"},
						 {"milliseconds", "ms"},
						 {"cut", "cut"},
						 {NULL, NULL}};

	if (!sl_emit_is_json(e))
		return;
	sl_emit_table(e, "phases", columns);
	for (unsigned i = 0; i < v->n_phases; i++) {
		sl_emit_cell(e, "%s", v->phase[i].name);
		sl_emit_cell_u64(e, v->phase[i].commands);
		sl_emit_cell_u64(e, (uint64_t)(v->phase[i].seconds * 1000));
		sl_emit_cell(e, "%s", v->phase[i].cut ? "by the budget" : "");
	}
	sl_emit_end(e);
	sl_emit_object(e, "facets", NULL);
	for (unsigned i = 0; i < _SL_FACET_N; i++)
		if (sl_facet_of(i, v->protocol))
			sl_emit_u64(e, sl_facets[i].name, NULL, v->facets[i]);
	sl_emit_end(e);
}

/* "a, b, c and 4 more" */
struct words {
	char text[LINE_MAX_CHARS + 40];
	size_t len;
	unsigned n, more;
};

static void word(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void word(struct words *w, const char *fmt, ...)
{
	char buf[160];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (n < 0 || w->len + (size_t)n + 2 > LINE_MAX_CHARS) {
		w->more++;
		return;
	}
	w->len += (size_t)snprintf(w->text + w->len, sizeof(w->text) - w->len, "%s%s",
				   w->n++ ? ", " : "", buf);
}

static const char *words(struct words *w)
{
	if (w->more)
		(void)snprintf(w->text + w->len, sizeof(w->text) - w->len, " and %u more", w->more);
	return w->text;
}

/* Commands of one kind are named once: "nvme." is theirs all. */
static const char *plain(const char *name)
{
	return strncmp(name, "nvme.", 5) == 0 ? name + 5 : name;
}

/* What was left out, one line for each reason; of no more reasons than `most`. */
static void gaps_text(struct sl_emit *e, const char *label, const struct sl_gap *gap, size_t n,
		      unsigned most)
{
	unsigned shown = 0, more = 0;

	for (size_t i = 0; i < n; i++) {
		struct words w = {.len = 0};
		bool told = false;

		for (size_t k = 0; k < i; k++)
			told |= strcmp(gap[k].why, gap[i].why) == 0;
		if (told)
			continue;
		if (shown == most) {
			more++;
			continue;
		}
		for (size_t k = i; k < n; k++)
			if (strcmp(gap[k].why, gap[i].why) == 0)
				word(&w, "%s", plain(gap[k].what));
		sl_emit_str(e, NULL, shown++ ? " " : label, "%s: %s", gap[i].why, words(&w));
	}
	if (more)
		sl_emit_str(e, NULL, " ", "and for %u more reasons: --json has them", more);
}

static void hints_text(struct sl_emit *e, const struct sl_verdicts *v)
{
	struct words unseen = {.len = 0}, slow = {.len = 0}, cut = {.len = 0}, none = {.len = 0};
	char effects[160];

	for (size_t i = 0; i < v->n_tallies; i++) {
		const struct sl_tally *t = &v->tally[i];
		sl_effects u = sl_tally_unseen(v, t);

		if (u)
			word(&unseen, "%s (%s)", plain(t->name),
			     effects_text(u, effects, sizeof(effects)));
		if (sl_tally_stalls(t))
			word(&slow, "%s (%u ms, else %.1f)", plain(t->name), t->ms_max,
			     (double)t->ms / (double)t->sent);
	}
	for (unsigned i = 0; i < v->n_phases; i++)
		if (v->phase[i].cut)
			word(&cut, "%s", v->phase[i].name);
	for (unsigned i = 0; i < _SL_FACET_N; i++)
		if (!v->facets[i] && i != SL_FACET_HASH && sl_facet_of(i, v->protocol))
			word(&none, "%s", sl_facets[i].name);
	if (none.n)
		sl_emit_str(e, NULL, "not offered", "%s", words(&none));
	if (cut.n)
		sl_emit_str(e, NULL, "cut short", "%s", words(&cut));
	if (unseen.n)
		sl_emit_str(e, NULL, "never seen", "declared, and nothing showed it: %s",
			    words(&unseen));
	if (slow.n)
		sl_emit_str(e, NULL, "slow once", "a hint, no finding: %s", words(&slow));
}

static void covered_text(struct sl_emit *e, const struct sl_verdicts *v)
{
	struct sl_field_count f;
	char blocks[64] = "";

	sl_tally_fields(v, &f);
	if (v->blocks_of)
		(void)snprintf(blocks, sizeof(blocks),
			       "; %" PRIu64 " of %" PRIu64 " block accesses", v->blocks_tried,
			       v->blocks_of);
	sl_emit_str(e, NULL, "covered",
		    "%u of %u declared entries carried out; %u of %u fields varied%s", v->covered,
		    v->entries, f.turned, f.all, blocks);
	gaps_text(e, "not done", v->undone, v->n_undone, SL_PHASES_MAX);
	gaps_text(e, "left out", v->gap, v->n_gaps, REASONS_MAX);
	hints_text(e, v);
}

static void claim(struct sl_emit *e, const struct sl_verdicts *v)
{
	bool cut = false;

	for (unsigned i = 0; i < v->n_phases; i++)
		cut |= v->phase[i].cut;
	if (v->count[SL_WEIGHT_CAUGHT])
		sl_emit_note(
			e,
			"The device contradicts what it declares, or what its specification says.");
	else
		sl_emit_note(e, "No contradiction was seen in what was sent%s.",
			     cut ? " before the budget ended it" : "");
	sl_emit_note(e, "A lie is caught when it is used here and shows in something that is read: "
			"this never");
	sl_emit_note(e, "says that there is none. A trigger of k unknown bits is met by chance "
			"once in 2^k.");
	if (!v->declares)
		sl_emit_note(e, "It publishes no contract: held against the specification alone.");
}

void sl_report_print(struct sl_emit *e, const struct sl_verdicts *v)
{
	const struct sl_contract *c = &v->doc->contract;
	unsigned shown = 0, kinds = 0;

	sl_emit_object(e, NULL, NULL);
	sl_emit_str(e, "device", "device", "%s (%s, firmware %s)", v->doc->name, c->model,
		    c->firmware);
	sl_emit_str(e, "sent", "sent",
		    "%" PRIu64 " commands in %.1f s; %zu forms, of which the device knows %zu",
		    v->commands, v->seconds, v->n_cases, v->n_cases - v->n_refused);
	for (unsigned i = 0; i < _SL_FACET_N; i++)
		kinds += v->facets[i] > 0;
	sl_emit_str(e, "read", "read",
		    "%zu values of %u kinds; %zu bytes left out because they move by themselves",
		    v->n_probes, kinds, v->n_masked);
	sl_emit_str(e, "found", "found", "%u caught, %u unattributed, %u notes",
		    v->count[SL_WEIGHT_CAUGHT], v->count[SL_WEIGHT_UNATTRIBUTED],
		    v->count[SL_WEIGHT_NOTE]);
	if (v->ended[0])
		sl_emit_str(e, "ended", "ended early", "%s", v->ended);
	if (!sl_emit_is_json(e)) {
		covered_text(e, v);
	} else {
		sl_emit_u64(e, "caught", NULL, v->count[SL_WEIGHT_CAUGHT]);
		sl_emit_u64(e, "unattributed", NULL, v->count[SL_WEIGHT_UNATTRIBUTED]);
		sl_emit_u64(e, "notes", NULL, v->count[SL_WEIGHT_NOTE]);
		sl_emit_u64(e, "commands", NULL, v->commands);
		sl_emit_bool(e, "declares", NULL, v->declares);
		sl_emit_array(e, "findings", NULL);
		for (size_t i = 0; i < v->n; i++)
			breach_json(e, &v->v[i]);
		sl_emit_end(e);
	}
	coverage(e, v);
	if (sl_emit_is_json(e)) {
		matrix_json(e, v);
		gaps_json(e, v);
	}
	sl_emit_end(e);
	if (sl_emit_is_json(e))
		return;
	for (int w = SL_WEIGHT_CAUGHT; w >= SL_WEIGHT_NOTE; w--)
		for (size_t i = 0; i < v->n; i++)
			if (sl_breach_kinds[v->v[i].id].weight == w && shown++ < SHOWN_MAX)
				breach_text(e, &v->v[i], v->n <= FULL_MAX);
	if (shown > SHOWN_MAX)
		sl_emit_note(e, "… and %u more findings: --json and --html have all of them",
			     shown - SHOWN_MAX);
	claim(e, v);
}

void sl_report_plan(struct sl_emit *e, const struct sl_rig *rig, const struct sl_verify_options *o)
{
	static const char *const columns[][2] = {
		{"phase", "PHASE"}, {"what", "WHAT"}, {"runs", "RUNS"}, {NULL, NULL}};

	sl_emit_table(e, "plan", columns);
	for (unsigned i = 0; i < sl_n_phases; i++) {
		const char *no = sl_phase_not(&sl_phases[i], rig, o);

		sl_emit_cell(e, "%s", sl_phases[i].name);
		sl_emit_cell(e, "%s", sl_phases[i].text);
		sl_emit_cell(e, "%s", no ? no : "yes");
	}
	sl_emit_end(e);
}
