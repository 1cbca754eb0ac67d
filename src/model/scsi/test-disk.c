/* SPDX-License-Identifier: Apache-2.0 */
/* A disk: identity, contract, blocks, and the sense data of what is refused. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>

#include "model/scsi/test-lu.h"

static void identity(struct test_device *d)
{
	assert(CDB(d, IN, 96, 0x12, 0, 0, 0, 96, 0) == 0);
	assert(d->r.ret_len == 96 && d->data[4] == 91 && !memcmp(d->data + 8, "TEST    Disk", 12));
	assert((uint32_t)(d->r.result >> 32) == 0);
	assert(CDB(d, IN, 96, 0x12, 0, 0, 0, 5, 0) == 0 && d->r.ret_len == 5);
	assert(d->r.result >> 32 == 91); /* residual */
	assert(CDB(d, IN, 96, 0x12, 0, 0x80, 0, 96, 0) == S_FIELD);
	assert((d->meta[15] & 0xc0) == 0xc0 && d->meta[17] == 2); /* field pointer: byte 2 */
	assert(CDB(d, IN, 96, 0x12, 1, 0, 0, 96, 0) == 0);
	assert(d->data[3] == 6 && d->data[4] == 0 && d->data[5] == 0x80 && d->data[9] == 0xb2);
	assert(CDB(d, IN, 96, 0x12, 1, 0x80, 0, 96, 0) == 0 && !memcmp(d->data + 4, "S1", 2));
	assert(CDB(d, IN, 96, 0x12, 1, 0x83, 0, 96, 0) == 0 && d->data[4] == 0x01 &&
	       d->data[8] == 0x50);
	assert(CDB(d, IN, 96, 0x12, 1, 0xb2, 0, 96, 0) == 0 && d->data[6] == 2);
	assert(CDB(d, IN, 96, 0x12, 1, 0xc0, 0, 96, 0) == S_FIELD);
	assert(CDB(d, IN, 64, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0) == 0 && d->r.ret_len == 16);
	assert(CDB(d, IN, 8, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0) == S_FIELD);
	assert(CDB(d, IN, 8, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0) == 0);
	assert(sl_get_be32(d->data) == 4095 && sl_get_be32(d->data + 4) == 512);
	assert(CDB(d, IN, 32, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0) == 0);
	assert(sl_get_be64(d->data) == 4095 && d->data[14] == 0xc0);
	assert(CDB(d, NONE, 0, 0, 0, 0, 0, 0, 0) == 0);
}

static void refused(struct test_device *d)
{
	assert(CDB(d, NONE, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0, 0, 0) == S_OPCODE);
	assert(d->meta[0] == 0x70 && d->meta[7] == 10);
	assert(CDB(d, IN, 32, 0x9e, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0) == S_FIELD);
	assert(CDB(d, NONE, 0, 0, 0, 0, 4, 0, 0) == S_FIELD && d->meta[17] == 3);
	assert(CDB(d, IN, 512, 0x28, 0, 0, 0, 0x10, 0, 0, 0, 1, 0) == S_LBA);
	assert(CDB(d, IN, 512, 0x28, 0xe0, 0, 0, 0, 0, 0, 0, 1, 0) == S_FIELD);
	assert((d->meta[15] & 0xf) == 0xf); /* bit 7 */
	assert(CDB(d, OUT, 100, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0) == S_DATA_PHASE);
	/* Descriptor format when the control page asks for it. */
	assert(sl_model_set(d->m, "mode.0a.current[2]", 4) == 0);
	assert(CDB(d, IN, 512, 0x28, 0, 0, 0, 0x10, 0, 0, 0, 1, 0) == S_LBA && d->meta[0] == 0x72);
	assert(sl_model_set(d->m, "mode.0a.current[2]", 0) == 0);
}

static void blocks(struct test_device *d)
{
	uint8_t b[4096];

	memset(d->data, 0xa5, 1024);
	assert(CDB(d, OUT, 1024, 0x2a, 0, 0, 0, 0, 7, 0, 0, 2, 0) == 0);
	assert(CDB(d, IN, 1024, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 2, 0, 0) == 0);
	assert(d->r.ret_len == 1024 && d->data[0] == 0xa5 && d->data[1023] == 0xa5);
	assert(CDB(d, IN, 700, 0x08, 0, 0, 7, 2, 0) == 0 && d->r.ret_len == 700);
	assert(d->data[699] == 0xa5 && d->data[700] == 0);
	assert(CDB(d, IN, 512, 0xa8, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0) == 0 && d->data[0] == 0);
	/* Verify compares only when asked, and says where. */
	memset(d->data, 0xa5, 512);
	d->data[5] = 0;
	assert(CDB(d, NONE, 0, 0x2f, 0, 0, 0, 0, 7, 0, 0, 1, 0) == 0);
	memset(d->data, 0xa5, 512);
	d->data[5] = 0;
	assert(CDB(d, OUT, 512, 0x2f, 2, 0, 0, 0, 7, 0, 0, 1, 0) == S_MISCOMPARE);
	assert(d->meta[0] == 0xf0 && sl_get_be32(d->meta + 3) == 5);
	/* Compare and write. */
	memset(d->data, 0xa5, 512);
	memset(d->data + 512, 0x5a, 512);
	assert(CDB(d, OUT, 1024, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0) == 0);
	assert(sl_model_blocks_read(d->m, 1, 7, 1, b) == 0 && b[0] == 0x5a);
	memset(d->data, 0xa5, 512);
	assert(CDB(d, OUT, 1024, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0) ==
	       S_MISCOMPARE);
	/* Write same. */
	memset(d->data, 0x11, 512);
	assert(CDB(d, OUT, 512, 0x93, 0, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 50, 0, 0) == 0);
	assert(sl_model_blocks_read(d->m, 1, 149, 1, b) == 0 && b[511] == 0x11);
	assert(sl_model_blocks_read(d->m, 1, 150, 1, b) == 0 && b[0] == 0);
	/* Unmap, and what is mapped then. */
	memset(d->data, 0, 24);
	d->data[1] = 22;
	d->data[3] = 16;
	d->data[15] = 110;
	d->data[19] = 10;
	assert(CDB(d, OUT, 24, 0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0) == 0);
	assert(sl_model_blocks_read(d->m, 1, 110, 1, b) == 0 && b[0] == 0);
	assert(CDB(d, IN, 56, 0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 56, 0, 0) == 0);
	assert(d->data[19] == 10 && d->data[20] == 0 && d->data[35] == 10 && d->data[36] == 1);
	d->data[12] = 1; /* past the end */
	assert(CDB(d, OUT, 24, 0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0) == S_LBA);
	assert(CDB(d, OUT, 4, 0x42, 0, 0, 0, 0, 0, 0, 0, 4, 0) == S_LIST_LENGTH);
}

/* The list, and what the one-command form says of a bit that is not evaluated. */
static void contract(struct test_device *d)
{
	uint32_t n;

	assert(CDB(d, IN, 4096, 0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0) == 0);
	n = sl_get_be32(d->data);
	assert(n == d->r.ret_len - 4 && n % 8 == 0 && n / 8 == d->m->scsi->n_commands);
	assert(d->data[4] == 0x00 && d->data[11] == 6);
	assert(CDB(d, IN, 4096, 0xa3, 0x0c, 0x80, 0, 0, 0, 0, 0, 0x10, 0, 0, 0) == 0);
	assert(sl_get_be32(d->data) == n / 8 * 20 && d->data[9] & 2 && d->data[13] == 10);
	assert(CDB(d, IN, 64, 0xa3, 0x0c, 1, 0x28, 0, 0, 0, 0, 0, 64, 0, 0) == 0);
	assert(d->data[1] == (1 << 5 | 3) && d->data[3] == 10 && d->data[4] == 0x28 &&
	       d->data[5] == 0x18);
	assert(CDB(d, IN, 64, 0xa3, 0x0c, 2, 0x9e, 0, 0x10, 0, 0, 0, 64, 0, 0) == 0);
	assert(d->data[3] == 16 && d->data[5] == 0x10);
	assert(CDB(d, IN, 64, 0xa3, 0x0c, 1, 0x9e, 0, 0, 0, 0, 0, 64, 0, 0) == S_FIELD);
	assert(CDB(d, IN, 64, 0xa3, 0x0c, 2, 0x28, 0, 0, 0, 0, 0, 64, 0, 0) == S_FIELD);
	assert(CDB(d, IN, 64, 0xa3, 0x0c, 3, 0xc5, 0, 0, 0, 0, 0, 64, 0, 0) == 0);
	assert(d->data[1] == 1);
	assert(CDB(d, IN, 64, 0xa3, 0x0d, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0) == 0 &&
	       d->data[0] == 0xc8);
}

static void modes(struct test_device *d)
{
	assert(CDB(d, IN, 255, 0x1a, 0, 0x08, 0, 255, 0) == 0);
	assert(d->data[0] == 4 + 8 + 20 - 1 && d->data[3] == 8 && d->data[12] == 0x88 &&
	       d->data[14] == 4);
	assert(CDB(d, IN, 255, 0x1a, 8, 0x48, 0, 255, 0) == 0 && d->data[6] == 0x05);
	assert(CDB(d, IN, 255, 0x1a, 8, 0x3d, 0, 255, 0) == S_FIELD);
	/* WCE off, saved; then what is not changeable. */
	assert(CDB(d, IN, 24, 0x1a, 8, 0x08, 0, 24, 0) == 0);
	memmove(d->data + 4, d->data + 4, 20);
	memset(d->data, 0, 4);
	d->data[4] &= 0x7f;
	d->data[6] = 0;
	assert(CDB(d, OUT, 24, 0x15, 0x11, 0, 0, 24, 0) == 0);
	assert(CDB(d, IN, 24, 0x1a, 8, 0xc8, 0, 24, 0) == 0 && d->data[6] == 0);
	memset(d->data, 0, 4);
	d->data[7] = 0x55;
	assert(CDB(d, OUT, 24, 0x15, 0x10, 0, 0, 24, 0) == S_PARAMETER && d->meta[17] == 7);
	assert(CDB(d, OUT, 3, 0x15, 0x10, 0, 0, 3, 0) == S_LIST_LENGTH);
	/* Current values that were not saved are gone after a reset. */
	assert(CDB(d, IN, 24, 0x1a, 8, 0x08, 0, 24, 0) == 0);
	memset(d->data, 0, 4);
	d->data[4] &= 0x7f;
	d->data[6] = 1;
	assert(CDB(d, OUT, 24, 0x15, 0x10, 0, 0, 24, 0) == 0);
	sl_model_reset(d->m);
	assert(CDB(d, NONE, 0, 0, 0, 0, 0, 0, 0) == S_RESET);
	assert(CDB(d, IN, 24, 0x1a, 8, 0x08, 0, 24, 0) == 0 && d->data[6] == 0);
	/* All pages and subpages, the long form. */
	assert(CDB(d, IN, 512, 0x5a, 0x10, 0x3f, 0xff, 0, 0, 0, 2, 0, 0) == 0);
	assert(d->data[4] == 1 && sl_get_be16(d->data + 6) == 16 &&
	       sl_get_be16(d->data) == d->r.ret_len - 2);
}

int main(void)
{
	struct test_device *d = test_lu_new("");

	identity(d);
	refused(d);
	blocks(d);
	contract(d);
	modes(d);
	test_device_free(d);
	return 0;
}
