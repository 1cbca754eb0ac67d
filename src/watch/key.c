/* SPDX-License-Identifier: Apache-2.0 */
#include "watch/key.h"

#include "core/contract.h"
#include "core/map.h"
#include "core/table.h"

uint64_t sl_key_of(const struct sl_command *cmd)
{
	uint16_t sel = SL_SEL_ANY;
	const struct sl_row *row = &sl_rows[sl_row_at(cmd->set, cmd->req, &sel)];
	bool listed = row->flags & SL_ROW_SELECTOR || row->decl == cmd->req[0];

	return sl_key(cmd->set, cmd->req[0], listed ? sel : SL_SEL_ANY);
}
