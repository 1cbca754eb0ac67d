/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of format, sanitize and self-test, over time and resets. */
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

static void put(struct test_device *d, uint32_t nsid, uint8_t byte)
{
	test_clear(d);
	memset(d->data, byte, 512);
	assert(IO(d, 1, nsid, OUT, 512, 0, 0, 0) == 0);
}

static uint8_t first(struct test_device *d, uint32_t nsid)
{
	assert(IO(d, 2, nsid, IN, 512, 0, 0, 0) == 0);
	return d->data[0];
}

static void format(void)
{
	struct test_device *d = test_device_new("");

	put(d, 1, 0xaa);
	put(d, 2, 0xbb);
	assert(ADMIN(d, 0x80, 1, NONE, 0, 9) == 0x10a);
	assert(ADMIN(d, 0x80, 1, NONE, 0, 1 << 5) == 0x10a); /* PI without metadata */
	assert(ADMIN(d, 0x80, 1, NONE, 0, 7 << 9) == 0x02);
	assert(ADMIN(d, 0x80, 7, NONE, 0, 0) == 0x02 && ADMIN(d, 0x80, 99, NONE, 0, 0) == 0x0b);
	assert(first(d, 1) == 0xaa);
	/* 4096-byte blocks: as many bytes in an eighth of the blocks; it takes 50 ms */
	assert(ADMIN(d, 0x80, 1, NONE, 0, 2 | 1 << 9) == 0xffff);
	sl_model_advance(d->m, 49);
	assert(d->r.due_ms == 50);
	sl_model_advance(d->m, 50);
	assert(d->r.status == 0);
	assert(sl_get_le64(test_identify(d, 1, 0)) == 512 && (d->data[26] & 15) == 2);
	assert(IO(d, 2, 1, IN, 512, 0, 0, 0) == 0x0f);
	assert(IO(d, 2, 1, IN, 4096, 0, 0, 0) == 0 && d->data[0] == 0);
	assert(sl_get_le32(test_log(d, 4, false, 4096, 0)) == 1);
	assert(first(d, 2) == 0xbb); /* another namespace was not touched */
	assert(ADMIN(d, 0x80, ALL, NONE, 0, 0) == 0xffff);
	sl_model_advance(d->m, 200);
	assert(sl_get_le64(test_identify(d, 1, 0)) == 4096);
	assert(first(d, 2) == 0);
	assert(IO(d, 1, 2, OUT, 512, 0, 0, 0) == 0); /* its zones are empty again */
	test_device_free(d);
}

static void format_busy(void)
{
	struct test_device *d = test_device_new("");
	struct sl_model_req *r = test_async(d, SL_WIRE_NVME_ADMIN, 0x80, 0);

	sl_put_le32(r->sqe + 4, 1);
	sl_model_submit(d->m, r);
	assert(d->done == 0);
	assert(IO(d, 2, 1, IN, 512, 0, 0, 0) == 0x84 && !(d->r.status & SL_NVME_DNR));
	assert(first(d, 2) == 0);
	sl_model_advance(d->m, 50);
	assert(d->done == 3 && r->status == 0);
	assert(first(d, 1) == 0);
	free(r);
	test_device_free(d);
}

static void sanitize(void)
{
	struct test_device *d = test_device_new("");
	const uint8_t *b;

	put(d, 1, 0xaa);
	assert(ADMIN(d, 0x84, 0, NONE, 0, 7) == 0x02);
	assert(ADMIN(d, 0x84, 0, NONE, 0, 1) == 0); /* nothing failed: nothing to leave */
	assert(sl_get_le16(test_log(d, 0x81, true, 512, 0)) == 0xffff);
	assert(ADMIN(d, 0x84, 0, NONE, 0, 3 | 1 << 4, 0x11223344) == 0);
	b = test_log(d, 0x81, true, 512, 0);
	assert(sl_get_le16(b) == 0 && (b[2] & 7) == 2 && sl_get_le32(b + 4) == (3 | 1 << 4));
	sl_model_advance(d->m, 500);
	b = test_log(d, 0x81, true, 512, 0);
	assert(sl_get_le16(b) == 65535 / 2);
	assert(IO(d, 2, 1, IN, 512, 0, 0, 0) == 0x1d);
	assert(ADMIN(d, 0x80, 1, NONE, 0, 0) == 0x1d && ADMIN(d, 0x84, 0, NONE, 0, 2) == 0x1d);
	test_identify(d, 0, 1);
	sl_model_power_cycle(d->m); /* does not help */
	assert(IO(d, 2, 1, IN, 512, 0, 0, 0) == 0x1d);
	sl_model_advance(d->m, 1000);
	b = test_log(d, 0x81, true, 512, 0);
	assert(sl_get_le16(b) == 0xffff && (b[2] & 7) == 1 && b[3] == 1);
	assert(first(d, 1) == 0x44);
	put(d, 1, 1);
	assert(test_log(d, 0x81, true, 512, 0)[3] == 0); /* no longer globally erased */
	test_device_free(d);
}

static void sanitize_fails(void)
{
	struct test_device *d = test_device_new("");

	assert(sl_model_sanitize(d->m, 2, true) == 0);
	assert(sl_model_sanitize(d->m, 2, true) == -16);
	sl_model_advance(d->m, 1000);
	assert((test_log(d, 0x81, true, 512, 0)[2] & 7) == 3);
	assert(IO(d, 2, 1, IN, 512, 0, 0, 0) == 0x1c);
	assert(ADMIN(d, 0x84, 0, NONE, 0, 1) == 0x1c); /* restricted: no exit */
	assert(ADMIN(d, 0x84, 0, NONE, 0, 4 | 1 << 3) == 0);
	sl_model_advance(d->m, 2000);
	assert(first(d, 1) == 0);
	test_device_free(d);
}

static void self_test(void)
{
	struct test_device *d = test_device_new("");
	const uint8_t *b;

	assert(ADMIN(d, 0x14, ALL, NONE, 0, 1) == 0);
	assert(ADMIN(d, 0x14, ALL, NONE, 0, 2) == 0x11d);
	sl_model_advance(d->m, 100);
	b = test_log(d, 6, true, 564, 0);
	assert(b[0] == 1 && b[1] == 25);
	sl_model_advance(d->m, 400);
	b = test_log(d, 6, true, 564, 0);
	assert(b[0] == 0 && b[4] == 0x10 && sl_get_le32(b + 16) == ALL);
	assert(ADMIN(d, 0x14, 1, NONE, 0, 2) == 0);
	assert(ADMIN(d, 0x14, 1, NONE, 0, 15) == 0);
	b = test_log(d, 6, true, 564, 0);
	assert(b[4] == 0x21 && b[32] == 0x10);
	assert(ADMIN(d, 0x14, 0, NONE, 0, 1) == 0);
	sl_model_reset(d->m);
	assert(test_log(d, 6, true, 564, 0)[4] == 0x12);
	assert(ADMIN(d, 0x14, 0, NONE, 0, 5) == 0x02 && ADMIN(d, 0x14, 7, NONE, 0, 1) == 0x02);
	test_device_free(d);
}

int main(void)
{
	format();
	format_busy();
	sanitize();
	sanitize_fails();
	self_test();
	return 0;
}
