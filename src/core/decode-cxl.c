/* SPDX-License-Identifier: Apache-2.0 */
/* Decoders of CXL contract answers. Trusted: no heap, no system calls. */
#include "core/decode-cxl.h"

#include <string.h>

#include "base/bytes.h"
#include "core/decode-nvme.h"

/* 0da9c0b5-bf41-4b78-8f79-96b1623b3f17, the bytes in the order of a payload. */
const uint8_t sl_cxl_cel_uuid[16] = {0x0d, 0xa9, 0xc0, 0xb5, 0xbf, 0x41, 0x4b, 0x78,
				     0x8f, 0x79, 0x96, 0xb1, 0x62, 0x3b, 0x3f, 0x17};

/*
 * Bits of an effect word, §8.2.9.5.2.1. 7 and 8 (secondary mailbox, abort of a background
 * operation) are abilities and no effects; 11:10 count where 9 says so; 15:12 are reserved. Two
 * other layouts of the upper bits are about: a word that is only sensible in those has reserved
 * bits here.
 */
#define RESERVED 0xf000u
#define VALID	 (1u << 9)
#define LATER	 (3u << 10)

int sl_contract_cxl_word(uint16_t word, sl_effects *ret)
{
	static const sl_effects bits[] = {
		SL_E_CONFIG_RESET, SL_E_CONFIG,	  SL_E_DATA,	     SL_E_POLICY,
		SL_E_LOG,	   SL_E_SECURITY, SL_E_BACKGROUND,   SL_E_NONE,
		SL_E_NONE,	   SL_E_NONE,	  SL_E_CONFIG_RESET, SL_E_CONFIG_RESET,
	};

	*ret = SL_E_NONE;
	for (unsigned i = 0; i < SL_COUNT(bits); i++)
		if (word >> i & 1)
			*ret |= bits[i];
	if (!(word & RESERVED) && (!(word & LATER) || (word & VALID)))
		return 0;
	*ret |= SL_E_UNKNOWN;
	return SL_FLAW_RESERVED;
}

int sl_contract_cxl_identify(struct sl_contract *c, const void *data, size_t len)
{
	const uint8_t *p = data;

	if (len < 0x43)
		return SL_FLAW_TRUNCATED;
	memcpy(c->model, "CXL memory", 11);
	sl_contract_trim(c->firmware, sizeof(c->firmware), p, 16);
	/* Total capacity, in multiples of 256 MiB. */
	c->n_ns = 1;
	c->ns[0] = (struct sl_ns){.nsid = 1,
				  .lba_shift = SL_CXL_UNIT_SHIFT,
				  .blocks = sl_get_le64(p + 16) << (28 - SL_CXL_UNIT_SHIFT)};
	return 0;
}

int sl_contract_cxl_logs(const void *data, size_t len, uint32_t *ret_cel)
{
	const uint8_t *p = data;
	size_t n = len < 8 ? 0 : sl_get_le16(p);

	*ret_cel = 0;
	if (len < 8 || len < 8 + 20 * n)
		return SL_FLAW_TRUNCATED;
	for (size_t i = 0; i < n; i++)
		if (memcmp(p + 8 + 20 * i, sl_cxl_cel_uuid, 16) == 0)
			*ret_cel = sl_get_le32(p + 8 + 20 * i + 16);
	return *ret_cel % 4 ? SL_FLAW_TRUNCATED : 0;
}

int sl_contract_cxl_cel(struct sl_contract *c, const void *data, size_t len)
{
	const uint8_t *p = data;
	int flaw = 0;

	if (!len || len % 4)
		return SL_FLAW_TRUNCATED;
	for (size_t i = 0; i < len; i += 4) {
		uint16_t word = sl_get_le16(p + i + 2);
		struct sl_entry *e = sl_contract_add(c, sl_key(SL_SET_CXL, p[i + 1], p[i]));

		if (!e)
			return SL_FLAW_FULL;
		/* Listed twice, with other effects: nobody knows which holds. */
		if ((e->flags & SL_ENTRY_SUPPORTED) && e->raw != word) {
			e->flags |= SL_ENTRY_RESERVED;
			flaw = SL_FLAW_CONTRADICTS;
		}
		e->raw = word;
		e->source = SL_SOURCE_CEL;
		e->trust = SL_TRUST_DECLARED;
		e->flags |= SL_ENTRY_SUPPORTED;
		if (sl_contract_cxl_word(word, &e->declared)) {
			e->flags |= SL_ENTRY_RESERVED;
			flaw = SL_FLAW_RESERVED;
		}
		if (e->flags & SL_ENTRY_RESERVED)
			e->declared |= SL_E_UNKNOWN;
	}
	c->state = SL_CONTRACT_PRESENT;
	c->sources |= 1u << SL_SOURCE_CEL;
	return flaw;
}

/* Supported Feature Entry, §8.2.9.6.1: UUID, index, get size, set size, attribute flags, versions,
 * Set Feature Effects, reserved. */
#define FEATURE_SIZE 48u

int sl_contract_cxl_features(struct sl_contract *c, const void *data, size_t len,
			     uint16_t *ret_total)
{
	const uint8_t *p = data;
	size_t n = len < 8 ? 0 : sl_get_le16(p);
	int flaw = 0;

	*ret_total = 0;
	if (len < 8 || len < 8 + FEATURE_SIZE * n)
		return SL_FLAW_TRUNCATED;
	*ret_total = sl_get_le16(p + 2);
	for (size_t i = 0; i < n && c->n_features < SL_FEATURES_MAX; i++) {
		const uint8_t *d = p + 8 + FEATURE_SIZE * i;
		const struct sl_feature *first = sl_contract_feature(c, d);
		struct sl_feature *f = &c->features[c->n_features++];

		memcpy(f->uuid, d, 16);
		f->set_size = sl_get_le16(d + 20);
		f->flags = sl_get_le32(d + 22);
		f->raw = sl_get_le16(d + 28);
		if (sl_contract_cxl_word(f->raw, &f->declared))
			flaw = SL_FLAW_RESERVED;
		if (first) { /* which of them holds? The first is the one that is found */
			c->features[first - c->features].declared |= SL_E_UNKNOWN;
			flaw = SL_FLAW_CONTRADICTS;
		}
	}
	c->state = SL_CONTRACT_PRESENT;
	c->sources |= 1u << SL_SOURCE_FEATURES;
	return flaw;
}
