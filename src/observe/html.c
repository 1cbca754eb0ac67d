/* SPDX-License-Identifier: Apache-2.0 */
/* The page: verdict, findings, matrix, timeline, coverage, and what all that is worth. */
#include "observe/html.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/table.h"
#include "observe/tally.h"
#include "spec/names.h"

#define MARK_WIDTH 2.5 /* per cent of the timeline: a number in it */

static bool cut(const struct sl_verdicts *v)
{
	for (unsigned i = 0; i < v->n_phases; i++)
		if (v->phase[i].cut)
			return true;
	return false;
}

static void head(FILE *f, const struct sl_verdicts *v)
{
	sl_html_put(f, "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
		       "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
		       /* Nothing is fetched and nothing runs, whatever a device calls itself. */
		       "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
		       "style-src 'unsafe-inline'\">\n<meta name=referrer content=no-referrer>\n"
		       "<title>");
	sl_html_text(f, "%s: declared and observed", v->doc->contract.model);
	sl_html_put(f, "</title>\n<style>\n");
	sl_html_put(f, sl_html_style);
	sl_html_put(f, "</style>\n</head>\n<body>\n<header>\n<h1>");
	sl_html_text(f, "%s: what it declares, and what it did", v->doc->contract.model);
	sl_html_put(f, "</h1>\n");
}

static void term(FILE *f, const char *name)
{
	sl_html_put(f, "<dt>");
	sl_html_put(f, name);
	sl_html_put(f, "</dt><dd>");
}

static void identity(FILE *f, const struct sl_verdicts *v, const struct sl_report_about *about)
{
	const struct sl_contract *c = &v->doc->contract;
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&about->when, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &tm);
	sl_html_put(f, "<dl>");
	term(f, "Device");
	sl_html_text(f, "%s, serial number %s, firmware %s", c->model, c->serial, c->firmware);
	sl_html_put(f, "</dd>");
	term(f, "Reached as");
	sl_html_put(f, "<code>");
	sl_html_text(f, "%s", about->spec);
	sl_html_put(f, "</code></dd>");
	term(f, "Sent");
	sl_html_text(f, "%" PRIu64 " commands in %.1f s: %zu forms, of which the device knows %zu",
		     v->commands, v->seconds, v->n_cases, v->n_cases - v->n_refused);
	sl_html_put(f, "</dd>");
	term(f, "Asked for");
	sl_html_text(
		f, "%s; sample key %" PRIu64,
		about->options->perturb
			? "canonical commands, and perturbed ones (reserved bits, fields, blocks, "
			  "payloads)"
			: "canonical commands only",
		about->options->key);
	sl_html_put(f, "</dd>");
	term(f, "When, by what");
	sl_html_text(f, "%s, sluice %s", when, about->version);
	sl_html_put(f, "</dd></dl>\n");
}

static void verdict(FILE *f, const struct sl_verdicts *v)
{
	unsigned n = v->count[SL_WEIGHT_CAUGHT], m = v->count[SL_WEIGHT_UNATTRIBUTED];

	sl_html_put(f, n   ? "<div class=\"verdict caught\"><strong>✗ "
		       : m ? "<div class=\"verdict unattributed\"><strong>? "
			   : "<div class=\"verdict good\"><strong>✓ ");
	if (n)
		sl_html_count(f, n, "contradiction", "contradictions");
	else
		sl_html_put(f, "No contradiction was seen");
	sl_html_put(f, "</strong>");
	if (m) {
		sl_html_put(f, ", ");
		sl_html_count(f, m, "change that may be somebody else’s",
			      "changes that may be somebody else’s");
	}
	if (v->count[SL_WEIGHT_NOTE]) {
		sl_html_put(f, ", ");
		sl_html_count(f, v->count[SL_WEIGHT_NOTE], "note", "notes");
	}
	sl_html_put(f, "<p>");
	sl_html_put(f, n ? "The device did what neither its declaration nor its specification "
			   "admits, or left out what it should have declared."
			 : "None of what was sent did anything that the device does not declare, "
			   "as far as anything that was read can show.");
	if (cut(v))
		sl_html_put(f, " A budget ended parts of the verification before their end.");
	if (v->ended[0])
		sl_html_text(f, " It ended early: %s.", v->ended);
	sl_html_put(f, "</p></div>\n");
}

static void claim(FILE *f, const struct sl_verdicts *v)
{
	sl_html_put(
		f,
		"<section id=worth><h2>What this is worth</h2>\n<ul>\n"
		"<li><strong>Caught</strong> means: it was seen. The command is named, its bytes "
		"are here, and what changed.</li>\n"
		"<li><strong>Nothing caught</strong> never means that there is no lie: only that "
		"nothing of what was sent did it where it shows in something that was read. A "
		"trigger of <i>k</i> unknown bits is met by chance once in 2<sup><i>k</i></sup> "
		"tries.</li>\n"
		"<li><strong>Unattributed</strong> means: it changed, and it may have been another "
		"host, the kernel, a management controller. Nothing is held against the device "
		"for it.</li>\n"
		"<li>A lamp, a motor, a radio, and a device that lies in every answer alike, are "
		"seen by nothing that talks to the device itself.</li>\n");
	if (!v->declares)
		sl_html_put(f, "<li><strong>This device publishes no contract.</strong> It was "
			       "held against its specification alone.</li>\n");
	sl_html_put(f, "</ul></section>\n");
}

/* The finding that findings() shows under a number. */
static const struct sl_breach *numbered(const struct sl_verdicts *v, unsigned nr)
{
	for (int w = SL_WEIGHT_CAUGHT; w >= SL_WEIGHT_NOTE; w--)
		for (size_t i = 0; i < v->n; i++)
			if (sl_breach_kinds[v->v[i].id].weight == w && --nr == 0)
				return &v->v[i];
	return NULL;
}

static void findings(FILE *f, const struct sl_verdicts *v)
{
	sl_html_put(f, "<section id=findings><h2>Findings</h2>\n");
	if (!v->n)
		sl_html_put(f, "<p>None.</p>\n");
	for (unsigned nr = 1; nr <= v->n; nr++)
		sl_html_finding(f, v, numbered(v, nr), nr);
	sl_html_put(f, "</section>\n");
}

/* What a row of the matrix has to say: the higher, the further up. */
static unsigned weight(const struct sl_tally *t)
{
	if (t->against)
		return 2;
	return ((t->declared | t->floor | t->seen) & ~(sl_effects)SL_E_REVEALS) ? 1 : 0;
}

static void cell(FILE *f, const struct sl_tally *t, unsigned bit)
{
	bool d = t->declared >> bit & 1, s = t->floor >> bit & 1, o = t->seen >> bit & 1,
	     bad = t->against >> bit & 1;

	sl_html_put(f, bad ? "<td class=bad>" : "<td>");
	if (bad)
		sl_html_put(f, "✗ ");
	sl_html_put(f, d ? "D" : "");
	sl_html_put(f, s ? "S" : "");
	sl_html_put(f, o || bad ? "<b>O</b>" : "");
	if (d || s || o || bad) {
		sl_html_put(f, "<span class=sr>");
		sl_html_text(f, " %s%s%s%s", bad ? "contradiction: " : "", d ? "declared " : "",
			     s ? "by specification " : "", o || bad ? "observed" : "");
		sl_html_put(f, "</span>");
	}
	sl_html_put(f, "</td>");
}

static void row(FILE *f, const struct sl_tally *t, sl_effects columns)
{
	sl_html_put(f, "<tr><th scope=row><code>");
	sl_html_text(f, "%s", t->name);
	sl_html_put(f, "</code></th>");
	for (unsigned i = 0; i < _SL_EFFECT_N; i++)
		if (columns >> i & 1)
			cell(f, t, i);
	sl_html_put(f, "<td class=n>");
	if (t->done)
		sl_html_text(f, "%u of %u", t->done, t->forms);
	else if (t->unknown == t->forms)
		sl_html_put(f, "unknown");
	else if (t->status == 0xffff)
		sl_html_put(f, "no answer");
	else if (t->status)
		sl_html_text(f, "refused, %Xh", t->status);
	else
		sl_html_put(f, "not sent");
	sl_html_put(f, "</td></tr>\n");
}

static void legend(FILE *f)
{
	sl_html_put(f, "<p><span class=key>D</span>the device declares it "
		       "<span class=key>S</span>the specification says so "
		       "<span class=key><b>O</b></span>it was observed "
		       "<span class=\"key bad\">✗ <b>O</b></span>observed, and contradicts the "
		       "declaration</p>\n<p class=dim>Observed are effects that show in something "
		       "that is read: that a command takes long, works on in the background, "
		       "carries another or reveals something does not. Last column: forms carried "
		       "out, of those tried.</p>\n");
}

static void matrix(FILE *f, const struct sl_verdicts *v)
{
	sl_effects columns = SL_E_NONE;
	unsigned n = 0;

	for (size_t i = 0; i < v->n_tallies; i++)
		if (weight(&v->tally[i]) && (v->tally[i].done || v->tally[i].listed))
			columns |= v->tally[i].declared | v->tally[i].floor | v->tally[i].seen |
				   v->tally[i].against;
	sl_html_put(f, "<section id=matrix><h2>Commands and effects</h2>\n");
	legend(f);
	sl_html_put(f, "<div class=scroll tabindex=0 role=region aria-label=\"commands and "
		       "effects\"><table class=matrix>\n<thead><tr><th scope=col>Command</th>");
	for (unsigned i = 0; i < _SL_EFFECT_N; i++)
		if (columns >> i & 1) {
			sl_html_put(f, "<th scope=col class=e>");
			sl_html_text(f, "%s", sl_effect_name(i));
			sl_html_put(f, "</th>");
		}
	sl_html_put(f, "<th scope=col class=n>Forms</th></tr></thead>\n<tbody>");
	for (int w = 2; w > 0; w--)
		for (size_t i = 0; i < v->n_tallies; i++)
			if (weight(&v->tally[i]) == (unsigned)w &&
			    (v->tally[i].done || v->tally[i].listed))
				row(f, &v->tally[i], columns);
	sl_html_put(f, "</tbody></table></div>\n<p>");
	for (size_t i = 0; i < v->n_tallies; i++) {
		const struct sl_tally *t = &v->tally[i];

		if (weight(t) || !t->done)
			continue;
		sl_html_put(f, n++ ? ", <code>"
				   : "Carried out, with no effect declared, "
				     "specified or seen: <code>");
		sl_html_text(f, "%s", t->name);
		sl_html_put(f, "</code>");
	}
	sl_html_put(f, n ? ".</p>\n</section>\n" : "</p>\n</section>\n");
}

static void timeline(FILE *f, const struct sl_verdicts *v)
{
	double all = v->seconds > 0.001 ? v->seconds : 0.001;

	sl_html_put(f, "<section id=timeline><h2>Timeline</h2>\n<div class=scroll tabindex=0 "
		       "role=region aria-label=timeline><table class=time><thead><tr>"
		       "<th scope=col>What was tried<th scope=col>When; findings by number"
		       "<th scope=col class=n>Commands<th scope=col class=n>Seconds"
		       "</tr></thead>\n<tbody>");
	for (unsigned i = 0; i < v->n_phases; i++) {
		const struct sl_phase_count *p = &v->phase[i];
		double left = 0;

		sl_html_put(f, "<tr><th scope=row>");
		sl_html_text(f, "%s%s", p->name, p->cut ? " — cut by the budget" : "");
		sl_html_put(f, "</th><td class=bar><div class=lane><i style=\"");
		sl_html_text(f, "left:%.2f%%;width:%.2f%%", 100 * p->start / all,
			     100 * p->seconds / all);
		sl_html_put(f, "\"></i>");
		for (unsigned nr = 1; nr <= v->n; nr++) {
			const struct sl_breach *b = numbered(v, nr);

			if (b->phase != i)
				continue;
			/* Beside each other, where they would lie upon each other. */
			left = 100 * b->at / all > left ? 100 * b->at / all : left;
			sl_html_put(f, "<a style=\"");
			sl_html_text(f, "left:%.2f%%", left > 97 ? 97 : left);
			left += MARK_WIDTH;
			sl_html_put(f, "\" href=#f");
			sl_html_text(f, "%u", nr);
			sl_html_put(f, "><span class=sr>finding </span>");
			sl_html_text(f, "%u", nr);
			sl_html_put(f, "</a>");
		}
		sl_html_put(f, "</div></td><td class=n>");
		sl_html_text(f, "%" PRIu64, p->commands);
		sl_html_put(f, "</td><td class=n>");
		sl_html_text(f, "%.2f", p->seconds);
		sl_html_put(f, "</td></tr>\n");
	}
	sl_html_put(f, "</tbody></table></div>\n");
	if (v->n_undone)
		sl_html_put(f, "<h3>Not done</h3>\n<ul>");
	for (unsigned i = 0; i < v->n_undone; i++) {
		sl_html_put(f, "<li><code>");
		sl_html_text(f, "%s", v->undone[i].what);
		sl_html_put(f, "</code>: ");
		sl_html_text(f, "%s", v->undone[i].why);
		sl_html_put(f, "</li>\n");
	}
	sl_html_put(f, v->n_undone ? "</ul></section>\n" : "</section>\n");
}

static void gaps(FILE *f, const struct sl_verdicts *v)
{
	bool *told = calloc(v->n_gaps + 1, sizeof(*told));

	sl_html_put(f, "<h3>Entries of its declaration</h3>\n<p>");
	sl_html_text(f, "%u of %u were carried out in at least one form.", v->covered, v->entries);
	sl_html_put(f, "</p>\n");
	if (told && v->n_gaps)
		sl_html_put(f, "<ul>");
	for (size_t i = 0; told && i < v->n_gaps; i++) {
		unsigned n = 0;

		if (told[i])
			continue;
		sl_html_put(f, "<li>");
		for (size_t k = i; k < v->n_gaps; k++)
			if (strcmp(v->gap[k].why, v->gap[i].why) == 0) {
				told[k] = true;
				sl_html_put(f, n++ ? ", <code>" : "<code>");
				sl_html_text(f, "%s", v->gap[k].what);
				sl_html_put(f, "</code>");
			}
		sl_html_text(f, ": %s", v->gap[i].why);
		sl_html_put(f, "</li>\n");
	}
	if (told && v->n_gaps)
		sl_html_put(f, "</ul>\n");
	free(told);
}

static void field_count(FILE *f, unsigned n, unsigned of, const char *text)
{
	if (!n)
		return;
	sl_html_put(f, "<li>");
	sl_html_text(f, "%u of %u %s", n, of, text);
	sl_html_put(f, "</li>\n");
}

static void fields(FILE *f, const struct sl_verdicts *v)
{
	struct sl_field_count c;

	sl_tally_fields(v, &c);
	sl_html_put(f, "<h3>Fields of commands</h3>\n<ul>");
	field_count(f, c.turned, c.all, "had their bits turned, one by one");
	field_count(f, c.fixed, c.all,
		    "say how much or which, and kept their value: with another it is another "
		    "command");
	field_count(f, c.refused, c.all,
		    "belong to commands that the device carried out in no form");
	field_count(f, c.caught, c.all, "belong to commands that were caught before");
	field_count(f, c.waiting, c.all, "were not asked for, or a budget ended it");
	if (v->blocks_of) {
		sl_html_put(f, "<li>");
		sl_html_text(f,
			     "blocks: %" PRIu64 " written or read one by one, of %" PRIu64
			     " ways to do so",
			     v->blocks_tried, v->blocks_of);
		sl_html_put(f, "</li>\n");
	}
	sl_html_put(f, "</ul>\n");
}

static void facets(FILE *f, const struct sl_verdicts *v)
{
	sl_html_put(f, "<h3>What was read</h3>\n<div class=scroll tabindex=0 role=region "
		       "aria-label=\"what was read\"><table><thead><tr><th scope=col>What"
		       "<th scope=col>Witnesses<th scope=col class=n>Values</tr></thead>\n<tbody>");
	for (unsigned i = 0; i < _SL_FACET_N; i++) {
		if (i == SL_FACET_HASH || !sl_facet_of(i, v->protocol))
			continue;
		sl_html_put(f, "<tr><td>");
		sl_html_text(f, "%s", sl_facets[i].text);
		sl_html_put(f, "</td><td>");
		sl_html_effects(f, sl_facets[i].effects);
		sl_html_put(f, "</td><td class=n>");
		if (v->facets[i])
			sl_html_text(f, "%u", v->facets[i]);
		else
			sl_html_put(f, "<span class=none>the device offers none</span>");
		sl_html_put(f, "</td></tr>\n");
	}
	sl_html_put(f, "</tbody></table></div>\n");
	if (v->n_masked) {
		sl_html_put(f, "<p>");
		sl_html_text(
			f,
			"%zu bytes were left out of every comparison, because they moved while "
			"nothing was sent.",
			v->n_masked);
		sl_html_put(f, "</p>\n");
	}
}

static void unseen(FILE *f, const struct sl_verdicts *v)
{
	unsigned n = 0;

	for (size_t i = 0; i < v->n_tallies; i++) {
		sl_effects e = sl_tally_unseen(v, &v->tally[i]);

		if (!e)
			continue;
		sl_html_put(f,
			    n++ ? "<li><code>"
				: "<h3>Declared and never seen</h3>\n<p>The command was carried "
				  "out, and nothing that is read changed with it. No "
				  "contradiction: it may need another state.</p>\n<ul><li><code>");
		sl_html_text(f, "%s", v->tally[i].name);
		sl_html_put(f, "</code>: ");
		sl_html_effects(f, e);
		sl_html_put(f, "</li>\n");
	}
	sl_html_put(f, n ? "</ul>\n" : "");
	n = 0;
	for (size_t i = 0; i < v->n_tallies; i++) {
		const struct sl_tally *t = &v->tally[i];

		if (!sl_tally_stalls(t))
			continue;
		sl_html_put(f, n++ ? "<li><code>"
				   : "<h3>Unusually slow once</h3>\n<p>A hint, never a "
				     "finding.</p>\n<ul><li><code>");
		sl_html_text(f, "%s", t->name);
		sl_html_put(f, "</code>: ");
		sl_html_text(f, "%u ms at most, %.1f ms on average", t->ms_max,
			     (double)t->ms / (double)t->sent);
		sl_html_put(f, "</li>\n");
	}
	sl_html_put(f, n ? "</ul>\n" : "");
}

int sl_report_html(FILE *f, const struct sl_verdicts *v, const struct sl_report_about *about)
{
	errno = 0;
	head(f, v);
	identity(f, v, about);
	verdict(f, v);
	sl_html_put(f, "<nav aria-label=parts><ul><li><a href=#findings>Findings</a><li><a "
		       "href=#matrix>Commands and effects</a><li><a href=#timeline>Timeline</a>"
		       "<li><a href=#coverage>Coverage</a><li><a href=#worth>What this is "
		       "worth</a></ul></nav>\n</header>\n<main>\n");
	findings(f, v);
	matrix(f, v);
	timeline(f, v);
	sl_html_put(f, "<section id=coverage><h2>Coverage</h2>\n");
	gaps(f, v);
	fields(f, v);
	unseen(f, v);
	facets(f, v);
	sl_html_put(f, "</section>\n");
	claim(f, v);
	sl_html_put(f, "</main>\n<footer>Made by <code>sluice verify</code>. All numbers are of "
		       "one run.</footer>\n</body>\n</html>\n");
	if (fflush(f) || ferror(f))
		return errno ? -errno : -EIO;
	return 0;
}
