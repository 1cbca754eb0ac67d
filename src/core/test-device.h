/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A made-up device for tests of the core: four namespaces, one of each kind, and a short effects
 * log. Every test that needs a contract uses this one, so that vectors mean the same everywhere.
 */
#ifndef SL_CORE_TEST_DEVICE_H
#define SL_CORE_TEST_DEVICE_H

#include <stdint.h>
#include <string.h>

#include "core/command.h"
#include "core/contract.h"

#define TEST_NS_PLAIN 1u /* NVM, 512 bytes a block, 1,000,000 blocks */
#define TEST_NS_ZONED 2u /* ZNS, 4096 bytes, zones of 4096 blocks, 65,536 blocks */
#define TEST_NS_KV    3u /* KV */
#define TEST_NS_META  4u /* NVM, 512 bytes and 8 of metadata in a buffer of their own */
#define TEST_NS_EXT   5u /* NVM, 4096 bytes and 64 of metadata behind each block */
#define TEST_NS_ALIEN 6u /* a command set nobody knows */

static inline void test_entry(struct sl_contract *c, uint8_t set, uint16_t opcode, uint16_t sel,
			      sl_effects declared, uint8_t source, uint8_t flags)
{
	struct sl_entry *e = sl_contract_add(c, sl_key(set, opcode, sel));

	e->declared = declared;
	e->source = source;
	e->flags |= flags;
	e->trust = SL_TRUST_DECLARED;
	e->raw = flags & SL_ENTRY_SUPPORTED ? 1 : 0;
}

/* `c` is filled; it is too large for a stack. */
static inline void test_contract(struct sl_contract *c)
{
	static const struct sl_ns ns[] = {
		{.nsid = TEST_NS_PLAIN, .csi = 0, .lba_shift = 9, .blocks = 1000000},
		{.nsid = TEST_NS_ZONED, .csi = 2, .lba_shift = 12, .blocks = 65536, .zone = 4096},
		{.nsid = TEST_NS_KV, .csi = 1},
		{.nsid = TEST_NS_META, .csi = 0, .lba_shift = 9, .meta = 8, .blocks = 1000},
		{.nsid = TEST_NS_EXT,
		 .csi = 0,
		 .lba_shift = 12,
		 .meta = 64,
		 .meta_ext = 1,
		 .blocks = 1000},
		{.nsid = TEST_NS_ALIEN, .csi = 0x30, .lba_shift = 9, .blocks = 1000},
	};
	const uint8_t a = SL_SET_NVME_ADMIN, ok = SL_ENTRY_SUPPORTED;

	memset(c, 0, sizeof(*c));
	c->generation = 1;
	c->state = SL_CONTRACT_PRESENT;
	c->max_transfer = 1 << 20;
	c->n_ns = sizeof(ns) / sizeof(ns[0]);
	memcpy(c->ns, ns, sizeof(ns));
	c->sources = 1 << SL_SOURCE_LID05 | 1 << SL_SOURCE_LID12 | 1 << SL_SOURCE_LID00;
	test_entry(c, a, 0x02, SL_SEL_ANY, 0, SL_SOURCE_LID05, ok);
	test_entry(c, a, 0x02, 0xc0, 0, SL_SOURCE_LID00, ok | SL_ENTRY_NO_EFFECTS);
	test_entry(c, a, 0x06, SL_SEL_ANY, 0, SL_SOURCE_LID05, ok);
	test_entry(c, a, 0x09, SL_SEL_ANY, SL_E_CAPABILITY, SL_SOURCE_LID05, ok);
	test_entry(c, a, 0x09, 0x06, SL_E_DATA, SL_SOURCE_LID12, ok);
	test_entry(c, a, 0x09, 0x10, 0, SL_SOURCE_LID12, 0);
	test_entry(c, a, 0x09, 0xc1, SL_E_DATA, SL_SOURCE_LID12, ok);
	test_entry(c, a, 0x0a, SL_SEL_ANY, 0, SL_SOURCE_LID05, ok);
	test_entry(c, a, 0x10, SL_SEL_ANY, 0, SL_SOURCE_LID05, ok);
	test_entry(c, a, 0x80, SL_SEL_ANY, SL_E_DATA, SL_SOURCE_LID05, ok);
	test_entry(c, a, 0xc0, SL_SEL_ANY, 0, SL_SOURCE_LID05, ok);
	test_entry(c, a, 0xc1, SL_SEL_ANY, SL_E_UNKNOWN, SL_SOURCE_LID05, ok | SL_ENTRY_RESERVED);
	test_entry(c, a, 0xc2, SL_SEL_ANY, SL_E_DATA, SL_SOURCE_LID05, ok);
	test_entry(c, a, 0xc5, SL_SEL_ANY, 0, SL_SOURCE_LID05, 0);
	test_entry(c, SL_SET_NVME_NVM, 0x01, SL_SEL_ANY, SL_E_DATA, SL_SOURCE_LID05, ok);
	test_entry(c, SL_SET_NVME_NVM, 0x02, SL_SEL_ANY, 0, SL_SOURCE_LID05, ok);
	test_entry(c, SL_SET_NVME_NVM, 0x09, SL_SEL_ANY, 0, SL_SOURCE_LID05, ok);
	test_entry(c, SL_SET_NVME_NVM, 0x82, SL_SEL_ANY, 0, SL_SOURCE_LID05, ok);
	test_entry(c, SL_SET_NVME_ZNS, 0x79, SL_SEL_ANY, SL_E_DATA, SL_SOURCE_LID05, ok);
}

#endif
