/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract's table: find, add, forget, and how far an entry is believed. Knows no protocol; the
 * decoders fill it.
 */
#include "core/contract.h"

#include <string.h>

/* Fibonacci hashing: keys differ in few low bits, the top bits of the product in many. */
static uint32_t slot_of(uint64_t key)
{
	_Static_assert(SL_CONTRACT_SLOTS == 1u << 11, "the shift below");
	return (uint32_t)(key * 0x9e3779b97f4a7c15u >> (64 - 11));
}

/* The slot that holds the key or where it would go: there is always a free one. */
static uint32_t probe(const struct sl_contract *c, uint64_t key)
{
	uint32_t at = slot_of(key);

	_Static_assert(SL_CONTRACT_MAX < SL_CONTRACT_SLOTS, "a free slot ends every search");
	while ((c->entries[at].flags & SL_ENTRY_USED) && c->entries[at].key != key)
		at = (at + 1) & (SL_CONTRACT_SLOTS - 1);
	return at;
}

const struct sl_entry *sl_contract_find(const struct sl_contract *c, uint64_t key)
{
	const struct sl_entry *e = &c->entries[probe(c, key)];

	return e->flags & SL_ENTRY_USED ? e : 0;
}

struct sl_entry *sl_contract_add(struct sl_contract *c, uint64_t key)
{
	struct sl_entry *e = &c->entries[probe(c, key)];

	if (e->flags & SL_ENTRY_USED)
		return e;
	if (c->n_entries >= SL_CONTRACT_MAX)
		return 0;
	c->n_entries++;
	memset(e, 0, sizeof(*e));
	e->key = key;
	e->flags = SL_ENTRY_USED;
	return e;
}

const struct sl_feature *sl_contract_feature(const struct sl_contract *c, const uint8_t uuid[16])
{
	for (uint32_t i = 0; i < c->n_features; i++)
		if (memcmp(c->features[i].uuid, uuid, 16) == 0)
			return &c->features[i];
	return 0;
}

const struct sl_ns *sl_contract_ns(const struct sl_contract *c, uint32_t nsid)
{
	for (uint32_t i = 0; i < c->n_ns; i++)
		if (c->ns[i].nsid == nsid)
			return &c->ns[i];
	return 0;
}

struct sl_ns *sl_contract_ns_add(struct sl_contract *c, uint32_t nsid)
{
	const struct sl_ns *old = sl_contract_ns(c, nsid);

	if (old)
		return &c->ns[old - c->ns];
	if (c->n_ns >= SL_NS_MAX)
		return 0;
	c->ns[c->n_ns] = (struct sl_ns){.nsid = nsid};
	return &c->ns[c->n_ns++];
}

void sl_contract_void(struct sl_contract *c)
{
	c->state = SL_CONTRACT_NONE;
	c->n_entries = 0;
	c->sources = 0;
	c->n_usage = 0;
	c->n_features = 0;
	memset(c->hash, 0, sizeof(c->hash));
	memset(c->entries, 0, sizeof(c->entries));
}

sl_effects sl_contract_expressible(unsigned source)
{
	/* NVMe: LBCC or UDCC, NCC and CCC, NIC; the Base specification has no other effect bit.
	 * CXL 3.1 §8.2.9.5.2.1: the effect word. SCSI has none. */
	enum {
		NVME = SL_E_DATA | SL_E_CAPABILITY | SL_E_INVENTORY,
		CXL = SL_E_DATA | SL_E_CONFIG | SL_E_CONFIG_RESET | SL_E_POLICY | SL_E_LOG |
		      SL_E_SECURITY | SL_E_BACKGROUND,
	};
	static const sl_effects bits[_SL_SOURCE_N] = {
		[SL_SOURCE_LID05] = NVME, [SL_SOURCE_LID12] = NVME,   [SL_SOURCE_LID13] = NVME,
		[SL_SOURCE_CEL] = CXL,	  [SL_SOURCE_FEATURES] = CXL,
	};

	return source < _SL_SOURCE_N ? bits[source] : SL_E_NONE;
}

void sl_contract_trim(char *ret, size_t size, const uint8_t *s, size_t n)
{
	size_t from = 0, to = n;

	while (to > 0 && (s[to - 1] == ' ' || !s[to - 1]))
		to--;
	while (from < to && s[from] == ' ')
		from++;
	for (size_t i = from; i < to && i - from < size - 1; i++)
		*ret++ = s[i] >= 0x20 && s[i] < 0x7f ? (char)s[i] : '?';
	*ret = 0;
}

uint8_t sl_contract_trust(const struct sl_entry *entry, sl_effects floor)
{
	sl_effects must;

	if (!entry || !(entry->flags & SL_ENTRY_SUPPORTED))
		return SL_TRUST_UNLISTED;
	if (entry->trust == SL_TRUST_VERIFIED)
		return SL_TRUST_VERIFIED;
	if (entry->flags & (SL_ENTRY_RESERVED | SL_ENTRY_CAUGHT))
		return SL_TRUST_DECLARED;
	/* Where our floor is `unknown` there is nothing to compare the declaration with. */
	if (floor & SL_E_UNKNOWN)
		return SL_TRUST_DECLARED;
	if (sl_effects_mutating(floor) && !sl_effects_mutating(entry->declared))
		return SL_TRUST_DECLARED;
	must = floor & sl_contract_expressible(entry->source);
	return (must & ~entry->declared) == 0 ? SL_TRUST_CONSISTENT : SL_TRUST_DECLARED;
}
