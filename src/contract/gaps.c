/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/gaps.h"

#include "wire/wire.h"

/* The log whose words speak of a row: of its selector where one lists it, else of its opcode. */
static uint8_t source_of(uint16_t row)
{
	const struct sl_row *r = &sl_rows[row];

	if (r->set == SL_SET_FWCTL_MLX5 || r->set == SL_SET_FWCTL_BNXT)
		return SL_SOURCE_NONE;
	if (sl_sets[r->set].protocol != SL_WIRE_NVME)
		return sl_sets[r->set].protocol == SL_WIRE_SCSI	 ? SL_SOURCE_RSOC
		       : sl_sets[r->set].protocol == SL_WIRE_CXL ? SL_SOURCE_CEL
								 : SL_SOURCE_FEATURES;
	if (r->parent == row || !r->decl)
		return SL_SOURCE_LID05;
	return r->decl == 0x09 ? SL_SOURCE_LID12 : SL_SOURCE_LID05;
}

/* Does another form under the same word call for other bits of it? */
static bool shares(uint16_t row)
{
	const struct sl_row *r = &sl_rows[row];
	sl_effects bits = sl_contract_expressible(source_of(row));

	if (r->parent == row || (r->flags & SL_ROW_SELECTOR) || source_of(row) == SL_SOURCE_LID12)
		return false;
	for (uint32_t i = 0; i < sl_row_count; i++)
		if (i != row && sl_rows[i].parent == r->parent && sl_row_is_known((uint16_t)i) &&
		    ((sl_row_full_floor((uint16_t)i) ^ sl_row_full_floor(row)) & bits))
			return true;
	return false;
}

static bool is_listed(const struct sl_contract *c, const struct sl_row *r)
{
	uint8_t set = sl_sets[r->set].protocol == SL_WIRE_NVME
			      ? r->set
			      : sl_set_of_type(sl_sets[r->set].asked, c->type);
	const struct sl_entry *e = sl_contract_find(
		c,
		sl_key(set, r->op_lo,
		       r->flags & SL_ROW_SELECTOR ? r->sel_lo | SL_ROW_SEL_HIGH(r) : SL_SEL_ANY));

	return e && (e->flags & SL_ENTRY_SUPPORTED);
}

bool sl_gap_next(const struct sl_contract *c, uint16_t *at, struct sl_gap *ret)
{
	while (*at < sl_row_count) {
		uint16_t row = (*at)++;
		const struct sl_row *r = &sl_rows[row];

		/* Get Features reads what Set Features changes: LID 12h speaks of the latter. */
		if (!sl_row_is_known(row) || (c && !is_listed(c, r)))
			continue;
		*ret = (struct sl_gap){.row = row, .source = source_of(row)};
		ret->floor = sl_row_full_floor(row);
		ret->missing = ret->floor & ~sl_contract_expressible(ret->source);
		ret->when = ret->missing & ~r->floor;
		ret->shared = shares(row);
		if (ret->missing || ret->shared)
			return true;
	}
	return false;
}
