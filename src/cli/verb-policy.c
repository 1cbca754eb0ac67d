/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice policy check|show|test`: is it a policy, what was compiled, does it do what is expected.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "policy/policy.h"
#include "policy/table-test.h"

struct opened {
	char path[4096];
	struct sl_policy *policy;
	void *image;
	size_t size;
	struct sl_policy_messages msgs;
};

static void close_policy(struct opened *o)
{
	if (!o)
		return;
	free(o->image);
	(void)sl_policy_free(o->policy);
	free(o);
}

/* Finds, reads and compiles; what is wrong was said on stderr. NULL then. */
static struct opened *open_policy(const char *name, bool doubts)
{
	struct opened *o = calloc(1, sizeof(*o));
	int r;

	if (!o) {
		(void)sl_cli_error(0, "out of memory");
		return NULL;
	}
	r = sl_policy_find(name, o->path, sizeof(o->path));
	if (r < 0) {
		(void)sl_cli_error(0, "policy %s: %s", name,
				   r == -ENOENT ? "there is no such file and none of that name"
						: strerror(-r));
		close_policy(o);
		return NULL;
	}
	r = sl_policy_load(o->path, &o->msgs, &o->policy);
	if (r == 0)
		r = sl_policy_compile(o->policy, &o->msgs, &o->image, &o->size);
	if (r == 0 && doubts)
		sl_policy_lint(o->policy, &o->msgs);
	sl_policy_messages_print(&o->msgs, stderr);
	if (r < 0) {
		if (!o->msgs.errors)
			(void)sl_cli_error(0, "%s: %s", o->path, strerror(-r));
		close_policy(o);
		return NULL;
	}
	return o;
}

static int policy_check(struct sl_cli *cli)
{
	struct sl_emit *e = sl_cli_emit(cli);
	static const char *const columns[][2] = {{"file", "FILE"},	   {"policy", "POLICY"},
						 {"rules", "RULES"},	   {"bytes", "IMAGE BYTES"},
						 {"warnings", "WARNINGS"}, {NULL, NULL}};
	int status = SL_EXIT_OK;

	sl_emit_table(e, "policies", columns);
	for (int i = 0; i < cli->argc; i++) {
		struct opened *o = open_policy(cli->argv[i], true);
		const struct sl_image *img = o ? o->image : NULL;

		if (!o) {
			status = SL_EXIT_FAILED;
			continue;
		}
		if (o->msgs.warnings && sl_cli_given(cli, "strict"))
			status = SL_EXIT_FAILED;
		sl_emit_cell(e, "%s", o->path);
		sl_emit_cell(e, "%s", sl_policy_name(o->policy));
		sl_emit_cell_u64(e, img->rules.n);
		sl_emit_cell_u64(e, o->size);
		sl_emit_cell_u64(e, o->msgs.warnings);
		close_policy(o);
	}
	sl_emit_end(e);
	return sl_cli_finish(e, status);
}

static int policy_show(struct sl_cli *cli)
{
	struct opened *o = open_policy(cli->argv[0], false);
	struct sl_emit *e;

	if (!o)
		return SL_EXIT_FAILED;
	e = sl_cli_emit(cli);
	sl_policy_show(o->image, e);
	close_policy(o);
	return sl_cli_finish(e, SL_EXIT_OK);
}

struct tested {
	struct sl_emit *e;
	const char *file;
	unsigned n, failed;
	bool all;
};

static void each_case(void *userdata, const struct sl_policy_test_case *c)
{
	struct tested *t = userdata;

	t->n++;
	t->failed += !c->passed;
	if (c->passed && !t->all)
		return;
	sl_emit_cell(t->e, "%s:%u", t->file, c->line);
	sl_emit_cell(t->e, "%s", c->passed ? "ok" : "FAILED");
	sl_emit_cell(t->e, "%s", c->who);
	sl_emit_cell(t->e, "%s", c->command);
	sl_emit_cell(t->e, "%s", c->expected);
	sl_emit_cell(t->e, "%s", c->got);
}

static int policy_test(struct sl_cli *cli)
{
	static const char *const columns[][2] = {{"place", "PLACE"},
						 {"result", "RESULT"},
						 {"who", "WHO"},
						 {"command", "COMMAND"},
						 {"expected", "EXPECTED"},
						 {"got", "GOT"},
						 {NULL, NULL}};
	struct opened *o = open_policy(cli->argv[0], false);
	char path[4200];
	const char *slash;
	struct sl_diag d = {0};
	struct tested t = {.all = sl_cli_given(cli, "all")};
	int r;

	if (!o)
		return SL_EXIT_FAILED;
	(void)snprintf(path, sizeof(path), "%s", cli->argc > 1 ? cli->argv[1] : o->path);
	if (cli->argc < 2)
		(void)snprintf(path, sizeof(path), "%s.test", o->path);
	slash = strrchr(path, '/');
	t.file = slash ? slash + 1 : path;
	t.e = sl_cli_emit(cli);
	sl_emit_table(t.e, "cases", columns);
	r = sl_policy_table_test(o->policy, o->image, path, each_case, &t, &d);
	sl_emit_end(t.e);
	sl_emit_u64(t.e, "tests", "tests", t.n);
	sl_emit_u64(t.e, "failed", "failed", t.failed);
	close_policy(o);
	if (r < 0)
		return sl_cli_finish(t.e, sl_cli_diag(SL_EXIT_FAILED, &d));
	return sl_cli_finish(t.e, t.failed ? SL_EXIT_FAILED : SL_EXIT_OK);
}

static const struct sl_option check_options[] = {
	{.name = "strict", .text = "a warning is a failure too"},
	{0},
};
static const struct sl_option test_options[] = {
	{.name = "all", .text = "show also the tests that passed"},
	{0},
};

const struct sl_cli_verb sl_policy_subs[] = {
	{.name = "check",
	 .args = "POLICY…",
	 .help = "read and compile policies, say what is wrong or doubtful, and where",
	 .flags = SL_CLI_JSON,
	 .args_min = 1,
	 .args_max = 64,
	 .options = check_options,
	 .fn = policy_check},
	{.name = "show",
	 .args = "POLICY",
	 .help = "the compiled image, rule by rule, as the broker reads it",
	 .flags = SL_CLI_JSON,
	 .args_min = 1,
	 .args_max = 1,
	 .fn = policy_show},
	{.name = "test",
	 .args = "POLICY [TESTFILE]",
	 .help = "judge every line of a table of tests (POLICY.test beside it)",
	 .flags = SL_CLI_JSON,
	 .args_min = 1,
	 .args_max = 2,
	 .options = test_options,
	 .fn = policy_test},
	{0},
};
