/* SPDX-License-Identifier: Apache-2.0 */
/* What all rigs have in common. */
#include "observe/rig.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/table.h"
#include "wire/wire.h"

#define ATTENTIONS_MAX 8 /* unit attentions that are waiting, one behind the other */
#define UNIT_ATTENTION 6

struct sl_rig *sl_rig_close(struct sl_rig *rig)
{
	if (rig)
		rig->ops->close(rig);
	return NULL;
}

bool sl_rig_may(const struct sl_rig *rig, const struct sl_command *cmd, const uint8_t *data)
{
	return !rig->ops->may || rig->ops->may(rig, cmd, data);
}

/* Counts n commands that are about to be sent, all of them or none. 0 or -EDQUOT. */
static int spend(struct sl_rig *rig, unsigned n)
{
	if (rig->limit && (rig->commands >= rig->limit || n > rig->limit - rig->commands))
		return -EDQUOT;
	rig->commands += n;
	return 0;
}

int sl_rig_call(struct sl_rig *rig, const struct sl_command *cmd, uint8_t *data,
		struct sl_answer *ret)
{
	int r = spend(rig, 1);

	*ret = (struct sl_answer){0};
	if (r)
		return r;
	return rig->ops->call(rig, cmd, data, ret);
}

void sl_rig_stage(const struct sl_rig_stream *s, unsigned i, uint8_t *data)
{
	const struct sl_command *cmd = s->command(s->ctx, i);
	const uint8_t *p;
	uint32_t n = 0;

	if (!s->payload || !(cmd->dir & SL_DIR_OUT))
		return;
	p = s->payload(s->ctx, i, &n);
	memset(data, 0, cmd->data_len);
	memcpy(data, p, n < cmd->data_len ? n : cmd->data_len);
}

uint32_t sl_rig_sense(const uint8_t *meta, uint32_t len)
{
	uint8_t form = len ? meta[0] & 0x7f : 0;

	if ((form == 0x70 || form == 0x71) && len >= 14)
		return (meta[2] & 15u) << 16 | (uint32_t)meta[12] << 8 | meta[13];
	if ((form == 0x72 || form == 0x73) && len >= 4)
		return (meta[1] & 15u) << 16 | (uint32_t)meta[2] << 8 | meta[3];
	return 0;
}

int sl_rig_settle(struct sl_rig *rig)
{
	struct sl_command tur = {.set = SL_SET_SCSI, .req_len = 6, .meta_len = 64};
	struct sl_answer a;
	uint8_t none[1];
	int r = 0;

	for (unsigned i = 0; rig->protocol == SL_WIRE_SCSI && !r && i < ATTENTIONS_MAX; i++) {
		r = sl_rig_call(rig, &tur, none, &a);
		if (!r && (a.lost || a.sense >> 16 != UNIT_ATTENTION))
			break;
	}
	return r;
}

/* A device that did not answer one is not asked the rest, each of which it would be waited for. */
int sl_rig_stream(struct sl_rig *rig, const struct sl_rig_stream *s, uint8_t *data)
{
	struct sl_answer a = {0};
	int r = 0;

	if (rig->ops->stream) {
		r = spend(rig, s->n);
		return r ? r : rig->ops->stream(rig, s, data);
	}
	for (unsigned i = 0; i < s->n && !r; i++) {
		sl_rig_stage(s, i, data);
		if (a.lost != SL_RIG_SILENT && a.lost != SL_RIG_GONE)
			r = sl_rig_call(rig, s->command(s->ctx, i), data, &a);
		if (!r)
			s->done(s->ctx, i, &a, data);
	}
	return r;
}

int sl_rig_together(struct sl_rig *rig, const struct sl_rig_stream *s, uint8_t *data)
{
	int r = rig->can & SL_RIG_BESIDE ? spend(rig, s->n) : -ENOTSUP;

	if (r)
		return r;
	return (rig->ops->together ? rig->ops->together : rig->ops->stream)(rig, s, data);
}
