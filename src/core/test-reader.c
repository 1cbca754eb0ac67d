/* SPDX-License-Identifier: Apache-2.0 */
/* The contract reader against a SCSI unit, a CXL device and a fwctl device that are a few arrays.
 */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "core/decode-cxl.h"
#include "core/decode-scsi.h"
#include "core/facts.h"
#include "core/reader.h"
#include "wire/wire.h"

static struct sl_contract contract;

static void put_be(uint8_t *p, unsigned n, uint64_t v)
{
	while (n--) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}

/* --- SCSI ---------------------------------------------------------------------------------- */

struct unit {
	uint8_t type;
	bool no_rsoc, attention; /* says UNIT ATTENTION once to each command */
	unsigned asked;
};

/* INQUIRY, READ CAPACITY(16) by service action, UNMAP in a vendor's manner, REQUEST SENSE with
 * MLU 2. */
static const uint8_t list[] = {
	0, 0, 0, 4 * 8 + 12, 0x12, 0, 0, 0,  0,	   0,	 0, 6,	0x9e, 0,    0, 0x10,
	0, 1, 0, 16,	     0x42, 0, 0, 0,  0,	   0x12, 0, 10, 0,    10,   0, 0,
	0, 0, 0, 30,	     0,	   0, 0, 60, 0x03, 0,	 0, 0,	0,    0x20, 0, 6,
};

static uint16_t answer(struct unit *u, const struct sl_command *cmd, uint8_t *data, size_t *len)
{
	const uint8_t *cdb = cmd->req;

	memset(data, 0, cmd->data_len);
	*len = cmd->data_len;
	if (cdb[0] == 0x12 && !cdb[1]) {
		data[0] = u->type;
		memcpy(data + 8, "VENDOR  a product       1.0 ", 28);
	} else if (cdb[0] == 0x12 && cdb[2] == 0x80) {
		memcpy(data + 1, "\x80\0\x05 S123", 8);
	} else if (cdb[0] == 0x12) {
		memcpy(data + 1, "\x83\0\x0c\x01\x03\0\x08\x50\1\2\3\4\5\6\7", 15);
	} else if (cdb[0] == 0x9e) {
		put_be(data, 8, 999999);
		put_be(data + 8, 4, 520);
	} else if (cdb[0] == 0x25) {
		put_be(data, 4, 299999);
		put_be(data + 4, 4, 2048);
	} else if (u->no_rsoc) {
		return 2;
	} else if (cdb[2] == 0) {
		memcpy(data, list, sizeof(list));
	} else {
		data[1] = cdb[3] == 0x42 ? 5 : 3;
		data[3] = cdb[3] == 0x9e ? 16 : cdb[3] == 0x42 ? 10 : 6;
		data[4] = cdb[3];
		memset(data + 5, 0x0f, data[3] - 1);
	}
	return 0;
}

static uint32_t read_unit(struct unit *u)
{
	struct sl_reader r;
	struct sl_command cmd;

	sl_reader_init(&r, &contract, SL_WIRE_SCSI, NULL, NULL);
	while (sl_reader_next(&r, &cmd)) {
		uint8_t data[SL_READER_DATA_MAX];
		struct sl_facts f;
		size_t len;

		/* What the broker asks it may ask: comprehended, and without effect. */
		sl_command_resolve(&contract, &cmd);
		contract.max_transfer = UINT32_MAX;
		sl_facts_collect(&contract, &cmd, NULL, &f);
		assert(f.reason == SL_REASON_ALLOWED && !sl_effects_mutating(f.floor));
		assert(sl_rows[f.row].flags & SL_ROW_CONTRACT);
		if (u->attention && u->asked++ % 2 == 0)
			sl_reader_feed(&r, 2, NULL, 0);
		else if (answer(u, &cmd, data, &len))
			sl_reader_feed(&r, 2, NULL, 0);
		else
			sl_reader_feed(&r, 0, data, len);
	}
	return r.flaws;
}

/* ATA PASS-THROUGH (32), service action 1FF0h: its key and its usage map are of two bytes. */
static void test_long_selector(void)
{
	static const uint8_t one[] = {0, 0, 0, 8, 0x7f, 0, 0x1f, 0xf0, 0, 1, 0, 32};
	uint8_t usage[36] = {0, 3, 0, 32, 0x7f, [4 + 7] = 0x18, 0x1f, 0xf0, 0x1f, 0xff};
	struct sl_command cmd = {.set = SL_SET_SCSI_SBC,
				 .req_len = 32,
				 .req = {0x7f, [7] = 0x18, 0x1f, 0xf0, 0x06, [25] = 0xe5}};
	struct sl_entry *e;
	struct sl_facts f;

	memset(usage + 16, 0xff, 14);
	assert(!sl_contract_scsi_rsoc(&contract, one, sizeof(one)));
	e = sl_contract_add(&contract, sl_key(SL_SET_SCSI_SBC, 0x7f, 0x1ff0));
	assert(e->flags & SL_ENTRY_SUPPORTED);
	assert(!sl_contract_scsi_usage(&contract, e, usage, sizeof(usage)) && e->usage);
	sl_facts_collect(&contract, &cmd, NULL, &f);
	assert(f.reason == SL_REASON_ALLOWED && f.entry == e);
	cmd.req[10] |= 0x20; /* MULTIPLE_COUNT, which this device does not look at */
	sl_facts_collect(&contract, &cmd, NULL, &f);
	assert(f.reason == SL_REASON_NOT_EVALUATED);
	/* Another service action with that second byte is another command. */
	assert(sl_row_find_key(SL_SET_SCSI_SBC, 0x7f, 0x00f0) !=
	       sl_row_find_key(SL_SET_SCSI_SBC, 0x7f, 0x1ff0));
}

static void test_scsi(void)
{
	struct unit disk = {.type = 0};
	const struct sl_entry *e;
	struct sl_command cmd = {.set = SL_SET_SCSI_SBC, .req_len = 6, .req = {0x12, 0, 0, 0, 36}};
	struct sl_facts f;

	assert(!read_unit(&disk));
	assert(!strcmp(contract.vendor, "VENDOR") && !strcmp(contract.model, "a product"));
	assert(!strcmp(contract.firmware, "1.0") && !strcmp(contract.serial, "S123"));
	assert(contract.ns[0].guid[0] == 0x50 && contract.ns[0].guid[7] == 7);
	/* 520 bytes a block: 512 and eight more, in the same buffer. */
	assert(contract.ns[0].blocks == 1000000 && contract.ns[0].lba_shift == 9);
	assert(contract.ns[0].meta == 8 && contract.ns[0].meta_ext);
	assert(contract.n_entries == 4 && contract.state == SL_CONTRACT_PRESENT);
	e = sl_contract_find(&contract, sl_key(SL_SET_SCSI_SBC, 0x9e, 0x10));
	assert(e && e->usage &&
	       !sl_contract_find(&contract, sl_key(SL_SET_SCSI_SBC, 0x9e, SL_SEL_ANY)));
	e = sl_contract_find(&contract, sl_key(SL_SET_SCSI_SBC, 0x42, SL_SEL_ANY));
	assert(e->declared & SL_E_UNKNOWN); /* in a vendor's manner */
	e = sl_contract_find(&contract, sl_key(SL_SET_SCSI_SBC, 0x03, SL_SEL_ANY));
	assert(e->scope == SL_S_SUBSYSTEM);

	/* A bit that the device does not look at: 36 is 24h, its usage data say 0Fh. */
	cmd.dir = SL_DIR_IN;
	cmd.data_len = 36;
	sl_facts_collect(&contract, &cmd, NULL, &f);
	assert(f.reason == SL_REASON_NOT_EVALUATED && f.declared_known);
	cmd.req[4] = 8;
	cmd.data_len = 8;
	sl_facts_collect(&contract, &cmd, NULL, &f);
	assert(f.reason == SL_REASON_ALLOWED);
	/* Not in the list: it does not exist. */
	cmd = (struct sl_command){.set = SL_SET_SCSI_SBC, .req_len = 6};
	sl_facts_collect(&contract, &cmd, NULL, &f);
	assert(!f.declared_known && f.trust == SL_TRUST_UNLISTED);
	test_long_selector();
}

static void test_scsi_oddities(void)
{
	struct unit cd = {.type = 5}, old = {.no_rsoc = true}, moody = {.attention = true};
	struct unit none = {.type = 0x7f};

	/* A unit attention is told once. */
	assert(!read_unit(&moody) && contract.n_entries == 4);
	/* Refuses the list, or has none by its type: nothing is declared, identity stays. */
	assert(read_unit(&old) & 1u << SL_FLAW_NO_LOG);
	assert(contract.state == SL_CONTRACT_NONE && contract.ns[0].blocks == 1000000);
	assert(read_unit(&cd) & 1u << SL_FLAW_NO_LOG);
	assert(contract.type == 5 && !contract.n_entries && contract.ns[0].blocks);
	/* No unit behind the address: of no type, and of no command set but the common one. */
	(void)read_unit(&none);
	assert(contract.type == SL_TYPE_NONE);
}

/* --- CXL ----------------------------------------------------------------------------------- */

static bool twins; /* the second feature is called like the first */

#define OPCODES 100 /* two pieces of the log */

static uint16_t mailbox(const struct sl_command *cmd, const uint8_t *in, uint8_t *out, size_t *len)
{
	uint16_t opcode = (uint16_t)(cmd->req[0] << 8 | cmd->req[1]);
	uint32_t off = sl_get_le32(in + 16), n = sl_get_le32(in + 20);

	memset(out, 0, 256);
	switch (opcode) {
	case 0x4000:
		memcpy(out, "FW 1.2.3", 8);
		out[16] = 4; /* 1 GiB */
		*len = 0x45;
		return 0;
	case 0x0400:
		out[0] = 1;
		memcpy(out + 8, sl_cxl_cel_uuid, 16);
		sl_put_le32(out + 24, 4 * OPCODES);
		*len = 28;
		return 0;
	case 0x0401:
		assert(!memcmp(in, sl_cxl_cel_uuid, 16) && off % 4 == 0 && off + n <= 4 * OPCODES);
		for (uint32_t i = 0; i < n; i += 4) {
			/* 0500h, 0501h …: the first three are the features', the others a vendor's.
			 */
			uint32_t k = (off + i) / 4;

			sl_put_le16(out + i, (uint16_t)(k < 3 ? 0x0500 + k : 0xc000 + k));
			sl_put_le16(out + i + 2, k == 2 ? 0x0002 : k == 50 ? 0x1807 : 0);
		}
		*len = n;
		return 0;
	case 0x0500:
		out[0] = 1;
		out[2] = 2;
		memset(out + 8, in[4] && !twins ? 0xbb : 0xaa, 16);
		out[8 + 20] = 4;
		out[8 + 22] = 1;
		out[8 + 28] = in[4] ? 0x01 : 0x0a;
		*len = 56;
		return 0;
	default:
		return 3;
	}
}

static bool refuses; /* everything that comes in pieces, after the first */

static uint32_t read_cxl(uint8_t protocol)
{
	struct sl_reader r;
	struct sl_command cmd;

	sl_reader_init(&r, &contract, protocol, NULL, NULL);
	while (sl_reader_next(&r, &cmd)) {
		uint8_t out[256];
		struct sl_facts f;
		size_t len = 0;
		uint16_t status;

		contract.max_transfer = UINT32_MAX;
		sl_command_resolve(&contract, &cmd);
		sl_facts_collect(&contract, &cmd, cmd.dir & SL_DIR_OUT ? r.payload : NULL, &f);
		assert(f.reason == SL_REASON_ALLOWED && !sl_effects_mutating(f.floor));
		assert(sl_rows[f.row].flags & SL_ROW_CONTRACT);
		status = mailbox(&cmd, r.payload, out, &len);
		if (refuses && r.payload[cmd.req[0] == 4 ? 17 : 4])
			status = 2;
		sl_reader_feed(&r, status, out, len);
	}
	return r.flaws;
}

/* Set Feature of that UUID byte, 4 bytes of it. */
static struct sl_facts set_feature(uint8_t set, uint8_t uuid)
{
	struct sl_command cmd = {.set = set, .dir = SL_DIR_OUT, .req_len = SL_MBOX_REQ_LEN};
	uint8_t payload[36] = {0};
	struct sl_facts f;

	cmd.req[0] = 5;
	cmd.req[1] = 2;
	cmd.data_len = sizeof(payload);
	sl_put_le32(cmd.req + SL_MBOX_IN_LEN, sizeof(payload));
	memset(payload, uuid, 16);
	sl_facts_collect(&contract, &cmd, payload, &f);
	return f;
}

static void test_cxl(void)
{
	const struct sl_entry *e;
	struct sl_facts f;

	assert(read_cxl(SL_WIRE_CXL) == 1u << SL_FLAW_RESERVED);
	assert(!strcmp(contract.firmware, "FW 1.2.3"));
	assert(contract.ns[0].blocks == (UINT64_C(1) << 30) / 64 && contract.n_entries == OPCODES);
	e = sl_contract_find(&contract, sl_key(SL_SET_CXL, 0xc0, 50));
	assert((e->flags & SL_ENTRY_RESERVED) && (e->declared & SL_E_UNKNOWN));
	/* What the log says of Set Feature, and what the feature says of being set. */
	assert(contract.n_features == 2);
	f = set_feature(SL_SET_CXL, 0xaa);
	assert(f.reason == SL_REASON_ALLOWED && f.declared == (SL_E_CONFIG | SL_E_POLICY));
	f = set_feature(SL_SET_CXL, 0xbb);
	assert(f.declared == (SL_E_CONFIG | SL_E_CONFIG_RESET));
	f = set_feature(SL_SET_CXL, 0xcc);
	assert(f.reason == SL_REASON_NO_FEATURE && (f.effective & SL_E_UNKNOWN));
	/* Effects with a reserved bit: nobody knows what setting it would do. */
	(void)sl_contract_cxl_word(0x1001, &contract.features[0].declared);
	f = set_feature(SL_SET_CXL, 0xaa);
	assert(f.reason == SL_REASON_NO_FEATURE && (f.effective & SL_E_UNKNOWN));
	/* One feature listed twice: which of them holds nobody knows. */
	twins = true;
	assert(read_cxl(SL_WIRE_CXL) & 1u << SL_FLAW_CONTRADICTS);
	f = set_feature(SL_SET_CXL, 0xaa);
	assert(f.reason == SL_REASON_NO_FEATURE);
	twins = false;
	/* Half a log is what it is; the reading ends. */
	refuses = true;
	assert(read_cxl(SL_WIRE_CXL) & 1u << SL_FLAW_REFUSED);
	assert(contract.n_entries == 64 && contract.n_features == 1);
	refuses = false;
}

static void test_fwctl(void)
{
	struct sl_facts f;

	assert(!read_cxl(SL_WIRE_FWCTL));
	assert(contract.type == 2 && contract.n_features == 2 && !contract.n_entries);
	f = set_feature(SL_SET_FWCTL_CXL, 0xaa);
	assert(f.reason == SL_REASON_ALLOWED && f.declared == (SL_E_CONFIG | SL_E_POLICY));
}

/* The bits that have a meaning, the pair that another bit makes valid, and those that have none. */
static void test_words(void)
{
	sl_effects e;

	assert(!sl_contract_cxl_word(0, &e) && e == SL_E_NONE);
	assert(!sl_contract_cxl_word(0x007e, &e));
	assert(e == (SL_E_CONFIG | SL_E_DATA | SL_E_POLICY | SL_E_LOG | SL_E_SECURITY |
		     SL_E_BACKGROUND));
	assert(!sl_contract_cxl_word(0x0e00, &e) && e == SL_E_CONFIG_RESET);
	assert(!sl_contract_cxl_word(0x0380, &e) && e == SL_E_NONE);
	assert(sl_contract_cxl_word(0x0400, &e) == SL_FLAW_RESERVED && (e & SL_E_UNKNOWN));
	for (unsigned bit = 12; bit < 16; bit++)
		assert(sl_contract_cxl_word((uint16_t)(1u << bit), &e) && (e & SL_E_UNKNOWN));
}

int main(void)
{
	test_scsi();
	test_scsi_oddities();
	test_cxl();
	test_fwctl();
	test_words();
	return 0;
}
