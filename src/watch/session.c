/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's session as a rig: what the verifier's facets are read through. */
#include <errno.h>
#include <string.h>

#include "watch/watcher.h"

static int call(struct sl_rig *rig, const struct sl_command *cmd, uint8_t *data,
		struct sl_answer *ret)
{
	struct sl_session_rig *r = (struct sl_session_rig *)rig;
	struct sl_command c = *cmd;
	struct sl_client_reply reply;
	int e;

	c.device = r->device;
	c.set = cmd->set == SL_SET_NVME_ADMIN ? SL_SET_NVME_ADMIN : SL_SET_NVME_IO;
	c.node_nsid = 0;
	e = sl_client_call(r->client, &c, NULL, NULL, &reply);
	if (e < 0) {
		r->gone = true;
		return e;
	}
	if (reply.record) {
		if (!r->first)
			r->first = reply.record;
		r->last = reply.record;
	}
	r->denied = reply.c.outcome == SL_OUTCOME_DENIED;
	ret->lost = reply.c.outcome == SL_OUTCOME_OK ? SL_RIG_ANSWERED : SL_RIG_FAILED;
	if (reply.c.outcome == SL_OUTCOME_FAILED && reply.c.error == ENODEV)
		r->gone = true;
	if (reply.c.outcome == SL_OUTCOME_FAILED && reply.c.error == EOVERFLOW)
		r->overran = reply.record;
	ret->error = (int)reply.c.error;
	ret->status = reply.c.status;
	ret->result = reply.c.result;
	ret->len = reply.c.data_len < cmd->data_len ? reply.c.data_len : cmd->data_len;
	memcpy(data, reply.data, ret->len);
	memset(data + ret->len, 0, cmd->data_len - ret->len);
	return 0;
}

static int never(struct sl_rig *rig)
{
	(void)rig;
	return -ENOTSUP;
}

static int no_hash(struct sl_rig *rig, uint8_t ret[32])
{
	(void)rig;
	(void)ret;
	return -ENOTSUP;
}

static void no_pass(struct sl_rig *rig, uint64_t ms)
{
	(void)rig;
	(void)ms;
}

static void no_close(struct sl_rig *rig)
{
	(void)rig;
}

static const struct sl_rig_ops ops = {
	.fresh = never,
	.call = call,
	.power_cycle = never,
	.reset = never,
	.hash = no_hash,
	.pass = no_pass,
	.close = no_close,
};

void sl_session_rig_init(struct sl_session_rig *r, struct sl_client *client, uint16_t device)
{
	*r = (struct sl_session_rig){.rig = {.ops = &ops}, .client = client, .device = device};
}

int sl_watch_call(struct sl_watched *d, const struct sl_command *cmd, struct sl_answer *ret)
{
	int r = 0;

	/* An answer that was too long was dropped: once more. */
	for (unsigned i = 0; i < 2 && r == 0; i++) {
		d->w->tokens -= 1;
		r = sl_rig_call(&d->rig.rig, cmd, d->w->data, ret);
		if (!ret->lost || ret->error != EOVERFLOW)
			break;
	}
	return r;
}
