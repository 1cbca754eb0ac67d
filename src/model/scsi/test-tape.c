/* SPDX-License-Identifier: Apache-2.0 */
/* A tape: records, filemarks, position, and what sense data say of them. */
#undef NDEBUG
#include <assert.h>

#include "model/scsi/test-lu.h"

static const char drive[] =
	"{\"format\": 1, \"protocol\": \"scsi\", \"inquiry\": {\"type\": 1, \"vendor\": \"V\","
	" \"product\": \"P\", \"revision\": \"1\", \"removable\": true},"
	" \"tape\": {\"files\": [[{\"text\": \"ab\", \"length\": 100}], [\"01\", \"0203\"]]}}";

static uint32_t position(struct test_device *d)
{
	assert(CDB(d, IN, 20, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0) == 0);
	return sl_get_be32(d->data + 4);
}

static void reading(struct test_device *d)
{
	assert(CDB(d, IN, 100, 8, 0, 0, 0, 100, 0) == 0 && d->data[99] == 'b');
	/* The filemark: no data, FILEMARK in byte 2, all of it is residue. */
	assert(CDB(d, IN, 100, 8, 0, 0, 0, 100, 0) == SENSE(0, 0, 1));
	assert(d->meta[2] == 0x80 && sl_get_be32(d->meta + 3) == 100 && position(d) == 2);
	/* A record shorter than wanted: ILI, unless that was asked for. */
	assert(CDB(d, IN, 100, 8, 0, 0, 0, 100, 0) == 0 && d->r.status == SCSI_CHECK);
	assert(d->meta[2] == 0x20 && d->r.ret_len == 1 && sl_get_be32(d->meta + 3) == 99);
	assert(CDB(d, IN, 100, 8, 2, 0, 0, 100, 0) == 0 && d->r.status == 0 && d->r.ret_len == 2);
	assert(CDB(d, IN, 100, 8, 0, 0, 0, 100, 0) == SENSE(0, 0, 1));
	assert(CDB(d, IN, 100, 8, 0, 0, 0, 100, 0) == S_BLANK);
}

static void moving(struct test_device *d)
{
	assert(CDB(d, NONE, 0, 1, 0, 0, 0, 0, 0) == 0 && position(d) == 0);
	assert(d->data[0] == 0x80);
	assert(CDB(d, NONE, 0, 0x11, 1, 0, 0, 2, 0) == 0 && position(d) == 5);
	assert(CDB(d, NONE, 0, 0x11, 1, 0xff, 0xff, 0xff, 0) == 0 && position(d) == 4);
	assert(CDB(d, NONE, 0, 0x11, 0, 0xff, 0xff, 0xfd, 0) == SENSE(0, 0, 1));
	assert(sl_get_be32(d->meta + 3) == 1 && position(d) == 1);
	assert(CDB(d, NONE, 0, 0x11, 3, 0, 0, 0, 0) == 0 && position(d) == 5);
	assert(CDB(d, NONE, 0, 0x2b, 0, 0, 0, 0, 0, 3, 0, 0, 0) == 0 && position(d) == 3);
	assert(CDB(d, NONE, 0, 0x2b, 0, 0, 0, 0, 0, 9, 0, 0, 0) == S_BLANK);
}

static void writing(struct test_device *d)
{
	uint8_t hash[32];

	/* Writing in the middle is the end of the data. */
	assert(CDB(d, NONE, 0, 0x2b, 0, 0, 0, 0, 0, 1, 0, 0, 0) == 0);
	sl_model_hash(d->m, hash);
	memset(d->data, 0x66, 8);
	assert(CDB(d, OUT, 8, 0x0a, 0, 0, 0, 8, 0) == 0 && !test_unchanged(d, hash));
	assert(CDB(d, NONE, 0, 0x10, 0, 0, 0, 1, 0) == 0 && position(d) == 3);
	assert(CDB(d, IN, 8, 8, 0, 0, 0, 8, 0) == S_BLANK);
	/* Fixed blocks, once there is a length. */
	assert(CDB(d, OUT, 8, 0x0a, 1, 0, 0, 2, 0) == S_FIELD);
	memset(d->data, 0, 12);
	d->data[3] = 8;
	d->data[11] = 4;
	assert(CDB(d, OUT, 12, 0x15, 0x10, 0, 0, 12, 0) == 0);
	memset(d->data, 0x77, 8);
	assert(CDB(d, OUT, 8, 0x0a, 1, 0, 0, 2, 0) == 0 && position(d) == 5);
	assert(CDB(d, NONE, 0, 0x2b, 0, 0, 0, 0, 0, 3, 0, 0, 0) == 0);
	assert(CDB(d, IN, 8, 8, 1, 0, 0, 2, 0) == 0 && d->data[7] == 0x77);
	/* The opcodes that write and read here are a disk's READ(6) and WRITE(6), and VERIFY is
	 * none. */
	assert(CDB(d, IN, 512, 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0) == S_OPCODE);
	assert(CDB(d, NONE, 0, 0x1b, 0, 0, 0, 0, 0) == 0);
	assert(CDB(d, IN, 8, 8, 1, 0, 0, 2, 0) == S_NO_MEDIUM);
}

int main(void)
{
	struct test_device *d = test_device_json(drive);

	reading(d);
	moving(d);
	writing(d);
	test_device_free(d);
	return 0;
}
