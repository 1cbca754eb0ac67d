/* SPDX-License-Identifier: Apache-2.0 */
/* What all rigs have in common. */
#include "observe/rig.h"

#include <stddef.h>

struct sl_rig *sl_rig_close(struct sl_rig *rig)
{
	if (rig)
		rig->ops->close(rig);
	return NULL;
}

int sl_rig_call(struct sl_rig *rig, const struct sl_command *cmd, uint8_t *data,
		struct sl_answer *ret)
{
	*ret = (struct sl_answer){0};
	rig->commands++;
	return rig->ops->call(rig, cmd, data, ret);
}
