/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maps from a request to its row, for core/table.c and core/facts.c alone: the hot path wants
 * the look-up inline. Everybody else calls sl_row_find.
 */
#ifndef SL_CORE_MAP_H
#define SL_CORE_MAP_H

#include <stdint.h>

#include "core/command.h"
#include "core/table.h"

/* Where a command's selector stands: inside one byte of the request. */
struct sl_selector {
	uint8_t off;
	uint8_t shift;
	uint8_t mask;
	uint8_t width;
};

/* Opcode to row, 0: in no table; group and selector value to row, 0: the command's own row. */
extern const uint16_t sl_op_map[_SL_SET_N][256];
extern const uint16_t sl_sel_map[][256];
extern const struct sl_selector sl_selectors[];
/* Set asked for and type of the device to set, 0: that one itself. On every command's way. */
extern const uint8_t sl_set_by_type[_SL_SET_N][SL_TYPE_NONE + 1];

/* sl_row_find; *ret_sel is the selector's value, where the command has one. */
static inline uint16_t sl_row_at(uint8_t set, const uint8_t req[SL_REQ_MAX], uint16_t *ret_sel)
{
	const struct sl_selector *s;
	uint16_t row, sub;
	uint8_t group;

	*ret_sel = 0;
	if (set >= _SL_SET_N)
		return SL_SET_NONE;
	row = sl_op_map[set][req[0]];
	if (!row)
		return set;
	group = sl_rows[row].sel_group;
	if (!group) {
		*ret_sel = req[1]; /* CXL: the command within a set that has no rows of its own */
		return row;
	}
	s = &sl_selectors[group];
	*ret_sel = req[s->off] >> s->shift & s->mask;
	sub = sl_sel_map[group][*ret_sel];
	*ret_sel |= SL_ROW_SEL_HIGH(&sl_rows[sub]);
	return sub ? sub : row;
}

#endif
