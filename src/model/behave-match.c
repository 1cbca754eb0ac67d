/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a command, or the state, meet a condition of the persona? Looks, changes nothing.
 */
#include <stdio.h>
#include <string.h>

#include "core/command.h"
#include "model/behave-private.h"

struct sl_behave_ctx sl_behave_ctx(struct sl_behave *b, struct sl_model_req *req)
{
	struct sl_behave_ctx ctx = {.req = req, .nsid = req->nsid};

	ctx.has_lba = b->m->ops->range(req, 0, &ctx.lba, &ctx.blocks);
	return ctx;
}

bool sl_match_queue(const struct sl_match *m, const struct sl_model_req *req)
{
	return m->queue == SL_QUEUE_ANY || m->queue == req->queue;
}

static bool match_number(const struct sl_match_number *d, const struct sl_model_req *r)
{
	uint64_t x = 0;

	for (unsigned i = 0; i < d->len; i++)
		x |= (uint64_t)r->sqe[d->at + i] << 8 * (d->big_endian ? d->len - 1 - i : i);
	x &= d->mask;
	return (x >= d->min && x <= d->max) != d->negate;
}

static bool overlaps(const struct sl_match *m, uint64_t lba, uint64_t blocks)
{
	return blocks && lba <= m->lba_last && (lba >= m->lba_first || m->lba_first - lba < blocks);
}

static bool match_lba(const struct sl_behave *b, const struct sl_match *m,
		      const struct sl_model_req *r)
{
	uint64_t lba, blocks;

	for (uint32_t i = 0; b->m->ops->range(r, i, &lba, &blocks); i++)
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

	if (!sl_req_payload(r) || r->data_len < b->value.len)
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
	if (!sl_match_queue(m, r) || (!m->any_opcode && !m->opcode[r->opc]))
		return false;
	if (m->nsid_on && (r->nsid < m->nsid_first || r->nsid > m->nsid_last))
		return false;
	if (m->look && !(m->look & b->m->ops->look(r)))
		return false;
	if (after && m->status && (m->status == SL_STATUS_ERROR) != (r->status != 0))
		return false;
	for (unsigned i = 0; i < m->n_numbers; i++)
		if (!match_number(&m->numbers[i], r))
			return false;
	if (m->lba_on && !match_lba(b, m, r))
		return false;
	for (unsigned i = 0; i < m->n_bytes; i++)
		if (!match_bytes(&m->payload[i], r))
			return false;
	return sl_match_states(b, m->states, m->n_states, r->nsid);
}

_Static_assert((int)SL_QUEUE_ADMIN == (int)SL_WIRE_NVME_ADMIN &&
		       (int)SL_QUEUE_IO == (int)SL_WIRE_NVME_IO,
	       "a match names queues as commands do");
