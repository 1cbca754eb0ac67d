/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the admin commands but logs and media: Identify, features, namespaces, firmware, the
 * rest. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "model/test-device.h"

#define IN   SL_DIR_IN
#define OUT  SL_DIR_OUT
#define NONE SL_DIR_NONE
#define ALL  0xffffffffu

static void identify(void)
{
	struct test_device *d = test_device_new("");
	const uint8_t *b = test_identify(d, 0, 1);

	assert(sl_get_le16(b) == 0x1234 && memcmp(b + 64, "FW1     ", 8) == 0);
	b = test_identify(d, 1, 0);
	assert(sl_get_le64(b) == 4096 && b[128 + 2] == 9);
	b = test_identify(d, 3, 0); /* allocated, not attached: zeroes */
	assert(sl_get_le64(b) == 0);
	assert(sl_get_le64(test_identify(d, 3, 0x11)) == 64);
	b = test_identify(d, 0, 2);
	assert(sl_get_le32(b) == 1 && sl_get_le32(b + 4) == 2 && sl_get_le32(b + 8) == 0);
	b = test_identify(d, 1, 2);
	assert(sl_get_le32(b) == 2 && sl_get_le32(b + 4) == 0);
	b = test_identify(d, 0, 0x10);
	assert(sl_get_le32(b + 8) == 3);
	assert(ADMIN(d, 6, 0, IN, 4096, 7, 2u << 24) == 0);
	assert(sl_get_le32(d->data) == 2 && sl_get_le32(d->data + 4) == 0);
	assert(ADMIN(d, 6, 2, IN, 4096, 5, 2u << 24) == 0);
	assert(sl_get_le32(d->data + 4) == 2 && sl_get_le64(d->data + 2816) == 64);
	assert(ADMIN(d, 6, 1, IN, 4096, 5, 2u << 24) == 0x02);
	assert(ADMIN(d, 6, 0, IN, 4096, 0x1a, 0) == 0);
	assert(sl_get_le32(d->data + 4) == 3 && sl_get_le32(d->data + 8) == 0);
	assert(ADMIN(d, 6, 2, IN, 4096, 0x1b, 2u << 24) == 0 && sl_get_le64(d->data + 2816) == 64);
	assert(ADMIN(d, 6, 3, IN, 4096, 0x1b, 2u << 24) == 0x02);
	assert(ADMIN(d, 6, 0, IN, 4096, 6, 2u << 24) == 0);
	assert(ADMIN(d, 6, 0, IN, 4096, 6, 1u << 24) == 0x02);
	assert(sl_get_le16(test_identify(d, 0, 0x19)) == 1 && d->data[2] == 1);
	assert(ADMIN(d, 6, 0, IN, 4096, 4) == 0x02 && ADMIN(d, 6, 0, IN, 4096, 0x14) == 0x02);
	assert(test_identify(d, ALL, 0)[25] == 2 && sl_get_le64(d->data) == 0);
	assert(sl_get_le16(test_identify(d, 0, 0x13)) == 1);
	assert(ADMIN(d, 6, 0, IN, 4096, 0x13 | 1u << 16) == 0 && sl_get_le16(d->data) == 0);
	assert(ADMIN(d, 6, 0xffffffff, IN, 4096, 2) == 0x0b);
	b = test_identify(d, 2, 3);
	for (; b[0] != 4; b += 4 + b[1])
		assert(b[1]);
	assert(b[4] == 2); /* CSI of the zoned namespace */
	b = test_identify(d, 1, 0x12);
	assert(sl_get_le16(b) == 1);
	assert(test_identify(d, 0, 0x1c)[0] == 5);
	assert(test_identify(d, 1, 8)[14] == 1);
	assert(ADMIN(d, 6, 0, IN, 4096, 0x55) == 0x02);
	assert(ADMIN(d, 6, 9, IN, 4096, 0) == 0x0b);
	assert(ADMIN(d, 6, 0, IN, 4096, 0) == 0x0b);
	assert(ADMIN(d, 6, 0, IN, 512, 1) == 0x0f && d->r.ret_len == 0);
	/* reserved bits, and opcodes that are not in the effects log */
	assert(ADMIN(d, 6, 0, IN, 4096, 1 | 1u << 9) == 0x02);
	assert(ADMIN(d, 0x7c, 0, NONE, 0, 0) == 0x01 && d->r.status & SL_NVME_DNR);
	assert(ADMIN(d, 0xc0, 0, NONE, 0, 0) == 0x01);
	test_device_free(d);
}

static uint32_t get_feature(struct test_device *d, uint8_t fid, unsigned sel, uint32_t nsid)
{
	assert(ADMIN(d, 0x0a, nsid, IN, 4096, fid | sel << 8) == 0);
	return (uint32_t)d->r.result;
}

static void features(void)
{
	struct test_device *d = test_device_new("");

	assert(get_feature(d, 6, 0, 0) == 1 && get_feature(d, 6, 3, 0) == 5);
	assert(ADMIN(d, 9, 0, NONE, 0, 6, 0) == 0);
	assert(get_feature(d, 6, 0, 0) == 0 && get_feature(d, 6, 1, 0) == 1 &&
	       get_feature(d, 6, 2, 0) == 1);
	sl_model_reset(d->m); /* not saved: the saved value returns */
	assert(get_feature(d, 6, 0, 0) == 1);
	assert(ADMIN(d, 9, 0, NONE, 0, 6 | 1u << 31, 0) == 0);
	sl_model_power_cycle(d->m);
	assert(get_feature(d, 6, 0, 0) == 0 && get_feature(d, 6, 2, 0) == 0);
	assert(ADMIN(d, 9, 0, NONE, 0, 4 | 1u << 31, 300) == 0x10d);
	assert(ADMIN(d, 9, 0, NONE, 0, 0xc1, 300) == 0x10e);
	assert(ADMIN(d, 9, 1, NONE, 0, 6, 0) == 0x10f);
	assert(ADMIN(d, 9, 0, NONE, 0, 0x55, 0) == 0x02);
	assert(ADMIN(d, 0x0a, 0, IN, 4096, 0x55) == 0x02);
	assert(ADMIN(d, 9, 0, NONE, 0, 7, 0) == 0x0c);
	/* temperature thresholds by sensor and by kind */
	assert(ADMIN(d, 9, 0, NONE, 0, 4, 200 | 1u << 20) == 0);
	assert(get_feature(d, 4, 0, 0) == 350);
	assert(ADMIN(d, 0x0a, 0, NONE, 0, 4, 1u << 20) == 0 && d->r.result == 200);
	/* the timestamp runs */
	test_clear(d);
	sl_put_le64(d->data, 1000000);
	assert(ADMIN(d, 9, 0, OUT, 8, 0x0e) == 0);
	sl_model_advance(d->m, 500);
	get_feature(d, 0x0e, 0, 0);
	assert(sl_get_le32(d->data) == 1000500 && d->data[6] == 2 && d->r.ret_len == 8);
	/* a host identifier stays until a reset */
	test_clear(d);
	d->data[0] = 0xaa;
	assert(ADMIN(d, 9, 0, OUT, 16, 0x81, 1) == 0);
	d->data[0] = 0xbb;
	assert(ADMIN(d, 9, 0, OUT, 16, 0x81, 1) == 0x0c);
	sl_model_reset(d->m);
	test_clear(d);
	d->data[0] = 0xbb;
	assert(ADMIN(d, 9, 0, OUT, 16, 0x81, 1) == 0);
	assert(ADMIN(d, 9, 0, OUT, 4, 0x81, 1) == 0x0f);
	assert(ADMIN(d, 9, 0, NONE, 0, 2, 1) == 0x02); /* there is one power state */
	assert(ADMIN(d, 9, 0, NONE, 0, 2 | 1u << 31, 0) == 0);
	assert(ADMIN(d, 9, 0, NONE, 0, 4, 2u << 20) == 0x02);
	assert(ADMIN(d, 0x0a, 0, NONE, 0, 6 | 5 << 8) == 0x02);
	test_clear(d);
	d->data[1] = 2;
	assert(ADMIN(d, 9, 0, OUT, 512, 0x16) == 0x02);
	/* all namespaces at once */
	assert(ADMIN(d, 9, ALL, NONE, 0, 0x84, 1) == 0);
	assert(get_feature(d, 0x84, 0, 1) == 1 && get_feature(d, 0x84, 0, 2) == 1);
	test_device_free(d);
}

static void write_protect(void)
{
	struct test_device *d = test_device_new("");

	assert(ADMIN(d, 9, 1, NONE, 0, 0x84, 1) == 0);
	assert(test_identify(d, 1, 0)[99] == 1 && get_feature(d, 0x84, 0, 1) == 1);
	assert(IO(d, 1, 1, OUT, 512, 0, 0, 0) == 0x20);
	assert(IO(d, 9, 1, OUT, 16, 0, 4) == 0x20);
	assert(ADMIN(d, 0x80, 1, NONE, 0, 0) == 0x20);
	assert(IO(d, 2, 1, IN, 512, 0, 0, 0) == 0);
	assert(ADMIN(d, 9, 1, NONE, 0, 0x84, 0) == 0);
	assert(IO(d, 1, 1, OUT, 512, 0, 0, 0) == 0);
	assert(ADMIN(d, 9, 1, NONE, 0, 0x84, 2) == 0);
	assert(ADMIN(d, 9, 1, NONE, 0, 0x84, 0) == 0x10e);
	sl_model_reset(d->m);
	assert(get_feature(d, 0x84, 0, 1) == 2);
	sl_model_power_cycle(d->m);
	assert(get_feature(d, 0x84, 0, 1) == 0);
	assert(ADMIN(d, 9, 1, NONE, 0, 0x84, 3) == 0);
	sl_model_power_cycle(d->m);
	assert(get_feature(d, 0x84, 0, 1) == 3);
	assert(ADMIN(d, 9, 3, NONE, 0, 0x84, 1) == 0x02); /* not attached */
	test_device_free(d);
}

static void namespaces(void)
{
	struct test_device *d = test_device_new("");
	uint64_t left = sl_get_le64(test_identify(d, 0, 1) + 296);

	test_clear(d);
	sl_put_le64(d->data, 1024);
	sl_put_le64(d->data + 8, 1024);
	assert(ADMIN(d, 0x0d, 0, OUT, 4096, 0) == 0 && d->r.result == 4);
	assert(sl_get_le64(test_identify(d, 0, 1) + 296) == left - 1024 * 512);
	assert(sl_get_le64(test_identify(d, 4, 0)) == 0);
	assert(sl_get_le64(test_identify(d, 4, 0x11)) == 1024);
	assert(IO(d, 2, 4, IN, 512, 0, 0, 0) == 0x02); /* a valid NSID, not active */
	test_clear(d);
	sl_put_le16(d->data, 1);
	assert(ADMIN(d, 0x15, 4, OUT, 4096, 0) == 0);
	assert(ADMIN(d, 0x15, 4, OUT, 4096, 0) == 0x118);
	assert(sl_get_le32(test_log(d, 4, true, 4096, 0)) == 4);
	assert(sl_get_le32(test_log(d, 4, false, 4096, 0)) == 4);
	assert(sl_get_le32(test_log(d, 4, false, 4096, 0)) == 0);
	memset(d->data, 0xab, 512);
	assert(IO(d, 1, 4, OUT, 512, 0, 0, 0) == 0);
	test_clear(d);
	sl_put_le16(d->data, 1);
	sl_put_le16(d->data + 2, 9);
	assert(ADMIN(d, 0x15, 4, OUT, 4096, 1) == 0x11c);
	sl_put_le16(d->data + 2, 0);
	assert(ADMIN(d, 0x15, 4, OUT, 4096, 1) == 0);
	assert(ADMIN(d, 0x15, 4, OUT, 4096, 1) == 0x11a);
	/* too large, thin, of a format that is not there */
	test_clear(d);
	sl_put_le64(d->data, 1 << 20);
	sl_put_le64(d->data + 8, 1 << 20);
	assert(ADMIN(d, 0x0d, 0, OUT, 4096, 0) == 0x115);
	sl_put_le64(d->data + 8, 1);
	assert(ADMIN(d, 0x0d, 0, OUT, 4096, 0) == 0x11b);
	sl_put_le64(d->data, 8);
	sl_put_le64(d->data + 8, 8);
	d->data[26] = 7;
	assert(ADMIN(d, 0x0d, 0, OUT, 4096, 0) == 0x10a);
	assert(ADMIN(d, 0x0d, 0, OUT, 4096, 0, 1u << 24) == 0x129);
	assert(ADMIN(d, 0x0d, 4, NONE, 0, 1) == 0);
	assert(sl_get_le64(test_identify(d, 0, 1) + 296) == left);
	assert(ADMIN(d, 0x0d, 4, NONE, 0, 1) == 0x02);
	assert(ADMIN(d, 0x0d, ALL, NONE, 0, 1) == 0);
	assert(sl_get_le32(test_identify(d, 0, 0x10)) == 0);
	test_device_free(d);
}

static void firmware(void)
{
	struct test_device *d = test_device_new("");

	test_clear(d);
	memcpy(d->data, "FW2.0000body", 12);
	assert(ADMIN(d, 0x10, 0, NONE, 0, 2 | 1 << 3) == 0x107); /* nothing was downloaded */
	assert(ADMIN(d, 0x11, 0, OUT, 4096, 1023, 0) == 0);
	assert(ADMIN(d, 0x11, 0, OUT, 4096, 1023, 512) == 0x114);
	assert(ADMIN(d, 0x11, 0, OUT, 4096, 1023, 1024) == 0);
	assert(ADMIN(d, 0x10, 0, NONE, 0, 1 | 1 << 3) == 0x106); /* read only */
	assert(ADMIN(d, 0x10, 0, NONE, 0, 4 | 1 << 3) == 0x106);
	assert(ADMIN(d, 0x10, 0, NONE, 0, 2 | 1 << 3) == 0);
	assert(memcmp(test_log(d, 3, true, 512, 0), "\x21", 1) == 0);
	assert(memcmp(d->data + 16, "FW2.0000", 8) == 0);
	assert(memcmp(test_identify(d, 0, 1) + 64, "FW1     ", 8) == 0);
	assert(ADMIN(d, 0x84, 0, NONE, 0, 2) == 0x111); /* an activation is pending */
	sl_model_reset(d->m);
	assert(memcmp(test_identify(d, 0, 1) + 64, "FW2.0000", 8) == 0);
	assert(test_log(d, 3, true, 512, 0)[0] == 2);
	assert(ADMIN(d, 0x10, 0, NONE, 0, 3 | 2 << 3) == 0x107); /* an empty slot */
	assert(ADMIN(d, 0x10, 0, NONE, 0, 1 | 3 << 3) == 0);	 /* back, at once */
	assert(memcmp(test_identify(d, 0, 1) + 64, "FW1     ", 8) == 0);
	assert(ADMIN(d, 0x10, 0, NONE, 0, 2 | 6 << 3) == 0x02); /* boot partition */
	/* an image with a hole in it */
	assert(ADMIN(d, 0x11, 0, OUT, 4096, 1023, 0) == 0);
	assert(ADMIN(d, 0x11, 0, OUT, 4096, 1023, 4096) == 0);
	assert(ADMIN(d, 0x10, 0, NONE, 0, 2) == 0x107);
	test_device_free(d);
}

static void lockdown(void)
{
	struct test_device *d = test_device_new("");

	assert(ADMIN(d, 0x24, 0, NONE, 0, 0 | 1 << 4 | 0x80 << 8) == 0);
	assert(ADMIN(d, 0x80, 1, NONE, 0, 0) == 0x23);
	assert(ADMIN(d, 0x24, 0, NONE, 0, 2 | 1 << 4 | 6 << 8) == 0);
	assert(ADMIN(d, 9, 0, NONE, 0, 6, 0) == 0x23);
	assert(ADMIN(d, 0x0a, 0, NONE, 0, 6) == 0 && d->r.result == 1);
	assert(ADMIN(d, 2, 0, IN, 512, 0x14 | 0x10 << 8 | 127 << 16) == 0);
	assert(d->data[0] == 0x10 && d->data[3] == 1 && d->data[4] == 0x80);
	assert(ADMIN(d, 0x24, 0, NONE, 0, 0 | 1 << 4 | 0x24 << 8) == 0x128);
	assert(ADMIN(d, 0x24, 0, NONE, 0, 0 | 0x80 << 8) == 0);
	assert(ADMIN(d, 0x80, 1, NONE, 0, 0) == 0xffff); /* takes its time */
	sl_model_advance(d->m, 60);
	assert(d->r.status == 0);
	sl_model_power_cycle(d->m);
	assert(ADMIN(d, 9, 0, NONE, 0, 6, 0) == 0);
	test_device_free(d);
}

static void security(void)
{
	struct test_device *d = test_device_new("");
	uint64_t n;

	assert(ADMIN(d, 0x82, 0, IN, 512, 0, 512) == 0);
	assert(d->data[7] == 3 && d->data[9] == 1 && d->r.ret_len == 512);
	assert(ADMIN(d, 0x82, 0, IN, 512, 1u << 24 | 1 << 8, 512) == 0);
	assert(d->data[48] == 0 && d->data[49] == 1 && d->data[3] == 44 + 52);
	assert(ADMIN(d, 0x82, 0, IN, 512, 0xefu << 24, 512) == 0x02);
	assert(ADMIN(d, 0x81, 0, OUT, 64, 1u << 24 | 0x7fe << 8, 64) == 0);
	assert(sl_model_get(d->m, "security.sends", &n) == 0 && n == 1);
	assert(ADMIN(d, 0x81, 0, OUT, 32, 1u << 24, 64) == 0x0f);
	assert(ADMIN(d, 0x81, 0, OUT, 32, 0xefu << 24, 32) == 0x02);
	/* directives */
	assert(ADMIN(d, 0x1a, 0, IN, 4096, 1023, 1) == 0 && d->data[0] == 3 && d->data[32] == 1);
	assert(ADMIN(d, 0x19, 0, NONE, 0, 0, 1, 1 | 1 << 8) == 0);
	assert(ADMIN(d, 0x1a, 0, IN, 4096, 1023, 1) == 0 && d->data[32] == 3);
	assert(ADMIN(d, 0x1a, 0, NONE, 0, 0, 3 | 1 << 8, 4) == 0 && d->r.result == 4);
	assert(ADMIN(d, 0x1a, 0, IN, 32, 7, 1 | 1 << 8) == 0 && sl_get_le16(d->data + 22) == 4);
	assert(ADMIN(d, 0x19, 0, NONE, 0, 0, 2 | 1 << 8) == 0);
	assert(ADMIN(d, 0x1a, 0, IN, 32, 7, 1 | 1 << 8) == 0 && sl_get_le16(d->data + 22) == 0);
	assert(ADMIN(d, 0x1a, 0, IN, 32, 7, 9 | 1 << 8) == 0x02);
	assert(ADMIN(d, 0x82, 0, IN, 512, 1u << 24 | 0x7fe << 8, 512) == 0 && d->data[4] == 7);
	assert(ADMIN(d, 0x19, 0, NONE, 0, 0, 9 | 1 << 8) == 0x02);
	test_device_free(d);
}

static void abort_and_events(void)
{
	struct test_device *d = test_device_new("");
	struct sl_model_req *a = test_async(d, SL_WIRE_NVME_ADMIN, 0x0c, 0);
	struct sl_model_req *b = test_async(d, SL_WIRE_NVME_ADMIN, 0x0c, 0);

	a->sqe[2] = 5;
	b->sqe[2] = 6;
	sl_model_submit(d->m, a);
	sl_model_submit(d->m, b);
	assert(d->done == 0);
	assert(ADMIN(d, 0x0c, 0, NONE, 0, 0) == 0x105);
	assert(ADMIN(d, 0x08, 0, NONE, 0, 9 << 16) == 0 && d->r.result == 1);
	assert(ADMIN(d, 0x08, 0, NONE, 0, 6 << 16) == 0 && d->r.result == 0);
	assert((b->status & 0x7ff) == 7);
	/* too hot: an event, once, until its log is read */
	assert(sl_model_set(d->m, "smart.temperature", 360) == 0);
	sl_model_advance(d->m, 1);
	assert(a->status == 0 && a->result == (1 | 1 << 8 | 2 << 16));
	sl_model_submit(d->m, b);
	assert(sl_model_set(d->m, "smart.critical_warning", 3) == 0);
	sl_model_advance(d->m, 2);
	b->result = 0;
	assert(d->done == 5 && (test_log(d, 2, true, 512, 0)[0] & 2));
	assert(b->result == 0); /* masked: RAE was set */
	test_log(d, 2, false, 512, 0);
	assert(b->result == (1 | 1 << 8 | 2 << 16) || b->result == (1 | 2 << 8 | 2 << 16));
	/* a capture that the controller made */
	sl_model_submit(d->m, a);
	assert(sl_model_set(d->m, "telemetry.ctrl.available", 1) == 0);
	sl_model_advance(d->m, 3);
	assert(a->result == (2 | 2 << 8 | 8 << 16));
	free(a);
	free(b);
	test_device_free(d);
}

/* A device whose driver made queues 1 and 2. */
static void queues(void)
{
	struct test_device *d = test_device_json(
		"{\"format\": 1, \"identify_controller\": {\"vid\": 1, \"sn\": \"S\", \"mn\": "
		"\"M\","
		" \"fr\": \"F\", \"cntlid\": 5}, \"effects_log\": {\"admin\": {\"0x00\": 1, "
		"\"0x01\": 1,"
		" \"0x04\": 1, \"0x05\": 1, \"0x1c\": 1, \"0x7c\": 1}, \"nvm\": {\"0x02\": 1}},"
		" \"features\": {\"0x07\": {\"default\": \"0x10001\"}},"
		" \"namespaces\": [{\"nsid\": 1, \"size\": 64, \"lbaf\": [{\"ds\": 9}]}]}");
	uint8_t hash[32];

	sl_model_hash(d->m, hash);
	assert(ADMIN(d, 1, 0, NONE, 0, 1 | 9 << 16, 1 << 16) == 0x101);
	assert(ADMIN(d, 1, 0, NONE, 0, 3 | 9 << 16, 1 << 16) == 0x101);
	assert(ADMIN(d, 4, 0, NONE, 0, 1) == 0x10c); /* its submission queue is there */
	assert(ADMIN(d, 0, 0, NONE, 0, 1) == 0 && ADMIN(d, 0, 0, NONE, 0, 1) == 0x101);
	assert(!test_unchanged(d, hash));
	assert(ADMIN(d, 4, 0, NONE, 0, 1) == 0 && ADMIN(d, 4, 0, NONE, 0, 1) == 0x101);
	assert(IO(d, 2, 1, IN, 512, 0, 0, 0) == 0); /* by the other queue */
	assert(ADMIN(d, 0, 0, NONE, 0, 2) == 0);
	IO(d, 2, 1, IN, 512, 0, 0, 0);
	assert(d->failed);
	assert(ADMIN(d, 5, 0, NONE, 0, 1) == 0x102 && ADMIN(d, 5, 0, NONE, 0, 1 | 9 << 16) == 0);
	assert(ADMIN(d, 1, 0, NONE, 0, 1 | 9 << 16, 3 << 16) == 0x100);
	assert(ADMIN(d, 1, 0, NONE, 0, 1 | 9 << 16, 1 << 16) == 0);
	assert(IO(d, 2, 1, IN, 512, 0, 0, 0) == 0 && !d->failed);
	assert(ADMIN(d, 0x7c, 0, NONE, 0, 0) == 0 && !test_unchanged(d, hash));
	assert(ADMIN(d, 0x1c, 0, NONE, 0, 1 | 5 << 16, 1) == 0x121);
	assert(ADMIN(d, 0x1c, 0, NONE, 0, 1 | 5 << 16) == 0);
	assert(ADMIN(d, 0x1c, 0, NONE, 0, 9 | 6 << 16) == 0x11f);
	assert(ADMIN(d, 0x1c, 0, NONE, 0, 2) == 0x02);
	sl_model_hash(d->m, hash);
	sl_model_reset(d->m); /* the driver makes them again */
	assert(!test_unchanged(d, hash));
	assert(ADMIN(d, 1, 0, NONE, 0, 2 | 9 << 16, 1 << 16) == 0x101);
	test_device_free(d);
}

int main(void)
{
	queues();
	identify();
	features();
	write_protect();
	namespaces();
	firmware();
	lockdown();
	security();
	abort_and_events();
	return 0;
}
