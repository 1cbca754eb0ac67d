/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look-ups in the command tables (src/spec/tables.c): a request's row in two dependent loads, three
 * with a sub-selector; a command's fields. Holds no knowledge of its own.
 */
#include "core/table.h"

#include "base/bytes.h"
#include "core/contract.h"
#include "core/map.h"

uint8_t sl_set_of_type(uint8_t asked, uint8_t type)
{
	uint8_t set = type < SL_TYPE_NONE ? sl_set_by_type[asked][type] : 0;

	return set ? set : asked;
}

uint8_t sl_set_of_queue(uint8_t queue)
{
	for (uint8_t set = SL_SET_NONE + 1; set < _SL_SET_N; set++)
		if (sl_sets[set].queue == queue)
			return sl_sets[set].asked;
	return SL_SET_NONE;
}

uint16_t sl_row_find(uint8_t set, const uint8_t req[SL_REQ_MAX])
{
	uint16_t sel;

	return sl_row_at(set, req, &sel);
}

uint16_t sl_row_find_key(uint8_t set, uint8_t opcode, uint16_t sel)
{
	uint16_t row, sub = 0;

	if (set >= _SL_SET_N)
		return SL_SET_NONE;
	row = sl_op_map[set][opcode];
	if (!row)
		return set;
	if (sl_rows[row].sel_group)
		sub = sl_sel_map[sl_rows[row].sel_group][sel & 0xff];
	return sub && SL_ROW_SEL_HIGH(&sl_rows[sub]) == (sel & 0xff00) ? sub : row;
}

/* All ones in the low `width` bits, 1 … 64. */
static uint64_t ones(unsigned width)
{
	return UINT64_MAX >> (64 - width);
}

/* The field's bytes as one number, in their order. The sizes of NVMe fields come first: they are
 * hot. */
static uint64_t load(const struct sl_field *f, const uint8_t *bytes)
{
	uint64_t v = 0;

	bytes += f->off;
	if (!f->be && f->bytes == 4)
		return sl_get_le32(bytes);
	if (!f->be && f->bytes == 8)
		return sl_get_le64(bytes);
	for (unsigned i = 0; i < f->bytes; i++)
		v |= (uint64_t)bytes[i] << 8 * (f->be ? f->bytes - 1u - i : i);
	return v;
}

uint64_t sl_field_get(const struct sl_field *f, const uint8_t *bytes)
{
	return load(f, bytes) >> f->shift & ones(f->width);
}

void sl_field_set(const struct sl_field *f, uint8_t *bytes, uint64_t value)
{
	uint64_t mask = ones(f->width) << f->shift;
	uint64_t v = (load(f, bytes) & ~mask) | (value << f->shift & mask);

	for (unsigned i = 0; i < f->bytes; i++)
		bytes[f->off + i] = (uint8_t)(v >> 8 * (f->be ? f->bytes - 1u - i : i));
}
