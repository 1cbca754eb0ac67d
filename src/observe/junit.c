/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a verification found, for whatever collects the results of tests: a command is a test case.
 * It fails where the device contradicts its declaration, and is skipped where it was not carried
 * out.
 */
#include "observe/junit.h"

#include <errno.h>
#include <string.h>

#include "core/table.h"
#include "observe/html.h" /* what is text in a page is text in XML */

static bool is_of(const struct sl_breach *b, const struct sl_tally *t)
{
	uint16_t row;

	if (!t || !b->has_cmd)
		return !t && !b->has_cmd;
	row = sl_row_find(b->cmd.set, b->cmd.req);
	if (row != t->row)
		return false;
	return sl_rows[row].op_lo == sl_rows[row].op_hi || b->cmd.req[0] == t->opcode;
}

static void say(FILE *f, const struct sl_breach *b)
{
	sl_html_text(f, "%s", b->command[0] ? b->command : "the device");
	sl_html_put(f, ": ");
	sl_html_text(f, "%s", sl_breach_kinds[b->id].text);
	sl_html_put(f, "\n");
	for (unsigned i = 0; i < b->n_before && i < SL_CULPRITS_MAX; i++) {
		sl_html_text(f, "    only after: %s", b->before[i]);
		sl_html_put(f, "\n");
	}
	for (unsigned i = 0; i < b->n_evidence; i++) {
		sl_html_text(f, "    %s: %s", b->evidence[i].where, b->evidence[i].what);
		sl_html_put(f, "\n");
	}
	if (b->note[0]) {
		sl_html_text(f, "    %s", b->note);
		sl_html_put(f, "\n");
	}
}

/* The findings of one weight on a command, or on none, as one element. Returns how many. */
static unsigned element(FILE *f, const struct sl_verdicts *v, const struct sl_tally *t,
			unsigned weight, const char *name)
{
	unsigned n = 0;

	for (size_t i = 0; i < v->n; i++) {
		const struct sl_breach *b = &v->v[i];

		if (sl_breach_kinds[b->id].weight != weight || !is_of(b, t))
			continue;
		if (!n++) {
			sl_html_put(f, "      <");
			sl_html_put(f, name);
			if (weight == SL_WEIGHT_CAUGHT) {
				sl_html_put(f, " type=\"");
				sl_html_text(f, "%s", sl_breach_kinds[b->id].name);
				sl_html_put(f, "\" message=\"");
				sl_html_text(f, "%s", sl_breach_kinds[b->id].text);
				sl_html_put(f, "\"");
			}
			sl_html_put(f, ">");
		}
		say(f, b);
	}
	if (n) {
		sl_html_put(f, "</");
		sl_html_put(f, name);
		sl_html_put(f, ">\n");
	}
	return n;
}

static void skipped(FILE *f, const struct sl_tally *t)
{
	sl_html_put(f, "      <skipped message=\"");
	if (t->status == 0xffff)
		sl_html_put(f, "the device did not answer");
	else if (t->status)
		sl_html_text(f, "the device carried out no form of it, the last with status %Xh",
			     t->status);
	else
		sl_html_put(f, "it was not its turn before the verification ended");
	sl_html_put(f, "\"/>\n");
}

/* `t` NULL: what no command is to blame for. */
static void test_case(FILE *f, const struct sl_verdicts *v, const struct sl_tally *t)
{
	unsigned n;

	sl_html_put(f, "    <testcase classname=\"sluice.verify\" name=\"");
	sl_html_text(f, "%s", t ? t->name : "the device by itself");
	sl_html_put(f, "\" time=\"");
	sl_html_text(f, "%.3f", t ? (double)t->ms / 1000 : v->seconds);
	sl_html_put(f, "\">\n");
	n = element(f, v, t, SL_WEIGHT_CAUGHT, "failure");
	if (t && !n && !t->done)
		skipped(f, t);
	(void)element(f, v, t, SL_WEIGHT_UNATTRIBUTED, "system-out");
	(void)element(f, v, t, SL_WEIGHT_NOTE, "system-err");
	sl_html_put(f, "    </testcase>\n");
}

static bool fails(const struct sl_verdicts *v, const struct sl_tally *t)
{
	for (size_t i = 0; i < v->n; i++)
		if (sl_breach_kinds[v->v[i].id].weight == SL_WEIGHT_CAUGHT && is_of(&v->v[i], t))
			return true;
	return false;
}

static void property(FILE *f, const char *name, const char *value)
{
	sl_html_put(f, "      <property name=\"");
	sl_html_put(f, name);
	sl_html_put(f, "\" value=\"");
	sl_html_text(f, "%s", value);
	sl_html_put(f, "\"/>\n");
}

int sl_report_junit(FILE *f, const struct sl_verdicts *v, const struct sl_report_about *about)
{
	unsigned failures = fails(v, NULL), skips = 0;

	errno = 0;
	for (size_t i = 0; i < v->n_tallies; i++) {
		bool bad = fails(v, &v->tally[i]);

		failures += bad;
		skips += !bad && !v->tally[i].done;
	}
	sl_html_put(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		       "  <testsuite name=\"");
	sl_html_text(f, "%s", about->spec);
	sl_html_put(f, "\" tests=\"");
	sl_html_text(f, "%zu", v->n_tallies + 1);
	sl_html_put(f, "\" failures=\"");
	sl_html_text(f, "%u", failures);
	sl_html_put(f, "\" errors=\"0\" skipped=\"");
	sl_html_text(f, "%u", skips);
	sl_html_put(f, "\" time=\"");
	sl_html_text(f, "%.3f", v->seconds);
	sl_html_put(f, "\">\n    <properties>\n");
	property(f, "model", v->doc->contract.model);
	property(f, "firmware", v->doc->contract.firmware);
	property(f, "sluice", about->version);
	sl_html_put(f, "    </properties>\n");
	test_case(f, v, NULL);
	for (size_t i = 0; i < v->n_tallies; i++)
		test_case(f, v, &v->tally[i]);
	sl_html_put(f, "  </testsuite>\n</testsuites>\n");
	if (fflush(f) || ferror(f))
		return errno ? -errno : -EIO;
	return 0;
}
