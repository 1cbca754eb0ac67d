/* SPDX-License-Identifier: Apache-2.0 */
/* Facts beside the vectors: reserved bits of every row, declarations, namespaces, buffers. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/facts.h"
#include "core/table.h"
#include "core/test-device.h"
#include "spec/names.h"

static struct sl_contract contract;
static uint8_t zeroes[1 << 20];

static struct sl_command make(uint8_t set, uint8_t opcode, uint32_t nsid, uint32_t cdw10,
			      uint32_t data_len)
{
	struct sl_command cmd = {.set = set, .req_len = SL_REQ_MAX, .data_len = data_len};

	cmd.req[0] = opcode;
	sl_put_le32(cmd.req + 4, nsid);
	sl_put_le32(cmd.req + 40, cdw10);
	cmd.dir = data_len ? opcode & 3 : SL_DIR_NONE;
	return cmd;
}

static struct sl_facts collect(const struct sl_command *given)
{
	struct sl_command copy = *given, *cmd = &copy;
	struct sl_facts f;

	sl_command_resolve(&contract, cmd);
	memset(&f, 0xa5, sizeof(f));
	sl_facts_collect(&contract, cmd, cmd->dir & SL_DIR_OUT ? zeroes : 0, &f);
	assert(f.reason < _SL_REASON_N && f.row < sl_row_count);
	/* What is judged is never less than the table, the declaration or the observation. */
	assert(!(sl_rows[f.row].floor & ~f.floor));
	assert(f.effective == (f.floor | f.declared | f.observed));
	assert((f.reason != SL_REASON_ALLOWED) || !(f.floor & SL_E_UNKNOWN));
	return f;
}

static uint8_t reason_of(const struct sl_command *cmd)
{
	return collect(cmd).reason;
}

/* For every row: each bit that is no field's makes the request not comprehended. */
static void test_reserved_bits(void)
{
	for (uint32_t i = 1; i < sl_row_count; i++) {
		const struct sl_row *r = &sl_rows[i];
		const struct sl_format *format = &sl_formats[r->format];
		struct sl_command cmd = make(r->set, (uint8_t)r->op_lo, TEST_NS_PLAIN, 0, 0);
		struct sl_field sel;

		/* Those of other protocols have vectors of their own. */
		if (sl_sets[r->set].lu || r->set == SL_SET_NVME_IO || (r->flags & SL_ROW_UNLISTED))
			continue;
		if (r->set == SL_SET_NVME_ZNS)
			sl_put_le32(cmd.req + 4, TEST_NS_ZONED);
		if (r->set == SL_SET_NVME_KV)
			sl_put_le32(cmd.req + 4, TEST_NS_KV);
		if (r->flags & SL_ROW_NSID_NONE)
			sl_put_le32(cmd.req + 4, 0);
		if (r->parent != i && sl_row_selector((uint16_t)i, &sel))
			sl_field_set(&sel, cmd.req, r->sel_lo);
		assert(collect(&cmd).row == i);
		for (unsigned bit = 0; bit < SL_REQ_MAX * 8; bit++) {
			struct sl_command bad = cmd;
			struct sl_facts f;

			if (format->known[bit / 32] >> bit % 32 & 1)
				continue;
			bad.req[bit / 8] ^= (uint8_t)(1 << bit % 8);
			f = collect(&bad);
			assert(f.row == i && (f.effective & SL_E_UNKNOWN));
			assert(f.reason == SL_REASON_RESERVED_BITS ||
			       f.reason == SL_REASON_KERNEL_OWNED ||
			       f.reason == SL_REASON_UNDESCRIBED);
		}
	}
}

static void test_declared(void)
{
	struct sl_command cmd = make(SL_SET_NVME_ADMIN, 0x06, 0, 1, 4096);
	struct sl_facts f = collect(&cmd);

	assert(f.reason == SL_REASON_ALLOWED && f.declared_known && f.entry && f.raw == 1);
	assert(f.trust == SL_TRUST_CONSISTENT && !f.effective && !f.caught);

	/* Firmware Commit that declares nothing: mutating by the floor, so never consistent. */
	cmd = make(SL_SET_NVME_ADMIN, 0x10, 0, 3 << 3, 0);
	f = collect(&cmd);
	assert(f.reason == SL_REASON_ALLOWED && f.trust == SL_TRUST_DECLARED && !f.declared);
	assert(f.effective & SL_E_FIRMWARE && f.excl == SL_EXCL_DEVICE);

	/* Format that declares DATA but not CAPABILITY. */
	cmd = make(SL_SET_NVME_ADMIN, 0x80, 1, 0, 0);
	f = collect(&cmd);
	assert(f.reason == SL_REASON_ALLOWED && f.trust == SL_TRUST_DECLARED);
	assert((f.effective & (SL_E_DATA | SL_E_CAPABILITY)) == (SL_E_DATA | SL_E_CAPABILITY));

	/* A standard command in no log keeps its floor and is unlisted. */
	cmd = make(SL_SET_NVME_ADMIN, 0x84, 0, 2, 0);
	f = collect(&cmd);
	assert(f.reason == SL_REASON_ALLOWED && f.trust == SL_TRUST_UNLISTED && !f.entry);
	assert(!f.declared && !f.declared_known && (f.effective & SL_E_DATA));
}

/* The log of features refines Set Features; for Get it says only what exists. */
static void test_features(void)
{
	struct sl_command cmd = make(SL_SET_NVME_ADMIN, 0x09, 0, 0x06, 0);
	struct sl_facts f = collect(&cmd);

	assert(f.entry->source == SL_SOURCE_LID12 && f.declared == SL_E_DATA);
	cmd = make(SL_SET_NVME_ADMIN, 0x0a, 0, 0x06, 0);
	f = collect(&cmd);
	assert(f.entry->source == SL_SOURCE_LID05 && !f.declared && !f.effective);
	/* Not in the log: the opcode's entry applies. Listed as not supported: nothing does. */
	cmd = make(SL_SET_NVME_ADMIN, 0x09, 0, 0x02, 0);
	f = collect(&cmd);
	assert(f.entry->source == SL_SOURCE_LID05 && f.declared == SL_E_CAPABILITY);
	cmd = make(SL_SET_NVME_ADMIN, 0x09, 0, 0x10, 0);
	f = collect(&cmd);
	assert(!f.entry && f.trust == SL_TRUST_UNLISTED && f.reason == SL_REASON_ALLOWED);
}

static void test_vendor(void)
{
	struct sl_command cmd = make(SL_SET_NVME_ADMIN, 0xc0, 0, 0x12345678, 0);
	struct sl_facts f = collect(&cmd);

	assert(f.reason == SL_REASON_ALLOWED && !f.effective && !f.length_known);
	cmd = make(SL_SET_NVME_ADMIN, 0xc1, 0, 0, 512);
	f = collect(&cmd);
	assert(f.reason == SL_REASON_VENDOR_UNDECLARED && (f.effective & SL_E_UNKNOWN));
	cmd = make(SL_SET_NVME_ADMIN, 0xc3, 0, 0, 512);
	assert(reason_of(&cmd) == SL_REASON_VENDOR_UNDECLARED);
	cmd = make(SL_SET_NVME_ADMIN, 0xc5, 0, 0, 512);
	assert(reason_of(&cmd) == SL_REASON_VENDOR_UNDECLARED);
	/* A vendor's log page: listed, left out of the list, and on a device without the list. */
	cmd = make(SL_SET_NVME_ADMIN, 0x02, 0, 0x7f00c0, 512);
	assert(reason_of(&cmd) == SL_REASON_ALLOWED);
	cmd = make(SL_SET_NVME_ADMIN, 0x02, 0, 0x7f00ca, 512);
	assert(reason_of(&cmd) == SL_REASON_VENDOR_UNDECLARED);
	contract.sources &= ~(1u << SL_SOURCE_LID00);
	f = collect(&cmd);
	assert(f.reason == SL_REASON_ALLOWED && f.declared_known && f.effective == SL_E_LOG);
	test_contract(&contract);
	/* Flags, identifier and pointers are reserved in vendor commands too. */
	cmd = make(SL_SET_NVME_ADMIN, 0xc0, 0, 0, 0);
	cmd.req[1] = 1;
	assert(reason_of(&cmd) == SL_REASON_RESERVED_BITS);
}

static void test_caught(void)
{
	struct sl_entry *e =
		sl_contract_add(&contract, sl_key(SL_SET_NVME_ADMIN, 0x06, SL_SEL_ANY));
	struct sl_command cmd = make(SL_SET_NVME_ADMIN, 0x06, 0, 1, 4096);
	struct sl_facts f;

	e->flags |= SL_ENTRY_CAUGHT;
	e->observed = SL_E_DATA;
	f = collect(&cmd);
	assert(f.caught && f.observed == SL_E_DATA && f.effective == SL_E_DATA);
	assert(f.trust == SL_TRUST_DECLARED && f.reason == SL_REASON_ALLOWED);
	test_contract(&contract);

	e = sl_contract_add(&contract, sl_key(SL_SET_NVME_ADMIN, 0x06, SL_SEL_ANY));
	e->flags |= SL_ENTRY_RESERVED;
	f = collect(&cmd);
	assert(f.declared & SL_E_UNKNOWN && f.trust == SL_TRUST_DECLARED);
	e->excl = SL_EXCL_DEVICE;
	e->scope = SL_S_DOMAIN;
	f = collect(&cmd);
	assert(f.excl == SL_EXCL_DEVICE && (f.scope & SL_S_DOMAIN));
	test_contract(&contract);
}

static void test_namespaces(void)
{
	struct sl_command cmd = make(SL_SET_NVME_IO, 0x02, TEST_NS_ZONED, 0, 4096);
	struct sl_facts f = collect(&cmd);

	/* An NVM row, judged in the zoned set. */
	assert(f.reason == SL_REASON_ALLOWED && f.ns->nsid == TEST_NS_ZONED && f.length == 4096);
	assert(!strcmp(sl_rows[f.row].name, "nvme.nvm.read"));
	/* The client's word for the set counts only when it is the namespace's. */
	cmd.set = SL_SET_NVME_ZNS;
	assert(reason_of(&cmd) == SL_REASON_ALLOWED);
	cmd.set = SL_SET_NVME_NVM;
	assert(reason_of(&cmd) == SL_REASON_NAMESPACE);
	/* A node of one namespace is no door to another, nor to all. */
	cmd = make(SL_SET_NVME_IO, 0x00, TEST_NS_PLAIN, 0, 0);
	cmd.node_nsid = TEST_NS_PLAIN;
	assert(reason_of(&cmd) == SL_REASON_ALLOWED);
	cmd.node_nsid = TEST_NS_META;
	assert(reason_of(&cmd) == SL_REASON_NAMESPACE);
	sl_put_le32(cmd.req + 4, 0xffffffff);
	assert(reason_of(&cmd) == SL_REASON_NAMESPACE);
	cmd.node_nsid = 0;
	f = collect(&cmd);
	assert(f.reason == SL_REASON_ALLOWED && (f.scope & SL_S_SUBSYSTEM) && !f.ns);
	/* A broadcast write has no meaning. */
	cmd = make(SL_SET_NVME_IO, 0x08, 0xffffffff, 0, 0);
	assert(reason_of(&cmd) == SL_REASON_NAMESPACE);
	cmd = make(SL_SET_NVME_IO, 0x02, TEST_NS_ALIEN, 0, 512);
	f = collect(&cmd);
	assert(f.reason == SL_REASON_NAMESPACE && (f.effective & SL_E_UNKNOWN));
	cmd = make(0xee, 0x02, 1, 0, 512);
	assert(reason_of(&cmd) == SL_REASON_UNLISTED);
	cmd = make(SL_SET_NONE, 0x02, 1, 0, 512);
	assert(reason_of(&cmd) == SL_REASON_UNLISTED);
	/* Format of all namespaces widens and must be alone on the device. */
	cmd = make(SL_SET_NVME_ADMIN, 0x80, 0xffffffff, 0, 0);
	f = collect(&cmd);
	assert((f.scope & SL_S_SUBSYSTEM) && f.excl == SL_EXCL_DEVICE);
	cmd = make(SL_SET_NVME_ADMIN, 0x80, 1, 0, 0);
	f = collect(&cmd);
	assert(!(f.scope & SL_S_SUBSYSTEM) && f.excl == SL_EXCL_NAMESPACE && f.ns);
}

/* Four blocks with PRACT: what is moved depends on the protection information and its room. */
static void test_pract(struct sl_command cmd)
{
	struct sl_ns *ns = NULL;

	for (unsigned i = 0; i < contract.n_ns; i++)
		if (contract.ns[i].nsid == TEST_NS_META)
			ns = &contract.ns[i];
	assert(ns && ns->meta == 8 && !ns->meta_ext);
	ns->pi = 1;
	assert(reason_of(&cmd) == SL_REASON_META_UNKNOWN);
	cmd.meta_len = 0;
	assert(reason_of(&cmd) == SL_REASON_ALLOWED);
	ns->meta_ext = 1;
	assert(reason_of(&cmd) == SL_REASON_ALLOWED);
	cmd.data_len = 4 * (512 + 8);
	assert(reason_of(&cmd) == SL_REASON_LENGTH);
	ns->meta_ext = 0;
	cmd.data_len = 4 * 512;
	/* 16 bytes are the protection information of a 32-bit guard, or have room beside it. */
	ns->meta = 16;
	assert(reason_of(&cmd) == SL_REASON_META_UNKNOWN);
	cmd.meta_len = 4 * 16;
	assert(reason_of(&cmd) == SL_REASON_META_UNKNOWN);
	ns->meta = 64;
	cmd.meta_len = 4 * 64;
	assert(reason_of(&cmd) == SL_REASON_ALLOWED);
	cmd.meta_len = 0;
	assert(reason_of(&cmd) == SL_REASON_META_UNKNOWN);
	ns->meta = 8;
	ns->pi = 0;
}

static void test_metadata(void)
{
	struct sl_command cmd = make(SL_SET_NVME_IO, 0x02, TEST_NS_META, 0, 4 * 512);

	sl_put_le32(cmd.req + 48, 3);
	assert(reason_of(&cmd) == SL_REASON_META_UNKNOWN);
	cmd.meta_len = 4 * 8;
	assert(reason_of(&cmd) == SL_REASON_ALLOWED);
	cmd.meta_len = 4 * 8 + 1;
	assert(reason_of(&cmd) == SL_REASON_META_UNKNOWN);
	cmd.meta_len = 4 * 8;
	sl_put_le32(cmd.req + 48, 3 | 1u << 29); /* PRACT */
	assert(reason_of(&cmd) == SL_REASON_META_UNKNOWN);
	test_pract(cmd);
	cmd = make(SL_SET_NVME_IO, 0x02, TEST_NS_EXT, 0, 2 * (4096 + 64));
	sl_put_le32(cmd.req + 48, 1);
	assert(reason_of(&cmd) == SL_REASON_ALLOWED);
	cmd.meta_len = 128;
	assert(reason_of(&cmd) == SL_REASON_META_UNKNOWN);
	/* No metadata where none is moved, nor where nobody knows. */
	cmd = make(SL_SET_NVME_ADMIN, 0x06, 0, 1, 4096);
	cmd.meta_len = 8;
	assert(reason_of(&cmd) == SL_REASON_META_UNKNOWN);
	cmd = make(SL_SET_NVME_ADMIN, 0xc0, 0, 0, 0);
	cmd.meta_len = 8;
	assert(reason_of(&cmd) == SL_REASON_META_UNKNOWN);
	/* Blocks of unknown size. */
	contract.ns[0].lba_shift = 0;
	cmd = make(SL_SET_NVME_IO, 0x02, TEST_NS_PLAIN, 0, 512);
	assert(reason_of(&cmd) == SL_REASON_NAMESPACE);
	contract.ns[0].lba_shift = 255;
	assert(reason_of(&cmd) == SL_REASON_NAMESPACE);
	test_contract(&contract);
}

static void test_buffers(void)
{
	struct sl_command cmd = make(SL_SET_NVME_ADMIN, 0x06, 0, 1, 4096);
	struct sl_facts f;

	cmd.dir = SL_DIR_OUT;
	assert(reason_of(&cmd) == SL_REASON_DIRECTION);
	cmd.dir = SL_DIR_NONE;
	assert(reason_of(&cmd) == SL_REASON_DIRECTION);
	cmd.dir = SL_DIR_BOTH;
	assert(reason_of(&cmd) == SL_REASON_DIRECTION);
	cmd.dir = SL_DIR_IN;
	cmd.data_len = 4095;
	assert(reason_of(&cmd) == SL_REASON_LENGTH);
	cmd.data_len = 0;
	assert(reason_of(&cmd) == SL_REASON_LENGTH);
	cmd.data_len = 4096;
	cmd.req_len = 63;
	assert(reason_of(&cmd) == SL_REASON_SHORT);
	/* A device with a smaller limit, and one that states none. */
	cmd.req_len = 64;
	contract.max_transfer = 4095;
	assert(reason_of(&cmd) == SL_REASON_TOO_LONG);
	contract.max_transfer = 0;
	assert(reason_of(&cmd) == SL_REASON_ALLOWED);
	test_contract(&contract);
	/* Outgoing data that is not there. */
	cmd = make(SL_SET_NVME_ADMIN, 0x11, 0, 1023, 4096);
	sl_facts_collect(&contract, &cmd, 0, &f);
	assert(f.reason == SL_REASON_SHORT && (f.effective & SL_E_UNKNOWN));
	/* NUMD 32 bits wide does not wrap. */
	cmd = make(SL_SET_NVME_ADMIN, 0x02, 0, 0xffff0002, 0);
	sl_put_le32(cmd.req + 44, 0xffff);
	f = collect(&cmd);
	assert(f.reason == SL_REASON_LENGTH && f.length == UINT32_MAX);
}

static void test_texts(void)
{
	for (unsigned i = 0; i < _SL_REASON_N; i++)
		assert(sl_reason_text(i) && sl_reason_text(i)[0]);
	assert(!sl_reason_text(_SL_REASON_N));
}

/* Any bytes, any buffer: an answer, the same one twice, and never out of bounds. */
static void test_random(void)
{
	static const uint8_t ops[] = {0x02, 0x06, 0x09, 0x0a, 0x19, 0x1a,
				      0x80, 0x84, 0x01, 0x7d, 0x79};

	srandom(1);
	for (unsigned i = 0; i < 200000; i++) {
		struct sl_command cmd = {.set = (uint8_t)(random() % (_SL_SET_N + 1)),
					 .dir = (uint8_t)(random() & 3),
					 .req_len = SL_REQ_MAX};
		struct sl_facts a, b;

		for (unsigned j = 0; j < SL_REQ_MAX; j++)
			cmd.req[j] = random() % 3 ? 0 : (uint8_t)random();
		if (random() & 1)
			cmd.req[0] = ops[(size_t)random() % sizeof(ops)];
		if (random() & 1)
			sl_put_le32(cmd.req + 4, (uint32_t)random() % 8);
		cmd.data_len = random() & 1 ? (uint32_t)random() % sizeof(zeroes) : 0;
		a = collect(&cmd);
		b = collect(&cmd);
		assert(!memcmp(&a, &b, sizeof(a)));
	}
}

/* What the kernel uses is changed by no broadcast either. */
static void test_in_use(void)
{
	struct sl_command format = make(SL_SET_NVME_ADMIN, 0x80, TEST_NS_PLAIN, 0, 0);
	struct sl_command all = make(SL_SET_NVME_ADMIN, 0x80, 0xffffffff, 0, 0);
	struct sl_command sanitize = make(SL_SET_NVME_ADMIN, 0x84, 0, 2, 0);
	struct sl_command identify = make(SL_SET_NVME_ADMIN, 0x06, 0, 1, 4096);
	/* Of all namespaces at once: detach, and write protection by Set Features. */
	struct sl_command detach = make(SL_SET_NVME_ADMIN, 0x15, 0xffffffff, 1, 4096);
	struct sl_command protect = make(SL_SET_NVME_ADMIN, 0x09, 0xffffffff, 0x84, 0);
	struct sl_command smart = make(SL_SET_NVME_ADMIN, 0x02, 0xffffffff, 0x7f0002, 512);
	struct sl_ns *ns = (struct sl_ns *)sl_contract_ns(&contract, TEST_NS_PLAIN);

	assert(!collect(&format).in_use && !collect(&all).in_use && !collect(&sanitize).in_use);
	ns->used_by_kernel = 1;
	assert(collect(&format).in_use && collect(&all).in_use && collect(&sanitize).in_use);
	assert(!collect(&identify).in_use);
	assert(collect(&detach).in_use && collect(&protect).in_use && !collect(&smart).in_use);
	ns->claimed = 1;
	assert(!collect(&format).in_use && !collect(&all).in_use && !collect(&sanitize).in_use);
	ns->used_by_kernel = ns->claimed = 0;
}

int main(void)
{
	test_contract(&contract);
	test_reserved_bits();
	test_declared();
	test_features();
	test_vendor();
	test_caught();
	test_namespaces();
	test_metadata();
	test_buffers();
	test_texts();
	test_random();
	test_in_use();
	return 0;
}
