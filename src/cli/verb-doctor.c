/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice doctor [TOOL]`: would it work here, before anything is started? Changes nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "cli/cli.h"
#include "cli/gate.h"
#include "front/run/run.h"

static const char *const level_names[] = {
	[SL_RUN_OK] = "ok",
	[SL_RUN_WARN] = "warning",
	[SL_RUN_FAIL] = "no",
};

struct doctor {
	struct sl_emit *e;
	enum sl_run_level worst;
};

static void check(struct doctor *d, const char *name, const char *label, enum sl_run_level level,
		  const char *found, const char *advice)
{
	sl_emit_cell(d->e, "%s", name);
	sl_emit_cell(d->e, "%s", level_names[level]);
	sl_emit_cell(d->e, "%s", label);
	sl_emit_cell(d->e, "%s", found);
	sl_emit_cell(d->e, "%s", advice);
	if (level > d->worst)
		d->worst = level;
}

static void check_program(struct doctor *d, const char *program, const char *label)
{
	char path[4096];
	int r = sl_path_program(program, path, sizeof(path));

	if (r == 0 && access(path, X_OK) < 0)
		r = -errno;
	check(d, program, label, r < 0 ? SL_RUN_FAIL : SL_RUN_OK, r < 0 ? strerror(-r) : path,
	      r < 0 ? "install sluice again, or build it" : "");
}

static void check_policy(struct doctor *d)
{
	struct sl_policy_messages *msgs = calloc(1, sizeof(*msgs));
	struct sl_policy *policy = NULL;
	char path[4096];
	int r = msgs ? sl_policy_find("health", path, sizeof(path)) : -ENOMEM;

	if (r == 0)
		r = sl_policy_load(path, msgs, &policy);
	check(d, "policy", "default policy", r < 0 ? SL_RUN_FAIL : SL_RUN_OK,
	      r < 0 ? strerror(-r) : path, r < 0 ? "`sluice policy check health` says more" : "");
	sl_policy_free(policy);
	free(msgs);
}

/* Up to the first directory that exists. */
static bool could_write(const char *dir)
{
	char path[4096];
	char *slash;

	(void)snprintf(path, sizeof(path), "%s", dir);
	while (access(path, F_OK) < 0 && (slash = strrchr(path, '/')) && slash != path)
		*slash = '\0';
	return access(path, W_OK) == 0;
}

static void check_ledger(struct doctor *d, const char *dir)
{
	bool ok = could_write(dir);

	check(d, "ledger", "ledger", ok ? SL_RUN_OK : SL_RUN_FAIL, dir,
	      ok ? "" : "you cannot write there: give --ledger DIR");
}

static void check_broker(struct doctor *d, const char *socket)
{
	struct sl_client *client = NULL;
	int r = access(socket, F_OK) < 0 ? -ENOENT : sl_client_connect(socket, &client);
	char found[4200];

	if (r < 0)
		(void)snprintf(found, sizeof(found), "none at %s", socket);
	else
		(void)snprintf(found, sizeof(found), "%u devices at %s", sl_client_devices(client),
			       socket);
	check(d, "broker", "running broker", r < 0 && r != -ENOENT ? SL_RUN_WARN : SL_RUN_OK, found,
	      r < 0 && r != -ENOENT ? "the socket is there, the broker is not" : "");
	sl_client_free(client);
}

int sl_verb_doctor(struct sl_cli *cli)
{
	static const char *const columns[][2] = {{"name", "CHECK"},    {"level", "STATE"},
						 {"label", "WHAT"},    {"found", "FOUND"},
						 {"advice", "ADVICE"}, {NULL, NULL}};
	struct doctor d = {.e = sl_cli_emit(cli)};
	struct sl_run_probe *probe = calloc(1, sizeof(*probe));
	char text[4096];
	int r;

	sl_cli_sbin(); /* as `run` does */
	r = probe ? sl_run_probe(cli->argc ? cli->argv[0] : NULL, probe) : -ENOMEM;
	sl_emit_table(d.e, "checks", columns);
	for (unsigned i = 0; r == 0 && i < probe->n; i++) {
		const struct sl_run_check *c = &probe->checks[i];

		check(&d, c->name, c->label, c->level, c->found, c->advice);
	}
	free(probe);
	check_program(&d, "sluiced", "the gate");
	check_program(&d, "sluice-model", "the device model");
	check_policy(&d);
	(void)snprintf(text, sizeof(text), "%s", sl_cli_get(cli, "ledger"));
	check_ledger(&d, text);
	(void)snprintf(text, sizeof(text), "%s", sl_cli_get(cli, "socket"));
	check_broker(&d, text);
	sl_emit_end(d.e);
	if (r < 0)
		(void)sl_cli_error(0, "the checks for `run` did not work: %s", strerror(-r));
	return sl_cli_finish(d.e, r < 0 || d.worst == SL_RUN_FAIL ? SL_EXIT_FAILED : SL_EXIT_OK);
}
