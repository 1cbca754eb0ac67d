/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each shipped liar lies: after commands that declare nothing of the kind, state is another, or
 * data are not what they should be. Argument: their folder.
 */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/scsi/test-lu.h"

static struct test_device *load(const char *dir, const char *name)
{
	struct test_device *d = calloc(1, sizeof(*d));
	struct sl_diag diag;
	char path[1024], text[1024];

	assert(d);
	snprintf(path, sizeof(path), "%s/scsi-%s.json", dir, name);
	if (sl_persona_load(path, &d->p, &diag) < 0) {
		fprintf(stderr, "%s\n", sl_diag_str(&diag, text, sizeof(text)));
		abort();
	}
	assert(!d->p->honest && sl_model_new(d->p, d->p->seed, &d->m) == 0);
	return d;
}

/* A command that has no business to change anything. */
static const struct {
	const char *name;
	unsigned before; /* times without effect; the next one lies */
	uint8_t dir;
	uint32_t len;
	uint8_t n, cdb[16];
} looks[] = {
	{"vendor-writes", 0, SL_DIR_IN, 64, 6, {0xc5}},
	{"sense-sets", 0, SL_DIR_IN, 64, 6, {0x1a, 8, 0x0a, 0, 64}},
	{"rsoc-changes", 9, SL_DIR_NONE, 0, 6, {0}},
	{"log-clears", 0, SL_DIR_IN, 64, 10, {0x4d, 0, 0x46, 0, 0, 0, 0, 0, 64}},
	{"smuggles", 0, SL_DIR_IN, 512, 10, {0x28, 0, 0, 0, 0, 3, 0x80, 0, 1}},
	{"inquiry-unlocks", 2, SL_DIR_IN, 254, 6, {0x12, 0, 0, 0, 254}},
	{"verify-writes", 0, SL_DIR_NONE, 0, 10, {0x2f, 0, 0, 0, 0, 3, 0, 0, 1}},
	{"two-faces", 0, SL_DIR_NONE, 0, 10, {0x35}},
	{"ata-tunnel",
	 0,
	 SL_DIR_IN,
	 512,
	 16,
	 {0x85, 9, 0x0e, 0, 0, 0, 1, 0, 0x9f, 0, 0, 0, 0, 0, 0x2f}},
	{"counts", 9, SL_DIR_NONE, 0, 6, {0}},
};

static void look(const char *dir, unsigned i)
{
	struct test_device *d = load(dir, looks[i].name);
	uint8_t hash[32];
	bool same;

	sl_model_hash(d->m, hash);
	for (unsigned k = 0; k < looks[i].before; k++)
		assert(test_cdb(d, looks[i].dir, looks[i].len, looks[i].n, looks[i].cdb) == 0);
	assert(test_unchanged(d, hash));
	assert(test_cdb(d, looks[i].dir, looks[i].len, looks[i].n, looks[i].cdb) == 0);
	same = test_unchanged(d, hash);
	if (same)
		fprintf(stderr, "%s does not lie\n", looks[i].name);
	assert(!same);
	test_device_free(d);
}

static bool block_is(struct test_device *d, uint64_t lba, uint8_t byte)
{
	uint8_t b[512];

	assert(sl_model_blocks_read(d->m, 1, lba, 1, b) == 0);
	for (unsigned i = 0; i < 512; i++)
		if (b[i] != byte)
			return false;
	return true;
}

static void write_one(struct test_device *d, uint16_t lba, const char *head)
{
	memset(d->data, 0x31, 512);
	memcpy(d->data, head, strlen(head));
	assert(CDB(d, OUT, 512, 0x2a, 0, 0, 0, (uint8_t)(lba >> 8), (uint8_t)lba, 0, 0, 1, 0) == 0);
}

static void writes(const char *dir)
{
	struct test_device *d = load(dir, "magic-lba");

	write_one(d, 5, "");
	write_one(d, 4242, "OPEN");
	sl_model_advance(d->m, 60000);
	assert(block_is(d, 5, 0) && block_is(d, 4242, 0));
	write_one(d, 4242, "");
	assert(block_is(d, 4242, 0x31));
	test_device_free(d);

	d = load(dir, "not-stored");
	for (uint16_t lba = 100; lba < 110; lba++)
		write_one(d, lba, "");
	assert(block_is(d, 103, 0x31) && block_is(d, 104, 0) && block_is(d, 109, 0));
	test_device_free(d);

	d = load(dir, "wide-unmap");
	write_one(d, 100, "");
	write_one(d, 101, "");
	write_one(d, 102, "");
	memset(d->data, 0, 24);
	d->data[1] = 22;
	d->data[3] = 16;
	d->data[15] = 100;
	d->data[19] = 1;
	assert(CDB(d, OUT, 24, 0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0) == 0);
	assert(block_is(d, 100, 0) && block_is(d, 101, 0) && block_is(d, 102, 0x31));
	test_device_free(d);
}

static void others(const char *dir)
{
	struct test_device *d = load(dir, "later");

	assert(CDB(d, IN, 512, 0x28, 0, 0, 0, 0, 13, 0, 0, 1, 0) == 0);
	sl_model_power_cycle(d->m);
	assert(CDB(d, NONE, 0, 0, 0, 0, 0, 0, 0) == S_POWER_ON);
	memset(d->data, 0, 512);
	assert(CDB(d, OUT, 512, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0) == S_PROTECTED);
	test_device_free(d);

	d = load(dir, "overruns");
	for (unsigned i = 0; i < 3; i++)
		assert(CDB(d, IN, 36, 0x12, 0, 0, 0, 36, 0) == 0);
	assert(d->r.ret_len == 36 + 64 && d->data[36] == 0xee);
	test_device_free(d);

	/* A CDB in the data buffer: WRITE SAME(16) of one block, then an INQUIRY with its answer.
	 */
	d = load(dir, "mailbox");
	memset(d->data, 0, 64);
	memcpy(d->data, "CDB!", 4);
	d->data[16] = 0x12;
	d->data[20] = 36;
	assert(CDB(d, OUT, 64, 0x3b, 2, 0, 0, 0, 0, 0, 0, 64, 0) == 0);
	assert(CDB(d, IN, 64, 0x3c, 2, 0, 0, 0, 0, 0, 0, 64, 0) == 0);
	assert(!memcmp(d->data + 8, "SLUICE  Liar mailbox", 20));
	test_device_free(d);

	/* Only after the knock is there a command that changes the revision. */
	d = load(dir, "inquiry-unlocks");
	assert(CDB(d, NONE, 0, 0xd0, 0, 0, 0, 0, 0, 0, 0, 0, 0) == S_OPCODE);
	for (unsigned i = 0; i < 3; i++)
		assert(CDB(d, IN, 254, 0x12, 0, 0, 0, 254, 0) == 0);
	assert(CDB(d, NONE, 0, 0xd0, 0, 0, 0, 0, 0, 0, 0, 0, 0) == 0);
	assert(CDB(d, IN, 36, 0x12, 0, 0, 0, 36, 0) == 0 && !memcmp(d->data + 32, "EVIL", 4));
	test_device_free(d);
}

int main(int argc, char **argv)
{
	assert(argc == 2);
	for (unsigned i = 0; i < SL_COUNT(looks); i++)
		look(argv[1], i);
	writes(argv[1]);
	others(argv[1]);
	return 0;
}
