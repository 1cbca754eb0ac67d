/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice run`: an unmodified program in front of a gate. All the work is launch's and front/run's.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/paths.h"
#include "cli/cli.h"
#include "cli/gate.h"
#include "front/run/run.h"

struct setup {
	struct sl_spec specs[SL_DEVICES_MAX];
	struct sl_run_device devices[SL_DEVICES_MAX];
	char paths[SL_DEVICES_MAX][SL_WIRE_NAME_MAX];
	unsigned n;
};

/* "/dev/nvme0=model:p4610"; a path alone is the device at that path. */
static int add_device(struct setup *s, const char *text)
{
	const char *eq = strchr(text, '=');
	struct sl_diag d = {0};
	size_t n = eq ? (size_t)(eq - text) : strlen(text);
	char *path;

	if (strncmp(text, "/dev/", 5) != 0 || n < 6)
		return sl_cli_error(
			-EINVAL,
			"--device %s: give the path in /dev that the tool shall see and "
			"the device behind it, as in --device /dev/nvme0=model:p4610",
			text);
	if (s->n == SL_DEVICES_MAX || n >= sizeof(s->paths[0]))
		return sl_cli_error(-EINVAL, "--device %s: %s", text,
				    s->n == SL_DEVICES_MAX ? "too many" : "the path is too long");
	if (sl_spec_parse(eq ? eq + 1 : text, &s->specs[s->n], &d) < 0)
		return sl_cli_diag(-EINVAL, &d);
	path = s->paths[s->n];
	memcpy(path, text, n);
	path[n] = '\0';
	for (unsigned i = 0; i < s->n; i++)
		if (strcmp(s->paths[i], path) == 0)
			return sl_cli_error(-EINVAL, "--device %s: %s is mapped twice", text, path);
	/* Policy and ledger call it what the tool calls it. */
	memcpy(s->specs[s->n].name, path, sizeof(s->specs[s->n].name));
	s->devices[s->n] = (struct sl_run_device){path, s->n};
	s->n++;
	return 0;
}

/* Nodes that are gated as themselves where none was named. */
static const struct {
	const char *dir, *name; /* and a number */
} nodes[] = {{"/dev", "nvme"}, {"/dev", "sg"}, {"/dev/cxl", "mem"}};

static const char *looked_for; /* by is_node() */

static int is_node(const struct dirent *d)
{
	size_t n = strlen(looked_for);

	return strncmp(d->d_name, looked_for, n) == 0 && d->d_name[n] &&
	       !d->d_name[n + strspn(d->d_name + n, "0123456789")];
}

/* `all`: also those that we may not open; that is then an error which says what to do. */
static int add_kind(struct setup *s, const char *dir, bool all)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_node, versionsort), r = 0;

	for (int i = 0; i < n; i++) {
		char path[sizeof(s->paths[0])];

		(void)snprintf(path, sizeof(path), "%s/%.16s", dir, list[i]->d_name);
		if (r == 0 && (all || access(path, R_OK | W_OK) == 0))
			r = add_device(s, path);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return r;
}

static int add_nodes(struct setup *s)
{
	int r = 0;

	for (unsigned pass = 0; r == 0 && pass < 2 && !s->n; pass++)
		for (unsigned i = 0; r == 0 && i < SL_COUNT(nodes); i++) {
			looked_for = nodes[i].name;
			r = add_kind(s, nodes[i].dir, pass == 1);
		}
	if (r == 0 && !s->n)
		r = sl_cli_error(-ENODEV,
				 "there is no NVMe, SCSI or CXL device here: name one, as in "
				 "--device /dev/nvme0=model:p4610 (`sluice device personas` lists "
				 "what the device model can be)");
	return r;
}

/* A daemon's devices are called by the paths that they are served for. */
static int daemon_devices(struct setup *s, struct sl_client *client, const char *socket)
{
	for (unsigned i = 0; i < sl_client_devices(client) && s->n < SL_DEVICES_MAX; i++) {
		struct sl_wire_device d;
		int r = sl_client_query(client, i, &d);

		if (r < 0)
			return sl_cli_error(r, "broker at %s: %s", socket, strerror(-r));
		/* "/dev/nvme0", or "nvme0" for short. */
		if (strncmp(d.name, "/dev/", 5) == 0)
			memcpy(s->paths[s->n], d.name, sizeof(s->paths[0]));
		else if (!strpbrk(d.name, "/:") && strlen(d.name) + 6 <= sizeof(s->paths[0]))
			(void)snprintf(s->paths[s->n], sizeof(s->paths[0]), "/dev/%.58s", d.name);
		else
			continue;
		s->devices[s->n] = (struct sl_run_device){s->paths[s->n], i};
		s->n++;
	}
	if (!s->n)
		return sl_cli_error(
			-ENODEV, "the broker at %s serves no device with a path in /dev", socket);
	return 0;
}

/* A running daemon is used when nothing was asked for that only a private broker can give. */
static int open_daemon(struct sl_cli *cli, struct setup *s, struct sl_gate *gate)
{
	const char *socket = sl_cli_get(cli, "socket");
	bool asked = sl_cli_given(cli, "socket");
	int r;

	if (!asked && (sl_cli_given(cli, "policy") || sl_cli_given(cli, "device") || !socket ||
		       access(socket, F_OK) < 0))
		return 1;
	if (asked && (sl_cli_given(cli, "policy") || sl_cli_given(cli, "device")))
		return sl_cli_error(-EINVAL, "--socket uses a running broker, whose policy and "
					     "devices are fixed: leave out --policy and --device");
	r = sl_client_connect(socket, &gate->client);
	if (r < 0 && !asked && r == -ECONNREFUSED)
		return 1; /* a socket that nobody serves any more */
	if (r < 0)
		return sl_cli_error(r, "no broker at %s: %s; `sluice serve` starts one", socket,
				    strerror(-r));
	return daemon_devices(s, gate->client, socket);
}

static int open_private(struct sl_cli *cli, struct setup *s, struct sl_gate *gate)
{
	struct sl_compiled policy;
	struct sl_gate_config cfg = {.policy = &policy, .specs = s->specs};
	char ledger[4096];
	const char *text;
	int r = 0;

	for (unsigned i = 0; (text = sl_cli_nth(cli, "device", i)); i++) {
		r = add_device(s, text);
		if (r < 0)
			return r;
	}
	if (!s->n)
		r = add_nodes(s);
	if (r < 0)
		return r;
	cfg.n_specs = s->n;
	r = sl_policy_open_enforced(sl_cli_get(cli, "policy"), &policy);
	if (r < 0)
		return r;
	(void)snprintf(ledger, sizeof(ledger), "%s", sl_cli_get(cli, "ledger"));
	cfg.ledger = ledger;
	r = sl_gate_open(&cfg, gate);
	sl_policy_close(&policy);
	return r;
}

static int run(struct sl_cli *cli, struct setup *s, struct sl_gate *gate)
{
	struct sl_run_config cfg = {
		.client = gate->client,
		.devices = s->devices,
		.n_devices = s->n,
		.argv = cli->argv,
		.ledger = gate->launch && sl_cli_given(cli, "ledger") ? sl_cli_get(cli, "ledger")
								      : NULL,
		.appear_root = sl_cli_given(cli, "appear-root"),
		.quiet = sl_cli_given(cli, "quiet"),
		.report_fd = -1,
	};
	struct sl_diag d = {0};
	int status = 0, r;

	r = sl_run(&cfg, &status, &d);
	if (r < 0)
		(void)sl_cli_diag(0, &d);
	if (r == -ENOSPC || r == -EPERM || r == -ENOSYS)
		(void)sl_cli_error(0,
				   "`sluice doctor` says what is not allowed here and what to do");
	/* The cause of what the tool saw. */
	if (gate->launch && sl_launch_ended(gate->launch, &d))
		(void)sl_cli_diag(0, &d);
	return r < 0 ? SL_EXIT_RUN : sl_run_exit_code(status);
}

/* Where Debian keeps nvme and smartctl is not in everybody's PATH. */
void sl_cli_sbin(void)
{
	const char *path = getenv("PATH");
	char *longer;

	if (path && strstr(path, "/usr/sbin"))
		return;
	if (asprintf(&longer, "%s:/usr/sbin:/sbin", path && *path ? path : "/usr/bin:/bin") < 0)
		return;
	(void)setenv("PATH", longer, 1);
	free(longer);
}

int sl_verb_run(struct sl_cli *cli)
{
	struct setup *s = calloc(1, sizeof(*s));
	struct sl_gate gate = {0};
	int r;

	if (!s)
		return sl_cli_error(SL_EXIT_RUN, "out of memory");
	sl_cli_sbin();
	r = open_daemon(cli, s, &gate);
	if (r > 0)
		r = open_private(cli, s, &gate);
	r = r < 0 ? SL_EXIT_RUN : run(cli, s, &gate);
	sl_gate_close(&gate);
	free(s);
	return r;
}
