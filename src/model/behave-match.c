/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a command, or the state, meet a condition of the persona? Looks, changes nothing.
 */
#include <stdio.h>
#include <string.h>

#include "core/command.h"
#include "model/behave-private.h"

static bool has_payload(const struct sl_model_req *r)
{
	return r->data && (r->dir == SL_DIR_OUT || r->dir == SL_DIR_BOTH);
}

/* Dataset Management names its ranges in the payload: 16 bytes each, NVM CS 1.1 Figure 39. */
static bool dsm_range(const struct sl_model_req *r, uint32_t i, uint64_t *ret_lba,
		      uint64_t *ret_blocks)
{
	if (!has_payload(r) || i > (r->cdw[10] & 0xff) || 16 * (i + 1) > r->data_len)
		return false;
	*ret_lba = sl_get_le64(r->data + 16 * i + 8);
	*ret_blocks = sl_get_le32(r->data + 16 * i + 4);
	return true;
}

/* Copy writes from SDLBA on as many blocks as its source ranges have, NVM CS 1.1 §3.3.1. */
static bool copy_range(const struct sl_model_req *r, uint64_t *ret_lba, uint64_t *ret_blocks)
{
	uint32_t n = (r->cdw[12] & 0xff) + 1, format = r->cdw[12] >> 8 & 0xf;
	uint32_t size = format == 1 || format == 3 ? 40 : 32;

	if (!has_payload(r))
		return false;
	*ret_lba = r->cdw[10] | (uint64_t)r->cdw[11] << 32;
	*ret_blocks = 0;
	for (uint32_t i = 0; i < n && size * (i + 1) <= r->data_len; i++)
		*ret_blocks += sl_get_le16(r->data + size * i + 16) + 1u;
	return true;
}

/* Range number i of an I/O command, if it has so many. */
static bool io_range(const struct sl_model_req *r, uint32_t i, uint64_t *ret_lba,
		     uint64_t *ret_blocks)
{
	if (r->queue != SL_WIRE_NVME_IO)
		return false;
	if (r->opc == 0x09)
		return dsm_range(r, i, ret_lba, ret_blocks);
	if (i)
		return false;
	return r->opc == 0x19 ? copy_range(r, ret_lba, ret_blocks)
			      : sl_io_range(r, ret_lba, ret_blocks);
}

struct sl_behave_ctx sl_behave_ctx(struct sl_model_req *req)
{
	struct sl_behave_ctx ctx = {.req = req, .nsid = req->nsid};

	ctx.has_lba = io_range(req, 0, &ctx.lba, &ctx.blocks);
	return ctx;
}

/* What an observer sends, by queue and opcode. */
static const struct {
	uint8_t queue, opcode, look;
} looks[] = {
	{SL_WIRE_NVME_ADMIN, 0x06, SL_LOOK_IDENTIFY}, /* Identify */
	{SL_WIRE_NVME_ADMIN, 0x02, SL_LOOK_LOG},      /* Get Log Page */
	{SL_WIRE_NVME_ADMIN, 0x0a, SL_LOOK_FEATURE},  /* Get Features */
	{SL_WIRE_NVME_IO, 0x02, SL_LOOK_READ},	      /* Read */
	{SL_WIRE_NVME_IO, 0x05, SL_LOOK_READ},	      /* Compare */
	{SL_WIRE_NVME_IO, 0x0c, SL_LOOK_READ},	      /* Verify */
	{SL_WIRE_NVME_IO, 0x7a, SL_LOOK_READ},	      /* Zone Management Receive */
};

static bool match_look(uint8_t want, const struct sl_model_req *r)
{
	for (size_t i = 0; i < SL_COUNT(looks); i++)
		if (looks[i].queue == r->queue && looks[i].opcode == r->opc)
			return looks[i].look & want;
	return false;
}

static bool match_dword(const struct sl_match_dword *d, const struct sl_model_req *r)
{
	uint32_t x = r->cdw[d->dword] & d->mask;

	return (x >= d->min && x <= d->max) != d->negate;
}

static bool overlaps(const struct sl_match *m, uint64_t lba, uint64_t blocks)
{
	return blocks && lba <= m->lba_last && (lba >= m->lba_first || m->lba_first - lba < blocks);
}

static bool match_lba(const struct sl_match *m, const struct sl_model_req *r)
{
	uint64_t lba, blocks;

	for (uint32_t i = 0; io_range(r, i, &lba, &blocks); i++)
		if (overlaps(m, lba, blocks))
			return true;
	return false;
}

static bool bytes_at(const struct sl_match_bytes *b, const uint8_t *p)
{
	if (!b->mask.len)
		return !memcmp(p, b->value.p, b->value.len);
	for (uint32_t i = 0; i < b->value.len; i++)
		if ((p[i] ^ b->value.p[i]) & b->mask.p[i])
			return false;
	return true;
}

static bool match_bytes(const struct sl_match_bytes *b, const struct sl_model_req *r)
{
	uint32_t step = b->anywhere ? 1 : b->stride;

	if (!has_payload(r) || r->data_len < b->value.len)
		return false;
	for (uint64_t at = b->offset; at <= r->data_len - b->value.len; at += step) {
		if (bytes_at(b, r->data + at))
			return true;
		if (!step)
			break;
	}
	return false;
}

bool sl_state_expand(const struct sl_state_ref *ref, uint32_t nsid, struct sl_state_ref *ret)
{
	const char *star = strchr(ref->name, '*');
	int n;

	if (!star) {
		*ret = *ref;
		return true;
	}
	n = snprintf(ret->name, sizeof(ret->name), "%.*s%u%s", (int)(star - ref->name), ref->name,
		     nsid, star + 1);
	return n > 0 && (size_t)n < sizeof(ret->name);
}

static bool compare(uint8_t cmp, uint64_t have, uint64_t want)
{
	switch (cmp) {
	case SL_CMP_EQ:
		return have == want;
	case SL_CMP_NE:
		return have != want;
	case SL_CMP_LT:
		return have < want;
	case SL_CMP_LE:
		return have <= want;
	case SL_CMP_GT:
		return have > want;
	case SL_CMP_GE:
		return have >= want;
	default:
		return have & want;
	}
}

bool sl_match_states(struct sl_behave *b, const struct sl_match_state *s, unsigned n, uint32_t nsid)
{
	for (unsigned i = 0; i < n; i++) {
		struct sl_state_ref ref;
		uint64_t have;

		if (!sl_state_expand(&s[i].ref, nsid, &ref) ||
		    sl_model_get(b->m, ref.name, &have) < 0)
			return false;
		if (!compare(s[i].cmp, have, s[i].value))
			return false;
	}
	return true;
}

/* Cheap conditions first: most commands meet none. */
bool sl_match_command(struct sl_behave *b, const struct sl_match *m, struct sl_model_req *r,
		      bool after)
{
	if (!(m->queue & r->queue) || (!m->any_opcode && !m->opcode[r->opc]))
		return false;
	if (m->nsid_on && (r->nsid < m->nsid_first || r->nsid > m->nsid_last))
		return false;
	if (m->look && !match_look(m->look, r))
		return false;
	if (after && m->status && (m->status == SL_STATUS_ERROR) != (r->status != 0))
		return false;
	for (unsigned i = 0; i < m->n_dwords; i++)
		if (!match_dword(&m->dwords[i], r))
			return false;
	if (m->lba_on && !match_lba(m, r))
		return false;
	for (unsigned i = 0; i < m->n_bytes; i++)
		if (!match_bytes(&m->payload[i], r))
			return false;
	return sl_match_states(b, m->states, m->n_states, r->nsid);
}

_Static_assert((int)SL_QUEUE_ADMIN == (int)SL_WIRE_NVME_ADMIN &&
		       (int)SL_QUEUE_IO == (int)SL_WIRE_NVME_IO,
	       "queues are bits of a match");
