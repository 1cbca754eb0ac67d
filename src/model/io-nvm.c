/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NVM command set (NVM command set 1.1 §3) on the sparse store. Copy has its own file.
 */
#include <stdlib.h>

#include "core/command.h"
#include "model/io.h"

enum {
	FID_ERROR_RECOVERY = 0x05,
	DULBE = 1 << 16, /* deallocated or unwritten block error, feature 05h */
	DSM_DEALLOCATE = 1 << 2,
	SMART_MEDIA_ERRORS = 160,
	RANGE_BYTES = 16,
};

/* Opcodes with SLBA and NLB where Read has them. */
static bool has_range(const struct sl_model_req *r)
{
	static const uint8_t opcodes[] = {0x01, 0x02, 0x04, 0x05, 0x08, 0x0c, 0x7d};

	if (r->queue != SL_WIRE_NVME_IO)
		return false;
	for (size_t i = 0; i < SL_COUNT(opcodes); i++)
		if (opcodes[i] == r->opc)
			return true;
	return false;
}

bool sl_io_range(const struct sl_model_req *r, uint64_t *ret_lba, uint64_t *ret_blocks)
{
	if (!has_range(r))
		return false;
	*ret_lba = r->cdw[10] | (uint64_t)r->cdw[11] << 32;
	*ret_blocks = (r->cdw[12] & 0xffff) + 1ull;
	return true;
}

uint16_t sl_io_check(const struct sl_model_ns *ns, uint64_t lba, uint64_t n)
{
	return lba >= sl_ns_limit(ns) || n > sl_ns_limit(ns) - lba ? NVME_LBA_RANGE : NVME_OK;
}

/* The host's buffers hold the blocks, and no more than the controller moves at a time. */
static uint16_t buffers(struct sl_model *m, struct sl_model_req *r, struct sl_xfer *x)
{
	uint64_t bytes = x->n * x->stride;

	if (bytes > sl_model_max_transfer(m))
		return sl_fail_field(r, 48, 0);
	if (bytes > r->data_len)
		return NVME_SGL_LENGTH;
	x->data = r->data;
	if (x->ns->ms && !x->extended && r->meta_len && !(x->pi.act && x->ns->ms == 8)) {
		if (x->n * x->ns->ms > r->meta_len)
			return NVME_SGL_LENGTH;
		x->meta = r->meta;
	}
	return NVME_OK;
}

uint16_t sl_xfer_init(struct sl_model *m, struct sl_model_req *r, bool moves, struct sl_xfer *ret)
{
	uint16_t s;

	*ret = (struct sl_xfer){.ns = r->ns};
	sl_io_range(r, &ret->lba, &ret->n);
	s = sl_io_check(r->ns, ret->lba, ret->n);
	if (!s)
		s = sl_pi_init(r, ret->lba, &ret->pi);
	if (s)
		return s;
	/* With PRACT and nothing but PI in the metadata, none of it travels. */
	ret->extended = sl_ns_extended(r->ns) && !(ret->pi.type && ret->pi.act && r->ns->ms == 8);
	ret->stride = sl_ns_block(r->ns) + (ret->extended ? r->ns->ms : 0u);
	return moves ? buffers(m, r, ret) : NVME_OK;
}

static uint8_t *host_meta(const struct sl_xfer *x, uint64_t i)
{
	if (x->extended && x->data)
		return x->data + i * x->stride + sl_ns_block(x->ns);
	return x->meta ? x->meta + i * x->ns->ms : NULL;
}

uint16_t sl_xfer_write(const struct sl_xfer *x)
{
	uint8_t *meta = calloc(1, x->ns->ms + 1u);
	uint8_t *zero = x->data ? NULL : calloc(1, sl_ns_block(x->ns));
	uint16_t s = meta && (zero || x->data) ? NVME_OK : NVME_INTERNAL;

	for (uint64_t i = 0; i < x->n && !s; i++) {
		const uint8_t *d = zero ? zero : x->data + i * x->stride;
		const uint8_t *h = host_meta(x, i);

		if (h)
			memcpy(meta, h, x->ns->ms);
		else
			memset(meta, 0, x->ns->ms);
		if (x->pi.type && x->pi.act)
			sl_pi_make(x->ns, &x->pi, i, d, meta);
		else if (x->pi.type && h)
			s = sl_pi_check(x->ns, &x->pi, i, d, meta);
		if (!s && sl_store_write(x->ns->store, x->lba + i, 1, d, meta) < 0)
			s = NVME_INTERNAL;
	}
	free(zero);
	free(meta);
	sl_ns_usage(x->ns);
	return s;
}

/* One block is in `block` and `meta`: checked, then handed over or compared. */
static uint16_t read_one(const struct sl_xfer *x, uint64_t i, const uint8_t *block,
			 const uint8_t *meta, bool compare)
{
	uint8_t *d = x->data ? x->data + i * x->stride : NULL;
	uint8_t *h = host_meta(x, i);
	uint16_t s = NVME_OK;

	if (x->pi.type && x->pi.check)
		s = sl_pi_check(x->ns, &x->pi, i, block, meta);
	if (s || !d)
		return s;
	if (compare)
		return memcmp(d, block, sl_ns_block(x->ns)) != 0 ||
				       (h && memcmp(h, meta, x->ns->ms) != 0)
			       ? NVME_COMPARE
			       : NVME_OK;
	memcpy(d, block, sl_ns_block(x->ns));
	if (h)
		memcpy(h, meta, x->ns->ms);
	return NVME_OK;
}

uint16_t sl_xfer_read(struct sl_model *m, const struct sl_xfer *x, bool compare)
{
	uint8_t *block = malloc(sl_ns_block(x->ns) + x->ns->ms);
	uint8_t *meta = block ? block + sl_ns_block(x->ns) : NULL;
	bool dulbe = sl_feature_current(m, FID_ERROR_RECOVERY) & DULBE;
	uint16_t s = block ? NVME_OK : NVME_INTERNAL;

	for (uint64_t i = 0; i < x->n && !s; i++) {
		unsigned flags = sl_store_flags(x->ns->store, x->lba + i, 1);

		if (flags & SL_BLOCK_BAD) {
			sl_smart_add(m, SMART_MEDIA_ERRORS, 1);
			s = NVME_READ_ERROR;
		} else if (dulbe && !(flags & SL_BLOCK_MAPPED)) {
			s = NVME_UNWRITTEN;
		} else {
			sl_store_read(x->ns->store, x->lba + i, 1, block, x->ns->ms ? meta : NULL);
			s = read_one(x, i, block, meta, compare);
		}
	}
	free(block);
	return s;
}

uint16_t sl_cmd_flush(struct sl_model *m, struct sl_model_req *r)
{
	(void)m; /* nothing is ever only in a cache */
	(void)r;
	return NVME_OK;
}

uint16_t sl_cmd_write(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_xfer x;
	uint16_t s = sl_xfer_init(m, r, true, &x);

	if (!s)
		s = sl_zone_write(r->ns, x.lba, x.n);
	if (!s)
		s = sl_xfer_write(&x);
	if (!s) {
		sl_zone_wrote(r->ns, x.lba, x.n);
		sl_fdp_wrote(m, r, x.n);
		sl_smart_io(m, x.n << r->ns->lbads, true);
	}
	return s;
}

uint16_t sl_cmd_read(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_xfer x;
	uint16_t s = sl_xfer_init(m, r, true, &x);

	if (!s)
		s = sl_zone_read(r->ns, x.lba, x.n);
	if (!s)
		s = sl_xfer_read(m, &x, false);
	if (s)
		return s;
	r->ret_len = (uint32_t)(x.n * x.stride);
	if (x.meta)
		r->ret_meta_len = (uint32_t)(x.n * r->ns->ms);
	sl_smart_io(m, x.n << r->ns->lbads, false);
	return NVME_OK;
}

uint16_t sl_cmd_compare(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_xfer x;
	uint16_t s = sl_xfer_init(m, r, true, &x);

	if (!s)
		s = sl_zone_read(r->ns, x.lba, x.n);
	if (!s)
		s = sl_xfer_read(m, &x, true);
	if (!s || s == NVME_COMPARE)
		sl_smart_io(m, x.n << r->ns->lbads, false);
	return s;
}

uint16_t sl_cmd_verify(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_xfer x;
	uint16_t s = sl_xfer_init(m, r, false, &x);

	if (!s)
		s = sl_zone_read(r->ns, x.lba, x.n);
	if (!s)
		s = sl_xfer_read(m, &x, false);
	if (!s)
		sl_smart_io(m, x.n << r->ns->lbads, false);
	return s;
}

uint16_t sl_cmd_write_zeroes(struct sl_model *m, struct sl_model_req *r)
{
	bool deallocate = r->cdw[12] & 1u << 25; /* DEAC */
	struct sl_xfer x;
	uint16_t s = sl_xfer_init(m, r, false, &x);

	if (!s)
		s = sl_zone_write(r->ns, x.lba, x.n);
	if (s)
		return s;
	/* DLFEAT: what a deallocated block reads as, and whether this command may deallocate. */
	if (deallocate && (r->ns->id[33] & 0xf) == 0x9) {
		sl_store_deallocate(r->ns->store, x.lba, x.n);
		sl_ns_usage(r->ns);
	} else {
		s = sl_xfer_write(&x);
	}
	if (!s)
		sl_zone_wrote(r->ns, x.lba, x.n);
	return s;
}

uint16_t sl_cmd_write_uncor(struct sl_model *m, struct sl_model_req *r)
{
	struct sl_xfer x;
	uint16_t s = sl_xfer_init(m, r, false, &x);

	if (!s)
		s = sl_zone_write(r->ns, x.lba, x.n);
	if (!s && sl_store_mark_bad(r->ns->store, x.lba, x.n) < 0)
		s = NVME_INTERNAL;
	if (!s)
		sl_zone_wrote(r->ns, x.lba, x.n);
	return s;
}

uint16_t sl_cmd_dsm(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t ranges = (r->cdw[10] & 0xff) + 1;
	uint16_t s = sl_req_need(r, ranges * RANGE_BYTES);

	(void)m;
	/* All ranges are checked before the first is touched. */
	for (uint32_t i = 0; i < ranges && !s; i++) {
		const uint8_t *d = r->data + i * RANGE_BYTES;

		if (sl_get_le32(d + 4))
			s = sl_io_check(r->ns, sl_get_le64(d + 8), sl_get_le32(d + 4));
	}
	for (uint32_t i = 0; i < ranges && !s && r->cdw[11] & DSM_DEALLOCATE; i++) {
		const uint8_t *d = r->data + i * RANGE_BYTES;

		sl_store_deallocate(r->ns->store, sl_get_le64(d + 8), sl_get_le32(d + 4));
	}
	if (!s)
		sl_ns_usage(r->ns);
	return s;
}

uint16_t sl_cmd_lba_status(struct sl_model *m, struct sl_model_req *r)
{
	uint64_t lba = r->cdw[10] | (uint64_t)r->cdw[11] << 32;
	uint64_t size = ((uint64_t)r->cdw[12] + 1) * 4, range = r->cdw[13] & 0xffff;
	uint32_t found = 0;
	uint8_t *b;
	uint16_t s;

	(void)m;
	if (lba >= sl_ns_size(r->ns))
		return NVME_LBA_RANGE;
	if (size > r->data_len)
		return NVME_SGL_LENGTH;
	if (!range || range > sl_ns_size(r->ns) - lba)
		range = sl_ns_size(r->ns) - lba < 65536 ? sl_ns_size(r->ns) - lba : 65536;
	b = calloc(1, size < 8 ? 8 : size);
	if (!b)
		return NVME_INTERNAL;
	for (uint64_t at = lba, end = lba + range; at < end && 8 + (found + 1) * 16 <= size;) {
		at = sl_store_find(r->ns->store, at, end - at, SL_BLOCK_BAD);
		if (at == end)
			break;
		sl_put_le64(b + 8 + 16 * found, at);
		while (at < end && sl_store_flags(r->ns->store, at, 1) & SL_BLOCK_BAD) {
			sl_put_le32(b + 16 + 16 * found, sl_get_le32(b + 16 + 16 * found) + 1);
			at++;
		}
		found++;
	}
	sl_put_le32(b, found);
	b[4] = 2; /* completed: the range was scanned */
	s = sl_req_give(r, b, (uint32_t)size);
	free(b);
	return s;
}
