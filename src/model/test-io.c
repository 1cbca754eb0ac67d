/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the NVM command set, copy, protection information and placement. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "model/test-device.h"

#define IN   SL_DIR_IN
#define OUT  SL_DIR_OUT
#define NONE SL_DIR_NONE

static void put(struct test_device *d, uint32_t nsid, uint32_t lba, uint32_t n, uint8_t byte)
{
	test_clear(d);
	memset(d->data, byte, n * 512);
	assert(IO(d, 1, nsid, OUT, n * 512, lba, 0, n - 1) == 0);
}

static uint8_t at(struct test_device *d, uint32_t nsid, uint32_t lba)
{
	assert(IO(d, 2, nsid, IN, 512, lba, 0, 0) == 0);
	assert(d->r.ret_len == 512);
	return d->data[0];
}

static void blocks(void)
{
	struct test_device *d = test_device_new("");
	uint64_t media;

	put(d, 1, 10, 8, 0xaa);
	assert(at(d, 1, 9) == 0 && at(d, 1, 10) == 0xaa && at(d, 1, 17) == 0xaa);
	assert(at(d, 1, 18) == 0);
	assert(IO(d, 2, 1, IN, 1024, 4095, 0, 1) == 0x80);
	assert(IO(d, 2, 1, IN, 512, 0, 1, 0) == 0x80);
	assert(IO(d, 2, 1, IN, 512, 0, 0, 1) == 0x0f);
	assert(IO(d, 2, 0, IN, 512, 0, 0, 0) == 0x0b && IO(d, 2, 77, IN, 512, 0, 0, 0) == 0x0b);
	assert(IO(d, 2, 3, IN, 512, 0, 0, 0) == 0x02);
	assert(IO(d, 0, 0xffffffff, NONE, 0, 0) == 0 && IO(d, 0, 1, NONE, 0, 0) == 0);
	/* compare */
	test_clear(d);
	memset(d->data, 0xaa, 512);
	assert(IO(d, 5, 1, OUT, 512, 10, 0, 0) == 0);
	d->data[511] = 0;
	assert(IO(d, 5, 1, OUT, 512, 10, 0, 0) == 0x285);
	/* write zeroes, with and without deallocation */
	assert(IO(d, 8, 1, NONE, 0, 10, 0, 1) == 0 && at(d, 1, 10) == 0 && at(d, 1, 12) == 0xaa);
	assert(IO(d, 8, 1, NONE, 0, 12, 0, 0 | 1u << 25) == 0 && at(d, 1, 12) == 0);
	/* uncorrectable blocks: until they are written */
	assert(sl_model_get(d->m, "smart.media_errors", &media) == 0 && media == 0);
	assert(IO(d, 4, 1, NONE, 0, 14, 0, 0) == 0);
	assert(IO(d, 2, 1, IN, 512, 14, 0, 0) == 0x281 && IO(d, 12, 1, NONE, 0, 13, 0, 3) == 0x281);
	assert(sl_model_get(d->m, "smart.media_errors", &media) == 0 && media == 2);
	assert(ADMIN(d, 0x86, 1, IN, 64, 0, 0, 15, 0) == 0);
	assert(sl_get_le32(d->data) == 1 && sl_get_le64(d->data + 8) == 14);
	put(d, 1, 14, 1, 3);
	assert(at(d, 1, 14) == 3 && IO(d, 12, 1, NONE, 0, 13, 0, 3) == 0);
	/* deallocate: ranges are all checked before the first goes */
	test_clear(d);
	sl_put_le32(d->data + 4, 2);
	sl_put_le64(d->data + 8, 14);
	sl_put_le32(d->data + 20, 2);
	sl_put_le64(d->data + 24, 4095);
	assert(IO(d, 9, 1, OUT, 32, 1, 4) == 0x80 && at(d, 1, 14) == 3);
	test_clear(d);
	sl_put_le32(d->data + 4, 2);
	sl_put_le64(d->data + 8, 14);
	assert(IO(d, 9, 1, OUT, 16, 0, 1) == 0 && at(d, 1, 14) == 3); /* a hint only */
	test_clear(d);
	sl_put_le32(d->data + 4, 2);
	sl_put_le64(d->data + 8, 14);
	assert(IO(d, 9, 1, OUT, 16, 0, 4) == 0 && at(d, 1, 14) == 0);
	/* a read of what was never written is an error, where the host asked for it */
	assert(ADMIN(d, 9, 0, NONE, 0, 5, 1 << 16) == 0);
	assert(IO(d, 2, 1, IN, 512, 14, 0, 0) == 0x287);
	test_device_free(d);
}

/* A device that counts what is in use: from what it said at the start. */
static void in_use(void)
{
	struct test_device *d =
		test_device_json("{\"format\": 1, \"identify_controller\": {\"vid\": 1, \"sn\": "
				 "\"S\", \"mn\": \"M\","
				 " \"fr\": \"F\"}, \"effects_log\": {\"admin\": {\"0x06\": 1},"
				 " \"nvm\": {\"0x01\": 3, \"0x09\": 3}}, \"namespaces\": "
				 "[{\"nsid\": 1, \"size\": 64,"
				 " \"nuse\": 60, \"lbaf\": [{\"ds\": 9}]}]}");

	assert(sl_get_le64(test_identify(d, 1, 0) + 16) == 60);
	put(d, 1, 0, 3, 1);
	assert(sl_get_le64(test_identify(d, 1, 0) + 16) == 63);
	put(d, 1, 8, 8, 1);
	assert(sl_get_le64(test_identify(d, 1, 0) + 16) == 64); /* never more than there is */
	test_clear(d);
	sl_put_le32(d->data + 4, 64);
	assert(IO(d, 9, 1, OUT, 16, 0, 4) == 0);
	assert(sl_get_le64(test_identify(d, 1, 0) + 16) == 60);
	test_device_free(d);
}

/* Placement: a log 20h with two handles of units of 64 KiB. */
static void placement(void)
{
	struct test_device *d = test_device_json(
		"{\"format\": 1, \"identify_controller\": {\"vid\": 1, \"sn\": \"S\", \"mn\": "
		"\"M\","
		" \"fr\": \"F\", \"ctratt\": \"0x80000\"}, \"effects_log\": {\"admin\": {\"0x02\": "
		"1},"
		" \"nvm\": {\"0x01\": 3, \"0x12\": 1, \"0x1d\": 3}}, \"supported_logs\": [32],"
		" \"logs\": [{\"lid\": 32, \"data\": \"00000100600000000000000000000000"
		"50008000010000000200030000010000"
		"00000100000000000000000000000000"
		"00000000000000000000000000000000"
		"00000000000000000000000000000000\"}],"
		" \"namespaces\": [{\"nsid\": 1, \"size\": 4096, \"lbaf\": [{\"ds\": 9}]}]}");

	assert(IO(d, 0x12, 1, IN, 128, 1, 31) == 0);
	assert(sl_get_le16(d->data + 14) == 2 && sl_get_le64(d->data + 24) == 128);
	put(d, 1, 0, 8, 1);
	assert(IO(d, 1, 1, OUT, 512, 8, 0, 2u << 20, 1 << 16) == 0);
	assert(IO(d, 0x12, 1, IN, 128, 1, 31) == 0);
	assert(sl_get_le64(d->data + 24) == 120 && sl_get_le64(d->data + 56) == 127);
	test_clear(d);
	sl_put_le16(d->data, 1);
	assert(IO(d, 0x1d, 1, OUT, 2, 1) == 0);
	assert(IO(d, 0x12, 1, IN, 128, 1, 31) == 0);
	assert(sl_get_le64(d->data + 24) == 120 && sl_get_le64(d->data + 56) == 128);
	test_clear(d);
	sl_put_le16(d->data, 2);
	assert(IO(d, 0x1d, 1, OUT, 2, 1) == 0x02 && IO(d, 0x1d, 1, OUT, 2, 2) == 0x02);
	test_device_free(d);
	d = test_device_new("");
	assert(IO(d, 0x12, 1, IN, 128, 1, 31) == 0x02);
	test_device_free(d);
}

static void limits(void)
{
	struct test_device *d = test_device_new("");

	/* MDTS 5: 32 pages */
	assert(IO(d, 2, 1, IN, 256 << 9, 0, 0, 255) == 0);
	assert(IO(d, 2, 1, IN, 257 * 512 > SL_WIRE_DATA_MAX ? SL_WIRE_DATA_MAX : 257 * 512, 0, 0,
		  256) == 0x02);
	assert(sl_model_max_transfer(d->m) == 128 << 10);
	test_device_free(d);
}

static void copy_source(uint8_t *p, uint32_t nsid, uint64_t lba, uint16_t nlb)
{
	sl_put_le32(p, nsid);
	sl_put_le64(p + 8, lba);
	sl_put_le16(p + 16, nlb);
}

static void copy(void)
{
	struct test_device *d = test_device_new("");

	put(d, 1, 0, 4, 0x11);
	put(d, 1, 8, 4, 0x22);
	put(d, 2, 0, 4, 0x33);
	test_clear(d);
	copy_source(d->data, 0, 0, 3);
	copy_source(d->data + 32, 0, 8, 1);
	assert(IO(d, 0x19, 1, OUT, 64, 100, 0, 1) == 0);
	assert(at(d, 1, 103) == 0x11 && at(d, 1, 104) == 0x22 && at(d, 1, 106) == 0);
	/* another namespace is reached only after the host enabled the format */
	test_clear(d);
	copy_source(d->data, 2, 0, 3);
	assert(IO(d, 0x19, 1, OUT, 32, 200, 0, 0 | 2 << 8) == 0x02);
	test_clear(d);
	sl_put_le16(d->data + 4, 1 << 2);
	assert(ADMIN(d, 9, 0, OUT, 512, 0x16) == 0);
	test_clear(d);
	copy_source(d->data, 2, 0, 3);
	assert(IO(d, 0x19, 1, OUT, 32, 200, 0, 0 | 2 << 8) == 0 && at(d, 1, 203) == 0x33);
	test_clear(d);
	copy_source(d->data, 3, 0, 3); /* not attached */
	assert(IO(d, 0x19, 1, OUT, 32, 200, 0, 0 | 2 << 8) == 0x02);
	test_clear(d);
	copy_source(d->data, 0, 0, 64); /* MSSRL */
	assert(IO(d, 0x19, 1, OUT, 32, 200, 0, 0) == 0x183);
	copy_source(d->data, 0, 4095, 3);
	assert(IO(d, 0x19, 1, OUT, 32, 200, 0, 0) == 0x80);
	copy_source(d->data, 0, 0, 3);
	assert(IO(d, 0x19, 1, OUT, 32, 4094, 0, 0) == 0x80);
	assert(IO(d, 0x19, 1, OUT, 16, 200, 0, 0) == 0x0f);
	test_device_free(d);
}

/* Format 1 of namespace 1: 512 + 8. */
static void reformat(struct test_device *d, uint32_t cdw10)
{
	assert(ADMIN(d, 0x80, 1, NONE, 0, cdw10) == 0xffff);
	sl_model_advance(d->m, sl_model_now(d->m) + 50);
	assert(d->r.status == 0);
}

static void metadata(void)
{
	struct test_device *d = test_device_new("");

	reformat(d, 1); /* separate */
	test_clear(d);
	memset(d->data, 1, 1024);
	memset(d->meta, 2, 16);
	assert(IO(d, 1, 1, OUT, 1024, 0, 0, 1) == 0);
	assert(IO(d, 2, 1, IN, 1024, 0, 0, 1) == 0);
	assert(d->r.ret_meta_len == 16 && d->meta[15] == 2 && d->meta[16] == 0);
	reformat(d, 1 | 1 << 4); /* extended */
	test_clear(d);
	memset(d->data, 1, 520);
	memset(d->data + 520, 2, 520);
	assert(IO(d, 1, 1, OUT, 1024, 0, 0, 1) == 0x0f);
	assert(IO(d, 1, 1, OUT, 1040, 0, 0, 1) == 0);
	assert(IO(d, 2, 1, IN, 520, 1, 0, 0) == 0 && d->data[519] == 2 && d->r.ret_len == 520);
	test_device_free(d);
}

static void protection(void)
{
	struct test_device *d = test_device_new("");

	reformat(d, 1 | 1 << 5); /* type 1, separate */
	test_clear(d);
	memset(d->data, 0x5a, 512);
	/* the controller makes it, then checks it */
	assert(IO(d, 1, 1, OUT, 512, 7, 0, 1u << 29, 0, 7, 0xffff1234) == 0);
	assert(IO(d, 2, 1, IN, 512, 7, 0, 7u << 26, 0, 7, 0xffff1234) == 0);
	assert(d->meta[2] == 0x12 && d->meta[7] == 7);
	assert(IO(d, 2, 1, IN, 512, 7, 0, 2u << 26, 0, 7, 0xffff1235) == 0x283);
	assert(IO(d, 2, 1, IN, 512, 7, 0, 1u << 26, 0, 8, 0) == 0x181);
	/* the host makes it, wrongly */
	test_clear(d);
	d->meta[7] = 7;
	assert(IO(d, 1, 1, OUT, 512, 7, 0, 5u << 26, 0, 7) == 0); /* CRC of zeroes is zero */
	d->meta[0] = 1;
	assert(IO(d, 1, 1, OUT, 512, 7, 0, 5u << 26, 0, 7) == 0x282);
	d->meta[0] = 0;
	d->meta[7] = 8;
	assert(IO(d, 1, 1, OUT, 512, 7, 0, 5u << 26, 0, 7) == 0x284);
	/* the T10-DIF guard of 512 bytes of FFh, computed by another program */
	memset(d->data, 0xff, 512);
	assert(IO(d, 1, 1, OUT, 512, 7, 0, 1u << 29, 0, 7) == 0);
	assert(IO(d, 2, 1, IN, 512, 7, 0, 0) == 0 && sl_get_be16(d->meta) == 0xe6a1);
	/* what was never written is not checked */
	assert(IO(d, 2, 1, IN, 512, 9, 0, 7u << 26, 0, 9, 0xffff0001) == 0);
	test_device_free(d);
}

int main(void)
{
	blocks();
	in_use();
	placement();
	limits();
	copy();
	metadata();
	protection();
	return 0;
}
