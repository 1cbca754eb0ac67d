/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands on the blocks of a disk (SBC-5 §5): they have the effect that the standard says. Lengths
 * are the CDB's; a host that brings less is told so, and nothing is written.
 */
#include <stdlib.h>

#include "core/command.h"
#include "model/scsi/handlers.h"
#include "model/scsi/scsi.h"

#define LBA_STATUS_MAX 64u    /* descriptors of one answer */
#define RUN_MAX	       65536u /* blocks that one of them walks */

/* Fields of the block limits page, SBC-5 table 271, from the start of its data. */
enum {
	LIMIT_WSNZ = 0,
	LIMIT_COMPARE = 1,
	LIMIT_TRANSFER = 4,
	LIMIT_UNMAP_BLOCKS = 16,
	LIMIT_UNMAP_DESCRIPTORS = 20,
	LIMIT_WRITE_SAME = 32,
};

/* Opcodes whose CDB names a range of blocks. */
static const uint8_t ranged[] = {0x08, 0x0a, 0x28, 0x2a, 0x2e, 0x2f, 0x34, 0x35, 0x41, 0x88, 0x89,
				 0x8a, 0x8e, 0x8f, 0x90, 0x91, 0x93, 0xa8, 0xaa, 0xae, 0xaf};

static void decode(const uint8_t *cdb, uint64_t *ret_lba, uint64_t *ret_n)
{
	switch (cdb[0] >> 5) {
	case 0:
		*ret_lba = be_get24(cdb + 1) & 0x1fffff;
		*ret_n = cdb[4] ? cdb[4] : 256;
		break;
	case 4:
		*ret_lba = sl_get_be64(cdb + 2);
		*ret_n = cdb[0] == 0x89 ? cdb[13] : sl_get_be32(cdb + 10);
		break;
	case 5:
		*ret_lba = sl_get_be32(cdb + 2);
		*ret_n = sl_get_be32(cdb + 6);
		break;
	default:
		*ret_lba = sl_get_be32(cdb + 2);
		*ret_n = sl_get_be16(cdb + 7);
	}
}

/* UNMAP parameter list, SBC-5 §5.39: a header of 8 bytes, descriptors of 16. */
static bool unmap_range(const struct sl_model_req *r, uint32_t i, uint64_t *ret_lba,
			uint64_t *ret_n)
{
	uint64_t at = 8 + 16ull * i;

	if (!sl_req_payload(r) || at + 16 > r->data_len || at + 16 > sl_get_be16(r->sqe + 7))
		return false;
	*ret_lba = sl_get_be64(r->data + at);
	*ret_n = sl_get_be32(r->data + at + 8);
	return true;
}

bool sl_scsi_range(const struct sl_model_req *r, uint32_t i, uint64_t *ret_lba,
		   uint64_t *ret_blocks)
{
	if (!r->ns)
		return false;
	if (r->sqe[0] == 0x42)
		return unmap_range(r, i, ret_lba, ret_blocks);
	for (size_t k = 0; !i && k < sizeof(ranged); k++) {
		if (ranged[k] != r->sqe[0])
			continue;
		decode(r->sqe, ret_lba, ret_blocks);
		return true;
	}
	return false;
}

static uint32_t limit(const struct sl_model *m, unsigned at, unsigned len)
{
	const struct sl_scsi_vpd *v = sl_scsi_vpd(m, 0xb0);

	if (!v || v->data.len < at + len)
		return 0;
	return len == 1 ? v->data.p[at] : sl_get_be32(v->data.p + at);
}

/* The range of a command, and whether the device has it. */
static uint32_t range(const struct sl_model *m, struct sl_model_req *r, uint64_t *lba, uint64_t *n)
{
	uint64_t size = sl_ns_size(r->ns);

	(void)m;
	decode(r->sqe, lba, n);
	return *lba > size || *n > size - *lba ? (uint32_t)S_LBA : (uint32_t)SCSI_GOOD;
}

/* Likewise of one that moves the blocks: they must not be more than the device moves at once. */
static uint32_t transfer(const struct sl_model *m, struct sl_model_req *r, uint64_t *lba,
			 uint64_t *n)
{
	uint32_t word = range(m, r, lba, n), max = limit(m, LIMIT_TRANSFER, 4);

	if (!word && ((max && *n > max) || *n > (UINT32_MAX >> 1) / sl_ns_block(r->ns)))
		word = sl_scsi_bad(r, r->sqe[0] >> 5 == 4 ? 10 : r->sqe[0] >> 5 == 5 ? 6 : 7, 7);
	return word;
}

/* A medium error, if there is one in the range: the first bad block is the information. */
static uint32_t bad_block(struct sl_model_req *r, uint64_t lba, uint64_t n)
{
	if (!(sl_store_flags(r->ns->store, lba, n) & SL_BLOCK_BAD))
		return SCSI_GOOD;
	r->info = sl_store_find(r->ns->store, lba, n, SL_BLOCK_BAD);
	r->has_info = true;
	return S_READ_ERROR;
}

uint32_t sl_scsi_read(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t block = sl_ns_block(r->ns), word, error, rest;
	uint64_t lba, n, whole;

	word = transfer(m, r, &lba, &n);
	if (word)
		return word;
	error = n ? bad_block(r, lba, n) : SCSI_GOOD;
	if (error)
		n = r->info - lba;
	sl_scsi_count(m, n, false);
	if (r->dir != SL_DIR_IN && r->dir != SL_DIR_BOTH)
		return error;
	whole = n * block > r->data_len ? r->data_len / block : n;
	sl_store_read(r->ns->store, lba, whole, r->data, NULL);
	r->ret_len = (uint32_t)whole * block;
	rest = whole < n ? r->data_len - r->ret_len : 0;
	if (rest) { /* the buffer ends inside a block */
		uint8_t *b = malloc(block);

		if (!b)
			return S_INTERNAL;
		sl_store_read(r->ns->store, lba + whole, 1, b, NULL);
		memcpy(r->data + r->ret_len, b, rest);
		r->ret_len += rest;
		free(b);
	}
	return error;
}

static uint32_t store(struct sl_model *m, struct sl_model_req *r, uint64_t lba, uint64_t n,
		      const uint8_t *p)
{
	if (n && sl_store_write(r->ns->store, lba, n, p, NULL) < 0)
		return S_INTERNAL;
	sl_ns_usage(r->ns);
	sl_scsi_count(m, n, true);
	return SCSI_GOOD;
}

uint32_t sl_scsi_write(struct sl_model *m, struct sl_model_req *r)
{
	uint64_t lba, n;
	uint32_t word = transfer(m, r, &lba, &n);

	if (!word)
		word = sl_scsi_need(r, (uint32_t)n * sl_ns_block(r->ns));
	return word ? word : store(m, r, lba, n, r->data);
}

/* Compares n blocks; `step` 0: each with the same block. Where they differ is the information. */
static uint32_t compare(struct sl_model_req *r, uint64_t lba, uint64_t n, uint32_t step)
{
	uint32_t block = sl_ns_block(r->ns);
	uint8_t *b = malloc(block);
	uint32_t word = SCSI_GOOD;

	if (!b)
		return S_INTERNAL;
	for (uint64_t i = 0; !word && i < n; i++) {
		const uint8_t *want = r->data + i * step;

		sl_store_read(r->ns->store, lba + i, 1, b, NULL);
		for (uint32_t k = 0; k < block && !word; k++)
			if (b[k] != want[k]) {
				r->info = i * block + k;
				r->has_info = true;
				word = S_MISCOMPARE;
			}
	}
	free(b);
	return word;
}

/* BYTCHK, SBC-5 §5.41: 0 checks the medium only, 1 against all, 3 against one block. */
uint32_t sl_scsi_verify(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t block = sl_ns_block(r->ns), how = r->sqe[1] >> 1 & 3, word;
	uint64_t lba, n;

	word = how ? transfer(m, r, &lba, &n) : range(m, r, &lba, &n);
	if (how == 2)
		return sl_scsi_bad(r, 1, 2);
	if (!word && n)
		word = bad_block(r, lba, n);
	if (word || !how || !n)
		return word;
	word = sl_scsi_need(r, how == 1 ? (uint32_t)n * block : block);
	return word ? word : compare(r, lba, n, how == 1 ? block : 0);
}

uint32_t sl_scsi_prefetch(struct sl_model *m, struct sl_model_req *r)
{
	uint64_t lba, n;

	return range(m, r, &lba, &n);
}

uint32_t sl_scsi_synchronize_cache(struct sl_model *m, struct sl_model_req *r)
{
	uint64_t lba, n;

	return range(m, r, &lba, &n); /* what was written is stored already */
}

uint32_t sl_scsi_compare_and_write(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t block = sl_ns_block(r->ns), word;
	uint64_t lba, n;

	word = range(m, r, &lba, &n);
	if (!word && n > limit(m, LIMIT_COMPARE, 1))
		word = sl_scsi_bad(r, 13, 7);
	if (!word)
		word = sl_scsi_need(r, 2 * (uint32_t)n * block);
	if (!word && n)
		word = bad_block(r, lba, n);
	if (!word)
		word = compare(r, lba, n, block);
	return word ? word : store(m, r, lba, n, r->data + n * block);
}

/* ---- provisioning ---- */

static bool all_equal(const uint8_t *p, uint32_t n)
{
	return !memcmp(p, p + 1, n - 1);
}

static uint32_t fill(struct sl_model *m, struct sl_model_req *r, uint64_t lba, uint64_t n,
		     const uint8_t *block)
{
	uint32_t size = sl_ns_block(r->ns);
	int e = 0;

	if (all_equal(block, size)) {
		e = sl_store_fill(r->ns->store, lba, n, block[0]);
	} else {
		for (uint64_t i = 0; !e && i < n; i++)
			e = sl_store_write(r->ns->store, lba + i, 1, block, NULL);
	}
	sl_ns_usage(r->ns);
	sl_scsi_count(m, n, true);
	return e < 0 ? (uint32_t)S_INTERNAL : (uint32_t)SCSI_GOOD;
}

static void deallocate(struct sl_model_req *r, uint64_t lba, uint64_t n)
{
	sl_store_deallocate(r->ns->store, lba, n);
	sl_ns_usage(r->ns);
}

/* SBC-5 §5.51: UNMAP deallocates where the block is what deallocated blocks read as. */
uint32_t sl_scsi_write_same(struct sl_model *m, struct sl_model_req *r)
{
	static const uint8_t zeroes[65536];
	bool no_buffer = r->sqe[0] == 0x93 && r->sqe[1] & 1, unmap = r->sqe[1] & 8;
	uint32_t max = limit(m, LIMIT_WRITE_SAME + 4, 4), size = sl_ns_block(r->ns);
	const uint8_t *block = no_buffer ? zeroes : r->data;
	uint64_t lba, n;
	uint32_t word = range(m, r, &lba, &n);

	if (!word && (r->sqe[1] & 0x10 || (unmap && !m->p->scsi->write_same_unmap)))
		word = sl_scsi_bad(r, 1, r->sqe[1] & 0x10 ? 4 : 3);
	if (!word && !n && limit(m, LIMIT_WSNZ, 1) & 1)
		word = sl_scsi_bad(r, r->sqe[0] == 0x93 ? 10 : 7, 7);
	if (!word && !n)
		n = sl_ns_size(r->ns) - lba;
	if (!word && ((max && n > max) || n > MODEL_FILL_MAX))
		word = sl_scsi_bad(r, r->sqe[0] == 0x93 ? 10 : 7, 7);
	if (!word)
		word = sl_scsi_need(r, no_buffer ? 0 : size);
	if (word || !n)
		return word;
	if (unmap && block[0] == 0 && all_equal(block, size)) {
		deallocate(r, lba, n);
		return SCSI_GOOD;
	}
	return fill(m, r, lba, n, block);
}

uint32_t sl_scsi_unmap(struct sl_model *m, struct sl_model_req *r)
{
	uint32_t len = sl_get_be16(r->sqe + 7), max = limit(m, LIMIT_UNMAP_BLOCKS, 4), word, count;
	uint64_t lba, n, sum = 0, size = sl_ns_size(r->ns);

	if (!m->p->scsi->unmap)
		return S_OPCODE;
	if (!len)
		return SCSI_GOOD;
	word = len < 8 ? (uint32_t)S_LIST_LENGTH : sl_scsi_need(r, len);
	if (word)
		return word;
	count = sl_get_be16(r->data + 2) / 16u; /* block descriptor data length */
	if (count > (len - 8) / 16)
		count = (len - 8) / 16;
	if (count > limit(m, LIMIT_UNMAP_DESCRIPTORS, 4))
		return sl_scsi_bad_parameter(r, 2, 7);
	for (uint32_t i = 0; i < count && unmap_range(r, i, &lba, &n); i++) {
		if (lba > size || n > size - lba)
			return S_LBA;
		sum += n;
	}
	if (max && sum > max)
		return sl_scsi_bad_parameter(r, 16, 7);
	for (uint32_t i = 0; i < count && unmap_range(r, i, &lba, &n); i++)
		deallocate(r, lba, n);
	return SCSI_GOOD;
}

/* ---- capacity ---- */

uint32_t sl_scsi_read_capacity10(struct sl_model *m, struct sl_model_req *r)
{
	uint64_t last = sl_ns_size(r->ns) - 1;
	uint8_t b[8];

	(void)m;
	be_put32(b, last > UINT32_MAX ? UINT32_MAX : (uint32_t)last);
	be_put32(b + 4, sl_ns_block(r->ns));
	return sl_scsi_give(r, b, sizeof(b), sizeof(b));
}

uint32_t sl_scsi_read_capacity16(struct sl_model *m, struct sl_model_req *r)
{
	const struct sl_persona_scsi *p = m->p->scsi;
	uint8_t b[32] = {0};

	be_put64(b, sl_ns_size(r->ns) - 1);
	be_put32(b + 8, sl_ns_block(r->ns));
	b[13] = p->physical_exponent;
	be_put16(b + 14, (uint16_t)(p->lowest_aligned | (p->provisioning ? 0x8000 : 0) |
				    (p->provisioning && p->lbprz ? 0x4000 : 0)));
	return sl_scsi_give(r, b, sizeof(b), sl_get_be32(r->sqe + 10));
}

/* Runs of mapped and of deallocated blocks, SBC-5 §5.9. */
uint32_t sl_scsi_get_lba_status(struct sl_model *m, struct sl_model_req *r)
{
	uint64_t lba = sl_get_be64(r->sqe + 2), size = sl_ns_size(r->ns);
	uint32_t alloc = sl_get_be32(r->sqe + 10), n = 0;
	uint8_t b[8 + 16 * LBA_STATUS_MAX] = {0};

	if (lba >= size)
		return S_LBA;
	while (n < LBA_STATUS_MAX && lba < size) {
		bool mapped = sl_store_flags(r->ns->store, lba, 1) & SL_BLOCK_MAPPED;
		uint64_t left = size - lba > UINT32_MAX ? UINT32_MAX : size - lba, run = 1;
		uint8_t *d = b + 8 + 16 * n++;

		if (!mapped && m->p->scsi->provisioning)
			run = sl_store_find(r->ns->store, lba, left, SL_BLOCK_MAPPED) - lba;
		while (mapped && run < left && run < RUN_MAX &&
		       sl_store_flags(r->ns->store, lba + run, 1) & SL_BLOCK_MAPPED)
			run++;
		if (!m->p->scsi->provisioning) /* fully provisioned: everything is mapped */
			run = left;
		be_put64(d, lba);
		be_put32(d + 8, (uint32_t)run);
		d[12] = mapped || !m->p->scsi->provisioning ? 0 : 1;
		lba += run;
	}
	be_put32(b, 4 + 16 * n);
	return sl_scsi_give(r, b, 8 + 16 * n, alloc);
}
