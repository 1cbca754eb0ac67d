/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice verify diff OLD NEW`: two reports or evidence bundles, of two firmwares: what the device
 * declares, what was seen, and which findings came and went.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/verify.h"

#define LIST_MAX 256

/* The report in a file: all of it, or what a bundle holds of it. The caller's to decref. */
static json_t *load(const char *path, struct sl_diag *d)
{
	json_error_t e;
	json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &e), *report;

	if (!json) {
		sl_diag_set(d, -1, path, e.line > 0 ? (unsigned)e.line : 0,
			    e.column > 0 ? (unsigned)e.column : 0, "%s", e.text);
		return NULL;
	}
	report = json_object_get(json, "report");
	report = json_incref(report ? report : json);
	json_decref(json);
	if (json_is_array(json_object_get(report, "commands_seen")) &&
	    json_is_array(json_object_get(report, "findings")))
		return report;
	json_decref(report);
	sl_diag_set(d, -1, path, 0, 0,
		    "it is neither a report (verify --json) nor evidence (verify --bundle)");
	return NULL;
}

static const char *string(const json_t *json, const char *key)
{
	const char *s = json_string_value(json_object_get(json, key));

	return s ? s : "";
}

static bool has(const json_t *list, const json_t *word)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), word))
			return true;
	return false;
}

static bool same_list(const json_t *a, const json_t *b)
{
	for (size_t i = 0; i < json_array_size(a); i++)
		if (!has(b, json_array_get(a, i)))
			return false;
	return json_array_size(a) == json_array_size(b);
}

static const char *words(const json_t *list, char buf[LIST_MAX])
{
	size_t at = 0;

	buf[0] = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (s && at < LIST_MAX)
			at += (size_t)snprintf(buf + at, LIST_MAX - at, "%s%s", at ? ", " : "", s);
	}
	return buf[0] ? buf : "nothing";
}

/* The element of an array whose members `keys` are those of `like`; NULL. */
static const json_t *find(const json_t *array, const json_t *like, const char *const *keys)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *x = json_array_get(array, i);
		bool good = true;

		for (unsigned k = 0; keys[k]; k++)
			good &= strcmp(string(x, keys[k]), string(like, keys[k])) == 0;
		if (good)
			return x;
	}
	return NULL;
}

struct rows {
	struct sl_emit *e;
	unsigned n;
};

static void row(struct rows *r, const char *command, const char *what, const char *was,
		const char *is)
{
	r->n++;
	sl_emit_cell(r->e, "%s", command);
	sl_emit_cell(r->e, "%s", what);
	sl_emit_cell(r->e, "%s", was);
	sl_emit_cell(r->e, "%s", is);
}

/* One command, in both. */
static void command(struct rows *r, const json_t *a, const json_t *b)
{
	static const struct {
		const char *key, *what;
	} lists[] = {{"declared", "declares"}, {"observed", "observed"}, {"against", "undeclared"}};
	static const char *const yes_no[] = {"no", "yes"};
	bool ran_a = json_integer_value(json_object_get(a, "carried_out")) > 0;
	bool ran_b = json_integer_value(json_object_get(b, "carried_out")) > 0;
	bool listed_a = json_is_true(json_object_get(a, "listed"));
	bool listed_b = json_is_true(json_object_get(b, "listed"));
	char was[LIST_MAX], is[LIST_MAX];

	if (listed_a != listed_b)
		row(r, string(b, "command"), "listed", yes_no[listed_a], yes_no[listed_b]);
	if (ran_a != ran_b)
		row(r, string(b, "command"), "carried out", yes_no[ran_a], yes_no[ran_b]);
	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const json_t *x = json_object_get(a, lists[i].key);
		const json_t *y = json_object_get(b, lists[i].key);

		if (!same_list(x, y))
			row(r, string(b, "command"), lists[i].what, words(x, was), words(y, is));
	}
}

static void commands(struct rows *r, const json_t *old, const json_t *new)
{
	static const char *const keys[] = {"command", NULL};
	const json_t *a = json_object_get(old, "commands_seen");
	const json_t *b = json_object_get(new, "commands_seen");

	for (size_t i = 0; i < json_array_size(b); i++) {
		const json_t *x = json_array_get(b, i), *was = find(a, x, keys);

		if (was)
			command(r, was, x);
		else
			row(r, string(x, "command"), "tried", "no", "yes");
	}
	for (size_t i = 0; i < json_array_size(a); i++)
		if (!find(b, json_array_get(a, i), keys))
			row(r, string(json_array_get(a, i), "command"), "tried", "yes", "no");
}

/* Findings in `a` that are not in `b`. Returns how many of them are contradictions. */
static unsigned findings(struct sl_emit *e, const char *key, const char *words_, const json_t *a,
			 const json_t *b)
{
	static const char *const keys[] = {"finding", "row", NULL};
	unsigned caught = 0;

	sl_emit_array(e, key, NULL);
	for (size_t i = 0; i < json_array_size(a); i++) {
		const json_t *x = json_array_get(a, i);
		const json_t *first = json_array_get(json_object_get(x, "evidence"), 0);

		if (find(b, x, keys))
			continue;
		caught += strcmp(string(x, "weight"), "caught") == 0;
		if (sl_emit_is_json(e)) {
			sl_emit_object(e, NULL, NULL);
			sl_emit_str(e, "finding", NULL, "%s", string(x, "finding"));
			sl_emit_str(e, "weight", NULL, "%s", string(x, "weight"));
			sl_emit_str(e, "command", NULL, "%s", string(x, "command"));
			sl_emit_end(e);
		} else {
			sl_emit_note(e, "%s: %s: %s: %s (%s: %s)", words_, string(x, "weight"),
				     string(x, "command"), string(x, "text"),
				     string(first, "where"), string(first, "what"));
		}
	}
	sl_emit_end(e);
	return caught;
}

static int compare(struct sl_cli *cli, const json_t *old, const json_t *new)
{
	static const char *const columns[][2] = {{"command", "COMMAND"},
						 {"what", "WHAT"},
						 {"old", "OLD"},
						 {"new", "NEW"},
						 {NULL, NULL}};
	const json_t *was = json_object_get(old, "findings"),
		     *is = json_object_get(new, "findings");
	struct rows r = {.e = sl_cli_emit(cli)};
	unsigned gained;

	sl_emit_object(r.e, NULL, NULL);
	sl_emit_str(r.e, "old", "old", "%s", string(old, "device"));
	sl_emit_str(r.e, "new", "new", "%s", string(new, "device"));
	sl_emit_table(r.e, "commands", columns);
	commands(&r, old, new);
	sl_emit_end(r.e);
	gained = findings(r.e, "found_anew", "new", is, was);
	(void)findings(r.e, "found_no_more", "no more", was, is);
	sl_emit_end(r.e);
	if (!r.n && !gained)
		sl_emit_note(r.e, "No difference in what is declared and what was seen.");
	sl_emit_note(r.e,
		     "What is found no more may be mended, or not have been met: see the coverage "
		     "of both.");
	return sl_cli_finish(r.e, gained ? SL_EXIT_CONTRADICTED : SL_EXIT_OK);
}

int sl_cli_verify_diff(struct sl_cli *cli)
{
	struct sl_diag d = {0};
	json_t *old = load(cli->argv[1], &d), *new = old ? load(cli->argv[2], &d) : NULL;
	int status = new ? compare(cli, old, new) : sl_cli_diag(SL_EXIT_FAILED, &d);

	json_decref(old);
	json_decref(new);
	return status;
}
