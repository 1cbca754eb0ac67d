/* SPDX-License-Identifier: Apache-2.0 */
/* Protocols as rows; NVMe's own. */
#include "observe/protocol.h"

#include <stdio.h>

#include "base/bytes.h"
#include "core/facts.h"
#include "core/table.h"
#include "observe/trial.h"
#include "spec/nvme.h"
#include "wire/wire.h"

#define NVME_INVALID_OPCODE 0x001u
#define NVME_SLBA	    40 /* offsets in a submission queue entry */
#define NVME_NLB	    48

static bool nvme_no_such(const struct sl_answer *a)
{
	return sl_answer_code(a) == NVME_INVALID_OPCODE;
}

static const struct {
	uint8_t opcode;
	uint32_t cdw10;
	uint32_t len;
	const char *name;
} neutrals[SL_NEUTRALS] = {
	{0x0a, 0x07, 4096, "get-features 07h"},
	{0x02, 0x03 | 1u << 15 | 127u << 16, 512, "get-log-page 03h"},
	{0x06, 0x01, 4096, "identify 01h"},
};

static void nvme_neutral(const struct sl_contract *c, unsigned i, struct sl_case *ret)
{
	(void)c;
	*ret = (struct sl_case){0};
	ret->cmd.set = SL_SET_NVME_ADMIN;
	ret->cmd.dir = SL_DIR_IN;
	ret->cmd.req_len = SL_REQ_MAX;
	ret->cmd.req[0] = neutrals[i].opcode;
	sl_put_le32(ret->cmd.req + 40, neutrals[i].cdw10);
	ret->cmd.data_len = neutrals[i].len;
	(void)snprintf(ret->name, sizeof(ret->name), "%s", neutrals[i].name);
}

static void nvme_block(const struct sl_contract *c, const struct sl_ns *ns, enum sl_block_op op,
		       uint64_t lba, uint32_t n, struct sl_command *ret)
{
	*ret = (struct sl_command){.set = SL_SET_NVME_IO, .req_len = SL_REQ_MAX};
	ret->req[0] = (uint8_t)op;
	sl_put_le32(ret->req + 4, ns->nsid);
	sl_put_le64(ret->req + NVME_SLBA, lba);
	sl_put_le16(ret->req + NVME_NLB, (uint16_t)(n - 1));
	sl_command_resolve(c, ret);
	ret->dir = op == SL_BLOCK_READ ? SL_DIR_IN : SL_DIR_OUT;
	ret->data_len = n * sl_ns_bytes(ns);
	ret->meta_len = ns->meta_ext ? 0 : n * ns->meta;
}

/* Setting a feature sets that one. */
static bool nvme_sets_one(const struct sl_case *x, const struct sl_probe *p, bool *ret_this)
{
	if ((p->facet != SL_FACET_FEATURE && p->facet != SL_FACET_FEATURE_SAVED) ||
	    sl_rows[x->row].set != SL_SET_NVME_ADMIN || x->cmd.req[0] != NVME_ADMIN_SET_FEATURES)
		return false;
	*ret_this = p->sel == x->cmd.req[40] &&
		    (!p->nsid || p->nsid == x->nsid || x->nsid == NVME_NSID_ALL);
	return true;
}

/* Set Features; SEL is a Get's. */
static bool nvme_set(const struct sl_contract *c, const struct sl_probe *p, uint64_t value,
		     const uint8_t *bytes, uint8_t *payload, struct sl_command *ret)
{
	(void)c;
	(void)bytes;
	(void)payload;
	if (p->facet != SL_FACET_FEATURE)
		return false;
	*ret = p->cmd;
	ret->dir = SL_DIR_NONE;
	ret->data_len = 0;
	ret->req[0] = NVME_ADMIN_SET_FEATURES;
	ret->req[41] = 0;
	sl_put_le32(ret->req + 44, (uint32_t)value);
	return true;
}

static const struct sl_observed nvme = {
	.set_by_value = true,
	.set = nvme_set,
	.source = SL_SOURCE_LID05,
	.fna_at = 524,
	.facets = SL_FACETS(ID_CTRL, ZONES) | SL_FACETS(BLOCKS, HASH),
	.vary = 0xfc0c, /* 2, 3, 10-15 */
	.block_opcodes =
		{[SL_BLOCK_WRITE] = 0x01, [SL_BLOCK_READ] = 0x02, [SL_BLOCK_COMPARE] = 0x05},
	.no_such_text = "Invalid Command Opcode",
	.no_such = nvme_no_such,
	.find = sl_nvme_probes,
	.neutral = nvme_neutral,
	.block = nvme_block,
	.base = sl_nvme_cases,
	.opcodes = sl_nvme_cases_opcodes,
	.sets_one = nvme_sets_one,
};

static const struct sl_observed *const rows[_SL_WIRE_PROTOCOL_N] = {
	[SL_WIRE_NVME] = &nvme,
	[SL_WIRE_SCSI] = &sl_observed_scsi,
	[SL_WIRE_CXL] = &sl_observed_cxl,
};

bool sl_observed_known(uint8_t protocol)
{
	return protocol < _SL_WIRE_PROTOCOL_N && rows[protocol];
}

const struct sl_observed *sl_observed_of(uint8_t protocol)
{
	return sl_observed_known(protocol) ? rows[protocol] : &nvme;
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
