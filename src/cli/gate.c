/* SPDX-License-Identifier: Apache-2.0 */
/* From a policy's name and device SPECs to a running private broker with one session. */
#include "cli/gate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/trust.h"
#include "watch/watch.h"

/*
 * What a watcher may do: look. A vendor's command does what its vendor says, so it is none; a rule
 * of the policy that denies still denies. Without a condition, these would hide from the
 * watcher what the device declares of them.
 */
static const char watch_rules[] =
	"\nallow label \"" SL_WATCH_LABEL "\": anything where floor within {none, reveals-data}\n"
	"deny label \"" SL_WATCH_LABEL "\": nvme.admin.vendor, nvme.nvm.vendor where opcode in "
	"{0..255}\n"
	"deny label \"" SL_WATCH_LABEL
	"\": scsi.spc.vendor where cdb0 in {0..18446744073709551615}\n"
	"deny label \"" SL_WATCH_LABEL "\": cxl.vendor where command in {0..255}\n";

/* The policy's file with these rules at its end: its own lines keep their numbers. */
static int load_watched(const char *path, struct sl_policy_messages *msgs, struct sl_policy **ret)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	char buf[8192];
	size_t n;
	int r = f && to ? 0 : -errno;

	while (r == 0 && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		if (fwrite(buf, 1, n, to) != n)
			r = -ENOMEM;
	if (r == 0 && ferror(f))
		r = -EIO;
	if (to)
		(void)fprintf(to, "%s", watch_rules);
	if (to && fclose(to) != 0)
		r = -ENOMEM;
	if (f)
		(void)fclose(f);
	if (r == 0)
		r = sl_policy_parse(path, text, size, msgs, ret);
	free(text);
	return r;
}

static int open_policy(const char *name, bool watched, struct sl_compiled *ret)
{
	struct sl_policy_messages *msgs;
	const char *why;
	int r;

	*ret = (struct sl_compiled){0};
	r = sl_policy_find(name, ret->path, sizeof(ret->path));
	if (r < 0)
		return sl_cli_error(r, "policy %s: %s", name,
				    r == -ENOENT ? "there is no such file and none of that name"
						 : strerror(-r));
	msgs = calloc(1, sizeof(*msgs));
	if (!msgs)
		return sl_cli_error(-ENOMEM, "out of memory");
	r = watched ? load_watched(ret->path, msgs, &ret->policy)
		    : sl_policy_load(ret->path, msgs, &ret->policy);
	if (r == 0)
		r = sl_policy_compile(ret->policy, msgs, &ret->image, &ret->size);
	/* Doubts are for `policy check`; what stops us is for everybody. */
	if (r < 0 && msgs->n)
		sl_policy_messages_print(msgs, stderr);
	else if (r < 0)
		(void)sl_cli_error(r, "policy %s: %s", ret->path, strerror(-r));
	free(msgs);
	if (r == 0 && sl_image_check(ret->image, ret->size, &why) < 0)
		r = sl_cli_error(-EBADMSG, "policy %s: the compiled image is not sound: %s",
				 ret->path, why);
	if (r < 0)
		sl_policy_close(ret);
	return r;
}

int sl_policy_open(const char *name, struct sl_compiled *ret)
{
	return open_policy(name, false, ret);
}

int sl_policy_open_enforced(const char *name, struct sl_compiled *ret)
{
	return sl_policy_open_served(name, false, ret);
}

int sl_policy_open_served(const char *name, bool watched, struct sl_compiled *ret)
{
	int r = open_policy(name, watched, ret);

	if (r < 0 || !(((const struct sl_image *)ret->image)->flags & SL_IMAGE_MODEL))
		return r;
	r = sl_cli_error(-EINVAL,
			 "policy %s: a model of another filter, for `sluice policy diff` and "
			 "`prove`: it cannot be enforced",
			 name);
	sl_policy_close(ret);
	return r;
}

void sl_policy_close(struct sl_compiled *c)
{
	free(c->image);
	c->image = NULL;
	c->policy = sl_policy_free(c->policy);
}

/* What is known of devices beyond their word, from beside the ledger. */
static int hand_trust(struct sl_launch *l, const char *ledger, struct sl_diag *d)
{
	struct sl_trust_row *rows = calloc(SL_TRUST_ROWS_MAX, sizeof(*rows));
	unsigned n;
	int r;

	if (!rows)
		return sl_diag_set(d, -ENOMEM, NULL, 0, 0, "out of memory");
	r = sl_trust_load(ledger, rows, &n);
	if (r < 0)
		(void)sl_diag_set(d, r, NULL, 0, 0, "what is known of devices cannot be read");
	else if (n)
		r = sl_launch_trust(l, rows, n, d);
	free(rows);
	return r;
}

static int open_steps(const struct sl_gate_config *cfg, struct sl_gate *g, struct sl_diag *d)
{
	struct sl_identity *who;
	struct sl_diag warn = {0};
	int fd = -1, r;

	r = sl_launch_new(&g->launch, d);
	if (r < 0)
		return r;
	/* Devices first: their processes start while the broker's does. */
	for (unsigned i = 0; r == 0 && i < cfg->n_specs; i++)
		r = sl_launch_device(g->launch, &cfg->specs[i], d);
	if (r == 0)
		r = sl_launch_image(g->launch, cfg->policy->image, cfg->policy->size, d);
	if (r == 0 && cfg->ledger)
		r = sl_launch_ledger(g->launch, cfg->ledger, &warn, d);
	if (warn.text[0])
		(void)sl_cli_diag(0, &warn);
	if (r == 0 && cfg->ledger)
		r = hand_trust(g->launch, cfg->ledger, d);
	if (r < 0)
		return r;
	who = calloc(1, sizeof(*who));
	if (!who)
		return sl_diag_set(d, -ENOMEM, NULL, 0, 0, "out of memory");
	r = sl_identity_self(cfg->label ? cfg->label : "", who);
	if (r < 0)
		(void)sl_diag_set(d, r, NULL, 0, 0, "your groups: %s", strerror(-r));
	else
		r = sl_launch_session(g->launch, who, &fd, d);
	free(who);
	if (r < 0)
		return r;
	r = sl_launch_start(g->launch, d);
	/* A device that died while its contract was read is none that a tool should be started on.
	 */
	if (r == 0 && sl_launch_ended(g->launch, d))
		r = -ENODEV;
	if (r < 0) {
		close(fd);
		return r;
	}
	r = sl_client_new(fd, &g->client);
	if (r < 0 && !sl_launch_ended(g->launch, d))
		(void)sl_diag_set(d, r, NULL, 0, 0, "the broker does not answer: %s", strerror(-r));
	return r;
}

int sl_gate_open(const struct sl_gate_config *cfg, struct sl_gate *ret)
{
	struct sl_diag d = {0};
	int r;

	*ret = (struct sl_gate){0};
	r = open_steps(cfg, ret, &d);
	if (r < 0) {
		sl_gate_close(ret);
		(void)sl_cli_diag(0, &d);
	}
	return r;
}

void sl_gate_close(struct sl_gate *gate)
{
	gate->client = sl_client_free(gate->client);
	gate->launch = sl_launch_free(gate->launch);
}

/* Reading a contract takes Identify and the logs that declare something, as the device has them. */
static const char reader_policy[] =
	"policy \"contract-reader\" version 1\n"
	"answers as-device\n"
	"allow any: nvme.admin.identify, nvme.admin.get-log-page.supported,\n"
	"\tnvme.admin.get-log-page.effects, nvme.admin.get-log-page.feature-effects,\n"
	"\tnvme.admin.get-log-page.mi-effects, nvme.admin.get-log-page.lockdown,\n"
	"\tscsi.spc.inquiry, scsi.sbc.read-capacity-10, scsi.mmc.read-capacity,\n"
	"\tscsi.sbc.service-action-in-16.read-capacity-16,\n"
	"\tscsi.spc.maintenance-in.report-supported-operation-codes,\n"
	"\tcxl.identify-memory-device, cxl.get-supported-logs, cxl.get-log,\n"
	"\tcxl.get-supported-features, fwctl.cxl.get-supported-features\n"
	"\twhere floor within {none}\n";

static int compile_reader(struct sl_compiled *ret)
{
	struct sl_policy_messages *msgs = calloc(1, sizeof(*msgs));
	int r;

	*ret = (struct sl_compiled){.path = "contract-reader"};
	if (!msgs)
		return -ENOMEM;
	r = sl_policy_parse(ret->path, reader_policy, strlen(reader_policy), msgs, &ret->policy);
	if (r == 0)
		r = sl_policy_compile(ret->policy, msgs, &ret->image, &ret->size);
	if (r < 0)
		sl_policy_messages_print(msgs, stderr);
	free(msgs);
	return r;
}

static int call(void *ctx, const struct sl_command *cmd, void *data, uint16_t *ret_status,
		size_t *ret_len)
{
	const struct sl_gate *g = ctx;
	struct sl_client_reply reply;
	int r = sl_client_call(g->client, cmd, data, NULL, &reply);

	if (r < 0)
		return r;
	if (reply.c.outcome != SL_OUTCOME_OK)
		return sl_cli_error(-(int)reply.c.error, "reading the contract: %s", reply.text);
	*ret_status = reply.c.status;
	*ret_len = reply.c.data_len < cmd->data_len ? reply.c.data_len : cmd->data_len;
	memcpy(data, reply.data, *ret_len);
	return 0;
}

/* What the device speaks. */
static int protocol_of(struct sl_gate *g, struct sl_doc_source *ret)
{
	struct sl_wire_device d;
	int r = sl_client_query(g->client, 0, &d);

	ret->protocol = d.protocol;
	ret->type = d.type;
	return r;
}

int sl_gate_read_contract(const char *spec, const char *ledger, struct sl_doc **ret)
{
	struct sl_compiled policy;
	struct sl_spec *parsed = calloc(1, sizeof(*parsed));
	struct sl_gate_config cfg = {
		.policy = &policy,
		.specs = parsed,
		.n_specs = 1,
		.ledger = ledger,
	};
	struct sl_gate gate;
	struct sl_doc_source source = {.call = call, .ctx = &gate};
	struct sl_diag d = {0};
	int r = -ENOMEM;

	if (parsed)
		r = sl_spec_parse(spec, parsed, &d);
	if (r < 0) {
		free(parsed);
		return sl_cli_diag(r, &d);
	}
	r = compile_reader(&policy);
	if (r == 0)
		r = sl_gate_open(&cfg, &gate);
	sl_policy_close(&policy);
	free(parsed);
	if (r < 0)
		return r;
	r = protocol_of(&gate, &source);
	if (r == 0)
		r = sl_doc_read(spec, &source, ret);
	sl_gate_close(&gate);
	if (r == 0 && ledger)
		r = sl_trust_heed(ledger, &(*ret)->contract);
	return r < 0 ? sl_cli_error(r, "%s: its contract could not be read: %s", spec, strerror(-r))
		     : 0;
}
