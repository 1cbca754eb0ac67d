/* SPDX-License-Identifier: Apache-2.0 */
/* A SATA disk behind the translation layer: registers, blocks, SMART, logs, power, microcode. */
#undef NDEBUG
#include <assert.h>

#include "model/scsi/test-lu.h"

#define INFORMATION SENSE(0x1, 0x00, 0x1d)
#define ABORTED	    SENSE(0xb, 0x00, 0x00)

static const char ata[] =
	", \"ata\": {\"model\": \"M\", \"serial\": \"S\", \"firmware\": \"F\", \"smart\": ["
	"  {\"id\": 5, \"flags\": 1, \"value\": 100, \"threshold\": 10, \"raw\": 258},"
	"  {\"id\": 241, \"raw\": 5}]}";

static bool sum_ok(const uint8_t *b)
{
	uint8_t sum = 0;

	for (unsigned i = 0; i < 512; i++)
		sum = (uint8_t)(sum + b[i]);
	return sum == 0;
}

static void identity(struct test_device *d)
{
	assert(CDB(d, IN, 512, 0x85, 8, 0x0e, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xec, 0) == 0);
	assert(d->r.ret_len == 512 && sum_ok(d->data) && d->data[2 * 27 + 1] == 'M');
	assert(sl_get_le64(d->data + 200) == 4096);
	assert(CDB(d, IN, 512, 0xa1, 8, 0x0e, 0, 1, 0, 0, 0, 0, 0xec, 0, 0) == 0);
	assert(d->data[2 * 10 + 1] == 'S');
	/* The length that the CDB says is shorter than the buffer. */
	assert(CDB(d, IN, 512, 0xa1, 8, 0x0a, 0, 16, 0, 0, 0, 0, 0xec, 0, 0) == 0);
	assert(d->r.ret_len == 16);
	assert(CDB(d, IN, 1024, 0x12, 1, 0x89, 4, 0, 0) == 0 && sl_get_be16(d->data + 2) == 568);
	assert(d->data[56] == 0xec && sum_ok(d->data + 60));
	/* No such command, no such protocol. */
	assert(CDB(d, NONE, 0, 0xa1, 6, 0, 0, 0, 0, 0, 0, 0, 0xf8, 0, 0) == ABORTED);
	assert(d->meta[0] == 0x72 && d->meta[8] == 9 && d->meta[8 + 3] == 4 &&
	       d->meta[8 + 13] == 0x51);
	assert(CDB(d, NONE, 0, 0xa1, 2, 0, 0, 0, 0, 0, 0, 0, 0xe5, 0, 0) == S_FIELD);
	assert(CDB(d, IN, 512, 0xa1, 6, 0x0e, 0, 1, 0, 0, 0, 0, 0xec, 0, 0) == S_FIELD);
}

static void blocks(struct test_device *d)
{
	uint8_t b[512];

	memset(d->data, 0x33, 1024);
	assert(CDB(d, OUT, 1024, 0x85, 0x0d, 0x06, 0, 0, 0, 2, 0, 9, 0, 0, 0, 0, 0x40, 0x35, 0) ==
	       0);
	assert(sl_model_blocks_read(d->m, 1, 10, 1, b) == 0 && b[0] == 0x33);
	assert(CDB(d, IN, 512, 0x85, 0x0d, 0x0e, 0, 0, 0, 1, 0, 10, 0, 0, 0, 0, 0x40, 0x25, 0) ==
	       0);
	assert(d->data[511] == 0x33);
	assert(CDB(d, IN, 512, 0x85, 0x0d, 0x0e, 0, 0, 0, 1, 0, 0, 0, 0x10, 0, 0, 0x40, 0x25, 0) ==
	       S_LBA);
	/* A length in the CDB that is not the command's. */
	assert(CDB(d, IN, 512, 0x85, 0x0d, 0x0a, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x40, 0x25, 0) ==
	       ABORTED);
	/* TRIM of block 10, then a block that cannot be read. */
	memset(d->data, 0, 512);
	d->data[0] = 10;
	d->data[6] = 1;
	assert(CDB(d, OUT, 512, 0x85, 0x0d, 0x06, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0x40, 0x06, 0) ==
	       0);
	assert(sl_model_blocks_read(d->m, 1, 10, 1, b) == 0 && b[0] == 0);
	assert(CDB(d, NONE, 0, 0x85, 7, 0, 0, 0x55, 0, 1, 0, 9, 0, 0, 0, 0, 0x40, 0x45, 0) == 0);
	assert(CDB(d, IN, 512, 0x28, 0, 0, 0, 0, 9, 0, 0, 1, 0) == S_READ_ERROR);
	assert(sl_get_be32(d->meta + 3) == 9);
}

static void smart(struct test_device *d)
{
	assert(CDB(d, IN, 512, 0xa1, 8, 0x0e, 0xd0, 1, 0, 0x4f, 0xc2, 0, 0xb0, 0, 0) == 0);
	assert(sum_ok(d->data) && d->data[2] == 5 && d->data[7] == 2 && d->data[8] == 1);
	assert(d->data[2 + 12 + 5] == 5 + 2); /* attribute 241: the two blocks written */
	assert(CDB(d, IN, 512, 0xa1, 8, 0x0e, 0xd1, 1, 0, 0x4f, 0xc2, 0, 0xb0, 0, 0) == 0);
	assert(d->data[3] == 10);
	assert(CDB(d, IN, 512, 0xa1, 8, 0x0e, 0xd0, 1, 0, 0, 0, 0, 0xb0, 0, 0) == ABORTED);
	/* Status: in the registers, which come as sense data. */
	assert(CDB(d, NONE, 0, 0xa1, 6, 0x20, 0xda, 0, 0, 0x4f, 0xc2, 0, 0xb0, 0, 0) ==
	       INFORMATION);
	assert(d->meta[8 + 9] == 0x4f && d->meta[8 + 11] == 0xc2);
	assert(sl_model_set(d->m, "ata.smart[5]", 10) == 0);
	assert(CDB(d, NONE, 0, 0xa1, 6, 0x20, 0xda, 0, 0, 0x4f, 0xc2, 0, 0xb0, 0, 0) ==
	       INFORMATION);
	assert(d->meta[8 + 9] == 0xf4 && d->meta[8 + 11] == 0x2c);
	assert(CDB(d, NONE, 0, 0xa1, 6, 0, 0xd9, 0, 0, 0x4f, 0xc2, 0, 0xb0, 0, 0) == 0);
	assert(CDB(d, IN, 512, 0xa1, 8, 0x0e, 0xd0, 1, 0, 0x4f, 0xc2, 0, 0xb0, 0, 0) == ABORTED);
	assert(CDB(d, NONE, 0, 0xa1, 6, 0, 0xd8, 0, 0, 0x4f, 0xc2, 0, 0xb0, 0, 0) == 0);
	/* A short self-test leaves an entry. */
	assert(CDB(d, NONE, 0, 0xa1, 6, 0, 0xd4, 0, 1, 0x4f, 0xc2, 0, 0xb0, 0, 0) == 0);
	assert(CDB(d, IN, 512, 0xa1, 8, 0x0e, 0xd5, 1, 6, 0x4f, 0xc2, 0, 0xb0, 0, 0) == 0);
	assert(sum_ok(d->data) && d->data[2] == 1 && d->data[508] == 1);
	assert(CDB(d, IN, 512, 0x85, 9, 0x0e, 0, 0, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0x2f, 0) == 0);
	assert(sum_ok(d->data) && d->data[0] == 1 && d->data[2] == 1 && d->data[4] == 1);
}

static void logs(struct test_device *d)
{
	assert(CDB(d, IN, 512, 0x85, 9, 0x0e, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x2f, 0) == 0);
	assert(d->data[0] == 1 && d->data[2 * 4] == 8 && d->data[2 * 0x80] == 16);
	assert(CDB(d, IN, 512, 0x85, 9, 0x0e, 0, 0, 0, 1, 0, 4, 0, 1, 0, 0, 0, 0x2f, 0) == 0);
	assert(sl_get_le64(d->data) == 0x10001);
	assert(CDB(d, IN, 512, 0x85, 9, 0x0e, 0, 0, 0, 1, 0, 0x55, 0, 0, 0, 0, 0, 0x2f, 0) ==
	       ABORTED);
	memset(d->data, 0x77, 512);
	assert(CDB(d, OUT, 512, 0x85, 0x0b, 0x06, 0, 0, 0, 1, 0, 0x81, 0, 0, 0, 0, 0, 0x3f, 0) ==
	       0);
	assert(CDB(d, IN, 512, 0x85, 9, 0x0e, 0, 0, 0, 1, 0, 0x81, 0, 0, 0, 0, 0, 0x2f, 0) == 0);
	assert(d->data[100] == 0x77);
}

/* A page of SCT by SMART WRITE LOG: action, function, selection, value. */
static uint32_t sct(struct test_device *d, uint16_t action, uint16_t function, uint16_t which,
		    uint16_t value)
{
	memset(d->data, 0, 512);
	sl_put_le16(d->data, action);
	sl_put_le16(d->data + 2, function);
	sl_put_le16(d->data + 4, which);
	sl_put_le16(d->data + 6, value);
	return CDB(d, OUT, 512, 0xa1, 0x0a, 0x26, 0xd6, 1, 0xe0, 0x4f, 0xc2, 0, 0xb0, 0, 0);
}

static uint16_t sct_status(struct test_device *d)
{
	assert(CDB(d, IN, 512, 0x85, 9, 0x0e, 0, 0, 0, 1, 0, 0xe0, 0, 0, 0, 0, 0, 0x2f, 0) == 0);
	return sl_get_le16(d->data + 14);
}

static uint32_t sct_answer(struct test_device *d)
{
	return CDB(d, IN, 512, 0xa1, 8, 0x0e, 0xd5, 1, 0xe1, 0x4f, 0xc2, 0, 0xb0, 0, 0);
}

static void sct_commands(struct test_device *d)
{
	uint8_t b[512];

	/* Timers, in the registers; what is set for good comes with the power. */
	assert(sct(d, 3, 1, 2, 0x146) == INFORMATION && sct(d, 3, 3, 1, 70) == INFORMATION);
	assert(sct(d, 3, 2, 2, 0) == INFORMATION);
	assert(d->meta[8 + 5] == 0x46 && d->meta[8 + 7] == 1);
	assert(sct(d, 3, 2, 1, 0) == INFORMATION && !d->meta[8 + 5]);
	assert(sct(d, 3, 2, 3, 0) == ABORTED && sct_status(d) == 5);
	assert(sct(d, 9, 1, 0, 0) == ABORTED && sct_status(d) == 0x10);
	assert(sl_get_le16(d->data + 16) == 9);
	assert(sct(d, 4, 1, 3, 5) == INFORMATION && sct(d, 4, 2, 3, 0) == INFORMATION);
	assert(d->meta[8 + 5] == 5);
	/* The table is there once, and the next command takes it away. */
	assert(sct_answer(d) == ABORTED);
	assert(sct(d, 5, 1, 2, 0) == INFORMATION && sct_answer(d) == 0);
	assert(sl_get_le16(d->data) == 2 && sl_get_le16(d->data + 4) == 5);
	assert(sct_answer(d) == ABORTED && sct_status(d) == 0xb);
	assert(sct(d, 5, 1, 2, 0) == INFORMATION && sct(d, 3, 2, 1, 0) == INFORMATION);
	assert(sct_answer(d) == ABORTED);
	/* WRITE SAME: one block of a pattern, of a block that follows, and beyond the end. */
	memset(d->data, 0, 512);
	memcpy(d->data, "\2\0\1\1\x14", 5);
	d->data[12] = 1;
	memcpy(d->data + 20, "\xaa\xbb\xcc\xdd", 4);
	assert(CDB(d, OUT, 512, 0x85, 0x0b, 0x06, 0, 0, 0, 1, 0, 0xe0, 0, 0, 0, 0, 0, 0x3f, 0) ==
	       0);
	assert(sl_model_blocks_read(d->m, 1, 20, 1, b) == 0 && b[0] == 0xaa && b[511] == 0xdd);
	assert(sl_model_blocks_read(d->m, 1, 21, 1, b) == 0 && b[0] == 0);
	memcpy(d->data, "\2\0\2\1", 4);
	assert(CDB(d, OUT, 512, 0x85, 0x0b, 0x06, 0, 0, 0, 1, 0, 0xe0, 0, 0, 0, 0, 0, 0x3f, 0) ==
	       0);
	memset(d->data, 0x5a, 512);
	assert(CDB(d, OUT, 512, 0x85, 0x0b, 0x06, 0, 0, 0, 1, 0, 0xe1, 0, 0, 0, 0, 0, 0x3f, 0) ==
	       0);
	assert(sl_model_blocks_read(d->m, 1, 20, 1, b) == 0 && b[0] == 0x5a);
	assert(sct(d, 2, 1, 0xffff, 0) == ABORTED && sct_status(d) == 2);
}

static uint8_t power(struct test_device *d)
{
	assert(CDB(d, NONE, 0, 0xa1, 6, 0x20, 0, 0, 0, 0, 0, 0, 0xe5, 0, 0) == INFORMATION);
	return d->meta[8 + 5];
}

static void settings(struct test_device *d)
{
	assert(power(d) == 0xff);
	assert(CDB(d, NONE, 0, 0xa1, 6, 0, 0, 0, 0, 0, 0, 0, 0xe0, 0, 0) == 0 && power(d) == 0);
	assert(CDB(d, IN, 512, 0xa1, 8, 0x0e, 0, 1, 0, 0, 0, 0, 0xec, 0, 0) == 0 && power(d) == 0);
	assert(d->data[2 * 85] & 0x20);
	assert(CDB(d, IN, 512, 0x85, 0x0d, 0x0e, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0x40, 0x25, 0) == 0);
	assert(power(d) == 0xff);
	/* The write cache is one, by ATA and by mode page. */
	assert(CDB(d, NONE, 0, 0xa1, 6, 0, 0x82, 0, 0, 0, 0, 0, 0xef, 0, 0) == 0);
	assert(CDB(d, IN, 24, 0x1a, 8, 8, 0, 24, 0) == 0 && !(d->data[6] & 4));
	/* Microcode. */
	memcpy(d->data, "B002", 4);
	assert(CDB(d, OUT, 512, 0xa1, 0x0a, 0x06, 7, 1, 0, 0, 0, 0, 0x92, 0, 0) == 0);
	assert(CDB(d, IN, 96, 0x12, 0, 0, 0, 96, 0) == 0 && !memcmp(d->data + 32, "B002", 4));
	assert(CDB(d, NONE, 0, 0, 0, 0, 0, 0, 0) == S_NEW_MICROCODE);
}

int main(void)
{
	struct test_device *d = test_lu_new(ata);

	identity(d);
	blocks(d);
	smart(d);
	logs(d);
	sct_commands(d);
	settings(d);
	test_device_free(d);
	d = test_lu_new("");
	assert(CDB(d, IN, 512, 0xa1, 8, 0x0e, 0, 1, 0, 0, 0, 0, 0xec, 0, 0) == S_OPCODE);
	test_device_free(d);
	return 0;
}
