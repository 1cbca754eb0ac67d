/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protection information, 16-bit guard (NVM command set 1.1 §5.3): made and checked, block by
 * block. Storage tags and the wider guards are not in this model: formats that want them have no PI
 * here.
 */
#include "model/io.h"

/* CRC-16/T10-DIF. */
static uint16_t crc16(uint16_t crc, const uint8_t *p, size_t n)
{
	for (; n; n--, p++) {
		crc = (uint16_t)(crc ^ *p << 8);
		for (int k = 0; k < 8; k++)
			crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x8bb7 : crc << 1);
	}
	return crc;
}

uint16_t sl_pi_init(const struct sl_model_req *r, uint64_t lba, struct sl_pi *ret)
{
	uint8_t dps = r->ns->id[29];

	*ret = (struct sl_pi){
		.type = r->ns->ms >= 8 ? dps & 7 : 0,
		.first = dps & 8,
		.act = r->cdw[12] & 1u << 29,
		.check = r->cdw[12] >> 26 & 7,
		.app = (uint16_t)r->cdw[15],
		.app_mask = (uint16_t)(r->cdw[15] >> 16),
		.ref = r->cdw[14],
	};
	if (ret->type == 1 && ret->check & 1 && !ret->act && ret->ref != (uint32_t)lba)
		return NVME_PI_INVALID;
	if (ret->type == 3 && ret->check & 1)
		return NVME_PI_INVALID;
	return NVME_OK;
}

static uint8_t *tuple(const struct sl_model_ns *ns, const struct sl_pi *pi, uint8_t *meta)
{
	return pi->first ? meta : meta + ns->ms - 8;
}

static uint16_t guard(const struct sl_model_ns *ns, const struct sl_pi *pi, const uint8_t *data,
		      const uint8_t *meta)
{
	uint16_t crc = crc16(0, data, sl_ns_block(ns));

	return pi->first ? crc : crc16(crc, meta, ns->ms - 8u);
}

static uint32_t reference(const struct sl_pi *pi, uint64_t i)
{
	return pi->type == 3 ? pi->ref : (uint32_t)(pi->ref + i);
}

void sl_pi_make(const struct sl_model_ns *ns, const struct sl_pi *pi, uint64_t i,
		const uint8_t *data, uint8_t *meta)
{
	uint8_t *t = tuple(ns, pi, meta);
	uint16_t g = guard(ns, pi, data, meta);
	uint32_t ref = reference(pi, i);

	t[0] = (uint8_t)(g >> 8);
	t[1] = (uint8_t)g;
	t[2] = (uint8_t)(pi->app >> 8);
	t[3] = (uint8_t)pi->app;
	for (unsigned k = 0; k < 4; k++)
		t[4 + k] = (uint8_t)(ref >> (24 - 8 * k));
}

uint16_t sl_pi_check(const struct sl_model_ns *ns, const struct sl_pi *pi, uint64_t i,
		     const uint8_t *data, const uint8_t *meta)
{
	const uint8_t *t = pi->first ? meta : meta + ns->ms - 8;
	uint16_t app = sl_get_be16(t + 2);
	uint32_t ref = sl_get_be32(t + 4);

	/* Tags of all ones switch checking off for the block. */
	if (app == 0xffff && (pi->type != 3 || ref == 0xffffffff))
		return NVME_OK;
	if (pi->check & 4 && sl_get_be16(t) != guard(ns, pi, data, meta))
		return NVME_GUARD;
	if (pi->check & 2 && (app ^ pi->app) & pi->app_mask)
		return NVME_APPTAG;
	if (pi->check & 1 && ref != reference(pi, i))
		return NVME_REFTAG;
	return NVME_OK;
}
