/* SPDX-License-Identifier: Apache-2.0 */
/* Decoders of SCSI contract answers. Trusted: no heap, no system calls. */
#include "core/decode-scsi.h"

#include <string.h>

#include "base/bytes.h"
#include "core/decode-nvme.h"
#include "core/table.h"
#include "wire/wire.h"

static struct sl_ns *unit(struct sl_contract *c)
{
	if (!c->n_ns)
		c->ns[c->n_ns++] = (struct sl_ns){.nsid = SL_SCSI_LU};
	return &c->ns[0];
}

int sl_contract_scsi_inquiry(struct sl_contract *c, const void *data, size_t len)
{
	const uint8_t *p = data;

	if (len < 36)
		return SL_FLAW_TRUNCATED;
	/* Peripheral qualifier: 0 connected; else there is no unit behind it whose type this is. */
	c->type = p[0] >> 5 ? SL_TYPE_NONE : p[0] & 0x1f;
	sl_contract_trim(c->vendor, sizeof(c->vendor), p + 8, 8);
	sl_contract_trim(c->model, sizeof(c->model), p + 16, 16);
	sl_contract_trim(c->firmware, sizeof(c->firmware), p + 32, 4);
	(void)unit(c);
	return 0;
}

int sl_contract_scsi_serial(struct sl_contract *c, const void *page, size_t len)
{
	const uint8_t *p = page;

	if (len < 4 || len < 4u + p[3] || p[1] != 0x80)
		return SL_FLAW_TRUNCATED;
	sl_contract_trim(c->serial, sizeof(c->serial), p + 4, p[3]);
	return 0;
}

int sl_contract_scsi_ident(struct sl_contract *c, const void *page, size_t len)
{
	struct sl_view v = sl_view(page, len);
	const uint8_t *head = sl_view_take(&v, 4);

	if (!head || head[1] != 0x83)
		return SL_FLAW_TRUNCATED;
	while (v.at + 4 <= v.len) {
		const uint8_t *d = sl_view_take(&v, 4), *id = sl_view_take(&v, d[3]);

		if (!id)
			return SL_FLAW_BAD_NS;
		/* NAA designator of the logical unit (§7.7.6.6): association 0, type 3. */
		if ((d[1] & 0x3f) == 3 && d[3] <= 16)
			memcpy(unit(c)->guid, id, d[3]);
	}
	return 0;
}

int sl_contract_scsi_capacity(struct sl_contract *c, const void *data, size_t len)
{
	const uint8_t *p = data;
	struct sl_ns *ns = unit(c);
	uint64_t last;
	uint32_t size;

	if (len < 8 || (len > 8 && len < 32))
		return SL_FLAW_TRUNCATED;
	last = len == 8 ? sl_get_be32(p) : sl_get_be64(p);
	size = sl_get_be32(p + (len == 8 ? 4 : 8));
	if (last == (len == 8 ? UINT32_MAX : UINT64_MAX))
		return SL_FLAW_BAD_NS;
	ns->blocks = last + 1;
	ns->lba_shift = 0;
	for (uint8_t shift = 9; shift <= 24; shift++)
		/* 520 and the like: eight bytes more on every block, in the same buffer. */
		if (size >= 1u << shift && size - (1u << shift) <= 64) {
			ns->lba_shift = shift;
			ns->meta = (uint16_t)(size - (1u << shift));
			ns->meta_ext = ns->meta != 0;
		}
	return ns->lba_shift ? 0 : SL_FLAW_BAD_NS;
}

/* Bits of a command descriptor's byte 5: SERVACTV, CTDP, MLU. */
#define SERVACTV 0x01
#define CTDP	 0x02
#define MLU(b)	 ((b) >> 4 & 3)

int sl_contract_scsi_rsoc(struct sl_contract *c, const void *data, size_t len)
{
	static const sl_scope scopes[] = {SL_S_NONE, SL_S_NS, SL_S_SUBSYSTEM, SL_S_SUBSYSTEM};
	struct sl_view v = sl_view(data, len);
	const uint8_t *head = sl_view_take(&v, 4), *d;
	uint8_t set = sl_set_of_type(SL_SET_SCSI, c->type);
	int flaw = 0;

	if (!head || sl_get_be32(head) > len - 4)
		return SL_FLAW_TRUNCATED;
	v.len = 4u + sl_get_be32(head);
	while (v.at < v.len) {
		struct sl_entry *e;

		d = sl_view_take(&v, 8);
		if (!d || ((d[5] & CTDP) && !sl_view_take(&v, 12)))
			return SL_FLAW_TRUNCATED;
		e = sl_contract_add(
			c, sl_key(set, d[0], d[5] & SERVACTV ? sl_get_be16(d + 2) : SL_SEL_ANY));
		if (!e)
			return SL_FLAW_FULL;
		e->raw = d[5] | (uint32_t)sl_get_be16(d + 6) << 16;
		e->source = SL_SOURCE_RSOC;
		e->trust = SL_TRUST_DECLARED;
		e->scope = scopes[MLU(d[5])];
		e->flags |= SL_ENTRY_SUPPORTED | SL_ENTRY_NO_EFFECTS;
		if ((d[5] & 0x80) || d[1] || d[4]) {
			e->flags |= SL_ENTRY_RESERVED;
			e->declared |= SL_E_UNKNOWN;
			flaw = SL_FLAW_RESERVED;
		}
	}
	if (!c->n_entries)
		return SL_FLAW_EMPTY;
	c->state = SL_CONTRACT_PRESENT;
	c->sources |= 1u << SL_SOURCE_RSOC;
	return flaw;
}

int sl_contract_scsi_usage(struct sl_contract *c, struct sl_entry *e, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t n = len < 4 ? 0 : sl_get_be16(p + 2);
	uint8_t *usage;

	if (len < 4 || len < 4u + n)
		return SL_FLAW_TRUNCATED;
	switch (p[1] & 7) {
	case 3: /* as the standard has it */
		break;
	case 5: /* in a vendor's manner: our table does not say what it does */
		e->declared |= SL_E_UNKNOWN;
		break;
	default: /* not supported, or not known: the list said otherwise */
		e->flags |= SL_ENTRY_RESERVED;
		e->declared |= SL_E_UNKNOWN;
		return SL_FLAW_CONTRADICTS;
	}
	if (!n || n > SL_CDB_MAX || c->n_usage >= SL_USAGE_MAX)
		return 0;
	usage = c->usage[c->n_usage++];
	memset(usage, 0, SL_CDB_MAX);
	memcpy(usage, p + 4, n);
	/* The key's own bits hold its value in place of a mask. */
	usage[0] = 0xff;
	if ((e->raw & SERVACTV) && n > 1)
		usage[n >= 32 ? 9 : 1] |= n >= 32 ? 0xff : 0x1f;
	if ((e->raw & SERVACTV) && n >= 32)
		usage[8] = 0xff;
	e->usage = (uint8_t)c->n_usage;
	return 0;
}
