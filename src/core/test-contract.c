/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract's table, its NVMe decoders and its reader: every bit of every word, every length,
 * and a scripted device that answers well, badly or not at all.
 */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/decode-cxl.h"
#include "core/decode-nvme.h"
#include "core/decode-scsi.h"
#include "core/reader.h"
#include "spec/names.h"
#include "wire/wire.h"

#define ADMIN(op) sl_key(SL_SET_NVME_ADMIN, (op), SL_SEL_ANY)

static struct sl_contract contract;
static uint8_t page[4096];

static void clear(void)
{
	memset(&contract, 0, sizeof(contract));
	memset(page, 0, sizeof(page));
}

static void put(unsigned index, uint32_t word)
{
	sl_put_le32(page + 4 * index, word);
}

static void test_table(void)
{
	struct sl_entry *e;

	clear();
	for (uint32_t i = 0; i < SL_CONTRACT_MAX; i++) {
		e = sl_contract_add(&contract, i * 0x10001u);
		assert(e && e->key == i * 0x10001u && e->flags == SL_ENTRY_USED);
		e->raw = i;
	}
	assert(contract.n_entries == SL_CONTRACT_MAX);
	assert(!sl_contract_add(&contract, UINT64_C(1) << 40));
	assert(!sl_contract_find(&contract, UINT64_C(1) << 40));
	for (uint32_t i = 0; i < SL_CONTRACT_MAX; i++) {
		assert(sl_contract_find(&contract, i * 0x10001u)->raw == i);
		assert(sl_contract_add(&contract, i * 0x10001u)->raw == i);
	}
	contract.state = SL_CONTRACT_PRESENT;
	contract.n_ns = 1;
	sl_contract_void(&contract);
	assert(contract.state == SL_CONTRACT_NONE && contract.n_ns == 1);
	assert(!sl_contract_find(&contract, 0));
}

/* What each bit of an effects word means, alone beside CSUPP. */
static void test_word_bits(void)
{
	static const sl_effects effect[5] = {0, SL_E_DATA, SL_E_CAPABILITY, SL_E_INVENTORY,
					     SL_E_CAPABILITY};
	static const sl_scope scope[7] = {SL_S_NS,     SL_S_CTRL,      SL_S_SET, SL_S_ENDGRP,
					  SL_S_DOMAIN, SL_S_SUBSYSTEM, SL_S_CTRL};
	static const struct {
		uint8_t source, last_scope;
		uint32_t free; /* bits 31:5 that may be set, scopes apart */
	} logs[] = {
		{SL_SOURCE_LID05, 25, 1u << 19},
		{SL_SOURCE_LID12, 26, 1u << 19},
		{SL_SOURCE_LID13, 25, 0},
	};

	for (unsigned l = 0; l < SL_COUNT(logs); l++) {
		for (unsigned bit = 1; bit < 32; bit++) {
			struct sl_entry e = {0};
			bool is_scope = bit >= 20 && bit <= logs[l].last_scope;
			bool cse = logs[l].source == SL_SOURCE_LID05 && (bit == 16 || bit == 17);
			bool good = bit < 5 || is_scope || cse || (logs[l].free >> bit & 1);
			int flaw = sl_contract_nvme_word(&e, logs[l].source, 1u | 1u << bit);

			assert(flaw == (good ? 0 : SL_FLAW_RESERVED));
			assert(!(e.declared & SL_E_UNKNOWN) == good);
			assert(!(e.flags & SL_ENTRY_RESERVED) == good);
			assert(e.flags & SL_ENTRY_SUPPORTED);
			if (bit < 5)
				assert(e.declared == effect[bit]);
			if (is_scope)
				assert(e.scope == scope[bit - 20]);
			else
				assert(e.scope == (good || bit < 20 ? 0u : SL_S_ALL));
		}
	}
}

static void test_word_exclusivity(void)
{
	static const struct {
		uint32_t word;
		uint8_t excl;
		bool good;
	} cases[] = {
		{0x00000001, SL_EXCL_NONE, true},    {0x00010001, SL_EXCL_NAMESPACE, true},
		{0x00020001, SL_EXCL_DEVICE, true},  {0x00024001, SL_EXCL_DEVICE, true},
		{0x00004001, SL_EXCL_NONE, false}, /* CSER relaxes nothing */
		{0x00028001, SL_EXCL_DEVICE, false}, {0x0002c001, SL_EXCL_DEVICE, false},
		{0x00030001, SL_EXCL_DEVICE, false}, {0x00070001, SL_EXCL_DEVICE, false},
	};
	struct sl_entry e = {.flags = SL_ENTRY_LOCKABLE};

	for (unsigned i = 0; i < SL_COUNT(cases); i++) {
		int flaw = sl_contract_nvme_word(&e, SL_SOURCE_LID05, cases[i].word);

		assert(flaw == (cases[i].good ? 0 : SL_FLAW_RESERVED));
		assert(e.excl == cases[i].excl);
		assert(e.flags & SL_ENTRY_LOCKABLE);
	}
	assert(sl_contract_nvme_word(&e, SL_SOURCE_LID05, 0) == 0 && !e.declared);
	assert(sl_contract_nvme_word(&e, SL_SOURCE_LID05, 0x00000002) == SL_FLAW_RESERVED);
	assert(!(e.flags & SL_ENTRY_SUPPORTED) && (e.declared & SL_E_UNKNOWN));
}

static void test_trust(void)
{
	struct sl_entry e = {0};

	assert(sl_contract_trust(NULL, 0) == SL_TRUST_UNLISTED);
	(void)sl_contract_nvme_word(&e, SL_SOURCE_LID05, 2);
	assert(sl_contract_trust(&e, 0) == SL_TRUST_UNLISTED); /* not supported */
	(void)sl_contract_nvme_word(&e, SL_SOURCE_LID05, 1);
	assert(sl_contract_trust(&e, 0) == SL_TRUST_CONSISTENT);
	assert(sl_contract_trust(&e, SL_E_REVEALS_DATA) == SL_TRUST_CONSISTENT);
	assert(sl_contract_trust(&e, SL_E_DATA) == SL_TRUST_DECLARED);
	assert(sl_contract_trust(&e, SL_E_FIRMWARE) == SL_TRUST_DECLARED); /* declares nothing */
	assert(sl_contract_trust(&e, SL_E_UNKNOWN) == SL_TRUST_DECLARED);
	(void)sl_contract_nvme_word(&e, SL_SOURCE_LID05, 0x11);
	assert(sl_contract_trust(&e, SL_E_FIRMWARE) == SL_TRUST_CONSISTENT); /* no bit for it */
	assert(sl_contract_trust(&e, SL_E_FIRMWARE | SL_E_DATA) == SL_TRUST_DECLARED);
	e.trust = SL_TRUST_VERIFIED;
	assert(sl_contract_trust(&e, SL_E_DATA) == SL_TRUST_VERIFIED);
	(void)sl_contract_nvme_word(&e, SL_SOURCE_LID05, 0x3f);
	assert(sl_contract_trust(&e, 0) == SL_TRUST_DECLARED); /* reserved bit */
	assert(sl_contract_expressible(SL_SOURCE_LID00) == SL_E_NONE);
	assert(sl_contract_expressible(SL_SOURCE_LID12) ==
	       sl_contract_expressible(SL_SOURCE_LID13));
}

static void test_effects_log(void)
{
	const struct sl_entry *e;

	clear();
	for (size_t len = 0; len < 4096; len += 17)
		assert(sl_contract_nvme_effects(&contract, 0, page, len) == SL_FLAW_TRUNCATED);
	assert(sl_contract_nvme_effects(&contract, 0, page, 4097) == SL_FLAW_OVERSIZED);
	assert(sl_contract_nvme_effects(&contract, 0, page, 4096) == SL_FLAW_EMPTY);
	assert(contract.state == SL_CONTRACT_NONE && !contract.n_entries && !contract.sources);

	put(0x80, 0x0002001f);
	put(256 + 1, 0x00000003);
	assert(sl_contract_nvme_effects(&contract, 2, page, 4096) == 0);
	assert(contract.state == SL_CONTRACT_PRESENT && contract.n_entries == 2);
	e = sl_contract_find(&contract, ADMIN(0x80));
	assert(e && e->raw == 0x2001f && e->excl == SL_EXCL_DEVICE);
	assert(e->declared == (SL_E_DATA | SL_E_CAPABILITY | SL_E_INVENTORY));
	e = sl_contract_find(&contract, sl_key(SL_SET_NVME_ZNS, 1, SL_SEL_ANY));
	assert(e && e->declared == SL_E_DATA);
	assert(!sl_contract_find(&contract, sl_key(SL_SET_NVME_NVM, 1, SL_SEL_ANY)));

	/* The same admin half again is fine; another one makes what differs unknown. */
	assert(sl_contract_nvme_effects(&contract, 0, page, 4096) == 0);
	put(0x80, 0x00000001);
	put(0x84, 0x00000003);
	assert(sl_contract_nvme_effects(&contract, 1, page, 4096) == SL_FLAW_CONTRADICTS);
	e = sl_contract_find(&contract, ADMIN(0x80));
	assert((e->declared & SL_E_UNKNOWN) && (e->declared & SL_E_INVENTORY));
	e = sl_contract_find(&contract, ADMIN(0x84));
	assert(e && (e->declared & SL_E_UNKNOWN));

	/* Read again for the same set, malformed: said again, and nothing becomes better. */
	clear();
	put(6, 0x21);
	put(7, 0x21);
	assert(sl_contract_nvme_effects(&contract, 0, page, 4096) == SL_FLAW_RESERVED);
	assert(sl_contract_nvme_effects(&contract, 0, page, 4096) == 0);
	assert(sl_contract_find(&contract, ADMIN(6))->declared & SL_E_UNKNOWN);
	put(6, 0);
	assert(sl_contract_nvme_effects(&contract, 0, page, 4096) == SL_FLAW_CONTRADICTS);

	clear();
	put(6, 1);
	page[4000] = 1;
	assert(sl_contract_nvme_effects(&contract, 0, page, 4096) == SL_FLAW_RESERVED);

	/* Every opcode of every set at once does not fit: said, not overrun. */
	clear();
	for (unsigned i = 0; i < 1024; i++)
		put(i, 1);
	assert(sl_contract_nvme_effects(&contract, 0, page, 4096) == SL_FLAW_RESERVED);
	assert(sl_contract_nvme_effects(&contract, 1, page, 4096) == SL_FLAW_RESERVED);
	assert(sl_contract_nvme_effects(&contract, 2, page, 4096) == SL_FLAW_RESERVED);
	assert(sl_contract_nvme_effects(&contract, 9, page, 4096) == SL_FLAW_RESERVED);
	assert(sl_contract_nvme_feature_effects(&contract, page, 1024) == 0);
	assert(sl_contract_nvme_mi_effects(&contract, page, 4096) == 0);
	assert(contract.n_entries == SL_CONTRACT_MAX);
	assert(sl_contract_nvme_supported_logs(&contract, page, 1024) == SL_FLAW_FULL);
}

static void test_sibling_logs(void)
{
	const struct sl_entry *e;

	clear();
	put(0x0d, 0x80000000);
	put(0x84, 0x00100011);
	assert(sl_contract_nvme_feature_effects(&contract, page, 1023) == SL_FLAW_TRUNCATED);
	assert(sl_contract_nvme_feature_effects(&contract, page, 1024) == SL_FLAW_RESERVED);
	e = sl_contract_find(&contract, sl_key(SL_SET_NVME_ADMIN, 9, 0x84));
	assert(e && e->source == SL_SOURCE_LID12 && e->declared == SL_E_CAPABILITY);
	assert(e->scope == SL_S_NS && (e->flags & SL_ENTRY_SUPPORTED));
	e = sl_contract_find(&contract, sl_key(SL_SET_NVME_ADMIN, 9, 0x0d));
	assert(e && (e->declared & SL_E_UNKNOWN) && !(e->flags & SL_ENTRY_SUPPORTED));

	memset(page, 0, sizeof(page));
	put(2, 1);
	put(7, 0x00010003);
	put(8, 0x00000005);
	put(9, 0x00000002);
	assert(sl_contract_nvme_supported_logs(&contract, page, 1024) == SL_FLAW_RESERVED);
	e = sl_contract_find(&contract, sl_key(SL_SET_NVME_ADMIN, 2, 7));
	assert(e && e->flags == (SL_ENTRY_USED | SL_ENTRY_SUPPORTED | SL_ENTRY_NO_EFFECTS));
	e = sl_contract_find(&contract, sl_key(SL_SET_NVME_ADMIN, 2, 8));
	assert(e && (e->declared & SL_E_UNKNOWN));

	memset(page, 0, sizeof(page));
	put(5, 0x3);
	assert(sl_contract_nvme_mi_effects(&contract, page, 1024) == SL_FLAW_TRUNCATED);
	assert(sl_contract_nvme_mi_effects(&contract, page, 4096) == 0);
	e = sl_contract_find(&contract, sl_key(SL_SET_NVME_ADMIN, 0x1d, 5));
	assert(e && e->declared == SL_E_DATA);

	memset(page, 0, sizeof(page));
	page[0] = 0x12; /* prohibited features */
	page[3] = 2;
	page[4] = 0x84;
	page[5] = 0x90;
	assert(sl_contract_nvme_lockdown(&contract, page, 511) == SL_FLAW_TRUNCATED);
	assert(sl_contract_nvme_lockdown(&contract, page, 512) == 0);
	e = sl_contract_find(&contract, sl_key(SL_SET_NVME_ADMIN, 9, 0x84));
	assert((e->flags & SL_ENTRY_LOCKED) && e->source == SL_SOURCE_LID12);
	e = sl_contract_find(&contract, sl_key(SL_SET_NVME_ADMIN, 9, 0x90));
	assert(e->source == SL_SOURCE_LID14 && !(e->flags & SL_ENTRY_SUPPORTED));
	page[0] = 0x00;
	page[4] = 0x80;
	assert(sl_contract_nvme_lockdown(&contract, page, 512) == 0);
	e = sl_contract_find(&contract, ADMIN(0x80));
	assert(e && (e->flags & SL_ENTRY_LOCKABLE));
	page[0] = 0x01;
	assert(sl_contract_nvme_lockdown(&contract, page, 512) == SL_FLAW_RESERVED);
}

static void fill_ctrl(uint8_t *p, uint32_t version, uint8_t lpa)
{
	memset(p, 0, 4096);
	sl_put_le16(p, 0x8086);
	memcpy(p + 4, "  PHLN939602VB3     ", 20);
	memset(p + 24, ' ', 48);
	memcpy(p + 24, "Model \x1b[2J", 10);
	memcpy(p + 64, "VDV1DP25", 8);
	p[77] = 5;
	sl_put_le16(p + 78, 7);
	sl_put_le32(p + 80, version);
	p[261] = lpa;
	sl_put_le32(p + 516, 3);
}

static void fill_ns(uint8_t *p)
{
	memset(p, 0, 4096);
	sl_put_le64(p, 1000);
	p[25] = 1;
	p[26] = 0x11;
	p[119] = 9;
	p[128 + 2] = 9;
	sl_put_le16(p + 132, 8);
	p[132 + 2] = 12;
}

static void test_identify(void)
{
	struct sl_nvme_caps caps;
	const struct sl_ns *ns;

	clear();
	fill_ctrl(page, 0x10400, 0x22);
	assert(sl_contract_nvme_ctrl(&contract, page, 4095, &caps) == SL_FLAW_TRUNCATED);
	assert(sl_contract_nvme_ctrl(&contract, page, 4096, &caps) == 0);
	assert(!strcmp(contract.vendor, "0x8086") && !strcmp(contract.serial, "PHLN939602VB3"));
	assert(!strcmp(contract.model, "Model ?[2J") && !strcmp(contract.firmware, "VDV1DP25"));
	assert(contract.max_transfer == 131072 && contract.cntlid == 7);
	assert(caps.version == 0x10400 && caps.lpa == 0x22 && caps.nn == 3);
	memset(page + 4, 0, 20);
	memset(page + 24, ' ', 40);
	memcpy(page + 64, "A\x7f\xff\0\0\0\0", 8);
	page[77] = 20;
	assert(sl_contract_nvme_ctrl(&contract, page, 4096, &caps) == 0);
	assert(!contract.serial[0] && !contract.model[0] && !strcmp(contract.firmware, "A??"));
	assert(contract.max_transfer == UINT32_MAX);
	page[77] = 0;
	assert(sl_contract_nvme_ctrl(&contract, page, 4096, &caps) == 0);
	assert(contract.max_transfer == UINT32_MAX);

	fill_ns(page);
	page[29] = 0x0b; /* DPS: type 3, in the first bytes */
	assert(sl_contract_nvme_ns(&contract, 3, page, 4096) == 0);
	ns = sl_contract_ns(&contract, 3);
	assert(ns && ns->pi == 3);
	assert(ns && ns->blocks == 1000 && ns->lba_shift == 12 && ns->meta == 8 && ns->meta_ext);
	assert(ns->lba_format == 1 && ns->guid[15] == 9);
	for (unsigned bad = 0; bad < 3; bad++) {
		fill_ns(page);
		page[bad == 0 ? 26 : 134] = bad == 0 ? 2 : bad == 1 ? 8 : 25;
		assert(sl_contract_nvme_ns(&contract, 3, page, 4096) == SL_FLAW_BAD_NS);
		assert(ns->lba_shift == 0);
	}
	/* More than 16 formats: the index has two parts. */
	page[25] = 63;
	page[26] = 0x6f;
	page[128 + 4 * 63 + 2] = 9;
	assert(sl_contract_nvme_ns(&contract, 3, page, 4096) == 0 && ns->lba_format == 63);
	memset(page, 0, sizeof(page));
	assert(sl_contract_nvme_ns(&contract, 5, page, 4096) == 0 && contract.n_ns == 1);

	memcpy(page, "\4\1\0\0\2\3\20\0\0uuuuuuuuuuuuuuuu\1\10\0\0eeeeeeee", 37);
	assert(sl_contract_nvme_ns_descs(&contract, 3, page, 4096) == 0);
	assert(ns->csi == 2 && ns->guid[0] == 'u');
	memset(page, 0xff, sizeof(page));
	assert(sl_contract_nvme_ns_descs(&contract, 3, page, 4096) == SL_FLAW_BAD_NS);
	memset(page, 0, sizeof(page));
	assert(sl_contract_nvme_ns_zoned(&contract, 3, page, 4096) == SL_FLAW_BAD_NS);
	sl_put_le64(page + 2816 + 16 * 63, 0x8000);
	assert(sl_contract_nvme_ns_zoned(&contract, 3, page, 4096) == 0 && ns->zone == 0x8000);

	clear();
	for (unsigned i = 0; i < 1024; i++)
		put(i, i + 1);
	assert(sl_contract_nvme_ns_list(&contract, page, 4096) == SL_FLAW_MANY_NS);
	assert(contract.n_ns == SL_NS_MAX);
	assert(sl_contract_nvme_ns(&contract, 9999, page, 4096) == SL_FLAW_MANY_NS);
	clear();
	put(0, 2);
	put(1, 2);
	assert(sl_contract_nvme_ns_list(&contract, page, 4096) == SL_FLAW_BAD_NS);
	put(1, 0xffffffff);
	assert(sl_contract_nvme_ns_list(&contract, page, 4096) == SL_FLAW_BAD_NS);
	assert(contract.n_ns == 1);
	put(1, 3);
	assert(sl_contract_nvme_ns_list(&contract, page, 4096) == 0);
	assert(sl_contract_ns(&contract, 3) && !sl_contract_ns(&contract, 1));
}

/* Every decoder behind one shape, with the length of its format. */
static struct sl_nvme_caps any_caps;

static int d_ctrl(const void *p, size_t len)
{
	return sl_contract_nvme_ctrl(&contract, p, len, &any_caps);
}

static int d_ns(const void *p, size_t len)
{
	return sl_contract_nvme_ns(&contract, 9000, p, len);
}

static int d_descs(const void *p, size_t len)
{
	return sl_contract_nvme_ns_descs(&contract, 9000, p, len);
}

static int d_zoned(const void *p, size_t len)
{
	return sl_contract_nvme_ns_zoned(&contract, 9000, p, len);
}

static int d_list(const void *p, size_t len)
{
	return sl_contract_nvme_ns_list(&contract, p, len);
}

static int d_effects(const void *p, size_t len)
{
	return sl_contract_nvme_effects(&contract, 0, p, len);
}

static int d_features(const void *p, size_t len)
{
	return sl_contract_nvme_feature_effects(&contract, p, len);
}

static int d_logs(const void *p, size_t len)
{
	return sl_contract_nvme_supported_logs(&contract, p, len);
}

static int d_mi(const void *p, size_t len)
{
	return sl_contract_nvme_mi_effects(&contract, p, len);
}

static int d_lockdown(const void *p, size_t len)
{
	return sl_contract_nvme_lockdown(&contract, p, len);
}

static const struct {
	int (*decode)(const void *p, size_t len);
	size_t size;
	int when_full; /* of a page of 01h bytes on a contract without room; 0: needs none */
} decoders[] = {
	{d_ctrl, 4096, 0},
	{d_ns, 4096, SL_FLAW_MANY_NS},
	{d_descs, 4096, SL_FLAW_MANY_NS},
	{d_zoned, 4096, SL_FLAW_MANY_NS},
	{d_list, 4096, SL_FLAW_MANY_NS},
	{d_effects, 4096, SL_FLAW_FULL},
	{d_features, 1024, SL_FLAW_FULL},
	{d_logs, 1024, SL_FLAW_FULL},
	{d_mi, 4096, SL_FLAW_FULL},
	{d_lockdown, 512, SL_FLAW_FULL},
};

static void test_every_decoder(void)
{
	static struct sl_contract before;
	static uint8_t big[8192];

	for (unsigned i = 0; i < SL_COUNT(decoders); i++) {
		clear();
		before = contract;
		memset(big, 1, sizeof(big));
		for (size_t len = 0; len < decoders[i].size; len += 1 + len / 7)
			assert(decoders[i].decode(big, len) == SL_FLAW_TRUNCATED);
		assert(decoders[i].decode(big, decoders[i].size - 1) == SL_FLAW_TRUNCATED);
		assert(decoders[i].decode(big, decoders[i].size + 1) == SL_FLAW_OVERSIZED);
		assert(!memcmp(&before, &contract, sizeof(before)));
		for (uint32_t k = 0; k < SL_CONTRACT_MAX; k++)
			assert(sl_contract_add(&contract, UINT64_C(0xff) << 32 | k));
		for (uint32_t k = 0; k < SL_NS_MAX; k++)
			contract.ns[contract.n_ns++].nsid = k + 1;
		if (decoders[i].size == 512)
			big[0] = 0;
		assert(decoders[i].decode(big, decoders[i].size) == decoders[i].when_full);
		assert(contract.n_entries == SL_CONTRACT_MAX && contract.n_ns == SL_NS_MAX);
	}
	/* The admin half fits, the I/O half does not. */
	clear();
	for (uint32_t k = 0; k < SL_CONTRACT_MAX - 1; k++)
		assert(sl_contract_add(&contract, UINT64_C(0xff) << 32 | k));
	put(6, 1);
	put(256, 1);
	assert(d_effects(page, 4096) == SL_FLAW_FULL);
	assert(!sl_contract_ns(&contract, 1));
	/* A set that no table has: its admin half counts all the same. */
	clear();
	put(6, 1);
	put(257, 3);
	assert(sl_contract_nvme_effects(&contract, 7, page, 4096) == 0);
	assert(contract.n_entries == 1);
}

/* Which of several identities a namespace gets. */
static void test_guid(void)
{
	static const char zero[] = "\0\1\0\0", eui[] = "\1\10\0\0EEEEEEEE",
			  uuid[] = "\3\20\0\0UUUUUUUUUUUUUUUU",
			  nguid[] = "\2\20\0\0NNNNNNNNNNNNNNNN",
			  odd[] = "\2\1\0\0x\3\2\0\0xx\1\1\0\0x"
				  "\4\2\0\0xx\11\1\0\0x";
	static const struct {
		const char *a;
		size_t n;
		const char *b;
		size_t m;
		char first, last;
	} cases[] = {
		{eui, 12, uuid, 20, 'U', 'U'},	  {uuid, 20, eui, 12, 'U', 'U'},
		{nguid, 20, uuid, 20, 'N', 'N'},  {uuid, 20, nguid, 20, 'N', 'N'},
		{nguid, 20, nguid, 20, 'N', 'N'}, {zero, 5, nguid, 20, 'N', 'N'},
		{eui, 12, eui, 12, 0, 'E'},	  {odd, sizeof(odd) - 1, eui, 12, 0, 'E'},
	};

	for (unsigned i = 0; i < SL_COUNT(cases); i++) {
		const struct sl_ns *ns;

		clear();
		memcpy(page, cases[i].a, cases[i].n);
		memcpy(page + cases[i].n, cases[i].b, cases[i].m);
		assert(sl_contract_nvme_ns_descs(&contract, 1, page, 4096) == 0);
		ns = sl_contract_ns(&contract, 1);
		assert(ns->guid[0] == cases[i].first && ns->guid[15] == cases[i].last);
		assert(ns->csi == 0);
	}
	/* A list that fills its page to the last byte has no end mark. */
	clear();
	for (unsigned at = 0; at < 4096; at += 16) {
		page[at] = 9;
		page[at + 1] = 12;
	}
	assert(sl_contract_nvme_ns_descs(&contract, 1, page, 4096) == 0);
	/* From Identify Namespace: NGUID, else EUI64; a descriptor's stays. */
	clear();
	fill_ns(page);
	memcpy(page + 120, "EEEEEEEE", 8);
	assert(sl_contract_nvme_ns(&contract, 1, page, 4096) == 0);
	assert(contract.ns[0].guid[15] == 9);
	contract.ns[0].guid[15] = 8;
	assert(sl_contract_nvme_ns(&contract, 1, page, 4096) == 0);
	assert(contract.ns[0].guid[15] == 8);
	memset(contract.ns[0].guid, 0, 16);
	page[119] = 0;
	assert(sl_contract_nvme_ns(&contract, 1, page, 4096) == 0);
	assert(contract.ns[0].guid[0] == 0 && contract.ns[0].guid[15] == 'E');
}

static void test_lockdown_lists(void)
{
	static const struct {
		uint8_t what;
		int flaw;
	} lists[] = {
		{0x00, 0},
		{0x02, 0},
		{0x10, 0},
		{0x12, 0},
		{0x01, SL_FLAW_RESERVED},
		{0x03, SL_FLAW_RESERVED},
		{0x20, SL_FLAW_RESERVED},
		{0x32, SL_FLAW_RESERVED},
		{0x40, SL_FLAW_RESERVED},
		{0x80, SL_FLAW_RESERVED},
	};

	for (unsigned i = 0; i < SL_COUNT(lists); i++) {
		clear();
		page[0] = lists[i].what;
		page[3] = 255;
		for (unsigned k = 0; k < 255; k++)
			page[4 + k] = (uint8_t)k;
		assert(sl_contract_nvme_lockdown(&contract, page, 512) == lists[i].flaw);
		assert(contract.n_entries == (lists[i].flaw ? 0u : 255u));
	}
}

/* A scripted device. */
struct device {
	uint32_t version;
	uint8_t lpa;
	uint16_t oacs;
	uint8_t self;	   /* Identify's word in the effects log; FFh: none */
	uint8_t csi;	   /* of namespace 2 */
	bool empty;	   /* no namespaces */
	uint32_t nn;	   /* NN, where not 3 */
	uint8_t refuse_op; /* with refuse_id: answered with Invalid Field */
	uint8_t refuse_id;
	uint8_t short_id;   /* a log that is one dword short */
	bool dies;	    /* no answer after the first */
	bool hide_lockdown; /* LID 00h does not list 14h */
	char asked[300][24];
	unsigned n;
};

static size_t answer_log(const struct device *d, uint8_t lid, uint32_t cdw14, uint32_t cdw10)
{
	static const uint8_t lids[] = {0x00, 0x02, 0x05, 0x12, 0x13, 0x14};

	assert(!(cdw10 >> 15 & 1));
	switch (lid) {
	case 0x00:
		for (unsigned i = 0; i < SL_COUNT(lids); i++)
			put(lids[i], lids[i] == 0x14 && d->hide_lockdown ? 2 : 1);
		return 1024;
	case 0x05:
		assert((cdw14 & 0xffffff) == 0);
		put(0x02, 1);
		put(0x06, d->self == 0xff ? 0 : d->self);
		put(256 + 1, 3);
		if (cdw14 >> 24 == 2)
			put(256 + 0x79, 3);
		return 4096;
	case 0x12:
		put(0x07, 0x11);
		return 1024;
	case 0x13:
		return 4096;
	default:
		page[0] = (uint8_t)((cdw10 >> 8 & 15) | (cdw10 >> 12 & 7) << 4);
		page[3] = 1;
		page[4] = 0x80;
		return 512;
	}
}

static size_t answer(const struct device *d, const struct sl_command *cmd)
{
	uint32_t nsid = sl_get_le32(cmd->req + 4), cdw10 = sl_get_le32(cmd->req + 40);

	memset(page, 0, sizeof(page));
	if (cmd->req[0] == 0x02)
		return answer_log(d, cmd->req[40], sl_get_le32(cmd->req + 56), cdw10);
	assert(cmd->req[0] == 0x06);
	switch (cdw10) {
	case 0:
		if (nsid == 1 || nsid == 2)
			fill_ns(page);
		break;
	case 1:
		fill_ctrl(page, d->version, d->lpa);
		sl_put_le16(page + 256, d->oacs);
		if (d->nn)
			sl_put_le32(page + 516, d->nn);
		break;
	case 2:
		put(0, d->empty ? 0 : 1);
		put(1, d->empty ? 0 : 2);
		break;
	case 3:
		memcpy(page, "\4\1\0\0", 4);
		page[4] = nsid == 2 ? d->csi : 0;
		break;
	case 5:
		assert(nsid == 2 && sl_get_le32(cmd->req + 44) == 2u << 24);
		sl_put_le64(page + 2816 + 16, 0x1000);
		break;
	default:
		abort();
	}
	return 4096;
}

static void read_device(struct device *d, struct sl_reader *r)
{
	struct sl_command cmd, again;

	sl_reader_init(r, &contract, SL_WIRE_NVME, NULL, NULL);
	while (sl_reader_next(r, &cmd)) {
		bool log = cmd.req[0] == 0x02;
		size_t len = answer(d, &cmd);
		uint16_t status = 0;

		assert(sl_reader_next(r, &again) == 1 && !memcmp(&cmd, &again, sizeof(cmd)));
		assert(cmd.set == SL_SET_NVME_ADMIN && cmd.dir == SL_DIR_IN && cmd.req_len == 64);
		assert(cmd.data_len == len);
		if (log)
			assert(((sl_get_le32(cmd.req + 40) >> 16) + 1) * 4 == cmd.data_len);
		assert(d->n < 300);
		(void)snprintf(d->asked[d->n++], sizeof(d->asked[0]), "%02x.%02x.%02x.%x",
			       cmd.req[0], cmd.req[40], cmd.req[41] | cmd.req[59],
			       log ? 0 : sl_get_le32(cmd.req + 4));
		if (d->refuse_op == cmd.req[0] && d->refuse_id == cmd.req[40])
			status = 0x0109;
		if (log && d->short_id && d->short_id == cmd.req[40])
			len -= 4;
		if (d->dies && d->n > 1)
			status = SL_READER_LOST;
		sl_reader_feed(r, status, page, len);
		sl_reader_feed(r, 0, page, len); /* an answer nobody asked for changes nothing */
	}
	assert(sl_reader_next(r, &cmd) == 0);
}

static void expect_asked(const struct device *d, const char *const *want, size_t n)
{
	if (d->n != n)
		for (unsigned i = 0; i < d->n; i++)
			fprintf(stderr, "asked %s\n", d->asked[i]);
	assert(d->n == n);
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(d->asked[i], want[i]) != 0)
			fprintf(stderr, "%u: asked %s, not %s\n", i, d->asked[i], want[i]);
		assert(!strcmp(d->asked[i], want[i]));
	}
}

static void test_reader_order(void)
{
	static const char *const full[] = {"06.01.00.0", "06.02.00.0", "06.03.00.1", "06.00.00.1",
					   "06.03.00.2", "06.00.00.2", "06.05.00.2", "02.00.00.0",
					   "02.05.00.0", "02.05.02.0", "02.12.00.0", "02.13.00.0",
					   "02.14.00.0", "02.14.10.0", "02.14.02.0", "02.14.12.0"};
	static const char *const old[] = {"06.01.00.0", "06.00.00.1", "06.00.00.2", "06.00.00.3",
					  "02.05.00.0"};
	struct device d = {.version = 0x20000, .lpa = 0x22, .oacs = 1 << 10, .csi = 2, .self = 1};
	struct device o = {.version = 0, .lpa = 0x02, .self = 1};
	struct device none = {.version = 0x10200, .lpa = 0};
	struct sl_reader r;

	read_device(&d, &r);
	expect_asked(&d, full, SL_COUNT(full));
	assert(!r.flaws && contract.state == SL_CONTRACT_PRESENT && contract.n_ns == 2);
	assert(contract.ns[1].csi == 2 && contract.ns[1].zone == 0x1000);
	assert(sl_contract_find(&contract, sl_key(SL_SET_NVME_ZNS, 0x79, SL_SEL_ANY)));
	assert(sl_contract_find(&contract, sl_key(SL_SET_NVME_ADMIN, 9, 7)));

	read_device(&o, &r);
	expect_asked(&o, old, SL_COUNT(old));
	assert(!r.flaws && contract.n_ns == 2 && contract.state == SL_CONTRACT_PRESENT);

	/* However many it says it may have, as many are asked for as are kept. */
	o.n = 0;
	o.nn = 1000;
	read_device(&o, &r);
	assert(o.n == SL_NS_MAX + 2 && contract.n_ns == 2);

	read_device(&none, &r);
	assert(r.flaws == 1u << SL_FLAW_NO_LOG && contract.state == SL_CONTRACT_NONE);
	assert(contract.n_ns == 2 && contract.model[0]);
}

static void test_reader_bad(void)
{
	static const struct {
		struct device d;
		uint32_t flaws;
		bool present;
	} cases[] = {
		{{.lpa = 0x22, .refuse_op = 2, .refuse_id = 5},
		 1u << SL_FLAW_REFUSED | 1u << SL_FLAW_NO_LOG,
		 false},
		{{.lpa = 0x22, .refuse_op = 2, .refuse_id = 0x12}, 1u << SL_FLAW_REFUSED, true},
		{{.lpa = 0x22, .short_id = 5}, 1u << SL_FLAW_TRUNCATED, false},
		{{.lpa = 0x22, .short_id = 0x13}, 1u << SL_FLAW_TRUNCATED, false},
		{{.lpa = 0x22, .self = 0xff}, 1u << SL_FLAW_SELF, false},
		{{.lpa = 0x22, .self = 2}, 1u << SL_FLAW_SELF | 1u << SL_FLAW_RESERVED, false},
		{{.lpa = 0x22, .self = 3}, 0, true},
		{{.lpa = 0x20, .empty = true}, 0, true},
		{{.lpa = 0x22, .csi = 1, .oacs = 1 << 10}, 0, true},
		{{.lpa = 0x22, .csi = 40, .refuse_op = 2, .refuse_id = 0x00},
		 1u << SL_FLAW_REFUSED,
		 true},
		{{.lpa = 0x22, .oacs = 1 << 10, .hide_lockdown = true}, 0, true},
		{{.lpa = 0x22, .dies = true}, 1u << SL_FLAW_LOST, false},
		{{.lpa = 0x22, .refuse_op = 6, .refuse_id = 1},
		 1u << SL_FLAW_REFUSED | 1u << SL_FLAW_NO_LOG,
		 false},
	};
	struct sl_reader r;

	for (unsigned i = 0; i < SL_COUNT(cases); i++) {
		struct device d = cases[i].d;

		d.version = 0x10400;
		d.self = d.self ? d.self : 1;
		read_device(&d, &r);
		assert(r.flaws == cases[i].flaws);
		assert((contract.state == SL_CONTRACT_PRESENT) == cases[i].present);
		if (!cases[i].present)
			assert(!contract.n_entries);
	}
}

struct sum {
	uint32_t value;
	size_t bytes;
};

static void sum(void *ctx, const void *bytes, size_t len)
{
	struct sum *s = ctx;
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		s->value = s->value * 31 + p[i];
	s->bytes += len;
}

/* The digest covers the logs and the product, not the serial number or the namespaces. */
static void test_reader_pin(void)
{
	struct sum first = {0};

	for (unsigned round = 0; round < 4; round++) {
		struct device d = {.version = 0x20000, .lpa = 0x22, .csi = 2, .self = 1};
		struct sum s = {0};
		struct sl_reader r;
		struct sl_command cmd;

		sl_reader_init(&r, &contract, SL_WIRE_NVME, sum, &s);
		while (sl_reader_next(&r, &cmd)) {
			size_t len = answer(&d, &cmd);

			if (round == 1 && cmd.req[0] == 6 && cmd.req[40] == 1)
				page[8] ^= 1; /* serial number */
			if (round == 2 && cmd.req[0] == 6 && cmd.req[40] == 1)
				page[66] ^= 1; /* firmware */
			if (round == 3 && cmd.req[0] == 2 && cmd.req[40] == 0x12)
				put(1, 1);
			sl_reader_feed(&r, 0, page, len);
		}
		if (!round)
			first = s;
		assert(s.bytes == first.bytes && s.bytes > 2 * 4096 + 2 * 1024 + 4096);
		assert((s.value == first.value) == (round < 2));
	}
}

/* What was refused or is malformed is not in the digest. */
static void test_reader_pin_bad(void)
{
	size_t bytes[3];

	for (unsigned round = 0; round < 3; round++) {
		struct device d = {.version = 0x20000, .lpa = 0x22, .self = 1};
		struct sum s = {0};
		struct sl_reader r;
		struct sl_command cmd;

		sl_reader_init(&r, &contract, SL_WIRE_NVME, sum, &s);
		while (sl_reader_next(&r, &cmd)) {
			size_t len = answer(&d, &cmd);
			bool features = cmd.req[0] == 2 && cmd.req[40] == 0x12;

			sl_reader_feed(&r, round == 1 && features ? 0x109 : 0, page,
				       round == 2 && features ? len - 1 : len);
		}
		bytes[round] = s.bytes;
	}
	assert(bytes[1] == bytes[0] - 1024 - 8 && bytes[2] == bytes[1]);
}

/* Each protocol's longest: a name that is cut stands for several devices. */
static void test_long_names(void)
{
	static const char serial[] = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9fa";

	clear();
	memcpy(page, "CXL-FW-1.2.3-rc4", 16);
	assert(sl_contract_cxl_identify(&contract, page, 0x45) == 0);
	assert(!strcmp(contract.firmware, "CXL-FW-1.2.3-rc4"));
	clear();
	memcpy(page + 8, "VENDOR-8MODEL-OF-16-CHRSREV4", 28);
	assert(sl_contract_scsi_inquiry(&contract, page, 36) == 0);
	assert(!strcmp(contract.vendor, "VENDOR-8") && !strcmp(contract.firmware, "REV4"));
	assert(!strcmp(contract.model, "MODEL-OF-16-CHRS"));
	page[1] = 0x80;
	page[3] = sizeof(serial) - 1;
	memcpy(page + 4, serial, sizeof(serial) - 1);
	assert(sl_contract_scsi_serial(&contract, page, 4 + sizeof(serial) - 1) == 0);
	assert(!strcmp(contract.serial, serial));
}

static void test_names(void)
{
	for (unsigned i = 0; i < _SL_FLAW_N; i++)
		assert(sl_flaw_text(i) && sl_flaw_text(i)[0]);
	for (unsigned i = 0; i < _SL_RAW_N; i++)
		assert(sl_raw_name(i) && sl_raw_name(i)[0]);
	assert(!sl_flaw_text(_SL_FLAW_N) && !sl_raw_name(_SL_RAW_N));
	assert(sl_nvme_set(0) == SL_SET_NVME_NVM && sl_nvme_set(200) == SL_SET_NONE);
}

int main(void)
{
	test_table();
	test_word_bits();
	test_word_exclusivity();
	test_trust();
	test_effects_log();
	test_sibling_logs();
	test_identify();
	test_every_decoder();
	test_guid();
	test_lockdown_lists();
	test_reader_order();
	test_reader_bad();
	test_reader_pin();
	test_reader_pin_bad();
	test_long_names();
	test_names();
	return 0;
}
