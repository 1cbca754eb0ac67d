/* SPDX-License-Identifier: Apache-2.0 */
/* Every block a command names, from honest and from malicious payloads. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "core/facts.h"
#include "core/ranges.h"
#include "core/table.h"
#include "core/test-device.h"

static struct sl_contract contract;
static struct sl_command cmd;
static struct sl_facts facts;
static uint8_t data[256 * 40];

static struct sl_range got[300];
static unsigned n_got;

/* Walks the ranges of cmd; returns whether the walk ended without fault. */
static bool walk(void)
{
	struct sl_ranges it;

	cmd.req_len = SL_REQ_MAX;
	cmd.dir = cmd.data_len ? cmd.req[0] & 3 : SL_DIR_NONE;
	sl_command_resolve(&contract, &cmd);
	sl_facts_collect(&contract, &cmd, cmd.dir & SL_DIR_OUT ? data : 0, &facts);
	sl_ranges_init(&it, &contract, &cmd, &facts, cmd.data_len ? data : 0);
	for (n_got = 0; sl_ranges_next(&it, &got[n_got]); n_got++)
		assert(got[n_got].count && n_got < 299);
	/* Once ended it stays ended, and the facts know of the fault. */
	assert(!sl_ranges_next(&it, &got[299]));
	if (it.bad)
		assert(facts.reason != SL_REASON_ALLOWED && it.reason != SL_REASON_ALLOWED);
	return !it.bad;
}

static void command(uint8_t opcode, uint32_t nsid, uint64_t slba, uint32_t cdw12, uint32_t data_len)
{
	memset(&cmd, 0, sizeof(cmd));
	memset(data, 0, sizeof(data));
	cmd.set = SL_SET_NVME_IO;
	cmd.req[0] = opcode;
	cmd.data_len = data_len;
	sl_put_le32(cmd.req + 4, nsid);
	sl_put_le64(cmd.req + 40, slba);
	sl_put_le32(cmd.req + 48, cdw12);
}

static bool is(unsigned i, uint32_t nsid, uint64_t lba, uint64_t count, bool source)
{
	return got[i].nsid == nsid && got[i].lba == lba && got[i].count == count &&
	       got[i].source == source;
}

static void test_blocks(void)
{
	command(0x01, 1, 100, 7, 8 * 512);
	assert(walk() && n_got == 1 && is(0, 1, 100, 8, false));
	command(0x02, 1, 0, 0xffff, 0);
	assert(walk() && n_got == 1 && is(0, 1, 0, 65536, false));
	/* The last block that can be numbered, and one past it. */
	command(0x08, 1, UINT64_MAX, 0, 0);
	assert(walk() && is(0, 1, UINT64_MAX, 1, false));
	command(0x08, 1, UINT64_MAX, 1, 0);
	memset(&facts, 0, sizeof(facts));
	{
		struct sl_ranges it;

		sl_command_resolve(&contract, &cmd);
		sl_facts_collect(&contract, &cmd, 0, &facts);
		sl_ranges_init(&it, &contract, &cmd, &facts, 0);
		assert(!sl_ranges_next(&it, &got[0]) && it.bad);
	}
	command(0x00, 1, 0, 0, 0);
	assert(walk() && n_got == 0);
}

static void dsm(unsigned at, uint32_t cattr, uint32_t count, uint64_t lba)
{
	sl_put_le32(data + 16 * at, cattr);
	sl_put_le32(data + 16 * at + 4, count);
	sl_put_le64(data + 16 * at + 8, lba);
}

static void test_dsm(void)
{
	command(0x09, 1, 3, 0, 4 * 16);
	sl_put_le32(cmd.req + 44, 4);
	dsm(0, 0xff00073f, 8, 10);
	dsm(2, 0, 0xffffffff, 0);
	dsm(3, 0, 1, UINT64_MAX);
	assert(walk() && n_got == 3);
	assert(is(0, 1, 10, 8, false) && is(1, 1, 0, 0xffffffff, false));
	assert(is(2, 1, UINT64_MAX, 1, false));
	dsm(3, 0, 2, UINT64_MAX); /* wraps to block 0 */
	assert(!walk() && facts.reason == SL_REASON_RESERVED_BITS);
	dsm(3, 0x00000800, 1, 0);
	assert(!walk());
	/* The count says more than the buffer holds: refused before a byte is read. */
	command(0x09, 1, 255, 0, 16);
	assert(!walk() && n_got == 0 && facts.reason == SL_REASON_LENGTH);
	command(0x09, 1, 255, 0, 256 * 16);
	for (unsigned i = 0; i < 256; i++)
		dsm(i, 0, 1, i);
	assert(walk() && n_got == 256 && is(255, 1, 255, 1, false));
}

static void source(unsigned at, unsigned size, uint32_t nsid, uint64_t lba, uint16_t nlb)
{
	sl_put_le32(data + size * at, nsid);
	sl_put_le64(data + size * at + 8, lba);
	sl_put_le16(data + size * at + 16, nlb);
}

static void test_copy(void)
{
	for (unsigned format = 0; format < 4; format++) {
		unsigned size = format & 1 ? 40 : 32;
		bool named = format >= 2;

		command(0x19, 1, 5000, 2 | format << 8, 3 * size);
		source(0, size, named ? 2 : 0, 10, 9);
		source(1, size, named ? 4 : 0, 20, 0);
		source(2, size, named ? 1 : 0, 30, 0xffff);
		assert(walk() && n_got == 4);
		assert(is(0, named ? 2 : 1, 10, 10, true) && is(1, named ? 4 : 1, 20, 1, true));
		assert(is(2, 1, 30, 65536, true));
		assert(is(3, 1, 5000, 10 + 1 + 65536, false));
		/* Every reserved byte of the second descriptor. */
		for (unsigned b = 0; b < size; b++) {
			bool tags = format & 1 ? b >= 26 : b >= 24;
			bool used = tags || (b >= 8 && b < 18) || b == 20 || b == 21 ||
				    (named && b < 4);

			data[size + b] ^= 0x10;
			if (!used)
				assert(!walk() && facts.reason == SL_REASON_RESERVED_BITS);
			else if (b >= 4)
				assert(walk());
			data[size + b] ^= 0x10;
		}
	}
}

static void test_copy_malicious(void)
{
	/* A source in a namespace that is not there, or in all of them. */
	static const uint32_t bad[] = {0, 7, 0xffffffff};

	for (unsigned i = 0; i < 3; i++) {
		command(0x19, 1, 0, 1 | 2 << 8, 64);
		source(0, 32, 1, 0, 0);
		source(1, 32, bad[i], 0, 0);
		assert(!walk() && n_got == 1 && facts.reason == SL_REASON_NAMESPACE);
	}
	/* A source that wraps; a destination that wraps only by the sum of all sources. */
	command(0x19, 1, 0, 0, 32);
	source(0, 32, 0, UINT64_MAX, 1);
	assert(!walk());
	command(0x19, 1, UINT64_MAX - 1, 1, 64);
	source(0, 32, 0, 0, 0);
	source(1, 32, 0, 0, 1);
	assert(!walk() && n_got == 2);
	/* Descriptors of 40 bytes in a buffer for 32, and formats that do not exist. */
	command(0x19, 1, 0, 1 << 8, 32);
	assert(!walk() && n_got == 0 && facts.reason == SL_REASON_LENGTH);
	command(0x19, 1, 0, 4 << 8, 32);
	assert(walk() && n_got == 0 && facts.reason == SL_REASON_UNLISTED);
	/* No payload at all. */
	command(0x19, 1, 0, 0, 0);
	assert(!walk() && n_got == 0);
	command(0x19, 1, 0, 255, 256 * 32);
	for (unsigned i = 0; i < 256; i++)
		source(i, 32, 0, i, 0xffff);
	assert(walk() && n_got == 257 && is(256, 1, 0, 256u << 16, false));
}

/* A CDB for this disk, whose parameter list is `data_len` bytes. */
static void cdb(uint8_t opcode, uint8_t sa, uint32_t data_len)
{
	memset(&cmd, 0, sizeof(cmd));
	memset(data, 0, sizeof(data));
	cmd.set = SL_SET_SCSI;
	cmd.req[0] = opcode;
	cmd.req[1] = sa;
	cmd.req[12] = (uint8_t)(data_len >> 8);
	cmd.req[13] = (uint8_t)data_len;
	cmd.data_len = data_len;
}

/* Likewise, of that command and what it says now. */
static bool walk_list(void)
{
	struct sl_ranges it;

	cmd.set = SL_SET_SCSI;
	cmd.req_len = 16;
	cmd.dir = cmd.data_len ? SL_DIR_OUT : SL_DIR_NONE;
	contract.type = 0;
	sl_command_resolve(&contract, &cmd);
	sl_facts_collect(&contract, &cmd, cmd.data_len ? data : 0, &facts);
	sl_ranges_init(&it, &contract, &cmd, &facts, cmd.data_len ? data : 0);
	for (n_got = 0; sl_ranges_next(&it, &got[n_got]); n_got++)
		assert(got[n_got].count && n_got < 299);
	assert(it.bad == (facts.reason != SL_REASON_ALLOWED));
	return !it.bad;
}

/* An identification descriptor (E4h) of a unit with that NAA, of blocks of 512 bytes. */
static void cscd(uint8_t *d, const uint8_t *naa)
{
	static const uint8_t head[8] = {0xe4, 0, 0, 0, 1, 3, 0, 16};

	memcpy(d, head, 8);
	memcpy(d + 8, naa, 16);
	d[30] = 2;
}

static const uint8_t here[16] = {0x60, 1, 2, 3}, other[16] = {0x60, 1, 2, 4};

/* Two targets, here and elsewhere, and room for two segments of 28 bytes, with either head. */
static uint8_t *xcopy(bool lid4)
{
	uint32_t n = lid4 ? 48 : 16;

	cdb(0x83, lid4, n + 64 + 56);
	data[0] = lid4;
	data[lid4 ? 43 : 3] = 64;
	data[lid4 ? 45 : 11] = 56;
	cscd(data + n, here);
	cscd(data + n + 32, other);
	return data + n + 64;
}

/* From block to block: type 02h. */
static void segment(uint8_t *d, uint8_t from, uint8_t to, uint16_t n, uint8_t src, uint8_t dst)
{
	memset(d, 0, 28);
	d[0] = 2;
	d[3] = 24;
	d[5] = from;
	d[7] = to;
	d[10] = (uint8_t)(n >> 8);
	d[11] = (uint8_t)n;
	d[19] = src;
	d[27] = dst;
}

static bool elsewhere(unsigned i)
{
	return is(i, 0xffffffff, 0, UINT64_MAX, got[i].source);
}

static void test_xcopy(void)
{
	memcpy(contract.ns[0].guid, here, 16);
	for (unsigned lid4 = 0; lid4 < 2; lid4++) {
		uint8_t *s = xcopy(lid4), *target = s - 64;
		uint32_t whole = cmd.data_len;

		segment(s, 0, 0, 0x102, 10, 20);
		segment(s + 28, 0, 0, 1, 30, 40);
		assert(walk_list() && n_got == 4);
		assert(is(0, 1, 10, 0x102, true) && is(1, 1, 20, 0x102, false));
		assert(is(2, 1, 30, 1, true) && is(3, 1, 40, 1, false));
		/* Another unit at either end, or one that is not said to be this one. */
		segment(s + 28, 0, 1, 1, 30, 40);
		assert(walk_list() && n_got == 4 && elsewhere(2) && elsewhere(3));
		segment(s + 28, 1, 0, 1, 30, 40);
		assert(walk_list() && elsewhere(2) && elsewhere(3));
		segment(s + 28, 0, 0, 1, 30, 40);
		for (unsigned b = 0; b < 32; b++) {
			static const uint8_t matters[32] = {[0] = 1,	    [1] = 1,
							    [4 ... 5] = 1,  [7] = 1,
							    [8 ... 23] = 1, [28 ... 31] = 1};

			target[b] ^= 2;
			assert(walk_list() && n_got == 4 && elsewhere(0) == matters[b]);
			target[b] ^= 2;
		}
		/* Streams and offsets in bytes name no blocks that could be held against a fence.
		 */
		s[28] = 0x0a;
		s[31] = 28;
		assert(!walk_list() && facts.reason == SL_REASON_SHORT && n_got == 2);
		s[28] = 0x0d;
		s[31] = 24;
		assert(walk_list() && is(2, 1, 30, 1, true));
		s[28] = 0;
		s[31] = 20;
		assert(!walk_list() && facts.reason == SL_REASON_SHORT);
		/* Types, lengths and flags that are not known; targets that are not there. */
		segment(s + 28, 0, 0, 1, 30, 40);
		s[28] = 0x14;
		assert(!walk_list() && facts.reason == SL_REASON_UNLISTED);
		s[28] = 2;
		s[31] = 20;
		assert(!walk_list() && facts.reason == SL_REASON_UNLISTED);
		s[31] = 0;
		assert(!walk_list());
		s[31] = 24;
		s[29] = 8;
		assert(!walk_list() && facts.reason == SL_REASON_UNLISTED);
		segment(s + 28, 0, 2, 1, 30, 40);
		assert(!walk_list() && facts.reason == SL_REASON_SHORT && n_got == 2);
		segment(s + 28, 0, 0, 1, 30, 40);
		s[28 + 6] = 8; /* 0800h */
		assert(!walk_list());
		segment(s + 28, 0, 0, 0, 30, 40); /* no blocks: nothing that a fence could hold */
		assert(!walk_list());
		/* Blocks that wrap. */
		segment(s + 28, 0, 0, 2, 0xff, 40);
		memset(s + 28 + 12, 0xff, 8);
		assert(!walk_list());
		segment(s + 28, 0, 0, 1, 30, 40);
		/* Lists past the payload, and payload past the lists. */
		for (uint32_t n = 1; n < whole; n++) {
			cmd.req[13] = (uint8_t)n;
			cmd.data_len = n;
			assert(!walk_list() && n_got == 0 && facts.reason == SL_REASON_SHORT);
		}
		cmd.req[13] = (uint8_t)whole;
		cmd.data_len = whole;
		assert(walk_list());
		for (unsigned b = 0; b < 16; b++) { /* each length, far too much */
			bool is_length = lid4 ? b >= 10 : b >= 2 && (b < 4 || b >= 8);

			data[(lid4 ? 32 : 0) + b] ^= 0x80;
			if (is_length)
				assert(!walk_list() && n_got == 0);
			data[(lid4 ? 32 : 0) + b] ^= 0x80;
		}
		if (lid4) {
			data[0] = 2; /* a format of the list that nobody knows */
			assert(!walk_list() && facts.reason == SL_REASON_UNLISTED);
		}
	}
	/* An NAA of eight bytes is not the first half of one of sixteen; none is nobody's. */
	segment(xcopy(false), 0, 0, 1, 1, 2);
	segment(data + 16 + 64 + 28, 0, 0, 1, 1, 2);
	data[16 + 7] = 8;
	assert(walk_list() && elsewhere(0));
	contract.ns[0].guid[0] = 0x50;
	data[16 + 8] = 0x50;
	assert(walk_list() && is(0, 1, 1, 1, true));
	memset(contract.ns[0].guid, 0, 16);
	memset(data + 16 + 8, 0, 16);
	assert(walk_list() && elsewhere(0));
	/* No list at all copies nothing. */
	cdb(0x83, 0, 0);
	assert(walk_list() && n_got == 0);
}

/* POPULATE TOKEN and WRITE USING TOKEN: the lists of UNMAP behind longer heads. */
static void test_tokens(void)
{
	static const uint32_t heads[] = {16, 536}, zeros[] = {12, 528};

	for (unsigned i = 0; i < 2; i++) {
		uint8_t *d = data + heads[i];
		uint32_t n = heads[i] + 32;

		cdb(0x83, (uint8_t)(0x10 + i), n);
		data[0] = (uint8_t)((n - 2) >> 8);
		data[1] = (uint8_t)(n - 2);
		data[heads[i] - 1] = 32;
		d[7] = 10;
		d[11] = 4;
		d[16 + 7] = 50;
		d[16 + 11] = 1;
		assert(walk_list() && n_got == 2 && is(0, 1, 10, 4, false) &&
		       is(1, 1, 50, 1, false));
		data[zeros[i]] = 1;
		assert(!walk_list() && facts.reason == SL_REASON_RESERVED_BITS);
		data[zeros[i]] = 0;
		data[heads[i] - 1] = 48; /* past the payload */
		assert(!walk_list() && facts.reason == SL_REASON_SHORT);
		data[heads[i] - 1] = 32;
		for (uint32_t less = 1; less <= 33 && less < n; less++) {
			cmd.req[12] = (uint8_t)((n - less) >> 8);
			cmd.req[13] = (uint8_t)(n - less);
			cmd.data_len = n - less;
			assert(!walk_list() && facts.reason == SL_REASON_SHORT);
		}
	}
}

static void test_zones(void)
{
	command(0x79, 2, 8192, 0, 0);
	sl_put_le32(cmd.req + 52, 4);
	assert(walk() && n_got == 1 && is(0, 2, 8192, 4096, false));
	/* Not at a zone's start: still the whole zone. */
	sl_put_le64(cmd.req + 40, 8193);
	assert(walk() && is(0, 2, 8192, 4096, false));
	sl_put_le32(cmd.req + 52, 4 | 1 << 8);
	assert(walk() && is(0, 2, 0, 65536, false));
	/* A zone whose size is not known reaches to the end of everything. */
	contract.ns[1].zone = 0;
	sl_put_le32(cmd.req + 52, 4);
	assert(walk() && is(0, 2, 8193, UINT64_MAX - 8193, false));
	test_contract(&contract);
	command(0x7d, 2, 4096, 0, 4096);
	assert(walk() && is(0, 2, 4096, 4096, false));
	command(0x7a, 2, 4096, 1023, 4096);
	assert(walk() && is(0, 2, 0, 65536, false));
}

static void test_whole(void)
{
	command(0x80, 1, 0, 0, 0);
	cmd.set = SL_SET_NVME_ADMIN;
	assert(walk() && n_got == 1 && is(0, 1, 0, 1000000, false));
	sl_put_le32(cmd.req + 4, 0xffffffff);
	assert(walk() && is(0, 0xffffffff, 0, UINT64_MAX, false));
	command(0x84, 0, 2, 0, 0);
	cmd.set = SL_SET_NVME_ADMIN;
	assert(walk() && is(0, 0xffffffff, 0, UINT64_MAX, false));
}

/* A CDB of 16 bytes with its address, one byte of it, and no data. */
static bool walk_cdb(uint8_t opcode, uint8_t service, uint64_t lba, unsigned at, uint8_t value)
{
	struct sl_ranges it;

	memset(&cmd, 0, sizeof(cmd));
	cmd.set = SL_SET_SCSI;
	cmd.req_len = 16;
	cmd.req[0] = opcode;
	cmd.req[1] = service;
	for (unsigned i = 0; i < 8; i++)
		cmd.req[2 + i] = (uint8_t)(lba >> (56 - 8 * i));
	cmd.req[at] |= value;
	sl_command_resolve(&contract, &cmd);
	sl_facts_collect(&contract, &cmd, 0, &facts);
	sl_ranges_init(&it, &contract, &cmd, &facts, 0);
	for (n_got = 0; sl_ranges_next(&it, &got[n_got]); n_got++)
		assert(n_got < 2);
	return !it.bad;
}

static void test_cdb(void)
{
	/* RESET WRITE POINTER of one zone may be of all that follow; with ALL it is of every zone.
	 */
	assert(walk_cdb(0x94, 4, 900000, 14, 0) && n_got == 1 && is(0, 1, 900000, 100000, false));
	assert(walk_cdb(0x94, 4, 900000, 14, 1) && n_got == 1 && is(0, 1, 0, 1000000, false));
	/* From the last block that has a number on: no range is no answer. */
	assert(!walk_cdb(0x94, 4, UINT64_MAX, 14, 0) && n_got == 0);
	assert(!walk_cdb(0x93, 1, UINT64_MAX, 14, 0) && n_got == 0);
	assert(walk_cdb(0x93, 1, 900000, 13, 0) && is(0, 1, 900000, 100000, false));
	/* READ (16) of no blocks names none. */
	assert(walk_cdb(0x88, 0, 900000, 13, 0) && n_got == 0);
}

/* Any payload: the walk ends, inside the buffer (the sanitizers watch), and agrees with the facts.
 */
static void test_random(void)
{
	srandom(1);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t op = random() & 1 ? 0x09 : 0x19;
		uint32_t nr = (uint32_t)random() & 255, format = (uint32_t)random() % 5;
		uint32_t size = op == 0x09 ? 16 : format & 1 ? 40 : 32;

		command(op, 1, op == 0x09 ? nr : 0, op == 0x09 ? 0 : nr | format << 8, 0);
		cmd.data_len = random() & 3 ? (nr + 1) * size : (uint32_t)random() % sizeof(data);
		for (unsigned j = 0; j < cmd.data_len; j++)
			data[j] = random() & 15 ? 0 : (uint8_t)random();
		walk();
	}
}

int main(void)
{
	test_contract(&contract);
	test_blocks();
	test_dsm();
	test_copy();
	test_copy_malicious();
	test_zones();
	test_tokens();
	test_xcopy();
	test_whole();
	test_cdb();
	test_random();
	return 0;
}
