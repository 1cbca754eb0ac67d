/* SPDX-License-Identifier: Apache-2.0 */
/* Protocols as rows, and what the tables say of blocks. */
#include "observe/protocol.h"

#include "base/bytes.h"
#include "core/table.h"
#include "spec/nvme.h"
#include "wire/wire.h"

static const struct sl_observed *const rows[_SL_WIRE_PROTOCOL_N] = {
	[SL_WIRE_NVME] = &sl_observed_nvme,
	[SL_WIRE_SCSI] = &sl_observed_scsi,
	[SL_WIRE_CXL] = &sl_observed_cxl,
};

bool sl_observed_known(uint8_t protocol)
{
	return protocol < _SL_WIRE_PROTOCOL_N && rows[protocol];
}

const struct sl_observed *sl_observed_of(uint8_t protocol)
{
	return sl_observed_known(protocol) ? rows[protocol] : &sl_observed_nvme;
}

bool sl_facet_of(unsigned facet, uint8_t protocol)
{
	return sl_observed_of(protocol)->facets >> facet & 1;
}

uint64_t sl_case_lba(const struct sl_case *x)
{
	const struct sl_field *f = &sl_formats[sl_rows[x->row].format].lba;

	return f->bytes && f->space == SL_SPACE_REQ ? sl_field_get(f, x->cmd.req)
						    : sl_get_le64(x->cmd.req + NVME_SLBA);
}

uint32_t sl_case_blocks(const struct sl_case *x)
{
	const struct sl_format *f = &sl_formats[sl_rows[x->row].format];

	return f->lba.bytes && f->size.bytes ? (uint32_t)sl_field_get(&f->size, x->cmd.req)
					     : sl_get_le16(x->cmd.req + NVME_NLB) + 1u;
}

void sl_case_set_lba(struct sl_case *x, uint64_t lba)
{
	const struct sl_field *f = &sl_formats[sl_rows[x->row].format].lba;

	if (f->bytes && f->space == SL_SPACE_REQ)
		sl_field_set(f, x->cmd.req, lba);
	else
		sl_put_le64(x->cmd.req + NVME_SLBA, lba);
}

enum sl_role sl_role_of(uint16_t row, const uint8_t *req)
{
	const struct sl_observed *o = sl_observed_of(sl_sets[sl_rows[row].set].protocol);

	for (size_t i = 0; i < o->n_known; i++) {
		const struct sl_known *k = &o->known[i];

		if (k->set == sl_rows[row].set && k->opcode == req[0] &&
		    (req[k->at] & k->mask) == k->value)
			return k->role;
	}
	return SL_ROLE_OTHER;
}

bool sl_blocks_named(uint16_t row, const uint8_t *req, struct sl_range *ret)
{
	const struct sl_row *r = &sl_rows[row];
	const struct sl_format *f = &sl_formats[r->format];

	*ret = (struct sl_range){.nsid = sl_sets[r->set].lu};
	if (r->ranges == SL_RANGES_SLBA_NLB) {
		ret->nsid = sl_get_le32(req + 4);
		ret->lba = sl_get_le64(req + NVME_SLBA);
		ret->count = sl_get_le16(req + NVME_NLB) + UINT64_C(1);
		return true;
	}
	if ((r->ranges != SL_RANGES_LBA && r->ranges != SL_RANGES_LBA_END) ||
	    f->lba.space != SL_SPACE_REQ || !f->size.bytes)
		return false;
	ret->lba = sl_field_get(&f->lba, req);
	ret->count = sl_field_get(&f->size, req);
	if (!ret->count && r->len == SL_LEN_BLOCKS)
		ret->count = r->len_arg;
	return ret->count != 0;
}
