/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of Get Log Page: what each log tells, and what reading it with RAE clear takes away. */
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

static void pieces(void)
{
	struct test_device *d = test_device_new("");
	uint8_t whole[512];

	memcpy(whole, test_log(d, 2, true, 512, 0), 512);
	assert(sl_get_le16(whole + 1) == 310);
	assert(memcmp(test_log(d, 2, true, 64, 128), whole + 128, 64) == 0);
	/* behind the end: zeroes; past it: refused */
	assert(memcmp(test_log(d, 2, true, 8, 508), whole + 508, 4) == 0);
	assert(sl_get_le32(d->data + 4) == 0);
	assert(ADMIN(d, 2, ALL, IN, 8, 2 | 1 << 16, 0, 516) == 0x02);
	assert(ADMIN(d, 2, ALL, IN, 8, 2 | 1 << 16, 0, 2) == 0x02);
	assert(ADMIN(d, 2, ALL, IN, 8, 2 | 9 << 16) == 0x0f);
	assert(ADMIN(d, 2, ALL, IN, 8, 0x77 | 1 << 16) == 0x109);
	assert(ADMIN(d, 2, ALL, IN, 8, 2 | 1 << 16, 0, 0, 0, 1u << 23) == 0x02);
	assert(ADMIN(d, 2, 9, IN, 512, 2 | 127 << 16) == 0x0b);
	assert(memcmp(test_log(d, 202, true, 8, 0), "\1\2\3\4\5\6\7\10", 8) == 0);
	test_device_free(d);
}

static void declarations(void)
{
	struct test_device *d = test_device_new("");
	const uint8_t *b = test_log(d, 0, true, 1024, 0);

	assert(b[4 * 2] == 1 && b[4 * 202] == 1 && b[4 * 203] == 0);
	b = test_log(d, 5, true, 4096, 0);
	assert(sl_get_le32(b + 4 * 9) == 0x11 && sl_get_le32(b + 1024 + 4) == 3);
	assert(sl_get_le32(b + 1024 + 4 * 0x79) == 0);
	assert(ADMIN(d, 2, 0, IN, 4096, 5 | 1023u << 16, 0, 0, 0, 2u << 24) == 0);
	assert(sl_get_le32(d->data + 1024 + 4 * 0x79) == 3);
	assert(ADMIN(d, 2, 0, IN, 4096, 5 | 1023u << 16, 0, 0, 0, 1u << 24) == 0x02);
	b = test_log(d, 0x12, true, 1024, 0);
	assert(b[4 * 6] == 1 && b[4 * 6 + 2] == 0x20 && b[4 * 0x84 + 2] == 0x10 &&
	       b[4 * 0x55] == 0);
	test_device_free(d);
}

static void quirks(void)
{
	struct test_device *d =
		test_device_new(", \"quirks\": {\"effects_log_bytes\": 100, \"ignores_rae\": true,"
				" \"supported_logs_missing\": true, \"implements_unlisted\": true,"
				" \"effects_log_ignores_csi\": true, \"reserved_ignored\": true}");

	assert(ADMIN(d, 2, 0, IN, 4096, 5 | 1023u << 16) == 0 && d->r.ret_len == 100);
	assert(ADMIN(d, 2, 0, IN, 4096, 5 | 1023u << 16, 0, 0, 0, 1u << 24) == 0);
	assert(ADMIN(d, 2, 0, IN, 1024, 0 | 255 << 16) == 0x109);
	assert(IO(d, 1, 2, OUT, 512, 0, 0, 0) == 0); /* not listed for ZNS? it is */
	assert(IO(d, 8, 2, NONE, 0, 1, 0, 0) == 0);  /* Write Zeroes is not */
	assert(ADMIN(d, 6, 0, IN, 4096, 1 | 1u << 9) == 0);
	assert(sl_model_ns_attach(d->m, 3, true) == 0);
	assert(sl_get_le32(test_log(d, 4, true, 4096, 0)) == 3);
	assert(sl_get_le32(test_log(d, 4, true, 4096, 0)) == 0); /* RAE did not help */
	test_device_free(d);
	d = test_device_new(", \"quirks\": {\"effects_log_missing\": true}");
	assert(ADMIN(d, 2, 0, IN, 4096, 5 | 1023u << 16) == 0x109);
	test_device_free(d);
}

static void errors(void)
{
	struct test_device *d = test_device_new(", \"error_log\": {\"entries\": 2, \"total\": 40}");
	const uint8_t *b = test_log(d, 1, true, 512, 0);

	assert(sl_get_le64(b) == 40 && sl_get_le64(b + 64) == 39 && sl_get_le64(b + 128) == 0);
	assert(IO(d, 2, 1, IN, 512, 4096, 0, 0) == 0x80);
	b = test_log(d, 1, true, 512, 0);
	assert(sl_get_le64(b) == 41 && sl_get_le64(b + 64) == 40);
	assert(sl_get_le16(b + 8) == 1 && sl_get_le16(b + 10) == 0x77);
	assert(sl_get_le16(b + 12) == (0x4080 << 1) && sl_get_le64(b + 16) == 4096);
	assert(sl_get_le32(b + 24) == 1);
	assert(sl_get_le64(test_log(d, 2, true, 512, 0) + 176) == 41);
	assert(ADMIN(d, 6, 0, IN, 4096, 0x55) == 0x02);
	b = test_log(d, 1, true, 512, 0);
	assert(sl_get_le16(b + 14) == 40); /* the CNS byte */
	for (unsigned i = 0; i < 20; i++)  /* the ring keeps the newest eight */
		assert(ADMIN(d, 6, 0, IN, 4096, 0x55) == 0x02);
	b = test_log(d, 1, true, 512, 0);
	for (unsigned i = 0; i < 8; i++)
		assert(sl_get_le64(b + 64 * i) == 62 - i);
	test_device_free(d);
}

static void smart(void)
{
	struct test_device *d =
		test_device_new(", \"drift\": [{\"state\": \"smart.power_on_hours\","
				" \"every_ms\": 3600000, \"step\": 1}]");
	const uint8_t *b;

	for (unsigned i = 0; i < 10; i++) {
		assert(IO(d, 1, 1, OUT, 128 << 9, 0, 0, 127) == 0);
		assert(IO(d, 2, 1, IN, 64 << 9, 0, 0, 63) == 0);
	}
	b = test_log(d, 2, true, 512, 0);
	assert(sl_get_le64(b + 48) == 1 && sl_get_le64(b + 32) == 0); /* 1280, 640 units of 512 */
	assert(sl_get_le64(b + 80) == 10 && sl_get_le64(b + 64) == 10);
	sl_model_power_cycle(d->m);
	b = test_log(d, 2, true, 512, 0);
	assert(sl_get_le64(b + 112) == 1 && sl_get_le64(b + 144) == 1);
	sl_model_advance(d->m, 2 * 3600 * 1000 + 5); /* hours are the persona's drift, once */
	assert(sl_get_le64(test_log(d, 2, true, 512, 0) + 128) == 2);
	/* the endurance group counts the same */
	assert(ADMIN(d, 2, 0, IN, 512, 9 | 127 << 16, 1 << 16) == 0);
	assert(sl_get_le64(d->data + 64) == 1 && sl_get_le64(d->data + 112) == 10);
	assert(ADMIN(d, 2, 0, IN, 512, 9 | 127 << 16, 2 << 16) == 0x02);
	test_device_free(d);
}

static void telemetry(void)
{
	struct test_device *d = test_device_new("");
	uint8_t hash[32], first[64];

	assert(test_log(d, 7, true, 512, 0)[12] == 0);
	sl_model_hash(d->m, hash);
	test_log(d, 7, true, 512, 0);
	assert(test_unchanged(d, hash)); /* reading makes nothing */
	assert(ADMIN(d, 2, 0, IN, 1024, 7 | 1 << 8 | 255 << 16) == 0);
	assert(!test_unchanged(d, hash));
	assert(d->data[0] == 7 && d->data[381] == 1 && sl_get_le16(d->data + 12) == 8);
	memcpy(first, d->data + 512, sizeof(first));
	assert(memcmp(test_log(d, 7, true, 64, 512), first, 64) == 0);
	assert(ADMIN(d, 2, 0, IN, 1024, 7 | 1 << 8 | 255 << 16) == 0);
	assert(d->data[381] == 2 && memcmp(d->data + 512, first, 64) != 0);
	/* what the controller captured waits until it is read with RAE clear */
	assert(sl_model_set(d->m, "telemetry.ctrl.available", 1) == 0);
	assert(test_log(d, 8, true, 512, 0)[382] == 1);
	assert(test_log(d, 8, false, 512, 0)[382] == 1);
	assert(test_log(d, 8, true, 512, 0)[382] == 0);
	/* a context of the persistent event log */
	assert(ADMIN(d, 2, 0, IN, 512, 13 | 127 << 16) == 0x0c);
	assert(ADMIN(d, 2, 0, IN, 512, 13 | 1 << 8 | 127 << 16) == 0 && d->data[0] == 13);
	assert(ADMIN(d, 2, 0, IN, 512, 13 | 1 << 8 | 127 << 16) == 0x0c);
	assert(ADMIN(d, 2, 0, IN, 512, 13 | 127 << 16) == 0);
	assert(ADMIN(d, 2, 0, IN, 512, 13 | 2 << 8 | 127 << 16) == 0);
	assert(ADMIN(d, 2, 0, IN, 512, 13 | 127 << 16) == 0x0c);
	test_device_free(d);
}

/* Everything that a monitor reads leaves the state as it is, when it sets RAE. */
static void harmless(void)
{
	static const uint8_t lids[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 18, 19, 20, 128, 129, 202};
	struct test_device *d = test_device_new("");
	uint8_t hash[32];

	assert(sl_model_ns_attach(d->m, 3, true) == 0);
	assert(sl_model_set(d->m, "smart.temperature", 360) == 0);
	sl_model_hash(d->m, hash);
	for (size_t i = 0; i < sizeof(lids); i++) {
		test_log(d, lids[i], true, 512, 0);
		assert(test_unchanged(d, hash));
	}
	for (unsigned cns = 0; cns < 4; cns++) {
		test_identify(d, cns == 1 || cns == 2 ? 0 : 1, (uint8_t)cns);
		assert(test_unchanged(d, hash));
	}
	for (unsigned sel = 0; sel < 4; sel++)
		for (unsigned fid = 0x81; fid < 0x85; fid++) {
			assert(ADMIN(d, 0x0a, 1, IN, 4096, fid | sel << 8) == 0);
			assert(test_unchanged(d, hash));
		}
	assert(IO(d, 2, 1, IN, 512, 0, 0, 0) == 0 && test_unchanged(d, hash));
	assert(IO(d, 5, 1, OUT, 512, 0, 0, 0) == 0x285 || d->r.status == 0);
	test_device_free(d);
}

int main(void)
{
	pieces();
	declarations();
	quirks();
	errors();
	smart();
	telemetry();
	harmless();
	return 0;
}
