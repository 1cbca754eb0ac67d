/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice contract show|lint|diff|gaps`: what devices declare, and what is wrong with it. A device
 * is read through a private broker; a file needs none.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/paths.h"
#include "cli/cli.h"
#include "cli/gate.h"
#include "cli/trust.h"
#include "contract/print.h"

/* A device is what exists as a node or has the form of a SPEC; all else is a file, or parts. */
static bool is_device(const char *arg)
{
	struct sl_spec spec;
	struct stat st;

	if (!stat(arg, &st))
		return S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode);
	if (arg[0] == '/' && strncmp(arg, "/dev/", 5) != 0)
		return false;
	return sl_spec_parse(arg, &spec, NULL) != -EINVAL;
}

/* 0, or an exit status; the message was printed. */
static int load(const char *arg, struct sl_doc **ret)
{
	struct sl_diag d = {0}, no_device = {0};
	struct sl_spec spec;
	int r;

	*ret = NULL;
	if (is_device(arg)) {
		r = sl_gate_read_contract(arg, NULL, ret);
		return r < 0 ? SL_EXIT_FAILED : 0;
	}
	r = sl_doc_load(arg, ret, &d);
	/* Neither the one nor the other; what was named with a prefix is a file that is not there.
	 */
	if (r == -ENOENT && arg[0] != '/' && (!d.file[0] || strcmp(d.file, arg) == 0)) {
		(void)sl_spec_parse(arg, &spec, &no_device);
		return sl_cli_error(SL_EXIT_FAILED, "%s is no file; %s", arg[0] ? arg : "''",
				    no_device.text);
	}
	return r < 0 ? sl_cli_diag(SL_EXIT_FAILED, &d) : 0;
}

/* What is known of a device beside its declarations; somebody else's notes are no reason to fail.
 */
static int heed(struct sl_cli *cli, const char *arg, struct sl_doc *d)
{
	const char *ledger = sl_cli_get(cli, "ledger");

	if (!ledger || !is_device(arg) ||
	    (access(ledger, R_OK | X_OK) < 0 && !sl_cli_given(cli, "ledger")))
		return 0;
	return sl_trust_heed(ledger, &d->contract) < 0 ? SL_EXIT_FAILED : 0;
}

/* Each contract as an object; of several, an array of them. */
static int each(struct sl_cli *cli, int (*fn)(struct sl_emit *e, const struct sl_doc *d))
{
	struct sl_emit *e = sl_cli_emit(cli);
	int status = SL_EXIT_OK;

	if (cli->argc > 1)
		sl_emit_array(e, NULL, NULL);
	for (int i = 0; i < cli->argc; i++) {
		struct sl_doc *d;
		int r = load(cli->argv[i], &d);

		if (!r)
			r = heed(cli, cli->argv[i], d);
		if (!r)
			r = fn(e, d);
		sl_doc_free(d);
		status = r ? r : status;
	}
	if (cli->argc > 1)
		sl_emit_end(e);
	return sl_cli_finish(e, status);
}

static int show_one(struct sl_emit *e, const struct sl_doc *d)
{
	sl_print_show(e, d);
	return SL_EXIT_OK;
}

static int verb_show(struct sl_cli *cli)
{
	return each(cli, show_one);
}

/* Notes are no findings: they are odd and harmless. */
static int lint_one(struct sl_emit *e, const struct sl_doc *d)
{
	struct sl_findings f;
	int status;

	if (sl_lint(d, &f) < 0)
		return sl_cli_error(SL_EXIT_FAILED, "out of memory");
	sl_print_lint(e, d, &f);
	status = f.count[SL_LINT_ERROR] + f.count[SL_LINT_WARNING] ? SL_EXIT_FAILED : SL_EXIT_OK;
	sl_findings_done(&f);
	return status;
}

static int verb_lint(struct sl_cli *cli)
{
	struct sl_emit *e;

	if (!sl_cli_given(cli, "rules"))
		return cli->argc ? each(cli, lint_one)
				 : sl_cli_usage(cli, "which contract? a file or a device");
	e = sl_cli_emit(cli);
	sl_print_rules(e);
	return sl_cli_finish(e, SL_EXIT_OK);
}

static int verb_diff(struct sl_cli *cli)
{
	struct sl_doc *a = NULL, *b = NULL;
	struct sl_emit *e;
	int status = load(cli->argv[0], &a);

	if (!status)
		status = load(cli->argv[1], &b);
	if (!status) {
		e = sl_cli_emit(cli);
		status = sl_print_diff(e, a, b) ? SL_EXIT_FAILED : SL_EXIT_OK;
		status = sl_cli_finish(e, status);
	}
	sl_doc_free(a);
	sl_doc_free(b);
	return status;
}

static int verb_gaps(struct sl_cli *cli)
{
	struct sl_doc *d = NULL;
	struct sl_emit *e;
	int status = cli->argc ? load(cli->argv[0], &d) : 0;

	if (!status) {
		e = sl_cli_emit(cli);
		sl_print_gaps(e, d);
		status = sl_cli_finish(e, SL_EXIT_OK);
	}
	sl_doc_free(d);
	return status;
}

static const struct sl_option show_options[] = {
	{.name = "ledger",
	 .arg = "DIR",
	 .find = sl_path_state,
	 .text = "directory of the ledger, beside which is what was found of devices"},
	{0},
};

static const struct sl_option lint_options[] = {
	{.name = "rules", .text = "list the rules instead"},
	{0},
};

#define FORMS                                                                                      \
	"A file holds what nvme-cli or SPDK print (text or JSON), a log as it was read, or lines " \
	"of the form in doc/contracts.md. Parts of one contract are joined by a comma; a prefix "  \
	"says what a page is: id-ctrl: lid00: lid05: lid05.CSI: lid12: lid13: lid14: of NVMe, "    \
	"inquiry: capacity: rsoc: of SCSI, cxl-id: cel: features: of CXL"

const struct sl_cli_verb sl_contract_subs[] = {
	{.name = "show",
	 .args = "SPEC|FILE…",
	 .help = "what a device declares of each command, beside what is known of it",
	 .text = FORMS,
	 .flags = SL_CLI_JSON,
	 .options = show_options,
	 .args_min = 1,
	 .args_max = 1000,
	 .fn = verb_show},
	{.name = "lint",
	 .args = "SPEC|FILE…",
	 .help = "where a declaration is wrong, and why it matters; 1 when it is",
	 .text = FORMS,
	 .flags = SL_CLI_JSON,
	 .options = lint_options,
	 .args_max = 1000,
	 .fn = verb_lint},
	{.name = "diff",
	 .args = "OLD NEW",
	 .help = "what two contracts declare differently; 1 when they differ",
	 .text = FORMS,
	 .flags = SL_CLI_JSON,
	 .args_min = 2,
	 .args_max = 2,
	 .fn = verb_diff},
	{.name = "gaps",
	 .args = "[SPEC|FILE]",
	 .help = "what no log can declare: of all commands, or of those a device lists",
	 .text = FORMS,
	 .flags = SL_CLI_JSON,
	 .args_max = 1,
	 .fn = verb_gaps},
	{0},
};
