/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sluice device capture SPEC`: a device as a persona file. Every command goes through a private
 * broker under the policy `health`, and without a ledger, so that none can change anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/capture.h"
#include "cli/cli.h"
#include "cli/gate.h"
#include "sluice-paths.h" /* SL_VERSION, by meson */

static int call(void *ctx, struct sl_answer *a)
{
	const struct sl_gate *g = ctx;
	struct sl_client_reply reply;
	int r = sl_client_call(g->client, &a->cmd, a->cmd.dir & SL_DIR_OUT ? a->data : NULL, NULL,
			       &reply);

	if (r < 0)
		return r;
	a->denied = reply.c.outcome == SL_OUTCOME_DENIED;
	if (reply.c.outcome == SL_OUTCOME_FAILED)
		return -(int)reply.c.error;
	if (a->denied)
		return 0;
	a->status = reply.c.status;
	a->result = reply.c.result;
	a->len = reply.c.data_len < a->cmd.data_len ? reply.c.data_len : a->cmd.data_len;
	memcpy(a->data, reply.data, a->len);
	return 0;
}

/* 0 or an exit status; the message was printed. */
static int read_device(const char *arg, struct sl_capture *c)
{
	struct sl_spec *spec = calloc(1, sizeof(*spec));
	struct sl_compiled policy;
	struct sl_gate_config cfg = {.policy = &policy, .specs = spec, .n_specs = 1};
	struct sl_gate gate;
	struct sl_wire_device what;
	struct sl_capture_source source = {.call = call, .ctx = &gate};
	struct sl_diag d = {0};
	int r = spec ? sl_spec_parse(arg, spec, &d) : -ENOMEM;

	if (r < 0) {
		free(spec);
		return sl_cli_diag(r == -EINVAL ? SL_EXIT_USAGE : SL_EXIT_FAILED, &d);
	}
	/* By name from the shipped ones: capture is harmless because of what this policy is. */
	r = sl_policy_open_enforced("health", &policy);
	if (r == 0) {
		r = sl_gate_open(&cfg, &gate);
		sl_policy_close(&policy);
	}
	free(spec);
	if (r < 0)
		return SL_EXIT_FAILED;
	r = sl_client_query(gate.client, 0, &what);
	if (r == 0 && what.protocol == SL_WIRE_FWCTL) {
		sl_gate_close(&gate);
		return sl_cli_error(SL_EXIT_FAILED,
				    "%s: a fwctl device shows no more than its features; capture "
				    "the CXL device behind it, cxl:/dev/cxl/memN",
				    arg);
	}
	c->protocol = what.protocol;
	if (r == 0)
		r = sl_capture_read(c, &source);
	sl_gate_close(&gate);
	if (r == -EPROTO)
		return sl_cli_error(SL_EXIT_DEVICE, "%s: it does not answer %s", arg,
				    c->protocol == SL_WIRE_SCSI	 ? "INQUIRY"
				    : c->protocol == SL_WIRE_CXL ? "Identify Memory Device"
								 : "Identify Controller");
	return r < 0 ? sl_cli_error(SL_EXIT_FAILED, "%s: %s", arg, strerror(-r)) : 0;
}

static int write_out(const char *path, json_t *root)
{
	enum { FLAGS = JSON_INDENT(2) | JSON_ENSURE_ASCII };
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : STDOUT_FILENO;
	char *text = json_dumps(root, FLAGS);
	int status = SL_EXIT_OK;
	FILE *f = NULL;

	if (fd >= 0 && text)
		f = path ? fdopen(fd, "w") : stdout;
	if (!f || fprintf(f, "%s\n", text) < 0 || fflush(f) != 0)
		status = sl_cli_error(SL_EXIT_FAILED, "%s: %s", path ? path : "stdout",
				      strerror(errno));
	if (path && f && fclose(f) != 0 && !status)
		status = sl_cli_error(SL_EXIT_FAILED, "%s: %s", path, strerror(errno));
	free(text);
	return status;
}

/* A SPEC may name the device by its serial number: then only its kind is told. */
static void describe(const char *arg, const struct sl_capture *c, bool identifiers, char *buf,
		     size_t size)
{
	const char *colon = strchr(arg, ':');
	int kind = colon && arg[0] != '/' ? (int)(colon - arg) : 0;
	char when[32] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%d", &tm);
	if (identifiers)
		(void)snprintf(buf, size, "captured by sluice %s on %s from %.900s", SL_VERSION,
			       when, arg);
	else
		(void)snprintf(buf, size,
			       "captured by sluice %s on %s from %.*s; its identifiers are masked",
			       SL_VERSION, when, kind ? kind : 900,
			       kind			     ? arg
			       : c->protocol == SL_WIRE_SCSI ? "SCSI"
			       : c->protocol == SL_WIRE_CXL  ? "CXL"
							     : "NVMe");
}

int sl_verb_device_capture(struct sl_cli *cli)
{
	bool identifiers = sl_cli_given(cli, "identifiers");
	struct sl_capture *c = calloc(1, sizeof(*c));
	char source[1024];
	struct sl_capture_label label = {.source = source};
	struct sl_diag d = {0};
	json_t *root = NULL;
	unsigned differ;
	int status =
		c ? read_device(cli->argv[0], c) : sl_cli_error(SL_EXIT_FAILED, "out of memory");

	if (status) {
		if (c)
			sl_capture_done(c);
		free(c);
		return status;
	}
	if (!identifiers)
		sl_capture_mask(c);
	describe(cli->argv[0], c, identifiers, source, sizeof(source));
	if (sl_capture_persona(c, &label, &root, &differ, &d) < 0)
		status = sl_cli_diag(SL_EXIT_FAILED, &d);
	if (!status && differ)
		(void)sl_cli_error(0,
				   "%u of %u answers cannot be expressed; \"comment\" in the file "
				   "says which",
				   differ, c->n);
	if (!status)
		status = write_out(sl_cli_get(cli, "output"), root);
	json_decref(root);
	sl_capture_done(c);
	free(c);
	return status;
}
