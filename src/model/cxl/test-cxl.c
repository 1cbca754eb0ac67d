/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox of the model: what each command does, what it refuses, what a reset leaves; and every
 * shipped persona: an honest one declares what its commands do, a liar's rule fires. Argument: the
 * folder of personas.
 */
#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "model/cxl/cxl.h"
#include "model/test-device.h"

static const char standard[] =
	"{\"format\": 1, \"protocol\": \"cxl\", \"name\": \"test\", \"seed\": 7,"
	" \"memory\": {\"firmware\": \"F1\", \"volatile_mib\": 256, \"persistent_mib\": 256},"
	" \"features\": [{\"uuid\": \"aa000000000000000000000000000000\", \"value\": \"0102\","
	"   \"changeable\": true, \"effects\": [\"config\"]}],"
	" \"timing\": {\"sanitize_ms\": 1000}}";

static void on_done(struct sl_model_req *r)
{
	((struct test_device *)r->owner)->done++;
}

/* `in` bytes of d->data go out, up to `out` come back in their place. Returns the return code. */
static uint16_t run(struct test_device *d, uint16_t opcode, uint32_t in, uint32_t out)
{
	d->r = (struct sl_model_req){
		.queue = SL_WIRE_CXL_MAILBOX,
		.req_len = SL_MBOX_REQ_LEN,
		.dir = (uint8_t)((in ? SL_DIR_OUT : 0) | (out ? SL_DIR_IN : 0)),
		.owner = d,
		.data = d->data,
		.data_len = in > out ? in : out,
		.data_cap = TEST_BUF,
		.done = on_done,
	};
	d->r.sqe[0] = (uint8_t)(opcode >> 8);
	d->r.sqe[1] = (uint8_t)opcode;
	sl_put_le32(d->r.sqe + SL_MBOX_IN_LEN, in);
	sl_put_le32(d->r.sqe + SL_MBOX_OUT_LEN, out);
	sl_model_submit(d->m, &d->r);
	assert(d->r.ret_len <= out);
	return d->r.status;
}

static uint16_t run_with(struct test_device *d, uint16_t opcode, const void *p, uint32_t in,
			 uint32_t out)
{
	test_clear(d);
	memcpy(d->data, p, in);
	return run(d, opcode, in, out);
}

static void test_logs(struct test_device *d)
{
	uint8_t want[24];
	uint32_t size, listed = 0;

	test_clear(d);
	assert(run(d, 0x0400, 0, 256) == CXL_SUCCESS && d->r.ret_len == 8 + 2 * 20);
	memcpy(want, d->data + 8, 16);
	size = sl_get_le32(d->data + 24);
	for (uint32_t off = 0; off < size; off += 40) {
		uint32_t n = size - off < 40 ? size - off : 40;

		sl_put_le32(want + 16, off);
		sl_put_le32(want + 20, n);
		assert(run_with(d, 0x0401, want, 24, 256) == CXL_SUCCESS && d->r.ret_len == n);
		for (uint32_t i = 0; i < n; i += 4, listed++)
			assert(sl_cxl_row_find(sl_get_le16(d->data + i))->effects ==
			       sl_get_le16(d->data + i + 2));
	}
	assert(listed == sl_cxl_rows_n);
	sl_put_le32(want + 16, size);
	assert(run_with(d, 0x0401, want, 24, 256) == CXL_INPUT);
	want[0] ^= 1;
	assert(run_with(d, 0x0401, want, 24, 256) == CXL_LOG);
}

/* Each command with a payload one byte short, and those that are in no log. */
static void test_lengths(struct test_device *d)
{
	uint8_t before[32];

	assert(!test_unchanged(d, before));
	for (size_t i = 0; i < sl_cxl_rows_n; i++) {
		const struct sl_cxl_row *row = &sl_cxl_rows[i];

		test_clear(d);
		if (row->in)
			assert(run(d, row->opcode, row->in - 1, 256) == CXL_LENGTH);
		if (!row->more)
			assert(run(d, row->opcode, row->in + 1, 256) == CXL_LENGTH);
	}
	assert(run(d, 0x0001, 0, 256) == CXL_UNSUPPORTED &&
	       run(d, 0xc000, 0, 256) == CXL_UNSUPPORTED);
	/* A header that promises more than there is. */
	test_clear(d);
	assert(run(d, 0x0301, 8, 0) == CXL_SUCCESS);
	d->r.data_len = 4;
	assert(test_unchanged(d, before));
}

/* The envelope of a command without a payload, and its answer's. */
static void test_tunnel(struct test_device *d)
{
	uint8_t health[16] = {[2] = 12, [5] = 7, [8] = 0x42}, poison[24] = {[2] = 20}, before[32];
	uint8_t nested[32] = {[2] = 28, [8] = 0x53, [9] = 16, [18] = 12, [24] = 0x42};

	assert(run_with(d, 0x5300, health, 16, 256) == CXL_SUCCESS);
	assert(d->r.ret_len == 16 + CXL_HEALTH && sl_get_le16(d->data) == 12 + CXL_HEALTH);
	assert(d->data[4] == 1 && d->data[5] == 7 && d->data[8] == 0x42 &&
	       d->data[9] == CXL_HEALTH);
	assert(!memcmp(d->data + 16, d->m->cxl->health, CXL_HEALTH));
	health[7] = 0x77; /* the tunnel works, what it carries does not */
	assert(run_with(d, 0x5300, health, 16, 256) == CXL_SUCCESS && d->r.ret_len == 16);
	assert(sl_get_le16(d->data + 12) == CXL_UNSUPPORTED);
	poison[7] = 1;
	poison[8] = 0x43;
	poison[9] = 8;
	poison[17] = 0x10;
	assert(run_with(d, 0x5300, poison, 24, 16) == CXL_SUCCESS && d->m->cxl->n_poison == 1);
	poison[7] = 2; /* Clear Poison, too short */
	assert(run_with(d, 0x5300, poison, 24, 16) == CXL_SUCCESS && d->m->cxl->n_poison == 1);
	poison[7] = 1;

	assert(!test_unchanged(d, before));
	health[7] = 0;
	assert(run_with(d, 0x5300, health, 16, 15) == CXL_LENGTH);
	health[9] = 1; /* lengths that disagree */
	assert(run_with(d, 0x5300, health, 16, 256) == CXL_LENGTH);
	poison[2] = 21;
	assert(run_with(d, 0x5300, poison, 24, 16) == CXL_LENGTH);
	poison[2] = 20;
	poison[0] = 1; /* another logical device */
	assert(run_with(d, 0x5300, poison, 24, 16) == CXL_INPUT);
	poison[0] = 0;
	assert(run_with(d, 0x5300, nested, 32, 256) == CXL_SUCCESS && d->r.ret_len == 16);
	assert(sl_get_le16(d->data + 12) == CXL_INPUT);
	assert(test_unchanged(d, before));
}

static void test_features(struct test_device *d)
{
	uint8_t set[34] = {0xaa}, get[21] = {0xaa, [18] = 2};

	set[16] = 8; /* full transfer, saved */
	set[32] = 7;
	assert(run_with(d, 0x0502, set, 34, 0) == CXL_SUCCESS);
	assert(run_with(d, 0x0501, get, 21, 64) == CXL_SUCCESS && d->data[0] == 7);
	get[20] = 1;
	assert(run_with(d, 0x0501, get, 21, 64) == CXL_SUCCESS && d->data[0] == 1);
	set[0] = 0xbb;
	assert(run_with(d, 0x0502, set, 34, 0) == CXL_UNSUPPORTED);
	get[0] = 0xaa;
	get[18] = 3;
	assert(run_with(d, 0x0501, get, 21, 64) == CXL_INPUT);
}

static void test_memory(struct test_device *d)
{
	uint8_t lsa[16] = {0}, partition[9] = {2}, dpa[8] = {0x40, 0x10}, list[16] = {[8] = 0xff};

	memcpy(lsa + 8, "labels", 6);
	assert(run_with(d, 0x4103, lsa, 16, 0) == CXL_SUCCESS);
	sl_put_le32(lsa + 4, 6);
	assert(run_with(d, 0x4102, lsa, 8, 64) == CXL_SUCCESS && !memcmp(d->data, "labels", 6));
	sl_put_le32(lsa, 4096);
	assert(run_with(d, 0x4102, lsa, 8, 64) == CXL_INPUT);
	/* The partition changes with a reset, or with the flag at once. */
	assert(run_with(d, 0x4101, partition, 9, 0) == CXL_SUCCESS);
	assert(run(d, 0x4100, 0, 64) == CXL_SUCCESS && d->data[0] == 1 && d->data[16] == 2);
	sl_model_reset(d->m);
	assert(run(d, 0x4100, 0, 64) == CXL_SUCCESS && d->data[0] == 2 && !d->data[16]);
	partition[0] = 3;
	assert(run_with(d, 0x4101, partition, 9, 0) == CXL_INPUT);
	/* Poison, listed and cleared; an event tells of it. */
	assert(run_with(d, 0x4301, dpa, 8, 0) == CXL_SUCCESS);
	list[9] = 0xff;
	assert(run_with(d, 0x4300, list, 16, 256) == CXL_SUCCESS && d->data[10] == 1);
	assert(sl_get_le64(d->data + 32) >> 6 == 0x1040 >> 6);
	dpa[0] = 1;
	assert(run_with(d, 0x4301, dpa, 8, 0) == CXL_ADDRESS);
	assert(run_with(d, 0x0100, "\0", 1, 4096) == CXL_SUCCESS && d->data[0x14] == 2);
	assert(run_with(d, 0x0101, "\0\1\0\0\0\0", 6, 0) == CXL_SUCCESS);
	assert(run_with(d, 0x0100, "\0", 1, 4096) == CXL_SUCCESS && d->data[0x14] == 0);
	/* Sanitize goes on in the background, alone. */
	assert(run(d, 0x4400, 0, 0) == CXL_BACKGROUND && run(d, 0x4400, 0, 0) == CXL_BUSY);
	assert(run(d, 0x0002, 0, 64) == CXL_SUCCESS && d->data[0] == 1 && d->data[3] == 0x44);
	sl_model_advance(d->m, 2000);
	assert(run(d, 0x0002, 0, 64) == CXL_SUCCESS && d->data[0] == 0);
	sl_put_le32(lsa, 0);
	assert(run_with(d, 0x4102, lsa, 8, 64) == CXL_SUCCESS && !d->data[0]);
}

static void test_security(struct test_device *d)
{
	uint8_t p[96] = {0};

	memset(p + 64, 'x', 32);
	assert(run_with(d, 0x4501, p, 96, 0) == CXL_SUCCESS);
	assert(run(d, 0x4500, 0, 64) == CXL_SUCCESS && d->data[0] == 1);
	assert(run_with(d, 0x4502, p, 64, 0) == CXL_PASSPHRASE);
	sl_model_power_cycle(d->m);
	assert(run(d, 0x4500, 0, 64) == CXL_SUCCESS && d->data[0] == 5);
	assert(run_with(d, 0x4503, p, 32, 0) == CXL_PASSPHRASE);
	assert(run_with(d, 0x4503, p + 64, 32, 0) == CXL_SUCCESS);
	assert(run(d, 0x4504, 0, 0) == CXL_SUCCESS &&
	       run_with(d, 0x4501, p, 96, 0) == CXL_SECURITY);
}

static void test_firmware(struct test_device *d)
{
	uint8_t image[256] = {0, 2};

	memcpy(image + 128, "F2", 2);
	assert(run_with(d, 0x0202, "\0\2", 2, 0) == CXL_FW_SLOT);
	image[1] = 1;
	assert(run_with(d, 0x0201, image, 256, 0) == CXL_FW_SLOT);
	image[1] = 2;
	assert(run_with(d, 0x0201, image, 256, 0) == CXL_SUCCESS);
	assert(run_with(d, 0x0202, "\1\2", 2, 0) == CXL_SUCCESS);
	assert(run(d, 0x4000, 0, 128) == CXL_SUCCESS && !memcmp(d->data, "F1", 2));
	sl_model_reset(d->m);
	assert(run(d, 0x4000, 0, 128) == CXL_SUCCESS && !memcmp(d->data, "F2", 2));
}

/* Everything that a tool might send: a liar does something that its declaration or the table
 * denies. */
static void provoke(struct test_device *d)
{
	uint8_t p[128] = {0};

	for (size_t i = 0; i < sl_cxl_rows_n; i++) {
		const struct sl_cxl_row *row = &sl_cxl_rows[i];

		if (!row->effects)
			for (unsigned n = 0; n < 4; n++)
				(void)run_with(d, row->opcode, p, row->in, 256);
	}
	memcpy(p + 8, "OPEN", 4);
	(void)run_with(d, 0x4103, p, 16, 0);
	memset(p, 0, sizeof(p));
	memcpy(p, "\x96\xda\xd7\xd6\xfd\xe8\x48\x2b\xa7\x33\x75\x77\x4e\x06\xdb\x8a", 16);
	(void)run_with(d, 0x0501, p, 21, 64);
	(void)run_with(d, 0x0502, p, 33, 0);
	(void)run_with(d, 0xc001, p, 4, 0);
	memset(p, 0, sizeof(p));
	(void)run_with(d, 0x4301, p, 8, 0);
	memcpy(p, "\0\0\0\0\0\xc0\xff\xee", 8);
	(void)run_with(d, 0x0301, p, 8, 0);
	memset(p, 0, sizeof(p));
	p[16] = 4;
	(void)run_with(d, 0x0401, p, 24, 256);
	p[3] = 0x10;
	(void)run_with(d, 0x4300, p, 16, 256);
}

static void test_shipped(const char *folder, const char *sub, bool want_honest, unsigned least)
{
	char path[4096];
	struct dirent *e;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", folder, sub);
	dir = opendir(path);
	assert(dir);
	while ((e = readdir(dir))) {
		struct test_device *d = calloc(1, sizeof(*d)), *plain;
		struct sl_diag diag;
		uint8_t a[32], b[32];
		unsigned rules, vendors;

		assert(d);
		snprintf(path, sizeof(path), "%s/%s/%s", folder, sub, e->d_name);
		if (!strstr(e->d_name, "cxl") || sl_persona_load(path, &d->p, &diag) < 0 ||
		    d->p->protocol != SL_WIRE_CXL) {
			(void)sl_persona_free(d->p);
			free(d);
			continue;
		}
		n++;
		assert(d->p->honest == want_honest);
		/* With its rules it ends up elsewhere than without, or its log is not the table's.
		 */
		assert(!sl_model_new(d->p, 1, &d->m));
		provoke(d);
		sl_model_hash(d->m, a);
		sl_model_free(d->m);
		rules = d->p->n_rules, vendors = d->p->n_vendor;
		d->p->n_rules = d->p->n_vendor = 0;
		d->p->cxl->n_log = 0;
		for (size_t i = 0; i < sl_cxl_rows_n; i++)
			d->p->cxl->log[d->p->cxl->n_log++] = (struct sl_cxl_entry){
				sl_cxl_rows[i].opcode, sl_cxl_rows[i].effects, 1, 1};
		plain = d;
		assert(!sl_model_new(plain->p, 1, &plain->m));
		provoke(plain);
		sl_model_hash(plain->m, b);
		if (!want_honest && !memcmp(a, b, 32)) {
			fprintf(stderr, "%s: is no liar\n", path);
			abort();
		}
		assert(want_honest || vendors || memcmp(a, b, 32) != 0);
		d->p->n_rules = rules, d->p->n_vendor = vendors;
		test_device_free(plain);
	}
	closedir(dir);
	assert(n >= least);
}

int main(int argc, char **argv)
{
	static void (*const tests[])(struct test_device *) = {
		test_logs,   test_lengths,  test_tunnel,   test_features,
		test_memory, test_security, test_firmware,
	};

	assert(argc == 2);
	for (size_t i = 0; i < SL_COUNT(tests); i++) {
		struct test_device *d = test_device_json(standard);

		tests[i](d);
		test_device_free(d);
	}
	test_shipped(argv[1], ".", true, 1);
	test_shipped(argv[1], "liars-cxl", false, 14);
	return 0;
}
