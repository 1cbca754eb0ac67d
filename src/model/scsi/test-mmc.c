/* SPDX-License-Identifier: Apache-2.0 */
/* An optical drive: the opcodes that are other commands on a disk, the medium, its keys. */
#undef NDEBUG
#include <assert.h>

#include "model/scsi/test-lu.h"

static const char drive[] =
	"{\"format\": 1, \"protocol\": \"scsi\", \"inquiry\": {\"type\": 5, \"vendor\": \"V\","
	" \"product\": \"P\", \"revision\": \"1\", \"removable\": true},"
	" \"medium\": {\"blocks\": 64, \"block_size\": 2048,"
	"   \"content\": [{\"lba\": 3, \"data\": \"5a\"}]}}";

/* On a disk these would unmap, sanitize, pass ATA through, or maintain: here they look. */
static void collisions(struct test_device *d)
{
	uint8_t hash[32], b[2048];

	sl_model_hash(d->m, hash);
	assert(CDB(d, IN, 64, 0x42, 0, 0x40, 1, 0, 0, 0, 0, 64, 0) == 0 && d->data[1] == 0x15);
	assert(CDB(d, NONE, 0, 0x48, 0, 0, 0, 1, 1, 0, 1, 1, 0) == SENSE(5, 0x64, 0));
	assert(CDB(d, NONE, 0, 0x48, 0x03, 0, 0, 0, 0, 0, 0, 0, 0) == S_FIELD);
	assert(CDB(d, IN, 64, 0x51, 0, 0, 0, 0, 0, 0, 0, 64, 0) == 0 && d->data[1] == 32);
	assert(CDB(d, IN, 64, 0x52, 1, 0, 0, 0, 1, 0, 0, 64, 0) == 0 && d->data[27] == 64);
	assert(CDB(d, IN, 64, 0xa4, 0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 0) == 0 && d->data[1] == 6);
	assert((d->data[4] & 7) == 5);
	assert(CDB(d, IN, 64, 0xac, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0) == 0 && d->data[19] == 63);
	assert(CDB(d, IN, 64, 0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0) == S_FIELD);
	assert(test_unchanged(d, hash));
	/* A disk's ATA PASS-THROUGH is a blank, and that one means it. */
	assert(sl_model_blocks_read(d->m, 1, 3, 1, b) == 0 && b[0] == 0x5a);
	assert(CDB(d, NONE, 0, 0xa1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) == 0);
	assert(sl_model_blocks_read(d->m, 1, 3, 1, b) == 0 && b[0] == 0);
	assert(!test_unchanged(d, hash));
}

static void medium(struct test_device *d)
{
	assert(CDB(d, IN, 64, 0x43, 2, 0, 0, 0, 0, 0, 0, 64, 0) == 0 && d->r.ret_len == 20);
	assert(d->data[14] == 0xaa && d->data[9] == 0 && d->data[10] == 2 && d->data[11] == 0);
	assert(CDB(d, IN, 64, 0x46, 0, 0, 0, 0, 0, 0, 0, 64, 0) == 0 && d->data[7] == 0x12);
	assert(CDB(d, IN, 8, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8, 0) == 0 && d->data[4] == 0);
	assert(CDB(d, NONE, 0, 0x1e, 0, 0, 0, 1, 0) == 0);
	assert(CDB(d, NONE, 0, 0x1b, 0, 0, 0, 2, 0) == S_PREVENTED);
	assert(CDB(d, NONE, 0, 0x1e, 0, 0, 0, 0, 0) == 0);
	assert(CDB(d, NONE, 0, 0x1b, 0, 0, 0, 2, 0) == 0);
	assert(CDB(d, IN, 2048, 0x28, 0, 0, 0, 0, 3, 0, 0, 1, 0) == S_NO_MEDIUM);
	/* The event is there once. */
	assert(CDB(d, IN, 8, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8, 0) == 0 && d->data[4] == 3);
	assert(CDB(d, IN, 8, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8, 0) == 0 && d->data[4] == 0);
	assert(CDB(d, NONE, 0, 0x1b, 0, 0, 0, 3, 0) == 0);
	assert(CDB(d, IN, 2048, 0x28, 0, 0, 0, 0, 3, 0, 0, 1, 0) == S_MEDIUM_CHANGED);
	assert(CDB(d, IN, 2048, 0xbe, 0, 0, 0, 0, 3, 0, 0, 1, 0x10, 0, 0) == 0 &&
	       d->r.ret_len == 2048);
}

/* The region can be set five times, and never again. */
static void region(struct test_device *d)
{
	for (unsigned i = 0; i < 5; i++) {
		memset(d->data, 0, 8);
		d->data[4] = 0xfd;
		assert(CDB(d, OUT, 8, 0xa3, 0, 0, 0, 0, 0, 0, 0, 0, 8, 6, 0) == 0);
	}
	assert(CDB(d, OUT, 8, 0xa3, 0, 0, 0, 0, 0, 0, 0, 0, 8, 6, 0) == SENSE(5, 0x6f, 5));
	assert(CDB(d, IN, 64, 0xa4, 0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 0) == 0 && d->data[5] == 0xfd);
}

int main(void)
{
	struct test_device *d = test_device_json(drive);

	collisions(d);
	medium(d);
	region(d);
	test_device_free(d);
	return 0;
}
