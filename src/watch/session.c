/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's session as a rig: what the verifier's facets are read through. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/table.h"
#include "watch/watcher.h"

#define UNIT_ATTENTION 6u /* sense key */

static void note(struct sl_session_rig *r, const struct sl_client_reply *reply)
{
	if (reply->record) {
		if (!r->first)
			r->first = reply->record;
		r->last = reply->record;
	}
	r->denied = reply->c.outcome == SL_OUTCOME_DENIED;
	if (reply->c.outcome == SL_OUTCOME_FAILED && reply->c.error == ENODEV)
		r->gone = true;
	if (reply->c.outcome == SL_OUTCOME_FAILED && reply->c.error == EOVERFLOW)
		r->overran = reply->record;
}

/* What a logical unit had to tell this host, we were told: somebody may have waited for it. */
static bool is_attention(const struct sl_session_rig *r, const struct sl_command *cmd,
			 const struct sl_client_reply *reply)
{
	uint32_t sense = sl_sets[cmd->set].sense ? sl_rig_sense(reply->meta, reply->c.meta_len) : 0;

	if (sense >> 16 != UNIT_ATTENTION)
		return false;
	(void)fprintf(stderr,
		      "sluice-watch: device %u: unit attention %02Xh/%02Xh came as the answer to "
		      "a look: clients are not told\n",
		      r->device, sense >> 8 & 0xff, sense & 0xff);
	return true;
}

static int call(struct sl_rig *rig, const struct sl_command *cmd, uint8_t *data,
		struct sl_answer *ret)
{
	struct sl_session_rig *r = (struct sl_session_rig *)rig;
	struct sl_client_reply reply;
	struct sl_command c = *cmd;
	bool again = true;

	c.device = r->device;
	c.set = sl_sets[cmd->set].asked;
	c.node_nsid = 0;
	/* An answer that was too long was dropped; an attention is no answer: once more. */
	for (unsigned i = 0; i < 2 && again; i++) {
		int e;

		*r->tokens -= 1;
		e = sl_client_call(r->client, &c, data, NULL, &reply);
		if (e < 0) {
			r->gone = true;
			return e;
		}
		note(r, &reply);
		again = (reply.c.outcome == SL_OUTCOME_FAILED && reply.c.error == EOVERFLOW) ||
			is_attention(r, cmd, &reply);
	}
	ret->lost = reply.c.outcome == SL_OUTCOME_OK ? SL_RIG_ANSWERED : SL_RIG_FAILED;
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

void sl_session_rig_init(struct sl_watcher *w, unsigned device)
{
	bool soft = w->config.device[device].evidence & SL_WATCH_SOFT;

	w->device[device].rig = (struct sl_session_rig){
		.rig = {.ops = &ops, .can = soft ? 0 : SL_RIG_REAL},
		.client = w->client,
		.tokens = &w->tokens,
		.device = (uint16_t)device,
	};
}
