/* SPDX-License-Identifier: Apache-2.0 */
/* One finding: who, what it may do, the command's bytes, and the change byte by byte. */
#include <inttypes.h>
#include <string.h>

#include "core/table.h"
#include "observe/html.h"

#define LINE	   8u  /* bytes of a line of a difference: two fit beside each other on a screen */
#define LINES_MAX  48u /* that differ, of one thing */
#define FIELDS_MAX 8u  /* names in a line */

static const char *const weights[] = {"note", "unattributed", "caught"};
static const char *const signs[] = {"Note", "? Unattributed", "✗ Caught"};
static const char *const stages[] = {"by the first look after it", "an hour later",
				     "after a reset and a power cycle"};

/* The request: its bytes, and the fields in them that are not zero. */
static void command(FILE *f, const struct sl_breach *b)
{
	uint16_t row = sl_row_find(b->cmd.set, b->cmd.req);
	const struct sl_format *format = &sl_formats[sl_rows[row].format];
	unsigned n = 0;

	sl_html_put(f, "<h4>The command</h4>\n<pre aria-label=\"submission queue entry\">");
	for (unsigned i = 0; i < SL_REQ_MAX; i++) {
		if (i && i % 16 == 0)
			sl_html_put(f, "\n");
		sl_html_text(f, "%s%02x", i % 16 == 0 ? "" : i % 4 ? " " : "  ", b->cmd.req[i]);
	}
	sl_html_put(f, "</pre>\n<p class=dim>");
	for (uint32_t i = 0; i < format->n_fields; i++) {
		const struct sl_named_field *x = &format->fields[i];
		uint64_t value =
			x->field.space == SL_SPACE_REQ ? sl_field_get(&x->field, b->cmd.req) : 0;

		if (value || strcmp(x->name, "opcode") == 0)
			sl_html_text(f, "%s%s=%" PRIX64 "h", n++ ? ", " : "", x->name, value);
	}
	sl_html_text(f, ". %s queue, %u bytes %s.",
		     b->cmd.set == SL_SET_NVME_ADMIN ? "Admin" : "I/O", b->cmd.data_len,
		     b->cmd.dir == SL_DIR_OUT  ? "to the device"
		     : b->cmd.dir == SL_DIR_IN ? "to the host"
					       : "of data");
	sl_html_put(f, "</p>\n");
}

static void hex_cell(FILE *f, const uint8_t *a, const uint8_t *b, uint32_t n, const char *tag)
{
	bool in = false;

	sl_html_put(f, "<td>");
	for (uint32_t i = 0; i < LINE; i++) {
		bool differs = i < n && a[i] != b[i];

		if (in && !differs) {
			sl_html_put(f, "</");
			sl_html_put(f, tag);
			sl_html_put(f, ">");
		}
		if (i && i < n)
			sl_html_put(f, " ");
		if (!in && differs) {
			sl_html_put(f, "<");
			sl_html_put(f, tag);
			sl_html_put(f, ">");
		}
		in = differs;
		if (i < n)
			sl_html_text(f, "%02x", a[i]);
	}
	if (in) {
		sl_html_put(f, "</");
		sl_html_put(f, tag);
		sl_html_put(f, ">");
	}
	sl_html_put(f, "</td>");
}

/* The names of what differs in a line. */
static void fields_cell(FILE *f, const struct sl_exhibit *x, uint32_t at, uint32_t n)
{
	char names[FIELDS_MAX][64];
	unsigned count = 0;

	for (uint32_t i = 0; i < n && count < FIELDS_MAX; i++) {
		uint32_t start, len;

		if (x->was[at + i] == x->is[at + i])
			continue;
		(void)sl_exhibit_field(x, x->from + at + i, names[count], &start, &len);
		if (names[count][0] && (!count || strcmp(names[count], names[count - 1]) != 0))
			count++;
	}
	sl_html_put(f, "<td class=f>");
	for (unsigned i = 0; i < count; i++)
		sl_html_text(f, "%s%s", i ? ", " : "", names[i]);
	if (!count)
		sl_html_put(f, "<span class=none>no name</span>");
	sl_html_put(f, "</td>");
}

static void table_head(FILE *f, const struct sl_exhibit *x)
{
	bool stored = x->kind == SL_EXHIBIT_STORED;

	sl_html_put(f, "<div class=scroll tabindex=0 role=region aria-label=\"bytes of ");
	sl_html_text(f, "%s", x->name);
	sl_html_put(f, "\"><table class=diff><caption>");
	sl_html_text(f, "%s", x->name);
	if (x->nsid)
		sl_html_text(f, " of namespace %u", x->nsid);
	sl_html_text(f, " (%s), %u bytes: the lines that differ", sl_facets[x->facet].text, x->of);
	sl_html_put(f, "</caption>\n<thead><tr><th scope=col>Offset<th scope=col>Field"
		       "<th scope=col>");
	sl_html_put(f, stored ? "Written" : "Without it");
	sl_html_put(f, "<th scope=col>");
	sl_html_put(f, stored ? "Read" : "With it");
	sl_html_put(f, "</tr></thead>\n<tbody>");
}

static void bytes(FILE *f, const struct sl_exhibit *x)
{
	unsigned lines = 0, more = 0;

	table_head(f, x);
	if (x->old_result != x->new_result) {
		sl_html_put(f, "<tr><td>DW0</td><td class=f>completion, dword 0</td><td><del>");
		sl_html_text(f, "%08" PRIx64, x->old_result);
		sl_html_put(f, "</del></td><td><ins>");
		sl_html_text(f, "%08" PRIx64, x->new_result);
		sl_html_put(f, "</ins></td></tr>\n");
	}
	for (uint32_t at = 0; at < x->len; at += LINE) {
		uint32_t n = x->len - at < LINE ? x->len - at : LINE;

		if (memcmp(x->was + at, x->is + at, n) == 0)
			continue;
		if (lines++ >= LINES_MAX) {
			more++;
			continue;
		}
		sl_html_put(f, "<tr><td>");
		sl_html_text(f, "%u", x->from + at);
		sl_html_put(f, "</td>");
		fields_cell(f, x, at, n);
		hex_cell(f, x->was + at, x->is + at, n, "del");
		hex_cell(f, x->is + at, x->was + at, n, "ins");
		sl_html_put(f, "</tr>\n");
	}
	sl_html_put(f, "</tbody></table></div>\n");
	if (more) {
		sl_html_put(f, "<p class=dim>… and ");
		sl_html_count(f, more, "more line differs", "more lines differ");
		sl_html_put(f, ".</p>\n");
	}
	if (x->from + x->len < x->of || x->from) {
		sl_html_put(f, "<p class=dim>");
		sl_html_text(f, "Kept of it: bytes %u to %u.", x->from, x->from + x->len - 1);
		sl_html_put(f, "</p>\n");
	}
}

static void evidence(FILE *f, const struct sl_breach *b)
{
	sl_html_put(f, "<h4>What was seen</h4>\n<ul>");
	for (unsigned i = 0; i < b->n_evidence; i++) {
		sl_html_put(f, "<li><strong>");
		sl_html_text(f, "%s", b->evidence[i].where);
		sl_html_put(f, "</strong>: ");
		sl_html_text(f, "%s", b->evidence[i].what);
		if (b->evidence[i].effects) {
			sl_html_put(f, " <span class=dim>(witnesses ");
			sl_html_effects(f, b->evidence[i].effects);
			sl_html_put(f, ")</span>");
		}
		sl_html_put(f, "</li>\n");
	}
	if (b->more) {
		sl_html_put(f, "<li class=dim>… and in ");
		sl_html_count(f, b->more, "more place", "more places");
		sl_html_put(f, "</li>");
	}
	sl_html_put(f, "</ul>\n");
	for (unsigned i = 0; i < b->n_evidence; i++) {
		const struct sl_exhibit *x = b->evidence[i].exhibit;

		if (x && x->old_valid && x->new_valid)
			bytes(f, x);
	}
}

static void term(FILE *f, const char *name)
{
	sl_html_put(f, "<dt>");
	sl_html_put(f, name);
	sl_html_put(f, "</dt><dd>");
}

static void facts(FILE *f, const struct sl_verdicts *v, const struct sl_breach *b)
{
	sl_html_put(f, "<dl>");
	if (b->n_before) {
		term(f, "Only after");
		for (unsigned i = 0; i < b->n_before && i < SL_CULPRITS_MAX; i++) {
			sl_html_put(f, "<code>");
			sl_html_text(f, "%s", b->before[i]);
			sl_html_put(f, "</code><br>");
		}
		if (b->n_before > SL_CULPRITS_MAX)
			sl_html_text(f, "and %u more", b->n_before - SL_CULPRITS_MAX);
		sl_html_put(f, "</dd>");
	}
	if (b->has_cmd) {
		term(f, "Declared");
		sl_html_effects(f, b->declared);
		sl_html_put(f, "</dd>");
		term(f, "By its specification");
		sl_html_effects(f, b->floor);
		sl_html_put(f, "</dd>");
	}
	term(f, "Observed");
	sl_html_effects(f, b->observed);
	sl_html_put(f, "</dd>");
	term(f, "Seen");
	sl_html_text(f, "%s; ", stages[b->stage]);
	sl_html_text(f, "%.2f s and %" PRIu64 " commands after the start, in “%s”", b->at,
		     b->at_command, v->n_phases ? v->phase[b->phase].name : "");
	sl_html_put(f, "</dd>");
	if (b->times > 1) {
		term(f, "Also by");
		sl_html_count(f, b->times - 1, "more form of the command",
			      "more forms of the command");
		sl_html_put(f, "</dd>");
	}
	if (b->note[0]) {
		term(f, "Note");
		sl_html_text(f, "%s", b->note);
		sl_html_put(f, "</dd>");
	}
	sl_html_put(f, "</dl>\n");
}

void sl_html_finding(FILE *f, const struct sl_verdicts *v, const struct sl_breach *b, unsigned nr)
{
	const struct sl_breach_kind *k = &sl_breach_kinds[b->id];

	sl_html_put(f, "<article class=is-");
	sl_html_text(f, "%s id=f%u aria-labelledby=t%u", weights[k->weight], nr, nr);
	sl_html_put(f, ">\n<h3 id=t");
	sl_html_text(f, "%u", nr);
	sl_html_put(f, "><span class=\"badge ");
	sl_html_put(f, weights[k->weight]);
	sl_html_put(f, "\">");
	sl_html_put(f, signs[k->weight]);
	sl_html_put(f, "</span> ");
	sl_html_text(f, "%u. %s: ", nr, k->name);
	sl_html_put(f, "<code>");
	sl_html_text(f, "%s", b->command[0] ? b->command : "the device");
	sl_html_put(f, "</code></h3>\n<p class=first>");
	sl_html_text(f, "%s.", k->text);
	sl_html_put(f, "</p>\n");
	facts(f, v, b);
	evidence(f, b);
	if (b->has_cmd)
		command(f, b);
	sl_html_put(f, "</article>\n");
}
