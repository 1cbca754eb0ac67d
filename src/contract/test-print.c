/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four views against golden files, as text and as JSON. argv: tests/data/contracts and
 * tests/golden/contract. With SL_GOLDEN_UPDATE set it writes the files instead: read the diff.
 */
#undef NDEBUG
#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "contract/gaps.h"
#include "contract/print.h"
#include "wire/wire.h"

static const char *data_dir, *golden_dir;

static struct sl_doc *load(const char *name)
{
	char path[4096];
	struct sl_diag d = {0};
	struct sl_doc *doc;

	if (!name)
		return NULL;
	if (strchr(name, ':')) {
		/* kind:file+kind:file */
		const char *rest = name;
		size_t at = 0;

		while (rest) {
			const char *colon = strchr(rest, ':'), *end = strchr(rest, '+');

			at += (size_t)snprintf(
				path + at, sizeof(path) - at, "%s%.*s%s/%.*s", at ? "," : "",
				(int)(colon - rest + 1), rest, data_dir,
				(int)(end ? (size_t)(end - colon - 1) : strlen(colon + 1)),
				colon + 1);
			rest = end ? end + 1 : NULL;
		}
	} else {
		(void)snprintf(path, sizeof(path), "%s/%s.txt", data_dir, name);
	}
	if (sl_doc_load(path, &doc, &d)) {
		fprintf(stderr, "%s: %s\n", path, d.text);
		abort();
	}
	/* The golden file must not depend on where the tree is. */
	(void)snprintf(doc->name, sizeof(doc->name), strchr(name, ':') ? "%s" : "%s.txt", name);
	return doc;
}

static void view_show(struct sl_emit *e, const struct sl_doc *a, const struct sl_doc *b)
{
	(void)b;
	sl_print_show(e, a);
}

static void view_lint(struct sl_emit *e, const struct sl_doc *a, const struct sl_doc *b)
{
	struct sl_findings f;

	(void)b;
	assert(!sl_lint(a, &f));
	assert(f.n == f.count[0] + f.count[1] + f.count[2]);
	sl_print_lint(e, a, &f);
	sl_findings_done(&f);
}

static void view_diff(struct sl_emit *e, const struct sl_doc *a, const struct sl_doc *b)
{
	assert((sl_print_diff(e, a, b) == 0) == (a == b));
}

static void view_gaps(struct sl_emit *e, const struct sl_doc *a, const struct sl_doc *b)
{
	(void)b;
	sl_print_gaps(e, a);
}

static void view_rules(struct sl_emit *e, const struct sl_doc *a, const struct sl_doc *b)
{
	(void)a;
	(void)b;
	sl_print_rules(e);
}

static const struct {
	const char *golden;
	void (*view)(struct sl_emit *e, const struct sl_doc *a, const struct sl_doc *b);
	const char *a, *b;
} views[] = {
	{"show-p4610", view_show, "dell-p4610", NULL},
	{"show-synthetic", view_show, "synthetic", NULL},
	{"lint-p4510", view_lint, "intel-p4510", NULL},
	{"lint-p4610", view_lint, "dell-p4610", NULL},
	{"lint-unnamed-2018", view_lint, "unnamed-2018", NULL},
	{"lint-nvmet", view_lint, "nvmet-fabrics", NULL},
	{"lint-synthetic", view_lint, "synthetic", NULL},
	{"lint-rules", view_rules, NULL, NULL},
	{"diff-p4510-p4610", view_diff, "intel-p4510", "dell-p4610"},
	{"diff-qemu", view_diff, "qemu-7.2", "qemu-10.0"},
	{"gaps-p4610", view_gaps, "dell-p4610", NULL},
	{"gaps", view_gaps, NULL, NULL},
	{"show-scsi-debug", view_show, "inquiry:scsi-debug-6.1.inquiry+rsoc:scsi-debug-6.1.rsoc",
	 NULL},
	{"show-qemu-cxl", view_show, "cxl-id:qemu-10.0.cxl-id+cel:qemu-10.0.cel", NULL},
	{"lint-tgt", view_lint, "rsoc:tgt-1.0.85.rsoc", NULL},
	{"lint-qemu-cxl", view_lint, "cel:qemu-type3-dcd.cel", NULL},
	{"lint-cxl-test", view_lint, "cel:cxl-test-7.3.cel", NULL},
	{"lint-synthetic-cel", view_lint, "cel:synthetic.cel", NULL},
	{"lint-synthetic-rsoc", view_lint, "rsoc:synthetic.rsoc", NULL},
	{"diff-cxl", view_diff, "cel:qemu-10.0.cel", "cel:qemu-type3-dcd.cel"},
	{"gaps-tgt", view_gaps, "rsoc:tgt-1.0.85.rsoc", NULL},
	{"gaps-cxl", view_gaps, "cel:qemu-10.0.cel", NULL},
};

static char *read_all(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *f = fopen(path, "r");

	assert(text);
	if (f) {
		assert(fread(text, 1, (1 << 20) - 1, f) > 0);
		(void)fclose(f);
	}
	return text;
}

static void compare(const char *name, bool json, const char *text, size_t size)
{
	char path[4096], *want;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s.%s", golden_dir, name, json ? "json" : "txt");
	if (getenv("SL_GOLDEN_UPDATE")) {
		f = fopen(path, "w");
		assert(f && fwrite(text, 1, size, f) == size && !fclose(f));
		return;
	}
	want = read_all(path);
	if (strcmp(text, want) != 0) {
		size_t at = 0, line = 1;

		for (; text[at] && text[at] == want[at]; at++)
			line += text[at] == '\n';
		fprintf(stderr, "%s:%zu differs: %.200s\n", path, line, text + at);
		abort();
	}
	free(want);
}

static void run(unsigned i, bool json)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct sl_emit *e = sl_emit_new(f, json);
	struct sl_doc *a = load(views[i].a), *b = load(views[i].b);

	assert(f && e);
	views[i].view(e, a, b);
	assert(!sl_emit_done(e) && !fclose(f));
	if (json) {
		json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

		assert(root);
		json_decref(root);
	}
	compare(views[i].golden, json, text, size);
	free(text);
	sl_doc_free(a);
	sl_doc_free(b);
}

/* A contract is equal to itself. */
static void test_self(void)
{
	struct sl_doc *d = load("synthetic");
	FILE *f = fopen("/dev/null", "w");
	struct sl_emit *e = sl_emit_new(f, false);

	assert(f && e && sl_print_diff(e, d, d) == 0);
	assert(!sl_emit_done(e) && !fclose(f));
	sl_doc_free(d);
}

/* Each rule finds something in one of the listings above or in the tests of doc: none is dead. */
static void test_rules_live(void)
{
	static const char *const files[] = {
		"synthetic",  "unnamed-2018", "intel-p4510",	   "nvmet-fabrics",
		"dell-p4610", "qemu-all",     "cel:synthetic.cel", "rsoc:synthetic.rsoc"};
	unsigned seen = 1u << SL_LINT_ID_NO_CONTRACT | 1u << SL_LINT_ID_FLAW;

	for (unsigned i = 0; i < SL_COUNT(files); i++) {
		struct sl_doc *d = load(files[i]);
		struct sl_findings f;

		/* What only a reading can find, as a reading would note it. */
		if (!i)
			d->flaws |= 1u << SL_FLAW_REFUSED | 1u << SL_FLAW_LOST;
		assert(!sl_lint(d, &f));
		if (!i)
			assert(f.v[0].id == SL_LINT_ID_NO_CONTRACT && f.count[SL_LINT_WARNING] > 0);
		for (size_t k = 0; k < f.n; k++)
			seen |= 1u << f.v[k].id;
		sl_findings_done(&f);
		sl_doc_free(d);
	}
	assert(seen == (1u << _SL_LINT_ID_N) - 1);
}

/* Every row, looked at on its own: gaps leaves out none and makes none up. */
static void test_gaps_complete(void)
{
	static const sl_effects cxl = SL_E_CONFIG_RESET | SL_E_CONFIG | SL_E_DATA | SL_E_POLICY |
				      SL_E_LOG | SL_E_SECURITY | SL_E_BACKGROUND;
	static const sl_effects words[_SL_WIRE_PROTOCOL_N] = {
		[SL_WIRE_NVME] = SL_E_DATA | SL_E_CAPABILITY | SL_E_INVENTORY,
		[SL_WIRE_CXL] = cxl,
		[SL_WIRE_FWCTL] = cxl,
	};
	struct sl_gap g;
	uint16_t at = 0;
	unsigned known = 0;
	bool more = sl_gap_next(NULL, &at, &g);

	for (uint16_t row = 0; row < sl_row_count; row++) {
		const struct sl_row *r = &sl_rows[row];
		bool told = r->set != SL_SET_FWCTL_MLX5 && r->set != SL_SET_FWCTL_BNXT;
		sl_effects can = r->floor, bits = told ? words[sl_sets[r->set].protocol] : 0;
		bool other = false;

		if (r->flags & (SL_ROW_VENDOR | SL_ROW_UNLISTED)) {
			assert(!more || g.row != row);
			continue;
		}
		known++;
		for (uint32_t i = 0; i < sl_whens[r->when].n; i++)
			can |= sl_whens[r->when].when[i].effects;
		can &= ~(sl_effects)SL_E_UNKNOWN;
		for (uint16_t k = 0; k < sl_row_count; k++)
			if (r->parent != row && r->decl != 0x09 && !(r->flags & SL_ROW_SELECTOR) &&
			    sl_rows[k].parent == r->parent && sl_row_is_known(k))
				other |= ((sl_row_full_floor(k) ^ can) & bits) != 0;
		if (!(can & ~bits) && !other) {
			assert(!more || g.row != row);
			continue;
		}
		assert(more && g.row == row && g.floor == can && g.missing == (can & ~bits));
		assert(g.shared == other && (g.when & ~g.missing) == 0);
		more = sl_gap_next(NULL, &at, &g);
	}
	assert(!more && known > 150);
}

int main(int argc, char **argv)
{
	assert(argc == 3);
	data_dir = argv[1];
	golden_dir = argv[2];
	for (unsigned i = 0; i < SL_COUNT(views); i++) {
		run(i, false);
		run(i, true);
	}
	test_self();
	test_rules_live();
	test_gaps_complete();
	return 0;
}
