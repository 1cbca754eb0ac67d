/* SPDX-License-Identifier: Apache-2.0 */
/* What a device says of itself is text in the page, whatever it is; tests/verify/page has the rest.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "observe/html.h"

static void expect(const char *in, const char *out)
{
	char *buf;
	size_t size;
	FILE *f = open_memstream(&buf, &size);

	assert(f);
	sl_html_text(f, "%s", in);
	assert(fclose(f) == 0);
	if (strcmp(buf, out) != 0)
		fprintf(stderr, "%s: %s, not %s\n", in, buf, out);
	assert(strcmp(buf, out) == 0);
	free(buf);
}

/* A page with everything that a device chooses in it. */
static char *page(const char *hostile)
{
	const struct sl_verify_options o = {0};
	const struct sl_report_about about = {
		.version = "1", .spec = hostile, .when = 0, .options = &o};
	struct sl_breach *b = calloc(1, sizeof(*b));
	struct sl_exhibit *x = calloc(1, sizeof(*x));
	struct sl_tally *t = calloc(1, sizeof(*t));
	struct sl_gap *g = calloc(1, sizeof(*g));
	struct sl_verdicts v = {.n = 1, .n_tallies = 1, .n_gaps = 1, .n_phases = 1};
	char *buf;
	size_t size;
	FILE *f = open_memstream(&buf, &size);

	assert(f && b && x && t && g);
	v.doc = calloc(1, sizeof(*v.doc));
	assert(v.doc);
	v.v = b;
	v.tally = t;
	v.gap = g;
	v.phase[0].name = hostile;
	v.count[SL_WEIGHT_CAUGHT] = 1;
	snprintf(v.doc->contract.model, sizeof(v.doc->contract.model), "%s", hostile);
	snprintf(v.doc->contract.serial, sizeof(v.doc->contract.serial), "%s", hostile);
	snprintf(v.doc->contract.firmware, sizeof(v.doc->contract.firmware), "%s", hostile);
	snprintf(b->command, sizeof(b->command), "%s", hostile);
	snprintf(b->note, sizeof(b->note), "%s", hostile);
	snprintf(b->before[0], sizeof(b->before[0]), "%s", hostile);
	snprintf(b->evidence[0].where, sizeof(b->evidence[0].where), "%s", hostile);
	snprintf(b->evidence[0].what, sizeof(b->evidence[0].what), "%s", hostile);
	snprintf(x->name, sizeof(x->name), "%s", hostile);
	snprintf(t->name, sizeof(t->name), "%s", hostile);
	snprintf(g->what, sizeof(g->what), "%s", hostile);
	snprintf(g->why, sizeof(g->why), "%s", hostile);
	b->id = SL_BREACH_UNDECLARED;
	b->n_before = b->n_evidence = 1;
	b->evidence[0].exhibit = x;
	x->old_valid = x->new_valid = true;
	x->of = x->len = 16;
	x->is[3] = 0xab;
	t->done = t->forms = 1;
	assert(sl_report_html(f, &v, &about) == 0);
	assert(fclose(f) == 0);
	free(x);
	free(b);
	free(t);
	free(g);
	free(v.doc);
	return buf;
}

int main(void)
{
	static const char *const hostile[] = {"<script>x", "</title><x>", "\"><x>", "'><x y='"};
	FILE *full = fopen("/dev/full", "w");
	struct sl_verdicts v = {0};
	const struct sl_verify_options o = {0};
	const struct sl_report_about about = {.version = "1", .spec = "x", .options = &o};

	expect("plain", "plain");
	expect("<script>&'\"", "&lt;script&gt;&amp;&#39;&quot;");
	/* A control, one that turns the line's direction, and a byte that is no UTF-8. */
	expect("a\x01\n", "a\\u0001\\u000a");
	expect("\xe2\x80\xae", "\\u202e");
	expect("\xff", "\xef\xbf\xbd");
	expect("caf\xc3\xa9", "caf\xc3\xa9");
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		char *p = page(hostile[i]);

		assert(!strstr(p, "<script") && !strstr(p, "<x") && !strstr(p, " y='"));
		assert(strstr(p, "&lt;") && strstr(p, "<ins>ab</ins>") &&
		       strstr(p, "<del>00</del>"));
		free(p);
	}
	/* A page that could not be written is not one. */
	v.doc = calloc(1, sizeof(*v.doc));
	assert(full && v.doc);
	assert(sl_report_html(full, &v, &about) == -ENOSPC);
	(void)fclose(full);
	free(v.doc);
	return 0;
}
