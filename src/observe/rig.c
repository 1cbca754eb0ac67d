/* SPDX-License-Identifier: Apache-2.0 */
/* What all rigs have in common. */
#include "observe/rig.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

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

int sl_rig_call(struct sl_rig *rig, const struct sl_command *cmd, uint8_t *data,
		struct sl_answer *ret)
{
	*ret = (struct sl_answer){0};
	rig->commands++;
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

/* A device that did not answer one is not asked the rest, each of which it would be waited for. */
int sl_rig_stream(struct sl_rig *rig, const struct sl_rig_stream *s, uint8_t *data)
{
	struct sl_answer a = {0};
	int r = 0;

	if (rig->ops->stream) {
		rig->commands += s->n;
		return rig->ops->stream(rig, s, data);
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
	if (!(rig->can & SL_RIG_BESIDE))
		return -ENOTSUP;
	rig->commands += s->n;
	return (rig->ops->together ? rig->ops->together : rig->ops->stream)(rig, s, data);
}
