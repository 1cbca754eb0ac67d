/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copy (NVM command set 1.1 §3.3.2), descriptor formats 0h … 3h; in 2h and 3h every descriptor
 * names its own source namespace, once the host has enabled them (feature 16h, CDFE).
 */
#include <stdlib.h>

#include "model/io.h"

enum {
	FID_HOST_BEHAVIOR = 0x16,
	BEHAVIOR_CDFE = 4, /* offset of the descriptor formats that the host enabled */
	ID_OCFS = 534,	   /* offset in Identify Controller: formats there are */
};

struct source {
	struct sl_model_ns *ns;
	uint64_t lba, n;
};

static bool format_usable(const struct sl_model *m, unsigned format)
{
	const struct sl_feature *f = &m->feature[FID_HOST_BEHAVIOR];
	uint16_t offered = sl_get_le16(m->id_ctrl + ID_OCFS);

	if (format > 3 || !(offered & 1u << format))
		return false;
	if (format < 2)
		return true;
	return f->present && f->data_len >= 6 &&
	       sl_get_le16(f->data + BEHAVIOR_CDFE) & 1u << format;
}

/* NVM command set 1.1 figures 38 … 41: SNSID 3:0 (formats 2, 3), SLBA 15:8, NLB 17:16. */
static uint16_t source_get(struct sl_model *m, struct sl_model_req *r, const uint8_t *d,
			   unsigned format, struct source *ret)
{
	ret->ns = r->ns;
	if (format >= 2) {
		ret->ns = sl_ns_find(m, sl_get_le32(d));
		if (!ret->ns || !ret->ns->attached)
			return sl_fail_field(r, 0, 0);
	}
	ret->lba = sl_get_le64(d + 8);
	ret->n = sl_get_le16(d + 16) + 1ull;
	if (ret->ns->lbads != r->ns->lbads || ret->ns->ms != r->ns->ms)
		return NVME_INCOMPATIBLE;
	if (!sl_resv_permits(m, ret->ns, false))
		return NVME_RESERVED;
	return sl_io_check(ret->ns, ret->lba, ret->n);
}

/* MSSRL and MCL: how much one range and all may copy; 0: no limit. */
static uint16_t within_limits(const struct sl_model_ns *ns, uint64_t largest, uint64_t total,
			      uint32_t ranges)
{
	uint16_t mssrl = sl_get_le16(ns->id + 74);
	uint32_t mcl = sl_get_le32(ns->id + 76);

	if ((mssrl && largest > mssrl) || (mcl && total > mcl) || ranges > ns->id[80] + 1u)
		return NVME_SIZE_LIMIT;
	return NVME_OK;
}

/* The blocks of one source, by way of `data` and `meta`, which hold one block. */
static uint16_t copy_source(struct sl_model *m, struct sl_model_req *r, const struct source *from,
			    uint64_t to, uint8_t *data, uint8_t *meta)
{
	struct sl_model_ns *ns = r->ns;
	struct sl_xfer in = {.ns = from->ns, .n = 1, .stride = sl_ns_block(ns), .data = data};

	in.meta = ns->ms ? meta : NULL;
	for (uint64_t i = 0; i < from->n; i++) {
		uint16_t s;

		in.lba = from->lba + i;
		s = sl_xfer_read(m, &in, false);
		if (!s && sl_store_write(ns->store, to + i, 1, data, meta) < 0)
			s = NVME_INTERNAL;
		if (s)
			return s;
	}
	return NVME_OK;
}

static uint16_t copy_all(struct sl_model *m, struct sl_model_req *r, const struct source *src,
			 uint32_t ranges)
{
	uint8_t *data = malloc(sl_ns_block(r->ns));
	uint8_t *meta = calloc(1, r->ns->ms + 1u);
	uint64_t start = r->cdw[10] | (uint64_t)r->cdw[11] << 32, to = start;
	uint16_t s = data && meta ? NVME_OK : NVME_INTERNAL;
	uint32_t i;

	for (i = 0; i < ranges && !s; i++) {
		s = sl_zone_read(src[i].ns, src[i].lba, src[i].n);
		if (!s)
			s = copy_source(m, r, &src[i], to, data, meta);
		if (!s)
			to += src[i].n;
	}
	if (s && i)
		r->result = i - 1; /* the lowest numbered range that was not copied */
	if (to > start) {
		sl_zone_wrote(r->ns, start, to - start);
		sl_smart_io(m, (to - start) << r->ns->lbads, true);
	}
	sl_ns_usage(r->ns);
	free(meta);
	free(data);
	return s;
}

uint16_t sl_cmd_copy(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t ranges = (r->cdw[12] & 0xff) + 1;
	unsigned format = r->cdw[12] >> 8 & 0xf;
	unsigned size = format & 1 ? 40 : 32;
	uint64_t to = r->cdw[10] | (uint64_t)r->cdw[11] << 32, total = 0, largest = 0;
	struct source src[256];
	uint16_t s;

	if (!format_usable(m, format))
		return sl_fail_field(r, 49, 0);
	s = sl_req_need(r, ranges * size);
	for (uint32_t i = 0; i < ranges && !s; i++) {
		s = source_get(m, r, r->data + i * size, format, &src[i]);
		if (s)
			break;
		total += src[i].n;
		largest = src[i].n > largest ? src[i].n : largest;
	}
	if (!s)
		s = within_limits(r->ns, largest, total, ranges);
	if (!s)
		s = sl_io_check(r->ns, to, total);
	if (!s)
		s = sl_zone_write(r->ns, to, total);
	return s ? s : copy_all(m, r, src, ranges);
}
