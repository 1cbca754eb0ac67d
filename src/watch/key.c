/* SPDX-License-Identifier: Apache-2.0 */
#include "watch/key.h"

#include "core/contract.h"
#include "core/map.h"
#include "core/table.h"
#include "spec/nvme.h"

uint64_t sl_key_of(const struct sl_command *cmd)
{
	uint16_t sel = SL_SEL_ANY;
	const struct sl_row *row = &sl_rows[sl_row_at(cmd->set, cmd->req, &sel)];

	return sl_key(cmd->set, cmd->req[0], row->decl == cmd->req[0] ? sel : SL_SEL_ANY);
}

sl_effects sl_key_observed(const struct sl_command *cmd, sl_effects observed)
{
	const struct sl_row *row = &sl_rows[sl_row_find(cmd->set, cmd->req)];

	if (cmd->set == SL_SET_NVME_ADMIN && !(row->flags & SL_ROW_VENDOR) &&
	    !sl_effects_mutating(row->floor) &&
	    (cmd->req[0] == NVME_ADMIN_IDENTIFY || cmd->req[0] == NVME_ADMIN_GET_LOG_PAGE))
		return SL_E_NONE;
	return observed;
}
