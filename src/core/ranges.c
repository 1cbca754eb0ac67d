/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocks a command names, from its dwords and from the descriptors of its payload. A descriptor
 * with a reserved bit, an impossible range or a namespace that is not there ends the walk as `bad`.
 */
#include "core/ranges.h"

#include <string.h>

#include "base/bytes.h"
#include "core/table.h"
#include "spec/nvme.h"

void sl_ranges_init(struct sl_ranges *it, const struct sl_contract *contract,
		    const struct sl_command *cmd, const struct sl_facts *facts, const uint8_t *data)
{
	memset(it, 0, sizeof(*it));
	it->contract = contract;
	it->cmd = cmd;
	it->facts = facts;
	it->data = data;
}

static bool bad(struct sl_ranges *it, uint8_t reason)
{
	it->bad = true;
	it->reason = reason;
	return false;
}

/* Emits a range, unless its end lies past the last block that can be numbered. */
static bool emit(struct sl_ranges *it, uint32_t nsid, uint64_t lba, uint64_t count, bool source,
		 struct sl_range *ret)
{
	if (!count || count - 1 > UINT64_MAX - lba)
		return bad(it, SL_REASON_RESERVED_BITS);
	ret->nsid = nsid;
	ret->source = source;
	ret->lba = lba;
	ret->count = count;
	return true;
}

/* In the command's own namespace. */
static bool here(struct sl_ranges *it, uint64_t lba, uint64_t count, bool source,
		 struct sl_range *ret)
{
	return emit(it, it->facts->nsid, lba, count, source, ret);
}

/* The namespace, or all of them when none in particular is named. */
static bool whole(struct sl_ranges *it, struct sl_range *ret)
{
	const struct sl_facts *f = it->facts;

	return emit(it, f->nsid ? f->nsid : NVME_NSID_ALL, 0,
		    f->ns && f->ns->blocks ? f->ns->blocks : UINT64_MAX, false, ret);
}

/* One zone; where its size is not known, all blocks from there on. */
static bool zone(struct sl_ranges *it, uint64_t slba, struct sl_range *ret)
{
	uint64_t size = it->facts->ns ? it->facts->ns->zone : 0;

	if (!size)
		return here(it, slba, UINT64_MAX - slba, false, ret);
	return here(it, slba - slba % size, size, false, ret);
}

/*
 * Range definition of Dataset Management, NVM command set 1.1 §3.3: context attributes (AF 3:0,
 * AL 5:4, SR 8, SW 9, WP 10, access size 31:24), length in blocks (0: names none), starting LBA.
 */
#define DSM_SIZE	   16u
#define DSM_CATTR_RESERVED 0x00fff8c0u

static bool next_dsm(struct sl_ranges *it, struct sl_range *ret)
{
	uint32_t n = it->cmd->req[40] + 1u;

	if (!it->data || it->cmd->data_len < n * DSM_SIZE)
		return bad(it, SL_REASON_SHORT);
	while (it->at < n) {
		const uint8_t *d = it->data + (size_t)DSM_SIZE * it->at++;

		if (sl_get_le32(d) & DSM_CATTR_RESERVED)
			return bad(it, SL_REASON_RESERVED_BITS);
		if (sl_get_le32(d + 4))
			return here(it, sl_get_le64(d + 8), sl_get_le32(d + 4), false, ret);
	}
	return false;
}

static bool next_source(struct sl_ranges *it, const struct sl_copy_source *fmt,
			struct sl_range *ret)
{
	const uint8_t *d = it->data + (size_t)fmt->size * it->at++;
	uint64_t count = sl_get_le16(d + 16) + UINT64_C(1);
	uint32_t nsid = fmt->snsid ? sl_get_le32(d) : it->facts->nsid;
	uint8_t wrong = 0;

	for (uint32_t i = 0; i < fmt->size; i++)
		wrong |= d[i] & fmt->reserved[i];
	if (wrong)
		return bad(it, SL_REASON_RESERVED_BITS);
	if (fmt->snsid && !sl_contract_ns(it->contract, nsid))
		return bad(it, SL_REASON_NAMESPACE);
	it->total += count;
	return emit(it, nsid, sl_get_le64(d + 8), count, true, ret);
}

/* The sources in order, then the destination: as many blocks as all of them together. */
static bool next_copy(struct sl_ranges *it, struct sl_range *ret)
{
	uint8_t desfmt = it->cmd->req[49] & 15;
	uint32_t n = it->cmd->req[48] + 1u;
	const struct sl_copy_source *fmt;

	if (desfmt >= sl_copy_source_count)
		return bad(it, SL_REASON_UNLISTED);
	fmt = &sl_copy_sources[desfmt];
	if (!it->data || it->cmd->data_len < n * fmt->size)
		return bad(it, SL_REASON_SHORT);
	if (it->at < n)
		return next_source(it, fmt, ret);
	if (it->at++ > n)
		return false;
	return here(it, sl_get_le64(it->cmd->req + 40), it->total, false, ret);
}

/*
 * A list of ranges, as SCSI has them: the length of all but its own field, that of the descriptors;
 * descriptors of 16 bytes: LBA, number of blocks (0: names none), four reserved bytes.
 */
#define LIST_SIZE 16u

static bool next_listed(struct sl_ranges *it, struct sl_range *ret)
{
	const struct sl_block_list *l = &sl_block_lists[sl_rows[it->facts->row].len_arg];
	uint32_t len = it->facts->payload, n;

	if (!len) /* an empty list is no error and names nothing */
		return false;
	if (!it->data || len < l->head)
		return bad(it, SL_REASON_SHORT);
	n = sl_get_be16(it->data + l->size);
	if (n % LIST_SIZE || len < l->head + n || sl_get_be16(it->data) + 2u != l->head + n)
		return bad(it, SL_REASON_SHORT);
	for (uint32_t i = 0; i < l->zeros; i++)
		if (it->data[l->zero + i])
			return bad(it, SL_REASON_RESERVED_BITS);
	while (it->at < n / LIST_SIZE) {
		const uint8_t *d = it->data + l->head + (size_t)LIST_SIZE * it->at++;

		if (sl_get_be32(d + 12))
			return bad(it, SL_REASON_RESERVED_BITS);
		if (sl_get_be32(d + 8))
			return here(it, sl_get_be64(d), sl_get_be32(d + 8), false, ret);
	}
	return false;
}

/*
 * A descriptor of a source or destination of EXTENDED COPY (CSCD, SPC-4 §6.4.5): is it this very
 * unit, by its NAA designator in a descriptor of type E4h, with blocks of its size?
 */
#define CSCD_SIZE 32u

static bool is_here(const struct sl_ns *ns, const uint8_t *d)
{
	uint8_t naa = ns && ns->guid[0] >> 4 == 6 ? 16 : 8;

	return ns && ns->guid[0] && d[0] == 0xe4 && !d[1] && (d[4] & 15) == 1 &&
	       (d[5] & 0x3f) == 3 && d[7] == naa && !memcmp(d + 8, ns->guid, 16) &&
	       sl_get_be32(d + 28) == UINT32_C(1) << ns->lba_shift;
}

/*
 * A source, then a destination for each segment (SPC-4 §6.4.6): type, flags, length (2), CSCDs (2
 * each); from blocks to blocks: two reserved bytes, number of blocks (2), their LBAs. Where either
 * is another unit, or the blocks are not counted, everything everywhere.
 */
static bool next_xcopy(struct sl_ranges *it, struct sl_range *ret)
{
	const struct sl_copy_list *l = &sl_copy_lists[sl_rows[it->facts->row].len_arg];
	const uint8_t *targets, *d;
	const struct sl_ns *ns = it->facts->ns;
	uint64_t n_targets, n, from, to;

	if (!it->facts->payload)
		return false;
	if (!it->data || it->facts->payload < l->head)
		return bad(it, SL_REASON_SHORT);
	n_targets = sl_field_get(&l->targets, it->data);
	n = sl_field_get(&l->segments, it->data);
	if (n_targets % CSCD_SIZE ||
	    l->head + n_targets + n + sl_field_get(&l->inlined, it->data) != it->facts->payload)
		return bad(it, SL_REASON_SHORT);
	if (it->at == n)
		return false;
	targets = it->data + l->head;
	d = targets + n_targets + it->at;
	if (n - it->at < 8 || n - it->at < 4u + sl_get_be16(d + 2))
		return bad(it, SL_REASON_SHORT);
	if (!sl_copy_segments[d[0]] || sl_get_be16(d + 2) != sl_copy_segments[d[0]] || d[1] & ~3 ||
	    (l->format && it->data[0] != l->format))
		return bad(it, SL_REASON_UNLISTED);
	from = sl_get_be16(d + 4) * CSCD_SIZE;
	to = sl_get_be16(d + 6) * CSCD_SIZE;
	if (from >= n_targets || to >= n_targets)
		return bad(it, SL_REASON_SHORT);
	it->total ^= 1;
	if (!it->total)
		it->at += 4u + sl_get_be16(d + 2);
	if ((d[0] != 0x02 && d[0] != 0x0d) || sl_get_be16(d + 8) || !is_here(ns, targets + from) ||
	    !is_here(ns, targets + to))
		return emit(it, NVME_NSID_ALL, 0, UINT64_MAX, it->total, ret);
	return here(it, sl_get_be64(d + (it->total ? 12 : 20)), sl_get_be16(d + 10), it->total,
		    ret);
}

/* The format's lba and size fields, in the request or in the payload. */
static bool next_lba(struct sl_ranges *it, uint8_t kind, struct sl_range *ret)
{
	const struct sl_row *row = &sl_rows[it->facts->row];
	const struct sl_format *f = &sl_formats[row->format];
	const uint8_t *from = f->lba.space == SL_SPACE_DATA ? it->data : it->cmd->req;
	uint64_t lba, n = 1;

	if (f->lba.space == SL_SPACE_DATA &&
	    (!from || it->facts->payload < (uint32_t)f->lba.off + f->lba.bytes ||
	     it->facts->payload < (uint32_t)f->size.off + f->size.bytes))
		return bad(it, SL_REASON_SHORT);
	lba = sl_field_get(&f->lba, from);
	if (f->size.bytes)
		n = sl_field_get(&f->size, from);
	if (kind == SL_RANGES_LBA && !n)
		n = row->len == SL_LEN_BLOCKS ? row->len_arg : 0;
	/* ALL of ZBC OUT: the address means nothing. */
	if (kind == SL_RANGES_LBA_ON && row->len_arg &&
	    (it->cmd->req[row->len_arg % SL_REQ_MAX] & 1))
		return whole(it, ret);
	if (kind == SL_RANGES_LBA_ON || (kind == SL_RANGES_LBA_END && !n))
		n = it->facts->ns && it->facts->ns->blocks > lba ? it->facts->ns->blocks - lba
								 : UINT64_MAX - lba;
	return n || kind != SL_RANGES_LBA ? here(it, lba, n, false, ret) : false;
}

/* The kinds that name one range. */
static bool next_single(struct sl_ranges *it, uint8_t kind, struct sl_range *ret)
{
	const uint8_t *req = it->cmd->req;
	uint64_t slba = sl_get_le64(req + 40);

	if (it->at++)
		return false;
	switch (kind) {
	case SL_RANGES_NONE:
		return false;
	case SL_RANGES_SLBA_NLB:
		return here(it, slba, sl_get_le16(req + 48) + UINT64_C(1), false, ret);
	case SL_RANGES_ZONE:
		return req[53] & 1 ? whole(it, ret) : zone(it, slba, ret);
	case SL_RANGES_ZONE_APPEND:
		return zone(it, slba, ret);
	case SL_RANGES_UNTOLD:
		return bad(it, SL_REASON_UNDESCRIBED);
	case SL_RANGES_LBA:
	case SL_RANGES_LBA_END:
	case SL_RANGES_LBA_ON:
		return next_lba(it, kind, ret);
	default:
		return whole(it, ret);
	}
}

bool sl_ranges_next(struct sl_ranges *it, struct sl_range *ret)
{
	uint8_t kind = sl_rows[it->facts->row].ranges;

	if (it->bad)
		return false;
	if (kind == SL_RANGES_DSM)
		return next_dsm(it, ret);
	if (kind == SL_RANGES_COPY)
		return next_copy(it, ret);
	if (kind == SL_RANGES_LIST)
		return next_listed(it, ret);
	if (kind == SL_RANGES_XCOPY)
		return next_xcopy(it, ret);
	return next_single(it, kind, ret);
}
