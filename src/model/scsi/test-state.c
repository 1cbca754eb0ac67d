/* SPDX-License-Identifier: Apache-2.0 */
/* What commands leave behind: logs, buffers and microcode, reservations, media, resets. */
#undef NDEBUG
#include <assert.h>

#include "model/scsi/test-lu.h"

static bool changed(struct test_device *d, uint8_t hash[32])
{
	return !test_unchanged(d, hash);
}

static void logs(struct test_device *d)
{
	assert(CDB(d, IN, 64, 0x4d, 0, 0x40, 0, 0, 0, 0, 0, 64, 0) == 0);
	assert(d->data[0] == 0 && d->data[3] >= 8 && d->data[5] == 0x02);
	memset(d->data, 1, 1024);
	assert(CDB(d, OUT, 1024, 0x2a, 0, 0, 0, 0, 7, 0, 0, 2, 0) == 0);
	assert(CDB(d, IN, 512, 0x4d, 0, 0x42, 0, 0, 0, 5, 2, 0, 0) == 0);
	assert(sl_get_be16(d->data + 4) == 5 && sl_get_be64(d->data + 8) == 1024);
	assert(CDB(d, IN, 512, 0x4d, 0, 0x59, 0, 0, 0, 0, 2, 0, 0) == 0);
	assert(sl_get_be64(d->data + 16) == 1 && sl_get_be64(d->data + 24) == 2);
	assert(CDB(d, IN, 512, 0x4d, 0, 0xc2, 0, 0, 0, 5, 2, 0, 0) == 0);
	assert(sl_get_be64(d->data + 8) == 0);
	assert(CDB(d, IN, 512, 0x4d, 0, 0x77, 0, 0, 0, 0, 2, 0, 0) == S_FIELD);
	/* Reset: of one page; all. A list is refused whole when one parameter is wrong. */
	assert(CDB(d, NONE, 0, 0x4c, 2, 0x42, 0, 0, 0, 0, 0, 0, 0) == 0);
	assert(CDB(d, IN, 512, 0x4d, 0, 0x42, 0, 0, 0, 5, 2, 0, 0) == 0);
	assert(sl_get_be64(d->data + 8) == 0);
	memset(d->data, 0, 28);
	d->data[0] = 0x06;
	d->data[3] = 12;
	d->data[7] = 8;
	d->data[15] = 9;
	assert(CDB(d, OUT, 16, 0x4c, 0, 0x40, 0, 0, 0, 0, 0, 16, 0) == 0);
	assert(CDB(d, IN, 64, 0x4d, 0, 0x46, 0, 0, 0, 0, 0, 64, 0) == 0 && d->data[15] == 9);
	assert(CDB(d, OUT, 15, 0x4c, 0, 0x40, 0, 0, 0, 0, 0, 15, 0) == S_LIST_LENGTH);
	memset(d->data, 0, 28);
	d->data[0] = 0x06;
	d->data[3] = 12;
	d->data[7] = 4;
	assert(CDB(d, OUT, 16, 0x4c, 0, 0x40, 0, 0, 0, 0, 0, 16, 0) == S_PARAMETER);
}

static void microcode(struct test_device *d)
{
	uint8_t hash[32];

	memcpy(d->data, "C003 and the rest", 17);
	sl_model_hash(d->m, hash);
	assert(CDB(d, OUT, 16, 0x3b, 0x0e, 0, 0, 0, 0, 0, 0, 16, 0) == 0 && changed(d, hash));
	assert(CDB(d, IN, 96, 0x12, 0, 0, 0, 96, 0) == 0 && !memcmp(d->data + 32, "A001", 4));
	assert(CDB(d, NONE, 0, 0x3b, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0) == 0 && changed(d, hash));
	assert(CDB(d, IN, 96, 0x12, 0, 0, 0, 96, 0) == 0 && !memcmp(d->data + 32, "C003", 4));
	assert(CDB(d, IN, 18, 3, 0, 0, 0, 18, 0) == 0 && d->data[2] == 6 && d->data[12] == 0x3f);
	assert(CDB(d, NONE, 0, 0x3b, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0) == S_SEQUENCE);
	assert(CDB(d, IN, 4, 0x3c, 0x03, 0, 0, 0, 0, 0, 0, 4, 0) == 0);
	assert(sl_get_be32(d->data) == SCSI_BUFFER_MAX);
	memset(d->data, 0x42, 8);
	assert(CDB(d, OUT, 8, 0x3b, 0x02, 0, 0, 0, 16, 0, 0, 8, 0) == 0);
	assert(CDB(d, IN, 8, 0x3c, 0x02, 0, 0, 0, 16, 0, 0, 8, 0) == 0 && d->data[7] == 0x42);
	assert(CDB(d, OUT, 8, 0x3b, 0x02, 0, 1, 0, 0, 0, 0, 8, 0) == S_FIELD);
}

static void put_keys(struct test_device *d, uint8_t key, uint8_t service_key)
{
	memset(d->data, 0, 24);
	d->data[7] = key;
	d->data[15] = service_key;
}

static void reservations(struct test_device *d)
{
	put_keys(d, 0, 7);
	assert(CDB(d, OUT, 24, 0x5f, 1, 3, 0, 0, 0, 0, 0, 24, 0) == SCSI_CONFLICT);
	assert(CDB(d, OUT, 24, 0x5f, 0, 0, 0, 0, 0, 0, 0, 24, 0) == 0);
	assert(CDB(d, IN, 64, 0x5e, 0, 0, 0, 0, 0, 0, 0, 64, 0) == 0);
	assert(d->data[3] == 1 && d->data[7] == 8 && d->data[15] == 7);
	put_keys(d, 7, 0);
	assert(CDB(d, OUT, 24, 0x5f, 1, 3, 0, 0, 0, 0, 0, 24, 0) == 0);
	assert(CDB(d, IN, 64, 0x5e, 1, 0, 0, 0, 0, 0, 0, 64, 0) == 0 && d->data[21] == 3);
	/* Another host preempts it: from then on this one may only look. */
	d->m->scsi->pr.reg[0].nexus = 1;
	d->m->scsi->pr.holder = 1;
	assert(CDB(d, IN, 512, 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0) == SCSI_CONFLICT);
	assert(CDB(d, IN, 96, 0x12, 0, 0, 0, 96, 0) == 0);
	d->m->scsi->pr.type = 1;
	assert(CDB(d, IN, 512, 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0) == 0);
	memset(d->data, 0, 512);
	assert(CDB(d, OUT, 512, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0) == SCSI_CONFLICT);
	/* It registers, and takes the reservation. */
	put_keys(d, 0, 9);
	assert(CDB(d, OUT, 24, 0x5f, 6, 0, 0, 0, 0, 0, 0, 24, 0) == 0);
	put_keys(d, 9, 7);
	assert(CDB(d, OUT, 24, 0x5f, 4, 3, 0, 0, 0, 0, 0, 24, 0) == 0);
	assert(d->m->scsi->pr.n == 1 && d->m->scsi->pr.holder == 0);
	put_keys(d, 9, 0);
	assert(CDB(d, OUT, 24, 0x5f, 2, 1, 0, 0, 0, 0, 0, 24, 0) == SENSE(5, 0x26, 4));
	assert(CDB(d, OUT, 24, 0x5f, 2, 3, 0, 0, 0, 0, 0, 24, 0) == 0);
	assert(CDB(d, OUT, 24, 0x5f, 3, 0, 0, 0, 0, 0, 0, 24, 0) == 0 && d->m->scsi->pr.n == 0);
}

static void work(struct test_device *d)
{
	uint8_t b[512];

	memset(d->data, 0x99, 512);
	assert(CDB(d, OUT, 512, 0x2a, 0, 0, 0, 0, 1, 0, 0, 1, 0) == 0);
	assert(CDB(d, NONE, 0, 0x48, 0x82, 0, 0, 0, 0, 0, 0, 0, 0) == 0); /* IMMED */
	assert(sl_model_blocks_read(d->m, 1, 1, 1, b) == 0 && b[0] == 0);
	assert(CDB(d, IN, 512, 0x28, 0, 0, 0, 0, 1, 0, 0, 1, 0) == S_SANITIZING);
	assert(CDB(d, IN, 96, 0x12, 0, 0, 0, 96, 0) == 0);
	sl_model_advance(d->m, sl_model_now(d->m) + 500);
	assert(CDB(d, IN, 18, 3, 0, 0, 0, 18, 0) == 0 && d->data[13] == 0x1b);
	assert(d->data[15] == 0x80 && sl_get_be16(d->data + 16) == 0x8000);
	sl_model_advance(d->m, sl_model_now(d->m) + 500);
	assert(CDB(d, IN, 512, 0x28, 0, 0, 0, 0, 1, 0, 0, 1, 0) == 0);
	/* Waiting for it takes the time; another block length takes effect with it. */
	memset(d->data, 0, 12);
	d->data[3] = 8;
	d->data[10] = 0x10;
	assert(CDB(d, OUT, 12, 0x15, 0x10, 0, 0, 12, 0) == 0);
	assert(CDB(d, NONE, 0, 4, 0, 0, 0, 0, 0) == 0xffffffff);
	sl_model_advance(d->m, sl_model_now(d->m) + 100);
	assert(d->r.status == 0);
	assert(CDB(d, NONE, 0, 0, 0, 0, 0, 0, 0) == S_CAPACITY_CHANGED);
	assert(CDB(d, IN, 8, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0) == 0);
	assert(sl_get_be32(d->data) == 511 && sl_get_be32(d->data + 4) == 4096);
}

static void power(struct test_device *d)
{
	assert(CDB(d, NONE, 0, 0x1b, 0, 0, 0, 0, 0) == 0);
	assert(CDB(d, NONE, 0, 0, 0, 0, 0, 0, 0) == S_NOT_STARTED);
	assert(CDB(d, IN, 512, 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0) == S_NOT_STARTED);
	assert(CDB(d, NONE, 0, 0x1b, 0, 0, 0, 2, 0) == S_FIELD); /* nothing to eject */
	assert(CDB(d, NONE, 0, 0x1b, 0, 0, 0, 1, 0) == 0);
	assert(CDB(d, NONE, 0, 0x1b, 0, 0, 0, 0, 0) == 0);
	sl_model_power_cycle(d->m);
	assert(CDB(d, NONE, 0, 0, 0, 0, 0, 0, 0) == S_POWER_ON);
	assert(CDB(d, NONE, 0, 0, 0, 0, 0, 0, 0) == 0);
	/* Software write protection. */
	assert(sl_model_set(d->m, "mode.0a.current[4]", 8) == 0);
	memset(d->data, 0, 4096);
	assert(CDB(d, OUT, 4096, 0x2a, 0, 0, 0, 0, 1, 0, 0, 1, 0) == S_PROTECTED);
	assert(CDB(d, IN, 64, 0x1a, 8, 0x0a, 0, 64, 0) == 0 && d->data[2] & 0x80);
	/* A defect list in a format that there is not comes in the one that there is. */
	assert(CDB(d, IN, 64, 0x37, 0, 0x0c, 0, 0, 0, 0, 0, 64, 0) == SENSE(1, 0x1c, 0));
	assert(d->r.ret_len == 4 && d->data[1] == 0x08);
	/* A self-test is in the log. */
	assert(CDB(d, NONE, 0, 0x1d, 0x20, 0, 0, 0, 0) == 0);
	assert(CDB(d, IN, 64, 0x4d, 0, 0x50, 0, 0, 0, 0, 0, 64, 0) == 0 && d->data[8] == 0x20);
	assert(CDB(d, NONE, 0, 0x1d, 0x20, 0, 0, 0, 0) == S_SELF_TEST);
}

int main(void)
{
	struct test_device *d = test_lu_new("");

	logs(d);
	microcode(d);
	reservations(d);
	work(d);
	power(d);
	test_device_free(d);
	return 0;
}
